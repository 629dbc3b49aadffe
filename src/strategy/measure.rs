//! Verdicts as numbers, by which strategies compare answers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    aggregate::Reduce,
    error::{Error, ErrorKind, Result},
    verdict::{Judgment, Verdict},
};

/// Which number of a judgment an answer is measured by. A larger number is a better answer.
///
/// ```
/// use tribunal::{Judgment, Verdict, strategy::Measure, verdict::Label};
///
/// let mut label = Label::new("incorrect");
/// label.p = Some(0.25);
/// let judgment = Judgment::new(Ok(Verdict::Label(label)));
/// assert_eq!(Measure::Auto.of(&judgment), Some(0.25));
/// assert_eq!(Measure::Score.of(&judgment), None);
/// assert_eq!("soft-min:0.5".parse::<Measure>()?.to_string(), "soft-min:0.5");
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// The finest number that the verdict has: `Expected`, `P`, `Score`, and then whether the answer passes.
    #[default]
    Auto,
    /// The score, in the units of its scale; of a rubric and of steps, the one number that was made of them.
    Score,
    /// The expected score: the mean over the scale by the probabilities of its values, in the units of the scale.
    Expected,
    /// The probability of the positive label, 0 to 1.
    P,
    /// Whether the judgment passes, as 1 or 0.
    Pass,
    /// One number made of the probabilities of all steps, 0 to 1.
    Steps(Reduce),
}

impl Measure {
    /// The words of all measures, apart from those of [`Reduce`].
    pub const NAMES: [&'static str; 5] = ["auto", "score", "expected", "p", "pass"];

    /// The number of this judgment; `None` if it is unreadable, or has no such number.
    pub fn of(self, judgment: &Judgment) -> Option<f64> {
        let verdict = judgment.verdict.as_ref().ok()?;
        match self {
            Self::Auto => [Self::Expected, Self::P, Self::Score, Self::Pass]
                .into_iter()
                .find_map(|measure| measure.of(judgment))
                .or_else(|| share_correct(verdict)),
            Self::Score => verdict.score(),
            Self::Expected => judgment.expected_score,
            Self::P => verdict.p(),
            Self::Pass => judgment.pass.map(|pass| if pass { 1.0 } else { 0.0 }),
            Self::Steps(reduce) => match verdict {
                Verdict::Steps(steps) => reduce.of_steps(steps),
                _ => None,
            },
        }
        .filter(|number| number.is_finite())
    }
}

/// The share of steps before the first error, of a judge that gives labels without probabilities.
#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 steps")]
fn share_correct(verdict: &Verdict) -> Option<f64> {
    let Verdict::Steps(steps) = verdict else { return None };
    match steps.first_error {
        None => Some(1.0),
        Some(_) if steps.steps.is_empty() => None,
        Some(first) => Some(first.min(steps.steps.len()) as f64 / steps.steps.len() as f64),
    }
}

/// The word in settings: `auto`, `p`, or a word of [`Reduce`] such as `min`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [auto, score, expected, p, pass] = Self::NAMES;
        f.write_str(match self {
            Self::Auto => auto,
            Self::Score => score,
            Self::Expected => expected,
            Self::P => p,
            Self::Pass => pass,
            Self::Steps(reduce) => return reduce.fmt(f),
        })
    }
}

impl FromStr for Measure {
    type Err = Error;

    /// # Errors
    /// The word is not a measure.
    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "auto" => Self::Auto,
            "score" => Self::Score,
            "expected" => Self::Expected,
            "p" => Self::P,
            "pass" => Self::Pass,
            _ => match word.parse() {
                Ok(reduce) => Self::Steps(reduce),
                Err(error) if word.contains(':') => return Err(error),
                Err(_) => {
                    let names = Self::NAMES.into_iter().chain(Reduce::NAMES).collect::<Vec<_>>();
                    return Err(crate::error::unknown(ErrorKind::Config, "measure", word, names));
                }
            },
        })
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Measure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Label, Reason, StepLabel, Steps, Unreadable};

    fn judged(verdict: Verdict) -> Judgment {
        Judgment::new(Ok(verdict))
    }

    fn steps(p: &[f64]) -> Verdict {
        let labels = p.iter().enumerate().map(|(index, p)| {
            let mut label = StepLabel::new(index, "correct");
            label.p = Some(*p);
            label
        });
        Verdict::Steps(Steps { first_error: None, steps: labels.collect(), score: None })
    }

    #[test]
    fn auto_takes_the_finest_number() {
        let mut judgment = judged(Verdict::Score(7.0));
        assert_eq!(Measure::Auto.of(&judgment), Some(7.0));
        judgment.expected_score = Some(6.4);
        assert_eq!(Measure::Auto.of(&judgment), Some(6.4));
        assert_eq!(Measure::Score.of(&judgment), Some(7.0));
        let mut judgment = judged(Verdict::Label(Label::new("correct")));
        assert_eq!(Measure::Auto.of(&judgment), None);
        judgment.pass = Some(true);
        assert_eq!(Measure::Auto.of(&judgment), Some(1.0));
    }

    #[test]
    fn an_unreadable_judgment_has_no_number() {
        let mut judgment = Judgment::new(Err(Unreadable::new(Reason::Missing, "no verdict")));
        judgment.pass = Some(false);
        for measure in [Measure::Auto, Measure::Score, Measure::Expected, Measure::P, Measure::Pass]
        {
            assert_eq!(measure.of(&judgment), None);
        }
        assert_eq!(Measure::Score.of(&judged(Verdict::Score(f64::NAN))), None);
    }

    #[test]
    fn steps_are_measured_by_their_probabilities() {
        let judgment = judged(steps(&[0.9, 0.5, 0.8]));
        assert_eq!(Measure::Steps(Reduce::Min).of(&judgment), Some(0.5));
        assert_eq!(Measure::Steps(Reduce::Last).of(&judgment), Some(0.8));
        assert_eq!(Measure::P.of(&judgment), None);
        let labels = vec![StepLabel::new(0, "correct"), StepLabel::new(1, "incorrect")];
        let labelled = Steps { first_error: Some(1), steps: labels, score: None };
        assert_eq!(Measure::Auto.of(&judged(Verdict::Steps(labelled))), Some(0.5));
    }

    #[test]
    fn a_measure_is_written_as_it_is_read() {
        for word in [
            "auto",
            "score",
            "expected",
            "p",
            "pass",
            "last",
            "min",
            "product",
            "mean",
            "soft-min:0.5",
        ] {
            assert_eq!(word.parse::<Measure>().unwrap().to_string(), word);
        }
        assert!("scor".parse::<Measure>().unwrap_err().to_string().contains("scor"));
        assert!("soft-min:0".parse::<Measure>().is_err());
    }
}
