//! One revised text as a plain file, with its history in a file beside it.
//!
//! The history (`draft.md.revision.json`) is the line of results of the one record. It is written first,
//! so that there is never a text of unknown origin, and it shows whether the text was changed since.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    RevisionLine,
    journal::{JournalLine, full},
    provenance::lineage_of,
};
use crate::{
    error::{Error, ErrorKind, Result},
    strategy::revise::RevisionOutcome,
};

/// A revised text in a plain file.
#[derive(Debug)]
pub(super) struct RevisedText {
    /// The path of the text.
    pub(super) path: PathBuf,
    /// The path of the history.
    lineage: PathBuf,
}

impl RevisedText {
    /// Opens a text for writing. An existing text may be replaced only if an earlier run wrote it.
    ///
    /// # Errors
    /// A text exists that no earlier run wrote, or that was changed since.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let text = Self { path: path.to_owned(), lineage: lineage_of(path) };
        let is_ours = |held: &str| {
            text.line()
                .is_some_and(|line| line.text.as_deref() == Some(held.trim_end_matches('\n')))
        };
        match fs::read_to_string(path) {
            Ok(held) if is_ours(&held) => Ok(text),
            Err(_) if !path.exists() => Ok(text),
            _ => {
                let message = format!("`{}` exists already", path.display());
                Err(Error::new(ErrorKind::Config, message)
                    .hint("name another file, or move it away"))
            }
        }
    }

    /// The history of the text; `None` if there is none.
    fn line(&self) -> Option<RevisionLine> {
        RevisionLine::read(fs::read(&self.lineage).ok()?).ok()
    }

    /// The result of an earlier run with this key; `None` if it failed or there is none.
    pub(super) fn earlier(&self, key: &str) -> Option<JournalLine> {
        let line = self.line()?;
        let is_of_use = line.key == key && line.outcome != RevisionOutcome::Failed;
        is_of_use.then(|| JournalLine::of(serde_json::to_value(&line).unwrap_or_default()))
    }

    /// Writes the history and then the text.
    ///
    /// # Errors
    /// A file cannot be written, or `line` is not a line of revisions.
    pub(super) fn write(&self, line: &str) -> Result<()> {
        let mut line = RevisionLine::read(line)?;
        let Some(text) = &mut line.text else { return Ok(()) };
        text.truncate(text.trim_end_matches('\n').len());
        let text = format!("{text}\n");
        let write = |path: &Path, text: String| {
            fs::write(path, text).map_err(|cause: io::Error| full(path, cause))
        };
        write(&self.lineage, format!("{line:#}\n"))?;
        write(&self.path, text)
    }
}
