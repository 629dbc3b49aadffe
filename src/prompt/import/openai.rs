//! Grader objects of the OpenAI API (fine-tuning and evals).
//!
//! `score_model` and `label_model` become prompts that judge; `string_check` becomes a check without a model. Graders
//! that run code, measure similarity or send requests elsewhere have no equivalent.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    Import, Imported,
    draft::{Draft, quoted},
    template::{self, Template},
};

/// The types of graders.
const TYPES: [&str; 7] = [
    "score_model",
    "label_model",
    "string_check",
    "text_similarity",
    "python",
    "multi",
    "endpoint",
];

/// Whether a document is a grader or a list of them.
pub(super) fn is_graders(value: &Value) -> bool {
    let is_one = |value: &Value| {
        value.get("type").and_then(Value::as_str).is_some_and(|kind| TYPES.contains(&kind))
    };
    match value {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_one),
        one => is_one(one),
    }
}

/// The prompt files of every grader in a document.
pub(super) fn import(name: &str, value: &Value) -> Import {
    let mut found = Import::default();
    add(name, value, &mut found);
    found
}

/// Adds the graders of one value: a grader, a list, or what holds them.
fn add(name: &str, value: &Value, found: &mut Import) {
    if let Value::Array(list) = value {
        return list.iter().for_each(|value| add(name, value, found));
    }
    let inner = ["testing_criteria", "grader"].iter().find_map(|key| value.get(key));
    if let Some(inner) = inner {
        return add(name, inner, found);
    }
    let own = value.get("name").and_then(Value::as_str).unwrap_or(name);
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let made = match kind {
        "score_model" => score_model(own, value),
        "label_model" => label_model(own, value),
        "string_check" => string_check(own, value),
        "multi" => return add_several(own, value, found),
        "python" => Err("it runs Python code".into()),
        "text_similarity" => Err("it measures the similarity of texts".into()),
        "endpoint" => Err("it sends the answer to another service".into()),
        other => Err(format!("`{other}` is not a known type of grader")),
    };
    match made {
        Ok(prompt) => found.prompts.push(prompt),
        Err(why) => found.left_out.push(format!("`{own}`: {why}")),
    }
}

/// Adds the graders inside of a `multi`, whose formula has no place in a prompt.
fn add_several(name: &str, value: &Value, found: &mut Import) {
    let formula = value.get("calculate_output").and_then(Value::as_str).unwrap_or_default();
    found.left_out.push(format!("`{name}`: its formula `{formula}` over several graders"));
    match value.get("graders") {
        Some(Value::Object(map)) if !map.contains_key("type") => {
            map.iter().for_each(|(name, grader)| add(name, grader, found));
        }
        Some(graders) => add(name, graders, found),
        None => (),
    }
}

/// A grader whose model gives a number.
fn score_model(name: &str, value: &Value) -> Result<Imported, String> {
    let mut draft = judged(name, value, "score")?;
    let range = value.get("range").and_then(Value::as_array).map(Vec::as_slice);
    let (low, high) = match range {
        None => (json!(0), json!(1)),
        Some([low, high]) if low.is_number() && high.is_number() => (low.clone(), high.clone()),
        Some(_) => return Err("`range` must be two numbers".into()),
    };
    draft.key("scale", json!({ "min": low, "max": high, "step": "any" }));
    if let Some(sampling) = sampling(value, &mut draft) {
        draft.key("sampling", sampling);
    }
    draft.key("verdict", json!({ "mark": true }));
    if let Some(least) = value.get("pass_threshold").filter(|least| least.is_number()) {
        draft.key("pass", format!("score >= {least}"));
    }
    draft.ask("Score", "First give your reasons.", "a number {{ scale }}");
    Ok(draft.finish())
}

