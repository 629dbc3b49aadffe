//! The state machine of a judgment: which requests can be sent now, and the judgment from all answers.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{
    AskId, Facts, Panel,
    decide::decide,
    pending::{Asking, Asks, PendingVote, VotePlan},
    queue::Queue,
    usage::MemberUsage,
};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    item::Item,
    request::{Ask, Capabilities, Request},
    units::counted,
    verdict::{Judgment, Outcome, Vote},
};

/// A judgment in progress: draws × orders × elements × members × retries as one state machine.
///
/// It is pure and owns its data. The caller sends the requests, in any way and with any parallelism.
///
/// [`start`](Self::start) returns the first requests, and every [`answer`](Self::answer) returns those
/// that it made possible. Answers may arrive in any order: the judgment is the same. Requests have
/// [names](AskId) that are the same in every process, so that answers can come from a file.
///
/// If the prompt sets `until`, the elements of one draw are requested one after another; other draws and
/// orders continue in parallel.
///
/// ```
/// use std::sync::Arc;
/// use tribunal::{Completion, Item, judging::{Facts, Member, Panel}, prompt, request::Capabilities};
///
/// let prompt = prompt::named("score")?;
/// let panel = Arc::new(Panel::single(Member::new("me", prompt.unwrap())?));
/// let item = Item::new().question("2 + 2?").answer("4");
/// let mut judging = panel.judging(&item, &Facts::all(Capabilities::TEXT))?;
/// let mut asks = judging.start();
/// while let Some((id, _request)) = asks.pop() {
///     asks.extend(judging.answer(&id, Ok(Completion::text("Right.\nScore: 9"))));
/// }
/// assert_eq!(judging.judgment()?.score(), Some(9.0));
/// # Ok::<(), tribunal::Error>(())
/// ```
///
/// # Limits of tokens
/// A text that its limit of tokens cut off, so that it has no verdict, is asked for once more with twice the tokens, or
/// with as many as the context has room for. If these are too few as well, or cannot be had, the vote is unreadable
/// ([`Truncated`](crate::verdict::Reason::Truncated)), and is not repeated.
///
/// # Replacements
/// If a member has no verdict, because it failed or could not be read, the first replacement that has not been asked yet
/// is asked in its place ([`Panel::with_replacements`]). Which replacements are asked depends on how many members
/// have no verdict, not on the order of the answers. A member that abstained has answered, and is not replaced.
///
/// # Failures
/// A failed request costs its own vote ([`Outcome::Failed`]) and no other: the judgment is valid as long
/// as one vote has an answer. A failed request for the probabilities of a verdict costs only these. Two
/// kinds of errors end the whole judgment, because it should be repeated later: an error that every later
/// request would meet ([`Error::is_fatal`]: a rejected key, an empty account), and an error of a request
/// that was cancelled because the run stops ([`Error::is_interrupted`]).
///
/// # Cancellation
/// Dropping it loses only the answers that it holds. Nothing runs in the background.
#[derive(Debug)]
pub struct Judging {
    panel: Arc<Panel>,
    /// The votes, complete or not, in the order of members, draws and orders.
    votes: Vec<PendingVote>,
    /// The index of the member of each vote.
    members: Vec<usize>,
    /// The requests that wait for an answer, each with the index of its vote and of its conversation.
    open: HashMap<AskId, (usize, usize)>,
    /// The votes that are not asked yet, by member; of a cascade, those of the judges after the present one too.
    queues: VecDeque<Waiting>,
    /// The number of votes if none were left out; `None` if none can be.
    pub(super) planned: Option<u32>,
    /// The first requests, until [`start`](Self::start) returns them.
    first: Asks,
    /// The tokens and requests of each member.
    usages: Vec<MemberUsage>,
    /// What is needed to ask a replacement; `None` if none is left to ask.
    pub(super) replacements: Option<Replacements>,
    /// The error that ended the whole judgment.
    over: Option<Error>,
}

/// What is needed to ask a replacement.
#[derive(Debug)]
pub(super) struct Replacements {
    pub(super) item: Item,
    pub(super) facts: Facts,
    pub(super) asking: Asking,
    /// The index of the next replacement among the members.
    pub(super) next: usize,
}

