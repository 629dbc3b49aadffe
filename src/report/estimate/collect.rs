//! Values of the judge and labels from result lines.

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    line::ResultLine,
    metrics::{Interval, JudgedSample},
    report::{
        labels::{Compared, JoinedLabels, LabelRule, Labels, add_names, one_of},
        record_verdict::without_verdicts,
        statistics::scale_ends,
    },
    verdict::{CORRECT, INCORRECT, Judgment, Preference, Steps, Verdict, VerdictKind},
};

/// What is estimated: the mean of a number that the judge gives to every record, and labels to some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Estimand {
    /// The rate of records that pass.
    Pass,
    /// The rate of records with the positive label.
    Label,
    /// The mean score.
    Score,
    /// How often the first answer is better; a tie counts half.
    Preference,
    /// The rate of solutions without a wrong step.
    Steps,
}

impl Estimand {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Label => "label",
            Self::Score => "score",
            Self::Preference => "preference",
            Self::Steps => "steps",
        }
    }

    /// Whether it is a rate, from 0 to 1.
    pub fn is_rate(self) -> bool {
        self != Self::Score
    }
}

/// How many records there are, and what is known about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EstimateCoverage {
    /// All records.
    pub records: usize,
    /// Records with a verdict that can be read.
    pub readable: usize,
    /// Readable records with a label that is used.
    pub labelled: usize,
    /// Records without a verdict whose label is known.
    pub labelled_unreadable: usize,
    /// Records whose label cannot be compared with a verdict.
    pub not_comparable: usize,
    /// Labelled records that no line is about.
    pub not_judged: usize,
}

/// Collects result lines and labels.
#[derive(Clone, Debug)]
pub struct EstimateSample {
    rule: LabelRule,
    estimand: Option<Estimand>,
    given: JoinedLabels,
    rows: Vec<Row>,
}

/// What is kept of a line.
#[derive(Clone, Debug)]
struct Row {
    id: String,
    kind: Option<VerdictKind>,
    verdict: Option<Verdict>,
    pass: Option<bool>,
    /// The finest number that the judge gives: a probability or an expected score.
    fine: Option<f64>,
    /// The score with its place on the scale, 0 to 1.
    place: Option<(f64, f64)>,
    item: Item,
}

/// The numbers of a sample.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// The judge's verdicts as numbers, and labels.
    pub(super) verdicts: JudgedSample,
    /// The same records with the finest numbers of the judge, if all of them have one.
    pub(super) fine: Option<JudgedSample>,
    /// Labels of records without a verdict.
    pub(super) unreadable: Vec<f64>,
    /// The ends of the scale: 0 and 1 for rates.
    pub(super) scale: Interval,
    pub(super) coverage: EstimateCoverage,
}

impl EstimateSample {
    /// An empty sample, whose records have their labels where this rule says. Its threshold is one of scores too.
    pub fn new(rule: impl Into<LabelRule>) -> Self {
        let (estimand, given) = (None, JoinedLabels::default());
        Self { rule: rule.into(), estimand, given, rows: Vec::new() }
    }

    /// The same sample with this estimand; without it, it follows from the kind of the verdicts.
    #[must_use]
    pub fn of(self, estimand: Option<Estimand>) -> Self {
        Self { estimand, ..self }
    }

    /// Adds a labelled record under its id. It takes the place of the label in a line. The labels of several people count
    /// with their mean, and of one person the last. If no record is added, labels are those in the lines.
    pub fn label(&mut self, id: String, item: Item) {
        self.given.add(id, item);
    }

    /// Adds a line.
    pub fn push(&mut self, line: ResultLine) {
        let verdict = line.verdict.to_verdict().filter(|_| line.unreadable.is_none());
        let fine = match &verdict {
            Some(Verdict::Label(label)) => label.p.filter(|p| (0.0..=1.0).contains(p)),
            Some(Verdict::Steps(steps)) => steps.score,
            Some(_) => line.expected_score.or(line.verdict.score),
            None => None,
        };
        let place = line.verdict.score.zip(line.normalized);
        let item = line.item.map(Item::from).unwrap_or_default();
        let (id, kind, pass) = (line.id, line.verdict.kind, line.pass);
        self.rows.push(Row { id, kind, verdict, pass, fine, place, item });
    }

