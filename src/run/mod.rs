//! Runs over many records: bounded memory, results saved one by one, and the same command goes on.
//!
//! [`run`] does any [`Work`] that is done record by record. It keeps so many records in flight, stops
//! gracefully, writes one line of results for each record at once, finds the lines that an earlier run
//! left, and tells a [`Listener`] what happens. [`judge`] and [`revise`] are its first users: a new kind
//! of work says how a record's line is named, what an earlier line is good for, and how to begin.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{
//!     Item, Judge,
//!     backend::Script,
//!     records::{Output, Record},
//!     run::{self, JudgeWork, RunOptions},
//! };
//!
//! let judge = Judge::builder().backend(Script::always("Score: 7")).prompt("score").build().await?;
//! let records = ["Because.", "Why not?"].into_iter().enumerate().map(|(index, answer)| {
//!     let item = Ok(Item::new().question("Why?").answer(answer));
//!     Record { index, place: format!("answer {index}"), item }
//! });
//! # let folder = tempfile::tempdir().map_err(tribunal::Error::other)?;
//! # let path = folder.path().join("verdicts.csv");
//! // The same again would go on where this one ended.
//! let output = Output::to_file(&path)?;
//! let work = JudgeWork::new(judge);
//! let (summary, _) = run::judge(work, records, RunOptions::default(), Some(output), &mut ()).await?;
//! assert_eq!((summary.judged, summary.ending.not_tried()), (2, Some(0)));
//! # assert_eq!(std::fs::read_to_string(&path).map_err(tribunal::Error::other)?.lines().count(), 3);
//! # Ok(())
//! # }
//! ```

mod drive;
mod judge;
mod resume;
mod revise;
mod work;

pub use {
    judge::{JudgeWork, judge},
    resume::{Redo, Reuse},
    revise::{ReviseWork, Revised, revise},
    work::{Finished, Task, Work},
};

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::{
    drive::{Proceed, RecordHandler, each},
    resume::{EarlierLine, LineFate, Lines},
};
use crate::{
    error::{ErrorKind, Result},
    item::Item,
    records::{Ending, Ids, JudgedRecord, Output, Record, Written},
};

/// How a run goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// How many records are in flight at once.
    pub concurrency: usize,
    /// Says when to stop before the end.
    pub stop: Option<watch::Receiver<Stop>>,
    /// How long records in flight may take to end after that.
    pub grace: Duration,
    /// What is done again although an earlier run did it.
    pub redo: Redo,
    /// How many records there are, where they were counted.
    pub total: Option<usize>,
    /// Whether the rest of the input may be read only to count it when the run ends early: files yes, a
    /// pipe no.
    pub counts_rest: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            concurrency: 1,
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
    /// Not at all.
    #[default]
    No,
    /// Take no new records, and let those in flight end.
    Soon,
    /// Give those in flight up.
    Now,
}

/// Hears of a run while it goes on: progress, reports, rows for people.
pub trait Listener<W: Work> {
    /// A record is taken, as the work sees it.
    fn taken(&mut self, _record: &Record) {}

    /// A record is finished, and its line of results is in the file, where there is one.
    ///
    /// # Errors
    /// What the listener writes cannot be kept: the run ends.
    fn finished(&mut self, finished: &Finished<W::Done>, line: &W::Line) -> Result<()>;

    /// No more records come; the file of results is put into its final form next.
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

/// Nobody listens.
impl<W: Work> Listener<W> for () {
    fn finished(&mut self, _: &Finished<W::Done>, _: &W::Line) -> Result<()> {
        Ok(())
    }
}

/// What a run came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ran {
    /// How it ended, and how many records were never tried.
    pub ending: Ending,
    /// Records that were finished.
    pub records: usize,
    /// Those of them that an earlier run had done.
    pub kept: usize,
    /// How long it took.
    pub time: Duration,
    /// What it left in its file of results.
    pub left: Option<Written>,
}

