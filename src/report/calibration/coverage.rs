//! How often intervals of the expected calibration error contain the truth, by simulation.
//!
//! `make bench-coverage` prints the table that `docs/calibration.md` shows.

#![expect(clippy::print_stdout, reason = "a table that is asked for")]

use std::fmt::Write as _;

use super::{CalibrationFigures, Observation, gaps::Gaps};
use crate::metrics::{self, Interval};

/// The bins of the figures.
const BINS: usize = 10;

/// A judge whose error is known.
struct Judge {
    name: &'static str,
    /// Draws a prediction.
    predicts: fn(&mut fastrand::Rng) -> f64,
    /// The share of positive records at a prediction.
    share: fn(f64) -> f64,
}

/// Mostly near 0 and 1.
fn sharp(random: &mut fastrand::Rng) -> f64 {
    let odds = 8.0 * (random.f64() - 0.5);
    1.0 / (1.0 + (-odds).exp())
}

/// One of two values, the larger one in three of five cases.
fn either(random: &mut fastrand::Rng, low: f64, high: f64) -> f64 {
    if random.f64() < 0.6 { high } else { low }
}

/// The judges of the table.
const JUDGES: [Judge; 8] = [
    Judge { name: "calibrated", predicts: fastrand::Rng::f64, share: |p| p },
    Judge { name: "calibrated, mostly sure", predicts: sharp, share: |p| p },
    Judge {
        name: "0.03 too high",
        predicts: fastrand::Rng::f64,
        share: |p| if p > 0.03 { p - 0.03 } else { 0.0 },
    },
    Judge { name: "too sure", predicts: fastrand::Rng::f64, share: |p| 0.5 + 0.6 * (p - 0.5) },
    Judge {
        name: "0.2 too high",
        predicts: fastrand::Rng::f64,
        share: |p| if p > 0.2 { p - 0.2 } else { 0.0 },
    },
    Judge {
        name: "off in one bin of ten",
        predicts: |random| if random.bool() { 0.95 } else { random.f64() },
        share: |p| if p > 0.9 { 0.7 } else { p },
    },
    Judge {
        name: "says 0.99 or 0.01, right in 82 %",
        predicts: |random| either(random, 0.01, 0.99),
        share: |p| if p > 0.5 { 0.8 } else { 0.15 },
    },
    Judge {
        name: "says 0.995 or 0.005, right in 97 %",
        predicts: |random| either(random, 0.005, 0.995),
        share: |p| if p > 0.5 { 0.97 } else { 0.03 },
    },
];

impl Judge {
    fn sample(&self, count: u32, seed: u64) -> Vec<Observation> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut draw = |place| {
            let p = (self.predicts)(&mut random);
            Observation::new(p, random.f64() < (self.share)(p), u64::from(place))
        };
        (0..count).map(&mut draw).collect()
    }

    /// The error of all records: the mean gap of many predictions, without the chance of outcomes.
    fn truth(&self) -> f64 {
        let mut random = fastrand::Rng::with_seed(u64::MAX);
        let mut gaps = [0.0; BINS];
        for _ in 0..TRUTH {
            let p = (self.predicts)(&mut random);
            gaps[metrics::bin_of(p, BINS)] += (self.share)(p) - p;
        }
        gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / f64::from(TRUTH)
    }
}

/// How many predictions the truth is computed from.
const TRUTH: u32 = 400_000;

/// A truth of 0 is one up to rounding noise, and the truth itself is known to four digits.
fn contains(interval: Interval, truth: f64) -> bool {
    interval.low <= truth + 1e-9 && truth <= interval.high
}

/// The interval that is usually reported: of the error, by the percentile bootstrap.
fn usual(all: &[Observation]) -> Option<Interval> {
    let pairs: Vec<(f64, bool)> = all.iter().map(Observation::pair).collect();
    let gaps = Gaps::new(&pairs, BINS);
    metrics::bootstrap(pairs.len(), 400, 0, |drawn| {
        Some(gaps.sums(drawn).iter().map(|gap| gap.abs()).sum())
    })
}

/// How many intervals contain the truth, and their mean width.
#[derive(Default)]
struct Tally {
    covered: u32,
    width: f64,
}

impl Tally {
    fn add(&mut self, interval: Interval, truth: f64) {
        self.covered += u32::from(contains(interval, truth));
        self.width += interval.width();
    }
}

#[test]
fn intervals_of_95_percent_contain_the_calibration_error_in_93_of_100_samples_or_more() {
    const SAMPLES: u32 = 100;
    for judge in JUDGES {
        let (truth, mut tally) = (judge.truth(), Tally::default());
        for seed in 0..SAMPLES {
            let figures = CalibrationFigures::new(&judge.sample(100, seed.into()), BINS);
            tally.add(figures.ece_interval.unwrap(), truth);
        }
        let Tally { covered, .. } = tally;
        assert!(covered >= 93, "{}: {covered} of {SAMPLES}", judge.name);
    }
}

#[test]
#[ignore = "prints the table of docs/calibration.md, from 500 samples of each judge and size"]
fn the_table_of_coverage_of_the_calibration_error() {
    const SAMPLES: u32 = 500;
    let mut text = String::from("judge | error | records | bootstrap of the error | interval");
    for judge in JUDGES {
        let truth = judge.truth();
        for count in [50, 150, 500] {
            let (mut naive, mut own) = (Tally::default(), Tally::default());
            for seed in 0..SAMPLES {
                let all = judge.sample(count, seed.into());
                naive.add(usual(&all).unwrap(), truth);
                own.add(CalibrationFigures::new(&all, BINS).ece_interval.unwrap(), truth);
            }
            let cell = |Tally { covered, width }: Tally| {
                let samples = f64::from(SAMPLES);
                format!("{:.1} % ({:.3})", 100.0 * f64::from(covered) / samples, width / samples)
            };
            let (naive, own) = (cell(naive), cell(own));
            write!(text, "\n{} | {truth:.3} | {count} | {naive} | {own}", judge.name).unwrap();
        }
    }
    println!("{text}");
}
