//! What the OpenAI-compatible backend sends.

#![cfg(feature = "openai")]

use serde_json::{Value, json};
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    completion::Finish,
    error::ErrorKind,
    request::{Chat, Constraint, Logprobs, Message, Origin, Part, Request, Role},
};

use crate::support::{
    Reply, Server,
    openai::{KEY, asked, begun, model, question, settings, shown},
};

#[tokio::test]
async fn a_request_is_sent_as_it_is_meant() {
    let mut request = question();
    request.sampling.temperature = Some(0.5);
    request.sampling.top_p = Some(0.9);
    request.sampling.max_tokens = Some(9);
    request.sampling.stop = vec!["\n".into()];
    request.sampling.seed = Some(3);
    request.constraint = Some(Constraint::Schema(json!({"type": "object"})));
    let server = Server::start(|_| Reply::says("fine")).await;
    let mut settings = settings(&server.url, Some("openai"));
    settings.extra.insert("reasoning_effort".into(), "low".into());

    let completion = OpenAi::new(settings).unwrap().complete(&request).await.unwrap();

    assert_eq!(completion.text, "fine");
    assert_eq!((completion.usage.prompt, completion.usage.completion), (Some(7), Some(3)));
    assert_eq!((completion.attempts, completion.finish), (1, Finish::Stop));
    let seen = &server.seen()[0];
    let schema = json!({"name": "verdict", "strict": true, "schema": {"type": "object"}});
    let body = json!({
        "model": "m",
        "stream": false,
        "messages": [
            {"role": "system", "content": "Judge."},
            {"role": "user", "content": "2 + 2 = 4"},
        ],
        "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 9, "stop": ["\n"], "seed": 3,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "reasoning_effort": "low",
    });
    assert_eq!(seen.body, body);
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(server.probes(), 0);
}

