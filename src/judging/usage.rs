//! What answers cost: tokens, requests and money.

use crate::{
    completion::{Completion, Price, UsageTotal},
    error::Error,
    verdict::Judgment,
};

/// What the answers of one member cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemberUsage {
    /// Answers that were paid for.
    paid: Total,
    /// Answers from a cache.
    cached: Total,
    /// Requests that were sent, failed ones included.
    pub(super) attempts: u32,
}

/// Tokens and money of some answers.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    answers: u32,
    usage: UsageTotal,
    cost: f64,
    /// Whether the cost of an answer is not known, so that `cost` is a part only.
    is_unpriced: bool,
}

impl Total {
    fn add(&mut self, completion: &Completion, price: Option<Price>) {
        self.answers += 1;
        self.usage += completion.usage;
        // The bill of the server is better than our own estimate of it.
        match completion.cost.or_else(|| price?.of(completion.usage.into())) {
            Some(cost) => self.cost += cost,
            None => self.is_unpriced = true,
        }
    }

    /// The cost, where that of every answer is known. Without answers a known price makes it 0.
    fn cost(&self, price: Option<Price>) -> Option<f64> {
        let is_known = !self.is_unpriced && (self.answers > 0 || price.is_some());
        is_known.then_some(self.cost)
    }
}

impl MemberUsage {
    /// Counts an answer, or the requests that got none. `price` is that of the member's tokens.
    pub(super) fn add(&mut self, answer: Result<&Completion, &Error>, price: Option<Price>) {
        match answer {
            Ok(completion) => {
                let total = if completion.cached { &mut self.cached } else { &mut self.paid };
                total.add(completion, price);
                self.attempts += completion.attempts;
            }
            Err(error) => self.attempts += error.attempts(),
        }
    }

    /// Puts the costs of all members, with their prices, into the judgment.
    pub(super) fn report(usages: &[(Self, Option<Price>)], judgment: &mut Judgment) {
        for (usage, _) in usages {
            judgment.usage += usage.paid.usage;
            judgment.saved += usage.cached.usage;
            judgment.calls += usage.paid.answers + usage.cached.answers;
            judgment.cached += usage.cached.answers;
            judgment.attempts += usage.attempts;
        }
        judgment.cost = usages.iter().map(|(usage, price)| usage.paid.cost(*price)).sum();
        judgment.saved_cost = usages.iter().map(|(usage, price)| usage.cached.cost(*price)).sum();
    }
}
