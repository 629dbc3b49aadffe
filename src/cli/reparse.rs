//! `tribunal reparse`

use std::{io, path::PathBuf};

use serde_json::Value;

use super::{
    Outcome, complain, emit,
    input::reading,
    note,
    settings::{self, Sources},
};
use crate::{
    backend::Script,
    error::{Error, ErrorKind, Result, json_fault},
    files::Plan,
    item::Item,
    judge::{self, Judge, StoredVote},
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
        let wrong = |cause: serde_json::Error| {
            let message = format!("the line is not a result: {}", json_fault(&cause));
            Error::new(ErrorKind::Record, message).within(&place)
        };
        let line: Value = serde_json::from_str(&line).map_err(wrong)?;
        if judge.is_none() {
            let named =
                line["prompt"]["name"].as_str().filter(|_| resolved.settings.prompt.is_none());
            let builder = resolved.builder()?.backend(Script::always(""));
            let builder = match named {
                Some(name) => builder.with_prompt(judge::load(name)?),
                None => builder,
            };
            judge = Some(builder.build().await?);
        }
        let Some(judge) = &judge else { continue };
        count.lines += 1;
        let again = match reread(judge, &line).await {
            Ok(None) => line,
            Ok(Some(again)) => {
                count.flipped += usize::from(args.told(&line, &again));
                again
            }
            Err(error) => {
                count.failed += 1;
                complain(&error.within(&place));
                line
            }
        };
        emit(&mut io::stdout(), &again.to_string())?;
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
        let lines = records::lines(&self.source())?.map(|(_, line)| {
            let line = serde_json::from_str(&line.unwrap_or_default()).unwrap_or(Value::Null);
            Whose::of(&line)
        });
        Ok(records::current(&lines.collect::<Vec<_>>()))
    }

    /// Says what flipped and by which rule; whether anything did.
    fn told(&self, before: &Value, after: &Value) -> bool {
        let said = |line: &Value| {
            let verdict = line["verdict"].as_str();
            let verdict =
                verdict.or(line["unreadable"]["reason"].as_str()).unwrap_or("none").to_owned();
            match line["pass"].as_bool() {
                Some(true) => format!("{verdict}, pass"),
                Some(false) => format!("{verdict}, fail"),
                None => verdict,
            }
        };
        let (one, other) = (said(before), said(after));
        if one != other && !self.quiet {
            let rule =
                after["rule"].as_str().map_or_else(String::new, |rule| format!(" by `{rule}`"));
            let id = before["id"].as_str().unwrap_or_default();
            note(&escaped(&format!("{id}: {one} → {other}{rule}")));
        }
        one != other
    }
}

/// The line with the verdict that its texts have under this judge; none for a line without texts.
async fn reread(judge: &Judge, line: &Value) -> Result<Option<Value>> {
    if line.get("error").is_some() {
        return Ok(None);
    }
    let malformed =
        |_| Error::new(ErrorKind::Record, "the votes of the line are not as Tribunal writes them");
    let votes: Vec<StoredVote> =
        serde_json::from_value(line["votes"].clone()).map_err(malformed)?;
    let mark = line["mark"].as_str().map(ToOwned::to_owned);
    let item = line.get("item").and_then(Value::as_object).cloned().map(Item::from);
    let judgment: Judgment = if let Some(item) = &item {
        judge.reread(item, &votes, mark).await?
    } else {
        judge.parse(line["critique"].as_str().unwrap_or_default())
    };
    let index = line["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
    let with_item = item.is_some();
    let finished =
        Finished { index, item, place: String::new(), outcome: Ok(judgment), kept: true };
    let mut again = finished.line(judge, with_item);
    // What was asked, of whom, and what it took, is as it was.
    for key in ["id", "model", "key", "usage", "cost", "latency_ms", "cached", "attempts"] {
        if let Some(value) = line.get(key) {
            again[key] = value.clone();
        }
    }
    if !with_item {
        again["votes"] = line["votes"].clone();
    }
    Ok(Some(again))
}
