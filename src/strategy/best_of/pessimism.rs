//! Pessimism about a noisy judge: regularized weights, and a draw by rejection. No I/O.
//!
//! The value of the best of many candidates is mostly the error of its judge. InferenceTimePessimism (Huang, Block, Liu,
//! Jiang, Krishnamurthy and Foster 2025, "Is Best-of-N the Best of Them?", arXiv:2503.21878) samples instead from the
//! policy that maximizes the reward with a χ² penalty for leaving the candidates' own distribution. Its weights are
//! max(0, (r − λ) / β), where λ is such that their mean over the N candidates is 1, and a candidate is drawn by rejection.

use crate::strategy::chance;

/// The weight of each candidate by its value: max(0, (value − λ) / β), with a mean of 1 over the candidates that have a
/// value. `beta` is above 0.
///
/// ```
/// use tribunal::strategy::best_of::pessimism_weights;
///
/// // Half of the weight would be taken from the worse one: λ = −0.5.
/// assert_eq!(pessimism_weights(&[Some(1.0), Some(0.0), None], 1.0), [Some(1.5), Some(0.5), None]);
/// // Nearly no regularization: all weight is on the best.
/// assert_eq!(pessimism_weights(&[Some(1.0), Some(0.0)], 0.25), [Some(2.0), Some(0.0)]);
/// ```
pub fn weights(values: &[Option<f64>], beta: f64) -> Vec<Option<f64>> {
    // In units of beta and from the largest value down, so that neither a tiny nor a huge beta is lost in rounding.
    let most = values.iter().copied().flatten().fold(f64::NEG_INFINITY, f64::max);
    let below = |value: f64| (value - most) / beta;
    let mut sorted: Vec<f64> = values.iter().copied().flatten().map(below).collect();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let Some(shift) = shift(&sorted) else { return vec![None; values.len()] };
    let weight = |value: f64| (below(value) - shift).max(0.0);
    values.iter().map(|value| value.map(weight)).collect()
}

/// λ for values in units of β, in falling order: with the `k` largest above it, their sum less k·λ is N.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 candidates")]
fn shift(sorted: &[f64]) -> Option<f64> {
    let count = sorted.len() as f64;
    let mut sum = 0.0;
    for (at, value) in sorted.iter().enumerate() {
        sum += value;
        let shift = (sum - count) / (at + 1) as f64;
        // The next value is not above λ, so that it has no weight.
        if sorted.get(at + 1).is_none_or(|next| *next <= shift) {
            return Some(shift);
        }
    }
    None
}

/// A candidate drawn by rejection: they are tried in a seeded order, and each is accepted with its weight divided by the
/// largest one. So a candidate of the largest weight is always accepted.
pub(super) fn drawn(weights: &[Option<f64>], seed: u64) -> Option<usize> {
    let most = weights.iter().copied().flatten().fold(0.0, f64::max);
    let order = chance::shuffled(weights.len(), seed);
    let accepts = |at: &usize| {
        let chance = chance::uniform(chance::seed_for(seed, "accept"), *at as u64);
        weights[*at].is_some_and(|weight| weight > 0.0 && chance * most < weight)
    };
    order.into_iter().find(accepts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_weights_have_a_mean_of_1_and_follow_the_values(
            values in prop::collection::vec(-5.0..5.0_f64, 1..20),
            beta in 0.01..10.0_f64,
        ) {
            let known: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
            let weighed = weights(&known, beta);
            let weights: Vec<f64> = weighed.iter().copied().map(Option::unwrap).collect();
            #[expect(clippy::cast_precision_loss, reason = "at most 20")]
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            prop_assert!((mean - 1.0).abs() < 1e-9, "{mean}");
            for (one, of_one) in values.iter().zip(&weights) {
                for (other, of_other) in values.iter().zip(&weights) {
                    prop_assert!(one < other || of_one >= of_other);
                }
            }
            prop_assert!(drawn(&weighed, 3).is_some());
        }
    }

    #[test]
    fn draws_follow_the_weights() {
        // 1.5 to 0.5: the worse one is accepted where it is tried first, and then once in three times.
        let weights = weights(&[Some(1.0), Some(0.0)], 1.0);
        let worse = (0..3000).filter(|seed| drawn(&weights, *seed) == Some(1)).count();
        assert!((450..=550).contains(&worse), "{worse}");
        assert_eq!(drawn(&[None, None], 1), None);
    }

    #[test]
    fn a_weak_regularization_takes_the_best() {
        let values = [Some(3.0), Some(1.0), Some(2.9)];
        for seed in 0..50 {
            for beta in [1e-3, 1e-17, f64::MIN_POSITIVE] {
                assert_eq!(drawn(&weights(&values, beta), seed), Some(0), "{beta}");
            }
        }
        assert_eq!(weights(&values, f64::MAX), [Some(1.0); 3], "and a huge one takes any of them");
    }
}
