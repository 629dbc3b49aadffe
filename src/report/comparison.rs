//! Two runs over the same records, side by side.
//!
//! The usual question is whether a change (of prompt, model, rule) made a difference. So the changed
//! verdicts are reported with an estimate of how much may be chance: McNemar's exact test for verdicts
//! with two values, a paired bootstrap for scores. Both are paired tests: every record is compared with
//! itself, so that easy and hard records cancel out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::error::Category;

use super::{
    histogram::figure,
    statistics::{NOISE, Paired, real},
};
use crate::{
    error::{Error, ErrorKind, Result, json_fault},
    line::{Lenient, ResultLine, TextLike, VerdictLine},
    verdict::CriterionVerdict,
};

/// The verdict of one run on one record.
///
/// ```
/// use tribunal::report::{Comparison, RecordVerdict};
///
/// let read = |line: &str| RecordVerdict::read(line).unwrap();
/// let people = [read(r#"{"id": "a", "score": 8}"#), read(r#"{"id": "b", "score": 3}"#)];
/// let judge = [read(r#"{"id": "a", "score": 8}"#), read(r#"{"id": "b", "score": 5}"#)];
/// let comparison = Comparison::new(people, judge);
/// assert_eq!((comparison.joined(), comparison.flips().count()), (2, 1));
/// assert_eq!(comparison.agreement(), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RecordVerdict {
    /// The record's name.
    pub id: String,
    /// The verdict in words, as results show it; `None` if there is none.
    pub verdict: Option<String>,
    /// The verdict as a number; `None` for verdicts that are not numbers.
    pub number: Option<f64>,
    /// Whether the verdict passes; `None` without a pass rule.
    pub pass: Option<bool>,
    /// The verdict on each criterion of a rubric, by its name; empty for other verdicts.
    pub criteria: BTreeMap<String, String>,
}

/// The fields of a line that are compared. All others are ignored and may have any type.
#[derive(Deserialize)]
struct LineFields {
    id: Lenient<TextLike>,
    #[serde(default)]
    verdict: Lenient<TextLike>,
    #[serde(default)]
    score: Lenient<f64>,
    #[serde(default)]
    label: Lenient<TextLike>,
    #[serde(default)]
    first_error: Lenient<i64>,
    #[serde(default)]
    preference: Lenient<TextLike>,
    #[serde(default)]
    pass: Lenient<bool>,
    #[serde(default)]
    rubric: Lenient<Vec<CriterionVerdict>>,
    unreadable: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl RecordVerdict {
    /// Reads the verdict from a line of results.
    ///
    /// A line that was written by hand needs only an id and a value, such as `{"id": "q7", "score": 8}`.
    /// The value is the first of `verdict`, `score`, `label`, `first_error` and `preference`. A line with
    /// `unreadable` or `error` has no verdict.
    ///
    /// # Errors
    /// The line is not JSON, or has no id.
    pub fn read(line: &str) -> Result<Self> {
        let not_a_result = |why: &str| {
            Error::new(ErrorKind::Record, format!("the line is not a result: {why}"))
                .hint("name files that `tribunal judge -o` wrote as .jsonl")
        };
        let seen: LineFields =
            serde_json::from_str(line).map_err(|cause| match cause.classify() {
                Category::Data => not_a_result("it has no `id`"),
                _ => not_a_result(&json_fault(&cause)),
            })?;
        let id = seen.id.known().map(TextLike::text).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| not_a_result("it has no `id`"))?;
        let pass = seen.pass.known();
        if seen.unreadable.is_some() || seen.error.is_some() {
            return Ok(Self { id, verdict: None, number: None, pass, criteria: BTreeMap::new() });
        }
        let verdict = seen.verdict.known();
        let written = verdict.as_ref().and_then(TextLike::number);
        let number = seen.score.known().or(written);
        let word = verdict.filter(|word| matches!(word, TextLike::Text(_))).map(TextLike::text);
        let first_error = |index: i64| match index {
            ..0 => "no error".into(),
            index => format!("first error at {index}"),
        };
        let verdict = word
            .or_else(|| number.map(figure))
            .or_else(|| seen.label.known().map(TextLike::text))
            .or_else(|| seen.first_error.known().map(first_error))
            .or_else(|| seen.preference.known().map(TextLike::text));
        let criteria = words(&seen.rubric.known().unwrap_or_default());
        Ok(Self { id, verdict, number, pass, criteria })
    }

