//! The state of a file of results after a run.

use std::path::PathBuf;

/// The state of a file of results after a run, returned by [`Output::finish`](super::Output::finish).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The file with the results: the file itself, or the journal of a table that is not written yet.
    pub results: PathBuf,
    /// Whether the file is complete: the table is written, or the lines are in the order of the input.
    pub is_final: bool,
    /// The journal that is kept beside a table, because records are left to do or it contains other
    /// lines.
    pub journal: Option<PathBuf>,
    /// The number of lines of another input or another judge. They are kept and not counted.
    pub others: usize,
    /// The number of lines that are not results. They are kept.
    pub foreign: usize,
}
