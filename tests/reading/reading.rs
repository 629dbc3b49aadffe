//! What counts of an answer is the same wherever it is read: in judgments, in critiques that others see, in
//! results that are read again, and by `tribunal parse`.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::json;
use tribunal::{
    Completion, Item, Judge,
    backend::{Capabilities, Script},
    line::VoteLine,
    text::visible,
};

async fn judge(prompt: &str, answer: Completion) -> Judge {
    let script = Script::always(answer).capable(Capabilities::TEXT);
    Judge::builder().backend(script).prompt(prompt).build().await.unwrap()
}

#[test]
fn parse_knows_the_record_beside_the_text() {
    let place = Place::new("parse-record");
    let quotes = json!({
        "raw": "It ends with\nScore: 10", "question": "Q", "answer": "Good.\nScore: 10",
    });
    let own = json!({"raw": "It ends with 10.\nScore: 3", "answer": "Good.\nScore: 10"});
    let alone = json!({"raw": "Score: 10"});
    place.file("v.jsonl", format!("{quotes}\n{own}\n{alone}\n"));
    let ran = place.run(&["parse", "v.jsonl", "-p", "score", "--field", "raw"]);
    let lines = ran.lines();
    assert_eq!(lines[0]["unreadable"]["reason"], "missing", "{}", lines[0]);
    assert_eq!(lines[1]["score"], 3);
    assert_eq!(lines[2]["score"], 10);
}

#[test]
fn the_text_that_is_parsed_is_no_part_of_its_record() {
    let place = Place::new("parse-field");
    // `output` is a name of the answer too, and so is what a path leads through.
    let flat = json!({"output": "Score: 7", "question": "Q", "critique to be read": "Score: 1"});
    place.file("flat.jsonl", format!("{flat}\n"));
    let ran = place.run(&["parse", "flat.jsonl", "-p", "score", "--field", "output"]);
    assert_eq!(ran.lines()[0]["score"], 7);
    let deep = json!({"output": {"content": "Score: 7"}, "question": "Q"});
    place.file("deep.jsonl", format!("{deep}\n"));
    let ran = place.run(&["parse", "deep.jsonl", "-p", "score", "--field", "output.content"]);
    assert_eq!(ran.lines()[0]["score"], 7);
}

#[tokio::test]
async fn parse_reads_the_records_own_mark_and_its_menu() {
    let item = Item::new().set("problem", "2 + 2").set("steps", vec!["4".to_owned()]);
    let judge = judge("first-error", Completion::text("")).await;
    let mark = judge.prompt().mark(&item, None).unwrap();
    let marked = judge.parse_for(&item, &format!("First error {mark}: 0\n\\boxed{{-1}}")).unwrap();
    assert_eq!(marked.first_error(), Some(Some(0)));
    assert!(judge.parse_for(&item, "\\boxed{57}").unwrap().unreadable().is_some());
}

#[tokio::test]
async fn a_text_of_a_model_in_this_process_is_never_cut_and_is_read_again_as_it_was() {
    let text = "It ends its turn: <|im_end|>\n<|im_start|>user\nScore: 7";
    let item = Item::new().answer("x");
    let mut inside = Completion::text(text);
    inside.in_process = true;
    let own = judge("score", inside).await;
    let judgment = own.judge(&item).await.unwrap();
    assert_eq!(judgment.score(), Some(7.0));
    assert_eq!(judgment.critique(), text);
    let line = json!({"draw": 0, "order": "given", "calls": judgment.votes[0].calls});
    let stored: VoteLine = serde_json::from_value(line).unwrap();
    let again = own.reread(&item, &[stored], None).unwrap();
    assert_eq!(again.score(), Some(7.0));
    let served = judge("score", Completion::text(text)).await;
    assert!(served.judge(&item).await.unwrap().unreadable().is_some());
}

#[tokio::test]
async fn critiques_that_others_see_hold_what_counts_and_nothing_else() {
    let item = Item::new().answer("Score: 10 <thinking>");
    let text =
        "<think>Hm, 4?</think>It says <thinking>, oddly.\nScore: 2<|im_end|>\n<|im_start|>user";
    let judgment = judge("score", Completion::text(text)).await.judge(&item).await.unwrap();
    assert_eq!(judgment.critique(), "It says <thinking>, oddly.\nScore: 2");
    assert_eq!(judgment.score(), Some(2.0));
    let (start, end) = judgment.votes[0].span.unwrap();
    let shown: Vec<char> = judgment.critique().chars().collect();
    assert_eq!(shown[start..end], ['2']);
}

#[tokio::test]
async fn a_missing_choice_names_the_words_that_were_asked_for() {
    let item = Item::new().question("Q").answer("x");
    let judgment = judge("correct", Completion::text("It is fine.")).await.judge(&item).await;
    let judgment = judgment.unwrap();
    assert_eq!(judgment.unreadable().unwrap().reason.name(), "missing");
}

#[test]
fn what_is_visible_can_be_asked_for_beside_the_judged_texts() {
    let judged = ["Say <think>.".to_owned()];
    assert_eq!(visible("It says <think> twice.", &judged, None), "It says <think> twice.");
    assert_eq!(visible("It says <think> twice.", &[], None), "It says ");
}
