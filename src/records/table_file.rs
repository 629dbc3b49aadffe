//! Tables and lists, which are made from a journal when all results are there.
//!
//! A table is written to a temporary file and moved into place in one step, so that a reader sees the old
//! file or the new one and never a part. Before that, its digest is stored in the journal: from it a
//! later run knows that the file is still the one that it made, and may be replaced.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    format::ResultFormat,
    journal::{Journal, full},
    table::{Columns, write_row},
    written::Written,
};
use crate::{error::Result, files::folder_of, line::ResultLine};

/// A table or a list that is written when all results are there.
#[derive(Debug)]
pub(super) struct TableFile {
    /// Its format, which is not [`ResultFormat::Jsonl`].
    pub(super) kind: ResultFormat,
    /// The path of the table.
    pub(super) path: PathBuf,
    /// The lines from which the table is made.
    pub(super) journal: Journal,
    /// Whether any table of Tribunal may be replaced, and not only one that was made from the journal.
    pub(super) replaces: bool,
}

impl TableFile {
    /// Whether an existing file may be replaced: it was made from this journal, or any table may be
    /// replaced.
    pub(super) fn may_replace(&self) -> bool {
        let is_made_of_it = || {
            let digest = File::open(&self.path).and_then(|file| digest(&file));
            digest.is_ok_and(|digest| self.journal.tables().contains(&digest))
        };
        self.replaces || is_made_of_it()
    }

    /// Writes the table. Its journal is removed if the table is on the disk, `is_settled` is true, and it
    /// contains no other lines.
    ///
    /// # Errors
    /// The table cannot be written; the results are kept in the journal.
    pub(super) fn finish(mut self, is_settled: bool) -> Result<Written> {
        let place = self.journal.path.clone();
        let is_durable = self.write().map_err(|cause| {
            let place = place.display();
            full(&self.path, cause)
                .hint(format!("the results are kept as lines of JSON in `{place}`"))
        })?;
        let Self { path, mut journal, .. } = self;
        let (others, foreign) = journal.others();
        let goes = is_settled && others + foreign == 0 && is_durable;
        if goes {
            // Its content is in the table, so a journal that cannot be removed does no harm.
            let _ = std::fs::remove_file(&place);
        } else {
            // The order of the journal does not matter to a later run.
            let _ = journal.into_order();
        }
        let journal = Some(place).filter(|_| !goes);
        Ok(Written { results: path, is_final: true, journal, others, foreign })
    }

    /// Writes the table and moves it into place. Returns whether it now survives a crash of the machine.
    fn write(&mut self) -> io::Result<bool> {
        let new = NamedTempFile::new_in(folder_of(&self.path))?;
        match self.kind {
            #[cfg(feature = "parquet")]
            ResultFormat::Parquet => write_parquet(&mut self.journal, new.reopen()?)?,
            kind => {
                let mut out = BufWriter::new(new.as_file());
                write(&mut self.journal, kind, &mut out)?;
                out.flush()?;
            }
        }
        new.as_file().sync_all()?;
        readable(new.as_file())?;
        let replaces = self.may_replace();
        // Stored first, so that a table is recognized even if the process ends right after moving it.
        self.journal.note_table(digest(&new.reopen()?)?)?;
        if replaces {
            new.persist(&self.path)?
        } else {
            new.persist_noclobber(&self.path)?
        };
        Ok(is_synced(folder_of(&self.path)))
    }
}

/// Writes all results of a journal to `out`, in the order of their records.
pub(super) fn write(
    journal: &mut Journal,
    kind: ResultFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    match kind {
        ResultFormat::Json => write_list(journal, out),
        ResultFormat::Csv => write_table(journal, out, b','),
        ResultFormat::Tsv => write_table(journal, out, b'\t'),
        ResultFormat::Jsonl | ResultFormat::Parquet => {
            journal.sorted()?.try_for_each(|line| out.write_all(&line?))
        }
    }
}

/// The lines as one JSON list, with one element per line.
fn write_list(journal: &mut Journal, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (n, line) in journal.sorted()?.enumerate() {
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        out.write_all(line?.trim_ascii_end())?;
    }
    out.write_all(b"\n]\n")
}

/// The lines as rows under a header; nothing at all without any lines.
fn write_table(journal: &mut Journal, out: &mut dyn Write, delimiter: u8) -> io::Result<()> {
    let columns = columns(journal)?;
    if columns.named().is_empty() {
        return Ok(());
    }
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    write_row(&mut writer, columns.named().into_iter().map(|(name, _)| name.into()))?;
    for line in journal.sorted()? {
        write_row(&mut writer, columns.row(typed(&line?)?).into_iter().map(|(_, cell)| cell))?;
    }
    writer.flush()
}

/// The lines as a Parquet file.
#[cfg(feature = "parquet")]
fn write_parquet(journal: &mut Journal, file: File) -> io::Result<()> {
    use super::{parquet, table::ColumnType};
    let columns = columns(journal)?;
    let kind = |holds| match holds {
        ColumnType::Text => parquet::ColumnType::Text,
        ColumnType::Number => parquet::ColumnType::Number,
        ColumnType::Whole => parquet::ColumnType::Whole,
        ColumnType::Truth => parquet::ColumnType::Truth,
    };
    let named: Vec<_> =
        columns.named().into_iter().map(|(name, holds)| (name, kind(holds))).collect();
    let rows = journal.sorted()?.map(|line| typed(&line?).map(|line| columns.row(line)));
    parquet::write(file, &named, rows).map_err(io::Error::other)
}

/// The columns of all lines.
fn columns(journal: &mut Journal) -> io::Result<Columns> {
    let mut columns = Columns::default();
    for line in journal.sorted()? {
        columns.note(typed(&line?)?);
    }
    Ok(columns)
}

/// A line of the journal as a result.
fn typed(line: &[u8]) -> io::Result<ResultLine> {
    Ok(serde_json::from_slice(line)?)
}

/// A digest (BLAKE3) of the content of a file.
fn digest(file: &File) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Whether new names in a folder survive a crash of the machine, after flushing the folder to the disk.
///
/// Systems other than Unix do that without a request.
fn is_synced(folder: &Path) -> bool {
    !cfg!(unix) || File::open(folder).and_then(|folder| folder.sync_all()).is_ok()
}

/// Gives a temporary file, which only its owner may read, the permissions of a usual new file.
fn readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}
