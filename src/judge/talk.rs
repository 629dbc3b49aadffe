//! Asking: the conversations of one vote, asked again where they came to nothing.

use futures_util::future::try_join_all;

use super::{
    Inner, Judge,
    ballot::{in_own_order, vote, weigh},
};
use crate::{
    aggregate::Aggregate,
    backend::Backend,
    error::Result,
    item::Item,
    parse::{Parser, Transcript},
    prompt::{Next, Plan},
    request::{Capabilities, Completion},
    verdict::{Reason, Unreadable, Usage, Verdict, Vote},
};

impl Judge {
    /// The vote, asked again as often as is allowed while it cannot be read.
    ///
    /// Where no other answer can be had, the one that came stays, unreadable as it is.
    pub(super) async fn settled(&self, item: &Item, mut ballot: Ballot) -> Result<(Vote, Tally)> {
        let Inner { backend, reasks, .. } = &*self.0;
        let last = ballot.reask + reasks;
        let (mut vote, mut tally) = self.vote(&**backend, item, &ballot).await?;
        while vote.verdict.is_err() && !vote.is_forced() && ballot.reask < last {
            ballot.reask += 1;
            match self.vote(&**backend, item, &ballot).await {
                Ok((next, taken)) => {
                    vote = next;
                    tally += taken;
                }
                Err(error) => {
                    let why = |why: Unreadable| why.and(&format!("asking again failed: {error}"));
                    vote.verdict = vote.verdict.map_err(why);
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
        let mut tally = Tally::default();
        for outcome in talks.iter().flat_map(|(_, transcript)| &transcript.results) {
            tally.add(&outcome.completion);
        }
        let read = match (inner.prompt.front().each, talks.as_slice()) {
            (None, [(_, transcript)]) => inner.reader.parse(transcript),
            (each, talks) => self.read_each(each, talks, &shown),
        };
        let mut vote = vote(ballot.draw, ballot.order.clone(), talks, read);
        vote.reask = ballot.reask.max(u32::from(vote.is_forced()));
        vote.verdict = vote.verdict.map(|verdict| in_own_order(verdict, &vote.order));
        if inner.aggregate == Some(Aggregate::Expected) {
            weigh(&mut vote, inner.prompt.front().scale.as_ref());
        }
        Ok((vote, tally))
    }

    /// The conversations of one vote: one, or one for every element of an `each`.
    async fn talks(
        &self,
        backend: &dyn Backend,
        item: &Item,
        capabilities: Capabilities,
        ballot: &Ballot,
    ) -> Result<Vec<(Option<usize>, Transcript)>> {
        let prompt = &self.0.prompt;
        let talk = |n| self.talk(backend, item, n, capabilities, ballot);
        let Some(each) = prompt.front().each else {
            return Ok(vec![(None, talk(None).await?)]);
        };
        let count = prompt.elements(item);
        if count == 0 {
            return Err(item.lacks(each.field()).within(prompt.name()));
        }
        let Some(until) = &prompt.front().until else {
            let talks = try_join_all((0..count).map(|n| talk(Some(n)))).await?;
            return Ok(talks.into_iter().enumerate().map(|(n, talk)| (Some(n), talk)).collect());
        };
        let mut talks = Vec::new();
        for n in 0..count {
            let said = talk(Some(n)).await?;
            let read = self.0.element_reader.parse(&said);
            talks.push((Some(n), said));
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
    ) -> Result<Transcript> {
        let Inner { prompt, reader, element_reader, .. } = &*self.0;
        let plan = Plan { capabilities, draw: ballot.draw, reask: ballot.reask };
        let mut program = prompt.program(item, element, plan, ballot.mark.clone())?;
        let mut answer = None;
        let transcript = loop {
            match program.next(answer)? {
                Next::Ask(request) => answer = Some(backend.complete(&request).await?),
                Next::Done(transcript) => break transcript,
            }
        };
        let reader = if element.is_some() { element_reader } else { reader };
        let settled = |why: &Unreadable| why.reason == Reason::Refused;
        if !ballot.force
            || reader.parse(&transcript).verdict.as_ref().map_or_else(settled, |_| true)
        {
            return Ok(transcript);
        }
        match program.force()? {
            Some(request) => program.end(backend.complete(&request).await?),
            None => Ok(transcript),
        }
    }
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
    pub(super) usage: Usage,
    pub(super) saved: Usage,
    pub(super) attempts: u32,
    pub(super) cached: u32,
    pub(super) calls: u32,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.usage += other.usage;
        self.saved += other.saved;
        self.attempts += other.attempts;
        self.cached += other.cached;
        self.calls += other.calls;
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
