//! Where results of `tribunal judge` are written, in which format, and what is printed meanwhile.
//!
//! | `-o` | `--format` | standard output | when |
//! |---|---|---|---|
//! | FILE | | nothing | lines one by one, tables and lists at the end |
//! | | `jsonl`, or a pipe | lines of JSON | as records end |
//! | | `pretty`, or a terminal | a table for people | as records end |
//! | | `json`, `csv`, `tsv` | one list or table | at the end |
//!
//! The library writes files of results, with their journal; this module writes what is printed, and the reports.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    console, emit, engines, fields::Watch, manifest, note, print_error, progress::Progress,
    rows::Rows,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    judge::Judge,
    line::ResultLine,
    metrics::Figure,
    models::Models,
    records::{self, Output, Record, ResultFormat, Written},
    report::{AgreementSample, Junit, Labels, RecordVerdict, Summary, escaped},
    run::{Finished, JudgeWork, Listener, Redo},
    units::counted,
};

/// Flags that choose where results are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// File for results: .jsonl, .json, .csv, .tsv or .parquet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format on standard output: jsonl, json, csv, tsv or pretty.
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Shape>,
    /// File for the summary of the run, as JSON.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    summary: Option<PathBuf>,
    /// File for a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Leave the input record out of its result line.
    #[arg(long, hide_short_help = true)]
    pub(super) no_item: bool,
    /// Print each critique as soon as it is complete.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Print no progress and no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Judge again the records that failed or were unreadable.
    #[arg(long, conflicts_with = "fresh")]
    retry_errors: bool,
    /// Judge all records again, and replace earlier results.
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
    /// The format that is written in one piece when all results are there.
    fn collected(self) -> Option<ResultFormat> {
        match self {
            Self::Jsonl | Self::Pretty => None,
            Self::Json => Some(ResultFormat::Json),
            Self::Csv => Some(ResultFormat::Csv),
            Self::Tsv => Some(ResultFormat::Tsv),
        }
    }
}

impl Args {
    /// The file of the run's manifest, if results are in a file.
    pub(super) fn manifest(&self) -> Option<PathBuf> {
        manifest::beside(self.output.as_ref()?)
    }

    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let manifest = self.manifest();
        let named = [("-o", &self.output), ("--summary", &self.summary), ("--junit", &self.junit)];
        let plan = writing_named(plan.writes_stdout(), named);
        let journal = self.output.as_deref().and_then(records::journal_of);
        plan.writes_beside("-o", manifest.as_deref()).writes_beside("-o", journal.as_deref())
    }

    /// Which records of an earlier run are judged again.
    pub(super) fn redo(&self) -> Redo {
        Redo::of_flags(self.fresh, self.retry_errors)
    }

    /// Opens everything that is written, before the first request: what is printed, and the file of results.
    ///
    /// # Errors
    /// A file cannot be written, or has content already.
    pub(super) fn open(
        &self,
        judge: Judge,
        progress: Progress,
        watch: Option<Watch>,
    ) -> Result<(Sink, Option<Output>)> {
        let terminal = io::stdout().is_terminal();
        let (target, output) = match (&self.output, self.format) {
            (Some(_), Some(_)) => {
                return Err(Error::new(ErrorKind::Config, "--format cannot be used with -o")
                    .hint("the file name sets the format, such as -o verdicts.csv"));
            }
            (Some(path), None) if self.fresh => (Target::File, Some(Output::replacing(path)?)),
            (Some(path), None) => (Target::File, Some(Output::to_file(path)?)),
            (None, Some(shape)) => match shape.collected() {
                Some(kind) => (Target::File, Some(Output::collected(kind, console::stdout())?)),
                None if shape == Shape::Pretty => (Target::Rows(Rows::new(terminal)), None),
                None => (Target::Lines, None),
            },
            (None, None) if terminal => (Target::Rows(Rows::new(true)), None),
            (None, None) => (Target::Lines, None),
        };
        let rule = judge.pass().map(ToString::to_string);
        let junit = self.junit.is_some().then(|| Junit::new(judge.prompt().name(), rule));
        let args = self.clone();
        let (verdicts, sample) = (None, None);
        let sink = Sink { target, junit, judge, progress, watch, args, verdicts, sample };
        Ok((sink, output))
    }
}

/// How results leave the program.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// A table for people, on standard output.
    Rows(Rows),
    /// A file, or standard output once all results are there.
    File,
}

/// Prints results as they end.
pub(super) struct Sink {
    target: Target,
    junit: Option<Junit>,
    judge: Judge,
    progress: Progress,
    watch: Option<Watch>,
    args: Args,
    /// The verdicts, if they are compared with those of another run.
    verdicts: Option<Vec<RecordVerdict>>,
    /// The verdicts with the labels of their records, if rules are about their agreement.
    sample: Option<AgreementSample>,
}

impl Listener<JudgeWork> for Sink {
    /// A record begins: it is checked for what the first one did not have.
    fn begun(&mut self, record: &Record) {
        if let (Some(watch), Ok(item)) = (&mut self.watch, &record.item) {
            watch.check(item, &record.place);
        }
    }

