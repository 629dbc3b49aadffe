//! Results as people take them away: tables, lists, reports, in the order of the input.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::process::{Command, Stdio};

use crate::support::{Place, Ran, records};
use serde_json::{Value, json};

const ANSWERS: &str = "id,question,answer,score\nq1,Why?,\"Because, well.\",mine\nq2,Who?,=1+1,\nq3,What?,\"two\nlines\",9\n";

const SEVEN: [&str; 4] = ["-m", "script:Fine.\nScore: 7", "-p", "score"];

fn judge(place: &Place, args: &[&str]) -> Ran {
    place.run(&[&["judge"], args, &SEVEN].concat())
}

#[test]
fn a_table_in_is_a_table_out_with_the_verdict_behind_the_inputs_columns() {
    let place = Place::new("results-csv");
    place.file("answers.csv", ANSWERS);
    let ran = judge(&place, &["answers.csv", "-o", "judged.csv", "--pass", "score >= 7"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let mut table = csv::Reader::from_path(place.folder.path("judged.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    assert_eq!(
        header[..8],
        ["id", "question", "answer", "score", "kind", "verdict", "judge_score", "normalized"]
    );
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| &row[0]).collect::<Vec<_>>(), ["q1", "q2", "q3"]);
    assert_eq!((&rows[0][2], &rows[0][3], &rows[0][6]), ("Because, well.", "mine", "7"));
    assert_eq!(&rows[1][2], "'=1+1", "a text is no formula in a spreadsheet");
    assert_eq!(&rows[2][2], "two\nlines");
    assert_eq!(&rows[0][header.iter().position(|name| name == "pass").unwrap()], "true");

    let again = judge(&place, &["answers.csv", "-o", "judged.csv"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("exists already"), "{}", again.err);
}

#[test]
fn a_judged_table_can_be_judged_again() {
    let place = Place::new("results-again");
    place.file("answers.csv", ANSWERS);
    let _ = judge(&place, &["answers.csv", "-o", "one.tsv"]);
    let ran = judge(&place, &["one.tsv", "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("id,question,answer,score,kind,verdict,judge_score,"),
        "{}",
        ran.out
    );
    assert!(ran.out.lines().next().unwrap().contains(",judge_judge_score,"), "{}", ran.out);
}

#[test]
fn lines_are_in_the_order_of_the_input_when_a_run_ends_whatever_order_they_came_in() {
    let place = Place::new("results-order");
    place.file("many.jsonl", records(500));
    let ran = judge(&place, &["many.jsonl", "-o", "out.jsonl", "-j", "32", "-q"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let index =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    let found: Vec<u64> = place.read("out.jsonl").lines().map(index).collect();
    assert_eq!(found, (0..500).collect::<Vec<_>>());
}

#[test]
fn a_list_of_json_is_what_it_says() {
    let place = Place::new("results-json");
    place.file("answers.csv", ANSWERS);
    let _ = judge(&place, &["answers.csv", "-o", "judged.json"]);
    let list: Vec<Value> = serde_json::from_str(&place.read("judged.json")).unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!((&list[2]["score"], &list[2]["item"]["answer"]), (&json!(7), &json!("two\nlines")));
    let piped = judge(&place, &["answers.csv", "--format", "json", "-q"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&piped.out).unwrap().len(), 3);
}

#[test]
fn an_output_that_cannot_be_is_refused_before_anything_is_asked() {
    let place = Place::new("results-refused");
    place.file("answers.csv", ANSWERS);
    for (args, says) in [
        (&["-o", "absent/out.jsonl"][..], "cannot write `absent/out.jsonl`"),
        (&["-o", "out.jsonl.gz"], "cannot be written as `.gz`"),
        (&["-o", "out.xlsx"], "ends in .jsonl, .json, .csv"),
        (&["-o", "out.csv", "--format", "json"], "--format cannot be used with -o"),
    ] {
        let ran = judge(&place, &[&["answers.csv"], args].concat());
        assert!(ran.code != 0 && ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read_dir(place.folder.path("")).unwrap().count(), 1);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_goes_in_and_out() {
    let place = Place::new("results-parquet");
    place.file("answers.csv", ANSWERS);
    let ran = judge(&place, &["answers.csv", "-o", "judged.parquet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let again = judge(&place, &["judged.parquet", "-q"]);
    let lines = again.lines();
    assert_eq!(lines.len(), 3, "{}", again.err);
    assert_eq!(
        (&lines[0]["item"]["judge_score"], &lines[0]["item"]["answer"]),
        (&json!(7), &json!("Because, well."))
    );
    assert_eq!(lines[1]["item"]["answer"], "=1+1");
    assert!(
        place
            .pipe(
                &["judge", "-", "--input-format", "parquet", "-m", "script:x", "-p", "score"],
                "PAR1"
            )
            .err
            .contains("name the file")
    );
}

#[test]
fn figures_and_reports_are_written_for_programs() {
    let place = Place::new("results-reports");
    place.file("r.jsonl", "{\"id\": \"good\", \"question\": \"q\", \"answer\": \"a\"}\n{\"id\": \"gone\", \"question\": \"q\"}\n");
    let args = ["r.jsonl", "--summary", "s.json", "--junit", "j.xml", "--pass", "score >= 8", "-q"];
    let ran = judge(&place, &args);
    assert_eq!(ran.code, 3);
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!(
        (&summary["records"], &summary["judged"], &summary["failed"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!((&summary["pass_rate"], &summary["mean"]["value"]), (&json!(0.0), &json!(7.0)));
    assert_eq!((&summary["cost"], &summary["prompt"]["name"]), (&Value::Null, &json!("score")));
    let junit = place.read("j.xml");
    assert!(
        junit.contains("tests=\"2\"")
            && junit.contains("failures=\"1\"")
            && junit.contains("errors=\"1\""),
        "{junit}"
    );
    assert!(
        junit.contains("name=\"good\"") && junit.contains("7 does not meet `score &gt;= 8`"),
        "{junit}"
    );
}

#[test]
fn an_unreadable_answer_is_an_error_of_the_report_and_never_a_failure_or_a_pass() {
    let place = Place::new("results-unreadable");
    place.file("r.jsonl", "{\"id\": \"odd\", \"question\": \"q\", \"answer\": \"a\"}\n");
    let args = [
        "judge",
        "r.jsonl",
        "-m",
        "script:I wonder.",
        "-p",
        "score",
        "--pass",
        "score >= 8",
        "--junit",
        "j.xml",
    ];
    let _ = place.run(&args);
    let junit = place.read("j.xml");
    assert!(junit.contains("failures=\"0\"") && junit.contains("errors=\"1\""), "{junit}");
}

#[test]
fn critiques_are_shown_as_they_come_and_cannot_move_the_terminal() {
    let place = Place::new("results-verbose");
    place.file("r.jsonl", "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"a\"}\n");
    let ran = place.run(&[
        "judge",
        "r.jsonl",
        "-m",
        "script:Fine \u{1b}[2J.\nScore: 7",
        "-p",
        "score",
        "-v",
    ]);
    assert!(ran.err.contains("── a: 7\n   Fine \\u{1b}[2J.\n   Score: 7\n"), "{}", ran.err);
    assert_eq!(ran.lines().len(), 1);
}

/// What the program prints on a terminal of this many columns.
#[cfg(target_os = "linux")]
fn on_terminal(place: &Place, columns: u32, environment: &str, args: &str) -> String {
    let program = env!("CARGO_BIN_EXE_tribunal");
    let line = format!("stty cols {columns} rows 40; {environment} {program} {args}");
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(place.folder.path(""))
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_gets_a_table_of_its_width_in_colours_that_can_be_turned_off() {
    let place = Place::new("results-terminal");
    let long =
        format!("{{\"id\": \"{}\", \"question\": \"q\", \"answer\": \"a\"}}\n", "name".repeat(30));
    place.file("r.jsonl", long);
    let args = format!(
        "judge r.jsonl -m 'script:{} 漢字\nScore: 7' -p score --pass 'score > 8' -q",
        "words ".repeat(60)
    );
    for columns in [40_u32, 80, 132] {
        let shown = on_terminal(&place, columns, "NO_COLOR=1", &args);
        let row = shown.lines().find(|line| line.contains("fail")).unwrap().trim_end();
        assert!(unicode_width::UnicodeWidthStr::width(row) <= columns as usize, "{columns}: {row}");
        assert!(!row.contains('\u{1b}'));
    }
    let shown = on_terminal(&place, 80, "", &args);
    assert!(shown.contains("\u{1b}[31m7  fail"), "{shown:?}");
    let piped = place.run(&[
        "judge",
        "r.jsonl",
        "-m",
        "script:Score: 7",
        "-p",
        "score",
        "--format",
        "pretty",
        "-q",
    ]);
    assert!(!piped.out.contains('\u{1b}'));
}

#[test]
#[cfg(target_os = "linux")]
fn judging_nothing_on_a_terminal_says_what_to_do() {
    let place = Place::new("results-nothing");
    let shown = on_terminal(&place, 80, "", "judge < /dev/tty; echo code $?");
    assert!(
        shown.contains("error: no input file named") && shown.contains("tribunal init"),
        "{shown}"
    );
    assert!(shown.contains("code 2"), "{shown}");
}

#[test]
fn what_is_piped_in_needs_no_dash() {
    let place = Place::new("results-piped");
    let ran = place.pipe(&[&["judge"], &SEVEN[..], &["-q"]].concat(), "question,answer\nq,a\n");
    assert_eq!(ran.lines()[0]["item"]["answer"], "a", "{}", ran.err);
}
