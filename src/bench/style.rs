//! The style of an answer, as Arena-Hard counts it: length, headers, lists and bold.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::metrics::real;

/// How many numbers describe a difference of style.
pub(super) const FEATURES: usize = 4;

/// The style of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Style {
    /// Its length; in tokens where its source gives them, and otherwise in words.
    pub(super) length: f64,
    /// Headers of Markdown.
    pub(super) headers: f64,
    /// Entries of lists.
    pub(super) lists: f64,
    /// Bold passages.
    pub(super) bold: f64,
}

/// A block of code without backticks in it.
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("```[^`]*```").ok());
static HEADERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^#{1,6}\s").ok());
static LISTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*(?:\d+\.|[-*+])\s").ok());
static STARS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\*\*[^*\n]+\*\*").ok());
static LINES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"__[^_\n]+__").ok());

impl Style {
    /// The style of a text, counted outside of blocks of code. Tokens are not counted here: the length is that in
    /// words.
    pub(super) fn of(text: &str) -> Self {
        let code = CODE.as_ref();
        let prose = code.map_or(text.into(), |code| code.replace_all(text, ""));
        let count = |pattern: &Option<Regex>| {
            real(pattern.as_ref().map_or(0, |pattern| pattern.find_iter(&prose).count()))
        };
        Self {
            length: real(text.split_whitespace().count()),
            headers: count(&HEADERS),
            lists: count(&LISTS),
            bold: count(&STARS) + count(&LINES),
        }
    }

    /// The style that the source counted: the object `metadata` of an answer.
    pub(super) fn stored(counts: &Value) -> Self {
        let sum = |name: &str| {
            let parts = counts[name].as_object().into_iter().flatten();
            parts.filter_map(|(_, count)| count.as_f64()).sum()
        };
        Self {
            length: counts["token_len"].as_f64().unwrap_or(0.0),
            headers: sum("header_count"),
            lists: sum("list_count"),
            bold: sum("bold_count"),
        }
    }
}

/// How two styles differ: the length in units of both, and the others by their densities.
pub(super) fn differences(own: Style, other: Style) -> [f64; FEATURES] {
    let both = own.length + other.length;
    let length = if both > 0.0 { (own.length - other.length) / both } else { 0.0 };
    let density = |count: f64, length: f64| count / (length + 1.0);
    let of = |one: f64, two: f64| {
        let (one, two) = (density(one, own.length), density(two, other.length));
        (one - two) / (one + two + 1.0)
    };
    [length, of(own.headers, other.headers), of(own.lists, other.lists), of(own.bold, other.bold)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_count_outside_of_code() {
        let text = "# One\n\n- a\n1. **b** and __c__\n```\n# not a header\n- not an entry\n```\n## Two words";
        let style = Style::of(text);
        assert_eq!((style.headers, style.lists, style.bold), (2.0, 2.0, 2.0));
    }

    #[test]
    fn stored_counts_are_summed_over_their_kinds() {
        let counts = json!({"token_len": 99, "header_count": {"h1": 1, "h3": 2}, "list_count": {"ordered": 0, "unordered": 4}, "bold_count": {"**": 5, "__": 0}});
        let style = Style::stored(&counts);
        assert_eq!((style.headers, style.lists, style.bold), (3.0, 4.0, 5.0));
        let other = Style { length: 99.0, ..Style::default() };
        let expected = [0.0, 0.03 / 1.03, 0.04 / 1.04, 0.05 / 1.05];
        for (found, expected) in differences(style, other).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
    }

    /// The counts that the authors published with a few of their answers.
    #[test]
    fn some_published_answers_have_their_published_counts() {
        let text = include_str!("../../tests/data/benchmarks/arena-hard-answers.jsonl");
        for line in text.lines() {
            let answer: Value = serde_json::from_str(line).unwrap();
            let stored = Style::stored(&answer["metadata"]);
            let found = Style::of(answer["answer"].as_str().unwrap());
            assert_eq!(Style { length: stored.length, ..found }, stored, "{}", answer["uid"]);
        }
        assert_eq!(text.lines().count(), 4);
    }

    /// The counts that the authors published with their answers.
    #[test]
    #[ignore = "needs ../shared/data"]
    fn published_answers_have_their_published_counts() {
        let folder = std::env::var("TRIBUNAL_TEST_DATA")
            .unwrap_or_else(|_| format!("{}/../shared/data", env!("CARGO_MANIFEST_DIR")));
        let text = std::fs::read_to_string(format!("{folder}/arena_hard_v2_answers_sample.jsonl"))
            .unwrap();
        let answers: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), 22);
        for answer in answers {
            let own = answer["messages"][1]["content"]["answer"].as_str().unwrap();
            let stored = Style::stored(&answer["metadata"]);
            let found = Style { length: stored.length, ..Style::of(own) };
            assert_eq!(found, stored, "{}", answer["uid"]);
        }
    }
}
