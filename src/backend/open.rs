//! Models by name.

use std::{path::PathBuf, sync::Arc};

#[cfg(feature = "checks")]
use super::Check;
use super::{Backend, Recorded, Replay, Script};
use crate::error::Result;
#[cfg(not(all(feature = "checks", feature = "llama", feature = "openai", feature = "tiny")))]
use crate::error::{Error, ErrorKind};

/// The model that judges when none is named: the one inside this program.
pub const DEFAULT_MODEL: &str = "tiny";

/// How names begin that mean no model.
const REPLAY: &str = "replay:";
const CHECK: &str = "check:";
const SCRIPT: &str = "script:";

/// How a model that goes by name is reached.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Address of an OpenAI-compatible API, up to and including `/v1`.
    pub base_url: Option<String>,
    /// Stands for the model in keys, where its name alone would mislead.
    pub model_id: Option<String>,
    /// The environment variable that holds the key, where it is not the provider's usual one.
    pub key_variable: Option<String>,
    /// Says when a run is to stop: from then on no failed request is sent again.
    pub stopping: Option<tokio::sync::watch::Receiver<bool>>,
    /// Fields added to every request body.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Remembers the answers of models that cost something.
    #[cfg(feature = "store")]
    pub cache: Option<super::cache::Cache>,
    /// Writes every answer to this file, for `replay:FILE`.
    pub record: Option<PathBuf>,
    /// Sends nothing while the model is opened: what a server can do is assumed, not asked. For dry runs.
    pub offline: bool,
}

/// Opens a model by its name.
///
/// `tiny`, `path/to/model.gguf`, `openai/MODEL`, `ollama/MODEL`, `vllm/MODEL`, `llamacpp/MODEL`,
/// `openrouter/MODEL`, any name with a base URL, `check:KIND`, `replay:FILE`, `script:TEXT`.
///
/// # Errors
/// The name means nothing, the file cannot be loaded, or the program was built without that backend.
pub async fn open(name: &str, options: &Options) -> Result<Arc<dyn Backend>> {
    let backend = by_name(name, options).await?;
    match &options.record {
        Some(path) => Ok(Arc::new(Recorded::new(backend, path, secrets(options))?)),
        None => Ok(backend),
    }
}

async fn by_name(name: &str, options: &Options) -> Result<Arc<dyn Backend>> {
    if let Some(path) = name.strip_prefix(REPLAY) {
        return Ok(Arc::new(Replay::open(path)?));
    }
    if let Some(check) = name.strip_prefix(CHECK) {
        return checking(check);
    }
    if let Some(text) = name.strip_prefix(SCRIPT) {
        return Ok(Arc::new(Script::always(text)));
    }
    let is_here = name == DEFAULT_MODEL || is_gguf(name, options.base_url.as_deref());
    let model = if is_here { local(name).await } else { remote(name, options) }?;
    #[cfg(feature = "store")]
    if let Some(cache) = &options.cache {
        return Ok(Arc::new(cache.over(model)));
    }
    Ok(model)
}

#[cfg(feature = "checks")]
fn checking(check: &str) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(Check::named(check)?))
}

#[cfg(not(feature = "checks"))]
fn checking(_: &str) -> Result<Arc<dyn Backend>> {
    Err(lacking("checks by rules", "checks"))
}

/// Whether the name is that of a file of weights.
fn is_gguf(name: &str, base_url: Option<&str>) -> bool {
    base_url.is_none() && name.to_lowercase().ends_with(".gguf")
}

/// The file that is opened for a model of this name.
pub fn file_of<'n>(name: &'n str, base_url: Option<&str>) -> Option<&'n str> {
    name.strip_prefix(REPLAY).or_else(|| is_gguf(name, base_url).then_some(name))
}

/// Whether requests to a model of this name leave this process.
pub fn is_remote(name: &str, base_url: Option<&str>) -> bool {
    let is_built_in =
        name == DEFAULT_MODEL || [CHECK, SCRIPT].iter().any(|it| name.starts_with(it));
    cfg!(feature = "openai") && !is_built_in && file_of(name, base_url).is_none()
}

#[cfg(feature = "llama")]
async fn local(name: &str) -> Result<Arc<dyn Backend>> {
    use super::llama::{Llama, Settings};
    let settings = if name == DEFAULT_MODEL { tiny()? } else { Settings::file(name) };
    Ok(Arc::new(Llama::load(settings).await?))
}

/// What a model in this process says of itself, by its name.
///
/// # Errors
/// The file is missing or no GGUF.
#[cfg(feature = "llama")]
pub fn describe(name: &str) -> Result<super::llama::Info> {
    use super::llama::{Settings, inspect};
    let settings = if name == DEFAULT_MODEL { tiny()? } else { Settings::file(name) };
    inspect(&settings.weights)
}

