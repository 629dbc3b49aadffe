//! Answers of real models with labels of their own; the data stand beside the project and are not part of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::backend::check::CheckKind;

/// The records of a file of answers.
fn records(name: &str) -> Vec<Value> {
    let path = format!("{}/../shared/data/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let path =
        std::env::var("TRIBUNAL_TEST_DATA").map_or(path, |folder| format!("{folder}/{name}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many verdicts of a check are right, wrong and unreadable, by the label.
fn table(
    kind: CheckKind,
    pairs: &[(String, String, bool)],
) -> BTreeMap<(bool, Option<bool>), usize> {
    let mut table = BTreeMap::new();
    for (answer, reference, is_correct) in pairs {
        let found = kind.check_any(answer, reference).unwrap().holds;
        *table.entry((*is_correct, found)).or_default() += 1;
    }
    table
}

#[test]
#[ignore = "needs ../shared/data"]
fn solutions_of_school_problems_are_judged_as_their_labels_say() {
    let pairs: Vec<_> = records("gsm8k_solutions")
        .into_iter()
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            (text("solution"), text("final_answer"), record["is_correct"].as_bool().unwrap())
        })
        .collect();
    let (math, number) = (table(CheckKind::Math, &pairs), table(CheckKind::Number, &pairs));
    // Every solution is judged as its label says, by both checks.
    let right = BTreeMap::from([((false, Some(false)), 1852), ((true, Some(true)), 1124)]);
    assert_eq!((&math, &number), (&right, &right));
}

#[test]
#[ignore = "needs ../shared/data"]
fn answers_in_latex_are_judged_as_their_labels_say() {
    let pairs: Vec<_> = records("reasoneval_mrmath_items")
        .into_iter()
        .map(|record| {
            let steps: Vec<String> = record["steps"]
                .as_array()
                .unwrap()
                .iter()
                .map(|step| step.as_str().unwrap().to_owned())
                .collect();
            let is_correct = record["solution_correctness"] == "correct";
            (
                steps.join("\n"),
                record["ground_truth_answer"].as_str().unwrap().to_owned(),
                is_correct,
            )
        })
        .collect();
    let found = table(CheckKind::Math, &pairs);
    // A wrong solution may end with the right answer, so only correct ones show mistakes of the check. Two of them
    // end with another number than their answer and announce nothing ("8 meals for the 12 of them"), which
    // `check:number` reads in the same way; three are unreadable ("\\boxed{10\\%}" for 10, and two sentences).
    let of = |holds| found.get(&(true, holds)).copied().unwrap_or_default();
    assert_eq!((of(Some(true)), of(Some(false)), of(None)), (41, 2, 3));
}
