//! Observations from result lines: the prediction of a line, and the label of its record.

use serde_json::Value;

use super::sample::Observation;
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    line::ResultLine,
    report::{
        labels::{LabelRule, Labels, add_names, majority, one_of},
        record_verdict::without_verdicts,
    },
    request::Hasher,
    verdict::{
        CORRECT, CalibratedPrompt, INCORRECT, Label, StepLabel, Steps, Verdict, VerdictKind,
    },
};

/// The number of a result that is taken as a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Quantity {
    /// The probability `p` of the positive label.
    P,
    /// The expected score, or the score where there is none, from 0 to 1 over its scale.
    Score,
    /// The probability of each judged step.
    Steps,
}

impl Quantity {
    /// Every quantity by its name.
    pub const ALL: [(&str, Self); 3] =
        [("p", Self::P), ("score", Self::Score), ("steps", Self::Steps)];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, quantity)| *quantity == self).map_or("", |(name, _)| name)
    }
}

/// How many records were read, and how many of them cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// All records.
    pub records: usize,
    /// Records with a prediction and a label.
    pub used: usize,
    /// Records without a prediction from 0 to 1: failed, unreadable, or from a model that reports no probabilities.
    pub without_p: usize,
    /// Records with a prediction and without a label.
    pub without_label: usize,
    /// Records whose label means neither outcome.
    pub not_comparable: usize,
}

/// Collects result lines, and pairs their predictions with the labels of their records.
#[derive(Clone, Debug)]
pub struct CalibrationSample {
    rule: LabelRule,
    quantity: Option<Quantity>,
    rows: Vec<Row>,
    /// The model and the prompt of the first line, and whether other lines have others.
    judge: Option<(String, CalibratedPrompt)>,
    has_others: bool,
}

/// What is kept of a line.
#[derive(Clone, Debug)]
struct Row {
    hash: u64,
    kind: Option<VerdictKind>,
    /// One label, or one of each person.
    labels: Vec<Value>,
    verdict: Option<Label>,
    names: Vec<String>,
    score: Option<f64>,
    steps: Vec<StepLabel>,
}

impl CalibrationSample {
    /// An empty sample, whose records have their labels where this rule says.
    pub fn new(rule: impl Into<LabelRule>) -> Self {
        let (rule, rows) = (rule.into(), Vec::new());
        Self { rule, quantity: None, rows, judge: None, has_others: false }
    }

    /// The same sample with this number of each result; without it, it follows from the kind of the verdicts.
    #[must_use]
    pub fn of(self, quantity: Option<Quantity>) -> Self {
        Self { quantity, ..self }
    }

    /// Adds a line with the label of its record.
    pub fn push(&mut self, line: &ResultLine) {
        let item = line.item.clone().map(Item::from);
        let label = item.as_ref().and_then(|item| self.rule.labels.find(item));
        self.push_labelled(line, label.into_iter().collect(), None);
    }

    /// Adds a line with the labels that people gave to its record. Records of one cluster belong together.
    pub(crate) fn push_labelled(
        &mut self,
        line: &ResultLine,
        labels: Vec<Value>,
        cluster: Option<&str>,
    ) {
        let prompt = CalibratedPrompt::new(&line.prompt.name, &line.prompt.hash);
        let judge = (line.model.clone(), prompt);
        self.has_others |= self.judge.as_ref().is_some_and(|first| *first != judge);
        self.judge.get_or_insert(judge);
        let mut hasher = match cluster {
            Some(_) => Hasher::new("calibration-cluster-v1"),
            None => Hasher::new("calibration-fold-v1"),
        };
        hasher.part(cluster.unwrap_or(&line.id).as_bytes());
        let hash = u64::from_str_radix(&hasher.hex::<8>(), 16).unwrap_or_default();
        let verdict = match line.verdict.to_verdict() {
            Some(Verdict::Label(label)) => Some(label),
            _ => None,
        };
        self.rows.push(Row { labels, verdict, ..Row::of(line, hash) });
    }

