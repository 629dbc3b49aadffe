//! What servers say and do that no document names: found in reports of people who met it.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]

use std::{io::Write as _, process::Stdio};

use crate::support::{
    Place, Ran, Reply, Seen, Server, chat_reply, listen, logged, obedient,
    openai::{KEY, asked, choice, model, question, retried, settings, shown},
    token_reply,
};
use serde_json::{Value, json};
use tribunal::{
    backend::{
        Ability, Backend, Logprobs,
        openai::{OpenAi, OpenAiOptions},
    },
    completion::Finish,
    error::ErrorKind,
    request::{Ask, Request},
};

const RECORDS: &str = "{\"id\":\"a\",\"question\":\"2+2?\",\"answer\":\"4\"}\n";

/// An answer of the model that ends with this finish reason.
fn ending(text: &str, reason: &Value) -> Value {
    let mut reply = chat_reply(text);
    reply["choices"][0]["finish_reason"] = reason.clone();
    reply
}

async fn judged(place: &Place, server: &Server, more: &[&str]) -> Ran {
    let file = place.file("r.jsonl", RECORDS);
    obedient::run(place, server, &[&["judge", &file, "-p", "score", "--reask", "0"], more].concat())
        .await
}

// ── how an answer ends ──────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_text_is_whole_only_where_its_finish_reason_is_a_clean_end() {
    let clean = [
        json!("stop"),
        json!("STOP"),
        json!("eos"),
        json!("EOS_TOKEN"),
        json!("end_turn"),
        json!("stop_sequence"),
        json!("COMPLETE"),
        json!("completed"),
        json!("done"),
        json!(""),
        json!(null),
        json!({"type": "stop", "matched": 2}),
    ];
    let cut = ["length", "MAX_TOKENS", "model_length", "max_length", "max_output_tokens"];
    let filtered = ["content_filter", "SAFETY", "refusal", "RECITATION", "PROHIBITED_CONTENT"];
    let other = ["error", "OTHER", "weird", "2"];
    for reason in &clean {
        let reply = ending("Score: 9", reason);
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        assert_eq!(answer.unwrap().finish, Finish::Stop, "{reason}");
    }
    for (words, finish) in [(cut, Finish::Length), (filtered, Finish::Filtered)] {
        for word in words {
            let reply = ending("Score: 9", &word.into());
            let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
            assert_eq!(answer.unwrap().finish, finish, "{word}");
        }
    }
    for word in other {
        let reply = ending("Score: 9", &word.into());
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        assert_eq!(answer.unwrap().finish, Finish::Other(word.into()), "{word}");
    }
}

#[tokio::test]
async fn half_a_text_is_unreadable_and_its_unknown_end_is_named() {
    let place = Place::new("remote-half");
    let half = "Score: 9 would be too kind, for";
    for (word, reason) in [
        ("MAX_TOKENS", "truncated"),
        ("model_length", "truncated"),
        ("error", "truncated"),
        ("weird", "truncated"),
        ("SAFETY", "refused"),
    ] {
        let server = Server::start(move |_| Reply::Json(ending(half, &word.into()))).await;
        let ran = judged(&place, &server, &["--cache", "off"]).await;
        assert_eq!(ran.lines()[0]["unreadable"]["reason"], reason, "{word}: {}", ran.out);
        let named = ran.err.matches(&format!("`{word}`")).count();
        let expected = if matches!(word, "error" | "weird") { 2 } else { 0 };
        assert_eq!(named, expected, "once as it comes and once in the summary: {}", ran.err);
    }
}

