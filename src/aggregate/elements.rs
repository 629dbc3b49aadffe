//! One number from those of several elements of a record, such as its steps or its retrieved passages.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    scale::without_noise,
    verdict::Steps,
};

/// How the numbers of all elements of a record become one: the scores of an `each` prompt, or the probabilities of steps
/// (key and setting `reduce`).
///
/// For process rewards: `last` and `min` (Lightman et al. 2024; Wang et al. 2024, Math-Shepherd), `product` (Lightman et
/// al. 2024), `mean` (Dong et al. 2024, RLHFlow), `soft-min` (Cheng et al. 2025, PURE).
///
/// ```
/// use tribunal::aggregate::Reduce;
///
/// let steps = [0.9, 0.5, 0.8];
/// assert_eq!(Reduce::Min.of(&steps), Some(0.5));
/// assert_eq!(Reduce::Last.of(&steps), Some(0.8));
/// let soft = "soft-min:0.1".parse::<Reduce>()?.of(&steps).unwrap();
/// assert!(0.5 < soft && soft < 0.6);
/// // The first and the third of three passages are relevant.
/// assert_eq!(Reduce::AveragePrecision.of(&[1.0, 0.0, 1.0]), Some((1.0 + 2.0 / 3.0) / 2.0));
/// assert_eq!(Reduce::Min.of(&[]), None);
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reduce {
    /// The mean of the numbers.
    Mean,
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// The number of the last element.
    Last,
    /// The product of the numbers: of probabilities, the one that all steps are right if each is independent of the
    /// others.
    Product,
    /// The mean weighted by softmax(−r/T): Σ exp(−rᵢ/T)·rᵢ / Σ exp(−rᵢ/T). It lies between `Min` (T towards 0) and
    /// `Mean` (large T). The field is the temperature T, above 0.
    SoftMin(f64),
    /// The mean, over the relevant elements, of the share of relevant ones among all elements up to their rank (Ragas'
    /// context precision). Elements are relevant if their score is above 0.5; with none, it is 0.
    AveragePrecision,
}

impl Reduce {
    /// The words in prompt files and settings. `soft-min:T` sets the temperature.
    pub const NAMES: [&'static str; 7] =
        ["mean", "min", "max", "last", "product", "soft-min", "average-precision"];

    /// The temperature of `soft-min` if none is given.
    pub const TEMPERATURE: f64 = 0.1;

    /// One number from these, in the order of the elements; `None` if there are none.
    pub fn of(self, numbers: &[f64]) -> Option<f64> {
        if numbers.is_empty() {
            return None;
        }
        match self {
            Self::Mean => Some(without_noise(mean(numbers))),
            Self::Min => numbers.iter().copied().reduce(f64::min),
            Self::Max => numbers.iter().copied().reduce(f64::max),
            Self::Last => numbers.last().copied(),
            Self::Product => Some(numbers.iter().product()),
            Self::SoftMin(temperature) => Some(soft_min(numbers, temperature)),
            Self::AveragePrecision => Some(average_precision(numbers)),
        }
    }

    /// One number from the probabilities of these steps; `None` if there are none, or if one has no probability.
    pub fn of_steps(self, steps: &Steps) -> Option<f64> {
        let all: Option<Vec<f64>> = steps.steps.iter().map(|step| step.p).collect();
        self.of(&all?)
    }
}

/// The word in prompt files: `min`, `soft-min`, or `soft-min:0.5` with another temperature.
impl fmt::Display for Reduce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mean, min, max, last, product, soft_min, average_precision] = Self::NAMES;
        f.write_str(match self {
            Self::Mean => mean,
            Self::Min => min,
            Self::Max => max,
            Self::Last => last,
            Self::Product => product,
            Self::SoftMin(temperature) if temperature.to_bits() == Self::TEMPERATURE.to_bits() => {
                soft_min
            }
            Self::SoftMin(temperature) => return write!(f, "{soft_min}:{temperature}"),
            Self::AveragePrecision => average_precision,
        })
    }
}

impl FromStr for Reduce {
    type Err = Error;

