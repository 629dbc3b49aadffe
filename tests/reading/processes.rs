//! Figures of benchmarks of steps on published records: PRMScore of R-PRM, macro-F1 and first errors of ReasonEval's
//! judges, and the counts of ProcessBench and MR-GSM8K.
//!
//! The expected figures were computed from the same files by the benchmarks' own formulas.
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::collections::BTreeMap;

use crate::support::collected::records;
use serde_json::{Value, json};
use tribunal::{
    Item, Judge, Judgment,
    backend::Script,
    report::{Confusion, FirstErrors},
};

/// A share in percent, with two digits.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "none".into(), |share| format!("{:.2}", 100.0 * share))
}

/// A share with four digits.
fn four(share: Option<f64>) -> String {
    share.map_or_else(|| "none".into(), |share| format!("{share:.4}"))
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn the_prm_score_of_r_prm_is_that_of_the_benchmark() {
    let mut classes: BTreeMap<String, Confusion> = BTreeMap::new();
    let mut total = Confusion::default();
    for record in records("prmbench_rprm_scores") {
        let class = record["classification"].as_str().unwrap().to_owned();
        let errors: Vec<u64> =
            record["error_steps"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        for (step, label) in (1..).zip(record["labels"].as_array().unwrap()) {
            let judged = label.as_u64() == Some(1);
            classes.entry(class.clone()).or_default().add(!errors.contains(&step), judged);
            total.add(!errors.contains(&step), judged);
        }
    }
    let found: Vec<(&str, String)> = classes
        .iter()
        .map(|(class, counts)| (class.as_str(), percent(counts.prm_score())))
        .collect();
    let expected = [
        ("circular", "64.88"),
        ("confidence", "69.92"),
        ("counterfactual", "70.43"),
        ("deception", "67.75"),
        ("domain_inconsistency", "62.78"),
        ("missing_condition", "61.33"),
        ("multi_solutions", "98.61"),
        ("redundency", "53.48"),
        ("step_contradiction", "62.84"),
    ];
    assert_eq!(found, expected.map(|(class, score)| (class, score.to_owned())));
    assert_eq!(
        [total.f1(), total.negative_f1(), total.prm_score()].map(percent),
        ["85.24", "45.00", "65.12"]
    );
}

/// The judgment that a built-in prompt reads out of a text about a solution of so many steps.
async fn read(name: &str, record: &Value) -> Judgment {
    let judge = Judge::builder().backend(Script::always("")).prompt(name).build().await.unwrap();
    let count = record["n_steps"].as_u64().unwrap();
    let steps: Vec<String> = (0..count).map(|step| format!("({step})")).collect();
    let item = Item::from(json!({ "question": "?", "steps": steps }));
    judge.parse_for(&item, record["raw"].as_str().unwrap()).unwrap()
}

/// Adds the labels of a solution's steps up to its first error, as a judge's first error gives them.
fn add_steps(counts: &mut Confusion, steps: usize, truth: Option<usize>, found: Option<usize>) {
    for step in 0..=truth.unwrap_or(steps - 1) {
        let reaches = found.is_none_or(|found| step <= found);
        if reaches {
            counts.add(truth != Some(step), found != Some(step));
        } else {
            // After its own first error a judge gives no label, which is neither right nor wrong.
            counts.add(truth != Some(step), truth == Some(step));
        }
    }
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
async fn first_errors_of_reason_eval_are_read_as_published() {
    let mut found: BTreeMap<&str, (FirstErrors, Confusion, Confusion, Confusion)> = BTreeMap::new();
    let records = records("reasoneval_judgments");
    for record in records.iter().filter(|record| record["kind"] == "step") {
        let truth = match &record["gold"]["first_error_step"] {
            Value::Number(step) => Some(usize::try_from(step.as_u64().unwrap()).unwrap() - 1),
            _ => None,
        };
        let judgment = read("reason-eval", record).await;
        let named = judgment.first_error();
        let judge = record["judge"].as_str().unwrap();
        let (first, official, solutions, steps) = found.entry(judge).or_default();
        first.add(truth, named);
        let said = read("mr-gsm8k-solution", record).await;
        let is_right = truth.is_none();
        // The benchmark takes a judgement that it cannot read as the opposite of the truth, and reads two words alone.
        let judged = said.label().map_or(!is_right, |label| label == "correct");
        solutions.add(is_right, judged);
        let word = record["recorded"]["correctness"].as_str().unwrap().to_lowercase();
        let published = match word.as_str() {
            "correct" => true,
            "wrong" => false,
            _ => !is_right,
        };
        official.add(is_right, published);
        let count = usize::try_from(record["n_steps"].as_u64().unwrap()).unwrap();
        add_steps(steps, count, truth, named.flatten());
    }
    let shown: Vec<_> = found
        .iter()
        .map(|(judge, (first, official, solutions, steps))| {
            let f1 = [official.macro_f1(), solutions.macro_f1(), steps.macro_f1(), first.f1()];
            let f1 = f1.map(four);
            (*judge, first.of_wrong(), first.of_right().0, f1)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "gpt3_5_turbo",
                (50, 11),
                46,
                ["0.6135", "0.6135", "0.5496", "0.3343"].map(str::to_owned)
            ),
            // `**Correct**` and `Wrong.` are verdicts too, which the published rule does not read.
            ("gpt4", (50, 31), 46, ["0.7361", "0.7458", "0.6624", "0.5792"].map(str::to_owned)),
        ]
    );
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn the_lowest_step_reward_decides_about_a_solution() {
    let mut found: BTreeMap<String, Confusion> = BTreeMap::new();
    for record in records("reasoneval_prm_scores") {
        let lowest = record["scores"].as_array().unwrap().iter().filter_map(Value::as_f64);
        let lowest = lowest.reduce(f64::min).unwrap();
        let is_right = record["gold"]["solution_correctness"] == "correct";
        let judge = record["judge"].as_str().unwrap().to_owned();
        found.entry(judge).or_default().add(is_right, lowest > 0.5);
    }
    let found: Vec<_> =
        found.iter().map(|(judge, counts)| (judge.as_str(), four(counts.macro_f1()))).collect();
    assert_eq!(
        found,
        [
            ("math-shepherd_mistral-7b", "0.7382".to_owned()),
            ("reasoneval_llemma-34b", "0.7900".to_owned()),
            ("reasoneval_wizardmath-7b-v1.1", "0.7704".to_owned()),
        ]
    );
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn a_judge_that_finds_no_error_anywhere_scores_nothing_on_process_bench() {
    let mut silent = FirstErrors::default();
    let mut perfect = FirstErrors::default();
    for record in records("processbench").iter().filter(|record| record["subset"] == "gsm8k") {
        let truth = usize::try_from(record["label"].as_i64().unwrap()).ok();
        silent.add(truth, Some(None));
        perfect.add(truth, Some(truth));
    }
    assert_eq!((silent.of_wrong(), silent.of_right()), ((128, 0), (108, 108)));
    assert_eq!((silent.f1(), perfect.f1()), (Some(0.0), Some(1.0)));
}
