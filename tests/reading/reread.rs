//! Stored texts read again, and two runs compared: no model is asked.

#![cfg(feature = "cli")]

use crate::support::Place;
use serde_json::{Value, json};

const PAIRS: &str =
    "{\"id\": \"p1\", \"question\": \"q\", \"response_a\": \"x\", \"response_b\": \"y\"}\n";

fn answers(count: usize) -> String {
    (0..count)
        .map(|n| format!("{{\"id\": \"r{n}\", \"question\": \"q\", \"answer\": \"a{n}\"}}\n"))
        .collect()
}

#[test]
fn another_pass_rule_scale_or_prompt_reads_the_same_texts() {
    let place = Place::new("reread-rules");
    place.file("r.jsonl", answers(3));
    place
        .run(&[
            "judge",
            "r.jsonl",
            "-m",
            "script:Fine.\nScore: 7\nGrade: B",
            "-p",
            "score",
            "-o",
            "out.jsonl",
            "-q",
        ])
        .assert_passed();

    let passed = place.run(&["reparse", "out.jsonl", "--pass", "score >= 7"]);
    assert_eq!(passed.code, 0, "{}", passed.err);
    assert!(passed.lines().iter().all(|line| line["pass"] == true && line["model"] == "script"));
    assert!(passed.err.contains("r0: 7 → 7, pass by `Score: *`"), "{}", passed.err);
    assert!(
        passed.err.contains("read 3 lines again: 3 verdicts changed, 0 lines could not be read"),
        "{}",
        passed.err
    );

    let scaled = place.run(&["reparse", "out.jsonl", "--scale", "1-5"]);
    assert_eq!(scaled.lines()[0]["unreadable"]["reason"], "off-scale");
    assert!(scaled.err.contains("r1: 7 → off-scale"), "{}", scaled.err);

    let graded = "---\nkind: label\nfields: {question: required, answer: required}\nverdict: {pattern: 'Grade: *', values: {'A': top, 'B': good}}\n---\nuser:\n{{ question }} {{ answer }}\n";
    place.file("grade.jinja", graded);
    let again = place.run(&["reparse", "out.jsonl", "-p", "grade.jinja", "--pass", "label = good"]);
    let line = &again.lines()[0];
    assert_eq!(
        (&line["kind"], &line["label"], &line["pass"]),
        (&json!("label"), &json!("good"), &json!(true)),
        "{}",
        again.err
    );
    assert_eq!(line["votes"][0]["calls"][0]["text"], "Fine.\nScore: 7\nGrade: B");
    assert!(again.err.contains("r2: 7 → good, pass by `Grade: *`"), "{}", again.err);
}

#[test]
fn both_orders_of_a_pair_are_read_again_as_they_were_shown() {
    let place = Place::new("reread-pairs");
    place.file("r.jsonl", PAIRS);
    place
        .run(&[
            "judge",
            "r.jsonl",
            "-m",
            "script:I say [[A]]",
            "-p",
            "pair",
            "-o",
            "out.jsonl",
            "-q",
        ])
        .assert_passed();
    let before: Value = serde_json::from_str(&place.read("out.jsonl")).unwrap_or_default();
    assert_eq!((&before["preference"], &before["consistent"]), (&json!("tie"), &json!(false)));
    let again = place.run(&["reparse", "out.jsonl"]);
    assert_eq!(again.lines()[0]["votes"], before["votes"], "{}", again.err);
    assert!(again.err.contains("0 verdicts changed"), "{}", again.err);
}

#[test]
fn lines_without_their_records_are_read_by_their_critiques() {
    let place = Place::new("reread-bare");
    place.file("r.jsonl", answers(1));
    place
        .run(&[
            "judge",
            "r.jsonl",
            "-m",
            "script:Fine.\nScore: 7",
            "-p",
            "score",
            "-o",
            "out.jsonl",
            "-q",
            "--no-item",
        ])
        .assert_passed();
    let again = place.run(&["reparse", "out.jsonl", "--pass", "score >= 9"]);
    assert_eq!(
        (&again.lines()[0]["score"], &again.lines()[0]["pass"]),
        (&json!(7), &json!(false)),
        "{}",
        again.err
    );
}

#[test]
fn two_runs_are_compared_record_by_record() {
    let place = Place::new("reread-diff");
    place.file("r.jsonl", answers(12));
    let run = |text: &str, out: &str, more: &[&str]| {
        let args = ["judge", "r.jsonl", "-m", text, "-p", "score", "-o", out, "-q"];
        place.run(&[&args, more].concat())
    };
    run("script:Score: 7", "one.jsonl", &[]).assert_passed();
    run("script:Score: 9", "two.jsonl", &["--limit", "11"]).assert_passed();
    let ran = place.run(&["diff", "one.jsonl", "two.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 11);
    assert!(ran.out.starts_with("r0                   7 → 9\n"), "{}", ran.out);
    assert!(
        ran.err.contains("11 records in both, 1 only in the first, 0 only in the second"),
        "{}",
        ran.err
    );
    // Equal differences of eleven records are no certainty.
    assert!(
        ran.err.contains("mean difference +2.000, 95 % between +0.965 and +2.000"),
        "{}",
        ran.err
    );
    run("script:I wonder.", "none.jsonl", &[]).assert_passed();
    let ran = place.run(&["diff", "one.jsonl", "none.jsonl", "-q"]);
    assert!(
        ran.out.is_empty() && ran.err.contains("with a verdict in one only: 12 in the first"),
        "{}",
        ran.err
    );
    place.file("other.jsonl", "{\"id\": \"x\", \"verdict\": \"7\"}\n");
    assert_eq!(place.run(&["diff", "one.jsonl", "other.jsonl"]).code, 2);
    place.file("broken.jsonl", "nonsense\n");
    assert!(
        place
            .run(&["diff", "one.jsonl", "broken.jsonl"])
            .err
            .contains("broken.jsonl:1: the line is not a result")
    );
}
