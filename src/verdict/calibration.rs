//! Calibration: a map from the probabilities of a judge to how often it was right.
//!
//! A map belongs to the judge that it was fitted for: its model, its prompt and its positive label. It changes
//! probabilities, and neither the verdict nor any request.

use serde::{Deserialize, Serialize};

use super::{Label, Verdict};
use crate::error::{Error, ErrorKind, Result, json_fault};

/// A map of probabilities, and the judge that it was fitted for; a JSON file that `tribunal calibrate` writes.
///
/// ```
/// use tribunal::verdict::Calibration;
///
/// let file = r#"{"v": 1, "map": {"method": "temperature", "temperature": 2.0}, "positive": "correct"}"#;
/// let calibration = Calibration::read(file)?;
/// assert_eq!(calibration.apply(0.5), 0.5);
/// assert!((calibration.apply(0.9) - 0.75).abs() < 1e-9);
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// The version of the file.
    pub v: u32,
    /// The map.
    pub map: CalibrationMap,
    /// The label whose probability is mapped.
    pub positive: String,
    /// The model that it was fitted for; any if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The prompt that it was fitted for; any if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<CalibratedPrompt>,
    /// How many records it was fitted on.
    #[serde(default)]
    pub records: usize,
}

/// The prompt of a calibration: its name, and the hash of everything that changes what it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalibratedPrompt {
    /// The name.
    pub name: String,
    /// The hash.
    pub hash: String,
}

impl CalibratedPrompt {
    /// A prompt by its name and its hash.
    pub fn new(name: impl Into<String>, hash: impl Into<String>) -> Self {
        Self { name: name.into(), hash: hash.into() }
    }
}

/// A map from probabilities to probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
#[non_exhaustive]
pub enum CalibrationMap {
    /// Temperature scaling: the log-odds are divided by the temperature (Guo et al. 2017).
    Temperature {
        /// Above 1 for a judge that is too sure, below 1 for one that is not sure enough.
        temperature: f64,
    },
    /// Platt scaling: the logistic function of `slope`·log-odds + `intercept` (Platt 1999).
    Platt {
        /// The factor of the log-odds.
        slope: f64,
        /// What is added to them.
        intercept: f64,
    },
    /// Isotonic regression: points in rising order, with straight lines between them (Zadrozny and Elkan 2002).
    Isotonic {
        /// Pairs of a probability and what it is mapped to.
        points: Vec<(f64, f64)>,
    },
}

/// The version of the file that this program writes.
const VERSION: u32 = 1;

/// Log-odds are those of probabilities at least this far from 0 and 1.
const NEAREST: f64 = 1e-12;

/// The logarithm of the odds of a probability.
pub fn log_odds(p: f64) -> f64 {
    let p = p.clamp(NEAREST, 1.0 - NEAREST);
    (p / (1.0 - p)).ln()
}

/// The logistic function, the inverse of [`log_odds`].
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl CalibrationMap {
    /// The calibrated probability.
    pub fn apply(&self, p: f64) -> f64 {
        let p = p.clamp(0.0, 1.0);
        match self {
            Self::Temperature { temperature } => logistic(log_odds(p) / temperature),
            Self::Platt { slope, intercept } => logistic(slope * log_odds(p) + intercept),
            Self::Isotonic { points } => interpolated(points, p),
        }
    }

    /// The name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Temperature { .. } => "temperature",
            Self::Platt { .. } => "platt",
            Self::Isotonic { .. } => "isotonic",
        }
    }

    /// Why the map cannot be used; `None` if it can.
    fn fault(&self) -> Option<&'static str> {
        let is_probability = |p: f64| (0.0..=1.0).contains(&p);
        match self {
            Self::Temperature { temperature }
                if !temperature.is_finite() || *temperature <= 0.0 =>
            {
                Some("the temperature is not a positive number")
            }
            Self::Platt { slope, intercept } if !slope.is_finite() || !intercept.is_finite() => {
                Some("slope and intercept are not finite numbers")
            }
            Self::Isotonic { points } if points.is_empty() => Some("it has no points"),
            Self::Isotonic { points } => {
                let in_range =
                    points.iter().all(|(p, to)| is_probability(*p) && is_probability(*to));
                let rises =
                    points.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1);
                (!in_range || !rises).then_some("its points are not probabilities in rising order")
            }
            _ => None,
        }
    }
}

