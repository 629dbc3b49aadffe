//! Axes with marks: the few things of which the charts of a report are made.
//!
//! Two colours stand for the text and the grid of the page, and the page's style sheet replaces them, so that one
//! picture is readable on light and on dark.

use std::ops::Range;

use minijinja::HtmlEscape;
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    metrics::real,
    report::terminal::{escaped, shortened},
};

/// The text of the page.
const INK: RGBColor = RGBColor(26, 26, 26);
/// Lines that help the eye.
const GRID: RGBColor = RGBColor(217, 217, 217);

/// Colours that people with any colour vision can tell apart (Okabe and Ito 2008).
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const ORANGE: RGBColor = RGBColor(213, 94, 0);

/// About how many ticks an axis has.
const TICKS: usize = 6;

/// The height of a line of text, in pixels.
const TEXT: i32 = 13;

/// The width of most letters in names, in pixels: on a phone the page shows texts larger than they are drawn.
pub(super) const LETTER: i32 = 9;

/// The axes of a picture, in the units of the data.
pub(super) struct Axes {
    /// Width and height, in pixels.
    pub(super) size: (u32, u32),
    /// The room for the labels of the vertical axis, in pixels.
    pub(super) left: u32,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

/// One axis.
pub(super) struct Axis {
    /// What it measures, with its unit.
    pub(super) name: String,
    pub(super) range: Range<f64>,
    /// What stands at its ticks.
    pub(super) ticks: Ticks,
}

/// What stands at the ticks of an axis.
pub(super) enum Ticks {
    /// Numbers.
    Numbers,
    /// Whole numbers.
    Counts,
    /// Shares, in per cent.
    Shares,
    /// Names, each in the middle of one unit.
    Names(Vec<String>),
}

/// Something that is drawn inside of the axes.
pub(super) struct Mark {
    pub(super) shape: Shape,
    pub(super) colour: RGBColor,
    /// How opaque it is, 0 to 1.
    pub(super) opacity: f64,
    /// The filter of the records that it stands for, empty without one, and the words about it.
    pub(super) link: Option<(String, String)>,
}

/// The shape of a mark, in the units of the data.
pub(super) enum Shape {
    /// A filled rectangle, between two corners.
    Box((f64, f64), (f64, f64)),
    /// An outlined rectangle.
    Outline((f64, f64), (f64, f64)),
    /// An area that is not drawn, and leads to its records.
    Area((f64, f64), (f64, f64)),
    /// A dot.
    Dot(f64, f64),
    /// A line through these points.
    Line(Vec<(f64, f64)>),
    /// A text around its middle.
    Text(f64, f64, String),
}

impl Mark {
    /// An opaque mark without a link.
    pub(super) fn new(shape: Shape, colour: RGBColor) -> Self {
        Self { shape, colour, opacity: 1.0, link: None }
    }

    /// A text in the colour of the page's text.
    pub(super) fn text(x: f64, y: f64, text: String) -> Self {
        Self::new(Shape::Text(x, y, text), INK)
    }

    /// The same mark with this opacity.
    pub(super) fn faint(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// The same mark, which leads to the records of a filter and is described by these words; without a filter it is
    /// only described.
    pub(super) fn linked(self, filter: impl Into<String>, words: impl Into<String>) -> Self {
        Self { link: Some((filter.into(), words.into())), ..self }
    }
}

type Plot<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Area<DB> = DrawingArea<DB, Shift>;
type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// The picture as SVG, with all texts escaped; empty if it cannot be laid out.
pub(super) fn draw(axes: &Axes, marks: &[Mark]) -> String {
    let mut svg = String::new();
    let mut areas = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, axes.size).into_drawing_area();
        draw_on(&area, axes, marks, &mut areas)
    };
    if drawn.is_err() {
        return String::new();
    }
    // The library knows no links: they are transparent areas over the picture. Their words are what a screen reader
    // reads; the bare texts of the axes would be numbers without a meaning.
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.truncate(end);
    let begin = svg.find('>').map_or(0, |at| at + 1);
    svg.insert_str(begin, "<g aria-hidden=\"true\">");
    format!("{svg}</g>{areas}</svg>")
}

