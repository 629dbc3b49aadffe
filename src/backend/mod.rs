//! Models, and the layers around them.
//!
//! A [`Backend`] turns a [`Request`] into a [`Completion`]. A [`Layer`] is a backend wrapped around another
//! backend. Each has one task, and their order, outermost first, is part of what they do:
//!
//! | layer | what it does | why it has this place |
//! |---|---|---|
//! | [`Recorded`] | writes every answer to a file | sees cached answers too |
//! | `Running` | answers requests to run code in a sandbox | what code prints does not depend on the model |
//! | [`Cached`](cache::Cached) | never pays twice | a cached answer waits for nothing below |
//! | [`Budgeted`] | ends a run that has spent its [`Budget`] | counts what is paid for, as one request |
//! | [`Retried`] | retries temporary failures | holds no permit while it waits |
//! | [`Warmed`] | sends one of the requests with a common beginning ahead | a waiting request holds no permit |
//! | [`Limited`] | limits the requests in flight | sees every try, and adapts |
//! | [`Priced`] | adds the cost to answers | the store keeps the cost of an answer |
//! | [`Endpoints`] | several servers or keys for one model | all layers above see one model |
//! | one try | sends once, and classifies the result | knows nothing about policy |
//!
//! The registry ([`Models`](crate::models::Models)) puts them around models at APIs; [`BackendExt`] does so
//! in code.

mod budgeted;
#[cfg(feature = "checks")]
mod check;
#[cfg(any(feature = "llama", feature = "openai"))]
mod choice;
#[cfg(feature = "command")]
mod command;
#[cfg(feature = "openai")]
mod convert;
mod endpoints;
mod estimate;
mod ext;
mod figures;
mod from_fn;
#[cfg(any(feature = "code", feature = "command"))]
mod group;
mod limited;
mod loading;
mod pause;
mod price;
mod record;
mod referenced;
mod replay;
mod retried;
#[cfg(feature = "code")]
pub mod sandbox;
mod script;
mod secrets;
#[cfg(any(feature = "llama", feature = "openai"))]
mod tree;
#[cfg(feature = "code")]
mod unit_tests;
#[cfg(feature = "openai")]
mod warmed;

#[cfg(feature = "store")]
pub mod cache;

#[cfg(feature = "openai")]
pub mod openai;

#[cfg(feature = "llama")]
pub mod llama;

#[cfg(feature = "checks")]
pub use check::{Check, canonical_answer};
#[cfg(feature = "command")]
pub use command::Command;
#[cfg(feature = "command")]
pub(crate) use command::with_files;
#[cfg(feature = "code")]
pub use unit_tests::TestsCheck;
#[cfg(feature = "openai")]
pub use warmed::Warmed;
pub use {
    crate::request::{Ability, Capabilities, Logprobs},
    budgeted::{Budget, BudgetLimits, Budgeted, Spending},
    endpoints::Endpoints,
    ext::BackendExt,
    figures::EngineFigures,
    from_fn::{FromFn, from_fn},
    limited::{Limit, Limited, records_open},
    loading::{FlashAttention, KvType, Split},
    price::{Priced, Prices},
    record::Recorded,
    referenced::Referenced,
    replay::Replay,
    retried::{Retried, Retry},
    script::Script,
};

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    completion::{Completion, Price},
    error::Result,
    request::Request,
};

/// What helps against a request that is longer than the context.
#[cfg(any(feature = "llama", feature = "openai"))]
pub(crate) const SHORTEN: &str = "shorten the record, cut long conversations with `transcript(max=…)` in the prompt, or use a model with a longer context";

/// How long one try at a server may take where nothing is set.
pub(crate) const TRY_TIMEOUT: Duration = Duration::from_secs(600);

