//! Asking: the conversations of one vote, asked again where they came to nothing.

use futures_util::future::try_join_all;

use super::{
    Inner, Judge,
    ballot::{in_own_order, vote},
};
use crate::{
    backend::Backend,
    completion::{Completion, UsageTotal},
    error::Result,
    item::Item,
    parse::{Parser, Read, Transcript},
    prompt::{Next, Plan},
    request::{Capabilities, Request},
    verdict::{Outcome, Reason, Unreadable, Verdict, Vote},
};

impl Judge {
    /// The vote, asked again as often as is allowed while it cannot be read.
    ///
    /// Where no other answer can be had, the one that came stays, unreadable as it is.
    pub(super) async fn settled(&self, item: &Item, mut ballot: Ballot) -> Result<(Vote, Tally)> {
        let Inner { backend, reasks, .. } = &*self.0;
        let last = ballot.reask + reasks;
        let (mut vote, mut tally) = self.vote(&**backend, item, &ballot).await?;
        while vote.outcome.unreadable().is_some()
            && tally.varies
            && !vote.is_forced()
            && ballot.reask < last
        {
            ballot.reask += 1;
            match self.vote(&**backend, item, &ballot).await {
                Ok((next, taken)) => {
                    vote = next;
                    tally += taken;
                }
                // What was asked for before stays: the record is judged by the next run.
                Err(error) if error.is_interrupted() => return Err(error),
                Err(error) => {
                    tally.attempts += error.requests();
                    let why = |why: Unreadable| why.and(&format!("asking again failed: {error}"));
                    if let Outcome::Unreadable(before) = vote.outcome {
                        vote.outcome = Outcome::Unreadable(why(before));
                    }
                    break;
                }
            }
        }
        Ok((vote, tally))
    }

    pub(super) async fn vote(
        &self,
        backend: &dyn Backend,
        item: &Item,
        ballot: &Ballot,
    ) -> Result<(Vote, Tally)> {
        let inner = &*self.0;
        let shown = item.permuted(&ballot.order);
        let capabilities = backend.capabilities().await;
        let talks = self.talks(backend, &shown, capabilities, ballot).await?;
        let mut tally = Tally { varies: talks.iter().any(|talk| talk.varies), ..Tally::default() };
        let talks: Vec<_> = talks.into_iter().map(|talk| (talk.element, talk.transcript)).collect();
        for outcome in talks.iter().flat_map(|(_, transcript)| &transcript.results) {
            tally.add(&outcome.completion);
        }
        let read = match (inner.prompt.front().each, talks.as_slice()) {
            (None, [(_, transcript)]) => {
                self.weighed(&inner.reader, inner.reader.parse(transcript), transcript)
            }
            (each, talks) => self.read_each(each, talks, &shown),
        };
        let verdict = read.verdict.map(|verdict| in_own_order(verdict, &ballot.order));
        let read = Read { verdict, ..read };
        let mut vote = vote(ballot.draw, ballot.order.clone(), talks, read, &inner.reader);
        vote.reask = ballot.reask.max(u32::from(vote.is_forced()));
        Ok((vote, tally))
    }

    /// The conversations of one vote: one, or one for every element of an `each`.
    async fn talks(
        &self,
        backend: &dyn Backend,
        item: &Item,
        capabilities: Capabilities,
        ballot: &Ballot,
    ) -> Result<Vec<Talk>> {
        let prompt = &self.0.prompt;
        let talk = |n| self.talk(backend, item, n, capabilities, ballot);
        let Some(each) = prompt.front().each else {
            return Ok(vec![talk(None).await?]);
        };
        let count = prompt.elements(item);
        if count == 0 {
            return Err(item.lacks(each.field()).within(prompt.name()));
        }
        let Some(until) = &prompt.front().until else {
            return try_join_all((0..count).map(|n| talk(Some(n)))).await;
        };
        let mut talks = Vec::new();
        for n in 0..count {
            let said = talk(Some(n)).await?;
            let read = self.0.element_reader.parse(&said.transcript);
            talks.push(said);
            if matches!(&read.verdict, Ok(Verdict::Label(label)) if label.label == *until) {
                break;
            }
        }
        Ok(talks)
    }

    async fn talk(
        &self,
        backend: &dyn Backend,
        item: &Item,
        element: Option<usize>,
        capabilities: Capabilities,
        ballot: &Ballot,
    ) -> Result<Talk> {
        let Inner { prompt, reader, element_reader, .. } = &*self.0;
        let plan = Plan { capabilities, draw: ballot.draw, reask: ballot.reask };
        let mut program = prompt.program(item, element, plan, ballot.mark.clone())?;
        let mut answer = None;
        let mut sent = 0;
        let mut transcript = loop {
            match program.next(answer)? {
                Next::Ask(request) => {
                    let said = self.answer(backend, &request).await;
                    let said = said.map_err(|error| error.after_requests(sent))?;
                    sent += said.attempts;
                    answer = Some(said);
                }
                Next::Done(transcript) => break transcript,
            }
        };
        let reader = if element.is_some() { element_reader } else { reader };
        let silent = |why: Unreadable| why.reason != Reason::Refused;
        if ballot.force
            && reader.parse(&transcript).verdict.is_err_and(silent)
            && let Some(request) = program.force()?
        {
            let said = self.answer(backend, &request).await;
            transcript = program.end(said.map_err(|error| error.after_requests(sent))?);
        }
        Ok(Talk { element, transcript, varies: program.varies() })
    }

    async fn answer(&self, backend: &dyn Backend, request: &Request) -> Result<Completion> {
        let completion = backend.complete(request).await?;
        Ok(self.0.finishes.settled(completion, self.0.backend.name()))
    }
}

/// One conversation.
struct Talk {
    /// The step, answer or criterion that it is about, where each has one of its own.
    element: Option<usize>,
    transcript: Transcript,
    /// Whether another text may come of asking again.
    varies: bool,
}

/// What one vote is asked for.
pub(super) struct Ballot {
    pub(super) draw: u32,
    pub(super) order: Vec<usize>,
    pub(super) reask: u32,
    /// Whether the verdict alone may be asked for where the text came to none.
    pub(super) force: bool,
    pub(super) mark: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) usage: UsageTotal,
    pub(super) saved: UsageTotal,
    pub(super) attempts: u32,
    pub(super) cached: u32,
    pub(super) calls: u32,
    /// Whether another answer may come of asking again.
    pub(super) varies: bool,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.usage += other.usage;
        self.saved += other.saved;
        self.attempts += other.attempts;
        self.cached += other.cached;
        self.calls += other.calls;
        self.varies = other.varies;
    }
}

impl Tally {
    fn add(&mut self, completion: &Completion) {
        let tokens = if completion.cached { &mut self.saved } else { &mut self.usage };
        *tokens += completion.usage;
        self.attempts += completion.attempts;
        self.cached += u32::from(completion.cached);
        self.calls += 1;
    }
}
