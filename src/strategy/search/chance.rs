//! Random numbers that are the same in every process.

use crate::request::Hasher;

/// A stream of random numbers that follow from a seed: a hash of it and of a counter.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    seed: String,
    drawn: u64,
}

impl Chance {
    pub(super) fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), drawn: 0 }
    }

    /// A number from 0 to below 1.
    pub(super) fn number(&mut self) -> f64 {
        let mut hasher = Hasher::new("tribunal-search-chance-v1");
        hasher.part(self.seed.as_bytes());
        hasher.part(&self.drawn.to_le_bytes());
        self.drawn += 1;
        let [a, b, c, d, ..] = hasher.finish();
        f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// A whole number below `limit`, 0 for 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are numbers of steps"
        )]
        let drawn = (self.number() * limit as f64) as usize;
        drawn.min(limit.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_numbers_and_all_of_them_are_met() {
        let drawn = |seed: &str| {
            let mut chance = Chance::new(seed);
            (0..100).map(|_| chance.below(4)).collect::<Vec<_>>()
        };
        assert_eq!(drawn("a"), drawn("a"));
        assert_ne!(drawn("a"), drawn("b"));
        for number in 0..4 {
            assert!(drawn("a").iter().filter(|drawn| **drawn == number).count() > 10);
        }
        assert_eq!(Chance::new("a").below(0), 0);
    }
}
