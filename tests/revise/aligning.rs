//! `tribunal align`: a prompt is repaired by labelled disagreements, and records that no proposal saw decide.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeSet,
    process::Child,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};

/// A judge that does not know by which rule people label.
const ORIGINAL: &str = "---
kind: label
fields: {answer: required}
scale: {labels: {good: 1, bad: 0}}
verdict: 'Verdict: *'
---
Is this number good?
{{ answer }}
Write `Verdict: good` or `Verdict: bad`.
";

fn said(seen: &Seen) -> String {
    seen.body["messages"].to_string()
}

fn is_writer(seen: &Seen) -> bool {
    seen.body["model"] == "writer"
}

/// A judge that calls even numbers good if its prompt says so, and otherwise every number.
fn judges(seen: &Seen) -> Reply {
    let text = said(seen);
    let number: usize = text.split('#').nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
    let is_good = !text.contains("even numbers") || number.is_multiple_of(2);
    Reply::says(&format!("I looked.\nVerdict: {}", if is_good { "good" } else { "bad" }))
}

/// So many records, of which the even ones are good.
fn records(count: usize) -> String {
    let record = |n: usize| {
        let label = if n.is_multiple_of(2) { "good" } else { "bad" };
        format!(
            "{}\n",
            json!({"id": format!("r{n}"), "answer": format!("Number #{n}."), "gold": label})
        )
    };
    (0..count).map(record).collect()
}

async fn align(place: &Place, server: &Server, more: &[&str]) -> Ran {
    Ran::ended(start(place, server, more)).await
}

fn start(place: &Place, server: &Server, more: &[&str]) -> Child {
    let args = [
        "align",
        "judge.jinja",
        "labelled.jsonl",
        "--label",
        "gold",
        "-o",
        "better.jinja",
        "--json",
        "-m",
        "openai/x",
        "--base-url",
        &server.url,
        "--writer",
        "openai/writer",
        "--writer-base-url",
        &server.url,
        "--rounds",
        "1",
    ];
    place.start(&[&args[..], more].concat())
}

