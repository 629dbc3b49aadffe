//! The rows of a table as text: lines are joined if a quoted cell continues, and split into cells.
//!
//! Lines are split here, and not by the CSV library, so that a quote that is never closed costs only its
//! own row: the lines after it are read again as rows of their own.

use std::collections::VecDeque;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::input::{LONGEST, Lines, RawLine, wrong};
use crate::error::{Error, Result};

/// The delimiters of cells that are recognized. If two are equally frequent, the earlier one is used.
pub(super) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The delimiter that a line `sep=;` before the header names, as spreadsheets write it; `None` for other
/// lines.
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

/// The delimiter of a header: the candidate that occurs equally often in the line below it, otherwise the
/// most frequent one.
///
/// `None` if no candidate occurs in the header.
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

/// The number of times that a delimiter occurs in a line outside of quotes.
fn outside_quotes(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|&&byte| {
            quoted ^= byte == b'"';
            byte == delimiter && !quoted
        })
        .count()
}

/// Whether a cell contains only blanks.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// A row of a table.
pub(super) struct Row {
    /// The line on which the row begins, counted from 1.
    pub(super) line: usize,
    /// The texts of its cells, without quotes, or the reason why the row cannot be read.
    pub(super) cells: Result<Vec<String>>,
}

/// Splits lines into rows. A row continues over line breaks in quotes.
///
/// Memory is bounded by the longest row that is accepted.
pub(super) struct Rows {
    /// The lines of the source.
    pub(super) lines: Lines,
    /// Lines that were read from the source and not used yet.
    ahead: VecDeque<RawLine>,
    /// The delimiter; `None` until it was found.
    delimiter: Option<u8>,
    /// The parser for this delimiter, between two rows.
    core: Option<Reader>,
    /// A buffer for the bytes of the cells of one row.
    cells: Vec<u8>,
    /// A buffer for the ends of these cells.
    ends: Vec<usize>,
}

impl Rows {
    /// The rows of these lines. Without a delimiter, the header decides.
    pub(super) fn new(lines: Lines, delimiter: Option<u8>) -> Self {
        let (cells, ends) = (vec![0; 4 << 10], vec![0; 64]);
        Self { lines, ahead: VecDeque::new(), delimiter, core: None, cells, ends }
    }

    /// The next line: one that was read ahead, otherwise the next one of the source.
    fn line(&mut self) -> Result<Option<RawLine>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next row with a cell that is not blank; `None` at the end.
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

    /// A parser for the delimiter of this header.
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
    /// Lines are added until no quote is open. If a quote is never closed, the row is an error of its
    /// first line, and the lines after it are put back, to be read as rows of their own.
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
        // A lone carriage return also ends a row, and the rest of the line is the next row.
        let rest = last.after(fed.unwrap_or(last.bytes.len()));
        self.ahead.extend(rest.filter(|rest| !rest.is_blank()));
        match fault {
            Some(fault) => failed(fault),
            None => Ok(Row { line, cells: Ok(buffer.texts()) }),
        }
    }
}

/// Collects the cells of one row: their bytes in one buffer, and the end of each cell in another.
///
/// The two buffers are reused for every row.
struct RowBuffer<'a> {
    cells: &'a mut Vec<u8>,
    ends: &'a mut Vec<usize>,
    /// The number of bytes that are used in `cells`.
    filled: usize,
    /// The number of cells, which is the number of entries that are used in `ends`.
    count: usize,
}

impl RowBuffer<'_> {
    /// Parses one line and its line break.
    ///
    /// Returns the number of bytes of the line that belong to the row if the row ends here, and `None` if
    /// it continues on the next line.
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

    /// The cells as texts, after every line of the row was checked to be UTF-8.
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