/// The value at `p` of straight lines between points; constant beyond the first and the last one.
fn interpolated(points: &[(f64, f64)], p: f64) -> f64 {
    let next = points.partition_point(|(at, _)| *at < p);
    match (next.checked_sub(1).and_then(|before| points.get(before)), points.get(next)) {
        (Some((start, low)), Some((end, high))) => low + (high - low) * (p - start) / (end - start),
        (Some((_, value)), None) | (None, Some((_, value))) => *value,
        (None, None) => p,
    }
}

impl Calibration {
    /// A map for the probability of this label, for any judge.
    pub fn new(map: CalibrationMap, positive: impl Into<String>) -> Self {
        let positive = positive.into();
        Self { v: VERSION, map, positive, model: None, prompt: None, records: 0 }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is not JSON of a calibration, is of a newer version, or holds a map that cannot be used.
    pub fn read(text: &str) -> Result<Self> {
        let error = |message: String| {
            Error::new(ErrorKind::Config, message).hint(
                "write one with `tribunal calibrate RESULTS --label FIELD --method … -o FILE`",
            )
        };
        let read: Self = serde_json::from_str(text).map_err(|cause| {
            error("the file is not a calibration".into()).because(json_fault(&cause))
        })?;
        if read.v > VERSION {
            let message = format!(
                "the calibration is of version {}, and this program reads {VERSION}",
                read.v
            );
            return Err(Error::new(ErrorKind::Config, message).hint("update tribunal"));
        }
        match read.map.fault() {
            Some(fault) => Err(error(format!("the calibration cannot be used: {fault}"))),
            None => Ok(read),
        }
    }

    /// The same map for any judge.
    #[must_use]
    pub fn for_any_judge(&self) -> Self {
        Self { model: None, prompt: None, ..self.clone() }
    }

    /// The calibrated probability.
    pub fn apply(&self, p: f64) -> f64 {
        self.map.apply(p)
    }

    /// Checks that it was fitted for this judge.
    ///
    /// A map of another judge would give numbers that only look calibrated, so it is refused.
    ///
    /// # Errors
    /// The model or the prompt is another one.
    pub fn check_judge(&self, model: &str, prompt: &CalibratedPrompt) -> Result<()> {
        let (what, own, other) = match (&self.model, &self.prompt) {
            (Some(own), _) if own != model => ("the model", own.as_str(), model),
            (_, Some(own)) if own.name != prompt.name => {
                ("the prompt", own.name.as_str(), prompt.name.as_str())
            }
            (_, Some(own)) if own.hash != prompt.hash => {
                let message = format!(
                    "the calibration was fitted for another version of the prompt `{}`, or for other settings of it",
                    prompt.name
                );
                return Err(refused(message));
            }
            _ => return Ok(()),
        };
        Err(refused(format!(
            "the calibration was fitted for {what} `{own}`, and not for `{other}`"
        )))
    }

    /// The verdict with calibrated probabilities. The label stays, even if another one is now likelier.
    ///
    /// The probabilities of the other labels keep their ratios.
    pub(crate) fn applied(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Label(label) => Verdict::Label(self.of_label(label)),
            verdict => verdict,
        }
    }

    fn of_label(&self, label: Label) -> Label {
        let Some(raw) = label.p else { return label };
        let p = self.apply(raw);
        let confidence = match label.confidence {
            _ if label.label == self.positive => Some(p),
            Some(own) if raw < 1.0 => Some(own * (1.0 - p) / (1.0 - raw)),
            other => other,
        };
        Label { p: Some(p), p_raw: Some(raw), confidence, ..label }
    }
}

