//! How votes become one verdict.
//!
//! First the orders in which a draw showed the answers are resolved, then the draws of each member are combined,
//! then the members. Votes that could not be read or that failed are skipped and counted. The order in which
//! votes are given changes nothing.
//!
//! | kind | combined by probability, where every vote has one | else, and under `majority` |
//! |---|---|---|
//! | score | the mean of the numbers (`median`, `min`, `max`, `majority` as named) | the same |
//! | label | the likeliest label of the mean distribution | the label that most votes give |
//! | steps | each step by the mean probability of those that reached it | the first error that most votes name |
//! | preference | the side that more votes prefer; equal numbers are a tie | the same |
//! | ranking | the mean place (Borda) | the ranking that most votes give |
//! | scores, criteria | each number as a score | the same |
//! | text | the text that most votes give | the same |
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

mod labels;
mod numbers;
mod orders;
mod rankings;
mod share;
mod steps;

use std::{collections::BTreeMap, iter::Sum, sync::Arc};

use serde::{Deserialize, Serialize};

use self::share::Share;
use crate::{
    completion::Distribution,
    scale::{Scale, without_noise},
    verdict::{Outcome, Reason, Unreadable, Verdict, Vote},
};

/// How several verdicts become one: the setting `aggregate`.
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
    /// The number with half of the votes on each side; between two, their mean.
    Median,
    /// The most frequent verdict: of equally frequent numbers the lowest, of labels the likeliest.
    Majority,
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// Σ p·value over each draw's distribution of values (Liu et al. 2023, G-Eval). Needs a model that reports
    /// probabilities.
    Expected,
}

/// What decides about the votes of one judge: how they are combined, and what verdicts may be.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Rules<'r> {
    /// How the verdicts of members are combined, and those of draws; [`Aggregate::Mean`] where it is not set.
    pub how: Option<Aggregate>,
    /// How the draws of a member are combined, by the member's name, where it differs.
    pub of_members: &'r [(Arc<str>, Option<Aggregate>)],
    /// The least number of members with a readable verdict; fewer make the judgment unreadable.
    pub quorum: Option<usize>,
    /// The labels that a verdict may have, in the order of the prompt: of equally likely ones the first wins.
    pub labels: &'r [String],
    /// The scale of scores, for the expected score.
    pub scale: Option<&'r Scale>,
}

impl<'r> Rules<'r> {
    /// Rules that say only how verdicts are combined.
    pub fn new(how: Option<Aggregate>) -> Self {
        Self { how, ..Self::default() }
    }

    /// The same with a least number of members.
    #[must_use]
    pub fn quorum(self, members: Option<usize>) -> Self {
        Self { quorum: members, ..self }
    }

    /// The same with a rule for the draws of each of these members.
    #[must_use]
    pub fn members(self, of_members: &'r [(Arc<str>, Option<Aggregate>)]) -> Self {
        Self { of_members, ..self }
    }

    /// The rules for the draws of one member.
    fn of_member(&self, by: &str) -> Self {
        let own = self.of_members.iter().find(|(name, _)| **name == *by);
        Self { how: own.map_or(self.how, |(_, how)| *how), ..*self }
    }

    /// The same with what verdicts may be: labels in the order of the prompt, and the scale of scores.
    #[must_use]
    pub fn menu(self, labels: &'r [String], scale: Option<&'r Scale>) -> Self {
        Self { labels, scale, ..self }
    }
}

/// The verdict of all votes, with how far they agree and how many could be read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The verdict in the item's own order, or why there is none.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether both orders of every draw agree; `None` where only one order was asked, or could be read.
    pub consistent: Option<bool>,
    /// The mean of the votes' distributions over the menu, where every readable vote has one. It stands beside
    /// the verdict, and decides under [`Aggregate::Expected`] alone.
    pub distribution: Option<Distribution>,
    /// For scores: the mean of the values of the menu, weighted by that distribution.
    pub expected_score: Option<f64>,
    /// How many votes there were, by what came of them.
    pub votes: Counts,
    /// How many members cast votes, by what came of all their votes together.
    pub members: Counts,
}

/// Votes or members, counted by whether they have a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Those with a verdict.
    pub readable: usize,
    /// Those with an answer that cannot be read.
    pub unreadable: usize,
    /// Those without an answer.
    pub failed: usize,
}

/// One verdict out of all votes: orders first, then draws, then members.
///
/// A comparison whose verdict changes with the order is a tie. A draw of which only some orders could be read
/// counts for their share: a half where one of two is missing. Members count alike, however many of their
/// votes could be read (a panel of judges: Verga et al. 2024, "Replacing Judges with Juries").
///
/// It accepts any votes, also none, and their order in `votes` does not matter: each vote says which member cast it,
/// for which draw and in which order.
pub fn decide(votes: &[Vote], rules: &Rules<'_>) -> Decision {
    let mut by_member: BTreeMap<Arc<str>, Vec<&Vote>> = BTreeMap::new();
    votes.iter().for_each(|vote| by_member.entry(vote.by.clone()).or_default().push(vote));
    let ballots: Vec<Ballot> =
        by_member.into_iter().map(|(by, votes)| Ballot::new(by, votes, rules)).collect();
    let shares: Vec<Share> = ballots.iter().filter_map(|ballot| ballot.share.clone()).collect();
    // A judge of one member says itself why it has no verdict.
    let is_asked = |least: &usize| *least > 1 || ballots.len() > 1;
    let lacking = rules.quorum.filter(|least| shares.len() < *least).filter(is_asked);
    let whole = if lacking.is_none() { together(&shares, rules) } else { None };
    let distribution = whole.as_ref().and_then(|share| share.distribution.clone());
    let is_score = matches!(&whole, Some(Share { verdict: Verdict::Score(_), .. }));
    let seen = distribution.as_ref().filter(|_| is_score);
    Decision {
        verdict: match (whole, lacking) {
            (Some(share), _) => Ok(share.verdict),
            (None, Some(least)) if !votes.is_empty() => Err(below_quorum(least, &ballots)),
            (None, _) => Err(first_reason(votes.iter())),
        },
        consistent: Agreement::of_all(ballots.iter().map(|ballot| ballot.agreement)).known(),
        expected_score: seen.and_then(|seen| share::score_of(seen, rules)),
        distribution,
        votes: votes.iter().map(Counts::of_vote).sum(),
        members: ballots.iter().map(Ballot::counted).sum(),
    }
}

