//! The result of an alignment, for people and for programs.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    marks::Marks,
    parts::{Case, Parts},
};
use crate::{
    item::text_of,
    metrics::{self, Interval},
    report::escaped,
    units::counted,
};

/// A proposed prompt, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Its number, from 1.
    pub number: u32,
    /// The round in which it was proposed, from 1.
    pub round: u32,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: CandidateOutcome,
    /// The prompt file, or the answer that holds none.
    pub prompt: String,
}

/// What became of a candidate.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// It may not take the place of the original.
    Rejected {
        /// Why.
        reason: String,
    },
    /// It judged the validation part.
    Judged {
        /// Its agreement with the labels, 0 to 1.
        agreement: f64,
        /// The number of records without a verdict.
        unreadable: usize,
    },
}

impl Candidate {
    /// Why it was rejected.
    pub(super) fn rejection(&self) -> Option<&str> {
        match &self.outcome {
            CandidateOutcome::Rejected { reason } => Some(reason),
            CandidateOutcome::Judged { .. } => None,
        }
    }

    /// Its agreement with the labels of the validation part.
    pub(super) fn agreement(&self) -> Option<f64> {
        match self.outcome {
            CandidateOutcome::Judged { agreement, .. } => Some(agreement),
            CandidateOutcome::Rejected { .. } => None,
        }
    }
}

/// What the held-out part says about the chosen candidate.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The number of the candidate.
    pub candidate: u32,
    /// How far it agrees with the held-out labels.
    pub after: Marks,
    /// Whether it is better than the original beyond chance.
    pub is_better: bool,
    /// The p-value of McNemar's exact test; `None` for scores, and where records share questions.
    pub p: Option<f64>,
    /// The 95 % interval of the mean difference.
    pub difference: Interval,
}

/// The result of an alignment.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// The numbers of records for training, for validation, and held out.
    pub counts: [usize; 3],
    /// Records whose label cannot be compared with a verdict; they are in no part.
    pub left_out: Vec<Case>,
    /// The agreement of the original on the validation part.
    pub validation: f64,
    /// How far the original agrees with the held-out labels.
    pub before: Marks,
    /// All candidates.
    pub candidates: Vec<Candidate>,
    /// What the held-out part says; `None` if no candidate was better on the validation part.
    pub decision: Option<Decision>,
    /// The prompt file to use: that of the candidate if it is better, otherwise the original.
    pub prompt: String,
}

impl Alignment {
    /// The numbers of records of each part.
    pub(super) fn counts(parts: &Parts) -> [usize; 3] {
        [parts.training.len(), parts.validation.len(), parts.held_out.len()]
    }

    /// Whether a better prompt was found.
    pub fn is_better(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.is_better)
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let [training, validation, held_out] = self.counts;
        let marks = |marks: &Marks| json!({"agreement": marks.agreement(), "interval": marks.interval(), "unreadable": marks.unreadable});
        let after = self.decision.as_ref().map(|decision| {
            let mut after = marks(&decision.after);
            after["candidate"] = json!(decision.candidate);
            after["p"] = json!(decision.p);
            after["difference"] = json!(decision.difference);
            after
        });
        let rejected = self.candidates.iter().filter(|one| one.rejection().is_some()).count();
        json!({
            "records": {"training": training, "validation": validation, "held_out": held_out},
            "left_out": self.left_out.len(),
            "candidates": self.candidates.len(),
            "rejected": rejected,
            "validation": {
                "before": self.validation,
                "best": self.candidates.iter().filter_map(Candidate::agreement).reduce(f64::max),
            },
            "held_out": {"before": marks(&self.before), "after": after},
            "better": self.is_better(),
        })
    }
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [training, validation, held_out] = self.counts;
        write!(
            f,
            "{} for training, {validation} for validation, {held_out} held out",
            counted(training, "record")
        )?;
        if let Some(Case { id, label, .. }) = self.left_out.first() {
            let (count, label) = (self.left_out.len(), escaped(&text_of(label)));
            write!(f, "; {count} left out, for their labels cannot be compared with a verdict")?;
            write!(f, " (`{label}` of `{}`): give them a meaning with --label-map", escaped(id))?;
        }
        let rejected = self.candidates.iter().filter_map(Candidate::rejection);
        let rejected: Vec<&str> = rejected.collect();
        write!(
            f,
            "\n{}, {} of them rejected",
            counted(self.candidates.len(), "candidate"),
            rejected.len()
        )?;
        if let Some(last) = rejected.last() {
            write!(f, " (the last one: {})", escaped(last))?;
        }
        write_marks(f, "before", &self.before)?;
        let Some(decision) = &self.decision else {
            return write!(
                f,
                "\nno candidate agrees more on the validation part: the prompt stays as it is"
            );
        };
        write_marks(f, "after", &decision.after)?;
        let Interval { low, high } = decision.difference;
        write!(f, "\ndifference {low:+.3} to {high:+.3}")?;
        if let Some(p) = decision.p {
            write!(f, ", McNemar's exact {}", metrics::p_value(p))?;
        }
        if decision.is_better {
            return write!(
                f,
                "\ncandidate {} is better on records that it has not seen",
                decision.candidate
            );
        }
        write!(f, "\nthe difference may be chance: the prompt stays as it is")
    }
}

/// The agreement on the held-out part.
fn write_marks(f: &mut fmt::Formatter<'_>, name: &str, marks: &Marks) -> fmt::Result {
    let Interval { low, high } = marks.interval();
    let agreement = marks.agreement();
    write!(f, "\n{name:<6}  agreement {agreement:.3} ({low:.3} to {high:.3}) on held-out records")?;
    if marks.unreadable > 0 {
        write!(f, ", {} without a verdict", marks.unreadable)?;
    }
    Ok(())
}
