//! What people see on a terminal: nothing breaks inside a word, and a bar tells the truth.

#![cfg(all(feature = "cli", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    fs::File,
    io::Read,
    process::{Command, Stdio},
};

use crate::support::Place;
use nix::pty::{Winsize, openpty};

/// What the program prints on a terminal of 80 columns; `args` are words of a shell.
fn shown(place: &Place, args: &str) -> String {
    shown_in(place, args, 80)
}

/// The same on a terminal of so many columns.
fn shown_in(place: &Place, args: &str, columns: u16) -> String {
    let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let program = env!("CARGO_BIN_EXE_tribunal");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {program} {args}")]).env("NO_COLOR", "1");
    command.env("HOME", place.folder.path("home")).current_dir(place.folder.path(""));
    command.stdin(Stdio::null()).stderr(Stdio::from(terminal.slave.try_clone().unwrap()));
    command.stdout(Stdio::from(terminal.slave));
    let mut child = command.spawn().unwrap();
    // The terminal ends when its last writer is closed.
    drop(command);
    let mut shown = Vec::new();
    let _ = File::from(terminal.master).read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).replace("\r\n", "\n")
}

fn check_width(shown: &str) {
    check_columns(shown, 80);
}

fn check_columns(shown: &str, columns: usize) {
    for line in shown.split(['\n', '\r']) {
        let width = unicode_width::UnicodeWidthStr::width(line);
        assert!(width <= columns, "{width} of {columns} columns: {line}\n{shown}");
    }
}

/// The summaries of every command with figures, on terminals of usual and unusual widths: no line is longer than the
/// terminal, nothing is coloured where `NO_COLOR` is set, and words are whole.
#[test]
fn summaries_of_every_command_fit_their_terminal() {
    let place = Place::new("terminal-summaries");
    let record = |n: usize| {
        let label = if n.is_multiple_of(3) { "incorrect" } else { "correct" };
        format!(
            "{{\"id\": \"r{n}\", \"question\": \"q\", \"answer\": \"a\", \"reference\": \"42\", \"label\": \"{label}\", \
             \"steps\": [\"one\", \"two\"]}}\n"
        )
    };
    place.file("in.jsonl", (0..24).map(record).collect::<String>());
    // Copies of one record would be one question.
    let another =
        |n: usize| record(n).replace("\"answer\": \"a\"", &format!("\"answer\": \"a{n}\""));
    place.file("many.jsonl", (0..40).map(another).collect::<String>());
    place.file("one.jsonl", record(0));
    let several = "\"answers\": [\"Answer: 42\", \"Answer: 41\"], \"steps\"";
    place.file(
        "several.jsonl",
        record(0).replace("\"answer\": \"a\", ", "").replace("\"steps\"", several),
    );
    let script = "-m 'script:Score: 7'";
    let judged = format!("judge in.jsonl -p score {script} --pass 'score >= 5' -o v.jsonl -q");
    shown(&place, &judged);
    let pairs = "judge in.jsonl -p correct-direct -m 'script:Yes' -o labels.jsonl -q";
    shown(&place, pairs);
    let commands = [
        (format!("judge one.jsonl -p score {script} --pass 'score >= 5' -o w.jsonl"), "judged"),
        (format!("rank several.jsonl -p score {script} -o ranked.jsonl"), "pass@1"),
        (
            format!("revise one.jsonl -p score {script} --pass 'score >= 9' -o revised.jsonl"),
            "passed",
        ),
        (
            format!("search one.jsonl -p score {script} --policy 'script:Answer: 42' -o f.jsonl"),
            "right",
        ),
        ("label one.jsonl -m 'script:Answer: 42' -o steps.jsonl".into(), "labelled"),
        ("agree labels.jsonl".into(), "agreement"),
        ("estimate labels.jsonl".into(), "prediction-powered"),
        (
            "align correct-direct many.jsonl -m 'script:Yes' -o better.jinja --rounds 1".into(),
            "held out",
        ),
        ("diff v.jsonl v.jsonl".into(), "agreement"),
        ("bench list".into(), "rewardbench"),
        (
            format!(
                "bench rewardbench {}/examples/arithmetic-rewardbench.jsonl -p pair -m 'script:Better: A'",
                env!("CARGO_MANIFEST_DIR")
            ),
            "mean of sections",
        ),
        (format!("rank several.jsonl -p score {script} -o planned.jsonl --plan"), "candidates"),
        (
            format!("search one.jsonl -p score {script} --policy 'script:Answer: 42' --dry-run"),
            "at most",
        ),
        (
            format!(
                "search one.jsonl -p score {script} --policy 'script:Answer: 42' -o g.jsonl --show-tree --fresh"
            ),
            "Answer: 42",
        ),
        ("report v.jsonl -o r.html".into(), "wrote"),
        (format!("rank several.jsonl -p score {script}"), "answer (value)"),
        (format!("search one.jsonl -p score {script} --policy 'script:Answer: 42'"), "solution"),
        ("label one.jsonl -m 'script:Answer: 42'".into(), "label"),
    ];
    for (command, figure) in &commands {
        for columns in [40, 60, 80, 120] {
            let shown = shown_in(&place, command, columns);
            assert!(shown.contains(figure), "{command}: {shown}");
            let is_coloured = shown.split("\u{1b}[").skip(1).any(|rest| {
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
            });
            assert!(!is_coloured, "{command}: {shown:?}");
            // What moves the cursor belongs to the bar of the progress, which is gone at the end.
            let lines: Vec<&str> = shown.lines().filter(|line| !line.contains('\u{1b}')).collect();
            check_columns(&lines.join("\n"), usize::from(columns));
        }
    }
}

