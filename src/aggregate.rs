//! How several readings become one verdict, and the rule that a verdict passes by.

use std::{cmp::Ordering, collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    scale::Scale,
    verdict::{
        CORRECT, Distribution, INCORRECT, Label, Preference, StepLabel, Steps, Unreadable, Verdict,
    },
};

/// How the verdicts of several draws become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The mean of numbers and of probabilities; comparisons and bare labels are counted.
    Mean,
    /// The middle number.
    Median,
    /// The most frequent verdict; the earliest of equals.
    Majority,
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// The mean over each draw's distribution of levels (Liu et al. 2023, G-Eval).
    Expected,
}

/// One verdict out of the readable ones; the first unreadable if there is none.
pub fn draws(
    votes: &[Result<Verdict, Unreadable>],
    how: Option<Aggregate>,
) -> Result<Verdict, Unreadable> {
    let readable: Vec<&Verdict> = votes.iter().filter_map(|vote| vote.as_ref().ok()).collect();
    match (readable.as_slice(), votes.first()) {
        ([], Some(Err(why))) => Err(why.clone()),
        ([one], _) => Ok((*one).clone()),
        (many, _) => Ok(combine(many, how.unwrap_or(Aggregate::Mean))),
    }
}

fn combine(votes: &[&Verdict], how: Aggregate) -> Verdict {
    let majority = how == Aggregate::Majority;
    match votes {
        [Verdict::Score(_), ..] if !majority => Verdict::Score(number(
            &of(votes, |v| if let Verdict::Score(n) = v { Some(*n) } else { None }),
            how,
        )),
        [Verdict::Label(_), ..] => label(
            &of(votes, |v| if let Verdict::Label(l) = v { Some(l.clone()) } else { None }),
            how,
        ),
        [Verdict::Preference(_), ..] => Verdict::Preference(preference(votes)),
        [Verdict::Steps(_), ..] => {
            steps(&of(votes, |v| if let Verdict::Steps(s) = v { Some(s.clone()) } else { None }))
        }
        [Verdict::Scores(_), ..] if !majority => Verdict::Scores(columns(
            &of(votes, |v| if let Verdict::Scores(s) = v { Some(s.clone()) } else { None }),
            how,
        )),
        [Verdict::Criteria(_), ..] if !majority => criteria(votes, how),
        [Verdict::Ranking(_), ..] if !majority => {
            ranking(&of(
                votes,
                |v| if let Verdict::Ranking(r) = v { Some(r.clone()) } else { None },
            ))
        }
        _ => most_frequent(votes),
    }
}

fn of<T>(votes: &[&Verdict], pick: impl Fn(&Verdict) -> Option<T>) -> Vec<T> {
    votes.iter().filter_map(|vote| pick(vote)).collect()
}

/// One number out of several; 0 entries give NaN, which no caller asks for.
fn number(numbers: &[f64], how: Aggregate) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    match how {
        Aggregate::Min => at(0),
        Aggregate::Max => at(sorted.len().saturating_sub(1)),
        Aggregate::Median => f64::midpoint(at((sorted.len().max(1) - 1) / 2), at(sorted.len() / 2)),
        _ => mean(&sorted),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody draws 2^52 samples")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn most_frequent(votes: &[&Verdict]) -> Verdict {
    let count = |wanted: &Verdict| votes.iter().filter(|vote| **vote == wanted).count();
    // `max_by_key` keeps the last of equals, and the earliest shall win.
    let best = votes.iter().rev().max_by_key(|vote| count(vote));
    best.map_or_else(|| Verdict::Text(String::new()), |vote| (**vote).clone())
}

/// By probability where every vote tells one (Zhang et al. 2024, GenRM: the mean of P(Yes)), else by
/// count.
fn label(votes: &[Label], how: Aggregate) -> Verdict {
    let weigh = how != Aggregate::Majority && votes.iter().all(|vote| vote.p.is_some());
    let chance = |name: &str, vote: &Label| match vote.p {
        Some(p) if vote.label == name => p,
        Some(p) => 1.0 - p,
        None => f64::from(u8::from(vote.label == name)),
    };
    let support = |name: &str| -> f64 {
        let weights = votes.iter().map(|vote| {
            if weigh { chance(name, vote) } else { f64::from(u8::from(vote.label == name)) }
        });
        weights.sum()
    };
    let best = votes.iter().rev().max_by(|a, b| support(&a.label).total_cmp(&support(&b.label)));
    let name = best.map(|vote| vote.label.clone()).unwrap_or_default();
    let chances: Vec<f64> = votes.iter().map(|vote| chance(&name, vote)).collect();
    let p = votes.iter().all(|vote| vote.p.is_some()).then(|| mean(&chances));
    Verdict::Label(Label { label: name, p })
}

