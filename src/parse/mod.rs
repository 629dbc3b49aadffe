//! Reading verdicts out of what a model wrote.
//!
//! The last announcement counts. If it is malformed there is no decision: an earlier one was only a
//! thought. Thinking blocks and quotations of the judged text do not count, and nothing is ever
//! rounded, clamped or guessed.

mod announced;
mod ending;
mod json;
mod label;
mod rule;
mod transcript;
mod value;

pub use {
    label::{Labelled, label_after},
    rule::{Judges, Line, Place, Reading, Rule},
    transcript::{Chosen, Menu, Outcome, Spot, Transcript},
};

pub(crate) use {ending::Ending, rule::rules, value::by_name};

use std::ops::Range;

use self::{announced::Announcement, value::Wanted};
use crate::{
    aggregate::expected,
    error::{Error, ErrorKind, Result},
    request::Finish,
    verdict::{Distribution, Label, Reason, StepLabel, Steps, Unreadable, Verdict, visible},
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
        if let (Judges::Label, Some(scale)) = (reading.judges, &reading.scale) {
            // The names of the scale are the menu, and mean themselves.
            let menu =
                || scale.levels().map(|(name, _)| (name.to_owned(), name.to_owned())).collect();
            let unnamed = reading.rules.iter_mut().filter(|rule| rule.values.is_empty());
            unnamed.for_each(|rule| rule.values = menu());
        }
        Ok(Self { reading, finders })
    }

    fn wanted<'r>(&'r self, rule: &'r Rule, menu: &'r Menu) -> Wanted<'r> {
        Wanted {
            menu,
            judges: self.reading.judges,
            scale: self.reading.scale.as_ref(),
            values: &rule.values,
        }
    }

    /// What one rule finds; `None` where it finds no announcement at all.
    fn apply(&self, rule: &Rule, finder: &Finder, transcript: &Transcript) -> Option<Read> {
        if let Finder::Choose(name) = finder {
            let verdict = self.chosen(rule, name, transcript)?;
            return Some(Read { verdict, rule: Some(rule.name()), span: None });
        }
        let text = text_of(transcript, rule.within.as_deref());
        let text = text.trim();
        // The first line stands where the window does not reach.
        let start = match finder {
            Finder::Numbers(_, Line::First) => 0,
            _ => window(text, WINDOW),
        };
        let Found { value, place } = find(finder, &text[start..], transcript)?;
        let compares =
            matches!(finder, Finder::Numbers(..)) && self.reading.judges == Judges::Preference;
        let verdict = value.and_then(|value| {
            let wanted = self.wanted(rule, &transcript.menu);
            if compares { wanted.compared(&value) } else { wanted.read(&value) }
        });
        let characters = |at: usize| text[..start + at].chars().count();
        let span = rule.within.is_none().then(|| (characters(place.start), characters(place.end)));
        Some(Read { verdict, rule: Some(rule.name()), span })
    }

    /// The labels that a `choose` picked: one, or one per step.
    fn chosen(
        &self,
        rule: &Rule,
        name: &str,
        transcript: &Transcript,
    ) -> Option<Result<Verdict, Unreadable>> {
        let picked: Vec<&Outcome> = (transcript.results.iter())
            .filter(|outcome| outcome.chosen.is_some() && outcome.spot.name == name)
            .collect();
        if self.reading.judges == Judges::Steps
            && picked.iter().any(|outcome| outcome.spot.at.is_some())
        {
            return Some(self.chosen_steps(rule, &picked, &transcript.menu));
        }
        let outcome = picked.last()?;
        if outcome.completion.text.trim().is_empty() {
            return None;
        }
        Some(self.picked(rule, outcome, &transcript.menu))
    }

    /// One label that was picked, with its probability, or what it means.
    fn picked(&self, rule: &Rule, outcome: &Outcome, menu: &Menu) -> Result<Verdict, Unreadable> {
        let seen = outcome.completion.distribution.as_ref();
        if let Some(unsure) = seen.and_then(|seen| self.unsure(rule, seen)) {
            return Err(unsure);
        }
        let wanted = self.wanted(rule, menu);
        let verdict = wanted.read(&outcome.completion.text)?;
        let Verdict::Label(Label { label, .. }) = verdict else { return Ok(verdict) };
        let p = self.reading.positive().and_then(|positive| wanted.share_of(positive, seen));
        let confidence = wanted.share_of(&label, seen);
        Ok(Verdict::Label(Label { label, p, confidence }))
    }

    /// Labels that hold next to no probability were picked for want of anything else.
    fn unsure(&self, rule: &Rule, seen: &Distribution) -> Option<Unreadable> {
        let mass = seen.mass();
        let detail = || {
            format!(
                "the labels of `{}` hold {:.2} % of the probability: the model was about to write something else",
                rule.name(),
                100.0 * mass
            )
        };
        (mass < self.reading.mass).then(|| Unreadable::new(Reason::Unsure, detail()))
    }

    fn chosen_steps(
        &self,
        rule: &Rule,
        picked: &[&Outcome],
        menu: &Menu,
    ) -> Result<Verdict, Unreadable> {
        let reader = Self {
            reading: Reading { judges: Judges::Label, ..self.reading.clone() },
            finders: Vec::new(),
        };
        let label = |(n, outcome): (usize, &&Outcome)| {
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
                Ok(other) => Label { label: other.to_string(), p: None, confidence: None },
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
            all.steps.push(StepLabel { index, label: label.label, p: label.p });
        }
        Ok(Verdict::Steps(all))
    }

    /// The mean of what the choice of a rule could have been, weighted by the probabilities (Liu et al. 2023,
    /// G-Eval); `None` where they were not reported.
    pub(crate) fn expected(&self, rule: &str, transcript: &Transcript) -> Option<f64> {
        let rule = self.reading.rules.iter().find(|own| own.name() == rule)?;
        let Place::Choose(name) = &rule.place else { return None };
        let chosen = |o: &&Outcome| o.chosen.is_some() && o.spot.name == *name;
        let picked = transcript.results.iter().rfind(chosen)?;
        let wanted = self.wanted(rule, &transcript.menu);
        let worth = |label: &str| match wanted.read(label) {
            Ok(Verdict::Score(score)) => Some(score),
            _ => None,
        };
        expected(picked.completion.distribution.as_ref()?, worth)
    }

    fn missing(&self, transcript: &Transcript) -> Unreadable {
        let text = text_of(transcript, None);
        if is_refusal(&text) {
            return Unreadable::new(Reason::Refused, "the model declined to judge");
        }
        let names: Vec<String> =
            self.reading.rules.iter().map(|rule| format!("`{}`", rule.name())).collect();
        Unreadable::new(Reason::Missing, format!("no {}", names.join(" and no ")))
    }
}

