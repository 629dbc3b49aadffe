//! Reading verdicts out of what a model wrote.
//!
//! The last announcement counts. If it is malformed, there is no verdict: an earlier one was only a thought.
//! Thinking blocks and quotations of judged texts do not count, and nothing is ever rounded, clamped or guessed.
//! Every text gives a verdict or a [reason](Reason) why there is none; no text makes reading fail.
//!
//! A [`Reader`] is made of a [`VerdictSpec`]: what kind of verdict is wanted, on which scale, and by which
//! [rules](Rule). It reads a [`Transcript`] in these steps:
//!
//! ```text
//! Transcript ─prepared─▶ the text that counts ─search─▶ FoundValue ─value─▶ Verdict ─weighed─▶ ReadVerdict
//!             thinking,                        the last             strict            probabilities
//!             end of turn                      announcement         grammar           beside or instead
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `rule`, `rule_key`, `spec` | rules; reading them from prompt files; what else is needed to read a verdict |
//! | `transcript` | the replies of a conversation, and the shape of the item |
//! | `prepared` | the text that counts, and faults such as a truncated answer |
//! | `search`, `announced`, `several`, `json`, `quoted`, `found` | finding the announced value, and distinguishing it from quotations |
//! | `bare`, `value`, `words`, `number`, `unreadable` | reading the value strictly, or why it cannot be |
//! | `label` | the label after the words that announce a `choose` |
//! | `log_ratio` | verdicts from the log-probabilities of given texts |
//! | `step_labels` | reading a label for every step |
//! | `values`, `weighed` | the finite menu of a verdict, and its probabilities |
//! | `ending` | the line that is appended so that only the verdict is missing |

mod announced;
mod bare;
mod ending;
mod found;
mod json;
mod label;
mod log_ratio;
mod number;
mod prepared;
mod quoted;
mod rule;
mod rule_key;
mod search;
mod several;
mod spec;
mod step_labels;
mod transcript;
mod unreadable;
mod value;
mod values;
mod weighed;
mod words;

pub use {
    label::{FoundLabel, label_after},
    rule::{AnswerLine, Form, Kind, Place, Rule, StepLabelling, VerdictFrom, Words},
    spec::VerdictSpec,
    transcript::{Chosen, ItemShape, Reply, Slot, Transcript},
    values::MenuValue,
};

pub(crate) use {
    ending::{ClosingLine, Scoring},
    label::{find_label, opening_label},
    rule::value_place,
    rule_key::{RULE_KEYS, rules},
    words::by_name,
};

use std::{ops::Range, sync::OnceLock};

use self::{
    bare::bare,
    found::{Demands, FoundValue},
    prepared::Prepared,
    search::{Finder, Search, finder},
    value::ValueReader,
};
use crate::{
    completion::Distribution,
    error::Result,
    text::before_control,
    verdict::{Label, Reason, StepLabel, Steps, Unreadable, Verdict},
};

/// A verdict as it was read, with its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadVerdict {
    /// The decision, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// The name of the rule that found an announcement, also where that was malformed; `None` if none did.
    pub rule: Option<String>,
    /// Where the value stands: first character, and the one after the last, of the last turn's text that counts,
    /// without blanks at its ends. Characters, not bytes.
    pub span: Option<(usize, usize)>,
    /// The probability of each value of a finite menu, by its [meaning](Verdict::meaning), 0 to 1; `None` where
    /// the model reported none.
    pub distribution: Option<Distribution>,
}

impl ReadVerdict {
    /// A verdict, or why there is none, without provenance.
    pub fn new(verdict: Result<Verdict, Unreadable>) -> Self {
        Self { verdict, rule: None, span: None, distribution: None }
    }
}

/// What the rules found in the text alone, before probabilities are looked at.
struct RuleResult {
    read: ReadVerdict,
    /// The index of the rule that found an announcement.
    rule: Option<usize>,
    /// The bytes of the value in the text, without the blanks around the text.
    place: Option<Range<usize>>,
    /// Whether a verdict was announced, and the value is empty.
    is_empty: bool,
}

impl From<ReadVerdict> for RuleResult {
    fn from(read: ReadVerdict) -> Self {
        Self { read, rule: None, place: None, is_empty: false }
    }
}

