//! Why the text of a value is not a verdict: it is ambiguous, or was never offered.

use crate::verdict::{Reason, Unreadable};

/// A verdict or a part of it, or why the text is not one.
pub(super) type ReadResult<T> = Result<T, Unreadable>;

/// The text could mean several things, or none.
pub(super) fn ambiguous<T>(text: &str) -> ReadResult<T> {
    Err(Unreadable::new(Reason::Ambiguous, format!("`{}` is not a clear verdict", excerpt(text))))
}

/// The text is a clear value that was never offered.
pub(super) fn off_scale<T>(text: &str) -> ReadResult<T> {
    Err(Unreadable::new(Reason::OffScale, format!("`{}` was never offered", excerpt(text))))
}

/// The text says that the judge cannot judge.
pub(super) fn abstained<T>(text: &str) -> ReadResult<T> {
    Err(Unreadable::new(Reason::Abstained, format!("`{}`", excerpt(text))))
}

/// The same in other words.
pub(super) fn off_scale_because<T>(detail: String) -> ReadResult<T> {
    Err(Unreadable::new(Reason::OffScale, detail))
}

/// Why a text that begins with no word of the menu is unreadable: a single short word is off the menu, anything else
/// is ambiguous.
pub(super) fn off_menu<T>(text: &str) -> ReadResult<T> {
    const LONGEST: usize = 20;
    let clean = text.chars().count() <= LONGEST && text.chars().all(char::is_alphanumeric);
    if clean { off_scale(text) } else { ambiguous(text) }
}

/// The beginning of a text, for error messages.
pub(super) fn excerpt(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
