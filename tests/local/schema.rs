//! JSON schemas that models in this process are held to.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::{Value, json};
use tribunal::{
    Item, Judge, Prompt,
    backend::{Backend, llama::Llama},
    completion::{Completion, Finish},
    error::ErrorKind,
    request::{Constraint, Message, Origin, Request, Role, Sampling},
    text::visible,
};

use crate::shipped;

async fn tiny() -> Llama {
    shipped::tiny(|_| ()).await
}

/// A request for JSON of a schema.
fn asks(schema: Value, sampling: Sampling) -> Request {
    let text = "Review the solution, then score it from 1 to 5.\nProblem: 12 + 30\nSolution\nParagraph 0: 12 + 30 = 42";
    let turn = Message::new(Role::User, text, Origin::Data);
    let mut request = Request::generate(vec![turn]).sampling(sampling);
    request.constraint = Some(Constraint::Schema(schema));
    request
}

fn grade() -> Value {
    json!({
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": 24},
            "verdict": {"enum": ["good", "bad", "it depends"]},
            "share": {"type": "number"},
            "points": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 5}, "minItems": 1, "maxItems": 3},
        },
        "required": ["reason", "verdict", "share", "points"],
        "additionalProperties": false,
    })
}

/// The JSON of an answer, without thinking.
fn json_of(answer: &Completion) -> Value {
    let shown = visible(&answer.text, &[], None);
    let parsed = serde_json::from_str(shown);
    assert!(parsed.is_ok(), "{parsed:?}: {}", answer.text);
    parsed.unwrap()
}

/// Whether a value has the form of [`grade`].
fn fits(value: &Value) -> bool {
    #[cfg(feature = "checks")]
    assert!(jsonschema::is_valid(&grade(), value), "{value}");
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    keys == ["reason", "verdict", "share", "points"]
        && value["reason"].as_str().unwrap().chars().count() <= 24
        && value["share"].is_number()
        && ["good", "bad", "it depends"].contains(&value["verdict"].as_str().unwrap())
}

#[tokio::test]
async fn a_wild_text_under_a_schema_always_is_json_of_the_schema() {
    let tiny = tiny().await;
    let mut whole = 0;
    for seed in 0..30 {
        let mut sampling = Sampling::default().temperature(2.0).max_tokens(300).seed(seed);
        sampling.thinking_tokens = Some(20);
        let answer = tiny.complete(&asks(grade(), sampling)).await.unwrap();
        // A number may have more digits than there is room for.
        if answer.finish == Finish::Stop {
            assert!(fits(&json_of(&answer)), "{}", answer.text);
            whole += 1;
        } else {
            assert_eq!(answer.finish, Finish::Length);
        }
    }
    assert!(whole >= 25, "{whole} of 30");
}

#[tokio::test]
async fn thinking_before_the_answer_is_free_and_may_have_a_budget() {
    let tiny = tiny().await;
    let greedy = || Sampling::default().temperature(0.0).max_tokens(600);
    let answer = tiny.complete(&asks(grade(), greedy())).await.unwrap();
    let (thought, said) = answer.text.split_once("</think>").unwrap();
    assert!(thought.starts_with("<think>") && thought.contains("42"), "{thought}");
    assert!(said.trim_start().starts_with('{'), "{said}");
    assert!(fits(&json_of(&answer)));
    let mut short = asks(grade(), greedy());
    short.sampling.thinking_tokens = Some(0);
    let answer = tiny.complete(&short).await.unwrap();
    assert!(answer.text.starts_with("<think>\n</think>"), "{}", answer.text);
    assert!(fits(&json_of(&answer)));
}

#[tokio::test]
async fn an_answer_that_the_prompt_has_begun_is_held_to_the_schema_from_there() {
    let tiny = tiny().await;
    let sampling = Sampling::default().temperature(3.0).max_tokens(300);
    let mut request = asks(grade(), sampling);
    request.messages.push(Message::new(Role::Assistant, "Grade:", Origin::Prompt));
    request.open = true;
    let answer = tiny.complete(&request).await.unwrap();
    assert!(fits(&serde_json::from_str(&answer.text).unwrap()), "{}", answer.text);
}

#[tokio::test]
async fn limits_and_stop_texts_end_a_text_under_a_schema_too() {
    let tiny = tiny().await;
    let request = |sampling| asks(json!({"type": "string", "minLength": 200}), sampling);
    let mut short = Sampling::default().temperature(1.0).max_tokens(30);
    short.thinking_tokens = Some(0);
    let cut = tiny.complete(&request(short.clone())).await.unwrap();
    assert_eq!((cut.finish, cut.token_ids.len()), (Finish::Length, 30));
    let mut stopped = request(short.max_tokens(300));
    stopped.sampling.stop = vec!["\"".into()];
    let stopped = tiny.complete(&stopped).await.unwrap();
    assert_eq!((stopped.finish, visible(&stopped.text, &[], None).trim()), (Finish::Stop, ""));
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_costs_its_request_and_is_named() {
    let tiny = tiny().await;
    let schema = |part: Value| json!({"title": "Grade", "properties": {"a": part}});
    let many =
        json!({"type": "array", "items": {"type": "string", "maxLength": 900}, "maxItems": 900});
    for (part, expected) in [
        (json!({"$ref": "https://example.com/a.json"}), "`Grade` refers to another document"),
        (json!({"type": "string", "maxLength": 5_000}), "`maxLength`: 5000 at #/properties/a"),
        (json!({"type": "no such type"}), "`Grade` cannot be converted"),
    ] {
        let request = asks(schema(part), Sampling::default().max_tokens(20));
        let error = tiny.complete(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let large = asks(schema(many), Sampling::default().temperature(0.0).max_tokens(20));
    let large = tiny.complete(&large).await;
    assert!(
        large.as_ref().map_or_else(|e| e.kind() == ErrorKind::Unsupported, |_| true),
        "{large:?}"
    );
    assert!(tiny.complete(&asks(grade(), Sampling::default().max_tokens(20))).await.is_ok());
}

const GRADES: &str = "kind: score\nscale: {min: 1, max: 5}\nverdict: {json: /grade}\nfields: {problem: required}\nsampling: {temperature: 1, max_tokens: 200, thinking_tokens: 30}\n";

#[tokio::test]
async fn a_prompt_with_a_schema_gets_a_verdict_from_every_text() {
    let tiny = std::sync::Arc::new(tiny().await);
    let body = "user:\n{{ problem }}\nassistant:\n{{ gen(\"critique\", schema={\"type\": \"object\", \"properties\": {\"grade\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 5}}, \"required\": [\"grade\"], \"additionalProperties\": false}) }}";
    let prompt = Prompt::parse("grades", &format!("---\n{GRADES}---\n{body}")).unwrap();
    let judge = Judge::builder().backend(tiny).with_prompt(prompt).reasks(0).build().await.unwrap();
    for n in 1..20 {
        let judgment = judge.judge(&Item::new().set("problem", format!("{n} + 30"))).await.unwrap();
        let score = judgment.verdict.unwrap().score().unwrap();
        assert!((1.0..=5.0).contains(&score), "{score}");
    }
}
