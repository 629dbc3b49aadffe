//! Verdicts beside the records' own labels, in the words that real data sets use.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// Judges pairs, all of which the judge finds better in their first answer, with these labels.
fn pairs(place: &Place, labels: &[Value], args: &[&str]) -> Ran {
    let record = |(n, label): (usize, &Value)| {
        format!(
            "{}\n",
            json!({"id": format!("p{n}"), "response_a": "x", "response_b": "y", "label": label})
        )
    };
    place.file("pairs.jsonl", labels.iter().enumerate().map(record).collect::<String>());
    judged(
        place,
        &["pairs.jsonl", "-m", "script:[[A]]", "-p", "pair", "--order", "given", "-j", "1"],
        args,
    )
}

/// Judges records with one answer each and these labels.
fn answers(place: &Place, labels: &[Value], judge: &[&str], args: &[&str]) -> Ran {
    let record = |(n, label): (usize, &Value)| {
        let steps = ["one", "two", "three"];
        let record = json!({"id": format!("r{n}"), "question": "q", "answer": "a", "steps": steps, "label": label});
        format!("{record}\n")
    };
    place.file("answers.jsonl", labels.iter().enumerate().map(record).collect::<String>());
    judged(place, &[&["answers.jsonl", "-j", "1"], judge].concat(), args)
}

