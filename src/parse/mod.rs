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
    label::{FoundLabel, label_after},
    rule::{AnswerLine, Form, Kind, Place, Rule, VerdictFrom, VerdictSpec},
    transcript::{Chosen, ItemShape, Reply, Slot, Transcript},
    values::MenuValue,
};

pub(crate) use {
    ending::{ClosingLine, Scoring},
    label::{find_label, opening_label},
    rule::rules,
    value::by_name,
};

use std::ops::Range;

use self::{announced::Announcement, prepared::Prepared, value::ValueReader};
use crate::{
    completion::Distribution,
    error::{Error, ErrorKind, Result},
    text::{Folded, JudgedTexts, before_control, fold},
    verdict::{Label, Reason, StepLabel, Steps, Unreadable, Verdict},
};

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadVerdict {
    /// The decision, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// The name of the rule that spoke, also when what it found was malformed.
    pub rule: Option<String>,
    /// Where it spoke: characters of the last turn's visible text, blanks at its ends left out.
    pub span: Option<(usize, usize)>,
    /// Probabilities of the menu of verdicts, by their [meanings](Verdict::meaning), where they were had.
    pub distribution: Option<Distribution>,
}

impl ReadVerdict {
    /// Nothing but a verdict, or why there is none.
    pub fn new(verdict: Result<Verdict, Unreadable>) -> Self {
        Self { verdict, rule: None, span: None, distribution: None }
    }
}

/// What the rules found in the text alone.
struct RuleResult {
    read: ReadVerdict,
    /// The rule that spoke.
    rule: Option<usize>,
    /// The bytes of the text, without the blanks around it, where it did.
    place: Option<Range<usize>>,
    /// Whether a verdict was announced and nothing followed.
    is_empty: bool,
}

impl From<ReadVerdict> for RuleResult {
    fn from(read: ReadVerdict) -> Self {
        Self { read, rule: None, place: None, is_empty: false }
    }
}

/// Reads a verdict out of a finished conversation.
pub trait Parser: Send + Sync {
    /// Total: any transcript gives a verdict or a reason.
    fn parse(&self, transcript: &Transcript) -> ReadVerdict;
}

impl<F: Fn(&Transcript) -> ReadVerdict + Send + Sync> Parser for F {
    fn parse(&self, transcript: &Transcript) -> ReadVerdict {
        self(transcript)
    }
}

/// A prompt's own rules, ready to be applied.
#[derive(Clone, Debug)]
pub struct Reader {
    spec: VerdictSpec,
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
    Numbers(usize, AnswerLine),
}

/// A place where a verdict was announced: what stands there, or what is wrong with it.
struct FoundValue {
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
    pub fn new(spec: &VerdictSpec) -> Result<Self> {
        let finders = spec.rules.iter().map(|rule| finder(&rule.place)).collect::<Result<_>>()?;
        let mut spec = spec.clone();
        if let (Kind::Label, Some(scale)) = (spec.kind, &spec.scale) {
            // The names of the scale are the menu, and mean themselves.
            let names =
                || scale.levels().map(|(name, _)| (name.to_owned(), name.to_owned())).collect();
            let unnamed = spec.rules.iter_mut().filter(|rule| rule.values.is_empty());
            unnamed.for_each(|rule| rule.values = names());
        }
        Ok(Self { spec, finders })
    }

    /// The rules and the menu that it reads by.
    pub(crate) fn spec(&self) -> &VerdictSpec {
        &self.spec
    }

