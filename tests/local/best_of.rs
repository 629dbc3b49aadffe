//! Best-of-4 over real solutions of GSM8K with a real instruct model as judge, and GRACE with it as policy.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny", feature = "store"))]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop at what it did not expect"
)]

use std::path::Path;

use serde_json::{Value, json};
use tribunal::records::{SearchLine, TreeLine};

use crate::support::{Place, instruct_model};

/// The questions to ask about: `TRIBUNAL_QUESTIONS`, or so many. The rows of the page are those of all 104.
fn questions() -> usize {
    let set = std::env::var("TRIBUNAL_QUESTIONS").ok().and_then(|count| count.parse().ok());
    set.unwrap_or(8)
}

const ALL: usize = 104;

/// Four solutions to each question, one or more of them right and one or more wrong (Cobbe et al. 2021): elsewhere nothing
/// can be measured.
const MIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gsm8k/mixed.jsonl");

/// A share with its interval, in per cent.
fn shown(share: &Value, interval: &Value) -> String {
    let percent = |value: &Value| 100.0 * value.as_f64().unwrap();
    let [share, low, high] = [share, &interval[0], &interval[1]].map(percent);
    format!("{share:.1} % ({low:.1}–{high:.1})")
}

/// A paired difference with its interval, in points.
fn difference(gain: &Value) -> String {
    let points = |value: &Value| 100.0 * value.as_f64().unwrap();
    let [mean, low, high] = [&gain["mean"], &gain["interval"][0], &gain["interval"][1]].map(points);
    format!("{mean:+.1} ({low:+.1} to {high:+.1})")
}

/// The figures of a run of `rank` on these questions.
fn ranked(place: &Place, args: &[&str]) -> (Value, String) {
    let (limit, model) = (questions().to_string(), instruct_model().display().to_string());
    let usual = ["rank", MIXED, "--limit", &limit, "-m", &model, "--summary", "figures.json"];
    let ran = place.run(&[&usual[..], args].concat()).passed();
    (serde_json::from_str(&place.read("figures.json")).unwrap(), ran.err)
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
fn a_real_judge_of_real_solutions_is_reported_as_good_as_it_is() {
    let place = Place::new("best-of-real");
    let mut rows = Vec::new();
    let prompt = "correct-direct";
    // What follows is read from the cache, in the order of the file, so that resampled intervals are repeatable.
    let args = ["-p", prompt, "--measure", "p", "-o", "asked.jsonl", "--fresh"];
    let _ = ranked(&place, &args);
    for rule in ["best", "weighted"] {
        let args = ["-p", prompt, "--measure", "p", "--select", rule, "-o", "ranked.jsonl"];
        let (figures, said) = ranked(&place, &[&args[..], &["--fresh"]].concat());
        assert_eq!(figures["candidates"]["unmeasured"], 0, "{figures}");
        assert_eq!(figures["oracle"], json!(1.0), "every question has a right solution");
        // The report says what the interval says.
        let gain = &figures["gain"]["interval"];
        let (low, high) = (gain[0].as_f64().unwrap(), gain[1].as_f64().unwrap());
        let is_chance = low <= 0.0 && high >= 0.0;
        assert_eq!(said.contains("not significantly different from a random candidate"), is_chance);
        rows.push(format!(
            "| `{prompt}` | `{rule}` | {} | {} | {} |",
            shown(&figures["accuracy"], &figures["accuracy_interval"]),
            difference(&figures["gain"]),
            difference(&figures["gain_over_majority"]),
        ));
        // Another rule asks nothing that is known.
        assert_eq!(figures["requests"], 0, "{figures}");
    }
    println!("{}", rows.join("\n"));
    if questions() >= ALL {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/selection.md");
        let page = std::fs::read_to_string(page).unwrap();
        rows.iter().for_each(|row| assert!(page.contains(row), "docs/selection.md lacks {row}"));
    }
}

/// GRACE: the probability that the policy gives each step counts beside the judge's value.
#[test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
fn a_real_model_searches_by_its_own_likelihood_and_a_value() {
    let place = Place::new("grace-real");
    let record = json!({"id": "a", "question": "Tom has 3 boxes of 4 pens. How many pens has he?", "reference": "12"});
    place.file("one.jsonl", format!("{record}\n"));
    let model = instruct_model().display().to_string();
    let args = ["search", "one.jsonl", "-m", &model, "-p", "correct-direct", "-o", "found.jsonl"];
    let more =
        ["--method", "grace:0.8", "--expand", "3", "--depth", "3", "--policy-max-tokens", "48"];
    let all = [&args[..], &more, &["--tree", "tree.jsonl"]].concat();
    let ran = place.run(&all).passed();
    let tree: Vec<TreeLine> =
        place.read("tree.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(tree.iter().any(|step| step.chosen), "{}\n{tree:?}", ran.err);
    assert!(tree.iter().all(|step| step.value.is_none_or(|value| (0.0..=1.0).contains(&value))));
    let line = SearchLine::read(place.read("found.jsonl").trim()).unwrap();
    // One call for each draw, and one for the likelihood of each step.
    let draws: u32 = tree.iter().map(|step| step.times).sum();
    let steps = tree.len() as u64;
    assert!(line.policy_cost.calls >= u64::from(draws) + steps, "{:?}", line.policy_cost);
    // The same again asks nothing.
    let again = place.run(&[&all[..], &["--fresh"]].concat()).passed();
    assert!(again.err.contains("\n0 requests"), "{}", again.err);
}
