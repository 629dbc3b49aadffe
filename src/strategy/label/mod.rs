//! Labels for the steps of solutions, by completing them: training data for process reward models.
//!
//! A policy completes a solution from each of its steps several times, and a check compares the ends with the
//! reference. The share of completions that end right is the *value* of the step (Wang et al. 2024, Math-Shepherd); a
//! step from which none ends right is wrong. A [binary search](LabelMethod::FirstError) finds the first wrong step with
//! fewer completions (Luo et al. 2024, OmegaPRM).
//!
//! ```
//! # #[cfg(feature = "checks")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Completion, Item, Judge, Request, backend::{Check, from_fn}, strategy::label::{LabelOptions, Labeler}};
//!
//! // A policy that goes on as it began: it adds 1 to the last number.
//! let policy = from_fn("adds", |request: Request| async move {
//!     let wrong = request.messages.iter().any(|message| message.text().contains("2 + 3 = 6"));
//!     Ok(Completion::text(if wrong { "6 + 1 = 7" } else { "5 + 1 = 6" }))
//! });
//! let policy = Judge::builder().backend(policy).prompt("complete").draws(2).build().await?;
//! let check = Judge::builder().backend(Check::named("number")?).prompt("check").build().await?;
//! let labeler = Labeler::new(policy, check, LabelOptions::default())?;
//! let item = Item::new().question("2 + 3 + 1").answer("2 + 3 = 6\n6 + 1 = 7").reference("6");
//! let labelled = labeler.label(&item).await?;
//! assert_eq!(labelled.judgment.first_error(), Some(Some(0)));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "checks"))]
//! # fn main() {}
//! ```

mod rollouts;
mod search;

#[doc(hidden)]
pub use rollouts::joined;
pub use {rollouts::Rollouts, search::LabelMethod};

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::search::LabelSearch;
use super::Spent;
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::{Item, Splitting},
    judge::Judge,
    parse::Kind,
    verdict::{Judgment, Unreadable, Verdict},
};

/// How steps are labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LabelOptions {
    /// Which steps get a value.
    pub method: LabelMethod,
    /// A step is right if more than this share of the completions after it end right, 0 to 1 (0 by default: one is
    /// enough).
    pub threshold: f64,
    /// How an answer is cut into steps, of items that hold no list of steps.
    pub split: Splitting,
}

impl LabelOptions {
    /// The same options with this method.
    #[must_use]
    pub fn method(self, method: LabelMethod) -> Self {
        Self { method, ..self }
    }

    /// The same options with this threshold.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold, ..self }
    }

    /// The same options with this rule for cutting answers into steps.
    #[must_use]
    pub fn split(self, split: Splitting) -> Self {
        Self { split, ..self }
    }

    /// The steps of an item: its list of steps, or those of its answer; empty if it has neither.
    pub fn steps(self, item: &Item) -> Vec<String> {
        match item.text("answer") {
            Some(answer) if !item.lists_steps() && self.split != Splitting::Given => {
                self.split.steps(&answer)
            }
            _ if item.lists_steps() => item.steps(),
            _ => Vec::new(),
        }
    }
}

/// Labels the steps of solutions.
#[derive(Clone, Debug)]
pub struct Labeler {
    policy: Judge,
    check: Judge,
    options: LabelOptions,
}

/// The labels of one solution, and what they cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Labelled {
    /// The labels as a verdict, with the tokens and requests of completions and checks; it has no votes. The `value` of
    /// a step is the share of completions after it that end right. Unreadable if the first error cannot be told.
    pub judgment: Judgment,
    /// What was completed, and how it ended, by the number of steps that were kept.
    pub rollouts: Vec<Rollouts>,
    /// The number of completions that each method needs for this solution.
    pub needed: Needed,
}

/// The number of completions that each method needs to label a solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Needed {
    /// [`LabelMethod::EveryStep`].
    pub every_step: u64,
    /// [`LabelMethod::FirstError`].
    pub first_error: u64,
}

impl std::ops::AddAssign for Needed {
    fn add_assign(&mut self, other: Self) {
        self.every_step += other.every_step;
        self.first_error += other.first_error;
    }
}