    /// The criteria on which two verdicts differ, each with both words, in the order of their names.
    pub fn changed<'v>(
        &'v self,
        other: &'v Self,
    ) -> impl Iterator<Item = (&'v str, &'v str, &'v str)> {
        let pair = |(name, own): (&'v String, &'v String)| {
            let theirs = other.criteria.get(name)?;
            (own != theirs).then_some((name.as_str(), own.as_str(), theirs.as_str()))
        };
        self.criteria.iter().filter_map(pair)
    }

    /// Whether both verdicts are equal: numbers up to rounding noise, everything else as text. Of rubrics also the
    /// verdict on each criterion.
    fn agrees(&self, other: &Self) -> bool {
        if self.changed(other).next().is_some() {
            return false;
        }
        match (self.number, other.number) {
            (Some(one), Some(two)) => (one - two).abs() < NOISE,
            _ => self.verdict == other.verdict,
        }
    }
}

/// The same facts from a line that is already parsed.
impl From<&ResultLine> for RecordVerdict {
    fn from(line: &ResultLine) -> Self {
        let VerdictLine { verdict, score, rubric, .. } = &line.verdict;
        let criteria = words(rubric.as_deref().unwrap_or_default());
        let (id, verdict) = (line.id.clone(), verdict.clone());
        Self { id, verdict, number: *score, pass: line.pass, criteria }
    }
}

/// The verdict on each criterion of a rubric, by its name.
fn words(rubric: &[CriterionVerdict]) -> BTreeMap<String, String> {
    rubric.iter().map(|one| (one.name.clone(), one.shown())).collect()
}

/// Two runs, joined by the ids of their records.
///
/// Its `Display` output is a few lines for people: agreement, kappa, correlations, significance.
///
/// ```
/// use tribunal::report::{Comparison, RecordVerdict};
///
/// let read = |line: &str| RecordVerdict::read(line).unwrap();
/// let before = [read(r#"{"id": "a", "score": 4}"#), read(r#"{"id": "c", "score": 1}"#)];
/// let after = [read(r#"{"id": "a", "score": 5}"#)];
/// let comparison = Comparison::new(before, after);
/// assert_eq!((comparison.joined(), comparison.alone), (1, (1, 0)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The records of both runs, in the order of the first run.
    pairs: Vec<(RecordVerdict, RecordVerdict)>,
    /// The number of records that only the first run has, and that only the second run has.
    pub alone: (usize, usize),
}

/// Whether a difference is more than chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Significance {
    /// Verdicts with two values: McNemar's exact test (McNemar 1947, Psychometrika 12).
    ///
    /// Only records that changed are used. If the runs were equally good, each change would be as likely
    /// in one direction as in the other.
    McNemar {
        /// Records to which only the first run gave the better value.
        first: usize,
        /// Records to which only the second run gave the better value.
        second: usize,
        /// The two-sided p-value: the probability of a difference at least this large if the runs were
        /// equally good.
        p: f64,
    },
    /// Scores: the mean difference, second minus first, with a 95 % interval (paired percentile
    /// bootstrap).
    Bootstrap {
        /// The mean difference, in points of the scale.
        difference: f64,
        /// The lower and the upper end of the interval. If it does not contain 0, the difference is
        /// significant.
        interval: (f64, f64),
    },
}

/// The number of bootstrap resamples: enough for the second digit of a 95 % interval.
const RESAMPLES: u32 = 2_000;

