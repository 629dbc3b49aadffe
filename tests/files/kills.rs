//! Runs that are killed again and again, each time at another moment.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
#![expect(clippy::print_stderr, reason = "the figures of a long test")]

use std::{process::Child, time::Duration};

use crate::support::{Reply, Server};

/// Requests in flight of each run: so many may be sent twice because of a kill.
const IN_FLIGHT: u64 = 8;

/// The number of kills: `TRIBUNAL_KILLS`, for a longer test, or this one.
pub(super) fn count(usual: u64) -> u64 {
    let set = std::env::var("TRIBUNAL_KILLS").ok().and_then(|count| count.parse().ok());
    set.unwrap_or(usual)
}

/// A run over so many records that is killed so many times.
pub(super) struct Killed {
    pub(super) records: usize,
    pub(super) kills: u64,
}

impl Killed {
    /// Starts a run, and kills it; then the next one. The server is so slow that the kills are spread over the whole
    /// input.
    #[expect(clippy::disallowed_methods, reason = "another process knows no paused clock")]
    pub(super) async fn again_and_again(&self, start: impl Fn(&Server) -> Child) -> Server {
        let pause = Duration::from_micros(self.kills * 95_000 * IN_FLIGHT / self.records as u64);
        let server = Server::start(move |_| {
            std::thread::sleep(pause);
            Reply::says("Fine.\nScore: 7")
        })
        .await;
        for round in 0..self.kills {
            let mut child = start(&server);
            // From before the first answer to far into the run.
            tokio::time::sleep(Duration::from_millis(15 + round * 37 % 160)).await;
            child.kill().unwrap();
            child.wait().unwrap();
        }
        server
    }

    /// Checks that only requests in flight at a kill were sent twice.
    pub(super) fn check_requests(&self, server: &Server) {
        let Self { records, kills } = *self;
        let twice = server.requests() - records;
        eprintln!("{kills} kills, {twice} of {records} requests paid twice");
        assert!(twice as u64 <= kills * IN_FLIGHT, "{twice} requests were paid twice");
    }
}
