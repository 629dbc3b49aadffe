//! The ways in which models are reached, as a table.

#[cfg(not(feature = "command"))]
use std::path::PathBuf;
use std::{fmt, path::Path, sync::Arc};

use futures_util::future::BoxFuture;

use super::{Around, ModelSpec, OLLAMA};
use crate::{
    backend::{Backend, Replay, Script},
    error::{Error, ErrorKind, Result, near},
};

/// The model that judges when none is named: the one inside this program.
pub const DEFAULT_MODEL: &str = "tiny";

/// What the names of recordings begin with.
const REPLAY: &str = "replay:";
/// What the names of checks begin with.
const CHECK: &str = "check:";
/// The check that runs code, after the prefix of checks.
const TESTS: &str = "tests";
/// What the names of programs begin with.
const COMMAND: &str = "command:";
/// What the names of fixed texts begin with.
const SCRIPT: &str = "script:";

/// A way in which a model is reached.
pub struct Scheme {
    /// Its short name, such as `openai`.
    pub name: &'static str,
    /// How models of this scheme are named, such as `openai/MODEL`.
    pub example: &'static str,
    /// What it is, and which variables it reads.
    pub summary: &'static str,
    /// The settings that it has: keys of `[model.NAME]`.
    pub settings: &'static [&'static str],
    /// Where its answers come from.
    pub answers_from: AnswersFrom,
    fits: Fits,
    open: Opener,
}

/// Where the answers of a scheme come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswersFrom {
    /// A model in this process.
    Process,
    /// A model with an API: requests leave this process.
    Server,
    /// A program on this machine, which may ask anybody.
    Program,
    /// No model: rules, recordings, fixed texts. Such answers cost nothing and are not cached.
    NoModel,
}

/// Whether a scheme reaches the model of this name, at this address.
type Fits = fn(scheme: &Scheme, name: &str, base_url: Option<&str>) -> bool;

/// Opens a model.
type Opener = for<'o> fn(&'o ModelSpec, &'o Around) -> BoxFuture<'o, Result<Arc<dyn Backend>>>;

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scheme").field(&self.example).finish()
    }
}

/// Settings that models of all schemes have.
const COMMON: [&str; 4] = ["name", "concurrency", "clean_finish", "price"];

/// Settings of schemes without a model.
const NONE: &[&str] = &[];
/// Settings of models in this process.
const LOCAL: &[&str] = &[
    "context",
    "threads",
    "width",
    "deterministic",
    "kv_type",
    "flash_attention",
    "gpu_layers",
    "device",
    "split",
    "lora",
    "template",
];
/// Settings of models with an API.
const REMOTE: &[&str] = &[
    "base_url",
    "key_variable",
    "endpoints",
    "model_id",
    "extra",
    "context",
    "timeout",
    "stream",
    "rpm",
    "tpm",
];

/// Settings of programs.
const PROGRAM: &[&str] = &["pass_env", "timeout", "rpm"];

