//! What is kept of the judgments of a run.

use super::super::{print_error, progress::Progress};
use tribunal::{
    bench::Judgments,
    error::Result,
    line::ResultLine,
    run::{Finished, JudgeWork, Listener},
};

/// Collects judgments as records end.
pub(super) struct Results {
    progress: Progress,
    /// The judgments so far.
    pub(super) judgments: Judgments,
}

impl Results {
    pub(super) fn new(progress: Progress) -> Self {
        Self { progress, judgments: Judgments::default() }
    }
}

impl Listener<JudgeWork> for Results {
    /// A record ended: its judgment is kept.
    ///
    /// # Errors
    /// None.
    fn finished(&mut self, finished: &Finished, line: &ResultLine) -> Result<()> {
        self.progress.count(finished);
        if let (Err(error), false) = (&finished.outcome, finished.kept) {
            self.progress.aside(|| print_error(error));
        }
        self.judgments.add(line.clone());
        Ok(())
    }

    /// No more records follow.
    fn over(&mut self) {
        self.progress.finish();
    }
}
