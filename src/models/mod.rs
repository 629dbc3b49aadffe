//! The registry: opens models by name, each once, with the layers around them.
//!
//! The name of a model decides how it is reached: `tiny`, `weights.gguf`, `openai/gpt-5-mini`, `check:exact`. Each way is
//! a scheme, an entry of a table with the settings that it has.
//!
//! ```
//! # #[cfg(all(feature = "llama", feature = "tiny"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Judge, models::Models};
//!
//! let models = Models::default();
//! let judge = Judge::builder().model("tiny").models(&models).prompt("tiny-score").build().await?;
//! let critic = Judge::builder().model("tiny").models(&models).prompt("tiny-score").build().await?;
//! assert_eq!(models.loads(), 1); // both ask the same engine
//! # drop((judge, critic));
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "llama", feature = "tiny")))]
//! # fn main() {}
//! ```

mod families;
#[cfg(feature = "llama")]
mod memory;
#[cfg(any(feature = "hub", feature = "llama"))]
mod ollama;
mod schemes;
pub(crate) mod settings;
mod stack;

#[cfg(not(feature = "openai"))]
#[doc(hidden)]
pub mod presets;

#[cfg(feature = "openai")]
#[doc(hidden)]
pub use crate::backend::openai::presets;

pub use {
    families::families,
    schemes::DEFAULT_MODEL,
    settings::{Context, EndpointSettings, ModelSettings},
};

#[cfg(feature = "llama")]
#[doc(hidden)]
pub use schemes::describe;
#[doc(hidden)]
pub use {
    schemes::{
        AnswersFrom, Scheme, beside, download_of, file_of, is_remote, may_cost, program_of, schemes,
    },
    settings::Pair,
};

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OnceCell, watch};

#[cfg(feature = "hub")]
use crate::hub::{self, OnDownload};
use crate::{
    backend::{Backend, Budget, EngineFigures, Recorded},
    environment::Environment,
    error::Result,
};

/// A model to open: its name, and how it is reached and loaded.
///
/// ```
/// use tribunal::models::ModelSpec;
///
/// let spec = ModelSpec::new("my-model").base_url("http://127.0.0.1:8080/v1");
/// assert_eq!((spec.name(), spec.scheme()?.name), ("my-model", "server"));
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelSpec {
    name: String,
    settings: ModelSettings,
}

impl Default for ModelSpec {
    /// The shipped model.
    fn default() -> Self {
        Self::new(DEFAULT_MODEL)
    }
}

impl<N: Into<String>> From<N> for ModelSpec {
    fn from(name: N) -> Self {
        Self::new(name)
    }
}

impl ModelSpec {
    /// The model of this name, everything else by default.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), settings: ModelSettings::default() }
    }

    /// Sets the address of an OpenAI-compatible API, up to and including `/v1`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.settings.base_url = Some(url.into());
        self
    }

    /// Sets everything that is not the name. The settings' own `name` is ignored: it belongs to a table of a file.
    #[must_use]
    pub fn settings(self, settings: ModelSettings) -> Self {
        Self { settings: ModelSettings { name: None, ..settings }, ..self }
    }

    /// The name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the model is reached and loaded.
    pub fn model_settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// The way in which the model is reached.
    ///
    /// # Errors
    /// The name fits no scheme.
    pub fn scheme(&self) -> Result<&'static Scheme> {
        schemes::of(&self.name, self.settings.base_url.as_deref())
    }

    /// The same without settings that its scheme does not have: for preferences that are meant for models of
    /// all kinds, such as variables of the environment. `is_preference` selects those settings.
    #[cfg(feature = "config")]
    #[must_use]
    pub(crate) fn keeping_known(mut self, is_preference: impl Fn(&str) -> bool) -> Self {
        let Ok(scheme) = self.scheme() else { return self };
        let mut table = self.settings.table();
        table.retain(|key, _| scheme.has(key) || !is_preference(key));
        if let Ok(settings) = serde_json::from_value(table.into()) {
            self.settings = settings;
        }
        self
    }

    /// Names the model and everything that changes how it is opened. How its answers are read afterwards does
    /// not.
    fn key(&self) -> String {
        let mut table = self.settings.table();
        table.remove("clean_finish");
        serde_json::json!([self.name, table]).to_string()
    }
}

/// Opens models, each once.
///
/// A registry is cheap to clone; clones share their models. Models of equal [`ModelSpec`]s are one backend,
/// however often and however concurrently they are opened, so that judge, policy, critic, final judge and the
/// members of a jury share the weights. A model stays loaded while its registry lives.
///
/// Around each model stand [layers](crate::backend), outermost first:
/// recorded ▸ running ▸ cached ▸ budgeted ▸ retried ▸ warmed ▸ limited ▸ priced ▸ endpoints ▸ the model itself.
#[derive(Clone, Debug, Default)]
pub struct Models(Arc<Inner>);

/// What all clones of a registry share.
#[derive(Debug, Default)]
struct Inner {
    around: Around,
    open: Mutex<HashMap<String, SharedModel>>,
    loads: AtomicUsize,
}

