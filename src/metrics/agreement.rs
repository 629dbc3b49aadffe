//! Agreement of raters on classes, corrected for chance.

use super::{ConfusionMatrix, mean, real};

/// How much a disagreement counts by the distance of the two classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Every disagreement counts the same: classes without an order.
    #[default]
    Equal,
    /// The distance of the classes.
    Linear,
    /// The square of the distance: for scales.
    Quadratic,
}

impl Weights {
    /// The weight of a disagreement.
    fn of(self, one: usize, other: usize) -> f64 {
        let distance = real(one.abs_diff(other));
        match self {
            Self::Equal => distance.min(1.0),
            Self::Linear => distance,
            Self::Quadratic => distance * distance,
        }
    }
}

/// Cohen's kappa of pairs of classes (Cohen 1960, Educational and Psychological Measurement 20; with weights: Cohen
/// 1968, Psychological Bulletin 70).
///
/// κ = 1 − Σ w·observed / Σ w·expected, where `expected` are the counts if both sides were paired at random. 1 is
/// perfect agreement, 0 is chance. `None` if chance always agrees: both sides are one and the same class.
///
/// Where one class is much more frequent than the others, kappa is low although nearly all pairs agree (Feinstein and
/// Cicchetti 1990); [`gwet_ac1`] is not.
///
/// ```
/// use tribunal::metrics::{Weights, cohen_kappa};
///
/// let pairs = [[(0, 0)].repeat(20), [(0, 1)].repeat(5), [(1, 0)].repeat(10), [(1, 1)].repeat(15)].concat();
/// assert!((cohen_kappa(&pairs, Weights::Equal).unwrap() - 0.4).abs() < 1e-12);
/// ```
pub fn cohen_kappa(pairs: &[(usize, usize)], weights: Weights) -> Option<f64> {
    let matrix = ConfusionMatrix::of(0, pairs.iter().copied());
    let classes = 0..matrix.classes();
    let [rows, columns]: [Vec<f64>; 2] = [
        classes.clone().map(|class| real(matrix.true_count(class))).collect(),
        classes.clone().map(|class| real(matrix.judged_count(class))).collect(),
    ];
    let (mut observed, mut expected) = (0.0, 0.0);
    for (one, row) in rows.iter().enumerate() {
        for (other, column) in columns.iter().enumerate() {
            let weight = weights.of(one, other);
            observed += weight * real(matrix.at(one, other));
            expected += weight * row * column / real(pairs.len());
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// Cohen's kappa with quadratic weights, of pairs of numbers on one scale.
///
/// Its sums have a closed form (Fleiss and Cohen 1973, Educational and Psychological Measurement 33): κ = 1 −
/// Σ(a − b)² / (Σ(a − ā)² + Σ(b − b̄)² + n·(ā − b̄)²), so that it needs no table of classes. Unlike a correlation it also
/// penalizes a constant shift. `None` if both sides are one and the same constant, or a number is not finite.
///
/// ```
/// use tribunal::metrics::quadratic_kappa;
///
/// let kappa = quadratic_kappa(&[(1.0, 2.0), (2.0, 2.0), (3.0, 3.0), (4.0, 5.0), (5.0, 4.0)]);
/// assert!((kappa.unwrap() - 14.0 / 17.0).abs() < 1e-12);
/// ```
pub fn quadratic_kappa(pairs: &[(f64, f64)]) -> Option<f64> {
    // In units of the largest number, so that no square is too large or too small for a float.
    let most = pairs.iter().map(|(one, other)| one.abs().max(other.abs())).fold(0.0, f64::max);
    let unit = if most > 0.0 { most } else { 1.0 };
    let (first, second): (Vec<f64>, Vec<f64>) =
        pairs.iter().map(|(one, other)| (one / unit, other / unit)).unzip();
    let (one, other) = (mean(&first)?, mean(&second)?);
    let squares = |numbers: &[f64], from: f64| -> f64 {
        numbers.iter().map(|number| (number - from).powi(2)).sum()
    };
    let observed: f64 = first.iter().zip(&second).map(|(a, b)| (a - b).powi(2)).sum();
    let shift = real(pairs.len()) * (one - other).powi(2);
    let expected = squares(&first, one) + squares(&second, other) + shift;
    (expected > 0.0).then(|| 1.0 - observed / expected).filter(|kappa| kappa.is_finite())
}

/// Fleiss' kappa (Fleiss 1971, Psychological Bulletin 76): agreement of any number of raters on classes.
///
/// `units[n][k]` is how many raters gave unit `n` the class `k`. κ = (P̄ − P̄ₑ) / (1 − P̄ₑ), with P̄ the mean share of
/// agreeing pairs of raters, and P̄ₑ = Σ pₖ² by the shares of the classes. Units may have different numbers of raters
/// (Gwet 2014, Handbook of Inter-Rater Reliability, chapter 2): those with fewer than two count for the shares alone.
/// `None` if no unit has two ratings, or all ratings are of one class.
///
/// ```
/// use tribunal::metrics::fleiss_kappa;
///
/// assert_eq!(fleiss_kappa(&[vec![3, 0], vec![0, 3]]), Some(1.0));
/// assert_eq!(fleiss_kappa(&[vec![3, 0], vec![3, 0]]), None);
/// ```
pub fn fleiss_kappa(units: &[Vec<usize>]) -> Option<f64> {
    let observed = agreeing_pairs(units)?;
    let chance: f64 = shares(units).iter().map(|share| share * share).sum();
    (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

/// Gwet's AC1 (Gwet 2008, British Journal of Mathematical and Statistical Psychology 61): agreement of any number of
/// raters on classes, which stays high where one class is much more frequent than the others.
///
/// `units` are as for [`fleiss_kappa`], with a column for every class that could have been given. AC1 = (P̄ − Pₑ) /
/// (1 − Pₑ), with Pₑ = Σ pₖ(1 − pₖ) / (K − 1). `None` with fewer than two classes, or if no unit has two ratings.
///
/// ```
/// use tribunal::metrics::{fleiss_kappa, gwet_ac1};
///
/// // 18 of 20 units agree on the first class, the others do not agree: kappa is below chance.
/// let units = [vec![vec![2, 0]; 18], vec![vec![1, 1]; 2]].concat();
/// assert!(gwet_ac1(&units).unwrap() > 0.8 && fleiss_kappa(&units).unwrap() < 0.0);
/// ```
pub fn gwet_ac1(units: &[Vec<usize>]) -> Option<f64> {
    let shares = shares(units);
    if shares.len() < 2 {
        return None;
    }
    let observed = agreeing_pairs(units)?;
    let spread: f64 = shares.iter().map(|share| share * (1.0 - share)).sum();
    let chance = spread / real(shares.len() - 1);
    Some((observed - chance) / (1.0 - chance))
}

/// The mean share of pairs of raters that agree, over the units with two ratings or more.
fn agreeing_pairs(units: &[Vec<usize>]) -> Option<f64> {
    let share = |unit: &Vec<usize>| {
        let raters = real(unit.iter().sum());
        let agreeing: f64 = unit.iter().map(|count| real(*count) * (real(*count) - 1.0)).sum();
        (raters > 1.0).then(|| agreeing / (raters * (raters - 1.0)))
    };
    mean(&units.iter().filter_map(share).collect::<Vec<_>>())
}

/// The mean share of each class among the ratings of a unit, over the units with a rating.
fn shares(units: &[Vec<usize>]) -> Vec<f64> {
    let classes = units.iter().map(Vec::len).max().unwrap_or(0);
    let rated: Vec<(&Vec<usize>, f64)> = units
        .iter()
        .map(|unit| (unit, real(unit.iter().sum())))
        .filter(|(_, raters)| *raters > 0.0)
        .collect();
    let share = |class: usize| {
        let of_units = rated
            .iter()
            .map(|(unit, raters)| unit.get(class).map_or(0.0, |count| real(*count)) / raters);
        mean(&of_units.collect::<Vec<_>>()).unwrap_or(0.0)
    };
    (0..classes).map(share).collect()
}
