//! Every estimator on one sample.

use serde_json::{Value, json};

use super::collect::{Estimand, EstimateCoverage, EstimateSample, Numbers};
use crate::{
    error::{Error, ErrorKind, Result},
    metrics::{
        Calibrated, Estimate, Interval, JudgedSample, PredictionPowered, Refusal, RoganGladen,
        TwoByTwo, labels_only, mean, naive, ratio, real, standard_error,
    },
    units::counted,
};

/// How a mean is corrected by labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum EstimateMethod {
    /// Prediction-powered inference.
    #[cfg_attr(feature = "cli", value(alias = "ppi"))]
    PredictionPowered,
    /// Isotonic calibration.
    Isotonic,
    /// Sensitivity and specificity.
    RoganGladen,
}

impl EstimateMethod {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::PredictionPowered, Self::Isotonic, Self::RoganGladen];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PredictionPowered => "prediction-powered",
            Self::Isotonic => "isotonic",
            Self::RoganGladen => "rogan-gladen",
        }
    }
}

/// What one method says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MethodEstimate {
    /// The method.
    pub method: EstimateMethod,
    /// The mean of readable records; or why there is none.
    pub outcome: Result<Estimate, Refusal>,
    /// The bounds of the mean of all records, whatever the labels of those without a verdict are.
    pub bounds: Option<Interval>,
    /// Further figures of the method, by their names.
    pub figures: Vec<(&'static str, Value)>,
}

/// Everything that `tribunal estimate` prints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EstimateReport {
    /// What is estimated.
    pub estimand: Estimand,
    /// The same in words.
    pub described: String,
    /// The records.
    pub coverage: EstimateCoverage,
    /// The judge alone; `None` with fewer than two records.
    pub naive: Option<Estimate>,
    /// The labels alone; `None` with fewer than two.
    pub labels_only: Option<Estimate>,
    /// The methods.
    pub methods: Vec<MethodEstimate>,
    /// The mean of the judge on labelled records and on all others, where the two differ by more than chance.
    pub shifted: Option<(f64, f64)>,
}

impl EstimateReport {
    /// The estimates of a sample by one method, or by all that fit it.
    ///
    /// # Errors
    /// The verdicts are texts, no label can be used, or every method refuses.
    pub fn new(sample: &EstimateSample, method: Option<EstimateMethod>) -> Result<Self> {
        let numbers = sample.numbers()?;
        let estimand = sample.estimand()?;
        if numbers.verdicts.labelled.is_empty() {
            return Err(without_labels(&numbers.coverage));
        }
        let fits = |one: &EstimateMethod| {
            *one != EstimateMethod::RoganGladen || has_two_values(&numbers.verdicts)
        };
        let chosen: Vec<EstimateMethod> = match method {
            Some(method) if !fits(&method) => {
                let message = "`rogan-gladen` needs a judge and labels with two values each";
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("use --method prediction-powered, or --threshold N for a rate"));
            }
            Some(method) => vec![method],
            None => EstimateMethod::ALL.into_iter().filter(fits).collect(),
        };
        let methods: Vec<MethodEstimate> =
            chosen.into_iter().map(|method| MethodEstimate::new(method, &numbers)).collect();
        if let [Err(refusal), rest @ ..] =
            methods.iter().map(|one| one.outcome).collect::<Vec<_>>().as_slice()
            && rest.iter().all(Result::is_err)
        {
            return Err(Error::new(ErrorKind::Config, format!("no estimate: {refusal}"))
                .hint(refusal.advice()));
        }
        Ok(Self {
            estimand,
            described: sample.described()?,
            coverage: numbers.coverage,
            naive: naive(&numbers.verdicts).and_then(finite),
            labels_only: labels_only(&numbers.verdicts).and_then(finite),
            methods,
            shifted: shifted(&numbers.verdicts),
        })
    }
}

