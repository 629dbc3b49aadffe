//! The figures as a table that fits a terminal: names beside their values, or above them where there is no room.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{figures::Figures, row::FigureRow};
use crate::{metrics::Interval, report::escaped};

/// How many columns stand after the name of the row.
const CELLS: usize = 5;

/// Their names.
const COLUMNS: [&str; CELLS] = ["count", "official", "readable", "lowest", "highest"];

/// The width of a column, with room for the widest name, and the blanks before it.
const CELL: usize = 8;
const GAP: usize = 2;

/// The narrowest column of names: below it every name stands above its values.
const NAME: usize = 12;

/// How wide each column is.
struct Layout {
    /// The names of rows. A longer name stands above its values.
    name: usize,
    cells: [usize; CELLS],
    gap: usize,
    /// The longest line, if there is one.
    columns: Option<usize>,
}

impl Layout {
    /// The widest layout of these rows that fits so many columns.
    fn of(rows: &[FigureRow], columns: Option<usize>) -> Self {
        let widest = rows.iter().map(|row| row.name.width()).max().unwrap_or(0);
        let wide = Self { name: widest, cells: [CELL; CELLS], gap: GAP, columns };
        let Some(most) = columns.filter(|most| *most < wide.width()) else { return wide };
        let cells = narrow(rows);
        for gap in [GAP, 1] {
            let values = Self { name: 0, cells, gap, columns }.width();
            let name = most.saturating_sub(values).min(widest);
            if name >= NAME.min(widest) {
                return Self { name, cells, gap, columns };
            }
        }
        Self { name: 0, cells, gap: 1, columns }
    }

    /// The columns of a line with values.
    fn width(&self) -> usize {
        self.name + self.cells.iter().map(|cell| self.gap + cell).sum::<usize>()
    }

    /// A name with its cells, in one line or with the name above.
    fn write(&self, table: &mut String, name: &str, cells: &[String; CELLS]) {
        let mut name = name;
        if name.width() > self.name {
            self.write_above(table, name);
            name = "";
        }
        let start = table.len();
        let _ = write!(table, "\n{name}{:1$}", "", self.name - name.width());
        for (cell, width) in cells.iter().zip(self.cells) {
            let _ =
                write!(table, "{:1$}{cell}", "", (self.gap + width).saturating_sub(cell.width()));
        }
        if self.name == 0 {
            table.drain(start + 1..start + 1 + self.gap);
        }
    }

    /// A name in lines of its own, broken between words; what follows the first line stands one level deeper.
    fn write_above(&self, table: &mut String, name: &str) {
        let words = name.trim_start();
        let indent = name.len() - words.len();
        let most = self.columns.unwrap_or(usize::MAX);
        let mut line = " ".repeat(indent);
        let mut is_empty = true;
        for word in words.split(' ') {
            if !is_empty && line.width() + 1 + word.width() > most {
                let _ = write!(table, "\n{line}");
                (line, is_empty) = (" ".repeat(indent + GAP), true);
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        let _ = write!(table, "\n{line}");
    }
}

/// The width of each column that its name and its values need.
fn narrow(rows: &[FigureRow]) -> [usize; CELLS] {
    let mut widths = COLUMNS.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(cells(row)) {
            *width = cell.width().max(*width);
        }
    }
    widths
}

/// The cells of a row after its name.
fn cells(row: &FigureRow) -> [String; CELLS] {
    let [official, readable, lowest, highest] = row.values.map(|value| shown(value, row.is_share));
    [row.count.to_string(), official, readable, lowest, highest]
}

/// A share in percent with two digits, another number with four; a dash if it is not defined.
fn shown(value: Option<f64>, is_share: bool) -> String {
    match value {
        Some(share) if is_share => format!("{:.2}", 100.0 * share),
        Some(number) => format!("{number:.4}"),
        None => "-".into(),
    }
}

impl Figures {
    /// The figures as text for a terminal of so many columns; without a number its lines are as long as they need to be. In
    /// a narrow terminal names stand above their values. Below 40 columns lines may be longer.
    pub fn table(&self, columns: Option<usize>) -> String {
        let mut table = self.counts();
        // Names of parts come from records.
        let printable = |row: &FigureRow| FigureRow { name: escaped(&row.name), ..row.clone() };
        let rows: Vec<FigureRow> = self.rows.iter().map(printable).collect();
        let layout = Layout::of(&rows, columns);
        table.push('\n');
        layout.write(&mut table, "", &COLUMNS.map(ToOwned::to_owned));
        for row in &rows {
            layout.write(&mut table, &row.name, &cells(row));
        }
        if let (Some(Interval { low, high }), Some(first)) = (self.interval, self.rows.first()) {
            let [low, high] = [low, high].map(|end| shown(Some(end), first.is_share));
            let name = &first.name;
            let _ = write!(
                table,
                "\n\n95 % interval of `{name}`, questions resampled: {low} to {high}"
            );
        }
        table
    }

