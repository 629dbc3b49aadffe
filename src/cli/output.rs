//! Where results go, and in which shape.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::ValueEnum;
use terminal_size::{Width, terminal_size};

use super::{complain, emit, note, progress::Progress};
use crate::{
    error::{Error, ErrorKind, Result},
    judge::Judge,
    records::{Kind, Output},
    report::{Junit, Summary, Table, escaped},
    run::Finished,
};

/// Results, and what is said of them.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
pub(super) struct Args {
    /// Where results go: .jsonl, .json, .csv, .tsv or .parquet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// jsonl, json, csv, tsv or pretty [default: jsonl; pretty on a terminal].
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Shape>,
    /// Write the figures of the run to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Write a JUnit report to this file, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Leave the record out of its line.
    #[arg(long, hide_short_help = true)]
    pub(super) no_item: bool,
    /// Show each critique as it comes.
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// No progress and no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// One line of JSON per record.
    Jsonl,
    /// One short line per record, for people.
    Pretty,
    /// One list of JSON.
    Json,
    /// A table.
    Csv,
    /// A table with tabs.
    Tsv,
}

impl Shape {
    /// What must be written in one piece when all results are there.
    fn collected(self) -> Option<Kind> {
        match self {
            Self::Jsonl | Self::Pretty => None,
            Self::Json => Some(Kind::Json),
            Self::Csv => Some(Kind::Csv),
            Self::Tsv => Some(Kind::Tsv),
        }
    }
}

impl Args {
    /// Opens everything that results will be written to, before anything is paid for.
    ///
    /// # Errors
    /// A file cannot be written, or holds something already.
    pub(super) fn open(&self, prompt: &str) -> Result<Sink> {
        let terminal = io::stdout().is_terminal();
        let target = match (&self.output, self.format) {
            (Some(_), Some(_)) => {
                return Err(Error::new(ErrorKind::Config, "--format is for standard output")
                    .hint("the name behind -o says its format: -o verdicts.csv"));
            }
            (Some(path), None) => Target::File(Output::to_file(path)?),
            (None, Some(shape)) => match shape.collected() {
                Some(kind) => Target::Collected(Output::collected(kind)?),
                None if shape == Shape::Pretty => Target::Rows(rows(terminal)),
                None => Target::Lines,
            },
            (None, None) if terminal => Target::Rows(rows(true)),
            (None, None) => Target::Lines,
        };
        Ok(Sink {
            target,
            junit: self.junit.is_some().then(|| Junit::new(prompt)),
            args: self.clone(),
        })
    }
}

/// Rows as wide as the terminal; without one as wide as `COLUMNS` says.
fn rows(terminal: bool) -> Table {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let seen = terminal_size().map(|(Width(width), _)| usize::from(width)).filter(|_| terminal);
    let width = seen.or_else(columns).unwrap_or(Table::default().width);
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Table { width, colour }
}

/// Where results are going.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// Rows for people.
    Rows(Table),
    /// A file.
    File(Output),
    /// Standard output, when all are there.
    Collected(Output),
}

/// Takes results as they come.
pub(super) struct Sink {
    target: Target,
    junit: Option<Junit>,
    args: Args,
}

impl Sink {
    /// Writes one result at once.
    ///
    /// # Errors
    /// There is no room, or nobody reads any more.
    pub(super) fn take(
        &mut self,
        finished: &Finished,
        judge: &Judge,
        progress: &Progress,
    ) -> Result<()> {
        if let Err(error) = &finished.outcome {
            progress.aside(|| complain(error));
        }
        if self.args.verbose {
            progress.aside(|| note(&critique(finished)));
        }
        if let Some(junit) = &mut self.junit {
            junit.add(&finished.id(), finished.outcome.as_ref());
        }
        let line = || finished.line(judge, !self.args.no_item);
        match &mut self.target {
            Target::Lines => progress.aside(|| emit(&mut io::stdout(), &line().to_string())),
            Target::Rows(table) => {
                let row = table.row(&finished.id(), finished.outcome.as_ref());
                progress.aside(|| emit(&mut io::stdout(), &row))
            }
            Target::File(output) | Target::Collected(output) => output.add(finished.index, &line()),
        }
    }

    /// Puts the results into their order, and writes the reports.
    ///
    /// # Errors
    /// A file cannot be written: the error says where the results are.
    pub(super) fn finish(self, summary: &Summary, judge: &Judge) -> Result<()> {
        match self.target {
            Target::Lines | Target::Rows(_) => (),
            Target::File(output) => output.finish()?,
            Target::Collected(output) => output.finish_into(&mut io::stdout().lock())?,
        }
        if let (Some(junit), Some(path)) = (self.junit, &self.args.junit) {
            junit.write(create(path)?)?;
        }
        let Some(path) = &self.args.summary else { return Ok(()) };
        let mut figures = summary.to_json();
        figures["model"] = judge.backend().name().into();
        figures["prompt"] =
            serde_json::json!({"name": judge.prompt().name(), "hash": judge.prompt().hash()});
        figures["pass_rule"] = judge.pass().map(ToString::to_string).into();
        std::fs::write(path, format!("{figures:#}\n")).map_err(|cause| cannot_write(path, cause))
    }
}

fn create(path: &std::path::Path) -> Result<std::fs::File> {
    std::fs::File::create(path).map_err(|cause| cannot_write(path, cause))
}

fn cannot_write(path: &std::path::Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}

/// A critique under the name of its record, safe line by line.
fn critique(finished: &Finished) -> String {
    let (verdict, text) = match &finished.outcome {
        Ok(judgment) => match &judgment.verdict {
            Ok(verdict) => (verdict.to_string(), judgment.critique()),
            Err(why) => (format!("unreadable: {}", why.reason.name()), judgment.critique()),
        },
        Err(_) => ("failed".to_owned(), String::new()),
    };
    let lines = text.lines().map(|line| format!("   {}", escaped(line)));
    let heading = format!("── {}: {}", escaped(&finished.id()), escaped(&verdict));
    std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n")
}
