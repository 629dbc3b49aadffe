//! Prediction-powered inference with power tuning.

use super::{Estimate, FEWEST_LABELS, JudgedSample, Refusal, corners, half_width, range};
use crate::metrics::real;

/// The mean by prediction-powered inference (Angelopoulos et al. 2023, Science 382) with power tuning (PPI++,
/// Angelopoulos, Duchi and Zrnic 2023, arXiv:2311.01453).
///
/// θ = λ·mean(f, others) + mean(y − λ·f, labelled). The λ with the smallest variance is
/// cov(y, f) / (var(f)·(1 + n/N)) for n labels and N other records, here between 0 and 1: with a useless judge it is
/// near 0, which leaves the mean of the labels. The variance is λ²·var(f)/N + var(y − λ·f)/n, with the degrees of
/// freedom of Welch and Satterthwaite. For rates, half a label is added in each of the four corners before the interval
/// is computed (Agresti and Min 2005).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PredictionPowered {
    /// The mean.
    pub estimate: Estimate,
    /// How far the judge is relied on: 0 is not at all, 1 is fully.
    pub lambda: f64,
}

impl PredictionPowered {
    /// The estimate of this sample.
    ///
    /// ```
    /// use tribunal::metrics::{JudgedSample, PredictionPowered};
    ///
    /// // The judge passes 80 % of the records. On the labelled ones it passes a quarter too many.
    /// let labelled = [vec![(1.0, 1.0); 30], vec![(1.0, 0.0); 10], vec![(0.0, 0.0); 10]].concat();
    /// let others = [vec![1.0; 800], vec![0.0; 200]].concat();
    /// let sample = JudgedSample { labelled, others, is_rate: true };
    /// let powered = PredictionPowered::new(&sample)?;
    /// assert!((powered.estimate.value - 0.6).abs() < 1e-9);
    /// assert!(powered.estimate.interval.contains(0.6) && !powered.estimate.interval.contains(0.8));
    /// # Ok::<(), tribunal::metrics::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// There are too few labels, or the labels cover too little of the judge's range.
    pub fn new(sample: &JudgedSample) -> Result<Self, Refusal> {
        let labels = sample.labelled.len();
        if labels < FEWEST_LABELS {
            return Err(Refusal::TooFewLabels { labels, needed: FEWEST_LABELS });
        }
        range::check(sample)?;
        let weighted = |pair: &(f64, f64)| (pair.0, pair.1, 1.0);
        let mut pairs: Vec<Weighted> = sample.labelled.iter().map(weighted).collect();
        let lambda = tuned(&pairs, &sample.others);
        let value = mean_of(&pairs, &sample.others, lambda);
        if sample.is_rate {
            pairs.extend(corners(sample).map(|(judge, label)| (judge, label, 0.5)));
        }
        let centre = mean_of(&pairs, &sample.others, lambda);
        let rest: Vec<(f64, f64)> =
            pairs.iter().map(|(judge, label, weight)| (label - lambda * judge, *weight)).collect();
        let others: Vec<(f64, f64)> =
            sample.others.iter().map(|judge| (lambda * judge, 1.0)).collect();
        let half = half_width([spread(&others, 1.0), spread(&rest, 2.0)]);
        let estimate = Estimate { value, interval: sample.interval(centre, half) };
        Ok(Self { estimate, lambda })
    }
}

/// The judge's value, the label, and how many labels it counts for.
type Weighted = (f64, f64, f64);

/// The estimate with this λ.
fn mean_of(pairs: &[Weighted], others: &[f64], lambda: f64) -> f64 {
    let count: f64 = pairs.iter().map(|pair| pair.2).sum();
    let rest: f64 =
        pairs.iter().map(|(judge, label, weight)| weight * (label - lambda * judge)).sum();
    let judged =
        if others.is_empty() { 0.0 } else { others.iter().sum::<f64>() / real(others.len()) };
    lambda * judged + rest / count
}

/// The λ of the smallest variance, between 0 and 1; 0 if the judge says the same of every record.
fn tuned(pairs: &[Weighted], others: &[f64]) -> f64 {
    let count = real(pairs.len());
    let judge = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
    let label = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
    let together: f64 = pairs.iter().map(|pair| (pair.0 - judge) * (pair.1 - label)).sum();
    let alone: f64 = pairs.iter().map(|pair| (pair.0 - judge).powi(2)).sum();
    if alone <= 0.0 || others.is_empty() {
        return 0.0;
    }
    (together / (alone * (1.0 + count / real(others.len())))).clamp(0.0, 1.0)
}

/// The variance of the mean of weighted numbers, and its degrees of freedom.
fn spread(numbers: &[(f64, f64)], lost: f64) -> (f64, f64) {
    let count: f64 = numbers.iter().map(|(_, weight)| weight).sum();
    let middle = numbers.iter().map(|(number, weight)| weight * number).sum::<f64>() / count;
    let squares: f64 =
        numbers.iter().map(|(number, weight)| weight * (number - middle).powi(2)).sum();
    let freedom = count - lost;
    if freedom > 0.0 { (squares / freedom / count, freedom) } else { (0.0, 0.0) }
}
