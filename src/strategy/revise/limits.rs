//! The limits of a loop, and its costs.

use std::time::Duration;

use serde::Serialize;

use crate::completion::{Price, UsageTotal};
use crate::verdict::Judgment;

/// The limits of a loop. Cached answers count as if they had been paid for, so that a rerun ends at the same
/// round as the first run; only the time is measured.
///
/// A round begins only if another round like the last one would fit, together with the final check after it.
/// The final check is expected to use as many tokens as the first judgment, at the price of its own judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviseLimits {
    /// The most revisions.
    pub rounds: u32,
    /// The most answers of models.
    pub calls: Option<u32>,
    /// The most tokens of prompts and answers together. An answer without reported tokens counts as 0:
    /// [`UsageTotal::is_known`] of the spent tokens reports whether that happened.
    pub tokens: Option<u64>,
    /// The most money, in the currency of the prices; all prices must be known.
    pub cost: Option<f64>,
    /// The longest time. When it is over, a pending draft, judgment or final check is cancelled. A text
    /// without its final check has not passed.
    pub time: Option<Duration>,
}

impl Default for ReviseLimits {
    fn default() -> Self {
        Self { rounds: 4, calls: None, tokens: None, cost: None, time: None }
    }
}

/// The cost of answers: calls, requests, tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// The number of answers.
    pub calls: u32,
    /// The number of answers from a cache.
    pub cached: u32,
    /// The requests that were sent, including retries.
    pub requests: u32,
    /// The tokens that were paid for.
    pub usage: UsageTotal,
    /// The tokens of cached answers.
    pub saved: UsageTotal,
    /// The money that was paid, in the currency of the prices; answers with an unknown price count as 0.
    pub cost: f64,
    /// What the cached answers would have cost.
    pub saved_cost: f64,
}

impl Spent {
    /// The cost of a judgment.
    pub(super) fn of(judgment: &Judgment, price: Option<Price>) -> Self {
        let cost = |usage| price.map_or(0.0, |price| price.at_least(usage));
        Self {
            calls: judgment.calls,
            cached: judgment.cached,
            requests: judgment.attempts,
            usage: judgment.usage,
            saved: judgment.saved,
            cost: judgment.cost.unwrap_or_else(|| cost(judgment.usage)),
            saved_cost: judgment.saved_cost.unwrap_or_else(|| cost(judgment.saved)),
        }
    }

    /// The same tokens at another price, if that is known.
    pub(super) fn at(self, price: Option<Price>) -> Self {
        let Some(price) = price else { return self };
        let (cost, saved_cost) = (price.at_least(self.usage), price.at_least(self.saved));
        Self { cost, saved_cost, ..self }
    }

    fn tokens(&self) -> u64 {
        let of = |usage: UsageTotal| usage.prompt + usage.completion;
        of(self.usage) + of(self.saved)
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.cached += other.cached;
        self.requests += other.requests;
        self.usage += other.usage;
        self.saved += other.saved;
        self.cost += other.cost;
        self.saved_cost += other.saved_cost;
    }
}

impl std::iter::Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl ReviseLimits {
    /// Whether the limits allow `next` after `spent`.
    pub(super) fn allows(&self, spent: &Spent, next: &Spent) -> bool {
        let fits = |most: Option<u64>, sum: u64| most.is_none_or(|most| sum <= most);
        let cost = |spent: &Spent| spent.cost + spent.saved_cost;
        fits(self.calls.map(u64::from), u64::from(spent.calls) + u64::from(next.calls))
            && fits(self.tokens, spent.tokens() + next.tokens())
            && self.cost.is_none_or(|most| cost(spent) + cost(next) <= most)
    }
}
