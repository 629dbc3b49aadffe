//! `tribunal cache`: the answers of earlier runs, kept on disk.
//!
//! The store itself belongs to the library. `export` and `import` move answers between machines as lines of JSON, one
//! answer each: its key, the name of its model and the answer. A key is a digest of everything that changes the answer,
//! so that an imported answer is found by the same request on any machine.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Exit,
    console::{self, cannot_print},
    emit, note, print_error,
};
use tribunal::{
    backend::cache::{Cache, CacheStore, Mode},
    completion::Completion,
    error::{Error, ErrorKind, Result, json_fault},
    files::Plan,
    records::{self, Source},
    report::escaped,
    units,
    units::counted,
};

/// Inspect, prune, export or import cached answers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The flag of commands that ask models: what they do with answers of earlier runs.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Budget of the run")]
#[group(skip)]
pub(super) struct CacheArgs {
    /// Cached answers: on, off, read, write or refresh [default: on].
    #[arg(
        id = "cache",
        long,
        value_enum,
        value_name = "MODE",
        default_value = "on",
        hide_default_value = true,
        hide_possible_values = true,
        env = "TRIBUNAL_CACHE"
    )]
    mode: Mode,
}

impl CacheArgs {
    /// Opens the cache, unless it is turned off.
    ///
    /// # Errors
    /// This system has no folder for caches.
    pub(super) fn open(self) -> Result<Option<Cache>> {
        if self.mode == Mode::Off {
            return Ok(None);
        }
        Ok(Some(Cache::open(&Cache::folder()?, self.mode)))
    }
}

/// What to do with the answers.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print number, size and age of the answers, by model.
    Stats,
    /// Remove old answers, or the least recently used ones.
    Prune {
        /// Remove answers not used for this long, such as 30d.
        #[arg(long, alias = "max-age", value_name = "TIME", value_parser = units::duration)]
        older_than: Option<Duration>,
        /// Keep at most this size, such as 500MB or 4GB.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
    },
    /// Remove all answers.
    Clear {
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Print the folder of the answers.
    Path,
    /// Print every answer as a line of JSON.
    Export,
    /// Add answers that `export` printed.
    Import {
        /// File to read; - reads standard input.
        file: PathBuf,
    },
}

/// A size with its unit: a number alone could be bytes or megabytes, and what is removed is gone.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(_) => Err(format!("expected a size with its unit, such as {text}MB")),
        Err(_) => units::size(text).map_err(|error| error.to_string()),
    }
}

/// One line of `export`.
#[derive(Deserialize, Serialize)]
struct Exported {
    key: String,
    model: String,
    answer: Completion,
}

/// Runs `tribunal cache`.
///
/// # Errors
/// The store cannot be opened or read, `prune` has neither an age nor a size, or `.env` names a store that the user
/// has not allowed.
pub(super) async fn run(args: Args) -> Result<Exit> {
    let folder = Cache::folder()?;
    super::trust::check_store()?;
    let mut out = console::stdout();
    if let Command::Path = args.command {
        return emit(&mut out, &folder.display().to_string()).map(|()| Exit::Done);
    }
    let store = CacheStore::open(&folder)?;
    match args.command {
        Command::Path => (),
        Command::Stats => stats(&store, &mut out)?,
        Command::Prune { older_than: None, max_size: None } => {
            return Err(Error::new(ErrorKind::Config, "prune needs an age or a size")
                .hint("add --older-than 30d or --max-size 4GB"));
        }
        Command::Prune { older_than, max_size } => {
            note(&format!("removed {}", counted(store.prune(older_than, max_size)?, "answer")));
        }
        Command::Clear { yes: false } => {
            let entries = store.stats()?.entries;
            return Err(Error::new(
                ErrorKind::Config,
                format!("this would remove {}", counted(entries, "answer")),
            )
            .hint("add --yes to remove them; `tribunal cache export` saves a copy first"));
        }
        Command::Clear { yes: true } => {
            note(&format!("removed {}", counted(store.prune(None, Some(0))?, "answer")));
        }
        Command::Export => {
            storing(&folder).check()?;
            store.each(|key, model, answer| {
                let line =
                    Exported { key: key.into(), model: model.into(), answer: answer.clone() };
                write_line(&mut out, &line)
            })?;
        }
        Command::Import { file } => return import(&store, &file).await,
    }
    Ok(Exit::Done)
}

/// Prints where the answers are, how many there are of each model, their size and their age.
fn stats(store: &CacheStore, out: &mut impl Write) -> Result<()> {
    let stats = store.stats()?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes with one digit")]
    let megabytes = stats.bytes as f64 / 1e6;
    emit(out, &format!("folder   {}", stats.path.parent().unwrap_or(&stats.path).display()))?;
    emit(out, &format!("answers  {}", stats.entries))?;
    emit(out, &format!("size     {megabytes:.1} MB"))?;
    if let Some(oldest) = stats.oldest {
        emit(out, &format!("oldest   {}", counted(oldest / 86_400, "day")))?;
    }
    stats
        .models
        .iter()
        .try_for_each(|(model, count)| emit(out, &format!("{count:>8} of {}", escaped(model))))
}

/// A plan that refuses to export the store into itself.
fn storing(folder: &Path) -> Plan {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let plan = Plan::default().writes_stdout();
    files.fold(plan, |plan, file| plan.reads("a part of the store", &file.path()))
}

/// Writes one line of `export`.
fn write_line(out: &mut impl Write, line: &Exported) -> Result<()> {
    let text = serde_json::to_string(line).unwrap_or_default();
    writeln!(out, "{text}").map_err(cannot_print)
}

/// Adds answers line by line; a malformed line is reported and left out.
///
/// # Errors
/// The file cannot be read.
async fn import(store: &CacheStore, file: &Path) -> Result<Exit> {
    let put = async |line: String| {
        let read = serde_json::from_str::<Exported>(&line).map_err(|cause| {
            let message = format!("the line is not an exported answer: {}", json_fault(&cause));
            Error::new(ErrorKind::Record, message)
        });
        let Exported { key, model, answer } = read?;
        store.put(&key, &model, &answer).await
    };
    let (added, failed) = put_lines(file, put).await?;
    note(&format!("added {}", counted(added, "answer")));
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// Puts each line of a file into the store; `-` is standard input. A line that fails is reported with its place and left
/// out. Returns how many were put there, and how many failed.
///
/// # Errors
/// The file cannot be read.
pub(super) async fn put_lines(
    file: &Path,
    put: impl AsyncFn(String) -> Result<()>,
) -> Result<(usize, usize)> {
    let source = Source::named(file);
    let (mut added, mut failed) = (0, 0);
    for (number, line) in records::lines(&source)? {
        let line = line.map_err(|error| error.within(source.to_string()))?;
        match put(line).await {
            Ok(()) => added += 1,
            Err(error) => {
                failed += 1;
                print_error(&error.within(format!("{source}:{number}")));
            }
        }
    }
    Ok((added, failed))
}
