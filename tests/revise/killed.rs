//! Runs of `rank` and `search` that are killed (SIGKILL) at any moment: the next run goes on, and pays only the rest.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeMap,
    process::Child,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};
use tribunal::records::{RankLine, SearchLine};

/// The prompt of the judge of steps, and of the judge of two answers.
const STEPS: &str = "---\nkind: score\nfields: {question: required, answer: required}\nscale: {min: 1, max: 10}\nverdict: \"Score: *\"\n---\nuser:\nRate this.\n{{ question }}\n{{ answer }}\nassistant:\n{{ gen(\"critique\") }}\n";
const PAIR: &str = "---\nkind: preference\nfields: {question: required, answers: required}\nscale: [first, second, tie]\norder: both\nverdict: {pattern: \"Better: *\", values: {A: first, B: second}}\n---\nuser:\nCompare these.\n{{ question }}\n{{ answers[0] }} or {{ answers[1] }}\nassistant:\n{{ gen(\"critique\") }}\n";

/// What a kill may cost again: the request in flight, and an answer that was not on disk yet, since the writer of the cache
/// gathers answers for three milliseconds.
const LOST: u64 = 2;

/// A server that is both models. Each draw of a step is another one, until a solution has three steps.
async fn server() -> Server {
    let drawn: Mutex<BTreeMap<String, u32>> = Mutex::default();
    Server::start(move |seen: &Seen| {
        std::thread::sleep(Duration::from_millis(4));
        let said = seen.body["messages"].to_string();
        if said.contains("Compare these") {
            let worth = |text: &str| text.bytes().rev().find(u8::is_ascii_digit).unwrap_or(b'0');
            let (first, second) = said.split_once(" or ").unwrap();
            let second = second.split('"').next().unwrap();
            return Reply::says(if worth(first) > worth(second) {
                "Better: A"
            } else {
                "Better: B"
            });
        }
        if said.contains("Rate this") {
            return Reply::says(&format!(
                "Score: {}",
                1 + blake3::hash(said.as_bytes()).as_bytes()[0] % 10
            ));
        }
        let number = {
            let mut drawn = drawn.lock().unwrap();
            let number = drawn.entry(said.clone()).or_default();
            *number += 1;
            *number
        };
        let steps = said.matches("Step ").count();
        Reply::says(&match steps {
            0 | 1 => format!("Step {number}."),
            _ => format!("Step {number}.\nThe answer is {number}."),
        })
    })
    .await
}

/// Kills a process once the server was asked so often; whether it had not ended before.
#[expect(clippy::disallowed_methods, reason = "another process knows no paused clock")]
async fn killed_at(mut child: Child, server: &Server, requests: usize) -> bool {
    let started = Instant::now();
    while server.requests() < requests && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(120), "it hangs");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let was_running = child.try_wait().unwrap().is_none();
    // SIGKILL on this system: nothing can be tidied up.
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

/// Starts a run again and again, kills it each time after a few more requests, and lets the last one end. Returns the
/// number of kills.
async fn again_and_again(place: &Place, server: &Server, args: &[&str]) -> u64 {
    let reach = ["-m", "openai/both", "--base-url", &server.url, "-j", "1"];
    let all = [args, &reach].concat();
    let mut kills = 0;
    for more in [3, 8, 5, 13, 7] {
        let child = place.start(&all);
        kills += u64::from(killed_at(child, server, server.requests() + more).await);
    }
    let _ = Ran::ended(place.start(&all)).await.passed();
    kills
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_killed_goes_on_and_pays_only_the_rest_in_every_method() {
    for method in [
        "greedy",
        "reset:0.9",
        "backtrack:0.9",
        "beam",
        "dvts",
        "rebase",
        "best-first",
        "mcts",
        "puct",
        "mcmc",
    ] {
        let place = Place::new(&format!("killed-{}", method.replace([':', '.'], "-")));
        let server = server().await;
        place.file("judge.jinja", STEPS);
        place.file("one.jsonl", format!("{}\n", json!({"id": "a", "question": "Which number?"})));
        let args = ["search", "one.jsonl", "-p", "judge.jinja", "-o", "found.jsonl"];
        let sizes = ["--paths", "4", "--expand", "2", "--rounds", "5", "--depth", "4"];
        let args = [&args[..], &["--method", method], &sizes].concat();
        let kills = again_and_again(&place, &server, &args).await;
        let line = SearchLine::read(place.read("found.jsonl").trim()).unwrap();
        assert!(line.result.error.is_none(), "{method}: {line}");
        let needed = line.policy_cost.calls + line.judge_cost.calls;
        let paid = u64::try_from(server.requests()).unwrap();
        assert!(kills >= 2, "{method}: {kills}");
        assert!(
            (needed..=needed + LOST * kills).contains(&paid),
            "{method}: {needed}, {kills}, {paid}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ranking_that_is_killed_goes_on_and_pays_only_the_rest_in_every_tournament() {
    for pairs in ["all", "circular", "knockout", "bubble", "swiss"] {
        let place = Place::new(&format!("killed-rank-{pairs}"));
        let server = server().await;
        place.file("judge.jinja", PAIR);
        let answers: Vec<String> = (0..8).map(|n| format!("number {n}")).collect();
        place.file(
            "one.jsonl",
            format!("{}\n", json!({"id": "a", "question": "?", "answers": answers})),
        );
        let args = ["rank", "one.jsonl", "-p", "judge.jinja", "--pairs", pairs, "-o", "r.jsonl"];
        let kills = again_and_again(&place, &server, &args).await;
        let line = RankLine::read(place.read("r.jsonl").trim()).unwrap();
        if pairs != "circular" {
            assert_eq!(line.chosen, Some(7), "{pairs}");
        }
        let needed = u64::try_from(2 * line.comparisons.len()).unwrap();
        let paid = u64::try_from(server.requests()).unwrap();
        assert!(kills >= 1, "{pairs}: {kills}");
        assert!(
            (needed..=needed + LOST * kills).contains(&paid),
            "{pairs}: {needed}, {kills}, {paid}"
        );
    }
}

/// Best-of-N by one verdict on each answer, and several records: lines that were written are kept.
#[tokio::test(flavor = "multi_thread")]
async fn best_of_n_that_is_killed_goes_on_and_pays_only_the_rest() {
    let (place, server) = (Place::new("killed-best"), server().await);
    place.file("judge.jinja", STEPS);
    let record = |n: u32| {
        let answers: Vec<String> = (0..4).map(|k| format!("number {n}{k}")).collect();
        format!("{}\n", json!({"id": n, "question": "?", "answers": answers}))
    };
    place.file("many.jsonl", (0..12).map(record).collect::<String>());
    let args = ["rank", "many.jsonl", "-p", "judge.jinja", "-o", "r.jsonl"];
    let kills = again_and_again(&place, &server, &args).await;
    let lines: Vec<Value> =
        place.read("r.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 12);
    let paid = u64::try_from(server.requests()).unwrap();
    assert!(kills >= 3, "{kills}");
    assert!((48..=48 + LOST * kills).contains(&paid), "{kills}, {paid}");
}
