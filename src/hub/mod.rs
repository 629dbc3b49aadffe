//! Files of the Hugging Face Hub: models and data sets, downloaded once into the cache that all programs for the Hub share.
//!
//! | name | what it is |
//! |---|---|
//! | `hf:OWNER/REPO`, `hf:OWNER/REPO:FILE` | a model: a GGUF file; its name may be that of a quantization, as llama.cpp's own tools accept it |
//! | `hf:OWNER/REPO`, `hf:OWNER/REPO:SPLIT` | a data set: the files of a split, a file, a folder, or a pattern |
//!
//! After `@` stands a branch, a tag or a commit. Which of both a name is follows from where it stands: models are opened,
//! and data sets are read.

#[cfg(feature = "hub")]
mod choice;
#[cfg(feature = "hub")]
mod data;
#[cfg(feature = "hub")]
mod download;
#[cfg(feature = "hub")]
mod fetch;
#[cfg(feature = "hub")]
mod name;
#[cfg(feature = "hub")]
mod waiting;

use std::path::PathBuf;

#[cfg(feature = "hub")]
pub use download::{Download, OnDownload};

#[cfg(feature = "hub")]
use self::{
    download::Hub,
    name::{HubName, RepoKind},
};
use crate::{environment::Environment, error::Result};

/// What names on the Hub begin with.
const PREFIX: &str = "hf:";

/// Whether this is the name of something on the Hub.
pub fn is_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Files of a data set, which are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataFiles {
    /// The name under which these very files can be read again: with the commit.
    pub name: String,
    /// The files, in their order.
    pub files: Vec<PathBuf>,
}

/// The file of a model on the Hub, downloaded if it is not in the cache yet.
///
/// # Errors
/// The name is malformed, the repository has no such file, the file cannot be downloaded, or the Hub is silent for a
/// minute.
///
/// # Cancellation
/// The download goes on in a thread of its own, and what arrived is used by the next one.
#[cfg(feature = "hub")]
pub(crate) async fn model(
    name: &str,
    environment: &Environment,
    is_online: bool,
    shown: Option<OnDownload>,
) -> Result<PathBuf> {
    environment.check_address("model", name)?;
    let (owned, environment) = (name.to_owned(), environment.clone());
    let download = move |shown: &OnDownload| {
        let name = HubName::parse(&owned, RepoKind::Model)?;
        Hub::of(&name, RepoKind::Model, &environment, is_online)?.model(name.wanted, Some(shown))
    };
    waiting::in_thread(name, shown, download).await
}

/// The files of a data set on the Hub, downloaded if they are not in the cache yet. `shown` is called while they are
/// downloaded.
///
/// The Hub is asked for the commit that a branch is at, so that the files are those of now. If it cannot be reached, the
/// files that were downloaded last are used.
///
/// # Errors
/// The name is malformed, the repository has no such files, they cannot be downloaded, or the Hub is silent for a minute.
///
/// # Cancellation
/// The download goes on in a thread of its own, and what arrived is used by the next one.
#[cfg(feature = "hub")]
pub async fn data_files(
    name: &str,
    environment: &Environment,
    shown: Option<OnDownload>,
) -> Result<DataFiles> {
    environment.check_address("input", name)?;
    let (owned, environment) = (name.to_owned(), environment.clone());
    let download = move |shown: &OnDownload| {
        let name = HubName::parse(&owned, RepoKind::Data)?;
        Hub::of(&name, RepoKind::Data, &environment, true)?.data(name.wanted, Some(shown))
    };
    waiting::in_thread(name, shown, download).await
}

/// Without the feature `hub`, an error that says so.
///
/// # Errors
/// Always.
#[cfg(not(feature = "hub"))]
#[expect(clippy::unused_async, reason = "with the feature it downloads")]
pub async fn data_files(name: &str, _: &Environment, _: Option<()>) -> Result<DataFiles> {
    use crate::error::{Error, ErrorKind};
    let message = format!("`{name}` is a data set of the Hub, which this build cannot download");
    Err(Error::new(ErrorKind::Config, message)
        .hint("build it with `--features hub`, or download the file and name it"))
}
