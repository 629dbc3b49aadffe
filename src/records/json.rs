//! JSON files: a list of objects, or a sequence of objects. A bad object costs only itself.
//!
//! A streaming parser would stop at the first mistake and hold a whole list in memory. Here a small scan
//! finds the end of each value by counting brackets outside of strings; then only this value is parsed.
//! So a file of any size is read in bounded memory, and records after a mistake are still read.

use std::io::BufRead;

use serde_json::Value;

use super::{
    exact::{self, JsonError},
    format::BOM,
    input::{Bytes, LONGEST, broken, text, wrong},
    shape,
};
use crate::{
    error::{Result, json_mistake},
    item::{Item, kind_of},
};

/// The records of a file: an iterator of the line on which each begins (from 1), and the record or its
/// error.
pub(super) struct JsonRecords {
    /// The rest of the file.
    bytes: Bytes,
    /// The line of the next byte, counted from 1.
    line: usize,
    /// The position of the next byte in the file.
    offset: u64,
    /// Whether the file begins with a list, and whether the list is closed.
    list: List,
    /// Whether the iterator has ended.
    over: bool,
}

/// The state of the list that may contain the records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    /// No value was read yet.
    Unknown,
    /// Records follow each other without a list.
    None,
    /// The list is open.
    Open,
    /// The list is closed: nothing may follow.
    Closed,
}

/// The bytes of one value, with their position.
struct RawValue {
    /// The bytes that were stored.
    bytes: Vec<u8>,
    /// The line on which the value begins, counted from 1.
    line: usize,
    /// The position of its first byte in the file.
    offset: u64,
    /// The number of bytes, including those that were not stored.
    length: usize,
    /// Whether the value is complete.
    closed: bool,
}

impl JsonRecords {
    /// The records of these bytes.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, line: 1, offset: 0, list: List::Unknown, over: false }
    }

    /// The next byte, without consuming it; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.bytes.fill_buf().map_err(broken)?.first().copied())
    }

    /// Consumes one byte, and updates the position and the line.
    fn skip(&mut self, byte: u8) {
        self.bytes.consume(1);
        self.offset += 1;
        self.line += usize::from(byte == b'\n');
    }

    /// Skips to the next value, and returns its first byte; `None` at the end.
    ///
    /// # Errors
    /// The list is not closed, or something follows it.
    fn start(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            match byte {
                _ if byte.is_ascii_whitespace() => self.skip(byte),
                _ if self.offset < 3 && BOM.contains(&byte) => self.skip(byte),
                b'[' if self.list == List::Unknown => {
                    self.list = List::Open;
                    self.skip(byte);
                }
                b',' if self.list == List::Open => self.skip(byte),
                b']' if self.list == List::Open => {
                    self.list = List::Closed;
                    self.skip(byte);
                }
                _ if self.list == List::Closed => {
                    return Err(wrong(format!(
                        "line {}: something comes after the list",
                        self.line
                    )));
                }
                _ => {
                    if self.list == List::Unknown {
                        self.list = List::None;
                    }
                    return Ok(Some(byte));
                }
            }
        }
        if self.list == List::Open {
            return Err(wrong("the list is not closed").hint("the file may have been cut off"));
        }
        Ok(None)
    }

    /// The bytes of the value that begins here. Bytes beyond [`LONGEST`] are skipped and not stored.
    fn cut(&mut self) -> Result<RawValue> {
        let (line, offset) = (self.line, self.offset);
        let mut cut = RawValue { bytes: Vec::new(), line, offset, length: 0, closed: false };
        let mut scan = Scan::default();
        while !cut.closed {
            let chunk = self.bytes.fill_buf().map_err(broken)?;
            if chunk.is_empty() {
                break;
            }
            let end = chunk.iter().position(|&byte| scan.ends_before(byte));
            let taken = end.unwrap_or(chunk.len());
            if cut.length + taken <= LONGEST {
                cut.bytes.extend_from_slice(&chunk[..taken]);
            }
            self.line += lines_in(&chunk[..taken]);
            self.offset += taken as u64;
            cut.length += taken;
            cut.closed = end.is_some();
            self.bytes.consume(taken);
        }
        cut.closed |= scan.is_closed();
        Ok(cut)
    }

    /// The next record with its line; `None` at the end. After an incomplete value the iterator ends.
    fn value(&mut self) -> Result<Option<(usize, Result<Item>)>> {
        if self.start()?.is_none() {
            return Ok(None);
        }
        let cut = self.cut()?;
        if !cut.closed {
            self.over = true;
        }
        Ok(Some((cut.line, cut.record())))
    }
}

