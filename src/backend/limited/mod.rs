//! A layer that keeps so many requests in flight, and no more.

mod rate;
mod width;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Mutex as Turn, time::Instant};

use self::{
    rate::Rate,
    width::{Permit, Width},
};
use super::{
    Backend, Layer,
    estimate::{answer_tokens, prompt_tokens},
    pause::pause,
};
use crate::{completion::Completion, error::Result, request::Request};

/// How many requests a model gets: at once, and by the minute.
///
/// ```
/// use tribunal::backend::Limit;
///
/// let limit = Limit { requests_per_minute: Some(500), ..Limit::from(8) };
/// assert_eq!((limit.in_flight, limit.adapts), (8, true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The most requests in flight; 1 at least. It is what `-j` sets.
    pub in_flight: usize,
    /// Whether fewer are sent at once while the server refuses them: see [`Limited`]. Default `true`.
    pub adapts: bool,
    /// The most requests a minute, sent evenly.
    pub requests_per_minute: Option<u32>,
    /// The most tokens a minute, read and written: estimated when a request is sent, and corrected when its
    /// answer comes.
    pub tokens_per_minute: Option<u64>,
}

/// So many requests in flight, whatever the minute.
impl From<usize> for Limit {
    fn from(in_flight: usize) -> Self {
        Self { in_flight, adapts: true, requests_per_minute: None, tokens_per_minute: None }
    }
}

/// A backend that gets at most so many requests at once; the others queue, first come, first served.
///
/// Whatever draws, orders, steps and members multiply to, the model sees no more than [`Limit::in_flight`]
/// requests at a time.
///
/// # How it adapts
/// Rate limits and overloads that come now and then are for a retry to deal with. Where more than a tenth of
/// the recent answers (of the last second, and the last ten at least) are such, the number of requests in
/// flight shrinks by a tenth, at most once a round trip; every round trip that is answered adds one, up to the
/// limit, while all permits are in use. Where more than a fifth are rate limits, nothing is sent for the time that the server names, else
/// for a second.
///
/// # Order
/// Below a cache, so that a remembered answer takes no permit; below retries, so that a request that waits
/// for its next try holds none.
///
/// # Errors
/// Those of the backend below.
///
/// # Cancellation
/// Dropping the future leaves the queue, or gives the permit back.
#[derive(Debug)]
pub struct Limited<B> {
    inner: B,
    adapts: bool,
    width: Width,
    /// The request that is sent next; the others queue for it.
    turn: Turn<()>,
    rates: Mutex<Rates>,
}

#[derive(Debug)]
struct Rates {
    requests: Option<Rate>,
    tokens: Option<Rate>,
    /// Tokens of all answers so far, and how many these are.
    written: (u64, u64),
}

impl<B: Backend> Limited<B> {
    /// Sends `inner` no more than this.
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
        }
    }

    /// How many requests may be in flight now: the limit, or fewer while the server refuses them.
    pub fn in_flight(&self) -> usize {
        self.width.now()
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the request may be sent, and gives the tokens that it was let through with.
    async fn admitted(&self, request: &Request) -> (Permit, f64) {
        let _turn = self.turn.lock().await;
        let permit = self.width.permit().await;
        let planned = self.planned(request);
        while let Some(wait) = self.width.pause().or_else(|| self.rates().take(planned).err()) {
            pause(wait).await;
        }
        (permit, planned)
    }

    /// Tokens that a request is likely to take; 0 where they are not limited.
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

    /// Corrects what was planned by what the answer took, where that is reported.
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

/// What may be sent at once after a rest: the requests of a second, the tokens of ten.
const REQUESTS_HELD: Duration = Duration::from_secs(1);
const TOKENS_HELD: Duration = Duration::from_secs(10);

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn amount(tokens: u64) -> f64 {
    tokens as f64
}

impl Rates {
    /// Takes one request of so many tokens from both buckets, or says how long to wait.
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
        let (permit, planned) = self.admitted(request).await;
        let sent = Instant::now();
        let answer = self.inner.complete(request).await;
        self.width.note(sent, answer.as_ref().err(), self.adapts);
        drop(permit);
        if let Ok(completion) = &answer {
            self.landed(planned, completion);
        }
        answer
    }
}

/// How many records a run keeps open for a model of this many requests in flight: twice as many, so that the
/// model never waits for a record to be read, rendered or written, and 1,024 at most.
pub fn records_open(in_flight: usize) -> usize {
    const MOST: usize = 1024;
    in_flight.saturating_mul(2).clamp(1, MOST)
}
