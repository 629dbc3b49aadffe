//! The words of labels: whether two are the same, and which of them are numbers or mean correct.

use serde_json::Value;

use crate::{
    error::{ErrorKind, Result, unknown},
    metrics::NOISE,
};

/// The only element that fits; `None` if several or none do.
pub(super) fn unique<T>(all: impl IntoIterator<Item = T>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let mut fitting = all.into_iter().filter(|one| fits(one));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Whether both are equal as texts or as numbers, such as `1` and `1.0`.
pub(super) fn equal_words(one: &str, other: &str) -> bool {
    let numbers = one.trim().parse::<f64>().ok().zip(other.trim().parse::<f64>().ok());
    one == other || numbers.is_some_and(|(one, other)| (one - other).abs() < NOISE)
}

/// The label of this name among those that verdicts have, in any case if only one fits.
///
/// # Errors
/// No verdict can have it: its rate would be 0 because of its spelling.
pub(in crate::report) fn one_of(name: &str, names: &[String]) -> Result<String> {
    let exact = names.iter().find(|known| *known == name);
    let found = exact.or_else(|| unique(names, |known: &&String| same_letters(known, name)));
    let known = names.iter().map(String::as_str);
    found.cloned().ok_or_else(|| unknown(ErrorKind::Config, "label", name, known))
}

/// Whether both are equal without case and surrounding blanks.
pub(super) fn same_letters(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// A finite number, or a text that is one: in a table every label is text.
pub(super) fn number(label: &Value) -> Option<f64> {
    let number = match label {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// Words for a right answer, in any case.
const RIGHT: [&str; 12] = [
    "correct", "right", "yes", "true", "good", "pass", "passed", "valid", "accurate", "y", "1", "+",
];
/// Words for a wrong answer, in any case.
const WRONG: [&str; 12] = [
    "incorrect",
    "wrong",
    "no",
    "false",
    "bad",
    "fail",
    "failed",
    "invalid",
    "inaccurate",
    "n",
    "0",
    "-",
];

/// Whether a word means correct (`true`) or incorrect (`false`), in any case; `None` for any other word.
pub(in crate::report) fn correctness(word: &str) -> Option<bool> {
    let is =
        |words: &[&str]| words.iter().any(|one| same_letters(one, word) || equal_words(one, word));
    if is(&RIGHT) { Some(true) } else { is(&WRONG).then_some(false) }
}

/// Whether two numbers are equal up to rounding noise.
pub(super) fn equals(one: f64, other: f64) -> bool {
    (one - other).abs() < NOISE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_correctness_are_those_of_many_data_sets() {
        for word in
            ["correct", "Correct", "RIGHT", "Yes", "true", "True", "1", "1.0", "pass", "good"]
        {
            assert_eq!(correctness(word), Some(true), "{word}");
        }
        for word in ["incorrect", "wrong", "No", "false", "0", "0.0", "FAIL", "bad"] {
            assert_eq!(correctness(word), Some(false), "{word}");
        }
        for word in ["maybe", "2", "-1", "", "not sure"] {
            assert_eq!(correctness(word), None, "{word}");
        }
    }
}
