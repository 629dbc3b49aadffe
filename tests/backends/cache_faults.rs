//! Cached answers: who waits for them, who gives up, and what is not cached.

#![cfg(feature = "store")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tribunal::{
    Backend, Completion, Request, Result,
    backend::{
        Capabilities, Script,
        cache::{Cache, Mode},
    },
    completion::Finish,
    completion::Usage,
    request::{Message, Origin, Role},
};

/// A model that takes ten seconds, and counts how often it was asked, and how often it was dropped.
#[derive(Debug, Default)]
struct Slow {
    in_process: bool,
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    answer: Completion,
}

/// Counts that it is dropped before it is [`done`](Self::done).
struct Drops(Arc<AtomicUsize>, bool);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.fetch_add(usize::from(!self.1), Ordering::Relaxed);
    }
}

#[async_trait]
impl Backend for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn identity(&self) -> &'static str {
        "slow"
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities::TEXT
    }

    fn is_in_process(&self) -> bool {
        self.in_process
    }

    async fn complete(&self, _: &Request) -> Result<Completion> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut drops = Drops(self.dropped.clone(), false);
        tokio::time::timeout(SECOND * 10, std::future::pending::<()>()).await.ok();
        drops.1 = true;
        Ok(self.answer.clone())
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn request() -> Request {
    Request::generate(vec![Message::new(Role::User, "q", Origin::Prompt)])
}

fn slow(in_process: bool) -> (Arc<Slow>, impl Backend + Clone + 'static) {
    let slow = Arc::new(Slow { in_process, answer: Completion::text("x"), ..Slow::default() });
    (slow.clone(), Cache::in_memory(Mode::On).over(slow))
}

fn counts(slow: &Slow) -> (usize, usize) {
    (slow.asked.load(Ordering::Relaxed), slow.dropped.load(Ordering::Relaxed))
}

/// Lets every task go as far as it can.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_in_process_stops_when_the_last_who_waits_has_gone() {
    let (slow, cached) = slow(true);
    let (one, other) = (cached.clone(), cached.clone());
    let one = tokio::spawn(async move { one.complete(&request()).await });
    let other = tokio::spawn(async move { other.complete(&request()).await });
    settle().await;
    one.abort();
    one.await.unwrap_err();
    settle().await;
    assert_eq!(counts(&slow), (1, 0), "somebody waits still");
    other.abort();
    other.await.unwrap_err();
    settle().await;
    assert_eq!(counts(&slow), (1, 1));
    assert_eq!(cached.complete(&request()).await.unwrap().text, "x");
    assert_eq!(counts(&slow), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_paid_for_may_arrive_and_is_cached() {
    let (slow, cached) = slow(false);
    tokio::time::timeout(SECOND, cached.complete(&request())).await.unwrap_err();
    tokio::time::timeout(SECOND, cached.complete(&request())).await.unwrap_err();
    tokio::time::sleep_until(tokio::time::Instant::now() + SECOND * 20).await;
    let found = cached.complete(&request()).await.unwrap();
    assert_eq!((found.cached, counts(&slow)), (true, (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_arrive_in_a_minute_is_given_up() {
    #[derive(Debug, Default)]
    struct Never(Arc<AtomicUsize>);
    #[async_trait]
    impl Backend for Never {
        fn name(&self) -> &'static str {
            "never"
        }
        fn identity(&self) -> &'static str {
            "never"
        }
        async fn capabilities(&self) -> Capabilities {
            Capabilities::TEXT
        }
        async fn complete(&self, _: &Request) -> Result<Completion> {
            let _drops = Drops(self.0.clone(), false);
            std::future::pending().await
        }
    }
    let never = Never::default();
    let dropped = never.0.clone();
    let cached = Cache::in_memory(Mode::On).over(Arc::new(never));
    tokio::time::timeout(SECOND, cached.complete(&request())).await.unwrap_err();
    tokio::time::sleep_until(tokio::time::Instant::now() + SECOND * 50).await;
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    tokio::time::sleep_until(tokio::time::Instant::now() + SECOND * 20).await;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn one_of_many_who_wait_pays_and_a_failure_is_shared_and_forgotten() {
    let (slow, cached) = slow(false);
    let all = (0..50).map(|_| async { cached.complete(&request()).await.unwrap() });
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|one| !one.cached).count(), 1);
    assert_eq!(counts(&slow), (1, 0));

    let lines = Mutex::new(vec![Ok("Score: 7".into()), Err("the server is gone".to_owned())]);
    let script = Script::answering(move |_| {
        let line: std::result::Result<String, String> = lines.lock().unwrap().pop().unwrap();
        line.map(Completion::text).map_err(tribunal::Error::other)
    });
    let cached = Cache::in_memory(Mode::On).over(Arc::new(script));
    assert!(cached.complete(&request()).await.is_err());
    assert_eq!(cached.complete(&request()).await.unwrap().text, "Score: 7");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_context_cut_is_not_cached() {
    let cut = |completion| {
        Completion::text("cut").finish(Finish::Length).usage(Usage::new(10, completion))
    };
    for (in_process, max_tokens, written, kept) in [
        (true, Some(8), 8, true),
        (true, Some(8), 5, false),
        (true, None, 5, false),
        (false, None, 5, true),
    ] {
        let slow = Arc::new(Slow { in_process, answer: cut(written), ..Slow::default() });
        let folder = tempfile::tempdir().unwrap();
        let mut request = request();
        request.sampling.max_tokens = max_tokens;
        for _ in 0..2 {
            let cached = Cache::open(folder.path(), Mode::On).over(slow.clone());
            cached.complete(&request).await.unwrap();
        }
        let asked = if kept { 1 } else { 2 };
        assert_eq!(counts(&slow).0, asked, "{in_process} {max_tokens:?} {written}");
    }
}

#[tokio::test]
async fn what_ended_by_an_unknown_word_is_not_cached() {
    let answer = Completion::text("Score: 9").finish(Finish::of_word("error"));
    let script = Arc::new(Script::always(answer));
    let cached = Cache::in_memory(Mode::On).over(script.clone());
    cached.complete(&request()).await.unwrap();
    cached.complete(&request()).await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[cfg(feature = "cli")]
#[test]
fn a_cache_folder_that_is_an_address_is_refused() {
    let place = crate::support::Place::new("cache-address");
    for (named, says) in [
        ("s3://bucket/x", "is an address"),
        ("https://example.org/cache", "is an address"),
        ("~/cache", "begins with `~`"),
    ] {
        for args in
            [&["cache", "path"][..], &["judge", "-", "-m", "script:Score: 7", "-p", "score"]]
        {
            let ran = place.command(args).env("TRIBUNAL_CACHE_DIR", named).output().unwrap();
            let ran = crate::support::Ran::of(ran);
            assert_eq!(ran.code, 2, "{args:?} {}", ran.err);
            assert!(ran.err.contains(says) && ran.err.contains("hint: write the whole path"));
        }
    }
    let made: Vec<_> = std::fs::read_dir(place.folder.path("")).unwrap().collect();
    assert!(made.is_empty(), "{made:?}");
}
