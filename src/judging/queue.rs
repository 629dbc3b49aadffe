//! The votes of one member that are not asked yet: whether, and which of them, depends on the answers before.

use std::collections::VecDeque;

use super::{AskId, Member, Panel, pending::VotePlan, waves::next_wave};
use crate::{item::Item, request::Capabilities, verdict::Vote};

/// The votes of one member that are not asked yet.
#[derive(Debug)]
pub(super) struct Queue {
    /// The index of the member.
    pub(super) member: usize,
    /// The item as the member sees it.
    pub(super) item: Item,
    /// The capabilities of the member's model.
    pub(super) capabilities: Capabilities,
    /// The draws that are not asked yet, each with the plans of its orders.
    draws: VecDeque<Vec<VotePlan>>,
    /// The other orders of draws whose first order is asked.
    orders: Vec<VotePlan>,
}

impl Queue {
    /// All votes of a member, none of them asked yet. The plans are in the order of draws and orders.
    pub(super) fn new(
        member: usize,
        item: Item,
        capabilities: Capabilities,
        plans: Vec<VotePlan>,
    ) -> Self {
        let mut draws: VecDeque<Vec<VotePlan>> = VecDeque::new();
        for plan in plans {
            match draws.back_mut().filter(|draw| draw.iter().all(|one| one.draw == plan.draw)) {
                Some(draw) => draw.push(plan),
                None => draws.push_back(vec![plan]),
            }
        }
        Self { member, item, capabilities, draws, orders: Vec::new() }
    }

    /// Whether all votes are asked, or will not be.
    pub(super) fn is_empty(&self) -> bool {
        self.draws.is_empty() && self.orders.is_empty()
    }

    /// The votes to ask next, once all votes that were asked are complete; none if the member's votes are complete.
    pub(super) fn next(
        &mut self,
        panel: &Panel,
        member: &Member,
        votes: &[&Vote],
    ) -> Vec<VotePlan> {
        let orders = std::mem::take(&mut self.orders);
        let orders: Vec<VotePlan> =
            orders.into_iter().filter(|plan| needs_other_order(member, plan, votes)).collect();
        if !orders.is_empty() {
            return orders;
        }
        let left = u32::try_from(self.draws.len()).unwrap_or(u32::MAX);
        let wave = next_wave(panel, member, Some(&self.item), votes, left);
        if wave == 0 {
            self.draws.clear();
        }
        let mut plans = Vec::new();
        for draw in self.draws.drain(..(wave as usize).min(self.draws.len())) {
            let mut of_draw = draw.into_iter();
            if member.asks_if_close() {
                plans.extend(of_draw.next());
                self.orders.extend(of_draw);
            } else {
                plans.extend(of_draw);
            }
        }
        plans
    }
}

/// Whether a draw is asked in another order: if one of its votes so far is close.
fn needs_other_order(member: &Member, plan: &VotePlan, votes: &[&Vote]) -> bool {
    let mut own = votes.iter().filter(|vote| vote.draw == plan.draw);
    own.any(|vote| member.spending.close.is_met(vote))
}

impl Panel {
    /// Whether a vote is asked whatever the other votes are: one of the first wave of draws, in its first order, of
    /// the first judge of a cascade.
    pub(crate) fn is_certain(&self, id: &AskId) -> bool {
        let Some(place) = self.members.iter().position(|member| member.name == id.member) else {
            return false;
        };
        let member = &self.members[place];
        let wave = next_wave(self, member, None, &[], member.draws);
        let is_first = id.draw < member.first_draw.saturating_add(wave);
        is_first && (id.order == 0 || !member.asks_if_close()) && (place == 0 || !self.is_cascade())
    }
}
