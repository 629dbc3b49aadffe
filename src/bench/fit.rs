//! Logistic regression with soft labels, by Newton's method: with a ridge, or with an L1 penalty.

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// The numbers that it is explained by.
    pub(super) features: Vec<f64>,
    /// How far it is won, 0 to 1.
    pub(super) share: f64,
}

/// The logistic function.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// How many steps of Newton's method are made at most.
const STEPS: usize = 100;

/// A step that changes no weight by more than this is the last.
const SMALL: f64 = 1e-10;

/// The weights of the features with the largest likelihood, less `ridge` halves of the sum of their squares, which
/// keeps them finite where a feature separates wins from losses. `None` without observations.
pub(super) fn logistic(samples: &[Sample], ridge: f64) -> Option<Vec<f64>> {
    let count = samples.first()?.features.len();
    let mut weights = vec![0.0; count];
    for _ in 0..STEPS {
        let (gradient, curvature) = slopes(samples, &weights, ridge);
        let step = solved(curvature, gradient)?;
        // A long step may overshoot where the likelihood is flat.
        let longest = step.iter().fold(0.0_f64, |most, one| most.max(one.abs()));
        let scale = if longest > 5.0 { 5.0 / longest } else { 1.0 };
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += scale * step);
        if longest < SMALL {
            break;
        }
    }
    weights.iter().all(|weight| weight.is_finite()).then_some(weights)
}

/// The weights that minimize the sum of their absolute values plus `strength` times the logarithmic loss: each step
/// minimizes the penalty and a parabola, coordinate by coordinate. `None` without observations.
pub(super) fn lasso(samples: &[Sample], strength: f64) -> Option<Vec<f64>> {
    let mut weights = vec![0.0; samples.first()?.features.len()];
    let cost = |weights: &[f64]| {
        strength * loss(samples, weights) + weights.iter().map(|weight| weight.abs()).sum::<f64>()
    };
    let mut now = cost(&weights);
    for _ in 0..STEPS {
        // Not zero where all labels are certain.
        let (gradient, curvature) = slopes(samples, &weights, 1e-12);
        let step = penalized_step(&weights, &gradient, &curvature, strength);
        let Some((next, lower)) = (0..STEPS).find_map(|halvings| {
            let scale = 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX));
            let pairs = weights.iter().zip(&step);
            let next: Vec<f64> = pairs.map(|(weight, step)| weight + scale * step).collect();
            let cost = cost(&next);
            (cost < now).then_some((next, cost))
        }) else {
            break;
        };
        let moved = weights.iter().zip(&next).any(|(one, two)| (one - two).abs() > SMALL);
        (weights, now) = (next, lower);
        if !moved {
            break;
        }
    }
    Some(weights)
}

/// The step to the minimum of the penalty plus `strength` times the parabola with these slopes.
fn penalized_step(
    weights: &[f64],
    gradient: &[f64],
    curvature: &[Vec<f64>],
    strength: f64,
) -> Vec<f64> {
    let mut step = vec![0.0; weights.len()];
    for _ in 0..10 * STEPS {
        let mut longest = 0.0_f64;
        for place in 0..weights.len() {
            let row = &curvature[place];
            let others: f64 = row.iter().zip(&step).map(|(one, step)| one * step).sum();
            let slope = strength * (others - row[place] * step[place] - gradient[place]);
            let width = strength * row[place];
            let target = width * weights[place] - slope;
            let to = target.signum() * (target.abs() - 1.0).max(0.0) / width - weights[place];
            longest = longest.max((to - step[place]).abs());
            step[place] = to;
        }
        if longest < SMALL {
            break;
        }
    }
    step
}

/// The logarithmic loss of these weights, over all observations.
pub(super) fn loss(samples: &[Sample], weights: &[f64]) -> f64 {
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let one = |Sample { features, share }: &Sample| {
        let sum: f64 = features.iter().zip(weights).map(|(feature, weight)| feature * weight).sum();
        share * softplus(-sum) + (1.0 - share) * softplus(sum)
    };
    samples.iter().map(one).sum()
}

/// The gradient of the likelihood and the negative of its second derivatives.
fn slopes(samples: &[Sample], weights: &[f64], ridge: f64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let count = weights.len();
    let mut gradient: Vec<f64> = weights.iter().map(|weight| -ridge * weight).collect();
    let mut curvature = vec![vec![0.0; count]; count];
    for (place, row) in curvature.iter_mut().enumerate() {
        row[place] = ridge;
    }
    for Sample { features, share } in samples {
        let sum: f64 = features.iter().zip(weights).map(|(feature, weight)| feature * weight).sum();
        let p = sigmoid(sum);
        for (one, feature) in features.iter().enumerate() {
            gradient[one] += (share - p) * feature;
            for (two, other) in features.iter().enumerate() {
                curvature[one][two] += p * (1.0 - p) * feature * other;
            }
        }
    }
    (gradient, curvature)
}

/// The solution of a linear system, by Gauss' elimination with the largest pivot; `None` if it has none.
fn solved(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let count = right.len();
    for column in 0..count {
        let pivot = (column..count)
            .max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-300 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..count {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column].clone();
            matrix[row].iter_mut().zip(&above).for_each(|(cell, above)| *cell -= factor * above);
            right[row] -= factor * right[column];
        }
    }
    let mut solution = vec![0.0; count];
    for row in (0..count).rev() {
        let known: f64 =
            (row + 1..count).map(|column| matrix[row][column] * solution[column]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_alone_is_the_log_odds_of_the_share() {
        let samples = [0.2, 0.9, 0.7].map(|share| Sample { features: vec![1.0], share });
        let weights = logistic(&samples, 0.0).unwrap();
        assert!((sigmoid(weights[0]) - 0.6).abs() < 1e-9);
    }

    #[test]
    fn what_a_feature_explains_leaves_the_constant() {
        // Longer answers win: at equal length both sides are equal.
        let samples: Vec<Sample> = [(-1.0, 0.2), (1.0, 0.8), (-1.0, 0.3), (1.0, 0.7)]
            .map(|(length, share)| Sample { features: vec![1.0, length], share })
            .to_vec();
        let weights = logistic(&samples, 0.0).unwrap();
        assert!(weights[0].abs() < 1e-9 && (sigmoid(weights[1]) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn separated_wins_have_finite_weights() {
        let samples: Vec<Sample> = [(-1.0, 0.0), (1.0, 1.0)]
            .map(|(length, share)| Sample { features: vec![1.0, length], share })
            .to_vec();
        assert!(logistic(&samples, 1e-6).unwrap()[1].is_finite());
        assert_eq!(logistic(&[], 0.0), None);
    }
}
