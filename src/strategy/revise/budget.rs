//! What a loop may take, and what it took.

use std::time::Duration;

use serde::Serialize;

use crate::verdict::{Judgment, Price, Usage};

/// What a loop may take. Remembered answers count as if they had been paid for, so that a rerun ends
/// where the first run did; only time is what the clock says.
///
/// A round is begun where one like the last would still fit, the final check included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Revisions.
    pub rounds: u32,
    /// Answers of models.
    pub calls: Option<u32>,
    /// Tokens, read and written.
    pub tokens: Option<u64>,
    /// Money, where all prices are known.
    pub cost: Option<f64>,
    /// Time; a round that is not over by then is given up, and what was paid for it is remembered.
    pub time: Option<Duration>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { rounds: 4, calls: None, tokens: None, cost: None, time: None }
    }
}

/// What answers took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Answers of models.
    pub calls: u32,
    /// Those of them that were remembered.
    pub cached: u32,
    /// Requests that were sent, retries included.
    pub requests: u32,
    /// Tokens that were paid for.
    pub usage: Usage,
    /// Tokens of remembered answers.
    pub saved: Usage,
    /// What was paid, where prices are known.
    pub cost: f64,
    /// What remembered answers would have cost.
    pub saved_cost: f64,
}

impl Spent {
    /// What a judgment took.
    pub(super) fn of(judgment: &Judgment, price: Option<Price>) -> Self {
        let (cached, calls) = judgment.cached;
        let cost = |usage| price.map_or(0.0, |price| price.at_least(usage));
        Self {
            calls,
            cached,
            requests: judgment.attempts,
            usage: judgment.usage,
            saved: judgment.saved,
            cost: cost(judgment.usage),
            saved_cost: cost(judgment.saved),
        }
    }

    fn tokens(&self) -> u64 {
        let of = |usage: Usage| usage.prompt + usage.completion;
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
    /// Whether `next` still fits behind what was spent.
    pub(super) fn allows(&self, spent: &Spent, next: &Spent) -> bool {
        let fits = |most: Option<u64>, sum: u64| most.is_none_or(|most| sum <= most);
        let cost = |spent: &Spent| spent.cost + spent.saved_cost;
        fits(self.calls.map(u64::from), u64::from(spent.calls) + u64::from(next.calls))
            && fits(self.tokens, spent.tokens() + next.tokens())
            && self.cost.is_none_or(|most| cost(spent) + cost(next) <= most)
    }
}
