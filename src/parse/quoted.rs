//! Values that judged texts announce: a judge that repeats one may be quoting it.
//!
//! An answer to be judged may contain `Score: 10`. If the judge writes `Score: 10` too, that may be its verdict or a
//! quotation; with values compared word by word, `Score: 7` is certainly its own.

use std::collections::HashSet;

use super::bare::bare;
use crate::text::{fold, squeezed};

/// Reads a value; returns the verdict as text, or `None` if it is not one.
pub(super) type ReadValue<'r> = &'r dyn Fn(&str) -> Option<String>;

/// The values that are announced in judged texts, indexed for comparison.
#[derive(Debug, Default)]
pub(super) struct QuotedValues {
    /// Values exactly as they are written.
    written: HashSet<String>,
    /// Values without words, which prove nothing; kept so that each is looked at once.
    wordless: HashSet<String>,
    /// Whole values, as words joined by blanks.
    wholes: HashSet<String>,
    /// Every beginning of a value that ends with a word.
    beginnings: HashSet<String>,
    /// The verdicts that values are read as.
    verdicts: HashSet<String>,
    /// The numbers with which unreadable values begin.
    numbers: HashSet<String>,
}

/// How many words of a value are compared.
const MOST: usize = 12;

impl QuotedValues {
    /// Adds a value that a judged text announces.
    pub(super) fn add(&mut self, value: &str, read: ReadValue) {
        if self.written.contains(value) || self.wordless.contains(value) {
            return;
        }
        let words = words(value);
        if words.is_empty() {
            self.wordless.insert(value.to_owned());
            return;
        }
        self.written.insert(value.to_owned());
        self.beginnings.extend((1..=words.len()).map(|count| words[..count].join(" ")));
        self.wholes.insert(words.join(" "));
        match read(value) {
            Some(verdict) => drop(self.verdicts.insert(verdict)),
            // `10 points out of 10`: its number is what a judge would repeat.
            None => self.numbers.extend(words.into_iter().next().filter(|word| is_number(word))),
        }
    }

    /// Whether a value of the answer may be a quotation of one of these: it has the same words as far as the shorter
    /// one goes, or is the same verdict.
    pub(super) fn hold(&self, value: &str, read: ReadValue) -> bool {
        if self.written.is_empty() || self.written.contains(value) {
            return !self.written.is_empty();
        }
        if self.wordless.contains(value) {
            return false;
        }
        let words = words(value);
        let begins_as = |count: usize| self.wholes.contains(&words[..count].join(" "));
        self.beginnings.contains(&words.join(" "))
            || (1..=words.len()).any(begins_as)
            || words.first().is_some_and(|word| self.numbers.contains(word))
            || read(value).is_some_and(|verdict| self.verdicts.contains(&verdict))
    }
}

/// The words, numbers and comparison signs of a value in lower case, without emphasis, brackets and quotation marks.
fn words(value: &str) -> Vec<String> {
    let value = fold(value).text;
    let value = bare(&value);
    let mut words: Vec<String> = Vec::new();
    let mut signs = value.char_indices().peekable();
    while let Some((at, c)) = signs.next() {
        if words.len() == MOST {
            break;
        }
        let minus = matches!(c, '-' | '−');
        let negative = minus && signs.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if c.is_alphanumeric() || negative {
            let mut end = at + c.len_utf8();
            while let Some(&(next, c)) = signs.peek() {
                let point =
                    c == '.' && value[next + 1..].starts_with(|after: char| after.is_ascii_digit());
                if !(c.is_alphanumeric() || point) {
                    break;
                }
                end = next + c.len_utf8();
                signs.next();
            }
            words.push(word(&value[at..end]));
        } else if "=>+".contains(c) {
            words.push(c.into());
        }
    }
    if words.is_empty() {
        // `-` and `✓` are labels too.
        words.extend(Some(squeezed(value)).filter(|rest| rest.chars().any(|c| !is_mark(c))));
    }
    words
}

/// A word in lower case; a number in one form, however it is written.
fn word(text: &str) -> String {
    let text = text.replace('−', "-");
    text.parse::<f64>().map_or_else(|_| squeezed(&text), |number| number.to_string())
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

/// Whether a character is punctuation without a meaning by itself.
fn is_mark(c: char) -> bool {
    ".,;:!?\"'“”‘’«»()[]{}|\\/…#<>".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(quoted: &str, said: &str) -> bool {
        let read = |text: &str| bare(text).parse::<u8>().ok().map(|number| number.to_string());
        let mut quotations = QuotedValues::default();
        quotations.add(quoted, &read);
        quotations.hold(said, &read)
    }

    #[test]
    fn a_quotation_says_the_same_as_far_as_either_goes() {
        for (quoted, said) in [
            ("10", "**10**"),
            ("10", "10\" (sic)"),
            ("10 out of 10", "10 (sic)"),
            ("10.0", "10"),
            ("１０", "10"),
            ("not bad at all", "not bad"),
            ("2 > 1 = 3", "2 > 1 = 3."),
            ("-", "-"),
            ("-1", "−1"),
        ] {
            assert!(holds(quoted, said), "{quoted:?} {said:?}");
        }
        for (quoted, said) in [
            ("1", "10"),
            ("10", "1"),
            ("not bad", "not good"),
            ("2 > 1 = 3", "1 > 2 = 3"),
            ("1", "-1"),
            ("", "7"),
            ("?", "7"),
            ("7", ""),
        ] {
            assert!(!holds(quoted, said), "{quoted:?} {said:?}");
        }
    }
}
