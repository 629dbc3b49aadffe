//! Dry runs: what does not fit into the context, and about how long a run takes.

#![cfg(all(unix, feature = "cli", feature = "openai", feature = "tiny"))]

use std::process::Stdio;

use serde_json::json;

use crate::support::{Place, Ran, Reply, Server};

/// Records of which every second one is far too long for 1,024 tokens.
fn records(count: usize) -> String {
    let record = |n: usize| {
        let times = if n % 2 == 1 { 2_000 } else { 1 };
        json!({"id": format!("q{n}"), "question": "12 + 30", "answer": "12 + 30 = 42\n".repeat(times)})
            .to_string()
            + "\n"
    };
    (0..count).map(record).collect()
}

const TINY: [&str; 7] = ["judge", "r.jsonl", "-m", "tiny", "-p", "tiny-score", "--dry-run"];

#[test]
fn records_that_do_not_fit_are_named_the_first_ten_and_how_many() {
    let place = Place::new("dry-runs-fit");
    place.file("r.jsonl", records(24));
    let ran = place.run(&TINY).passed();
    assert!(ran.err.contains("12 records do not fit into the context:"), "{}", ran.err);
    let named: Vec<&str> =
        ran.err.lines().filter(|line| line.contains("the context of tiny holds 1024")).collect();
    assert_eq!(named.len(), 10, "{}", ran.err);
    assert!(named[0].trim_start().starts_with("r.jsonl:2"), "{}", named[0]);
    assert!(ran.err.contains("  and 2 more"), "{}", ran.err);
    // Requests that would not be sent are not counted: a text and the values of its verdict for each record that fits.
    assert!(ran.err.contains("requests to tiny: 24"), "{}", ran.err);
    // The run says the same of each record, and asks nothing for it.
    let mut judge = TINY.to_vec();
    judge.pop();
    let lines = place.run(&judge);
    let failed = lines.out.lines().filter(|line| line.contains("\"too_long\"")).count();
    assert_eq!((lines.code, failed), (3, 12), "{}", lines.err);
}

#[test]
fn a_dry_run_says_about_how_long_a_local_run_takes() {
    let place = Place::new("dry-runs-time");
    place.file("r.jsonl", records(1).repeat(4));
    let ran = place.run(&[&TINY[..], &["--max-tokens", "64"]].concat()).passed();
    let time = ran.err.lines().find(|line| line.starts_with("time: about ")).unwrap();
    // Equal prompts are read once, and so is the text before the values of a verdict.
    let (_, share) = time.split_once("for the prompts (").unwrap();
    let share: u32 = share.split_once(" % of their tokens are new)").unwrap().0.parse().unwrap();
    assert!((5..25).contains(&share), "{time}");
    assert!(time.contains("for the longest answers; estimated from a short trial"), "{time}");
    assert!(!ran.err.contains("do not fit"), "{}", ran.err);
}

#[tokio::test]
async fn a_context_that_is_set_for_a_server_is_compared_without_asking_it() {
    let place = Place::new("dry-runs-server");
    place.file("r.jsonl", records(2));
    let server = Server::start(|_| Reply::says("Score: 3")).await;
    let args =
        ["judge", "r.jsonl", "-m", "vllm/m", "-p", "score", "--context", "4096", "--dry-run"];
    let mut command = place.command(&args);
    command
        .env("VLLM_BASE_URL", &server.url)
        .args(["--base-url", &server.url])
        .stdin(Stdio::null());
    let ran =
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap());
    let ran = ran.passed();
    assert!(ran.err.contains("1 record does not fit into the context:"), "{}", ran.err);
    assert!(ran.err.contains("the context of vllm/m holds 4096"), "{}", ran.err);
    assert!(!ran.err.contains("time:"), "{}", ran.err);
    assert_eq!((server.requests(), server.probes()), (0, 0));
}

#[test]
fn conversations_that_are_shown_shortened_are_counted_and_reported_once() {
    let place = Place::new("dry-runs-shortened");
    let record = |times: usize| {
        let tool = json!({"role": "tool", "name": "read", "content": "line\n".repeat(times)});
        let user = json!({"role": "user", "content": "Find the fault."});
        let end = json!({"role": "assistant", "content": "It is in the log."});
        json!({"messages": [user, tool, end]}).to_string() + "\n"
    };
    place.file("r.jsonl", [record(5), record(900), record(800)].concat());
    place.file(
        "p.jinja",
        "---\nkind: score\nscale: 1-9\nverdict: 'Score: *'\n---\nuser:\n{{ messages | transcript(max=1500) }}\nScore: <number>\nassistant:\n{{ gen('c') }}\n",
    );
    let judge = ["judge", "r.jsonl", "-m", "script:Score: 4", "-p", "p.jinja"];
    let ran = place.run(&[&judge[..], &["--dry-run"]].concat()).passed();
    let counted = "conversations shown shortened by `transcript(max=…)`: 2 records";
    assert!(ran.err.contains(counted), "{}", ran.err);
    let ran = place.run(&judge).passed();
    assert_eq!(ran.err.matches("long conversations are shown shortened").count(), 1, "{}", ran.err);
}
