//! Histograms, and bars by name.

use super::picture::{Axes, Axis, BLUE, LETTER, Mark, ORANGE, Shape, draw, short};
use crate::{
    metrics::{NOISE, real},
    units::counted,
};

/// Numbers from `low` up to `high`, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Bin {
    pub(in crate::report) low: f64,
    pub(in crate::report) high: f64,
    pub(in crate::report) count: usize,
}

/// The most values that have a bar each.
const VALUES: f64 = 20.0;
/// The distances between values that have a bar each: of whole numbers, and of halves.
const STEPS: [f64; 2] = [1.0, 0.5];
/// The number of bins for other numbers.
const BINS: usize = 12;

/// Bins for these numbers: one for each value if all are whole or halves and close together, or else of equal width
/// between the ends of the scale, or between the lowest and the highest number.
pub(in crate::report) fn bins(numbers: &[f64], ends: Option<(f64, f64)>) -> Vec<Bin> {
    let seen = numbers.iter().copied();
    let Some((lowest, highest)) = seen.clone().reduce(f64::min).zip(seen.reduce(f64::max)) else {
        return Vec::new();
    };
    // Shares are shown on their whole scale.
    let shares = (lowest >= 0.0 && highest <= 1.0).then_some((0.0, 1.0));
    let (low, high) = ends.or(shares).unwrap_or((lowest, highest));
    let (low, high) = (low.min(lowest), high.max(highest));
    let is_step = |step: &f64| {
        numbers.iter().all(|number| is_whole(number / step)) && (high - low) / step <= VALUES
    };
    // One value alone has neighbours, so that its bar is one of several.
    let (low, high) = if high - low < NOISE { (low - 1.0, high + 1.0) } else { (low, high) };
    // Between 0 and 1 are shares, even where all of them are whole.
    let step = STEPS.into_iter().find(is_step).filter(|_| high - low > 1.0);
    let (start, width, count) = if let Some(step) = step {
        let (first, last) = ((low / step).round(), (high / step).round());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 21")]
        let count = (last - first) as usize + 1;
        ((first - 0.5) * step, step, count)
    } else {
        (low, ((high - low) / real(BINS)).max(NOISE), BINS)
    };
    let bin = |at: usize| {
        let low = start + real(at) * width;
        Bin { low, high: low + width, count: 0 }
    };
    let mut bins: Vec<Bin> = (0..count).map(bin).collect();
    for number in numbers {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "one of a dozen"
        )]
        let at = ((number - start) / width + NOISE).floor().max(0.0) as usize;
        bins[at.min(count - 1)].count += 1;
    }
    bins
}

/// A histogram; `beside` are other numbers of the same records, in the same bins, as outlines. `filter` names the
/// quantity in the filters of the bars.
pub(in crate::report) fn histogram(
    bins: &[Bin],
    beside: Option<&[f64]>,
    (x, filter): (&str, &str),
) -> String {
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return String::new() };
    let others = beside.map(|numbers| in_bins(bins, numbers)).unwrap_or_default();
    let most = bins.iter().map(|bin| bin.count).chain(others.iter().copied()).max().unwrap_or(1);
    let axes = Axes {
        size: (520, 260),
        left: 56,
        x: Axis::numbers(x, first.low..last.high),
        y: Axis::counts("records", real(most.max(1)) * 1.05),
    };
    let bar = |bin: &Bin| {
        let gap = (bin.high - bin.low) * 0.08;
        let shape = Shape::Box((bin.low + gap, 0.0), (bin.high - gap, real(bin.count)));
        let bar = Mark::new(shape, BLUE);
        if bin.count == 0 {
            return bar;
        }
        let words = format!("{}: {}", named(bin), counted(bin.count, "record"));
        bar.linked(format!("{filter}:{}:{}", bin.low, bin.high), words)
    };
    let outline = |(bin, count): (&Bin, &usize)| {
        let gap = (bin.high - bin.low) * 0.08;
        Mark::new(Shape::Outline((bin.low + gap, 0.0), (bin.high - gap, real(*count))), ORANGE)
    };
    let outlines = bins.iter().zip(&others).filter(|(_, count)| **count > 0).map(outline);
    let marks: Vec<Mark> = bins.iter().map(bar).chain(outlines).collect();
    draw(&axes, &marks)
}

