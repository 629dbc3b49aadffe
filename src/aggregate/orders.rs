//! The orders in which one draw showed the answers, and comparisons of two.

use std::cmp::Ordering;

use super::{Aggregate, Agreement, Rules, share, share::Share, together};
use crate::{
    completion::Distribution,
    scale::without_noise,
    verdict::{Preference, Verdict, Vote, alike},
};

/// The verdict of one draw of one member over all of its orders, and whether both orders agree. Each vote is
/// already in the item's own order.
pub(super) fn resolved(mut votes: Vec<&Vote>, rules: &Rules<'_>) -> (Option<Share>, Agreement) {
    let text = |vote: &Vote| vote.outcome.verdict().map(ToString::to_string);
    votes.sort_by_cached_key(|vote| (vote.order.clone(), vote.reask, text(vote)));
    let shares: Vec<Share> = votes.iter().filter_map(|vote| Share::of(vote, rules)).collect();
    let agreement = agreement(&votes);
    let tied = agreement == Agreement::Differs;
    let whole = together(&shares, rules).map(|share| match share.verdict {
        Verdict::Preference(_) if tied && !by_probability(&share, rules) => {
            Share { verdict: Verdict::Preference(Preference::Tie), ..share }
        }
        _ => share,
    });
    let weight = part(shares.len(), votes.len());
    (whole.map(|share| Share { weight, ..share }), agreement)
}

/// Whether the two orders of each pair of votes agree.
fn agreement(votes: &[&Vote]) -> Agreement {
    let of_pair = |one: &Vote, other: &Vote| match (sound(one), sound(other)) {
        (Some(one), Some(other)) if alike(one, other) => Agreement::Same,
        (Some(_), Some(_)) => Agreement::Differs,
        (None, None) => Agreement::NotAsked,
        _ => Agreement::Unknown,
    };
    let pairs = votes.iter().enumerate().flat_map(|(n, one)| {
        let later = votes.iter().skip(n + 1).filter(|other| one.is_turned(other));
        later.map(move |other| of_pair(one, other))
    });
    Agreement::of_all(pairs)
}

/// The verdict of a vote, if it can be combined with others.
fn sound(vote: &Vote) -> Option<&Verdict> {
    vote.outcome.verdict().filter(|_| share::is_sound(vote))
}

#[expect(clippy::cast_precision_loss, reason = "nobody shows 2^52 orders")]
/// The share `some` of `all`.
fn part(some: usize, all: usize) -> f64 {
    some as f64 / all.max(1) as f64
}

/// The answer that more votes prefer; equal numbers are a tie. Under `expected`, the most likely side.
pub(super) fn preference(shares: &[Share], rules: &Rules<'_>) -> Verdict {
    let likeliest = || likeliest(&share::distribution(shares)?);
    let expected = rules.how == Some(Aggregate::Expected);
    if let Some(side) = expected.then(likeliest).flatten() {
        return Verdict::Preference(side);
    }
    let weight = |side: Preference| {
        let votes = shares.iter().filter(|share| share.verdict == Verdict::Preference(side));
        without_noise(votes.map(|share| share.weight).sum())
    };
    let (first, second) = (weight(Preference::First), weight(Preference::Second));
    Verdict::Preference(match first.total_cmp(&second) {
        Ordering::Greater => Preference::First,
        Ordering::Less => Preference::Second,
        Ordering::Equal => Preference::Tie,
    })
}

/// Whether the distribution decides a preference: under `expected`, if there is one.
fn by_probability(share: &Share, rules: &Rules<'_>) -> bool {
    rules.how == Some(Aggregate::Expected)
        && share.distribution.as_ref().and_then(likeliest).is_some()
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
