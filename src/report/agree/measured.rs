//! Figures with intervals, of records that may belong together.

use std::collections::BTreeMap;

use super::matched::Matched;
use crate::metrics::{
    Correlation, Figure, Interval, bootstrap, clustered, clustered_bootstrap, clustered_share,
    correlation_interval, mean, share, standard_error, student_quantile, wilson,
};

/// A statistic of pairs of (label, verdict).
pub(super) type OfNumbers = fn(&[(f64, f64)]) -> Option<f64>;

/// The number of bootstrap resamples.
const RESAMPLES: u32 = 1_000;

/// Records in their clusters; each is a cluster of its own if nothing else is known.
#[derive(Clone, Debug)]
pub(super) struct Clusters {
    /// The cluster of each record; `None` if records do not belong together.
    of: Option<Vec<usize>>,
}

impl Clusters {
    /// The clusters of these records. A record without the field is one of its own.
    pub(super) fn of(all: &[Matched<'_>]) -> Self {
        if all.iter().all(|one| one.row.cluster.is_none()) {
            return Self { of: None };
        }
        let mut places: BTreeMap<(bool, &str), usize> = BTreeMap::new();
        let mut of = Vec::with_capacity(all.len());
        for Matched { row, .. } in all {
            // A record without the field is told apart from a cluster that is called as it.
            let name = row.cluster.as_deref();
            let next = places.len();
            let key = (name.is_some(), name.unwrap_or(&row.id));
            of.push(*places.entry(key).or_insert(next));
        }
        Self { of: Some(of) }
    }

    /// The number of clusters; `None` if records do not belong together.
    pub(super) fn count(&self) -> Option<usize> {
        self.of.as_ref().map(|of| of.iter().max().map_or(0, |most| most + 1))
    }

    /// The clusters of these records alone.
    pub(super) fn only(&self, places: &[usize]) -> Self {
        Self { of: self.of.as_ref().map(|of| places.iter().map(|place| of[*place]).collect()) }
    }

    /// The share of records that are hits.
    pub(super) fn share(&self, name: &str, title: &str, hits: &[bool]) -> Figure {
        let right = hits.iter().filter(|hit| **hit).count();
        let interval = match &self.of {
            Some(of) => clustered_share(hits, of),
            None => wilson(right, hits.len()),
        };
        Figure::new(name, title, share(right, hits.len()), Some(interval), hits.len())
    }

    /// The mean of numbers.
    pub(super) fn mean(&self, name: &str, title: &str, numbers: &[f64]) -> Figure {
        let value = mean(numbers);
        let interval = match &self.of {
            Some(of) => clustered(numbers, of).map(|mean| mean.interval),
            None => independent(numbers),
        };
        Figure::new(name, title, value, interval, numbers.len())
    }

    /// Any statistic of the records at some places; the interval is by bootstrap.
    pub(super) fn any(
        &self,
        name: &str,
        title: &str,
        count: usize,
        statistic: impl Fn(&[usize]) -> Option<f64>,
    ) -> Figure {
        let all: Vec<usize> = (0..count).collect();
        let value = statistic(&all);
        let interval = value.and_then(|_| match &self.of {
            Some(of) => clustered_bootstrap(of, RESAMPLES, 0, &statistic),
            None => bootstrap(count, RESAMPLES, 0, &statistic),
        });
        Figure::new(name, title, value, interval, count)
    }

    /// A correlation of pairs.
    pub(super) fn correlation(
        &self,
        name: &str,
        title: &str,
        (kind, of): (Correlation, OfNumbers),
        pairs: &[(f64, f64)],
    ) -> Figure {
        if self.of.is_some() {
            let drawn = |places: &[usize]| {
                of(&places.iter().map(|place| pairs[*place]).collect::<Vec<_>>())
            };
            return self.any(name, title, pairs.len(), drawn);
        }
        let value = of(pairs);
        let interval = value.and_then(|value| correlation_interval(kind, value, pairs.len()));
        Figure::new(name, title, value, interval, pairs.len())
    }
}

/// The 95 % interval of a mean of independent numbers, by Student's t.
fn independent(numbers: &[f64]) -> Option<Interval> {
    let freedom = crate::metrics::real(numbers.len().checked_sub(1)?);
    let half = student_quantile(0.975, freedom)? * standard_error(numbers)?;
    Some(Interval::around(mean(numbers)?, half))
}
