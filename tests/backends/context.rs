//! How long a request may be: what servers report, what is set, and what is refused before it is sent.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::json;
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    error::ErrorKind,
    request::{Message, Origin, Request, Role},
};

use crate::support::{Reply, Server, openai::settings};

/// A question of so many bytes.
fn question(bytes: usize) -> Request {
    Request::generate(vec![Message::new(Role::User, "word ".repeat(bytes / 5), Origin::Data)])
}

/// The model of a server whose software the name tells, or that is asked for it.
fn options(server: &Server, is_named: bool) -> OpenAiOptions {
    if is_named {
        OpenAiOptions::new("vllm/m", Some(&server.url), &|_| None).unwrap()
    } else {
        settings(&server.url, None)
    }
}

async fn server() -> Server {
    let models = json!({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 1000}]});
    Server::with_models(models, |_| Reply::says("Score: 3")).await
}

#[tokio::test]
async fn a_request_that_surely_does_not_fit_is_refused_before_it_is_sent() {
    for is_named in [true, false] {
        let server = server().await;
        let model = OpenAi::new(options(&server, is_named)).unwrap();
        assert_eq!(model.capabilities().await.context, Some(1000));
        let error = model.complete(&question(20_000)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::TooLong, 0));
        let shown = error.to_string();
        assert!(shown.contains("about 5000 tokens (estimated from 20000 bytes)"), "{shown}");
        assert!(shown.contains("holds 1000"), "{shown}");
        assert!(model.fits(&question(20_000)).is_err() && model.fits(&question(5_000)).is_ok());
        assert_eq!(server.requests(), 0);
        // What may fit is left to the server, which has the tokenizer.
        assert!(model.complete(&question(8_000)).await.is_ok());
        // It was asked for its models once.
        model.capabilities().await;
        assert_eq!(server.probes(), 1);
    }
}

#[tokio::test]
async fn a_context_that_is_set_counts_and_nothing_is_asked_for_it() {
    let server = server().await;
    let set = OpenAiOptions { context: Some(100), ..options(&server, true) };
    let model = OpenAi::new(set).unwrap();
    assert_eq!(model.capabilities().await.context, Some(100));
    assert!(model.fits(&question(2_000)).is_err());
    assert_eq!(server.probes(), 0);
    // The same model gives the same answers, whatever is known of its context.
    let other = OpenAi::new(options(&server, true)).unwrap();
    assert_eq!(model.identity(), other.identity());
}

#[tokio::test]
async fn services_are_not_asked_and_their_context_is_unknown() {
    let server = server().await;
    let model = OpenAi::new(settings(&server.url, Some("together"))).unwrap();
    assert_eq!(model.capabilities().await.context, None);
    assert!(model.fits(&question(4_000_000)).is_ok());
    assert_eq!(server.probes(), 0);
}
