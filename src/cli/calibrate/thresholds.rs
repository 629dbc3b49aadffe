//! `tribunal calibrate --agree`: the thresholds of a cascade, from the results of each of its judges.

use super::{Args, save};
use crate::cli::{Exit, emit_figures, input::reading, label_file, note, result_lines};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    records::Source,
    report::{CascadeReport, CascadeSample, escaped, fit_cascade},
    units::counted,
};

/// Fits thresholds, prints what a cascade with them does, and saves them.
///
/// # Errors
/// The results or the labels cannot be used, or no judge agrees often enough.
pub(super) fn run(args: &Args, agree: f64) -> Result<Exit> {
    let is_share = |number: f64| number > 0.0 && number < 1.0;
    if !is_share(agree) || !is_share(args.delta) {
        return Err(Error::new(ErrorKind::Config, "--agree and --delta lie between 0 and 1")
            .hint("write --agree 0.9 for an agreement of 90 %, and --delta 0.1"));
    }
    if args.results.len() < 2 {
        return Err(Error::new(ErrorKind::Config, "a cascade has two judges or more")
            .hint("name the results of each judge on the same records, the first judge first"));
    }
    let sources: Vec<Source> = args.results.iter().map(|path| Source::named(path)).collect();
    let labels = args.labels.as_ref().map(|path| Source::named(path));
    let plan = Plan::default().writes_stdout();
    let plan = args.output.iter().fold(plan, |plan, path| plan.writes("the thresholds", path));
    let all: Vec<Source> = sources.iter().cloned().chain(labels.clone()).collect();
    reading(plan, &all).check()?;
    label_file::check_apart(args.labels.as_deref(), args.results.iter().map(|path| &**path))?;
    let (sample, failed) = sampled(args, &sources, labels)?;
    let (records, coverage) = sample.records();
    if records.is_empty() {
        let message = format!(
            "nothing to fit: every judge has a result on {}, {} of them without a label, {} with one that cannot be compared",
            counted(coverage.records, "record"),
            coverage.without_label,
            coverage.not_comparable
        );
        return Err(Error::new(ErrorKind::Config, message)
            .hint("name the field with the right verdict: --label FIELD"));
    }
    let thresholds = fit_cascade(sources.len(), &records, agree, args.delta);
    let thresholds = sample.named(thresholds);
    let report = CascadeReport::new(sample.judges(), thresholds, &records, coverage);
    let text = if args.json { format!("{:#}", report.to_json()) } else { report.to_string() };
    emit_figures(&text, args.json)?;
    if report.thresholds.judges.iter().all(|judge| judge.threshold.is_none()) {
        let message = format!("no judge agrees with {agree} of the labels at any certainty");
        return Err(Error::new(ErrorKind::Config, message)
            .hint("label more records, ask for less agreement, or use a better last judge"));
    }
    if let Some(path) = &args.output {
        save(path, &format!("{}\n", report.thresholds))?;
        note(&format!(
            "wrote {}: apply it with --thresholds, or `thresholds` in the table of the cascade",
            escaped(&path.display().to_string())
        ));
    }
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// The results of all judges, and how many lines could not be read.
fn sampled(
    args: &Args,
    sources: &[Source],
    labels: Option<Source>,
) -> Result<(CascadeSample, usize)> {
    let mut sample = CascadeSample::new(args.own_labels());
    let has_labels = labels.is_some();
    let (labelled, mut failed) = labels.map(label_file::read).transpose()?.unwrap_or_default();
    let mut judges = Vec::new();
    for source in sources {
        let (lines, unread) = result_lines::read(source, None, |line| line)?
            .of_one(
                "each file of a cascade has the results of one",
                "write the results of each judge into a file of its own",
            )
            .map_err(|error| error.within(source))?;
        failed += unread;
        judges.push((source, lines));
    }
    let ids = judges.iter().flat_map(|(_, lines)| lines).map(|line| line.id.as_str());
    let labelled = label_file::joined(labelled, ids);
    labelled.into_iter().for_each(|(id, item)| sample.label(id, item));
    for (source, lines) in judges {
        sample.judge();
        for line in lines {
            sample.push(line, has_labels).map_err(|error| error.within(source.to_string()))?;
        }
    }
    Ok((sample, failed))
}
