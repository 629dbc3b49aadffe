//! How several readings become one verdict.

use std::{cmp::Ordering, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    completion::Distribution,
    scale::tidy,
    verdict::{
        CORRECT, INCORRECT, Label, Preference, StepLabel, Steps, Unreadable, Verdict, alike,
    },
};

/// How the verdicts of several draws become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The mean of numbers and of probabilities; comparisons and bare labels are counted.
    Mean,
    /// The middle number.
    Median,
    /// The most frequent verdict; the earliest of equals.
    Majority,
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// The mean over each draw's distribution of levels (Liu et al. 2023, G-Eval).
    Expected,
}

/// The same where some draws of a comparison count as half, because one of their orders could not be read.
pub fn weighed(
    votes: &[(Result<Verdict, Unreadable>, bool)],
    how: Option<Aggregate>,
) -> Result<Verdict, Unreadable> {
    let mixed = votes.iter().any(|(_, half)| *half) && votes.iter().any(|(_, half)| !half);
    let times = |half: &bool| if mixed && !half { 2 } else { 1 };
    let all: Vec<_> =
        votes.iter().flat_map(|(vote, half)| vec![vote.clone(); times(half)]).collect();
    draws(&all, how)
}

/// One verdict out of the readable ones; the first unreadable if there is none.
pub fn draws(
    votes: &[Result<Verdict, Unreadable>],
    how: Option<Aggregate>,
) -> Result<Verdict, Unreadable> {
    let readable: Vec<&Verdict> = votes.iter().filter_map(|vote| vote.as_ref().ok()).collect();
    match (readable.as_slice(), votes.first()) {
        ([], Some(Err(why))) => Err(why.clone()),
        ([one], _) => Ok((*one).clone()),
        (many, _) => Ok(combine(many, how.unwrap_or(Aggregate::Mean))),
    }
}

fn combine(votes: &[&Verdict], how: Aggregate) -> Verdict {
    let majority = how == Aggregate::Majority;
    match votes {
        [Verdict::Score(_), ..] if !majority => Verdict::Score(number(
            &of(votes, |v| if let Verdict::Score(n) = v { Some(*n) } else { None }),
            how,
        )),
        [Verdict::Label(_), ..] => label(
            &of(votes, |v| if let Verdict::Label(l) = v { Some(l.clone()) } else { None }),
            how,
        ),
        [Verdict::Preference(_), ..] => Verdict::Preference(preference(votes)),
        [Verdict::Steps(_), ..] => {
            steps(&of(votes, |v| if let Verdict::Steps(s) = v { Some(s.clone()) } else { None }))
        }
        [Verdict::Scores(_), ..] if !majority => Verdict::Scores(columns(
            &of(votes, |v| if let Verdict::Scores(s) = v { Some(s.clone()) } else { None }),
            how,
        )),
        [Verdict::Criteria(_), ..] if !majority => criteria(votes, how),
        [Verdict::Ranking(_), ..] if !majority => {
            ranking(&of(
                votes,
                |v| if let Verdict::Ranking(r) = v { Some(r.clone()) } else { None },
            ))
        }
        _ => most_frequent(votes),
    }
}

fn of<T>(votes: &[&Verdict], pick: impl Fn(&Verdict) -> Option<T>) -> Vec<T> {
    votes.iter().filter_map(|vote| pick(vote)).collect()
}

/// One number out of several; 0 entries give NaN, which no caller asks for.
fn number(numbers: &[f64], how: Aggregate) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    tidy(match how {
        Aggregate::Min => at(0),
        Aggregate::Max => at(sorted.len().saturating_sub(1)),
        Aggregate::Median => f64::midpoint(at((sorted.len().max(1) - 1) / 2), at(sorted.len() / 2)),
        _ => mean(&sorted),
    })
}

#[expect(clippy::cast_precision_loss, reason = "nobody draws 2^52 samples")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn most_frequent(votes: &[&Verdict]) -> Verdict {
    let count = |wanted: &Verdict| votes.iter().filter(|vote| **vote == wanted).count();
    // `max_by_key` keeps the last of equals, and the earliest shall win.
    let best = votes.iter().rev().max_by_key(|vote| count(vote));
    best.map_or_else(|| Verdict::Text(String::new()), |vote| (**vote).clone())
}

