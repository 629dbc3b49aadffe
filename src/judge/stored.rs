//! Reading again what was written before: no model is asked.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Judge, talk::Ballot};
use crate::{
    backend::Backend,
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    item::Item,
    line::VoteLine,
    request::{Capabilities, Request},
    verdict::{Call, Judgment},
};

impl Judge {
    /// Judges an item by texts that were written for it before; no model is asked.
    ///
    /// `mark` is the one that the texts use; `None` takes the item's own.
    ///
    /// # Errors
    /// The texts are not those that this judge's prompt asks for.
    pub async fn reread(
        &self,
        item: &Item,
        votes: &[VoteLine],
        mark: Option<String>,
    ) -> Result<Judgment> {
        let item = &self.seen(item)?;
        let mark = mark.or_else(|| self.0.prompt.mark(item, self.0.secret.as_deref()));
        let count = item.candidates().len();
        let mut counted = Vec::new();
        for vote in votes {
            let stored = Stored::new(&vote.calls);
            if stored.is_forced() && self.0.prompt.front().each.is_some() {
                return Err(unlike().hint("whose verdicts were asked for alone cannot be told"));
            }
            let (draw, reask) = (vote.draw, vote.reask);
            let ballot = Ballot {
                draw,
                order: vote.order.places(count),
                reask,
                force: stored.is_forced(),
                mark: mark.clone(),
            };
            counted.push(self.vote(&stored, item, &ballot).await?);
            if !stored.is_done() {
                return Err(unlike().hint("the prompt asks for fewer texts than the results hold"));
            }
        }
        if counted.is_empty() {
            return Err(unlike().hint("the line holds no votes"));
        }
        Ok(self.summed(counted, mark))
    }
}

fn unlike() -> Error {
    Error::new(ErrorKind::NotRecorded, "the stored texts are not those that this prompt asks for")
}

/// Answers with what was written before, in the order in which it was.
#[derive(Debug)]
struct Stored(Mutex<VecDeque<Completion>>);

impl Stored {
    fn new(calls: &[Call]) -> Self {
        let completion = |call: &Call| Completion {
            text: call.text.clone(),
            thinking: call.thinking.clone(),
            finish: call.finish.clone(),
            usage: call.usage,
            distribution: call.distribution.clone(),
            in_process: call.in_process,
            cached: true,
            ..Completion::default()
        };
        Self(Mutex::new(calls.iter().map(completion).collect()))
    }

    /// Whether verdicts alone were asked for.
    fn is_forced(&self) -> bool {
        self.left().iter().any(|answer| answer.finish == Finish::Forced)
    }

    /// Whether everything was used, but verdicts that other rules can do without.
    fn is_done(&self) -> bool {
        self.left().iter().all(|answer| answer.finish == Finish::Forced)
    }

    fn left(&self) -> MutexGuard<'_, VecDeque<Completion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Stored {
    fn name(&self) -> &'static str {
        "stored"
    }

    fn identity(&self) -> &'static str {
        "stored"
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    async fn complete(&self, _: &Request) -> Result<Completion> {
        self.left()
            .pop_front()
            .ok_or_else(|| unlike().hint("the prompt asks for more texts than the results hold"))
    }
}
