//! Answers on disk: one SQLite file that several processes share.
//!
//! The file is in WAL mode, so readers never wait. One writer thread per process commits all entries that
//! have arrived since its last commit. An entry is a completion as JSON, compressed by zstd, with a checksum
//! over its plain bytes and its key; a damaged entry counts as missing.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::{Compressor, Decompressor};

use super::Clock;
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::CacheKey,
};

/// The version of the layout, stored in `user_version` of the file. It is raised when the layout changes; a
/// store of a newer version is left unchanged.
const VERSION: i64 = 1;

/// The name of the file in its folder.
const NAME: &str = "answers.sqlite";

/// The most entries in one commit.
const BATCH: usize = 256;

/// The compression level of zstd: it more than halves critiques within microseconds.
const LEVEL: i32 = 1;

/// One row per answer: its key, the compressed completion, its checksum, and the columns that pruning needs.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS answers (
        key BLOB PRIMARY KEY,
        value BLOB NOT NULL,
        sum INTEGER NOT NULL,
        created INTEGER NOT NULL,
        used INTEGER NOT NULL,
        model TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_use ON answers (used);
";

/// A store of answers.
#[derive(Debug)]
pub(super) struct Store {
    /// The path of the SQLite file.
    path: PathBuf,
    /// Idle connections for reading.
    readers: Mutex<Vec<Connection>>,
    /// The channel to the writer thread; `None` once the store is being dropped.
    writer: Option<mpsc::Sender<PendingWrite>>,
    /// The writer thread.
    thread: Option<thread::JoinHandle<()>>,
    clock: Clock,
}

/// A change for the writer thread.
enum PendingWrite {
    /// An answer to store, and the caller that waits for it.
    Answer { row: PlainRow, done: oneshot::Sender<Result<()>> },
    /// An answer was used at this time; nobody waits.
    Used { key: CacheKey, now: i64 },
}

/// One row of the table, before it is compressed.
struct PlainRow {
    key: CacheKey,
    /// The completion as JSON.
    plain: Vec<u8>,
    created: i64,
    model: String,
}

/// Statistics of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The path of the file.
    pub path: PathBuf,
    /// The number of answers.
    pub entries: u64,
    /// The compressed size of the answers, in bytes.
    pub bytes: u64,
    /// The number of answers by model, the largest first.
    pub models: Vec<(String, u64)>,
    /// The age of the oldest answer, in seconds.
    pub oldest: Option<u64>,
}