/// Does `work` on every record, and tells `listener` of each once, in the order in which they end.
///
/// At most `concurrency` records are held, and as many wait. A record that fails costs itself; an error
/// that every later request would meet (a refused key, an empty account) stops the taking of records,
/// and what is in flight still ends. With an `output`, what an earlier run left there is not done again,
/// and every line is in the file before the listener hears of it. Only a whole run writes a table or puts
/// lines into the order of the input; otherwise the results stay where the same run finds them.
///
/// # Errors
/// A result could not be kept: the run ends at once, and every line that was written before is kept.
///
/// # Cancellation
/// Dropping the future gives up what is in flight. The results so far are kept, and the same run goes on.
pub async fn run<W: Work>(
    work: W,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<W>,
) -> Result<Ran> {
    let started = Instant::now();
    let lines = Lines::new(output, options.redo);
    let mut runner = Runner {
        work: Arc::new(work),
        ids: Ids::default(),
        lines,
        listener,
        records: 0,
        kept: 0,
        is_settled: true,
    };
    let ending = each(records, &options, &mut runner).await?;
    let Runner { lines, listener, records, kept, is_settled, .. } = runner;
    listener.over();
    let left = lines.finish(&ending.end, is_settled)?;
    Ok(Ran { ending, records, kept, time: started.elapsed(), left })
}

/// Work on its way through a run.
struct Runner<'l, W, L> {
    work: Arc<W>,
    ids: Ids,
    lines: Lines,
    listener: &'l mut L,
    records: usize,
    kept: usize,
    is_settled: bool,
}

/// A record that has landed.
struct Landed<W: Work> {
    finished: Finished<W::Done>,
    key: String,
    before: Option<EarlierLine<W::Line>>,
    old: LineFate,
}

impl<W: Work, L: Listener<W>> RecordHandler for Runner<'_, W, L> {
    type Done = Landed<W>;

    fn begin(&mut self, record: Record) -> impl Future<Output = Self::Done> + Send + 'static {
        let record = self.seen(record);
        self.listener.taken(&record);
        let key = match &record.item {
            Ok(item) => self.work.key(item),
            Err(_) => JudgedRecord::key_without_record(&record.place),
        };
        let (before, known) = self.lines.earlier(&*self.work, &key);
        landed(self.work.clone(), record, key, before, known)
    }

    fn end(&mut self, landed: Self::Done) -> Result<Proceed> {
        let Landed { finished, key, before, old } = landed;
        let error = match &finished.outcome {
            Ok(done) => W::error(done),
            Err(error) => Some(error),
        };
        // As good as never begun: the next run does it.
        if let Some(error) = error.filter(|error| error.is_interrupted()) {
            return Ok(match error.kind() {
                ErrorKind::Budget => Proceed::OutOfBudget(error.clone()),
                _ => Proceed::Interrupted,
            });
        }
        // What an earlier run met says nothing about this one.
        let fatal = error.filter(|error| error.is_fatal() && !finished.kept).cloned();
        let line = self.lines.put(&*self.work, &finished, &key, before, old)?;
        self.records += 1;
        self.kept += usize::from(finished.kept);
        self.is_settled &= match &finished.outcome {
            Ok(done) => self.work.is_settled(done),
            Err(_) => false,
        };
        self.listener.finished(&finished, &line)?;
        Ok(fatal.map_or(Proceed::Continue, Proceed::GiveUp))
    }
}

impl<W: Work, L> Runner<'_, W, L> {
    /// The record as the work sees it, if its name is its own.
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

async fn landed<W: Work>(
    work: Arc<W>,
    record: Record,
    key: String,
    before: Option<EarlierLine<W::Line>>,
    known: Reuse<W::Done>,
) -> Landed<W> {
    let Record { index, place, item } = record;
    let earlier = before.as_ref().and_then(|before| before.line.as_ref());
    let (outcome, old) = match &item {
        Ok(item) => done(&*work, index, item, earlier, known).await,
        Err(error) => {
            let old =
                if matches!(known, Reuse::Keep(_)) { LineFate::Kept } else { LineFate::Replaced };
            (Err(error.clone()), old)
        }
    };
    let outcome = match (outcome, old) {
        (Err(error), LineFate::Replaced) if item.is_ok() => Err(error.within(&place)),
        (outcome, _) => outcome,
    };
    let kept = old != LineFate::Replaced;
    let finished = Finished { index, item: item.ok(), place, outcome, kept };
    Landed { finished, key, before, old }
}

/// What came of an item, and what becomes of its earlier line.
async fn done<W: Work>(
    work: &W,
    index: usize,
    item: &Item,
    earlier: Option<&W::Line>,
    known: Reuse<W::Done>,
) -> (Result<W::Done>, LineFate) {
    let again = match known {
        Reuse::Keep(outcome) => return (outcome, LineFate::Kept),
        Reuse::Reread => match work.reread(Task { index, item, earlier }) {
            Some(done) => return (Ok(done), LineFate::Reread),
            // What is not as the work would write it is as good as nothing.
            None => None,
        },
        Reuse::Continue => earlier,
        Reuse::Nothing => None,
    };
    (work.work(Task { index, item, earlier: again }).await, LineFate::Replaced)
}
