//! Running a program once, within limits on time and size.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin},
};

use super::super::{group::Group, secrets::Secrets};
use crate::error::{Error, ErrorKind, Result};

/// How much of the end of standard error is kept for messages.
const ERROR_TAIL: usize = 2000;

/// How many of its last lines an error quotes.
const ERROR_LINES: usize = 5;

/// A program with its arguments, its variables and its limits.
#[derive(Clone)]
pub(super) struct Program {
    /// The name of the judge, for messages.
    pub(super) name: String,
    /// The file that is run.
    pub(super) file: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The harmless variables that it gets.
    pub(super) usual: BTreeMap<String, String>,
    /// The variables that were passed to it by name; their values are secrets.
    pub(super) passed: BTreeMap<String, String>,
    /// The values of these variables, which no output may contain.
    pub(super) secrets: Secrets,
    /// How long one run may take.
    pub(super) timeout: Duration,
    /// How many bytes of standard output are read.
    pub(super) output_limit: usize,
}

impl Program {
    /// Runs the program once with this input, and returns its standard output.
    ///
    /// # Errors
    /// Those of [`Command`](super::Command); the message ends with the last lines of standard error.
    ///
    /// # Cancellation
    /// Dropping the future kills the program and its group.
    pub(super) async fn run(&self, input: &[u8]) -> Result<Vec<u8>> {
        let mut said = Tail::default();
        match tokio::time::timeout(self.timeout, self.unlimited(input, &mut said)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.quoting(error, &said)),
            Err(_) => {
                let limit = humantime::format_duration(self.timeout);
                let error = self.failed(ErrorKind::TimedOut, &format!("was killed after {limit}"));
                Err(self.quoting(error, &said))
            }
        }
    }

    /// The same without a limit on time.
    async fn unlimited(&self, input: &[u8], said: &mut Tail) -> Result<Vec<u8>> {
        let mut child = self.spawn()?;
        // Declared after the child, so that it is dropped before it: the whole group is killed first.
        let group = Group::of(&child);
        let (input_of, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = async {
            let status = child.wait().await;
            let status =
                status.map_err(|cause| self.failed(ErrorKind::Model, LOST).because(cause))?;
            // What it left behind would hold its output open.
            drop(group);
            Ok(status)
        };
        let (status, (), output, ()) =
            tokio::try_join!(ended, write(input_of, input), self.read(output), said.read(errors))?;
        self.checked(status)?;
        Ok(output)
    }

    /// Starts the program.
    fn spawn(&self) -> Result<Child> {
        let mut command = tokio::process::Command::new(&self.file);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.usual)
            .envs(&self.passed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|cause| {
            let kind = match cause.kind() {
                // Many programs at once, or one that is being written at this moment.
                io::ErrorKind::WouldBlock
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::ExecutableFileBusy => ErrorKind::Overloaded,
                _ => ErrorKind::NotFound,
            };
            self.failed(kind, "cannot be started").because(cause)
        })
    }

    /// The whole standard output.
    ///
    /// # Errors
    /// It is longer than the limit, or cannot be read.
    async fn read(&self, output: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let Some(output) = output else { return Ok(bytes) };
        let most = u64::try_from(self.output_limit).unwrap_or(u64::MAX);
        let read = output.take(most.saturating_add(1)).read_to_end(&mut bytes).await;
        read.map_err(|cause| self.failed(ErrorKind::Model, LOST).because(cause))?;
        if bytes.len() > self.output_limit {
            let what = format!("wrote more than {} bytes, and was killed", self.output_limit);
            return Err(self.failed(ErrorKind::Model, &what));
        }
        Ok(bytes)
    }

    /// What the exit code means: see the table of the [module](super).
    fn checked(&self, status: ExitStatus) -> Result<()> {
        let error = |kind, meaning: &str| {
            Err(self.failed(kind, &format!("ended with {}{meaning}", ending(status))))
        };
        match status.code() {
            Some(0) => Ok(()),
            Some(75) => error(ErrorKind::Overloaded, " (try again)"),
            Some(77) => error(ErrorKind::Unauthorized, " (not permitted)"),
            Some(78) => error(ErrorKind::Config, " (wrong configuration)").map_err(Error::fatal),
            _ => error(ErrorKind::Model, ""),
        }
    }

    /// The error of a request that has no answer.
    fn failed(&self, kind: ErrorKind, what: &str) -> Error {
        let name: String = self.name.chars().take(100).collect();
        Error::new(kind, format!("`{name}` {what}"))
    }

    /// The same error with the last lines of standard error, without the values of passed variables.
    fn quoting(&self, error: Error, said: &Tail) -> Error {
        let said = said.text();
        let said = self.secrets.redact_error(&said);
        let lines: Vec<&str> =
            said.lines().map(str::trim_end).filter(|it| !it.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(ERROR_LINES)..).unwrap_or_default();
        if last.is_empty() {
            return error;
        }
        let quoted: String = last.join(" / ").chars().flat_map(printable).collect();
        error.because(format!("its standard error ends with: {quoted}"))
    }
}

/// The message where the system loses a process or its output.
const LOST: &str = "ran, and its end is not known";

/// A character as messages can hold it: control characters are written as escapes.
fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_debug());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// How a program ended, in words.
fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"))
}

/// Writes the request. A program that does not read all of it may still answer.
async fn write(input_of: Option<ChildStdin>, input: &[u8]) -> Result<()> {
    if let Some(mut to) = input_of {
        // A broken pipe is the program's right, and its exit code says whether it minds.
        let _ = to.write_all(input).await;
    }
    Ok(())
}

/// The end of standard error.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// Reads to the end, and keeps the last part.
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) -> Result<()> {
        let Some(mut from) = from else { return Ok(()) };
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            self.0.extend_from_slice(&piece[..read]);
            let surplus = self.0.len().saturating_sub(ERROR_TAIL);
            self.0.drain(..surplus);
        }
        Ok(())
    }

    /// What is kept, as text.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}