impl Store {
    /// Opens the store in a folder, which is created if it is missing. A damaged store is renamed, and a new
    /// one is created. Blocks while another process opens the same store.
    ///
    /// # Errors
    /// The folder is not writable, or contains a store of a newer version.
    pub(super) fn open(folder: &Path, clock: Clock) -> Result<Self> {
        make_private(folder)?;
        let path = folder.join(NAME);
        // Only one process at a time may create a new store; the lock is released at the end of the
        // function.
        let gate =
            fs::File::create(folder.join("open.lock")).map_err(|cause| failed(&path, cause))?;
        gate.lock().map_err(|cause| failed(&path, cause))?;
        let connection = match connect(&path) {
            Err(cause) if is_damaged(&cause) => {
                set_aside(&path, clock)?;
                connect(&path)
            }
            other => other,
        };
        let connection = connection.map_err(|cause| failed(&path, cause))?;
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|cause| failed(&path, cause))?;
        if version > VERSION {
            let message =
                format!("`{}` was written by a newer version of this program", path.display());
            return Err(Error::new(ErrorKind::Io, message)
                .hint("name another folder with TRIBUNAL_CACHE_DIR, or use the newer program"));
        }
        let compressor = Compressor::new(LEVEL).map_err(|cause| failed(&path, cause))?;
        let (writer, work) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("cache".into())
            .spawn(move || write(connection, compressor, &work))
            .map_err(|cause| failed(&path, cause))?;
        Ok(Self {
            path,
            readers: Mutex::default(),
            writer: Some(writer),
            thread: Some(thread),
            clock,
        })
    }

    /// The answer with this key; a damaged one is removed. Blocks for microseconds, or while the disk is
    /// busy.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn get(&self, key: &CacheKey) -> Result<Option<Completion>> {
        let connection = self.reader()?;
        let found = connection
            .prepare_cached("SELECT value, sum, used FROM answers WHERE key = ?1")
            .and_then(|mut query| {
                query
                    .query_row([key.as_bytes()], |row| {
                        Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get::<_, i64>(2)?))
                    })
                    .optional()
            })
            .map_err(|cause| failed(&self.path, cause))?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        let Some((value, sum, used)) = found else { return Ok(None) };
        let completion = unpacked(&value, sum, key.as_bytes());
        if completion.is_none() {
            tracing::warn!("a damaged answer in {} is not used", self.path.display());
            let _ = self.change("DELETE FROM answers WHERE key = ?1", params![key.as_bytes()]);
        } else if self.clock.now() - used > HOUR {
            // The time of the last use is only accurate to an hour.
            let used = PendingWrite::Used { key: *key, now: self.clock.now() };
            // Without a writer, the answer only counts as older than it is.
            let _ = self.writer.as_ref().map(|writer| writer.send(used));
        }
        Ok(completion)
    }

    /// Stores an answer, and returns once it is in the file.
    ///
    /// # Errors
    /// The disk is full, or the file cannot be written.
    pub(super) async fn put(
        &self,
        key: &CacheKey,
        completion: &Completion,
        model: &str,
    ) -> Result<()> {
        let row = PlainRow {
            key: *key,
            plain: serde_json::to_vec(completion).unwrap_or_default(),
            created: self.clock.now(),
            model: model.to_owned(),
        };
        let (done, written) = oneshot::channel();
        let gone = || Error::new(ErrorKind::Io, "the thread that writes the cache has ended");
        let writer = self.writer.as_ref().ok_or_else(gone)?;
        writer.send(PendingWrite::Answer { row, done }).map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }

    /// The statistics of the store.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn stats(&self) -> Result<Stats> {
        let connection = self.reader()?;
        let read = || -> rusqlite::Result<Stats> {
            let (entries, bytes, oldest) = connection.query_row(
                "SELECT COUNT(*), COALESCE(SUM(LENGTH(value)), 0), MIN(created) FROM answers",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)),
            )?;
            let mut models = connection.prepare(
                "SELECT model, COUNT(*) AS n FROM answers GROUP BY model ORDER BY n DESC, model",
            )?;
            let models = models
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let oldest =
                oldest.map(|created| u64::try_from(self.clock.now() - created).unwrap_or(0));
            Ok(Stats { path: self.path.clone(), entries, bytes, models, oldest })
        };
        read().map_err(|cause| failed(&self.path, cause))
    }

    /// Removes answers that were not used within `age`, then the least recently used ones until the rest fits
    /// into this many bytes. Returns the number of removed answers.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn prune(&self, age: Option<Duration>, bytes: Option<u64>) -> Result<u64> {
        let mut gone = 0;
        if let Some(age) = age {
            let before = self.clock.now() - i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            gone += self.change("DELETE FROM answers WHERE used < ?1", params![before])?;
        }
        if let Some(bytes) = bytes {
            gone += self.change(
                "DELETE FROM answers WHERE key IN (
                    SELECT key FROM (
                        SELECT key, SUM(LENGTH(value)) OVER (ORDER BY used DESC, key) AS total FROM answers
                    ) WHERE total > ?1)",
                params![i64::try_from(bytes).unwrap_or(i64::MAX)],
            )?;
        }
        self.change("VACUUM", [])?;
        Ok(gone)
    }

    /// Calls `receive` with every answer, its key and its model.
    ///
    /// # Errors
    /// The file cannot be read, or `receive` fails.
    pub(super) fn each(
        &self,
        mut receive: impl FnMut(&[u8], &str, &Completion) -> Result<()>,
    ) -> Result<()> {
        let connection = self.reader()?;
        let broken = |cause: rusqlite::Error| failed(&self.path, cause);
        let mut query = connection
            .prepare("SELECT key, value, sum, model FROM answers ORDER BY created, key")
            .map_err(broken)?;
        let mut rows = query.query([]).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            let key: Vec<u8> = row.get(0).map_err(broken)?;
            let value: Vec<u8> = row.get(1).map_err(broken)?;
            if let Some(completion) = unpacked(&value, row.get(2).map_err(broken)?, &key) {
                receive(&key, &row.get::<_, String>(3).map_err(broken)?, &completion)?;
            }
        }
        Ok(())
    }

    /// A connection for reading: an idle one, or a new one.
    fn reader(&self) -> Result<Connection> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connect(&self.path).map_err(|cause| failed(&self.path, cause)), Ok)
    }

    /// Runs a statement that changes rows, and returns how many it changed.
    fn change(&self, sql: &str, values: impl rusqlite::Params) -> Result<u64> {
        let connection = self.reader()?;
        let changed = connection.execute(sql, values).map_err(|cause| failed(&self.path, cause))?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(changed as u64)
    }
}

