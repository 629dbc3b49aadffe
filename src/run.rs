//! Judging a stream of records: bounded memory, every result handed on as it comes.

use std::{
    panic::resume_unwind,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    line::{ResultLine, VoteLine},
    records::{Ended, Ids, Line, Record},
    report::{Labels, Summary},
    verdict::Judgment,
};

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many records are judged at once.
    pub concurrency: usize,
    /// Says when to stop before the end.
    pub stop: watch::Receiver<Stop>,
    /// How long records in flight may take to end after that.
    pub grace: Duration,
    /// Where the records' own labels are.
    pub labels: Labels,
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

/// What an earlier run left of a record.
#[derive(Debug)]
pub enum Known {
    /// Nothing, or nothing that still holds.
    Nothing,
    /// Answers that cannot be used; `reask` is the first that was not given yet.
    Unusable {
        /// How often the record was asked already.
        reask: u32,
    },
    /// Texts, which are read again.
    Texts {
        /// The votes.
        votes: Vec<VoteLine>,
        /// The marker that they use.
        mark: Option<String>,
    },
    /// An error, which is kept.
    Failed(Error),
}

/// One finished record on its way out.
#[derive(Debug)]
pub struct Finished {
    /// Counts all records from 0.
    pub index: usize,
    /// The record, where the input held one.
    pub item: Option<Item>,
    /// The file and the line.
    pub place: String,
    /// What came of it.
    pub outcome: Result<Judgment>,
    /// Whether this is what an earlier run left.
    pub kept: bool,
}

impl Finished {
    /// The record's own name, else its place in the run; of what is no record, its place in the input.
    pub fn id(&self) -> String {
        match &self.item {
            Some(item) => item.id().unwrap_or_else(|| self.index.to_string()),
            None => self.place.clone(),
        }
    }

    /// The record's own name, else its place in the input.
    pub fn name(&self) -> String {
        self.item.as_ref().and_then(Item::id).unwrap_or_else(|| self.place.clone())
    }

    /// The line of results.
    pub fn line(&self, judge: &Judge, with_item: bool) -> ResultLine {
        let outcome = match &self.outcome {
            Ok(judgment) => Ended::Judged(judgment),
            Err(error) => Ended::Failed(error),
        };
        let (id, item) = (self.id(), self.item.as_ref());
        Line { id, index: self.index, item, outcome, with_item }.typed(judge)
    }
}

/// Where a run's results go, and where earlier ones are.
pub trait Takes {
    /// What an earlier run left of a record, which is taken now.
    fn known(&mut self, _record: &Record) -> Known {
        Known::Nothing
    }

    /// Takes one result.
    ///
    /// # Errors
    /// It cannot be kept: the run ends.
    fn finished(&mut self, finished: Finished) -> Result<()>;
}

impl<F: FnMut(Finished) -> Result<()>> Takes for F {
    fn finished(&mut self, finished: Finished) -> Result<()> {
        self(finished)
    }
}

/// Judges every record and hands each result to `run` once, in the order in which they end.
///
/// At most `concurrency` records are held, and as many results wait to be handed on. A record that
/// cannot be judged costs itself; an error that every later request would meet (a refused key, an
/// empty account) stops the taking of records, and what is in flight still ends. A result that
/// cannot be kept ends the run at once.
///
/// # Errors
/// A result could not be kept; everything handed on before is kept.
pub async fn run(
    judge: &Judge,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: Options,
    run: &mut impl Takes,
) -> Result<Summary> {
    let started = Instant::now();
    let summary = Summary::new(judge, options.labels.clone());
    let mut judging = Judging { judge, ids: Ids::default(), summary, run };
    let stopped = each(records, options, &mut judging).await?;
    let mut summary = judging.summary;
    summary.stopped = stopped;
    summary.time = started.elapsed();
    summary.priced = judge.price().is_some();
    summary.cost = judge.price().and_then(|price| price.of(summary.usage));
    summary.saved_cost = judge.price().and_then(|price| price.of(summary.saved));
    Ok(summary)
}

/// What is done with each of many records.
pub trait Work {
    /// What comes of a record.
    type Done: Send + 'static;

    /// Begins with a record.
    fn begin(&mut self, record: Record) -> impl Future<Output = Self::Done> + Send + 'static;

    /// Takes what came of a record; `false` takes no more records.
    ///
    /// # Errors
    /// It cannot be kept: the run ends.
    fn end(&mut self, done: Self::Done) -> Result<bool>;
}

