//! The area under the receiver operating characteristic, with its interval.
//!
//! It is the probability that a random positive record has a higher prediction than a random negative one;
//! ties count as half (Mann and Whitney 1947; Hanley and McNeil 1982). The variance is that of DeLong et al.
//! 1988, computed from ranks (Sun and Xu 2014).

use super::{real, sample::Observation};

/// An area under the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    /// The area, 0 to 1; 0.5 is chance.
    pub area: f64,
    /// The 95 % interval; `None` with fewer than two records of a class.
    pub interval: Option<(f64, f64)>,
}

/// The quantile of the normal distribution for an interval of 95 %.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// The area under the curve of these predictions; `None` unless both outcomes occur.
pub(super) fn auc(all: &[Observation]) -> Option<Auc> {
    let of = |wanted: bool| -> Vec<f64> {
        all.iter().filter(|one| one.is_positive == wanted).map(|one| one.p).collect()
    };
    let (positive, negative) = (of(true), of(false));
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let (ups, downs) = (real(positive.len()), real(negative.len()));
    let together = ranks(&[positive.clone(), negative.clone()].concat());
    let (upper, lower) = together.split_at(positive.len());
    // For each record, the share of the other class that is ranked on its wrong side.
    let won: Vec<f64> =
        upper.iter().zip(ranks(&positive)).map(|(all, own)| (all - own) / downs).collect();
    let lost: Vec<f64> =
        lower.iter().zip(ranks(&negative)).map(|(all, own)| 1.0 - (all - own) / ups).collect();
    let area = won.iter().sum::<f64>() / ups;
    let variance = variance(&won).zip(variance(&lost));
    let interval = variance.map(|(one, other)| {
        let reach = QUANTILE * (one / ups + other / downs).sqrt();
        ((area - reach).max(0.0), (area + reach).min(1.0))
    });
    Some(Auc { area, interval })
}

/// The variance of a sample; `None` with fewer than two numbers.
fn variance(sample: &[f64]) -> Option<f64> {
    let count = real(sample.len());
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|one| (one - mean).powi(2)).sum();
    (sample.len() > 1).then(|| squares / (count - 1.0))
}

/// The rank of each number, from 0; equal numbers share the mean of their ranks. Only exactly equal numbers are
/// equal: near 0 and 1, small differences of probabilities are large differences of odds.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|&one, &other| numbers[one].total_cmp(&numbers[other]));
    let (mut ranks, mut start) = (vec![0.0; numbers.len()], 0);
    for tied in places.chunk_by(|&one, &other| numbers[one].total_cmp(&numbers[other]).is_eq()) {
        let rank = real(start) + real(tied.len() - 1) / 2.0;
        tied.iter().for_each(|&place| ranks[place] = rank);
        start += tied.len();
    }
    ranks
}
