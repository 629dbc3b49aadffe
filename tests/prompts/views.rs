//! What the judge is shown of a record, and warnings about fields that are left out.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::json;
use tribunal::{Hint, Item, Prompt, item::FieldMap, prompt};

fn named(name: &str) -> &'static Prompt {
    prompt::built_in().unwrap().iter().find(|prompt| prompt.name() == name).unwrap()
}

fn line(name: &str, record: serde_json::Value, map: &str) -> String {
    let map = if map.is_empty() { FieldMap::default() } else { map.parse().unwrap() };
    let item = map.apply(&Item::from(record)).unwrap();
    named(name).view(&item, &map).to_string()
}

#[test]
fn the_line_names_what_is_shown_and_what_is_not() {
    for (name, record, map, expected) in [
        (
            "score",
            json!({"id": 1, "question": "q", "answer": "a", "gold": "g", "label": 5}),
            "",
            "shown to the judge: question, answer; not shown: gold, label (compared with the verdict)",
        ),
        (
            "score",
            json!({"user_message": "q", "bot_reply": "r", "gold": "g", "empty": ""}),
            "answer=bot_reply",
            "shown to the judge: bot_reply (answer); no question; not shown: user_message, gold",
        ),
        (
            "score",
            json!({"instruction": "i", "input": "x", "output": "o"}),
            "",
            "shown to the judge: instruction and input (question), output (answer)",
        ),
        (
            "pair",
            json!({"prompt": "q", "chosen": "a", "rejected": "b", "source": "s"}),
            "",
            "shown to the judge: prompt (question), chosen and rejected (answers); not shown: source",
        ),
        (
            "steps",
            json!({"problem": "p", "steps": ["a"], "answer": "a"}),
            "",
            "shown to the judge: problem, steps; not shown: answer",
        ),
        (
            "first-error",
            json!({"problem": "p", "solution": "a"}),
            "",
            "shown to the judge: problem, solution (steps)",
        ),
        (
            "trajectory",
            json!({"conversation": [{"role": "user", "content": "x"}], "tools": [1]}),
            "",
            "shown to the judge: conversation (messages); not shown: tools",
        ),
        (
            "score",
            json!({"output": {"text": "t"}, "label": 1}),
            "answer=output.text,question=output.text",
            "shown to the judge: output.text (question), output.text (answer); not shown: label (compared with the verdict)",
        ),
        (
            "criteria",
            json!({"answer": "a", "criteria": ["kind"]}),
            "",
            "shown to the judge: answer, criteria; no question",
        ),
    ] {
        assert_eq!(line(name, record, map), expected);
    }
}

#[test]
fn what_every_record_is_given_is_no_field_of_the_record() {
    let map = FieldMap::default().filling("criteria", "kind");
    let item =
        map.apply(&Item::from(json!({"answer": "a", "question": "q", "criteria": "own"}))).unwrap();
    let view = named("score").view(&item, &map);
    assert_eq!(view.to_string(), "shown to the judge: question, answer; not shown: criteria");
}

fn notices(name: &str, record: serde_json::Value) -> String {
    let notices = named(name).notices(&Item::from(record), &FieldMap::default());
    let flags = |notice: &Hint| notice.worded(|name, value| format!("--{name} {value}"));
    notices.iter().map(flags).collect::<Vec<_>>().join("\n")
}

#[test]
fn fields_that_look_useful_are_named_with_the_way_to_show_them() {
    let message = notices("score", json!({"answer": "a", "user_message": "q", "gold": "g"}));
    assert!(message.contains("`user_message` looks like a question, and is not shown: --map question=user_message shows it"), "{message}");
    assert!(
        message.contains("`gold` looks like a reference, and the prompt `score` reads none; `score-reference` reads one"),
        "{message}"
    );
    let message =
        notices("score", json!({"messages": [{"role": "user", "content": "q"}], "answer": "a"}));
    assert!(message.contains("--map question=messages shows it"), "{message}");
    assert_eq!(
        notices(
            "score",
            json!({"question": "q", "answer": "a", "correct": true, "user_id": 3, "model_name": "m"})
        ),
        ""
    );
}

#[test]
fn two_filled_names_of_one_meaning_are_reported() {
    let message = notices("score", json!({"question": "q", "answer": "gold", "response": "r"}));
    assert!(message.contains("`response` and `answer` are both filled"), "{message}");
    assert!(message.contains("--map answer=response"), "{message}");
    assert_eq!(notices("score", json!({"question": "q", "answer": "x", "response": "x"})), "");
    let message = notices("pair", json!({"question": "q", "answers": ["a", "b"], "response": "r"}));
    assert!(message.contains("`response` and `answers` are both filled"), "{message}");
    assert!(message.ends_with("--prompt score judges `response`"), "{message}");
}

#[test]
fn shapes_that_are_no_text_and_images_are_reported() {
    let message = notices("score", json!({"question": "q", "answer": {"text": "a", "tokens": 3}}));
    assert!(
        message.contains("`answer` is an object, and is shown as JSON; --map answer=answer.text"),
        "{message}"
    );
    let message = notices("score", json!({"question": "q", "answer": "a", "image": "x.png"}));
    assert!(message.contains("images"), "{message}");
    let message = notices(
        "pair",
        json!({"question": "q", "chosen": {"answer": "a"}, "rejected": {"answer": "b"}}),
    );
    assert!(
        message.contains("`chosen` is an object, and is shown as JSON; --map chosen=chosen.answer"),
        "{message}"
    );
    let message = notices(
        "rank",
        json!({"question": "q", "answers": [{"text": "a", "rank": 1}, {"text": "b", "rank": 2}]}),
    );
    assert_eq!(message, "`answers` holds objects, and each is shown as JSON");
    let picture =
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]);
    assert!(notices("trajectory", json!({"messages": picture})).contains("images"));
}
