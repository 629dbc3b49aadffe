//! Judging again by texts that were written before.

use std::{collections::VecDeque, sync::Arc};

use super::{Judging, Member, Panel, casting::Ballot};
use crate::{
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    item::Item,
    line::VoteLine,
    request::Capabilities,
    verdict::{Call, Judgment, Outcome},
};

impl Panel {
    /// Judges an item by texts that were written for it before.
    ///
    /// `mark` is the one that texts use whose votes hold none of their own; `None` takes the item's own.
    ///
    /// # Errors
    /// The texts are not those that the prompts ask for, or every vote had failed.
    pub fn reread(
        self: &Arc<Self>,
        item: &Item,
        votes: &[VoteLine],
        mark: Option<&str>,
    ) -> Result<Judgment> {
        if votes.is_empty() {
            return Err(unlike().hint("the line holds no votes"));
        }
        let item = self.seen(item)?;
        let mut judging = Judging::new(self.clone());
        for (vote, place) in votes.iter().zip(0..) {
            let n = self.member_of(vote)?;
            let member = &self.members[n];
            let item = self.seen_by(member, &item)?;
            let ballot = self.stored(member, &item, vote, mark)?;
            let ballot = Ballot { place, ..ballot };
            match &vote.error {
                Some(error) => judging.add_failed(n, ballot, error.clone().into()),
                None => judging.add(n, ballot, &item, Capabilities::ALL),
            }
        }
        let mut answers: Vec<VecDeque<Completion>> = votes.iter().map(texts).collect();
        judging.answer_all(|id, _| {
            let answer = answers.get_mut(id.order as usize).and_then(VecDeque::pop_front);
            answer.ok_or_else(|| {
                unlike().hint("the prompt asks for more texts than the results hold")
            })
        });
        let broken = votes.iter().zip(judging.outcomes()).find_map(|(vote, outcome)| {
            outcome.and_then(Outcome::failed).filter(|_| vote.error.is_none())
        });
        if let Some(error) = broken {
            return Err(error.clone());
        }
        // Verdicts that were asked for alone can be left out, where other rules do without.
        let is_left = |answer: &Completion| answer.finish != Finish::Forced;
        if answers.iter().flatten().any(is_left) {
            return Err(unlike().hint("the prompt asks for fewer texts than the results hold"));
        }
        judging.judgment()
    }

    /// The place of the member that cast a vote. Every vote is the only member's, whatever it is signed with.
    fn member_of(&self, vote: &VoteLine) -> Result<usize> {
        if self.is_single() {
            return Ok(0);
        }
        self.members.iter().position(|member| *member.name == *vote.by).ok_or_else(|| {
            unlike().hint(format!("a vote is signed `{}`, and no member has this name", vote.by))
        })
    }

    /// What a vote was asked for that is read again.
    fn stored(
        &self,
        member: &Arc<Member>,
        item: &Item,
        vote: &VoteLine,
        mark: Option<&str>,
    ) -> Result<Ballot> {
        let force = is_forced(vote);
        if force && member.prompt.front().each.is_some() {
            return Err(unlike().hint("whose verdicts were asked for alone cannot be told"));
        }
        let by = if vote.by.is_empty() { member.name.clone() } else { vote.by.as_str().into() };
        let own = vote.mark.as_deref().or(mark);
        let own = own.filter(|_| self.is_single() || member.prompt.marks());
        Ok(Ballot {
            member: member.clone(),
            by,
            draw: vote.draw,
            place: 0,
            order: vote.order.places(item.candidates().len()),
            reask: vote.reask,
            reasks: 0,
            force,
            mark: own.map(ToOwned::to_owned).or_else(|| member.mark(item)),
        })
    }
}

/// Whether the verdict alone was asked for.
fn is_forced(vote: &VoteLine) -> bool {
    vote.calls.iter().any(|call| call.finish == Finish::Forced)
}

/// The answers that a vote was read out of, in the order in which they came.
fn texts(vote: &VoteLine) -> VecDeque<Completion> {
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
    vote.calls.iter().map(completion).collect()
}

fn unlike() -> Error {
    Error::new(ErrorKind::NotRecorded, "the stored texts are not those that this prompt asks for")
}
