//! Reading verdicts out of what a model wrote.
//!
//! The last announcement counts. If it is malformed there is no decision: an earlier one was only a
//! thought. Thinking blocks and quotations of the judged text do not count, and nothing is ever
//! rounded, clamped or guessed.

mod announced;
mod ending;
mod json;
mod label;
mod prepared;
mod quoted;
mod rule;
mod transcript;
mod value;
mod values;
mod weighed;

pub use {
    label::{Labelled, label_after},
    rule::{Form, Kind, Line, Place, Reading, Rule, VerdictFrom},
    transcript::{Answer, Chosen, Menu, Spot, Transcript},
    values::MenuValue,
};

pub(crate) use {
    ending::{Ending, Scoring},
    label::{labelled, opening_label},
    rule::rules,
    value::by_name,
};

use std::ops::Range;

use self::{announced::Announcement, prepared::Prepared, value::Wanted};
use crate::{
    completion::Distribution,
    error::{Error, ErrorKind, Result},
    text::{Folded, Judged, before_control, fold},
    verdict::{Label, Reason, StepLabel, Steps, Unreadable, Verdict},
};

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The decision, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// The name of the rule that spoke, also when what it found was malformed.
    pub rule: Option<String>,
    /// Where it spoke: characters of the last turn's visible text, blanks at its ends left out.
    pub span: Option<(usize, usize)>,
    /// Probabilities of the menu of verdicts, by their [meanings](Verdict::meaning), where they were had.
    pub distribution: Option<Distribution>,
}

impl Read {
    /// Nothing but a verdict, or why there is none.
    pub fn new(verdict: Result<Verdict, Unreadable>) -> Self {
        Self { verdict, rule: None, span: None, distribution: None }
    }
}

/// What the rules found in the text alone.
struct Applied {
    read: Read,
    /// The rule that spoke.
    rule: Option<usize>,
    /// The bytes of the text, without the blanks around it, where it did.
    place: Option<Range<usize>>,
    /// Whether a verdict was announced and nothing followed.
    is_empty: bool,
}

impl From<Read> for Applied {
    fn from(read: Read) -> Self {
        Self { read, rule: None, place: None, is_empty: false }
    }
}

/// Reads a verdict out of a finished conversation.
pub trait Parser: Send + Sync {
    /// Total: any transcript gives a verdict or a reason.
    fn parse(&self, transcript: &Transcript) -> Read;
}

impl<F: Fn(&Transcript) -> Read + Send + Sync> Parser for F {
    fn parse(&self, transcript: &Transcript) -> Read {
        self(transcript)
    }
}

/// A prompt's own rules, ready to be applied.
#[derive(Clone, Debug)]
pub struct Reader {
    reading: Reading,
    finders: Vec<Finder>,
}

/// How the place of one rule is found.
#[derive(Clone, Debug)]
enum Finder {
    Announced(Announcement),
    Regex(regex::Regex),
    Json(String),
    Choose(String),
    Mark,
    Numbers(usize, Line),
}

/// A place where a verdict was announced: what stands there, or what is wrong with it.
struct Found {
    value: Result<String, Unreadable>,
    place: Range<usize>,
}

/// A text is read from its end: what stands further ahead is no last word.
const WINDOW: usize = 64 << 10;

/// Regular expressions of users are matched again and again, so their window is smaller.
const REGEX_WINDOW: usize = 16 << 10;

impl Reader {
    /// Makes rules ready.
    ///
    /// # Errors
    /// A regular expression does not compile.
    pub fn new(reading: &Reading) -> Result<Self> {
        let finders =
            reading.rules.iter().map(|rule| finder(&rule.place)).collect::<Result<_>>()?;
        let mut reading = reading.clone();
        if let (Kind::Label, Some(scale)) = (reading.kind, &reading.scale) {
            // The names of the scale are the menu, and mean themselves.
            let menu =
                || scale.levels().map(|(name, _)| (name.to_owned(), name.to_owned())).collect();
            let unnamed = reading.rules.iter_mut().filter(|rule| rule.values.is_empty());
            unnamed.for_each(|rule| rule.values = menu());
        }
        Ok(Self { reading, finders })
    }

