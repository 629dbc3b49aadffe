//! A cache, so that no answer is paid for twice: answers in memory, on disk, and on their way.
//!
//! A [`Cache`] makes [layers](Cached) around models. A request is looked up in memory, then in the store that all
//! processes share; if neither has it, the model is asked once, and all callers wait for that answer, in this process
//! and in others. Keys are those of [`Request::key`]. Failures, refusals, empty answers, and texts that ran out of
//! context in this process are not stored. Where something is wrong with the store, one warning says so, and the run
//! goes on without it. Files are read and written on threads that may block, never on those of the runtime.
//!
//! | module | what it is |
//! |---|---|
//! | `flights` | requests on their way in this process: one per key, however many callers wait |
//! | `key_locks` | the same between processes: locks on bytes of a file |
//! | `store` | answers in one SQLite file |
//!
//! # Cancellation
//! A caller that is dropped does not disturb the others that wait for the same answer: see [`Cached`].

mod flights;
mod key_locks;
mod store;

#[doc(hidden)]
pub use store::Stats;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use moka::future::Cache as Memory;

use self::{
    flights::{Flights, Landed},
    key_locks::KeyLocks,
    store::Store,
};
use super::{Backend, Layer};
use crate::{
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    request::{CacheKey, Request},
};

/// What a cache does with requests and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Mode {
    /// Answer from the cache; store new answers.
    #[default]
    On,
    /// Ask the model every time; store nothing.
    Off,
    /// Answer from the cache; store nothing.
    Read,
    /// Ask the model every time, and store the answers.
    Write,
    /// Ask the model once more for each request, and replace the stored answer.
    Refresh,
}

/// Remembered answers: in memory, and in a store that all processes share.
///
/// Cheap to clone; clones are one cache. Keys name the model, so that one cache serves all models.
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
/// Requests are sent by tasks, and the store is read by threads, of a tokio runtime: [`Cached`] panics where it is
/// polled outside of one, as everything of tokio does.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    mode: Mode,
    memory: Memory<CacheKey, Arc<Completion>>,
    /// Where the store is, and the store once it was needed.
    folder: Option<PathBuf>,
    disk: OnceLock<Option<Disk>>,
    /// The requests that are on their way.
    flights: Flights,
}

impl Shared {
    /// The store, opened if need be; this may wait for other processes.
    fn disk(&self) -> Option<&Disk> {
        let open = || Disk::open(self.folder.as_ref()?);
        self.disk.get_or_init(open).as_ref()
    }

    /// The store; it is opened on a thread that may wait.
    async fn opened(self: &Arc<Self>) -> Option<&Disk> {
        self.folder.as_ref()?;
        if self.disk.get().is_none() {
            let shared = self.clone();
            let opening = tokio::task::spawn_blocking(move || shared.disk().is_some());
            // Without that thread the run goes on without the store.
            opening.await.ok()?;
        }
        self.disk.get()?.as_ref()
    }

    /// The answer in the store, read on a thread that may wait.
    async fn stored(self: &Arc<Self>, key: &CacheKey) -> Option<Completion> {
        self.folder.as_ref()?;
        let (shared, key) = (self.clone(), *key);
        tokio::task::spawn_blocking(move || shared.disk()?.get(&key)).await.ok()?
    }
}

/// The part that processes share.
#[derive(Debug)]
struct Disk {
    store: Store,
    locks: KeyLocks,
    /// Whether a warning was given: one is enough.
    warned: AtomicBool,
}

/// How long an answer of a server may take to arrive when nobody waits for it any more.
const LANDING: Duration = Duration::from_secs(60);

/// Memory for answers, in bytes.
const MEMORY: u64 = 256 << 20;

impl Cache {
    /// Answers in memory only.
    pub fn in_memory(mode: Mode) -> Self {
        Self::new(mode, None)
    }

    /// Answers in memory and in the store of a folder, which is opened when it is needed. Where the folder cannot be
    /// used, or is on a network, a warning says so, and answers stay in memory.
    pub fn open(folder: &Path, mode: Mode) -> Self {
        Self::new(mode, Some(folder.to_owned()))
    }

    fn new(mode: Mode, folder: Option<PathBuf>) -> Self {
        let size = |_: &CacheKey, answer: &Arc<Completion>| {
            let tokens: usize =
                answer.tokens.iter().map(|token| token.text.len() + 32 * token.top.len()).sum();
            let thinking = answer.thinking.as_ref().map_or(0, String::len);
            u32::try_from(256 + answer.text.len() + thinking + tokens).unwrap_or(u32::MAX)
        };
        let memory = Memory::builder().max_capacity(MEMORY).weigher(size).build();
        let (disk, flights) = (OnceLock::new(), Flights::default());
        Self(Arc::new(Shared { mode, memory, folder, disk, flights }))
    }

