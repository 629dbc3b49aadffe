//! Lines of results in a file: those of earlier runs, those of this run, and their final order.
//!
//! The lines of records that end together are appended with a single write, so that killing the process can damage
//! only the last line; the next run removes a damaged line. Lines are known by their position and a
//! digest of their key, in some 40 bytes each; their text stays on the disk. When a run is complete, the
//! file is written again in the order of the input, as a temporary file that replaces it.
//!
//! The journal of a table also stores the digests of the tables that were made from it. So a later run
//! knows whether the existing table is still the one that an earlier run wrote.

use std::{
    fmt::{Display, Write as _},
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::ids::digest;
use crate::{
    error::{Error, ErrorKind, Result},
    files::folder_of,
};

/// A file of lines, locked for one run, with the position of each line.
#[derive(Debug)]
pub(super) struct Journal {
    /// The open file, which holds the lock.
    file: File,
    /// The path of the file.
    pub(super) path: PathBuf,
    /// The position at which the next line will begin, in bytes.
    end: u64,
    /// The lines of earlier runs, in the order of the file.
    old: Vec<OldLine>,
    /// The indexes of the lines of earlier runs, sorted by the digest of their key.
    by_key: Vec<u32>,
    /// The lines of this run, including earlier lines that it keeps.
    lines: Vec<LinePosition>,
    /// Whether the lines of this run are in the order of the input so far.
    in_order: bool,
    /// The digests of the tables that were made from this journal, the latest one last.
    tables: Vec<String>,
    /// Lines that are not in the file yet.
    queued: String,
}

/// The position of a line of this run, and the index of its record.
#[derive(Clone, Copy, Debug)]
struct LinePosition {
    /// The index of the record in the input, from 0.
    index: usize,
    /// The position of its first byte.
    offset: u64,
    /// The length in bytes, with the line break.
    length: u32,
}

/// A line of an earlier run.
#[derive(Clone, Copy, Debug)]
struct OldLine {
    /// A digest of the line's key; 0 without one.
    key: u64,
    /// The position of its first byte.
    offset: u64,
    /// The length in bytes, with the line break.
    length: u32,
    /// What kind of result it is.
    state: LineState,
    /// Whether a record of this run uses it.
    taken: bool,
    /// Whether it is to be removed, because another line replaces it.
    stale: bool,
    /// Whether it is already marked as one of another input or another judge, or is not a line of
    /// results.
    is_marked: bool,
}

/// The kind of a line. If several lines have one key, the line with the greatest kind is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineState {
    /// It is not a result.
    Foreign,
    /// A result without an answer.
    Failed,
    /// A result with an unreadable answer.
    Unreadable,
    /// A result with a verdict.
    Judged,
}

/// A line of an earlier run that belongs to a record of this run.
#[derive(Debug)]
pub struct JournalLine {
    /// The line as JSON.
    pub line: Value,
    /// The index of the line among those of earlier runs.
    place: usize,
}

impl JournalLine {
    /// A line that is not in a journal, such as the history of one text.
    pub(super) fn of(line: Value) -> Self {
        Self { line, place: 0 }
    }
}

