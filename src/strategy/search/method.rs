//! The methods of search by name, with their one parameter.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    super::chance::Chance,
    algorithm::Algorithm,
    beam::{Beam, Dvts},
    best_first::BestFirst,
    choice::Choice,
    greedy::Greedy,
    limits::DrawCalls,
    mcmc::Mcmc,
    mcts::{Mcts, Selection},
    rebase::Rebase,
    reset::Reset,
};
use crate::error::{Error, ErrorKind, Result, unknown};

/// How a search decides which steps are written next.
///
/// In settings it is a word, with a parameter after a colon where the method has one: `beam`, `rebase:0.1`.
///
/// ```
/// use tribunal::strategy::search::SearchMethod;
///
/// assert_eq!("rebase".parse::<SearchMethod>()?, SearchMethod::Rebase(0.1));
/// assert_eq!("mcmc:0.5".parse::<SearchMethod>()?.to_string(), "mcmc:0.5");
/// assert!("rebase:0".parse::<SearchMethod>().is_err());
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum SearchMethod {
    /// The best of M draws of each step (Ma et al. 2023, HGS-PRM).
    Greedy,
    /// The same, where a step counts by (1 − β)·p + β·value, and p is its likelihood under the policy (Khalifa et al.
    /// 2023, GRACE). The parameter is β.
    Grace(f64),
    /// Each step is drawn again, up to M times, until its value is at least this; then the best draw is kept (Xiong et
    /// al. 2025, StepWiser: chunk reset).
    Reset(f64),
    /// The same, but if no draw is good enough, the search goes back to the step before (Ma et al. 2023, HGS-PRM).
    Backtrack(f64),
    /// The best N/M of N steps are kept at each level (Beeching et al. 2024, search-and-learn; Zhou et al. 2025, JETTS).
    #[default]
    Beam,
    /// N/M independent greedy searches (Beeching et al. 2024, DVTS).
    Dvts,
    /// The draws of a level are shared by the exponentials of the values (Wu et al. 2024, REBASE). The parameter is the
    /// temperature of the shares.
    Rebase(f64),
    /// The best node of the whole tree is drawn from next.
    BestFirst,
    /// Monte Carlo tree search with roll-outs and UCT (Kocsis and Szepesvári 2006). The parameter weighs exploration.
    Mcts(f64),
    /// The same with PUCT (Silver et al. 2017).
    Puct(f64),
    /// Metropolis–Hastings over whole solutions (Faria and Smith 2025, QAlign). The parameter β divides differences of
    /// values.
    Mcmc(f64),
}

/// The numbers that a method works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) width: u32,
    pub(super) expand: u32,
    pub(super) rounds: u32,
    pub(super) burn_in: u32,
}

impl SearchMethod {
    /// The names of all methods.
    pub const NAMES: [&'static str; 11] = [
        "greedy",
        "grace",
        "reset",
        "backtrack",
        "beam",
        "dvts",
        "rebase",
        "best-first",
        "mcts",
        "puct",
        "mcmc",
    ];

    /// The name without a parameter.
    pub fn name(self) -> &'static str {
        let place = match self {
            Self::Greedy => 0,
            Self::Grace(_) => 1,
            Self::Reset(_) => 2,
            Self::Backtrack(_) => 3,
            Self::Beam => 4,
            Self::Dvts => 5,
            Self::Rebase(_) => 6,
            Self::BestFirst => 7,
            Self::Mcts(_) => 8,
            Self::Puct(_) => 9,
            Self::Mcmc(_) => 10,
        };
        Self::NAMES[place]
    }

    /// The parameter, if the method has one.
    pub fn parameter(self) -> Option<f64> {
        match self {
            Self::Greedy | Self::Beam | Self::Dvts | Self::BestFirst => None,
            Self::Grace(parameter)
            | Self::Reset(parameter)
            | Self::Backtrack(parameter)
            | Self::Rebase(parameter)
            | Self::Mcts(parameter)
            | Self::Puct(parameter)
            | Self::Mcmc(parameter) => Some(parameter),
        }
    }

    /// How the answer is chosen if nothing else is set: a chain votes, the other methods take the best value.
    pub fn usual_choice(self) -> Choice {
        if matches!(self, Self::Mcmc(_)) { Choice::Majority } else { Choice::Best }
    }

    /// The method at work.
    pub(super) fn algorithm(self, sizes: Sizes, chance: Chance) -> Box<dyn Algorithm> {
        let Sizes { width, expand, rounds, burn_in } = sizes;
        match self {
            Self::Greedy => Box::new(Greedy::new(expand, None)),
            Self::Grace(beta) => Box::new(Greedy::new(expand, Some(beta))),
            Self::Reset(threshold) => Box::new(Reset::new(threshold, expand, false)),
            Self::Backtrack(threshold) => Box::new(Reset::new(threshold, expand, true)),
            Self::Beam => Box::new(Beam::new(width, expand)),
            Self::Dvts => Box::new(Dvts::new(width, expand)),
            Self::Rebase(temperature) => Box::new(Rebase::new(width, temperature)),
            Self::BestFirst => Box::new(BestFirst::new(expand, rounds)),
            Self::Mcts(weight) => Box::new(Mcts::new(Selection::Uct, weight, expand, rounds)),
            Self::Puct(weight) => Box::new(Mcts::new(Selection::Puct, weight, expand, rounds)),
            Self::Mcmc(beta) => Box::new(Mcmc::new(width, rounds, beta, burn_in, chance)),
        }
    }

    /// The most calls that the method needs, if no solution ends before `depth` steps.
    pub(super) fn most_calls(self, sizes: Sizes, depth: u64, calls: DrawCalls) -> u64 {
        let Sizes { width, expand, rounds, .. } = sizes;
        let [width, expand, rounds] = [width, expand, rounds].map(u64::from);
        let path = calls.of_path(depth);
        match self {
            Self::Greedy | Self::Grace(_) | Self::Reset(_) => expand.saturating_mul(path),
            Self::Backtrack(_) => whole_tree(expand, depth, calls),
            Self::Beam | Self::Rebase(_) => width.saturating_mul(path),
            Self::Dvts => ((width / expand).max(1) * expand).saturating_mul(path),
            Self::BestFirst => expand.saturating_mul(of_rounds(rounds, depth, calls)),
            Self::Mcts(_) | Self::Puct(_) => {
                let steps = expand.saturating_mul(of_rounds(rounds, depth, calls));
                steps.saturating_add(rounds.saturating_mul(calls.of_rest(depth)))
            }
            Self::Mcmc(_) => (width * (rounds + 1)).saturating_mul(calls.of_rest(depth)),
        }
    }

    /// What the method has no use for, of these words: `paths`, `expand`, `rounds`, `lookahead`, `burn-in`, `chain-seed`.
    pub fn ignores(self, size: &str) -> bool {
        let is_chain = matches!(self, Self::Mcmc(_));
        let has_rollouts = matches!(self, Self::Mcts(_) | Self::Puct(_));
        match size {
            "paths" => !is_chain && !matches!(self, Self::Beam | Self::Dvts | Self::Rebase(_)),
            "expand" => is_chain || matches!(self, Self::Rebase(_)),
            "rounds" => !is_chain && !has_rollouts && self != Self::BestFirst,
            "lookahead" => is_chain || has_rollouts,
            "burn-in" | "chain-seed" => !is_chain,
            _ => false,
        }
    }
}

