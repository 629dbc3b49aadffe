//! The tests of one judge: exact binomial tests of thresholds, from high to low.

use statrs::function::beta::{beta_reg, inv_beta_reg};

/// The number of thresholds that are tested at most: each test adds at least this part of the records.
const PARTS: usize = 20;

/// The probability of at most `disagree` disagreements in `count` verdicts, if each disagrees with this probability.
fn at_most(disagree: u32, count: u32, risk: f64) -> f64 {
    if disagree >= count {
        return 1.0;
    }
    beta_reg(f64::from(count - disagree), f64::from(disagree) + 1.0, 1.0 - risk)
}

/// Whether a judge whose risk of disagreement is above `risk` would disagree this seldom with a probability above
/// `delta`: the test of one threshold fails.
fn is_too_likely(disagree: u32, count: u32, risk: f64, delta: f64) -> bool {
    at_most(disagree, count, risk) > delta
}

/// The upper bound of the risk of disagreement (Clopper and Pearson 1934): a higher risk would show so few
/// disagreements with a probability below `delta`.
///
/// ```
/// use tribunal::report::disagreement_bound;
///
/// // Without any disagreement, (1 - bound) to the power of the number of verdicts is delta.
/// let bound = disagreement_bound(0, 22, 0.1);
/// assert!(((1.0 - bound).powi(22) - 0.1).abs() < 1e-6);
/// ```
pub fn disagreement_bound(disagree: u32, count: u32, delta: f64) -> f64 {
    if disagree >= count {
        return 1.0;
    }
    1.0 - inv_beta_reg(f64::from(count - disagree), f64::from(disagree) + 1.0, delta)
}

/// The lowest threshold of the certainty that the tests reach; `None` if the first one fails.
///
/// `answers` are pairs of the certainty of a verdict and whether it agrees with the label. The thresholds are certainties
/// of the sample; which of them are tested follows from the certainties alone, and not from the labels. The first one
/// has so many verdicts at or above it that it passes if none of them disagrees, and at least a twentieth of all; each
/// later one has as many more.
pub fn fit_threshold(answers: &[(f64, bool)], agree: f64, delta: f64) -> Option<f64> {
    let mut sorted: Vec<(f64, bool)> =
        answers.iter().filter(|(certainty, _)| certainty.is_finite()).copied().collect();
    sorted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let step = fewest(agree, delta)?.max(sorted.len().div_ceil(PARTS)).max(1);
    let mut passed = None;
    let mut end = step;
    while let Some((least, _)) = end.checked_sub(1).and_then(|last| sorted.get(last)) {
        // Equal certainties are on one side of a threshold.
        let count = sorted.partition_point(|(certainty, _)| certainty >= least);
        let disagree = sorted[..count].iter().filter(|(_, agrees)| !agrees).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        if is_too_likely(number(disagree), number(count), 1.0 - agree, delta) {
            break;
        }
        passed = Some(*least);
        if count == sorted.len() {
            break;
        }
        // The rest of the records is the last part.
        end = (count + step).min(sorted.len());
    }
    passed
}

/// The fewest verdicts that pass if none of them disagrees; `None` if no number does.
fn fewest(agree: f64, delta: f64) -> Option<usize> {
    // A sample of this size would be far too large to be labelled.
    const MOST: usize = 1_000_000;
    let is_possible = agree > 0.0 && agree < 1.0 && delta > 0.0 && delta < 1.0;
    let passes = |count: &usize| {
        let count = u32::try_from(*count).unwrap_or(u32::MAX);
        !is_too_likely(0, count, 1.0 - agree, delta)
    };
    is_possible.then(|| (1..MOST).find(passes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The binomial sum.
    fn by_formula(disagree: u32, count: u32, risk: f64) -> f64 {
        let choose =
            |k: u32| (1..=k).map(|i| f64::from(count + 1 - i) / f64::from(i)).product::<f64>();
        let power = |base: f64, n: u32| base.powi(i32::try_from(n).unwrap());
        (0..=disagree).map(|k| choose(k) * power(risk, k) * power(1.0 - risk, count - k)).sum()
    }

    #[test]
    fn the_tail_is_the_binomial_sum() {
        for (disagree, count, risk) in
            [(0, 22, 0.1), (1, 38, 0.1), (3, 50, 0.2), (10, 30, 0.5), (5, 5, 0.3)]
        {
            let sum = by_formula(disagree, count, risk);
            assert!((at_most(disagree, count, risk) - sum).abs() < 1e-9, "{disagree} of {count}");
        }
    }

    #[test]
    fn the_bound_is_the_risk_with_that_tail() {
        for (disagree, count, delta) in [(0, 22, 0.1), (2, 60, 0.05), (7, 90, 0.1)] {
            let bound = disagreement_bound(disagree, count, delta);
            assert!((by_formula(disagree, count, bound) - delta).abs() < 1e-6);
        }
        assert!((disagreement_bound(4, 4, 0.1) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn thresholds_are_tested_from_high_to_low_up_to_the_first_that_fails() {
        assert_eq!(
            (fewest(0.9, 0.1), fewest(0.9, 0.05), fewest(1.0, 0.1)),
            (Some(22), Some(29), None)
        );
        let sure = |count: usize, certainty: f64, wrong: usize| {
            (0..count).map(move |n| (certainty, n >= wrong))
        };
        // 22 verdicts without a disagreement pass, 21 are too few.
        assert_eq!(fit_threshold(&sure(22, 0.9, 0).collect::<Vec<_>>(), 0.9, 0.1), Some(0.9));
        assert_eq!(fit_threshold(&sure(21, 0.9, 0).collect::<Vec<_>>(), 0.9, 0.1), None);
        // Below 0.9 half of the verdicts are wrong; what comes after is not looked at.
        let all: Vec<_> =
            sure(40, 0.9, 0).chain(sure(40, 0.8, 20)).chain(sure(900, 0.7, 0)).collect();
        assert_eq!(fit_threshold(&all, 0.9, 0.1), None, "the first test has 49 verdicts");
        let all: Vec<_> =
            sure(60, 0.9, 0).chain(sure(60, 0.8, 30)).chain(sure(300, 0.7, 0)).collect();
        assert_eq!(fit_threshold(&all, 0.9, 0.1), Some(0.9));
        assert_eq!(fit_threshold(&[], 0.9, 0.1), None);
    }
}
