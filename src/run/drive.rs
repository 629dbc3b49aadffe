//! Processes many records at once: bounded memory, a graceful stop, and a count of the records that were
//! never begun.

use std::{
    panic::resume_unwind,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{RunOptions, Stop};
use crate::{
    error::{Error, ErrorKind, Result},
    records::{End, Ending, Record},
};

/// How long the rest of the input may be read only to count it.
const COUNTING: Duration = Duration::from_secs(2);

/// Begins records and accepts their results. The runner implements it; it contains nothing about tasks, stops
/// and deadlines.
pub(super) trait RecordHandler {
    /// The result of a record.
    type Done: Send + 'static;

    /// Begins a record; the future runs as a task of its own.
    fn begin(&mut self, record: Record) -> impl Future<Output = Self::Done> + Send + 'static;

    /// Accepts the result of a record, and returns how the run continues.
    ///
    /// # Errors
    /// The result cannot be kept; the run ends.
    fn end(&mut self, done: Self::Done) -> Result<Proceed>;
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
    let counts = options.total.is_none() && options.counts_rest;
    let mut reader = RecordReader::start(records, concurrency, counts)?;
    // Each record is a task, so that all cores render and parse; tasks are dropped with the run.
    let mut flying = JoinSet::new();
    let (mut begun, mut ended) = (0, 0);
    let (mut gave_up, mut out_of_budget) = (None, None);
    let (mut acted, mut deadline) = (Stop::No, None::<Duration>);
    while reader.is_open || !flying.is_empty() {
        tokio::select! {
            Some(done) = flying.join_next(), if !flying.is_empty() => {
                match work.end(done.unwrap_or_else(|died| resume_unwind(died.into_panic())))? {
                    Proceed::Continue => ended += 1,
                    Proceed::Interrupted => reader.close(),
                    Proceed::OutOfBudget(error) => {
                        out_of_budget.get_or_insert(error);
                        reader.close();
                    }
                    Proceed::GiveUp(error) => {
                        ended += 1;
                        gave_up.get_or_insert(error);
                        reader.close();
                    }
                }
            }
            record = reader.next(), if reader.is_open && flying.len() < concurrency => {
                if let Some(record) = record {
                    begun += 1;
                    drop(flying.spawn(work.begin(record)));
                }
            }
            urgency = risen(&mut stop, acted) => {
                acted = urgency;
                reader.close();
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
        None => reader.left().await.map(|left| left + begun - ended),
    };
    Ok(Ending { end, left })
}

/// Reads records in a thread of its own.
struct RecordReader {
    taken: mpsc::Receiver<Record>,
    /// Receives the number of unread records when the thread ends.
    rest: Option<oneshot::Receiver<usize>>,
    /// Whether the thread counts the rest.
    counts: bool,
    is_open: bool,
}

impl RecordReader {
    /// Starts a thread, because reading a pipe may block forever, and neither the run nor the runtime may
    /// wait for that.
    fn start(
        mut records: impl Iterator<Item = Record> + Send + 'static,
        ahead: usize,
        counts: bool,
    ) -> Result<Self> {
        let (queue, taken) = mpsc::channel(ahead);
        let (counted, rest) = oneshot::channel();
        let read = move || {
            let refused = records.any(|record| queue.blocking_send(record).is_err());
            if !refused {
                let _ = counted.send(0);
            } else if counts {
                let more = records.by_ref().take_while(|_| !counted.is_closed()).count();
                let _ = counted.send(1 + more);
            }
        };
        let thread = thread::Builder::new().name("records".into()).spawn(read);
        thread.map_err(|cause| {
            Error::new(ErrorKind::Io, "no thread to read records").because(cause)
        })?;
        Ok(Self { taken, rest: Some(rest), counts, is_open: true })
    }

    /// The next record; the reader closes after the last one.
    async fn next(&mut self) -> Option<Record> {
        let record = self.taken.recv().await;
        self.is_open = record.is_some();
        record
    }

    /// Accepts no more records; the thread counts the rest, or ends.
    fn close(&mut self) {
        self.is_open = false;
        self.taken.close();
    }

    /// How many records were never begun; `None` if that cannot be determined within two seconds.
    async fn left(&mut self) -> Option<usize> {
        let mut read = 0;
        while self.taken.recv().await.is_some() {
            read += 1;
        }
        let mut rest = self.rest.take()?;
        let rest = if self.counts {
            tokio::time::timeout(COUNTING, rest).await.ok()?.ok()
        } else {
            // The thread may be blocked by a pipe.
            rest.try_recv().ok()
        };
        rest.map(|rest| read + rest)
    }
}

/// Waits until a stop more urgent than `acted` is requested; forever if its sender is dropped.
async fn risen(stop: &mut Option<watch::Receiver<Stop>>, acted: Stop) -> Stop {
    let Some(stop) = stop else { return std::future::pending().await };
    match stop.wait_for(|urgency| *urgency > acted).await {
        Ok(urgency) => *urgency,
        Err(_) => std::future::pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stopping run waits for its grace period and no longer"
)]
async fn until(time: Option<Duration>) {
    tokio::time::sleep(time.unwrap_or_default()).await;
}
