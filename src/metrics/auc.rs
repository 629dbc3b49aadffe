//! The area under the receiver operating characteristic, with its interval.
//!
//! It is the probability that a random positive record has a higher prediction than a random negative one;
//! ties count as half (Mann and Whitney 1947; Hanley and McNeil 1982). The variance is that of DeLong et al.
//! 1988, computed from ranks (Sun and Xu 2014). It is 0 where predictions separate the classes without an error; there
//! the interval is Wilson's of as many records as the smaller class has. It is 0 too where all predictions are equal,
//! which have no interval.

use super::{Interval, NOISE, Z95, correlation::ranks, real, wilson};

/// An area under the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    /// The area, 0 to 1; 0.5 is chance.
    pub area: f64,
    /// The 95 % interval; `None` with fewer than two records of a class, or if all predictions are equal.
    pub interval: Option<Interval>,
}

/// The area under the curve of these predictions, each with what happened; `None` unless both outcomes occur and
/// all predictions are finite.
///
/// ```
/// use tribunal::metrics::auc;
///
/// let found = auc(&[(0.9, true), (0.4, true), (0.6, false), (0.1, false)]).unwrap();
/// assert!((found.area - 0.75).abs() < 1e-12);
/// ```
pub fn auc(predictions: &[(f64, bool)]) -> Option<Auc> {
    let of = |wanted: bool| -> Vec<f64> {
        predictions.iter().filter(|(_, outcome)| *outcome == wanted).map(|(p, _)| *p).collect()
    };
    // Only exactly equal numbers are equal: near 0 and 1, small differences of probabilities are large differences of
    // odds.
    let ranks = |numbers: &[f64]| ranks(numbers, 0.0);
    let (positive, negative) = (of(true), of(false));
    let are_finite = predictions.iter().all(|(p, _)| p.is_finite());
    if positive.is_empty() || negative.is_empty() || !are_finite {
        return None;
    }
    let (ups, downs) = (real(positive.len()), real(negative.len()));
    let together = ranks(&[positive.clone(), negative.clone()].concat());
    let (upper, lower) = together.split_at(positive.len());
    // For each record, the share of the other class that is ranked on its wrong side.
    let won: Vec<f64> =
        upper.iter().zip(ranks(&positive)).map(|(all, own)| (all - own) / downs).collect();
    let lost: Vec<f64> =
        lower.iter().zip(ranks(&negative)).map(|(all, own)| 1.0 - (all - own) / ups).collect();
    let area = won.iter().sum::<f64>() / ups;
    let variance = variance(&won).zip(variance(&lost));
    let fewest = positive.len().min(negative.len());
    let interval = variance.and_then(|(one, other)| match (one / ups + other / downs).sqrt() {
        error if error > 0.0 => Some(Interval::around(area, Z95 * error).within(0.0, 1.0)),
        _ if area > 1.0 - NOISE => Some(wilson(fewest, fewest)),
        _ if area < NOISE => Some(wilson(0, fewest)),
        _ => None,
    });
    Some(Auc { area, interval })
}

/// The variance of a sample; `None` with fewer than two numbers.
fn variance(sample: &[f64]) -> Option<f64> {
    let count = real(sample.len());
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|one| (one - mean).powi(2)).sum();
    (sample.len() > 1).then(|| squares / (count - 1.0))
}
