//! Figures of benchmarks for judges of steps: ProcessBench, PRMBench, MR-GSM8K.
//!
//! Each is counted record by record, and is `None` where it is not defined: a judge that names an error everywhere has
//! no precision on right steps if there are none. What a judge did not say is counted as the benchmark counts it, and
//! each method says how.

use super::{real, share};

/// Yes-or-no verdicts beside the truth: for each step whether it is right, or for each solution.
///
/// ```
/// use tribunal::metrics::Confusion;
///
/// let mut steps = Confusion::default();
/// for (truth, judged) in [(true, true), (true, true), (true, false), (false, false)] {
///     steps.add(truth, judged);
/// }
/// assert_eq!((steps.f1(), steps.negative_f1()), (Some(0.8), Some(2.0 / 3.0)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Right, and judged so.
    pub true_positives: usize,
    /// Wrong, and judged right.
    pub false_positives: usize,
    /// Wrong, and judged so.
    pub true_negatives: usize,
    /// Right, and judged wrong.
    pub false_negatives: usize,
}

impl Confusion {
    /// Counts one step or solution: whether it is right, and whether it was judged so.
    pub fn add(&mut self, truth: bool, judged: bool) {
        let count = match (truth, judged) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (false, false) => &mut self.true_negatives,
            (true, false) => &mut self.false_negatives,
        };
        *count += 1;
    }

    /// The number of steps or solutions.
    pub fn count(&self) -> usize {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    /// The share that was judged as it is, 0 to 1; `None` if nothing was counted.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.true_positives + self.true_negatives, self.count())
    }

    /// The harmonic mean of precision and recall for what is right; `None` if nothing is right and nothing was judged
    /// so.
    pub fn f1(&self) -> Option<f64> {
        let errors = self.false_positives + self.false_negatives;
        share(2 * self.true_positives, 2 * self.true_positives + errors)
    }

    /// The same for what is wrong.
    pub fn negative_f1(&self) -> Option<f64> {
        let errors = self.false_positives + self.false_negatives;
        share(2 * self.true_negatives, 2 * self.true_negatives + errors)
    }

    /// The mean of both F1 (macro-F1: Xia et al. 2024, `ReasonEval`); `None` if one of them is not defined.
    pub fn macro_f1(&self) -> Option<f64> {
        Some(f64::midpoint(self.f1()?, self.negative_f1()?))
    }

    /// `PRMScore` (Song et al. 2025, `PRMBench`): the mean of both F1 over the steps of all items with an error. Where no
    /// step is wrong (its class `multi_solutions`), the F1 of right steps alone.
    pub fn prm_score(&self) -> Option<f64> {
        let has_errors = self.false_positives + self.true_negatives > 0;
        if has_errors { self.macro_f1() } else { self.f1() }
    }

    /// Matthews' correlation coefficient (Matthews 1975), −1 to 1: 0 is chance. `None` if everything is right, wrong, or
    /// judged to be one of the two.
    pub fn mcc(&self) -> Option<f64> {
        let [tp, fp, tn, fneg] =
            [self.true_positives, self.false_positives, self.true_negatives, self.false_negatives]
                .map(real);
        let spread = ((tp + fp) * (tp + fneg) * (tn + fp) * (tn + fneg)).sqrt();
        (spread > 0.0).then(|| (tp * tn - fp * fneg) / spread)
    }
}

/// First errors beside those that people found (Zheng et al. 2024, `ProcessBench`).
///
/// ```
/// use tribunal::metrics::FirstErrors;
///
/// let mut found = FirstErrors::default();
/// found.add(Some(2), Some(Some(2)));
/// found.add(Some(1), Some(None));
/// found.add(None, Some(None));
/// // One of two errors, and the only right solution: 2 · 0.5 · 1 / 1.5.
/// assert_eq!(found.f1(), Some(2.0 / 3.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstErrors {
    /// Solutions with an error, and how many of these errors were found.
    wrong: (usize, usize),
    /// Solutions without an error, and how many were judged so.
    right: (usize, usize),
}

