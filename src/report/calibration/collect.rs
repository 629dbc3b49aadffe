//! Observations from result lines: the prediction of a line, and the label of its record.

use serde_json::Value;

use super::sample::Observation;
use crate::{
    error::{Error, ErrorKind, Result},
    item::{Item, text_of},
    line::ResultLine,
    report::labels::{Compared, Labels},
    request::Hasher,
    verdict::{
        CORRECT, CalibratedPrompt, INCORRECT, Judgment, Label, StepLabel, Steps, Verdict,
        VerdictKind,
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
    /// Records without a prediction: failed, unreadable, or from a model that reports no probabilities.
    pub without_p: usize,
    /// Records with a prediction and without a label.
    pub without_label: usize,
    /// Records whose label means neither outcome.
    pub not_comparable: usize,
}

/// Collects result lines, and pairs their predictions with the labels of their records.
#[derive(Clone, Debug)]
pub struct CalibrationSample {
    labels: Labels,
    quantity: Option<Quantity>,
    positive: Option<String>,
    threshold: Option<f64>,
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
    label: Option<Value>,
    verdict: Option<Label>,
    names: Vec<String>,
    score: Option<f64>,
    steps: Vec<StepLabel>,
}

impl CalibrationSample {
    /// An empty sample, whose records have their labels in this field.
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            quantity: None,
            positive: None,
            threshold: None,
            rows: Vec::new(),
            judge: None,
            has_others: false,
        }
    }

    /// The same sample with this number of each result; without it, it follows from the kind of the verdicts.
    #[must_use]
    pub fn of(self, quantity: Option<Quantity>) -> Self {
        Self { quantity, ..self }
    }

    /// The same sample with the label whose probability is `p`; without it, it follows from the results.
    #[must_use]
    pub fn positive(self, positive: Option<String>) -> Self {
        Self { positive, ..self }
    }

    /// The same sample, in which a label that is a number is positive from this threshold on.
    #[must_use]
    pub fn threshold(self, threshold: Option<f64>) -> Self {
        Self { threshold, ..self }
    }

    /// Adds a line.
    pub fn push(&mut self, line: &ResultLine) {
        let prompt = CalibratedPrompt::new(&line.prompt.name, &line.prompt.hash);
        let judge = (line.model.clone(), prompt);
        self.has_others |= self.judge.as_ref().is_some_and(|first| *first != judge);
        self.judge.get_or_insert(judge);
        let item = line.item.clone().map(Item::from);
        let mut hasher = Hasher::new("calibration-fold-v1");
        hasher.part(line.id.as_bytes());
        let hash = u64::from_str_radix(&hasher.hex::<8>(), 16).unwrap_or_default();
        let label = item.as_ref().and_then(|item| self.labels.find(item));
        let verdict = match line.verdict.to_verdict() {
            Some(Verdict::Label(label)) => Some(label),
            _ => None,
        };
        self.rows.push(Row { label, verdict, ..Row::of(line, hash) });
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
            other => {
                let kind = other.map_or("none", VerdictKind::name);
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
        const USUAL: [&str; 5] = [CORRECT, "yes", "pass", "true", "good"];
        if let Some(positive) = &self.positive {
            return Ok(positive.clone());
        }
        // The confidence is the probability of the given label.
        let shows = |row: &Row| {
            let label = row.verdict.as_ref()?;
            let (p, confidence) = (label.p?, label.confidence?);
            let is_it = (p - confidence).abs() < 1e-12 && (p - 0.5).abs() > 1e-9;
            is_it.then(|| label.label.clone())
        };
        let usual = || {
            let names = self.names();
            let called =
                |usual: &&str| names.iter().find(|name| name.eq_ignore_ascii_case(usual)).cloned();
            USUAL.iter().find_map(called)
        };
        self.rows.iter().find_map(shows).or_else(usual).ok_or_else(|| {
            Error::new(ErrorKind::Config, "the results do not show which label is the positive one")
                .hint("name it with --positive LABEL")
        })
    }

    /// Every label that a verdict has, or could have.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in &self.rows {
            let own = row.verdict.iter().map(|label| &label.label).chain(&row.names);
            own.for_each(|name| {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            });
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
        let labels = self.labels.clone().naming(names);
        let mut coverage = Coverage { records: self.rows.len(), ..Coverage::default() };
        let mut all = Vec::new();
        for row in &self.rows {
            let predictions = row.predictions(quantity, raw);
            if predictions.is_empty() {
                coverage.without_p += 1;
                continue;
            }
            let Some(label) = &row.label else {
                coverage.without_label += 1;
                continue;
            };
            let outcomes = match quantity {
                Quantity::Steps => steps(&labels, label, &predictions),
                _ => self.outcome(&labels, label, &positive).map(|outcome| vec![outcome]),
            };
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

    /// Whether a label is the positive one; `None` if it means neither outcome.
    fn outcome(&self, labels: &Labels, label: &Value, positive: &str) -> Option<bool> {
        if let Some(threshold) = self.threshold {
            let number: f64 = text_of(label).trim().parse().ok()?;
            return Some(number >= threshold);
        }
        agrees(labels, label, Verdict::Label(Label::new(positive)))
    }
}

/// Whether a label means this verdict; `None` if it cannot be compared.
fn agrees(labels: &Labels, label: &Value, verdict: Verdict) -> Option<bool> {
    match labels.compare(label, &Item::new(), &Judgment::new(Ok(verdict)))? {
        Compared::Outcome { agrees, .. } => Some(agrees),
        _ => None,
    }
}

/// Whether each step up to the first error is correct; steps after it are left out, for their labels are not
/// known.
fn steps(labels: &Labels, label: &Value, predictions: &[(usize, f64)]) -> Option<Vec<bool>> {
    let first = |first_error| Verdict::Steps(Steps { first_error, ..Steps::default() });
    // A word for the whole solution says nothing about single steps.
    agrees(labels, label, first(None))?;
    let last = predictions.iter().map(|(index, _)| *index).max()?;
    let candidates: Vec<Option<usize>> = std::iter::once(None)
        .chain((0..=last).map(Some))
        .filter(|candidate| agrees(labels, label, first(*candidate)) == Some(true))
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
            label: None,
            verdict: None,
            score: score(line, &names),
            names,
            steps: line.verdict.steps.clone().unwrap_or_default(),
        }
    }

    /// The predictions of the row, each with its index.
    fn predictions(&self, quantity: Quantity, raw: bool) -> Vec<(usize, f64)> {
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
