//! The limits of a loop.

use std::time::Duration;

use super::Spent;

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
    /// [`UsageTotal::is_known`](crate::completion::UsageTotal::is_known) of the spent tokens reports whether that happened.
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
