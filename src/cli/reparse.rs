//! `tribunal reparse`: stored texts read again by other rules.
//!
//! Input and output are lines of `tribunal judge`. What was asked, of which model and at what cost stays as it was;
//! verdict, pass and aggregate follow from the stored texts by the settings of this command. A line of a failed record
//! is printed unchanged, for it holds no text.
//!
//! ```text
//! $ tribunal reparse verdicts.jsonl --pass 'score >= 8' > stricter.jsonl
//! q7: 7, pass → 7, fail by `Score: *`
//! read 20 lines again: 1 verdicts changed, 0 lines could not be read
//! ```

use std::{io, path::PathBuf};

use super::{
    Exit, emit,
    input::reading,
    note,
    opening::without_models,
    print_error,
    settings::{self, Sources},
};
use tribunal::{
    error::Result,
    files::Plan,
    item::Item,
    judge::Judge,
    line::ResultLine,
    records::{self, LineOwner, Source},
    report::escaped,
    run::Finished,
    units::counted,
    verdict::{CalibratedPrompt, Calibration, Judgment},
};

/// Apply other rules to stored results, without a model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal reparse verdicts.jsonl --pass 'score >= 8'
  tribunal reparse verdicts.jsonl -p mine.jinja > again.jsonl")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl; - reads standard input.
    results: PathBuf,
    #[command(flatten)]
    judge: settings::Args,
    /// Print the lines only, not each changed verdict.
    #[arg(short, long)]
    quiet: bool,
}

/// Counts of lines.
#[derive(Default)]
struct Count {
    lines: usize,
    /// Lines whose verdict or pass changed.
    changed: usize,
    failed: usize,
    /// Lines of another judge or of older records.
    others: usize,
}

/// Runs `tribunal reparse`.
///
/// The judge is built by the first line, for a prompt that no flag names is that of the line.
///
/// # Errors
/// Settings are wrong, or the input is not a file of results.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    let mut judge = None;
    let mut count = Count::default();
    let plan = args.judge.reading(Plan::default().writes_stdout(), &resolved);
    reading(plan, &[args.source()]).check()?;
    let mut counts = args.counts()?.into_iter();
    for (number, line) in records::lines(&args.source())? {
        let place = format!("{}:{number}", args.results.display());
        let line = line.map_err(|error| error.within(&place))?;
        if counts.next() == Some(false) {
            count.others += 1;
            continue;
        }
        let before = ResultLine::read(&line).map_err(|error| error.within(&place))?;
        if judge.is_none() {
            judge = Some(without_models(&resolved, &before).await?);
        }
        let Some(judge) = &judge else { continue };
        count.lines += 1;
        let fits = resolved.calibration().map_or(Ok(()), |calibration| fits(calibration, &before));
        let again = match fits.and_then(|()| reread(judge, &before)) {
            Ok(None) => line,
            Ok(Some(again)) => {
                count.changed += usize::from(args.note_change(&before, &again));
                again.to_string()
            }
            Err(error) => {
                count.failed += 1;
                print_error(&error.within(&place));
                line
            }
        };
        emit(&mut io::stdout(), &again)?;
    }
    let Count { lines, changed, failed, others } = count;
    if others > 0 {
        let lines = counted(others, "line");
        note(&format!("left out {lines} of another judge or of older records"));
    }
    note(&format!(
        "read {} again: {} changed, {} could not be read",
        counted(lines, "line"),
        counted(changed, "verdict"),
        counted(failed, "line")
    ));
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Args {
    /// The file of results, or standard input.
    fn source(&self) -> Source {
        Source::named(&self.results)
    }

    /// For every line, whether it is of the last judge; empty where the file cannot be read twice.
    fn counts(&self) -> Result<Vec<bool>> {
        if !self.results.is_file() {
            return Ok(Vec::new());
        }
        let lines = records::lines(&self.source())?;
        let lines = lines.map(|(_, line)| LineOwner::of(&line.unwrap_or_default()));
        Ok(records::current(&lines.collect::<Vec<_>>()))
    }

    /// Prints a changed verdict and the rule that read it; returns whether it changed.
    fn note_change(&self, before: &ResultLine, after: &ResultLine) -> bool {
        let outcome = |line: &ResultLine| {
            let reason = line.unreadable.as_ref().map(|why| why.reason.name());
            let verdict = line.verdict.verdict.as_deref().or(reason).unwrap_or("none");
            match line.pass {
                Some(true) => format!("{verdict}, pass"),
                Some(false) => format!("{verdict}, fail"),
                None => verdict.to_owned(),
            }
        };
        let (one, other) = (outcome(before), outcome(after));
        if one != other && !self.quiet {
            let rule = after.rule.as_ref().map_or_else(String::new, |rule| format!(" by `{rule}`"));
            note(&escaped(&format!("{}: {one} → {other}{rule}", before.id)));
        }
        one != other
    }
}

/// Checks that a calibration was fitted for the judge of a line.
///
/// # Errors
/// The model or the prompt is another one.
fn fits(calibration: &Calibration, line: &ResultLine) -> Result<()> {
    let prompt = CalibratedPrompt::new(&line.prompt.name, &line.prompt.hash);
    calibration.check_judge(&line.model, &prompt)
}

/// The line with the verdict that this judge reads in its texts; `None` for a line of a failed record.
fn reread(judge: &Judge, line: &ResultLine) -> Result<Option<ResultLine>> {
    if line.error.is_some() {
        return Ok(None);
    }
    let item = line.item.clone().map(Item::from);
    let votes = line.votes.as_deref().unwrap_or_default();
    let judgment: Judgment = match &item {
        Some(item) => judge.reread(item, votes, line.mark.as_deref())?,
        None => judge.parse(line.critique.as_deref().unwrap_or_default()),
    };
    let (index, with_item) = (line.index, item.is_some());
    let finished =
        Finished { index, item, place: String::new(), outcome: Ok(judgment), kept: true };
    let mut again = finished.line(judge, with_item);
    // The request, the model and the cost stay those of the stored line.
    again.id.clone_from(&line.id);
    again.model.clone_from(&line.model);
    again.key.clone_from(&line.key);
    again.keep_usage_of(line);
    if !with_item {
        again.votes.clone_from(&line.votes);
    }
    Ok(Some(again))
}
