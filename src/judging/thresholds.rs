//! When each judge of a cascade decides.

/// The least certainty with which each member of a cascade decides, in their order.
///
/// With 0 a member decides whatever its certainty is, as long as it has a verdict; an infinite one never decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thresholds(pub(crate) Vec<f64>);

impl Thresholds {
    /// The least certainty of the member with this index.
    pub(super) fn of(&self, member: usize) -> f64 {
        self.0.get(member).copied().unwrap_or(0.0)
    }
}
