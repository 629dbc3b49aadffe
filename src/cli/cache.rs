//! `tribunal cache`

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Outcome, complain, emit, note,
    talk::{self, cannot_print},
};
use tribunal::{
    backend::cache::{Cache, Mode, Shelf},
    completion::Completion,
    error::{Error, ErrorKind, Result, json_fault},
    files::Plan,
    records::{self, Source},
    report::escaped,
};

/// Look after the answers that were paid for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What commands that ask models do with the answers that were paid for before.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Paid {
    /// Remembered answers: on, off, read, write or refresh [default: on].
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

impl Paid {
    /// The answers, unless none are wanted.
    pub(super) fn open(self) -> Result<Option<Cache>> {
        if self.mode == Mode::Off {
            return Ok(None);
        }
        Ok(Some(Cache::open(&Cache::folder()?, self.mode)))
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// How many answers there are, of which models, and how large they are.
    Stats,
    /// Remove answers that were not used for long, or the least used of too many.
    Prune {
        /// Not used for so long, such as 30d or 12h.
        #[arg(long, value_name = "AGE", value_parser = age)]
        max_age: Option<Duration>,
        /// Until the rest is no larger, such as 500MB or 4GB.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
    },
    /// Remove all answers.
    Clear {
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Where the answers are.
    Path,
    /// Print every answer as a line of JSON, for `import` elsewhere.
    Export,
    /// Take answers that `export` printed.
    Import {
        /// The file; - is standard input.
        file: PathBuf,
    },
}

/// One answer on its way from store to store.
#[derive(Deserialize, Serialize)]
struct Exported {
    key: String,
    model: String,
    answer: Completion,
}

pub(super) async fn run(args: Args) -> Result<Outcome> {
    let folder = Cache::folder()?;
    super::trust::check_store()?;
    let mut out = talk::stdout();
    if let Command::Path = args.command {
        return emit(&mut out, &folder.display().to_string()).map(|()| Outcome::Done);
    }
    let shelf = Shelf::open(&folder)?;
    match args.command {
        Command::Path => (),
        Command::Stats => stats(&shelf, &mut out)?,
        Command::Prune { max_age: None, max_size: None } => {
            return Err(Error::new(ErrorKind::Config, "nothing says which answers are to go")
                .hint("add --max-age 30d or --max-size 4GB"));
        }
        Command::Prune { max_age, max_size } => {
            note(&format!("removed {} answers", shelf.prune(max_age, max_size)?));
        }
        Command::Clear { yes: false } => {
            let entries = shelf.stats()?.entries;
            return Err(Error::new(
                ErrorKind::Config,
                format!("{entries} answers that were paid for would go"),
            )
            .hint(
                "tribunal cache clear --yes removes them; `tribunal cache export` keeps a copy",
            ));
        }
        Command::Clear { yes: true } => {
            note(&format!("removed {} answers", shelf.prune(None, Some(0))?));
        }
        Command::Export => {
            storing(&folder).check()?;
            shelf.each(|key, model, answer| {
                let line =
                    Exported { key: key.into(), model: model.into(), answer: answer.clone() };
                write_line(&mut out, &line)
            })?;
        }
        Command::Import { file } => return import(&shelf, &file).await,
    }
    Ok(Outcome::Done)
}

fn stats(shelf: &Shelf, out: &mut impl Write) -> Result<()> {
    let stats = shelf.stats()?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes with one digit")]
    let megabytes = stats.bytes as f64 / 1e6;
    emit(out, &format!("folder   {}", stats.path.parent().unwrap_or(&stats.path).display()))?;
    emit(out, &format!("answers  {}", stats.entries))?;
    emit(out, &format!("size     {megabytes:.1} MB"))?;
    if let Some(oldest) = stats.oldest {
        emit(out, &format!("oldest   {} days", oldest / 86_400))?;
    }
    stats
        .models
        .iter()
        .try_for_each(|(model, count)| emit(out, &format!("{count:>8} of {}", escaped(model))))
}

/// Answers are not written into their own store.
fn storing(folder: &Path) -> Plan {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let plan = Plan::default().writes_stdout();
    files.fold(plan, |plan, file| plan.reads("a part of the store", &file.path()))
}

fn write_line(out: &mut impl Write, line: &Exported) -> Result<()> {
    let text = serde_json::to_string(line).unwrap_or_default();
    writeln!(out, "{text}").map_err(cannot_print)
}

async fn import(shelf: &Shelf, file: &Path) -> Result<Outcome> {
    let source = match file.to_str() {
        Some("-") => Source::Stdin,
        _ => Source::File(file.to_owned()),
    };
    let (mut taken, mut failed) = (0, 0);
    for (number, line) in records::lines(&source)? {
        let line = line.map_err(|error| error.within(source.to_string()))?;
        let read = serde_json::from_str::<Exported>(&line).map_err(|cause| {
            let message = format!("the line is not an exported answer: {}", json_fault(&cause));
            Error::new(ErrorKind::Record, message)
        });
        let put = match read {
            Ok(Exported { key, model, answer }) => shelf.put(&key, &model, &answer).await,
            Err(error) => Err(error),
        };
        match put {
            Ok(()) => taken += 1,
            Err(error) => {
                failed += 1;
                complain(&error.within(format!("{source}:{number}")));
            }
        }
    }
    note(&format!("took {taken} answers"));
    Ok(if failed > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// `30d`, `12h`, `90m`, `45s`.
fn age(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds = match unit.as_str() {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "m" => 60.0,
        "s" => 1.0,
        _ => return Err("write it like 30d, 12h or 90m".into()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// `4GB`, `500MB`, `10kB`, `1GiB`.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let bytes = match unit.as_str() {
        "" | "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        _ => return Err("write it like 500MB or 4GB".into()),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive size")]
    Ok((number * bytes) as u64)
}

fn split(text: &str) -> Result<(f64, String), String> {
    let at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let number =
        text[..at].trim().parse::<f64>().map_err(|_| "it begins with a number".to_owned())?;
    if number >= 0.0 && number.is_finite() {
        Ok((number, text[at..].trim().to_lowercase()))
    } else {
        Err("it begins with a number above 0".into())
    }
}
