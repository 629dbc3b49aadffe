//! Correlations of pairs of numbers.

use super::{Interval, NOISE, Z95, mean, real};

/// Pearson's correlation coefficient, −1 to 1 (Pearson 1896): how close the pairs are to a straight line.
///
/// r = Σ(a − ā)(b − b̄) / √(Σ(a − ā)² · Σ(b − b̄)²). It ignores a constant shift: a judge that is always 2 points too
/// generous has the correlation 1. `None` if one side is constant, or a number is not finite.
///
/// ```
/// use tribunal::metrics::pearson;
///
/// let shifted = pearson(&[(1.0, 3.0), (2.0, 4.0), (3.0, 5.0)]).unwrap();
/// assert!((shifted - 1.0).abs() < 1e-12);
/// assert_eq!(pearson(&[(1.0, 3.0), (2.0, 3.0)]), None);
/// ```
pub fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    let (one, other): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    if is_constant(&one) || is_constant(&other) {
        return None;
    }
    let (first, second) = (mean(&one)?, mean(&other)?);
    // In units of the largest distance, so that no square is too large or too small for a float.
    let unit = |numbers: &[f64], from: f64| {
        numbers.iter().map(|number| (number - from).abs()).fold(0.0, f64::max)
    };
    let (of_one, of_other) = (unit(&one, first), unit(&other, second));
    let [mut product, mut a2, mut b2] = [0.0; 3];
    for (a, b) in pairs {
        let (a, b) = ((a - first) / of_one, (b - second) / of_other);
        product += a * b;
        a2 += a * a;
        b2 += b * b;
    }
    let found = product / (a2.sqrt() * b2.sqrt());
    found.is_finite().then(|| found.clamp(-1.0, 1.0))
}

/// Spearman's rank correlation, −1 to 1 (Spearman 1904, American Journal of Psychology 15): Pearson's correlation of the
/// ranks, where equal numbers share the mean of theirs. `None` if one side is constant, or a number is not finite.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (one, other) = finite(pairs)?;
    let ranked: Vec<_> = ranks(&one, NOISE).into_iter().zip(ranks(&other, NOISE)).collect();
    pearson(&ranked)
}

/// Kendall's rank correlation with a correction for ties, −1 to 1 (Kendall 1945, Biometrika 33).
///
/// τ_b = (C − D) / √((n₀ − n₁)(n₀ − n₂)): concordant minus discordant pairs of records, with n₀ = n(n − 1)/2 and n₁, n₂
/// the pairs that are tied on either side. Discordant pairs are counted by sorting (Knight 1966, JASA 61), in time
/// n·log n. `None` if one side is constant, or a number is not finite.
///
/// ```
/// use tribunal::metrics::kendall_tau_b;
///
/// let tau = kendall_tau_b(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)]);
/// assert!((tau.unwrap() - 4.0 / 6.0).abs() < 1e-12);
/// ```
pub fn kendall_tau_b(pairs: &[(f64, f64)]) -> Option<f64> {
    let (one, other) = finite(pairs)?;
    // Ranks make numbers equal that differ by noise only.
    let mut ranked: Vec<(f64, f64)> =
        ranks(&one, NOISE).into_iter().zip(ranks(&other, NOISE)).collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let all = pairs_of(ranked.len());
    let same_first = ties(&ranked, |pair| pair.0);
    let same_both: f64 = ranked
        .chunk_by(|one, other| is_same(one.0, other.0) && is_same(one.1, other.1))
        .map(|tied| pairs_of(tied.len()))
        .sum();
    let mut second: Vec<f64> = ranked.iter().map(|pair| pair.1).collect();
    let discordant = exchanges(&mut second);
    // Sorted by now.
    let same_second = ties(&second, |rank| *rank);
    let spread = ((all - same_first) * (all - same_second)).sqrt();
    let concordant = all - same_first - same_second + same_both - discordant;
    (spread > 0.0).then(|| ((concordant - discordant) / spread).clamp(-1.0, 1.0))
}

