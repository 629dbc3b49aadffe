//! Values as the text that a judge reads, above all conversations with tool calls.
//!
//! Records hold messages in the forms of several APIs. All become one numbered transcript, in which thinking,
//! tool calls and results are written out, so that a judge of trajectories sees what the agent did.

use serde_json::{Map, Value};

/// A value as the text that a judge reads: a text as it is, nothing for null, messages as a numbered
/// [`transcript`], anything else as JSON on one line.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => as_spoken_text(other).unwrap_or_else(|| other.to_string()),
    }
}

/// A conversation as text: every message with its number and role, tool calls with their arguments, results
/// with the name of their tool.
///
/// It reads messages of OpenAI's chat API (`role`, `content`, `tool_calls`), content blocks of Anthropic's
/// API (`text`, `thinking`, `tool_use`, `tool_result`), and `from`/`value` of ShareGPT. Anything else is
/// written as JSON, so that nothing is hidden from the judge; images are named, not shown. A value that is not
/// a list becomes its [text](text_of()).
///
/// ```
/// use serde_json::json;
///
/// let messages = json!([
///     {"role": "user", "content": "Weather in Oslo?"},
///     {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}]},
///     {"role": "tool", "name": "weather", "content": "4 °C"},
/// ]);
/// assert_eq!(
///     tribunal::item::transcript(&messages),
///     "[1] user\nWeather in Oslo?\n\n[2] assistant\ncalls weather({\"city\":\"Oslo\"})\n\n[3] tool weather\n4 °C"
/// );
/// ```
pub fn transcript(messages: &Value) -> String {
    let Some(turns) = turns(messages) else { return text_of(messages) };
    turns.iter().map(Turn::text).collect::<Vec<_>>().join("\n\n")
}

/// One message of a transcript, line by line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    /// The heading, then thinking, content and calls. A line may hold several lines of text.
    pub(crate) lines: Vec<TurnLine>,
    /// Whether a user wrote it.
    pub(crate) is_user: bool,
}

/// A part of a message that stands on lines of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TurnLine {
    /// Its text.
    pub(crate) text: String,
    /// Whether it is what a tool returned.
    pub(crate) is_output: bool,
    /// Whether it is not the record's text, but says what was left out.
    pub(crate) is_note: bool,
}

impl TurnLine {
    fn new(text: String, is_output: bool) -> Self {
        Self { text, is_output, is_note: false }
    }
}

impl Turn {
    /// A text that is not a message.
    pub(crate) fn of_text(text: String) -> Self {
        Self { lines: vec![TurnLine::new(text, false)], is_user: false }
    }

    /// The beginning and the end of a message, with a note between them.
    pub(crate) fn shortened(start: String, note: String, end: String) -> Self {
        let note = TurnLine { is_note: true, ..TurnLine::new(note, false) };
        let lines = vec![TurnLine::new(start, false), note, TurnLine::new(end, false)];
        Self { lines, is_user: false }
    }

    /// Its whole text.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The messages of a conversation; `None` for a value that is not a list.
pub(crate) fn turns(messages: &Value) -> Option<Vec<Turn>> {
    Some(messages.as_array()?.iter().enumerate().map(|(n, message)| one(n + 1, message)).collect())
}

/// The text of messages, or of content blocks of a message, where a text is expected; `None` for any other
/// value. A single plain message becomes its text alone.
fn as_spoken_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) if is_conversation(value) => match list.as_slice() {
            [Value::Object(only)] if is_plain(only) => Some(content(only).join("\n")),
            _ => Some(transcript(value)),
        },
        Value::Array(list) if !list.is_empty() && list.iter().all(is_piece) => {
            Some(list.iter().map(block).collect::<Vec<_>>().join("\n"))
        }
        Value::Object(_) if is_message(value) => as_spoken_text(&Value::from(vec![value.clone()])),
        _ => None,
    }
}

