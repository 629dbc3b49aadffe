//! The best of several answers, by a judge: best-of-N, votes over final answers, tournaments.
//!
//! Two things are independent of each other: how the candidates are *measured* (each alone, in pairs, or all at once; the
//! kind of the judge decides), and the [`Rule`] that chooses by the values. A [`Ranker`] does both. A value that could
//! not be read is no number: the candidate takes no part, and is counted.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Completion, Item, Judge, Request, backend::from_fn, strategy::best_of};
//!
//! let judge = from_fn("adds", |request: Request| async move {
//!     let right = request.messages.iter().any(|message| message.text().contains("= 37"));
//!     Ok(Completion::text(if right { "Score: 9" } else { "Score: 3" }))
//! });
//! let judge = Judge::builder().backend(judge).prompt("score").build().await?;
//! let item = Item::new().question("12 + 30 - 5").answers(["12 + 30 - 5 = 36", "12 + 30 - 5 = 37"]);
//! let ranked = best_of(&judge, &item).await?;
//! assert_eq!(ranked.selection.chosen, Some(1));
//! assert_eq!(ranked.values(), [Some(3.0), Some(9.0)]);
//! # Ok(())
//! # }
//! ```

mod candidate;
mod measuring;
mod options;
mod pessimism;
mod preset;
mod rehearsal;
mod rule;
mod truth;
mod windows;

pub use {
    candidate::{Candidate, Compared, DrawnValue},
    measuring::Windowed,
    options::{RankOptions, WhenUnreadable},
    pessimism::weights as pessimism_weights,
    preset::{PRESETS, Preset},
    rehearsal::Rehearsed,
    rule::{ChosenBy, Deciding, Measured, Rule, Selection, select},
    windows::Window,
};

use std::time::{Duration, Instant};

use self::options::Method;
use super::{
    Spent,
    answers::{self, AnswerGroups},
    chance,
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    judge::Judge,
    parse::Kind,
    verdict::Judgment,
};

/// Chooses the best of the answers of an item by what this judge measures: the default [`RankOptions`].
///
/// # Errors
/// The item has no answers, or the judge gave no answer about any of them.
///
/// # Cancellation
/// Dropping the future cancels the requests in flight.
pub async fn best_of(judge: &Judge, item: &Item) -> Result<Ranked> {
    Ranker::new(Some(judge.clone()), RankOptions::default())?.rank(item).await
}

/// An item as judges see it, with the texts of all candidates as its answers, and the places of those that have a text.
/// `written` are the texts of a policy; without them, the item holds the candidates.
///
/// # Errors
/// The item holds no answers.
#[doc(hidden)]
pub fn shown_candidates(
    item: &Item,
    written: Option<Vec<Option<String>>>,
) -> Result<(Item, Vec<usize>)> {
    let of_policy = |text| Candidate { text, ..Candidate::default() };
    let candidates = match written {
        Some(texts) => texts.into_iter().map(of_policy).collect(),
        None => candidate::given(item)?,
    };
    Ok((candidate::shown(item, &candidates), measuring::written(&candidates)))
}

/// Ranks candidate answers and chooses one.
#[derive(Clone, Debug)]
pub struct Ranker {
    judge: Option<Judge>,
    policy: Option<Judge>,
    check: Option<Judge>,
    options: RankOptions,
}

/// Ranked candidates, and what that cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ranked {
    /// The candidates, in their order.
    pub candidates: Vec<Candidate>,
    /// The comparisons of a tournament, in their order.
    pub compared: Vec<Compared>,
    /// The judgment of all candidates at once, if the judge ranks.
    pub listwise: Option<Judgment>,
    /// The rankings of windows, if not all candidates were ranked at once.
    pub windows: Vec<Windowed>,
    /// The candidates by their final answers.
    pub groups: AnswerGroups,
    /// The chosen candidate.
    pub selection: Selection,
    /// What everything cost: writing, judging, and a check that asks a model.
    pub spent: Spent,
    /// The time from the first request to the last answer.
    pub time: Duration,
}

impl Ranked {
    /// The chosen candidate; `None` if all were rejected, or none was written.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.candidates.get(self.selection.chosen?)
    }

    /// The value of each candidate; `None` for each that could not be measured. As the rewards of a group of roll-outs
    /// they are one number for each roll-out.
    pub fn values(&self) -> Vec<Option<f64>> {
        self.candidates.iter().map(|one| one.value).collect()
    }
}

impl Ranker {
    /// Ranks by what this judge measures. The rule [`Majority`](Rule::Majority) needs none.
    ///
    /// # Errors
    /// The rule needs a judge, or values that this judge does not give.
    pub fn new(judge: Option<Judge>, options: RankOptions) -> Result<Self> {
        let judge = judge.filter(|_| options.asks_judge());
        match &judge {
            Some(judge) => options.check(judge)?,
            None if options.rule.needs_values() => {
                let message = format!("the rule `{}` needs a judge", options.rule);
                return Err(Error::new(ErrorKind::Config, message)
                    .hint(Hint::from("name its model: ").setting("model", "openai/MODEL")));
            }
            None => (),
        }
        Ok(Self { judge, policy: None, check: None, options })
    }

