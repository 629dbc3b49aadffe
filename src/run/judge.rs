//! Judging as the work of a run.

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use super::{
    Finished, Listener, Redo, Reuse, RunOptions, Task, Work,
    figures::{Figures, counted},
};
use crate::{
    error::{Error, Result},
    item::Item,
    judge::Judge,
    line::ResultLine,
    records::{Ending, Output, Record, Written},
    report::{Labels, Summary},
    verdict::{Judgment, Unreadable},
};

/// Judging as the work of a [`run`]: one [`ResultLine`] per record.
///
/// A line of an earlier run is reused while record, prompt, model and settings are the same. If only the
/// rules of reading changed (a pass rule, a pattern), its texts are read again and no model is asked.
#[derive(Clone, Debug)]
pub struct JudgeWork {
    judge: Judge,
    /// Another judge, and the ids of the records that it judges.
    other: Option<Arc<(Judge, HashSet<String>)>>,
    with_item: bool,
    labels: Labels,
}

impl JudgeWork {
    /// The work of judging with this judge.
    pub fn new(judge: Judge) -> Self {
        Self { judge, other: None, with_item: true, labels: Labels::default() }
    }

    /// The same work, in which another judge judges the records with these ids: those that the first one cannot judge.
    #[doc(hidden)]
    #[must_use]
    pub fn with_other(self, judge: Judge, ids: HashSet<String>) -> Self {
        Self { other: Some(Arc::new((judge, ids))), ..self }
    }

    /// The judge of an item.
    fn judge_of(&self, item: Option<&Item>) -> &Judge {
        let is_others =
            |ids: &HashSet<String>| item.and_then(Item::own_id).is_some_and(|id| ids.contains(&id));
        match self.other.as_deref() {
            Some((other, ids)) if is_others(ids) => other,
            _ => &self.judge,
        }
    }

    /// The same work, with the fields that contain the records' own labels, which the summary compares
    /// verdicts with.
    #[doc(hidden)]
    #[must_use]
    pub fn labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    /// The same work, with result lines that do not contain the record.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }
}

/// Items as the records of a run, numbered from 0.
pub fn items<I>(items: I) -> impl Iterator<Item = Record> + Send + use<I>
where
    I: IntoIterator<Item = Item>,
    I::IntoIter: Send,
{
    let numbered = items.into_iter().enumerate();
    numbered.map(|(index, item)| Record { index, place: format!("item {index}"), item: Ok(item) })
}

/// Judges every record and writes one result for each into the file at `path`. A second call with the same
/// file continues where the first one ended.
///
/// `records` are [items](items()), or the records that [`records::read`](crate::records::read) reads from
/// files. The extension of `path` selects the format: lines of JSON (`.jsonl`), a list (`.json`) or a table
/// (`.csv`, …). Records that an earlier call judged in the same way are read from the file without any
/// request; failed ones are tried again. A finished list or table is not continued, but lines of JSON are.
/// Use [`judge`] for a stop, progress, or other settings.
/// # Errors
/// The file cannot be written, has other content, or is written by another run. A record that cannot be
/// judged is not an error: it is counted in the summary, and its line contains the reason.
///
/// # Cancellation
/// Every finished record is in the file. The same call continues the run.
pub async fn judge_to(
    judge: &Judge,
    records: impl Iterator<Item = Record> + Send + 'static,
    path: impl AsRef<Path>,
) -> Result<Summary> {
    let output = Output::to_file(path.as_ref())?;
    let work = JudgeWork::new(judge.clone());
    let options = RunOptions { redo: Redo::Failures, ..RunOptions::default() };
    Ok(self::judge(work, records, options, Some(output), &mut ()).await?.0)
}

/// Judges every record with all settings of a [`run`], and returns the summary and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`].
pub async fn judge(
    work: JudgeWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<JudgeWork>,
) -> Result<(Summary, Option<Written>)> {
    let judge = work.judge.clone();
    let summary = Summary::new(&judge, work.labels.clone());
    let counting = Counting { summary, costs: (Some(0.0), Some(0.0)), judge };
    let (counted, left) = counted(work, records, options, output, counting, listener).await?;
    Ok((counted.summary, left))
}

