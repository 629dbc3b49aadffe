//! Combines votes into one verdict.
//!
//! First the orders in which a draw showed the answers are combined, then the draws of each member, then the
//! members. Votes that failed, could not be read or abstained are skipped and counted, each apart from the others and
//! from ties. The order in which votes are passed does not matter.
//!
//! Members may have weights. Whatever is counted or averaged over members is then counted or averaged by weight:
//! Σ w·x / Σ w for numbers, probabilities and places, the number with half of the weight on each side for `median`, and
//! the largest Σ w where votes are counted. The sums run over the members with a verdict. Only the ratios of weights
//! matter, and equal weights change nothing. `min`, `max` and `sum` know no weights.
//!
//! A `sum` would be lower by every vote that is skipped, and so would look like a worse answer. It is therefore
//! the mean of the readable draws times the number of all draws, which is the plain sum if all of them are
//! readable. Within a draw, the orders are averaged: a draw counts once however many orders it was shown in.
//!
//! | kind | by probability, if every vote has one | otherwise, and under `majority` |
//! |---|---|---|
//! | score | the mean of the numbers (or `median`, `min`, `max`, `majority`, `sum`) | the same |
//! | label | the most likely label of the mean distribution | the label with most votes |
//! | steps | each step by the mean probability of the votes that reached it; their one number is made of these means | the first error with most votes |
//! | preference | the side with more votes; equal numbers are a tie | the same |
//! | ranking | the mean place (Borda) | the ranking with most votes |
//! | scores, criteria | each number as a score | the same |
//! | rubric | each criterion: met or unmet by the majority of the votes that assessed it; numbers as scores | the same |
//! | text | the text with most votes | the same |
//!
//! ```
//! use tribunal::{Verdict, Vote, aggregate::{Aggregate, Rules, decide}, verdict::{Outcome, Reason, Unreadable}};
//!
//! let vote = |draw, outcome: Outcome| {
//!     let mut vote = Vote::new(outcome);
//!     vote.draw = draw;
//!     vote
//! };
//! let votes = [
//!     vote(0, Outcome::Verdict(Verdict::Score(4.0))),
//!     vote(1, Outcome::Verdict(Verdict::Score(8.0))),
//!     vote(2, Outcome::Unreadable(Unreadable::new(Reason::Missing, "no `Score:`"))),
//! ];
//! let decision = decide(&votes, &Rules::new(Some(Aggregate::Mean)));
//! assert_eq!(decision.verdict, Ok(Verdict::Score(6.0)));
//! assert_eq!((decision.votes.readable, decision.votes.unreadable), (2, 1));
//! ```

mod average;
mod elements;
mod labels;
mod numbers;
mod orders;
mod rankings;
mod rubrics;
mod steps;
mod weighted;

use std::{collections::BTreeMap, iter::Sum, sync::Arc};

use serde::{Deserialize, Serialize};

pub use elements::Reduce;

use self::weighted::WeightedVerdict;
use crate::{
    completion::Distribution,
    scale::{Scale, without_noise},
    verdict::{Outcome, Reason, Unreadable, Verdict, Vote},
};

/// How several verdicts are combined: the setting `aggregate`.
///
/// ```
/// use tribunal::judge::Aggregate;
///
/// assert_eq!(serde_json::to_string(&Aggregate::Median)?, "\"median\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The mean of numbers and of probabilities; comparisons and bare labels are counted.
    Mean,
    /// The number with half of the votes on each side, or the mean of the two middle ones.
    Median,
    /// The most frequent verdict: of equally frequent numbers the lowest, of labels the most likely.
    Majority,
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// The expected score, Σ p·value, over the distribution of each draw (Liu et al. 2023, G-Eval). It needs
    /// a model that reports probabilities.
    Expected,
    /// The sum of the numbers of all draws (voting@k: Liu et al. 2025, SPCT), on a scale of as many times the
    /// ends. A draw without a verdict counts as the mean of the others, so that the sum is the mean times the
    /// number of draws. Only scores, and scores of several answers, can be added up.
    Sum,
}

