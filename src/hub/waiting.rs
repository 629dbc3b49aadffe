//! Waiting for a download, which has no time limit of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::OnDownload;
use crate::error::{Error, ErrorKind, Result};

/// How long the Hub may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// The result of a download in a thread of its own; `name` is what is downloaded, and `shown` is told of every piece.
///
/// # Errors
/// Those of the download, or nothing arrived for a minute.
pub(super) async fn in_thread<T: Send + 'static>(
    name: &str,
    shown: Option<OnDownload>,
    download: impl FnOnce(&OnDownload) -> Result<T> + Send + 'static,
) -> Result<T> {
    let steps = Arc::new(AtomicU64::new(0));
    let counted: OnDownload = {
        let steps = steps.clone();
        Arc::new(move |download| {
            steps.fetch_add(1, Ordering::Relaxed);
            if let Some(shown) = &shown {
                shown(download);
            }
        })
    };
    let (done, mut result) = oneshot::channel();
    // Not a task of the runtime: the end of a program would wait for it. Nobody may wait for the result any more.
    let download = move || drop(done.send(download(&counted)));
    let died = || Error::new(ErrorKind::Io, "the download ended without a result");
    let thread = thread::Builder::new().name("download".into()).spawn(download);
    thread.map_err(|error| died().because(error))?;
    let mut seen = 0;
    loop {
        if let Ok(found) = tokio::time::timeout(SILENCE, &mut result).await {
            return found.map_err(|_| died())?;
        }
        let now = steps.load(Ordering::Relaxed);
        if now == seen {
            let message = format!("`{name}`: the Hub was silent for {} seconds", SILENCE.as_secs());
            return Err(Error::new(ErrorKind::TimedOut, message)
                .hint("run the command again: the download continues where it stopped"));
        }
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_never_answers_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::of([
            ("HF_ENDPOINT", format!("http://{}", listener.local_addr().unwrap())),
            ("HF_HOME", folder.path().display().to_string()),
        ]);
        let model = super::super::model("hf:judges/tiny", &environment, true, None);
        let error = model.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.to_string().contains("silent for 60 seconds"), "{error}");
    }
}
