//! Results as a table for people: in the order of their end on a terminal, in the order of the input elsewhere.
//!
//! On a terminal a row appears as soon as its record ends. In a pipe or a file the order of the input is kept, so that
//! two runs can be compared line by line; rows that end early wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use terminal_size::{Width, terminal_size};

use super::{
    console::{self, emit_coloured, worded},
    note,
};
use tribunal::{
    error::{Error, Result},
    report::{TableRow, VerdictTable, escaped},
};

/// A table that is printed row by row.
pub(super) struct Rows {
    table: VerdictTable,
    /// Whether a row is printed as soon as its record ends.
    live: bool,
    /// Whether the header is printed.
    begun: bool,
    /// Index of the next row in the order of the input.
    next: usize,
    /// Rows that wait for earlier ones, by index.
    waiting: BTreeMap<usize, Row>,
    /// Hints that were printed.
    hinted: BTreeSet<String>,
}

/// A row, and the hints of its error.
struct Row {
    text: String,
    hints: Vec<String>,
}

impl Rows {
    /// An empty table, as wide as the terminal, or as the variable `COLUMNS` without one.
    pub(super) fn new(terminal: bool) -> Self {
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let seen = terminal_size().map(|(Width(width), _)| usize::from(width)).filter(|_| terminal);
        let width = seen.or_else(columns).unwrap_or(VerdictTable::default().width);
        let table = VerdictTable { width, colour: console::is_coloured(terminal) };
        let (waiting, hinted) = (BTreeMap::new(), BTreeSet::new());
        Self { table, live: terminal, begun: false, next: 0, waiting, hinted }
    }

    /// Prints the row of a record, or keeps it until the rows before it are printed.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn add<R: TableRow>(
        &mut self,
        index: usize,
        id: &str,
        outcome: Result<&R, &Error>,
    ) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            emit_coloured(&mut io::stdout(), &self.table.header::<R>())?;
        }
        let hints = outcome.err().into_iter().flat_map(Error::hints).map(worded).collect();
        let row = Row { text: self.table.row(id, outcome), hints };
        if self.live {
            return self.print(&row);
        }
        self.waiting.insert(index, row);
        while let Some(row) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.print(&row)?;
        }
        Ok(())
    }

    /// Prints the rows that still wait because a record before them never ended.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn finish(&mut self) -> Result<()> {
        std::mem::take(&mut self.waiting).values().try_for_each(|row| self.print(row))
    }

    /// Prints a row, and each hint only once per table.
    fn print(&mut self, row: &Row) -> Result<()> {
        emit_coloured(&mut io::stdout(), &row.text)?;
        for hint in &row.hints {
            if self.hinted.insert(hint.clone()) {
                note(&format!("hint: {}", escaped(hint)));
            }
        }
        Ok(())
    }
}
