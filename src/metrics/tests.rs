//! Metrics against reference values of other libraries, and what holds for any numbers.

use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::*;

/// The cases of one metric; `tests/data/metrics/reference.py` made them.
fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let all: Value =
        serde_json::from_str(include_str!("../../tests/data/metrics/reference.json")).unwrap();
    serde_json::from_value(all[name].clone()).unwrap()
}

/// Whether both are undefined, or equal up to 1e-9 of their size.
fn same(found: Option<f64>, right: Option<f64>, what: &str) {
    let is_near = match (found, right) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9 * other.abs().max(1.0),
        (one, other) => one.is_none() && other.is_none(),
    };
    assert!(is_near, "{what}: {found:?}, not {right:?}");
}

fn same_interval(found: Option<Interval>, right: Option<(f64, f64)>, what: &str) {
    same(found.map(|one| one.low), right.map(|one| one.0), what);
    same(found.map(|one| one.high), right.map(|one| one.1), what);
}

#[derive(Deserialize)]
struct Classes {
    truth: Vec<usize>,
    judged: Vec<usize>,
    accuracy: Option<f64>,
    balanced_accuracy: Option<f64>,
    precision: Vec<Option<f64>>,
    recall: Vec<Option<f64>>,
    f1: Vec<Option<f64>>,
    macro_precision: Option<f64>,
    macro_recall: Option<f64>,
    macro_f1: Option<f64>,
    kappa: Option<f64>,
    linear_kappa: Option<f64>,
    quadratic_kappa: Option<f64>,
}

#[test]
fn classes_have_the_figures_of_scikit_learn() {
    for case in cases::<Classes>("classes") {
        let pairs: Vec<(usize, usize)> =
            case.truth.iter().copied().zip(case.judged.iter().copied()).collect();
        let matrix = ConfusionMatrix::of(0, pairs.iter().copied());
        same(matrix.accuracy(), case.accuracy, "accuracy");
        same(matrix.balanced_accuracy(), case.balanced_accuracy, "balanced accuracy");
        for class in 0..matrix.classes() {
            same(matrix.precision(class), case.precision[class], "precision");
            same(matrix.recall(class), case.recall[class], "recall");
            same(matrix.f1(class), case.f1[class], "F1");
        }
        same(matrix.macro_precision(), case.macro_precision, "macro precision");
        same(matrix.macro_recall(), case.macro_recall, "macro recall");
        same(matrix.macro_f1(), case.macro_f1, "macro F1");
        same(cohen_kappa(&pairs, Weights::Equal), case.kappa, "kappa");
        same(cohen_kappa(&pairs, Weights::Linear), case.linear_kappa, "linear kappa");
        same(cohen_kappa(&pairs, Weights::Quadratic), case.quadratic_kappa, "quadratic kappa");
        let numbers: Vec<(f64, f64)> =
            pairs.iter().map(|(one, other)| (real(*one), real(*other))).collect();
        same(quadratic_kappa(&numbers), case.quadratic_kappa, "quadratic kappa of numbers");
    }
}

#[derive(Deserialize)]
struct Pairs {
    one: Vec<f64>,
    other: Vec<f64>,
    pearson: Option<f64>,
    pearson_interval: Option<(f64, f64)>,
    spearman: Option<f64>,
    kendall_tau_b: Option<f64>,
}

#[test]
fn correlations_are_those_of_scipy() {
    for case in cases::<Pairs>("pairs") {
        let pairs: Vec<(f64, f64)> =
            case.one.iter().copied().zip(case.other.iter().copied()).collect();
        same(pearson(&pairs), case.pearson, "Pearson");
        same(spearman(&pairs), case.spearman, "Spearman");
        same(kendall_tau_b(&pairs), case.kendall_tau_b, "Kendall");
        let interval = pearson(&pairs)
            .and_then(|r| correlation_interval(Correlation::Pearson, r, pairs.len()));
        let is_perfect = pearson(&pairs).is_some_and(|r| r.abs() > 1.0 - 1e-12);
        if !is_perfect {
            same_interval(interval, case.pearson_interval, "interval of Pearson");
        }
    }
}

#[derive(Deserialize)]
struct Units {
    classes: usize,
    ratings: Vec<Vec<Option<usize>>>,
    fleiss_kappa: Option<f64>,
    statsmodels_fleiss_kappa: Option<f64>,
    gwet_ac1: Option<f64>,
    alpha_nominal: Option<f64>,
    alpha_ordinal: Option<f64>,
    alpha_interval: Option<f64>,
    alpha_ratio: Option<f64>,
}

