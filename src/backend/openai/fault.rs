//! What went wrong with one request, and whether to try again.

use std::{fmt, time::Duration};

use http::StatusCode;
use serde_json::Value;

use super::{
    provider::Provider,
    said::{Refusal, Said},
    text::Secrets,
};
use crate::error::{Error, ErrorKind};

/// A request that brought no answer.
#[derive(Clone)]
pub(super) struct Fault {
    /// What people are shown.
    pub(super) error: Error,
    /// Whether another try may help.
    pub(super) again: Again,
    /// Whether it came of asking too much in too short a time.
    pub(super) limited: bool,
    /// How long the server asks to wait before it.
    pub(super) after: Option<Duration>,
    /// The parameters that the server does not accept.
    pub(super) refusal: Refusal,
}

/// The server at the other end, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Peer<'p> {
    pub(super) provider: &'p Provider,
    pub(super) secrets: &'p Secrets,
    /// Whether it answered a request before, so that address, key and model are right.
    pub(super) answered: bool,
    /// The proxy that stands between, if there is one.
    pub(super) proxy: Option<&'p str>,
}

/// How often the same request is worth sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The same request fails the same way.
    Never,
    /// A broken answer: an accident the first time, a habit the second.
    Once,
    /// The server is busy, or the line is bad.
    Often,
}

impl Again {
    /// The error with what decides whether it is tried again.
    fn noted(self, error: Error) -> Error {
        match self {
            Self::Never => error.permanent(),
            Self::Once => error.worth_one_retry(),
            Self::Often => error,
        }
    }
}

/// Longer than this no server is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

impl Fault {
    /// The server answered with an error.
    pub(super) fn of_status(
        status: StatusCode,
        body: &str,
        after: Option<Duration>,
        peer: Peer<'_>,
    ) -> Self {
        let said = Said::of(body, peer.secrets);
        let fault = Self::of_said(&said, status, &shown(status), peer);
        fault.waiting(after.or_else(|| said.wait()))
    }

    /// A success that holds an error.
    pub(super) fn of_error_object(error: &Value, peer: Peer<'_>) -> Self {
        let said = Said::of_value(serde_json::json!({ "error": error }), peer.secrets);
        let status = said.status();
        let answer = format!("200 OK with an error like {}", shown(status));
        Self::of_said(&said, status, &answer, peer).waiting(said.wait())
    }

    fn of_said(said: &Said, status: StatusCode, answer: &str, peer: Peer<'_>) -> Self {
        let class = Class::of(status, said, peer.answered);
        let message = match excerpt(&said.shown()) {
            text if text.is_empty() => format!("{} answers {answer}", peer.place()),
            text => format!("{} answers {answer}: {text}", peer.place()),
        };
        let refusal = class.refusal(said, status);
        let error = class.hinted(Error::new(class.kind(status), message), &refusal, peer.provider);
        // Asking the same again is of no use where a parameter is in the way.
        let again = if refusal.parameters.is_empty() { class.again() } else { Again::Never };
        let error = again.noted(error.with_status(status.as_u16()));
        let limited = status == StatusCode::TOO_MANY_REQUESTS;
        Self { error, again, limited, after: None, refusal }
    }

    /// A success that holds nothing of use.
    pub(super) fn of_garbage(what: &str, body: &str, peer: Peer<'_>) -> Self {
        let message = match excerpt(&peer.secrets.without(body)) {
            text if text.is_empty() => format!("{} answers {what}", peer.place()),
            text => format!("{} answers {what}: {text}", peer.place()),
        };
        let hint = "is this the address of an OpenAI-compatible API? It usually ends in /v1";
        let error = Error::new(ErrorKind::Overloaded, message).hint(hint).with_status(200);
        Self::new(Again::Once.noted(error), Again::Once)
    }

    /// No answer came, or only a part of one.
    pub(super) fn of_line(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        Self::of_silence(ErrorKind::Unreachable, what, peer)
    }

    /// No answer came in time.
    pub(super) fn of_time(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        Self::of_silence(ErrorKind::TimedOut, what, peer)
    }

    /// An answer came that cannot be taken.
    pub(super) fn of_answer(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        Self::of_silence(ErrorKind::Model, what, peer).final_one()
    }

    fn of_silence(kind: ErrorKind, what: impl fmt::Display, peer: Peer<'_>) -> Self {
        let message = format!("{}: {what}", peer.place());
        let error = Error::new(kind, message);
        let hint = match peer.proxy {
            Some(proxy) => format!(
                "requests go through the proxy {proxy}, as HTTP_PROXY, HTTPS_PROXY or ALL_PROXY say: \
                 is it running? NO_PROXY lists hosts to reach without it"
            ),
            None if peer.provider.is_here() => {
                "is the server running on this machine, at this address?".to_owned()
            }
            None => "check the address and the network".to_owned(),
        };
        Self::new(error.hint(hint), Again::Often)
    }

    fn new(error: Error, again: Again) -> Self {
        Self { error, again, limited: false, after: None, refusal: Refusal::default() }
    }

    /// The same fault where trying again does not help.
    pub(super) fn final_one(self) -> Self {
        Self { again: Again::Never, error: self.error.permanent(), ..self }
    }

    /// The error after so many tries.
    pub(super) fn after_tries(self, tries: u32) -> Self {
        match tries {
            0 | 1 => self,
            _ => Self { error: self.error.hint(format!("it was asked {tries} times")), ..self },
        }
    }

    /// The error where the run is to stop.
    pub(super) fn interrupted(self) -> Self {
        Self { error: self.error.interrupted(), ..self }
    }

    /// The error where no time is left for another try.
    pub(super) fn out_of_time(self, limit: Duration) -> Self {
        let hint = format!("no try begins later than {} after the first one", span(limit));
        Self { error: self.error.hint(hint), ..self }
    }

