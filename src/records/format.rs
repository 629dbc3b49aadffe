//! The formats of files, recognized by their names: those that are read, and those that results are
//! written in.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The byte order mark that some editors write at the beginning of a text file. It is skipped.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The ending of the journal, which contains the results of a table until the table is written.
pub(super) const JOURNAL: &str = ".partial.jsonl";

/// The format of a file of records.
///
/// ```
/// use tribunal::records::InputFormat;
///
/// assert_eq!(InputFormat::of("answers.csv.gz".as_ref()), InputFormat::Csv);
/// assert_eq!(InputFormat::of("draft.md".as_ref()), InputFormat::Text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum InputFormat {
    /// One JSON object a line.
    Jsonl,
    /// A list of JSON objects, or JSON objects one after another.
    Json,
    /// A table with a header, comma-separated unless its header shows another delimiter.
    Csv,
    /// A table with a header and tabs.
    Tsv,
    /// A table in columns.
    Parquet,
    /// The whole file is one record: its text is the answer, its path the id.
    Text,
}

impl InputFormat {
    /// The format of a file with this name. `.gz` and `.zst` are ignored; an unknown ending is
    /// [`InputFormat::Text`].
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name =
            [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("jsonl" | "ndjson" | "jsonlines") => Self::Jsonl,
            Some("json") => Self::Json,
            Some("csv") => Self::Csv,
            Some("tsv" | "tab") => Self::Tsv,
            Some("parquet" | "pq") => Self::Parquet,
            _ => Self::Text,
        }
    }
}

/// The format of a file of results.
///
/// ```
/// use tribunal::records::ResultFormat;
///
/// assert_eq!(ResultFormat::of("verdicts.csv".as_ref()).unwrap(), ResultFormat::Csv);
/// assert_eq!(ResultFormat::of("verdicts".as_ref()).unwrap(), ResultFormat::Jsonl);
/// assert!(ResultFormat::of("verdicts.xlsx".as_ref()).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResultFormat {
    /// One line of JSON per record.
    Jsonl,
    /// The same lines as one JSON list.
    Json,
    /// A table: the input's columns and flat columns of the verdict.
    Csv,
    /// The same table with tabs.
    Tsv,
    /// The same table as Parquet.
    Parquet,
}

impl ResultFormat {
    /// The format of a file with this name; [`ResultFormat::Jsonl`] for an unknown ending.
    ///
    /// # Errors
    /// The ending is that of a format in which results cannot be written.
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

/// The path of the journal of a table or a list, which contains the results until the run is complete.
///
/// `None` for a file of lines, which is its own journal.
pub fn journal_of(path: &Path) -> Option<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(JOURNAL);
    let is_table = ResultFormat::of(path).is_ok_and(|format| format != ResultFormat::Jsonl);
    is_table.then(|| path.with_file_name(name))
}

/// An error in the name of a file.
fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_format_and_anything_else_is_text() {
        let of = |name: &str| InputFormat::of(Path::new(name));
        assert_eq!(of("a/b.JSONL"), InputFormat::Jsonl);
        assert_eq!(of("b.csv.gz"), InputFormat::Csv);
        assert_eq!(of("b.json.zst"), InputFormat::Json);
        assert_eq!(of("draft.md"), InputFormat::Text);
        assert_eq!(of("csv"), InputFormat::Text);
    }
}
