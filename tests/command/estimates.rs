//! `tribunal estimate`: rates and means of all records from a judge on all of them and labels on some.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::{Value, json};

/// A line of a judge with two labels.
fn line(n: usize, verdict: &str, item: &Value) -> String {
    let line = json!({"v": 1, "id": format!("r{n}"), "index": n, "kind": "label", "verdict": verdict, "label": verdict,
        "pass": verdict == "correct", "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"}, "item": item});
    format!("{line}\n")
}

/// Whether record `n` is right: 60 of 100.
fn is_right(n: usize) -> bool {
    n * 7 % 10 < 6
}

/// What a judge says that passes every right answer, and half of the wrong ones: 80 of 100.
fn verdict(n: usize) -> &'static str {
    if is_right(n) || (n / 10).is_multiple_of(2) { "correct" } else { "incorrect" }
}

/// 1,000 lines, of which the first of every ten has a label, chosen so that labels are like all records.
fn judged(place: &Place) {
    let label = |n: usize| (n / 10 % 10 == n % 10).then(|| if is_right(n) { "yes" } else { "no" });
    let lines: String = (0..1000)
        .map(|n| match label(n) {
            Some(gold) => line(n, verdict(n), &json!({"answer": "a", "gold": gold})),
            None => line(n, verdict(n), &json!({"answer": "a"})),
        })
        .collect();
    place.file("verdicts.jsonl", lines);
}

fn estimates(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

/// The estimate of one method.
fn of<'r>(report: &'r Value, method: &str) -> &'r Value {
    let all = report["estimates"].as_array().unwrap();
    all.iter().find(|one| one["method"] == method).unwrap_or_else(|| panic!("{method}: {report}"))
}

/// The ends of an interval.
fn ends(interval: &Value) -> [f64; 2] {
    serde_json::from_value(interval.clone()).unwrap()
}

fn contains(estimate: &Value, truth: f64) -> bool {
    let [low, high] = ends(&estimate["interval"]);
    low <= truth && truth <= high
}

#[test]
fn every_method_corrects_a_lenient_judge_and_the_naive_interval_does_not() {
    let place = Place::new("estimate-lenient");
    judged(&place);
    let ran = place.run(&["estimate", "verdicts.jsonl", "--label", "gold", "--json"]).passed();
    let report = estimates(&ran.out);
    assert_eq!(
        (&report["of"], &report["records"], &report["labelled"], &report["shifted"]),
        (&json!("label"), &json!(1000), &json!(100), &Value::Null)
    );
    for method in ["prediction-powered", "isotonic", "rogan-gladen", "labels"] {
        assert!(contains(of(&report, method), 0.6), "{method}: {report}");
    }
    assert!(
        !contains(of(&report, "naive"), 0.6) && contains(of(&report, "naive"), 0.8),
        "{report}"
    );
    let text = place.run(&["estimate", "verdicts.jsonl", "--label", "gold"]).passed().out;
    assert!(text.starts_with("rate of correct of 1000 records, 100 of them labelled\n"), "{text}");
    assert!(
        text.contains("\njudge alone           0.800     0.774 to 0.824     not corrected"),
        "{text}"
    );
}

#[test]
fn labels_of_another_file_are_joined_by_id_and_several_of_one_record_count_with_their_mean() {
    let place = Place::new("estimate-joined");
    judged(&place);
    let within = place.run(&["estimate", "verdicts.jsonl", "--label", "gold", "--json"]).passed();
    // The same labels in a file of their own, one of them by two people.
    let labels: String = (0..1000)
        .filter(|n| n / 10 % 10 == n % 10)
        .map(|n| {
            format!(
                "{}\n",
                json!({"id": format!("r{n}"), "label": is_right(n), "annotator": "ada"})
            )
        })
        .collect();
    place.file("labels.jsonl", labels.clone());
    let joined = ["estimate", "verdicts.jsonl", "--labels", "labels.jsonl", "--json"];
    let beside = place.run(&joined).passed();
    assert_eq!(estimates(&beside.out), estimates(&within.out));
    let other = json!({"id": "r0", "label": !is_right(0), "annotator": "bob"});
    place.file("labels.jsonl", format!("{labels}{other}\n"));
    let report = estimates(&place.run(&joined).passed().out);
    assert_eq!(report["labelled"], 100);
    let mean = of(&report, "labels")["value"].as_f64().unwrap();
    assert!((mean - 0.595).abs() < 1e-9, "{report}");
}

