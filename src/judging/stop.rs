//! When the draws of a judge stop before all of them are made.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use statrs::function::beta::beta_reg;

use crate::error::{Error, ErrorKind};

/// When draws stop: the setting `stop_draws`.
///
/// Every rule but [`Never`](Self::Never) also stops as [`Decided`](Self::Decided) does.
///
/// ```
/// use tribunal::judging::StopDraws;
///
/// assert_eq!("0.95".parse::<StopDraws>()?, StopDraws::Confidence(0.95));
/// assert_eq!("window:5".parse::<StopDraws>()?.to_string(), "window:5");
/// assert!("soon".parse::<StopDraws>().is_err());
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum StopDraws {
    /// After all draws.
    #[default]
    Never,
    /// As soon as the draws that are left cannot change the verdict; of a score with a pass rule, as soon as they
    /// cannot change whether it passes.
    Decided,
    /// As soon as the most frequent answer leads the second one with this probability
    /// (Aggarwal et al. 2023, "Let's Sample Step by Step: Adaptive-Consistency"; see [`leads`]).
    Confidence(f64),
    /// As soon as all answers of a window of this many draws are the same (Li et al. 2024, "Escape Sky-high Cost:
    /// Early-stopping Self-Consistency").
    Window(u32),
}

/// The probability that an answer with `first` votes is more frequent than one with `second` votes in all draws that
/// could be made, if nothing was known before.
///
/// The shares of the answers have a Dirichlet distribution with the parameters votes + 1. The share of the first answer
/// among the two has the beta distribution with the parameters `first` + 1 and `second` + 1, whatever the others are,
/// and the result is the probability that it is above one half: the stop rule of Adaptive-Consistency.
///
/// ```
/// use tribunal::judging::leads;
///
/// assert!((leads(4, 0) - (1.0 - 0.5_f64.powi(5))).abs() < 1e-12);
/// assert!((leads(3, 3) - 0.5).abs() < 1e-12);
/// ```
pub fn leads(first: u32, second: u32) -> f64 {
    beta_reg(f64::from(second) + 1.0, f64::from(first) + 1.0, 0.5)
}

/// What one draw answered, as far as it is compared with others; `None` if it could not be read.
pub(super) type Answer = Option<String>;

impl StopDraws {
    /// Whether all draws are made in any case.
    pub(crate) fn is_never(self) -> bool {
        self == Self::Never
    }

    /// Whether a sequential test stops after these draws, in the order in which they were asked.
    pub(super) fn is_met(self, answers: &[Answer]) -> bool {
        match self {
            Self::Never | Self::Decided => false,
            Self::Confidence(least) => {
                let (first, second) = two_most_frequent(answers);
                first > 0 && leads(first, second) >= least
            }
            Self::Window(size) => {
                let mut windows = answers.chunks_exact(size.max(1) as usize);
                windows
                    .any(|window| window[0].is_some() && window.iter().all(|one| *one == window[0]))
            }
        }
    }

    /// The fewest draws after which a sequential test could stop, if all of them gave the same answer and none was
    /// made yet; `most` if that is more.
    pub(super) fn fewest(self, most: u32) -> u32 {
        let same = |count: u32| vec![Some(String::new()); count as usize];
        (1..most).find(|count| self.is_met(&same(*count))).unwrap_or(most)
    }
}

/// The number of votes of the most frequent answer, and of the second one.
fn two_most_frequent(answers: &[Answer]) -> (u32, u32) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    answers.iter().flatten().for_each(|answer| *counts.entry(answer).or_default() += 1);
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let at = |n: usize| counts.get(n).copied().unwrap_or(0);
    (at(0), at(1))
}

/// The word before the size of a window.
const WINDOW: &str = "window:";

impl fmt::Display for StopDraws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Decided => f.write_str("decided"),
            Self::Confidence(least) => write!(f, "{least}"),
            Self::Window(size) => write!(f, "{WINDOW}{size}"),
        }
    }
}

