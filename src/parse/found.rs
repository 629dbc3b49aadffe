//! A value as it was found in a text, by whichever way of searching.

use std::ops::Range;

use crate::verdict::{Reason, Unreadable};

/// A value that was announced, before it is read.
pub(super) struct FoundValue {
    /// The text of the value, or why the announcement decides nothing.
    pub(super) value: Result<String, Unreadable>,
    /// Its bytes in the text that was searched.
    pub(super) place: Range<usize>,
}

/// Why an announcement without the mark, which also stands in a judged text, decides nothing.
pub(super) fn unmarked() -> Unreadable {
    Unreadable::new(
        Reason::Missing,
        "the last announcement lacks the mark and stands in the judged text: it may be a quotation",
    )
}
