//! Reads the error that a server reports, in one of many formats.
//!
//! | shape | servers |
//! |---|---|
//! | `{"error": {"message", "type", "code", "param"}}` | OpenAI, vLLM, llama.cpp, Groq, Azure |
//! | `{"error": "text"}` | Ollama, TGI |
//! | `{"object": "error", "message", "code"}` | older vLLM |
//! | `{"detail": …}`, a text or `[{"msg", "loc"}]` | FastAPI: SGLang, LiteLLM |
//! | `[{"error": {"status", "details": [{"retryDelay"}]}}]` | Google |
//! | `{"error": {"metadata": {"raw": "JSON"}}}` | OpenRouter, around the error of a provider |
//! | `{"success": false, "errors": […]}` | Cloudflare |
//! | `data: {"error": …}` | any of them, within a stream |
//! | a page or a text | proxies |
//!
//! An error is read by the names of its fields rather than by its structure, down to a depth of eight: every
//! field called `message` is a message. Fields that repeat the request are skipped.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::Value;

use super::{
    secrets::Secrets,
    stream::{self, Received},
    wait,
};

/// An error as servers write it: an object, a list, a text, an event stream, or JSON inside a string.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// What went wrong, from the outermost to the innermost message.
    messages: Vec<String>,
    /// Types, codes, statuses and reasons.
    pub(super) codes: Vec<String>,
    /// The fields of the request that the error names.
    pub(super) fields: Vec<String>,
    /// Fields that may contain a waiting time, by their names in lower case.
    waits: Vec<(String, Value)>,
    /// Whether it contains the findings of a content filter.
    flags_input: bool,
    /// Whether this is an error of an API, rather than a web page or nothing.
    pub(super) is_of_api: bool,
}

impl ErrorBody {
    /// Reads the body of an error: JSON, an event stream or anything else. Secrets are removed. It never
    /// fails: a body that is not JSON becomes the message.
    pub(super) fn new(body: &str, secrets: &Secrets) -> Self {
        match stream::read(body) {
            Received::Whole(value @ (Value::Object(_) | Value::Array(_))) => {
                Self::of_value(value, secrets)
            }
            Received::Whole(Value::String(text)) => Self::of_text(&text, secrets),
            _ => Self::of_text(body, secrets),
        }
    }

    /// Reads an error in JSON.
    pub(super) fn of_value(mut value: Value, secrets: &Secrets) -> Self {
        secrets.redact_error_json(&mut value);
        let mut error = Self { is_of_api: true, ..Self::default() };
        error.read(&value, 0);
        if error.messages.is_empty() {
            error.messages.push(value.to_string());
        }
        error
    }

    /// Uses a web page or a text as the message.
    fn of_text(text: &str, secrets: &Secrets) -> Self {
        Self { messages: vec![secrets.redact_error(text).into_owned()], ..Self::default() }
    }

