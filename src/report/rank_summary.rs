//! The figures of a run of `rank`.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::{histogram::bars, significance::mean_difference};
use crate::{
    completion::UsageTotal,
    error::Error,
    metrics::{NOISE, ratio, real, wilson},
    records::{CandidateLine, Ending, RankLine},
    strategy::best_of::ChosenBy,
    units::counted,
};

/// The figures of a run of `rank`: how often the chosen answer is right, beside a random candidate, the most frequent
/// answer and the best candidate.
///
/// Its `Display` output is a few lines for people; [`RankSummary::to_json`] returns the same figures for programs.
///
/// ```
/// use tribunal::report::RankSummary;
///
/// assert_eq!(RankSummary::new("best", true).accuracy(), None);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RankSummary {
    /// The rule.
    pub rule: String,
    /// Records that were tried, in this run or an earlier one.
    pub records: usize,
    /// Records whose result is kept from an earlier run.
    pub kept: usize,
    /// Kept records that failed in the earlier run.
    pub kept_failed: usize,
    /// Records that failed.
    pub failed: usize,
    /// The number of ranked records by how a candidate was chosen.
    pub chosen_by: BTreeMap<&'static str, usize>,
    /// Candidates of all ranked records.
    pub candidates: usize,
    /// Candidates that the policy could not write.
    pub unwritten: usize,
    /// Candidates without a value.
    pub unmeasured: usize,
    /// Judgments of candidates, pairs or lists.
    pub judgments: usize,
    /// Those that could not be read.
    pub unreadable: usize,
    /// Those without an answer.
    pub unanswered: usize,
    /// Comparisons in two orders that could both be read, and those of them whose orders agree.
    pub orders: (usize, usize),
    /// How often the answer at each place of a record was chosen, of records that hold their answers.
    pub places: BTreeMap<usize, usize>,
    /// What is known about the chosen answers and their rivals, for records where it is known.
    pub outcomes: Vec<RankOutcome>,
    /// Tokens that were paid for.
    pub usage: UsageTotal,
    /// Tokens of cached answers.
    pub saved: UsageTotal,
    /// Answers of models.
    pub calls: u64,
    /// The number of those from the cache.
    pub cached: u64,
    /// Requests that were sent, retries included.
    pub requests: u64,
    /// The cost; `None` unless all prices are known.
    pub cost: Option<f64>,
    /// How the run ended, and how many records were not tried.
    pub ending: Ending,
    /// The duration of the run.
    pub time: Duration,
}

/// What is known about one record: 1 for right, 0 for wrong, or the score of its source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RankOutcome {
    /// The record's place in the input, from 0.
    pub index: usize,
    /// The chosen answer.
    pub chosen: f64,
    /// The mean over all candidates: pass@1.
    pub mean: f64,
    /// The first candidate of the most frequent answer; the first candidate if none has a final answer.
    pub majority: f64,
    /// The best candidate: pass@N.
    pub best: f64,
    /// Whether the chosen answer could be compared; otherwise it counts as wrong.
    pub is_compared: bool,
}

impl RankOutcome {
    /// Whether the chosen answer is right.
    fn is_right(&self) -> bool {
        (self.chosen - 1.0).abs() < NOISE
    }
}

impl RankSummary {
    /// An empty summary of rankings by this rule.
    pub fn new(rule: impl Into<String>, priced: bool) -> Self {
        Self { rule: rule.into(), cost: priced.then_some(0.0), ..Self::default() }
    }

    /// Counts one record by its line.
    pub fn count(&mut self, line: &RankLine, kept: bool) {
        self.records += 1;
        self.kept += usize::from(kept);
        if line.error.is_some() {
            self.failed += 1;
            self.kept_failed += usize::from(kept);
            return;
        }
        let by = match line.chosen_by.unwrap_or_default() {
            ChosenBy::Rule => "rule",
            ChosenBy::Default => "default",
            ChosenBy::Rejected => "rejected",
        };
        *self.chosen_by.entry(by).or_default() += 1;
        let is_given = line.candidates.iter().all(|one| one.written.is_none());
        if let (true, Some(place)) = (is_given, line.chosen) {
            *self.places.entry(place).or_default() += 1;
        }
        self.count_candidates(line);
        self.count_comparisons(line);
        self.outcomes.extend(outcome(line));
        // An earlier run paid for what it left.
        self.count_cost(line, kept);
    }

