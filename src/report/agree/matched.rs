//! Verdicts beside their labels: as classes, or as numbers.

use serde_json::Value;

use super::{
    people::{Consensus, Shared},
    reader::{Outcome, Reader},
    row::Row,
    sample::AgreementSample,
};
use crate::item::text_of;

/// A record whose verdict was compared with its label.
#[derive(Clone, Debug)]
pub(super) struct Matched<'r> {
    pub(super) row: &'r Row,
    /// The label, or the consensus of several people.
    pub(super) label: Value,
    pub(super) outcome: Outcome,
}

/// A labelled record without a verdict.
#[derive(Clone, Debug)]
pub(super) struct Lost<'r> {
    pub(super) row: &'r Row,
    /// The label as a number, if verdicts are scores.
    pub(super) number: Option<f64>,
}

/// All records by what came of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Matches<'r> {
    pub(super) all: Vec<Matched<'r>>,
    /// The names of the classes.
    pub(super) classes: Vec<String>,
    pub(super) without_label: usize,
    /// Labelled records without a verdict: unreadable, or failed.
    pub(super) lost: Vec<Lost<'r>>,
    /// Records on which several people gave two labels equally often.
    pub(super) tied: usize,
    /// Labels that have no meaning as a verdict, and the first of them with its record.
    pub(super) not_comparable: usize,
    pub(super) first: Option<(String, String)>,
    /// Records that several people labelled.
    pub(super) shared: Vec<Shared<'r>>,
}

impl<'r> Matches<'r> {
    pub(super) fn of(sample: &'r AgreementSample) -> Self {
        let Some(kind) = sample.kind() else { return Self::without_verdicts(sample) };
        let reader = Reader::of(sample, kind);
        let classes = reader.classes();
        let mut found = Self { classes, ..Self::default() };
        let mut bare = Vec::new();
        let mut has_zero = false;
        for (place, row) in sample.rows.iter().enumerate() {
            let shared = Shared::of(&reader, row, place);
            let label = match (shared, row.labels.as_slice()) {
                (Some(shared), _) => {
                    let consensus = shared.consensus();
                    found.shared.push(shared);
                    match consensus {
                        Consensus::Label(label) => label,
                        Consensus::Tie => {
                            found.tied += 1;
                            continue;
                        }
                        Consensus::Nothing => {
                            found.leave_out(row, &row.labels[0].label);
                            continue;
                        }
                    }
                }
                (None, [given, ..]) => given.label.clone(),
                (None, []) => {
                    found.without_label += 1;
                    continue;
                }
            };
            let Some(verdict) = &row.verdict else {
                let number = reader.numbers(&label, row).and_then(|numbers| match &*numbers {
                    [(name, number)] if name.is_empty() => Some(*number),
                    _ => None,
                });
                found.lost.push(Lost { row, number });
                continue;
            };
            match reader.matched(&label, row, verdict) {
                Ok((outcome, is_bare)) => {
                    if is_bare {
                        bare.push(found.all.len());
                    }
                    found.all.push(Matched { row, label, outcome });
                }
                Err(is_zero) => {
                    has_zero |= is_zero;
                    found.leave_out(row, &label);
                }
            }
        }
        if has_zero {
            // Labels may count from 0 or from 1: no bare number is used.
            let others = std::mem::take(&mut found.all).into_iter().enumerate();
            let (unclear, kept): (Vec<_>, Vec<_>) = others.partition(|(n, _)| bare.contains(n));
            found.not_comparable += unclear.len();
            found.all = kept.into_iter().map(|(_, one)| one).collect();
        }
        found
    }

    /// The counts of a sample in which nothing could be read.
    fn without_verdicts(sample: &'r AgreementSample) -> Self {
        let mut found = Self::default();
        for row in &sample.rows {
            match row.labels.as_slice() {
                [] => found.without_label += 1,
                _ => found.lost.push(Lost { row, number: None }),
            }
        }
        found
    }

    /// Labelled records whose request failed.
    pub(super) fn failed(&self) -> usize {
        self.lost.iter().filter(|one| one.row.failed).count()
    }

    fn leave_out(&mut self, row: &Row, label: &Value) {
        self.not_comparable += 1;
        self.first.get_or_insert_with(|| (text_of(label), row.id.clone()));
    }
}
