//! A model with a reference model beside it, for log-ratios of both.

use std::sync::Arc;

use async_trait::async_trait;

use super::Backend;
use crate::{
    completion::{Completion, Price},
    error::Result,
    request::{Ability, Ask, Capabilities, Request},
};

/// A model with the model that it was trained from, its reference: implicit rewards are β·(log π − log π_ref) of both
/// (Rafailov et al. 2023, DPO).
///
/// Requests for log-probabilities that name the reference ([`Ask::Logprobs`]) go to the reference model, and all others to
/// the model. The two may have different vocabularies: each weighs texts in its own tokens.
///
/// # Order
/// Caches lie below: each model's answers are stored under its own identity, so that they are found again beside another
/// model.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use tribunal::backend::{Backend, Referenced, Script};
///
/// let pair = Referenced::new(Arc::new(Script::always("a")), Arc::new(Script::always("b")));
/// assert_eq!(pair.name(), "script (reference: script)");
/// assert!(pair.capabilities().await.reference.is_yes());
/// # }
/// ```
#[derive(Debug)]
pub struct Referenced {
    model: Arc<dyn Backend>,
    reference: Arc<dyn Backend>,
    name: String,
    identity: String,
}

impl Referenced {
    /// A model with its reference model.
    pub fn new(model: Arc<dyn Backend>, reference: Arc<dyn Backend>) -> Self {
        let name = format!("{} (reference: {})", model.name(), reference.name());
        let identity = format!("{}|reference:{}", model.identity(), reference.identity());
        Self { model, reference, name, identity }
    }

    /// The model that answers a request, and the request as that model is asked it.
    fn asked(&self, request: &Request) -> (&Arc<dyn Backend>, Option<Request>) {
        match &request.ask {
            Ask::Logprobs { of, reference: true } => {
                let ask = Ask::Logprobs { of: of.clone(), reference: false };
                (&self.reference, Some(Request { ask, ..request.clone() }))
            }
            _ => (&self.model, None),
        }
    }
}

#[async_trait]
impl Backend for Referenced {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    /// Those of the model, with its own name.
    fn aliases(&self) -> Vec<String> {
        let mut aliases = self.model.aliases();
        aliases.push(self.model.name().to_owned());
        aliases
    }

    async fn capabilities(&self) -> Capabilities {
        let can = self.reference.capabilities().await.text_logprobs;
        let reference = if can.is_no() { Ability::No } else { Ability::Yes };
        Capabilities { reference, ..self.model.capabilities().await }
    }

    fn concurrency(&self) -> usize {
        self.model.concurrency()
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        let (model, asked) = self.asked(request);
        model.prompt_tokens(asked.as_ref().unwrap_or(request))
    }

    fn fits(&self, request: &Request) -> Result<()> {
        let (model, asked) = self.asked(request);
        model.fits(asked.as_ref().unwrap_or(request))
    }

    fn is_in_process(&self) -> bool {
        self.model.is_in_process() && self.reference.is_in_process()
    }

    fn keeps_prompts(&self) -> bool {
        self.model.keeps_prompts()
    }

    fn discounts_prompts(&self) -> bool {
        self.model.discounts_prompts()
    }

    /// Those of the model; the reference model has its own.
    fn engine(&self) -> Option<super::EngineFigures> {
        self.model.engine()
    }

    /// That of the model, if the reference model has the same one; otherwise tokens have no one price.
    fn price(&self) -> Option<Price> {
        self.model.price().filter(|price| self.reference.price() == Some(*price))
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let (model, asked) = self.asked(request);
        model.complete(asked.as_ref().unwrap_or(request)).await
    }
}
