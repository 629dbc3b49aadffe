//! Joins the pieces that servers send into one answer, whether or not a stream was requested.
//!
//! A body may be one JSON object, possibly with `data: [DONE]` after it; an event stream of complete answers
//! or of pieces; or one JSON object per line.
//!
//! Pieces of text, thinking and tokens are appended, choice by choice. A stream is complete only with a
//! finish reason or `[DONE]` at its end: half an answer may contain a verdict that the other half withdraws.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The content of a body.
#[derive(Debug, PartialEq)]
pub(super) enum Received {
    /// An answer, or the error of a server; its fields are not checked.
    Whole(Value),
    /// Pieces of an answer whose end is missing.
    Incomplete,
    /// Text that is not JSON.
    NotJson,
}

/// Joins a body. The result contains no more text than the body, and the running time is linear in its
/// length.
///
/// An error anywhere in a stream takes precedence over the pieces around it, because an aborted text is not
/// an answer.
pub(super) fn read(body: &str) -> Received {
    if let Ok(whole) = serde_json::from_str(body) {
        return Received::Whole(whole);
    }
    let Events { data, is_done } = Events::of(body);
    let values = serde_json::Deserializer::from_str(&data).into_iter::<Value>();
    let Ok(mut values) = values.collect::<Result<Vec<_>, _>>() else {
        return if Events::are_in(body) { Received::Incomplete } else { Received::NotJson };
    };
    if let Some(at) = values.iter().position(is_error) {
        return Received::Whole(values.swap_remove(at));
    }
    match values.as_slice() {
        [] => Received::NotJson,
        [one] if !is_piece(one) => Received::Whole(values.swap_remove(0)),
        pieces => joined(pieces, is_done),
    }
}

/// Whether the end of a stream was read; some servers keep the connection open after it.
pub(super) fn is_over(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    body.ends_with(b"data: [DONE]") || body.ends_with(b"data:[DONE]")
}

/// The data of an event stream; for any other text its lines.
struct Events {
    /// One JSON value per line, in a well-formed stream.
    data: String,
    /// Whether `[DONE]` was received.
    is_done: bool,
}

impl Events {
    /// Removes the fields of events that are not data, and comments such as `: ping`, from a body.
    fn of(body: &str) -> Self {
        const OTHERS: [&str; 4] = [":", "event:", "id:", "retry:"];
        let (mut data, mut is_done) = (String::new(), false);
        let lines = body.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
        for line in lines.filter(|line| !OTHERS.iter().any(|other| line.starts_with(other))) {
            let line = line.strip_prefix("data:").unwrap_or(line);
            if line.trim() == "[DONE]" {
                is_done = true;
            } else {
                data.push_str(line);
                data.push('\n');
            }
        }
        Self { data, is_done }
    }

    /// Whether the body is an event stream.
    fn are_in(body: &str) -> bool {
        body.lines().any(|line| line.starts_with("data:"))
    }
}

/// Whether this is an error instead of an answer.
fn is_error(value: &Value) -> bool {
    !value["error"].is_null() && value["choices"].as_array().is_none_or(Vec::is_empty)
}

/// Whether this is a piece of an answer instead of a complete one.
fn is_piece(value: &Value) -> bool {
    let choices = value["choices"].as_array().into_iter().flatten();
    choices.into_iter().any(|choice| choice.get("delta").is_some())
}

/// Joins pieces, which may belong to several choices, into one answer.
fn joined(pieces: &[Value], is_done: bool) -> Received {
    // A map by index, because a body may name very large indices.
    let mut choices: BTreeMap<u64, ChoiceInParts> = BTreeMap::new();
    for piece in pieces.iter().flat_map(|piece| piece["choices"].as_array().into_iter().flatten()) {
        let index = piece["index"].as_u64().unwrap_or_default();
        choices.entry(index).or_default().add(piece);
    }
    if !is_done && choices.values().any(|choice| choice.end.is_null()) {
        return Received::Incomplete;
    }
    let last = |name: &str| {
        let found = pieces.iter().rev().map(|piece| &piece[name]).find(|value| !value.is_null());
        found.cloned().unwrap_or_default()
    };
    let whole = |(index, choice): (u64, ChoiceInParts)| choice.whole(index);
    let choices: Vec<Value> = choices.into_iter().map(whole).collect();
    Received::Whole(json!({ "model": last("model"), "choices": choices, "usage": last("usage") }))
}

/// One choice of an answer while its pieces arrive.
#[derive(Default)]
struct ChoiceInParts {
    /// The texts, by the names of their fields.
    texts: Map<String, Value>,
    /// Pieces of tool calls; only their existence matters.
    calls: Vec<Value>,
    /// Tokens with their log-probabilities.
    tokens: Vec<Value>,
    /// The finish reason; `null` until it arrives.
    end: Value,
}

