//! The results of `tribunal revise`: lines of JSON, or one text with its history in a second file.
//!
//! | input | `-o` | written |
//! |---|---|---|
//! | one plain file | a plain file, such as `final.md` | the revised text, and its history in `final.md.revision.json` |
//! | anything else | `.jsonl` or `.json` | one line per record, with its rounds |
//! | anything | none | lines of JSON in a pipe, rows on a terminal |

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use super::{
    super::{console, emit, manifest, note, output, print_error, progress::Progress},
    rounds::Style,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    models::Models,
    records::{InputFormat, Output, RevisionLine, Source, Written, journal_of, lineage_of},
    report::{Revisions, escaped},
    run::{Finished, Listener, Redo, ReviseWork, Revised},
    strategy::revise::Revision,
};

/// Flags that choose where revisions are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// File for results: .jsonl, .json or text (final.md).
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File for the summary of the run, as JSON.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    summary: Option<PathBuf>,
    /// Leave the input record out of its result line.
    #[arg(long, hide_short_help = true)]
    pub(super) no_item: bool,
    /// Print each round as it ends, even without a terminal.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Print no rounds, no progress and no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Revise again the records that failed or were unreadable.
    #[arg(long, conflicts_with = "fresh", hide_short_help = true)]
    retry_errors: bool,
    /// Revise all records again, and replace earlier results.
    #[arg(long, hide_short_help = true)]
    fresh: bool,
}

/// How revisions leave the program.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// One short row per record, for people.
    Rows,
    /// Lines of JSON in the file of results.
    File,
    /// The revised text itself, in the file of results.
    Text,
}

/// Prints revisions as they end.
pub(super) struct Results {
    target: Target,
    progress: Progress,
    args: Args,
    /// Whether to warn once that a server reports no tokens, so that a budget of tokens or cost has no effect.
    warns_of_tokens: bool,
}

impl Args {
    /// The file for the revised text, where one plain file is revised into another.
    ///
    /// # Errors
    /// The input is not one plain file, or it is the output itself.
    pub(super) fn plain_file(&self, sources: &[Source]) -> Result<Option<PathBuf>> {
        let Some(path) = &self.output else { return Ok(None) };
        let lines = ["jsonl", "json", "ndjson"];
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if lines.contains(&end.as_str()) || path.metadata().is_ok_and(|meta| !meta.is_file()) {
            return Ok(None);
        }
        match sources {
            [Source::File(one)] if InputFormat::of(one) == InputFormat::Text => {
                if InputFormat::of(path) == InputFormat::Text
                    && path.canonicalize().ok() != one.canonicalize().ok()
                {
                    return Ok(Some(path.clone()));
                }
                let message = format!("`{}` is the input, or not a text file", path.display());
                Err(Error::new(ErrorKind::Config, message)
                    .hint("name another text file, such as -o final.md"))
            }
            _ => Err(Error::new(
                ErrorKind::Config,
                format!("cannot write revisions to `{}`: unknown format", path.display()),
            )
            .hint("name a file that ends in .jsonl or .json")
            .hint("a text file such as final.md is possible where the input is one text file")),
        }
    }