    /// Collects the content of a value's fields; deeply nested values are ignored.
    fn read(&mut self, value: &Value, depth: usize) {
        const DEEPEST: usize = 8;
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                self.read_field(&name.to_lowercase().replace('-', "_"), value, depth + 1);
            }),
            Value::Array(items) => items.iter().for_each(|item| self.read(item, depth + 1)),
            _ => (),
        }
    }

    /// Collects the content of one field; `name` is in lower case, with underscores.
    fn read_field(&mut self, name: &str, value: &Value, depth: usize) {
        match name {
            "message" | "msg" | "error" | "errors" | "error_message" | "error_description"
            | "detail" | "details" | "description" | "raw" => self.read_message(value, depth),
            "type" | "code" | "status" | "reason" => self.codes.extend(code(value)),
            "param"
            | "params"
            | "parameter"
            | "parameters"
            | "unsupported_parameters"
            | "field"
            | "fields"
            | "loc" => self.fields.extend(texts(value)),
            "flagged_input" => self.flags_input |= !value.is_null(),
            // These fields repeat the request; the server wrote nothing in them.
            "input" | "ctx" | "messages" | "prompt" | "request" | "body" | "url" => (),
            name if name.contains("retry") || name.contains("reset") => {
                self.waits.push((name.to_owned(), value.clone()));
                self.read(value, depth);
            }
            _ => self.read(value, depth),
        }
    }

    /// Adds a text as a message. A text that is JSON is parsed, because a server may quote the error of
    /// another one.
    fn read_message(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) => match json_in(text) {
                Some(Value::Array(items)) => {
                    items.iter().for_each(|item| self.read(item, depth + 1));
                }
                Some(inner) => self.read(&inner, depth),
                None => self.messages.push(text.clone()),
            },
            Value::Array(items) => items.iter().for_each(|item| self.read_message(item, depth + 1)),
            other => self.read(other, depth),
        }
    }

    /// Whether its type, code, status or reason is this word, ignoring case.
    pub(super) fn has_code(&self, word: &str) -> bool {
        self.codes.iter().any(|code| code.eq_ignore_ascii_case(word))
    }

    /// The message for people: the outermost and the innermost one.
    pub(super) fn message(&self) -> String {
        let mut messages = self.messages.iter().filter(|text| !text.trim().is_empty());
        let first = messages.next().map(String::as_str).unwrap_or_default();
        match messages.next_back().filter(|inner| !first.contains(inner.as_str())) {
            Some(inner) => format!("{first}: {inner}"),
            None => first.to_owned(),
        }
    }

    /// Whether a content filter refused the text of this request.
    pub(super) fn flags_input(&self) -> bool {
        self.flags_input
            || self.has_code("content_filter")
            || self.has_code("content_policy_violation")
    }

    /// Whether the request exceeds the model's context or a limit of tokens.
    pub(super) fn is_too_long(&self) -> bool {
        const CODES: [&str; 3] =
            ["context_length_exceeded", "exceed_context_size_error", "string_above_max_length"];
        const WORDS: [&str; 11] = [
            "context length",
            "context size",
            "context window",
            "context limit",
            "maximum context",
            "prompt is too long",
            "is too long and exceeds",
            "too many tokens",
            "maximum number of tokens",
            "reduce the length",
            "inputs` must have less than",
        ];
        CODES.iter().any(|code| self.has_code(code)) || contains_any(&self.text(), &WORDS)
    }

    /// Whether this single request exceeds the limit of a whole minute, so that waiting does not help.
    pub(super) fn is_too_large_for_limit(&self) -> bool {
        self.begins_with(&["request too large"])
    }

    /// Whether the key is refused in the message only, as Google and LiteLLM do with status 400.
    pub(super) fn refuses_key(&self) -> bool {
        const WORDS: [&str; 8] = [
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "api key is invalid",
            "api key expired",
            "api key not found",
            "invalid x-api-key",
            "no auth credentials",
        ];
        self.begins_with(&WORDS)
    }

    /// Whether the account has no credit, by a code or by the message. Google uses the same words for rate
    /// limits, but adds a waiting time.
    pub(super) fn lacks_credit(&self, now: SystemTime) -> bool {
        const CODES: [&str; 6] = [
            "insufficient_quota",
            "insufficient_balance",
            "billing_hard_limit_reached",
            "billing_not_active",
            "exceeded_current_quota_error",
            "payment_required",
        ];
        const WORDS: [&str; 4] = [
            "credit balance is too low",
            "insufficient credits",
            "insufficient balance",
            "exceeded your current quota",
        ];
        let is_of_rate = || self.has_code("resource_exhausted") || self.wait(now).is_some();
        CODES.iter().any(|code| self.has_code(code)) || self.begins_with(&WORDS) && !is_of_rate()
    }

    /// Whether the model does not exist, by a code or by the beginning of a message about a model.
    pub(super) fn misses_model(&self) -> bool {
        const WORDS: [&str; 9] = [
            "not found",
            "does not exist",
            "doesn't exist",
            "no such",
            "unknown model",
            "invalid model",
            "not a valid model",
            "no endpoints found",
            "not exist",
        ];
        self.has_code("model_not_found")
            || (self.begins_with(&["model"]) && self.begins_with(&WORDS))
    }

    /// How long the server asks to wait, in a field or in the message.
    pub(super) fn wait(&self, now: SystemTime) -> Option<Duration> {
        let mut fields = self.waits.iter();
        fields
            .find_map(|(name, value)| wait::in_field(name, value, now))
            .or_else(|| self.messages.iter().find_map(|message| wait::in_words(message, now)))
    }

    /// The status that the error itself contains.
    pub(super) fn stated_status(&self) -> Option<StatusCode> {
        let number = |code: &String| code.parse().ok().filter(|code| (400..600).contains(code));
        let stated: u16 = self.codes.iter().find_map(number)?;
        StatusCode::from_u16(stated).ok()
    }

    /// The status for an error that came with a successful one: the status that the error contains, or one
    /// derived from its codes. Without either, it counts as an internal error of the server.
    pub(super) fn status(&self) -> StatusCode {
        const INVALID: [&str; 5] =
            ["invalid_request", "bad_request", "badrequest", "context_length", "invalid_argument"];
        let codes = self.codes.join(" ").to_lowercase();
        let has = |words: &[&str]| contains_any(&codes, words);
        let guessed = || match () {
            () if has(&["rate_limit", "too_many_requests", "resource_exhausted"]) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            () if has(&["authentication", "permission", "invalid_api_key"]) => {
                StatusCode::UNAUTHORIZED
            }
            () if has(&["not_found", "notfound"]) => StatusCode::NOT_FOUND,
            () if has(&INVALID) => StatusCode::BAD_REQUEST,
            () => StatusCode::BAD_GATEWAY,
        };
        self.stated_status().unwrap_or_else(guessed)
    }

    /// All messages, joined and in lower case.
    pub(super) fn text(&self) -> String {
        self.messages.join("\n").to_lowercase()
    }

    /// Whether the beginning of a message contains one of the words; its rest may quote the request.
    fn begins_with(&self, words: &[&str]) -> bool {
        const HEAD: usize = 120;
        let head = |message: &String| {
            let head: String = message.chars().take(HEAD).collect();
            contains_any(&head.to_lowercase(), words)
        };
        self.messages.iter().any(head)
    }
}

