//! The command lines by which the program was designed, with models replaced by the shipped one or by a
//! server on loopback.

#![cfg(all(feature = "cli", feature = "openai"))]

use crate::support::{
    Place,
    obedient::{asked, run, server},
};
use serde_json::{Value, json};

#[tokio::test]
async fn answers_are_judged_by_one_sentence() {
    let place = Place::new("line-answers");
    place.file("answers.jsonl", "{\"id\": \"q1\", \"question\": \"Who?\", \"answer\": \"I do not know.\"}\n{\"id\": \"q2\", \"prompt\": \"When?\", \"completion\": \"1912\"}\n");
    let server =
        server(|text| if text.contains("I do not know") { "9".into() } else { "4".into() }).await;
    let criteria = "Correct, and admits what it does not know";
    let ran = run(
        &place,
        &server,
        &["judge", "answers.jsonl", "--criteria", criteria, "-o", "verdicts.jsonl"],
    )
    .await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let verdicts = place.read("verdicts.jsonl");
    let lines: Vec<Value> =
        verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["id"], &lines[0]["score"], &lines[1]["score"]),
        (&json!("q1"), &json!(9), &json!(4))
    );
    assert!(server.seen().iter().all(|seen| asked(seen).contains(criteria)));
}

#[tokio::test]
async fn a_folder_of_drafts_is_judged_by_a_style_guide() {
    let place = Place::new("line-drafts");
    place.file("drafts/a.md", "# A\nShort.\n");
    place.file("drafts/b.md", "# B\nRather a long-winded one.\n");
    place.file("style.md", "Short sentences.");
    let server =
        server(|text| if text.contains("long-winded") { "2".into() } else { "5".into() }).await;
    let args = [
        "judge",
        "drafts/*.md",
        "--criteria",
        "@style.md",
        "--scale",
        "1-5",
        "--pass",
        "score >= 4",
    ];
    for files in ["drafts/*.md", "drafts"] {
        let ran = run(&place, &server, &[&["judge", files], &args[2..]].concat()).await;
        let lines = ran.lines();
        assert_eq!(lines.len(), 2, "{}", ran.err);
        let passes: Vec<(&Value, &Value)> =
            lines.iter().map(|line| (&line["id"], &line["pass"])).collect();
        assert!(passes.contains(&(&json!("drafts/a.md"), &json!(true))), "{passes:?}");
        assert!(passes.contains(&(&json!("drafts/b.md"), &json!(false))), "{passes:?}");
        assert!(ran.err.contains("1 of 2 passed"), "{}", ran.err);
    }
    assert!(!asked(&server.seen()[0]).contains("Question"), "a draft answers no question");
}

#[tokio::test]
async fn a_table_of_pairs_is_judged_three_times_in_both_orders() {
    let place = Place::new("line-pairs");
    place.file("pairs.csv", "id,question,response_a,response_b\np1,Why?,plain,\"well, rather\"\n");
    let server = server(|text| {
        if text.find("plain") < text.find("well, rather") { "[[A]]".into() } else { "[[B]]".into() }
    })
    .await;
    let ran =
        run(&place, &server, &["judge", "pairs.csv", "--draws", "3", "-o", "judged.csv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.seen().len(), 6);
    let mut table = csv::Reader::from_path(place.folder.path("judged.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let row = table.records().next().unwrap().unwrap();
    let cell =
        |name: &str| row[header.iter().position(|column| column == name).unwrap()].to_owned();
    assert_eq!(
        (cell("response_b"), cell("preference"), cell("consistent")),
        ("well, rather".into(), "first".into(), "true".into())
    );
}

#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn traces_come_through_a_pipe_and_first_errors_go_on() {
    let place = Place::new("line-traces");
    let traces = "{\"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 38\"]}\n{\"problem\": \"1 + 2\", \"steps\": [\"1 + 2 = 3\"]}\n";
    let ran = place.pipe(&["judge", "-", "-m", "tiny", "-j", "1"], traces);
    let errors: Vec<Value> = ran.lines().iter().map(|line| line["first_error"].clone()).collect();
    assert_eq!(errors, [1, -1], "{}", ran.err);
}

/// A program that writes records one by one, and waits for each result, gets it.
#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn a_slow_pipe_gets_its_results_record_by_record() {
    use std::{
        io::{BufRead, BufReader, Write},
        process::Stdio,
    };
    let place = Place::new("line-slow");
    let mut command = place.command(&["judge", "-", "-m", "tiny", "-p", "tiny-score", "-q"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut results = BufReader::new(child.stdout.take().unwrap());
    for n in 1..6 {
        writeln!(input, "{{\"question\": \"{n} + 1\", \"answer\": \"{n} + 1 = 7\"}}").unwrap();
        input.flush().unwrap();
        let mut line = String::new();
        results.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["index"], n - 1);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
