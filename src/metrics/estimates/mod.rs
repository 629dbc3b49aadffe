//! Estimates of a mean or a rate from a judge on all records and labels on some of them.
//!
//! The mean of a judge's values is the mean of the labels only if its mistakes cancel. The labels of a random part of
//! the records tell how far they do not, and every estimator here corrects the mean by them:
//!
//! | estimator | what it uses | for |
//! |---|---|---|
//! | [`PredictionPowered`] | the mean difference of labels and judge on the labelled part | any value |
//! | [`RoganGladen`] | sensitivity and specificity on the labelled part | two classes |
//! | [`Calibrated`] | a rising map from the judge's values to labels | any value, best for probabilities and scores |
//! | [`naive`], [`labels_only`] | the judge alone; the labels alone | comparison |
//!
//! Labels are assumed to be a random sample of the records. Where that is visibly wrong, where labels are too few, or
//! where the judge is no better than chance, there is a [`Refusal`] in place of a number. All intervals are of 95 %,
//! and contain the uncertainty of the correction itself.

mod calibrated;
mod isotonic;
mod powered;
mod range;
mod rogan_gladen;

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::units::counted;

pub use self::{
    calibrated::Calibrated,
    isotonic::{IsotonicMap, isotonic},
    powered::PredictionPowered,
    rogan_gladen::{RoganGladen, TwoByTwo},
};
use super::{Interval, NOISE, Z95, mean, real, student_quantile, wilson};

/// The values of a judge on all records, and the labels of some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgedSample {
    /// Records with a label: pairs of the judge's value and the label.
    pub labelled: Vec<(f64, f64)>,
    /// The judge's values on all other records.
    pub others: Vec<f64>,
    /// Whether labels are 0 or 1, so that the mean is a rate.
    pub is_rate: bool,
}

impl JudgedSample {
    /// The number of all records.
    pub fn len(&self) -> usize {
        self.labelled.len() + self.others.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The judge's value of every record.
    pub fn judged(&self) -> impl Iterator<Item = f64> {
        self.labelled.iter().map(|(judge, _)| *judge).chain(self.others.iter().copied())
    }

    /// The labels.
    pub fn labels(&self) -> impl Iterator<Item = f64> {
        self.labelled.iter().map(|(_, label)| *label)
    }

    /// The interval around a value with this standard error, within 0 and 1 if it is a rate.
    fn interval(&self, value: f64, half: f64) -> Interval {
        let interval = Interval::around(value, half);
        if self.is_rate { interval.within(0.0, 1.0) } else { interval }
    }
}

/// A mean with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimated mean.
    pub value: f64,
    /// Its interval of 95 %.
    pub interval: Interval,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// Fewer labels than an interval needs.
    TooFewLabels {
        /// The labels that there are.
        labels: usize,
        /// The labels that are needed.
        needed: usize,
    },
    /// Too few labels of one of the two classes.
    TooFewOfClass {
        /// Labels that are positive.
        positive: usize,
        /// Labels that are negative.
        negative: usize,
        /// How many of each are needed.
        needed: usize,
    },
    /// The judge is no better than chance: sensitivity + specificity is not above 1, or not surely.
    NoBetterThanChance {
        /// The share of positive records that the judge finds.
        sensitivity: f64,
        /// The share of negative records that the judge finds.
        specificity: f64,
    },
    /// More of the judge's values lie outside those of labelled records than a random choice of labels would leave.
    OutsideLabelledRange {
        /// The lowest and the highest value of a labelled record.
        range: Interval,
        /// Records outside.
        outside: usize,
        /// All records without a label.
        records: usize,
    },
    /// The numbers are so large that their sum is not finite.
    BeyondNumbers,
}

