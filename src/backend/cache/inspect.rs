//! The store of a folder as `tribunal cache` sees it: counted, pruned, exported and imported.

use std::{path::Path, time::Duration};

use super::{
    Clock,
    layer::is_lasting,
    store::{Stats, Store},
};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::CacheKey,
};

/// The store of a folder, for inspecting, pruning, exporting and importing; runs use [`Cache`].
///
/// All methods except [`put`](Self::put) block: call them on a thread that may block.
///
/// ```
/// # fn main() -> tribunal::Result<()> {
/// use tribunal::backend::cache::CacheStore;
///
/// # let folder = tempfile::tempdir().map_err(tribunal::Error::other)?;
/// let store = CacheStore::open(folder.path())?;
/// assert_eq!(store.stats()?.entries, 0);
/// # Ok(())
/// # }
/// ```
#[doc(hidden)]
#[derive(Debug)]
pub struct CacheStore(Store);

impl CacheStore {
    /// Opens the store in a folder, which is created if it is missing. Waits for other processes that are
    /// opening it.
    ///
    /// # Errors
    /// The folder is not writable, or contains a store of a newer version.
    pub fn open(folder: &Path) -> Result<Self> {
        Store::open(folder, Clock::system()).map(Self)
    }

    /// Counts the content of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        self.0.stats()
    }

    /// Removes answers that were not used within `age`, then the least recently used ones until the rest fits
    /// into this many bytes. Returns the number of removed answers.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn prune(&self, age: Option<Duration>, bytes: Option<u64>) -> Result<u64> {
        self.0.prune(age, bytes)
    }

    /// Calls `receive` with every answer: its key in hex, the name of its model, and the answer.
    ///
    /// # Errors
    /// The store cannot be read, or `receive` fails.
    pub fn each(
        &self,
        mut receive: impl FnMut(&str, &str, &Completion) -> Result<()>,
    ) -> Result<()> {
        self.0.each(|key, model, completion| receive(&const_hex::encode(key), model, completion))
    }

    /// The answer with this key, given in hex; `None` if there is none.
    ///
    /// # Errors
    /// The key is malformed, or the store cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Completion>> {
        self.0.get(&parsed(key)?)
    }

    /// Whether an answer is worth storing: not a refusal, a failure or an empty text, after which the next one may
    /// differ.
    pub fn accepts(completion: &Completion) -> bool {
        is_lasting(completion)
    }

    /// Stores an answer under its key, given in hex, and replaces an earlier one.
    ///
    /// # Cancellation
    /// After the future is dropped, the answer may or may not be stored; the store stays intact.
    ///
    /// # Errors
    /// The key is malformed, or the store cannot be written.
    pub async fn put(&self, key: &str, model: &str, completion: &Completion) -> Result<()> {
        self.0.put(&parsed(key)?, completion, model).await
    }
}

/// Reads a key from its 64 hex digits.
///
/// # Errors
/// The text is not such a key.
fn parsed(key: &str) -> Result<CacheKey> {
    let malformed =
        || Error::new(ErrorKind::Record, format!("`{key}` is not the key of an answer"));
    CacheKey::parse(key).ok_or_else(malformed)
}
