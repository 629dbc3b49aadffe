//! Judges of the family of models that wrote the answers, and policies that are their own judges.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]

use crate::support::{Place, Ran, Reply, Server};
use serde_json::{Value, json};

/// Answers of three models, and one of nobody.
const RECORDS: &str = r#"{"id": 1, "question": "2 + 2?", "answer": "4", "model": "openai/gpt-4o"}
{"id": 2, "question": "2 + 3?", "answer": "5", "generator": "claude-3-haiku"}
{"id": 3, "question": "2 + 4?", "answer": "6", "author": "o3-mini"}
{"id": 4, "question": "2 + 5?", "answer": "7"}
"#;

async fn judge(place: &Place, server: &Server, model: &str, more: &[&str]) -> Ran {
    let url = server.url.clone();
    let args = ["judge", "r.jsonl", "-p", "score", "-m", model, "--base-url", &url];
    Ran::ended(place.start(&[&args, more].concat())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_of_the_authors_family_is_warned_of_once_and_such_records_are_counted() {
    let server = Server::start(|_| Reply::says("Score: 7")).await;
    let place = Place::new("independence-judge");
    place.file("r.jsonl", RECORDS);
    let ran = judge(&place, &server, "openai/gpt-5-mini", &["--summary", "s.json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches("prefer answers of their own family").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("(GPT: `openai/gpt-4o`)"), "{}", ran.err);
    let line = "written by a model of the judge's own family (GPT): 2 of 4 records";
    assert!(ran.err.contains(line), "{}", ran.err);
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!(summary["same_family"], json!({"records": 2, "families": ["GPT"]}));
    // A word inside of another one is no family.
    for other in ["openai/recommand-r", "openai/mistral-large"] {
        let ran = judge(&place, &server, other, &[]).await;
        assert!(ran.code == 0 && !ran.err.contains("family"), "{other}: {}", ran.err);
    }
    let quiet = judge(&place, &server, "openai/gpt-5-mini", &["-q"]).await;
    assert!(!quiet.err.contains("family"), "{}", quiet.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_judged_by_itself_or_by_its_family_is_warned_of() {
    let server = Server::start(|_| Reply::says("Good.\nScore: 9")).await;
    let place = Place::new("independence-revise");
    place.file("r.jsonl", RECORDS);
    let url = server.url.clone();
    let revise = async |more: &[&str]| {
        let args =
            ["revise", "r.jsonl", "-p", "score", "-m", "openai/qwen3-8b", "--base-url", &url];
        let of_policy = ["--policy-base-url", url.as_str()];
        let of_policy = if more.contains(&"--policy") { &of_policy[..] } else { &[] };
        Ran::ended(place.start(&[&args, more, of_policy].concat())).await.err
    };
    let own = revise(&[]).await;
    assert!(own.contains("warning: the policy is its own judge (`openai/qwen3-8b`)"), "{own}");
    let family = revise(&["--policy", "openai/qwq-32b"]).await;
    let words =
        "the policy `openai/qwq-32b` and the judge `openai/qwen3-8b` are of one family (Qwen)";
    assert!(family.contains(words), "{family}");
    let other = revise(&["--policy", "openai/gpt-5"]).await;
    assert!(!other.contains("family") && !other.contains("own judge"), "{other}");
    // An independent judge of the result is enough.
    place.file("tribunal.toml", "[judge.last]\nprompt = \"score\"\nmodel = \"script:Score: 9\"\n");
    let judged = revise(&["--final-judge", "last", "-c", "tribunal.toml"]).await;
    assert!(!judged.contains("own judge"), "{judged}");
}
