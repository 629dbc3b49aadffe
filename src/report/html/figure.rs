//! A figure of the first screen, and how numbers are written in it.

use serde::Serialize;

use crate::metrics::{Interval, bootstrap_mean, ratio, real, wilson};

/// One figure with its interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: String,
    /// The 95 % interval in words; empty without one.
    pub(super) interval: String,
    /// The number of records or votes that it is made of.
    pub(super) n: usize,
    /// What a reader should know beside it.
    pub(super) note: String,
    /// The filter of its records; empty without one.
    pub(super) filter: String,
}

/// A share with its interval.
pub(super) fn share(name: impl Into<String>, part: usize, whole: usize) -> Figure {
    let interval = in_percent(wilson(part, whole));
    Figure {
        name: name.into(),
        value: percent(ratio(part, whole)),
        interval: if whole == 0 { String::new() } else { interval },
        n: whole,
        ..Figure::default()
    }
}

/// A mean and its interval in words (percentile bootstrap over records).
pub(super) fn mean_of(numbers: &[f64]) -> (String, String) {
    let mean = numbers.iter().sum::<f64>() / real(numbers.len().max(1));
    // Equal numbers are no certainty: a record that was not seen may have another one.
    let interval = bootstrap_mean(numbers).filter(|interval| interval.width() > 5e-4);
    let interval = interval.map(|Interval { low, high }| format!("{low:.3} to {high:.3}"));
    let interval = interval.unwrap_or_default();
    (format!("{mean:.3}"), interval)
}

/// A word of a verdict as the name of a figure.
pub(super) fn shown(word: &str) -> String {
    crate::report::terminal::shortened(&crate::report::escaped(word), 40)
}

/// The value below which this many per cent of sorted values lie.
pub(super) fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied()
}

/// A time in words.
pub(super) fn milliseconds(time: u64) -> String {
    match time {
        0..1_000 => format!("{time} ms"),
        #[expect(clippy::cast_precision_loss, reason = "no answer takes 2^52 ms")]
        time => format!("{:.1} s", time as f64 / 1_000.0),
    }
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", bare(share))
}

/// An interval of shares in per cent.
pub(super) fn in_percent(interval: Interval) -> String {
    format!("{} to {}", bare(interval.low), percent(interval.high))
}

/// A share in per cent, without the sign.
pub(super) fn bare(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_says_its_interval_and_its_number_of_records() {
        let figure = share("pass rate", 8, 10);
        assert_eq!((figure.value.as_str(), figure.n), ("80.0 %", 10));
        assert_eq!(figure.interval, "49.0 to 94.3 %");
        assert_eq!(share("none", 0, 0).interval, "");
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        assert_eq!(quantile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(quantile(&[1, 2, 3, 4], 95), Some(4));
        assert_eq!(quantile(&[], 50), None);
        assert_eq!((milliseconds(999), milliseconds(1500)), ("999 ms".into(), "1.5 s".into()));
    }
}
