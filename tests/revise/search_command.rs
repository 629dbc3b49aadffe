//! `tribunal search`: solutions are searched for step by step, with a real model and with servers.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};
use tribunal::records::{SearchLine, TreeLine};

/// The prompt of the judge.
const JUDGE: &str = "---\nkind: score\nfields: {question: required, answer: required}\nscale: {min: 1, max: 10}\nverdict: \"Score: *\"\n---\nuser:\nRate this.\n{{ question }}\n{{ answer }}\nassistant:\n{{ gen(\"critique\") }}\n";

fn records() -> String {
    let record = |id: &str, problem: &str, reference: &str| {
        format!("{}\n", json!({"id": id, "question": problem, "reference": reference}))
    };
    record("first", "2 + 3 + 1", "6") + &record("second", "2 + 3 - 1", "4")
}

/// A policy of two steps, of which the first is right in every second draw, and a judge that knows the right one.
fn answers() -> impl Fn(&Seen) -> Reply {
    // Servers get no number of a draw: for each problem, the policy errs in every other answer.
    let drawn = [AtomicU32::new(0), AtomicU32::new(0)];
    move |seen| {
        let said = seen.body["messages"].to_string();
        let is_second = said.contains("2 + 3 - 1");
        let result = if is_second { 4 } else { 6 };
        if said.contains("Rate this") {
            return Reply::says(if said.contains("2 + 3 = 6") { "Score: 1" } else { "Score: 10" });
        }
        Reply::says(&match (said.contains("= 5"), said.contains("= 6")) {
            (true, _) => format!("So it is {result}.\nThe answer is {result}."),
            (_, true) => "So it is 7.\nThe answer is 7.".to_owned(),
            _ => {
                let number = drawn[usize::from(is_second)].fetch_add(1, Ordering::Relaxed);
                format!("2 + 3 = {}", if number.is_multiple_of(2) { 6 } else { 5 })
            }
        })
    }
}

async fn search(place: &Place, server: &Server, args: &[&str]) -> Ran {
    place.file("judge.jinja", JUDGE);
    let more = ["records.jsonl", "-m", "openai/both", "--base-url", &server.url];
    let more = [&more[..], &["-p", "judge.jinja"]].concat();
    let all: Vec<&str> = ["search"].iter().chain(&more).chain(args).copied().collect();
    Ran::ended(place.start(&all)).await
}

fn lines(text: &str) -> Vec<SearchLine> {
    text.lines().map(|line| SearchLine::read(line).unwrap()).collect()
}

#[tokio::test]
async fn the_chosen_solution_is_the_one_that_the_judge_likes_and_a_rerun_asks_nothing() {
    let (place, server) = (Place::new("search-beam"), Server::start(answers()).await);
    place.file("records.jsonl", records());
    let args = ["--paths", "4", "--expand", "2", "-o", "found.jsonl", "--summary", "sum.json"];
    let ran = search(&place, &server, &args).await.passed();
    let found = lines(&place.read("found.jsonl"));
    for line in &found {
        assert_eq!((line.right, line.value), (Some(true), Some(1.0)), "{line}");
        assert!(line.result.verdict.text.as_ref().unwrap().starts_with("2 + 3 = 5\n\nSo it is"));
        assert_eq!(line.result.key.len(), 32);
        // Both first steps are kept, and the two draws after each are one step.
        assert_eq!((line.nodes, line.paths.len(), line.paths[0].times), (4, 2, 2), "{line}");
        assert_eq!((line.policy_cost.calls, line.judge_cost.calls), (4 + 4, 4));
    }
    assert_eq!(found[0].answer.as_deref(), Some("6"));
    let figures: Value = serde_json::from_str(&place.read("sum.json")).unwrap();
    assert_eq!(figures["accuracy"]["share"], 1.0);
    assert_eq!(figures["policy"]["calls"], 16);
    assert!(ran.err.contains("2 of 2 right (100.0 %)"), "{}", ran.err);
    let asked = server.requests();
    let again = search(&place, &server, &args).await.passed();
    assert!(again.err.contains("2 of them by an earlier run"), "{}", again.err);
    // What an earlier run paid for is not paid for again.
    assert!(again.err.contains("\n0 requests, 0 prompt tokens"), "{}", again.err);
    assert_eq!((server.requests(), lines(&place.read("found.jsonl"))), (asked, found));
}