/// Whether a value that is not a text is still read as one: messages, or content blocks of a message.
pub(crate) fn reads_as_text(value: &Value) -> bool {
    let pieces =
        || value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_piece));
    is_conversation(value) || is_message(value) || pieces()
}

/// Whether a value is a list of messages.
fn is_conversation(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_message))
}

/// Whether a value is a message: it has a role and something that was said.
fn is_message(value: &Value) -> bool {
    let text =
        |names: &[&str]| names.iter().any(|name| value.get(*name).is_some_and(Value::is_string));
    let says = ["content", "value", "tool_calls", "function_call"];
    let typed = ["human", "ai", "system", "tool"].map(Some);
    (text(&["role", "from"]) || typed.contains(&value.get("type").and_then(Value::as_str)))
        && says.iter().any(|name| value.get(*name).is_some())
}

/// Whether a message is a text and nothing else: neither thinking nor tool calls.
fn is_plain(message: &Map<String, Value>) -> bool {
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let only = thoughts(message).is_none() && calls(message).is_empty();
    only && text("content").or_else(|| text("value")).is_some_and(|text| !text.trim().is_empty())
}

/// Whether a value is a content block of a message, such as `{"type": "text", "text": …}`.
fn is_piece(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str);
    let text = value.get("text").is_some_and(Value::is_string);
    kind.is_some_and(|kind| IMAGES.contains(&kind) || (kind.ends_with("text") && text))
}

/// Types of content blocks that hold an image.
const IMAGES: [&str; 4] = ["image_url", "image", "input_image", "image_file"];

/// Whether a conversation holds images, which a judge is not shown.
pub(crate) fn holds_images(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(holds_images),
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| IMAGES.contains(&kind))
                || map.get("content").is_some_and(holds_images)
        }
        _ => false,
    }
}

/// One message: its number, its role and its tool, then thinking, content and calls on lines of their own.
fn one(number: usize, message: &Value) -> Turn {
    let line = |text: String| TurnLine::new(text, false);
    let Value::Object(map) = message else {
        let lines = vec![line(format!("[{number}] message")), line(text_of(message))];
        return Turn { lines, is_user: false };
    };
    let text = |names: &[&str]| names.iter().find_map(|name| map.get(*name)?.as_str());
    let role = text(&["role", "from", "type"]).unwrap_or("message");
    let tool = text(&["name", "tool_name"]).or_else(|| text(&["tool_call_id"]));
    let heading = match tool {
        Some(tool) => format!("[{number}] {role} {tool}"),
        None => format!("[{number}] {role}"),
    };
    let is_tool = TOOLS.contains(&role);
    let mut lines = vec![line(heading)];
    lines.extend(thoughts(map).map(line));
    let outputs = outputs(map);
    let is_output = |n: usize| is_tool || outputs.get(n) == Some(&true);
    lines.extend(
        content(map).into_iter().enumerate().map(|(n, text)| TurnLine::new(text, is_output(n))),
    );
    lines.extend(calls(map).into_iter().map(line));
    if lines.len() == 1 {
        lines.push(line("(says nothing)".into()));
    }
    let is_user = USERS.contains(&role) && !outputs.contains(&true);
    Turn { lines, is_user }
}

/// Roles of messages that hold what a tool returned.
const TOOLS: [&str; 6] =
    ["tool", "function", "ipython", "observation", "tool_result", "environment"];

/// Roles of users.
const USERS: [&str; 2] = ["user", "human"];

/// For each content block of a message, whether it is what a tool returned; empty for a text.
fn outputs(message: &Map<String, Value>) -> Vec<bool> {
    let blocks = message.get("content").or_else(|| message.get("value")).and_then(Value::as_array);
    let kind = |block: &Value| block.get("type").and_then(Value::as_str) == Some("tool_result");
    blocks.into_iter().flatten().map(kind).collect()
}

