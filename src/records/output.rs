//! The files of results: each line is written at once, and the file gets its final form when the run is
//! complete.
//!
//! | file | during the run | when it is complete |
//! |---|---|---|
//! | lines (`.jsonl`) | lines in the order in which records end | the same lines in the order of the input |
//! | table or list | lines in a journal beside it | the table; the journal is removed if nothing is left to do |
//! | standard output | lines in a temporary file | the table or list, in one piece |
//! | revised text | the text, with its history beside it | the same |

use std::{
    fmt::{self, Display},
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    end::End,
    format::{ResultFormat, journal_of},
    journal::{Journal, JournalLine, full},
    provenance::is_tribunal_output,
    revised_text::RevisedText,
    table_file::{TableFile, write},
    written::Written,
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
};

/// The results of a run, on their way into a file.
///
/// When [`Output::add`] returns, the line is in a file: lines of JSON in the file itself, anything else
/// in a journal beside it. [`Output::finish`] gives the file its final form if the run is complete.
///
/// One run writes to a file at a time: the file, or its journal, is locked while it is open.
///
/// ```
/// use serde_json::json;
/// use tribunal::records::{End, Output};
///
/// let folder = std::env::temp_dir().join(format!("tribunal-doc-output-{}", std::process::id()));
/// std::fs::create_dir_all(&folder).unwrap();
/// let path = folder.join("results.jsonl");
///
/// let mut output = Output::to_file(&path)?;
/// output.add(1, &json!({"index": 1, "key": "b"}))?;
/// output.add(0, &json!({"index": 0, "key": "a"}))?;
/// let written = output.finish(&End::Whole, true)?;
///
/// assert!(written.is_final);
/// assert!(std::fs::read_to_string(&path).unwrap().starts_with("{\"index\":0"));
///
/// let mut again = Output::to_file(&path)?;
/// assert!(again.earlier("a").is_some() && again.earlier("c").is_none());
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), tribunal::Error>(())
/// ```
///
/// # Cancellation
/// An output that is dropped, or whose process is killed, keeps every line that was added: the next
/// output for the same path finds them.
#[derive(Debug)]
pub struct Output(Destination);

/// Where the lines are, and what is made of them.
#[derive(Debug)]
enum Destination {
    /// Lines of JSON in this file.
    Lines(Journal),
    /// A table or a list that is made from a journal.
    TableFile(TableFile),
    /// A table or a list that is passed to a writer when all results are there.
    AnyWriter(ResultFormat, Journal, AnyWriter),
    /// One revised text and its history.
    Text(RevisedText),
}

/// A writer, with a `Debug` that does not need one.
struct AnyWriter(Box<dyn Write + Send>);

impl fmt::Debug for AnyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyWriter")
    }
}

impl Output {
    /// Results for the file at `path`, in the format of its name.
    ///
    /// Lines of JSON are added to an existing file. A table or a list continues the journal beside it,
    /// and replaces a table that was made from that journal. Any other existing file is left unchanged.
    ///
    /// # Errors
    /// The file cannot be written, already exists, or another run is writing to it.
    pub fn to_file(path: &Path) -> Result<Self> {
        Self::open(path, false)
    }

    /// Like [`Output::to_file`], but replaces any table or list that Tribunal wrote, once all results are
    /// there.
    ///
    /// # Errors
    /// The file cannot be written, was not written by Tribunal, or another run is writing to it.
    pub fn replacing(path: &Path) -> Result<Self> {
        Self::open(path, true)
    }

