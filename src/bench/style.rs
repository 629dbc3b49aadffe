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