    /// The model and the prompt of all lines; `None` without lines, or if they are not the same.
    pub fn judge(&self) -> Option<&(String, CalibratedPrompt)> {
        self.judge.as_ref().filter(|_| !self.has_others)
    }

    /// The predictions that are used: as asked for, or by the kind of the verdicts.
    ///
    /// # Errors
    /// The verdicts have no prediction.
    pub fn quantity(&self) -> Result<Quantity> {
        if let Some(quantity) = self.quantity {
            return Ok(quantity);
        }
        match self.rows.iter().find_map(|row| row.kind) {
            Some(VerdictKind::Label) => Ok(Quantity::P),
            Some(VerdictKind::Score | VerdictKind::Criteria) => Ok(Quantity::Score),
            Some(VerdictKind::Steps) => Ok(Quantity::Steps),
            None => Err(without_verdicts(self.rows.len())),
            Some(other) => {
                let kind = other.name();
                let message =
                    format!("the results hold nothing to calibrate: their kind is `{kind}`");
                Err(Error::new(ErrorKind::Config, message).hint(
                    "calibrate labels with probabilities, scores, or steps with probabilities",
                ))
            }
        }
    }

    /// The label whose probability is `p`: the one that was set, or the one that the results show.
    ///
    /// # Errors
    /// The results do not show it.
    pub fn positive_label(&self) -> Result<String> {
        if let Some(positive) = &self.rule.positive {
            let mut names = self.names();
            if names.len() < 2 {
                names.extend([CORRECT.to_owned(), INCORRECT.to_owned()]);
            }
            return one_of(positive, &names);
        }
        // The confidence is the probability of the given label.
        let shows = |row: &Row| {
            let label = row.verdict.as_ref()?;
            let (p, confidence) = (label.p?, label.confidence?);
            let is_it = (p - confidence).abs() < 1e-12 && (p - 0.5).abs() > 1e-9;
            is_it.then(|| label.label.clone())
        };
        let usual = || LabelRule::usual(&self.names());
        self.rows.iter().find_map(shows).or_else(usual).ok_or_else(|| {
            Error::new(ErrorKind::Config, "the results do not show which label is the positive one")
                .hint("name it with --positive LABEL")
        })
    }

    /// Every label that a verdict has, or could have.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for row in &self.rows {
            let own = row.verdict.iter().map(|label| &label.label).chain(&row.names);
            add_names(&mut names, own.map(String::as_str));
        }
        names
    }

    /// The observations, and how many records they cover. `raw` takes the probabilities before a calibration.
    ///
    /// # Errors
    /// The results hold no predictions, or do not show which label is positive.
    pub fn observations(&self, raw: bool) -> Result<(Vec<Observation>, Coverage)> {
        let quantity = self.quantity()?;
        let (positive, names) = match quantity {
            Quantity::P => {
                let mut names = self.names();
                if names.len() < 2 {
                    // Lines without a distribution may all have the same label.
                    names.push(INCORRECT.to_owned());
                }
                (self.positive_label()?, names)
            }
            _ => (CORRECT.to_owned(), vec![CORRECT.to_owned(), INCORRECT.to_owned()]),
        };
        let labels = self.rule.labels.clone().naming(names);
        let mut coverage = Coverage { records: self.rows.len(), ..Coverage::default() };
        let mut all = Vec::new();
        for row in &self.rows {
            let predictions = row.predictions(quantity, raw);
            if predictions.is_empty() {
                coverage.without_p += 1;
                continue;
            }
            if row.labels.is_empty() {
                coverage.without_label += 1;
                continue;
            }
            let of = |label: &Value| match quantity {
                Quantity::Steps => steps(&labels, label, &predictions),
                _ => self
                    .rule
                    .outcome(&labels, label, &Item::new(), &positive)
                    .map(|outcome| vec![outcome]),
            };
            let outcomes: Vec<Vec<bool>> = row.labels.iter().filter_map(of).collect();
            let outcomes = agreed(&outcomes);
            match outcomes {
                Some(outcomes) => {
                    coverage.used += 1;
                    let pairs = predictions.iter().zip(outcomes);
                    all.extend(
                        pairs.map(|((_, p), outcome)| Observation::new(*p, outcome, row.hash)),
                    );
                }
                None => coverage.not_comparable += 1,
            }
        }
        Ok((all, coverage))
    }
}

