//! Which candidate is chosen, by the values that were measured. No I/O.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pessimism;
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    strategy::{
        answers::{AnswerGroup, AnswerGroups, Weighing, first_best},
        chance,
    },
};

/// How a candidate is chosen.
///
/// ```
/// use tribunal::strategy::best_of::Rule;
///
/// assert_eq!("penalized:0.5".parse::<Rule>()?, Rule::Penalized { deviations: 0.5 });
/// assert_eq!("weighted".parse::<Rule>()?.to_string(), "weighted");
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The candidate with the largest value (best-of-N).
    #[default]
    Best,
    /// The answer whose candidates have the largest weight together (Li et al. 2023; weighted best-of-N), and of these
    /// candidates the one with the largest value.
    Weighted(Weighing),
    /// The answer that most candidates give (Wang et al. 2023, self-consistency), and of these candidates the first. It
    /// needs no judge.
    Majority,
    /// The candidate with the largest mean value less so many standard deviations of its draws. One draw has no
    /// deviation, so the judge must have several.
    Penalized {
        /// The number of standard deviations, 0 or more.
        deviations: f64,
    },
    /// A candidate drawn by its regularized weight, so that more candidates never mean more error of a noisy judge
    /// (Huang et al. 2025, InferenceTimePessimism; see [`weights`](super::pessimism_weights)).
    Pessimistic {
        /// The strength of the regularization, above 0 and in the unit of the values: near 0 the best candidate is
        /// taken, and with a large number any of them.
        beta: f64,
    },
}

impl Rule {
    /// The words of all rules.
    pub const NAMES: [&'static str; 7] = [
        "best",
        "weighted",
        "weighted:mean",
        "weighted:max",
        "majority",
        "penalized",
        "pessimistic",
    ];

    /// Whether the rule needs a value of each candidate.
    pub fn needs_values(self) -> bool {
        self != Self::Majority
    }
}

/// A candidate as a rule sees it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Its value; `None` if it could not be measured.
    pub value: Option<f64>,
    /// The standard deviation of its value over draws, where there are several.
    pub deviation: Option<f64>,
    /// Whether the candidate exists: a policy may fail to write one.
    pub is_written: bool,
}

impl Measured {
    /// A written candidate with this value.
    pub fn new(value: Option<f64>) -> Self {
        Self { value, deviation: None, is_written: true }
    }
}

/// What a rule decides by, beside the values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Deciding {
    /// Candidates with a smaller value are rejected.
    pub threshold: Option<f64>,
    /// Whether one of several equally good candidates is drawn; otherwise the first one is chosen.
    pub draws_ties: bool,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// The candidate that won a knockout, which the rule [`Best`](Rule::Best) chooses.
    pub winner: Option<usize>,
}

/// How a candidate came to be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChosenBy {
    /// By the rule.
    #[default]
    Rule,
    /// The rule had nothing to go by, because no candidate has what it compares: the first one is chosen, of those that
    /// reach the threshold.
    Default,
    /// No candidate has a value that reaches the threshold: none is chosen.
    Rejected,
}

/// The chosen candidate, and how good the rule found each one.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// The 0-based index of the chosen candidate; `None` if all were rejected, or none was written.
    pub chosen: Option<usize>,
    /// How it came to be chosen.
    pub by: ChosenBy,
    /// The number that the rule compared, for each candidate: its value, the weight or size of its group, the value
    /// less the penalty, the weight of pessimism. `None` for candidates that did not take part.
    pub worth: Vec<Option<f64>>,
    /// The candidates by worth, best first; equally good ones share a group. Those that did not take part are left out.
    pub ranking: Vec<Vec<usize>>,
}

