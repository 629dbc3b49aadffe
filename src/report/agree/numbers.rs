//! Agreement of verdicts that are numbers.

use std::collections::BTreeMap;

use super::{
    matched::{Matched, Outcome},
    measured::Clusters,
};
use crate::{
    metrics::{
        Correlation, Figure, NOISE, kendall_tau_b, pearson, quadratic_kappa, ratio, spearman,
    },
    report::statistics::Paired,
};

/// The figures of each criterion; those of scores have names without one.
pub(super) fn figures(all: &[Matched<'_>], clusters: &Clusters) -> Vec<Figure> {
    // The places of the records, and what they say.
    type Column = (Vec<usize>, Vec<(f64, f64)>);
    let mut numbers: BTreeMap<&str, Column> = BTreeMap::new();
    for (place, one) in all.iter().enumerate() {
        let Outcome::Numbers(pairs) = &one.outcome else { continue };
        for (name, pair) in pairs {
            let (places, pairs) = numbers.entry(name).or_default();
            places.push(place);
            pairs.push(*pair);
        }
    }
    let mut figures = Vec::new();
    for (name, (places, pairs)) in numbers {
        let found = of_pairs(&pairs, &clusters.only(&places)).into_iter();
        figures
            .extend(found.map(|figure| if name.is_empty() { figure } else { named(name, figure) }));
    }
    figures
}

/// The figure of a criterion.
fn named(criterion: &str, mut figure: Figure) -> Figure {
    figure.name = format!("{criterion}.{}", figure.name);
    figure.title = format!("{criterion}: {}", figure.title);
    figure
}

/// The figures of pairs of (label, verdict).
fn of_pairs(pairs: &[(f64, f64)], clusters: &Clusters) -> Vec<Figure> {
    let count = pairs.len();
    let near = |most: f64| -> Vec<bool> {
        pairs.iter().map(|(label, verdict)| (label - verdict).abs() < most + NOISE).collect()
    };
    let differences: Vec<f64> = pairs.iter().map(|(label, verdict)| verdict - label).collect();
    let distances: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let mut distance = clusters.mean("mean_absolute_error", "mean absolute error", &distances);
    distance.interval = distance.interval.map(|interval| interval.within(0.0, f64::MAX));
    let mut figures = Vec::new();
    if pairs.iter().copied().collect::<Paired>().is_whole() {
        let base = most_frequent(pairs.iter().map(|pair| pair.0));
        figures.push(clusters.share("agreement", "agreement", &near(0.0)));
        figures.push(Figure::new("base_rate", "most frequent label", base, None, count));
        figures.push(clusters.share("within_1", "within 1", &near(1.0)));
        let kappa = |places: &[usize]| {
            quadratic_kappa(&places.iter().map(|place| pairs[*place]).collect::<Vec<_>>())
        };
        figures.push(clusters.any("quadratic_kappa", "quadratic weighted kappa", count, kappa));
    }
    figures.extend([
        clusters.correlation("pearson", "Pearson", (Correlation::Pearson, pearson), pairs),
        clusters.correlation("spearman", "Spearman", (Correlation::Spearman, spearman), pairs),
        clusters.correlation(
            "kendall",
            "Kendall tau-b",
            (Correlation::Kendall, kendall_tau_b),
            pairs,
        ),
        distance,
        clusters.mean("mean_difference", "mean difference, verdict - label", &differences),
    ]);
    let [of_labels, of_verdicts] =
        [0, 1].map(|side| levels(pairs.iter().map(|pair| if side == 0 { pair.0 } else { pair.1 })));
    figures.push(level_figure("levels_of_labels", "values that labels use", of_labels, count));
    figures.push(level_figure(
        "levels_of_verdicts",
        "values that verdicts use",
        of_verdicts,
        count,
    ));
    figures
}

/// How many values a side uses.
#[expect(clippy::cast_precision_loss, reason = "no scale has 2^52 values")]
fn level_figure(name: &str, title: &str, levels: usize, count: usize) -> Figure {
    Figure::new(name, title, Some(levels as f64), None, count)
}

/// Each number, in thousandths.
fn thousandths(numbers: impl Iterator<Item = f64>) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        #[expect(clippy::cast_possible_truncation, reason = "a number off the range is at its end")]
        let key = (number * 1_000.0).round() as i64;
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The number of different numbers.
fn levels(numbers: impl Iterator<Item = f64>) -> usize {
    thousandths(numbers).len()
}

/// The share of the most frequent number.
fn most_frequent(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let counts = thousandths(numbers);
    let most = counts.values().max()?;
    Some(ratio(*most, counts.values().sum()))
}
