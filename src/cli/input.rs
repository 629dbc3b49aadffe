//! The records that a command reads: which files, in which format, and how many.
//!
//! Records are read as they are needed, never all at once, except where `--sample` needs all of them to pick from. The
//! number of records, for progress and for the count of untried ones, is only determined where that is cheap: lines of
//! a file are counted, a small table is parsed once more, a pipe is not counted.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::OnceLock,
};

use super::{data_sets, note};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::{FieldMap, Item},
    records::{self, InputFormat, Record, SkipReason, Source},
};

/// Flags that choose records, and how they are read.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Input")]
pub(super) struct Args {
    /// Files, folders, patterns or hf:OWNER/DATA; - reads standard input.
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    pub(super) files: Vec<String>,
    /// Format of the input: jsonl, json, csv, … [default: by name].
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        hide_short_help = true
    )]
    input_format: Option<InputFormat>,
    /// Separator of table cells, such as ';' [default: by the header].
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, hide_short_help = true)]
    delimiter: Option<u8>,
    /// Number of records to read from the start.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Number of records to pick at random, reproducibly.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Random seed of --sample.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        hide_short_help = true
    )]
    sample_seed: u64,
    /// The files by name once they are known, those of data sets with their commits.
    #[arg(skip)]
    known: OnceLock<Vec<String>>,
}

/// One ASCII character, or the word `tab`.
fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && *byte != b'"' => Ok(*byte),
            _ => Err("expected one character, such as ';', or the word tab".into()),
        },
    }
}

/// Records, read one by one.
pub(super) type Records = Box<dyn Iterator<Item = Record> + Send>;

/// The input of one run.
pub(super) struct Input {
    /// The records, read as they are needed.
    pub(super) records: Records,
    /// The first record that the judge can read, by which a prompt is chosen.
    pub(super) first: Option<Item>,
    /// The number of records, where it can be counted at little cost.
    pub(super) total: Option<u64>,
    /// Whether everything is a regular file: it ends, and can be read twice.
    pub(super) are_files: bool,
}

impl Args {
    /// Opens the sources and reads up to the first record; `map` gives the names under which records
    /// have the fields of the prompt.
    pub(super) fn open(&self, sources: Vec<Source>, map: &FieldMap) -> Input {
        let (total, are_files) = (self.count(&sources), are_files(&sources));
        let mut records = self.read(sources);
        let first = first_item(&mut records, map);
        Input { records, first, total, are_files }
    }

    /// The files that were named, or standard input where none was; data sets of the Hub are downloaded. `plan` lists
    /// what else the command reads and writes: no file is both.
    ///
    /// # Errors
    /// No file was named and standard input is a terminal, a file does not exist or cannot be downloaded, or an output is
    /// an input.
    pub(super) async fn sources(&self, plan: Plan, quiet: bool) -> Result<Vec<Source>> {
        if self.files.is_empty() && io::stdin().is_terminal() {
            return Err(Error::new(ErrorKind::Config, "no input file named")
                .hint("name a file, a folder or a pattern: tribunal judge answers.jsonl")
                .hint("`tribunal init` writes an example that runs at once")
                .hint("`tribunal judge --help` shows more examples"));
        }
        if self.files.is_empty() {
            reading(plan, &[Source::Stdin]).check()?;
            return Ok(vec![Source::Stdin]);
        }
        let local = data_sets::local(&self.files, quiet).await?;
        let found = records::find(&local.paths)?;
        // Set once: every command asks for its sources once.
        let _ = self.known.set(local.names);
        reading(plan, &found.sources).check()?;
        if !quiet {
            say_left_out(found.skipped);
        }
        Ok(found.sources)
    }

    /// The files as they were named; of data sets of the Hub with the commit that is read, once it is known.
    pub(super) fn names(&self) -> &[String] {
        self.known.get().unwrap_or(&self.files)
    }

    /// The chosen records of these sources.
    fn read(&self, sources: Vec<Source>) -> Records {
        let options = records::ReadOptions { format: self.input_format, delimiter: self.delimiter };
        let all = records::read(sources, options).take(self.limit.unwrap_or(usize::MAX));
        match self.sample {
            Some(count) => Box::new(records::sample(all, count, self.sample_seed).into_iter()),
            None => Box::new(all),
        }
    }

