//! The requests that a report shows of the commands whose results keep no votes: each was sent as it is shown.

#![cfg(all(feature = "cli", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    report::{block, report},
    support::{Place, Reply, Seen, Server, obedient},
};

/// The messages of every request that the page shows, and the notes on what is left out.
fn rebuilt(page: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let details = block(page, "details");
    let (shared, details) = details.split_last().unwrap();
    let line =
        |place: &Value| shared[usize::try_from(place.as_u64().unwrap()).unwrap()].as_str().unwrap();
    let message = |message: &Value| {
        let lines: Vec<&str> = message[1].as_array().unwrap().iter().map(line).collect();
        json!({"role": message[0], "content": lines.join("\n")})
    };
    let sent = details.iter().flat_map(|one| one["sent"].as_array().cloned().unwrap_or_default());
    let sent = sent.map(|sent| sent[1].as_array().unwrap().iter().map(message).collect::<Value>());
    let notes = details.iter().filter_map(|one| one["unsent"].as_str());
    (sent.map(|sent| sent.to_string()).collect(), notes.map(ToOwned::to_owned).collect())
}

/// The messages of every request that a server saw.
fn seen(server: &Server) -> BTreeSet<String> {
    let messages = |seen: &Seen| {
        let turns = seen.body["messages"].as_array().unwrap().iter();
        turns
            .map(|turn| json!({"role": turn["role"], "content": turn["content"]}))
            .collect::<Value>()
    };
    server.seen().iter().map(|seen| messages(seen).to_string()).collect()
}

/// Runs a command against a server, and compares what the page of its results shows with what the server saw. Returns the
/// notes of the page.
pub(crate) async fn told(
    server: &Server,
    place: &Place,
    args: &[&str],
    trees: &[&str],
) -> BTreeSet<String> {
    let ran = obedient::run(place, server, &[args, &["-o", "out.jsonl", "-q"]].concat()).await;
    assert!([0, 1].contains(&ran.code), "{}", ran.err);
    report(place, &[&["out.jsonl"], trees, &["-o", "r.html"]].concat());
    let (rebuilt, notes) = rebuilt(&place.read("r.html"));
    let sent = seen(server);
    assert!(!rebuilt.is_empty(), "{notes:?}");
    for one in &rebuilt {
        assert!(sent.contains(one), "never sent: {one}\n{sent:#?}");
    }
    if notes.iter().all(String::is_empty) {
        assert_eq!(rebuilt, sent, "{args:?}");
    }
    notes
}

/// That nothing is left out.
pub(crate) fn nothing() -> BTreeSet<String> {
    BTreeSet::from([String::new()])
}

