//! Whether the difference between two runs is more than chance: paired tests, in which every record is compared with
//! itself.

use super::statistics::real;

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

/// The number of bootstrap resamples: enough for the second digit of a 95 % interval.
const RESAMPLES: u32 = 2_000;

/// McNemar's exact test of pairs (first run, second run) of two-valued verdicts.
///
/// With `b` and `c` records that changed in one direction and in the other, and `n = b + c`, the p-value
/// is twice the probability of `min(b, c)` or fewer heads in `n` tosses of a coin, at most 1. The exact
/// form is used because its approximation by chi-squared is poor for fewer than about 25 changes.
pub(super) fn mcnemar(pairs: impl Iterator<Item = (bool, bool)>) -> Significance {
    let (mut first, mut second) = (0, 0);
    for pair in pairs {
        match pair {
            (true, false) => first += 1,
            (false, true) => second += 1,
            _ => (),
        }
    }
    let changed = first + second;
    // Each term of the binomial distribution follows from the previous one. Logarithms avoid underflow.
    let mut term = -real(changed) * std::f64::consts::LN_2;
    let mut tail = term.exp();
    for n in 1..=first.min(second) {
        term += (real(changed - n + 1) / real(n)).ln();
        tail += term.exp();
    }
    Significance::McNemar { first, second, p: (2.0 * tail).min(1.0) }
}

/// The paired percentile bootstrap (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter
/// 13), of the differences of pairs.
pub(super) fn bootstrap(differences: &[f64]) -> Significance {
    Significance::Bootstrap {
        difference: mean_of(differences),
        interval: mean_interval(differences),
    }
}

/// The 95 % interval of the mean of these numbers, by the percentile bootstrap.
///
/// Draws as many numbers as there are, with replacement, [`RESAMPLES`] times; the interval is from the 2.5th to the
/// 97.5th percentile of their means. Random seeds are fixed, so that equal data give an equal interval. The time is
/// proportional to [`RESAMPLES`] × numbers.
pub(super) fn mean_interval(numbers: &[f64]) -> (f64, f64) {
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|round| {
            let mut random = fastrand::Rng::with_seed(u64::from(round));
            let drawn = (0..numbers.len()).map(|_| numbers[random.usize(..numbers.len())]);
            drawn.sum::<f64>() / real(numbers.len())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: u32| means[(RESAMPLES * share / 1_000) as usize];
    (at(25), at(974))
}

/// The mean of these numbers.
pub(super) fn mean_of(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / real(numbers.len())
}
