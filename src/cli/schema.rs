//! `tribunal schema`

use std::io;

use super::{Outcome, emit};
use tribunal::{config, error::Result, line::ResultLine, records::RevisionLine};

/// Print a JSON schema, for editors and for programs that read results.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tribunal schema result > result.schema.json")]
pub(super) struct Args {
    #[command(subcommand)]
    of: Of,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Of {
    /// One line of results, as `tribunal judge` writes it.
    Result,
    /// One line of revisions, as `tribunal revise` writes it.
    Revision,
    /// The file tribunal.toml.
    Config,
}

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let schema = match args.of {
        Of::Result => ResultLine::schema(),
        Of::Revision => RevisionLine::schema(),
        Of::Config => config::schema(),
    };
    emit(&mut io::stdout(), &format!("{schema:#}"))?;
    Ok(Outcome::Done)
}
