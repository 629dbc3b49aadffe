//! `tribunal annotate`: labels by people who do not see what the judge says.

#![cfg(all(feature = "cli", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Stdio},
};

use crate::support::Place;
use nix::pty::{Winsize, openpty};
use serde_json::{Value, json};

/// Three results with verdicts and critiques.
fn results(place: &Place) {
    let line = |n: usize| {
        json!({"v": 1, "id": format!("q{n}"), "index": n, "kind": "label", "verdict": "incorrect", "label": "incorrect",
            "critique": "SECRET critique", "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"},
            "item": {"question": format!("Question {n}?"), "answer": format!("Answer {n}\u{1b}[2J."), "label": "SECRET label"}})
    };
    place.file("verdicts.jsonl", (0..3).map(|n| format!("{}\n", line(n))).collect::<String>());
}

fn labels(place: &Place) -> Vec<Value> {
    place.read("labels.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Ids and labels, in the order of the file.
fn given(place: &Place) -> Vec<(String, Value)> {
    let pair = |line: Value| (line["id"].as_str().unwrap().to_owned(), line["label"].clone());
    labels(place).into_iter().map(pair).collect()
}

fn annotate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["annotate", "verdicts.jsonl", "-o", "labels.jsonl", "--annotator", "ada"], more].concat()
}

#[test]
fn a_person_labels_skips_undoes_and_continues_without_seeing_a_verdict() {
    let place = Place::new("annotate-lines");
    results(&place);
    // The first label is taken back; the second record is skipped.
    let ran = place.pipe(&annotate(&[]), "1\nundo\nincorrect\ns\nwhat\nq\n").passed();
    assert!(!ran.out.contains("SECRET") && !ran.err.contains("SECRET"), "{}", ran.out);
    assert!(
        ran.out.contains("── 1 of 3  q0\nquestion\n  Question 0?\n\nanswer\n  Answer 0\\u{1b}[2J."),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("[1] correct  [2] incorrect  [s] skip  [u] undo  [q] quit"),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("labelled 1 of 3 records in labels.jsonl: the same command continues"),
        "{}",
        ran.err
    );
    assert_eq!(given(&place), [("q0".to_owned(), json!("incorrect"))]);
    // The same command asks for the others only. The end of the input ends it.
    let ran = place.pipe(&annotate(&[]), "c\n1\n2\n").passed();
    assert!(
        ran.err.starts_with("1 of 3 records are labelled by ada\n") && !ran.out.contains("q0"),
        "{}{}",
        ran.err,
        ran.out
    );
    assert_eq!(
        given(&place)[1..],
        [("q1".to_owned(), json!("correct")), ("q2".to_owned(), json!("incorrect"))]
    );
    assert!(ran.err.contains("labelled 2 of 2 records in labels.jsonl\n"), "{}", ran.err);
    // A record with another text is asked for again.
    place
        .file("verdicts.jsonl", place.read("verdicts.jsonl").replace("Answer 1", "Another answer"));
    let ran = place.pipe(&annotate(&[]), "").passed();
    assert!(ran.out.contains("── 1 of 1  q1") && ran.out.contains("Another answer"), "{}", ran.out);
}

#[test]
fn pairs_are_shown_in_an_order_of_the_seed_and_labels_name_the_order_of_the_record() {
    let place = Place::new("annotate-pairs");
    let pair = |n: usize| {
        format!(
            "{}\n",
            json!({"id": format!("p{n}"), "question": "q", "chosen": format!("good {n}"), "rejected": format!("bad {n}")})
        )
    };
    place.file("verdicts.jsonl", (0..12).map(pair).collect::<String>());
    let ran = place.pipe(&annotate(&[]), &"1\n".repeat(12)).passed();
    assert!(!ran.out.contains("chosen") && !ran.out.contains("rejected"), "{}", ran.out);
    let (mut same, mut swapped) = (0, 0);
    for (n, line) in labels(&place).iter().enumerate() {
        // Each time the answer that was shown first was preferred.
        let shown = &ran.out[ran.out.find(&format!("  p{n}\n")).unwrap()..];
        let is_swapped = shown.find(&format!("bad {n}")) < shown.find(&format!("good {n}"));
        let right = if is_swapped {
            (json!("second"), json!([1, 0]))
        } else {
            (json!("first"), json!([0, 1]))
        };
        assert_eq!((&line["label"], &line["order"]), (&right.0, &right.1), "{line}");
        *(if is_swapped { &mut swapped } else { &mut same }) += 1;
    }
    assert!(same > 1 && swapped > 1, "{same} and {swapped}");
    place.file("labels.jsonl", "");
    let again = place.pipe(&annotate(&[]), &"1\n".repeat(12)).passed();
    assert_eq!(again.out, ran.out);
    place.file("labels.jsonl", "");
    let other = place.pipe(&annotate(&["--seed", "1"]), &"1\n".repeat(12)).passed();
    assert_ne!(other.out, ran.out);
}