/// What most people say of each step; `None` if two outcomes are equally frequent, or there are none.
fn agreed(outcomes: &[Vec<bool>]) -> Option<Vec<bool>> {
    let shortest = outcomes.iter().map(Vec::len).min()?;
    let of = |step: usize| majority(&outcomes.iter().map(|one| one[step]).collect::<Vec<_>>());
    (0..shortest).map(of).collect()
}

/// Whether each step up to the first error is correct; steps after it are left out, for their labels are not
/// known.
fn steps(labels: &Labels, label: &Value, predictions: &[(usize, f64)]) -> Option<Vec<bool>> {
    let first = |first_error| Verdict::Steps(Steps { first_error, ..Steps::default() });
    // A word for the whole solution says nothing about single steps.
    let item = Item::new();
    labels.agrees(label, &item, first(None))?;
    let last = predictions.iter().map(|(index, _)| *index).max()?;
    let candidates: Vec<Option<usize>> = std::iter::once(None)
        .chain((0..=last).map(Some))
        .filter(|candidate| labels.agrees(label, &item, first(*candidate)) == Some(true))
        .collect();
    let error = match candidates.as_slice() {
        [one] => *one,
        // The error is after every judged step.
        [] => None,
        _ => return None,
    };
    let known =
        predictions.iter().take_while(|(index, _)| error.is_none_or(|error| *index <= error));
    Some(known.map(|(index, _)| Some(*index) != error).collect())
}

impl Row {
    fn of(line: &ResultLine, hash: u64) -> Self {
        let values = line.distribution.iter().flat_map(|shares| &shares.values);
        let names: Vec<String> = values.map(|(name, _)| name.trim().to_owned()).collect();
        Self {
            hash,
            kind: line.verdict.kind,
            labels: Vec::new(),
            verdict: None,
            score: score(line, &names),
            names,
            steps: line.verdict.steps.clone().unwrap_or_default(),
        }
    }

    /// The predictions of the row, each with its index. A number beyond 0 and 1 is no probability.
    fn predictions(&self, quantity: Quantity, raw: bool) -> Vec<(usize, f64)> {
        let mut all = self.numbers(quantity, raw);
        all.retain(|(_, p)| (0.0..=1.0).contains(p));
        all
    }

    fn numbers(&self, quantity: Quantity, raw: bool) -> Vec<(usize, f64)> {
        match quantity {
            Quantity::P => {
                let label = self.verdict.as_ref();
                let p = label.and_then(|label| label.p_raw.filter(|_| raw).or(label.p));
                p.map(|p| (0, p)).into_iter().collect()
            }
            Quantity::Score => self.score.map(|score| (0, score)).into_iter().collect(),
            Quantity::Steps => {
                let steps = self.steps.iter();
                steps.filter_map(|step| Some((step.index, step.p?))).collect()
            }
        }
    }
}

/// The expected score from 0 to 1, between the ends of its menu; else the score from 0 to 1.
fn score(line: &ResultLine, names: &[String]) -> Option<f64> {
    let expected = || {
        let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        let numbers = numbers?;
        let low = numbers.iter().copied().reduce(f64::min)?;
        let high = numbers.iter().copied().reduce(f64::max).filter(|high| *high > low)?;
        Some(((line.expected_score? - low) / (high - low)).clamp(0.0, 1.0))
    };
    let rubric = || line.verdict.score.filter(|_| line.verdict.rubric.is_some());
    expected().or(line.normalized).or_else(rubric)
}