/// Does `work` on every record, so many at once, and says whether it was stopped before the end.
///
/// # Errors
/// What came of a record could not be kept.
pub async fn each(
    mut records: impl Iterator<Item = Record> + Send + 'static,
    options: Options,
    work: &mut impl Work,
) -> Result<bool> {
    let started = Instant::now();
    let Options { mut stop, grace, .. } = options;
    let concurrency = options.concurrency.max(1);
    let (queue, mut taken) = mpsc::channel(concurrency);
    // Reading may wait for a pipe that nobody fills any more: no run and no runtime may wait for that.
    let reader = thread::Builder::new()
        .name("records".into())
        .spawn(move || records.try_for_each(|record| queue.blocking_send(record)).is_ok());
    reader
        .map_err(|cause| Error::new(ErrorKind::Io, "no thread to read records").because(cause))?;
    // Tasks of their own, so that every core renders and reads; dropped with the run.
    let mut flying = JoinSet::new();
    let mut open = true;
    let (mut acted, mut deadline) = (Stop::No, None::<Duration>);
    while open || !flying.is_empty() {
        tokio::select! {
            Some(ended) = flying.join_next(), if !flying.is_empty() => {
                open &= work.end(ended.unwrap_or_else(|died| resume_unwind(died.into_panic())))?;
            }
            record = taken.recv(), if open && flying.len() < concurrency => match record {
                Some(record) => drop(flying.spawn(work.begin(record))),
                None => open = false,
            },
            urgency = risen(&mut stop, acted) => {
                acted = urgency;
                open = false;
                deadline = Some(started.elapsed() + grace);
                if urgency == Stop::Now {
                    break;
                }
            }
            () = until(deadline.map(|end| end.saturating_sub(started.elapsed()))), if deadline.is_some() => break,
        }
    }
    // Work that gives up because of the stop may end before the stop itself is seen here.
    let asked = *stop.borrow();
    Ok(acted.max(asked) != Stop::No)
}

/// Judging as work.
struct Judging<'a, T> {
    judge: &'a Judge,
    ids: Ids,
    summary: Summary,
    run: &'a mut T,
}

impl<T: Takes> Work for Judging<'_, T> {
    type Done = Finished;

    fn begin(&mut self, record: Record) -> impl Future<Output = Finished> + Send + 'static {
        let record = seen(self.judge, &mut self.ids, record);
        let known = self.run.known(&record);
        one(self.judge.clone(), record, known)
    }

    fn end(&mut self, result: Finished) -> Result<bool> {
        // As good as never begun: the next run judges it.
        if result.outcome.as_ref().is_err_and(Error::is_interrupted) {
            return Ok(false);
        }
        let outcome = result.outcome.as_ref();
        self.summary.count(&result.name(), result.item.as_ref(), outcome);
        if result.kept {
            self.summary.count_kept(outcome);
        }
        let goes_on = !outcome.is_err_and(Error::is_fatal);
        self.summary.gave_up |= !goes_on;
        self.run.finished(result)?;
        Ok(goes_on)
    }
}

/// The record as the prompt sees it, if its name is its own.
pub(crate) fn seen(judge: &Judge, ids: &mut Ids, record: Record) -> Record {
    let Record { index, place, item } = record;
    let item = item.and_then(|item| {
        let seen = judge.seen(&item).and_then(|seen| ids.note(&seen, index).map(|()| seen));
        seen.map_err(|error| error.within(&place))
    });
    Record { index, place, item }
}

/// Waits until the run is to stop more urgently than it does; for ever if nobody can say so any more.
async fn risen(stop: &mut watch::Receiver<Stop>, acted: Stop) -> Stop {
    match stop.wait_for(|urgency| *urgency > acted).await {
        Ok(urgency) => *urgency,
        Err(_) => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "a run that is to stop waits so long and no longer")]
async fn until(time: Option<Duration>) {
    tokio::time::sleep(time.unwrap_or_default()).await;
}

async fn one(judge: Judge, record: Record, known: Known) -> Finished {
    let Record { index, place, item } = record;
    let item = match item {
        Ok(item) => item,
        Err(error) => {
            let kept = matches!(known, Known::Failed(_));
            return Finished { index, item: None, place, outcome: Err(error), kept };
        }
    };
    let mut reask = 0;
    match known {
        Known::Nothing => (),
        Known::Unusable { reask: next } => reask = next,
        Known::Failed(error) => {
            return Finished { index, item: Some(item), place, outcome: Err(error), kept: true };
        }
        Known::Texts { votes, mark } => {
            // Texts that are not what the prompt asks for are as good as none.
            if let Ok(judgment) = judge.reread(&item, &votes, mark.as_deref()) {
                return Finished {
                    index,
                    item: Some(item),
                    place,
                    outcome: Ok(judgment),
                    kept: true,
                };
            }
        }
    }
    let outcome = judge.judge_from(&item, reask).await.map_err(|error| error.within(&place));
    Finished { index, item: Some(item), place, outcome, kept: false }
}
