//! The letter of the option that an answer picks; or that it is unclear.
//!
//! Letters are also words (`A`, `I`) and parts of words, and answers also name the options that they reject. So a
//! letter counts where it is all of the answer, in a box, opens the answer as an option does (`B. Paris`), or is
//! announced (`Answer: B`); else where it is the only one that stands alone. Options that are denied (`not A`,
//! `B is wrong`) are not picked, and an answer that names two is unclear.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, announced, before_reasons, boxed, head};

/// The letter that an answer picks: all of it, boxed, announced, or the only one that stands alone.
pub(super) fn of(text: &str) -> Found<char> {
    if let Some(inner) = boxed(text) {
        let found = picked(inner);
        if !matches!(found, Found::Nothing) {
            return found;
        }
    }
    if let Some(letter) = opening(text.trim()) {
        return Found::One(letter);
    }
    let segments: Vec<&str> = announced(text).collect();
    if let Some(last) = segments.last() {
        let found = picked(last);
        if !matches!(found, Found::Nothing) {
            return found;
        }
        // What was announced is not a letter, whatever stands elsewhere.
        return if matches!(only(text), Found::Nothing) { Found::Nothing } else { Found::Unclear };
    }
    alone(text)
}

/// The one letter in all of a text.
fn alone(text: &str) -> Found<char> {
    if !SENTENCE.is_match(text.trim()) {
        return picked(text);
    }
    match only(text) {
        Found::One(_) if DENIED.is_match(text) || WRONG.is_match(text) => Found::Unclear,
        found => found,
    }
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.!?;:]\s|\n").unwrap());

/// A text that is a letter, or begins as an option does: `B`, `(b)`, `B. because A is wrong`.
fn opening(text: &str) -> Option<char> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next()?;
    let first = OPENING.captures(line)?;
    let found = first.get(1).or_else(|| first.get(2)).or_else(|| first.get(3))?;
    let letter = found.as_str().chars().next()?.to_ascii_uppercase();
    let rest = line.get(found.end()..).unwrap_or_default();
    let more = match only(head(undenied(rest))) {
        Found::One(other) => other != letter,
        Found::Unclear => true,
        Found::Nothing => false,
    };
    // Several such lines are a list of the options, not an answer.
    (!more && !lines.any(|line| OPENING.is_match(line))).then_some(letter)
}

/// What comes before a denial.
fn undenied(text: &str) -> &str {
    DENIED.find(text).map_or(text, |denied| text.get(..denied.start()).unwrap_or(text))
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^[*_#>\s]*(?:[(\[]([A-Za-z])[)\]]|([A-Za-z])[*_]*[).][*_]*(?:\s|$)|([A-Za-z])[*_]*$)",
    )
    .unwrap()
});

/// The one letter that a passage names.
fn picked(passage: &str) -> Found<char> {
    let begun = undenied(before_reasons(passage));
    match only(begun) {
        Found::One(_) if WRONG.is_match(begun) => Found::Unclear,
        Found::Nothing if begun.len() < passage.len() => match only(passage) {
            // Only the reasons, or what is denied, name a letter.
            Found::One(_) if DENIED.is_match(passage) => Found::Unclear,
            found => found,
        },
        found => found,
    }
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:not|never|neither|cannot|rather than|instead of|unlike)\b|n['’]t\b)")
        .unwrap()
});

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static WRONG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:wrong|incorrect|false|excluded|eliminated|ruled out)\b").unwrap()
});

/// The letter of a passage in which all letters of options are the same one.
fn only(passage: &str) -> Found<char> {
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
        [letter] => Found::One(*letter),
        [] if !unsure => Found::Nothing,
        _ => Found::Unclear,
    }
}

/// Whether a letter beside this character is part of a word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’')
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<open>\(|\[|\*{1,2}|_{1,2}|`|\\text(?:bf|rm)?\{)?\(?(?P<letter>[A-Za-z])(?P<close>\)|\]|\*{1,2}|_{1,2}|`|\})?")
        .unwrap()
});

/// What a letter that stands alone is.
enum Standing {
    /// The letter of an option.
    Letter,
    /// A word of the sentence, such as `I`.
    Word,
    /// One or the other.
    Either,
}

/// `I` and `A` are words too; other letters are options where they are capitals, or marked as such.
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

/// Words that follow an option, and no article.
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
                matches!(of(text), Found::One(found) if found == letter),
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
            assert!(matches!(of(text), Found::Unclear), "{text}: {:?}", of(text));
        }
        for text in ["because", "I think so", "", "Answer: Paris"] {
            assert!(matches!(of(text), Found::Nothing), "{text}: {:?}", of(text));
        }
    }
}
