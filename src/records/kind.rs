//! How results stand in a file, by its name.

use std::path::{Path, PathBuf};

use super::own::JOURNAL;
use crate::error::{Error, ErrorKind, Result};

/// How results stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// One line of JSON per record.
    Jsonl,
    /// The same lines as one list.
    Json,
    /// A table: the input's columns and flat columns of the verdict.
    Csv,
    /// The same with tabs.
    Tsv,
    /// The same in columns.
    Parquet,
}

impl Kind {
    /// The kind that a file's name says; lines of JSON for a name that says nothing.
    ///
    /// # Errors
    /// The name says what cannot be written.
    pub fn of(path: &Path) -> Result<Self> {
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match end.as_str() {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "tsv" | "tab" => Ok(Self::Tsv),
            "parquet" | "pq" if cfg!(feature = "parquet") => Ok(Self::Parquet),
            "parquet" | "pq" => Err(config("this program was built without Parquet".into())
                .hint("build it with `--features parquet`, or write .csv")),
            "gz" | "zst" | "xlsx" | "html" | "md" => {
                Err(config(format!("results cannot be written as `.{end}`"))
                    .hint("name a file that ends in .jsonl, .json, .csv, .tsv or .parquet"))
            }
            _ => Ok(Self::Jsonl),
        }
    }
}

/// What holds the results of a table or a list until they are whole, beside it; none for lines.
pub fn journal_of(path: &Path) -> Option<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(JOURNAL);
    let is_whole = Kind::of(path).is_ok_and(|kind| kind != Kind::Jsonl);
    is_whole.then(|| path.with_file_name(name))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