#[test]
fn records_without_a_verdict_widen_the_bounds_and_enter_no_estimate() {
    let place = Place::new("estimate-unreadable");
    judged(&place);
    let unreadable = |n: usize, item: &Value| {
        let line = json!({"v": 1, "id": format!("r{n}"), "index": n, "unreadable": {"reason": "missing", "detail": ""},
            "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"}, "item": item});
        format!("{line}\n")
    };
    let readable = place.run(&["estimate", "verdicts.jsonl", "--label", "gold", "--json"]).passed();
    let more = unreadable(1000, &json!({"answer": "a"}))
        + &unreadable(1001, &json!({"answer": "a", "gold": "no"}));
    place.file("verdicts.jsonl", place.read("verdicts.jsonl") + &more);
    let report = estimates(
        &place.run(&["estimate", "verdicts.jsonl", "--label", "gold", "--json"]).passed().out,
    );
    assert_eq!(
        (&report["records"], &report["readable"], &report["labelled_unreadable"]),
        (&json!(1002), &json!(1000), &json!(1))
    );
    let (before, after) = (estimates(&readable.out), of(&report, "isotonic").clone());
    assert_eq!(after["value"], of(&before, "isotonic")["value"]);
    // One of the two is known to be wrong, and the other may be either.
    let ([low, high], [least, most]) = (ends(&after["interval"]), ends(&after["bounds"]));
    assert!((least - low * 1000.0 / 1002.0).abs() < 1e-9, "{after}");
    assert!((most - (high * 1000.0 + 1.0) / 1002.0).abs() < 1e-9, "{after}");
    let text = place.run(&["estimate", "verdicts.jsonl", "--label", "gold"]).passed().out;
    assert!(
        text.contains(
            "estimates are of the 1000 records with a verdict; 2 have none, 1 of these a label"
        ),
        "{text}"
    );
}

#[test]
fn labels_that_cannot_carry_an_estimate_are_refused() {
    let place = Place::new("estimate-refused");
    let run = |lines: String, more: &[&str]| {
        place.file("verdicts.jsonl", lines);
        place.run(&[&["estimate", "verdicts.jsonl"], more].concat())
    };
    let labelled = |n: usize, label: Option<bool>| match label {
        Some(label) => line(n, verdict(n), &json!({"label": label})),
        None => line(n, verdict(n), &json!({})),
    };
    let none = run((0..50).map(|n| labelled(n, None)).collect(), &[]);
    assert!(
        none.code == 2
            && none.err.contains("no label can be used")
            && none.err.contains("--label FIELD"),
        "{}",
        none.err
    );
    let few = run((0..50).map(|n| labelled(n, (n < 10).then(|| is_right(n)))).collect(), &[]);
    assert!(
        few.code == 2 && few.err.contains("10 labels are too few: 20 are needed"),
        "{}",
        few.err
    );
    assert!(few.err.contains("label 10 more records, chosen at random"), "{}", few.err);
    // Only what the judge passed was labelled.
    let passed = |n: usize| (verdict(n) == "correct" && n < 100).then(|| is_right(n));
    let narrow = run((0..500).map(|n| labelled(n, passed(n))).collect(), &[]);
    assert!(
        narrow.code == 2
            && narrow.err.contains("values differ from 1, which all labelled records have"),
        "{}",
        narrow.err
    );
    // Only low scores were labelled.
    let scored = |n: usize| {
        let score = 1 + n % 5;
        let item = if score < 3 { json!({"label": score}) } else { json!({}) };
        let line = json!({"v": 1, "id": format!("r{n}"), "index": n, "kind": "score", "score": score, "model": "m",
            "prompt": {"name": "x", "hash": "h", "reading": "r"}, "item": item});
        format!("{line}\n")
    };
    let low = run((0..200).map(scored).collect(), &[]);
    assert!(
        low.code == 2
            && low.err.contains("120 of 120 values lie outside those of labelled records, 1 to 2")
            && low.err.contains("label records with values below 1 or above 2 too"),
        "{}",
        low.err
    );
    // A judge that knows nothing: the other methods answer, and its own one is refused.
    let blind = |n: usize| {
        line(
            n,
            if (n / 2).is_multiple_of(2) { "correct" } else { "incorrect" },
            &json!({"label": n.is_multiple_of(2)}),
        )
    };
    let useless = run((0..100).map(blind).collect(), &[]);
    assert!(
        useless.code == 0
            && useless.out.contains("refused: the judge is not clearly better than chance"),
        "{}{}",
        useless.out,
        useless.err
    );
    let useless = run((0..100).map(blind).collect(), &["--method", "rogan-gladen"]);
    assert!(
        useless.code == 2 && useless.err.contains("use a better judge or prompt"),
        "{}",
        useless.err
    );
}

