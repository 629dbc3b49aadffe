//! Rankings by mean place, and texts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Aggregate, Rules, average::mean, weighted::WeightedVerdict};
use crate::{
    scale::{nearly_equal, without_noise},
    verdict::Verdict,
};

type Groups = Vec<Vec<usize>>;

/// Combines rankings by mean place; candidates with equal means are tied (Borda). By majority, the ranking
/// with most votes wins; equally frequent rankings are combined by mean place.
pub(super) fn ranking(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let mut votes: Vec<(Groups, f64)> = verdicts
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Ranking(groups) => Some((in_order(groups), one.weight)),
            _ => None,
        })
        .collect();
    if rules.how == Some(Aggregate::Majority) {
        votes = most_frequent(&votes);
    }
    Verdict::Ranking(borda(&votes))
}

/// The groups in a normal form, so that ties are equal however they are written.
fn in_order(groups: &Groups) -> Groups {
    let sorted = |group: &Vec<usize>| {
        let mut group = group.clone();
        group.sort_unstable();
        group.dedup();
        group
    };
    groups.iter().map(sorted).filter(|group| !group.is_empty()).collect()
}

/// The rankings that occur most often.
fn most_frequent(votes: &[(Groups, f64)]) -> Vec<(Groups, f64)> {
    let mut counts: BTreeMap<&Groups, f64> = BTreeMap::new();
    votes.iter().for_each(|(groups, weight)| *counts.entry(groups).or_default() += weight);
    let most = counts.values().copied().fold(0.0, f64::max);
    let best = counts.into_iter().filter(|(_, weight)| nearly_equal(*weight, most));
    best.map(|(groups, weight)| (groups.clone(), weight)).collect()
}

/// The candidates by their mean place over all votes; equal means share a group.
fn borda(votes: &[(Groups, f64)]) -> Groups {
    let all: BTreeSet<usize> =
        votes.iter().flat_map(|(groups, _)| groups).flatten().copied().collect();
    let place = |candidate: usize| {
        let places =
            votes.iter().map(|(groups, weight)| (place(groups, candidate, all.len()), *weight));
        without_noise(mean(places.collect()).unwrap_or_default())
    };
    let mut placed: Vec<(f64, usize)> =
        all.iter().map(|&candidate| (place(candidate), candidate)).collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let groups = placed.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq());
    groups.map(|group| group.iter().map(|(_, candidate)| *candidate).collect()).collect()
}

/// Twice the mean place of a candidate's group, counted from 0. Candidates that a vote leaves out share the
/// last places.
#[expect(clippy::cast_precision_loss, reason = "no record has 2^52 answers")]
fn place(groups: &Groups, candidate: usize, count: usize) -> f64 {
    let mut before = 0;
    for group in groups {
        if group.contains(&candidate) {
            return (2 * before + group.len()) as f64;
        }
        before += group.len();
    }
    (before + count.max(before)) as f64
}

/// The text with most votes; of equally frequent ones the first by member, draw and order.
pub(super) fn text(verdicts: &[WeightedVerdict]) -> Verdict {
    let weight = |text: &Verdict| {
        verdicts.iter().filter(|one| one.verdict == *text).map(|one| one.weight).sum::<f64>()
    };
    let best = verdicts.iter().map(|one| (&one.verdict, weight(&one.verdict)));
    let best = best.reduce(|best, next| if next.1 > best.1 + 1e-9 { next } else { best });
    best.map_or_else(|| Verdict::Text(String::new()), |(text, _)| text.clone())
}
