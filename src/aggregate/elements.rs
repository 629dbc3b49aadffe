//! One score from the scores of several elements of a record, such as its steps or its retrieved passages.

use serde::{Deserialize, Serialize};

use crate::scale::without_noise;

/// How the scores of all elements of a record become one (key `reduce` of a prompt file).
///
/// ```
/// use tribunal::aggregate::Reduce;
///
/// // The first and the third of three passages are relevant.
/// assert_eq!(Reduce::AveragePrecision.of(&[1.0, 0.0, 1.0]), Some((1.0 + 2.0 / 3.0) / 2.0));
/// assert_eq!(Reduce::Min.of(&[]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduce {
    /// The mean of the scores.
    Mean,
    /// The lowest score.
    Min,
    /// The highest score.
    Max,
    /// The mean, over the relevant elements, of the share of relevant ones among all elements up to their rank (Ragas'
    /// context precision). Elements are relevant if their score is above 0.5; with none, it is 0.
    AveragePrecision,
}

impl Reduce {
    /// The words in prompt files.
    pub const NAMES: [&'static str; 4] = ["mean", "min", "max", "average-precision"];

    /// One score from these, in the order of the elements; `None` if there are none.
    pub fn of(self, scores: &[f64]) -> Option<f64> {
        if scores.is_empty() {
            return None;
        }
        match self {
            Self::Mean => Some(without_noise(mean(scores))),
            Self::Min => scores.iter().copied().reduce(f64::min),
            Self::Max => scores.iter().copied().reduce(f64::max),
            Self::AveragePrecision => Some(average_precision(scores)),
        }
    }
}

/// The mean of the precisions at the ranks of the relevant elements.
fn average_precision(scores: &[f64]) -> f64 {
    let (mut relevant, mut precisions) = (0_u32, 0.0);
    for (rank, score) in (1_u32..).zip(scores) {
        if *score > 0.5 {
            relevant += 1;
            precisions += f64::from(relevant) / f64::from(rank);
        }
    }
    if relevant == 0 { 0.0 } else { precisions / f64::from(relevant) }
}

/// The mean, which is never outside the range of the numbers.
#[expect(clippy::cast_precision_loss, reason = "no record has 2^52 elements")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_depends_on_the_rank_of_what_is_relevant() {
        let of = |scores: &[f64]| Reduce::AveragePrecision.of(scores).unwrap();
        assert!((of(&[1.0, 1.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!((of(&[0.0, 1.0, 1.0]) - f64::midpoint(0.5, 2.0 / 3.0)).abs() < 1e-12);
        assert!((of(&[0.0, 0.0, 1.0]) - 1.0 / 3.0).abs() < 1e-12);
        assert!(of(&[0.0, 0.0]).abs() < 1e-12);
        assert!((of(&[0.4, 0.9]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn scores_on_any_scale_have_a_mean_and_ends() {
        let of = |how: Reduce| how.of(&[4.0, 1.0, 5.0]).unwrap();
        assert_eq!(
            (
                of(Reduce::Mean).to_string(),
                of(Reduce::Min).to_string(),
                of(Reduce::Max).to_string()
            ),
            ("3.333333333".into(), "1".into(), "5".into())
        );
    }
}