/// By probability where every vote has one (Zhang et al. 2024, GenRM: the mean of P(Yes)), else by
/// count.
fn label(votes: &[Label], how: Aggregate) -> Verdict {
    let weigh = how != Aggregate::Majority && votes.iter().all(|vote| vote.confidence.is_some());
    let chance = |name: &str, vote: &Label| match vote.confidence {
        Some(sure) if vote.label == name => sure,
        Some(sure) => 1.0 - sure,
        None => f64::from(u8::from(vote.label == name)),
    };
    let support = |name: &str| -> f64 {
        let weights = votes.iter().map(|vote| {
            if weigh { chance(name, vote) } else { f64::from(u8::from(vote.label == name)) }
        });
        weights.sum()
    };
    let best = votes.iter().rev().max_by(|a, b| support(&a.label).total_cmp(&support(&b.label)));
    let label = best.map(|vote| vote.label.clone()).unwrap_or_default();
    let mean_of = |all: Vec<f64>| (all.len() == votes.len()).then(|| mean(&all));
    let sure = votes.iter().filter(|vote| vote.confidence.is_some());
    let confidence = mean_of(sure.map(|vote| chance(&label, vote)).collect());
    let p = mean_of(votes.iter().filter_map(|vote| vote.p).collect());
    Verdict::Label(Label { p, confidence, ..Label::new(label) })
}

fn preference(votes: &[&Verdict]) -> Preference {
    let count =
        |side: Preference| votes.iter().filter(|v| ***v == Verdict::Preference(side)).count();
    match count(Preference::First).cmp(&count(Preference::Second)) {
        Ordering::Greater => Preference::First,
        Ordering::Less => Preference::Second,
        Ordering::Equal => Preference::Tie,
    }
}

/// The mean probability of each step where all tell it (She et al. 2025, R-PRM), else the first error
/// that most votes name (Zheng et al. 2024, ProcessBench).
fn steps(votes: &[Steps]) -> Verdict {
    let length = votes.iter().map(|vote| vote.steps.len()).min().unwrap_or(0);
    let certain = length > 0 && votes.iter().all(|vote| vote.steps.iter().all(|s| s.p.is_some()));
    if !certain {
        let all: Vec<Verdict> = votes.iter().cloned().map(Verdict::Steps).collect();
        let same =
            |a: &Steps| votes.iter().filter(|vote| vote.first_error == a.first_error).count();
        let best = votes.iter().rev().max_by_key(|vote| same(vote));
        return best.map_or_else(
            || most_frequent(&all.iter().collect::<Vec<_>>()),
            |s| Verdict::Steps(s.clone()),
        );
    }
    let step = |index: usize| {
        let p = mean(&votes.iter().filter_map(|vote| vote.steps.get(index)?.p).collect::<Vec<_>>());
        let label = if p >= 0.5 { CORRECT } else { INCORRECT };
        StepLabel { p: Some(p), ..StepLabel::new(index, label) }
    };
    let steps: Vec<StepLabel> = (0..length).map(step).collect();
    let first_error = steps.iter().position(|step| step.label == INCORRECT);
    Verdict::Steps(Steps { first_error, steps })
}

fn columns(rows: &[Vec<f64>], how: Aggregate) -> Vec<f64> {
    let width = rows.iter().map(Vec::len).min().unwrap_or(0);
    let column = |n: usize| rows.iter().filter_map(|row| row.get(n).copied()).collect::<Vec<_>>();
    (0..width).map(|n| number(&column(n), how)).collect()
}

fn criteria(votes: &[&Verdict], how: Aggregate) -> Verdict {
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for vote in votes {
        let Verdict::Criteria(row) = vote else { continue };
        row.iter().for_each(|(name, n)| columns.entry(name.clone()).or_default().push(*n));
    }
    Verdict::Criteria(columns.into_iter().map(|(name, row)| (name, number(&row, how))).collect())
}

/// By mean place; candidates of equal mean are tied (Borda).
fn ranking(votes: &[Vec<Vec<usize>>]) -> Verdict {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for groups in votes {
        let mut before = 0;
        for group in groups {
            // Twice the mean place of the group, to stay in whole numbers.
            let place = 2 * before + group.len();
            group.iter().for_each(|candidate| *places.entry(*candidate).or_default() += place);
            before += group.len();
        }
    }
    let mut by_place: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    places
        .into_iter()
        .for_each(|(candidate, place)| by_place.entry(place).or_default().push(candidate));
    Verdict::Ranking(by_place.into_values().collect())
}