/// A model that can be asked.
///
/// A custom client becomes a backend by [`from_fn`], or by this trait if it knows more about its model. It
/// sends once: [layers](BackendExt) around it retry, limit, count and cache.
///
/// ```
/// use async_trait::async_trait;
/// use tribunal::{
///     Completion, Request, Result,
///     backend::Backend,
///     request::Capabilities,
/// };
///
/// #[derive(Debug)]
/// struct Constant(&'static str);
///
/// #[async_trait]
/// impl Backend for Constant {
///     fn name(&self) -> &str {
///         "constant"
///     }
///
///     fn identity(&self) -> &str {
///         self.0 // another text is another model
///     }
///
///     async fn capabilities(&self) -> Capabilities {
///         Capabilities::TEXT
///     }
///
///     async fn complete(&self, _: &Request) -> Result<Completion> {
///         Ok(Completion::text(self.0))
///     }
/// }
///
/// assert_eq!(Constant("Score: 7").concurrency(), 1);
/// ```
#[async_trait]
pub trait Backend: Debug + Send + Sync {
    /// The name of the model for people: `tiny`, `openai/gpt-5-mini`, or the name of a file. It is shown in
    /// results and messages.
    fn name(&self) -> &str;

    /// The name of the model in cache keys and results. Backends with equal identities give equal answers.
    /// Everything that changes an answer and is not part of a [`Request`] belongs in the identity.
    fn identity(&self) -> &str;

    /// Other names by which prompts may recognize the model, such as the title in the file.
    fn aliases(&self) -> Vec<String> {
        Vec::new()
    }

    /// What this model can be asked to do.
    ///
    /// A server may have to be asked once, and its answer is remembered. A failure is not: the capability is
    /// then unknown, and asked for again later.
    async fn capabilities(&self) -> Capabilities;

    /// How many concurrent requests this backend handles well; never 0.
    ///
    /// It is advice to callers; [`Limited`] turns it into a limit. A backend queues any further requests.
    fn concurrency(&self) -> usize {
        1
    }

    /// The number of prompt tokens for a request; `None` if only the server knows.
    fn prompt_tokens(&self, _request: &Request) -> Option<usize> {
        None
    }

    /// The check that [`complete`](Self::complete) makes before it asks anything: whether the model can be asked this, and
    /// the request has room in its context, as far as both are known.
    ///
    /// # Errors
    /// The request is refused; it is [too long](crate::ErrorKind::TooLong), for example.
    fn fits(&self, _request: &Request) -> Result<()> {
        Ok(())
    }

    /// Whether the model runs in this process: its answers cost time but no money, and a request without
    /// waiting callers is stopped.
    fn is_in_process(&self) -> bool {
        false
    }

    /// Whether the model keeps what it has read, so that a prompt costs less right after one with the same beginning.
    /// A run then judges records with common beginnings one after another. Models in this process do, and servers
    /// usually.
    fn keeps_prompts(&self) -> bool {
        false
    }

    /// Whether the model is a service that charges less for the beginning of a prompt that it has read lately, so that
    /// one request is sent ahead of those that begin like it: see `Warmed`.
    fn discounts_prompts(&self) -> bool {
        false
    }

    /// What the engine of a model in this process has done since it was loaded; `None` for all other models.
    fn engine(&self) -> Option<EngineFigures> {
        None
    }

    /// The price of a million tokens; `None` if it is unknown, which does not mean free.
    fn price(&self) -> Option<Price> {
        None
    }

    /// The fields of a request to this model's OpenAI-compatible API, for files of requests that are answered
    /// elsewhere; `None` if the model has no such API.
    ///
    /// # Errors
    /// The API cannot express something that the request needs.
    #[doc(hidden)]
    fn fields(
        &self,
        _request: &Request,
    ) -> Option<Result<serde_json::Map<String, serde_json::Value>>> {
        None
    }

    /// Asks the model, and returns its answer with its usage.
    ///
    /// # Errors
    /// There is no answer. The error has the facts that decide about a retry: its kind, and if known its
    /// [status](crate::Error::status), the [time to wait](crate::Error::retry_after) and the
    /// [number of requests](crate::Error::attempts). A useless answer is not an error.
    ///
    /// # Cancellation
    /// Dropping the future cancels the request, and must free everything that was reserved for it. Below a
    /// cache, an answer that is paid for may still arrive and be stored.
    async fn complete(&self, request: &Request) -> Result<Completion>;
}

