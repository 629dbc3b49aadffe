//! How far a judge agrees with the labels of a part.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use super::parts::Case;
use crate::{
    error::{Error, ErrorKind, Result},
    item::text_of,
    judge::Judge,
    metrics::{Interval, bootstrap_mean, clustered, mcnemar, mean, wilson},
    parse::Kind,
    report::Labels,
    scale::Scale,
    verdict::{Judgment, Label, Preference, Steps, Verdict},
};

/// How far the verdicts of a judge agree with the labels of a part, record by record.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// For each record 1 if judge and label agree and 0 if they do not; for scores, 1 minus their distance as a share of
    /// the scale. A record without a verdict has 0.
    pub values: Vec<f64>,
    /// The number of records without a verdict.
    pub unreadable: usize,
    /// What the judge said about each record: its verdict and its critique.
    pub(super) said: Vec<(String, String)>,
}

impl Marks {
    /// Judges all records of a part.
    ///
    /// # Errors
    /// A label cannot be compared with the verdict, or a request failed in such a way that all others would fail too.
    pub(super) async fn of(judge: &Judge, cases: &[Case], labels: &Labels) -> Result<Self> {
        let labels = labels.clone().of(judge);
        let items = stream::iter(cases.iter().map(|case| case.item.clone()));
        let mut judged: Vec<_> = judge.judge_all(items).collect().await;
        judged.sort_by_key(|one| one.index);
        let mut marks = Self::default();
        for (one, case) in judged.into_iter().zip(cases) {
            match one.judgment {
                Ok(judgment) => marks.add(&judgment, case, &labels, width(judge))?,
                Err(error) if is_of_the_run(&error) => return Err(error),
                Err(error) => marks.missing(&error.to_string()),
            }
        }
        Ok(marks)
    }

    fn add(&mut self, judgment: &Judgment, case: &Case, labels: &Labels, width: f64) -> Result<()> {
        let verdict = match &judgment.verdict {
            Ok(verdict) => verdict.to_string(),
            Err(why) => {
                self.missing(&format!("unreadable: {why}"));
                return Ok(());
            }
        };
        let value = labels
            .closeness(&case.label, &case.item, judgment, width)
            .ok_or_else(|| incomparable(case))?;
        self.values.push(value);
        self.said.push((verdict, judgment.critique()));
        Ok(())
    }

    fn missing(&mut self, why: &str) {
        self.unreadable += 1;
        self.values.push(0.0);
        self.said.push((why.to_owned(), String::new()));
    }

    /// The mean agreement, 0 to 1.
    pub fn agreement(&self) -> f64 {
        mean(&self.values).unwrap_or(0.0)
    }

    /// The 95 % interval of the agreement: Wilson's for verdicts that agree or not, a bootstrap for scores.
    pub fn interval(&self) -> Interval {
        if self.is_binary() {
            return wilson(self.hits().filter(|hit| *hit).count(), self.values.len());
        }
        bootstrap_mean(&self.values).unwrap_or(Interval { low: 0.0, high: 1.0 })
    }

    fn is_binary(&self) -> bool {
        self.values.iter().all(|value| *value < 1e-9 || (value - 1.0).abs() < 1e-9)
    }

    fn hits(&self) -> impl Iterator<Item = bool> {
        self.values.iter().map(|value| *value > 0.5)
    }

    /// Whether `other` agrees more on the same records, beyond chance: McNemar's exact test with p < 0.05, or for scores
    /// a bootstrap interval of the mean difference above 0. With the p-value, where there is one.
    ///
    /// Where several records share a question, which `questions` names for each, the interval of the clustered mean
    /// difference decides for both: records of one question are no independent evidence.
    pub(super) fn is_beaten_by(
        &self,
        other: &Self,
        questions: &[usize],
    ) -> (bool, Option<f64>, Interval) {
        let differences: Vec<f64> =
            self.values.iter().zip(&other.values).map(|(before, after)| after - before).collect();
        if questions.iter().collect::<BTreeSet<_>>().len() < questions.len() {
            let interval = clustered(&differences, questions).map(|mean| mean.interval);
            let interval = interval.unwrap_or(Interval { low: -1.0, high: 1.0 });
            return (interval.low > 0.0, None, interval);
        }
        let interval = bootstrap_mean(&differences).unwrap_or(Interval { low: 0.0, high: 0.0 });
        let gain = mean(&differences).unwrap_or(0.0);
        if self.is_binary() && other.is_binary() {
            let pairs = || self.hits().zip(other.hits());
            let lost = pairs().filter(|pair| *pair == (true, false)).count();
            let won = pairs().filter(|pair| *pair == (false, true)).count();
            let p = mcnemar(lost, won);
            return (gain > 0.0 && p < 0.05, Some(p), interval);
        }
        (interval.low > 0.0, None, interval)
    }
}

