//! Charts of lines, as SVG that needs no other file and runs no script.

use std::ops::Range;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::error::{Error, ErrorKind, Result};

/// A chart: numbers over a quantity, one line for each series, with a legend beside it.
///
/// ```
/// use tribunal::report::{Chart, Point, Series};
///
/// let points = [Point::new(100.0, 0.42), Point::new(400.0, 0.8).interval(0.7, 0.9)];
/// let svg = Chart::new("Sums of three numbers", "tokens for each question", "accuracy")
///     .series(Series::new("majority", points))
///     .svg()?;
/// assert!(svg.starts_with("<svg") && svg.contains("majority"));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    title: String,
    note: String,
    x: String,
    y: String,
    level: Option<(String, f64)>,
    series: Vec<Series>,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    points: Vec<Point>,
}

/// A point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    x: f64,
    y: f64,
    interval: Option<(f64, f64)>,
}

/// The size of a chart, and of the place for its legend, in pixels.
const SIZE: (u32, u32) = (960, 520);
const LEGEND: u32 = 250;
/// Where the title begins: above the axis.
const LEFT: i32 = 76;
/// What helps to read the lines.
const GREY: RGBColor = RGBColor(95, 95, 95);

/// Colours that people with any colour vision can tell apart (Okabe and Ito 2008), without the yellow, which is pale
/// on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(60, 60, 60),
];

impl Point {
    /// A point of these coordinates; `y` is a share, 0 to 1.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None }
    }

    /// The same point with the ends of its interval.
    #[must_use]
    pub fn interval(self, low: f64, high: f64) -> Self {
        Self { interval: Some((low, high)), ..self }
    }
}

impl Series {
    /// A line of this name through these points, in the order of their `x`.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = Point>) -> Self {
        let usable = |point: &Point| point.x.is_finite() && point.x > 0.0 && point.y.is_finite();
        let mut points: Vec<Point> = points.into_iter().filter(usable).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        Self { name: name.into(), points }
    }
}

impl Chart {
    /// A chart with this title and these words at its axes. The axis of `x` is logarithmic and has numbers above 0; the
    /// axis of `y` has shares from 0 to 1, printed in per cent.
    pub fn new(title: impl Into<String>, x: impl Into<String>, y: impl Into<String>) -> Self {
        let (title, x, y) = (title.into(), x.into(), y.into());
        Self { title, note: String::new(), x, y, level: None, series: Vec::new() }
    }

    /// The same chart with a smaller line below the title, such as the number of questions.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// The same chart with a dashed line across it at this share, and its name: what the series are compared with.
    #[must_use]
    pub fn level(self, name: impl Into<String>, share: f64) -> Self {
        Self { level: Some((name.into(), share)).filter(|(_, share)| share.is_finite()), ..self }
    }

    /// The same chart with one more line.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The chart as SVG, with all texts escaped.
    ///
    /// # Errors
    /// No series has a point.
    pub fn svg(&self) -> Result<String> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (low, high) = points().fold((f64::INFINITY, 0.0_f64), |(low, high), point| {
            (low.min(point.x), high.max(point.x))
        });
        if points().next().is_none() {
            return Err(Error::new(ErrorKind::Config, "there is nothing to draw"));
        }
        let mut svg = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&area, low / 1.15..high * 1.15)
        };
        // Writing into a string cannot fail; a chart that cannot be laid out can.
        drawn.map_err(|error| {
            Error::new(ErrorKind::Config, format!("the chart cannot be drawn: {error}"))
        })?;
        Ok(svg)
    }

    fn draw(&self, area: &Area<'_>, x: Range<f64>) -> Drawn<'_> {
        area.fill(&WHITE)?;
        let (plot, legend) = area.split_horizontally(SIZE.0 - LEGEND);
        plot.draw(&Text::new(self.title.clone(), (LEFT, 14), ("sans-serif", 20)))?;
        let small = ("sans-serif", 14).into_font().color(&GREY);
        plot.draw(&Text::new(self.note.clone(), (LEFT, 40), small))?;
        let mut chart = ChartBuilder::on(&plot)
            .margin(12)
            .margin_top(66)
            .x_label_area_size(48)
            .y_label_area_size(64)
            .build_cartesian_2d(x.clone().log_scale().with_key_points(marks(&x)), 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_desc(&self.x)
            .y_desc(&self.y)
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 13))
            .x_label_formatter(&|tokens| short(*tokens))
            .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
            .draw()?;
        if let Some((name, share)) = &self.level {
            let ends = [(x.start, *share), (x.end, *share)];
            chart.draw_series(DashedLineSeries::new(ends, 5, 4, GREY.stroke_width(1)))?;
            let (right, y) = chart.backend_coord(&(x.end, *share));
            let below = ("sans-serif", 13).into_font().color(&GREY);
            let below = below.pos(Pos::new(HPos::Right, VPos::Top));
            plot.draw(&Text::new(name.clone(), (right - 4, y + 5), below))?;
        }
        for (at, (series, colour)) in self.series.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let moved = beside(at, self.series.len());
            let line = || series.points.iter().map(|point| (point.x * moved, point.y));
            chart.draw_series(series.points.iter().filter_map(|point| {
                let (low, high) = point.interval?;
                let ends = vec![(point.x * moved, low), (point.x * moved, high)];
                Some(PathElement::new(ends, colour.mix(0.4).stroke_width(1)))
            }))?;
            chart.draw_series(LineSeries::new(line(), colour.stroke_width(2)))?;
            chart.draw_series(line().map(|at| Circle::new(at, 4, colour.filled())))?;
        }
        self.draw_legend(&legend)
    }

    /// Draws one row for each series: the names may be long, and would hide the lines inside the plot.
    fn draw_legend(&self, area: &Area<'_>) -> Drawn<'_> {
        let rows = (0..).map(|row| 78 + row * 24);
        for ((series, colour), y) in self.series.iter().zip(COLOURS.iter().cycle()).zip(rows) {
            let line = vec![(4, y), (28, y)];
            area.draw(&PathElement::new(line, colour.stroke_width(2)))?;
            area.draw(&Circle::new((16, y), 4, colour.filled()))?;
            let name = Text::new(series.name.clone(), (36, y - 7), ("sans-serif", 14));
            area.draw(&name)?;
        }
        area.present()
    }
}

