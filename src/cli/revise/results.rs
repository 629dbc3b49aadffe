//! Where revisions go: lines, or one text with its lineage beside it.

use std::{
    collections::HashMap,
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use super::{
    super::{complain, emit, manifest, note, output, progress::Progress},
    rounds::Style,
};
use crate::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    records::{
        Earlier, Format, Kind, Output, Record, RevisedLine, RevisionLine, Source, journal_of,
    },
    report::{Revisions, escaped},
    strategy::revise::{Outcome, Revision},
};

/// Revisions, and what is said of them.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// Where results go: .jsonl, .json, or for one plain file the text (final.md).
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the figures of the run to this file, as JSON.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    summary: Option<PathBuf>,
    /// Leave the record out of its line.
    #[arg(long, hide_short_help = true)]
    no_item: bool,
    /// Show each round as it ends, also where nobody sits at a terminal.
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// No rounds, no progress and no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Revise again what failed, or whose judge could not be read, in the file behind -o.
    #[arg(long, conflicts_with = "fresh", hide_short_help = true)]
    retry_errors: bool,
    /// Revise everything again, also what the file behind -o holds already.
    #[arg(long, hide_short_help = true)]
    fresh: bool,
}

/// One record and what came of it; nothing new where an earlier run did it.
#[derive(Debug)]
pub(super) struct Revised {
    pub(super) index: usize,
    pub(super) place: String,
    pub(super) item: Option<Item>,
    pub(super) key: String,
    pub(super) outcome: Option<Result<Revision>>,
}

/// Where revisions are going.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// Rows for people.
    Rows,
    /// A file of lines.
    File(Output),
    /// The text itself, and its lineage beside it.
    Text(PathBuf),
}

/// Takes revisions as they come.
pub(super) struct Results {
    target: Target,
    earlier: HashMap<usize, Earlier>,
    progress: Progress,
    args: Args,
}

impl Args {
    /// The file for the text itself, where one plain file is revised into another.
    ///
    /// # Errors
    /// Several records cannot be one text.
    pub(super) fn plain_file(&self, sources: &[Source]) -> Result<Option<PathBuf>> {
        let Some(path) = &self.output else { return Ok(None) };
        let lines = ["jsonl", "json", "ndjson"];
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if lines.contains(&end.as_str()) || path.metadata().is_ok_and(|meta| !meta.is_file()) {
            return Ok(None);
        }
        match sources {
            [Source::File(one)] if Format::of(one) == Format::Text => {
                if Format::of(path) == Format::Text && path.canonicalize().ok() != one.canonicalize().ok()
                {
                    return Ok(Some(path.clone()));
                }
                let message = format!("`{}` cannot take a text", path.display());
                Err(Error::new(ErrorKind::Config, message)
                    .hint("name another file, such as -o final.md; nothing is written over its own source"))
            }
            _ => Err(Error::new(
                ErrorKind::Config,
                format!("revisions cannot be written as `{}`", path.display()),
            )
            .hint("name a file that ends in .jsonl or .json; a text such as -o final.md is for one plain file")),
        }
    }

    /// Where the run says what it was, if its results are lines in a file.
    pub(super) fn manifest(&self, plain: Option<&PathBuf>) -> Option<PathBuf> {
        manifest::beside(self.output.as_ref().filter(|_| plain.is_none())?)
    }

    /// The plan with all that is written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let named = [("-o", &self.output), ("--summary", &self.summary)];
        let named = named.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
        let plan = named.fold(plan.writes_stdout(), |plan, (what, path)| plan.writes(what, path));
        let output = self.output.as_deref();
        let journal = output.and_then(journal_of);
        let lineage = output.filter(|path| Format::of(path) == Format::Text).map(beside);
        plan.writes_beside("-o", output.and_then(manifest::beside).as_deref())
            .writes_beside("-o", journal.as_deref())
            .writes_beside("-o", lineage.as_deref())
    }

    /// How rounds are shown, where somebody watches.
    pub(super) fn shows_rounds(&self) -> Option<Style> {
        let terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        (!self.quiet && (terminal || self.verbose)).then_some(Style { colour: terminal && !plain })
    }

    /// Opens everything that results will be written to, before anything is paid for.
    ///
    /// # Errors
    /// A file cannot be written, or holds something already.
    pub(super) fn open(&self, plain: Option<PathBuf>, progress: Progress) -> Result<Results> {
        let target = match (&self.output, plain) {
            (_, Some(path)) => {
                check_ours(&path)?;
                Target::Text(path)
            }
            (Some(path), None) => match Kind::of(path)? {
                Kind::Jsonl | Kind::Json if self.fresh => Target::File(Output::replacing(path)?),
                Kind::Jsonl | Kind::Json => Target::File(Output::to_file(path)?),
                _ => {
                    let message = format!("revisions cannot be written as `{}`", path.display());
                    return Err(Error::new(ErrorKind::Config, message)
                        .hint("name a file that ends in .jsonl or .json"));
                }
            },
            (None, None) if io::stdout().is_terminal() => Target::Rows,
            (None, None) => Target::Lines,
        };
        Ok(Results { target, earlier: HashMap::new(), progress, args: self.clone() })
    }
}

