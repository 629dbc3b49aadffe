//! `tribunal report`: results as one page, and the same for pull requests, tables, CI and telemetry.
//!
//! It reads lines of `judge`, `revise`, `rank`, `search` and `label`, and asks no model. Everything that it shows is made
//! by the library; this file finds the lines and writes the result.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::Value;

use super::{Exit, console, emit, input::reading, manifest, note, output, print_error, requests};
use tribunal::{
    config::Pair,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    records::{self, AnyLine, End, LineOwner, Output, ResultFormat, Source, is_report},
    report::{Junit, Labels, Report, ReportOptions, RunFile, escaped},
    units::counted,
};

/// Show results as a page, with charts and every record.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal report verdicts.jsonl --open
  tribunal report before.jsonl after.jsonl --label gold -o comparison.html
  tribunal report verdicts.jsonl --format markdown >> summary.md")]
pub(super) struct Args {
    /// Results of any command, as .jsonl.
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// File for the report [default: report.html].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format: html, markdown, csv, junit or otel.
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORMAT")]
    format: Option<Format>,
    /// Field with the label of a record [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// Meaning of a word in that field, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// Field by which records are grouped.
    #[arg(long, value_name = "FIELD")]
    group: Option<String>,
    /// Records whose requests are rebuilt and shown.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    requests: usize,
    /// Leave out the texts of records and judges.
    #[arg(long)]
    no_items: bool,
    /// Open the page in the browser.
    #[arg(long)]
    open: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page.
    Html,
    /// The first screen, for a pull request.
    #[value(alias = "md")]
    Markdown,
    /// A table with one row per record.
    Csv,
    /// Test cases for CI.
    Junit,
    /// Events of OpenTelemetry, as lines of JSON.
    Otel,
}

/// The file of a page, if none is named.
const PAGE: &str = "report.html";

