//! Calibration: whether the probabilities of a judge are as often right as they say.
//!
//! All figures are plain sums over pairs of a prediction and an outcome, without random numbers. Records
//! without a prediction or a label are counted, and are in no figure.
//!
//! | module | what it holds |
//! |---|---|
//! | `sample` | a prediction with its outcome |
//! | `collect` | predictions and outcomes from result lines |
//! | `gaps` | the interval of the expected calibration error |
//! | `figures` | reliability, expected calibration error, Brier score, area under the curve |
//! | `fit` | temperature, Platt and isotonic maps, and their cross-validation |
//! | `print` | the report, for people and for programs |

mod collect;
mod figures;
mod fit;
mod gaps;
mod print;
mod sample;

pub use {
    collect::{CalibrationSample, Coverage, Quantity},
    figures::{BrierParts, CalibrationFigures},
    fit::FitMethod,
    print::CalibrationReport,
    sample::Observation,
};

use crate::{
    error::{Error, ErrorKind, Result},
    metrics::real,
    verdict::{Calibration, CalibrationMap},
};

/// A map that was fitted on a sample, and what it changes there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted {
    /// The map, fitted on all records.
    pub map: CalibrationMap,
    /// The number of folds.
    pub folds: usize,
    /// The figures of maps that were fitted without the record itself; `None` if the sample is too small.
    pub cross_validated: Option<CalibrationFigures>,
}

impl Fitted {
    /// Fits a map, and measures it by cross-validation in this number of folds, at least two.
    ///
    /// ```
    /// use tribunal::report::{CalibrationFigures, FitMethod, Fitted, Observation};
    ///
    /// // A judge that says 0.99 and is right in 3 of 4 cases.
    /// let sample: Vec<_> = (0..400).map(|n| Observation::new(0.99, n % 4 > 0, n)).collect();
    /// let fitted = Fitted::new(FitMethod::Temperature, &sample, 5, 10)?;
    /// assert!((fitted.map.apply(0.99) - 0.75).abs() < 1e-6);
    /// assert!(CalibrationFigures::new(&sample, 10).ece > 0.2);
    /// assert!(fitted.cross_validated.unwrap().ece < 0.05);
    /// # Ok::<(), tribunal::Error>(())
    /// ```
    ///
    /// # Errors
    /// All records have the same outcome, so that no map can be fitted.
    pub fn new(method: FitMethod, all: &[Observation], folds: usize, bins: usize) -> Result<Self> {
        let Some(map) = method.fit(all) else {
            let message = "a map needs records with both outcomes, and all of these have the same";
            return Err(Error::new(ErrorKind::Config, message)
                .hint("use more labelled records, or see whether --label names the right field"));
        };
        let folds = folds.max(2);
        let validated = fit::cross_validated(all, method, folds);
        let cross_validated = validated.map(|all| CalibrationFigures::new(&all, bins));
        Ok(Self { map, folds, cross_validated })
    }
}

impl CalibrationSample {
    /// The file of a map that was fitted on this sample, for its model and its prompt.
    ///
    /// # Errors
    /// The predictions are not probabilities of labels, which alone can be calibrated in results; or the
    /// lines are of several models or prompts.
    pub fn calibration(&self, map: CalibrationMap, records: usize) -> Result<Calibration> {
        let quantity = self.quantity()?;
        if quantity != Quantity::P {
            let message = format!(
                "a map for `{}` cannot be saved: judges apply maps to the probability of a label",
                quantity.name()
            );
            return Err(
                Error::new(ErrorKind::Config, message).hint("leave out -o to print the figures")
            );
        }
        let Some((model, prompt)) = self.judge() else {
            let message =
                "the results are of several models or prompts, and a map belongs to one judge";
            return Err(Error::new(ErrorKind::Config, message)
                .hint("use the results of one judge, such as those of one run"));
        };
        let mut calibration = Calibration::new(map, self.positive_label()?);
        (calibration.model, calibration.prompt) = (Some(model.clone()), Some(prompt.clone()));
        calibration.records = records;
        Ok(calibration)
    }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
