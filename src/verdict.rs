//! What a judge decided, or why nothing could be read.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    completion::{Distribution, Finish, Usage, UsageTotal},
    error::Error,
};

#[doc(inline)]
pub use crate::scale::Side as Preference;

/// A decision, in the order in which the item holds its answers.
///
/// | kind | value | unit or shape |
/// |---|---|---|
/// | `score` | a number | on the prompt's scale, 1 to 10 for instance |
/// | `label` | [`Label`] | one of the prompt's labels, with probabilities where the model reports them |
/// | `steps` | [`Steps`] | 0-based index of the first wrong step, and a label for each judged step |
/// | `preference` | [`Preference`] | first, second or tie |
/// | `ranking` | groups of 0-based answers | best first; a group holds answers that are equally good |
/// | `scores` | one number per answer | on the prompt's scale, in the item's order |
/// | `criteria` | one number per named criterion | on the prompt's scale |
/// | `text` | a text | the result itself: a critique, a solution, a revision |
///
/// ```
/// use tribunal::{Verdict, verdict::{Label, VerdictKind}};
///
/// let verdict = Verdict::Label(Label::new("correct"));
/// assert_eq!((verdict.kind(), verdict.label()), (VerdictKind::Label, Some("correct")));
/// assert_eq!(verdict.score(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// A number on the prompt's scale.
    Score(f64),
    /// A named outcome, such as `correct`.
    Label(Label),
    /// A judgment of every step, or of where the first error is.
    Steps(Steps),
    /// Which of two answers is better.
    Preference(Preference),
    /// Groups of 0-based candidate indexes, best first; a group holds ties.
    Ranking(Vec<Vec<usize>>),
    /// One number per candidate.
    Scores(Vec<f64>),
    /// One number per named criterion.
    Criteria(BTreeMap<String, f64>),
    /// A text that is the result itself: a critique, a solution, a revision.
    Text(String),
}

/// A named outcome and how sure the judge is of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Label {
    /// The outcome.
    pub label: String,
    /// Probability of the prompt's positive label among the labels offered, 0 to 1, whichever label this is;
    /// `None` where the model reports none, or the prompt has no positive label.
    pub p: Option<f64>,
    /// Probability of this label among the labels offered, 0 to 1, where the model reports it.
    pub confidence: Option<f64>,
    /// Probabilities of what the labels mean, among themselves, where the model reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

impl Label {
    /// A label of which no probability is known.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), p: None, confidence: None, distribution: None }
    }
}

/// What is known about the steps of a solution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Steps {
    /// 0-based index of the first step that is wrong; `None` when every step is right.
    pub first_error: Option<usize>,
    /// The steps that were judged, in order; empty where the judge only names the first error.
    pub steps: Vec<StepLabel>,
}

/// The judgment of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StepLabel {
    /// 0-based place of the step.
    pub index: usize,
    /// `correct`, `incorrect`, or another outcome that the prompt names.
    pub label: String,
    /// Probability that the step is correct, 0 to 1, where the model reports it.
    #[serde(default)]
    pub p: Option<f64>,
    /// Probabilities of what the labels mean, among themselves, where the model reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

impl StepLabel {
    /// A step of which no probability is known.
    pub fn new(index: usize, label: impl Into<String>) -> Self {
        Self { index, label: label.into(), p: None, distribution: None }
    }
}

/// The label of a right answer or step.
pub const CORRECT: &str = "correct";
/// The label of a wrong answer or step.
pub const INCORRECT: &str = "incorrect";

impl Verdict {
    /// The word under which this verdict stands in a distribution over a finite menu: a number, a label, `first`,
    /// `second` or `tie`, the first wrong step or `-1`. `None` for kinds without a finite menu.
    pub fn meaning(&self) -> Option<String> {
        match self {
            Self::Score(score) => Some(score.to_string()),
            Self::Label(label) => Some(label.label.clone()),
            Self::Preference(side) => Some(side.name().to_owned()),
            Self::Steps(steps) => {
                Some(steps.first_error.map_or_else(|| "-1".to_owned(), |index| index.to_string()))
            }
            Self::Ranking(_) | Self::Scores(_) | Self::Criteria(_) | Self::Text(_) => None,
        }
    }

