//! Statistics of pairs of numbers: how far two judges of the same records agree.
//!
//! All of them are defined for any scale, need no random numbers and are linear in the number of pairs,
//! apart from the sort of the ranks and the table of kappa. A statistic that is not defined is `None`,
//! never `NaN`.

use std::collections::BTreeMap;

/// Pairs of numbers, one pair for each record: a label and a verdict, or the verdicts of two runs.
///
/// ```
/// use tribunal::report::Paired;
///
/// let pairs: Paired = [(1.0, 1.0), (2.0, 3.0), (4.0, 4.0)].into_iter().collect();
/// assert_eq!((pairs.len(), pairs.within(0.0), pairs.within(1.0)), (3, 2, 3));
/// assert!(pairs.pearson().unwrap() > 0.9);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paired(Vec<(f64, f64)>);

impl FromIterator<(f64, f64)> for Paired {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The largest range of whole numbers for which weighted kappa is computed: it needs time for its square.
const LEVELS: f64 = 1_000.0;

impl Paired {
    /// Adds a pair.
    pub(super) fn push(&mut self, pair: (f64, f64)) {
        self.0.push(pair);
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number is whole, up to rounding noise.
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(|&(one, other)| whole(one) && whole(other))
    }

    /// The number of pairs that differ by at most `distance`, in points of the scale.
    pub fn within(&self, distance: f64) -> usize {
        self.0.iter().filter(|(one, other)| (one - other).abs() < distance + NOISE).count()
    }

    /// The mean absolute difference, in points of the scale; `None` without pairs.
    pub fn mean_absolute_error(&self) -> Option<f64> {
        let sum: f64 = self.0.iter().map(|(one, other)| (one - other).abs()).sum();
        (!self.is_empty()).then(|| sum / real(self.len()))
    }

    /// Pearson's correlation coefficient, −1 to 1: how close the pairs are to a straight line.
    ///
    /// It ignores a constant shift: a judge that is always 2 points too generous has the correlation 1.
    /// `None` if one side is constant.
    pub fn pearson(&self) -> Option<f64> {
        correlation(&self.0)
    }

    /// Spearman's rank correlation (Spearman 1904), −1 to 1: whether both sides put the records in the
    /// same order.
    ///
    /// Equal numbers share the mean of their ranks. `None` if one side is constant.
    pub fn spearman(&self) -> Option<f64> {
        let (first, second): (Vec<f64>, Vec<f64>) = self.0.iter().copied().unzip();
        let ranked: Vec<_> = ranks(&first).into_iter().zip(ranks(&second)).collect();
        correlation(&ranked)
    }

    /// Cohen's kappa with quadratic weights (Cohen 1968, Psychological Bulletin 70), for whole numbers.
    ///
    /// One minus the sum of squared differences, divided by the sum that is expected if the numbers of
    /// both sides were paired at random. 1 is perfect agreement, 0 is chance. Unlike a correlation it
    /// also penalizes a constant shift.
    ///
    /// `None` if a number is not whole, if the range is larger than 1000, or if both sides are one and
    /// the same constant.
    pub fn weighted_kappa(&self) -> Option<f64> {
        let all = || self.0.iter().flat_map(|&(one, other)| [one, other]);
        let range = all().reduce(f64::max)? - all().reduce(f64::min)?;
        if !self.is_whole() || range > LEVELS {
            return None;
        }
        let observed: f64 = self.0.iter().map(|(one, other)| (one - other).powi(2)).sum();
        // The sum of squared differences that is expected if both sides are independent.
        let [first, second] =
            [counts(self.0.iter().map(|pair| pair.0)), counts(self.0.iter().map(|pair| pair.1))];
        let cells = first.values().flat_map(|one| second.values().map(move |two| (one, two)));
        let expected: f64 =
            cells.map(|((a, n), (b, m))| n * m * (a - b).powi(2)).sum::<f64>() / real(self.len());
        (expected > 0.0).then(|| 1.0 - observed / expected)
    }
}

/// Numbers that differ by less than this are equal, because sums of floats are not exact.
pub(super) const NOISE: f64 = 1e-9;

/// Whether a number is whole, up to rounding noise.
fn whole(number: f64) -> bool {
    (number - number.round()).abs() < NOISE
}

/// The number of occurrences of each whole number, as (number, count).
fn counts(numbers: impl Iterator<Item = f64>) -> BTreeMap<i64, (f64, f64)> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers of a scale")]
        let whole = number.round() as i64;
        counts.entry(whole).or_insert((number.round(), 0.0)).1 += 1.0;
    }
    counts
}

