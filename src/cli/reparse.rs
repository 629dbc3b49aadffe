//! `tribunal reparse`

use std::{io, path::PathBuf};

use super::{
    Outcome, complain, emit,
    input::reading,
    note,
    opening::without_models,
    settings::{self, Sources},
};
use tribunal::{
    error::Result,
    files::Plan,
    item::Item,
    judge::Judge,
    line::ResultLine,
    records::{self, Source, Whose},
    report::escaped,
    run::Finished,
    verdict::Judgment,
};

/// Read stored texts again, by another rule, scale, pass rule or aggregate: no model is called.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal reparse verdicts.jsonl --pass 'score >= 8'
  tribunal reparse verdicts.jsonl -p mine.jinja > again.jsonl")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as lines of JSON; - is standard input.
    results: PathBuf,
    #[command(flatten)]
    judge: settings::Args,
    /// Only the lines, and no flips.
    #[arg(short, long)]
    quiet: bool,
}

/// What came of all lines.
#[derive(Default)]
struct Count {
    lines: usize,
    flipped: usize,
    failed: usize,
    others: usize,
}

pub(super) async fn run(args: Args, sources: &Sources) -> Result<Outcome> {
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
        let again = match reread(judge, &before) {
            Ok(None) => line,
            Ok(Some(again)) => {
                count.flipped += usize::from(args.told(&before, &again));
                again.to_string()
            }
            Err(error) => {
                count.failed += 1;
                complain(&error.within(&place));
                line
            }
        };
        emit(&mut io::stdout(), &again)?;
    }
    let Count { lines, flipped, failed, others } = count;
    if others > 0 {
        note(&format!(
            "{others} lines of another judge or of older records are left out: the last judge counts"
        ));
    }
    note(&format!(
        "{lines} lines were read again: {flipped} flipped, {failed} could not be read; no model was asked"
    ));
    Ok(if failed > 0 { Outcome::Incomplete } else { Outcome::Done })
}

impl Args {
    fn source(&self) -> Source {
        match self.results.to_str() {
            Some("-") => Source::Stdin,
            _ => Source::File(self.results.clone()),
        }
    }

    /// Which lines are those of the last judge, where the file can be read twice.
    fn counts(&self) -> Result<Vec<bool>> {
        if !self.results.is_file() {
            return Ok(Vec::new());
        }
        let lines = records::lines(&self.source())?;
        let lines = lines.map(|(_, line)| Whose::of(&line.unwrap_or_default()));
        Ok(records::current(&lines.collect::<Vec<_>>()))
    }

    /// Says what flipped and by which rule; whether anything did.
    fn told(&self, before: &ResultLine, after: &ResultLine) -> bool {
        let said = |line: &ResultLine| {
            let reason = line.unreadable.as_ref().map(|why| why.reason.name());
            let verdict = line.verdict.verdict.as_deref().or(reason).unwrap_or("none");
            match line.pass {
                Some(true) => format!("{verdict}, pass"),
                Some(false) => format!("{verdict}, fail"),
                None => verdict.to_owned(),
            }
        };
        let (one, other) = (said(before), said(after));
        if one != other && !self.quiet {
            let rule = after.rule.as_ref().map_or_else(String::new, |rule| format!(" by `{rule}`"));
            note(&escaped(&format!("{}: {one} → {other}{rule}", before.id)));
        }
        one != other
    }
}

/// The line with the verdict that its texts have under this judge; none for a line without texts.
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
    // What was asked, of whom, and what it took, is as it was.
    again.id.clone_from(&line.id);
    again.model.clone_from(&line.model);
    again.key.clone_from(&line.key);
    again.keep_usage_of(line);
    if !with_item {
        again.votes.clone_from(&line.votes);
    }
    Ok(Some(again))
}