fn candidates(place: &Place) -> Vec<Value> {
    let lines = place.read("better.jinja.candidates.jsonl");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_prompt_is_found_and_what_asks_for_more_is_rejected() {
    let place = Place::new("align-better");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    let better =
        ORIGINAL.replace("Is this number good?", "Only even numbers are good. Is this one?");
    let proposals = [
        "I would rather not.".to_owned(),
        better.replace("bad: 0}", "bad: 0, fine: 2}"),
        better.replace("{{ answer }}", "{{ answer }} {{ gold }}"),
        better.replace("{{ answer }}", "{{ answer }} {{ run('print(1)') }}"),
        ORIGINAL.replace("Is this number good?", "Think well."),
        format!("Here it is:\n```jinja\n{better}```"),
    ];
    let proposed = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        if is_writer(seen) {
            return Reply::says(&proposals[proposed.fetch_add(1, Ordering::SeqCst)]);
        }
        judges(seen)
    })
    .await;
    let ran = align(&place, &server, &["--candidates", "6"]).await.passed();
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["records"], json!({"training": 18, "validation": 18, "held_out": 24}));
    assert_eq!(
        (&report["better"], &report["candidates"], &report["rejected"]),
        (&json!(true), &json!(6), &json!(4))
    );
    let held_out = &report["held_out"];
    assert_eq!(
        (&held_out["before"]["agreement"], &held_out["after"]["agreement"]),
        (&json!(0.5), &json!(1.0))
    );
    assert!(held_out["after"]["p"].as_f64().unwrap() < 0.01, "{held_out}");
    assert_eq!(place.read("better.jinja"), better);
    let why: Vec<Value> = candidates(&place).iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(why[0], "it is no prompt file: it has no line `---`");
    assert!(why[1].as_str().unwrap().starts_with("it changes"), "{why:?}");
    assert!(why[2].is_string() && why[3].is_string(), "{why:?}");
    assert_eq!((&why[4], &why[5]), (&Value::Null, &Value::Null), "{why:?}");
    // The writer reads training records alone: fewer than are left for the two other parts.
    let seen = server.seen();
    let shown: BTreeSet<String> = seen
        .iter()
        .filter(|seen| is_writer(seen))
        .flat_map(|seen| {
            let text = said(seen);
            text.split("Number #")
                .skip(1)
                .map(|rest| rest.split('.').next().unwrap().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(!shown.is_empty() && shown.len() <= 18, "{shown:?}");
    // What the judge saw holds no label.
    assert!(seen.iter().filter(|seen| !is_writer(seen)).all(|seen| !said(seen).contains("gold")));
    // The same command again costs nothing, and gives the same.
    let paid = server.requests();
    let again = align(&place, &server, &["--candidates", "6"]).await.passed();
    assert_eq!((server.requests(), again.out), (paid, ran.out));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_is_not_better_on_held_out_records_changes_nothing() {
    let place = Place::new("align-chance");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    // The proposal helps with what it was shown and with a few others, and not with the rest.
    let server = Server::start(|seen| {
        if is_writer(seen) {
            let file = ORIGINAL
                .replace("Is this number good?", "1, 21 and 31 are bad. Is this number good?");
            return Reply::says(&file);
        }
        let text = said(seen);
        let is_bad = text.contains("are bad")
            && ["#1.", "#21.", "#31."].iter().any(|one| text.contains(one));
        Reply::says(if is_bad { "Verdict: bad" } else { "Verdict: good" })
    })
    .await;
    // With some division of the records, one of the three is for validation.
    for seed in ["0", "1", "2"] {
        let ran =
            align(&place, &server, &["--candidates", "1", "--parts-seed", seed]).await.passed();
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(report["better"], json!(false), "{report}");
        assert_eq!(place.read("better.jinja"), ORIGINAL);
        assert!(ran.err.contains("wrote the prompt as it was to better.jinja"), "{}", ran.err);
    }
    place.file("labelled.jsonl", records(20));
    let ran = align(&place, &server, &[]).await;
    assert!(ran.code == 2 && ran.err.contains("20 labelled records are too few"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_mean_no_verdict_cost_their_records_and_not_the_run() {
    let place = Place::new("align-labels");
    place.file("judge.jinja", ORIGINAL);
    let odd = ["maybe", "goood", "3.5"].into_iter().enumerate().map(|(n, label)| {
        format!("{}\n", json!({"id": format!("odd{n}"), "answer": "Number #7.", "gold": label}))
    });
    let odd: String = odd.collect();
    place.file("labelled.jsonl", records(40) + &odd);
    let server =
        Server::start(|seen| if is_writer(seen) { Reply::says("No.") } else { judges(seen) }).await;
    let ran = align(&place, &server, &["--candidates", "1"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["left_out"], 3);
    assert_eq!(report["records"], json!({"training": 12, "validation": 12, "held_out": 16}));
    assert_eq!(place.read("better.jinja"), ORIGINAL);
    // Nothing was asked about them: 40 judgments and one proposal.
    assert_eq!(server.requests(), 41);
    place.file("labelled.jsonl", odd);
    let ran = align(&place, &server, &[]).await;
    assert!(ran.code == 2 && ran.err.contains("--label-map WORD=MEANING"), "{}", ran.err);
    assert_eq!(server.requests(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_its_budget_ends_continues_with_what_it_paid_for() {
    let place = Place::new("align-budget");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    let server = Server::start(|seen| {
        if is_writer(seen) {
            let better = ORIGINAL.replace("Is this", "Only even numbers are good. Is this");
            return Reply::says(&better);
        }
        judges(seen)
    })
    .await;
    let ran = align(&place, &server, &["--candidates", "1", "--max-requests", "50"]).await;
    assert!(ran.code == 3 && ran.err.contains("--max-requests"), "{} {}", ran.code, ran.err);
    assert!(!place.folder.path("better.jinja").exists());
    let ran = align(&place, &server, &["--candidates", "1"]).await.passed();
    assert!(ran.out.contains("\"better\": true"), "{}", ran.out);
    // 60 records by the original, 60 by the candidate, and one proposal.
    assert_eq!(server.requests(), 121);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_pays_the_rest_and_nothing_else() {
    // What is in flight at a kill may be paid for twice: the requests that are sent at once, and answers that are not
    // committed yet.
    const AT_ONCE: usize = 4;
    let place = Place::new("align-kill");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    let server = Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(5));
        if is_writer(seen) {
            let better = ORIGINAL.replace("Is this", "Only even numbers are good. Is this");
            return Reply::says(&better);
        }
        judges(seen)
    })
    .await;
    let more = ["--candidates", "1", "-j", "4"];
    let mut killed = 0;
    // In the validation part, in the training part, and in the held-out part.
    for enough in [10, 40, 100] {
        let mut child = start(&place, &server, &more);
        while server.requests() < enough {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        assert!(!place.folder.path("better.jinja").exists(), "nothing is decided yet");
    }
    let ran = align(&place, &server, &more).await.passed();
    assert!(ran.out.contains("\"better\": true"), "{}", ran.out);
    // 60 records by the original, 60 by the candidate, and one proposal.
    let all: BTreeSet<String> = server.seen().iter().map(said).collect();
    assert_eq!(all.len(), 121);
    let twice = server.requests() - 121;
    assert!(twice <= killed * 2 * AT_ONCE, "{twice} requests were paid for twice");
    // The same command again sends nothing, and says the same.
    let paid = server.requests();
    let again = align(&place, &server, &more).await.passed();
    assert_eq!((server.requests(), again.out), (paid, ran.out));
}

/// A server whose writer proposes a rule, and takes its time, so that a run can be killed.
async fn slow() -> Server {
    Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(5));
        if is_writer(seen) {
            return Reply::says(
                &ORIGINAL.replace("Is this", "Only even numbers are good. Is this"),
            );
        }
        judges(seen)
    })
    .await
}

/// Starts a run, and kills it after so many further requests.
async fn killed(place: &Place, server: &Server, more: &[&str], enough: usize) {
    let enough = server.requests() + enough;
    let mut child = start(place, server, more);
    while server.requests() < enough {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_with_other_labels_is_not_paid_for_again_and_its_candidates_are_apart() {
    let place = Place::new("align-other");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    let server = slow().await;
    let more = ["--candidates", "1", "-j", "1"];
    let _ = align(&place, &server, &more).await.passed();
    let first = candidates(&place);
    assert_eq!((first.len(), server.requests()), (1, 121));

    // Ten labels are changed, and the run is killed as soon as it has asked for anything.
    let other = records(60).replacen("\"good\"", "\"bad\"", 10);
    place.file("labelled.jsonl", other);
    killed(&place, &server, &more, 1).await;
    let ran = align(&place, &server, &more).await.passed();
    assert!(ran.err.contains("kept 1 candidate of other labels, prompts or models"), "{}", ran.err);
    let both = candidates(&place);
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert!(both[0]["run"] != both[1]["run"] && both[1]["run"].is_string(), "{both:?}");
    // The judge has said everything already, but what a part of other labels asks about for the first time.
    let asked: Vec<String> = server.seen().iter().map(said).collect();
    let distinct: BTreeSet<&String> = asked.iter().collect();
    assert!(
        asked.len() - distinct.len() <= 2,
        "{} requests were paid for twice",
        asked.len() - distinct.len()
    );
    // The run is repeated: nothing is asked, and nothing is added.
    let paid = server.requests();
    let _ = align(&place, &server, &more).await.passed();
    assert_eq!((candidates(&place), server.requests()), (both, paid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_goes_on_with_more_labels_or_another_prompt() {
    let place = Place::new("align-more");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    let server = slow().await;
    let more = ["--candidates", "1", "-j", "1"];
    killed(&place, &server, &more, 80).await;
    place.file("labelled.jsonl", records(80));
    let ran = align(&place, &server, &more).await.passed();
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["records"], json!({"training": 24, "validation": 24, "held_out": 32}));
    let twice = |server: &Server| {
        let asked: Vec<String> = server.seen().iter().map(said).collect();
        asked.len() - asked.iter().collect::<BTreeSet<_>>().len()
    };
    assert!(twice(&server) <= 2, "{} requests were paid for twice", twice(&server));

    // Another prompt is another run: killed, and then finished.
    place.file("judge.jinja", ORIGINAL.replace("Write `", "Think, and write `"));
    killed(&place, &server, &more, 30).await;
    let ran = align(&place, &server, &more).await.passed();
    assert!(ran.err.contains("of other labels, prompts or models"), "{}", ran.err);
    assert!(twice(&server) <= 4, "{} requests were paid for twice", twice(&server));
    let runs: BTreeSet<String> =
        candidates(&place).iter().map(|one| one["run"].to_string()).collect();
    assert!(runs.len() >= 2, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_no_candidates_is_not_touched() {
    let place = Place::new("align-foreign");
    place.file("judge.jinja", ORIGINAL);
    place.file("labelled.jsonl", records(60));
    place.file("better.jinja.candidates.jsonl", "my notes\n");
    let server = slow().await;
    let ran = align(&place, &server, &[]).await;
    assert!(ran.code == 2 && ran.err.contains("holds no candidates"), "{}", ran.err);
    assert!(ran.err.contains("--candidates-file"), "{}", ran.err);
    assert_eq!(
        (place.read("better.jinja.candidates.jsonl"), server.requests()),
        ("my notes\n".to_owned(), 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "judges a hundred and forty solutions, for half a minute"]
async fn the_shipped_model_judges_with_a_repaired_prompt() {
    let place = Place::new("align-tiny");
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/tiny-correct.jinja");
    let good = std::fs::read_to_string(good).unwrap();
    // It shows another problem than the one that was solved.
    place.file("judge.jinja", good.replace("Problem: {{ problem }}", "Problem: 1 + {{ problem }}"));
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/arithmetic-correct.jsonl");
    let server = Server::start(move |_| Reply::says(&good)).await;
    let args = [
        "align",
        "judge.jinja",
        examples,
        "-o",
        "better.jinja",
        "-m",
        "tiny",
        "--rounds",
        "1",
        "--candidates",
        "1",
        "--writer",
        "openai/writer",
        "--writer-base-url",
        &server.url,
    ];
    let ran = Ran::ended(place.start(&args)).await.passed();
    assert!(
        ran.out.contains("candidate 1 is better on records that it has not seen"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(place.read("better.jinja").contains("Problem: {{ problem }}"));
}
