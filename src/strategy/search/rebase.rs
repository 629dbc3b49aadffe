//! REBASE: reward-balanced search.

use super::{
    algorithm::{Algorithm, Ask, Found, ranked},
    tree::Tree,
};

/// Shares the width among all steps of a level by their values, so that good ones get more draws and no good one is
/// lost (Wu et al. 2024, REBASE; thu-wyz/inference_scaling).
///
/// Solutions that end lower the width for good. Their ends are all candidates.
pub(super) struct Rebase {
    width: u32,
    temperature: f64,
}

impl Rebase {
    pub(super) fn new(width: u32, temperature: f64) -> Self {
        Self { width, temperature }
    }
}

impl Algorithm for Rebase {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        if found.is_empty() {
            return vec![Ask::Steps { after: 0, draws: self.width }];
        }
        // Steps that were drawn twice count twice.
        let found = found.iter().flatten().copied();
        let (ends, open): (Vec<_>, Vec<_>) = found.partition(|at| tree[*at].is_end);
        self.width = self.width.saturating_sub(u32::try_from(ends.len()).unwrap_or(u32::MAX));
        let open = ranked(tree, &open);
        let values: Vec<f64> = open.iter().map(|at| tree[*at].value.unwrap_or_default()).collect();
        let widths = widths(self.width, &values, self.temperature);
        let mut asks: Vec<Ask> = Vec::new();
        for (after, draws) in open.into_iter().zip(widths) {
            match asks.last_mut().filter(|ask| ask.after() == after) {
                Some(ask) => *ask = ask.drawing(ask.draws() + draws),
                None => asks.push(Ask::Steps { after, draws }),
            }
        }
        asks.retain(|ask| ask.draws() > 0);
        asks
    }
}

/// The draws after each of these values, which descend: ⌈W·e^(value/T) / Σ⌉, where W and Σ are what the values before
/// have left.
fn widths(width: u32, values: &[f64], temperature: f64) -> Vec<u32> {
    // The largest value is subtracted: the shares are the same, and no exponential overflows.
    let most = values.first().copied().unwrap_or_default();
    let weights: Vec<f64> =
        values.iter().map(|value| ((value - most) / temperature).exp()).collect();
    let mut left = width;
    let share = |(place, weight): (usize, &f64)| {
        let rest: f64 = weights[place..].iter().sum();
        // Rounding errors of a quotient that is a whole number must not raise it.
        let exact = f64::from(left) * weight / rest;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to the width"
        )]
        let draws = ((exact - 1e-9).ceil().max(0.0) as u32).min(left);
        left -= draws;
        draws
    };
    weights.iter().enumerate().map(share).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_width_is_shared_by_the_exponentials_of_the_values() {
        // e^0 : e^-1 : e^-2 = 0.665 : 0.245 : 0.090 of 8: 5.32 → 6, of 2 left 0.731 → 2, of 0 left 0.
        assert_eq!(widths(8, &[0.3, 0.2, 0.1], 0.1), [6, 2, 0]);
        assert_eq!(widths(6, &[0.5, 0.5, 0.5], 0.1), [2, 2, 2]);
        assert_eq!(widths(5, &[1.0, 0.0], 0.01), [5, 0]);
        assert_eq!(widths(0, &[1.0, 0.0], 0.1), [0, 0]);
        assert_eq!(widths(3, &[], 0.1), [0; 0]);
    }

    proptest! {
        #[test]
        fn the_widths_sum_to_the_width(
            width in 0_u32..500,
            mut values in prop::collection::vec(-5.0..5.0_f64, 1..60),
            temperature in 0.01..10.0_f64,
        ) {
            values.sort_by(|one, other| other.total_cmp(one));
            let shared = widths(width, &values, temperature);
            prop_assert_eq!(shared.iter().sum::<u32>(), width);
        }
    }
}
