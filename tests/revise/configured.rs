//! Commands with a policy or a check beside the judge, in a folder whose `tribunal.toml` is about judges: its prompts,
//! rules and juries are those of the judge, and nothing else is judged by them.

#![cfg(all(feature = "cli", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::{Value, json};

const RECORD: &str = "{\"id\": \"q\", \"question\": \"3 + 4\", \"answers\": [\"The answer is 7.\", \"The answer is 8.\"], \"reference\": \"7\"}\n";

/// A sum and a solution of it with a wrong second step.
const SOLUTION: &str = "{\"id\": \"s\", \"problem\": \"2 + 3 + 1\", \"steps\": [\"2 + 3 = 5\", \"5 + 1 = 7\"], \"reference\": \"6\"}\n";

/// Files whose settings are for judges, each with what they name.
const FILES: [(&str, &str); 5] = [
    ("a default prompt of scores", "[defaults]\nprompt = \"score\"\n"),
    ("a default rule of scores", "[defaults]\npass = \"score >= 5\"\nscale = \"1-10\"\n"),
    ("the only judge", "[judge.only]\nmodel = \"tiny\"\nprompt = \"correct\"\ndraws = 3\n"),
    (
        "a default judge",
        "[defaults]\njudge = \"one\"\n[judge.one]\nprompt = \"score\"\n[judge.two]\nmodel = \"tiny\"\n",
    ),
    (
        "a default jury",
        "[defaults]\njudge = \"jury\"\nprompt = \"score\"\n[judge.one]\nmodel = \"script:Score: 3\"\n[judge.two]\nmodel = \"script:Score: 5\"\n[judge.jury]\nmembers = [\"one\", \"two\"]\n",
    ),
];

/// One line of a run, which must pass.
fn line(place: &Place, args: &[&str], what: &str) -> Value {
    let ran = place.run(&[args, &["--cache", "off", "-q"]].concat());
    assert_eq!(ran.code, 0, "{what}: {args:?}\n{}", ran.err);
    serde_json::from_str(ran.out.lines().next().unwrap()).unwrap()
}

#[test]
fn the_check_of_candidates_is_no_judge_of_the_file() {
    for (what, file) in FILES {
        let place = Place::new("configured-rank");
        place.file("tribunal.toml", file);
        place.file("records.jsonl", RECORD);
        let ranked = line(&place, &["rank", "records.jsonl", "--select", "majority"], what);
        assert_eq!(ranked["right"], json!(true), "{what}");
        let right: Vec<_> = ranked["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["right"].clone())
            .collect();
        assert_eq!(right, [json!(true), json!(false)], "{what}");
        // A policy of its own is none either.
        let args = ["rank", "records.jsonl", "--select", "majority", "--policy", "tiny"];
        let written = line(&place, &[&args[..], &["--candidates", "2"]].concat(), what);
        assert_eq!(written["candidates"].as_array().unwrap().len(), 2, "{what}");
    }
}

#[test]
fn the_check_of_solutions_is_no_judge_of_the_file() {
    for (what, file) in FILES {
        let place = Place::new("configured-search");
        place.file("tribunal.toml", file);
        place.file("records.jsonl", RECORD);
        let args = ["search", "records.jsonl", "--policy", "tiny", "--method", "greedy"];
        let judge = if file.contains("jury") { vec![] } else { vec!["-m", "script:Score: 5"] };
        let prompt = if file.contains("jury") { vec![] } else { vec!["-p", "score"] };
        let all = [&args[..], &["--depth", "2", "--expand", "1"], &judge, &prompt].concat();
        let searched = line(&place, &all, what);
        assert!(searched["paths"][0]["right"].is_boolean(), "{what}: {searched}");
    }
}

#[test]
fn completions_are_not_written_by_a_prompt_of_judges() {
    for (what, file) in FILES.into_iter().filter(|(_, file)| !file.contains("jury")) {
        let place = Place::new("configured-label");
        place.file("tribunal.toml", file);
        place.file("records.jsonl", SOLUTION);
        let labelled = line(&place, &["label", "records.jsonl", "-m", "tiny", "-n", "2"], what);
        assert_eq!(labelled["first_error"], json!(1), "{what}");
        // A prompt that is named for it must complete solutions.
        let ran = place.run(&["label", "records.jsonl", "-m", "tiny", "-p", "score"]);
        assert!(ran.code == 2 && ran.err.contains("does not complete solutions"), "{}", ran.err);
    }
}
