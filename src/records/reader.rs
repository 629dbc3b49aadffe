//! The records of any source, one at a time, with bounded memory.
//!
//! The format is the one that was named, otherwise that of the file's name, otherwise that of the first
//! bytes. The name is checked against the content: many programs write one record over several lines and
//! call the file `.jsonl`, and many call a file of lines `.json`.

use std::{io::BufRead, path::Path};

use serde::de::IgnoredAny;

use super::{
    Source, csv,
    format::{BOM, InputFormat},
    input,
    input::{Bytes, Lines, wrong},
    json::JsonRecords,
    jsonl::{self, JsonlRecords},
    text,
};
use crate::{error::Result, item::Item};

/// A record with its place, or an error in place of it.
///
/// Input that is not a record is treated like a record that failed: it has an index, is counted, and
/// appears in the results under its place.
#[derive(Debug)]
pub struct Record {
    /// The position in the run, over all sources, counted from 0.
    pub index: usize,
    /// The file and the line on which the record begins: `answers.jsonl:7`, or `draft.md` for a whole
    /// file.
    pub place: String,
    /// The record, or the reason why it could not be read.
    pub item: Result<Item>,
}

/// How sources are read if their names and contents do not tell.
///
/// ```
/// use tribunal::records::{InputFormat, ReadOptions};
///
/// // A pipe with a table whose cells are separated by semicolons.
/// let options = ReadOptions { format: Some(InputFormat::Csv), delimiter: Some(b';') };
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// The format of every source; `None` recognizes the format of each source.
    pub format: Option<InputFormat>,
    /// The character between the cells of tables; `None` finds it in the header.
    pub delimiter: Option<u8>,
}

/// The line on which a record begins (0 for the whole file), and the record or its error.
type Numbered = (usize, Result<Item>);

/// The records of one source.
type Numbers = Box<dyn Iterator<Item = Numbered> + Send>;

/// The records of all sources, in order, one at a time.
///
/// A mistake costs as little as possible: a line, a row, an element of a list, or the rest of its source.
/// It is a [`Record`] with an error, and reading continues after it. A source that is empty or cannot be
/// opened is one such record. Blank lines are skipped.
///
/// A file is opened when the iterator reaches it, and is decompressed while it is read. Memory is bounded
/// by the longest record.
pub fn read(sources: Vec<Source>, options: ReadOptions) -> impl Iterator<Item = Record> + Send {
    let all = sources.into_iter().flat_map(move |source| {
        let name = source.to_string();
        let place =
            move |line: usize| if line == 0 { name.clone() } else { format!("{name}:{line}") };
        one(&source, options).map(move |(line, item)| {
            let place = place(line);
            let item = item.map_err(|error| error.within(&place));
            Record { index: 0, place, item }
        })
    });
    all.enumerate().map(|(index, record)| Record { index, ..record })
}

/// The records of one source. A source without records is one error.
fn one(source: &Source, options: ReadOptions) -> Numbers {
    let mut records = match opened(source, options) {
        Ok(records) => records,
        Err(error) => return Box::new(std::iter::once((0, Err(error)))),
    };
    match records.next() {
        Some(first) => Box::new(std::iter::once(first).chain(records)),
        None => Box::new(std::iter::once((0, Err(empty())))),
    }
}

/// The error of a source without any records.
fn empty() -> crate::error::Error {
    wrong("it holds no records")
        .hint("a record is a line of JSON, a row below a header, or a plain file with text in it")
}

/// The records of a source, in its format.
fn opened(source: &Source, options: ReadOptions) -> Result<Numbers> {
    let named = match source {
        Source::File(path) => options.format.or_else(|| said_by(path)),
        Source::Stdin => options.format,
    };
    if named == Some(InputFormat::Parquet) {
        return in_columns(source);
    }
    let mut bytes = input::open(source)?;
    let format = match named {
        Some(format) => format,
        None => guessed(&mut bytes)?,
    };
    input::check_text(&mut bytes)?;
    Ok(match format {
        // Many programs write one record over several lines, or one list, into a file called `.jsonl`.
        InputFormat::Jsonl if is_spread(&mut bytes)? => Box::new(JsonRecords::new(bytes)),
        InputFormat::Jsonl => Box::new(JsonlRecords::new(Lines::new(bytes))),
        // Many programs call a file of lines `.json`.
        InputFormat::Json if begins_with_record(&mut bytes) => {
            Box::new(JsonlRecords::new(Lines::new(bytes)))
        }
        InputFormat::Json => Box::new(JsonRecords::new(bytes)),
        InputFormat::Csv => Box::new(csv::CsvRecords::new(Lines::new(bytes), options.delimiter)),
        InputFormat::Tsv => {
            Box::new(csv::CsvRecords::new(Lines::new(bytes), options.delimiter.or(Some(b'\t'))))
        }
        InputFormat::Text | InputFormat::Parquet => {
            Box::new(std::iter::once((0, text::record(source, bytes))))
        }
    })
}

