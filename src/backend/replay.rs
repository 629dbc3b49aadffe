//! Answers from a recording instead of a model: without network, weights or cost.

use std::{
    collections::HashMap,
    fmt,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use async_trait::async_trait;

use super::{
    Backend,
    record::{RecordedLine, broken},
};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result, json_fault},
    files,
    hint::Hint,
    request::{Capabilities, Request},
};

/// A backend that answers from a file of [`Recorded`](super::Recorded).
///
/// It replaces the recorded model and has its identity, its other names and its capabilities, so that
/// prompts, keys and results stay the same. The whole file is kept in memory.
///
/// # Errors
/// [`ErrorKind::NotRecorded`]: the request is not in the file. Editing a prompt, a record or a sampling
/// setting changes the request.
pub struct Replay {
    /// The name in results: `replay:` and the path.
    name: String,
    /// The identity of the recorded model.
    identity: String,
    /// The other names of the recorded model.
    names: Vec<String>,
    /// The capabilities of the recorded model, by its last line.
    capabilities: Capabilities,
    /// The answers by the key of their request.
    answers: HashMap<String, Completion>,
}

impl Replay {
    /// Reads the recording at `path`. If a key occurs twice, the last line counts. A line may have up to 64
    /// MiB.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: the file cannot be read. [`ErrorKind::Config`]: a line is not a recorded answer (the error
    /// names it), the file holds none, or it holds answers of several models.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |cause| broken("read", path).because(cause);
        let mut file = BufReader::new(files::regular(path).map_err(unreadable)?);
        let mut replay: Option<Self> = None;
        let (mut bytes, mut number) = (Vec::new(), 0);
        while (&mut file).take(LONGEST).read_until(b'\n', &mut bytes).map_err(unreadable)? > 0 {
            number += 1;
            if bytes.len() as u64 == LONGEST {
                let message = format!("the line is longer than {} MiB", LONGEST >> 20);
                return Err(unreadable(io::Error::other(message)).within(place(path, number)));
            }
            if !bytes.trim_ascii().is_empty() {
                let line = parsed(&bytes).map_err(|error| error.within(place(path, number)))?;
                let replay = replay.get_or_insert_with(|| Self::of(path, &line));
                replay.add(line).map_err(|error| error.within(place(path, number)))?;
            }
            bytes.clear();
        }
        replay.ok_or_else(|| {
            let message = format!("the recording `{}` holds no answers", path.display());
            Error::new(ErrorKind::Config, message).hint(how_to_record())
        })
    }

    /// The number of different requests that it can answer.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it has no answers; never true after [`Replay::open`].
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// An empty replay of the model that this line names.
    fn of(path: &Path, first: &RecordedLine) -> Self {
        Self {
            name: format!("replay:{}", path.display()),
            identity: first.identity.clone(),
            names: first.names.clone(),
            capabilities: first.capabilities,
            answers: HashMap::new(),
        }
    }

    /// Adds the answer of a line.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the line is of another model.
    fn add(&mut self, line: RecordedLine) -> Result<()> {
        if line.identity != self.identity {
            let message =
                format!("answers of `{}` and of `{}` in one file", self.identity, line.identity);
            return Err(Error::new(ErrorKind::Config, message)
                .hint("put the answers of each model into a file of its own"));
        }
        self.capabilities = line.capabilities;
        self.answers.insert(line.key, line.completion);
        Ok(())
    }
}

/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// The hint for a missing answer.
fn how_to_record() -> Hint {
    Hint::from("record it first: run the same judge on the model itself with ")
        .setting("record", "FILE")
}

/// Reads one line; a byte order mark at its start is ignored.
///
/// # Errors
/// [`ErrorKind::Config`]: the line is not a recorded answer.
fn parsed(line: &[u8]) -> Result<RecordedLine> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    serde_json::from_slice(line).map_err(|cause| {
        let message = format!("the line is not a recorded answer: {}", json_fault(&cause));
        Error::new(ErrorKind::Config, message)
    })
}

/// The position of a line in errors: `PATH:LINE`, from 1.
fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.display())
}

#[async_trait]
impl Backend for Replay {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn aliases(&self) -> Vec<String> {
        self.names.clone()
    }

    async fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn concurrency(&self) -> usize {
        64
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let key = request.key(&self.identity).to_string();
        self.answers.get(&key).cloned().ok_or_else(|| {
            let message = format!("`{}` holds no answer to request {key}", self.name);
            Error::new(ErrorKind::NotRecorded, message)
                .hint(how_to_record())
                .hint("an edited prompt, record or sampling setting makes another request")
        })
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}
