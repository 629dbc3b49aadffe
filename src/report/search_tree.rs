//! Trees of searches as pictures: SVG that needs no other file and runs no script.

use plotters::{coord::Shift, prelude::*};

use super::escaped;
use crate::{
    error::{Error, ErrorKind, Result},
    records::TreeLine,
};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The size of a box, and the distance from one to the next, in pixels.
const BOX: (i32, i32) = (230, 38);
const NEXT: (i32, i32) = (270, 48);
const MARGIN: i32 = 16;
/// The height of the line with the id of a record.
const TITLE: i32 = 28;
/// The height of the legend.
const LEGEND: i32 = 40;
/// The characters that fit in a box.
const FITTING: usize = 36;

/// The colours of the lowest and the highest value, which people with any colour vision can tell apart (after Okabe and
/// Ito 2008), and that of a step without a value.
const LOW: RGBColor = RGBColor(240, 170, 110);
const HIGH: RGBColor = RGBColor(120, 190, 235);
const NONE: RGBColor = RGBColor(225, 225, 225);
/// The chosen solution.
const CHOSEN: RGBColor = RGBColor(0, 60, 110);
const QUIET: RGBColor = RGBColor(140, 140, 140);

/// The trees of some records as one picture, one below the other: a box for each step, coloured by its value, with the
/// chosen solution outlined.
///
/// Texts of records and models are escaped.
///
/// # Errors
/// The picture cannot be drawn.
pub fn tree_svg(trees: &[Vec<TreeLine>]) -> Result<String> {
    let placed: Vec<Placed<'_>> = trees.iter().map(|lines| Placed::of(lines)).collect();
    let width = placed.iter().map(|tree| tree.columns).max().unwrap_or(1) * NEXT.0 + 2 * MARGIN;
    let height = placed.iter().map(Placed::height).sum::<i32>() + LEGEND + 2 * MARGIN;
    let mut svg = String::new();
    draw(&mut svg, &placed, (width.unsigned_abs(), height.unsigned_abs()))
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot draw the trees: {cause}")))?;
    Ok(svg)
}

/// A tree whose steps have places.
struct Placed<'t> {
    id: &'t str,
    /// Each step, with its column and its row in halves.
    steps: Vec<(&'t TreeLine, i32, i32)>,
    columns: i32,
    rows: i32,
}

impl<'t> Placed<'t> {
    fn of(lines: &'t [TreeLine]) -> Self {
        let id = lines.first().map(|line| line.id.as_str()).unwrap_or_default();
        let mut tree = Self { id, steps: Vec::new(), columns: 1, rows: 0 };
        for line in lines.iter().filter(|line| line.parent == 0) {
            tree.place(lines, line, 0);
        }
        tree.rows = tree.rows.max(1);
        tree
    }

    /// Places a step and those after it, and returns its row in halves: the middle of its first and last successor.
    fn place(&mut self, lines: &'t [TreeLine], line: &'t TreeLine, column: i32) -> i32 {
        self.columns = self.columns.max(column + 1);
        let after = lines.iter().filter(|other| other.parent == line.node);
        let rows: Vec<i32> = after.map(|other| self.place(lines, other, column + 1)).collect();
        let row = if let [first, ..] = rows.as_slice() {
            first.midpoint(rows.last().copied().unwrap_or(*first))
        } else {
            self.rows += 1;
            2 * (self.rows - 1)
        };
        self.steps.push((line, column, row));
        row
    }

    fn height(&self) -> i32 {
        TITLE + self.rows * NEXT.1
    }

    /// The upper left corner of a step in a tree that begins at `top`.
    fn corner(column: i32, row: i32, top: i32) -> (i32, i32) {
        (MARGIN + column * NEXT.0, top + TITLE + row * NEXT.1 / 2)
    }
}

/// Why a picture cannot be drawn.
type Cause = DrawingAreaErrorKind<std::io::Error>;