/// A member whose votes are not complete.
#[derive(Debug)]
enum Waiting {
    /// Votes that are not asked yet.
    Votes(Queue),
    /// A member that cannot judge the item; its vote has failed once it is its turn.
    Failed { member: usize, plan: Box<VotePlan>, error: Error },
}

impl Waiting {
    fn member(&self) -> usize {
        match self {
            Self::Votes(queue) => queue.member,
            Self::Failed { member, .. } => *member,
        }
    }
}

impl Judging {
    /// A judgment without votes.
    pub(super) fn new(panel: Arc<Panel>) -> Self {
        let usages = vec![MemberUsage::default(); panel.members.len()];
        Self {
            panel,
            votes: Vec::new(),
            members: Vec::new(),
            open: HashMap::new(),
            queues: VecDeque::new(),
            planned: None,
            first: Vec::new(),
            usages,
            replacements: None,
            over: None,
        }
    }

    /// Adds a vote of the member with this index.
    pub(super) fn add(
        &mut self,
        member: usize,
        plan: VotePlan,
        item: &Item,
        capabilities: Capabilities,
    ) {
        let asks = self.begin_vote(member, plan, item, capabilities);
        self.first.extend(asks);
    }

    /// Begins a vote, and returns its first requests.
    fn begin_vote(
        &mut self,
        member: usize,
        plan: VotePlan,
        item: &Item,
        capabilities: Capabilities,
    ) -> Asks {
        let (pending, asks) = PendingVote::begin(plan, item, capabilities);
        self.votes.push(pending);
        self.members.push(member);
        self.opened(self.votes.len() - 1, asks)
    }

    /// Adds the votes of a member, to be asked when it is their turn.
    pub(super) fn enqueue(
        &mut self,
        member: usize,
        item: Item,
        capabilities: Capabilities,
        plans: Vec<VotePlan>,
    ) {
        let count = u32::try_from(plans.len()).unwrap_or(u32::MAX);
        self.planned = self.planned.map(|planned| planned.saturating_add(count));
        self.queues.push_back(Waiting::Votes(Queue::new(member, item, capabilities, plans)));
    }

    /// Adds a member that cannot judge the item.
    pub(super) fn enqueue_failed(&mut self, member: usize, plan: VotePlan, error: Error) {
        self.queues.push_back(Waiting::Failed { member, plan: Box::new(plan), error });
    }

    /// Asks the first votes of a member.
    pub(super) fn begin_queue(&mut self, member: usize) {
        let asks = self.go_on(member);
        self.first.extend(asks);
    }

    /// Whether some votes of a member may still be asked.
    pub(super) fn is_waiting(&self, member: usize) -> bool {
        self.queues.iter().any(|waiting| waiting.member() == member)
    }

    /// Continues with a member whose votes so far may be complete: with more of its votes, or with the next judge of
    /// a cascade. Returns the requests that can be sent now.
    fn go_on(&mut self, member: usize) -> Asks {
        let panel = self.panel.clone();
        let mut member = member;
        // Votes may be complete without a request, so that those after them follow at once.
        loop {
            let place = self.queues.iter().position(|waiting| waiting.member() == member);
            let mut waiting = place.and_then(|place| self.queues.remove(place));
            let Some(votes) = self.complete(member) else {
                self.queues.extend(waiting);
                return Vec::new();
            };
            let plans = match &mut waiting {
                Some(Waiting::Votes(queue)) => queue.next(&panel, &panel.members[member], &votes),
                _ => Vec::new(),
            };
            let asks = match waiting {
                Some(Waiting::Failed { member, plan, error }) => {
                    self.add_failed(member, *plan, error);
                    Vec::new()
                }
                Some(Waiting::Votes(queue)) => self.begin_votes(queue, plans),
                None if self.escalates(member, &votes) => {
                    member += 1;
                    continue;
                }
                None => return Vec::new(),
            };
            if !asks.is_empty() {
                return asks;
            }
        }
    }

    /// The votes of a member; `None` while one of them waits for an answer.
    fn complete(&self, member: usize) -> Option<Vec<&Vote>> {
        let votes = self.votes.iter().zip(&self.members).filter(|(_, of)| **of == member);
        votes.map(|(vote, _)| vote.vote()).collect()
    }

