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

/// What a prompt demands of announcements, apart from their words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demands {
    /// The verdict was asked for with the item's mark, and this rule is without it: what it finds may be a quotation.
    pub(super) mark: bool,
    /// All announcements must be the same verdict (key `unique`).
    pub(super) unique: bool,
}

/// Why announcements decide nothing together: they are different verdicts. `None` if all are the same.
pub(super) fn contradicted(mut verdicts: impl Iterator<Item = String>) -> Option<Unreadable> {
    let first = verdicts.next()?;
    let other = verdicts.find(|verdict| *verdict != first)?;
    Some(Unreadable::new(
        Reason::Ambiguous,
        format!("the answer announces both `{first}` and `{other}`"),
    ))
}
