//! Pairs of a predicted probability and what happened.

/// One prediction, and whether it came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The predicted probability that the label is positive, 0 to 1.
    pub p: f64,
    /// Whether the label is positive.
    pub is_positive: bool,
    /// A hash of the record, which decides the fold of cross-validation that it is in.
    pub hash: u64,
}

impl Observation {
    /// A prediction of the record with this hash.
    pub fn new(p: f64, is_positive: bool, hash: u64) -> Self {
        Self { p, is_positive, hash }
    }

    /// The outcome as a number: 1 if the label is positive, otherwise 0.
    pub(super) fn outcome(&self) -> f64 {
        f64::from(u8::from(self.is_positive))
    }
}

/// The mean of these numbers; 0 if there are none.
pub(super) fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = super::real(numbers.len());
    if count == 0.0 { 0.0 } else { numbers.sum::<f64>() / count }
}
