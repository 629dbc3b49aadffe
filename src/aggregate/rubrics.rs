//! Votes with the verdicts on the criteria of a rubric.

use super::{
    Aggregate, Rules,
    average::{Weighed, mean},
    numbers::number,
    weighted::WeightedVerdict,
};
use crate::{
    scale::nearly_equal,
    verdict::{Assessment, CriterionVerdict, Rubric, Verdict},
};

/// Combines the verdicts on each criterion. Votes that could not assess a criterion are left out for it.
pub(super) fn rubric(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let rubrics: Vec<(&Rubric, f64)> = verdicts
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Rubric(rubric) => Some((rubric, one.weight)),
            _ => None,
        })
        .collect();
    // The votes of a judge are about the same criteria; the longest list is the whole one.
    let whole = rubrics.iter().max_by_key(|(rubric, _)| rubric.criteria().len());
    let names = whole.into_iter().flat_map(|(rubric, _)| rubric.criteria());
    let criteria = names.filter_map(|named| {
        let votes: Vec<(&CriterionVerdict, f64)> = rubrics
            .iter()
            .filter_map(|(rubric, weight)| Some((rubric.get(&named.name)?, *weight)))
            .collect();
        criterion(&votes, rules)
    });
    Verdict::Rubric(Rubric::new(criteria.collect()))
}

/// The verdict of several votes on one criterion.
fn criterion(votes: &[(&CriterionVerdict, f64)], rules: &Rules<'_>) -> Option<CriterionVerdict> {
    let (first, _) = votes.first()?;
    let numbers = |of: fn(&CriterionVerdict) -> Option<f64>| -> Vec<Weighed> {
        votes.iter().filter_map(|(vote, weight)| Some((of(vote)?, *weight))).collect()
    };
    let p: Option<Vec<Weighed>> =
        votes.iter().map(|(vote, weight)| Some((vote.p?, *weight))).collect();
    let p = p.and_then(mean);
    let assessed = votes.iter().any(|(vote, _)| vote.verdict.is_some());
    let combined = if assessed {
        let verdict = majority(&numbers(|vote| vote.value), rules);
        CriterionVerdict::assessed(&first.name, verdict)
    } else {
        CriterionVerdict {
            value: number(numbers(|vote| vote.value), rules),
            normalized: number(numbers(|vote| vote.normalized), rules),
            ..(*first).clone()
        }
    };
    Some(CriterionVerdict { weight: first.weight, required: first.required, p, ..combined })
}

/// Whether a criterion is met, by the votes that assessed it: 1 for met, 0 for unmet. It cannot be assessed if as
/// many votes find it met as unmet.
fn majority(votes: &[Weighed], rules: &Rules<'_>) -> Assessment {
    let weight = |met: bool| {
        votes.iter().filter(|(value, _)| (*value > 0.5) == met).map(|(_, weight)| weight).sum()
    };
    let (met, unmet): (f64, f64) = (weight(true), weight(false));
    match rules.how {
        _ if votes.is_empty() => Assessment::CannotAssess,
        Some(Aggregate::Min) if unmet > 0.0 => Assessment::Unmet,
        Some(Aggregate::Max) if met > 0.0 => Assessment::Met,
        _ if nearly_equal(met, unmet) => Assessment::CannotAssess,
        _ if met > unmet => Assessment::Met,
        _ => Assessment::Unmet,
    }
}