#[test]
fn agreement_of_many_raters_is_that_of_three_libraries() {
    for case in cases::<Units>("units") {
        let count = |unit: &Vec<Option<usize>>| {
            let mut counts = vec![0; case.classes];
            unit.iter().flatten().for_each(|class| counts[*class] += 1);
            counts
        };
        let counts: Vec<Vec<usize>> = case.ratings.iter().map(count).collect();
        same(fleiss_kappa(&counts), case.fleiss_kappa, "Fleiss' kappa");
        if case.statsmodels_fleiss_kappa.is_some() {
            same(fleiss_kappa(&counts), case.statsmodels_fleiss_kappa, "kappa of statsmodels");
        }
        same(gwet_ac1(&counts), case.gwet_ac1, "AC1");
        let numbers = |unit: &Vec<Option<usize>>| unit.iter().flatten().map(|n| real(*n)).collect();
        let units: Vec<Vec<f64>> = case.ratings.iter().map(numbers).collect();
        for (level, right) in [
            (RatingLevel::Nominal, case.alpha_nominal),
            (RatingLevel::Ordinal, case.alpha_ordinal),
            (RatingLevel::Interval, case.alpha_interval),
            (RatingLevel::Ratio, case.alpha_ratio),
        ] {
            same(krippendorff_alpha(&units, level), right, level.name());
        }
    }
}

#[derive(Deserialize)]
struct Predictions {
    p: Vec<f64>,
    outcome: Vec<bool>,
    auc: Option<f64>,
    auc_interval: Option<(f64, f64)>,
    brier: Option<f64>,
    ece: std::collections::BTreeMap<String, f64>,
}

#[test]
fn probabilities_have_the_figures_of_their_definitions_and_of_scikit_learn() {
    for case in cases::<Predictions>("predictions") {
        let pairs: Vec<(f64, bool)> =
            case.p.iter().copied().zip(case.outcome.iter().copied()).collect();
        same(auc(&pairs).map(|auc| auc.area), case.auc, "AUC");
        // DeLong's interval of a perfect area has no width, and is not used.
        if case.auc.is_none_or(|area| area < 1.0) {
            same_interval(auc(&pairs).and_then(|auc| auc.interval), case.auc_interval, "DeLong");
        }
        same(brier(&pairs), case.brier, "Brier");
        for (bins, right) in &case.ece {
            let bins = by_width(&pairs, bins.parse().unwrap());
            same(ece(&bins), Some(*right), "ECE");
        }
    }
}

#[derive(Deserialize)]
struct Share {
    part: usize,
    whole: usize,
    confidence: f64,
    interval: (f64, f64),
}

#[test]
fn the_interval_of_a_share_is_that_of_wilson() {
    for Share { part, whole, confidence, interval } in cases("shares") {
        same_interval(wilson_at(part, whole, confidence), Some(interval), "Wilson");
        if (confidence - 0.95).abs() < 1e-12 {
            same_interval(Some(wilson(part, whole)), Some(interval), "Wilson, 95 %");
        }
    }
    assert_eq!(wilson(0, 0), Interval { low: 0.0, high: 1.0 });
    // Shares of nothing and of everything are ends of their intervals, to the last digit.
    for whole in 1..2_000 {
        assert!(wilson(0, whole).low <= 0.0 && wilson(whole, whole).high >= 1.0, "{whole}");
    }
    assert_eq!((wilson_at(1, 2, 1.0), wilson_at(1, 2, 0.0)), (None, None));
}

#[derive(Deserialize)]
struct Clusters {
    numbers: Vec<f64>,
    #[serde(rename = "clusters")]
    places: Vec<usize>,
    mean: f64,
    error: f64,
    interval: (f64, f64),
    standard_error: f64,
}

#[test]
fn clustered_errors_are_those_of_a_regression_on_a_constant() {
    for case in cases::<Clusters>("clustered") {
        let found = clustered(&case.numbers, &case.places).unwrap();
        same(Some(found.value), Some(case.mean), "mean");
        same(Some(found.error), Some(case.error), "clustered error");
        same_interval(Some(found.interval), Some(case.interval), "clustered interval");
        same(standard_error(&case.numbers), Some(case.standard_error), "standard error");
    }
}

#[derive(Deserialize)]
struct Changes {
    first: usize,
    second: usize,
    p: f64,
}

#[test]
fn mcnemars_test_is_that_of_statsmodels() {
    for Changes { first, second, p } in cases("mcnemar") {
        same(Some(mcnemar(first, second)), Some(p), "McNemar");
    }
}

#[test]
fn quantiles_are_those_of_scipy() {
    for (p, right) in cases::<(f64, f64)>("normal_quantiles") {
        same(normal_quantile(p), Some(right), &format!("normal {p}"));
    }
    for (p, freedom, right) in cases::<(f64, f64, f64)>("student_quantiles") {
        let found = student_quantile(p, freedom).unwrap();
        assert!((found - right).abs() < 1e-7 * right.abs().max(1.0), "{found}, not {right}");
    }
    assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (None, None));
    assert_eq!((student_quantile(0.5, 0.0), student_quantile(2.0, 3.0)), (None, None));
}