impl Refusal {
    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::TooFewLabels { needed, labels } => {
                format!(
                    "label {}, chosen at random",
                    counted(needed.saturating_sub(*labels), "more record")
                )
            }
            Self::TooFewOfClass { needed, .. } => {
                format!("label more records at random, until each class has {needed}")
            }
            Self::NoBetterThanChance { .. } => {
                "use a better judge or prompt, or the mean of the labels alone".to_owned()
            }
            Self::BeyondNumbers => {
                "leave out records whose score or label is too large to be a real value".to_owned()
            }
            Self::OutsideLabelledRange { range, .. } if range.width() <= 0.0 => {
                "label records with other values too: choose them at random from all".to_owned()
            }
            Self::OutsideLabelledRange { range, .. } => format!(
                "label records with values below {} or above {} too: choose them at random from all",
                range.low, range.high
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewLabels { labels, needed } => {
                let are = if *labels == 1 { "label is" } else { "labels are" };
                write!(f, "{labels} {are} too few: {needed} are needed")
            }
            Self::TooFewOfClass { positive, negative, needed } => write!(
                f,
                "{positive} positive and {negative} negative labels are too few: {needed} of each are needed"
            ),
            Self::NoBetterThanChance { sensitivity, specificity } => write!(
                f,
                "the judge is not clearly better than chance: sensitivity {sensitivity:.2} + specificity {specificity:.2}"
            ),
            Self::BeyondNumbers => f.write_str("the numbers are too large to be added up"),
            Self::OutsideLabelledRange { range, outside, records } if range.width() <= 0.0 => {
                write!(
                    f,
                    "{outside} of {records} values differ from {}, which all labelled records have",
                    range.low
                )
            }
            Self::OutsideLabelledRange { range, outside, records } => write!(
                f,
                "{outside} of {records} values lie outside those of labelled records, {} to {}",
                range.low, range.high
            ),
        }
    }
}

/// The fewest labels for which there is an interval.
const FEWEST_LABELS: usize = 20;

/// The mean of the judge's values, with the interval that takes them for labels. It is shown for comparison: its
/// interval does not contain the judge's bias. `None` with fewer than two records.
pub fn naive(sample: &JudgedSample) -> Option<Estimate> {
    let values: Vec<f64> = sample.judged().collect();
    plain(&values, sample)
}

/// The mean of the labels alone, with its interval; `None` with fewer than two labels.
pub fn labels_only(sample: &JudgedSample) -> Option<Estimate> {
    let values: Vec<f64> = sample.labels().collect();
    plain(&values, sample)
}

/// The mean of values; the interval is Wilson's if all of them are 0 or 1, otherwise Student's.
fn plain(values: &[f64], sample: &JudgedSample) -> Option<Estimate> {
    let value = mean(values)?;
    let count = real(values.len());
    let interval = if sample.is_rate && values.iter().all(|one| is(*one, 0.0) || is(*one, 1.0)) {
        let ones = values.iter().filter(|one| is(**one, 1.0)).count();
        wilson(ones, values.len())
    } else {
        let quantile = student_quantile(0.975, count - 1.0)?;
        sample.interval(value, quantile * (variance(values, 1.0)? / count).sqrt())
    };
    Some(Estimate { value, interval })
}

/// Whether two numbers are equal up to rounding noise.
fn is(one: f64, other: f64) -> bool {
    (one - other).abs() < NOISE
}

/// Σ (x − x̄)² / (n − lost); `None` unless there are more values than lost degrees of freedom.
fn variance(values: &[f64], lost: f64) -> Option<f64> {
    let middle = mean(values)?;
    let freedom = real(values.len()) - lost;
    let squares = values.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
    (freedom > 0.0).then(|| squares / freedom)
}

/// The half width of an interval of 95 % for a sum of two independent parts, each a variance with its degrees of
/// freedom (Welch 1947, Biometrika 34; Satterthwaite 1946).
fn half_width(parts: [(f64, f64); 2]) -> f64 {
    let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
    let spread: f64 = parts
        .iter()
        .filter(|(variance, freedom)| *variance > 0.0 && *freedom > 0.0)
        .map(|(variance, freedom)| variance.powi(2) / freedom)
        .sum();
    let quantile = (spread > 0.0).then(|| student_quantile(0.975, total.powi(2) / spread));
    quantile.flatten().unwrap_or(Z95) * total.sqrt()
}

/// Half a label in each corner of judge and label: what Agresti and Min (2005, Statistics in Medicine 24) add to the
/// four cells of paired rates, so that a judge without a seen mistake is not taken for one that makes none.
fn corners(sample: &JudgedSample) -> [(f64, f64); 4] {
    let low = sample.judged().fold(0.0, f64::min);
    let high = sample.judged().fold(1.0, f64::max);
    [(low, 0.0), (low, 1.0), (high, 0.0), (high, 1.0)]
}
