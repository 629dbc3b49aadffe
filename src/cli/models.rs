//! `tribunal models`: the names of models, the metadata of model files, and downloads.
//!
//! A broken GGUF file can crash llama.cpp, and with it the program. So before a file is loaded for the first time, this
//! program starts itself as `tribunal models try FILE` (hidden from the help), which loads the file and generates one
//! word. If that process dies, the file is refused with an error; nothing else is lost.

use std::{
    io,
    path::{Path, PathBuf},
};

#[cfg(feature = "hub")]
use super::downloads;
use super::{Exit, emit, width};
#[cfg(feature = "hub")]
use tribunal::{environment::Environment, models::Models};
use tribunal::{error::Result, models::schemes};

/// List model names, download models, or describe a GGUF file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the forms of model names that -m accepts.
    List,
    /// Print the metadata of a GGUF file, or of `tiny`.
    Info {
        /// GGUF file, `tiny`, hf:OWNER/REPO:FILE or ollama:NAME.
        #[arg(value_name = "MODEL")]
        path: PathBuf,
    },
    /// Download a model of the Hugging Face Hub; print its path.
    #[cfg(feature = "hub")]
    Pull {
        /// hf:OWNER/REPO or hf:OWNER/REPO:FILE; FILE may be a quantization.
        #[arg(value_name = "MODEL")]
        name: String,
        /// Show no progress.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Load a GGUF file and generate one word, in a process that a broken file may crash.
    #[cfg(feature = "llama")]
    #[command(hide = true)]
    Try {
        /// The file.
        path: PathBuf,
    },
}

impl Args {
    /// Has model files tried in a process of their own first, unless this is that process.
    #[cfg(feature = "llama")]
    pub(super) fn guard(command: &super::Command) {
        if matches!(command, super::Command::Models(Self { command: Command::Try { .. } })) {
            return;
        }
        tribunal::backend::llama::trial::by(|path| {
            let mut command = std::process::Command::new(std::env::current_exe().ok()?);
            command.args(["models", "try"]).arg(path);
            Some(command)
        });
    }
}

/// Runs `tribunal models`.
///
/// # Errors
/// A file is not a GGUF file, or cannot be loaded.
#[cfg_attr(
    not(feature = "llama"),
    expect(clippy::unused_async, reason = "with the feature it waits")
)]
pub(super) async fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::List => {
            for scheme in schemes() {
                let name = format!("{:<20} ", scheme.example);
                emit(&mut io::stdout(), &width::listed(&name, scheme.summary, width::of_stdout()))?;
            }
            Ok(Exit::Done)
        }
        Command::Info { path } => info(&found(path).await?),
        #[cfg(feature = "hub")]
        Command::Pull { name, quiet } => pull(&name, quiet).await,
        #[cfg(feature = "llama")]
        Command::Try { path } => {
            tribunal::backend::llama::trial::run(&path).await.map(|()| Exit::Done)
        }
    }
}

/// Downloads a model, and prints the path of its first file.
#[cfg(feature = "hub")]
async fn pull(name: &str, quiet: bool) -> Result<Exit> {
    use tribunal::error::{Error, ErrorKind};
    let models = Models::new(Environment::process()).downloading(downloads::shown(quiet));
    let Some(file) = models.pull(name).await? else {
        let message = format!("`{name}` is not a model that can be downloaded");
        return Err(Error::new(ErrorKind::Config, message)
            .hint("write hf:OWNER/REPO, or hf:OWNER/REPO:FILE for one of its files"));
    };
    emit(&mut io::stdout(), &file.display().to_string())?;
    Ok(Exit::Done)
}

/// The file of a model that is kept elsewhere under a name; any other path as it is.
#[cfg(feature = "hub")]
async fn found(path: PathBuf) -> Result<PathBuf> {
    let models = Models::new(Environment::process()).downloading(downloads::shown(false));
    Ok(models.pull(&path.to_string_lossy()).await?.unwrap_or(path))
}

#[cfg(not(feature = "hub"))]
#[expect(
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "with the feature it looks for the file"
)]
async fn found(path: PathBuf) -> Result<PathBuf> {
    Ok(path)
}

/// Prints the metadata of a file without loading its weights.
#[cfg(feature = "llama")]
fn info(path: &Path) -> Result<Exit> {
    let info = tribunal::models::describe(&path.to_string_lossy())?;
    let (widths, fits) = (measured(&info.widths), fitting(&info.fits));
    let fields = serde_json::to_value(info).unwrap_or_default();
    for (name, value) in fields.as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "widths" => widths.clone(),
            "fits" => fits.clone(),
            _ => value.as_str().map_or_else(|| value.to_string(), tribunal::report::escaped),
        };
        emit(&mut io::stdout(), &format!("{name:<14} {value}"))?;
    }
    Ok(Exit::Done)
}

/// The speed by the number of requests that are answered at once, for people.
#[cfg(feature = "llama")]
fn measured(widths: &[(usize, f64)]) -> String {
    let each = widths.iter().map(|(width, rate)| format!("{width} at once: {rate:.0} tokens/s"));
    each.collect::<Vec<_>>().join(", ")
}

/// How many requests fit into memory by the length of their contexts, for people.
#[cfg(feature = "llama")]
fn fitting(fits: &[(u32, usize)]) -> String {
    let each = fits.iter().map(|(length, count)| format!("{count} at once with {length} tokens"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(not(feature = "llama"))]
fn info(_: &Path) -> Result<Exit> {
    use tribunal::error::{Error, ErrorKind};
    Err(Error::new(ErrorKind::Config, "this build cannot load models into its own process")
        .hint("build it with `--features llama`"))
}
