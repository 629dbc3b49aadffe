//! Cascades: judges that are asked one after another, until one is sure enough.
//!
//! After Jung et al. 2024, "Trust or Escalate: LLM Judges with Provable Guarantees for Human Agreement".

use super::{Panel, decide::of_votes};
use crate::{
    aggregate::Decision,
    verdict::{Judgment, Reason, Stage, Unreadable, Vote},
};

impl Panel {
    /// Whether its members are asked one after another.
    pub(crate) fn is_cascade(&self) -> bool {
        self.thresholds.is_some()
    }

    /// Whether the votes of several members are combined into one verdict.
    pub(super) fn votes_together(&self) -> bool {
        !self.is_single() && !self.is_cascade()
    }

    /// Whether the member with this index of a cascade has a verdict, and is sure enough of it to decide.
    pub(super) fn is_sure(&self, member: usize, votes: &[&Vote]) -> bool {
        let Some(thresholds) = &self.thresholds else { return true };
        let least = thresholds.of(member);
        let judgment = self.judgment_of(member, votes);
        judgment.verdict.is_ok()
            && (least <= 0.0 || judgment.certainty().is_some_and(|own| own >= least))
    }

    /// The judgment of one member from its own votes.
    fn judgment_of(&self, member: usize, votes: &[&Vote]) -> Judgment {
        let votes: Vec<Vote> = votes.iter().map(|vote| (*vote).clone()).collect();
        self.judgment(of_votes(&self.members[member], &votes), votes)
    }

    /// The index of the member whose verdict is that of the cascade: the first that is sure enough, otherwise the last
    /// that was asked. `None` if no vote is of a member.
    pub(super) fn deciding(&self, votes: &[Vote]) -> Option<usize> {
        let of = |member: usize| {
            let name = &self.members[member].name;
            votes.iter().filter(|vote| vote.by == *name).collect::<Vec<&Vote>>()
        };
        let mut asked = (0..self.members.len()).filter(|member| !of(*member).is_empty());
        let last = asked.clone().next_back();
        asked.find(|member| self.is_sure(*member, &of(*member))).or(last)
    }

    /// The decision of a cascade, and the member that gave it. A last member that is not sure enough abstains.
    pub(super) fn escalated(&self, votes: &[Vote]) -> (Decision, Option<Stage>) {
        let Some(member) = self.deciding(votes) else {
            return (of_votes(self.first(), votes), None);
        };
        let by = &self.members[member];
        let own: Vec<Vote> = votes.iter().filter(|vote| vote.by == by.name).cloned().collect();
        let mut decision = of_votes(by, &own);
        let certainty = self.judgment(decision.clone(), own.clone()).certainty();
        if decision.verdict.is_ok() && !self.is_sure(member, &own.iter().collect::<Vec<_>>()) {
            let least = self.thresholds.as_ref().map_or(0.0, |thresholds| thresholds.of(member));
            decision.verdict = Err(unsure(by.name(), certainty, least));
        }
        (decision, Some(Stage { judge: by.name().to_owned(), certainty }))
    }
}

/// Why the last member of a cascade abstains.
fn unsure(name: &str, certainty: Option<f64>, least: f64) -> Unreadable {
    let own = certainty.map_or_else(|| "not known".to_owned(), |own| format!("{own:.3}"));
    let why = if least.is_finite() {
        format!("the certainty of `{name}` is {own}, and {least:.3} is needed")
    } else {
        format!("`{name}` may not decide, and no other judge is left")
    };
    Unreadable::new(Reason::Unsure, why)
}
