//! Means and shares with their intervals.
//!
//! All intervals are of 95 % where no other confidence is named. Random seeds are fixed, so that equal data give an
//! equal interval.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{Interval, Z95, ratio, real};

/// The mean; `None` without numbers, or if one of them is not finite.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    let mean = numbers.iter().sum::<f64>() / real(numbers.len());
    mean.is_finite().then_some(mean)
}

/// The standard error of a mean of independent numbers: √(Σ(x − x̄)² / (n − 1) / n); `None` with fewer than two.
pub fn standard_error(numbers: &[f64]) -> Option<f64> {
    let middle = mean(numbers)?;
    let squares: f64 = numbers.iter().map(|number| (number - middle).powi(2)).sum();
    let count = real(numbers.len());
    (count > 1.0).then(|| (squares / (count - 1.0) / count).sqrt())
}

/// The number below which a standard normal number lies with this probability; `None` unless 0 < p < 1.
///
/// ```
/// use tribunal::metrics::normal_quantile;
///
/// assert!((normal_quantile(0.975).unwrap() - 1.959_963_984_540_054).abs() < 1e-9);
/// ```
pub fn normal_quantile(p: f64) -> Option<f64> {
    (p > 0.0 && p < 1.0).then(|| Normal::standard().inverse_cdf(p))
}

/// The same for Student's t with these degrees of freedom, to seven digits.
pub fn student_quantile(p: f64, freedom: f64) -> Option<f64> {
    let is_possible = p > 0.0 && p < 1.0 && freedom > 0.0;
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| is_possible)?;
    Some(distribution.inverse_cdf(p)).filter(|quantile| quantile.is_finite())
}

/// The 95 % interval of a share (Wilson 1927, JASA 22), 0 to 1. It is also right for few records and for shares near 0
/// and 1; without records it is 0 to 1.
///
/// (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n).
///
/// ```
/// use tribunal::metrics::wilson;
///
/// let interval = wilson(0, 20);
/// assert!(interval.low == 0.0 && (interval.high - 0.1611).abs() < 1e-4);
/// ```
pub fn wilson(part: usize, whole: usize) -> Interval {
    wilson_of(ratio(part.min(whole), whole), real(whole), Z95)
}

/// The same with another confidence, such as 0.9; `None` unless it lies between 0 and 1.
pub fn wilson_at(part: usize, whole: usize, confidence: f64) -> Option<Interval> {
    let z = normal_quantile(f64::midpoint(1.0, confidence)).filter(|z| *z > 0.0)?;
    Some(wilson_of(ratio(part.min(whole), whole), real(whole), z))
}

/// Wilson's interval of a share of so many records, which need not be a whole number.
fn wilson_of(share: f64, count: f64, z: f64) -> Interval {
    if count <= 0.0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let centre = share + z * z / (2.0 * count);
    let half = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + z * z / count;
    let Interval { low, high } = Interval::around(centre / scale, half / scale).within(0.0, 1.0);
    // Rounding would leave out a share of 0 or 1, which is an end of its interval.
    Interval { low: low.min(share), high: high.max(share) }
}

/// A mean of numbers that belong together in clusters, such as the answers to one question.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusteredMean {
    /// The mean of all numbers.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Its 95 % interval, by Student's t with one degree of freedom fewer than clusters.
    pub interval: Interval,
    /// The number of clusters.
    pub clusters: usize,
}

