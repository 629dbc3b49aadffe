//! Ctrl-C and SIGTERM: the first lets requests in flight end, the second gives them up.
//!
//! Handlers are installed when a run begins. Before that, a signal ends the program as it ends any other.
//!
//! | signal | effect | exit code |
//! |---|---|---|
//! | first Ctrl-C or SIGTERM | no new records; requests in flight end and are saved | 130 |
//! | second | requests in flight are given up | 130 |

use tokio::sync::watch;

use super::note;
use tribunal::run::Stop;

/// Listens from now on. `stopping` becomes true at the first signal, and ends waits before a retry.
pub(super) fn listen(stopping: watch::Sender<bool>) -> watch::Receiver<Stop> {
    let (sender, receiver) = watch::channel(Stop::No);
    // Before the task first runs: no signal ends the program from here on.
    let mut signals = Signals::catch();
    tokio::spawn(async move {
        for urgency in [Stop::Soon, Stop::Now] {
            signals.next().await;
            // First, the run is notified: a request that the signal cancels must not look like a failure.
            if sender.send(urgency).is_err() {
                return;
            }
            if urgency == Stop::Soon {
                // There may be no receiver: a model in this process never retries.
                stopping.send(true).unwrap_or_default();
                note(
                    "stopping: waiting for requests in flight; press Ctrl-C again to stop at once",
                );
            }
        }
    });
    receiver
}

#[cfg(unix)]
/// Ctrl-C and SIGTERM; `None` where no handler could be installed.
struct Signals(Option<[tokio::signal::unix::Signal; 2]>);

#[cfg(unix)]
impl Signals {
    /// Without a handler a signal ends the program as it always does.
    fn catch() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let caught = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        Self(match caught {
            (Ok(interrupt), Ok(terminate)) => Some([interrupt, terminate]),
            _ => None,
        })
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
        match &mut self.0 {
            Some([interrupt, terminate]) => {
                tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    const fn catch() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
