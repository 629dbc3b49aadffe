//! The figures of one set of predictions.

use serde::Serialize;

use super::{gaps::Gaps, real, sample::Observation};
use crate::{
    metrics::{self, Auc, Bin, Figure, Interval},
    report::clusters::Clusters,
};

/// How well predictions are calibrated, and how well they separate the outcomes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CalibrationFigures {
    /// The number of records with a prediction and a label.
    pub count: usize,
    /// The share of records whose label is positive.
    pub base_rate: f64,
    /// The mean prediction.
    pub mean: f64,
    /// Bins of equal width.
    pub by_width: Vec<Bin>,
    /// Bins of equal mass.
    pub by_mass: Vec<Bin>,
    /// The expected calibration error over bins of equal width: Σ n_b/n · |observed − predicted| (Guo et al.
    /// 2017).
    pub ece: f64,
    /// Its 95 % interval, by the derivative of the error in the direction of chance (Fang and Santos 2019). It is not
    /// symmetric, because chance adds to the error of a sample.
    pub ece_interval: Option<Interval>,
    /// The same over bins of equal mass.
    pub ece_by_mass: f64,
    /// The largest |observed − predicted| of a bin of equal width.
    pub mce: f64,
    /// The Brier score: the mean squared error of the predictions (Brier 1950).
    pub brier: f64,
    /// Its 95 % interval.
    pub brier_interval: Option<Interval>,
    /// Its parts (Murphy 1973).
    pub parts: BrierParts,
    /// The log loss: the mean of −ln of the probability of what happened.
    pub log_loss: f64,
    /// Its 95 % interval.
    pub log_loss_interval: Option<Interval>,
    /// The area under the curve; `None` unless both outcomes occur.
    pub auc: Option<Auc>,
}

/// The parts of a Brier score over bins of equal width: reliability − resolution + uncertainty + inside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BrierParts {
    /// The mean squared gap of the bins; 0 is perfectly calibrated.
    pub reliability: f64,
    /// The mean squared distance of the bins' shares and the base rate; higher is better.
    pub resolution: f64,
    /// The variance of the labels, which no judge can change.
    pub uncertainty: f64,
    /// What the spread of predictions inside of bins adds (Stephenson et al. 2008).
    pub inside: f64,
}

/// A probability of 0 for what happened would make the log loss infinite.
const LEAST: f64 = 1e-6;

impl CalibrationFigures {
    /// The figures of these predictions over this number of bins, at least one.
    pub fn new(all: &[Observation], bins: usize) -> Self {
        let bins = bins.max(1);
        let pairs: Vec<(f64, bool)> = all.iter().map(Observation::pair).collect();
        let mean = |of: &dyn Fn(&Observation) -> f64| {
            metrics::mean(&all.iter().map(of).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        let (by_width, by_mass) = (metrics::by_width(&pairs, bins), metrics::by_mass(&pairs, bins));
        let clusters = Clusters::keyed(&all.iter().map(|one| one.hash).collect::<Vec<_>>());
        // Without a mistake in the sample, its spread says nothing about the mistakes of records that were not seen.
        let has_mistakes = all.iter().any(|one| (one.p > 0.5) != one.is_positive);
        let unseen = if has_mistakes { 0.0 } else { clusters.unseen(all.len()) };
        let of_mean = |of: fn(&Observation) -> f64| {
            let wrong = all.iter().map(|one| of(&one.turned())).fold(0.0, f64::max);
            let losses: Vec<f64> = all.iter().map(of).collect();
            let most = losses.iter().copied().fold(wrong, f64::max);
            let figure = clusters.mean("", "", &losses, (0.0, most));
            let high = figure.value.map(|value| value + unseen * (wrong - value));
            let widened = |Interval { low, high: own }: Interval| Interval {
                low,
                high: high.map_or(own, |high| high.max(own)),
            };
            figure.interval.map(widened)
        };
        let widest = |Interval { low, high }: Interval| Interval { low, high: high.max(unseen) };
        let brier = metrics::brier(&pairs).unwrap_or(0.0);
        let base_rate = mean(&Observation::outcome);
        Self {
            count: all.len(),
            base_rate,
            mean: mean(&|one| one.p),
            ece: metrics::ece(&by_width).unwrap_or(0.0),
            ece_interval: Gaps::new(&pairs, bins).interval(&clusters).map(widest),
            ece_by_mass: metrics::ece(&by_mass).unwrap_or(0.0),
            mce: metrics::mce(&by_width).unwrap_or(0.0),
            brier,
            brier_interval: of_mean(Observation::squared_error),
            parts: parts(&by_width, base_rate, brier),
            log_loss: mean(&surprise),
            log_loss_interval: of_mean(surprise),
            auc: area(&pairs, &clusters),
            by_width,
            by_mass,
        }
    }
}

/// The area under the curve, whose interval is by bootstrap where records belong together.
fn area(pairs: &[(f64, bool)], clusters: &Clusters) -> Option<Auc> {
    let found = metrics::auc(pairs)?;
    if clusters.count().is_none() {
        return Some(found);
    }
    let of = |drawn: &[usize]| {
        let drawn: Vec<(f64, bool)> = drawn.iter().map(|place| pairs[*place]).collect();
        Some(metrics::auc(&drawn)?.area)
    };
    let interval = clusters.bootstrap(pairs.len(), of).filter(|found| found.width() > 0.0);
    Some(Auc { interval, ..found })
}

impl CalibrationFigures {
    /// The figures that rules may be about.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |name: &str, title: &str, value, interval| {
            Figure::new(name, title, Some(value), interval, self.count)
        };
        let mut all = vec![
            of("ece", "expected calibration error", self.ece, self.ece_interval),
            of("brier", "Brier score", self.brier, self.brier_interval),
            of("log_loss", "log loss", self.log_loss, self.log_loss_interval),
        ];
        if let Some(Auc { area, interval }) = self.auc {
            all.push(of("auc", "AUC", area, interval));
        }
        all
    }
}

/// −ln of the probability of what happened.
fn surprise(one: &Observation) -> f64 {
    let p = one.p.clamp(LEAST, 1.0 - LEAST);
    -(if one.is_positive { p } else { 1.0 - p }).ln()
}

/// The parts of a Brier score over these bins.
fn parts(bins: &[Bin], base: f64, brier: f64) -> BrierParts {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let weighted = |of: &dyn Fn(&Bin) -> f64| -> f64 {
        bins.iter().map(|bin| real(bin.count) / real(all) * of(bin)).sum()
    };
    let reliability = weighted(&|bin| bin.gap().powi(2));
    let resolution = weighted(&|bin| (bin.observed - base).powi(2));
    let uncertainty = base * (1.0 - base);
    let inside = brier - (reliability - resolution + uncertainty);
    BrierParts { reliability, resolution, uncertainty, inside }
}
