//! Models at OpenAI-compatible APIs: OpenAI, OpenRouter, Ollama, vLLM, llama-server and others.
//!
//! ```no_run
//! use tribunal::{
//!     backend::{
//!         Backend, Retried, Retry,
//!         openai::{OpenAi, OpenAiOptions},
//!     },
//!     request::{Message, Origin, Request, Role},
//! };
//!
//! # async fn ask() -> tribunal::Result<()> {
//! let environment = |name: &str| std::env::var(name).ok();
//! let options = OpenAiOptions::new("openai/gpt-5-mini", None, &environment)?;
//! let retry = Retry::timed(options.timeout);
//! let model = Retried::new(OpenAi::new(options)?, retry);
//! let question = Message::new(Role::User, "Is 2 + 2 = 4?", Origin::Prompt);
//! println!("{}", model.complete(&Request::generate(vec![question])).await?.text);
//! # Ok(())
//! # }
//! ```
//!
//! # One try
//! [`OpenAi`] sends a request once. Every response that is not an answer becomes an [`Error`] with these
//! facts: its kind, its [`status`](Error::status), the waiting time that the server names in a header or in
//! its message ([`retry_after`](Error::retry_after)), and one of four classes:
//!
//! | class | examples | fact |
//! |---|---|---|
//! | temporary | 429, 500, 503, a broken connection, no answer in time | [`is_transient`](Error::is_transient) |
//! | an accident, unless it happens twice | a 200 that is not an answer | [`is_worth_one_retry`](Error::is_worth_one_retry) |
//! | this request fails | 400, too long, refused by a filter | none of the others |
//! | every request of the run fails | a wrong key, no credit, no such model | [`is_fatal`](Error::is_fatal) |
//!
//! [`Retried`](super::Retried) acts on these facts.
//!
//! # Modules, in the order of one request
//! | module | what it does |
//! |---|---|
//! | `quirks`, `servers` | how software differs, and the table of servers |
//! | `provider` | from the name of a model to an address and a key |
//! | `context` | how long a request may be, where that is known |
//! | `body`, `defang` | from a request to JSON |
//! | `transport`, `timer` | one try: sent, timed, bounded |
//! | `bytes`, `stream`, `secrets` | from a body to one JSON answer without secrets |
//! | `answer` | from JSON to a completion |
//! | `error_body`, `wait`, `refused` | from an error to its message, the wait that it names, the parameters that it refuses |
//! | `classify`, `failure` | from all of that to an [`Error`] |
//! | `labels` | exact probabilities of labels, by the routes that some servers have beside chat completions |
//! | `reward`, `step_rewards`, `exact` | outputs of reward heads, of a conversation and at every step; what is asked by other routes than chat completions |
//! | `batch` | requests and answers as lines of a file |
//! | `any_body` | all readers of a body in turn, for tests |
//!
//! # Limits
//! An answer may have up to 8 MiB, and must arrive within [`OpenAiOptions::timeout`]. The time counts for the
//! whole answer, or, if it is [streamed](OpenAiOptions::stream), for each piece. A connection must be
//! established within 10 seconds, and an answer that has begun may pause for at most
//! [`OpenAiOptions::idle_timeout`].
//!
//! # What is left out
//! A parameter that the model refuses is no longer sent; that is reported once, and listed in
//! [`Completion::dropped`]. The request without it is another request, and counts as an attempt. Answers are
//! read leniently: missing fields are not errors, unreported tokens are unknown, and an event stream that was
//! not requested is joined.
//!
//! # What the judged text can do
//! Messages are sent as separate strings, so that no text can change a role in the request. The
//! server, however, turns text into tokens, and most open ones then read `<|im_end|>` in an answer
//! as the end of a turn; nothing in the API prevents it. Therefore look-alikes of control tokens
//! get a space after their first character (`< |im_end|>`) in every text that the author of the
//! prompt did not write, unless the server is OpenAI's own or [`OpenAiOptions::defang`] is set.
//! Models in this process need no such change.
//!
//! # Secrets
//! The key is sent to the origin of the base URL and nowhere else: redirects are not followed. It
//! appears in no identity, error, log or recording. If a server repeats it, it is replaced by `***`.

