//! The costs of answers: tokens, requests and money.

use crate::{
    completion::{Completion, Price, UsageTotal},
    error::Error,
    verdict::Judgment,
};

/// The costs of the answers of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemberUsage {
    /// Answers that were paid for.
    paid: Total,
    /// Answers from a cache.
    cached: Total,
    /// Requests that were sent, including failed ones.
    pub(super) attempts: u32,
}

/// Tokens and money of some of the answers.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    /// The number of answers.
    answers: u32,
    /// Their tokens.
    usage: UsageTotal,
    /// Their cost, in the currency of the prices.
    cost: f64,
    /// Whether the cost of any answer is not known, so that `cost` is only a part.
    is_unpriced: bool,
}

impl Total {
    /// Adds the tokens and the cost of one answer.
    fn add(&mut self, completion: &Completion, price: Option<Price>) {
        self.answers += 1;
        self.usage += completion.usage;
        // The cost that the server reports is more exact than one from the price list.
        match completion.cost.or_else(|| price?.of(completion.usage.into())) {
            Some(cost) => self.cost += cost,
            None => self.is_unpriced = true,
        }
    }

    /// The cost if that of every answer is known. Without answers it is 0 if the price is known.
    fn cost(&self, price: Option<Price>) -> Option<f64> {
        let is_known = !self.is_unpriced && (self.answers > 0 || price.is_some());
        is_known.then_some(self.cost)
    }
}

impl MemberUsage {
    /// Counts an answer, or the attempts of a request without one. `price` is that of the member's
    /// tokens.
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

    /// Adds the costs of all members, each with its price, to the judgment.
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
