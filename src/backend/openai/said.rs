//! What a server says of an error, in one of many shapes.

use std::{sync::LazyLock, time::Duration};

use http::StatusCode;
use regex::Regex;
use serde_json::{Map, Value};

use super::{body::Parameter, stream, text::Secrets};

/// An error as servers write it: an object, a list, a text, or JSON within a text.
#[derive(Default)]
pub(super) struct Said {
    /// What went wrong, from outside to inside.
    messages: Vec<String>,
    /// Types, codes, statuses and reasons.
    words: Vec<String>,
    /// The names of fields that the error is about.
    fields: Vec<String>,
    /// How long the server asks to wait.
    wait: Option<Duration>,
    flagged: bool,
    /// Whether this is an API's own error, rather than a page or nothing.
    pub(super) is_of_api: bool,
}

/// Parameters that a server does not accept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In the order in which they are named.
    pub(super) parameters: Vec<Parameter>,
    /// Whether the error is about a value out of its range.
    pub(super) bound: bool,
    /// Whether it is the parameters together that are refused.
    pub(super) together: bool,
    /// Whether the error says that a parameter is not known or not supported.
    certain: bool,
}

impl Said {
    /// Reads the body of an error.
    pub(super) fn of(body: &str, secrets: &Secrets) -> Self {
        match stream::content(body) {
            stream::Content::Whole(value @ (Value::Object(_) | Value::Array(_))) => {
                Self::of_value(value, secrets)
            }
            stream::Content::Whole(Value::String(text)) => Self::of_text(&text, secrets),
            _ => Self::of_text(body, secrets),
        }
    }

    /// Reads an error that is JSON.
    pub(super) fn of_value(mut value: Value, secrets: &Secrets) -> Self {
        secrets.hide(&mut value);
        let mut said = Self { is_of_api: true, ..Self::default() };
        said.look(&value, 0);
        if said.messages.is_empty() {
            said.messages.push(value.to_string());
        }
        said
    }

    fn of_text(text: &str, secrets: &Secrets) -> Self {
        Self { messages: vec![secrets.without(text).into_owned()], ..Self::default() }
    }

