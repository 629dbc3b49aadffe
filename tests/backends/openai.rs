//! How the OpenAI-compatible backend reads what comes back.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "`allow-unwrap-in-tests` does not reach helper functions")]

use std::path::PathBuf;

use crate::support::{
    Folder, Reply, Server, chat_reply,
    openai::{KEY, asked, begun, choice, model, question, settings, shown},
    token_reply,
};
use serde_json::{Value, json};
use tribunal::{
    backend::{
        Backend, Recorded, Replay,
        openai::{OpenAi, OpenAiOptions},
    },
    completion::Finish,
    error::ErrorKind,
    request::{Ask, Logprobs, Message, Origin, Request, Role},
};

// ── what comes back ─────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn answers_of_every_shape_are_read() {
    let said = |message: Value| json!({"choices": [{"message": message}]});
    let finish = |reason: Value| {
        let mut reply = chat_reply("x");
        reply["choices"][0]["finish_reason"] = reason;
        reply
    };
    for (reply, text, thinking, end) in [
        (said(json!({"content": "x"})), "x", None, Finish::Stop),
        (said(json!({"content": null})), "", None, Finish::Stop),
        (said(json!({"content": ["a", {"type": "text", "text": "b"}]})), "ab", None, Finish::Stop),
        (said(json!({"content": "x", "reasoning_content": "hm"})), "x", Some("hm"), Finish::Stop),
        (said(json!({"content": null, "reasoning": "hm"})), "", Some("hm"), Finish::Stop),
        (
            said(json!({"content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "x"},
            ]})),
            "x",
            Some("hm"),
            Finish::Stop,
        ),
        (said(json!({"content": "", "refusal": "no!"})), "no!", None, Finish::Filtered),
        (json!({"usage": null, "choices": [{"text": "x"}]}), "x", None, Finish::Stop),
        (
            json!({"error": null, "choices": [{"message": {"content": "x"}}]}),
            "x",
            None,
            Finish::Stop,
        ),
        (finish(Value::Null), "x", None, Finish::Stop),
        (finish("eos_token".into()), "x", None, Finish::Stop),
        (finish("weird".into()), "x", None, Finish::Other("weird".into())),
        (finish("length".into()), "x", None, Finish::Length),
        (finish("content_filter".into()), "x", None, Finish::Filtered),
    ] {
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.thinking.as_deref()), (text, thinking));
        assert_eq!(answer.finish, end);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_become_text() {
    for (body, text) in [
        (b"\xef\xbb\xbf{\"choices\":[{\"message\":{\"content\":\"x\"}}]}".as_slice(), "x"),
        (b"{\"choices\":[{\"message\":{\"content\":\"a\xffb\"}}]}", "a\u{fffd}b"),
        (br#"{"choices":[{"message":{"content":"\ud83d!\u0000"}}]}"#, "\u{fffd}!\0"),
    ] {
        let (answer, _) = asked(&question(), move |_| Reply::Text(200, vec![], body.into())).await;
        assert_eq!(answer.unwrap().text, text);
    }
}

#[tokio::test]
async fn tokens_and_counts_are_told_where_they_are_asked_for() {
    let mut reply = token_reply("7", &[("7", 0.6), ("8", 0.3)]);
    reply["usage"]["prompt_tokens_details"] = json!({"cached_tokens": 4});
    reply["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": 2});
    let request = question().ask(Ask::Generate { top_logprobs: Some(30) });
    let (answer, server) = asked(&request, move |_| Reply::Json(reply.clone())).await;
    let answer = answer.unwrap();
    assert_eq!((answer.usage.cached, answer.usage.reasoning), (Some(4), Some(2)));
    assert_eq!(answer.tokens[0].text, "7");
    assert_eq!(answer.tokens[0].top, [("7".into(), 0.6_f64.ln()), ("8".into(), 0.3_f64.ln())]);
    assert_eq!(server.seen()[0].body["top_logprobs"], 20);
}

