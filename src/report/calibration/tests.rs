//! Figures against hand-computed ones, and what every map keeps.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    CalibrationFigures, CalibrationReport, CalibrationSample, FitMethod, Fitted, Observation,
    Quantity,
};
use crate::{
    line::ResultLine,
    report::{LabelRule, Labels},
    verdict::CalibrationMap,
};

/// Predictions with their outcomes.
fn sample(pairs: &[(f64, bool)]) -> Vec<Observation> {
    (0..).zip(pairs).map(|(hash, (p, outcome))| Observation::new(*p, *outcome, hash)).collect()
}

fn close(found: f64, right: f64) {
    assert!((found - right).abs() < 1e-9, "{found}, not {right}");
}

#[test]
fn the_figures_are_those_computed_by_hand() {
    let all = sample(&[(0.1, false), (0.1, true), (0.8, true), (0.9, true), (0.9, false)]);
    let figures = CalibrationFigures::new(&all, 10);
    close(figures.base_rate, 0.6);
    close(figures.mean, 2.8 / 5.0);
    // Bins: (0, 0.1] with mean 0.1 and share 0.5; (0.7, 0.8] with 0.8 and 1; (0.8, 0.9] with 0.9 and 0.5.
    assert_eq!(figures.by_width.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 1, 2]);
    close(figures.ece, (2.0 * 0.4 + 0.2 + 2.0 * 0.4) / 5.0);
    close(figures.mce, 0.4);
    close(figures.brier, (0.01 + 0.81 + 0.04 + 0.01 + 0.81) / 5.0);
    let parts = figures.parts;
    close(parts.reliability, (2.0 * 0.16 + 0.04 + 2.0 * 0.16) / 5.0);
    close(parts.resolution, (2.0 * 0.01 + 0.16 + 2.0 * 0.01) / 5.0);
    close(parts.uncertainty, 0.24);
    close(parts.inside, 0.0);
    let losses = [0.9_f64, 0.1, 0.8, 0.9, 0.1].map(|p| -p.ln());
    close(figures.log_loss, losses.iter().sum::<f64>() / 5.0);
    // Of the 6 pairs: 0.1 ties with 0.1 and loses against 0.9; 0.8 wins and loses; 0.9 wins and ties.
    let auc = figures.auc.unwrap();
    close(auc.area, (0.5 + 0.0 + 1.0 + 0.0 + 1.0 + 0.5) / 6.0);
    // DeLong: shares won by the positives 1/4, 1/2, 3/4; by the negatives 5/6, 1/6.
    let reach = 1.959_963_984_540_054 * (0.0625_f64 / 3.0 + (2.0 / 9.0) / 2.0).sqrt();
    let crate::metrics::Interval { low, high } = auc.interval.unwrap();
    close(low, (0.5 - reach).max(0.0));
    close(high, (0.5 + reach).min(1.0));
}

#[test]
fn observations_of_one_record_give_wider_intervals() {
    let observed = |records: u64| -> Vec<Observation> {
        (0..200)
            .map(|n| {
                Observation::new(
                    0.3 + 0.4 * f64::from(u8::from(n / 10 % 2 == 0)),
                    n / 10 % 3 == 0,
                    n / records,
                )
            })
            .collect()
    };
    let (alone, together) =
        (CalibrationFigures::new(&observed(1), 10), CalibrationFigures::new(&observed(10), 10));
    let widths = |figures: &CalibrationFigures| {
        figures.figures().iter().map(|one| one.interval.unwrap().width()).collect::<Vec<_>>()
    };
    for (narrow, wide) in widths(&alone).into_iter().zip(widths(&together)) {
        assert!(wide > 1.5 * narrow, "{narrow} {wide}");
    }
}

#[test]
fn what_is_not_defined_is_left_out() {
    let figures = CalibrationFigures::new(&sample(&[(0.9, true), (0.8, true)]), 10);
    assert_eq!(figures.auc, None);
    assert!(Fitted::new(FitMethod::Platt, &sample(&[(0.9, true), (0.8, true)]), 5, 10).is_err());
    let none = CalibrationFigures::new(&[], 10);
    assert_eq!((none.count, none.ece, none.brier), (0, 0.0, 0.0));
    // Sure and wrong is bad, and finite.
    assert!(CalibrationFigures::new(&sample(&[(1.0, false)]), 10).log_loss < 14.0);
}

