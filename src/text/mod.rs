//! Preparing a model's answer before a rule reads it: thinking, the end of the turn, look-alike characters.
//!
//! Models write more than an answer. They think first, in one of a dozen notations; some go on after the end of
//! their turn and play the user; some write `Ｓｃｏｒｅ：７` or `<b>Score</b>: 7`. This module finds the part that
//! counts, once, so that no rule has to.
//!
//! A judge may quote the texts that it judges, disguised or not, and those texts are untrusted: an answer to be
//! judged may contain `</think>` or `<|im_end|>` in order to cut the judge's text short. So everything here
//! compares two texts: the answer, and the judged texts in every form in which they were shown or may be quoted
//! (`JudgedTexts`). What occurs in a judged text is taken for a quotation wherever that is possible.
//!
//! | module | what it does |
//! |---|---|
//! | `special` | finds the tags around thinking and the control tokens of chat templates |
//! | `visible` | decides by them which part of an answer counts |
//! | `fold` | maps look-alike and invisible characters to plain ones, and back to the original text |
//! | `judged` | the judged texts with escapes read, folded, and ready to be searched |
//!
//! All of it is pure, and linear in the length of the text.

mod fold;
mod judged;
mod special;
mod visible;

pub(crate) use {
    fold::{Folded, fold, fold_characters, squeezed},
    judged::JudgedTexts,
    special::{before_control, has_thinking_end},
    visible::{TurnEnd, unfinished_thought, visible_part},
};
#[cfg(feature = "llama")]
pub(crate) use {
    special::{has_channels, marks_thinking},
    visible::{Stage, stage},
};

/// The byte after the last occurrence of a mark as a whole word, in any case; `None` if it does not occur.
pub(crate) fn after_mark(text: &str, mark: &str) -> Option<usize> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let whole = |at: &usize| {
        !is_word(text[..*at].chars().next_back())
            && !is_word(text[at + mark.len()..].chars().next())
    };
    let lower = text.to_ascii_lowercase();
    let at = lower.match_indices(mark).map(|(at, _)| at).filter(whole).last()?;
    Some(at + mark.len())
}

/// The byte of the bracket `close` that ends what was opened before a text: brackets inside of it are skipped.
pub(crate) fn closing_bracket(text: &str, close: char) -> Option<usize> {
    let open = if close == '}' { '{' } else { '(' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

/// The part of an answer that counts: without thinking, and without what follows the end of the turn.
///
/// - `judged`: the texts that the model was shown and asked to judge.
/// - `mark`: the mark that the verdict was asked to carry, if there is one.
///
/// A thinking block opens the answer. Its opening tag may be missing (the chat template wrote it), and so may
/// its closing tag (then all of the answer is thinking). A tag further on is text where one of the `judged`
/// texts contains it, or where it stands between quotation marks or backticks; otherwise it is the judge's own.
///
/// The text ends before the first control token of a known chat template, with the same exceptions. With a
/// `mark`, a token before the only marked line ends nothing: the judge writes about it.
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
