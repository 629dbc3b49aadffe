//! Tables of names and figures that fit a terminal.
//!
//! Where there is room, every name stands beside its cells. In a narrow terminal long names stand above them, and columns
//! for which there is no room even so are a table of their own below.

use std::{fmt, iter::once, ops::Range};

use unicode_width::UnicodeWidthStr;

use super::terminal::padded;

/// The text of a report that is written piece by piece.
pub(crate) fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = write(&mut text);
    text
}

/// The blanks between two columns.
const GAP: usize = 2;

/// The narrowest column of names: in less room a name stands above its cells.
const NAME: usize = 12;

/// The end of a column at which its cells stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A column behind the names.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) head: String,
    pub(crate) side: Side,
    /// Its width where there is room; a wider cell makes it wider.
    pub(crate) width: usize,
}

impl Column {
    /// A column of numbers.
    pub(crate) fn right(head: impl Into<String>, width: usize) -> Self {
        Self { head: head.into(), side: Side::Right, width }
    }

    /// A column of words.
    pub(crate) fn left(head: impl Into<String>, width: usize) -> Self {
        Self { head: head.into(), side: Side::Left, width }
    }
}

/// A table. Its texts are escaped already.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// What stands above the names.
    head: String,
    columns: Vec<Column>,
    rows: Vec<(String, Vec<String>)>,
}

/// How wide everything is.
struct Layout {
    name: usize,
    cells: Vec<usize>,
    gap: usize,
    /// The longest line, if there is one.
    most: Option<usize>,
}

impl Layout {
    /// The columns of the terminal that a line takes.
    fn width(&self) -> usize {
        self.name + self.cells.iter().map(|cell| self.gap + cell).sum::<usize>()
    }
}