mod answer;
mod any_body;
#[doc(hidden)]
pub mod batch;
mod body;
mod bytes;
mod chat;
mod classify;
mod context;
mod defang;
mod error_body;
mod exact;
mod failure;
mod labels;
mod options;
mod peer;
mod provider;
mod quirks;
mod refused;
mod reward;
mod servers;
mod step_rewards;
mod stream;
mod timer;
mod transport;
mod wait;

pub use {
    chat::{chat_answer, chat_body},
    options::OpenAiOptions,
    provider::{Provider, Variables},
    quirks::Quirks,
};

#[doc(hidden)]
pub use any_body::read_body;

/// Facts about servers, by the names of their models.
#[doc(hidden)]
pub mod presets {
    pub use super::provider::{
        address_variables, address_variables_of, foreign_place_in, ids, key_variables,
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
use tokio::{sync::OnceCell, time::Instant};

use self::{
    body::{Body, BodySettings},
    context::ContextLength,
    failure::Failure,
    labels::Ladder,
    quirks::WeighLabels,
    refused::Parameter,
    reward::RewardRoute,
    servers::LOCAL_CONCURRENCY,
    transport::{ModelList, Transport},
};
use super::{Backend, Prices, secrets};
use crate::{
    completion::{Completion, Price},
    error::{Error, ErrorKind, Result},
    request::{Ability, Ask, Capabilities, Logprobs, Normalize, Request},
};

/// A model at an OpenAI-compatible API. Each request is sent once; see the [module](self) for details.
///
/// # Errors
/// Every error of [`complete`](Backend::complete) has its kind, the status if there was a response, the
/// waiting time that the server asks for, and the number of requests that were sent: one, plus one for each
/// parameter that the server refused.
///
/// # Cancellation
/// Dropping a request closes its connection. The server may continue, and charge for it.
pub struct OpenAi {
    /// The name as it was typed.
    name: String,
    /// The prefix of all cache keys.
    identity: String,
    /// Builds requests; it does not have the key.
    client: Client<OpenAIConfig>,
    /// Sends them.
    transport: Arc<Transport>,
    /// Additional fields of every request.
    extra: Map<String, Value>,
    /// Whether look-alikes of control tokens in judged text are broken up, if that was configured.
    defang: Option<bool>,
    /// Whether answers are requested as a stream.
    stream: bool,
    /// How the server differs from others, once that is known.
    quirks: OnceCell<&'static Quirks>,
    /// How many tokens a prompt and its answer can have together, once that is known.
    context: ContextLength,
    /// When the server may be asked again for its software.
    next_probe: Mutex<Probing>,
    /// The parameters that the server does not accept.
    refused: Mutex<BTreeSet<Parameter>>,
    /// Whether requested log-probabilities were reported.
    logprobs: Reported,
    /// How the server weighs labels.
    labels: Ladder,
    /// How the server gives rewards.
    rewards: RewardRoute,
}

/// When a server that did not respond in time is asked again for its software.
#[derive(Debug, Default)]
struct Probing {
    /// How many times it was late.
    late: u32,
    /// The earliest time; `None` means at once.
    next: Option<Instant>,
}

/// Whether a server reports log-probabilities on request.
#[derive(Debug, Default)]
struct Reported {
    /// Whether any were reported.
    came: AtomicBool,
    /// How many times they were left out.
    missed: AtomicU32,
    /// Whether the server will never report any.
    absent: AtomicBool,
}

impl OpenAi {
    /// A model that can be asked; nothing is sent yet.
    ///
    /// One value has one connection pool and the facts that were learned about the server. Share it in an
    /// `Arc` among all users of the same model.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the key cannot be sent in a header, or an additional field is reserved.
    pub fn new(options: OpenAiOptions) -> Result<Self> {
        let identity = options.identity()?;
        let quirks = OnceCell::new_with(options.provider.quirks);
        let transport = Arc::new(Transport::new(&options)?);
        let OpenAiOptions { name, extra, defang, stream, context, .. } = options;
        let client = client(&transport)?;
        Ok(Self {
            name,
            identity,
            client,
            transport,
            extra,
            defang,
            stream,
            quirks,
            context: ContextLength::new(context),
            next_probe: Mutex::default(),
            refused: Mutex::default(),
            logprobs: Reported::default(),
            labels: Ladder::default(),
            rewards: RewardRoute::default(),
        })
    }

    /// Sends a request, and sends it again without each parameter that is refused. A refused parameter is
    /// remembered only if leaving it out helped, because an error may name a parameter by accident. Every
    /// request is added to `attempts`.
    async fn ask(&self, request: &Request, attempts: &Arc<AtomicU32>) -> Result<Completion> {
        let quirks = self.quirks().await;
        let reports_none = || self.logprobs.absent.load(Ordering::Relaxed);
        // Log-probabilities that the server never reports are not requested.
        let without = (request.alternatives.is_some() && reports_none())
            .then(|| Request { alternatives: None, ..request.clone() });
        let request = without.as_ref().unwrap_or(request);
        self.note_template(request, quirks);
        let mut refused = self.refused();
        let mut failures = Vec::new();
        loop {
            let body = self.body(request, quirks, &refused)?;
            let failure = match self.post(&body, attempts).await {
                Ok(answer) => {
                    failures.iter().for_each(|(parameter, why)| self.refuse(*parameter, why));
                    let completion = answer::completion(&answer, request);
                    self.note_logprobs(request, &body, &answer, &completion);
                    return Ok(Completion { dropped: body.dropped, ..completion });
                }
                Err(failure) => failure,
            };
            match body.expendable(&failure.refusal) {
                // Each parameter is left out once, so the loop ends.
                Some(parameter) if refused.insert(parameter) => failures.push((parameter, failure)),
                _ => return Err(failure.error),
            }
        }
    }

    /// Warns once that the server cannot be sent the variables that the prompt sets for the chat template.
    fn note_template(&self, request: &Request, quirks: &Quirks) {
        let parameter = Parameter::ChatTemplateKwargs;
        if request.template.is_empty()
            || quirks.has_template
            || self.extra.contains_key(parameter.name())
        {
            return;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.insert(parameter) {
            let name = &self.name;
            tracing::warn!(
                "{name} has no variables of a chat template: those of the prompt (`template`) are not sent"
            );
        }
    }

    /// Learns whether log-probabilities are reported on request. A server has none if it sends `null`, or if
    /// it leaves them out three times and never sent any.
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
        // Log-probabilities that accompany a text are optional.
        if is_news && request.alternatives.is_none() {
            tracing::warn!(
                "{} reports no log-probabilities: verdicts have no probabilities, and an expected score is \
                 the score that was written",
                self.name
            );
        }
    }

    /// Refuses what this API cannot be asked, before anything is sent.
    fn check(&self, request: &Request) -> Result<()> {
        match request.ask {
            Ask::Choose { .. } if self.thinks_first() => Err(cannot_choose(&self.name)),
            Ask::Generate { .. } | Ask::Choose { .. } => self.context.check(request, &self.name),
            _ => Err(request.ask.unsupported_by(&self.name)),
        }
    }

    /// The JSON of a request for this server.
    fn body(
        &self,
        request: &Request,
        quirks: &Quirks,
        refused: &BTreeSet<Parameter>,
    ) -> Result<Body> {
        let target = BodySettings {
            model: self.model(),
            quirks,
            defang: self.defang.unwrap_or(quirks.reads_control_tokens),
            stream: self.stream,
            extra: &self.extra,
            refused,
        };
        Body::new(request, target).map_err(|error| error.within(&self.name))
    }

    /// Sends a request once, and counts it.
    async fn post(&self, body: &Body, attempts: &Arc<AtomicU32>) -> Result<Value, Failure> {
        attempts.fetch_add(1, Ordering::Relaxed);
        let (transport, is_streamed) = (self.transport.clone(), body.is_streamed());
        let service = tower::service_fn(move |factory| {
            let transport = transport.clone();
            async move { transport.send(factory, is_streamed).await.map_err(tower::BoxError::from) }
        });
        let client = self.client.clone().with_http_service(service);
        let answer = client.chat().create_byot(&body.fields).await;
        let mut answer = answer.map_err(|error| self.failure(error))?;
        self.transport.secrets.redact_json(&mut answer);
        Ok(answer)
    }

    /// The failure that the transport passed through async-openai.
    fn failure(&self, error: OpenAIError) -> Failure {
        let strange = |what: String| Failure::of_answer(what, self.transport.peer());
        match error {
            OpenAIError::Boxed(failure) => match failure.downcast::<Failure>() {
                Ok(failure) => *failure,
                Err(error) => strange(error.to_string()),
            },
            // The text of this error contains the whole body.
            OpenAIError::JSONDeserialize(..) => strange("the answer cannot be read".into()),
            error => strange(error.to_string()),
        }
    }

    /// Remembers that the server does not accept a parameter, and reports it once.
    fn refuse(&self, parameter: Parameter, why: &Failure) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.insert(parameter) {
            let (model, parameter) = (&self.name, parameter.name());
            tracing::warn!("{model} refuses `{parameter}`, which is no longer sent: {why}");
        }
    }

    /// The parameters that the server has refused so far.
    fn refused(&self) -> BTreeSet<Parameter> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The quirks of the server. If its address does not determine them, the server is asked. A server that
    /// could not be asked, for example while it loads its model, is asked again: immediately if it was
    /// unreachable, and after an increasing time if it was late. Until then only the common features are
    /// assumed.
    async fn quirks(&self) -> &'static Quirks {
        const LIMIT: Duration = Duration::from_secs(5);
        let asked = async {
            let probing = || self.next_probe.lock().unwrap_or_else(PoisonError::into_inner);
            if probing().next.is_some_and(|next| Instant::now() < next) {
                return Err(());
            }
            match self.transport.models(LIMIT).await {
                ModelList::Is(list) => {
                    self.context.note(&list, self.model());
                    Ok(owner(&list, self.model()).unwrap_or(Quirks::PLAIN))
                }
                ModelList::Missing => Ok(Quirks::PLAIN),
                ModelList::Failed => Err(()),
                ModelList::Late => {
                    let mut probing = probing();
                    probing.late = probing.late.saturating_add(1);
                    probing.next = Some(Instant::now() + LIMIT * 2_u32.pow(probing.late.min(10)));
                    Err(())
                }
            }
        };
        self.quirks.get_or_try_init(|| asked).await.copied().unwrap_or(Quirks::PLAIN)
    }

