//! `tribunal revise`: files in, better files out, and nothing paid twice.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]

use std::{process::Child, time::Duration};

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};

/// How many times an answer was improved.
fn improved(text: &str) -> usize {
    text.matches("PLUS").count()
}

fn is_policy(seen: &Seen) -> bool {
    seen.body["model"] == "writer"
}

fn said(seen: &Seen) -> String {
    seen.body["messages"].to_string()
}

/// Every improvement is worth three points, and the policy makes one at a time: 3, 6, 9.
fn improves(seen: &Seen) -> Reply {
    let count = improved(&said(seen));
    if is_policy(seen) {
        return Reply::says(&format!("An answer{}", " PLUS".repeat(count + 1)));
    }
    Reply::says(&format!("More is better.\nScore: {}", (3 + 3 * count).min(10)))
}

/// What a record takes: three judgments, two revisions, and the final judgment.
const CALLS: usize = 6;

fn records(count: usize) -> String {
    let record =
        |n| format!("{{\"id\": \"r{n}\", \"question\": \"q{n}\", \"answer\": \"a{n}\"}}\n");
    (0..count).map(record).collect()
}

fn start(place: &Place, server: &Server, args: &[&str]) -> Child {
    let mut all = vec!["revise"];
    all.extend(args);
    let more = [
        "-m",
        "openai/x",
        "--base-url",
        &server.url,
        "--policy",
        "openai/writer",
        "--policy-base-url",
        &server.url,
    ];
    all.extend(more);
    place.start(&all)
}

async fn run(place: &Place, server: &Server, args: &[&str]) -> Ran {
    Ran::ended(start(place, server, args)).await
}

const PASS: [&str; 2] = ["--pass", "score >= 9"];

