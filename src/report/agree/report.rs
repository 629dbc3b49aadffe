//! All figures together, and the disagreements.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    bias, classes,
    classes::ClassFigures,
    matched::{Matched, Matches, Outcome},
    measured::Clusters,
    numbers,
    row::Row,
    sample::AgreementSample,
};
use crate::{
    item::text_of,
    metrics::{Figure, FirstErrors, Interval, ratio},
    report::significance::{self, Significance},
    verdict::{Verdict, VerdictKind},
};

/// How many records there are, and how many of them are in no figure of agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgreementCoverage {
    /// All records.
    pub records: usize,
    /// Records whose verdict was compared with their label.
    pub compared: usize,
    /// Records without a label.
    pub without_label: usize,
    /// Labelled records whose answer is unreadable.
    pub unreadable: usize,
    /// Labelled records whose request failed.
    pub failed: usize,
    /// Records whose label has no meaning as a verdict.
    pub not_comparable: usize,
    /// The first such label, and the id of its record.
    pub first: Option<(String, String)>,
    /// Labelled records that no line is about.
    pub not_judged: usize,
}

/// A record whose verdict is not its label, or that has none.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The id of the record.
    pub id: String,
    /// Its label.
    pub label: String,
    /// The verdict; `None` if there is none.
    pub verdict: Option<String>,
    /// What the judge wrote, shortened.
    pub critique: String,
}

/// How far a judge agrees with labels, and by what it may be biased.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgreementReport {
    /// The name of the field with the labels.
    pub field: String,
    /// The kind of the verdicts; `None` if nothing could be read.
    pub kind: Option<VerdictKind>,
    /// How many records the figures cover.
    pub coverage: AgreementCoverage,
    /// The number of clusters, if records belong together.
    pub clusters: Option<usize>,
    /// Every figure.
    pub figures: Vec<Figure>,
    /// The agreement if all labelled records without a verdict disagreed, and if all agreed; `None` if all have one.
    pub bounds: Option<Interval>,
    /// Classes of labels beside those of verdicts; `None` if verdicts are numbers.
    pub classes: Option<ClassFigures>,
    /// The largest disagreements first, at most as many as were asked for.
    pub disagreements: Vec<Disagreement>,
    /// The number of all of them.
    pub differing: usize,
    /// Whether each compared record agrees with its label, with its id, for a comparison with another run.
    outcomes: Vec<(String, f64)>,
}

impl AgreementSample {
    /// All figures, and at most so many disagreements.
    pub fn report(&self, show: usize) -> AgreementReport {
        AgreementReport::of(self, show)
    }
}

impl AgreementReport {
    fn of(sample: &AgreementSample, show: usize) -> Self {
        let matches = Matches::of(sample);
        let clusters = Clusters::of(&matches.all);
        let found = classes::figures(&matches.all, &matches.classes, &clusters);
        let (classes, mut figures) = match found {
            Some((classes, figures)) => (Some(classes), figures),
            None => (None, numbers::figures(&matches.all, &clusters)),
        };
        let coverage = AgreementCoverage {
            records: sample.rows.len(),
            compared: matches.all.len(),
            without_label: matches.without_label,
            unreadable: matches.unreadable,
            failed: matches.failed,
            not_comparable: matches.not_comparable,
            first: matches.first.clone(),
            not_judged: sample.not_judged(),
        };
        figures.extend(first_errors(sample));
        figures.extend(bias::of_rows(&sample.rows));
        figures.extend(bias::of_matches(&matches.all, &matches.classes, &clusters));
        figures.push(unreadable_rate(&sample.rows));
        let agreeing = matches.all.iter().filter(|one| agrees(one) > AGREES).count();
        let lost = matches.unreadable + matches.failed;
        let all = matches.all.len() + lost;
        let bounds = (lost > 0 && classes.is_some())
            .then(|| Interval { low: ratio(agreeing, all), high: ratio(agreeing + lost, all) });
        let (differing, disagreements) = disagreements(sample, &matches.all, show);
        Self {
            field: sample.labels.name().to_owned(),
            kind: sample.kind(),
            coverage,
            clusters: clusters.count(),
            figures,
            bounds,
            classes,
            disagreements,
            differing,
            outcomes: matches.all.iter().map(|one| (one.row.id.clone(), agrees(one))).collect(),
        }
    }

