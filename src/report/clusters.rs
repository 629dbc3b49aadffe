//! Figures with intervals, of records that may belong together.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{
    Correlation, Figure, Interval, NOISE, bootstrap, clustered, clustered_bootstrap,
    clustered_share, correlation_interval, mean, real, resamples, share, standard_error,
    student_quantile, unseen_share, wilson,
};

/// A statistic of pairs of (label, verdict).
pub(super) type OfNumbers = fn(&[(f64, f64)]) -> Option<f64>;

/// Units in their clusters; each is a cluster of its own if nothing else is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Clusters {
    /// The cluster of each unit; `None` if no two belong together.
    of: Option<Vec<usize>>,
}

impl Clusters {
    /// The clusters of these units, by name. A unit without a name is one of its own, unless no unit has one.
    pub(super) fn named<'n>(names: impl Iterator<Item = Option<&'n str>> + Clone) -> Self {
        if names.clone().all(|name| name.is_none()) {
            return Self::default();
        }
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut next = 0;
        let mut new = || {
            next += 1;
            next - 1
        };
        let of = names.map(|name| match name {
            Some(name) => *places.entry(name).or_insert_with(&mut new),
            None => new(),
        });
        Self { of: Some(of.collect()) }
    }

    /// The clusters of units with these keys: equal keys belong together.
    pub(super) fn keyed(keys: &[u64]) -> Self {
        let places: BTreeMap<u64, usize> =
            keys.iter().collect::<BTreeSet<_>>().into_iter().copied().zip(0..).collect();
        let is_needed = places.len() < keys.len();
        Self { of: is_needed.then(|| keys.iter().map(|key| places[key]).collect()) }
    }

    /// The number of clusters; `None` if no two units belong together.
    pub(super) fn count(&self) -> Option<usize> {
        self.of.as_ref().map(|of| of.iter().collect::<BTreeSet<_>>().len())
    }

    /// The clusters of other units, which are parts of the units at these places: parts of one unit belong together.
    pub(super) fn only(&self, places: &[usize]) -> Self {
        if let Some(of) = &self.of {
            return Self { of: Some(places.iter().map(|place| of[*place]).collect()) };
        }
        let distinct = places.iter().collect::<BTreeSet<_>>().len();
        Self { of: (distinct < places.len()).then(|| places.to_vec()) }
    }

    /// The cluster of each unit.
    pub(super) fn numbers(&self) -> Option<&[usize]> {
        self.of.as_deref()
    }

    /// The share of units that may be unlike all of so many that are alike.
    pub(super) fn unseen(&self, count: usize) -> f64 {
        unseen_share(count, self.numbers())
    }

    /// The share of units that are hits.
    pub(super) fn share(&self, name: &str, title: &str, hits: &[bool]) -> Figure {
        let right = hits.iter().filter(|hit| **hit).count();
        let interval = match &self.of {
            Some(of) => clustered_share(hits, of),
            None => wilson(right, hits.len()),
        };
        Figure::new(name, title, share(right, hits.len()), Some(interval), hits.len())
    }

    /// The mean of numbers between these ends.
    pub(super) fn mean(
        &self,
        name: &str,
        title: &str,
        numbers: &[f64],
        ends: (f64, f64),
    ) -> Figure {
        let value = mean(numbers);
        let interval = match &self.of {
            Some(of) => clustered(numbers, of).map(|mean| mean.interval),
            None => independent(numbers),
        };
        let interval = match (value, interval.filter(|interval| interval.width() > 0.0)) {
            // Where nothing shows how far numbers could differ, equal ones say nothing about others.
            (Some(_), None) if ends.1 - ends.0 <= 0.0 => None,
            (Some(value), None) => Some(alike(value, self.unseen(numbers.len()), ends)),
            (_, found) => found.map(|interval| interval.within(ends.0, ends.1)),
        };
        Figure::new(name, title, value, interval, numbers.len())
    }

    /// The standard error of the mean of numbers; `None` with fewer than two units or clusters.
    pub(super) fn error(&self, numbers: &[f64]) -> Option<f64> {
        match &self.of {
            Some(of) => clustered(numbers, of).map(|mean| mean.error),
            None => standard_error(numbers),
        }
    }

    /// The sum of the numbers in each cluster; the numbers themselves if no two units belong together.
    pub(super) fn sums(&self, numbers: impl Iterator<Item = f64>) -> Vec<f64> {
        let Some(of) = &self.of else { return numbers.collect() };
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        of.iter().zip(numbers).for_each(|(one, number)| *sums.entry(*one).or_default() += number);
        sums.into_values().collect()
    }

    /// Any statistic of the units at some places. The interval is by bootstrap; `perfect` is the one of a sample in which
    /// all resamples have the same value, by the share of units that may be unlike all of these.
    pub(super) fn any(
        &self,
        name: &str,
        title: &str,
        count: usize,
        statistic: impl Fn(&[usize]) -> Option<f64>,
        perfect: impl Fn(f64) -> Option<Interval>,
    ) -> Figure {
        let all: Vec<usize> = (0..count).collect();
        let value = statistic(&all);
        let interval = value.and_then(|_| {
            let found = self.bootstrap(count, &statistic);
            found.filter(|found| found.width() > 1e-12).or_else(|| perfect(self.unseen(count)))
        });
        Figure::new(name, title, value, interval, count)
    }

    /// The interval of a statistic, by bootstrap.
    pub(super) fn bootstrap(
        &self,
        count: usize,
        statistic: impl Fn(&[usize]) -> Option<f64>,
    ) -> Option<Interval> {
        let times = resamples(count);
        match &self.of {
            Some(of) => clustered_bootstrap(of, times, 0, statistic),
            None => bootstrap(count, times, 0, statistic),
        }
    }

    /// A correlation of pairs. One of ±1 has no interval of its own: the share of units that may be unlike all of these
    /// could lie at the other end.
    pub(super) fn correlation(
        &self,
        name: &str,
        title: &str,
        (kind, of): (Correlation, OfNumbers),
        pairs: &[(f64, f64)],
    ) -> Figure {
        let value = of(pairs);
        let perfect = |unseen: f64| {
            let value = value.filter(|value| value.abs() > 1.0 - NOISE)?;
            let (end, other) = (value.signum(), value.signum() * (1.0 - 2.0 * unseen));
            Some(Interval { low: end.min(other), high: end.max(other) })
        };
        if self.of.is_some() {
            let drawn = |places: &[usize]| {
                of(&places.iter().map(|place| pairs[*place]).collect::<Vec<_>>())
            };
            return self.any(name, title, pairs.len(), drawn, perfect);
        }
        let fisher = |value| correlation_interval(kind, value, pairs.len());
        let interval = value.and_then(fisher).or_else(|| perfect(self.unseen(pairs.len())));
        Figure::new(name, title, value, interval, pairs.len())
    }
}

