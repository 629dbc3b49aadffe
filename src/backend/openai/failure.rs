//! A request without an answer, as an error with the facts that decide about another try.
//!
//! Each constructor stands for one cause. The error names the address (origin and path, never credentials),
//! and quotes at most 200 characters of the response, without secrets and control characters.

use std::{fmt, time::Duration};

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{
    classify::{Class, is_api},
    error_body::ErrorBody,
    peer::Peer,
    refused::Refusal,
    wait,
};
use crate::{
    error::{Error, ErrorKind},
    hint::Hint,
};

/// A request that got no answer.
#[derive(Clone)]
pub(super) struct Failure {
    /// The error for people, with the facts that layers act on.
    pub(super) error: Error,
    /// The parameters that the server does not accept.
    pub(super) refusal: Refusal,
}

impl Failure {
    /// The server responded with an error status.
    pub(super) fn of_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &str,
        peer: Peer<'_>,
    ) -> Self {
        let error = ErrorBody::new(body, peer.secrets);
        Self::of_error(&error, (status, status), &reason(status), headers, peer)
    }

    /// The server responded with status 200 and an error in its body.
    pub(super) fn of_error_object(error: Value, peer: Peer<'_>) -> Self {
        let error = ErrorBody::of_value(error, peer.secrets);
        let meant = error.status();
        let sent = error.stated_status().unwrap_or(StatusCode::OK);
        let answer = format!("200 OK with an error like {}", reason(meant));
        Self::of_error(&error, (meant, sent), &answer, &HeaderMap::new(), peer)
    }

    /// Builds the failure of an error body. `meant` decides about the class, and `sent` is the status that is
    /// reported. A waiting time in a header is preferred to one in the body, and both to the times at which
    /// limits are reset.
    fn of_error(
        error_body: &ErrorBody,
        (meant, sent): (StatusCode, StatusCode),
        answer: &str,
        headers: &HeaderMap,
        peer: Peer<'_>,
    ) -> Self {
        let now = wait::server_time(headers);
        let class = Class::of(meant, error_body, peer.has_answered, now);
        let refusal = class.refusal(error_body, meant);
        let message = answered(answer, &error_body.message(), peer);
        let error = Error::new(class.kind(meant), message).with_status(sent.as_u16());
        let error = class.mark(class.hinted(error, &refusal, peer));
        let is_final = headers.get("x-should-retry").is_some_and(|value| value == "false");
        // The same request would be refused again for the same parameter.
        let error =
            if is_final || !refusal.parameters.is_empty() { error.permanent() } else { error };
        if !error.is_transient() {
            return Self { error, refusal };
        }
        let named = wait::in_headers(headers, now).or_else(|| error_body.wait(now));
        let is_limited = error.kind() == ErrorKind::RateLimited;
        let reset = || wait::until_reset(headers, now).filter(|_| is_limited);
        let error = match named.or_else(reset) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        Self { error, refusal }
    }

    /// A successful response that is not an answer: an accident the first time, and a wrong address the
    /// second.
    pub(super) fn of_garbage(what: &str, body: &str, peer: Peer<'_>) -> Self {
        let message = answered(what, &peer.secrets.redact_error(body), peer);
        let error = Error::new(ErrorKind::Overloaded, message).with_status(200);
        Self::new(error.hint(is_api()).worth_one_retry())
    }

    /// An answer that cannot be used, and would be the same again: it is too long, or compressed in an
    /// unsupported way.
    pub(super) fn of_answer(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        let message = format!("{}: {what}", peer.place());
        Self::new(Error::new(ErrorKind::Model, message).permanent())
    }

    /// The connection could not be established, or broke.
    pub(super) fn of_connection(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        let message = format!("{}: {what}", peer.place());
        Self::new(Error::new(ErrorKind::Unreachable, message).hint(peer.reachable()))
    }

    /// There is no secure connection: the certificate is not valid for this address, or the server does not
    /// support TLS. A server that answered before had a valid certificate, so the cause is something in
    /// between.
    pub(super) fn of_tls(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        let message = format!("{}: no secure connection: {what}", peer.place());
        let error = Error::new(ErrorKind::Unreachable, message);
        let hint =
            "is the address right, and does its server use `https` with a valid certificate?";
        Self::new(if peer.has_answered { error } else { error.permanent().fatal() }.hint(hint))
    }

    /// The answer did not arrive in time; `what` names the limit.
    pub(super) fn of_time(what: impl fmt::Display, peer: Peer<'_>) -> Self {
        let message = format!("{}: {what}", peer.place());
        let hint = Hint::from("allow more time with ").setting("timeout", "20m");
        Self::new(Error::new(ErrorKind::TimedOut, message).hint(peer.reachable()).hint(hint))
    }

    fn new(error: Error) -> Self {
        Self { error, refusal: Refusal::default() }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Failure {}

/// The message `PLACE answered ANSWER: text`.
fn answered(answer: &str, text: &str, peer: Peer<'_>) -> String {
    let place = peer.place();
    match excerpt(text) {
        text if text.is_empty() => format!("{place} answered {answer}"),
        text => format!("{place} answered {answer}: {text}"),
    }
}

/// A status with its standard phrase: `404 Not Found`.
fn reason(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The first 200 characters. Control characters and changes of the writing direction are escaped, so they
/// cannot affect a terminal.
fn excerpt(text: &str) -> String {
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

/// A duration as it is written in messages.
pub(super) fn span(time: Duration) -> String {
    humantime::format_duration(time).to_string()
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
