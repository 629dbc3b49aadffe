//! The interface between a kind of work and the runner, and the result of a record.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    item::Item,
    judge::Judge,
    line::{ErrorLine, ResultLine},
    records::JudgedRecord,
    verdict::Judgment,
};

/// The work that is done on each of many records.
///
/// The runner provides concurrency, progress, the stop, the file of results and its resume. The work defines
/// what is done with one record, and its result line in JSON.
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

    /// How many records are in flight if [`RunOptions`](super::RunOptions) does not set it; 1 by default.
    fn concurrency(&self) -> usize {
        1
    }

    /// The line of a record in the file of results. It displays as JSON without a line break, with the
    /// record's `index` and its `key`. A [`Value`] is sufficient.
    type Line: Display + DeserializeOwned + Send + Sync + 'static;

    /// The item as the work sees it: with renamed fields, or with fields filled in.
    ///
    /// # Errors
    /// The record lacks what the work needs.
    fn seen(&self, item: Item) -> Result<Item> {
        Ok(item)
    }

    /// The key of an item's line. Equal keys mean the same work, in any process.
    fn key(&self, item: &Item) -> String;

    /// The text with which the work on an item begins, if it costs less right after an item whose text begins in the
    /// same way: the prompt of a model that keeps what it has read. `None`, the default, is for work in the order
    /// of the input.
    ///
    /// Items whose texts begin in the same way are begun one after another, as far as they are read ahead.
    fn prefix(&self, _item: &Item) -> Option<String> {
        None
    }

    /// How far a line of an earlier run with the same key can be reused.
    fn reuse(&self, line: &Self::Line, redo: Redo) -> Reuse<Self::Done>;

    /// Does the work on one record. Several run concurrently, each as a task of its own.
    ///
    /// # Errors
    /// The work could not be done, and the record fails. An error that [is fatal](Error::is_fatal) also ends
    /// the run.
    ///
    /// # Cancellation
    /// The future is dropped if the run is stopped at once; the next run processes the record.
    fn work(&self, task: Task<'_, Self::Line>) -> impl Future<Output = Result<Self::Done>> + Send;

    /// The result of an earlier line, read again without any request; `None` if that is not possible. Called
    /// for [`Reuse::Reread`] only.
    fn reread(&self, _: Task<'_, Self::Line>) -> Option<Self::Done> {
        None
    }

    /// The result line, with the record's `index` and this `key`: see [`Finished::line_with`].
    fn line(&self, finished: &Finished<Self::Done>, key: &str) -> Self::Line;

    /// The line that replaces an earlier one after it was read again; `None` keeps the earlier one.
    fn renewed(&self, _earlier: &Self::Line, line: Self::Line) -> Option<Self::Line> {
        Some(line)
    }

    /// The error within a result, if the work keeps partial results of failed records.
    fn error(_: &Self::Done) -> Option<&Error> {
        None
    }

    /// Whether [`Redo::Failures`] would leave this result unchanged.
    fn is_settled(&self, done: &Self::Done) -> bool {
        Self::error(done).is_none()
    }
}

/// What is done again although an earlier run completed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redo {
    /// Nothing: every earlier result is reused.
    #[default]
    Nothing,
    /// Records that failed, and answers that could not be read.
    Failures,
    /// Everything.
    Everything,
}

impl Redo {
    /// The value for the flags `--fresh` and `--retry-errors`.
    #[cfg(feature = "cli")]
    pub fn of_flags(fresh: bool, retry_errors: bool) -> Self {
        match (fresh, retry_errors) {
            (true, _) => Self::Everything,
            (_, true) => Self::Failures,
            _ => Self::Nothing,
        }
    }
}

/// How far a line of an earlier run can be reused.
#[derive(Clone, Debug)]
pub enum Reuse<D> {
    /// Not at all: the work starts from the beginning, and its line replaces the earlier one.
    Nothing,
    /// The work continues from it: it is [`earlier`](Task::earlier) in [`Work::work`].
    Continue,
    /// It is read again by the current rules ([`Work::reread`]), without any request. If that is not
    /// possible, the work starts from the beginning.
    Reread,
    /// It is reused, and this is the result of the record.
    Keep(Result<D>),
}

/// A record in progress.
#[derive(Debug)]
#[non_exhaustive]
pub struct Task<'r, L> {
    /// The number of the record, from 0.
    pub index: usize,
    /// The item as the work sees it.
    pub item: &'r Item,
    /// The line of an earlier run to continue from, if [`Work::reuse`] requested it.
    pub earlier: Option<&'r L>,
}

/// One finished record.
#[derive(Debug)]
pub struct Finished<D = Judgment> {
    /// The number of the record, from 0.
    pub index: usize,
    /// The record, if the input contained one.
    pub item: Option<Item>,
    /// The file and the line.
    pub place: String,
    /// Its result.
    pub outcome: Result<D>,
    /// Whether the result comes from an earlier run.
    pub kept: bool,
}

impl<D> Finished<D> {
    /// The record's own id, otherwise its index; its place in the input if there was no record.
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

    /// A line with the fields that every line has (`id`, `index`, `error` if the record failed, `key`,
    /// `item`) and these additional `fields`.
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
    /// The result line.
    pub fn line(&self, judge: &Judge, with_item: bool) -> ResultLine {
        self.judged(with_item).typed(judge)
    }

    /// The result line, whose key is known.
    pub(super) fn keyed_line(&self, judge: &Judge, with_item: bool, key: &str) -> ResultLine {
        self.judged(with_item).keyed(judge, key.to_owned())
    }

    fn judged(&self, with_item: bool) -> JudgedRecord<'_> {
        let outcome = self.outcome.as_ref();
        let (id, item) = (self.id(), self.item.as_ref());
        JudgedRecord { id, index: self.index, item, outcome, with_item }
    }
}