    fn count_candidates(&mut self, line: &RankLine) {
        self.candidates += line.candidates.len();
        for one in &line.candidates {
            self.unwritten += usize::from(one.unwritten.is_some());
            self.unmeasured += usize::from(one.value.is_none());
            self.judgments += usize::from(one.judged.is_some() || one.error.is_some());
            self.unreadable += usize::from(one.judgment.unreadable.is_some());
            self.unanswered += usize::from(one.error.is_some());
        }
        for ranking in line.listwise.iter().chain(line.windows.iter().map(|one| &one.judgment)) {
            self.judgments += 1;
            self.unreadable += usize::from(ranking.unreadable.is_some());
        }
    }

    fn count_comparisons(&mut self, line: &RankLine) {
        for one in &line.comparisons {
            self.judgments += 1;
            self.unreadable += usize::from(one.unreadable.is_some());
            self.unanswered += usize::from(one.error.is_some());
            self.orders.0 += usize::from(one.consistent.is_some());
            self.orders.1 += usize::from(one.consistent == Some(true));
        }
    }

    fn count_cost(&mut self, line: &RankLine, kept: bool) {
        let spent = &line.spent;
        let (usage, saved) = (spent.usage.unwrap_or_default(), spent.saved.unwrap_or_default());
        if kept {
            return;
        }
        self.usage += usage;
        self.saved += saved;
        self.calls += u64::from(spent.calls.unwrap_or(0));
        self.cached += u64::from(spent.cached.unwrap_or(0));
        self.requests += u64::from(spent.requests.unwrap_or(0));
        self.cost = self.cost.zip(spent.cost).map(|(sum, more)| sum + more);
    }

    /// Counts the requests of a record that failed.
    pub fn count_failure(&mut self, error: &Error) {
        self.requests += u64::from(error.attempts());
    }

    /// Notes how the run ended, and how long it took. From here on the figures do not depend on the order in which
    /// records ended.
    pub fn ended(&mut self, ending: Ending, time: Duration) {
        (self.ending, self.time) = (ending, time);
        self.outcomes.sort_by_key(|one| one.index);
    }

    /// How often the answer at each place was chosen, as lines with bars in so many columns; none for a few, or for more
    /// places than a look can compare.
    pub fn bars(&self, columns: usize) -> Vec<String> {
        const MOST: usize = 16;
        let most = self.places.keys().max().map_or(0, |most| most + 1);
        let count = |at: usize| self.places.get(&at).copied().unwrap_or(0);
        let counts: Vec<(String, usize)> =
            (0..most).map(|at| (format!("answer {at}"), count(at))).collect();
        if most > MOST { Vec::new() } else { bars(&counts, columns) }
    }

    /// The number of chosen answers that are right.
    fn right(&self) -> usize {
        self.outcomes.iter().filter(|one| one.is_right()).count()
    }

    /// The mean of a figure over the records where the truth is known.
    fn mean(&self, of: impl Fn(&RankOutcome) -> f64) -> Option<f64> {
        let sum: f64 = self.outcomes.iter().map(of).sum();
        (!self.outcomes.is_empty()).then(|| sum / real(self.outcomes.len()))
    }

    /// The share of chosen answers that are right, 0 to 1, or their mean score; `None` if nothing is known.
    pub fn accuracy(&self) -> Option<f64> {
        self.mean(|one| one.chosen)
    }

    /// The 95 % interval of [`accuracy`](Self::accuracy) (Wilson 1927); `None` if nothing is known, and for scores
    /// between right and wrong.
    pub fn accuracy_interval(&self) -> Option<(f64, f64)> {
        let is_whole = self.outcomes.iter().all(|one| one.chosen.abs() < NOISE || one.is_right());
        let interval = || wilson(self.right(), self.outcomes.len()).into();
        (is_whole && !self.outcomes.is_empty()).then(interval)
    }

