//! Nothing that a record, a model, a server, a file or its name says reaches a terminal as a command, and
//! nothing of it is lost in a pipe.

#![cfg(all(unix, feature = "cli", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{fs::File, io::Read, process::Stdio};

use crate::support::{Place, Ran, Reply, Server};
use nix::pty::{Winsize, openpty};
use regex::Regex;
use serde_json::{Value, json};

/// Sets the clipboard, recolours, reorders, hides, breaks the line, goes back.
const HOSTILE: &str =
    "\u{1b}]52;c;cHduZWQ=\u{7}\u{9b}7m\u{202e}txt\u{2066}\u{200b}\u{85}\u{8}\u{7f}";

/// Runs the program with its stdout on a terminal; stderr is a pipe.
fn on_a_terminal(place: &Place, args: &[&str]) -> Ran {
    let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut command = place.command(args);
    command.env("OPENAI_API_KEY", "sk-of-the-user").stdin(Stdio::null());
    command.stdout(Stdio::from(terminal.slave)).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    drop(command);
    let mut shown = Vec::new();
    // A terminal whose other side is closed ends with an error.
    let _ = File::from(terminal.master).read_to_end(&mut shown);
    let ran = child.wait_with_output().unwrap();
    Ran {
        code: ran.status.code().unwrap(),
        out: String::from_utf8(shown).unwrap().replace("\r\n", "\n"),
        err: String::from_utf8(ran.stderr).unwrap(),
    }
}

/// Everything that a terminal obeys, beside line breaks, tabs and the colours of this program.
#[track_caller]
fn harmless(text: &str) {
    let plain = Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(text, "");
    let obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    assert!(!plain.contains(obeyed), "{plain:?}");
}

#[track_caller]
fn both_harmless(ran: &Ran) {
    harmless(&ran.out);
    harmless(&ran.err);
}

fn place(name: &str) -> Place {
    let place = Place::new(&format!("escaping-{name}"));
    let record = json!({"id": format!("id{HOSTILE}"), "question": HOSTILE, "answer": HOSTILE, format!("field{HOSTILE}"): HOSTILE, "label": HOSTILE});
    place.file("r.jsonl", format!("{record}\n"));
    place
        .file("label.jinja", "---\nkind: label\nverdict: 'Verdict: *'\n---\nuser:\n{{ answer }}\n");
    place
}

#[test]
fn results_on_a_terminal_are_harmless_in_every_format_and_exact_in_a_pipe() {
    let place = place("formats");
    let answer = format!("script:{HOSTILE} said.\nVerdict: good");
    for format in ["pretty", "jsonl", "json", "csv", "tsv"] {
        let args = ["judge", "r.jsonl", "-m", &answer, "-p", "label.jinja", "--format", format];
        let shown = on_a_terminal(&place, &args);
        assert_eq!(shown.code, 0, "{}", shown.err);
        assert!(shown.out.contains("cHduZWQ="), "{format}: {}", shown.out);
        both_harmless(&shown);
        let piped = place.run(&args);
        harmless(&piped.err);
        if format == "pretty" {
            harmless(&piped.out);
            continue;
        }
        // JSON escapes C0 by itself, tables all control characters; everything else is as it was.
        let csi = if format.starts_with("json") { "\u{9b}" } else { r"\u{9b}" };
        let exact = format!("{csi}7m\u{202e}txt\u{2066}\u{200b}");
        assert!(piped.out.contains(&exact), "{format}: {}", piped.out);
        if format.starts_with("json") {
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let (mut one, mut other) = (json(&shown.out), json(&piped.out));
            for line in [&mut one, &mut other] {
                let line = if line.is_array() { &mut line[0] } else { line };
                line["latency_ms"] = Value::Null;
            }
            assert_eq!(one, other, "{format}: on a terminal it is the same JSON");
        }
    }
}

