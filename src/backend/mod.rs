//! Models, and the layers around them.
//!
//! A [`Backend`] turns a [`Request`] into a [`Completion`]. A [`Layer`] is a backend wrapped around another
//! backend. Each has one task, and their order, outermost first, is part of what they do:
//!
//! | layer | what it does | why it stands there |
//! |---|---|---|
//! | [`Recorded`] | writes every answer to a file | sees remembered answers too |
//! | [`Cached`](cache::Cached) | never pays twice | a hit waits for nothing below |
//! | [`Budgeted`] | ends a run that has spent its [`Budget`] | counts what is paid for, as one request |
//! | [`Retried`] | tries again what failed in passing | holds no permit while it waits |
//! | [`Limited`] | keeps so many requests in flight | sees every try, and adapts |
//! | [`Priced`] | puts a cost on answers | the store keeps what an answer cost |
//! | [`Endpoints`] | several servers or keys of one model | all above see one model |
//! | one try | sends once, and says what came of it | knows nothing of policy |
//!
//! The registry ([`Models`](crate::models::Models)) stacks them around models behind APIs; [`BackendExt`] does it by hand.

mod budgeted;
#[cfg(feature = "checks")]
mod check;
#[cfg(feature = "openai")]
mod convert;
mod endpoints;
mod estimate;
mod ext;
mod from_fn;
mod limited;
mod pause;
mod price;
mod record;
mod replay;
mod retried;
mod script;

#[cfg(feature = "store")]
pub mod cache;

#[cfg(feature = "openai")]
pub mod openai;

#[cfg(feature = "llama")]
pub mod llama;

#[cfg(feature = "checks")]
pub use check::Check;
pub use {
    crate::request::{Ability, Capabilities, Logprobs},
    budgeted::{Budget, BudgetLimits, Budgeted, Spending},
    endpoints::Endpoints,
    ext::BackendExt,
    from_fn::{FromFn, from_fn},
    limited::{Limit, Limited, records_open},
    price::{Priced, Prices},
    record::Recorded,
    replay::Replay,
    retried::{Retried, Retry},
    script::Script,
};

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::{
    completion::{Completion, Price},
    error::Result,
    request::Request,
};

/// A model that can be asked.
#[async_trait]
pub trait Backend: Debug + Send + Sync {
    /// How people call this model: `tiny`, `openai/gpt-5-mini`, a file name.
    fn name(&self) -> &str;

    /// Names the model behind this backend for every cache key: equal identities give equal answers.
    fn identity(&self) -> &str;

    /// Other names by which prompts may know this model, such as the file's own title.
    fn aliases(&self) -> Vec<String> {
        Vec::new()
    }

    /// What this model can be asked.
    ///
    /// It may have to ask the server once; the answer is remembered.
    async fn capabilities(&self) -> Capabilities;

    /// How many requests this backend handles well at once; never zero.
    ///
    /// It is advice: it is still the backend's duty to queue what it cannot take.
    fn concurrency(&self) -> usize {
        1
    }

    /// How many tokens the model would read for a request; `None` where only its server knows.
    fn prompt_tokens(&self, _request: &Request) -> Option<usize> {
        None
    }

    /// Whether the model runs in this process: its answers cost time and no money, and one that nobody
    /// waits for any more is worth nothing.
    fn is_in_process(&self) -> bool {
        false
    }

    /// What a million tokens cost; `None` where that is not known, which is not the same as nothing.
    fn price(&self) -> Option<Price> {
        None
    }

    /// Asks the model.
    ///
    /// # Cancellation
    /// Dropping the future gives the answer up, and must free whatever was reserved for it. Behind a
    /// cache, an answer that was paid for may still arrive and be remembered.
    async fn complete(&self, request: &Request) -> Result<Completion>;
}

/// Wraps a backend; everything except [`complete`](Backend::complete) is forwarded.
///
/// What implements this is a [`Backend`] itself.
#[async_trait]
pub trait Layer: Debug + Send + Sync {
    /// The backend below.
    fn below(&self) -> &dyn Backend;

    /// Does what [`Backend::complete`] does, as a rule by asking the backend below.
    async fn through(&self, request: &Request) -> Result<Completion>;

    /// What [`Backend::concurrency`] says; that of the backend below.
    fn width(&self) -> usize {
        self.below().concurrency()
    }

    /// What [`Backend::price`] says; that of the backend below.
    fn tokens_price(&self) -> Option<Price> {
        self.below().price()
    }
}

#[async_trait]
impl<L: Layer> Backend for L {
    fn name(&self) -> &str {
        self.below().name()
    }

    fn identity(&self) -> &str {
        self.below().identity()
    }

    fn aliases(&self) -> Vec<String> {
        self.below().aliases()
    }

    async fn capabilities(&self) -> Capabilities {
        self.below().capabilities().await
    }

    fn concurrency(&self) -> usize {
        self.width()
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        self.below().prompt_tokens(request)
    }

    fn is_in_process(&self) -> bool {
        self.below().is_in_process()
    }

    fn price(&self) -> Option<Price> {
        self.tokens_price()
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        self.through(request).await
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn identity(&self) -> &str {
        (**self).identity()
    }

    fn aliases(&self) -> Vec<String> {
        (**self).aliases()
    }

    async fn capabilities(&self) -> Capabilities {
        (**self).capabilities().await
    }

    fn concurrency(&self) -> usize {
        (**self).concurrency()
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        (**self).prompt_tokens(request)
    }

    fn is_in_process(&self) -> bool {
        (**self).is_in_process()
    }

    fn price(&self) -> Option<Price> {
        (**self).price()
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        (**self).complete(request).await
    }
}

// Keeps the trait usable as `dyn Backend`.
const _: fn(&dyn Backend) = |_| ();