impl Labeler {
    /// Labels with completions of this policy, whose ends this check compares with the reference. The policy's
    /// [draws](crate::judge::JudgeBuilder::draws) are the number of completions from each step.
    ///
    /// # Errors
    /// The policy writes no texts from a `prefix`, the check has no pass rule, or the threshold is not from 0 to below 1.
    pub fn new(policy: Judge, check: Judge, options: LabelOptions) -> Result<Self> {
        let prompt = policy.prompt();
        if prompt.front().kind != Kind::Revision || !prompt.reads("prefix") {
            let message = format!("the prompt `{}` does not complete solutions", prompt.name());
            let hint =
                Hint::from("use one with `kind: revision` that shows the field `prefix`, such as ");
            return Err(
                Error::new(ErrorKind::Config, message).hint(hint.setting("prompt", "complete"))
            );
        }
        if matches!(options.split, Splitting::Confidence(_)) {
            let error =
                Error::new(ErrorKind::Config, "solutions to label cannot be split by confidence");
            return Err(error.hint("split them by another rule, or give them as a list of steps"));
        }
        if check.pass().is_none() {
            let error = Error::new(ErrorKind::Config, "the check of completions has no pass rule");
            return Err(
                error.hint("name a check such as `check:number`, or a judge with a pass rule")
            );
        }
        if !(0.0..1.0).contains(&options.threshold) {
            let message = format!("the threshold {} is not from 0 to below 1", options.threshold);
            return Err(Error::new(ErrorKind::Config, message)
                .hint("0 labels a step right if one completion after it ends right"));
        }
        Ok(Self { policy, check, options })
    }

    /// The model that completes solutions.
    pub fn policy(&self) -> &Judge {
        &self.policy
    }

    /// What compares the ends of completions with the reference.
    pub fn check(&self) -> &Judge {
        &self.check
    }

    /// The settings.
    pub fn options(&self) -> LabelOptions {
        self.options
    }

    /// Labels the steps of one solution. The beginnings that do not depend on each other are completed concurrently.
    ///
    /// # Errors
    /// The item has no steps, the policy gave no answer for a beginning, or the check cannot use the reference.
    ///
    /// # Cancellation
    /// Dropping the future cancels the requests in flight. Answers that arrived are in the caches of the models.
    pub async fn label(&self, item: &Item) -> Result<Labelled> {
        let steps = self.options.steps(item);
        if steps.is_empty() {
            return Err(item.lacks("steps"));
        }
        let started = Instant::now();
        let mut search = LabelSearch::new(self.options.method, steps.len(), self.options.threshold);
        let (mut rollouts, mut spent) = (Vec::new(), Spent::default());
        loop {
            let open = search.next();
            if open.is_empty() {
                break;
            }
            let tried = open.into_iter().map(|kept| self.complete(item, &steps, kept));
            for (done, cost) in futures_util::future::try_join_all(tried).await? {
                search.take(done.steps, done.value());
                rollouts.push(done);
                spent += cost;
            }
        }
        rollouts.sort_by_key(|done: &Rollouts| done.steps);
        let draws = rollouts::draws(&self.policy);
        let needed = |method| search.tries(method) as u64 * draws;
        let needed = Needed {
            every_step: needed(LabelMethod::EveryStep),
            first_error: needed(LabelMethod::FirstError),
        };
        let verdict = search.labels().map(Verdict::Steps);
        let judgment = self.judgment(verdict, &spent, started.elapsed());
        Ok(Labelled { judgment, rollouts, needed })
    }

    /// The labels as a judgment that cost so much.
    fn judgment(
        &self,
        verdict: Result<Verdict, Unreadable>,
        spent: &Spent,
        time: Duration,
    ) -> Judgment {
        let cost = |cost: f64| Some(cost).filter(|_| self.is_priced());
        Judgment {
            usage: spent.usage,
            saved: spent.saved,
            calls: spent.calls,
            cached: spent.cached,
            attempts: spent.requests,
            cost: cost(spent.cost),
            saved_cost: cost(spent.saved_cost),
            latency_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            ..Judgment::new(verdict)
        }
    }

    /// Whether all prices are known.
    pub fn is_priced(&self) -> bool {
        self.policy.is_priced() && self.check.is_priced()
    }
}