#[tokio::test]
async fn trees_are_written_as_lines_and_as_a_picture_also_for_results_of_an_earlier_run() {
    let (place, server) = (Place::new("search-trees"), Server::start(answers()).await);
    place.file("records.jsonl", records());
    let few = ["--paths", "4", "--expand", "2", "-o", "found.jsonl"];
    let _ = search(&place, &server, &few).await.passed();
    let asked = server.requests();
    let trees = [&few[..], &["--tree", "t.jsonl", "--tree", "t.svg", "--show-tree"]].concat();
    let ran = search(&place, &server, &trees).await.passed();
    assert_eq!(server.requests(), asked, "the steps are in the cache");
    let tree: Vec<TreeLine> =
        place.read("t.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(tree.iter().filter(|line| line.id == "first").count(), 4);
    assert!(tree.iter().is_sorted_by_key(|line| line.id != "first"), "in the order of the input");
    let chosen: Vec<_> = tree.iter().filter(|line| line.chosen && line.id == "second").collect();
    assert_eq!(chosen.iter().map(|line| line.depth).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((chosen[1].parent, chosen[1].end, chosen[1].times), (chosen[0].node, true, 2));
    let picture = place.read("t.svg");
    assert!(picture.contains("2 + 3 = 5") && picture.contains("chosen"), "{picture}");
    assert!(ran.err.contains("── * 2 + 3 = 5  1.00"), "{}", ran.err);
}

/// Solutions of one step, of which every other one is right, and a judge: what it gains is said, or that it gains nothing.
#[tokio::test]
async fn a_judge_that_tosses_a_coin_is_reported_as_no_better_than_chance() {
    let place = Place::new("search-coin");
    let record =
        |n: u32| format!("{}\n", json!({"id": n, "question": format!("n{n}?"), "reference": "5"}));
    place.file("records.jsonl", (0..24).map(record).collect::<String>());
    let drawn = AtomicU32::new(0);
    let answers = move |sees: bool| {
        let drawn = AtomicU32::new(drawn.load(Ordering::Relaxed));
        move |seen: &Seen| {
            let said = seen.body["messages"].to_string();
            if said.contains("Rate this") {
                let toss = 1 + blake3::hash(said.as_bytes()).as_bytes()[0] % 10;
                let knows = if said.contains("is 5.") { 9 } else { 2 };
                return Reply::says(&format!("Score: {}", if sees { knows } else { toss }));
            }
            let number = drawn.fetch_add(1, Ordering::Relaxed);
            Reply::says(&format!("Try {number}.\nThe answer is {}.", 5 + number % 2))
        }
    };
    let args = ["--method", "greedy", "--expand", "4", "--cache", "off"];
    let coin = Server::start(answers(false)).await;
    let ran = search(&place, &coin, &[&args[..], &["-o", "coin.jsonl"]].concat()).await.passed();
    assert!(ran.err.contains("not significantly different from a random solution"), "{}", ran.err);
    let knows = Server::start(answers(true)).await;
    let more = ["-o", "found.jsonl", "--summary", "sum.json"];
    let ran = search(&place, &knows, &[&args[..], &more].concat()).await.passed();
    assert!(
        ran.err.contains("the choice is better than a random solution of its tree"),
        "{}",
        ran.err
    );
    let figures: Value = serde_json::from_str(&place.read("sum.json")).unwrap();
    assert!(figures["accuracy"]["gain"]["interval"][0].as_f64() > Some(0.0), "{figures}");
}

#[tokio::test]
async fn a_dry_run_bounds_the_calls_and_sends_nothing() {
    let (place, server) = (Place::new("search-dry"), Server::start(answers()).await);
    place.file("records.jsonl", records());
    let args = ["--paths", "4", "--expand", "2", "--depth", "3"];
    let dry = search(&place, &server, &[&args[..], &["--dry-run"]].concat()).await.passed();
    assert_eq!(server.requests(), 0);
    // Four draws at each of three levels, each judged.
    assert!(dry.out.contains("at most 48 calls of policy and judge, at most 24 for one record"));
    let limited = [&args[..], &["--calls", "5", "--dry-run"]].concat();
    let dry = search(&place, &server, &limited).await.passed();
    assert!(dry.out.contains("at most 10 calls of policy and judge, at most 5"), "{}", dry.out);
}

#[tokio::test]
async fn a_record_without_a_solution_is_unreadable_and_one_without_a_question_fails() {
    let (place, server) = (Place::new("search-broken"), Server::start(answers()).await);
    place.file("records.jsonl", &(records() + "{\"id\": \"empty\", \"text\": \"?\"}\n"));
    let args = ["--calls", "4", "-o", "found.jsonl", "--cache", "off"];
    let ran = search(&place, &server, &args).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let found = lines(&place.read("found.jsonl"));
    let detail = &found[0].result.unreadable.as_ref().unwrap().detail;
    assert!(detail.contains("no solution ended within the limit on calls"), "{detail}");
    assert!(found[2].result.error.is_some());
    assert!(ran.err.contains("0 of 2 right (0.0 %)"), "{}", ran.err);
    assert!(ran.err.contains("2 searches cut short by a limit"), "{}", ran.err);
    // Two draws of each record, each judged.
    assert!(server.requests() <= 2 * 4);
}

#[test]
fn what_cannot_search_is_refused_before_anything_is_sent() {
    let place = Place::new("search-refused");
    place.file("records.jsonl", records());
    for (args, said) in [
        (&["--method", "beem"][..], "unknown method `beem`"),
        (&["--paths", "2", "--expand", "4"], "cannot keep 1 of 4 steps"),
        (&["--policy-prompt", "revise"], "does not write on from a solution"),
        (&["-p", "tiny-pair"], "verdicts of the kind preference"),
        (&["-o", "found.csv"], "unknown format"),
        (&["--tree", "tree.png"], "name a file that ends in .jsonl or .svg"),
        (&["--method", "grace", "-p", "tiny-score"], "writes a step in 2 parts"),
        (&["-m", "check:math"], "no model to write steps with"),
    ] {
        let all = [&["search", "records.jsonl", "-m", "tiny"][..], args].concat();
        let all: Vec<&str> =
            if args[0] == "-m" { [&["search", "records.jsonl"][..], args].concat() } else { all };
        let ran = place.run(&all);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

/// The shipped model at a temperature at which it often errs: a search finds solutions that its own judge accepts.
#[tokio::test]
async fn the_shipped_model_solves_more_by_searching_than_by_one_try() {
    let place = Place::new("search-tiny");
    let sums = [
        ("387 + 476 - 5 + 100", "958"),
        ("999 - 87 + 45 - 388", "569"),
        ("23 + 750 - 419 - 188", "166"),
        ("401 - 112 + 581 - 335", "535"),
    ];
    let lines = sums.iter().map(|(sum, result)| {
        format!("{}\n", json!({"id": sum, "problem": sum, "reference": result}))
    });
    place.file("records.jsonl", lines.collect::<String>());
    let found = |method: &str, more: &[&str]| {
        let args = ["search", "records.jsonl", "-p", "tiny-correct", "--policy-temperature", "1.7"];
        let args = [&args[..], &["--method", method, "--summary", "s.json", "-q"], more].concat();
        let _ = place.run(&args).passed();
        let figures: Value = serde_json::from_str(&place.read("s.json")).unwrap();
        figures["accuracy"].clone()
    };
    // One draw of each step is one try of the whole solution.
    let once = found("greedy", &["--expand", "1"]);
    let beam = found("beam", &["--paths", "8"]);
    assert!(beam["right"].as_u64() > once["right"].as_u64(), "{beam} {once}");
    assert!(beam["right"].as_u64() >= Some(3), "{beam}");
}

/// All commands that ask models open them in the same way. Code runs on Linux only.
#[cfg(all(target_os = "linux", feature = "code"))]
#[tokio::test]
async fn code_that_cannot_be_confined_ends_every_command_before_a_request() {
    let place = Place::new("search-code");
    place.file("records.jsonl", records());
    for command in ["judge", "revise", "label", "rank", "search"] {
        let args = [command, "records.jsonl", "-m", "tiny", "--allow-code", "--python", "/nowhere"];
        let ran = Ran::ended(place.start(&args)).await;
        assert_eq!(ran.code, 2, "{command}: {}", ran.err);
        assert!(ran.err.contains("`/nowhere` is no Python that runs"), "{}", ran.err);
    }
}

/// A step of the shipped model in one part, so that its log-probability can be had.
const ONE_PART: &str = "---\nkind: revision\nfields: {problem: required, prefix: optional}\nsampling: {temperature: 1, max_tokens: 64}\n---\nuser:\nSolve the problem step by step.\nProblem: {{ problem }}\nassistant:\n</think>\n{{ prefix | default(\"\", true) }}\n{{ gen(\"step\", stop=[\"\\n\"]) }}\n";

/// GRACE with a real model: each step has the log-probability that the policy gives it, for one more call.
#[test]
fn the_shipped_model_tells_how_likely_its_own_steps_are() {
    let place = Place::new("search-grace");
    place.file("one-part.jinja", ONE_PART);
    place.file("records.jsonl", format!("{}\n", json!({"id": "a", "problem": "5 + 7 - 3"})));
    let args =
        ["search", "records.jsonl", "-p", "tiny-correct", "--policy-prompt", "one-part.jinja"];
    let more = ["--method", "grace:0", "--expand", "4", "--depth", "2", "--tree", "t.jsonl"];
    let ran = place.run(&[&args[..], &more, &["-o", "found.jsonl"]].concat()).passed();
    assert!(ran.err.contains("warning: the policy is its own judge (`tiny`)"), "{}", ran.err);
    let tree: Vec<TreeLine> =
        place.read("t.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let draws: u32 = tree.iter().map(|step| step.times).sum();
    let (draws, steps) = (u64::from(draws), tree.len() as u64);
    assert!(steps >= 2 && tree.iter().any(|step| step.chosen), "{tree:?}");
    // One call for each draw and one for each step; steps at the limit of depth are written to their end besides.
    let calls = lines(&place.read("found.jsonl"))[0].policy_cost.calls;
    assert!(calls >= draws + steps, "{calls}: {draws}, {steps}");
}

#[tokio::test]
async fn records_with_a_reference_are_compared_wherever_they_stand() {
    let (place, server) = (Place::new("search-mixed"), Server::start(answers()).await);
    let none = json!({"id": "none", "question": "2 + 3 + 1"});
    place.file("records.jsonl", format!("{none}\n{}", records()));
    let args = ["--paths", "4", "--expand", "2", "--cache", "off"];
    let ran = search(&place, &server, &args).await.passed();
    let right: Vec<_> = ran.lines().iter().map(|line| line["right"].clone()).collect();
    assert_eq!(right, [Value::Null, json!(true), json!(true)]);
    assert!(ran.err.contains("2 of 2 right (100.0 %)"), "{}", ran.err);
    // Without any reference, nothing is said about right and wrong.
    place.file("records.jsonl", format!("{none}\n"));
    let ran = search(&place, &server, &args).await.passed();
    assert!(!ran.err.contains(" right "), "{}", ran.err);
}

#[tokio::test]
async fn a_check_that_asks_a_model_is_paid_for_and_costs_no_solution_where_it_fails() {
    let answers = answers();
    let server = Server::start(move |seen| {
        let said = seen.body["messages"].to_string();
        match seen.body["model"].as_str() {
            Some("truth") if said.contains("2 + 3 - 1") => {
                Reply::error(400, &json!({"error": {"message": "no"}}))
            }
            Some("truth") => Reply::says("Score: 10"),
            _ => answers(seen),
        }
    })
    .await;
    let place = Place::new("search-truth");
    place.file("records.jsonl", records());
    let judge = "[judge.truth]\nmodel = \"openai/truth\"\nprompt = \"judge.jinja\"\npass = \"score >= 5\"\n";
    let model = format!("[model.\"openai/truth\"]\nbase_url = \"{}\"\n", server.url);
    place.file("c.toml", format!("{judge}{model}"));
    let args = ["--paths", "4", "--expand", "2", "--check", "truth", "-c", "c.toml"];
    let args = [&args[..], &["--cache", "off"]].concat();
    let dry = search(&place, &server, &[&args[..], &["--dry-run"]].concat()).await.passed();
    let said = "each solution that ends is also compared with its reference by openai/truth";
    assert!(dry.err.contains(said), "{}", dry.err);
    let ran = search(&place, &server, &args).await.passed();
    let lines = ran.lines();
    let right: Vec<_> = lines.iter().map(|line| line["right"].clone()).collect();
    assert_eq!(right, [json!(true), Value::Null], "{}", ran.err);
    let sent: u64 = lines.iter().map(|line| line["attempts"].as_u64().unwrap()).sum();
    let failed = lines[1]["paths"].as_array().unwrap().len() as u64;
    assert_eq!(sent + failed, server.requests() as u64, "the check's requests are in the line");
}

#[tokio::test]
async fn what_a_method_does_not_use_is_named_and_an_end_without_text_is_refused() {
    let (place, server) = (Place::new("search-idle"), Server::start(answers()).await);
    place.file("records.jsonl", records());
    let args = ["--method", "greedy", "--paths", "4", "--burn-in", "2", "--expand", "2"];
    let ran = search(&place, &server, &[&args[..], &["--dry-run"]].concat()).await.passed();
    for flag in ["--paths", "--burn-in"] {
        let said = format!("warning: {flag} changes nothing: the method `greedy` does not use it");
        assert!(ran.err.contains(&said), "{}", ran.err);
    }
    assert!(!ran.err.contains("--expand"), "{}", ran.err);
    let ran = search(&place, &server, &["--end", ""]).await;
    assert!(ran.code == 2 && ran.err.contains("an empty text would end"), "{}", ran.err);
    for flag in ["--depth", "--paths", "--expand", "--rounds"] {
        let ran = search(&place, &server, &[flag, "0"]).await;
        assert!(ran.code == 2 && ran.err.contains(flag), "{}", ran.err);
    }
    // A record that lacks a field costs itself in a dry run too.
    let args = ["--map", "question=problem", "--dry-run"];
    let mixed = json!({"id": "a", "problem": "1 + 1"}).to_string();
    place.file("records.jsonl", format!("{mixed}\n{}", records()));
    let ran = search(&place, &server, &args).await;
    assert!(ran.code == 3 && ran.out.contains("3 records, method beam"), "{}{}", ran.out, ran.err);
    assert_eq!(server.requests(), 0);
}
