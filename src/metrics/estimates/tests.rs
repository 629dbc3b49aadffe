//! Estimates by hand, and what is refused.

use super::*;

/// Labelled records as (judge, label, how many), and values of others as (judge, how many).
fn rate(labelled: &[(f64, f64, usize)], others: &[(f64, usize)]) -> JudgedSample {
    let labelled = labelled.iter().flat_map(|(judge, label, count)| vec![(*judge, *label); *count]);
    let others = others.iter().flat_map(|(judge, count)| vec![*judge; *count]);
    JudgedSample { labelled: labelled.collect(), others: others.collect(), is_rate: true }
}

fn close(found: f64, right: f64) {
    assert!((found - right).abs() < 1e-9, "{found}, not {right}");
}

#[test]
fn a_useless_judge_leaves_the_mean_of_the_labels() {
    // Labels and judge are independent: the covariance is 0.
    let sample =
        rate(&[(1., 1., 10), (1., 0., 10), (0., 1., 10), (0., 0., 10)], &[(1., 900), (0., 100)]);
    let powered = PredictionPowered::new(&sample).unwrap();
    close(powered.lambda, 0.0);
    close(powered.estimate.value, 0.5);
}

#[test]
fn a_judge_without_a_seen_mistake_is_not_taken_for_perfect() {
    let sample = rate(&[(1., 1., 20), (0., 0., 20)], &[(1., 600), (0., 400)]);
    let powered = PredictionPowered::new(&sample).unwrap();
    let calibrated = Calibrated::new(&sample).unwrap();
    close(calibrated.estimate.value, (20.0 + 600.0) / 1040.0);
    for interval in [powered.estimate.interval, calibrated.estimate.interval] {
        assert!(interval.width() > naive(&sample).unwrap().interval.width(), "{interval:?}");
    }
}

#[test]
fn calibration_is_the_mean_of_each_value_where_there_are_two() {
    // Of those that the judge passes 3 of 4 are right, of the others 1 of 5.
    let sample =
        rate(&[(1., 1., 30), (1., 0., 10), (0., 1., 4), (0., 0., 16)], &[(1., 700), (0., 240)]);
    let calibrated = Calibrated::new(&sample).unwrap();
    close(calibrated.estimate.value, (740.0 * 0.75 + 260.0 * 0.2) / 1000.0);
    assert_eq!(calibrated.map.points(), [(0.0, 0.2), (1.0, 0.75)]);
    assert!(calibrated.from_labels > 0.5 && calibrated.from_labels < 1.0);
}

#[test]
fn sensitivity_and_specificity_give_the_interval_of_lang_and_reiczigel() {
    let table =
        TwoByTwo { true_positive: 57, false_negative: 3, true_negative: 24, false_positive: 16 };
    let rate = RoganGladen::new(730, 1_000, table).unwrap();
    close(rate.estimate.value, (0.73 + 0.6 - 1.0) / (0.95 + 0.6 - 1.0));
    // The formula with its numbers: Se' 58/62, Sp' 25/42, p' (730 + 1.9207)/(1003.8415).
    close(rate.estimate.interval.low, LOW);
    close(rate.estimate.interval.high, HIGH);
}

/// Computed with the formula of the paper in another language.
const LOW: f64 = 0.459_059_024_937_653_4;
/// The same for the upper end.
const HIGH: f64 = 0.738_135_891_307_993_2;

#[test]
fn labels_that_say_too_little_are_refused_with_advice() {
    let few = rate(&[(1., 1., 10), (0., 0., 5)], &[(1., 100)]);
    let refusal = Refusal::TooFewLabels { labels: 15, needed: 20 };
    assert_eq!(PredictionPowered::new(&few).unwrap_err(), refusal);
    assert_eq!(Calibrated::new(&few).unwrap_err(), refusal);
    assert_eq!(refusal.advice(), "label 5 more records, chosen at random");

    let one_class = TwoByTwo { true_positive: 40, true_negative: 2, ..TwoByTwo::default() };
    let refusal = RoganGladen::new(50, 100, one_class).unwrap_err();
    assert_eq!(refusal, Refusal::TooFewOfClass { positive: 40, negative: 2, needed: 5 });

    let chance =
        TwoByTwo { true_positive: 25, false_negative: 25, true_negative: 24, false_positive: 26 };
    let refusal = RoganGladen::new(50, 100, chance).unwrap_err();
    assert!(matches!(refusal, Refusal::NoBetterThanChance { .. }), "{refusal}");
}

#[test]
fn values_beyond_the_labelled_ones_are_refused() {
    // Only records that the judge passes were labelled.
    let sample = rate(&[(1., 1., 30), (1., 0., 10)], &[(1., 800), (0., 200)]);
    let refusal = PredictionPowered::new(&sample).unwrap_err();
    assert_eq!(refusal, Calibrated::new(&sample).unwrap_err());
    assert_eq!(
        refusal.to_string(),
        "200 of 1000 values differ from 1, which all labelled records have"
    );
    // A few values outside are what a random choice leaves.
    let scores = |top: u32| JudgedSample {
        labelled: (0..50).map(|n| (f64::from(n) * 2.0, f64::from(n))).collect(),
        others: (0..top).map(f64::from).collect(),
        is_rate: false,
    };
    assert!(Calibrated::new(&scores(103)).is_ok());
    assert!(Calibrated::new(&scores(200)).is_err());
}
