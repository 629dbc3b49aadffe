//! `-m a -m b`: a jury of several models with one prompt, without a table in a file.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::{Value, json};

use crate::support::{Place, Ran, Reply, Server};

const RECORDS: &str = "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"x\"}\n";

/// Three models behind one server, which give 2, 7 and 9.
async fn server() -> Server {
    Server::start(|seen| {
        let score = match seen.body["model"].as_str().unwrap() {
            "harsh" => 2,
            "fair" => 7,
            _ => 9,
        };
        Reply::says(&format!("Well.\nScore: {score}"))
    })
    .await
}

async fn run(place: &Place, server: &Server, args: &[&str]) -> Ran {
    place.file("r.jsonl", RECORDS);
    let reach = ["--base-url", server.url.as_str()];
    Ran::ended(place.start(&[args, &reach].concat())).await
}

const THREE: [&str; 6] = ["-m", "openai/harsh", "-m", "openai/fair", "-m", "openai/kind"];

#[tokio::test]
async fn several_models_are_a_jury_with_one_prompt() {
    let (place, server) = (Place::new("several-models"), server().await);
    let args = [&["judge", "r.jsonl", "-p", "score", "--aggregate", "median"], &THREE[..]].concat();
    let ran = run(&place, &server, &args).await.passed();
    let line: Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(line["score"], json!(7), "{line}");
    let by: Vec<&str> =
        line["votes"].as_array().unwrap().iter().map(|vote| vote["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["openai/harsh", "openai/fair", "openai/kind"]);
    assert_eq!(server.requests(), 3);
    // Settings of the judge are those of every member: two draws of each.
    let more = [&args[..], &["--draws", "2", "--cache", "off"]].concat();
    let _ = run(&place, &server, &more).await.passed();
    assert_eq!(server.requests(), 3 + 6);
}

#[tokio::test]
async fn a_judge_of_the_file_may_have_several_models() {
    let (place, server) = (Place::new("several-models-file"), server().await);
    place.file(
        "tribunal.toml",
        "[judge.strict]\nprompt = 'score'\npass = 'score >= 8'\nmodel = 'tiny'\n",
    );
    let args = [&["judge", "r.jsonl", "--judge", "strict"], &THREE[2..]].concat();
    let ran = run(&place, &server, &args).await.passed();
    let line: Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!((&line["score"], &line["pass"]), (&json!(8), &json!(true)), "{line}");
    // What it comes to can be seen before anything is sent.
    let shown = place.run(&[&["config", "-p", "score"], &THREE[..4]].concat()).passed();
    assert!(
        shown.out.contains("openai/harsh") && shown.out.contains("openai/fair"),
        "{}",
        shown.out
    );
}

#[tokio::test]
async fn several_models_rank_together() {
    let (place, server) = (Place::new("several-models-rank"), server().await);
    place.file("a.jsonl", "{\"question\": \"q\", \"answers\": [\"x\", \"y\"]}\n");
    let args = [&["rank", "a.jsonl", "-p", "score"], &THREE[..]].concat();
    let ran = run(&place, &server, &args).await.passed();
    let line: Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!((server.requests(), &line["chosen"]), (6, &json!(0)), "{line}");
}

#[tokio::test]
async fn what_cannot_be_a_jury_is_refused_before_anything_is_sent() {
    let (place, server) = (Place::new("several-models-refused"), server().await);
    place.file(
        "tribunal.toml",
        "[defaults]\nprompt = 'score'\n[judge.a]\nmodel = 'tiny'\n[judge.b]\n[judge.both]\nmembers = ['a', 'b']\n",
    );
    for (args, said) in [
        (&["judge", "r.jsonl", "-m", "openai/fair", "-m", "openai/fair"][..], "is named twice"),
        (
            &["judge", "r.jsonl", "--judge", "both", "-m", "openai/fair", "-m", "openai/kind"],
            "has models of its own",
        ),
        (
            &["judge", "r.jsonl", "--judge", "a", "--judge", "b", "-m", "x", "-m", "y"],
            "several judges and several models",
        ),
        (
            &["search", "r.jsonl", "--judge", "a", "-m", "openai/fair", "-m", "openai/kind"],
            "no model to write steps with",
        ),
    ] {
        let ran = run(&place, &server, args).await;
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    assert_eq!(server.requests(), 0);
}
