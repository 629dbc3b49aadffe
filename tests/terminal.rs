//! What people see on a terminal: nothing breaks inside a word, and a bar tells the truth.

#![cfg(all(feature = "cli", target_os = "linux"))]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

mod support;

use std::process::{Command, Stdio};

use support::Place;

/// What the program prints on a terminal of 80 columns; `None` where `script` is missing.
fn shown(place: &Place, args: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_tribunal");
    let line = format!("stty cols 80 rows 40; NO_COLOR=1 {program} {args}");
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(place.folder.path(""))
        .stdin(Stdio::null())
        .output();
    if output.is_err() {
        eprintln!("skipped: no `script` to make a terminal with");
    }
    Some(String::from_utf8_lossy(&output.ok()?.stdout).replace("\r\n", "\n"))
}

fn check_width(shown: &str) {
    for line in shown.split(['\n', '\r']) {
        let width = unicode_width::UnicodeWidthStr::width(line);
        assert!(width <= 80, "{width} columns: {line}\n{shown}");
    }
}

#[test]
fn lists_and_help_break_between_words() {
    let place = Place::new("terminal-lists");
    for args in ["prompts list", "models list", "help judge", "help revise"] {
        let Some(shown) = shown(&place, args) else { return };
        check_width(&shown);
    }
    let Some(models) = shown(&place, "models list") else { return };
    assert!(models.contains("json-schema against"), "{models}");
    let Some(help) = shown(&place, "help judge") else { return };
    // A paragraph is wrapped once: none of its lines is much shorter than the terminal.
    let start = help.find("Options under Judge are also").unwrap();
    let paragraph: Vec<&str> = help[start..].lines().take_while(|line| !line.is_empty()).collect();
    let short = |line: &&&str| line.len() < 60;
    assert_eq!(paragraph[..paragraph.len() - 1].iter().filter(short).count(), 0, "{help}");
}

#[test]
fn critiques_keep_their_indentation_and_their_words() {
    let place = Place::new("terminal-verbose");
    place.file("r.jsonl", "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"a\"}\n");
    let critique = "several ordinary words ".repeat(12);
    let args = format!("judge r.jsonl -v -p score -m 'script:{critique}\nScore: 7'");
    let Some(shown) = shown(&place, &args) else { return };
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains("ordinary")).collect();
    assert!(lines.len() > 3, "{shown}");
    let whole = |line: &&str| {
        line.starts_with("   ")
            && line.split_whitespace().all(|word| ["several", "ordinary", "words"].contains(&word))
    };
    assert!(lines.iter().filter(|line| !line.contains('…')).all(whole), "{shown}");
}

#[test]
fn the_first_frame_of_a_bar_knows_no_speed() {
    let place = Place::new("terminal-bar");
    place.file("r.csv", "question,answer\nq,a\nq,b\n\nq,\"c\nd\"\n");
    let Some(shown) = shown(&place, "judge r.csv -p score -m 'script:Score: 7' -o out.jsonl")
    else {
        return;
    };
    assert!(!shown.contains("0.0/s") && !shown.contains(" 0s left"), "{shown:?}");
    assert!(shown.contains("/3"), "a table is counted: {shown:?}");
}