    /// The answer in memory, or in the store.
    async fn remembered(&self, key: &CacheKey) -> Option<Arc<Completion>> {
        let Shared { mode, memory, .. } = &*self.0;
        if let Some(found) = memory.get(key).await {
            return Some(found);
        }
        if !matches!(mode, Mode::On | Mode::Read) {
            return None;
        }
        let found = Arc::new(self.0.stored(key).await?);
        memory.insert(*key, found.clone()).await;
        Some(found)
    }

    /// Wraps a model, whose answers are remembered here: see [`Cached`].
    pub fn over(&self, inner: Arc<dyn Backend>) -> Cached {
        Cached { cache: self.clone(), inner }
    }

    /// The usual folder of the store: `TRIBUNAL_CACHE_DIR`, else a folder where this system keeps caches.
    ///
    /// # Errors
    /// The system has no such folder, or the variable does not hold a path.
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

/// Refuses addresses, and `~`, which only a shell replaces.
fn checked(folder: PathBuf) -> Result<PathBuf> {
    let named = folder.to_string_lossy();
    let wrong = match &*named {
        address if address.contains("://") => "is an address, and answers are kept in a folder",
        home if home.starts_with('~') => "begins with `~`, which only a shell replaces",
        _ => return Ok(folder),
    };
    Err(Error::new(ErrorKind::Config, format!("TRIBUNAL_CACHE_DIR=`{named}` {wrong}"))
        .hint("write the whole path of a folder on this machine"))
}

/// The store of a folder, to inspect, prune, export and import it; runs use [`Cache`].
///
/// All methods but [`put`](Self::put) block: call them where a thread may wait.
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
    /// Opens the store in a folder, which is made if it is missing. Waits for other processes that open it.
    ///
    /// # Errors
    /// The folder cannot be written, or holds a store of a newer version.
    pub fn open(folder: &Path) -> Result<Self> {
        Store::open(folder, Clock::system()).map(Self)
    }

    /// Counts what the store holds.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        self.0.stats()
    }

    /// Removes answers that were not used for this time, then the least recently used ones until the rest fits into
    /// so many bytes. Returns how many were removed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn prune(&self, age: Option<Duration>, bytes: Option<u64>) -> Result<u64> {
        self.0.prune(age, bytes)
    }

    /// Calls `receive` with every answer: its key in hex, the name of its model, the answer.
    ///
    /// # Errors
    /// The store cannot be read, or `receive` fails.
    pub fn each(
        &self,
        mut receive: impl FnMut(&str, &str, &Completion) -> Result<()>,
    ) -> Result<()> {
        self.0.each(|key, model, completion| receive(&const_hex::encode(key), model, completion))
    }

    /// The answer under a key in hex.
    ///
    /// # Errors
    /// The key is malformed, or the store cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Completion>> {
        self.0.get(&parsed(key)?)
    }

    /// Stores an answer under its key in hex, in place of an earlier one.
    ///
    /// # Cancellation
    /// Dropping the future leaves the answer stored or not; the store stays whole.
    ///
    /// # Errors
    /// The key is malformed, or the store cannot be written.
    pub async fn put(&self, key: &str, model: &str, completion: &Completion) -> Result<()> {
        self.0.put(&parsed(key)?, completion, model).await
    }
}

fn parsed(key: &str) -> Result<CacheKey> {
    let malformed =
        || Error::new(ErrorKind::Record, format!("`{key}` is not the key of an answer"));
    CacheKey::parse(key).ok_or_else(malformed)
}

impl Disk {
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

    /// The answer in the store; a store that cannot be read has none.
    fn get(&self, key: &CacheKey) -> Option<Completion> {
        self.store.get(key).unwrap_or_else(|error| {
            self.warn_once(&error);
            None
        })
    }

    async fn put(&self, key: &CacheKey, completion: &Completion, model: &str) {
        if let Err(error) = self.store.put(key, completion, model).await {
            self.warn_once(&error);
        }
    }

    fn warn_once(&self, error: &Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("{error}; the run goes on without it");
        }
    }
}

impl Shared {
    /// Waits until no other process asks the model for this key, and locks the key; or gives the answer that one of
    /// them has stored meanwhile.
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
        // The process that held the key may have stored the answer before it released it.
        self.stored(key).await.map_or(Ok(lock), |found| Err(Box::new(found)))
    }
}

/// A key for which no other process asks the model; released when dropped.
struct KeyLock<'a>(Option<(&'a KeyLocks, CacheKey)>);

impl Drop for KeyLock<'_> {
    fn drop(&mut self) {
        if let Some((locks, key)) = self.0 {
            locks.release(&key);
        }
    }
}