#[test]
fn a_map_of_a_known_judge_is_found_again() {
    // Log-odds 2x in place of x: the temperature is 2.
    let of = |n: u64| {
        let truth = (f64::from(u32::try_from(n % 19).unwrap()) + 1.0) / 20.0;
        let odds = truth / (1.0 - truth);
        let said = odds * odds / (1.0 + odds * odds);
        let twentieths = n / 19 % 20;
        Observation::new(
            said,
            f64::from(u32::try_from(twentieths).unwrap()) < truth * 20.0 - 0.5,
            n,
        )
    };
    let all: Vec<Observation> = (0..19 * 20 * 20).map(of).collect();
    let Some(CalibrationMap::Temperature { temperature }) = FitMethod::Temperature.fit(&all) else {
        panic!()
    };
    assert!((temperature - 2.0).abs() < 0.01, "{temperature}");
    let Some(CalibrationMap::Platt { slope, intercept }) = FitMethod::Platt.fit(&all) else {
        panic!()
    };
    assert!((slope - 0.5).abs() < 0.01 && intercept.abs() < 0.01, "{slope} {intercept}");
    let before = CalibrationFigures::new(&all, 10);
    for (name, method) in FitMethod::ALL {
        let after = Fitted::new(method, &all, 5, 10).unwrap().cross_validated.unwrap();
        assert!(after.ece < 0.02 && before.ece > 0.05, "{name}: {} to {}", before.ece, after.ece);
        assert_eq!(after.count, all.len());
    }
}

#[test]
fn pooled_neighbours_are_those_of_the_textbook() {
    // 0.3 and 0.4 violate the order, and share 1/2; the tie at 0.6 shares 2/3 with 0.5.
    let all = sample(&[
        (0.1, false),
        (0.3, true),
        (0.4, false),
        (0.5, true),
        (0.6, true),
        (0.6, false),
        (0.9, true),
    ]);
    let Some(CalibrationMap::Isotonic { points }) = FitMethod::Isotonic.fit(&all) else { panic!() };
    let two = 2.0 / 3.0;
    assert_eq!(points, [(0.1, 0.0), (0.3, 0.5), (0.4, 0.5), (0.5, two), (0.6, two), (0.9, 1.0)]);
}

fn line(fields: &Value) -> ResultLine {
    ResultLine::read(fields.to_string()).unwrap()
}

#[test]
fn every_record_is_counted_once() {
    let labels = Labels::new(Some("gold".into()), []);
    let mut all = CalibrationSample::new(labels);
    let result = |id: &str, label: &str, p: f64, confidence: f64, gold: Value| {
        line(
            &json!({"id": id, "kind": "label", "verdict": label, "label": label, "p": p, "confidence": confidence,
            "distribution": {"Correct": p, "Wrong": 1.0 - p, "missing": 0}, "item": {"gold": gold}}),
        )
    };
    for (id, label, p, confidence, gold) in [
        ("a", "Correct", 0.9, 0.9, json!(true)),
        ("b", "Wrong", 0.2, 0.8, json!("Wrong")),
        ("c", "Correct", 0.7, 0.7, json!("no")),
        ("d", "Correct", 0.7, 0.7, json!("unsure")),
        ("e", "Correct", 0.7, 0.7, json!(null)),
    ] {
        all.push(&result(id, label, p, confidence, gold));
    }
    all.push(&line(&json!({"id": "f", "kind": "label", "verdict": "Wrong", "label": "Wrong", "item": {"gold": false}})));
    all.push(&line(&json!({"id": "g", "unreadable": {"reason": "missing", "detail": ""}, "item": {"gold": false}}),
    ));
    assert_eq!(all.positive_label().unwrap(), "Correct");
    let (observations, coverage) = all.observations(false).unwrap();
    let pairs: Vec<_> = observations.iter().map(|one| (one.p, one.is_positive)).collect();
    assert_eq!(pairs, [(0.9, true), (0.2, false), (0.7, false)]);
    assert_eq!((coverage.records, coverage.used, coverage.without_p), (7, 3, 2));
    assert_eq!((coverage.without_label, coverage.not_comparable), (1, 1));
}

