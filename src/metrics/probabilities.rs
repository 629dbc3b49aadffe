//! Predicted probabilities beside what happened.

use super::mean;

/// The Brier score (Brier 1950, Monthly Weather Review 78): the mean squared distance of predictions and outcomes, 0 to
/// 1; lower is better. `None` without predictions.
///
/// ```
/// use tribunal::metrics::brier;
///
/// assert!((brier(&[(0.8, true), (0.4, false)]).unwrap() - 0.1).abs() < 1e-12);
/// ```
pub fn brier(predictions: &[(f64, bool)]) -> Option<f64> {
    let squares =
        predictions.iter().map(|(p, outcome)| (p - f64::from(u8::from(*outcome))).powi(2));
    mean(&squares.collect::<Vec<_>>())
}
