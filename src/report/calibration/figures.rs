//! The figures of one set of predictions.

use serde::Serialize;

use super::{real, sample::Observation};
use crate::metrics::{self, Auc, Bin, Figure};

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
    /// The same over bins of equal mass.
    pub ece_by_mass: f64,
    /// The largest |observed − predicted| of a bin of equal width.
    pub mce: f64,
    /// The Brier score: the mean squared error of the predictions (Brier 1950).
    pub brier: f64,
    /// Its parts (Murphy 1973).
    pub parts: BrierParts,
    /// The log loss: the mean of −ln of the probability of what happened.
    pub log_loss: f64,
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
        let brier = metrics::brier(&pairs).unwrap_or(0.0);
        let base_rate = mean(&Observation::outcome);
        Self {
            count: all.len(),
            base_rate,
            mean: mean(&|one| one.p),
            ece: metrics::ece(&by_width).unwrap_or(0.0),
            ece_by_mass: metrics::ece(&by_mass).unwrap_or(0.0),
            mce: metrics::mce(&by_width).unwrap_or(0.0),
            brier,
            parts: parts(&by_width, base_rate, brier),
            log_loss: mean(&surprise),
            auc: metrics::auc(&pairs),
            by_width,
            by_mass,
        }
    }
}

impl CalibrationFigures {
    /// The figures that rules may be about.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |name: &str, title: &str, value| {
            Figure::new(name, title, Some(value), None, self.count)
        };
        let mut all = vec![
            of("ece", "expected calibration error", self.ece),
            of("brier", "Brier score", self.brier),
            of("log_loss", "log loss", self.log_loss),
        ];
        if let Some(Auc { area, interval }) = self.auc {
            all.push(Figure::new("auc", "AUC", Some(area), interval, self.count));
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
