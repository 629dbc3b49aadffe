//! Figures of judges of steps.

use super::super::{counted, reread};
use super::{Table, anchors, percent, plain, real, text};
use serde_json::{Value, json};

pub(super) fn prm_bench(table: &mut Table) {
    let published = anchors("prmbench_rprm");
    let outputs = real("prmbench_rprm_scores");
    let record = |one: &Value| {
        let steps = one["labels"].as_array().unwrap().len();
        let steps: Vec<String> = (0..steps).map(|n| n.to_string()).collect();
        json!({"id": one["id"], "modified_question": one["id"], "modified_process": steps,
            "error_steps": one["error_steps"], "classification": one["classification"]})
    };
    let line = |one: &Value| {
        let labels = one["labels"].as_array().unwrap();
        let step = |(n, label): (usize, &Value)| json!({"index": n, "label": if label == 1 { "correct" } else { "incorrect" }});
        let steps: Vec<Value> = labels.iter().enumerate().map(step).collect();
        json!({"id": one["id"], "first_error": -1, "steps": steps})
    };
    let records: Vec<Value> = outputs.iter().map(record).collect();
    let lines: Vec<Value> = outputs.iter().map(line).collect();
    let figures = counted("prmbench", &records, &lines);
    for (class, counts) in published.as_object().unwrap() {
        let value = |place: usize| counts[place].as_f64().unwrap();
        let row = if class == "total" { "PRMScore" } else { class };
        table.row("prmbench, R-PRM-7B", row, Some(percent(&figures, row)), None, (value(6), 2), "");
        if class == "total" {
            for (row, place) in [("F1 of valid steps", 4), ("F1 of wrong steps", 5)] {
                table.row(
                    "prmbench, R-PRM-7B",
                    row,
                    Some(percent(&figures, row)),
                    None,
                    (value(place), 2),
                    "",
                );
            }
        }
    }
}

/// No judge of ProcessBench itself was recorded; two judges of MR-MATH are counted by its formula.
pub(super) async fn process_bench(table: &mut Table) {
    let published = anchors("reasoneval");
    let items = real("reasoneval_mrmath_items");
    let first = |value: &Value| match value {
        Value::Number(number) => number.as_i64().map(|step| step - 1),
        Value::String(text) => {
            let digits: String = text
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<i64>().ok().map(|step| step - 1)
        }
        _ => None,
    };
    let record = |one: &Value| {
        json!({"id": one["id"], "problem": one["question"], "steps": one["steps"], "subset": "mr-math",
            "label": first(&one["first_error_step"]).unwrap_or(-1)})
    };
    let records: Vec<Value> = items.iter().map(record).collect();
    for judge in ["gpt3_5_turbo", "gpt4"] {
        let of_judge = |one: &Value| one["judge"] == judge && one["set"] == "mr-math_invalid";
        let outputs: Vec<Value> =
            real("reasoneval_judgments").into_iter().filter(of_judge).collect();
        let line = |one: &Value| {
            let recorded = &one["recorded"];
            let verdict = recorded["correctness"].as_str().unwrap_or_default().to_lowercase();
            let verdict = verdict.trim_end_matches('.');
            let step = first(&recorded["first_error_step"]);
            let id = text(one, "group");
            match (verdict, step) {
                ("correct", _) => json!({"id": id, "first_error": -1}),
                ("wrong", Some(step)) => json!({"id": id, "first_error": step}),
                _ => json!({"id": id, "unreadable": {"reason": "missing", "detail": ""}}),
            }
        };
        let lines: Vec<Value> = outputs.iter().map(line).collect();
        let stored = counted("processbench", &records, &lines);
        let text_of = |one: &Value| json!({"id": text(one, "group"), "text": one["raw"]});
        let texts: Vec<Value> = outputs.iter().map(text_of).collect();
        let read = reread("processbench", &records, "reason-eval", &texts).await;
        let value =
            published[format!("{judge}/invalid")]["processbench_style_F1"].as_f64().unwrap();
        table.row(&format!("processbench formula on MR-MATH, {judge}"), "mean F1", Some(plain(&stored, "mean F1")), Some(plain(&read, "mean F1")), (value, 4), "the official code takes the first number after the words; the reader wants a step that exists");
    }
    // Of the benchmark itself: its labels.
    let labels = real("processbench");
    let of = |subset: &str, wrong: bool| {
        let is = |one: &&Value| one["subset"] == subset && (one["label"] != -1) == wrong;
        f64::from(u32::try_from(labels.iter().filter(is).count()).unwrap())
    };
    let published = anchors("processbench");
    for (name, place, wrong) in [("right solutions", 1, false), ("with an error", 2, true)] {
        table.row(
            "processbench, labels of gsm8k",
            name,
            Some(of("gsm8k", wrong)),
            None,
            (published["gsm8k"][place].as_f64().unwrap(), 0),
            "",
        );
    }
}