/// Pearson's correlation of these pairs; `None` if one side is constant.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let count = real(pairs.len());
    let mean = |side: fn(&(f64, f64)) -> f64| pairs.iter().map(side).sum::<f64>() / count;
    let (first, second) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let [mut product, mut one, mut two] = [0.0; 3];
    for (a, b) in pairs {
        product += (a - first) * (b - second);
        one += (a - first).powi(2);
        two += (b - second).powi(2);
    }
    let spread = (one * two).sqrt();
    (spread > NOISE).then(|| (product / spread).clamp(-1.0, 1.0))
}

/// The rank of each number, from 0. Equal numbers share the mean of their ranks, as Spearman's
/// correlation requires.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    for tied in places.chunk_by(|&a, &b| (numbers[a] - numbers[b]).abs() < NOISE) {
        let rank = real(start) + real(tied.len() - 1) / 2.0;
        tied.iter().for_each(|&place| ranks[place] = rank);
        start += tied.len();
    }
    ranks
}

/// How many standard errors a 95 % interval reaches to either side.
const Z95: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share (Wilson 1927, Journal of the American Statistical Association 22), 0 to 1. It is also right
/// for few records and for shares near 0 and 1.
pub fn wilson(part: usize, whole: usize) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let (share, count) = (ratio(part, whole), real(whole));
    let centre = share + Z95 * Z95 / (2.0 * count);
    let half = Z95 * (share * (1.0 - share) / count + Z95 * Z95 / (4.0 * count * count)).sqrt();
    let scale = 1.0 + Z95 * Z95 / count;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

/// A part as a share of a whole, 0 to 1; 0 if the whole is 0.
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { real(part) / real(whole) }
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 records")]
pub(super) fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, right: f64) {
        assert!((found.unwrap() - right).abs() < 1e-9, "{found:?}, not {right}");
    }

    #[test]
    fn the_figures_are_those_of_the_textbook() {
        // For kappa: the squared differences sum to 3, and to 17 if the numbers are paired at random.
        let pairs: Paired =
            [(1.0, 2.0), (2.0, 2.0), (3.0, 3.0), (4.0, 5.0), (5.0, 4.0)].into_iter().collect();
        close(pairs.pearson(), 0.848_874_687_6);
        close(pairs.spearman(), 0.872_081_599_2);
        close(pairs.mean_absolute_error(), 0.6);
        close(pairs.weighted_kappa(), 0.823_529_411_8);
        assert_eq!((pairs.within(0.0), pairs.within(1.0)), (2, 5));
    }

    #[test]
    fn the_interval_of_a_share_is_that_of_wilson() {
        // Newcombe 1998, Statistics in Medicine 17: 81 of 263, and 0 of 20.
        let (low, high) = wilson(81, 263);
        close(Some(low), 0.255_288_519_9);
        close(Some(high), 0.366_209_577_0);
        close(Some(wilson(0, 20).0), 0.0);
        assert!((wilson(0, 20).1 - 0.1611).abs() < 1e-4);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let constant: Paired = [(1.0, 3.0), (2.0, 3.0)].into_iter().collect();
        assert_eq!((constant.pearson(), constant.spearman()), (None, None));
        assert_eq!(Paired::default().mean_absolute_error(), None);
        assert_eq!(Paired::default().weighted_kappa(), None);
        let same: Paired = [(3.0, 3.0), (3.0, 3.0)].into_iter().collect();
        assert_eq!(same.weighted_kappa(), None);
        let broken: Paired = [(3.5, 3.0), (2.0, 3.0)].into_iter().collect();
        assert_eq!(broken.weighted_kappa(), None);
    }

    #[test]
    fn noise_of_floats_is_no_difference() {
        let pairs: Paired = [(3.000_000_000_000_000_4, 3.0), (4.0, 4.0)].into_iter().collect();
        assert_eq!(pairs.within(0.0), 2);
        assert!(pairs.is_whole());
        close(pairs.weighted_kappa(), 1.0);
    }
}