/// The format of a file by its name; `None` for a named pipe without a known ending.
fn said_by(path: &Path) -> Option<InputFormat> {
    let format = InputFormat::of(path);
    (format != InputFormat::Text || path.is_file()).then_some(format)
}

/// The format of input without a name, by its first bytes.
fn guessed(bytes: &mut Bytes) -> Result<InputFormat> {
    let start = bytes.fill_buf().map_err(input::broken)?;
    if start.starts_with(b"PAR1") {
        return Err(
            wrong("it is Parquet, which cannot be read from a pipe").hint("name the file instead")
        );
    }
    let start = start.strip_prefix(BOM).unwrap_or(start);
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_table = std::str::from_utf8(line).is_ok_and(csv::is_header);
    Ok(match first {
        Some(b'[') => InputFormat::Json,
        Some(b'{') if is_record(line) || !is_whole(start) => InputFormat::Jsonl,
        // A first line that is not a record is a broken line, unless the record continues on the next line.
        Some(b'{') if spreads(start) => InputFormat::Json,
        Some(b'{') | None => InputFormat::Jsonl,
        Some(_) if is_table => InputFormat::Csv,
        Some(_) => InputFormat::Text,
    })
}

/// Whether the first line is a complete record.
fn begins_with_record(bytes: &mut Bytes) -> bool {
    let Ok(start) = bytes.fill_buf() else { return false };
    let start = start.strip_prefix(BOM).unwrap_or(start);
    start.split(|&byte| byte == b'\n').next().is_some_and(is_record)
}

/// Whether a line is a complete record.
fn is_record(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| jsonl::record(line).is_ok())
}

/// Whether a file begins with a JSON value that continues after its first line, or with a list of
/// records.
fn is_spread(bytes: &mut Bytes) -> Result<bool> {
    let start = bytes.fill_buf().map_err(input::broken)?;
    Ok(spreads(start.strip_prefix(BOM).unwrap_or(start)))
}

/// The same for the first bytes of a file. A line that is merely incomplete does not count.
fn spreads(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let rest = start.get(line.len()..).unwrap_or_default().trim_ascii();
    if !start.starts_with(b"[") && !start.starts_with(b"{") || is_record(line) {
        return false;
    }
    if !is_begun(line) {
        return line.starts_with(b"[") && rest.is_empty();
    }
    // An incomplete line is followed by another record, and a value that continues by its rest.
    let mut values = serde_json::Deserializer::from_slice(start).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => true,
        Some(Err(error)) => error.is_eof() && matches!(line.last(), Some(b',' | b'{' | b'[')),
        None => false,
    }
}

/// Whether a line ends in the middle of a JSON value.
fn is_begun(line: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(line).is_err_and(|error| error.is_eof())
}

/// Whether the bytes contain a line break, so that the first line is complete.
fn is_whole(start: &[u8]) -> bool {
    start.contains(&b'\n')
}

/// The rows of a Parquet file, numbered from 1.
#[cfg(feature = "parquet")]
fn in_columns(source: &Source) -> Result<Numbers> {
    use super::exact;
    use crate::error::{Error, ErrorKind};
    let Source::File(path) = source else {
        return Err(wrong("Parquet cannot be read from a pipe").hint("name the file instead"));
    };
    let failed = |cause: std::io::Error| Error::new(ErrorKind::Io, "cannot read it").because(cause);
    let no_table = |cause| wrong("it is not a whole Parquet file").because(cause);
    let rows =
        super::parquet::rows(std::fs::File::open(path).map_err(failed)?).map_err(no_table)?;
    let record = |row: Result<_, _>| {
        let row = row.map_err(|cause| wrong("the row cannot be read").because(cause))?;
        exact::check_depth(&row).map(|()| Item::from(row))
    };
    Ok(Box::new(rows.enumerate().map(move |(n, row)| (n + 1, record(row)))))
}

