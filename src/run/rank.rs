//! Ranking candidates as the work of a run.

use std::time::Duration;

use super::{
    Finished, Listener, NowOrEarlier, Redo, Reuse, RunOptions, Task, Work,
    earlier::{Head, KeptLine, line_of, reused},
    figures::{Figures, counted},
};
use crate::{
    error::{Error, Result},
    item::Item,
    records::{Ending, Output, RankLine, Record, Written},
    report::RankSummary,
    request::Hasher,
    strategy::best_of::{Ranked, Ranker},
};

/// Ranking candidates as the work of a [`run`].
///
/// Rankings of an earlier run are reused. Those in which a judgment could not be read or has no answer are made again by
/// [`Redo::Failures`]; the answers that arrived are in the caches of the models.
#[derive(Clone, Debug)]
pub struct RankWork {
    ranker: Ranker,
    with_item: bool,
    label: Option<String>,
}

/// The result of a record.
pub type RankDone = NowOrEarlier<Ranked, RankLine>;

impl RankWork {
    /// The work of ranking with this ranker.
    pub fn new(ranker: Ranker) -> Self {
        Self { ranker, with_item: true, label: None }
    }

    /// The same work, with lines that do not contain the record.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }

    /// The same work, with the field or dotted path in which records have labels of their candidates; `label` if it is
    /// `None`.
    #[must_use]
    pub fn labelled(self, label: Option<String>) -> Self {
        Self { label, ..self }
    }

    /// What ranks the candidates.
    pub fn ranker(&self) -> &Ranker {
        &self.ranker
    }
}

/// Ranks the candidates of every record, and returns the summary and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`]. Answers that arrived are in the caches of the models.
pub async fn rank(
    work: RankWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<RankWork>,
) -> Result<(RankSummary, Option<Written>)> {
    let rule = work.ranker.options().rule.to_string();
    let summary = RankSummary::new(rule, work.ranker.is_priced());
    counted(work, records, options, output, summary, listener).await
}

impl Figures<RankWork> for RankSummary {
    fn add(&mut self, finished: &Finished<RankDone>, line: &RankLine) {
        self.count(line, finished.kept);
        if let (Err(error), false) = (&finished.outcome, finished.kept) {
            self.count_failure(error);
        }
    }

    fn end(&mut self, ending: Ending, time: Duration) {
        self.ended(ending, time);
    }
}

impl KeptLine for RankLine {
    fn error(&self) -> Option<Error> {
        self.error.clone().map(Error::from)
    }

    fn is_settled(&self) -> bool {
        self.error.is_none() && is_read(self)
    }

    fn head(&mut self) -> Head<'_> {
        let Self { id, index, key, item, .. } = self;
        Head { id, index, key, item }
    }
}

/// Whether every judgment of a line could be read.
fn is_read(line: &RankLine) -> bool {
    let candidates = line.candidates.iter().all(|one| {
        one.error.is_none() && one.judgment.unreadable.is_none() && one.unwritten.is_none()
    });
    let pairs = line.comparisons.iter().all(|one| one.error.is_none() && one.unreadable.is_none());
    let mut rankings = line.listwise.iter().chain(line.windows.iter().map(|one| &one.judgment));
    let listwise = rankings.all(|one| one.unreadable.is_none());
    candidates && pairs && listwise
}

impl Work for RankWork {
    type Done = RankDone;
    type Line = RankLine;

    fn concurrency(&self) -> usize {
        let judges = [self.ranker.judge(), self.ranker.policy()];
        judges.into_iter().flatten().map(crate::judge::Judge::open_records).max().unwrap_or(1)
    }

    fn seen(&self, item: Item) -> Result<Item> {
        let seen = self.ranker.seen(&item)?;
        // A record without a label is ranked all the same.
        let labelled =
            self.label.as_ref().and_then(|label| seen.clone().mapped("label", label).ok());
        Ok(labelled.unwrap_or(seen))
    }

    fn key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-rank-v1");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        let ranker = &self.ranker;
        hasher.json(&ranker.options());
        // What a policy writes follows from its own key.
        let answers = if ranker.policy().is_some() { Vec::new() } else { item.candidates() };
        hasher.json(&(answers, item.text("reference"), item.field("label")));
        for judge in [ranker.judge(), ranker.policy(), ranker.check()] {
            let Some(judge) = judge else {
                hasher.part(b"");
                continue;
            };
            judge.hash_content(&item.revised(""), &mut hasher);
            hasher.json(&[judge.identity(), judge.reading()]);
        }
        hasher.hex::<16>()
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        match (self.ranker.policy(), self.ranker.judge()) {
            (Some(policy), _) => policy.opening(item),
            (None, Some(judge)) if !self.ranker.compares() => judge.opening(&item.alone(0)),
            _ => None,
        }
    }

    fn reuse(&self, line: &RankLine, redo: Redo) -> Reuse<RankDone> {
        reused(line, redo)
    }

    async fn work(&self, task: Task<'_, RankLine>) -> Result<RankDone> {
        Ok(RankDone::Now(Box::new(self.ranker.rank(task.item).await?)))
    }

    fn line(&self, finished: &Finished<RankDone>, key: &str) -> RankLine {
        line_of(finished, key, self.with_item, |outcome| RankLine::new(&self.ranker, outcome))
    }

    fn is_settled(&self, done: &RankDone) -> bool {
        match done {
            RankDone::Now(ranked) => is_read(&RankLine::new(&self.ranker, Ok(ranked))),
            RankDone::Earlier(line) => is_read(line),
        }
    }
}
