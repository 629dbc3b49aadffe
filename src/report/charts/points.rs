//! Points: reliability, points with a trend, means by group.

use super::picture::{Axes, Axis, BLUE, Mark, ORANGE, Shape, draw, short};
use crate::{
    metrics::{Bin, Interval, real, wilson},
    report::terminal::{escaped, shortened},
    units::counted,
};

/// The reliability curve: the share that came true over the mean prediction of each bin, with 95 % intervals. A judge
/// whose probabilities are right lies on the diagonal.
pub(in crate::report) fn reliability(bins: &[Bin], what: &str) -> String {
    let axes = Axes {
        size: (436, 380),
        left: 76,
        x: Axis::shares(format!("predicted {what}")),
        y: Axis::shares("observed share"),
    };
    let diagonal = Mark::new(Shape::Line(vec![(0.0, 0.0), (1.0, 1.0)]), ORANGE).faint(0.7);
    let point = |bin: &Bin| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let came_true = (bin.observed * real(bin.count)).round() as usize;
        let Interval { low, high } = wilson(came_true, bin.count);
        let words = format!(
            "predicted {:.2}, observed {:.2} in {}",
            bin.predicted,
            bin.observed,
            counted(bin.count, "record")
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

/// The number of bands of a scatter that lead to their records.
const BANDS: usize = 12;

/// Points with their straight trend (least squares), if it is defined. `filter` names the horizontal quantity in the
/// filters of the bands that lead to the records.
pub(in crate::report) fn scatter(
    points: &[(f64, f64)],
    (x, filter): (&str, &str),
    y: &str,
) -> String {
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
    let width = (right - left) / real(BANDS);
    let bands = (0..BANDS).map(|at| (left + real(at) * width, left + real(at + 1) * width));
    marks.extend(bands.filter_map(|(from, to)| {
        let count = points.iter().filter(|point| point.0 >= from && point.0 < to).count();
        let ends = [from.max(0.0), to].map(|end| short(end, width));
        let words = format!("{} to {} {x}: {}", ends[0], ends[1], counted(count, "record"));
        let band = Mark::new(Shape::Area((from, low), (to, high)), BLUE);
        (count > 0).then(|| band.linked(format!("{filter}:{from:.2}:{to:.2}"), words))
    }));
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
    /// The filter of its records; empty without one.
    pub(in crate::report) filter: String,
}

/// The size of the picture of accuracies, and the room at its left.
const SIZE: (u32, u32) = (520, 300);
const LEFT: u32 = 60;

/// Accuracies over tokens, with their names.
pub(in crate::report) fn over_tokens(all: &[Spent]) -> String {
    let Some((_, most)) = range(all.iter().map(|one| one.tokens)) else { return String::new() };
    let most = most * 1.15;
    let axes = Axes {
        size: SIZE,
        left: LEFT,
        x: Axis::numbers("written tokens per record", 0.0..most),
        y: Axis { range: 0.0..1.08, ..Axis::shares("right answers") },
    };
    let names = places(all, most);
    let marks = all.iter().zip(names).flat_map(|(one, (x, y))| {
        let Spent { name, tokens, accuracy, interval, filter } = one;
        let line = interval.map(|interval| {
            let ends = vec![(*tokens, interval.low), (*tokens, interval.high)];
            Mark::new(Shape::Line(ends), BLUE).faint(0.5)
        });
        let words = format!("{name}: {:.1} % with {tokens:.0} tokens", 100.0 * accuracy);
        let dot = Mark::new(Shape::Dot(*tokens, *accuracy), BLUE).linked(filter, words);
        line.into_iter().chain([dot, Mark::text(x, y, label(name))])
    });
    draw(&axes, &marks.collect::<Vec<_>>())
}

/// A name at a point.
fn label(name: &str) -> String {
    shortened(&escaped(name), 24)
}

/// The middles of the names: beside, above or below their points, inside of the axes and over no other name or point.
fn places(all: &[Spent], most: f64) -> Vec<(f64, f64)> {
    // The inside of the axes, in pixels, and the size of a character.
    let (wide, high) = (f64::from(SIZE.0 - LEFT - 24), f64::from(SIZE.1 - 60));
    let (character, line) = (6.6, 15.0);
    let (x_unit, y_unit) = (most / wide, 1.08 / high);
    let dots: Vec<(f64, f64)> =
        all.iter().map(|one| (one.tokens / x_unit, one.accuracy / y_unit)).collect();
    let mut taken: Vec<[f64; 4]> =
        dots.iter().map(|(x, y)| [x - 5.0, y - 5.0, x + 5.0, y + 5.0]).collect();
    let mut places = Vec::new();
    for (one, (x, y)) in all.iter().zip(&dots) {
        let half = character * real(label(&one.name).chars().count()) / 2.0;
        let beside = half + 10.0;
        let mut wanted = vec![(beside, 0.0), (-beside, 0.0)];
        let rows = (1..=8).map(|row| line * f64::from(row));
        wanted.extend(rows.flat_map(|up| {
            [(0.0, up), (0.0, -up), (beside, up), (beside, -up), (-beside, up), (-beside, -up)]
        }));
        let area = |(right, up): (f64, f64)| {
            let (x, y) = (x + right, y + up);
            [x - half, y - line / 2.0, x + half, y + line / 2.0]
        };
        let is_free = |place: &&(f64, f64)| {
            let own = area(**place);
            let inside = own[0] >= 2.0 && own[1] >= 0.0 && own[2] <= wide && own[3] <= high;
            inside && !taken.iter().any(|other| meet(&own, other))
        };
        let (right, up) = wanted.iter().find(is_free).copied().unwrap_or((0.0, line));
        taken.push(area((right, up)));
        places.push(((x + right) * x_unit, (y + up) * y_unit));
    }
    places
}

/// Whether two areas (left, low, right, high) have a part in common.
fn meet(one: &[f64; 4], other: &[f64; 4]) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// The mean or share of a group of records.
#[derive(Clone, Debug)]
pub(in crate::report) struct GroupMean {
    pub(in crate::report) name: String,
    pub(in crate::report) mean: f64,
    pub(in crate::report) interval: (f64, f64),
    pub(in crate::report) count: usize,
    /// The filter of its records; empty without one.
    pub(in crate::report) filter: String,
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
        let count = counted(group.count, "record");
        let words = format!("{}: {:.3} in {count}", group.name, group.mean);
        let dot = Mark::new(Shape::Dot(group.mean, y), BLUE).linked(&group.filter, words);
        [Mark::new(line, BLUE).faint(0.6), dot]
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
        let filter = "group:a & b".into();
        let name = "a & b".into();
        let group = GroupMean { name, mean: 0.5, interval: (0.3, 0.7), count: 9, filter };
        let svg = by_group(&[group], "pass rate", true);
        assert!(svg.contains("#?group:a%20%26%20b") && svg.contains("a &amp; b (9)"), "{svg}");
        assert_eq!(scatter(&[], ("x", "length"), "y"), "");
        let svg =
            scatter(&[(10.0, 1.0), (10.0, 2.0), (90.0, 3.0)], ("characters", "length"), "score");
        assert_eq!(svg.matches("<a href=\"#?length:").count(), 2, "{svg}");
        assert!(svg.contains("characters: 2 records"), "{svg}");
    }

    #[test]
    fn names_of_points_are_beside_them_and_not_over_each_other() {
        let one = |name: &str, tokens, accuracy| Spent {
            name: name.into(),
            tokens,
            accuracy,
            interval: None,
            filter: String::new(),
        };
        let names = ["one candidate", "best of eight candidates", "majority", "best.jsonl (mean)"];
        let mut all: Vec<Spent> = names.iter().map(|name| one(name, 1_500.0, 0.99)).collect();
        all.push(one("one candidate", 20.0, 0.56));
        let most = 1_500.0 * 1.2;
        let (x_unit, y_unit) = (most / 436.0, 1.08 / 240.0);
        let areas: Vec<[f64; 4]> = places(&all, most)
            .into_iter()
            .zip(&all)
            .map(|((x, y), one)| {
                let half = 3.3 * real(label(&one.name).chars().count());
                let (x, y) = (x / x_unit, y / y_unit);
                [x - half, y - 7.0, x + half, y + 7.0]
            })
            .collect();
        for (n, area) in areas.iter().enumerate() {
            assert!(area[0] >= 0.0 && area[2] <= 436.0, "{n}: {area:?}");
            assert!(areas[..n].iter().all(|other| !meet(area, other)), "{n}: {areas:?}");
        }
    }
}
