//! How far several raters agree: Krippendorff's alpha.

use std::collections::{BTreeMap, HashMap};

use super::{Interval, bootstrap, clustered_bootstrap, real, resamples};
use crate::scale::without_noise;

/// What the differences between ratings mean; it decides how far apart two ratings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatingLevel {
    /// Names: two ratings are equal or not.
    Nominal,
    /// Numbers of which only the order counts: the distance is the number of ratings between the two.
    Ordinal,
    /// Numbers whose differences count: the distance is the difference.
    Interval,
    /// Numbers of 0 or above with a true zero: the distance is the difference, divided by the sum.
    Ratio,
}

impl RatingLevel {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Ordinal => "ordinal",
            Self::Interval => "interval",
            Self::Ratio => "ratio",
        }
    }
}

/// Krippendorff's alpha of these units, each with the ratings that it has: see [`Ratings`].
///
/// ```
/// use tribunal::metrics::{RatingLevel, krippendorff_alpha};
///
/// let units = [vec![1.0, 1.0], vec![2.0, 2.0], vec![3.0, 2.0], vec![5.0]];
/// let alpha = krippendorff_alpha(&units, RatingLevel::Nominal).unwrap();
/// assert!((alpha - 6.0 / 11.0).abs() < 1e-9);
/// ```
pub fn krippendorff_alpha(units: &[Vec<f64>], level: RatingLevel) -> Option<f64> {
    let mut ratings = Ratings::default();
    units.iter().for_each(|unit| ratings.add(unit.iter().copied()));
    ratings.alpha(level)
}

/// Rated units of which samples are drawn, for an interval of Krippendorff's alpha.
///
/// The alpha of names and of differences is a function of a few sums over units, so that thousands of samples cost no
/// more than reading them.
///
/// ```
/// use tribunal::metrics::{RatedUnits, RatingLevel};
///
/// let units: Vec<Vec<f64>> = (0..60_u32).map(|n| vec![f64::from(n % 5), f64::from((n + n % 2) % 5)]).collect();
/// let rated = RatedUnits::new(units, RatingLevel::Interval);
/// let all: Vec<usize> = (0..60).collect();
/// let interval = rated.interval(None).unwrap();
/// assert!(interval.contains(rated.alpha(&all).unwrap()));
/// ```
#[derive(Clone, Debug)]
pub struct RatedUnits {
    units: Vec<Vec<f64>>,
    level: RatingLevel,
    /// The place of each rating among all values, for names.
    places: Vec<Vec<usize>>,
    values: usize,
}

impl RatedUnits {
    /// These units, each with the ratings that it has. What is not finite is missing.
    pub fn new(units: Vec<Vec<f64>>, level: RatingLevel) -> Self {
        let mut known = Ratings::default();
        let units: Vec<Vec<f64>> = units
            .into_iter()
            .map(|unit| unit.into_iter().filter(|rating| rating.is_finite()).collect())
            .collect();
        let places: Vec<Vec<usize>> = units
            .iter()
            .map(|unit| unit.iter().map(|rating| known.place(*rating)).collect())
            .collect();
        let values = known.values.len();
        Self { units, level, places, values }
    }

    /// Krippendorff's alpha of the units at these places, some of which may occur several times.
    pub fn alpha(&self, drawn: &[usize]) -> Option<f64> {
        let rated = drawn.iter().copied().filter(|place| self.units[*place].len() > 1);
        match self.level {
            RatingLevel::Nominal => self.of_names(rated),
            RatingLevel::Interval => self.of_differences(rated),
            level => {
                let mut ratings = Ratings::default();
                rated.for_each(|place| ratings.add(self.units[place].iter().copied()));
                ratings.alpha(level)
            }
        }
    }

    /// 1 − (N − 1)·Σ_u (m² − Σ c²)/(m − 1) / (N² − Σ n²): m ratings in a unit, c of them alike, and n of all N.
    fn of_names(&self, rated: impl Iterator<Item = usize>) -> Option<f64> {
        let mut all = vec![0.0; self.values];
        let mut observed = 0.0;
        for place in rated {
            let unit = &self.places[place];
            let equal = unit.iter().flat_map(|one| unit.iter().filter(move |other| one == *other));
            let count = real(unit.len());
            observed += (count * count - real(equal.count())) / (count - 1.0);
            unit.iter().for_each(|value| all[*value] += 1.0);
        }
        let count: f64 = all.iter().sum();
        let expected = count * count - all.iter().map(|own| own * own).sum::<f64>();
        (expected > 0.0).then(|| 1.0 - (count - 1.0) * observed / expected)
    }

