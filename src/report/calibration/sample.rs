//! Pairs of a predicted probability and what happened.

/// One prediction, and whether it came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The predicted probability that the label is positive, 0 to 1.
    pub p: f64,
    /// Whether the label is positive.
    pub is_positive: bool,
    /// A hash of the record, or of the cluster that it is in. It decides the fold of cross-validation, and observations
    /// with equal hashes belong together in intervals.
    pub hash: u64,
}

impl Observation {
    /// A prediction of the record with this hash.
    pub fn new(p: f64, is_positive: bool, hash: u64) -> Self {
        Self { p, is_positive, hash }
    }

    /// The prediction and whether it came true, as metrics take them.
    pub(super) fn pair(&self) -> (f64, bool) {
        (self.p, self.is_positive)
    }

    /// The same prediction, and the other outcome.
    pub(super) fn turned(self) -> Self {
        Self { is_positive: !self.is_positive, ..self }
    }

    /// The squared distance of prediction and outcome.
    pub(super) fn squared_error(&self) -> f64 {
        (self.p - self.outcome()).powi(2)
    }

    /// The outcome as a number: 1 if the label is positive, otherwise 0.
    pub(super) fn outcome(&self) -> f64 {
        f64::from(u8::from(self.is_positive))
    }
}