    /// The file of the run's manifest, if results are lines in a file.
    pub(super) fn manifest(&self, plain: Option<&PathBuf>) -> Option<PathBuf> {
        manifest::beside(self.output.as_ref().filter(|_| plain.is_none())?)
    }

    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let named = [("-o", &self.output), ("--summary", &self.summary)];
        let plan = output::writing_named(plan.writes_stdout(), named);
        let output = self.output.as_deref();
        let journal = output.and_then(journal_of);
        let lineage =
            output.filter(|path| InputFormat::of(path) == InputFormat::Text).map(lineage_of);
        plan.writes_beside("-o", output.and_then(manifest::beside).as_deref())
            .writes_beside("-o", journal.as_deref())
            .writes_beside("-o", lineage.as_deref())
    }

    /// How rounds are shown: on a terminal, or with `--verbose`.
    pub(super) fn shows_rounds(&self) -> Option<Style> {
        let terminal = io::stderr().is_terminal();
        let colour = console::is_coloured(terminal);
        (!self.quiet && (terminal || self.verbose)).then_some(Style { colour })
    }

    /// Which records of an earlier run are revised again.
    pub(super) fn redo(&self) -> Redo {
        Redo::of_flags(self.fresh, self.retry_errors)
    }

    /// Opens everything that is written, before the first request: what is printed, and the file of results.
    ///
    /// # Errors
    /// A file cannot be written, or has content already.
    pub(super) fn open(
        &self,
        plain: Option<PathBuf>,
        progress: Progress,
        counts_tokens: bool,
    ) -> Result<(Results, Option<Output>)> {
        let (target, output) = match (&self.output, plain) {
            (_, Some(path)) => (Target::Text, Some(Output::text(&path)?)),
            (Some(path), None) => {
                (Target::File, output::open_lines(Some(path), self.fresh, "revisions")?)
            }
            (None, None) if io::stdout().is_terminal() => (Target::Rows, None),
            (None, None) => (Target::Lines, None),
        };
        let args = self.clone();
        Ok((Results { target, progress, args, warns_of_tokens: counts_tokens }, output))
    }
}

impl Listener<ReviseWork> for Results {
    /// A record ended: it is counted, and printed in the format that was asked for.
    ///
    /// # Errors
    /// Standard output cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<Revised>, line: &RevisionLine) -> Result<()> {
        self.progress.step(finished.kept);
        let error = match &finished.outcome {
            Ok(Revised::Now(revision)) => revision.error.as_ref(),
            Ok(Revised::Earlier(_)) => None,
            Err(error) => Some(error).filter(|_| !finished.kept),
        };
        if let Some(error) = error {
            self.progress.aside(|| print_error(error));
        }
        if let Ok(Revised::Now(revision)) = &finished.outcome {
            self.warn_of_tokens(revision);
        }
        match self.target {
            Target::Lines => self.progress.aside(|| emit(&mut io::stdout(), &line.to_string())),
            Target::Rows => self.progress.aside(|| emit(&mut io::stdout(), &row(finished))),
            Target::File | Target::Text => Ok(()),
        }
    }

    /// No more records follow.
    fn over(&mut self) {
        self.progress.finish();
    }
}

impl Results {
    /// Warns once where a server reports no tokens, and a budget counts them.
    fn warn_of_tokens(&mut self, revision: &Revision) {
        let usage = [revision.spent.usage, revision.spent.saved];
        if self.warns_of_tokens && usage.iter().any(|usage| !usage.is_known()) {
            self.warns_of_tokens = false;
            note("warning: the server reports no token counts: --tokens and --cost have no effect");
            note("hint: limit the loop with --calls or --rounds");
        }
    }

    /// Prints where the results are, and writes the figures.
    ///
    /// # Errors
    /// The figures cannot be written.
    pub(super) fn finish(
        self,
        summary: &Revisions,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        match (&self.target, &self.args.output, left) {
            (Target::Text, Some(path), _) if path.exists() => note(&format!(
                "wrote the text to {}, and its history to {}",
                path.display(),
                lineage_of(path).display()
            )),
            (Target::File, Some(path), Some(left)) => {
                output::note_left(left, path, self.args.quiet);
            }
            _ => (),
        }
        output::write_summary(self.args.summary.as_deref(), summary.to_json(), models)
    }
}

/// One row for people: the outcome, and the scores of the first and the best draft.
fn row(finished: &Finished<Revised>) -> String {
    let id = escaped(&finished.id());
    let Ok(Revised::Now(revision)) = &finished.outcome else { return format!("{id}  failed") };
    let score = |n: usize| {
        let worth = revision.rounds.get(n).and_then(|round| round.worth);
        worth.map_or("?".to_owned(), |worth| format!("{worth:.2}"))
    };
    let flipped = revision.final_verdict.as_ref().is_some_and(|check| check.flipped);
    let denied = if flipped { ", but not by the final judge" } else { "" };
    format!(
        "{id}  {}{denied}  {} → {} in round {} of {}",
        revision.outcome.name(),
        score(0),
        score(revision.best),
        revision.best,
        revision.rounds.len().saturating_sub(1),
    )
}
