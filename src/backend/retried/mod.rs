//! A layer that tries again what failed in passing.

mod gate;

use std::time::Duration;

use async_trait::async_trait;
use tokio::{sync::watch, time::Instant};

use self::gate::{Gate, Permit};
use super::{Backend, Budget, Layer, pause::pause};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// When failed requests are tried again, and how often.
///
/// ```
/// use std::time::Duration;
/// use tribunal::backend::Retry;
///
/// // A quick server on this machine.
/// let retry = Retry { retries: 3, first_wait: Duration::from_millis(50), ..Retry::default() };
/// assert_eq!(retry.share, 0.2);
/// ```
#[derive(Clone, Debug)]
pub struct Retry {
    /// The most retries of one request while the server answers at all. Default 7.
    pub retries: u32,
    /// The longest wait before the first retry; it doubles with each. Default 200 ms, sensible from 50 ms.
    pub first_wait: Duration,
    /// No try begins later than this after the first one. Default 5 minutes; [`Retry::timed`] fits it to the
    /// time that one try may take.
    pub limit: Duration,
    /// Retries of all requests together, as a share of the requests: 0.2 is a fifth more requests.
    pub share: f64,
    /// Retries that are allowed beyond that share, so that a short run survives a bad minute. Default 100.
    pub allowance: u32,
    /// How long a server that answered before may be gone. Default 2 minutes. It is also the longest wait
    /// that a server may name: one that asks for more fails the request.
    pub patience: Duration,
    /// The budget of the run, where there is one: each retry counts as a request of it before it is sent.
    /// Without it, retries count when their answer lands.
    pub budget: Option<Budget>,
    /// Turns `true` when the run is to stop: from then on nothing is tried again.
    pub stopping: Option<watch::Receiver<bool>>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            retries: 7,
            first_wait: Duration::from_millis(200),
            limit: LIMIT,
            share: 0.2,
            allowance: 100,
            patience: Duration::from_secs(120),
            budget: None,
            stopping: None,
        }
    }
}

/// The least time from the first try to the last, where nothing else is set.
const LIMIT: Duration = Duration::from_secs(300);

impl Retry {
    /// The usual policy for tries that may take so long: a server that hangs is tried three times.
    #[must_use]
    pub fn timed(timeout: Duration) -> Self {
        Self { limit: timeout.saturating_mul(3).max(LIMIT), ..Self::default() }
    }

    /// The same policy for a run that `stopping` ends.
    #[must_use]
    pub fn stopping(self, stopping: Option<watch::Receiver<bool>>) -> Self {
        Self { stopping, ..self }
    }

    /// How long to wait before the next try: full jitter below a doubling limit, so that requests that failed
    /// together do not return together; above the time that the server names, if it names one.
    ///
    /// Servers count rates by the minute, so that waits grow faster after a rate limit and outlast a minute.
    fn wait(&self, tries: u32, error: &Error) -> Duration {
        let is_limited = error.kind() == ErrorKind::RateLimited;
        let (growth, longest): (u32, u64) = if is_limited { (4, 30) } else { (2, 10) };
        let grown = growth.saturating_pow(tries.saturating_sub(1));
        // Two rate limits in a row may still be chance, and must not be the tail of a run.
        let grown = if is_limited { (grown / 2).max(1) } else { grown };
        let step = self.first_wait.saturating_mul(grown).min(Duration::from_secs(longest));
        match error.retry_after() {
            Some(named) => named + self.first_wait.mul_f64(fastrand::f64()),
            None if is_limited => step.mul_f64(0.75 + 0.25 * fastrand::f64()),
            None => step.mul_f64(fastrand::f64()),
        }
    }
}

/// A backend whose passing failures are tried again: see [`Retry`].
///
/// # What is tried again
/// Errors that [are transient](Error::is_transient): rate limits, busy servers, timeouts, broken connections.
/// An error that is [retried once](Error::is_worth_one_retry), such as a garbled answer, gets one more try. Every
/// other error is returned at once.
///
/// # How many requests that makes
/// All requests through one layer share a budget: a bucket that starts with [`Retry::allowance`] retries,
/// never holds more, and gains [`Retry::share`] of a retry with every request and one each second. A retry
/// that finds it empty waits for its turn. So a server in trouble sees at most a fifth more requests, and
/// requests are delayed before they are lost.
///
/// A server that answered before and is gone (five failures in a row without an answer: no connection, no
/// answer in time, 502, 503, 504) is another matter. Retries then cost nothing and do not count; instead, one
/// request each second finds out whether the server is back, and the others wait for it, for up to
/// [`Retry::patience`]. After that, every request is tried once.
///
/// # Order
/// Above [`Limited`](super::Limited), so that a request that waits holds no permit and each try takes a new
/// one; below a cache and a budget, which see one request.
///
/// # Errors
/// The last error, with the [attempts](Error::attempts) of all tries. It
/// [is interrupted](Error::is_interrupted) where the run is to stop before the next try.
///
/// # Cancellation
/// Dropping the future gives the request up; others take its turn.
#[derive(Debug)]
pub struct Retried<B> {
    inner: B,
    policy: Retry,
    gate: Gate,
}

