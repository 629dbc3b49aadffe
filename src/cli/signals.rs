//! Ctrl-C and SIGTERM: the first lets what was asked for end, the second does not.

use tokio::sync::watch;

use super::note;
use crate::run::Stop;

/// Listens from now on.
pub(super) fn listen() -> watch::Receiver<Stop> {
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for urgency in [Stop::Soon, Stop::Now] {
            signal().await;
            if urgency == Stop::Soon {
                note("stopping: answers on their way are waited for; once more stops at once");
            }
            if sender.send(urgency).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
        }
        // Without a handler the signal ends the program as it always does.
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
