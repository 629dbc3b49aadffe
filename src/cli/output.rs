//! Where results go, and in which shape.

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::Value;
use terminal_size::{Width, terminal_size};

use super::{complain, emit, manifest, note, progress::Progress, rows::Rows, talk};
use crate::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    judge::Judge,
    line::{ResultLine, VoteLine},
    records::{self, Earlier, Kind, Line, Output, Record},
    report::{Junit, Summary, Table, escaped},
    run::{Finished, Known, Takes},
};

/// Results, and what is said of them.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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
    /// Judge again what failed or could not be read in the file behind -o.
    #[arg(long, conflicts_with = "fresh")]
    retry_errors: bool,
    /// Judge everything again, and replace a finished table.
    #[arg(long)]
    fresh: bool,
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
    /// Where the run says what it was, if its results are in a file.
    pub(super) fn manifest(&self) -> Option<PathBuf> {
        manifest::beside(self.output.as_ref()?)
    }

    /// The plan with all that is written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let manifest = self.manifest();
        let named = [("-o", &self.output), ("--summary", &self.summary), ("--junit", &self.junit)];
        let named = named.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
        let plan = named.fold(plan.writes_stdout(), |plan, (what, path)| plan.writes(what, path));
        let journal = self.output.as_deref().and_then(records::journal_of);
        plan.writes_beside("-o", manifest.as_deref()).writes_beside("-o", journal.as_deref())
    }

    /// Opens everything that results will be written to, before anything is paid for.
    ///
    /// # Errors
    /// A file cannot be written, or holds something already.
    pub(super) fn open(&self, judge: Judge, progress: Progress) -> Result<Sink> {
        let terminal = io::stdout().is_terminal();
        let target = match (&self.output, self.format) {
            (Some(_), Some(_)) => {
                return Err(Error::new(ErrorKind::Config, "--format is for standard output")
                    .hint("the name behind -o says its format: -o verdicts.csv"));
            }
            (Some(path), None) if self.fresh => Target::File(Output::replacing(path)?),
            (Some(path), None) => Target::File(Output::to_file(path)?),
            (None, Some(shape)) => match shape.collected() {
                Some(kind) => Target::Collected(Output::collected(kind)?),
                None if shape == Shape::Pretty => rows(terminal),
                None => Target::Lines,
            },
            (None, None) if terminal => rows(true),
            (None, None) => Target::Lines,
        };
        let rule = judge.pass().map(ToString::to_string);
        let junit = self.junit.is_some().then(|| Junit::new(judge.prompt().name(), rule));
        Ok(Sink { target, junit, earlier: HashMap::new(), judge, progress, args: self.clone() })
    }
}

/// Rows as wide as the terminal; without one as wide as `COLUMNS` says.
fn rows(terminal: bool) -> Target {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let seen = terminal_size().map(|(Width(width), _)| usize::from(width)).filter(|_| terminal);
    let width = seen.or_else(columns).unwrap_or(Table::default().width);
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Target::Rows(Rows::new(Table { width, colour }, terminal))
}

/// Where results are going.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// Rows for people.
    Rows(Rows),
    /// A file.
    File(Output),
    /// Standard output, when all are there.
    Collected(Output),
}

/// Takes results as they come.
pub(super) struct Sink {
    target: Target,
    junit: Option<Junit>,
    /// The lines of an earlier run whose records are being judged or read again.
    earlier: HashMap<usize, Earlier>,
    judge: Judge,
    progress: Progress,
    args: Args,
}

impl Takes for Sink {
    fn known(&mut self, record: &Record) -> Known {
        let Target::File(output) = &mut self.target else { return Known::Nothing };
        let (id, item) = (record.place.clone(), record.item.as_ref().ok());
        let key = match item {
            Some(item) => self.judge.line_key(item),
            None => Line::key_without_record(&id),
        };
        let Some(earlier) = output.earlier(&key) else { return Known::Nothing };
        let known = self.args.known(&earlier.line);
        self.earlier.insert(record.index, earlier);
        known
    }

    /// Writes one result at once.
    fn finished(&mut self, finished: Finished) -> Result<()> {
        self.progress.count(&finished);
        // A row says for itself what failed.
        let in_rows = matches!(self.target, Target::Rows(_));
        if let (Err(error), false, false) = (&finished.outcome, finished.kept, in_rows) {
            self.progress.aside(|| complain(error));
        }
        if self.args.verbose && finished.outcome.is_ok() {
            self.progress.aside(|| note(&critique(&finished)));
        }
        if let Some(junit) = &mut self.junit {
            junit.add(&finished.name(), &finished.line(&self.judge, false));
        }
        let line = || finished.line(&self.judge, !self.args.no_item);
        match &mut self.target {
            Target::Lines => self.progress.aside(|| emit(&mut io::stdout(), &line().to_string())),
            Target::Rows(rows) => self.progress.aside(|| rows.add(&finished)),
            Target::Collected(output) => output.add(finished.index, &line()),
            Target::File(output) => match self.earlier.remove(&finished.index) {
                None => output.add(finished.index, &line()),
                Some(earlier) if finished.kept => {
                    if let Some(line) = read_again(&earlier.line, line(), finished.index) {
                        return output.replace(finished.index, &earlier, &line);
                    }
                    output.keep(finished.index, &earlier);
                    Ok(())
                }
                Some(earlier) => output.replace(finished.index, &earlier, &line()),
            },
        }
    }
}

