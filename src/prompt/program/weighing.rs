//! Labels that are weighed at places of the author's text: `probe(…)`, for judges whose verdict on each step is the
//! probability of a sign after it (Wang et al. 2024, Math-Shepherd; Dong et al. 2024, RLHFlow). Rewards of a head at the
//! ends of steps are asked for in the same way (`rewarding`).
//!
//! The text goes on after such a place whatever the result is. So all places of a conversation are weighed by one
//! request; a model that cannot do that is asked for each place alone.

use super::{PendingReply, Program, ReplyKind, turns::Turns};
use crate::{
    completion::{Completion, Distribution, Usage},
    error::Result,
    parse::{Chosen, Reply, Slot},
    prompt::{
        rendering::{Probe, Probed},
        state::AskedAt,
        taint,
    },
    request::{Ask, Chat, Request, Sampling},
};

/// A place where the model is still to be asked.
pub(super) struct Open {
    pub(super) probe: Probe,
    /// The text up to it, as turns.
    pub(super) turns: Turns,
    /// The length of the marked text up to it, in bytes.
    pub(super) end: usize,
}

impl Program {
    /// The request for the next places where labels are to be weighed; `None` if all are.
    ///
    /// # Errors
    /// A place stands in no assistant turn, is not printed where it is called, or the model cannot weigh there.
    pub(super) fn weigh(&mut self, marked: &str, probes: Vec<Probe>) -> Result<Option<Request>> {
        let ends = taint::probes(marked);
        if ends.len() != probes.len() {
            return Err(self
                .prompt
                .error("a `probe` is not printed where it is called".to_owned())
                .hint("write {{ probe(…) }} in the body itself, once for each place"));
        }
        let is_open = |probe: &Probe| !self.state.results.iter().any(|r| r.slot == probe.slot);
        // Those of one name come together, so that each kind is weighed by one request.
        let names: Vec<String> = probes.iter().map(|probe| probe.slot.name.clone()).collect();
        let first = |probe: &Probe| names.iter().position(|name| *name == probe.slot.name);
        let mut open: Vec<_> = probes.into_iter().zip(ends).filter(|(p, _)| is_open(p)).collect();
        open.sort_by_key(|(probe, _)| first(probe));
        if let Some((twice, _)) = open.iter().enumerate().find_map(|(n, one)| {
            open[..n].iter().any(|(other, _)| other.slot == one.0.slot).then_some(one)
        }) {
            let message = format!("probe(\"{}\") is called twice", twice.slot.name);
            return Err(self.prompt.error(message).hint("in a loop number them: at=loop.index0"));
        }
        let mut group: Vec<Open> = Vec::new();
        for (probe, end) in open {
            let turns = self.turns(&marked[..end], &probe.slot)?;
            let next = Open { probe, turns, end };
            if group.last().is_some_and(|last| !self.goes_with(last, &next)) {
                break;
            }
            group.push(next);
        }
        let Some(last) = group.pop() else { return Ok(None) };
        let labels = match &last.probe.what {
            Probed::Labels(labels) => labels.clone(),
            Probed::Reward => return self.ask_rewards(marked, group, last).map(Some),
        };
        marked[..last.end].clone_into(&mut self.sent);
        let at = AskedAt { turn: last.turns.place(), shown: last.end };
        if group.is_empty() {
            self.state.places.push(at);
            return self.weigh_one(last, labels);
        }
        let all = || group.iter().chain([&last]).map(|open| &open.turns);
        let places = all().map(Turns::length).collect();
        let turns: Vec<usize> = all().map(Turns::place).collect();
        let in_last = |turn: &usize| last.turns.open && *turn + 1 == last.turns.messages.len();
        let turns = if turns.iter().all(in_last) { Vec::new() } else { turns };
        let slots: Vec<Slot> =
            group.iter().chain([&last]).map(|open| open.probe.slot.clone()).collect();
        self.state.places.extend(slots.iter().map(|_| at));
        self.asked = Some(PendingReply {
            slot: last.probe.slot,
            how: ReplyKind::Labels(slots),
            may_be_cut: true,
        });
        let ask = Ask::ChooseAt { labels, places, turns };
        Ok(Some(self.request(last.turns, ask, Sampling::default(), None)))
    }

    /// Whether two places can be weighed by one request: with the same labels, in texts of which the second one continues
    /// the first. A model that thinks first cannot be asked at the start of a turn.
    fn goes_with(&self, one: &Open, next: &Open) -> bool {
        let thinks = self.context.capabilities.opens_thinking.is_yes();
        let can_be_asked = |open: &Open| open.turns.open || !thinks;
        one.probe.what == next.probe.what
            && match one.probe.what {
                Probed::Reward => one.probe.slot.name == next.probe.slot.name,
                Probed::Labels(_) => {
                    self.context.capabilities.choose_at.is_yes()
                        && can_be_asked(one)
                        && can_be_asked(next)
                        && next.turns.continue_from(&one.turns)
                }
            }
    }

    /// The request for one place.
    fn weigh_one(&mut self, open: Open, labels: Vec<String>) -> Result<Option<Request>> {
        let Open { probe: Probe { slot, .. }, turns, .. } = open;
        let can_continue = self.context.capabilities.prefill.is_yes();
        if turns.open && self.chat() == Chat::Model && !can_continue {
            return Err(self.cannot_continue(&slot));
        }
        self.ask_label(turns, slot, labels)
    }
}

/// The replies to the places of one request: the likeliest label of each, with the probabilities. What the request
/// cost is noted once.
pub(super) fn replies(slots: Vec<Slot>, mut answer: Completion) -> Vec<Reply> {
    let mut distributions = std::mem::take(&mut answer.distributions).into_iter();
    let free = Completion { usage: Usage::new(0, 0), cost: None, attempts: 0, ..answer.clone() };
    let mut completions = std::iter::once(answer).chain(std::iter::repeat(free));
    let reply = |slot: Slot| {
        let distribution = distributions.next();
        let text = distribution.as_ref().and_then(Distribution::likeliest).unwrap_or_default();
        let completion = completions.next().unwrap_or_default();
        let completion = Completion { text: text.to_owned(), distribution, ..completion };
        Reply { slot, chosen: Some(Chosen::Asked), may_be_cut: true, completion }
    };
    slots.into_iter().map(reply).collect()
}
