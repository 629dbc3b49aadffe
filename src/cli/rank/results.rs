//! The results of `tribunal rank`: lines of rankings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::super::{emit, engines, output, print_error, progress::Progress};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    models::Models,
    records::{Output, RankLine, ResultFormat, Written, journal_of},
    report::RankSummary,
    run::{Finished, Listener, RankDone, RankWork, Redo},
};

/// Flags that choose where rankings are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// File for results: .jsonl or .json.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File for the summary of the run, as JSON.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    summary: Option<PathBuf>,
    /// Leave the input record out of its result line.
    #[arg(long, hide_short_help = true)]
    pub(super) no_item: bool,
    /// Print how models in this process are loaded.
    #[arg(short, long, conflicts_with = "quiet", hide_short_help = true)]
    pub(super) verbose: bool,
    /// Print no progress and no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Rank again the records that failed or had unreadable verdicts.
    #[arg(long, conflicts_with = "fresh", hide_short_help = true)]
    retry_errors: bool,
    /// Rank all records again, and replace earlier results.
    #[arg(long, hide_short_help = true)]
    fresh: bool,
}

impl Args {
    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let named = [("-o", &self.output), ("--summary", &self.summary)];
        let plan = output::writing_named(plan.writes_stdout(), named);
        let journal = self.output.as_deref().and_then(journal_of);
        plan.writes_beside("-o", journal.as_deref())
    }

    /// Which records of an earlier run are ranked again.
    pub(super) fn redo(&self) -> Redo {
        Redo::of_flags(self.fresh, self.retry_errors)
    }

    /// Opens everything that is written, before the first request.
    ///
    /// # Errors
    /// The file cannot be written, has content already, or has an unknown format.
    pub(super) fn open(&self, progress: Progress) -> Result<(Results, Option<Output>)> {
        let open = |path: &Path| match ResultFormat::of(path)? {
            ResultFormat::Jsonl | ResultFormat::Json if self.fresh => Output::replacing(path),
            ResultFormat::Jsonl | ResultFormat::Json => Output::to_file(path),
            _ => {
                let message =
                    format!("cannot write rankings to `{}`: unknown format", path.display());
                Err(Error::new(ErrorKind::Config, message)
                    .hint("name a file that ends in .jsonl or .json"))
            }
        };
        let output = self.output.as_deref().map(open).transpose()?;
        Ok((Results { progress, args: self.clone() }, output))
    }
}

/// Prints rankings as they end.
pub(super) struct Results {
    progress: Progress,
    args: Args,
}

impl Listener<RankWork> for Results {
    /// A record ended: it is counted, and printed if there is no file.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<RankDone>, line: &RankLine) -> Result<()> {
        self.progress.step(finished.kept);
        if let (Err(error), false) = (&finished.outcome, finished.kept) {
            self.progress.aside(|| print_error(error));
        }
        match self.args.output {
            None => self.progress.aside(|| emit(&mut io::stdout(), &line.to_string())),
            Some(_) => Ok(()),
        }
    }

    /// No more records follow.
    fn over(&mut self) {
        self.progress.finish();
    }
}

impl Results {
    /// Prints where the results are, and writes the figures.
    ///
    /// # Errors
    /// The figures cannot be written.
    pub(super) fn finish(
        self,
        summary: &RankSummary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        if let (Some(path), Some(left)) = (&self.args.output, left) {
            output::note_left(left, path, self.args.quiet);
        }
        let Some(path) = &self.args.summary else { return Ok(()) };
        let mut figures = summary.to_json();
        engines::keys(models).into_iter().for_each(|(key, value)| figures[key] = value);
        fs::write(path, format!("{figures:#}\n")).map_err(|cause| output::cannot_write(path, cause))
    }
}