/// The mean of numbers whose clusters are named beside them, with a standard error that holds where the numbers of one
/// cluster are alike (Liang and Zeger 1986, Biometrika 73; for evaluations: Miller 2024, arXiv:2411.00640).
///
/// SE² = G/(G − 1) · Σ_g (Σ_{i in g} (xᵢ − x̄))² / n², over G clusters. `None` with fewer than two clusters.
///
/// ```
/// use tribunal::metrics::clustered;
///
/// // Four answers to each of three questions, all alike: as good as three numbers.
/// let numbers = [[1.0; 4], [0.0; 4], [1.0; 4]].concat();
/// let questions: Vec<usize> = (0..12).map(|n| n / 4).collect();
/// let mean = clustered(&numbers, &questions).unwrap();
/// assert!((mean.error - (1.0_f64 / 9.0).sqrt()).abs() < 1e-12);
/// ```
pub fn clustered(numbers: &[f64], clusters: &[usize]) -> Option<ClusteredMean> {
    let value = mean(numbers)?;
    let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
    for (number, cluster) in numbers.iter().zip(clusters) {
        *sums.entry(*cluster).or_default() += number - value;
    }
    let count = real(sums.len());
    let freedom = count - 1.0;
    let squares: f64 = sums.values().map(|sum| sum * sum).sum();
    let error = (count / freedom * squares).sqrt() / real(numbers.len());
    let half = student_quantile(0.975, freedom)? * error;
    let interval = Interval::around(value, half);
    Some(ClusteredMean { value, error, interval, clusters: sums.len() })
}

/// The 95 % interval of a share of records that belong together in clusters, 0 to 1.
///
/// It is Wilson's with the effective number of records, n / d, where the design effect d is the clustered variance
/// divided by p(1 − p)/n, at least 1 (Franco et al. 2019, Journal of Survey Statistics and Methodology 7). Where all
/// records agree the design effect is unknown, and the number of clusters takes the place of n / d.
pub fn clustered_share(hits: &[bool], clusters: &[usize]) -> Interval {
    let numbers: Vec<f64> = hits.iter().map(|hit| f64::from(u8::from(*hit))).collect();
    let count = real(hits.len());
    let groups = real(clusters.iter().collect::<std::collections::BTreeSet<_>>().len());
    let share = mean(&numbers).unwrap_or(0.0);
    let variance = share * (1.0 - share) / count;
    let effective = match clustered(&numbers, clusters) {
        Some(mean) if variance > 0.0 => count / (mean.error.powi(2) / variance).max(1.0),
        _ => groups,
    };
    wilson_of(share, effective, Z95)
}

/// The share of records that may be unlike all of a sample that are alike: one minus the lower end of Wilson's interval.
/// `clusters` are the numbers of the clusters beside the records.
///
/// A bootstrap of records that are all alike has no width, and would call three right verdicts a certainty.
///
/// ```
/// use tribunal::metrics::unseen_share;
///
/// assert!(unseen_share(3, None) > 0.5 && unseen_share(400, None) < 0.01);
/// assert_eq!(unseen_share(4, Some(&[0, 0, 1, 1])), unseen_share(2, None));
/// ```
pub fn unseen_share(count: usize, clusters: Option<&[usize]>) -> f64 {
    let distinct = |of: &[usize]| of.iter().collect::<std::collections::BTreeSet<_>>().len();
    let count = clusters.map_or(count, distinct);
    1.0 - wilson(count, count).low
}

/// The number of bootstrap resamples: enough for the second digit of a 95 % interval.
const RESAMPLES: u32 = 2_000;

/// The number of resamples of a statistic of so many records: fewer where each takes long, because there the ends of the
/// interval are close together.
pub(crate) fn resamples(count: usize) -> u32 {
    let most = 20_000_000 / count.max(1);
    u32::try_from(most).unwrap_or(u32::MAX).clamp(200, 1_000)
}

/// The 95 % interval of the mean of these numbers, by the percentile bootstrap; `None` without numbers, or if one of
/// them is not finite.
pub fn bootstrap_mean(numbers: &[f64]) -> Option<Interval> {
    mean(numbers)?;
    bootstrap(numbers.len(), RESAMPLES, 0, |drawn| {
        Some(drawn.iter().map(|place| numbers[*place]).sum::<f64>() / real(drawn.len()))
    })
}

