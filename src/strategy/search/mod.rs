//! Search over the steps of solutions: a policy writes steps, and a judge scores beginnings of solutions and their ends.
//!
//! A [`Searcher`] has a policy, a judge and a [`SearchMethod`]. The methods are state machines over a [`Tree`] of steps,
//! without I/O; the searcher asks the models, in parallel where the method allows it. Every draw of a step has its own
//! key in every cache: the text up to its node, and its number there. So a search that ended early continues without
//! asking again.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Completion, Item, Judge, Request, backend::from_fn};
//! use tribunal::strategy::search::{SearchMethod, SearchOptions, Searcher};
//!
//! // A policy that adds right or wrong, by chance, and a judge that sees which.
//! let policy = from_fn("adds", |request: Request| async move {
//!     let right = request.draw % 2 == 1;
//!     Ok(Completion::text(if right { "2 + 3 = 5\nThe answer is 5." } else { "2 + 3 = 6\nThe answer is 6." }))
//! });
//! let sees = from_fn("sees", |request: Request| async move {
//!     let is_right = request.messages.iter().any(|message| message.text().contains("2 + 3 = 5"));
//!     Ok(Completion::text(if is_right { "Score: 9" } else { "Score: 2" }))
//! });
//! let policy = Judge::builder().backend(policy).prompt("step").build().await?;
//! let judge = Judge::builder().backend(sees).prompt("score").build().await?;
//! let options = SearchOptions::default().method(SearchMethod::Greedy).expand(2);
//! let searched = Searcher::new(policy, judge, options)?.search(&Item::new().question("2 + 3?")).await?;
//! assert_eq!(searched.chosen().map(|path| path.text.as_str()), Some("2 + 3 = 5\nThe answer is 5."));
//! # Ok(())
//! # }
//! ```

mod tree;
mod algorithm;
mod greedy;
mod reset;
mod beam;
mod rebase;
mod best_first;
mod mcts;
mod mcmc;
mod choice;
mod limits;
mod method;
mod drive;
mod searched;

pub use {
    choice::Choice,
    limits::{SearchLimit, SearchLimits},
    method::SearchMethod,
    searched::{FinishedPath, Searched},
    tree::{Node, Tree},
};

use self::{drive::Drive, method::Sizes};
use super::{
    Measure,
    chance::{Chance, seed_for},
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    judge::Judge,
    parse::Kind,
    request::Hasher,
};

/// How a search is done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Which steps are written next.
    pub method: SearchMethod,
    /// N: the number of paths at each level of beam search, DVTS and REBASE; the number of chains.
    pub width: u32,
    /// M: the number of draws after a step that is kept.
    pub expand: u32,
    /// The rounds of best-first search and of Monte Carlo tree search, and the proposals of each chain.
    pub rounds: u32,
    /// The states at the beginning of a chain that do not count.
    pub burn_in: u32,
    /// How many further steps the policy writes greedily before a step is judged; they are judged with it, and thrown
    /// away.
    pub lookahead: u32,
    /// Which number of a judgment is the value.
    pub measure: Measure,
    /// How the answer is chosen; `None` is as usual for the method.
    pub choice: Option<Choice>,
    /// The limits for one record.
    pub limits: SearchLimits,
    /// What stands between steps; `None` is the stop text of the policy's prompt if that is a line break or several,
    /// otherwise one line break.
    pub between: Option<String>,
    /// Texts that end a solution, in any case; a step that contains one is the last.
    pub ends: Vec<String>,
    /// The seed of the random numbers of a chain. Draws of models have seeds of their own.
    pub seed: u64,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            method: SearchMethod::default(),
            width: 8,
            expand: 4,
            rounds: 16,
            burn_in: 0,
            lookahead: 0,
            measure: Measure::default(),
            choice: None,
            limits: SearchLimits::default(),
            between: None,
            ends: ["answer is", "answer:", "\\boxed{", "####"].map(str::to_owned).to_vec(),
            seed: 0,
        }
    }
}

impl SearchOptions {
    /// The same options with this method.
    #[must_use]
    pub fn method(self, method: SearchMethod) -> Self {
        Self { method, ..self }
    }

    /// The same options with this width.
    #[must_use]
    pub fn width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    /// The same options with this number of draws after a step.
    #[must_use]
    pub fn expand(self, expand: u32) -> Self {
        Self { expand, ..self }
    }

    /// The same options with this number of rounds.
    #[must_use]
    pub fn rounds(self, rounds: u32) -> Self {
        Self { rounds, ..self }
    }

    /// The same options with these limits.
    #[must_use]
    pub fn limits(self, limits: SearchLimits) -> Self {
        Self { limits, ..self }
    }

    /// Everything that changes the result, as values of JSON in a fixed order.
    #[cfg(feature = "files")]
    pub(crate) fn settings(&self) -> serde_json::Value {
        let Self { method, width, expand, rounds, burn_in, lookahead, .. } = self;
        let Self { measure, choice, limits, between, ends, seed, .. } = self;
        let numbers = [width, expand, rounds, burn_in, lookahead];
        serde_json::json!([method, numbers, measure, choice, limits, between, ends, seed])
    }

    fn sizes(&self) -> Sizes {
        let Self { width, expand, rounds, burn_in, .. } = *self;
        Sizes { width, expand, rounds, burn_in }
    }

