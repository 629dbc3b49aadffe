//! Decides when retries may begin: the budget of retries, and what happens while a server is down.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turn, Notify},
    time::Instant,
};

use super::{Retry, pause};
use crate::error::{Error, ErrorKind};

/// After this many failures in a row, without any answer, a server counts as down.
const FAILURES: u32 = 5;

/// The time between two requests to a server that is down, and between two retries when the bucket is empty.
const STEP: Duration = Duration::from_secs(1);

/// The weight of the last try in the share of failed tries, which is thus the share of about ten tries.
const WEIGHT: f64 = 0.1;

/// The share of failed tries up to which they are accidents of single requests.
const ACCIDENTS: f64 = 0.3;

/// How many retries each answer allows after a server is up again, so that they double with each round trip.
const RETURNS: f64 = 2.0;

/// The gate that every retry of a layer passes.
#[derive(Debug)]
pub(super) struct Gate {
    share: f64,
    allowance: f64,
    patience: Duration,
    state: Mutex<State>,
    /// Held by the retry that may begin next; the others wait in order of arrival.
    turn: Turn<()>,
    /// Signals that the first retry in the queue may check again.
    changed: Notify,
}

/// The decision about a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryDecision {
    /// It may begin.
    Given,
    /// The bucket is empty, and the server has never answered.
    Spent,
    /// The server was down for too long.
    Gone,
    /// It would begin after the time limit.
    Late,
}

impl RetryDecision {
    /// The explanation for people if a retry was not allowed.
    pub(super) fn hint(self, policy: &Retry) -> Option<String> {
        let span = |time: Duration| humantime::format_duration(time);
        match self {
            Self::Given => None,
            Self::Spent => {
                Some("no request was answered so far: too many failed to try this again".into())
            }
            Self::Gone => {
                Some(format!("the server has been gone for more than {}", span(policy.patience)))
            }
            Self::Late => {
                Some(format!("no try begins later than {} after the first one", span(policy.limit)))
            }
        }
    }
}

#[derive(Debug)]
struct State {
    /// The retries in the bucket.
    tokens: f64,
    /// When the bucket was last filled.
    filled: Instant,
    /// Whether any request was answered.
    has_answered: bool,
    /// Failures without an answer since the last answer.
    failures: u32,
    /// The share of failures among the last tries.
    failed: f64,
    outage: Option<Outage>,
    /// Whether the server came up again, and no request has failed since.
    is_returning: bool,
}

/// A server that is down.
#[derive(Debug)]
struct Outage {
    since: Instant,
    /// When a request was last sent to check whether it is up again.
    probed: Instant,
}

impl State {
    /// Counts a try that failed or succeeded.
    fn tried(&mut self, has_failed: bool) {
        let last = if has_failed { 1.0 } else { 0.0 };
        self.failed += WEIGHT * (last - self.failed);
    }
}

impl Gate {
    /// A gate for a server of which nothing is known.
    pub(super) fn new(share: f64, allowance: u32, patience: Duration) -> Self {
        let allowance = f64::from(allowance);
        let state = State {
            tokens: allowance,
            filled: Instant::now(),
            has_answered: false,
            failures: 0,
            failed: 0.0,
            outage: None,
            is_returning: false,
        };
        Self {
            share,
            allowance,
            patience,
            state: Mutex::new(state),
            turn: Turn::new(()),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server is down.
    pub(super) fn is_gone(&self) -> bool {
        self.state().outage.is_some()
    }

    /// Whether most tries succeed, so that a failure is an accident of one request.
    pub(super) fn is_calm(&self) -> bool {
        self.state().failed <= ACCIDENTS
    }

    /// Called before a new request is sent.
    pub(super) fn begin(&self) {
        self.add(&mut self.state(), self.share);
    }

    /// Puts retries into the bucket, as many as it holds.
    fn fill(&self, state: &mut State, tokens: f64) {
        state.tokens = (state.tokens + tokens).min(self.allowance.max(1.0));
    }

    /// Fills the bucket, and wakes the retry that waits for it.
    fn add(&self, state: &mut State, tokens: f64) {
        self.fill(state, tokens);
        if state.tokens >= 1.0 {
            self.changed.notify_one();
        }
    }

    /// Called when an answer arrives.
    pub(super) fn answered(&self) {
        let state = &mut *self.state();
        state.has_answered = true;
        state.failures = 0;
        state.tried(false);
        state.is_returning |= state.outage.take().is_some();
        if state.is_returning {
            self.add(state, RETURNS);
        }
    }

    /// Called when a request fails.
    pub(super) fn failed(&self, error: &Error) {
        let state = &mut *self.state();
        state.is_returning = false;
        state.tried(true);
        if !is_silence(error) {
            // The server responded, so it is up.
            state.failures = 0;
            if state.outage.take().is_some() {
                self.changed.notify_one();
            }
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.has_answered && state.failures >= FAILURES && state.outage.is_none() {
            let now = Instant::now();
            state.outage = Some(Outage { since: now, probed: now });
            tracing::warn!("the server is gone ({error}): waiting for it");
        }
    }

    /// Waits until a retry may begin.
    ///
    /// # Cancellation
    /// Dropping the future passes its turn to the next one.
    pub(super) async fn permit(&self, is_limited: bool) -> RetryDecision {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            let wait = match self.try_permit(is_limited) {
                Ok(permit) => return permit,
                Err(wait) => wait,
            };
            tokio::select! {
                () = changed => (),
                () = pause(wait) => (),
            }
        }
    }

    /// The decision about a retry now.
    ///
    /// # Errors
    /// The time after which to ask again.
    fn try_permit(&self, is_limited: bool) -> Result<RetryDecision, Duration> {
        let state = &mut *self.state();
        let now = Instant::now();
        if let Some(outage) = &mut state.outage {
            if now - outage.since > self.patience {
                return Ok(RetryDecision::Gone);
            }
            let since = now - outage.probed;
            if let Some(wait) = STEP.checked_sub(since).filter(|wait| !wait.is_zero()) {
                return Err(wait);
            }
            outage.probed = now;
            return Ok(RetryDecision::Given);
        }
        let gained = (now - state.filled).as_secs_f64() / STEP.as_secs_f64();
        state.filled = now;
        self.fill(state, gained);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(RetryDecision::Given);
        }
        if !state.has_answered && !is_limited {
            return Ok(RetryDecision::Spent);
        }
        Err(STEP.mul_f64(1.0 - state.tokens) + Duration::from_millis(1))
    }
}

/// Whether the server itself did not respond: there was no response, or one from a proxy in front of it.
fn is_silence(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::TimedOut => error.status() != Some(408),
        ErrorKind::Overloaded => {
            matches!(error.status(), Some(502..=504 | 520..=523 | 529 | 530))
        }
        _ => false,
    }
}