    /// 1 − (N − 1)/N · Σ_u m/(m − 1)·Σ(v − v̄_u)² / Σ(v − v̄)².
    fn of_differences(&self, rated: impl Iterator<Item = usize> + Clone) -> Option<f64> {
        let unit = |place: usize| &self.units[place];
        let squares = |unit: &[f64], from: f64| -> f64 {
            unit.iter().map(|rating| (rating - from).powi(2)).sum()
        };
        let (mut observed, mut sum, mut count) = (0.0, 0.0, 0.0);
        for unit in rated.clone().map(unit) {
            let (own, many) = (unit.iter().sum::<f64>(), real(unit.len()));
            observed += many / (many - 1.0) * squares(unit, own / many);
            (sum, count) = (sum + own, count + many);
        }
        let expected: f64 = rated.map(|place| squares(unit(place), sum / count)).sum();
        // The noise of sums is no difference.
        let is_spread = expected > super::NOISE * super::NOISE * count;
        is_spread.then(|| 1.0 - (count - 1.0) / count * observed / expected)
    }

    /// The 95 % interval of the alpha of all units, by the percentile bootstrap. `clusters` are the numbers of clusters
    /// of units that belong together.
    pub fn interval(&self, clusters: Option<&[usize]>) -> Option<Interval> {
        let resamples = resamples(self.units.len());
        let found = match clusters {
            Some(clusters) => {
                clustered_bootstrap(clusters, resamples, 0, |drawn| self.alpha(drawn))
            }
            None => bootstrap(self.units.len(), resamples, 0, |drawn| self.alpha(drawn)),
        };
        found.filter(|interval| interval.width() > 0.0)
    }
}

/// The ratings of many units by any number of raters, for Krippendorff's alpha.
///
/// α = 1 − Dₒ / Dₑ: the disagreement within units, divided by the one that is expected if the ratings of all units were
/// mixed. 1 is perfect agreement, 0 is chance, and below 0 raters disagree more than by chance (Hayes and Krippendorff
/// 2007, Communication Methods and Measures 1; Krippendorff 2011, Computing Krippendorff's Alpha-Reliability). Units may
/// have any number of ratings; those with fewer than two tell nothing, and do not count. The order of units and of
/// ratings does not matter.
///
/// ```
/// use tribunal::metrics::{RatingLevel, Ratings};
///
/// let mut ratings = Ratings::default();
/// for unit in [[1.0, 1.0], [2.0, 2.0], [3.0, 2.0]] {
///     ratings.add(unit);
/// }
/// // Six ratings, of which 1 and 2 stand in one unit: 1 − 5 · 1 / (2 · 3 + 2 · 1 + 3 · 1).
/// assert!((ratings.alpha(RatingLevel::Nominal).unwrap() - 6.0 / 11.0).abs() < 1e-9);
/// assert!(ratings.alpha(RatingLevel::Interval) > ratings.alpha(RatingLevel::Nominal));
/// assert_eq!((ratings.units(), ratings.len()), (3, 6));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratings {
    /// The number of units with two ratings or more.
    units: usize,
    /// The number of ratings in these units.
    count: usize,
    /// Every value, in the order in which they first occurred, and its place by its bits.
    values: Vec<f64>,
    places: HashMap<u64, usize>,
    /// How often two values stand in one unit, by the number of ratings of the unit. Counts are whole, so that the order
    /// of units does not change a digit.
    pairs: BTreeMap<(usize, usize, usize), u64>,
}

impl Ratings {
    /// Adds the ratings of one unit, without those that are missing. What is not finite is missing too.
    pub fn add(&mut self, unit: impl IntoIterator<Item = f64>) {
        let unit: Vec<f64> = unit.into_iter().filter(|rating| rating.is_finite()).collect();
        if unit.len() < 2 {
            return;
        }
        self.units += 1;
        self.count += unit.len();
        let places: Vec<usize> = unit.iter().map(|rating| self.place(*rating)).collect();
        for (n, one) in places.iter().enumerate() {
            for other in places.iter().skip(n + 1) {
                let (one, other) = (*one.min(other), *one.max(other));
                *self.pairs.entry((unit.len(), one, other)).or_default() += 1;
            }
        }
    }

    /// The place of a value, which is a new one at its first occurrence.
    fn place(&mut self, value: f64) -> usize {
        // Negative zero is zero.
        let value = without_noise(value) + 0.0;
        let Self { values, places, .. } = self;
        *places.entry(value.to_bits()).or_insert_with(|| {
            values.push(value);
            values.len() - 1
        })
    }

    /// The number of units with two ratings or more.
    pub fn units(&self) -> usize {
        self.units
    }