    /// Whether this run agrees with the labels less or more than an earlier one, by the records of both; `None` if they
    /// have none in common. Of classes McNemar's test of who agrees, of numbers a bootstrap of how much nearer they are.
    pub fn since(&self, earlier: &Self) -> Option<Significance> {
        let before: BTreeMap<&str, f64> =
            earlier.outcomes.iter().map(|(id, by)| (id.as_str(), *by)).collect();
        let pairs: Vec<(f64, f64)> = self
            .outcomes
            .iter()
            .filter_map(|(id, by)| Some((*before.get(id.as_str())?, *by)))
            .collect();
        if pairs.is_empty() {
            return None;
        }
        if self.classes.is_some() && earlier.classes.is_some() {
            let agrees = |(one, other): &(f64, f64)| (*one > AGREES, *other > AGREES);
            return Some(significance::mcnemar(pairs.iter().map(agrees)));
        }
        let nearer: Vec<f64> = pairs.iter().map(|(one, other)| other - one).collect();
        Some(significance::bootstrap(&nearer))
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// Minus the distance of a verdict from its label. Of classes 0 if they are equal, otherwise −1.
fn agrees(one: &Matched<'_>) -> f64 {
    match &one.outcome {
        Outcome::Classes { agrees, .. } => f64::from(u8::from(*agrees)) - 1.0,
        Outcome::Numbers(pairs) => {
            -pairs.iter().map(|(_, (label, verdict))| (label - verdict).abs()).sum::<f64>()
        }
    }
}

/// Above this they are equal, up to rounding noise.
const AGREES: f64 = -1e-9;

/// The share of answers that are unreadable.
fn unreadable_rate(rows: &[Row]) -> Figure {
    let answered: Vec<bool> =
        rows.iter().filter(|row| !row.failed).map(|row| row.verdict.is_none()).collect();
    let unread = answered.iter().filter(|unread| **unread).count();
    let interval = Some(crate::metrics::wilson(unread, answered.len()));
    let value = crate::metrics::share(unread, answered.len());
    Figure::new("unreadable_rate", "unreadable answers", value, interval, answered.len())
}

/// The F1 of ProcessBench, where labels name first errors. An unreadable verdict missed; a failed one does not count.
fn first_errors(sample: &AgreementSample) -> Option<Figure> {
    let labels = sample.labels.clone().about(sample.kind()?);
    let mut found = FirstErrors::default();
    let mut count = 0;
    for row in sample.rows.iter().filter(|row| !row.failed) {
        let Some(truth) = row.label.as_ref().and_then(|label| labels.first_error(label)) else {
            continue;
        };
        let judged = match &row.verdict {
            Some(Verdict::Steps(steps)) => Some(steps.first_error),
            _ => None,
        };
        found.add(truth.0, judged);
        count += 1;
    }
    let title = "F1 of first errors (ProcessBench)";
    found.f1().map(|f1| Figure::new("first_error_f1", title, Some(f1), None, count))
}

/// How many records differ from their labels, and the first of them: the largest distances and the surest verdicts, then
/// those without a verdict.
fn disagreements(
    sample: &AgreementSample,
    all: &[Matched<'_>],
    show: usize,
) -> (usize, Vec<Disagreement>) {
    let mut differing: Vec<(&Row, f64)> =
        all.iter().map(|one| (one.row, agrees(one))).filter(|(_, by)| *by <= AGREES).collect();
    let surer = |one: &Row, other: &Row| {
        let of = |row: &Row| row.certainty.unwrap_or(-1.0);
        of(other).total_cmp(&of(one))
    };
    differing.sort_by(|(one, by), (other, than)| match by.total_cmp(than) {
        Ordering::Equal => surer(one, other),
        order => order,
    });
    let unread = sample.rows.iter().filter(|row| row.label.is_some() && row.verdict.is_none());
    let rows: Vec<&Row> = differing.into_iter().map(|(row, _)| row).chain(unread).collect();
    let shown = rows.iter().take(show).map(|row| Disagreement {
        id: row.id.clone(),
        label: row.label.as_ref().map(text_of).unwrap_or_default(),
        verdict: row.verdict.as_ref().map(Verdict::to_string),
        critique: row.critique.clone(),
    });
    (rows.len(), shown.collect())
}