/// One draw in each of so many rounds, of which each can be one step deeper than the last.
fn of_rounds(rounds: u64, depth: u64, calls: DrawCalls) -> u64 {
    let deeper = rounds.min(depth);
    let others = (rounds - deeper).saturating_mul(calls.of_step(depth));
    calls.of_path(deeper).saturating_add(others)
}

/// Every node may be left again, up to M times, so that the whole tree is drawn: M + M² + … The limits of a record end
/// it.
fn whole_tree(expand: u64, depth: u64, calls: DrawCalls) -> u64 {
    if expand == 1 {
        return calls.of_path(depth);
    }
    let levels = std::iter::successors(Some(expand), |at| Some(at.saturating_mul(expand)));
    // More levels than that do not fit into a number.
    let levels = levels.zip(1..=depth.min(64));
    let draws = levels.map(|(draws, level)| draws.saturating_mul(calls.of_step(level)));
    draws.fold(0, u64::saturating_add)
}

/// The word in settings.
impl fmt::Display for SearchMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.parameter().map_or(Ok(()), |parameter| write!(f, ":{parameter}"))
    }
}

impl FromStr for SearchMethod {
    type Err = Error;

    /// # Errors
    /// The word is not a method, or its parameter is not possible.
    fn from_str(word: &str) -> Result<Self> {
        let (name, parameter) = match word.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (word, None),
        };
        let wrong = |wanted: &str| {
            let message = format!("the method `{word}` needs {wanted} after the colon");
            Error::new(ErrorKind::Config, message).hint(format!("write it as `{name}:0.5`"))
        };
        let number = |usual: f64, wanted: &str, fits: fn(f64) -> bool| match parameter {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite() && fits(*number))
                .ok_or_else(|| wrong(wanted)),
        };
        let share = |usual| number(usual, "a number from 0 to 1", |n| (0.0..=1.0).contains(&n));
        let positive = |usual| number(usual, "a number above 0", |n| n > 0.0);
        let any = |usual| number(usual, "a number", |_| true);
        let method = match name {
            "greedy" => Self::Greedy,
            "grace" => Self::Grace(share(0.5)?),
            "reset" => Self::Reset(any(0.5)?),
            "backtrack" => Self::Backtrack(any(0.5)?),
            "beam" => Self::Beam,
            "dvts" => Self::Dvts,
            "rebase" => Self::Rebase(positive(0.1)?),
            "best-first" => Self::BestFirst,
            "mcts" => Self::Mcts(positive(1.0)?),
            "puct" => Self::Puct(positive(1.0)?),
            "mcmc" => Self::Mcmc(positive(0.1)?),
            _ => return Err(unknown(ErrorKind::Config, "method", name, Self::NAMES)),
        };
        if parameter.is_some() && method.parameter().is_none() {
            let message = format!("the method `{name}` has no parameter");
            return Err(Error::new(ErrorKind::Config, message).hint(format!("write `{name}`")));
        }
        Ok(method)
    }
}

impl Serialize for SearchMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SearchMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SearchMethod {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SearchMethod".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_written_as_it_is_read() {
        for name in SearchMethod::NAMES {
            let method: SearchMethod = name.parse().unwrap();
            assert_eq!(method.name(), name);
            assert_eq!(method.to_string().parse::<SearchMethod>().unwrap(), method);
        }
    }

    #[test]
    fn a_parameter_that_is_not_possible_is_refused() {
        for (word, said) in [
            ("beem", "unknown method `beem`"),
            ("beam:3", "has no parameter"),
            ("grace:1.5", "from 0 to 1"),
            ("rebase:0", "above 0"),
            ("mcmc:x", "above 0"),
            ("reset:nan", "a number"),
        ] {
            let error = word.parse::<SearchMethod>().unwrap_err().to_string();
            assert!(error.contains(said), "{word}: {error}");
        }
    }
}