#[tokio::test]
async fn cached_prompt_tokens_and_costs_are_read_under_all_their_names() {
    for (usage, cached, cost) in [
        (json!({"prompt_tokens_details": {"cached_tokens": 80}}), Some(80), None),
        (json!({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}), Some(64), None),
        (json!({"cache_read_input_tokens": 70}), Some(70), None),
        (json!({"cached_tokens": 500, "cost": 0.0125}), Some(100), Some(0.0125)),
        (json!({"prompt_tokens_details": null, "cost": 0}), None, None),
    ] {
        let mut reply = chat_reply("Score: 7");
        reply["usage"] = json!({"prompt_tokens": 100, "completion_tokens": 5});
        reply["usage"].as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        let answer = answer.unwrap();
        assert_eq!((answer.usage.cached, answer.cost), (cached, cost), "{usage}");
    }
}

// ── streams ─────────────────────────────────────────────────────────────────────────────────────

/// An answer piece by piece, as servers send it that are asked to stream.
fn streamed(text: &str) -> Reply {
    let pieces = text.split_inclusive(' ').map(|piece| {
        let choice = json!({"index": 0, "delta": {"content": piece}, "finish_reason": null});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    });
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let body =
        pieces.collect::<String>() + &format!("data: {end}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
    Reply::Text(200, vec![("content-type", "text/event-stream".into())], body.into_bytes())
}

#[tokio::test]
async fn a_stream_is_asked_for_where_that_is_set_and_read_in_any_case() {
    for stream in [false, true] {
        let server = Server::start(|_| streamed("Score: 7")).await;
        let options = OpenAiOptions { stream, ..settings(&server.url, Some("openai")) };
        let answer = OpenAi::new(options).unwrap().complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("Score: 7", Finish::Stop));
        assert_eq!((answer.usage.prompt, answer.usage.completion), (Some(5), Some(2)));
        let body = &server.seen()[0].body;
        assert_eq!(body["stream"], stream);
        assert_eq!(body["stream_options"]["include_usage"] == true, stream);
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_stream_answers_at_once() {
    for refused in ["stream", "stream_options"] {
        let server = Server::start(move |seen| match seen.body.get(refused) {
            Some(_) => {
                Reply::error(400, &json!({"error": format!("unsupported field `{refused}`")}))
            }
            None => Reply::says("fine"),
        })
        .await;
        let options = OpenAiOptions { stream: true, ..settings(&server.url, Some("openai")) };
        let answer = OpenAi::new(options).unwrap().complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 2), "{refused}");
        assert!(answer.dropped.is_empty(), "how an answer travels is not part of it");
        let body = &server.seen()[1].body;
        assert_eq!(body.get("stream").is_some(), refused == "stream_options");
        assert!(body.get("stream_options").is_none());
    }
}

// ── choices ─────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_label_gets_the_mass_of_every_token_that_begins_it_alone() {
    let top: &[(&str, f64)] =
        &[(" No", 0.3), ("Yes", 0.2), (" yes", 0.1), ("Y", 0.2), (" ", 0.05), ("Nope", 0.05)];
    let reply = token_reply(" No", top);
    let (answer, server) =
        asked(&choice(&[" Yes", " No"]), move |_| Reply::Json(reply.clone())).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), (" Yes", Finish::Stop));
    let distribution = answer.distribution.unwrap();
    let masses: Vec<_> = distribution.labels.iter().map(|(_, p)| (p * 1e6).round()).collect();
    assert_eq!(masses, [500_000.0, 350_000.0]);
    assert!((distribution.missing - 0.15).abs() < 1e-9);
    let body = &server.seen()[0].body;
    assert_eq!((&body["max_completion_tokens"], &body["top_logprobs"]), (&json!(1), &json!(20)));
    assert_eq!(body["logprobs"], true);
}

