//! The reading rules of the benchmarks' own code, with the mistakes that they are known for.
//!
//! Each returns a verdict as output files write it, or null where the rule finds none. What the code then puts in
//! place of a missing verdict (-1, 0, a tie) is not a verdict, and is named at the rule.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use regex::Regex;
use serde_json::{Value, json};

/// A compiled expression; each is compiled once.
fn compiled(pattern: &str) -> Regex {
    static KNOWN: LazyLock<Mutex<BTreeMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    if let Some(regex) = known.get(pattern) {
        return regex.clone();
    }
    let regex = Regex::new(pattern).unwrap();
    known.insert(pattern.to_owned(), regex.clone());
    regex
}

fn score(number: Option<f64>) -> Value {
    number.map_or(Value::Null, |number| json!({ "score": number }))
}

pub(super) fn side(name: &str) -> Value {
    json!({ "preference": name })
}

fn first(pattern: &str, text: &str) -> Option<f64> {
    compiled(pattern).captures(text)?[1].parse().ok()
}

/// MT-Bench, one answer (FastChat): the first `[[n]]`, else the first `[n]`; -1 for a failure.
pub(super) fn mt_bench_single(text: &str) -> Value {
    score(first(r"\[\[(\d+\.?\d*)\]\]", text).or_else(|| first(r"\[(\d+\.?\d*)\]", text)))
}

/// MT-Bench, pairs (FastChat): `[[A]]` anywhere, else `[[B]]`, else `[[C]]`; "error" for a failure.
pub(super) fn mt_bench_pair(text: &str) -> Value {
    let found = [("[[A]]", "first"), ("[[B]]", "second"), ("[[C]]", "tie")];
    found
        .into_iter()
        .find(|(mark, _)| text.contains(mark))
        .map_or(Value::Null, |(_, name)| side(name))
}

/// LLMBar: the pattern of output (a) anywhere, else that of output (b); no winner for a failure.
pub(super) fn llmbar(record: &Value, text: &str) -> Value {
    let matches = |key: &str| {
        let pattern = record["patterns"][key].as_str();
        pattern.is_some_and(|pattern| compiled(&format!("(?i){pattern}")).is_match(text))
    };
    match (matches("1"), matches("2")) {
        (true, _) => side("first"),
        (_, true) => side("second"),
        _ => Value::Null,
    }
}

/// Vicuna: two numbers alone on the first line, commas as blanks; [-1, -1] for a failure.
pub(super) fn vicuna(text: &str) -> Value {
    let line = text.trim().lines().next().unwrap_or_default().replace(',', " ");
    let numbers: Option<Vec<f64>> = line.split(' ').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([one, other]) if one > other => side("first"),
        Some([one, other]) if one < other => side("second"),
        Some([_, _]) => side("tie"),
        _ => Value::Null,
    }
}

/// QLoRA, three classes: 1, 2 or 3 as the whole last line; -1 for a failure.
pub(super) fn three_classes(text: &str) -> Value {
    match text.trim().lines().last().map(str::trim) {
        Some("1") => side("first"),
        Some("2") => side("second"),
        Some("3") => side("tie"),
        _ => Value::Null,
    }
}

/// Auto-J: the last `Rating: [[`…`]]`; 0.0 for a failure.
pub(super) fn auto_j(text: &str) -> Value {
    const OPEN: &str = "Rating: [[";
    let inner = text.rfind(OPEN).map(|at| &text[at + OPEN.len()..]);
    score(inner.and_then(|inner| inner.split("]]").next()?.parse().ok()))
}

/// Arena-Hard v0.1 and JudgeBench: the labels `[[A>>B]]` …, if all are the same; null for a failure.
pub(super) fn arena_hard(text: &str) -> Value {
    let labels = compiled(r"\[\[([AB<>=]+)\]\]");
    let mut all: Vec<&str> =
        labels.captures_iter(text).map(|found| found.get(1).unwrap().as_str()).collect();
    all.sort_unstable();
    all.dedup();
    match all.as_slice() {
        ["A>>B" | "A>B"] => side("first"),
        ["A=B"] => side("tie"),
        ["B>A" | "B>>A"] => side("second"),
        _ => Value::Null,
    }
}

/// RM-R1 on RewardBench: `[[A]]` or `[[B]]` anywhere; both are an error.
pub(super) fn rm_r1(text: &str) -> Value {
    match (text.contains("[[A]]"), text.contains("[[B]]")) {
        (true, false) => side("first"),
        (false, true) => side("second"),
        _ => Value::Null,
    }
}

/// sc-genrm-scaling: the question without MULTILINE, so that any line after it is a failure; NaN then.
pub(super) fn gen_rm(text: &str) -> Value {
    let pattern = r"(?i)Is the (?:answer|solution) correct(?:\s*\(yes/no\))?\??\**\s*(.+)$";
    let found = compiled(pattern).captures(text.trim_end());
    let word = found.map(|found| found[1].replace("**", "").trim().to_lowercase());
    match word.as_deref() {
        Some("yes") => json!({ "label": "correct" }),
        Some("no") => json!({ "label": "incorrect" }),
        _ => Value::Null,
    }
}

/// G-Eval: a number at the start; 0 for a failure, and it enters the mean.
pub(super) fn g_eval(text: &str) -> Value {
    score(first(r"^ ?([\d\.]+)", text))
}

/// RewardBench, ratings: a whole number from 1 to 10 as the last word; -1 for a failure.
pub(super) fn ratings(text: &str) -> Value {
    score(first(r"\b([1-9]|10)\b\s*$", text))
}

/// JudgeLRM: exactly two answer tags with whole numbers; the larger one is better, equal ones are a tie.
pub(super) fn judge_lrm(text: &str) -> Value {
    let tag = compiled(r"<answer>(.*?)</answer>");
    let numbers: Option<Vec<i64>> =
        tag.captures_iter(text).map(|found| found[1].trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([one, other]) if one > other => side("first"),
        Some([one, other]) if one < other => side("second"),
        Some([_, _]) => side("tie"),
        _ => Value::Null,
    }
}

/// `ReasonEval`: every number in the field of the steps.
pub(super) fn numbers(text: &str) -> Vec<i64> {
    compiled(r"\d+").find_iter(text).filter_map(|found| found.as_str().parse().ok()).collect()
}
