//! `tribunal agree`: how far a judge agrees with labels of people, and by what it may be biased.
//!
//! It reads lines of `tribunal judge`, compares each verdict with the label of its record, and prints the figures with
//! their intervals, then the disagreements. Rules of `--fail-under` and an earlier run of `--baseline` decide the exit
//! code. No model is asked.

use std::path::PathBuf;

use super::{Exit, calibrate::current, emit_figures, gates, input::reading, label_file, note};
use tribunal::{
    config::Pair,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    metrics::Gate,
    records::Source,
    report::{AgreementReport, AgreementSample, Labels, Significance},
    verdict::VerdictKind,
};

/// Compare the verdicts of a judge with labels of people.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal agree verdicts.jsonl --label gold
  tribunal agree verdicts.jsonl --labels people.jsonl --cluster question_id --show 20
  tribunal agree new.jsonl --label gold --baseline old.jsonl --fail-under 'agreement>=0.8@lower'")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl; - reads standard input.
    results: PathBuf,
    /// Field with the label of a record [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// Meaning of a word in that field, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// Records with the labels, joined by id.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Field that records of one group share, such as question_id.
    #[arg(long, value_name = "FIELD")]
    cluster: Option<String>,
    /// Handicap of people beside the judge [default: 0.2].
    #[arg(long, value_name = "E", value_parser = epsilon)]
    epsilon: Option<f64>,
    /// Number of disagreements to print.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Exit 1 if a figure breaks this, such as 'kappa>=0.6'.
    #[arg(long, value_name = "RULE")]
    fail_under: Vec<Gate>,
    /// Results of an earlier run: exit 1 on significant drops.
    #[arg(long, value_name = "RESULTS")]
    baseline: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `tribunal agree`.
///
/// # Errors
/// The input is not a file of results, no verdict can be compared with a label, or a rule names no figure.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let source = Source::named(&args.results);
    let baseline = args.baseline.as_ref().map(|path| Source::named(path));
    let labels = args.labels.as_ref().map(|path| Source::named(path));
    let all: Vec<Source> =
        [Some(source.clone()), baseline.clone(), labels.clone()].into_iter().flatten().collect();
    reading(Plan::default().writes_stdout(), &all).check()?;
    label_file::check_apart(args.labels.as_deref(), [&*args.results])?;
    let (labelled, mut failed) = labels.map(label_file::read).transpose()?.unwrap_or_default();
    let measured = |source: &Source| args.measured(source, &labelled);
    let (mut report, unread) = measured(&source)?;
    failed += unread;
    let Some(kind) = report.kind else { return Err(nothing(&report)) };
    // A number alone is about the agreement.
    let gates: Vec<Gate> = args
        .fail_under
        .iter()
        .map(|gate| match gate.share() {
            Some(_) => gate.clone().about("agreement"),
            None => gate.clone(),
        })
        .collect();
    let later = gates::checked(&gates, &report.figures, kind)?;
    report.figures = gates::joined(report.figures, later);
    let earlier = match &baseline {
        Some(source) => {
            let (report, unread) = measured(source)?;
            failed += unread;
            Some(report)
        }
        None => None,
    };
    if let Some(earlier) = &earlier {
        check_kinds(&report, earlier)?;
    }
    args.print(&report, earlier.as_ref())?;
    let is_worse = match &earlier {
        Some(earlier) => has_dropped(&report, earlier)?,
        None => false,
    };
    let is_low = gates::failed(&gates, &report.figures)?;
    Ok(match (failed, is_low || is_worse) {
        (1.., _) => Exit::Incomplete,
        (0, true) => Exit::GateFailed,
        (0, false) => Exit::Done,
    })
}

impl Args {
    /// The figures of a file of results, and how many lines could not be read.
    fn measured(
        &self,
        source: &Source,
        labelled: &[(String, Item)],
    ) -> Result<(AgreementReport, usize)> {
        let meanings =
            self.label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
        let labels = Labels::new(self.label.clone(), meanings);
        let mut sample = AgreementSample::new(labels).clustered_by(self.cluster.clone());
        sample = self.epsilon.into_iter().fold(sample, AgreementSample::epsilon);
        labelled.iter().for_each(|(id, item)| sample.label(id.clone(), item.clone()));
        let (lines, unread) = current(source, |line| line)?;
        let own = lines.first().and_then(|line| line.item.clone()).map(Item::from);
        let first = labelled.first().map(|(_, item)| item.clone()).or(own).unwrap_or_default();
        lines.into_iter().for_each(|line| sample.push(line));
        let report = sample.report(self.show);
        self.check(&report, &first).map_err(|error| error.within(source))?;
        Ok((report, unread))
    }

