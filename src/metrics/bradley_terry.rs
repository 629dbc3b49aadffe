//! Bradley and Terry's model, fitted by maximum likelihood.

use super::{Game, Interval, Z95};

/// The log of a player's strength.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Strength {
    /// The log.
    pub log: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// The most steps of the fit; a few dozen are usual.
const MOST_STEPS: usize = 10_000;

/// The fit ends where no log of a strength changes by more.
const NEAR: f64 = 1e-12;

/// The strength of each player in the model of Bradley and Terry (1952, Biometrika 39), where P(a beats b) = s_a / (s_a
/// + s_b).
///
/// The fit is the MM algorithm of Hunter 2004 ("MM algorithms for generalized Bradley–Terry models", Annals of
/// Statistics 32). A tie is half a win. `prior` is how many games each player has tied beside these, with a player of
/// strength 1: so the strengths of unbeaten players stay finite, and those of players that are not connected by games
/// have one scale. With a prior of 0 the logs have the mean 0, and it is `None` if some players never lost to, or never
/// beat, any of the others (Ford 1957), because the most likely strengths are then not finite. It is `None`
/// too if a result is not from 0 to 1.
///
/// The intervals are those of the normal approximation: the inverse of the Fisher information at the fit, the prior
/// included; without one, its pseudo-inverse, for which the mean of the logs is fixed.
///
/// ```
/// use tribunal::metrics::bradley_terry;
///
/// // Three wins to one: odds of 3.
/// let games = [(0, 1, 1.0), (0, 1, 1.0), (0, 1, 1.0), (0, 1, 0.0)];
/// let fit = bradley_terry(2, &games, 0.0).unwrap();
/// assert!((fit[0].log - fit[1].log - 3_f64.ln()).abs() < 1e-9);
/// assert_eq!(bradley_terry(2, &games[..3], 0.0), None);
/// ```
pub fn bradley_terry(players: usize, games: &[Game], prior: f64) -> Option<Vec<Strength>> {
    let are_shares = games.iter().all(|(_, _, won)| (0.0..=1.0).contains(won));
    if !are_shares || (prior <= 0.0 && !is_connected(players, games)) {
        return None;
    }
    let strengths = strengths(players, games, prior);
    let errors = standard_errors(&strengths, games, prior);
    let rated = strengths.iter().zip(errors).map(|(strength, error)| {
        let log = strength.ln();
        Strength { log, interval: Interval::around(log, Z95 * error) }
    });
    Some(rated.collect())
}

/// Whether every player has beaten every other one, directly or through others.
fn is_connected(players: usize, games: &[Game]) -> bool {
    // A tie counts in both directions.
    let wins: Vec<(usize, usize)> = games
        .iter()
        .flat_map(|(one, other, won)| {
            let first = (*won > 0.0).then_some((*one, *other));
            let second = (*won < 1.0).then_some((*other, *one));
            first.into_iter().chain(second)
        })
        .collect();
    let reaches = |edges: &[(usize, usize)]| {
        let mut beaten = vec![Vec::new(); players];
        edges.iter().for_each(|(winner, loser)| beaten[*winner].push(*loser));
        let (mut seen, mut next) = (vec![false; players], vec![0]);
        while let Some(player) = next.pop() {
            if !std::mem::replace(&mut seen[player], true) {
                next.extend(&beaten[player]);
            }
        }
        seen.into_iter().all(|seen| seen)
    };
    let turned: Vec<(usize, usize)> = wins.iter().map(|(one, other)| (*other, *one)).collect();
    players > 0 && reaches(&wins) && reaches(&turned)
}

/// The strengths at which the results are the most likely.
fn strengths(players: usize, games: &[Game], prior: f64) -> Vec<f64> {
    let mut wins = vec![prior / 2.0; players];
    for (first, second, share) in games {
        wins[*first] += share;
        wins[*second] += 1.0 - share;
    }
    let mut strengths = vec![1.0; players];
    for _ in 0..MOST_STEPS {
        let mut weight: Vec<f64> = strengths.iter().map(|own| prior / (own + 1.0)).collect();
        for (first, second, _) in games {
            let one = 1.0 / (strengths[*first] + strengths[*second]);
            weight[*first] += one;
            weight[*second] += one;
        }
        let mut next: Vec<f64> =
            wins.iter().zip(&weight).map(|(wins, weight)| wins / weight).collect();
        if prior <= 0.0 {
            centre(&mut next);
        }
        let changes = next.iter().zip(&strengths).map(|(new, old)| (new / old).ln().abs());
        let change = changes.fold(0.0, f64::max);
        strengths = next;
        if change < NEAR {
            break;
        }
    }
    strengths
}

/// Scales strengths so that the mean of their logs is 0.
fn centre(strengths: &mut [f64]) {
    let logs: Vec<f64> = strengths.iter().map(|strength| strength.ln()).collect();
    let scale = super::mean(&logs).unwrap_or(0.0).exp();
    strengths.iter_mut().for_each(|strength| *strength /= scale);
}

/// The standard errors of the logs of the strengths: roots of the diagonal of the inverse Fisher information.
fn standard_errors(strengths: &[f64], games: &[Game], prior: f64) -> Vec<f64> {
    let count = strengths.len();
    let spread = |one: f64, other: f64| one * other / (one + other).powi(2);
    let mut information = vec![vec![0.0; count]; count];
    for (at, own) in strengths.iter().enumerate() {
        information[at][at] = prior * spread(*own, 1.0);
    }
    for &(first, second, _) in games {
        let one = spread(strengths[first], strengths[second]);
        information[first][first] += one;
        information[second][second] += one;
        information[first][second] -= one;
        information[second][first] -= one;
    }
    // Without a prior only differences are known: the ones that are added and taken away again stand for their mean.
    let fixed = if prior > 0.0 { 0.0 } else { 1.0 / super::real(count) };
    information.iter_mut().flatten().for_each(|cell| *cell += fixed);
    let mut inverse = inverse(information);
    inverse.iter_mut().flatten().for_each(|cell| *cell -= fixed);
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
        let fit = bradley_terry(2, &played, 1.0).unwrap();
        let (winner, loser) = (fit[0].log, fit[1].log);
        assert!((winner + loser).abs() < 1e-9, "{winner} {loser}");
        let s = winner.exp();
        let expected = 4.0 * s / (s + 1.0 / s) + s / (s + 1.0);
        assert!((expected - 3.5).abs() < 1e-9, "{expected}");
    }

    #[test]
    fn an_unbeaten_answer_has_a_finite_strength_and_an_interval() {
        let fit = bradley_terry(3, &[(0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0)], 1.0).unwrap();
        let values: Vec<f64> = fit.iter().map(|rated| rated.log).collect();
        assert!(values[0] > values[1] && values[1] > values[2], "{values:?}");
        assert!(values.iter().all(|value| value.abs() < 3.0), "{values:?}");
        let Interval { low, high } = fit[0].interval;
        assert!(low < values[0] && values[0] < high && high - low < 10.0);
    }

    #[test]
    fn more_comparisons_make_the_interval_narrower() {
        let width = |times: usize| {
            let played: Vec<_> = [(0, 1, 1.0), (0, 1, 0.0)].repeat(times);
            bradley_terry(2, &played, 1.0).unwrap()[0].interval.width()
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