/// The 95 % interval of a mean of independent numbers, by Student's t.
fn independent(numbers: &[f64]) -> Option<Interval> {
    let freedom = real(numbers.len().checked_sub(1)?);
    let half = student_quantile(0.975, freedom)? * standard_error(numbers)?;
    Some(Interval::around(mean(numbers)?, half))
}

/// The interval of a mean of numbers that are all equal, where a share of others may lie anywhere between the ends.
pub(super) fn alike(value: f64, unseen: f64, (low, high): (f64, f64)) -> Interval {
    let toward = |end: f64| value + unseen * (end - value);
    Interval { low: toward(low), high: toward(high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_unit_belong_together() {
        let alone = Clusters::default();
        assert_eq!((alone.count(), alone.only(&[0, 2, 3]).count()), (None, None));
        assert_eq!(alone.only(&[0, 0, 3]).count(), Some(2));
        let named = Clusters::named([Some("q"), None, Some("q"), None].into_iter());
        assert_eq!((named.count(), named.only(&[0, 2]).count()), (Some(3), Some(1)));
        assert_eq!(Clusters::keyed(&[7, 9]).count(), None);
        assert_eq!(Clusters::keyed(&[7, 9, 7]).numbers(), Some([0, 1, 0].as_slice()));
    }

    #[test]
    fn equal_numbers_are_no_certainty() {
        let of = |count: usize| {
            Clusters::default().mean("m", "m", &vec![0.0; count], (0.0, 4.0)).interval.unwrap()
        };
        assert!(of(3).high > 2.0 && of(3).low.abs() < 1e-12, "{:?}", of(3));
        assert!(of(400).high < 0.04, "{:?}", of(400));
        // Without a scale, nothing is known of what could differ.
        let alone = Clusters::default().mean("m", "m", &[0.0; 30], (0.0, 0.0));
        assert_eq!((alone.value, alone.interval), (Some(0.0), None));
    }

    #[test]
    fn a_perfect_correlation_of_a_few_records_proves_little() {
        for of in [Clusters::default(), Clusters { of: Some((0..100).map(|n| n / 2).collect()) }] {
            for count in [2, 3, 4, 5, 8, 50] {
                let of = of.only(&(0..count).collect::<Vec<_>>());
                for sign in [1.0, -1.0] {
                    let pairs: Vec<(f64, f64)> =
                        (0..count).map(|n| (real(n), sign * (real(n) + 1.0))).collect();
                    for kind in [
                        (Correlation::Pearson, crate::metrics::pearson as OfNumbers),
                        (Correlation::Spearman, crate::metrics::spearman),
                        (Correlation::Kendall, crate::metrics::kendall_tau_b),
                    ] {
                        let found = of.correlation("r", "r", kind, &pairs).interval.unwrap();
                        let (near, far) = if sign > 0.0 {
                            (found.high, found.low)
                        } else {
                            (-found.low, -found.high)
                        };
                        assert!((near - 1.0).abs() < NOISE, "{count}: {found:?}");
                        assert!(far < if count < 9 { 0.6 } else { 0.95 }, "{count}: {found:?}");
                    }
                }
            }
        }
    }
}
