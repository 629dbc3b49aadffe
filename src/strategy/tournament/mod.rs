//! Tournaments: which pairs of answers are compared, and what the results come to. No I/O.
//!
//! A [`Tournament`] says which pairs are compared next and takes the results, in any order; who compares them does not
//! matter to it. [`Rating`] turns the results into one number for each answer.
//!
//! ```
//! use tribunal::strategy::tournament::{Pairing, Rating, Tournament};
//!
//! // Answers that are as good as their numbers; the larger one wins.
//! let worth = [3, 9, 4, 1];
//! let mut tournament = Tournament::new(Pairing::Knockout, worth.len(), 7);
//! loop {
//!     let pairs = tournament.next();
//!     if pairs.is_empty() {
//!         break;
//!     }
//!     for pair in pairs {
//!         let first_wins = worth[pair.first] > worth[pair.second];
//!         tournament.take(pair, Some(if first_wins { 1.0 } else { 0.0 }));
//!     }
//! }
//! assert_eq!(tournament.winner(), Some(1));
//! assert_eq!(tournament.played().len(), Pairing::Knockout.comparisons(worth.len()));
//! let wins = Rating::Wins.of(worth.len(), tournament.played());
//! assert_eq!(wins[1].value, Some(1.0));
//! ```

mod rating;
mod swiss;

pub use rating::{Rated, Rating};

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::chance;
use crate::error::{Error, ErrorKind, Result};

/// Which pairs of answers are compared. N is the number of answers; a comparison in both orders counts once here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// Every answer with every other one: N·(N − 1)/2 comparisons.
    #[default]
    RoundRobin,
    /// Every answer with its neighbours, the last one with the first: N comparisons (1 for two answers). It gives every
    /// answer a reward, and does not find the best one for sure.
    Circular,
    /// Losers leave: N − 1 comparisons. The order is shuffled, and answers without an opponent advance. Without a
    /// winner the answer that comes first in the bracket advances (Zhou et al. 2025, JETTS).
    Knockout,
    /// The best so far meets the next answer: N − 1 comparisons, one after another. Without a winner the best so far
    /// stays (Jiang et al. 2023, LLM-Blender: one pass of a bubble sort).
    Bubble,
    /// Rounds in which answers with equally many wins meet: ⌈log₂ N⌉·⌊N/2⌋ comparisons.
    Swiss,
}

/// Two answers to compare, by their 0-based indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "two answers, whatever comes")]
pub struct Pair {
    /// The answer that is named first.
    pub first: usize,
    /// The other answer.
    pub second: usize,
}

/// A comparison and its result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Played {
    /// The answers.
    pub pair: Pair,
    /// The first answer's share of the win: 1, 0.5 for a tie, 0; or a mean of these. `None` if there is no result.
    pub share: Option<f64>,
}

impl Played {
    /// A comparison with this result.
    pub fn new(first: usize, second: usize, share: Option<f64>) -> Self {
        Self { pair: Pair { first, second }, share }
    }
}

impl Pairing {
    const ALL: [(&'static str, Self); 6] = [
        ("round-robin", Self::RoundRobin),
        ("circular", Self::Circular),
        ("knockout", Self::Knockout),
        ("bubble", Self::Bubble),
        ("swiss", Self::Swiss),
        // The same as the first, in the words of those who want rewards for all.
        ("all", Self::RoundRobin),
    ];

    /// The words of all pairings.
    pub const NAMES: [&'static str; 6] =
        ["round-robin", "circular", "knockout", "bubble", "swiss", "all"];

    /// The number of comparisons between so many answers.
    pub fn comparisons(self, answers: usize) -> usize {
        if answers < 2 {
            return 0;
        }
        match self {
            Self::RoundRobin => answers * (answers - 1) / 2,
            Self::Circular if answers == 2 => 1,
            Self::Circular => answers,
            Self::Knockout | Self::Bubble => answers - 1,
            Self::Swiss => swiss::rounds(answers) * (answers / 2),
        }
    }

    /// Whether the comparisons depend on earlier results.
    pub fn adapts(self) -> bool {
        matches!(self, Self::Knockout | Self::Bubble | Self::Swiss)
    }
}

/// The word in settings.
impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = Self::ALL[*self as usize];
        f.write_str(name)
    }
}

impl FromStr for Pairing {
    type Err = Error;

    /// # Errors
    /// The word is not a pairing.
    fn from_str(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == word);
        known
            .map(|(_, pairing)| pairing)
            .ok_or_else(|| crate::error::unknown(ErrorKind::Config, "pairing", word, Self::NAMES))
    }
}

/// A pair of a round, and its result.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    pair: Pair,
    /// Whether its result was taken.
    is_over: bool,
    share: Option<f64>,
}

/// A tournament in progress.
#[derive(Clone, Debug)]
pub struct Tournament {
    pairing: Pairing,
    answers: usize,
    /// The answers that are still in, in their order. In a knockout `None` is a free place; in a bubble the best so far
    /// is the first, and the rest wait.
    bracket: Vec<Option<usize>>,
    /// The pairs of this round.
    round: Vec<Wanted>,
    rounds: usize,
    played: Vec<Played>,
}

