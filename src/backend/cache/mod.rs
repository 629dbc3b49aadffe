//! A cache, so that no answer is paid for twice: answers in memory, on disk and in flight.
//!
//! A [`Cache`] puts a [layer](Cached) around models. A request is looked up in memory, then in the store that
//! all processes share. If neither has the answer, the model is asked once, and all callers in this process
//! and in others wait for that answer. The keys are those of [`Request::key`](crate::request::Request::key). Failures, refusals, empty
//! answers, and texts that a model in this process cut off at the end of its context are not stored. If the
//! store fails, one warning is logged and the run continues without it. The store is opened and written on
//! threads of its own; an answer is looked up within microseconds on the thread of its caller.
//!
//! | module | what it is |
//! |---|---|
//! | `flights` | requests on their way in this process: one per key, however many callers wait |
//! | `key_locks` | the same between processes: locks on bytes of a file |
//! | `store` | answers in one SQLite file |
//! | `layer` | the layer around a model |
//! | `inspect` | the store for the command `cache` |
//!
//! # Cancellation
//! Dropping a caller does not affect other callers that wait for the same answer: see [`Cached`].

mod flights;
mod inspect;
mod key_locks;
mod layer;
mod store;

pub use layer::Cached;
#[doc(hidden)]
pub use {inspect::CacheStore, store::Stats};

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use moka::future::Cache as Memory;

use self::{flights::Flights, key_locks::KeyLocks, store::Store};
use super::Backend;
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::CacheKey,
};

/// Which requests are answered from the cache, and which answers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Mode {
    /// Answer from the cache, and store new answers.
    #[default]
    On,
    /// Ask the model every time, and store nothing.
    Off,
    /// Answer from the cache, and store nothing.
    Read,
    /// Ask the model every time, and store the answers.
    Write,
    /// Ask the model once more for each request, and replace the stored answer.
    Refresh,
}

/// Cached answers: in memory, and in a store that all processes share.
///
/// Cloning is cheap, and all clones share one cache. The keys contain the identity of the model, so one cache
/// can serve all models.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use std::sync::Arc;
/// use tribunal::{backend::{Backend, Script, cache::{Cache, Mode}}, request::Request};
///
/// let cache = Cache::in_memory(Mode::On);
/// let model = cache.over(Arc::new(Script::always("Score: 7")));
/// let request = Request::generate(Vec::new());
/// assert!(!model.complete(&request).await?.cached);
/// assert!(model.complete(&request).await?.cached);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// [`Cached`] panics if it is polled outside a tokio runtime: requests run as tasks, and the store is opened on a
/// thread of the runtime.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Shared>);

/// The state that all clones of a cache share.
#[derive(Debug)]
struct Shared {
    mode: Mode,
    memory: Memory<CacheKey, Arc<Completion>>,
    /// The folder of the store, and the store once it has been opened.
    folder: Option<PathBuf>,
    disk: OnceLock<Option<Disk>>,
    /// The requests in flight.
    flights: Flights,
}

impl Shared {
    /// The store, which is opened on first use; this may wait for other processes.
    fn disk(&self) -> Option<&Disk> {
        let open = || Disk::open(self.folder.as_ref()?);
        self.disk.get_or_init(open).as_ref()
    }

    /// The store, opened on a thread that may block.
    async fn opened(self: &Arc<Self>) -> Option<&Disk> {
        self.folder.as_ref()?;
        if self.disk.get().is_none() {
            let shared = self.clone();
            let opening = tokio::task::spawn_blocking(move || shared.disk().is_some());
            // If the thread cannot run, the run continues without the store.
            opening.await.ok()?;
        }
        self.disk.get()?.as_ref()
    }

    /// The answer in the store. It is read on the thread of the caller: handing a key to another thread and an
    /// answer back takes many times longer than to find it, and readers of the store never wait for writers.
    async fn stored(self: &Arc<Self>, key: &CacheKey) -> Option<Completion> {
        self.opened().await?.get(key)
    }
}