/// How the votes of one judge are combined, and which verdicts are possible.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Rules<'r> {
    /// How the verdicts of members and of draws are combined; [`Aggregate::Mean`] if not set.
    pub how: Option<Aggregate>,
    /// How the draws of a member are combined, by the member's name, if it differs.
    pub of_members: &'r [(Arc<str>, Option<Aggregate>)],
    /// The least number of members with a readable verdict; with fewer, the judgment is unreadable.
    pub quorum: Option<usize>,
    /// The weights of members by name, each above 0; the weight of every other member is 1.
    pub weights: &'r [(Arc<str>, f64)],
    /// How many members there are without those that replace others, for the sum over members; `None` counts the
    /// members that voted.
    pub seats: Option<usize>,
    /// The possible labels, in the order of the prompt: of equally likely labels the first one wins.
    pub labels: &'r [String],
    /// The scale of scores, for the expected score.
    pub scale: Option<&'r Scale>,
    /// For verdicts on steps: how the steps become one number.
    pub reduce: Option<Reduce>,
}

impl<'r> Rules<'r> {
    /// Rules that only set how verdicts are combined.
    pub fn new(how: Option<Aggregate>) -> Self {
        Self { how, ..Self::default() }
    }

    /// The same rules with a least number of members.
    #[must_use]
    pub fn quorum(self, members: Option<usize>) -> Self {
        Self { quorum: members, ..self }
    }

    /// The same rules with a rule for the draws of each of these members.
    #[must_use]
    pub fn members(self, of_members: &'r [(Arc<str>, Option<Aggregate>)]) -> Self {
        Self { of_members, ..self }
    }

    /// The same rules with weights of members.
    #[must_use]
    pub fn weights(self, weights: &'r [(Arc<str>, f64)]) -> Self {
        Self { weights, ..self }
    }

    /// The same rules with the number of members, without those that replace others.
    #[must_use]
    pub fn seats(self, members: usize) -> Self {
        Self { seats: Some(members), ..self }
    }

    /// The weight of one member.
    fn weight_of(&self, by: &str) -> f64 {
        let own = self.weights.iter().find(|(name, _)| **name == *by);
        own.map_or(1.0, |(_, weight)| *weight)
    }

    /// The rules for the draws of one member.
    fn of_member(&self, by: &str) -> Self {
        let own = self.of_members.iter().find(|(name, _)| **name == *by);
        Self { how: own.map_or(self.how, |(_, how)| *how), ..*self }
    }

    /// The same rules with one number for the steps of a solution.
    #[must_use]
    pub fn reducing(self, reduce: Option<Reduce>) -> Self {
        Self { reduce, ..self }
    }

    /// The same rules with the possible verdicts: labels in the order of the prompt, and the scale of scores.
    #[must_use]
    pub fn menu(self, labels: &'r [String], scale: Option<&'r Scale>) -> Self {
        Self { labels, scale, ..self }
    }
}

/// The verdict of all votes, their agreement, and how many could be read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The verdict in the item's own order, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether both orders of every draw agree; `None` if only one order was asked or readable.
    pub consistent: Option<bool>,
    /// The mean distribution over the possible verdicts, if every readable vote has one. It decides the
    /// verdict under [`Aggregate::Expected`] only.
    pub distribution: Option<Distribution>,
    /// For scores: the mean of the possible values, weighted by that distribution; under [`Aggregate::Sum`]
    /// the sum of these means.
    pub expected_score: Option<f64>,
    /// How many numbers were added up to one: the draws under [`Aggregate::Sum`], times the members if these
    /// are added up too; 1 otherwise. The ends of the scale of a score are as many times those of the prompt.
    pub summed: u32,
    /// The number of votes by result.
    pub votes: Counts,
    /// The number of members by the result of all their votes together.
    pub members: Counts,
}

/// Votes or members, counted by whether they have a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The number with a verdict.
    pub readable: usize,
    /// The number with an unreadable answer.
    pub unreadable: usize,
    /// The number without an answer.
    pub failed: usize,
    /// The number that answered that they cannot judge.
    pub abstained: usize,
}