impl Grid {
    /// A table without rows.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { head: String::new(), columns: columns.into(), rows: Vec::new() }
    }

    /// The same table with a head above its names; without room beside the cells it is left out.
    pub(crate) fn headed(self, head: impl Into<String>) -> Self {
        Self { head: head.into(), ..self }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, name: impl Into<String>, cells: impl Into<Vec<String>>) {
        self.rows.push((name.into(), cells.into()));
    }

    /// The table in so many columns of the terminal; without a number its lines are as long as they need to be.
    pub(crate) fn fitted(&self, most: Option<usize>) -> String {
        let all = 0..self.columns.len();
        let needed = self.needed();
        let roomy = self.columns.iter().zip(&needed).map(|(column, cell)| column.width.max(*cell));
        let wide = Layout { name: self.widest_name(), cells: roomy.collect(), gap: GAP, most };
        match most.filter(|most| *most < wide.width()) {
            Some(most) => self.narrow(needed, most),
            None => self.drawn(&wide, all),
        }
    }

    /// The table in fewer columns than it likes to have.
    fn narrow(&self, cells: Vec<usize>, most: usize) -> String {
        let all = 0..self.columns.len();
        let widest = self.widest_name();
        let mut layout = Layout { name: 0, cells, gap: GAP, most: Some(most) };
        // Narrow gaps are better than names above their cells, and these better than columns below.
        for (gap, least) in [(GAP, widest), (1, widest), (GAP, NAME), (1, NAME)] {
            layout.gap = gap;
            let name = most.saturating_sub(layout.width()).min(widest);
            if name >= least.min(widest) {
                return self.drawn(&Layout { name, ..layout }, all);
            }
        }
        // Without a name, the gap before the first column is not needed.
        if layout.width() <= most + 1 {
            return self.drawn(&layout, all);
        }
        layout.gap = GAP;
        let broadest = layout.cells.iter().max().unwrap_or(&0);
        layout.name = if widest + GAP + broadest <= most { widest } else { 0 };
        let parts = self.parts(&layout, most);
        parts.into_iter().map(|part| self.drawn(&layout, part)).collect::<Vec<_>>().join("\n\n")
    }

    /// The columns that fit beside each other, as few tables as possible.
    fn parts(&self, layout: &Layout, most: usize) -> Vec<Range<usize>> {
        let (mut parts, mut start, mut width) = (Vec::new(), 0, layout.name);
        for (at, cell) in layout.cells.iter().enumerate() {
            if at > start && width + layout.gap + cell > most {
                parts.push(start..at);
                (start, width) = (at, layout.name);
            }
            width += layout.gap + cell;
        }
        parts.push(start..self.columns.len());
        parts
    }

    fn widest_name(&self) -> usize {
        let names = self.rows.iter().map(|(name, _)| name.width());
        names.chain([self.head.width()]).max().unwrap_or(0)
    }

    /// The width of each column that its head and its cells need.
    fn needed(&self) -> Vec<usize> {
        let cells = |at: usize| self.rows.iter().map(move |(_, cells)| cells[at].width());
        let width = |(at, column): (usize, &Column)| {
            once(column.head.width()).chain(cells(at)).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// The lines of these columns.
    fn drawn(&self, layout: &Layout, columns: Range<usize>) -> String {
        let heads: Vec<String> = self.columns.iter().map(|column| column.head.clone()).collect();
        let head = if self.head.width() <= layout.name { &*self.head } else { "" };
        let mut lines = vec![self.line(layout, head, &heads, columns.clone())];
        for (name, cells) in &self.rows {
            let mut name = name.as_str();
            if name.width() > layout.name {
                lines.extend(broken(name, layout.most.unwrap_or(usize::MAX)));
                name = "";
            }
            lines.push(self.line(layout, name, cells, columns.clone()));
        }
        lines.join("\n")
    }

    fn line(&self, layout: &Layout, name: &str, cells: &[String], columns: Range<usize>) -> String {
        let mut line = padded(name, layout.name);
        for at in columns {
            if !line.is_empty() {
                line += &" ".repeat(layout.gap);
            }
            let (cell, width) = (&cells[at], layout.cells[at]);
            line += &match self.columns[at].side {
                Side::Left => padded(cell, width),
                Side::Right => format!("{}{cell}", " ".repeat(width.saturating_sub(cell.width()))),
            };
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A name in lines of its own, broken between words; what follows the first line stands one level deeper.
fn broken(name: &str, most: usize) -> Vec<String> {
    let words = name.trim_start();
    let indent = name.len() - words.len();
    let mut lines = vec![" ".repeat(indent)];
    let mut is_empty = true;
    for word in words.split(' ') {
        let last = lines.len() - 1;
        if !is_empty && lines[last].width() + 1 + word.width() > most {
            lines.push(format!("{}{word}", " ".repeat(indent + GAP)));
            continue;
        }
        if !is_empty {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
        is_empty = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new([
            Column::right("labels", 6),
            Column::left("recall  95 % interval", 22),
            Column::left("precision  95 % interval", 25),
        ]);
        let cells = |share: &str| {
            vec!["12".to_owned(), format!(" {share}  0.700 to 0.900"), format!("    {share}")]
        };
        grid.row("correct", cells("0.840"));
        grid.row("incorrect at a later step", cells("0.750"));
        grid
    }

    #[test]
    fn names_stand_beside_their_cells_where_there_is_room() {
        let wide = grid().fitted(None);
        assert_eq!(wide, grid().fitted(Some(120)));
        let expected =
            "                           labels  recall  95 % interval   precision  95 % interval
correct                        12   0.840  0.700 to 0.900      0.840
incorrect at a later step      12   0.750  0.700 to 0.900      0.750";
        assert_eq!(wide, expected);
    }

    #[test]
    fn columns_without_room_are_a_table_below() {
        let mut grid = grid();
        grid.rows[1].0 = "incorrect".into();
        let expected = "
           labels  recall  95 % interval
correct        12   0.840  0.700 to 0.900
incorrect      12   0.750  0.700 to 0.900

           precision  95 % interval
correct        0.840
incorrect      0.750";
        assert_eq!(grid.fitted(Some(52)), expected.trim_start_matches('\n'));
    }

    #[test]
    fn long_names_stand_above_their_cells() {
        let expected = "
labels recall  95 % interval  precision  95 % interval
correct
    12  0.840  0.700 to 0.900     0.840
incorrect at a later step
    12  0.750  0.700 to 0.900     0.750";
        assert_eq!(grid().fitted(Some(60)), expected.trim_start_matches('\n'));
        let narrow = "
labels
correct
    12
incorrect at a later
  step
    12

recall  95 % interval
correct
 0.840  0.700 to 0.900
incorrect at a later
  step
 0.750  0.700 to 0.900

precision  95 % interval
correct
    0.840
incorrect at a later
  step
    0.750";
        assert_eq!(grid().fitted(Some(24)), narrow.trim_start_matches('\n'));
    }

    #[test]
    fn every_line_fits_from_the_width_of_the_broadest_column_on() {
        for most in 25..140 {
            let shown = grid().fitted(Some(most));
            assert!(shown.lines().all(|line| line.width() <= most), "{most}:\n{shown}");
        }
    }
}
