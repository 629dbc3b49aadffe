//! One process of the sandbox: started, fed, limited in time and output, and gone at the end.

use std::{io, path::PathBuf, process::ExitStatus, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::spec::{REFUSED, RUNNER, Spec};
use crate::{
    backend::group::Group,
    error::{Error, ErrorKind, Result},
};

/// What the driver prints before the code begins.
const READY: &[u8] = b"ready\n";

/// How much of standard error is kept for messages.
const ERROR_TAIL: usize = 2000;

/// How long an interpreter may take to start, on a machine with much to do.
const START: Duration = Duration::from_secs(20);

/// How much longer code may take than the driver allows it before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// A run of code, to be started.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// The program that becomes the runner.
    pub(super) runner: PathBuf,
    /// What the runner is told.
    pub(super) spec: Spec,
    /// How many bytes of output are read before the code is stopped.
    pub(super) most: usize,
}

/// What is left of a process that has ended.
#[derive(Debug)]
pub(in crate::backend) struct Ended {
    /// What it printed.
    pub(in crate::backend) output: Vec<u8>,
    /// The end of what it printed to standard error.
    pub(in crate::backend) errors: String,
    /// How it ended.
    pub(super) end: End,
}

impl Ended {
    /// Whether it ended by itself, and without an error.
    pub(in crate::backend) fn is_clean(&self) -> bool {
        self.end == End::Exit(0)
    }

    /// Whether it ended by itself.
    pub(in crate::backend) fn is_exit(&self) -> bool {
        matches!(self.end, End::Exit(_))
    }

    /// Whether it was stopped because it took too long.
    pub(in crate::backend) fn is_out_of_time(&self) -> bool {
        self.end == End::OutOfTime
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It took too long.
    OutOfTime,
    /// It printed too much.
    TooMuch,
}

impl Process {
    /// Runs a job, with this text as the standard input of its code.
    ///
    /// # Errors
    /// The code was not run: the runner cannot be started, a limit cannot be set, or Python does not start.
    ///
    /// # Cancellation
    /// Dropping the future kills the process and all that it started.
    pub(super) async fn run(
        &self,
        job: &serde_json::Value,
        input: &[u8],
        time: Duration,
    ) -> Result<Ended> {
        let seconds = u32::try_from((START + time + GRACE).as_secs() + 2).unwrap_or(u32::MAX);
        let mut child = self.spawn(&Spec { seconds, ..self.spec.clone() })?;
        // Declared after the child, so that it is dropped before it: the whole group is killed first.
        let group = Group::of(&child);
        let job = serde_json::to_vec(job).map_err(Error::other)?;
        let (to, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let ended = async {
            let end = self.ended(&mut child, out, &mut output, time).await;
            // The other pipes end with the last process of the group.
            drop(group);
            end
        };
        let (end, (), ()) = tokio::join!(ended, feed(to, &job, input), tail(err, &mut errors));
        let errors = String::from_utf8_lossy(&errors).trim_end().to_owned();
        match output.strip_prefix(READY) {
            Some(output) => Ok(Ended { output: output.to_vec(), errors, end }),
            None => Err(unstarted(end, &errors)),
        }
    }

    /// Reads what the process prints until it ends, or has to be stopped.
    async fn ended(
        &self,
        child: &mut Child,
        out: Option<ChildStdout>,
        output: &mut Vec<u8>,
        time: Duration,
    ) -> End {
        let Some(mut out) = out else { return End::Signal(0) };
        let mut head = (&mut out).take(READY.len() as u64);
        if tokio::time::timeout(START, head.read_to_end(output)).await.is_err() {
            return End::OutOfTime;
        }
        let rest = async {
            if read(out, output, self.most).await {
                return End::TooMuch;
            }
            child.wait().await.map_or(End::Signal(0), end_of)
        };
        tokio::time::timeout(time + GRACE, rest).await.unwrap_or(End::OutOfTime)
    }

    /// Starts the runner.
    fn spawn(&self, spec: &Spec) -> Result<Child> {
        let spec = serde_json::to_string(spec).map_err(Error::other)?;
        let mut command = Command::new(&self.runner);
        command
            .args([RUNNER, &spec])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|cause| {
            let busy =
                matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory);
            let kind = if busy { ErrorKind::Overloaded } else { ErrorKind::Config };
            let message = format!("the sandbox cannot be started with `{}`", self.runner.display());
            Error::new(kind, message).because(cause)
        })
    }
}

/// Writes the job, and what the code reads. Code that does not read all of it may still end well.
async fn feed(to: Option<ChildStdin>, job: &[u8], input: &[u8]) {
    if let Some(mut to) = to {
        let head = format!("{:012}", job.len());
        for part in [head.as_bytes(), job, input] {
            if to.write_all(part).await.is_err() {
                return;
            }
        }
    }
}

/// Reads what the code prints; whether that was more than `most` bytes.
async fn read(from: impl AsyncRead + Unpin, into: &mut Vec<u8>, most: usize) -> bool {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = from.take(limit).read_to_end(into).await;
    read.is_ok() && into.len() > most
}

/// Reads standard error to its end, and keeps the last part.
async fn tail(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        into.extend_from_slice(&piece[..read]);
        let surplus = into.len().saturating_sub(ERROR_TAIL);
        into.drain(..surplus);
    }
}

/// How a process ended, by its status. The runner reports the signal that ended the interpreter as a shell does.
fn end_of(status: ExitStatus) -> End {
    const SIGNALS: std::ops::Range<i32> = 129..193;
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return End::Signal(signal);
    }
    match status.code() {
        Some(code) if SIGNALS.contains(&code) => End::Signal(code - 128),
        Some(code) => End::Exit(code),
        None => End::Signal(0),
    }
}

/// The error of code that was not run.
fn unstarted(end: End, errors: &str) -> Error {
    let last: String = errors.lines().next_back().unwrap_or_default().chars().take(300).collect();
    let last: String = last.chars().filter(|c| !c.is_control()).collect();
    let why = match (end, last.is_empty()) {
        (_, false) => last,
        (End::Exit(code), _) => format!("exit code {code}"),
        (End::Signal(signal), _) => format!("signal {signal}"),
        (End::OutOfTime, _) => "it takes too long".to_owned(),
        (End::TooMuch, _) => "it prints too much".to_owned(),
    };
    match end {
        End::OutOfTime => Error::new(ErrorKind::TimedOut, "the sandbox did not start in time"),
        End::Exit(REFUSED) => {
            Error::new(ErrorKind::Unsupported, format!("this machine cannot confine code: {why}"))
        }
        _ => Error::new(ErrorKind::Model, format!("Python does not start in the sandbox: {why}")),
    }
}