/// What the votes of one member come to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemberVerdict {
    /// The name of the member.
    pub by: Arc<str>,
    /// The verdict over its orders and draws, if it has one.
    pub verdict: Option<Verdict>,
    /// The member as one with a verdict, an unreadable answer, no answer, or an abstention.
    pub counted: Counts,
}

/// What the votes of each member come to, by the names of the members.
pub fn of_members(votes: &[Vote], rules: &Rules<'_>) -> Vec<MemberVerdict> {
    let member = |member: MemberVotes<'_>| MemberVerdict {
        counted: member.counted(),
        by: member.by,
        verdict: member.verdict.map(|one| one.verdict),
    };
    by_member(votes, rules).into_iter().map(member).collect()
}

/// The votes of each member, combined.
fn by_member<'v>(votes: &'v [Vote], rules: &Rules<'_>) -> Vec<MemberVotes<'v>> {
    let mut by_member: BTreeMap<Arc<str>, Vec<&Vote>> = BTreeMap::new();
    votes.iter().for_each(|vote| by_member.entry(vote.by.clone()).or_default().push(vote));
    by_member.into_iter().map(|(by, votes)| MemberVotes::new(by, votes, rules)).collect()
}

/// Combines all votes into one verdict: orders first, then draws, then members.
///
/// A comparison whose verdict changes with the order is a tie. A draw with some unreadable orders has a
/// reduced weight: a half if one of two is missing. Members have equal weights unless the rules set others, however
/// many of their votes could be read (a panel of judges: Verga et al. 2024, "Replacing Judges with Juries").
///
/// It accepts any votes, including none. Their order in `votes` does not matter, because each vote contains
/// its member, draw and order.
pub fn decide(votes: &[Vote], rules: &Rules<'_>) -> Decision {
    let members = by_member(votes, rules);
    let weighted = |member: &MemberVotes<'_>| {
        let weight = rules.weight_of(&member.by);
        Some(WeightedVerdict { weight, ..member.verdict.clone()? })
    };
    let mut verdicts: Vec<WeightedVerdict> = members.iter().filter_map(weighted).collect();
    weighted::scaled(&mut verdicts);
    // A judge with one member reports the reason of that member.
    let is_asked = |least: &usize| *least > 1 || members.len() > 1;
    let lacking = rules.quorum.filter(|least| verdicts.len() < *least).filter(is_asked);
    let whole = if lacking.is_none() { together(&verdicts, rules) } else { None };
    let whole = whole.map(|one| one.summed(rules.seats.unwrap_or(members.len()), rules));
    let summed = whole.as_ref().map_or(1, |one| one.summed);
    let distribution = whole.as_ref().and_then(|one| one.distribution.clone());
    let is_score = matches!(&whole, Some(WeightedVerdict { verdict: Verdict::Score(_), .. }));
    let seen = distribution.as_ref().filter(|_| is_score);
    Decision {
        verdict: match (whole, lacking) {
            (Some(one), _) => Ok(one.verdict),
            (None, Some(_)) if have_abstained(&members) => Err(first_reason(votes.iter())),
            (None, Some(least)) if !votes.is_empty() => Err(below_quorum(least, &members)),
            (None, _) => Err(first_reason(votes.iter())),
        },
        consistent: OrderAgreement::of_all(members.iter().map(|member| member.agreement)).known(),
        expected_score: seen
            .and_then(|seen| weighted::score_of(seen, rules))
            .map(|mean| average::times(mean, summed)),
        summed,
        distribution,
        votes: votes.iter().map(Counts::of_vote).sum(),
        members: members.iter().map(MemberVotes::counted).sum(),
    }
}

/// All votes of one member, combined.
struct MemberVotes<'v> {
    by: Arc<str>,
    votes: Vec<&'v Vote>,
    verdict: Option<WeightedVerdict>,
    agreement: OrderAgreement,
}

