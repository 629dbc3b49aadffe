//! Runs over many records: bounded memory, one line of results per record, and resume.
//!
//! [`judge_to`] is sufficient for most programs: it judges items or records, writes each result to a file at
//! once, and continues where it ended when it is called again.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Item, Judge, backend::Script, run};
//!
//! let judge = Judge::builder().backend(Script::always("Score: 7")).prompt("score").build().await?;
//! let items = ["Because.", "Why not?"].map(|answer| Item::new().question("Why?").answer(answer));
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("verdicts.jsonl");
//! let summary = run::judge_to(&judge, run::items(items.clone()), &path).await?;
//! assert_eq!((summary.judged, summary.ending.not_tried()), (2, Some(0)));
//! // The same again asks nothing: both results are there.
//! let again = run::judge_to(&judge, run::items(items), &path).await?;
//! assert_eq!((again.judged, again.kept), (2, 2));
//! # assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! [`judge`] and [`revise`] accept [`RunOptions`] (concurrency, a stop, what to do again) and a [`Listener`]
//! that is called for every record. [`run`] does the same for any [`Work`] that proceeds record by record: a
//! ranking, a search, a benchmark. The work defines the key of a record's line, whether an earlier line can
//! be reused, and how one record is processed. The runner provides concurrency, the stop, the file and the
//! resume.

mod drive;
mod earlier;
mod figures;
mod incoming;
mod judge;
mod label;
mod rank;
mod resume;
mod revise;
mod search;
mod window;
mod work;

pub use {
    earlier::NowOrEarlier,
    judge::{JudgeWork, items, judge, judge_to},
    label::{LabelDone, LabelWork, label},
    rank::{RankDone, RankWork, rank},
    revise::{ReviseWork, Revised, revise},
    search::{SearchDone, SearchWork, search},
    work::{Finished, Redo, Reuse, Task, Work},
};

#[doc(inline)]
pub use crate::report::{LabelSummary, RankSummary, Revisions, SearchSummary, Summary};

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::{
    drive::{Proceed, RecordHandler, each},
    incoming::Prepared,
    resume::{EarlierLine, LineFate, ResultLines},
};
use crate::{
    error::{ErrorKind, Result},
    item::Item,
    records::{Ending, Ids, JudgedRecord, Output, Record, Written},
};

/// The settings of a run: how many records at once, when it stops, and what it does again.
///
/// ```
/// use tokio::sync::watch;
/// use tribunal::run::{Redo, RunOptions, Stop};
///
/// let (stop, stopping) = watch::channel(Stop::No);
/// let mut options = RunOptions::default();
/// options.concurrency = Some(8);
/// options.redo = Redo::Failures;
/// options.stop = Some(stopping);
/// // Later, from another task: take no new records, and let those in flight end.
/// stop.send_replace(Stop::Soon);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// How many records are in flight at once; `None` selects the number of the [work](Work::concurrency).
    pub concurrency: Option<usize>,
    /// Requests a stop before the end. If the sender is dropped, no stop can be requested any more.
    pub stop: Option<watch::Receiver<Stop>>,
    /// How long the records in flight may continue after a stop; 30 seconds by default.
    pub grace: Duration,
    /// What is done again although an earlier run completed it; nothing by default.
    pub redo: Redo,
    /// The number of records, if they were counted.
    pub total: Option<usize>,
    /// Whether the rest of the input may be read only to count it when the run ends early: true for files,
    /// false for a pipe.
    pub counts_rest: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            concurrency: None,
            stop: None,
            grace: Duration::from_secs(30),
            redo: Redo::Nothing,
            total: None,
            counts_rest: false,
        }
    }
}

/// How urgently a run is to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// No stop is requested.
    #[default]
    No,
    /// Begin no new records, and finish those in flight.
    Soon,
    /// Cancel the records in flight.
    Now,
}

/// Is called for every record during a run: for progress, reports and terminal output.
///
/// A closure `|finished, line| …` is a listener, and `()` is one that ignores everything.
pub trait Listener<W: Work> {
    /// A record begins, as the work sees it.
    fn begun(&mut self, _record: &Record) {}

    /// A record is finished, and its result line is in the file, if there is one.
    ///
    /// # Errors
    /// The output of the listener cannot be kept; the run ends.
    fn finished(&mut self, finished: &Finished<W::Done>, line: &W::Line) -> Result<()>;

    /// There are no more records. Next, the file of results gets its final form.
    fn over(&mut self) {}
}