    /// The rules and the menu that it reads by.
    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    fn wanted<'r>(&'r self, rule: &'r Rule, menu: &'r Menu) -> Wanted<'r> {
        Wanted {
            menu,
            kind: self.reading.kind,
            scale: self.reading.scale.as_ref(),
            values: &rule.values,
        }
    }

    /// What one rule finds; `None` where it finds no announcement at all.
    fn apply(
        &self,
        at: usize,
        rule: &Rule,
        finder: &Finder,
        prepared: &Prepared,
    ) -> Option<Applied> {
        if let Finder::Choose(name) = finder {
            let (verdict, distribution) = self.chosen(rule, name, prepared.transcript)?;
            let read = Read { rule: Some(rule.name()), distribution, ..Read::new(verdict) };
            return Some(Applied { rule: Some(at), ..read.into() });
        }
        let text = prepared.text(rule.within.as_deref());
        let text = text.trim();
        let wanted = self.wanted(rule, &prepared.transcript.menu);
        let compares =
            matches!(finder, Finder::Numbers(..)) && self.reading.kind == Kind::Preference;
        let read = |value: &str| {
            let value = before_control(value);
            if compares { wanted.compared(value) } else { wanted.read(value) }
        };
        let shown = |value: &str| read(value).ok().map(|verdict| verdict.to_string());
        let search = Search {
            text,
            judged: &prepared.judged,
            mark: prepared.transcript.mark.as_deref(),
            demanded: self.demands_mark(prepared.transcript),
            kind: self.reading.kind,
            read: &shown,
        };
        let Found { value, place } = search.find(finder)?;
        let is_empty = value.as_ref().is_ok_and(|value| value::bare(value).is_empty());
        let verdict = value.and_then(|value| read(&value));
        let characters = |at: usize| text[..at].chars().count();
        let span = rule.within.is_none().then(|| (characters(place.start), characters(place.end)));
        let read = Read { rule: Some(rule.name()), span, ..Read::new(verdict) };
        Some(Applied { read, rule: Some(at), place: Some(place), is_empty })
    }

    /// What the rules find in the text alone.
    fn read_text(&self, prepared: &Prepared) -> Applied {
        let weighs = self.reading.from != VerdictFrom::Text;
        if let Some(fault) = prepared.fault(&self.reading.rules, weighs) {
            return Read::new(Err(fault)).into();
        }
        if self.is_draft() {
            return Read::new(whole_text(prepared)).into();
        }
        let mut rules = self.reading.rules.iter().zip(&self.finders).enumerate();
        let found = rules.find_map(|(n, (rule, finder))| self.apply(n, rule, finder, prepared));
        found.unwrap_or_else(|| Read::new(Err(self.missing(prepared))).into())
    }

    /// Whether the prompt showed the judge a mark for its verdict.
    fn demands_mark(&self, transcript: &Transcript) -> bool {
        let marks = |rule: &Rule| rule.place == Place::Mark;
        transcript.mark.is_some() && self.reading.rules.iter().any(marks)
    }

    /// The bytes of every result that count.
    pub(crate) fn spoken(&self, transcript: &Transcript) -> Vec<(usize, usize)> {
        let prepared = Prepared::new(transcript, self.is_draft());
        let place = |(outcome, spoken): (&Answer, &&str)| {
            let start = spoken.as_ptr() as usize - outcome.completion.text.as_ptr() as usize;
            (start, start + spoken.len())
        };
        transcript.results.iter().zip(&prepared.spoken).map(place).collect()
    }

    /// Whether the text itself is the result.
    fn is_draft(&self) -> bool {
        matches!(self.reading.kind, Kind::Critique | Kind::Revision)
    }

    /// The labels that a `choose` picked: one, or one per step. One also has the probabilities of what the labels
    /// mean, where they were reported.
    fn chosen(
        &self,
        rule: &Rule,
        name: &str,
        transcript: &Transcript,
    ) -> Option<(Result<Verdict, Unreadable>, Option<Distribution>)> {
        let picked: Vec<&Answer> = (transcript.results.iter())
            .filter(|outcome| outcome.chosen.is_some() && !outcome.is_scoring())
            .filter(|outcome| outcome.spot.name == name)
            .collect();
        if self.reading.kind == Kind::Steps
            && picked.iter().any(|outcome| outcome.spot.at.is_some())
        {
            return Some((self.chosen_steps(rule, &picked, &transcript.menu), None));
        }
        let outcome = picked.last()?;
        if outcome.completion.text.trim().is_empty() {
            return None;
        }
        let wanted = self.wanted(rule, &transcript.menu);
        let seen = outcome.completion.distribution.as_ref();
        let distribution = seen.map(|seen| wanted.by_meaning(seen));
        Some((self.picked(rule, outcome, &transcript.menu), distribution))
    }

    /// One label that was picked, with its probability, or what it means.
    fn picked(&self, rule: &Rule, outcome: &Answer, menu: &Menu) -> Result<Verdict, Unreadable> {
        let seen = outcome.completion.distribution.as_ref();
        if let Some(seen) = seen.filter(|seen| seen.mass() < self.reading.mass) {
            return Err(Self::unsure(&rule.name(), seen.mass()));
        }
        let wanted = self.wanted(rule, menu);
        let verdict = wanted.read(&outcome.completion.text)?;
        let Verdict::Label(Label { label, .. }) = verdict else { return Ok(verdict) };
        let distribution = seen.and_then(|seen| wanted.meanings(seen));
        let share = |meaning: &str| Some(distribution.as_ref()?.of(meaning).unwrap_or(0.0));
        let p = self.reading.positive().and_then(share);
        let confidence = share(&label);
        Ok(Verdict::Label(Label { p, confidence, distribution, ..Label::new(label) }))
    }

    fn chosen_steps(
        &self,
        rule: &Rule,
        picked: &[&Answer],
        menu: &Menu,
    ) -> Result<Verdict, Unreadable> {
        let reader = Self {
            reading: Reading { kind: Kind::Label, ..self.reading.clone() },
            finders: Vec::new(),
        };
        let label = |(n, outcome): (usize, &&Answer)| {
            let index = outcome.spot.at.unwrap_or(n);
            let is_empty = outcome.completion.text.trim().is_empty();
            let missing = || Unreadable::new(Reason::Missing, "it has no label");
            let label = if is_empty { Err(missing()) } else { reader.picked(rule, outcome, menu) };
            (index, label)
        };
        self.steps(picked.iter().enumerate().map(label))
    }

    /// Labels of steps, up to where the judge stopped; an unreadable step spoils what follows it.
    pub(crate) fn steps(
        &self,
        verdicts: impl Iterator<Item = (usize, Result<Verdict, Unreadable>)>,
    ) -> Result<Verdict, Unreadable> {
        let mut all = Steps::default();
        for (index, verdict) in verdicts {
            let label = match verdict {
                Ok(Verdict::Label(label)) => label,
                Ok(other) => Label::new(other.to_string()),
                // Whatever this step is, the first error is known.
                Err(_) if all.first_error.is_some() => continue,
                Err(why) => {
                    let detail = format!("step {index}: {}", why.detail);
                    return Err(Unreadable::new(why.reason, detail));
                }
            };
            if self.reading.is_error(&label.label) && all.first_error.is_none() {
                all.first_error = Some(index);
            }
            let Label { label, p, distribution, .. } = label;
            all.steps.push(StepLabel { p, distribution, ..StepLabel::new(index, label) });
        }
        Ok(Verdict::Steps(all))
    }

    fn missing(&self, prepared: &Prepared) -> Unreadable {
        if is_refusal(&prepared.text(None)) {
            return Unreadable::new(Reason::Refused, "the model declined to judge");
        }
        let names: Vec<String> =
            self.reading.rules.iter().map(|rule| format!("`{}`", rule.name())).collect();
        Unreadable::new(Reason::Missing, format!("no {}", names.join(" and no ")))
    }
}

