//! Agreement of verdicts that are numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    matched::Matched,
    reader::{Outcome, named},
};
use crate::{
    metrics::{
        Correlation, Figure, Interval, NOISE, RatedUnits, RatingLevel, kendall_tau_b, mean,
        pearson, quadratic_kappa, spearman,
    },
    report::{clusters::Clusters, statistics::Paired},
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

/// The figures of pairs of (label, verdict).
fn of_pairs(pairs: &[(f64, f64)], clusters: &Clusters) -> Vec<Figure> {
    let count = pairs.len();
    let near = |most: f64| -> Vec<bool> {
        pairs.iter().map(|(label, verdict)| (label - verdict).abs() < most + NOISE).collect()
    };
    let differences: Vec<f64> = pairs.iter().map(|(label, verdict)| verdict - label).collect();
    let distances: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let range = range(pairs);
    let drawn = |places: &[usize]| -> Vec<(f64, f64)> {
        places.iter().map(|place| pairs[*place]).collect()
    };
    // What some records at the other end of the scale would do to a sample in which all agree.
    let perfect = |unseen: f64| {
        let spread = 2.0 * variance(pairs)?;
        let is_perfect = distances.iter().all(|distance| *distance < NOISE);
        let low = 1.0 - unseen * range * range / spread;
        (is_perfect && spread > 0.0).then(|| Interval { low: low.max(-1.0), high: 1.0 })
    };
    let mut figures = Vec::new();
    if pairs.iter().copied().collect::<Paired>().is_whole() {
        figures.push(clusters.share("agreement", "agreement", &near(0.0)));
        figures.push(clusters.share("base_rate", "most frequent label", &most_frequent(pairs)));
        figures.push(clusters.share("within_1", "within 1", &near(1.0)));
        let kappa = |places: &[usize]| quadratic_kappa(&drawn(places));
        let title = "quadratic weighted kappa";
        figures.push(clusters.any("quadratic_kappa", title, count, kappa, perfect));
    }
    let units = pairs.iter().map(|(label, verdict)| vec![*label, *verdict]).collect();
    let rated = RatedUnits::new(units, RatingLevel::Interval);
    let alpha = |places: &[usize]| rated.alpha(places);
    let error = ("mean_absolute_error", "mean absolute error");
    let difference = ("mean_difference", "mean difference, verdict - label");
    figures.extend([
        clusters.any("krippendorff_alpha", "Krippendorff's alpha", count, alpha, perfect),
        clusters.correlation("pearson", "Pearson", (Correlation::Pearson, pearson), pairs),
        clusters.correlation("spearman", "Spearman", (Correlation::Spearman, spearman), pairs),
        clusters.correlation(
            "kendall",
            "Kendall tau-b",
            (Correlation::Kendall, kendall_tau_b),
            pairs,
        ),
        clusters.mean(error.0, error.1, &distances, (0.0, range)),
        clusters.mean(difference.0, difference.1, &differences, (-range, range)),
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

/// The distance of the lowest and the highest number.
fn range(pairs: &[(f64, f64)]) -> f64 {
    let all = || pairs.iter().flat_map(|(label, verdict)| [*label, *verdict]);
    (all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min)).max(0.0)
}

/// The variance of all labels and verdicts.
fn variance(pairs: &[(f64, f64)]) -> Option<f64> {
    let all: Vec<f64> = pairs.iter().flat_map(|(label, verdict)| [*label, *verdict]).collect();
    let middle = mean(&all)?;
    mean(&all.iter().map(|number| (number - middle).powi(2)).collect::<Vec<_>>())
}

/// How many values a side uses.
#[expect(clippy::cast_precision_loss, reason = "no scale has 2^52 values")]
fn level_figure(name: &str, title: &str, levels: usize, count: usize) -> Figure {
    let figure = Figure::new(name, title, Some(levels as f64), None, count);
    figure.without_interval(COUNTED)
}

/// Why the number of values has no interval.
pub(super) const COUNTED: &str = "it counts the values that occur, and estimates nothing";

/// A number in thousandths, so that equal numbers are equal in spite of noise.
#[expect(clippy::cast_possible_truncation, reason = "a number off the range is at its end")]
fn thousandths(number: f64) -> i64 {
    (number * 1_000.0).round() as i64
}

/// The number of different numbers.
fn levels(numbers: impl Iterator<Item = f64>) -> usize {
    numbers.map(thousandths).collect::<BTreeSet<_>>().len()
}

/// Whether each label is the most frequent one.
fn most_frequent(pairs: &[(f64, f64)]) -> Vec<bool> {
    let labels: Vec<i64> = pairs.iter().map(|(label, _)| thousandths(*label)).collect();
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    labels.iter().for_each(|label| *counts.entry(*label).or_default() += 1);
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(label, _)| *label);
    labels.iter().map(|label| Some(*label) == most).collect()
}