#[tokio::test]
async fn a_clean_end_of_ones_own_is_listed_in_the_configuration() {
    let place = Place::new("remote-clean");
    let server = Server::start(|_| Reply::Json(ending("Fine.\nScore: 9", &"Weird".into()))).await;
    place.file(
        "tribunal.toml",
        format!("[model.odd]\nname = \"m\"\nbase_url = \"{}\"\n", server.url),
    );
    let file = place.file("r.jsonl", RECORDS);
    let run = async |args: &[&str]| {
        let mut command = place.command(args);
        command.env("OPENAI_API_KEY", "k").stdin(Stdio::null());
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
    };
    let judge = ["judge", &file, "-c", "tribunal.toml", "-m", "odd", "-p", "score", "--reask", "0"];
    let line = |ran: &Ran| ran.lines()[0].clone();

    let cut = run(&[judge.as_slice(), &["--record", "t.jsonl"]].concat()).await;
    assert_eq!(line(&cut)["unreadable"]["reason"], "truncated", "{}", cut.err);
    assert!(cut.err.contains("clean_finish"), "{}", cut.err);
    assert_eq!(line(&cut)["votes"][0]["calls"][0]["finish"], "Weird");
    let remembered = run(&judge).await;
    assert_eq!(line(&remembered)["unreadable"]["reason"], "truncated");
    let replayed = run(&["judge", &file, "-m", "replay:t.jsonl", "-p", "score"]).await;
    assert_eq!(line(&replayed)["unreadable"]["reason"], "truncated", "{}", replayed.err);
    place.file("old.jsonl", &cut.out);
    let reparsed = run(&["reparse", "old.jsonl"]).await;
    assert_eq!(line(&reparsed)["unreadable"]["reason"], "truncated", "{}", reparsed.err);

    let asked = server.requests();
    place.file(
        "tribunal.toml",
        format!(
            "[model.odd]\nname = \"m\"\nbase_url = \"{}\"\nclean_finish = [\"WEIRD\"]\n",
            server.url
        ),
    );
    let whole = run(&judge).await;
    assert_eq!(line(&whole)["score"], 9, "{}", whole.err);
    assert!(!whole.err.contains("eird"), "{}", whole.err);
    assert_eq!(server.requests(), asked, "the answer was remembered with its own word");
    let reparsed = run(&["reparse", "old.jsonl", "-c", "tribunal.toml", "-m", "odd"]).await;
    assert_eq!(line(&reparsed)["score"], 9, "{}", reparsed.err);
}

#[tokio::test]
async fn an_answer_of_tool_calls_only_is_said_to_be_one() {
    let place = Place::new("remote-tools");
    let mut reply = ending("", &"tool_calls".into());
    reply["choices"][0]["message"] = json!({
        "content": null,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    });
    for reason in ["tool_calls", "stop", "function_call"] {
        reply["choices"][0]["finish_reason"] = reason.into();
        let sent = reply.clone();
        let server = Server::start(move |_| Reply::Json(sent.clone())).await;
        let ran = judged(&place, &server, &["--cache", "off"]).await;
        let why = &ran.lines()[0]["unreadable"];
        assert_eq!(why["reason"], "empty", "{reason}: {}", ran.out);
        assert!(why["detail"].as_str().unwrap().contains("tool calls only"), "{why}");
    }
}

// ── parameters that a model refuses ─────────────────────────────────────────────────────────────

/// A server that answers 400 with this error as long as the field is sent.
async fn refusing(field: &'static str, error: Value) -> Server {
    Server::start(move |seen| match seen.body.get(field) {
        Some(_) => Reply::error(400, &error),
        None => Reply::says("fine"),
    })
    .await
}

fn sampled() -> Request {
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    request.sampling.top_p = Some(0.9);
    request.sampling.seed = Some(3);
    request.constraint = Some(tribunal::request::Constraint::Schema(json!({"type": "object"})));
    request
}

#[tokio::test]
async fn a_parameter_is_dropped_whatever_words_refuse_it() {
    let said = |message: &str| json!({"error": {"message": message}});
    let raw = json!({"error": {"message": "invalid temperature: only 1 is allowed"}}).to_string();
    for (field, error) in [
        ("temperature", said("invalid temperature: only 1 is allowed for this model")),
        ("temperature", said("`temperature` is deprecated for this model.")),
        ("top_p", said("`temperature` and `top_p` cannot both be specified for this model.")),
        ("response_format", said("This response_format type is unavailable now")),
        ("response_format", said("Structured outputs are not supported by this model")),
        ("temperature", said("temperature must be 1 when thinking is enabled")),
        (
            "temperature",
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}}),
        ),
        (
            "seed",
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
        ),
        ("seed", json!([{"error": {"message": "Unknown name \"seed\": Cannot find field."}}])),
        ("top_p", json!({"error": {"message": "no", "unsupported_parameters": ["top_p"]}})),
    ] {
        listen();
        let case = error.to_string();
        let server = refusing(field, error).await;
        let backend = model(&server, "openai");
        let first = backend.complete(&sampled()).await.unwrap();
        let second = backend.complete(&sampled()).await.unwrap();
        assert_eq!((first.text.as_str(), first.attempts), ("fine", 2), "{case}");
        assert_eq!((first.dropped, second.attempts), (vec![field.to_owned()], 1), "{case}");
        assert_eq!(logged().matches("is no longer sent").count(), 1, "{case}");
    }
}

