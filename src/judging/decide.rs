//! What all votes come to.

use super::{Member, Panel};
use crate::{
    aggregate::{self, Decision, Rules},
    verdict::{Outcome, Vote},
};

/// The decision of a panel: orders first, then the draws of each member in its own way, then the members.
pub(super) fn decide(panel: &Panel, votes: &[Vote]) -> Decision {
    if let [only] = panel.members() {
        return of_votes(only, votes);
    }
    let reading = panel.first().prompt.reading();
    let rules = Rules::new(panel.aggregate).quorum(Some(panel.quorum));
    let together = rules.menu(&reading.labels, reading.scale.as_ref());
    let whole = aggregate::decide(votes, &together);
    if panel.members().iter().all(|member| member.aggregate == panel.aggregate) {
        return whole;
    }
    let of = |member: &Member| {
        let own = votes.iter().filter(|vote| vote.by == member.name);
        let own: Vec<Vote> = own.cloned().collect();
        of_member(member, &own)
    };
    let members: Vec<Vote> = panel.members().iter().map(|member| of(member)).collect();
    let decision = aggregate::decide(&members, &together);
    let Decision { verdict, distribution, expected_score, .. } = decision;
    Decision { verdict, distribution, expected_score, ..whole }
}

/// What the votes of one member come to.
pub(super) fn of_votes(member: &Member, votes: &[Vote]) -> Decision {
    let reading = member.prompt.reading();
    let rules = Rules::new(member.aggregate).menu(&reading.labels, reading.scale.as_ref());
    aggregate::decide(votes, &rules)
}

/// What the draws of one member come to, as a vote of its own.
fn of_member(member: &Member, votes: &[Vote]) -> Vote {
    let decision = of_votes(member, votes);
    let failed = || votes.iter().find_map(|vote| vote.outcome.failed());
    let outcome = match (decision.verdict, failed()) {
        (Err(_), Some(error)) if decision.votes.unreadable == 0 => Outcome::Failed(error.clone()),
        (verdict, _) => verdict.into(),
    };
    let distribution = decision.distribution;
    Vote { by: member.name.clone(), distribution, ..Vote::new(outcome) }
}
