//! Accuracy against compute: how to split a budget of tokens between candidates and verdicts.
//!
//! A sample of questions has candidates of which it is known whether they are right, each with the verdicts of several
//! draws. Subsets of these show what fewer candidates and fewer verdicts would have come to (Singhi et al. 2025, "When
//! To Solve, When To Verify": self-consistency against generative verifiers at equal compute).

mod display;
mod sample;

pub use sample::{PlanCandidate, PlanSample};

#[cfg(feature = "charts")]
use std::collections::BTreeMap;

use serde::Serialize;

use super::significance::{mean_interval, mean_of};
#[cfg(feature = "charts")]
use super::{Chart, Point, Series};
#[cfg(feature = "charts")]
use crate::units::counted;

/// The accuracy and the tokens of every split that a sample can show, and the best split for each budget.
///
/// A split has a number of candidates and a number of verdicts on each. Both are powers of two up to what the sample
/// has, and what it has. Without verdicts the most frequent answer is picked; with verdicts, the answer whose candidates
/// have the largest sum of mean values, or the candidate with the largest one.
///
/// ```
/// use tribunal::{report::{PlanCandidate, PlanSample}, strategy::best_of::DrawnValue};
///
/// let candidate = |answer: &str, right, value| {
///     let verdicts = vec![DrawnValue::new(Some(value), 50)];
///     PlanCandidate::new(Some(answer.to_owned()), right, 100, verdicts)
/// };
/// // The right answer is rarer, and the judge knows it.
/// let question = vec![candidate("4", false, 0.1), candidate("5", true, 0.9), candidate("4", false, 0.2)];
/// let mut sample = PlanSample::default();
/// sample.add(question);
/// let plan = sample.plan();
/// let last = plan.splits.last().unwrap();
/// assert_eq!((last.candidates, last.verdicts, last.tokens, last.accuracy), (3, 1, 450.0, 1.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The number of questions.
    pub questions: usize,
    /// All splits, by candidates, verdicts and rule.
    pub splits: Vec<Split>,
    /// The best split for the tokens of every number of candidates without verdicts, and for those of the dearest split.
    pub budgets: Vec<Budget>,
}

/// How a split picks an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanRule {
    /// The most frequent answer, without verdicts (self-consistency).
    Majority,
    /// The candidate with the largest mean value (best-of-N).
    Best,
    /// The answer whose candidates have the largest sum of mean values (weighted best-of-N).
    Weighted,
}

/// A split of compute, and what it comes to on the sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Split {
    /// The number of candidates of each question.
    pub candidates: usize,
    /// The number of verdicts on each candidate.
    pub verdicts: usize,
    /// How an answer is picked.
    pub rule: PlanRule,
    /// The mean number of tokens of a question, written by policy and judge.
    pub tokens: f64,
    /// The share of questions whose picked answer is right, 0 to 1.
    pub accuracy: f64,
    /// Its 95 % interval over questions like these.
    pub interval: (f64, f64),
    /// The accuracy of each question, over the subsets that were tried.
    #[serde(skip)]
    by_question: Vec<f64>,
}

/// The best split within a budget, beside candidates alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Budget {
    /// The mean number of tokens of a question.
    pub tokens: f64,
    /// The most accurate split that needs no more tokens; the cheapest of equally accurate ones.
    pub best: Split,
    /// The most accurate split without verdicts that needs no more tokens.
    pub majority: Split,
    /// How much more accurate the best split is, and the 95 % interval of this difference over the same questions.
    pub gain: (f64, (f64, f64)),
}

impl Plan {
    /// The plan with these splits.
    fn of(questions: usize, splits: Vec<Split>) -> Self {
        let alone = splits.iter().filter(|split| split.rule == PlanRule::Majority);
        let dearest = splits.iter().map(|split| split.tokens).max_by(f64::total_cmp);
        let tokens = alone.map(|split| split.tokens).chain(dearest);
        let mut budgets: Vec<Budget> =
            tokens.filter_map(|tokens| Budget::of(tokens, &splits)).collect();
        budgets.dedup_by(|one, other| one.tokens.to_bits() == other.tokens.to_bits());
        Self { questions, splits, budgets }
    }

    /// A chart: accuracy against tokens, one line for each rule and number of verdicts.
    #[cfg(feature = "charts")]
    pub fn chart(&self, title: impl Into<String>) -> Chart {
        let mut lines: BTreeMap<(PlanRule, usize), Vec<Point>> = BTreeMap::new();
        for split in &self.splits {
            let (low, high) = split.interval;
            let point = Point::new(split.tokens, split.accuracy).interval(low, high);
            lines.entry((split.rule, split.verdicts)).or_default().push(point);
        }
        let x = "tokens written for each question (logarithmic)";
        let chart = Chart::new(title, x, "questions answered right").note(format!(
            "{}; thin lines are 95 % intervals",
            counted(self.questions, "question")
        ));
        let is_one = |split: &&Split| split.rule == PlanRule::Majority && split.candidates == 1;
        let chart = match self.splits.iter().find(is_one) {
            Some(one) => chart.level("one answer (pass@1)", one.accuracy),
            None => chart,
        };
        lines.into_iter().fold(chart, |chart, ((rule, verdicts), points)| {
            chart.series(Series::new(display::line_name(rule, verdicts), points))
        })
    }
}

impl Budget {
    /// The best splits that need at most these tokens.
    fn of(tokens: f64, splits: &[Split]) -> Option<Self> {
        // Means of the same numbers in another order differ in their last digit.
        let affordable = || splits.iter().filter(|split| split.tokens <= tokens * (1.0 + 1e-9));
        let best = most_accurate(affordable())?;
        let majority =
            most_accurate(affordable().filter(|split| split.rule == PlanRule::Majority))?;
        let pairs = best.by_question.iter().zip(&majority.by_question);
        let differences: Vec<f64> = pairs.map(|(best, alone)| best - alone).collect();
        // A split gains nothing over itself, of that there is no doubt.
        let ends = if best == majority { (0.0, 0.0) } else { (-1.0, 1.0) };
        let gain = (mean_of(&differences), mean_interval(&differences, ends));
        Some(Self { tokens, best: best.clone(), majority: majority.clone(), gain })
    }
}

/// The most accurate split; the cheapest of equally accurate ones.
fn most_accurate<'s>(splits: impl Iterator<Item = &'s Split>) -> Option<&'s Split> {
    splits.min_by(|one, other| {
        other.accuracy.total_cmp(&one.accuracy).then(one.tokens.total_cmp(&other.tokens))
    })
}

#[cfg(test)]
mod tests;