/// What the model thought, from any of the fields in which servers report it.
fn thoughts(message: &Map<String, Value>) -> Option<String> {
    let names = ["reasoning_content", "reasoning", "thinking"];
    let thought = names.iter().find_map(|name| message.get(*name)?.as_str())?;
    (!thought.is_empty()).then(|| format!("(thinks) {thought}"))
}

/// The content of a message, one text for each block.
fn content(message: &Map<String, Value>) -> Vec<String> {
    match message.get("content").or_else(|| message.get("value")) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(Value::Array(blocks)) => blocks.iter().map(block).collect(),
        Some(other) => vec![text_of(other)],
    }
}

/// One content block as text.
fn block(block: &Value) -> String {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    match text("type") {
        Some("text" | "input_text" | "output_text") => text("text").unwrap_or_default().to_owned(),
        Some("thinking") => format!("(thinks) {}", text("thinking").unwrap_or_default()),
        Some("tool_use") => {
            let arguments = block.get("input").map(text_of).unwrap_or_default();
            format!("calls {}({arguments})", text("name").unwrap_or("a tool"))
        }
        Some("tool_result") => {
            let holder = block.as_object().cloned().unwrap_or_default();
            format!("result: {}", content(&holder).join("\n"))
        }
        Some(kind) if IMAGES.contains(&kind) => "(an image)".into(),
        _ => block.as_str().map_or_else(|| block.to_string(), ToOwned::to_owned),
    }
}

/// The tool calls of a message, and the `function_call` of older servers.
fn calls(message: &Map<String, Value>) -> Vec<String> {
    let listed = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let old = message.get("function_call").filter(|call| !call.is_null());
    listed.chain(old).map(call).collect()
}

/// One tool call: `calls NAME(ARGUMENTS)`.
fn call(call: &Value) -> String {
    let function = call.get("function").unwrap_or(call);
    let arguments = function.get("arguments").or_else(|| function.get("args"));
    match function.get("name").and_then(Value::as_str) {
        Some(name) => format!("calls {name}({})", arguments.map(text_of).unwrap_or_default()),
        None => format!("calls {}", text_of(call)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_calls_and_results_are_all_shown() {
        let shown = transcript(&json!([
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "name": "search", "input": {"q": "x"}},
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "found"}]},
            {"from": "gpt", "value": "Done."},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        ]));
        let expected = "[1] assistant\n(thinks) hm\nLet me look.\ncalls search({\"q\":\"x\"})\n\n\
                        [2] user\nresult: found\n\n[3] gpt\nDone.\n\n[4] assistant\ncalls f({})";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_value_that_is_not_a_conversation_is_shown_as_it_is() {
        assert_eq!(transcript(&json!("plain")), "plain");
        assert_eq!(
            transcript(&json!([1, {"role": "user"}])),
            "[1] message\n1\n\n[2] user\n(says nothing)"
        );
        assert_eq!(
            transcript(&json!([{"role": "tool", "content": {"t": 4}}])),
            "[1] tool\n{\"t\":4}"
        );
    }

    #[test]
    fn messages_in_the_place_of_a_text_are_shown_as_what_was_said() {
        let said = |value: &Value| text_of(value);
        assert_eq!(said(&json!([{"role": "assistant", "content": "Hi."}])), "Hi.");
        assert_eq!(said(&json!({"role": "assistant", "content": "Hi."})), "Hi.");
        assert_eq!(
            said(&json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}])),
            "[1] user\nq\n\n[2] assistant\na"
        );
        assert_eq!(
            said(&json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])),
            "one\ntwo"
        );
        assert_eq!(said(&json!([{"role": "admin"}])), r#"[{"role":"admin"}]"#);
        assert_eq!(said(&json!(["one"])), r#"["one"]"#);
    }

    #[test]
    fn images_are_found_inside_of_messages() {
        assert!(holds_images(
            &json!([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}])
        ));
        assert!(!holds_images(
            &json!([{"role": "user", "content": [{"type": "text", "text": "image"}]}])
        ));
    }
}
