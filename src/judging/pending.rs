//! One vote in progress: its conversations, which are repeated if they cannot be read.

use std::{mem, sync::Arc};

use super::{
    AskId, Member,
    conversation::{Conversation, NewConversation},
    order::{in_own_order, seen_in_own_order},
    vote::{VoteOf, vote},
};
use crate::{
    completion::{Completion, Finish},
    error::{Error, Result},
    item::Item,
    parse::{Parser, ReadVerdict},
    prompt::ProgramContext,
    request::{Capabilities, Request},
    verdict::{Outcome, Unreadable, Verdict, Vote},
};

/// The task of one vote: the member, the draw and the order.
#[derive(Clone, Debug)]
pub(super) struct VotePlan {
    pub(super) member: Arc<Member>,
    /// The name that identifies the vote.
    pub(super) by: Arc<str>,
    /// Index of the draw, from 0.
    pub(super) draw: u32,
    /// Index of the order among those of its draw.
    pub(super) place: u32,
    /// The indexes of the item's answers in the order in which they are shown.
    pub(super) order: Vec<usize>,
    /// How many times the vote was repeated so far.
    pub(super) reask: u32,
    /// How many more times it may be repeated.
    pub(super) reasks: u32,
    /// Whether the verdict alone may be requested if the text does not contain one.
    pub(super) force: bool,
    /// Whether an answer that its limit of tokens cut off is requested once more with a higher limit.
    pub(super) lengthen: bool,
    /// The marker around judged texts, if the prompt uses one.
    pub(super) mark: Option<String>,
}

/// What a judgment does if an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It repeats the request, as many times as its members allow; `reask` counts the attempts before.
    Again { reask: u32 },
    /// It does not repeat the request: for a plan of the requests.
    Once,
}

/// One vote in progress: a state machine to which [`Judging`](super::Judging) passes answers.
#[derive(Debug)]
pub(super) struct PendingVote {
    pub(super) plan: VotePlan,
    capabilities: Capabilities,
    /// The item with its answers in the order in which they are shown.
    shown: Item,
    /// The conversations of the current attempt, in the order of their elements.
    conversations: Vec<Conversation>,
    /// The unreadable vote of the previous attempt, if there was one. It is used if repeating fails.
    before: Option<Vote>,
    /// The vote, once it is complete.
    done: Option<Vote>,
}

/// Requests that can be sent now, each with its name.
pub(super) type Asks = Vec<(AskId, Request)>;

impl PendingVote {
    /// A vote about this item, with its first requests. If these cannot be made, the vote has failed.
    pub(super) fn begin(plan: VotePlan, item: &Item, capabilities: Capabilities) -> (Self, Asks) {
        let shown = item.permuted(&plan.order);
        let (conversations, before, done) = (Vec::new(), None, None);
        let mut pending = Self { plan, capabilities, shown, conversations, before, done };
        let asks = pending.open();
        (pending, asks)
    }

    /// A vote that failed before its first request.
    pub(super) fn failed(plan: VotePlan, error: Error) -> Self {
        let (conversations, before, done) = (Vec::new(), None, None);
        let (shown, capabilities) = (Item::new(), Capabilities::TEXT);
        let mut pending = Self { plan, capabilities, shown, conversations, before, done };
        pending.fail(error);
        pending
    }

    /// The vote, once it is complete.
    pub(super) fn vote(&self) -> Option<&Vote> {
        self.done.as_ref()
    }

    /// The complete vote; `None` if answers are missing.
    pub(super) fn into_vote(self) -> Option<Vote> {
        self.done
    }

    /// The index of the conversation that a request belongs to.
    pub(super) fn conversation_of(id: &AskId) -> usize {
        // Conversations begin in the order of their elements.
        id.element.map_or(0, |element| element as usize)
    }

    /// Whether the vote is valid without the answer that a conversation waits for.
    pub(super) fn is_optional(&self, conversation: usize) -> bool {
        self.conversations.get(conversation).is_some_and(Conversation::is_optional)
    }

    /// Accepts the answer of one conversation, and returns the requests that can be sent now.
    pub(super) fn answer(&mut self, conversation: usize, answer: Result<Completion>) -> Asks {
        let Some(asked) = self
            .conversations
            .get_mut(conversation)
            .filter(|conversation| conversation.ended.is_none())
        else {
            return Vec::new();
        };
        if let Some(request) = asked.go_on(answer) {
            return vec![(self.id(conversation), request)];
        }
        self.after_conversation()
    }

    /// Begins all conversations. Those of a prompt that asks nothing about this item end at once.
    fn open(&mut self) -> Asks {
        match self.begin_conversations() {
            Ok(asks) if asks.is_empty() => self.after_conversation(),
            Ok(asks) => asks,
            Err(error) => self.fail(error),
        }
    }

    /// Continues after the end of a conversation: with the next element, or by closing the vote.
    fn after_conversation(&mut self) -> Asks {
        match self.next_element() {
            Ok(Some(ask)) => vec![ask],
            Ok(None) => self.close(),
            Err(error) => self.fail(error),
        }
    }