#[test]
fn a_number_beyond_0_and_1_is_no_probability() {
    let mut all = CalibrationSample::new(Labels::new(Some("gold".into()), []));
    for (id, p) in [("a", 0.9), ("b", 1.5), ("c", -0.2), ("d", 0.0)] {
        all.push(&line(
            &json!({"id": id, "kind": "label", "label": "correct", "p": p, "item": {"gold": true}}),
        ));
    }
    let (observations, coverage) = all.observations(false).unwrap();
    assert_eq!(observations.iter().map(|one| one.p).collect::<Vec<_>>(), [0.9, 0.0]);
    assert_eq!((coverage.used, coverage.without_p), (2, 2));
}

#[test]
fn scores_and_steps_are_predictions_too() {
    let labels = || Labels::new(Some("gold".into()), []);
    let mut scores = CalibrationSample::new(LabelRule::from(labels()).threshold(Some(4.0)));
    scores.push(&line(&json!({"id": "a", "kind": "score", "verdict": "4", "score": 4, "normalized": 0.75,
        "expected_score": 4.5, "distribution": {"1": 0, "2": 0, "3": 0, "4": 0.5, "5": 0.5, "missing": 0},
        "item": {"gold": 5}})));
    scores.push(&line(
        &json!({"id": "b", "kind": "score", "verdict": "2", "score": 2, "normalized": 0.25,
        "item": {"gold": 3}}),
    ));
    assert_eq!(scores.quantity().unwrap(), Quantity::Score);
    let (all, _) = scores.observations(false).unwrap();
    assert_eq!(
        all.iter().map(|one| (one.p, one.is_positive)).collect::<Vec<_>>(),
        [(0.875, true), (0.25, false)]
    );
    assert!(scores.calibration(CalibrationMap::Temperature { temperature: 1.0 }, 2).is_err());

    let mut steps = CalibrationSample::new(labels());
    let step = |index: usize, p: f64| json!({"index": index, "label": "correct", "p": p});
    for (id, gold) in [("a", json!(1)), ("b", json!(-1)), ("c", json!(7)), ("d", json!("what"))] {
        steps.push(&line(&json!({"id": id, "kind": "steps", "verdict": "x", "first_error": -1,
            "steps": [step(0, 0.9), step(1, 0.4), step(2, 0.5)], "item": {"gold": gold}})));
    }
    let (all, coverage) = steps.observations(false).unwrap();
    let pairs: Vec<_> = all.iter().map(|one| (one.p, one.is_positive)).collect();
    // Nothing is known about steps after the first error.
    let right = [(0.9, true), (0.4, true), (0.5, true)];
    assert_eq!(pairs, [[(0.9, true), (0.4, false)].as_slice(), &right, &right].concat());
    assert_eq!((coverage.used, coverage.not_comparable), (3, 1));
}

#[test]
fn the_report_is_printed_for_people_and_for_programs() {
    let all = sample(&[
        (0.1, false),
        (0.3, true),
        (0.7, false),
        (0.95, true),
        (0.95, true),
        (0.2, false),
    ]);
    let report = CalibrationReport {
        quantity: Quantity::P,
        positive: "correct".into(),
        coverage: super::Coverage {
            records: 8,
            used: 6,
            without_p: 2,
            ..super::Coverage::default()
        },
        figures: CalibrationFigures::new(&all, 10),
        bins: 10,
        fitted: Some(Fitted::new(FitMethod::Temperature, &all, 2, 10).unwrap()),
    };
    let text = report.to_string();
    assert!(
        text.starts_with(
            "6 of 8 records have p and a label; 2 without p\n6 records: base rate 0.500"
        ),
        "{text}"
    );
    assert!(
        text.contains("ECE ") && text.contains("map: temperature") && text.contains("before"),
        "{text}"
    );
    for columns in [40, 80] {
        let table = report.figures.table(Some(columns));
        let widest = table.lines().map(unicode_width::UnicodeWidthStr::width).max();
        assert!(widest.is_some_and(|width| width <= columns), "{columns}:\n{table}");
    }
    // On the usual terminal nothing stands below its row.
    let rows = report.figures.table(Some(80));
    assert_eq!(rows.lines().count(), 4 + report.figures.by_width.len(), "{rows}");
    let json = report.to_json();
    assert_eq!((&json["used"], &json["figures"]["count"]), (&json!(6), &json!(6)));
    assert!(json["fitted"]["map"]["temperature"].is_f64());
}

