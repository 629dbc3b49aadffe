//! Figures of runs, tables, reports and comparisons, as people and programs read them.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, records};
use serde_json::{Value, json};

const SEVEN: [&str; 4] = ["-m", "script:Fine.\nScore: 7", "-p", "score"];

fn summary(place: &Place) -> Value {
    serde_json::from_str(&place.read("s.json")).unwrap()
}

#[test]
fn coverage_and_bounds_count_records_that_failed() {
    let place = Place::new("summaries-coverage");
    place.file("r.jsonl", records(3) + "{\"id\": \"gone\", \"question\": \"q\"}\n");
    let ran = place.run(&[&["judge", "r.jsonl", "--summary", "s.json"], &SEVEN[..]].concat());
    assert_eq!(ran.code, 3);
    let says =
        "mean 7.000, coverage 75.0 %; between 5.500 and 7.750 if the failed were worst or best";
    assert!(ran.err.contains(says), "{}", ran.err);
    assert_eq!(summary(&place)["coverage"], 0.75);
    assert_eq!(summary(&place)["mean"], json!({"value": 7.0, "lowest": 5.5, "highest": 7.75}));
}

#[test]
fn scores_of_many_decimals_are_shown_in_bins_and_whole_ones_by_value() {
    let place = Place::new("summaries-histogram");
    let record = |score: f64| format!("{}\n", json!({"raw": format!("Score: {score}")}));
    place.file("mine.jinja", "---\nkind: score\nfields: {}\nscale: {min: 1, max: 10, step: any}\nverdict: \"Score: *\"\n---\nuser:\nJudge.\n");
    place.file("r.jsonl", (0..60).map(|n| record(1.0 + f64::from(n) * 0.15)).collect::<String>());
    let ran = place.run(&["parse", "r.jsonl", "-p", "mine.jinja"]);
    assert!(ran.err.contains("\n1 to 2: 7  2 to 3: 7  3 to 4: 6  "), "{}", ran.err);
    assert!(ran.err.contains("9 to 10: 6"), "{}", ran.err);
    place.file("r.jsonl", [3.0, 3.0, 4.5].map(record).concat());
    let ran = place.run(&["parse", "r.jsonl", "-p", "mine.jinja"]);
    assert!(ran.err.contains("\n3: 2  4.5: 1\n"), "{}", ran.err);
}

#[test]
fn labels_that_are_no_correctness_have_shares_of_their_own() {
    let place = Place::new("summaries-labels");
    place.file("r.jsonl", records(2));
    let judge = [
        "judge",
        "r.jsonl",
        "--summary",
        "s.json",
        "-m",
        "script:Label: unkind",
        "-p",
        "label",
        "--labels",
        "kind,unkind",
    ];
    let ran = place.run(&judge);
    assert!(ran.err.contains("\nunkind: 2 (100.0 %)\n"), "{}", ran.err);
    assert!(!ran.err.contains("share correct"), "{}", ran.err);
    assert!(summary(&place).get("share_correct").is_none());
}

#[test]
fn criteria_have_means_for_people_and_programs() {
    let place = Place::new("summaries-criteria");
    place.file("r.jsonl", records(2));
    let judge = [
        "judge",
        "r.jsonl",
        "--summary",
        "s.json",
        "-m",
        "script:Score: 4",
        "--criterion",
        "tone=Kind",
        "--criterion",
        "facts=True",
    ];
    let ran = place.run(&judge);
    assert!(
        ran.err.contains("facts: mean 4.000") && ran.err.contains("tone: mean 4.000"),
        "{}",
        ran.err
    );
    assert_eq!(summary(&place)["criteria"]["tone"], json!({"mean": 4.0, "records": 2}));
}

#[test]
fn what_failed_in_an_earlier_run_and_was_kept_is_said() {
    let place = Place::new("summaries-kept");
    place.file("r.jsonl", records(2) + "{\"id\": \"gone\", \"question\": \"q\"}\n");
    let judge = [&["judge", "r.jsonl", "-o", "out.jsonl"], &SEVEN[..]].concat();
    let ran = place.run(&judge);
    assert!(!ran.err.contains("--retry-errors"), "{}", ran.err);
    let ran = place.run(&judge);
    let says = "1 record failed in an earlier run; --retry-errors tries it again";
    assert!(ran.code == 3 && ran.err.contains(says), "{}", ran.err);
    let quiet = place.run(&[&judge[..], &["-q"]].concat());
    assert!(quiet.err.contains(says), "{}", quiet.err);
    let again = place.run(&[&judge[..], &["--retry-errors"]].concat());
    assert!(!again.err.contains(says), "{}", again.err);
}

#[test]
fn a_report_names_records_by_their_place_and_failures_by_their_rule() {
    let place = Place::new("summaries-junit");
    place.file("r.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n{\"id\": \"odd\u{fffe}\u{ffff}\u{b}\", \"question\": \"q\", \"answer\": \"a\"}\n");
    let judge = [
        "judge",
        "r.jsonl",
        "--junit",
        "j.xml",
        "--pass",
        "score >= 8",
        "-p",
        "score",
        "-m",
        "script:\u{ffff}<&]]>\u{1}\nScore: 7",
    ];
    let _ = place.run(&judge);
    let junit = place.read("j.xml");
    assert!(junit.contains("name=\"r.jsonl:1\""), "{junit}");
    assert!(junit.contains("message=\"7 does not meet `score &gt;= 8`\""), "{junit}");
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(junit.chars().all(allowed), "{junit}");
}