/// The table, in the order in which names are tried.
static SCHEMES: [Scheme; 26] = [
    Scheme {
        name: "tiny",
        example: "tiny",
        summary: "the shipped model: sums and differences of whole numbers up to 999, offline",
        settings: LOCAL,
        answers_from: AnswersFrom::Process,
        fits: |_, name, _| name == DEFAULT_MODEL,
        open: |spec, around| Box::pin(local(spec, around)),
    },
    Scheme {
        name: "gguf",
        example: "FILE.gguf",
        summary: "any GGUF, in this process",
        settings: LOCAL,
        answers_from: AnswersFrom::Process,
        fits: |_, name, base_url| is_gguf(name, base_url),
        open: |spec, around| Box::pin(local(spec, around)),
    },
    Scheme {
        name: "hf",
        example: "hf:OWNER/REPO:FILE",
        summary: "a GGUF of the Hugging Face Hub, downloaded once; FILE may be a quantization or left out",
        settings: LOCAL,
        answers_from: AnswersFrom::Process,
        fits: |_, name, _| crate::hub::is_name(name),
        open: |spec, around| Box::pin(of_hub(spec, around)),
    },
    Scheme {
        name: "ollama:",
        example: "ollama:NAME",
        summary: "the GGUF that a local Ollama holds, in this process",
        settings: LOCAL,
        answers_from: AnswersFrom::Process,
        fits: |_, name, _| name.starts_with(OLLAMA),
        open: |spec, around| Box::pin(of_ollama(spec, around)),
    },
    server("openai", "openai/MODEL", "OPENAI_API_KEY, OPENAI_BASE_URL", is_named),
    server("azure", "azure/DEPLOYMENT", "AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT", is_named),
    server("openrouter", "openrouter/MODEL", "OPENROUTER_API_KEY", is_named),
    server("anthropic", "anthropic/MODEL", "ANTHROPIC_API_KEY", is_named),
    server("gemini", "gemini/MODEL", "GEMINI_API_KEY or GOOGLE_API_KEY", is_named),
    server("groq", "groq/MODEL", "GROQ_API_KEY", is_named),
    server("together", "together/MODEL", "TOGETHER_API_KEY", is_named),
    server("deepseek", "deepseek/MODEL", "DEEPSEEK_API_KEY", is_named),
    server("mistral", "mistral/MODEL", "MISTRAL_API_KEY", is_named),
    server("xai", "xai/MODEL", "XAI_API_KEY", is_named),
    server("fireworks", "fireworks/MODEL", "FIREWORKS_API_KEY", is_named),
    server("ollama", "ollama/MODEL", "OLLAMA_HOST, else port 11434 of this machine", is_named),
    server("vllm", "vllm/MODEL", "VLLM_BASE_URL, else port 8000 of this machine", is_named),
    server("sglang", "sglang/MODEL", "SGLANG_BASE_URL, else port 30000 of this machine", is_named),
    server(
        "llamacpp",
        "llamacpp/MODEL",
        "llama.cpp's own server: LLAMACPP_BASE_URL, else port 8080 of this machine",
        is_named,
    ),
    server(
        "lmstudio",
        "lmstudio/MODEL",
        "LM Studio: LMSTUDIO_BASE_URL, else port 1234 of this machine",
        is_named,
    ),
    server(
        "litellm",
        "litellm/MODEL",
        "LiteLLM's proxy: LITELLM_BASE_URL, else port 4000 of this machine",
        is_named,
    ),
    Scheme {
        name: "check",
        example: "check:KIND",
        summary: "no model: exact, number, math, boxed, choice, regex or json-schema against the reference; tests runs code",
        settings: NONE,
        answers_from: AnswersFrom::NoModel,
        fits: |_, name, _| name.starts_with(CHECK),
        open: |spec, around| {
            Box::pin(async {
                match after(CHECK, spec) {
                    TESTS => tests(around),
                    kind => check(kind),
                }
            })
        },
    },
    Scheme {
        name: "replay",
        example: "replay:FILE",
        summary: "the answers of a run with --record FILE",
        settings: NONE,
        answers_from: AnswersFrom::NoModel,
        fits: |_, name, _| name.starts_with(REPLAY),
        open: |spec, around| {
            Box::pin(async {
                let path = after(REPLAY, spec);
                around.environment.check_file("model", path)?;
                Ok(Arc::new(Replay::open(path)?) as _)
            })
        },
    },
    Scheme {
        name: "command",
        example: "command:PROGRAM",
        summary: "a program: the request on its stdin, the verdict's text on its stdout",
        settings: PROGRAM,
        answers_from: AnswersFrom::Program,
        fits: |_, name, _| name.starts_with(COMMAND),
        open: |spec, around| Box::pin(async { command(spec, around) }),
    },
    Scheme {
        name: "script",
        example: "script:TEXT",
        summary: "answers TEXT to everything",
        settings: NONE,
        answers_from: AnswersFrom::NoModel,
        fits: |_, name, _| name.starts_with(SCRIPT),
        open: |spec, _| Box::pin(async { Ok(Arc::new(Script::always(after(SCRIPT, spec))) as _) }),
    },
    server("server", "ANY --base-url URL", "any other OpenAI-compatible API", |_, _, base_url| {
        base_url.is_some()
    }),
];

