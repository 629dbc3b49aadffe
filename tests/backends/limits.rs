//! Requests in flight and by the minute: the layer alone, on a clock that waits for nobody.

#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::Instant;
use tribunal::{
    Error, ErrorKind, Result,
    backend::{Backend, Limit, Limited, Retried, Retry, from_fn, records_open},
    completion::{Completion, Usage},
    request::{Message, Origin, Request, Role},
};

fn request() -> Request {
    Request::generate(Vec::new())
}

/// How many requests a model has, had at most, and had in all.
#[derive(Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
}

impl Load {
    fn most(&self) -> usize {
        self.most.swap(0, Ordering::Relaxed)
    }

    fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }
}

/// A model that takes 100 ms, and refuses what `refuses` says of the requests that it has and had.
fn model(
    refuses: impl Fn(&Load) -> Option<Error> + Send + Sync + 'static,
) -> (Arc<Load>, impl Backend + 'static) {
    let load = Arc::new(Load::default());
    let (counted, refuses) = (load.clone(), Arc::new(refuses));
    let backend = from_fn("model", move |_: Request| {
        let load = counted.clone();
        let now = load.now.fetch_add(1, Ordering::Relaxed) + 1;
        load.all.fetch_add(1, Ordering::Relaxed);
        load.most.fetch_max(now, Ordering::Relaxed);
        let refusal = refuses(&load);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            load.now.fetch_sub(1, Ordering::Relaxed);
            refusal.map_or(Ok(Completion::text("fine").usage(Usage::new(50, 50))), Err)
        }
    });
    (load, backend)
}

fn too_many() -> Error {
    Error::new(ErrorKind::RateLimited, "slow down")
}

async fn many(layer: &impl Backend, count: usize) -> Vec<Result<Completion>> {
    join_all((0..count).map(async |_| layer.complete(&request()).await)).await
}

#[tokio::test(start_paused = true)]
async fn whatever_is_asked_at_once_so_many_requests_are_in_flight() {
    let (load, model) = model(|_| None);
    let layer = Limited::new(model, 8);
    let started = Instant::now();
    assert!(many(&layer, 185).await.iter().all(Result::is_ok));
    assert_eq!((load.most(), load.all(), layer.concurrency()), (8, 185, 8));
    // 24 rounds of 8.
    assert_eq!(started.elapsed().as_millis() / 100, 24);
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_in_their_order_and_a_dropped_one_leaves_the_queue() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = order.clone();
    let model = from_fn("model", move |request: Request| {
        noted.lock().unwrap().push(request.draw);
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Completion::text("fine"))
        }
    });
    let layer = Limited::new(model, 1);
    let asked = (0..6).map(async |draw| {
        let mut request = request();
        request.draw = draw;
        let patience = Duration::from_millis(if draw == 2 { 150 } else { 10_000 });
        tokio::time::timeout(patience, layer.complete(&request)).await.is_ok()
    });
    let answered = join_all(asked).await;
    assert_eq!(answered, [true, true, false, true, true, true]);
    assert_eq!(*order.lock().unwrap(), [0, 1, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn fewer_are_sent_while_the_server_refuses_them_and_more_when_it_does_not() {
    // It takes 20 at once, and no more.
    let (load, model) = model(|load| {
        (load.now.load(Ordering::Relaxed) > 20)
            .then(|| Error::new(ErrorKind::Overloaded, "too many at once"))
    });
    let layer = Retried::new(Limited::new(model, 64), Retry::default());
    let answers = many(&layer, 2000).await;
    assert!(answers.iter().all(Result::is_ok));
    let refused = load.all() - 2000;
    assert!(refused < 400, "{refused}");
    load.most();
    many(&layer, 500).await;
    let most = load.most();
    assert!((15..=28).contains(&most), "it has learnt what the server takes: {most}");
}

#[tokio::test(start_paused = true)]
async fn refusals_now_and_then_change_nothing() {
    let (load, model) = model(|load| (load.all() % 20 == 0).then(too_many));
    let layer = Retried::new(Limited::new(model, 32), Retry::default());
    assert!(many(&layer, 1000).await.iter().all(Result::is_ok));
    load.most();
    many(&layer, 100).await;
    assert_eq!(load.most(), 32);
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_pauses_where_most_answers_are_rate_limits() {
    let start = Instant::now();
    let (load, model) = model(move |_| {
        let named = Duration::from_secs(30).checked_sub(start.elapsed())?;
        Some(too_many().with_retry_after(named))
    });
    let layer = Retried::new(Limited::new(model, 16), Retry::default());
    assert!(many(&layer, 200).await.iter().all(Result::is_ok));
    // What was in flight when the first answers came, and nothing more until the time that was named.
    assert!(load.all() <= 200 + 32, "{}", load.all());
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_ends_the_requests_that_wait_and_none_that_come_later() {
    let rejected = || Error::new(ErrorKind::Unauthorized, "bad key");
    let (load, model) = model(move |load| (4..=50).contains(&load.all()).then(rejected));
    let layer = Limited::new(model, 2);
    let answers = many(&layer, 50).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    // The request that was rejected, and the one that was in flight beside it.
    assert!(load.all() <= 5, "{}", load.all());
    let unsent = answers.last().unwrap().as_ref().unwrap_err();
    assert_eq!((unsent.kind(), unsent.attempts()), (ErrorKind::Unauthorized, 0));
    let sent = load.all();
    many(&layer, 1).await;
    assert_eq!(load.all(), sent + 1, "a later request finds out for itself");
}

#[tokio::test(start_paused = true)]
async fn requests_and_tokens_a_minute_are_held() {
    let (_, quick) = model(|_| None);
    let layer = Limited::new(quick, Limit { requests_per_minute: Some(60), ..Limit::from(8) });
    let started = Instant::now();
    many(&layer, 60).await;
    assert!((59..61).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());

    let (_, quick) = model(|_| None);
    let layer = Limited::new(quick, Limit { tokens_per_minute: Some(6000), ..Limit::from(8) });
    let text = "abc ".repeat(50);
    let request = Request::generate(vec![Message::new(Role::User, text, Origin::Prompt)]);
    let started = Instant::now();
    join_all((0..60).map(async |_| layer.complete(&request).await)).await;
    // 100 tokens each, 6,000 in all; what was planned too high at first is given back.
    let seconds = started.elapsed().as_secs();
    assert!((45..70).contains(&seconds), "{seconds}");
}

#[test]
fn a_run_keeps_twice_as_many_records_open_and_one_for_one_request() {
    assert_eq!([0, 1, 2, 8, 600].map(records_open), [1, 1, 4, 16, 1024]);
}
