//! What becomes of a request when the server, the connection or the time fails: one try, one error, and in it
//! every fact that decides what happens next.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use std::{sync::atomic::Ordering, time::Duration};

use crate::support::{
    End, Reply, Server, chat_reply, listen, logged,
    openai::{KEY, again, asked, model, question, retried, settings, shown},
    raw,
};
use serde_json::{Value, json};
use tribunal::{
    Error,
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    error::ErrorKind::{
        self, Model, NotFound, Overloaded, Quota, RateLimited, Refused, TimedOut, TooLong,
        Unauthorized, Unreachable,
    },
};

/// What an error means for what happens next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// The same request may succeed later.
    Passes,
    /// It is worth one more try.
    Once,
    /// This request fails, and no other.
    Record,
    /// Every request of the run would fail.
    Run,
}

use Class::{Once, Passes, Record, Run};

/// One line of the table: what the server does, and what the error must say.
struct Fault {
    name: &'static str,
    does: Reply,
    kind: ErrorKind,
    status: Option<u16>,
    /// In seconds.
    retry_after: Option<f64>,
    class: Class,
    /// Part of the message or of its hints.
    says: &'static str,
}

fn row(
    name: &'static str,
    does: Reply,
    (kind, status, class): (ErrorKind, u16, Class),
    says: &'static str,
) -> Fault {
    Fault { name, does, kind, status: Some(status), retry_after: None, class, says }
}

/// A row for an answer that names a wait.
fn waits(name: &'static str, does: Reply, seconds: f64) -> Fault {
    let row = row(name, does, (RateLimited, 429, Passes), "429");
    Fault { retry_after: Some(seconds), ..row }
}

fn text(status: u16, body: &str) -> Reply {
    Reply::Text(status, Vec::new(), body.into())
}

fn headed(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Reply::Text(status, headers, body.into())
}

/// An error as OpenAI writes it, with one more field.
fn error(status: u16, field: &str, value: impl Into<Value>) -> Reply {
    let value: Value = value.into();
    Reply::error(status, &json!({"error": {"message": "m", field: value}}))
}

fn said(status: u16, message: &str) -> Reply {
    Reply::error(status, &json!({"error": {"message": message}}))
}

/// What passes: statuses, in whatever words.
fn busy() -> Vec<Fault> {
    vec![
        row("408", text(408, "<html>"), (TimedOut, 408, Passes), "408 Request Timeout: <html>"),
        row("409, a lock", text(409, "x"), (Overloaded, 409, Passes), "409 Conflict"),
        row("424, a part that failed", text(424, ""), (Overloaded, 424, Passes), "424"),
        row("425", text(425, ""), (Overloaded, 425, Passes), "425"),
        row("429, html", text(429, "<html>"), (RateLimited, 429, Passes), "<html>"),
        row("429, empty", text(429, ""), (RateLimited, 429, Passes), "429 Too Many Requests"),
        row("429, text", text(429, "slow"), (RateLimited, 429, Passes), "slow"),
        row("429, a number as code", error(429, "code", 429), (RateLimited, 429, Passes), "m"),
        row(
            "429, FastAPI",
            Reply::error(429, &json!({"detail": "calm"})),
            (RateLimited, 429, Passes),
            "calm",
        ),
        row(
            "429, words of a quota for a limit of rates",
            Reply::error(
                429,
                &json!([{"error": {
                    "code": 429,
                    "status": "RESOURCE_EXHAUSTED",
                    "message": "You exceeded your current quota, please check your plan and billing details.",
                }}]),
            ),
            (RateLimited, 429, Passes),
            "exceeded your current quota",
        ),
        row("499, a proxy that gave up", text(499, ""), (Overloaded, 499, Passes), "499"),
        row("500", text(500, "\u{1b}[2Jboo"), (Overloaded, 500, Passes), r"\u{1b}[2Jboo"),
        row("502, html", text(502, "<html>bad"), (Overloaded, 502, Passes), "<html>bad"),
        row(
            "503, a model that loads",
            Reply::error(
                503,
                &json!({"error": {
                    "code": 503, "message": "Loading model", "type": "unavailable_error",
                }}),
            ),
            (Overloaded, 503, Passes),
            "Loading model",
        ),
        row("504", text(504, ""), (TimedOut, 504, Passes), "504 Gateway Timeout"),
        row("520", text(520, ""), (Overloaded, 520, Passes), "520"),
        row("522", text(522, ""), (TimedOut, 522, Passes), "522"),
        row("524", text(524, ""), (TimedOut, 524, Passes), "524"),
        row("529", error(529, "type", "overloaded_error"), (Overloaded, 529, Passes), "529"),
    ]
}

