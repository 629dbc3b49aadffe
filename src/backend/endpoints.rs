//! Several servers, or several keys, for one model.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Backend, Layer};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// How long an endpoint receives nothing after its first failure in a row, and at most.
const COOLDOWN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One model at several endpoints: servers that run it, or keys of one server.
///
/// A request goes to the endpoint with the fewest requests in flight relative to its weight. An endpoint with
/// a temporary failure receives no requests for one second, doubling up to 30 seconds (or for the time that
/// it names), and the request goes to another endpoint at once. An endpoint that refuses its key, has an
/// empty account, or does not have the model is no longer used, with a warning. If all endpoints are cooling
/// down, the one that is ready first is asked.
///
/// For cache keys and prompts it is one model: name, identity, capabilities and price are those of the first
/// endpoint. Only endpoints that give the same answers belong together.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Completion, Error, ErrorKind, backend::{Backend, Endpoints, from_fn}, request::Request};
///
/// let dead = from_fn("m", async |_: Request| Err(Error::new(ErrorKind::Unauthorized, "wrong key")));
/// let alive = from_fn("m", async |_: Request| Ok(Completion::text("fine")));
/// let model = Endpoints::new(dead).and(alive, 2);
/// assert_eq!(model.complete(&Request::generate(Vec::new())).await?.text, "fine");
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Innermost, around the backends that send, so that all layers above see one model.
///
/// # Errors
/// Those of the last endpoint that was tried. An error that [is fatal](Error::is_fatal) is returned only if
/// no endpoint can be used any more.
#[derive(Debug)]
pub struct Endpoints {
    all: Vec<Endpoint>,
    loads: Mutex<Vec<Load>>,
}

#[derive(Debug)]
struct Endpoint {
    backend: Arc<dyn Backend>,
    weight: u32,
}

/// The current state of an endpoint.
#[derive(Clone, Debug, Default)]
struct Load {
    in_flight: u32,
    /// The number of failures in a row.
    failures: u32,
    /// Until when it receives no requests.
    cools_until: Option<Instant>,
    /// Why it is no longer used.
    out: Option<Error>,
}

impl Endpoints {
    /// The first endpoint, with weight 1; it names the model.
    pub fn new(first: impl Backend + 'static) -> Self {
        Self { all: Vec::new(), loads: Mutex::default() }.and(first, 1)
    }

    /// Adds an endpoint that receives `weight` times as many requests as one with weight 1.
    #[must_use]
    pub fn and(mut self, backend: impl Backend + 'static, weight: u32) -> Self {
        self.all.push(Endpoint { backend: Arc::new(backend), weight: weight.max(1) });
        self.loads().push(Load::default());
        self
    }

    fn loads(&self) -> MutexGuard<'_, Vec<Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoint for the next try, among those that this request has not tried.
    fn next(&self, tried: &[usize]) -> Option<InFlight<'_>> {
        let mut loads = self.loads();
        let now = Instant::now();
        let order = |index: &usize| {
            let Load { in_flight, cools_until, .. } = &loads[*index];
            let cools = cools_until.map(|until| until.saturating_duration_since(now));
            // Requests in flight per unit of weight, as an integer.
            let load = u64::from(in_flight + 1) * 1_000_000 / u64::from(self.all[*index].weight);
            (cools.unwrap_or_default(), load, fastrand::u32(..))
        };
        let open = (0..self.all.len())
            .filter(|index| !tried.contains(index) && loads[*index].out.is_none());
        let index = open.map(|index| (order(&index), index)).min()?.1;
        loads[index].in_flight += 1;
        Some(InFlight { endpoints: self, index })
    }

    /// Records a failure. Returns whether another endpoint may succeed.
    fn failed(&self, index: usize, error: &Error) -> bool {
        let load = &mut self.loads()[index];
        if error.is_fatal() {
            if load.out.replace(unsent(error)).is_none() {
                let (name, place) = (self.all[index].backend.name(), index + 1);
                tracing::warn!("endpoint {place} of {name} is no longer used: {error}");
            }
            return true;
        }
        if !error.is_transient() || error.is_worth_one_retry() {
            // The request itself is the cause.
            return false;
        }
        let (first, longest) = COOLDOWN;
        let grown = first.saturating_mul(2_u32.saturating_pow(load.failures)).min(longest);
        load.failures = load.failures.saturating_add(1);
        load.cools_until = Some(Instant::now() + error.retry_after().unwrap_or(grown).min(longest));
        true
    }

    fn answered(&self, index: usize) {
        let load = &mut self.loads()[index];
        (load.failures, load.cools_until) = (0, None);
    }

    /// The error if no endpoint can be used.
    fn none_left(&self) -> Error {
        let out = self.loads().iter().find_map(|load| load.out.clone());
        out.unwrap_or_else(|| Error::new(ErrorKind::Unreachable, "the model has no endpoint"))
    }
}

/// The same error for requests that are not sent because of it.
fn unsent(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.to_string());
    error.hints().iter().cloned().fold(same, Error::hint)
}

/// A request in flight to an endpoint.
struct InFlight<'e> {
    endpoints: &'e Endpoints,
    index: usize,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let load = &mut self.endpoints.loads()[self.index];
        load.in_flight = load.in_flight.saturating_sub(1);
    }
}

#[async_trait]
impl Layer for Endpoints {
    fn below(&self) -> &dyn Backend {
        // There is always a first endpoint.
        &*self.all[0].backend
    }

    /// The sum over all endpoints.
    fn width(&self) -> usize {
        self.all.iter().map(|endpoint| endpoint.backend.concurrency()).sum()
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let mut tried = Vec::new();
        let (mut attempts, mut last) = (0_u32, None::<Error>);
        while let Some(flight) = self.next(&tried) {
            let index = flight.index;
            tried.push(index);
            let answer = self.all[index].backend.complete(request).await;
            drop(flight);
            match answer {
                Ok(completion) => {
                    self.answered(index);
                    let attempts = completion.attempts.saturating_add(attempts);
                    return Ok(Completion { attempts, ..completion });
                }
                Err(error) => {
                    let goes_on = self.failed(index, &error);
                    attempts = error.attempts().saturating_add(attempts);
                    // While another endpoint may still answer, the error does not end the run.
                    if !goes_on || !error.is_fatal() || last.is_none() {
                        last = Some(error);
                    }
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        let error = last.unwrap_or_else(|| self.none_left());
        let others = attempts.saturating_sub(error.attempts());
        Err(error.after_attempts(others))
    }
}