impl<W, F> Listener<W> for F
where
    W: Work,
    F: FnMut(&Finished<W::Done>, &W::Line) -> Result<()>,
{
    fn finished(&mut self, finished: &Finished<W::Done>, line: &W::Line) -> Result<()> {
        self(finished, line)
    }
}

/// Ignores everything.
impl<W: Work> Listener<W> for () {
    fn finished(&mut self, _: &Finished<W::Done>, _: &W::Line) -> Result<()> {
        Ok(())
    }
}

/// How a run ended, and how much it completed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ran {
    /// How it ended, and how many records were never tried.
    pub ending: Ending,
    /// The number of finished records.
    pub records: usize,
    /// The number of these that an earlier run had completed.
    pub kept: usize,
    /// The duration of the run.
    pub time: Duration,
    /// The state of its file of results, if it had one.
    pub left: Option<Written>,
}

/// Does `work` on every record, and calls `listener` for each one, in the order in which they end.
///
/// At most `concurrency` records are in flight, and as many again are read ahead. If the work knows how their
/// prompts begin ([`Work::prefix`]), up to 4,096 records (64 MiB) wait, and records with a common beginning begin one
/// after another. Without common beginnings, or with a `concurrency` of 1 in the options, the order is that of the
/// input. A record that fails does not affect others. An error that every later request would meet (a refused key, an empty account) ends the
/// reading of records, and those in flight are finished. With an `output`, work that an earlier run completed
/// is not repeated, and every line is in the file before the listener is called. Only a complete run writes a
/// table or puts lines into the order of the input; after any other end, the results stay where the same run
/// finds them.
///
/// # Errors
/// A result could not be written: the run ends at once, and all earlier lines are kept.
///
/// # Cancellation
/// Dropping the future cancels the records in flight. The results so far are kept, and the same run continues
/// from them.
pub async fn run<W: Work>(
    work: W,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<W>,
) -> Result<Ran> {
    let started = Instant::now();
    let lines = ResultLines::new(output, options.redo);
    let concurrency = options.concurrency.unwrap_or_else(|| work.concurrency()).max(1);
    let mut runner = Runner {
        work: Arc::new(work),
        ids: Ids::default(),
        lines,
        listener,
        records: 0,
        kept: 0,
        is_settled: true,
        looks_ahead: options.concurrency != Some(1),
    };
    let ending = each(records, concurrency, &options, &mut runner).await?;
    let Runner { lines, listener, records, kept, is_settled, .. } = runner;
    listener.over();
    let left = lines.finish(&ending.end, is_settled)?;
    Ok(Ran { ending, records, kept, time: started.elapsed(), left })
}

/// A run in progress: computes each record's key, finds lines of an earlier run, and writes new ones.
struct Runner<'l, W, L> {
    work: Arc<W>,
    ids: Ids,
    lines: ResultLines,
    listener: &'l mut L,
    records: usize,
    kept: usize,
    /// Whether no result is left that would be repeated.
    is_settled: bool,
    /// Whether records may begin in another order than that of the input.
    looks_ahead: bool,
}

/// A record whose work can begin.
struct Ready<W: Work> {
    record: Record,
    key: String,
    before: Option<EarlierLine<W::Line>>,
    reuse: Reuse<W::Done>,
}

/// A record whose work has ended, on its way to the runner.
struct Done<W: Work> {
    finished: Finished<W::Done>,
    key: String,
    before: Option<EarlierLine<W::Line>>,
    old: LineFate,
}

impl<W: Work, L: Listener<W>> RecordHandler for Runner<'_, W, L> {
    type Ready = Ready<W>;
    type Done = Done<W>;

    fn prepare(&mut self, record: Record) -> Prepared<Self::Ready> {
        let record = self.seen(record);
        let key = match &record.item {
            Ok(item) => self.work.key(item),
            Err(_) => JudgedRecord::key_without_record(&record.place),
        };
        let (before, reuse) = self.lines.earlier(&*self.work, &key);
        // A record that an earlier run completed begins at once, and so does a broken one.
        let prefix = match (&record.item, &reuse) {
            (Ok(item), Reuse::Nothing | Reuse::Continue) if self.looks_ahead => {
                self.work.prefix(item)
            }
            _ => None,
        };
        let bytes = if prefix.is_some() {
            let fields = record.item.as_ref().map_or(0, |item| window::size_of(item.record()));
            fields + before.as_ref().map_or(0, EarlierLine::size)
        } else {
            0
        };
        Prepared { record: Ready { record, key, before, reuse }, prefix, bytes }
    }

    fn begin(&mut self, ready: Self::Ready) -> impl Future<Output = Self::Done> + Send + 'static {
        self.listener.begun(&ready.record);
        perform(self.work.clone(), ready)
    }

    fn end(&mut self, done: Vec<Self::Done>) -> Result<Vec<Proceed>> {
        let ended = done.into_iter().map(|done| self.noted(done)).collect::<Result<Vec<_>>>();
        // Lines that came before one that could not be kept are kept.
        self.lines.flush()?;
        let mut proceeds = Vec::new();
        for (proceed, result) in ended? {
            proceeds.push(proceed);
            if let Some((finished, line)) = result {
                self.listener.finished(&finished, &line)?;
            }
        }
        Ok(proceeds)
    }
}