    /// The kind of this verdict.
    pub fn kind(&self) -> VerdictKind {
        match self {
            Self::Score(_) => VerdictKind::Score,
            Self::Label(_) => VerdictKind::Label,
            Self::Steps(_) => VerdictKind::Steps,
            Self::Preference(_) => VerdictKind::Preference,
            Self::Ranking(_) => VerdictKind::Ranking,
            Self::Scores(_) => VerdictKind::Scores,
            Self::Criteria(_) => VerdictKind::Criteria,
            Self::Text(_) => VerdictKind::Text,
        }
    }

    /// For scores: the number, on the prompt's scale.
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Score(score) => Some(*score),
            _ => None,
        }
    }

    /// For labels: the label that was given.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Label(label) => Some(&label.label),
            _ => None,
        }
    }

    /// For labels: the probability of the prompt's positive label, 0 to 1, whichever label was given. `None`
    /// where the model reports none, or the prompt has no positive label.
    pub fn p(&self) -> Option<f64> {
        match self {
            Self::Label(label) => label.p,
            _ => None,
        }
    }

    /// For labels: the probability of the label that was given, 0 to 1, where the model reports it.
    pub fn confidence(&self) -> Option<f64> {
        match self {
            Self::Label(label) => label.confidence,
            _ => None,
        }
    }

    /// For comparisons: which of the two answers is better, in the order of the item.
    pub fn preference(&self) -> Option<Preference> {
        match self {
            Self::Preference(side) => Some(*side),
            _ => None,
        }
    }

    /// For steps: the first wrong step, and every step that was judged, each with its probability `p` of being
    /// correct where the model reports it.
    pub fn steps(&self) -> Option<&Steps> {
        match self {
            Self::Steps(steps) => Some(steps),
            _ => None,
        }
    }

    /// For steps: the 0-based index of the first step that is wrong, `Some(None)` where every step is right.
    /// `None` for verdicts of other kinds.
    pub fn first_error(&self) -> Option<Option<usize>> {
        self.steps().map(|steps| steps.first_error)
    }

    /// For rankings: groups of 0-based answers, best first; answers of one group are equally good.
    pub fn ranking(&self) -> Option<&[Vec<usize>]> {
        match self {
            Self::Ranking(groups) => Some(groups),
            _ => None,
        }
    }

    /// For scores of several answers: one number for each, in the order of the item.
    pub fn scores(&self) -> Option<&[f64]> {
        match self {
            Self::Scores(scores) => Some(scores),
            _ => None,
        }
    }

    /// For criteria: one number for each, by name.
    pub fn criteria(&self) -> Option<&BTreeMap<String, f64>> {
        match self {
            Self::Criteria(criteria) => Some(criteria),
            _ => None,
        }
    }

    /// For a text that is itself the result: a critique, a solution, a revision.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The kinds of verdicts: the word `kind` in lines of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerdictKind {
    /// A number on the prompt's scale.
    Score,
    /// A named outcome.
    Label,
    /// The first wrong step, and where the prompt asks for it a verdict on every step.
    Steps,
    /// The better one of two answers.
    Preference,
    /// An order of several answers.
    Ranking,
    /// One number for each of several answers.
    Scores,
    /// One number for each criterion.
    Criteria,
    /// A text that is the result itself.
    Text,
}

impl VerdictKind {
    /// The word in files: that of serde.
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Label => "label",
            Self::Steps => "steps",
            Self::Preference => "preference",
            Self::Ranking => "ranking",
            Self::Scores => "scores",
            Self::Criteria => "criteria",
            Self::Text => "text",
        }
    }
}