    /// What is estimated: as asked for, or by the kind of the verdicts.
    ///
    /// # Errors
    /// The verdicts are texts, or there are none.
    pub fn estimand(&self) -> Result<Estimand> {
        if let Some(estimand) = self.estimand {
            return Ok(estimand);
        }
        match self.rows.iter().find_map(|row| row.kind) {
            Some(VerdictKind::Label) => Ok(Estimand::Label),
            Some(VerdictKind::Score | VerdictKind::Criteria) if self.rule.threshold.is_some() => {
                Ok(Estimand::Pass)
            }
            Some(VerdictKind::Score | VerdictKind::Criteria) => Ok(Estimand::Score),
            Some(VerdictKind::Preference | VerdictKind::Ranking | VerdictKind::Scores) => {
                Ok(Estimand::Preference)
            }
            Some(VerdictKind::Steps) => Ok(Estimand::Steps),
            None => Err(without_verdicts(self.rows.len())),
            Some(other) => {
                let kind = other.name();
                let message =
                    format!("the results hold nothing to estimate: their kind is `{kind}`");
                Err(Error::new(ErrorKind::Config, message)
                    .hint("name results of `tribunal judge` with verdicts"))
            }
        }
    }

    /// What is estimated, in words.
    ///
    /// # Errors
    /// The verdicts are texts, or there are none.
    pub fn described(&self) -> Result<String> {
        Ok(match (self.estimand()?, self.rule.threshold) {
            (Estimand::Pass, Some(threshold)) => format!("rate of scores >= {threshold}"),
            (Estimand::Pass, None) => "rate of passes".to_owned(),
            (Estimand::Label, _) => format!("rate of {}", self.positive_label()),
            (Estimand::Score, _) => "mean score".to_owned(),
            (Estimand::Preference, _) => "win rate of the first answer".to_owned(),
            (Estimand::Steps, _) => "rate of solutions without an error".to_owned(),
        })
    }

    /// The label whose rate is estimated.
    fn positive_label(&self) -> String {
        let names = self.names();
        let own = self.rule.positive.clone();
        let own = own.map(|own| one_of(&own, &names).unwrap_or(own));
        let positive = own.or_else(|| LabelRule::usual(&names));
        positive.or_else(|| names.first().cloned()).unwrap_or_else(|| CORRECT.to_owned())
    }

    /// Every label that a verdict has.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let given = self.rows.iter().filter_map(|row| match &row.verdict {
            Some(Verdict::Label(label)) => Some(label.label.as_str()),
            _ => None,
        });
        add_names(&mut names, given);
        names
    }

    /// The numbers of all records.
    ///
    /// # Errors
    /// The verdicts are texts, or there are none.
    pub(super) fn numbers(&self) -> Result<Numbers> {
        let estimand = self.estimand()?;
        let mut names = self.names();
        if estimand == Estimand::Pass || names.len() < 2 {
            names.extend([CORRECT.to_owned(), INCORRECT.to_owned()]);
            names.sort_unstable();
            names.dedup();
        }
        let positive = match &self.rule.positive {
            Some(positive) if estimand == Estimand::Label => one_of(positive, &names)?,
            _ => self.positive_label(),
        };
        let found: Vec<Vec<Value>> = self.rows.iter().map(|row| self.found(row)).collect();
        let labels = self.rule.labels.clone().naming(names).seeing(found.iter().flatten());
        let reader = Reader { labels, estimand, positive, rule: &self.rule };
        let mut coverage = EstimateCoverage { records: self.rows.len(), ..Default::default() };
        let mut verdicts = JudgedSample { is_rate: estimand.is_rate(), ..Default::default() };
        let mut fine = Some(verdicts.clone());
        let mut unreadable = Vec::new();
        for (row, found) in self.rows.iter().zip(&found) {
            let label = mean(found.iter().filter_map(|label| reader.label(label, &row.item)));
            coverage.not_comparable += usize::from(label.is_none() && !found.is_empty());
            let Some(value) = reader.value(row) else {
                unreadable.extend(label);
                continue;
            };
            coverage.readable += 1;
            add(&mut verdicts, value, label);
            match (&mut fine, row.fine) {
                (Some(fine), Some(own)) => add(fine, own, label),
                _ => fine = None,
            }
        }
        coverage.labelled = verdicts.labelled.len();
        coverage.labelled_unreadable = unreadable.len();
        coverage.not_judged =
            self.given.without(&self.rows.iter().map(|row| row.id.clone()).collect());
        let scale = if estimand.is_rate() {
            Interval { low: 0.0, high: 1.0 }
        } else {
            self.scale().unwrap_or_else(|| range(&verdicts))
        };
        Ok(Numbers { verdicts, fine, unreadable, scale, coverage })
    }

    /// The labels of a record.
    fn found(&self, row: &Row) -> Vec<Value> {
        if self.given.is_empty() {
            return self.rule.labels.find(&row.item).into_iter().collect();
        }
        let given = self.given.labels(&self.rule.labels, &row.id);
        given.into_iter().map(|given| given.label).collect()
    }

    /// The ends of the scale, if two records show them.
    fn scale(&self) -> Option<Interval> {
        let (low, high) = scale_ends(self.rows.iter().filter_map(|row| row.place))?;
        Some(Interval { low, high })
    }
}

