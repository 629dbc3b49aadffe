//! Members that are asked in the place of others that have no verdict.
//!
//! Replacements are asked in their order, one for each member that failed or could not be read, and again one for each
//! replacement of which that is true. So those that are asked are always the first few of the list, in whatever order
//! answers arrive.

use super::{Facts, Judging, Panel, machine::Replacements, pending::Asking};
use crate::{
    item::Item,
    verdict::{Outcome, Vote},
};

impl Judging {
    /// Lets members without a verdict be replaced, and replaces those that failed before their first request.
    pub(super) fn replaces_with(&mut self, item: &Item, facts: &Facts, asking: Asking) {
        let (item, facts, next) = (item.clone(), facts.clone(), self.panel().seats);
        self.replacements = Some(Replacements { item, facts, asking, next });
        self.replace();
    }

    /// Asks a replacement for every member without a verdict that has none yet.
    pub(super) fn replace(&mut self) {
        while let Some(mut left) = self.replacements.take() {
            let panel = self.panel().clone();
            let lost = (0..left.next).filter(|n| self.has_lost(*n)).count();
            if lost <= left.next - panel.seats {
                self.replacements = Some(left);
                return;
            }
            panel.ask_member(self, left.next, &left.item, &left.facts, left.asking);
            left.next += 1;
            self.replacements = Some(left).filter(|left| left.next < panel.members.len());
        }
    }

    /// Whether all votes of a member are complete, and it has no verdict.
    fn has_lost(&self, member: usize) -> bool {
        let mut outcomes = self.outcomes_of(member);
        !self.is_waiting(member) && outcomes.all(|outcome| outcome.is_some_and(is_lost))
    }
}

impl Panel {
    /// How many replacements these votes need, and whether one of them was not asked.
    fn needed(&self, votes: &[Vote]) -> (usize, bool) {
        let of = |n: usize| votes.iter().filter(move |vote| *vote.by == *self.members[n].name);
        let has_lost = |n: usize| of(n).all(|vote| is_lost(&vote.outcome));
        let mut lost = (0..self.seats).filter(|n| has_lost(*n)).count();
        let mut needed = 0;
        while needed < lost.min(self.replacements().len()) {
            let n = self.seats + needed;
            if of(n).next().is_none() {
                return (needed, true);
            }
            lost += usize::from(has_lost(n));
            needed += 1;
        }
        (needed, false)
    }

    /// The votes that count: all but those of replacements that are not needed by the rules that hold now.
    pub(super) fn counted(&self, votes: &[Vote]) -> Option<Vec<Vote>> {
        let (needed, _) = self.needed(votes);
        let idle = &self.replacements()[needed.min(self.replacements().len())..];
        let is_idle = |vote: &Vote| idle.iter().any(|member| *member.name == *vote.by);
        let some = votes.iter().any(is_idle);
        some.then(|| votes.iter().filter(|vote| !is_idle(vote)).cloned().collect())
    }

    /// Whether a replacement is needed that has not been asked.
    pub(crate) fn lacks_replacement(&self, votes: &[Vote]) -> bool {
        !self.replacements().is_empty() && self.needed(votes).1
    }
}

/// Whether a vote has no verdict although its member did not abstain.
fn is_lost(outcome: &Outcome) -> bool {
    !outcome.is_verdict() && !outcome.is_abstention()
}
