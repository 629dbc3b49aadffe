//! The results of `tribunal rank`: lines of rankings.

use std::{fs, io, path::PathBuf};

use serde_json::json;

use super::super::{emit, engines, note, output, print_error, progress::Progress};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files,
    models::Models,
    records::{Output, RankLine, Written, journal_of},
    report::{Plan, PlanCandidate, PlanSample, RankSummary},
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
    /// Show accuracy against tokens, for fewer candidates and verdicts.
    #[arg(long)]
    plan: bool,
    /// File for a chart of the plan, as SVG.
    #[arg(long, value_name = "FILE", requires = "plan", hide_short_help = true)]
    chart: Option<PathBuf>,
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
    pub(super) fn writing(&self, plan: files::Plan) -> files::Plan {
        let named = [("-o", &self.output), ("--summary", &self.summary), ("--chart", &self.chart)];
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
        let output = output::open_lines(self.output.as_deref(), self.fresh, "rankings")?;
        let sample = self.plan.then(PlanSample::default);
        Ok((Results { progress, sample, args: self.clone() }, output))
    }
}

/// Prints rankings as they end.
pub(super) struct Results {
    progress: Progress,
    /// The candidates of the records so far, if a plan is to be shown.
    sample: Option<PlanSample>,
    args: Args,
}

impl Listener<RankWork> for Results {
    /// A record ended: it is counted, and printed if there is no file.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<RankDone>, line: &RankLine) -> Result<()> {
        self.progress.step(finished.kept);
        let is_known = line.candidates.iter().any(|one| one.right.is_some());
        if let Some(sample) = self.sample.as_mut().filter(|_| is_known) {
            sample.add(line.candidates.iter().map(PlanCandidate::from).collect());
        }
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
    /// Prints where the results are, the summary and the plan, and writes the figures.
    ///
    /// # Errors
    /// The figures or the chart cannot be written, or no record tells which of its candidates are right.
    pub(super) fn finish(
        self,
        summary: &RankSummary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        let Self { sample, args, .. } = self;
        if let (Some(path), Some(left)) = (&args.output, left) {
            output::note_left(left, path, args.quiet);
        }
        if !args.quiet {
            note(&summary.to_string());
            engines::print(models);
        }
        let mut figures = summary.to_json();
        engines::keys(models).into_iter().for_each(|(key, value)| figures[key] = value);
        if let Some(sample) = sample {
            let plan = planned(&sample)?;
            if let Some(path) = &args.chart {
                let svg = plan.chart("Accuracy against compute").svg()?;
                fs::write(path, svg).map_err(|cause| output::cannot_write(path, cause))?;
            }
            if !args.quiet {
                note(&format!("\n{plan}"));
            }
            figures["plan"] = json!(plan);
        }
        let Some(path) = &args.summary else { return Ok(()) };
        fs::write(path, format!("{figures:#}\n")).map_err(|cause| output::cannot_write(path, cause))
    }
}

/// The plan of a sample.
///
/// # Errors
/// No record tells which of its candidates are right.
fn planned(sample: &PlanSample) -> Result<Plan> {
    if sample.is_empty() {
        let error = Error::new(ErrorKind::Record, "no record tells which of its answers are right");
        return Err(error.hint("give records a `reference`, or labels of their answers"));
    }
    Ok(sample.plan())
}
