//! What a run was: beside its results, for whoever asks later.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::secrets::redacted;
use crate::{
    config::Resolved,
    error::{Error, ErrorKind, Result},
    judge::Judge,
};

/// The place of a run's manifest: beside its results.
pub(super) fn beside(results: &Path) -> Option<PathBuf> {
    let mut name = results.file_name()?.to_os_string();
    name.push(".run.json");
    // Beside a device there is no place.
    let is_file = results.metadata().map_or(true, |meta| meta.is_file());
    is_file.then(|| results.with_file_name(name))
}

/// Writes what was resolved: judge, prompt and model with their digests, settings, files, version. No key
/// of an API is among them.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    path: &Path,
    judge: &Judge,
    resolved: &Resolved,
    files: &[String],
    of_the_loop: Option<Value>,
) -> Result<()> {
    let mut model = json!(resolved.model);
    if let Some(table) = model.as_object_mut() {
        // Whatever is sent beside the request may be a secret.
        table.remove("extra");
    }
    let model = redacted("model", &model);
    let mut run = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "judge": {"name": resolved.name, "identity": judge.identity(), "settings": resolved.settings},
        "prompt": {
            "name": judge.prompt().name(),
            "hash": judge.prompt_hash(),
            "reading": judge.reading(),
            "source": judge.prompt().source(),
        },
        "model": {"name": judge.backend().name(), "identity": judge.backend().identity(), "settings": model},
        "pass": judge.pass().map(ToString::to_string),
        "files": files,
    });
    if let Some(more) = of_the_loop {
        run["loop"] = more;
    }
    std::fs::write(path, format!("{run:#}\n")).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
    })
}