/// The result of a record that counts, with its line.
type Counted<W> = (Finished<<W as Work>::Done>, <W as Work>::Line);

impl<W: Work, L: Listener<W>> Runner<'_, W, L> {
    /// Queues the line of a record that has ended. Without a line it counts as never begun.
    ///
    /// # Errors
    /// The line cannot be kept.
    fn noted(&mut self, done: Done<W>) -> Result<(Proceed, Option<Counted<W>>)> {
        let Done { finished, key, before, old } = done;
        let error = match &finished.outcome {
            Ok(done) => W::error(done),
            Err(error) => Some(error),
        };
        // It counts as never begun, so the next run processes it.
        if let Some(error) = error.filter(|error| error.is_interrupted()) {
            let proceed = match error.kind() {
                ErrorKind::Budget => Proceed::OutOfBudget(error.clone()),
                _ => Proceed::Interrupted,
            };
            return Ok((proceed, None));
        }
        // A fatal error of an earlier run need not occur in this one.
        let fatal = error.filter(|error| error.is_fatal() && !finished.kept).cloned();
        let line = self.lines.put(&*self.work, &finished, &key, before, old)?;
        self.records += 1;
        self.kept += usize::from(finished.kept);
        self.is_settled &= match &finished.outcome {
            Ok(done) => self.work.is_settled(done),
            Err(_) => false,
        };
        Ok((fatal.map_or(Proceed::Continue, Proceed::GiveUp), Some((finished, line))))
    }
}

impl<W: Work, L> Runner<'_, W, L> {
    /// The record as the work sees it; an error if another record of the run has the same id.
    fn seen(&mut self, record: Record) -> Record {
        let Record { index, place, item } = record;
        let seen = item.and_then(|item| {
            let seen = self.work.seen(item);
            let seen = seen.and_then(|seen| self.ids.note(&seen, index).map(|()| seen));
            seen.map_err(|error| error.within(&place))
        });
        Record { index, place, item: seen }
    }
}

/// Does the work on one record, or reuses the line of an earlier run.
async fn perform<W: Work>(work: Arc<W>, ready: Ready<W>) -> Done<W> {
    let Ready { record, key, before, reuse } = ready;
    let Record { index, place, item } = record;
    let earlier = before.as_ref().and_then(|before| before.line.as_ref());
    let (outcome, old) = match &item {
        Ok(item) => outcome_of(&*work, index, item, earlier, reuse).await,
        Err(error) => {
            let old =
                if matches!(reuse, Reuse::Keep(_)) { LineFate::Kept } else { LineFate::Replaced };
            (Err(error.clone()), old)
        }
    };
    let outcome = match (outcome, old) {
        // An error that ends the run, such as a spent budget, is not about this record.
        (Err(error), LineFate::Replaced) if item.is_ok() && !error.is_interrupted() => {
            Err(error.within(&place))
        }
        (outcome, _) => outcome,
    };
    let kept = old != LineFate::Replaced;
    let finished = Finished { index, item: item.ok(), place, outcome, kept };
    Done { finished, key, before, old }
}

/// The result of an item, and whether its earlier line is replaced.
async fn outcome_of<W: Work>(
    work: &W,
    index: usize,
    item: &Item,
    earlier: Option<&W::Line>,
    reuse: Reuse<W::Done>,
) -> (Result<W::Done>, LineFate) {
    let again = match reuse {
        Reuse::Keep(outcome) => return (outcome, LineFate::Kept),
        Reuse::Reread => match work.reread(Task { index, item, earlier }) {
            Some(done) => return (Ok(done), LineFate::Reread),
            // The line differs from what the work would write now, so it is not reused.
            None => None,
        },
        Reuse::Continue => earlier,
        Reuse::Nothing => None,
    };
    (work.work(Task { index, item, earlier: again }).await, LineFate::Replaced)
}
