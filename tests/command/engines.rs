//! What the engine of a model in this process did, as a run reports it.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::Value;

const SUMS: &str = "\
{\"id\": \"right\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 37\"]}
{\"id\": \"wrong\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 38\"]}
";

fn place(name: &str) -> Place {
    let place = Place::new(&format!("engines-{name}"));
    place.file("sums.jsonl", SUMS);
    place
}

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

#[test]
fn the_manifest_and_the_summary_hold_what_the_engine_did() {
    let place = place("figures");
    let ran = place.run(&["judge", "sums.jsonl", "-o", "v.jsonl", "--summary", "s.json"]).passed();
    let (manifest, summary) = (json(&place, "v.jsonl.run.json"), json(&place, "s.json"));
    assert_eq!(manifest["engine"], summary["engine"]);
    let figure = |name: &str| summary["engine"][name].as_u64().unwrap();
    let read = figure("prompt_tokens_evaluated");
    assert!(figure("prompt_tokens_minimum") <= read && read < figure("prompt_tokens"), "{summary}");
    assert!(figure("generated_tokens") > 0 && figure("decode_calls") > 0, "{summary}");
    assert_eq!(figure("width"), 1);
    assert!(figure("kv_cells_peak") > 0, "{summary}");
    assert!(summary.get("engines").is_none(), "there is one model");
    let line = format!("tiny: {read} prompt tokens evaluated (at least ");
    assert!(ran.err.contains(&line), "{}", ran.err);
}

#[test]
fn models_that_are_asked_nothing_have_no_figures() {
    let place = place("none");
    let judge = ["judge", "sums.jsonl", "-o", "v.jsonl", "--summary", "s.json"];
    let script = [&judge[..], &["-p", "first-error", "-m", "script:First error: 0"]].concat();
    place.run(&script).assert_passed();
    assert!(json(&place, "s.json").get("engine").is_none());
    place.run(&[&judge[..], &["--fresh"]].concat()).assert_passed();
    place.run(&judge).assert_passed();
    let kept = json(&place, "v.jsonl.run.json");
    assert!(kept.get("engine").is_none(), "every verdict is of the run before: {kept}");
}

#[test]
fn several_models_in_this_process_have_figures_each() {
    let place = place("several");
    place.file(
        "tribunal.toml",
        "[judge.jury]\nmembers = [\"a\", \"b\"]\n[judge.a]\nmodel = \"tiny\"\nprompt = \"tiny-score\"\n\
         [judge.b]\nmodel = \"longer\"\nprompt = \"tiny-score\"\n[model.longer]\nname = \"tiny\"\ncontext = 1024\n",
    );
    // Both are asked the same: with the cache, one would answer for the other.
    let judge = ["judge", "sums.jsonl", "--judge", "jury", "--cache", "off", "--summary", "s.json"];
    place.run(&judge).assert_passed();
    let summary = json(&place, "s.json");
    let each = summary["engines"].as_array().unwrap();
    let sum: u64 = each.iter().map(|one| one["prompt_tokens"].as_u64().unwrap()).sum();
    assert_eq!((each.len(), summary["engine"]["prompt_tokens"].as_u64()), (2, Some(sum)));
    assert!(each.iter().all(|one| one["model"] == "tiny"), "{summary}");
}