/// Chooses a candidate by a rule. `groups` are the candidates' final answers.
pub fn select(
    rule: Rule,
    candidates: &[Measured],
    groups: &AnswerGroups,
    by: Deciding,
) -> Selection {
    let passes = |value: f64| by.threshold.is_none_or(|least| value >= least);
    let values: Vec<Option<f64>> =
        candidates.iter().map(|one| one.value.filter(|value| passes(*value))).collect();
    let worth = worth(rule, candidates, &values, groups, by.threshold.is_some());
    let is_measured = candidates.iter().any(|one| one.value.is_some());
    let may_win =
        |&winner: &usize| is_measured && (by.threshold.is_none() || values[winner].is_some());
    let order = if by.draws_ties {
        chance::shuffled(worth.len(), by.seed)
    } else {
        (0..worth.len()).collect()
    };
    let chosen = match (rule, by.winner.filter(may_win)) {
        (Rule::Best, Some(winner)) => Some(winner),
        (Rule::Pessimistic { .. }, _) => pessimism::drawn(&worth, by.seed),
        (Rule::Weighted(_), _) => largest(&order, &worth, &values),
        _ => first_best(order.iter().map(|&at| (at, worth[at]))),
    };
    let ranking = ranked(&worth);
    let first = match by.threshold {
        Some(_) => values.iter().position(Option::is_some),
        None => candidates.iter().position(|one| one.is_written),
    };
    let (chosen, by) = match chosen {
        Some(chosen) => (Some(chosen), ChosenBy::Rule),
        None if by.threshold.is_some() && first.is_none() => (None, ChosenBy::Rejected),
        None => (first, ChosenBy::Default),
    };
    Selection { chosen, by, worth, ranking }
}

/// The number by which a rule compares each candidate.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 candidates")]
fn worth(
    rule: Rule,
    candidates: &[Measured],
    values: &[Option<f64>],
    groups: &AnswerGroups,
    has_threshold: bool,
) -> Vec<Option<f64>> {
    let of_groups = |weights: Vec<Option<f64>>, takes_part: &dyn Fn(usize) -> bool| {
        let mut worth = vec![None; candidates.len()];
        for (group, weight) in groups.groups().iter().zip(weights) {
            let members = group.members.iter().copied().filter(|&member| takes_part(member));
            members.for_each(|member| worth[member] = weight);
        }
        worth
    };
    match rule {
        Rule::Best => values.to_vec(),
        Rule::Weighted(weighing) => {
            let weights = groups.weights(values, weighing);
            if weights.iter().all(Option::is_none) {
                // No final answer to vote for.
                return values.to_vec();
            }
            of_groups(weights, &|member| values[member].is_some())
        }
        Rule::Majority => {
            let votes = |member: usize| {
                candidates[member].is_written && (!has_threshold || values[member].is_some())
            };
            let size = |group: &AnswerGroup| {
                group.members.iter().filter(|&&member| votes(member)).count() as f64
            };
            let sizes = groups.groups().iter().map(|group| Some(size(group)));
            of_groups(sizes.collect(), &votes)
        }
        Rule::Penalized { deviations } => {
            let penalized = |(value, one): (&Option<f64>, &Measured)| {
                Some((*value)? - deviations * one.deviation?)
            };
            values.iter().zip(candidates).map(penalized).collect()
        }
        Rule::Pessimistic { beta } => pessimism::weights(values, beta),
    }
}

/// The first candidate in this order that has the largest worth, and among these the largest value.
fn largest(order: &[usize], worth: &[Option<f64>], values: &[Option<f64>]) -> Option<usize> {
    let most = first_best(worth.iter().map(|worth| (*worth, *worth)))??;
    let of_group = order.iter().filter(|at| worth[**at] == Some(most));
    first_best(of_group.map(|at| (*at, values[*at])))
}

/// The candidates by worth, the best first.
fn ranked(worth: &[Option<f64>]) -> Vec<Vec<usize>> {
    let mut known: Vec<(usize, f64)> =
        worth.iter().enumerate().filter_map(|(at, worth)| Some((at, (*worth)?))).collect();
    known.sort_by(|one, other| other.1.total_cmp(&one.1));
    let groups = known.chunk_by(|one, other| one.1.total_cmp(&other.1).is_eq());
    groups.map(|group| group.iter().map(|(at, _)| *at).collect()).collect()
}

