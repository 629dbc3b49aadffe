//! The beginning of a judgment: one plan for each member, draw and order.

use std::sync::Arc;

use super::{
    AskId, Facts, Judging, Member, Panel,
    conversation::{Conversation, NewConversation},
    pending::{Asking, VotePlan},
};
use crate::{
    error::Result,
    item::Item,
    prompt::ProgramContext,
    request::{Capabilities, Request},
};

impl Panel {
    /// Begins to judge an item; no request is sent yet. See [`Judging`].
    ///
    /// # Errors
    /// No member can judge the item, for example because the record lacks a field.
    pub fn judging(self: &Arc<Self>, item: &Item, facts: &Facts) -> Result<Judging> {
        self.begin(&self.seen(item)?, facts, Asking::Again { reask: 0 })
    }

    /// Every request that judging the item needs if nothing fails, over all members, draws and orders.
    ///
    /// A later request that contains an earlier answer contains a made-up one.
    ///
    /// # Errors
    /// No member can judge the item, for example because the record lacks a field.
    pub fn rehearse(self: &Arc<Self>, item: &Item, facts: &Facts) -> Result<Vec<(AskId, Request)>> {
        self.rehearse_seen(&self.seen(item)?, facts)
    }

    /// The requests for an item that [`seen`](Self::seen) returned.
    ///
    /// # Errors
    /// Those of [`rehearse`](Self::rehearse).
    pub(crate) fn rehearse_seen(
        self: &Arc<Self>,
        item: &Item,
        facts: &Facts,
    ) -> Result<Vec<(AskId, Request)>> {
        self.begin(item, facts, Asking::Once)?.rehearsed()
    }

    /// Begins to judge an item that [`seen`](Self::seen) returned, and adds the votes of every member.
    ///
    /// A member that cannot judge the item has a failed vote.
    pub(crate) fn begin(
        self: &Arc<Self>,
        item: &Item,
        facts: &Facts,
        asking: Asking,
    ) -> Result<Judging> {
        let mut judging = Judging::new(self.clone());
        judging.planned = self.is_adaptive().then_some(0);
        for n in 0..self.seats {
            self.ask_member(&mut judging, n, item, facts, asking);
        }
        if asking != Asking::Once && self.seats < self.members.len() {
            judging.replaces_with(item, facts, asking);
        }
        judging.begun()
    }

    /// Adds the votes of the member with this index to a judgment, and begins them if it is their turn.
    pub(super) fn ask_member(
        &self,
        judging: &mut Judging,
        n: usize,
        item: &Item,
        facts: &Facts,
        asking: Asking,
    ) {
        let member = &self.members[n];
        let capabilities = facts.of(&member.name);
        match self.plans(member, item, asking) {
            Ok((item, plans)) => judging.enqueue(n, item, capabilities, plans),
            Err(error) => judging.enqueue_failed(n, Self::plan(member, asking), error),
        }
        // The later judges of a cascade wait for those before them.
        if n == 0 || !self.is_cascade() {
            judging.begin_queue(n);
        }
    }

    /// The first request of a member about an item that [`seen`](Self::seen) returned, as a model with all capabilities
    /// is asked it; `None` if the prompt asks nothing.
    ///
    /// # Errors
    /// The member cannot judge the item.
    pub(crate) fn opening(&self, member: &Arc<Member>, item: &Item) -> Result<Option<Request>> {
        let (item, plans) = self.plans(member, item, Asking::Once)?;
        let Some(VotePlan { draw, order, mark, .. }) = plans.into_iter().next() else {
            return Ok(None);
        };
        let shown = item.permuted(&order);
        let capabilities = Capabilities::ALL;
        let context = ProgramContext { draw, ..ProgramContext::new(capabilities) };
        let element = member.prompt.front().each.map(|_| 0);
        let opening = NewConversation { member, shown: &shown, context, mark };
        Ok(Conversation::begin(&opening, element)?.1)
    }

    /// The plans of one member, one for each draw and order, and the item as this member sees it.
    fn plans(
        &self,
        member: &Arc<Member>,
        item: &Item,
        asking: Asking,
    ) -> Result<(Item, Vec<VotePlan>)> {
        let item = self.seen_by(member, item)?;
        member.check(&item, self.pass.as_ref())?;
        let mark = member.mark(&item);
        let plan = |(draw, place, order)| {
            let mark = mark.clone();
            VotePlan { draw, place, order, mark, ..Self::plan(member, asking) }
        };
        let plans = member.questions(&item).into_iter().map(plan).collect();
        Ok((item, plans))
    }

    /// A member's plan for its first draw, without an order.
    fn plan(member: &Arc<Member>, asking: Asking) -> VotePlan {
        let (reask, reasks, repeats) = match asking {
            Asking::Once => (0, 0, false),
            Asking::Again { reask } => (reask, member.reasks, reask > 0 || member.reasks > 0),
        };
        VotePlan {
            member: member.clone(),
            by: member.name.clone(),
            draw: member.first_draw,
            place: 0,
            order: Vec::new(),
            reask,
            reasks,
            force: repeats,
            lengthen: repeats,
            mark: None,
        }
    }
}
