//! Labels about which of two answers is better.

use serde_json::Value;

use super::{
    Compared, FIELD, WINNER,
    words::{equals, number, same_letters},
};
use crate::{
    item::{Item, text_of},
    metrics::NOISE,
    verdict::Preference,
};

/// The answer with the higher score; a tie if the scores are equal up to rounding noise.
pub(super) fn higher(one: f64, other: f64) -> Preference {
    match one - other {
        difference if difference > NOISE => Preference::First,
        difference if difference < -NOISE => Preference::Second,
        _ => Preference::Tie,
    }
}

/// Compares a preference with a label: a number, a word, a comparison such as `A>B`, or the name of a
/// model.
pub(super) fn preferred(found: Preference, label: &Value, item: &Item) -> Compared {
    let bare = |side| Compared::Outcome { agrees: side == found, bare: true, shifted: false };
    let text = text_of(label);
    match number(label) {
        Some(number) if equals(number, 0.0) => Compared::Zero,
        Some(number) if equals(number, 1.0) => bare(Preference::First),
        Some(number) if equals(number, 2.0) => bare(Preference::Second),
        Some(_) => Compared::No,
        None => match side(&text).or_else(|| side_named(&text, item)) {
            Some(side) => Compared::outcome(side == found),
            None => Compared::No,
        },
    }
}

/// Paths of the names of the two models whose answers are compared, as data sets call them.
const MODELS: [(&str, &str); 4] = [
    ("model_a", "model_b"),
    ("model_A", "model_B"),
    ("model_1", "model_2"),
    ("models.0", "models.1"),
];

/// The answer whose model has the name in the label; `None` if no name fits, or both.
fn side_named(label: &str, item: &Item) -> Option<Preference> {
    let named = |path: &str| {
        item.clone().mapped(FIELD, path).ok()?.text(FIELD).filter(|name| !name.trim().is_empty())
    };
    let (one, other) = MODELS.iter().find_map(|(a, b)| named(a).zip(named(b)))?;
    match (same_letters(&one, label), same_letters(&other, label)) {
        (true, false) => Some(Preference::First),
        (false, true) => Some(Preference::Second),
        _ => None,
    }
}

/// Words that may accompany the name of an answer: `model_a`, `Response 1 is better`.
const BESIDE: [&str; 21] = [
    "the",
    "model",
    "response",
    "answer",
    "output",
    "assistant",
    "candidate",
    "completion",
    "option",
    "solution",
    "reply",
    "text",
    "summary",
    "generation",
    "system",
    "is",
    "better",
    "wins",
    "win",
    "won",
    "winner",
];
/// Words for the first answer.
const FIRST: [&str; 6] = ["a", "1", "first", "1st", "one", WINNER];
/// Words for the second answer.
const SECOND: [&str; 7] = ["b", "2", "second", "2nd", "two", "rejected", "reject"];
/// Words for a tie.
const TIE: [&str; 10] =
    ["tie", "ties", "tied", "draw", "equal", "same", "both", "neither", "bothbad", "bothgood"];
/// Words that may accompany a word for a tie: `tie (both bad)`, `equally good`.
const BESIDE_TIE: [&str; 7] = ["bad", "good", "are", "equally", "no", "a", "it"];

/// The answer that a word or a comparison such as `A>B` prefers.
fn side(label: &str) -> Option<Preference> {
    let plain: String = label.to_lowercase().chars().map(plain).collect();
    let Some(at) = plain.find(['>', '<', '=', '≻', '≺']) else { return named_side(&plain) };
    let sign = plain[at..].chars().next()?;
    let rest = plain[at..].trim_start_matches(['>', '<', '=', '≻', '≺']);
    let (left, right) = (named_side(&plain[..at])?, named_side(rest)?);
    match sign {
        _ if left == right || left == Preference::Tie || right == Preference::Tie => None,
        '=' => Some(Preference::Tie),
        '>' | '≻' => Some(left),
        _ => Some(right),
    }
}

/// The character if it is a letter, a digit or a sign of comparison; otherwise a blank.
fn plain(c: char) -> char {
    if c.is_alphanumeric() || matches!(c, '>' | '<' | '=' | '≻' | '≺') { c } else { ' ' }
}

/// The answer that a text names, if every other word of it may accompany such a name.
fn named_side(plain: &str) -> Option<Preference> {
    let words: Vec<&str> = plain.split_whitespace().collect();
    let ties = |word: &&str| TIE.contains(word);
    if words.iter().any(ties) && words.iter().all(|word| ties(word) || BESIDE_TIE.contains(word)) {
        return Some(Preference::Tie);
    }
    let mut left = words.iter().filter(|word| !BESIDE.contains(word));
    match (left.next(), left.next()) {
        (Some(word), None) if FIRST.contains(word) => Some(Preference::First),
        (Some(word), None) if SECOND.contains(word) => Some(Preference::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_word_of_a_preference_names_its_side() {
        for (words, right) in [
            (
                &[
                    "A",
                    "a",
                    "A>B",
                    "A > B",
                    "A>>B",
                    "[[A]]",
                    "[[A>B]]",
                    "B<A",
                    "first",
                    "First",
                    "model_a",
                    "Model A",
                    "response_a",
                    "response_1",
                    "answer_1",
                    "output_1",
                    "A is better",
                    "the first answer wins",
                    "chosen",
                    "assistant A",
                    "response_a > response_b",
                ][..],
                Some(Preference::First),
            ),
            (
                &[
                    "B",
                    "b",
                    "B>A",
                    "A<B",
                    "A<<B",
                    "second",
                    "model_b",
                    "response_2",
                    "answer_B",
                    "rejected",
                    "reject",
                    "[[B]]",
                    "Response 2",
                ],
                Some(Preference::Second),
            ),
            (
                &[
                    "tie",
                    "Tie",
                    "TIE",
                    "A=B",
                    "B=A",
                    "tie (bothbad)",
                    "both_bad",
                    "both good",
                    "draw",
                    "equal",
                    "equally good: tie",
                    "neither",
                    "same",
                ],
                Some(Preference::Tie),
            ),
            (&["C", "A>C", "A>A", "good", "", "=", "left of a", "a b", "tie of A"], None),
        ] {
            words.iter().for_each(|word| assert_eq!(side(word), right, "{word}"));
        }
    }

    #[test]
    fn a_bare_number_names_a_side_and_zero_does_not() {
        let compare = |label: Value| preferred(Preference::First, &label, &Item::new());
        let bare = |agrees| Compared::Outcome { agrees, bare: true, shifted: false };
        assert_eq!(compare(json!(1)), bare(true));
        assert_eq!(compare(json!("1")), bare(true));
        assert_eq!(compare(json!(2.0)), bare(false));
        assert_eq!(compare(json!(0)), Compared::Zero);
        assert_eq!(compare(json!("0")), Compared::Zero);
        assert_eq!(compare(json!(3)), Compared::No);
        assert_eq!(compare(json!(true)), Compared::No);
    }

    #[test]
    fn a_models_own_name_names_its_side() {
        let item = Item::new().set("model_a", "GPT-4").set("model_b", "vicuna");
        assert_eq!(side_named("gpt-4", &item), Some(Preference::First));
        assert_eq!(side_named("Vicuna", &item), Some(Preference::Second));
        assert_eq!(side_named("claude", &item), None);
        let list = Item::new().set("models", json!(["x", "y"]));
        assert_eq!(side_named("y", &list), Some(Preference::Second));
    }
}
