//! The figures as a table. In a narrow terminal, names stand above their values.

use std::fmt::Write as _;

use super::{figures::Figures, row::FigureRow};
use crate::{
    metrics::Interval,
    report::{
        escaped,
        grid::{Column, Grid},
    },
    units::counted,
};

/// The columns after the name of the row.
const COLUMNS: [&str; 5] = ["count", "official", "readable", "lowest", "highest"];

/// The width of a column where there is room.
const WIDTH: usize = 8;

/// The cells of a row after its name.
fn cells(row: &FigureRow) -> [String; COLUMNS.len()] {
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
    /// a narrow terminal names stand above their values.
    pub fn table(&self, columns: Option<usize>) -> String {
        let mut grid = Grid::new(COLUMNS.map(|column| Column::right(column, WIDTH)));
        for row in &self.rows {
            // Names of parts come from records.
            grid.row(escaped(&row.name), cells(row));
        }
        let mut table = format!("{}\n\n{}", self.counts(), grid.fitted(columns));
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
            "{}{schema}\n{}, {}, {}",
            benchmark.title,
            counted(*records, "record"),
            counted(*questions, "question"),
            counted(*judgments, "judgment")
        );
        if failed + unreadable + votes.1 > 0 {
            let _ = write!(
                text,
                "\nunreadable: {}, {} of {}; without an answer: {failed}\nofficial rule for them: {}",
                counted(*unreadable, "judgment"),
                votes.1,
                counted(votes.0, "vote"),
                benchmark.failure
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench;
    use unicode_width::UnicodeWidthStr;

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
