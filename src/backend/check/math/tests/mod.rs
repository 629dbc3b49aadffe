//! What `check:math` decides, as tables by topic; and that spelling never matters, for generated values.

mod answers;
mod collections;
mod generated;
mod numbers;

use super::{canonical, check, check_numbers};

/// Whether the answer is correct; `None` if that cannot be decided.
fn verdict(answer: &str, reference: &str) -> Option<bool> {
    check(answer, reference).unwrap().holds
}

/// Asserts the verdict on each pair, in both directions.
fn all(pairs: &[(&str, &str)], wanted: Option<bool>) {
    for (one, two) in pairs {
        for (answer, reference) in [(one, two), (two, one)] {
            let boxed = format!("\\boxed{{{answer}}}");
            assert_eq!(verdict(&boxed, reference), wanted, "{answer} for {reference}");
        }
    }
}
