//! What a kind of work tells the runner, and the result of a record.

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
/// The runner owns concurrency, progress, the stop, the file of results and its resume. A work owns what is
/// done with one record, and how that looks in a line of JSON.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use serde_json::{Value, json};
/// use tribunal::{Item, Result, run::{self, Finished, Redo, Reuse, RunOptions, Task, Work}};
///
/// /// Counts the words of answers.
/// struct Words;
///
/// impl Work for Words {
///     type Done = usize;
///     type Line = Value;
///
///     fn key(&self, item: &Item) -> String {
///         item.text("answer").unwrap_or_default()
///     }
///
///     fn reuse(&self, line: &Value, _: Redo) -> Reuse<usize> {
///         let words = line["words"].as_u64().and_then(|words| usize::try_from(words).ok());
///         words.map_or(Reuse::Nothing, |words| Reuse::Keep(Ok(words)))
///     }
///
///     async fn work(&self, task: Task<'_, Value>) -> Result<usize> {
///         Ok(task.item.text("answer").unwrap_or_default().split_whitespace().count())
///     }
///
///     fn line(&self, finished: &Finished<usize>, key: &str) -> Value {
///         finished.line_with(key, |words| json!({"words": words}))
///     }
/// }
///
/// let records = run::items([Item::new().answer("one two"), Item::new().answer("three")]);
/// let ran = run::run(Words, records, RunOptions::default(), None, &mut ()).await?;
/// assert_eq!((ran.records, ran.kept), (2, 0));
/// # Ok(())
/// # }
/// ```
pub trait Work: Send + Sync + 'static {
    /// The result of a record.
    type Done: Send + 'static;

    /// How many records are in flight where [`RunOptions`](super::RunOptions) leaves it open; 1 by default.
    fn concurrency(&self) -> usize {
        1
    }

    /// The line of a record in the file of results: it displays as JSON without a line break, with the record's
    /// `index` and its `key`. A [`Value`] will do.
    type Line: Display + DeserializeOwned + Send + Sync + 'static;

    /// The item as the work sees it: with other names, or with fields filled in.
    ///
    /// # Errors
    /// The record lacks what the work needs.
    fn seen(&self, item: Item) -> Result<Item> {
        Ok(item)
    }

    /// Names the line of an item. Equal names mean that the same work would be done, in any process.
    fn key(&self, item: &Item) -> String;

    /// How far a line that an earlier run left under the same key can be reused.
    fn reuse(&self, line: &Self::Line, redo: Redo) -> Reuse<Self::Done>;

    /// Does the work on one record. Several run at once, each as a task of its own.
    ///
    /// # Errors
    /// It could not be done: the record fails. An error that [is fatal](Error::is_fatal) ends the run too.
    ///
    /// # Cancellation
    /// The future is dropped where the run is stopped at once: the record is done by the next run.
    fn work(&self, task: Task<'_, Self::Line>) -> impl Future<Output = Result<Self::Done>> + Send;

    /// The result of an earlier line, read again without asking anything; `None` where that is not possible.
    /// Called for [`Reuse::Reread`] only.
    fn reread(&self, _: Task<'_, Self::Line>) -> Option<Self::Done> {
        None
    }

    /// The line of results, with the record's `index` and this `key` in it: see
    /// [`Finished::line_with`].
    fn line(&self, finished: &Finished<Self::Done>, key: &str) -> Self::Line;

    /// The line that replaces an earlier one that was read again; `None` where the earlier one stays.
    fn renewed(&self, _earlier: &Self::Line, line: Self::Line) -> Option<Self::Line> {
        Some(line)
    }

    /// The error within a result, where a work keeps a part of what it did before it failed.
    fn error(_: &Self::Done) -> Option<&Error> {
        None
    }

    /// Whether [`Redo::Failures`] would leave this result as it is.
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
    /// The line of an earlier run to go on from, where [`Work::reuse`] said so.
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
    /// Its result.
    pub outcome: Result<D>,
    /// Whether the result is that of an earlier run.
    pub kept: bool,
}

impl<D> Finished<D> {
    /// The record's own id, else its index; its place in the input where there was no record.
    pub fn id(&self) -> String {
        match &self.item {
            Some(item) => item.id().unwrap_or_else(|| self.index.to_string()),
            None => self.place.clone(),
        }
    }

    /// The record's own id, else its place in the input.
    pub fn name(&self) -> String {
        self.item.as_ref().and_then(Item::id).unwrap_or_else(|| self.place.clone())
    }

    /// A line with the fields that every line has (`id`, `index`, `error` where the record failed, `key`, `item`)
    /// and these `fields` of its own.
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
