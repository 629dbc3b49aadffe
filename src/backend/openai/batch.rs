//! Files of requests that a service answers later, for half the price, and files of their answers.
//!
//! | format | a request is a line | an answer is a line |
//! |---|---|---|
//! | [`OpenAi`](BatchFormat::OpenAi): OpenAI, Azure, Groq, Mistral, Together, `vllm run-batch`, LiteLLM | `{"custom_id", "method", "url", "body"}` | `{"custom_id", "response": {"status_code", "body"}, "error"}` |
//! | [`Anthropic`](BatchFormat::Anthropic): Message Batches | `{"custom_id", "params"}` | `{"custom_id", "result": {"type", "message"}}` |
//!
//! The `custom_id` is the key of the request in the cache: 64 hexadecimal digits, which both accept.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, ErrorKind, Result, json_fault},
    request::CacheKey,
};

/// The format of a file of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum BatchFormat {
    /// Lines of OpenAI's batch API.
    #[default]
    #[cfg_attr(feature = "cli", value(name = "openai"))]
    OpenAi,
    /// Requests of Anthropic's Message Batches.
    Anthropic,
}

/// The most tokens of an answer where the request sets no limit: Anthropic requires one.
const MOST_TOKENS: u32 = 4096;

/// The line of a request with this key, from the fields of a chat completion.
pub fn batch_line(key: &CacheKey, body: &Map<String, Value>, format: BatchFormat) -> Value {
    let mut body = body.clone();
    // A file has no stream.
    for name in ["stream", "stream_options"] {
        body.shift_remove(name);
    }
    let id = key.hex();
    match format {
        BatchFormat::OpenAi => {
            json!({ "custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body })
        }
        BatchFormat::Anthropic => json!({ "custom_id": id, "params": params(&body) }),
    }
}

/// The fields of a chat completion as those of Anthropic's Messages API; what this does not have is left out.
fn params(body: &Map<String, Value>) -> Value {
    let turns = body.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let (system, turns): (Vec<_>, Vec<_>) =
        turns.into_iter().partition(|turn| turn["role"] == "system");
    let system: Vec<_> = system.iter().filter_map(|turn| turn["content"].as_str()).collect();
    let limit = body.get("max_tokens").or_else(|| body.get("max_completion_tokens"));
    let mut params = Map::new();
    params.insert("model".into(), body.get("model").cloned().unwrap_or_default());
    params.insert("max_tokens".into(), limit.cloned().unwrap_or_else(|| MOST_TOKENS.into()));
    if !system.is_empty() {
        params.insert("system".into(), system.join("\n\n").into());
    }
    params.insert("messages".into(), turns.into());
    for (name, own) in [
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("top_k", "top_k"),
        ("stop", "stop_sequences"),
        ("thinking", "thinking"),
    ] {
        if let Some(value) = body.get(name) {
            params.insert(own.into(), value.clone());
        }
    }
    params.into()
}

/// An answer out of a file.
#[derive(Clone, Debug)]
pub struct BatchAnswer {
    /// The key of its request, as it stands in the file.
    pub key: String,
    /// The chat completion, or why there is none.
    pub answer: Result<Value>,
}

/// A line of answers, in either format.
#[derive(Deserialize)]
struct Line {
    custom_id: String,
    #[serde(default)]
    response: Value,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    result: Value,
}

impl BatchAnswer {
    /// Reads a line of a file of answers.
    ///
    /// # Errors
    /// [`ErrorKind::Record`]: the line is not an answer in one of the formats. A request that failed is not an error
    /// here.
    pub fn parse(line: &str) -> Result<Self> {
        let wrong = |what: String| {
            Error::new(ErrorKind::Record, format!("the line is not an answer of a batch: {what}"))
                .hint("read the file of answers that the service gives out, not the requests")
        };
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(json_fault(&error)))?;
        let answer = match (&line.result, &line.response) {
            (Value::Object(_), _) => of_result(&line.result),
            (_, Value::Object(_)) => of_response(&line.response),
            _ if !line.error.is_null() => Err(failed(&line.error)),
            _ => return Err(wrong("it has neither `response` nor `result`".into())),
        };
        Ok(Self { key: line.custom_id, answer })
    }
}

/// The chat completion in a response.
fn of_response(response: &Value) -> Result<Value> {
    let body = &response["body"];
    let is_fine =
        response["status_code"].as_u64().is_none_or(|status| (200..300).contains(&status));
    match body["choices"].as_array() {
        Some(choices) if is_fine && !choices.is_empty() => Ok(body.clone()),
        _ if body["error"].is_null() => Err(failed(body)),
        _ => Err(failed(&body["error"])),
    }
}

/// The message of Anthropic's API as a chat completion.
fn of_result(result: &Value) -> Result<Value> {
    let message = &result["message"];
    if result["type"] != "succeeded" || !message["content"].is_array() {
        let error = &result["error"];
        return Err(failed(if error.is_null() { &result["type"] } else { error }));
    }
    let usage = &message["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let cached = count("cache_read_input_tokens");
    let prompt = count("input_tokens") + count("cache_creation_input_tokens") + cached;
    Ok(json!({
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": message["content"] },
            "finish_reason": message["stop_reason"],
        }],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": usage["output_tokens"],
            "prompt_tokens_details": { "cached_tokens": cached },
        },
    }))
}

