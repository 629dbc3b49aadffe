//! Requests in flight within this process: one for each key, however many callers wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::AbortHandle};

use super::super::pause::pause;
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::CacheKey,
};

/// The requests of a cache that are in flight, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<CacheKey, Flight>>>);

/// One request, and the number of callers that wait for it.
#[derive(Debug)]
struct Flight {
    /// Distinguishes it from a later request with the same key.
    number: Arc<()>,
    /// Receives the result.
    arrival: watch::Receiver<Arrival>,
    /// How many callers wait.
    waiters: usize,
    /// Stops the task of the request.
    task: AbortHandle,
}

/// The result of a flight, which is missing until it ends.
#[derive(Clone, Debug, Default)]
enum Arrival {
    #[default]
    Waiting,
    Came {
        result: Result<Landed>,
        /// Whether a caller has received it; the usage is reported to the first caller only.
        received: Arc<Mutex<bool>>,
    },
}

/// An answer that arrived.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    /// The answer, shared by all callers.
    pub(super) answer: Arc<Completion>,
    /// Whether a model was asked for it, so that it has a cost.
    pub(super) paid: bool,
}

impl Flights {
    /// Waits for the flight with this key, and starts one with `fly` if there is none. Returns the answer,
    /// and whether this caller is the first to receive it.
    ///
    /// # Errors
    /// The error of the request, which all callers share.
    ///
    /// # Cancellation
    /// When the last caller is dropped, the flight may go on for the time `landing`, and is then stopped.
    ///
    /// # Panics
    /// Outside a tokio runtime, where no task can be started.
    pub(super) async fn join<F>(
        &self,
        key: CacheKey,
        landing: Duration,
        fly: impl FnOnce() -> F,
    ) -> Result<(Landed, bool)>
    where
        F: Future<Output = Result<Landed>> + Send + 'static,
    {
        let (waiter, mut arrival) = self.wait(key, landing, fly);
        let came = arrival.wait_for(|arrival| !matches!(arrival, Arrival::Waiting)).await;
        let arrival = came.map(|arrival| arrival.clone());
        drop(waiter);
        match arrival {
            Ok(Arrival::Came { result, received }) => {
                let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                result.map(|landed| (landed, !std::mem::replace(&mut *received, true)))
            }
            _ => {
                Err(Error::new(ErrorKind::Model, "the task of the request ended without an answer"))
            }
        }
    }

    /// Registers the caller with the flight of this key, and starts the flight if there is none.
    fn wait<F>(
        &self,
        key: CacheKey,
        landing: Duration,
        fly: impl FnOnce() -> F,
    ) -> (Waiter, watch::Receiver<Arrival>)
    where
        F: Future<Output = Result<Landed>> + Send + 'static,
    {
        let mut flights = self.flights();
        let flight = flights.entry(key).or_insert_with(|| self.start(key, fly()));
        flight.waiters += 1;
        let number = flight.number.clone();
        (Waiter { flights: self.clone(), key, number, landing }, flight.arrival.clone())
    }

    /// Starts a flight as a task of its own.
    fn start(
        &self,
        key: CacheKey,
        flying: impl Future<Output = Result<Landed>> + Send + 'static,
    ) -> Flight {
        let (sender, arrival) = watch::channel(Arrival::default());
        let number = Arc::new(());
        let listed = RemovedOnEnd { flights: self.clone(), key, number: number.clone() };
        let task = tokio::spawn(async move {
            let result = flying.await;
            // From now on, a caller finds the answer in memory or starts a new flight.
            drop(listed);
            drop(sender.send(Arrival::Came { result, received: Arc::default() }));
        });
        Flight { number, arrival, waiters: 0, task: task.abort_handle() }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<CacheKey, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops a flight that no caller waits for.
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

/// Removes a flight from the list when it ends, even if its task panics or is aborted.
struct RemovedOnEnd {
    flights: Flights,
    key: CacheKey,
    number: Arc<()>,
}

impl Drop for RemovedOnEnd {
    fn drop(&mut self) {
        let mut flights = self.flights.flights();
        if flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(&flight.number, &self.number)) {
            flights.remove(&self.key);
        }
    }
}

/// A waiting caller; dropped when it has the answer or stops waiting.
struct Waiter {
    flights: Flights,
    key: CacheKey,
    number: Arc<()>,
    landing: Duration,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(flight) = self.flights.flights().get_mut(&self.key)
            && Arc::ptr_eq(&flight.number, &self.number)
        {
            flight.waiters = flight.waiters.saturating_sub(1);
        } else {
            return;
        }
        let (flights, key, number) = (self.flights.clone(), self.key, self.number.clone());
        match (self.landing, tokio::runtime::Handle::try_current()) {
            (Duration::ZERO, _) | (_, Err(_)) => flights.stop(&key, &number),
            (landing, Ok(runtime)) => drop(runtime.spawn(async move {
                pause(landing).await;
                flights.stop(&key, &number);
            })),
        }
    }
}
