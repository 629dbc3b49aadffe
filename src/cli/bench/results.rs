//! What is kept of the judgments of a run.

use super::super::{gates::GateOutcome, lines::Lines, print_error};
use tribunal::{
    bench::Judgments,
    error::Result,
    line::ResultLine,
    models::Models,
    records::Written,
    report::Summary,
    run::{Finished, JudgeWork, Listener},
};

/// Collects judgments as records end. Lines are not printed: standard output is for the figures.
pub(super) struct Results {
    lines: Lines,
    /// The judgments so far.
    judgments: Judgments,
}

impl Results {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, judgments: Judgments::default() }
    }

    /// The judgments.
    pub(super) fn judgments(&self) -> &Judgments {
        &self.judgments
    }

    /// Prints where the lines are.
    pub(super) fn note_left(&self, left: Option<&Written>) {
        self.lines.note_left(left);
    }

    /// Writes the summary, and in the manifest how the run ended and whether its rules are kept.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(
        self,
        summary: &Summary,
        models: &Models,
        gates: &[GateOutcome],
    ) -> Result<()> {
        self.lines.write_gated(summary.to_json(), models, &summary.ending, gates)
    }
}

impl Listener<JudgeWork> for Results {
    /// A record ended: its judgment is kept.
    ///
    /// # Errors
    /// None.
    fn finished(&mut self, finished: &Finished, line: &ResultLine) -> Result<()> {
        self.lines.progress.count(finished);
        if let (Err(error), false) = (&finished.outcome, finished.kept) {
            self.lines.progress.aside(|| print_error(error));
        }
        self.judgments.add(line.clone());
        Ok(())
    }

    /// No more records follow.
    fn over(&mut self) {
        self.lines.progress.finish();
    }
}