impl Comparison {
    /// Joins two runs by the ids of their records. If an id occurs several times, its records are joined
    /// in order.
    pub fn new(
        first: impl IntoIterator<Item = RecordVerdict>,
        second: impl IntoIterator<Item = RecordVerdict>,
    ) -> Self {
        let mut waiting: BTreeMap<String, Vec<RecordVerdict>> = BTreeMap::new();
        for record in second {
            waiting.entry(record.id.clone()).or_default().push(record);
        }
        waiting.values_mut().for_each(|all| all.reverse());
        let mut comparison = Self::default();
        for record in first {
            match waiting.get_mut(&record.id).and_then(Vec::pop) {
                Some(other) => comparison.pairs.push((record, other)),
                None => comparison.alone.0 += 1,
            }
        }
        comparison.alone.1 = waiting.values().map(Vec::len).sum();
        comparison
    }

    /// The number of records that both runs have.
    pub fn joined(&self) -> usize {
        self.pairs.len()
    }

    /// The records whose verdicts differ, including those that only one run could read.
    pub fn flips(&self) -> impl Iterator<Item = &(RecordVerdict, RecordVerdict)> {
        self.pairs.iter().filter(|(one, other)| !one.agrees(other))
    }

    /// The number of records with a verdict in the first run only, and in the second run only.
    pub fn read_by_one(&self) -> (usize, usize) {
        let only = |first: bool| {
            let read = |(one, other): &&(RecordVerdict, RecordVerdict)| {
                one.verdict.is_some() == first && other.verdict.is_some() != first
            };
            self.pairs.iter().filter(read).count()
        };
        (only(true), only(false))
    }

    /// The number of criteria of rubrics that both runs judged, and of those with another verdict.
    pub fn criteria(&self) -> (usize, usize) {
        let both = |(one, other): &&(RecordVerdict, RecordVerdict)| {
            one.criteria.keys().filter(|name| other.criteria.contains_key(*name)).count()
        };
        let changed = |(one, other): &(RecordVerdict, RecordVerdict)| one.changed(other).count();
        let all = self.pairs.iter().map(|pair| both(&pair)).sum();
        (all, self.pairs.iter().map(changed).sum())
    }

    /// The records to which both runs gave a verdict.
    fn decided(&self) -> impl Iterator<Item = &(RecordVerdict, RecordVerdict)> {
        let both = |(one, other): &&(RecordVerdict, RecordVerdict)| {
            one.verdict.is_some() && other.verdict.is_some()
        };
        self.pairs.iter().filter(both)
    }

    /// The verdicts, as texts, of the records to which both runs gave one.
    fn verdicts(&self) -> Vec<(&str, &str)> {
        self.decided()
            .filter_map(|(one, other)| Some((one.verdict.as_deref()?, other.verdict.as_deref()?)))
            .collect()
    }

    /// The pairs of scores of the records to which both runs gave one.
    ///
    /// `None` if no record has a verdict in both runs, or if any of these verdicts is not a number.
    pub fn scores(&self) -> Option<Paired> {
        let pairs = self.decided().map(|(one, other)| one.number.zip(other.number));
        pairs.collect::<Option<Paired>>().filter(|pairs| !pairs.is_empty())
    }

    /// The share of equal verdicts, 0 to 1, among the records with a verdict in both runs; `None` without
    /// any.
    pub fn agreement(&self) -> Option<f64> {
        let equal = self.decided().filter(|(one, other)| one.agrees(other)).count();
        let all = self.decided().count();
        (all > 0).then(|| real(equal) / real(all))
    }

