//! Items as prompts see them.

use super::*;
use serde_json::json;

#[test]
fn a_revised_item_has_the_new_answer_under_every_name() {
    let item = Item::from(json!({"response": "1\n2", "question": "Q", "steps": ["1", "2"]}));
    let revised = item.revised("3\n4\n5");
    assert_eq!(revised.text("response").unwrap(), "3\n4\n5");
    assert_eq!(revised.text("answer").unwrap(), "3\n4\n5");
    assert_eq!(revised.text("problem").unwrap(), "Q");
    assert_eq!(revised.steps(), ["3", "4", "5"]);
    assert_eq!(item.steps(), ["1", "2"]);
}

#[test]
fn a_field_of_that_name_wins_over_its_aliases() {
    let item = Item::from(json!({"prompt": "P", "question": "Q", "completion": "C"}));
    assert_eq!(item.text("prompt").unwrap(), "P");
    assert_eq!(item.text("problem").unwrap(), "Q");
    assert_eq!(item.text("answer").unwrap(), "C");
    assert_eq!(item.field("reference"), None);
}

#[test]
fn two_answers_are_a_list_and_a_list_is_two_answers() {
    let pair = Item::from(json!({"chosen": "good", "rejected": "bad"}));
    assert_eq!(*pair.field("answers").unwrap(), json!(["good", "bad"]));
    let list = Item::from(json!({"responses": ["one", "two"]}));
    assert_eq!(list.text("response_b").unwrap(), "two");
    assert_eq!(list.text("output_1").unwrap(), "one");
}

#[test]
fn another_order_moves_every_alias_and_every_companion() {
    let item = Item::from(json!({
        "response_a": "A", "response_b": "B", "model_a": "x", "model_b": "y", "question": "Q",
    }));
    let swapped = item.permuted(&[1, 0]);
    assert_eq!(*swapped.field("answers").unwrap(), json!(["B", "A"]));
    assert_eq!(swapped.text("model_a").unwrap(), "y");
    assert_eq!(swapped.text("output_2").unwrap(), "A");
    assert_eq!(swapped.record(), item.record());

    let list = Item::from(
        json!({"answers": ["a", "b", "c"], "models": [1, 2, 3], "steps": ["s", "t", "u"]}),
    );
    let rotated = list.permuted(&[1, 2, 0]);
    assert_eq!(*rotated.field("answers").unwrap(), json!(["b", "c", "a"]));
    assert_eq!(*rotated.field("models").unwrap(), json!([2, 3, 1]));
    assert_eq!(*rotated.field("steps").unwrap(), json!(["s", "t", "u"]));
}

#[test]
fn companions_are_told_apart_by_a_word_of_their_names() {
    let item = Item::from(json!({
        "response_a": "A", "response_b": "B", "model_answer_a": 1, "model_answer_b": 2,
        "model_a_id": 3, "model_b_id": 4, "score_chosen": 5, "score_rejected": 6,
        "a_note": "kept", "data_a": "alone",
    }));
    let swapped = item.permuted(&[1, 0]);
    let field = |name: &str| swapped.field(name).unwrap().into_owned();
    assert_eq!((field("model_answer_a"), field("model_answer_b")), (json!(2), json!(1)));
    assert_eq!((field("model_a_id"), field("model_b_id")), (json!(4), json!(3)));
    assert_eq!((field("score_chosen"), field("score_rejected")), (json!(6), json!(5)));
    assert_eq!((field("a_note"), field("data_a")), (json!("kept"), json!("alone")));
}

#[test]
fn steps_are_paragraphs_or_else_lines() {
    assert_eq!(split_steps("a\nb\n\nc\n"), ["a\nb", "c"]);
    assert_eq!(split_steps("a\n b\n"), ["a", "b"]);
    assert!(split_steps("\n \n").is_empty());
    let item = Item::new().answer("1 + 1 = 2\nAnswer: 2");
    assert_eq!(item.steps(), ["1 + 1 = 2", "Answer: 2"]);
}

#[test]
fn noncharacters_are_taken_out_and_counted() {
    let item = Item::new().answer("a\u{FDD0}b\u{FDD2}");
    assert_eq!(item.text("answer").unwrap(), "ab");
    assert_eq!(item.cleaned(), 2);
}

#[test]
fn a_field_that_is_there_and_empty_is_not_called_missing() {
    let item = Item::from(json!({"question": "q", "steps": []}));
    assert!(item.lacks("steps").to_string().contains("is empty"));
    assert!(item.lacks("steps").hints().is_empty());
}

#[test]
fn a_missing_field_names_the_near_one() {
    let error = Item::from(json!({"questoin": "Q"})).lacks("question");
    assert_eq!(error.hints()[0].to_string(), "use it by another name: `map` (`question=questoin`)");
}

