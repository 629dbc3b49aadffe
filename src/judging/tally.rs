//! What answers took.

use super::Panel;
use crate::{
    completion::{Completion, Price, UsageTotal},
    error::Error,
    verdict::Judgment,
};

/// What the answers of one member took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    usage: UsageTotal,
    saved: UsageTotal,
    pub(super) attempts: u32,
    cached: u32,
    calls: u32,
}

impl Tally {
    /// Counts an answer, or the requests that came to none.
    pub(super) fn add(&mut self, answer: Result<&Completion, &Error>) {
        let completion = match answer {
            Ok(completion) => completion,
            Err(error) => {
                self.attempts += error.attempts();
                return;
            }
        };
        let tokens = if completion.cached { &mut self.saved } else { &mut self.usage };
        *tokens += completion.usage;
        self.attempts += completion.attempts;
        self.cached += u32::from(completion.cached);
        self.calls += 1;
    }

    /// Puts what all members took into their judgment.
    pub(super) fn report(tallies: &[Self], panel: &Panel, judgment: &mut Judgment) {
        let both = || panel.members.iter().zip(tallies);
        for (_, tally) in both() {
            judgment.usage += tally.usage;
            judgment.saved += tally.saved;
            judgment.cached.0 += tally.cached;
            judgment.cached.1 += tally.calls;
            judgment.attempts += tally.attempts;
        }
        let cost = |tokens: fn(&Self) -> UsageTotal| {
            let of = |(price, tally): (Option<Price>, &Self)| price?.of(tokens(tally));
            both().map(|(member, tally)| of((member.price, tally))).sum()
        };
        judgment.cost = cost(|tally| tally.usage);
        judgment.saved_cost = cost(|tally| tally.saved);
    }
}
