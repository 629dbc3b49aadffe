//! What a judge decided, or why nothing could be read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use crate::scale::Side as Preference;

/// The [`Call::finish`] of a verdict that was asked for alone.
pub(crate) const FORCED: &str = "forced";

/// A decision, in the order in which the item holds its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
pub struct Label {
    /// The outcome.
    pub label: String,
    /// Probability of the prompt's positive label among the labels offered, 0 to 1, whichever label this is;
    /// `None` where the model reports none, or the prompt has no positive label.
    pub p: Option<f64>,
    /// Probability of this label among the labels offered, 0 to 1, where the model reports it.
    pub confidence: Option<f64>,
}

/// What is known about the steps of a solution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// 0-based index of the first step that is wrong; `None` when every step is right.
    pub first_error: Option<usize>,
    /// The steps that were judged, in order; empty where the judge only names the first error.
    pub steps: Vec<StepLabel>,
}

/// The judgment of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLabel {
    /// 0-based place of the step.
    pub index: usize,
    /// `correct`, `incorrect`, or another outcome that the prompt names.
    pub label: String,
    /// Probability that the step is correct, 0 to 1, where the model tells it.
    pub p: Option<f64>,
}

/// The label of a right answer or step.
pub const CORRECT: &str = "correct";
/// The label of a wrong answer or step.
pub const INCORRECT: &str = "incorrect";

impl Verdict {
    /// The word that names this kind in files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Score(_) => "score",
            Self::Label(_) => "label",
            Self::Steps(_) => "steps",
            Self::Preference(_) => "preference",
            Self::Ranking(_) => "ranking",
            Self::Scores(_) => "scores",
            Self::Criteria(_) => "criteria",
            Self::Text(_) => "text",
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

/// Why an answer that came holds no verdict. It never becomes a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unreadable {
    /// The class of the failure.
    pub reason: Reason,
    /// What was looked for, or what stood there instead.
    pub detail: String,
}

/// The classes of unreadable answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Tokens that were read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the prompts.
    pub prompt: u64,
    /// Those of them that the server or the engine had seen before.
    pub cached: u64,
    /// Tokens that were written, thinking included.
    pub completion: u64,
    /// Those of them that were thinking.
    pub reasoning: u64,
    /// Answers whose server did not report its tokens: what they took is missing above.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// The tokens of one answer whose server does not report them.
    pub const UNKNOWN: Self =
        Self { prompt: 0, cached: 0, completion: 0, reasoning: 0, unknown: 1 };

    /// Whether the tokens of every answer were reported.
    pub fn is_known(&self) -> bool {
        self.unknown == 0
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.cached += other.cached;
        self.completion += other.completion;
        self.reasoning += other.reasoning;
        self.unknown += other.unknown;
    }
}

/// What a million tokens cost, in the currency of whoever sends the bill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens of prompts.
    pub prompt: f64,
    /// Tokens of prompts that the server had seen before; as much as any other if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<f64>,
    /// Tokens that are written.
    pub completion: f64,
}

impl Price {
    /// What these tokens cost; `None` where the tokens of some answer are not known.
    pub fn of(&self, usage: Usage) -> Option<f64> {
        usage.is_known().then(|| self.at_least(usage))
    }

    /// What the tokens cost that are known.
    pub fn at_least(&self, usage: Usage) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody pays for 2^52 tokens")]
        let millions = |tokens: u64| tokens as f64 / 1e6;
        let fresh = usage.prompt.saturating_sub(usage.cached);
        millions(fresh) * self.prompt
            + millions(usage.cached) * self.cached.unwrap_or(self.prompt)
            + millions(usage.completion) * self.completion
    }
}

/// Probabilities of the labels that were offered at one place, at temperature 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Label and probability, 0 to 1, in the order in which the labels were offered.
    pub labels: Vec<(String, f64)>,
    /// Probability of everything else that could have followed.
    pub missing: f64,
}

impl Distribution {
    /// The probabilities of labels, seen through the alternatives of one token (natural logs).
    ///
    /// A label gets the mass of every token that begins it, or that it begins, and no other label;
    /// whatever fits none or several is missing. Case matters only where labels differ by nothing else.
    pub fn of_alternatives(top: &[(String, f64)], labels: &[String]) -> Self {
        let mut masses = vec![0.0; labels.len()];
        for (token, logprob) in top {
            if let Some(mass) =
                label_of(token.trim(), labels).and_then(|index| masses.get_mut(index))
            {
                *mass += logprob.exp();
            }
        }
        let missing = (1.0 - masses.iter().sum::<f64>()).clamp(0.0, 1.0);
        Self { labels: labels.iter().cloned().zip(masses).collect(), missing }
    }

    /// The probability that one of the labels offered comes next, 0 to 1.
    pub fn mass(&self) -> f64 {
        self.labels.iter().map(|(_, p)| p).sum()
    }

