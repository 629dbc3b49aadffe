//! `tribunal calibrate`: whether the probabilities of a judge are as often right as they say.
//!
//! It reads lines of `tribunal judge`, compares the probability in each with the label of its record, and prints the
//! figures. With `--method` it fits a map, which `-o` saves and `--calibration` applies. With `--agree` it fits the
//! thresholds of a cascade from the lines of each of its judges. No model is asked.

mod thresholds;

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Exit,
    input::reading,
    note,
    result_lines::{self, JudgeLines, emit_each, of_each, slim},
    width,
};
use tribunal::{
    config::Pair,
    error::{Error, ErrorKind, Result},
    files::Plan,
    line::ResultLine,
    records::Source,
    report::{
        CalibrationFigures, CalibrationReport, CalibrationSample, FitMethod, Fitted, LabelRule,
        Labels, Quantity, escaped,
    },
};

/// Measure and calibrate probabilities against labels.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal calibrate verdicts.jsonl --label gold
  tribunal calibrate verdicts.jsonl --label gold --method temperature -o map.json
  tribunal reparse verdicts.jsonl --calibration map.json > calibrated.jsonl
  tribunal calibrate small.jsonl large.jsonl --agree 0.9 --labels labelled.jsonl -o thresholds.json")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl; - reads standard input.
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// Field with the label of a record [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// Meaning of a word in that field, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// Number from which on a numeric label is positive.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = super::budget::finite)]
    threshold: Option<f64>,
    /// Label whose probability is `p` [default: from the results].
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,
    /// Prediction: p, score or steps [default: by kind].
    #[arg(long, value_enum, hide_possible_values = true, value_name = "WHAT")]
    of: Option<Quantity>,
    /// Map to fit: temperature, isotonic or platt.
    #[arg(long, value_enum, hide_possible_values = true, value_name = "METHOD")]
    method: Option<FitMethod>,
    /// Number of parts for cross-validation.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    folds: u16,
    /// Number of bins.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    bins: u16,
    /// Share of labels that a cascade must agree with.
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["method", "of", "positive", "threshold"], value_parser = super::budget::share)]
    agree: Option<f64>,
    /// Probability that the cascade agrees with fewer labels.
    #[arg(long, value_name = "P", default_value_t = 0.1, requires = "agree", value_parser = super::budget::share)]
    delta: f64,
    /// Records with the labels, if results lack them.
    #[arg(long, value_name = "FILE", requires = "agree")]
    labels: Option<PathBuf>,
    /// Prompt whose results are read, if there are several.
    #[arg(long, value_name = "PROMPT", conflicts_with = "agree")]
    judge: Option<String>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// File for the fitted map or thresholds.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `tribunal calibrate`.
///
/// # Errors
/// The input is not a file of results, no record has a prediction and a label, or the map cannot be fitted or saved.
pub(super) fn run(args: &Args) -> Result<Exit> {
    if let Some(agree) = args.agree {
        return thresholds::run(args, agree);
    }
    let [results] = args.results.as_slice() else {
        return Err(Error::new(ErrorKind::Config, "a map is fitted on the results of one judge")
            .hint("name one file, or add --agree 0.9 for the thresholds of a cascade"));
    };
    if args.output.is_some() && args.method.is_none() {
        return Err(Error::new(ErrorKind::Config, "--output needs a map to save")
            .hint("add --method temperature, or --agree 0.9 for the thresholds of a cascade"));
    }
    let source = Source::named(results);
    let plan = Plan::default().writes_stdout();
    let plan = args.output.iter().fold(plan, |plan, path| plan.writes("the map", path));
    reading(plan, std::slice::from_ref(&source)).check()?;
    let read = result_lines::read(&source, args.judge.as_deref(), slim)?;
    let failed = read.failed;
    let judges = if args.method.is_some() {
        let (lines, _) =
            read.of_one("a map is that of one", "name the prompt of one: --judge PROMPT")?;
        vec![JudgeLines { judge: String::new(), lines }]
    } else {
        read.judges
    };
    let found = of_each(judges, |lines| args.measured(&lines))?;
    emit_each(&found, args.json, CalibrationReport::to_json, |report| {
        report.shown(width::of_stdout())
    })?;
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Args {
    /// The report on the lines of one judge. A fitted map is saved.
    fn measured(&self, lines: &[ResultLine]) -> Result<CalibrationReport> {
        let sample = self.sample(lines);
        // A map is applied to what the model reports, so it is fitted on that.
        let (all, coverage) = sample.observations(self.method.is_some())?;
        if all.is_empty() {
            let has_none = coverage.without_p == coverage.records;
            let report = self.empty(&sample, coverage)?;
            let error = Error::new(ErrorKind::Config, format!("nothing to calibrate: {report}"));
            return Err(error.hint(if has_none {
                "these verdicts have no probabilities: judge with a model that gives them"
            } else {
                "name the field with the right verdict of each record: --label FIELD"
            }));
        }
        let bins = usize::from(self.bins);
        let fitted = self.method.map(|method| Fitted::new(method, &all, self.folds.into(), bins));
        let fitted = fitted.transpose()?;
        if let (Some(path), Some(fitted)) = (&self.output, &fitted) {
            let calibration = sample.calibration(fitted.map.clone(), coverage.used)?;
            save(path, &format!("{calibration}\n"))?;
            note(&format!(
                "wrote {}: apply it with --calibration",
                escaped(&path.display().to_string())
            ));
        }
        Ok(CalibrationReport { fitted, ..self.report(&sample, coverage, &all)? })
    }

    /// The sample of these lines.
    fn sample(&self, lines: &[ResultLine]) -> CalibrationSample {
        let rule = LabelRule::from(self.own_labels())
            .positive(self.positive.clone())
            .threshold(self.threshold);
        let mut sample = CalibrationSample::new(rule).of(self.of);
        lines.iter().for_each(|line| sample.push(line));
        sample
    }

    /// Where the labels of records are.
    fn own_labels(&self) -> Labels {
        let meanings =
            self.label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
        Labels::new(self.label.clone(), meanings)
    }

    /// The report without a map.
    fn report(
        &self,
        sample: &CalibrationSample,
        coverage: tribunal::report::Coverage,
        all: &[tribunal::report::Observation],
    ) -> Result<CalibrationReport> {
        let quantity = sample.quantity()?;
        let positive = match (quantity, self.threshold) {
            (_, Some(threshold)) => format!("label >= {threshold}"),
            (Quantity::P, None) => sample.positive_label()?,
            _ => "correct".to_owned(),
        };
        let figures = CalibrationFigures::new(all, self.bins.into());
        let bins = self.bins.into();
        Ok(CalibrationReport { quantity, positive, coverage, figures, bins, fitted: None })
    }

    /// The first line of the report on a sample that covers no record.
    fn empty(
        &self,
        sample: &CalibrationSample,
        coverage: tribunal::report::Coverage,
    ) -> Result<String> {
        let report = self.report(sample, coverage, &[])?.to_string();
        Ok(report.lines().next().unwrap_or_default().to_owned())
    }
}

/// Writes the map into a file.
fn save(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
    })
}
