//! What a verdict may be: a [`Scale`] prints itself into the prompt and refuses what is off it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, unknown};

/// The values that a judge may give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scale {
    /// Numbers between two ends, both included.
    Numbers(Numbers),
    /// Named levels, best or worst first, each worth a number.
    Labels {
        /// The levels in the order in which they are shown.
        labels: Levels,
    },
    /// Which of two answers is better: `[first, second]`, or with `tie`.
    Preference(Vec<Side>),
}

/// Numbers from `min` to `max`.
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
    /// Multiples of this above the lowest value; 1 by default.
    Of(f64),
    /// Any decimal.
    Any(AnyStep),
}

/// The word `any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnyStep {
    /// Decimals are welcome.
    Any,
}

impl Default for StepSize {
    fn default() -> Self {
        Self::Of(1.0)
    }
}

/// Level names with their values, in the order in which they were written.
pub type Levels = serde_json::Map<String, serde_json::Value>;

/// One end of a comparison, in the order in which the answers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first answer.
    First,
    /// The second answer.
    Second,
    /// Neither.
    Tie,
}

impl std::str::FromStr for Scale {
    type Err = Error;

    /// `1-5`: whole numbers from 1 to 5.
    fn from_str(text: &str) -> Result<Self> {
        let malformed =
            || Error::new(ErrorKind::Config, format!("`{text}` is no scale: write it like 1-5"));
        // The dash between the ends is the first one that is no minus.
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

    /// Named levels, best first: the last is worth 0, each one above it 1 more.
    pub fn labels<S: Into<String>>(
        names: impl IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
    ) -> Self {
        let worth = names.into_iter().rev().enumerate().map(|(n, name)| (name.into(), n.into()));
        let labels: Vec<_> = worth.collect();
        Self::Labels { labels: labels.into_iter().rev().collect() }
    }

    /// A scale as a prompt file writes it: `1-5`, `{min: 1, max: 10}`, `{labels: {Good: 2, Bad: 1}}` or
    /// `[first, second, tie]`.
    ///
    /// # Errors
    /// It is none of these, or nothing is on it.
    pub fn from_json(value: serde_json::Value) -> Result<Self> {
        let written = value.to_string();
        let scale = match value {
            serde_json::Value::String(range) => range.parse(),
            serde_json::Value::Object(map) if map.contains_key("labels") => levels(map),
            serde_json::Value::Object(map) => numbers(&map).map(Self::Numbers),
            serde_json::Value::Array(sides) => serde_json::from_value(sides.into())
                .map(Self::Preference)
                .map_err(|_| malformed(&written)),
            _ => Err(malformed(&written)),
        }?;
        scale.check().map(|()| scale)
    }

    /// Refuses a scale that nothing is on, or that cannot be told apart.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Prompt, message));
        match self {
            Self::Numbers(numbers) if !numbers.min.is_finite() || !numbers.max.is_finite() => {
                wrong("the ends of a scale are finite numbers")
            }
            Self::Numbers(numbers) if numbers.min >= numbers.max => {
                wrong("`min` of a scale stands below its `max`")
            }
            Self::Numbers(Numbers { step: StepSize::Of(step), .. }) if *step <= 0.0 => {
                wrong("`step` of a scale is above 0, or `any`")
            }
            Self::Labels { labels } if labels.len() < 2 => wrong("a scale has two levels or more"),
            Self::Labels { labels } if !labels.values().all(serde_json::Value::is_number) => {
                wrong("every level of a scale is worth a number: `{Good: 2, Bad: 1}`")
            }
            Self::Preference(sides)
                if !matches!(
                    sides.as_slice(),
                    [Side::First, Side::Second] | [Side::First, Side::Second, Side::Tie]
                ) =>
            {
                wrong("a preference is `[first, second]` or `[first, second, tie]`")
            }
            _ => Ok(()),
        }
    }

    /// The number itself if the scale has it.
    pub fn accept(&self, number: f64) -> Result<f64, OffScale> {
        let on = match self {
            Self::Numbers(numbers) => numbers.has(number),
            Self::Labels { .. } => self.levels().any(|(_, value)| nearly_equal(value, number)),
            Self::Preference(_) => false,
        };
        if on { Ok(number) } else { Err(OffScale(number)) }
    }

    /// The value of a named level. Case matters only where two names differ by nothing else.
    pub fn level(&self, name: &str) -> Option<f64> {
        let low = name.to_lowercase();
        let mut alike = self.levels().filter(|(label, _)| label.to_lowercase() == low);
        let only = || alike.next().filter(|_| alike.next().is_none());
        let found = self.levels().find(|(label, _)| *label == name).or_else(only);
        found.map(|(_, value)| value)
    }

    /// Named levels with their values; none for other scales.
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

    /// The lowest and the highest value.
    pub fn ends(&self) -> Option<(f64, f64)> {
        match self {
            Self::Numbers(numbers) => Some((numbers.min, numbers.max)),
            Self::Labels { .. } => {
                let values = || self.levels().map(|(_, value)| value);
                Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
            }
            Self::Preference(_) => None,
        }
    }

    /// Where `value` lies between the ends: 0 at the lowest, 1 at the highest.
    pub fn normalized(&self, value: f64) -> Option<f64> {
        self.ends().map(|(low, high)| (value - low) / (high - low))
    }

    /// Whether a comparison may end without a winner.
    pub fn allows_tie(&self) -> bool {
        matches!(self, Self::Preference(sides) if sides.contains(&Side::Tie))
    }
}

fn malformed(written: &str) -> Error {
    Error::new(ErrorKind::Prompt, format!("`scale` cannot be {written}")).hint(
        "write {min: 1, max: 10}, 1-5, {labels: {Good: 2, Bad: 1}}, [first, second] or [first, second, tie]",
    )
}

/// Named levels with their values, or a list of names, best first.
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
            Error::new(ErrorKind::Prompt, "`step` of a scale is a number above 0, or `any`")
        })?),
    };
    Ok(Numbers { min: end("min")?, max: end("max")?, step })
}

impl Numbers {
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

/// Whether two numbers are equal but for the noise of floating point.
pub(crate) fn nearly_equal(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// A mean without the noise of floating point: nine decimals.
pub(crate) fn without_noise(number: f64) -> f64 {
    const DECIMALS: f64 = 1e9;
    let rounded = (number * DECIMALS).round() / DECIMALS;
    if rounded.is_finite() { rounded } else { number }
}

/// As it stands in a prompt: `from 1 to 10`, or `Excellent, Good or Poor`.
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
        };
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "{} or {last}", rest.join(", ")),
            _ => f.write_str(&words.concat()),
        }
    }
}

impl Side {
    /// `first`, `second` or `tie`.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Tie => "tie",
        }
    }

    /// The same verdict about the answers in the other order.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            Self::Tie => Self::Tie,
        }
    }
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
    fn levels_are_named_and_worth_numbers() {
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
    fn a_scale_that_nothing_is_on_is_refused() {
        assert!(scale(r#"{"min": 3, "max": 3}"#).check().is_err());
        assert!(scale(r#"["second", "first"]"#).check().is_err());
        assert!(scale(r#"["first", "second", "tie"]"#).check().is_ok());
    }
}