#[tokio::test]
async fn a_choice_without_probabilities_is_still_a_choice() {
    for (reply, text, missing) in [
        (chat_reply(" Yes"), " Yes", None),
        (chat_reply("No."), " No", None),
        (chat_reply("Hm"), "Hm", None),
        (token_reply("Hm", &[("Hm", 0.9), ("Ah", 0.1)]), "Hm", Some(1.0)),
    ] {
        let (answer, _) =
            asked(&choice(&[" Yes", " No"]), move |_| Reply::Json(reply.clone())).await;
        let answer = answer.unwrap();
        assert_eq!(answer.text, text);
        assert_eq!(answer.distribution.map(|seen| seen.missing), missing);
    }
}

#[tokio::test]
async fn a_model_that_thinks_first_cannot_choose() {
    let mut reply = chat_reply("");
    reply["choices"][0]["message"]["reasoning_content"] = "Well".into();
    let (answer, _) = asked(&choice(&["A", "B"]), move |_| Reply::Json(reply.clone())).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unsupported);

    let server = Server::start(|_| Reply::says("A")).await;
    for (name, thinks) in [("o3-mini", true), ("gpt-5-mini", true), ("gpt-5-chat-latest", false)] {
        let mut settings = settings(&server.url, Some("openai"));
        settings.provider.model = name.into();
        let backend = OpenAi::new(settings).unwrap();
        assert_eq!(backend.complete(&choice(&["A", "B"])).await.is_err(), thinks, "{name}");
        assert_eq!(backend.capabilities().await.logprobs == Logprobs::None, thinks);
    }
    assert_eq!(server.requests(), 1);
}

// ── parameters that a model refuses ─────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_refused_parameter_is_dropped_once_and_for_all() {
    let server = Server::start(|seen| {
        if seen.body.get("temperature").is_none() {
            return Reply::says("fine");
        }
        let message = "Unsupported value: 'temperature' does not support 0 with this model.";
        Reply::error(400, &json!({"error": {"message": message, "param": "temperature"}}))
    })
    .await;
    let backend = model(&server, "openai");
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    let first = backend.complete(&request).await.unwrap();
    let second = backend.complete(&request).await.unwrap();
    let third = backend.complete(&question()).await.unwrap();
    assert_eq!((first.attempts, second.attempts), (2, 1));
    assert_eq!(first.dropped, ["temperature"]);
    assert_eq!(second.dropped, ["temperature"]);
    assert!(third.dropped.is_empty());
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn a_limit_is_sent_under_the_name_that_the_model_knows() {
    let server = Server::start(|seen| {
        if seen.body.get("max_tokens").is_none() {
            return Reply::says("fine");
        }
        let message = "'max_tokens' is not supported. Use 'max_completion_tokens' instead.";
        Reply::error(400, &json!({"error": {"message": message}}))
    })
    .await;
    let mut request = question();
    request.sampling.max_tokens = Some(9);
    let answer = model(&server, "plain").complete(&request).await.unwrap();
    assert!(answer.dropped.is_empty());
    assert_eq!(server.seen()[1].body["max_completion_tokens"], 9);
}

#[tokio::test]
async fn a_server_without_probabilities_is_remembered() {
    let server = Server::start(|seen| match seen.body.get("logprobs") {
        None => Reply::says("Yes"),
        Some(_) => Reply::error(422, &json!({"detail": "unknown field `logprobs`"})),
    })
    .await;
    let backend = model(&server, "ollama");
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
    let answer = backend.complete(&choice(&["Yes", "No"])).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.distribution), ("Yes", None));
    assert_eq!(answer.dropped, ["logprobs", "top_logprobs"]);
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::None);
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_asked_for_ever() {
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    let reply =
        |_: &crate::support::Seen| Reply::error(400, &json!({"error": "unsupported: temperature"}));
    let (answer, server) = asked(&request, reply).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(server.requests(), 2);
}

