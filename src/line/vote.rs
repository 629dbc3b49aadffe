//! One vote in a line, with every text that was written for it.

use serde::{Deserialize, Serialize};

use super::{ErrorLine, VerdictLine, json::not_a_line};
use crate::{
    completion::Distribution,
    error::Result,
    verdict::{Call, Outcome, Unreadable, Verdict, Vote},
};

/// The vote of one member of a judge for one draw and one order: exactly one of a verdict, `unreadable` or
/// `error`, and everything that is needed to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct VoteLine {
    /// The name of the member, or of the model if the judge has one member.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The index of the sample of the same question, from 0.
    pub draw: u32,
    /// The order in which the answers were shown.
    pub order: ShownOrder,
    /// How many unreadable answers were requested again before this one.
    #[serde(default)]
    pub reask: u32,
    /// The texts of the model, in the order in which they were written.
    pub calls: Vec<Call>,
    /// The verdict of this vote, in the record's own order of answers. If the result is a text, `verdict` holds it.
    #[serde(flatten)]
    pub verdict: VerdictLine,
    /// Why the answer holds no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// The error, where the vote has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// The rule of the prompt by which the verdict was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The place of the verdict: its first character and the one after its last, in the last text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(usize, usize)>,
    /// Probabilities of the verdicts that the prompt offers, if they were evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The mark before the verdict, if it differs from the mark of the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// The order in which answers were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum ShownOrder {
    /// The order of the record, or two answers exchanged.
    Named(NamedOrder),
    /// The 0-based answers, in the order in which they were shown.
    Places(Vec<usize>),
}

/// Orders that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NamedOrder {
    /// As the record has them.
    Given,
    /// Two answers, the second one first.
    Swapped,
}

impl ShownOrder {
    /// This order of answers.
    pub fn of(order: &[usize]) -> Self {
        match order {
            [1, 0] => Self::Named(NamedOrder::Swapped),
            _ if order.iter().enumerate().all(|(n, &place)| n == place) => {
                Self::Named(NamedOrder::Given)
            }
            _ => Self::Places(order.to_vec()),
        }
    }

    /// The 0-based answers in the order in which they were shown, where the record has `count` of them.
    pub fn places(&self, count: usize) -> Vec<usize> {
        match self {
            Self::Named(NamedOrder::Given) => (0..count).collect(),
            Self::Named(NamedOrder::Swapped) => vec![1, 0],
            Self::Places(places) => places.clone(),
        }
    }

    /// The number of answers; `None` if the order does not contain it.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Named(NamedOrder::Given) => None,
            Self::Named(NamedOrder::Swapped) => Some(2),
            Self::Places(places) => Some(places.len()),
        }
    }
}

impl From<&Vote> for VoteLine {
    fn from(vote: &Vote) -> Self {
        let mut verdict = vote.outcome.verdict().map(VerdictLine::from).unwrap_or_default();
        // It is the same as `verdict`, and may be long.
        verdict.text = None;
        Self {
            by: vote.by.to_string(),
            draw: vote.draw,
            order: ShownOrder::of(&vote.order),
            reask: vote.reask,
            calls: vote.calls.clone(),
            verdict,
            unreadable: vote.outcome.unreadable().cloned(),
            error: vote.outcome.failed().map(ErrorLine::from),
            rule: vote.rule.clone(),
            span: vote.span,
            distribution: vote.distribution.clone(),
            mark: vote.mark.clone(),
        }
    }
}

impl VoteLine {
    /// The vote about a record of `count` answers.
    ///
    /// # Errors
    /// The line holds none or several of a verdict, `unreadable` and `error`; or, as lines without `v`
    /// do, only the words of a verdict.
    pub fn to_vote(&self, count: usize) -> Result<Vote> {
        let outcome = match (&self.unreadable, &self.error, self.verdict.is_some()) {
            (None, None, true) => {
                let verdict = self.verdict.to_verdict().ok_or_else(|| {
                    not_a_line("a vote of the line holds its verdict in words only")
                        .hint("`tribunal reparse` writes such lines anew")
                })?;
                Outcome::Verdict(with_distribution(verdict, self.distribution.as_ref()))
            }
            (Some(why), None, false) => Outcome::Unreadable(why.clone()),
            (None, Some(error), false) => Outcome::Failed(error.clone().into()),
            _ => {
                return Err(not_a_line(
                    "a vote of the line does not hold exactly one of a verdict, `unreadable` and `error`",
                ));
            }
        };
        Ok(Vote {
            by: self.by.as_str().into(),
            draw: self.draw,
            order: self.order.places(count),
            reask: self.reask,
            calls: self.calls.clone(),
            rule: self.rule.clone(),
            span: self.span,
            distribution: self.distribution.clone(),
            mark: self.mark.clone(),
            ..Vote::new(outcome)
        })
    }
}

/// A label with the probabilities of what labels mean, among themselves, where it is one of them.
pub(super) fn with_distribution(verdict: Verdict, seen: Option<&Distribution>) -> Verdict {
    match verdict {
        Verdict::Label(mut label) => {
            let about = |seen: &&Distribution| seen.of(&label.label).is_some();
            // Without a confidence the labels hold too little to be compared among themselves.
            let sure = label.confidence.is_some();
            let among = |seen: &Distribution| seen.among_labels();
            label.distribution = seen.filter(about).filter(|_| sure).and_then(among);
            Verdict::Label(label)
        }
        verdict => verdict,
    }
}
