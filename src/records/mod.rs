//! Records in, results out.
//!
//! [`sources`] and [`find`] turn the names that people type into files, [`read()`] reads their records one
//! at a time with bounded memory, and [`Output`] writes results in such a way that no result is lost, however
//! a run ends. A broken record costs only itself: it is a [`Record`] with its place and an error, and reading
//! continues.
//!
//! ```
//! use tribunal::records::{self, ReadOptions};
//!
//! let folder = std::env::temp_dir().join("tribunal-doc-records");
//! std::fs::create_dir_all(&folder)?;
//! let file = folder.join("answers.csv");
//! std::fs::write(&file, "id,answer\nq1,42\nq2,\"never closed\n")?;
//!
//! let sources = records::sources(&[file.to_str().unwrap()])?;
//! let records: Vec<_> = records::read(sources, ReadOptions::default()).collect();
//! assert_eq!(records[0].item.as_ref().unwrap().text("answer").unwrap(), "42");
//! assert!(records[1].item.is_err(), "a quote is never closed; the first record is whole");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod format;
mod provenance;
mod source;
mod input;
mod exact;
mod shape;
mod jsonl;
mod json;
mod literal;
mod csv_rows;
mod csv;
mod text;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod ids;
mod end;
mod sample;
mod judged;
mod revised;
mod labelled;
mod searched;
mod ranked;
mod any;
mod table;
mod current;
mod lines;
mod journal;
mod written;
mod table_file;
mod revised_text;
mod output;

pub use {
    any::AnyLine,
    end::{End, Ending},
    format::{InputFormat, ResultFormat},
    labelled::{LabelLine, TrainingFormat},
    output::Output,
    ranked::{CandidateLine, ComparisonLine, JudgedLine, RankLine, WindowLine},
    reader::{ReadOptions, Record, read},
    revised::{CheckLine, RevisionLine, RoundLine, SpentLine},
    searched::{SearchCost, SearchLine, TreeLine},
    source::{Source, sources},
    written::Written,
};
#[doc(hidden)]
pub use {
    current::{LineOwner, current, current_of_two, rewritten},
    format::journal_of,
    ids::Ids,
    journal::JournalLine,
    judged::JudgedRecord,
    lines::lines,
    provenance::{REPORT, is_report, is_tribunal_output, lineage_of},
    revised::RevisedRecord,
    sample::sample,
    source::{Found, SkipReason, find},
};
