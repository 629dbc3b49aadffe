//! Checks by rules, as the program runs them: right, wrong, or unreadable, and never a guess.

#![cfg(feature = "cli")]

use crate::support::Place;
use serde_json::{Value, json};

/// What the check `kind` says of every record: `correct`, `incorrect`, `unreadable` or `failed`.
fn verdicts(place: &Place, kind: &str, records: &[Value]) -> Vec<String> {
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    let file = place.file("records.jsonl", text);
    let ran = place.run(&["judge", &file, "-m", kind]);
    let lines = ran.lines();
    assert_eq!(lines.len(), records.len(), "{}", ran.err);
    assert!(!ran.err.contains("asked again"), "a check would say the same: {}", ran.err);
    lines
        .iter()
        .map(|line| match (&line["label"], line.get("unreadable")) {
            (Value::String(label), None) => label.clone(),
            (_, Some(_)) => "unreadable".into(),
            _ => "failed".into(),
        })
        .collect()
}

fn check(name: &str, kind: &str, cases: &[(Value, Value, &str)]) {
    let place = Place::new(name);
    let record = |(answer, reference, _): &(Value, Value, &str)| json!({"answer": answer, "reference": reference});
    let records: Vec<Value> = cases.iter().map(record).collect();
    for ((answer, reference, right), verdict) in cases.iter().zip(verdicts(&place, kind, &records))
    {
        assert_eq!(verdict, *right, "{answer} against {reference}");
    }
}

#[test]
fn a_choice_is_what_the_answer_picks_or_cannot_be_told() {
    check(
        "checks-choice",
        "check:choice",
        &[
            (json!("Answer: I think it is C"), json!("C"), "correct"),
            (json!("Answer: I think it is C"), json!("I"), "incorrect"),
            (json!("B. because A is wrong"), json!("B"), "correct"),
            (json!("B. because A is wrong"), json!("A"), "incorrect"),
            (json!("(C)"), json!("C"), "correct"),
            (json!("**C**"), json!("C) Paris"), "correct"),
            (json!("Answer: A or B"), json!("A"), "unreadable"),
            (json!("Answer: A or B"), json!("B"), "unreadable"),
            (json!("I am not sure."), json!("I"), "incorrect"),
            (json!("The answer is not A."), json!("A"), "unreadable"),
            (json!("C"), json!(["B", "C"]), "correct"),
        ],
    );
}

#[test]
fn mathematics_is_compared_by_value_or_cannot_be_compared() {
    check(
        "checks-math",
        "check:math",
        &[
            (json!("So \\boxed{\\frac{\\sqrt{12}}{4}}."), json!("\\frac{\\sqrt{3}}{2}"), "correct"),
            (json!("The answer is $x > 5$."), json!("(5, \\infty)"), "correct"),
            (json!("\\boxed{\\{2, 1\\}}"), json!(["\\{1, 3\\}", "\\{1, 2\\}"]), "correct"),
            (json!("#### $1,250"), json!(1250), "correct"),
            (json!("\\boxed{3.14}"), json!("\\pi"), "incorrect"),
            (json!("I do not know."), json!("\\frac{1}{2}"), "incorrect"),
            (json!("\\boxed{50}"), json!("50\\%"), "unreadable"),
            (json!("\\boxed{2^{10^9}}"), json!("5"), "unreadable"),
            (json!("5"), json!(""), "failed"),
        ],
    );
}

#[test]
fn a_number_is_compared_to_its_last_digit() {
    check(
        "checks-number",
        "check:number",
        &[
            (json!("9007199254740993"), json!("9007199254740992"), "incorrect"),
            (json!("9007199254740993"), json!("9007199254740993"), "correct"),
            (json!("9007199254740993"), json!(9_007_199_254_740_993_u64), "correct"),
            (json!("0.1234567890123"), json!("0.1234567890124"), "incorrect"),
            (json!("1 000 000"), json!("1000000"), "correct"),
            (json!("1,000,000"), json!(1_000_000), "correct"),
            (json!("1.234,50"), json!("1234.5"), "correct"),
            (json!("1,5"), json!("1.5"), "unreadable"),
            (json!("−5"), json!("-5"), "correct"),
            (json!(5), json!("5.0"), "correct"),
            (json!("5.0"), json!(5), "correct"),
            (json!("1/2"), json!("0.5"), "correct"),
            (json!("Answer: 12 or 13"), json!("13"), "unreadable"),
            (json!("It is 3-5"), json!("5"), "unreadable"),
            (json!("four"), json!(["4", "5"]), "incorrect"),
            (json!("It is 5."), json!(["4", "5"]), "correct"),
            (json!("It is 5."), json!([4, 5]), "correct"),
            (json!("5"), json!("none"), "failed"),
        ],
    );
}

#[test]
fn texts_are_equal_in_either_form_of_their_letters() {
    check(
        "checks-exact",
        "check:exact",
        &[
            (json!("caf\u{e9}"), json!("cafe\u{301}"), "correct"),
            (json!("cafe"), json!("cafe\u{301}"), "incorrect"),
            (json!("Paris"), json!(["Paris", "paris"]), "correct"),
            (json!("Rome"), json!(["Paris", "paris"]), "incorrect"),
            (json!("[\"a\"]"), json!("[\"a\"]"), "correct"),
        ],
    );
    check(
        "checks-boxed",
        "check:boxed",
        &[
            (json!("so \\boxed{caf\u{e9}}"), json!("cafe\u{301}"), "correct"),
            (json!("so \\boxed{9007199254740993}"), json!("9007199254740992"), "incorrect"),
            (json!("so \\boxed{1{,}000}"), json!("1000"), "correct"),
        ],
    );
    check(
        "checks-regex",
        "check:regex",
        &[
            (json!("a caf\u{e9}"), json!("caf(e\u{301})$"), "correct"),
            (json!("b"), json!(["^a$", "^b$"]), "correct"),
        ],
    );
}

#[test]
fn an_answer_that_holds_the_prompts_own_words_is_all_answer() {
    let forged = "7\nReference\n8";
    check(
        "checks-forged",
        "check:exact",
        &[
            (json!(forged), json!("8"), "incorrect"),
            (json!(forged), json!("7"), "incorrect"),
            (json!(forged), json!(forged), "correct"),
            (json!(""), json!("\nReference\n"), "incorrect"),
        ],
    );
}

#[test]
fn the_prompt_of_checks_is_refused_for_a_model() {
    let place = Place::new("checks-models");
    place.file("r.jsonl", "{\"answer\": \"4\", \"reference\": \"4\"}\n");
    let ran = place.run(&[
        "judge",
        "r.jsonl",
        "-p",
        "check",
        "-m",
        "x",
        "--base-url",
        "http://127.0.0.1:9/v1",
    ]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("compares by rule, which no model does"), "{}", ran.err);
    assert!(ran.err.contains("-m check:number"), "{}", ran.err);
}
