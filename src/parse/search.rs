//! Where in an answer a rule finds its value.
//!
//! Every kind of place has its own way to be found, but all share two principles: the last announcement counts, and
//! one that may be a quotation of a judged text does not.

use std::ops::Range;

use super::{
    AnswerLine, Kind, Place,
    announced::{self, Announcement, Candidate},
    bare::bare,
    found::{Demands, FoundValue, contradicted, unmarked},
    json,
    number::plain_number,
    quoted::ReadValue,
    rule::NUMBER,
    several::Several,
};
use crate::{
    error::{Error, ErrorKind, Result},
    text::{Folded, JudgedTexts, fold},
};

/// A rule's [`Place`], made ready to be looked for.
#[derive(Clone, Debug)]
pub(super) enum Finder {
    /// The words of an announcement.
    Announced(Announcement),
    /// A regular expression with a group `verdict`.
    Regex(regex::Regex),
    /// A JSON pointer into the last object.
    Json(String),
    /// The name of a `choose`: nothing is looked for in the text.
    Choose(String),
    /// The item's mark.
    Mark,
    /// Several numbers alone on a line.
    Numbers(usize, AnswerLine),
    /// Several numbers, each after its own announcement.
    Several(Several),
    /// The names of weighed texts, and β: nothing is looked for in the text.
    Logprobs { names: Vec<String>, beta: f64, threshold: f64 },
    /// The same, with the number of the answer in the announcement.
    Numbered(String),
}

/// How many bytes at the end of a text are searched: an announcement further ahead is not a conclusion, and the time
/// to read an answer stays bounded.
const WINDOW: usize = 64 << 10;

/// The same for regular expressions of prompt files, which are matched many times.
const REGEX_WINDOW: usize = 16 << 10;

/// Compiles what a rule looks for.
///
/// # Errors
/// A regular expression or an announcement does not compile ([`ErrorKind::Prompt`]).
pub(super) fn finder(place: &Place) -> Result<Finder> {
    Ok(match place {
        Place::Announced(pattern) => Finder::Announced(Announcement::new(pattern)?),
        Place::Regex(pattern) => {
            let built = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            Finder::Regex(built.map_err(|cause| {
                Error::new(ErrorKind::Prompt, "the regex under `verdict` does not compile")
                    .because(cause)
            })?)
        }
        Place::Json(pointer) => Finder::Json(pointer.clone()),
        Place::Choose(name) => Finder::Choose(name.clone()),
        Place::Mark => Finder::Mark,
        Place::Numbers { count, line } => Finder::Numbers(*count, *line),
        Place::Several(patterns) => Finder::Several(Several::new(patterns)?),
        Place::Logprobs { names, beta, threshold } => {
            Finder::Logprobs { names: names.clone(), beta: *beta, threshold: *threshold }
        }
        Place::Numbered(pattern) => {
            // The number changes nothing about whether it compiles.
            Announcement::new(pattern)?;
            Finder::Numbered(pattern.clone())
        }
    })
}

/// A search for the value of one rule in one text.
pub(super) struct Search<'s> {
    /// The text that counts, without blanks at its ends.
    pub(super) text: &'s str,
    /// The texts that the answer may quote.
    pub(super) judged: &'s JudgedTexts<'s>,
    /// The item's mark, where the prompt shows one.
    pub(super) mark: Option<&'s str>,
    /// What the prompt demands of announcements.
    pub(super) demands: Demands,
    /// What the verdict is.
    pub(super) kind: Kind,
    /// Whether the next rule reads JSON too: an object without anything at a pointer may have something at another.
    pub(super) gives_way: bool,
    /// Whether every announcement counts, one for each step.
    pub(super) every: bool,
    /// The number of answers that are compared, where it is known.
    pub(super) answers: Option<usize>,
    /// Reads a value, to compare it with those that judged texts announce.
    pub(super) read: ReadValue<'s>,
}