    /// Reads one of the [names](Self::NAMES); `soft-min` may be followed by `:` and its temperature.
    fn from_str(word: &str) -> Result<Self> {
        let wrong = |message: String| {
            Error::new(ErrorKind::Config, message).hint("write `soft-min:0.1`: a number above 0")
        };
        let (name, temperature) = match word.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (word, None),
        };
        let temperature = match (name, temperature) {
            (_, None) => Self::TEMPERATURE,
            ("soft-min", Some(number)) => match number.trim().parse::<f64>() {
                Ok(number) if number > 0.0 && number.is_finite() => number,
                _ => return Err(wrong(format!("`{number}` is not a temperature of `soft-min`"))),
            },
            (name, Some(_)) => return Err(wrong(format!("`{name}` has no temperature"))),
        };
        Ok(match name {
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "last" => Self::Last,
            "product" => Self::Product,
            "soft-min" => Self::SoftMin(temperature),
            "average-precision" => Self::AveragePrecision,
            other => return Err(unknown(ErrorKind::Config, "`reduce`", other, Self::NAMES)),
        })
    }
}

impl Serialize for Reduce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reduce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The mean weighted by softmax(−r/T). Subtracting the lowest number first changes no weight, and avoids overflow.
fn soft_min(numbers: &[f64], temperature: f64) -> f64 {
    let lowest = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let weight = |number: f64| (-(number - lowest) / temperature).exp();
    let total: f64 = numbers.iter().map(|number| weight(*number)).sum();
    without_noise(numbers.iter().map(|number| weight(*number) * number).sum::<f64>() / total)
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
    use proptest::{collection::vec, prelude::*};

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
        let of = |how: Reduce| how.of(&[4.0, 1.0, 5.0]).unwrap().to_string();
        assert_eq!(
            [Reduce::Mean, Reduce::Min, Reduce::Max, Reduce::Last, Reduce::Product].map(of),
            ["3.333333333", "1", "5", "5", "20"]
        );
    }

    #[test]
    fn a_soft_minimum_of_two_is_known() {
        let expected = (0.2 + 0.7 * (-5.0_f64).exp()) / (1.0 + (-5.0_f64).exp());
        let found = Reduce::SoftMin(0.1).of(&[0.7, 0.2]).unwrap();
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for word in Reduce::NAMES.into_iter().chain(["soft-min:0.5", "soft-min:2"]) {
            assert_eq!(word.parse::<Reduce>().unwrap().to_string(), word);
        }
        assert_eq!("soft-min:0.1".parse::<Reduce>().unwrap(), Reduce::SoftMin(0.1));
        for wrong in ["softmin", "soft-min:0", "soft-min:x", "min:0.1", ""] {
            assert!(wrong.parse::<Reduce>().is_err(), "{wrong}");
        }
    }

    fn all(temperature: f64) -> [Reduce; 5] {
        [Reduce::Mean, Reduce::Min, Reduce::Max, Reduce::Product, Reduce::SoftMin(temperature)]
    }

    proptest! {
        #[test]
        fn the_minimum_is_below_the_soft_minimum_and_that_below_the_mean(
            numbers in vec(-4.0..4.0_f64, 1..12),
            temperature in 0.01..10.0_f64,
        ) {
            let of = |how: Reduce| how.of(&numbers).unwrap();
            let soft = of(Reduce::SoftMin(temperature));
            prop_assert!(of(Reduce::Min) <= soft + 1e-8);
            prop_assert!(soft <= of(Reduce::Mean) + 1e-8);
            prop_assert!(of(Reduce::Mean) <= of(Reduce::Max) + 1e-8);
        }

        #[test]
        fn the_product_of_probabilities_is_below_each(numbers in vec(0.0..=1.0_f64, 1..12)) {
            let product = Reduce::Product.of(&numbers).unwrap();
            prop_assert!(0.0 <= product && product <= Reduce::Min.of(&numbers).unwrap());
        }

        #[test]
        fn the_order_counts_for_the_last_only(
            (numbers, shuffled) in vec(0.0..=1.0_f64, 1..9)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            temperature in 0.01..10.0_f64,
        ) {
            for how in all(temperature) {
                let (one, other) = (how.of(&numbers).unwrap(), how.of(&shuffled).unwrap());
                prop_assert!((one - other).abs() < 1e-8, "{} {} {}", how, one, other);
            }
            prop_assert_eq!(Reduce::Last.of(&shuffled), shuffled.last().copied());
        }

        #[test]
        fn equal_numbers_stay_what_they_are(number in 0.0..=1.0_f64, count in 1_usize..9) {
            let numbers = vec![number; count];
            for how in [Reduce::Mean, Reduce::Min, Reduce::Max, Reduce::Last, Reduce::SoftMin(0.1)] {
                prop_assert!((how.of(&numbers).unwrap() - number).abs() < 1e-8);
            }
        }
    }
}
