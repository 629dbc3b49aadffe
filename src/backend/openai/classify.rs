//! Decides what an error of a server means for the request, for the record and for the run.
//!
//! The status alone is not enough: an empty account is 402, 403, 429 or 400, depending on the provider; a
//! wrong key is 401, 403, or 400 at Google; a missing model is 404 or 400; and a 403 may concern this one
//! text only. Error codes and the beginnings of messages are therefore checked first. Later words of a
//! message are ignored, because they may quote the judged text, which must never end a run.
//!
//! Earlier requests count too. If a server has answered before, its address, key and model are right, so a
//! page with "not found" is a temporary fault of something in between.

use std::time::SystemTime;

use http::StatusCode;

use super::{error_body::ErrorBody, peer::Peer, refused::Refusal};
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
    /// The server is temporarily busy or broken, or limits the rate.
    Busy,
    /// A response as if nothing were at this address, from a server that answered before: something in
    /// between failed.
    Astray,
    /// A web page instead of an API response, from a server that never answered.
    NotApi,
    /// A web page that refuses this text, from a server that answered before.
    Blocked,
    /// The key is missing, wrong or not allowed to use the model.
    Key,
    /// The proxy in between requires credentials.
    Proxy,
    /// The account has no credit.
    Credit,
    /// The model or the address does not exist.
    Missing,
    /// The server has moved. Redirects are not followed, because the key belongs to one address.
    Redirected,
    /// The request is longer than the model's context.
    TooLong,
    /// The service refuses to process this text.
    Filtered,
    /// The server does not understand the request.
    Invalid,
}

impl Class {
    /// The class of an error with this status. The body is checked before the status, because many servers
    /// use few statuses.
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
            // A moderator in front of the model refuses this text only.
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
            // 409 and 425 are locks, 424 is a failed part of the server, and 499 a proxy that gave up.
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
                // 522 and 524 are specific to Cloudflare.
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

    /// Sets the facts of an error that decide about retries.
    pub(super) fn mark(self, error: Error) -> Error {
        match self {
            Self::Busy | Self::Astray => error,
            Self::NotApi | Self::Blocked => error.worth_one_retry(),
            _ => error.permanent(),
        }
    }

    /// The parameters that the refused request can be sent without.
    pub(super) fn refusal(self, error: &ErrorBody, status: StatusCode) -> Refusal {
        let refusal = Refusal::of(error);
        let is_own_fault = matches!(status.as_u16(), 500 | 502);
        match self {
            Self::Invalid => refusal,
            // Some servers report an unknown parameter as an internal error.
            Self::Busy if is_own_fault && refusal.is_certain() => refusal,
            _ => Refusal::default(),
        }
    }

    /// Adds hints about what to do next.
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

/// The hint that the address may not belong to an API.
pub(super) fn is_api() -> Hint {
    Hint::from("is this the address of an OpenAI-compatible API? It usually ends in /v1: see ")
        .setting("base_url", "")
}
