//! Models behind OpenAI-compatible APIs: OpenAI, OpenRouter, Ollama, vLLM, llama-server and others.
//!
//! # What is sent again
//! A server that is busy or a line that breaks is asked again, up to [`OpenAiOptions::retries`] times,
//! after waits with full jitter, or after the time that the server names in a header or in its
//! message; no try begins later than three times [`OpenAiOptions::timeout`] after the first. A key, quota or
//! model name that is refused ends the run ([`Error::is_fatal`](crate::Error::is_fatal)); a request that is refused fails
//! alone, and so does one that meets a 404 of a server that answered others.
//!
//! # What is left out
//! A parameter that the model refuses is dropped once and for all, said once, and listed in
//! [`Completion::dropped`]. Answers are read with patience: missing fields are no errors, tokens that
//! are not reported are unknown, and an event stream that was not asked for is put together.
//!
//! # What the judged text can do
//! Messages are sent as separate strings, so that no text can change a role in the request. The
//! server, however, turns text into tokens, and most open ones then read `<|im_end|>` in an answer
//! as the end of a turn; nothing in the API prevents it. Therefore look-alikes of control tokens
//! get a space after their first character (`< |im_end|>`) in every text that the author of the
//! prompt did not write, unless the server is OpenAI's own or [`OpenAiOptions::defang`] says otherwise.
//! Models in this process need no such change.
//!
//! # Secrets
//! The key is sent to the origin of the base URL and nowhere else: redirects are not followed. It
//! is in no identity, error, log or recording; where a server repeats it, it is replaced by `***`.

mod answer;
mod body;
mod defang;
mod fault;
mod provider;
mod quirks;
mod said;
mod stream;
mod text;
mod transport;

pub use {
    provider::{Environment, Provider},
    quirks::Quirks,
};

/// What is known of servers by the names of their models.
pub mod presets {
    pub use super::provider::{
        address_variables, address_variables_of, foreign_place_in, key_variables,
    };
    pub use super::provider::{foreign_place, key_variable};
}

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError};
use async_trait::async_trait;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, watch};

use self::{
    body::{Body, Manner, Parameter},
    fault::Fault,
    quirks::LOCAL_CONCURRENCY,
    transport::{Probe, Transport},
};
use super::Backend;
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::{Ability, Ask, Capabilities, Hasher, Logprobs, Request},
};

/// How a model behind an API is reached and asked.
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// The model's name as it was typed: `openai/gpt-5-mini`.
    pub name: String,
    /// The server, the key, and the model as the server calls it.
    pub provider: Provider,
    /// Fields added to every request body, over those of the same name. They change answers and
    /// therefore the identity.
    pub extra: Map<String, Value>,
    /// Stands for provider, address and model in the identity: for one model at two addresses.
    pub model_id: Option<String>,
    /// How long one try may take, from connecting to the last byte.
    pub timeout: Duration,
    /// How often a request is sent again after a fault that may pass.
    pub retries: u32,
    /// The longest wait before the first of them; it doubles with each.
    pub first_wait: Duration,
    /// Says when a run is to stop: from then on no failed request is sent again.
    pub stopping: Option<watch::Receiver<bool>>,
    /// Whether look-alikes of control tokens in judged text are broken; `None` does so everywhere
    /// but at OpenAI.
    pub defang: Option<bool>,
}

impl OpenAiOptions {
    /// The usual settings for the model that `name` means: see [`Provider::of`].
    pub fn new(name: &str, base_url: Option<&str>, env: Environment<'_>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            provider: Provider::of(name, base_url, env)?,
            extra: Map::new(),
            model_id: None,
            timeout: Duration::from_secs(600),
            retries: 7,
            first_wait: Duration::from_millis(200),
            stopping: None,
            defang: None,
        })
    }
}