/// The line of a record whose texts were read again; none if the earlier one says the same.
fn read_again(earlier: &Value, mut line: ResultLine, index: usize) -> Option<ResultLine> {
    let earlier = ResultLine::read(earlier.to_string()).ok()?;
    let is_there = earlier.index == index && earlier.prompt.reading == line.prompt.reading;
    // A failure is kept as it was: reading it as an error loses its class.
    line.error = earlier.error.clone().or(line.error);
    line.took_as(&earlier);
    (!is_there).then_some(line)
}

impl Args {
    /// What a line of an earlier run is good for.
    fn known(&self, line: &Value) -> Known {
        let Ok(line) = ResultLine::read(line.to_string()) else { return Known::Nothing };
        let ResultLine { votes, mark, unreadable, error, .. } = line;
        let reask = |votes: Option<Vec<VoteLine>>| {
            1 + votes.iter().flatten().map(|vote| vote.reask).max().unwrap_or(0)
        };
        match (error, unreadable) {
            _ if self.fresh => Known::Nothing,
            (Some(_), _) if self.retry_errors => Known::Nothing,
            // Of whatever class it was, it does not end this run.
            (Some(error), _) => Known::Failed(Error::new(ErrorKind::Record, error.message)),
            (None, Some(_)) if self.retry_errors => Known::Unusable { reask: reask(votes) },
            (None, _) => votes.map_or(Known::Nothing, |votes| Known::Texts { votes, mark }),
        }
    }
}

impl Sink {
    /// Puts the results into their order, and writes the reports.
    ///
    /// # Errors
    /// A file cannot be written: the error says where the results are.
    pub(super) fn finish(self, summary: &Summary) -> Result<()> {
        let judge = &self.judge;
        self.progress.finish();
        match self.target {
            Target::Lines => (),
            Target::Rows(mut rows) => rows.finish()?,
            Target::File(output) if summary.stopped => {
                note(&format!(
                    "what was judged is in `{}`; the same command goes on",
                    output.kept_in().display()
                ));
            }
            Target::File(output) => finish(output, self.args.output.as_deref(), self.args.quiet)?,
            Target::Collected(output) => output.finish_into(&mut *talk::stdout())?,
        }
        if let (Some(junit), Some(path)) = (self.junit, &self.args.junit) {
            junit.write(create(path)?)?;
        }
        let Some(path) = &self.args.summary else { return Ok(()) };
        let mut figures = summary.to_json();
        figures["model"] = judge.backend().name().into();
        figures["prompt"] =
            serde_json::json!({"name": judge.prompt().name(), "hash": judge.prompt_hash()});
        figures["pass_rule"] = judge.pass().map(ToString::to_string).into();
        std::fs::write(path, format!("{figures:#}\n")).map_err(|cause| cannot_write(path, cause))
    }
}

/// Puts results into their order, and says what else is in their file.
pub(super) fn finish(mut output: Output, path: Option<&Path>, quiet: bool) -> Result<()> {
    let (others, foreign) = output.others();
    let path = path.unwrap_or(output.kept_in()).display().to_string();
    output.finish()?;
    if others > 0 && !quiet {
        note(&format!(
            "`{path}` keeps {others} lines of other records or another judge, which are not counted"
        ));
    }
    if foreign > 0 && !quiet {
        note(&format!("`{path}` keeps {foreign} lines that are not results"));
    }
    Ok(())
}

fn create(path: &Path) -> Result<std::fs::File> {
    std::fs::File::create(path).map_err(|cause| cannot_write(path, cause))
}

fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}

/// A critique under the name of its record, safe line by line.
fn critique(finished: &Finished) -> String {
    let (verdict, text) = match &finished.outcome {
        Ok(judgment) => match &judgment.verdict {
            Ok(verdict) => (verdict.to_string(), judgment.critique()),
            Err(why) => (format!("unreadable: {}", why.reason.name()), judgment.critique()),
        },
        Err(error) => ("failed".to_owned(), error.to_string()),
    };
    let lines = text.lines().map(|line| format!("   {}", escaped(line)));
    let heading = format!("── {}: {}", escaped(&finished.id()), escaped(&verdict));
    std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n")
}
