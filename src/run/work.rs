//! What a kind of work says about itself, and what comes of a record.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Redo, Reuse};
use crate::{
    error::{Error, Result},
    item::Item,
    judge::Judge,
    line::{ErrorLine, ResultLine},
    records::JudgedRecord,
    verdict::Judgment,
};

/// What is done with each of many records.
///
/// The runner owns concurrency, progress, the stop, the file of results and its resume; a work owns what
/// is done with one record and how that looks in a line of JSON.
pub trait Work: Send + Sync + 'static {
    /// What comes of a record.
    type Done: Send + 'static;

    /// The line of results of a record, whose text is JSON without a line break and holds its `index` and
    /// its `key`. [`Value`] is one.
    type Line: Display + DeserializeOwned + Send + Sync + 'static;

    /// The item as the work sees it: with other names, or with fields filled in.
    ///
    /// # Errors
    /// The record lacks what the work needs.
    fn seen(&self, item: Item) -> Result<Item> {
        Ok(item)
    }

    /// Names the line of an item: equal where the same would be done, also in another process.
    fn key(&self, item: &Item) -> String;

    /// What a line that an earlier run left under the same key is good for.
    fn reuse(&self, line: &Self::Line, redo: Redo) -> Reuse<Self::Done>;

    /// Does the work. Records run as tasks of their own, several at once.
    ///
    /// # Errors
    /// It could not be done. An error that [is fatal](Error::is_fatal) ends the run.
    ///
    /// # Cancellation
    /// The future is dropped where the run is stopped at once: the record is done by the next run.
    fn work(&self, task: Task<'_, Self::Line>) -> impl Future<Output = Result<Self::Done>> + Send;

    /// What an earlier line says when it is read again, without asking anything; none where that cannot
    /// be known. Called for [`Reuse::Reread`] only.
    fn reread(&self, _: Task<'_, Self::Line>) -> Option<Self::Done> {
        None
    }

    /// The line of results, with the record's `index` and this `key` in it: see
    /// [`Finished::line_with`].
    fn line(&self, finished: &Finished<Self::Done>, key: &str) -> Self::Line;

    /// What takes the place of an earlier line that was read again; none where it stays.
    fn renewed(&self, _earlier: &Self::Line, line: Self::Line) -> Option<Self::Line> {
        Some(line)
    }

    /// The error that is part of what came of a record, if there is one.
    fn error(_: &Self::Done) -> Option<&Error> {
        None
    }

    /// Whether nothing is left that [`Redo::Failures`] would do again.
    fn is_settled(&self, done: &Self::Done) -> bool {
        Self::error(done).is_none()
    }
}

/// A record that is being worked on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Task<'r, L> {
    /// Counts all records from 0.
    pub index: usize,
    /// The item as the work sees it.
    pub item: &'r Item,
    /// The line of an earlier run, where [`Reuse`] said that it is of use.
    pub earlier: Option<&'r L>,
}

/// One finished record on its way out.
#[derive(Debug)]
pub struct Finished<D = Judgment> {
    /// Counts all records from 0.
    pub index: usize,
    /// The record, where the input held one.
    pub item: Option<Item>,
    /// The file and the line.
    pub place: String,
    /// What came of it.
    pub outcome: Result<D>,
    /// Whether this is what an earlier run left.
    pub kept: bool,
}

impl<D> Finished<D> {
    /// The record's own name, else its place in the run; of what is not a record, its place in the input.
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

    /// A line of results with these fields between what every line has: `id`, `index`, `error` where the
    /// record failed, `key`, `item`.
    pub fn line_with(&self, key: &str, fields: impl FnOnce(&D) -> Value) -> Value {
        let mut line = json!({"id": self.id(), "index": self.index});
        match &self.outcome {
            Ok(done) => {
                for (name, value) in fields(done).as_object().into_iter().flatten() {
                    line[name] = value.clone();
                }
            }
            Err(error) => line["error"] = json!(ErrorLine::from(error)),
        }
        line["key"] = key.into();
        if let Some(item) = &self.item {
            line["item"] = item.record().clone().into();
        }
        line
    }
}

impl Finished {
    /// The line of results.
    pub fn line(&self, judge: &Judge, with_item: bool) -> ResultLine {
        let outcome = self.outcome.as_ref();
        let (id, item) = (self.id(), self.item.as_ref());
        JudgedRecord { id, index: self.index, item, outcome, with_item }.typed(judge)
    }
}