/// The store and the locks, which all processes share.
#[derive(Debug)]
struct Disk {
    store: Store,
    locks: KeyLocks,
    /// Whether a warning was logged; one is enough.
    warned: AtomicBool,
}

/// The memory for cached answers, in bytes.
const MEMORY: u64 = 256 << 20;

/// The same above a store, which finds the other answers within microseconds.
const MEMORY_ABOVE_STORE: u64 = 8 << 20;

impl Cache {
    /// A cache that keeps answers in memory only.
    pub fn in_memory(mode: Mode) -> Self {
        Self::new(mode, None)
    }

    /// A cache with memory and a store in this folder, which is opened on first use.
    ///
    /// If the folder cannot be used or is on a network file system, a warning is logged and answers are kept
    /// in memory.
    pub fn open(folder: &Path, mode: Mode) -> Self {
        Self::new(mode, Some(folder.to_owned()))
    }

    /// A cache with this mode and this folder, or in memory only.
    fn new(mode: Mode, folder: Option<PathBuf>) -> Self {
        let size = |_: &CacheKey, answer: &Arc<Completion>| {
            let tokens: usize =
                answer.tokens.iter().map(|token| token.text.len() + 32 * token.top.len()).sum();
            let thinking = answer.thinking.as_ref().map_or(0, String::len);
            u32::try_from(256 + answer.text.len() + thinking + tokens).unwrap_or(u32::MAX)
        };
        let most = if folder.is_some() { MEMORY_ABOVE_STORE } else { MEMORY };
        let memory = Memory::builder().max_capacity(most).weigher(size).build();
        let (disk, flights) = (OnceLock::new(), Flights::default());
        Self(Arc::new(Shared { mode, memory, folder, disk, flights }))
    }

    /// The cached answer in memory or in the store.
    async fn found(&self, key: &CacheKey) -> Option<Completion> {
        let Shared { mode, memory, .. } = &*self.0;
        if let Some(found) = memory.get(key).await {
            return Some((*found).clone());
        }
        if matches!(mode, Mode::On | Mode::Read) { self.0.stored(key).await } else { None }
    }

    /// Wraps a model, so that its answers are cached here: see [`Cached`].
    pub fn over(&self, inner: Arc<dyn Backend>) -> Cached {
        Cached { cache: self.clone(), inner }
    }

    /// The default folder of the store: `TRIBUNAL_CACHE_DIR`, or the cache folder of this system.
    ///
    /// # Errors
    /// The system has no cache folder, or the variable is not a path.
    pub fn folder() -> Result<PathBuf> {
        let named = std::env::var_os("TRIBUNAL_CACHE_DIR").filter(|name| !name.is_empty());
        let usual = || dirs::cache_dir().map(|folder| folder.join("tribunal"));
        let missing = || {
            Error::new(ErrorKind::Config, "there is no folder for caches on this system")
                .hint("name one with TRIBUNAL_CACHE_DIR")
        };
        match named {
            Some(named) => checked(PathBuf::from(named)),
            None => usual().ok_or_else(missing),
        }
    }
}

/// Refuses URLs, and `~`, which only a shell expands.
fn checked(folder: PathBuf) -> Result<PathBuf> {
    let named = folder.to_string_lossy();
    let wrong = match &*named {
        address if address.contains("://") => "is an address, and the cache must be a folder",
        home if home.starts_with('~') => "begins with `~`, which only a shell replaces",
        _ => return Ok(folder),
    };
    Err(Error::new(ErrorKind::Config, format!("TRIBUNAL_CACHE_DIR=`{named}` {wrong}"))
        .hint("write the whole path of a folder on this machine"))
}

impl Disk {
    /// Opens the store in a folder. If that fails, logs a warning and returns `None`.
    fn open(folder: &Path) -> Option<Self> {
        let opened = Store::open(folder, Clock::system()).and_then(|store| {
            Ok(Self { store, locks: KeyLocks::open(folder)?, warned: AtomicBool::new(false) })
        });
        match opened {
            Ok(_) if is_on_network(folder) => {
                let folder = folder.display();
                tracing::warn!(
                    "the cache {folder} is on a network, where it cannot be shared safely: answers are kept in memory; TRIBUNAL_CACHE_DIR names another folder"
                );
                None
            }
            Ok(disk) => Some(disk),
            Err(error) => {
                tracing::warn!("{error}; answers are kept in memory");
                error.hints().iter().for_each(|hint| tracing::warn!("hint: {hint}"));
                None
            }
        }
    }

