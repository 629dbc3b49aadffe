//! `tribunal agree`: how far a judge agrees with labels of people, and by what it may be biased.
//!
//! It reads lines of `tribunal judge`, compares each verdict with the label of its record, and prints the figures with
//! their intervals, then the disagreements. Rules of `--fail-under` and an earlier run of `--baseline` decide the exit
//! code. No model is asked.

use std::path::PathBuf;

use serde_json::Value;

use super::{
    Exit, gates,
    input::reading,
    label_file, note,
    result_lines::{self, emit_each, of_each},
    width,
};
use tribunal::{
    config::Pair,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    metrics::Gate,
    records::Source,
    report::{AgreementReport, AgreementSample, Labels, Significance, escaped},
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
    /// Prompt whose results are read, if there are several.
    #[arg(long, value_name = "PROMPT")]
    judge: Option<String>,
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
    let (reports, unread) = args.measured(&source, &labelled, |sample| sample.report(args.show))?;
    failed += unread;
    // A number alone is about the agreement.
    let gates: Vec<Gate> = args
        .fail_under
        .iter()
        .map(|gate| match gate.share() {
            Some(_) => gate.clone().about("agreement"),
            None => gate.clone(),
        })
        .collect();
    let mut judges = checked(reports, &gates)?;
    if let Some(source) = &baseline {
        let (earlier, unread) = args.measured(source, &labelled, AgreementSample::outcomes)?;
        failed += unread;
        beside(&mut judges, earlier).map_err(|error| error.within(source))?;
    }
    emit_each(&judges, args.json, Measured::to_json, Measured::shown)?;
    let several = judges.len() > 1;
    let mut is_worse = false;
    for (judge, measured) in &judges {
        let of = if several { format!("judge `{}`: ", escaped(judge)) } else { String::new() };
        is_worse |= measured.has_dropped(&of)?;
        is_worse |= gates::failed(&measured.gates, &measured.report.figures, &of)?;
    }
    Ok(match (failed, is_worse) {
        (1.., _) => Exit::Incomplete,
        (0, true) => Exit::GateFailed,
        (0, false) => Exit::Done,
    })
}

/// The figures of one judge, what they are compared with, and the rules that they must keep.
struct Measured {
    report: AgreementReport,
    earlier: Option<AgreementReport>,
    /// The agreement against that of the earlier run.
    since: Option<Significance>,
    gates: Vec<Gate>,
}

/// The figures of each judge with the rules on them. Where there are several judges, a rule is about those that can have
/// its figure.
///
/// # Errors
/// A rule is about a figure that no judge can have.
fn checked(
    reports: Vec<(String, AgreementReport)>,
    gates: &[Gate],
) -> Result<Vec<(String, Measured)>> {
    let mut judges = Vec::new();
    let mut errors: Vec<Option<Error>> = gates.iter().map(|_| None).collect();
    let mut fit = vec![false; gates.len()];
    for (judge, mut report) in reports {
        let Some(kind) = report.kind else { return Err(nothing(&report)) };
        let mut own = Vec::new();
        for (place, gate) in gates.iter().enumerate() {
            match gates::checked(std::slice::from_ref(gate), &report.figures, kind) {
                Ok(later) => {
                    report.figures = gates::joined(report.figures, later);
                    own.push(gate.clone());
                    fit[place] = true;
                }
                Err(error) => {
                    errors[place].get_or_insert(error);
                }
            }
        }
        judges.push((judge, Measured { report, earlier: None, since: None, gates: own }));
    }
    let refused = errors.into_iter().zip(fit).find_map(|(error, fit)| error.filter(|_| !fit));
    refused.map_or(Ok(judges), Err)
}

/// Puts the figures of an earlier run beside those of each judge: of several judges, those of the same prompt.
///
/// # Errors
/// The earlier run lacks a judge, or its verdicts are of another kind.
fn beside(
    judges: &mut [(String, Measured)],
    mut earlier: Vec<(String, AgreementReport)>,
) -> Result<()> {
    let is_alone = judges.len() == 1 && earlier.len() == 1;
    for (judge, measured) in judges {
        let place = earlier.iter().position(|(name, _)| is_alone || name == judge);
        let Some(place) = place else {
            let message = format!("no result that can be compared is of the prompt `{judge}`");
            return Err(Error::new(ErrorKind::Config, message)
                .hint("compare with a run of the same prompts, or name the prompt that both have: --judge PROMPT"));
        };
        let (_, report) = earlier.swap_remove(place);
        check_kinds(&measured.report, &report)?;
        measured.since = measured.report.since(&report);
        measured.earlier = Some(report);
    }
    Ok(())
}