#[tokio::test]
async fn what_an_error_names_by_accident_is_sent_again() {
    // The error repeats the judged text, which speaks of a temperature.
    let server = Server::start(|seen| match seen.index {
        0 | 1 => Reply::error(400, &json!({"error": "bad text: the temperature of the sun"})),
        _ => Reply::says("fine"),
    })
    .await;
    let backend = model(&server, "openai");
    let error = backend.complete(&sampled()).await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Refused, 2));
    let next = backend.complete(&sampled()).await.unwrap();
    assert!(next.dropped.is_empty() && server.seen()[2].body.get("temperature").is_some());
}

#[tokio::test]
async fn a_value_that_the_user_must_mend_is_an_error() {
    let mut hot = question();
    hot.sampling.temperature = Some(5.0);
    let mut long = question();
    long.sampling.max_tokens = Some(9_000_000);
    for (request, message) in [
        (hot, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2."),
        (long, "max_completion_tokens is too large: 9000000. This model supports at most 4096."),
    ] {
        let error = json!({"error": {"message": message}});
        let (answer, server) = asked(&request, move |_| Reply::error(400, &error)).await;
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), server.requests()), (ErrorKind::Refused, 1), "{error:?}");
        assert!(shown(&error).contains(message), "{error:?}");
    }
}

// ── errors ──────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_bad_key_ends_the_run_and_its_message_is_shown() {
    let place = Place::new("remote-key");
    let records: String = (0..60)
        .map(|n| format!("{{\"id\":\"{n}\",\"question\":\"q\",\"answer\":\"{n}\"}}\n"))
        .collect();
    let file = place.file("many.jsonl", records);
    let google = json!([{"error": {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
    }}]);
    for error in [google, json!({"detail": "Invalid API key"})] {
        let shown = if error.is_array() { "API key not valid" } else { "Invalid API key" };
        let server = Server::start(move |_| Reply::error(400, &error)).await;
        let args = ["judge", &file, "-p", "score", "-j", "2", "--cache", "off"];
        let ran = obedient::run(&place, &server, &args).await;
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains(shown), "{}", ran.err);
        assert!(server.requests() <= 8, "{} requests", server.requests());
    }
}

#[tokio::test]
async fn one_lost_page_costs_no_run() {
    let server = Server::start(|seen| match seen.index {
        1 => Reply::Text(404, vec![], b"<html>404 not found</html>".to_vec()),
        _ => Reply::says("fine"),
    })
    .await;
    let backend = retried(&server, "openai");
    backend.complete(&question()).await.unwrap();
    assert_eq!(backend.complete(&question()).await.unwrap().attempts, 2);

    // A server that never answered is not there at all.
    let page = |_: &Seen| Reply::Text(404, vec![], b"404 page not found".to_vec());
    let server = Server::start(page).await;
    let error = retried(&server, "openai").complete(&question()).await.unwrap_err();
    assert!(error.is_fatal() && server.requests() == 2, "{error:?}");

    // A model that is gone is gone.
    let gone = json!({"error": {"message": "The model `m` does not exist"}});
    let server = Server::start(move |seen| match seen.index {
        0 => Reply::says("fine"),
        _ => Reply::error(404, &gone),
    })
    .await;
    let backend = model(&server, "openai");
    backend.complete(&question()).await.unwrap();
    assert!(backend.complete(&question()).await.unwrap_err().is_fatal());
}

#[tokio::test]
async fn a_page_that_refuses_one_text_ends_no_run() {
    let server = Server::start(|seen| match seen.index {
        0 => Reply::says("fine"),
        _ => Reply::Text(403, vec![], b"<html>blocked</html>".to_vec()),
    })
    .await;
    let backend = model(&server, "openai");
    backend.complete(&question()).await.unwrap();
    let error = backend.complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Refused, false), "{error:?}");
}

#[tokio::test]
async fn what_would_fail_again_is_not_transient() {
    let (answer, _) = asked(&question(), |_| Reply::Flood(9 << 20)).await;
    assert!(!answer.unwrap_err().is_transient());
    let (answer, _) = asked(&question(), |_| Reply::error(503, &json!({}))).await;
    assert!(answer.unwrap_err().is_transient());
}

#[tokio::test]
async fn the_requests_of_a_failed_record_are_counted() {
    let place = Place::new("remote-count");
    let server = Server::start(|_| Reply::error(400, &json!({"error": "no"}))).await;
    let ran = judged(&place, &server, &["--cache", "off"]).await;
    assert_eq!(server.requests(), 1);
    assert!(ran.err.contains("1 requests"), "{}", ran.err);
}