    /// The same ranker, for which this policy writes the candidates. Its [draws](crate::judge::JudgeBuilder::draws) are
    /// their number.
    ///
    /// # Errors
    /// The prompt of the policy writes no answers.
    pub fn writing(self, policy: Judge) -> Result<Self> {
        let prompt = policy.prompt();
        let needs = ["critique", "kept", "prefix"].into_iter().find(|name| prompt.reads(name));
        if prompt.front().kind != Kind::Revision || needs.is_some() {
            let message = format!("the prompt `{}` does not write answers", prompt.name());
            let hint = Hint::from("use one with `kind: revision` that needs no draft, such as ");
            return Err(
                Error::new(ErrorKind::Config, message).hint(hint.setting("draft_prompt", "draft"))
            );
        }
        Ok(Self { policy: Some(policy), ..self })
    }

    /// The same ranker, which also compares each candidate with the reference of its record.
    ///
    /// # Errors
    /// The check has no pass rule.
    pub fn checked(self, check: Judge) -> Result<Self> {
        if check.pass().is_none() {
            let error = Error::new(ErrorKind::Config, "the check of candidates has no pass rule");
            return Err(
                error.hint("name a check such as `check:number`, or a judge with a pass rule")
            );
        }
        Ok(Self { check: Some(check), ..self })
    }

    /// What measures the candidates; `None` if nothing has to.
    pub fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// What writes the candidates; `None` if the records hold them.
    pub fn policy(&self) -> Option<&Judge> {
        self.policy.as_ref()
    }

    /// What compares candidates with the reference.
    pub fn check(&self) -> Option<&Judge> {
        self.check.as_ref()
    }

    /// The settings.
    pub fn options(&self) -> &RankOptions {
        &self.options
    }

    /// Whether the judge compares two candidates at a time.
    pub fn compares(&self) -> bool {
        self.judge.as_ref().is_some_and(|judge| self.options.method(judge) == Method::Pairs)
    }

    /// Whether the judge sees each candidate by itself, so that each has verdicts of its own.
    pub fn rates_alone(&self) -> bool {
        self.judge.as_ref().is_some_and(|judge| self.options.method(judge) == Method::Alone)
    }

    /// Whether all prices are known.
    pub fn is_priced(&self) -> bool {
        [&self.judge, &self.policy, &self.check].into_iter().flatten().all(Judge::is_priced)
    }

    /// The item as the judge and the policy see it, with fields renamed.
    ///
    /// # Errors
    /// The record lacks a field that is to be renamed.
    pub fn seen(&self, item: &Item) -> Result<Item> {
        let first = self.judge.as_ref().or(self.policy.as_ref()).or(self.check.as_ref());
        first.map_or_else(|| Ok(item.clone()), |judge| judge.seen(item))
    }

    /// Ranks the candidates of one item. Comparisons that do not depend on each other are concurrent.
    ///
    /// # Errors
    /// There are no candidates, the policy gave no answer, or the judge gave none about any candidate.
    ///
    /// # Cancellation
    /// Dropping the future cancels the requests in flight. Answers that arrived are in the caches of the models.
    pub async fn rank(&self, item: &Item) -> Result<Ranked> {
        let started = Instant::now();
        let item = &self.seen(item)?;
        let (mut candidates, mut spent) = match &self.policy {
            Some(policy) => candidate::written(policy, item).await?,
            None => (candidate::given(item)?, Spent::default()),
        };
        let item = &candidate::shown(item, &candidates);
        for one in &mut candidates {
            one.answer = one.text.as_deref().and_then(answers::canonical);
        }
        spent += truth::found(self.check.as_ref(), item, &mut candidates).await?;
        let seed = self.seed(item);
        let method = self.judge.as_ref().map(|judge| (judge, self.options.method(judge)));
        let (mut compared, mut listwise, mut winner) = (Vec::new(), None, None);
        let mut windows = Vec::new();
        match method {
            Some((judge, Method::Alone)) => {
                spent += self.options.alone(judge, item, &mut candidates, seed).await?;
            }
            Some((judge, Method::Pairs)) => {
                (compared, winner) =
                    self.options.in_pairs(judge, item, &mut candidates, seed).await?;
                spent += compared.iter().map(|one| one.spent).sum();
            }
            Some((judge, Method::Windows(window))) => {
                windows = measuring::in_windows(judge, item, &mut candidates, window).await?;
                spent += windows.iter().map(|one| Spent::of(&one.judgment, judge.price())).sum();
            }
            Some((judge, Method::Together)) => {
                listwise = measuring::together(judge, item, &mut candidates).await?;
                spent += listwise.iter().map(|one| Spent::of(one, judge.price())).sum();
            }
            None => (),
        }
        let groups = AnswerGroups::of(candidates.iter().map(|one| one.answer.clone()));
        let selection = self.select(&candidates, &groups, winner, seed);
        let time = started.elapsed();
        Ok(Ranked { candidates, compared, listwise, windows, groups, selection, spent, time })
    }

    /// Chooses among measured candidates.
    fn select(
        &self,
        candidates: &[Candidate],
        groups: &AnswerGroups,
        winner: Option<usize>,
        seed: u64,
    ) -> Selection {
        let measured = candidates.iter().map(|one| Measured {
            value: one.value,
            deviation: one.deviation,
            is_written: one.text.is_some(),
        });
        let measured: Vec<Measured> = measured.collect();
        let RankOptions { rule, threshold, draws_ties, .. } = self.options;
        let by = Deciding { threshold, draws_ties, seed: chance::seed_for(seed, "choice"), winner };
        select(rule, &measured, groups, by)
    }

    /// The seed of a record: the same in every run, and another one for other records.
    fn seed(&self, item: &Item) -> u64 {
        let name = item.id().or_else(|| item.text("question")).unwrap_or_default();
        chance::seed_for(self.options.seed, &name)
    }
}
