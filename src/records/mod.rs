//! Records in, results out: any file that people have, and one line of JSON for each record.

mod own;
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
mod end;
mod sample;
mod line;
mod revised;
mod table;
mod current;
mod lines;
mod journal;
mod kind;
mod whole;
mod revised_text;
mod output;

pub use {
    current::{Whose, current},
    end::{End, Ending},
    ids::Ids,
    journal::Earlier,
    kind::{Kind, journal_of},
    line::{Ended, Line},
    lines::lines,
    output::{Left, Output},
    own::{is_own, lineage_of},
    reader::{Options, Record, read},
    revised::{CheckLine, RevisedLine, RevisionLine, RoundLine, SpentLine},
    sample::sample,
    source::{Format, Found, LeftOut, Source, find, sources},
};