    /// By how much the chosen answer is better than a random candidate, with a 95 % interval (paired percentile
    /// bootstrap over records); `None` for fewer than two records whose truth is known.
    pub fn gain(&self) -> Option<(f64, (f64, f64))> {
        self.gain_over(|one| one.mean)
    }

    /// The same over the most frequent answer, which needs no judge.
    pub fn gain_over_majority(&self) -> Option<(f64, (f64, f64))> {
        self.gain_over(|one| one.majority)
    }

    fn gain_over(&self, rival: impl Fn(&RankOutcome) -> f64) -> Option<(f64, (f64, f64))> {
        let gains: Vec<f64> = self.outcomes.iter().map(|one| one.chosen - rival(one)).collect();
        (gains.len() >= 2).then(|| mean_difference(&gains, None))
    }

    /// The figures as JSON.
    pub fn to_json(&self) -> Value {
        let gain = |gain: Option<(f64, (f64, f64))>| {
            gain.map(|(mean, interval)| json!({"mean": mean, "interval": interval}))
        };
        json!({
            "rule": self.rule,
            "records": self.records,
            "kept": self.kept,
            "failed": self.failed,
            "chosen_by": self.chosen_by,
            "candidates": {
                "all": self.candidates, "unwritten": self.unwritten, "unmeasured": self.unmeasured,
            },
            "judgments": {
                "all": self.judgments, "unreadable": self.unreadable, "unanswered": self.unanswered,
            },
            "orders": {"both": self.orders.0, "consistent": self.orders.1},
            "with_truth": self.outcomes.len(),
            "not_compared": self.outcomes.iter().filter(|one| !one.is_compared).count(),
            "accuracy": self.accuracy(),
            "accuracy_interval": self.accuracy_interval(),
            "pass_at_1": self.mean(|one| one.mean),
            "majority": self.mean(|one| one.majority),
            "oracle": self.mean(|one| one.best),
            "gain": gain(self.gain()),
            "gain_over_majority": gain(self.gain_over_majority()),
            "calls": self.calls,
            "cached": self.cached,
            "requests": self.requests,
            "usage": self.usage,
            "saved": self.saved,
            "cost": self.cost,
            "seconds": self.time.as_secs_f64(),
            "end": self.ending.end.name(),
            "not_tried": self.ending.not_tried(),
        })
    }
}

/// What is known about the chosen answer and its rivals; `None` if nothing was chosen, or nothing is known about any
/// candidate. A candidate that could not be compared, or was not written, is not right.
fn outcome(line: &RankLine) -> Option<RankOutcome> {
    let known = |at: usize| line.candidates.get(at).and_then(CandidateLine::truth);
    let all: Vec<f64> = line.candidates.iter().filter_map(CandidateLine::truth).collect();
    // Of equally large groups the first, as the strategy counts votes.
    let largest = line.groups.iter().rev().max_by_key(|group| group.members.len());
    let majority = largest.and_then(|group| group.members.first().copied()).unwrap_or(0);
    Some(RankOutcome {
        index: line.index,
        best: all.iter().copied().reduce(f64::max)?,
        mean: all.iter().sum::<f64>() / real(line.candidates.len()),
        majority: known(majority).unwrap_or(0.0),
        chosen: known(line.chosen?).unwrap_or(0.0),
        is_compared: known(line.chosen?).is_some(),
    })
}

/// A share in percent.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A few lines for people.
impl fmt::Display for RankSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranked = self.records - self.failed;
        let all = self.records + self.ending.not_tried().unwrap_or(0);
        write!(f, "{ranked} of {all} records ranked")?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.kept > 0 {
            write!(f, "; {} of them by an earlier run", self.kept)?;
        }
        write!(f, "{}", self.ending)?;
        self.write_chosen(f)?;
        self.write_truth(f)?;
        if self.judgments > 0 {
            write!(f, "\n{}", counted(self.judgments, "judgment"))?;
            self.write_unread(f)?;
        }
        if self.orders.0 > 0 {
            let (both, same) = self.orders;
            let share = percent(ratio(same, both));
            write!(f, "\nconsistent in both orders: {same} of {both} ({share})")?;
        }
        self.write_cost(f)
    }
}

