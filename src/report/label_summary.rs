//! The figures of a run of `label`.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::{Labels, Summary};
use crate::{
    error::Error,
    item::Item,
    records::{Ending, LabelLine},
    strategy::label::Needed,
    units::counted,
    verdict::{CORRECT, Judgment},
};

/// The figures of a run of `label`: the labels, and what both methods cost.
///
/// Its `Display` output is a few lines for people; [`LabelSummary::to_json`] returns the same figures for programs.
///
/// ```
/// use tribunal::report::{LabelSummary, Labels};
///
/// assert_eq!(LabelSummary::new(false, Labels::default()).completions, 0);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LabelSummary {
    /// The records, their verdicts and their cost.
    pub records: Summary,
    /// Steps that were labelled correct.
    pub correct: usize,
    /// Steps that were labelled incorrect.
    pub incorrect: usize,
    /// Completions that were compared with the reference or could not be.
    pub completions: u64,
    /// Those that could not be compared.
    pub unreadable: u64,
    /// The completions that each method needs for these solutions.
    pub needed: Needed,
    cost: Option<f64>,
    saved_cost: Option<f64>,
}

impl LabelSummary {
    /// An empty summary; `labels` are the records' own, to compare with.
    pub fn new(priced: bool, labels: Labels) -> Self {
        let records = Summary::of_steps(priced, labels);
        Self { records, cost: Some(0.0), saved_cost: Some(0.0), ..Self::default() }
    }

    /// Counts one record by its line. `name` is shown in messages about its own label.
    pub fn count(&mut self, name: &str, item: Option<&Item>, line: &LabelLine, kept: bool) {
        let result = line.result.clone();
        let outcome = Judgment::try_from(if kept { result.paid_earlier() } else { result });
        let outcome: Result<&Judgment, &Error> = outcome.as_ref();
        self.records.count(name, item, outcome);
        if kept {
            self.records.count_kept(outcome);
        }
        if let Ok(judgment) = outcome {
            self.cost = self.cost.zip(judgment.cost).map(|(sum, more)| sum + more);
            let saved = judgment.saved_cost.or(Some(0.0));
            self.saved_cost = self.saved_cost.zip(saved).map(|(sum, more)| sum + more);
        }
        for step in line.result.verdict.steps.iter().flatten() {
            let count = if step.label == CORRECT { &mut self.correct } else { &mut self.incorrect };
            *count += 1;
        }
        for ends in &line.rollouts {
            self.completions += u64::from(ends.correct + ends.incorrect + ends.unreadable);
            self.unreadable += u64::from(ends.unreadable);
        }
        self.needed += line.needed;
    }

    /// Notes how the run ended, and how long it took.
    pub fn ended(&mut self, ending: Ending, time: Duration) {
        (self.records.ending, self.records.time) = (ending, time);
        (self.records.cost, self.records.saved_cost) = (self.cost, self.saved_cost);
    }

    /// The figures as JSON.
    pub fn to_json(&self) -> Value {
        let mut figures = self.records.to_json();
        figures["steps"] = json!({"correct": self.correct, "incorrect": self.incorrect});
        figures["completions"] = json!({"all": self.completions, "unreadable": self.unreadable});
        figures["needed"] = json!(self.needed);
        figures
    }
}

/// A few lines for people: those of a run of `judge`, the steps, and what both methods cost.
impl fmt::Display for LabelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.fmt(f)?;
        let Self { correct, incorrect, completions, unreadable, needed, .. } = self;
        write!(
            f,
            "\n{} labelled: {correct} correct, {incorrect} incorrect",
            counted(correct + incorrect, "step")
        )?;
        write!(f, "\n{} compared with the reference", counted(*completions, "end"))?;
        if *unreadable > 0 {
            write!(f, ", {unreadable} of them could not be read")?;
        }
        let Needed { every_step, first_error, .. } = needed;
        write!(
            f,
            "\ncompletions that these solutions need: {every_step} with every-step, {first_error} with first-error"
        )
    }
}
