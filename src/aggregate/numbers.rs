//! Votes with numbers: scores, scores of several answers, and scores by criterion.

use std::collections::BTreeMap;

use super::{
    Aggregate, Rules,
    average::{Weighed, mean, median, most_frequent, sort},
    weighted::WeightedVerdict,
};
use crate::{scale::without_noise, verdict::Verdict};

/// Combines several scores by the rules; under `expected`, each vote contributes its expected value.
pub(super) fn score(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let numbers = verdicts.iter().filter_map(|one| match one.verdict {
        Verdict::Score(score) => Some((score, one.weight)),
        _ => None,
    });
    Verdict::Score(number(numbers.collect(), rules).unwrap_or_default())
}

/// One number per answer, over the votes that have one for it.
pub(super) fn scores(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let rows: Vec<(&Vec<f64>, f64)> = verdicts
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Scores(scores) => Some((scores, one.weight)),
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
pub(super) fn criteria(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let mut columns: BTreeMap<String, Vec<Weighed>> = BTreeMap::new();
    for one in verdicts {
        let Verdict::Criteria(row) = &one.verdict else { continue };
        for (name, score) in row {
            columns.entry(name.clone()).or_default().push((*score, one.weight));
        }
    }
    let row = |(name, column)| Some((name, number(column, rules)?));
    Verdict::Criteria(columns.into_iter().filter_map(row).collect())
}

/// Combines several numbers. The result is never outside their range; `None` if there are none.
pub(super) fn number(mut numbers: Vec<Weighed>, rules: &Rules<'_>) -> Option<f64> {
    sort(&mut numbers);
    let (lowest, highest) = (numbers.first()?.0, numbers.last()?.0);
    let number = match rules.how.unwrap_or(Aggregate::Mean) {
        Aggregate::Min => lowest,
        Aggregate::Max => highest,
        Aggregate::Median => median(&numbers)?,
        Aggregate::Majority => most_frequent(&numbers)?,
        // A sum is this mean times the number of draws, and is rounded only then.
        Aggregate::Sum => return mean(numbers),
        Aggregate::Mean | Aggregate::Expected => mean(numbers)?,
    };
    Some(without_noise(number).clamp(lowest, highest))
}