    fn look(&mut self, value: &Value, depth: usize) {
        const DEEPEST: usize = 8;
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                self.field(&name.to_lowercase().replace('-', "_"), value, depth + 1);
            }),
            Value::Array(items) => items.iter().for_each(|item| self.look(item, depth + 1)),
            _ => (),
        }
    }

    fn field(&mut self, name: &str, value: &Value, depth: usize) {
        match name {
            "message" | "msg" | "error" | "errors" | "error_message" | "error_description"
            | "detail" | "details" | "description" | "raw" => self.message(value, depth),
            "type" | "code" | "status" | "reason" => self.words.extend(word(value)),
            "param"
            | "params"
            | "parameter"
            | "parameters"
            | "unsupported_parameters"
            | "field"
            | "fields"
            | "loc" => self.fields.extend(texts(value)),
            "retrydelay" | "retry_delay" | "retry_after" | "retryafter" | "retry_after_seconds" => {
                self.wait = self.wait.or_else(|| span_of(value, 1.0));
            }
            "retry_after_ms" => self.wait = self.wait.or_else(|| span_of(value, 1000.0)),
            "flagged_input" => self.flagged |= !value.is_null(),
            // What was sent, and nothing of it is the server's word.
            "input" | "ctx" | "messages" | "prompt" | "request" | "body" | "url" => (),
            _ => self.look(value, depth),
        }
    }

    fn message(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) => match json_in(text) {
                Some(inner) => self.look_inside(&inner, depth),
                None => self.messages.push(text.clone()),
            },
            Value::Array(items) => items.iter().for_each(|item| self.message(item, depth + 1)),
            other => self.look(other, depth),
        }
    }

    fn look_inside(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.look(item, depth + 1)),
            other => self.look(other, depth),
        }
    }

    /// Whether `word` is its type, its code, its status or its reason.
    pub(super) fn is(&self, word: &str) -> bool {
        self.words.iter().any(|other| other.eq_ignore_ascii_case(word))
    }

    /// What people are shown: the message, and the one inside it.
    pub(super) fn shown(&self) -> String {
        let said = |text: &&String| !text.trim().is_empty();
        let mut messages = self.messages.iter().filter(said);
        let first = messages.next().map(String::as_str).unwrap_or_default();
        match messages.next_back().filter(|inner| !first.contains(inner.as_str())) {
            Some(inner) => format!("{first}: {inner}"),
            None => first.to_owned(),
        }
    }

    pub(super) fn flags_input(&self) -> bool {
        self.flagged || self.is("content_filter") || self.is("content_policy_violation")
    }

    pub(super) fn is_too_long(&self) -> bool {
        const WORDS: [&str; 7] = [
            "context length",
            "context size",
            "context window",
            "maximum context",
            "prompt is too long",
            "too many tokens",
            "maximum number of tokens",
        ];
        self.is("context_length_exceeded")
            || self.is("exceed_context_size_error")
            || self.says(&WORDS)
    }

    /// Whether the key is refused in words only. The head of a message counts, since its rest may repeat
    /// what was sent.
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

    /// Whether the model is said not to exist.
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
        self.is("model_not_found") || (self.begins_with(&["model"]) && self.begins_with(&WORDS))
    }

    /// How long the server asks to wait, in a field or in words.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.wait.or_else(|| self.messages.iter().find_map(|message| wait_in(message)))
    }

    /// The status that an error within a success should have had.
    pub(super) fn status(&self) -> StatusCode {
        let code = |word: &String| word.parse().ok().filter(|code| (400..600).contains(code));
        let stated = self.words.iter().find_map(code);
        let kind = self.words.join(" ").to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        let guessed = || match () {
            () if has(&["rate_limit", "too_many_requests", "resource_exhausted"]) => 429,
            () if has(&["authentication", "permission", "invalid_api_key"]) => 401,
            () if has(&["not_found", "notfound"]) => 404,
            () if has(&["invalid_request", "bad_request", "badrequest", "context_length"]) => 400,
            () if has(&["invalid_argument"]) => 400,
            () => 502,
        };
        StatusCode::from_u16(stated.unwrap_or_else(guessed)).unwrap_or(StatusCode::BAD_GATEWAY)
    }

    /// The parameters that are not accepted here, if this error is about any.
    pub(super) fn refusal(&self) -> Refusal {
        let text = self.text();
        let certain = self.is("unsupported_parameter")
            || self.is("unsupported_value")
            || self.is("extra_forbidden")
            || says(&text, &REFUSED);
        let together = says(&text, &["both", "mutually exclusive", "together", "at the same time"]);
        let named = Parameter::all_in(&self.fields.join(" "));
        let in_text = Parameter::all_in(&text);
        let in_text = in_text.into_iter().filter(|p| certain || !p.is_a_common_word());
        let mut parameters = named;
        in_text.for_each(|parameter| {
            if !parameters.contains(&parameter) {
                parameters.push(parameter);
            }
        });
        if !certain {
            parameters.retain(|parameter| !parameter.is_limit());
        }
        Refusal { parameters, bound: self.is_about_range(&text), together, certain }
    }

    fn is_about_range(&self, text: &str) -> bool {
        const CODES: [&str; 4] = ["above_max", "below_min", "invalid_type", "out_of_range"];
        const WORDS: [&str; 14] = [
            "too large",
            "too small",
            "less than",
            "greater than",
            "above maximum",
            "below minimum",
            "out of range",
            "between",
            "valid range",
            "range of",
            "at most",
            "at least",
            "exceed",
            "<=",
        ];
        CODES.iter().any(|code| self.words.iter().any(|word| word.contains(code)))
            || says(text, &WORDS)
    }

    fn text(&self) -> String {
        self.messages.join("\n").to_lowercase()
    }

    fn says(&self, words: &[&str]) -> bool {
        says(&self.text(), words)
    }

    fn begins_with(&self, words: &[&str]) -> bool {
        const HEAD: usize = 120;
        let head = |message: &String| {
            says(&message.chars().take(HEAD).collect::<String>().to_lowercase(), words)
        };
        self.messages.iter().any(head)
    }
}

impl Refusal {
    /// Whether an error of this kind is worth asking once more without a parameter, though the server
    /// calls it its own fault.
    pub(super) fn is_certain(&self) -> bool {
        self.certain && !self.bound && !self.parameters.is_empty()
    }
}

/// Words that say that something is not accepted, whatever its value.
const REFUSED: [&str; 27] = [
    "unsupported",
    "not supported",
    "not support",
    "n't support",
    "unrecognized",
    "unrecognised",
    "unknown",
    "not permitted",
    "deprecated",
    "unavailable",
    "not available",
    "not allowed",
    "is allowed",
    "unexpected",
    "extra inputs",
    "no longer",
    "removed",
    "cannot be",
    "can't be",
    "incompatible",
    "not compatible",
    "not implemented",
    "not accept",
    "disabled",
    "instead",
    "only the default",
    "ignored",
];

fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// The JSON that a text is.
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

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Every text in a value, names of fields included.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let named = |(name, value): (&String, &Value)| {
                std::iter::once(name.clone()).chain(texts(value)).collect::<Vec<_>>()
            };
            fields.iter().flat_map(named).collect()
        }
        _ => Vec::new(),
    }
}

/// A span of time as a field: a number in this unit, a text, or seconds and nanoseconds.
fn span_of(value: &Value, unit: f64) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()? / unit,
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => number / unit,
            Err(_) => return span_in(text),
        },
        Value::Object(fields) => seconds_in(fields)?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

fn seconds_in(fields: &Map<String, Value>) -> Option<f64> {
    let number = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    Some(number("seconds")? + number("nanos").unwrap_or_default() / 1e9)
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static SPAN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)(\d+(?:\.\d+)?)\s*({UNITS})")).unwrap());

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static WAIT: LazyLock<Regex> = LazyLock::new(|| {
    let span = format!(r"\d+(?:\.\d+)?\s*(?:{UNITS})(?:\s+and)?\s*");
    let words = "try again|trying again|retry|retrying|wait|waiting|resets?|available";
    Regex::new(&format!(r"(?i)\b(?:{words})\b[^\d.\n]{{0,40}}((?:{span})+)\b")).unwrap()
});

