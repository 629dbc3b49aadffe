//! `tribunal diff`

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Outcome, emit, note};
use crate::{
    error::{Error, ErrorKind, Result},
    report::{Comparison, Told, escaped},
};

/// Compare two runs over the same records: flipped verdicts, agreement, kappa, significance.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tribunal diff before.jsonl after.jsonl")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as lines of JSON.
    first: PathBuf,
    /// The other results.
    second: PathBuf,
    /// Only the figures.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let comparison = Comparison::new(read(&args.first)?, read(&args.second)?);
    if comparison.joined() == 0 {
        let error = Error::new(ErrorKind::Config, "the two files have no record in common");
        return Err(error.hint("records are joined by their ids: judge the same file twice"));
    }
    let mut out = io::stdout();
    let flips: &mut dyn Iterator<Item = _> = &mut comparison.flips();
    for (one, other) in flips.take(if args.quiet { 0 } else { usize::MAX }) {
        let shown = |told: &Told| escaped(told.verdict.as_deref().unwrap_or("(none)"));
        emit(&mut out, &format!("{:<20} {} → {}", escaped(&one.id), shown(one), shown(other)))?;
    }
    note(&comparison.to_string());
    Ok(Outcome::Done)
}

/// What every line of results says.
fn read(path: &Path) -> Result<Vec<Told>> {
    let cannot = |cause| {
        Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display())).because(cause)
    };
    let lines = BufReader::new(File::open(path).map_err(cannot)?).lines();
    let told = lines.enumerate().map(|(n, line)| {
        let wrong = |cause| {
            Error::new(ErrorKind::Record, "the line is no result")
                .because(cause)
                .hint("name files that `tribunal judge -o` wrote as .jsonl")
                .within(format!("{}:{}", path.display(), n + 1))
        };
        let line: Value = serde_json::from_str(&line.map_err(cannot)?).map_err(wrong)?;
        Ok(Told::of(&line))
    });
    told.collect()
}
