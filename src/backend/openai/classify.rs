//! What an error of a server means for the request, for the record and for the run.
//!
//! Statuses alone do not tell: an empty account is 402, 403, 429 or 400, depending on the provider; a wrong key is
//! 401, 403 or Google's 400; a model that does not exist is 404 or 400; and a 403 may mean this one text. So codes
//! and the heads of messages are looked at first. Words further on in a message are not, since they may repeat the
//! judged text, which must never end a run.
//!
//! What a server did before counts too: one that answered a request has the right address, key and model, so that
//! a page saying "not found" is an accident of something in between.

use std::time::SystemTime;

use http::StatusCode;

use super::{error_body::ErrorBody, failure::Peer, refused::Refusal};
use crate::{
    error::{Error, ErrorKind},
    hint::Hint,
};

/// What an error of a server is about.
///
/// | class | tried again | ends the run |
/// |---|---|---|
/// | `Busy`, `Astray` | yes | no |
/// | `NotApi` | once | yes |
/// | `Blocked` | once | no |
/// | `Key`, `Proxy`, `Credit`, `Missing`, `Redirected` | no | yes |
/// | `TooLong`, `Filtered`, `Invalid` | no | no |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The server is busy or broken for now, or limits rates.
    Busy,
    /// It answers as if nothing were there, and answered other requests before: something between went wrong.
    Astray,
    /// A page instead of an API, from a server that never answered.
    NotApi,
    /// A page that refuses this text, from a server that answered others.
    Blocked,
    /// The key is missing, wrong or not allowed to use the model.
    Key,
    /// The proxy in between wants credentials.
    Proxy,
    /// The account has no credit.
    Credit,
    /// There is no such model, or no such address.
    Missing,
    /// The server has moved. Redirects are not followed, since the key is meant for one address.
    Redirected,
    /// The request is longer than the model's context.
    TooLong,
    /// The service does not read this text.
    Filtered,
    /// The request is not one that the server understands.
    Invalid,
}

impl Class {
    /// The class of an error with this status. What the server reports in its body comes before its status,
    /// for many servers know a few statuses only.
    pub(super) fn of(
        status: StatusCode,
        error: &ErrorBody,
        has_answered: bool,
        now: SystemTime,
    ) -> Self {
        const KEY: [&str; 4] =
            ["invalid_api_key", "authentication_error", "api_key_invalid", "account_deactivated"];
        const FILTERED: [&str; 2] = ["content_filter", "content_policy_violation"];
        let has_code = |codes: &[&str]| codes.iter().any(|code| error.has_code(code));
        let is_limited = status == StatusCode::TOO_MANY_REQUESTS;
        match status.as_u16() {
            400..=499 if error.is_too_large_for_limit() => Self::TooLong,
            _ if error.lacks_credit(now) => Self::Credit,
            _ if has_code(&KEY) => Self::Key,
            400..=499 if !is_limited && error.refuses_key() => Self::Key,
            _ if has_code(&["model_not_found"]) => Self::Missing,
            402 => Self::Credit,
            // A moderator in front of the model speaks of this text only.
            403 if error.flags_input() => Self::Filtered,
            403 if has_answered && !error.is_of_api => Self::Blocked,
            401 | 403 => Self::Key,
            407 => Self::Proxy,
            400 | 404 if error.misses_model() => Self::Missing,
            404 | 405 | 410 if has_answered => Self::Astray,
            404 | 405 | 410 if error.is_of_api => Self::Missing,
            404 | 405 | 410 => Self::NotApi,
            300..=399 => Self::Redirected,
            501 | 505 => Self::Invalid,
            // 409 and 425 are locks, 424 is a part of the server that failed, 499 a proxy that gave up.
            408 | 409 | 424 | 425 | 429 | 499 | 500..=599 => Self::Busy,
            413 => Self::TooLong,
            _ if error.is_too_long() => Self::TooLong,
            451 => Self::Filtered,
            _ if has_code(&FILTERED) => Self::Filtered,
            _ => Self::Invalid,
        }
    }

    /// The kind of its error.
    pub(super) fn kind(self, status: StatusCode) -> ErrorKind {
        match self {
            Self::Busy => match status.as_u16() {
                429 => ErrorKind::RateLimited,
                // The last two are Cloudflare's.
                408 | 504 | 522 | 524 => ErrorKind::TimedOut,
                _ => ErrorKind::Overloaded,
            },
            Self::Astray => ErrorKind::Overloaded,
            Self::Key | Self::Proxy => ErrorKind::Unauthorized,
            Self::Credit => ErrorKind::Quota,
            Self::Missing | Self::NotApi | Self::Redirected => ErrorKind::NotFound,
            Self::TooLong => ErrorKind::TooLong,
            Self::Filtered | Self::Blocked | Self::Invalid => ErrorKind::Refused,
        }
    }

    /// The error with what decides whether it is tried again.
    pub(super) fn mark(self, error: Error) -> Error {
        match self {
            Self::Busy | Self::Astray => error,
            Self::NotApi | Self::Blocked => error.worth_one_retry(),
            _ => error.permanent(),
        }
    }

    /// The parameters that the refused request can do without.
    pub(super) fn refusal(self, error: &ErrorBody, status: StatusCode) -> Refusal {
        let refusal = Refusal::of(error);
        let is_own_fault = matches!(status.as_u16(), 500 | 502);
        match self {
            Self::Invalid => refusal,
            // Some servers report what they do not know as a fault of theirs.
            Self::Busy if is_own_fault && refusal.is_certain() => refusal,
            _ => Refusal::default(),
        }
    }

    /// The error with what to do next.
    pub(super) fn hinted(self, error: Error, refusal: &Refusal, peer: Peer<'_>) -> Error {
        let variable = &peer.provider.key_variable;
        match self {
            Self::Key if peer.provider.key.is_none() => {
                error.hint(format!("no key was sent: set {variable}"))
            }
            Self::Key => error.hint(format!("the key was read from {variable}")),
            Self::Proxy => error.hint(
                "give the proxy's user and password in HTTPS_PROXY, or list the host in NO_PROXY",
            ),
            Self::Credit => error.hint("the account has no credit left for this model"),
            Self::Missing | Self::NotApi => error
                .hint(format!("does the server have a model `{}`?", peer.provider.model))
                .hint(is_api()),
            Self::Astray => {
                error.hint("the server answered other requests: is a proxy in between at fault?")
            }
            Self::Blocked => {
                error.hint("something in front of the server does not let this text pass")
            }
            Self::Redirected => error.hint(
                Hint::from("redirects are not followed: set the final address with ")
                    .setting("base_url", ""),
            ),
            Self::TooLong => error
                .hint("prompt, record and answer together are longer than the model can read")
                .hint("shorten the record, lower max_tokens, or use a model with a longer context"),
            Self::Filtered => error.hint("the service refuses to read this text"),
            Self::Invalid => match refusal.parameters.first() {
                Some(parameter) => {
                    error.hint(format!("the server does not accept this `{}`", parameter.name()))
                }
                None => error,
            },
            Self::Busy => error,
        }
    }
}

/// The hint that the address may not be that of an API.
pub(super) fn is_api() -> Hint {
    Hint::from("is this the address of an OpenAI-compatible API? It usually ends in /v1: see ")
        .setting("base_url", "")
}
