//! The first load of a model file, in a separate process.
//!
//! llama.cpp aborts its process if a file breaks one of its assumptions, and Rust code cannot catch that. A
//! program that can start itself again registers a command with [`by`]; a file is then loaded and asked for
//! one token in that process before it is loaded here. A file that passed is remembered in the same way as
//! its digest.

use std::{
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
};

use super::{Llama, LlamaOptions, failed};
use crate::{
    backend::Backend,
    error::{Error, ErrorKind, Result},
    request::{Ask, Chat, Message, Origin, Request, Role, Sampling},
};

/// The command that tries a file; without one, files are loaded untried.
static COMMAND: OnceLock<fn(&Path) -> Option<Command>> = OnceLock::new();

/// Registers the command that tries a model file in another process; the process must call [`run`] with the
/// path.
pub fn by(command: fn(&Path) -> Option<Command>) {
    // The first call counts; a program registers its command once.
    let _ = COMMAND.set(command);
}

/// Loads a model file and asks it for one token. To be called in a process that may crash.
///
/// # Errors
/// The file cannot be loaded.
pub async fn run(path: &Path) -> Result<()> {
    let model = Llama::load(LlamaOptions::file(path)).await?;
    let turn = Message::new(Role::User, "Is 12 + 30 = 42?\nScore: 7", Origin::Data);
    let sampling = Sampling { max_tokens: Some(2), ..Sampling::default() };
    let request = Request { sampling, ..Request::generate(vec![turn]) };
    let raw = Request { chat: Chat::Raw, ..request.clone() };
    // A chat template may refuse the turn, which does not make the file unusable.
    let _ = model.complete(&request).await;
    if model.capabilities().await.reward.is_yes() {
        model.complete(&raw.clone().ask(Ask::Reward)).await?;
    }
    model.complete(&raw).await.map(drop)
}

/// Tries a file in another process, and returns whether it was tried. Errors that this process reports without
/// crashing are ignored, because the load that follows reports them again.
///
/// # Errors
/// The other process crashed; the error contains the last output of llama.cpp.
pub(super) fn survives(path: &Path) -> Result<bool> {
    let Some(mut command) = COMMAND.get().and_then(|command| command(path)) else {
        return Ok(false);
    };
    let tried = command
        .env("GGML_NO_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let Ok(tried) = tried else { return Ok(false) };
    if !is_crash(tried.status) {
        return Ok(true);
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let shown = path.display();
    let error = Error::new(ErrorKind::Model, format!("llama.cpp does not survive `{shown}`"))
        .hint(if is_illegal_instruction(tried.status) {
            "the CPU reports instructions that this machine does not allow, as AMX in some virtual machines; build for an older CPU: RUSTFLAGS='-C target-cpu=haswell' cargo build --release --target-dir target/portable"
        } else {
            "the file is damaged, of an unknown form, or needs more memory than there is"
        });
    let reason = reason(&said).filter(|_| !is_illegal_instruction(tried.status));
    Err(error.because(failed(reason.unwrap_or(&tried.status.to_string()))))
}

/// Whether a process crashed; the exit codes of this program are small.
fn is_crash(status: ExitStatus) -> bool {
    status.code().is_none_or(|code| !(0..=3).contains(&code))
}

/// Whether a process ended at an instruction that the machine does not allow.
fn is_illegal_instruction(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        // SIGILL has this number on every Unix.
        const ILLEGAL: i32 = 4;
        status.signal() == Some(ILLEGAL)
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}

/// The assertion of llama.cpp that failed.
fn reason(said: &str) -> Option<&str> {
    let line =
        said.lines().find(|line| line.contains("GGML_ASSERT") || line.contains("GGML_ABORT"));
    let line = line.or_else(|| said.lines().rev().find(|line| !line.trim().is_empty()))?;
    line.find("GGML_").map_or(Some(line), |at| line.get(at..)).map(str::trim)
}
