//! Parts of names that become parts of paths.

/// Whether a text may be a part of a path: letters, digits, `-`, `_`, `.` and these `others`.
///
/// It does not begin with a point: `..` could leave the folder that the path belongs to.
pub(super) fn is_word(text: &str, others: &[char]) -> bool {
    let is_known =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || others.contains(&c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(is_known)
}
