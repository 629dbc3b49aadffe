//! Processes many records at once: bounded memory, a graceful stop, and a count of the records that were
//! never begun.
//!
//! Records that were read wait in [`Incoming`], which chooses the one that begins next.

use std::{
    panic::resume_unwind,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet};

use super::{
    RunOptions, Stop,
    incoming::{Incoming, Prepared, until},
};
use crate::{
    error::{Error, Result},
    records::{End, Ending, Record},
};

/// Begins records and accepts their results. The runner implements it; it contains nothing about tasks, stops
/// and deadlines.
pub(super) trait RecordHandler {
    /// A record that waits to begin.
    type Ready;
    /// The result of a record.
    type Done: Send + 'static;

    /// Prepares a record, in the order of the input.
    fn prepare(&mut self, record: Record) -> Prepared<Self::Ready>;

    /// Begins a record; the future runs as a task of its own.
    fn begin(&mut self, ready: Self::Ready) -> impl Future<Output = Self::Done> + Send + 'static;

    /// Accepts the results of records that have ended together, and returns how the run continues after each.
    ///
    /// # Errors
    /// A result cannot be kept; the run ends.
    fn end(&mut self, done: Vec<Self::Done>) -> Result<Vec<Proceed>>;
}

/// How a run continues after a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Proceed {
    /// Continue with the next record.
    Continue,
    /// Finish only the records in flight; this record counts as never begun.
    Interrupted,
    /// The same, because the budget of the run is spent.
    OutOfBudget(Error),
    /// Finish only the records in flight, because every later one would fail with this error.
    GiveUp(Error),
}

/// Processes every record, up to `concurrency` at a time, and returns how the run ended.
///
/// # Errors
/// The result of a record could not be kept.
pub(super) async fn each(
    records: impl Iterator<Item = Record> + Send + 'static,
    concurrency: usize,
    options: &RunOptions,
    work: &mut impl RecordHandler,
) -> Result<Ending> {
    let started = Instant::now();
    let mut stop = options.stop.clone();
    let mut incoming = Incoming::start(records, concurrency, options)?;
    // Each record is a task, so that all cores render and parse; tasks are dropped with the run.
    let mut flying = JoinSet::new();
    let (mut begun, mut ended) = (0, 0);
    let (mut gave_up, mut out_of_budget) = (None, None);
    let (mut acted, mut deadline) = (Stop::No, None::<Duration>);
    while !incoming.is_over() || !flying.is_empty() {
        while flying.len() < concurrency
            && let Some(ready) = incoming.next()
        {
            begun += 1;
            drop(flying.spawn(work.begin(ready)));
        }
        tokio::select! {
            Some(first) = flying.join_next(), if !flying.is_empty() => {
                let more = std::iter::from_fn(|| flying.try_join_next());
                let done = std::iter::once(first).chain(more);
                let done = done.map(|done| done.unwrap_or_else(|died| resume_unwind(died.into_panic())));
                for proceed in work.end(done.collect())? {
                    match proceed {
                        Proceed::Continue => ended += 1,
                        Proceed::Interrupted => incoming.close(),
                        Proceed::OutOfBudget(error) => {
                            out_of_budget.get_or_insert(error);
                            incoming.close();
                        }
                        Proceed::GiveUp(error) => {
                            ended += 1;
                            gave_up.get_or_insert(error);
                            incoming.close();
                        }
                    }
                }
            }
            record = incoming.read(), if incoming.has_room() => {
                if let Some(record) = record {
                    incoming.add(work.prepare(record));
                }
            }
            urgency = risen(&mut stop, acted) => {
                acted = urgency;
                incoming.close();
                deadline = Some(started.elapsed() + options.grace);
                if urgency == Stop::Now {
                    break;
                }
            }
            () = until(deadline.map(|end| end.saturating_sub(started.elapsed()))), if deadline.is_some() => break,
        }
    }
    // A record that ends because of the stop may arrive before this loop sees the stop itself.
    let asked = stop.as_ref().map_or(Stop::No, |stop| *stop.borrow());
    let end = match (gave_up, out_of_budget) {
        _ if acted.max(asked) != Stop::No => End::Stopped,
        (Some(error), _) => End::GaveUp(error),
        (None, Some(error)) => End::OutOfBudget(error),
        // A record that was interrupted without a stop was not completed.
        _ if begun > ended => End::Stopped,
        _ => return Ok(Ending::default()),
    };
    let left = match options.total {
        Some(total) => Some(total.saturating_sub(ended)),
        None => incoming.left().await.map(|left| left + begun - ended),
    };
    Ok(Ending { end, left })
}

/// Waits until a stop more urgent than `acted` is requested; forever if its sender is dropped.
async fn risen(stop: &mut Option<watch::Receiver<Stop>>, acted: Stop) -> Stop {
    let Some(stop) = stop else { return std::future::pending().await };
    let risen = stop.wait_for(|urgency| *urgency > acted).await.map(|urgency| *urgency);
    match risen {
        Ok(urgency) => urgency,
        Err(_) => std::future::pending().await,
    }
}