/// The settings of the model inside this program.
#[cfg(all(feature = "llama", feature = "tiny"))]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn tiny() -> Result<super::llama::Settings> {
    use super::llama::{Settings, Weights};
    let weights = Weights::Embedded(include_bytes!("../../models/tiny.gguf"));
    Ok(Settings { name: Some(DEFAULT_MODEL.into()), ..Settings::new(weights) })
}

#[cfg(all(feature = "llama", not(feature = "tiny")))]
fn tiny() -> Result<super::llama::Settings> {
    Err(lacking("the shipped model", "tiny"))
}

#[cfg(not(feature = "llama"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn local(_: &str) -> Result<Arc<dyn Backend>> {
    Err(lacking("models in this process", "llama"))
}

#[cfg(feature = "openai")]
fn remote(name: &str, options: &Options) -> Result<Arc<dyn Backend>> {
    use super::openai::{OpenAi, OpenAiOptions};
    let environment = |variable: &str| {
        let own = options.key_variable.as_deref().filter(|_| variable.ends_with("_API_KEY"));
        // An empty key is said to be empty; any other empty variable is as good as none.
        let is_set = |value: &String| !value.is_empty() || variable.ends_with("_API_KEY");
        std::env::var(own.unwrap_or(variable)).ok().filter(is_set)
    };
    let settings = OpenAiOptions::new(name, options.base_url.as_deref(), &environment)?;
    let mut settings = OpenAiOptions {
        extra: options.extra.clone(),
        model_id: options.model_id.clone(),
        stopping: options.stopping.clone(),
        ..settings
    };
    if options.offline {
        settings.provider = settings.provider.unasked();
    }
    Ok(Arc::new(OpenAi::new(settings)?))
}

#[cfg(not(feature = "openai"))]
fn remote(_: &str, _: &Options) -> Result<Arc<dyn Backend>> {
    Err(lacking("APIs", "openai"))
}

#[cfg(not(all(feature = "checks", feature = "llama", feature = "openai", feature = "tiny")))]
fn lacking(what: &str, feature: &str) -> Error {
    Error::new(ErrorKind::Config, format!("this program was built without {what}"))
        .hint(format!("build it with `--features {feature}`"))
}

/// What presets of servers say where there are none.
#[cfg(not(feature = "openai"))]
#[expect(missing_docs, reason = "as those of the feature")]
pub mod presets {
    pub fn key_variable(_: &str) -> &'static str {
        ""
    }

    pub fn foreign_place(_: &str, _: &str) -> Option<String> {
        None
    }

    #[cfg(feature = "cli")]
    pub fn foreign_place_in(_: &str, _: &str) -> Option<String> {
        None
    }

    #[cfg(feature = "cli")]
    pub fn address_variables_of(_: &str) -> &'static [&'static str] {
        &[]
    }

    #[cfg(feature = "cli")]
    pub fn key_variables() -> impl Iterator<Item = &'static str> {
        std::iter::empty()
    }

    #[cfg(feature = "cli")]
    pub fn address_variables() -> impl Iterator<Item = &'static str> {
        std::iter::empty()
    }
}

/// Values that must never reach a recording or a screen: the key in use, and variables that hold secrets.
pub fn secrets(options: &Options) -> Vec<String> {
    let used = options.key_variable.as_deref().and_then(|name| std::env::var(name).ok());
    let others = std::env::vars().filter(|(name, value)| is_secret(name, value));
    others.map(|(_, value)| value).chain(used).map(|value| value.trim().to_owned()).collect()
}

/// Whether a variable holds a secret: `KEYBOARD` and `SSH_KEY_PATH` do not.
fn is_secret(name: &str, value: &str) -> bool {
    const NAMES: [&str; 8] =
        ["KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"];
    const SHORTEST: usize = 8;
    let is_path = value.starts_with(['/', '~', '.']);
    let is_variable = value.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let value = value.trim();
    let is_phrase = name.to_uppercase().contains("PASS");
    name.to_uppercase().split('_').any(|word| NAMES.contains(&word))
        && value.len() >= SHORTEST
        && !is_path
        && !is_variable
        && (is_phrase || !value.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn only_what_is_named_and_looks_like_a_secret_is_one() {
        for (name, value) in [
            ("OPENAI_API_KEY", "sk-0123456789"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"),
            ("GITHUB_TOKEN", "ghp_abcdefgh"),
            ("DB_PASSWORD", "correct horse battery"),
            ("OPENAI_API_KEY_2", "abcdefgh"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("KEYBOARD", "us-intl-altgr"),
            ("TOKENIZERS_PARALLELISM", "false-false"),
            ("SSH_KEY_PATH", "/home/me/.ssh/id"),
            ("TRIBUNAL_KEY_VARIABLE", "OPENAI_API_KEY"),
            ("SECRETARY", "Mrs Robinson"),
            ("API_KEY", "EMPTY"),
            ("KEY_HINT", "it lies under the mat"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
