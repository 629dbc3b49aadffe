//! Where revisions go: lines, or one text with its lineage beside it.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use super::{
    super::{complain, emit, manifest, note, output, progress::Progress},
    rounds::Style,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    records::{Format, Kind, Left, Output, RevisionLine, Source, journal_of, lineage_of},
    report::{Revisions, escaped},
    run::{Finished, Listener, Redo, ReviseWork, Revised},
    strategy::revise::Revision,
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
    pub(super) no_item: bool,
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

/// Where revisions are shown.
enum Target {
    /// Lines of JSON on standard output.
    Lines,
    /// Rows for people.
    Rows,
    /// Nowhere: they are in a file.
    File,
    /// Nowhere: the text itself is in a file.
    Text,
}

/// Shows revisions as they come.
pub(super) struct Results {
    target: Target,
    progress: Progress,
    args: Args,
    /// Whether a budget of tokens or money is still to be reported as one that cannot be held.
    minds_tokens: bool,
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
        let lineage = output.filter(|path| Format::of(path) == Format::Text).map(lineage_of);
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

    /// What is revised again although an earlier run revised it.
    pub(super) fn redo(&self) -> Redo {
        Redo::of_flags(self.fresh, self.retry_errors)
    }

    /// Opens everything that results will be written to, before anything is paid for: what is said of
    /// them, and the file of results.
    ///
    /// # Errors
    /// A file cannot be written, or holds something already.
    pub(super) fn open(
        &self,
        plain: Option<PathBuf>,
        progress: Progress,
        counts_tokens: bool,
    ) -> Result<(Results, Option<Output>)> {
        let (target, output) = match (&self.output, plain) {
            (_, Some(path)) => (Target::Text, Some(Output::text(&path)?)),
            (Some(path), None) => match Kind::of(path)? {
                Kind::Jsonl | Kind::Json if self.fresh => {
                    (Target::File, Some(Output::replacing(path)?))
                }
                Kind::Jsonl | Kind::Json => (Target::File, Some(Output::to_file(path)?)),
                _ => {
                    let message = format!("revisions cannot be written as `{}`", path.display());
                    return Err(Error::new(ErrorKind::Config, message)
                        .hint("name a file that ends in .jsonl or .json"));
                }
            },
            (None, None) if io::stdout().is_terminal() => (Target::Rows, None),
            (None, None) => (Target::Lines, None),
        };
        let args = self.clone();
        Ok((Results { target, progress, args, minds_tokens: counts_tokens }, output))
    }
}

impl Listener<ReviseWork> for Results {
    fn finished(&mut self, finished: &Finished<Revised>, line: &RevisionLine) -> Result<()> {
        self.progress.step(finished.kept);
        let error = match &finished.outcome {
            Ok(Revised::Now(revision)) => revision.error.as_ref(),
            Ok(Revised::Earlier(_)) => None,
            Err(error) => Some(error).filter(|_| !finished.kept),
        };
        if let Some(error) = error {
            self.progress.aside(|| complain(error));
        }
        if let Ok(Revised::Now(revision)) = &finished.outcome {
            self.mind_tokens(revision);
        }
        match self.target {
            Target::Lines => self.progress.aside(|| emit(&mut io::stdout(), &line.to_string())),
            Target::Rows => self.progress.aside(|| emit(&mut io::stdout(), &row(finished))),
            Target::File | Target::Text => Ok(()),
        }
    }

    fn over(&mut self) {
        self.progress.finish();
    }
}

impl Results {
    /// Says once that tokens which no server reports are in no budget.
    fn mind_tokens(&mut self, revision: &Revision) {
        let usage = [revision.spent.usage, revision.spent.saved];
        if self.minds_tokens && usage.iter().any(|usage| !usage.is_known()) {
            self.minds_tokens = false;
            note(
                "warning: a server does not report its tokens: --tokens and --cost cannot be held",
            );
            note("hint: --calls and --rounds can");
        }
    }

    /// Says where the results are, and writes the figures.
    ///
    /// # Errors
    /// The figures cannot be written.
    pub(super) fn finish(self, summary: &Revisions, left: Option<&Left>) -> Result<()> {
        match (&self.target, &self.args.output, left) {
            (Target::Text, Some(path), _) if path.exists() => note(&format!(
                "the text is in {}, how it came about in {}",
                path.display(),
                lineage_of(path).display()
            )),
            (Target::File, Some(path), Some(left)) => {
                output::say_left(left, path, "revised", self.args.quiet);
            }
            _ => (),
        }
        let Some(path) = &self.args.summary else { return Ok(()) };
        fs::write(path, format!("{:#}\n", summary.to_json()))
            .map_err(|cause| cannot_write(path, cause))
    }
}

fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}

/// A short line for people.
fn row(finished: &Finished<Revised>) -> String {
    let id = escaped(&finished.id());
    let Ok(Revised::Now(revision)) = &finished.outcome else { return format!("{id}  failed") };
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