/// The 95 % interval of any statistic of `count` records, by the percentile bootstrap (Efron and Tibshirani 1993, An
/// Introduction to the Bootstrap, chapter 13).
///
/// Draws as many records as there are, with replacement, and gives their places to `statistic`, so many times; the
/// interval is from the 2.5th to the 97.5th percentile. Samples for which the statistic is not defined are left out;
/// `None` if that is half of them or more, or without records.
///
/// ```
/// use tribunal::metrics::bootstrap;
///
/// let numbers: Vec<f64> = (0..100_u32).map(f64::from).collect();
/// let median = |drawn: &[usize]| {
///     let mut drawn: Vec<f64> = drawn.iter().map(|place| numbers[*place]).collect();
///     drawn.sort_by(f64::total_cmp);
///     Some(drawn[drawn.len() / 2])
/// };
/// let interval = bootstrap(numbers.len(), 500, 7, median).unwrap();
/// assert!(interval.contains(50.0) && interval.width() < 30.0);
/// assert_eq!(Some(interval), bootstrap(numbers.len(), 500, 7, median));
/// ```
pub fn bootstrap(
    count: usize,
    resamples: u32,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let mut drawn = vec![0; count];
    percentiles(resamples, seed, |random| {
        if count == 0 {
            return None;
        }
        drawn.iter_mut().for_each(|place| *place = random.usize(..count));
        statistic(&drawn)
    })
}

/// The same where records belong together in clusters, which are named beside them: whole clusters are drawn (Cameron,
/// Gelbach and Miller 2008, Review of Economics and Statistics 90).
pub fn clustered_bootstrap(
    clusters: &[usize],
    resamples: u32,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, cluster) in clusters.iter().enumerate() {
        members.entry(*cluster).or_default().push(place);
    }
    let members: Vec<Vec<usize>> = members.into_values().collect();
    percentiles(resamples, seed, |random| {
        if members.is_empty() {
            return None;
        }
        let chosen = (0..members.len()).map(|_| &members[random.usize(..members.len())]);
        let drawn: Vec<usize> = chosen.flatten().copied().collect();
        statistic(&drawn)
    })
}

/// The same of the mean of these numbers. A resample needs the sum and the size of each cluster, and not the numbers.
///
/// ```
/// use tribunal::metrics::{clustered_bootstrap, clustered_bootstrap_mean, mean};
///
/// let (numbers, clusters) = ([1.0, 0.0, 1.0, 1.0, 0.0], [0, 0, 1, 2, 2]);
/// let of = |drawn: &[usize]| mean(&drawn.iter().map(|place| numbers[*place]).collect::<Vec<_>>());
/// let slowly = clustered_bootstrap(&clusters, 200, 7, of);
/// assert_eq!(clustered_bootstrap_mean(&numbers, &clusters, 200, 7), slowly);
/// ```
pub fn clustered_bootstrap_mean(
    numbers: &[f64],
    clusters: &[usize],
    resamples: u32,
    seed: u64,
) -> Option<Interval> {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (number, cluster) in numbers.iter().zip(clusters) {
        let (sum, count) = sums.entry(*cluster).or_default();
        (*sum, *count) = (*sum + number, *count + 1.0);
    }
    let sums: Vec<(f64, f64)> = sums.into_values().collect();
    percentiles(resamples, seed, |random| {
        let (mut sum, mut count) = (0.0, 0.0);
        for _ in 0..sums.len() {
            let (more, members) = sums[random.usize(..sums.len())];
            (sum, count) = (sum + more, count + members);
        }
        (count > 0.0).then(|| sum / count)
    })
}

/// From the 2.5th to the 97.5th percentile of what is drawn, each time with random numbers of a seed of its own.
fn percentiles(
    resamples: u32,
    seed: u64,
    mut draw: impl FnMut(&mut fastrand::Rng) -> Option<f64>,
) -> Option<Interval> {
    let rounds = 0..u64::from(resamples);
    let drawn =
        rounds.filter_map(|round| draw(&mut fastrand::Rng::with_seed(seed.wrapping_add(round))));
    let mut drawn: Vec<f64> = drawn.filter(|number| number.is_finite()).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |permille: usize| drawn[drawn.len() * permille / 1_000];
    let is_enough = 2 * drawn.len() > resamples as usize;
    is_enough.then(|| Interval { low: at(25), high: at(974) })
}
