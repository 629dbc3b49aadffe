//! Published rules by name.

use super::{RankOptions, Rule, WhenUnreadable};
use crate::strategy::{
    Measure,
    tournament::{Pairing, Rating},
};

/// A published way to rerank answers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preset {
    /// Its name in settings.
    pub name: &'static str,
    /// What it does, and where it comes from.
    pub summary: &'static str,
    /// Whether it compares two answers at a time; otherwise each is judged alone.
    pub compares: bool,
    pairing: Option<Pairing>,
}

/// All presets: the rules of JETTS (Zhou et al. 2025, arXiv:2504.15253), whose judges are asked at temperature 0. A verdict
/// that cannot be read in either order is a tie, a rating that cannot be read is a whole number of the scale at random,
/// and equally good answers are ranked at random.
pub const PRESETS: [Preset; 3] = [
    Preset {
        name: "jetts-round-robin",
        summary: "all pairs in both orders, by the sum of wins",
        compares: true,
        pairing: Some(Pairing::RoundRobin),
    },
    Preset {
        name: "jetts-knockout",
        summary: "a shuffled knockout in both orders; ties keep the first",
        compares: true,
        pairing: Some(Pairing::Knockout),
    },
    Preset {
        name: "jetts-single",
        summary: "one rating for each answer (likert or additive, by the prompt)",
        compares: false,
        pairing: None,
    },
];

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Its options.
    pub fn options(&self) -> RankOptions {
        RankOptions {
            rule: Rule::Best,
            measure: if self.compares { Measure::Auto } else { Measure::Score },
            pairing: self.pairing,
            window: None,
            rating: Rating::Wins,
            threshold: None,
            unreadable: WhenUnreadable::FilledIn,
            draws_ties: true,
            seed: 0,
        }
    }
}