/// The summary, and the sums that are known when the run has ended.
struct Counting {
    summary: Summary,
    /// The cost of the answers, and what the cached ones would have cost; `None` if a price is unknown.
    costs: (Option<f64>, Option<f64>),
    judge: Judge,
}

impl Figures<JudgeWork> for Counting {
    fn add(&mut self, finished: &Finished, _: &ResultLine) {
        let outcome = finished.outcome.as_ref();
        if let Ok(judgment) = outcome {
            let (cost, saved) = self.costs;
            let sum = |one: Option<f64>, more: Option<f64>| Some(one? + more?);
            self.costs = (sum(cost, judgment.cost), sum(saved, judgment.saved_cost));
        }
        self.summary.count(&finished.name(), finished.item.as_ref(), outcome);
        if finished.kept {
            self.summary.count_kept(outcome);
        }
    }

    fn end(&mut self, ending: Ending, time: Duration) {
        let Self { summary, costs, judge } = self;
        (summary.ending, summary.time) = (ending, time);
        summary.priced = judge.is_priced();
        summary.discount = judge.price().and_then(|price| price.discount(summary.usage));
        (summary.cost, summary.saved_cost) = *costs;
    }
}

impl Work for JudgeWork {
    type Done = Judgment;
    type Line = ResultLine;

    fn concurrency(&self) -> usize {
        self.judge.open_records()
    }

    fn seen(&self, item: Item) -> Result<Item> {
        self.judge_of(Some(&item)).seen(&item)
    }

    fn key(&self, item: &Item) -> String {
        self.judge_of(Some(item)).line_key(item)
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        self.judge_of(Some(item)).opening(item)
    }

    fn reuse(&self, line: &ResultLine, redo: Redo) -> Reuse<Judgment> {
        let error = line.error.clone().map(Error::from);
        match (error, &line.unreadable) {
            // A refused key is not a fault of the record.
            (Some(error), _) if error.is_fatal() || redo == Redo::Failures => Reuse::Nothing,
            (Some(error), _) => Reuse::Keep(Err(error)),
            (None, Some(why)) if redo == Redo::Failures && !why.is_abstention() => Reuse::Continue,
            // Votes with an answer are in the cache; only the others are paid for again.
            _ if redo == Redo::Failures && has_failed_votes(line) => Reuse::Nothing,
            (None, _) => Reuse::Reread,
        }
    }

    async fn work(&self, task: Task<'_, ResultLine>) -> Result<Judgment> {
        let reask = task.earlier.map_or(0, next_reask);
        self.judge_of(Some(task.item)).judge_from(task.item, reask).await
    }

    fn reread(&self, task: Task<'_, ResultLine>) -> Option<Judgment> {
        let line = task.earlier?;
        let votes = line.votes.as_deref()?;
        let judge = self.judge_of(Some(task.item));
        let judgment = judge.reread(task.item, votes, line.mark.as_deref()).ok()?;
        // By rules that changed, a member may have lost its verdict: then its replacement is asked.
        (!judge.lacks_replacement(&judgment.votes)).then_some(judgment)
    }

    fn line(&self, finished: &Finished, key: &str) -> ResultLine {
        finished.keyed_line(self.judge_of(finished.item.as_ref()), self.with_item, key)
    }

    fn renewed(&self, earlier: &ResultLine, mut line: ResultLine) -> Option<ResultLine> {
        // The cost of an answer is what it cost when it arrived.
        line.keep_usage_of(earlier);
        (earlier.prompt.reading != line.prompt.reading).then_some(line)
    }

    fn is_settled(&self, judgment: &Judgment) -> bool {
        judgment.verdict.as_ref().err().is_none_or(Unreadable::is_abstention)
    }
}

/// Whether some votes of a line have no answer.
fn has_failed_votes(line: &ResultLine) -> bool {
    line.votes.iter().flatten().any(|vote| vote.error.is_some())
}

/// The number of the first repeated request that has no answer yet.
fn next_reask(line: &ResultLine) -> u32 {
    1 + line.votes.iter().flatten().map(|vote| vote.reask).max().unwrap_or(0)
}
