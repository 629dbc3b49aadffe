//! What of a record the judge is shown, and what is said of the rest.

#![cfg(all(feature = "cli", feature = "openai"))]

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// A folder of its own for each use.
fn place(name: &str) -> Place {
    static USED: AtomicUsize = AtomicUsize::new(0);
    Place::new(&format!("{name}-{}", USED.fetch_add(1, Ordering::Relaxed)))
}

/// A judge of one record that says `text`; further arguments.
fn judged(record: &Value, args: &[&str]) -> Ran {
    judged_all(std::slice::from_ref(record), args)
}

fn judged_all(records: &[Value], args: &[&str]) -> Ran {
    let place = place("fields");
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let file = place.file("r.jsonl", lines.join("\n"));
    let model = ["judge", &file, "-m", "script:Fine.\nScore: 7\n[[A]]\nRanking: 1 > 2 > 3"];
    place.run(&[&model, args].concat())
}

/// What a model would be sent.
fn rendered(record: &Value, args: &[&str]) -> Ran {
    let place = place("fields-rendered");
    let file = place.file("r.jsonl", record.to_string());
    place.run(&[&["prompts", "render", args[0], &file], &args[1..]].concat())
}

#[test]
fn one_line_says_which_fields_the_judge_is_shown_and_which_it_is_not() {
    let ran = judged(
        &json!({"id": 7, "question": "q", "answer": "a", "annotator_score": 4, "gold": "g", "label": 7}),
        &["-p", "score"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = "shown to the judge: question, answer; not shown: annotator_score, gold, label (compared with the verdict)\n";
    assert!(ran.err.contains(line), "{}", ran.err);
    assert!(ran.err.contains("warning: `gold` looks like a reference"), "{}", ran.err);
    let quiet = judged(&json!({"question": "q", "answer": "a"}), &["-p", "score", "-q"]);
    assert_eq!(quiet.err, "");
}

#[test]
fn a_mapping_that_leaves_the_question_out_is_said_before_anything_is_paid() {
    let record =
        json!({"user_message": "q", "bot_reply": "r", "gold": "g", "annotator_score": 3.6});
    let ran = judged(&record, &["--map", "answer=bot_reply"]);
    assert!(
        ran.err.contains("bot_reply (answer); no question; not shown: user_message"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--map question=user_message shows it"), "{}", ran.err);
    let bare = judged(&record, &[]);
    assert_eq!(bare.code, 2);
    assert!(
        bare.err.contains("try --map answer=bot_reply --map question=user_message"),
        "{}",
        bare.err
    );
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_near_one() {
    let ran = judged(&json!({"question": "q", "bot_reply": "r"}), &["--map", "answer=bot_replies"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("`answer` is read from `bot_replies`: the record has no field `bot_replies`"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("did you mean `bot_reply`?"), "{}", ran.err);
}

#[test]
fn a_field_that_is_mapped_or_set_and_read_by_nothing_is_refused() {
    let record = json!({"question": "q", "answer": "a", "annotator_score": 4});
    for (args, part) in [
        (
            ["--map", "target=annotator_score"],
            "the field `target` is mapped, but the prompt `score` does not read it",
        ),
        (["--set", "contxt=foo"], "did you mean `context`?"),
        (
            ["--set", "rubric=foo"],
            "the field `rubric` is set, but the prompt `score` does not read it",
        ),
    ] {
        let ran = judged(&record, &[&["-p", "score"], args.as_slice()].concat());
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(part), "{args:?}: {}", ran.err);
    }
    for args in
        [["--map", "label=annotator_score"], ["--set", "context=foo"], ["--map", "problem=answer"]]
    {
        let ran = judged(
            &json!({"answer": "a", "annotator_score": 4}),
            &[&["-p", "score"], args.as_slice()].concat(),
        );
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    }
    let behind = judged(&record, &["-p", "score", "--map", "query=annotator_score"]);
    assert!(
        behind
            .err
            .contains("the field `query` is mapped, but the record's own field `question` is read"),
        "{}",
        behind.err
    );
}

#[test]
fn a_mapping_of_the_configuration_that_one_prompt_does_not_read_is_only_reported() {
    let place = Place::new("fields-config");
    place.file("tribunal.toml", "[defaults]\nmap = {target = \"gold\"}\n");
    let file = place.file("r.jsonl", json!({"answer": "a", "gold": "g"}).to_string());
    let ran = place.run(&["judge", &file, "-m", "script:Score: 7", "-p", "score"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning: the field `target` is mapped"), "{}", ran.err);
}

#[test]
fn the_choice_of_the_prompt_sees_what_is_mapped() {
    let ran = judged(
        &json!({"question": "q", "process": ["a", "b"]}),
        &["--map", "steps=process", "--dry-run"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("`first-error`, which fits"), "{}", ran.err);
    assert!(ran.err.contains("process (steps)"), "{}", ran.err);
}

#[test]
fn fields_of_well_known_formats_are_shown() {
    let ragas = rendered(
        &json!({"user_input": "WHO?", "retrieved_contexts": ["CTX"], "response": "ANS"}),
        &["score"],
    );
    assert!(["WHO?", "CTX", "ANS"].iter().all(|part| ragas.out.contains(part)), "{}", ragas.out);
    let alpaca =
        rendered(&json!({"instruction": "INS", "input": "MATERIAL", "output": "OUT"}), &["score"]);
    assert!(alpaca.out.contains("INS\n\nMATERIAL"), "{}", alpaca.out);
    let rmb = rendered(&json!({"prompt": "Q", "chosen": "GOOD", "reject": "BAD"}), &["pair"]);
    assert!(rmb.out.contains("GOOD") && rmb.out.contains("BAD"), "{}", rmb.out);
}

#[test]
fn two_filled_names_of_one_meaning_are_said_and_a_blank_one_does_not_win() {
    let ran =
        judged(&json!({"question": "q", "answer": "gold", "response": "r"}), &["-p", "score"]);
    assert!(ran.err.contains("`response` and `answer` are both filled: `answer` is shown as the answer; --map answer=response shows `response`"), "{}", ran.err);
    for blank in [json!(""), json!(null), json!("  ")] {
        let ran =
            rendered(&json!({"question": "q", "answer": blank, "response": "FILLED"}), &["score"]);
        assert!(ran.out.contains("FILLED"), "{blank}: {}", ran.out);
    }
}

#[test]
fn answers_that_are_messages_are_shown_as_conversations() {
    let said = |text: &str| json!([{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": text}]);
    let ran = rendered(&json!({"chosen": said("Good."), "rejected": said("Bad.")}), &["pair"]);
    assert!(ran.out.contains("[1] user\nHello?\n\n[2] assistant\nGood."), "{}", ran.out);
    let trl = json!({
        "prompt": [{"role": "user", "content": "Hello?"}],
        "chosen": [{"role": "assistant", "content": "Good."}],
        "rejected": [{"role": "assistant", "content": "Bad."}],
    });
    let ran = rendered(&trl, &["pair"]);
    assert!(ran.out.contains("Question\n```\nHello?\n```"), "{}", ran.out);
    assert!(ran.out.contains("Answer B\n```\nBad.\n```"), "{}", ran.out);
}

#[test]
fn a_list_where_one_answer_is_expected_is_refused_with_the_ways_out() {
    let lists = json!({"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]});
    let ran = judged(&lists, &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.err.contains("the record's `chosen` is a list of 3, not one answer"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--map chosen=chosen.0"), "{}", ran.err);
    let ran = judged(&json!({"question": "q", "answer": ["a", "b"]}), &["-p", "score"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("--map answers=answer compares all"), "{}", ran.err);
    let first = judged(&lists, &["--map", "chosen=chosen.0", "--map", "rejected=rejected.0"]);
    assert_eq!(first.code, 0, "{}", first.err);
    // A prompt that reads the entries one by one is free to do so.
    let place = Place::new("fields-list");
    let prompt = place.file("p.jinja", "---\nkind: score\nscale: 1-10\nverdict: 'Score: *'\n---\nuser:\n{% for one in answer %}{{ one }};{% endfor %}\nScore: <n>\n");
    let file = place.file("r.jsonl", json!({"answer": ["a", "b"]}).to_string());
    let ran = place.run(&["prompts", "render", &prompt, &file]);
    assert!(ran.out.contains("a;b;"), "{ran:?}");
}

#[test]
fn an_answer_that_is_an_object_is_shown_as_json_and_said() {
    let ran =
        judged(&json!({"question": "q", "answer": {"text": "a", "model": "m"}}), &["-p", "score"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains(
            "`answer` is an object, and is shown as JSON; --map answer=answer.text shows a part"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn empty_answers_are_judged_and_counted() {
    let records = [
        json!({"question": "q", "answer": "a"}),
        json!({"question": "q", "answer": ""}),
        json!({"question": "q", "answer": " \n"}),
    ];
    let ran = judged_all(&records, &["-p", "score"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.lines()[1]["score"], 7);
    assert!(
        ran.err.contains("warning: 2 answers are empty and judged as such; the first is "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("r.jsonl:2"), "{}", ran.err);
}

#[test]
fn images_that_no_judge_is_shown_are_said_once() {
    let picture = json!([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "u"}}]);
    let record = json!({"messages": [{"role": "user", "content": picture}, {"role": "assistant", "content": "A dog."}]});
    let ran = judged_all(&[record.clone(), record], &[]);
    assert_eq!(ran.err.matches("images, which the judge is not shown").count(), 1, "{}", ran.err);
    let ran = judged(&json!({"question": "q", "answer": "a", "image": "x.png"}), &["-p", "score"]);
    assert!(ran.err.contains("images, which the judge is not shown"), "{}", ran.err);
}

#[test]
fn what_only_later_records_hold_is_said_with_its_place() {
    let records = [
        json!({"question": "q", "answer": "a"}),
        json!({"question": "q", "answer": "a", "reference": "g"}),
        json!({"question": "q", "answer": "a", "reference": "g"}),
    ];
    let ran = judged_all(&records, &[]);
    assert_eq!(ran.err.matches("`reference` looks like a reference").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("r.jsonl:2: `reference`"), "{}", ran.err);
}

#[test]
fn a_record_of_another_kind_says_who_chose_the_prompt_and_what_would_judge_it() {
    let records = [
        json!({"question": "q", "answer": "a"}),
        json!({"question": "q", "response_a": "a", "response_b": "b"}),
    ];
    let ran = judged_all(&records, &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("this record holds two answers: -p pair compares them; without -p the first record chooses the prompt of all"), "{}", ran.err);
}

#[test]
fn prompts_render_shows_what_is_mapped_and_refuses_what_nothing_reads() {
    let record = json!({"user_message": "ASKED", "bot_reply": "SAID"});
    let ran = rendered(
        &record,
        &["score", "--map", "question=user_message", "--map", "answer=bot_reply"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("ASKED") && ran.out.contains("SAID"), "{}", ran.out);
    assert!(ran.err.contains("user_message (question), bot_reply (answer)"), "{}", ran.err);
    let ran =
        rendered(&record, &["score", "--map", "answer=bot_reply", "--map", "gold=user_message"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("the field `gold` is mapped"), "{}", ran.err);
}

#[test]
fn only_a_judge_compares_its_verdicts_with_labels() {
    let ran = rendered(&json!({"question": "q", "answer": "a", "label": 7}), &["score"]);
    assert!(
        ran.err.contains("shown to the judge: question, answer; not shown: label\n"),
        "{ran:?}"
    );
}