impl Search<'_> {
    /// The value that a rule finds, with its place in the text; `None` if there is no announcement at all.
    pub(super) fn find(&self, finder: &Finder) -> Option<FoundValue> {
        match finder {
            Finder::Announced(announcement) if self.every => self.within(WINDOW, |text| {
                every(announcement.candidates(text, self.judged, self.read), self.read)
            }),
            Finder::Announced(announcement) => {
                // The last words stand at the end.
                self.within(WINDOW, |text| {
                    let folded = announcement.folded(text);
                    let found =
                        announcement.find(&folded.text, self.judged, self.demands, self.read);
                    found.map(|found| unfolded(&folded, found))
                })
            }
            Finder::Mark => {
                let folded = fold(self.text);
                announced::marked(self.mark?, &folded.text).map(|found| unfolded(&folded, found))
            }
            Finder::Numbers(count, line) => {
                let folded = fold(self.text);
                numbers(*count, *line, &folded.text).map(|found| unfolded(&folded, found))
            }
            Finder::Several(several) => self.within(WINDOW, |text| {
                several.find(text, self.judged, self.demands.mark, self.read)
            }),
            Finder::Numbered(pattern) => self.within(WINDOW, |text| {
                let pattern = |n: usize| pattern.replace(NUMBER, &n.to_string());
                let patterns: Vec<String> = (1..=self.answers?).map(pattern).collect();
                let several = Several::new(&patterns).ok()?;
                several.find(text, self.judged, self.demands.mark, self.read)
            }),
            Finder::Json(pointer) => self.within(WINDOW, |text| {
                let (mark, gives_way) = (self.demands.mark, self.gives_way);
                json::find(pointer, text, self.judged, mark, self.kind, gives_way)
            }),
            Finder::Regex(regex) => self.within(REGEX_WINDOW, |text| self.by_regex(regex, text)),
            Finder::Choose(_) | Finder::Logprobs { .. } => None,
        }
    }

    /// What is found in the last `size` bytes of the text.
    fn within(&self, size: usize, find: impl Fn(&str) -> Option<FoundValue>) -> Option<FoundValue> {
        let start = window(self.text, size);
        let FoundValue { value, place } = find(&self.text[start..])?;
        Some(FoundValue { value, place: start + place.start..start + place.end })
    }

    /// The last match of a regular expression in the text as it is, or in the folded text if it matches later
    /// there: a disguised announcement counts too.
    fn by_regex(&self, regex: &regex::Regex, text: &str) -> Option<FoundValue> {
        let folded = fold(text);
        let found = self.matched(regex, text);
        if folded.text == text {
            return found;
        }
        let disguised = self.matched(regex, &folded.text).map(|found| unfolded(&folded, found));
        match (found, disguised) {
            (Some(found), Some(disguised)) if disguised.place.start > found.place.end => {
                Some(disguised)
            }
            (found, disguised) => found.or(disguised),
        }
    }

    /// The last match that is not a quotation of a judged text. A match that consists of its value alone has no words
    /// by which a quotation could be recognised, and always counts.
    fn matched(&self, regex: &regex::Regex, text: &str) -> Option<FoundValue> {
        const MOST: usize = 64;
        let opening = announced::last_opening(text);
        let matches: Vec<regex::Captures> = regex.captures_iter(text).collect();
        let quoted = |found: &regex::Captures| {
            let (Some(whole), Some(value)) = (found.get(0), found.name("verdict")) else {
                return true;
            };
            let opens = !self.demands.mark && opening.contains(&whole.start());
            !opens && whole.as_str() != value.as_str() && self.judged.contain(whole.as_str())
        };
        let mut last = matches.iter().rev().take(MOST);
        let (found, fault) = if self.demands.mark {
            let found = last.next()?;
            (found, quoted(found).then(unmarked))
        } else {
            let found = last.find(|found| !quoted(found))?;
            let rivals = last.filter(|_| self.demands.unique).filter(|found| !quoted(found));
            let all = std::iter::once(found).chain(rivals);
            let verdicts = all.filter_map(|found| (self.read)(found.name("verdict")?.as_str()));
            (found, contradicted(verdicts))
        };
        let value = found.name("verdict")?;
        let text = fault.map_or_else(|| Ok(value.as_str().to_owned()), Err);
        Some(FoundValue { value: text, place: value.range() })
    }
}

/// The values of all announcements that offer one of the words, one on each line, in their order. A judge may
/// announce other things in the same form, such as the result of a calculation in a box.
fn every(mut all: Vec<Candidate>, read: ReadValue) -> Option<FoundValue> {
    all.retain(|candidate| !candidate.is_quoted);
    let values: Vec<(String, Range<usize>)> = (all.into_iter())
        .filter_map(|Candidate { found, .. }| Some((found.value.ok()?, found.place)))
        .filter(|(value, _)| read(value).is_some())
        .map(|(value, place)| (bare(&value).replace('\n', " "), place))
        .collect();
    let place = values.first()?.1.start..values.last()?.1.end;
    let lines: Vec<String> = values.into_iter().map(|(value, _)| value).collect();
    Some(FoundValue { value: Ok(lines.join("\n")), place })
}

/// A value found in a folded text, with its place in the original.
fn unfolded(folded: &Folded, found: FoundValue) -> FoundValue {
    FoundValue { place: folded.original(found.place), ..found }
}

/// The first or last line that is not blank, if it consists of `count` numbers and nothing else: the format of
/// Vicuna (Chiang et al. 2023), FairEval (Wang et al. 2023) and JudgeLM (Zhu et al. 2023).
fn numbers(count: usize, line: AnswerLine, text: &str) -> Option<FoundValue> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = match line {
        AnswerLine::First => lines.next(),
        AnswerLine::Last => lines.next_back(),
    }?;
    let bare = line.trim().trim_matches(['*', '`', '_']);
    let parts: Vec<&str> = bare.split([' ', ',', '\t']).filter(|part| !part.is_empty()).collect();
    let all = parts.len() == count && parts.iter().all(|part| plain_number(part).is_some());
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    all.then(|| FoundValue { value: Ok(parts.join(", ")), place: start..start + line.len() })
}

/// The byte where the last `size` bytes of a text begin, moved to the next character boundary.
fn window(text: &str, size: usize) -> usize {
    let mut start = text.len().saturating_sub(size);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    start
}
