//! The rows of the metrics of evaluation libraries.

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    Vec::new()
}