    /// Opens a file; `replaces` permits replacing any table or list that Tribunal wrote.
    fn open(path: &Path, replaces: bool) -> Result<Self> {
        let kind = ResultFormat::of(path)?;
        // A link is followed, so that its target is replaced and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if kind == ResultFormat::Jsonl {
            return Ok(Self(Destination::Lines(Journal::open(&path)?)));
        }
        let is_empty = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0);
        let replaces = is_empty || (replaces && is_tribunal_output(&path));
        let place = journal_of(&path).unwrap_or_else(|| path.clone());
        if path.exists() && !replaces && !place.exists() {
            return Err(there(&path));
        }
        let table = TableFile { kind, journal: Journal::open(&place)?, path, replaces };
        if table.path.exists() && !table.may_replace() {
            return Err(changed(&table.path, &place));
        }
        Ok(Self(Destination::TableFile(table)))
    }

    /// Results that are written to `to` in one piece when all are there, for a table on standard output.
    ///
    /// # Errors
    /// The system provides no temporary file.
    pub fn collected(kind: ResultFormat, to: Box<dyn Write + Send>) -> Result<Self> {
        let path = PathBuf::from("a temporary file");
        let file = tempfile::tempfile().map_err(|cause| full(&path, cause))?;
        Ok(Self(Destination::AnyWriter(kind, Journal::of(file, &path), AnyWriter(to))))
    }

    /// One revised text at `path`, and its history in a file beside it.
    ///
    /// # Errors
    /// A text already exists that no earlier run wrote, or that was changed since.
    pub fn text(path: &Path) -> Result<Self> {
        RevisedText::open(path).map(|text| Self(Destination::Text(text)))
    }

    /// The journal with the lines; `None` for one revised text.
    fn journal(&mut self) -> Option<&mut Journal> {
        match &mut self.0 {
            Destination::Lines(journal) | Destination::AnyWriter(_, journal, _) => Some(journal),
            Destination::TableFile(table) => Some(&mut table.journal),
            Destination::Text(_) => None,
        }
    }

    /// The line of an earlier run with this key, the best one if there are several. Each line is returned
    /// once.
    pub fn earlier(&mut self, key: &str) -> Option<JournalLine> {
        match &mut self.0 {
            Destination::Text(text) => text.earlier(key),
            _ => self.journal()?.earlier(key),
        }
    }

    /// Keeps an earlier line as the result of the record with this index.
    pub fn keep(&mut self, index: usize, earlier: &JournalLine) {
        if let Some(journal) = self.journal() {
            journal.keep(index, earlier);
        }
    }

    /// Adds a line in place of an earlier one, which is removed only when the run is complete.
    ///
    /// # Errors
    /// The disk is full, or the file no longer exists; the earlier line is kept.
    pub fn replace(
        &mut self,
        index: usize,
        earlier: &JournalLine,
        line: &impl Display,
    ) -> Result<()> {
        self.queue_in_place(index, earlier, line)?;
        self.flush()
    }

    /// Adds the line of the record with this index: JSON without a line break.
    ///
    /// # Errors
    /// The disk is full, or the file no longer exists; lines that were added before are kept.
    pub fn add(&mut self, index: usize, line: &impl Display) -> Result<()> {
        self.queue(index, line)?;
        self.flush()
    }

    /// Accepts a line as [`replace`](Self::replace) does. It is in the file after [`flush`](Self::flush).
    pub(crate) fn queue_in_place(
        &mut self,
        index: usize,
        earlier: &JournalLine,
        line: &impl Display,
    ) -> Result<()> {
        self.queue(index, line)?;
        if let Some(journal) = self.journal() {
            journal.drop(earlier);
        }
        Ok(())
    }

    /// Accepts a line as [`add`](Self::add) does. It is in the file after [`flush`](Self::flush).
    pub(crate) fn queue(&mut self, index: usize, line: &impl Display) -> Result<()> {
        match &mut self.0 {
            Destination::Text(text) => text.write(&line.to_string()),
            Destination::Lines(journal)
            | Destination::AnyWriter(_, journal, _)
            | Destination::TableFile(TableFile { journal, .. }) => {
                journal.queue(index, line);
                Ok(())
            }
        }
    }

    /// Writes all lines that were queued, with a single write.
    ///
    /// # Errors
    /// As of [`add`](Self::add).
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.journal().map_or(Ok(()), Journal::flush)
    }

    /// Gives the file its final form if the run is complete: lines are put into the order of their
    /// records, or the table is written.
    ///
    /// The journal of a table is removed when the table is on the disk and `is_settled` is true, which
    /// means that no record failed or was unreadable. Otherwise it is kept, so that the same command can
    /// continue. After a run that ended early, every line stays where it is.
    ///
    /// # Errors
    /// The file cannot be written. The results are kept as lines of JSON, and the error names their file.
    pub fn finish(self, end: &End, is_settled: bool) -> Result<Written> {
        match self.0 {
            Destination::AnyWriter(kind, mut journal, mut to) => {
                let cannot =
                    |cause| Error::new(ErrorKind::Io, "cannot write results").because(cause);
                write(&mut journal, kind, &mut *to.0).map_err(cannot)?;
                Ok(Written { is_final: true, ..Written::default() })
            }
            Destination::Text(text) => {
                Ok(Written { results: text.path, is_final: true, ..Written::default() })
            }
            Destination::Lines(journal) | Destination::TableFile(TableFile { journal, .. })
                if !end.is_whole() =>
            {
                Ok(Written { results: journal.path, ..Written::default() })
            }
            Destination::Lines(mut journal) => {
                let (others, foreign) = journal.others();
                let results = journal.path.clone();
                journal.into_order()?;
                Ok(Written { results, is_final: true, others, foreign, journal: None })
            }
            Destination::TableFile(table) => table.finish(is_settled),
        }
    }
}