#[test]
fn several_people_label_into_one_file_and_their_agreement_is_told() {
    let place = Place::new("annotate-people");
    results(&place);
    place.pipe(&annotate(&["--scale", "1-5"]), "1\n3\n5\n").assert_passed();
    let bob = [
        "annotate",
        "verdicts.jsonl",
        "-o",
        "labels.jsonl",
        "--annotator",
        "bob",
        "--scale",
        "1-5",
    ];
    let ran = place.pipe(&bob, "1\n7\n3\n4\n").passed();
    assert_eq!(given(&place)[5].1, json!(4));
    // Values 1, 1, 3, 3, 5, 4: 1 - 1/6 · 2 / ... by the formula of the metric.
    assert!(
        ran.err.contains("2 people agree on 2 of 3 records, Krippendorff's alpha 0."),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("(interval)"), "{}", ran.err);
    // Their labels are compared with each other and with the judge.
    let scores = place.read("verdicts.jsonl").replace("\"kind\":\"label\"", "\"kind\":\"score\"");
    let scores = scores.replace("\"label\":\"incorrect\"", "\"score\":3");
    place.file("scores.jsonl", scores);
    let agree = place.run(&["agree", "scores.jsonl", "--labels", "labels.jsonl"]).passed();
    assert!(
        agree.out.contains("3 records have the labels of several people, 2 in all")
            && agree.out.contains("mean distance of two people"),
        "{}",
        agree.out
    );
    let estimate =
        place.run(&["estimate", "verdicts.jsonl", "--labels", "labels.jsonl", "--of", "score"]);
    assert!(estimate.err.contains("no label can be used"), "{}", estimate.err);
    // A file of something else is left as it is.
    place.file("other.jsonl", "{\"id\": \"a\", \"answer\": \"x\"}\n");
    let ran = place.pipe(&["annotate", "verdicts.jsonl", "-o", "other.jsonl"], "1\n");
    assert!(ran.code == 2 && ran.err.contains("other.jsonl:1: it is not a label"), "{}", ran.err);
    assert_eq!(place.read("other.jsonl"), "{\"id\": \"a\", \"answer\": \"x\"}\n");
}