fn preference(votes: &[&Verdict]) -> Preference {
    let count =
        |side: Preference| votes.iter().filter(|v| ***v == Verdict::Preference(side)).count();
    match count(Preference::First).cmp(&count(Preference::Second)) {
        Ordering::Greater => Preference::First,
        Ordering::Less => Preference::Second,
        Ordering::Equal => Preference::Tie,
    }
}

/// The mean probability of each step where all tell it (She et al. 2025, R-PRM), else the first error
/// that most votes name (Zheng et al. 2024, ProcessBench).
fn steps(votes: &[Steps]) -> Verdict {
    let length = votes.iter().map(|vote| vote.steps.len()).min().unwrap_or(0);
    let certain = length > 0 && votes.iter().all(|vote| vote.steps.iter().all(|s| s.p.is_some()));
    if !certain {
        let all: Vec<Verdict> = votes.iter().cloned().map(Verdict::Steps).collect();
        let same =
            |a: &Steps| votes.iter().filter(|vote| vote.first_error == a.first_error).count();
        let best = votes.iter().rev().max_by_key(|vote| same(vote));
        return best.map_or_else(
            || most_frequent(&all.iter().collect::<Vec<_>>()),
            |s| Verdict::Steps(s.clone()),
        );
    }
    let step = |index: usize| {
        let p = mean(&votes.iter().filter_map(|vote| vote.steps.get(index)?.p).collect::<Vec<_>>());
        let label = if p >= 0.5 { CORRECT } else { INCORRECT };
        StepLabel { index, label: label.into(), p: Some(p) }
    };
    let steps: Vec<StepLabel> = (0..length).map(step).collect();
    let first_error = steps.iter().position(|step| step.label == INCORRECT);
    Verdict::Steps(Steps { first_error, steps })
}

fn columns(rows: &[Vec<f64>], how: Aggregate) -> Vec<f64> {
    let width = rows.iter().map(Vec::len).min().unwrap_or(0);
    let column = |n: usize| rows.iter().filter_map(|row| row.get(n).copied()).collect::<Vec<_>>();
    (0..width).map(|n| number(&column(n), how)).collect()
}

fn criteria(votes: &[&Verdict], how: Aggregate) -> Verdict {
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for vote in votes {
        let Verdict::Criteria(row) = vote else { continue };
        row.iter().for_each(|(name, n)| columns.entry(name.clone()).or_default().push(*n));
    }
    Verdict::Criteria(columns.into_iter().map(|(name, row)| (name, number(&row, how))).collect())
}

/// By mean place; candidates of equal mean are tied (Borda).
fn ranking(votes: &[Vec<Vec<usize>>]) -> Verdict {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for groups in votes {
        let mut before = 0;
        for group in groups {
            // Twice the mean place of the group, to stay in whole numbers.
            let place = 2 * before + group.len();
            group.iter().for_each(|candidate| *places.entry(*candidate).or_default() += place);
            before += group.len();
        }
    }
    let mut by_place: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    places
        .into_iter()
        .for_each(|(candidate, place)| by_place.entry(place).or_default().push(candidate));
    Verdict::Ranking(by_place.into_values().collect())
}

/// The verdict over both orders of two answers, each already in the item's own order, and whether
/// they agree. A verdict that changes with the order is a tie; one that cannot be read is skipped.
pub fn both_orders(
    given: &Result<Verdict, Unreadable>,
    swapped: &Result<Verdict, Unreadable>,
) -> (Result<Verdict, Unreadable>, Option<bool>) {
    match (given, swapped) {
        (Ok(one), Ok(two)) if one == two => (Ok(one.clone()), Some(true)),
        (Ok(Verdict::Preference(_)), Ok(_)) => {
            (Ok(Verdict::Preference(Preference::Tie)), Some(false))
        }
        (Ok(one), Ok(two)) => (Ok(combine(&[one, two], Aggregate::Mean)), Some(false)),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => (Ok(one.clone()), None),
        (Err(why), Err(_)) => (Err(why.clone()), None),
    }
}

