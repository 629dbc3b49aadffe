//! Scales: the values that a judge may give.
//!
//! One scale both asks and checks. It prints itself into the prompt (`from 1 to 10`), and whatever is not on it is
//! refused when the verdict is read: 11 is not clamped to 10, nor 7.5 rounded to 8.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, unknown};

/// The values that a judge may give (key `scale` of a prompt file).
///
/// ```
/// use tribunal::{Scale, scale::OffScale};
///
/// let scale = Scale::one_to(10);
/// assert_eq!(scale.to_string(), "from 1 to 10");
/// assert_eq!(scale.accept(7.0), Ok(7.0));
/// assert_eq!(scale.accept(7.5), Err(OffScale(7.5)));
/// assert_eq!(scale.normalized(1.0), Some(0.0));
///
/// let levels = Scale::labels(["Excellent", "Good", "Poor"]);
/// assert_eq!(levels.to_string(), "Excellent, Good or Poor");
/// assert_eq!(levels.level("good"), Some(1.0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scale {
    /// Numbers between two ends, both included.
    Numbers(Numbers),
    /// Named levels, each with the number that it counts as: `{labels: {Excellent: 5, Good: 4}}`.
    Labels {
        /// The levels in the order in which the prompt shows them.
        labels: Levels,
    },
    /// Which of two answers is better: `[first, second]`, or with `tie`.
    Preference(Vec<Side>),
    /// Whether a criterion is met: `[met, unmet]`, or with `cannot assess`.
    Assessment(Vec<Assessment>),
}

/// Numbers from `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// The lowest value.
    pub min: f64,
    /// The highest value.
    pub max: f64,
    /// The distance between neighbours.
    #[serde(default)]
    pub step: StepSize,
}

/// The distance between neighbouring numbers of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepSize {
    /// Only the lowest value plus multiples of this number; 1 by default.
    Of(f64),
    /// Any decimal.
    Any(AnyStep),
}

/// The word `any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnyStep {
    /// Any decimal between the ends.
    Any,
}

impl Default for StepSize {
    fn default() -> Self {
        Self::Of(1.0)
    }
}

/// Level names with their values, in the order in which they were written.
pub type Levels = serde_json::Map<String, serde_json::Value>;

/// The outcome of a comparison of two answers, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first answer is better.
    First,
    /// The second answer is better.
    Second,
    /// Neither is better.
    Tie,
}

/// What a judge says about one criterion of a rubric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Assessment {
    /// The criterion is met. For a criterion that describes a fault, the fault is there.
    Met,
    /// The criterion is not met.
    Unmet,
    /// The judge abstains: what it was shown does not decide.
    #[serde(rename = "cannot assess")]
    CannotAssess,
}

impl std::str::FromStr for Scale {
    type Err = Error;

    /// Reads `1-5`: whole numbers from 1 to 5. Ends may be negative (`-1-1`).
    ///
    /// # Errors
    /// The text is not two numbers with a dash between them, or the first is not the smaller one.
    fn from_str(text: &str) -> Result<Self> {
        let malformed =
            || Error::new(ErrorKind::Config, format!("`{text}` is not a scale: write it like 1-5"));
        // The dash between the ends is the first one that is not a minus.
        let dash = text.char_indices().skip(1).find(|(_, c)| *c == '-').ok_or_else(malformed)?.0;
        let end = |text: &str| text.trim().parse::<f64>().map_err(|_| malformed());
        let (min, max) = (end(&text[..dash])?, end(&text[dash + 1..])?);
        let scale = Self::Numbers(Numbers { min, max, step: StepSize::default() });
        scale.check().map(|()| scale)
    }
}

/// A number that is not on the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OffScale(pub f64);

impl Scale {
    /// Whole numbers from 1 to `max`.
    pub fn one_to(max: u32) -> Self {
        Self::Numbers(Numbers { min: 1.0, max: f64::from(max), step: StepSize::default() })
    }

    /// Named levels, the best first: the last counts as 0, each one above it as 1 more.
    pub fn labels<S: Into<String>>(
        names: impl IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
    ) -> Self {
        let worth = names.into_iter().rev().enumerate().map(|(n, name)| (name.into(), n.into()));
        let labels: Vec<_> = worth.collect();
        Self::Labels { labels: labels.into_iter().rev().collect() }
    }