impl Parser for Reader {
    fn parse(&self, transcript: &Transcript) -> Read {
        let unread = |why| Read { verdict: Err(why), rule: None, span: None };
        if let Some(fault) = fault(transcript, &self.reading.rules) {
            return unread(fault);
        }
        if matches!(self.reading.judges, Judges::Critique | Judges::Revision) {
            return Read { verdict: whole_text(transcript), rule: None, span: None };
        }
        let rules = self.reading.rules.iter().zip(&self.finders);
        let found =
            rules.into_iter().find_map(|(rule, finder)| self.apply(rule, finder, transcript));
        found.unwrap_or_else(|| unread(self.missing(transcript)))
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

fn find(finder: &Finder, text: &str, transcript: &Transcript) -> Option<Found> {
    match finder {
        Finder::Announced(announcement) => announcement.find(text, &transcript.data),
        Finder::Regex(regex) => by_regex(regex, text, &transcript.data),
        Finder::Json(pointer) => json::find(pointer, text, &transcript.data),
        Finder::Mark => announced::marked(transcript.mark.as_deref()?, text),
        Finder::Numbers(count, line) => numbers(*count, *line, text),
        Finder::Choose(_) => None,
    }
}

/// The last match that is the judge's own. A match that is nothing but its value has no words by which a
/// quotation could be told.
fn by_regex(regex: &regex::Regex, text: &str, data: &[String]) -> Option<Found> {
    const MOST: usize = 64;
    let start = window(text, REGEX_WINDOW);
    let opening = announced::last_opening(text);
    let matches: Vec<regex::Captures> = regex.captures_iter(&text[start..]).collect();
    let own = |found: &&regex::Captures| {
        let (Some(whole), Some(value)) = (found.get(0), found.name("verdict")) else {
            return false;
        };
        opening.contains(&(start + whole.start()))
            || whole.as_str() == value.as_str()
            || !data.iter().any(|text| text.contains(whole.as_str()))
    };
    let found = matches.iter().rev().take(MOST).find(own)?.name("verdict")?;
    Some(Found {
        value: Ok(found.as_str().to_owned()),
        place: found.start() + start..found.end() + start,
    })
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

/// The visible text of the last turn, or of the result that a rule names.
fn text_of(transcript: &Transcript, within: Option<&str>) -> String {
    let last_turn = transcript.results.get(transcript.last_turn..).unwrap_or_default();
    let spoken: Vec<&str> = match within {
        Some(name) => {
            let mut named = transcript.results.iter().filter(|outcome| outcome.spot.name == name);
            named.next_back().into_iter().map(|outcome| visible(&outcome.completion.text)).collect()
        }
        None => last_turn
            .iter()
            .filter(|outcome| outcome.chosen.is_none())
            .map(|outcome| visible(&outcome.completion.text))
            .collect(),
    };
    spoken.join("\n")
}

/// What makes a conversation unreadable whatever it says.
fn fault(transcript: &Transcript, rules: &[Rule]) -> Option<Unreadable> {
    let last_turn = transcript.results.get(transcript.last_turn..).unwrap_or_default();
    let filtered = |outcome: &&Outcome| outcome.completion.finish == Finish::Filtered;
    if last_turn.iter().any(|outcome| filtered(&outcome)) {
        return Some(Unreadable::new(
            Reason::Refused,
            "a filter or a refusal of the service ended the answer",
        ));
    }
    let cut = |outcome: &&Outcome| match outcome.completion.finish {
        Finish::Length | Finish::ToolCalls => !outcome.cut_ok && outcome.chosen.is_none(),
        // Even one token may be none of the model's where nobody knows how it ended.
        Finish::Other(_) => !outcome.cut_ok || outcome.chosen.is_some(),
        _ => false,
    };
    // A rule may read a result of an earlier turn.
    let named = |outcome: &&Outcome| {
        rules.iter().any(|rule| rule.within.as_deref() == Some(outcome.spot.name.as_str()))
    };
    let read = last_turn.iter().chain(transcript.results.iter().filter(named));
    if let Some(outcome) = read.into_iter().find(cut) {
        return Some(cut_off(outcome));
    }
    let said = last_turn.iter().any(|outcome| !visible(&outcome.completion.text).trim().is_empty());
    (!said).then(|| Unreadable::new(Reason::Empty, "there is no text outside of thinking"))
}

/// Why an answer counts as cut off.
fn cut_off(outcome: &Outcome) -> Unreadable {
    let Outcome { spot, completion, .. } = outcome;
    match &completion.finish {
        Finish::ToolCalls if visible(&completion.text).trim().is_empty() => Unreadable::new(
            Reason::Empty,
            format!("`{}` consists of tool calls only, and holds no text", spot.name),
        ),
        Finish::ToolCalls => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with a tool call instead of a verdict", spot.name),
        ),
        Finish::Other(word) => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with `{word}`, which is not known as a clean end", spot.name),
        ),
        _ => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ran into its limit of tokens", spot.name),
        ),
    }
}

fn whole_text(transcript: &Transcript) -> Result<Verdict, Unreadable> {
    let text = text_of(transcript, None);
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
