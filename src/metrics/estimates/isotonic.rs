//! Rising maps with the least squared error.

/// A rising map: points between which it is linear, and beyond which it is constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IsotonicMap(Vec<(f64, f64)>);

/// The rising map with the least squared error, by pooling adjacent violators (Ayer et al. 1955, Annals of Mathematical
/// Statistics 26). `points` are triples of a value, what it is to become, and a weight.
///
/// ```
/// use tribunal::metrics::isotonic;
///
/// let map = isotonic(&[(1.0, 0.0, 1.0), (2.0, 1.0, 1.0), (3.0, 0.0, 1.0), (4.0, 1.0, 2.0)]);
/// assert_eq!(map.points(), [(1.0, 0.0), (2.0, 0.5), (3.0, 0.5), (4.0, 1.0)]);
/// assert_eq!((map.apply(0.0), map.apply(2.5), map.apply(3.5)), (0.0, 0.5, 0.75));
/// ```
pub fn isotonic(points: &[(f64, f64, f64)]) -> IsotonicMap {
    let mut sorted = points.to_vec();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut blocks: Vec<Block> = Vec::new();
    for tied in sorted.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let sum = tied.iter().map(|(_, target, weight)| target * weight).sum();
        let weight = tied.iter().map(|(_, _, weight)| weight).sum();
        let mut block = Block { low: tied[0].0, high: tied[0].0, sum, weight };
        while let Some(last) =
            blocks.pop_if(|last| last.sum * block.weight >= block.sum * last.weight)
        {
            block.low = last.low;
            block.sum += last.sum;
            block.weight += last.weight;
        }
        blocks.push(block);
    }
    let ends = blocks.iter().flat_map(|block| {
        let mean = block.sum / block.weight;
        [(block.low, mean), (block.high, mean)]
    });
    let mut points: Vec<_> = ends.collect();
    points.dedup();
    IsotonicMap(points)
}

/// Neighbouring values with one mean.
struct Block {
    low: f64,
    high: f64,
    sum: f64,
    weight: f64,
}

impl IsotonicMap {
    /// The points, from low to high.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// What a value becomes; the value itself if the map has no points.
    pub fn apply(&self, value: f64) -> f64 {
        let after = self.0.partition_point(|(at, _)| *at < value);
        match (after.checked_sub(1).and_then(|before| self.0.get(before)), self.0.get(after)) {
            (Some((left, low)), Some((right, high))) => {
                low + (high - low) * (value - left) / (right - left)
            }
            (Some((_, end)), None) | (None, Some((_, end))) => *end,
            (None, None) => value,
        }
    }
}