/// The error of a calibration for another judge.
fn refused(message: String) -> Error {
    Error::new(ErrorKind::Config, message).hint(
        "fit one for this judge with `tribunal calibrate`, or leave out `model` and `prompt` in the file \
         to use it for any",
    )
}

/// The file: indented JSON.
impl std::fmt::Display for Calibration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, p: f64, confidence: f64) -> Verdict {
        Verdict::Label(Label { p: Some(p), confidence: Some(confidence), ..Label::new(name) })
    }

    #[test]
    fn the_probability_and_the_confidence_are_mapped_and_the_label_stays() {
        let map = CalibrationMap::Temperature { temperature: 2.0 };
        let calibration = Calibration::new(map, "correct");
        let Verdict::Label(sure) = calibration.applied(label("correct", 0.9, 0.9)) else {
            panic!()
        };
        assert!((sure.p.unwrap() - 0.75).abs() < 1e-9);
        assert_eq!((sure.p_raw, sure.confidence), (Some(0.9), sure.p));
        // 0.1 is mapped to 0.25, and the other labels share the rest as before.
        let Verdict::Label(other) = calibration.applied(label("wrong", 0.1, 0.6)) else { panic!() };
        assert!((other.p.unwrap() - 0.25).abs() < 1e-9);
        assert!((other.confidence.unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(other.label, "wrong");
        assert_eq!(calibration.applied(Verdict::Score(3.0)), Verdict::Score(3.0));
    }

    #[test]
    fn isotonic_points_are_joined_by_lines_and_constant_beyond_them() {
        let map = CalibrationMap::Isotonic { points: vec![(0.2, 0.1), (0.4, 0.1), (0.8, 0.9)] };
        for (p, to) in [(0.0, 0.1), (0.3, 0.1), (0.6, 0.5), (0.8, 0.9), (1.0, 0.9)] {
            assert!((map.apply(p) - to).abs() < 1e-12, "{p}");
        }
        // Equal probabilities with a step between two values.
        let step = CalibrationMap::Isotonic { points: vec![(0.5, 0.2), (0.5, 0.2), (0.6, 0.7)] };
        assert!((step.apply(0.5) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_file_is_read_back_or_refused_with_its_fault() {
        let map = CalibrationMap::Platt { slope: 0.5, intercept: -0.25 };
        let prompt = Some(CalibratedPrompt::new("check", "ab"));
        let calibration = Calibration {
            model: Some("tiny".into()),
            prompt,
            records: 20,
            ..Calibration::new(map, "yes")
        };
        assert_eq!(Calibration::read(&calibration.to_string()).unwrap(), calibration);
        let prompt = |name, hash| CalibratedPrompt::new(name, hash);
        assert!(calibration.check_judge("tiny", &prompt("check", "ab")).is_ok());
        for (model, name, hash) in
            [("large", "check", "ab"), ("tiny", "score", "ab"), ("tiny", "check", "cd")]
        {
            assert!(calibration.check_judge(model, &prompt(name, hash)).is_err());
        }
        for text in [
            "{}",
            r#"{"v": 2, "map": {"method": "temperature", "temperature": 1}, "positive": "a"}"#,
            r#"{"v": 1, "map": {"method": "temperature", "temperature": 0}, "positive": "a"}"#,
            r#"{"v": 1, "map": {"method": "isotonic", "points": []}, "positive": "a"}"#,
            r#"{"v": 1, "map": {"method": "isotonic", "points": [[0.5, 0.6], [0.6, 0.4]]}, "positive": "a"}"#,
            r#"{"v": 1, "map": {"method": "magic"}, "positive": "a"}"#,
        ] {
            assert!(Calibration::read(text).is_err(), "{text}");
        }
    }
}
