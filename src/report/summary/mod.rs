//! The figures of a run: the verdicts, how many records have one, and the tokens and costs.
//!
//! Coverage, pass rate and bounds are shares of all records, including those that failed, could not be
//! read or were never tried: leaving them out would make a judge look better the more often it fails.

mod count;
mod display;
mod figures;
mod json;
mod jury;
mod tally;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

pub use self::jury::Jury;
use self::tally::{Moments, Scores, Shares};
use super::{
    agreement::Agreement, independence::Independence, labels::Labels, menus::Menus, orders::Orders,
};
use crate::{
    completion::UsageTotal,
    judge::Judge,
    metrics::{ratio, real},
    parse::Kind,
    records::Ending,
    verdict::{CORRECT, INCORRECT},
};

/// The figures of a run of `judge`. Unreadable answers are counted, and never become a number.
///
/// Its `Display` output is a few lines for people; [`Summary::to_json`] returns the same figures for
/// programs.
///
/// ```
/// use tribunal::report::Summary;
///
/// let summary = Summary::default();
/// assert_eq!((summary.records, summary.coverage(), summary.pass_rate()), (0, 0.0, None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Records that were tried, in this run or an earlier one.
    pub records: usize,
    /// Records whose result is kept from an earlier run.
    pub kept: usize,
    /// Kept records that failed in the earlier run.
    pub kept_failed: usize,
    /// Kept records whose answer is still unreadable.
    pub kept_unreadable: usize,
    /// How the run ended, and how many records were not tried.
    pub ending: Ending,
    /// Records with a verdict.
    pub judged: usize,
    /// Records whose judge abstained: it answered that it cannot judge.
    pub abstained: usize,
    /// The number of records with an unreadable answer, by the name of the reason.
    pub unreadable: BTreeMap<&'static str, usize>,
    /// Answers that were requested again because they could not be read.
    pub reasked: Reasked,
    /// Records without an answer: a request failed, or the record itself is invalid.
    pub failed: usize,
    /// The number of records that pass; `None` without a pass rule.
    pub passed: Option<usize>,
    /// The number of records by verdict. Scores are not included: they have a histogram of their own.
    pub verdicts: BTreeMap<String, usize>,
    /// Votes that were asked, and that could have been asked, of judges that may leave some out.
    pub votes: AskedVotes,
    /// The number of verdicts by the judge of a cascade that gave them.
    pub stages: BTreeMap<String, usize>,
    /// The verdicts compared with the records' own labels.
    pub agreement: Agreement,
    /// Records whose answers were written by a model of the judge's family.
    pub independence: Independence,
    /// The members of a jury compared with each other; `None` for a judge with one member.
    pub jury: Option<Jury>,
    /// Tokens over all records, without those of cached answers.
    pub usage: UsageTotal,
    /// Requests that were sent, retries included.
    pub requests: u64,
    /// The cost of the requests; `None` unless the prices and all numbers of tokens are known.
    pub cost: Option<f64>,
    /// What the prompt tokens that servers had cached cost less than others; `None` unless their price is known.
    pub discount: Option<f64>,
    /// Whether the prices of the models are known.
    pub priced: bool,
    /// The number of answers by finish reason, for reasons that are not known to mean a complete answer.
    pub finishes: BTreeMap<String, usize>,
    /// Answers that came from the cache.
    pub cached: u64,
    /// The tokens of cached answers, which cost nothing in this run.
    pub saved: UsageTotal,
    /// What the cached answers would have cost; `None` unless prices are known.
    pub saved_cost: Option<f64>,
    /// The duration of the run.
    pub time: Duration,
    /// The lowest and the highest score of the scale; of rubrics 0 and 1.
    ends: Option<(f64, f64)>,
    /// The label that means correct, if the prompt names one or one of its labels does by itself.
    positive: Option<String>,
    /// The costs of records whose price is known.
    costs: Moments,
    /// The scores, if verdicts are scores.
    scores: Scores,
    /// Counts of labels and of verdicts about steps.
    shares: Shares,
    /// The scores of each criterion by its name.
    criteria: BTreeMap<String, Scores>,
    /// How many criteria of rubrics were met, unmet or could not be assessed.
    assessed: BTreeMap<&'static str, usize>,
    /// Whether preferences depend on the order of the answers.
    orders: Orders,
    /// Verdicts compared with the probabilities of their values.
    menus: Menus,
    /// Whether the temperature is 0, so that every token is the most probable one.
    greedy: bool,
}

/// The votes of judges that may leave some out: draws that stop early, second orders, later judges of a cascade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedVotes {
    /// The number of votes that were asked.
    pub asked: usize,
    /// The number of votes if none had been left out.
    pub planned: usize,
}