/// Both sides of pairs; `None` if a number is not finite, which has no rank.
fn finite(pairs: &[(f64, f64)]) -> Option<(Vec<f64>, Vec<f64>)> {
    let are_finite = pairs.iter().all(|(one, other)| one.is_finite() && other.is_finite());
    are_finite.then(|| pairs.iter().copied().unzip())
}

/// The number of pairs of so many things.
fn pairs_of(count: usize) -> f64 {
    real(count) * (real(count) - 1.0) / 2.0
}

/// The number of pairs of neighbours and their neighbours that are equal, in a sorted list.
fn ties<T>(sorted: &[T], rank: impl Fn(&T) -> f64) -> f64 {
    let tied = sorted.chunk_by(|one, other| is_same(rank(one), rank(other)));
    tied.map(|tied| pairs_of(tied.len())).sum()
}

/// Whether two ranks are equal; ranks are whole or half numbers.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.25
}

/// Sorts by merging, and counts the pairs that were in the wrong order.
fn exchanges(numbers: &mut [f64]) -> f64 {
    let middle = numbers.len() / 2;
    if middle == 0 {
        return 0.0;
    }
    let (left, right) = numbers.split_at_mut(middle);
    let mut count = exchanges(left) + exchanges(right);
    let (mut merged, mut one, mut other) = (Vec::with_capacity(numbers.len()), 0, middle);
    while one < middle || other < numbers.len() {
        let takes_left = one < middle && (other == numbers.len() || numbers[one] <= numbers[other]);
        if takes_left {
            merged.push(numbers[one]);
            one += 1;
        } else {
            count += real(middle - one);
            merged.push(numbers[other]);
            other += 1;
        }
    }
    numbers.copy_from_slice(&merged);
    count
}

/// The rank of each number, from 0. Numbers that differ by at most `noise` from their neighbour share the mean of their
/// ranks.
pub(super) fn ranks(numbers: &[f64], noise: f64) -> Vec<f64> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    for tied in places.chunk_by(|&a, &b| (numbers[a] - numbers[b]).abs() <= noise) {
        let rank = real(start) + real(tied.len() - 1) / 2.0;
        tied.iter().for_each(|&place| ranks[place] = rank);
        start += tied.len();
    }
    ranks
}

/// Whether all numbers are equal, up to rounding noise of their size.
fn is_constant(numbers: &[f64]) -> bool {
    let ends = numbers.iter().fold(None, |ends: Option<(f64, f64)>, number| {
        let (low, high) = ends.unwrap_or((*number, *number));
        Some((low.min(*number), high.max(*number)))
    });
    ends.is_none_or(|(low, high)| high - low <= NOISE * low.abs().max(high.abs()))
}

/// Which correlation an interval belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// [`pearson`].
    Pearson,
    /// [`spearman`].
    Spearman,
    /// [`kendall_tau_b`].
    Kendall,
}

/// The 95 % interval of a correlation of so many independent pairs, by Fisher's z.
///
/// tanh(artanh(r) ± 1.96·s), with s² = 1/(n − 3) for Pearson (Fisher 1921, Metron 1), (1 + r²/2)/(n − 3) for Spearman
/// and 0.437/(n − 4) for Kendall (both: Bonett and Wright 2000, Psychometrika 65). `None` with too few pairs. A
/// correlation of ±1 has no width of its own here: use [`bootstrap`](super::bootstrap) or more pairs.
pub fn correlation_interval(of: Correlation, found: f64, pairs: usize) -> Option<Interval> {
    let (numerator, lost) = match of {
        Correlation::Pearson => (1.0, 3),
        Correlation::Spearman => (1.0 + found * found / 2.0, 3),
        Correlation::Kendall => (0.437, 4),
    };
    let freedom = real(pairs.checked_sub(lost).filter(|left| *left > 0)?);
    // A correlation of ±1 is often a little less, by rounding.
    let z = if found.abs() > 1.0 - NOISE { f64::INFINITY } else { found.atanh() };
    let half = Z95 * (numerator / freedom).sqrt();
    z.is_finite().then(|| Interval { low: (z - half).tanh(), high: (z + half).tanh() })
}