    /// A scale as prompt files write it: `1-5`, `{min: 1, max: 10, step: 0.5}`, `{labels: {Good: 2, Bad: 1}}`,
    /// `{labels: [good, bad]}`, `[first, second, tie]` or `[met, unmet, cannot assess]`.
    ///
    /// # Errors
    /// The value is none of these, or no value is on the scale; see [`check`](Self::check).
    pub fn from_json(value: serde_json::Value) -> Result<Self> {
        let written = value.to_string();
        let scale = match value {
            serde_json::Value::String(range) => range.parse(),
            serde_json::Value::Object(map) if map.contains_key("labels") => levels(map),
            serde_json::Value::Object(map) => numbers(&map).map(Self::Numbers),
            serde_json::Value::Array(words) => words_of(&words).ok_or_else(|| malformed(&written)),
            _ => Err(malformed(&written)),
        }?;
        scale.check().map(|()| scale)
    }

    /// Checks that the scale has at least two values.
    ///
    /// # Errors
    /// The ends are not finite or in the wrong order, the step is not above 0, a level has no number, or a list of
    /// words is not one of the known ones ([`ErrorKind::Prompt`]).
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Prompt, message));
        match self {
            Self::Numbers(numbers) if !numbers.min.is_finite() || !numbers.max.is_finite() => {
                wrong("the ends of a scale must be finite numbers")
            }
            Self::Numbers(numbers) if numbers.min >= numbers.max => {
                wrong("`min` of a scale must be below its `max`")
            }
            Self::Numbers(Numbers { step: StepSize::Of(step), .. }) if *step <= 0.0 => {
                wrong("`step` of a scale must be above 0, or `any`")
            }
            Self::Labels { labels } if labels.len() < 2 => {
                wrong("a scale needs at least two levels or labels")
            }
            Self::Labels { labels } if !labels.values().all(serde_json::Value::is_number) => {
                wrong("every level of a scale needs a number: `{Good: 2, Bad: 1}`")
            }
            Self::Preference(sides)
                if !matches!(
                    sides.as_slice(),
                    [Side::First, Side::Second] | [Side::First, Side::Second, Side::Tie]
                ) =>
            {
                wrong("a preference must be `[first, second]` or `[first, second, tie]`")
            }
            Self::Assessment(words)
                if words.as_slice() != &Assessment::ALL[..]
                    && words.as_slice() != &Assessment::ALL[..2] =>
            {
                wrong(
                    "the scale of a rubric must be `[met, unmet]` or `[met, unmet, cannot assess]`",
                )
            }
            _ => Ok(()),
        }
    }

    /// The number, if it is on the scale.
    ///
    /// # Errors
    /// It is not: the error holds the number. It is neither rounded nor clamped.
    pub fn accept(&self, number: f64) -> Result<f64, OffScale> {
        let on = match self {
            Self::Numbers(numbers) => numbers.has(number),
            Self::Labels { .. } => self.levels().any(|(_, value)| nearly_equal(value, number)),
            Self::Preference(_) | Self::Assessment(_) => false,
        };
        if on { Ok(number) } else { Err(OffScale(number)) }
    }

    /// The number of a named level; `None` for an unknown name. Case matters only where two names differ by nothing
    /// else.
    pub fn level(&self, name: &str) -> Option<f64> {
        let low = name.to_lowercase();
        let mut alike = self.levels().filter(|(label, _)| label.to_lowercase() == low);
        let only = || alike.next().filter(|_| alike.next().is_none());
        let found = self.levels().find(|(label, _)| *label == name).or_else(only);
        found.map(|(_, value)| value)
    }

    /// The named levels with their numbers, in the order of the file; none for other scales.
    pub fn levels(&self) -> impl Iterator<Item = (&str, f64)> {
        let labels = match self {
            Self::Labels { labels } => Some(labels),
            _ => None,
        };
        labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)))
    }

    /// The lowest and the highest value; `None` for preferences. A criterion counts as 1 if it is met, and as 0 if not.
    pub fn ends(&self) -> Option<(f64, f64)> {
        match self {
            Self::Numbers(numbers) => Some((numbers.min, numbers.max)),
            Self::Labels { .. } => {
                let values = || self.levels().map(|(_, value)| value);
                Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
            }
            Self::Assessment(_) => Some((0.0, 1.0)),
            Self::Preference(_) => None,
        }
    }

    /// The position of `value` between the ends: 0 at the lowest, 1 at the highest; `None` for preferences.
    pub fn normalized(&self, value: f64) -> Option<f64> {
        self.ends().map(|(low, high)| (value - low) / (high - low))
    }

    /// Whether a comparison may end in a tie.
    pub fn allows_tie(&self) -> bool {
        matches!(self, Self::Preference(sides) if sides.contains(&Side::Tie))
    }

    /// What may be said about a criterion; `None` for other scales.
    pub fn assessments(&self) -> Option<&[Assessment]> {
        match self {
            Self::Assessment(words) => Some(words),
            _ => None,
        }
    }
}

