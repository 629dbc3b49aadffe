//! Reading JSONL, from files and from standard input, with bounded memory.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    str::FromStr,
};

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    item::{Item, kind_of},
};

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file with one JSON object a line.
    File(PathBuf),
}

/// One record at its place, or why it is none.
#[derive(Debug)]
pub struct Record {
    /// Counts all records of a run from 0.
    pub index: usize,
    /// The file and the line.
    pub place: String,
    /// The record, or what is wrong with it.
    pub item: Result<Item>,
}

/// How prompts see the fields of records: other names (`--map new=old`), the same value in every record
/// (`--set name=value`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMap {
    named: Vec<(String, String)>,
    filled: Vec<(String, String)>,
}

/// The longest line that is taken, in bytes.
const LONGEST: u64 = 64 << 20;

impl Source {
    /// `-` is standard input, anything else a file.
    pub fn named(name: &str) -> Self {
        if name == "-" { Self::Stdin } else { Self::File(name.into()) }
    }

    fn open(&self) -> Result<Box<dyn BufRead + Send>> {
        match self {
            Self::Stdin => Ok(Box::new(BufReader::new(io::stdin()))),
            Self::File(path) => {
                let unreadable = |cause: io::Error| {
                    let error =
                        Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display()));
                    match cause.kind() {
                        io::ErrorKind::NotFound => error.because(cause).hint(
                            "name a file with one JSON object a line, or - for standard input",
                        ),
                        _ => error.because(cause),
                    }
                };
                let file = File::open(path).map_err(unreadable)?;
                if file.metadata().is_ok_and(|meta| meta.is_dir()) {
                    return Err(Error::new(
                        ErrorKind::Io,
                        format!("`{}` is a directory", path.display()),
                    )
                    .hint("name the files in it"));
                }
                Ok(Box::new(BufReader::new(file)))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("<stdin>"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for FieldMap {
    type Err = Error;

    /// `new=old`, several separated by commas.
    fn from_str(text: &str) -> Result<Self> {
        let pair = |pair: &str| match pair.split_once('=') {
            Some((new, old)) if !new.trim().is_empty() && !old.trim().is_empty() => {
                Ok((new.trim().to_owned(), old.trim().to_owned()))
            }
            _ => Err(Error::new(
                ErrorKind::Config,
                format!("`{pair}` does not map a field: write --map answer=my_column"),
            )),
        };
        let named = text.split(',').map(pair).collect::<Result<_>>()?;
        Ok(Self { named, filled: Vec::new() })
    }
}

impl FieldMap {
    /// The maps of several flags as one.
    pub fn joined(maps: impl IntoIterator<Item = Self>) -> Self {
        maps.into_iter().fold(Self::default(), |mut all, map| {
            all.named.extend(map.named);
            all.filled.extend(map.filled);
            all
        })
    }

    /// The same with a value that every record has in the field `name`.
    #[must_use]
    pub fn filling(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.filled.push((name.into(), value.into()));
        self
    }

    fn apply(&self, item: Item) -> Result<Item> {
        let named = self.named.iter().try_fold(item, |item, (new, old)| item.mapped(new, old))?;
        let filled = self.filled.iter();
        Ok(filled.fold(named, |item, (name, value)| item.filled(name, value.as_str())))
    }
}

/// The records of all sources, in order, one at a time.
///
/// A source that cannot be opened ends the reading with that error; a bad line is a record of its own
/// and costs nothing else. Blank lines are skipped.
///
/// # Errors
/// The first source cannot be opened: nothing has been read then.
pub fn read(
    sources: Vec<Source>,
    map: FieldMap,
) -> Result<impl Iterator<Item = Result<Record>> + Send> {
    let mut opened = Vec::new();
    for source in sources {
        let bytes = source.open()?;
        opened.push((source, bytes));
    }
    let mut index = 0;
    let records = opened.into_iter().flat_map(move |(source, bytes)| Lines {
        source,
        bytes,
        number: 0,
        map: map.clone(),
    });
    Ok(records.map(move |record| {
        let record = record.map(|record| Record { index, ..record });
        index += 1;
        record
    }))
}

struct Lines {
    source: Source,
    bytes: Box<dyn BufRead + Send>,
    number: usize,
    map: FieldMap,
}

impl Iterator for Lines {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match line(&mut self.bytes) {
                Ok(line) => line?,
                Err(cause) => {
                    let error = Error::new(
                        ErrorKind::Io,
                        format!("cannot read on in `{}` behind line {}", self.source, self.number),
                    );
                    return Some(Err(error.because(cause)));
                }
            };
            self.number += 1;
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let place = format!("{}:{}", self.source, self.number);
            let item = record(&line, self.number == 1)
                .and_then(|item| self.map.apply(item))
                .map_err(|error| error.within(&place));
            return Some(Ok(Record { index: 0, place, item }));
        }
    }
}

struct ReadLine {
    bytes: Vec<u8>,
    whole: bool,
}

/// The next line, cut at the longest that is taken; the rest of a longer one is skipped.
fn line(lines: &mut impl BufRead) -> io::Result<Option<ReadLine>> {
    let mut bytes = Vec::new();
    io::Read::take(&mut *lines, LONGEST).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let whole = bytes.ends_with(b"\n") || (bytes.len() as u64) < LONGEST;
    if !whole {
        bytes.truncate(1);
        lines.skip_until(b'\n')?;
    }
    Ok(Some(ReadLine { bytes, whole }))
}

fn record(line: &ReadLine, first: bool) -> Result<Item> {
    let wrong = |message: String| Error::new(ErrorKind::Record, message);
    if !line.whole {
        return Err(wrong(format!("the line is longer than {} MiB", LONGEST >> 20)));
    }
    let bytes = match line.bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) if first => rest,
        _ => &line.bytes,
    };
    let text = std::str::from_utf8(bytes).map_err(|cause| {
        wrong(format!("the line is no UTF-8 at byte {}", cause.valid_up_to()))
            .hint("convert the file: iconv -t UTF-8")
    })?;
    match serde_json::from_str(text) {
        Ok(Value::Object(record)) => Ok(Item::from(record)),
        Ok(other) => {
            Err(wrong(format!("a record is a JSON object, and this line is {}", kind_of(&other))))
        }
        Err(cause) => {
            Err(wrong(format!("the line is no JSON at column {}", cause.column())).because(cause))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, map: &str) -> Vec<Result<Item, String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let map = if map.is_empty() { FieldMap::default() } else { map.parse().unwrap() };
        let all = read(vec![Source::File(file.path().into())], map).unwrap();
        let name = file.path().display().to_string();
        all.map(|record| {
            record.unwrap().item.map_err(|error| error.to_string().replace(&name, "FILE"))
        })
        .collect()
    }

    #[test]
    fn a_bad_line_costs_itself_and_says_where_it_is() {
        let read = records("\u{FEFF}{\"answer\": 1}\n\n{\"answer\": \n[1]\n{\"answer\": 2}", "");
        assert_eq!(read[0].as_ref().unwrap().text("answer").unwrap(), "1");
        assert!(read[1].as_ref().unwrap_err().starts_with("FILE:3: the line is no JSON"));
        assert_eq!(
            read[2].as_ref().unwrap_err(),
            "FILE:4: a record is a JSON object, and this line is a list"
        );
        assert_eq!(read[3].as_ref().unwrap().text("answer").unwrap(), "2");
    }

    #[test]
    fn mapped_names_are_fields_and_missing_ones_an_error_of_the_record() {
        let read = records("{\"mine\": \"a\"}\n{\"min\": \"a\"}\n", "answer=mine");
        assert_eq!(read[0].as_ref().unwrap().text("response").unwrap(), "a");
        assert!(read[1].as_ref().unwrap_err().contains("no field `mine`"));
        assert!("answer".parse::<FieldMap>().is_err());
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_whole() {
        let mut lines = io::Cursor::new(
            [vec![b'x'; usize::try_from(LONGEST).unwrap() + 5], b"\n{}\n".to_vec()].concat(),
        );
        assert!(!line(&mut lines).unwrap().unwrap().whole);
        assert_eq!(line(&mut lines).unwrap().unwrap().bytes, b"{}\n");
    }
}