/// The entry of a server with an OpenAI-compatible API.
const fn server(
    name: &'static str,
    example: &'static str,
    summary: &'static str,
    fits: Fits,
) -> Scheme {
    Scheme {
        name,
        example,
        summary,
        settings: REMOTE,
        answers_from: AnswersFrom::Server,
        fits,
        open: |spec, around| Box::pin(async { remote(spec, around) }),
    }
}

/// All ways in which models are reached, in the order in which names are tried.
///
/// ```
/// let examples: Vec<&str> = tribunal::models::schemes().iter().map(|scheme| scheme.example).collect();
/// assert!(examples.contains(&"tiny") && examples.contains(&"openai/MODEL"));
/// ```
pub fn schemes() -> &'static [Scheme] {
    &SCHEMES
}

/// The scheme of a model of this name.
pub(super) fn of(name: &str, base_url: Option<&str>) -> Result<&'static Scheme> {
    let found = SCHEMES.iter().find(|scheme| (scheme.fits)(scheme, name, base_url));
    found.ok_or_else(|| unknown(name))
}

/// The error of a name that fits no scheme: the near scheme, and all that there are.
fn unknown(name: &str) -> Error {
    let prefix = name.split(['/', ':']).next().unwrap_or(name);
    let (providers, others): (Vec<_>, Vec<_>) =
        SCHEMES.iter().partition(|scheme| scheme.is_provider());
    let others: Vec<_> = others.iter().map(|scheme| format!("`{}`", scheme.example)).collect();
    let providers: Vec<_> = providers.iter().map(|scheme| scheme.name).collect();
    let names = format!(
        "names are `PROVIDER/MODEL`, {}; providers are {}",
        others.join(", "),
        providers.join(", ")
    );
    let message = format!("unknown model `{name}`: expected a .gguf file or PROVIDER/MODEL");
    let error = Error::new(ErrorKind::Config, message);
    let error = match near(prefix, SCHEMES.iter().map(|scheme| scheme.name)) {
        Some(near) if near != prefix => error.hint(format!("did you mean `{near}`?")),
        _ => error,
    };
    error.hint(names).hint(
        crate::Hint::from("for any other server, give its address with ")
            .setting("base_url", "http://127.0.0.1:8080/v1"),
    )
}

impl Scheme {
    /// Whether its models are named after a provider, as `openai/MODEL` is.
    fn is_provider(&self) -> bool {
        self.answers_from == AnswersFrom::Server && self.example.starts_with(self.name)
    }

    /// Whether models of this scheme have the setting.
    pub fn has(&self, setting: &str) -> bool {
        COMMON.contains(&setting) || self.settings.contains(&setting)
    }

    /// Refuses settings that models of this scheme do not have.
    pub(super) fn check(&self, spec: &ModelSpec) -> Result<()> {
        let table = spec.model_settings().table();
        let Some(key) = table.keys().find(|key| !self.has(key)) else { return Ok(()) };
        let own: Vec<&str> = COMMON[1..].iter().chain(self.settings).copied().collect();
        let message = format!("a model `{}` has no setting `{key}`", self.example);
        Err(Error::new(ErrorKind::Config, message)
            .within(spec.name())
            .hint(format!("its settings are `{}`", own.join("`, `"))))
    }

    /// Opens a model of this scheme; its settings have been checked.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) async fn open(&self, spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
        (self.open)(spec, around).await
    }
}

