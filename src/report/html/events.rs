//! Judgments as events of OpenTelemetry, in the file format of its collectors.
//!
//! Every line is one OTLP/JSON request with one log record, an event `gen_ai.evaluation.result` with the attributes of the
//! semantic conventions for generative AI (opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events). Its reader is the
//! `otlpjsonfile` receiver. The conventions give rubrics no form of their own, so that each criterion is an event too.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::{Report, entry::Entry, run::Run};
use crate::verdict::CriterionVerdict;

/// The name of the event.
const EVENT: &str = "gen_ai.evaluation.result";

/// One line of JSON for each judgment, and for each criterion of a rubric.
pub(super) fn lines(report: &Report) -> impl Iterator<Item = String> {
    let with_items = report.options.with_items;
    report.runs.iter().flat_map(move |run| {
        let events = move |entry: &Entry| {
            let mut all = vec![judgment(entry, with_items)];
            let criteria = entry.result.verdict.rubric.iter().flatten();
            all.extend(criteria.map(|one| criterion(entry, one)));
            all
        };
        run.entries.iter().flat_map(events).map(move |attributes| request(run, &attributes))
    })
}

/// A request with one event.
fn request(run: &Run, attributes: &[(&str, Value)]) -> String {
    let since = run.written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let attributes: Vec<Value> =
        attributes.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let mut event = json!({"eventName": EVENT, "severityNumber": 9, "attributes": attributes});
    if let Some(since) = since {
        // 64-bit numbers are texts in OTLP/JSON.
        event["timeUnixNano"] = since.as_nanos().to_string().into();
        event["observedTimeUnixNano"] = since.as_nanos().to_string().into();
    }
    let service = json!([{"key": "service.name", "value": {"stringValue": "tribunal"}}]);
    json!({"resourceLogs": [{
        "resource": {"attributes": service},
        "scopeLogs": [{
            "scope": {"name": "tribunal", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": [event],
        }],
    }]})
    .to_string()
}

/// The attributes of the judgment of a record.
fn judgment(entry: &Entry, with_items: bool) -> Vec<(&'static str, Value)> {
    let result = &entry.result;
    let mut all = about(entry, &result.prompt.name);
    let number = entry.score().or(result.verdict.p);
    all.extend(
        number.map(|number| ("gen_ai.evaluation.score.value", json!({"doubleValue": number}))),
    );
    let label = match result.verdict.score {
        // A label has few values, and a score is none.
        Some(_) => result.pass.map(|pass| if pass { "pass" } else { "fail" }.to_owned()),
        None => entry.word().filter(|word| word.len() <= 100),
    };
    all.extend(label.map(|label| ("gen_ai.evaluation.score.label", text(&label))));
    let critique = result.critique.as_deref().filter(|critique| with_items && !critique.is_empty());
    all.extend(critique.map(|critique| ("gen_ai.evaluation.explanation", text(critique))));
    let failed = result.error.as_ref().map(|error| error.kind.name().to_owned());
    let unreadable =
        || result.unreadable.as_ref().map(|why| format!("unreadable_{}", why.reason.name()));
    all.extend(failed.or_else(unreadable).map(|kind| ("error.type", text(&kind))));
    all.extend(result.pass.map(|pass| ("tribunal.pass", json!({"boolValue": pass}))));
    all
}

/// The attributes of the verdict on one criterion.
fn criterion(entry: &Entry, one: &CriterionVerdict) -> Vec<(&'static str, Value)> {
    let mut all = about(entry, &format!("{}.{}", entry.result.prompt.name, one.name));
    all.extend(
        one.value.map(|number| ("gen_ai.evaluation.score.value", json!({"doubleValue": number}))),
    );
    all.push(("gen_ai.evaluation.score.label", text(&one.shown())));
    all
}

/// What every event says: what was measured, of which record, by whom.
fn about(entry: &Entry, name: &str) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("gen_ai.evaluation.name", text(if name.is_empty() { "judgment" } else { name })),
        ("tribunal.record.id", text(&entry.result.id)),
    ];
    if !entry.result.model.is_empty() {
        all.push(("tribunal.judge.model", text(&entry.result.model)));
    }
    all
}

fn text(text: &str) -> Value {
    json!({"stringValue": text})
}