    /// The number of ratings in these units.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no unit with two ratings.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Krippendorff's alpha, at most 1; `None` if all ratings are equal, or there are none to compare.
    pub fn alpha(&self, level: RatingLevel) -> Option<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let together = self.coincidences(&values);
        let mut counts = vec![0.0; values.len()];
        for ((one, other), weight) in &together {
            counts[*one] += weight;
            counts[*other] += weight;
        }
        let positions =
            if level == RatingLevel::Ordinal { mean_ranks(&counts) } else { values.clone() };
        let distance = |one: usize, other: usize| match level {
            _ if one == other => 0.0,
            RatingLevel::Nominal => 1.0,
            RatingLevel::Ordinal | RatingLevel::Interval => {
                (positions[one] - positions[other]).powi(2)
            }
            RatingLevel::Ratio => {
                let (one, other) = (values[one], values[other]);
                ((one - other) / (one + other)).powi(2)
            }
        };
        let observed: f64 =
            together.iter().map(|((one, other), weight)| weight * distance(*one, *other)).sum();
        let expected = match level {
            RatingLevel::Nominal => {
                let equal: f64 = counts.iter().map(|count| count * count).sum();
                (real(self.count).powi(2) - equal) / 2.0
            }
            RatingLevel::Ordinal | RatingLevel::Interval => spread(&counts, &positions),
            RatingLevel::Ratio => {
                let pairs =
                    (0..values.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
                pairs.map(|(one, other)| counts[one] * counts[other] * distance(one, other)).sum()
            }
        };
        let differ = values.len() > 1 && expected > 0.0;
        differ.then(|| without_noise(1.0 - (real(self.count) - 1.0) * observed / expected))
    }

    /// The coincidences of each pair of values, by their places among the sorted values: every unit with m ratings
    /// counts each of its pairs as 1 / (m − 1).
    fn coincidences(&self, sorted: &[f64]) -> BTreeMap<(usize, usize), f64> {
        let place = |value: usize| sorted.partition_point(|other| *other < self.values[value]);
        let mut counts: BTreeMap<(usize, usize, usize), u64> = BTreeMap::new();
        for ((ratings, one, other), count) in &self.pairs {
            let (one, other) = (place(*one), place(*other));
            *counts.entry((*ratings, one.min(other), one.max(other))).or_default() += count;
        }
        let mut together: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for ((ratings, one, other), count) in counts {
            #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 pairs")]
            let weight = count as f64 / real(ratings - 1);
            *together.entry((one, other)).or_default() += weight;
        }
        together
    }
}

/// The mean rank of the ratings of each value, in ascending order of the values.
fn mean_ranks(counts: &[f64]) -> Vec<f64> {
    let mut before = 0.0;
    let rank = |count: &f64| {
        let rank = before + count / 2.0;
        before += count;
        rank
    };
    counts.iter().map(rank).collect()
}