impl<B: Backend> Retried<B> {
    /// Tries requests to `inner` again by this policy.
    pub fn new(inner: B, policy: Retry) -> Self {
        let gate = Gate::new(policy.share, policy.allowance, policy.patience);
        Self { inner, policy, gate }
    }

    /// Waits for the next try.
    async fn next(&self, tries: &Tries, error: Error) -> Result<()> {
        let policy = &self.policy;
        let is_gone = self.gate.is_gone();
        if !tries.deserves_more(&error, policy, is_gone) {
            return Err(tries.over(error));
        }
        if let Some(named) = error.retry_after().filter(|named| *named > policy.patience) {
            let named = humantime::format_duration(Duration::from_secs(named.as_secs()));
            let error = tries.over(error).within(format!("asked to wait {named}"));
            return Err(error.hint(format!("the server asks to wait {named}: run again then")));
        }
        let until = tries.started + policy.limit;
        // Who waits for a server that is gone waits for its turn to look, and no longer.
        let wait = if is_gone { Duration::ZERO } else { policy.wait(tries.count, &error) };
        let is_limited = error.kind() == ErrorKind::RateLimited;
        tracing::debug!(tries = tries.count, ?wait, %error, "asking again");
        let waited = async {
            if Instant::now() + wait > until {
                return Permit::Late;
            }
            pause(wait).await;
            let permit = tokio::time::timeout_at(until, self.gate.permit(is_limited)).await;
            permit.unwrap_or(Permit::Late)
        };
        match self.unless_stopped(waited).await {
            Some(Permit::Given) => match &policy.budget {
                Some(budget) => budget.retry().map_err(|over| over.after_attempts(tries.requests)),
                None => Ok(()),
            },
            Some(refused) => {
                let error = tries.over(error);
                Err(match refused.hint(policy) {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
            None => Err(tries.over(error).interrupted()),
        }
    }

    /// What `waited` comes to, or nothing where the run is to stop before.
    async fn unless_stopped<T>(&self, waited: impl Future<Output = T>) -> Option<T> {
        let Some(mut stopping) = self.policy.stopping.clone() else { return Some(waited.await) };
        tokio::select! {
            biased;
            Ok(_) = stopping.wait_for(|stopping| *stopping) => None,
            done = waited => Some(done),
        }
    }
}

/// The tries of one request so far.
struct Tries {
    started: Instant,
    /// How many there were.
    count: u32,
    /// How many of them ended in an error that deserves one more try only.
    accidents: u32,
    /// Requests that they took: a backend may need several for one try.
    requests: u32,
}

impl Tries {
    fn begin() -> Self {
        Self { started: Instant::now(), count: 0, accidents: 0, requests: 0 }
    }

    fn failed(&mut self, error: &Error) {
        self.count += 1;
        self.accidents += u32::from(error.is_worth_one_retry());
        self.requests = self.requests.saturating_add(error.attempts().max(1));
    }

    /// Whether another try may help, and is allowed by their number.
    fn deserves_more(&self, error: &Error, policy: &Retry, is_gone: bool) -> bool {
        let may_pass =
            if error.is_worth_one_retry() { self.accidents <= 1 } else { error.is_transient() };
        may_pass && (is_gone || self.count <= policy.retries)
    }

    /// The error after all of them.
    fn over(&self, error: Error) -> Error {
        let earlier = self.requests.saturating_sub(error.attempts());
        let error = error.after_attempts(earlier);
        match self.count {
            0 | 1 => error,
            tries => error.hint(format!("it was tried {tries} times")),
        }
    }
}

#[async_trait]
impl<B: Backend> Layer for Retried<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let mut tries = Tries::begin();
        self.gate.begin();
        loop {
            let error = match self.inner.complete(request).await {
                Ok(completion) => {
                    self.gate.answered();
                    let own = completion.attempts.max(u32::from(!completion.cached));
                    let attempts = tries.requests.saturating_add(own);
                    return Ok(Completion { attempts, ..completion });
                }
                Err(error) => error,
            };
            self.gate.failed(&error);
            tries.failed(&error);
            self.next(&tries, error).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_short_at_first_and_outlast_a_minute_after_rate_limits() {
        let policy = Retry::default();
        let busy = Error::new(ErrorKind::Overloaded, "busy");
        let limited = Error::new(ErrorKind::RateLimited, "slow down");
        for _ in 0..100 {
            assert!(policy.wait(1, &busy) <= Duration::from_millis(200));
            assert!(policy.wait(30, &busy) <= Duration::from_secs(10));
            let all: Duration = (1..=policy.retries).map(|n| policy.wait(n, &limited)).sum();
            assert!(all > Duration::from_secs(60), "{all:?}");
            let named = policy.wait(3, &busy.clone().with_retry_after(Duration::from_secs(4)));
            assert!((4000..=4200).contains(&named.as_millis()), "{named:?}");
        }
    }
}
