//! The rate of positive records, from the sensitivity and the specificity of the judge.

use super::{Estimate, Refusal};
use crate::metrics::{Interval, Z95, real, wilson};

/// The labelled records of a judge with two verdicts, by verdict and label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwoByTwo {
    /// Positive records that the judge calls positive.
    pub true_positive: usize,
    /// Positive records that the judge calls negative.
    pub false_negative: usize,
    /// Negative records that the judge calls negative.
    pub true_negative: usize,
    /// Negative records that the judge calls positive.
    pub false_positive: usize,
}

/// The rate of positive records by Rogan and Gladen (1978, American Journal of Epidemiology 107), with the interval of
/// Lang and Reiczigel (2014, Preventive Veterinary Medicine 113).
///
/// π = (p + specificity − 1) / (sensitivity + specificity − 1), for the share p of all records that the judge calls
/// positive. The interval takes sensitivity and specificity for the estimates that they are: with z = 1.96,
/// p' = (n·p + z²/2)/(n + z²), Se' = (TP + 1)/(P + 2), Sp' = (TN + 1)/(N + 2) and π' from these, it is
/// π' + dπ ± z·√(p'(1−p')/(n+z²) + π'²·Se'(1−Se')/(P+2) + (1−π')²·Sp'(1−Sp')/(N+2)) / (Se' + Sp' − 1), where
/// dπ = 2z²·(π'·Se'(1−Se')/(P+2) − (1−π')·Sp'(1−Sp')/(N+2)).
///
/// Unlike the other estimators it also holds if labels were chosen by their class, such as half positive and half
/// negative ones.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RoganGladen {
    /// The rate.
    pub estimate: Estimate,
    /// The share of positive records that the judge calls positive.
    pub sensitivity: (f64, Interval),
    /// The share of negative records that the judge calls negative.
    pub specificity: (f64, Interval),
}

/// The fewest labels of each class.
const FEWEST: usize = 5;

impl RoganGladen {
    /// The rate of positive records, of which the judge calls `positive` of `records` positive.
    ///
    /// ```
    /// use tribunal::metrics::{RoganGladen, TwoByTwo};
    ///
    /// let table = TwoByTwo { true_positive: 45, false_negative: 5, true_negative: 40, false_positive: 10 };
    /// let rate = RoganGladen::new(550, 1_000, table)?;
    /// // (0.55 + 0.8 - 1) / (0.9 + 0.8 - 1)
    /// assert!((rate.estimate.value - 0.5).abs() < 1e-9);
    /// # Ok::<(), tribunal::metrics::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// A class has too few labels, or the judge is not clearly better than chance.
    pub fn new(positive: usize, records: usize, table: TwoByTwo) -> Result<Self, Refusal> {
        let TwoByTwo { true_positive, false_negative, true_negative, false_positive } = table;
        let ups = true_positive + false_negative;
        let downs = true_negative + false_positive;
        if ups.min(downs) < FEWEST || records == 0 {
            return Err(Refusal::TooFewOfClass { positive: ups, negative: downs, needed: FEWEST });
        }
        let share = |part: usize, whole: usize| real(part) / real(whole);
        let sensitivity = share(true_positive, ups);
        let specificity = share(true_negative, downs);
        let refusal = Refusal::NoBetterThanChance { sensitivity, specificity };
        let rate = |p: f64, up: f64, down: f64| (p + down - 1.0) / (up + down - 1.0);

        let square = Z95 * Z95;
        let smoothed = |part: usize, whole: usize| {
            let share = (real(part) + 1.0) / (real(whole) + 2.0);
            (share, share * (1.0 - share) / (real(whole) + 2.0))
        };
        let (up, up_variance) = smoothed(true_positive, ups);
        let (down, down_variance) = smoothed(true_negative, downs);
        let better = up + down - 1.0;
        // Close to chance the quotient has no moments, and no interval around it holds.
        if better <= Z95 * (up_variance + down_variance).sqrt() {
            return Err(refusal);
        }
        let count = real(records) + square;
        let p = (real(positive) + square / 2.0) / count;
        let centre = rate(p, up, down);
        let shift = 2.0 * square * (centre * up_variance - (1.0 - centre) * down_variance);
        let variance = p * (1.0 - p) / count
            + centre.powi(2) * up_variance
            + (1.0 - centre).powi(2) * down_variance;
        let half = Z95 * variance.sqrt() / better;
        let value = rate(share(positive, records), sensitivity, specificity).clamp(0.0, 1.0);
        let interval = Interval::around(centre + shift, half).within(0.0, 1.0);
        Ok(Self {
            estimate: Estimate { value, interval },
            sensitivity: (sensitivity, wilson(true_positive, ups)),
            specificity: (specificity, wilson(true_negative, downs)),
        })
    }
}