impl<'v> MemberVotes<'v> {
    /// Combines the orders of each draw first, then the draws.
    fn new(by: Arc<str>, votes: Vec<&'v Vote>, rules: &Rules<'_>) -> Self {
        let mut by_draw: BTreeMap<u32, Vec<&Vote>> = BTreeMap::new();
        votes.iter().for_each(|vote| by_draw.entry(vote.draw).or_default().push(vote));
        let rules = &rules.of_member(&by);
        let count = by_draw.len();
        let draws = by_draw.into_values().map(|votes| orders::resolved(votes, rules));
        let (draws, agreements): (Vec<Option<WeightedVerdict>>, Vec<OrderAgreement>) =
            draws.unzip();
        let verdicts: Vec<WeightedVerdict> = draws.into_iter().flatten().collect();
        let verdict = together(&verdicts, rules).map(|one| one.summed(count, rules));
        let verdict = verdict.map(|one| WeightedVerdict { weight: 1.0, ..one });
        Self { by, votes, verdict, agreement: OrderAgreement::of_all(agreements.into_iter()) }
    }

    /// The member as one with a verdict, an abstention, an unreadable answer, or no answer.
    fn counted(&self) -> Counts {
        let failed = self.votes.iter().all(|vote| vote.outcome.failed().is_some());
        Counts::one(self.verdict.is_some(), self.has_abstained(), failed)
    }

    /// Whether it has no verdict, and one of its answers is that it cannot judge.
    fn has_abstained(&self) -> bool {
        self.verdict.is_none() && self.votes.iter().any(|vote| vote.outcome.is_abstention())
    }
}

/// Whether every member answered that it cannot judge.
fn have_abstained(members: &[MemberVotes<'_>]) -> bool {
    !members.is_empty() && members.iter().all(MemberVotes::has_abstained)
}

/// Whether both orders of a comparison agree, for one draw or for several. The states are sorted from good to
/// bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OrderAgreement {
    /// Only one order was asked, or none could be read.
    NotAsked,
    /// The verdict is the same in both orders.
    Same,
    /// One order could not be read.
    Unknown,
    /// The verdict changes with the order.
    Differs,
}

impl OrderAgreement {
    /// The worst state of several draws or members.
    fn of_all(all: impl Iterator<Item = Self>) -> Self {
        all.max().unwrap_or(Self::NotAsked)
    }

    /// The state as [`Decision::consistent`] reports it.
    fn known(self) -> Option<bool> {
        match self {
            Self::Differs => Some(false),
            Self::Same => Some(true),
            Self::NotAsked | Self::Unknown => None,
        }
    }
}