    /// The answer in the store; `None` also if the store cannot be read.
    fn get(&self, key: &CacheKey) -> Option<Completion> {
        self.store.get(key).unwrap_or_else(|error| {
            self.warn_once(&error);
            None
        })
    }

    /// Stores an answer, and returns whether it is in the store; a failure is logged.
    async fn put(&self, key: &CacheKey, completion: &Completion, model: &str) -> bool {
        let stored = self.store.put(key, completion, model).await;
        stored.map_err(|error| self.warn_once(&error)).is_ok()
    }

    /// Logs the first failure of the store; later ones are not logged.
    fn warn_once(&self, error: &Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("{error}; the run continues without it");
        }
    }
}

impl Shared {
    /// Waits until no other process asks the model for this key, then locks the key.
    ///
    /// # Errors
    /// The answer, if another process has stored it meanwhile.
    async fn locked(self: &Arc<Self>, key: &CacheKey) -> Result<KeyLock<'_>, Box<Completion>> {
        let Some(disk) = self.opened().await else { return Ok(KeyLock(None)) };
        for round in 0_u64.. {
            match disk.locks.try_take(key) {
                Ok(true) => break,
                Ok(false) => pause(round).await,
                Err(cause) => {
                    disk.warn_once(&unusable(Path::new("flights.lock"), cause));
                    return Ok(KeyLock(None));
                }
            }
            if let Some(found) = self.stored(key).await {
                return Err(Box::new(found));
            }
        }
        let lock = KeyLock(Some((&disk.locks, *key)));
        // The process that held the lock may have stored the answer before releasing it.
        self.stored(key).await.map_or(Ok(lock), |found| Err(Box::new(found)))
    }
}

/// The right to ask the model for a key while other processes wait; released when dropped.
struct KeyLock<'a>(Option<(&'a KeyLocks, CacheKey)>);

impl Drop for KeyLock<'_> {
    fn drop(&mut self) {
        if let Some((locks, key)) = self.0 {
            locks.release(&key);
        }
    }
}

/// Waits a random time of 5 to 50 ms before the lock of another process is tried again; locks give no
/// notification.
async fn pause(round: u64) {
    let step = Duration::from_millis((5 + round * 3).min(28) + fastrand::u64(..23));
    super::pause::pause(step).await;
}

/// The error for a folder that cannot be used.
fn unusable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the cache `{}` cannot be used", path.display()))
        .because(cause)
}

/// Whether a folder is on a network file system, where SQLite's locks are unreliable.
#[cfg(target_os = "linux")]
fn is_on_network(folder: &Path) -> bool {
    use nix::sys::statfs::{NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, statfs};
    /// CIFS, SMB2, Lustre, GPFS, Ceph and AFS.
    const OTHERS: [i64; 6] =
        [0xFF53_4D42, 0xFE53_4D42, 0x0BD0_0BD0, 0x4750_4653, 0x00C3_6400, 0x5346_414F];
    statfs(folder).is_ok_and(|found| {
        let kind = found.filesystem_type();
        [NFS_SUPER_MAGIC, SMB_SUPER_MAGIC].contains(&kind)
            || OTHERS.contains(&(kind.0 & 0xFFFF_FFFF))
    })
}

#[cfg(not(target_os = "linux"))]
fn is_on_network(_: &Path) -> bool {
    false
}

/// The current time in seconds since 1970; tests set a fixed time.
#[derive(Clone, Copy, Debug)]
struct Clock(Option<i64>);

impl Clock {
    fn system() -> Self {
        Self(None)
    }

    #[cfg(test)]
    fn fixed(seconds: i64) -> Self {
        Self(Some(seconds))
    }