/// The mean of a scale's levels, weighted by their probabilities.
pub fn expected(distribution: &Distribution, scale: &Scale) -> Option<f64> {
    let worth = |label: &str| {
        let label = label.trim();
        let number = || scale.accept(label.parse().ok()?).ok();
        scale.level(label).or_else(number)
    };
    let levels: Vec<(f64, f64)> =
        distribution.labels.iter().filter_map(|(label, p)| Some((worth(label)?, *p))).collect();
    let total: f64 = levels.iter().map(|(_, p)| p).sum();
    (total > 0.0).then(|| levels.iter().map(|(n, p)| n * p).sum::<f64>() / total)
}

/// A rule such as `score >= 7`, `label = correct`, `first_error = -1` or `preference = first`.
///
/// It stands in no key: another threshold asks nothing again.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    what: What,
    test: Test,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Score,
    Normalized,
    P,
    Label,
    FirstError,
    Preference,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    AtLeast,
    Above,
    AtMost,
    Below,
    Is,
    IsNot,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Word(String),
}

const WHATS: [(&str, What); 6] = [
    ("score", What::Score),
    ("normalized", What::Normalized),
    ("p", What::P),
    ("label", What::Label),
    ("first_error", What::FirstError),
    ("preference", What::Preference),
];

const TESTS: [(&str, Test); 7] = [
    (">=", Test::AtLeast),
    ("<=", Test::AtMost),
    ("!=", Test::IsNot),
    ("==", Test::Is),
    (">", Test::Above),
    ("<", Test::Below),
    ("=", Test::Is),
];

impl Pass {
    /// Whether a verdict passes; one of another kind does not.
    pub fn holds(&self, verdict: &Verdict, normalized: Option<f64>) -> bool {
        let left = match (self.what, verdict) {
            (What::Score, Verdict::Score(score)) => Some(Value::Number(*score)),
            (What::Normalized, _) => normalized.map(Value::Number),
            (What::P, Verdict::Label(label)) => label.p.map(Value::Number),
            (What::Label, Verdict::Label(label)) => Some(Value::Word(label.label.clone())),
            (What::FirstError, Verdict::Steps(steps)) => {
                let index = steps.first_error.and_then(|index| u32::try_from(index).ok());
                Some(Value::Number(index.map_or(-1.0, f64::from)))
            }
            (What::Preference, Verdict::Preference(side)) => Some(Value::Word(side.name().into())),
            _ => None,
        };
        match (left, &self.value) {
            (Some(Value::Number(left)), Value::Number(right)) => {
                left.partial_cmp(right).is_some_and(|order| self.test.allows(order))
            }
            (Some(Value::Word(left)), Value::Word(right)) => {
                let order =
                    if left.eq_ignore_ascii_case(right) { Ordering::Equal } else { Ordering::Less };
                matches!(self.test, Test::Is | Test::IsNot) && self.test.allows(order)
            }
            _ => false,
        }
    }
}

impl Test {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::AtLeast => order.is_ge(),
            Self::Above => order.is_gt(),
            Self::AtMost => order.is_le(),
            Self::Below => order.is_lt(),
            Self::Is => order.is_eq(),
            Self::IsNot => order.is_ne(),
        }
    }
}

impl FromStr for Pass {
    type Err = Error;

