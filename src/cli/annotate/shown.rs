//! What a person sees of a record: its texts, and nothing of the verdict or of a label.

use serde_json::Value;

use super::task::Task;
use crate::cli::width::{fitted, of_stdout};
use tribunal::{item::Item, report::escaped_lines};

/// The fields that are shown, in this order, under every name that prompts know.
const FIELDS: [&str; 6] = ["context", "contexts", "messages", "question", "reference", "rubric"];

/// The parts of a record that are shown: names and texts.
///
/// Only fields that prompts show too are shown, and those that were named: a record may hold labels, models and
/// verdicts under any other name.
pub(super) fn parts(item: &Item, task: &Task, more: &[String]) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for name in FIELDS.iter().copied().chain(more.iter().map(String::as_str)) {
        let own: Vec<String> = item.sources(name).into_iter().map(str::to_owned).collect();
        // Two names may stand for one field.
        if own.iter().any(|own| sources.contains(own)) {
            continue;
        }
        let found = item.field(name).map(|value| text(&value)).or_else(|| {
            item.at(name).ok().filter(|_| more.iter().any(|own| own == name)).map(text)
        });
        if let Some(text) = found.filter(|text| !text.trim().is_empty()) {
            sources.extend(own);
            parts.push((name.to_owned(), text));
        }
    }
    parts.extend(judged(item, task));
    parts
}

/// The answers, or the steps.
fn judged(item: &Item, task: &Task) -> Vec<(String, String)> {
    if *task == Task::FirstError {
        let steps = item.steps().into_iter().enumerate();
        return steps.map(|(n, step)| (format!("step {n}"), step)).collect();
    }
    let answers = item.candidates();
    match answers.as_slice() {
        [one] => vec![("answer".to_owned(), text(one))],
        all => {
            let numbered = all.iter().enumerate();
            numbered.map(|(n, answer)| (format!("answer {}", n + 1), text(answer))).collect()
        }
    }
}

/// A value as a text: a conversation as one turn after another, anything else that is no text as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n")
        }
        Value::Array(turns) if turns.iter().all(|turn| turn["content"].is_string()) => {
            let turn = |turn: &Value| {
                let role = turn["role"].as_str().unwrap_or("message");
                format!("{role}: {}", turn["content"].as_str().unwrap_or_default())
            };
            turns.iter().map(turn).collect::<Vec<_>>().join("\n\n")
        }
        other => format!("{other:#}"),
    }
}

/// The parts for a terminal: each text is escaped and indented below its name.
pub(super) fn laid_out(parts: &[(String, String)]) -> String {
    let part = |(name, text): &(String, String)| {
        let lines = escaped_lines(text.trim_end());
        let lines = lines.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
        format!("{}\n{lines}", escaped_lines(name))
    };
    let text = parts.iter().map(part).collect::<Vec<_>>().join("\n\n");
    fitted(&text, of_stdout())
}