    #[expect(clippy::disallowed_methods, reason = "the age of an answer is in no verdict")]
    fn now(self) -> i64 {
        let since = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        self.0.unwrap_or_else(|| {
            since().map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::Script,
        request::{Message, Origin, Request, Role},
    };

    fn request(n: u32) -> Request {
        Request {
            draw: n,
            ..Request::generate(vec![Message::new(Role::User, "q", Origin::Prompt)])
        }
    }

    fn script() -> Arc<Script> {
        Arc::new(Script::always("Score: 7").remembering())
    }

    #[tokio::test]
    async fn an_answer_is_paid_for_once_for_all_callers_at_any_time() {
        let folder = tempfile::tempdir().unwrap();
        let script = script();
        let cached = Cache::open(folder.path(), Mode::On).over(script.clone());
        let first = cached.complete(&request(0)).await.unwrap();
        let second = cached.complete(&request(0)).await.unwrap();
        assert_eq!((first.cached, second.cached, second.attempts), (false, true, 0));
        let other = Cache::open(folder.path(), Mode::On).over(script.clone());
        assert!(other.complete(&request(0)).await.unwrap().cached);
        assert!(!other.complete(&request(1)).await.unwrap().cached);
        assert_eq!(script.calls(), 2);
    }

    #[tokio::test]
    async fn modes_do_what_their_names_say() {
        let folder = tempfile::tempdir().unwrap();
        let script = script();
        let asked = async |mode: Mode, n: u32| {
            let before = script.calls();
            Cache::open(folder.path(), mode)
                .over(script.clone())
                .complete(&request(n))
                .await
                .unwrap();
            script.calls() - before
        };
        assert_eq!(
            (asked(Mode::Read, 0).await, asked(Mode::On, 0).await),
            (1, 1),
            "reading keeps nothing"
        );
        assert_eq!((asked(Mode::Read, 0).await, asked(Mode::On, 0).await), (0, 0));
        assert_eq!((asked(Mode::Write, 0).await, asked(Mode::Refresh, 0).await), (1, 1));
        assert_eq!((asked(Mode::Off, 9).await, asked(Mode::On, 9).await), (1, 1));
        assert_eq!((asked(Mode::Write, 5).await, asked(Mode::On, 5).await), (1, 0));
    }

    #[tokio::test]
    async fn what_may_be_another_answer_next_time_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "  \n"] {
            let script = Arc::new(Script::always(text).remembering());
            let cached = Cache::open(folder.path(), Mode::On).over(script.clone());
            cached.complete(&request(0)).await.unwrap();
            cached.complete(&request(0)).await.unwrap();
            assert_eq!(script.calls(), 2);
        }
    }

    #[tokio::test]
    async fn a_hundred_equal_requests_are_one_call_and_a_caller_who_gives_up_does_not_pay_again() {
        let slow = || {
            let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counted = calls.clone();
            let backend = crate::backend::from_fn("slow", move |_: Request| {
                counted.fetch_add(1, Ordering::Relaxed);
                async {
                    pause(30).await;
                    pause(30).await;
                    Ok(Completion::text("x"))
                }
            });
            (calls, Cache::in_memory(Mode::On).over(Arc::new(backend)))
        };
        let (calls, cached) = slow();
        let all = (0..100).map(|_| async { cached.complete(&request(0)).await.unwrap() });
        let answers = futures_util::future::join_all(all).await;
        assert_eq!(
            (calls.load(Ordering::Relaxed), answers.iter().filter(|one| !one.cached).count()),
            (1, 100 - 99)
        );
        let (calls, cached) = slow();
        for _ in 0..5 {
            let _ =
                tokio::time::timeout(Duration::from_millis(10), cached.complete(&request(0))).await;
        }
        cached.complete(&request(0)).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_used_costs_nothing_but_the_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = script();
        let cached = Cache::open(&file.path().join("below"), Mode::On).over(script.clone());
        cached.complete(&request(0)).await.unwrap();
        assert!(cached.complete(&request(0)).await.unwrap().cached);
        assert_eq!(script.calls(), 1);
    }
}
