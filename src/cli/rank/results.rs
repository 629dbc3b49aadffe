//! The results of `tribunal rank`: lines of rankings.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::super::{
    engines,
    lines::{self, Lines},
    note, output,
    progress::Progress,
    width,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files,
    models::Models,
    records::{Output, RankLine, Written},
    report::{Plan, PlanCandidate, PlanSample, RankSummary},
    run::{Finished, Listener, RankDone, RankWork},
};

/// Flags that choose where rankings are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) lines: lines::Args,
    /// Show accuracy against tokens, for fewer candidates and verdicts.
    #[arg(long)]
    pub(super) plan: bool,
    /// File for a chart of the plan, as SVG.
    #[arg(long, value_name = "FILE", requires = "plan", hide_short_help = true)]
    chart: Option<PathBuf>,
}

impl Args {
    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: files::Plan) -> files::Plan {
        output::writing_named(self.lines.writing(plan), [("--chart", &self.chart)])
    }

    /// Opens everything that is written, before the first request.
    ///
    /// # Errors
    /// The file cannot be written, has content already, or has an unknown format.
    pub(super) fn open(
        &self,
        progress: Progress,
        parts: Value,
    ) -> Result<(Results, Option<Output>)> {
        if let Some(path) = self.chart.as_ref().filter(|path| !is_picture(path)) {
            let message = format!("cannot write the chart to `{}`: unknown format", path.display());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("the chart is a picture in SVG: name a file that ends in .svg"));
        }
        let (lines, output) = self.lines.open("rankings", progress, parts)?;
        let sample = self.plan.then(BTreeMap::new);
        Ok((Results { lines, sample, args: self.clone() }, output))
    }
}

/// Whether a file is named as an SVG picture.
fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg"))
}

/// Prints rankings as they end.
pub(super) struct Results {
    lines: Lines,
    /// The candidates of the records so far, if a plan is to be shown, by their places in the input: the plan is the same
    /// in whatever order records end.
    sample: Option<BTreeMap<usize, Vec<PlanCandidate>>>,
    args: Args,
}

impl Listener<RankWork> for Results {
    /// A record ended: it is counted, and printed if there is no file.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<RankDone>, line: &RankLine) -> Result<()> {
        let is_known = line.candidates.iter().any(|one| one.right.is_some());
        if let Some(sample) = self.sample.as_mut().filter(|_| is_known) {
            let candidates = line.candidates.iter().map(PlanCandidate::from).collect();
            sample.insert(finished.index, candidates);
        }
        self.lines.add(finished, line)
    }

    /// No more records follow.
    fn over(&mut self) {
        self.lines.progress.finish();
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
        let Self { sample, args, lines } = self;
        let quiet = args.lines.quiet;
        lines.note_left(left);
        if !quiet {
            note(&summary.to_string());
            if let Some(columns) = width::of_stderr() {
                summary.bars(columns).iter().for_each(|bar| note(bar));
            }
            engines::print(models);
        }
        let mut figures = summary.to_json();
        if let Some(sample) = sample {
            let plan = planned(sample)?;
            if let Some(path) = &args.chart {
                let svg = plan.chart("Accuracy against compute").svg()?;
                fs::write(path, svg).map_err(|cause| output::cannot_write(path, cause))?;
            }
            if !quiet {
                note(&format!("\n{plan}"));
            }
            figures["plan"] = json!(plan);
        }
        lines.write_summary(figures, models)
    }
}

/// The plan of a sample.
///
/// # Errors
/// No record tells which of its candidates are right.
fn planned(by_place: BTreeMap<usize, Vec<PlanCandidate>>) -> Result<Plan> {
    let mut sample = PlanSample::default();
    by_place.into_values().for_each(|candidates| sample.add(candidates));
    if sample.is_empty() {
        let error = Error::new(ErrorKind::Record, "no record tells which of its answers are right");
        return Err(error.hint("give records a `reference`, or labels of their answers"));
    }
    Ok(sample.plan())
}
