//! The records that have not begun: they are read in a thread of their own, and wait in a [`Window`].

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{RunOptions, window::Window};
use crate::{
    error::{Error, ErrorKind, Result},
    records::Record,
};

/// How long the rest of the input may be read only to count it.
const COUNTING: Duration = Duration::from_secs(2);

/// How long a run collects records before the first one begins, so that it can choose among them: a file is
/// read to its end or until the window is full, and a pipe may be slow.
const COLLECTING: Duration = Duration::from_secs(2);
const COLLECTING_FROM_PIPE: Duration = Duration::from_millis(50);

/// A record that can begin.
pub(super) struct Prepared<R> {
    /// The record.
    pub(super) record: R,
    /// The text by which its place is chosen; `None` if it begins at once.
    pub(super) prefix: Option<String>,
    /// About how many bytes of memory it takes.
    pub(super) bytes: usize,
}

/// The records that have not begun: those that wait, and those that are still to be read.
pub(super) struct Incoming<R> {
    reader: RecordReader,
    window: Window<R>,
    /// Until when records are only collected; `None` if they begin as soon as they may.
    collects: Option<Instant>,
    /// How many records waited when the run stopped reading.
    dropped: usize,
}

impl<R> Incoming<R> {
    /// Starts to read records.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(
        records: impl Iterator<Item = Record> + Send + 'static,
        concurrency: usize,
        options: &RunOptions,
    ) -> Result<Self> {
        let counts = options.total.is_none() && options.counts_rest;
        let reader = RecordReader::start(records, concurrency, counts)?;
        let time = if options.counts_rest { COLLECTING } else { COLLECTING_FROM_PIPE };
        let collects = Instant::now().checked_add(time);
        Ok(Self { reader, window: Window::default(), collects, dropped: 0 })
    }

    /// Whether no further record begins.
    pub(super) fn is_over(&self) -> bool {
        !self.reader.is_open && self.window.is_empty()
    }

    /// Whether another record may be read.
    pub(super) fn has_room(&self) -> bool {
        self.reader.is_open && self.window.has_room()
    }

    /// Reads a record; `None` after the last one, and when records have been collected for long enough.
    pub(super) async fn read(&mut self) -> Option<Record> {
        let Some(end) = self.collects else { return self.reader.next().await };
        tokio::select! {
            record = self.reader.next() => record,
            () = until(Some(end.saturating_duration_since(Instant::now()))) => {
                self.collects = None;
                None
            }
        }
    }

    /// Adds a record that was read.
    pub(super) fn add(&mut self, prepared: Prepared<R>) {
        let Prepared { record, prefix, bytes } = prepared;
        self.window.add(record, prefix, bytes);
    }

    /// The record that begins next; `None` if it is to be read or awaited.
    pub(super) fn next(&mut self) -> Option<R> {
        let is_full = !self.window.has_room() && !self.window.begins_at_once();
        if is_full || !self.reader.is_open || self.collects.is_some_and(|end| end <= Instant::now())
        {
            self.collects = None;
        }
        self.window.next(self.collects.is_some())
    }

    /// Begins no more records, and reads no more.
    pub(super) fn close(&mut self) {
        self.reader.close();
        self.dropped += self.window.len();
        self.window = Window::default();
    }

    /// How many records were never begun; `None` if that cannot be determined within two seconds.
    pub(super) async fn left(&mut self) -> Option<usize> {
        Some(self.reader.left().await? + self.dropped)
    }
}

/// The most records that are taken from the thread at once.
const TOGETHER: usize = 64;

/// Reads records in a thread of its own.
struct RecordReader {
    taken: mpsc::Receiver<Record>,
    /// Records that were taken together, so that the threads wake each other seldom; the next one is the last.
    next: Vec<Record>,
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
        Ok(Self { taken, next: Vec::new(), rest: Some(rest), counts, is_open: true })
    }

    /// The next record; the reader closes after the last one.
    async fn next(&mut self) -> Option<Record> {
        if self.next.is_empty() {
            self.taken.recv_many(&mut self.next, TOGETHER).await;
            self.next.reverse();
        }
        let record = self.next.pop();
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
        let mut read = self.next.len();
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

/// Waits so long; not at all without a time.
#[expect(
    clippy::disallowed_methods,
    reason = "a stopping run waits for its grace period, and a starting one for records to choose from"
)]
pub(super) async fn until(time: Option<Duration>) {
    tokio::time::sleep(time.unwrap_or_default()).await;
}
