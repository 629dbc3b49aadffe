//! Tables as text. A bad row costs itself, a bad header its file.

use std::collections::VecDeque;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::{
    exact,
    input::{LONGEST, Lines, RawLine, wrong},
    literal,
};
use crate::{
    error::{Error, Result},
    item::{self, Item},
};

/// What separates the cells of a table, in the order in which it is looked for.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The rows of a table as records, each with the line on which it begins.
pub(super) struct Table {
    rows: Rows,
    header: Option<Vec<Column>>,
    over: bool,
}

/// A column of a table.
#[derive(Debug)]
struct Column {
    name: String,
    /// Whether the header gives it no name: spreadsheets and data frames leave such columns behind.
    is_unnamed: bool,
}

impl Table {
    /// A table; without a delimiter its header tells.
    pub(super) fn new(lines: Lines, delimiter: Option<u8>) -> Self {
        Self { rows: Rows::new(lines, delimiter), header: None, over: false }
    }

    fn header(&mut self) -> Result<Option<Vec<Column>>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let names = row.cells.map_err(|error| error.within("header"))?;
        let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        if let [one] = names.as_slice()
            && DELIMITERS.iter().any(|&other| one.contains(char::from(other)))
        {
            return Err(wrong(format!("the header is one column, `{one}`"))
                .hint("leave --delimiter out, or name the character that separates its names"));
        }
        for (n, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..n].contains(name) {
                return Err(wrong(format!("the header names the column `{name}` twice")));
            }
        }
        Ok(Some(columns(&names)))
    }

    fn record(&mut self) -> Result<Option<(usize, Result<Item>)>> {
        if self.header.is_none() {
            self.header = self.header()?;
        }
        let Some(header) = &self.header else { return Ok(None) };
        let Some(row) = self.rows.next()? else { return Ok(None) };
        Ok(Some((row.line, row.cells.and_then(|cells| record(header, cells)))))
    }
}

/// The columns of a header. One without a name is called as data frames call it.
fn columns(names: &[String]) -> Vec<Column> {
    let unnamed = |n: usize| {
        let mut name = format!("Unnamed: {n}");
        while names.contains(&name) {
            name.push_str(".1");
        }
        Column { name, is_unnamed: true }
    };
    let column = |(n, name): (usize, &String)| match name.as_str() {
        "" => unnamed(n),
        name => Column { name: name.to_owned(), is_unnamed: false },
    };
    names.iter().enumerate().map(column).collect()
}

impl Iterator for Table {
    type Item = (usize, Result<Item>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let record = self.record();
        self.over = !matches!(record, Ok(Some(_)));
        match record {
            Ok(record) => record,
            Err(error) => Some((self.rows.lines.number().max(1), Err(error))),
        }
    }
}

fn record(header: &[Column], mut cells: Vec<String>) -> Result<Item> {
    let (has, wanted) = (cells.len(), header.len());
    // A delimiter at the end of each row makes cells that nobody named.
    if has > wanted && cells[wanted..].iter().all(|cell| is_blank(cell)) {
        cells.truncate(wanted);
    }
    let missing = header.get(cells.len()..);
    if !missing.is_some_and(|missing| missing.iter().all(|column| column.is_unnamed)) {
        let error =
            wrong(format!("the row has {has} cells, and the header names {wanted} columns"));
        return Err(error.hint(
            "cells that hold the delimiter are put in double quotes; --delimiter names another one",
        ));
    }
    let filled = header.iter().zip(cells).filter(|(column, cell)| {
        let is_left = column.is_unnamed && is_blank(cell);
        !is_left
    });
    let fields = filled.map(|(column, cell)| Ok((column.name.clone(), value(&column.name, cell)?)));
    Ok(Item::from(fields.collect::<Result<Map<_, _>>>()?))
}

fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// A cell is text; where a list belongs it may be one in JSON, or as Python prints it.
fn value(name: &str, cell: String) -> Result<Value> {
    let text = cell.trim();
    let is_closed = text.starts_with('[') && text.ends_with(']');
    let of_messages = ["chosen", "rejected"].contains(&name) && text.starts_with("[{");
    if !is_closed || !(item::is_list(name) || of_messages) {
        return Ok(cell.into());
    }
    let list = exact::value(text).ok().or_else(|| literal::value(text));
    if let Some(list @ Value::Array(_)) = list {
        return Ok(list);
    }
    if ["['", "[\"", "[{"].iter().any(|start| text.starts_with(start)) {
        let message = format!("the cell of `{name}` looks like a list and cannot be read as one");
        return Err(wrong(message).hint("write it as JSON, such as [\"one\", \"two\"]"));
    }
    Ok(cell.into())
}

/// Whether a first line looks like the header of a table whose fields prompts know.
pub(super) fn is_header(line: &str) -> bool {
    const LONGEST_NAME: usize = 64;
    if separator(line.as_bytes()).is_some() {
        return true;
    }
    let Some(delimiter) = delimiter_of(line.as_bytes(), None) else { return false };
    let names: Vec<&str> = line
        .trim_end_matches(['\r', '\n'])
        .split(char::from(delimiter))
        .map(|name| name.trim_matches(['"', ' ']))
        .collect();
    names.len() > 1
        && names.iter().all(|name| name.len() <= LONGEST_NAME)
        && names.iter().any(|name| item::is_known(name))
}

/// What separates cells, where a line in front of the header says so to spreadsheets: `sep=;`.
fn separator(line: &[u8]) -> Option<u8> {
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
fn delimiter_of(header: &[u8], below: Option<&[u8]>) -> Option<u8> {
    let agrees =
        |delimiter, times| below.is_some_and(|line| outside_quotes(line, delimiter) == times);
    let candidates =
        DELIMITERS.iter().rev().map(|&delimiter| (delimiter, outside_quotes(header, delimiter)));
    let found = candidates.filter(|&(_, times)| times > 0);
    found
        .max_by_key(|&(delimiter, times)| (agrees(delimiter, times), times))
        .map(|(delimiter, _)| delimiter)
}

fn outside_quotes(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|&&byte| {
            quoted ^= byte == b'"';
            byte == delimiter && !quoted
        })
        .count()
}

/// A row at its line.
struct Row {
    line: usize,
    cells: Result<Vec<String>>,
}

/// Cuts lines into rows: a row goes on over line breaks that stand in quotes.
struct Rows {
    lines: Lines,
    /// Lines that were read ahead.
    ahead: VecDeque<RawLine>,
    delimiter: Option<u8>,
    core: Option<Reader>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    fn new(lines: Lines, delimiter: Option<u8>) -> Self {
        let (cells, ends) = (vec![0; 4 << 10], vec![0; 64]);
        Self { lines, ahead: VecDeque::new(), delimiter, core: None, cells, ends }
    }

    fn line(&mut self) -> Result<Option<RawLine>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next row in which anything is.
    fn next(&mut self) -> Result<Option<Row>> {
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

    /// The row that begins with this line. One whose quote is never closed costs its first line only.
    fn row(&mut self, core: &mut Reader, first: RawLine) -> Result<Row> {
        let line = first.number;
        let failed = |error| Ok(Row { line, cells: Err(error) });
        if first.is_cut() {
            return failed(first.text().err().unwrap_or_else(unclosed));
        }
        let mut room = Room { cells: &mut self.cells, ends: &mut self.ends, filled: 0, count: 0 };
        let mut fault = first.text().err();
        let mut fed = room.feed(core, &first.bytes);
        let mut last = first;
        let mut behind: Vec<RawLine> = Vec::new();
        while fed.is_none() {
            let next = match self.ahead.pop_front() {
                Some(line) => Some(line),
                None => self.lines.next()?,
            };
            let fits = room.filled <= LONGEST;
            let Some(next) = next.filter(|next| fits && !next.is_cut()) else {
                behind.into_iter().rev().for_each(|line| self.ahead.push_front(line));
                return failed(unclosed());
            };
            fault = fault.or(next.text().err());
            fed = room.feed(core, &next.bytes);
            behind.push(next.clone());
            last = next;
        }
        // A lone carriage return ends a row as well: what stands behind it is the next one.
        let rest = last.behind(fed.unwrap_or(last.bytes.len()));
        self.ahead.extend(rest.filter(|rest| !rest.is_blank()));
        match fault {
            Some(fault) => failed(fault),
            None => Ok(Row { line, cells: Ok(room.texts()) }),
        }
    }
}

/// Where the cells of one row are collected.
struct Room<'a> {
    cells: &'a mut Vec<u8>,
    ends: &'a mut Vec<usize>,
    filled: usize,
    count: usize,
}

