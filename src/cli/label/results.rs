//! The results of `tribunal label`: lines of labels, and training data made of them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::super::{
    lines::{self, Lines},
    note, output,
    progress::Progress,
};
use tribunal::{
    error::{Error, Result},
    files::Plan,
    models::Models,
    records::{LabelLine, Output, TrainingFormat, Written},
    report::LabelSummary,
    run::{Finished, LabelDone, LabelWork, Listener},
    strategy::label::LabelOptions,
    units::counted,
};

/// Flags that choose where labels are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) lines: lines::Args,
    /// File for training data, as lines of JSON.
    #[arg(long, value_name = "FILE")]
    training: Option<PathBuf>,
    /// Format of training data: trl or prm800k [default: trl].
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        requires = "training"
    )]
    training_format: Option<TrainingFormat>,
}

impl Args {
    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        output::writing_named(self.lines.writing(plan), [("--training", &self.training)])
    }

    /// Opens everything that is written, before the first request.
    ///
    /// # Errors
    /// A file cannot be written, has content already, or has an unknown format.
    pub(super) fn open(
        &self,
        progress: Progress,
        options: LabelOptions,
        parts: Value,
    ) -> Result<(Results, Option<Output>)> {
        let (lines, output) = self.lines.open("labels", progress, parts)?;
        let training = self.training.as_deref().map(output::create).transpose()?;
        let training = training.map(|file| Training {
            options,
            file: BufWriter::new(file),
            format: self.training_format.unwrap_or(TrainingFormat::Trl),
            waiting: BTreeMap::new(),
            next: 0,
            written: 0,
            left_out: 0,
        });
        Ok((Results { training, lines, args: self.clone() }, output))
    }
}

/// Prints labels as they end, and writes training data.
pub(super) struct Results {
    training: Option<Training>,
    lines: Lines,
    args: Args,
}

/// The file of training data, in the order of the input.
struct Training {
    /// How solutions are cut into steps.
    options: LabelOptions,
    file: BufWriter<File>,
    format: TrainingFormat,
    /// Records that ended before one that comes earlier in the input; `None` for each that is left out.
    waiting: BTreeMap<usize, Option<String>>,
    /// The index of the record to be written next.
    next: usize,
    written: usize,
    left_out: usize,
}

impl Training {
    /// Adds a labelled solution, if its steps have labels without a gap.
    fn add(&mut self, finished: &Finished<LabelDone>, line: &LabelLine) -> io::Result<()> {
        let labels = line.result.verdict.steps.as_deref().unwrap_or_default();
        let record = finished
            .item
            .as_ref()
            .and_then(|item| self.format.record(item, &self.options.steps(item), labels));
        self.waiting.insert(finished.index, record.map(|record| record.to_string()));
        while let Some(record) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.write(record)?;
        }
        Ok(())
    }

    /// Writes what waits for records that were not tried.
    fn finish(&mut self) -> io::Result<()> {
        for (_, record) in std::mem::take(&mut self.waiting) {
            self.write(record)?;
        }
        self.file.flush()
    }

    fn write(&mut self, record: Option<String>) -> io::Result<()> {
        let Some(record) = record else {
            self.left_out += 1;
            return Ok(());
        };
        self.written += 1;
        writeln!(self.file, "{record}")
    }
}

impl Listener<LabelWork> for Results {
    /// A record ended: it is counted, printed if there is no file, and added to the training data.
    ///
    /// # Errors
    /// Standard output or the training data cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<LabelDone>, line: &LabelLine) -> Result<()> {
        if let Some(training) = &mut self.training {
            training.add(finished, line).map_err(|cause| self.args.cannot_write_training(cause))?;
        }
        self.lines.add(finished, line)
    }

    /// No more records follow.
    fn over(&mut self) {
        self.lines.progress.finish();
    }
}

impl Args {
    fn cannot_write_training(&self, cause: io::Error) -> Error {
        output::cannot_write(self.training.as_deref().unwrap_or(Path::new("")), cause)
    }
}

impl Results {
    /// Prints where the results are, and writes the figures.
    ///
    /// # Errors
    /// The training data or the figures cannot be written.
    pub(super) fn finish(
        self,
        summary: &LabelSummary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        self.lines.note_left(left);
        if let Some(mut training) = self.training {
            training.finish().map_err(|cause| self.args.cannot_write_training(cause))?;
            if training.left_out > 0 && !self.args.lines.quiet {
                note(&format!(
                    "in the training data: {}; {} without labels for all steps up to the first error left out",
                    counted(training.written, "solution"),
                    training.left_out
                ));
            }
        }
        self.lines.write_summary(summary.to_json(), models)
    }
}
