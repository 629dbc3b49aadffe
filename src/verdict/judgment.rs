//! The decision over all votes about one item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Outcome, Preference, Rubric, Steps, Unreadable, Verdict, Vote, alike};
use crate::completion::{Distribution, UsageTotal};

/// The judge of a cascade whose verdict counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Stage {
    /// Its name, as in `by` of its votes.
    pub judge: String,
    /// How sure it is of its verdict, 0 to 1, where that is known.
    pub certainty: Option<f64>,
}

/// The result of judging one item: the verdict of all votes, the votes with their texts, and their cost.
///
/// The accessors return the verdict by its kind, and `None` if it has another kind or could not be read. An
/// unreadable answer never becomes a number.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let judge = Judge::builder().backend(Script::always("Fine.\nScore: 8")).prompt("score").build().await?;
/// let judgment = judge.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!((judgment.score(), judgment.normalized), (Some(8.0), Some(7.0 / 9.0)));
/// assert_eq!((judgment.votes.len(), judgment.calls), (1, 1));
///
/// let vague = Judge::builder().backend(Script::always("Fine.")).prompt("score").build().await?;
/// let judgment = vague.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!(judgment.score(), None);
/// assert!(judgment.unreadable().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Judgment {
    /// The decision over all votes, or why none could be read.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether both orders of a comparison have the same verdict; `None` unless both were asked and could be read.
    pub consistent: Option<bool>,
    /// Whether the pass rule holds, and every required criterion of a rubric is met; `None` without either.
    /// Unreadable never passes.
    pub pass: Option<bool>,
    /// For scores: 0 at the lowest end of the scale, 1 at the highest.
    pub normalized: Option<f64>,
    /// The mean of the votes' probabilities of the menu, in the item's own order, where every readable vote
    /// has them.
    pub distribution: Option<Distribution>,
    /// For scores: the mean of the values of the scale, weighted by their probabilities.
    pub expected_score: Option<f64>,
    /// Every vote, in the order of members, draws and orders.
    pub votes: Vec<Vote>,
    /// How many votes there would be with every draw, order and judge, for a judge that may leave some out: draws
    /// that stop early, a second order only if the first is close, a cascade. `None` for any other judge.
    pub planned_votes: Option<u32>,
    /// For cascades: the judge whose verdict this is.
    pub stage: Option<Stage>,
    /// The mark in the prompt of the [speaker](Self::speaker). It is removed from critiques that other models see.
    pub mark: Option<String>,
    /// Tokens of the answers that did not come from a cache.
    pub usage: UsageTotal,
    /// Tokens of the answers that came from a cache, which cost nothing this time.
    pub saved: UsageTotal,
    /// The number of model answers, including those from a cache.
    pub calls: u32,
    /// The number of answers from a cache.
    pub cached: u32,
    /// The number of requests that were sent, including retries.
    pub attempts: u32,
    /// What [`usage`](Self::usage) cost, in the currency of the price; `None` if the tokens or the price of
    /// some member are not known.
    pub cost: Option<f64>,
    /// The cost that the answers from a cache would have had.
    pub saved_cost: Option<f64>,
    /// Milliseconds from the first request to the last answer.
    pub latency_ms: u64,
}

impl Judgment {
    /// A judgment with this verdict and without votes.
    pub fn new(verdict: Result<Verdict, Unreadable>) -> Self {
        Self {
            verdict,
            consistent: None,
            pass: None,
            normalized: None,
            distribution: None,
            expected_score: None,
            votes: Vec::new(),
            planned_votes: None,
            stage: None,
            mark: None,
            usage: UsageTotal::default(),
            saved: UsageTotal::default(),
            calls: 0,
            cached: 0,
            attempts: 0,
            cost: None,
            saved_cost: None,
            latency_ms: 0,
        }
    }

    /// The same judgment as that of one judge of a cascade.
    pub(crate) fn of_stage(mut self, stage: Option<Stage>) -> Self {
        if stage.is_some() {
            self.stage = stage;
            self.mark = self.speaker().and_then(|vote| vote.mark.clone());
        }
        self
    }

    /// The decision, if there is one.
    fn decided(&self) -> Option<&Verdict> {
        self.verdict.as_ref().ok()
    }

    /// For scores: the number, on the prompt's scale. For rubrics: the score over all criteria, 0 to 1. For steps:
    /// the one number that `reduce` makes of them, 0 to 1.
    pub fn score(&self) -> Option<f64> {
        self.decided()?.score()
    }

    /// For scores whose values have probabilities: Σ p·value over the scale, in the units of the scale. It
    /// ranks answers that have the same score.
    pub fn expected_score(&self) -> Option<f64> {
        self.expected_score
    }

    /// For labels: the label that was given.
    pub fn label(&self) -> Option<&str> {
        self.decided()?.label()
    }

    /// For labels: the probability of the prompt's positive label, 0 to 1, whichever label was given. `None`
    /// where the model reports none, or the prompt has no positive label.
    pub fn p(&self) -> Option<f64> {
        self.decided()?.p()
    }

