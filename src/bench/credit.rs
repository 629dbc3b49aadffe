//! What several benchmarks count alike: the credit of a comparison, and its mean over the parts of a benchmark.

use std::collections::BTreeMap;

use super::{case::Gold, convention::Convention, judged::Judged, row::Row};
use crate::verdict::Preference;

/// What a verdict on two answers counts if this one is the better: 1, `tie` or 0.
pub(super) fn win(side: Preference, better: Preference, tie: f64) -> f64 {
    match side {
        _ if side == better => 1.0,
        Preference::Tie => tie,
        _ => 0.0,
    }
}

/// What a comparison of the first two answers counts, if the label is one of them: `tie` for a tie, and `official` if
/// nothing could be read.
pub(super) fn pair_credit(
    one: &Judged,
    convention: Convention,
    tie: f64,
    official: Option<f64>,
) -> Option<f64> {
    let better = one.case.preference()?;
    convention.credit(one.duel(0, 1).map(|side| win(side, better, tie)), official)
}

/// Which answer both orders name, each `None` if it could not be read; none at all without two games.
pub(super) fn both_orders(one: &Judged) -> Option<[Option<Preference>; 2]> {
    match &one.games(0, 1)[..] {
        [first, second, ..] => Some([first.side, second.side]),
        _ => None,
    }
}

/// Whether the verdict of the first order alone is the label; what could not be read is wrong.
pub(super) fn first_order(one: &Judged, convention: Convention) -> Option<f64> {
    let better = one.case.preference()?;
    let side = one.games(0, 1).first().and_then(|game| game.side);
    convention.credit(side.map(|side| win(side, better, 0.0)), Some(0.0))
}

/// Cases by a name, in the order of the names.
pub(super) fn grouped<'j, 'n>(
    judged: &[&'j Judged],
    name: impl Fn(&'j Judged) -> &'n str,
) -> Vec<(&'n str, Vec<&'j Judged>)> {
    let mut groups: BTreeMap<&'n str, Vec<&'j Judged>> = BTreeMap::new();
    for one in judged {
        groups.entry(name(one)).or_default().push(one);
    }
    groups.into_iter().collect()
}

/// Cases by the part of the benchmark that they belong to.
pub(super) fn by_subset<'j>(judged: &[&'j Judged]) -> Vec<(&'j str, Vec<&'j Judged>)> {
    grouped(judged, |one| one.case.subset.as_str())
}

/// The mean credit over all cases, and below it over each part.
pub(super) fn mean_rows(
    name: &str,
    judged: &[&Judged],
    credit: impl Fn(&Judged) -> Option<f64>,
) -> Vec<Row> {
    let mut rows = vec![Row::mean(name, judged.iter().map(|one| credit(one)))];
    let subsets = by_subset(judged);
    if subsets.len() > 1 || subsets.iter().any(|(name, _)| !name.is_empty()) {
        let of = |(name, all): &(&str, Vec<&Judged>)| {
            Row::mean(*name, all.iter().map(|one| credit(one))).indented()
        };
        rows.extend(subsets.iter().map(of));
    }
    rows
}

/// Whether the right answers are known and the first is one of them, so that it has to win.
pub(super) fn right(one: &Judged) -> Vec<bool> {
    match &one.case.gold {
        Gold::Right(right) => right.clone(),
        _ => Vec::new(),
    }
}

/// The label and the verdict of each pair as classes: 0 first, 1 second, 2 tie. `official` stands for a verdict that
/// could not be read; `None` leaves it out.
pub(super) fn classes(
    judged: &[&Judged],
    convention: Convention,
    official: Option<Preference>,
) -> Vec<(usize, usize)> {
    let class = |side: Preference| match side {
        Preference::First => 0,
        Preference::Second => 1,
        Preference::Tie => 2,
    };
    // A wrong verdict on a tie is any of both sides.
    let wrong = |truth: Preference| match truth {
        Preference::Tie => Preference::First,
        side => side.swapped(),
    };
    let pair = |one: &&Judged| {
        let truth = one.case.preference()?;
        let said = one.duel(0, 1).or_else(|| convention.stand_in(truth, wrong(truth), official))?;
        Some((class(truth), class(said)))
    };
    judged.iter().filter_map(pair).collect()
}
