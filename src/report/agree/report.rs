//! All figures together, and the disagreements.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;

use super::{
    alternative::AlternativeAnnotators,
    bias,
    classes::{self, ClassFigures},
    matched::{Matched, Matches},
    names, numbers,
    people::PeopleCoverage,
    reader::Outcome,
    row::Row,
    sample::AgreementSample,
    several,
};
use crate::{
    item::text_of,
    metrics::{Figure, FirstErrors, Interval, ratio, real, wilson},
    report::{
        calibration::CalibrationFigures,
        clusters::Clusters,
        labels::{GivenLabel, majority},
        significance::{self, Significance},
        statistics::scale_ends,
    },
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
    /// Records that several people labelled; `None` if there are none.
    pub people: Option<PeopleCoverage>,
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
    /// Of scores the mean absolute error in the same two cases, if the results show their scale.
    pub error_bounds: Option<Interval>,
    /// The figures of probabilities; `None` if verdicts have none.
    pub calibration: Option<CalibrationFigures>,
    /// Classes of labels beside those of verdicts; `None` if verdicts are numbers.
    pub classes: Option<ClassFigures>,
    /// The alternative annotator test; `None` if no record has the labels of several people and a verdict.
    pub alternative: Option<AlternativeAnnotators>,
    /// The largest disagreements first, at most as many as were asked for.
    pub disagreements: Vec<Disagreement>,
    /// The number of all of them.
    pub differing: usize,
    /// How far each compared record agrees with its label, with its id and its cluster, for a comparison with another
    /// run.
    outcomes: Vec<(String, f64, Option<String>)>,
    /// Whether all of these are equal or not equal.
    compares_classes: bool,
    /// The ids of labelled records without a verdict.
    without: BTreeSet<String>,
}

impl AgreementSample {
    /// All figures, and at most so many disagreements.
    pub fn report(&self, show: usize) -> AgreementReport {
        AgreementReport::of(self, show)
    }

    /// What [`AgreementReport::since`] needs of an earlier run. Figures and their intervals, which take most of the time,
    /// are left out.
    pub fn outcomes(&self) -> AgreementReport {
        AgreementReport::without_figures(self, &Matches::of(self))
    }
}

impl AgreementReport {
    fn of(sample: &AgreementSample, show: usize) -> Self {
        let matches = Matches::of(sample);
        let all_rows = clusters_of(sample.rows.iter());
        let clusters = clusters_of(matches.all.iter().map(|one| one.row));
        let found = classes::figures(&matches.all, &matches.classes, &clusters);
        let (classes, mut figures) = match found {
            Some((classes, figures)) => (Some(classes), figures),
            None => (None, numbers::figures(&matches.all, &clusters)),
        };
        let people = several::figures(&matches.shared, &all_rows, matches.tied, sample.epsilon);
        figures.extend(people.figures);
        figures.extend(first_errors(sample));
        figures.extend(bias::of_rows(&sample.rows, &all_rows));
        figures.extend(bias::of_matches(&matches.all, &matches.classes, &clusters));
        figures.push(unreadable_rate(&sample.rows));
        let calibration = sample.calibration();
        figures.extend(calibration.iter().flat_map(CalibrationFigures::figures));
        let figures: Vec<Figure> = figures.into_iter().map(names::ranged).collect();
        let bounds = bounds(&matches, &figures);
        let error_bounds = error_bounds(&matches, sample);
        let (differing, disagreements) = disagreements(&matches, show);
        let plain = Self::without_figures(sample, &matches);
        Self {
            coverage: AgreementCoverage { people: people.coverage, ..plain.coverage },
            figures,
            bounds,
            error_bounds,
            calibration,
            classes,
            alternative: people.alternative,
            disagreements,
            differing,
            ..plain
        }
    }