/// A model that is open, or is being opened.
type SharedModel = Arc<OnceCell<Arc<dyn Backend>>>;

/// What the names of models that a local Ollama holds begin with.
const OLLAMA: &str = "ollama:";

/// What is the same for all models of a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    environment: Environment,
    offline: bool,
    stopping: Option<watch::Receiver<bool>>,
    budget: Option<Budget>,
    record: Option<PathBuf>,
    #[cfg(feature = "llama")]
    memory: Arc<memory::ModelMemory>,
    #[cfg(feature = "hub")]
    downloads: Option<Shown>,
    #[cfg(feature = "store")]
    cache: Option<crate::backend::cache::Cache>,
    #[cfg(feature = "code")]
    sandbox: Option<crate::backend::sandbox::Sandbox>,
}

/// What is called while a model is downloaded.
#[cfg(feature = "hub")]
#[derive(Clone)]
struct Shown(OnDownload);

#[cfg(feature = "hub")]
impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl Models {
    /// A registry that looks up keys and addresses in this environment.
    pub fn new(environment: Environment) -> Self {
        Self::around(Around { environment, ..Around::default() })
    }

    /// A registry without models.
    fn around(around: Around) -> Self {
        Self(Arc::new(Inner { around, ..Inner::default() }))
    }

    /// A registry of its own, with the change made to what stands around its models.
    fn with(&self, change: impl FnOnce(&mut Around)) -> Self {
        let mut around = self.0.around.clone();
        #[cfg(feature = "llama")]
        {
            // Its models are its own, and so is the memory for them.
            around.memory = Arc::new(memory::ModelMemory::of(around.memory.limit()));
        }
        change(&mut around);
        Self::around(around)
    }

    /// Caches the answers of models that cost something. Starts a new registry, as all of these do: models
    /// that are open already stay with the old one.
    #[cfg(feature = "store")]
    #[must_use]
    pub fn cached(&self, cache: impl Into<Option<crate::backend::cache::Cache>>) -> Self {
        self.with(|around| around.cache = cache.into())
    }

    /// Allows code of models and of records to be run, in this sandbox: `run` in prompts, and `check:tests`. Without it
    /// no code is run.
    #[cfg(feature = "code")]
    #[must_use]
    pub fn allowing_code(
        &self,
        sandbox: impl Into<Option<crate::backend::sandbox::Sandbox>>,
    ) -> Self {
        self.with(|around| around.sandbox = sandbox.into())
    }

    /// Writes every answer to this file, for `replay:FILE`.
    #[must_use]
    pub fn recorded(&self, file: impl Into<Option<PathBuf>>) -> Self {
        self.with(|around| around.record = file.into())
    }

    /// Calls a function while a model of the Hub (`hf:`) is downloaded.
    #[cfg(feature = "hub")]
    #[must_use]
    pub fn downloading(&self, shown: OnDownload) -> Self {
        self.with(|around| around.downloads = Some(Shown(shown)))
    }

    /// The file of a model of the Hub (`hf:`) or of a local Ollama (`ollama:`), downloaded if it is not there;
    /// for any other name, `None`.
    ///
    /// # Errors
    /// There is no such model, or it cannot be downloaded.
    ///
    /// # Cancellation
    /// A download goes on in a thread of its own; what arrived is used by the next one.
    #[cfg(feature = "hub")]
    pub async fn pull(&self, name: &str) -> Result<Option<PathBuf>> {
        let around = &self.0.around;
        if name.starts_with(OLLAMA) {
            return ollama::file(name, &around.environment).map(Some);
        }
        if !hub::is_name(name) {
            return Ok(None);
        }
        around.downloaded(name).await.map(Some)
    }

    /// Sends nothing while a model is opened: what a server can do is assumed, not asked. For dry runs.
    #[must_use]
    pub fn offline(&self, offline: bool) -> Self {
        self.with(|around| around.offline = offline)
    }

    /// Stops sending failed requests again once this becomes `true`.
    #[must_use]
    pub fn stopping(&self, stopping: watch::Receiver<bool>) -> Self {
        self.with(|around| around.stopping = Some(stopping))
    }

    /// Counts the requests to all models against one budget, which ends the run that has spent it: see
    /// [`Budget`].
    #[must_use]
    pub fn budgeted(&self, budget: impl Into<Option<Budget>>) -> Self {
        self.with(|around| around.budget = budget.into())
    }

    /// Limits the weights of the models in this process that are loaded at once, in bytes; without a limit it is what
    /// is free when the first one is opened (on a GPU there is none). Models that do not fit together are loaded
    /// one after another: each answers the requests that wait for it, and is then unloaded for the next one.
    ///
    /// ```
    /// # #[cfg(all(feature = "llama", feature = "tiny"))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> tribunal::Result<()> {
    /// use tribunal::models::{ModelSpec, Models, ModelSettings};
    ///
    /// let models = Models::default().within_memory(1_000_000);
    /// let context = Some(tribunal::models::Context::Tokens(512));
    /// let short = ModelSettings { context, ..ModelSettings::default() };
    /// let (one, other) = (models.open("tiny").await?, models.open(ModelSpec::new("tiny").settings(short)).await?);
    /// assert_eq!(models.loads(), 2); // the second one took the place of the first
    /// # drop((one, other));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "llama", feature = "tiny")))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "llama")]
    #[must_use]
    pub fn within_memory(&self, bytes: impl Into<Option<u64>>) -> Self {
        let limit = bytes.into();
        self.with(|around| around.memory = Arc::new(memory::ModelMemory::of(limit)))
    }

    /// How often models in this process were loaded again, because they do not fit into memory together.
    #[cfg(feature = "llama")]
    pub fn exchanges(&self) -> usize {
        let (loads, models) = self.0.around.memory.loads();
        loads.saturating_sub(models)
    }

    /// Where keys and addresses are looked up.
    pub fn environment(&self) -> &Environment {
        &self.0.around.environment
    }

    /// The model of this specification, opened if none of the same specification is.
    ///
    /// # Errors
    /// The name fits no scheme, a setting is not one of the scheme, the file cannot be loaded, or the library
    /// was built without that backend. A failure is not remembered: the next call tries again.
    ///
    /// # Cancellation
    /// Dropping the future gives the opening up; a caller that waits beside it starts anew.
    pub async fn open(&self, spec: impl Into<ModelSpec>) -> Result<Arc<dyn Backend>> {
        let spec = spec.into();
        let slot = {
            let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.entry(spec.key()).or_default().clone()
        };
        slot.get_or_try_init(|| self.load(&spec)).await.cloned()
    }

    /// How many models were opened: the number of different specifications, unless some failed.
    pub fn loads(&self) -> usize {
        self.0.loads.load(Ordering::Relaxed)
    }

    /// What the engines of the models in this process have done, with the names of the models: those that
    /// answered a request, in the order of their names.
    pub fn engines(&self) -> Vec<(String, EngineFigures)> {
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = open.values().filter_map(|slot| {
            let model = slot.get()?;
            let figures = model.engine().filter(|figures| figures.requests > 0)?;
            Some((model.name().to_owned(), figures))
        });
        let mut engines: Vec<_> = figures.collect();
        engines.sort_by(|(a, _), (b, _)| a.cmp(b));
        engines
    }

    /// Opens a model and puts the layers around it.
    async fn load(&self, spec: &ModelSpec) -> Result<Arc<dyn Backend>> {
        let around = &self.0.around;
        let scheme = spec.scheme()?;
        scheme.check(spec)?;
        let model = scheme.open(spec, around).await?;
        self.0.loads.fetch_add(1, Ordering::Relaxed);
        stack::stacked(model, scheme.answers_from, spec, around)
    }
}