    fn from_str(rule: &str) -> Result<Self> {
        let malformed = || {
            Error::new(ErrorKind::Config, format!("the pass rule `{rule}` is malformed"))
                .hint("write it like `score >= 7`, `label = correct` or `first_error = -1`")
        };
        let (sign, test) =
            TESTS.into_iter().find(|(sign, _)| rule.contains(sign)).ok_or_else(malformed)?;
        let (left, right) = rule.split_once(sign).ok_or_else(malformed)?;
        let (left, right) = (left.trim(), right.trim().trim_matches(['"', '\'']));
        let names = WHATS.map(|(name, _)| name);
        let (_, what) = WHATS
            .into_iter()
            .find(|(name, _)| *name == left)
            .ok_or_else(|| unknown(ErrorKind::Config, "value in a pass rule", left, names))?;
        let worded = matches!(what, What::Label | What::Preference);
        let value = match right.parse() {
            Ok(number) if !worded => Value::Number(number),
            _ if worded && !right.is_empty() && matches!(test, Test::Is | Test::IsNot) => {
                Value::Word(right.into())
            }
            _ => return Err(malformed()),
        };
        Ok(Self { what, test, value })
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = WHATS.iter().find(|(_, what)| *what == self.what).map_or("", |(name, _)| name);
        let test = TESTS.iter().find(|(_, test)| *test == self.test).map_or("", |(sign, _)| sign);
        match &self.value {
            Value::Number(number) => write!(f, "{what} {test} {number}"),
            Value::Word(word) => write!(f, "{what} {test} {word}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;

    fn missing() -> Result<Verdict, Unreadable> {
        Err(Unreadable::new(Reason::Missing, "nothing"))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a vote is a result")]
    fn said(label: &str, p: Option<f64>) -> Result<Verdict, Unreadable> {
        Ok(Verdict::Label(Label { label: label.into(), p }))
    }

    #[test]
    fn unreadable_votes_are_skipped_and_never_counted_as_a_number() {
        let votes = [Ok(Verdict::Score(4.0)), missing(), Ok(Verdict::Score(5.0))];
        assert_eq!(draws(&votes, None), Ok(Verdict::Score(4.5)));
        assert_eq!(draws(&[missing(), missing()], None), missing());
    }

    #[test]
    fn probabilities_outweigh_bare_counts() {
        let votes = [
            said("correct", Some(0.55)),
            said("correct", Some(0.55)),
            said("incorrect", Some(0.99)),
        ];
        let Ok(Verdict::Label(mean)) = draws(&votes, None) else { panic!("a label") };
        assert_eq!(mean.label, "incorrect");
        assert!((mean.p.unwrap() - (0.45 + 0.45 + 0.99) / 3.0).abs() < 1e-12);
        let Ok(Verdict::Label(most)) = draws(&votes, Some(Aggregate::Majority)) else {
            panic!("a label")
        };
        assert_eq!(most.label, "correct");
    }

    #[test]
    fn a_preference_that_changes_with_the_order_is_a_tie() {
        let first = Ok(Verdict::Preference(Preference::First));
        let second = Ok(Verdict::Preference(Preference::Second));
        assert_eq!(both_orders(&first, &first), (first.clone(), Some(true)));
        let tie = Ok(Verdict::Preference(Preference::Tie));
        assert_eq!(both_orders(&first, &second), (tie, Some(false)));
        assert_eq!(both_orders(&first, &missing()), (first.clone(), None));
    }

    #[test]
    fn rankings_are_merged_by_mean_place() {
        let votes = [
            Ok(Verdict::Ranking(vec![vec![0], vec![1], vec![2]])),
            Ok(Verdict::Ranking(vec![vec![1], vec![0], vec![2]])),
        ];
        assert_eq!(draws(&votes, None), Ok(Verdict::Ranking(vec![vec![0, 1], vec![2]])));
    }

    #[test]
    fn the_expected_score_weighs_levels_by_probability() {
        let seen =
            Distribution { labels: vec![("1".into(), 0.1), ("5".into(), 0.3)], missing: 0.6 };
        assert_eq!(expected(&seen, &Scale::one_to(5)), Some(4.0));
    }

    #[test]
    fn pass_rules_read_as_people_write_them() {
        let passes =
            |rule: &str, verdict: &Verdict| rule.parse::<Pass>().unwrap().holds(verdict, Some(0.5));
        assert!(passes("score >= 7", &Verdict::Score(7.0)));
        assert!(!passes("score>7", &Verdict::Score(7.0)));
        assert!(passes("first_error = -1", &Verdict::Steps(Steps::default())));
        assert!(passes("preference != second", &Verdict::Preference(Preference::Tie)));
        assert!(!passes("score >= 7", &Verdict::Preference(Preference::Tie)));
        assert!(passes("normalized <= 0.5", &Verdict::Score(3.0)));
        let refused = |rule: &str| format!("{:?}", rule.parse::<Pass>().unwrap_err());
        assert!(refused("scroe >= 7").contains("did you mean `score`?"));
        assert!(refused("score ~ 7").contains("malformed"));
        assert!(refused("score >= high").contains("malformed"));
        assert_eq!("label=correct".parse::<Pass>().unwrap().to_string(), "label == correct");
    }
}
