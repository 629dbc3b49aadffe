//! Averages of weighted numbers, and sums. None depends on the order of the numbers, and no average is outside their
//! range.

use crate::scale::{nearly_equal, without_noise};

/// A number and its weight.
pub(super) type Weighed = (f64, f64);

/// The weighted mean, independent of the order of the numbers; `None` if there are none.
pub(super) fn mean(mut numbers: Vec<Weighed>) -> Option<f64> {
    sort(&mut numbers);
    let (lowest, highest) = (numbers.first()?.0, numbers.last()?.0);
    let total: f64 = numbers.iter().map(|(_, weight)| weight).sum();
    let sum: f64 = numbers.iter().map(|(number, weight)| number * (weight / total)).sum();
    Some(sum.clamp(lowest, highest))
}

/// Sorts by number, then by weight, so that sums do not depend on the order of votes.
pub(super) fn sort(numbers: &mut [Weighed]) {
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
}

/// The number with half of the weight on each side, or the mean of the two middle ones. The numbers must be
/// sorted.
pub(super) fn median(sorted: &[Weighed]) -> Option<f64> {
    let half = sorted.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut before = 0.0;
    for (n, (number, weight)) in sorted.iter().enumerate() {
        before += weight;
        match sorted.get(n + 1) {
            Some((next, _)) if nearly_equal(before, half) => {
                return Some(f64::midpoint(*number, *next));
            }
            _ if before > half => return Some(*number),
            _ => (),
        }
    }
    sorted.last().map(|(number, _)| *number)
}

/// The number with the largest weight; the lowest one if there are several. The numbers must be sorted.
pub(super) fn most_frequent(sorted: &[Weighed]) -> Option<f64> {
    let runs = sorted.chunk_by(|a, b| nearly_equal(a.0, b.0));
    let runs = runs.filter_map(|run| Some((run.first()?.0, total(run))));
    let best = runs.reduce(|best, run| if run.1 > best.1 + 1e-9 { run } else { best });
    best.map(|(number, _)| number)
}

/// The sum of the weights.
fn total(numbers: &[Weighed]) -> f64 {
    numbers.iter().map(|(_, weight)| weight).sum()
}

/// The sum of `count` numbers with this mean; finite in any case.
pub(super) fn times(mean: f64, count: u32) -> f64 {
    without_noise(mean * f64::from(count)).clamp(f64::MIN, f64::MAX)
}
