//! What is tried again, how often, and when: the layer alone, on a clock that waits for nobody.

#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::watch, time::Instant};
use tribunal::{
    Error, ErrorKind, Result,
    backend::{Backend, Retried, Retry, from_fn},
    completion::Completion,
    request::Request,
};

use crate::counted::counted;

fn request() -> Request {
    Request::generate(Vec::new())
}

/// A model that does what `answer` says to the request of this number, and the count of its requests.
fn model(
    answer: impl Fn(u32) -> Result<Completion> + Send + Sync + 'static,
) -> (Arc<AtomicU32>, impl Backend + 'static) {
    counted(Duration::from_millis(200), answer)
}

fn fails(kind: ErrorKind) -> Result<Completion> {
    Err(Error::new(kind, "no answer"))
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_tried_again_and_every_request_is_counted() {
    let (sent, model) = model(|n| match n {
        0 => fails(ErrorKind::Overloaded),
        1 => Err(Error::new(ErrorKind::Unreachable, "broke").after_attempts(2)),
        _ => Ok(Completion::text("fine")),
    });
    let answer = Retried::new(model, Retry::default()).complete(&request()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 4));
    assert_eq!(sent.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn rate_limits_now_and_then_do_not_delay_the_end_of_a_run() {
    // One request meets four rate limits in a row, while the server answers all others.
    let refusals = Arc::new(AtomicU32::new(0));
    let refused = refusals.clone();
    let model = from_fn("model", move |request: Request| {
        let is_refused = request.draw == 1 && refused.fetch_add(1, Ordering::Relaxed) < 4;
        async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if is_refused { fails(ErrorKind::RateLimited) } else { Ok(Completion::text("fine")) }
        }
    });
    let layer = Retried::new(model, Retry::default());
    let others = join_all((0..20).map(async |_| {
        for _ in 0..20 {
            layer.complete(&request()).await.unwrap();
        }
    }));
    let started = Instant::now();
    let unlucky = async {
        let mut unlucky = request();
        unlucky.draw = 1;
        layer.complete(&unlucky).await.unwrap();
        started.elapsed()
    };
    let (time, _) = tokio::join!(unlucky, others);
    // Five tries of 200 ms, and waits of at most 200, 400, 800 and 1,600 ms.
    assert!(time <= Duration::from_secs(4), "{time:?}");
    assert_eq!(refusals.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn every_error_is_tried_as_often_as_it_deserves() {
    let garbled = Error::new(ErrorKind::Overloaded, "<html>").worth_one_retry();
    let refused_once = Error::new(ErrorKind::Refused, "blocked").worth_one_retry();
    let permanent = Error::new(ErrorKind::Unreachable, "cannot write").permanent();
    let plain = |kind| Error::new(kind, "no answer");
    for (error, tries) in [
        (plain(ErrorKind::Overloaded), 8),
        (plain(ErrorKind::TimedOut), 8),
        (plain(ErrorKind::RateLimited), 8),
        (plain(ErrorKind::Refused), 1),
        (plain(ErrorKind::Unauthorized), 1),
        (plain(ErrorKind::TooLong), 1),
        (permanent, 1),
        (garbled, 2),
        (refused_once, 2),
    ] {
        let failing = error.clone();
        let (sent, model) = model(move |_| Err(failing.clone()));
        let failed = Retried::new(model, Retry::default()).complete(&request()).await.unwrap_err();
        assert_eq!((failed.kind(), failed.attempts()), (error.kind(), tries), "{error:?}");
        assert_eq!(sent.load(Ordering::Relaxed), tries, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_server_names_is_kept_unless_it_is_too_long() {
    for (named, tries) in [(0, 2), (30, 2), (110, 2), (86400, 1)] {
        let named = Duration::from_secs(named);
        let (sent, model) = model(move |n| match n {
            0 => Err(Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(named)),
            _ => Ok(Completion::text("fine")),
        });
        let started = Instant::now();
        let answer = Retried::new(model, Retry::default()).complete(&request()).await;
        assert_eq!(sent.load(Ordering::Relaxed), tries);
        match answer {
            Ok(_) => assert!(started.elapsed() >= named),
            Err(error) => {
                assert!(error.to_string().starts_with("asked to wait 1day"), "{error}");
                assert!(started.elapsed() < Duration::from_secs(1));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_minute_of_rate_limits_costs_no_request() {
    let start = Instant::now();
    let (sent, model) = model(move |_| {
        if start.elapsed() < Duration::from_secs(60) {
            fails(ErrorKind::RateLimited)
        } else {
            Ok(Completion::text("fine"))
        }
    });
    let layer = Retried::new(model, Retry::default());
    let answers = join_all((0..32).map(async |_| layer.complete(&request()).await)).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(sent.load(Ordering::Relaxed) <= 8 * 32);
}

#[tokio::test(start_paused = true)]
async fn no_try_begins_later_than_the_limit() {
    let (_, model) = model(|_| fails(ErrorKind::RateLimited));
    let limit = Duration::from_secs(10);
    let layer = Retried::new(model, Retry { limit, ..Retry::default() });
    let started = Instant::now();
    let error = layer.complete(&request()).await.unwrap_err();
    assert!(started.elapsed() <= limit + Duration::from_millis(200));
    assert!(format!("{error:?}").contains("no try begins later than 10s"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_of_all_requests_together_stay_within_their_share() {
    // Every second request fails, whichever it is.
    let (sent, model) = model(|n| match n % 2 {
        0 => fails(ErrorKind::Overloaded),
        _ => Ok(Completion::text("fine")),
    });
    let layer = Retried::new(model, Retry { allowance: 10, ..Retry::default() });
    let started = Instant::now();
    let mut answered = 0;
    for _ in 0..50 {
        let answers = join_all((0..10).map(async |_| layer.complete(&request()).await)).await;
        answered += answers.iter().filter(|answer| answer.is_ok()).count();
    }
    let extra = f64::from(sent.load(Ordering::Relaxed)) - 500.0;
    let allowed = 10.0 + 0.2 * 500.0 + started.elapsed().as_secs_f64();
    assert!(extra <= allowed, "{extra} of {allowed}");
    // They were delayed, and not lost.
    assert_eq!(answered, 500);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_for_20_seconds_and_returns_costs_no_request() {
    let start = Instant::now();
    let gone = Duration::from_secs(5)..Duration::from_secs(25);
    let (sent, model) = model(move |_| {
        if gone.contains(&start.elapsed()) {
            fails(ErrorKind::Unreachable)
        } else {
            Ok(Completion::text("fine"))
        }
    });
    let layer = Retried::new(model, Retry::default());
    let many = async |_| {
        let mut failed = 0;
        for _ in 0..100 {
            failed += usize::from(layer.complete(&request()).await.is_err());
        }
        failed
    };
    let failed: usize = join_all((0..64).map(many)).await.into_iter().sum();
    assert_eq!(failed, 0);
    // What was on its way, what was tried before it was clear, and one request a second.
    let extra = sent.load(Ordering::Relaxed) - 6400;
    assert!(extra <= 64 + 64 + 21, "{extra}");
    assert!(start.elapsed() < Duration::from_secs(20 + 20 + 5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_return_is_waited_for_once() {
    let (sent, model) = model(|n| match n {
        0 => Ok(Completion::text("fine")),
        _ => fails(ErrorKind::Unreachable),
    });
    let layer = Retried::new(model, Retry::default());
    layer.complete(&request()).await.unwrap();
    let started = Instant::now();
    let answers = join_all((0..64).map(async |_| layer.complete(&request()).await)).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(format!("{:?}", answers[0]).contains("gone for more than 2m"), "{:?}", answers[0]);
    assert!(started.elapsed() < Duration::from_secs(130), "{:?}", started.elapsed());
    assert!(sent.load(Ordering::Relaxed) < 64 + 64 + 130);
    let (before, started) = (sent.load(Ordering::Relaxed), Instant::now());
    layer.complete(&request()).await.unwrap_err();
    assert_eq!(sent.load(Ordering::Relaxed), before + 1);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn retries_around_retries_report_all_tries_once() {
    let (sent, model) = model(|_| fails(ErrorKind::Overloaded));
    let policy = Retry { retries: 2, ..Retry::default() };
    let layer = Retried::new(Retried::new(model, policy.clone()), policy);
    let error = layer.complete(&request()).await.unwrap_err();
    assert_eq!((sent.load(Ordering::Relaxed), error.attempts()), (9, 9));
    let hints: Vec<String> = error.hints().iter().map(ToString::to_string).collect();
    assert_eq!(hints, ["it was tried 9 times"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_there_fails_soon() {
    let (_, model) = model(|_| fails(ErrorKind::Unreachable));
    let layer = Retried::new(model, Retry::default());
    let started = Instant::now();
    for _ in 0..10 {
        let answers = join_all((0..64).map(async |_| layer.complete(&request()).await)).await;
        assert!(answers.iter().all(Result::is_err));
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_waiting_and_the_request_counts_as_never_tried() {
    let (stop, stopping) = watch::channel(false);
    let (sent, model) = model(|_| {
        Err(Error::new(ErrorKind::RateLimited, "slow").with_retry_after(Duration::from_secs(60)))
    });
    let layer = Retried::new(model, Retry::default().stopping(Some(stopping)));
    let started = Instant::now();
    let asked = async { layer.complete(&request()).await.unwrap_err() };
    let stops = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.send(true).unwrap();
    };
    let (error, ()) = tokio::join!(asked, stops);
    assert!(error.is_interrupted());
    assert_eq!((error.attempts(), sent.load(Ordering::Relaxed)), (1, 1));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_leaves_its_turn_to_others() {
    let (_, model) = model(|n| match n % 4 {
        3 => Ok(Completion::text("fine")),
        _ => fails(ErrorKind::Overloaded),
    });
    let layer = Retried::new(model, Retry { allowance: 0, share: 0.0, ..Retry::default() });
    let dropped = (0..20).map(async |_| {
        let request = request();
        tokio::time::timeout(Duration::from_millis(700), layer.complete(&request)).await.is_ok()
    });
    join_all(dropped).await;
    assert!(layer.complete(&request()).await.is_ok());
}
