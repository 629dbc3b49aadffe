//! `tribunal label`: steps get labels by completing them, with a real model and with servers.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};
use tribunal::records::LabelLine;

/// Solutions of three steps; the second step of `wrong` is wrong.
fn records() -> String {
    let right = ["2 + 3 = 5", "5 + 1 = 6", "6 - 4 = 2"];
    let wrong = ["2 + 3 = 5", "5 + 1 = 7", "7 - 4 = 3"];
    let record = |id: &str, steps: [&str; 3], label: i64| {
        let line = json!({"id": id, "problem": "2 + 3 + 1 - 4", "steps": steps, "reference": "2", "label": label});
        format!("{line}\n")
    };
    record("right", right, -1) + &record("wrong", wrong, 1)
}

/// A policy that goes on with the numbers that it is shown.
fn goes_on(seen: &Seen) -> Reply {
    let is_wrong = seen.body["messages"].to_string().contains("5 + 1 = 7");
    Reply::says(if is_wrong {
        "So it is 3.\nThe answer is 3."
    } else {
        "So it is 2.\nThe answer is 2."
    })
}

async fn label(place: &Place, server: &Server, args: &[&str]) -> Ran {
    let more = ["records.jsonl", "-m", "openai/policy", "--base-url", &server.url, "--draws", "4"];
    let all: Vec<&str> = ["label"].iter().chain(&more).chain(args).copied().collect();
    Ran::ended(place.start(&all)).await
}

fn lines(text: &str) -> Vec<LabelLine> {
    text.lines().map(|line| LabelLine::read(line).unwrap()).collect()
}

fn values(line: &LabelLine) -> Vec<(String, Option<f64>)> {
    let steps = line.result.verdict.steps.iter().flatten();
    steps.map(|step| (step.label.clone(), step.value)).collect()
}

#[tokio::test]
async fn each_step_is_completed_as_often_as_asked_and_its_value_is_the_share_that_ends_right() {
    let (place, server) = (Place::new("label-every"), Server::start(goes_on).await);
    place.file("records.jsonl", records());
    let ran = label(&place, &server, &["-o", "labels.jsonl"]).await.passed();
    let found = lines(&place.read("labels.jsonl"));
    let of = |label: &str, value| (label.to_owned(), Some(value));
    assert_eq!(values(&found[0]), vec![of("correct", 1.0); 3]);
    assert_eq!(values(&found[1]), [of("correct", 1.0), of("incorrect", 0.0), of("incorrect", 0.0)]);
    assert_eq!(found[1].result.verdict.first_error, Some(1));
    // Two beginnings of each solution, four completions each; the whole solution is compared as it stands. Both
    // solutions begin with the same step, so its completions are paid for once.
    assert_eq!(server.requests(), 2 * 2 * 4 - 4);
    for said in [
        "2 of 2 agree with the records' own label (100.0 %)",
        "6 steps labelled: 4 correct, 2 incorrect",
        "completions that these solutions need: 16 with every-step, 8 with first-error",
    ] {
        assert!(ran.err.contains(said), "{said}\n{}", ran.err);
    }
    // The same again asks nothing.
    let again = label(&place, &server, &["-o", "labels.jsonl"]).await.passed();
    assert!(
        again.err.contains("2 of 2 records judged; 2 of them by an earlier run"),
        "{}",
        again.err
    );
    assert!(again.err.contains("\n0 requests, 0 prompt tokens"), "{}", again.err);
    assert_eq!((server.requests(), lines(&place.read("labels.jsonl"))), (12, found));
}

#[tokio::test]
async fn the_search_completes_only_solutions_that_end_wrong() {
    let (place, server) = (Place::new("label-search"), Server::start(goes_on).await);
    place.file("records.jsonl", records());
    let ran = label(&place, &server, &["--method", "first-error", "--cache", "off"]).await.passed();
    let found = lines(&ran.out);
    assert_eq!(
        values(&found[0]),
        vec![("correct".to_owned(), None); 2]
            .into_iter()
            .chain([("correct".to_owned(), Some(1.0))])
            .collect::<Vec<_>>()
    );
    assert_eq!(found[1].result.verdict.first_error, Some(1));
    assert_eq!(values(&found[1]).len(), 2, "what follows the first error has no label");
    assert_eq!(server.requests(), 2 * 4);
    assert_eq!((found[1].needed.every_step, found[1].needed.first_error), (8, 8));
}