/// All votes of one member, combined.
struct Ballot<'v> {
    by: Arc<str>,
    votes: Vec<&'v Vote>,
    share: Option<Share>,
    agreement: Agreement,
}

impl<'v> Ballot<'v> {
    /// Combines the orders of each draw first, then the draws.
    fn new(by: Arc<str>, votes: Vec<&'v Vote>, rules: &Rules<'_>) -> Self {
        let mut by_draw: BTreeMap<u32, Vec<&Vote>> = BTreeMap::new();
        votes.iter().for_each(|vote| by_draw.entry(vote.draw).or_default().push(vote));
        let rules = &rules.of_member(&by);
        let draws = by_draw.into_values().map(|votes| orders::resolved(votes, rules));
        let (draws, agreements): (Vec<Option<Share>>, Vec<Agreement>) = draws.unzip();
        let shares: Vec<Share> = draws.into_iter().flatten().collect();
        let share = together(&shares, rules).map(|share| Share { weight: 1.0, ..share });
        Self { by, votes, share, agreement: Agreement::of_all(agreements.into_iter()) }
    }

    /// The member as one that has a verdict, none, or no answer at all.
    fn counted(&self) -> Counts {
        let failed = self.votes.iter().all(|vote| vote.outcome.failed().is_some());
        Counts::one(self.share.is_some(), failed)
    }
}

/// Whether both orders of a comparison agree, for one draw or for several; the later of two states is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Agreement {
    /// Only one order was asked, or none could be read.
    NotAsked,
    /// The verdict is the same in both.
    Same,
    /// One could not be read.
    Unknown,
    /// The verdict changes.
    Differs,
}

impl Agreement {
    /// Of several draws or members, the worst that is known of any.
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

/// One verdict out of several of one level; `None` if there is none.
fn together(shares: &[Share], rules: &Rules<'_>) -> Option<Share> {
    let shares = &share::of_one_kind(shares);
    if let [] | [_] = shares.as_slice() {
        return shares.first().cloned();
    }
    let verdict = match shares.first()?.verdict {
        Verdict::Score(_) => numbers::score(shares, rules),
        Verdict::Label(_) => labels::label(shares, rules),
        Verdict::Steps(_) => steps::steps(shares, rules),
        Verdict::Preference(_) => orders::preference(shares, rules),
        Verdict::Ranking(_) => rankings::ranking(shares, rules),
        Verdict::Scores(_) => numbers::scores(shares, rules),
        Verdict::Criteria(_) => numbers::criteria(shares, rules),
        Verdict::Text(_) => rankings::text(shares),
    };
    let weight = shares.iter().map(|share| share.weight).fold(0.0, f64::max);
    Some(Share { verdict, weight, distribution: share::distribution(shares) })
}

/// The expected value of a distribution: the mean of the values of its labels, weighted by their probabilities.
/// Labels without a value are left out; `None` where none of the others has any probability.
///
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
    /// A vote as one that has a verdict, an answer without one, or no answer.
    fn of_vote(vote: &Vote) -> Self {
        Self::one(share::is_sound(vote), vote.outcome.failed().is_some())
    }

    fn one(readable: bool, failed: bool) -> Self {
        let failed = failed && !readable;
        let count = |is: bool| usize::from(is);
        Self {
            readable: count(readable),
            unreadable: count(!readable && !failed),
            failed: count(failed),
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            readable: sum.readable + one.readable,
            unreadable: sum.unreadable + one.unreadable,
            failed: sum.failed + one.failed,
        })
    }
}

/// Why there is no verdict: the reason of the first unreadable vote, by member, draw and order; where no answer
/// came at all, the error of the first vote.
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

/// The reason of a missing quorum, with that of every member without a verdict.
fn below_quorum(least: usize, ballots: &[Ballot<'_>]) -> Unreadable {
    let lost = ballots.iter().filter(|ballot| ballot.share.is_none());
    let why = |ballot: &Ballot<'_>| {
        format!("`{}`: {}", ballot.by, first_reason(ballot.votes.iter().copied()))
    };
    let why: Vec<String> = lost.map(why).collect();
    let detail = format!(
        "{} of {} members gave a verdict, and {least} {} needed",
        ballots.len() - why.len(),
        ballots.len(),
        if least == 1 { "is" } else { "are" }
    );
    Unreadable::new(Reason::Quorum, [vec![detail], why].concat().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_score_weighs_levels_by_probability() {
        let seen =
            Distribution { labels: vec![("1".into(), 0.1), ("5".into(), 0.3)], missing: 0.6 };
        let worth = |label: &str| label.parse().ok();
        assert_eq!(expected(&seen, worth), Some(4.0));
        let noisy = [0.1, 0.2, 0.4, 0.2, 0.1].map(|p: f64| p / 3.0);
        let labels = (1..=5).map(|n| n.to_string()).zip(noisy).collect();
        assert_eq!(expected(&Distribution { labels, missing: 0.0 }, worth), Some(3.0));
    }
}
