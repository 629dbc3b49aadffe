//! What the runner is told: which program to run, what it may read, and how much it may use.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// The limits on code in a [`Sandbox`](super::Sandbox).
///
/// ```
/// use std::time::Duration;
/// use tribunal::backend::sandbox::SandboxLimits;
///
/// let patient = SandboxLimits { time: Duration::from_secs(30), ..SandboxLimits::default() };
/// assert_eq!(patient.memory, 1 << 30);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// How long one block or test may take; 5 seconds.
    pub time: Duration,
    /// How many bytes of addresses one process may have; 1 GiB.
    pub memory: u64,
    /// The size of one file, in bytes; 16 MiB. All files together may have four times as many.
    pub file: u64,
    /// How many files may be open at once; 64.
    pub open_files: u64,
    /// How many threads may run; 64.
    pub threads: u64,
    /// How many bytes of printed text are kept; 16 KiB. The rest is left out, with a line that says so.
    pub output: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(5),
            memory: 1 << 30,
            file: 16 << 20,
            open_files: 64,
            threads: 64,
            output: 16 << 10,
        }
    }
}

/// What keeps code in: the kernel's means, as far as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walls {
    /// Namespaces: a file system, a network and a table of processes of its own.
    pub(super) namespaces: bool,
    /// Landlock: rules for files.
    pub(super) landlock: bool,
}

/// The first argument of the program when it is to be the runner.
pub(super) const RUNNER: &str = "__sandbox";

/// The exit code of a runner that could not set a limit: no code was run.
pub(super) const REFUSED: i32 = 125;

/// What the runner is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// Whether this process is the inner one, which becomes the interpreter.
    pub(super) inner: bool,
    /// Whether the inner process has all rights inside of its user namespace, and none outside.
    pub(super) in_user_namespace: bool,
    /// What keeps the code in.
    pub(super) walls: Walls,
    /// The interpreter, without links.
    pub(super) python: PathBuf,
    /// What may be read: files, and folders with all that is in them.
    pub(super) readable: Vec<PathBuf>,
    /// What may be run: the interpreter, and the loader of programs.
    pub(super) runnable: Vec<PathBuf>,
    /// How much may be used.
    pub(super) limits: SandboxLimits,
    /// How many seconds it all may take.
    pub(super) seconds: u32,
}
