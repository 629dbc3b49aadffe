//! How often intervals contain the truth, by simulation.
//!
//! `make bench-coverage` prints the table that `docs/estimates.md` shows.

#![expect(clippy::print_stdout, reason = "a table that is asked for")]

use std::fmt::Write as _;

use super::{
    Calibrated, Estimate, JudgedSample, PredictionPowered, RoganGladen, TwoByTwo, labels_only,
    naive,
};

/// A kind of judge and record, whose mean is known.
struct Population {
    name: &'static str,
    labels: usize,
    records: usize,
    /// The mean of all labels.
    truth: f64,
    is_rate: bool,
    /// Draws the judge's value of one record, and its label.
    draw: fn(&mut fastrand::Rng) -> (f64, f64),
}

/// 1 with this probability, otherwise 0.
fn toss(random: &mut fastrand::Rng, p: f64) -> f64 {
    f64::from(u8::from(random.f64() < p))
}

/// A record of a judge with two verdicts.
fn binary(random: &mut fastrand::Rng, rate: f64, sensitivity: f64, specificity: f64) -> (f64, f64) {
    let label = toss(random, rate);
    let finds = if label > 0.5 { sensitivity } else { 1.0 - specificity };
    (toss(random, finds), label)
}

/// A standard normal number (Box and Muller 1958).
fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

/// The populations of the table. The first ones of each kind are small, for the test.
fn populations() -> Vec<Population> {
    let rate = |name, labels, records, truth, draw| Population {
        name,
        labels,
        records,
        truth,
        is_rate: true,
        draw,
    };
    let score = |name, labels, records, truth, draw| Population {
        is_rate: false,
        ..rate(name, labels, records, truth, draw)
    };
    vec![
        rate("lenient judge, rate 0.6", 60, 500, 0.6, |r| binary(r, 0.6, 0.95, 0.6)),
        rate("strict judge, rate 0.9", 60, 500, 0.9, |r| binary(r, 0.9, 0.7, 0.95)),
        rate("rare passes, rate 0.1", 60, 500, 0.1, |r| binary(r, 0.1, 0.8, 0.8)),
        rate("useless judge, rate 0.7", 60, 500, 0.7, |r| binary(r, 0.7, 0.4, 0.6)),
        score("scores 1 to 5, generous", 60, 500, 2.8, |r| {
            let label = f64::from([1_u8, 2, 2, 3, 3, 3, 3, 3, 4, 4][r.usize(..10)]);
            let judge = label + 1.0 + (normal(r) * 0.8).round();
            (judge.clamp(1.0, 5.0), label)
        }),
        rate("poor judge, rate 0.3", 50, 1_000, 0.3, |r| binary(r, 0.3, 0.75, 0.7)),
        rate("good judge, rate 0.5", 40, 2_000, 0.5, |r| binary(r, 0.5, 0.98, 0.95)),
        rate("good judge, rate 0.85", 100, 2_000, 0.85, |r| binary(r, 0.85, 0.98, 0.85)),
        rate("rare passes, rate 0.05", 200, 2_000, 0.05, |r| binary(r, 0.05, 0.8, 0.9)),
        rate("half of the records labelled", 100, 200, 0.6, |r| binary(r, 0.6, 0.9, 0.7)),
        rate("probabilities, too sure", 100, 1_000, 0.5, |r| {
            let p = r.f64();
            (1.0 / (1.0 + (-6.0 * (p - 0.35)).exp()), toss(r, p))
        }),
        rate("probabilities, rate 0.8", 60, 1_000, 0.8, |r| {
            let p = r.f64().powf(0.25);
            (p.powi(3), toss(r, p))
        }),
        score("curved scores", 100, 2_000, 0.5, |r| {
            let quality = r.f64();
            (quality.powi(3) + 0.02 * normal(r), quality + 0.1 * normal(r))
        }),
        score("skewed scores", 50, 2_000, 1.0, |r| {
            let label = -(1.0 - r.f64()).ln();
            (0.5 * label + 0.3 + 0.2 * normal(r), label)
        }),
    ]
}

/// The methods, in the order of the columns.
const METHODS: [&str; 5] =
    ["judge alone", "labels alone", "prediction-powered", "isotonic", "Rogan-Gladen"];