impl Tournament {
    /// A tournament of so many answers. `seed` decides the order of a knockout and the first round of `swiss`.
    pub fn new(pairing: Pairing, answers: usize, seed: u64) -> Self {
        let bracket = match pairing {
            Pairing::Knockout if answers > 0 => {
                let places = chance::shuffled(answers.next_power_of_two(), seed);
                places.into_iter().map(|place| Some(place).filter(|&at| at < answers)).collect()
            }
            Pairing::Swiss => chance::shuffled(answers, seed).into_iter().map(Some).collect(),
            _ => (0..answers).map(Some).collect(),
        };
        Self { pairing, answers, bracket, round: Vec::new(), rounds: 0, played: Vec::new() }
    }

    /// The pairs whose results are wanted now, which do not depend on each other; empty when it is over.
    #[expect(clippy::should_implement_trait, reason = "the next one depends on what was taken")]
    pub fn next(&mut self) -> Vec<Pair> {
        while self.round.iter().all(|one| one.is_over) {
            self.close();
            let pairs = self.pairs();
            if pairs.is_empty() {
                return Vec::new();
            }
            self.rounds += 1;
            let wanted = |pair| Wanted { pair, is_over: false, share: None };
            self.round = pairs.into_iter().map(wanted).collect();
        }
        self.round.iter().filter(|one| !one.is_over).map(|one| one.pair).collect()
    }

    /// Takes the result of a pair: the first answer's share of the win, 0 to 1; `None` if it has none. A pair that is
    /// not wanted is ignored.
    pub fn take(&mut self, pair: Pair, share: Option<f64>) {
        let wanted = |one: &&mut Wanted| one.pair == pair && !one.is_over;
        if let Some(one) = self.round.iter_mut().find(wanted) {
            one.is_over = true;
            one.share = share.filter(|share| (0.0..=1.0).contains(share));
        }
    }

    /// All comparisons with results, in the order in which they were wanted.
    pub fn played(&self) -> &[Played] {
        &self.played
    }

    /// The answer that was never beaten in a knockout or a bubble; `None` for the other pairings, in which ratings
    /// decide, and before the end.
    pub fn winner(&self) -> Option<usize> {
        let ends = matches!(self.pairing, Pairing::Knockout | Pairing::Bubble);
        match self.bracket.as_slice() {
            [only] if ends && self.round.is_empty() => *only,
            _ => None,
        }
    }

    /// Ends the round: results are noted, and losers leave.
    fn close(&mut self) {
        let round = std::mem::take(&mut self.round);
        for Wanted { pair, share, .. } in round {
            self.played.push(Played { pair, share });
            let loser =
                if share.is_some_and(|share| share < 0.5) { pair.first } else { pair.second };
            if matches!(self.pairing, Pairing::Knockout | Pairing::Bubble) {
                self.bracket
                    .iter_mut()
                    .filter(|one| **one == Some(loser))
                    .for_each(|one| *one = None);
            }
        }
        match self.pairing {
            Pairing::Knockout if self.rounds > 0 && self.bracket.len() > 1 => self.advance(),
            Pairing::Bubble => self.bracket.retain(Option::is_some),
            _ => (),
        }
    }

    /// Halves the bracket of a knockout: of each two places the answer that is left advances.
    fn advance(&mut self) {
        let halves = self.bracket.chunks(2);
        self.bracket = halves.map(|two| two.iter().copied().flatten().next()).collect();
    }

    /// The pairs of the next round; empty at the end.
    fn pairs(&mut self) -> Vec<Pair> {
        let all = |pairs: &mut dyn Iterator<Item = (usize, usize)>| -> Vec<Pair> {
            pairs.map(|(first, second)| Pair { first, second }).collect()
        };
        let n = self.answers;
        match self.pairing {
            _ if n < 2 => Vec::new(),
            Pairing::RoundRobin | Pairing::Circular if self.rounds > 0 => Vec::new(),
            Pairing::RoundRobin => {
                all(&mut (0..n).flat_map(|one| (one + 1..n).map(move |other| (one, other))))
            }
            Pairing::Circular if n == 2 => all(&mut [(0, 1)].into_iter()),
            Pairing::Circular => all(&mut (0..n).map(|one| (one, (one + 1) % n))),
            Pairing::Knockout => self.knockout(),
            Pairing::Bubble => match self.bracket.as_slice() {
                [Some(best), Some(next), ..] => all(&mut [(*best, *next)].into_iter()),
                _ => Vec::new(),
            },
            Pairing::Swiss => {
                let order: Vec<usize> = self.bracket.iter().copied().flatten().collect();
                swiss::pairs(&order, &self.played, self.rounds)
            }
        }
    }

    /// The next round of a knockout in which anybody meets.
    fn knockout(&mut self) -> Vec<Pair> {
        while self.bracket.len() > 1 {
            let met = self.bracket.chunks(2).filter_map(|two| match two {
                [Some(first), Some(second)] => Some(Pair { first: *first, second: *second }),
                _ => None,
            });
            let pairs: Vec<Pair> = met.collect();
            if !pairs.is_empty() {
                return pairs;
            }
            self.advance();
        }
        Vec::new()
    }
}