#[test]
fn labels_that_were_not_chosen_at_random_are_noticed() {
    let place = Place::new("estimate-shifted");
    // Labels lie mostly on what the judge does not pass.
    let label = |n: usize| (verdict(n) == "incorrect" && n < 400) || (n < 20);
    let lines: String = (0..1000)
        .map(|n| {
            line(n, verdict(n), &if label(n) { json!({"label": is_right(n)}) } else { json!({}) })
        })
        .collect();
    place.file("verdicts.jsonl", lines);
    let ran = place.run(&["estimate", "verdicts.jsonl"]).passed();
    assert!(
        ran.out.contains("estimates hold only for labels that were chosen at random"),
        "{}",
        ran.out
    );
}

#[test]
fn means_of_scores_rates_above_a_threshold_and_win_rates_are_estimated() {
    let place = Place::new("estimate-kinds");
    // A judge that gives a point too many on a scale of 1 to 5.
    let score = |n: u32| {
        let label = 1 + n % 4;
        let judge = label + u32::from(!n.is_multiple_of(3));
        let line = json!({"id": format!("r{n}"), "index": n, "kind": "score", "verdict": judge.to_string(), "score": judge,
            "normalized": (f64::from(judge) - 1.0) / 4.0, "model": "m", "prompt": {"name": "x", "hash": "h"},
            "item": if n.is_multiple_of(5) { json!({"label": label}) } else { json!({}) }});
        format!("{line}\n")
    };
    place.file("scores.jsonl", (0..600).map(score).collect::<String>());
    let report = estimates(&place.run(&["estimate", "scores.jsonl", "--json"]).passed().out);
    assert_eq!((&report["of"], &report["estimand"]), (&json!("score"), &json!("mean score")));
    assert!(
        contains(of(&report, "prediction-powered"), 2.5) && !contains(of(&report, "naive"), 2.5),
        "{report}"
    );
    let report = estimates(
        &place.run(&["estimate", "scores.jsonl", "--threshold", "3", "--json"]).passed().out,
    );
    assert_eq!(
        (&report["of"], &report["estimand"]),
        (&json!("pass"), &json!("rate of scores >= 3"))
    );
    assert!(
        contains(of(&report, "rogan-gladen"), 0.5) && !contains(of(&report, "naive"), 0.5),
        "{report}"
    );
    // A judge that prefers the first answer, and calls every tenth pair a tie.
    let pair = |n: usize| {
        let side = match n % 10 {
            0 => "tie",
            1..=7 => "first",
            _ => "second",
        };
        let label = if n.is_multiple_of(10) {
            "tie"
        } else if n % 10 < 6 {
            "A"
        } else {
            "B"
        };
        let line = json!({"id": format!("r{n}"), "index": n, "kind": "preference", "verdict": side, "preference": side,
            "model": "m", "prompt": {"name": "x", "hash": "h"}, "item": if (n / 10).is_multiple_of(5) { json!({"label": label}) } else { json!({}) }});
        format!("{line}\n")
    };
    place.file("pairs.jsonl", (0..500).map(pair).collect::<String>());
    let report = estimates(&place.run(&["estimate", "pairs.jsonl", "--json"]).passed().out);
    assert_eq!(report["estimand"], "win rate of the first answer");
    assert!(
        contains(of(&report, "isotonic"), 0.55) && !contains(of(&report, "naive"), 0.55),
        "{report}"
    );
    assert!(
        report["estimates"].as_array().unwrap().iter().all(|one| one["method"] != "rogan-gladen")
    );
}

