//! Finds the letter of the option that an answer picks, or reports that the choice is unclear.
//!
//! Letters are also words (`A`, `I`) and parts of words, and an answer may mention options that it rejects. A
//! letter therefore counts if it is the whole answer, stands in a box, opens the answer the way an option
//! does (`B. Paris`), or is announced (`Answer: B`). Otherwise it counts only if no other letter stands
//! alone. A denied option (`not A`, `B is wrong`) is not picked, and an answer that names two options is
//! unclear.
//!
//! | answer | letter |
//! |---|---|
//! | `B` or `(b)` | B |
//! | `B. Paris, because A is wrong` | B |
//! | `I compared both. Answer: A` | A |
//! | `(C) Paris` | C |
//! | `A or B` | unclear |
//! | `I do not know` | none |

use std::sync::LazyLock;

use regex::Regex;

use super::{FoundValue, announced, before_reasons, boxed, head};

/// The letter that an answer picks, in upper case.
///
/// The order of preference is: the letter in the last box, the letter that opens the answer, the letter that
/// is announced, and the only letter that stands alone.
pub(super) fn of(text: &str) -> FoundValue<char> {
    if let Some(inner) = boxed(text) {
        let found = picked(inner);
        if !matches!(found, FoundValue::Nothing) {
            return found;
        }
    }
    if let Some(letter) = opening(text.trim()) {
        return FoundValue::One(letter);
    }
    let segments: Vec<&str> = announced(text).collect();
    if let Some(last) = segments.last() {
        let found = picked(last);
        if !matches!(found, FoundValue::Nothing) {
            return found;
        }
        // The announced text is not a letter, so letters elsewhere in the answer do not count.
        return if matches!(only(text), FoundValue::Nothing) {
            FoundValue::Nothing
        } else {
            FoundValue::Unclear
        };
    }
    alone(text)
}

/// The one letter in a text that announces nothing.
///
/// A text of several sentences must name exactly one letter, and must not deny it.
fn alone(text: &str) -> FoundValue<char> {
    if !SENTENCE.is_match(text.trim()) {
        return picked(text);
    }
    match only(text) {
        FoundValue::One(_) if DENIED.is_match(text) || WRONG.is_match(text) => FoundValue::Unclear,
        found => found,
    }
}
/// Matches the end of a sentence or a line inside a text: the text is longer than one sentence.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.!?;:]\s|\n").unwrap());

/// The letter of a text that is a letter or begins as an option does: `B`, `(b)`, `B. because A is wrong`.
///
/// `None` if the rest of the line names another letter, or if further lines begin like options too.
fn opening(text: &str) -> Option<char> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next()?;
    let first = OPENING.captures(line)?;
    let found = first.get(1).or_else(|| first.get(2)).or_else(|| first.get(3))?;
    let letter = found.as_str().chars().next()?.to_ascii_uppercase();
    let rest = line.get(found.end()..).unwrap_or_default();
    let more = match only(head(undenied(rest))) {
        FoundValue::One(other) => other != letter,
        FoundValue::Unclear => true,
        FoundValue::Nothing => false,
    };
    // Several lines of this form list the options; they are not an answer.
    (!more && !lines.any(|line| OPENING.is_match(line))).then_some(letter)
}

/// The text up to its first denial, or the whole text if it denies nothing.
fn undenied(text: &str) -> &str {
    DENIED.find(text).map_or(text, |denied| text.get(..denied.start()).unwrap_or(text))
}
/// Matches a line that begins as an option does. The letter is in group 1, 2 or 3.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^[*_#>\s]*(?:[(\[]([A-Za-z])[)\]]|([A-Za-z])[*_]*[).][*_]*(?:\s|$)|([A-Za-z])[*_]*$)",
    )
    .unwrap()
});

/// The one letter that a passage names before it gives reasons or denies something.
fn picked(passage: &str) -> FoundValue<char> {
    let begun = undenied(before_reasons(passage));
    match only(begun) {
        FoundValue::One(_) if WRONG.is_match(begun) => FoundValue::Unclear,
        FoundValue::Nothing if begun.len() < passage.len() => match only(passage) {
            // The only letter stands in the reasons or in a denial.
            FoundValue::One(_) if DENIED.is_match(passage) => FoundValue::Unclear,
            found => found,
        },
        found => found,
    }
}
/// Matches a word that denies what follows: `not`, `rather than`, `isn't`.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:not|never|neither|cannot|rather than|instead of|unlike)\b|n['’]t\b)")
        .unwrap()
});
/// Matches a word that rejects an option: `wrong`, `ruled out`.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static WRONG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:wrong|incorrect|false|excluded|eliminated|ruled out)\b").unwrap()
});

