//! What a run was: beside its results, for whoever asks later.

use std::path::Path;

use serde_json::json;

use crate::{
    config::Resolved,
    error::{Error, ErrorKind, Result},
    judge::Judge,
};

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
) -> Result<()> {
    let mut model = json!(resolved.model);
    if let Some(table) = model.as_object_mut() {
        // Whatever is sent beside the request may be a secret.
        table.remove("extra");
    }
    let run = json!({
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
    std::fs::write(path, format!("{run:#}\n")).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
    })
}