/// The keys of a scale that is an object.
pub(crate) const SCALE_KEYS: [&str; 4] = ["min", "max", "step", "labels"];

/// The error of a value that is not a scale.
fn malformed(written: &str) -> Error {
    Error::new(ErrorKind::Prompt, format!("`scale` cannot be {written}")).hint(
        "write {min: 1, max: 10}, 1-5, {labels: {Good: 2, Bad: 1}}, [first, second, tie] or [met, unmet, cannot assess]",
    )
}

/// A scale that is a list of words: the sides of a comparison, or what may be said about a criterion.
fn words_of(words: &[serde_json::Value]) -> Option<Scale> {
    let list = || serde_json::Value::from(words.to_vec());
    let sides = serde_json::from_value(list()).map(Scale::Preference);
    sides.or_else(|_| serde_json::from_value(list()).map(Scale::Assessment)).ok()
}

/// The value of the key `labels`: names with their numbers, or a list of names, best first.
fn levels(mut map: serde_json::Map<String, serde_json::Value>) -> Result<Scale> {
    const KNOWN: [&str; 1] = ["labels"];
    if let Some(key) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of a `scale` with labels:", key, KNOWN));
    }
    match map.remove("labels") {
        Some(serde_json::Value::Object(labels)) => Ok(Scale::Labels { labels }),
        Some(serde_json::Value::Array(names)) if names.iter().all(serde_json::Value::is_string) => {
            Ok(Scale::labels(names.iter().filter_map(serde_json::Value::as_str)))
        }
        other => Err(malformed(&serde_json::json!({ "labels": other }).to_string())),
    }
}

/// The keys `min`, `max` and `step`.
fn numbers(map: &serde_json::Map<String, serde_json::Value>) -> Result<Numbers> {
    const KNOWN: [&str; 3] = ["min", "max", "step"];
    if let Some(key) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `scale`", key, KNOWN));
    }
    let end = |key: &str| {
        let wrong =
            || Error::new(ErrorKind::Prompt, format!("`scale` needs a number as its `{key}`"));
        map.get(key)
            .and_then(serde_json::Value::as_f64)
            .ok_or_else(|| wrong().hint("write {min: 1, max: 10}"))
    };
    let step = match map.get("step") {
        None => StepSize::default(),
        Some(step) if step == "any" => StepSize::Any(AnyStep::Any),
        Some(step) => StepSize::Of(step.as_f64().ok_or_else(|| {
            Error::new(ErrorKind::Prompt, "`step` of a scale must be a number above 0, or `any`")
        })?),
    };
    Ok(Numbers { min: end("min")?, max: end("max")?, step })
}

impl Numbers {
    /// Whether a number lies between the ends and on a step.
    fn has(&self, number: f64) -> bool {
        let on_step = match self.step {
            StepSize::Of(step) => {
                let steps = (number - self.min) / step;
                nearly_equal(steps, steps.round())
            }
            StepSize::Any(_) => true,
        };
        number.is_finite() && number >= self.min && number <= self.max && on_step
    }
}

/// Whether two numbers are equal apart from the noise of floating point (1e-9).
pub(crate) fn nearly_equal(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// A number without the noise of floating point, rounded to nine decimals: means and thresholds are compared and
/// printed this way.
pub(crate) fn without_noise(number: f64) -> f64 {
    const DECIMALS: f64 = 1e9;
    let rounded = (number * DECIMALS).round() / DECIMALS;
    if rounded.is_finite() { rounded } else { number }
}

/// The scale as prompts print it: `from 1 to 10`, `from 0 to 1 in steps of 0.1`, `Excellent, Good or Poor`.
impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = match self {
            Self::Numbers(Numbers { min, max, step }) => {
                write!(f, "from {min} to {max}")?;
                return match step {
                    StepSize::Any(_) => f.write_str(", decimals allowed"),
                    StepSize::Of(step) if nearly_equal(*step, 1.0) => Ok(()),
                    StepSize::Of(step) => write!(f, " in steps of {step}"),
                };
            }
            Self::Labels { .. } => self.levels().map(|(name, _)| name).collect(),
            Self::Preference(sides) => sides.iter().map(|side| side.name()).collect(),
            Self::Assessment(words) => words.iter().map(|word| word.name()).collect(),
        };
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "{} or {last}", rest.join(", ")),
            _ => f.write_str(&words.concat()),
        }
    }
}

