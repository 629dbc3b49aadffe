//! The figures of a run of `revise`.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::histogram::bars;
use crate::metrics::ratio;
use crate::{
    error::Error,
    records::{Ending, RevisionLine},
    strategy::revise::{Revision, RevisionOutcome, Spent},
    units::counted,
};

/// The figures of a run of `revise`.
///
/// Its `Display` output is a few lines for people; [`Revisions::to_json`] returns the same figures for
/// programs.
///
/// ```
/// use tribunal::report::Revisions;
///
/// assert_eq!(Revisions::default().pass_rate(), 1.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Revisions {
    /// Records that were tried, in this run or an earlier one.
    pub records: usize,
    /// Records whose result is kept from an earlier run.
    pub kept: usize,
    /// Kept records that failed in the earlier run.
    pub kept_failed: usize,
    /// Kept records whose judge's answer could not be read.
    pub kept_unreadable: usize,
    /// The number of records by how their loop ended. A record whose loop could not begin has failed.
    pub outcomes: BTreeMap<RevisionOutcome, usize>,
    /// The number of records that passed, including the final judgment if there is one.
    pub passed: usize,
    /// The number of records that passed without a revision.
    pub passed_at_once: usize,
    /// The number of records that passed, by the number of revisions before the draft that passed.
    pub passed_after: BTreeMap<usize, usize>,
    /// The number of records that passed the judge of the loop and failed the final judgment.
    pub denied: usize,
    /// The number of records on which the final judgment and the judge of the loop differ, in either
    /// direction.
    pub flips: usize,
    /// The number of accepted drafts with a lower score than the draft before.
    pub regressions: usize,
    /// The number of revisions that were written.
    pub rounds: u64,
    /// The tokens, requests and costs of all loops.
    pub spent: Spent,
    /// Whether all prices are known.
    pub priced: bool,
    /// How the run ended, and how many records were not tried.
    pub ending: Ending,
    /// The duration of the run.
    pub time: Duration,
}

impl Revisions {
    /// Counts one record of this run.
    pub fn count(&mut self, outcome: Result<&Revision, &Error>) {
        let Ok(revision) = outcome else {
            self.took(RevisionOutcome::Failed, false, false);
            return;
        };
        let check = revision.final_verdict.as_ref();
        let denied = revision.outcome == RevisionOutcome::Passed && !revision.passed();
        self.took(revision.outcome, revision.passed(), denied);
        if revision.passed() {
            self.passed_at_once += usize::from(revision.best == 0);
            *self.passed_after.entry(revision.best).or_default() += 1;
        }
        self.flips += usize::from(check.is_some_and(|check| check.flipped));
        self.regressions += revision.regressions();
        self.rounds += revision.rounds.len().saturating_sub(1) as u64;
        self.spent += revision.spent;
    }

    /// Counts a record whose result is kept from an earlier run. Its costs are not counted: they were
    /// paid then.
    pub fn keep(&mut self, line: &RevisionLine) {
        let RevisionLine { outcome, passed, .. } = *line;
        self.kept += 1;
        self.kept_failed += usize::from(outcome == RevisionOutcome::Failed);
        self.kept_unreadable += usize::from(outcome == RevisionOutcome::JudgeUnreadable);
        self.took(outcome, passed, outcome == RevisionOutcome::Passed && !passed);
        if let (true, Some(round)) = (passed, line.best_round) {
            self.passed_at_once += usize::from(round == 0);
            *self.passed_after.entry(round).or_default() += 1;
        }
    }

    /// Counts how one record ended.
    fn took(&mut self, outcome: RevisionOutcome, passed: bool, denied: bool) {
        self.records += 1;
        *self.outcomes.entry(outcome).or_default() += 1;
        self.passed += usize::from(passed);
        self.denied += usize::from(denied);
    }

    /// How many records passed after how many revisions, as lines with bars in so many columns; none for a few.
    pub fn bars(&self, columns: usize) -> Vec<String> {
        let name = |revisions: usize| counted(revisions, "revision");
        let most = self.passed_after.keys().max().map_or(0, |most| most + 1);
        let count = |at: usize| self.passed_after.get(&at).copied().unwrap_or(0);
        let mut counts: Vec<(String, usize)> = (0..most).map(|at| (name(at), count(at))).collect();
        counts.push(("not passed".to_owned(), self.records.saturating_sub(self.passed)));
        bars(&counts, columns)
    }

