//! What all votes come to.

use super::{Member, Panel};
use crate::{
    aggregate::{self, Decision, Rules},
    verdict::Vote,
};

/// The decision of a panel: orders first, then the draws of each member in its own way, then the members.
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

/// What the votes of one member come to.
pub(super) fn of_votes(member: &Member, votes: &[Vote]) -> Decision {
    let reading = member.reader().spec();
    let rules = Rules::new(member.aggregate).menu(&reading.labels, reading.scale.as_ref());
    aggregate::decide(votes, &rules)
}