/// The word in settings: `best`, `weighted:mean`, `penalized:1`, …
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.write_str("best"),
            Self::Weighted(Weighing::Sum) => f.write_str("weighted"),
            Self::Weighted(weighing) => write!(f, "weighted:{weighing}"),
            Self::Majority => f.write_str("majority"),
            Self::Penalized { deviations } => write!(f, "penalized:{deviations}"),
            Self::Pessimistic { beta } => write!(f, "pessimistic:{beta}"),
        }
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// # Errors
    /// The word is not a rule, or its number is not in range.
    fn from_str(text: &str) -> Result<Self> {
        let (word, given) = text.split_once(':').map_or((text, None), |(word, n)| (word, Some(n)));
        let number = |least: f64| match given.map_or(Some(1.0), |given| given.parse().ok()) {
            Some(number) if f64::is_finite(number) && number >= least => Ok(number),
            _ => Err(out_of_range(text)),
        };
        Ok(match (word, given) {
            ("best", None) => Self::Best,
            ("majority", None) => Self::Majority,
            ("weighted", weighing) => {
                Self::Weighted(weighing.map(str::parse).transpose()?.unwrap_or_default())
            }
            ("penalized", _) => Self::Penalized { deviations: number(0.0)? },
            ("pessimistic", _) => Self::Pessimistic { beta: number(f64::MIN_POSITIVE)? },
            _ => return Err(crate::error::unknown(ErrorKind::Config, "rule", text, Self::NAMES)),
        })
    }
}

