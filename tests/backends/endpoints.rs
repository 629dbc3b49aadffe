//! Several endpoints of one model: who is asked, and what becomes of failures.

#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

#[cfg(feature = "openai")]
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tribunal::{
    Error, ErrorKind, Result,
    backend::{Backend, Endpoints},
    completion::Completion,
    request::Request,
};

use crate::counted::counted;

fn request() -> Request {
    Request::generate(Vec::new())
}

/// An endpoint that takes 100 ms, and the count of its requests.
fn endpoint(
    answer: impl Fn(u32) -> Result<Completion> + Send + Sync + 'static,
) -> (Arc<AtomicU32>, impl Backend + 'static) {
    counted(Duration::from_millis(100), answer)
}

#[expect(clippy::unnecessary_wraps, reason = "the other answer of the same closures")]
fn fine() -> Result<Completion> {
    Ok(Completion::text("fine"))
}

fn fails(kind: ErrorKind) -> Result<Completion> {
    Err(Error::new(kind, "no answer").after_attempts(1))
}

fn count(sent: &AtomicU32) -> u32 {
    sent.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn requests_are_shared_by_weight_and_by_load() {
    let ((one, first), (three, second)) = (endpoint(|_| fine()), endpoint(|_| fine()));
    let model = Endpoints::new(first).and(second, 3);
    assert_eq!(model.concurrency(), 32);
    for _ in 0..10 {
        join_all((0..40).map(async |_| model.complete(&request()).await.unwrap())).await;
    }
    assert_eq!((count(&one), count(&three)), (100, 300));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_in_passing_goes_to_another_endpoint_at_once() {
    for kind in [ErrorKind::RateLimited, ErrorKind::Overloaded, ErrorKind::Unreachable] {
        let (bad, first) = endpoint(move |_| fails(kind));
        let (good, second) = endpoint(|_| fine());
        let model = Endpoints::new(first).and(second, 1);
        for _ in 0..9 {
            assert!(model.complete(&request()).await.unwrap().attempts <= 2);
        }
        // Under a second: it cooled down after its first failure.
        assert_eq!((count(&bad).min(1), count(&good)), (count(&bad), 9));
        tokio::time::sleep(Duration::from_secs(40)).await;
        for _ in 0..9 {
            model.complete(&request()).await.unwrap();
        }
        assert!(count(&bad) >= 1, "it gets another chance");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_with_a_dead_key_is_left_out_and_the_model_lives() {
    for kind in [ErrorKind::Unauthorized, ErrorKind::Quota, ErrorKind::NotFound] {
        let (dead, first) = endpoint(move |_| fails(kind));
        let (_, second) = endpoint(|_| fine());
        let model = Endpoints::new(first).and(second, 1);
        for _ in 0..50 {
            model.complete(&request()).await.unwrap();
        }
        assert_eq!(count(&dead), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_are_dead_the_error_ends_the_run_and_where_one_is_busy_it_does_not() {
    let (_, first) = endpoint(|_| fails(ErrorKind::Unauthorized));
    let (_, second) = endpoint(|_| fails(ErrorKind::Quota));
    let model = Endpoints::new(first).and(second, 1);
    for attempts in [2, 0] {
        let error = model.complete(&request()).await.unwrap_err();
        assert!(error.is_fatal(), "{error:?}");
        assert_eq!(error.attempts(), attempts);
    }
    let (_, first) = endpoint(|_| fails(ErrorKind::Unauthorized));
    let (busy, second) = endpoint(|_| fails(ErrorKind::Overloaded));
    let model = Endpoints::new(first).and(second, 1);
    for _ in 0..5 {
        let error = model.complete(&request()).await.unwrap_err();
        assert!(error.is_transient() && !error.is_fatal(), "{error:?}");
    }
    // Although it cools down, it is the only one left.
    assert_eq!(count(&busy), 5);
}

#[tokio::test(start_paused = true)]
async fn what_lies_with_the_request_is_not_tried_elsewhere() {
    let (_, first) = endpoint(|_| fails(ErrorKind::TooLong));
    let (_, second) = endpoint(|_| fails(ErrorKind::TooLong));
    let model = Endpoints::new(first).and(second, 1);
    assert_eq!(model.complete(&request()).await.unwrap_err().attempts(), 1);
}

#[cfg(feature = "openai")]
#[tokio::test]
async fn the_registry_opens_every_endpoint_of_a_model_with_its_own_key() {
    use crate::support::{Reply, Server};
    use tribunal::{
        environment::Environment,
        models::{EndpointSettings, ModelSettings, ModelSpec, Models},
    };
    let dead = Server::start(|_| Reply::error(401, &serde_json::json!({}))).await;
    let alive = Server::start(|_| Reply::says("fine")).await;
    let second = EndpointSettings {
        base_url: Some(alive.url.clone()),
        key_variable: Some("SECOND_KEY".into()),
        weight: Some(2),
    };
    let settings = ModelSettings {
        base_url: Some(dead.url.clone()),
        endpoints: vec![second],
        ..ModelSettings::default()
    };
    let keys = [("OPENAI_API_KEY", "first-key"), ("SECOND_KEY", "second-key")];
    let models = Models::new(Environment::of(keys));
    let model = models.open(ModelSpec::new("m").settings(settings)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(model.complete(&request()).await.unwrap().text, "fine");
    }
    assert!(dead.requests() <= 1);
    assert_eq!(alive.seen()[0].headers["authorization"], "Bearer second-key");
}
