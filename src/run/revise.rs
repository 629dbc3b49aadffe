//! Revising as the work of a run.

use std::{sync::Arc, time::Duration};

use super::{
    Finished, Listener, NowOrEarlier, Redo, Reuse, RunOptions, Task, Work,
    figures::{Figures, counted},
};
use crate::{
    error::{Error, Result},
    item::Item,
    judge::Judge,
    records::{Ending, Output, Record, RevisedRecord, RevisionLine, Written},
    report::Revisions,
    request::Hasher,
    strategy::revise::{self, FinalCheck, OnRound, Revision, RevisionOutcome, Writer},
};

/// Revising as the work of a [`run`]: the answer of each record is rewritten until a judge passes it.
///
/// A loop that ended is reused in a later run. A loop that failed begins again, and its earlier answers are
/// in the caches of its models.
#[derive(Clone, Debug)]
pub struct ReviseWork {
    judge: Judge,
    writer: Writer,
    options: revise::ReviseOptions,
    identity: String,
    priced: bool,
    with_item: bool,
    rounds: Rounds,
}

/// Creates the listener for one record's rounds from the name of the record.
#[derive(Clone, Default)]
struct Rounds(Option<Arc<dyn Fn(String) -> OnRound + Send + Sync>>);

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Rounds(…)" } else { "Rounds" })
    }
}

/// The result of a record: its loop.
pub type Revised = NowOrEarlier<Revision, RevisionLine>;

impl ReviseWork {
    /// The work of revising with this judge and this writer.
    ///
    /// # Errors
    /// The judge has no pass rule, or its verdicts cannot guide a loop: see [`revise::revise`].
    pub fn new(judge: Judge, writer: Writer, options: &revise::ReviseOptions) -> Result<Self> {
        let options = revise::settled(&judge, options)?;
        let identity = identity(&judge, &writer, &options);
        let priced = models(&judge, &writer, &options).all(Judge::is_priced);
        let (with_item, rounds) = (true, Rounds::default());
        Ok(Self { judge, writer, options, identity, priced, with_item, rounds })
    }

    /// The same work, with result lines that do not contain the record.
    #[must_use]
    pub fn without_items(self) -> Self {
        Self { with_item: false, ..self }
    }

    /// The same work, with a listener for the rounds of each record; `make` receives the name of the record.
    #[must_use]
    pub fn on_rounds(self, make: impl Fn(String) -> OnRound + Send + Sync + 'static) -> Self {
        Self { rounds: Rounds(Some(Arc::new(make))), ..self }
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The policy.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The settings of the loops.
    pub fn options(&self) -> &revise::ReviseOptions {
        &self.options
    }

    /// Whether the price of every model is known, so that the cost is complete.
    pub fn is_priced(&self) -> bool {
        self.priced
    }

    /// The options of one record's loop.
    fn options_for(&self, task: &Task<'_, RevisionLine>) -> revise::ReviseOptions {
        let Some(make) = &self.rounds.0 else { return self.options.clone() };
        let id = task.item.id().unwrap_or_else(|| task.index.to_string());
        revise::ReviseOptions { on_round: make(id), ..self.options.clone() }
    }
}

/// Revises the answer of every record, and returns the summary and the state of the file.
///
/// # Errors
/// A result could not be written; all earlier lines are kept.
///
/// # Cancellation
/// That of [`run`]. Earlier answers are in the caches of the models, so a loop continues from there.
pub async fn revise(
    work: ReviseWork,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    output: Option<Output>,
    listener: &mut impl Listener<ReviseWork>,
) -> Result<(Revisions, Option<Written>)> {
    let summary = Revisions { priced: work.priced, ..Revisions::default() };
    counted(work, records, options, output, summary, listener).await
}

impl Figures<ReviseWork> for Revisions {
    fn add(&mut self, finished: &Finished<Revised>, line: &RevisionLine) {
        match &finished.outcome {
            Ok(Revised::Now(revision)) => self.count(Ok(revision)),
            Ok(Revised::Earlier(line)) => self.keep(line),
            Err(_) if finished.kept => self.keep(line),
            Err(error) => self.count(Err(error)),
        }
    }

    fn end(&mut self, ending: Ending, time: Duration) {
        (self.ending, self.time) = (ending, time);
    }
}

impl Work for ReviseWork {
    type Done = Revised;
    type Line = RevisionLine;

