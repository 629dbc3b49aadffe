//! The judgment of a panel from its votes.

use std::sync::Arc;

use super::{
    Member, Panel,
    vote::{VoteOf, chosen, vote},
};
use crate::{
    aggregate::{self, Aggregate, Decision, MemberVerdict, Rules},
    item::Item,
    parse::{Parser, ReadVerdict, Transcript},
    pass::Pass,
    verdict::{Judgment, Rubric, Stage, Verdict, Vote},
};

impl Panel {
    /// What the votes of each member come to, by the names of the members.
    pub(crate) fn member_verdicts(&self, votes: &[Vote]) -> Vec<MemberVerdict> {
        aggregate::of_members(votes, &rules_of(self, &own_rules(self)))
    }

    /// The judgment from a text that was written elsewhere, by the rules of the first member.
    ///
    /// The two answers of a pair are assumed to be shown in the item's own order. The item gives criteria their
    /// weights; without one they are those of the prompt.
    pub(crate) fn read_text(&self, text: &str, transcript: Transcript, item: &Item) -> Judgment {
        let member = self.first();
        let mark = transcript.mark.clone();
        let transcript = chosen(&member.prompt, text, transcript);
        let read = member.reader().parse(&transcript);
        let verdict = read.verdict.map(|verdict| member.with_weights(verdict, item));
        let read = ReadVerdict { verdict, ..read };
        let of = VoteOf { by: member.name.clone(), draw: 0, order: Vec::new(), mark: mark.clone() };
        let vote = vote(of, vec![(None, transcript)], read, member);
        let votes = vec![vote];
        self.judgment(of_votes(member, &votes), votes)
    }

    /// The judgment of these votes, with the pass rule applied to the decision.
    pub(super) fn judgment(&self, decision: Decision, votes: Vec<Vote>) -> Judgment {
        let Decision { verdict, consistent, distribution, expected_score, summed, .. } = decision;
        let verdict = match &self.calibration {
            Some(calibration) => verdict.map(|verdict| calibration.applied(verdict)),
            None => verdict,
        };
        let scale = self.first().prompt.front().scale.as_ref();
        let normalized = match &verdict {
            Ok(Verdict::Score(score)) => {
                scale.and_then(|scale| scale.normalized(*score / f64::from(summed)))
            }
            Ok(Verdict::Steps(steps)) => steps.score,
            _ => None,
        };
        let holds =
            |rule: &Pass| verdict.as_ref().is_ok_and(|verdict| rule.holds(verdict, normalized));
        let rule = self.pass.as_ref().map(holds);
        let required = verdict.as_ref().ok().and_then(Verdict::rubric);
        let pass = match (rule, required.and_then(Rubric::meets_required)) {
            (Some(holds), Some(meets)) => Some(holds && meets),
            (rule, required) => rule.or(required),
        };
        let judgment = Judgment {
            consistent,
            pass,
            normalized,
            distribution,
            expected_score,
            votes,
            ..Judgment::new(verdict)
        };
        let mark = judgment.speaker().and_then(|vote| vote.mark.clone());
        Judgment { mark, ..judgment }
    }
}

/// The decision of a panel; of a cascade, with the judge that gave it.
///
/// Votes are combined in three steps: the orders of a draw, then the draws of a member by the member's
/// own rule, then the members by the rule of the panel, if at least a quorum of them has a verdict.
pub(super) fn decide(panel: &Panel, votes: &[Vote]) -> (Decision, Option<Stage>) {
    if let [only] = panel.members() {
        return (of_votes(only, votes), None);
    }
    if panel.is_cascade() {
        return panel.escalated(votes);
    }
    let counted = panel.counted(votes);
    let rules = own_rules(panel);
    let rules = rules_of(panel, &rules);
    (aggregate::decide(counted.as_deref().unwrap_or(votes), &rules), None)
}

/// How each member combines its draws.
fn own_rules(panel: &Panel) -> Vec<(Arc<str>, Option<Aggregate>)> {
    panel.members().iter().map(|member| (member.name.clone(), member.aggregate)).collect()
}

/// The rules by which the votes of a panel are combined.
fn rules_of<'r>(panel: &'r Panel, own: &'r [(Arc<str>, Option<Aggregate>)]) -> Rules<'r> {
    let reading = panel.first().reader().spec();
    let rules = Rules::new(panel.aggregate).members(own).quorum(Some(panel.quorum));
    let rules = rules.seats(panel.seats).weights(&panel.weights);
    let rules = rules.reducing(panel.first().prompt.front().reduce);
    rules.menu(&reading.labels, reading.scale.as_ref())
}

/// The decision from the votes of one member.
pub(super) fn of_votes(member: &Member, votes: &[Vote]) -> Decision {
    let reading = member.reader().spec();
    let rules = Rules::new(member.aggregate).menu(&reading.labels, reading.scale.as_ref());
    let rules = rules.reducing(member.prompt.front().reduce);
    aggregate::decide(votes, &rules)
}