#[test]
fn the_programs_own_colours_are_shown_as_colours() {
    let place = place("colours");
    let base = ["judge", "r.jsonl", "-m", "script:Verdict: good", "-p", "label.jinja"];
    let passed = on_a_terminal(&place, &[&base[..], &["--pass", "label = good"]].concat());
    assert!(passed.out.contains("\u{1b}[32m"), "{:?}", passed.out);
    for args in [
        &[&base[..], &["--dry-run"]].concat()[..],
        &["prompts", "render", "label.jinja", "r.jsonl"],
    ] {
        let shown = on_a_terminal(&place, args);
        assert!(shown.out.contains("\u{1b}[34m"), "{:?}", shown.out);
        assert!(!shown.out.contains("\\u001b["), "{:?}", shown.out);
    }
}

#[test]
fn every_command_that_prints_data_is_harmless_on_a_terminal() {
    let place = place("commands");
    let answer = format!("script:{HOSTILE}\nVerdict: good");
    let judged =
        place.run(&["judge", "r.jsonl", "-m", &answer, "-p", "label.jinja", "-o", "one.jsonl"]);
    assert_eq!(judged.code, 0, "{}", judged.err);
    let line = place.read("one.jsonl");
    place.file(
        "two.jsonl",
        line.replace("\"label\":\"good\"", "\"label\":\"bad\"")
            .replace("\"verdict\":\"good\"", "\"verdict\":\"bad\""),
    );
    place.file(
        "hostile.jinja",
        format!(
            "---\nkind: label\nverdict: 'Verdict: *'\n---\nuser:\n{HOSTILE} {{{{ answer }}}}\n"
        ),
    );
    let raw = json!({"raw": format!("{HOSTILE}\nVerdict: good"), "id": HOSTILE});
    place.file("raw.jsonl", format!("{raw}\n"));
    place.file(
        "tribunal.toml",
        format!("[judge.\"j{0}\"]\nset = {{ \"x\" = \"{0}\" }}\n", "\u{202e}\u{200b}\u{9b}7m"),
    );
    for args in [
        &["parse", "raw.jsonl", "-p", "label.jinja"][..],
        &["reparse", "one.jsonl", "-p", "label.jinja"],
        &["diff", "one.jsonl", "two.jsonl"],
        &["prompts", "show", "hostile.jinja"],
        &["prompts", "check", "hostile.jinja"],
        &["prompts", "render", "hostile.jinja", "r.jsonl"],
        &["judge", "r.jsonl", "-m", &answer, "-p", "hostile.jinja", "--dry-run"],
        &["judge", "r.jsonl", "-m", &answer, "-p", "label.jinja", "-v"],
        &[
            "revise",
            "r.jsonl",
            "-m",
            &answer,
            "-p",
            "label.jinja",
            "--pass",
            "label = bad",
            "--rounds",
            "1",
        ],
        &["config"],
        &["cache", "export"],
        &["cache", "stats"],
    ] {
        let ran = on_a_terminal(&place, args);
        assert!(ran.code != 2, "{args:?}: {}", ran.err);
        both_harmless(&ran);
    }
}