/// As a person reads it: `7`, `correct (p 0.98)`, `incorrect (p 0.02)`, `first error at 2`, `1 > 0 = 2`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(score) => write!(f, "{score}"),
            Self::Label(Label { label, p: Some(p), .. }) => write!(f, "{label} (p {p:.2})"),
            Self::Label(Label { label, confidence: Some(sure), .. }) => {
                write!(f, "{label} (confidence {sure:.2})")
            }
            Self::Label(Label { label, .. }) => f.write_str(label),
            Self::Steps(Steps { first_error: Some(index), .. }) => {
                write!(f, "first error at {index}")
            }
            Self::Steps(_) => f.write_str("no error"),
            Self::Preference(Preference::Tie) => f.write_str("tie"),
            Self::Preference(side) => write!(f, "{} is better", side.name()),
            Self::Ranking(groups) => {
                let group = |group: &Vec<usize>| join(group, " = ");
                f.write_str(&groups.iter().map(group).collect::<Vec<_>>().join(" > "))
            }
            Self::Scores(scores) => f.write_str(&join(scores, ", ")),
            Self::Criteria(criteria) => {
                let pairs: Vec<_> =
                    criteria.iter().map(|(name, n)| format!("{name} {n}")).collect();
                f.write_str(&pairs.join(", "))
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

fn join<T: ToString>(items: &[T], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// Why an answer that came holds no verdict. It never becomes a number: summaries count it, and give the
/// bounds within which a mean would lie if all of these were the worst or the best.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unreadable {
    /// The class of the failure.
    pub reason: Reason,
    /// What was looked for, or what stood there instead.
    pub detail: String,
}

/// The classes of unreadable answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The verdict was never announced.
    Missing,
    /// The last announcement is malformed, or says two things.
    Ambiguous,
    /// A value that was never offered.
    OffScale,
    /// The answer was cut off before its verdict.
    Truncated,
    /// The model declined to judge, or a filter stopped it.
    Refused,
    /// There is no text.
    Empty,
    /// The probabilities do not bear the verdict out: the model was about to say something else than a label,
    /// or reported none where they decide.
    Unsure,
    /// Fewer members of a jury gave a verdict than its quorum asks for.
    Quorum,
}

impl Reason {
    /// The word in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::OffScale => "off-scale",
            Self::Truncated => "truncated",
            Self::Refused => "refused",
            Self::Empty => "empty",
            Self::Unsure => "unsure",
            Self::Quorum => "quorum",
        }
    }
}

impl Unreadable {
    /// Nothing could be read for this reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The same with one more thing to say.
    pub(crate) fn and(self, more: &str) -> Self {
        let detail = if self.detail.is_empty() { more.into() } else { self.detail + "; " + more };
        Self { detail, ..self }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.detail)
    }
}

/// One text of one vote, with everything needed to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Call {
    /// The name of the `gen` or `choose`.
    pub name: String,
    /// Its place in a loop, or the step, answer or criterion that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<usize>,
    /// Whether this is a label that was picked, rather than a text that was written.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub chosen: bool,
    /// What the model wrote.
    pub text: String,
    /// What it thought, where the backend tells that apart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thinking: Option<String>,
    /// How it ended.
    pub finish: Finish,
    /// Tokens of this call.
    pub usage: Usage,
    /// Probabilities of the labels, for a `choose`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distribution: Option<Distribution>,
    /// Where this only says how likely each value of the verdict is: the end of the text after which they
    /// were scored. Another text makes it worthless.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub announcement: Option<String>,
    /// Whether an engine in this process ended the turn, so that what looks like a control token in the
    /// text is text. Written only where the text holds one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub in_process: bool,
    /// The bytes of the text that count: without thinking and what follows the end of the turn. `None`
    /// where it was not read.
    #[serde(skip)]
    pub visible_range: Option<(usize, usize)>,
}

impl Call {
    /// The part of the text that counts.
    pub fn shown(&self) -> &str {
        let visible_range = self.visible_range.and_then(|(start, end)| self.text.get(start..end));
        visible_range.unwrap_or_else(|| visible(&self.text))
    }
}

