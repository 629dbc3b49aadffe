//! A sandbox for Python code of judges and of answers, on Linux.
//!
//! Code is the most dangerous thing that a model or a record can contain, so it runs only where the user allows it, and
//! then in a process that can reach nothing:
//!
//! ```text
//! this process ── pipes ── runner ── namespaces ── interpreter
//!                          sets limits on itself   no files, network, processes; little time and memory
//! ```
//!
//! The runner is the program `tribunal` itself, started with a hidden first argument. It sets each limit on itself and then
//! becomes the interpreter, so that no code is ever unconfined. If the kernel lacks a limit that is needed, nothing is run:
//!
//! | kept from code | by | needed |
//! |---|---|---|
//! | files outside of its folder | a mount namespace, and Landlock | one of them (Landlock from version 3) |
//! | the network, other processes, dangerous system calls | seccomp | yes |
//! | the same once more | namespaces for users, processes, network, mounts, IPC and host name | no |
//! | time, memory, files, threads, output | `setrlimit`, and this process | yes |
//! | variables, open files, the terminal | nothing of this process is passed on | yes |
//! | the rights of an administrator | the user `nobody`, or a user namespace without capabilities | yes |
//!
//! What a run prints is a function of the code alone as far as Python is: it has no clock to wait for, no network, and a
//! fixed order of sets; only time and random numbers are its own.
//!
//! | module | what it does |
//! |---|---|
//! | `spec` | the limits, and what the runner is told |
//! | `python` | finds the interpreter, and the files that it needs |
//! | `process` | one run: starts, feeds, stops |
//! | `running` | the layer that answers requests to run code |
//! | `runner` | what the runner does: namespaces, files, system calls |

mod process;
mod python;
mod running;
mod spec;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod runner;

pub use {running::Running, spec::SandboxLimits};

use std::{ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(super) use process::Ended;

use self::{
    process::{End, Process},
    python::Python,
    spec::{RUNNER, Spec, Walls},
};
use super::{Ability, Backend, Capabilities};
use crate::{
    completion::{Completion, Finish, Usage},
    error::{Error, ErrorKind, Result},
    request::{Ask, Request},
    units::counted,
};

/// How a [`Sandbox`] is opened.
#[derive(Clone, Debug, Default)]
pub struct SandboxOptions {
    /// The program that confines itself and runs the code: `tribunal`, or a program of yours that calls
    /// [`run_confined`] before anything else. `tribunal` of `PATH` where none is named.
    pub runner: Option<PathBuf>,
    /// The interpreter; `python3` of `PATH` where none is named.
    pub python: Option<PathBuf>,
    /// The limits on code.
    pub limits: SandboxLimits,
    /// Means of the kernel that are not used, as if it lacked them: `namespaces`, `landlock`. For tests.
    #[doc(hidden)]
    pub without: Vec<String>,
}

/// Runs Python code that nobody vouches for: see the [module](self).
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::backend::sandbox::{Sandbox, SandboxOptions};
///
/// let runner = Some("/usr/local/bin/tribunal".into());
/// let options = SandboxOptions { runner, ..SandboxOptions::default() };
/// let sandbox = Sandbox::open(options).await?;
/// let blocks = ["x = 20".to_owned(), "print(x + 22)".to_owned()];
/// assert_eq!(sandbox.run(&blocks).await?.text, "42");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Opened>);

/// What all clones of a sandbox share.
#[derive(Debug)]
struct Opened {
    identity: String,
    python: Python,
    process: Process,
    /// As many runs at once as there are cores, so that limits on time mean the same for each.
    places: Semaphore,
}

/// What a block of code printed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Printed {
    /// The text, without blanks at its ends, or one line about the error.
    pub text: String,
    /// How the block ended.
    pub end: BlockEnd,
}

/// How a block of code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockEnd {
    /// At its end.
    Done,
    /// With an exception.
    Raised,
    /// It was stopped: it took too long.
    OutOfTime,
    /// Its interpreter ended: a limit on memory or output, or an end that the code itself made.
    Lost,
}

/// What the driver reports about the last block.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    text: String,
    left_out: u64,
    error: Option<String>,
    stopped: bool,
}

