//! The layer around a model that answers requests to run code.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::{Ability, Backend, Capabilities, Layer};
use crate::{
    completion::Completion,
    error::Result,
    request::{Ask, Request},
};

/// A backend whose requests to run code a sandbox answers; all others go on to the model. A recording that holds what
/// code printed answers by itself.
///
/// # Order
/// Above the cache of the model, because what code prints does not depend on the model: the sandbox has a cache of its own.
/// Only a recording belongs above it.
///
/// # Errors
/// Those of the wrapped backend and of the [`Sandbox`](super::Sandbox).
#[derive(Clone, Debug)]
pub struct Running {
    inner: Arc<dyn Backend>,
    sandbox: Arc<dyn Backend>,
}

impl Running {
    /// A model, and the sandbox for its code: a [`Sandbox`](super::Sandbox), or one with a cache around it.
    pub fn new(model: Arc<dyn Backend>, sandbox: Arc<dyn Backend>) -> Self {
        Self { inner: model, sandbox }
    }
}

#[async_trait]
impl Layer for Running {
    fn below(&self) -> &dyn Backend {
        &*self.inner
    }

    fn able(&self, below: Capabilities) -> Capabilities {
        Capabilities { run: Ability::Yes, ..below }
    }

    fn answers(&self, request: &Request) -> bool {
        matches!(request.ask, Ask::Run { .. })
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        if self.answers(request) && !self.inner.capabilities().await.run.is_yes() {
            return self.sandbox.complete(request).await;
        }
        self.inner.complete(request).await
    }
}