/// Combines several verdicts of one level; `None` if there are none.
fn together(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Option<WeightedVerdict> {
    if let [] | [_] = verdicts {
        return verdicts.first().cloned();
    }
    let verdicts = &weighted::of_one_kind(verdicts);
    if let [_] = verdicts.as_slice() {
        return verdicts.first().cloned();
    }
    let verdict = match verdicts.first()?.verdict {
        Verdict::Score(_) => numbers::score(verdicts, rules),
        Verdict::Label(_) => labels::label(verdicts, rules),
        Verdict::Steps(_) => steps::steps(verdicts, rules),
        Verdict::Preference(_) => orders::preference(verdicts, rules),
        Verdict::Ranking(_) => rankings::ranking(verdicts, rules),
        Verdict::Scores(_) => numbers::scores(verdicts, rules),
        Verdict::Criteria(_) => numbers::criteria(verdicts, rules),
        Verdict::Rubric(_) => rubrics::rubric(verdicts, rules),
        Verdict::Text(_) => rankings::text(verdicts),
    };
    let weight = verdicts.iter().map(|one| one.weight).fold(0.0, f64::max);
    let summed = verdicts.iter().map(|one| one.summed).max().unwrap_or(1);
    let distribution = weighted::distribution(verdicts);
    Some(WeightedVerdict { verdict, weight, distribution, summed })
}

/// The expected value of a distribution: the mean of the values of its labels, weighted by their
/// probabilities. Labels without a value are skipped; `None` if no other label has any probability.
/// ```
/// use tribunal::{aggregate::expected, completion::Distribution};
///
/// let seen = Distribution::new(vec![("4".into(), 0.25), ("8".into(), 0.75)]);
/// assert_eq!(expected(&seen, |label| label.parse().ok()), Some(7.0));
/// ```
pub fn expected(distribution: &Distribution, worth: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let labels = distribution.labels.iter();
    let levels: Vec<(f64, f64)> =
        labels.filter_map(|(label, p)| Some((worth(label.trim())?, *p))).collect();
    let total: f64 = levels.iter().map(|(_, p)| p).sum();
    (total > 0.0).then(|| without_noise(levels.iter().map(|(n, p)| n * p).sum::<f64>() / total))
}

impl Counts {
    /// A vote as one with a verdict, an abstention, an unreadable answer, or no answer.
    fn of_vote(vote: &Vote) -> Self {
        let outcome = &vote.outcome;
        Self::one(weighted::is_sound(vote), outcome.is_abstention(), outcome.failed().is_some())
    }

    fn one(readable: bool, abstained: bool, failed: bool) -> Self {
        let mut one = Self::default();
        let count = match (readable, abstained, failed) {
            (true, ..) => &mut one.readable,
            (_, true, _) => &mut one.abstained,
            (.., true) => &mut one.failed,
            _ => &mut one.unreadable,
        };
        *count = 1;
        one
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            readable: sum.readable + one.readable,
            unreadable: sum.unreadable + one.unreadable,
            failed: sum.failed + one.failed,
            abstained: sum.abstained + one.abstained,
        })
    }
}

/// Why there is no verdict: the reason of the first unreadable vote, by member, draw and order. If there was
/// no answer at all, the error of the first vote.
fn first_reason<'v>(votes: impl Iterator<Item = &'v Vote>) -> Unreadable {
    let key = |vote: &&Vote| {
        let failed = vote.outcome.failed().is_some();
        let why = reason(vote);
        (failed, vote.by.clone(), vote.draw, vote.order.clone(), why.reason, why.detail)
    };
    let nothing = || Unreadable::new(Reason::Missing, "there are no votes");
    votes.min_by_key(key).map_or_else(nothing, reason)
}

/// Why a vote is skipped.
fn reason(vote: &Vote) -> Unreadable {
    match &vote.outcome {
        Outcome::Unreadable(why) => why.clone(),
        Outcome::Failed(error) => Unreadable::new(Reason::Empty, format!("no answer: {error}")),
        Outcome::Verdict(_) => Unreadable::new(Reason::OffScale, "the verdict is not a number"),
    }
}

/// The reason for a missing quorum, with the reason of every member without a verdict.
fn below_quorum(least: usize, members: &[MemberVotes<'_>]) -> Unreadable {
    let lost = members.iter().filter(|member| member.verdict.is_none());
    let why = |member: &MemberVotes<'_>| {
        format!("`{}`: {}", member.by, first_reason(member.votes.iter().copied()))
    };
    let why: Vec<String> = lost.map(why).collect();
    let detail = format!(
        "{} of {} members gave a verdict, and {least} {} needed",
        members.len() - why.len(),
        members.len(),
        if least == 1 { "is" } else { "are" }
    );
    Unreadable::new(Reason::Quorum, [vec![detail], why].concat().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_score_weighs_levels_by_probability() {
        let seen = Distribution {
            labels: vec![("1".into(), 0.1), ("5".into(), 0.3)],
            missing: 0.6,
            top: None,
        };
        let worth = |label: &str| label.parse().ok();
        assert_eq!(expected(&seen, worth), Some(4.0));
        let noisy = [0.1, 0.2, 0.4, 0.2, 0.1].map(|p: f64| p / 3.0);
        let labels = (1..=5).map(|n| n.to_string()).zip(noisy).collect();
        assert_eq!(expected(&Distribution { labels, missing: 0.0, top: None }, worth), Some(3.0));
    }
}
