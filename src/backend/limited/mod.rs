//! A layer that limits how many requests are in flight, and how many are sent per minute.

mod rate;
mod width;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{Mutex as Turn, watch},
    time::Instant,
};

use self::{
    rate::Rate,
    width::{Permit, Width},
};
use super::{
    Backend, Layer,
    estimate::{answer_tokens, prompt_tokens},
    pause::pause,
};
use crate::{
    completion::Completion,
    error::{Error, Result},
    request::Request,
};

/// The limits for one model: requests in flight, requests per minute and tokens per minute.
///
/// ```
/// use tribunal::backend::Limit;
///
/// let limit = Limit { requests_per_minute: Some(500), ..Limit::from(8) };
/// assert_eq!((limit.in_flight, limit.adapts), (8, true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The most requests in flight, at least 1. The flag `-j` sets it.
    pub in_flight: usize,
    /// Whether the number of requests in flight shrinks while the server refuses them: see [`Limited`].
    /// Default `true`.
    pub adapts: bool,
    /// The most requests per minute, sent at an even pace.
    pub requests_per_minute: Option<u32>,
    /// The most tokens per minute, of prompts and answers together. They are estimated when a request is
    /// sent, and corrected when its answer arrives.
    pub tokens_per_minute: Option<u64>,
}

/// A limit on the requests in flight, without limits per minute.
impl From<usize> for Limit {
    fn from(in_flight: usize) -> Self {
        Self { in_flight, adapts: true, requests_per_minute: None, tokens_per_minute: None }
    }
}

/// Sends at most a fixed number of requests at once; further requests wait in order of arrival.
///
/// However many requests result from draws, orders, steps and members, the model receives at most
/// [`Limit::in_flight`] of them at a time.
///
/// # How it adapts
/// An occasional rate limit or overload is left to the layer that retries. If more than 15 % of the recent
/// answers (those of the last second, and at least the last ten) are refusals, the number of requests in
/// flight shrinks by a tenth, at most once per round trip. While all permits are in use, every successful
/// round trip adds one again, up to the limit. If more than a fifth of the recent answers are rate limits,
/// nothing is sent for the time that the server asks for, or for one second.
///
/// # Order
/// Below a cache, so that a cached answer needs no permit. Below retries, so that a request holds no permit
/// while it waits for its next try.
///
/// # Errors
/// Those of the wrapped backend. If the server rejects the key, or every request would fail for another reason
/// ([`Error::is_fatal`]), the requests that are waiting fail with that error and are not sent.
///
/// # Cancellation
/// Dropping the future removes the request from the queue, or returns its permit.
#[derive(Debug)]
pub struct Limited<B> {
    /// The wrapped backend.
    inner: B,
    /// Whether the number of permits adapts to refusals.
    adapts: bool,
    /// The permits.
    width: Width,
    /// Held by the request that is sent next; the others wait for it.
    turn: Turn<()>,
    /// The limits per minute.
    rates: Mutex<Rates>,
    /// The last error that every request would meet.
    fatal: watch::Sender<Option<Error>>,
}

/// The limits per minute, and the mean length of answers that estimates are based on.
#[derive(Debug)]
struct Rates {
    requests: Option<Rate>,
    tokens: Option<Rate>,
    /// Tokens of all answers so far, and the number of these answers.
    written: (u64, u64),
}

impl<B: Backend> Limited<B> {
    /// Limits the requests to `inner`.
    pub fn new(inner: B, limit: impl Into<Limit>) -> Self {
        let Limit { in_flight, adapts, requests_per_minute, tokens_per_minute } = limit.into();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let tokens = tokens_per_minute.map(|tokens| Rate::new(tokens as f64, TOKENS_HELD));
        let requests = requests_per_minute.map(|it| Rate::new(f64::from(it), REQUESTS_HELD));
        Self {
            inner,
            adapts,
            width: Width::new(in_flight),
            turn: Turn::new(()),
            rates: Mutex::new(Rates { requests, tokens, written: (0, 0) }),
            fatal: watch::Sender::default(),
        }
    }

