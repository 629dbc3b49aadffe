//! Values that judged texts announce: a judge that repeats one may be quoting it.

use std::collections::HashSet;

use super::value::bare;
use crate::text::{fold, squeezed};

/// Reads a value, as what it would be shown as where it is a verdict.
pub(super) type Value<'r> = &'r dyn Fn(&str) -> Option<String>;

/// What is announced in judged texts.
#[derive(Debug, Default)]
pub(super) struct Quotations {
    /// Values as they are written.
    written: HashSet<String>,
    /// Values without words, which say nothing: none is looked at twice.
    wordless: HashSet<String>,
    /// Whole values, word by word.
    wholes: HashSet<String>,
    /// Whatever a value begins with, up to a word's end.
    beginnings: HashSet<String>,
    /// What values are read as.
    verdicts: HashSet<String>,
    /// The numbers with which values begin that cannot be read.
    numbers: HashSet<String>,
}

/// So many words tell one value from another.
const MOST: usize = 12;

impl Quotations {
    /// Adds a value of a judged text.
    pub(super) fn add(&mut self, value: &str, read: Value) {
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

    /// Whether a value of the answer may be one of these: the same words as far as either goes, or the
    /// same verdict.
    pub(super) fn hold(&self, value: &str, read: Value) -> bool {
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

/// The words, numbers and signs of a value, without emphasis, brackets, quotation marks and case.
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

/// A word without case; a number as itself, however it is written.
fn word(text: &str) -> String {
    let text = text.replace('−', "-");
    text.parse::<f64>().map_or_else(|_| squeezed(&text), |number| number.to_string())
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

/// Punctuation that says nothing by itself.
fn is_mark(c: char) -> bool {
    ".,;:!?\"'“”‘’«»()[]{}|\\/…#<>".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(quoted: &str, said: &str) -> bool {
        let read = |text: &str| bare(text).parse::<u8>().ok().map(|number| number.to_string());
        let mut quotations = Quotations::default();
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
