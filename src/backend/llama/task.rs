//! A request while it is answered: what it needs next of the model, until its answer is complete.
//!
//! A task never waits and never evaluates. The scheduler evaluates what a task needs, and calls it with the
//! logits; so any number of tasks can take turns, and share calls.

use llama_cpp_2::token::LlamaToken;

use super::{
    failed,
    score::{Scoring, Weighing},
    step::{Seen, Step, Words},
    work::Work,
    write::Draft,
};
use crate::error::Result;

/// A request while it is answered.
pub(super) enum Task {
    /// A text is written.
    Write(Box<Draft>),
    /// Labels are weighed at one place or at many.
    Score(Scoring),
    /// A text is weighed token by token.
    Weigh(Weighing),
}

impl Task {
    /// The task that answers a request.
    ///
    /// # Errors
    /// The grammar of the request cannot be read.
    pub(super) fn new(work: Work, words: &dyn Words) -> Result<Self> {
        Ok(match work {
            Work::Write(writing) => Self::Write(Box::new(Draft::new(writing, words)?)),
            Work::Choose(choice) => Self::Score(Scoring::at_one_place(choice)),
            Work::ChooseAt(choices) => Self::Score(Scoring::at_places(choices)),
            Work::Weigh { prompt, text, of } => Self::Weigh(Weighing::new(prompt, text, of)),
            // The engine answers it without a sequence.
            Work::Reward(_) => return Err(failed("a reward is asked for in a sequence")),
        })
    }

    /// The prompt to read before the first [`next`](Self::next).
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        match self {
            Self::Write(draft) => draft.prompt(),
            Self::Score(scoring) => scoring.prompt(),
            Self::Weigh(weighing) => weighing.prompt(),
        }
    }

    /// Notes how many tokens of the first prompt were in the cache.
    pub(super) fn begin(&mut self, cached: usize) {
        match self {
            Self::Write(draft) => draft.cached = cached,
            Self::Score(scoring) => scoring.cached = cached,
            Self::Weigh(weighing) => weighing.cached = cached,
        }
    }

    /// Continues after the last step was done.
    ///
    /// # Errors
    /// The request cannot be answered.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Result<Step> {
        match self {
            Self::Write(draft) => draft.next(seen),
            Self::Score(scoring) => Ok(scoring.next(seen)),
            Self::Weigh(weighing) => Ok(weighing.next(seen)),
        }
    }
}
