//! Whether the labelled records cover the judge's values.

use super::{JudgedSample, Refusal};
use crate::metrics::{Interval, real};

/// The share of values outside that is of no consequence.
const HARMLESS: f64 = 0.05;

/// The probability with which labels that were chosen at random are refused, at most.
const MISTAKE: f64 = 1e-3;

/// Checks that no more of the other values lie outside those of labelled records than a random choice would leave.
///
/// If a share x of all records lies beyond one end, a random choice of n records misses all of it with the probability
/// (1 − x)ⁿ. So a share above 1 − (α/2)^(1/n) beyond either end is left with a probability of at most α.
///
/// # Errors
/// More than a twentieth of the other records lies beyond an end, and more than a random choice would leave.
pub(super) fn check(sample: &JudgedSample) -> Result<(), Refusal> {
    let values = sample.labelled.iter().map(|(judge, _)| *judge);
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let below = sample.others.iter().filter(|value| **value < low).count();
    let above = sample.others.iter().filter(|value| **value > high).count();
    let records = sample.others.len();
    let left = 1.0 - (MISTAKE / 2.0).powf(1.0 / real(sample.labelled.len()));
    if real(below.max(above)) > left.max(HARMLESS) * real(records) {
        let range = Interval { low, high };
        return Err(Refusal::OutsideLabelledRange { range, outside: below + above, records });
    }
    Ok(())
}
