//! Bradley and Terry's model, fitted by maximum likelihood with a weak prior.
//!
//! P(a beats b) = s_a / (s_a + s_b) (Bradley and Terry 1952, Biometrika 39). The fit is the MM algorithm of Hunter 2004
//! ("MM algorithms for generalized Bradley–Terry models", Annals of Statistics 32). Each answer has one more comparison,
//! a tie with an answer of strength 1: so the strengths of unbeaten answers stay finite, and those of answers that are
//! not connected by comparisons have one scale. The intervals are those of the normal approximation: the inverse of the
//! Fisher information at the fit, the added ties included.

/// The log of a strength, and its 95 % interval.
pub(super) type Fitted = (f64, (f64, f64));

/// The comparisons that each answer has with an answer of strength 1, all of them ties.
const PRIOR: f64 = 1.0;

/// The most steps of the fit; a few dozen are usual.
const MOST_STEPS: usize = 10_000;

/// The fit ends where no log of a strength changes by more.
const NEAR: f64 = 1e-12;

/// The logs of the strengths, with 95 % intervals.
pub(super) fn fitted(answers: usize, played: &[(usize, usize, f64)]) -> Vec<Fitted> {
    let strengths = strengths(answers, played);
    let errors = standard_errors(&strengths, played);
    let rated = strengths.iter().zip(errors).map(|(strength, error)| {
        let value = strength.ln();
        let half = 1.959_963_984_540_054 * error;
        (value, (value - half, value + half))
    });
    rated.collect()
}

/// The strengths at which the results are the most likely.
fn strengths(answers: usize, played: &[(usize, usize, f64)]) -> Vec<f64> {
    let mut wins = vec![PRIOR / 2.0; answers];
    for (first, second, share) in played {
        wins[*first] += share;
        wins[*second] += 1.0 - share;
    }
    let mut strengths = vec![1.0; answers];
    for _ in 0..MOST_STEPS {
        let mut weight: Vec<f64> = strengths.iter().map(|own| PRIOR / (own + 1.0)).collect();
        for (first, second, _) in played {
            let one = 1.0 / (strengths[*first] + strengths[*second]);
            weight[*first] += one;
            weight[*second] += one;
        }
        let next: Vec<f64> = wins.iter().zip(&weight).map(|(wins, weight)| wins / weight).collect();
        let changes = next.iter().zip(&strengths).map(|(new, old)| (new / old).ln().abs());
        let change = changes.fold(0.0, f64::max);
        strengths = next;
        if change < NEAR {
            break;
        }
    }
    strengths
}

/// The standard errors of the logs of the strengths: roots of the diagonal of the inverse Fisher information.
fn standard_errors(strengths: &[f64], played: &[(usize, usize, f64)]) -> Vec<f64> {
    let count = strengths.len();
    let spread = |one: f64, other: f64| one * other / (one + other).powi(2);
    let mut information = vec![vec![0.0; count]; count];
    for (at, own) in strengths.iter().enumerate() {
        information[at][at] = PRIOR * spread(*own, 1.0);
    }
    for &(first, second, _) in played {
        let one = spread(strengths[first], strengths[second]);
        information[first][first] += one;
        information[second][second] += one;
        information[first][second] -= one;
        information[second][first] -= one;
    }
    let inverse = inverse(information);
    inverse.iter().enumerate().map(|(at, row)| row[at].max(0.0).sqrt()).collect()
}

/// The inverse of a positive definite matrix, by Gauss and Jordan. The prior makes every diagonal positive, so that no
/// exchange of rows is needed.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let count = matrix.len();
    let mut inverse: Vec<Vec<f64>> =
        (0..count).map(|at| (0..count).map(|to| f64::from(u8::from(at == to))).collect()).collect();
    for pivot in 0..count {
        let by = matrix[pivot][pivot];
        for all in [&mut matrix, &mut inverse] {
            all[pivot].iter_mut().for_each(|cell| *cell /= by);
        }
        for row in (0..count).filter(|row| *row != pivot) {
            let times = matrix[row][pivot];
            for all in [&mut matrix, &mut inverse] {
                let of_pivot = all[pivot].clone();
                let cells = all[row].iter_mut().zip(of_pivot);
                cells.for_each(|(cell, other)| *cell -= times * other);
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_have_the_strengths_of_the_closed_form() {
        // With s = e^x for the winner of 3 to 1 and −x for the loser: 3.5 = 4·s/(s + 1/s) + s/(s + 1) at the fit.
        let played = [(0, 1, 1.0), (0, 1, 1.0), (0, 1, 1.0), (0, 1, 0.0)];
        let fit = fitted(2, &played);
        let (winner, loser) = (fit[0].0, fit[1].0);
        assert!((winner + loser).abs() < 1e-9, "{winner} {loser}");
        let s = winner.exp();
        let expected = 4.0 * s / (s + 1.0 / s) + s / (s + 1.0);
        assert!((expected - 3.5).abs() < 1e-9, "{expected}");
    }

    #[test]
    fn an_unbeaten_answer_has_a_finite_strength_and_an_interval() {
        let fit = fitted(3, &[(0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0)]);
        let values: Vec<f64> = fit.iter().map(|rated| rated.0).collect();
        assert!(values[0] > values[1] && values[1] > values[2], "{values:?}");
        assert!(values.iter().all(|value| value.abs() < 3.0), "{values:?}");
        let (low, high) = fit[0].1;
        assert!(low < values[0] && values[0] < high && high - low < 10.0);
    }

    #[test]
    fn more_comparisons_make_the_interval_narrower() {
        let width = |times: usize| {
            let played: Vec<_> = [(0, 1, 1.0), (0, 1, 0.0)].repeat(times);
            let (low, high) = fitted(2, &played)[0].1;
            high - low
        };
        assert!(width(50) < width(5) && width(5) < width(1));
    }

    #[test]
    fn an_inverse_times_its_matrix_is_the_identity() {
        let matrix = vec![vec![4.0, -1.0, 0.0], vec![-1.0, 3.0, -1.0], vec![0.0, -1.0, 2.0]];
        let inverse = inverse(matrix.clone());
        for (at, row) in matrix.iter().enumerate() {
            for column in 0..3 {
                let cells = row.iter().zip(&inverse).map(|(one, other)| one * other[column]);
                let cell: f64 = cells.sum();
                assert!((cell - f64::from(u8::from(at == column))).abs() < 1e-12);
            }
        }
    }
}
