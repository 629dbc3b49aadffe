//! What a verdict is and what is none: cases are data, and one function touches the library.
//!
//! `tests/verdicts/*.toml` holds prompts' rules with replies to them. `judgments` reads real ones.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop where it stands, and tell what it measured"
)]

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use tribunal::{
    completion::Distribution,
    completion::{Completion, Finish},
    parse::{Chosen, ItemShape, Parser, ReadVerdict, Reader, Reply, Slot, Transcript, VerdictSpec},
    text,
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
    positive: Option<String>,
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
    /// The number of steps of the record, where the case is about that.
    steps: Option<usize>,
    /// The number of its answers.
    answers: Option<usize>,
    finish: Finish,
    may_be_cut: bool,
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
    may_be_cut: bool,
}

impl Call {
    fn reply(&self) -> Reply {
        let mut completion = Completion::text(&self.text).finish(self.finish.clone());
        completion.distribution = self
            .p
            .as_ref()
            .map(|p| Distribution::new(p.iter().map(|(label, p)| (label.clone(), *p)).collect()));
        Reply {
            slot: Slot { name: self.name.clone(), at: self.at },
            chosen: self.chosen.then_some(Chosen::Asked),
            may_be_cut: self.may_be_cut,
            completion,
        }
    }
}

impl Case {
    fn transcript(&self) -> Transcript {
        let only = self.text.as_ref().map(|text| Call {
            name: "critique".into(),
            text: text.clone(),
            finish: self.finish.clone(),
            may_be_cut: self.may_be_cut,
            ..Call::default()
        });
        Transcript {
            results: only.iter().chain(&self.calls).map(Call::reply).collect(),
            last_turn: self.last_turn,
            mark: self.mark.clone(),
            data: self.data.clone(),
            shape: ItemShape { steps: self.steps, answers: self.answers, ..ItemShape::default() },
        }
    }
}

fn reader(rules: &Rules) -> Reader {
    let Rules { judges, scale, verdict, positive } = rules.clone();
    let spec = VerdictSpec::from_json(&judges, scale, verdict).unwrap();
    Reader::new(&VerdictSpec { positive, ..spec }).unwrap()
}

/// The verdict as it stands in output files; of steps, what the case names.
fn shown(read: &ReadVerdict, expected: &Value) -> Value {
    match &read.verdict {
        Err(why) => json!({ "unreadable": why.reason.name() }),
        Ok(verdict) => {
            let mut shown = serde_json::to_value(verdict).unwrap();
            if let Some(steps) = shown.get("steps").cloned() {
                let first = steps["first_error"].as_i64().unwrap_or(-1);
                shown = json!({ "first_error": first });
                if expected.get("steps").is_some() {
                    shown["steps"] = without_distributions(&steps["steps"]);
                }
            }
            if let Some(label) = shown.get("label").cloned() {
                shown = json!({ "label": label["label"] });
                if expected.get("p").is_some() {
                    shown["p"] = label["confidence"].clone();
                }
            }
            shown
        }
    }
}

/// Labels of steps with their probability alone: the cases name that.
fn without_distributions(steps: &Value) -> Value {
    let mut steps = steps.clone();
    for step in steps.as_array_mut().into_iter().flatten() {
        let step = step.as_object_mut().unwrap();
        step.remove("distribution");
        step.retain(|_, value| !value.is_null());
    }
    steps
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
    let shown = |o| text::visible(o, &case.data, case.mark.as_deref());
    let spoken: Vec<&str> = spoken.map(|o| shown(&o.completion.text)).collect();
    let text: Vec<char> = spoken.join("\n").trim().chars().collect();
    let at_span: Option<String> = read.span.map(|(start, end)| text[start..end].iter().collect());
    if case.value.is_some() && case.value != at_span {
        return Some(format!("{}: the span holds {at_span:?}", case.name));
    }
    None
}

/// The files of a folder with this ending, in order.
pub(super) fn files(folder: &str, ending: &str) -> Vec<std::path::PathBuf> {
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
    assert!(count >= 350, "only {count} cases");
}

/// Answers that hold verdicts of their own are shown whole by the judge, ahead of its verdict or behind.
#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn judged_texts_that_hold_verdicts_never_become_the_verdict() {
    let texts = crate::support::collected::text("adversarial_candidate_texts.jsonl");
    let ten = json!({ "min": 1, "max": 10, "step": "any" });
    let abc = json!({ "A": "first", "B": "second", "C": "tie" });
    let judges = [
        (json!({ "judges": "score", "scale": ten, "verdict": "Score: *" }), "Score: 3"),
        (json!({ "judges": "score", "scale": ten, "verdict": "Rating: [[*]]" }), "Rating: [[3]]"),
        (
            json!({ "judges": "score", "scale": ten, "verdict": { "json": "/score" } }),
            "{\"score\": 3}",
        ),
        (
            json!({ "judges": "preference", "verdict": { "pattern": "[[*]]", "values": abc } }),
            "[[B]]",
        ),
        (
            json!({ "judges": "preference", "verdict": { "pattern": "<answer>*</answer>", "values": abc } }),
            "<answer>B</answer>",
        ),
    ];
    let (mut read_ahead, mut read_behind, mut all) = (0, 0, 0);
    for line in texts.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let Some(text) = record["text"].as_str() else { continue };
        for (rules, own) in &judges {
            let reader = reader(&serde_json::from_value(rules.clone()).unwrap());
            let parse = |said: String| {
                let transcript = Transcript {
                    data: vec![text.to_owned()],
                    ..Transcript::of_text("critique", said)
                };
                reader.parse(&transcript).verdict.ok()
            };
            let verdict = parse((*own).to_owned()).unwrap();
            let ahead = parse(format!("It says:\n{text}\n\nMy verdict:\n{own}"));
            let behind = parse(format!("{own}\n\nIt says:\n{text}\nThat is all."));
            assert!(
                ahead.as_ref().is_none_or(|ahead| *ahead == verdict),
                "{}: {ahead:?}",
                record["id"]
            );
            assert!(
                behind.as_ref().is_none_or(|behind| *behind == verdict),
                "{}: {behind:?}",
                record["id"]
            );
            all += 1;
            read_ahead += usize::from(ahead.is_some());
            read_behind += usize::from(behind.is_some());
        }
    }
    eprintln!(
        "{all} quotations: none forged; {read_ahead} verdicts read behind them, {read_behind} ahead of them"
    );
}
