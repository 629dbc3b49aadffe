//! Where results go: one line at once and for good; the file is put into the input's order at the end.

use std::{
    fmt::Display,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    journal::{Earlier, Journal, full},
    own::{JOURNAL, is_own},
    table::{Columns, write_row},
};
use crate::{
    error::{Error, ErrorKind, Result},
    files::folder_of,
    line::ResultLine,
};

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

/// Results on their way into a file.
///
/// Every line is in the file when [`Output::add`] returns: lines of JSON in the file itself, anything
/// else in a journal beside it until [`Output::finish`].
#[derive(Debug)]
pub struct Output {
    kind: Kind,
    /// The finished file; `None` writes to whoever asks at the end.
    path: Option<PathBuf>,
    journal: Journal,
    /// Whether a file that is there is replaced.
    replaces: bool,
}

impl Output {
    /// Results for the file at `path`. Lines of JSON are added to a file that is there; anything else is
    /// written to a new file only.
    ///
    /// # Errors
    /// The file cannot be written, holds something already, or another run writes to it.
    pub fn to_file(path: &Path) -> Result<Self> {
        Self::open(path, false)
    }

    /// The same, but a table or a list that Tribunal wrote there is replaced when all results are there.
    ///
    /// # Errors
    /// The file cannot be written, holds what Tribunal did not write, or another run writes to it.
    pub fn replacing(path: &Path) -> Result<Self> {
        Self::open(path, true)
    }

