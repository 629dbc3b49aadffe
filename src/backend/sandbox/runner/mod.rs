//! What the runner does: it sets every limit on itself, and then becomes the interpreter.
//!
//! ```text
//! outer: closes open files ─ new namespaces ─ starts the inner, waits, reports how it ended
//! inner: own file system ─ limits ─ user nobody ─ Landlock ─ no capabilities ─ seccomp ─ exec
//! ```
//!
//! There are two processes because a namespace of processes begins with the next one. Everything that is asked for is
//! needed: if one step fails, the runner says which and runs nothing.

mod calls;
mod limits;
mod namespaces;
mod root;
mod rules;

use std::{
    io::{self, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Command, ExitCode},
};

use nix::{
    sys::{prctl, signal::Signal},
    unistd::alarm,
};

use super::spec::{REFUSED, RUNNER, Spec};

/// Why code is not run: the step that failed.
pub(super) type Refusal = String;

/// The refusal of a step that failed with this cause.
fn step(what: &'static str) -> impl Fn(nix::errno::Errno) -> Refusal {
    move |cause| format!("{what}: {}", cause.desc())
}

/// The same for errors of files.
fn io_step(what: &'static str) -> impl Fn(io::Error) -> Refusal {
    move |cause| format!("{what}: {cause}")
}

/// The program of the interpreter: reads a job and runs its code.
const DRIVER: &str = include_str!("../driver.py");

/// Runs what this process was started for.
pub(super) fn run(spec: &str) -> ExitCode {
    let spec: Result<Spec, _> = serde_json::from_str(spec);
    let ended = match spec {
        Ok(spec) if spec.inner => inner(&spec),
        Ok(spec) => outer(spec),
        Err(cause) => Err(cause.to_string()),
    };
    ended.unwrap_or_else(|refusal| {
        // Where nobody reads it, nothing can be said.
        let _ = writeln!(io::stderr(), "{refusal}");
        code(REFUSED)
    })
}

/// The outer process: enters namespaces, and waits for the inner one.
fn outer(mut spec: Spec) -> Result<ExitCode, Refusal> {
    limits::close_inherited();
    // If nobody is left to stop it, it ends by itself, and the kernel ends the inner process with it.
    alarm::set(spec.seconds.max(1));
    spec.inner = true;
    if spec.walls.namespaces {
        spec.in_user_namespace = namespaces::enter()?;
    }
    let written = serde_json::to_string(&spec).map_err(|cause| cause.to_string())?;
    let mut inner = Command::new("/proc/self/exe");
    inner.args([RUNNER, &written]).env_clear().current_dir("/");
    let status = inner.status().map_err(io_step("cannot start a process in new namespaces"))?;
    Ok(code(status.code().unwrap_or(128 + status.signal().unwrap_or(0))))
}

/// The inner process: sets all limits, and becomes the interpreter.
fn inner(spec: &Spec) -> Result<ExitCode, Refusal> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(step("cannot end with its parent"))?;
    if spec.walls.namespaces {
        root::enter(spec)?;
    }
    limits::set(&spec.limits, spec.seconds)?;
    if !spec.in_user_namespace {
        limits::become_nobody()?;
        // The kernel forgets it with a change of the user.
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(step("cannot end with its parent"))?;
    }
    prctl::set_no_new_privs().map_err(step("cannot give up new rights"))?;
    if spec.walls.landlock {
        rules::set(spec)?;
    }
    limits::drop_capabilities()?;
    let filters = calls::filters(spec.walls)?;
    let mut python = Command::new(&spec.python);
    python
        .args(["-s", "-S", "-B", "-c", DRIVER])
        .env_clear()
        .envs(VARIABLES)
        .current_dir(if spec.walls.namespaces { root::FOLDER } else { "/" });
    limits::set_memory(&spec.limits)?;
    calls::set(&filters)?;
    let cause = python.exec();
    Err(format!("`{}` cannot be started: {cause}", spec.python.display()))
}

/// All variables that code sees. Sets have a fixed order, and libraries for numbers start no threads.
const VARIABLES: [(&str, &str); 9] = [
    ("HOME", root::FOLDER),
    ("LANG", "C.UTF-8"),
    ("MKL_NUM_THREADS", "1"),
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("PATH", ""),
    ("PYTHONHASHSEED", "0"),
    ("PYTHONUTF8", "1"),
    ("TMPDIR", root::FOLDER),
];

fn code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