/// What one vote came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A decision, mapped back to the item's own order.
    Verdict(Verdict),
    /// An answer that holds none.
    Unreadable(Unreadable),
    /// No answer.
    Failed(Error),
}

impl Outcome {
    /// The decision, if there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Verdict(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// Why an answer that came holds no decision.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        match self {
            Self::Unreadable(why) => Some(why),
            _ => None,
        }
    }

    /// Why there is no answer.
    pub fn failed(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether there is a decision.
    pub fn is_verdict(&self) -> bool {
        self.verdict().is_some()
    }
}

impl From<Result<Verdict, Unreadable>> for Outcome {
    fn from(read: Result<Verdict, Unreadable>) -> Self {
        read.map_or_else(Self::Unreadable, Self::Verdict)
    }
}

/// What one member of a judge said for one draw and one order.
///
/// A judgment has members × draws × orders votes. Each may fail by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Vote {
    /// The member that cast it: its name in the panel; in a judge of one member the name of the model.
    pub by: Arc<str>,
    /// Index of the repeated sample, from 0.
    pub draw: u32,
    /// Positions in which the answers were shown: `[1, 0]` is swapped.
    pub order: Vec<usize>,
    /// How many times an unreadable answer was asked for again before this one.
    pub reask: u32,
    /// The answers of the model, in the order in which the prompt asked for them.
    pub calls: Vec<Call>,
    /// The decision, why none could be read, or why there is no answer.
    pub outcome: Outcome,
    /// The rule of the prompt that found the verdict.
    pub rule: Option<String>,
    /// Where it found the verdict: first and one past the last character (not byte) of [`Vote::critique`].
    pub span: Option<(usize, usize)>,
    /// Probabilities of all possible verdicts, in the item's own order, where they are known.
    pub distribution: Option<Distribution>,
    /// The mark of this vote's prompt: four hex digits that occur nowhere in the record.
    pub mark: Option<String>,
}

/// What came of judging one item: the decision over all votes, the votes with their texts, and what they cost.
///
/// The accessors give the verdict by its kind, and `None` where it is of another kind or could not be read:
/// nothing unreadable is ever a number.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let judge = Judge::builder().backend(Script::always("Fine.\nScore: 8")).prompt("score").build().await?;
/// let judgment = judge.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!((judgment.score(), judgment.normalized), (Some(8.0), Some(7.0 / 9.0)));
/// assert_eq!((judgment.votes.len(), judgment.calls), (1, 1));
///
/// let vague = Judge::builder().backend(Script::always("Fine.")).prompt("score").build().await?;
/// let judgment = vague.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!(judgment.score(), None);
/// assert!(judgment.unreadable().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Judgment {
    /// The decision over all votes, or why none could be read.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether both orders of a comparison came to the same verdict, where both were asked and could be read.
    pub consistent: Option<bool>,
    /// Whether the pass rule holds; `None` without a rule. Unreadable never passes.
    pub pass: Option<bool>,
    /// For scores: 0 at the lowest end of the scale, 1 at the highest.
    pub normalized: Option<f64>,
    /// The mean of the votes' probabilities of the menu, in the item's own order, where every readable vote
    /// has them.
    pub distribution: Option<Distribution>,
    /// For scores: the mean of the values of the scale, weighted by their probabilities.
    pub expected_score: Option<f64>,
    /// Every vote, in the order of members, draws and orders.
    pub votes: Vec<Vote>,
    /// The marker that the prompt of the [speaker](Self::speaker) used, to be removed from critiques that
    /// others see.
    pub mark: Option<String>,
    /// Tokens of the answers that were paid for now.
    pub usage: UsageTotal,
    /// Tokens of answers from a cache, which cost nothing now.
    pub saved: UsageTotal,
    /// Answers of models that this judgment is made of, those from a cache included.
    pub calls: u32,
    /// How many of them came from a cache.
    pub cached: u32,
    /// Requests that were sent for this judgment, retries included.
    pub attempts: u32,
    /// What [`usage`](Self::usage) cost, in the currency of the price; `None` where the tokens or the price of
    /// some member are not known.
    pub cost: Option<f64>,
    /// What the answers from a cache would have cost.
    pub saved_cost: Option<f64>,
    /// Milliseconds from the first request to the last answer.
    pub latency_ms: u64,
}

