//! `tribunal calibrate` on result lines, and its map in `judge` and `reparse`: no request is made for it.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::{Value, json};

/// Solutions with labels, for the shipped model.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/arithmetic-correct.jsonl");

/// Twenty records judged by the shipped model, and the arguments of the run.
fn judged(place: &Place, more: &[&str]) -> crate::support::Ran {
    let args = ["judge", EXAMPLES, "--limit", "20", "-m", "tiny", "-p", "tiny-correct"];
    place.run(&[&args[..], &["-o", "verdicts.jsonl"], more].concat())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines of a judge that is too sure: it says 0.99 or 0.01, and is right in three of four cases.
fn overconfident(place: &Place) {
    let line = |n: usize| {
        let is_positive = n.is_multiple_of(2);
        let is_right = n % 8 < 6;
        let p = if is_positive { 0.99 } else { 0.01 };
        let label = if is_positive { "correct" } else { "incorrect" };
        let gold = if is_positive == is_right { "yes" } else { "no" };
        let line = json!({"v": 1, "id": format!("r{n}"), "index": n, "kind": "label", "verdict": label, "label": label,
            "p": p, "confidence": 0.99, "distribution": {"correct": p, "incorrect": 1.0 - p, "missing": 0.0},
            "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"}, "item": {"answer": "a", "gold": gold}});
        format!("{line}\n")
    };
    place.file("sure.jsonl", (0..200).map(line).collect::<String>());
}