#[tokio::test(flavor = "multi_thread")]
async fn every_record_has_a_line_with_its_lineage_and_a_rerun_costs_nothing() {
    let place = Place::new("revise-lines");
    let server = Server::start(improves).await;
    place.file("r.jsonl", records(5));
    let ran = run(&place, &server, &[&["r.jsonl"], &PASS[..]].concat()).await;
    assert_eq!((ran.code, server.requests()), (0, 5 * CALLS), "{}", ran.err);
    assert!(
        ran.err.contains("5 of 5 records passed\npassed 5\n10 revisions, 30 calls"),
        "{}",
        ran.err
    );
    let line = &ran.lines()[2];
    assert_eq!(
        json!({
            "id": line["id"], "outcome": line["outcome"], "passed": line["passed"],
            "final": line["final"], "best_round": line["best_round"],
            "score_first": line["score_first"], "score_best": line["score_best"],
            "check": line["final_check"]["score"], "flipped": line["final_check"]["flipped"],
            "calls": line["calls"], "cost": line["cost"],
        }),
        json!({
            "id": "r2", "outcome": "passed", "passed": true,
            "final": "An answer PLUS PLUS", "best_round": 2,
            "score_first": 3, "score_best": 9, "check": 9, "flipped": false,
            "calls": 6, "cost": null,
        })
    );
    let rounds = line["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 3);
    assert_eq!(
        (&rounds[1]["draft"], &rounds[1]["critique"], &rounds[1]["accepted"], &rounds[1]["score"]),
        (&json!("An answer PLUS"), &json!("More is better."), &json!(true), &json!(6))
    );
    let policy = server.seen().into_iter().find(is_policy).unwrap();
    assert!(
        said(&policy).contains("More is better.") && !said(&policy).contains("Score"),
        "{policy:?}"
    );

    let again = run(&place, &server, &[&["r.jsonl"], &PASS[..]].concat()).await;
    assert_eq!((again.code, server.requests()), (0, 5 * CALLS));
    assert!(again.err.contains("30 calls (30 cached), 0 prompt tokens"), "{}", again.err);
    assert_eq!(again.lines()[2]["final"], line["final"]);

    // A longer loop goes on from where the shorter one ended.
    let strict = run(&place, &server, &["r.jsonl", "--pass", "score >= 10"]).await;
    assert_eq!((strict.code, server.requests()), (0, 5 * (CALLS + 3)), "{}", strict.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_the_rest_is_paid_and_nothing_else() {
    let place = Place::new("revise-kill");
    let server = Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(10));
        improves(seen)
    })
    .await;
    place.file("r.jsonl", records(30));
    let args = [&["r.jsonl", "-o", "out.jsonl", "-q"], &PASS[..]].concat();
    let mut killed = 0;
    for part in 1..=3 {
        let mut child = start(&place, &server, &args);
        while server.requests() < part * 30 {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 16;
    }
    let ran = run(&place, &server, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = place.read("out.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, (0..30).map(|n| format!("r{n}")).collect::<Vec<_>>());
    assert!(
        lines
            .iter()
            .all(|line| line["outcome"] == "passed" && line["final"] == "An answer PLUS PLUS")
    );
    let twice = server.requests() - 30 * CALLS;
    assert!(twice <= killed, "{twice} requests were paid twice");

    let before = server.requests();
    let again = run(
        &place,
        &server,
        &[&["r.jsonl", "-o", "out.jsonl", "--cache", "off"], &PASS[..]].concat(),
    )
    .await;
    assert_eq!((again.code, server.requests()), (0, before), "{}", again.err);
    assert!(again.err.contains("30 were revised by an earlier run"), "{}", again.err);
    assert_eq!(place.read("out.jsonl"), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_says_so_and_goes_on_later() {
    let place = Place::new("revise-stop");
    let server = Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(5));
        improves(seen)
    })
    .await;
    place.file("r.jsonl", records(60));
    let args = [&["r.jsonl", "-o", "out.jsonl"], &PASS[..]].concat();
    let child = start(&place, &server, &args);
    while server.requests() < 40 {
        tokio::task::yield_now().await;
    }
    let ran = Ran::interrupted(child).await;
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("run the same command again to continue"), "{}", ran.err);
    let done = place.read("out.jsonl").lines().count();
    assert!((1..60).contains(&done), "{done}");
    assert_eq!(server.requests(), done * CALLS, "what was begun was ended");
    let again = run(&place, &server, &args).await;
    assert_eq!((again.code, server.requests()), (0, 60 * CALLS), "{}", again.err);
    let manifest: Value = serde_json::from_str(&place.read("out.jsonl.run.json")).unwrap();
    assert_eq!(
        (&manifest["loop"]["reviser"]["prompt"]["name"], &manifest["loop"]["accept"]),
        (&json!("revise"), &json!("score"))
    );
}

/// Given up at any moment, a loop goes on from its last answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_loop_that_is_dropped_loses_nothing_that_was_paid() {
    use tribunal::{
        Item, Judge,
        backend::cache::{Cache, Mode},
        models::{ModelSpec, Models},
        strategy::revise::{ReviseOptions, Writer},
    };
    let server = Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(30));
        improves(seen)
    })
    .await;
    let models = Models::default().cached(Cache::in_memory(Mode::On));
    let open = async |model: &str| {
        let spec = ModelSpec::new(model).base_url(&server.url);
        models.open(spec).await.unwrap()
    };
    let judge = Judge::builder().backend(open("judge").await).prompt("score").pass("score >= 9");
    let judge = judge.build().await.unwrap();
    let reviser = Judge::builder().backend(open("writer").await).prompt("revise");
    let writer = Writer::new(reviser.build().await.unwrap()).unwrap();
    let item = Item::new().question("q").answer("a");
    let mut drops = 0;
    let revision = loop {
        let options = ReviseOptions::default();
        let going = writer.revise(&judge, &item, &options);
        // A little longer every time, so that it is given up in every part of a round.
        match tokio::time::timeout(Duration::from_millis(5 + 7 * drops), going).await {
            Ok(revision) => break revision.unwrap(),
            Err(_) => drops += 1,
        }
    };
    assert!(revision.passed() && drops > 3, "{drops}");
    assert_eq!(server.requests(), CALLS, "given up {drops} times, every answer was paid for once");
    assert_eq!(revision.spent.calls as usize, CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_plain_file_becomes_another_with_its_lineage_beside_it() {
    let place = Place::new("revise-text");
    let server = Server::start(improves).await;
    place.file("draft.md", "A first answer.\n");
    place.file("brief.md", "Plain and short.");
    let args = [&["draft.md", "--criteria", "@brief.md", "-o", "final.md"], &PASS[..]].concat();
    let ran = run(&place, &server, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.read("final.md"), "An answer PLUS PLUS\n");
    let lineage: Value = serde_json::from_str(&place.read("final.md.revision.json")).unwrap();
    assert_eq!(lineage["rounds"].as_array().unwrap().len(), 3);
    assert!(said(&server.seen()[0]).contains("Plain and short."));
    assert!(said(&server.seen().into_iter().find(is_policy).unwrap()).contains("Plain and short."));

    let before = server.requests();
    let again = run(&place, &server, &args).await;
    assert_eq!((again.code, server.requests()), (0, before), "{}", again.err);
    // A text that somebody touched is not written over.
    place.file("final.md", "Mine.\n");
    let refused = run(&place, &server, &args).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("`final.md` exists already"), "{}", refused.err);
    let own = run(&place, &server, &["draft.md", "-o", "draft.md", "--pass", "score >= 9"]).await;
    assert!(own.code == 2 && own.err.contains("-o would write to `draft.md`"), "{}", own.err);
    assert_eq!(place.read("draft.md"), "A first answer.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_fails_the_command_under_its_own_name() {
    let place = Place::new("revise-outcomes");
    let never = |answer: &'static str| {
        Server::start(move |seen: &Seen| {
            if is_policy(seen) {
                return Reply::says(&format!("{answer} {}", seen.index));
            }
            Reply::says("No.\nScore: 2")
        })
    };
    place.file("r.jsonl", records(1));
    let server = never("Another answer").await;
    let stalled = run(&place, &server, &["r.jsonl", "--pass", "score >= 9"]).await;
    assert_eq!((stalled.code, &stalled.lines()[0]["outcome"]), (1, &json!("stalled")));
    let exhausted = run(
        &place,
        &server,
        &["r.jsonl", "--pass", "score >= 9", "--patience", "0", "--rounds", "2"],
    )
    .await;
    assert_eq!((exhausted.code, &exhausted.lines()[0]["outcome"]), (1, &json!("exhausted")));
    assert_eq!(exhausted.lines()[0]["rounds"].as_array().unwrap().len(), 3);
    let share = ["r.jsonl", "--pass", "score >= 9", "--fail-under", "0"];
    assert_eq!(run(&place, &server, &share).await.code, 0);

    let mute = Server::start(|_| Reply::says("I wonder.")).await;
    let unreadable = run(&place, &mute, &["r.jsonl", "--pass", "score >= 9"]).await;
    assert_eq!(
        (unreadable.code, &unreadable.lines()[0]["outcome"]),
        (1, &json!("judge-unreadable"))
    );

    let broken = Server::start(|seen| {
        if is_policy(seen) {
            return Reply::error(400, &json!({"error": {"message": "no such thing"}}));
        }
        improves(seen)
    })
    .await;
    let failed = run(&place, &broken, &["r.jsonl", "--pass", "score >= 9"]).await;
    let line = &failed.lines()[0];
    assert_eq!(
        (failed.code, &line["outcome"], &line["final"]),
        (3, &json!("failed"), &json!("a0"))
    );
    assert!(line["error"]["message"].as_str().unwrap().contains("no such thing"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_judge_denies_what_only_pleases_the_loops_own() {
    let place = Place::new("revise-final");
    let server = Server::start(|seen| match seen.body["model"].as_str() {
        Some("strict") => Reply::says("Padded.\nScore: 4"),
        _ => improves(seen),
    })
    .await;
    place.file("r.jsonl", records(2));
    place.file(
        "tribunal.toml",
        format!("[judge.strict]\nprompt = \"score\"\nmodel = \"strict\"\n[model.strict]\nname = \"openai/strict\"\nbase_url = \"{}\"\n", server.url),
    );
    let ran =
        run(&place, &server, &["r.jsonl", "--pass", "score >= 9", "--final-judge", "strict"]).await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    let line = &ran.lines()[0];
    assert_eq!(
        (
            &line["outcome"],
            &line["passed"],
            &line["final_check"]["pass"],
            &line["final_check"]["flipped"]
        ),
        (&json!("passed"), &json!(false), &json!(false), &json!(true))
    );
    assert!(ran.err.contains("2 passed their own judge and not the final judgment"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_names_judge_policy_and_prices_and_budgets_of_money_hold() {
    let place = Place::new("revise-config");
    let server = Server::start(improves).await;
    place.file("r.jsonl", records(1));
    let model = |name: &str| {
        format!(
            "[model.{name}]\nname = \"openai/{name}\"\nbase_url = \"{}\"\nprice = {{ prompt = 1000, completion = 10000 }}\n",
            server.url
        )
    };
    let judge = "[judge.kind]\nprompt = \"score\"\nmodel = \"x\"\npolicy = \"writer\"\npass = \"score >= 9\"\n";
    place.file("tribunal.toml", format!("{judge}{}{}", model("x"), model("writer")));
    let revise = async |more: &[&str]| {
        let args = [&["revise", "r.jsonl", "--judge", "kind", "--cache", "off"], more].concat();
        Ran::ended(place.start(&args)).await
    };
    let ran = revise(&[]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(server.seen().iter().any(is_policy));
    let line = &ran.lines()[0];
    let whole = line["cost"].as_f64().unwrap();
    let parts = line["rounds"].as_array().unwrap().iter().chain([&line["final_check"]]);
    let sum: f64 = parts.map(|part| part["cost"].as_f64().unwrap()).sum();
    assert!(whole > 0.0 && (whole - sum).abs() < 1e-9, "{whole} is {sum}");

    let most = format!("{}", whole * 0.7);
    let cheap = revise(&["--cost", &most]).await;
    let line = &cheap.lines()[0];
    assert_eq!((cheap.code, &line["outcome"]), (1, &json!("exhausted")), "{}", cheap.err);
    assert!(line["cost"].as_f64().unwrap() <= whole * 0.7);
    let tokens = revise(&["--tokens", "1"]).await;
    assert_eq!(tokens.lines()[0]["rounds"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_are_loops_that_were_published() {
    let place = Place::new("revise-presets");
    let server = Server::start(|seen| {
        let text = said(seen);
        if is_policy(seen)
            && (text.contains("Give no score")
                || text.contains("why did this attempt fail")
                || text.contains("goes against the principle"))
        {
            return Reply::says(&format!("Critic of {} words", improved(&text)));
        }
        if text.contains("Assistant A") || text.contains("Verdict") {
            let first = text.find("PLUS PLUS").unwrap_or(usize::MAX);
            let only = text.find("Answer B").unwrap_or(0);
            return Reply::says(if first < only { "Verdict: [[A]]" } else { "Verdict: [[B]]" });
        }
        improves(seen)
    })
    .await;
    place.file("r.jsonl", records(1));
    for preset in ["self-refine", "reflexion", "constitutional", "jetts"] {
        let mut args =
            vec!["r.jsonl", "--pass", "score >= 9", "--preset", preset, "--cache", "off"];
        if preset == "constitutional" {
            args.extend(["--principle", "Be brief.", "--principle", "Be kind."]);
        }
        let ran = run(&place, &server, &args).await;
        assert_eq!(ran.code, 0, "{preset}: {}", ran.err);
        let line = &ran.lines()[0];
        let critique = line["rounds"][0]["critique"].as_str().unwrap();
        let own = preset == "jetts";
        assert_eq!(critique.starts_with("Critic of"), !own, "{preset}: {critique}");
    }
    let kind = server.seen().iter().filter(|seen| said(seen).contains("Be kind.")).count();
    assert_eq!(kind, 1, "the second round's principle");
    let ran =
        run(&place, &server, &["r.jsonl", "--pass", "score >= 9", "--preset", "constitutional"])
            .await;
    assert!(ran.code == 2 && ran.err.contains("the critic needs principles"), "{}", ran.err);
    let ran = run(&place, &server, &["r.jsonl", "--preset", "critic"]).await;
    assert!(ran.code == 2 && ran.err.contains("needs a check as its judge"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_without_a_model_judges_and_never_tells_its_reference() {
    let place = Place::new("revise-check");
    let server = Server::start(|seen| {
        let right = said(seen).contains("is `41`, which is not");
        Reply::says(if right { "So it is 42." } else { "So it is 41." })
    })
    .await;
    place.file(
        "r.jsonl",
        "{\"id\": \"a\", \"question\": \"12 + 30\", \"answer\": \"40\", \"reference\": \"42\"}\n",
    );
    let args = [
        "revise",
        "r.jsonl",
        "-m",
        "check:number",
        "--preset",
        "critic",
        "--policy",
        "openai/writer",
        "--policy-base-url",
        &server.url,
    ];
    let ran = Ran::ended(place.start(&args)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = &ran.lines()[0];
    assert_eq!((&line["outcome"], &line["final"]), (&json!("passed"), &json!("So it is 42.")));
    assert!(
        server.seen().iter().all(|seen| !said(seen).contains("42")),
        "the reference is not told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_are_shown_word_by_word_and_records_without_an_answer_are_drafted() {
    let place = Place::new("revise-shown");
    let server = Server::start(improves).await;
    place.file("r.jsonl", "{\"id\": \"a\", \"question\": \"Why?\"}\n{\"id\": \"torn\"\n");
    let ran = run(&place, &server, &["r.jsonl", "--pass", "score >= 9", "-v", "-p", "score"]).await;
    assert_eq!(ran.code, 3, "the torn record is told, and costs itself: {}", ran.err);
    assert!(
        ran.err.contains("── a round 0: 6, to be revised\n   An answer PLUS\n   │ More is better."),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("── a round 1: 9, pass\n   An answer PLUS {+PLUS+}"), "{}", ran.err);
    assert_eq!((&ran.lines()[0]["rounds"][0]["calls"], ran.lines().len()), (&json!(2), 2));
    assert_eq!(ran.lines()[1]["outcome"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_refused_before_anything_is_asked() {
    let place = Place::new("revise-wrong");
    let server = Server::start(improves).await;
    place.file("r.jsonl", records(1));
    place.file(
        "pairs.jsonl",
        "{\"question\": \"q\", \"response_a\": \"x\", \"response_b\": \"y\"}\n",
    );
    for (args, says) in [
        (&["r.jsonl", "--accept", "sometimes"][..], "invalid accept rule `sometimes`"),
        (&["r.jsonl", "--keep-steps"], "does not judge steps"),
        (&["r.jsonl", "--cost", "1"], "needs the price of tokens"),
        (&["r.jsonl", "--critic", "score"], "a critic must give a critique"),
        (&["r.jsonl", "--principle", "Be kind."], "no critic reads --principle"),
        (&["r.jsonl", "--revise-prompt", "score"], "writes no text"),
        (&["r.jsonl", "--time", "soon"], "write a time such as 90s"),
        (&["r.jsonl", "-o", "out.csv"], "cannot write revisions to `out.csv`"),
        (&["r.jsonl", "-p", "pair"], "cannot follow verdicts of the kind preference"),
    ] {
        let ran = run(&place, &server, args).await;
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(server.requests(), 0);
    let ran = run(&place, &server, &["pairs.jsonl", "-p", "score", "--pass", "score >= 9"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("holds several answers"), "{}", ran.err);
}

#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn the_shipped_model_mends_wrong_sums_offline_and_a_rerun_asks_nothing() {
    let place = Place::new("revise-tiny");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/arithmetic-wrong.jsonl");
    let ran = place.run(&["revise", examples, "--fail-under", "0.9"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.lines();
    assert_eq!(lines.len(), 50);
    // The oracle: the sum itself.
    let right = lines.iter().filter(|line| {
        let question = line["item"]["question"].as_str().unwrap().chars();
        let sum: String = question.filter(|c| c.is_ascii_digit() || "+-".contains(*c)).collect();
        let parts = sum.replace('-', "+-");
        let total: i64 = parts.split('+').map(|part| part.parse::<i64>().unwrap()).sum();
        let last = line["final"].as_str().unwrap().split_whitespace().next_back().unwrap();
        last.trim_end_matches('.') == total.to_string()
    });
    assert!(right.count() >= 45);
    assert!(lines.iter().all(|line| line["outcome"].is_string()));
    let again = place.run(&["revise", examples, "--summary", "figures.json"]);
    let figures: Value = serde_json::from_str(&place.read("figures.json")).unwrap();
    assert_eq!(figures["requests"], 0, "{}", again.err);
    assert_eq!(figures["calls"], figures["cached"]);
}