impl Side {
    /// The word in prompt files and results: `first`, `second` or `tie`.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Tie => "tie",
        }
    }

    /// The same outcome for the answers in the other order.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            Self::Tie => Self::Tie,
        }
    }
}

impl Assessment {
    /// Every word, in the order in which prompts show them.
    pub const ALL: [Self; 3] = [Self::Met, Self::Unmet, Self::CannotAssess];

    /// The word in prompt files, rules and results: `met`, `unmet` or `cannot assess`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unmet => "unmet",
            Self::CannotAssess => "cannot assess",
        }
    }

    /// The assessment of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// 1 for met, 0 for unmet; `None` for an abstention.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Met => Some(1.0),
            Self::Unmet => Some(0.0),
            Self::CannotAssess => None,
        }
    }
}

/// Writes a number without `.0` if it is whole.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn whole<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return serializer.serialize_i64(*number as i64);
    }
    serializer.serialize_f64(*number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(json: &str) -> Scale {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn it_asks_and_checks_with_the_same_words() {
        let tenth = Scale::one_to(10);
        assert_eq!(tenth.to_string(), "from 1 to 10");
        assert_eq!(tenth.accept(7.0), Ok(7.0));
        assert_eq!(tenth.accept(11.0), Err(OffScale(11.0)));
        assert_eq!(tenth.accept(7.5), Err(OffScale(7.5)));
        assert_eq!(scale(r#"{"min": 1, "max": 10, "step": "any"}"#).accept(7.5), Ok(7.5));
        assert_eq!(scale(r#"{"min": 0, "max": 1, "step": 0.1}"#).accept(0.3), Ok(0.3));
    }

    #[test]
    fn levels_have_names_and_numbers() {
        let levels = scale(r#"{"labels": {"Excellent": 5, "Good": 4, "Poor": 1}}"#);
        assert_eq!(levels.to_string(), "Excellent, Good or Poor");
        assert_eq!(levels.level("good"), Some(4.0));
        assert_eq!(levels.normalized(4.0), Some(0.75));
        assert_eq!(levels.accept(2.0), Err(OffScale(2.0)));
    }

    #[test]
    fn names_that_differ_by_case_alone_are_two_names() {
        let levels = scale(r#"{"labels": {"Pass": 1, "PASS": 0, "fail": -1}}"#);
        assert_eq!((levels.level("Pass"), levels.level("PASS")), (Some(1.0), Some(0.0)));
        assert_eq!((levels.level("pass"), levels.level("FAIL")), (None, Some(-1.0)));
    }

    #[test]
    fn means_are_free_of_the_noise_of_floating_point() {
        let without_noise = |number| Some(without_noise(number));
        assert_eq!(without_noise(3.000_000_000_000_000_4), Some(3.0));
        assert_eq!(without_noise(0.1 + 0.2), Some(0.3));
        assert_eq!(without_noise(1e300), Some(1e300));
        assert!(without_noise(f64::NAN).is_some_and(f64::is_nan));
    }

    #[test]
    fn names_are_levels_best_first() {
        let labels = Scale::labels(["good", "fair", "bad"]);
        assert_eq!(labels.to_string(), "good, fair or bad");
        assert_eq!((labels.level("good"), labels.level("bad")), (Some(2.0), Some(0.0)));
    }

    #[test]
    fn a_range_is_a_scale() {
        assert_eq!("1-5".parse::<Scale>().unwrap(), Scale::one_to(5));
        assert_eq!("-1-1".parse::<Scale>().unwrap().to_string(), "from -1 to 1");
        for wrong in ["5", "5-1", "a-b", "", "1-"] {
            assert!(wrong.parse::<Scale>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scale_without_values_is_refused() {
        assert!(scale(r#"{"min": 3, "max": 3}"#).check().is_err());
        assert!(scale(r#"["second", "first"]"#).check().is_err());
        assert!(scale(r#"["first", "second", "tie"]"#).check().is_ok());
    }

    #[test]
    fn a_criterion_is_met_or_unmet_or_cannot_be_assessed() {
        let rubric =
            Scale::from_json(serde_json::json!(["met", "unmet", "cannot assess"])).unwrap();
        assert_eq!(rubric.to_string(), "met, unmet or cannot assess");
        assert_eq!((rubric.ends(), rubric.normalized(1.0)), (Some((0.0, 1.0)), Some(1.0)));
        assert_eq!(rubric.assessments(), Some(&Assessment::ALL[..]));
        for wrong in [["unmet", "met"], ["met", "tie"], ["met", "cannot assess"]] {
            assert!(Scale::from_json(serde_json::json!(wrong)).is_err(), "{wrong:?}");
        }
    }
}