fn draw_on<DB: DrawingBackend>(
    area: &Area<DB>,
    axes: &Axes,
    marks: &[Mark],
    areas: &mut String,
) -> Drawn<DB> {
    let mut plot = ChartBuilder::on(area)
        .margin(8)
        .margin_right(16)
        .x_label_area_size(44)
        .y_label_area_size(axes.left)
        .build_cartesian_2d(axes.x.range.clone(), axes.y.range.clone())?;
    mesh(&mut plot, axes)?;
    names(area, &plot, axes)?;
    for mark in marks {
        draw_mark(&plot, mark)?;
        if let (Some((filter, words)), Some(corners)) = (&mark.link, mark.shape.corners()) {
            let corners = corners.map(|corner| plot.backend_coord(&corner));
            areas.push_str(&linked(filter, words, corners));
        }
    }
    area.present()
}

/// Text of this size in the colour of the page's text.
fn ink<'a>() -> TextStyle<'a> {
    ("sans-serif", TEXT).into_font().color(&INK)
}

/// The axes with their grid.
fn mesh<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, axes: &Axes) -> Drawn<DB> {
    let ticks = |axis: &Axis| if axis.ticks.names().is_empty() { TICKS } else { 0 };
    plot.configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_desc(escaped(&axes.x.name))
        .y_desc(escaped(&axes.y.name))
        .axis_desc_style(ink())
        .label_style(ink())
        .x_labels(ticks(&axes.x))
        .y_labels(ticks(&axes.y))
        .x_label_formatter(&|number| axes.x.shown(*number))
        .y_label_formatter(&|number| axes.y.shown(*number))
        .draw()
}

/// The names at axes that have names, each in the middle of its unit.
fn names<DB: DrawingBackend>(area: &Area<DB>, plot: &Plot<'_, DB>, axes: &Axes) -> Drawn<DB> {
    let (columns, rows) = plot.plotting_area().get_pixel_range();
    let across = axes.x.ticks.names();
    let room = (columns.end - columns.start) / across.len().max(1).try_into().unwrap_or(1);
    let style = ink().pos(Pos::new(HPos::Center, VPos::Top));
    for (at, name) in across.iter().enumerate() {
        let (x, _) = plot.backend_coord(&(axes.x.middle(at), axes.y.range.start));
        area.draw(&Text::new(cut(name, room), (x, rows.end + 8), style.clone()))?;
    }
    let room = axes.left.try_into().unwrap_or(0) - 36;
    let style = ink().pos(Pos::new(HPos::Right, VPos::Center));
    for (at, name) in axes.y.ticks.names().iter().enumerate() {
        let (_, y) = plot.backend_coord(&(axes.x.range.start, axes.y.middle(at)));
        area.draw(&Text::new(cut(name, room), (columns.start - 8, y), style.clone()))?;
    }
    Ok(())
}

fn draw_mark<DB: DrawingBackend>(plot: &Plot<'_, DB>, mark: &Mark) -> Drawn<DB> {
    let colour = mark.colour.mix(mark.opacity);
    let area = plot.plotting_area();
    match &mark.shape {
        Shape::Box(one, other) => area.draw(&Rectangle::new([*one, *other], colour.filled())),
        Shape::Outline((left, low), (right, high)) => {
            let corners = [(*left, *low), (*left, *high), (*right, *high), (*right, *low)];
            area.draw(&PathElement::new(corners.to_vec(), colour.stroke_width(2)))
        }
        Shape::Area(..) => Ok(()),
        Shape::Dot(x, y) => area.draw(&Circle::new((*x, *y), 4, colour.filled())),
        Shape::Line(points) => area.draw(&PathElement::new(points.clone(), colour.stroke_width(2))),
        Shape::Text(x, y, text) => {
            let style = ("sans-serif", TEXT).into_font().color(&colour);
            let style = style.pos(Pos::new(HPos::Center, VPos::Center));
            area.draw(&Text::new(text.clone(), (*x, *y), style))
        }
    }
}

impl Shape {
    /// The corners of the area that leads to the records; `None` for what only helps the eye.
    fn corners(&self) -> Option<[(f64, f64); 2]> {
        match self {
            Self::Box(one, other) | Self::Area(one, other) => Some([*one, *other]),
            Self::Dot(x, y) => Some([(*x, *y), (*x, *y)]),
            Self::Outline(..) | Self::Line(_) | Self::Text(..) => None,
        }
    }
}

impl Axis {
    /// An axis of numbers.
    pub(super) fn numbers(name: impl Into<String>, range: Range<f64>) -> Self {
        Self { name: name.into(), range, ticks: Ticks::Numbers }
    }

    /// An axis of counts from 0.
    pub(super) fn counts(name: impl Into<String>, end: f64) -> Self {
        Self { name: name.into(), range: 0.0..end, ticks: Ticks::Counts }
    }

    /// An axis of shares, 0 to 1, in per cent.
    pub(super) fn shares(name: impl Into<String>) -> Self {
        Self { name: name.into(), range: 0.0..1.0, ticks: Ticks::Shares }
    }