    /// The share of `label` among all labels offered; `None` where none of them has any mass.
    pub fn share(&self, label: &str) -> Option<f64> {
        let total = self.mass();
        let (_, p) = self.labels.iter().find(|(name, _)| name.trim() == label.trim())?;
        (total > 0.0).then(|| p / total)
    }
}

/// The one label that a token is, begins, or is begun by: as it is written, else in any case.
fn label_of(token: &str, labels: &[String]) -> Option<usize> {
    if token.is_empty() {
        return None;
    }
    let only = |fits: &dyn Fn(&str) -> bool| {
        let all = labels.iter().enumerate().filter(|(_, label)| fits(label.trim()));
        let mut all = all.map(|(index, _)| index);
        (all.next(), all.next().is_some())
    };
    let fits = |label: &str, token: &str| label.starts_with(token) || token.starts_with(label);
    let low = token.to_lowercase();
    let tries: [&dyn Fn(&str) -> bool; 4] = [
        &|label| label == token,
        &|label| fits(label, token),
        &|label| label.to_lowercase() == low,
        &|label| fits(&label.to_lowercase(), &low),
    ];
    for fits in tries {
        match only(fits) {
            (Some(index), false) => return Some(index),
            (Some(_), true) => return None,
            (None, _) => (),
        }
    }
    None
}

/// One text of one vote, with everything needed to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// How it ended: `stop`, `length` or `filtered`.
    pub finish: String,
    /// Tokens of this call.
    pub usage: Usage,
    /// Probabilities of the labels, for a `choose`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distribution: Option<Distribution>,
    /// Whether an engine in this process ended the turn, so that what looks like a control token in the
    /// text is text. Written only where the text holds one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub in_process: bool,
    /// The bytes of the text that count: without thinking and what follows the end of the turn. `None`
    /// where it was not read.
    #[serde(skip)]
    pub spoken: Option<(usize, usize)>,
}

impl Call {
    /// The part of the text that counts.
    pub fn shown(&self) -> &str {
        let spoken = self.spoken.and_then(|(start, end)| self.text.get(start..end));
        spoken.unwrap_or_else(|| visible(&self.text))
    }
}

/// One reading of one draw in one order.
#[derive(Clone, Debug, PartialEq)]
pub struct Vote {
    /// Index of the repeated sample.
    pub draw: u32,
    /// Positions in which the answers were shown: `[1, 0]` is swapped.
    pub order: Vec<usize>,
    /// How often an unreadable answer had been asked again before this one.
    pub reask: u32,
    /// The texts.
    pub calls: Vec<Call>,
    /// The decision, mapped back to the item's own order.
    pub verdict: Result<Verdict, Unreadable>,
    /// The rule that spoke.
    pub rule: Option<String>,
    /// Where it spoke: characters of the last text of this vote.
    pub span: Option<(usize, usize)>,
}

/// What came of judging one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgment {
    /// The decision over all votes, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether both orders of a comparison agreed, where both were asked.
    pub consistent: Option<bool>,
    /// Whether the pass rule holds; `None` without a rule. Unreadable never passes.
    pub pass: Option<bool>,
    /// For scores: 0 at the lowest end of the scale, 1 at the highest.
    pub normalized: Option<f64>,
    /// Every vote, in the order of draws and orders.
    pub votes: Vec<Vote>,
    /// The marker that this item's prompt used, to be removed from critiques that others see.
    pub mark: Option<String>,
    /// Tokens over all calls.
    pub usage: Usage,
    /// Tokens of remembered answers, which cost nothing now.
    pub saved: Usage,
    /// How many answers were remembered, and how many there are.
    pub cached: (u32, u32),
    /// Requests that were sent for this judgment, retries included.
    pub attempts: u32,
    /// Milliseconds from the first request to the last answer.
    pub latency_ms: u64,
}

impl Judgment {
    /// The score, if this is one.
    pub fn score(&self) -> Option<f64> {
        match self.verdict {
            Ok(Verdict::Score(score)) => Some(score),
            _ => None,
        }
    }

    /// The label, if this is one.
    pub fn label(&self) -> Option<&str> {
        match &self.verdict {
            Ok(Verdict::Label(label)) => Some(&label.label),
            _ => None,
        }
    }

    /// For labels: the probability of the prompt's positive label, 0 to 1, where the model reports it.
    pub fn p(&self) -> Option<f64> {
        match &self.verdict {
            Ok(Verdict::Label(label)) => label.p,
            _ => None,
        }
    }

    /// For labels: the probability of the label that was given, 0 to 1, where the model reports it.
    pub fn confidence(&self) -> Option<f64> {
        match &self.verdict {
            Ok(Verdict::Label(label)) => label.confidence,
            _ => None,
        }
    }

