//! Results of two judges in one file, as a benchmark writes them that rates some answers with a prompt of their own; and
//! lines that were written by hand.

#![cfg(feature = "cli")]
#![expect(clippy::panic, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// Results of a judge that compares, and of one that rates: of 20 records each, the first are not judged as they are
/// labelled. The manifest names the prompt of the second one.
fn two_judges(place: &Place, name: &str, wrong: [usize; 2]) {
    let head = |prompt: &str, id: String, n: usize| json!({"v": 1, "id": id, "index": n, "model": "m", "prompt": {"name": prompt, "hash": prompt, "reading": "r"}});
    let chosen = (0..20).map(|n| {
        let right = if n % 2 == 0 { "first" } else { "second" };
        let other = if n % 2 == 0 { "second" } else { "first" };
        let verdict = if n < wrong[0] { other } else { right };
        let mut line = head("compare", format!("c{n}"), n);
        line["preference"] = json!(verdict);
        line["item"] = json!({"gold": right, "answers": ["x", "y"]});
        line
    });
    let rated = (0..20).map(|n| {
        let gold = n % 10 + 1;
        let mut line = head("rate", format!("r{n}"), 20 + n);
        line["score"] = json!(if n < wrong[1] { (gold + 4) % 10 + 1 } else { gold });
        line["item"] = json!({"gold": gold, "answer": "x"});
        line
    });
    // The lines of both stand in the order of the records.
    let mut lines: Vec<Value> = chosen.chain(rated).collect();
    lines.swap(3, 30);
    place.file(name, lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let run = json!({"rated": {"prompt": {"name": "rate", "hash": "rate"}}});
    place.file(&format!("{name}.run.json"), run.to_string());
}

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err))
}

