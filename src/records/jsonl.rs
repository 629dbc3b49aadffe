//! JSON Lines: one JSON object per line. A bad line costs only itself, and the error names its column.
//!
//! An incomplete line is the trace of a killed program or a full disk. It is reported as incomplete, and
//! the next line is read as usual.

use serde_json::Value;

use super::{
    exact::{self, JsonError},
    input::{Lines, wrong},
    shape,
};
use crate::{
    error::{Result, json_mistake},
    hint::Hint,
    item::{Item, kind_of},
};

/// The records of lines: an iterator of line numbers (from 1), and the record or its error.
pub(super) struct JsonlRecords {
    /// The rest of the lines.
    lines: Lines,
    /// Whether the iterator has ended.
    over: bool,
}

impl JsonlRecords {
    /// The records of these lines; blank lines are skipped.
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, over: false }
    }
}

impl Iterator for JsonlRecords {
    type Item = (usize, Result<Item>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.lines.next() {
                Ok(Some(line)) if line.is_blank() => (),
                Ok(Some(line)) => return Some((line.number, line.text().and_then(record))),
                Ok(None) => self.over = true,
                Err(error) => {
                    self.over = true;
                    return Some((self.lines.number() + 1, Err(error)));
                }
            }
        }
        None
    }
}

/// The record in one line.
///
/// # Errors
/// The line is not valid JSON, is not an object, or contains many records instead of one.
pub(super) fn record(text: &str) -> Result<Item> {
    match exact::value(text) {
        Ok(Value::Object(record)) => shape::check(&record).map(|()| Item::from(record)),
        Ok(other @ Value::Array(_)) => {
            let hint = Hint::from("for a file that is one list, name the format: ");
            Err(not_object(&other).hint(hint.setting("input_format", "json")))
        }
        Ok(other) => Err(not_object(&other)),
        Err(JsonError::Record(error)) => Err(error),
        Err(JsonError::Json(cause)) if cause.is_eof() => {
            Err(wrong(format!("the line breaks off at column {}", cause.column())))
        }
        Err(JsonError::Json(cause)) => {
            let (column, mistake) = (cause.column(), json_mistake(&cause));
            let message = format!("the line is not valid JSON at column {column}: {mistake}");
            Err(wrong(message))
        }
    }
}

/// The error of a line that is valid JSON and not an object.
fn not_object(value: &Value) -> crate::error::Error {
    wrong(format!("a record is a JSON object, and this line is {}", kind_of(value)))
}
