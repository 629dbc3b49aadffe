//! Votes on steps: the first wrong step.
//!
//! The labels of a vote count up to its own first error. A vote that stopped at a step is evidence of an
//! error there, but not of anything after it. So if every vote names an error, the combined verdict names one
//! too.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Aggregate, Rules,
    average::mean,
    labels::place,
    weighted::{WeightedVerdict, averaged},
};
use crate::{
    scale::without_noise,
    verdict::{StepLabel, Steps, Verdict},
};

/// Combines votes on steps. If all votes have probabilities, each step is decided by its mean probability
/// (She et al. 2025, R-PRM). Otherwise, and by majority, the first error with most votes wins (Zheng et al.
/// 2024, `ProcessBench`).
pub(super) fn steps(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let votes: Vec<Cast> = verdicts.iter().filter_map(Cast::of).collect();
    let by_probability =
        rules.how != Some(Aggregate::Majority) && votes.iter().all(Cast::knows_probabilities);
    let first_error =
        if by_probability { likeliest_error(&votes) } else { most_named_error(&votes) };
    let places = places(&votes).into_iter();
    let labels = places.map_while(|at| labelled(&votes, first_error, at, rules));
    let steps = Steps { first_error, steps: labels.collect(), score: None };
    let score = rules.reduce.and_then(|reduce| reduce.of_steps(&steps));
    Verdict::Steps(Steps { score, ..steps })
}

/// One vote on steps.
struct Cast {
    first_error: Option<usize>,
    steps: BTreeMap<usize, StepLabel>,
    weight: f64,
}

impl Cast {
    /// The vote of a weighted verdict; `None` for verdicts of other kinds.
    fn of(verdict: &WeightedVerdict) -> Option<Self> {
        let Verdict::Steps(vote) = &verdict.verdict else { return None };
        let steps = vote.steps.iter().map(|label| (label.index, label.clone())).collect();
        Some(Self { first_error: vote.first_error, steps, weight: verdict.weight })
    }

    /// Whether every labelled step has a probability.
    fn knows_probabilities(&self) -> bool {
        let has_label = |at: usize| self.steps.contains_key(&at);
        !self.steps.is_empty()
            && self.first_error.is_none_or(has_label)
            && self.steps.values().all(|step| step.p.is_some())
    }

    /// Whether it labels this step and found no error before it.
    fn reached(&self, at: usize) -> bool {
        self.first_error.is_none_or(|error| error >= at) && self.steps.contains_key(&at)
    }

    /// Whether it names this step as the first error.
    fn names(&self, at: usize) -> bool {
        self.first_error == Some(at)
    }
}

/// The steps that any vote labels, in order.
fn places(votes: &[Cast]) -> BTreeSet<usize> {
    votes.iter().flat_map(|vote| vote.steps.keys()).copied().collect()
}

/// The first step that is more likely wrong than right, over the votes that reached it. If all or none of
/// them name a step as an error, that decides.
fn likeliest_error(votes: &[Cast]) -> Option<usize> {
    let is_error = |at: usize| {
        let mut reached = votes.iter().filter(|vote| vote.reached(at)).peekable();
        let mut numbers = Vec::new();
        let (mut some, mut all) = (false, reached.peek().is_some());
        for vote in reached {
            some |= vote.names(at);
            all &= vote.names(at);
            numbers.extend(vote.steps.get(&at).and_then(|step| Some((step.p?, vote.weight))));
        }
        all || (some && mean(numbers).is_some_and(|p| without_noise(p) < 0.5))
    };
    places(votes).into_iter().find(|at| is_error(*at))
}

/// The first error with most votes. Of equally frequent results, an error wins over no error, and the
/// earliest error wins.
fn most_named_error(votes: &[Cast]) -> Option<usize> {
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for vote in votes {
        *counts.entry(vote.first_error.unwrap_or(usize::MAX)).or_default() += vote.weight;
    }
    let best = counts.into_iter().reduce(|best, next| {
        if without_noise(next.1) > without_noise(best.1) { next } else { best }
    });
    best.map(|(at, _)| at).filter(|at| *at != usize::MAX)
}

/// One step, combined over the votes that reached it. Steps after the first error are kept if a vote that
/// names this error labels them.
fn labelled(
    votes: &[Cast],
    first_error: Option<usize>,
    at: usize,
    rules: &Rules<'_>,
) -> Option<StepLabel> {
    let is_later = first_error.is_some_and(|error| error < at);
    let is_error = first_error == Some(at);
    let has = |vote: &&Cast| vote.steps.contains_key(&at);
    let agrees = |vote: &&Cast| {
        if is_later {
            has(vote) && vote.first_error == first_error
        } else {
            vote.reached(at) && vote.names(at) == is_error
        }
    };
    let pool: Vec<&Cast> =
        votes.iter().filter(|vote| if is_later { has(vote) } else { vote.reached(at) }).collect();
    let of = |vote: &&Cast| vote.steps.get(&at).map(|step| (step.clone(), vote.weight));
    let agreeing: Vec<(StepLabel, f64)> =
        votes.iter().filter(agrees).filter_map(|vote| of(&vote)).collect();
    let pool: Vec<(StepLabel, f64)> = pool.iter().filter_map(of).collect();
    let label = most_frequent(&agreeing, rules)?;
    let averages = |number: fn(&StepLabel) -> Option<f64>| {
        let all = pool.iter().map(|(step, weight)| Some((number(step)?, *weight)));
        all.collect::<Option<Vec<_>>>().and_then(mean)
    };
    let (p, value) = (averages(|step| step.p), averages(|step| step.value));
    let distribution =
        averaged(pool.iter().map(|(step, weight)| (step.distribution.as_ref(), *weight)));
    Some(StepLabel { p, value, distribution, ..StepLabel::new(at, label) })
}

/// The label that most votes give to a step, as they write it; of equally frequent ones the first in the
/// order of the prompt.
fn most_frequent(steps: &[(StepLabel, f64)], rules: &Rules<'_>) -> Option<String> {
    let mut counts: BTreeMap<(usize, &str), f64> = BTreeMap::new();
    for (step, weight) in steps {
        *counts.entry((place(&step.label, rules), &step.label)).or_default() += weight;
    }
    let best = counts.into_iter().reduce(|best, next| {
        if without_noise(next.1) > without_noise(best.1) { next } else { best }
    });
    best.map(|((_, label), _)| label.to_owned())
}
