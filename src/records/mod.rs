//! Records in, results out: any file that people have, and one line of JSON for each record.

mod source;
mod input;
mod exact;
mod shape;
mod jsonl;
mod json;
mod literal;
mod csv;
mod text;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod ids;
mod sample;
mod line;
mod revised;
mod table;
mod journal;
mod output;

pub use {
    ids::Ids,
    journal::Earlier,
    line::{Line, Outcome},
    output::{Kind, Output},
    reader::{Options, Record, read},
    revised::RevisedLine,
    sample::sample,
    source::{Format, Source, sources},
};
