//! The thresholds of a cascade: how sure each of its judges must be to decide.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CalibratedPrompt;
use crate::error::{Error, ErrorKind, Result, json_fault};

/// The thresholds of a cascade, and the judges that they were fitted for; a JSON file that `tribunal calibrate --agree`
/// writes.
///
/// ```
/// use tribunal::verdict::CascadeThresholds;
///
/// let file = r#"{"v": 1, "agree": 0.9, "delta": 0.1, "judges": [{"threshold": 0.93}, {"threshold": null}]}"#;
/// let thresholds = CascadeThresholds::read(file)?;
/// assert_eq!(thresholds.certainty(), [0.93, f64::INFINITY]);
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CascadeThresholds {
    /// The version of the file.
    pub v: u32,
    /// The least share of the decided records on which the cascade agrees with the labels.
    pub agree: f64,
    /// The probability that this does not hold.
    pub delta: f64,
    /// The judges, in the order in which they are asked.
    pub judges: Vec<JudgeThreshold>,
    /// How many records they were fitted on.
    #[serde(default)]
    pub records: usize,
}

/// The threshold of one judge of a cascade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgeThreshold {
    /// The certainty with which it decides; `None` if it never does.
    pub threshold: Option<f64>,
    /// The model that it was fitted for; any if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The prompt that it was fitted for; any if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<CalibratedPrompt>,
}

/// The version of the file that this program writes.
const VERSION: u32 = 1;

impl CascadeThresholds {
    /// Thresholds with which a cascade agrees with labels on at least this share of what it decides, except with the
    /// probability `delta`.
    pub fn new(agree: f64, delta: f64, judges: Vec<JudgeThreshold>) -> Self {
        Self { v: VERSION, agree, delta, judges, records: 0 }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is not JSON of thresholds, is of a newer version, or holds a number that cannot be a threshold.
    pub fn read(text: &str) -> Result<Self> {
        let error = |message: &str| {
            Error::new(ErrorKind::Config, message)
                .hint("write one with `tribunal calibrate SMALL LARGE --agree 0.9 -o FILE`")
        };
        let read: Self = serde_json::from_str(text).map_err(|cause| {
            error("the file holds no thresholds of a cascade").because(json_fault(&cause))
        })?;
        if read.v > VERSION {
            let message = format!(
                "the thresholds are of version {}, and this program reads {VERSION}",
                read.v
            );
            return Err(Error::new(ErrorKind::Config, message).hint("update tribunal"));
        }
        let is_share = |one: &JudgeThreshold| {
            one.threshold.is_none_or(|threshold| (0.0..=1.0).contains(&threshold))
        };
        if !read.judges.iter().all(is_share) {
            return Err(error("a threshold is not a number from 0 to 1"));
        }
        Ok(read)
    }

    /// The certainty with which each judge decides; infinite for one that never does.
    pub fn certainty(&self) -> Vec<f64> {
        self.judges.iter().map(|judge| judge.threshold.unwrap_or(f64::INFINITY)).collect()
    }

    /// The same thresholds for any judges.
    #[must_use]
    pub fn for_any_judge(&self) -> Self {
        let any =
            |judge: &JudgeThreshold| JudgeThreshold { model: None, prompt: None, ..judge.clone() };
        Self { judges: self.judges.iter().map(any).collect(), ..self.clone() }
    }

    /// Checks that they were fitted for these judges, each with its model and its prompt.
    ///
    /// # Errors
    /// The number of judges, a model or a prompt is another one.
    pub(crate) fn check_judges(&self, judges: &[(String, CalibratedPrompt)]) -> Result<()> {
        let refused = |message: String| {
            Err(Error::new(ErrorKind::Config, message).hint(
                "fit them for this cascade with `tribunal calibrate --agree`, or leave out `model` and `prompt` in \
                 the file to use them for any",
            ))
        };
        if self.judges.len() != judges.len() {
            return refused(format!(
                "the thresholds are for {} judges, and the cascade has {}",
                self.judges.len(),
                judges.len()
            ));
        }
        for (own, (model, prompt)) in self.judges.iter().zip(judges) {
            if let Some(known) = own.model.as_ref().filter(|known| *known != model) {
                return refused(format!(
                    "the thresholds were fitted for the model `{known}`, and not for `{model}`"
                ));
            }
            if let Some(known) = own.prompt.as_ref().filter(|known| *known != prompt) {
                return refused(format!(
                    "the thresholds were fitted for the prompt `{}` with other settings, or for another one than `{}`",
                    known.name, prompt.name
                ));
            }
        }
        Ok(())
    }
}

/// The file: indented JSON.
impl fmt::Display for CascadeThresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back_and_belongs_to_its_judges() {
        let prompt = |hash: &str| CalibratedPrompt::new("correct", hash);
        let one = |threshold, model: &str| JudgeThreshold {
            threshold,
            model: Some(model.into()),
            prompt: Some(prompt("ab")),
        };
        let own = CascadeThresholds::new(0.9, 0.1, vec![one(Some(0.8), "s"), one(None, "l")]);
        assert_eq!(CascadeThresholds::read(&own.to_string()).unwrap(), own);
        let judges = |small: &str, hash: &str| {
            [(small.to_owned(), prompt("ab")), ("l".to_owned(), prompt(hash))]
        };
        assert!(own.check_judges(&judges("s", "ab")).is_ok());
        assert!(own.check_judges(&judges("x", "ab")).is_err());
        assert!(own.check_judges(&judges("s", "cd")).is_err());
        assert!(own.check_judges(&judges("s", "ab")[..1]).is_err());
        assert!(own.for_any_judge().check_judges(&judges("x", "cd")).is_ok());
        for text in [
            "{}",
            r#"{"v":2,"agree":0.9,"delta":0.1,"judges":[]}"#,
            r#"{"v":1,"agree":0.9,"delta":0.1,"judges":[{"threshold":2}]}"#,
        ] {
            assert!(CascadeThresholds::read(text).is_err(), "{text}");
        }
    }
}
