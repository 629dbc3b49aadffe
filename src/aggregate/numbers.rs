//! Votes with numbers: scores, scores of several answers, and scores by criterion.

use std::collections::BTreeMap;

use super::{Aggregate, Rules, share::Share};
use crate::{
    scale::{nearly_equal, without_noise},
    verdict::Verdict,
};

/// A number and its weight.
pub(super) type Weighed = (f64, f64);

/// Combines several scores by the rules; under `expected`, each vote contributes its expected value.
pub(super) fn score(shares: &[Share], rules: &Rules<'_>) -> Verdict {
    let numbers = shares.iter().filter_map(|share| match share.verdict {
        Verdict::Score(score) => Some((score, share.weight)),
        _ => None,
    });
    Verdict::Score(number(numbers.collect(), rules).unwrap_or_default())
}

/// One number per answer, over the votes that have one for it.
pub(super) fn scores(shares: &[Share], rules: &Rules<'_>) -> Verdict {
    let rows: Vec<(&Vec<f64>, f64)> = shares
        .iter()
        .filter_map(|share| match &share.verdict {
            Verdict::Scores(scores) => Some((scores, share.weight)),
            _ => None,
        })
        .collect();
    let width = rows.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
    let column = |n: usize| {
        rows.iter().filter_map(move |(row, weight)| Some((*row.get(n)?, *weight))).collect()
    };
    Verdict::Scores((0..width).filter_map(|n| number(column(n), rules)).collect())
}

/// One number per criterion, over the votes that have one for it.
pub(super) fn criteria(shares: &[Share], rules: &Rules<'_>) -> Verdict {
    let mut columns: BTreeMap<String, Vec<Weighed>> = BTreeMap::new();
    for share in shares {
        let Verdict::Criteria(row) = &share.verdict else { continue };
        for (name, score) in row {
            columns.entry(name.clone()).or_default().push((*score, share.weight));
        }
    }
    let row = |(name, column)| Some((name, number(column, rules)?));
    Verdict::Criteria(columns.into_iter().filter_map(row).collect())
}

/// Combines several numbers. The result is never outside their range; `None` if there are none.
fn number(mut numbers: Vec<Weighed>, rules: &Rules<'_>) -> Option<f64> {
    sort(&mut numbers);
    let (lowest, highest) = (numbers.first()?.0, numbers.last()?.0);
    let number = match rules.how.unwrap_or(Aggregate::Mean) {
        Aggregate::Min => lowest,
        Aggregate::Max => highest,
        Aggregate::Median => median(&numbers)?,
        Aggregate::Majority => most_frequent(&numbers)?,
        Aggregate::Mean | Aggregate::Expected => mean(numbers)?,
    };
    Some(without_noise(number).clamp(lowest, highest))
}

/// The weighted mean, independent of the order of the numbers; `None` if there are none.
pub(super) fn mean(mut numbers: Vec<Weighed>) -> Option<f64> {
    sort(&mut numbers);
    let (lowest, highest) = (numbers.first()?.0, numbers.last()?.0);
    let total: f64 = numbers.iter().map(|(_, weight)| weight).sum();
    let sum: f64 = numbers.iter().map(|(number, weight)| number * (weight / total)).sum();
    Some(sum.clamp(lowest, highest))
}

/// Sorts by number, then by weight, so that sums do not depend on the order of votes.
fn sort(numbers: &mut [Weighed]) {
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
}

/// The number with half of the weight on each side, or the mean of the two middle ones. The numbers must be
/// sorted.
fn median(sorted: &[Weighed]) -> Option<f64> {
    let half = sorted.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut before = 0.0;
    for (n, (number, weight)) in sorted.iter().enumerate() {
        before += weight;
        match sorted.get(n + 1) {
            Some((next, _)) if nearly_equal(before, half) => {
                return Some(f64::midpoint(*number, *next));
            }
            _ if before > half => return Some(*number),
            _ => (),
        }
    }
    sorted.last().map(|(number, _)| *number)
}

/// The number with the largest weight; the lowest one if there are several. The numbers must be sorted.
fn most_frequent(sorted: &[Weighed]) -> Option<f64> {
    let runs = sorted.chunk_by(|a, b| nearly_equal(a.0, b.0));
    let runs = runs.filter_map(|run| Some((run.first()?.0, total(run))));
    let best = runs.reduce(|best, run| if run.1 > best.1 + 1e-9 { run } else { best });
    best.map(|(number, _)| number)
}

/// The sum of the weights.
fn total(numbers: &[Weighed]) -> f64 {
    numbers.iter().map(|(_, weight)| weight).sum()
}
