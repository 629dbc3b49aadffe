//! `tribunal schema`: JSON schemas of what the program reads and writes.
//!
//! The schemas are generated from the types that read and write these files, so that they cannot differ. An editor with
//! TOML support completes and checks tribunal.toml by the schema of `config`.

use std::io;

use super::{Exit, emit};
use tribunal::{
    config,
    error::Result,
    line::ResultLine,
    records::{LabelLine, RankLine, RevisionLine, SearchLine},
};

/// Print a JSON schema of results or of tribunal.toml.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tribunal schema result > result.schema.json")]
pub(super) struct Args {
    #[command(subcommand)]
    subject: Subject,
}

/// What to print the schema of.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Subject {
    /// Print the schema of a result line of `tribunal judge`.
    Result,
    /// Print the schema of a result line of `tribunal revise`.
    Revision,
    /// Print the schema of a result line of `tribunal label`.
    Labels,
    /// Print the schema of a result line of `tribunal rank`.
    Ranking,
    /// Print the schema of a result line of `tribunal search`.
    Search,
    /// Print the schema of tribunal.toml, for editors.
    Config,
}

/// Runs `tribunal schema`.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let schema = match args.subject {
        Subject::Result => ResultLine::schema(),
        Subject::Revision => RevisionLine::schema(),
        Subject::Labels => LabelLine::schema(),
        Subject::Ranking => RankLine::schema(),
        Subject::Search => SearchLine::schema(),
        Subject::Config => config::schema(),
    };
    emit(&mut io::stdout(), &format!("{schema:#}"))?;
    Ok(Exit::Done)
}
