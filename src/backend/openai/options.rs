//! How a model at an API is reached and asked, and the name under which its answers are cached.

use std::time::Duration;

use serde_json::{Map, Value};

use super::provider::{Provider, Variables};
use crate::{
    backend::TRY_TIMEOUT,
    error::{Error, ErrorKind, Result},
    request::Hasher,
};

/// How a model at an API is reached and asked.
///
/// ```
/// use std::time::Duration;
/// use tribunal::backend::openai::{OpenAi, OpenAiOptions};
///
/// let no_environment = |_: &str| None;
/// let options = OpenAiOptions::new("my-model", Some("http://127.0.0.1:8000/v1"), &no_environment)?;
/// let model = OpenAi::new(OpenAiOptions { timeout: Duration::from_secs(60), ..options })?;
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// The name of the model as it was typed: `openai/gpt-5-mini`.
    pub name: String,
    /// The server, the key, and the name of the model on the server.
    pub provider: Provider,
    /// Additional fields of every request body, which replace those of the same name. They change answers,
    /// and are therefore part of the identity.
    pub extra: Map<String, Value>,
    /// Replaces provider, address and model in the identity: for one model at two addresses.
    pub model_id: Option<String>,
    /// How long one try may take, from sending the request to the last byte of its answer. If answers are
    /// [streamed](Self::stream), it is the longest time between two pieces. Default 10 minutes.
    pub timeout: Duration,
    /// How long an answer that has begun may pause. Default 1 minute, and at most the
    /// [`timeout`](Self::timeout). It does not apply to streamed answers.
    pub idle_timeout: Duration,
    /// Whether answers are requested as a stream, for models that write longer than a proxy in between waits.
    /// It does not change answers. Default `false`.
    pub stream: bool,
    /// How many tokens a prompt and its answer can have together. `None` uses what the server reports, if it reports it.
    pub context: Option<u32>,
    /// Whether look-alikes of control tokens in judged text are broken up. `None` does so if the server may
    /// interpret them, which is every server except OpenAI's own.
    pub defang: Option<bool>,
}

impl OpenAiOptions {
    /// The default options for the model called `name`: see [`Provider::of`].
    ///
    /// # Errors
    /// Those of [`Provider::of`].
    pub fn new(name: &str, base_url: Option<&str>, env: Variables<'_>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            provider: Provider::of(name, base_url, env)?,
            extra: Map::new(),
            model_id: None,
            timeout: TRY_TIMEOUT,
            idle_timeout: Duration::from_secs(60),
            stream: false,
            context: None,
            defang: None,
        })
    }

    /// Provider, address, model, and everything else that changes answers: the prefix of all cache keys of
    /// the model.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: an additional field is reserved for the request itself.
    pub(super) fn identity(&self) -> Result<String> {
        const OURS: [&str; 4] = ["messages", "stream", "n", "model"];
        if let Some(field) = OURS.into_iter().find(|field| self.extra.contains_key(*field)) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("`{field}` cannot be an extra field"),
            )
            .hint("extra fields are for parameters that Tribunal does not set itself"));
        }
        let (id, model) = (self.provider.id(), &self.provider.model);
        let mut identity = match &self.model_id {
            Some(model_id) => model_id.clone(),
            None => format!("{id}|{}|{model}", self.provider.place()),
        };
        if !self.extra.is_empty() {
            let mut hasher = Hasher::new("tribunal-extra-v1");
            let mut fields: Vec<_> = self.extra.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            hasher.json(&fields);
            identity += "|extra:";
            identity += &hasher.hex::<8>();
        }
        if let Some(defang) = self.defang {
            identity += if defang { "|defanged" } else { "|verbatim" };
        }
        Ok(identity)
    }
}