/// Waits for the last commit, so that the file is complete and its log is merged into it.
impl Drop for Store {
    fn drop(&mut self) {
        self.writer.take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The accuracy of the time of the last use, in seconds: reading an entry writes to it at most this often.
const HOUR: i64 = 3600;

/// The least time between two commits. Under load each then covers all entries of that time, since a commit costs much
/// more than an entry; an entry that comes after a pause is committed at once.
const BETWEEN_COMMITS: Duration = Duration::from_millis(3);

/// Commits entries as they arrive: the first one together with all that have arrived since (group commit), up to
/// [`BATCH`] of them. Ends when the store is dropped.
fn write(
    mut connection: Connection,
    mut compressor: Compressor<'static>,
    work: &mpsc::Receiver<PendingWrite>,
) {
    let mut last = None::<Instant>;
    while let Ok(first) = work.recv() {
        let rest = last.map(|last| BETWEEN_COMMITS.saturating_sub(last.elapsed()));
        thread::sleep(rest.unwrap_or_default());
        last = Some(Instant::now());
        let batch: Vec<PendingWrite> =
            std::iter::once(first).chain(work.try_iter().take(BATCH - 1)).collect();
        let written = commit(&mut connection, &mut compressor, &batch);
        for change in batch {
            let PendingWrite::Answer { done, .. } = change else { continue };
            let result = match &written {
                Ok(()) => Ok(()),
                Err(cause) => {
                    Err(Error::new(ErrorKind::Io, format!("cannot write to the cache: {cause}")))
                }
            };
            // The caller may have stopped waiting.
            let _ = done.send(result);
        }
    }
}

/// Why entries were not written.
type WriteFault = Box<dyn std::error::Error + Send + Sync>;

/// Writes entries in one transaction.
fn commit(
    connection: &mut Connection,
    compressor: &mut Compressor<'static>,
    batch: &[PendingWrite],
) -> Result<(), WriteFault> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO answers (key, value, sum, created, used, model) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        )?;
        let mut touch =
            transaction.prepare_cached("UPDATE answers SET used = ?2 WHERE key = ?1")?;
        for change in batch {
            match change {
                PendingWrite::Answer { row: PlainRow { key, plain, created, model }, .. } => {
                    let key = key.as_bytes();
                    let value = compressor.compress(plain)?;
                    insert.execute(params![key, value, sum(plain, key), created, model])?;
                }
                PendingWrite::Used { key, now } => {
                    touch.execute(params![key.as_bytes(), now])?;
                }
            }
        }
    }
    Ok(transaction.commit()?)
}

/// Opens a connection with the settings of the store.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // With larger pages, a compressed answer fits into one. No mmap: a truncated file would crash the
    // process.
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Killing the process loses nothing; a power failure may lose the last commits, but never the file.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version <= VERSION {
        connection.execute_batch(SCHEMA)?;
        if version < VERSION {
            connection.pragma_update(None, "user_version", VERSION)?;
        }
    }
    Ok(connection)
}

