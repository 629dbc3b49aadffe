//! Chance that follows from a seed, equal in every version and on every machine. No I/O.

/// A number from 0 to below 1: the `n`-th one of this seed.
#[expect(clippy::cast_precision_loss, reason = "the 53 bits that a float holds")]
pub(super) fn uniform(seed: u64, n: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&n.to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The numbers from 0 to below `count` in an order that follows from the seed.
pub(super) fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| uniform(seed, a as u64).total_cmp(&uniform(seed, b as u64)));
    order
}

/// A seed of its own for something with this name.
pub(super) fn seed_for(seed: u64, name: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The random numbers of a seed, one after another.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number from 0 to below 1.
    pub(super) fn number(&mut self) -> f64 {
        self.drawn += 1;
        uniform(self.seed, self.drawn - 1)
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
        let drawn = |seed: u64| {
            let mut chance = Chance::new(seed);
            (0..100).map(|_| chance.below(4)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        for number in 0..4 {
            assert!(drawn(1).iter().filter(|drawn| **drawn == number).count() > 10);
        }
        assert_eq!(Chance::new(1).below(0), 0);
    }
}
