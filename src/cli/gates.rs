//! Gates: rules on the figures of a run that decide its exit code.

use super::note;
use tribunal::{
    error::Result,
    metrics::{Figure, Gate},
};

/// Whether a rule is not kept; each of those is printed. A number alone is about the figure `usual`.
///
/// # Errors
/// A rule is about a figure that there is not.
pub(super) fn failed(
    gates: impl IntoIterator<Item = Gate>,
    usual: &str,
    figures: &[Figure],
) -> Result<bool> {
    let mut any = false;
    for gate in gates {
        let gate = if gate.figure() == usual { gate } else { gate.about(usual) };
        if let Some(why) = gate.failure(figures)? {
            note(&format!("gate failed: {why}"));
            any = true;
        }
    }
    Ok(any)
}
