//! The interval of an expected calibration error.
//!
//! The error is Σ |d_b| over bins, where d_b is the mean over all records of outcome − prediction, if the prediction is in
//! the bin, and 0 otherwise. A bin without a gap has one in every sample, so that the error of a sample is too large, and
//! a bootstrap of the error adds the same chance once more: for a judge that is off in one bin of ten, its intervals
//! contain the truth in one of three samples.
//!
//! The absolute value has no derivative at 0, where such a bootstrap is not valid. It has one in every direction, and
//! chance h is put through that (Fang and Santos 2019, Review of Economic Studies 86): a bin whose gap is clearly not 0
//! adds h with the sign of its gap, any other one |h|. The lower end takes off what these add in 97.5 % of resamples. The
//! upper end takes every h with the sign of its gap. As sign(d)·h ≤ |d + h| − |d| ≤ |h|, neither end is too near.

use crate::{
    metrics::{Interval, bin_of, mean, real, student_quantile},
    report::clusters::Clusters,
};

/// How many standard errors a gap must be away from 0, to be clearly not 0.
const CLEAR: f64 = 2.0;

/// The gaps of predictions in bins of equal width.
pub(super) struct Gaps {
    /// The bin of each record, and its outcome minus its prediction.
    gaps: Vec<(usize, f64)>,
    /// For each bin the standard error of d_b, if the predictions were calibrated.
    expected: Vec<f64>,
}

impl Gaps {
    pub(super) fn new(pairs: &[(f64, bool)], count: usize) -> Self {
        let gap = |(p, is_positive): &(f64, bool)| f64::from(u8::from(*is_positive)) - p;
        let gaps = pairs.iter().map(|pair| (bin_of(pair.0, count), gap(pair))).collect();
        let mut expected = vec![0.0; count];
        pairs.iter().for_each(|(p, _)| expected[bin_of(*p, count)] += p * (1.0 - p));
        expected.iter_mut().for_each(|it: &mut f64| *it = it.sqrt() / real(pairs.len()));
        Self { gaps, expected }
    }

    /// d_b of every bin, of the records at these places.
    pub(super) fn sums(&self, places: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; self.expected.len()];
        for place in places {
            let (bin, gap) = self.gaps[*place];
            sums[bin] += gap;
        }
        sums.iter_mut().for_each(|sum| *sum /= real(places.len()));
        sums
    }

    /// The 95 % interval of the error; `None` with fewer than two records or clusters.
    pub(super) fn interval(&self, clusters: &Clusters) -> Option<Interval> {
        let count = self.gaps.len();
        let found = self.sums(&(0..count).collect::<Vec<_>>());
        let error: f64 = found.iter().map(|d| d.abs()).sum();
        let chances: Vec<Chance> =
            (0..found.len()).map(|bin| self.chance(bin, found[bin], clusters)).collect();
        let added = clusters.bootstrap(count, |drawn| {
            let sums = self.sums(drawn);
            let of = |bin: usize| chances[bin].added(sums[bin] - found[bin]);
            Some((0..sums.len()).map(of).sum())
        })?;
        let high = self.upper(&found, clusters)?;
        Some(Interval { low: (error - added.high).clamp(0.0, error), high: high.clamp(error, 1.0) })
    }

    /// What chance adds in a bin. Its spread is at least the one of predictions that are calibrated: the few records of a
    /// sure judge may all be right.
    fn chance(&self, bin: usize, d: f64, clusters: &Clusters) -> Chance {
        let of_bin: Vec<f64> =
            self.gaps.iter().map(|(at, gap)| if *at == bin { *gap } else { 0.0 }).collect();
        let (own, expected) = (clusters.error(&of_bin).unwrap_or(0.0), self.expected[bin]);
        let is_clear = d.abs() > CLEAR * own.max(expected);
        let stretch = if own > 0.0 { (expected / own).max(1.0) } else { 1.0 };
        Chance { sign: is_clear.then_some(d.signum()), stretch }
    }

    /// The upper end: of the mean gap, each with the sign of its bin. Rare mistakes of a sure judge make gaps skewed, and
    /// the end of Student's t too low; what is added is Hall's term for that (Hall 1992, JRSS B 54).
    fn upper(&self, found: &[f64], clusters: &Clusters) -> Option<f64> {
        let signed: Vec<f64> =
            self.gaps.iter().map(|(bin, gap)| gap * found[*bin].signum()).collect();
        let expected = self.expected.iter().map(|error| error * error).sum::<f64>().sqrt();
        let error = clusters.error(&signed)?.max(expected);
        let middle = mean(&signed)?;
        let units = clusters.sums(signed.iter().map(|gap| gap - middle));
        let count = real(units.len());
        let t = student_quantile(0.975, count - 1.0)?;
        let wider = skewness(&units).max(0.0) * (2.0 * t * t + 1.0) / (6.0 * count.sqrt());
        Some(middle + (t + wider) * error)
    }
}

/// The skewness of numbers whose mean is 0; 0 if they are all alike.
fn skewness(numbers: &[f64]) -> f64 {
    let moment = |power: i32| {
        numbers.iter().map(|number| number.powi(power)).sum::<f64>() / real(numbers.len())
    };
    let spread = moment(2).powf(1.5);
    if spread > 0.0 { moment(3) / spread } else { 0.0 }
}

/// How a resample of a bin changes the error.
struct Chance {
    /// The sign of the gap; `None` if it may be 0.
    sign: Option<f64>,
    /// What makes the spread of resamples as wide as it has to be.
    stretch: f64,
}

impl Chance {
    fn added(&self, h: f64) -> f64 {
        let h = self.stretch * h;
        self.sign.map_or(h.abs(), |sign| sign * h)
    }
}