    /// What was judged, and how much of it could not be read.
    fn counts(&self) -> String {
        let Self { benchmark, records, questions, judgments, failed, unreadable, votes, .. } = self;
        let schema = if benchmark.is_verified { "" } else { " (schema unverified)" };
        let mut text = format!(
            "{}{schema}\n{records} records, {questions} questions, {judgments} judgments",
            benchmark.title
        );
        if failed + unreadable + votes.1 > 0 {
            let _ = write!(
                text,
                "\nunreadable: {unreadable} judgments, {} of {} votes; without an answer: {failed}\nofficial rule for them: {}",
                votes.1, votes.0, benchmark.failure
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench;

    fn row(name: &str, value: f64) -> FigureRow {
        FigureRow { name: name.into(), count: 1200, is_share: true, values: [Some(value); 4] }
    }

    /// The table of three rows in so many columns, without what stands above it.
    fn table(columns: Option<usize>) -> String {
        let benchmark = bench::named("alpacaeval").unwrap();
        let rows = vec![
            row("win rate", 1.0),
            row("length-controlled win rate", 0.5),
            row("  a model with a name of many words (length-controlled)", 0.25),
        ];
        let figures = Figures { rows, ..Figures::counted(benchmark, &[]) };
        let text = figures.table(columns);
        text.split_once("\n\n").unwrap().1.to_owned()
    }

    #[test]
    fn names_stand_beside_their_values_where_there_is_room() {
        let wide = table(None);
        assert_eq!(wide, table(Some(120)));
        assert_eq!(wide.lines().count(), 4, "{wide}");
        assert!(wide.lines().all(|line| line.len() == 55 + 50), "{wide}");
    }

    #[test]
    fn long_names_stand_above_their_values_and_columns_stay_below_each_other() {
        let table = table(Some(60));
        let expected = "
                  count  official  readable  lowest  highest
win rate           1200    100.00    100.00  100.00   100.00
length-controlled win rate
                   1200     50.00     50.00   50.00    50.00
  a model with a name of many words (length-controlled)
                   1200     25.00     25.00   25.00    25.00";
        assert_eq!(table, expected.trim_start_matches('\n'));
    }

    #[test]
    fn the_narrowest_terminal_has_no_column_of_names() {
        let expected = "
count official readable lowest highest
win rate
 1200   100.00   100.00 100.00  100.00
length-controlled win rate
 1200    50.00    50.00  50.00   50.00
  a model with a name of many words
    (length-controlled)
 1200    25.00    25.00  25.00   25.00";
        assert_eq!(table(Some(40)), expected.trim_start_matches('\n'));
    }

    #[test]
    fn a_name_of_a_part_cannot_forge_a_row() {
        let benchmark = bench::named("alpacaeval").unwrap();
        let rows = vec![row("win rate", 0.5), row("  x\nwin rate \u{1b}[2J 100.00", 0.5)];
        let figures = Figures { rows, ..Figures::counted(benchmark, &[]) };
        let table = figures.table(None);
        assert_eq!(table.lines().count(), 6, "{table}");
        assert!(table.contains("  x⏎win rate \\u{1b}[2J 100.00"), "{table}");
    }

    #[test]
    fn a_wide_character_has_two_columns() {
        let benchmark = bench::named("alpacaeval").unwrap();
        let rows = vec![row("模型", 1.0), row("m", 1.0)];
        let figures = Figures { rows, ..Figures::counted(benchmark, &[]) };
        let table = figures.table(None);
        let widths: Vec<usize> = table.lines().skip(3).map(UnicodeWidthStr::width).collect();
        assert_eq!(widths, [54; 3], "{table}");
    }
}