/// The mean of labels of one record; `None` without any.
fn mean(labels: impl Iterator<Item = f64>) -> Option<f64> {
    crate::metrics::mean(&labels.collect::<Vec<_>>())
}

/// Adds a record with its label, if it has one.
fn add(sample: &mut JudgedSample, value: f64, label: Option<f64>) {
    match label {
        Some(label) => sample.labelled.push((value, label)),
        None => sample.others.push(value),
    }
}

/// The lowest and the highest value or label.
fn range(sample: &JudgedSample) -> Interval {
    let all = || sample.judged().chain(sample.labels());
    Interval {
        low: all().fold(f64::INFINITY, f64::min),
        high: all().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// Reads verdicts and labels as numbers.
struct Reader<'s> {
    labels: Labels,
    estimand: Estimand,
    positive: String,
    rule: &'s LabelRule,
}

impl Reader<'_> {
    /// The verdict of a line; `None` without one.
    fn value(&self, row: &Row) -> Option<f64> {
        let verdict = row.verdict.as_ref()?;
        let is = |is: bool| Some(f64::from(u8::from(is)));
        match (self.estimand, verdict) {
            (Estimand::Pass, verdict) => match (self.rule.threshold, verdict.score()) {
                (Some(threshold), Some(score)) => is(score >= threshold),
                _ => is(row.pass?),
            },
            (Estimand::Label, Verdict::Label(label)) => is(label.label == self.positive),
            (Estimand::Score, verdict) => verdict.score(),
            (Estimand::Steps, Verdict::Steps(steps)) => is(steps.first_error.is_none()),
            (Estimand::Preference, verdict) => side(verdict),
            _ => None,
        }
    }

    /// A label as a number; `None` if it means none.
    fn label(&self, label: &Value, item: &Item) -> Option<f64> {
        let agrees = |verdict| self.labels.agrees(label, item, verdict);
        let as_rate = |agrees: bool| f64::from(u8::from(agrees));
        let outcome = |positive| self.rule.outcome(&self.labels, label, item, positive);
        match self.estimand {
            Estimand::Pass => outcome(CORRECT).map(as_rate),
            Estimand::Label => outcome(&self.positive).map(as_rate),
            Estimand::Steps => agrees(Verdict::Steps(Steps::default())).map(as_rate),
            Estimand::Score => {
                match self.labels.compare(label, item, &Judgment::new(Ok(Verdict::Score(0.0))))? {
                    Compared::Numbers(pairs) => pairs.first().map(|(_, (label, _))| *label),
                    _ => None,
                }
            }
            Estimand::Preference => {
                let sides =
                    [(Preference::First, 1.0), (Preference::Tie, 0.5), (Preference::Second, 0.0)];
                let meant = |side| agrees(Verdict::Preference(side)) == Some(true);
                sides.into_iter().find(|(side, _)| meant(*side)).map(|(_, worth)| worth)
            }
        }
    }
}

/// How far a verdict is for the first of two answers: 1, 0, or 0.5 for a tie.
fn side(verdict: &Verdict) -> Option<f64> {
    let compared = |one: f64, other: f64| match one.total_cmp(&other) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 0.5,
    };
    match verdict {
        Verdict::Preference(Preference::First) => Some(1.0),
        Verdict::Preference(Preference::Second) => Some(0.0),
        Verdict::Preference(Preference::Tie) => Some(0.5),
        Verdict::Scores(scores) => match scores.as_slice() {
            [one, other] => Some(compared(*one, *other)),
            _ => None,
        },
        Verdict::Ranking(groups) => match groups.as_slice() {
            [both] if both.len() == 2 => Some(0.5),
            [best, rest] if best.len() == 1 && rest.len() == 1 => {
                Some(if best == &[0] { 1.0 } else { 0.0 })
            }
            _ => None,
        },
        _ => None,
    }
}
