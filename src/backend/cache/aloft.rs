//! Requests on their way within this process: one for each key, however many callers wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::AbortHandle};

use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::CacheKey,
};

/// The flights of a cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Aloft(Arc<Mutex<HashMap<CacheKey, Flight>>>);

/// One request, and who waits for it.
#[derive(Debug)]
struct Flight {
    /// Tells it from a later one of the same key.
    number: Arc<()>,
    arrival: watch::Receiver<Arrival>,
    waiters: usize,
    task: AbortHandle,
}

/// Nothing yet, or what came.
#[derive(Clone, Debug, Default)]
enum Arrival {
    #[default]
    Waiting,
    Came {
        result: Result<Landed>,
        /// Whether a caller took it over already: what it cost is reported once.
        taken: Arc<Mutex<bool>>,
    },
}

/// An answer that arrived.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) answer: Arc<Completion>,
    /// Whether a model was asked for it.
    pub(super) paid: bool,
}

impl Aloft {
    /// The answer to this key by the flight that is on its way, or by a new one; and whether this caller is
    /// the first to have it. A flight that nobody waits for is stopped after `patience`.
    pub(super) async fn board<F>(
        &self,
        key: CacheKey,
        patience: Duration,
        fly: impl FnOnce() -> F,
    ) -> Result<(Landed, bool)>
    where
        F: Future<Output = Result<Landed>> + Send + 'static,
    {
        let (ticket, mut arrival) = self.ticket(key, patience, fly);
        let came = arrival.wait_for(|arrival| !matches!(arrival, Arrival::Waiting)).await;
        let arrival = came.map(|arrival| arrival.clone());
        drop(ticket);
        match arrival {
            Ok(Arrival::Came { result, taken }) => {
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                result.map(|landed| (landed, !std::mem::replace(&mut *taken, true)))
            }
            _ => Err(Error::new(ErrorKind::Model, "the request died")),
        }
    }

    fn ticket<F>(
        &self,
        key: CacheKey,
        patience: Duration,
        fly: impl FnOnce() -> F,
    ) -> (Ticket, watch::Receiver<Arrival>)
    where
        F: Future<Output = Result<Landed>> + Send + 'static,
    {
        let mut flights = self.flights();
        let flight = flights.entry(key).or_insert_with(|| self.start(key, fly()));
        flight.waiters += 1;
        let number = flight.number.clone();
        (Ticket { aloft: self.clone(), key, number, patience }, flight.arrival.clone())
    }

    /// Starts a flight on a task of its own, which ends with it.
    fn start(
        &self,
        key: CacheKey,
        flying: impl Future<Output = Result<Landed>> + Send + 'static,
    ) -> Flight {
        let (sender, arrival) = watch::channel(Arrival::default());
        let number = Arc::new(());
        let leaving = Leaving { aloft: self.clone(), key, number: number.clone() };
        let task = tokio::spawn(async move {
            let result = flying.await;
            // Whoever comes from here on finds the answer in memory, or asks again.
            drop(leaving);
            drop(sender.send(Arrival::Came { result, taken: Arc::default() }));
        });
        Flight { number, arrival, waiters: 0, task: task.abort_handle() }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<CacheKey, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops a flight that nobody waits for.
    fn stop(&self, key: &CacheKey, number: &Arc<()>) {
        let mut flights = self.flights();
        let idle = |flight: &Flight| Arc::ptr_eq(&flight.number, number) && flight.waiters == 0;
        if flights.get(key).is_some_and(idle)
            && let Some(flight) = flights.remove(key)
        {
            flight.task.abort();
        }
    }
}

/// Takes a flight off the list when it ends, however it ends.
struct Leaving {
    aloft: Aloft,
    key: CacheKey,
    number: Arc<()>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut flights = self.aloft.flights();
        if flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(&flight.number, &self.number)) {
            flights.remove(&self.key);
        }
    }
}

/// A caller who waits; dropped when it has the answer or gives up.
struct Ticket {
    aloft: Aloft,
    key: CacheKey,
    number: Arc<()>,
    patience: Duration,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(flight) = self.aloft.flights().get_mut(&self.key)
            && Arc::ptr_eq(&flight.number, &self.number)
        {
            flight.waiters = flight.waiters.saturating_sub(1);
        } else {
            return;
        }
        let (aloft, key, number) = (self.aloft.clone(), self.key, self.number.clone());
        match (self.patience, tokio::runtime::Handle::try_current()) {
            (Duration::ZERO, _) | (_, Err(_)) => aloft.stop(&key, &number),
            (patience, Ok(runtime)) => drop(runtime.spawn(async move {
                wait(patience).await;
                aloft.stop(&key, &number);
            })),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a backend, and an answer may still come")]
async fn wait(patience: Duration) {
    tokio::time::sleep(patience).await;
}
