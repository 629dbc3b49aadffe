//! Models of the Hugging Face Hub: `hf:OWNER/REPO[:FILE]`.
//!
//! A GGUF file is downloaded once, into the cache that all programs for the Hub share. Its name may be that of a
//! quantization, as llama.cpp's own tools accept it; without one, a quantization of about four bits is preferred.

mod choice;
mod download;
mod fetch;
mod name;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

pub use download::{Download, OnDownload};

use self::{download::Hub, name::HubName};
use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result},
};

/// How long the Hub may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// The file of a model on the Hub, downloaded if it is not in the cache yet.
///
/// # Errors
/// The name is malformed, the repository has no such file, the file cannot be downloaded, or the Hub is silent for a
/// minute.
///
/// # Cancellation
/// The download goes on in a thread of its own, and what arrived is used by the next one.
pub(super) async fn file(
    name: &str,
    environment: &Environment,
    is_online: bool,
    shown: Option<OnDownload>,
) -> Result<PathBuf> {
    environment.check_address("model", name)?;
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
    let (owned, environment) = (name.to_owned(), environment.clone());
    let (done, mut file) = oneshot::channel();
    // Not a task of the runtime: the end of a program would wait for it.
    let download = move || {
        let found = HubName::parse(&owned).and_then(|name| {
            Hub::of(&name, &environment, is_online)?.model(name.wanted, Some(&counted))
        });
        // Nobody waits any more.
        drop(done.send(found));
    };
    let died = || Error::new(ErrorKind::Io, "the download ended without a result");
    let thread = thread::Builder::new().name("download".into()).spawn(download);
    thread.map_err(|error| died().because(error))?;
    let mut seen = 0;
    loop {
        // The client of the Hub has no time limit of its own.
        if let Ok(found) = tokio::time::timeout(SILENCE, &mut file).await {
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

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_never_answers_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::of([
            ("HF_ENDPOINT", format!("http://{}", listener.local_addr().unwrap())),
            ("HF_HOME", folder.path().display().to_string()),
        ]);
        let error = file("hf:judges/tiny", &environment, true, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.to_string().contains("silent for 60 seconds"), "{error}");
    }
}