/// The number of line breaks.
fn lines_in(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// Finds the end of a value: after its last bracket, or before a separator.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of a text in the middle of it")]
struct Scan {
    /// The number of open brackets.
    depth: usize,
    /// Whether the current byte is in a string.
    in_text: bool,
    /// Whether the previous byte was a backslash in a string.
    escaped: bool,
    /// Whether the value was complete after the previous byte.
    done: bool,
    /// Whether the value has any bytes yet.
    any: bool,
}

impl Scan {
    /// Whether the value ends before this byte. Otherwise the byte belongs to the value.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.done {
            return true;
        }
        if self.escaped {
            self.escaped = false;
            return false;
        }
        match byte {
            b'\\' if self.in_text => self.escaped = true,
            b'"' => {
                self.in_text = !self.in_text;
                self.done = !self.in_text && self.depth == 0;
            }
            _ if self.in_text => (),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                self.done = self.depth == 0;
            }
            b',' | b']' | b'}' if self.depth == 0 && self.any => return true,
            _ if self.depth == 0 && self.any && byte.is_ascii_whitespace() => return true,
            _ => (),
        }
        self.any = true;
        false
    }

    /// Whether the value is complete if the file ends here.
    fn is_closed(&self) -> bool {
        self.done || (self.depth == 0 && !self.in_text)
    }
}

impl RawValue {
    /// The record in these bytes.
    ///
    /// # Errors
    /// They are not valid JSON (with line and column in the file), or are not one record.
    fn record(&self) -> Result<Item> {
        if self.length > LONGEST {
            return Err(wrong(format!("the record is longer than {} MiB", LONGEST >> 20)));
        }
        let text = text(&self.bytes, self.offset)?;
        if !self.closed {
            return Err(wrong("the record is not closed").hint("the file may have been cut off"));
        }
        match exact::value(text) {
            Ok(Value::Object(record)) => shape::check(&record).map(|()| Item::from(record)),
            Ok(other) => {
                Err(wrong(format!("a record is a JSON object, and this is {}", kind_of(&other))))
            }
            Err(JsonError::Record(error)) => Err(error),
            Err(JsonError::Json(cause)) => {
                let line = self.line + cause.line() - 1;
                let (column, mistake) = (cause.column(), json_mistake(&cause));
                Err(wrong(format!(
                    "it is not valid JSON on line {line}, column {column}: {mistake}"
                )))
            }
        }
    }
}

impl Iterator for JsonRecords {
    type Item = (usize, Result<Item>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let value = self.value();
        self.over |= !matches!(value, Ok(Some(_)));
        match value {
            Ok(value) => value,
            Err(error) => Some((self.line, Err(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Result<String, String>)> {
        // The buffer is so small that values continue after its end.
        let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
        let values = JsonRecords::new(Box::new(std::io::BufReader::with_capacity(7, bytes)));
        let shown = |item: Result<Item>| match item {
            Ok(item) => Ok(serde_json::to_string(item.record()).unwrap()),
            Err(error) => Err(error.to_string()),
        };
        values.map(|(line, item)| (line, shown(item))).collect()
    }

    #[test]
    fn a_list_and_loose_objects_are_records() {
        let expected = [(1, Ok("{\"a\":1}".to_owned())), (2, Ok("{\"b\":\"x]}\\\"\"}".to_owned()))];
        assert_eq!(read("[{\"a\": 1},\n {\"b\": \"x]}\\\"\"}]\n"), expected);
        assert_eq!(read("\u{FEFF}{\"a\": 1}\n{\"b\": \"x]}\\\"\"}"), expected);
        assert_eq!(read("[]"), []);
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_bad_object_costs_itself() {
        let all = read("[{\"a\": 1},\n{\"b\": },\n7,\n{\"c\": 2}]");
        assert_eq!(all[0].1, Ok("{\"a\":1}".into()));
        assert!(
            all[1].1.as_ref().unwrap_err().starts_with("it is not valid JSON on line 2, column 7")
        );
        assert!(all[2].1.as_ref().unwrap_err().contains("this is a number"));
        assert_eq!(all[3], (4, Ok("{\"c\":2}".into())));
    }

    #[test]
    fn a_file_that_was_cut_off_says_so() {
        assert!(
            read("[{\"a\": 1},\n{\"b\": \"x")
                .last()
                .unwrap()
                .1
                .as_ref()
                .unwrap_err()
                .contains("not closed")
        );
        assert!(
            read("[{\"a\": 1}")
                .last()
                .unwrap()
                .1
                .as_ref()
                .unwrap_err()
                .contains("list is not closed")
        );
        assert!(read("[] 5").last().unwrap().1.as_ref().unwrap_err().contains("after the list"));
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_read_to_its_end(text in "[\\[\\]{},\":a0 \n\\\\]{0,40}") {
            read(&text);
        }

        #[test]
        fn records_come_out_as_they_went_in(keys in proptest::collection::vec("\\PC{0,8}", 0..5)) {
            let list: Vec<Value> = keys.iter().map(|key| serde_json::json!({"k": key})).collect();
            let all = read(&serde_json::to_string(&list).unwrap());
            let expected: Vec<_> = list.iter().map(|record| (1, Ok(record.to_string()))).collect();
            proptest::prop_assert_eq!(all, expected);
        }
    }
}
