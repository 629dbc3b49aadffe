//! What the OpenAI-compatible backend sends.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "`allow-unwrap-in-tests` does not reach helper functions")]

use serde_json::{Value, json};
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    request::Request,
};

use crate::support::{
    Reply, Server,
    openai::{model, question, settings},
};

/// A request of a prompt that turns thinking off.
fn quick() -> Request {
    let mut request = question();
    request.template.insert("enable_thinking".into(), false.into());
    request
}

#[tokio::test]
async fn variables_of_the_chat_template_are_sent_to_servers_that_have_one() {
    for (preset, is_sent) in [
        ("vllm", true),
        ("llamacpp", true),
        ("plain", true),
        ("openai", false),
        ("ollama", false),
        ("openrouter", false),
    ] {
        let server = Server::start(|_| Reply::says("fine")).await;
        let completion = model(&server, preset).complete(&quick()).await.unwrap();
        let sent = &server.seen()[0].body["chat_template_kwargs"];
        let (expected, dropped) = match is_sent {
            true => (json!({"enable_thinking": false}), vec![]),
            false => (Value::Null, vec!["chat_template_kwargs".to_owned()]),
        };
        assert_eq!((sent, completion.dropped), (&expected, dropped), "{preset}");
    }
}

#[tokio::test]
async fn variables_that_the_user_sets_take_precedence_over_those_of_the_prompt() {
    let server = Server::start(|_| Reply::says("fine")).await;
    let sent = async |preset: &str, own: Value| {
        let mut settings: OpenAiOptions = settings(&server.url, Some(preset));
        settings.extra.insert("chat_template_kwargs".into(), own);
        OpenAi::new(settings).unwrap().complete(&quick()).await.unwrap();
        server.seen().last().unwrap().body["chat_template_kwargs"].clone()
    };
    let own = json!({"enable_thinking": true});
    assert_eq!(sent("vllm", own.clone()).await, own);
    // Where the user sends some, the server has a template, and each variable is looked at alone.
    let both = json!({"language": "en", "enable_thinking": false});
    assert_eq!(sent("vllm", json!({"language": "en"})).await, both);
    assert_eq!(sent("openrouter", json!({"language": "en"})).await, both);
}

#[tokio::test]
async fn variables_that_a_server_refuses_are_left_out() {
    let server = Server::start(|seen| match seen.body.get("chat_template_kwargs") {
        Some(_) => Reply::error(
            400,
            &json!({"error": {"message": "Unrecognized request argument supplied: chat_template_kwargs"}}),
        ),
        None => Reply::says("fine"),
    })
    .await;
    let backend = model(&server, "plain");
    for requests in [2, 3] {
        let completion = backend.complete(&quick()).await.unwrap();
        assert_eq!(completion.dropped, ["chat_template_kwargs"]);
        assert_eq!(server.requests(), requests);
    }
}