/// The factor by which a series is moved beside the others: about two pixels for each, so that equal points and their
/// intervals do not hide each other.
#[expect(clippy::cast_precision_loss, reason = "a chart has few series")]
fn beside(at: usize, all: usize) -> f64 {
    1.012_f64.powf(at as f64 - (all.max(1) - 1) as f64 / 2.0)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> =
    std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// The most numbers that an axis has room for.
const MARKS: usize = 10;

/// The numbers at a logarithmic axis: round ones inside the range, as many as there is room for.
fn marks(range: &Range<f64>) -> Vec<f64> {
    let powers = || {
        let first = 10_f64.powf(range.start.log10().floor());
        std::iter::successors(Some(first), |power| Some(power * 10.0))
            .take_while(|power| *power <= range.end)
    };
    let with = |digits: &[f64]| -> Vec<f64> {
        let all = powers().flat_map(|power| digits.iter().map(move |digit| power * digit));
        all.filter(|number| range.contains(number)).collect()
    };
    let finest = with(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let coarser = [with(&[1.0, 2.0, 5.0]), with(&[1.0])];
    coarser.into_iter().fold(
        finest,
        |finer, coarser| {
            if finer.len() > MARKS { coarser } else { finer }
        },
    )
}

/// A large number in few characters: `850`, `12k`.
fn short(number: f64) -> String {
    match number {
        n if n >= 10_000.0 => format!("{:.0}k", n / 1_000.0),
        n if n >= 1_000.0 => format!("{:.1}k", n / 1_000.0).replace(".0k", "k"),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(name: &str, points: &[(f64, f64)]) -> Result<String> {
        let points = points.iter().map(|(x, y)| Point::new(*x, *y).interval(y - 0.1, y + 0.1));
        Chart::new("A <chart>", "tokens", "accuracy").series(Series::new(name, points)).svg()
    }

    #[test]
    fn texts_are_escaped_and_every_point_is_drawn() {
        let svg = chart("<script>alert(1)</script>", &[(100.0, 0.2), (5_000.0, 0.9)]).unwrap();
        assert!(!svg.contains("<script>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("A &lt;chart&gt;"), "{svg}");
        // Two points of the line, and the dot of the legend.
        assert_eq!(svg.matches("<circle").count(), 3);
    }

    #[test]
    fn a_note_and_a_level_are_written_and_series_stand_beside_each_other() {
        let one = || [Point::new(100.0, 0.5), Point::new(200.0, 0.7)];
        let chart = Chart::new("Sums", "tokens", "accuracy")
            .note("24 <questions>")
            .level("one answer", 0.4)
            .series(Series::new("a", one()))
            .series(Series::new("b", one()));
        let svg = chart.svg().unwrap();
        assert!(svg.contains("24 &lt;questions&gt;") && svg.contains("one answer"), "{svg}");
        // The dots of the legend come last, and stand below each other.
        let circles = svg.split("<circle ").skip(1).map(|rest| rest.split('>').next().unwrap());
        let circles: Vec<&str> = circles.take(4).collect();
        let places = |colour: &str| -> Vec<&str> {
            let own = circles.iter().filter(|circle| circle.contains(colour));
            own.map(|circle| circle.split(' ').next().unwrap()).collect()
        };
        assert!(places("#0072B2").iter().all(|place| !places("#D55E00").contains(place)), "{svg}");
        assert!(Chart::new("", "", "").level("none", f64::NAN).level.is_none());
    }

    #[test]
    fn numbers_that_cannot_be_drawn_are_left_out() {
        let svg = chart("one", &[(0.0, 0.5), (f64::NAN, 0.5), (10.0, f64::INFINITY), (10.0, 0.5)]);
        assert_eq!(svg.unwrap().matches("<circle").count(), 2);
        assert!(chart("none", &[]).unwrap_err().to_string().contains("nothing to draw"));
    }

    #[test]
    fn the_numbers_at_the_axis_begin_below_the_first_power_of_ten() {
        assert_eq!(
            marks(&(180.0..2_300.0)),
            [200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1_000.0, 2_000.0]
        );
        assert_eq!(marks(&(80.0..9_000.0)), [100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0]);
        assert_eq!(marks(&(0.5..5e6)), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]);
        let svg = chart("one", &[(250.0, 0.2), (2_000.0, 0.9)]).unwrap();
        assert!(svg.contains(">\n300\n<"), "{svg}");
    }

    #[test]
    fn large_numbers_are_short() {
        let shown: Vec<String> = [12.0, 1_000.0, 2_500.0, 64_000.0].map(short).into();
        assert_eq!(shown, ["12", "1k", "2.5k", "64k"]);
    }
}
