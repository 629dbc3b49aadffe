//! A verdict with its weight among others of its level: orders, draws or members.

use std::collections::BTreeMap;

use super::{
    Aggregate, Rules,
    average::{mean, times},
    expected,
};
use crate::{
    completion::Distribution,
    scale::nearly_equal,
    verdict::{Label, StepLabel, Steps, Verdict, Vote},
};

/// A verdict, its weight, and its distribution over the possible verdicts.
#[derive(Clone, Debug)]
pub(super) struct WeightedVerdict {
    pub(super) verdict: Verdict,
    /// Above 0, at most 1.
    pub(super) weight: f64,
    pub(super) distribution: Option<Distribution>,
    /// How many numbers are added up in this verdict; 1 if it is not a sum.
    pub(super) summed: u32,
}

impl WeightedVerdict {
    /// The verdict of a vote with the weight 1; `None` if it has no verdict.
    pub(super) fn of(vote: &Vote, rules: &Rules<'_>) -> Option<Self> {
        let verdict = cleaned(vote.outcome.verdict().filter(|verdict| is_finite(verdict))?);
        let distribution = vote.distribution.as_ref().and_then(sound);
        let mean = match (&verdict, &distribution) {
            (Verdict::Score(_), Some(seen)) if rules.how == Some(Aggregate::Expected) => {
                score_of(seen, rules)
            }
            _ => None,
        };
        Some(Self {
            verdict: mean.map_or(verdict, Verdict::Score),
            weight: 1.0,
            distribution,
            summed: 1,
        })
    }

    /// The mean of `count` draws or members as their sum, if the rule is `sum`; other verdicts than numbers stay.
    pub(super) fn summed(self, count: usize, rules: &Rules<'_>) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        if rules.how != Some(Aggregate::Sum) {
            return self;
        }
        let verdict = match self.verdict {
            Verdict::Score(score) => Verdict::Score(times(score, count)),
            Verdict::Scores(scores) => {
                Verdict::Scores(scores.into_iter().map(|score| times(score, count)).collect())
            }
            _ => return self,
        };
        Self { verdict, summed: self.summed.saturating_mul(count), ..self }
    }
}

/// Divides the weights by the largest one: only their ratios matter.
pub(super) fn scaled(verdicts: &mut [WeightedVerdict]) {
    let most = verdicts.iter().map(|one| one.weight).fold(0.0, f64::max);
    if most > 0.0 {
        verdicts.iter_mut().for_each(|one| one.weight /= most);
    }
}

/// A verdict whose probabilities can be averaged; invalid ones are removed.
fn cleaned(verdict: &Verdict) -> Verdict {
    let seen = |seen: &Option<Distribution>| seen.as_ref().and_then(sound);
    match verdict {
        Verdict::Label(label) => Verdict::Label(Label {
            p: share(label.p),
            confidence: share(label.confidence),
            distribution: seen(&label.distribution),
            ..label.clone()
        }),
        Verdict::Steps(steps) => {
            let step = |step: &StepLabel| StepLabel {
                p: share(step.p),
                value: step.value.filter(|value| value.is_finite()),
                distribution: seen(&step.distribution),
                ..step.clone()
            };
            Verdict::Steps(Steps { steps: steps.steps.iter().map(step).collect(), ..*steps })
        }
        verdict => verdict.clone(),
    }
}

/// Whether a vote holds a verdict that can be combined with others.
pub(super) fn is_sound(vote: &Vote) -> bool {
    vote.outcome.verdict().is_some_and(is_finite)
}

/// The verdicts of the most frequent kind: the votes of a judge are of one kind, and different kinds cannot
/// be combined.
pub(super) fn of_one_kind(verdicts: &[WeightedVerdict]) -> Vec<WeightedVerdict> {
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    verdicts
        .iter()
        .for_each(|one| *kinds.entry(one.verdict.kind().name()).or_default() += one.weight);
    let most = kinds.values().copied().fold(0.0, f64::max);
    let kind = kinds.iter().find(|(_, weight)| nearly_equal(**weight, most)).map(|(kind, _)| *kind);
    verdicts.iter().filter(|one| Some(one.verdict.kind().name()) == kind).cloned().collect()
}