/// Reads a verdict out of a finished conversation.
///
/// Any function of a transcript is a parser. [`Reader`] is the one that prompts use.
pub trait Parser: Send + Sync {
    /// Reads the verdict. It cannot fail: any transcript gives a verdict or a reason why there is none.
    fn parse(&self, transcript: &Transcript) -> ReadVerdict;
}

impl<F: Fn(&Transcript) -> ReadVerdict + Send + Sync> Parser for F {
    fn parse(&self, transcript: &Transcript) -> ReadVerdict {
        self(transcript)
    }
}

/// Reads verdicts by the rules of a prompt.
///
/// ```
/// use serde_json::json;
/// use tribunal::{
///     Verdict,
///     parse::{Parser, Reader, Transcript, VerdictSpec},
/// };
///
/// let spec = VerdictSpec::from_json("score", Some(json!({"min": 1, "max": 10})), json!("Score: *"))?;
/// let reader = Reader::new(&spec)?;
/// let read = reader.parse(&Transcript::of_text("critique", "Solid.\nScore: 8/10"));
/// assert_eq!(read.verdict, Ok(Verdict::Score(8.0)));
/// assert_eq!(read.span, Some((14, 18)));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    spec: VerdictSpec,
    finders: Vec<Finder>,
    /// Whether [values can be scored](Self::can_score), where that is the same for all items: without and with the
    /// line that shows the mark.
    can_score: [OnceLock<bool>; 2],
}

