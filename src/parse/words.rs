//! Words of a menu, read at the place where a verdict was announced.

use super::{
    bare::bare,
    unreadable::{ReadResult, ambiguous},
};

/// A word that may be written, and what it means.
pub(super) type WordMeaning = (String, String);

/// The meaning of a text as one of `words`: the text is the word, or begins with it.
///
/// ```text
/// text    = word [ comment ]
/// comment = punctuation or a blank, then prose that offers none of the other words
/// ```
///
/// `Yes.`, `A (slightly)` and `correct, since …` are clear; `A or B`, `Yes/No` and `Yes. No.` are ambiguous.
/// `None` if the text begins with none of the words. `others` are words of other meanings that must not be
/// offered beside it, although they are not looked for.
pub(super) fn one_of(
    words: &[WordMeaning],
    others: &[WordMeaning],
    text: &str,
) -> Option<ReadResult<String>> {
    let low = text.to_lowercase();
    let clear = |meaning: Option<&str>| {
        meaning.map_or_else(|| ambiguous(text), |meaning| Ok(meaning.to_owned()))
    };
    let is = |word: &str| dense(&word.to_lowercase()) == dense(&low);
    if let Some((_, meaning)) = fitting(words, is, |word| dense(word) == dense(text)) {
        return Some(clear(meaning));
    }
    let after = |word: &str| {
        let rest = low.strip_prefix(&word.to_lowercase())?;
        (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
    };
    let (word, meaning) =
        fitting(words, |word| after(word).is_some(), |word| text.starts_with(word))?;
    let rest = after(word)?;
    let others = others.iter().filter(|(_, other)| Some(other.as_str()) != meaning);
    let others: Vec<String> =
        words.iter().chain(others).map(|(word, _)| word.to_lowercase()).collect();
    let is_clear = is_comment(rest, word.chars().count() == 1)
        && !offers_another(rest, others.iter().map(String::as_str), Offer::JoinedOrAlone);
    Some(if is_clear { clear(meaning) } else { ambiguous(text) })
}

/// The longest word that fits, whatever its case, and what it means.
///
/// Of words that differ only by case, the one counts that fits exactly. If none does, and they have different
/// meanings, the meaning is `None`: it could be either.
fn fitting(
    words: &[WordMeaning],
    fits: impl Fn(&str) -> bool,
    exactly: impl Fn(&str) -> bool,
) -> Option<(&str, Option<&str>)> {
    let all: Vec<&WordMeaning> = words.iter().filter(|(word, _)| fits(word)).collect();
    let longest = all.iter().map(|(word, _)| word.chars().count()).max()?;
    let mut best = all.into_iter().filter(|(word, _)| word.chars().count() == longest);
    let (word, meaning) = best.clone().find(|(word, _)| exactly(word)).or_else(|| best.next())?;
    let clear = exactly(word) || best.all(|(_, other)| other == meaning);
    Some((word, clear.then_some(meaning)))
}

/// The one of `names` that a text names: the same word, or the only one that differs by case alone.
pub(crate) fn by_name<'n>(
    written: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<&'n str> {
    let written = bare(written);
    let low = written.to_lowercase();
    let exact = names.clone().find(|name| bare(name) == written);
    let mut alike = names.filter(|name| bare(name).to_lowercase() == low);
    let only = || alike.next().filter(|_| alike.next().is_none());
    exact.or_else(only)
}

/// A word without blanks: `A > B` and `A>B` are the same.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whether what follows a word is prose that is set apart from it, by punctuation or a blank.
///
/// With `strict`, a blank alone does not suffice: after the label `A`, ` better one` goes on with a sentence that
/// begins with the article.
pub(super) fn is_comment(rest: &str, strict: bool) -> bool {
    let rest = rest.trim_start_matches(['*', '_', '`', '"', '\'', ']', ')']);
    let mut signs = rest.chars();
    match signs.next() {
        None => true,
        Some(c) if ".,;:!(–—\n".contains(c) => {
            signs.next().is_none_or(|next| !next.is_alphanumeric() || c != '.')
        }
        Some(c) if c.is_whitespace() => {
            let next = rest.trim_start().chars().next();
            next.is_none_or(|next| !strict || "([{-–—:;.,!*_\"'".contains(next))
        }
        Some('-') => rest.starts_with("- ") || rest.starts_with("--"),
        Some(_) => false,
    }
}

/// Which words after a first one count as another offer; see [`offers_another`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Those that a word such as `or` joins to the first.
    Joined,
    /// Those too, and one that stands alone after it: `Yes. No.` is two verdicts.
    JoinedOrAlone,
}

/// Whether another word of the menu is offered beside the first one: `A or B`, `Yes/No`. Then neither was chosen.
///
/// `rest` is what follows the first word; it and the words are in lower case.
pub(super) fn offers_another<'w>(
    rest: &str,
    mut words: impl Iterator<Item = &'w str>,
    counts: Offer,
) -> bool {
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ".,;:*_`\"'])".contains(c));
    let after = ["or ", "and ", "/", "|", "&"].iter().find_map(|word| rest.strip_prefix(word));
    let other = match (after, counts) {
        (Some(after), _) => bare(after),
        (None, Offer::JoinedOrAlone) => bare(rest),
        (None, Offer::Joined) => return false,
    };
    words.any(|word| {
        other.strip_prefix(word).is_some_and(|rest| match after {
            Some(_) => !rest.starts_with(char::is_alphanumeric),
            None => rest.is_empty(),
        })
    })
}
