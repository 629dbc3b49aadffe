//! Verdicts beside their labels: as classes, or as numbers.

use serde_json::Value;

use super::{row::Row, sample::AgreementSample};
use crate::{
    item::{Item, text_of},
    report::labels::{Compared, Labels, side_of},
    verdict::{CORRECT, INCORRECT, Judgment, Label, Preference, Steps, Verdict, VerdictKind},
};

/// A record whose verdict was compared with its label.
#[derive(Clone, Debug)]
pub(super) struct Matched<'r> {
    pub(super) row: &'r Row,
    pub(super) outcome: Outcome,
}

/// The label and the verdict in one form.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The classes of both, and whether they agree: of first errors, the step must be the same too.
    Classes { truth: usize, judged: usize, agrees: bool },
    /// Numbers of the label and of the verdict by the name of the criterion; scores have the empty name.
    Numbers(Vec<(String, (f64, f64))>),
}

/// All records by what came of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Matches<'r> {
    pub(super) all: Vec<Matched<'r>>,
    /// The names of the classes.
    pub(super) classes: Vec<String>,
    pub(super) without_label: usize,
    /// Labelled records whose answer is unreadable.
    pub(super) unreadable: usize,
    /// Labelled records whose request failed.
    pub(super) failed: usize,
    /// Labels that have no meaning as a verdict, and the first of them with its record.
    pub(super) not_comparable: usize,
    pub(super) first: Option<(String, String)>,
}

/// What a label means.
enum Meant {
    Class { truth: usize, bare: bool },
    Zero,
    Nothing,
}

impl<'r> Matches<'r> {
    pub(super) fn of(sample: &'r AgreementSample) -> Self {
        let Some(kind) = sample.kind() else { return Self::without_verdicts(sample) };
        let names = names(sample, kind);
        let labels = sample.labels.clone().about(kind).naming(names.iter().cloned());
        let candidates = candidates(kind, &names);
        let classes = candidates.iter().map(|(name, _)| name.clone()).collect();
        let mut found = Self { classes, ..Self::default() };
        let mut bare = Vec::new();
        let mut has_zero = false;
        for row in &sample.rows {
            let Some(label) = &row.label else {
                found.without_label += 1;
                continue;
            };
            let Some(verdict) = &row.verdict else {
                *(if row.failed { &mut found.failed } else { &mut found.unreadable }) += 1;
                continue;
            };
            match matched(&labels, &candidates, label, row, verdict) {
                Ok((outcome, is_bare)) => {
                    if is_bare {
                        bare.push(found.all.len());
                    }
                    found.all.push(Matched { row, outcome });
                }
                Err(is_zero) => {
                    has_zero |= is_zero;
                    found.leave_out(row, label);
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
    fn without_verdicts(sample: &AgreementSample) -> Self {
        let mut found = Self::default();
        for row in &sample.rows {
            let count = match (&row.label, row.failed) {
                (None, _) => &mut found.without_label,
                (_, true) => &mut found.failed,
                (_, false) => &mut found.unreadable,
            };
            *count += 1;
        }
        found
    }

    fn leave_out(&mut self, row: &Row, label: &Value) {
        self.not_comparable += 1;
        self.first.get_or_insert_with(|| (text_of(label), row.id.clone()));
    }
}

/// The names of labels that verdicts have or could have.
fn names(sample: &AgreementSample, kind: VerdictKind) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    if kind != VerdictKind::Label {
        return names;
    }
    for row in &sample.rows {
        if let Some(Verdict::Label(label)) = &row.verdict {
            add(&label.label);
        }
        row.names.iter().for_each(|name| add(name));
    }
    sample.labels.meanings().for_each(&mut add);
    if names.len() < 2 {
        // A judge that always says the same.
        let other =
            if names.first().is_some_and(|name| name == INCORRECT) { CORRECT } else { INCORRECT };
        names.push(other.to_owned());
    }
    names.sort();
    names
}

/// The verdicts that a label may mean, with their names.
fn candidates(kind: VerdictKind, names: &[String]) -> Vec<(String, Verdict)> {
    let steps = |first_error| Verdict::Steps(Steps { first_error, ..Steps::default() });
    match kind {
        VerdictKind::Label => {
            names.iter().map(|name| (name.clone(), Verdict::Label(Label::new(name)))).collect()
        }
        VerdictKind::Preference | VerdictKind::Ranking | VerdictKind::Scores => {
            let sides = [Preference::First, Preference::Second, Preference::Tie];
            sides.map(|side| (side.name().to_owned(), Verdict::Preference(side))).into()
        }
        VerdictKind::Steps => {
            [(CORRECT.to_owned(), steps(None)), (INCORRECT.to_owned(), steps(Some(usize::MAX)))]
                .into()
        }
        _ => Vec::new(),
    }
}

/// The outcome of one record, and whether its label is a bare number. The error says whether it is a bare 0.
fn matched(
    labels: &Labels,
    candidates: &[(String, Verdict)],
    label: &Value,
    row: &Row,
    verdict: &Verdict,
) -> Result<(Outcome, bool), bool> {
    let compared = compare(labels, label, &row.item, verdict);
    if let Some(Compared::Numbers(pairs)) = compared {
        return Ok((Outcome::Numbers(pairs), false));
    }
    if let Verdict::Steps(steps) = verdict {
        let Some(Compared::Outcome { agrees, .. }) = compared else { return Err(false) };
        let named = labels.first_error(label).map(|first| first.0.is_none());
        let is_right = named.unwrap_or(agrees == steps.first_error.is_none());
        let class = |is_right: bool| usize::from(!is_right);
        let judged = class(steps.first_error.is_none());
        return Ok((Outcome::Classes { truth: class(is_right), judged, agrees }, false));
    }
    let plain = side_of(verdict).map(Verdict::Preference);
    let verdict = plain.as_ref().unwrap_or(verdict);
    let name = |one: &Verdict| match one {
        Verdict::Label(label) => label.label.clone(),
        Verdict::Preference(side) => side.name().to_owned(),
        _ => String::new(),
    };
    let judged = candidates.iter().position(|(known, _)| *known == name(verdict)).ok_or(false)?;
    match meant(labels, candidates, label, &row.item) {
        Meant::Class { truth, bare } => {
            Ok((Outcome::Classes { truth, judged, agrees: truth == judged }, bare))
        }
        Meant::Zero => Err(true),
        Meant::Nothing => Err(false),
    }
}

/// The class that a label means.
fn meant(labels: &Labels, candidates: &[(String, Verdict)], label: &Value, item: &Item) -> Meant {
    for (truth, (_, candidate)) in candidates.iter().enumerate() {
        match compare(labels, label, item, candidate) {
            Some(Compared::Outcome { agrees: true, bare, .. }) => {
                return Meant::Class { truth, bare };
            }
            Some(Compared::Zero) => return Meant::Zero,
            _ => (),
        }
    }
    Meant::Nothing
}

fn compare(labels: &Labels, label: &Value, item: &Item, verdict: &Verdict) -> Option<Compared> {
    labels.compare(label, item, &Judgment::new(Ok(verdict.clone())))
}