// ── recordings ──────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_recording_gives_the_same_answers_without_a_single_request() {
    let folder = Folder::new("replayed");
    let path = folder.path("good.jsonl");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::says(&format!("fine {KEY}")),
        _ => Reply::Json(token_reply("A", &[("A", 0.7), ("B", 0.1), ("C", 0.03)])),
    })
    .await;
    let secrets = vec![KEY.to_owned()];
    let recorded = Recorded::new(model(&server, "openai"), &path, secrets.clone()).unwrap();
    let again = choice(&["A", "B", "C"]).draw(1);
    let first = recorded.complete(&question()).await.unwrap();
    // A run that was killed in the middle of a line, and went on later.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"key\":\"12")).unwrap();
    let recorded = Recorded::new(model(&server, "openai"), &path, secrets).unwrap();
    let second = recorded.complete(&again).await.unwrap();
    assert_eq!(server.requests(), 2);

    let replay = Replay::open(&path).unwrap();
    assert_eq!(replay.identity(), recorded.identity());
    assert_eq!(replay.capabilities().await, recorded.capabilities().await);
    assert_eq!(replay.complete(&question()).await.unwrap(), first);
    assert_eq!(replay.complete(&again).await.unwrap(), second);
    let error = replay.complete(&begun("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRecorded);
    assert!(error.hints()[0].to_string().contains("`record`"));
    assert_eq!(server.requests(), 2);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("CANARY"));
}

#[tokio::test]
async fn a_secret_in_a_question_is_not_recorded_and_a_failure_neither() {
    let folder = Folder::new("secrets");
    let path = folder.path("r.jsonl");
    let server = Server::start(|seen| match seen.index {
        0 => Reply::error(400, &json!({})),
        _ => Reply::says("fine"),
    })
    .await;
    let backend = model(&server, "openai");
    let recorded = Recorded::new(backend, &path, vec!["hunter-\"2\"".into()]).unwrap();
    let text = "my password is hunter-\"2\"";
    let request = Request::generate(vec![Message::new(Role::User, text, Origin::Data)]);
    recorded.complete(&request).await.unwrap_err();
    recorded.complete(&request).await.unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().count(), 1);
    assert!(!written.contains("hunter") && written.contains("my password is ***"), "{written}");
    let replay = Replay::open(&path).unwrap();
    assert_eq!(replay.complete(&request).await.unwrap().text, "fine");
}

#[test]
fn a_recording_that_is_none_is_refused_with_its_place() {
    let folder = Folder::new("broken");
    let line = |key: &str, identity: &str| {
        let able = json!({"logprobs": "top", "prefill": true, "schema": true, "seed": false});
        json!({"key": key, "identity": identity, "capabilities": able, "completion": {"text": "x"}})
            .to_string()
    };
    for (text, says) in [
        (format!("{}\nnot json\n", line("1", "a")), ":2: the line is not a recorded answer"),
        (format!("{}\n\n{}\n", line("1", "a"), line("2", "b")), ":3: answers of `a` and of `b`"),
        (String::new(), "holds no answer"),
    ] {
        let path = folder.path("bad.jsonl");
        std::fs::write(&path, text).unwrap();
        let error = Replay::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(shown(&error).contains(says), "{error:?}");
    }
    assert_eq!(Replay::open(folder.path("none")).unwrap_err().kind(), ErrorKind::Io);
    let notes = folder.path("notes.txt");
    std::fs::write(&notes, "dear diary").unwrap();
    let error = Recorded::new(Replay::open(good(&folder)).unwrap(), &notes, vec![]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "dear diary");
}

fn good(folder: &Folder) -> PathBuf {
    let path = folder.path("good.jsonl");
    let able = r#"{"logprobs":"none","prefill":false,"schema":false,"seed":false}"#;
    let line = format!(
        r#"{{"key":"1","identity":"a","capabilities":{able},"completion":{{"text":"x"}}}}"#
    );
    std::fs::write(&path, line).unwrap();
    path
}
