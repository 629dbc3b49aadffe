//! Tables and lists go on like lines do: after a refused key, an interrupt, failed records, a kill.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    io::Write,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::kills::{self, Killed};
use crate::support::{Place, Ran, Reply, Seen, Server, records};
use serde_json::{Value, json};

#[cfg(not(feature = "parquet"))]
const TABLES: [&str; 3] = ["out.csv", "out.tsv", "out.json"];
#[cfg(feature = "parquet")]
const TABLES: [&str; 4] = ["out.csv", "out.tsv", "out.json", "out.parquet"];

/// A run on `r.jsonl` into this file, where nothing but the file holds answers.
fn start(place: &Place, server: &Server, output: &str, more: &[&str]) -> Child {
    let args = ["judge", "r.jsonl", "-o", output, "-p", "score", "-m", "openai/x"];
    let reach = ["--base-url", &server.url, "--cache", "off"];
    place.start(&[&args[..], &reach, more].concat())
}

async fn run(place: &Place, server: &Server, output: &str, more: &[&str]) -> Ran {
    Ran::ended(start(place, server, output, more)).await
}

fn is_there(place: &Place, name: &str) -> bool {
    place.folder.path(name).exists()
}

fn journal(output: &str) -> String {
    format!("{output}.partial.jsonl")
}

/// The ids in a table, as the program itself reads it.
fn ids(place: &Place, output: &str) -> Vec<String> {
    let ran = place.run(&["judge", output, "-m", "script:Score: 1", "-p", "score", "-q"]);
    ran.lines().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

fn in_order(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("r{n}")).collect()
}

fn asks(seen: &Seen, question: &str) -> bool {
    seen.body["messages"].to_string().contains(question)
}