    /// Cohen's kappa (Cohen 1960, Educational and Psychological Measurement 20): agreement beyond chance.
    ///
    /// `(observed - chance) / (1 - chance)`, where `chance` is the agreement of two independent runs that
    /// give each verdict as often as these two do. 1 is perfect agreement, 0 is chance, and negative
    /// values are worse than chance. `None` if both runs gave only one and the same verdict: then chance
    /// agrees always.
    ///
    /// Kappa treats every disagreement alike. For scores, where 7 and 8 are closer than 1 and 8, use
    /// [`Paired::weighted_kappa`].
    pub fn kappa(&self) -> Option<f64> {
        let verdicts = self.verdicts();
        let count = real(verdicts.len());
        let names: BTreeSet<&str> =
            verdicts.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let share = |name: &str, second: bool| {
            let said =
                verdicts.iter().filter(|(one, other)| *(if second { other } else { one }) == name);
            real(said.count()) / count
        };
        let chance: f64 = names.iter().map(|name| share(name, false) * share(name, true)).sum();
        let observed = self.agreement()?;
        (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
    }

    /// Whether the difference between the runs is more than chance.
    ///
    /// McNemar's exact test on passes, or on verdicts with exactly two values; a paired bootstrap on
    /// scores; `None` for other verdicts, or without records in both runs. The bootstrap uses fixed
    /// random seeds, so the result is the same each time.
    pub fn significance(&self) -> Option<Significance> {
        let passes: Vec<(bool, bool)> =
            self.pairs.iter().filter_map(|(one, other)| one.pass.zip(other.pass)).collect();
        if !passes.is_empty() {
            return Some(mcnemar(passes.into_iter()));
        }
        let numbers: Vec<f64> =
            self.decided().filter_map(|(one, other)| Some(other.number? - one.number?)).collect();
        if !numbers.is_empty() {
            return Some(bootstrap(&numbers));
        }
        let verdicts = self.verdicts();
        let names: BTreeSet<&str> =
            verdicts.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let mut names = names.into_iter();
        let (Some(value), Some(_), None) = (names.next(), names.next(), names.next()) else {
            return None;
        };
        Some(mcnemar(verdicts.iter().map(|(one, other)| (*one == value, *other == value))))
    }
}

/// McNemar's exact test of pairs (first run, second run) of two-valued verdicts.
///
/// With `b` and `c` records that changed in one direction and in the other, and `n = b + c`, the p-value
/// is twice the probability of `min(b, c)` or fewer heads in `n` tosses of a coin, at most 1. The exact
/// form is used because its approximation by chi-squared is poor for fewer than about 25 changes.
fn mcnemar(pairs: impl Iterator<Item = (bool, bool)>) -> Significance {
    let (mut first, mut second) = (0, 0);
    for pair in pairs {
        match pair {
            (true, false) => first += 1,
            (false, true) => second += 1,
            _ => (),
        }
    }
    let changed = first + second;
    // Each term of the binomial distribution follows from the previous one. Logarithms avoid underflow.
    let mut term = -real(changed) * std::f64::consts::LN_2;
    let mut tail = term.exp();
    for n in 1..=first.min(second) {
        term += (real(changed - n + 1) / real(n)).ln();
        tail += term.exp();
    }
    Significance::McNemar { first, second, p: (2.0 * tail).min(1.0) }
}

/// The paired percentile bootstrap (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter
/// 13).
///
/// Draws as many differences as there are, with replacement, [`RESAMPLES`] times; the interval is from
/// the 2.5th to the 97.5th percentile of their means. Random seeds are fixed, so that equal data give an
/// equal interval. The time is proportional to [`RESAMPLES`] × records.
fn bootstrap(differences: &[f64]) -> Significance {
    let mean = |sum: f64| sum / real(differences.len());
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|round| {
            let mut random = fastrand::Rng::with_seed(u64::from(round));
            let drawn =
                (0..differences.len()).map(|_| differences[random.usize(..differences.len())]);
            mean(drawn.sum())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: u32| means[(RESAMPLES * share / 1_000) as usize];
    Significance::Bootstrap {
        difference: mean(differences.iter().sum()),
        interval: (at(25), at(974)),
    }
}

/// A few lines for people, without a line break at the end.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records in both", self.joined())?;
        if self.alone != (0, 0) {
            write!(f, ", {} only in the first, {} only in the second", self.alone.0, self.alone.1)?;
        }
        let (first, second) = self.read_by_one();
        if first + second > 0 {
            write!(
                f,
                "\nwith a verdict in one only: {first} in the first, {second} in the second"
            )?;
        }
        if let Some(agreement) = self.agreement() {
            write!(f, "\nagreement {:.1} %", 100.0 * agreement)?;
        }
        match self.scores() {
            Some(scores) => write_scores(f, &scores)?,
            None => {
                if let Some(kappa) = self.kappa() {
                    write!(f, ", Cohen's kappa {kappa:.3}")?;
                }
            }
        }
        if let (all @ 1.., changed) = self.criteria() {
            write!(f, "\ncriteria: {changed} of {all} changed")?;
        }
        match self.significance() {
            Some(Significance::McNemar { first, second, p }) => {
                write!(
                    f,
                    "\nonly the first: {first}, only the second: {second}; McNemar's exact p {p:.4}"
                )
            }
            Some(Significance::Bootstrap { difference, interval: (low, high) }) => {
                write!(
                    f,
                    "\nmean difference {difference:+.3}, 95 % between {low:+.3} and {high:+.3} (paired bootstrap)"
                )
            }
            None => Ok(()),
        }
    }
}

