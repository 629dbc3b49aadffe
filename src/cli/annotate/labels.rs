//! The file of labels: one line for each label, each on the disk before the next record is shown.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use tribunal::error::{Error, ErrorKind, Result};

/// One label of one person.
///
/// ```text
/// {"id": "q7", "label": "first", "annotator": "ada", "order": [1, 0], "shown": "5f0c…"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LabelLine {
    /// The record's id, as result lines name it.
    pub(super) id: String,
    /// The label. Answers are named in the order of the record, however they were shown.
    pub(super) label: Value,
    /// Who gave it.
    pub(super) annotator: String,
    /// For two answers: the order in which they were shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<Vec<usize>>,
    /// A digest of what was shown, so that the label of another text is noticed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) shown: String,
}

/// The open file. Nobody else can write to it.
#[derive(Debug)]
pub(super) struct LabelFile {
    path: PathBuf,
    file: File,
    /// The labels of all people, in the order of the file.
    lines: Vec<LabelLine>,
    /// Where the lines begin that were written since the file was opened.
    written: Vec<u64>,
}

impl LabelFile {
    /// Opens or creates the file, and reads its labels. A line that a crash cut off is removed.
    ///
    /// # Errors
    /// The file cannot be opened, another program writes to it, or it holds something else than labels.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed = |cause| cannot(path, cause);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        if file.try_lock().is_err() {
            let message = format!("another program writes to `{}`", path.display());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("give each person a file of their own, or wait until the other one ends"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        // The last line has no end: a crash cut it off, or an editor left the end out.
        let rest = &text[whole..];
        if rest.trim().is_empty() || serde_json::from_str::<LabelLine>(rest).is_err() {
            file.set_len(whole as u64).map_err(failed)?;
            text.truncate(whole);
        } else {
            file.write_all(b"\n").map_err(failed)?;
        }
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(n, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|cause| {
                let message = format!("{}:{}: it is not a label", path.display(), n + 1);
                Error::new(ErrorKind::Config, message)
                    .because(cause)
                    .hint("name a file that `tribunal annotate` wrote, or a new one")
            })
        };
        let lines = lines.map(read).collect::<Result<Vec<LabelLine>>>()?;
        Ok(Self { path: path.to_owned(), file, lines, written: Vec::new() })
    }

    /// The labels of this person, by the ids of their records.
    pub(super) fn of(&self, annotator: &str) -> BTreeMap<&str, &LabelLine> {
        let own = self.lines.iter().filter(|line| line.annotator == annotator);
        own.map(|line| (line.id.as_str(), line)).collect()
    }

    /// All labels.
    pub(super) fn lines(&self) -> &[LabelLine] {
        &self.lines
    }

    /// Appends a label, and waits until it is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&mut self, line: LabelLine) -> Result<()> {
        let text =
            serde_json::to_string(&line).map_err(|cause| cannot(&self.path, cause.into()))?;
        let mut append = || {
            let start = self.file.seek(SeekFrom::End(0))?;
            self.file.write_all(format!("{text}\n").as_bytes())?;
            self.file.sync_data()?;
            Ok(start)
        };
        let start = append().map_err(|cause| cannot(&self.path, cause))?;
        self.written.push(start);
        self.lines.push(line);
        Ok(())
    }

    /// Takes back the last label that was added, if there is one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn undo(&mut self) -> Result<bool> {
        let Some(start) = self.written.pop() else { return Ok(false) };
        self.lines.pop();
        let cut = self.file.set_len(start).and_then(|()| self.file.sync_data());
        cut.map_err(|cause| cannot(&self.path, cause))?;
        Ok(true)
    }
}

fn cannot(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}
