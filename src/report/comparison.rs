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

use crate::{
    error::{Error, ErrorKind, Result},
    judge::Judge,
    metrics::{self, Interval, Weights, share},
    parse::Kind,
    units::counted,
};

use super::{
    record_verdict::RecordVerdict,
    significance::{Significance, bootstrap, mcnemar, mcnemar_of},
    statistics::Paired,
};

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

    /// Whether fewer records have a verdict in the second run, by McNemar's test; `None` if all records have one in both
    /// runs, or in neither.
    pub fn readability(&self) -> Option<Significance> {
        let (first, second) = self.read_by_one();
        (first + second > 0).then(|| mcnemar_of(first, second))
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

    /// The number of records with the same verdict in both runs, and of those with a verdict in both.
    pub fn equal(&self) -> (usize, usize) {
        let equal = self.decided().filter(|(one, other)| one.agrees(other)).count();
        (equal, self.decided().count())
    }

    /// The share of equal verdicts, 0 to 1, among the records with a verdict in both runs; `None` without
    /// any.
    pub fn agreement(&self) -> Option<f64> {
        let (equal, all) = self.equal();
        share(equal, all)
    }

    /// Cohen's kappa (Cohen 1960, Educational and Psychological Measurement 20): agreement beyond chance.
    ///
    /// See [`metrics::cohen_kappa`]. `None` if both runs gave only one and the same verdict: then chance agrees always.
    ///
    /// Kappa treats every disagreement alike. For scores, where 7 and 8 are closer than 1 and 8, use
    /// [`Paired::weighted_kappa`].
    pub fn kappa(&self) -> Option<f64> {
        let verdicts = self.verdicts();
        let names: BTreeSet<&str> =
            verdicts.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let classes: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        let pairs: Vec<_> =
            verdicts.iter().map(|(one, other)| (classes[one], classes[other])).collect();
        metrics::cohen_kappa(&pairs, Weights::Equal)
    }

    /// Checks, before anything is judged, that verdicts of this judge can be worse than those of an earlier run.
    ///
    /// # Errors
    /// The earlier run has no verdict, or no two verdicts of the runs can be better or worse than each other.
    pub fn check(before: &[RecordVerdict], judge: &Judge) -> Result<()> {
        let profile = judge.verdict_profile();
        let is_number = profile.kind == Kind::Score || profile.scored == Some(true);
        let passes = judge.pass().is_some();
        let refused = |message: &str, hint: &'static str| {
            Err(Error::new(ErrorKind::Config, message).hint(hint))
        };
        let has = |of: fn(&RecordVerdict) -> bool| before.iter().any(of);
        if !has(|one| one.verdict.is_some() || one.pass.is_some()) {
            let hint = "name the results of an earlier run of `tribunal judge`";
            return refused("the baseline has no verdict", hint);
        }
        let (had_passes, had_numbers) =
            (has(|one| one.pass.is_some()), has(|one| one.number.is_some()));
        if passes && had_passes || is_number && had_numbers {
            return Ok(());
        }
        let message = match (passes || is_number, had_passes || had_numbers) {
            (true, true) => {
                "the baseline has verdicts of another kind, so that none can be worse than in it"
            }
            (true, false) => {
                "the verdicts of the baseline are neither passes nor numbers, so that none can be worse"
            }
            (false, _) => {
                "the verdicts are neither passes nor numbers, so that none can be worse than in the baseline"
            }
        };
        refused(
            message,
            "add a pass rule to both runs, or compare with labels: tribunal agree --baseline",
        )
    }

    /// The passes of the records that have one in both runs; empty without a pass rule.
    fn passes(&self) -> Vec<(bool, bool)> {
        self.pairs.iter().filter_map(|(one, other)| one.pass.zip(other.pass)).collect()
    }

    /// The differences of the scores of records that both runs judged, second minus first; empty for other verdicts.
    fn differences(&self) -> Vec<f64> {
        self.decided().filter_map(|(one, other)| Some(other.number? - one.number?)).collect()
    }

    /// The test of verdicts of which one can be better than another: McNemar's on passes, a paired bootstrap on
    /// scores; `None` for other verdicts, or without records in both runs.
    pub fn directed(&self) -> Option<Significance> {
        let passes = self.passes();
        if !passes.is_empty() {
            return Some(mcnemar(passes.into_iter()));
        }
        let numbers = self.differences();
        (!numbers.is_empty()).then(|| bootstrap(&numbers, None))
    }

    /// What [`directed`](Self::directed) tests: the difference of the pass rates or of the mean scores, second minus
    /// first, with its 95 % interval (paired percentile bootstrap).
    pub fn change(&self) -> Option<(f64, Interval)> {
        let worth = |passed: bool| f64::from(u8::from(passed));
        let passes = self.passes();
        let numbers = match passes.as_slice() {
            [] => self.differences(),
            passes => passes.iter().map(|(one, other)| worth(*other) - worth(*one)).collect(),
        };
        let mean = metrics::mean(&numbers)?;
        Some((mean, metrics::bootstrap_mean(&numbers)?))
    }

    /// Whether the difference between the runs is more than chance.
    ///
    /// McNemar's exact test on passes, or on verdicts with exactly two values; a paired bootstrap on
    /// scores; `None` for other verdicts, or without records in both runs. The bootstrap uses fixed
    /// random seeds, so the result is the same each time.
    pub fn significance(&self) -> Option<Significance> {
        if let Some(test) = self.directed() {
            return Some(test);
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

/// A few lines for people, without a line break at the end.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in both", counted(self.joined(), "record"))?;
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
        self.significance().map_or(Ok(()), |test| write!(f, "\n{test}"))
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
    fn the_change_is_that_of_pass_rates_or_of_mean_scores() {
        let (mean, interval) = compared(&["1", "2", "3"], &["2", "2", "5"]).change().unwrap();
        assert!((mean - 1.0).abs() < 1e-12 && interval.contains(1.0), "{mean} {interval:?}");
        let passing = |id, pass| RecordVerdict { pass: Some(pass), ..record(id, "7") };
        let runs = [[true, true, false, true], [false, true, false, false]];
        let [first, second] = runs.map(|all| {
            all.into_iter().enumerate().map(|(n, it)| passing(n, it)).collect::<Vec<_>>()
        });
        let (mean, interval) = Comparison::new(first, second).change().unwrap();
        assert!((mean + 0.5).abs() < 1e-12 && interval.high <= 0.0, "{mean} {interval:?}");
        assert_eq!(compared(&["a"], &["b"]).change(), None);
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