/// What passes after a time that the server names.
#[expect(clippy::too_many_lines, reason = "a table")]
fn limited() -> Vec<Fault> {
    const NOON: (&str, &str) = ("date", "Wed, 21 Oct 2015 12:00:00 GMT");
    vec![
        waits("Retry-After in seconds", headed(429, &[("retry-after", "3")], ""), 3.0),
        waits("a fraction", headed(429, &[("retry-after", "0.5")], ""), 0.5),
        waits("now", headed(429, &[("retry-after", "0")], ""), 0.0),
        waits("a day", headed(429, &[("retry-after", "86400")], "tomorrow"), 86_400.0),
        waits(
            "milliseconds",
            headed(429, &[("retry-after-ms", "250"), ("retry-after", "9")], ""),
            0.25,
        ),
        waits(
            "a date",
            headed(429, &[("retry-after", "Wed, 21 Oct 2015 12:00:40 GMT"), NOON], ""),
            40.0,
        ),
        waits(
            "OpenAI's limits, of which one is used up",
            headed(
                429,
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m30s"),
                    ("x-ratelimit-remaining-tokens", "9000"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                "",
            ),
            90.0,
        ),
        waits(
            "Anthropic's",
            headed(
                429,
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2015-10-21T12:00:07Z"),
                    NOON,
                ],
                "",
            ),
            7.0,
        ),
        waits(
            "the standard's",
            headed(429, &[("ratelimit", "limit=9, remaining=0, reset=30")], ""),
            30.0,
        ),
        waits(
            "words before the limits of headers",
            headed(
                429,
                &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")],
                r#"{"error":{"message":"Please try again in 350ms."}}"#,
            ),
            0.35,
        ),
        waits(
            "OpenAI's words",
            said(429, "Rate limit reached for m. Please try again in 22s. See"),
            22.0,
        ),
        waits("Groq's words", said(429, "Please try again in 1m2.5s. Need more tokens?"), 62.5),
        waits("Azure's words", said(429, "Please retry after 26 seconds."), 26.0),
        waits(
            "Gemini's field",
            Reply::error(
                429,
                &json!([{"error": {
                    "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota",
                    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}],
                }}]),
            ),
            22.0,
        ),
        waits(
            "another's field",
            Reply::error(429, &json!({"message": "x", "retry_after": 0.3})),
            0.3,
        ),
        waits(
            "a moment in OpenRouter's metadata, long past",
            Reply::error(
                429,
                &json!({"error": {
                    "message": "free-models-per-min", "code": 429,
                    "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1445428802000"}},
                }}),
            ),
            0.0,
        ),
        Fault {
            retry_after: Some(5.0),
            ..row(
                "503 with a wait",
                headed(503, &[("retry-after", "5")], ""),
                (Overloaded, 503, Passes),
                "503",
            )
        },
    ]
}

/// What ends the run: no request can succeed.
fn fatal() -> Vec<Fault> {
    let google = json!([{"error": {
        "code": 400, "status": "INVALID_ARGUMENT",
        "message": "API key not valid. Please pass a valid API key.",
    }}]);
    let moderated = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}});
    vec![
        row("401", text(401, "no key"), (Unauthorized, 401, Run), "OPENAI_API_KEY"),
        row(
            "401 that repeats the key",
            text(401, &format!("Incorrect API key: {KEY}")),
            (Unauthorized, 401, Run),
            "***",
        ),
        row("403, html", text(403, "<html>"), (Unauthorized, 403, Run), "403 Forbidden"),
        row("407", text(407, ""), (Unauthorized, 407, Run), "HTTPS_PROXY"),
        row(
            "400 by code",
            error(400, "code", "invalid_api_key"),
            (Unauthorized, 400, Run),
            "OPENAI_API_KEY",
        ),
        row(
            "400 by words",
            Reply::error(400, &google),
            (Unauthorized, 400, Run),
            "API key not valid",
        ),
        row("402", text(402, "pay"), (Quota, 402, Run), "402 Payment Required: pay"),
        row("429 by type", error(429, "type", "insufficient_quota"), (Quota, 429, Run), "credit"),
        row("429 by code", error(429, "code", "insufficient_quota"), (Quota, 429, Run), "credit"),
        row(
            "429 by words",
            said(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
            ),
            (Quota, 429, Run),
            "credit",
        ),
        row(
            "400 by Anthropic's words",
            said(400, "Your credit balance is too low"),
            (Quota, 400, Run),
            "credit",
        ),
        row("404 of an API", error(404, "code", 404), (NotFound, 404, Run), "base_url"),
        row(
            "404, Ollama",
            Reply::error(404, &json!({"error": "model 'm' not found"})),
            (NotFound, 404, Run),
            "model 'm' not found",
        ),
        row(
            "400 for a model",
            said(400, "m is not a valid model ID"),
            (NotFound, 400, Run),
            "valid model",
        ),
        row("a redirect", text(302, ""), (NotFound, 302, Run), "redirects are not followed"),
        row("200 with a wrong key", error(200, "code", 401), (Unauthorized, 401, Run), "401"),
        row("200 without credit", Reply::error(200, &moderated), (Quota, 200, Run), "credit"),
    ]
}

