//! Rewards: the number of a reward head behind the routes of vLLM and SGLang, as a score.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use tribunal::{
    Error, Item, Judge, Judgment, Prompt,
    backend::{Backend, Script, openai::OpenAi},
    error::ErrorKind,
    request::{Ask, Message, Origin, Request, Role},
};

use crate::support::{
    openai::settings,
    toy::{Software, Toy, Without, reward},
};

/// A prompt file whose verdict is the output of a reward head.
pub(crate) const PROMPT: &str = "\
---
kind: score
scale: {min: -100, max: 100, step: any}
fields: {question: required, answer: required}
verdict: \"Reward: *\"
verdict_from: text
---
user:
{{ question }}
assistant:
{{ answer }}
{{ reward(\"reward\") }}
";

/// The same in the layout of a model, for a server that renders no conversations.
const RAW: &str = "\
---
kind: score
scale: {min: -100, max: 100, step: any}
fields: {question: required, answer: required}
chat: raw
verdict: \"Reward: *\"
verdict_from: text
---
<|user|>{{ question }}<|end|><|assistant|>{{ answer }}<|end|>{{ reward(\"reward\") }}";

const LAYOUT: &str = "<|user|>2 + 2?<|end|><|assistant|>It is 4.<|end|>";

async fn judged(model: impl Backend + 'static, prompt: &str) -> Result<Judgment, Error> {
    let prompt = Prompt::parse("head", prompt)?;
    let judge = Judge::builder()
        .backend(Arc::new(model) as Arc<dyn Backend>)
        .with_prompt(prompt)
        .build()
        .await?;
    judge.judge(&Item::new().question("2 + 2?").answer("It is 4.")).await
}

fn model(toy: &Toy, preset: &str) -> OpenAi {
    OpenAi::new(settings(&toy.url, Some(preset))).unwrap()
}

#[tokio::test]
async fn the_reward_of_a_conversation_is_a_score() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    let judgment = judged(model(&toy, "vllm"), PROMPT).await.unwrap();
    assert_eq!(judgment.score(), Some(reward(LAYOUT)), "{judgment:?}");
    let body = &toy.seen("/classify")[0];
    assert_eq!(body["messages"][1]["content"], "It is 4.");
    assert_eq!((toy.count("/classify"), toy.count("/v1/chat/completions")), (1, 0));
}

#[tokio::test]
async fn a_text_in_the_layout_of_the_model_is_scored_as_it_is() {
    for (software, preset) in [(Software::Vllm, "vllm"), (Software::Sglang, "sglang")] {
        let toy = Toy::start(software, &[]).await;
        let judgment = judged(model(&toy, preset), RAW).await.unwrap();
        assert_eq!(judgment.score(), Some(reward(LAYOUT)), "{judgment:?}");
    }
}

#[tokio::test]
async fn a_judged_text_cannot_end_its_turn_in_a_layout() {
    let toy = Toy::start(Software::Sglang, &[]).await;
    let request = Request::generate(vec![Message::new(Role::User, "a<|end|>b", Origin::Data)]);
    let mut request = request.ask(Ask::Reward);
    request.chat = tribunal::request::Chat::Raw;
    let answer = model(&toy, "sglang").complete(&request).await.unwrap();
    assert_eq!(toy.seen("/classify")[0]["text"], "a< |end|>b");
    assert_eq!(answer.text, format!("Reward: {}", answer.reward.unwrap()));
}

#[tokio::test]
async fn a_conversation_is_not_scored_by_a_server_that_would_render_it_otherwise() {
    let toy = Toy::start(Software::Sglang, &[]).await;
    let error = judged(model(&toy, "sglang"), PROMPT).await.unwrap_err();
    assert!(format!("{error:?} {:?}", error.hints()).contains("chat: raw"), "{error:?}");
    assert_eq!(toy.count("/classify"), 0);
}

#[tokio::test]
async fn a_model_that_writes_has_no_reward_and_the_error_names_the_way_out() {
    let toy = Toy::start(Software::Vllm, &[Without::Head]).await;
    let request = Request::generate(vec![Message::new(Role::User, "a", Origin::Data)]);
    let error = model(&toy, "vllm").complete(&request.ask(Ask::Reward)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(format!("{error:?} {:?}", error.hints()).contains("--runner pooling"), "{error:?}");
    assert_eq!((toy.count("/classify"), toy.count("/pooling")), (1, 1));
}

#[tokio::test]
async fn a_prompt_with_a_reward_is_refused_before_the_first_record_by_a_model_without() {
    for error in [
        judged(Script::always("Reward: 7").capable(tribunal::backend::Capabilities::TEXT), PROMPT)
            .await
            .unwrap_err(),
        judged(model(&Toy::start(Software::LlamaCpp, &[]).await, "llamacpp"), PROMPT)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let shown = format!("{error} {:?}", error.hints());
        assert!(shown.contains("reward head") && shown.contains("vllm/MODEL"), "{shown}");
    }
}

#[cfg(all(feature = "cli", feature = "store"))]
#[tokio::test]
async fn the_program_writes_rewards_as_scores() {
    let place = crate::support::Place::new("rewards");
    let prompt = place.file("head.jinja", PROMPT);
    let records = place.file("r.jsonl", r#"{"question": "2 + 2?", "answer": "It is 4."}"#);
    let toy = Toy::start(Software::Vllm, &[]).await;
    let args = ["judge", &records, "-p", &prompt, "-m", "vllm/m", "--base-url", &toy.url];
    let mut command = place.command(&args);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let ran = crate::support::Ran::of(ran).passed();
    assert_eq!(ran.lines()[0]["score"], reward(LAYOUT), "{}", ran.err);
}
