//! One vote: the verdict of one member of a judge, with every text that it wrote.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Unreadable, Verdict};
use crate::{
    completion::{Distribution, Finish, Usage},
    error::Error,
};

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
    /// Whether this is a label that was chosen, or what code printed, instead of a text that the model wrote.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub chosen: bool,
    /// What the model wrote.
    pub text: String,
    /// Its thinking, if the backend separates it from the text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thinking: Option<String>,
    /// How it ended.
    pub finish: Finish,
    /// Tokens of this call.
    pub usage: Usage,
    /// Probabilities of the labels, for a `choose`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distribution: Option<Distribution>,
    /// For texts that were given and only weighed: the natural-log probability of each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sums: Vec<f64>,
    /// For a call that only scored the values of the verdict: the end of the text after which they were scored.
    /// The scores do not apply to any other text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub announcement: Option<String>,
    /// Whether an engine in this process ended the turn, so that what looks like a control token in the
    /// text is text. Written only where the text holds one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub in_process: bool,
    /// For a text that was asked for again because a lower limit of tokens had cut it off: the higher limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_tokens: Option<u32>,
    /// For a text that its limit of tokens cut off: why there is none with a higher limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<String>,
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

/// The result of one vote.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A decision, mapped back to the item's own order.
    Verdict(Verdict),
    /// An answer without a readable verdict.
    Unreadable(Unreadable),
    /// No answer, because a request failed.
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

    /// The reason why no verdict could be read from the answer, for such an answer.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        match self {
            Self::Unreadable(why) => Some(why),
            _ => None,
        }
    }

    /// The error, if there is no answer.
    pub fn failed(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the answer is that the judge cannot judge.
    pub fn is_abstention(&self) -> bool {
        self.unreadable().is_some_and(Unreadable::is_abstention)
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

/// The verdict of one member of a judge for one draw and one order.
///
/// A judgment has members × draws × orders votes. Each may fail by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Vote {
    /// The name of the member; in a judge of one member the name of the model.
    pub by: Arc<str>,
    /// Index of the repeated sample, from 0.
    pub draw: u32,
    /// Positions in which the answers were shown: `[1, 0]` is swapped.
    pub order: Vec<usize>,
    /// How many times an unreadable answer was asked for again before this one.
    pub reask: u32,
    /// The answers of the model, in the order in which the prompt asked for them.
    pub calls: Vec<Call>,
    /// The verdict, the reason why none could be read, or the error.
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

impl Vote {
    /// A vote for the first draw in the item's own order, without a name or texts.
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

    /// Whether the model wrote its verdict only after it was asked for the verdict alone.
    pub fn is_forced(&self) -> bool {
        self.calls.iter().any(|call| call.finish == Finish::Forced)
    }

    /// Whether the verdict is the most probable value of the menu instead of a value read from the text.
    pub fn is_scored(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.ends_with(SCORED))
    }

    /// Whether another vote of the same member and draw saw the answers, two or more, in the opposite order.
    pub(crate) fn is_turned(&self, other: &Self) -> bool {
        self.by == other.by
            && self.draw == other.draw
            && self.order.len() > 1
            && self.order.iter().eq(other.order.iter().rev())
    }

    /// Every text of this vote without thinking blocks and without chosen labels.
    pub fn critique(&self) -> String {
        let texts = self.calls.iter().filter(|call| !call.chosen);
        let visible: Vec<&str> = texts.map(Call::shown).collect();
        visible.join("\n").trim().to_owned()
    }
}

/// The end of the name of a rule if the probabilities of its values gave the verdict.
pub(crate) const SCORED: &str = " scored";

/// The part of an answer that counts, if the judged texts are not known: see
/// [`text::visible`](crate::text::visible).
#[doc(hidden)]
pub fn visible(text: &str) -> &str {
    crate::text::visible(text, &[], None)
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
}
