//! Points: reliability, points with a trend, means by group.

use super::picture::{Axes, Axis, BLUE, Mark, ORANGE, Shape, draw};
use crate::{
    metrics::{Bin, Interval, real, wilson},
    report::terminal::{escaped, shortened},
};

/// The reliability curve: the share that came true over the mean prediction of each bin, with 95 % intervals. A judge
/// whose probabilities are right lies on the diagonal.
pub(in crate::report) fn reliability(bins: &[Bin], what: &str) -> String {
    let axes = Axes {
        size: (420, 380),
        left: 60,
        x: Axis::shares(format!("predicted {what}")),
        y: Axis::shares("observed share"),
    };
    let diagonal = Mark::new(Shape::Line(vec![(0.0, 0.0), (1.0, 1.0)]), ORANGE).faint(0.7);
    let point = |bin: &Bin| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let came_true = (bin.observed * real(bin.count)).round() as usize;
        let Interval { low, high } = wilson(came_true, bin.count);
        let words = format!(
            "predicted {:.2}, observed {:.2} in {} records",
            bin.predicted, bin.observed, bin.count
        );
        let filter = format!("p:{}:{}", bin.low, bin.high);
        [
            Mark::new(Shape::Line(vec![(bin.predicted, low), (bin.predicted, high)]), BLUE)
                .faint(0.5),
            Mark::new(Shape::Dot(bin.predicted, bin.observed), BLUE).linked(filter, words),
        ]
    };
    let marks: Vec<Mark> = std::iter::once(diagonal).chain(bins.iter().flat_map(point)).collect();
    draw(&axes, &marks)
}

/// The most points that are drawn: more would be one surface, and a large file.
const DRAWN: usize = 1_500;

/// Points with their straight trend (least squares), if it is defined.
pub(in crate::report) fn scatter(points: &[(f64, f64)], x: &str, y: &str) -> String {
    let Some((left, right)) = range(points.iter().map(|point| point.0)) else {
        return String::new();
    };
    let Some((low, high)) = range(points.iter().map(|point| point.1)) else {
        return String::new();
    };
    let axes = Axes {
        size: (520, 280),
        left: 56,
        x: Axis::numbers(x, left..right),
        y: Axis::numbers(y, low..high),
    };
    let every = points.len().div_ceil(DRAWN).max(1);
    let dot = |(x, y): &(f64, f64)| Mark::new(Shape::Dot(*x, *y), BLUE).faint(0.35);
    let mut marks: Vec<Mark> = points.iter().step_by(every).map(dot).collect();
    if let Some((slope, start)) = trend(points) {
        let ends = [left, right].map(|x| (x, (start + slope * x).clamp(low, high)));
        marks.push(Mark::new(Shape::Line(ends.to_vec()), ORANGE));
    }
    draw(&axes, &marks)
}

/// The range of these numbers, with a margin.
fn range(numbers: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let (low, high) = numbers.clone().reduce(f64::min).zip(numbers.reduce(f64::max))?;
    let margin = ((high - low) * 0.05).max(0.05);
    Some((low - margin, high + margin))
}

/// Slope and intercept of the line with the least squares; `None` if all points have the same `x`.
fn trend(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = real(points.len());
    let mean = |side: fn(&(f64, f64)) -> f64| points.iter().map(side).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let product: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (spread > 0.0).then(|| (product / spread, y - product / spread * x))
}

/// An accuracy over what it cost.
#[derive(Clone, Debug)]
pub(in crate::report) struct Spent {
    pub(in crate::report) name: String,
    pub(in crate::report) tokens: f64,
    pub(in crate::report) accuracy: f64,
    pub(in crate::report) interval: Option<Interval>,
}

/// Accuracies over tokens, with their names.
pub(in crate::report) fn over_tokens(all: &[Spent]) -> String {
    let Some((_, most)) = range(all.iter().map(|one| one.tokens)) else { return String::new() };
    let axes = Axes {
        size: (520, 300),
        left: 60,
        x: Axis::numbers("written tokens per record", 0.0..most * 1.15),
        y: Axis { range: 0.0..1.08, ..Axis::shares("right answers") },
    };
    let marks = all.iter().flat_map(|one| {
        let Spent { name, tokens, accuracy, interval } = one;
        let line = interval.map(|interval| {
            let ends = vec![(*tokens, interval.low), (*tokens, interval.high)];
            Mark::new(Shape::Line(ends), BLUE).faint(0.5)
        });
        let dot = Mark::new(Shape::Dot(*tokens, *accuracy), BLUE);
        let name = shortened(&escaped(name), 24);
        let name = Mark::text(*tokens, accuracy + 0.05, name);
        line.into_iter().chain([dot, name])
    });
    draw(&axes, &marks.collect::<Vec<_>>())
}

/// The mean or share of a group of records.
#[derive(Clone, Debug)]
pub(in crate::report) struct GroupMean {
    pub(in crate::report) name: String,
    pub(in crate::report) mean: f64,
    pub(in crate::report) interval: (f64, f64),
    pub(in crate::report) count: usize,
}

/// A dot for each group, with its interval.
pub(in crate::report) fn by_group(groups: &[GroupMean], x: &str, is_share: bool) -> String {
    let ends = groups.iter().flat_map(|group| [group.interval.0, group.interval.1, group.mean]);
    let Some((low, high)) = range(ends) else { return String::new() };
    let names = groups.iter().rev().map(|group| format!("{} ({})", group.name, group.count));
    let axes = Axes {
        size: (520, 70 + 28 * u32::try_from(groups.len()).unwrap_or(1)),
        left: 180,
        x: if is_share { Axis::shares(x) } else { Axis::numbers(x, low..high) },
        y: Axis::names("", names.collect()),
    };
    let marks = groups.iter().rev().enumerate().flat_map(|(at, group)| {
        let y = real(at) + 0.5;
        let line = Shape::Line(vec![(group.interval.0, y), (group.interval.1, y)]);
        let words = format!("{}: {:.3} in {} records", group.name, group.mean, group.count);
        [
            Mark::new(line, BLUE).faint(0.6),
            Mark::new(Shape::Dot(group.mean, y), BLUE)
                .linked(format!("group:{}", group.name), words),
        ]
    });
    draw(&axes, &marks.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trend_is_that_of_least_squares() {
        let (slope, start) = trend(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]).unwrap();
        assert!((slope - 2.0).abs() < 1e-12 && (start - 1.0).abs() < 1e-12);
        assert_eq!(trend(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(trend(&[]), None);
    }

    #[test]
    fn every_bin_and_every_group_is_drawn_and_leads_to_its_records() {
        let bin = Bin { low: 0.8, high: 0.9, count: 20, predicted: 0.85, observed: 0.7 };
        let svg = reliability(&[bin], "p");
        assert!(svg.contains("#?p:0.8:0.9") && svg.contains("in 20 records"), "{svg}");
        let group = GroupMean { name: "a & b".into(), mean: 0.5, interval: (0.3, 0.7), count: 9 };
        let svg = by_group(&[group], "pass rate", true);
        assert!(svg.contains("#?group:a%20%26%20b") && svg.contains("a &amp; b (9)"), "{svg}");
        assert_eq!(scatter(&[], "x", "y"), "");
    }
}