/// What follows the prefix in the name.
fn after<'s>(prefix: &str, spec: &'s ModelSpec) -> &'s str {
    spec.name().strip_prefix(prefix).unwrap_or_default()
}

/// Whether the name begins with that of the scheme, such as `openai/` or `openai:`.
fn is_named(scheme: &Scheme, name: &str, _: Option<&str>) -> bool {
    name.split_once(['/', ':']).is_some_and(|(prefix, _)| prefix == scheme.name)
}

/// Whether the name is that of a file of weights.
fn is_gguf(name: &str, base_url: Option<&str>) -> bool {
    base_url.is_none() && !crate::hub::is_name(name) && name.to_lowercase().ends_with(".gguf")
}

/// The file that is opened for a model of this name.
#[doc(hidden)]
pub fn file_of<'n>(name: &'n str, base_url: Option<&str>) -> Option<&'n str> {
    name.strip_prefix(REPLAY).or_else(|| is_gguf(name, base_url).then_some(name))
}

/// The model of this name, if it may be downloaded.
#[doc(hidden)]
pub fn download_of(name: &str) -> Option<&str> {
    crate::hub::is_name(name).then_some(name)
}

/// The program and its arguments of a model of this name, with the files among them as the absolute paths that they
/// lead to.
#[doc(hidden)]
pub fn program_of(name: &str) -> Option<String> {
    let line = name.strip_prefix(COMMAND)?;
    let real = |path: &Path| path.canonicalize().ok().filter(|path| path.is_file());
    Some(with_files(line, real).unwrap_or_else(|| line.to_owned()))
}

/// The same name with the files of its program beside a file of configuration, where they are there.
#[doc(hidden)]
pub fn beside(name: &str, folder: &Path) -> Option<String> {
    let moved = |path: &Path| Some(folder.join(path)).filter(|path| path.is_file());
    with_files(name.strip_prefix(COMMAND)?, moved).map(|line| format!("{COMMAND}{line}"))
}

/// Whether the answers of a model of this name may cost money: those of servers and of programs.
#[doc(hidden)]
pub fn may_cost(name: &str, base_url: Option<&str>) -> bool {
    is_remote(name, base_url) || name.starts_with(COMMAND)
}

/// Whether requests to a model of this name leave this process.
#[doc(hidden)]
pub fn is_remote(name: &str, base_url: Option<&str>) -> bool {
    let is_server = |scheme: &Scheme| scheme.answers_from == AnswersFrom::Server;
    cfg!(feature = "openai") && of(name, base_url).map_or(true, is_server)
}

/// Prepares a program; nothing is run yet.
#[cfg(feature = "command")]
fn command(spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
    let own = spec.model_settings();
    let program = crate::backend::Command::new(after(COMMAND, spec), &around.environment)?;
    let program = program.passing(&around.environment, &own.pass_env)?;
    Ok(Arc::new(match own.timeout {
        Some(timeout) => program.timeout(timeout),
        None => program,
    }))
}

#[cfg(not(feature = "command"))]
fn command(_: &ModelSpec, _: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("programs as judges", "command"))
}

#[cfg(feature = "command")]
use crate::backend::with_files;

/// Without programs there is nothing to move.
#[cfg(not(feature = "command"))]
fn with_files(_: &str, _: impl Fn(&Path) -> Option<PathBuf>) -> Option<String> {
    None
}

/// Opens the check that runs the code of answers against tests.
#[cfg(feature = "code")]
fn tests(around: &Around) -> Result<Arc<dyn Backend>> {
    let Some(sandbox) = &around.sandbox else {
        let message = "`check:tests` runs the code of answers, which needs your permission";
        return Err(Error::new(ErrorKind::Unsupported, message).hint(
            crate::Hint::from("allow it with ")
                .setting("allow_code", "")
                .text(": it runs in a sandbox"),
        ));
    };
    Ok(Arc::new(crate::backend::TestsCheck::new(sandbox.clone())))
}

