//! One JSON object a line. A bad line costs itself.

use serde_json::Value;

use super::{
    exact::{self, JsonError},
    input::{Lines, wrong},
    shape,
};
use crate::{
    error::{Result, json_mistake},
    item::{Item, kind_of},
};

/// The records of lines, each with the number of its line.
pub(super) struct JsonlRecords {
    lines: Lines,
    over: bool,
}

impl JsonlRecords {
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

/// One record out of a line.
pub(super) fn record(text: &str) -> Result<Item> {
    match exact::value(text) {
        Ok(Value::Object(record)) => shape::check(&record).map(|()| Item::from(record)),
        Ok(other @ Value::Array(_)) => {
            Err(not_object(&other).hint("a file that is one list is read with --input-format json"))
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

fn not_object(value: &Value) -> crate::error::Error {
    wrong(format!("a record is a JSON object, and this line is {}", kind_of(value)))
}