impl Room<'_> {
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

fn unclosed() -> Error {
    wrong("a quote of this row is never closed")
        .hint("the file may have been cut off; a quote inside of a cell is written twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Vec<(usize, Result<String, String>)> {
        let bytes = std::io::Cursor::new(table.as_bytes().to_vec());
        let shown = |item: Result<Item>| match item {
            Ok(item) => Ok(serde_json::to_string(item.record()).unwrap()),
            Err(error) => Err(error.to_string()),
        };
        let table = Table::new(Lines::new(Box::new(bytes)), None);
        table.map(|(line, item)| (line, shown(item))).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be an error")]
    fn ok(record: &str) -> Result<String, String> {
        Ok(record.to_owned())
    }

    #[test]
    fn cells_are_quoted_or_not_and_rows_go_on_over_line_breaks() {
        let all = read(
            "\u{FEFF}id,answer\r\n1,\"two\nlines, and a \"\"quote\"\"\"\r\n\r\n2,plain 5\" disk\n",
        );
        let first = ok("{\"id\":\"1\",\"answer\":\"two\\nlines, and a \\\"quote\\\"\"}");
        assert_eq!(all, [(2, first), (5, ok("{\"id\":\"2\",\"answer\":\"plain 5\\\" disk\"}"))]);
    }

    #[test]
    fn the_header_tells_what_separates_cells() {
        for table in ["id;answer\n1;a,b", "id\tanswer\n1\ta,b", "id|answer\n1|a,b"] {
            assert_eq!(read(table)[0].1, ok("{\"id\":\"1\",\"answer\":\"a,b\"}"), "{table}");
        }
        assert_eq!(read("a,b;c,d\n1,2;3,4")[0].1, ok("{\"a\":\"1\",\"b;c\":\"2;3\",\"d\":\"4\"}"));
        assert_eq!(read("a,b\r1,2\r3,4")[1], (1, ok("{\"a\":\"3\",\"b\":\"4\"}")));
        assert_eq!(read("answer\nx\n")[0].1, ok("{\"answer\":\"x\"}"));
    }

    #[test]
    fn a_bad_row_costs_itself_and_a_bad_header_its_file() {
        let all = read("a,b\n1\n1,2\n1,2,3\n");
        assert!(all[0].1.as_ref().unwrap_err().starts_with("the row has 1 cells"));
        assert_eq!(all[1], (3, ok("{\"a\":\"1\",\"b\":\"2\"}")));
        assert!(all[2].1.as_ref().unwrap_err().contains("has 3 cells"));
        assert!(read("a,a\n1,2\n")[0].1.as_ref().unwrap_err().contains("`a` twice"));
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line() {
        let all = read("a,b\n1,\"cut\n2,two\n3,three\n");
        assert!(all[0].1.as_ref().unwrap_err().contains("never closed"));
        assert_eq!(all[1], (3, ok("{\"a\":\"2\",\"b\":\"two\"}")));
        assert_eq!(all[2], (4, ok("{\"a\":\"3\",\"b\":\"three\"}")));
    }

    #[test]
    fn lists_in_cells_are_lists_where_lists_belong() {
        assert_eq!(
            read("answers,x\n\"[\"\"a\"\",\"\"b\"\"]\",[1]")[0].1,
            ok("{\"answers\":[\"a\",\"b\"],\"x\":\"[1]\"}")
        );
        assert_eq!(
            read("answers,x\n[not json,1")[0].1,
            ok("{\"answers\":\"[not json\",\"x\":\"1\"}")
        );
    }

    #[test]
    fn what_spreadsheets_and_data_frames_leave_behind_does_no_harm() {
        let one = ok("{\"q\":\"x\",\"a\":\"y\"}");
        for table in [
            "q,a,,\nx,y,,\n",
            "q,a\nx,y,,\n",
            "q,a,\nx,y\n",
            ",,\nq,a,\n,,\nx,y,\n ,,\n",
            "sep=;\nq;a\nx;y\n",
            "\u{FEFF}\"SEP=|\"\r\nq|a\r\nx|y\r\n",
            "sep=,\nq,a\nx,y",
        ] {
            let all: Vec<_> = read(table).into_iter().map(|(_, row)| row).collect();
            assert_eq!(all, std::slice::from_ref(&one), "{table}");
        }
        assert_eq!(read(",q\n0,x")[0].1, ok("{\"Unnamed: 0\":\"0\",\"q\":\"x\"}"));
        assert_eq!(
            read(",Unnamed: 0,q\n0,1,x")[0].1,
            ok("{\"Unnamed: 0.1\":\"0\",\"Unnamed: 0\":\"1\",\"q\":\"x\"}")
        );
        assert_eq!(
            read("q,,a\nx,more,y")[0].1,
            ok("{\"q\":\"x\",\"Unnamed: 1\":\"more\",\"a\":\"y\"}")
        );
        assert!(read("q,a\nx,y,z\n")[0].1.as_ref().unwrap_err().contains("has 3 cells"));
    }

    #[test]
    fn python_lists_are_lists_where_lists_belong() {
        let all =
            read("answers,note\n\"['one', \"\"it's\"\"]\",['x']\n\"['a' 'b']\",y\n[A] or [B],z\n");
        assert_eq!(all[0].1, ok("{\"answers\":[\"one\",\"it's\"],\"note\":\"['x']\"}"));
        assert!(all[1].1.as_ref().unwrap_err().contains("`answers` looks like a list"));
        assert_eq!(all[2].1, ok("{\"answers\":\"[A] or [B]\",\"note\":\"z\"}"));
        assert_eq!(
            read("prompt,chosen\np,\"[{'role': 'user', 'content': 'c'}]\"")[0].1,
            ok("{\"prompt\":\"p\",\"chosen\":[{\"role\":\"user\",\"content\":\"c\"}]}")
        );
    }

    #[test]
    fn a_header_is_told_from_prose() {
        assert!(is_header("id,question,answer") && is_header("\"prompt\";\"response\""));
        assert!(is_header(",question,answer") && is_header("\tquestion\tanswer\r"));
        assert!(is_header("sep=;\r") && !is_header("sep=no"));
        assert!(!is_header("# A draft, with commas") && !is_header("answer"));
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_read_to_its_end(table in "[a\",;\n\r 1]{0,60}") {
            read(&table);
        }

        #[test]
        fn what_the_csv_crate_writes_is_read_as_it_was(
            rows in proptest::collection::vec(proptest::collection::vec("[a-z\",;\n\r\t é]{0,6}", 2..3), 1..6)
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["a", "b"]).unwrap();
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let table = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            // Rows in which nothing is are left out, as spreadsheets leave them behind.
            let filled = rows.iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty()));
            let expected: Vec<_> = filled
                .map(|row| ok(&serde_json::json!({"a": row[0], "b": row[1]}).to_string()))
                .collect();
            let found: Vec<_> = read(&table).into_iter().map(|(_, row)| row).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
