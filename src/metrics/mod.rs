//! Metrics of judges: numbers in, numbers out.
//!
//! Every formula stands here once, with its source, and everything above calls it. A metric that is not defined (no
//! data, a side that is constant) is `None`, never `NaN` and never 0. What could not be read is no number, so that it
//! cannot come in here: callers count it.
//!
//! | metric | function |
//! |---|---|
//! | accuracy, precision, recall, F1, each also balanced or macro | [`ConfusionMatrix`], [`Confusion`] |
//! | agreement beyond chance | [`cohen_kappa`], [`quadratic_kappa`], [`fleiss_kappa`], [`gwet_ac1`], [`krippendorff_alpha`], [`RatedUnits`] |
//! | a judge in the place of a person | [`AdvantageTest`], [`benjamini_yekutieli`] |
//! | correlation | [`pearson`], [`spearman`], [`kendall_tau_b`], [`correlation_interval`] |
//! | probabilities | [`auc`], [`brier`], [`ece`], [`by_width`], [`by_mass`] |
//! | intervals | [`wilson`], [`clustered`], [`clustered_share`], [`bootstrap`], [`bootstrap_mean`], [`unseen_share`] |
//! | means and rates of all records, from labels of some | [`PredictionPowered`], [`Calibrated`], [`RoganGladen`] |
//! | two judges of the same records | [`mcnemar`], [`bootstrap_mean`] of the differences |
//! | games | [`win_rate`], [`elo`], [`bradley_terry`] |
//! | rules on figures | [`Figure`], [`Gate`] |
//! | steps of solutions | [`FirstErrors`], [`Confusion::prm_score`], [`MrScore`] |
//!
//! Reference values in `tests/data/metrics` come from scipy, scikit-learn, statsmodels, krippendorff and irrCAC.

mod agreement;
mod alpha;
mod alternative;
mod auc;
mod bins;
mod bradley_terry;
mod classes;
mod correlation;
mod estimates;
mod games;
mod gate;
mod intervals;
mod paired;
mod probabilities;
mod steps;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::{
    agreement::{Weights, cohen_kappa, fleiss_kappa, gwet_ac1, quadratic_kappa},
    alpha::{RatedUnits, RatingLevel, Ratings, krippendorff_alpha},
    alternative::{AdvantageTest, benjamini_yekutieli},
    auc::{Auc, auc},
    bins::{Bin, by_mass, by_width, ece, mce},
    bradley_terry::{Strength, bradley_terry},
    classes::ConfusionMatrix,
    correlation::{Correlation, correlation_interval, kendall_tau_b, pearson, spearman},
    estimates::{
        Calibrated, Estimate, IsotonicMap, JudgedSample, PredictionPowered, Refusal, RoganGladen,
        TwoByTwo, isotonic, labels_only, naive,
    },
    games::{Game, elo, win_rate},
    gate::{Figure, Gate},
    intervals::{
        ClusteredMean, bootstrap, bootstrap_mean, clustered, clustered_bootstrap,
        clustered_bootstrap_mean, clustered_share, mean, normal_quantile, standard_error,
        student_quantile, unseen_share, wilson, wilson_at,
    },
    paired::mcnemar,
    probabilities::brier,
    steps::{Confusion, Diagnosis, FirstErrors, MrScore},
};

pub(crate) use self::{bins::bin_of, intervals::resamples, paired::p_value};

/// An interval of confidence, both ends included. In JSON it is a list of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "(f64, f64)")]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The interval that reaches `half` to either side of a number.
    pub fn around(middle: f64, half: f64) -> Self {
        Self { low: middle - half, high: middle + half }
    }

    /// The part of the interval between these ends, for figures that cannot lie outside of them.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }

    /// Whether a number lies in the interval.
    pub fn contains(self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    /// How wide it is.
    pub fn width(self) -> f64 {
        self.high - self.low
    }
}

impl From<Interval> for (f64, f64) {
    fn from(interval: Interval) -> Self {
        (interval.low, interval.high)
    }
}

/// Numbers that differ by less than this are equal, because sums of floats are not exact.
pub(crate) const NOISE: f64 = 1e-9;

/// How many standard errors a 95 % interval reaches to either side.
const Z95: f64 = 1.959_963_984_540_054;

/// A part as a share of a whole, 0 to 1; 0 if the whole is 0.
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    share(part, whole).unwrap_or(0.0)
}

/// A part as a share of a whole, 0 to 1; `None` if the whole is 0.
pub(crate) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| real(part) / real(whole))
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 records")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}