const ANSWERS: &str = r#"{"id": "a", "q": "12 + 30?", "given": ["41", {"content": "42", "model": "m"}, "40"], "reference": "42"}
{"id": "b", "q": "1 + 1?", "given": ["2", "</script>", "4"], "reference": "2"}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_ranking_are_those_that_were_sent() {
    let fields = ["--map", "question=q,answers=given"];
    let each: [(&str, &[&str], &str); 5] = [
        ("alone", &["-p", "score"], "7"),
        ("pairs", &["-p", "pair", "--pairs", "knockout"], "A"),
        ("draws", &["-p", "score", "--draws", "2"], "3"),
        ("at-once", &["-p", "rank"], "B > A > C"),
        ("windows", &["-p", "rank", "--window", "2:1"], "A > B"),
    ];
    for (name, args, verdict) in each {
        let place = Place::new(&format!("report-requests-{name}"));
        place.file("in.jsonl", ANSWERS);
        let server = obedient::server(move |_| verdict.into()).await;
        let args = [&["rank", "in.jsonl"], args, &fields].concat();
        assert_eq!(told(&server, &place, &args, &[]).await, nothing(), "{name}");
    }
    // Candidates that a policy wrote, each judged.
    let place = Place::new("report-requests-policy");
    place.file("in.jsonl", ANSWERS);
    let server = obedient::server(|text| format!("{}", text.len() % 10)).await;
    let args = ["rank", "in.jsonl", "-p", "score", "--candidates", "3", "--map", "question=q"];
    assert_eq!(told(&server, &place, &args, &[]).await, nothing());
    let place = Place::new("report-requests-majority");
    place.file("in.jsonl", ANSWERS);
    let args =
        ["rank", "in.jsonl", "--select", "majority", "--candidates", "3", "--map", "question=q"];
    let server = obedient::server(|_| "7".into()).await;
    assert_eq!(told(&server, &place, &args, &[]).await, nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_labels_are_those_that_complete_beginnings() {
    let place = Place::new("report-requests-label");
    let solution = json!({"id": "a", "question": "2 + 3 + 4", "solution": "2 + 3 = 5. So 5 + 4 = 9.\nAnswer: 9", "reference": "9"});
    place.file("in.jsonl", format!("{solution}\n"));
    let server = Server::start(|seen| {
        Reply::says(if seen.index.is_multiple_of(2) { "Answer: 9" } else { "Answer: 8" })
    })
    .await;
    let args = [
        "label",
        "in.jsonl",
        "--draws",
        "2",
        "--split-steps",
        "sentences",
        "--map",
        "answer=solution",
    ];
    assert_eq!(told(&server, &place, &args, &[]).await, nothing());
}

/// A policy that writes a few steps and ends, and a judge that gives a score.
async fn searching() -> Server {
    Server::start(|seen| {
        let text = obedient::asked(seen);
        if let Some(line) = text.lines().rev().find(|line| line.contains(": <")) {
            let (words, _) = line.split_once(':').unwrap();
            return Reply::says(&format!("It is fine.\n{words}: {}", text.len() % 10));
        }
        Reply::says(match text.matches("Step").count() {
            0..3 => ["Step one is this.", "Step uno is that."][seen.index % 2],
            _ => ["Answer: 42", "Answer: 41"][seen.index % 2],
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_tells_what_its_tree_tells() {
    let problem = "{\"id\": \"a\", \"question\": \"12 + 30?\", \"reference\": \"42\"}\n";
    let search =
        ["search", "in.jsonl", "-p", "score", "--paths", "4", "--expand", "2", "--depth", "4"];
    let tree = ["--tree", "tree.jsonl"];
    let place = Place::new("report-requests-search");
    place.file("in.jsonl", problem);
    let server = searching().await;
    assert_eq!(
        told(&server, &place, &[&search[..], &tree].concat(), &["tree.jsonl"]).await,
        nothing()
    );
    // Without the tree, the solutions that ended are known, and the page says what is missing.
    report(&place, &["out.jsonl", "-o", "r.html"]);
    let (some, notes) = rebuilt(&place.read("r.html"));
    assert!(some.is_subset(&seen(&server)) && some.len() > 1, "{some:#?}");
    let note = notes.first().unwrap();
    assert!(note.contains("`--tree`") && !note.contains("  "), "{note}");
    // What the tree does not tell is left out, and said.
    let each: [(&str, &[&str], &str); 3] = [
        ("mcts", &["--method", "mcts", "--rounds", "3"], "roll-out"),
        ("mcmc", &["--method", "mcmc", "--rounds", "3"], "roll-out"),
        ("ahead", &["--lookahead", "1"], "looked ahead"),
    ];
    for (name, more, words) in each {
        let place = Place::new(&format!("report-requests-{name}"));
        place.file("in.jsonl", problem);
        let server = searching().await;
        let notes =
            told(&server, &place, &[&search[..], &tree, more].concat(), &["tree.jsonl"]).await;
        assert!(notes.iter().any(|note| note.contains(words)), "{name}: {notes:?}");
    }
}

/// A judge that is content with the third draft, and a policy that writes one draft after the other.
async fn revising() -> Server {
    Server::start(|seen| {
        let text = obedient::asked(seen);
        let draft = (0..9).rev().find(|n| text.contains(&format!("draft {n}"))).unwrap_or(0);
        if let Some(line) = text.lines().rev().find(|line| line.contains(": <")) {
            let (words, _) = line.split_once(':').unwrap();
            return Reply::says(&format!("Draft {draft} is short.\n{words}: {}", 3 + 2 * draft));
        }
        if text.contains("[[A]], [[B]]") {
            return Reply::says("The second is longer. [[B]]");
        }
        Reply::says(&format!("This is draft {}.", draft + 1))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_revision_are_those_of_every_round() {
    let records = "{\"id\": \"a\", \"question\": \"Why?\", \"draft\": \"This is draft 0.\"}\n";
    let judge = ["revise", "in.jsonl", "-p", "score", "--pass", "score >= 9"];
    let each: [(&str, &[&str]); 5] = [
        ("revise", &["--map", "answer=draft"]),
        ("memory", &["--map", "answer=draft", "--memory", "3"]),
        ("critic", &["--map", "answer=draft", "--critic", "feedback", "--accept", "always"]),
        ("prefer", &["--map", "answer=draft", "--accept", "prefer"]),
        ("drafted", &[]),
    ];
    for (name, more) in each {
        let place = Place::new(&format!("report-requests-{name}"));
        place.file("in.jsonl", records);
        let server = revising().await;
        let notes = told(&server, &place, &[&judge[..], more].concat(), &[]).await;
        assert_eq!(notes, nothing(), "{name}");
        let line: Value =
            serde_json::from_str(place.read("out.jsonl").lines().next().unwrap()).unwrap();
        assert!(line["rounds"].as_array().unwrap().len() > 2, "{name}: {line}");
    }
    // The settings of another final judge are not kept.
    let place = Place::new("report-requests-final");
    place.file("in.jsonl", records);
    let server = revising().await;
    let last = ["--map", "answer=draft", "--final-judge", "script:Score: 9"];
    let notes = told(&server, &place, &[&judge[..], &last].concat(), &[]).await;
    assert!(notes.iter().any(|note| note.contains("final judge")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_rebuilt_by_another_prompt_or_secret_or_from_an_early_manifest() {
    let place = Place::new("report-requests-refused");
    place.file("in.jsonl", ANSWERS);
    let args = ["rank", "in.jsonl", "-p", "score", "-m", "script:Score: 7", "-o", "v.jsonl", "-q"];
    let args = [&args[..], &["--map", "question=q,answers=given"]].concat();
    let ran = place.command(&args).env("TRIBUNAL_SECRET", "hidden").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let manifest: Value = serde_json::from_str(&place.read("v.jsonl.run.json")).unwrap();
    assert!(!manifest.to_string().contains("hidden"), "{manifest}");
    let note = |place: &Place| {
        report(place, &["v.jsonl", "-o", "r.html"]);
        let page = place.read("r.html");
        let details = block(&page, "details");
        assert!(details[0].get("sent").is_none(), "{}", details[0]);
        let of_record = details[0]["unsent"].as_str().map(ToOwned::to_owned);
        of_record.unwrap_or_else(|| block(&page, "index")[0]["notes"][0].as_str().unwrap().into())
    };
    let secret = note(&place);
    assert!(secret.contains("another TRIBUNAL_SECRET"), "{secret}");
    let ran = place
        .command(&["report", "v.jsonl", "-o", "r.html"])
        .env("TRIBUNAL_SECRET", "hidden")
        .output();
    assert!(ran.unwrap().status.success());
    assert!(block(&place.read("r.html"), "details")[0]["sent"].is_array());
    // Another prompt.
    let mut other = manifest.clone();
    (other["prompt"]["hash"], other["prompt"]["empty_mark"]) = ("0".into(), Value::Null);
    other["prompt"]["source"] = "---\nkind: score\nscale: 0-10\nverdict: 'Score: *'\nfields: {answer: required}\n---\nuser:\n{{ answer }}\nassistant:\n{{ gen('critique') }}\n".into();
    place.file("v.jsonl.run.json", other.to_string());
    let other = note(&place);
    assert!(other.ends_with("the manifest is of another prompt."), "{other}");
    // Only the command, as earlier versions wrote it.
    place.file("v.jsonl.run.json", json!({"command": manifest["command"]}).to_string());
    let early = note(&place);
    assert!(early.contains("earlier version"), "{early}");
}
