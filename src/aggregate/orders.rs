//! The orders in which one draw showed the answers, and comparisons of two.

use std::cmp::Ordering;

use super::{
    Aggregate, OrderAgreement, Rules, together,
    weighted::{self, WeightedVerdict},
};
use crate::{
    completion::Distribution,
    scale::without_noise,
    verdict::{Preference, Verdict, Vote, alike},
};

/// The verdict of one draw of one member over all of its orders, and whether both orders agree. Each vote is
/// already in the item's own order.
pub(super) fn resolved(
    mut votes: Vec<&Vote>,
    rules: &Rules<'_>,
) -> (Option<WeightedVerdict>, OrderAgreement) {
    let text = |vote: &Vote| vote.outcome.verdict().map(ToString::to_string);
    votes.sort_by_cached_key(|vote| (vote.order.clone(), vote.reask, text(vote)));
    let verdicts: Vec<WeightedVerdict> =
        votes.iter().filter_map(|vote| WeightedVerdict::of(vote, rules)).collect();
    let agreement = agreement(&votes);
    let tied = agreement == OrderAgreement::Differs;
    let whole = together(&verdicts, rules).map(|one| match one.verdict {
        Verdict::Preference(_) if tied && !by_probability(&one, rules) => {
            WeightedVerdict { verdict: Verdict::Preference(Preference::Tie), ..one }
        }
        _ => one,
    });
    let weight = part(verdicts.len(), votes.len());
    (whole.map(|one| WeightedVerdict { weight, ..one }), agreement)
}

/// Whether the two orders of each pair of votes agree.
fn agreement(votes: &[&Vote]) -> OrderAgreement {
    let of_pair = |one: &Vote, other: &Vote| match (sound(one), sound(other)) {
        (Some(one), Some(other)) if alike(one, other) => OrderAgreement::Same,
        (Some(_), Some(_)) => OrderAgreement::Differs,
        (None, None) => OrderAgreement::NotAsked,
        _ => OrderAgreement::Unknown,
    };
    let pairs = votes.iter().enumerate().flat_map(|(n, one)| {
        let later = votes.iter().skip(n + 1).filter(|other| one.is_turned(other));
        later.map(move |other| of_pair(one, other))
    });
    OrderAgreement::of_all(pairs)
}

/// The verdict of a vote, if it can be combined with others.
fn sound(vote: &Vote) -> Option<&Verdict> {
    vote.outcome.verdict().filter(|_| weighted::is_sound(vote))
}

#[expect(clippy::cast_precision_loss, reason = "no draw has 2^52 orders")]
/// The share `some` of `all`.
fn part(some: usize, all: usize) -> f64 {
    some as f64 / all.max(1) as f64
}

/// The answer that more votes prefer; equal numbers are a tie. Under `expected`, the most likely side.
pub(super) fn preference(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let likeliest = || likeliest(&weighted::distribution(verdicts)?);
    let expected = rules.how == Some(Aggregate::Expected);
    if let Some(side) = expected.then(likeliest).flatten() {
        return Verdict::Preference(side);
    }
    let weight = |side: Preference| {
        let votes = verdicts.iter().filter(|one| one.verdict == Verdict::Preference(side));
        without_noise(votes.map(|one| one.weight).sum())
    };
    let (first, second) = (weight(Preference::First), weight(Preference::Second));
    Verdict::Preference(match first.total_cmp(&second) {
        Ordering::Greater => Preference::First,
        Ordering::Less => Preference::Second,
        Ordering::Equal => Preference::Tie,
    })
}

/// Whether the distribution decides a preference: under `expected`, if there is one.
fn by_probability(verdict: &WeightedVerdict, rules: &Rules<'_>) -> bool {
    rules.how == Some(Aggregate::Expected)
        && verdict.distribution.as_ref().and_then(likeliest).is_some()
}

/// The side with the highest probability; `None` if the distribution contains no side. Equally likely sides
/// are a tie.
fn likeliest(seen: &Distribution) -> Option<Preference> {
    let p = |side: Preference| seen.of(side.name()).map(without_noise);
    let (first, second) = (p(Preference::First)?, p(Preference::Second)?);
    let tie = p(Preference::Tie).unwrap_or(0.0);
    Some(match first.total_cmp(&second) {
        Ordering::Greater if first > tie => Preference::First,
        Ordering::Less if second > tie => Preference::Second,
        _ => Preference::Tie,
    })
}
