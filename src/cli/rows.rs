//! Rows for people: as they come on a terminal, in the order of the input anywhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    note,
    talk::{emit_coloured, worded},
};
use tribunal::{
    error::Result,
    report::{Table, escaped},
    run::Finished,
};

/// A table that grows.
pub(super) struct Rows {
    table: Table,
    /// Whether rows come as records end.
    live: bool,
    begun: bool,
    /// The next record in the order of the input.
    next: usize,
    waiting: BTreeMap<usize, Row>,
    hinted: BTreeSet<String>,
}

/// A row, and what to do about it.
struct Row {
    text: String,
    hints: Vec<String>,
}

impl Rows {
    pub(super) fn new(table: Table, live: bool) -> Self {
        let (waiting, hinted) = (BTreeMap::new(), BTreeSet::new());
        Self { table, live, begun: false, next: 0, waiting, hinted }
    }

    /// Prints the row of a record, or keeps it until those before it are there.
    pub(super) fn add(&mut self, finished: &Finished) -> Result<()> {
        let text = self.table.row(&finished.id(), finished.outcome.as_ref());
        let hints = finished.outcome.as_ref().err().map(|error| error.hints().iter().map(worded));
        let row = Row { text, hints: hints.into_iter().flatten().collect() };
        if self.live {
            return self.print(&row);
        }
        self.waiting.insert(finished.index, row);
        while let Some(row) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.print(&row)?;
        }
        Ok(())
    }

    /// Prints what still waits: records before it were given up.
    pub(super) fn finish(&mut self) -> Result<()> {
        std::mem::take(&mut self.waiting).values().try_for_each(|row| self.print(row))
    }

    /// A hint is printed once, however many rows want it.
    fn print(&mut self, row: &Row) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            emit_coloured(&mut io::stdout(), &self.table.header())?;
        }
        emit_coloured(&mut io::stdout(), &row.text)?;
        for hint in &row.hints {
            if self.hinted.insert(hint.clone()) {
                note(&format!("hint: {}", escaped(hint)));
            }
        }
        Ok(())
    }
}
