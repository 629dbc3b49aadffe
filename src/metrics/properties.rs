//! What holds of every metric for any numbers: who is named first does not matter, nor does the order of records; ends
//! are kept; and numbers that say nothing give no figure.

use proptest::{collection::vec, prelude::*};

use super::*;

fn near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    }
}

/// A list, and the same in another order.
fn mixed<T: Clone + std::fmt::Debug>(
    all: impl Strategy<Value = Vec<T>>,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    all.prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
}

/// Ratings of units as counts of four classes.
fn units() -> impl Strategy<Value = Vec<Vec<usize>>> {
    vec(vec(0_usize..4, 4), 1..20)
}

/// Predictions with many ties, and what happened.
fn predictions() -> impl Strategy<Value = Vec<(f64, bool)>> {
    vec(((0_u8..11).prop_map(|p| f64::from(p) / 10.0), any::<bool>()), 0..60)
}

const LEVELS: [RatingLevel; 4] =
    [RatingLevel::Nominal, RatingLevel::Ordinal, RatingLevel::Interval, RatingLevel::Ratio];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn names_of_classes_do_not_matter_where_classes_have_no_order(
        pairs in vec((0_usize..4, 0_usize..4), 1..60),
        names in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let renamed: Vec<(usize, usize)> =
            pairs.iter().map(|(one, other)| (names[*one], names[*other])).collect();
        let (kappa, other) = (cohen_kappa(&pairs, Weights::Equal), cohen_kappa(&renamed, Weights::Equal));
        prop_assert!(near(kappa, other));
        let (one, other) = (ConfusionMatrix::of(4, pairs), ConfusionMatrix::of(4, renamed));
        let figures = |matrix: &ConfusionMatrix| [
            matrix.accuracy(), matrix.base_rate(), matrix.balanced_accuracy(), matrix.macro_f1(),
            matrix.macro_precision(), matrix.macro_recall(),
        ];
        prop_assert!(figures(&one).into_iter().zip(figures(&other)).all(|(one, other)| near(one, other)));
        for (class, &name) in names.iter().enumerate() {
            prop_assert!(near(one.f1(class), other.f1(name)));
            prop_assert!(near(one.recall(class), other.recall(name)));
        }
    }

    #[test]
    fn a_scale_that_is_turned_around_has_the_same_weighted_kappa(
        pairs in vec((0_usize..5, 0_usize..5), 1..60),
    ) {
        let turned: Vec<(usize, usize)> = pairs.iter().map(|(one, other)| (4 - one, 4 - other)).collect();
        for weights in [Weights::Linear, Weights::Quadratic] {
            prop_assert!(near(cohen_kappa(&pairs, weights), cohen_kappa(&turned, weights)));
        }
        let numbers = |pairs: &[(usize, usize)]| -> Vec<(f64, f64)> {
            pairs.iter().map(|(one, other)| (real(*one), real(*other))).collect()
        };
        prop_assert!(near(quadratic_kappa(&numbers(&pairs)), quadratic_kappa(&numbers(&turned))));
        prop_assert!(near(quadratic_kappa(&numbers(&pairs)), cohen_kappa(&pairs, Weights::Quadratic)));
        // Equal pairs agree perfectly, unless chance always agrees.
        let equal: Vec<(usize, usize)> = pairs.iter().map(|(one, _)| (*one, *one)).collect();
        let is_one_class = equal.iter().all(|pair| *pair == equal[0]);
        for weights in [Weights::Equal, Weights::Linear, Weights::Quadratic] {
            prop_assert!(near(cohen_kappa(&equal, weights), (!is_one_class).then_some(1.0)));
        }
    }

    #[test]
    fn agreement_of_many_raters_depends_on_no_order_and_no_name(
        (units, other) in mixed(units()),
        names in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let renamed: Vec<Vec<usize>> =
            units.iter().map(|unit| names.iter().map(|name| unit[*name]).collect()).collect();
        let ratings = |units: &[Vec<usize>]| -> Vec<Vec<f64>> {
            let of = |unit: &Vec<usize>| {
                (0..4).flat_map(|class| vec![real(class); unit[class]]).collect()
            };
            units.iter().map(of).collect()
        };
        let nominal = |units: &[Vec<usize>]| krippendorff_alpha(&ratings(units), RatingLevel::Nominal);
        for agreement in [fleiss_kappa, gwet_ac1] {
            let found = agreement(&units);
            prop_assert!(found.is_none_or(|found| found <= 1.0 + 1e-12 && found.is_finite()));
            prop_assert!(near(found, agreement(&other)) && near(found, agreement(&renamed)));
        }
        prop_assert!(near(nominal(&units), nominal(&other)) && near(nominal(&units), nominal(&renamed)));
        for level in LEVELS {
            prop_assert!(krippendorff_alpha(&ratings(&units), level).is_none_or(|alpha| alpha <= 1.0));
        }
        // Differences are those of any other zero; of names, orders and differences also those of any unit.
        let moved = |by: f64, times: f64| -> Vec<Vec<f64>> {
            let of = |unit: Vec<f64>| unit.into_iter().map(|rating| by + times * rating).collect();
            ratings(&units).into_iter().map(of).collect()
        };
        for level in [RatingLevel::Nominal, RatingLevel::Ordinal, RatingLevel::Interval] {
            let found = krippendorff_alpha(&ratings(&units), level);
            prop_assert!(near(found, krippendorff_alpha(&moved(7.0, 3.0), level)));
            prop_assert!(near(found, krippendorff_alpha(&moved(5.0, -2.0), level)));
        }
        prop_assert!(near(
            krippendorff_alpha(&ratings(&units), RatingLevel::Ratio),
            krippendorff_alpha(&moved(0.0, 3.0), RatingLevel::Ratio),
        ));
    }

    #[test]
    fn the_area_under_the_curve_depends_on_ranks_alone_and_turns_with_the_labels(
        (all, other) in mixed(predictions()),
    ) {
        let area = |all: &[(f64, bool)]| auc(all).map(|auc| auc.area);
        let found = area(&all);
        prop_assert_eq!(found.is_some(), all.iter().any(|one| one.1) && all.iter().any(|one| !one.1));
        prop_assert!(near(found, area(&other)));
        let stretched: Vec<(f64, bool)> = all.iter().map(|(p, is)| (p.powi(3), *is)).collect();
        prop_assert!(near(found, area(&stretched)));
        let turned: Vec<(f64, bool)> = all.iter().map(|(p, is)| (*p, !is)).collect();
        prop_assert!(near(found.map(|area| 1.0 - area), area(&turned)));
        let lowered: Vec<(f64, bool)> = all.iter().map(|(p, is)| (1.0 - p, *is)).collect();
        prop_assert!(near(found.map(|area| 1.0 - area), area(&lowered)));
        // By its definition, pair by pair.
        let of = |wanted: bool| all.iter().filter(move |one| one.1 == wanted).map(|one| one.0);
        let wins = of(true).flat_map(|one| of(false).map(move |other| (one, other)));
        let wins: Vec<f64> = wins.map(|(one, other)| {
            if (one - other).abs() < 1e-12 { 0.5 } else { f64::from(u8::from(one > other)) }
        }).collect();
        prop_assert!(near(found, mean(&wins)));
        if let Some(Auc { area, interval: Some(interval) }) = auc(&all) {
            prop_assert!(interval.contains(area), "{area} {interval:?}");
            prop_assert!(interval.low >= 0.0 && interval.high <= 1.0);
        }
        let constant: Vec<(f64, bool)> = all.iter().map(|(_, is)| (0.3, *is)).collect();
        let found = auc(&constant);
        prop_assert!(found.is_none_or(|auc| (auc.area - 0.5).abs() < 1e-12 && auc.interval.is_none()));
    }

    #[test]
    fn errors_of_probabilities_have_bounds_and_no_order((all, other) in mixed(predictions()), bins in 1_usize..20) {
        prop_assert!(brier(&all).is_none_or(|error| (0.0..=1.0).contains(&error)));
        prop_assert!(near(brier(&all), brier(&other)));
        prop_assert_eq!(brier(&all).is_none(), all.is_empty());
        for binned in [by_width, by_mass] {
            let (one, two) = (binned(&all, bins), binned(&other, bins));
            prop_assert_eq!(one.iter().map(|bin| bin.count).sum::<usize>(), all.len());
            prop_assert!(near(ece(&one), ece(&two)) && near(mce(&one), mce(&two)));
            prop_assert!(ece(&one).is_none_or(|error| (0.0..=1.0).contains(&error)));
            prop_assert!(ece(&one) <= mce(&one).map(|most| most + 1e-12));
            prop_assert!(one.len() <= bins);
        }
        // One that says what will be has no error.
        let sure: Vec<(f64, bool)> = all.iter().map(|(_, is)| (f64::from(u8::from(*is)), *is)).collect();
        prop_assert!(brier(&sure).is_none_or(|error| error <= 0.0));
        prop_assert!(ece(&by_width(&sure, bins)).is_none_or(|error| error <= 0.0 || bins == 1));
    }

    #[test]
    fn a_correlation_depends_on_no_unit_and_no_zero(
        whole in vec((-50_i32..50, -50_i32..50), 0..40),
        exponent in -200_i32..200,
    ) {
        let pairs: Vec<(f64, f64)> = whole.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let is_constant = |of: fn(&(f64, f64)) -> f64| pairs.iter().all(|pair| (of(pair) - of(&pairs[0])).abs() < 1e-9);
        let is_defined = !pairs.is_empty() && !is_constant(|pair| pair.0) && !is_constant(|pair| pair.1);
        let scaled: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (a * 10_f64.powi(exponent), b - 3.0)).collect();
        let turned: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (-a, *b)).collect();
        for correlation in [pearson, spearman, kendall_tau_b] {
            let found = correlation(&pairs);
            prop_assert_eq!(found.is_some(), is_defined);
            prop_assert!(near(found.map(|r| -r), correlation(&turned)));
            if exponent > -7 {
                prop_assert!(near(found, correlation(&scaled)), "{found:?} {:?}", correlation(&scaled));
            }
        }
        prop_assert!(near(pearson(&pairs), pearson(&scaled)), "{:?} {:?}", pearson(&pairs), pearson(&scaled));
        for of in [Correlation::Pearson, Correlation::Spearman, Correlation::Kendall] {
            let found = match of {
                Correlation::Pearson => pearson(&pairs),
                Correlation::Spearman => spearman(&pairs),
                Correlation::Kendall => kendall_tau_b(&pairs),
            };
            let interval = found.and_then(|r| correlation_interval(of, r, pairs.len()));
            if let Some((r, interval)) = found.zip(interval) {
                prop_assert!(interval.contains(r) && interval.low >= -1.0 && interval.high <= 1.0);
            }
        }
    }

    #[test]
    fn clusters_of_one_record_are_records_and_intervals_hold_their_estimate(
        numbers in vec(-100_i32..100, 0..40),
        clusters in vec(0_usize..6, 40),
    ) {
        let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        let each: Vec<usize> = (0..numbers.len()).collect();
        let alone = clustered(&numbers, &each);
        prop_assert!(near(alone.map(|mean| mean.error), standard_error(&numbers)));
        prop_assert!(near(alone.map(|mean| mean.value), mean(&numbers).filter(|_| numbers.len() > 1)));
        let clusters = &clusters[..numbers.len()];
        for found in [alone, clustered(&numbers, clusters)].into_iter().flatten() {
            prop_assert!(found.interval.contains(found.value) && found.error >= 0.0, "{found:?}");
        }
        // What the clusters are called does not matter.
        let renamed: Vec<usize> = clusters.iter().map(|cluster| 70 - cluster).collect();
        let errors = [clusters, &renamed].map(|of| clustered(&numbers, of).map(|mean| mean.error));
        prop_assert!(near(errors[0], errors[1]));
        let hits: Vec<bool> = numbers.iter().map(|number| *number > 0.0).collect();
        let right = hits.iter().filter(|hit| **hit).count();
        let (plain, single) = (wilson(right, hits.len()), clustered_share(&hits, &each));
        for interval in [single, clustered_share(&hits, clusters)] {
            prop_assert!(interval.contains(ratio(right, hits.len())));
            prop_assert!(interval.low >= 0.0 && interval.high <= 1.0);
            prop_assert!(hits.is_empty() || interval.width() >= plain.width() - 1e-9, "{interval:?} {plain:?}");
        }
        // The clustered error of a share divides by n − 1 and not by n: a little wider, and no more.
        prop_assert!(single.width() <= plain.width() * 1.5 + 1e-9, "{single:?} {plain:?}");
        if let Some(interval) = bootstrap_mean(&numbers) {
            let (low, high) = numbers.iter().fold((f64::MAX, f64::MIN), |(low, high), n| (low.min(*n), high.max(*n)));
            prop_assert!(interval.low >= low - 1e-9 && interval.high <= high + 1e-9);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_give_no_figure(
        pairs in vec((0_u8..9, 0_u8..9, any::<bool>()), 2..20),
        at in any::<prop::sample::Index>(),
        broken in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ) {
        let mut numbers: Vec<(f64, f64)> = pairs.iter().map(|(a, b, _)| (f64::from(*a), f64::from(*b))).collect();
        let mut predictions: Vec<(f64, bool)> = pairs.iter().map(|(a, _, is)| (f64::from(*a) / 8.0, *is)).collect();
        let at = at.index(pairs.len());
        numbers[at].0 = broken;
        predictions[at].0 = broken;
        let first: Vec<f64> = numbers.iter().map(|pair| pair.0).collect();
        let each: Vec<usize> = (0..first.len()).collect();
        for figure in [
            pearson(&numbers), spearman(&numbers), kendall_tau_b(&numbers), quadratic_kappa(&numbers),
            mean(&first), standard_error(&first), clustered(&first, &each).map(|mean| mean.value),
            brier(&predictions), auc(&predictions).map(|auc| auc.area),
            ece(&by_width(&predictions, 5)), ece(&by_mass(&predictions, 5)), mce(&by_width(&predictions, 5)),
        ] {
            prop_assert_eq!(figure, None);
        }
        prop_assert_eq!(bootstrap_mean(&first), None);
        prop_assert_eq!(bradley_terry(2, &[(0, 1, 1.0), (0, 1, broken)], 1.0), None);
        prop_assert!(AdvantageTest::new(&numbers, None, 0.1).is_none());
        for of in [Correlation::Pearson, Correlation::Spearman, Correlation::Kendall] {
            prop_assert_eq!(correlation_interval(of, broken, 30), None);
        }
    }

    #[test]
    fn adjusted_p_values_keep_their_order_and_are_never_smaller(p_values in vec(0.0_f64..1.0, 0..20)) {
        let adjusted = benjamini_yekutieli(&p_values);
        prop_assert_eq!(adjusted.len(), p_values.len());
        for (p, found) in p_values.iter().zip(&adjusted) {
            prop_assert!(found >= p && *found <= 1.0);
            for (q, other) in p_values.iter().zip(&adjusted) {
                prop_assert!(p > q || found <= other);
            }
        }
    }

    #[test]
    fn counts_of_steps_turn_with_their_classes(tp in 0_usize..20, fp in 0_usize..20, tn in 0_usize..20, fneg in 0_usize..20) {
        let one = Confusion { true_positives: tp, false_positives: fp, true_negatives: tn, false_negatives: fneg };
        let turned = Confusion { true_positives: tn, false_positives: fneg, true_negatives: tp, false_negatives: fp };
        prop_assert!(near(one.f1(), turned.negative_f1()) && near(one.macro_f1(), turned.macro_f1()));
        prop_assert!(near(one.accuracy(), turned.accuracy()) && near(one.mcc(), turned.mcc()));
        prop_assert!(one.mcc().is_none_or(|r| (-1.0..=1.0).contains(&r)));
        prop_assert_eq!(one.accuracy().is_none(), one.count() == 0);
        let shares = [one.accuracy(), one.f1(), one.negative_f1(), one.macro_f1(), one.prm_score()];
        prop_assert!(shares.into_iter().flatten().all(|share| (0.0..=1.0).contains(&share)));
    }
}

#[test]
fn one_record_and_one_class_give_what_they_can_and_nothing_else() {
    assert_eq!(cohen_kappa(&[(0, 0)], Weights::Equal), None);
    assert_eq!(cohen_kappa(&[(0, 1)], Weights::Quadratic), Some(0.0));
    assert_eq!((pearson(&[(1.0, 2.0)]), spearman(&[(1.0, 2.0)])), (None, None));
    assert_eq!((kendall_tau_b(&[(1.0, 2.0)]), quadratic_kappa(&[(1.0, 1.0)])), (None, None));
    assert_eq!(auc(&[(0.1, true), (0.9, true)]), None);
    assert_eq!(auc(&[(0.1, true), (0.9, false)]).map(|auc| auc.interval), Some(None));
    assert_eq!((fleiss_kappa(&[vec![2, 0]]), gwet_ac1(&[vec![2, 0]])), (None, Some(1.0)));
    assert_eq!(krippendorff_alpha(&[vec![1.0, 1.0]], RatingLevel::Interval), None);
    let single = ConfusionMatrix::of(1, [(0, 0)]);
    assert_eq!(
        (single.accuracy(), single.base_rate(), single.macro_f1()),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    assert!(wilson(1, 1).low < 0.21 && wilson(1, 1).high >= 1.0);
    // More parts than the whole is no share.
    assert_eq!(wilson(5, 3), wilson(3, 3));
    assert_eq!(wilson_at(5, 3, 0.9), wilson_at(3, 3, 0.9));
    // Large numbers correlate as small ones do.
    let large = [(1e200, 1.0), (2e200, 2.0), (4e200, 3.0)];
    let small = [(1.0, 1.0), (2.0, 2.0), (4.0, 3.0)];
    assert!(near(pearson(&large), pearson(&small)));
    assert!(near(
        quadratic_kappa(&[(1e200, 2e200), (3e200, 3e200)]),
        quadratic_kappa(&[(1.0, 2.0), (3.0, 3.0)])
    ));
}
