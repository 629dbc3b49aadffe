//! The first load of a model file, in a process of its own.
//!
//! llama.cpp ends its process where a file breaks one of its assumptions, and no Rust code can catch that.
//! A program that can start itself again says how by [`by`]; then a file is loaded and asked for one token
//! there before it is loaded here. A file that passed is remembered as its digest is.

use std::{
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
};

use super::{Llama, LlamaOptions, failed};
use crate::{
    backend::Backend,
    error::{Error, ErrorKind, Result},
    request::{Chat, Message, Origin, Request, Role, Sampling},
};

/// How this program starts itself to try a file; without it files are loaded untried.
static COMMAND: OnceLock<fn(&Path) -> Option<Command>> = OnceLock::new();

/// Sets how a model file is tried in another process: by a command that calls [`run`] with it.
pub fn by(command: fn(&Path) -> Option<Command>) {
    // The first word counts: a program says it once.
    let _ = COMMAND.set(command);
}

/// Loads a model file and asks it for one token; for the process that may end by it.
///
/// # Errors
/// The file cannot be loaded.
pub async fn run(path: &Path) -> Result<()> {
    let model = Llama::load(LlamaOptions::file(path)).await?;
    let turn = Message::new(Role::User, "Is 12 + 30 = 42?\nScore: 7", Origin::Data);
    let sampling = Sampling { max_tokens: Some(2), ..Sampling::default() };
    let request = Request { sampling, ..Request::generate(vec![turn]) };
    let raw = Request { chat: Chat::Raw, ..request.clone() };
    // A chat template may refuse the turn: that is no reason to refuse the file.
    let _ = model.complete(&request).await;
    model.complete(&raw).await.map(drop)
}

/// Tries a file elsewhere; what that process reports properly is left to the load that follows.
///
/// # Errors
/// The other process crashed: the error holds what llama.cpp printed last.
pub(super) fn survives(path: &Path) -> Result<()> {
    let Some(mut command) = COMMAND.get().and_then(|command| command(path)) else { return Ok(()) };
    let tried = command
        .env("GGML_NO_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let Ok(tried) = tried else { return Ok(()) };
    if !is_crash(tried.status) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let shown = path.display();
    let error = Error::new(ErrorKind::Model, format!("llama.cpp does not survive `{shown}`"))
        .hint("the file is damaged, of an unknown form, or needs more memory than there is");
    Err(match reason(&said) {
        Some(reason) => error.because(failed(reason)),
        None => error.because(failed(&tried.status.to_string())),
    })
}

/// Exit codes of our own are small.
fn is_crash(status: ExitStatus) -> bool {
    status.code().is_none_or(|code| !(0..=3).contains(&code))
}

/// The assumption of llama.cpp that did not hold.
fn reason(said: &str) -> Option<&str> {
    let line =
        said.lines().find(|line| line.contains("GGML_ASSERT") || line.contains("GGML_ABORT"));
    let line = line.or_else(|| said.lines().rev().find(|line| !line.trim().is_empty()))?;
    line.find("GGML_").map_or(Some(line), |at| line.get(at..)).map(str::trim)
}