/// A model behind an OpenAI-compatible API.
pub struct OpenAi {
    name: String,
    identity: String,
    client: Client<OpenAIConfig>,
    transport: Arc<Transport>,
    extra: Map<String, Value>,
    defang: Option<bool>,
    quirks: OnceCell<&'static Quirks>,
    /// How often the server did not say in time what it is.
    late: AtomicU32,
    refused: Mutex<BTreeSet<Parameter>>,
    logprobs: Reported,
}

/// Whether a server reports log-probabilities where it is asked for them.
#[derive(Debug, Default)]
struct Reported {
    /// Whether any came.
    came: AtomicBool,
    /// How often they were left out.
    missed: AtomicU32,
    /// Whether none will come.
    absent: AtomicBool,
}

impl OpenAi {
    /// A model that can be asked; nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: a key that cannot be sent, or extra fields that are not for settings.
    pub fn new(settings: OpenAiOptions) -> Result<Self> {
        let identity = identity(&settings)?;
        let quirks = OnceCell::new_with(settings.provider.quirks);
        let transport = Arc::new(Transport::new(&settings)?);
        let OpenAiOptions { name, extra, defang, .. } = settings;
        let client = client(&transport)?;
        Ok(Self {
            name,
            identity,
            client,
            transport,
            extra,
            defang,
            quirks,
            late: AtomicU32::new(0),
            refused: Mutex::default(),
            logprobs: Reported::default(),
        })
    }

    /// Asks, and asks again without each parameter that is refused. What is left out is remembered only
    /// where that helped: an error may name a parameter by accident.
    async fn ask(&self, request: &Request, attempts: &Arc<AtomicU32>) -> Result<Completion> {
        let quirks = self.quirks().await;
        let without = Request { alternatives: None, ..request.clone() };
        // What never comes is not asked for.
        let request = if self.logprobs.absent.load(Ordering::Relaxed) { &without } else { request };
        let mut refused = self.refused();
        let mut faults = Vec::new();
        loop {
            let body = self.body(request, quirks, &refused)?;
            let fault = match self.post(&body.fields, attempts).await {
                Ok(answer) => {
                    faults.iter().for_each(|(parameter, fault)| self.refuse(*parameter, fault));
                    let completion = answer::completion(&answer, request);
                    self.note_logprobs(request, &body, &answer, &completion);
                    return Ok(Completion { dropped: body.dropped, ..completion });
                }
                Err(fault) => fault,
            };
            match body.expendable(&fault.refusal) {
                // Each is left out once, so that this ends.
                Some(parameter) if refused.insert(parameter) => faults.push((parameter, fault)),
                _ => return Err(fault.error),
            }
        }
    }

    /// Learns whether log-probabilities come where they are asked for: a server that sends `null` has
    /// none, and neither has one that leaves them out three times and never sent any.
    fn note_logprobs(
        &self,
        request: &Request,
        body: &Body,
        answer: &Value,
        completion: &Completion,
    ) {
        const ENOUGH: u32 = 3;
        let came = !completion.tokens.is_empty() || completion.distribution.is_some();
        self.logprobs.came.fetch_or(came, Ordering::Relaxed);
        let is_missed = body.has(Parameter::Logprobs)
            && !completion.text.trim().is_empty()
            && !self.logprobs.came.load(Ordering::Relaxed);
        if !is_missed {
            return;
        }
        let is_null = answer["choices"][0].get("logprobs").is_some_and(Value::is_null);
        let more = if is_null { ENOUGH } else { 1 };
        let missed = self.logprobs.missed.fetch_add(more, Ordering::Relaxed) + more;
        let is_news = missed >= ENOUGH && !self.logprobs.absent.swap(true, Ordering::Relaxed);
        // Beside a text they are welcome, and not missed.
        if is_news && request.alternatives.is_none() {
            tracing::warn!(
                "{} reports no log-probabilities: verdicts have no probabilities, and an expected score is \
                 the score that was written",
                self.name
            );
        }
    }

