//! The rows of judges that were trained for their format.

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    Vec::new()
}
