//! The mean of calibrated values, with the uncertainty of the calibration.

use super::{
    Estimate, FEWEST_LABELS, JudgedSample, Refusal, corners, half_width, isotonic, range, variance,
};
use crate::metrics::real;

/// The mean of the judge's values after a rising map that was fitted on the labels, as Causal Judge Evaluation does
/// (Landesberg 2025, arXiv:2512.11150).
///
/// The map is the isotonic regression of labels on values. The mean of the mapped values of all records is corrected by
/// the mean difference of labels and maps that were fitted without the label itself. Its variance has two parts: that of
/// the mapped values over all records, and that of the labels, by a jackknife that fits map and correction anew without
/// each part of the labels. So the uncertainty of the map is in the interval.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Calibrated {
    /// The mean.
    pub estimate: Estimate,
    /// The map, fitted on all labels.
    pub map: super::IsotonicMap,
    /// The share of the variance that comes from the labels, 0 to 1.
    pub from_labels: f64,
}

/// The most parts into which the jackknife divides the labels.
const PARTS: usize = 100;

impl Calibrated {
    /// The estimate of this sample.
    ///
    /// # Errors
    /// There are too few labels, or the labels cover too little of the judge's range.
    pub fn new(sample: &JudgedSample) -> Result<Self, Refusal> {
        let labels = sample.labelled.len();
        if labels < FEWEST_LABELS {
            return Err(Refusal::TooFewLabels { labels, needed: FEWEST_LABELS });
        }
        range::check(sample)?;
        let counted = counted(sample);
        let all: Vec<Weighted> =
            sample.labelled.iter().map(|(judge, label)| (*judge, *label, 1.0)).collect();
        let map = isotonic(&all);
        let value = mapped_mean(&counted, &map);
        let mut smoothed = all;
        if sample.is_rate {
            smoothed.extend(corners(sample).map(|(judge, label)| (judge, label, 0.5)));
        }
        let centre = mapped_mean(&counted, &isotonic(&smoothed));
        let mapped: Vec<f64> = sample.judged().map(|judge| map.apply(judge)).collect();
        let of_records = variance(&mapped, 1.0).unwrap_or(0.0) / real(sample.len());
        let parts = PARTS.min(smoothed.len());
        let of_labels = jackknife(&counted, &smoothed, parts);
        let half =
            half_width([(of_records, real(sample.len()) - 1.0), (of_labels, real(parts) - 1.0)]);
        let total = of_records + of_labels;
        let from_labels = if total > 0.0 { of_labels / total } else { 0.0 };
        let estimate = Estimate { value, interval: sample.interval(centre, half) };
        Ok(Self { estimate, map, from_labels })
    }
}

/// The judge's value, the label, and how many labels it counts for.
type Weighted = (f64, f64, f64);

/// Every value of the judge with the number of its records.
fn counted(sample: &JudgedSample) -> Vec<(f64, f64)> {
    let mut values: Vec<f64> = sample.judged().collect();
    values.sort_by(f64::total_cmp);
    values
        .chunk_by(|one, other| one.total_cmp(other).is_eq())
        .map(|equal| (equal[0], real(equal.len())))
        .collect()
}

/// The mean of the mapped values.
fn mapped_mean(counted: &[(f64, f64)], map: &super::IsotonicMap) -> f64 {
    let count: f64 = counted.iter().map(|(_, count)| count).sum();
    counted.iter().map(|(value, count)| count * map.apply(*value)).sum::<f64>() / count
}

/// The variance of the mean that comes from the labels: (K − 1)/K · Σ (θ₋ₖ − θ̄)² over maps without part k (Quenouille
/// 1956; Tukey 1958; Shao and Tu 1995, The Jackknife and Bootstrap, chapter 2).
fn jackknife(counted: &[(f64, f64)], labelled: &[Weighted], parts: usize) -> f64 {
    let without = |part: usize| {
        let rest = labelled.iter().enumerate().filter(|(n, _)| n % parts != part);
        let rest: Vec<Weighted> = rest.map(|(_, pair)| *pair).collect();
        mapped_mean(counted, &isotonic(&rest))
    };
    let means: Vec<f64> = (0..parts).map(without).collect();
    let middle = means.iter().sum::<f64>() / real(parts);
    let squares: f64 = means.iter().map(|mean| (mean - middle).powi(2)).sum();
    (real(parts) - 1.0) / real(parts) * squares
}