/// The mean of the distributions of the verdicts, if all have one.
pub(super) fn distribution(verdicts: &[WeightedVerdict]) -> Option<Distribution> {
    averaged(verdicts.iter().map(|one| (one.distribution.as_ref(), one.weight)))
}

/// The weighted mean of several distributions; `None` if one is missing. The labels are in the order of the
/// longest distribution.
pub(super) fn averaged<'d>(
    all: impl Iterator<Item = (Option<&'d Distribution>, f64)>,
) -> Option<Distribution> {
    let all: Vec<(&Distribution, f64)> =
        all.map(|(seen, weight)| Some((seen?, weight))).collect::<Option<_>>()?;
    let lists = all.iter().map(|(seen, _)| names(seen));
    let longest = lists.min_by_key(|names| (usize::MAX - names.len(), names.clone()))?;
    let mut labels: Vec<&str> = all.iter().flat_map(|(seen, _)| names(seen)).collect();
    let place = |label: &str| longest.iter().position(|name| *name == label).unwrap_or(usize::MAX);
    labels.sort_by_key(|label| (place(label), *label));
    labels.dedup();
    let mean_of = |p: &dyn Fn(&Distribution) -> f64| {
        mean(all.iter().map(|(seen, weight)| (p(seen), *weight)).collect()).unwrap_or(0.0)
    };
    let p = |label: &str| mean_of(&|seen| seen.of(label).unwrap_or(0.0));
    let missing = mean_of(&|seen| seen.missing);
    let labels = labels.iter().map(|label| ((*label).to_owned(), p(label))).collect();
    let top = all.iter().filter_map(|(seen, _)| seen.top).min();
    Some(Distribution { labels, missing, top })
}

fn names(seen: &Distribution) -> Vec<&str> {
    seen.labels.iter().map(|(label, _)| label.as_str()).collect()
}

/// The expected score of a distribution over the values of a scale.
pub(super) fn score_of(seen: &Distribution, rules: &Rules<'_>) -> Option<f64> {
    let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    let level = |text: &str| rules.scale.and_then(|scale| scale.level(text));
    expected(seen, |text| level(text).or_else(|| number(text))).filter(|mean| mean.is_finite())
}

/// The distribution with probabilities that add up to 1 and each label once; `None` if that is impossible.
fn sound(seen: &Distribution) -> Option<Distribution> {
    const NOISE: f64 = 1e-6;
    let is_share = |p: f64| (0.0..=1.0 + NOISE).contains(&p);
    let total = seen.mass() + seen.missing;
    let mut names = names(seen);
    names.sort_unstable();
    names.dedup();
    let is_sound = seen.labels.iter().all(|(_, p)| is_share(*p))
        && is_share(seen.missing)
        && total > 0.0
        && names.len() == seen.labels.len();
    if is_sound && nearly_equal(total, 1.0) {
        return Some(seen.clone());
    }
    is_sound.then(|| Distribution {
        labels: seen.labels.iter().map(|(label, p)| (label.clone(), p / total)).collect(),
        missing: seen.missing / total,
        top: seen.top,
    })
}

/// A probability, if it is a valid one.
fn share(p: Option<f64>) -> Option<f64> {
    p.filter(|p| (0.0..=1.0).contains(p))
}

/// Whether all numbers of a verdict are finite.
fn is_finite(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Score(score) => score.is_finite(),
        Verdict::Scores(scores) => scores.iter().all(|score| score.is_finite()),
        Verdict::Criteria(criteria) => criteria.values().all(|score| score.is_finite()),
        Verdict::Rubric(rubric) => rubric.is_finite(),
        Verdict::Label(_)
        | Verdict::Steps(_)
        | Verdict::Preference(_)
        | Verdict::Ranking(_)
        | Verdict::Text(_) => true,
    }
}
