//! Code of models and answers: whether it may run, and `tribunal sandbox`, which shows what confines it.

use std::path::PathBuf;

use super::{Exit, emit};
use tribunal::{
    backend::sandbox::{Sandbox, SandboxOptions},
    config::Resolved,
    error::{Error, ErrorKind, Result},
    models::Models,
    report::escaped,
};

/// Show whether and how code is confined on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Code of models and answers runs only with --allow-code. This command runs one line of Python in the sandbox, \
and exits with 2 if that cannot be done.")]
pub(super) struct Args {
    /// Python to use [default: python3].
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

/// Runs `tribunal sandbox`.
///
/// # Errors
/// Code cannot be confined here, or there is no Python.
pub(super) async fn run(args: &Args) -> Result<Exit> {
    let sandbox = open(args.python.clone()).await?;
    let limits = sandbox.limits();
    let mebibytes = |bytes: u64| bytes >> 20;
    let text = format!(
        "python      {} ({})\nconfined by {}\nlimits      {} per block, {} MiB of memory, {} MiB per file, {} KiB of output, one process\n",
        sandbox.python_version(),
        escaped(&sandbox.python().display().to_string()),
        sandbox.protections().join(", "),
        humantime::format_duration(limits.time),
        mebibytes(limits.memory),
        mebibytes(limits.file),
        limits.output >> 10,
    );
    emit(&mut std::io::stdout(), text.trim_end())?;
    Ok(Exit::Done)
}

/// The registry with a sandbox, where the settings of one of these judges allow code.
///
/// # Errors
/// Code may run, and cannot be confined here.
pub(super) async fn allowed<'r>(
    models: Models,
    judges: impl IntoIterator<Item = &'r Resolved>,
) -> Result<Models> {
    let judges = judges.into_iter().flat_map(|judge| std::iter::once(judge).chain(&judge.members));
    let Some(judge) = judges.into_iter().find(|judge| judge.allows_code()) else {
        return Ok(models);
    };
    let sandbox = open(judge.settings.python.as_ref().map(PathBuf::from)).await?;
    Ok(models.allowing_code(sandbox))
}

/// Opens the sandbox: this program is its runner.
async fn open(python: Option<PathBuf>) -> Result<Sandbox> {
    let own = std::env::current_exe().map_err(|cause| {
        Error::new(ErrorKind::Io, "this program cannot be found").because(cause)
    })?;
    let options = SandboxOptions { runner: Some(own), python, ..SandboxOptions::default() };
    Sandbox::open(options).await
}
