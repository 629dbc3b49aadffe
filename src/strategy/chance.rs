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