    /// An axis of names, one unit each.
    pub(super) fn names(name: impl Into<String>, names: Vec<String>) -> Self {
        Self { name: name.into(), range: 0.0..real(names.len()), ticks: Ticks::Names(names) }
    }

    /// The middle of the unit of a name.
    fn middle(&self, at: usize) -> f64 {
        self.range.start + real(at) + 0.5
    }

    /// What stands at a tick.
    fn shown(&self, number: f64) -> String {
        match self.ticks {
            Ticks::Counts if (number - number.round()).abs() > 1e-9 => String::new(),
            Ticks::Numbers | Ticks::Counts => {
                short(number, (self.range.end - self.range.start) / real(TICKS))
            }
            Ticks::Shares => format!("{:.0} %", number * 100.0),
            Ticks::Names(_) => String::new(),
        }
    }
}

impl Ticks {
    fn names(&self) -> &[String] {
        match self {
            Self::Names(names) => names,
            Self::Numbers | Self::Counts | Self::Shares => &[],
        }
    }
}

/// A number in few characters, and with enough digits that numbers at this distance differ.
pub(super) fn short(number: f64, distance: f64) -> String {
    match number.abs() {
        n if n >= 10_000.0 && distance >= 1_000.0 => format!("{:.0}k", number / 1_000.0),
        n if n >= 1_000.0 && distance >= 100.0 => {
            format!("{:.1}k", number / 1_000.0).replace(".0k", "k")
        }
        _ => trimmed(number, distance),
    }
}

/// A number with one digit more than the distance has, without zeros at its end.
fn trimmed(number: f64, distance: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
    let digits = (1.0 - distance.max(f64::MIN_POSITIVE).log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.digits$}");
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    if text == "-0" { "0".into() } else { text.to_owned() }
}

/// A name in so many pixels, without characters that cannot be shown.
fn cut(name: &str, room: i32) -> String {
    let columns = usize::try_from(room / LETTER).unwrap_or(0).max(4);
    shortened(&escaped(name), columns)
}

/// A transparent area that is described by words, and leads to the records of a filter if there is one.
fn linked(filter: &str, words: &str, [one, other]: [(i32, i32); 2]) -> String {
    // A dot or a low bar is too small to be hit.
    let span = |a: i32, b: i32| {
        let (low, high) = (a.min(b), a.max(b));
        let more = (12 - (high - low)).max(0) / 2;
        (low - more, high - low + 2 * more)
    };
    let ((x, width), (y, height)) = (span(one.0, other.0), span(one.1, other.1));
    let words = attribute(&escaped(words));
    let (begin, end) = match filter {
        "" => (format!("<g role=\"img\" aria-label=\"{words}\">"), "</g>"),
        filter => (format!("<a href=\"#?{}\" aria-label=\"{words}\">", encoded(filter)), "</a>"),
    };
    format!(
        "{begin}<title>{words}</title>\
         <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"transparent\"/>{end}"
    )
}

/// A text as a value of an attribute of HTML or XML.
fn attribute(text: &str) -> String {
    HtmlEscape(text).to_string()
}

/// A text as a part of an address.
pub(in crate::report) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_on_an_axis_have_different_labels_and_no_needless_digits() {
        let labels = |numbers: &[f64], distance| -> Vec<String> {
            numbers.iter().map(|number| short(*number, distance)).collect()
        };
        assert_eq!(labels(&[0.0, 0.0005, 0.001], 0.00055), ["0", "0.0005", "0.001"]);
        assert_eq!(labels(&[-0.0, 0.2, 0.4, 1.0], 1.0 / 6.0), ["0", "0.2", "0.4", "1"]);
        assert_eq!(labels(&[1.0, 2.0, 10.0], 1.6), ["1", "2", "10"]);
        assert_eq!(labels(&[950.0, 1_500.0, 12_000.0], 2_000.0), ["950", "1.5k", "12k"]);
        assert_eq!(labels(&[10_200.0, 10_250.0], 50.0), ["10200", "10250"]);
    }

    #[test]
    fn what_leads_nowhere_is_still_described() {
        let area = |filter| linked(filter, "a < b: 3 records", [(0, 0), (20, 20)]);
        assert!(
            area("score:1:2")
                .starts_with("<a href=\"#?score:1:2\" aria-label=\"a &lt; b: 3 records\">")
        );
        assert!(area("").starts_with("<g role=\"img\" aria-label=\"a &lt; b: 3 records\"><title>"));
        assert!(!area("").contains("href"));
    }
}