// ── bodies ──────────────────────────────────────────────────────────────────────────────────────

#[expect(clippy::needless_pass_by_value, reason = "cases read better without borrows")]
fn piece(delta: Value, end: Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
    format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
}

#[tokio::test]
async fn a_stream_that_nobody_asked_for_is_read() {
    let begun = piece(json!({"role": "assistant", "content": ""}), Value::Null)
        + &piece(json!({"reasoning_content": "hm"}), Value::Null)
        + &piece(json!({"content": "Sco"}), Value::Null);
    let ended = piece(json!({"content": "re: 7"}), "stop".into());
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
    let stream = format!(": ping\n\n{begun}{ended}{usage}data: [DONE]\n\n");
    for body in [stream.clone(), stream.replace('\n', "\r\n")] {
        let headers = vec![("content-type", "text/event-stream".to_owned())];
        let (answer, server) = asked(&question(), move |_| {
            Reply::Text(200, headers.clone(), body.clone().into_bytes())
        })
        .await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.thinking.as_deref()), ("Score: 7", Some("hm")));
        assert_eq!((answer.usage.prompt, answer.usage.completion), (Some(5), Some(2)));
        assert_eq!(server.seen()[0].body["stream"], false);
    }
    let whole = format!("{}\ndata: [DONE]\n\n", chat_reply("fine"));
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, vec![], whole.clone().into_bytes())).await;
    assert_eq!(answer.unwrap().text, "fine");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_asked_for_again() {
    let begun = piece(json!({"content": "Score: 9"}), Value::Null);
    let server = Server::start(move |seen| match seen.index {
        0 => Reply::Text(200, vec![], begun.clone().into_bytes()),
        _ => Reply::says("fine"),
    })
    .await;
    let answer = retried(&server, "openai").complete(&question()).await;
    assert_eq!((answer.unwrap().text.as_str(), server.requests()), ("fine", 2));
}

#[tokio::test]
async fn an_error_within_a_stream_is_an_error() {
    let body = piece(json!({"content": "Sco"}), Value::Null)
        + "data: {\"error\":{\"message\":\"overloaded\",\"code\":429}}\n\n";
    let (answer, server) =
        asked(&question(), move |_| Reply::Text(200, vec![], body.clone().into_bytes())).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::RateLimited, 1));
    assert!(shown(&error).contains("overloaded"), "{error:?}");
}

#[tokio::test]
async fn packed_answers_are_unpacked() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(chat_reply("fine").to_string().as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let headers = vec![("content-encoding", "gzip".to_owned())];
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, headers.clone(), body.clone())).await;
    assert_eq!(answer.unwrap().text, "fine");
    let headers = vec![("content-encoding", "br".to_owned())];
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, headers.clone(), b"xyz".to_vec())).await;
    assert!(shown(&answer.unwrap_err()).contains("`br`"));
}

#[tokio::test]
async fn the_first_choice_is_the_one_of_the_least_index() {
    let choice = |index: u64, text: &str| json!({"index": index, "message": {"content": text}, "finish_reason": "stop"});
    let reply = json!({"choices": [choice(1, "second"), choice(0, "first")]});
    let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
    assert_eq!(answer.unwrap().text, "first");
}

// ── what is not reported ────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn tokens_that_are_not_reported_are_unknown_and_cost_nobody_knows_what() {
    let place = Place::new("remote-usage");
    for usage in [json!(null), json!({}), json!({"prompt_tokens": 0, "completion_tokens": 0})] {
        let mut reply = chat_reply("Fine.\nScore: 9");
        reply["usage"] = usage.clone();
        let server = Server::start(move |_| Reply::Json(reply.clone())).await;
        place.file(
            "tribunal.toml",
            format!(
                "[model.m]\nname = \"x\"\nbase_url = \"{}\"\nprice = {{ prompt = 1.0, completion = 2.0 }}\n",
                server.url
            ),
        );
        let file = place.file("r.jsonl", RECORDS);
        let mut command = place.command(&[
            "judge",
            &file,
            "-c",
            "tribunal.toml",
            "-m",
            "m",
            "-p",
            "score",
            "--cache",
            "off",
        ]);
        command.stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let ran = Ran::of(output.unwrap());
        let line = &ran.lines()[0];
        assert_eq!((&line["score"], &line["cost"]), (&json!(9), &Value::Null), "{usage}");
        assert!(ran.err.contains("cost unknown"), "{}", ran.err);
        assert!(ran.err.contains("did not report the tokens of 1 answers"), "{}", ran.err);
    }
}