    fn waiting(mut self, after: Option<Duration>) -> Self {
        if let Some(after) = after {
            self.error = self.error.with_retry_after(after);
        }
        match after {
            Some(after) if self.again == Again::Often && after > PATIENCE => {
                let hint = format!("the server asks to wait {}: run again then", span(after));
                let error = self.error.within(format!("asked to wait {}", span(after)));
                Self { error: error.hint(hint), again: Again::Never, ..self }
            }
            after => Self { after, ..self },
        }
    }
}

impl Peer<'_> {
    fn place(&self) -> String {
        self.provider.place()
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Fault {}

/// What an error status means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Busy,
    Key,
    Money,
    Place,
    /// As if nothing were there, from a server that answered before: something between went wrong.
    Astray,
    /// A page instead of the API, from a server that never answered.
    Elsewhere,
    /// A page that refuses this text, from a server that answers others.
    Blocked,
    Moved,
    TooLong,
    Filtered,
    Wrong,
}

impl Class {
    fn of(status: StatusCode, said: &Said, answered: bool) -> Self {
        let code = |words: &[&str]| words.iter().any(|word| said.is(word));
        match status.as_u16() {
            _ if code(&["insufficient_quota", "billing_hard_limit_reached"]) => Self::Money,
            _ if code(&["invalid_api_key", "authentication_error", "api_key_invalid"]) => Self::Key,
            400..=499 if status != StatusCode::TOO_MANY_REQUESTS && said.refuses_key() => Self::Key,
            _ if code(&["model_not_found"]) => Self::Place,
            402 => Self::Money,
            // A moderator in front of the model speaks of this text only.
            403 if said.flags_input() => Self::Filtered,
            403 if answered && !said.is_of_api => Self::Blocked,
            401 | 403 => Self::Key,
            400 | 404 if said.misses_model() => Self::Place,
            404 | 405 | 410 if answered => Self::Astray,
            404 | 405 | 410 if said.is_of_api => Self::Place,
            404 | 405 | 410 => Self::Elsewhere,
            300..=399 => Self::Moved,
            501 | 505 => Self::Wrong,
            408 | 409 | 425 | 429 | 500..=599 => Self::Busy,
            413 => Self::TooLong,
            _ if said.is_too_long() => Self::TooLong,
            _ if code(&["content_filter", "content_policy_violation"]) => Self::Filtered,
            _ => Self::Wrong,
        }
    }

    fn kind(self, status: StatusCode) -> ErrorKind {
        match self {
            Self::Busy => match status {
                StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
                // The last two are Cloudflare's.
                _ if matches!(status.as_u16(), 408 | 504 | 522 | 524) => ErrorKind::TimedOut,
                _ => ErrorKind::Overloaded,
            },
            Self::Astray => ErrorKind::Overloaded,
            Self::Key => ErrorKind::Unauthorized,
            Self::Money => ErrorKind::Quota,
            Self::Place | Self::Elsewhere | Self::Moved => ErrorKind::NotFound,
            Self::TooLong => ErrorKind::TooLong,
            Self::Filtered | Self::Blocked | Self::Wrong => ErrorKind::Refused,
        }
    }

    fn again(self) -> Again {
        match self {
            Self::Busy | Self::Astray => Again::Often,
            Self::Elsewhere | Self::Blocked => Again::Once,
            _ => Again::Never,
        }
    }

    /// The parameters that a refused request can do without.
    fn refusal(self, said: &Said, status: StatusCode) -> Refusal {
        let refusal = said.refusal();
        match self {
            Self::Wrong => refusal,
            // Some servers take the blame for what they do not know.
            Self::Busy if matches!(status.as_u16(), 500 | 502) && refusal.is_certain() => refusal,
            _ => Refusal::default(),
        }
    }

    fn hinted(self, error: Error, refusal: &Refusal, provider: &Provider) -> Error {
        let variable = &provider.key_variable;
        match self {
            Self::Key if provider.key.is_none() => {
                error.hint(format!("no key was sent: set {variable}"))
            }
            Self::Key => error.hint(format!("the key came from {variable}")),
            Self::Money => error.hint("the account has no credit left for this model"),
            Self::Place | Self::Elsewhere => error
                .hint(format!("is `{}` the name of a model there?", provider.model))
                .hint("check --base-url: it usually ends in /v1"),
            Self::Astray => {
                error.hint("it answered other requests: is a proxy in between at fault?")
            }
            Self::Blocked => {
                error.hint("something in front of the server does not let this text pass")
            }
            Self::Moved => error.hint("redirects are not followed: give the final address itself"),
            Self::TooLong => error
                .hint("prompt and record are longer than the model can read, its answer included")
                .hint(
                    "shorten the record, lower max_tokens, or take a model with a longer context",
                ),
            Self::Filtered => error.hint("the service does not want to read this text"),
            Self::Wrong => match refusal.parameters.first() {
                Some(parameter) => {
                    error.hint(format!("the server does not accept this `{}`", parameter.name()))
                }
                None => error,
            },
            Self::Busy => error,
        }
    }
}

fn shown(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The first 200 characters, none of which moves a terminal.
pub(super) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 200;
    let mut safe = String::new();
    for c in text.trim().chars().take(LENGTH) {
        match c {
            '"' | '\'' | '\\' => safe.push(c),
            c => safe.extend(c.escape_debug()),
        }
    }
    if text.trim().chars().nth(LENGTH).is_some() {
        safe.push('…');
    }
    safe
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_moves_no_terminal() {
        assert_eq!(excerpt("<html>\u{1b}[2J\u{202e}f"), r"<html>\u{1b}[2J\u{202e}f");
        assert_eq!(excerpt(&"x".repeat(300)).chars().count(), 201);
    }
}