/// The letter of a passage whose option letters are all the same, in upper case.
///
/// Letters inside words are skipped. If the only candidate may also be the article `A`, the result is
/// unclear.
fn only(passage: &str) -> FoundValue<char> {
    let mut sure: Vec<char> = Vec::new();
    let mut unsure = false;
    for found in LETTER.captures_iter(passage) {
        let (Some(all), Some(letter)) = (found.get(0), found.name("letter")) else { continue };
        let Some(letter) = letter.as_str().chars().next() else { continue };
        let before = passage.get(..all.start()).unwrap_or_default();
        let after = passage.get(all.end()..).unwrap_or_default();
        let closed = found.name("close").is_some_and(|close| matches!(close.as_str(), ")" | "]"));
        let wrapped = closed || found.name("open").is_some();
        if before.ends_with(is_of_word) || after.starts_with(is_of_word) {
            continue;
        }
        match standing(letter, wrapped, passage.trim() == all.as_str().trim(), after) {
            Standing::Letter if !sure.contains(&letter.to_ascii_uppercase()) => {
                sure.push(letter.to_ascii_uppercase());
            }
            Standing::Letter | Standing::Word => (),
            Standing::Either => unsure = true,
        }
    }
    match sure.as_slice() {
        [letter] => FoundValue::One(*letter),
        [] if !unsure => FoundValue::Nothing,
        _ => FoundValue::Unclear,
    }
}

/// Whether this character, next to a letter, makes the letter part of a word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’')
}
/// Matches a single letter with the brackets or marks around it.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<open>\(|\[|\*{1,2}|_{1,2}|`|\\text(?:bf|rm)?\{)?\(?(?P<letter>[A-Za-z])(?P<close>\)|\]|\*{1,2}|_{1,2}|`|\})?")
        .unwrap()
});

/// What a letter that stands alone can mean.
enum Standing {
    /// It is the letter of an option.
    Letter,
    /// It is a word of the sentence, such as `I`.
    Word,
    /// It may be either: `A` before a lower-case word.
    Either,
}

/// Decides what a letter that stands alone means.
///
/// `I` and `A` may be words. Any other letter is an option if it is a capital from `A` to `J`, or if it is
/// wrapped in brackets or marks. `after` is the text that follows the letter.
fn standing(letter: char, wrapped: bool, is_all: bool, after: &str) -> Standing {
    let follows = after.trim_start_matches([' ', '\u{a0}']);
    let before_word = after.starts_with(' ') && follows.starts_with(|c: char| c.is_lowercase());
    if wrapped || is_all {
        return Standing::Letter;
    }
    match letter {
        'I' if before_word && !is_verb(follows) => Standing::Word,
        'A' if before_word && !is_verb(follows) => Standing::Either,
        letter if letter.is_ascii_uppercase() && letter <= 'J' => Standing::Letter,
        _ => Standing::Word,
    }
}

/// Whether the text begins with a word that follows an option rather than an article, such as `is`.
fn is_verb(follows: &str) -> bool {
    const WORDS: [&str; 13] = [
        "is", "and", "or", "was", "has", "because", "since", "as", "with", "seems", "would",
        "should", "it",
    ];
    let word = follows.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_picked_or_cannot_be_told() {
        for (text, letter) in [
            ("B", 'B'),
            ("b", 'B'),
            ("(b)", 'B'),
            ("**C**", 'C'),
            ("(C)", 'C'),
            ("C) Paris", 'C'),
            ("B. because A is wrong", 'B'),
            ("**B.** because A is wrong", 'B'),
            ("Answer: B", 'B'),
            ("**Answer:** (B)", 'B'),
            ("Answer: I think it is C", 'C'),
            ("I think the answer is C.", 'C'),
            ("The answer is (B) because A is wrong", 'B'),
            ("The correct answer is option D.", 'D'),
            ("Answer: B, not A", 'B'),
            ("A would be too large.\nAnswer: C", 'C'),
            ("I think\n\\boxed{\\text{B}}", 'B'),
            ("It is B.", 'B'),
            ("It is B, because A is wrong", 'B'),
            ("Answer: (b) Paris", 'B'),
            ("Answer: I", 'I'),
            ("Answer: The correct option is (C)", 'C'),
            ("Answer:\nC", 'C'),
        ] {
            assert!(
                matches!(of(text), FoundValue::One(found) if found == letter),
                "{text}: {:?}",
                of(text)
            );
        }
        for text in [
            "Answer: A or B",
            "Answer: A and B",
            "A or B",
            "Either A or C.",
            "Answer: not A",
            "The answer isn't A",
            "Option B is tempting. Answer: Paris",
            "A. Rome\nB. Paris",
            "(A) and (B) are both right",
            "A is wrong. So it may be B",
            "A is wrong",
            "A: B",
            "Answer: A dog",
            "\\boxed{A, B}",
        ] {
            assert!(matches!(of(text), FoundValue::Unclear), "{text}: {:?}", of(text));
        }
        for text in ["because", "I think so", "", "Answer: Paris"] {
            assert!(matches!(of(text), FoundValue::Nothing), "{text}: {:?}", of(text));
        }
    }
}