impl MethodEstimate {
    fn new(method: EstimateMethod, numbers: &Numbers) -> Self {
        let sample = &numbers.verdicts;
        let (outcome, figures) = match method {
            EstimateMethod::PredictionPowered => split(PredictionPowered::new(sample), |powered| {
                (powered.estimate, vec![("lambda", json!(powered.lambda))])
            }),
            EstimateMethod::Isotonic => {
                let fine = numbers.fine.as_ref().unwrap_or(sample);
                split(Calibrated::new(fine), |calibrated| {
                    (
                        calibrated.estimate,
                        vec![("variance_from_labels", json!(calibrated.from_labels))],
                    )
                })
            }
            EstimateMethod::RoganGladen => split(rogan_gladen(sample), |rate| {
                let figures = vec![
                    ("sensitivity", json!(rate.sensitivity.0)),
                    ("sensitivity_interval", json!(rate.sensitivity.1)),
                    ("specificity", json!(rate.specificity.0)),
                    ("specificity_interval", json!(rate.specificity.1)),
                ];
                (rate.estimate, figures)
            }),
        };
        let outcome = outcome.and_then(|found| finite(found).ok_or(Refusal::BeyondNumbers));
        let bounds = outcome.ok().map(|estimate| numbers.bounds(estimate.interval));
        let figures = if outcome.is_ok() { figures } else { Vec::new() };
        Self { method, outcome, bounds, figures }
    }
}

impl Numbers {
    /// The bounds of the mean of all records: labels of unreadable records count as they are, and unknown ones as the
    /// lowest and the highest value of the scale.
    fn bounds(&self, readable: Interval) -> Interval {
        let count = real(self.coverage.readable);
        let known = real(self.unreadable.len());
        let sum: f64 = self.unreadable.iter().sum();
        let all = real(self.coverage.records);
        let of = |end: f64, worst: f64| (count * end + sum + (all - count - known) * worst) / all;
        Interval { low: of(readable.low, self.scale.low), high: of(readable.high, self.scale.high) }
    }
}

/// The estimate, if its numbers are within the range of floats.
fn finite(estimate: Estimate) -> Option<Estimate> {
    let Interval { low, high } = estimate.interval;
    [estimate.value, low, high].iter().all(|number| number.is_finite()).then_some(estimate)
}

/// Figures by their names.
type Figures = Vec<(&'static str, Value)>;

/// The estimate and the figures of what a method returns.
fn split<T>(
    found: Result<T, Refusal>,
    parts: impl Fn(T) -> (Estimate, Figures),
) -> (Result<Estimate, Refusal>, Figures) {
    match found.map(parts) {
        Ok((estimate, figures)) => (Ok(estimate), figures),
        Err(refusal) => (Err(refusal), Vec::new()),
    }
}

/// Whether judge and labels say 0 or 1.
fn has_two_values(sample: &JudgedSample) -> bool {
    sample.is_rate
        && sample.judged().chain(sample.labels()).all(|value| is(value, 0.0) || is(value, 1.0))
}

/// Whether two numbers of a rate are equal.
fn is(value: f64, other: f64) -> bool {
    (value - other).abs() < 1e-9
}

fn rogan_gladen(sample: &JudgedSample) -> Result<RoganGladen, Refusal> {
    let count = |judge: f64, label: f64| {
        sample.labelled.iter().filter(|pair| is(pair.0, judge) && is(pair.1, label)).count()
    };
    let table = TwoByTwo {
        true_positive: count(1.0, 1.0),
        false_negative: count(0.0, 1.0),
        true_negative: count(0.0, 0.0),
        false_positive: count(1.0, 0.0),
    };
    RoganGladen::new(sample.judged().filter(|value| is(*value, 1.0)).count(), sample.len(), table)
}

/// The means of the judge on labelled and on other records, if they differ by more than 3.3 standard errors: that
/// happens to one random choice of labels in a thousand.
fn shifted(sample: &JudgedSample) -> Option<(f64, f64)> {
    const FAR: f64 = 3.29;
    let labelled: Vec<f64> = sample.labelled.iter().map(|(judge, _)| *judge).collect();
    let (one, other) = (mean(&labelled)?, mean(&sample.others)?);
    let error = standard_error(&labelled)?.hypot(standard_error(&sample.others)?);
    ((one - other).abs() > FAR * error).then_some((one, other))
}

/// The error for results without a label that can be used.
fn without_labels(coverage: &EstimateCoverage) -> Error {
    let EstimateCoverage { records, readable, not_comparable, .. } = *coverage;
    let share = ratio(readable, records) * 100.0;
    let message = format!(
        "no label can be used: {}, {share:.0} % of them readable, {not_comparable} with a label that cannot be compared",
        counted(records, "record")
    );
    Error::new(ErrorKind::Config, message)
        .hint("name the field with the label: --label FIELD, and --labels FILE if it is in another file")
        .hint("label some records, chosen at random: tribunal annotate RESULTS --sample 100")
}