/// The rows of `bench`: a name that is too long stands above its values, and every value below the name of its column.
#[test]
fn figures_of_a_benchmark_stay_below_the_names_of_their_columns() {
    let place = Place::new("terminal-bench");
    let record = |n: usize| {
        let model = ["short", "a-model-with-a-name-of-many-words-2025"][n % 2];
        format!(
            "{{\"id\": \"r{n}\", \"instruction\": \"i{n}\", \"output_1\": \"one\", \"output_2\": \"two {n}\", \
             \"generator_2\": \"{model}\"}}\n"
        )
    };
    let line = |n: usize| {
        let side = ["first", "second", "tie"][n % 3];
        format!("{{\"id\": \"r{n}\", \"preference\": \"{side}\"}}\n")
    };
    place.file("in.jsonl", (0..24).map(record).collect::<String>());
    place.file("lines.jsonl", (0..24).map(line).collect::<String>());
    let end = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
    for columns in [40, 60, 80, 120] {
        let shown = shown_in(&place, "bench alpacaeval in.jsonl --results lines.jsonl", columns);
        check_columns(&shown, usize::from(columns));
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        let head = lines.iter().find(|line| line.trim_start().starts_with("count ")).unwrap();
        assert!(head.ends_with("highest"), "{shown}");
        let rows: Vec<&&str> = lines.iter().filter(|line| line.ends_with(".00")).collect();
        assert!(rows.len() > 5, "{shown}");
        assert!(rows.iter().all(|row| row.len() == head.len()), "{shown}");
        // The share of wins: every column ends where its name does.
        let row = rows.iter().find(|row| row.contains(" 50.00")).unwrap();
        for name in ["official", "readable", "lowest"] {
            assert!(row[..end(head, name).unwrap()].ends_with("50.00"), "{name}: {shown}");
        }
        let long = "  a-model-with-a-name-of-many-words-2025";
        let own = lines.iter().position(|line| line.starts_with(long)).unwrap();
        assert!([own, own + 1].iter().any(|at| lines[*at].len() == head.len()), "{shown}");
    }
}

#[test]
fn without_a_file_people_get_rows_and_programs_get_lines() {
    let place = Place::new("terminal-rows");
    let record = |answers: &str| {
        format!("{{\"id\": \"q1\", \"question\": \"6 * 7\", \"reference\": \"42\", {answers}}}\n")
    };
    place.file("rank.jsonl", record("\"answers\": [\"Answer:\\n41\", \"Answer:\\n42\"]") + "[1]\n");
    place.file("one.jsonl", record("\"steps\": [\"6 * 7 = 42\", \"Answer: 42\"]"));
    let rank = "rank rank.jsonl -m check:number -p check";
    let search = "search one.jsonl -p score -m 'script:Score: 7' --policy 'script:Answer: 42'";
    let label = "label one.jsonl -m 'script:Answer: 42'";
    for (command, rows) in [
        (rank, &["record answer (value) text", "q1 1 (1.00) right Answer: 42"][..]),
        (search, &["record value solution", "q1 0.67 right Answer: 42"]),
        (label, &["record label right completions", "q1 no error"]),
    ] {
        let shown = shown(&place, command);
        let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for row in rows {
            assert!(plain.contains(row), "{command}: {row}: {shown}");
        }
        assert!(!shown.contains("{\"v\""), "{command}: {shown}");
        let piped = place
            .run(&shlex::split(command).unwrap().iter().map(String::as_str).collect::<Vec<_>>());
        assert!(piped.out.starts_with("{\"v\":1"), "{command}: {}", piped.out);
    }
    // What is no record has a row that says why.
    let shown = shown(&place, rank);
    assert!(shown.contains("failed            a record is a JSON object"), "{shown}");
}