/// Answers that were requested again because they could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasked {
    /// The number of answers that were requested again.
    pub asked: usize,
    /// The number of those that could be read in the end.
    pub read: usize,
}

/// A mean, and its bounds if all records without a verdict had the lowest or the highest value.
///
/// These are the worst-case bounds for missing data (Manski 1989, Journal of Human Resources 24): they
/// need no assumption about why a record has no verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The mean over the records with a verdict.
    pub mean: f64,
    /// The mean over all records if those without a verdict had the lowest value.
    pub lowest: f64,
    /// The mean over all records if those without a verdict had the highest value.
    pub highest: f64,
}

impl Summary {
    /// An empty summary for the verdicts of this judge and the records' own labels.
    pub fn new(judge: &Judge, labels: Labels) -> Self {
        let front = judge.prompt().front();
        let ends = match front.verdict_kind() {
            // Numbers of criteria have no common figures; the score of a rubric is 0 to 1.
            Kind::Criteria => Some((0.0, 1.0)),
            _ => judge.verdict_profile().ends(),
        };
        let positive = judge.verdict_profile().positive;
        let temperature = judge.prompt().front().sampling.temperature;
        let greedy = temperature.is_some_and(|temperature| temperature <= 0.0);
        let (agreement, jury) = (Agreement::new(labels, judge), Jury::new(judge.as_panel()));
        let independence = Independence::of(judge);
        Self { agreement, independence, jury, ends, positive, greedy, ..Self::default() }
    }

    /// An empty summary for results of which only the lines are there: what the judge would tell follows from them.
    /// `ends` are the lowest and the highest score of the scale.
    #[cfg(feature = "cli")]
    pub(super) fn of_results(labels: Labels, ends: Option<(f64, f64)>) -> Self {
        Self { ends, ..Self::of_steps(false, labels) }
    }

    /// Of preferences: the records in both orders, those of them with the same verdict, and the votes for the answer
    /// that was shown first and second.
    #[cfg(feature = "cli")]
    pub(super) fn by_order(&self) -> ((usize, usize), (usize, usize)) {
        let Orders { both, consistent, first, second, .. } = self.orders;
        ((both, consistent), (first, second))
    }

    /// An empty summary for verdicts about steps that no judge gave, and the records' own labels.
    pub(super) fn of_steps(priced: bool, labels: Labels) -> Self {
        Self { priced, agreement: Agreement::of(labels), ..Self::default() }
    }

    /// The number of records with an unreadable answer.
    pub fn unread(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// The number of records that were never tried; 0 if that is not known.
    pub fn not_tried(&self) -> usize {
        self.ending.not_tried().unwrap_or(0)
    }

    /// The number of all records: those that were tried, and those that were never tried.
    fn all(&self) -> usize {
        self.records + self.not_tried()
    }

    /// The share of all records that have a verdict, 0 to 1.
    pub fn coverage(&self) -> f64 {
        ratio(self.judged, self.all())
    }

    /// The share of all records that passed, 0 to 1; `None` without a pass rule.
    ///
    /// A record that failed, is unreadable or was never tried does not pass.
    pub fn pass_rate(&self) -> Option<f64> {
        Some(ratio(self.passed?, self.all()))
    }

    /// The share of the answers that are unreadable, 0 to 1. Records without an answer are not counted.
    pub fn unreadable_rate(&self) -> f64 {
        ratio(self.unread(), self.judged + self.unread())
    }

    /// The number of verdicts that mean correct; `None` if verdicts are not about correctness.
    fn correct(&self) -> Option<usize> {
        if self.shares.steps > 0 {
            return Some(self.shares.without_error);
        }
        let given = |label: &str| self.verdicts.contains_key(label);
        let is_correctness = self.positive.is_some() || given(CORRECT) || given(INCORRECT);
        let count = || self.verdicts.get(self.right()).copied().unwrap_or(0);
        (is_correctness && self.shares.labels > 0).then(count)
    }

    /// The label that means correct.
    fn right(&self) -> &str {
        let labels = self.positive.as_deref().filter(|_| self.shares.steps == 0);
        labels.unwrap_or(CORRECT)
    }

    /// The mean score, or the share of correct answers, with its bounds.
    ///
    /// `None` if verdicts are neither, or if the scale of the scores is not known.
    pub fn bounds(&self) -> Option<Bounds> {
        let (sum, (low, high)) = match self.correct() {
            Some(correct) => (real(correct), (0.0, 1.0)),
            None => (self.scores.sum, self.ends.filter(|_| self.scores.count > 0)?),
        };
        let [judged, others] = [self.judged, self.all() - self.judged].map(real);
        let with = |value: f64| (sum + others * value) / (judged + others);
        Some(Bounds { mean: sum / judged, lowest: with(low), highest: with(high) })
    }
}
