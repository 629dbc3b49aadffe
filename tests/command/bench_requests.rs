//! The requests that a report shows of a benchmark whose answers are judged by two prompts: each was sent as it is shown.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use serde_json::{Value, json};

use crate::{
    report::{block, report},
    support::Place,
};

/// Two subsets with three records to choose from, and Ties with two questions of three answers.
fn data() -> String {
    format!("{}/tests/data/benchmarks/rewardbench2.jsonl", env!("CARGO_MANIFEST_DIR"))
}

/// The names of the requests that the page shows of each record, and the note on what is left out.
fn shown(page: &str) -> Vec<(Vec<String>, String)> {
    let details = block(page, "details");
    let (_, details) = details.split_last().unwrap();
    let name = |sent: &Value| sent[0].as_str().unwrap().to_owned();
    let sent = |one: &Value| one["sent"].as_array().into_iter().flatten().map(name).collect();
    let note = |one: &Value| one["unsent"].as_str().unwrap_or_default().to_owned();
    details.iter().map(|one| (sent(one), note(one))).collect()
}

/// The text of the page in which the lines of requests are kept once.
fn lines_of_requests(page: &str) -> String {
    block(page, "details").last().unwrap().to_string()
}

fn bench<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let all = ["bench", "rewardbench2", data, "-j", "1", "-o", "out.jsonl", "-q"];
    [&all, more].concat()
}

/// The page of these results.
fn page(place: &Place) -> String {
    report(place, &["out.jsonl", "-o", "r.html"]);
    place.read("r.html")
}

#[cfg(feature = "openai")]
#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_both_prompts_are_those_that_were_sent() {
    use crate::{
        report_requests::{nothing, told},
        support::{Reply, Server},
    };
    // The first answer to every prompt cannot be read, so that it is asked for again.
    let server = Server::start(|seen| {
        Reply::says(if seen.index.is_multiple_of(3) { "I cannot say." } else { "[[A]]\n7" })
    })
    .await;
    let place = Place::new("bench-requests-sent");
    let data = data();
    let args = ["bench", "rewardbench2", &data, "-j", "1", "--reask", "1", "--cache", "off"];
    assert_eq!(told(&server, &place, &args, &[]).await, nothing());
    // With ratings of all subsets, and another prompt for those of Ties.
    let place = Place::new("bench-requests-rated");
    let server = Server::start(|_| Reply::says("7")).await;
    let prompts = ["-p", "reward-bench-ratings", "--rated-prompt", "reward-bench-2-ties"];
    let args = [&args[..], &prompts].concat();
    assert_eq!(told(&server, &place, &args, &[]).await, nothing());
}

#[test]
fn every_member_of_a_jury_has_its_requests_on_both_prompts() {
    let place = Place::new("bench-requests-jury");
    let data = data();
    place.run(&bench(&data, &["-m", "script:[[A]]\n7", "-m", "script:[[B]]\n9"])).assert_passed();
    let page = page(&place);
    let all = shown(&page);
    assert_eq!(all.len(), 9);
    for (names, note) in &all {
        assert_eq!((names.len(), note.as_str()), (2, ""), "{all:?}");
    }
    let lines = lines_of_requests(&page);
    assert!(lines.contains("depth and level of detail need not count"), "{lines}");
    assert!(lines.contains("[The Start of Assistant D's Answer]"), "{lines}");
}

#[test]
fn a_second_prompt_that_cannot_be_built_again_costs_its_own_records() {
    let place = Place::new("bench-requests-without");
    let data = data();
    place.run(&bench(&data, &["-m", "script:[[A]]\n7"])).assert_passed();
    let mut manifest: Value = serde_json::from_str(&place.read("out.jsonl.run.json")).unwrap();
    manifest["rated"]["prompt"]["source"] = json!(null);
    place.file("out.jsonl.run.json", manifest.to_string());
    let all = shown(&page(&place));
    let (chosen, rated) = all.split_at(3);
    assert!(chosen.iter().all(|(names, note)| names.len() == 1 && note.is_empty()), "{all:?}");
    let says = "not rebuilt: the manifest has no prompt";
    assert!(rated.iter().all(|(names, note)| names.is_empty() && note.contains(says)), "{all:?}");
}

/// The shipped model, whose answers to these prompts cannot be read.
#[cfg(feature = "tiny")]
#[test]
fn requests_to_a_model_in_this_process_are_shown_too() {
    let place = Place::new("bench-requests-tiny");
    let data = data();
    let prompts = ["-p", "reward-bench-2-four-way", "--rated-prompt", "reward-bench-2-ties"];
    let judge = ["-m", "tiny", "--max-tokens", "8", "--reask", "0"];
    place.run(&bench(&data, &[&judge[..], &prompts].concat())).assert_passed();
    let all = shown(&page(&place));
    assert_eq!(all.len(), 9);
    assert!(all.iter().all(|(names, note)| names.len() == 1 && note.is_empty()), "{all:?}");
}
