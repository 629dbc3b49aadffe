//! Searching for solutions as the work of a run.

use super::{Finished, Listener, Redo, Reuse, RunOptions, Task, Work, run};
use crate::{
    error::{Error, Result},
    item::Item,
    records::{Output, Record, SearchLine, Written},
    report::SearchSummary,
    request::Hasher,
    strategy::search::{Searched, Searcher},
};

/// Searching for solutions as the work of a [`run`].
///
/// Solutions of an earlier run are reused. Records without one are searched again by [`Redo::Failures`]; the steps and
/// judgments are in the caches of the models.
#[derive(Clone, Debug)]
pub struct SearchWork {
    searcher: Searcher,
    with_item: bool,
    with_tree: bool,
}

/// The result of a record.
#[derive(Debug)]
pub enum SearchDone {
    /// A search of this run.
    Now(Box<Searched>),
    /// The line of an earlier run.
    Earlier(Box<SearchLine>),
}

impl SearchWork {
    /// The work of searching with this searcher.
    pub fn new(searcher: Searcher) -> Self {
        Self { searcher, with_item: true, with_tree: false }
    }

    /// The same work, with lines that do not contain the record.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }

    /// The same work, which searches records of an earlier run again, because lines do not contain the tree. With a
    /// cache this asks for nothing.
    #[must_use]
    pub fn with_trees(self) -> Self {
        Self { with_tree: true, ..self }
    }

    /// What searches.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }
}

/// Searches for the solution of every record, and returns the summary and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`]. Steps and judgments that arrived are in the caches of the models.
pub async fn search(
    work: SearchWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<SearchWork>,
) -> Result<(SearchSummary, Option<Written>)> {
    let summary = SearchSummary::new(work.searcher.is_priced());
    let mut counting = Counting { summary, listener };
    let ran = run(work, records, options, output, &mut counting).await?;
    let mut summary = counting.summary;
    summary.ended(ran.ending, ran.time);
    Ok((summary, ran.left))
}

/// Sums up finished records, and forwards them to the listener.
struct Counting<'l, L> {
    summary: SearchSummary,
    listener: &'l mut L,
}

impl<L: Listener<SearchWork>> Listener<SearchWork> for Counting<'_, L> {
    fn begun(&mut self, record: &Record) {
        self.listener.begun(record);
    }

    fn finished(&mut self, finished: &Finished<SearchDone>, line: &SearchLine) -> Result<()> {
        self.summary.count(&finished.name(), finished.item.as_ref(), line, finished.kept);
        self.listener.finished(finished, line)
    }

    fn over(&mut self) {
        self.listener.over();
    }
}

impl Work for SearchWork {
    type Done = SearchDone;
    type Line = SearchLine;

    fn concurrency(&self) -> usize {
        self.searcher.policy().open_records()
    }

    fn seen(&self, item: Item) -> Result<Item> {
        self.searcher.policy().seen(&item)
    }

    fn key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-search-v1");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        let searcher = &self.searcher;
        searcher.policy().hash_content(&item.clone().filled("prefix", ""), &mut hasher);
        let judges = [Some(searcher.judge()), searcher.check()];
        for judge in judges.into_iter().flatten() {
            judge.hash_content(&item.revised(""), &mut hasher);
        }
        hasher.json(&searcher.options().settings());
        let all = [Some(searcher.policy()), Some(searcher.finisher())];
        for judge in all.into_iter().chain(judges).flatten() {
            hasher.json(&[judge.identity(), judge.reading()]);
        }
        hasher.hex::<16>()
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        self.searcher.policy().opening(&item.clone().filled("prefix", ""))
    }

    fn reuse(&self, line: &SearchLine, redo: Redo) -> Reuse<SearchDone> {
        let error = line.result.error.clone().map(Error::from);
        let is_settled = error.is_none() && line.result.unreadable.is_none();
        match error {
            // A refused key is not a fault of the record.
            Some(error) if error.is_fatal() => Reuse::Nothing,
            _ if self.with_tree || (!is_settled && redo == Redo::Failures) => Reuse::Nothing,
            Some(error) => Reuse::Keep(Err(error)),
            None => Reuse::Keep(Ok(SearchDone::Earlier(Box::new(line.clone())))),
        }
    }

    async fn work(&self, task: Task<'_, SearchLine>) -> Result<SearchDone> {
        Ok(SearchDone::Now(Box::new(self.searcher.search(task.item).await?)))
    }

    fn line(&self, finished: &Finished<SearchDone>, key: &str) -> SearchLine {
        let mut line = match &finished.outcome {
            Ok(SearchDone::Earlier(line)) => return (**line).clone(),
            Ok(SearchDone::Now(searched)) => SearchLine::new(&self.searcher, Ok(searched)),
            Err(error) => SearchLine::new(&self.searcher, Err(error)),
        };
        let item = finished.item.as_ref().filter(|_| self.with_item);
        line.result.id = finished.id();
        line.result.index = finished.index;
        key.clone_into(&mut line.result.key);
        line.result.item = item.map(|item| item.record().clone());
        line
    }

    fn is_settled(&self, done: &SearchDone) -> bool {
        match done {
            SearchDone::Now(searched) => searched.judgment.verdict.is_ok(),
            SearchDone::Earlier(line) => line.result.unreadable.is_none(),
        }
    }
}