    fn body(
        &self,
        request: &Request,
        quirks: &Quirks,
        refused: &BTreeSet<Parameter>,
    ) -> Result<Body> {
        let manner = Manner {
            model: self.model(),
            quirks,
            defang: self.defang.unwrap_or(quirks.reads_control_tokens),
            extra: &self.extra,
            refused,
        };
        Body::of(request, manner).map_err(|error| error.within(&self.name))
    }

    async fn post(
        &self,
        fields: &Map<String, Value>,
        attempts: &Arc<AtomicU32>,
    ) -> Result<Value, Fault> {
        let (transport, attempts) = (self.transport.clone(), attempts.clone());
        let service = tower::service_fn(move |factory| {
            let (transport, attempts) = (transport.clone(), attempts.clone());
            async move { transport.send(factory, &attempts).await.map_err(tower::BoxError::from) }
        });
        let client = self.client.clone().with_http_service(service);
        let answer = client.chat().create_byot(fields).await;
        let mut answer = answer.map_err(|error| self.fault(error))?;
        self.transport.secrets.hide(&mut answer);
        Ok(answer)
    }

    /// Our own fault back again from async-openai's hands.
    fn fault(&self, error: OpenAIError) -> Fault {
        let strange = |what: String| Fault::of_line(what, self.transport.peer()).final_one();
        match error {
            OpenAIError::Boxed(fault) => match fault.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(error) => strange(error.to_string()),
            },
            // Its text holds the whole body.
            OpenAIError::JSONDeserialize(..) => strange("the answer cannot be read".into()),
            error => strange(error.to_string()),
        }
    }

    fn refuse(&self, parameter: Parameter, fault: &Fault) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.insert(parameter) {
            let (model, parameter) = (&self.name, parameter.name());
            tracing::warn!("{model} refuses `{parameter}`, which is no longer sent: {fault}");
        }
    }

    fn refused(&self) -> BTreeSet<Parameter> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ways of the server, which is asked where its address does not tell: once, or again where it
    /// was not there or busy, as one is that still loads its model.
    async fn quirks(&self) -> &'static Quirks {
        const LIMIT: Duration = Duration::from_secs(5);
        const MOST_LATE: u32 = 2;
        let asked = async {
            match self.transport.models(LIMIT).await {
                Probe::Models(models) => Ok(owner(&models, self.model()).unwrap_or(Quirks::PLAIN)),
                Probe::Nothing => Ok(Quirks::PLAIN),
                Probe::Late if self.late.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_LATE => {
                    Ok(Quirks::PLAIN)
                }
                Probe::Late | Probe::Failed => Err(()),
            }
        };
        self.quirks.get_or_try_init(|| asked).await.copied().unwrap_or(Quirks::PLAIN)
    }

    fn provider(&self) -> &Provider {
        &self.transport.provider
    }

    fn model(&self) -> &str {
        &self.provider().model
    }

    /// Whether the model writes hidden thoughts first, so that its first token is no answer.
    fn thinks_first(&self) -> bool {
        let is_told_not_to = self.extra.get("reasoning_effort").is_some_and(|e| e == "none");
        !is_told_not_to && self.provider().preset.thinks_first(self.model())
    }
}