#[derive(Deserialize)]
struct Games {
    players: usize,
    #[serde(rename = "games")]
    played: Vec<Game>,
    prior: f64,
    logs: Vec<f64>,
    errors: Vec<f64>,
}

#[test]
fn strengths_are_the_most_likely_ones() {
    for case in cases::<Games>("games") {
        let fit = bradley_terry(case.players, &case.played, case.prior).unwrap();
        for ((found, log), error) in fit.iter().zip(&case.logs).zip(&case.errors) {
            assert!((found.log - log).abs() < 1e-7, "{} not {log}", found.log);
            let half = found.interval.width() / 2.0;
            assert!((half - 1.959_963_984_540_054 * error).abs() < 1e-6, "{half} {error}");
        }
    }
}

#[test]
fn what_is_not_defined_is_none() {
    let empty: &[(f64, f64)] = &[];
    assert_eq!((pearson(empty), spearman(empty), kendall_tau_b(empty)), (None, None, None));
    assert_eq!((cohen_kappa(&[], Weights::Equal), quadratic_kappa(&[])), (None, None));
    assert_eq!((fleiss_kappa(&[]), gwet_ac1(&[]), gwet_ac1(&[vec![2]])), (None, None, None));
    assert_eq!((brier(&[]), ece(&[]), mce(&[]), auc(&[(0.5, true)])), (None, None, None, None));
    assert_eq!((mean(&[]), standard_error(&[1.0]), clustered(&[], &[])), (None, None, None));
    assert_eq!(clustered(&[1.0, 2.0], &[7, 7]), None, "one cluster");
    assert_eq!((bootstrap_mean(&[]), bootstrap(5, 100, 0, |_| None)), (None, None));
    assert_eq!(clustered_bootstrap(&[], 100, 0, |_| Some(1.0)), None);
    let matrix = ConfusionMatrix::new(2);
    assert_eq!((matrix.accuracy(), matrix.base_rate(), matrix.macro_f1()), (None, None, None));
    assert_eq!(bradley_terry(3, &[(0, 1, 0.5)], 0.0), None, "the third player has no game");
    assert_eq!(correlation_interval(Correlation::Pearson, 0.5, 3), None);
}

#[test]
fn a_share_of_records_in_clusters_has_the_interval_of_fewer_records() {
    let hits: Vec<bool> = (0..60).map(|n| n / 6 % 3 > 0).collect();
    let questions: Vec<usize> = (0..60).map(|n| n / 6).collect();
    let each: Vec<usize> = (0..60).collect();
    let right = hits.iter().filter(|hit| **hit).count();
    let (alone, together) = (clustered_share(&hits, &each), clustered_share(&hits, &questions));
    assert!((alone.width() - wilson(right, 60).width()).abs() < 0.01, "{alone:?}");
    // All six records of a question are alike: ten questions, of which six or seven are right.
    assert!(together.low > wilson(6, 10).low - 0.02, "{together:?}");
    assert!(together.high < wilson(7, 10).high + 0.02, "{together:?}");
    let all = clustered_share(&[true; 12], &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(all, wilson(3, 3), "three questions, and not twelve");
}

fn pairs_of_classes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    vec((0_usize..4, 0_usize..4), 1..60)
}

fn swapped<T: Copy>(pairs: &[(T, T)]) -> Vec<(T, T)> {
    pairs.iter().map(|(one, other)| (*other, *one)).collect()
}

