//! Records in, results out: one line of JSON each.

mod line;
mod reader;

pub use {
    line::{Line, Outcome},
    reader::{FieldMap, Record, Source, read},
};
