//! Parameters that servers refuse, and errors in their own words: found in reports of people who met them.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]

use serde_json::{Value, json};
use tribunal::{backend::Backend, error::ErrorKind, request::Request};

use crate::support::{
    Place, Ran, Reply, Seen, Server, listen, logged, obedient,
    openai::{asked, model, question, retried, shown},
};

const RECORDS: &str = "{\"id\":\"a\",\"question\":\"2+2?\",\"answer\":\"4\"}\n";

async fn judged(place: &Place, server: &Server, more: &[&str]) -> Ran {
    let file = place.file("r.jsonl", RECORDS);
    obedient::run(place, server, &[&["judge", &file, "-p", "score", "--reask", "0"], more].concat())
        .await
}

// ── parameters that a model refuses ────────────────────────────────────────────────────────────────

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

// ── errors ─────────────────────────────────────────────────────────────────────────────────────────

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
    assert!(ran.err.contains("1 request"), "{}", ran.err);
}