    /// How many requests may be in flight now: the limit, or fewer while the server refuses requests.
    pub fn in_flight(&self) -> usize {
        self.width.now()
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the request may be sent. Returns the permit and the number of tokens that were reserved.
    ///
    /// # Errors
    /// A fatal error of another request, if it occurs while this one waits.
    async fn admitted(&self, request: &Request) -> Result<(Permit, f64)> {
        let mut fatal = self.fatal.subscribe();
        tokio::select! {
            biased;
            Some(error) = changed(&mut fatal) => Err(error.unsent()),
            admitted = self.queued(request) => Ok(admitted),
        }
    }

    /// Waits for the turn of the request, a permit and the limits per minute.
    async fn queued(&self, request: &Request) -> (Permit, f64) {
        let _turn = self.turn.lock().await;
        let permit = self.width.permit().await;
        let planned = self.planned(request);
        while let Some(wait) = self.width.pause().or_else(|| self.rates().take(planned).err()) {
            pause(wait).await;
        }
        (permit, planned)
    }

    /// The expected tokens of a request, or 0 if tokens are not limited.
    fn planned(&self, request: &Request) -> f64 {
        let rates = self.rates();
        if rates.tokens.is_none() {
            return 0.0;
        }
        let (tokens, answers) = rates.written;
        drop(rates);
        let answer = answer_tokens(tokens.checked_div(answers), request);
        amount(prompt_tokens(&self.inner, request).saturating_add(answer))
    }

    /// Replaces the reserved tokens by those that the answer used, if they were reported.
    fn landed(&self, planned: f64, completion: &Completion) {
        let usage = completion.usage;
        let (Some(prompt), Some(written)) = (usage.prompt, usage.completion) else { return };
        let mut rates = self.rates();
        rates.written.0 += written;
        rates.written.1 += 1;
        if let Some(tokens) = &mut rates.tokens {
            tokens.correct(amount(prompt.saturating_add(written)) - planned);
        }
    }
}

/// The next fatal error.
async fn changed(fatal: &mut watch::Receiver<Option<Error>>) -> Option<Error> {
    fatal.changed().await.ok()?;
    fatal.borrow().clone()
}

/// The capacity of the two buckets: the requests of one second, and the tokens of ten seconds.
const REQUESTS_HELD: Duration = Duration::from_secs(1);
const TOKENS_HELD: Duration = Duration::from_secs(10);

/// A number of tokens as an amount in a bucket.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn amount(tokens: u64) -> f64 {
    tokens as f64
}

impl Rates {
    /// Reserves one request with this many tokens.
    ///
    /// # Errors
    /// The time to wait, if one of the two limits per minute does not allow the request yet.
    fn take(&mut self, tokens: f64) -> Result<(), Duration> {
        if let Some(rate) = &mut self.requests {
            rate.take(1.0)?;
        }
        let taken = self.tokens.as_mut().map_or(Ok(()), |rate| rate.take(tokens));
        if let (Err(_), Some(rate)) = (&taken, &mut self.requests) {
            rate.correct(-1.0);
        }
        taken
    }
}

#[async_trait]
impl<B: Backend> Layer for Limited<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    fn width(&self) -> usize {
        self.width.most()
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let (permit, planned) = self.admitted(request).await?;
        let sent = Instant::now();
        let answer = self.inner.complete(request).await;
        self.width.note(sent, answer.as_ref().err(), self.adapts);
        if let Some(error) = answer.as_ref().err().filter(|error| error.is_fatal()) {
            self.fatal.send_replace(Some(error.clone()));
        }
        drop(permit);
        if let Ok(completion) = &answer {
            self.landed(planned, completion);
        }
        answer
    }
}

/// How many records a run processes at once for a model with this many requests in flight.
///
/// It is twice that number, so that the model never waits while a record is read, rendered or written; at
/// most 1,024. For one request at a time it is one record.
pub fn records_open(in_flight: usize) -> usize {
    const MOST: usize = 1024;
    if in_flight <= 1 { 1 } else { in_flight.saturating_mul(2).min(MOST) }
}