    fn concurrency(&self) -> usize {
        self.judge.open_records()
    }

    fn seen(&self, item: Item) -> Result<Item> {
        self.judge.seen(&item)
    }

    fn key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-revision-v2");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        let writers = [Some(self.writer.reviser()), self.writer.drafter()];
        for judge in [Some(&self.judge)].into_iter().chain(writers).flatten() {
            judge.hash_content(item, &mut hasher);
        }
        hasher.part(self.identity.as_bytes());
        hasher.hex::<16>()
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        // Without an answer that can be judged, the loop begins with a first draft.
        let drafted = || self.writer.drafter()?.opening(item);
        self.judge.opening(item).or_else(drafted)
    }

    fn reuse(&self, line: &RevisionLine, redo: Redo) -> Reuse<Revised> {
        // A refused key is not a fault of the record.
        let is_fatal = line.error.clone().is_some_and(|error| Error::from(error).is_fatal());
        if is_fatal || (!has_ended(line.outcome) && redo == Redo::Failures) {
            return Reuse::Nothing;
        }
        Reuse::Keep(Ok(Revised::Earlier(Box::new(line.clone()))))
    }

    async fn work(&self, task: Task<'_, RevisionLine>) -> Result<Revised> {
        let options = self.options_for(&task);
        let revision = self.writer.revise(&self.judge, task.item, &options).await?;
        Ok(Revised::Now(Box::new(revision)))
    }

    fn line(&self, finished: &Finished<Revised>, key: &str) -> RevisionLine {
        let outcome = match &finished.outcome {
            Ok(Revised::Now(revision)) => Ok(&**revision),
            Ok(Revised::Earlier(line)) => return (**line).clone(),
            Err(error) => Err(error),
        };
        let line = RevisedRecord {
            id: finished.id(),
            index: finished.index,
            item: finished.item.as_ref(),
            outcome,
            priced: self.priced,
            key: key.to_owned(),
            with_item: self.with_item,
        };
        line.typed()
    }

    fn error(revised: &Revised) -> Option<&Error> {
        match revised {
            Revised::Now(revision) => revision.error.as_ref(),
            Revised::Earlier(_) => None,
        }
    }

    fn is_settled(&self, revised: &Revised) -> bool {
        has_ended(match revised {
            Revised::Now(revision) => revision.outcome,
            Revised::Earlier(line) => line.outcome,
        })
    }
}

/// Whether a loop ended by itself.
fn has_ended(outcome: RevisionOutcome) -> bool {
    !matches!(outcome, RevisionOutcome::Failed | RevisionOutcome::JudgeUnreadable)
}

/// All judges and writers of a loop.
fn models<'m>(
    judge: &'m Judge,
    writer: &'m Writer,
    options: &'m revise::ReviseOptions,
) -> impl Iterator<Item = &'m Judge> {
    let check = match &options.final_check {
        FinalCheck::Judge(judge) => Some(judge),
        _ => None,
    };
    let all = [Some(judge), Some(writer.reviser()), writer.drafter(), options.critic.as_ref()];
    all.into_iter().chain([options.accept.judge(), check]).flatten()
}

/// Names everything that a revision depends on. The time limit is not part of it, because it can only end a
/// loop earlier.
fn identity(judge: &Judge, writer: &Writer, options: &revise::ReviseOptions) -> String {
    let named = |judge: Option<&Judge>| judge.map(|judge| judge.identity().to_owned());
    let revise::ReviseLimits { rounds, calls, tokens, cost, time: _ } = options.limits;
    let check = match &options.final_check {
        FinalCheck::None => vec!["none".to_owned()],
        FinalCheck::Fresh => vec!["fresh".to_owned()],
        FinalCheck::Judge(judge) => {
            let rule = judge.pass().map(ToString::to_string);
            [Some(judge.identity().to_owned()), rule].into_iter().flatten().collect()
        }
    };
    let mut hasher = Hasher::new("revision-v2");
    hasher.json(&(judge.identity(), judge.reading()));
    hasher.json(&[named(Some(writer.reviser())), named(writer.drafter())]);
    hasher.json(&(named(options.critic.as_ref()), &options.principles));
    hasher.json(&(options.accept.rule().to_string(), named(options.accept.judge()), check));
    hasher.json(&(rounds, calls, tokens, cost));
    hasher.json(&(options.patience, options.memory, options.keep_steps));
    hasher.hex::<16>()
}
