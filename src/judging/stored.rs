//! Judging again by the texts of an earlier judgment.

use std::{collections::VecDeque, sync::Arc};

use super::{Judging, Member, Panel, pending::Ballot};
use crate::{
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    item::Item,
    line::VoteLine,
    request::{Ask, Capabilities, Message, Request},
    verdict::{Call, Judgment, Outcome},
};

impl Panel {
    /// Judges an item by the texts of an earlier judgment.
    ///
    /// `mark` is that of the votes that hold none of their own; with `None` it is the item's.
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
                None => judging.add(n, ballot, &item, able(vote)),
            }
        }
        let mut answers: Vec<VecDeque<&Call>> =
            votes.iter().map(|vote| vote.calls.iter().collect()).collect();
        judging.answer_all(|id, request| {
            let calls = answers.get_mut(id.order as usize);
            calls.and_then(|calls| next_answer(calls, request)).ok_or_else(|| {
                unlike().hint("the prompt asks for more texts than the results hold")
            })
        });
        let broken = votes.iter().zip(judging.outcomes()).find_map(|(vote, outcome)| {
            outcome.and_then(Outcome::failed).filter(|_| vote.error.is_none())
        });
        if let Some(error) = broken {
            return Err(error.clone());
        }
        // Verdicts that were asked for alone can be left out, where other rules do without, and values that were
        // scored.
        let is_left = |call: &&Call| call.finish != Finish::Forced && call.announcement.is_none();
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

    /// The ballot of a vote that is read again.
    fn stored(
        &self,
        member: &Arc<Member>,
        item: &Item,
        vote: &VoteLine,
        mark: Option<&str>,
    ) -> Result<Ballot> {
        let force = is_forced(vote);
        if force && member.prompt.front().each.is_some() {
            return Err(
                unlike().hint("the results do not say which of the verdicts were asked for alone")
            );
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

/// The capabilities that the model of a vote must have had.
fn able(vote: &VoteLine) -> Capabilities {
    let score_verdict = vote.calls.iter().any(|call| call.announcement.is_some());
    Capabilities::ALL.score_verdict(score_verdict)
}

/// The next stored answer of a vote; `None` where this request was not sent then.
fn next_answer(calls: &mut VecDeque<&Call>, request: &Request) -> Option<Completion> {
    let chooses = matches!(request.ask, Ask::Choose { .. });
    // Values that were scored after another announcement do not count.
    while calls.front().is_some_and(|call| call.announcement.is_some() && !scores(call, request)) {
        calls.pop_front();
    }
    // Values that were not scored then are not scored now.
    calls.front().filter(|call| call.chosen || !chooses)?;
    calls.pop_front().map(completion)
}

/// Whether a call is what a request for the values of a verdict comes to: the same values after the same
/// announcement.
fn scores(call: &Call, request: &Request) -> bool {
    let (Ask::Choose { labels }, Some(announcement)) = (&request.ask, &call.announcement) else {
        return false;
    };
    let text = request.messages.last().map(Message::text).unwrap_or_default();
    let seen = call.distribution.iter().flat_map(|seen| &seen.labels);
    text.ends_with(announcement.as_str()) && seen.map(|(label, _)| label).eq(labels)
}

fn completion(call: &Call) -> Completion {
    Completion {
        text: call.text.clone(),
        thinking: call.thinking.clone(),
        finish: call.finish.clone(),
        usage: call.usage,
        distribution: call.distribution.clone(),
        in_process: call.in_process,
        cached: true,
        ..Completion::default()
    }
}

fn unlike() -> Error {
    Error::new(ErrorKind::NotRecorded, "the stored texts are not those that this prompt asks for")
}
