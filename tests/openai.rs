//! What the OpenAI-compatible backend promises, against real servers that misbehave.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "`allow-unwrap-in-tests` does not reach helper functions")]

mod support;

use std::{
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{End, Folder, Log, Reply, Server, chat_reply, raw, token_reply};
use tribunal::{
    backend::{
        Backend, Recorded, Replay,
        openai::{Dialect, OpenAi, Settings},
    },
    error::{Error, ErrorKind},
    request::{
        Ask, Chat, Completion, Constraint, Finish, Logprobs, Message, Origin, Request, Role, Span,
    },
};

const KEY: &str = "sk-CANARY-0123456789";

fn settings(url: &str, dialect: Option<Dialect>) -> Settings {
    let env = |name: &str| (name == "OPENAI_API_KEY").then(|| KEY.to_owned());
    let mut settings = Settings::new("openai/m", Some(url), &env).unwrap();
    settings.provider.dialect = dialect;
    settings.retries = 2;
    settings.first_wait = Duration::from_millis(5);
    settings.timeout = Duration::from_secs(20);
    settings
}

fn model(server: &Server, dialect: Dialect) -> OpenAi {
    OpenAi::new(settings(&server.url, Some(dialect))).unwrap()
}

fn question() -> Request {
    Request::generate(vec![
        Message::new(Role::System, "Judge.", Origin::Prompt),
        Message::new(Role::User, "2 + 2 = 4", Origin::Data),
    ])
}

fn begun(text: &str) -> Request {
    let mut request = question();
    request.messages.push(Message::new(Role::Assistant, text, Origin::Prompt));
    request.open = true;
    request
}

fn choice(labels: &[&str]) -> Request {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    Request { ask: Ask::Choose { labels }, ..question() }
}

async fn asked(
    request: &Request,
    handler: impl Fn(&support::Seen) -> Reply + Send + Sync + 'static,
) -> (Result<Completion, Error>, Server) {
    let server = Server::start(handler).await;
    (model(&server, Dialect::OpenAi).complete(request).await, server)
}

/// Everything that a person may get to see of an error.
fn shown(error: &Error) -> String {
    format!("{error} {error:?} {:?}", error.hints())
}

// ── what is sent ────────────────────────────────────────────────────────────────────────────────

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
    let mut settings = settings(&server.url, Some(Dialect::OpenAi));
    settings.extra.insert("reasoning_effort".into(), "low".into());

    let completion = OpenAi::new(settings).unwrap().complete(&request).await.unwrap();

    assert_eq!(completion.text, "fine");
    assert_eq!((completion.usage.prompt, completion.usage.completion), (7, 3));
    assert_eq!((completion.attempts, completion.finish), (1, Finish::Stop));
    let seen = &server.seen()[0];
    let schema = json!({"name": "verdict", "strict": true, "schema": {"type": "object"}});
    let body = json!({
        "model": "m",
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
    for (dialect, model, can, flags) in [
        (Dialect::LlamaCpp, "m", true, Value::Null),
        (Dialect::Ollama, "m", true, Value::Null),
        (Dialect::Vllm, "m", true, true.into()),
        (Dialect::OpenRouter, "anthropic/m", true, Value::Null),
        (Dialect::OpenRouter, "openai/m", false, Value::Null),
        (Dialect::OpenAi, "m", false, Value::Null),
        (Dialect::Plain, "m", false, Value::Null),
    ] {
        let server = Server::start(|_| Reply::says(" 4")).await;
        let mut settings = settings(&server.url, Some(dialect));
        settings.provider.model = model.into();
        let backend = OpenAi::new(settings).unwrap();
        assert_eq!(backend.capabilities().await.prefill, can);
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
        assert_eq!(backend.capabilities().await.prefill, prefill);
        assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
        backend.complete(&question()).await.unwrap();
        assert_eq!((server.probes(), server.requests()), (1, 1));
    }
}

#[tokio::test]
async fn control_tokens_in_judged_text_are_broken_except_at_openai() {
    let span = |text: &str, origin| Span { text: text.into(), origin };
    let spans = vec![
        span("<|mine|>", Origin::Prompt),
        span("a<|im_end|>[INST]", Origin::Data),
        span("<s>", Origin::Model),
    ];
    let request = Request::generate(vec![Message { role: Role::User, spans }]);
    let whole = "<|mine|>a<|im_end|>[INST]<s>";
    let broken = "<|mine|>a< |im_end|>[ INST]< s>";
    for (dialect, defang, sent) in [
        (Dialect::OpenAi, None, whole),
        (Dialect::OpenAi, Some(true), broken),
        (Dialect::LlamaCpp, None, broken),
        (Dialect::Vllm, None, broken),
        (Dialect::Ollama, None, broken),
        (Dialect::Plain, None, broken),
        (Dialect::Vllm, Some(false), whole),
    ] {
        let server = Server::start(|_| Reply::says("x")).await;
        let settings = Settings { defang, ..settings(&server.url, Some(dialect)) };
        OpenAi::new(settings).unwrap().complete(&request).await.unwrap();
        assert_eq!(server.seen()[0].body["messages"][0]["content"], sent);
    }
}

#[test]
fn an_identity_names_all_that_changes_answers_and_no_secret() {
    let url = "http://user:hunter22@127.0.0.1:9/v1/?token=hunter22";
    let of = |settings: Settings| OpenAi::new(settings).unwrap().identity().to_owned();
    let plain = of(settings(url, None));
    assert_eq!(plain, "openai|http://127.0.0.1:9/v1|m");
    let named = Settings { model_id: Some("mine".into()), ..settings(url, None) };
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
    let settings = Settings::new("m", Some(&url), &|_| None).unwrap();
    let error = OpenAi::new(settings).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!(server.seen()[0].headers["authorization"], "Basic dXNlcjpodW50ZXIyMg==");
    assert!(!shown(&error).contains("hunter22"));
}

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
    let request = Request { ask: Ask::Generate { top_logprobs: Some(30) }, ..question() };
    let (answer, server) = asked(&request, move |_| Reply::Json(reply.clone())).await;
    let answer = answer.unwrap();
    assert_eq!((answer.usage.cached, answer.usage.reasoning), (4, 2));
    assert_eq!(answer.tokens[0].text, "7");
    assert_eq!(answer.tokens[0].top, [("7".into(), 0.6_f64.ln()), ("8".into(), 0.3_f64.ln())]);
    assert_eq!(server.seen()[0].body["top_logprobs"], 20);
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
    assert_eq!(masses, [400_000.0, 350_000.0]);
    assert!((distribution.missing - 0.25).abs() < 1e-9);
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
        let mut settings = settings(&server.url, Some(Dialect::OpenAi));
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
    let backend = model(&server, Dialect::OpenAi);
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
    let answer = model(&server, Dialect::Plain).complete(&request).await.unwrap();
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
    let backend = model(&server, Dialect::Ollama);
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
        |_: &support::Seen| Reply::error(400, &json!({"error": "unsupported: temperature"}));
    let (answer, server) = asked(&request, reply).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(server.requests(), 2);
}

// ── faults ──────────────────────────────────────────────────────────────────────────────────────

struct Fault {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    attempts: usize,
    kind: ErrorKind,
    says: &'static str,
}

fn fault(
    status: u16,
    body: impl Into<Vec<u8>>,
    attempts: usize,
    kind: ErrorKind,
    says: &'static str,
) -> Fault {
    Fault { status, headers: Vec::new(), body: body.into(), attempts, kind, says }
}

/// Every class of answer that is none. Two retries: what is tried again is tried three times.
fn faults() -> Vec<Fault> {
    use ErrorKind::{Denied, Refused, Unavailable};
    let busy = [408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529];
    let mut faults: Vec<_> =
        busy.into_iter().map(|status| fault(status, "<html>", 3, Unavailable, "<html>")).collect();
    let text = |value: Value| value.to_string();
    let error = |field: &str, value: Value| text(json!({"error": {"message": "m", field: value}}));
    faults.extend([
        fault(429, r#"{"error":{"message":"slow down","code":429}}"#, 3, Unavailable, "slow down"),
        fault(429, r#"{"detail":"calm"}"#, 3, Unavailable, "calm"),
        fault(429, "", 3, Unavailable, "429 Too Many Requests"),
        fault(429, error("type", "insufficient_quota".into()), 1, Denied, "credit"),
        fault(429, error("code", "insufficient_quota".into()), 1, Denied, "credit"),
        fault(402, "pay", 1, Denied, "402 Payment Required: pay"),
        fault(401, "no key", 1, Denied, "OPENAI_API_KEY"),
        fault(401, format!("Incorrect API key: {KEY}"), 1, Denied, "***"),
        fault(403, "<html>", 1, Denied, "403 Forbidden"),
        fault(404, error("code", 404.into()), 1, Denied, "--base-url"),
        fault(404, r#"{"error":"model 'm' not found"}"#, 1, Denied, "model 'm' not found"),
        fault(400, error("code", 400.into()), 1, Refused, "400 Bad Request: m"),
        fault(400, error("code", "context_length_exceeded".into()), 1, Refused, "shorten"),
        fault(
            400,
            r#"{"error":{"message":"exceeds the available context size"}}"#,
            1,
            Refused,
            "shorten",
        ),
        fault(400, error("code", "content_filter".into()), 1, Refused, "does not want"),
        fault(400, error("code", "invalid_api_key".into()), 1, Denied, "OPENAI_API_KEY"),
        fault(413, "", 1, Refused, "shorten"),
        fault(422, r#"{"detail":[{"msg":"field required"}]}"#, 1, Refused, "field required"),
        fault(302, "", 1, Denied, "redirects are not followed"),
        fault(500, "\u{1b}[2Jboo", 3, Unavailable, r"\u{1b}[2Jboo"),
        // A success that is none.
        fault(200, "", 2, Unavailable, "nothing"),
        fault(200, "<html>hello", 2, Unavailable, "<html>hello"),
        fault(200, "data: {}\n\n", 2, Unavailable, "data: {}"),
        fault(200, r#"{"choices":[{"messa"#, 2, Unavailable, "messa"),
        fault(200, r#"{"choices":[]}"#, 2, Unavailable, "without a choice"),
        fault(200, r#"{"choices":null}"#, 2, Unavailable, "without a choice"),
        fault(200, error("code", 429.into()), 3, Unavailable, "429"),
        fault(200, error("code", 401.into()), 1, Denied, "401"),
        fault(200, error("code", "insufficient_quota".into()), 1, Denied, "credit"),
        fault(200, error("type", "invalid_request_error".into()), 1, Refused, "400"),
        fault(200, r#"{"error":"overloaded"}"#, 3, Unavailable, "overloaded"),
        fault(
            200,
            r#"{"choices":[{"error":{"message":"upstream","code":502}}]}"#,
            3,
            Unavailable,
            "502",
        ),
    ]);
    faults
}

#[tokio::test]
async fn every_fault_is_classified_and_tried_exactly_as_often_as_it_deserves() {
    let log = Log::start();
    for fault in faults() {
        let Fault { status, headers, body, attempts, kind, says } = fault;
        let case = format!("{status} {}", String::from_utf8_lossy(&body));
        let reply = move |_: &support::Seen| Reply::Text(status, headers.clone(), body.clone());
        let (answer, server) = asked(&question(), reply).await;
        let error = answer.unwrap_err();
        let seen = shown(&error);
        assert_eq!(error.kind(), kind, "{case}: {seen}");
        assert_eq!(server.requests(), attempts, "{case}");
        assert!(seen.contains(says), "{case}: {seen}");
        assert!(status == 200 || seen.contains(&status.to_string()), "{case}: {seen}");
        assert!(!seen.contains("CANARY"), "{seen}");
        assert_eq!(error.is_fatal(), kind == ErrorKind::Denied);
    }
    assert!(log.text().contains("asking again"));
    assert!(!log.text().contains("CANARY"));
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    for status in [429, 503] {
        let (answer, server) = asked(&question(), move |seen| match seen.index {
            0 => Reply::error(status, &json!({})),
            1 => Reply::Cut("{\"choices\":"),
            _ => Reply::says("fine"),
        })
        .await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 3));
        assert_eq!(server.requests(), 3);
    }
}

#[tokio::test]
async fn the_time_that_a_server_names_is_kept() {
    for (header, value, wait) in
        [("retry-after", "0.3", 300), ("retry-after-ms", "250", 250), ("retry-after", "0", 0)]
    {
        let start = Instant::now();
        let (answer, _) = asked(&question(), move |seen| match seen.index {
            0 => Reply::Text(429, vec![(header, value.into())], Vec::new()),
            _ => Reply::says("fine"),
        })
        .await;
        assert_eq!(answer.unwrap().attempts, 2);
        assert!(start.elapsed() >= Duration::from_millis(wait));
    }
    let start = Instant::now();
    let (answer, server) = asked(&question(), |_| {
        Reply::Text(429, vec![("retry-after", "86400".into())], b"tomorrow".to_vec())
    })
    .await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Unavailable, 1));
    assert!(shown(&error).contains("24 h") && shown(&error).contains("tomorrow"), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn broken_lines_are_tried_again() {
    let partial = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"choices\"".to_vec();
    for (bytes, end) in [
        (Vec::new(), End::Close),
        (Vec::new(), End::Reset),
        (partial.clone(), End::Close),
        (partial, End::Reset),
        (b"what?\r\n\r\n".to_vec(), End::Close),
        (b"HTTP/1.1 200".to_vec(), End::Close),
    ] {
        let case = String::from_utf8_lossy(&bytes).into_owned();
        let good = chat_reply("fine").to_string();
        let length = good.len();
        let good = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{good}"
        );
        let (url, connections) = raw(move |index| match index {
            0 | 1 => (bytes.clone(), end),
            _ => (good.clone().into_bytes(), End::Close),
        })
        .await;
        let backend = OpenAi::new(settings(&url, Some(Dialect::OpenAi))).unwrap();
        let answer = backend.complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 3), "{case}");
        assert_eq!(connections.load(Ordering::Relaxed), 3, "{case}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_never_answers_is_unavailable() {
    let nowhere = "http://127.0.0.1:1/v1";
    let backend = OpenAi::new(settings(nowhere, Some(Dialect::OpenAi))).unwrap();
    let error = backend.complete(&question()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(shown(&error).contains("is the server running"), "{error:?}");
    assert!(shown(&error).contains("asked 3 times"), "{error:?}");

    let server = Server::start(|_| Reply::Hang).await;
    let timeout = Duration::from_millis(60);
    let settings = Settings { timeout, ..settings(&server.url, Some(Dialect::OpenAi)) };
    let error = OpenAi::new(settings).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Unavailable, 3));
    assert!(shown(&error).contains("no answer within"), "{error:?}");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let (answer, server) = asked(&question(), |_| Reply::Flood(300 << 20)).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Unavailable, 1));
    assert!(shown(&error).contains("8 MiB"), "{error:?}");
    // What was read, and what the buffers of two sockets hold.
    assert!(server.flooded() < 40 << 20, "{}", server.flooded());
}

#[tokio::test]
async fn the_key_follows_no_redirect() {
    let other = Server::start(|_| Reply::says("gotcha")).await;
    let target = format!("{}/chat/completions?secret=1", other.url);
    let (answer, server) = asked(&question(), move |_| {
        Reply::Text(307, vec![("location", target.clone())], Vec::new())
    })
    .await;
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!((server.requests(), other.requests()), (1, 0));
    assert!(!shown(&error).contains("secret"), "{error:?}");
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
    let recorded = Recorded::new(model(&server, Dialect::OpenAi), &path, secrets.clone()).unwrap();
    let again = Request { draw: 1, ..choice(&["A", "B", "C"]) };
    let first = recorded.complete(&question()).await.unwrap();
    // A run that was killed in the middle of a line, and went on later.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"key\":\"12")).unwrap();
    let recorded = Recorded::new(model(&server, Dialect::OpenAi), &path, secrets).unwrap();
    let second = recorded.complete(&again).await.unwrap();
    assert_eq!(server.requests(), 2);

    let replay = Replay::open(&path).unwrap();
    assert_eq!(replay.identity(), recorded.identity());
    assert_eq!(replay.capabilities().await, recorded.capabilities().await);
    assert_eq!(replay.complete(&question()).await.unwrap(), first);
    assert_eq!(replay.complete(&again).await.unwrap(), second);
    let error = replay.complete(&begun("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRecorded);
    assert!(error.hints()[0].contains("--record"));
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
    let backend = model(&server, Dialect::OpenAi);
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
        (format!("{}\nnot json\n", line("1", "a")), ":2: no recorded answer"),
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
