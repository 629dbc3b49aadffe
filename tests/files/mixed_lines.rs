//! Lines of several inputs or judges in one file: each run counts its own, and keeps the others.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

fn records(names: &str) -> String {
    let record = |name| json!({"id": name, "question": "q", "answer": "a"}).to_string() + "\n";
    names.split(' ').map(record).collect()
}

fn judge(place: &Place, input: &str, output: &str, score: &str) -> Ran {
    let model = format!("script:Score: {score}");
    place.run(&["judge", input, "-o", output, "-p", "score", "-m", &model])
}

/// The ids in a file of lines, and whether each says that it is not of the last run.
fn lines(place: &Place, name: &str) -> Vec<(String, bool)> {
    let seen = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["id"].as_str().unwrap().to_owned(), line["stale"] == true)
    };
    place.read(name).lines().map(seen).collect()
}

fn named(names: &[(&str, bool)]) -> Vec<(String, bool)> {
    names.iter().map(|(name, stale)| ((*name).to_owned(), *stale)).collect()
}

#[test]
fn lines_of_another_input_are_kept_said_and_counted_by_nothing() {
    let place = Place::new("mixed-input");
    place.file("one.jsonl", records("a b c"));
    place.file("two.jsonl", records("c d"));
    judge(&place, "one.jsonl", "v.jsonl", "7").assert_passed();
    let other = judge(&place, "two.jsonl", "v.jsonl", "7");
    assert!(other.err.contains("`v.jsonl` also holds 2 lines of other records"), "{}", other.err);
    assert!(other.err.contains("2 of 2 records judged; 1 of them by an earlier run"));
    let front = [("a", true), ("b", true), ("c", false), ("d", false)];
    assert_eq!(lines(&place, "v.jsonl"), named(&front));

    judge(&place, "two.jsonl", "w.jsonl", "7").assert_passed();
    let diff = place.run(&["diff", "v.jsonl", "w.jsonl"]);
    assert!(diff.err.contains("2 records in both"), "{}", diff.err);
    assert!(!diff.err.contains("only in"), "{}", diff.err);
    assert!(diff.err.contains("left out 2 lines of another judge or of older records"));
    let reread = place.run(&["reparse", "v.jsonl"]);
    assert_eq!(reread.lines().len(), 2, "{}", reread.err);

    // The first input again: nothing is lost, and its lines count again.
    let first = judge(&place, "one.jsonl", "v.jsonl", "7");
    assert!(first.err.contains("3 of 3 records judged; 3 of them by an earlier run"));
    let back = [("d", true), ("a", false), ("b", false), ("c", false)];
    assert_eq!(lines(&place, "v.jsonl"), named(&back));
    assert_eq!(place.run(&["reparse", "v.jsonl"]).lines().len(), 3);
}

#[test]
fn lines_of_another_judge_are_kept_said_and_counted_by_nothing() {
    let place = Place::new("mixed-judge");
    place.file("one.jsonl", records("a b"));
    let lenient = |more: &[&str]| {
        let args = ["judge", "one.jsonl", "-o", "v.jsonl", "-p", "score", "-m"];
        place.run(&[&args[..], &["script:Score: 9", "--scale", "1-9"], more].concat())
    };
    judge(&place, "one.jsonl", "v.jsonl", "7").assert_passed();
    let other = lenient(&["--summary", "s.json"]);
    assert!(
        other.err.contains("also holds 2 lines of other records or of another judge"),
        "{}",
        other.err
    );
    let figures: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!((&figures["records"], &figures["mean"]["value"]), (&json!(2), &json!(9.0)));
    let all = [("a", true), ("b", true), ("a", false), ("b", false)];
    assert_eq!(lines(&place, "v.jsonl"), named(&all));
    let reread = place.run(&["reparse", "v.jsonl", "--scale", "1-9"]);
    assert!(reread.lines().iter().all(|line| line["score"] == 9), "{}", reread.err);
    // The first judge again: its lines are those that count, wherever they stand.
    let again = judge(&place, "one.jsonl", "v.jsonl", "7");
    assert!(again.err.contains("2 of them by an earlier run"), "{}", again.err);
    let reread = place.run(&["reparse", "v.jsonl"]);
    assert!(reread.lines().len() == 2 && reread.lines().iter().all(|line| line["score"] == 7));
}

#[test]
fn revisions_of_another_input_say_so_too() {
    let place = Place::new("mixed-revisions");
    place.file("one.jsonl", records("a b"));
    place.file("two.jsonl", records("c"));
    let revise = |input: &str| {
        let args = ["revise", input, "-o", "v.jsonl", "-p", "score", "--pass", "score >= 5"];
        place.run(&[&args[..], &["-m", "script:Score: 9"]].concat())
    };
    revise("one.jsonl").assert_passed();
    let other = revise("two.jsonl");
    assert!(other.err.contains("1 of 1 records passed"), "{}", other.err);
    assert!(other.err.contains("`v.jsonl` also holds 2 lines of other records"), "{}", other.err);
    assert_eq!(lines(&place, "v.jsonl"), named(&[("a", true), ("b", true), ("c", false)]));
}

#[test]
fn a_table_holds_the_lines_of_its_run_and_its_journal_keeps_the_others() {
    let place = Place::new("mixed-table");
    place.file("one.jsonl", records("a b") + "{\"id\": \"gone\", \"question\": \"q\"}\n");
    place.file("two.jsonl", records("b c"));
    let first = judge(&place, "one.jsonl", "v.csv", "7");
    assert_eq!(first.code, 3, "{}", first.err);
    let other = judge(&place, "two.jsonl", "v.csv", "7");
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(other.err.contains("v.csv.partial.jsonl` also holds 2 lines of other records"));
    let ids = |table: &str| -> Vec<String> {
        let mut table = csv::Reader::from_path(place.folder.path(table)).unwrap();
        let at = table.headers().unwrap().iter().position(|name| name == "id").unwrap();
        table.records().map(|row| row.unwrap()[at].to_owned()).collect()
    };
    assert_eq!(ids("v.csv"), ["b", "c"]);
    let back = judge(&place, "one.jsonl", "v.csv", "7");
    assert!(back.err.contains("3 of them by an earlier run"), "{}", back.err);
    assert_eq!(ids("v.csv"), ["a", "b", "gone"]);
}