impl Args {
    /// The figures of each judge of a file of results, and how many lines could not be read.
    fn measured(
        &self,
        source: &Source,
        labelled: &[(String, Item)],
        report: impl Fn(&AgreementSample) -> AgreementReport,
    ) -> Result<(Vec<(String, AgreementReport)>, usize)> {
        let meanings =
            self.label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
        let labels = Labels::new(self.label.clone(), meanings);
        let read = result_lines::read(source, self.judge.as_deref(), |line| line)?;
        let ids = read.judges.iter().flat_map(|one| &one.lines).map(|line| line.id.as_str());
        let labelled = label_file::joined(labelled.to_vec(), ids);
        let reports = of_each(read.judges, |lines| {
            let mut sample =
                AgreementSample::new(labels.clone()).clustered_by(self.cluster.clone());
            sample = self.epsilon.into_iter().fold(sample, AgreementSample::epsilon);
            labelled.iter().for_each(|(id, item)| sample.label(id.clone(), item.clone()));
            let own = lines.first().and_then(|line| line.item.clone()).map(Item::from);
            let first = labelled.first().map(|(_, item)| item.clone()).or(own).unwrap_or_default();
            lines.into_iter().for_each(|line| sample.push(line));
            let report = report(&sample);
            self.check(&report, &first).map_err(|error| error.within(source))?;
            Ok(report)
        })?;
        Ok((reports, read.failed))
    }

    /// Checks that the fields that were named are there; `first` is the first record.
    ///
    /// # Errors
    /// No verdict can be compared with a label, or no record has the field of clusters.
    fn check(&self, report: &AgreementReport, first: &Item) -> Result<()> {
        let missing = |field: &String| first.at(field).err();
        if report.coverage.compared == 0 {
            let field = self.label.clone().unwrap_or_else(|| "label".to_owned());
            let coverage = &report.coverage;
            let has_labels = coverage.records == 0 || coverage.without_label < coverage.records;
            let missing = missing(&field).filter(|_| !has_labels);
            let hints = missing.iter().flat_map(|error| error.hints().to_vec());
            return Err(hints.fold(nothing(report), Error::hint));
        }
        match (&self.cluster, report.clusters) {
            (Some(field), None) => {
                let message = format!("no compared record has the field `{field}`");
                let absent =
                    missing(field).unwrap_or_else(|| Error::new(ErrorKind::Config, message));
                Err(absent.within("--cluster"))
            }
            _ => Ok(()),
        }
    }
}

impl Measured {
    /// The report for the terminal, and whether it differs from the earlier one.
    fn shown(&self) -> String {
        let mut text = self.report.shown(width::of_stdout());
        if let Some(test) = self.since {
            text += &format!("\n\nagainst the baseline (the first): {test}");
        }
        if let Some(test) = self.read_since() {
            text += &format!("\nrecords with a verdict in one run alone: {test}");
        }
        text
    }

    /// The same for programs.
    fn to_json(&self) -> Value {
        let mut all = self.report.to_json();
        if let Some(test) = self.since {
            all["baseline"] = test.to_json();
        }
        if let Some(test) = self.read_since() {
            all["baseline_readable"] = test.to_json();
        }
        all
    }

    /// The records with a verdict against those of the earlier run.
    fn read_since(&self) -> Option<Significance> {
        self.report.readability_since(self.earlier.as_ref()?)
    }

    /// Whether the agreement is less than in the earlier run, by more than chance; if so, it is printed. `of` names the
    /// judge.
    ///
    /// # Errors
    /// The two runs have no record in common.
    fn has_dropped(&self, of: &str) -> Result<bool> {
        if self.earlier.is_none() {
            return Ok(false);
        }
        if let Some(test) = self.read_since().filter(Significance::is_drop) {
            note(&format!(
                "gate failed: {of}fewer records have a verdict than in the baseline ({test})"
            ));
            return Ok(true);
        }
        let Some(test) = self.since else {
            let message = "the baseline has no compared record in common";
            return Err(Error::new(ErrorKind::Config, message)
                .hint("records are matched by id: judge the same input for both files"));
        };
        if test.is_drop() {
            note(&format!("gate failed: {of}the agreement is less than in the baseline ({test})"));
        }
        Ok(test.is_drop())
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
    if coverage.records == 0 {
        return error.hint("use a .jsonl file that `tribunal judge` wrote");
    }
    if coverage.not_comparable > 0 {
        return error
            .hint("give the labels a meaning: --label-map WORD=MEANING")
            .hint("or name the field with the right verdict of each record: --label FIELD");
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
    if report.compares_classes() == earlier.compares_classes() {
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
