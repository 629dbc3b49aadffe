//! `tribunal init`: a judge to start from.
//!
//! The files are those of `examples/start`, compiled into the program. They judge sums with the built-in model, so that
//! the example runs offline and at once. The new tribunal.toml is trusted, because this program has written it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Exit, note, trust};
use tribunal::error::{Error, ErrorKind, Result};

/// Write an example: a tribunal.toml, a prompt and ten records.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to write into [default: current folder].
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Name and content of every file.
const FILES: [(&str, &str); 3] = [
    ("tribunal.toml", include_str!("../../examples/start/tribunal.toml")),
    ("prompts/sums.jinja", include_str!("../../examples/start/prompts/sums.jinja")),
    ("records.jsonl", include_str!("../../examples/start/records.jsonl")),
];

/// Runs `tribunal init`: writes all files, or none where one of them exists.
///
/// # Errors
/// A file exists already, or cannot be written.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let folder = args.folder.as_deref().unwrap_or(Path::new(""));
    let taken = FILES.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = taken {
        let message = format!("`{}` exists already", path.display());
        return Err(Error::new(ErrorKind::Config, message)
            .hint("name another folder, such as: tribunal init my-judge"));
    }
    for (name, text) in FILES {
        write(&folder.join(name), text)?;
        note(&format!("wrote {}", folder.join(name).display()));
    }
    trust::remember(&folder.join(FILES[0].0))?;
    let enter = if folder.as_os_str().is_empty() {
        String::new()
    } else {
        format!("cd {} && ", folder.display())
    };
    note(&format!("next: {enter}tribunal judge records.jsonl"));
    Ok(Exit::Done)
}

/// Writes a file, in folders that are created.
fn write(path: &Path, text: &str) -> Result<()> {
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
    })
}
