//! Results of games as one number for each player.

use super::real;

/// A game: the first player, the second one, and what the first one won, 0 to 1 (a tie is half).
pub type Game = (usize, usize, f64);

/// The share of games that were won, 0 to 1; a tie is half a win. `None` without games.
///
/// ```
/// use tribunal::metrics::win_rate;
///
/// assert_eq!((win_rate(2, 1, 1), win_rate(0, 0, 0)), (Some(0.625), None));
/// ```
pub fn win_rate(wins: usize, ties: usize, losses: usize) -> Option<f64> {
    let games = real(wins + ties + losses);
    (games > 0.0).then(|| (real(wins) + real(ties) / 2.0) / games)
}

/// Elo's ratings after these games, in this order (Elo 1978, The Rating of Chessplayers).
///
/// Everybody begins with `begin`; after each game the winner gets k · (result − 1 / (1 + 10^((other − own) / 400))) from
/// the other. The ratings depend on the order of the games: [`bradley_terry`](super::bradley_terry) does not.
///
/// ```
/// use tribunal::metrics::elo;
///
/// assert_eq!(elo(2, &[(0, 1, 1.0)], 1000.0, 32.0), [1016.0, 984.0]);
/// ```
pub fn elo(players: usize, games: &[Game], begin: f64, k: f64) -> Vec<f64> {
    let mut ratings = vec![begin; players];
    for (first, second, result) in games {
        let expected = 1.0 / (1.0 + 10_f64.powf((ratings[*second] - ratings[*first]) / 400.0));
        let change = k * (result - expected);
        ratings[*first] += change;
        ratings[*second] -= change;
    }
    ratings
}
