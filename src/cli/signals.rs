//! Ctrl-C and SIGTERM: the first lets what was asked for end, the second does not.

use tokio::sync::watch;

use super::note;
use tribunal::run::Stop;

/// Listens from now on; `stopping` ends waits before another try.
pub(super) fn listen(stopping: watch::Sender<bool>) -> watch::Receiver<Stop> {
    let (sender, receiver) = watch::channel(Stop::No);
    // Before the task first runs: no signal ends the program from here on.
    let mut signals = Signals::catch();
    tokio::spawn(async move {
        for urgency in [Stop::Soon, Stop::Now] {
            signals.next().await;
            // The run is the first to know: what gives up because of it must not look like its end.
            if sender.send(urgency).is_err() {
                return;
            }
            if urgency == Stop::Soon {
                // Nothing may listen: a model in this process never waits.
                stopping.send(true).unwrap_or_default();
                note("stopping: answers on their way are waited for; once more stops at once");
            }
        }
    });
    receiver
}

#[cfg(unix)]
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