#[test]
fn lists_and_help_break_between_words() {
    let place = Place::new("terminal-lists");
    for args in ["prompts list", "models list", "help judge", "help revise"] {
        let shown = shown(&place, args);
        check_width(&shown);
    }
    let models = shown(&place, "models list");
    assert!(models.contains("json-schema against"), "{models}");
    let help = shown(&place, "help judge");
    // A paragraph is wrapped once: none of its lines is much shorter than the terminal.
    let start = help.find("Settings: every option under Judge").unwrap();
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
    let shown = shown(&place, &args);
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains("ordinary")).collect();
    assert!(lines.len() > 3, "{shown}");
    let whole = |line: &&str| {
        line.starts_with("   ")
            && line.split_whitespace().all(|word| ["several", "ordinary", "words"].contains(&word))
    };
    assert!(lines.iter().filter(|line| !line.contains('…')).all(whole), "{shown}");
}

#[test]
#[cfg(all(feature = "llama", feature = "tiny"))]
fn a_summary_shows_how_often_each_verdict_was_given_and_fits() {
    let place = Place::new("terminal-bars");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/arithmetic-score.jsonl");
    let shown = shown(&place, &format!("judge {examples} --limit 8 -m tiny -o out.jsonl"));
    // The bar of the progress is made of the same blocks, and ends before the summary.
    let summary = &shown[shown.find("records judged").unwrap()..];
    let bars: Vec<&str> = summary.lines().filter(|line| line.contains("█ ")).collect();
    check_width(&bars.join("\n"));
    assert!(bars.len() >= 3 && bars.last().is_some_and(|bar| bar.starts_with("  5 ")), "{shown}");
}

#[test]
fn rankings_and_revisions_show_their_counts_as_bars() {
    let place = Place::new("terminal-counts");
    let ranked = |n: usize| {
        format!("{{\"id\": \"r{n}\", \"question\": \"q\", \"answers\": [\"a\", \"b\", \"c\"]}}\n")
    };
    place.file("several.jsonl", (0..4).map(ranked).collect::<String>());
    let revised =
        |n: usize| format!("{{\"id\": \"v{n}\", \"question\": \"q\", \"answer\": \"a\"}}\n");
    place.file("in.jsonl", (0..4).map(revised).collect::<String>());
    for columns in [40, 80] {
        let rank = "rank several.jsonl -p rank -m 'script:Ranking: C > A > B' -o r.jsonl --fresh";
        let shown = shown_in(&place, rank, columns);
        let bars: Vec<&str> = shown.lines().filter(|line| line.contains("answer ")).collect();
        assert!(bars.iter().any(|bar| bar.contains("answer 2 █")), "{shown}");
        check_columns(&bars.join("\n"), usize::from(columns));
        let revise =
            "revise in.jsonl -p score -m 'script:Score: 7' --pass 'score >= 5' -o v.jsonl --fresh";
        let shown = shown_in(&place, revise, columns);
        assert!(shown.contains("4 of 4 records passed"), "{shown}");
    }
}

#[test]
fn the_first_frame_of_a_bar_knows_no_speed() {
    let place = Place::new("terminal-bar");
    place.file("r.csv", "question,answer\nq,a\nq,b\n\nq,\"c\nd\"\n");
    let shown = shown(&place, "judge r.csv -p score -m 'script:Score: 7' -o out.jsonl");
    assert!(!shown.contains(" 0.0/s") && !shown.contains(" 0s left"), "{shown:?}");
    assert!(shown.contains("/3"), "a table is counted: {shown:?}");
}