/// Wraps a backend; everything except [`complete`](Backend::complete) is forwarded.
///
/// Every type that implements this is also a [`Backend`], so layers can be stacked. The documentation of each
/// layer describes its place ("Order"), and what it adds to errors and cancellation.
///
/// ```
/// use async_trait::async_trait;
/// use tribunal::{
///     Completion, Request, Result,
///     backend::{Backend, Layer, Script},
/// };
///
/// /// Writes what is asked to the log.
/// #[derive(Debug)]
/// struct Logged<B>(B);
///
/// #[async_trait]
/// impl<B: Backend> Layer for Logged<B> {
///     fn below(&self) -> &dyn Backend {
///         &self.0
///     }
///
///     async fn through(&self, request: &Request) -> Result<Completion> {
///         tracing::info!(messages = request.messages.len(), "asking");
///         self.0.complete(request).await
///     }
/// }
///
/// assert_eq!(Logged(Script::always("7")).name(), "script");
/// ```
#[async_trait]
pub trait Layer: Debug + Send + Sync {
    /// The wrapped backend.
    fn below(&self) -> &dyn Backend;

    /// Does what [`Backend::complete`] does, usually by asking the wrapped backend.
    ///
    /// # Errors
    /// Those of the wrapped backend, and what the layer's documentation adds.
    async fn through(&self, request: &Request) -> Result<Completion>;

    /// What [`Backend::concurrency`] returns: that of the wrapped backend.
    fn width(&self) -> usize {
        self.below().concurrency()
    }

    /// What [`Backend::capabilities`] returns, from those of the wrapped backend: the same.
    fn able(&self, below: Capabilities) -> Capabilities {
        below
    }

    /// Whether the layer answers this request by itself, so that the wrapped backend need not be able to.
    fn answers(&self, _request: &Request) -> bool {
        false
    }

    /// What [`Backend::price`] returns: that of the wrapped backend.
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
        self.able(self.below().capabilities().await)
    }

    fn concurrency(&self) -> usize {
        self.width()
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        self.below().prompt_tokens(request)
    }

    fn fits(&self, request: &Request) -> Result<()> {
        if self.answers(request) { Ok(()) } else { self.below().fits(request) }
    }

    fn is_in_process(&self) -> bool {
        self.below().is_in_process()
    }

    fn keeps_prompts(&self) -> bool {
        self.below().keeps_prompts()
    }

    fn discounts_prompts(&self) -> bool {
        self.below().discounts_prompts()
    }

    fn engine(&self) -> Option<EngineFigures> {
        self.below().engine()
    }

    fn price(&self) -> Option<Price> {
        self.tokens_price()
    }

    fn fields(
        &self,
        request: &Request,
    ) -> Option<Result<serde_json::Map<String, serde_json::Value>>> {
        self.below().fields(request)
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

    fn fits(&self, request: &Request) -> Result<()> {
        (**self).fits(request)
    }

    fn is_in_process(&self) -> bool {
        (**self).is_in_process()
    }

    fn keeps_prompts(&self) -> bool {
        (**self).keeps_prompts()
    }

    fn discounts_prompts(&self) -> bool {
        (**self).discounts_prompts()
    }

    fn engine(&self) -> Option<EngineFigures> {
        (**self).engine()
    }

    fn price(&self) -> Option<Price> {
        (**self).price()
    }

    fn fields(
        &self,
        request: &Request,
    ) -> Option<Result<serde_json::Map<String, serde_json::Value>>> {
        (**self).fields(request)
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        (**self).complete(request).await
    }
}

// Keeps the trait usable as `dyn Backend`.
const _: fn(&dyn Backend) = |_| ();