impl FirstErrors {
    /// Counts one solution: the index of its first error, and what the judge named. `None` inside is no error. A judge
    /// that gave no readable verdict (`found` is `None`) missed it.
    pub fn add(&mut self, truth: Option<usize>, found: Option<Option<usize>>) {
        let (all, hits) = if truth.is_some() { &mut self.wrong } else { &mut self.right };
        *all += 1;
        *hits += usize::from(found == Some(truth));
    }

    /// The number of solutions with an error, and how many of these errors were found.
    pub fn of_wrong(&self) -> (usize, usize) {
        self.wrong
    }

    /// The number of solutions without an error, and how many were judged so.
    pub fn of_right(&self) -> (usize, usize) {
        self.right
    }

    /// The harmonic mean of both shares, 0 to 1; `None` if all solutions are right, or all wrong.
    pub fn f1(&self) -> Option<f64> {
        let [errors, none] = [self.wrong, self.right].map(|(all, hits)| share(hits, all));
        let (errors, none) = (errors?, none?);
        let sum = errors + none;
        Some(if sum > 0.0 { 2.0 * errors * none / sum } else { 0.0 })
    }
}

/// What a judge said about one solution of MR-GSM8K.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether it judged the solution right; `None` if that could not be read.
    pub is_right: Option<bool>,
    /// The index of the first error that it named.
    pub first_error: Option<usize>,
    /// Whether its reason for this error is the true one, as a grader or a person decided.
    pub has_reason: bool,
}

/// MR-Score (Zeng et al. 2024, MR-GSM8K): how well a judge finds out whether a solution is right, where it goes wrong,
/// and why.
///
/// ```
/// use tribunal::metrics::{Diagnosis, MrScore};
///
/// let mut score = MrScore::default();
/// score.add(None, Diagnosis { is_right: Some(true), ..Diagnosis::default() });
/// let found = Diagnosis { is_right: Some(false), first_error: Some(1), has_reason: false };
/// score.add(Some(1), found);
/// // MCC 1, every step, no reason.
/// assert_eq!(score.score(), Some(0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MrScore {
    /// Whether solutions are right, beside the judgement.
    correctness: Confusion,
    /// Wrong solutions whose first error was found.
    steps: usize,
    /// Those of them whose reason was found too.
    reasons: usize,
}

impl MrScore {
    /// Counts one solution: the index of its first error, `None` for none, and what the judge said. A judgement that
    /// could not be read counts as the opposite of the truth; a step counts only where the solution was judged wrong,
    /// and a reason only where the step was found.
    pub fn add(&mut self, truth: Option<usize>, said: Diagnosis) {
        let is_right = truth.is_none();
        self.correctness.add(is_right, said.is_right.unwrap_or(!is_right));
        let found = !is_right && said.is_right == Some(false) && said.first_error == truth;
        self.steps += usize::from(found);
        self.reasons += usize::from(found && said.has_reason);
    }

    /// Whether solutions are right, beside the judgement.
    pub fn correctness(&self) -> &Confusion {
        &self.correctness
    }

    /// The share of wrong solutions whose first error was found; `None` if none is wrong.
    pub fn step_accuracy(&self) -> Option<f64> {
        share(self.steps, self.wrong())
    }

    /// The share of wrong solutions whose first error was found with its reason; `None` if none is wrong.
    pub fn reason_accuracy(&self) -> Option<f64> {
        share(self.reasons, self.wrong())
    }

    /// The score, 0 to 1: [`weighted`](Self::weighted) of its parts. A correlation that is not defined counts as 0;
    /// `None` if no solution is wrong.
    pub fn score(&self) -> Option<f64> {
        let mcc = self.correctness.mcc().unwrap_or(0.0);
        Some(Self::weighted(mcc, self.step_accuracy()?, self.reason_accuracy()?))
    }

