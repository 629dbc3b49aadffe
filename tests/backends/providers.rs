//! What differs between providers: keys, fields, and what they are not asked for.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "`allow-unwrap-in-tests` does not reach helper functions")]

use crate::support::{
    Reply, Seen, Server,
    openai::{KEY, begun, choice, question},
};
use serde_json::{Value, json};
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    request::{Constraint, Logprobs, Request},
};

/// A model of this name at a server on loopback, with the key in variables whose names end so.
fn model(server: &Server, name: &str, key_variable: &str) -> OpenAi {
    let env = |variable: &str| variable.ends_with(key_variable).then(|| KEY.to_owned());
    OpenAi::new(OpenAiOptions::new(name, Some(&server.url), &env).unwrap()).unwrap()
}

/// What a model of this provider sends for a request.
async fn sent(provider: &str, request: &Request) -> Seen {
    let server = Server::start(|_| Reply::says("x")).await;
    let model = model(&server, &format!("{provider}/m"), "_API_KEY");
    model.complete(request).await.unwrap();
    server.seen()[0].clone()
}

#[tokio::test]
async fn a_key_goes_into_the_header_that_the_provider_reads() {
    for (provider, variable, header, value) in [
        ("azure", "AZURE_OPENAI_API_KEY", "api-key", KEY.to_owned()),
        ("anthropic", "ANTHROPIC_API_KEY", "authorization", format!("Bearer {KEY}")),
        ("gemini", "GEMINI_API_KEY", "authorization", format!("Bearer {KEY}")),
        ("gemini", "GOOGLE_API_KEY", "authorization", format!("Bearer {KEY}")),
        ("litellm", "LITELLM_PROXY_API_KEY", "authorization", format!("Bearer {KEY}")),
        ("xai", "XAI_API_KEY", "authorization", format!("Bearer {KEY}")),
    ] {
        let server = Server::start(|_| Reply::says("x")).await;
        model(&server, &format!("{provider}/m"), variable).complete(&question()).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.headers[header], value, "{provider}");
        assert_eq!(seen.headers.contains_key("authorization"), header == "authorization");
        assert_eq!(server.probes(), 0, "{provider} is not asked for its software");
    }
}

#[tokio::test]
async fn a_limit_and_a_seed_have_the_names_of_the_provider() {
    let mut request = question();
    request.sampling.max_tokens = Some(9);
    request.sampling.seed = Some(3);
    for (provider, limit, seed) in [
        ("azure", "max_completion_tokens", "seed"),
        ("groq", "max_completion_tokens", "seed"),
        ("xai", "max_completion_tokens", "seed"),
        ("anthropic", "max_tokens", "seed"),
        ("mistral", "max_tokens", "random_seed"),
        ("sglang", "max_tokens", "seed"),
    ] {
        let body = sent(provider, &request).await.body;
        assert_eq!((&body[limit], &body[seed]), (&9.into(), &3.into()), "{provider}: {body}");
        assert_eq!(body.get("seed").is_some(), seed == "seed", "{provider}: {body}");
    }
}

#[tokio::test]
async fn log_probabilities_are_asked_for_as_the_provider_gives_them() {
    let request = choice(&["Yes", "No"]);
    for (provider, logprobs, top_logprobs) in [
        ("deepseek", true.into(), 20.into()),
        ("xai", true.into(), 8.into()),
        ("fireworks", true.into(), 5.into()),
        ("together", 20.into(), Value::Null),
        ("anthropic", Value::Null, Value::Null),
        ("groq", Value::Null, Value::Null),
        ("mistral", Value::Null, Value::Null),
    ] {
        let body = sent(provider, &request).await.body;
        assert_eq!((&body["logprobs"], &body["top_logprobs"]), (&logprobs, &top_logprobs));
        let server = Server::start(|_| Reply::says("x")).await;
        let known =
            model(&server, &format!("{provider}/m"), "_API_KEY").capabilities().await.logprobs;
        let expected = if logprobs.is_null() { Logprobs::None } else { Logprobs::Top };
        assert_eq!(known, expected, "{provider}");
    }
}

#[tokio::test]
async fn alternatives_in_lists_beside_the_tokens_are_read() {
    let server = Server::start(|_| {
        Reply::Json(json!({"choices": [{
            "message": {"content": "Yes"},
            "finish_reason": "length",
            "logprobs": {
                "tokens": ["Yes"],
                "token_logprobs": [-0.2231],
                "top_logprobs": [{"Yes": -0.2231, "No": -1.6094}],
            },
        }]}))
    })
    .await;
    let model = model(&server, "together/m", "TOGETHER_API_KEY");
    let chosen = model.complete(&choice(&["Yes", "No"])).await.unwrap();
    let distribution = chosen.distribution.unwrap();
    assert!((distribution.of("Yes").unwrap() - 0.8).abs() < 1e-3, "{distribution:?}");
    assert!((distribution.of("No").unwrap() - 0.2).abs() < 1e-3, "{distribution:?}");
}

#[tokio::test]
async fn json_is_asked_for_with_the_schema_unless_the_provider_accepts_none() {
    let mut request = question();
    request.constraint = Some(Constraint::Schema(json!({"type": "object"})));
    let format = |body: &Value| body["response_format"]["type"].clone();
    assert_eq!(format(&sent("mistral", &request).await.body), "json_schema");
    assert_eq!(
        sent("deepseek", &request).await.body["response_format"],
        json!({"type": "json_object"})
    );
}

#[tokio::test]
async fn an_answer_is_continued_by_a_flag_of_the_message_or_of_the_request() {
    let message = |body: &Value| body["messages"][2].clone();
    let mistral = sent("mistral", &begun("Score:")).await.body;
    assert_eq!(
        message(&mistral),
        json!({"role": "assistant", "content": "Score:", "prefix": true})
    );
    let sglang = sent("sglang", &begun("Score:")).await.body;
    assert_eq!(message(&sglang), json!({"role": "assistant", "content": "Score:"}));
    assert_eq!(sglang["continue_final_message"], true);
}

#[test]
fn models_of_azure_need_the_address_of_a_resource() {
    let error = OpenAiOptions::new("azure/judge", None, &|_| None).unwrap_err();
    assert!(error.to_string().contains("no address"), "{error}");
    assert!(error.hints()[0].to_string().contains("AZURE_OPENAI_ENDPOINT"), "{error:?}");
    let env = |name: &str| {
        (name == "AZURE_OPENAI_ENDPOINT").then(|| "https://r.openai.azure.com".to_owned())
    };
    let error = OpenAiOptions::new("azure/judge", None, &env).unwrap_err();
    assert!(error.to_string().contains("no key for `azure/judge`"), "{error}");
}
