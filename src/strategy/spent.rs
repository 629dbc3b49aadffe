//! What answers cost.

use serde::Serialize;

use crate::{
    completion::{Price, UsageTotal},
    verdict::Judgment,
};

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

    /// All tokens, those of cached answers included.
    pub(super) fn tokens(&self) -> u64 {
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