/// How many of these numbers are in each bin; those outside belong to the nearest.
fn in_bins(bins: &[Bin], numbers: &[f64]) -> Vec<usize> {
    let mut counts = vec![0; bins.len()];
    for number in numbers {
        let at = bins.iter().position(|bin| *number < bin.high).unwrap_or(bins.len() - 1);
        counts[at] += 1;
    }
    counts
}

/// Whether a number is whole.
fn is_whole(number: f64) -> bool {
    (number - number.round()).abs() < NOISE
}

/// A bin in words: its value, or its ends.
fn named(bin: &Bin) -> String {
    let (middle, width) = (f64::midpoint(bin.low, bin.high), bin.high - bin.low);
    let is_value = |step: &f64| (width - step).abs() < NOISE && is_whole(middle / step);
    if STEPS.iter().any(is_value) {
        return short(middle, width);
    }
    format!("{} to {}", short(bin.low, width), short(bin.high, width))
}

/// A bar for each name, with its count; `filter` names the quantity in the filters of the bars.
pub(in crate::report) fn named_bars(bars: &[(String, usize)], (x, filter): (&str, &str)) -> String {
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let names: Vec<String> = bars.iter().rev().map(|(name, _)| name.clone()).collect();
    let height = 64 + 28 * u32::try_from(bars.len()).unwrap_or(1);
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let axes = Axes {
        size: (520, height),
        left: (44 + LETTER.unsigned_abs() * u32::try_from(widest).unwrap_or(0)).min(200),
        x: Axis::counts(x, real(most) * 1.12),
        y: Axis::names("", names),
    };
    let bar = |(at, (name, count)): (usize, &(String, usize))| {
        let low = real(at);
        let shape = Shape::Box((0.0, low + 0.15), (real(*count), low + 0.85));
        let words = format!("{name}: {}", counted(*count, "record"));
        let bar = Mark::new(shape, BLUE).linked(format!("{filter}:{name}"), words);
        let place = real(*count) + real(most) * 0.05;
        [bar, Mark::text(place, low + 0.5, count.to_string())]
    };
    let marks: Vec<Mark> = bars.iter().rev().enumerate().flat_map(bar).collect();
    draw(&axes, &marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_a_bar_each_and_others_equal_bins() {
        let counts = |bins: &[Bin]| bins.iter().map(|bin| bin.count).collect::<Vec<_>>();
        let whole = bins(&[1.0, 3.0, 3.0], Some((1.0, 5.0)));
        assert_eq!(counts(&whole), [1, 0, 2, 0, 0]);
        let shares = bins(&[0.0, 0.51, 1.0], Some((0.0, 1.0)));
        assert_eq!((shares.len(), counts(&shares).iter().sum::<usize>()), (12, 3));
        assert_eq!(bins(&[1.0, 1.0], None).len(), 12);
        assert_eq!(counts(&bins(&[2.5, 2.5], None)).iter().sum::<usize>(), 2);
        assert!(bins(&[], None).is_empty());
        let halves = bins(&[1.0, 3.5, 5.0], Some((1.0, 5.0)));
        assert_eq!(counts(&halves), [1, 0, 0, 0, 0, 1, 0, 0, 1]);
        assert_eq!((named(&halves[5]), named(&shares[0])), ("3.5".into(), "0 to 0.083".into()));
    }

    #[test]
    fn bars_lead_to_their_records_and_names_are_escaped() {
        let bins = bins(&[1.0, 3.0, 3.0], Some((1.0, 5.0)));
        let svg = histogram(&bins, Some(&[1.2, 2.9, 3.1]), ("score", "score"));
        assert!(svg.contains("href=\"#?score:2.5:3.5\"") && svg.contains("3: 2 records"), "{svg}");
        assert!(!svg.contains("0 records"), "{svg}");
        let svg = named_bars(&[("<script>\u{202e}".into(), 2)], ("records", "verdict"));
        assert!(!svg.contains("<script") && !svg.contains('\u{202e}'), "{svg}");
        assert!(svg.contains("#?verdict:%3Cscript%3E%E2%80%AE"), "{svg}");
    }
}
