//! Tables as text: CSV, TSV and their relatives. A bad row costs only itself, a bad header costs its
//! file.
//!
//! The grammar is that of RFC 4180, extended by what spreadsheets and data frames really write: any of
//! four delimiters, found in the header or named by a first line `sep=;`; blank rows; columns without a
//! name; a delimiter at the end of each row; lists as JSON or as Python prints them.

use serde_json::{Map, Value};

use super::{
    csv_rows::{DELIMITERS, Rows, delimiter_of, is_blank, separator},
    exact,
    input::{Lines, wrong},
    literal,
};
use crate::{
    error::Result,
    hint::Hint,
    item::{self, Item},
    units::counted,
};

/// The rows of a table as records, each with the line on which it begins (counted from 1).
///
/// It is an iterator of `(line, record or error)`. It ends after a header that cannot be read; a row that
/// cannot be read is one error, and the next row follows.
pub(super) struct CsvRecords {
    /// The rows that are left.
    rows: Rows,
    /// The columns; `None` until the header was read.
    header: Option<Vec<Column>>,
    /// Whether the iterator has ended.
    over: bool,
}

/// A column of a table.
#[derive(Debug)]
struct Column {
    /// The key of its cells in records.
    name: String,
    /// Whether the header gives it no name, as spreadsheets and data frames do for an index.
    is_unnamed: bool,
}

impl CsvRecords {
    /// The records of a table. Without a `delimiter`, the header decides which one separates the cells.
    pub(super) fn new(lines: Lines, delimiter: Option<u8>) -> Self {
        Self { rows: Rows::new(lines, delimiter), header: None, over: false }
    }

    /// Reads the header; `None` if the source is empty.
    ///
    /// # Errors
    /// A name occurs twice, or the delimiter is wrong. In both cases no row could be read.
    fn header(&mut self) -> Result<Option<Vec<Column>>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let names = row.cells.map_err(|error| error.within("header"))?;
        let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        if let [one] = names.as_slice()
            && DELIMITERS.iter().any(|&other| one.contains(char::from(other)))
        {
            return Err(wrong(format!("the header is one column, `{one}`")).hint(
                Hint::from("name the character that separates the names, or none: ")
                    .setting("delimiter", ""),
            ));
        }
        for (n, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..n].contains(name) {
                return Err(wrong(format!("the header names the column `{name}` twice")));
            }
        }
        Ok(Some(columns(&names)))
    }

    /// Reads the next row; `None` at the end. The outer error ends the table, the inner one costs only
    /// the row.
    fn record(&mut self) -> Result<Option<(usize, Result<Item>)>> {
        if self.header.is_none() {
            self.header = self.header()?;
        }
        let Some(header) = &self.header else { return Ok(None) };
        let Some(row) = self.rows.next()? else { return Ok(None) };
        Ok(Some((row.line, row.cells.and_then(|cells| record(header, cells)))))
    }
}

/// The columns of a header. A column without a name is called `Unnamed: N`, as in pandas.
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

impl Iterator for CsvRecords {
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

/// The record of one row: every cell under the name of its column.
///
/// # Errors
/// The row has more or fewer cells than the header has columns.
fn record(header: &[Column], mut cells: Vec<String>) -> Result<Item> {
    let (has, wanted) = (cells.len(), header.len());
    // A delimiter at the end of each row makes empty cells without a column.
    if has > wanted && cells[wanted..].iter().all(|cell| is_blank(cell)) {
        cells.truncate(wanted);
    }
    let missing = header.get(cells.len()..);
    if !missing.is_some_and(|missing| missing.iter().all(|column| column.is_unnamed)) {
        let error = wrong(format!(
            "the row has {}, and the header names {}",
            counted(has, "cell"),
            counted(wanted, "column")
        ));
        return Err(error.hint(
            Hint::from(
                "put cells that hold the delimiter in double quotes, or name another one with ",
            )
            .setting("delimiter", "';'"),
        ));
    }
    let filled = header.iter().zip(cells).filter(|(column, cell)| {
        let is_left = column.is_unnamed && is_blank(cell);
        !is_left
    });
    let fields = filled.map(|(column, cell)| Ok((column.name.clone(), value(&column.name, cell)?)));
    Ok(Item::from(fields.collect::<Result<Map<_, _>>>()?))
}

/// The value of a cell: its text, or a list if the field holds lists and the cell is a list in JSON or
/// Python.
///
/// # Errors
/// The cell looks like a list and cannot be read as one. As a text, its brackets and quotes would be
/// judged.
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

/// Whether a first line looks like the header of a table: short names, at least one of which prompts use.
///
/// It is used for input without a name, such as a pipe.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Vec<(usize, Result<String, String>)> {
        let bytes = std::io::Cursor::new(table.as_bytes().to_vec());
        let shown = |item: Result<Item>| match item {
            Ok(item) => Ok(serde_json::to_string(item.record()).unwrap()),
            Err(error) => Err(error.to_string()),
        };
        let table = CsvRecords::new(Lines::new(Box::new(bytes)), None);
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
        assert!(all[0].1.as_ref().unwrap_err().starts_with("the row has 1 cell,"));
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
            // Spreadsheets write rows of empty cells, which are skipped.
            let filled = rows.iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty()));
            let expected: Vec<_> = filled
                .map(|row| ok(&serde_json::json!({"a": row[0], "b": row[1]}).to_string()))
                .collect();
            let found: Vec<_> = read(&table).into_iter().map(|(_, row)| row).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