    fn open(path: &Path, replaces: bool) -> Result<Self> {
        let kind = Kind::of(path)?;
        // A link is followed, so that the file behind it is replaced and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if kind == Kind::Jsonl {
            let journal = Journal::open(&path)?;
            return Ok(Self { kind, journal, path: Some(path), replaces: true });
        }
        let is_empty = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0);
        let replaces = is_empty || (replaces && is_own(&path));
        if path.exists() && !replaces {
            return Err(there(&path));
        }
        let journal = Journal::open(&journal_of(&path).unwrap_or_else(|| path.clone()))?;
        Ok(Self { kind, journal, path: Some(path), replaces })
    }

    /// Results of a kind that is known when all are there, for whoever takes them then.
    ///
    /// # Errors
    /// There is no place for temporary files.
    pub fn collected(kind: Kind) -> Result<Self> {
        let file =
            tempfile::tempfile().map_err(|cause| full(Path::new("a temporary file"), cause))?;
        let path = PathBuf::from("a temporary file");
        let journal = Journal::of(file, &path);
        Ok(Self { kind, path: None, journal, replaces: false })
    }

    /// The file in which the results are until the end.
    pub fn kept_in(&self) -> &Path {
        &self.journal.path
    }

    /// How many lines of the file belong to no record of this run: results of other records or another
    /// judge, and lines that are no results. They are kept, in front.
    pub fn others(&mut self) -> (usize, usize) {
        if self.kind == Kind::Jsonl { self.journal.others() } else { (0, 0) }
    }

    /// What an earlier run left of a record with this key; each line is given once.
    pub fn earlier(&mut self, key: &str) -> Option<Earlier> {
        self.journal.earlier(key)
    }

    /// Lets an earlier line stand for the record with this index.
    pub fn keep(&mut self, index: usize, earlier: &Earlier) {
        self.journal.keep(index, earlier);
    }

    /// Adds a line in the place of an earlier one, which goes when the run ends.
    ///
    /// # Errors
    /// The disk is full, or the file is gone: the earlier line is kept.
    pub fn replace(&mut self, index: usize, earlier: &Earlier, line: &impl Display) -> Result<()> {
        self.add(index, line)?;
        self.journal.drop(earlier);
        Ok(())
    }

    /// Adds the line of the record with this index: JSON without a line break.
    ///
    /// # Errors
    /// The disk is full, or the file is gone: what was added before is kept.
    pub fn add(&mut self, index: usize, line: &impl Display) -> Result<()> {
        self.journal.add(index, &format!("{line}\n"))
    }

    /// Puts the lines into the order of their records, and makes them what they are to be.
    ///
    /// # Errors
    /// The file cannot be written: the results are kept as lines of JSON, and the error names them.
    pub fn finish(mut self) -> Result<()> {
        let Some(path) = self.path.take() else { return Ok(()) };
        if self.kind == Kind::Jsonl {
            return self.journal.into_order();
        }
        let journal = self.journal.path.display().to_string();
        self.write_file(&path).map_err(|cause| {
            full(&path, cause).hint(format!("the results are kept as lines of JSON in `{journal}`"))
        })?;
        // What it held is in the file; a journal that stays behind does no harm.
        let _ = std::fs::remove_file(&self.journal.path);
        Ok(())
    }

    /// Writes all results to `out`, in the order of their records.
    ///
    /// # Errors
    /// `out` takes no more.
    pub fn finish_into(mut self, out: &mut dyn Write) -> Result<()> {
        self.write(out)
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot write results").because(cause))
    }

    fn write_file(&mut self, path: &Path) -> io::Result<()> {
        let new = NamedTempFile::new_in(folder_of(path))?;
        match self.kind {
            #[cfg(feature = "parquet")]
            Kind::Parquet => self.write_parquet(new.reopen()?)?,
            _ => {
                let mut out = BufWriter::new(new.as_file());
                self.write(&mut out)?;
                out.flush()?;
            }
        }
        new.as_file().sync_all()?;
        readable(new.as_file())?;
        if self.replaces {
            new.persist(path)?
        } else {
            new.persist_noclobber(path)?
        };
        Ok(())
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.kind {
            Kind::Json => self.write_list(out),
            Kind::Csv => self.write_table(out, b','),
            Kind::Tsv => self.write_table(out, b'\t'),
            Kind::Jsonl | Kind::Parquet => {
                self.journal.sorted()?.try_for_each(|line| out.write_all(&line?))
            }
        }
    }

    fn write_list(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[")?;
        for (n, line) in self.journal.sorted()?.enumerate() {
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            out.write_all(line?.trim_ascii_end())?;
        }
        out.write_all(b"\n]\n")
    }

    fn write_table(&mut self, out: &mut dyn Write, delimiter: u8) -> io::Result<()> {
        let columns = self.columns()?;
        if columns.named().is_empty() {
            return Ok(());
        }
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
        write_row(&mut writer, columns.named().into_iter().map(|(name, _)| name.into()))?;
        for line in self.journal.sorted()? {
            write_row(&mut writer, columns.row(typed(&line?)?).into_iter().map(|(_, cell)| cell))?;
        }
        writer.flush()
    }

    #[cfg(feature = "parquet")]
    fn write_parquet(&mut self, file: File) -> io::Result<()> {
        use super::{parquet, table::Holds};
        let columns = self.columns()?;
        let kind = |holds| match holds {
            Holds::Text => parquet::Kind::Text,
            Holds::Number => parquet::Kind::Number,
            Holds::Whole => parquet::Kind::Whole,
            Holds::Truth => parquet::Kind::Truth,
        };
        let named: Vec<_> =
            columns.named().into_iter().map(|(name, holds)| (name, kind(holds))).collect();
        let rows = self.journal.sorted()?.map(|line| typed(&line?).map(|line| columns.row(line)));
        parquet::write(file, &named, rows).map_err(io::Error::other)
    }

    fn columns(&mut self) -> io::Result<Columns> {
        let mut columns = Columns::default();
        for line in self.journal.sorted()? {
            columns.note(typed(&line?)?);
        }
        Ok(columns)
    }
}

fn typed(line: &[u8]) -> io::Result<ResultLine> {
    Ok(serde_json::from_slice(line)?)
}

/// A temporary file is its owner's alone; a result is like any new file.
fn readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

