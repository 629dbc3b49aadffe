//! What went wrong with one request, and whether to try again.

use std::{fmt, time::Duration};

use http::StatusCode;
use serde_json::Value;

use super::{body::Parameter, provider::Provider};
use crate::error::{Error, ErrorKind};

/// A request that brought no answer.
#[derive(Clone)]
pub(super) struct Fault {
    /// What people are told.
    pub(super) error: Error,
    /// Whether another try may help.
    pub(super) again: Again,
    /// How long the server asks to wait before it.
    pub(super) after: Option<Duration>,
    /// The parameter that the server does not know.
    pub(super) parameter: Option<Parameter>,
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

/// Longer than this no server is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

impl Fault {
    /// The server answered with an error.
    pub(super) fn of_status(
        status: StatusCode,
        body: &str,
        after: Option<Duration>,
        provider: &Provider,
    ) -> Self {
        Self::of_said(&Said::of(body), status, &shown(status), provider).waiting(after)
    }

    /// A success that holds an error.
    pub(super) fn of_error_object(error: &Value, provider: &Provider) -> Self {
        let said = Said::of(&serde_json::json!({ "error": error }).to_string());
        let status = said.status();
        let answer = format!("200 OK with an error like {}", shown(status));
        Self::of_said(&said, status, &answer, provider)
    }

    fn of_said(said: &Said, status: StatusCode, answer: &str, provider: &Provider) -> Self {
        let class = Class::of(status, said);
        let message = match said.excerpt() {
            text if text.is_empty() => format!("{} answers {answer}", provider.place()),
            text => format!("{} answers {answer}: {text}", provider.place()),
        };
        let error = class.hinted(Error::new(class.kind(), message), said, provider);
        let again = if class == Class::Busy { Again::Often } else { Again::Never };
        let parameter = (class == Class::Wrong).then(|| said.unknown_parameter()).flatten();
        Self { error, again, after: None, parameter }
    }

    /// A success that holds nothing of use.
    pub(super) fn of_garbage(what: &str, body: &str, provider: &Provider) -> Self {
        let message = match excerpt(body) {
            text if text.is_empty() => format!("{} answers {what}", provider.place()),
            text => format!("{} answers {what}: {text}", provider.place()),
        };
        let hint = "is this the address of an OpenAI-compatible API? It usually ends in /v1";
        let error = Error::new(ErrorKind::Unavailable, message).hint(hint);
        Self { error, again: Again::Once, after: None, parameter: None }
    }

    /// No answer came, or only a part of one.
    pub(super) fn of_line(what: impl fmt::Display, provider: &Provider) -> Self {
        let message = format!("{}: {what}", provider.place());
        let error = Error::new(ErrorKind::Unavailable, message);
        let hint = if provider.is_here() {
            "is the server running on this machine, at this address?"
        } else {
            "check the address and the network"
        };
        Self { error: error.hint(hint), again: Again::Often, after: None, parameter: None }
    }

    /// The same fault where trying again does not help.
    pub(super) fn final_one(self) -> Self {
        Self { again: Again::Never, ..self }
    }

    /// The error after so many tries.
    pub(super) fn after_tries(self, tries: u32) -> Self {
        match tries {
            0 | 1 => self,
            _ => Self { error: self.error.hint(format!("it was asked {tries} times")), ..self },
        }
    }

    fn waiting(self, after: Option<Duration>) -> Self {
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
    Moved,
    TooLong,
    Filtered,
    Wrong,
}

impl Class {
    fn of(status: StatusCode, said: &Said) -> Self {
        let code = |words: &[&str]| words.iter().any(|word| said.is(word));
        match status.as_u16() {
            _ if code(&["insufficient_quota", "billing_hard_limit_reached"]) => Self::Money,
            _ if code(&["invalid_api_key", "authentication_error"]) => Self::Key,
            _ if code(&["model_not_found"]) => Self::Place,
            402 => Self::Money,
            // A moderator in front of the model speaks of this text only.
            403 if said.flags_input() => Self::Filtered,
            401 | 403 => Self::Key,
            404 | 405 | 410 => Self::Place,
            300..=399 => Self::Moved,
            501 | 505 => Self::Wrong,
            408 | 409 | 425 | 429 | 500..=599 => Self::Busy,
            413 => Self::TooLong,
            _ if said.is_too_long() => Self::TooLong,
            _ if code(&["content_filter", "content_policy_violation"]) => Self::Filtered,
            _ => Self::Wrong,
        }
    }

    fn kind(self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::Unavailable,
            Self::Key | Self::Money | Self::Place | Self::Moved => ErrorKind::Denied,
            Self::TooLong | Self::Filtered | Self::Wrong => ErrorKind::Refused,
        }
    }

