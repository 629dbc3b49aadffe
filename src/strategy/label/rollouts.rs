//! Completions of the beginning of a solution, and how they end.

use serde::{Deserialize, Serialize};

use super::{Labeler, Spent};
use crate::{
    error::Result,
    item::Item,
    judge::Judge,
    verdict::{Judgment, Outcome, Verdict},
};

/// How the completions of one beginning of a solution ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Rollouts {
    /// How many steps of the solution were kept: 0 is the problem alone. The whole solution is not completed, but
    /// compared as it stands.
    pub steps: usize,
    /// The completions that end right.
    pub correct: u32,
    /// The completions that end wrong.
    pub incorrect: u32,
    /// The completions that could not be compared: no usable text, or an end that the check cannot read.
    pub unreadable: u32,
}

impl Rollouts {
    /// The share of completions that end right, 0 to 1, among those that could be compared; `None` without any.
    ///
    /// ```
    /// use tribunal::strategy::label::Rollouts;
    ///
    /// let mut ends = Rollouts::default();
    /// assert_eq!(ends.value(), None);
    /// (ends.correct, ends.incorrect, ends.unreadable) = (1, 3, 4);
    /// assert_eq!(ends.value(), Some(0.25));
    /// ```
    pub fn value(&self) -> Option<f64> {
        let compared = self.correct + self.incorrect;
        (compared > 0).then(|| f64::from(self.correct) / f64::from(compared))
    }

    /// Counts one end.
    fn count(&mut self, passes: Option<bool>) {
        match passes {
            Some(true) => self.correct += 1,
            Some(false) => self.incorrect += 1,
            None => self.unreadable += 1,
        }
    }
}

/// The number of completions from each step.
pub(super) fn draws(policy: &Judge) -> u64 {
    policy.members().map(|(member, _)| u64::from(member.draws)).sum()
}

impl Labeler {
    /// Completes the solution after its first `kept` steps, and compares the ends with the reference.
    ///
    /// # Errors
    /// The policy gave no answer, or the check cannot use the reference.
    pub(super) async fn complete(
        &self,
        item: &Item,
        steps: &[String],
        kept: usize,
    ) -> Result<(Rollouts, Spent)> {
        let mut rollouts = Rollouts { steps: kept, ..Rollouts::default() };
        let prefix = joined(&steps[..kept]);
        if kept == steps.len() {
            let (passes, spent) = self.ends_right(item, &prefix).await?;
            rollouts.count(passes);
            return Ok((rollouts, spent));
        }
        let completed = self.policy.judge(&item.clone().filled("prefix", prefix.as_str())).await?;
        let mut spent = Spent::of(&completed, self.policy.price());
        for text in texts(&completed) {
            let Some(text) = text else {
                rollouts.count(None);
                continue;
            };
            let whole = [prefix.as_str(), text].into_iter().filter(|part| !part.is_empty());
            let whole: Vec<&str> = whole.collect();
            let (passes, cost) = self.ends_right(item, &whole.join("\n\n")).await?;
            rollouts.count(passes);
            spent += cost;
        }
        Ok((rollouts, spent))
    }

    /// Whether a solution ends right; `None` if that cannot be told.
    async fn ends_right(&self, item: &Item, solution: &str) -> Result<(Option<bool>, Spent)> {
        let judgment = self.check.judge(&item.revised(solution)).await?;
        // A check without a model asks nobody.
        let is_free = judgment.attempts == 0 && judgment.cached == 0;
        let spent =
            if is_free { Spent::default() } else { Spent::of(&judgment, self.check.price()) };
        Ok((judgment.verdict.is_ok().then_some(judgment.pass).flatten(), spent))
    }
}

/// Steps as one text: in paragraphs, as solutions are usually written.
#[doc(hidden)]
pub fn joined(steps: &[String]) -> String {
    steps.join("\n\n")
}

/// The texts that the policy wrote; `None` for each that is not usable.
fn texts(completed: &Judgment) -> impl Iterator<Item = Option<&str>> {
    completed.votes.iter().map(|vote| match &vote.outcome {
        Outcome::Verdict(Verdict::Text(text)) => Some(text.as_str()),
        _ => None,
    })
}