    /// The records and how far they agree, without any figure.
    fn without_figures(sample: &AgreementSample, matches: &Matches<'_>) -> Self {
        let is_class = |one: &Matched<'_>| matches!(one.outcome, Outcome::Classes { .. });
        let outcome =
            |one: &Matched<'_>| (one.row.id.clone(), agrees(one), one.row.cluster.clone());
        Self {
            field: sample.labels.name().to_owned(),
            kind: sample.kind(),
            coverage: AgreementCoverage {
                records: sample.rows.len(),
                compared: matches.all.len(),
                without_label: matches.without_label,
                unreadable: matches.lost.len() - matches.failed(),
                failed: matches.failed(),
                not_comparable: matches.not_comparable,
                first: matches.first.clone(),
                not_judged: sample.not_judged(),
                people: None,
            },
            clusters: clusters_of(matches.all.iter().map(|one| one.row)).count(),
            figures: Vec::new(),
            bounds: None,
            error_bounds: None,
            calibration: None,
            classes: None,
            alternative: None,
            disagreements: Vec::new(),
            differing: 0,
            outcomes: matches.all.iter().map(outcome).collect(),
            compares_classes: !matches.all.is_empty() && matches.all.iter().all(is_class),
            without: matches.lost.iter().map(|lost| lost.row.id.clone()).collect(),
        }
    }

    /// Whether labels and verdicts are classes, which are equal or not, and no numbers.
    pub fn compares_classes(&self) -> bool {
        self.compares_classes
    }

    /// Whether this run agrees with the labels less or more than an earlier one, by the records of both; `None` if they
    /// have none in common. Of classes McNemar's test of who agrees; of numbers, and of records in clusters, a bootstrap
    /// of how much nearer they are.
    pub fn since(&self, earlier: &Self) -> Option<Significance> {
        let before: BTreeMap<&str, f64> =
            earlier.outcomes.iter().map(|(id, by, _)| (id.as_str(), *by)).collect();
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        let mut names: Vec<Option<&str>> = Vec::new();
        for (id, by, cluster) in &self.outcomes {
            if let Some(earlier) = before.get(id.as_str()) {
                pairs.push((*earlier, *by));
                names.push(cluster.as_deref());
            }
        }
        if pairs.is_empty() {
            return None;
        }
        let clusters = Clusters::named(names.into_iter());
        let has_classes = self.compares_classes && earlier.compares_classes;
        if has_classes && clusters.count().is_none() {
            let agrees = |(one, other): &(f64, f64)| (*one > AGREES, *other > AGREES);
            return Some(significance::mcnemar(pairs.iter().map(agrees)));
        }
        let nearer: Vec<f64> = pairs.iter().map(|(one, other)| other - one).collect();
        Some(significance::bootstrap(&nearer, clusters.numbers()))
    }