fn near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_and_kappas_have_bounds_and_do_not_depend_on_the_order(
        (pairs, mixed) in pairs_of_classes().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let (matrix, other) =
            (ConfusionMatrix::of(4, pairs.iter().copied()), ConfusionMatrix::of(4, mixed.iter().copied()));
        prop_assert_eq!(&matrix, &other);
        let shares = [
            matrix.accuracy(), matrix.base_rate(), matrix.balanced_accuracy(), matrix.macro_precision(),
            matrix.macro_recall(), matrix.macro_f1(),
        ];
        prop_assert!(shares.iter().all(|share| share.is_some_and(|share| (0.0..=1.0).contains(&share))));
        for weights in [Weights::Equal, Weights::Linear, Weights::Quadratic] {
            let kappa = cohen_kappa(&pairs, weights);
            prop_assert!(kappa.is_none_or(|kappa| kappa <= 1.0));
            prop_assert!(near(kappa, cohen_kappa(&mixed, weights)));
            prop_assert!(near(kappa, cohen_kappa(&swapped(&pairs), weights)), "both sides are alike");
        }
        // For two raters, Fleiss' kappa and AC1 lie on the same side of perfect agreement.
        let units: Vec<Vec<usize>> = pairs.iter().map(|(one, other)| {
            (0..4).map(|class| usize::from(*one == class) + usize::from(*other == class)).collect()
        }).collect();
        let ac1 = gwet_ac1(&units).unwrap();
        prop_assert!(ac1 <= 1.0 && fleiss_kappa(&units).is_none_or(|kappa| kappa <= 1.0));
        prop_assert_eq!((ac1 - 1.0).abs() < 1e-12, matrix.agreeing() == matrix.count());
    }

    #[test]
    fn correlations_are_symmetric_bounded_and_kept_by_rising_maps(
        whole in vec((-5_i32..6, -5_i32..6), 2..50),
    ) {
        let pairs: Vec<(f64, f64)> = whole.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let mut turned = pairs.clone();
        turned.reverse();
        let stretched: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (a.exp(), b.powi(3))).collect();
        for correlation in [pearson, spearman, kendall_tau_b] {
            let found = correlation(&pairs);
            prop_assert!(found.is_none_or(|r| (-1.0..=1.0).contains(&r)));
            prop_assert!(near(found, correlation(&swapped(&pairs))));
            prop_assert!(near(found, correlation(&turned)));
        }
        prop_assert!(near(spearman(&pairs), spearman(&stretched)));
        prop_assert!(near(kendall_tau_b(&pairs), kendall_tau_b(&stretched)));
        // By its definition, pair by pair.
        let (mut sum, mut one, mut other) = (0, 0, 0);
        for (n, (a, b)) in whole.iter().enumerate() {
            for (c, d) in &whole[n + 1..] {
                sum += (a - c).signum() * (b - d).signum();
                one += (a - c).signum().abs();
                other += (b - d).signum().abs();
            }
        }
        let spread = (f64::from(one) * f64::from(other)).sqrt();
        let right = (spread > 0.0).then(|| f64::from(sum) / spread);
        prop_assert!(near(kendall_tau_b(&pairs), right), "{:?} {:?}", kendall_tau_b(&pairs), right);
    }

    #[test]
    fn intervals_hold_what_they_belong_to(part in 0_usize..200, more in 0_usize..200, seed in any::<u64>()) {
        let whole = part + more;
        let interval = wilson(part, whole);
        prop_assert!(interval.contains(ratio(part, whole)) && interval.low >= 0.0 && interval.high <= 1.0);
        let numbers: Vec<f64> = (0..=more).map(|n| f64::from(u8::from(n < part))).collect();
        let of = |drawn: &[usize]| mean(&drawn.iter().map(|at| numbers[*at]).collect::<Vec<_>>());
        let found = bootstrap(numbers.len(), 200, seed, of).unwrap();
        let clusters: Vec<usize> = (0..numbers.len()).collect();
        let other = clustered_bootstrap(&clusters, 200, seed, of).unwrap();
        prop_assert_eq!(found, other, "clusters of one record are records");
        prop_assert!((0.0..=1.0).contains(&found.low) && found.low <= found.high && found.high <= 1.0);
    }

    #[test]
    fn ratings_of_games_add_up_and_follow_the_winner(
        games in vec((0_usize..5, 1_usize..5, 0_u8..3), 1..40),
    ) {
        let games: Vec<Game> =
            games.into_iter().map(|(one, by, won)| (one, (one + by) % 5, f64::from(won) / 2.0)).collect();
        let ratings = elo(5, &games, 1000.0, 32.0);
        prop_assert!((ratings.iter().sum::<f64>() - 5000.0).abs() < 1e-6);
        let turned: Vec<Game> = games.iter().map(|(one, other, won)| (*other, *one, 1.0 - won)).collect();
        let (fit, other) = (bradley_terry(5, &games, 1.0).unwrap(), bradley_terry(5, &turned, 1.0).unwrap());
        for (one, other) in fit.iter().zip(&other) {
            prop_assert!((one.log - other.log).abs() < 1e-6, "who is named first does not matter");
        }
        // A further win never makes the winner weaker.
        let more: Vec<Game> = games.iter().copied().chain([(0, 1, 1.0)]).collect();
        prop_assert!(bradley_terry(5, &more, 1.0).unwrap()[0].log >= fit[0].log - 1e-9);
    }

    #[test]
    fn tests_of_changes_are_symmetric(first in 0_usize..300, second in 0_usize..300) {
        let p = mcnemar(first, second);
        prop_assert!((0.0..=1.0).contains(&p) && (p - mcnemar(second, first)).abs() < 1e-12);
        prop_assert!(first != second || p >= 1.0 - 1e-9);
    }
}