fn draw(svg: &mut String, trees: &[Placed<'_>], size: (u32, u32)) -> Result<(), Cause> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    let values = trees.iter().flat_map(|tree| &tree.steps).filter_map(|(line, ..)| line.value);
    // Values from 0 to 1 have the same colours in every picture.
    let (low, high) =
        values.fold((0.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let colour = |value: Option<f64>| match value {
        None => NONE,
        Some(value) => mixed((value - low) / (high - low)),
    };
    let mut top = MARGIN;
    for tree in trees {
        text(&area, tree.id, 60, (MARGIN, top), 15, BLACK)?;
        edges(&area, tree, top)?;
        for (line, column, row) in &tree.steps {
            step(&area, line, Placed::corner(*column, *row, top), colour(line.value))?;
        }
        top += tree.height();
    }
    legend(&area, top + MARGIN, low, high)?;
    area.present()
}

/// The lines from each step to those after it.
fn edges(area: &Area<'_>, tree: &Placed<'_>, top: i32) -> Result<(), Cause> {
    for (line, column, row) in &tree.steps {
        let before = tree.steps.iter().find(|(other, ..)| other.node == line.parent);
        let Some((_, from_column, from_row)) = before else { continue };
        let (from, to) =
            (Placed::corner(*from_column, *from_row, top), Placed::corner(*column, *row, top));
        let style = if line.chosen { CHOSEN.stroke_width(3) } else { QUIET.stroke_width(1) };
        let points = [(from.0 + BOX.0, from.1 + BOX.1 / 2), (to.0, to.1 + BOX.1 / 2)];
        area.draw(&PathElement::new(points, style))?;
    }
    Ok(())
}

/// The box of a step: its text, and below it its value and how often it was drawn.
fn step(
    area: &Area<'_>,
    line: &TreeLine,
    (x, y): (i32, i32),
    colour: RGBColor,
) -> Result<(), Cause> {
    let corners = [(x, y), (x + BOX.0, y + BOX.1)];
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    let edge = if line.chosen { CHOSEN.stroke_width(3) } else { QUIET.stroke_width(1) };
    // As a path: the outline of a rectangle has one width.
    let [(left, top), (right, bottom)] = corners;
    let outline = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    area.draw(&PathElement::new(outline, edge))?;
    text(area, &line.step, FITTING, (x + 6, y + 4), 12, BLACK)?;
    let value = line.value.map_or_else(|| "no value".into(), |value| format!("{value:.3}"));
    let times =
        if line.times > 1 { format!(", drawn {} times", line.times) } else { String::new() };
    let end = if line.end { ", end" } else { "" };
    let chosen = if line.chosen && line.end { ", chosen" } else { "" };
    let below = format!("{value}{times}{end}{chosen}");
    text(area, &below, FITTING, (x + 6, y + 21), 11, RGBColor(60, 60, 60))
}

/// A scale of the colours, and what the outline means.
fn legend(area: &Area<'_>, y: i32, low: f64, high: f64) -> Result<(), Cause> {
    const PARTS: i32 = 20;
    text(area, &format!("value {low:.1}"), 20, (MARGIN, y), 12, BLACK)?;
    let start = MARGIN + 70;
    for part in 0..PARTS {
        let x = start + part * 6;
        let colour = mixed(f64::from(part) / f64::from(PARTS - 1));
        area.draw(&Rectangle::new([(x, y), (x + 6, y + 14)], colour.filled()))?;
    }
    let outlined = "thick outline: the chosen solution";
    text(area, &format!("{high:.1}    {outlined}"), 80, (start + PARTS * 6 + 8, y), 12, BLACK)
}

/// A text on one line, without characters that cannot be shown.
fn text(
    area: &Area<'_>,
    words: &str,
    most: usize,
    place: (i32, i32),
    size: i32,
    colour: RGBColor,
) -> Result<(), Cause> {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = escaped(&line);
    let mut cut: String = line.chars().take(most).collect();
    if cut.len() < line.len() {
        cut.pop();
        cut.push('…');
    }
    area.draw(&Text::new(cut, place, ("sans-serif", size).into_font().color(&colour)))
}

/// The colour of a share of the way from the lowest to the highest value.
fn mixed(share: f64) -> RGBColor {
    let share = share.clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a byte")]
    let of = |low: u8, high: u8| (f64::from(low) * (1.0 - share) + f64::from(high) * share) as u8;
    RGBColor(of(LOW.0, HIGH.0), of(LOW.1, HIGH.1), of(LOW.2, HIGH.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(node: usize, parent: usize, step: &str, chosen: bool) -> TreeLine {
        TreeLine {
            id: "q<1>".into(),
            node,
            parent,
            depth: 1,
            step: step.into(),
            value: Some(0.5),
            end: false,
            chosen,
            times: 1,
            tokens: 3,
        }
    }

    #[test]
    fn every_step_has_a_box_and_no_text_of_a_model_is_markup() {
        let hostile = "</text><script>alert(1)</script>\u{1b}[2J";
        let tree =
            vec![line(1, 0, "a & b", true), line(2, 1, hostile, true), line(3, 1, "c", false)];
        let svg = tree_svg(&[tree]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("a &amp; b") && svg.contains("q&lt;1&gt;"), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
        let boxes = svg.matches("width=\"230\"").count();
        assert_eq!(boxes, 3, "{svg}");
    }

    #[test]
    fn leaves_have_rows_of_their_own_and_steps_stand_in_the_middle_of_those_after_them() {
        let lines = [
            line(1, 0, "a", true),
            line(2, 1, "b", true),
            line(3, 1, "c", false),
            line(4, 0, "d", false),
        ];
        let tree = Placed::of(&lines);
        let mut places: Vec<_> =
            tree.steps.iter().map(|(line, column, row)| (line.node, *column, *row)).collect();
        places.sort_unstable();
        assert_eq!(places, [(1, 0, 1), (2, 1, 0), (3, 1, 2), (4, 0, 4)]);
        assert_eq!((tree.columns, tree.rows), (2, 3));
    }

    #[test]
    fn no_tree_is_an_empty_picture() {
        assert!(tree_svg(&[]).unwrap().contains("thick outline"));
    }
}
