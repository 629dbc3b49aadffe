//! A few published records of each benchmark whose licence allows it, from the files to the figures, as people run it.
//!
//! The expected figures were computed from the labels and recorded verdicts beside the records, by hand or with
//! scikit-learn.

use crate::support::{Place, Ran};
use serde_json::{Value, json};

fn path(name: &str) -> String {
    format!("{}/tests/data/benchmarks/{name}.jsonl", env!("CARGO_MANIFEST_DIR"))
}

fn records(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A row of the printed figures in percent, under the official rule.
fn row(ran: &Ran, name: &str) -> f64 {
    let figures: Value = serde_json::from_str(&ran.out).unwrap();
    let rows = figures["figures"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name);
    100.0
        * row.unwrap_or_else(|| panic!("no `{name}` in {}", ran.out))["official"].as_f64().unwrap()
}

fn is_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 0.005, "{found}, not {expected}");
}

/// Counts these lines beside the records of a benchmark.
fn counted(place: &Place, name: &str, lines: &[Value], more: &[&str]) -> Ran {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    place.file("lines.jsonl", lines);
    let records = path(name);
    let args = [&["bench", name, &records, "--results", "lines.jsonl", "--json"], more].concat();
    place.run(&args).passed()
}

#[test]
fn llmbar_from_recorded_texts() {
    let place = Place::new("samples-llmbar");
    let (records, texts) = (path("llmbar"), path("llmbar.texts"));
    let ran = place.run(&["bench", "llmbar", &records, "--texts", &texts, "--json"]).passed();
    // Of twenty games one is lost, and there the orders disagree.
    is_near(row(&ran, "accuracy"), 95.0);
    is_near(row(&ran, "Adversarial/GPTOut"), 75.0);
    is_near(row(&ran, "mean of adversarial subsets"), 93.75);
    is_near(row(&ran, "agreement of both orders"), 90.0);
}

#[test]
fn pandalm_with_its_second_annotator_as_the_judge() {
    let place = Place::new("samples-pandalm");
    let side = |record: &Value| {
        let sides = ["tie", "first", "second"];
        sides[usize::try_from(record["annotator2"].as_u64().unwrap()).unwrap()]
    };
    let line =
        |record: &Value| json!({"id": record["idx"].to_string(), "preference": side(record)});
    let lines: Vec<Value> = records("pandalm").iter().map(line).collect();
    let ran = counted(&place, "pandalm", &lines, &[]);
    is_near(row(&ran, "accuracy"), 77.78);
    is_near(row(&ran, "macro F1"), 77.46);
    is_near(row(&ran, "Cohen's kappa"), 66.67);
}

#[test]
fn prmbench_with_a_judge_that_finds_every_step_right() {
    let place = Place::new("samples-prmbench");
    let line = |record: &Value| {
        let count = record["modified_process"].as_array().unwrap().len();
        let step = |n: usize| json!({"index": n, "label": "correct"});
        let steps: Vec<Value> = (0..count).map(step).collect();
        json!({"id": record["id"], "first_error": -1, "steps": steps})
    };
    let lines: Vec<Value> = records("prmbench").iter().map(line).collect();
    let ran = counted(&place, "prmbench", &lines, &[]);
    // 46 of 59 steps are right: 2 · 46 / (2 · 46 + 13), and nothing for the wrong ones.
    is_near(row(&ran, "F1 of valid steps"), 87.62);
    is_near(row(&ran, "PRMScore"), 43.81);
    is_near(row(&ran, "multi_solutions"), 100.0);
}

#[test]
fn mj_bench_from_the_scores_of_its_scorers() {
    let place = Place::new("samples-mj-bench");
    let line = |record: &Value| json!({"id": record["id"], "scores": [record["score_0"], record["score_1"]]});
    let records = records("mj-bench");
    let lines: Vec<Value> = records.iter().map(line).collect();
    let right = records.iter().filter(|one| one["label"] == one["pred"]).count();
    assert_eq!((right, records.len()), (6, 8));
    is_near(row(&counted(&place, "mj-bench", &lines, &[]), "accuracy"), 75.0);
    // The scores give the choices that were stored.
    let ran = counted(&place, "mj-bench", &lines, &["--map", "label=pred"]);
    is_near(row(&ran, "accuracy"), 100.0);
}

/// The shipped prompts are rendered for published records; nothing is sent.
#[test]
fn published_records_can_be_judged_by_the_prompts_of_their_benchmarks() {
    let place = Place::new("samples-dry");
    for (name, count) in [("llmbar", 10), ("pandalm", 9), ("prmbench", 9)] {
        let ran = place.run(&["bench", name, &path(name), "-m", "script:x", "--dry-run"]).passed();
        assert!(ran.err.contains("nothing was sent"), "{name}: {}", ran.err);
        let all = format!("{count} of {count} records");
        assert!(ran.err.contains(&all), "{name}: {}", ran.err);
    }
}
