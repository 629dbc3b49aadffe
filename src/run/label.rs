//! Labelling steps as the work of a run.

use std::time::Duration;

use super::{
    Finished, Listener, NowOrEarlier, Redo, Reuse, RunOptions, Task, Work,
    earlier::{HoldsResult, KeptLine, line_of, reused},
    figures::{Figures, counted},
};
use crate::{
    error::Result,
    item::Item,
    line::ResultLine,
    records::{Ending, LabelLine, Output, Record, Written},
    report::{LabelSummary, Labels},
    request::Hasher,
    strategy::label::{Labeler, Labelled},
};

/// Labelling steps as the work of a [`run`]: each solution is completed from its steps.
///
/// Labels of an earlier run are reused. Those that could not be told are found again by [`Redo::Failures`]; the
/// completions are in the caches of the models.
#[derive(Clone, Debug)]
pub struct LabelWork {
    labeler: Labeler,
    with_item: bool,
    labels: Labels,
}

/// The result of a record.
pub type LabelDone = NowOrEarlier<Labelled, LabelLine>;

impl LabelWork {
    /// The work of labelling with this labeler.
    pub fn new(labeler: Labeler) -> Self {
        Self { labeler, with_item: true, labels: Labels::default() }
    }

    /// The same work, with lines that do not contain the record.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }

    /// The same work, with the fields that contain the records' own labels, which the summary compares with those
    /// that were found.
    #[must_use]
    pub fn labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    /// What labels the steps.
    pub fn labeler(&self) -> &Labeler {
        &self.labeler
    }
}

/// Labels the steps of every record, and returns the summary and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`]. Completions that arrived are in the caches of the models.
pub async fn label(
    work: LabelWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<LabelWork>,
) -> Result<(LabelSummary, Option<Written>)> {
    let summary = LabelSummary::new(work.labeler.is_priced(), work.labels.clone());
    counted(work, records, options, output, summary, listener).await
}

impl Figures<LabelWork> for LabelSummary {
    fn add(&mut self, finished: &Finished<LabelDone>, line: &LabelLine) {
        self.count(&finished.name(), finished.item.as_ref(), line, finished.kept);
    }

    fn end(&mut self, ending: Ending, time: Duration) {
        self.ended(ending, time);
    }
}

impl HoldsResult for LabelLine {
    fn result(&self) -> &ResultLine {
        &self.result
    }

    fn result_mut(&mut self) -> &mut ResultLine {
        &mut self.result
    }
}

impl Work for LabelWork {
    type Done = LabelDone;
    type Line = LabelLine;

    fn concurrency(&self) -> usize {
        self.labeler.policy().open_records()
    }

    fn seen(&self, item: Item) -> Result<Item> {
        self.labeler.policy().seen(&item)
    }

    fn key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-label-v1");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        let options = self.labeler.options();
        let (policy, check) = (self.labeler.policy(), self.labeler.check());
        let prefix = item.clone().filled("prefix", "");
        policy.hash_content(&prefix, &mut hasher);
        check.hash_content(&item.revised(""), &mut hasher);
        hasher.json(&(options.steps(item), options.method, options.threshold));
        hasher.json(&[policy.identity(), policy.reading(), check.identity(), check.reading()]);
        hasher.hex::<16>()
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        self.labeler.policy().opening(&item.clone().filled("prefix", ""))
    }

    fn reuse(&self, line: &LabelLine, redo: Redo) -> Reuse<LabelDone> {
        reused(line, redo)
    }

    async fn work(&self, task: Task<'_, LabelLine>) -> Result<LabelDone> {
        Ok(LabelDone::Now(Box::new(self.labeler.label(task.item).await?)))
    }

    fn line(&self, finished: &Finished<LabelDone>, key: &str) -> LabelLine {
        line_of(finished, key, self.with_item, |outcome| LabelLine::new(&self.labeler, outcome))
    }

    fn is_settled(&self, done: &LabelDone) -> bool {
        match done {
            LabelDone::Now(labelled) => labelled.judgment.verdict.is_ok(),
            LabelDone::Earlier(line) => line.is_settled(),
        }
    }
}
