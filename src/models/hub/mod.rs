//! Models of the Hugging Face Hub: `hf:OWNER/REPO[:FILE]`.
//!
//! A GGUF file is downloaded once, into the cache that all programs for the Hub share. Its name may be that of a
//! quantization, as llama.cpp's own tools accept it; without one, a quantization of about four bits is preferred.

mod choice;
mod download;
mod name;

use std::{path::PathBuf, thread};

use tokio::sync::oneshot;

pub use download::{Download, OnDownload};
pub(super) use name::PREFIX;

use self::{download::Hub, name::HubName};
use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result},
};

/// The file of a model on the Hub, downloaded if it is not in the cache yet.
///
/// # Errors
/// The name is malformed, the repository has no such file, or the file cannot be downloaded.
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
    let (name, environment) = (name.to_owned(), environment.clone());
    let (done, file) = oneshot::channel();
    // Not a task of the runtime: the end of a program would wait for it.
    let download = move || {
        let found = HubName::parse(&name).and_then(|name| {
            Hub::of(&name, &environment, is_online)?.model(name.wanted, shown.as_ref())
        });
        // Nobody waits any more.
        drop(done.send(found));
    };
    let died = || Error::new(ErrorKind::Io, "the download ended without a result");
    thread::Builder::new()
        .name("download".into())
        .spawn(download)
        .map_err(|error| died().because(error))?;
    file.await.map_err(|_| died())?
}