impl Judgment {
    /// A judgment that says this, without votes.
    pub fn new(verdict: Result<Verdict, Unreadable>) -> Self {
        Self {
            verdict,
            consistent: None,
            pass: None,
            normalized: None,
            distribution: None,
            expected_score: None,
            votes: Vec::new(),
            mark: None,
            usage: UsageTotal::default(),
            saved: UsageTotal::default(),
            calls: 0,
            cached: 0,
            attempts: 0,
            cost: None,
            saved_cost: None,
            latency_ms: 0,
        }
    }

    /// The decision, if there is one.
    fn decided(&self) -> Option<&Verdict> {
        self.verdict.as_ref().ok()
    }

    /// For scores: the number, on the prompt's scale.
    pub fn score(&self) -> Option<f64> {
        self.decided()?.score()
    }

    /// For scores whose values have probabilities: Σ p·value over the scale, in the units of the scale. It
    /// moves where the score itself stays, so that it ranks answers of equal scores.
    pub fn expected_score(&self) -> Option<f64> {
        self.expected_score
    }

    /// For labels: the label that was given.
    pub fn label(&self) -> Option<&str> {
        self.decided()?.label()
    }

    /// For labels: the probability of the prompt's positive label, 0 to 1, whichever label was given. `None`
    /// where the model reports none, or the prompt has no positive label.
    pub fn p(&self) -> Option<f64> {
        self.decided()?.p()
    }

    /// For labels: the probability of the label that was given, 0 to 1, where the model reports it.
    pub fn confidence(&self) -> Option<f64> {
        self.decided()?.confidence()
    }

    /// Whether a comparison that was asked in both orders could be read in one of them only, in at least one
    /// draw: such a draw counts as half.
    pub fn one_order_unreadable(&self) -> bool {
        let lost =
            |one: &Vote, other: &Vote| one.outcome.is_verdict() != other.outcome.is_verdict();
        let mut votes = self.votes.iter().enumerate();
        votes.any(|(n, one)| {
            let mut later = self.votes.iter().skip(n + 1);
            later.any(|other| one.is_turned(other) && lost(one, other))
        })
    }

    /// For comparisons: which of the two answers is better, in the order of the item.
    pub fn preference(&self) -> Option<Preference> {
        self.decided()?.preference()
    }

    /// For steps: the first wrong step, and every step that was judged, each with its probability `p` of being
    /// correct where the model reports it.
    pub fn steps(&self) -> Option<&Steps> {
        self.decided()?.steps()
    }

    /// For steps: the 0-based index of the first step that is wrong, `Some(None)` where every step is right.
    /// `None` where the verdict is of another kind or unreadable.
    pub fn first_error(&self) -> Option<Option<usize>> {
        self.decided()?.first_error()
    }

    /// For rankings: groups of 0-based answers, best first; answers of one group are equally good.
    pub fn ranking(&self) -> Option<&[Vec<usize>]> {
        self.decided()?.ranking()
    }

    /// For scores of several answers: one number for each, in the order of the item.
    pub fn scores(&self) -> Option<&[f64]> {
        self.decided()?.scores()
    }

    /// For criteria: one number for each, by name.
    pub fn criteria(&self) -> Option<&BTreeMap<String, f64>> {
        self.decided()?.criteria()
    }

    /// For a text that is itself the result: a critique, a solution, a revision.
    pub fn text(&self) -> Option<&str> {
        self.decided()?.text()
    }

    /// Whether the pass rule holds; `false` without a rule.
    pub fn passed(&self) -> bool {
        self.pass == Some(true)
    }