impl Journal {
    /// Opens the file for this run only, and creates it if it does not exist. A damaged last line is
    /// removed.
    ///
    /// # Errors
    /// It cannot be written, or another run is writing to it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = |cause| full(path, cause);
        let file = OpenOptions::new().append(true).create(true).read(true).open(path);
        // A file that may be written but not read is opened too. If both fail, the first error is reported.
        let file = file
            .or_else(|cause| OpenOptions::new().append(true).open(path).map_err(|_| cause))
            .map_err(cannot)?;
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if is_file => {
                let message = format!("another run is writing to `{}`", path.display());
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("wait until it is done, or name another file with -o"));
            }
            // Some file systems do not support locks.
            _ => (),
        }
        let mut journal = Self::of(file, path);
        if is_file {
            journal.scan().map_err(cannot)?;
        }
        Ok(journal)
    }

    /// A journal without earlier lines.
    pub(super) fn of(file: File, path: &Path) -> Self {
        let path = path.to_owned();
        Self {
            file,
            path,
            end: 0,
            old: Vec::new(),
            by_key: Vec::new(),
            lines: Vec::new(),
            in_order: true,
            tables: Vec::new(),
            queued: String::new(),
        }
    }

    /// Finds all existing lines in one pass over the file.
    fn scan(&mut self) -> io::Result<()> {
        self.end = self.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        reader.seek(SeekFrom::Start(0))?;
        let mut offset = 0;
        let mut line = Vec::new();
        let mut torn = None;
        while reader.read_until(b'\n', &mut line)? > 0 {
            let (old, table) = OldLine::of(&line, offset);
            if !line.ends_with(b"\n") {
                torn = Some(old);
            } else if !line.trim_ascii().is_empty() {
                self.tables.extend(table);
                self.old.push(old);
            }
            offset += line.len() as u64;
            line.clear();
        }
        if let Some(torn) = torn {
            self.mend(torn)?;
        }
        self.by_key = (0..u32::try_from(self.old.len()).unwrap_or(u32::MAX)).collect();
        let old = &self.old;
        self.by_key.sort_by_key(|&n| old[n as usize].key);
        Ok(())
    }

    /// Completes a last line without a line break if it is a whole result, and removes it otherwise.
    fn mend(&mut self, torn: OldLine) -> io::Result<()> {
        if torn.state == LineState::Foreign {
            tracing::warn!("a line of `{}` was incomplete and is removed", self.path.display());
            self.file.set_len(torn.offset)?;
            self.end = torn.offset;
            return Ok(());
        }
        self.write("\n")?;
        self.old.push(OldLine { length: torn.length + 1, ..torn });
        Ok(())
    }

    /// The best line of earlier runs with this key that is not used by another record of this run.
    pub(super) fn earlier(&mut self, key: &str) -> Option<JournalLine> {
        let key = digest(|hasher| hasher.part(key.as_bytes()));
        let start = self.by_key.partition_point(|&n| self.old[n as usize].key < key);
        let same = self.by_key[start..].iter().map(|&n| n as usize);
        let same =
            same.take_while(|&n| self.old[n].key == key && self.old[n].state != LineState::Foreign);
        let free = same.filter(|&n| !self.old[n].taken);
        let place = free.max_by_key(|&n| (self.old[n].state, n))?;
        let line = serde_json::from_slice(&self.line(self.old[place].offset).ok()?).ok()?;
        self.old[place].taken = true;
        Some(JournalLine { line, place })
    }

    /// Keeps an earlier line as the result of the record with this index.
    pub(super) fn keep(&mut self, index: usize, earlier: &JournalLine) {
        let OldLine { offset, length, .. } = self.old[earlier.place];
        self.push(LinePosition { index, offset, length });
    }

    /// Marks an earlier line for removal when the run is complete.
    pub(super) fn drop(&mut self, earlier: &JournalLine) {
        self.old[earlier.place].stale = true;
        self.in_order = false;
    }

    /// Adds a line of this run, and checks whether the lines are still in the order of the input.
    fn push(&mut self, place: LinePosition) {
        let follows = |last: &LinePosition| last.index < place.index && last.offset < place.offset;
        self.in_order &= self.lines.last().is_none_or(follows);
        self.lines.push(place);
    }

    /// The digests of the tables that were made from these lines.
    pub(super) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Stores the digest of a table, before the table is moved into place.
    pub(super) fn note_table(&mut self, digest: String) -> io::Result<()> {
        self.write(&table_note(&digest))?;
        self.tables.push(digest);
        Ok(())
    }

    /// Appends a text with a single write.
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.end += text.len() as u64;
        Ok(())
    }

    /// Accepts the line of the record with this index, which [`flush`](Self::flush) appends.
    pub(super) fn queue(&mut self, index: usize, line: &impl Display) {
        let offset = self.end + self.queued.len() as u64;
        let start = self.queued.len();
        // Writing to a string does not fail.
        let _ = writeln!(self.queued, "{line}");
        let length = u32::try_from(self.queued.len() - start).unwrap_or(u32::MAX);
        self.push(LinePosition { index, offset, length });
    }

    /// Appends all queued lines with a single write.
    ///
    /// # Errors
    /// The disk is full, or the file no longer exists.
    pub(super) fn flush(&mut self) -> Result<()> {
        let mut lines = std::mem::take(&mut self.queued);
        let written = self.write(&lines).map_err(|cause| full(&self.path, cause));
        lines.clear();
        self.queued = lines;
        written
    }

    /// Reads the line at this position.
    fn line(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(offset))?;
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        Ok(line)
    }

    /// The lines of this run in the order of their records.
    pub(super) fn sorted(&mut self) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>> + '_> {
        self.lines.sort_by_key(|place| place.index);
        read(&self.file, self.lines.iter().copied())
    }

    /// The number of lines that belong to no record of this run: results of other inputs or judges, and
    /// lines that are not results.
    pub(super) fn others(&mut self) -> (usize, usize) {
        self.mark_stale();
        let others = self.old.iter().filter(|old| !old.taken && !old.stale);
        let is_foreign = |old: &OldLine| old.state == LineState::Foreign;
        let foreign = others.clone().filter(|old| is_foreign(old)).count();
        (others.count() - foreign, foreign)
    }

    /// Rewrites the file in the order of the records.
    ///
    /// Lines that belong to no record of this run come first and are marked; replaced lines are removed.
    /// A file that is already in order is not rewritten.
    ///
    /// # Errors
    /// The file cannot be written; the old file is unchanged.
    pub(super) fn into_order(mut self) -> Result<()> {
        self.mark_stale();
        let front_first = || {
            let first = self.lines.iter().map(|place| place.offset).min();
            let front =
                self.old.iter().filter(|old| !old.taken && !old.stale).map(|old| old.offset).max();
            front.zip(first).is_none_or(|(front, first)| front < first)
        };
        let is_as_it_is = |old: &OldLine| !old.stale && (old.taken || !old.is_to_be_marked());
        if self.in_order && self.old.iter().all(is_as_it_is) && front_first() {
            return Ok(());
        }
        let path = self.path.clone();
        self.reordered().map_err(|cause| {
            let message = format!("cannot put `{}` into the order of the input", path.display());
            Error::new(ErrorKind::Io, message)
                .because(cause)
                .hint("all results are in it, in the order in which they were judged")
        })
    }

    /// Marks earlier lines that were replaced for removal.
    ///
    /// If a record of this run uses a key, all other results with this key were replaced by a run that
    /// ended before it could remove them.
    fn mark_stale(&mut self) {
        let old = &self.old;
        let mut stale = Vec::new();
        for group in self.by_key.chunk_by(|&a, &b| old[a as usize].key == old[b as usize].key) {
            let lines = || group.iter().map(|&n| n as usize);
            if lines().any(|n| old[n].taken) {
                stale.extend(
                    lines().filter(|&n| !old[n].taken && old[n].state != LineState::Foreign),
                );
            }
        }
        stale.into_iter().for_each(|n| self.old[n].stale = true);
    }

    /// Writes the lines to a temporary file in their final order, and moves it into place.
    fn reordered(&mut self) -> io::Result<()> {
        let meta = self.file.metadata()?;
        if !meta.is_file() {
            return Ok(());
        }
        let new = NamedTempFile::new_in(folder_of(&self.path))?;
        let mut out = BufWriter::new(new.as_file());
        let note = self.tables.last().map(|digest| table_note(digest));
        out.write_all(note.unwrap_or_default().as_bytes())?;
        let front = self.old.iter().filter(|old| !old.taken && !old.stale);
        let places = front.clone().map(|old| LinePosition {
            index: 0,
            offset: old.offset,
            length: old.length,
        });
        for (line, old) in read(&self.file, places)?.zip(front) {
            let line = line?;
            out.write_all(&if old.is_to_be_marked() { marked(&line) } else { line })?;
        }
        self.sorted()?.try_for_each(|line| out.write_all(&line?))?;
        out.flush()?;
        drop(out);
        new.as_file().set_permissions(meta.permissions())?;
        new.as_file().sync_all()?;
        new.persist(&self.path)?;
        Ok(())
    }
}