/// Runs `tribunal report`.
///
/// # Errors
/// A file cannot be read or holds no results, or the report cannot be written.
pub(super) async fn run(args: &Args) -> Result<Exit> {
    let format = args.format()?;
    let path = args.path(format)?;
    let sources: Vec<Source> = args.results.iter().map(|path| Source::named(path)).collect();
    let plan = path.iter().fold(Plan::default(), |plan, path| plan.writes("-o", path));
    let plan = if path.is_none() { plan.writes_stdout() } else { plan };
    reading(plan, &sources).check()?;
    let mut failed = 0;
    let mut files = Vec::new();
    for source in &sources {
        let (file, unread) = file(source)?;
        failed += unread;
        files.push(file);
    }
    check_field("--label", args.label.as_deref(), &files)?;
    check_field("--group", args.group.as_deref(), &files)?;
    if format == Format::Html && !args.no_items {
        let trees = requests::trees(&files);
        for file in &mut files {
            requests::add(file, &trees, args.requests).await;
        }
    }
    let rules: Vec<Option<String>> = files.iter().map(pass_rule).collect();
    let report = Report::new(args.options(), files);
    if report.is_empty() {
        return Err(Error::new(ErrorKind::Record, "the files hold no results")
            .hint("name files that `tribunal judge -o` wrote as .jsonl"));
    }
    write(&report, format, path.as_deref(), rules.into_iter().next().flatten())?;
    if let Some(path) = &path {
        note(&format!("wrote {} on {}", path.display(), counted(report.len(), "record")));
    }
    if let (true, Some(path)) = (args.open, &path) {
        open(path);
    }
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Args {
    /// The format: the one that is named, or that of the name of the file.
    fn format(&self) -> Result<Format> {
        let end = self.output.as_deref().and_then(Path::extension).and_then(|end| end.to_str());
        let of_name = match end.map(str::to_lowercase).as_deref() {
            None | Some("html" | "htm") => Some(Format::Html),
            Some("md" | "markdown") => Some(Format::Markdown),
            Some("csv") => Some(Format::Csv),
            Some("xml") => Some(Format::Junit),
            Some("jsonl") => Some(Format::Otel),
            Some(_) => None,
        };
        let format = self.format.or(of_name).ok_or_else(|| {
            let message = "the name of the file does not tell the format of the report";
            Error::new(ErrorKind::Config, message)
                .hint("end it in .html, .md, .csv, .xml or .jsonl, or add --format")
        })?;
        if self.open && format != Format::Html {
            let error = Error::new(ErrorKind::Config, "--open is for pages only");
            return Err(error.hint("leave out --format"));
        }
        Ok(format)
    }

    /// The file to write; `None` for standard output. Only an earlier report is replaced.
    ///
    /// # Errors
    /// The file exists, and is anything else.
    fn path(&self, format: Format) -> Result<Option<PathBuf>> {
        let usual = || (format == Format::Html).then(|| PathBuf::from(PAGE));
        let Some(path) = self.output.clone().or_else(usual) else { return Ok(None) };
        if !path.is_file() || is_report(&path) {
            return Ok(Some(path));
        }
        // A table may hold the only results of a run.
        let what = if format == Format::Csv {
            "exists already"
        } else {
            "exists already, and is not a report of Tribunal"
        };
        let message = format!("`{}` {what}", path.display());
        Err(Error::new(ErrorKind::Config, message)
            .hint("name another file with -o, or delete this one first"))
    }

    fn options(&self) -> ReportOptions {
        let meanings =
            self.label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
        ReportOptions {
            labels: Labels::new(self.label.clone(), meanings),
            group: self.group.clone(),
            with_items: !self.no_items,
            command: manifest::command_line(
                std::env::args_os().map(|word| word.to_string_lossy().into_owned()),
            )
            .join(" "),
        }
    }
}

/// The current lines of a file, what is known about it, and how many lines could not be read.
fn file(source: &Source) -> Result<(RunFile, usize)> {
    let (mut owners, mut lines, mut failed) =
        (Vec::new(), Vec::new(), console::FewErrors::default());
    let manifest = manifest_of(source);
    let rated = manifest.as_ref().and_then(|run| run["rated"]["prompt"]["hash"].as_str());
    for (number, line) in records::lines(source)? {
        let place = format!("{source}:{number}");
        match line.and_then(|line| Ok((LineOwner::of(&line), AnyLine::read(&line)?))) {
            Ok((owner, line)) => {
                owners.push((owner, rated.is_some_and(|hash| is_by(&line, hash))));
                lines.push(line);
            }
            Err(error) => failed.print(&error.within(&place)),
        }
    }
    let failed = failed.ended("lines");
    let counts = records::current_of_two(&owners);
    let others = counts.iter().filter(|counts| !**counts).count();
    if others > 0 {
        note(&escaped(&format!(
            "{source}: left out {} of another judge or of older records",
            counted(others, "line")
        )));
    }
    let lines = lines.into_iter().zip(counts).filter_map(|(line, counts)| counts.then_some(line));
    let mut file =
        RunFile { name: source.to_string(), lines: lines.collect(), ..RunFile::default() };
    if let Source::File(path) = source {
        file.written = path.metadata().and_then(|meta| meta.modified()).ok();
    }
    file.manifest = manifest;
    Ok((file, failed))
}

/// The manifest beside a file of results.
fn manifest_of(source: &Source) -> Option<Value> {
    let Source::File(path) = source else { return None };
    serde_json::from_slice(&fs::read(manifest::beside(path)?).ok()?).ok()
}

/// Whether a line was made with the prompt of this hash. A benchmark may rate some answers by another prompt.
fn is_by(line: &AnyLine, hash: &str) -> bool {
    matches!(line, AnyLine::Judged(line) if line.prompt.hash == hash)
}

/// Checks that at least one record has the field that a flag names.
///
/// # Errors
/// None has it: the error names the fields of the first record.
fn check_field(flag: &str, field: Option<&str>, files: &[RunFile]) -> Result<()> {
    let Some(field) = field else { return Ok(()) };
    let lines = files.iter().flat_map(|file| &file.lines);
    let mut items = lines.filter_map(|line| line.item().cloned().map(Item::from)).peekable();
    let Some(first) = items.peek() else {
        let error = Error::new(ErrorKind::Record, format!("{flag}: the results hold no records"));
        return Err(error.hint("make them without --no-item"));
    };
    let names = first.record().keys().map(|name| format!("`{name}`"));
    let names = names.collect::<Vec<_>>().join(", ");
    if items.any(|item| item.at(field).is_ok()) {
        return Ok(());
    }
    let message = format!("{flag}: no record has the field `{field}`");
    Err(Error::new(ErrorKind::Record, message).hint(format!("the first one has {names}")))
}

/// The pass rule of a run, if its manifest is there.
fn pass_rule(file: &RunFile) -> Option<String> {
    file.manifest.as_ref()?.get("pass")?.as_str().map(ToOwned::to_owned)
}

/// Writes the report into a file, or to standard output.
fn write(report: &Report, format: Format, path: Option<&Path>, rule: Option<String>) -> Result<()> {
    match format {
        Format::Html => text(path, &report.html()?),
        Format::Markdown => {
            // A file says in a comment that it is a report, and may be replaced by the next one.
            let mark = path.map(|_| records::REPORT).unwrap_or_default();
            text(path, &format!("{mark}{}", report.markdown().trim_end()))
        }
        Format::Otel => {
            let lines: Vec<String> = report.events().collect();
            text(path, &lines.join("\n"))
        }
        Format::Csv => {
            let to: Box<dyn Write + Send> = match path {
                Some(path) => Box::new(output::create(path)?),
                None => console::stdout(),
            };
            let mut table = Output::collected(ResultFormat::Csv, to)?;
            for (index, line) in report.results().enumerate() {
                table.add(index, line)?;
            }
            table.finish(&End::Whole, true).map(drop)
        }
        Format::Junit => {
            let name = report.results().next().map(|line| line.prompt.name.clone());
            let mut junit = Junit::new(&name.unwrap_or_default(), rule);
            report.results().for_each(|line| junit.add(&line.id, line));
            match path {
                Some(path) => junit.write(output::create(path)?),
                None => junit.write(console::stdout()),
            }
        }
    }
}

/// Writes a text into a file, or prints it.
fn text(path: Option<&Path>, text: &str) -> Result<()> {
    let Some(path) = path else { return emit(&mut io::stdout(), text) };
    let mut file: File = output::create(path)?;
    writeln!(file, "{text}").map_err(|cause| output::cannot_write(path, cause))
}

/// Opens the page in the browser. The report is there whether or not one is found.
fn open(path: &Path) {
    // A name may begin like a flag or an address; a whole path does not.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Err(cause) = opener::open(whole) {
        let error = Error::new(ErrorKind::Io, "cannot open the page in a browser").because(cause);
        print_error(&error.hint(format!("open `{}` yourself", path.display())));
    }
}
