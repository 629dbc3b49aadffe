//! A backend from a function, for custom clients.

use std::fmt;

use async_trait::async_trait;

use super::Backend;
use crate::{
    completion::Completion,
    error::Result,
    request::{Capabilities, Request},
};

/// A backend that calls `function` for every request and has this `name`.
///
/// The name is also the [identity](Backend::identity), under which caches store the answers. Set another
/// [`identity`](FromFn::identity) if the answers differ, for example for a newer model at the same client.
///
/// The function sends once and returns the result; [layers](super::BackendExt) around it retry, limit and
/// cache. They act on the error: its kind, and the facts that [`Error`](crate::Error) has, such as
/// [`with_retry_after`](crate::Error::with_retry_after). Convert other errors with
/// [`Error::other`](crate::Error::other); they are not retried.
///
/// ```
/// use tribunal::{backend::{Backend, from_fn}, completion::{Completion}, request::Request};
///
/// let echo = from_fn("echo", |request: Request| async move {
///     let said = request.messages.last().map(|message| message.text());
///     Ok(Completion::text(said.unwrap_or_default()))
/// });
/// assert_eq!(echo.name(), "echo");
/// ```
pub fn from_fn<F, A>(name: impl Into<String>, function: F) -> FromFn<F>
where
    F: Fn(Request) -> A + Send + Sync,
    A: Future<Output = Result<Completion>> + Send,
{
    let name = name.into();
    let identity = name.clone();
    FromFn { name, identity, function, capabilities: Capabilities::TEXT, concurrency: 16 }
}

/// A function as a backend: see [`from_fn`].
#[derive(Clone)]
pub struct FromFn<F> {
    name: String,
    identity: String,
    function: F,
    capabilities: Capabilities,
    concurrency: usize,
}

impl<F> FromFn<F> {
    /// Sets the identity, if the name alone does not identify the model.
    #[must_use]
    pub fn identity(self, identity: impl Into<String>) -> Self {
        Self { identity: identity.into(), ..self }
    }

    /// Sets the capabilities; by default text only.
    #[must_use]
    pub fn capable(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// Sets how many concurrent requests it handles well; by default 16.
    #[must_use]
    pub fn concurrent(self, requests: usize) -> Self {
        Self { concurrency: requests.max(1), ..self }
    }
}

#[async_trait]
impl<F, A> Backend for FromFn<F>
where
    F: Fn(Request) -> A + Send + Sync,
    A: Future<Output = Result<Completion>> + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        (self.function)(request.clone()).await
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").field("name", &self.name).finish_non_exhaustive()
    }
}