impl Around {
    /// The file of a model of the Hub, downloaded if it is not there.
    #[cfg(feature = "hub")]
    async fn downloaded(&self, name: &str) -> Result<PathBuf> {
        let shown = self.downloads.as_ref().map(|shown| shown.0.clone());
        hub::model(name, &self.environment, !self.offline, shown).await
    }

    /// The model with the cache around it, if there is one.
    #[cfg(feature = "store")]
    fn cached(&self, model: Arc<dyn Backend>) -> Arc<dyn Backend> {
        match &self.cache {
            Some(cache) => Arc::new(cache.over(model)),
            None => model,
        }
    }

    #[cfg(not(feature = "store"))]
    #[expect(clippy::unused_self, reason = "with the feature it holds the store")]
    fn cached(&self, model: Arc<dyn Backend>) -> Arc<dyn Backend> {
        model
    }

    /// The model with the sandbox for its code around it, if code may be run.
    #[cfg(feature = "code")]
    fn running(&self, model: Arc<dyn Backend>) -> Arc<dyn Backend> {
        use crate::backend::sandbox::Running;
        match &self.sandbox {
            Some(sandbox) => {
                let sandbox = self.cached(Arc::new(sandbox.clone()));
                Arc::new(Running::new(model, sandbox))
            }
            None => model,
        }
    }

    #[cfg(not(feature = "code"))]
    #[expect(clippy::unused_self, reason = "with the feature it holds the sandbox")]
    fn running(&self, model: Arc<dyn Backend>) -> Arc<dyn Backend> {
        model
    }

    /// The model with a recording around it, if answers are recorded: without the keys and secrets of the environment.
    fn recorded(&self, model: Arc<dyn Backend>, spec: &ModelSpec) -> Result<Arc<dyn Backend>> {
        let Some(file) = &self.record else { return Ok(model) };
        let endpoints = spec.settings.endpoints.iter();
        let keys = endpoints.map(|endpoint| &endpoint.key_variable);
        let keys = keys.chain([&spec.settings.key_variable]).flatten();
        let keys = keys.chain(&spec.settings.pass_env);
        let keys = keys.filter_map(|name| self.environment.variable(name));
        let secrets = self.environment.secrets().into_iter();
        let secrets = secrets.chain(keys.map(|key| key.trim().to_owned())).collect();
        Ok(Arc::new(Recorded::new(model, file, secrets)?))
    }
}