#[cfg(not(feature = "parquet"))]
fn in_columns(_: &Source) -> Result<Numbers> {
    Err(wrong("this program was built without Parquet")
        .hint("build it again: cargo build --release --features parquet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The records and errors of a file with this name and content.
    fn records(name: &str, content: &[u8], options: ReadOptions) -> Vec<Result<String, String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let root = format!("{}/", folder.path().display());
        let shown = |record: Record| match record.item {
            Ok(item) => Ok(item.text("answer").unwrap_or_default()),
            Err(error) => Err(error.to_string().replace(&root, "")),
        };
        read(vec![Source::File(path)], options).map(shown).collect()
    }

    fn texts(name: &str, content: &[u8]) -> Vec<Result<String, String>> {
        records(name, content, ReadOptions::default())
    }

    const TWO: [Result<&str, &str>; 2] = [Ok("a"), Ok("b")];

    fn two() -> Vec<Result<String, String>> {
        TWO.iter().map(|answer| answer.map(ToOwned::to_owned).map_err(ToOwned::to_owned)).collect()
    }

    #[test]
    fn the_same_records_come_out_of_every_format() {
        let lines = b"{\"answer\": \"a\"}\n\n{\"answer\": \"b\"}\n";
        assert_eq!(texts("r.jsonl", lines), two());
        assert_eq!(texts("r.json", lines), two());
        assert_eq!(texts("r.json", b"[{\"answer\": \"a\"},\n{\"answer\": \"b\"}]"), two());
        assert_eq!(texts("r.csv", b"id,answer\r\n1,a\r\n2,b"), two());
        assert_eq!(texts("r.tsv", b"id\tanswer\n1\ta\n2\tb\n"), two());
        let semicolons = ReadOptions { delimiter: Some(b'/'), ..ReadOptions::default() };
        assert_eq!(records("r.csv", b"id/answer\n1/a\n2/b\n", semicolons), two());
        let lines_of_text =
            ReadOptions { format: Some(InputFormat::Jsonl), ..ReadOptions::default() };
        assert_eq!(records("r.log", lines, lines_of_text), two());
    }

    #[test]
    fn json_that_is_printed_over_several_lines_is_read_whatever_its_name_says() {
        let spread = b"{\n  \"answer\": \"a\"\n}\n{\n  \"answer\": \"b\"\n}\n";
        assert_eq!(texts("r.jsonl", spread), two());
        assert_eq!(texts("r.jsonl", b"[{\"answer\": \"a\"},\n{\"answer\": \"b\"}]\n"), two());
        assert_eq!(texts("r.jsonl", b"[{\"answer\": \"a\"}, {\"answer\": \"b\"}]\n"), two());
        assert_eq!(texts("r.jsonl", b"\n[\n{\"answer\": \"a\"},\n{\"answer\": \"b\"}\n]\n"), two());
        // An incomplete line costs only itself.
        let torn = texts("r.jsonl", b"{\"answer\": \"a\n{\"answer\": \"b\"}\n");
        assert!(torn[0].is_err() && torn[1] == Ok("b".into()), "{torn:?}");
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let lines = b"{\"answer\": \"a\"}\n{\"answer\": \"b\"}\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(lines).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(texts("r.jsonl.gz", &packed), two());
        assert_eq!(texts("r.jsonl", &packed), two());
        let zstd = ruzstd::encoding::compress_to_vec(
            &lines[..],
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        assert_eq!(texts("r.jsonl.zst", &zstd), two());
        let cut = texts("r.jsonl.gz", &packed[..packed.len() - 12]);
        assert!(cut.last().unwrap().as_ref().unwrap_err().contains("cannot read on"), "{cut:?}");
    }

    #[test]
    fn a_plain_file_is_one_record() {
        assert_eq!(
            texts("draft.md", b"# Title\n{not json}\n"),
            [Ok("# Title\n{not json}\n".into())]
        );
        assert!(
            texts("draft.md", b" \n")[0]
                .as_ref()
                .unwrap_err()
                .contains("draft.md: the file is empty")
        );
    }

    #[test]
    fn what_comes_through_a_pipe_is_told_by_its_beginning() {
        let detected = |text: &str| {
            let mut bytes: Bytes = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
            super::guessed(&mut bytes).unwrap()
        };
        assert_eq!(detected("{\"a\": 1}\n{\"a\": 2}\n"), InputFormat::Jsonl);
        assert_eq!(detected("{\"a\": broken}\n{\"a\": 2}\n"), InputFormat::Jsonl);
        assert_eq!(detected("{\n  \"a\": 1\n}\n"), InputFormat::Json);
        assert_eq!(detected(" [{\"a\": 1}]"), InputFormat::Json);
        assert_eq!(detected("question,answer\nq,a\n"), InputFormat::Csv);
        assert_eq!(detected("Dear all, this is a draft.\n"), InputFormat::Text);
        assert_eq!(detected(""), InputFormat::Jsonl);
    }
}