    /// The number of chosen records, where it can be counted at little cost.
    fn count(&self, sources: &[Source]) -> Option<u64> {
        let most = [self.limit, self.sample].into_iter().flatten().min();
        let most = most.map_or(u64::MAX, |most| most as u64);
        let mut total = 0;
        for source in sources {
            total += self.count_in(source)?;
            if total >= most {
                break;
            }
        }
        Some(total.min(most))
    }

    /// The number of records in one source; `None` where counting would cost too much.
    fn count_in(&self, source: &Source) -> Option<u64> {
        let Source::File(path) = source else { return None };
        let file = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let packed = path.extension().is_some_and(|end| end == "gz" || end == "zst");
        match self.input_format.unwrap_or_else(|| InputFormat::of(path)) {
            InputFormat::Text => Some(1),
            InputFormat::Jsonl if !packed => lines(path),
            // Other formats have to be parsed; a file of this size is parsed in less than a second.
            _ if file.len() > LARGEST_READ_TWICE && self.limit.is_none() => None,
            _ => {
                let options =
                    records::ReadOptions { format: self.input_format, delimiter: self.delimiter };
                let all = records::read(vec![source.clone()], options);
                Some(all.take(self.limit.unwrap_or(usize::MAX)).count() as u64)
            }
        }
    }
}

/// Number of records that may lack a mapped field before it counts as missing from all.
const LOOKED_AT: usize = 20;

/// The first record that can be read and has the mapped fields, or else the first that can be read; it stays among
/// the records.
fn first_item(records: &mut Records, map: &FieldMap) -> Option<Item> {
    let mut seen = Vec::new();
    let mut first: Option<Item> = None;
    for record in records.by_ref() {
        let item = record.item.as_ref().ok().cloned();
        seen.push(record);
        let Some(item) = item else { continue };
        if map.apply(&item).is_ok() {
            first = Some(item);
            break;
        }
        first.get_or_insert(item);
        if seen.len() >= LOOKED_AT {
            break;
        }
    }
    let rest = std::mem::replace(records, Box::new(std::iter::empty()));
    *records = Box::new(seen.into_iter().chain(rest));
    first
}

/// Whether all of them are regular files, and none is a pipe.
fn are_files(sources: &[Source]) -> bool {
    sources.iter().all(|source| matches!(source, Source::File(path) if path.is_file()))
}

/// The plan with these inputs.
pub(super) fn reading(plan: Plan, sources: &[Source]) -> Plan {
    sources.iter().fold(plan, |plan, source| match source {
        Source::Stdin => plan.reads_stdin(),
        Source::File(path) => plan.reads("an input", path),
    })
}

/// Lists files of a folder that are not read, one line for each reason.
fn say_left_out(mut files: Vec<(PathBuf, SkipReason)>) {
    const MOST: usize = 3;
    files.sort_by_key(|(_, why)| *why);
    for group in files.chunk_by(|(_, one), (_, other)| one == other) {
        let names = group.iter().take(MOST).map(|(path, _)| format!("`{}`", path.display()));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = match group.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        note(&format!("not read: {names}{more}: {}", group[0].1));
    }
}

/// Size in bytes of the largest file that is parsed only to count its records.
const LARGEST_READ_TWICE: u64 = 32 << 20;

/// The number of lines that are not blank.
fn lines(path: &std::path::Path) -> Option<u64> {
    use std::io::BufRead;
    // A pipe can be read only once.
    let file = tribunal::files::regular(path).ok()?;
    let mut file = io::BufReader::with_capacity(1 << 20, file);
    let (mut count, mut filled) = (0, false);
    loop {
        let bytes = file.fill_buf().ok()?;
        if bytes.is_empty() {
            return Some(count + u64::from(filled));
        }
        for &byte in bytes {
            if byte == b'\n' {
                count += u64::from(std::mem::take(&mut filled));
            } else {
                filled |= !byte.is_ascii_whitespace();
            }
        }
        let read = bytes.len();
        file.consume(read);
    }
}
