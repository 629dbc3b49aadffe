//! The routes of a server, and what a missing one looks like.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

use super::super::{failure::Failure, transport::Transport};
use crate::error::{Error, ErrorKind};

/// The server of a question.
#[derive(Clone, Copy)]
pub(in crate::backend::openai) struct Server<'s> {
    /// The model's name for people.
    pub(in crate::backend::openai) name: &'s str,
    pub(in crate::backend::openai) transport: &'s Transport,
    /// The number of requests to the model so far.
    pub(in crate::backend::openai) attempts: &'s AtomicU32,
}

/// Why labels were not weighed.
pub(in crate::backend::openai) enum Miss {
    /// The server does not have this way, for the reason given.
    Absent(String),
    /// This question cannot be asked in this way.
    NotThis(String),
    /// The server failed, which is no reason to ask in another way.
    Failed(Error),
}

impl Miss {
    /// What a failure says about the route. A server that lacks a route, or does not show it, answers with one of few
    /// statuses; any other failure would meet the next way as well.
    pub(in crate::backend::openai) fn of(failure: Failure) -> Self {
        let error = failure.error;
        match error.status() {
            Some(401 | 403 | 404 | 405 | 501) => Self::Absent(error.to_string()),
            Some(400 | 415 | 422) if error.kind() == ErrorKind::Refused => {
                Self::Absent(error.to_string())
            }
            _ => Self::Failed(error),
        }
    }

    /// An answer that lacks what was asked for.
    pub(in crate::backend::openai) fn unreadable(what: impl fmt::Display) -> Self {
        Self::Absent(format!("its answer has no {what}"))
    }
}

impl Server<'_> {
    /// Asks a route beside `/v1`, such as `/tokenize`. An address without `/v1` is taken as it is.
    ///
    /// # Errors
    /// What the failure says about the route: see [`Miss::of`].
    pub(in crate::backend::openai) async fn native(
        self,
        path: &str,
        body: &Value,
    ) -> Result<Value, Miss> {
        let place = self.transport.provider.place();
        let root = place.strip_suffix("/v1").unwrap_or(&place);
        self.transport.post(&format!("{root}{path}"), body).await.map_err(Miss::of)
    }

    /// Asks a route below `/v1`, such as `/completions`.
    ///
    /// # Errors
    /// What the failure says about the route: see [`Miss::of`].
    pub(in crate::backend::openai) async fn below_v1(
        self,
        path: &str,
        body: &Value,
    ) -> Result<Value, Miss> {
        let place = self.transport.provider.place();
        self.transport.post(&format!("{place}{path}"), body).await.map_err(Miss::of)
    }

    /// The same server, after one more request to the model.
    pub(in crate::backend::openai) fn counted(self) -> Self {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self
    }
}