#[async_trait]
impl Backend for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn aliases(&self) -> Vec<String> {
        let model = self.model();
        let short = model.rsplit_once('/').map(|(_, short)| short);
        std::iter::once(model).chain(short).map(str::to_owned).collect()
    }

    async fn capabilities(&self) -> Capabilities {
        let quirks = self.quirks().await;
        // Where the server did not say what it is, nothing is known of it.
        let is_known = self.quirks.initialized();
        let refused = self.refused();
        let untried = |parameter| {
            if refused.contains(&parameter) { Ability::No } else { Ability::Unknown }
        };
        let is_mute = self.thinks_first()
            || self.logprobs.absent.load(Ordering::Relaxed)
            || refused.contains(&Parameter::Logprobs)
            || refused.contains(&Parameter::TopLogprobs);
        Capabilities {
            logprobs: match (is_mute, is_known) {
                (true, _) => Logprobs::None,
                (false, true) => Logprobs::Top,
                (false, false) => Logprobs::Unknown,
            },
            prefill: if is_known {
                quirks.continues(self.model()).into()
            } else {
                Ability::Unknown
            },
            schema: untried(Parameter::ResponseFormat),
            seed: untried(Parameter::Seed),
            ..Capabilities::TEXT
        }
    }

    fn concurrency(&self) -> usize {
        let most = self.provider().preset.concurrency;
        if self.provider().is_here() { most.min(LOCAL_CONCURRENCY) } else { most }
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        if !matches!(request.ask, Ask::Generate { .. } | Ask::Choose { .. }) {
            return Err(request.ask.unsupported_by(&self.name));
        }
        let is_choice = matches!(request.ask, Ask::Choose { .. });
        if is_choice && self.thinks_first() {
            return Err(cannot_choose(&self.name));
        }
        let attempts = Arc::new(AtomicU32::new(0));
        let asked = self.ask(request, &attempts).await;
        let attempts = attempts.load(Ordering::Relaxed);
        let completion = asked.map_err(|error| error.after_attempts(attempts))?;
        if is_choice && answer::is_thought(&completion) {
            return Err(cannot_choose(&self.name).after_attempts(attempts));
        }
        Ok(Completion { attempts, ..completion })
    }
}

fn cannot_choose(name: &str) -> Error {
    let message = format!("{name} thinks before it answers, so that its first token is no label");
    Error::new(ErrorKind::Unsupported, message)
        .hint("let it write its verdict with `gen`, or take a model that does not think")
}

/// Provider, place and model, and whatever else changes answers.
fn identity(settings: &OpenAiOptions) -> Result<String> {
    const OURS: [&str; 4] = ["messages", "stream", "n", "model"];
    if let Some(field) = OURS.into_iter().find(|field| settings.extra.contains_key(*field)) {
        return Err(Error::new(ErrorKind::Config, format!("`{field}` cannot be an extra field"))
            .hint("extra fields are for what the server knows and this program does not"));
    }
    let (id, model) = (settings.provider.id(), &settings.provider.model);
    let mut identity = match &settings.model_id {
        Some(model_id) => model_id.clone(),
        None => format!("{id}|{}|{model}", settings.provider.place()),
    };
    if !settings.extra.is_empty() {
        let mut hasher = Hasher::new("tribunal-extra-v1");
        let mut fields: Vec<_> = settings.extra.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        hasher.json(&fields);
        identity += "|extra:";
        identity += &hasher.hex::<8>();
    }
    if let Some(defang) = settings.defang {
        identity += if defang { "|defanged" } else { "|verbatim" };
    }
    Ok(identity)
}

/// A client that knows no key: the transport adds it, for the one origin it is meant for.
fn client(transport: &Transport) -> Result<Client<OpenAIConfig>> {
    let provider = &transport.provider;
    let header = |name: &str, value: &Option<String>| match value.as_deref() {
        Some(value) if HeaderValue::from_str(value).is_err() => {
            Err(Error::new(ErrorKind::Config, format!("{name} is not a valid header value")))
        }
        value => Ok(value.unwrap_or_default().to_owned()),
    };
    let config = OpenAIConfig::default()
        .with_api_base(provider.place())
        .with_api_key("")
        .with_org_id(header("OPENAI_ORG_ID", &provider.organization)?)
        .with_project_id(header("OPENAI_PROJECT_ID", &provider.project)?);
    Ok(Client::build(transport.http.clone(), config))
}

/// The quirks of the software that calls itself the owner of the model.
fn owner(models: &Value, model: &str) -> Option<&'static Quirks> {
    let models = models["data"].as_array()?;
    let ours = models.iter().find(|entry| entry["id"] == model).or_else(|| models.first())?;
    Quirks::of_owner(ours["owned_by"].as_str()?)
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .field("quirks", &self.quirks.get())
            .finish_non_exhaustive()
    }
}
