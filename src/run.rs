//! Judging a stream of records: bounded memory, every result handed on as it comes.

use std::{thread, time::Instant};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    records::{Ids, Line, Outcome, Record},
    report::Summary,
    verdict::Judgment,
};

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many records are judged at once.
    pub concurrency: usize,
    /// Whether lines repeat their record.
    pub with_item: bool,
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
}

impl Finished {
    /// The record's own name, else its place in the run; of what is no record, its place in the input.
    pub fn id(&self) -> String {
        match &self.item {
            Some(item) => item.id().unwrap_or_else(|| self.index.to_string()),
            None => self.place.clone(),
        }
    }

    /// The line of results.
    pub fn line(&self, judge: &Judge, with_item: bool) -> serde_json::Value {
        let outcome = match &self.outcome {
            Ok(judgment) => Outcome::Judged(judgment),
            Err(error) => Outcome::Failed(error),
        };
        let (id, item) = (self.id(), self.item.as_ref());
        Line { id, index: self.index, item, outcome, with_item }.to_json(judge)
    }
}

/// Judges every record and hands each result to `finished` once, in the order in which they end.
///
/// At most `concurrency` records are held, and as many results wait to be handed on. A record that
/// cannot be judged costs itself; an error that every later request would meet (a refused key, an
/// empty account) stops the taking of records, and what is in flight still ends. An error of
/// `finished` itself ends the run at once.
///
/// # Errors
/// `finished` failed; everything handed on before is kept.
pub async fn run(
    judge: &Judge,
    mut records: impl Iterator<Item = Record> + Send + 'static,
    options: Options,
    mut finished: impl FnMut(Finished) -> Result<()>,
) -> Result<Summary> {
    let started = Instant::now();
    let concurrency = options.concurrency.max(1);
    let (queue, mut taken) = mpsc::channel(concurrency);
    // Reading may wait for a pipe that nobody fills any more: no run and no runtime may wait for that.
    let reader = thread::Builder::new()
        .name("records".into())
        .spawn(move || records.try_for_each(|record| queue.blocking_send(record)).is_ok());
    reader
        .map_err(|cause| Error::new(ErrorKind::Io, "no thread to read records").because(cause))?;
    let mut summary = Summary::default();
    let ends = judge.prompt().front().scale.as_ref().and_then(crate::scale::Scale::ends);
    let mut flying = FuturesUnordered::new();
    let mut ids = Ids::default();
    let mut open = true;
    loop {
        tokio::select! {
            Some(result) = flying.next(), if !flying.is_empty() => {
                let result: Finished = result;
                summary.count(result.item.as_ref(), result.outcome.as_ref(), ends);
                open &= !result.outcome.as_ref().is_err_and(Error::is_fatal);
                finished(result)?;
            }
            record = taken.recv(), if open && flying.len() < concurrency => match record {
                Some(record) => flying.push(one(judge, seen(judge, &mut ids, record))),
                None => open = false,
            },
            else => break,
        }
    }
    summary.time = started.elapsed();
    summary.cost = judge.price().map(|price| price.of(summary.usage));
    summary.saved_cost = judge.price().map(|price| price.of(summary.saved));
    Ok(summary)
}

/// The record as the prompt sees it, if its name is its own.
fn seen(judge: &Judge, ids: &mut Ids, record: Record) -> Record {
    let Record { index, place, item } = record;
    let item = item.and_then(|item| {
        let seen = judge.seen(&item).and_then(|seen| ids.note(&seen, index).map(|()| seen));
        seen.map_err(|error| error.within(&place))
    });
    Record { index, place, item }
}

async fn one(judge: &Judge, record: Record) -> Finished {
    let Record { index, place, item } = record;
    match item {
        Ok(item) => {
            let outcome = judge.judge(&item).await.map_err(|error| error.within(&place));
            Finished { index, item: Some(item), place, outcome }
        }
        Err(error) => Finished { index, item: None, place, outcome: Err(error) },
    }
}
