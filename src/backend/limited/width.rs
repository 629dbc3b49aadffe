//! The number of requests that may be in flight, which adapts to how many the server refuses.

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

/// Which answers are recent: those of the last second, and at least the last ten.
const RECENT: (Duration, usize) = (Duration::from_secs(1), 10);

/// With fewer recent answers than this, nothing is concluded from them.
const ENOUGH: usize = 5;

/// The share of refusals above which the width shrinks.
const SHRINKS: f64 = 0.15;

/// The share of rate limits above which sending pauses.
const PAUSES: f64 = 0.2;

/// The factor by which the width shrinks.
const REST: f64 = 0.9;

/// The default pause if the server does not name a time, and the longest pause that it may ask for.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Permits for requests in flight.
#[derive(Clone, Debug)]
pub(super) struct Width(Arc<Shared>);

/// The permits and what is known about the server, shared by all clones.
#[derive(Debug)]
struct Shared {
    /// The most requests in flight.
    most: usize,
    /// One permit per request in flight.
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

/// What is known about the server at the moment.
#[derive(Debug)]
struct State {
    /// How many requests may be in flight now. The fraction is growth that is not yet a whole permit.
    now: f64,
    /// Permits to remove when they are returned.
    surplus: usize,
    /// When the width shrank last.
    shrunk: Option<Instant>,
    /// Until when nothing is sent.
    paused_until: Option<Instant>,
    /// The recent answers with their times, the oldest first.
    recent: VecDeque<(Instant, Answer)>,
}

/// What an answer of the server means for the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// An answer, or an error that has nothing to do with load.
    Taken,
    /// The server is busy.
    Overloaded,
    /// A rate limit.
    Limited,
}

impl Width {
    /// A width of up to this many permits, and at least one.
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

    /// How many requests may be in flight now.
    pub(super) fn now(&self) -> usize {
        whole(self.state().now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next permit, in order of arrival.
    pub(super) async fn permit(&self) -> Permit {
        // The semaphore is never closed.
        let inner = self.0.permits.clone().acquire_owned().await.ok();
        Permit { inner, width: self.clone() }
    }

    /// How long sending is paused; `None` if it is not.
    pub(super) fn pause(&self) -> Option<Duration> {
        let until = self.state().paused_until?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Records the result of a request that was sent at `sent` and still holds its permit.
    ///
    /// The width changes only if `adapts` is true.
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
        // At most once per round trip: a request that was sent before the last change carries no new
        // information.
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

    /// Grows by one per round trip, but only while all permits are in use.
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

    /// Shrinks by a tenth, and by at least one.
    fn shrink(&self, state: &mut State) {
        let before = whole(state.now);
        state.now = (state.now * REST).min(state.now - 1.0).max(1.0);
        let fewer = before - whole(state.now);
        let taken = self.0.permits.forget_permits(fewer);
        state.surplus += fewer - taken;
        tracing::debug!(
            in_flight = whole(state.now),
            "the server limits requests: sending fewer at once"
        );
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests, 1 at least"
)]
/// The number of whole permits, at least 1.
fn whole(now: f64) -> usize {
    now as usize
}

impl State {
    /// The share of these answers among the recent ones; 0 if there are too few.
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
    /// What a result means for the width.
    fn of(failure: Option<&Error>) -> Self {
        match failure {
            Some(error) if error.kind() == ErrorKind::RateLimited => Self::Limited,
            // An unreadable answer does not mean that there are too many requests.
            Some(error) if error.kind() == ErrorKind::Overloaded && !error.is_worth_one_retry() => {
                Self::Overloaded
            }
            _ => Self::Taken,
        }
    }
}

/// The right to have one request in flight; it is returned when dropped.
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
