//! Whether preferences depend on the order in which the answers are shown.

use crate::verdict::{Judgment, Preference, Verdict};

/// Preferences by the position in which the answers were shown.
///
/// A judge that often prefers one position is biased (Wang et al. 2023, arXiv:2305.17926).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    /// Records that were judged in both orders.
    pub(super) both: usize,
    /// Records with the same verdict in both orders.
    pub(super) consistent: usize,
    /// Records for which only one of the two orders could be read.
    pub(super) half: usize,
    /// Votes for the answer that was shown first.
    pub(super) first: usize,
    /// Votes for the answer that was shown second.
    pub(super) second: usize,
}

impl Orders {
    /// Counts whether both orders give the same verdict, and which position won.
    pub(super) fn count(&mut self, judgment: &Judgment) {
        self.half += usize::from(judgment.one_order_unreadable());
        if let Some(consistent) = judgment.consistent {
            self.both += 1;
            self.consistent += usize::from(consistent);
        }
        for vote in &judgment.votes {
            let Some(Verdict::Preference(side)) = vote.outcome.verdict() else { continue };
            let shown = if vote.order == [1, 0] { side.swapped() } else { *side };
            self.first += usize::from(shown == Preference::First);
            self.second += usize::from(shown == Preference::Second);
        }
    }
}