/// The program on a terminal of its own, and the other end of it.
fn on_terminal(place: &Place, args: &[&str]) -> (Child, File) {
    let size = Winsize { ws_row: 40, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let child = place.command(args).stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
    (child, File::from(terminal.master))
}

/// Reads from a terminal until it shows this, and gives all that it showed.
fn wait_for(terminal: &mut File, text: &str) -> String {
    let (mut shown, mut bytes) = (String::new(), [0; 4096]);
    while !shown.contains(text) {
        let count = terminal.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    shown
}

/// Waits for a record and its menu.
fn wait_for_record(terminal: &mut File, name: &str) -> String {
    let shown = wait_for(terminal, "[q] quit");
    assert!(shown.contains(name), "{shown}");
    shown
}

#[test]
fn on_a_terminal_one_key_is_a_label_and_a_kill_loses_none() {
    let place = Place::new("annotate-keys");
    results(&place);
    let (mut child, mut terminal) = on_terminal(&place, &annotate(&[]));
    let mut shown = wait_for_record(&mut terminal, "── 1 of 3  q0");
    // A key without a line break.
    terminal.write_all(b"2").unwrap();
    shown += &wait_for_record(&mut terminal, "── 2 of 3  q1");
    assert!(!shown.contains('\u{1b}') && !shown.contains("SECRET"), "{shown:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(given(&place), [("q0".to_owned(), json!("incorrect"))]);
    // A crash in the middle of a line leaves a part of it.
    let whole = place.read("labels.jsonl");
    place.file("labels.jsonl", format!("{whole}{}", &whole[..whole.len() / 2]));
    let (mut child, mut terminal) = on_terminal(&place, &annotate(&[]));
    wait_for_record(&mut terminal, "── 1 of 2  q1");
    // No label since the start is there to undo; then one is given, and taken back.
    terminal.write_all(b"u").unwrap();
    wait_for(&mut terminal, "nothing to undo");
    terminal.write_all(b"1").unwrap();
    wait_for_record(&mut terminal, "── 2 of 2  q2");
    terminal.write_all(b"u").unwrap();
    wait_for_record(&mut terminal, "── 1 of 2  q1");
    terminal.write_all(b"2").unwrap();
    wait_for_record(&mut terminal, "── 2 of 2  q2");
    // Keys that are typed ahead, before the program reads the next one: a label, Backspace, and another label.
    terminal.write_all(b"u").unwrap();
    wait_for_record(&mut terminal, "── 1 of 2  q1");
    terminal.write_all(b"1\x7f2q").unwrap();
    wait_for(&mut terminal, "labelled 1 of 2 records");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let both = [("q0".to_owned(), json!("incorrect")), ("q1".to_owned(), json!("incorrect"))];
    assert_eq!(given(&place), both);
}

#[test]
fn a_record_that_comes_again_is_asked_for_once_and_another_one_of_its_id_is_refused() {
    let place = Place::new("annotate-twice");
    let record =
        |answer: &str| json!({"id": "q", "question": "2 + 2?", "answer": answer}).to_string();
    place.file("verdicts.jsonl", [record("4"), record("4"), record("5")].join("\n"));
    let ran = place.pipe(&annotate(&[]), "1\n");
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("the id `q` is that of another record"), "{}", ran.err);
    assert!(ran.err.contains("labelled 1 of 1 records"), "{}", ran.err);
    let again = place.pipe(&annotate(&[]), "");
    assert!(again.err.contains("labelled 0 of 0 records"), "{}", again.err);
    assert_eq!(given(&place), [("q".to_owned(), json!("correct"))]);
}

#[test]
fn results_that_were_written_by_hand_show_their_records_and_not_their_verdicts() {
    let place = Place::new("annotate-hand");
    let line = json!({"id": "a", "label": "SECRET", "item": {"question": "Why?", "answer": "So."}});
    place.file("verdicts.jsonl", format!("{line}\n"));
    let ran = place.pipe(&annotate(&["--choices", "good,bad"]), "good\n").passed();
    assert!(ran.out.contains("question\n  Why?\n\nanswer\n  So."), "{}", ran.out);
    assert!(!ran.out.contains("SECRET"), "{}", ran.out);
    assert_eq!(given(&place), [("a".to_owned(), json!("good"))]);
    // A record that has a field `item` beside its answer is a record.
    let record =
        json!({"id": "b", "item": {"name": "lamp"}, "kind": "review", "answer": "It is bright."});
    place.file("verdicts.jsonl", format!("{record}\n"));
    let ran = place.pipe(&annotate(&["--choices", "good,bad"]), "bad\n").passed();
    assert!(ran.out.contains("It is bright."), "{}", ran.out);
}

#[test]
fn choices_are_two_words_or_more_that_differ() {
    let place = Place::new("annotate-choices");
    results(&place);
    for choices in ["good", "good,Good"] {
        let ran = place.pipe(&annotate(&["--choices", choices]), "q\n");
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("--choices needs words that differ"), "{}", ran.err);
    }
}

#[test]
fn what_cannot_be_shown_is_not_asked_for() {
    let place = Place::new("annotate-nothing");
    let records = [
        json!({"id": "a", "question": "2 + 2?", "answer": "4"}),
        json!({"id": "b", "summary": "in a field that no prompt knows"}),
        // A result without its record.
        json!({"id": "c", "kind": "label", "label": "correct", "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"}}),
    ];
    place.file("verdicts.jsonl", records.map(|record| format!("{record}\n")).concat());
    let ran = place.pipe(&annotate(&["--choices", "good,bad"]), "1\n1\n1\n");
    assert_eq!(ran.code, 3, "{}", ran.err);
    for words in [
        "the record `b` has nothing to show",
        "--show FIELD",
        "the result of `c` holds no record",
        "labelled 1 of 1 records",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    // Lines of other commands are no records, although they have fields of the same names.
    place.file(
        "ranked.jsonl",
        json!({"v": 1, "id": "d", "index": 0, "rule": "best", "measure": "auto", "prompt": {"name": "score"}})
            .to_string(),
    );
    let ranked = ["annotate", "ranked.jsonl", "-o", "other.jsonl", "--choices", "good,bad"];
    let ranked = place.pipe(&ranked, "1\n");
    assert!(
        ranked.err.contains("ranked.jsonl:1: it is a line of `tribunal rank`"),
        "{}",
        ranked.err
    );
    let shown = place.pipe(&annotate(&["--choices", "good,bad", "--show", "summary"]), "2\n");
    assert!(shown.out.contains("in a field that no prompt knows"), "{}", shown.out);
    assert_eq!(given(&place).len(), 2);
}

#[test]
fn a_label_has_the_name_of_a_person() {
    let place = Place::new("annotate-nobody");
    results(&place);
    for name in ["", " "] {
        let ran = place
            .pipe(&["annotate", "verdicts.jsonl", "-o", "l.jsonl", "--annotator", name], "1\n");
        assert!(ran.code == 2 && ran.err.contains("write the name of a person"), "{}", ran.err);
    }
}