#[test]
fn both_judges_of_a_file_are_compared_with_labels() {
    let place = Place::new("agree-two");
    two_judges(&place, "v.jsonl", [2, 4]);
    let ran = place.run(&["agree", "v.jsonl", "--label", "gold"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let (first, second) = ran.out.split_once("\njudge `rate`\n").unwrap();
    assert!(first.starts_with("judge `compare`\n20 of 20 records compared"), "{first}");
    assert!(first.contains("0.900") && first.contains("most frequent label"), "{first}");
    assert!(second.starts_with("20 of 20") && second.contains("mean absolute error"), "{second}");
    let report = parsed(&place.run(&["agree", "v.jsonl", "--label", "gold", "--json"]));
    let judges = report["judges"].as_array().unwrap();
    let of = |n: usize| (&judges[n]["judge"], &judges[n]["figures"]["agreement"]["value"]);
    assert_eq!([of(0), of(1)], [(&json!("compare"), &json!(0.9)), (&json!("rate"), &json!(0.8))]);
    // One of them alone has the form of any other run.
    let one = ["agree", "v.jsonl", "--label", "gold", "--judge", "rate", "--json"];
    assert_eq!(parsed(&place.run(&one))["figures"]["agreement"]["value"], 0.8);
    let ran = place.run(&["agree", "v.jsonl", "--label", "gold", "--judge", "compar"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `compare`?"), "{}", ran.err);
}

#[test]
fn a_judge_whose_labels_are_missing_does_not_hide_the_other_one() {
    let place = Place::new("agree-two-labels");
    two_judges(&place, "v.jsonl", [2, 4]);
    let labels = (0..20).map(|n| format!("{}\n", json!({"id": format!("r{n}"), "label": 3})));
    place.file("people.jsonl", labels.collect::<String>());
    let ran = place.run(&["agree", "v.jsonl", "--labels", "people.jsonl", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(parsed(&ran)["kind"], "score");
    assert!(ran.err.contains("judge `compare`") && ran.err.contains("nothing to compare"));
}

#[test]
fn rules_are_about_each_judge_that_can_have_the_figure() {
    let place = Place::new("agree-two-gates");
    two_judges(&place, "v.jsonl", [2, 4]);
    let gated =
        |rule: &str| place.run(&["agree", "v.jsonl", "--label", "gold", "--fail-under", rule]);
    assert_eq!(gated("agreement>=0.8").code, 0);
    let ran = gated("agreement>=0.85");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("gate failed: judge `rate`: agreement is 0.800"), "{}", ran.err);
    assert!(!ran.err.contains("`compare`"), "{}", ran.err);
    // A kappa of classes has the comparing judge alone, a quadratic one the rating judge.
    assert_eq!((gated("kappa>=0.7").code, gated("quadratic_kappa>=0.1").code), (0, 0));
    let ran = gated("kapa>=0.7");
    assert!(ran.code == 2 && ran.err.contains("did you mean `kappa`?"), "{}", ran.err);
}

#[test]
fn each_judge_is_compared_with_its_own_earlier_results() {
    let place = Place::new("agree-two-baseline");
    two_judges(&place, "old.jsonl", [0, 0]);
    two_judges(&place, "v.jsonl", [0, 15]);
    let beside = |more: &[&str]| {
        let args = ["agree", "v.jsonl", "--label", "gold", "--baseline", "old.jsonl"];
        place.run(&[&args[..], more].concat())
    };
    let ran = beside(&[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("judge `rate`: the agreement is less than in the baseline"));
    assert_eq!(ran.err.matches("gate failed").count(), 1, "{}", ran.err);
    assert_eq!(beside(&["--judge", "compare"]).code, 0);
    let lines = place.read("old.jsonl");
    let rating: Vec<&str> = lines.lines().filter(|line| line.contains(r#""rate""#)).collect();
    place.file("old.jsonl", rating.join("\n"));
    let ran = beside(&[]);
    assert!(ran.code == 2 && ran.err.contains("of the prompt `compare`"), "{}", ran.err);
}

#[test]
fn each_judge_has_estimates_of_its_own() {
    let place = Place::new("estimate-two");
    two_judges(&place, "v.jsonl", [2, 4]);
    let ran = place.run(&["estimate", "v.jsonl", "--label", "gold", "--json"]);
    let report = parsed(&ran);
    let names: Vec<&Value> =
        report["judges"].as_array().unwrap().iter().map(|one| &one["judge"]).collect();
    assert_eq!(names, [&json!("compare"), &json!("rate")], "{}", ran.err);
    let one = ["estimate", "v.jsonl", "--label", "gold", "--judge", "rate", "--json"];
    assert!(parsed(&place.run(&one)).get("judges").is_none());
}

#[test]
fn a_map_and_the_thresholds_of_a_cascade_are_of_one_judge() {
    let place = Place::new("calibrate-two");
    two_judges(&place, "v.jsonl", [2, 4]);
    let map = ["calibrate", "v.jsonl", "--label", "gold", "--method", "isotonic"];
    let ran = place.run(&map);
    assert!(ran.code == 2 && ran.err.contains("two judges, `compare` and `rate`"), "{}", ran.err);
    assert!(ran.err.contains("--judge PROMPT"), "{}", ran.err);
    let cascade = ["calibrate", "v.jsonl", "v.jsonl", "--agree", "0.9", "--label", "gold"];
    let ran = place.run(&cascade);
    assert!(ran.code == 2 && ran.err.contains("a file of its own"), "{}", ran.err);
}

#[test]
fn the_last_line_about_a_record_counts_and_the_earlier_ones_are_named() {
    let place = Place::new("lines-by-hand");
    let line =
        |id: usize, label: &str| format!("{}\n", json!({"id": format!("h{id}"), "label": label}));
    let all: String = (0..40).map(|n| line(n, "good")).collect();
    place.file("v.jsonl", all + &line(3, "bad") + &line(4, "good"));
    place.file("people.jsonl", (0..40).map(|n| line(n, "good")).collect::<String>());
    let labels = ["--labels", "people.jsonl", "--json"];
    let ran = place.run(&[&["agree", "v.jsonl"][..], &labels].concat());
    let report = parsed(&ran);
    assert_eq!((&report["records"], &report["compared"]), (&json!(40), &json!(40)));
    assert_eq!(report["figures"]["agreement"]["value"], 0.975);
    for says in ["lines 4 and 41 are about the same record, `h3`", "lines 5 and 42"] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    let ran = place.run(&[&["estimate", "v.jsonl"][..], &labels].concat());
    assert!(ran.err.contains("lines 4 and 41"), "{}", ran.err);
    assert_eq!(parsed(&ran)["records"], 40);
    // Answers to one question are records of their own.
    let of = |answer: &str| {
        format!(
            "{}\n",
            json!({"id": "q", "label": "good", "item": {"answer": answer, "gold": "good"}})
        )
    };
    place.file("v.jsonl", of("x") + &of("y"));
    let ran = place.run(&["agree", "v.jsonl", "--label", "gold", "--json"]);
    assert_eq!((parsed(&ran)["compared"].clone(), ran.err.as_str()), (json!(2), ""));
}

#[test]
fn ids_that_a_table_wrote_with_decimals_are_joined() {
    let place = Place::new("ids-of-tables");
    let line = |id: &str| format!("{}\n", json!({"id": id, "label": "good"}));
    place.file("v.jsonl", line("1") + &line("2") + &line("2.5"));
    place.file("people.csv", "id,label\n1.0,good\n2.0,bad\n3.0,good\n");
    let ran = place.run(&["agree", "v.jsonl", "--labels", "people.csv", "--json"]);
    let report = parsed(&ran);
    assert_eq!((&report["compared"], &report["not_judged"]), (&json!(2), &json!(1)));
    assert!(
        ran.err.contains("joined 2 ids of numbers that differ in `.0`: `1.0` as `1`"),
        "{}",
        ran.err
    );
    // Which of two results `2.0` is cannot be known.
    place.file("v.jsonl", line("1") + &line("2") + &line("2.00"));
    let ran = place.run(&["agree", "v.jsonl", "--labels", "people.csv", "--json"]);
    assert_eq!(parsed(&ran)["compared"], 1, "{}", ran.err);
}