    /// Whether a comparison that was asked in both orders could be read in one of them only, in at least one
    /// draw: such a draw counts as half.
    pub fn one_order_unreadable(&self) -> bool {
        let lost = |one: &Vote, other: &Vote| one.verdict.is_ok() != other.verdict.is_ok();
        let mut votes = self.votes.iter().enumerate();
        votes.any(|(n, one)| {
            let mut later = self.votes.iter().skip(n + 1);
            later.any(|other| one.is_turned(other) && lost(one, other))
        })
    }

    /// The preferred answer, if this is a comparison.
    pub fn preference(&self) -> Option<Preference> {
        match self.verdict {
            Ok(Verdict::Preference(side)) => Some(side),
            _ => None,
        }
    }

    /// For steps: the 0-based first error, −1 when every step is right.
    pub fn first_error(&self) -> Option<i64> {
        match &self.verdict {
            Ok(Verdict::Steps(steps)) => {
                Some(steps.first_error.map_or(-1, |index| i64::try_from(index).unwrap_or(i64::MAX)))
            }
            _ => None,
        }
    }

    /// Whether the pass rule holds; `false` without a rule.
    pub fn passed(&self) -> bool {
        self.pass == Some(true)
    }

    /// Why there is no verdict.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.verdict.as_ref().err()
    }

    /// The vote that speaks for the judgment: the first that agrees with the verdict, else the first.
    pub fn speaker(&self) -> Option<&Vote> {
        let agrees = |vote: &&Vote| match (&vote.verdict, &self.verdict) {
            (Ok(one), Ok(all)) => alike(one, all),
            (Err(_), Err(_)) => true,
            _ => false,
        };
        self.votes.iter().find(agrees).or_else(|| self.votes.first())
    }

    /// What the judge wrote, without thinking blocks.
    pub fn critique(&self) -> String {
        self.speaker().map(Vote::critique).unwrap_or_default()
    }
}

impl Vote {
    /// Whether the model wrote no verdict until it was asked for that alone.
    pub fn is_forced(&self) -> bool {
        self.calls.iter().any(|call| call.finish == FORCED)
    }

    /// Whether another vote is of the same draw, and saw two answers or more in the opposite order.
    pub(crate) fn is_turned(&self, other: &Self) -> bool {
        self.draw == other.draw
            && self.order.len() > 1
            && self.order.iter().eq(other.order.iter().rev())
    }

    /// Every text of this vote without thinking blocks; a picked label is no critique.
    pub fn critique(&self) -> String {
        let texts = self.calls.iter().filter(|call| !call.chosen);
        let spoken: Vec<&str> = texts.map(Call::shown).collect();
        spoken.join("\n").trim().to_owned()
    }
}

/// The part of an answer that counts, where nothing is known of what was judged: see
/// [`text::visible`](crate::text::visible).
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
    fn a_token_counts_for_the_one_label_that_it_begins() {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        let top = [
            ("Yes".to_owned(), 0.5_f64.ln()),
            ("Y".into(), 0.1_f64.ln()),
            ("Nope".into(), 0.1_f64.ln()),
            (" ".into(), 0.2_f64.ln()),
        ];
        let seen = Distribution::of_alternatives(&top, &labels);
        assert!((seen.labels[0].1 - 0.6).abs() < 1e-12);
        assert!((seen.labels[1].1 - 0.1).abs() < 1e-12);
        assert!((seen.missing - 0.3).abs() < 1e-12);
    }

    #[test]
    fn labels_that_differ_by_case_alone_are_two_labels() {
        let masses = |labels: [&str; 2], token: &str| {
            let labels = labels.map(ToOwned::to_owned);
            let seen = Distribution::of_alternatives(&[(token.to_owned(), 0.0)], &labels);
            (seen.labels[0].1, seen.labels[1].1)
        };
        assert_eq!(masses(["m", "M"], "M"), (0.0, 1.0));
        assert_eq!(masses(["m", "M"], " m"), (1.0, 0.0));
        assert_eq!(masses([" Yes", " No"], "yes"), (1.0, 0.0));
        assert_eq!(masses([" Pass", " PASS"], "pass"), (0.0, 0.0), "it could be either");
    }

    #[test]
    fn p_is_shown_where_it_is_known_and_else_the_confidence() {
        let shown = |p, confidence| {
            Verdict::Label(Label { label: "incorrect".into(), p, confidence }).to_string()
        };
        assert_eq!(shown(Some(0.02), Some(0.98)), "incorrect (p 0.02)");
        assert_eq!(shown(None, Some(0.98)), "incorrect (confidence 0.98)");
        assert_eq!(shown(None, None), "incorrect");
    }

    #[test]
    fn shares_are_among_the_labels_offered() {
        let seen =
            Distribution { labels: vec![("Yes".into(), 0.6), ("No".into(), 0.2)], missing: 0.2 };
        assert!((seen.share(" Yes").unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(seen.share("Maybe"), None);
    }
}
