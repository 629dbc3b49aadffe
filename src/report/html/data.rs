//! The records as JSON in the page: one block with the rows of the table; blocks with a line for each record's details,
//! which is only read when the record is shown or searched; and one with the lines that requests share.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Report,
    detail::{self, SharedLines},
    entry::{Entry, Flag, More},
    run::Run,
    trust::answers,
    votes::{by_order, member_names, member_words},
};
use crate::metrics::real;

/// The rows of the table, as one JSON object.
pub(super) fn index(report: &Report) -> String {
    let runs: Vec<&str> = report.runs.iter().map(|run| run.name.as_str()).collect();
    let notes: Vec<&str> = report.runs.iter().map(|run| unsent(report, run)).collect();
    let flags: Vec<&str> = Flag::ALL.iter().map(|flag| flag.name()).collect();
    let members: BTreeSet<String> = report.runs.iter().flat_map(member_names).collect();
    let rows: Vec<Value> = report
        .runs
        .iter()
        .enumerate()
        .flat_map(|(at, run)| run.entries.iter().map(move |entry| (at, entry)))
        .map(|(at, entry)| row(at, entry, &members))
        .collect();
    let index = json!({
        "runs": runs, "notes": notes, "flags": flags, "members": members, "rows": rows, "part": PART,
    });
    guarded(&index.to_string())
}

/// The number of records whose details are one block.
const PART: usize = 200;

/// The details of the records.
pub(super) struct Details {
    /// Blocks of [`PART`] lines, each with the JSON of a record.
    pub(super) parts: Vec<String>,
    /// The lines that requests share.
    pub(super) shared: String,
}

/// The details of all records.
pub(super) fn details(report: &Report) -> Details {
    let mut shared = SharedLines::default();
    let entries = report.runs.iter().flat_map(|run: &Run| &run.entries);
    let with_items = report.options.with_items;
    let lines: Vec<String> = entries
        .map(|entry| guarded(&detail::of(entry, with_items, &mut shared).to_string()))
        .collect();
    let parts = lines.chunks(PART).map(|lines| lines.join("\n")).collect();
    Details { parts, shared: guarded(&json!(shared.all()).to_string()) }
}

/// Why some records of a run have no requests; empty where no text is shown.
fn unsent<'r>(report: &Report, run: &'r Run) -> &'r str {
    match (report.options.with_items, run.requests_note.as_str()) {
        (false, _) => "",
        (_, "") => "not kept",
        (_, note) => note,
    }
}

/// One row. The script names these places in the same order.
fn row(run: usize, entry: &Entry, members: &BTreeSet<String>) -> Value {
    let result = &entry.result;
    let flags = entry.flags();
    let bits = Flag::ALL.iter().enumerate().filter(|(_, flag)| flags.contains(flag));
    let bits: u32 = bits.map(|(at, _)| 1 << at).sum();
    let length =
        answers(entry).map(|texts| texts.iter().map(|text| text.chars().count()).sum::<usize>());
    let label = entry.label.as_ref();
    let orders = by_order(entry).map(|(given, swapped)| format!("{given}\u{1f}{swapped}"));
    let words = member_words(entry);
    let words: Option<Vec<Option<&String>>> =
        (words.len() > 1).then(|| members.iter().map(|name| words.get(name.as_str())).collect());
    json!([
        entry.slug,
        result.id,
        run,
        shown(entry),
        entry.word(),
        entry.score().map(short),
        result.expected_score.map(short),
        label.map(|label| &label.text),
        label.and_then(|label| label.meant.as_ref()),
        bits,
        entry.group,
        result.latency_ms,
        result.cost,
        prediction(entry).map(short),
        length,
        orders,
        result.unreadable.as_ref().map(|why| why.reason.name()),
        words,
        entry.peers,
        entry.outcome(),
    ])
}

/// The verdict, or why there is none, as the table shows it.
pub(super) fn shown(entry: &Entry) -> String {
    let result = &entry.result;
    let text = match (&result.error, &result.unreadable) {
        (Some(error), _) => format!("failed: {}", error.message),
        (_, Some(why)) => format!("unreadable: {}", why.reason.name()),
        _ => answer(entry)
            .or_else(|| result.verdict.verdict.clone())
            .or_else(|| entry.word())
            .unwrap_or_default(),
    };
    text.chars().take(120).collect()
}

/// What a solution that was searched for answers in the end, and its value.
fn answer(entry: &Entry) -> Option<String> {
    let More::Searched(line) = &entry.more else { return None };
    let answer = line.answer.as_deref()?;
    let answer = answer.strip_prefix("text: ").unwrap_or(answer);
    Some(line.value.map_or(answer.into(), |value| format!("{answer} (value {value:.2})")))
}

/// The prediction that the calibration curve takes: `p`, or the score from 0 to 1.
fn prediction(entry: &Entry) -> Option<f64> {
    entry.result.verdict.p.or(entry.result.normalized)
}

/// A number with the digits that a table shows.
fn short(number: f64) -> f64 {
    (number * 1e6).round() / real(1_000_000)
}

/// JSON that ends no block of HTML and no line.
fn guarded(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 64);
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_end_its_block_and_keeps_its_meaning() {
        let hostile = json!({"a": "</script><!--<script>\u{2028}&amp;\u{0}\r\n"});
        let safe = guarded(&hostile.to_string());
        assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\n', '\r', '\0']), "{safe}");
        assert_eq!(serde_json::from_str::<Value>(&safe).unwrap(), hostile);
    }
}
