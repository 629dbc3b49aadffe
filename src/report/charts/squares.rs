//! Matrices of counts or shares.

use super::picture::{Axes, Axis, BLUE, LETTER, Mark, Shape, draw};
use crate::metrics::real;

/// A cell of a matrix.
#[derive(Clone, Debug)]
pub(in crate::report) struct Cell {
    /// How dark it is, 0 to 1.
    pub(in crate::report) shade: f64,
    /// What stands in it.
    pub(in crate::report) text: String,
    /// The filter of its records, empty without one, and the words about it.
    pub(in crate::report) link: (String, String),
}

/// A matrix with a row and a column for each name; `cells` are by rows, from the top.
pub(in crate::report) fn square(
    rows: (&str, &[String]),
    columns: (&str, &[String]),
    cells: &[Vec<Cell>],
) -> String {
    let from_below: Vec<String> = rows.1.iter().rev().cloned().collect();
    let side = |names: usize, unit: u32| unit * u32::try_from(names).unwrap_or(1);
    let widest = rows.1.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let letters = |widest: usize| LETTER.unsigned_abs() * u32::try_from(widest).unwrap_or(0);
    let left = (52 + letters(widest)).min(200);
    let widest = columns.1.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let unit = (14 + letters(widest)).clamp(72, 130);
    let axes = Axes {
        size: (
            left + 20 + side(columns.1.len(), unit).max(240),
            70 + side(rows.1.len(), 40).max(120),
        ),
        left,
        x: Axis::names(columns.0, columns.1.to_vec()),
        y: Axis::names(rows.0, from_below),
    };
    let mark = |row: usize, column: usize, cell: &Cell| {
        let (low, left) = (real(rows.1.len() - 1 - row), real(column));
        let corners = ((left + 0.02, low + 0.02), (left + 0.98, low + 0.98));
        let mut shade = Mark::new(Shape::Box(corners.0, corners.1), BLUE);
        shade = shade.faint(0.04 + 0.5 * cell.shade.clamp(0.0, 1.0));
        shade.link = Some(cell.link.clone());
        [shade, Mark::text(left + 0.5, low + 0.5, cell.text.clone())]
    };
    let all = cells.iter().enumerate().flat_map(|(row, cells)| {
        cells.iter().enumerate().flat_map(move |(column, cell)| mark(row, column, cell))
    });
    draw(&axes, &all.collect::<Vec<_>>())
}
