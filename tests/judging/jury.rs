//! Juries: several judges, one verdict, in the configuration and on the command line.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{Place, Ran, Reply, Seen, Server, records};
use serde_json::{Value, json};

/// A member that is strict and one that is kind, behind one server.
fn config(server: &Server, more: &str) -> String {
    format!(
        "[defaults]\nprompt = \"score\"\nreask = 0\n\n\
         [judge.strict]\nmodel = \"one\"\n\n\
         [judge.kind]\nmodel = \"two\"\ndraws = 2\n\n\
         [judge.jury]\nmembers = [\"strict\", \"kind\"]\n{more}\n\n\
         [model.one]\nname = \"openai/strict\"\nbase_url = \"{url}\"\nprice = {{ prompt = 1000000, completion = 0 }}\n\n\
         [model.two]\nname = \"openai/kind\"\nbase_url = \"{url}\"\nprice = {{ prompt = 2000000, completion = 0 }}\n",
        url = server.url
    )
}

fn place(name: &str, server: &Server, more: &str, count: usize) -> Place {
    let place = Place::new(name);
    place.file("tribunal.toml", config(server, more));
    place.file("r.jsonl", records(count));
    place
}

fn is_strict(seen: &Seen) -> bool {
    seen.body["model"] == "strict"
}

fn scores(seen: &Seen) -> Reply {
    Reply::says(if is_strict(seen) { "Hm.\nScore: 4" } else { "Nice.\nScore: 8" })
}

#[expect(clippy::disallowed_methods, reason = "another process knows no paused clock")]
async fn after(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn judge(place: &Place, more: &[&str]) -> Ran {
    let args = ["judge", "r.jsonl", "--judge", "jury", "-c", "tribunal.toml"];
    Ran::ended(place.start(&[&args, more].concat())).await
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = place.read(name);
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["index"].as_u64());
    lines
}

