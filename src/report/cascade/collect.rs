//! Certainties and agreement from the result lines of several judges on the same labelled records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::CascadeAnswer;
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    line::ResultLine,
    report::labels::{Compared, Labels},
    scale::nearly_equal,
    verdict::{CalibratedPrompt, CascadeThresholds, Judgment, Verdict},
};

/// Collects the result lines of the judges of a cascade, each about the same labelled records.
#[derive(Clone, Debug)]
pub struct CascadeSample {
    labels: Labels,
    /// The labelled records by their ids.
    items: BTreeMap<String, Item>,
    judges: Vec<Judge>,
    /// The names of verdicts that occur.
    names: Vec<String>,
}

/// The lines of one judge.
#[derive(Clone, Debug, Default)]
struct Judge {
    model: String,
    prompt: Option<CalibratedPrompt>,
    rows: BTreeMap<String, Row>,
}

/// What is kept of a line.
#[derive(Clone, Debug)]
struct Row {
    verdict: Option<Verdict>,
    answer: CascadeAnswer,
}

/// How many records there are, and how many of them cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CascadeCoverage {
    /// Records that every judge judged.
    pub records: usize,
    /// Those of them without a label.
    pub without_label: usize,
    /// Those whose label cannot be compared with a verdict.
    pub not_comparable: usize,
}

impl CascadeSample {
    /// An empty sample, whose records have their labels in this field.
    pub fn new(labels: Labels) -> Self {
        Self { labels, items: BTreeMap::new(), judges: Vec::new(), names: Vec::new() }
    }

    /// Adds a labelled record under its id, as result lines name it. It takes the place of the record in a line.
    pub fn label(&mut self, id: String, item: Item) {
        self.items.insert(id, item);
    }

    /// Adds a judge, whose lines are those that follow. Judges are asked in this order.
    pub fn judge(&mut self) {
        self.judges.push(Judge::default());
    }

    /// Adds a line of the last judge. `has_labels` is whether records come from elsewhere, and not from the lines.
    ///
    /// # Errors
    /// The line belongs to another judge than those before it.
    pub fn push(&mut self, line: ResultLine, has_labels: bool) -> Result<()> {
        let Some(judge) = self.judges.last_mut() else { return Ok(()) };
        let prompt = CalibratedPrompt::new(&line.prompt.name, &line.prompt.hash);
        if judge.prompt.is_none() {
            judge.model.clone_from(&line.model);
            judge.prompt = Some(prompt.clone());
        }
        if judge.model != line.model || judge.prompt.as_ref() != Some(&prompt) {
            let message = format!(
                "the results of `{}` with `{}` are in one file with those of `{}`",
                line.model, prompt.name, judge.model
            );
            return Err(
                Error::new(ErrorKind::Config, message).hint("give each judge a file of its own")
            );
        }
        let values = line.distribution.iter().flat_map(|shares| &shares.values);
        let names: Vec<String> = values.map(|(name, _)| name.trim().to_owned()).collect();
        let id = line.id.clone();
        if let (Some(record), false) = (&line.item, has_labels) {
            self.items.entry(id.clone()).or_insert_with(|| Item::from(record.clone()));
        }
        let row = Row::of(line);
        if let Some(Verdict::Label(label)) = &row.verdict {
            self.names.push(label.label.clone());
        }
        self.names.extend(names);
        self.names.sort_unstable();
        self.names.dedup();
        if let Some(judge) = self.judges.last_mut() {
            judge.rows.insert(id, row);
        }
        Ok(())
    }

    /// The answers of all judges about the records that can be used, and how many there are.
    pub fn records(&self) -> (Vec<Vec<CascadeAnswer>>, CascadeCoverage) {
        let mut coverage = CascadeCoverage::default();
        let mut all = Vec::new();
        let labels = self.own_labels();
        let ids = self.judges.first().into_iter().flat_map(|first| first.rows.keys());
        for id in ids {
            let rows: Option<Vec<&Row>> =
                self.judges.iter().map(|judge| judge.rows.get(id)).collect();
            let Some(rows) = rows else { continue };
            coverage.records += 1;
            let item = self.items.get(id);
            let Some((item, label)) = item.and_then(|item| Some((item, self.labels.find(item)?)))
            else {
                coverage.without_label += 1;
                continue;
            };
            let answers: Option<Vec<CascadeAnswer>> =
                rows.into_iter().map(|row| Self::compared(&labels, row, &label, item)).collect();
            match answers {
                Some(answers) => all.push(answers),
                None => coverage.not_comparable += 1,
            }
        }
        (all, coverage)
    }

    /// The labels, knowing those of all records.
    fn own_labels(&self) -> Labels {
        let all: Vec<Value> =
            self.items.values().filter_map(|item| self.labels.find(item)).collect();
        self.labels.clone().naming(self.names.iter().cloned()).seeing(&all)
    }

    /// The answer of a judge with its agreement; `None` if the label cannot be compared with its verdict.
    fn compared(labels: &Labels, row: &Row, label: &Value, item: &Item) -> Option<CascadeAnswer> {
        let Some(verdict) = &row.verdict else { return Some(row.answer) };
        let judgment = Judgment::new(Ok(verdict.clone()));
        let agrees = match labels.compare(label, item, &judgment)? {
            Compared::Outcome { agrees, .. } => agrees,
            Compared::Numbers(pairs) => {
                pairs.iter().all(|(_, (label, own))| nearly_equal(*label, *own))
            }
            Compared::Zero | Compared::No => return None,
        };
        Some(CascadeAnswer { agrees: Some(agrees), ..row.answer })
    }

    /// The thresholds with the models and the prompts of these judges.
    #[must_use]
    pub fn named(&self, mut thresholds: CascadeThresholds) -> CascadeThresholds {
        for (own, judge) in thresholds.judges.iter_mut().zip(&self.judges) {
            own.model = Some(judge.model.clone());
            own.prompt.clone_from(&judge.prompt);
        }
        thresholds
    }

    /// The names of the judges: those of their models, with their prompts where two have one model.
    pub fn judges(&self) -> Vec<String> {
        let alone = |judge: &Judge| {
            self.judges.iter().filter(|other| other.model == judge.model).count() == 1
        };
        let name = |judge: &Judge| match &judge.prompt {
            Some(prompt) if !alone(judge) => format!("{} ({})", judge.model, prompt.name),
            _ => judge.model.clone(),
        };
        self.judges.iter().map(name).collect()
    }
}

impl Row {
    fn of(line: ResultLine) -> Self {
        let calls = line.votes.iter().flatten().map(|vote| vote.calls.len()).sum();
        let cost = line.cost;
        let judgment = Judgment::try_from(line).ok();
        let certainty = judgment.as_ref().and_then(Judgment::certainty);
        let verdict = judgment.and_then(|judgment| judgment.verdict.ok());
        Self { verdict, answer: CascadeAnswer { agrees: None, certainty, calls, cost } }
    }
}