    /// Checks that the fields that were named are there; `first` is the first record.
    ///
    /// # Errors
    /// No verdict can be compared with a label, or no record has the field of clusters.
    fn check(&self, report: &AgreementReport, first: &Item) -> Result<()> {
        let missing = |field: &String| first.clone().mapped("label", field).err();
        if report.coverage.compared == 0 {
            let field = self.label.clone().unwrap_or_else(|| "label".to_owned());
            let coverage = &report.coverage;
            let has_labels = coverage.records == 0 || coverage.without_label < coverage.records;
            let missing = missing(&field).filter(|_| !has_labels);
            let hints = missing.iter().flat_map(|error| error.hints().to_vec());
            return Err(hints.fold(nothing(report), Error::hint));
        }
        match (&self.cluster, report.clusters) {
            (Some(field), None) => Err(missing(field).unwrap_or_else(|| {
                let message = format!("no compared record has the field `{field}`");
                Error::new(ErrorKind::Config, message)
            })),
            _ => Ok(()),
        }
    }

    /// Prints the report, and whether it differs from the earlier one.
    fn print(&self, report: &AgreementReport, earlier: Option<&AgreementReport>) -> Result<()> {
        let since = earlier.and_then(|earlier| report.since(earlier));
        let read = earlier.and_then(|earlier| report.readability_since(earlier));
        let text = if self.json {
            let mut all = report.to_json();
            if let Some(test) = since {
                all["baseline"] = test.to_json();
            }
            if let Some(test) = read {
                all["baseline_readable"] = test.to_json();
            }
            format!("{all:#}")
        } else {
            let mut text = report.to_string();
            if let Some(test) = since {
                text += &format!("\n\nagainst the baseline (the first): {test}");
            }
            if let Some(test) = read {
                text += &format!("\nrecords with a verdict in one run alone: {test}");
            }
            text
        };
        emit_figures(&text, self.json)
    }
}

/// A share from 0 to less than 1.
fn epsilon(text: &str) -> std::result::Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| (0.0..1.0).contains(number));
    number.ok_or_else(|| "write a number from 0 to less than 1, such as 0.1".to_owned())
}

/// The error where no verdict could be compared.
fn nothing(report: &AgreementReport) -> Error {
    let text = report.to_string();
    let first = text.lines().next().unwrap_or_default();
    let error = Error::new(ErrorKind::Config, format!("nothing to compare: {first}"));
    let coverage = &report.coverage;
    if coverage.unreadable + coverage.failed > 0 {
        return error.hint("a result without a verdict says why in `unreadable` or `error`: judge these records again");
    }
    error
        .hint("name the field with the right verdict of each record: --label FIELD")
        .hint("if the labels are in another file, name it: --labels FILE")
}

/// Checks that both runs have verdicts that agree with labels in the same sense: by their classes, or by their distance.
///
/// # Errors
/// One has numbers, and the other classes.
fn check_kinds(report: &AgreementReport, earlier: &AgreementReport) -> Result<()> {
    if report.classes.is_some() == earlier.classes.is_some() {
        return Ok(());
    }
    let kind = |of: &AgreementReport| of.kind.map_or("none", VerdictKind::name);
    let message = format!(
        "the baseline has verdicts of the kind `{}`, and these results of the kind `{}`",
        kind(earlier),
        kind(report)
    );
    Err(Error::new(ErrorKind::Config, message).hint("compare runs of the same kind of judge"))
}

/// Whether the agreement is less than in the earlier run, by more than chance; if so, it is printed.
///
/// # Errors
/// The two runs have no record in common.
fn has_dropped(report: &AgreementReport, earlier: &AgreementReport) -> Result<bool> {
    if let Some(test) = report.readability_since(earlier).filter(Significance::is_drop) {
        note(&format!("gate failed: fewer records have a verdict than in the baseline ({test})"));
        return Ok(true);
    }
    let Some(test) = report.since(earlier) else {
        let error = Error::new(ErrorKind::Config, "the baseline has no compared record in common");
        return Err(error.hint("records are matched by id: judge the same input for both files"));
    };
    if test.is_drop() {
        note(&format!("gate failed: the agreement is less than in the baseline ({test})"));
    }
    Ok(test.is_drop())
}