    /// Begins these votes of a queue, and keeps the others for later.
    fn begin_votes(&mut self, queue: Queue, plans: Vec<VotePlan>) -> Asks {
        let mut asks = Vec::new();
        for plan in plans {
            asks.extend(self.begin_vote(queue.member, plan, &queue.item, queue.capabilities));
        }
        if !queue.is_empty() {
            self.queues.push_back(Waiting::Votes(queue));
        }
        asks
    }

    /// Whether the next judge of a cascade is asked, after this one is complete.
    fn escalates(&self, member: usize, votes: &[&Vote]) -> bool {
        self.is_waiting(member + 1) && !self.panel.is_sure(member, votes)
    }

    /// Adds a vote that failed before its first request.
    pub(super) fn add_failed(&mut self, member: usize, plan: VotePlan, error: Error) {
        self.votes.push(PendingVote::failed(plan, error));
        self.members.push(member);
    }

    /// The judgment with its first requests.
    ///
    /// # Errors
    /// No vote could begin; the error is that of the first one.
    pub(super) fn begun(self) -> Result<Self> {
        match self.failure() {
            Some(error) => Err(error.clone()),
            None => Ok(self),
        }
    }

    /// The first requests, in the order of their votes. They are returned once; a second call returns none.
    pub fn start(&mut self) -> Vec<(AskId, Request)> {
        std::mem::take(&mut self.first)
    }

    /// Accepts the answer to a request, or the error in its place, and returns the requests that it made
    /// possible.
    ///
    /// An answer to a request that does not wait for one is ignored.
    pub fn answer(&mut self, id: &AskId, answer: Result<Completion>) -> Vec<(AskId, Request)> {
        let Some((vote, conversation)) = self.open.remove(id) else { return Vec::new() };
        let member = self.members[vote];
        let answer = answer.map(|answer| self.panel.members[member].settled(answer));
        self.usages[member].add(answer.as_ref(), self.panel.members[member].price);
        let is_optional = self.votes[vote].is_optional(conversation);
        if let Err(error) = &answer
            && (error.is_interrupted() || error.is_fatal() && !is_optional)
        {
            self.over.get_or_insert_with(|| error.clone());
        }
        if self.over.is_some() {
            return Vec::new();
        }
        let asks = self.votes[vote].answer(conversation, answer);
        let mut asks = self.opened(vote, asks);
        if self.votes[vote].vote().is_some() && !self.queues.is_empty() {
            asks.extend(self.go_on(member));
        }
        self.replace();
        asks.append(&mut self.first);
        asks
    }

    /// Drives the judgment with a function that answers at once.
    ///
    /// Requests are sent one after another, and each conversation ends before the next one begins.
    pub fn answer_all(&mut self, mut answer: impl FnMut(&AskId, &Request) -> Result<Completion>) {
        let mut asks: VecDeque<(AskId, Request)> = self.start().into();
        while let Some((id, request)) = asks.pop_front() {
            let more = self.answer(&id, answer(&id, &request));
            more.into_iter().rev().for_each(|ask| asks.push_front(ask));
        }
    }

    /// The requests of this judgment with made-up answers: the first label of a choice, and a text
    /// without a verdict otherwise.
    ///
    /// # Errors
    /// No vote can be completed.
    pub(crate) fn rehearsed(mut self) -> Result<Vec<(AskId, Request)>> {
        let mut asked = Vec::new();
        self.answer_all(|id, request| {
            asked.push((id.clone(), request.clone()));
            Ok(Completion::text(match &request.ask {
                Ask::Choose { labels } => labels.first().cloned().unwrap_or_default(),
                _ => format!("(answer {})", id.step + 1),
            }))
        });
        self.begun().map(|_| asked)
    }

    /// The outcomes of the member with this index; `None` for votes that still wait for answers.
    pub(super) fn outcomes_of(&self, member: usize) -> impl Iterator<Item = Option<&Outcome>> {
        let outcomes = self.outcomes().zip(&self.members);
        outcomes.filter(move |(_, by)| **by == member).map(|(outcome, _)| outcome)
    }

    /// The judge.
    pub(super) fn panel(&self) -> &Arc<Panel> {
        &self.panel
    }