impl FromStr for StopDraws {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read(text.trim()).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("`{text}` is not a rule that stops draws")).hint(
                "write `decided`, a probability above 0.5 such as 0.95, `window:5`, or `never`",
            )
        })
    }
}

/// The rule that a text names; `None` if it names none.
fn read(text: &str) -> Option<StopDraws> {
    if let Some(size) = text.strip_prefix(WINDOW) {
        // A window of one answer is always of one answer.
        return size.trim().parse().ok().filter(|size| *size >= 2).map(StopDraws::Window);
    }
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    match text {
        "never" => Some(StopDraws::Never),
        "decided" => Some(StopDraws::Decided),
        _ => share.filter(|p| *p > 0.5 && *p < 1.0).map(StopDraws::Confidence),
    }
}

impl Serialize for StopDraws {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A word, or a number.
impl<'de> Deserialize<'de> for StopDraws {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(from)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(words: &str) -> Vec<Answer> {
        words.chars().map(|word| (word != '?').then(|| word.to_string())).collect()
    }

    /// The binomial sum that the incomplete beta function has for whole numbers.
    fn by_formula(first: u32, second: u32) -> f64 {
        let n = first + second + 1;
        let choose = |k: u32| (1..=k).map(|i| f64::from(n + 1 - i) / f64::from(i)).product::<f64>();
        (second + 1..=n).map(choose).sum::<f64>() / 2.0_f64.powi(i32::try_from(n).unwrap())
    }

    #[test]
    fn the_lead_is_the_binomial_sum() {
        for (first, second) in [(0, 0), (1, 0), (2, 0), (3, 1), (4, 0), (5, 2), (9, 3), (40, 24)] {
            let (lead, sum) = (leads(first, second), by_formula(first, second));
            assert!((lead - sum).abs() < 1e-9, "{first} to {second}: {lead}, {sum}");
        }
        assert!((leads(3, 1) - 26.0 / 32.0).abs() < 1e-12);
    }

    #[test]
    fn the_beta_rule_stops_after_four_equal_answers_at_95_percent() {
        let rule = StopDraws::Confidence(0.95);
        for (seen, stops) in
            [("", false), ("???", false), ("aaa", false), ("aaaa", true), ("a?aa?a", true)]
        {
            assert_eq!(rule.is_met(&answers(seen)), stops, "{seen}");
        }
        // One dissent needs two more votes, and a third answer changes nothing between the first two.
        for (seen, stops) in
            [("aaaab", false), ("aaaaab", false), ("aaaaaab", true), ("aaaaaabc", true)]
        {
            assert_eq!(rule.is_met(&answers(seen)), stops, "{seen}");
        }
        assert_eq!((rule.fewest(10), rule.fewest(3)), (4, 3));
    }

    #[test]
    fn a_window_is_of_equal_readable_answers_and_does_not_overlap() {
        let rule = StopDraws::Window(3);
        for (seen, stops) in [
            ("aa", false),
            ("aaa", true),
            ("baaa", false),
            ("baaaaa", true),
            ("???", false),
            ("aa?aaa", true),
        ] {
            assert_eq!(rule.is_met(&answers(seen)), stops, "{seen}");
        }
        assert_eq!(rule.fewest(8), 3);
    }

    #[test]
    fn a_rule_is_read_back_or_refused() {
        for text in ["never", "decided", "0.95", "window:5"] {
            assert_eq!(text.parse::<StopDraws>().unwrap().to_string(), text);
        }
        assert_eq!("95%".parse::<StopDraws>().unwrap(), StopDraws::Confidence(0.95));
        assert_eq!(serde_json::from_str::<StopDraws>("0.9").unwrap(), StopDraws::Confidence(0.9));
        for text in ["", "soon", "0.5", "1", "2", "-1", "window:", "window:1", "window:x", "nan"] {
            assert!(text.parse::<StopDraws>().is_err(), "{text}");
        }
    }
}