    /// Why there is no verdict.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.verdict.as_ref().err()
    }

    /// The vote that speaks for the judgment: the first that agrees with the verdict, else the first that has an answer.
    pub fn speaker(&self) -> Option<&Vote> {
        let agrees = |vote: &&Vote| match (&vote.outcome, &self.verdict) {
            (Outcome::Verdict(one), Ok(all)) => alike(one, all),
            (Outcome::Unreadable(_), Err(_)) => true,
            _ => false,
        };
        let said = |vote: &&Vote| vote.outcome.failed().is_none();
        let mut votes = self.votes.iter();
        votes.clone().find(agrees).or_else(|| votes.find(said)).or(self.votes.first())
    }

    /// What the judge wrote, without thinking blocks.
    pub fn critique(&self) -> String {
        self.speaker().map(Vote::critique).unwrap_or_default()
    }
}

impl Vote {
    /// A vote of nobody in particular, for the first draw in the item's own order, without texts.
    pub fn new(outcome: impl Into<Outcome>) -> Self {
        Self {
            by: Arc::default(),
            draw: 0,
            order: Vec::new(),
            reask: 0,
            calls: Vec::new(),
            outcome: outcome.into(),
            rule: None,
            span: None,
            distribution: None,
            mark: None,
        }
    }

    /// Whether the model wrote no verdict until it was asked for that alone.
    pub fn is_forced(&self) -> bool {
        self.calls.iter().any(|call| call.finish == Finish::Forced)
    }

    /// Whether the verdict is the likeliest value of the menu, and not the text's own.
    pub fn is_scored(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.ends_with(SCORED))
    }

    /// Whether another vote is of the same member and draw, and saw two answers or more in the opposite order.
    pub(crate) fn is_turned(&self, other: &Self) -> bool {
        self.by == other.by
            && self.draw == other.draw
            && self.order.len() > 1
            && self.order.iter().eq(other.order.iter().rev())
    }

    /// Every text of this vote without thinking blocks; a picked label is no critique.
    pub fn critique(&self) -> String {
        let texts = self.calls.iter().filter(|call| !call.chosen);
        let visible: Vec<&str> = texts.map(Call::shown).collect();
        visible.join("\n").trim().to_owned()
    }
}

/// What the name of a rule ends with where the probabilities of its values gave the verdict.
pub(crate) const SCORED: &str = " scored";

/// The part of an answer that counts, where nothing is known of what was judged: see
/// [`text::visible`](crate::text::visible).
#[doc(hidden)]
pub fn visible(text: &str) -> &str {
    crate::text::visible(text, &[], None)
}

/// Same decision, whatever the certainty.
pub(crate) fn alike(a: &Verdict, b: &Verdict) -> bool {
    match (a, b) {
        (Verdict::Label(a), Verdict::Label(b)) => a.label == b.label,
        (Verdict::Steps(a), Verdict::Steps(b)) => a.first_error == b.first_error,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_not_visible_not_even_when_it_never_ends() {
        assert_eq!(visible("<think>4? no</think>Score: 5"), "Score: 5");
        assert_eq!(visible("hidden start</think>Score: 5"), "Score: 5");
        assert_eq!(visible("Score: 4 <think>or is it 5"), "Score: 4 ");
        assert_eq!(visible("<Thinking>4?</THINKING>Score: 5"), "Score: 5");
        assert_eq!(visible("<think>a</think>Score: 4<think>b</think>"), "");
        assert_eq!(visible("<think>a</think>Score: 4<think>b"), "Score: 4");
        assert_eq!(visible("Score: 4 <think>Score: 5 <think>6"), "Score: 4 ");
        assert_eq!(visible("plain"), "plain");
    }

    #[test]
    fn p_is_shown_where_it_is_known_and_else_the_confidence() {
        let shown = |p, confidence| {
            Verdict::Label(Label { p, confidence, ..Label::new("incorrect") }).to_string()
        };
        assert_eq!(shown(Some(0.02), Some(0.98)), "incorrect (p 0.02)");
        assert_eq!(shown(None, Some(0.98)), "incorrect (confidence 0.98)");
        assert_eq!(shown(None, None), "incorrect");
    }
}