/// Whether the text contains one of the words; both are in lower case.
pub(super) fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// The JSON object, or list of objects, that a text consists of.
fn json_in(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok().filter(|value: &Value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    })
}

/// A code, which servers write as a string or as a number.
fn code(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Every string in a value, including the names of fields.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let of_field = |(name, value): (&String, &Value)| {
                std::iter::once(name.clone()).chain(texts(value)).collect::<Vec<_>>()
            };
            fields.iter().flat_map(of_field).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> ErrorBody {
        ErrorBody::new(body, &Secrets::default())
    }

    #[test]
    fn messages_are_found_in_every_shape() {
        for (body, message) in [
            (r#"{"error":{"message":"a","code":400}}"#, "a"),
            (r#"{"error":"b"}"#, "b"),
            (r#"{"object":"error","message":"c"}"#, "c"),
            (r#"{"detail":"d"}"#, "d"),
            (r#"{"detail":[{"msg":"e"}]}"#, "e"),
            (r#"[{"error":{"code":400,"message":"f","status":"INVALID_ARGUMENT"}}]"#, "f"),
            (
                r#"{"error":{"message":"g","metadata":{"raw":"{\"error\":{\"message\":\"h\"}}"}}}"#,
                "g: h",
            ),
            (r#"{"error":"{\"error\":{\"message\":\"i\"}}"}"#, "i"),
            (r#"{"errors":["j"]}"#, "j"),
            ("data: {\"error\":{\"message\":\"k\"}}\n\n", "k"),
            ("<html>l", "<html>l"),
            ("", ""),
        ] {
            assert_eq!(error(body).message(), message, "{body}");
        }
    }

    #[test]
    fn a_wait_is_found_in_every_field_that_servers_name_it_in() {
        let google = r#"[{"error":{"code":429,"message":"quota","details":[{"@type":"RetryInfo","retryDelay":"22s"}]}}]"#;
        let router = r#"{"error":{"message":"x","code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1445428802000"}}}}"#;
        let noon = httpdate::parse_http_date("Wed, 21 Oct 2015 12:00:00 GMT").unwrap();
        for (body, wait) in [
            (google, Some(22.0)),
            (router, Some(2.0)),
            (r#"{"error":{"message":"x","retry_after":5}}"#, Some(5.0)),
            (r#"{"error":{"message":"x","retry_after_ms":"250"}}"#, Some(0.25)),
            (r#"{"detail":"x","retryDelay":{"seconds":3,"nanos":500000000}}"#, Some(3.5)),
            (r#"{"error":{"message":"Please try again in 1m2.5s."}}"#, Some(62.5)),
            (r#"{"error":{"message":"Retry later"}}"#, None),
        ] {
            assert_eq!(error(body).wait(noon).map(|wait| wait.as_secs_f64()), wait, "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_error_is_too_strange(
            body in r#"(\{|\}|\[|\]|"|:|,|\\|error|message|retry_after|code|status|data: |1e9|429|null|é|\n| )*"#,
            bytes: Vec<u8>
        ) {
            for body in [body.as_str(), &String::from_utf8_lossy(&bytes)] {
                let error = error(body);
                super::super::refused::Refusal::of(&error);
                let now = SystemTime::UNIX_EPOCH;
                let _ = (error.message(), error.status(), error.wait(now), error.lacks_credit(now));
            }
        }
    }
}