    fn hinted(self, error: Error, said: &Said, provider: &Provider) -> Error {
        let variable = provider.key_variable;
        match self {
            Self::Key if provider.key.is_none() => {
                error.hint(format!("no key was sent: set {variable}"))
            }
            Self::Key => error.hint(format!("the key came from {variable}")),
            Self::Money => error.hint("the account has no credit left for this model"),
            Self::Place => error
                .hint(format!("is `{}` the name of a model there?", provider.model))
                .hint("check --base-url: it usually ends in /v1"),
            Self::Moved => error.hint("redirects are not followed: give the final address itself"),
            Self::TooLong => error
                .hint("prompt and record are longer than the model can read, its answer included")
                .hint(
                    "shorten the record, lower max_tokens, or take a model with a longer context",
                ),
            Self::Filtered => error.hint("the service does not want to read this text"),
            Self::Wrong => match said.unknown_parameter() {
                Some(parameter) => {
                    error.hint(format!("the server does not take `{}`", parameter.name()))
                }
                None => error,
            },
            Self::Busy => error,
        }
    }
}

/// An error as servers write it, in one of many shapes.
struct Said {
    message: String,
    kind: String,
    code: String,
    parameter: String,
    flagged: bool,
}

impl Said {
    fn of(body: &str) -> Self {
        let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let error = match &json["error"] {
            Value::Null => &json,
            error => error,
        };
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let places = [error, &error["message"], &json["message"], &json["detail"]];
        let messages = places.into_iter().chain([&json["detail"][0]["msg"]]);
        let message = messages.map(text).find(|text| !text.is_empty());
        Self {
            message: message.unwrap_or_else(|| body.to_owned()),
            kind: text(&error["type"]),
            code: text(&error["code"]),
            parameter: text(&error["param"]),
            flagged: !error["metadata"]["flagged_input"].is_null(),
        }
    }

    /// Whether `word` is its type or its code.
    fn is(&self, word: &str) -> bool {
        self.kind == word || self.code == word
    }

    fn excerpt(&self) -> String {
        excerpt(&self.message)
    }

    fn flags_input(&self) -> bool {
        self.flagged || self.is("content_filter") || self.is("content_policy_violation")
    }

    fn is_too_long(&self) -> bool {
        const WORDS: [&str; 6] = [
            "context length",
            "context size",
            "context window",
            "maximum context",
            "prompt is too long",
            "too many tokens",
        ];
        let message = self.message.to_lowercase();
        self.is("context_length_exceeded")
            || self.is("exceed_context_size_error")
            || WORDS.iter().any(|words| message.contains(words))
    }

    /// The status that an error within a success should have had.
    fn status(&self) -> StatusCode {
        let stated = self.code.parse().ok().filter(|code| (400..600).contains(code));
        let kind = format!("{} {}", self.kind, self.code).to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        let guessed = || match () {
            () if has(&["rate_limit", "too_many_requests"]) => 429,
            () if has(&["authentication", "permission", "invalid_api_key"]) => 401,
            () if has(&["not_found", "notfound"]) => 404,
            () if has(&["invalid_request", "bad_request", "badrequest", "context_length"]) => 400,
            () => 502,
        };
        StatusCode::from_u16(stated.unwrap_or_else(guessed)).unwrap_or(StatusCode::BAD_GATEWAY)
    }

    /// The parameter that this error says to be unknown here, not merely ill-valued.
    fn unknown_parameter(&self) -> Option<Parameter> {
        const UNKNOWN: [&str; 6] = [
            "unsupported",
            "not supported",
            "does not support",
            "unrecognized",
            "unknown",
            "not permitted",
        ];
        let message = self.message.to_lowercase();
        let unknown = UNKNOWN.iter().any(|words| message.contains(words));
        let named = Parameter::ALL.into_iter().find(|known| known.name() == self.parameter);
        let named = named.filter(|_| unknown || !self.is_about_value(&message));
        named.or_else(|| if unknown { Parameter::first_in(&message) } else { None })
    }

    fn is_about_value(&self, message: &str) -> bool {
        const CODES: [&str; 4] = ["above_max", "below_min", "invalid_type", "invalid_value"];
        const WORDS: [&str; 4] = ["too large", "too small", "less than", "greater than"];
        CODES.iter().any(|code| self.code.contains(code))
            || WORDS.iter().any(|words| message.contains(words))
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
    fn messages_are_found_in_every_shape_and_made_safe() {
        for (body, message) in [
            (r#"{"error":{"message":"a","code":400}}"#, "a"),
            (r#"{"error":"b"}"#, "b"),
            (r#"{"object":"error","message":"c"}"#, "c"),
            (r#"{"detail":"d"}"#, "d"),
            (r#"{"detail":[{"msg":"e"}]}"#, "e"),
            ("<html>\u{1b}[2J\u{202e}f", r"<html>\u{1b}[2J\u{202e}f"),
            ("", ""),
        ] {
            assert_eq!(Said::of(body).excerpt(), message);
        }
        assert_eq!(excerpt(&"x".repeat(300)).chars().count(), 201);
    }

    #[test]
    fn a_wrong_value_of_a_known_parameter_is_not_an_unknown_parameter() {
        let of = |message: &str, param: &str, code: &str| {
            let error = serde_json::json!({"message": message, "param": param, "code": code});
            let said = Said::of(&serde_json::json!({ "error": error }).to_string());
            said.unknown_parameter().map(Parameter::name)
        };
        let unsupported = "Unsupported parameter: 'max_tokens' is not supported with this model. \
             Use 'max_completion_tokens' instead.";
        assert_eq!(of(unsupported, "max_tokens", "unsupported_parameter"), Some("max_tokens"));
        assert_eq!(of(unsupported, "", ""), Some("max_tokens"));
        assert_eq!(of("no", "temperature", ""), Some("temperature"));
        assert_eq!(of("max_tokens is too large: 9", "max_tokens", "invalid_value"), None);
        assert_eq!(of("unknown field `seed`", "", ""), Some("seed"));
        assert_eq!(of("unknown error, stopped", "", ""), None);
        assert_eq!(of("temperature must be warm", "", ""), None);
    }
}
