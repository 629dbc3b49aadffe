//! Runs whose records are counted as they end.

use std::time::Duration;

use super::{Finished, Listener, RunOptions, Work, run};
use crate::{
    error::Result,
    records::{Ending, Output, Record, Written},
};

/// What a run comes to, counted record by record.
pub(super) trait Figures<W: Work> {
    /// Counts one finished record.
    fn add(&mut self, finished: &Finished<W::Done>, line: &W::Line);

    /// Notes how the run ended, and how long it took.
    fn end(&mut self, ending: Ending, time: Duration);
}

/// Runs the work, and returns its figures and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`].
pub(super) async fn counted<W: Work, F: Figures<W>>(
    work: W,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    figures: F,
    listener: &mut impl Listener<W>,
) -> Result<(F, Option<Written>)> {
    let mut counting = Counting { figures, listener };
    let ran = run(work, records, options, output, &mut counting).await?;
    let mut figures = counting.figures;
    figures.end(ran.ending, ran.time);
    Ok((figures, ran.left))
}

/// Counts finished records, and forwards them to the listener.
struct Counting<'l, F, L> {
    figures: F,
    listener: &'l mut L,
}

impl<W: Work, F: Figures<W>, L: Listener<W>> Listener<W> for Counting<'_, F, L> {
    fn begun(&mut self, record: &Record) {
        self.listener.begun(record);
    }

    fn finished(&mut self, finished: &Finished<W::Done>, line: &W::Line) -> Result<()> {
        self.figures.add(finished, line);
        self.listener.finished(finished, line)
    }

    fn over(&mut self) {
        self.listener.over();
    }
}