    fn value_reader<'r>(&'r self, rule: &'r Rule, shape: &'r ItemShape) -> ValueReader<'r> {
        ValueReader {
            shape,
            kind: self.spec.kind,
            scale: self.spec.scale.as_ref(),
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
    ) -> Option<RuleResult> {
        if let Finder::Choose(name) = finder {
            let (verdict, distribution) = self.chosen(rule, name, prepared.transcript)?;
            let read =
                ReadVerdict { rule: Some(rule.name()), distribution, ..ReadVerdict::new(verdict) };
            return Some(RuleResult { rule: Some(at), ..read.into() });
        }
        let text = prepared.text(rule.within.as_deref());
        let text = text.trim();
        let value_reader = self.value_reader(rule, &prepared.transcript.shape);
        let compares = matches!(finder, Finder::Numbers(..)) && self.spec.kind == Kind::Preference;
        let read = |value: &str| {
            let value = before_control(value);
            if compares { value_reader.compared(value) } else { value_reader.read(value) }
        };
        let shown = |value: &str| read(value).ok().map(|verdict| verdict.to_string());
        let search = Search {
            text,
            judged: &prepared.judged,
            mark: prepared.transcript.mark.as_deref(),
            demanded: self.demands_mark(prepared.transcript),
            kind: self.spec.kind,
            read: &shown,
        };
        let FoundValue { value, place } = search.find(finder)?;
        let is_empty = value.as_ref().is_ok_and(|value| value::bare(value).is_empty());
        let verdict = value.and_then(|value| read(&value));
        let characters = |at: usize| text[..at].chars().count();
        let span = rule.within.is_none().then(|| (characters(place.start), characters(place.end)));
        let read = ReadVerdict { rule: Some(rule.name()), span, ..ReadVerdict::new(verdict) };
        Some(RuleResult { read, rule: Some(at), place: Some(place), is_empty })
    }

    /// What the rules find in the text alone.
    fn read_text(&self, prepared: &Prepared) -> RuleResult {
        let weighs = self.spec.from != VerdictFrom::Text;
        if let Some(fault) = prepared.fault(&self.spec.rules, weighs) {
            return ReadVerdict::new(Err(fault)).into();
        }
        if self.is_draft() {
            return ReadVerdict::new(whole_text(prepared)).into();
        }
        let mut rules = self.spec.rules.iter().zip(&self.finders).enumerate();
        let found = rules.find_map(|(n, (rule, finder))| self.apply(n, rule, finder, prepared));
        found.unwrap_or_else(|| ReadVerdict::new(Err(self.missing(prepared))).into())
    }

    /// Whether the prompt showed the judge a mark for its verdict.
    fn demands_mark(&self, transcript: &Transcript) -> bool {
        let marks = |rule: &Rule| rule.place == Place::Mark;
        transcript.mark.is_some() && self.spec.rules.iter().any(marks)
    }

    /// The bytes of every result that count.
    pub(crate) fn visible_ranges(&self, transcript: &Transcript) -> Vec<(usize, usize)> {
        let prepared = Prepared::new(transcript, self.is_draft());
        let place = |(reply, visible): (&Reply, &&str)| {
            let start = visible.as_ptr() as usize - reply.completion.text.as_ptr() as usize;
            (start, start + visible.len())
        };
        transcript.results.iter().zip(&prepared.visible).map(place).collect()
    }

    /// Whether the text itself is the result.
    fn is_draft(&self) -> bool {
        matches!(self.spec.kind, Kind::Critique | Kind::Revision)
    }

    /// The labels that a `choose` picked: one, or one per step. One also has the probabilities of what the labels
    /// mean, where they were reported.
    fn chosen(
        &self,
        rule: &Rule,
        name: &str,
        transcript: &Transcript,
    ) -> Option<(Result<Verdict, Unreadable>, Option<Distribution>)> {
        let picked: Vec<&Reply> = (transcript.results.iter())
            .filter(|reply| reply.chosen.is_some() && !reply.is_scoring())
            .filter(|reply| reply.slot.name == name)
            .collect();
        if self.spec.kind == Kind::Steps && picked.iter().any(|reply| reply.slot.at.is_some()) {
            return Some((self.chosen_steps(rule, &picked, &transcript.shape), None));
        }
        let reply = picked.last()?;
        if reply.completion.text.trim().is_empty() {
            return None;
        }
        let value_reader = self.value_reader(rule, &transcript.shape);
        let seen = reply.completion.distribution.as_ref();
        let distribution = seen.map(|seen| value_reader.by_meaning(seen));
        Some((self.picked(rule, reply, &transcript.shape), distribution))
    }

    /// One label that was picked, with its probability, or what it means.
    fn picked(&self, rule: &Rule, reply: &Reply, shape: &ItemShape) -> Result<Verdict, Unreadable> {
        let seen = reply.completion.distribution.as_ref();
        if let Some(seen) = seen.filter(|seen| seen.mass() < self.spec.mass) {
            return Err(Self::unsure(&rule.name(), seen.mass()));
        }
        let value_reader = self.value_reader(rule, shape);
        let verdict = value_reader.read(&reply.completion.text)?;
        let Verdict::Label(Label { label, .. }) = verdict else { return Ok(verdict) };
        let distribution = seen.and_then(|seen| value_reader.meanings(seen));
        let share = |meaning: &str| Some(distribution.as_ref()?.of(meaning).unwrap_or(0.0));
        let p = self.spec.positive().and_then(share);
        let confidence = share(&label);
        Ok(Verdict::Label(Label { p, confidence, distribution, ..Label::new(label) }))
    }

    fn chosen_steps(
        &self,
        rule: &Rule,
        picked: &[&Reply],
        shape: &ItemShape,
    ) -> Result<Verdict, Unreadable> {
        let reader = Self {
            spec: VerdictSpec { kind: Kind::Label, ..self.spec.clone() },
            finders: Vec::new(),
        };
        let label = |(n, reply): (usize, &&Reply)| {
            let index = reply.slot.at.unwrap_or(n);
            let is_empty = reply.completion.text.trim().is_empty();
            let missing = || Unreadable::new(Reason::Missing, "it has no label");
            let label = if is_empty { Err(missing()) } else { reader.picked(rule, reply, shape) };
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
            if self.spec.is_error(&label.label) && all.first_error.is_none() {
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
            self.spec.rules.iter().map(|rule| format!("`{}`", rule.name())).collect();
        Unreadable::new(Reason::Missing, format!("no {}", names.join(" and no ")))
    }
}

impl Parser for Reader {
    fn parse(&self, transcript: &Transcript) -> ReadVerdict {
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
    judged: &'s JudgedTexts<'s>,
    mark: Option<&'s str>,
    /// Whether the verdict was asked for with the mark.
    demanded: bool,
    kind: Kind,
    read: quoted::Value<'s>,
}

impl Search<'_> {
    /// What a rule finds, with its place in the text.
    fn find(&self, finder: &Finder) -> Option<FoundValue> {
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
    fn within(&self, size: usize, find: impl Fn(&str) -> Option<FoundValue>) -> Option<FoundValue> {
        let start = window(self.text, size);
        let FoundValue { value, place } = find(&self.text[start..])?;
        Some(FoundValue { value, place: start + place.start..start + place.end })
    }

    /// The last match, in the text as it is or folded: a disguised one counts too.
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

    /// The last match that is the judge's own. A match that is nothing but its value has no words by
    /// which a quotation could be told.
    fn matched(&self, regex: &regex::Regex, text: &str) -> Option<FoundValue> {
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
        Some(FoundValue { value: text, place: value.range() })
    }
}

/// A place in a folded text as one in the text itself.
fn unfolded(folded: &Folded, found: FoundValue) -> FoundValue {
    FoundValue { place: folded.original(found.place), ..found }
}

/// So many numbers alone on the first or last line with text (Vicuna, FairEval, JudgeLM).
fn numbers(count: usize, line: AnswerLine, text: &str) -> Option<FoundValue> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = match line {
        AnswerLine::First => lines.next(),
        AnswerLine::Last => lines.next_back(),
    }?;
    let bare = line.trim().trim_matches(['*', '`', '_']);
    let parts: Vec<&str> = bare.split([' ', ',', '\t']).filter(|part| !part.is_empty()).collect();
    let all = parts.len() == count && parts.iter().all(|part| value::plain_number(part).is_some());
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    all.then(|| FoundValue { value: Ok(parts.join(", ")), place: start..start + line.len() })
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
