//! Fits maps that calibrate predictions, and measures them by cross-validation.

use super::{real, sample::Observation};
use crate::{
    metrics::isotonic,
    verdict::{CalibrationMap, log_odds, logistic},
};

/// How a map is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum FitMethod {
    /// One number, the temperature, with the least log loss (Guo et al. 2017).
    Temperature,
    /// Any rising map with the least Brier score (Zadrozny and Elkan 2002).
    Isotonic,
    /// Slope and intercept of the log-odds with the least log loss (Platt 1999).
    Platt,
}

impl FitMethod {
    /// Every method by its name.
    pub const ALL: [(&str, Self); 3] =
        [("temperature", Self::Temperature), ("isotonic", Self::Isotonic), ("platt", Self::Platt)];

    /// The map of this method with the least loss; `None` unless both outcomes occur.
    pub fn fit(self, all: &[Observation]) -> Option<CalibrationMap> {
        let positive = all.iter().filter(|one| one.is_positive).count();
        if positive == 0 || positive == all.len() {
            return None;
        }
        Some(match self {
            Self::Temperature => CalibrationMap::Temperature { temperature: temperature(all) },
            Self::Isotonic => CalibrationMap::Isotonic { points: rising(all) },
            Self::Platt => {
                let (slope, intercept) = platt(all);
                CalibrationMap::Platt { slope, intercept }
            }
        })
    }
}

/// The temperatures that are tried: a judge whose predictions are unrelated to the labels gets the highest.
const TEMPERATURES: (f64, f64) = (0.01, 100.0);

/// The temperature with the least log loss.
///
/// The loss is convex in the inverse of the temperature, so its slope is bisected.
fn temperature(all: &[Observation]) -> f64 {
    let slope = |inverse: f64| -> f64 {
        let of = |one: &Observation| {
            let odds = log_odds(one.p);
            (logistic(inverse * odds) - one.outcome()) * odds
        };
        all.iter().map(of).sum()
    };
    let (mut low, mut high) = (1.0 / TEMPERATURES.1, 1.0 / TEMPERATURES.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    1.0 / f64::midpoint(low, high)
}

/// Slope and intercept of the log-odds, by Newton's method with a line search (Lin et al. 2007).
///
/// The outcomes are (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2) instead of 1 and 0, which keeps the map finite for
/// predictions that separate the outcomes (Platt 1999).
fn platt(all: &[Observation]) -> (f64, f64) {
    let positive = real(all.iter().filter(|one| one.is_positive).count());
    let (high, low) =
        ((positive + 1.0) / (positive + 2.0), 1.0 / (real(all.len()) - positive + 2.0));
    let points: Vec<(f64, f64)> =
        all.iter().map(|one| (log_odds(one.p), if one.is_positive { high } else { low })).collect();
    let loss = |(slope, intercept): (f64, f64)| -> f64 {
        let of = |(x, y): &(f64, f64)| {
            let z = slope * x + intercept;
            // ln(1 + e^z) − y·z, without overflow.
            z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z
        };
        points.iter().map(of).sum()
    };
    let (mut at, mut least) =
        ((0.0, ((positive + 1.0) / (real(all.len()) - positive + 1.0)).ln()), 0.0);
    for round in 0..100 {
        if round == 0 {
            least = loss(at);
        }
        let step = newton_step(&points, at);
        let mut size = 1.0;
        let mut next = (at.0 - step.0, at.1 - step.1);
        while loss(next) > least && size > 1e-10 {
            size /= 2.0;
            next = (at.0 - size * step.0, at.1 - size * step.1);
        }
        let now = loss(next);
        let gain = least - now;
        if now <= least {
            (at, least) = (next, now);
        }
        if gain < 1e-12 {
            break;
        }
    }
    at
}

/// The step of Newton's method from this slope and intercept.
fn newton_step(points: &[(f64, f64)], (slope, intercept): (f64, f64)) -> (f64, f64) {
    const RIDGE: f64 = 1e-12;
    let [mut gradient_a, mut gradient_b, mut aa, mut ab, mut bb] = [0.0, 0.0, RIDGE, 0.0, RIDGE];
    for (x, y) in points {
        let p = logistic(slope * x + intercept);
        let (away, weight) = (p - y, p * (1.0 - p));
        gradient_a += away * x;
        gradient_b += away;
        aa += weight * x * x;
        ab += weight * x;
        bb += weight;
    }
    let determinant = aa * bb - ab * ab;
    (
        (bb * gradient_a - ab * gradient_b) / determinant,
        (aa * gradient_b - ab * gradient_a) / determinant,
    )
}

/// The points of the rising map with the least Brier score.
fn rising(all: &[Observation]) -> Vec<(f64, f64)> {
    let points: Vec<_> = all.iter().map(|one| (one.p, one.outcome(), 1.0)).collect();
    isotonic(&points).points().to_vec()
}

/// The predictions of maps that were fitted without the record itself, in `folds` parts by the hash of the
/// record. `None` if some fold lacks one of the outcomes among the other folds.
pub(super) fn cross_validated(
    all: &[Observation],
    method: FitMethod,
    folds: usize,
) -> Option<Vec<Observation>> {
    let fold = |one: &Observation| one.hash % u64::try_from(folds).unwrap_or(1).max(1);
    let mut predicted = Vec::with_capacity(all.len());
    for number in 0..u64::try_from(folds).ok()? {
        let (inside, others): (Vec<_>, Vec<_>) =
            all.iter().copied().partition(|one| fold(one) == number);
        if inside.is_empty() {
            continue;
        }
        let map = method.fit(&others)?;
        predicted.extend(inside.iter().map(|one| Observation { p: map.apply(one.p), ..*one }));
    }
    Some(predicted)
}
