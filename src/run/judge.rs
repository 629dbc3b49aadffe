//! Judging as work of a run.

use super::{Finished, Known, Listener, Options, Redo, Taken, Work, run};
use crate::{
    error::{Error, Result},
    item::Item,
    judge::Judge,
    line::ResultLine,
    records::{Left, Output, Record},
    report::{Labels, Summary},
    verdict::Judgment,
};

/// Judges records.
#[derive(Clone, Debug)]
pub struct JudgeWork {
    judge: Judge,
    with_item: bool,
    labels: Labels,
}

impl JudgeWork {
    /// The work of this judge.
    pub fn new(judge: Judge) -> Self {
        Self { judge, with_item: true, labels: Labels::default() }
    }

    /// The same with the places of the records' own labels, which the summary compares verdicts with.
    #[must_use]
    pub fn labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    /// The same with lines that leave the record out.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }
}

/// Judges every record, and sums up: see [`run`].
///
/// # Errors
/// A result could not be kept; every line that was written before is kept.
///
/// # Cancellation
/// That of [`run`].
pub async fn judge(
    work: JudgeWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: Options,
    output: Option<Output>,
    listener: &mut impl Listener<JudgeWork>,
) -> Result<(Summary, Option<Left>)> {
    let judge = work.judge.clone();
    let summary = Summary::new(&judge, work.labels.clone());
    let mut counting = Counting { summary, listener };
    let ran = run(work, records, options, output, &mut counting).await?;
    let mut summary = counting.summary;
    summary.ending = ran.ending;
    summary.time = ran.time;
    summary.priced = judge.price().is_some();
    summary.cost = judge.price().and_then(|price| price.of(summary.usage));
    summary.saved_cost = judge.price().and_then(|price| price.of(summary.saved));
    Ok((summary, ran.left))
}

/// Counts what is finished, and passes it on.
struct Counting<'l, L> {
    summary: Summary,
    listener: &'l mut L,
}

impl<L: Listener<JudgeWork>> Listener<JudgeWork> for Counting<'_, L> {
    fn taken(&mut self, record: &Record) {
        self.listener.taken(record);
    }

    fn finished(&mut self, finished: &Finished, line: &ResultLine) -> Result<()> {
        let outcome = finished.outcome.as_ref();
        self.summary.count(&finished.name(), finished.item.as_ref(), outcome);
        if finished.kept {
            self.summary.count_kept(outcome);
        }
        self.listener.finished(finished, line)
    }

    fn over(&mut self) {
        self.listener.over();
    }
}

impl Work for JudgeWork {
    type Done = Judgment;
    type Line = ResultLine;

    fn seen(&self, item: Item) -> Result<Item> {
        self.judge.seen(&item)
    }

    fn key(&self, item: &Item) -> String {
        self.judge.line_key(item)
    }

    fn known(&self, line: &ResultLine, redo: Redo) -> Known<Judgment> {
        let error = line.error.clone().map(Error::from);
        match (error, &line.unreadable) {
            // A refused key says nothing about the record.
            (Some(error), _) if error.is_fatal() || redo == Redo::Failures => Known::Nothing,
            (Some(error), _) => Known::Keep(Err(error)),
            (None, Some(_)) if redo == Redo::Failures => Known::Again,
            (None, _) => Known::Reread,
        }
    }

    async fn work(&self, taken: Taken<'_, ResultLine>) -> Result<Judgment> {
        let reask = taken.earlier.map_or(0, next_reask);
        self.judge.judge_from(taken.item, reask).await
    }

    fn reread(&self, taken: Taken<'_, ResultLine>) -> Option<Judgment> {
        let line = taken.earlier?;
        self.judge.reread(taken.item, line.votes.as_deref()?, line.mark.as_deref()).ok()
    }

    fn line(&self, finished: &Finished, _: &str) -> ResultLine {
        finished.line(&self.judge, self.with_item)
    }

    fn renewed(&self, earlier: &ResultLine, mut line: ResultLine) -> Option<ResultLine> {
        // What an answer took is what it took when it was given.
        line.took_as(earlier);
        (earlier.prompt.reading != line.prompt.reading).then_some(line)
    }

    fn is_settled(&self, judgment: &Judgment) -> bool {
        judgment.verdict.is_ok()
    }
}

/// The first time of asking again whose answer was not given yet.
fn next_reask(line: &ResultLine) -> u32 {
    1 + line.votes.iter().flatten().map(|vote| vote.reask).max().unwrap_or(0)
}