    /// A record ended: it is counted, and printed in the format that was asked for.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished, line: &ResultLine) -> Result<()> {
        self.progress.count(finished);
        // A row shows the error itself.
        let in_rows = matches!(self.target, Target::Rows(_));
        if let (Err(error), false, false) = (&finished.outcome, finished.kept, in_rows) {
            self.progress.aside(|| print_error(error));
        }
        if self.args.verbose && finished.outcome.is_ok() {
            self.progress.aside(|| note(&critique(finished)));
        }
        if let Some(junit) = &mut self.junit {
            junit.add(&finished.name(), line);
        }
        if let Some(verdicts) = &mut self.verdicts {
            verdicts.push(RecordVerdict::from(line));
        }
        if let Some(sample) = &mut self.sample {
            let mut line = line.clone();
            line.item = finished.item.as_ref().map(|item| item.record().clone());
            sample.push(line);
        }
        match &mut self.target {
            Target::Lines => self.progress.aside(|| emit(&mut io::stdout(), &line.to_string())),
            Target::Rows(rows) => {
                let (id, outcome) = (finished.id(), finished.outcome.as_ref());
                self.progress.aside(|| rows.add(finished.index, &id, outcome))
            }
            Target::File => Ok(()),
        }
    }

    /// No more records follow.
    fn over(&mut self) {
        self.progress.finish();
    }
}

impl Sink {
    /// From here on keeps the verdicts.
    pub(super) fn collect(&mut self) {
        self.verdicts = Some(Vec::new());
    }

    /// From here on keeps verdicts and labels, for figures of their agreement.
    pub(super) fn measure(&mut self, labels: Labels) {
        self.sample = Some(AgreementSample::new(labels));
    }

    /// The figures of the agreement of what was kept.
    pub(super) fn measured(&mut self) -> Vec<Figure> {
        self.sample.take().map(|sample| sample.report(0).figures).unwrap_or_default()
    }

    /// The verdicts that were kept.
    pub(super) fn collected(&mut self) -> Vec<RecordVerdict> {
        self.verdicts.take().unwrap_or_default()
    }

    /// Prints what the file of results holds, and writes the reports.
    ///
    /// # Errors
    /// A report cannot be written.
    pub(super) fn finish(
        self,
        summary: &Summary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        let judge = &self.judge;
        if let Target::Rows(mut rows) = self.target {
            rows.finish()?;
        }
        if let (Some(path), Some(left)) = (&self.args.output, left) {
            note_left(left, path, self.args.quiet);
        }
        if let (Some(junit), Some(path)) = (self.junit, &self.args.junit) {
            junit.write(create(path)?)?;
        }
        if let Some(watch) = self.watch {
            watch.print();
        }
        let mut figures = summary.to_json();
        figures["model"] = judge.backend().name().into();
        figures["prompt"] = json!({"name": judge.prompt().name(), "hash": judge.prompt_hash()});
        figures["pass_rule"] = judge.pass().map(ToString::to_string).into();
        write_summary(self.args.summary.as_deref(), figures, models)
    }
}

/// Writes the file of the summary, with the figures of the models, if there is to be one.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_summary(
    path: Option<&Path>,
    mut figures: Value,
    models: &Models,
) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    engines::keys(models).into_iter().for_each(|(key, value)| figures[key] = value);
    std::fs::write(path, format!("{figures:#}\n")).map_err(|cause| cannot_write(path, cause))
}

/// Prints which other lines the file of results holds, and where the results of an unfinished run are.
pub(super) fn note_left(left: &Written, path: &Path, quiet: bool) {
    if !left.is_final {
        let results = left.results.display();
        note(&format!(
            "finished results are in `{results}`; run the same command again to continue"
        ));
        return;
    }
    if quiet {
        return;
    }
    let holder = left.journal.as_deref().unwrap_or(path).display();
    if left.others > 0 {
        let count = left.others;
        note(&format!(
            "`{holder}` also holds {} of other records or of another judge: not counted",
            counted(count, "line")
        ));
    }
    if left.foreign > 0 {
        let are = if left.foreign == 1 { "is no result" } else { "are not results" };
        note(&format!("`{holder}` also holds {} that {are}", counted(left.foreign, "line")));
    }
    if left.journal.is_some() && left.others + left.foreign == 0 {
        note(&format!("kept `{holder}` next to the table, for --retry-errors"));
    }
}

/// The plan with the files that these flags name.
pub(super) fn writing_named<const N: usize>(
    plan: Plan,
    named: [(&'static str, &Option<PathBuf>); N],
) -> Plan {
    let named = named.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
    named.fold(plan, |plan, (flag, path)| plan.writes(flag, path))
}

/// Creates the file of a report.
pub(super) fn create(path: &Path) -> Result<std::fs::File> {
    std::fs::File::create(path).map_err(|cause| cannot_write(path, cause))
}

/// Opens the file for result lines that have no tables, if there is one; `what` names them in the error. With `fresh`,
/// earlier results are replaced.
///
/// # Errors
/// The file cannot be written, has content already, or has a format other than JSONL and JSON.
pub(super) fn open_lines(path: Option<&Path>, fresh: bool, what: &str) -> Result<Option<Output>> {
    let open = |path: &Path| match ResultFormat::of(path)? {
        ResultFormat::Jsonl | ResultFormat::Json if fresh => Output::replacing(path),
        ResultFormat::Jsonl | ResultFormat::Json => Output::to_file(path),
        _ => {
            let message = format!("cannot write {what} to `{}`: unknown format", path.display());
            Err(Error::new(ErrorKind::Config, message)
                .hint("name a file that ends in .jsonl or .json"))
        }
    };
    path.map(open).transpose()
}

/// The error for a report that cannot be written.
pub(super) fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}

/// A critique below the record's id and verdict, escaped line by line.
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
