//! Time limits of one try: for the connection, for the start of an answer, between two pieces of it, and in
//! total.
//!
//! | limit | plain answer | streamed answer |
//! |---|---|---|
//! | connection | 10 s | 10 s |
//! | first piece | `timeout` | `timeout` |
//! | between pieces | `idle_timeout` | `timeout` |
//! | in all | `timeout` | ten times `timeout` |

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{OpenAiOptions, failure::span};

/// The time for a connection, TLS included; a slower server counts as unreachable.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest time of a streamed answer, as a multiple of the longest gap between two pieces. A server that
/// sends a piece now and then must not keep a request open forever.
const LONGEST_STREAM: u32 = 10;

/// The time limits of every try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// From the request to an established connection.
    pub(super) connect: Duration,
    /// Between two pieces of a plain answer.
    idle: Duration,
    /// From the request to the last byte of a plain answer; between two pieces of a streamed one.
    timeout: Duration,
}

impl Timeouts {
    /// The limits that the options set.
    pub(super) fn new(options: &OpenAiOptions) -> Self {
        let OpenAiOptions { timeout, idle_timeout, .. } = *options;
        Self { connect: CONNECT.min(timeout), idle: idle_timeout.min(timeout), timeout }
    }

    /// The same limit for everything.
    pub(super) fn all(timeout: Duration) -> Self {
        Self { connect: timeout, idle: timeout, timeout }
    }

    /// Starts the clock of one try.
    pub(super) fn begin(self, is_streamed: bool) -> Timer {
        let started = Instant::now();
        let total =
            if is_streamed { self.timeout.saturating_mul(LONGEST_STREAM) } else { self.timeout };
        let idle = if is_streamed { self.timeout } else { self.idle };
        Timer { started, first: self.timeout, idle, total }
    }

    /// The message about a connection that was not established in time.
    pub(super) fn connect_message(self) -> String {
        format!("no connection within {}", span(self.connect))
    }
}

/// The clock of one try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    started: Instant,
    /// The limit on the time until an answer begins.
    first: Duration,
    /// The limit on the time between two pieces of an answer.
    idle: Duration,
    /// The limit on the total time of an answer.
    total: Duration,
}

/// The limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// No answer began in time.
    First,
    /// The answer began, and paused for too long.
    Idle,
    /// The answer began, and did not end in time.
    Total,
}

impl Timer {
    /// Waits for the head of an answer, up to the first limit.
    ///
    /// # Errors
    /// [`Late::First`] if the limit is exceeded.
    pub(super) async fn first<T>(&self, head: impl Future<Output = T>) -> Result<T, Late> {
        timeout_at(self.started + self.first, head).await.map_err(|_| Late::First)
    }

    /// Waits for the next piece of an answer, whether or not it has begun.
    ///
    /// # Errors
    /// The limit that is exceeded first.
    pub(super) async fn next<T>(
        &self,
        piece: impl Future<Output = T>,
        has_begun: bool,
    ) -> Result<T, Late> {
        if !has_begun {
            return self.first(piece).await;
        }
        let in_all = timeout_at(self.started + self.total, timeout(self.idle, piece)).await;
        in_all.map_err(|_| Late::Total)?.map_err(|_| Late::Idle)
    }

    /// The message about an answer that was too late.
    pub(super) fn message(&self, late: Late) -> String {
        match late {
            Late::First => format!("no answer within {}", span(self.first)),
            Late::Idle => format!("the answer stopped for {}", span(self.idle)),
            Late::Total => format!("the answer was not complete within {}", span(self.total)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn timer(is_streamed: bool) -> Timer {
        let second = Duration::from_secs(1);
        Timeouts { connect: second, idle: second * 3, timeout: second * 10 }.begin(is_streamed)
    }

    #[tokio::test(start_paused = true)]
    async fn every_limit_has_its_own_message() {
        let plain = timer(false);
        assert_eq!(plain.first(pending::<()>()).await, Err(Late::First));
        let plain = timer(false);
        assert_eq!(plain.next(ready(1), true).await, Ok(1));
        assert_eq!(plain.next(pending::<()>(), true).await, Err(Late::Idle));
        assert_eq!(plain.message(Late::First), "no answer within 10s");
        assert_eq!(plain.message(Late::Idle), "the answer stopped for 3s");
        assert_eq!(plain.message(Late::Total), "the answer was not complete within 10s");
        let message = Timeouts::all(Duration::from_millis(1500)).connect_message();
        assert_eq!(message, "no connection within 1s 500ms");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_piece_by_piece_is_limited_in_all() {
        for (is_streamed, gap, pieces) in [(false, 2, 4), (true, 9, 11)] {
            let timer = timer(is_streamed);
            let piece = || tokio::time::timeout(Duration::from_secs(gap), pending::<()>());
            for _ in 0..pieces {
                assert!(timer.next(piece(), true).await.is_ok());
            }
            let in_all = async { while timer.next(piece(), true).await.is_ok() {} };
            in_all.await;
            assert_eq!(timer.next(piece(), true).await, Err(Late::Total));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_timed_by_gap_and_a_plain_answer_from_its_start() {
        let (plain, streamed) = (timer(false), timer(true));
        tokio::time::advance(Duration::from_secs(9)).await;
        let slow = || tokio::time::timeout(Duration::from_secs(2), pending::<()>());
        assert_eq!(plain.next(slow(), true).await, Err(Late::Total));
        assert!(streamed.next(slow(), true).await.is_ok());
    }
}
