//! How many requests may be in flight: permits whose number adapts to what the server refuses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::error::{Error, ErrorKind};

/// Answers that count as recent: those of this time, and these many at least.
const RECENT: (Duration, usize) = (Duration::from_secs(1), 10);

/// Fewer recent answers than this say nothing.
const ENOUGH: usize = 5;

/// The share of refused answers above which fewer requests are sent.
const SHRINKS: f64 = 0.1;

/// The share of rate limits above which nothing is sent for a while.
const PAUSES: f64 = 0.2;

/// What is left of the width when it shrinks.
const REST: f64 = 0.9;

/// How long nothing is sent where the server names no time, and the longest time that it may name.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Permits for requests in flight.
#[derive(Clone, Debug)]
pub(super) struct Width(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many requests may be in flight now; what is behind the point is growth.
    now: f64,
    /// Permits that are to be taken away when they come back.
    surplus: usize,
    shrunk: Option<Instant>,
    paused_until: Option<Instant>,
    recent: VecDeque<(Instant, Answer)>,
}

/// What a server said, as far as it concerns the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// An answer, or an error that has other reasons.
    Taken,
    /// The server is busy.
    Overloaded,
    /// A rate limit.
    Limited,
}

impl Width {
    /// So many permits, and never more; one at least.
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        #[expect(clippy::cast_precision_loss, reason = "a number of requests")]
        let now = most as f64;
        let state =
            State { now, surplus: 0, shrunk: None, paused_until: None, recent: VecDeque::new() };
        Self(Arc::new(Shared {
            most,
            permits: Arc::new(Semaphore::new(most)),
            state: Mutex::new(state),
        }))
    }

    /// The most requests in flight.
    pub(super) fn most(&self) -> usize {
        self.0.most
    }

    /// How many may be in flight now.
    pub(super) fn now(&self) -> usize {
        whole(self.state().now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next permit; first come, first served.
    pub(super) async fn permit(&self) -> Permit {
        // The semaphore is never closed.
        let inner = self.0.permits.clone().acquire_owned().await.ok();
        Permit { inner, width: self.clone() }
    }

    /// How long nothing is to be sent.
    pub(super) fn pause(&self) -> Option<Duration> {
        let until = self.state().paused_until?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Notes what came of a request that was sent at `sent` and still holds its permit; `adapts` says whether the width follows.
    pub(super) fn note(&self, sent: Instant, failure: Option<&Error>, adapts: bool) {
        let now = Instant::now();
        let state = &mut *self.state();
        let answer = Answer::of(failure);
        state.recent.push_back((now, answer));
        let (age, least) = RECENT;
        while state.recent.len() > least
            && state.recent.front().is_some_and(|(at, _)| now - *at > age)
        {
            state.recent.pop_front();
        }
        if answer == Answer::Taken {
            if adapts {
                self.grow(state);
            }
            return;
        }
        let refused = state.share(|answer| answer != Answer::Taken);
        let limited = state.share(|answer| answer == Answer::Limited);
        // At most once a round trip: what was sent before the last time tells nothing new.
        if adapts && refused > SHRINKS && state.shrunk.is_none_or(|shrunk| sent >= shrunk) {
            state.shrunk = Some(now);
            self.shrink(state);
        }
        if answer == Answer::Limited && limited > PAUSES {
            let (usual, longest) = PAUSE;
            let named = failure.and_then(Error::retry_after);
            state.paused_until = Some(now + named.unwrap_or(usual).min(longest));
            state.recent.clear();
        }
    }

    /// By one a round trip. What is not used up proves nothing.
    fn grow(&self, state: &mut State) {
        if self.0.permits.available_permits() > 0 {
            return;
        }
        let before = whole(state.now);
        #[expect(clippy::cast_precision_loss, reason = "a number of requests")]
        let most = self.0.most as f64;
        state.now = (state.now + 1.0 / state.now).min(most);
        if whole(state.now) > before {
            if state.surplus > 0 {
                state.surplus -= 1;
            } else {
                self.0.permits.add_permits(1);
            }
        }
    }

    /// By a tenth, and by one at least.
    fn shrink(&self, state: &mut State) {
        let before = whole(state.now);
        state.now = (state.now * REST).min(state.now - 1.0).max(1.0);
        let fewer = before - whole(state.now);
        let taken = self.0.permits.forget_permits(fewer);
        state.surplus += fewer - taken;
        tracing::debug!(in_flight = whole(state.now), "the server refuses requests: fewer at once");
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests, 1 at least"
)]
fn whole(now: f64) -> usize {
    now as usize
}

impl State {
    /// The share of such answers among the recent ones; 0 where these are too few.
    #[expect(clippy::cast_precision_loss, reason = "counts of a second")]
    fn share(&self, is: impl Fn(Answer) -> bool) -> f64 {
        if self.recent.len() < ENOUGH {
            return 0.0;
        }
        let count = self.recent.iter().filter(|(_, answer)| is(*answer)).count();
        count as f64 / self.recent.len() as f64
    }
}

impl Answer {
    fn of(failure: Option<&Error>) -> Self {
        match failure {
            Some(error) if error.kind() == ErrorKind::RateLimited => Self::Limited,
            // A garbled answer is no sign of too many requests.
            Some(error) if error.kind() == ErrorKind::Overloaded && !error.is_worth_one_retry() => {
                Self::Overloaded
            }
            _ => Self::Taken,
        }
    }
}

/// A request in flight; others may follow when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    inner: Option<OwnedSemaphorePermit>,
    width: Width,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let state = &mut *self.width.state();
        if state.surplus > 0
            && let Some(permit) = self.inner.take()
        {
            state.surplus -= 1;
            permit.forget();
        }
    }
}
