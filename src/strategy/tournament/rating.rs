//! Results of comparisons as one number for each answer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Played;
use crate::{
    error::{Error, ErrorKind, Result},
    metrics::{self, Game},
};

/// How the results of comparisons become one number for each answer. A larger number is a better answer. Comparisons
/// without a result do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rating {
    /// The share of wins among the answer's comparisons, 0 to 1; a tie is half a win.
    #[default]
    Wins,
    /// Elo's rating: everybody begins with 1000, and after each comparison, in the order of the tournament, the winner
    /// gets 32 · (result − 1 / (1 + 10^((other − own) / 400))) from the other. It depends on that order.
    Elo,
    /// The log of the strength in the model of Bradley and Terry (1952), where P(a beats b) = s_a / (s_a + s_b), by
    /// maximum likelihood (Hunter 2004, MM algorithm). Each answer also has one tie with an answer of strength 1, so
    /// that an unbeaten answer has a finite strength. With a 95 % interval from the Fisher information.
    BradleyTerry,
}

/// The rating of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rated {
    /// The rating; `None` if no comparison of the answer has a result.
    pub value: Option<f64>,
    /// The 95 % interval of the rating, where the rating has one.
    pub interval: Option<(f64, f64)>,
}

/// Where Elo's ratings begin, and the most that one comparison changes.
const ELO: (f64, f64) = (1000.0, 32.0);

/// The comparisons that each answer has with an answer of strength 1 in Bradley and Terry's model, all of them ties.
const PRIOR: f64 = 1.0;

impl Rating {
    const ALL: [(&'static str, Self); 3] =
        [("wins", Self::Wins), ("elo", Self::Elo), ("bradley-terry", Self::BradleyTerry)];

    /// The words of all ratings.
    pub const NAMES: [&'static str; 3] = ["wins", "elo", "bradley-terry"];

    /// The rating of each of so many answers by these comparisons.
    pub fn of(self, answers: usize, played: &[Played]) -> Vec<Rated> {
        let known: Vec<Game> = played
            .iter()
            .filter_map(|one| Some((one.pair.first, one.pair.second, one.share?)))
            .collect();
        let mut games = vec![0_u32; answers];
        known.iter().for_each(|(first, second, _)| {
            games[*first] += 1;
            games[*second] += 1;
        });
        let rated = match self {
            Self::Wins => wins(&games, &known),
            Self::Elo => {
                let ratings = metrics::elo(answers, &known, ELO.0, ELO.1);
                let rated = |value| Rated { value: Some(value), interval: None };
                ratings.into_iter().map(rated).collect()
            }
            Self::BradleyTerry => {
                let fit = metrics::bradley_terry(answers, &known, PRIOR).unwrap_or_default();
                let rated = |one: metrics::Strength| Rated {
                    value: Some(one.log),
                    interval: Some(one.interval.into()),
                };
                fit.into_iter().map(rated).collect()
            }
        };
        let counted = rated.into_iter().zip(games);
        counted.map(|(rated, games)| if games > 0 { rated } else { Rated::default() }).collect()
    }
}

/// The share of wins of each answer.
fn wins(games: &[u32], known: &[Game]) -> Vec<Rated> {
    let mut points = vec![0.0; games.len()];
    for (first, second, share) in known {
        points[*first] += share;
        points[*second] += 1.0 - share;
    }
    let share = |(points, games): (f64, &u32)| Rated {
        value: Some(points / f64::from((*games).max(1))),
        interval: None,
    };
    points.into_iter().zip(games).map(share).collect()
}

/// The word in settings.
impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

impl FromStr for Rating {
    type Err = Error;

    /// # Errors
    /// The word is not a rating.
    fn from_str(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == word);
        known
            .map(|(_, rating)| rating)
            .ok_or_else(|| crate::error::unknown(ErrorKind::Config, "rating", word, Self::NAMES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(rating: Rating, answers: usize, played: &[Played]) -> Vec<Option<f64>> {
        rating.of(answers, played).into_iter().map(|rated| rated.value).collect()
    }

    #[test]
    fn wins_are_a_share_of_the_comparisons_that_have_a_result() {
        let played = [(0, 1, Some(1.0)), (0, 2, Some(0.5)), (1, 2, None)]
            .map(|(a, b, s)| Played::new(a, b, s));
        assert_eq!(values(Rating::Wins, 4, &played), [Some(0.75), Some(0.0), Some(0.5), None]);
    }

    #[test]
    fn elo_moves_equal_answers_by_half_of_k() {
        let played = [Played::new(0, 1, Some(1.0))];
        assert_eq!(values(Rating::Elo, 2, &played), [Some(1016.0), Some(984.0)]);
    }

    #[test]
    fn a_rating_is_written_as_it_is_read() {
        for word in Rating::NAMES {
            assert_eq!(
                word.parse::<Rating>().map(|one| one.to_string()).ok().as_deref(),
                Some(word)
            );
        }
    }
}