/// The error for a rule whose number is not possible.
fn out_of_range(text: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the number of the rule `{text}` is not possible")).hint(
        Hint::from(
            "penalized:1 subtracts 1 standard deviation; the number of pessimistic:0.1 is above 0",
        ),
    )
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(values: &[Option<f64>]) -> Vec<Measured> {
        values.iter().map(|value| Measured::new(*value)).collect()
    }

    fn forms(forms: &[&str]) -> AnswerGroups {
        let form = |form: &&str| Some((*form).to_owned()).filter(|form| !form.is_empty());
        AnswerGroups::of(forms.iter().map(form))
    }

    fn chosen(rule: &str, values: &[Option<f64>], answers: &[&str]) -> Option<usize> {
        let rule = rule.parse().unwrap();
        select(rule, &measured(values), &forms(answers), Deciding::default()).chosen
    }

    #[test]
    fn each_rule_chooses_by_its_own_number() {
        let values = [Some(0.9), Some(0.5), Some(0.6), Some(0.2)];
        let answers = ["12", "7", "7", "7"];
        assert_eq!(chosen("best", &values, &answers), Some(0));
        assert_eq!(chosen("weighted", &values, &answers), Some(2));
        assert_eq!(chosen("weighted:mean", &values, &answers), Some(0));
        assert_eq!(chosen("majority", &values, &answers), Some(1));
        // Without final answers there is nothing to vote for.
        assert_eq!(chosen("weighted", &values, &["", "", "", ""]), Some(0));
        assert_eq!(chosen("majority", &values, &["", "", "", ""]), Some(0));
    }

    #[test]
    fn candidates_without_a_value_are_never_chosen_by_a_rule() {
        let values = [None, Some(-3.0), None];
        assert_eq!(chosen("best", &values, &["a", "b", "c"]), Some(1));
        let by = Deciding::default();
        let found = select(Rule::Best, &measured(&[None, None]), &forms(&["a", "b"]), by);
        assert_eq!((found.chosen, found.by), (Some(0), ChosenBy::Default));
        assert_eq!(found.ranking, Vec::<Vec<usize>>::new());
    }

    #[test]
    fn a_threshold_rejects_candidates_and_records() {
        let by = |threshold| Deciding { threshold: Some(threshold), ..Deciding::default() };
        let values = measured(&[Some(0.4), Some(0.6), None]);
        let answers = forms(&["a", "b", "a"]);
        let found = select(Rule::Best, &values, &answers, by(0.5));
        assert_eq!((found.chosen, found.ranking), (Some(1), vec![vec![1]]));
        let found = select(Rule::Best, &values, &answers, by(0.7));
        assert_eq!((found.chosen, found.by), (None, ChosenBy::Rejected));
    }

    #[test]
    fn under_a_threshold_only_those_that_reach_it_vote() {
        let by = Deciding { threshold: Some(0.5), ..Deciding::default() };
        let values = measured(&[Some(0.4), Some(0.6), Some(0.1), None, Some(0.9)]);
        let answers = forms(&["a", "b", "a", "a", "b"]);
        let found = select(Rule::Majority, &values, &answers, by);
        assert_eq!((found.chosen, found.ranking), (Some(1), vec![vec![1, 4]]));
        assert_eq!(found.worth, [None, Some(2.0), None, None, Some(2.0)]);
        // Without final answers, the first one that reaches the threshold is chosen, and not the first one.
        let found = select(Rule::Majority, &values, &forms(&["", "", "", "", ""]), by);
        assert_eq!((found.chosen, found.by), (Some(1), ChosenBy::Default));
        let found = select(Rule::Majority, &measured(&[None, Some(0.2)]), &forms(&["a", "a"]), by);
        assert_eq!((found.chosen, found.by), (None, ChosenBy::Rejected));
    }

    #[test]
    fn the_winner_of_a_knockout_is_chosen_if_anything_was_measured_and_it_reaches_the_threshold() {
        let answers = forms(&["", "", ""]);
        let won = |values: &[Option<f64>], threshold| {
            let by = Deciding { winner: Some(2), threshold, ..Deciding::default() };
            let found = select(Rule::Best, &measured(values), &answers, by);
            (found.chosen, found.by)
        };
        let values = [Some(0.75), Some(0.0), Some(0.5)];
        assert_eq!(won(&values, None), (Some(2), ChosenBy::Rule));
        assert_eq!(won(&values, Some(0.5)), (Some(2), ChosenBy::Rule));
        assert_eq!(won(&values, Some(0.6)), (Some(0), ChosenBy::Rule));
        assert_eq!(won(&values, Some(0.8)), (None, ChosenBy::Rejected));
        assert_eq!(won(&[None; 3], None), (Some(0), ChosenBy::Default));
    }

    #[test]
    fn a_penalty_needs_the_deviation_of_several_draws() {
        let mut candidates = measured(&[Some(0.9), Some(0.8), Some(1.0)]);
        candidates[0].deviation = Some(0.3);
        candidates[1].deviation = Some(0.1);
        let rule = Rule::Penalized { deviations: 1.0 };
        let found = select(rule, &candidates, &forms(&["", "", ""]), Deciding::default());
        assert_eq!(found.chosen, Some(1));
        assert_eq!(found.worth[2], None, "a single draw says nothing about its deviation");
    }

    #[test]
    fn ties_go_to_the_first_or_are_drawn() {
        let values = measured(&[Some(1.0); 4]);
        let answers = forms(&["", "", "", ""]);
        let with = |seed| {
            let by = Deciding { draws_ties: true, seed, ..Deciding::default() };
            select(Rule::Best, &values, &answers, by).chosen.unwrap()
        };
        assert_eq!(select(Rule::Best, &values, &answers, Deciding::default()).chosen, Some(0));
        let drawn: std::collections::BTreeSet<usize> = (0..60).map(with).collect();
        assert_eq!(drawn.len(), 4);
        assert_eq!(with(5), with(5));
        let weighted = |seed| {
            let by = Deciding { draws_ties: true, seed, ..Deciding::default() };
            select(Rule::Weighted(Weighing::Sum), &values, &answers, by).chosen
        };
        assert!((0..60).any(|seed| weighted(seed) != weighted(0)), "in a group too");
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for word in
            ["best", "weighted", "weighted:max", "majority", "penalized:2", "pessimistic:0.5"]
        {
            assert_eq!(word.parse::<Rule>().unwrap().to_string(), word);
        }
        for wrong in ["bst", "penalized:-1", "pessimistic:0", "best:2", "weighted:median"] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }
}
