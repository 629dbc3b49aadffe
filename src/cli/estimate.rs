//! `tribunal estimate`: the rate or the mean that labels of all records would have, from a judge on all of them and labels
//! on some.
//!
//! It reads lines of `tribunal judge`, corrects their mean by the labels, and prints each estimate with its interval. No
//! model is asked.

use std::path::PathBuf;

use super::{
    Exit,
    input::reading,
    label_file,
    result_lines::{self, emit_each, of_each, slim},
    width,
};
use tribunal::{
    config::Pair,
    error::Result,
    files::Plan,
    records::Source,
    report::{Estimand, EstimateMethod, EstimateReport, EstimateSample, LabelRule, Labels},
};

/// Estimate rates and means of all records from labels of some.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal estimate verdicts.jsonl --label gold
  tribunal estimate verdicts.jsonl --labels labelled.jsonl --label gold
  tribunal estimate verdicts.jsonl --label stars --threshold 4 --method isotonic")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl; - reads standard input.
    results: PathBuf,
    /// Field with the label of a record [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// Records with the labels, if results lack them.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Meaning of a word in that field, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// What to estimate: pass, label, score, preference or steps [default: by kind].
    #[arg(long, value_enum, hide_possible_values = true, value_name = "WHAT")]
    of: Option<Estimand>,
    /// Label whose rate is estimated [default: the one for correct].
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,
    /// Number from which on scores and labels are positive.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = super::budget::finite)]
    threshold: Option<f64>,
    /// Method: prediction-powered, isotonic or rogan-gladen [default: all].
    #[arg(long, value_enum, hide_possible_values = true, value_name = "METHOD")]
    method: Option<EstimateMethod>,
    /// Prompt whose results are read, if there are several.
    #[arg(long, value_name = "PROMPT")]
    judge: Option<String>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `tribunal estimate`.
///
/// # Errors
/// The input is not a file of results, no label can be used, or every method refuses.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let source = Source::named(&args.results);
    let labels = args.labels.as_ref().map(|path| Source::named(path));
    let all: Vec<Source> = std::iter::once(source.clone()).chain(labels.clone()).collect();
    reading(Plan::default().writes_stdout(), &all).check()?;
    let meanings = args.label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
    let rule = LabelRule::from(Labels::new(args.label.clone(), meanings))
        .positive(args.positive.clone())
        .threshold(args.threshold);
    label_file::check_apart(args.labels.as_deref(), [&*args.results])?;
    let (labelled, unread) = labels.map(label_file::read).transpose()?.unwrap_or_default();
    let read = result_lines::read(&source, args.judge.as_deref(), slim)?;
    let failed = read.failed + unread;
    let ids = read.judges.iter().flat_map(|one| &one.lines).map(|line| line.id.as_str());
    let labelled = label_file::joined(labelled, ids);
    let found = of_each(read.judges, |lines| {
        let mut sample = EstimateSample::new(rule.clone()).of(args.of);
        labelled.iter().for_each(|(id, item)| sample.label(id.clone(), item.clone()));
        lines.into_iter().for_each(|line| sample.push(line));
        EstimateReport::new(&sample, args.method)
    })?;
    emit_each(&found, args.json, EstimateReport::to_json, |report| {
        report.shown(width::of_stdout())
    })?;
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}
