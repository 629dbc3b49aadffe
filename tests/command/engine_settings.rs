//! Settings of models in this process: they reach the model, and wrong values are refused with those that there are.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]

use crate::support::{Place, Ran};
use serde_json::Value;

const SUM: &str = "{\"problem\": \"12 + 30\", \"steps\": [\"12 + 30 = 42\"]}\n";
const JUDGE: [&str; 4] = ["judge", "sums.jsonl", "-m", "tiny"];

fn place(name: &str) -> Place {
    let place = Place::new(&format!("engine-settings-{name}"));
    place.file("sums.jsonl", SUM);
    place
}

fn judge(place: &Place, flags: &[&str]) -> Ran {
    place.run(&[&JUDGE, flags].concat())
}

#[test]
fn flags_reach_the_model_and_verbose_says_what_was_chosen() {
    let place = place("reach");
    let flags = ["--width", "3", "--kv-type", "q8_0", "--deterministic", "--context", "512"];
    let ran = judge(&place, &[&flags[..], &["--summary", "s.json", "-v"]].concat()).passed();
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!(summary["engine"]["width"], 3);
    let chosen = "tiny: context 512 tokens, width 3, threads 1, no layers on a GPU";
    assert!(ran.err.contains(chosen) && ran.err.contains("(q8_0)"), "{}", ran.err);
    let quiet = judge(&place, &["--width", "3"]).passed();
    assert!(!quiet.err.contains("tiny: context"), "{}", quiet.err);
}

#[test]
fn flags_that_mean_nothing_are_refused_with_what_is_accepted() {
    let place = place("flags");
    for (flags, says) in [
        (&["--width", "0"][..], "0 is not a number from 1 to 256"),
        (&["--width", "300"], "300 is not a number from 1 to 256"),
        (&["--kv-type", "q9"], "f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0"),
        (&["--flash-attn", "maybe"], "auto, on, off"),
        (&["--split", "half"], "none, layer, row"),
        (&["--device", "nowhere"], "there is no device `nowhere`"),
        (&["--device", "cpu,nowhere"], "devices are `cpu`"),
        (&["--kv-type", "q4_0", "--flash-attn", "off"], "q4_0 needs flash attention"),
    ] {
        let ran = judge(&place, flags);
        assert!(ran.code == 2 && ran.err.contains(says), "{flags:?}: {} {}", ran.code, ran.err);
    }
    let other = place.run(&["judge", "sums.jsonl", "-m", "script:Score: 7", "--width", "3"]);
    assert!(other.code == 2 && other.err.contains("has no setting `width`"), "{}", other.err);
}

#[test]
fn keys_of_a_file_are_checked_in_the_same_way() {
    let place = place("file");
    let config = |line: &str| {
        place.file(
            "tribunal.toml",
            format!("[judge.j]\nmodel = \"mine\"\n[model.mine]\nname = \"tiny\"\n{line}\n"),
        );
        place.run(&["judge", "sums.jsonl", "--judge", "j"])
    };
    for line in [
        "context = 512",
        "context = \"full\"",
        "width = 2",
        "deterministic = true",
        "kv_type = \"bf16\"",
        "flash_attention = \"on\"",
        "device = \"cpu\"",
        "split = \"layer\"",
    ] {
        let ran = config(line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
    }
    for (line, says) in [
        ("context = \"half\"", "`context` must be"),
        ("width = 300", "`width` must be a whole number from 1 to 256"),
        ("deterministic = 1", "`deterministic` must be true or false"),
        ("kv_type = \"q9\"", "one of `f32`, `f16`, `bf16`, `q8_0`"),
        ("flash_attention = true", "one of `auto`, `on`, `off`"),
        ("split = \"rows\"", "did you mean `row`?"),
    ] {
        let ran = config(line);
        assert!(ran.code == 2 && ran.err.contains(says), "{line}: {}", ran.err);
    }
}
