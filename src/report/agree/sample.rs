//! Result lines and labels, joined by the ids of their records.

use std::collections::BTreeSet;

use serde_json::Value;

use super::row::Row;
use crate::{
    item::{Item, text_of},
    line::ResultLine,
    report::{
        calibration::{CalibrationFigures, CalibrationSample, Quantity},
        labels::{GivenLabel, JoinedLabels, Labels},
    },
    verdict::{Verdict, VerdictKind},
};

/// The handicap of a person in the alternative annotator test, where none is named: the one for experts (Calderon et al.
/// 2025).
const EPSILON: f64 = 0.2;

/// Collects the result lines of one judge, and pairs their verdicts with the labels of their records.
///
/// ```
/// use tribunal::{line::ResultLine, report::{AgreementSample, Labels}};
///
/// let mut sample = AgreementSample::new(Labels::new(Some("gold".into()), []));
/// for (id, label, gold) in [("a", "good", "good"), ("b", "bad", "bad"), ("c", "good", "bad")] {
///     let line = serde_json::json!({"id": id, "label": label, "item": {"gold": gold}});
///     sample.push(ResultLine::read(line.to_string())?);
/// }
/// let report = sample.report(5);
/// let agreement = report.figures.iter().find(|figure| figure.name == "agreement").unwrap();
/// assert_eq!((agreement.value, agreement.count), (Some(2.0 / 3.0), 3));
/// assert_eq!(report.disagreements[0].id, "c");
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AgreementSample {
    pub(super) labels: Labels,
    /// Labelled records, which complete those in the lines.
    joined: JoinedLabels,
    cluster: Option<String>,
    /// The handicap of people beside the judge.
    pub(super) epsilon: f64,
    pub(super) rows: Vec<Row>,
    /// Probabilities of verdicts, with the labels of their records.
    probabilities: CalibrationSample,
    /// The ids of all lines.
    met: BTreeSet<String>,
}

impl AgreementSample {
    /// An empty sample, whose records have their labels in this field.
    pub fn new(labels: Labels) -> Self {
        let probabilities = CalibrationSample::new(labels.clone());
        let (joined, rows, met) = (JoinedLabels::default(), Vec::new(), BTreeSet::new());
        Self { labels, joined, cluster: None, epsilon: EPSILON, rows, probabilities, met }
    }

    /// The same sample, in which records with an equal value in this field belong together.
    #[must_use]
    pub fn clustered_by(self, field: Option<String>) -> Self {
        Self { cluster: field, ..self }
    }

    /// The same sample, with another handicap of people in the alternative annotator test: how much more often the judge
    /// may be farther from the others than a person is, because people cost more. Its authors suggest 0.2 for experts,
    /// 0.15 for skilled people and 0.1 for crowd-workers.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Adds a labelled record under its id, as result lines name it. Its fields complete those of the record in the
    /// line, and its label takes the place of the one there. Several people may label one record. Add all labelled
    /// records before the lines.
    pub fn label(&mut self, id: String, item: Item) {
        self.joined.add(id, item);
    }

    /// Adds a line.
    pub fn push(&mut self, mut line: ResultLine) {
        let labelled = self.joined.of(&line.id);
        for own in labelled {
            line.item.get_or_insert_default().extend(own.record().clone());
        }
        let item = Item::from(line.item.clone().unwrap_or_default());
        let mut labels = self.joined.labels(&self.labels, &line.id);
        if labels.is_empty() {
            // The other file may name authors or groups, and no labels.
            labels.extend(self.own_label(&item, &line));
        }
        let at = |path: &String| {
            let found = item.clone().mapped("cluster", path).ok()?;
            found.field("cluster").map(|value| text_of(&value))
        };
        let cluster = self.cluster.as_ref().and_then(at);
        self.met.insert(line.id.clone());
        let given = labels.iter().map(|given| given.label.clone()).collect();
        self.probabilities.push_labelled(&line, given, cluster.as_deref());
        self.rows.push(Row::of(line, item, labels, cluster));
    }

    /// The label in the record of a line.
    fn own_label(&self, item: &Item, line: &ResultLine) -> Option<GivenLabel> {
        let own = self.labels.find(item);
        let label = own.or_else(|| self.winner(item, line.verdict.to_verdict().as_ref()))?;
        Some(GivenLabel { person: String::new(), label })
    }

    /// The label of a record whose answers are named `chosen` and `rejected`, for a comparison.
    fn winner(&self, item: &Item, verdict: Option<&Verdict>) -> Option<Value> {
        self.labels.clone().about(verdict?.kind()).winner(item)
    }

    /// The kind of the verdicts; `None` if there is none.
    pub(super) fn kind(&self) -> Option<VerdictKind> {
        self.rows.iter().find_map(|row| row.verdict.as_ref().map(Verdict::kind))
    }

    /// The number of labelled records that no line is about.
    pub fn not_judged(&self) -> usize {
        self.joined.without(&self.met)
    }

    /// The figures of the probabilities of verdicts; `None` if they have none.
    pub(super) fn calibration(&self) -> Option<CalibrationFigures> {
        const BINS: usize = 10;
        let (observed, coverage) = self.probabilities.observations(false).ok()?;
        // A grade is no outcome that a score could predict.
        let has_grades =
            self.probabilities.quantity().ok()? == Quantity::Score && coverage.not_comparable > 0;
        let is_known = !observed.is_empty() && !has_grades;
        is_known.then(|| CalibrationFigures::new(&observed, BINS))
    }
}