/// A server whose key is refused after so many answers, until the account is mended.
async fn refusing(after: usize) -> (Server, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (mended, paid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_mended, count) = (mended.clone(), paid.clone());
    let server = Server::start(move |seen| {
        if seen.index >= after && !is_mended.load(Ordering::SeqCst) {
            return Reply::error(401, &json!({"error": {"message": "the key is refused"}}));
        }
        count.fetch_add(1, Ordering::SeqCst);
        Reply::says("Fine.\nScore: 7")
    })
    .await;
    (server, mended, paid)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_refused_key_the_same_command_pays_for_the_rest_only() {
    for output in TABLES {
        let place = Place::new(&format!("tables-refused-{output}"));
        let (server, mended, paid) = refusing(8).await;
        place.file("r.jsonl", records(40));
        let ran = run(&place, &server, output, &["-j", "2", "--summary", "s.json"]).await;
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains("records were never tried"), "{}", ran.err);
        assert!(ran.err.contains("run the same command again to continue"), "{}", ran.err);
        assert!(!is_there(&place, output) && is_there(&place, &journal(output)));
        let figures: Value = serde_json::from_str(&place.read("s.json")).unwrap();
        let [taken, left] = ["records", "not_tried"].map(|name| figures[name].as_u64().unwrap());
        assert_eq!((taken + left, &figures["end"]), (40, &json!("gave_up")));
        assert_eq!(figures["coverage"], 8.0 / 40.0, "all records are in the denominator");

        mended.store(true, Ordering::SeqCst);
        let again = run(&place, &server, output, &[]).await;
        assert_eq!((again.code, paid.load(Ordering::SeqCst)), (0, 40), "{}", again.err);
        assert!(again.err.contains("40 of 40 records judged; 8 of them by an earlier run"));
        assert_eq!(ids(&place, output), in_order(40));
        assert!(!is_there(&place, &journal(output)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_unreadable_records_are_judged_again_when_asked_for() {
    for output in TABLES {
        let place = Place::new(&format!("tables-retry-{output}"));
        let is_bad = Arc::new(AtomicBool::new(true));
        let bad = is_bad.clone();
        let server = Server::start(move |seen| match bad.load(Ordering::SeqCst) {
            true if asks(seen, "q1.") => Reply::says("I wonder."),
            true if asks(seen, "q2.") => {
                Reply::error(400, &json!({"error": {"message": "too odd"}}))
            }
            _ => Reply::says("Score: 7"),
        })
        .await;
        place.file("r.jsonl", records(4));
        let first = run(&place, &server, output, &["--reask", "0"]).await;
        assert_eq!(first.code, 3, "{}", first.err);
        assert!(first.err.contains("next to the table, for --retry-errors"));
        assert_eq!(ids(&place, output), in_order(4), "a whole run writes its table");
        let held = std::fs::read(place.folder.path(output)).unwrap();

        is_bad.store(false, Ordering::SeqCst);
        let asked = server.requests();
        let plain = run(&place, &server, output, &["--reask", "0"]).await;
        assert_eq!((plain.code, server.requests()), (3, asked), "{}", plain.err);
        assert!(plain.err.contains("1 record failed and 1 record could not be read"));
        assert!(plain.err.contains("--retry-errors tries them again"), "{}", plain.err);
        assert!(!plain.err.contains("too odd"), "what was kept is not said again");
        assert_eq!(std::fs::read(place.folder.path(output)).unwrap(), held);

        let retried = run(&place, &server, output, &["--retry-errors"]).await;
        assert_eq!((retried.code, server.requests()), (0, asked + 2), "{}", retried.err);
        assert_eq!(ids(&place, output), in_order(4));
        assert!(!is_there(&place, &journal(output)));
        // Whole and free of failures it is finished.
        let finished = run(&place, &server, output, &[]).await;
        assert!(finished.code == 2 && finished.err.contains("exists already"));
        assert!(finished.err.contains("--fresh"), "{}", finished.err);
        let fresh = run(&place, &server, output, &["--fresh"]).await;
        assert_eq!((fresh.code, server.requests()), (0, asked + 6), "{}", fresh.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_judges_all_of_a_table_again_whatever_is_beside_it() {
    let place = Place::new("tables-fresh");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::error(400, &json!({"error": {"message": "no"}})),
        _ => Reply::says("Score: 7"),
    })
    .await;
    place.file("r.jsonl", records(3));
    assert_eq!(run(&place, &server, "out.csv", &[]).await.code, 3);
    let before = server.requests();
    let fresh = run(&place, &server, "out.csv", &["--fresh"]).await;
    assert_eq!((fresh.code, server.requests()), (0, before + 3), "{}", fresh.err);
    assert!(fresh.err.contains("3 of 3 records judged\n"), "{}", fresh.err);
    assert_eq!(ids(&place, "out.csv"), in_order(3));
    assert!(!is_there(&place, &journal("out.csv")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_changed_is_not_written_over() {
    let place = Place::new("tables-changed");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::error(400, &json!({"error": {"message": "no"}})),
        _ => Reply::says("Score: 7"),
    })
    .await;
    place.file("r.jsonl", records(3));
    let _ = run(&place, &server, "out.csv", &[]).await;
    let noted = place.read("out.csv").replace("id,", "my note,id,");
    place.file("out.csv", &noted);
    let refused = run(&place, &server, "out.csv", &["--retry-errors"]).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("exists already, and is not what was made of"));
    assert!(refused.err.contains("hint: move it away"), "{}", refused.err);
    assert_eq!(place.read("out.csv"), noted);
    std::fs::rename(place.folder.path("out.csv"), place.folder.path("mine.csv")).unwrap();
    let retried = run(&place, &server, "out.csv", &["--retry-errors"]).await;
    assert_eq!((retried.code, server.requests()), (0, 4), "{}", retried.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_writes_no_table_and_goes_on_later() {
    let place = Place::new("tables-stop");
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Reply::says("Score: 7")
    })
    .await;
    place.file("r.jsonl", records(200));
    let child = start(&place, &server, "out.csv", &["-j", "8"]);
    while server.requests() < 20 {
        tokio::task::yield_now().await;
    }
    let ran = Ran::interrupted(child).await;
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("run the same command again to continue"), "{}", ran.err);
    let done = server.requests();
    assert!(ran.err.contains(&format!("; {} records were never tried", 200 - done)), "{}", ran.err);
    assert!(!is_there(&place, "out.csv"));
    let again = run(&place, &server, "out.csv", &["-j", "8"]).await;
    assert_eq!((again.code, server.requests()), (0, 200), "{}", again.err);
    assert_eq!(ids(&place, "out.csv"), in_order(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_refused_says_nothing_about_the_records_that_met_it() {
    let place = Place::new("tables-lines");
    let (server, mended, paid) = refusing(3).await;
    place.file("r.jsonl", records(20));
    let ran = run(&place, &server, "out.jsonl", &["-j", "4"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let text = place.read("out.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed: Vec<Value> = lines.filter(|line| line.get("error").is_some()).collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|line| line["error"]["kind"] == "unauthorized"), "{failed:?}");
    mended.store(true, Ordering::SeqCst);
    let again = run(&place, &server, "out.jsonl", &[]).await;
    assert_eq!((again.code, paid.load(Ordering::SeqCst)), (0, 20), "{}", again.err);
    assert_eq!(place.read("out.jsonl").lines().count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_counted_where_the_input_is_a_file_and_not_in_a_pipe() {
    let place = Place::new("tables-counted");
    let (server, ..) = refusing(0).await;
    let rows: String = (0..5_000).map(|n| format!("r{n},q,a\n")).collect();
    place.file("r.csv", format!("id,question,answer\n{rows}"));
    let args = ["judge", "r.csv", "-p", "score", "-m", "openai/x", "--base-url", &server.url];
    let ran = Ran::ended(place.start(&args)).await;
    let taken = ran.lines().len();
    let says = format!("0 of 5000 records judged, {taken} failed; {} records were", 5_000 - taken);
    assert!(ran.code == 3 && ran.err.contains(&says), "{}", ran.err);
    let mut piped = place.command(&[&["judge", "-"], &args[2..]].concat());
    let input = std::fs::read(place.folder.path("r.csv")).unwrap();
    piped.env("OPENAI_API_KEY", "k").stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // Nobody reads it to its end.
    std::thread::spawn(move || drop(pipe.write_all(&input)));
    let ran = Ran::ended(child).await;
    assert!(ran.err.contains("failed; the rest of the input was never tried"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_in_a_list_go_on_after_a_refused_key() {
    let place = Place::new("tables-revise");
    let (server, mended, _) = refusing(4).await;
    place.file("r.jsonl", records(6));
    let args = [
        "revise",
        "r.jsonl",
        "-o",
        "out.json",
        "--pass",
        "score >= 7",
        "-m",
        "openai/x",
        "--base-url",
        &server.url,
        "--cache",
        "off",
        "-j",
        "1",
    ];
    let ran = Ran::ended(place.start(&args)).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("never tried"), "{}", ran.err);
    assert!(!is_there(&place, "out.json") && is_there(&place, &journal("out.json")));
    mended.store(true, Ordering::SeqCst);
    let before = server.requests();
    let again = Ran::ended(place.start(&args)).await;
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("2 were revised by an earlier run"), "{}", again.err);
    assert_eq!(server.requests() - before, 4 * 2, "a judgment and a final one each");
    let list: Vec<Value> = serde_json::from_str(&place.read("out.json")).unwrap();
    assert!(list.iter().all(|line| line["outcome"] == "passed") && list.len() == 6);
    assert!(!is_there(&place, &journal("out.json")));
}

const COUNT: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 12)]
async fn killed_at_any_moment_a_table_loses_nothing() {
    let place = Place::new("tables-kill");
    place.file("r.jsonl", records(COUNT));
    let killed = Killed { records: COUNT, kills: kills::count(10) };
    let server = killed
        .again_and_again(|server| {
            assert!(!is_there(&place, "out.csv"), "the run ended before the kills did");
            start(&place, server, "out.csv", &["-j", "8"])
        })
        .await;
    assert!(!is_there(&place, "out.csv"), "the run ended before the kills did");
    let last = run(&place, &server, "out.csv", &["-j", "8"]).await;
    assert_eq!(last.code, 0, "{}", last.err);
    assert_eq!(ids(&place, "out.csv"), in_order(COUNT));
    assert!(!is_there(&place, &journal("out.csv")));
    killed.check_requests(&server);
}

/// The end of a run is the part in which files are moved: it is killed there again and again.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "another process knows no paused clock")]
async fn killed_while_it_writes_its_table_a_run_goes_on_and_pays_nothing_twice() {
    let place = Place::new("tables-kill-end");
    let server = Server::start(|seen| {
        if asks(seen, "q0.") {
            Reply::error(400, &json!({"error": {"message": "no"}}))
        } else {
            Reply::says("Score: 7")
        }
    })
    .await;
    place.file("r.jsonl", records(300));
    let _ = run(&place, &server, "out.json", &["-j", "8"]).await;
    let asked = server.requests();
    for round in 0..20 {
        let mut child = start(&place, &server, "out.json", &[]);
        tokio::time::sleep(Duration::from_millis(20 + round * 3)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let list: Vec<Value> = serde_json::from_str(&place.read("out.json")).unwrap();
        assert_eq!(list.len(), 300, "the table is whole at every moment");
    }
    let last = run(&place, &server, "out.json", &[]).await;
    assert_eq!((last.code, server.requests()), (3, asked), "{}", last.err);
    assert_eq!(ids(&place, "out.json"), in_order(300));
}
