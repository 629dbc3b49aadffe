//! What was asked, beside the cache: an answer can only be read by the kind of its request, which no file of answers
//! holds.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use tribunal::{
    error::{Error, ErrorKind, Result},
    request::{Ask, CacheKey, Request},
};

/// How long a request waits for its answer before it is forgotten. Services answer within days.
const KEPT: Duration = Duration::from_secs(60 * 24 * 3600);

/// What was asked, without the texts.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Asked {
    key: String,
    /// The name of the model.
    pub(super) model: String,
    ask: Ask,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alternatives: Option<u8>,
}

impl Asked {
    /// What a request asks a model.
    pub(super) fn of(key: &CacheKey, model: &str, request: &Request) -> Self {
        let (ask, alternatives) = (request.ask.clone(), request.alternatives);
        Self { key: key.hex(), model: model.to_owned(), ask, alternatives }
    }

    /// A request of the same kind, by which the answer is read.
    pub(super) fn request(&self) -> Request {
        let mut request = Request::generate(Vec::new()).ask(self.ask.clone());
        request.alternatives = self.alternatives;
        request
    }
}

/// The folder of these files beside the cache.
fn folder(cache: &Path) -> PathBuf {
    cache.join("batches")
}

/// Notes what one file of requests asks.
pub(super) struct Notes {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Notes {
    /// A new list, after lists that are too old were removed.
    ///
    /// # Errors
    /// The folder of the cache cannot be written.
    pub(super) fn create(cache: &Path) -> Result<Self> {
        let folder = folder(cache);
        forget(&folder);
        let fail = |error| unusable(&folder, error);
        fs::create_dir_all(&folder).map_err(fail)?;
        for number in 1_u32.. {
            let path = folder.join(format!("{number}.jsonl"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, out: BufWriter::new(file) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
                Err(error) => return Err(fail(error)),
            }
        }
        Err(fail(io::Error::other("too many lists")))
    }

    /// Notes a request.
    ///
    /// # Errors
    /// The list cannot be written.
    pub(super) fn add(&mut self, asked: &Asked) -> Result<()> {
        let line = serde_json::to_string(asked).unwrap_or_default();
        writeln!(self.out, "{line}").map_err(|error| unusable(&self.path, error))
    }

    /// Writes what is left; a list without requests is removed.
    ///
    /// # Errors
    /// The list cannot be written.
    pub(super) fn finish(mut self, requests: usize) -> Result<()> {
        let done = self.out.flush().and_then(|()| match requests {
            0 => fs::remove_file(&self.path),
            _ => Ok(()),
        });
        done.map_err(|error| unusable(&self.path, error))
    }
}

/// Everything that was asked, by key.
pub(super) fn all(cache: &Path) -> HashMap<String, Asked> {
    let files = fs::read_dir(folder(cache)).into_iter().flatten().flatten();
    let files = files.filter_map(|file| File::open(file.path()).ok());
    let lines = files.flat_map(|file| BufReader::new(file).lines().map_while(io::Result::ok));
    let asked = lines.filter_map(|line| serde_json::from_str::<Asked>(&line).ok());
    asked.map(|asked| (asked.key.clone(), asked)).collect()
}

/// Removes lists whose answers will not come any more.
#[expect(clippy::disallowed_methods, reason = "the age of a list is in no verdict")]
fn forget(folder: &Path) {
    let now = SystemTime::now();
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_old = |file: &fs::DirEntry| {
        let written = file.metadata().and_then(|about| about.modified()).ok();
        let age = written.and_then(|time| now.duration_since(time).ok());
        age.is_some_and(|age| age > KEPT)
    };
    // A list that stays only takes space.
    files.filter(is_old).for_each(|file| drop(fs::remove_file(file.path())));
}

fn unusable(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(error)
}