/// The error of a file that is in the way.
fn there(path: &Path) -> Error {
    let error = config(format!("`{}` is there already", path.display()));
    if is_own(path) {
        return error
            .hint("it is finished: --fresh judges everything again and replaces it")
            .hint("lines of JSON go on instead: -o verdicts.jsonl");
    }
    error.hint("name another file, or move it away")
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn write(name: &str, before: &str, order: &[usize]) -> (String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        if !before.is_empty() {
            std::fs::write(&path, before).unwrap();
        }
        let mut output = Output::to_file(&path).unwrap();
        for &index in order {
            output
                .add(
                    index,
                    &json!({"index": index, "id": format!("é{index}"), "item": {"a": "=x"}}),
                )
                .unwrap();
        }
        output.finish().unwrap();
        (std::fs::read_to_string(&path).unwrap(), folder)
    }

    fn indexes(text: &str) -> Vec<u64> {
        let value =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
        text.lines().map(value).collect()
    }

    #[test]
    fn lines_end_up_in_the_order_of_their_records_behind_those_of_other_runs() {
        assert_eq!(indexes(&write("x.jsonl", "", &[2, 0, 3, 1]).0), [0, 1, 2, 3]);
        assert_eq!(indexes(&write("x.jsonl", "{\"index\": 9}\n", &[1, 0]).0), [9, 0, 1]);
        // A line that was torn goes; one that only lacks its end stays.
        assert_eq!(indexes(&write("x.jsonl", "{\"index\": 9}\n{\"index\":", &[1, 0]).0), [9, 0, 1]);
        let whole = "{\"index\": 9, \"key\": \"k\"}";
        assert_eq!(indexes(&write("x.jsonl", whole, &[1, 0]).0), [9, 0, 1]);
    }

    #[test]
    fn tables_and_lists_are_written_at_the_end_and_leave_no_journal() {
        let (table, folder) = write("x.csv", "", &[1, 0]);
        assert_eq!(table, "a,id\n'=x,é0\n'=x,é1\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let list: Value = serde_json::from_str(&write("x.json", "", &[1, 0]).0).unwrap();
        assert_eq!((list[0]["index"].clone(), list[1]["index"].clone()), (json!(0), json!(1)));
        assert_eq!(write("x.tsv", "", &[]).0, "");
    }

    #[test]
    fn nothing_that_is_there_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "mine").unwrap();
        assert!(Output::to_file(&path).unwrap_err().to_string().contains("is there already"));
        let lines = folder.path().join("x.jsonl");
        assert!(Output::replacing(&path).is_err(), "it is not ours");
        let _first = Output::to_file(&lines).unwrap();
        assert!(Output::to_file(&lines).unwrap_err().to_string().contains("another run"));
        assert!(Output::to_file(&folder.path().join("x.gz")).is_err());
    }

    #[test]
    fn a_table_of_ours_is_replaced_when_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "").unwrap();
        let line = |id: &str| json!({"id": id, "model": "m", "prompt": {"name": "p"}, "latency_ms": 1, "attempts": 1, "key": "k"});
        for id in ["first", "second"] {
            let mut output = Output::replacing(&path).unwrap();
            output.add(0, &line(id)).unwrap();
            output.finish().unwrap();
            assert!(std::fs::read_to_string(&path).unwrap().contains(id));
        }
        let error = Output::to_file(&path).unwrap_err();
        assert!(error.hints()[0].contains("--fresh"), "{error:?}");
    }

    #[test]
    fn lines_that_are_no_text_are_kept_when_others_are_put_into_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        std::fs::write(&path, b"caf\xE9\n").unwrap();
        let mut output = Output::to_file(&path).unwrap();
        for index in [1, 0] {
            output.add(index, &json!({"index": index})).unwrap();
        }
        assert_eq!(output.others(), (0, 1));
        output.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"caf\xE9\n{\"index\":0}\n{\"index\":1}\n");
    }

    #[test]
    fn a_run_that_breaks_off_leaves_its_results() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let mut output = Output::to_file(&path).unwrap();
        output.add(0, &json!({"id": "a"})).unwrap();
        drop(output);
        assert_eq!(
            std::fs::read_to_string(folder.path().join("x.csv.partial.jsonl")).unwrap(),
            "{\"id\":\"a\"}\n"
        );
        // The next run goes on with them.
        let mut output = Output::to_file(&path).unwrap();
        output.add(1, &json!({"id": "b"})).unwrap();
        output.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id\nb\n");
    }
}