#[test]
fn a_judge_that_is_too_sure_is_measured_and_mapped() {
    let place = Place::new("calibrate-sure");
    overconfident(&place);
    let ran = place.run(&[
        "calibrate",
        "sure.jsonl",
        "--label",
        "gold",
        "--method",
        "temperature",
        "--json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let figures = &report["figures"];
    assert_eq!(
        (&report["records"], &report["used"], &report["positive"]),
        (&json!(200), &json!(200), &json!("correct"))
    );
    assert!((figures["ece"].as_f64().unwrap() - 0.24).abs() < 1e-9, "{figures}");
    // 0.99 is right in three of four cases: ln 99 / ln 3.
    let temperature = report["fitted"]["map"]["temperature"].as_f64().unwrap();
    assert!((temperature - 99_f64.ln() / 3_f64.ln()).abs() < 1e-6, "{temperature}");
    assert!(report["fitted"]["cross_validated"]["ece"].as_f64().unwrap() < 0.05);
    // Records without p or label are counted in the denominator.
    let more = [
        r#"{"id": "a", "kind": "label", "verdict": "correct", "label": "correct", "model": "m", "prompt": {"name": "x", "hash": "h"}, "item": {"gold": "yes"}}"#,
        r#"{"id": "b", "error": {"kind": "failed", "message": "no"}, "model": "m", "prompt": {"name": "x", "hash": "h"}, "item": {"gold": "no"}}"#,
    ];
    place.file("more.jsonl", place.read("sure.jsonl") + &more.join("\n"));
    let ran = place.run(&["calibrate", "more.jsonl", "--label", "gold"]);
    assert!(
        ran.out.starts_with("200 of 202 records have p and a label; 2 without p"),
        "{}{}",
        ran.out,
        ran.err
    );
    let ran = place.run(&["calibrate", "more.jsonl", "--label", "golden"]);
    assert!(ran.code == 2 && ran.err.contains("nothing to calibrate"), "{}", ran.err);
    let ran = place.run(&["calibrate", "more.jsonl", "--label", "gold", "--method", "temprature"]);
    assert!(ran.code == 2 && ran.err.contains("temperature"), "{}", ran.err);
}

#[test]
fn a_map_is_applied_to_stored_texts_without_a_request() {
    let place = Place::new("calibrate-apply");
    let first = judged(&place, &[]);
    assert_eq!(first.code, 0, "{}", first.err);
    let raw = lines(&place.read("verdicts.jsonl"));
    let ran = place.run(&["calibrate", "verdicts.jsonl", "--method", "platt", "-o", "map.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let map: Value = serde_json::from_str(&place.read("map.json")).unwrap();
    assert_eq!(
        (&map["v"], &map["positive"], &map["records"]),
        (&json!(1), &json!("correct"), &json!(20))
    );
    assert_eq!((&map["prompt"]["name"], &map["model"]), (&json!("tiny-correct"), &raw[0]["model"]));
    // The same command reads the stored texts again.
    let again = judged(&place, &["--calibration", "map.json", "--pass", "p >= 0.9"]);
    assert!(again.err.contains("20 of them by an earlier run"), "{}", again.err);
    assert!(again.err.contains("\n0 requests"), "{}", again.err);
    let mapped = lines(&place.read("verdicts.jsonl"));
    let (slope, intercept) =
        (map["map"]["slope"].as_f64().unwrap(), map["map"]["intercept"].as_f64().unwrap());
    for (before, after) in raw.iter().zip(&mapped) {
        let (p, own) = (before["p"].as_f64().unwrap(), after["p"].as_f64().unwrap());
        let limited = p.clamp(1e-12, 1.0 - 1e-12);
        let right = 1.0 / (1.0 + (-(slope * (limited / (1.0 - limited)).ln() + intercept)).exp());
        assert!((own - right).abs() < 1e-9, "{p} to {own}, not {right}");
        assert_eq!((&after["p_raw"], &after["label"]), (&before["p"], &before["label"]));
        assert_eq!(after["pass"].as_bool().unwrap(), own >= 0.9);
        let sure = after["confidence"].as_f64().unwrap();
        assert!((sure - if after["label"] == "correct" { own } else { 1.0 - own }).abs() < 1e-9);
        assert_eq!((&after["key"], &after["usage"]), (&before["key"], &before["usage"]));
    }
    // The other way: `reparse`, and back again without the map.
    let reread = place.run(&["reparse", "verdicts.jsonl", "-q"]);
    for (before, after) in raw.iter().zip(lines(&reread.out)) {
        assert_eq!((&after["p"], after.get("p_raw")), (&before["p"], None));
    }
    place.file("plain.jsonl", reread.out);
    let reread = place.run(&["reparse", "plain.jsonl", "-q", "--calibration", "map.json"]);
    assert_eq!(reread.code, 0, "{}", reread.err);
    let again = lines(&reread.out);
    assert!(
        again
            .iter()
            .zip(&mapped)
            .all(|(one, two)| one["p"] == two["p"] && one["p_raw"] == two["p_raw"])
    );
    // A configuration names it too, beside itself.
    place.file("project/map.json", place.read("map.json"));
    place.file(
        "project/c.toml",
        "[judge.sums]\nmodel = \"tiny\"\nprompt = \"tiny-correct\"\ncalibration = \"map.json\"\n",
    );
    let ran =
        place.run(&["judge", EXAMPLES, "--limit", "1", "-c", "project/c.toml", "--judge", "sums"]);
    assert_eq!(ran.lines()[0]["p"], mapped[0]["p"], "{}", ran.err);
    // Fitted again on calibrated lines, the map is the same: it is fitted on what the model reports.
    let ran = place.run(&["calibrate", "verdicts.jsonl", "--method", "platt", "-o", "second.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.read("second.json"), place.read("map.json"));
}

#[test]
fn a_map_of_another_judge_is_refused() {
    let place = Place::new("calibrate-other");
    let file = |map: Value| place.file("map.json", map.to_string());
    let own = json!({"v": 1, "map": {"method": "temperature", "temperature": 2.0}, "positive": "correct"});
    let with = |key: &str, value: Value| {
        let mut other = own.clone();
        other[key] = value;
        other
    };
    let judge = |prompt: &str| {
        place.run(&[
            "judge",
            EXAMPLES,
            "--limit",
            "1",
            "-m",
            "tiny",
            "-p",
            prompt,
            "--calibration",
            "map.json",
        ])
    };
    file(own.clone());
    assert_eq!(judge("tiny-correct").code, 0, "{}", judge("tiny-correct").err);
    assert!(judge("tiny-score").err.contains("has none"), "{}", judge("tiny-score").err);
    for (map, says) in [
        (with("model", json!("another")), "fitted for the model `another`"),
        (
            with("prompt", json!({"name": "correct", "hash": "h"})),
            "fitted for the prompt `correct`",
        ),
        (
            with("prompt", json!({"name": "tiny-correct", "hash": "h"})),
            "another version of the prompt",
        ),
        (with("positive", json!("good")), "maps the probability of `good`"),
        (
            with("map", json!({"method": "temperature", "temperature": -1.0})),
            "not a positive number",
        ),
    ] {
        file(map);
        let ran = judge("tiny-correct");
        assert!(ran.code == 2 && ran.err.contains(says), "{}", ran.err);
    }
}