/// The error for a label that cannot be compared with a verdict.
pub(super) fn incomparable(case: &Case) -> Error {
    let Case { id, label, .. } = case;
    let message = format!("{id}: the label `{}` cannot be compared with a verdict", text_of(label));
    Error::new(ErrorKind::Config, message).hint("translate it: --label-map WORD=MEANING")
}

/// Whether a label could be compared with the verdicts of a judge. Where that depends on the verdict, it is assumed.
pub(super) fn is_comparable(case: &Case, labels: &Labels, judge: &Judge) -> bool {
    let profile = judge.verdict_profile();
    let name = || {
        let level = profile.scale.and_then(|scale| scale.levels().next());
        level.map(|(name, _)| name.to_owned()).or_else(|| profile.labels.first().cloned())
    };
    let verdict = match profile.kind {
        Kind::Score => Verdict::Score(0.0),
        Kind::Preference => Verdict::Preference(Preference::First),
        Kind::Steps => Verdict::Steps(Steps::default()),
        Kind::Label => match name() {
            Some(name) => Verdict::Label(Label::new(&name)),
            None => return true,
        },
        _ => return true,
    };
    let labels = labels.clone().of(judge);
    let judgment = Judgment::new(Ok(verdict));
    labels.closeness(&case.label, &case.item, &judgment, 1.0).is_some()
}

/// The width of a judge's scale; 1 for verdicts without one.
fn width(judge: &Judge) -> f64 {
    let ends = judge.prompt().verdict_profile().scale.and_then(Scale::ends);
    ends.map_or(1.0, |(low, high)| (high - low).abs().max(f64::MIN_POSITIVE))
}

/// Whether an error is no fault of one record: the run cannot go on, or continues later.
fn is_of_the_run(error: &Error) -> bool {
    error.is_fatal()
        || error.is_interrupted()
        || error.kind().is_transient()
        || matches!(error.kind(), ErrorKind::Budget | ErrorKind::Config | ErrorKind::Io)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(values: &[f64]) -> Marks {
        Marks { values: values.to_vec(), ..Marks::default() }
    }

    /// Each record with a question of its own.
    fn alone(marks: &Marks) -> Vec<usize> {
        (0..marks.values.len()).collect()
    }

    #[test]
    fn a_few_more_right_verdicts_are_not_better_and_many_are() {
        let before = marks(&[vec![1.0; 20], vec![0.0; 20]].concat());
        let few = marks(&[vec![1.0; 23], vec![0.0; 17]].concat());
        let many = marks(&[vec![1.0; 30], vec![0.0; 10]].concat());
        let (better, p, _) = before.is_beaten_by(&few, &alone(&before));
        assert!(!better && (p.unwrap() - 0.25).abs() < 1e-12);
        let beaten = |one: &Marks, other: &Marks| one.is_beaten_by(other, &alone(one)).0;
        assert!(beaten(&before, &many) && !beaten(&many, &before));
        // Scores: the interval of the differences decides.
        let (low, high) = (marks(&[0.5; 30]), marks(&[0.75; 30]));
        assert!(beaten(&low, &high) && !beaten(&low, &low));
    }

    #[test]
    fn ten_right_verdicts_on_one_question_are_one_gain_and_not_ten() {
        let before = marks(&[0.0; 40]);
        let after = marks(&[vec![1.0; 10], vec![0.0; 30]].concat());
        assert!(before.is_beaten_by(&after, &alone(&before)).0);
        let questions: Vec<usize> = (0..40).map(|n| n / 10).collect();
        let (better, p, interval) = before.is_beaten_by(&after, &questions);
        assert!(!better && p.is_none() && interval.low < 0.0, "{interval:?}");
        // A gain on every question is one.
        let questions: Vec<usize> = (0..40).map(|n| n % 10).collect();
        assert!(before.is_beaten_by(&after, &questions).0);
    }
}
