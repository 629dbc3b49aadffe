//! What a judge decided, or why nothing could be read.
//!
//! | type | what it is |
//! |---|---|
//! | [`Verdict`] | a decision, of one of eight [kinds](VerdictKind) |
//! | [`Unreadable`] | why an answer holds no verdict |
//! | [`Vote`] | the verdict of one member for one draw and one order, with its texts ([`Call`]) |
//! | [`Judgment`] | the decision over all votes about one item |
//! | [`Calibration`] | a map from the probabilities of a judge to how often it was right |

mod unreadable;
mod rubric;
mod vote;
mod judgment;
mod thresholds;
mod calibration;

#[doc(inline)]
pub use crate::scale::{Assessment, Side as Preference};
#[doc(hidden)]
pub use vote::visible;
pub use {
    calibration::{CalibratedPrompt, Calibration, CalibrationMap, log_odds, logistic},
    judgment::{Judgment, Stage},
    rubric::{CriterionVerdict, Rubric},
    thresholds::{CascadeThresholds, JudgeThreshold},
    unreadable::{Reason, Unreadable},
    vote::{Call, Outcome, Vote},
};

pub(crate) use vote::SCORED;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::completion::Distribution;

/// A decision. Answers are in the order in which the item holds them.
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
/// | `criteria` | [`Rubric`], where criteria are met or unmet, or have weights | a verdict for each criterion, and a score from 0 to 1 |
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
    /// A label for every step, or the first step that is wrong.
    Steps(Steps),
    /// Which of two answers is better.
    Preference(Preference),
    /// Groups of 0-based candidate indexes, best first; a group holds ties.
    Ranking(Vec<Vec<usize>>),
    /// One number per candidate.
    Scores(Vec<f64>),
    /// One number per named criterion.
    Criteria(BTreeMap<String, f64>),
    /// A verdict on each criterion of a rubric, with weights, and the score that they come to.
    Rubric(Rubric),
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
    /// `None` if the model reports none, or the prompt has no positive label.
    pub p: Option<f64>,
    /// That probability as the model reports it, where a [`Calibration`] mapped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_raw: Option<f64>,
    /// Probability of this label among the labels offered, 0 to 1, where the model reports it.
    pub confidence: Option<f64>,
    /// Probabilities of what the labels mean, among themselves, where the model reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

impl Label {
    /// A label of which no probability is known.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), p: None, p_raw: None, confidence: None, distribution: None }
    }
}

/// The first wrong step of a solution, and a label for each step that was judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Steps {
    /// 0-based index of the first step that is wrong; `None` when every step is right.
    pub first_error: Option<usize>,
    /// The steps that were judged, in order; empty if the judge only names the first error.
    pub steps: Vec<StepLabel>,
    /// One number for the whole solution, 0 to 1, made of the probabilities of all steps by the key `reduce` of the
    /// prompt. `None` without this key, or if a step has no probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
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
    /// A second number that the prompt gives the step (key `value`): the chance that the solution succeeds from
    /// here, for example, beside the probability that the step is correct; or the sum of log-ratios of which `p` is
    /// made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Probabilities of what the labels mean, among themselves, where the model reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

impl StepLabel {
    /// A step of which no probability is known.
    pub fn new(index: usize, label: impl Into<String>) -> Self {
        Self { index, label: label.into(), p: None, value: None, distribution: None }
    }
}

/// The label of a right answer or step.
pub const CORRECT: &str = "correct";
/// The label of a wrong answer or step.
pub const INCORRECT: &str = "incorrect";

/// The reward of a step as a distribution: it is right with probability `p`.
#[cfg(any(feature = "llama", feature = "openai"))]
pub(crate) fn step_reward(p: f64) -> Distribution {
    Distribution::new(vec![(CORRECT.to_owned(), p), (INCORRECT.to_owned(), 1.0 - p)])
}

impl Verdict {
    /// The name of this verdict in a distribution over a finite menu: a number, a label, `first`, `second` or `tie`,
    /// the first wrong step or `-1`. `None` for kinds without a finite menu.
    pub fn meaning(&self) -> Option<String> {
        match self {
            Self::Score(score) => Some(score.to_string()),
            Self::Label(label) => Some(label.label.clone()),
            Self::Preference(side) => Some(side.name().to_owned()),
            Self::Steps(steps) => {
                Some(steps.first_error.map_or_else(|| "-1".to_owned(), |index| index.to_string()))
            }
            Self::Ranking(_)
            | Self::Scores(_)
            | Self::Criteria(_)
            | Self::Rubric(_)
            | Self::Text(_) => None,
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
            Self::Criteria(_) | Self::Rubric(_) => VerdictKind::Criteria,
            Self::Text(_) => VerdictKind::Text,
        }
    }

    /// For scores: the number, on the prompt's scale. For rubrics: the score over all criteria, 0 to 1. For steps:
    /// the one number that `reduce` makes of them, 0 to 1.
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Score(score) => Some(*score),
            Self::Rubric(rubric) => rubric.score(),
            Self::Steps(steps) => steps.score,
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

    /// For criteria: one number for each, by name; of a rubric those that were assessed.
    pub fn criteria(&self) -> Option<&BTreeMap<String, f64>> {
        match self {
            Self::Criteria(criteria) => Some(criteria),
            Self::Rubric(rubric) => Some(rubric.numbers()),
            _ => None,
        }
    }

    /// For rubrics: the verdict on each criterion, with its weight.
    pub fn rubric(&self) -> Option<&Rubric> {
        match self {
            Self::Rubric(rubric) => Some(rubric),
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
    /// One number, or a verdict with a weight, for each criterion.
    Criteria,
    /// A text that is the result itself.
    Text,
}

impl VerdictKind {
    /// The word in files.
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

/// For people: `7`, `correct (p 0.98)`, `incorrect (p 0.02)`, `first error at 2`, `no error (score 0.93)`, `1 > 0 = 2`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(score) => write!(f, "{score}"),
            Self::Label(Label { label, p: Some(p), .. }) => write!(f, "{label} (p {p:.2})"),
            Self::Label(Label { label, confidence: Some(sure), .. }) => {
                write!(f, "{label} (confidence {sure:.2})")
            }
            Self::Label(Label { label, .. }) => f.write_str(label),
            Self::Steps(Steps { first_error, score, .. }) => {
                match first_error {
                    Some(index) => write!(f, "first error at {index}")?,
                    None => f.write_str("no error")?,
                }
                score.map_or(Ok(()), |score| write!(f, " (score {score:.2})"))
            }
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
            Self::Rubric(rubric) => write!(f, "{rubric}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

fn join<T: ToString>(items: &[T], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// Whether two verdicts are the same decision, however certain each is.
pub(crate) fn alike(a: &Verdict, b: &Verdict) -> bool {
    match (a, b) {
        (Verdict::Label(a), Verdict::Label(b)) => a.label == b.label,
        (Verdict::Steps(a), Verdict::Steps(b)) => a.first_error == b.first_error,
        (Verdict::Rubric(a), Verdict::Rubric(b)) => a.is_like(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