impl RankSummary {
    /// Writes how the answers were chosen, if not all by the rule.
    fn write_chosen(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nchosen by `{}` from {}", self.rule, counted(self.candidates, "candidate"))?;
        if self.unwritten > 0 {
            write!(f, ", {} of them not written", self.unwritten)?;
        }
        let of = |by: &str| self.chosen_by.get(by).copied().unwrap_or(0);
        if of("default") > 0 {
            let records = counted(of("default"), "record");
            write!(f, "; the first one in {records}, where the rule had no value")?;
        }
        if of("rejected") > 0 {
            let records = counted(of("rejected"), "record");
            write!(f, "; none in {records}, where no value reaches the threshold")?;
        }
        Ok(())
    }

    /// Writes how often the chosen answer is right, and whether that is more than chance.
    fn write_truth(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(accuracy) = self.accuracy() else { return Ok(()) };
        let count = self.outcomes.len();
        match self.accuracy_interval() {
            Some((low, high)) => {
                let right = self.right();
                let [share, low, high] = [accuracy, low, high].map(percent);
                write!(
                    f,
                    "\nright: {right} of {count} chosen answers ({share}, 95 % interval {low} to {high})"
                )?;
            }
            None => write!(f, "\nmean score of {count} chosen answers: {accuracy:.3}")?,
        }
        let unclear = self.outcomes.iter().filter(|one| !one.is_compared).count();
        if unclear > 0 {
            write!(f, "; {unclear} of them could not be compared")?;
        }
        let figures = [
            ("pass@1", self.mean(|one| one.mean)),
            ("majority", self.mean(|one| one.majority)),
            ("oracle", self.mean(|one| one.best)),
        ];
        let figures =
            figures.map(|(name, share)| format!("{name} {}", percent(share.unwrap_or(0.0))));
        write!(f, "\nfor comparison: {}", figures.join(", "))?;
        let Some((gain, (low, high))) = self.gain() else { return Ok(()) };
        let is_better = if low > 0.0 {
            "better than a random candidate"
        } else if high < 0.0 {
            "worse than a random candidate"
        } else {
            "not significantly different from a random candidate"
        };
        let [gain, low, high] = [gain, low, high].map(|share| format!("{:+.1}", 100.0 * share));
        write!(f, "\n{is_better}: {gain} points (95 % interval {low} to {high})")
    }

    /// Writes how many judgments have no verdict.
    fn write_unread(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = percent(ratio(self.unreadable, self.judgments));
        if self.unreadable > 0 {
            write!(f, ", {} unreadable ({share})", self.unreadable)?;
        }
        if self.unanswered > 0 {
            write!(f, ", {} without an answer", self.unanswered)?;
        }
        Ok(())
    }

    /// Writes calls, tokens, time and cost.
    fn write_cost(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UsageTotal { prompt, cached, completion, .. } = self.usage;
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "\n{}, {} ({cached} cached), {completion} written, {seconds:.1} s",
            counted(self.requests, "request"),
            counted(prompt, "prompt token")
        )?;
        if let Some(cost) = self.cost.filter(|cost| *cost > 0.0) {
            write!(f, ", cost {cost:.4}")?;
        }
        if self.cached > 0 {
            let UsageTotal { prompt, completion, .. } = self.saved;
            write!(
                f,
                "\n{} came from the cache: {prompt} prompt and {completion} written tokens saved",
                counted(self.cached, "answer")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_records_end_changes_no_figure() {
        let outcomes = (0..40).map(|index| RankOutcome {
            index,
            chosen: f64::from(u8::from(index % 3 == 0)),
            mean: real(index % 7) / 7.0,
            ..RankOutcome::default()
        });
        let summary = |outcomes: Vec<RankOutcome>| {
            let mut summary = RankSummary { outcomes, ..RankSummary::new("best", false) };
            summary.ended(Ending::default(), Duration::ZERO);
            summary
        };
        let (orderly, late) =
            (summary(outcomes.clone().collect()), summary(outcomes.rev().collect()));
        assert_eq!(orderly.to_json(), late.to_json());
    }
}
