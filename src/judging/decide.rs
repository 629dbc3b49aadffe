//! The decision of a judge from all its votes.

use super::{Member, Panel};
use crate::{
    aggregate::{self, Decision, Rules},
    verdict::Vote,
};

/// The decision of a panel.
///
/// Votes are combined in three steps: the orders of a draw, then the draws of a member by the member's
/// own rule, then the members by the rule of the panel, if at least a quorum of them has a verdict.
pub(super) fn decide(panel: &Panel, votes: &[Vote]) -> Decision {
    if let [only] = panel.members() {
        return of_votes(only, votes);
    }
    let reading = panel.first().reader().spec();
    let own = |member: &Member| (member.name.clone(), member.aggregate);
    let own: Vec<_> = panel.members().iter().map(|member| own(member)).collect();
    let rules = Rules::new(panel.aggregate).members(&own).quorum(Some(panel.quorum));
    aggregate::decide(votes, &rules.menu(&reading.labels, reading.scale.as_ref()))
}

/// The decision from the votes of one member.
pub(super) fn of_votes(member: &Member, votes: &[Vote]) -> Decision {
    let reading = member.reader().spec();
    let rules = Rules::new(member.aggregate).menu(&reading.labels, reading.scale.as_ref());
    aggregate::decide(votes, &rules)
}
