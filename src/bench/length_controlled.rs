//! The win rate of AlpacaEval 2 at equal length (Dubois et al. 2024; `glm_winrate.py` of tatsu-lab/alpaca_eval).
//!
//! The log-odds of a preference are `a·tanh(d/s) + b·difficulty + c`: `d` is the difference in characters, `s` its standard
//! deviation over the records of a model, and the difficulty is a number for each instruction. The weights have an L1
//! penalty, whose strength is chosen among ten by five folds. The figure is the mean of the predictions for `d = 0`, also
//! for records whose preference is not known. Without difficulties it is the form that the authors call minimal.
//!
//! The authors add rows of two gamed baselines, which keep the weights small. These rows were not seen, and are not added.

use super::fit::{self, Sample};
use crate::metrics::{mean, real, standard_error};

/// One record of a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    /// The characters of the baseline's answer less those of the model's.
    pub(super) difference: f64,
    /// How difficult the instruction is, where that is known.
    pub(super) difficulty: Option<f64>,
    /// How far the model's answer is preferred, 0 to 1; `None` if that is not known.
    pub(super) won: Option<f64>,
}

/// The figure of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct Controlled {
    /// The prediction for each record at equal length.
    pub(super) predictions: Vec<f64>,
}

impl Controlled {
    /// The win rate at equal length.
    pub(super) fn win_rate(&self) -> Option<f64> {
        mean(&self.predictions)
    }

    /// Its standard error: that of the mean of the predictions.
    pub(super) fn standard_error(&self) -> Option<f64> {
        standard_error(&self.predictions)
    }
}

/// The number of folds.
const FOLDS: usize = 5;

/// How strong the loss counts beside the penalty: ten powers of ten from 0.0001 to 10,000, evenly apart.
fn strengths() -> impl Iterator<Item = f64> {
    (0..10).map(|n| 10_f64.powf(-4.0 + 8.0 * f64::from(n) / 9.0))
}

/// The figure of a model at equal length; `None` if nothing can be fitted.
pub(super) fn controlled(records: &[Compared]) -> Option<Controlled> {
    let differences: Vec<f64> = records.iter().map(|one| one.difference).collect();
    let spread = standard_error(&differences)? * real(differences.len()).sqrt();
    let has_difficulty = records.iter().all(|one| one.difficulty.is_some());
    let features = |one: &Compared, length: f64| {
        let difficulty = one.difficulty.filter(|_| has_difficulty);
        std::iter::once(length).chain(difficulty).chain([1.0]).collect::<Vec<f64>>()
    };
    let scaled = |one: &Compared| if spread > 0.0 { (one.difference / spread).tanh() } else { 0.0 };
    let sample =
        |one: &Compared| Some(Sample { features: features(one, scaled(one)), share: one.won? });
    let samples: Vec<Sample> = records.iter().filter_map(sample).collect();
    let weights = fit::lasso(&samples, chosen_strength(&samples)?)?;
    let predicted = |one: &Compared| {
        let pairs = features(one, 0.0).into_iter().zip(&weights);
        fit::sigmoid(pairs.map(|(feature, weight)| feature * weight).sum())
    };
    Some(Controlled { predictions: records.iter().map(predicted).collect() })
}

/// The strength with the smallest mean loss on the folds that were left out; of equal ones the first. `None` if there are
/// fewer observations than folds.
fn chosen_strength(samples: &[Sample]) -> Option<f64> {
    if samples.len() < FOLDS {
        return None;
    }
    // From the last one on, one to each fold in turn.
    let fold = |place: usize| (samples.len() - 1 - place) % FOLDS;
    let part = |of: &dyn Fn(usize) -> bool| -> Vec<Sample> {
        let all = samples.iter().enumerate();
        all.filter(|(place, _)| of(fold(*place))).map(|(_, sample)| sample.clone()).collect()
    };
    let folds: Vec<(Vec<Sample>, Vec<Sample>)> =
        (0..FOLDS).map(|n| (part(&|fold| fold != n), part(&|fold| fold == n))).collect();
    let loss_of = |strength: f64| {
        let one = |(learned, left): &(Vec<Sample>, Vec<Sample>)| {
            Some(fit::loss(left, &fit::lasso(learned, strength)?) / real(left.len()))
        };
        mean(&folds.iter().map(one).collect::<Option<Vec<f64>>>()?)
    };
    let rated = strengths().filter_map(|strength| Some((strength, loss_of(strength)?)));
    rated.min_by(|one, two| one.1.total_cmp(&two.1)).map(|(strength, _)| strength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Figures of scikit-learn on records that were made for it: `tests/data/benchmarks/length_controlled.py`.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let cases: Value = serde_json::from_str(include_str!(
            "../../tests/data/benchmarks/length_controlled.json"
        ))
        .unwrap();
        for (name, case) in cases.as_object().unwrap() {
            let record = |one: &Value| Compared {
                difference: one["len_1"].as_f64().unwrap() - one["len_2"].as_f64().unwrap(),
                difficulty: one["difficulty"].as_f64(),
                won: one["share"].as_f64(),
            };
            let records: Vec<Compared> =
                case["records"].as_array().unwrap().iter().map(record).collect();
            let found = controlled(&records).unwrap();
            for (figure, expected) in [
                (found.win_rate(), &case["reference"]["win_rate"]),
                (found.standard_error(), &case["reference"]["standard_error"]),
            ] {
                let (figure, expected) = (figure.unwrap(), expected.as_f64().unwrap());
                assert!((figure - expected).abs() < 1e-6, "{name}: {figure}, not {expected}");
            }
        }
    }

    #[test]
    fn what_cannot_be_fitted_has_no_figure() {
        let one = Compared { difference: 5.0, difficulty: None, won: Some(0.5) };
        assert!(controlled(&[one; 4]).is_none());
        assert!(controlled(&[]).is_none());
        // Answers of equal length say nothing about length.
        let even = controlled(&[one; 10]).unwrap();
        assert!((even.win_rate().unwrap() - 0.5).abs() < 1e-9);
        let none = [Compared { won: None, ..one }; 10];
        assert!(controlled(&none).is_none());
    }
}
