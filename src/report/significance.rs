//! Whether the difference between two runs is more than chance: paired tests, in which every record is compared with
//! itself.

use std::fmt;

use serde_json::{Value, json};

use super::clusters::alike;
use crate::metrics::{self, Interval};

/// Whether a difference is more than chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Significance {
    /// Verdicts with two values: McNemar's exact test (McNemar 1947, Psychometrika 12).
    ///
    /// Only records that changed are used. If the runs were equally good, each change would be as likely
    /// in one direction as in the other.
    McNemar {
        /// Records to which only the first run gave the better value.
        first: usize,
        /// Records to which only the second run gave the better value.
        second: usize,
        /// The two-sided p-value: the probability of a difference at least this large if the runs were
        /// equally good.
        p: f64,
    },
    /// Scores: the mean difference, second minus first, with a 95 % interval (paired percentile
    /// bootstrap).
    Bootstrap {
        /// The mean difference, in points of the scale.
        difference: f64,
        /// The lower and the upper end of the interval. If it does not contain 0, the difference is
        /// significant.
        interval: (f64, f64),
    },
}

impl Significance {
    /// Whether the second run is worse by more than chance: at the level of 5 %, two-sided.
    pub fn is_drop(&self) -> bool {
        match *self {
            Self::McNemar { first, second, p } => first > second && p < 0.05,
            Self::Bootstrap { interval: (_, high), .. } => high < 0.0,
        }
    }
}

impl Significance {
    /// The test as JSON.
    pub fn to_json(&self) -> Value {
        let drop = self.is_drop();
        match self {
            Self::McNemar { first, second, p } => {
                json!({"test": "mcnemar", "only_first": first, "only_second": second, "p": p, "drop": drop})
            }
            Self::Bootstrap { difference, interval } => {
                json!({"test": "paired_bootstrap", "difference": difference, "interval": interval, "drop": drop})
            }
        }
    }
}

/// The test in words.
impl fmt::Display for Significance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::McNemar { first, second, p } => write!(
                f,
                "only the first: {first}, only the second: {second}; McNemar's exact {}",
                metrics::p_value(*p)
            ),
            Self::Bootstrap { difference, interval: (low, high) } => write!(
                f,
                "mean difference {difference:+.3}, 95 % between {low:+.3} and {high:+.3} (paired bootstrap)"
            ),
        }
    }
}

/// McNemar's exact test of pairs (first run, second run) of two-valued verdicts.
pub(super) fn mcnemar(pairs: impl Iterator<Item = (bool, bool)>) -> Significance {
    let (mut first, mut second) = (0, 0);
    for pair in pairs {
        match pair {
            (true, false) => first += 1,
            (false, true) => second += 1,
            _ => (),
        }
    }
    mcnemar_of(first, second)
}

/// The same of so many records to which only the first run, or only the second run, gave the better value.
pub(super) fn mcnemar_of(first: usize, second: usize) -> Significance {
    Significance::McNemar { first, second, p: metrics::mcnemar(first, second) }
}

/// The paired percentile bootstrap (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter
/// 13), of the differences of pairs. `clusters` are the numbers of the clusters of records that belong together.
///
/// Differences that are all equal have an interval nevertheless: a share of records that was not seen may differ in the
/// other direction.
pub(super) fn bootstrap(differences: &[f64], clusters: Option<&[usize]>) -> Significance {
    let (difference, interval) = mean_difference(differences, clusters);
    Significance::Bootstrap { difference, interval }
}

/// The mean of these differences, and its 95 % interval.
pub(super) fn mean_difference(
    differences: &[f64],
    clusters: Option<&[usize]>,
) -> (f64, (f64, f64)) {
    let difference = mean_of(differences);
    let found = match clusters {
        Some(clusters) => metrics::clustered_bootstrap_mean(differences, clusters, 2_000, 0),
        None => metrics::bootstrap_mean(differences),
    };
    let unseen = metrics::unseen_share(differences.len(), clusters);
    let ends = (difference.abs() > 0.0).then_some((-difference.abs(), difference.abs()));
    let interval = match (found, ends) {
        (Some(found), _) if found.width() > 1e-12 => found,
        (_, Some(ends)) => alike(difference, unseen, ends),
        (found, None) => found.unwrap_or(Interval { low: difference, high: difference }),
    };
    (difference, interval.into())
}

/// The 95 % interval of the mean of numbers between these ends, by the percentile bootstrap. Numbers that are all equal
/// have one too, for others may not be seen yet.
pub(super) fn mean_interval(numbers: &[f64], ends: (f64, f64)) -> (f64, f64) {
    let found = metrics::bootstrap_mean(numbers).filter(|found| found.width() > 1e-12);
    let unseen = metrics::unseen_share(numbers.len(), None);
    found.unwrap_or_else(|| alike(mean_of(numbers), unseen, ends)).into()
}

/// The mean of these numbers; 0 if there are none.
pub(super) fn mean_of(numbers: &[f64]) -> f64 {
    metrics::mean(numbers).unwrap_or(0.0)
}