#[test]
fn rows_in_a_file_are_in_the_order_of_the_input_below_a_header() {
    let place = Place::new("summaries-rows");
    place.file("r.jsonl", records(200));
    let ran =
        place.run(&[&["judge", "r.jsonl", "--format", "pretty", "-j", "16"], &SEVEN[..]].concat());
    let rows: Vec<&str> = ran.out.lines().collect();
    assert_eq!(rows[0].split_whitespace().collect::<Vec<_>>(), ["record", "verdict", "reason"]);
    let names: Vec<String> =
        rows[1..].iter().map(|row| row.split(' ').next().unwrap().into()).collect();
    assert_eq!(names, (0..200).map(|n| format!("r{n}")).collect::<Vec<_>>());
}

#[test]
fn long_names_keep_the_end_in_which_they_differ() {
    let place = Place::new("summaries-names");
    let name = |n: usize| format!("llmbar:LLMBar_Adversarial_Neighbor-{n:04}");
    let all =
        (0..3).map(|n| format!("{}\n", json!({"id": name(n), "question": "q", "answer": "a"})));
    place.file("r.jsonl", all.collect::<String>());
    let ran = place.run(&[&["judge", "r.jsonl", "--format", "pretty"], &SEVEN[..]].concat());
    for n in 0..3 {
        assert!(ran.out.contains(&format!("…-{n:04} ")), "{}", ran.out);
    }
    assert!(ran.out.contains("\nllmbar…"), "{}", ran.out);
}

#[test]
fn a_record_that_fails_is_said_once() {
    let place = Place::new("summaries-once");
    place.file("r.jsonl", "{\"id\": \"gone\", \"question\": \"q\"}\nno json\n");
    let args = [&["judge", "r.jsonl", "-p", "score", "-m", "script:Score: 7"][..]].concat();
    let ran = place.run(&[&args[..], &["--format", "pretty", "-v"]].concat());
    let both = ran.out + &ran.err;
    assert_eq!(both.matches("has no field `answer`").count(), 1, "{both}");
    assert_eq!(both.matches("r.jsonl:2").count(), 1, "{both}");
    assert_eq!(both.matches("hint: ").count(), 1, "{both}");
    let ran = place.run(&args);
    assert_eq!(ran.err.matches("error: ").count(), 2, "lines of JSON are data, so stderr says it");
}

#[test]
fn comparing_scores_weighs_how_far_apart_they_are() {
    let place = Place::new("summaries-diff");
    let lines = |scores: [i64; 4]| -> String {
        scores
            .iter()
            .enumerate()
            .map(|(n, score)| format!("{}\n", json!({"id": n, "score": score})))
            .collect()
    };
    place.file("a.jsonl", lines([1, 2, 4, 5]));
    place.file(
        "b.jsonl",
        "\u{feff}".to_owned() + &lines([1, 3, 4, 5]) + "\n{\"id\": 4, \"unreadable\": {}}\n",
    );
    let ran = place.run(&["diff", "a.jsonl", "b.jsonl"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "1                    2 → 3\n"), "{}", ran.err);
    assert!(
        ran.err.contains("4 records in both, 0 only in the first, 1 only in the second"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("agreement 75.0 %, quadratic weighted kappa 0.947\n"), "{}", ran.err);
    assert!(ran.err.contains("mean difference +0.250"), "{}", ran.err);
}

#[test]
fn a_mean_difference_is_of_records_with_a_verdict_in_both() {
    let place = Place::new("summaries-diff-both");
    place.file("a.jsonl", "{\"id\": \"x\", \"score\": 4}\n{\"id\": \"y\", \"score\": 9, \"error\": {\"message\": \"m\"}}\n");
    place.file("b.jsonl", "{\"id\": \"x\", \"score\": 5}\n{\"id\": \"y\", \"score\": 1}\n");
    let ran = place.run(&["diff", "a.jsonl", "b.jsonl"]);
    assert!(
        ran.err.contains("with a verdict in one only: 0 in the first, 1 in the second"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("mean difference +1.000"), "{}", ran.err);
}

#[test]
fn files_that_are_no_lines_of_results_cannot_be_compared_and_it_is_said_why() {
    let place = Place::new("summaries-diff-table");
    place.file("a.csv", "id,verdict\nx,4\n");
    place.file("b.json", "[\n{\"id\": \"x\", \"score\": 4}\n]\n");
    place.file("c.jsonl", "{\"score\": 4}\n");
    place.file("d.jsonl", "nothing\n");
    for (name, says) in [
        ("a.csv", "`a.csv` is a table; `diff` reads lines of JSON"),
        ("b.json", "`b.json` is a list of JSON; `diff` reads lines of JSON"),
        ("c.jsonl", "c.jsonl:1: the line is not a result: it has no `id`"),
        ("d.jsonl", "d.jsonl:1: the line is not a result: it is not valid JSON"),
    ] {
        let ran = place.run(&["diff", name, name]);
        assert!(ran.code == 2 && ran.err.contains(says), "{name}: {}", ran.err);
    }
}