#[test]
fn talk_is_escaped_wherever_its_words_come_from() {
    let place = place("talk");
    place.file(&format!("f{HOSTILE}.jsonl"), "nonsense\n");
    place.file(
        "near.jsonl",
        format!("{}\n", json!({"answer": "a", "question": "q", format!("contexts{HOSTILE}"): "x"})),
    );
    place.file("wrong.toml", "[judge.x]\n\"promt\u{9b}7m\" = 'a'\n");
    place.file("nul.jinja", format!("---\nkind: label\n\"k\u{202e}\": 1\n---\nuser:\n{HOSTILE}\n"));
    let hostile = |text: &str| text.replace('H', HOSTILE);
    let label = hostile("script:Verdict: H");
    for args in [
        &["judge", "r.jsonl", "-p", "label.jinja", "-m", &label][..],
        &["judge", "near.jsonl", "-p", "score", "-m", "script:Score: 7"],
        &["judge", &hostile("fH.jsonl"), "-p", "score", "-m", "script:Score: 7"],
        &["judge", &hostile("absentH.jsonl"), "-m", "script:x"],
        &["judge", "r.jsonl", "-m", &hostile("modelH")],
        &["judge", "r.jsonl", "-m", "script:x", "-p", &hostile("H")],
        &["judge", "r.jsonl", "-m", "script:x", "-p", &hostile("H.jinja")],
        &["judge", "r.jsonl", "-m", "script:x", "-p", "nul.jinja"],
        &["judge", "r.jsonl", "-m", "script:x", "--pass", &hostile("score > H")],
        &["judge", "r.jsonl", "-m", "script:x", "--map", &hostile("answer=H")],
        &["judge", "r.jsonl", "-m", "script:x", "--judge", &hostile("H")],
        &["judge", "r.jsonl", "-m", "script:x", "--fail-under", &hostile("H")],
        &["judge", "r.jsonl", "-m", "script:x", "-c", &hostile("H.toml")],
        &["judge", "r.jsonl", "-m", "script:x", "-c", "wrong.toml"],
        &["judge", "r.jsonl", "-m", "script:x", "-o", &hostile("H/o.jsonl")],
        &["judge", "r.jsonl", "-m", "script:x", &hostile("--H")],
        &[&hostile("H")],
        &["diff", &hostile("H"), "r.jsonl"],
        &["parse", &hostile("H"), "-p", "score"],
        &["models", "info", &hostile("H.gguf")],
        &["init", &hostile("folderH")],
        &["trust", &hostile("H")],
    ] {
        let ran = place.run(args);
        harmless(&ran.err);
        if args[0] != "init" {
            assert!(ran.code == 0 || ran.code >= 2, "{args:?}: {}", ran.err);
        }
    }
}

#[tokio::test]
async fn a_server_reaches_no_terminal_by_errors_or_logs() {
    let place = place("server");
    for (status, body) in [
        (400, json!({"error": {"message": HOSTILE}})),
        (401, json!({"error": {"message": HOSTILE, "code": HOSTILE}})),
        (404, json!(HOSTILE)),
        (
            400,
            json!({"error": {"message": format!("Unsupported parameter: 'temperature' {HOSTILE}"), "param": "temperature", "code": "unsupported_parameter"}}),
        ),
    ] {
        let server = Server::start(move |_| Reply::error(status, &body)).await;
        let mut command = place.command(&[
            "judge",
            "r.jsonl",
            "-p",
            "score",
            "-m",
            "m",
            "--temperature",
            "0.5",
            "--base-url",
            &server.url,
        ]);
        command.env("RUST_LOG", "trace,h2=off").env("OPENAI_API_KEY", "sk-of-the-user");
        let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let ran = Ran::of(ran);
        harmless(&ran.err);
        assert!(!ran.err.contains("sk-of-the-user"), "{status}: {}", ran.err);
    }
}

#[test]
fn a_reader_of_talk_who_goes_is_no_failure() {
    let place = Place::new("escaping-closed");
    let many: String = (0..300).map(|n| format!("{{\"id\": {n}}}\n")).collect();
    place.file("r.jsonl", many);
    let mut child = place
        .command(&["judge", "r.jsonl", "-p", "score", "-m", "script:Score: 7", "-o", "out.jsonl"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(place.read("out.jsonl").lines().count(), 300);
}

#[test]
fn a_closed_pipe_is_a_success_for_every_command_that_prints() {
    let place = place("pipe");
    for args in [
        &["help", "judge"][..],
        &["man"],
        &["prompts", "show", "score"],
        &["completions", "bash"],
        &["schema", "config"],
        &["prompts", "list"],
    ] {
        let mut child =
            place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
    }
}
