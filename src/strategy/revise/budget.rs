//! The limits of a loop, and what it cost.

use std::time::Duration;

use serde::Serialize;

use crate::completion::{Price, UsageTotal};
use crate::verdict::Judgment;

/// The limits of a loop. Answers from a cache count as if they had been paid for, so that a rerun ends where the
/// first run did; only time is measured by the clock.
///
/// A round is begun where another one like the last would still fit, and the final check after it, which is
/// expected to cost as much as the first judgment, at the price of its own judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Most revisions.
    pub rounds: u32,
    /// Most answers of models.
    pub calls: Option<u32>,
    /// Most tokens, read and written. An answer whose server does not report its tokens counts as none:
    /// [`UsageTotal::is_known`] of what was spent says whether that happened.
    pub tokens: Option<u64>,
    /// Most money, in the currency of the prices; all prices must be known.
    pub cost: Option<f64>,
    /// Most time. When it is over, a draft, a judgment or a final check that is on its way is given up; a text
    /// without a final check has not passed.
    pub time: Option<Duration>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { rounds: 4, calls: None, tokens: None, cost: None, time: None }
    }
}

/// What answers cost: calls, requests, tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Answers of models.
    pub calls: u32,
    /// How many of them came from a cache.
    pub cached: u32,
    /// Requests that were sent, retries included.
    pub requests: u32,
    /// Tokens that were paid for.
    pub usage: UsageTotal,
    /// Tokens of answers from a cache.
    pub saved: UsageTotal,
    /// What was paid, in the currency of the prices; answers without a known price count as 0.
    pub cost: f64,
    /// What the answers from a cache would have cost.
    pub saved_cost: f64,
}

impl Spent {
    /// What a judgment cost.
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

    /// The same tokens at another price, where that is known.
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

impl Budget {
    /// Whether `next` still fits into the budget after `spent`.
    pub(super) fn allows(&self, spent: &Spent, next: &Spent) -> bool {
        let fits = |most: Option<u64>, sum: u64| most.is_none_or(|most| sum <= most);
        let cost = |spent: &Spent| spent.cost + spent.saved_cost;
        fits(self.calls.map(u64::from), u64::from(spent.calls) + u64::from(next.calls))
            && fits(self.tokens, spent.tokens() + next.tokens())
            && self.cost.is_none_or(|most| cost(spent) + cost(next) <= most)
    }
}
