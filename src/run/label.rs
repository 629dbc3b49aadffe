//! Labelling steps as the work of a run.

use super::{Finished, Listener, Redo, Reuse, RunOptions, Task, Work, run};
use crate::{
    error::{Error, Result},
    item::Item,
    records::{LabelLine, Output, Record, Written},
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
#[derive(Debug)]
pub enum LabelDone {
    /// Labels that were found in this run.
    Now(Box<Labelled>),
    /// The line of an earlier run.
    Earlier(Box<LabelLine>),
}

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
    let mut counting = Counting { summary, listener };
    let ran = run(work, records, options, output, &mut counting).await?;
    let mut summary = counting.summary;
    summary.ended(ran.ending, ran.time);
    Ok((summary, ran.left))
}

/// Sums up finished records, and forwards them to the listener.
struct Counting<'l, L> {
    summary: LabelSummary,
    listener: &'l mut L,
}

impl<L: Listener<LabelWork>> Listener<LabelWork> for Counting<'_, L> {
    fn begun(&mut self, record: &Record) {
        self.listener.begun(record);
    }

    fn finished(&mut self, finished: &Finished<LabelDone>, line: &LabelLine) -> Result<()> {
        self.summary.count(&finished.name(), finished.item.as_ref(), line, finished.kept);
        self.listener.finished(finished, line)
    }

    fn over(&mut self) {
        self.listener.over();
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
        let error = line.result.error.clone().map(Error::from);
        let is_settled = error.is_none() && line.result.unreadable.is_none();
        match error {
            // A refused key is not a fault of the record.
            Some(error) if error.is_fatal() => Reuse::Nothing,
            _ if !is_settled && redo == Redo::Failures => Reuse::Nothing,
            Some(error) => Reuse::Keep(Err(error)),
            None => Reuse::Keep(Ok(LabelDone::Earlier(Box::new(line.clone())))),
        }
    }

    async fn work(&self, task: Task<'_, LabelLine>) -> Result<LabelDone> {
        Ok(LabelDone::Now(Box::new(self.labeler.label(task.item).await?)))
    }

    fn line(&self, finished: &Finished<LabelDone>, key: &str) -> LabelLine {
        let mut line = match &finished.outcome {
            Ok(LabelDone::Earlier(line)) => return (**line).clone(),
            Ok(LabelDone::Now(labelled)) => LabelLine::new(&self.labeler, Ok(labelled)),
            Err(error) => LabelLine::new(&self.labeler, Err(error)),
        };
        let item = finished.item.as_ref().filter(|_| self.with_item);
        line.result.id = finished.id();
        line.result.index = finished.index;
        key.clone_into(&mut line.result.key);
        line.result.item = item.map(|item| item.record().clone());
        line
    }

    fn is_settled(&self, done: &LabelDone) -> bool {
        match done {
            LabelDone::Now(labelled) => labelled.judgment.verdict.is_ok(),
            LabelDone::Earlier(line) => line.result.unreadable.is_none(),
        }
    }
}