#[test]
fn a_field_that_was_filled_over_the_records_own_is_named_once() {
    let item = Item::from(json!({"question": "q", "answer": "a"})).revised("b");
    let hint = item.lacks("reference").hints()[0].to_string();
    assert!(hint.starts_with("it has `question`, `answer`; "), "{hint}");
}

#[test]
fn a_blank_field_does_not_win_over_a_filled_one_of_the_same_meaning() {
    for blank in [json!(""), json!(" \n"), json!([]), json!(null)] {
        let item = Item::from(json!({"answer": blank, "response": "r", "question": "q"}));
        assert_eq!(item.text("answer").unwrap(), "r", "{blank}");
        assert_eq!(item.sources("answer"), ["response"]);
    }
    let all_blank = Item::from(json!({"answer": "", "response": ""}));
    assert_eq!(all_blank.text("answer").unwrap(), "");
    let set = Item::from(json!({"context": "c", "passage": "p"})).filled("context", "");
    assert_eq!(set.text("context").unwrap(), "");
}

#[test]
fn what_is_mapped_goes_before_other_names_of_the_record() {
    let item = Item::from(json!({"output": "own", "mine": "m"})).mapped("answer", "mine").unwrap();
    assert_eq!(item.text("response").unwrap(), "m");
    assert_eq!(item.text("output").unwrap(), "own");
    let error = Item::from(json!({"bot_reply": "r"})).mapped("answer", "bot_replies").unwrap_err();
    assert!(error.to_string().contains("no field `bot_replies`"), "{error}");
    assert_eq!(error.hints()[0].to_string(), "did you mean `bot_reply`?");
}

#[test]
fn an_instruction_is_asked_with_its_input() {
    let item = Item::from(json!({"instruction": "Translate.", "input": "Hund", "output": "dog"}));
    assert_eq!(item.text("question").unwrap(), "Translate.\n\nHund");
    assert_eq!(item.sources("question"), ["instruction", "input"]);
    assert_eq!(item.text("instruction").unwrap(), "Translate.");
    let bare = Item::from(json!({"instruction": "Say hi.", "input": ""}));
    assert_eq!(bare.text("question").unwrap(), "Say hi.");
}

#[test]
fn a_field_is_known_by_the_names_of_the_record() {
    let pair = Item::from(json!({"chosen": "a", "reject": "b"}));
    assert_eq!(pair.sources("answers"), ["chosen", "reject"]);
    assert_eq!(pair.sources("response_b"), ["reject"]);
    assert!(pair.names_the_winner());
    let list = Item::from(json!({"responses": ["a", "b"], "prompt": "p"}));
    assert_eq!(list.sources("answers"), ["responses"]);
    assert_eq!(list.sources("output_2"), ["responses"]);
    assert_eq!(list.sources("question"), ["prompt"]);
    assert_eq!(Item::from(json!({"solution": "s"})).sources("steps"), ["solution"]);
    let empty = Item::from(json!({"answers": [], "response_a": "a", "response_b": "b"}));
    assert_eq!(*empty.field("answers").unwrap(), json!(["a", "b"]));
}

#[test]
fn a_missing_answer_is_proposed_together_with_its_question() {
    let error =
        Item::from(json!({"user_message": "q", "bot_reply": "r", "gold": "g"})).lacks("answer");
    assert!(
        error.hints()[0]
            .to_string()
            .ends_with("try `map` (`answer=bot_reply`) `map` (`question=user_message`)"),
        "{error:?}"
    );
    let pair = Item::from(json!({"chosen": "a", "rejected": "b"})).lacks("answer");
    assert!(pair.hints()[0].to_string().contains("`prompt` (`pair`)"), "{pair:?}");
    let single = Item::from(json!({"question": "q", "response": "b"})).lacks("answers");
    assert!(single.hints()[0].to_string().contains("`prompt` (`score`)"), "{single:?}");
}

#[test]
fn companions_whose_names_hold_the_letter_earlier_are_swapped_too() {
    let item = Item::from(json!({
        "response_a": "A", "response_b": "B", "model_answer_a": "x", "model_answer_b": "y",
    }));
    assert_eq!(item.permuted(&[1, 0]).text("model_answer_a").unwrap(), "y");
    let item =
        Item::from(json!({"chosen": "A", "rejected": "B", "chosen_model": 1, "rejected_model": 2}));
    assert_eq!(item.permuted(&[1, 0]).text("chosen_model").unwrap(), "2");
}

#[test]
fn an_item_has_the_name_that_it_was_given() {
    assert_eq!(Item::new().with_id("x").id().as_deref(), Some("x"));
}
