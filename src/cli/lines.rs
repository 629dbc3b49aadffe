//! Result lines without tables of their own: where `label`, `rank` and `search` write them, and what is printed meanwhile:
//! rows for people on a terminal, lines of JSON in a pipe, nothing where they are in a file.

use std::{
    fmt::Display,
    io::{self, IsTerminal},
    path::PathBuf,
};

use serde_json::{Value, json};

use super::{
    emit,
    gates::GateOutcome,
    manifest::{self, Manifest},
    output, print_error,
    progress::Progress,
    rows::Rows,
};
use tribunal::{
    error::Result,
    files::Plan,
    models::Models,
    records::{Ending, Output, Written, journal_of},
    report::TableRow,
    run::{Finished, Redo},
};

/// Flags that choose where result lines are written, and what is printed meanwhile.
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
    /// Try again the records that failed or were unreadable.
    #[arg(long, conflicts_with = "fresh", hide_short_help = true)]
    retry_errors: bool,
    /// Begin again with all records, and replace earlier results.
    #[arg(long, hide_short_help = true)]
    fresh: bool,
}

impl Args {
    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let named = [("-o", &self.output), ("--summary", &self.summary)];
        let plan = output::writing_named(plan.writes_stdout(), named);
        let journal = self.output.as_deref().and_then(journal_of);
        let manifest = self.manifest();
        plan.writes_beside("-o", manifest.as_deref()).writes_beside("-o", journal.as_deref())
    }

    /// The file of the run's manifest, if results are in a file.
    fn manifest(&self) -> Option<PathBuf> {
        manifest::beside(self.output.as_ref()?)
    }

    /// Which records of an earlier run are done again.
    pub(super) fn redo(&self) -> Redo {
        Redo::of_flags(self.fresh, self.retry_errors)
    }

    /// Opens the file of results before the first request; `what` names the lines in an error, and `parts` is what the
    /// manifest says about judges and policies.
    ///
    /// # Errors
    /// The file cannot be written, has content already, or has an unknown format.
    pub(super) fn open(
        &self,
        what: &str,
        progress: Progress,
        parts: Value,
    ) -> Result<(Lines, Option<Output>)> {
        let output = output::open_lines(self.output.as_deref(), self.fresh, what)?;
        let total = progress.total();
        let manifest = self.manifest().map(|path| manifest::write_parts(path, total, parts));
        let rows = (output.is_none() && io::stdout().is_terminal()).then(|| Rows::new(true));
        Ok((Lines { progress, rows, args: self.clone(), manifest: manifest.transpose()? }, output))
    }
}

/// Prints the lines of a run as records end.
pub(super) struct Lines {
    pub(super) progress: Progress,
    /// Rows for people, on a terminal.
    rows: Option<Rows>,
    args: Args,
    manifest: Option<Manifest>,
}

impl Lines {
    /// A record ended: counts it and prints its error; without a file of results, prints its line or row too.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    pub(super) fn add<D, L>(&mut self, finished: &Finished<D>, line: &L) -> Result<()>
    where
        L: Display + TableRow,
    {
        self.progress.step(finished.kept);
        if let Some(rows) = &mut self.rows {
            // A row shows the error itself.
            let (id, outcome) = (finished.id(), finished.outcome.as_ref().map(|_| line));
            return self.progress.aside(|| rows.add(finished.index, &id, outcome));
        }
        if let (Err(error), false) = (&finished.outcome, finished.kept) {
            self.progress.aside(|| print_error(error));
        }
        match self.args.output {
            None => self.progress.aside(|| emit(&mut io::stdout(), &line.to_string())),
            Some(_) => Ok(()),
        }
    }

    /// Prints where the results are.
    pub(super) fn note_left(&self, left: Option<&Written>) {
        if let (Some(path), Some(left)) = (&self.args.output, left) {
            output::note_left(left, path, self.args.quiet);
        }
    }

    /// Writes the file of the summary and the manifest, both with the outcomes of rules. A part of the records decides
    /// nothing: of a run that ended early, they are null.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write_gated(
        self,
        mut figures: Value,
        models: &Models,
        ending: &Ending,
        gates: &[GateOutcome],
    ) -> Result<()> {
        if let Some(manifest) = self.manifest {
            manifest.finish(models, ending, gates)?;
        }
        figures["gates"] = json!(ending.end.is_whole().then_some(gates));
        output::write_summary(self.args.summary.as_deref(), figures, models)
    }

    /// Writes the file of the summary, with the figures of the models, and the end of the run in its manifest.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write_summary(self, figures: Value, models: &Models) -> Result<()> {
        let outcome = json!({"end": figures["end"], "not_tried": figures["not_tried"]});
        if let Some(manifest) = self.manifest {
            manifest.finish_with(models, outcome)?;
        }
        output::write_summary(self.args.summary.as_deref(), figures, models)
    }
}
