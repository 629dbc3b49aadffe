//! Searching for solutions as the work of a run.

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
    records::{Ending, Output, Record, SearchLine, Written},
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
pub type SearchDone = NowOrEarlier<Searched, SearchLine>;

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
    counted(work, records, options, output, summary, listener).await
}

impl Figures<SearchWork> for SearchSummary {
    fn add(&mut self, finished: &Finished<SearchDone>, line: &SearchLine) {
        self.count(&finished.name(), finished.item.as_ref(), line, finished.kept);
    }

    fn end(&mut self, ending: Ending, time: Duration) {
        self.ended(ending, time);
    }
}

impl HoldsResult for SearchLine {
    fn result(&self) -> &ResultLine {
        &self.result
    }

    fn result_mut(&mut self) -> &mut ResultLine {
        &mut self.result
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
        if self.with_tree {
            return Reuse::Nothing;
        }
        reused(line, redo)
    }

    async fn work(&self, task: Task<'_, SearchLine>) -> Result<SearchDone> {
        Ok(SearchDone::Now(Box::new(self.searcher.search(task.item).await?)))
    }

    fn line(&self, finished: &Finished<SearchDone>, key: &str) -> SearchLine {
        line_of(finished, key, self.with_item, |outcome| SearchLine::new(&self.searcher, outcome))
    }

    fn is_settled(&self, done: &SearchDone) -> bool {
        match done {
            SearchDone::Now(searched) => searched.judgment.verdict.is_ok(),
            SearchDone::Earlier(line) => line.is_settled(),
        }
    }
}