/// Longer names first, since the first one that fits is taken.
const UNITS: &str = "milliseconds?|msecs?|ms|minutes?|mins?|m|hours?|hrs?|h|seconds?|secs?|s";

/// The wait that a message names: `Please try again in 1m3.5s`.
fn wait_in(message: &str) -> Option<Duration> {
    span_in(WAIT.captures(message)?.get(1)?.as_str())
}

/// Hours, minutes, seconds and milliseconds, added up.
fn span_in(text: &str) -> Option<Duration> {
    let mut seconds = None;
    for found in SPAN.captures_iter(text) {
        let number: f64 = found.get(1)?.as_str().parse().ok()?;
        let unit = found.get(2)?.as_str().to_lowercase();
        let unit = match unit.as_bytes() {
            [b'm', b's', ..] | [b'm', b'i', b'l', ..] => 0.001,
            [b'm', ..] => 60.0,
            [b'h', ..] => 3600.0,
            _ => 1.0,
        };
        *seconds.get_or_insert(0.0) += number * unit;
    }
    Duration::try_from_secs_f64(seconds?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Said {
        Said::of(body, &Secrets::default())
    }

    fn named(body: &str) -> Vec<&'static str> {
        said(body).refusal().parameters.into_iter().map(Parameter::name).collect()
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
            assert_eq!(said(body).shown(), message, "{body}");
        }
    }

    #[test]
    fn a_wait_is_found_in_fields_and_in_words() {
        let google = r#"[{"error":{"code":429,"message":"quota","details":[{"@type":"RetryInfo","retryDelay":"22s"}]}}]"#;
        let words = |text: &str| format!("{{\"error\":{{\"message\":\"{text}\"}}}}");
        for (body, wait) in [
            (google.to_owned(), Some(22.0)),
            (r#"{"error":{"message":"x","retry_after":5}}"#.into(), Some(5.0)),
            (r#"{"error":{"message":"x","retry_after_ms":"250"}}"#.into(), Some(0.25)),
            (r#"{"detail":"x","retryDelay":{"seconds":3,"nanos":500000000}}"#.into(), Some(3.5)),
            (words("Rate limit reached. Please try again in 22s."), Some(22.0)),
            (words("Please try again in 1m3.5s. Visit us"), Some(63.5)),
            (words("Please try again in 350ms"), Some(0.35)),
            (words("Please retry in 37.06s."), Some(37.06)),
            (words("Please wait 60 seconds before retrying"), Some(60.0)),
            (words("Try again after 1 minute and 30 seconds"), Some(90.0)),
            (words("Limit 3 per min. Try again later"), None),
            (words("You have 5 more attempts; try again with 5 more"), None),
        ] {
            assert_eq!(said(&body).wait().map(|wait| wait.as_secs_f64()), wait, "{body}");
        }
    }

    #[test]
    fn a_refused_parameter_is_known_in_any_wording_that_names_it() {
        let of = |message: &str, param: &str, code: &str| {
            let error = serde_json::json!({"message": message, "param": param, "code": code});
            named(&serde_json::json!({ "error": error }).to_string())
        };
        let unsupported = "Unsupported parameter: 'max_tokens' is not supported with this model. \
             Use 'max_completion_tokens' instead.";
        let both = ["max_tokens", "max_completion_tokens"];
        assert_eq!(of(unsupported, "max_tokens", "unsupported_parameter"), both);
        assert_eq!(of(unsupported, "", ""), both);
        assert_eq!(of("no", "temperature", ""), ["temperature"]);
        assert_eq!(of("unknown field `seed`", "", ""), ["seed"]);
        assert_eq!(of("invalid temperature: only 1 is allowed for this model", "", "").len(), 1);
        assert_eq!(of("`temperature` is deprecated for this model.", "", ""), ["temperature"]);
        assert_eq!(of("temperature: must be 1 here", "", ""), ["temperature"]);
        assert_eq!(of("This response_format type is unavailable now", "", ""), ["response_format"]);
        assert_eq!(of("JSON schema is not supported", "", ""), ["response_format"]);
        assert_eq!(of("topP: unexpected", "", ""), ["top_p"]);
        let loc = r#"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"no"}]}"#;
        assert_eq!(named(loc), ["seed"]);
        let raw = r#"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"top_k: not permitted\"}}"}}}"#;
        assert_eq!(named(raw), ["top_k"]);
        // Words that are no names here, and values that the user must mend.
        assert_eq!(of("unknown error, stopped", "", ""), Vec::<&str>::new());
        assert_eq!(of("please stop", "", ""), Vec::<&str>::new());
        assert_eq!(of("max_tokens is too large: 9", "max_tokens", "x"), Vec::<&str>::new());
        let above = "Invalid 'temperature': decimal above maximum value";
        assert!(said(&format!("{{\"error\":\"{above}\"}}")).refusal().bound);
        let pair = "`temperature` and `top_p` cannot both be specified";
        assert!(said(&format!("{{\"error\":\"{pair}\"}}")).refusal().together);
    }
}