    /// The server.
    fn provider(&self) -> &Provider {
        &self.transport.provider
    }

    /// The name of the model on the server.
    fn model(&self) -> &str {
        &self.provider().model
    }

    /// Whether the model writes hidden thinking first, so that its first token does not belong to the answer.
    fn thinks_first(&self) -> bool {
        let is_off = self.extra.get("reasoning_effort").is_some_and(|effort| effort == "none");
        !is_off && self.provider().preset.thinks_first(self.model())
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
        // Until the server has reported its software, nothing is known about it.
        let is_known = self.quirks.initialized();
        let refused = self.refused();
        let untried = |parameter| {
            if refused.contains(&parameter) { Ability::No } else { Ability::Unknown }
        };
        let has_none = self.thinks_first()
            || is_known && quirks.logprobs.is_none()
            || self.logprobs.absent.load(Ordering::Relaxed)
            || refused.contains(&Parameter::Logprobs)
            || refused.contains(&Parameter::TopLogprobs);
        // Whether a model has a head shows only when it is asked.
        let may_have =
            |route: bool| if is_known && !route { Ability::No } else { Ability::Unknown };
        Capabilities {
            logprobs: match (has_none, is_known) {
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
            context: self.context.known(&self.transport).await,
            score_verdict: Ability::known(
                is_known
                    && !self.thinks_first()
                    && quirks.continues(self.model())
                    && self.labels.is_exact(quirks.labels),
            ),
            text_logprobs: may_have(exact::prompt_logprobs(quirks.labels).is_some()),
            reward: may_have(RewardRoute::may_exist(quirks.labels)),
            reward_at: may_have(quirks.labels == WeighLabels::AsVllm),
            ..Capabilities::TEXT
        }
    }

    fn fits(&self, request: &Request) -> Result<()> {
        // Whether the server has such a route shows only when it is asked.
        if by_other_routes(&request.ask) { Ok(()) } else { self.check(request) }
    }

    fn concurrency(&self) -> usize {
        let most = self.provider().preset.concurrency;
        if self.provider().is_here() { most.min(LOCAL_CONCURRENCY) } else { most }
    }

    fn keeps_prompts(&self) -> bool {
        true
    }

    fn discounts_prompts(&self) -> bool {
        let preset = self.provider().preset;
        preset.discounts_prompts && (preset.is_same_elsewhere || self.provider().is_own_server())
    }

    /// The public list price, if this is the provider's own server.
    fn price(&self) -> Option<Price> {
        Prices::list().of(&self.name).filter(|_| self.provider().is_own_server())
    }

    fn fields(&self, request: &Request) -> Option<Result<Map<String, Value>>> {
        let quirks = self.quirks.get().copied().unwrap_or(Quirks::PLAIN);
        let body = || Ok(self.body(request, quirks, &self.refused())?.fields);
        Some(self.check(request).and_then(|()| body()))
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        if !by_other_routes(&request.ask) {
            self.check(request)?;
        }
        let is_choice = matches!(request.ask, Ask::Choose { .. });
        let attempts = Arc::new(AtomicU32::new(0));
        let asked = match &request.ask {
            Ask::Reward => self.reward(request, &attempts).await,
            Ask::Logprobs { reference: true, .. } => Err(Error::no_reference()),
            Ask::Logprobs { of, .. } => self.text_logprobs(request, of, &attempts).await,
            Ask::RewardAt { places } => self.step_rewards(request, places, &attempts).await,
            _ => match self.weigh(request, &attempts).await {
                Ok(None) => self.ask(request, &attempts).await,
                Ok(Some(weighed)) => Ok(weighed),
                Err(error) => Err(error),
            },
        };
        let attempts = attempts.load(Ordering::Relaxed);
        let completion = asked.map_err(|error| error.after_attempts(attempts))?;
        if is_choice && answer::is_thought(&completion) {
            return Err(cannot_choose(&self.name).after_attempts(attempts));
        }
        if is_choice && request.normalize == Normalize::Mean && completion.distribution.is_none() {
            return Err(without_mean(&self.name).after_attempts(attempts));
        }
        Ok(Completion { attempts, ..completion })
    }
}

/// Whether a question has no form as a chat completion.
fn by_other_routes(ask: &Ask) -> bool {
    matches!(ask, Ask::Reward | Ask::RewardAt { .. } | Ask::Logprobs { .. })
}

/// The error for labels of several tokens that are to be compared by the mean, on a server that reports only their
/// beginnings.
fn without_mean(name: &str) -> Error {
    let message =
        format!("{name} does not report all tokens of the labels, so that their mean is not known");
    Error::new(ErrorKind::Unsupported, message)
        .hint("use a model in this process, or one behind llama.cpp's server, vLLM or SGLang")
        .hint("or leave out normalize=\"mean\" in the prompt")
}

/// The error for a choice of labels by a model whose first token belongs to its thinking.
fn cannot_choose(name: &str) -> Error {
    let message =
        format!("{name} thinks before it answers, so that its first token is not a label");
    Error::new(ErrorKind::Unsupported, message)
        .hint("let it write its verdict with `gen`, or use a model that does not think")
}

/// A client without a key: the transport adds it, for one origin only.
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

/// The quirks of the software that is named as the owner of the model.
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