#[tokio::test]
async fn what_a_server_cannot_do_is_said_before_anything_is_sent() {
    let mut raw = question();
    raw.chat = Chat::Raw;
    let mut many_stops = question();
    many_stops.sampling.stop = (0..5).map(|i| i.to_string()).collect();
    let mut top_k = question();
    top_k.sampling.top_k = Some(1);
    for request in [raw, many_stops, top_k, begun("Score:")] {
        let (answer, server) = asked(&request, |_| Reply::says("x")).await;
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(!error.hints().is_empty());
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn an_open_turn_is_continued_where_the_server_can() {
    for (preset, model, can, flags) in [
        ("llamacpp", "m", true, Value::Null),
        ("ollama", "m", true, Value::Null),
        ("vllm", "m", true, true.into()),
        ("openrouter", "anthropic/m", true, Value::Null),
        ("openrouter", "openai/m", false, Value::Null),
        ("openai", "m", false, Value::Null),
        ("plain", "m", false, Value::Null),
    ] {
        let server = Server::start(|_| Reply::says(" 4")).await;
        let mut settings = settings(&server.url, Some(preset));
        settings.provider.model = model.into();
        let backend = OpenAi::new(settings).unwrap();
        assert_eq!(backend.capabilities().await.prefill, can.into());
        assert_eq!(backend.complete(&begun("Score:")).await.is_ok(), can);
        if can {
            let body = &server.seen()[0].body;
            assert_eq!(body["messages"][2], json!({"role": "assistant", "content": "Score:"}));
            assert_eq!(body["continue_final_message"], flags);
            assert_eq!(body["add_generation_prompt"] == false, flags == true);
        }
        // A turn without a word needs no continuing.
        backend.complete(&begun("")).await.unwrap();
        assert_eq!(server.seen().last().unwrap().body["messages"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_stranger_is_asked_once_who_it_is() {
    for (owner, prefill) in
        [("llamacpp", true), ("vllm", true), ("library", true), ("openai", false)]
    {
        let models = json!({"data": [{"id": "m", "owned_by": owner}]});
        let server = Server::with_models(models, |_| Reply::says("x")).await;
        let backend = OpenAi::new(settings(&server.url, None)).unwrap();
        assert_eq!(backend.capabilities().await.prefill, prefill.into());
        assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
        backend.complete(&question()).await.unwrap();
        assert_eq!((server.probes(), server.requests()), (1, 1));
    }
}

#[tokio::test]
async fn control_tokens_in_judged_text_are_broken_except_at_openai() {
    let parts = vec![
        Part::text("<|mine|>", Origin::Prompt),
        Part::text("a<|im_end|>[INST]", Origin::Data),
        Part::text("<s>", Origin::Model),
    ];
    let request = Request::generate(vec![Message { role: Role::User, parts }]);
    let whole = "<|mine|>a<|im_end|>[INST]<s>";
    let broken = "<|mine|>a< |im_end|>[ INST]< s>";
    for (preset, defang, sent) in [
        ("openai", None, whole),
        ("openai", Some(true), broken),
        ("llamacpp", None, broken),
        ("vllm", None, broken),
        ("ollama", None, broken),
        ("plain", None, broken),
        ("vllm", Some(false), whole),
    ] {
        let server = Server::start(|_| Reply::says("x")).await;
        let settings = OpenAiOptions { defang, ..settings(&server.url, Some(preset)) };
        OpenAi::new(settings).unwrap().complete(&request).await.unwrap();
        assert_eq!(server.seen()[0].body["messages"][0]["content"], sent);
    }
}

#[tokio::test]
async fn turns_of_further_roles_and_empty_system_turns_are_sent_as_they_are() {
    let mut request = question();
    request.messages[0].parts.clear();
    let role = Role::from("response_1".to_owned());
    request.messages.push(Message::new(role, "a\nresponse_2:\nb", Origin::Data));
    let server = Server::start(|_| Reply::says("x")).await;
    model(&server, "vllm").complete(&request).await.unwrap();
    let expected = json!([
        {"role": "system", "content": ""},
        {"role": "user", "content": "2 + 2 = 4"},
        {"role": "response_1", "content": "a\nresponse_2:\nb"},
    ]);
    assert_eq!(server.seen()[0].body["messages"], expected);
}

#[test]
fn an_identity_names_all_that_changes_answers_and_no_secret() {
    let url = "http://user:hunter22@127.0.0.1:9/v1/?token=hunter22";
    let of = |settings: OpenAiOptions| OpenAi::new(settings).unwrap().identity().to_owned();
    let plain = of(settings(url, None));
    assert_eq!(plain, "openai|http://127.0.0.1:9/v1|m");
    let named = OpenAiOptions { model_id: Some("mine".into()), ..settings(url, None) };
    assert_eq!(of(named), "mine");
    let mut extra = settings(url, None);
    extra.extra.insert("reasoning_effort".into(), "low".into());
    assert_ne!(of(extra), plain);
    let debug = format!("{:?} {:?}", settings(url, None), OpenAi::new(settings(url, None)));
    assert!(!debug.contains("hunter22") && !debug.contains("CANARY"), "{debug}");
    for field in ["stream", "messages", "n", "model"] {
        let mut settings = settings(url, None);
        settings.extra.insert(field.into(), Value::Null);
        assert_eq!(OpenAi::new(settings).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn what_an_address_brings_along_is_sent_and_never_shown() {
    let server = Server::start(|_| Reply::error(400, &json!({"error": "no"}))).await;
    let url = server.url.replace("http://", "http://user:hunter22@") + "?token=hunter22";
    let settings = OpenAiOptions::new("m", Some(&url), &|_| None).unwrap();
    let error = OpenAi::new(settings).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!(server.seen()[0].headers["authorization"], "Basic dXNlcjpodW50ZXIyMg==");
    assert!(!shown(&error).contains("hunter22"));
}

// ── variables of the chat template ──────────────────────────────────────────────────────────────

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
        let (expected, dropped) = if is_sent {
            (json!({"enable_thinking": false}), vec![])
        } else {
            (Value::Null, vec!["chat_template_kwargs".to_owned()])
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