#[test]
fn lines_that_were_written_by_hand_need_no_kind() {
    let place = Place::new("estimate-by-hand");
    let score = |n: usize| {
        let item = if n.is_multiple_of(4) { json!({"gold": n % 5}) } else { json!({}) };
        format!("{}\n", json!({"id": n, "score": n % 5, "item": item}))
    };
    place.file("v.jsonl", (0..200).map(score).collect::<String>());
    let ran = place.run(&["estimate", "v.jsonl", "--label", "gold", "--json"]).passed();
    assert_eq!(estimates(&ran.out)["of"], "score");
}

#[test]
fn a_positive_label_that_no_verdict_has_is_refused() {
    let place = Place::new("estimate-positive");
    judged(&place);
    let base = ["estimate", "verdicts.jsonl", "--label", "gold", "--json", "--positive"];
    let usual = place.run(&[&base[..], &["correct"]].concat()).passed();
    let other_case = place.run(&[&base[..], &["Correct"]].concat()).passed();
    assert_eq!(estimates(&usual.out)["estimates"], estimates(&other_case.out)["estimates"]);
    let unknown = place.run(&[&base[..], &["corect"]].concat());
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    assert!(unknown.err.contains("unknown label `corect`"), "{}", unknown.err);
    assert!(unknown.err.contains("did you mean `correct`?"), "{}", unknown.err);
}

/// Labels 0 and 1 may mean the first and the second answer, or a tie and the first one.
#[test]
fn bare_numbers_say_nothing_about_preferences_if_one_is_zero() {
    let place = Place::new("estimate-zero");
    let line = |n: usize| {
        let side = if n.is_multiple_of(3) { "second" } else { "first" };
        format!("{}\n", json!({"id": n, "preference": side, "item": {"gold": n % 2}}))
    };
    place.file("v.jsonl", (0..200).map(line).collect::<String>());
    let ran = place.run(&["estimate", "v.jsonl", "--label", "gold"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("200 with a label that cannot be compared"), "{}", ran.err);
    let map = ["--label-map", "0=first,1=second", "--json"];
    let ran = place.run(&[&["estimate", "v.jsonl", "--label", "gold"], &map[..]].concat()).passed();
    assert_eq!(of(&estimates(&ran.out), "labels")["value"], 0.5);
}

#[test]
fn a_threshold_is_a_number() {
    let place = Place::new("estimate-threshold");
    judged(&place);
    for (command, flag) in [
        ("estimate", "--threshold"),
        ("rank", "--policy-temperature"),
        ("judge", "--temperature"),
        ("judge", "--close-within"),
    ] {
        for number in ["nan", "inf", "x"] {
            let ran = place.run(&[command, "verdicts.jsonl", flag, number]);
            assert_eq!(ran.code, 2, "{command}: {}", ran.err);
            assert!(ran.err.contains("expected a number"), "{}", ran.err);
        }
    }
}

#[test]
fn numbers_beyond_those_of_a_computer_are_refused() {
    let place = Place::new("estimate-huge");
    let line = |n: usize| {
        let score = if n.is_multiple_of(2) { 1e308 } else { -1e308 };
        let item = if n < 60 { json!({"gold": 1e308}) } else { json!({}) };
        format!("{}\n", json!({"id": format!("r{n}"), "score": score, "item": item}))
    };
    place.file("v.jsonl", (0..100).map(line).collect::<String>());
    let ran = place.run(&["estimate", "v.jsonl", "--label", "gold"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("too large to be added up"), "{}", ran.err);
}

#[test]
fn labels_without_a_result_are_counted() {
    let place = Place::new("estimate-not-joined");
    let line = |n: usize| format!("{}\n", line(n, verdict(n), &json!({})));
    place.file("v.jsonl", (0..60).map(line).collect::<String>());
    // A table turned the numbers of some records into others.
    let label = |n: usize| {
        let id = if n < 30 {
            json!(format!("r{n}"))
        } else {
            json!(f64::from(u32::try_from(n).unwrap()))
        };
        format!("{}\n", json!({"id": id, "label": if is_right(n) { "yes" } else { "no" }}))
    };
    place.file("labels.jsonl", (0..40).map(label).collect::<String>());
    let ran = place.run(&["estimate", "v.jsonl", "--labels", "labels.jsonl"]);
    assert!(ran.out.contains("labelled records without a result: 10"), "{}{}", ran.out, ran.err);
}
