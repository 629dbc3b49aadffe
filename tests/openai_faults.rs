//! What becomes of a request when the server or the line fails: exact tries, no status lost.

#![cfg(feature = "openai")]

mod support;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{
    End, Reply, Server, chat_reply, listen, logged,
    openai::{KEY, asked, question, settings, shown},
    raw,
};
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    error::ErrorKind,
};

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
    use ErrorKind::{
        NotFound, Overloaded, Quota, RateLimited, Refused, TimedOut, TooLong, Unauthorized,
    };
    let busy = [408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529];
    let kind = |status| match status {
        429 => RateLimited,
        408 | 504 | 522 | 524 => TimedOut,
        _ => Overloaded,
    };
    let mut faults: Vec<_> =
        busy.into_iter().map(|status| fault(status, "<html>", 3, kind(status), "<html>")).collect();
    let text = |value: Value| value.to_string();
    let error = |field: &str, value: Value| text(json!({"error": {"message": "m", field: value}}));
    faults.extend([
        fault(429, r#"{"error":{"message":"slow down","code":429}}"#, 3, RateLimited, "slow down"),
        fault(429, r#"{"detail":"calm"}"#, 3, RateLimited, "calm"),
        fault(429, "", 3, RateLimited, "429 Too Many Requests"),
        fault(429, error("type", "insufficient_quota".into()), 1, Quota, "credit"),
        fault(429, error("code", "insufficient_quota".into()), 1, Quota, "credit"),
        fault(402, "pay", 1, Quota, "402 Payment Required: pay"),
        fault(401, "no key", 1, Unauthorized, "OPENAI_API_KEY"),
        fault(401, format!("Incorrect API key: {KEY}"), 1, Unauthorized, "***"),
        fault(403, "<html>", 1, Unauthorized, "403 Forbidden"),
        fault(404, error("code", 404.into()), 1, NotFound, "--base-url"),
        fault(404, r#"{"error":"model 'm' not found"}"#, 1, NotFound, "model 'm' not found"),
        fault(400, error("code", 400.into()), 1, Refused, "400 Bad Request: m"),
        fault(400, error("code", "context_length_exceeded".into()), 1, TooLong, "shorten"),
        fault(
            400,
            r#"{"error":{"message":"exceeds the available context size"}}"#,
            1,
            TooLong,
            "shorten",
        ),
        fault(400, error("code", "content_filter".into()), 1, Refused, "does not want"),
        fault(400, error("code", "invalid_api_key".into()), 1, Unauthorized, "OPENAI_API_KEY"),
        fault(413, "", 1, TooLong, "shorten"),
        fault(422, r#"{"detail":[{"msg":"field required"}]}"#, 1, Refused, "field required"),
        fault(302, "", 1, NotFound, "redirects are not followed"),
        fault(500, "\u{1b}[2Jboo", 3, Overloaded, r"\u{1b}[2Jboo"),
        // A success that is none.
        fault(200, "", 2, Overloaded, "nothing"),
        fault(200, "<html>hello", 2, Overloaded, "<html>hello"),
        fault(200, "data: {}\n\n", 2, Overloaded, "data: {}"),
        fault(200, r#"{"choices":[{"messa"#, 2, Overloaded, "messa"),
        fault(200, r#"{"choices":[]}"#, 2, Overloaded, "without a choice"),
        fault(200, r#"{"choices":null}"#, 2, Overloaded, "without a choice"),
        fault(200, error("code", 429.into()), 3, RateLimited, "429"),
        fault(200, error("code", 401.into()), 1, Unauthorized, "401"),
        fault(200, error("code", "insufficient_quota".into()), 1, Quota, "credit"),
        fault(200, error("type", "invalid_request_error".into()), 1, Refused, "400"),
        fault(200, r#"{"error":"overloaded"}"#, 3, Overloaded, "overloaded"),
        fault(
            200,
            r#"{"choices":[{"error":{"message":"upstream","code":502}}]}"#,
            3,
            Overloaded,
            "502",
        ),
    ]);
    faults
}

#[tokio::test]
async fn every_fault_is_classified_and_tried_exactly_as_often_as_it_deserves() {
    listen();
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
        assert_eq!(error.is_fatal(), kind.is_fatal());
        assert_eq!(ErrorKind::named(kind.name()), Some(kind));
    }
    assert!(logged().contains("asking again"));
    assert!(!logged().contains("CANARY"));
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
    assert_eq!((error.kind(), server.requests()), (ErrorKind::RateLimited, 1));
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
        let backend = OpenAi::new(settings(&url, Some("openai"))).unwrap();
        let answer = backend.complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 3), "{case}");
        assert_eq!(connections.load(Ordering::Relaxed), 3, "{case}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_never_answers_is_unavailable() {
    let nowhere = "http://127.0.0.1:1/v1";
    let backend = OpenAi::new(settings(nowhere, Some("openai"))).unwrap();
    let error = backend.complete(&question()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(shown(&error).contains("is the server running"), "{error:?}");
    assert!(shown(&error).contains("asked 3 times"), "{error:?}");

    let server = Server::start(|_| Reply::Hang).await;
    let timeout = Duration::from_millis(60);
    let settings = OpenAiOptions { timeout, ..settings(&server.url, Some("openai")) };
    let error = OpenAi::new(settings).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::TimedOut, 3));
    assert!(shown(&error).contains("no answer within"), "{error:?}");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let (answer, server) = asked(&question(), |_| Reply::Flood(300 << 20)).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Model, 1));
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
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!((server.requests(), other.requests()), (1, 0));
    assert!(!shown(&error).contains("secret"), "{error:?}");
}
