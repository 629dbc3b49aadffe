//! Reliability: in bins of predictions, the mean prediction beside the share that came true.
//!
//! Bins of equal width divide 0 to 1 evenly (Naeini et al. 2015; Guo et al. 2017). Bins of equal mass hold
//! the same number of records each, apart from equal predictions, which stay together.

use super::real;

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
    fn of(low: f64, high: f64, all: &[(f64, bool)]) -> Self {
        let of =
            |number: fn(&(f64, bool)) -> f64| all.iter().map(number).sum::<f64>() / real(all.len());
        Self {
            low,
            high,
            count: all.len(),
            predicted: of(|one| one.0),
            observed: of(|one| f64::from(u8::from(one.1))),
        }
    }

    /// The share that came true minus the mean prediction: negative where the judge is too sure.
    pub fn gap(&self) -> f64 {
        self.observed - self.predicted
    }
}

/// Bins of equal width that hold at least one record. The upper end belongs to a bin: (0.1, 0.2].
pub fn by_width(all: &[(f64, bool)], count: usize) -> Vec<Bin> {
    let count = count.max(1);
    let mut bins = vec![Vec::new(); count];
    all.iter().for_each(|one| bins[bin_of(one.0, count)].push(*one));
    let end = |at: usize| real(at) / real(count);
    let bins = bins.into_iter().enumerate().filter(|(_, bin)| !bin.is_empty());
    bins.map(|(at, bin)| Bin::of(end(at), end(at + 1), &bin)).collect()
}

/// The number of the bin of equal width that holds a prediction, of so many bins, counted from 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the number of bins"
)]
pub(crate) fn bin_of(p: f64, count: usize) -> usize {
    let at = (p * real(count)).ceil().max(1.0) as usize - 1;
    at.min(count - 1)
}

/// Bins of about equal numbers of records, from the lowest prediction to the highest.
pub fn by_mass(all: &[(f64, bool)], count: usize) -> Vec<Bin> {
    let count = count.max(1);
    let mut sorted = all.to_vec();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut bins, mut start) = (Vec::new(), 0);
    for at in 1..=count {
        let mut end = (sorted.len() * at / count).max(start);
        // Equal predictions stay together.
        while end > start && end < sorted.len() && sorted[end].0 <= sorted[end - 1].0 {
            end += 1;
        }
        if end > start {
            let bin = &sorted[start..end];
            bins.push(Bin::of(bin[0].0, bin[bin.len() - 1].0, bin));
            start = end;
        }
    }
    bins
}

/// The expected calibration error (Naeini et al. 2015; Guo et al. 2017): Σ n_b/n · |observed − predicted|; `None`
/// without predictions, or if one is not finite.
///
/// ```
/// use tribunal::metrics::{by_width, ece};
///
/// let bins = by_width(&[(0.9, true), (0.9, false), (0.2, false)], 10);
/// assert!((ece(&bins).unwrap() - (2.0 * 0.4 + 0.2) / 3.0).abs() < 1e-12);
/// ```
pub fn ece(bins: &[Bin]) -> Option<f64> {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let gaps = bins.iter().map(|bin| real(bin.count) * bin.gap().abs());
    Some(gaps.sum::<f64>() / real(all)).filter(|error| error.is_finite())
}

/// The largest gap of a bin, without its sign; `None` without bins, or if a prediction is not finite.
pub fn mce(bins: &[Bin]) -> Option<f64> {
    ece(bins)?;
    bins.iter().map(|bin| bin.gap().abs()).reduce(f64::max)
}