/// A grader whose model gives a label.
fn label_model(name: &str, value: &Value) -> Result<Imported, String> {
    let mut draft = judged(name, value, "label")?;
    let texts = |key: &str| -> Option<Vec<&str>> {
        value.get(key)?.as_array()?.iter().map(Value::as_str).collect()
    };
    let labels = texts("labels")
        .filter(|labels| labels.len() > 1)
        .ok_or("`labels` must be several texts")?;
    let passing = texts("passing_labels").ok_or("`passing_labels` must be a list of labels")?;
    let level = |label: &&str| ((*label).to_owned(), json!(u8::from(passing.contains(label))));
    let levels: Map<String, Value> = labels.iter().map(level).collect();
    if levels.len() < labels.len() {
        return Err("a label is named twice".into());
    }
    draft.key("scale", json!({ "labels": levels }));
    if let Some(sampling) = sampling(value, &mut draft) {
        draft.key("sampling", sampling);
    }
    draft.key("verdict", json!({ "mark": true }));
    let rules: Option<Vec<String>> =
        passing.iter().map(|label| Some(format!("label = {}", quoted(label)?))).collect();
    match rules.filter(|rules| !rules.is_empty() && rules.len() < labels.len()) {
        Some(rules) => {
            draft.key("pass", rules.join(" or "));
        }
        None => draft
            .template
            .lose("the passing labels, which are all, none, or cannot be written in a rule".into()),
    }
    draft.ask("Label", "First give your reasons.", "{{ scale }}");
    Ok(draft.finish())
}