    /// 0.2 · max(0, MCC) + 0.3 · accuracy of steps + 0.5 · accuracy of reasons.
    ///
    /// ```
    /// use tribunal::metrics::MrScore;
    ///
    /// // The row of GPT-4-Turbo without examples, in percent; published from unrounded parts as 50.5.
    /// assert!((MrScore::weighted(63.3, 48.8, 46.3) - 50.45).abs() < 1e-9);
    /// ```
    pub fn weighted(mcc: f64, steps: f64, reasons: f64) -> f64 {
        0.2 * mcc.max(0.0) + 0.3 * steps + 0.5 * reasons
    }

    /// The number of wrong solutions.
    fn wrong(&self) -> usize {
        self.correctness.true_negatives + self.correctness.false_positives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(share: Option<f64>) -> String {
        share.map_or_else(|| "none".into(), |share| format!("{:.2}", 100.0 * share))
    }

    /// The counts of R-PRM on two classes of `PRMBench`, and on the class in which no step is wrong.
    #[test]
    fn prm_scores_are_those_of_published_counts() {
        let of = |[tp, fp, tn, fneg]: [usize; 4]| Confusion {
            true_positives: tp,
            false_positives: fp,
            true_negatives: tn,
            false_negatives: fneg,
        };
        for (counts, f1, negative, score) in [
            ([3001, 714, 624, 633], "81.67", "48.09", "64.88"),
            ([4341, 108, 640, 1632], "83.30", "42.38", "62.84"),
            ([1488, 0, 0, 42], "98.61", "0.00", "98.61"),
        ] {
            let counts = of(counts);
            let found = [counts.f1(), counts.negative_f1(), counts.prm_score()].map(percent);
            assert_eq!(found, [f1, negative, score]);
        }
    }

    #[test]
    fn a_correlation_needs_both_classes_on_both_sides() {
        let counts = |tp, fp, tn, fneg| Confusion {
            true_positives: tp,
            false_positives: fp,
            true_negatives: tn,
            false_negatives: fneg,
        };
        assert_eq!(percent(counts(90, 10, 40, 60).mcc()), "34.64");
        assert_eq!(counts(5, 0, 5, 0).mcc(), Some(1.0));
        assert_eq!(counts(5, 5, 0, 0).mcc(), None);
        assert_eq!(Confusion::default().accuracy(), None);
    }

    #[test]
    fn an_unreadable_verdict_misses_the_error_and_the_right_solution() {
        let mut found = FirstErrors::default();
        found.add(Some(0), None);
        found.add(None, None);
        assert_eq!((found.of_wrong(), found.of_right(), found.f1()), ((1, 0), (1, 0), Some(0.0)));
        let mut only = FirstErrors::default();
        only.add(Some(0), Some(Some(0)));
        assert_eq!(only.f1(), None, "without right solutions there is no harmonic mean");
    }

    /// Rows of the published table: MCC, steps, reasons and the score, in percent.
    #[test]
    fn mr_scores_are_those_of_the_published_table() {
        for (mcc, steps, reasons, score) in [
            (20.4, 32.9, 18.0, 22.9),
            (42.0, 19.1, 13.5, 20.9),
            (51.3, 38.9, 32.7, 38.3),
            (22.5, 17.2, 11.3, 15.3),
            (67.2, 51.7, 48.1, 53.0),
        ] {
            let found = MrScore::weighted(mcc, steps, reasons);
            assert!((found - score).abs() < 0.1, "{found}, not {score}");
        }
        assert!((MrScore::weighted(-0.5, 0.0, 0.0)).abs() < f64::EPSILON);
    }

    #[test]
    fn a_step_counts_only_where_the_solution_was_judged_wrong_and_a_reason_only_with_its_step() {
        let mut score = MrScore::default();
        let said =
            |is_right, first_error, has_reason| Diagnosis { is_right, first_error, has_reason };
        score.add(Some(1), said(Some(true), Some(1), true));
        score.add(Some(1), said(Some(false), Some(2), true));
        score.add(Some(1), said(Some(false), Some(1), false));
        score.add(Some(1), said(None, Some(1), true));
        assert_eq!(score.step_accuracy(), Some(0.25));
        assert_eq!(score.reason_accuracy(), Some(0.0));
        assert_eq!(score.correctness().false_positives, 2, "what was not said is wrong");
    }
}
