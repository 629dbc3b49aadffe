//! Rows of a table as text: lines are joined where a quoted cell goes on, and cut into cells.
//!
//! Lines are cut here, and not by the CSV library, so that a quote that is never closed costs its own row:
//! the lines after it are read again as rows of their own.

use std::collections::VecDeque;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::input::{LONGEST, Lines, RawLine, wrong};
use crate::error::{Error, Result};

/// What separates the cells of a table, in the order in which it is looked for.
pub(super) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// What separates cells, where a line in front of the header says so to spreadsheets: `sep=;`.
pub(super) fn separator(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
            Some(*delimiter).filter(u8::is_ascii)
        }
        _ => None,
    }
}

/// What separates the cells of a header: the candidate that stands as often in the line below it, else
/// the most frequent one; `None` where there is none.
pub(super) fn delimiter_of(header: &[u8], below: Option<&[u8]>) -> Option<u8> {
    let agrees =
        |delimiter, times| below.is_some_and(|line| outside_quotes(line, delimiter) == times);
    let candidates =
        DELIMITERS.iter().rev().map(|&delimiter| (delimiter, outside_quotes(header, delimiter)));
    let found = candidates.filter(|&(_, times)| times > 0);
    found
        .max_by_key(|&(delimiter, times)| (agrees(delimiter, times), times))
        .map(|(delimiter, _)| delimiter)
}

/// How often a delimiter stands in a line outside of quotes.
fn outside_quotes(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|&&byte| {
            quoted ^= byte == b'"';
            byte == delimiter && !quoted
        })
        .count()
}

/// Whether a cell holds nothing but blanks.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// A row, and the line on which it begins.
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) cells: Result<Vec<String>>,
}

/// Cuts lines into rows. A row continues over line breaks that stand in quotes; memory is bounded by the
/// longest row that is accepted.
pub(super) struct Rows {
    pub(super) lines: Lines,
    /// Lines that were read ahead.
    ahead: VecDeque<RawLine>,
    delimiter: Option<u8>,
    core: Option<Reader>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// The rows of these lines; the header decides where no delimiter is named.
    pub(super) fn new(lines: Lines, delimiter: Option<u8>) -> Self {
        let (cells, ends) = (vec![0; 4 << 10], vec![0; 64]);
        Self { lines, ahead: VecDeque::new(), delimiter, core: None, cells, ends }
    }

    /// The next line: one that was read ahead, else one of the source.
    fn line(&mut self) -> Result<Option<RawLine>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next row with a cell that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        loop {
            match self.any()? {
                Some(Row { cells: Ok(cells), .. }) if cells.iter().all(|cell| is_blank(cell)) => (),
                row => return Ok(row),
            }
        }
    }

    /// The next row that is not a blank line.
    fn any(&mut self) -> Result<Option<Row>> {
        let first = loop {
            match self.line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() => (),
                Some(line) => match separator(&line.bytes).filter(|_| self.core.is_none()) {
                    Some(delimiter) => self.delimiter = self.delimiter.or(Some(delimiter)),
                    None => break line,
                },
            }
        };
        let mut core = match self.core.take() {
            Some(core) => core,
            None => self.reader(&first)?,
        };
        core.reset();
        let row = self.row(&mut core, first);
        self.core = Some(core);
        row.map(Some)
    }

    /// A reader for what separates the cells of this header.
    fn reader(&mut self, header: &RawLine) -> Result<Reader> {
        if self.delimiter.is_none() {
            let below = self.lines.next()?;
            self.delimiter =
                delimiter_of(&header.bytes, below.as_ref().map(|line| line.bytes.as_slice()));
            self.ahead.extend(below);
        }
        Ok(ReaderBuilder::new().delimiter(self.delimiter.unwrap_or(b',')).build())
    }

    /// The row that begins with this line.
    ///
    /// Lines are added until no quote is open. Where one is never closed, the row is an error of its first
    /// line alone, and the lines after it are put back, to be read as rows of their own.
    fn row(&mut self, core: &mut Reader, first: RawLine) -> Result<Row> {
        let line = first.number;
        let failed = |error| Ok(Row { line, cells: Err(error) });
        if first.is_cut() {
            return failed(first.text().err().unwrap_or_else(unclosed));
        }
        let mut buffer =
            RowBuffer { cells: &mut self.cells, ends: &mut self.ends, filled: 0, count: 0 };
        let mut fault = first.text().err();
        let mut fed = buffer.feed(core, &first.bytes);
        let mut last = first;
        let mut added: Vec<RawLine> = Vec::new();
        while fed.is_none() {
            let next = match self.ahead.pop_front() {
                Some(line) => Some(line),
                None => self.lines.next()?,
            };
            let fits = buffer.filled <= LONGEST;
            let Some(next) = next.filter(|next| fits && !next.is_cut()) else {
                added.into_iter().rev().for_each(|line| self.ahead.push_front(line));
                return failed(unclosed());
            };
            fault = fault.or(next.text().err());
            fed = buffer.feed(core, &next.bytes);
            added.push(next.clone());
            last = next;
        }
        // A lone carriage return also ends a row: what follows it is the next one.
        let rest = last.after(fed.unwrap_or(last.bytes.len()));
        self.ahead.extend(rest.filter(|rest| !rest.is_blank()));
        match fault {
            Some(fault) => failed(fault),
            None => Ok(Row { line, cells: Ok(buffer.texts()) }),
        }
    }
}

/// Where the cells of one row are collected: their bytes one after another, and where each ends. The two
/// buffers are kept from row to row.
struct RowBuffer<'a> {
    cells: &'a mut Vec<u8>,
    ends: &'a mut Vec<usize>,
    filled: usize,
    count: usize,
}

impl RowBuffer<'_> {
    /// Reads one line, and its line break as the end of the row if no quote is open; how much of the line
    /// the row took if it ends here.
    fn feed(&mut self, core: &mut Reader, line: &[u8]) -> Option<usize> {
        let mut taken = 0;
        for mut input in [line, b"\n"] {
            while !input.is_empty() {
                let (result, read, wrote, ended) = core.read_record(
                    input,
                    &mut self.cells[self.filled..],
                    &mut self.ends[self.count..],
                );
                input = &input[read..];
                taken += read;
                self.filled += wrote;
                self.count += ended;
                match result {
                    ReadRecordResult::Record | ReadRecordResult::End => {
                        return Some(taken.min(line.len()));
                    }
                    ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                    ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                    ReadRecordResult::InputEmpty => (),
                }
            }
        }
        None
    }

    /// The cells of a row whose lines are UTF-8.
    fn texts(&self) -> Vec<String> {
        let mut start = 0;
        let cut = self.ends[..self.count].iter().map(|&end| {
            let cell = String::from_utf8_lossy(&self.cells[start..end]).into_owned();
            start = end;
            cell
        });
        cut.collect()
    }
}

/// The error of a row whose quote is never closed.
fn unclosed() -> Error {
    wrong("a quote of this row is never closed")
        .hint("the file may have been cut off; a quote inside a cell is written twice")
}
