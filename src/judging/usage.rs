//! What answers took.

use super::Panel;
use crate::{
    completion::{Completion, Price, UsageTotal},
    error::Error,
    verdict::Judgment,
};

/// What the answers of one member took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemberUsage {
    usage: UsageTotal,
    saved: UsageTotal,
    pub(super) attempts: u32,
    cached: u32,
    calls: u32,
}

impl MemberUsage {
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
    pub(super) fn report(usages: &[Self], panel: &Panel, judgment: &mut Judgment) {
        let both = || panel.members.iter().zip(usages);
        for (_, usage) in both() {
            judgment.usage += usage.usage;
            judgment.saved += usage.saved;
            judgment.calls += usage.calls;
            judgment.cached += usage.cached;
            judgment.attempts += usage.attempts;
        }
        let cost = |tokens: fn(&Self) -> UsageTotal| {
            let of = |(price, usage): (Option<Price>, &Self)| price?.of(tokens(usage));
            both().map(|(member, usage)| of((member.price, usage))).sum()
        };
        judgment.cost = cost(|usage| usage.usage);
        judgment.saved_cost = cost(|usage| usage.saved);
    }
}
