//! Writes the answers of a model to a file, from which [`Replay`](super::Replay) answers later.
//!
//! A recording is a text file with one JSON object per answer:
//!
//! ```text
//! {"key": …, "identity": …, "names": […], "capabilities": {…}, "request": {…}, "completion": {…}}
//! ```
//!
//! Lines may be sorted, removed, and merged with lines of other recordings of the same model. The request is
//! for readers; only `key` is used. Secrets are replaced by `***` before a line is written.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Backend, Layer, secrets::Secrets};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::{Capabilities, Request},
};

/// A layer that appends every answer to a file.
///
/// Each line is written completely before the answer is returned. Failures of the model are not written.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{backend::{Backend, Recorded, Replay, Script}, request::Request};
///
/// # let folder = tempfile::tempdir().map_err(tribunal::Error::other)?;
/// # let path = folder.path().join("answers.jsonl");
/// let model = Recorded::new(Script::always("Score: 7"), &path, Vec::new())?;
/// let request = Request::generate(Vec::new());
/// model.complete(&request).await?;
/// // Without the model, at another time:
/// assert_eq!(Replay::open(&path)?.complete(&request).await?.text, "Score: 7");
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Outermost, so that a recording contains cached answers too and replays a whole run.
///
/// # Errors
/// Those of the wrapped backend, and [`ErrorKind::Io`] if an answer cannot be written.
///
/// # Cancellation
/// A request that is dropped before its answer arrives is not written.
pub struct Recorded<B> {
    inner: B,
    path: PathBuf,
    file: Mutex<File>,
    secrets: Secrets,
}

impl<B: Backend> Recorded<B> {
    /// Appends the answers of `inner` to the file at `path`, which is created if it is missing. An incomplete
    /// last line of an earlier run is removed.
    ///
    /// Every occurrence of one of `secrets` in a request or an answer is replaced by `***`. Texts of fewer
    /// than 8 bytes are placeholders such as `EMPTY`, and are not replaced.
    ///
    /// # Errors
    /// The file cannot be written, or is not a recording.
    pub fn new(inner: B, path: impl AsRef<Path>, secrets: Vec<String>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = reopened(&path)?;
        let secrets = Secrets::new(secrets.into_iter().map(SecretString::from));
        Ok(Self { inner, path, file: Mutex::new(file), secrets })
    }

    async fn line(&self, request: &Request, completion: &Completion) -> Result<Vec<u8>> {
        let identity = self.inner.identity();
        let line = RecordedLine {
            key: request.key(identity).to_string(),
            identity: identity.to_owned(),
            names: named(&self.inner),
            capabilities: self.inner.capabilities().await,
            request: Some(request.clone()),
            completion: finite(completion.clone()),
        };
        let unwritable =
            |cause| Error::new(ErrorKind::Io, "cannot record an answer").because(cause);
        let mut line = serde_json::to_value(line).map_err(unwritable)?;
        self.secrets.redact_json(&mut line);
        let mut line = serde_json::to_vec(&line).map_err(unwritable)?;
        line.push(b'\n');
        Ok(line)
    }

    fn append(&self, line: &[u8]) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(line).and_then(|()| file.flush());
        written.map_err(|cause| broken("write", &self.path).because(cause))
    }
}

#[async_trait]
impl<B: Backend> Layer for Recorded<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let completion = self.inner.complete(request).await?;
        let line = self.line(request, &completion).await?;
        self.append(&line)?;
        Ok(completion)
    }
}

/// One answer in a recording.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordedLine {
    pub(super) key: String,
    pub(super) identity: String,
    #[serde(default)]
    pub(super) names: Vec<String>,
    pub(super) capabilities: Capabilities,
    /// For readers; a replay does not use it.
    #[serde(skip_deserializing)]
    request: Option<Request>,
    pub(super) completion: Completion,
}

fn named(backend: &impl Backend) -> Vec<String> {
    let mut names = vec![backend.name().to_owned()];
    names.extend(backend.aliases());
    names
}

/// JSON has no infinity: a log-probability of minus infinity becomes the lowest finite number.
fn finite(mut completion: Completion) -> Completion {
    for (_, logprob) in completion.tokens.iter_mut().flat_map(|token| &mut token.top) {
        *logprob = logprob.max(f64::MIN);
    }
    completion
}

/// Opens the file for appending, after removing an incomplete last line of an earlier run.
fn reopened(path: &Path) -> Result<File> {
    let failed = |cause| broken("open", path).because(cause);
    let mut file =
        OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
    let start = start(&mut file).map_err(failed)?;
    if !start.starts_with(LINE_START.get(..start.len()).unwrap_or(LINE_START)) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("`{}` exists already, and is not a recording", path.display()),
        )
        .hint("name another file for the recording"));
    }
    if let Some(end) = torn_at(&mut file).map_err(failed)? {
        let tail = tail(&mut file, end).map_err(failed)?;
        if !tail.starts_with(LINE_START.get(..tail.len()).unwrap_or(LINE_START)) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("`{}` is not a recording: its last line has no end", path.display()),
            )
            .hint("name another file for the recording"));
        }
        file.set_len(end).map_err(failed)?;
    }
    Ok(file)
}

/// The first bytes of the file.
fn start(file: &mut File) -> std::io::Result<Vec<u8>> {
    if file.metadata()?.is_file() { tail(file, 0) } else { Ok(Vec::new()) }
}

const LINE_START: &[u8] = b"{\"key\":";

/// The offset of the last line, if it is incomplete.
fn torn_at(file: &mut File) -> std::io::Result<Option<u64>> {
    const STEP: u64 = 64 * 1024;
    let length = file.metadata()?.len();
    let mut at = length;
    while at > 0 {
        let start = at.saturating_sub(STEP);
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&*file).take(at - start).read_to_end(&mut piece)?;
        if let Some(newline) = piece.iter().rposition(|&byte| byte == b'\n') {
            let begin = start + newline as u64 + 1;
            return Ok((begin < length).then_some(begin));
        }
        at = start;
    }
    Ok((length > 0).then_some(0))
}

fn tail(file: &mut File, from: u64) -> std::io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(LINE_START.len() as u64).read_to_end(&mut tail)?;
    Ok(tail)
}

pub(super) fn broken(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} the recording `{}`", path.display()))
}

impl<B: fmt::Debug> fmt::Debug for Recorded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("inner", &self.inner)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
