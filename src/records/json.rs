//! JSON files: a list of objects, or objects one after another. A bad object costs itself.
//!
//! A streaming deserializer would stop at the first mistake and hold a list as a whole. Here a small scan
//! finds where each value ends, counting brackets outside of strings; then that value alone is parsed. So a
//! file of any size is read in bounded memory, and what follows a mistake is still read.

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

/// The records of a file: an iterator of the line on which each begins (from 1) and the record or what is
/// wrong with it.
pub(super) struct JsonRecords {
    bytes: Bytes,
    line: usize,
    offset: u64,
    /// Whether the file began with a list, and whether that is over.
    list: List,
    over: bool,
}

/// Where a file stands with the list that may surround its records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    /// Nothing was read yet.
    Unknown,
    /// Records follow each other without a list.
    None,
    /// Within the list.
    Open,
    /// After the list: nothing may follow.
    Closed,
}

/// The bytes of one value, where they begin, and whether they are all there.
struct RawValue {
    bytes: Vec<u8>,
    line: usize,
    offset: u64,
    /// How many bytes there were, kept or not.
    length: usize,
    closed: bool,
}

impl JsonRecords {
    /// The records of these bytes.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, line: 1, offset: 0, list: List::Unknown, over: false }
    }

    /// The next byte, which is not consumed; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.bytes.fill_buf().map_err(broken)?.first().copied())
    }

    /// Consumes one byte, and counts it and its line.
    fn skip(&mut self, byte: u8) {
        self.bytes.consume(1);
        self.offset += 1;
        self.line += usize::from(byte == b'\n');
    }

    /// The first byte of the next value; `None` at the end.
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

    /// The bytes of the value that begins here. A value longer than the longest record is skipped to its
    /// end and not kept.
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

fn lines_in(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// Finds where a value ends: after its last bracket, or before what separates values.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of a text in the middle of it")]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
    done: bool,
    any: bool,
}

impl Scan {
    /// Whether the value is over in front of this byte, which is otherwise part of it.
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

    /// Whether the value is complete where the file ends.
    fn is_closed(&self) -> bool {
        self.done || (self.depth == 0 && !self.in_text)
    }
}

impl RawValue {
    /// The record that these bytes are.
    ///
    /// # Errors
    /// They are not valid JSON (with line and column in the file), or not one record.
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
        // A small buffer, so that values cross its end.
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