fn judged(place: &Place, judge: &[&str], args: &[&str]) -> Ran {
    let ran = place.run(&[&["judge", "--summary", "s.json"], judge, args].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn agreement(place: &Place) -> Value {
    serde_json::from_str::<Value>(&place.read("s.json")).unwrap()["agreement"].clone()
}

const SCORE: [&str; 4] = ["-m", "script:Score: 7", "-p", "score"];
const LABEL: [&str; 4] = ["-m", "script:Label: good", "-p", "label"];
const CHECK: [&str; 2] = ["-m", "check:exact"];

#[test]
fn words_for_the_better_answer_are_understood_in_every_spelling() {
    let place = Place::new("agreement-pairs");
    let first = ["A>B", "A", "first", "First", "1", "model_a", "response_a", "answer_1", "chosen"];
    let other = ["B>A", "B", "second", "2", "model_b", "tie", "Tie", "A=B", "tie (bothbad)"];
    let labels: Vec<Value> = first.iter().chain(&other).map(|word| json!(word)).collect();
    let ran = pairs(&place, &labels, &[]);
    let says = "9 of 18 agree with the records' own label (50.0 %)";
    assert!(ran.err.contains(says) && !ran.err.contains("could not be compared"), "{}", ran.err);
    let figures = agreement(&place);
    assert_eq!((&figures["agree"], &figures["compared"]), (&json!(9), &json!(18)));
}

#[test]
fn numbers_of_answers_are_sides_until_a_zero_makes_them_ambiguous() {
    let place = Place::new("agreement-zero");
    let ran = pairs(&place, &[json!(1), json!(2), json!("1")], &[]);
    assert!(ran.err.contains("2 of 3 agree with the records' own label"), "{}", ran.err);
    let ran = pairs(&place, &[json!(1), json!(0), json!(1)], &[]);
    assert!(!ran.err.contains("agree with"), "{}", ran.err);
    assert!(ran.err.contains("3 labels could not be compared"), "{}", ran.err);
    assert!(ran.err.contains("`label_map`"), "{}", ran.err);
    let ran =
        pairs(&place, &[json!(1), json!(0), json!(2)], &["--label-map", "0=first,1=second,2=tie"]);
    assert!(ran.err.contains("1 of 3 agree with the records' own label"), "{}", ran.err);
}

#[test]
fn what_cannot_be_compared_is_said_and_is_no_disagreement() {
    let place = Place::new("agreement-odd");
    let ran = pairs(
        &place,
        &[json!("A"), json!("verbose\u{1b}[2J"), json!(["A\u{1b}[2J", "B"]), json!(null)],
        &[],
    );
    assert!(ran.err.contains("1 of 1 agree with the records' own label (100.0 %)"), "{}", ran.err);
    // Records end in any order, so that either of them may be the example.
    assert!(ran.err.contains("2 labels could not be compared: the first is `"), "{}", ran.err);
    let is_escaped = ran.err.contains("u{1b}[2J") || ran.err.contains("u001b[2J");
    assert!(is_escaped && !ran.err.contains('\u{1b}'), "{:?}", ran.err);
    let figures = agreement(&place);
    assert_eq!(figures["not_compared"]["labels"], 2);
    let record = figures["not_compared"]["first"]["record"].as_str().unwrap();
    assert!(["p1", "p2"].contains(&record), "{record}");
    assert_eq!(figures["labelled"], 3);
}

#[test]
fn the_name_of_the_better_model_is_its_side() {
    let place = Place::new("agreement-models");
    let record = |winner: &str| json!({"response_a": "x", "response_b": "y", "model_a": "gpt-4", "model_b": "vicuna", "winner": winner});
    let records = ["gpt-4", "Vicuna", "TIE"].map(|winner| format!("{}\n", record(winner)));
    place.file("r.jsonl", records.concat());
    let judge = ["r.jsonl", "-m", "script:[[A]]", "-p", "pair", "--order", "given"];
    let ran = judged(&place, &judge, &["--label", "winner"]);
    assert!(ran.err.contains("1 of 3 agree with the records' own `winner`"), "{}", ran.err);
}

#[test]
fn chosen_and_rejected_say_themselves_which_answer_is_better() {
    let place = Place::new("agreement-chosen");
    place.file("r.jsonl", "{\"chosen\": \"x\", \"rejected\": \"y\"}\n{\"chosen\": \"x\", \"rejected\": \"y\", \"label\": \"rejected\"}\n");
    let judge = ["r.jsonl", "-m", "script:[[A]]", "-p", "pair", "--order", "given"];
    let ran = judged(&place, &judge, &[]);
    assert!(ran.err.contains("1 of 2 agree with the records' own label"), "{}", ran.err);
    place.file("r.jsonl", "{\"chosen\": \"x\", \"rejected\": \"y\"}\n");
    let ran = judged(&place, &judge, &[]);
    assert!(ran.err.contains("1 of 1 agree with the records' `chosen` (100.0 %)"), "{}", ran.err);
}

#[test]
fn words_for_right_and_wrong_are_understood_in_every_spelling() {
    let place = Place::new("agreement-correct");
    let right =
        [json!("Yes"), json!(true), json!(1), json!("right"), json!("CORRECT"), json!("1.0")];
    let wrong = [json!("No"), json!(false), json!(0), json!("wrong"), json!("incorrect")];
    let records = right
        .iter()
        .chain(&wrong)
        .map(|label| format!("{}\n", json!({"answer": "a", "reference": "a", "label": label})));
    place.file("r.jsonl", records.collect::<String>());
    let ran = judged(&place, &[&["r.jsonl"], &CHECK[..]].concat(), &[]);
    assert!(ran.err.contains("6 of 11 agree with the records' own label (54.5 %)"), "{}", ran.err);
}

#[test]
fn labels_are_compared_by_their_own_words_and_others_are_said() {
    let place = Place::new("agreement-labels");
    let labels = ["kind", "Kind", "unkind", "helpful"].map(Value::from);
    let judge = ["-m", "script:Label: kind", "-p", "label", "--labels", "kind,unkind"];
    let ran = answers(&place, &labels, &judge, &[]);
    assert!(ran.err.contains("2 of 3 agree with the records' own label (66.7 %)"), "{}", ran.err);
    assert!(
        ran.err.contains("1 label could not be compared: it is `helpful` of record `r3`"),
        "{}",
        ran.err
    );
    let ran = answers(&place, &labels, &judge, &["--label-map", "helpful=kind"]);
    assert!(ran.err.contains("3 of 4 agree"), "{}", ran.err);
}

#[test]
fn scores_are_compared_by_their_distance() {
    let place = Place::new("agreement-scores");
    let ran = answers(&place, &[json!(7), json!("8.0"), json!(4)], &SCORE, &[]);
    let says = "1 of 3 agree with the records' own label (33.3 %), 66.7 % within 1\nmean absolute error 1.333, quadratic weighted kappa 0.000";
    assert!(ran.err.contains(says), "{}", ran.err);
    let ran = answers(&place, &[json!(7.5), json!(6.25), json!("seven")], &SCORE, &[]);
    let says =
        "2 compared with the records' own label, 100.0 % within 1\nmean absolute error 0.625\n";
    assert!(ran.err.contains(says), "{}", ran.err);
    assert!(ran.err.contains("it is `seven` of record `r2`"), "{}", ran.err);
    let figures = agreement(&place);
    assert_eq!(figures["scores"]["mean_absolute_error"], 0.625);
    assert_eq!(figures["scores"]["pearson"], Value::Null, "the judge's scores are constant");
    assert!(figures.get("agree").is_none(), "{figures}");
}

#[test]
fn scores_that_differ_have_correlations() {
    let place = Place::new("agreement-correlation");
    let record = |(n, label): (usize, &f64)| {
        format!("{}\n", json!({"answer": "a", "raw": format!("Score: {}", n + 1), "label": label}))
    };
    let labels = [1.5, 2.5, 2.0, 4.5, 5.0];
    place.file("r.jsonl", labels.iter().enumerate().map(record).collect::<String>());
    let ran = place.run(&["parse", "r.jsonl", "-p", "score", "--label", "label"]);
    let says = "5 compared with the records' own `label`, 100.0 % within 1\n";
    assert!(ran.err.contains(says), "{}", ran.err);
    assert!(
        ran.err.contains("Pearson 0.914, Spearman 0.900, mean absolute error 0.500"),
        "{}",
        ran.err
    );
}

#[test]
fn first_errors_are_compared_with_indexes_lists_and_correctness() {
    let place = Place::new("agreement-steps");
    let judge = ["-m", "script:\\boxed{1}", "-p", "first-error"];
    let labels =
        [json!(1), json!("1"), json!([1, 2]), json!(-1), json!([]), json!(false), json!(true)];
    let ran = answers(&place, &labels, &judge, &[]);
    assert!(ran.err.contains("4 of 7 agree with the records' own label (57.1 %)"), "{}", ran.err);
    let ran = answers(&place, &[json!([2]), json!([2, 3])], &judge, &[]);
    let says = "0 of 2 agree with the records' own label (0.0 %); 2 would agree if the labels count steps from 1";
    assert!(ran.err.contains(says), "{}", ran.err);
}

#[test]
fn criteria_are_compared_one_by_one() {
    let place = Place::new("agreement-criteria");
    let labels = [json!({"tone": 4, "facts": 2.5}), json!({"tone": 3, "style": 1})];
    let judge = ["-m", "script:Score: 4", "--criterion", "tone=Kind", "--criterion", "facts=True"];
    let ran = answers(&place, &labels, &judge, &[]);
    assert!(
        ran.err
            .contains("tone: 1 of 2 agree with the records' own label (50.0 %), 100.0 % within 1"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("facts: 1 compared with the records' own label"), "{}", ran.err);
    assert_eq!(agreement(&place)["criteria"]["facts"]["mean_absolute_error"], 1.5);
}

#[test]
fn the_label_may_be_anywhere_in_the_record_and_settings_of_a_file_say_where() {
    let place = Place::new("agreement-path");
    place.file("r.jsonl", "{\"answer\": \"a\", \"gold\": {\"human\": [\"Good\", \"Bad\"]}}\n");
    let ran = judged(&place, &[&["r.jsonl"], &LABEL[..]].concat(), &["--label", "gold.human.0"]);
    assert!(ran.err.contains("1 of 1 agree with the records' own `gold.human.0`"), "{}", ran.err);
    place.file("tribunal.toml", "[defaults]\nprompt = \"label\"\nmodel = \"script:Label: good\"\nlabel = \"gold.human.1\"\nlabel_map = { Bad = \"good\" }\n");
    let ran = judged(&place, &["r.jsonl"], &[]);
    assert!(ran.err.contains("1 of 1 agree with the records' own `gold.human.1`"), "{}", ran.err);
    let ran = judged(&place, &["r.jsonl"], &["--label", "glod"]);
    assert!(ran.err.contains("did you mean `gold`?"), "{}", ran.err);
    assert!(ran.err.contains("no record has a label in `glod`"), "{}", ran.err);
}

#[test]
fn a_record_without_a_verdict_neither_agrees_nor_disagrees() {
    let place = Place::new("agreement-unreadable");
    place.file(
        "r.jsonl",
        "{\"raw\": \"Score: 7\", \"label\": 7}\n{\"raw\": \"Well.\", \"label\": 7}\n",
    );
    let ran = place.run(&["parse", "r.jsonl", "-p", "score"]);
    assert!(ran.err.contains("1 of 1 agree with the records' own label"), "{}", ran.err);
    assert!(
        ran.err.contains("without a verdict to be compared with the records' own label: 1"),
        "{}",
        ran.err
    );
}
