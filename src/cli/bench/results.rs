//! What is kept of the judgments of a run.

use super::super::{lines::Lines, print_error};
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

    /// Prints where the lines are, writes the summary, and gives the judgments.
    ///
    /// # Errors
    /// The file of the summary cannot be written.
    pub(super) fn finish(
        self,
        summary: &Summary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<Judgments> {
        self.lines.note_left(left);
        self.lines.write_summary(summary.to_json(), models)?;
        Ok(self.judgments)
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