/// Predictions between 0 and 1 with both outcomes.
fn samples() -> impl Strategy<Value = Vec<Observation>> {
    let one = (0.001_f64..0.999, any::<bool>(), any::<u64>());
    proptest::collection::vec(one, 4..60).prop_filter_map("both outcomes", |all| {
        let all: Vec<_> =
            all.into_iter().map(|(p, y, hash)| Observation::new(p, y, hash)).collect();
        let positive = all.iter().filter(|one| one.is_positive).count();
        (positive > 0 && positive < all.len()).then_some(all)
    })
}

fn mapped(all: &[Observation], map: &CalibrationMap) -> Vec<Observation> {
    all.iter().map(|one| Observation { p: map.apply(one.p), ..*one }).collect()
}

proptest! {
    #[test]
    fn an_isotonic_map_rises_and_never_worsens_the_brier_score_of_its_sample(all in samples()) {
        let map = FitMethod::Isotonic.fit(&all).unwrap();
        let grid: Vec<f64> = (0..=200).map(|n| map.apply(f64::from(n) / 200.0)).collect();
        prop_assert!(grid.windows(2).all(|two| two[0] <= two[1] + 1e-12));
        prop_assert!(grid.iter().all(|p| (0.0..=1.0).contains(p)));
        let (before, after) = (CalibrationFigures::new(&all, 10), CalibrationFigures::new(&mapped(&all, &map), 10));
        prop_assert!(after.brier <= before.brier + 1e-12);
    }

    #[test]
    fn a_temperature_keeps_the_order_and_never_worsens_the_log_loss_of_its_sample(all in samples()) {
        let map = FitMethod::Temperature.fit(&all).unwrap();
        let after = mapped(&all, &map);
        let figures = |all: &[Observation]| CalibrationFigures::new(all, 10);
        let (one, two) = (figures(&all), figures(&after));
        // Predictions that are next to each other may become equal as floats.
        prop_assert!((one.auc.unwrap().area - two.auc.unwrap().area).abs() < 0.02);
        prop_assert!(two.log_loss <= one.log_loss + 1e-6, "{} to {}", one.log_loss, two.log_loss);
        for (a, b) in all.iter().zip(&all[1..]) {
            let (low, high) = if a.p <= b.p { (a, b) } else { (b, a) };
            prop_assert!(map.apply(low.p) <= map.apply(high.p));
        }
    }

    #[test]
    fn the_area_does_not_change_under_a_rising_map(all in samples()) {
        let squared: Vec<_> = all.iter().map(|one| Observation { p: one.p * one.p, ..*one }).collect();
        let area = |all: &[Observation]| CalibrationFigures::new(all, 10).auc.unwrap().area;
        prop_assert!((area(&all) - area(&squared)).abs() < 1e-12);
        // By its definition: the share of pairs in the right order, ties as half.
        let (up, down): (Vec<Observation>, Vec<Observation>) = all.iter().copied().partition(|one| one.is_positive);
        let won: f64 = up.iter().flat_map(|one| down.iter().map(move |other| {
            if one.p > other.p { 1.0 } else if one.p < other.p { 0.0 } else { 0.5 }
        })).sum();
        let pairs = f64::from(u32::try_from(up.len() * down.len()).unwrap());
        prop_assert!((area(&all) - won / pairs).abs() < 1e-12);
    }

    #[test]
    fn bins_hold_every_record_once_and_the_parts_add_up(all in samples(), bins in 1_usize..20) {
        let figures = CalibrationFigures::new(&all, bins);
        for table in [&figures.by_width, &figures.by_mass] {
            prop_assert_eq!(table.iter().map(|bin| bin.count).sum::<usize>(), all.len());
            prop_assert!(table.iter().all(|bin| bin.low <= bin.predicted + 1e-12 && bin.predicted <= bin.high + 1e-12));
        }
        let parts = figures.parts;
        let sum = parts.reliability - parts.resolution + parts.uncertainty + parts.inside;
        prop_assert!((sum - figures.brier).abs() < 1e-12);
    }

    #[test]
    fn a_judge_that_is_calibrated_has_a_small_error(levels in 2_u32..10) {
        // At each level k of n, exactly k of n records are positive.
        let all: Vec<_> = (0..=levels).flat_map(|k| {
            (0..levels * 4).map(move |n| {
                Observation::new(f64::from(k) / f64::from(levels), n % levels < k, u64::from(k * 1000 + n))
            })
        }).collect();
        let figures = CalibrationFigures::new(&all, 50);
        prop_assert!(figures.ece < 1e-9 && figures.parts.reliability < 1e-9);
    }
}