/// The verdict over both orders of two answers, each already in the item's own order, and whether
/// they agree. A verdict that changes with the order is a tie. Where one order cannot be read the other one
/// decides, it is not known whether they agree, and the draw counts as half ([`draws`]).
pub fn both_orders(
    given: &Result<Verdict, Unreadable>,
    swapped: &Result<Verdict, Unreadable>,
    how: Option<Aggregate>,
) -> (Result<Verdict, Unreadable>, Option<bool>) {
    match (given, swapped) {
        (Ok(one), Ok(two)) if alike(one, two) => (Ok(one.clone()), Some(true)),
        (Ok(Verdict::Preference(_)), Ok(_)) => {
            (Ok(Verdict::Preference(Preference::Tie)), Some(false))
        }
        (Ok(one), Ok(two)) => {
            (Ok(combine(&[one, two], how.unwrap_or(Aggregate::Mean))), Some(false))
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => (Ok(one.clone()), None),
        (Err(why), Err(_)) => (Err(why.clone()), None),
    }
}

/// The mean of what labels are worth, weighted by their probabilities; labels that are worth nothing are left
/// out, and `None` is where no other has any probability.
pub fn expected(distribution: &Distribution, worth: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let labels = distribution.labels.iter();
    let levels: Vec<(f64, f64)> =
        labels.filter_map(|(label, p)| Some((worth(label.trim())?, *p))).collect();
    let total: f64 = levels.iter().map(|(_, p)| p).sum();
    (total > 0.0).then(|| tidy(levels.iter().map(|(n, p)| n * p).sum::<f64>() / total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;

    fn missing() -> Result<Verdict, Unreadable> {
        Err(Unreadable::new(Reason::Missing, "nothing"))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a vote is a result")]
    fn said(label: &str, confidence: Option<f64>) -> Result<Verdict, Unreadable> {
        let p = confidence.map(|sure| if label == "correct" { sure } else { 1.0 - sure });
        Ok(Verdict::Label(Label { p, confidence, ..Label::new(label) }))
    }

    #[test]
    fn unreadable_votes_are_skipped_and_never_counted_as_a_number() {
        let votes = [Ok(Verdict::Score(4.0)), missing(), Ok(Verdict::Score(5.0))];
        assert_eq!(draws(&votes, None), Ok(Verdict::Score(4.5)));
        assert_eq!(draws(&[missing(), missing()], None), missing());
    }

    #[test]
    fn probabilities_outweigh_bare_counts() {
        let votes = [
            said("correct", Some(0.55)),
            said("correct", Some(0.55)),
            said("incorrect", Some(0.99)),
        ];
        let Ok(Verdict::Label(mean)) = draws(&votes, None) else { panic!("a label") };
        assert_eq!(mean.label, "incorrect");
        assert!((mean.confidence.unwrap() - (0.45 + 0.45 + 0.99) / 3.0).abs() < 1e-12);
        assert!((mean.p.unwrap() - (0.55 + 0.55 + 0.01) / 3.0).abs() < 1e-12);
        let Ok(Verdict::Label(most)) = draws(&votes, Some(Aggregate::Majority)) else {
            panic!("a label")
        };
        assert_eq!(most.label, "correct");
    }

    #[test]
    fn a_preference_that_changes_with_the_order_is_a_tie() {
        let first = Ok(Verdict::Preference(Preference::First));
        let second = Ok(Verdict::Preference(Preference::Second));
        assert_eq!(both_orders(&first, &first, None), (first.clone(), Some(true)));
        let tie = Ok(Verdict::Preference(Preference::Tie));
        assert_eq!(both_orders(&first, &second, None), (tie, Some(false)));
        assert_eq!(both_orders(&first, &missing(), None), (first.clone(), None));
    }

    #[test]
    fn a_draw_with_one_unreadable_order_counts_as_half() {
        let vote = |side, half| (Ok(Verdict::Preference(side)), half);
        let (first, second) = (Preference::First, Preference::Second);
        let of = |votes: &[_]| weighed(votes, None);
        let tie = Ok(Verdict::Preference(Preference::Tie));
        assert_eq!(of(&[vote(first, false), vote(second, true)]), vote(first, false).0);
        assert_eq!(of(&[vote(first, false), vote(second, true), vote(second, true)]), tie);
        assert_eq!(of(&[vote(first, true), vote(second, true)]), tie);
        assert_eq!(of(&[vote(first, true)]), vote(first, true).0);
    }

    #[test]
    fn rankings_are_merged_by_mean_place() {
        let votes = [
            Ok(Verdict::Ranking(vec![vec![0], vec![1], vec![2]])),
            Ok(Verdict::Ranking(vec![vec![1], vec![0], vec![2]])),
        ];
        assert_eq!(draws(&votes, None), Ok(Verdict::Ranking(vec![vec![0, 1], vec![2]])));
    }

    #[test]
    fn the_expected_score_weighs_levels_by_probability() {
        let seen =
            Distribution { labels: vec![("1".into(), 0.1), ("5".into(), 0.3)], missing: 0.6 };
        let worth = |label: &str| label.parse().ok();
        assert_eq!(expected(&seen, worth), Some(4.0));
        let noisy = [0.1, 0.2, 0.4, 0.2, 0.1].map(|p: f64| p / 3.0);
        let labels = (1..=5).map(|n| n.to_string()).zip(noisy).collect();
        assert_eq!(expected(&Distribution { labels, missing: 0.0 }, worth), Some(3.0));
    }
}