    /// The inputs of a new conversation of this vote.
    fn opening(&self) -> NewConversation<'_> {
        let VotePlan { ref member, draw, reask, force, lengthen, ref mark, .. } = self.plan;
        let capabilities = self.capabilities;
        let context = ProgramContext { capabilities, draw, reask, force, lengthen };
        NewConversation { member, shown: &self.shown, context, mark: mark.clone() }
    }

    /// The name of the next request of a conversation.
    fn id(&self, conversation: usize) -> AskId {
        let VotePlan { member, draw, place, reask, .. } = &self.plan;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let conversation = self.conversations.get(conversation);
        AskId {
            member: member.name.clone(),
            draw: *draw,
            order: *place,
            reask: *reask,
            element: conversation.and_then(|conversation| conversation.element).map(number),
            step: conversation.map_or(0, |conversation| conversation.step),
        }
    }

    /// Begins all conversations that need not wait for another one.
    fn begin_conversations(&mut self) -> Result<Asks> {
        let prompt = self.plan.member.prompt.clone();
        let Some(each) = prompt.front().each else {
            return Ok(self.begin_conversation(None)?.into_iter().collect());
        };
        let count = prompt.elements(&self.shown);
        if count == 0 {
            return Err(self.shown.lacks(each.field()).within(prompt.name()));
        }
        let first = if prompt.front().until.is_some() { 1 } else { count };
        let mut asks = Vec::new();
        for element in 0..first {
            asks.extend(self.begin_conversation(Some(element))?);
        }
        Ok(asks)
    }

    /// Begins one conversation and returns its first request, if it has one.
    fn begin_conversation(&mut self, element: Option<usize>) -> Result<Option<(AskId, Request)>> {
        let (conversation, first) = Conversation::begin(&self.opening(), element)?;
        self.conversations.push(conversation);
        Ok(first.map(|request| (self.id(self.conversations.len() - 1), request)))
    }

    /// Begins the conversation about the next element, if elements are judged one after another.
    fn next_element(&mut self) -> Result<Option<(AskId, Request)>> {
        let prompt = self.plan.member.prompt.clone();
        if prompt.front().until.is_none() {
            return Ok(None);
        }
        let count = prompt.elements(&self.shown);
        while self.conversations.len() < count && self.goes_on() {
            if let Some(ask) = self.begin_conversation(Some(self.conversations.len()))? {
                return Ok(Some(ask));
            }
        }
        Ok(None)
    }

    /// Whether the last conversation is over and its verdict is not the one of `until`, which ends them
    /// all.
    fn goes_on(&self) -> bool {
        let member = &self.plan.member;
        let Some(Conversation { ended: Some(Ok(transcript)), element, .. }) =
            self.conversations.last()
        else {
            return false;
        };
        let until = member.prompt.front().until.as_ref();
        let read = member.reader_of(*element).parse(transcript);
        !matches!(&read.verdict, Ok(Verdict::Label(label)) if Some(&label.label) == until)
    }

    /// Reads the conversations once all of them are over, and repeats them if that may help.
    fn close(&mut self) -> Asks {
        if self.conversations.iter().any(|conversation| conversation.ended.is_none()) {
            return Vec::new();
        }
        let varies = self.conversations.iter().any(Conversation::varies);
        let vote = match self.read() {
            Ok(vote) => vote,
            Err(error) => return self.fail(error),
        };
        // More tokens were asked for, and did not help or could not be had.
        let is_too_long = vote.calls.iter().any(|call| {
            call.finish == Finish::Length && (call.max_tokens.is_some() || call.cut.is_some())
        });
        let is_answered = vote.outcome.is_verdict() || vote.outcome.is_abstention();
        let is_final = is_answered || vote.is_forced() || is_too_long || !varies;
        if is_final || self.plan.reasks == 0 {
            self.done = Some(vote);
            return Vec::new();
        }
        self.before = Some(vote);
        self.plan.reask += 1;
        self.plan.reasks -= 1;
        self.open()
    }

    /// The vote from all conversations.
    ///
    /// # Errors
    /// A conversation failed; the error is the first one.
    fn read(&mut self) -> Result<Vote> {
        let mut conversations = Vec::new();
        for Conversation { element, ended, .. } in mem::take(&mut self.conversations) {
            if let Some(ended) = ended {
                conversations.push((element, ended?));
            }
        }
        let VotePlan { member, by, draw, order, mark, reask, .. } = &self.plan;
        let read = member.read(&conversations, &self.shown);
        let verdict = read.verdict.map(|verdict| in_own_order(verdict, order));
        let distribution = read.distribution.map(|seen| seen_in_own_order(seen, order));
        let read = ReadVerdict { verdict, distribution, ..read };
        let of = VoteOf { by: by.clone(), draw: *draw, order: order.clone(), mark: mark.clone() };
        let mut vote = vote(of, conversations, read, member);
        vote.reask = (*reask).max(u32::from(vote.is_forced()));
        Ok(vote)
    }

    /// Ends the vote with an error. If an earlier attempt gave an unreadable answer, that answer is kept.
    fn fail(&mut self, error: Error) -> Asks {
        let VotePlan { by, draw, order, reask, mark, .. } = &self.plan;
        self.done = Some(match self.before.take() {
            Some(mut before) => {
                let more = format!("the re-ask failed: {error}");
                if let Outcome::Unreadable(why) = before.outcome {
                    before.outcome = Outcome::Unreadable(Unreadable::and(why, &more));
                }
                before
            }
            None => Vote {
                by: by.clone(),
                draw: *draw,
                order: order.clone(),
                reask: *reask,
                mark: mark.clone(),
                ..Vote::new(Outcome::Failed(error))
            },
        });
        Vec::new()
    }
}
