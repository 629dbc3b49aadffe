//! The layer around a model whose answers are cached.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    super::{Backend, Layer},
    Cache, KeyLock, Mode, Shared,
    flights::Landed,
};
use crate::{
    completion::{Completion, Finish},
    error::Result,
    request::{Ask, CacheKey, Request},
};

/// How long a server may take to finish an answer after the last caller has stopped waiting.
const LANDING: Duration = Duration::from_secs(60);

/// A backend with cached answers: see [`Cache`].
///
/// # Order
/// Above all layers that cost, wait or count: a cached answer is free, has no attempts, and is marked as
/// [`cached`](Completion::cached). Only a recording belongs above it.
///
/// # Errors
/// Those of the wrapped backend. All callers that wait for the same answer share one failure, which is not
/// cached. A broken store is never an error.
///
/// # Cancellation
/// Dropping a caller leaves the request to the other callers that wait for it. When the last one is dropped,
/// a model in this process stops; a server has 60 seconds to finish its answer, which is then stored because
/// it is paid for.
#[derive(Clone, Debug)]
pub struct Cached {
    pub(super) cache: Cache,
    pub(super) inner: Arc<dyn Backend>,
}

impl Cached {
    /// Gets the answer for all callers that wait for it, and stores it.
    async fn fly(self, key: CacheKey, request: Request) -> Result<Landed> {
        let Shared { mode, memory, .. } = &*self.cache.0;
        if *mode != Mode::Write
            && let Some(kept) = memory.get(&key).await
        {
            // An earlier flight ended after the caller had looked into memory.
            return Ok(Landed { answer: kept, paid: false });
        }
        self.lead(&key, &request).await
    }

    /// Asks the model, unless another flight or process has stored the answer meanwhile, and keeps the answer.
    async fn lead(&self, key: &CacheKey, request: &Request) -> Result<Landed> {
        let shared = &self.cache.0;
        let lock = match shared.mode {
            Mode::On => shared.locked(key).await,
            _ => Ok(KeyLock(None)),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(found) => return Ok(Landed { answer: Arc::new(*found), paid: false }),
        };
        let answer = Arc::new(self.inner.complete(request).await?);
        if is_lasting(&answer) && !self.is_cut(&answer, request) {
            let disk = if shared.mode == Mode::Read { None } else { shared.opened().await };
            let is_stored = match disk {
                Some(disk) => disk.put(key, &answer, self.inner.name()).await,
                None => false,
            };
            // What is in the store is found there as long as it is read.
            if !is_stored || shared.mode != Mode::On {
                shared.memory.insert(*key, answer.clone()).await;
            }
        }
        drop(lock);
        Ok(Landed { answer, paid: true })
    }

    /// Whether the answer was cut off by something that is no part of the request: a model in this process stopped at the
    /// end of its context, and with a longer context it would have continued.
    fn is_cut(&self, answer: &Completion, request: &Request) -> bool {
        // Code that took too long on a busy machine may end another time.
        if matches!(request.ask, Ask::Run { .. }) {
            return answer.finish == Finish::Length;
        }
        let allowed = request.sampling.max_tokens.map(u64::from);
        self.inner.is_in_process()
            && answer.finish == Finish::Length
            && allowed
                .is_none_or(|most| answer.usage.completion.is_none_or(|written| written < most))
    }
}

/// Whether the answer is worth storing: after a refusal, a failure or an empty answer, the next one may
/// differ. An answer that is empty because thinking used up its limit of tokens is paid for, and decides that more are
/// asked for.
pub(super) fn is_lasting(completion: &Completion) -> bool {
    let finish = &completion.finish;
    let has_content = !completion.text.trim().is_empty()
        || completion.distribution.is_some()
        || *finish == Finish::Length;
    has_content && *finish != Finish::Filtered && !finish.is_accident()
}

#[async_trait]
impl Layer for Cached {
    fn below(&self) -> &dyn Backend {
        &*self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let mode = self.cache.0.mode;
        if mode == Mode::Off {
            return self.inner.complete(request).await;
        }
        let key = request.key(self.identity());
        if mode == Mode::Write {
            // An earlier answer must not be returned for this request.
            self.cache.0.memory.invalidate(&key).await;
        } else if let Some(found) = self.cache.found(&key).await {
            return Ok(Completion { attempts: 0, cached: true, ..found });
        }
        let landing = if self.inner.is_in_process() { Duration::ZERO } else { LANDING };
        let fly = || self.clone().fly(key, request.clone());
        let (landed, is_first) = self.cache.0.flights.join(key, landing, fly).await?;
        let cached = !(landed.paid && is_first);
        let attempts = if cached { 0 } else { landed.answer.attempts };
        Ok(Completion { attempts, cached, ..(*landed.answer).clone() })
    }
}
