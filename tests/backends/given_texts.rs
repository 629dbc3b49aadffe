//! Log-probabilities of given texts on servers that report those of prompts, and implicit rewards from them.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use serde_json::json;
use tribunal::{
    Item, Judge, Prompt,
    backend::{Backend, openai::OpenAi},
    error::ErrorKind,
    line::ResultLine,
    request::{Ask, Message, Origin, Request, Role},
};

use crate::support::{
    openai::{settings, shown},
    toy::{Software, Toy, Without, log, tokens},
};

fn model(toy: &Toy, preset: &str) -> OpenAi {
    OpenAi::new(settings(&toy.url, Some(preset))).unwrap()
}

fn asks(begun: &str, of: &str) -> Request {
    let mut messages = vec![Message::new(Role::User, "12 + 30?", Origin::Data)];
    if !begun.is_empty() {
        messages.push(Message::new(Role::Assistant, begun, Origin::Prompt));
    }
    let mut request = Request::generate(messages);
    request.open = !begun.is_empty();
    request.ask(Ask::Logprobs { of: of.into(), reference: false })
}

const BOTH: [(Software, &str); 2] = [(Software::Vllm, "vllm"), (Software::Sglang, "sglang")];

#[tokio::test]
async fn every_token_of_a_text_is_weighed_after_those_before_it() {
    for (software, preset) in BOTH {
        let toy = Toy::start(software, &[]).await;
        for (begun, of) in [("", "It is 42. Yes"), ("Answer: ", "Yes, 42."), ("So", "No")] {
            let answer = model(&toy, preset).complete(&asks(begun, of)).await.unwrap();
            let before = tokens(&format!("<|user|>12 + 30?<|end|><|assistant|>{begun}"));
            let all = if begun.is_empty() {
                [before.clone(), tokens(of)].concat()
            } else {
                tokens(&format!("<|user|>12 + 30?<|end|><|assistant|>{begun}{of}"))
            };
            let from = before.iter().zip(&all).take_while(|(a, b)| a == b).count();
            let expected: Vec<f64> = (from..all.len()).map(|at| log(&all[..at], all[at])).collect();
            assert_eq!(answer.logprobs, expected, "{preset} {begun:?} {of:?}");
            assert_eq!(answer.ends.len(), expected.len(), "{preset} {of:?}");
            assert_eq!(answer.ends.last(), Some(&of.chars().count()));
            assert_eq!((answer.attempts, answer.usage.prompt), (1, Some(all.len() as u64)));
        }
    }
}

#[tokio::test]
async fn implicit_rewards_are_read_from_two_servers() {
    for (software, preset) in BOTH {
        let (tuned, base) = (Toy::start(software, &[]).await, Toy::start(software, &[]).await);
        let judge = Judge::builder()
            .backend(Arc::new(model(&tuned, preset)) as Arc<dyn Backend>)
            .reference(model(&base, preset))
            .prompt("implicit-prm")
            .build()
            .await
            .unwrap();
        let item = Item::from(json!({ "problem": "12 + 30?", "steps": ["12 + 30 = 42", "No"] }));
        let judgment = judge.judge(&item).await.unwrap();
        // Both are the same toy, so that no step has a reward.
        let steps = &judgment.steps().unwrap().steps;
        let values: Vec<_> = steps.iter().map(|step| (step.value, step.p)).collect();
        assert_eq!(values, [(Some(0.0), Some(0.5)); 2], "{judgment:?}");
        let route = if software == Software::Vllm { "/v1/completions" } else { "/generate" };
        assert_eq!((tuned.count(route), base.count(route)), (1, 1));
    }
}

#[tokio::test]
async fn without_a_reference_the_reward_is_that_of_the_model_alone() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    let file = "---\nkind: score\nscale: {min: -1000, max: 0, step: any}\nfields: {question: required, answer: required}\nverdict: {logprobs: r, beta: 1}\n---\nuser:\n{{ question }}\nassistant:\n{{ logprobs('r', answer) }}";
    let prompt = Prompt::parse("likely", file).unwrap();
    let judge = Judge::builder()
        .backend(Arc::new(model(&toy, "vllm")) as Arc<dyn Backend>)
        .with_prompt(prompt)
        .build()
        .await
        .unwrap();
    let judgment = judge.judge(&Item::new().question("12 + 30?").answer("42")).await.unwrap();
    let before = tokens("<|user|>12 + 30?<|end|><|assistant|>");
    let all = [before.clone(), tokens("42")].concat();
    let expected: f64 = (before.len()..all.len()).map(|at| log(&all[..at], all[at])).sum();
    assert!((judgment.score().unwrap() - expected).abs() < 1e-9, "{judgment:?}");
}

#[tokio::test]
async fn a_server_without_these_routes_is_an_error_with_the_way_out() {
    for without in [Without::PromptLogprobs, Without::Native] {
        let toy = Toy::start(Software::Vllm, &[without]).await;
        let error = model(&toy, "vllm").complete(&asks("", "42")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let shown = shown(&error);
        assert!(shown.contains("given text") && shown.contains("in this process"), "{shown}");
    }
    let toy = Toy::start(Software::LlamaCpp, &[]).await;
    let judge = Judge::builder()
        .backend(Arc::new(model(&toy, "llamacpp")) as Arc<dyn Backend>)
        .reference(model(&toy, "llamacpp"))
        .prompt("implicit-prm")
        .build()
        .await;
    let shown = shown(&judge.unwrap_err());
    assert!(shown.contains("vLLM or SGLang"), "{shown}");
}

#[tokio::test]
async fn the_threshold_of_implicit_rewards_can_be_set_without_another_request() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    let file = |kind: &str, rule: &str| {
        let keys = format!(
            "kind: {kind}\nfields: {{question: required, answer: required}}\nverdict: {{logprobs: r, {rule}}}"
        );
        format!(
            "---\n{keys}\n---\nuser:\n{{{{ question }}}}\nassistant:\n{{{{ logprobs('r', answer) }}}}"
        )
    };
    let model = Arc::new(model(&toy, "vllm")) as Arc<dyn Backend>;
    let judge = async |rule: &str| {
        let prompt = Prompt::parse("likely", &file("label", rule)).unwrap();
        Judge::builder().backend(model.clone()).with_prompt(prompt).build().await.unwrap()
    };
    let item = Item::new().question("12 + 30?").answer("42");
    let judgment = judge("beta: 0.01").await.judge(&item).await.unwrap();
    assert!((0.4..0.5).contains(&judgment.p().unwrap()), "{judgment:?}");
    assert_eq!(judgment.label(), Some("incorrect"));
    let votes = ResultLine::of(Ok(&judgment)).votes.unwrap();
    let lower = judge("beta: 0.01, threshold: 0.4").await;
    assert_eq!(lower.reread(&item, &votes, None).unwrap().label(), Some("correct"));
    assert_eq!(toy.count("/v1/completions"), 1);
    for (kind, rule, reason) in [
        ("label", "threshold: 2", "from 0 to 1"),
        ("score\nscale: {min: -9, max: 0, step: any}", "threshold: 0.4", "does not belong"),
    ] {
        let error = Prompt::parse("likely", &file(kind, rule)).unwrap_err();
        assert!(format!("{error:?} {error}").contains(reason), "{error:?}");
    }
}
