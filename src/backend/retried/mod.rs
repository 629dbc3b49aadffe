//! A layer that retries temporary failures.

mod gate;

use std::time::Duration;

use async_trait::async_trait;
use tokio::{sync::watch, time::Instant};

use self::gate::{Gate, RetryDecision};
use super::{Backend, Budget, Layer, pause::pause};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// Which failed requests are retried, when, and how many times.
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
    /// The most retries of one request while the server responds. Default 7.
    pub retries: u32,
    /// The longest wait before the first retry; it doubles with each retry. Default 200 ms; at least 50 ms is
    /// sensible.
    pub first_wait: Duration,
    /// The longest time from the first try to the start of the last one. Default 5 minutes; [`Retry::timed`]
    /// adapts it to the timeout of one try.
    pub limit: Duration,
    /// Retries of all requests together, as a share of the requests: 0.2 allows a fifth more requests.
    pub share: f64,
    /// Retries that are allowed in addition to that share, so that a short run survives a bad minute. Default
    /// 100.
    pub allowance: u32,
    /// How long a server that answered before may be down. Default 2 minutes. It is also the longest wait
    /// that a server may ask for; a longer one fails the request.
    pub patience: Duration,
    /// The budget of the run, if there is one: each retry is counted before it is sent. Without it, retries
    /// count when their answer arrives.
    pub budget: Option<Budget>,
    /// Becomes `true` when the run is to stop; nothing is retried after that.
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

/// The default for the shortest time limit.
const LIMIT: Duration = Duration::from_secs(300);

impl Retry {
    /// The default policy for tries with this timeout: a server that does not respond is tried three times.
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
    /// together do not return together. The wait is added to the time that the server names, if there is one.
    ///
    /// If most requests succeed (`is_calm`), a failure is an accident of one request: the waits stay short, and do
    /// not delay the end of a run. Otherwise they grow. They grow faster after a rate limit, because servers count
    /// rates per minute, and together they last longer than a minute.
    fn wait(&self, tries: u32, error: &Error, is_calm: bool) -> Duration {
        let outlasts = !is_calm && error.kind() == ErrorKind::RateLimited;
        let (growth, longest): (u32, u64) = match (is_calm, outlasts) {
            (true, _) => (2, 1),
            (false, true) => (4, 30),
            (false, false) => (2, 10),
        };
        let grown = growth.saturating_pow(tries.saturating_sub(1));
        let step = self.first_wait.saturating_mul(grown).min(Duration::from_secs(longest));
        match error.retry_after() {
            Some(named) => named + self.first_wait.mul_f64(fastrand::f64()),
            None if outlasts => step.mul_f64(0.75 + 0.25 * fastrand::f64()),
            None => step.mul_f64(fastrand::f64()),
        }
    }
}

/// Retries the temporary failures of a backend: see [`Retry`].
///
/// # What is retried
/// Errors that [are transient](Error::is_transient): rate limits, busy servers, timeouts, broken connections.
/// An error that is [retried once](Error::is_worth_one_retry), such as a damaged answer, gets one more try.
/// All other errors are returned at once.
///
/// # How many requests that makes
/// All requests through one layer share a budget: a bucket that starts with [`Retry::allowance`] retries,
/// never contains more, and gains [`Retry::share`] of a retry with every request and one retry per second. If
/// the bucket is empty, a retry waits for its turn. A server in trouble therefore receives at most a fifth
/// more requests, and requests are delayed before they fail.
///
/// A server that answered before and is down (five failures in a row without a response: no connection, a
/// timeout, 502, 503, 504) is handled differently. Retries are then unlimited. Instead, one request per
/// second checks whether the server is up again, and the others wait for it, for up to [`Retry::patience`].
/// After that, every request is tried once.
///
/// # Order
/// Above [`Limited`](super::Limited), so that a waiting request holds no permit and each try gets a new one.
/// Below a cache and a budget, which count one request.
///
/// # Errors
/// The last error, with the [attempts](Error::attempts) of all tries. It
/// [is interrupted](Error::is_interrupted) if the run stops before the next try.
///
/// # Cancellation
/// Dropping the future cancels the request; other retries use its turn.
#[derive(Debug)]
pub struct Retried<B> {
    inner: B,
    policy: Retry,
    gate: Gate,
}

impl<B: Backend> Retried<B> {
    /// Retries requests to `inner` by this policy.
    pub fn new(inner: B, policy: Retry) -> Self {
        let gate = Gate::new(policy.share, policy.allowance, policy.patience);
        Self { inner, policy, gate }
    }

    /// Waits until the next try may begin.
    ///
    /// # Errors
    /// The final error, if there is no further try.
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
        // While a server is down, a retry waits only for its turn to check.
        let wait = if is_gone {
            Duration::ZERO
        } else {
            policy.wait(tries.count, &error, self.gate.is_calm())
        };
        let is_limited = error.kind() == ErrorKind::RateLimited;
        tracing::debug!(tries = tries.count, ?wait, %error, "asking again");
        let waited = async {
            if Instant::now() + wait > until {
                return RetryDecision::Late;
            }
            pause(wait).await;
            let permit = tokio::time::timeout_at(until, self.gate.permit(is_limited)).await;
            permit.unwrap_or(RetryDecision::Late)
        };
        match self.unless_stopped(waited).await {
            Some(RetryDecision::Given) => match &policy.budget {
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

    /// The result of `waited`; `None` if the run is stopped before.
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
    /// The number of tries.
    count: u32,
    /// The number of tries with an error that allows only one more try.
    accidents: u32,
    /// The requests that were sent; a backend may need several for one try.
    requests: u32,
}

impl Tries {
    fn begin() -> Self {
        Self { started: Instant::now(), count: 0, accidents: 0, requests: 0 }
    }

    fn failed(&mut self, error: &Error) {
        self.count += 1;
        self.accidents += u32::from(error.is_worth_one_retry());
        self.requests = self.requests.saturating_add(error.attempts_or_one());
    }

    /// Whether another try may help, and is within the limits.
    fn deserves_more(&self, error: &Error, policy: &Retry, is_gone: bool) -> bool {
        let may_pass =
            if error.is_worth_one_retry() { self.accidents <= 1 } else { error.is_transient() };
        may_pass && (is_gone || self.count <= policy.retries)
    }

    /// The error after the last try.
    fn over(&self, error: Error) -> Error {
        const TRIED: &str = "it was tried ";
        let earlier = self.requests.saturating_sub(error.attempts());
        let error = error.after_attempts(earlier);
        if self.count <= 1 {
            return error;
        }
        // A layer of retries below has counted its own tries.
        error.hint_in_place(TRIED, format!("{TRIED}{} times", self.requests))
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
            assert!(policy.wait(30, &busy, true) <= Duration::from_secs(1));
            assert!(policy.wait(1, &busy, false) <= Duration::from_millis(200));
            assert!(policy.wait(1, &limited, true) <= Duration::from_millis(200));
            assert!(policy.wait(30, &busy, false) <= Duration::from_secs(10));
            let all: Duration = (1..=policy.retries).map(|n| policy.wait(n, &limited, false)).sum();
            assert!(all > Duration::from_secs(60), "{all:?}");
            let named =
                policy.wait(3, &busy.clone().with_retry_after(Duration::from_secs(4)), false);
            assert!((4000..=4200).contains(&named.as_millis()), "{named:?}");
        }
    }
}