    /// Checks that the numbers are possible.
    fn check(&self) -> Result<()> {
        let wrong = |message: String, hint: &str| {
            Err(Error::new(ErrorKind::Config, message).hint(hint.to_owned()))
        };
        let Self { width, expand, rounds, limits, .. } = *self;
        if [width, expand, rounds].contains(&0) || limits.depth == 0 {
            return wrong(
                "width, expand, rounds and depth of a search must be 1 or more".into(),
                "leave out those that need no other value",
            );
        }
        if self.ends.iter().any(|end| end.trim().is_empty()) {
            return wrong(
                "an empty text would end every solution at its first step".into(),
                "name texts that announce an answer, such as `answer:`",
            );
        }
        let is_level = matches!(self.method, SearchMethod::Beam | SearchMethod::Dvts);
        if is_level && width < expand {
            return wrong(
                format!("{} cannot keep 1 of {expand} steps at a width of {width}", self.method),
                "use a width that is a multiple of expand",
            );
        }
        Ok(())
    }
}

/// Searches for solutions.
#[derive(Clone, Debug)]
pub struct Searcher {
    policy: Judge,
    finisher: Judge,
    judge: Judge,
    check: Option<Judge>,
    options: SearchOptions,
}

impl Searcher {
    /// A search with the steps of this policy, which this judge scores.
    ///
    /// # Errors
    /// The policy writes no texts from a `prefix`, the verdicts of the judge are not numbers, or the options are not
    /// possible.
    pub fn new(policy: Judge, judge: Judge, options: SearchOptions) -> Result<Self> {
        options.check()?;
        writes(&policy)?;
        let kind = judge.prompt().front().kind;
        if !matches!(kind, Kind::Score | Kind::Label | Kind::Steps | Kind::Criteria) {
            let message = format!("a search cannot follow verdicts of the kind {}", kind.name());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("use a prompt that judges one answer: score, label, steps or criteria"));
        }
        Ok(Self { finisher: policy.clone(), policy, judge, check: None, options })
    }

    /// The same search with a prompt of its own for the rest of a solution, written to its end at once: for roll-outs,
    /// chains, and the last step that the limit on depth allows. Without one, the policy must write to the end.
    ///
    /// # Errors
    /// It writes no texts from a `prefix`.
    pub fn finishing(self, finisher: Judge) -> Result<Self> {
        writes(&finisher)?;
        Ok(Self { finisher, ..self })
    }

    /// The same search with a check that compares the ends of solutions with the reference of a record that has one. It
    /// only reports, and changes nothing in the search.
    ///
    /// # Errors
    /// The check has no pass rule.
    pub fn checking(self, check: Judge) -> Result<Self> {
        if check.pass().is_none() {
            let error = Error::new(ErrorKind::Config, "the check of solutions has no pass rule");
            return Err(
                error.hint("name a check such as `check:number`, or a judge with a pass rule")
            );
        }
        Ok(Self { check: Some(check), ..self })
    }

    /// The model that writes steps.
    pub fn policy(&self) -> &Judge {
        &self.policy
    }

    /// The model and prompt that write solutions to their end.
    pub fn finisher(&self) -> &Judge {
        &self.finisher
    }

    /// What scores beginnings of solutions, and their ends.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// What compares ends with the reference, if anything does.
    pub fn check(&self) -> Option<&Judge> {
        self.check.as_ref()
    }

    /// The settings.
    pub fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// Whether all prices are known.
    pub fn is_priced(&self) -> bool {
        let models = [&self.policy, &self.finisher, &self.judge];
        models.into_iter().chain(&self.check).all(Judge::is_priced)
    }

    /// Searches for the solution of one record.
    ///
    /// # Errors
    /// The record lacks a field, a model gave no answer, or the method needs what the policy's model does not report.
    ///
    /// # Cancellation
    /// Dropping the future cancels the requests in flight. Answers that arrived are in the caches of the models.
    pub async fn search(&self, item: &Item) -> Result<Searched> {
        Drive::begin(self, item).await?.run().await
    }

    /// The most calls of policy and judge that the search for a record can need, if no solution ends before the limit on
    /// depth, no answer is repeated, and no step is several ones for the judge. Nothing is sent.
    ///
    /// # Errors
    /// The record lacks a field.
    pub async fn most_calls(&self, item: &Item) -> Result<u64> {
        let drive = Drive::begin(self, item).await?;
        let options = &self.options;
        let depth = options.limits.depth as u64;
        let most = options.method.most_calls(options.sizes(), depth, drive.draw_calls());
        Ok(options.limits.calls.map_or(most, |limit| most.min(limit.into())))
    }

    /// What stands between steps.
    pub fn between(&self) -> String {
        let stops = &self.policy.prompt().front().sampling.stop;
        let breaks = |text: &&String| !text.is_empty() && text.chars().all(|c| c == '\n');
        let own = || stops.iter().find(breaks).cloned().unwrap_or_else(|| "\n".into());
        self.options.between.clone().unwrap_or_else(own)
    }

    /// The random numbers of the search for one record.
    fn chance(&self, item: &Item) -> Chance {
        let mut hasher = Hasher::new("tribunal-search-seed-v1");
        self.policy.hash_content(&item.clone().filled("prefix", ""), &mut hasher);
        Chance::new(seed_for(self.options.seed, &hasher.hex::<16>()))
    }
}

/// Checks that a policy writes on from the beginning of a solution.
fn writes(policy: &Judge) -> Result<()> {
    let prompt = policy.prompt();
    if prompt.front().kind == Kind::Revision && prompt.reads("prefix") {
        return Ok(());
    }
    let message = format!("the prompt `{}` does not write on from a solution", prompt.name());
    let hint = Hint::from("use one with `kind: revision` that shows the field `prefix`, such as ");
    Err(Error::new(ErrorKind::Config, message).hint(hint.setting("policy_prompt", "step")))
}
