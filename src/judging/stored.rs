//! Judging again from the texts of an earlier judgment.
//!
//! The stored texts are the answers to the requests that the prompts would make now. If requests and
//! texts do not fit, nothing is guessed: the record must be judged by the models again.

use std::{collections::VecDeque, sync::Arc};

use super::{Judging, Member, Panel, pending::VotePlan};
use crate::{
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    item::Item,
    line::VoteLine,
    request::{Ability, Ask, Capabilities, Message, Request},
    verdict::{Call, Judgment, Outcome},
};

impl Panel {
    /// Judges an item from the texts of an earlier judgment, without a model.
    ///
    /// `mark` is the marker of the votes that have none of their own; `None` computes it from the item.
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
        judging.planned = self.planned(&item);
        for (vote, place) in votes.iter().zip(0..) {
            let n = self.member_of(vote)?;
            let member = &self.members[n];
            let item = self.seen_by(member, &item)?;
            let plan = self.stored(member, &item, vote, mark)?;
            let plan = VotePlan { place, ..plan };
            match &vote.error {
                Some(error) => judging.add_failed(n, plan, error.clone().into()),
                None => judging.add(n, plan, &item, able(vote)),
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
        // Calls that asked only for the verdict, or for its probabilities, may be unused: other rules may not need
        // them.
        let is_left = |call: &&Call| call.finish != Finish::Forced && call.announcement.is_none();
        if answers.iter().flatten().any(is_left) {
            return Err(unlike().hint("the prompt asks for fewer texts than the results hold"));
        }
        let judgment = judging.judgment()?;
        self.check_escalated(&judgment)?;
        Ok(judgment)
    }

    /// Refuses a judgment of a cascade whose judge would now pass the item on to one that was not asked.
    fn check_escalated(&self, judgment: &Judgment) -> Result<()> {
        let Some(member) = self.deciding(&judgment.votes).filter(|_| self.is_cascade()) else {
            return Ok(());
        };
        let [own, next] = [member, member + 1].map(|n| self.members.get(n).map(|one| one.name()));
        let (Some(own), Some(next)) = (own, next) else { return Ok(()) };
        let votes = judgment.votes.iter().filter(|vote| *vote.by == *own);
        if self.is_sure(member, &votes.collect::<Vec<_>>()) {
            return Ok(());
        }
        Err(unlike().hint(format!(
            "`{own}` is not sure enough by these rules, and the results hold no answer of `{next}`: judge the record again"
        )))
    }

    /// How many votes a judgment of an item would have if none were left out; `None` if none can be.
    fn planned(&self, item: &Item) -> Option<u32> {
        let of = |member: &Arc<Member>| {
            let item = self.seen_by(member, item);
            item.map_or(0, |item| member.questions(&item).len())
        };
        let all = self.members.iter().map(of).sum::<usize>();
        self.is_adaptive().then(|| u32::try_from(all).unwrap_or(u32::MAX))
    }

    /// The index of the member of a vote. If there is only one member, every vote is its own.
    fn member_of(&self, vote: &VoteLine) -> Result<usize> {
        if self.is_single() {
            return Ok(0);
        }
        self.members.iter().position(|member| *member.name == *vote.by).ok_or_else(|| {
            unlike().hint(format!(
                "a vote has the name `{}`, which is not the name of a member",
                vote.by
            ))
        })
    }

    /// The plan of a stored vote.
    fn stored(
        &self,
        member: &Arc<Member>,
        item: &Item,
        vote: &VoteLine,
        mark: Option<&str>,
    ) -> Result<VotePlan> {
        let force = is_forced(vote);
        if force && member.prompt.front().each.is_some() {
            return Err(
                unlike().hint("the results do not show which verdicts were requested separately")
            );
        }
        let by = if vote.by.is_empty() { member.name.clone() } else { vote.by.as_str().into() };
        let own = vote.mark.as_deref().or(mark);
        let own = own.filter(|_| self.is_single() || member.prompt.marks());
        Ok(VotePlan {
            member: member.clone(),
            by,
            draw: vote.draw,
            place: 0,
            order: vote.order.places(item.candidates().len()),
            reask: vote.reask,
            reasks: 0,
            force,
            lengthen: false,
            mark: own.map(ToOwned::to_owned).or_else(|| member.mark(item)),
        })
    }
}

/// Whether the model was asked only for the verdict, after a text without one.
fn is_forced(vote: &VoteLine) -> bool {
    vote.calls.iter().any(|call| call.finish == Finish::Forced)
}

/// The capabilities that the model must have had to give the texts of this vote.
fn able(vote: &VoteLine) -> Capabilities {
    let score_verdict = vote.calls.iter().any(|call| call.announcement.is_some());
    // Every stored call holds one label.
    let alone = Capabilities { choose_at: Ability::No, ..Capabilities::ALL };
    alone.score_verdict(score_verdict)
}

/// The next stored answer of a vote; `None` if this request was not sent at the time.
fn next_answer(calls: &mut VecDeque<&Call>, request: &Request) -> Option<Completion> {
    if let Ask::RewardAt { places } = &request.ask {
        return next_rewards(calls, places.len());
    }
    let chooses = matches!(request.ask, Ask::Choose { .. });
    // Probabilities of values after another announcement are skipped.
    while calls.front().is_some_and(|call| call.announcement.is_some() && !scores(call, request)) {
        calls.pop_front();
    }
    // A choice is answered only by a stored choice: what was not scored then is not scored now.
    calls.front().filter(|call| call.chosen || !chooses)?;
    calls.pop_front().map(completion)
}

/// The stored answer to a request for the rewards of this many steps: each step is a call of its own.
fn next_rewards(calls: &mut VecDeque<&Call>, steps: usize) -> Option<Completion> {
    let is_reward = |call: &&Call| call.chosen && call.announcement.is_none();
    if calls.len() < steps || !calls.iter().take(steps).all(is_reward) {
        return None;
    }
    let calls: Vec<&Call> = calls.drain(..steps).collect();
    let distributions = calls.iter().map(|call| call.distribution.clone().unwrap_or_default());
    // What the request cost is noted at its first step.
    Some(Completion { distributions: distributions.collect(), ..completion(calls.first()?) })
}

/// Whether a stored call answers a request for the probabilities of a verdict: equal values after an
/// equal announcement.
fn scores(call: &Call, request: &Request) -> bool {
    let (Ask::Choose { labels }, Some(announcement)) = (&request.ask, &call.announcement) else {
        return false;
    };
    let text = request.messages.last().map(Message::text).unwrap_or_default();
    let seen = call.distribution.iter().flat_map(|seen| &seen.labels);
    text.ends_with(announcement.as_str()) && seen.map(|(label, _)| label).eq(labels)
}

/// A stored call as an answer, which costs nothing now.
fn completion(call: &Call) -> Completion {
    Completion {
        text: call.text.clone(),
        thinking: call.thinking.clone(),
        finish: call.finish.clone(),
        usage: call.usage,
        distribution: call.distribution.clone(),
        sums: call.sums.clone(),
        in_process: call.in_process,
        max_tokens: call.max_tokens,
        cut: call.cut.clone(),
        cached: true,
        ..Completion::default()
    }
}

/// The error of texts that do not fit the prompt.
fn unlike() -> Error {
    Error::new(ErrorKind::NotRecorded, "the stored texts are not those that this prompt asks for")
}