/// The error of an existing file that may not be replaced.
fn there(path: &Path) -> Error {
    let error = config(format!("`{}` exists already", path.display()));
    if is_tribunal_output(path) {
        return error
            .hint(
                Hint::from("it is finished; to judge everything again and replace it: ")
                    .setting("fresh", ""),
            )
            .hint("lines of JSON can be continued: write to a name such as verdicts.jsonl");
    }
    error.hint("name another file, or move it away")
}

/// The error of an existing table that was not made from the journal beside it, or was changed since.
fn changed(path: &Path, journal: &Path) -> Error {
    let (shown, journal) = (path.display(), journal.display());
    let error =
        config(format!("`{shown}` exists already, and is not what was made of `{journal}`"));
    let error = error
        .hint("move it away: the same command writes it again, and asks only for what is missing");
    if is_tribunal_output(path) {
        return error
            .hint(Hint::from("to judge everything again and replace it: ").setting("fresh", ""));
    }
    error
}

/// An error in the name of the output.
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
        output.finish(&End::Whole, true).unwrap();
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
        // An incomplete line is removed; a line that only lacks its line break is kept.
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
        assert!(Output::to_file(&path).unwrap_err().to_string().contains("exists already"));
        let lines = folder.path().join("x.jsonl");
        assert!(Output::replacing(&path).is_err(), "it is not ours");
        let _first = Output::to_file(&lines).unwrap();
        assert!(Output::to_file(&lines).unwrap_err().to_string().contains("another run"));
        assert!(Output::to_file(&folder.path().join("x.gz")).is_err());
    }

    #[test]
    fn a_table_of_ours_is_replaced_when_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "").unwrap();
        let judged = |id: &str| json!({"id": id, "model": "m", "prompt": {"name": "p"}, "latency_ms": 1, "attempts": 1, "key": "k"});
        for id in ["first", "second"] {
            let mut output = Output::replacing(&path).unwrap();
            output.add(0, &judged(id)).unwrap();
            output.finish(&End::Whole, true).unwrap();
            assert!(std::fs::read_to_string(&path).unwrap().contains(id));
        }
        let error = Output::to_file(&path).unwrap_err();
        assert!(error.hints()[0].to_string().ends_with("`fresh`"), "{error:?}");
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
        let left = output.finish(&End::Whole, true).unwrap();
        assert_eq!((left.others, left.foreign), (0, 1));
        assert_eq!(std::fs::read(&path).unwrap(), b"caf\xE9\n{\"index\":0}\n{\"index\":1}\n");
    }

    /// Writes these lines to this file in one run.
    fn ran(path: &Path, lines: &[Value], end: &End, is_settled: bool) -> Result<Written> {
        let mut output = Output::to_file(path)?;
        for (index, line) in lines.iter().enumerate() {
            match output.earlier(line["key"].as_str().unwrap()) {
                Some(earlier) => output.keep(index, &earlier),
                None => output.add(index, line)?,
            }
        }
        output.finish(end, is_settled)
    }

    fn line(key: &str) -> Value {
        json!({"id": key, "index": 0, "verdict": "7", "key": key})
    }

    #[test]
    fn a_table_whose_run_was_not_whole_is_not_written_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let left = ran(&path, &[line("a")], &End::Stopped, true).unwrap();
        assert!(!left.is_final && !path.exists() && left.results.exists());
        let left = ran(&path, &[line("a"), line("b")], &End::Whole, true).unwrap();
        assert_eq!((left.is_final, left.journal), (true, None));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,verdict,key\na,7,a\nb,7,b\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(ran(&path, &[line("a")], &End::Whole, true).is_err(), "it is finished");
    }

    #[test]
    fn a_table_keeps_its_journal_while_something_is_left_to_do_and_is_replaced_by_what_comes_of_it()
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let left = ran(&path, &[line("a")], &End::Whole, false).unwrap();
        let journal = left.journal.unwrap();
        let first = std::fs::read(&path).unwrap();
        for _ in 0..3 {
            ran(&path, &[line("a")], &End::Whole, false).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), first, "the same again");
            assert_eq!(std::fs::read_to_string(&journal).unwrap().lines().count(), 2);
        }
        ran(&path, &[line("a"), line("b")], &End::Whole, true).unwrap();
        assert!(std::fs::read(&path).unwrap() != first && !journal.exists());
    }

    #[test]
    fn a_table_that_was_changed_or_is_not_of_its_journal_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        ran(&path, &[line("a")], &End::Whole, false).unwrap();
        std::fs::write(&path, "id,verdict,note\na,7,mine\n").unwrap();
        let refused = ran(&path, &[line("a")], &End::Whole, true).unwrap_err();
        assert!(refused.to_string().contains("exists already"), "{refused}");
        assert!(refused.hints()[0].to_string().contains("move it away"), "{refused:?}");
        let other = folder.path().join("y.csv");
        ran(&other, &[line("a")], &End::Stopped, true).unwrap();
        std::fs::write(&other, "mine").unwrap();
        assert!(ran(&other, &[line("a")], &End::Whole, true).is_err());
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
    }

    #[test]
    fn a_table_that_appears_while_its_run_goes_on_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let mut output = Output::to_file(&path).unwrap();
        output.add(0, &line("a")).unwrap();
        std::fs::write(&path, "mine").unwrap();
        let refused = output.finish(&End::Whole, true).unwrap_err();
        assert!(refused.hints()[0].to_string().contains("x.csv.partial.jsonl"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn wherever_a_process_ends_while_it_finishes_a_table_the_next_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let journal = ran(&path, &[line("a")], &End::Whole, false).unwrap().journal.unwrap();
        let noted = std::fs::read_to_string(&journal).unwrap();
        // Before the table was moved into place: the journal already contains its digest.
        std::fs::remove_file(&path).unwrap();
        ran(&path, &[line("a")], &End::Whole, true).unwrap();
        assert!(path.exists() && !journal.exists());
        // After the table was moved into place, and before the journal was removed.
        std::fs::write(&journal, &noted).unwrap();
        ran(&path, &[line("a")], &End::Whole, true).unwrap();
        assert!(path.exists() && !journal.exists());
        // While the digest of a table is written.
        std::fs::write(&journal, noted + "{\"table of these li").unwrap();
        ran(&path, &[line("a")], &End::Whole, true).unwrap();
    }

    #[test]
    fn lines_of_another_input_or_judge_say_so_until_they_count_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let stale = |path: &Path| -> Vec<bool> {
            let text = std::fs::read_to_string(path).unwrap();
            let is_stale =
                |line: &str| serde_json::from_str::<Value>(line).unwrap()["stale"] == true;
            text.lines().map(is_stale).collect()
        };
        ran(&path, &[line("a"), line("b")], &End::Whole, true).unwrap();
        let left = ran(&path, &[line("b"), line("c")], &End::Stopped, true).unwrap();
        assert!(!left.is_final);
        assert_eq!(stale(&path), [false; 3], "a run that is not whole does not know");
        let left = ran(&path, &[line("b"), line("c")], &End::Whole, true).unwrap();
        assert_eq!((left.others, stale(&path)), (1, vec![true, false, false]));
        let before = std::fs::read(&path).unwrap();
        ran(&path, &[line("b"), line("c")], &End::Whole, true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn lines_of_another_judge_stay_in_the_journal_of_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        ran(&path, &[line("a"), line("b")], &End::Stopped, true).unwrap();
        let left = ran(&path, &[line("c")], &End::Whole, true).unwrap();
        assert_eq!(left.others, 2);
        assert!(left.journal.unwrap().exists(), "what was paid for is not thrown away");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,verdict,key\nc,7,c\n");
        ran(&path, &[line("a"), line("b"), line("c")], &End::Whole, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
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
        // The next run continues with them.
        let mut output = Output::to_file(&path).unwrap();
        output.add(1, &json!({"id": "b"})).unwrap();
        output.finish(&End::Whole, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id\nb\n");
    }
}
