//! Labels about the steps of a solution.

use serde_json::Value;

use super::{
    Compared,
    words::{correctness, number, same_letters},
};
use crate::{item::text_of, metrics::NOISE};

/// Words for a solution without an error.
const NO_ERROR: [&str; 4] = ["none", "n/a", "no error", "no errors"];

/// Compares the index of the first wrong step, counted from 0, with a label.
///
/// The label can be an index, −1 for no error, a list of the wrong steps, a list with a word for each
/// step, or a word for correctness, which is compared only with whether there is an error at all.
pub(super) fn first_error(found: Option<usize>, label: &Value) -> Compared {
    match named_error(label) {
        Some(First(index)) => Compared::Outcome {
            agrees: index == found,
            bare: false,
            shifted: index.map(|n| n.wrapping_sub(1)) == found,
        },
        None => match correctness(&text_of(label)).filter(|_| number(label).is_none()) {
            Some(right) => Compared::outcome(right == found.is_none()),
            None => Compared::No,
        },
    }
}

/// The first wrong step that a label names; `None` if it names no step.
pub(super) fn named_error(label: &Value) -> Option<First> {
    let text = text_of(label);
    let list = match label {
        Value::Array(list) => Some(list.clone()),
        _ => serde_json::from_str(&text).ok(),
    };
    match &list {
        Some(list) => first_of(list),
        None if NO_ERROR.iter().any(|word| same_letters(word, &text)) => Some(First(None)),
        None => number(label).and_then(step),
    }
}

/// The first wrong step of a list: the lowest index, or the first step whose word means incorrect.
fn first_of(list: &[Value]) -> Option<First> {
    let indexes: Option<Vec<usize>> = list.iter().map(|n| number(n).and_then(step)?.0).collect();
    if let Some(indexes) = indexes {
        let mut distinct = indexes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        // A list with equal entries is not a list of steps.
        return (distinct.len() == indexes.len()).then(|| First(distinct.first().copied()));
    }
    let words =
        list.iter().filter(|word| !word.is_number()).map(|word| correctness(&text_of(word)));
    let words: Vec<bool> = words.collect::<Option<_>>()?;
    (words.len() == list.len()).then(|| First(words.iter().position(|right| !right)))
}

/// The index of the first wrong step; `None` inside if all steps are correct.
pub(in crate::report) struct First(pub(in crate::report) Option<usize>);

/// The step that a number means: −1 is no wrong step. `None` if the number is not an index.
fn step(number: f64) -> Option<First> {
    #[expect(clippy::cast_possible_truncation, reason = "checked against its own rounding")]
    let whole = number.round() as i64;
    let is_whole = (number - number.round()).abs() < NOISE;
    match whole {
        _ if !is_whole => None,
        -1 => Some(First(None)),
        _ => usize::try_from(whole).ok().map(|index| First(Some(index))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn first_errors_are_indexes_lists_and_words() {
        let agrees = |found, label: Value| match first_error(found, &label) {
            Compared::Outcome { agrees, .. } => Some(agrees),
            _ => None,
        };
        for (found, label) in [
            (Some(2), json!(2)),
            (Some(2), json!("2")),
            (Some(2), json!(2.0)),
            (None, json!(-1)),
            (None, json!("-1.0")),
            (Some(4), json!([4, 5])),
            (Some(4), json!("[4, 5]")),
            (None, json!([])),
            (Some(1), json!([true, false, true])),
            (None, json!(["correct", "Right"])),
            (None, json!("N/A")),
            (None, json!("correct")),
            (Some(7), json!(false)),
        ] {
            assert_eq!(agrees(found, label.clone()), Some(true), "{label}");
        }
        assert_eq!(agrees(Some(3), json!(2)), Some(false));
        assert_eq!(agrees(Some(3), json!(true)), Some(false));
        for label in [json!(1.5), json!(-2), json!("step two"), json!([1, 1, 0]), json!({"a": 1})] {
            assert_eq!(agrees(Some(1), label.clone()), None, "{label}");
        }
    }

    #[test]
    fn a_label_that_counts_steps_from_one_is_noticed() {
        let shifted = |found, label| match first_error(found, &json!(label)) {
            Compared::Outcome { shifted, .. } => shifted,
            _ => false,
        };
        assert!(shifted(Some(2), 3) && !shifted(Some(2), 2) && shifted(None, -1));
    }
}