/// What one method did on all samples.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answered: u32,
    covered: u32,
    width: f64,
}

impl Tally {
    fn add(&mut self, estimate: Option<Estimate>, truth: f64) {
        let Some(Estimate { interval, .. }) = estimate else { return };
        self.answered += 1;
        self.covered += u32::from(interval.contains(truth));
        self.width += interval.width();
    }

    /// How often the interval contained the truth, of the times that there was one.
    fn coverage(self) -> f64 {
        f64::from(self.covered) / f64::from(self.answered)
    }
}

/// All methods on so many samples of a population.
fn tried(population: &Population, samples: u32) -> [Tally; 5] {
    let mut tallies = [Tally::default(); 5];
    for sample in 0..samples {
        let mut random = fastrand::Rng::with_seed(u64::from(sample));
        let mut draw = || (population.draw)(&mut random);
        let labelled: Vec<_> = (0..population.labels).map(|_| draw()).collect();
        let others = (population.labels..population.records).map(|_| draw().0).collect();
        let sample = JudgedSample { labelled, others, is_rate: population.is_rate };
        let estimates = [
            naive(&sample),
            labels_only(&sample),
            PredictionPowered::new(&sample).ok().map(|powered| powered.estimate),
            Calibrated::new(&sample).ok().map(|calibrated| calibrated.estimate),
            rogan_gladen(&sample),
        ];
        for (tally, estimate) in tallies.iter_mut().zip(estimates) {
            tally.add(estimate, population.truth);
        }
    }
    tallies
}

/// The rate by sensitivity and specificity, if judge and labels are 0 or 1.
fn rogan_gladen(sample: &JudgedSample) -> Option<Estimate> {
    let is = |value: f64, other: f64| (value - other).abs() < 1e-9;
    let has_two = |value: f64| is(value, 0.0) || is(value, 1.0);
    if !sample.judged().chain(sample.labels()).all(has_two) {
        return None;
    }
    let count = |judge, label| {
        sample.labelled.iter().filter(|pair| is(pair.0, judge) && is(pair.1, label)).count()
    };
    let table = TwoByTwo {
        true_positive: count(1.0, 1.0),
        false_negative: count(0.0, 1.0),
        true_negative: count(0.0, 0.0),
        false_positive: count(1.0, 0.0),
    };
    let positive = sample.judged().filter(|value| is(*value, 1.0)).count();
    RoganGladen::new(positive, sample.len(), table).ok().map(|rate| rate.estimate)
}

#[test]
fn intervals_of_95_percent_contain_the_truth_in_93_of_100_samples_or_more() {
    for population in populations().iter().take(5) {
        let tallies = tried(population, 300);
        let corrected = METHODS.iter().zip(tallies).skip(2);
        for (method, tally) in corrected.filter(|(_, tally)| tally.answered > 100) {
            let coverage = tally.coverage();
            assert!(coverage >= 0.93, "{}, {method}: {coverage:.3}", population.name);
        }
        // The judge's own interval contains its bias, and no more.
        assert!(tallies[0].coverage() < 0.05, "{}: {:?}", population.name, tallies[0]);
        // A judge that is not useless makes intervals narrower than those of the labels.
        let widths = tallies.map(|tally| tally.width / f64::from(tally.answered.max(1)));
        let is_useful = !population.name.starts_with("useless");
        assert!(!is_useful || widths[2] < widths[1], "{}: {widths:?}", population.name);
    }
}

#[test]
#[ignore = "prints the table of docs/estimates.md, from 4,000 samples of each population"]
fn the_table_of_coverage() {
    let mut text = format!("{:<30}  labels  records", "population");
    METHODS.iter().for_each(|method| text += &format!("  {method}"));
    for population in populations() {
        let Population { name, labels, records, .. } = population;
        write!(text, "\n{name:<30}  {labels:>6}  {records:>7}").unwrap();
        for (method, tally) in METHODS.iter().zip(tried(&population, 4_000)) {
            let columns = method.len();
            let cell = match tally.answered {
                0 => "-".to_owned(),
                answered => {
                    format!(
                        "{:.1} ({:.3})",
                        100.0 * tally.coverage(),
                        tally.width / f64::from(answered)
                    )
                }
            };
            write!(text, "  {cell:>columns$}").unwrap();
        }
    }
    println!("{text}");
}
