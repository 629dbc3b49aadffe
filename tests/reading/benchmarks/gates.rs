//! Rules on the figures of a benchmark: what programs read about them.

use super::command::{figures, sums};
use crate::support::Place;
use serde_json::{Value, json};

/// Three pairs, and lines by which two of them are right.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.file("pairs.jsonl", sums());
    let line =
        |id: usize, side: &str| json!({"id": id.to_string(), "preference": side}).to_string();
    let lines = [line(0, "first"), line(1, "first"), line(2, "second")];
    place.file("lines.jsonl", lines.join("\n"));
    place
}

fn json_of(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

/// The rule, its count and whether it is kept, of each outcome.
fn outcomes(gates: &Value) -> Vec<(String, u64, bool)> {
    let one = |gate: &Value| {
        let rule = gate["rule"].as_str().unwrap().to_owned();
        (rule, gate["count"].as_u64().unwrap(), gate["why"].is_null())
    };
    gates.as_array().unwrap().iter().map(one).collect()
}

const RULES: [&str; 8] = [
    "--fail-under",
    "60%",
    "--fail-under",
    "math-prm>=0.9",
    "--fail-under",
    "headline>=0.6@lower",
    "--max-unreadable",
    "0.1",
];

#[test]
fn the_outcomes_of_rules_are_among_the_figures() {
    let place = place("bench-gates-json");
    let args = ["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl", "--json"];
    let ran = place.run(&[&args[..], &RULES].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    let found = figures(&ran.out);
    let gates = &found["gates"];
    let expected = [
        ("headline>=0.6", true),
        ("math-prm>=0.9", false),
        ("headline>=0.6@lower", false),
        ("unreadable_rate<=0.1", true),
    ];
    assert_eq!(outcomes(gates), expected.map(|(rule, kept)| (rule.to_owned(), 3, kept)));
    assert_eq!(
        (&gates[0]["value"], &gates[0]["interval"]),
        (&found["headline"]["official"], &found["interval"])
    );
    // Each that is not kept is printed as it stands there.
    for gate in gates.as_array().unwrap() {
        let why = gate["why"].as_str().unwrap_or("headline>=0.6;");
        assert_eq!(ran.err.contains(why), !gate["why"].is_null(), "{why}: {}", ran.err);
    }
    let without = place.run(&args).passed();
    assert_eq!(figures(&without.out)["gates"], json!([]));
}

#[test]
fn the_manifest_and_the_summary_of_a_run_hold_the_outcomes_of_its_rules() {
    let place = place("bench-gates-run");
    let judge = ["-m", "script:[[A]]", "-p", "reward-bench-pair", "-o", "out.jsonl"];
    let args = ["bench", "rewardbench", "pairs.jsonl", "--json", "--summary", "s.json"];
    let whole = place.run(&[&args[..], &judge, &RULES].concat());
    let gates = figures(&whole.out)["gates"].clone();
    assert_eq!(outcomes(&gates).len(), 4);
    assert_eq!(json_of(&place, "out.jsonl.run.json")["outcome"]["gates"], gates);
    assert_eq!(json_of(&place, "s.json")["gates"], gates);
}
