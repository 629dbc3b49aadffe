//! Result lines and labels, joined by the ids of their records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::row::Row;
use crate::{
    item::{Item, text_of},
    line::ResultLine,
    report::labels::Labels,
    verdict::{Verdict, VerdictKind},
};

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
    /// Labelled records by their ids, which complete those in the lines.
    items: BTreeMap<String, Item>,
    cluster: Option<String>,
    pub(super) rows: Vec<Row>,
    /// Labelled records that have a line.
    met: std::collections::BTreeSet<String>,
}

impl AgreementSample {
    /// An empty sample, whose records have their labels in this field.
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            items: BTreeMap::new(),
            cluster: None,
            rows: Vec::new(),
            met: std::collections::BTreeSet::new(),
        }
    }

    /// The same sample, in which records with an equal value in this field belong together.
    #[must_use]
    pub fn clustered_by(self, field: Option<String>) -> Self {
        Self { cluster: field, ..self }
    }

    /// Adds a labelled record under its id, as result lines name it. Its fields complete those of the record in the
    /// line. Add all of them before the lines.
    pub fn label(&mut self, id: String, item: Item) {
        self.items.insert(id, item);
    }

    /// The line with the fields of its labelled record.
    #[must_use]
    pub fn completed(&self, mut line: ResultLine) -> ResultLine {
        if let Some(own) = self.items.get(&line.id) {
            line.item.get_or_insert_default().extend(own.record().clone());
        }
        line
    }

    /// Adds a line.
    pub fn push(&mut self, line: ResultLine) {
        let line = self.completed(line);
        if self.items.contains_key(&line.id) {
            self.met.insert(line.id.clone());
        }
        let item = Item::from(line.item.clone().unwrap_or_default());
        let own = self.labels.find(&item);
        let label = own.or_else(|| self.winner(&item, line.verdict.to_verdict().as_ref()));
        let at = |path: &String| {
            let found = item.clone().mapped("cluster", path).ok()?;
            found.field("cluster").map(|value| text_of(&value))
        };
        let cluster = self.cluster.as_ref().and_then(at);
        self.rows.push(Row::of(line, item, label, cluster));
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
        self.items.len() - self.met.len()
    }
}