/// Whether the error means that the file is damaged.
fn is_damaged(cause: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(cause.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// Renames a damaged store, and logs where it is now.
fn set_aside(path: &Path, clock: Clock) -> Result<()> {
    let aside = path.with_extension(format!("sqlite.damaged-{}", clock.now()));
    fs::rename(path, &aside).map_err(|cause| failed(path, cause))?;
    for end in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // These files belong to the damaged store, and may not exist.
        let _ = fs::remove_file(PathBuf::from(name));
    }
    tracing::warn!(
        "the cache was damaged: it was moved to {}, and a new one was started",
        aside.display()
    );
    Ok(())
}

/// Creates the folder, accessible to its owner only, since answers may be confidential.
fn make_private(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|cause| failed(folder, cause))
}

/// The checksum over the plain bytes and their key, so that no answer can be stored under the key of another.
fn sum(plain: &[u8], key: &[u8]) -> i64 {
    xxh3_64(&[plain, key].concat()).cast_signed()
}

/// Decompresses an entry; `None` if it is damaged.
fn unpacked(value: &[u8], expected: i64, key: &[u8]) -> Option<Completion> {
    const LARGEST: u64 = 64 << 20;
    thread_local! {
        // Creating a decompressor costs more than using it.
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
    }
    let size = zstd::zstd_safe::get_frame_content_size(value).ok()??;
    let size = usize::try_from(size.min(LARGEST)).ok()?;
    let plain =
        UNPACKER.with_borrow_mut(|unpacker| unpacker.as_mut()?.decompress(value, size).ok())?;
    (sum(&plain, key) == expected).then(|| serde_json::from_slice(&plain).ok()).flatten()
}

/// The error for a store that cannot be used, with its path.
fn failed(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, format!("the cache `{}` cannot be used", path.display()))
        .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Message, Origin, Request, Role};

    fn key(n: usize) -> CacheKey {
        Request::generate(vec![Message::new(Role::User, n.to_string(), Origin::Prompt)]).key("m")
    }

    fn store(folder: &Path) -> Store {
        Store::open(folder, Clock::fixed(1_000_000)).unwrap()
    }

    #[tokio::test]
    async fn what_was_stored_is_found_by_every_process_that_opens_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let one = store(folder.path());
        let answer = Completion::text("Fine.\nScore: 7".repeat(100));
        one.put(&key(1), &answer, "m").await.unwrap();
        assert_eq!(store(folder.path()).get(&key(1)).unwrap(), Some(answer));
        assert_eq!(one.get(&key(2)).unwrap(), None);
        let stats = one.stats().unwrap();
        assert_eq!((stats.entries, stats.models), (1, vec![("m".to_owned(), 1)]));
    }

    #[tokio::test]
    async fn a_damaged_entry_is_a_miss_and_a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let one = store(folder.path());
        one.put(&key(1), &Completion::text("x"), "m").await.unwrap();
        one.change("UPDATE answers SET sum = sum + 1", []).unwrap();
        assert_eq!(one.get(&key(1)).unwrap(), None);
        assert_eq!(one.stats().unwrap().entries, 0);
        drop(one);
        fs::write(folder.path().join(NAME), "no database".repeat(500)).unwrap();
        let again = store(folder.path());
        again.put(&key(1), &Completion::text("y"), "m").await.unwrap();
        let aside = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged-1000000")
        });
        assert_eq!(aside.count(), 1);
    }

    #[tokio::test]
    async fn a_store_of_a_newer_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        store(folder.path()).change("PRAGMA user_version = 2", []).unwrap();
        let refused = Store::open(folder.path(), Clock::fixed(0)).unwrap_err();
        assert!(refused.to_string().contains("newer version"), "{refused}");
    }

    #[tokio::test]
    async fn the_least_used_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let one = store(folder.path());
        for n in 0..10 {
            one.put(&key(n), &Completion::text("x".repeat(50)), "m").await.unwrap();
        }
        one.change("UPDATE answers SET used = 5 WHERE key = ?1", [key(3).as_bytes()]).unwrap();
        assert_eq!(one.prune(Some(Duration::from_secs(1)), None).unwrap(), 1);
        assert_eq!(one.get(&key(3)).unwrap(), None);
        let half = one.stats().unwrap().bytes / 2;
        assert!(one.prune(None, Some(half)).unwrap() >= 4);
        assert!(one.stats().unwrap().bytes <= half);
    }
}