/// Waits 5 to 50 ms, at random, until the lock of another process is looked at again: nothing tells when it ends.
async fn pause(round: u64) {
    let step = Duration::from_millis((5 + round * 3).min(28) + fastrand::u64(..23));
    super::pause::pause(step).await;
}

fn unusable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the cache `{}` cannot be used", path.display()))
        .because(cause)
}

#[cfg(target_os = "linux")]
fn is_on_network(folder: &Path) -> bool {
    use nix::sys::statfs::{NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, statfs};
    /// CIFS, SMB2, Lustre, GPFS, Ceph, AFS.
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

/// Seconds since 1970.
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

/// A backend whose answers are remembered: see [`Cache`].
///
/// # Order
/// Above everything that costs, waits or counts: a remembered answer is free, has no attempts and is marked
/// [`cached`](Completion::cached). Only a recording stands above it.
///
/// # Errors
/// Those of the backend below; one failure is shared by all callers that wait for the same answer, and is not
/// remembered. A broken store is never an error.
///
/// # Cancellation
/// A caller that is dropped leaves the request to the others that wait for it. When the last one is dropped, a model
/// in this process stops; an answer of a server has 60 seconds to arrive and be stored, because it is paid for.
#[derive(Clone, Debug)]
pub struct Cached {
    cache: Cache,
    inner: Arc<dyn Backend>,
}

impl Cached {
    /// Gets the answer for all callers that wait for it, and stores it.
    async fn fly(self, key: CacheKey, request: Request) -> Result<Landed> {
        let Shared { mode, memory, .. } = &*self.cache.0;
        if *mode != Mode::Write
            && let Some(kept) = memory.get(&key).await
        {
            // An earlier flight landed after the caller had looked.
            return Ok(Landed { answer: kept, paid: false });
        }
        let landed = self.lead(&key, &request).await?;
        if is_lasting(&landed.answer) && !self.is_cut(&landed.answer, &request) {
            memory.insert(key, landed.answer.clone()).await;
        }
        Ok(landed)
    }

    /// Asks the model, unless another process has stored the answer by now.
    async fn lead(&self, key: &CacheKey, request: &Request) -> Result<Landed> {
        let shared = &self.cache.0;
        let lock = match shared.mode {
            Mode::On => shared.locked(key).await,
            _ => Ok(KeyLock(None)),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(found) => return Ok(Landed { answer: Arc::new(*found), paid: false }),
        };
        let answer = self.inner.complete(request).await?;
        let lasting = is_lasting(&answer) && !self.is_cut(&answer, request);
        if lasting
            && shared.mode != Mode::Read
            && let Some(disk) = shared.opened().await
        {
            disk.put(key, &answer, self.inner.name()).await;
        }
        drop(lock);
        Ok(Landed { answer: Arc::new(answer), paid: true })
    }

    /// Whether a model in this process ran out of context: with a longer one it would have gone on.
    fn is_cut(&self, answer: &Completion, request: &Request) -> bool {
        let allowed = request.sampling.max_tokens.map(u64::from);
        self.inner.is_in_process()
            && answer.finish == Finish::Length
            && allowed
                .is_none_or(|most| answer.usage.completion.is_none_or(|written| written < most))
    }
}

/// A refusal, an accident or an empty answer may be another one next time.
fn is_lasting(completion: &Completion) -> bool {
    let says = !completion.text.trim().is_empty() || completion.distribution.is_some();
    let finish = &completion.finish;
    says && *finish != Finish::Filtered && !finish.is_accident()
}

#[async_trait]
impl Layer for Cached {
    fn below(&self) -> &dyn Backend {
        &*self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let key = request.key(self.identity());
        let mode = self.cache.0.mode;
        if mode == Mode::Off {
            return self.inner.complete(request).await;
        }
        if mode == Mode::Write {
            // An earlier answer must not serve this request.
            self.cache.0.memory.invalidate(&key).await;
        } else if let Some(found) = self.cache.remembered(&key).await {
            return Ok(Completion { attempts: 0, cached: true, ..(*found).clone() });
        }
        let landing = if self.inner.is_in_process() { Duration::ZERO } else { LANDING };
        let fly = || self.clone().fly(key, request.clone());
        let (landed, is_first) = self.cache.0.flights.join(key, landing, fly).await?;
        let cached = !(landed.paid && is_first);
        let attempts = if cached { 0 } else { landed.answer.attempts };
        Ok(Completion { attempts, cached, ..(*landed.answer).clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::Script,
        request::{Message, Origin, Role},
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
    async fn an_answer_is_paid_for_once_whoever_asks_and_whenever() {
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