impl OldLine {
    /// The facts of a line at this position, and the digest of a table if the line stores one.
    fn of(line: &[u8], offset: u64) -> (Self, Option<String>) {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct LineFields {
            key: Option<String>,
            index: Option<u64>,
            unreadable: Option<IgnoredAny>,
            error: Option<IgnoredAny>,
            #[serde(rename = "stale")]
            is_marked: bool,
            #[serde(rename = "table of these lines")]
            table: Option<String>,
        }
        let LineFields { key, index, unreadable, error, is_marked, table } =
            serde_json::from_slice(line).unwrap_or_default();
        let state = match (&key, error, unreadable) {
            (None, ..) => LineState::Foreign,
            (_, Some(_), _) => LineState::Failed,
            (_, None, Some(_)) => LineState::Unreadable,
            (_, None, None) => LineState::Judged,
        };
        let key = key.map_or(0, |key| digest(|hasher| hasher.part(key.as_bytes())));
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let is_marked = is_marked || index.is_none();
        // The latest digest is written again.
        let replaced = table.is_some();
        (Self { key, offset, length, state, taken: false, stale: replaced, is_marked }, table)
    }

    /// Whether it must still be marked as one of another input or another judge.
    fn is_to_be_marked(&self) -> bool {
        self.state != LineState::Foreign && !self.is_marked
    }
}

/// The line that stores the digest of a table.
fn table_note(digest: &str) -> String {
    format!("{{\"table of these lines\":\"{digest}\"}}\n")
}

/// The line with `"stale": true` as its last field. All other characters are unchanged.
fn marked(line: &[u8]) -> Vec<u8> {
    match line.trim_ascii_end().strip_suffix(b"}") {
        Some(fields) => [fields, b",\"stale\":true}\n"].concat(),
        None => line.to_vec(),
    }
}

/// Reads the lines at these positions, in this order.
fn read(
    file: &File,
    places: impl Iterator<Item = LinePosition>,
) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
    // As much as the lines of the records that are in flight at once have.
    let mut reader = BufReader::with_capacity(64 << 10, file);
    reader.seek(SeekFrom::Start(0))?;
    let mut at = 0_i64;
    Ok(places.map(move |place| {
        // Lines are nearly in order, so that most jumps stay within the buffer.
        let to = i64::try_from(place.offset).unwrap_or(i64::MAX);
        reader.seek_relative(to - at)?;
        let mut line = Vec::with_capacity(place.length as usize);
        at = to + i64::try_from(reader.read_until(b'\n', &mut line)?).unwrap_or(0);
        Ok(line)
    }))
}

/// The error of a file that cannot be written, in most cases because the disk is full.
pub(super) fn full(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}