#[cfg(not(feature = "code"))]
fn tests(_: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("a sandbox for code", "code"))
}

/// Opens a check by rules.
#[cfg(feature = "checks")]
fn check(kind: &str) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(crate::backend::Check::named(kind)?))
}

#[cfg(not(feature = "checks"))]
fn check(_: &str) -> Result<Arc<dyn Backend>> {
    Err(lacking("checks by rules", "checks"))
}

/// Loads the shipped model, or a file, in this process.
#[cfg(feature = "llama")]
async fn local(spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
    if spec.name() != DEFAULT_MODEL {
        around.environment.check_file("model", spec.name())?;
    }
    loaded(options(spec.name())?, spec, around).await
}

/// Loads a model of the Hub in this process, downloaded before if need be.
#[cfg(all(feature = "llama", feature = "hub"))]
async fn of_hub(spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
    let file = around.downloaded(spec.name()).await?;
    loaded(named(&file, spec), spec, around).await
}

/// Loads a model of a local Ollama in this process.
#[cfg(feature = "llama")]
async fn of_ollama(spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
    let file = super::ollama::file(spec.name(), &around.environment)?;
    loaded(named(&file, spec), spec, around).await
}

/// The options of a file that is known under another name.
#[cfg(feature = "llama")]
fn named(file: &Path, spec: &ModelSpec) -> crate::backend::llama::LlamaOptions {
    use crate::backend::llama::LlamaOptions;
    LlamaOptions { name: Some(spec.name().to_owned()), ..LlamaOptions::file(file) }
}

/// Loads a model in this process with the settings of its specification.
#[cfg(feature = "llama")]
async fn loaded(
    options: crate::backend::llama::LlamaOptions,
    spec: &ModelSpec,
    around: &Around,
) -> Result<Arc<dyn Backend>> {
    use super::Context;
    use crate::backend::llama::{LlamaOptions, Lora};
    let settings = spec.model_settings();
    if let Some((file, _)) = settings.lora_file() {
        around.environment.check_file("lora", file)?;
    }
    let options = LlamaOptions {
        lora: settings.lora_file().map(|(file, scale)| Lora { file: file.into(), scale }),
        context: settings.context.map(|context| match context {
            Context::Tokens(tokens) => tokens,
            Context::Full => 0,
        }),
        threads: settings.threads.map(i32::from),
        gpu_layers: settings.gpu_layers,
        width: settings.width.map(usize::from),
        deterministic: settings.deterministic.unwrap_or_default(),
        kv_type: settings.kv_type.unwrap_or_default(),
        flash_attention: settings.flash_attention.unwrap_or_default(),
        device: settings.device.clone(),
        split: settings.split,
        template: settings.template_variables().into_iter().collect(),
        ..options
    };
    Ok(Arc::new(around.memory.open(options).await?))
}

/// How a model in this process is loaded where nothing is set.
#[cfg(feature = "llama")]
fn options(name: &str) -> Result<crate::backend::llama::LlamaOptions> {
    if name == DEFAULT_MODEL { tiny() } else { Ok(crate::backend::llama::LlamaOptions::file(name)) }
}

/// The description of a model in this process, from its file.
///
/// # Errors
/// The file is missing or not a GGUF.
#[cfg(feature = "llama")]
pub fn describe(name: &str) -> Result<crate::backend::llama::Info> {
    crate::backend::llama::inspect(&options(name)?.weights)
}

/// The model inside this program.
#[cfg(all(feature = "llama", feature = "tiny"))]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn tiny() -> Result<crate::backend::llama::LlamaOptions> {
    use crate::backend::llama::{LlamaOptions, Weights};
    let weights = Weights::Embedded(include_bytes!("../../models/tiny.gguf"));
    Ok(LlamaOptions { name: Some(DEFAULT_MODEL.into()), ..LlamaOptions::new(weights) })
}