    /// The outcome of each vote; `None` for those that still wait for answers.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = Option<&Outcome>> {
        self.votes.iter().map(|vote| vote.vote().map(|vote| &vote.outcome))
    }

    /// The names of the requests that wait for their answers, in order.
    pub fn waiting(&self) -> Vec<AskId> {
        let mut waiting: Vec<AskId> = self.open.keys().cloned().collect();
        waiting.sort();
        waiting
    }

    /// Whether the judgment is complete, so that no further answer changes it.
    pub fn is_over(&self) -> bool {
        self.over.is_some() || self.open.is_empty()
    }

    /// The judgment from all votes.
    ///
    /// # Errors
    /// No vote has an answer: the error is the first one, with the number of all requests. The judgment
    /// must be repeated later (see [Failures](Self#failures)). Answers are still missing.
    pub fn judgment(self) -> Result<Judgment> {
        let attempts = self.usages.iter().map(|usage| usage.attempts).sum::<u32>();
        if let Some(error) = self.over.as_ref().or(self.failure()) {
            return Err(error.clone().after_attempts(attempts.saturating_sub(error.attempts())));
        }
        if !self.open.is_empty() {
            let message = format!("still missing: {}", counted(self.open.len(), "answer"));
            return Err(Error::new(ErrorKind::NotRecorded, message)
                .hint("answer every open request, or report an error for it"));
        }
        let Self { panel, votes, members, usages, planned, .. } = self;
        let mut votes: Vec<(usize, PendingVote)> = members.iter().copied().zip(votes).collect();
        if planned.is_some() {
            // Votes that depend on others were begun after them.
            votes.sort_by_key(|(member, vote)| (*member, vote.plan.draw, vote.plan.place));
        }
        let votes: Vec<Vote> = votes.into_iter().filter_map(|(_, vote)| vote.into_vote()).collect();
        let (decision, stage) = decide(&panel, &votes);
        let mut judgment = panel.judgment(decision, votes).of_stage(stage);
        judgment.planned_votes = planned;
        let prices = panel.members.iter().map(|member| member.price);
        // A replacement that was not asked costs nothing, whatever its price.
        let was_asked = |n: usize| n < panel.seats || members.contains(&n);
        let usages = usages.into_iter().zip(prices).enumerate();
        let usages: Vec<_> =
            usages.filter(|(n, _)| was_asked(*n)).map(|(_, usage)| usage).collect();
        MemberUsage::report(&usages, &mut judgment);
        Ok(judgment)
    }

    /// The first error if all votes failed.
    fn failure(&self) -> Option<&Error> {
        let failed = |vote: &PendingVote| vote.vote().is_some_and(has_failed);
        let first = self.votes.first().filter(|_| self.votes.iter().all(failed))?;
        first.vote()?.outcome.failed()
    }

    /// Registers requests that now wait for their answers, and returns them.
    fn opened(&mut self, vote: usize, asks: Asks) -> Asks {
        for (id, _) in &asks {
            let conversation = PendingVote::conversation_of(id);
            self.open.insert(id.clone(), (vote, conversation));
        }
        asks
    }
}

/// Whether a vote has no answer at all, readable or not.
fn has_failed(vote: &Vote) -> bool {
    matches!(vote.outcome, Outcome::Failed(_))
}

#[cfg(all(test, feature = "openai"))]
mod tests {
    use super::*;
    use crate::{
        judging::{Facts, Member},
        prompt::Prompt,
    };

    #[test]
    fn a_request_that_a_stop_gave_up_leaves_the_record_to_the_next_run() {
        let source =
            "---\nkind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\n---\n{{ answer }}";
        let prompt = Prompt::parse("p", source).unwrap();
        let panel = Panel::single(Member::new("me", prompt).unwrap().drawing(3));
        let item = Item::new().answer("a");
        let able = Capabilities::ALL.deterministic(false);
        let mut judging = Arc::new(panel).judging(&item, &Facts::all(able)).unwrap();
        let asks = judging.start();
        judging.answer(&asks[0].0, Ok(Completion::text("Score: 3")));
        // This also holds after an earlier unreadable answer.
        let again = judging.answer(&asks[1].0, Ok(Completion::text("Hm.")));
        let stopped = Error::new(ErrorKind::TimedOut, "the run is to stop").interrupted();
        assert!(judging.answer(&again[0].0, Err(stopped)).is_empty());
        assert!(judging.is_over());
        let error = judging.judgment().unwrap_err();
        assert!(error.is_interrupted());
        assert_eq!(error.attempts(), 2);
    }
}
