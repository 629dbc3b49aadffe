//! Reliability: in bins of predictions, the mean prediction beside the share that came true.
//!
//! Bins of equal width divide 0 to 1 evenly (Naeini et al. 2015; Guo et al. 2017). Bins of equal mass hold
//! the same number of records each, apart from equal predictions, which stay together.

use super::{
    real,
    sample::{Observation, mean},
};

/// One bin of predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// The lower end of its predictions.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The number of records.
    pub count: usize,
    /// The mean prediction.
    pub predicted: f64,
    /// The share of records whose label is positive.
    pub observed: f64,
}

impl Bin {
    fn of(low: f64, high: f64, all: &[Observation]) -> Self {
        Self {
            low,
            high,
            count: all.len(),
            predicted: mean(all.iter().map(|one| one.p)),
            observed: mean(all.iter().map(Observation::outcome)),
        }
    }

    /// The share that came true minus the mean prediction: negative where the judge is too sure.
    pub fn gap(&self) -> f64 {
        self.observed - self.predicted
    }
}

/// Bins of equal width that hold at least one record. The upper end belongs to a bin: (0.1, 0.2].
pub(super) fn by_width(all: &[Observation], count: usize) -> Vec<Bin> {
    let mut bins = vec![Vec::new(); count];
    for one in all {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of bins"
        )]
        let at = (one.p * real(count)).ceil().max(1.0) as usize - 1;
        bins[at.min(count - 1)].push(*one);
    }
    let end = |at: usize| real(at) / real(count);
    let bins = bins.into_iter().enumerate().filter(|(_, bin)| !bin.is_empty());
    bins.map(|(at, bin)| Bin::of(end(at), end(at + 1), &bin)).collect()
}

/// Bins of about equal numbers of records, from the lowest prediction to the highest.
pub(super) fn by_mass(all: &[Observation], count: usize) -> Vec<Bin> {
    let mut sorted = all.to_vec();
    sorted.sort_by(|one, other| one.p.total_cmp(&other.p));
    let (mut bins, mut start) = (Vec::new(), 0);
    for at in 1..=count {
        let mut end = (sorted.len() * at / count).max(start);
        // Equal predictions stay together.
        while end > start && end < sorted.len() && sorted[end].p <= sorted[end - 1].p {
            end += 1;
        }
        if end > start {
            let bin = &sorted[start..end];
            bins.push(Bin::of(bin[0].p, bin[bin.len() - 1].p, bin));
            start = end;
        }
    }
    bins
}

/// The expected calibration error: the mean gap without its sign, weighted by the records of each bin.
pub(super) fn expected_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    if all == 0 {
        return 0.0;
    }
    bins.iter().map(|bin| real(bin.count) * bin.gap().abs()).sum::<f64>() / real(all)
}

/// The largest gap of a bin, without its sign.
pub(super) fn largest_error(bins: &[Bin]) -> f64 {
    bins.iter().map(|bin| bin.gap().abs()).fold(0.0, f64::max)
}