#[cfg(all(feature = "llama", not(feature = "tiny")))]
fn tiny() -> Result<crate::backend::llama::LlamaOptions> {
    Err(lacking("the shipped model", "tiny"))
}

#[cfg(not(feature = "llama"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn local(_: &ModelSpec, _: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("models in this process", "llama"))
}

#[cfg(not(all(feature = "llama", feature = "hub")))]
#[expect(clippy::unused_async, reason = "with the features it waits")]
async fn of_hub(_: &ModelSpec, _: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("models of the Hub in this process", "llama,hub"))
}

#[cfg(not(feature = "llama"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn of_ollama(_: &ModelSpec, _: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("models in this process", "llama"))
}

/// Prepares a model with an API: keys and addresses are looked up here, and nothing is sent yet.
#[cfg(feature = "openai")]
fn remote(spec: &ModelSpec, around: &Around) -> Result<Arc<dyn Backend>> {
    use crate::backend::Endpoints;
    let own = spec.model_settings();
    let (url, key) = (own.base_url.as_deref(), own.key_variable.as_deref());
    let first = endpoint(spec, around, url, key)?;
    if own.endpoints.is_empty() {
        return Ok(Arc::new(first));
    }
    let mut all = Endpoints::new(first);
    for other in &own.endpoints {
        let url = other.base_url.as_deref().or(url);
        let key = other.key_variable.as_deref().or(key);
        all = all.and(endpoint(spec, around, url, key)?, other.weight.unwrap_or(1));
    }
    Ok(Arc::new(all))
}

/// The model at one address and with one key.
#[cfg(feature = "openai")]
fn endpoint(
    spec: &ModelSpec,
    around: &Around,
    base_url: Option<&str>,
    key_variable: Option<&str>,
) -> Result<crate::backend::openai::OpenAi> {
    use crate::backend::openai::{OpenAi, OpenAiOptions};
    if let Some(url) = base_url {
        around.environment.check_address("base_url", url)?;
    }
    if let Some(name) = key_variable {
        around.environment.check_variable("key_variable", name)?;
    }
    let variable = |name: &str| {
        let is_key = name.ends_with("_API_KEY");
        let named = key_variable.filter(|_| is_key);
        // An empty key is reported as empty; any other empty variable counts as not set.
        let is_set = |value: &String| !value.is_empty() || is_key;
        around.environment.variable(named.unwrap_or(name)).filter(is_set)
    };
    let own = spec.model_settings();
    let mut options = OpenAiOptions::new(spec.name(), base_url, &variable)?;
    options.extra = own.extra_fields();
    options.model_id.clone_from(&own.model_id);
    options.timeout = own.timeout.unwrap_or(options.timeout);
    if around.offline {
        options.provider = options.provider.unasked();
    }
    options.stream = own.stream.unwrap_or(options.stream);
    options.context = own.context.and_then(super::Context::tokens);
    OpenAi::new(options)
}

#[cfg(not(feature = "openai"))]
fn remote(_: &ModelSpec, _: &Around) -> Result<Arc<dyn Backend>> {
    Err(lacking("APIs", "openai"))
}

/// The error of a build without a feature.
#[cfg(not(all(
    feature = "checks",
    feature = "code",
    feature = "command",
    feature = "hub",
    feature = "llama",
    feature = "openai",
    feature = "tiny"
)))]
fn lacking(what: &str, feature: &str) -> Error {
    Error::new(ErrorKind::Config, format!("this program was built without {what}"))
        .hint(format!("build it with `--features {feature}`"))
}

#[cfg(all(test, feature = "openai"))]
mod tests {
    use super::{SCHEMES, Scheme};

    #[test]
    fn every_server_with_a_preset_has_a_scheme() {
        let schemes = SCHEMES.iter().filter(|scheme| scheme.is_provider());
        let schemes: Vec<_> = schemes.map(|scheme: &Scheme| scheme.name).collect();
        assert_eq!(schemes, crate::models::presets::ids().collect::<Vec<_>>());
    }
}