#[tokio::test]
async fn log_probabilities_that_never_come_are_said_once() {
    listen();
    let mut reply = chat_reply("Yes");
    reply["choices"][0]["logprobs"] = Value::Null;
    let server = Server::start(move |_| Reply::Json(reply.clone())).await;
    let backend = model(&server, "openai");
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
    let request = question().ask(Ask::Generate { top_logprobs: Some(20) });
    backend.complete(&request).await.unwrap();
    assert_eq!(backend.complete(&choice(&["Yes", "No"])).await.unwrap().distribution, None);
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::None);
    assert_eq!(logged().matches("reports no log-probabilities").count(), 1);

    // One that came shows that they can be had.
    let server = Server::start(|seen| match seen.index {
        0 => Reply::Json(token_reply("Yes", &[("Yes", 0.8), ("No", 0.2)])),
        _ => Reply::says("Yes"),
    })
    .await;
    let backend = model(&server, "openai");
    backend.complete(&choice(&["Yes", "No"])).await.unwrap();
    backend.complete(&choice(&["Yes", "No"])).await.unwrap();
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
}

// ── secrets ─────────────────────────────────────────────────────────────────────────────────────

/// The key as JSON may write it: no two characters in a row as they are.
fn escaped_key() -> String {
    KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
}

#[tokio::test]
async fn a_key_that_comes_back_escaped_is_hidden_in_every_value() {
    listen();
    let key = escaped_key();
    let body = format!(
        r#"{{"model":"{key}","choices":[{{"message":{{"content":"a {key}","reasoning":"b {key}"}},
        "finish_reason":"{key}","logprobs":{{"content":[{{"token":"{key}","logprob":-1,"top_logprobs":[]}}]}}}}]}}"#
    );
    let request = question().ask(Ask::Generate { top_logprobs: Some(5) });
    let (answer, _) =
        asked(&request, move |_| Reply::Text(200, vec![], body.clone().into_bytes())).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.thinking.as_deref()), ("a ***", Some("b ***")));
    assert!(!format!("{answer:?}").contains("CANARY"), "{answer:?}");

    let nested = json!({"error": {"message": "up", "metadata": {"raw": format!("{{\"message\":\"{}\"}}", escaped_key())}}});
    for (status, body) in [
        (401, format!(r#"{{"error":{{"message":"wrong key {}"}}}}"#, escaped_key())),
        (400, nested.to_string()),
        (200, format!("not json: {}", escaped_key())),
        (200, format!(r#"{{"error":"{}"}}"#, escaped_key())),
        (500, format!("<html>{KEY}</html>")),
    ] {
        let case = body.clone();
        let (answer, _) =
            asked(&question(), move |_| Reply::Text(status, vec![], body.clone().into_bytes()))
                .await;
        let seen = shown(&answer.unwrap_err());
        assert!(!seen.contains("CANARY") && !seen.contains("u0041"), "{case}: {seen}");
        assert!(seen.contains("***"), "{case}: {seen}");
    }
    assert!(!logged().contains("CANARY"), "{}", logged());
}

#[tokio::test]
async fn what_looks_like_no_secret_stays_in_a_recording() {
    let place = Place::new("remote-recording");
    let server =
        Server::start(|_| Reply::says("us-intl-altgr hunter2hunter2 TOKENIZERS\nScore: 9")).await;
    let file = place.file("r.jsonl", RECORDS);
    let mut command = place.command(&[
        "judge",
        &file,
        "-m",
        "m",
        "--base-url",
        &server.url,
        "-p",
        "score",
        "--record",
        "t.jsonl",
    ]);
    command
        .env("KEYBOARD", "us-intl-altgr")
        .env("TOKENIZERS_PARALLELISM", "TOKENIZERS")
        .env("DB_PASSWORD", "hunter2hunter2")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let ran = Ran::of(output.unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let recording = place.read("t.jsonl");
    assert!(recording.contains("us-intl-altgr *** TOKENIZERS"), "{recording}");
}

// ── reaching a server ───────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_server_that_was_not_there_at_first_is_asked_again_what_it_is() {
    let models = json!({"data": [{"id": "m", "owned_by": "vllm"}]});
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let backend = OpenAi::new(settings(&format!("http://127.0.0.1:{port}/v1"), None)).unwrap();
    assert_eq!(backend.capabilities().await.prefill, Ability::Unknown);
    let address = format!("127.0.0.1:{port}");
    let server = Server::at(&address, models, |_| Reply::says("x")).await;
    assert_eq!(backend.capabilities().await.prefill, Ability::Yes);
    assert_eq!(backend.capabilities().await.prefill, Ability::Yes);
    assert_eq!(server.probes(), 1);
}

#[tokio::test]
async fn a_server_without_a_list_of_models_is_asked_for_it_once() {
    let server = Server::with_models(json!("no list"), |_| Reply::says("x")).await;
    let backend = OpenAi::new(settings(&server.url, None)).unwrap();
    backend.capabilities().await;
    backend.complete(&question()).await.unwrap();
    assert_eq!(server.probes(), 1);
}

#[test]
fn a_proxy_is_named_where_it_cannot_be_reached() {
    let place = Place::new("remote-proxy");
    let file = place.file("r.jsonl", RECORDS);
    let mut command = place.command(&[
        "judge",
        &file,
        "-m",
        "m",
        "--base-url",
        "http://judge.example/v1",
        "-p",
        "score",
    ]);
    command.env("HTTP_PROXY", "http://user:hunter22@127.0.0.1:1").stdin(Stdio::null());
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("the proxy 127.0.0.1:1"), "{}", ran.err);
    assert!(!ran.err.contains("hunter22"), "{}", ran.err);
}

#[test]
fn names_and_keys_that_mean_nothing_are_refused_in_plain_words() {
    let place = Place::new("remote-names");
    let file = place.file("r.jsonl", RECORDS);
    let judge = |name: &str, key: Option<&str>| {
        let mut command = place.command(&["judge", &file, "-m", name]);
        command.stdin(Stdio::null());
        key.map(|key| command.env("OPENAI_API_KEY", key));
        Ran::of(command.output().unwrap())
    };
    let unknown = judge("gpt-9", None);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("unknown model `gpt-9`: expected a .gguf file or PROVIDER/MODEL"),
        "{}",
        unknown.err
    );
    let broken = judge("openai/gpt-5", Some("sk-\u{1}12345678"));
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("OPENAI_API_KEY is not a valid header value"), "{}", broken.err);
    for empty in ["", "  "] {
        let none = judge("openai/gpt-5", Some(empty));
        assert!(none.err.contains("OPENAI_API_KEY is empty"), "{}", none.err);
    }
}