impl Reader {
    /// Compiles the rules of a specification.
    ///
    /// # Errors
    /// A regular expression does not compile ([`ErrorKind::Prompt`](crate::ErrorKind::Prompt)).
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
        Ok(Self { spec, finders, can_score: Default::default() })
    }

    /// The specification that it reads by.
    pub(crate) fn spec(&self) -> &VerdictSpec {
        &self.spec
    }

    /// What reads the values of a rule for an item of this shape.
    fn value_reader<'r>(&'r self, rule: &'r Rule, shape: &'r ItemShape) -> ValueReader<'r> {
        ValueReader {
            shape,
            kind: self.spec.kind,
            scale: self.spec.scale.as_ref(),
            values: &rule.values,
            best: rule.best,
            first_step: rule.first_step,
            labelling: rule.labelling.as_ref().filter(|_| self.spec.kind == Kind::Steps),
            spec: &self.spec,
        }
    }

    /// What the rule with index `at` finds; `None` if it finds no announcement at all, so that the next rule is
    /// tried.
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
        if let Finder::Logprobs { names, beta, threshold } = finder {
            let (verdict, distribution) =
                self.by_log_ratio(names, *beta, *threshold, prepared.transcript)?;
            let read =
                ReadVerdict { rule: Some(rule.name()), distribution, ..ReadVerdict::new(verdict) };
            return Some(RuleResult { rule: Some(at), ..read.into() });
        }
        let text = prepared.text(rule.within.as_deref());
        let whole = text.trim();
        let start = rule.tail.map_or(0, |most| tail(whole, most));
        let text = &whole[start..];
        let listed = prepared.listed(rule);
        let counted = listed.as_ref().and_then(|listed| listed.as_ref().ok());
        let value_reader = self.value_reader(rule, counted.unwrap_or(&prepared.transcript.shape));
        let has_numbers =
            matches!(finder, Finder::Numbers(..) | Finder::Several(_) | Finder::Numbered(_));
        let compares = has_numbers && self.spec.kind == Kind::Preference;
        let read = |value: &str| {
            let value = before_control(value);
            if compares { value_reader.compared(value) } else { value_reader.read(value) }
        };
        let every = rule.labelling == Some(StepLabelling::PerStep);
        let shown = |value: &str| {
            if every {
                return value_reader.word(bare(before_control(value))).ok();
            }
            read(value).ok().map(|verdict| verdict.to_string())
        };
        let search = Search {
            text,
            judged: &prepared.judged,
            mark: prepared.transcript.mark.as_deref(),
            demands: Demands { mark: self.demands_mark(prepared.transcript), unique: rule.unique },
            // A label for every step is written as a list, as scores are.
            kind: if value_reader.labelling.is_some() { Kind::Scores } else { self.spec.kind },
            gives_way: matches!(self.finders.get(at + 1), Some(Finder::Json(_))),
            every,
            answers: prepared.transcript.shape.answers,
            read: &shown,
        };
        let FoundValue { value, place } = search.find(finder)?;
        let place = start + place.start..start + place.end;
        let is_empty = value.as_ref().is_ok_and(|value| bare(value).is_empty());
        let verdict = match listed {
            Some(Err(why)) => Err(why),
            _ => value.and_then(|value| read(&value)),
        };
        let characters = |at: usize| whole[..at].chars().count();
        let span = rule.within.is_none().then(|| (characters(place.start), characters(place.end)));
        let read = ReadVerdict { rule: Some(rule.name()), span, ..ReadVerdict::new(verdict) };
        Some(RuleResult { read, rule: Some(at), place: Some(place), is_empty })
    }

    /// What the rules find in the text alone: that of the first rule that finds an announcement.
    fn read_text(&self, prepared: &Prepared) -> RuleResult {
        let weighs = self.spec.from != VerdictFrom::Text;
        if let Some(fault) = prepared.fault(&self.spec.rules, weighs) {
            let is_cut = fault.reason == Reason::Truncated && prepared.is_cut_by_length();
            let first = is_cut.then(|| self.on_first_line(prepared)).flatten();
            return first.unwrap_or_else(|| ReadVerdict::new(Err(fault)).into());
        }
        if self.is_draft() {
            return ReadVerdict::new(whole_text(prepared)).into();
        }
        let mut rules = self.spec.rules.iter().zip(&self.finders).enumerate();
        let found = rules.find_map(|(n, (rule, finder))| self.apply(n, rule, finder, prepared));
        found.unwrap_or_else(|| ReadVerdict::new(Err(self.missing(prepared))).into())
    }

    /// The verdict of a text that was cut off, by a rule that reads nothing but the first line: what is missing cannot
    /// change it. `None` if the rule is another one, or the line may be cut itself.
    fn on_first_line(&self, prepared: &Prepared) -> Option<RuleResult> {
        let mut rules = self.spec.rules.iter().zip(&self.finders).enumerate();
        let found = rules.find_map(|(n, (rule, finder))| self.apply(n, rule, finder, prepared))?;
        let Finder::Numbers(_, AnswerLine::First) = self.finders.get(found.rule?)? else {
            return None;
        };
        let text = prepared.text(None);
        let is_whole = text.trim().get(found.place.as_ref()?.end..)?.contains('\n');
        (found.read.verdict.is_ok() && is_whole).then_some(found)
    }

    /// The index of the reply that its limit of tokens cut off, so that the transcript has no verdict; the first of
    /// several. `None` if a verdict can be read all the same, or if something else is the reason.
    pub(crate) fn cut_reply(&self, transcript: &Transcript) -> Option<usize> {
        let prepared = Prepared::new(transcript, self.is_draft());
        let cut = prepared.cut_by_length(&self.spec.rules)?;
        let why = self.parse(transcript).verdict.err()?;
        (why.reason != Reason::Refused).then_some(cut)
    }

    /// Whether the prompt asked the judge to put the item's mark before its verdict.
    fn demands_mark(&self, transcript: &Transcript) -> bool {
        let marks = |rule: &Rule| rule.place == Place::Mark;
        transcript.mark.is_some() && self.spec.rules.iter().any(marks)
    }

    /// The bytes that count, of each reply: without thinking and what follows the end of the turn.
    pub(crate) fn visible_ranges(&self, transcript: &Transcript) -> Vec<(usize, usize)> {
        let prepared = Prepared::new(transcript, self.is_draft());
        let place = |(reply, visible): (&Reply, &&str)| {
            let start = visible.as_ptr() as usize - reply.completion.text.as_ptr() as usize;
            (start, start + visible.len())
        };
        transcript.results.iter().zip(&prepared.visible).map(place).collect()
    }

    /// Whether the text itself is the result, as for critiques and revisions.
    fn is_draft(&self) -> bool {
        matches!(self.spec.kind, Kind::Critique | Kind::Revision)
    }

    /// The verdict of the labels that the `choose` called `name` picked: one label, or one for each step of a loop.
    /// A single label comes with the distribution over meanings, where the model reported it.
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
            return Some((self.chosen_steps(rule, &picked, transcript), None));
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

    /// The verdict of one label that was picked, with the probabilities of what the labels mean.
    fn picked(&self, rule: &Rule, reply: &Reply, shape: &ItemShape) -> Result<Verdict, Unreadable> {
        let seen = reply.completion.distribution.as_ref();
        if let Some(seen) = seen.filter(|seen| seen.mass() < self.spec.mass) {
            return Err(Self::unsure(&rule.name(), seen.mass()));
        }
        let value_reader = self.value_reader(rule, shape);
        let verdict = value_reader.read(&reply.completion.text)?;
        let Verdict::Label(Label { label, .. }) = verdict else { return Ok(verdict) };
        let distribution = seen.and_then(|seen| value_reader.meanings(seen));
        let mass = |meaning: &str| Some(distribution.as_ref()?.of(meaning).unwrap_or(0.0));
        let p = self.spec.positive().and_then(mass);
        let confidence = mass(&label);
        Ok(Verdict::Label(Label { p, confidence, distribution, ..Label::new(label) }))
    }

    /// The verdict over steps, of one label for each, with the value of each step if the prompt has one.
    fn chosen_steps(
        &self,
        rule: &Rule,
        picked: &[&Reply],
        transcript: &Transcript,
    ) -> Result<Verdict, Unreadable> {
        let reader = self.of_one_step();
        let label = |(index, reply): (usize, &Reply)| {
            let missing = || Unreadable::new(Reason::Missing, "it has no label");
            let is_empty = reply.completion.text.trim().is_empty();
            let picked = || reader.picked(rule, reply, &transcript.shape);
            (index, if is_empty { Err(missing()) } else { picked() })
        };
        let verdict = self.steps(by_step(picked.iter().copied()).map(label))?;
        let (Verdict::Steps(mut steps), Some(value)) = (verdict.clone(), &self.spec.value) else {
            return Ok(verdict);
        };
        let values = if value.values.is_empty() { &rule.values } else { &value.values };
        let value = Rule { values: values.clone(), ..value.clone() };
        let Place::Choose(name) = &value.place else { return Ok(verdict) };
        let named = transcript.results.iter().filter(|reply| reply.slot.name == *name);
        for (index, reply) in by_step(named) {
            let number = reader.picked(&value, reply, &transcript.shape).ok();
            let step = steps.steps.iter_mut().find(|step| step.index == index);
            step.into_iter().for_each(|step| step.value = number.as_ref().and_then(Verdict::p));
        }
        Ok(Verdict::Steps(steps))
    }

    /// What reads the label of one step.
    fn of_one_step(&self) -> Self {
        Self {
            spec: VerdictSpec { kind: Kind::Label, ..self.spec.clone() },
            finders: Vec::new(),
            can_score: Default::default(),
        }
    }

    /// The verdict over steps, of the label of each step that was judged, by its index.
    ///
    /// The first label that means an error is the first error. A step that could not be read makes the whole verdict
    /// unreadable, unless an earlier step is wrong: then the first error is known.
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

    /// Why there is no verdict where no rule found an announcement.
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

/// Replies with the index of the step that each is about: its place in a loop, or else among these replies.
fn by_step<'r>(
    replies: impl Iterator<Item = &'r Reply>,
) -> impl Iterator<Item = (usize, &'r Reply)> {
    replies.enumerate().map(|(n, reply)| (reply.slot.at.unwrap_or(n), reply))
}

/// The byte at which the last `most` characters of a text begin.
fn tail(text: &str, most: usize) -> usize {
    text.char_indices().rev().nth(most - 1).map_or(0, |(at, _)| at)
}

/// The text as the verdict, for critiques and revisions; a refusal is none.
fn whole_text(prepared: &Prepared) -> Result<Verdict, Unreadable> {
    let text = prepared.text(None);
    if is_refusal(&text) {
        return Err(Unreadable::new(Reason::Refused, "the model declined"));
    }
    Ok(Verdict::Text(text.trim().to_owned()))
}

/// Whether a text without a verdict begins like a refusal. This decides only between two reasons why there is no
/// verdict, and never makes one.
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
