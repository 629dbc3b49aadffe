//! Pairs of numbers: how far two judges of the same records agree.
//!
//! A statistic that is not defined is `None`, never `NaN`.

use crate::metrics::{self, NOISE, real};

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

/// The largest range of whole numbers that is taken for a scale, of which weighted kappa is computed.
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
        let sum: f64 = self.distances().iter().sum();
        (!self.is_empty()).then(|| sum / real(self.len()))
    }

    /// How far both numbers of each pair are from each other.
    pub(super) fn distances(&self) -> Vec<f64> {
        self.0.iter().map(|(one, other)| (one - other).abs()).collect()
    }

    /// Pearson's correlation coefficient, −1 to 1: how close the pairs are to a straight line.
    ///
    /// It ignores a constant shift: a judge that is always 2 points too generous has the correlation 1.
    /// `None` if one side is constant.
    pub fn pearson(&self) -> Option<f64> {
        metrics::pearson(&self.0)
    }

    /// Spearman's rank correlation (Spearman 1904), −1 to 1: whether both sides put the records in the
    /// same order.
    ///
    /// Equal numbers share the mean of their ranks. `None` if one side is constant.
    pub fn spearman(&self) -> Option<f64> {
        metrics::spearman(&self.0)
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
        metrics::quadratic_kappa(&self.0)
    }
}

/// The lowest and the highest score of a scale, from scores with their places on it (0 to 1); `None` unless two places
/// differ.
///
/// ```
/// use tribunal::report::scale_ends;
///
/// assert_eq!(scale_ends([(2.0, 0.25), (5.0, 1.0)]), Some((1.0, 5.0)));
/// assert_eq!(scale_ends([(2.0, 0.25)]), None);
/// ```
pub fn scale_ends(places: impl IntoIterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    let mut places = places.into_iter();
    let first = places.next()?;
    let other = places.find(|place| (place.1 - first.1).abs() > 1e-3)?;
    let whole = (other.0 - first.0) / (other.1 - first.1);
    let low = first.0 - whole * first.1;
    // Scales end in numbers with few digits.
    let tidy = |number: f64| (number * 1e3).round() / 1e3;
    Some((tidy(low), tidy(low + whole)))
}

/// Whether a number is whole, up to rounding noise.
fn whole(number: f64) -> bool {
    (number - number.round()).abs() < NOISE
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
