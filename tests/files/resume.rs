//! Never pay twice, never lose what was paid: runs that go on, are killed, stopped, repeated.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use super::kills::{self, Killed};
use crate::support::{Place, Ran, Reply, Server, records};
use serde_json::{Value, json};

fn lines(place: &Place, name: &str) -> Vec<Value> {
    place.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(lines: &[Value]) -> Vec<String> {
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// A run on `r.jsonl` into `out.jsonl` against this server.
fn start(place: &Place, server: &Server, more: &[&str]) -> Child {
    let args = [
        "judge",
        "r.jsonl",
        "-o",
        "out.jsonl",
        "-p",
        "score",
        "-m",
        "openai/x",
        "--base-url",
        &server.url,
        "-j",
        "8",
    ];
    place.start(&[&args, more].concat())
}

async fn run(place: &Place, server: &Server, more: &[&str]) -> Ran {
    Ran::ended(start(place, server, more)).await
}

#[expect(clippy::disallowed_methods, reason = "another process knows no paused clock")]
async fn after(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn scoring() -> Server {
    Server::start(|_| Reply::says("Fine.\nScore: 7")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_pays_for_what_is_missing_only() {
    let place = Place::new("resume-missing");
    let server = scoring().await;
    place.file("r.jsonl", records(20));
    assert_eq!(run(&place, &server, &["--limit", "12", "--cache", "off"]).await.code, 0);
    assert_eq!(server.requests(), 12);
    let again = run(&place, &server, &["--cache", "off"]).await;
    assert_eq!((again.code, server.requests()), (0, 20), "{}", again.err);
    assert!(
        again.err.contains("20 of 20 records judged; 12 of them by an earlier run"),
        "{}",
        again.err
    );
    let third =
        run(&place, &server, &["--cache", "off", "--pass", "score >= 7", "--fail-under", "1"])
            .await;
    assert_eq!((third.code, server.requests()), (0, 20), "{}", third.err);
    let lines = lines(&place, "out.jsonl");
    assert_eq!(ids(&lines), (0..20).map(|n| format!("r{n}")).collect::<Vec<_>>());
    assert!(
        lines.iter().all(|line| line["pass"] == true),
        "a new pass rule is applied to stored texts"
    );
    assert!(lines.iter().all(|line| line["attempts"] == 1), "what an answer took is kept");
    let manifest: Value = serde_json::from_str(&place.read("out.jsonl.run.json")).unwrap();
    assert_eq!(
        (&manifest["prompt"]["name"], &manifest["pass"]),
        (&json!("score"), &json!("score >= 7"))
    );
    assert!(!manifest.to_string().contains("OPENAI"));
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_records_have_a_line_each_and_changed_ones_a_new_one() {
    let place = Place::new("resume-equal");
    let server = scoring().await;
    let same = "{\"question\": \"q\", \"answer\": \"a\"}\n";
    place.file("r.jsonl", same.repeat(3));
    let _ = run(&place, &server, &[]).await;
    assert_eq!(
        (lines(&place, "out.jsonl").len(), server.requests()),
        (3, 1),
        "one flight for three"
    );
    let _ = run(&place, &server, &[]).await;
    assert_eq!((lines(&place, "out.jsonl").len(), server.requests()), (3, 1));
    place.file("r.jsonl", format!("{{\"question\": \"new\", \"answer\": \"a\"}}\n{same}"));
    let _ = run(&place, &server, &[]).await;
    let lines = lines(&place, "out.jsonl");
    assert_eq!((lines.len(), server.requests()), (2, 2));
    assert_eq!(
        (&lines[0]["index"], &lines[1]["index"], &lines[1]["item"]["question"]),
        (&json!(0), &json!(1), &json!("q"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_unreadable_records_are_judged_again_when_asked_for() {
    let place = Place::new("resume-retry");
    let server = Server::start(|seen| {
        let text = seen.body.to_string();
        match seen.index {
            0..3 if text.contains("q1.") => Reply::says("I wonder."),
            0..3 if text.contains("q2.") => Reply::error(400, &json!({"error": {"message": "no"}})),
            _ => Reply::says("Score: 7"),
        }
    })
    .await;
    place.file("r.jsonl", records(3));
    let first = run(&place, &server, &["--reask", "0"]).await;
    assert_eq!(first.code, 3, "{}", first.err);
    let asked = server.requests();
    let plain = run(&place, &server, &[]).await;
    assert_eq!((plain.code, server.requests()), (3, asked), "{}", plain.err);
    let retried = run(&place, &server, &["--retry-errors"]).await;
    assert_eq!((retried.code, server.requests()), (0, asked + 2), "{}", retried.err);
    let lines = lines(&place, "out.jsonl");
    assert!(lines.iter().all(|line| line["score"] == 7), "{lines:?}");
    assert_eq!(lines[1]["votes"][0]["reask"], 1);
    let fresh = run(&place, &server, &["--fresh", "--cache", "off"]).await;
    assert_eq!((fresh.code, server.requests()), (0, asked + 5));
    assert_eq!(self::lines(&place, "out.jsonl").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_answer_is_asked_again_and_counted() {
    let place = Place::new("resume-reask");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::says("I wonder."),
        _ => Reply::says("Score: 7"),
    })
    .await;
    place.file("r.jsonl", records(1));
    let ran = run(&place, &server, &[]).await;
    assert_eq!((ran.code, server.requests()), (0, 2), "{}", ran.err);
    assert!(ran.err.contains("unreadable answers requested again: 1, then readable: 1"));
    let line = &lines(&place, "out.jsonl")[0];
    assert_eq!(
        (&line["score"], &line["votes"][0]["reask"], &line["attempts"]),
        (&json!(7), &json!(1), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_answer_stays_where_asking_again_fails() {
    let place = Place::new("resume-reask-fails");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::says("I wonder."),
        _ => Reply::error(400, &json!({"error": {"message": "enough"}})),
    })
    .await;
    place.file("r.jsonl", records(1));
    let ran = run(&place, &server, &[]).await;
    assert_eq!(server.requests(), 2, "{}", ran.err);
    let line = &lines(&place, "out.jsonl")[0];
    assert_eq!(line["votes"][0]["calls"][0]["text"], "I wonder.");
    assert_eq!(line["unreadable"]["reason"], "missing");
    let detail = line["unreadable"]["detail"].as_str().unwrap();
    assert!(detail.contains("the re-ask failed") && detail.contains("enough"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_mended_and_two_runs_on_one_output_are_refused() {
    let place = Place::new("resume-torn");
    let server = scoring().await;
    place.file("r.jsonl", records(5));
    let _ = run(&place, &server, &[]).await;
    let whole = place.read("out.jsonl");
    place.file("out.jsonl", &whole[..whole.len() - 100]);
    let ran = run(&place, &server, &["--cache", "off"]).await;
    assert_eq!((ran.code, server.requests()), (0, 6), "{}", ran.err);
    assert!(ran.err.contains("was incomplete and is removed"), "{}", ran.err);
    assert_eq!(lines(&place, "out.jsonl").len(), 5);

    let slow = Server::start(|_| Reply::Hang).await;
    let mut first = start(&place, &slow, &["--fresh", "--cache", "off"]);
    while slow.requests() == 0 {
        after(10).await;
    }
    let second = run(&place, &server, &[]).await;
    assert!(second.code == 2 && second.err.contains("another run is writing"), "{}", second.err);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_ends_what_it_began_and_goes_on_later() {
    let place = Place::new("resume-stop");
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Reply::says("Score: 7")
    })
    .await;
    place.file("r.jsonl", records(300));
    for signal in ["INT", "TERM"] {
        let before = server.requests();
        let child = start(&place, &server, &["--cache", "off"]);
        while server.requests() < before + 20 {
            after(1).await;
        }
        std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status()
            .unwrap();
        let ran = Ran::ended(child).await;
        assert_eq!(ran.code, 130, "{}", ran.err);
        assert!(ran.err.contains("run the same command again to continue"), "{}", ran.err);
        let done = lines(&place, "out.jsonl");
        assert!((1..300).contains(&done.len()), "{}", done.len());
        assert_eq!(done.len(), server.requests(), "what was paid for is there");
    }
    let ran = run(&place, &server, &["--cache", "off"]).await;
    assert_eq!((ran.code, server.requests()), (0, 300), "{}", ran.err);
    assert_eq!(
        ids(&lines(&place, "out.jsonl")),
        (0..300).map(|n| format!("r{n}")).collect::<Vec<_>>()
    );
}

const COUNT: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 12)]
async fn killed_at_any_moment_nothing_is_lost_and_nothing_torn() {
    let place = Place::new("resume-kill");
    place.file("r.jsonl", records(COUNT));
    let killed = Killed { records: COUNT, kills: kills::count(12) };
    let server = killed.again_and_again(|server| start(&place, server, &[])).await;
    assert!(server.requests() < COUNT * 11 / 10, "the run ended before the kills did");
    let last = run(&place, &server, &[]).await;
    assert_eq!(last.code, 0, "{}", last.err);
    let lines = lines(&place, "out.jsonl");
    assert_eq!(ids(&lines), (0..COUNT).map(|n| format!("r{n}")).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line["score"] == 7));
    killed.check_requests(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_a_store_pay_once_for_all() {
    for processes in [2_usize, 4, 8] {
        let place = Place::new(&format!("resume-share-{processes}"));
        let server = Server::start(|_| {
            std::thread::sleep(Duration::from_millis(2));
            Reply::says("Score: 7")
        })
        .await;
        place.file("r.jsonl", records(150));
        let all: Vec<Child> = (0..processes)
            .map(|n| {
                let out = format!("out-{n}.jsonl");
                let args = [
                    "judge",
                    "r.jsonl",
                    "-o",
                    &out,
                    "-p",
                    "score",
                    "-m",
                    "openai/x",
                    "--base-url",
                    &server.url,
                    "-q",
                ];
                place.start(&args)
            })
            .collect();
        for child in all {
            let output =
                tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(server.requests(), 150, "{processes} processes");
        for n in 0..processes {
            assert_eq!(lines(&place, &format!("out-{n}.jsonl")).len(), 150);
        }
        let stats = place.run(&["cache", "stats"]);
        assert!(stats.out.contains("answers  150"), "{}", stats.out);
        let file = place.folder.path("home/.cache/tribunal/answers.sqlite");
        let check: String = rusqlite::Connection::open(file)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_looked_after_by_commands() {
    let place = Place::new("resume-cache");
    let server = scoring().await;
    place.file("r.jsonl", records(10));
    let _ = run(&place, &server, &[]).await;
    let warm = run(&place, &server, &["--fresh"]).await;
    assert_eq!(server.requests(), 10);
    assert!(warm.err.contains("10 answers came from the cache: "), "{}", warm.err);
    assert!(
        lines(&place, "out.jsonl")
            .iter()
            .all(|line| line["cached"] == true && line["attempts"] == 0)
    );
    let refreshed = run(&place, &server, &["--fresh", "--cache", "refresh"]).await;
    assert_eq!((refreshed.code, server.requests()), (0, 20));

    let exported = place.run(&["cache", "export"]).out;
    assert_eq!(exported.lines().count(), 10);
    assert!(!exported.contains("OPENAI"));
    let refused = place.run(&["cache", "clear"]);
    assert!(
        refused.code == 2 && refused.err.contains("this would remove 10 answers"),
        "{}",
        refused.err
    );
    assert!(place.run(&["cache", "clear", "--yes"]).err.contains("removed 10"));
    assert!(place.run(&["cache", "stats"]).out.contains("answers  0"));
    place.file("answers.jsonl", exported);
    assert!(place.run(&["cache", "import", "answers.jsonl"]).err.contains("added 10"));
    assert!(place.run(&["cache", "prune", "--older-than", "1d"]).err.contains("removed 0"));
    assert!(place.run(&["cache", "prune", "--max-size", "0MB"]).err.contains("removed 10"));
    assert!(place.run(&["cache", "path"]).out.trim().ends_with("home/.cache/tribunal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_store_costs_no_result() {
    let server = scoring().await;
    let judged = async |place: &Place| {
        place.file("r.jsonl", records(10));
        let ran = run(place, &server, &["--fresh"]).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(lines(place, "out.jsonl").iter().all(|line| line["score"] == 7));
        ran.err
    };
    let file = "home/.cache/tribunal/answers.sqlite";
    let damaged = Place::new("resume-damaged");
    damaged.file(file, "no database at all".repeat(1_000));
    assert!(judged(&damaged).await.contains("the cache was damaged: it was moved to"));
    let newer = Place::new("resume-newer");
    judged(&newer).await;
    rusqlite::Connection::open(newer.folder.path(file))
        .unwrap()
        .execute_batch("PRAGMA user_version = 9")
        .unwrap();
    assert!(judged(&newer).await.contains("by a newer version"));
    let blocked = Place::new("resume-blocked");
    blocked.file("home/.cache/tribunal", "a file where a folder should be");
    assert!(judged(&blocked).await.contains("answers are kept in memory"));

    // Bytes flipped anywhere: an answer is right or it is asked for again.
    let flipped = Place::new("resume-flipped");
    judged(&flipped).await;
    let path = flipped.folder.path(file);
    let whole = std::fs::read(&path).unwrap();
    for round in 0..25_usize {
        let mut bytes = whole.clone();
        for n in 0..40_usize {
            let at = (round * 7_919 + n * 104_729) % bytes.len();
            bytes[at] ^= 0x5A;
        }
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
        std::fs::write(&path, bytes).unwrap();
        judged(&flipped).await;
    }
}

/// A small file system of its own under a folder, for as long as this lives; needs the rights to mount.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(folder: &std::path::Path, options: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        assert!(Self::mount(folder, options), "mounting needs the right to do so");
        Self(folder.to_owned())
    }

    fn mount(folder: &std::path::Path, options: &str) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn change(&self, options: &str) {
        assert!(Self::mount(&self.0, &format!("remount,{options}")));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the right to mount a file system"]
async fn a_full_or_read_only_disk_of_the_cache_costs_no_result() {
    let place = Place::new("resume-full");
    let server = scoring().await;
    place.file("r.jsonl", records(400));
    let mount = Mount::new(&place.folder.path("home/.cache/tribunal"), "size=300k");
    let full = run(&place, &server, &[]).await;
    assert_eq!(full.code, 0, "{}", full.err);
    assert_eq!(full.err.matches("the run continues without it").count(), 1, "{}", full.err);
    assert_eq!((lines(&place, "out.jsonl").len(), server.requests()), (400, 400));
    mount.change("ro");
    let fixed = run(&place, &server, &["--fresh"]).await;
    assert_eq!(fixed.code, 0, "{}", fixed.err);
    assert!(fixed.err.contains("WARN"), "{}", fixed.err);
    assert_eq!(lines(&place, "out.jsonl").len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the right to mount a file system"]
async fn a_full_disk_of_the_results_stops_the_run_and_keeps_what_was_written() {
    let place = Place::new("resume-full-results");
    let server = scoring().await;
    place.file("r.jsonl", records(400));
    let _mount = Mount::new(&place.folder.path("small"), "size=100k");
    let args = [
        "judge",
        "r.jsonl",
        "-o",
        "small/out.jsonl",
        "-p",
        "score",
        "-m",
        "openai/x",
        "--base-url",
        &server.url,
    ];
    let mut command = place.command(&args);
    command.env("OPENAI_API_KEY", "k").stdin(Stdio::null());
    let ran =
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("cannot write") && ran.err.contains("small/out.jsonl"), "{}", ran.err);
    let kept = place.read("small/out.jsonl");
    assert!(kept.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count() > 10);
}