    /// For labels: the probability of the label that was given, 0 to 1, where the model reports it.
    pub fn confidence(&self) -> Option<f64> {
        self.decided()?.confidence()
    }

    /// How sure the judgment is of its verdict, 0 to 1: the probability of the verdict, the mean over all draws and
    /// orders; where the model reports none, the share of the votes that agree with it. `None` without a verdict, or
    /// if one vote without probabilities is all there is.
    ///
    /// A vote agrees with a score if it is less than half a step away from it, so that a mean of several scores has a
    /// certainty too: a step is the last decimal place of the scores that were given. It is 0 for the sum of all draws
    /// (voting@k), which no draw could give.
    ///
    /// With several draws it is the confidence of simulated annotators (Jung et al. 2024, "Trust or Escalate").
    ///
    /// ```
    /// use tribunal::{Judgment, Verdict, verdict::{Outcome, Vote}};
    ///
    /// let vote = |score| Vote::new(Outcome::Verdict(Verdict::Score(score)));
    /// let mut judgment = Judgment::new(Ok(Verdict::Score(7.25)));
    /// judgment.votes = [7.0, 7.0, 8.0, 7.0].map(vote).to_vec();
    /// assert_eq!(judgment.certainty(), Some(0.75));
    /// ```
    pub fn certainty(&self) -> Option<f64> {
        let verdict = self.decided()?;
        let is_own =
            |vote: &&Vote| self.stage.as_ref().is_none_or(|stage| *vote.by == *stage.judge);
        let votes: Vec<&Vote> = self.votes.iter().filter(is_own).collect();
        let of_menu = |name: &str| self.distribution.as_ref()?.of(name);
        let p = match verdict {
            Verdict::Label(label) => label.confidence,
            // Votes that name different sides by their order are a tie that no model gave.
            Verdict::Preference(side) => of_menu(side.name()),
            Verdict::Steps(steps) => {
                let index = steps.first_error.and_then(|index| i64::try_from(index).ok());
                of_menu(&index.unwrap_or(-1).to_string())
            }
            Verdict::Score(score) => self.distribution.as_ref().and_then(|menu| mass(menu, *score)),
            _ => None,
        };
        let given = votes.iter().filter_map(|vote| vote.outcome.verdict()).flat_map(numbers);
        let step = step_of(given);
        let agrees = |vote: &&&Vote| {
            vote.outcome
                .verdict()
                .is_some_and(|one| alike(one, verdict) || near(one, verdict, step))
        };
        let share = || {
            let agree = u32::try_from(votes.iter().filter(agrees).count()).ok()?;
            let all = u32::try_from(votes.len()).ok().filter(|all| *all > 1)?;
            Some(f64::from(agree) / f64::from(all))
        };
        p.or_else(share)
    }

    /// Whether a comparison that was asked in both orders could be read in one of them only, in at least one
    /// draw: such a draw counts as half.
    pub fn one_order_unreadable(&self) -> bool {
        let lost =
            |one: &Vote, other: &Vote| one.outcome.is_verdict() != other.outcome.is_verdict();
        let mut votes = self.votes.iter().enumerate();
        votes.any(|(n, one)| {
            let mut later = self.votes.iter().skip(n + 1);
            later.any(|other| one.is_turned(other) && lost(one, other))
        })
    }

    /// For comparisons: which of the two answers is better, in the order of the item.
    pub fn preference(&self) -> Option<Preference> {
        self.decided()?.preference()
    }

    /// For steps: the first wrong step, and every step that was judged, each with its probability `p` of being
    /// correct where the model reports it.
    pub fn steps(&self) -> Option<&Steps> {
        self.decided()?.steps()
    }

    /// For steps: the 0-based index of the first step that is wrong, `Some(None)` where every step is right.
    /// `None` if the verdict is of another kind or unreadable.
    pub fn first_error(&self) -> Option<Option<usize>> {
        self.decided()?.first_error()
    }

    /// For rankings: groups of 0-based answers, best first; answers of one group are equally good.
    pub fn ranking(&self) -> Option<&[Vec<usize>]> {
        self.decided()?.ranking()
    }

    /// For scores of several answers: one number for each, in the order of the item.
    pub fn scores(&self) -> Option<&[f64]> {
        self.decided()?.scores()
    }

    /// For criteria: one number for each, by name; of a rubric those that were assessed.
    pub fn criteria(&self) -> Option<&BTreeMap<String, f64>> {
        self.decided()?.criteria()
    }

    /// For rubrics: the verdict on each criterion, with its weight.
    pub fn rubric(&self) -> Option<&Rubric> {
        self.decided()?.rubric()
    }

    /// For a text that is itself the result: a critique, a solution, a revision.
    pub fn text(&self) -> Option<&str> {
        self.decided()?.text()
    }

    /// Whether the pass rule holds; `false` without a rule.
    pub fn passed(&self) -> bool {
        self.pass == Some(true)
    }