    /// The number of records that ended in this way.
    pub fn ended(&self, outcome: RevisionOutcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// The number of records that were never tried; 0 if that is not known.
    pub fn not_tried(&self) -> usize {
        self.ending.not_tried().unwrap_or(0)
    }

    /// The share of all records that passed, 0 to 1, including records that were never tried; 1 without
    /// records.
    pub fn pass_rate(&self) -> f64 {
        let all = self.records + self.not_tried();
        if all == 0 { 1.0 } else { ratio(self.passed, all) }
    }

    /// The share of the records that were tried which ended in this way, 0 to 1.
    pub fn share(&self, outcome: RevisionOutcome) -> f64 {
        ratio(self.ended(outcome), self.records)
    }

    /// The figures as JSON. Costs are null if a price is not known.
    pub fn to_json(&self) -> Value {
        let Spent { calls, cached, requests, usage, saved, cost, saved_cost } = &self.spent;
        let money = |amount: &f64| if self.priced { json!(amount) } else { Value::Null };
        let outcomes = self.outcomes.iter().map(|(outcome, count)| (outcome.name(), json!(count)));
        json!({
            "records": self.records,
            "end": self.ending.end.name(),
            "not_tried": self.ending.not_tried_json(),
            "kept": self.kept,
            "kept_failed": self.kept_failed,
            "kept_unreadable": self.kept_unreadable,
            "outcomes": outcomes.map(|(name, count)| (name.to_owned(), count)).collect::<serde_json::Map<_, _>>(),
            "passed": self.passed,
            "pass_rate": self.pass_rate(),
            "passed_at_once": self.passed_at_once,
            "denied": self.denied,
            "flips": self.flips,
            "regressions": self.regressions,
            "rounds": self.rounds,
            "calls": calls,
            "cached": cached,
            "requests": requests,
            "usage": usage,
            "saved": saved,
            "cost": money(cost),
            "saved_cost": money(saved_cost),
            "seconds": self.time.as_secs_f64(),
        })
    }
}

/// A few lines for people, without a line break at the end.
impl fmt::Display for Revisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, passed, passed_at_once, denied, .. } = self;
        write!(f, "{passed} of {} records passed", self.records + self.not_tried())?;
        if *passed_at_once > 0 {
            write!(f, ", {passed_at_once} of them as they came")?;
        }
        if *kept > 0 {
            write!(f, "; {kept} were revised by an earlier run")?;
        }
        write!(f, "{}", self.ending)?;
        let ended: Vec<String> =
            self.outcomes.iter().map(|(outcome, n)| format!("{} {n}", outcome.name())).collect();
        writeln!(f, "\n{}", ended.join(", "))?;
        if *denied > 0 {
            writeln!(f, "{denied} passed their own judge and not the final judgment")?;
        }
        if self.flips > *denied {
            writeln!(f, "{} flipped in the final judgment", counted(self.flips, "verdict"))?;
        }
        if self.regressions > 0 {
            let (drafts, were) = match self.regressions {
                1 => ("accepted draft", "was"),
                _ => ("accepted draft", "were"),
            };
            let drafts = counted(self.regressions, drafts);
            writeln!(f, "{drafts} {were} worse than the one before")?;
        }
        let Spent { calls, cached, usage, saved, cost, saved_cost, .. } = &self.spent;
        write!(
            f,
            "{}, {} ({cached} cached), {}, {} written, {:.1} s",
            counted(self.rounds, "revision"),
            counted(*calls, "call"),
            counted(usage.prompt, "prompt token"),
            usage.completion,
            self.time.as_secs_f64()
        )?;
        if *cached > 0 {
            let Self { priced, .. } = self;
            write!(f, "; {} prompt and {} written tokens saved", saved.prompt, saved.completion)?;
            if *priced {
                write!(f, " ({saved_cost:.4})")?;
            }
        }
        if self.priced {
            write!(f, ", cost {cost:.4}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_count_records_by_the_revisions_that_they_needed() {
        let line = |best: usize, passed: bool| {
            let line = json!({"id": "a", "outcome": if passed { "passed" } else { "stalled" },
                "passed": passed, "best_round": best});
            serde_json::from_value::<RevisionLine>(line).unwrap()
        };
        let mut summary = Revisions::default();
        [(0, true), (2, true), (2, true), (1, false)]
            .into_iter()
            .for_each(|(best, passed)| summary.keep(&line(best, passed)));
        let bars = summary.bars(60);
        let counts: Vec<&str> = bars.iter().filter_map(|bar| bar.split(' ').next_back()).collect();
        assert_eq!(counts, ["1", "0", "2", "1"], "{bars:?}");
        assert!(bars[2].contains("2 revisions") && bars[3].contains("not passed"));
        assert!(Revisions::default().bars(60).is_empty());
    }
}