impl Sandbox {
    /// Finds Python and what this kernel can do, and tries both with a line of code.
    ///
    /// # Errors
    /// - [`ErrorKind::Config`]: there is no Python, or no runner.
    /// - [`ErrorKind::Unsupported`]: this system cannot confine code.
    pub async fn open(options: SandboxOptions) -> Result<Self> {
        if cfg!(not(target_os = "linux")) {
            return Err(Error::new(ErrorKind::Unsupported, "code can be run on Linux only")
                .hint("run Tribunal in a container or a virtual machine with Linux"));
        }
        let python = Python::find(&options).await?;
        let runner = options.runner.clone().unwrap_or_else(|| "tribunal".into());
        let may = |name: &str| !options.without.iter().any(|without| without == name);
        let walls = [(true, true), (true, false), (false, true)];
        let walls = walls
            .map(|(namespaces, landlock)| Walls { namespaces, landlock })
            .into_iter()
            .filter(|walls| !walls.namespaces || may("namespaces"))
            .filter(|walls| !walls.landlock || may("landlock"));
        let mut reasons = Vec::new();
        for walls in walls {
            let sandbox = Self::with(walls, &python, &runner, &options.limits);
            match sandbox.run(&["print(6 * 7)".to_owned()]).await {
                Ok(Printed { end: BlockEnd::Done, .. }) => return Ok(sandbox),
                Ok(other) => reasons.push(other.text),
                Err(error) if error.kind() == ErrorKind::Config => {
                    return Err(error.hint("name the program `tribunal` as the runner"));
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(refused(&reasons))
    }

    fn with(
        walls: Walls,
        python: &Python,
        runner: &std::path::Path,
        limits: &SandboxLimits,
    ) -> Self {
        let spec = Spec {
            inner: false,
            in_user_namespace: false,
            walls,
            python: python.program.clone(),
            readable: python.readable.clone(),
            runnable: python.runnable.clone(),
            limits: limits.clone(),
            seconds: 0,
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let SandboxLimits { time, memory, output, .. } = limits;
        let identity = format!(
            "python|{}|sandbox-v1|{}ms|{memory}|{output}",
            python.version,
            time.as_millis()
        );
        Self(Arc::new(Opened {
            identity,
            python: python.clone(),
            process: Process { runner: runner.to_owned(), spec, most: most_output(limits) },
            places: Semaphore::new(cores),
        }))
    }

    /// The version of Python, such as `3.11.7`.
    pub fn python_version(&self) -> &str {
        &self.0.python.version
    }

    /// The interpreter.
    pub fn python(&self) -> &std::path::Path {
        &self.0.python.program
    }

    /// What keeps code in here, in words.
    pub fn protections(&self) -> Vec<&'static str> {
        let Walls { namespaces, landlock } = self.0.process.spec.walls;
        let used = [
            (namespaces, "namespaces"),
            (landlock, "landlock"),
            (true, "seccomp"),
            (true, "resource limits"),
        ];
        used.into_iter().filter_map(|(is_used, name)| is_used.then_some(name)).collect()
    }

    /// The limits on code.
    pub fn limits(&self) -> &SandboxLimits {
        &self.0.process.spec.limits
    }

    /// Runs blocks of code in one interpreter, and returns what the last one prints. The blocks before it run for their
    /// effects alone.
    ///
    /// # Errors
    /// The code was not run. Code that fails is not an error.
    ///
    /// # Cancellation
    /// Dropping the future stops the code.
    pub async fn run(&self, blocks: &[String]) -> Result<Printed> {
        let limits = self.limits();
        let job = json!({"mode": "blocks", "blocks": blocks, "limit": limits.output});
        let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        let ended = self.job(job, b"", limits.time.saturating_mul(count.max(1))).await?;
        Ok(self.printed(&ended))
    }

    /// Gives the driver a job, when there is a free core, with the standard input of its code.
    pub(super) async fn job(&self, mut job: Value, input: &[u8], time: Duration) -> Result<Ended> {
        job["path"] = json!(self.0.python.modules);
        job["seconds"] = json!(self.limits().time.as_secs_f64());
        let _place = self.0.places.acquire().await;
        self.0.process.run(&job, input, time).await
    }

    /// What a block printed, by the report of the driver. The words for failures are those that GenPRM was trained with
    /// (Zhao et al. 2025).
    fn printed(&self, ended: &Ended) -> Printed {
        let report: Option<Report> = serde_json::from_slice(&ended.output).ok();
        let (text, end) = match (report, ended.end) {
            (Some(Report { stopped: true, .. }), _) | (None, End::OutOfTime) => {
                ("Code execute time out: Code execution timed out".to_owned(), BlockEnd::OutOfTime)
            }
            (Some(Report { error: Some(error), .. }), _) => {
                (format!("Code execute Error: {}", self.cut(&error, 0)), BlockEnd::Raised)
            }
            (Some(report), _) => (self.cut(report.text.trim(), report.left_out), BlockEnd::Done),
            (None, end) => (format!("Code execute Error: {}", lost(end)), BlockEnd::Lost),
        };
        Printed { text: without_controls(&text), end }
    }

    /// The beginning of a text, with a line about the rest.
    fn cut(&self, text: &str, left_out: u64) -> String {
        let most = self.limits().output;
        let kept: String = text.chars().take(most).collect();
        let more = text.chars().skip(most).count() as u64 + left_out;
        if more == 0 {
            kept
        } else {
            format!("{kept}\n[left out: {}]", counted(more, "more character"))
        }
    }
}

#[async_trait]
impl Backend for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn identity(&self) -> &str {
        &self.0.identity
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities { run: Ability::Yes, ..Capabilities::TEXT }
    }

    fn concurrency(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let Ask::Run { blocks } = &request.ask else {
            let message = format!("a sandbox cannot be asked `{}`", request.ask.name());
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let Printed { text, end } = self.run(blocks).await?;
        let finish = match end {
            BlockEnd::Done | BlockEnd::Raised => Finish::Stop,
            BlockEnd::OutOfTime | BlockEnd::Lost => Finish::Length,
        };
        Ok(Completion {
            attempts: 0,
            cost: Some(0.0),
            ..Completion::text(text).finish(finish).usage(Usage::new(0, 0))
        })
    }
}

/// How many bytes are read of a run before it is stopped: enough for what is kept, in JSON.
fn most_output(limits: &SandboxLimits) -> usize {
    const LEAST: usize = 1 << 20;
    limits.output.saturating_mul(16).max(LEAST)
}

/// Why there is no report.
fn lost(end: End) -> String {
    match end {
        End::Signal(signal) => format!("the interpreter was ended by signal {signal}"),
        End::TooMuch => "the code printed too much".to_owned(),
        End::Exit(code) => format!("the interpreter ended with code {code}"),
        End::OutOfTime => "the code took too long".to_owned(),
    }
}

/// A text without the control characters that move cursors, and without noncharacters.
fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The error of a machine that cannot confine code.
fn refused(reasons: &[String]) -> Error {
    let why = if reasons.is_empty() {
        "neither namespaces nor Landlock may be used".to_owned()
    } else {
        let mut reasons = reasons.to_vec();
        reasons.dedup();
        reasons.join("; ")
    };
    Error::new(ErrorKind::Unsupported, format!("code is not run on this machine, because it cannot be confined: {why}"))
        .hint("allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; in Docker a seccomp profile with unshare and mount)")
        .hint("or use Linux 6.2 or newer with Landlock (lsm=landlock at boot)")
}

/// Confines this process and runs code, if that is what it was started for; `None` otherwise. A program that is a
/// [runner](SandboxOptions::runner) calls it before anything else: before it starts threads or reads variables.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if let Some(exit) = tribunal::backend::sandbox::run_confined(std::env::args_os()) {
///         return exit;
///     }
///     // The program itself.
///     ExitCode::SUCCESS
/// }
/// ```
pub fn run_confined(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != RUNNER {
        return None;
    }
    let spec = arguments.next().and_then(|spec| spec.into_string().ok()).unwrap_or_default();
    Some(confined(&spec))
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
fn confined(spec: &str) -> ExitCode {
    runner::run(spec)
}

/// Elsewhere no code is run.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn confined(_: &str) -> ExitCode {
    ExitCode::from(u8::try_from(spec::REFUSED).unwrap_or(1))
}
