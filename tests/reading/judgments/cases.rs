//! Judgments out of the records of a file: their text, what a careful reader takes, and what the official rule does.

use serde_json::{Value, json};
use tribunal::completion::Finish;

use super::{Case, official};

/// A case of a record with its id and its text.
pub(super) fn case(record: &Value) -> Case {
    let finish = match record["finish"].as_str() {
        None | Some("" | "stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some(_) => Finish::Filtered,
    };
    Case {
        id: record["id"].as_str().unwrap().to_owned(),
        text: record["raw"].as_str().unwrap_or_default().to_owned(),
        finish,
        item: json!({}),
        ..Case::default()
    }
}

/// A case with what the careful reader and the official rule take.
pub(super) fn labelled(record: &Value, careful: Value, official: Value) -> Vec<Case> {
    vec![Case { careful, official, ..case(record) }]
}

pub(super) fn raw(record: &Value) -> &str {
    record["raw"].as_str().unwrap_or_default()
}

/// `A`, `B` and `tie` as a preference; null for none.
pub(super) fn side(word: &Value) -> Value {
    match word.as_str() {
        Some("A") => official::side("first"),
        Some("B") => official::side("second"),
        Some("tie") => official::side("tie"),
        _ => Value::Null,
    }
}

/// A number, or a text that is one, as a score; null for none.
pub(super) fn score(number: &Value) -> Value {
    let number = number.as_f64().or_else(|| number.as_str()?.trim().parse().ok());
    number.map_or(Value::Null, |number| json!({ "score": number }))
}

/// A word as a label, in lower case without emphasis and full stop; null for none.
pub(super) fn label(word: &Value) -> Value {
    let word = word.as_str().unwrap_or_default().to_lowercase();
    match word.trim_matches(['*', '.', ' ', '`']) {
        "correct" | "yes" => json!({ "label": "correct" }),
        "wrong" | "incorrect" | "no" => json!({ "label": "incorrect" }),
        "present" => json!({ "label": "present" }),
        "absent" => json!({ "label": "absent" }),
        "" => Value::Null,
        other => json!({ "label": other }),
    }
}

/// Places from 1 for each answer, as groups of equally good answers.
pub(super) fn groups(places: &Value) -> Value {
    let places: Vec<i64> = places.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
    if places.contains(&-1) {
        return Value::Null;
    }
    let mut all = places.clone();
    all.sort_unstable();
    all.dedup();
    let of = |place: &i64| (0..places.len()).filter(|&at| places[at] == *place).collect::<Vec<_>>();
    json!({ "ranking": all.iter().map(of).collect::<Vec<_>>() })
}

/// What a careful reader takes from a sample: the number after the last `Score:` or name of the dimension, or a number
/// that is the whole text. Upstream took the first digits, also of `2.5` and of what the judge repeated.
pub(super) fn sampled(text: &str, upstream: &Value) -> Value {
    let named = text
        .trim()
        .lines()
        .last()
        .and_then(|line| line.rsplit_once(": "))
        .map(|(_, number)| number);
    let plain = |text: &str| text.trim().trim_end_matches("/3").parse::<f64>().ok();
    let number = named.and_then(plain).or_else(|| plain(text));
    number.map_or_else(|| score(upstream), |number| score(&json!(number)))
}

/// The solution that a judge of steps saw: its steps, or as many without their texts.
fn solution(record: &Value) -> Value {
    let count = record["n_steps"].as_u64().unwrap_or_default();
    let steps = match &record["steps"] {
        Value::Array(steps) => steps.clone(),
        _ => (0..count).map(|step| json!(format!("({step})"))).collect(),
    };
    json!({ "question": record["question"], "steps": steps })
}

/// The numbers in a text, with every number of a range such as `4 to 9`.
fn numbers(text: &str) -> Vec<i64> {
    let found = official::numbers(text);
    match found.as_slice() {
        [first, last] if text.contains(" to ") => (*first..=*last).collect(),
        _ => found,
    }
}

/// The first wrong step: counted from 1 in the texts, and from 0 in verdicts. The official rule takes the first number.
pub(super) fn first_error(record: &Value, recorded: &Value) -> Vec<Case> {
    let recorded = recorded.as_str().unwrap_or_default();
    let named = official::numbers(recorded).first().copied();
    let none = recorded.trim().trim_end_matches('.').eq_ignore_ascii_case("n/a");
    let careful = match named.or_else(|| none.then_some(0)) {
        Some(at) => json!({ "first_error": at - 1 }),
        None => Value::Null,
    };
    vec![Case {
        item: solution(record),
        careful: careful.clone(),
        official: careful,
        ..case(record)
    }]
}

/// The steps that a judge calls redundant, counted from 0. The official rule takes the numbers alone, of a range both
/// ends.
pub(super) fn redundant_steps(record: &Value) -> Vec<Case> {
    let recorded = record["recorded"]["neutral_steps"].as_str().unwrap_or_default();
    let indexes = |all: Vec<i64>| {
        let mut all: Vec<i64> = all.into_iter().map(|step| step - 1).collect();
        all.sort_unstable();
        all.dedup();
        json!({ "redundant": all })
    };
    let official = indexes(official::numbers(recorded));
    let named = numbers(recorded);
    let count = record["n_steps"].as_i64().unwrap();
    // A step that the solution does not have is no verdict on it.
    let exist = named.iter().all(|step| (1..=count).contains(step));
    let careful = if exist { indexes(named) } else { Value::Null };
    vec![Case { item: solution(record), careful, official, ..case(record) }]
}

/// Whether a grader takes a reason as the true one: the word of its own text. The official rule reads what stands after
/// `Final Decision:`; the stored grade differs in some records, where people corrected it.
pub(super) fn graded_reason(record: &Value) -> Vec<Case> {
    let text = record["grader_raw"].as_str().unwrap_or_default().to_owned();
    let last = text.rsplit("Final Decision:").next().unwrap_or_default();
    let careful = label(&json!(last.trim_matches(|c: char| !c.is_alphabetic())));
    let official = if text.contains("Final Decision:") { careful.clone() } else { Value::Null };
    vec![Case { text, careful, official, ..case(record) }]
}

pub(super) fn judged_label(record: &Value) -> Vec<Case> {
    let word = &record["recorded"]["correctness"];
    let exact = matches!(
        word.as_str(),
        Some(
            "Correct"
                | "correct"
                | "Wrong"
                | "wrong"
                | "Incorrect"
                | "incorrect"
                | "Present"
                | "Absent"
        )
    );
    labelled(record, label(word), if exact { label(word) } else { Value::Null })
}
