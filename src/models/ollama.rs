//! Models that a local Ollama holds: `ollama:NAME` finds the GGUF file of `ollama pull NAME`.
//!
//! Ollama keeps a manifest for each name, which lists files by their checksums.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result, near},
    files::is_word,
    models::OLLAMA,
};

/// Where models come from whose names have no host.
const HOST: &str = "registry.ollama.ai";
/// Where models come from whose names have no owner.
const OWNER: &str = "library";
/// The version of names without one.
const TAG: &str = "latest";

/// The folders of an Ollama that runs as a service.
const SHARED: [&str; 2] = ["/usr/share/ollama/.ollama/models", "/var/lib/ollama/models"];

/// The files of a model.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

/// A file of a model.
#[derive(Debug, Deserialize)]
struct Layer {
    #[serde(rename = "mediaType", default)]
    kind: String,
    #[serde(default)]
    digest: String,
}

/// The GGUF file of a model that a local Ollama holds.
///
/// # Errors
/// [`ErrorKind::Config`]: files may not be named in this environment, no Ollama has a model of this name, or its
/// manifest cannot be read.
pub(super) fn file(name: &str, environment: &Environment) -> Result<PathBuf> {
    environment.check_file("model", name)?;
    let own = name.strip_prefix(OLLAMA).unwrap_or(name);
    let folders = folders(environment);
    let found = parts(own).and_then(|parts| {
        let manifest =
            |folder: &PathBuf| folder.join("manifests").join(parts.iter().collect::<PathBuf>());
        folders
            .iter()
            .find(|folder| manifest(folder).is_file())
            .map(|folder| (folder, manifest(folder)))
    });
    let Some((folder, manifest)) = found else { return Err(unknown(own, &folders)) };
    let broken = |what: &str| {
        let message = format!("`{name}`: {what} in `{}`", manifest.display());
        Error::new(ErrorKind::Config, message).hint(format!("run `ollama pull {own}` again"))
    };
    let text =
        std::fs::read_to_string(&manifest).map_err(|error| broken("unreadable").because(error))?;
    let read: Manifest =
        serde_json::from_str(&text).map_err(|error| broken("not a manifest").because(error))?;
    let mut models = read.layers.iter().filter(|layer| layer.kind.ends_with("image.model"));
    let digest = models.next().map(|layer| &layer.digest).ok_or_else(|| broken("no model"))?;
    if digest.contains(['/', '\\']) {
        return Err(broken("not a checksum"));
    }
    let file = folder.join("blobs").join(digest.replace(':', "-"));
    if file.is_file() { Ok(file) } else { Err(broken("a file is missing that is named")) }
}

/// The folders in which an Ollama may keep its models.
fn folders(environment: &Environment) -> Vec<PathBuf> {
    if let Some(folder) = environment.variable("OLLAMA_MODELS").filter(|folder| !folder.is_empty())
    {
        return vec![folder.into()];
    }
    let home = environment.variable("HOME").or_else(|| environment.variable("USERPROFILE"));
    let own = home.map(|home| Path::new(&home).join(".ollama").join("models"));
    own.into_iter().chain(SHARED.map(PathBuf::from)).collect()
}

/// Host, owner, model and version of a name; `None` if it is no name.
fn parts(name: &str) -> Option<[&str; 4]> {
    // A colon before the last slash belongs to the host.
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (name, TAG),
    };
    let parts = match *path.split('/').collect::<Vec<_>>() {
        [model] => [HOST, OWNER, model, tag],
        [owner, model] => [HOST, owner, model, tag],
        [host, owner, model] => [host, owner, model, tag],
        _ => return None,
    };
    parts.iter().all(|part| is_word(part, &[])).then_some(parts)
}

/// The error for a model that is not there, with those that are.
fn unknown(name: &str, folders: &[PathBuf]) -> Error {
    let known: BTreeSet<_> = folders.iter().flat_map(|folder| names(folder)).collect();
    let error =
        Error::new(ErrorKind::Config, format!("Ollama has no model `{name}` on this machine"));
    let error = match near(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{OLLAMA}{near}`?")),
        None => error,
    };
    let error = error.hint(format!(
        "run `ollama pull {name}`, or set OLLAMA_MODELS to the folder of its models"
    ));
    if known.is_empty() {
        return error;
    }
    let known: Vec<_> = known.into_iter().take(20).collect();
    error.hint(format!("it has {}", known.join(", ")))
}

/// The names of the models in a folder.
fn names(folder: &Path) -> Vec<String> {
    let inner = |folder: PathBuf| -> Vec<PathBuf> {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    };
    let manifests = folder.join("manifests");
    let mut level = inner(manifests.clone());
    for _ in 0..3 {
        level = level.into_iter().flat_map(inner).collect();
    }
    let name = |path: PathBuf| {
        let parts: Vec<_> =
            path.strip_prefix(&manifests).ok()?.iter().map(|part| part.to_str()).collect();
        match parts[..] {
            [Some(HOST), Some(OWNER), Some(model), Some(tag)] => Some(format!("{model}:{tag}")),
            [Some(HOST), Some(owner), Some(model), Some(tag)] => {
                Some(format!("{owner}/{model}:{tag}"))
            }
            [Some(host), Some(owner), Some(model), Some(tag)] => {
                Some(format!("{host}/{owner}/{model}:{tag}"))
            }
            _ => None,
        }
    };
    level.into_iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_ollama_does() {
        for (name, whole) in [
            ("qwen3", ["registry.ollama.ai", "library", "qwen3", "latest"]),
            ("qwen3:4b", ["registry.ollama.ai", "library", "qwen3", "4b"]),
            ("me/judge:v1", ["registry.ollama.ai", "me", "judge", "v1"]),
            ("hf.co/a/b-GGUF:Q4_K_M", ["hf.co", "a", "b-GGUF", "Q4_K_M"]),
        ] {
            assert_eq!(parts(name), Some(whole));
        }
        for name in ["", "../x", "a/../b", "a/b/c/d", "x:", ":x", "a b"] {
            assert_eq!(parts(name), None, "{name}");
        }
    }

    #[test]
    fn the_file_is_found_by_the_manifest() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("manifests/registry.ollama.ai/library/qwen3");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(root.path().join("blobs")).unwrap();
        let manifest = r#"{"schemaVersion": 2, "layers": [
            {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:11"},
            {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:22", "size": 3}]}"#;
        std::fs::write(folder.join("4b"), manifest).unwrap();
        let own = Environment::of([("OLLAMA_MODELS", root.path().display().to_string())]);
        let missing = file("ollama:qwen3:4b", &own).unwrap_err();
        assert!(missing.to_string().contains("a file is missing"), "{missing}");
        let blob = root.path().join("blobs/sha256-22");
        std::fs::write(&blob, "gguf").unwrap();
        assert_eq!(file("ollama:qwen3:4b", &own).unwrap(), blob);

        let error = file("ollama:qwen3:8b", &own).unwrap_err();
        assert!(error.to_string().contains("Ollama has no model `qwen3:8b`"), "{error}");
        let hints: Vec<_> = error.hints().iter().map(ToString::to_string).collect();
        assert_eq!(hints[0], "did you mean `ollama:qwen3:4b`?");
        assert_eq!(hints[2], "it has qwen3:4b");
        assert!(file("ollama:qwen3:4b", &Environment::closed()).is_err());
    }
}
