//! Files of autoevals: a mustache prompt, and a score for each choice.

use serde_json::{Map, Value, json};

use super::{Import, draft::Draft, template};
use crate::error::{Error, ErrorKind, Result};

/// Keys that are carried over, or noted.
const KNOWN: [&str; 8] =
    ["prompt", "choice_scores", "use_cot", "temperature", "max_tokens", "model", "engine", "name"];

/// The prompt file of one grader.
///
/// # Errors
/// `prompt` or `choice_scores` is missing or malformed.
pub(super) fn import(name: &str, value: &Value) -> Result<Import> {
    let wrong = |message: &str| Error::new(ErrorKind::Prompt, message).within(name);
    let prompt = value.get("prompt").and_then(Value::as_str);
    let prompt = prompt.ok_or_else(|| wrong("the key `prompt` with the text is missing"))?;
    let scores = value.get("choice_scores").and_then(Value::as_object);
    let scores = scores.filter(|scores| scores.len() > 1 && scores.values().all(Value::is_number));
    let scores =
        scores.ok_or_else(|| wrong("`choice_scores` must give a number to each choice"))?;
    let mut draft = Draft {
        name: value.get("name").and_then(Value::as_str).unwrap_or(name).to_owned(),
        summary: format!("Imported from the autoevals file {name}"),
        source: "autoevals".into(),
        kind: "score",
        template: template::of_braces(prompt, template::plain_path),
        ..Draft::default()
    };
    let is_user_turn = format!("user:\n{}", draft.template.body);
    draft.template.body = is_user_turn;
    draft.model(value.get("model"));
    draft.model(value.get("engine"));
    for key in value.as_object().into_iter().flat_map(Map::keys) {
        if !KNOWN.contains(&key.as_str()) {
            draft.template.lose(format!("the key `{key}`"));
        }
    }
    draft.key("scale", json!({ "labels": scores }));
    if let Some(sampling) = sampling(value) {
        draft.key("sampling", sampling);
    }
    let choices: Vec<&str> = scores.keys().map(String::as_str).collect();
    draft.notes.push(
        "the choice was an argument of a function call, and is a line of the answer here".into(),
    );
    if value.get("use_cot").and_then(Value::as_bool).unwrap_or(true) {
        draft.key("verdict", json!({ "mark": true }));
        draft.ask(
            "Choice",
            "Reason step by step before you choose.",
            &format!("one of {}", choices.join(", ")),
        );
    } else {
        draft.key("verdict", json!({ "choose": "choice" }));
        let labels = json!(choices);
        let body = &mut draft.template.body;
        body.truncate(body.trim_end().len());
        body.push_str(&format!(
            "\n\nAnswer with one of {}, and nothing else.\nassistant:\n{{{{ choose(\"choice\", {labels}) }}}}\n",
            choices.join(", ")
        ));
    }
    Ok(Import { prompts: vec![draft.finish()], left_out: Vec::new() })
}

/// The sampling that the file sets.
fn sampling(value: &Value) -> Option<Value> {
    let mut all = Map::new();
    for key in ["temperature", "max_tokens"] {
        if let Some(number) = value.get(key).filter(|number| number.is_number()) {
            all.insert(key.into(), number.clone());
        }
    }
    (!all.is_empty()).then(|| all.into())
}