#[tokio::test]
async fn training_data_has_the_labels_of_every_solution_without_a_gap() {
    let (place, server) = (Place::new("label-training"), Server::start(goes_on).await);
    place.file("records.jsonl", records());
    let _ = label(&place, &server, &["-o", "a.jsonl", "--training", "trl.jsonl"]).await.passed();
    let training = place.read("trl.jsonl");
    let second: Value = serde_json::from_str(training.lines().nth(1).unwrap()).unwrap();
    let wanted = json!({
        "prompt": "2 + 3 + 1 - 4",
        "completions": ["2 + 3 = 5", "5 + 1 = 7", "7 - 4 = 3"],
        "labels": [true, false, false],
    });
    assert_eq!(second, wanted);
    let more = ["--method", "first-error", "--training-format", "prm800k"];
    let more = [&["-o", "b.jsonl", "--training", "prm.jsonl"][..], &more].concat();
    let _ = label(&place, &server, &more).await.passed();
    let training = place.read("prm.jsonl");
    let second: Value = serde_json::from_str(training.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["question"], json!({"problem": "2 + 3 + 1 - 4", "ground_truth_answer": "2"}));
    assert_eq!(second["label"]["finish_reason"], "found_error");
    let ratings: Vec<_> = second["label"]["steps"].as_array().unwrap().iter().collect();
    let rating = |step: &Value| step["completions"][0]["rating"].clone();
    assert_eq!(ratings.into_iter().map(rating).collect::<Vec<_>>(), [1, -1]);
}

#[tokio::test]
async fn a_record_that_cannot_be_labelled_costs_itself() {
    let (place, server) = (Place::new("label-broken"), Server::start(goes_on).await);
    let broken = "{\"id\": \"no reference\", \"problem\": \"1 + 1\", \"steps\": [\"1 + 1 = 2\"]}\n{\"id\": \"no steps\", \"problem\": \"1 + 1\", \"reference\": \"2\"}\n";
    place.file("records.jsonl", &(records() + broken));
    let ran = label(&place, &server, &["-o", "labels.jsonl"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let found = lines(&place.read("labels.jsonl"));
    let errors: Vec<_> = found.iter().map(|line| line.result.error.is_some()).collect();
    assert_eq!(errors, [false, false, true, true]);
    assert!(ran.err.contains("reference") && ran.err.contains("steps"), "{}", ran.err);
}

#[tokio::test]
async fn a_policy_that_never_ends_right_labels_nothing() {
    let never = |_: &Seen| Reply::says("The answer is 99.");
    let (place, server) = (Place::new("label-never"), Server::start(never).await);
    place.file("records.jsonl", records());
    let ran = label(&place, &server, &[]).await.passed();
    let found = lines(&ran.out);
    let why = found[1].result.unreadable.as_ref().unwrap();
    assert!(why.detail.contains("too hard for the policy"), "{}", why.detail);
    assert_eq!(found[1].rollouts[0].steps, 0, "the problem itself was tried");
}

#[test]
fn what_cannot_label_is_refused_before_anything_is_sent() {
    let place = Place::new("label-refused");
    place.file("records.jsonl", records());
    for (args, said) in [
        (&["-p", "continue"][..], "does not complete solutions"),
        (&["--threshold", "1"], "is not from 0 to below 1"),
        (&["--check", "check:nmber"], "unknown check `nmber`"),
        (&["-o", "labels.csv"], "unknown format"),
    ] {
        let all = [&["label", "records.jsonl", "-m", "tiny"][..], args].concat();
        let ran = place.run(&all);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

/// What is left of a sum after a step is a sum, which the shipped model solves: so it labels steps.
#[tokio::test]
async fn the_shipped_model_finds_the_first_errors_that_are_known() {
    let place = Place::new("label-tiny");
    let examples = include_str!("../../examples/arithmetic-rollouts.jsonl");
    let first: String = examples.lines().take(8).map(|line| format!("{line}\n")).collect();
    place.file("records.jsonl", &first);
    let args = ["label", "records.jsonl", "-m", "tiny", "--draws", "3", "--temperature", "0.5"];
    let ran = place.run(&args).passed();
    let found = lines(&ran.out);
    assert_eq!(found.len(), 8);
    let agree = found.iter().filter(|line| {
        let item = line.result.item.as_ref().unwrap();
        line.result.verdict.first_error == item["label"].as_i64()
    });
    assert!(agree.count() >= 7, "{}", ran.err);
}
