//! The line that a judged record becomes.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    error::Error,
    item::Item,
    judge::Judge,
    verdict::{Judgment, Outcome, Unreadable, Verdict, Vote},
};

/// One line of results: exactly one of a value, `unreadable` or `error` is in it.
///
/// ```text
/// {"id": "q7", "index": 6, "kind": "score", "verdict": "8", "score": 8, "normalized": 0.78, "pass": true,
///  "critique": "…", "rule": "mark", "span": [412, 413], "votes": […], "model": …, "prompt": …, …}
/// ```
#[derive(Debug)]
pub struct Line<'a> {
    /// The name of the record.
    pub id: String,
    /// Counts all records of a run from 0.
    pub index: usize,
    /// The record; absent where the input held none.
    pub item: Option<&'a Item>,
    /// What came of it.
    pub outcome: Ended<'a>,
    /// Whether the record itself is repeated in the line.
    pub with_item: bool,
}

/// What came of a record.
#[derive(Debug)]
pub enum Ended<'a> {
    /// An answer, readable or not.
    Judged(&'a Judgment),
    /// No answer.
    Failed(&'a Error),
}

impl Line<'_> {
    /// Names the line in results: equal records under an equal judge have equal keys; what is no record
    /// goes by its place.
    pub fn key(&self, judge: &Judge) -> String {
        match self.item {
            Some(item) => judge.line_key(item),
            None => Self::key_without_record(&self.id),
        }
    }

    /// The key of a line whose record could not be read, by its place.
    pub fn key_without_record(place: &str) -> String {
        format!("no record: {place}")
    }

    /// The line as JSON, keys in their documented order.
    pub fn to_json(&self, judge: &Judge) -> Value {
        let mut line = Map::new();
        line.insert("id".into(), self.id.as_str().into());
        line.insert("index".into(), self.index.into());
        match self.outcome {
            Ended::Judged(judgment) => judged(&mut line, judgment),
            Ended::Failed(error) => failed(&mut line, error),
        }
        line.insert("model".into(), judge.backend().name().into());
        line.insert(
            "prompt".into(),
            json!({"name": judge.prompt().name(), "hash": judge.prompt_hash(), "reading": judge.reading()}),
        );
        if let Ended::Judged(judgment) = self.outcome {
            line.insert("usage".into(), value(&judgment.usage));
            let cost = judge.price().and_then(|price| price.of(judgment.usage));
            line.insert("cost".into(), cost.map_or(Value::Null, Value::from));
            line.insert("latency_ms".into(), judgment.latency_ms.into());
            let (remembered, calls) = judgment.cached;
            line.insert("cached".into(), (calls > 0 && remembered == calls).into());
            line.insert("attempts".into(), judgment.attempts.into());
        }
        line.insert("key".into(), self.key(judge).into());
        if let Some(item) = self.item.filter(|_| self.with_item) {
            line.insert("item".into(), item.record().clone().into());
        }
        line.into()
    }
}

fn judged(line: &mut Map<String, Value>, judgment: &Judgment) {
    let mut set = |key: &str, value: Value| line.insert(key.into(), value);
    match &judgment.verdict {
        Ok(verdict) => {
            set("kind", verdict.kind().into());
            set("verdict", verdict.to_string().into());
            values(verdict, &mut set);
        }
        Err(why) => drop(set("unreadable", unreadable(why))),
    }
    if let Some(normalized) = judgment.normalized {
        set("normalized", normalized.into());
    }
    if let Some(distribution) = judgment.speaker().and_then(distribution) {
        set("distribution", distribution);
    }
    if judgment.consistent.is_some() || judgment.one_order_unreadable() {
        set("consistent", judgment.consistent.into());
    }
    if let Some(pass) = judgment.pass {
        set("pass", pass.into());
    }
    set("critique", judgment.critique().into());
    let speaker = judgment.speaker();
    if let Some(rule) = speaker.and_then(|vote| vote.rule.as_ref()) {
        set("rule", rule.as_str().into());
    }
    if let Some(span) = speaker.and_then(|vote| vote.span) {
        set("span", value(&span));
    }
    if let Some(mark) = &judgment.mark {
        set("mark", mark.as_str().into());
    }
    set("votes", judgment.votes.iter().map(ballot).collect::<Vec<_>>().into());
}

/// The fields that one kind of verdict has.
pub(super) fn values(verdict: &Verdict, set: &mut impl FnMut(&str, Value) -> Option<Value>) {
    match verdict {
        Verdict::Score(score) => drop(set("score", number(*score))),
        Verdict::Label(label) => {
            set("label", label.label.as_str().into());
            for (name, p) in [("p", label.p), ("confidence", label.confidence)] {
                if let Some(p) = p {
                    set(name, p.into());
                }
            }
        }
        Verdict::Steps(steps) => {
            set("first_error", steps.first_error.map_or(json!(-1), Value::from));
            if !steps.steps.is_empty() {
                set("steps", value(&steps.steps));
            }
        }
        Verdict::Preference(side) => drop(set("preference", side.name().into())),
        Verdict::Ranking(groups) => drop(set("ranking", value(groups))),
        Verdict::Scores(scores) => drop(set("scores", scores.iter().map(|s| number(*s)).collect())),
        Verdict::Criteria(criteria) => {
            drop(set(
                "criteria",
                criteria.iter().map(|(name, n)| (name.clone(), number(*n))).collect(),
            ));
        }
        Verdict::Text(text) => drop(set("text", text.as_str().into())),
    }
}

/// Whole numbers without `.0`, as people write scores.
pub(super) fn number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < EXACT { json!(number as i64) } else { json!(number) }
}

pub(super) fn unreadable(why: &Unreadable) -> Value {
    json!({"reason": why.reason.name(), "detail": why.detail})
}

/// The labels' shares of the last choice.
fn distribution(vote: &Vote) -> Option<Value> {
    let seen = vote.calls.iter().rev().find_map(|call| call.distribution.as_ref())?;
    let mut shares: Map<String, Value> =
        seen.labels.iter().map(|(label, p)| (label.trim().to_owned(), json!(p))).collect();
    shares.insert("missing".into(), json!(seen.missing));
    Some(shares.into())
}

fn ballot(vote: &Vote) -> Value {
    let mut ballot = Map::new();
    ballot.insert("draw".into(), vote.draw.into());
    ballot.insert("order".into(), order(&vote.order));
    ballot.insert("reask".into(), vote.reask.into());
    ballot.insert("calls".into(), value(&vote.calls));
    match &vote.outcome {
        Outcome::Verdict(verdict) => ballot.insert("verdict".into(), verdict.to_string().into()),
        Outcome::Unreadable(why) => ballot.insert("unreadable".into(), unreadable(why)),
        Outcome::Failed(error) => ballot.insert("error".into(), fault(error)),
    };
    if let Some(rule) = &vote.rule {
        ballot.insert("rule".into(), rule.as_str().into());
    }
    if let Some(span) = vote.span {
        ballot.insert("span".into(), value(&span));
    }
    ballot.into()
}

/// `given`, `swapped`, or the places in the order in which they were shown.
fn order(order: &[usize]) -> Value {
    match order {
        [1, 0] => "swapped".into(),
        _ if order.iter().enumerate().all(|(n, &place)| n == place) => "given".into(),
        _ => value(&order),
    }
}

pub(super) fn failed(line: &mut Map<String, Value>, error: &Error) {
    line.insert("error".into(), fault(error));
}

fn fault(error: &Error) -> Value {
    json!({"kind": error.kind().name(), "message": error.to_string(), "hints": error.hints()})
}

pub(super) fn value(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
