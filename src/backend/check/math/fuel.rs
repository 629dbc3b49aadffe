//! A limit on the work of one comparison.
//!
//! Answers are untrusted: `2^{10^9}` or a product of a hundred sums must not use up time or memory. Every
//! operation costs fuel in proportion to its work, and without fuel the value cannot be read.

use std::cell::Cell;

/// The work that one comparison may still do.
#[derive(Debug)]
pub(super) struct Fuel(Cell<u64>);

impl Default for Fuel {
    /// Enough for every value that people write, and used up in well under a second.
    fn default() -> Self {
        Self(Cell::new(200_000))
    }
}

impl Fuel {
    /// Uses up this much fuel; `None` if there is not enough.
    pub(super) fn spend(&self, work: usize) -> Option<()> {
        let left = self.0.get().checked_sub(u64::try_from(work).ok()?)?;
        self.0.set(left);
        Some(())
    }
}