#[tokio::test]
async fn a_key_between_blanks_is_sent_and_hidden_without_them() {
    let env = |name: &str| (name == "OPENAI_API_KEY").then(|| format!(" {KEY}\n"));
    let server = Server::start(|_| Reply::says(&format!("x {KEY}"))).await;
    let settings = OpenAiOptions::new("openai/m", Some(&server.url), &env).unwrap();
    let answer = OpenAi::new(settings).unwrap().complete(&question()).await.unwrap();
    assert_eq!(answer.text, "x ***");
    assert_eq!(server.seen()[0].headers["authorization"], format!("Bearer {KEY}"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_that_is_to_stop_sends_no_failed_request_again() {
    stops_without_another_try("judge", &[]).await;
    stops_without_another_try("revise", &["--pass", "score >= 5", "--final-judge", "none"]).await;
}

#[cfg(unix)]
#[expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
async fn stops_without_another_try(command: &str, more: &[&str]) {
    let place = Place::new(&format!("remote-stop-{command}"));
    let file = place.file("r.jsonl", RECORDS);
    // So long a wait that only the signal ends it.
    let server = Server::start(|seen| match seen.index {
        0 => Reply::Text(429, vec![("retry-after", "100".into())], Vec::new()),
        _ => Reply::says("Fine.\nScore: 9"),
    })
    .await;
    let args = [command, &file, "-m", "m", "--base-url", &server.url, "-p", "score"];
    let args = [&args[..], &["--cache", "off", "-o", "out.jsonl"], more].concat();
    let child = place.start(&args);
    while server.requests() < 1 {
        tokio::task::yield_now().await;
    }
    let ran = Ran::interrupted(child).await;
    assert_eq!((ran.code, server.requests()), (130, 1), "{}", ran.err);
    assert_eq!(place.read("out.jsonl"), "", "it is as good as never begun");
    let again = Ran::ended(place.start(&args)).await;
    assert_eq!((again.code, server.requests()), (0, 2), "{}", again.err);
}
