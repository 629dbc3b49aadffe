//! What whole runs print: summaries, rows for people, dry runs, and the result lines of the built-in model.
//!
//! Each text is what a user sees; times, addresses, paths and digests are replaced by names.

#![cfg(all(
    feature = "cli",
    feature = "openai",
    feature = "llama",
    feature = "store",
    feature = "tiny"
))]

use crate::support::{Place, Ran, Reply, Server};
use insta::assert_snapshot;
use serde_json::json;

/// Solutions of sums: one right, one wrong, and one that is not a sum.
const SUMS: &str = "\
{\"id\": \"right\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 37\"]}
{\"id\": \"wrong\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 38\"]}
{\"id\": \"poem\", \"problem\": \"Write a poem\", \"steps\": [\"Roses are red.\"]}
";

fn place(name: &str) -> Place {
    let place = Place::new(&format!("snapshots-runs-{name}"));
    place.file("sums.jsonl", SUMS);
    place
}

/// A server that gives answers of one word 4 points, and all others 8.
async fn server() -> Server {
    Server::start(|seen| {
        let text = seen.body["messages"].to_string();
        Reply::says(if text.contains("Rome") { "Wrong.\nScore: 4" } else { "Right.\nScore: 8" })
    })
    .await
}

const CITIES: &str = "\
{\"id\": \"france\", \"question\": \"Capital of France?\", \"answer\": \"Paris\"}
{\"id\": \"spain\", \"question\": \"Capital of Spain?\", \"answer\": \"Rome\"}
{\"id\": \"broken\", \"question\": \"Capital of Peru?\"}
";

async fn run(place: &Place, server: &Server, command: &str, args: &[&str]) -> Ran {
    let base =
        [command, "cities.jsonl", "-p", "score", "-m", "openai/m", "--base-url", &server.url];
    Ran::ended(place.start(&[&base, args].concat())).await
}

#[test]
fn the_example_of_init_runs_at_once() {
    let place = Place::new("snapshots-runs-init");
    assert_snapshot!("init", place.shown(&["init"]));
    assert_snapshot!("init_judge", place.shown(&["judge", "records.jsonl", "--format", "pretty"]));
}

#[test]
fn sums_are_judged_by_the_built_in_model() {
    let place = place("tiny");
    assert_snapshot!("tiny_lines", place.shown(&["judge", "sums.jsonl", "-j", "1"]));
    assert_snapshot!("tiny_rows", place.shown(&["judge", "sums.jsonl", "--format", "pretty"]));
    assert_snapshot!(
        "tiny_steps",
        place.shown(&["judge", "sums.jsonl", "-v", "-o", "v.jsonl", "-j", "1"])
    );
    assert_snapshot!("tiny_dry_run", place.shown(&["judge", "sums.jsonl", "--dry-run"]));
}

#[tokio::test]
async fn a_run_against_a_server_says_what_came_of_it() {
    let (place, server) = (place("server"), server().await);
    place.file("cities.jsonl", CITIES);
    let gate = ["--pass", "score >= 7", "--fail-under", "0.9"];
    let judged = run(&place, &server, "judge", &[&["-o", "v.jsonl"], &gate[..]].concat()).await;
    assert_snapshot!("judge_summary", place.show(&judged));
    let again = run(&place, &server, "judge", &[&["-o", "v.jsonl"], &gate[..]].concat()).await;
    assert_snapshot!("judge_again", place.show(&again));
    let dry = run(&place, &server, "judge", &["--dry-run"]).await;
    assert_snapshot!("judge_dry_run", place.show(&dry));
    assert_snapshot!(
        "reparse",
        place.shown(&["reparse", "v.jsonl", "-p", "score", "--pass", "score >= 3"])
    );
}

#[tokio::test]
async fn a_loop_shows_its_rounds_and_sums_up() {
    let server = Server::start(|seen| {
        let text = seen.body["messages"].to_string();
        let is_judge = text.contains("Score");
        Reply::Json(crate::support::chat_reply(match (is_judge, text.contains("Madrid")) {
            (true, true) => "It is right.\nScore: 9",
            (true, false) => "Rome is in Italy.\nScore: 2",
            (false, _) => "Madrid",
        }))
    })
    .await;
    let place = place("loop");
    place.file(
        "cities.jsonl",
        "{\"id\": \"spain\", \"question\": \"Capital of Spain?\", \"answer\": \"Rome\"}\n",
    );
    let ran = run(&place, &server, "revise", &["-v", "-o", "v.jsonl"]).await;
    assert_snapshot!("revise", place.show(&ran));
}

#[test]
fn lists_of_what_there_is() {
    let place = place("lists");
    assert_snapshot!("models_list", place.shown(&["models", "list"]));
    assert_snapshot!("models_info", place.shown(&["models", "info", "tiny"]));
    assert_snapshot!("prompts_list", place.shown(&["prompts", "list"]));
    assert_snapshot!("prompts_table", place.shown(&["prompts", "list", "--table"]));
    assert_snapshot!(
        "prompts_check",
        place.shown(&["prompts", "check", "score", "pair", "first-error"])
    );
    assert_snapshot!(
        "prompts_render",
        place.shown(&["prompts", "render", "first-error", "sums.jsonl"])
    );
    assert_snapshot!("config", place.shown(&["config", "--draws", "3"]));
    assert_snapshot!("cache_stats", place.shown(&["cache", "stats"]));
    assert_snapshot!("trust_list", place.shown(&["trust", "--list"]));
}

#[test]
fn two_runs_are_compared() {
    let place = place("diff");
    let line = |id: &str, score: u32| json!({"id": id, "score": score}).to_string() + "\n";
    place.file("a.jsonl", [line("x", 7), line("y", 3), line("z", 5)].concat());
    place.file("b.jsonl", [line("x", 7), line("y", 8), line("w", 5)].concat());
    assert_snapshot!("diff", place.shown(&["diff", "a.jsonl", "b.jsonl"]));
    place.file("texts.jsonl", "{\"raw\": \"Good.\\nScore: 8\"}\n{\"raw\": \"Who knows\"}\n");
    assert_snapshot!(
        "parse",
        place.shown(&["parse", "texts.jsonl", "-p", "score", "--pass", "score >= 7"])
    );
}