/// Σ n·m·(a − b)² over all pairs of different values: n² times the variance.
fn spread(counts: &[f64], positions: &[f64]) -> f64 {
    let all: f64 = counts.iter().sum();
    let each = || counts.iter().zip(positions);
    let mean: f64 = each().map(|(count, position)| count * position).sum::<f64>() / all;
    let squares = each().map(|(count, position)| count * (position - mean).powi(2));
    all * squares.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    use crate::scale::nearly_equal;

    const LEVELS: [RatingLevel; 4] =
        [RatingLevel::Nominal, RatingLevel::Ordinal, RatingLevel::Interval, RatingLevel::Ratio];

    fn of<'u>(units: impl IntoIterator<Item = &'u [Option<f64>]>) -> Ratings {
        let mut ratings = Ratings::default();
        units.into_iter().for_each(|unit| ratings.add(unit.iter().copied().flatten()));
        ratings
    }

    /// The four observers and twelve units of Krippendorff (2011), section C; 0 stands for a missing rating.
    const OBSERVERS: [[u8; 12]; 4] = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ];

    #[test]
    fn the_published_example_has_its_published_figures() {
        let mut ratings = Ratings::default();
        for unit in 0..12 {
            let seen = OBSERVERS.iter().map(|observer| observer[unit]).filter(|seen| *seen > 0);
            ratings.add(seen.map(f64::from));
        }
        assert_eq!((ratings.units(), ratings.len()), (11, 40));
        let alphas = LEVELS.map(|level| format!("{:.3}", ratings.alpha(level).unwrap()));
        assert_eq!(alphas, ["0.743", "0.815", "0.849", "0.797"]);
    }

    /// Section A of the same paper: two observers, ten units, two values.
    #[test]
    fn the_sums_over_units_give_what_the_definition_gives() {
        let mut random = fastrand::Rng::with_seed(3);
        for level in [RatingLevel::Nominal, RatingLevel::Ordinal, RatingLevel::Interval] {
            for _ in 0..50 {
                let mut unit = || -> Vec<f64> {
                    (0..random.usize(..4)).map(|_| f64::from(random.u8(..5))).collect()
                };
                let units: Vec<Vec<f64>> = (0..12).map(|_| unit()).collect();
                let all: Vec<usize> = (0..units.len()).collect();
                let found = RatedUnits::new(units.clone(), level).alpha(&all);
                let right = krippendorff_alpha(&units, level);
                let is_near = match found.zip(right) {
                    Some((found, right)) => (found - right).abs() < 1e-9,
                    None => found == right,
                };
                assert!(is_near, "{level:?}: {found:?}, not {right:?}, of {units:?}");
            }
        }
    }

    #[test]
    fn units_that_are_all_alike_have_no_interval() {
        let alike = [vec![1.0, 1.0], vec![2.0, 2.0]].into_iter().cycle().take(10);
        let rated = RatedUnits::new(alike.collect(), RatingLevel::Nominal);
        assert_eq!((rated.alpha(&[0, 1]), rated.interval(None)), (Some(1.0), None));
    }

    #[test]
    fn two_observers_of_two_values_have_their_published_figure() {
        let one = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0];
        let other = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0];
        let mut ratings = Ratings::default();
        one.into_iter().zip(other).for_each(|(a, b)| ratings.add([a, b].map(f64::from)));
        let alpha = ratings.alpha(RatingLevel::Nominal).unwrap();
        assert_eq!(format!("{alpha:.3}"), "0.095");
    }

    #[test]
    fn what_cannot_be_compared_has_no_alpha() {
        assert_eq!(Ratings::default().alpha(RatingLevel::Nominal), None);
        let single = of([[Some(1.0), None].as_slice(), &[None, Some(2.0)]]);
        assert!(single.is_empty() && single.alpha(RatingLevel::Interval).is_none());
        let equal = of([[Some(3.0); 2].as_slice(), &[Some(3.0); 2]]);
        LEVELS.iter().for_each(|level| assert_eq!(equal.alpha(*level), None));
        let mut broken = Ratings::default();
        broken.add([f64::NAN, 1.0, f64::INFINITY]);
        assert!(broken.is_empty());
    }

    fn units() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
        let rating = option::weighted(0.8, (1_u8..6).prop_map(f64::from));
        vec(vec(rating, 2..5), 1..12)
    }

    /// The definition, term by term.
    fn by_definition(units: &[Vec<Option<f64>>], level: RatingLevel) -> Option<f64> {
        let units = units.iter().map(|unit| unit.iter().flatten().copied().collect::<Vec<_>>());
        let units: Vec<Vec<f64>> = units.filter(|unit| unit.len() > 1).collect();
        let all: Vec<f64> = units.concat();
        let delta = |a: f64, b: f64| {
            let (low, high) = (a.min(b), a.max(b));
            let count = |is: &dyn Fn(f64) -> bool| real(all.iter().filter(|n| is(**n)).count());
            match level {
                RatingLevel::Nominal => f64::from(u8::from((a - b).abs() > 0.0)),
                RatingLevel::Ordinal if low < high => {
                    let ends = count(&|n| nearly_equal(n, low)) + count(&|n| nearly_equal(n, high));
                    (count(&|n| n >= low && n <= high) - ends / 2.0).powi(2)
                }
                RatingLevel::Ordinal => 0.0,
                RatingLevel::Interval => (a - b).powi(2),
                RatingLevel::Ratio => ((a - b) / (a + b)).powi(2),
            }
        };
        let sum = |values: &[f64]| -> f64 {
            values
                .iter()
                .flat_map(|a| values.iter().map(move |b| (*a, *b)))
                .map(|(a, b)| delta(a, b))
                .sum()
        };
        let observed: f64 = units.iter().map(|unit| sum(unit) / real(unit.len() - 1)).sum();
        let expected = sum(&all);
        (expected > 0.0).then(|| 1.0 - (real(all.len()) - 1.0) * observed / expected)
    }

    proptest! {
        #[test]
        fn alpha_is_what_its_definition_says(units in units()) {
            let ratings = of(units.iter().map(Vec::as_slice));
            for level in LEVELS {
                let (found, right) = (ratings.alpha(level), by_definition(&units, level));
                prop_assert_eq!(found.is_some(), right.is_some());
                prop_assert!((found.unwrap_or(0.0) - right.unwrap_or(0.0)).abs() < 1e-7, "{:?} {:?}", found, right);
            }
        }

        #[test]
        fn neither_the_order_of_units_nor_that_of_raters_changes_a_digit(
            (units, shuffled) in units().prop_flat_map(|units| {
                let turned: Vec<Vec<_>> = units.iter().map(|unit| unit.iter().rev().copied().collect()).collect();
                (Just(units), Just(turned).prop_shuffle())
            }),
        ) {
            let (one, other) = (of(units.iter().map(Vec::as_slice)), of(shuffled.iter().map(Vec::as_slice)));
            LEVELS.iter().for_each(|level| assert_eq!(one.alpha(*level), other.alpha(*level)));
        }
    }
}
