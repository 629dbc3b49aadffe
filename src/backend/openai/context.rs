//! How many tokens a prompt and its answer can have together on a server, where that is set or reported.
//!
//! vLLM and SGLang report it in the list of their models as `max_model_len`, llama.cpp's server as `meta.n_ctx`, and
//! services as `context_length`, `context_window` or `max_context_length`. The list is read once, and only where it is
//! read anyway or where the software is known to report it.
//!
//! The tokens of a request are not known without the tokenizer of the model. A request is refused only if it is so long
//! that no tokenizer makes few enough tokens of it.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::transport::{ModelList, Transport};
use crate::{
    backend::SHORTEN,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// The context of a model on a server.
#[derive(Debug)]
pub(super) struct ContextLength(OnceCell<Option<u32>>);

/// Software that reports the context in the list of its models, by the names of presets.
const REPORTING: [&str; 3] = ["vllm", "sglang", "llamacpp"];

/// A token has 4 bytes on average, and never this many over a long text.
const MOST_BYTES: usize = 16;

/// The bytes of a token on average.
const USUAL_BYTES: usize = 4;

impl ContextLength {
    /// The length that is set, or one that is still to be learned.
    pub(super) fn new(set: Option<u32>) -> Self {
        Self(set.map_or_else(OnceCell::new, |tokens| OnceCell::new_with(Some(Some(tokens)))))
    }

    /// Remembers what the list of models reports, unless the length is known.
    pub(super) fn note(&self, models: &Value, model: &str) {
        // The first answer counts.
        let _ = self.0.set(reported(models, model));
    }

    /// The length; a server that is known to report it is asked once.
    pub(super) async fn known(&self, transport: &Transport) -> Option<u32> {
        const LIMIT: Duration = Duration::from_secs(5);
        let provider = &transport.provider;
        if provider.is_unasked || !REPORTING.contains(&provider.preset.id) {
            return self.0.get().copied().flatten();
        }
        let asked = async {
            match transport.models(LIMIT).await {
                ModelList::Is(models) => reported(&models, &provider.model),
                _ => None,
            }
        };
        *self.0.get_or_init(|| asked).await
    }

    /// Refuses a request that is surely longer than the context.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`].
    pub(super) fn check(&self, request: &Request, name: &str) -> Result<()> {
        let Some(context) = self.0.get().copied().flatten() else { return Ok(()) };
        let parts = request.messages.iter().flat_map(|message| &message.parts);
        let bytes: usize = parts.map(|part| part.as_text().len()).sum();
        if bytes / MOST_BYTES < context as usize {
            return Ok(());
        }
        let about = bytes / USUAL_BYTES;
        let message = format!(
            "the request has about {about} tokens (estimated from {bytes} bytes), and the context of {name} holds {context}"
        );
        Err(Error::new(ErrorKind::TooLong, message).hint(SHORTEN))
    }
}

/// The length that a list of models reports for this one, or for the only one.
fn reported(models: &Value, model: &str) -> Option<u32> {
    const FIELDS: [&str; 6] = [
        "/max_model_len",
        "/loaded_context_length",
        "/meta/n_ctx",
        "/context_length",
        "/context_window",
        "/max_context_length",
    ];
    let models = models["data"].as_array()?;
    let only = || models.first().filter(|_| models.len() == 1);
    let ours = models.iter().find(|entry| entry["id"] == model).or_else(only)?;
    let field = |field: &&str| ours.pointer(field)?.as_u64().filter(|tokens| *tokens > 0);
    FIELDS.iter().find_map(field).and_then(|tokens| u32::try_from(tokens).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_context_is_read_from_the_entry_of_the_model() {
        let of = |entry: Value| reported(&json!({"data": [{"id": "other"}, entry]}), "m");
        assert_eq!(of(json!({"id": "m", "max_model_len": 4096})), Some(4096));
        assert_eq!(
            of(json!({"id": "m", "meta": {"n_ctx": 8192, "n_ctx_train": 32768}})),
            Some(8192)
        );
        assert_eq!(of(json!({"id": "m", "context_length": 131_072})), Some(131_072));
        assert_eq!(of(json!({"id": "m", "context_length": null})), None);
        assert_eq!(of(json!({"id": "another", "max_model_len": 4096})), None);
        let only = json!({"data": [{"id": "path/of/m", "max_model_len": 2048}]});
        assert_eq!(reported(&only, "m"), Some(2048));
        assert_eq!(reported(&json!([]), "m"), None);
    }
}
