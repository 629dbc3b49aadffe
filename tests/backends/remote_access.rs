//! Keys that come back, and how servers are reached and named.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]

use std::process::Stdio;

use serde_json::json;
use tribunal::{
    backend::{
        Ability, Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    request::Ask,
};

use crate::support::{
    Place, Ran, Reply, Server, listen, logged,
    openai::{KEY, asked, question, settings, shown},
};

const RECORDS: &str = "{\"id\":\"a\",\"question\":\"2+2?\",\"answer\":\"4\"}\n";

// ── secrets ────────────────────────────────────────────────────────────────────────────────────────

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

// ── reaching a server ──────────────────────────────────────────────────────────────────────────────

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