/// A comparison of two texts, as a check without a model.
fn string_check(name: &str, value: &Value) -> Result<Imported, String> {
    let text = |key: &str| {
        value.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` must be a text"))
    };
    let (input, reference) = (text("input")?, text("reference")?);
    let operation = text("operation")?;
    let names = Names::of([input, reference].into_iter());
    let mut draft = Draft {
        name: name.to_owned(),
        summary: format!("Imported from the OpenAI grader {name}"),
        source: "OpenAI graders (string_check)".into(),
        kind: "label",
        template: Template::default(),
        ..Draft::default()
    };
    let input = expression(input, &names, &mut draft.template)?;
    let check = match operation {
        "eq" | "ne" => "exact",
        "like" | "ilike" => "regex",
        other => return Err(format!("`{other}` is not a known operation")),
    };
    let reference = if check == "exact" {
        draft.notes.push("blanks at the ends of the texts do not matter".into());
        expression(reference, &names, &mut draft.template)?
    } else if reference.contains("{{") {
        return Err(format!(
            "`{operation}` with a reference from the record: only fixed texts can be looked for"
        ));
    } else {
        let flags = if operation == "ilike" { "(?i)" } else { "" };
        json!(format!("{flags}{}", regex::escape(reference))).to_string()
    };
    draft.notes.insert(0, format!("no model is asked: judge with -m check:{check}"));
    draft.key("models", json!([format!("check:{check}")]));
    draft.key("chat", "raw");
    draft.key("verdict", json!({ "pattern": "Verdict: *", "values": { "correct": "correct", "incorrect": "incorrect" } }));
    draft.key("pass", if operation == "ne" { "label = incorrect" } else { "label = correct" });
    draft.template.body = format!("{{{{ compare(\"check\", {input}, {reference}) }}}}\n");
    Ok(draft.finish())
}

/// A text of a check as an expression: one value of the record, or a fixed text.
fn expression(text: &str, names: &Names, template: &mut Template) -> Result<String, String> {
    if !text.contains("{{") {
        return Ok(json!(text).to_string());
    }
    let found = template::of_braces(text.trim(), |inside| names.path(inside));
    let inner = found.body.strip_prefix("{{ ").and_then(|rest| rest.strip_suffix(" }}"));
    let inner = inner.filter(|inner| !inner.contains("{{") && found.lost.is_empty());
    let inner = inner
        .ok_or("a check compares one value of the record with another, without words around them")?
        .to_owned();
    template.extend(Template { body: String::new(), ..found });
    Ok(inner)
}

/// The turns of a grader that asks a model.
fn judged(name: &str, value: &Value, kind: &'static str) -> Result<Draft, String> {
    let input =
        value.get("input").and_then(Value::as_array).ok_or("`input` must be a list of messages")?;
    let messages: Vec<(&str, String)> = input.iter().map(message).collect::<Result<_, _>>()?;
    let names = Names::of(messages.iter().map(|(_, text)| text.as_str()));
    let mut draft = Draft {
        name: name.to_owned(),
        summary: format!("Imported from the OpenAI grader {name}"),
        source: format!("OpenAI graders ({kind}_model)"),
        kind,
        ..Draft::default()
    };
    for (role, text) in &messages {
        draft.template.body.push_str(&format!("{role}:\n"));
        draft.template.extend(template::of_braces(text.trim_end(), |inside| names.path(inside)));
        draft.template.body.push('\n');
    }
    match messages.last() {
        Some(("user", _)) => (),
        Some(("system", _)) => draft.template.body.push_str("user:\n"),
        _ => return Err("its last message must be one of the user".into()),
    }
    draft.model(value.get("model"));
    draft
        .notes
        .push("the verdict was a structured answer, and is a line of the answer here".into());
    Ok(draft)
}

/// The role and the text of a message.
fn message(value: &Value) -> Result<(&'static str, String), String> {
    let role = match value.get("role").and_then(Value::as_str) {
        Some("user") => "user",
        Some("assistant") => "assistant",
        Some("system" | "developer") => "system",
        other => return Err(format!("`{}` is not a known role", other.unwrap_or_default())),
    };
    Ok((role, content(value.get("content").unwrap_or(&Value::Null))?))
}

/// The text of a message, whose content is a text, a part, or a list of these.
fn content(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            Ok(parts.iter().map(content).collect::<Result<Vec<_>, _>>()?.join("\n"))
        }
        part => match (
            part.get("type").and_then(Value::as_str),
            part.get("text").and_then(Value::as_str),
        ) {
            (Some("input_text" | "output_text" | "text") | None, Some(text)) => Ok(text.to_owned()),
            (Some(other), _) => Err(format!("a message holds a part `{other}`, which is no text")),
            _ => Err("a message holds no text".into()),
        },
    }
}

/// The sampling of a grader.
fn sampling(value: &Value, draft: &mut Draft) -> Option<Value> {
    let mut all = Map::new();
    for (key, value) in
        value.get("sampling_params")?.as_object()?.iter().filter(|(_, value)| !value.is_null())
    {
        match key.as_str() {
            "temperature" | "top_p" | "seed" => drop(all.insert(key.clone(), value.clone())),
            "max_completions_tokens" | "max_completion_tokens" => {
                drop(all.insert("max_tokens".into(), value.clone()));
            }
            other => draft.template.lose(format!("the sampling setting `{other}`")),
        }
    }
    (!all.is_empty()).then(|| all.into())
}

/// The names under which a prompt reads what the templates of a grader name.
struct Names {
    /// The field with the answer: one that the record does not use for something else.
    answer: &'static str,
}

impl Names {
    /// The names for these templates.
    fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        const ANSWERS: [&str; 4] = ["answer", "output", "response", "model_output"];
        let mut used = BTreeSet::new();
        for text in texts {
            for part in text.split("item.").skip(1) {
                used.insert(
                    part.chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect::<String>(),
                );
            }
        }
        let answer =
            ANSWERS.into_iter().find(|name| !used.contains(*name)).unwrap_or("model_output");
        Self { answer }
    }

    /// What `item.x` and `sample.output_text` are called in a body.
    fn path(&self, inside: &str) -> Result<String, String> {
        let inside = inside.trim();
        match (inside.strip_prefix("item."), inside) {
            (Some(path), _) => template::plain_path(path),
            (None, "sample.output_text") => Ok(self.answer.to_owned()),
            (None, other) => Err(format!(
                "the expression `{{{{ {other} }}}}`: only item.… and sample.output_text can be read"
            )),
        }
    }
}