    /// The reason why no verdict could be read; `None` if one could.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.verdict.as_ref().err()
    }

    /// The vote whose critique represents the judgment: the first that agrees with the verdict, otherwise the first
    /// with an answer.
    pub fn speaker(&self) -> Option<&Vote> {
        let agrees = |vote: &&Vote| match (&vote.outcome, &self.verdict) {
            (Outcome::Verdict(one), Ok(all)) => alike(one, all),
            (Outcome::Unreadable(_), Err(_)) => true,
            _ => false,
        };
        let said = |vote: &&Vote| vote.outcome.failed().is_none();
        let is_own =
            |vote: &&Vote| self.stage.as_ref().is_none_or(|stage| *vote.by == *stage.judge);
        let mut votes = self.votes.iter().filter(is_own);
        votes.clone().find(agrees).or_else(|| votes.find(said)).or(self.votes.first())
    }

    /// What the judge wrote, without thinking blocks.
    pub fn critique(&self) -> String {
        self.speaker().map(Vote::critique).unwrap_or_default()
    }
}

/// Whether numbers of a vote are those of the verdict, apart from what a mean changes.
fn near(vote: &Verdict, verdict: &Verdict, step: f64) -> bool {
    match (vote, verdict) {
        (Verdict::Score(one), Verdict::Score(all)) => is_near(*one, *all, step),
        (Verdict::Scores(one), Verdict::Scores(all)) => {
            one.len() == all.len()
                && one.iter().zip(all).all(|(one, all)| is_near(*one, *all, step))
        }
        _ => false,
    }
}

/// Whether two numbers differ by less than half a step.
fn is_near(one: f64, other: f64, step: f64) -> bool {
    (one - other).abs() < step / 2.0 - 1e-9
}

/// The numbers that a vote gave.
fn numbers(verdict: &Verdict) -> Vec<f64> {
    match verdict {
        Verdict::Score(score) => vec![*score],
        Verdict::Scores(scores) => scores.clone(),
        _ => Vec::new(),
    }
}

/// The probability of the levels of a scale that are nearer to a score than half a step; `None` if they are no numbers.
fn mass(menu: &Distribution, score: f64) -> Option<f64> {
    let level = |(name, p): &(String, f64)| Some((name.parse::<f64>().ok()?, *p));
    let levels: Vec<(f64, f64)> = menu.labels.iter().filter_map(level).collect();
    let step = step_of(levels.iter().map(|(number, _)| *number));
    let near = levels.iter().filter(|(number, _)| is_near(*number, score, step));
    (!levels.is_empty()).then(|| near.map(|(_, p)| p).sum())
}

/// The last decimal place that some of these numbers have: 1 for whole numbers, 0.1 if one of them is 7.5.
fn step_of(numbers: impl Iterator<Item = f64>) -> f64 {
    let is_whole = |number: f64| (number - number.round()).abs() < 1e-6;
    let steps = [1.0, 0.1, 0.01];
    let finest = |number: f64| steps.into_iter().find(|step| is_whole(number / step));
    numbers.map(|number| finest(number).unwrap_or(0.001)).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certainty of a score from votes with these scores, and of the verdict that combines them.
    fn certainty(score: f64, votes: &[f64]) -> Option<f64> {
        let vote = |score: &f64| Vote::new(Outcome::Verdict(Verdict::Score(*score)));
        let judgment = Judgment::new(Ok(Verdict::Score(score)));
        Judgment { votes: votes.iter().map(vote).collect(), ..judgment }.certainty()
    }

    #[test]
    fn a_mean_is_as_certain_as_the_votes_are_near_it() {
        for (score, votes, is) in [
            (7.0, &[7.0, 7.0, 7.0][..], Some(1.0)),
            (7.25, &[7.0, 7.0, 7.0, 8.0], Some(0.75)),
            (7.5, &[7.0, 8.0], Some(0.0)),
            (5.0, &[1.0, 9.0], Some(0.0)),
            (7.0, &[6.0, 7.0, 7.0, 8.0], Some(0.5)),
            // Votes that tell a tenth apart have to agree on it.
            (0.75, &[0.7, 0.8], Some(0.0)),
            (0.72, &[0.7, 0.7, 0.7, 0.7, 0.8], Some(0.8)),
            (7.0, &[7.0], None),
            // The sum of all draws, which no draw could give.
            (21.0, &[7.0, 7.0, 7.0], Some(0.0)),
        ] {
            assert_eq!(certainty(score, votes), is, "{score} of {votes:?}");
        }
    }

    #[test]
    fn a_mean_has_the_probability_of_the_nearest_level() {
        let menu = [("3", 0.1), ("4", 0.6), ("5", 0.3)].map(|(name, p)| (name.to_owned(), p));
        let of = |score: f64| {
            let judgment = Judgment::new(Ok(Verdict::Score(score)));
            let distribution = Some(Distribution::new(menu.to_vec()));
            Judgment { distribution, ..judgment }.certainty()
        };
        assert_eq!(
            [of(4.0), of(4.2), of(4.6), of(4.5)],
            [Some(0.6), Some(0.6), Some(0.3), Some(0.0)]
        );
    }
}
