//! Benchmarks: small records of each kind, and published figures from the recorded verdicts of real judges.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod figures;
mod cases;
mod arena_hard;
mod jetts;
mod published;
#[cfg(feature = "cli")]
mod samples;
#[cfg(feature = "cli")]
mod gates;
#[cfg(all(feature = "cli", feature = "openai"))]
mod rated;
#[cfg(all(feature = "cli", feature = "openai"))]
mod flags;
#[cfg(all(feature = "cli", feature = "openai"))]
mod settings;
#[cfg(feature = "cli")]
mod protocols;
#[cfg(feature = "cli")]
mod published_records;
#[cfg(feature = "cli")]
mod command;

use serde_json::{Value, json};
use tribunal::{
    Item, Judge,
    backend::Script,
    bench::{self, Benchmark, Case, Figures, Judgments, RecordedText, Shape, replayed},
    line::ResultLine,
};

/// The cases of these records.
fn cases_of(benchmark: &Benchmark, records: &[Value]) -> Vec<Case> {
    let case = |(index, record): (usize, &Value)| {
        benchmark.case(&Item::from(record.clone()), index).unwrap()
    };
    records.iter().enumerate().map(case).collect()
}

/// The figures of these lines of results, without an interval.
fn counted(name: &str, records: &[Value], lines: &[Value]) -> Figures {
    let benchmark = bench::named(name).unwrap();
    let cases = cases_of(benchmark, records);
    let mut judgments = Judgments::default();
    for line in lines {
        judgments.add(ResultLine::read(line.to_string()).unwrap());
    }
    let shape = judgments.shape(&cases);
    Figures::counted(benchmark, &judgments.beside(&cases, shape))
}

/// The figures that this prompt reads from recorded texts.
async fn reread(name: &str, records: &[Value], prompt: &str, texts: &[Value]) -> Figures {
    let judge = Judge::builder().backend(Script::always("")).prompt(prompt).build().await.unwrap();
    let benchmark = bench::named(name).unwrap();
    let cases = cases_of(benchmark, records);
    let shape = Shape::of(judge.prompt().front());
    let texts: Vec<RecordedText> =
        texts.iter().map(|text| RecordedText::read(&text.to_string()).unwrap()).collect();
    let mut of: std::collections::HashMap<&str, Vec<RecordedText>> =
        std::collections::HashMap::new();
    for text in &texts {
        of.entry(&text.id).or_default().push(text.clone());
    }
    let mut judgments = Judgments::default();
    for item in cases.iter().flat_map(|case| case.items(shape)) {
        let id = item.own_id().unwrap();
        let Some(texts) = of.get(id.as_str()) else { continue };
        let mut line = ResultLine::of(replayed(&judge, &item, texts).as_ref());
        line.id = id;
        judgments.add(line);
    }
    Figures::counted(benchmark, &judgments.beside(&cases, shape))
}

/// A vote on two answers: the order in which they were shown, and the better one in the order of the record.
fn vote(order: usize, side: Option<&str>) -> Value {
    let order = ["given", "swapped"][order];
    match side {
        Some(side) => json!({"draw": 0, "order": order, "calls": [], "preference": side}),
        None => json!({
            "draw": 0, "order": order, "calls": [],
            "unreadable": {"reason": "missing", "detail": "nothing announced"},
        }),
    }
}

/// A line of results with these votes, whose verdict is that of the first one.
fn voted(id: &str, votes: Vec<Value>) -> Value {
    let mut line = json!({"id": id});
    let first = &votes[0];
    let key = if first["preference"].is_null() { "unreadable" } else { "preference" };
    line[key] = first[key].clone();
    line["votes"] = votes.into();
    line
}

/// The side of a letter that was said about two answers in this order.
fn side(letter: Option<&str>, order: usize) -> Option<&'static str> {
    match (letter?, order) {
        ("A", 0) | ("B", 1) => Some("first"),
        ("B", 0) | ("A", 1) => Some("second"),
        ("tie", _) => Some("tie"),
        _ => None,
    }
}