fn signed(line: &Value) -> Vec<&str> {
    let votes = line["votes"].as_array().unwrap();
    votes.iter().map(|vote| vote["by"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_that_of_all_members_and_votes_say_who_cast_them() {
    let server = Server::start(scores).await;
    let place = place("jury-votes", &server, "pass = \"score >= 6\"", 2);
    let ran = judge(&place, &[]).await;
    assert_eq!((ran.code, server.requests()), (0, 6), "{}", ran.err);
    let line = &ran.lines()[1];
    assert_eq!((&line["score"], &line["pass"]), (&json!(6), &json!(true)));
    assert_eq!(signed(line), ["strict", "kind", "kind"]);
    assert_eq!(line["members"][1]["name"], "kind");
    assert_eq!(line["model"], "jury");
    // Seven tokens at 1 each, and twice seven at 2 each.
    assert_eq!(line["cost"], json!(35.0));
    assert!(ran.err.contains("2 of 2 records judged"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_jury_goes_on_and_pays_nothing_twice() {
    let server = Server::start(|seen| {
        std::thread::sleep(Duration::from_millis(10));
        scores(seen)
    })
    .await;
    let place = place("jury-resume", &server, "", 60);
    let out = ["-o", "out.jsonl", "-j", "4"];
    let child = place.start(
        &[&["judge", "r.jsonl", "--judge", "jury", "-c", "tribunal.toml"], &out[..]].concat(),
    );
    while server.requests() < 30 {
        after(1).await;
    }
    let ran = Ran::interrupted(child).await;
    assert_eq!(ran.code, 130, "{}", ran.err);
    let begun = lines(&place, "out.jsonl").len();
    assert!((1..60).contains(&begun), "{begun}");
    let ran = judge(&place, &out).await;
    assert_eq!((ran.code, server.requests()), (0, 60 * 3), "{}", ran.err);
    assert!(ran.err.contains(&format!("{begun} of them by an earlier run")), "{}", ran.err);
    let lines = lines(&place, "out.jsonl");
    assert!(lines.len() == 60 && lines.iter().all(|line| line["score"] == 6));
}

/// The number of the record that a request is about: its question is `q7.` for the seventh.
fn record_of(seen: &Seen) -> usize {
    let text = seen.body["messages"].to_string();
    let number = |rest: &str| rest.split_once('.')?.0.parse().ok();
    text.split('q').find_map(number).unwrap()
}

/// A score that depends on the record: 1 to 5 by the strict member, three more by the kind one.
fn scores_each(seen: &Seen) -> Reply {
    let score = record_of(seen) % 5 + if is_strict(seen) { 1 } else { 4 };
    Reply::says(&format!("Hm.\nScore: {score}"))
}

/// The number of answers in the store that the runs in this folder share.
fn stored(place: &Place) -> usize {
    let stats = place.run(&["cache", "stats"]).passed().out;
    let line = stats.lines().find_map(|line| line.strip_prefix("answers"));
    line.unwrap().trim().replace(',', "").parse().unwrap()
}

/// The verdict of a line, and that of every member.
fn verdicts(line: &Value) -> (Value, Value, Vec<(Value, Value)>) {
    let votes = line["votes"].as_array().unwrap();
    let votes = votes.iter().map(|vote| (vote["by"].clone(), vote["score"].clone())).collect();
    (line["id"].clone(), line["score"].clone(), votes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_jury_asks_only_what_was_not_answered_and_ends_with_the_same_verdicts() {
    const RECORDS: usize = 30;
    const REQUESTS: usize = 3 * RECORDS;
    const ANSWERED: usize = 40;
    let is_stuck = Arc::new(AtomicBool::new(true));
    let stuck = Arc::clone(&is_stuck);
    let server = Server::start(move |seen| {
        let is_late = seen.index >= ANSWERED;
        if is_late && stuck.load(Ordering::SeqCst) { Reply::Hang } else { scores_each(seen) }
    })
    .await;
    let place_killed = place("jury-killed", &server, "", RECORDS);
    let out = ["-o", "out.jsonl", "-j", "4"];
    let mut child = place_killed.start(
        &[&["judge", "r.jsonl", "--judge", "jury", "-c", "tribunal.toml"], &out[..]].concat(),
    );
    // All that is answered is stored, and the rest hangs: the moment of the kill decides nothing.
    while stored(&place_killed) < ANSWERED || server.requests() == ANSWERED {
        after(10).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = server.requests();
    is_stuck.store(false, Ordering::SeqCst);

    let ran = judge(&place_killed, &out).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.requests() - before, REQUESTS - ANSWERED, "{}", ran.err);
    let killed = lines(&place_killed, "out.jsonl");
    assert_eq!(killed.len(), RECORDS);

    let undisturbed = place("jury-undisturbed", &server, "", RECORDS);
    assert_eq!(judge(&undisturbed, &out).await.code, 0);
    let expected = lines(&undisturbed, "out.jsonl");
    for (line, expected) in killed.iter().zip(&expected) {
        assert_eq!(verdicts(line), verdicts(expected));
    }
    assert_eq!(killed[7]["score"], json!(4.5), "3 by the strict member, 6 by the kind one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jury_is_reparsed_by_other_rules_without_a_model() {
    let server = Server::start(scores).await;
    let place = place("jury-reparse", &server, "", 2);
    assert_eq!(judge(&place, &["-o", "out.jsonl"]).await.code, 0);
    let asked = server.requests();
    place.file("tribunal.toml", config(&server, "aggregate = \"min\"\npass = \"score >= 5\""));
    let ran = place.run(&["reparse", "out.jsonl", "--judge", "jury", "-c", "tribunal.toml"]);
    assert_eq!((ran.code, server.requests()), (0, asked), "{}", ran.err);
    let line = &ran.lines()[0];
    assert_eq!((&line["score"], &line["pass"]), (&json!(4), &json!(false)));
    assert_eq!(signed(line), ["strict", "kind", "kind"]);
    assert!(ran.err.contains("2 verdicts changed"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_fails_costs_its_votes_and_no_other() {
    let server = Server::start(|seen| {
        if is_strict(seen) {
            return Reply::error(400, &json!({"error": {"message": "not today"}}));
        }
        scores(seen)
    })
    .await;
    let place = place("jury-fails", &server, "quorum = 1", 1);
    let ran = judge(&place, &[]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = &ran.lines()[0];
    assert_eq!(line["score"], 8);
    assert!(line["votes"][0]["error"]["message"].as_str().unwrap().contains("not today"));
    place.file("tribunal.toml", config(&server, "quorum = 2"));
    let ran = judge(&place, &[]).await;
    let why = &ran.lines()[0]["unreadable"];
    assert_eq!(why["reason"], "quorum", "{}", ran.err);
    let detail = why["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("1 of 2 members gave a verdict, and 2 are needed; `strict`"),
        "{detail}"
    );
}

/// A member that is asked if the strict one fails.
fn with_spare(server: &Server, more: &str) -> String {
    let spare = "\n[judge.spare]\nmodel = \"three\"\n\n[model.three]\nname = \"openai/spare\"\n";
    config(server, &format!("replacements = [\"spare\"]\n{more}"))
        + spare
        + &format!("base_url = \"{}\"\n", server.url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_asked_about_the_records_of_which_a_member_failed_and_no_others() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let server = Server::start(move |seen| match seen.body["model"].as_str() {
        Some("spare") => Reply::says("Score: 10"),
        Some("strict") if record_of(seen) % 3 == 1 && !well.load(Ordering::SeqCst) => {
            Reply::error(400, &json!({"error": {"message": "not today"}}))
        }
        _ => scores(seen),
    })
    .await;
    let place = place("jury-replaced", &server, "", 6);
    place.file("tribunal.toml", with_spare(&server, ""));
    let dry = judge(&place, &["--dry-run"]).await;
    assert!(dry.err.contains(": 18\n"), "{}", dry.err);
    assert_eq!(server.requests(), 0);
    let out = ["-o", "out.jsonl", "--summary", "summary.json"];
    let ran = judge(&place, &out).await;
    assert_eq!((ran.code, server.requests()), (0, 6 * 3 + 2), "{}", ran.err);
    let found = lines(&place, "out.jsonl");
    assert_eq!(signed(&found[1]), ["strict", "kind", "kind", "spare"]);
    assert_eq!((&found[0]["score"], &found[1]["score"]), (&json!(6), &json!(9)));
    // Where it was not asked, its unknown price is no unknown cost.
    assert!(found[0]["cost"].is_f64() && found[1]["cost"].is_null(), "{}", found[1]);
    assert!(ran.err.contains("records with a replacement: 2"), "{}", ran.err);
    assert!(ran.err.contains("member strict: differs from the verdict in 4 of 4"), "{}", ran.err);
    let summary: Value = serde_json::from_str(&place.read("summary.json")).unwrap();
    let jury = &summary["jury"];
    assert_eq!(
        (&jury["level"], &jury["units"], &jury["replaced"]),
        (&json!("interval"), &json!(6), &json!(2))
    );
    assert_eq!(jury["members"]["strict"]["failed"], 2);
    assert_eq!(
        jury["members"]["spare"],
        json!({
            "verdicts": 2, "abstained": 0, "unreadable": 0, "failed": 0, "compared": 2, "differs": 2, "distance": 1.0,
        })
    );

    // The same again asks nothing. A member that is well again is asked, and its replacement no longer counts.
    let again = judge(&place, &out).await;
    assert_eq!((again.code, server.requests()), (0, 20), "{}", again.err);
    is_well.store(true, Ordering::SeqCst);
    let again = judge(&place, &[&out[..], &["--retry-errors"]].concat()).await;
    assert_eq!((again.code, server.requests()), (0, 22), "{}", again.err);
    let found = lines(&place, "out.jsonl");
    assert_eq!(
        (signed(&found[1]), &found[1]["score"]),
        (vec!["strict", "kind", "kind"], &json!(6))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_takes_a_verdict_away_lets_the_replacement_be_asked_by_judge_and_not_by_reparse()
 {
    let server = Server::start(|seen| match seen.body["model"].as_str() {
        Some("spare") => Reply::says("Score: 10"),
        _ => scores(seen),
    })
    .await;
    let place = place("jury-rule", &server, "", 1);
    let strict = place.run(&["prompts", "show", "score"]).passed().out;
    place.file("own.jinja", &strict);
    let own = with_spare(&server, "")
        .replace("[judge.strict]\n", "[judge.strict]\nprompt = \"own.jinja\"\n");
    place.file("tribunal.toml", &own);
    let out = ["-o", "out.jsonl"];
    assert_eq!(judge(&place, &out).await.code, 0);
    assert_eq!(server.requests(), 3);
    let rule = strict.lines().find(|line| line.starts_with("verdict:")).unwrap();
    place.file("own.jinja", strict.replace(rule, "verdict: 'Grade: *'"));
    let ran = place.run(&["reparse", "out.jsonl", "--judge", "jury", "-c", "tribunal.toml"]);
    assert_eq!(ran.lines()[0]["unreadable"]["reason"], "quorum", "{}", ran.err);
    let ran = judge(&place, &out).await;
    assert_eq!((ran.code, server.requests()), (0, 4), "{}", ran.err);
    let line = &lines(&place, "out.jsonl")[0];
    assert_eq!(
        (signed(line), &line["score"]),
        (vec!["strict", "kind", "kind", "spare"], &json!(9))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn judges_that_are_named_together_are_a_jury_without_a_table() {
    let server = Server::start(scores).await;
    let place = place("jury-named", &server, "", 2);
    let named = |command: &'static str, more: &[&'static str]| {
        let args =
            [command, more[0], "--judge", "strict", "--judge", "kind", "-c", "tribunal.toml"];
        place.start(&[&args, &more[1..]].concat())
    };
    let ran =
        Ran::ended(named("judge", &["r.jsonl", "--aggregate", "max", "-o", "out.jsonl"])).await;
    assert_eq!((ran.code, server.requests()), (0, 6), "{}", ran.err);
    let line = &lines(&place, "out.jsonl")[1];
    assert_eq!((&line["score"], &line["model"]), (&json!(8), &json!("strict+kind")));
    assert_eq!(signed(line), ["strict", "kind", "kind"]);
    assert!(ran.err.contains("agreement of the members: alpha"), "{}", ran.err);
    // The table of a jury with the same members asks the same.
    let ran = judge(&place, &["-o", "table.jsonl"]).await;
    assert_eq!((ran.code, server.requests()), (0, 6), "{}", ran.err);
    let ran = Ran::ended(named("reparse", &["out.jsonl", "--aggregate", "min"])).await;
    assert_eq!(ran.lines()[0]["score"], 4, "{}", ran.err);
    let shown = place.run(&["config", "--judge", "strict,kind", "-c", "tribunal.toml"]).passed();
    let row = shown.out.lines().find(|row| row.starts_with("members = ")).unwrap();
    assert!(row.contains("[\"strict\",\"kind\"]") && row.ends_with("# --judge"), "{row}");
    for (names, why) in [
        ("strict,strict", "the judge `strict` is named twice"),
        ("strict,jury", "the member `jury` is a jury or a cascade itself"),
        ("strict,kin", "did you mean `kind`?"),
    ] {
        let ran = place.run(&["config", "--judge", names, "-c", "tribunal.toml"]);
        assert!(ran.code == 2 && ran.err.contains(why), "{names}: {}", ran.err);
    }
}

/// Every improvement is worth three points to both members, and the policy makes one at a time.
fn improves(seen: &Seen) -> Reply {
    let count = seen.body["messages"].to_string().matches("PLUS").count();
    match seen.body["model"].as_str().unwrap() {
        "writer" => Reply::says(&format!("An answer{}", " PLUS".repeat(count + 1))),
        "strict" => Reply::says(&format!("More.\nScore: {}", (2 + 3 * count).min(10))),
        _ => Reply::says(&format!("Nice.\nScore: {}", (4 + 3 * count).min(10))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_revised_until_the_jury_passes_it_and_a_rerun_costs_nothing() {
    let server = Server::start(improves).await;
    let place =
        place("jury-revise", &server, "pass = \"score >= 8\"\npolicy = \"openai/writer\"", 2);
    let args = ["revise", "r.jsonl", "--judge", "jury", "-c", "tribunal.toml", "-o", "out.jsonl"];
    let address = ["--policy-base-url", server.url.as_str()];
    let limited = [&args[..], &address, &["--limit", "1"]].concat();
    let ran = Ran::ended(place.start(&limited)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Three judgments and a final one of three votes each, and two revisions.
    assert_eq!(server.requests(), 14);
    let whole = [&args[..], &address].concat();
    let ran = Ran::ended(place.start(&whole)).await;
    assert_eq!((ran.code, server.requests()), (0, 28), "{}", ran.err);
    let again = Ran::ended(place.start(&whole)).await;
    assert_eq!((again.code, server.requests()), (0, 28), "{}", again.err);
    let line = &lines(&place, "out.jsonl")[1];
    assert_eq!(
        (&line["outcome"], &line["final"], &line["score_first"], &line["score_best"]),
        (&json!("passed"), &json!("An answer PLUS PLUS"), &json!(3), &json!(9))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_names_what_a_jury_cannot_say() {
    let server = Server::start(improves).await;
    let place = place("jury-loop", &server, "", 1);
    let args = ["revise", "r.jsonl", "--judge", "jury", "-c", "tribunal.toml"];
    let ran = Ran::ended(place.start(&args)).await;
    assert!(ran.code == 2 && ran.err.contains("--policy openai/MODEL"), "{}", ran.err);
    let own = config(&server, "").replace("draws = 2", "draws = 2\npass = \"score >= 7\"");
    place.file("tribunal.toml", own);
    let ran = Ran::ended(place.start(&args)).await;
    assert!(
        ran.code == 2 && ran.err.contains("has no pass rule, and those of its members differ"),
        "{}",
        ran.err
    );
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_shows_every_member_with_its_origins() {
    let server = Server::start(scores).await;
    let place = place("jury-config", &server, "quorum = 2", 1);
    let ran = place.run(&["config", "--judge", "jury", "-c", "tribunal.toml", "-n", "5"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let row = |key: &str| ran.out.lines().find(|row| row.starts_with(key)).unwrap_or_default();
    assert!(
        row("members = [\"strict\",\"kind\"]").ends_with("# tribunal.toml:13 [judge.jury]"),
        "{}",
        ran.out
    );
    assert!(row("quorum = 2").ends_with("[judge.jury]"), "{}", ran.out);
    assert!(
        row("strict: prompt = \"score\"").ends_with("# tribunal.toml:2 [defaults]"),
        "{}",
        ran.out
    );
    assert!(row("kind: draws = 5").ends_with("# --draws"), "{}", ran.out);
    assert!(row("prompt").is_empty() && row("model").is_empty(), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_cannot_vote_together_are_refused_before_anything_is_asked() {
    let server = Server::start(scores).await;
    let place = place("jury-unlike", &server, "", 1);
    let unlike = config(&server, "").replace("draws = 2", "prompt = \"pair\"");
    place.file("tribunal.toml", unlike);
    let ran = judge(&place, &[]).await;
    assert!(ran.code == 2 && ran.err.contains("cannot vote together"), "{}", ran.err);
    assert_eq!(server.requests(), 0);
}

/// Two prompts for the shipped model that read its scores by different rules.
#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn two_prompts_on_the_shipped_model_are_judged_resumed_and_reparsed() {
    const KIND: &str = "verdict: {pattern: \"Score: *\", values: {\"1\": \"2\", \"2\": \"3\", \"3\": \"4\", \"4\": \"5\", \"5\": \"5\"}}";
    let place = Place::new("jury-tiny");
    let strict = place.run(&["prompts", "show", "tiny-score"]);
    let rule = strict.out.lines().find(|line| line.starts_with("verdict:")).unwrap();
    place.file("strict.jinja", &strict.out);
    place.file("kind.jinja", strict.out.replace(rule, KIND));
    let file = "[defaults]\nmodel = \"tiny\"\n[judge.strict]\nprompt = \"strict.jinja\"\n\
                [judge.kind]\nprompt = \"kind.jinja\"\n[judge.jury]\nmembers = [\"strict\", \"kind\"]\n\
                pass = \"score >= 3\"\n";
    place.file("tribunal.toml", file);
    let sum = |n: usize, wrong: usize| {
        format!("{{\"problem\": \"{n} + 5\", \"steps\": [\"{n} + 5 = {}\"]}}\n", n + 5 + wrong)
    };
    place.file("r.jsonl", (10..16).map(|n| sum(n, n % 2)).collect::<String>());
    let args =
        ["judge", "r.jsonl", "--judge", "jury", "-o", "out.jsonl", "--record", "answers.jsonl"];
    let half = place.run(&[&args[..], &["--limit", "3"]].concat());
    assert_eq!(half.code, 0, "{}", half.err);
    let answers = |place: &Place| place.read("answers.jsonl").lines().count();
    let asked = answers(&place);
    let whole = place.run(&args);
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert!(
        whole.err.contains("6 of 6 records judged; 3 of them by an earlier run"),
        "{}",
        whole.err
    );
    assert_eq!(answers(&place), 2 * asked, "only the other half was asked");
    let lines = lines(&place, "out.jsonl");
    let (right, wrong) = (lines[0]["score"].as_f64().unwrap(), lines[1]["score"].as_f64().unwrap());
    assert!(right > wrong, "{right} {wrong}");
    assert_eq!(signed(&lines[0]), ["strict", "kind"]);
    place.file("tribunal.toml", file.replace("pass", "aggregate = \"max\"\npass"));
    let again = place.run(&["reparse", "out.jsonl", "--judge", "jury"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.lines()[1]["score"].as_f64().unwrap() > wrong, "{}", again.out);
}
