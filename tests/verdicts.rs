//! What a verdict is and what is none: cases are data, and one function touches the library.
//!
//! `tests/verdicts/*.toml` holds prompts' rules with replies to them; `tests/data/verdicts/*.jsonl` real
//! judgments whose licence allows copies.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use tribunal::{
    parse::{Chosen, Outcome, Parser, Read, Reader, Reading, Spot, Transcript},
    request::{Completion, Finish},
    verdict::{Distribution, visible},
};

/// A file of cases: rules by name, and replies that name their rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    prompt: BTreeMap<String, Rules>,
    reply: Vec<Case>,
}

/// The keys of a prompt file that say how it is read.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    judges: String,
    scale: Option<Value>,
    #[serde(default)]
    verdict: Value,
}

/// A reply, and what a careful reader takes from it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    name: String,
    prompt: String,
    /// The only text, where `calls` has none.
    text: Option<String>,
    calls: Vec<Call>,
    last_turn: usize,
    data: Vec<String>,
    mark: Option<String>,
    finish: Finish,
    cut_ok: bool,
    /// The verdict as it stands in output files, or `{unreadable = "missing"}`.
    expect: Value,
    /// The rule that spoke, where the case is about that.
    rule: Option<String>,
    /// The text at `span`, where the case is about that.
    value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Call {
    name: String,
    at: Option<usize>,
    text: String,
    /// Whether a label was picked here.
    chosen: bool,
    /// Probabilities of the labels.
    p: Option<BTreeMap<String, f64>>,
    finish: Finish,
    cut_ok: bool,
}

impl Call {
    fn outcome(&self) -> Outcome {
        let distribution = self.p.as_ref().map(|p| Distribution {
            labels: p.iter().map(|(label, p)| (label.clone(), *p)).collect(),
            missing: 1.0 - p.values().sum::<f64>(),
        });
        Outcome {
            spot: Spot { name: self.name.clone(), at: self.at },
            chosen: self.chosen.then_some(Chosen::Asked),
            cut_ok: self.cut_ok,
            completion: Completion {
                finish: self.finish,
                distribution,
                ..Completion::text(&self.text)
            },
        }
    }
}

impl Case {
    fn transcript(&self) -> Transcript {
        let only = self.text.as_ref().map(|text| Call {
            name: "critique".into(),
            text: text.clone(),
            finish: self.finish,
            cut_ok: self.cut_ok,
            ..Call::default()
        });
        Transcript {
            results: only.iter().chain(&self.calls).map(Call::outcome).collect(),
            last_turn: self.last_turn,
            mark: self.mark.clone(),
            data: self.data.clone(),
        }
    }
}

fn reader(rules: &Rules) -> Reader {
    let Rules { judges, scale, verdict } = rules.clone();
    Reader::new(&Reading::from_json(&judges, scale, verdict).unwrap()).unwrap()
}

/// The verdict as it stands in output files; of steps, what the case names.
fn shown(read: &Read, expected: &Value) -> Value {
    match &read.verdict {
        Err(why) => json!({ "unreadable": why.reason.name() }),
        Ok(verdict) => {
            let mut shown = serde_json::to_value(verdict).unwrap();
            if let Some(steps) = shown.get("steps").cloned() {
                let first = steps["first_error"].as_i64().unwrap_or(-1);
                shown = json!({ "first_error": first });
                if expected.get("steps").is_some() {
                    shown["steps"] = steps["steps"].clone();
                }
            }
            if let Some(label) = shown.get("label").cloned() {
                shown = json!({ "label": label["label"] });
                if expected.get("p").is_some() {
                    shown["p"] = label["p"].clone();
                }
            }
            shown
        }
    }
}

/// Equal up to the last digits of a probability.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            _ => a == b,
        },
    }
}

/// What is wrong with the reading of one case.
fn check(rules: &BTreeMap<String, Rules>, case: &Case) -> Option<String> {
    let rules = rules.get(&case.prompt).unwrap_or_else(|| panic!("no prompt {}", case.prompt));
    let transcript = case.transcript();
    let read = reader(rules).parse(&transcript);
    let shown = shown(&read, &case.expect);
    if !same(&shown, &case.expect) {
        return Some(format!("{}: read {shown}, not {}: {read:?}", case.name, case.expect));
    }
    if case.rule.is_some() && case.rule != read.rule {
        return Some(format!("{}: {:?} spoke", case.name, read.rule));
    }
    let spoken = transcript.results[case.last_turn..].iter().filter(|o| o.chosen.is_none());
    let spoken: Vec<&str> = spoken.map(|o| visible(&o.completion.text)).collect();
    let text: Vec<char> = spoken.join("\n").trim().chars().collect();
    let at_span: Option<String> = read.span.map(|(start, end)| text[start..end].iter().collect());
    if case.value.is_some() && case.value != at_span {
        return Some(format!("{}: the span holds {at_span:?}", case.name));
    }
    None
}

fn files(folder: &str, ending: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    files
}

#[test]
fn every_case_is_read_as_a_careful_reader_reads_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files("tests/verdicts", "toml") {
        let cases: Cases = toml::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        count += cases.reply.len();
        let faults = cases.reply.iter().filter_map(|case| check(&cases.prompt, case));
        wrong.extend(faults.map(|fault| format!("{}: {fault}", file.display())));
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 120, "only {count} cases");
}
