//! `tribunal batch`: requests as a file that a service answers later, and its answers into the cache.
//!
//! `write` drives each judgment by the answers in the cache, and writes the requests that are left, each once. `read` puts
//! answers into the cache. Both are repeated until nothing is left, since later turns depend on earlier answers. Then
//! `judge` with the same settings finds every answer in the cache.

mod asked;
mod read;
mod write;

use super::{Exit, settings::Sources};
use tribunal::error::Result;

/// Write requests for a batch service, and read its answers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Command {
    Write(Box<write::Args>),
    Read(read::Args),
}

/// Runs `tribunal batch`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used. What fails for one record or one answer alone is printed.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    match args.command {
        Command::Write(args) => write::run(*args, sources).await,
        Command::Read(args) => read::run(args).await,
    }
}