/// The error of a request that failed, in the words of the service.
fn failed(error: &Value) -> Error {
    let inner = if error["error"].is_object() { &error["error"] } else { error };
    let said = inner["message"].as_str().or_else(|| inner.as_str());
    let said = said.map_or_else(|| inner.to_string(), str::to_owned);
    let short: String = said.chars().take(300).collect();
    Error::new(ErrorKind::Refused, format!("the service did not answer: {short}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::openai::{Quirks, chat_answer, chat_body},
        completion::Finish,
        request::{Message, Origin, Request, Role},
    };

    fn request() -> Request {
        let mut request = Request::generate(vec![
            Message::new(Role::System, "Judge.", Origin::Prompt),
            Message::new(Role::User, "2 + 2 = 4", Origin::Data),
        ]);
        request.sampling.stop = vec!["END".into()];
        request.sampling.temperature = Some(0.0);
        request
    }

    fn line(format: BatchFormat) -> Value {
        let body = chat_body(&request(), "m", Quirks::PLAIN).unwrap();
        batch_line(&request().key("id"), &body, format)
    }

    #[test]
    fn a_request_is_a_line_without_a_stream() {
        let line = line(BatchFormat::OpenAi);
        assert_eq!(line["custom_id"].as_str().unwrap().len(), 64);
        assert_eq!(
            (&line["method"], &line["url"]),
            (&"POST".into(), &"/v1/chat/completions".into())
        );
        assert_eq!(line["body"]["messages"][1]["content"], "2 + 2 = 4");
        assert!(line["body"].get("stream").is_none());
    }

    #[test]
    fn anthropic_has_the_system_apart_and_needs_a_limit() {
        let params = &line(BatchFormat::Anthropic)["params"];
        let expected = json!({
            "model": "m", "max_tokens": 4096, "system": "Judge.",
            "messages": [{"role": "user", "content": "2 + 2 = 4"}],
            "temperature": 0.0, "stop_sequences": ["END"],
        });
        assert_eq!(params, &expected);
    }

    #[test]
    fn answers_of_both_formats_become_completions() {
        let openai = r#"{"id": "b", "custom_id": "k", "response": {"status_code": 200, "request_id": "r", "body":
            {"choices": [{"message": {"content": "Score: 7"}, "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 10, "completion_tokens": 3}}}, "error": null}"#;
        let anthropic = r#"{"custom_id": "k", "result": {"type": "succeeded", "message": {"stop_reason": "end_turn",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Score: 7"}],
            "usage": {"input_tokens": 8, "cache_read_input_tokens": 2, "output_tokens": 3}}}}"#;
        for text in [openai, anthropic] {
            let read = BatchAnswer::parse(text).unwrap();
            assert_eq!(read.key, "k");
            let completion = chat_answer(&read.answer.unwrap(), &request());
            assert_eq!((completion.text.as_str(), completion.finish), ("Score: 7", Finish::Stop));
            assert_eq!((completion.usage.prompt, completion.usage.completion), (Some(10), Some(3)));
        }
    }

    #[test]
    fn failed_requests_say_why_and_what_is_no_answer_is_refused() {
        for (text, words) in [
            (
                r#"{"custom_id": "k", "response": {"status_code": 400, "body": {"error": {"message": "too long"}}}}"#,
                "too long",
            ),
            (
                r#"{"custom_id": "k", "response": null, "error": {"code": "batch_expired", "message": "expired"}}"#,
                "expired",
            ),
            (
                r#"{"custom_id": "k", "result": {"type": "errored", "error": {"type": "error", "error": {"message": "overloaded"}}}}"#,
                "overloaded",
            ),
            (r#"{"custom_id": "k", "result": {"type": "canceled"}}"#, "canceled"),
        ] {
            let error = BatchAnswer::parse(text).unwrap().answer.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        for text in ["", "[]", "{\"custom_id\": \"k\"}", "{\"custom_id\": 3}", "{\"response\": {}}"]
        {
            assert_eq!(BatchAnswer::parse(text).unwrap_err().kind(), ErrorKind::Record, "{text}");
        }
    }
}