/// What fails one request and no other.
fn refused() -> Vec<Fault> {
    let with_text = |status, body| headed(status, &[("x-should-retry", "false")], body);
    vec![
        row("400", error(400, "code", 400), (Refused, 400, Record), "400 Bad Request: m"),
        row(
            "422",
            Reply::error(422, &json!({"detail": [{"msg": "field required"}]})),
            (Refused, 422, Record),
            "field required",
        ),
        row(
            "a filter",
            error(400, "code", "content_filter"),
            (Refused, 400, Record),
            "refuses to read",
        ),
        row("451", text(451, ""), (Refused, 451, Record), "refuses to read"),
        row(
            "403 of a moderator",
            Reply::error(
                403,
                &json!({"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "x"}}}),
            ),
            (Refused, 403, Record),
            "flagged",
        ),
        row("501", text(501, ""), (Refused, 501, Record), "501"),
        row("505", text(505, ""), (Refused, 505, Record), "505"),
        row("503 that is final", with_text(503, "gone"), (Overloaded, 503, Record), "gone"),
        row(
            "too long by code",
            error(400, "code", "context_length_exceeded"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "llama.cpp's words",
            said(400, "the request exceeds the available context size"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "Anthropic's words",
            said(400, "prompt is too long: 210000 tokens > 200000"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "Groq's words",
            said(400, "Please reduce the length of the messages"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row("413", text(413, ""), (TooLong, 413, Record), "shorten"),
        row(
            "429 that no wait mends",
            said(
                429,
                "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.",
            ),
            (TooLong, 429, Record),
            "shorten",
        ),
        row(
            "200 that refuses",
            error(200, "type", "invalid_request_error"),
            (Refused, 200, Record),
            "400",
        ),
    ]
}

/// A success that is not one.
fn garbled() -> Vec<Fault> {
    let upstream = json!({"choices": [{"error": {"message": "upstream", "code": 502}}]});
    vec![
        row("nothing", text(200, ""), (Overloaded, 200, Once), "answered nothing"),
        row("a page", text(200, "<html>hello"), (Overloaded, 200, Once), "<html>hello"),
        row(
            "an event without an answer",
            text(200, "data: {}\n\n"),
            (Overloaded, 200, Once),
            "data: {}",
        ),
        row(
            "JSON that is cut",
            text(200, r#"{"choices":[{"messa"#),
            (Overloaded, 200, Once),
            "messa",
        ),
        row(
            "no choice",
            text(200, r#"{"choices":[]}"#),
            (Overloaded, 200, Once),
            "without a choice",
        ),
        row(
            "null for choices",
            text(200, r#"{"choices":null}"#),
            (Overloaded, 200, Once),
            "without a choice",
        ),
        row("a list", text(200, "[]"), (Overloaded, 200, Once), "not a completion"),
        row("a text", text(200, "\"fine\""), (Overloaded, 200, Once), "not a completion"),
        row("204", text(204, ""), (Overloaded, 200, Once), "answered nothing"),
        row(
            "404, a page, from a server that never answered",
            text(404, "404 page not found"),
            (NotFound, 404, Once),
            "base_url",
        ),
        row("an error like 429", error(200, "code", 429), (RateLimited, 429, Passes), "429"),
        row(
            "an error in words",
            Reply::error(200, &json!({"error": "overloaded"})),
            (Overloaded, 200, Passes),
            "overloaded",
        ),
        row("an error in a choice", Reply::error(200, &upstream), (Overloaded, 502, Passes), "502"),
        row(
            "vLLM's error",
            Reply::error(200, &json!({"object": "error", "message": "busy", "code": 503})),
            (Overloaded, 503, Passes),
            "busy",
        ),
        row(
            "FastAPI's error",
            Reply::error(200, &json!({"detail": "busy"})),
            (Overloaded, 200, Passes),
            "busy",
        ),
        row(
            "an error in a stream",
            text(200, "data: {\"error\":{\"message\":\"busy\",\"code\":429}}\n\n"),
            (RateLimited, 429, Passes),
            "busy",
        ),
    ]
}

/// What breaks off, comes too late, or never ends. There is no status where no answer came.
fn broken() -> Vec<Fault> {
    let silent = |name, does, kind, class, says| Fault {
        status: None,
        ..row(name, does, (kind, 0, class), says)
    };
    let bomb = || {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
        Reply::Text(200, vec![("content-encoding", "gzip".into())], gzip.finish().unwrap())
    };
    let begun = r#"data: {"choices":[{"delta":{"content":"Score: 9"}}]}"#;
    vec![
        silent("a body that breaks off", Reply::Cut("{\"choices\":"), Unreachable, Passes, "broke"),
        silent("a stream without its end", text(200, begun), Unreachable, Passes, "stream ended"),
        silent("an endless body", Reply::Flood(300 << 20), Model, Record, "8 MiB"),
        silent("a bomb", bomb(), Model, Record, "decompressed"),
        silent(
            "a packing that is not known",
            headed(200, &[("content-encoding", "br")], "x"),
            Model,
            Record,
            "`br`",
        ),
        silent(
            "a million values",
            text(200, &format!("[{}0]", "0,".repeat(1 << 21))),
            Model,
            Record,
            "values",
        ),
        silent("no answer", Reply::Hang, TimedOut, Passes, "no answer within 100ms"),
        silent(
            "blanks and no answer",
            Reply::Stall(" \n"),
            TimedOut,
            Passes,
            "no answer within 100ms",
        ),
        row(
            "an endless error",
            headed(500, &[], &"x".repeat(9 << 20)),
            (Overloaded, 500, Passes),
            "xxx…",
        ),
    ]
}

async fn check(fault: &Fault) {
    let Fault { name, does, kind, status, retry_after, class, says } = fault;
    let does = does.clone();
    let server = Server::start(move |_| does.clone()).await;
    let mut options = settings(&server.url, Some("openai"));
    if *kind == TimedOut && status.is_none() {
        options.timeout = Duration::from_millis(100);
    }
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    let seen = shown(&error);
    assert_eq!(error.kind(), *kind, "{name}: {seen}");
    assert_eq!(error.status(), *status, "{name}: {seen}");
    let wait = error.retry_after().map(|wait| wait.as_secs_f64());
    assert_eq!(wait, *retry_after, "{name}: {seen}");
    assert_eq!(class_of(&error), *class, "{name}: {seen}");
    assert_eq!((error.attempts(), server.requests()), (1, 1), "{name}");
    assert!(seen.contains(says), "{name}: {seen}");
    assert!(!seen.contains("CANARY") && !seen.contains('\u{1b}'), "{name}: {seen}");
    assert_eq!(ErrorKind::named(kind.name()), Some(*kind));
}

fn class_of(error: &Error) -> Class {
    match (error.is_worth_one_retry(), error.is_transient(), error.is_fatal()) {
        (true, ..) => Once,
        (_, true, false) => Passes,
        (_, false, false) => Record,
        (_, false, true) => Run,
        (_, true, true) => panic!("both transient and fatal: {error:?}"),
    }
}

#[tokio::test]
async fn every_fault_has_its_class_and_its_facts() {
    listen();
    let groups = [busy(), limited(), fatal(), refused(), garbled(), broken()];
    let all: Vec<Fault> = groups.into_iter().flatten().collect();
    assert!(all.len() >= 90, "{} faults", all.len());
    for fault in &all {
        check(fault).await;
    }
    assert!(!logged().contains("CANARY"));
}

#[tokio::test]
async fn connections_that_break_pass() {
    let partial = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"choices\"".to_vec();
    for (name, bytes, end) in [
        ("closed before an answer", Vec::new(), End::Close),
        ("reset before an answer", Vec::new(), End::Reset),
        ("closed within a body", partial.clone(), End::Close),
        ("reset within a body", partial, End::Reset),
        ("another protocol", b"what?\r\n\r\n".to_vec(), End::Close),
        ("half a head", b"HTTP/1.1 200".to_vec(), End::Close),
    ] {
        let good = chat_reply("fine").to_string();
        let length = good.len();
        let good = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{good}"
        );
        let (url, connections) = raw(move |index| match index {
            0..=2 => (bytes.clone(), end),
            _ => (good.clone().into_bytes(), End::Close),
        })
        .await;
        let backend = OpenAi::new(settings(&url, Some("openai"))).unwrap();
        let error = backend.complete(&question()).await.unwrap_err();
        assert_eq!((error.kind(), class_of(&error)), (Unreachable, Passes), "{name}: {error:?}");
        assert_eq!((error.status(), error.attempts()), (None, 1), "{name}");
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{name}");
        // With the layer above, the same model answers.
        let answer = again(backend).complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 3), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_passes() {
    let options = settings("http://127.0.0.1:1/v1", Some("openai"));
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (Unreachable, Passes));
    assert!(shown(&error).contains("is the server running"), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_behind_https_ends_the_run() {
    let server = Server::start(|_| Reply::says("fine")).await;
    let options = settings(&server.url.replace("http:", "https:"), Some("openai"));
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (Unreachable, Run), "{error:?}");
    assert!(shown(&error).contains("no secure connection"), "{error:?}");
}

#[tokio::test]
async fn each_timeout_has_its_own_message() {
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(100));
    let piece = r#"{"choices":"#;
    for (does, timeout, idle_timeout, stream, says) in [
        (Reply::Hang, short, long, false, "no answer within 100ms"),
        (Reply::Stall(piece), long, short, false, "the answer stopped for 100ms"),
        (
            Reply::Trickle(piece, Duration::from_millis(1)),
            short,
            long,
            false,
            "the answer was not complete within 100ms",
        ),
        (Reply::Stall(piece), short, long, true, "the answer stopped for 100ms"),
    ] {
        let server = Server::start(move |_| does.clone()).await;
        let options = settings(&server.url, Some("openai"));
        let options = OpenAiOptions { timeout, idle_timeout, stream, ..options };
        let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
        assert_eq!((error.kind(), class_of(&error)), (TimedOut, Passes), "{error:?}");
        assert!(shown(&error).contains(says), "{says}: {error:?}");
        assert!(shown(&error).contains("timeout"), "{error:?}");
    }
}

#[tokio::test]
async fn no_body_takes_more_memory_than_it_may() {
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<usize>().ok()
    };
    let before = peak();
    for status in [200, 500] {
        let (answer, server) = asked(&question(), move |_| match status {
            200 => Reply::Flood(300 << 20),
            _ => Reply::Text(status, Vec::new(), vec![b'x'; 9 << 20]),
        })
        .await;
        answer.unwrap_err();
        // What was read, and what the buffers of two sockets hold.
        assert!(server.flooded() < 40 << 20, "{}", server.flooded());
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 128 << 10, "{} kB", after - before);
    }
}

#[tokio::test]
async fn what_passes_is_survived_with_the_layer_above() {
    for status in [429, 503] {
        let server = Server::start(move |seen| match seen.index {
            0 => Reply::error(status, &json!({})),
            1 => Reply::Cut("{\"choices\":"),
            _ => Reply::says("fine"),
        })
        .await;
        let answer = retried(&server, "openai").complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts, server.requests()), ("fine", 3, 3));
    }
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
    assert_eq!((error.kind(), class_of(&error)), (NotFound, Run));
    assert_eq!((server.requests(), other.requests()), (1, 0));
    assert!(!shown(&error).contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_request_without_a_refused_parameter_counts_as_another_attempt() {
    let server = Server::start(|seen| match seen.body.get("temperature") {
        Some(_) => Reply::error(400, &json!({"error": "unsupported: temperature"})),
        None => Reply::error(503, &json!({"error": "busy"})),
    })
    .await;
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    let error = model(&server, "openai").complete(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), server.requests()), (Overloaded, 2, 2));
}