impl Parser for Reader {
    fn parse(&self, transcript: &Transcript) -> Read {
        let prepared = Prepared::new(transcript, self.is_draft());
        let applied = self.read_text(&prepared);
        self.weighed(applied, transcript, &prepared)
    }
}

fn finder(place: &Place) -> Result<Finder> {
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
    })
}

/// Where a rule looks for its verdict, and what it needs to know.
struct Search<'s> {
    text: &'s str,
    judged: &'s Judged<'s>,
    mark: Option<&'s str>,
    /// Whether the verdict was asked for with the mark.
    demanded: bool,
    kind: Kind,
    read: quoted::Value<'s>,
}

impl Search<'_> {
    /// What a rule finds, with its place in the text.
    fn find(&self, finder: &Finder) -> Option<Found> {
        match finder {
            Finder::Announced(announcement) => {
                // The last words stand at the end.
                self.within(WINDOW, |text| {
                    let folded = announcement.folded(text);
                    let found =
                        announcement.find(&folded.text, self.judged, self.demanded, self.read);
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
            Finder::Json(pointer) => self.within(WINDOW, |text| {
                json::find(pointer, text, self.judged, self.demanded, self.kind)
            }),
            Finder::Regex(regex) => self.within(REGEX_WINDOW, |text| self.by_regex(regex, text)),
            Finder::Choose(_) => None,
        }
    }

    /// What is found in the last `size` bytes.
    fn within(&self, size: usize, find: impl Fn(&str) -> Option<Found>) -> Option<Found> {
        let start = window(self.text, size);
        let Found { value, place } = find(&self.text[start..])?;
        Some(Found { value, place: start + place.start..start + place.end })
    }

    /// The last match, in the text as it is or folded: a disguised one counts too.
    fn by_regex(&self, regex: &regex::Regex, text: &str) -> Option<Found> {
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

    /// The last match that is the judge's own. A match that is nothing but its value has no words by
    /// which a quotation could be told.
    fn matched(&self, regex: &regex::Regex, text: &str) -> Option<Found> {
        const MOST: usize = 64;
        let opening = announced::last_opening(text);
        let matches: Vec<regex::Captures> = regex.captures_iter(text).collect();
        let quoted = |found: &regex::Captures| {
            let (Some(whole), Some(value)) = (found.get(0), found.name("verdict")) else {
                return true;
            };
            let opens = !self.demanded && opening.contains(&whole.start());
            !opens && whole.as_str() != value.as_str() && self.judged.contain(whole.as_str())
        };
        let mut last = matches.iter().rev().take(MOST);
        let (found, fault) = if self.demanded {
            let found = last.next()?;
            (found, quoted(found).then(announced::unmarked))
        } else {
            (last.find(|found| !quoted(found))?, None)
        };
        let value = found.name("verdict")?;
        let text = fault.map_or_else(|| Ok(value.as_str().to_owned()), Err);
        Some(Found { value: text, place: value.range() })
    }
}

/// A place in a folded text as one in the text itself.
fn unfolded(folded: &Folded, found: Found) -> Found {
    Found { place: folded.original(found.place), ..found }
}

/// So many numbers alone on the first or last line with text (Vicuna, FairEval, JudgeLM).
fn numbers(count: usize, line: Line, text: &str) -> Option<Found> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = match line {
        Line::First => lines.next(),
        Line::Last => lines.next_back(),
    }?;
    let bare = line.trim().trim_matches(['*', '`', '_']);
    let parts: Vec<&str> = bare.split([' ', ',', '\t']).filter(|part| !part.is_empty()).collect();
    let all = parts.len() == count && parts.iter().all(|part| value::plain_number(part).is_some());
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    all.then(|| Found { value: Ok(parts.join(", ")), place: start..start + line.len() })
}

/// Where the last `size` bytes of a text begin.
fn window(text: &str, size: usize) -> usize {
    let mut start = text.len().saturating_sub(size);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    start
}

fn whole_text(prepared: &Prepared) -> Result<Verdict, Unreadable> {
    let text = prepared.text(None);
    if is_refusal(&text) {
        return Err(Unreadable::new(Reason::Refused, "the model declined"));
    }
    Ok(Verdict::Text(text.trim().to_owned()))
}

/// Whether a text without a verdict is a refusal: it only names the reason, and never makes a verdict.
fn is_refusal(text: &str) -> bool {
    const OPENINGS: [&str; 16] = [
        "i apologize",
        "i must decline",
        "i'm sorry",
        "i am sorry",
        "sorry,",
        "i cannot",
        "i can't",
        "i can not",
        "i won't",
        "i will not",
        "i'm unable",
        "i am unable",
        "i'm not able",
        "i am not able",
        "as an ai",
        "out of domain",
    ];
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || "*_`>\"'#".contains(c));
    let head: String = text.chars().take(40).collect::<String>().to_lowercase().replace('’', "'");
    OPENINGS.iter().any(|opening| head.starts_with(opening))
}
