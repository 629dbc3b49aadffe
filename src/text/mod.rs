//! Preparing texts before they are read: what was thought, where a turn ends, and characters that look
//! alike.
//!
//! A judge may quote the texts that it judges, disguised or not. So everything here looks at two texts:
//! the answer, and the judged texts in every form in which they were shown or meant ([`JudgedTexts`]).

mod fold;
mod judged;
mod special;
mod visible;

#[cfg(feature = "llama")]
pub(crate) use special::{has_channels, marks_thinking};
pub(crate) use {
    fold::{Folded, fold, fold_characters, squeezed},
    judged::JudgedTexts,
    special::{before_control, has_thinking_end},
    visible::{TurnEnd, unfinished_thought, visible_part},
};

/// The part of an answer that counts: without thinking, and without what follows the end of the turn.
///
/// A thinking block opens the answer. It may lack its opening tag (the chat template wrote it) or its
/// closing tag (then all of it was thought). A tag further on is text where one of the `judged` texts
/// holds it, or where it stands between quotation marks or backticks; else it is the judge's own.
///
/// The text ends at the first control token of a known chat template, with the same exceptions. With a
/// `mark`, a token ahead of the only marked line ends nothing: it is mentioned.
///
/// ```
/// use tribunal::text::visible;
///
/// assert_eq!(visible("<think>4? no</think>Score: 5<|im_end|>", &[], None), "Score: 5");
/// assert_eq!(visible("It says <think>.", &["<think>".into()], None), "It says <think>.");
/// ```
pub fn visible<'t>(text: &'t str, judged: &[String], mark: Option<&str>) -> &'t str {
    visible_part(text, &JudgedTexts::new(judged), TurnEnd::Token(mark))
}