/// Writes how close the scores are: weighted kappa, correlations and the mean absolute difference.
fn write_scores(f: &mut fmt::Formatter<'_>, scores: &Paired) -> fmt::Result {
    if let Some(kappa) = scores.weighted_kappa() {
        write!(f, ", quadratic weighted kappa {kappa:.3}")?;
    }
    let figures = [
        ("Pearson", scores.pearson()),
        ("Spearman", scores.spearman()),
        ("mean absolute difference", scores.mean_absolute_error()),
    ];
    let shown = figures.into_iter().filter_map(|(name, n)| Some(format!("{name} {:.3}", n?)));
    write!(f, "\n{}", shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with this id and verdict; an empty verdict is unreadable.
    fn record(id: usize, verdict: &str) -> RecordVerdict {
        let verdict = Some(verdict.to_owned()).filter(|verdict| !verdict.is_empty());
        RecordVerdict {
            id: id.to_string(),
            number: verdict.as_ref().and_then(|v| v.parse().ok()),
            verdict,
            pass: None,
            criteria: BTreeMap::new(),
        }
    }

    #[test]
    fn criteria_that_changed_are_counted_and_their_record_differs() {
        let read = |first: &str, second: &str| {
            let line = format!(
                r#"{{"id": "a", "score": 0.5, "rubric": [{{"name": "x", "verdict": "{first}", "value": 1}}, {{"name": "y", "verdict": "{second}"}}]}}"#
            );
            RecordVerdict::read(&line).unwrap()
        };
        let (one, other) = (read("met", "unmet"), read("unmet", "met"));
        let comparison = Comparison::new([one.clone()], [other.clone()]);
        assert_eq!((comparison.criteria(), comparison.flips().count()), ((2, 2), 1));
        assert_eq!(one.changed(&other).next(), Some(("x", "met", "unmet")));
        assert!(comparison.to_string().contains("criteria: 2 of 2 changed"), "{comparison}");
    }

    /// Two runs over the same records, with these verdicts.
    fn compared(first: &[&str], second: &[&str]) -> Comparison {
        let all = |verdicts: &[&str]| -> Vec<RecordVerdict> {
            verdicts.iter().enumerate().map(|(n, verdict)| record(n, verdict)).collect()
        };
        Comparison::new(all(first), all(second))
    }

    #[test]
    fn agreement_and_kappa_are_those_of_the_textbook() {
        // 20 and 15 pairs agree, 5 and 10 do not: kappa is 0.4.
        let first: Vec<&str> = [vec!["yes"; 25], vec!["no"; 25]].concat();
        let second: Vec<&str> =
            [vec!["yes"; 20], vec!["no"; 5], vec!["yes"; 10], vec!["no"; 15]].concat();
        let comparison = compared(&first, &second);
        assert!((comparison.agreement().unwrap() - 0.7).abs() < 1e-12);
        assert!((comparison.kappa().unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(comparison.flips().count(), 15);
        assert_eq!(compared(&["a", "a"], &["a", "a"]).kappa(), None);
    }

    #[test]
    fn two_values_are_tested_exactly() {
        let first: Vec<&str> = [vec!["correct"; 9], vec!["incorrect"; 11]].concat();
        let second: Vec<&str> =
            [vec!["incorrect"; 9], vec!["correct"; 1], vec!["incorrect"; 10]].concat();
        let Some(Significance::McNemar { first, second, p }) =
            compared(&first, &second).significance()
        else {
            panic!("two values");
        };
        assert_eq!((first, second), (9, 1));
        assert!((p - 22.0 / 1024.0).abs() < 1e-12, "{p}");
        let none = compared(&["a", "b"], &["a", "b"]).significance();
        assert_eq!(none, Some(Significance::McNemar { first: 0, second: 0, p: 1.0 }));
    }

    #[test]
    fn scores_are_resampled_and_the_interval_repeats_itself() {
        let first: Vec<String> = (0..200).map(|n| (n % 7).to_string()).collect();
        let second: Vec<String> = (0..200).map(|n| (n % 7 + n % 3).to_string()).collect();
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        let second: Vec<&str> = second.iter().map(String::as_str).collect();
        let one = compared(&first, &second).significance().unwrap();
        assert_eq!(Some(one), compared(&first, &second).significance());
        let Significance::Bootstrap { difference, interval: (low, high) } = one else {
            panic!("scores")
        };
        assert!((difference - 0.995).abs() < 1e-9, "{difference}");
        // The standard error is 0.82 / sqrt(200).
        assert!((0.85..0.92).contains(&low) && (1.07..1.15).contains(&high), "{low} {high}");
    }

    #[test]
    fn scores_are_compared_by_their_distance() {
        let text = compared(&["1", "2", "3"], &["2", "2", "5"]).to_string();
        assert!(text.contains("agreement 33.3 %, quadratic weighted kappa 0."), "{text}");
        assert!(text.contains("mean absolute difference 1.000\nmean difference +1.000"), "{text}");
        let noise = compared(&["3"], &["3.0000000000000004"]);
        assert_eq!((noise.flips().count(), noise.agreement()), (0, Some(1.0)));
    }

    #[test]
    fn an_id_and_a_value_are_a_line_and_what_says_nothing_has_no_verdict() {
        let record = |line: &str| RecordVerdict::read(line).ok();
        let verdict = |line: &str| record(line).unwrap().verdict;
        for (line, right) in [
            (r#"{"id": 7, "score": 4}"#, Some("4")),
            (r#"{"id": "a", "verdict": 3.0000000000000004}"#, Some("3")),
            (r#"{"id": "a", "label": "kind"}"#, Some("kind")),
            (r#"{"id": "a", "first_error": -1}"#, Some("no error")),
            (r#"{"id": "a", "first_error": 2}"#, Some("first error at 2")),
            (r#"{"id": "a", "score": 4, "unreadable": {}}"#, None),
            (r#"{"id": "a", "error": {}}"#, None),
            (r#"{"id": "a", "score": null}"#, None),
        ] {
            assert_eq!(verdict(line).as_deref(), right, "{line}");
        }
        assert_eq!(record(r#"{"id": 7, "score": 4}"#).unwrap().id, "7");
        assert_eq!((record("{}"), record(r#"{"id": ""}"#), record("[1]")), (None, None, None));
    }

    #[test]
    fn the_mean_difference_is_of_records_that_both_could_judge() {
        let first = record(1, "4");
        let broken = RecordVerdict { verdict: None, ..record(2, "9") };
        let comparison = Comparison::new([first, broken], [record(1, "5"), record(2, "1")]);
        let Some(Significance::Bootstrap { difference, .. }) = comparison.significance() else {
            panic!("scores")
        };
        assert!((difference - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_only_one_run_has_or_could_read_is_counted_apart() {
        let comparison = compared(&["7", "", "3", "1"], &["7", "5", ""]);
        assert_eq!((comparison.joined(), comparison.alone), (3, (1, 0)));
        assert_eq!(comparison.read_by_one(), (1, 1));
        assert_eq!(comparison.agreement(), Some(1.0));
    }
}
