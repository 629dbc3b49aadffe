//! How often each number was given: by value if there are few values, otherwise in bins.
//!
//! A scale has few scores, which are shown one by one. Expected scores and means have many decimals and
//! are shown in at most a dozen bins of a round width.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr as _;

use super::terminal::{escaped, padded, shortened};
use crate::metrics::NOISE;

/// Numbers with their counts.
///
/// The key is the number in thousandths: sums of floats are not exact, and equal scores must have equal
/// keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram(BTreeMap<i64, usize>);

/// Thousandths in 1.
const THOUSAND: f64 = 1_000.0;

/// The largest number of values or bins that are shown.
const MOST: usize = 12;

/// Up to this many values are shown one by one, even if they have many decimals.
const FEW: usize = 5;

impl Histogram {
    /// Counts a number, rounded to thousandths.
    pub(super) fn add(&mut self, number: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a number off the range is at its end")]
        let thousandths = (number * THOUSAND).round() as i64;
        *self.0.entry(thousandths).or_default() += 1;
    }

    /// Values with their counts, lowest first; bins if there are many values. `ends` are the ends of the
    /// scale.
    pub(super) fn shown(&self, ends: Option<(f64, f64)>) -> Vec<(String, usize)> {
        let is_short = self.0.len() <= MOST && (self.0.len() <= FEW || self.is_coarse());
        if is_short { self.values() } else { self.bins(ends) }
    }

    /// Whether all numbers are multiples of 0.05.
    ///
    /// Scores of a scale and means of two scores are; expected scores are not.
    fn is_coarse(&self) -> bool {
        self.0.keys().all(|value| value % 50 == 0)
    }

    /// The counts for programs: every value if all are whole numbers, otherwise the same as for people.
    pub(super) fn counted(&self, ends: Option<(f64, f64)>) -> Vec<(String, usize)> {
        if self.0.keys().all(|value| value % 1_000 == 0) { self.values() } else { self.shown(ends) }
    }

    /// Every value with its count, lowest first.
    fn values(&self) -> Vec<(String, usize)> {
        self.0.iter().map(|(value, count)| (figure(real(*value)), *count)).collect()
    }

    /// Bins of a round width between the ends of the scale, or between the lowest and the highest value.
    ///
    /// A value outside of the ends is counted in the nearest bin, so that the counts add up to the number
    /// of values.
    fn bins(&self, ends: Option<(f64, f64)>) -> Vec<(String, usize)> {
        let seen = || self.0.keys().map(|value| real(*value));
        let lowest = seen().next().unwrap_or_default();
        let highest = seen().next_back().unwrap_or_default();
        let (low, high) = ends.unwrap_or((lowest, highest));
        let width = width(high - low);
        let mut bins = BTreeMap::new();
        for (value, count) in &self.0 {
            // The highest value belongs to the last bin.
            let last = ((high - low) / width - NOISE).floor().max(0.0);
            let bin = ((real(*value) - low) / width + NOISE).floor().clamp(0.0, last);
            #[expect(clippy::cast_possible_truncation, reason = "one of a dozen")]
            let entry = bins.entry(bin as i64).or_insert((bin, 0));
            entry.1 += count;
        }
        let name = |bin: f64| {
            let start = low + bin * width;
            format!("{} to {}", figure(start), figure((start + width).min(high)))
        };
        bins.into_values().map(|(bin, count)| (name(bin), count)).collect()
    }
}

/// Counts as lines with bars, in so many columns; none for fewer than three counts, which need no picture.
pub(super) fn bars(counts: &[(String, usize)], columns: usize) -> Vec<String> {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if counts.len() < 3 || most == 0 {
        return Vec::new();
    }
    let names: Vec<String> =
        counts.iter().map(|(name, _)| shortened(&escaped(name), columns / 3)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let room = columns.saturating_sub(widest + most.to_string().len() + 4).min(60);
    let bar = |(name, (_, count)): (&String, &(String, usize))| {
        // In eighths of a column, and at least one where there is anything.
        let eighths = (room * 8 * count / most).max(usize::from(*count > 0));
        let part = Some(PARTS[eighths % 8]).filter(|part| *part != ' ');
        let bar: String = std::iter::repeat_n('█', eighths / 8).chain(part).collect();
        format!("  {} {bar} {count}", padded(name, widest))
    };
    names.iter().zip(counts).map(bar).collect()
}

/// A round width that makes at most a dozen bins: 1, 2 or 5 times a power of ten.
fn width(range: f64) -> f64 {
    let least = range / 12.0;
    let unit = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * unit);
    steps.into_iter().find(|step| *step + NOISE >= least).unwrap_or(range)
}

/// Thousandths as a number.
fn real(thousandths: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no score has 2^52 thousandths")]
    let number = thousandths as f64;
    number / THOUSAND
}

/// A number as people write it, with at most three decimals and without trailing zeros.
pub(super) fn figure(number: f64) -> String {
    let rounded = (number * THOUSAND).round() / THOUSAND;
    // Adding 0 turns −0 into 0.
    format!("{}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::default();
        numbers.into_iter().for_each(|number| histogram.add(number));
        histogram
    }

    fn text(all: &[(String, usize)]) -> String {
        all.iter().map(|(name, count)| format!("{name}: {count}  ")).collect()
    }

    #[test]
    fn noise_of_floats_is_no_value_of_its_own() {
        let histogram = of([3.0, 3.000_000_000_000_000_4, 2.999_999_999_999_999_6, 4.5, -0.0]);
        assert_eq!(text(&histogram.shown(None)), "0: 1  3: 3  4.5: 1  ");
    }

    #[test]
    fn many_values_are_shown_in_round_bins_and_none_is_lost() {
        let histogram = of((0..=100).map(|n| 1.0 + f64::from(n) * 0.09));
        let shown = histogram.shown(Some((1.0, 10.0)));
        assert_eq!(shown.first().unwrap().0, "1 to 2");
        assert_eq!(shown.last().unwrap().0, "9 to 10");
        assert_eq!(shown.iter().map(|(_, count)| count).sum::<usize>(), 101);
        let without_ends = histogram.shown(None);
        assert_eq!(without_ends.iter().map(|(_, count)| count).sum::<usize>(), 101);
    }

    #[test]
    fn expected_scores_are_shown_in_bins_and_not_decimal_by_decimal() {
        let histogram = of((0..8).map(|n| 2.0 + f64::from(n) * 0.517));
        assert_eq!(
            text(&histogram.shown(Some((1.0, 10.0)))),
            "2 to 3: 2  3 to 4: 2  4 to 5: 2  5 to 6: 2  "
        );
        assert_eq!(text(&of([3.214]).shown(Some((1.0, 10.0)))), "3.214: 1  ");
        assert_eq!(of((0..8).map(|n| f64::from(n) * 0.5)).shown(None).len(), 8);
    }

    #[test]
    fn bars_are_as_long_as_their_counts_and_fit_their_columns() {
        let counts = [("1", 8), ("2", 0), ("a long name\u{1b}", 1)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(
            bars(&counts, 30),
            ["  1          ███████████████ 8", "  2           0", "  a long na… █▉ 1"]
        );
        assert!(bars(&counts, 10).iter().all(|bar| bar.width() <= 10));
        assert!(bars(&counts[..2], 30).is_empty());
    }

    #[test]
    fn programs_get_every_whole_value() {
        let histogram = of((0..=100).map(f64::from));
        assert_eq!(histogram.counted(Some((0.0, 100.0))).len(), 101);
        assert_eq!(histogram.shown(Some((0.0, 100.0))).len(), 10);
    }
}