impl ChoiceInParts {
    /// Adds a piece.
    fn add(&mut self, piece: &Value) {
        const TEXTS: [&str; 5] =
            ["content", "reasoning_content", "reasoning", "thinking", "refusal"];
        for name in TEXTS {
            self.add_text(name, &piece["delta"][name], false);
            // Some servers send the whole text once more at the end.
            self.add_text(name, &piece["message"][name], true);
        }
        self.add_text("content", &piece["text"], false);
        let thoughts = super::answer::thoughts(&piece["delta"]["content"]);
        self.add_text("thinking", &thoughts.into(), false);
        for place in ["delta", "message"] {
            self.calls.extend(piece[place]["tool_calls"].as_array().into_iter().flatten().cloned());
        }
        let tokens = piece["logprobs"]["content"].as_array();
        self.tokens.extend(tokens.into_iter().flatten().cloned());
        if !piece["finish_reason"].is_null() {
            self.end = piece["finish_reason"].clone();
        }
    }

    /// Appends to a text, or replaces it if `more` is the whole text.
    fn add_text(&mut self, name: &str, more: &Value, is_all: bool) {
        let more = super::answer::text(more);
        if more.is_empty() {
            return;
        }
        match self.texts.get_mut(name) {
            Some(Value::String(text)) if !is_all => text.push_str(&more),
            _ => drop(self.texts.insert(name.to_owned(), more.into())),
        }
    }

    /// The choice in the form of a response that was not streamed.
    fn whole(self, index: u64) -> Value {
        let Self { mut texts, calls, tokens, end } = self;
        if !calls.is_empty() {
            texts.insert("tool_calls".into(), calls.into());
        }
        let logprobs = if tokens.is_empty() { Value::Null } else { json!({ "content": tokens }) };
        json!({ "index": index, "message": texts, "finish_reason": end, "logprobs": logprobs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, end: &Value) -> String {
        json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]})
            .to_string()
    }

    fn text_and_end(body: &str) -> String {
        match read(body) {
            Received::Whole(whole) => {
                let choice = &whole["choices"][0];
                format!("{}|{}", choice["message"]["content"], choice["finish_reason"])
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn pieces_become_one_answer_in_every_notation() {
        let (a, b) = (piece("Sco", &Value::Null), piece("re: 7", &"stop".into()));
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":1}}"#;
        for body in [
            format!("data: {a}\n\ndata: {b}\n\ndata: [DONE]\n\n"),
            format!("data: {a}\r\n\r\ndata: {b}\r\n\r\n"),
            format!(": ping\nevent: x\nid: 1\nretry: 5\ndata:{a}\ndata:{b}\ndata: {usage}\n"),
            format!("{a}\n{b}\n"),
            format!("data: {a}\r\rdata: {b}\r\r"),
        ] {
            assert_eq!(text_and_end(&body), r#""Score: 7"|"stop""#, "{body}");
        }
    }

    #[test]
    fn a_stream_without_its_end_is_no_answer() {
        let begun = piece("Score: 9", &Value::Null);
        assert_eq!(read(&format!("data: {begun}\n\n")), Received::Incomplete);
        assert_eq!(read(&format!("data: {begun}\n\ndata: {{\"cho")), Received::Incomplete);
        assert_eq!(
            text_and_end(&format!("data: {begun}\n\ndata: [DONE]\n\n")),
            r#""Score: 9"|null"#
        );
        assert_eq!(read("<html>"), Received::NotJson);
        assert_eq!(read(""), Received::NotJson);
    }

    #[test]
    fn a_whole_answer_in_a_stream_stays_whole() {
        let whole = json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]});
        let pretty = serde_json::to_string_pretty(&whole).unwrap();
        for body in [
            format!("{whole}\ndata: [DONE]\n"),
            format!("{pretty}\n\ndata: [DONE]\n\n"),
            format!("data: {whole}\n\ndata: [DONE]\n\n"),
        ] {
            assert_eq!(read(&body), Received::Whole(whole.clone()), "{body}");
        }
        let error = r#"data: {"error":{"message":"no"}}"#;
        assert_eq!(read(error), Received::Whole(json!({"error": {"message": "no"}})));
    }

    proptest::proptest! {
        #[test]
        fn no_body_is_too_strange_and_none_grows(
            body in r#"(data: |data:|\[DONE\]|\{|\}|\[|\]|"|:|,|\n|\r|choices|delta|content|message|index|tool_calls|finish_reason|null|7|é| )*"#
        ) {
            is_over(body.as_bytes());
            if let Received::Whole(value) = read(&body) {
                super::super::answer::completion(&value, &crate::request::Request::generate(Vec::new()));
            }
        }

        #[test]
        fn pieces_are_joined_without_growing(texts: Vec<String>) {
            let pieces = texts.iter().map(|text| format!("data: {}\n\n", piece(text, &Value::Null)));
            let body = pieces.collect::<String>() + "data: [DONE]\n\n";
            let Received::Whole(whole) = read(&body) else {
                proptest::prop_assert!(texts.is_empty());
                return Ok(());
            };
            let text = whole["choices"][0]["message"]["content"].as_str().unwrap_or_default();
            proptest::prop_assert_eq!(text, texts.concat());
        }
    }
}