impl Results {
    /// Whether an earlier run did this record, as far as it can be done.
    pub(super) fn known(&mut self, record: &Record, key: &str) -> bool {
        if self.args.fresh {
            return false;
        }
        match &mut self.target {
            Target::File(output) => {
                let Some(earlier) = output.earlier(key) else { return false };
                let line = RevisionLine::read(earlier.line.to_string()).ok();
                self.earlier.insert(record.index, earlier);
                let retried =
                    |outcome| matches!(outcome, Outcome::Failed | Outcome::JudgeUnreadable);
                line.is_some_and(|line| !(self.args.retry_errors && retried(line.outcome)))
            }
            Target::Text(path) => {
                let done = |line: RevisionLine| line.key == key && line.outcome != Outcome::Failed;
                lineage(path).is_some_and(done)
            }
            Target::Lines | Target::Rows => false,
        }
    }

    /// Writes what came of a record at once, and counts it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn take(
        &mut self,
        revised: Revised,
        priced: bool,
        summary: &mut Revisions,
    ) -> Result<()> {
        let Revised { index, place, item, key, outcome } = revised;
        self.progress.step(outcome.is_none());
        let earlier = self.earlier.remove(&index);
        let Some(outcome) = outcome else {
            match (&mut self.target, earlier) {
                (Target::File(output), Some(earlier)) => {
                    summary.keep(&RevisionLine::read(earlier.line.to_string())?);
                    output.keep(index, &earlier);
                }
                (Target::Text(path), _) => {
                    lineage(path).iter().for_each(|line| summary.keep(line));
                }
                _ => (),
            }
            return Ok(());
        };
        summary.count(outcome.as_ref());
        let error = match &outcome {
            Ok(revision) => revision.error.as_ref(),
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            self.progress.aside(|| complain(error));
        }
        let id = match &item {
            Some(item) => item.id().unwrap_or_else(|| index.to_string()),
            None => place,
        };
        let with_item = !self.args.no_item;
        let line = RevisedLine {
            id,
            index,
            item: item.as_ref(),
            outcome: outcome.as_ref(),
            priced,
            key,
            with_item,
        };
        match &mut self.target {
            Target::Lines => {
                self.progress.aside(|| emit(&mut io::stdout(), &line.typed().to_string()))
            }
            Target::Rows => self.progress.aside(|| emit(&mut io::stdout(), &row(&line))),
            Target::File(output) => match earlier {
                Some(earlier) => output.replace(index, &earlier, &line.typed()),
                None => output.add(index, &line.typed()),
            },
            Target::Text(path) => write_text(path, &line),
        }
    }

    /// Puts the results into their order, and writes the figures.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(self, summary: &Revisions) -> Result<()> {
        self.progress.finish();
        match self.target {
            Target::File(output) if summary.stopped => note(&format!(
                "what was revised is in `{}`; the same command goes on",
                output.kept_in().display()
            )),
            Target::File(output) => {
                output::finish(output, self.args.output.as_deref(), self.args.quiet)?;
            }
            Target::Text(path) if path.exists() => note(&format!(
                "the text is in {}, how it came about in {}",
                path.display(),
                beside(&path).display()
            )),
            Target::Text(_) | Target::Lines | Target::Rows => (),
        }
        let Some(path) = &self.args.summary else { return Ok(()) };
        fs::write(path, format!("{:#}\n", summary.to_json()))
            .map_err(|cause| cannot_write(path, cause))
    }
}

/// Where a text's lineage is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".revision.json");
    path.with_file_name(name)
}

fn lineage(path: &Path) -> Option<RevisionLine> {
    RevisionLine::read(fs::read(beside(path)).ok()?).ok()
}

/// A text that is there may be written over if it is the one that an earlier run wrote.
fn check_ours(path: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(path) else {
        return if path.exists() { Err(there(path)) } else { Ok(()) };
    };
    let text = text.trim_end_matches('\n');
    let ours = lineage(path).is_some_and(|line| line.text.as_deref() == Some(text));
    if ours { Ok(()) } else { Err(there(path)) }
}

fn there(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("`{}` is there already", path.display()))
        .hint("name another file, or move it away")
}

/// The lineage first: a text without one is nobody's.
fn write_text(path: &Path, line: &RevisedLine) -> Result<()> {
    let Ok(revision) = line.outcome else { return Ok(()) };
    let lineage = beside(path);
    let text = revision.text().trim_end_matches('\n');
    let mut line = line.typed();
    line.text = Some(text.into());
    fs::write(&lineage, format!("{line:#}\n")).map_err(|cause| cannot_write(&lineage, cause))?;
    fs::write(path, format!("{text}\n")).map_err(|cause| cannot_write(path, cause))
}

fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}

/// A short line for people.
fn row(line: &RevisedLine) -> String {
    let id = escaped(&line.id);
    let Ok(revision) = line.outcome else { return format!("{id}  failed") };
    let worth = |n: usize| {
        let worth = revision.rounds.get(n).and_then(|round| round.worth);
        worth.map_or("?".to_owned(), |worth| format!("{worth:.2}"))
    };
    let flipped = revision.final_verdict.as_ref().is_some_and(|check| check.flipped);
    let denied = if flipped { ", and the final judgment differs" } else { "" };
    format!(
        "{id}  {}{denied}  {} → {} in round {} of {}",
        revision.outcome.name(),
        worth(0),
        worth(revision.best),
        revision.best,
        revision.rounds.len().saturating_sub(1),
    )
}