    /// Whether fewer labelled records have a verdict than in an earlier run, by McNemar's test; `None` if all records of both
    /// have one.
    pub fn readability_since(&self, earlier: &Self) -> Option<Significance> {
        let lost = |one: &Self, other: &Self| {
            one.outcomes.iter().filter(|(id, ..)| other.without.contains(id)).count()
        };
        let (lost, won) = (lost(earlier, self), lost(self, earlier));
        (lost + won > 0).then(|| significance::mcnemar_of(lost, won))
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

/// The clusters of records.
fn clusters_of<'r>(rows: impl Iterator<Item = &'r Row> + Clone) -> Clusters {
    Clusters::named(rows.map(|row| row.cluster.as_deref()))
}

/// The agreement if all labelled records without a verdict disagreed, and if all agreed; `None` if all have a verdict, or
/// there is no agreement because numbers are not whole.
fn bounds(matches: &Matches<'_>, figures: &[Figure]) -> Option<Interval> {
    figures.iter().find(|figure| figure.name == "agreement")?;
    let agreeing = matches.all.iter().filter(|one| agrees(one) > AGREES).count();
    let lost = matches.lost.len();
    let all = matches.all.len() + lost;
    (lost > 0).then(|| Interval { low: ratio(agreeing, all), high: ratio(agreeing + lost, all) })
}

/// The mean absolute error if all labelled records without a verdict had their label, and if all had the value that is
/// farthest from it; `None` if the results do not show the scale.
fn error_bounds(matches: &Matches<'_>, sample: &AgreementSample) -> Option<Interval> {
    let (low, high) = scale_ends(sample.rows.iter().filter_map(|row| row.place))?;
    let is_score = |one: &Matched<'_>| matches!(&one.outcome, Outcome::Numbers(pairs) if pairs.len() == 1 && pairs[0].0.is_empty());
    if matches.lost.is_empty() || !matches.all.iter().all(is_score) {
        return None;
    }
    let lost: Vec<f64> = matches.lost.iter().filter_map(|one| one.number).collect();
    let all = real(matches.all.len() + lost.len());
    let known: f64 = matches.all.iter().map(|one| -agrees(one)).sum();
    let worst: f64 = lost.iter().map(|label| (label - low).abs().max((label - high).abs())).sum();
    (!lost.is_empty()).then(|| Interval { low: known / all, high: (known + worst) / all })
}

/// The share of answers that are unreadable.
fn unreadable_rate(rows: &[Row]) -> Figure {
    let answered = || rows.iter().filter(|row| !row.failed);
    let unread: Vec<bool> = answered().map(|row| row.verdict.is_none()).collect();
    clusters_of(answered()).share("unreadable_rate", "unreadable answers", &unread)
}

/// The F1 of ProcessBench, where labels name first errors. An unreadable verdict missed; a failed one does not count.
fn first_errors(sample: &AgreementSample) -> Option<Figure> {
    let labels = sample.labels.clone().about(sample.kind()?);
    let mut rows: Vec<&Row> = Vec::new();
    let mut pairs: Vec<(Option<usize>, Option<Option<usize>>)> = Vec::new();
    for row in sample.rows.iter().filter(|row| !row.failed) {
        let first = |given: &GivenLabel| Some(labels.first_error(&given.label)?.0);
        let given: Vec<Option<usize>> = row.labels.iter().filter_map(first).collect();
        let Some(truth) = majority(&given) else { continue };
        let judged = match &row.verdict {
            Some(Verdict::Steps(steps)) => Some(steps.first_error),
            _ => None,
        };
        rows.push(row);
        pairs.push((truth, judged));
    }
    let f1 = |drawn: &[usize]| {
        let mut found = FirstErrors::default();
        drawn.iter().for_each(|place| found.add(pairs[*place].0, pairs[*place].1));
        found.f1()
    };
    // Both shares are 1: as many solutions as there are of the rarer kind bound them.
    let wrong = pairs.iter().filter(|(truth, _)| truth.is_some()).count();
    let fewest = wrong.min(pairs.len() - wrong);
    let perfect = |_: f64| {
        let is_perfect = pairs.iter().all(|(truth, judged)| *judged == Some(*truth));
        is_perfect.then(|| wilson(fewest, fewest))
    };
    let clusters = clusters_of(rows.iter().copied());
    let title = "F1 of first errors (ProcessBench)";
    let figure = clusters.any("first_error_f1", title, pairs.len(), f1, perfect);
    figure.value.is_some().then_some(figure)
}

/// How many records differ from their labels, and the first of them: the largest distances and the surest verdicts, then
/// those without a verdict.
fn disagreements(matches: &Matches<'_>, show: usize) -> (usize, Vec<Disagreement>) {
    let mut differing: Vec<(&Matched<'_>, f64)> =
        matches.all.iter().map(|one| (one, agrees(one))).filter(|(_, by)| *by <= AGREES).collect();
    let surer = |one: &Row, other: &Row| {
        let of = |row: &Row| row.certainty.unwrap_or(-1.0);
        of(other).total_cmp(&of(one))
    };
    differing.sort_by(|(one, by), (other, than)| match by.total_cmp(than) {
        Ordering::Equal => surer(one.row, other.row),
        order => order,
    });
    let read = differing.iter().map(|(one, _)| (one.row, Some(&one.label)));
    let unread = matches.lost.iter().map(|lost| (lost.row, None));
    let shown = read.chain(unread).take(show).map(|(row, consensus)| Disagreement {
        id: row.id.clone(),
        label: told(row, consensus),
        verdict: row.verdict.as_ref().map(Verdict::to_string),
        critique: row.critique.clone(),
    });
    (differing.len() + matches.lost.len(), shown.collect())
}

/// The label of a record, and of several people how many gave which.
fn told(row: &Row, consensus: Option<&Value>) -> String {
    if let [given] = row.labels.as_slice() {
        return text_of(&given.label);
    }
    let given: Vec<String> = row.labels.iter().map(|given| text_of(&given.label)).collect();
    let all = given.join(", ");
    match consensus {
        Some(label) => format!("{} ({all})", text_of(label)),
        None => all,
    }
}
