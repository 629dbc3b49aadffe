//! The values of single keys of a prompt file, each checked by its own name.

use std::num::NonZeroUsize;

use serde_json::Value;

use super::{
    super::yaml::{number, shown, texts, whole, wrong},
    Field, Need,
};
use crate::{
    error::{ErrorKind, Result, unknown},
    item::{Criteria, kind_of},
    parse::{self, Place, Rule},
    request::{Role, Sampling, TemplateVariables, check_variables},
};

/// The key `roles`: names as chat templates write them. A longer word, or one with other signs, is more likely text.
pub(super) fn roles(value: Value) -> Result<Vec<String>> {
    const LONGEST: usize = 32;
    let names = texts("`roles`", value)?;
    let fits = |name: &str| {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(word)
    };
    for (n, name) in names.iter().enumerate() {
        if Role::COMMON.iter().any(|role| role.name() == name) {
            return Err(wrong(format!("`{name}` under `roles` begins turns in every prompt"))
                .hint("leave it out"));
        }
        if !fits(name) || name.len() > LONGEST {
            return Err(wrong(format!("`{name}` under `roles` cannot be the name of a role"))
                .hint("write it as the chat template does: lower-case letters, digits and `_`, such as response_1"));
        }
        if names[..n].contains(name) {
            return Err(wrong(format!("`{name}` stands twice under `roles`")));
        }
    }
    Ok(names)
}

/// The key `template`: variables by name, with any values.
pub(super) fn template(value: Value) -> Result<TemplateVariables> {
    let Value::Object(map) = value else {
        let error = wrong(format!("`template` is {}, and must name variables", kind_of(&value)));
        return Err(error.hint("write `template: {enable_thinking: false}`"));
    };
    let variables = TemplateVariables::from_iter(map);
    check_variables(&variables, ErrorKind::Prompt)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits =
        |name: &str| !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word);
    match variables.keys().find(|name| name.is_empty() || !fits(name)) {
        Some(name) => Err(wrong(format!(
            "`{name}` under `template` cannot be the name of a variable"
        ))
        .hint(
            "write it as the chat template does: letters, digits and `_`, such as enable_thinking",
        )),
        None => Ok(variables),
    }
}

/// The key `criteria`: a list or an object that can be read as a rubric.
pub(super) fn criteria(value: Value) -> Result<Value> {
    if !value.is_array() && !value.is_object() {
        let error = wrong(format!("`criteria` is {}, and must list criteria", kind_of(&value)));
        return Err(error.hint(
            "write `criteria: {tone: \"Is kind.\"}`, or a list of {requirement: …, weight: 2}",
        ));
    }
    Criteria::read(&value, ErrorKind::Prompt).map(|_| value)
}

/// The key `value`: the choice that gives every step its second number.
pub(super) fn value(value: Value) -> Result<Rule> {
    let value = match value {
        Value::String(name) => serde_json::json!({ "choose": name }),
        value => value,
    };
    let mut rules = parse::rules(value)?;
    match (rules.pop(), rules.is_empty()) {
        (Some(rule), true) if matches!(rule.place, Place::Choose(_)) => Ok(rule),
        _ => Err(wrong("`value` must name one `probe` or `choose`".into())
            .hint("write `value: NAME`, or `value: {choose: NAME, values: {\"+\": correct}}`")),
    }
}

/// The key `per_call`.
pub(super) fn per_call(value: &Value) -> Result<NonZeroUsize> {
    let count = usize::try_from(whole("`per_call`", value)?).ok().and_then(NonZeroUsize::new);
    count.ok_or_else(|| wrong("`per_call` must be 1 or more criteria".into()))
}

/// The key `draws`.
pub(super) fn draws(value: &Value) -> Result<u32> {
    match whole("`draws`", value)? {
        0 => Err(wrong("`draws` must be 1 or more".into())),
        draws => Ok(draws),
    }
}

/// The key `mass`.
pub(super) fn mass(value: &Value) -> Result<f64> {
    let mass = number("`mass`", value)?;
    if (0.0..1.0).contains(&mass) {
        return Ok(mass);
    }
    Err(wrong("`mass` must be a share of the probability: 0 or more, and less than 1".into()))
}

/// The keys of the key `sampling`.
pub(super) const SAMPLING: [&str; 11] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "stop",
    "seed",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "thinking_tokens",
];

/// The key `sampling`, each of its values checked by its own name.
pub(super) fn sampling(value: Value) -> Result<Sampling> {
    let Value::Object(mut map) = value else {
        return Err(wrong(format!("`sampling` is {}, and must hold keys", kind_of(&value)))
            .hint("write `sampling: {temperature: 0, max_tokens: 1024}`"));
    };
    if let Some(key) = map.keys().find(|key| !SAMPLING.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `sampling`", key, SAMPLING));
    }
    map.retain(|_, value| !value.is_null());
    for (key, value) in &mut map {
        let what = format!("`{key}` of `sampling`");
        match key.as_str() {
            "stop" => *value = texts(&what, value.take())?.into(),
            "temperature" | "top_p" | "min_p" | "presence_penalty" | "frequency_penalty" => {
                number(&what, value)?;
            }
            "repeat_penalty" => drop(above_zero(&what, value)?),
            "seed" if value.is_u64() => (),
            _ => drop(whole(&what, value)?),
        }
    }
    serde_json::from_value(map.into())
        .map_err(|_| wrong("`sampling` holds a number that is too large".into()))
}

/// A number above 0, such as a penalty that divides the odds of a token.
fn above_zero(what: &str, value: &Value) -> Result<f64> {
    let number = number(what, value)?;
    if number > 0.0 {
        return Ok(number);
    }
    Err(wrong(format!("{what} must be above 0; 1 changes nothing")))
}

/// The key `fields`: names with their needs, or a list of names that are all required.
pub(super) fn fields(value: Value) -> Result<Vec<Field>> {
    match value {
        Value::Object(map) => map.into_iter().map(|(name, need)| field(name, need)).collect(),
        // A list names fields that are all required.
        Value::Array(list) => {
            let required = |name: String| Field { name, need: Need::Required };
            Ok(texts("`fields`", list.into())?.into_iter().map(required).collect())
        }
        other => Err(wrong(format!("`fields` is {}, and must name fields", kind_of(&other)))
            .hint("write `fields: {question: optional, answer: required}`")),
    }
}

/// One field of the key `fields`.
fn field(name: String, need: Value) -> Result<Field> {
    let need = match need {
        Value::String(word) if word == "required" => Need::Required,
        Value::String(word) if word == "optional" => Need::Optional,
        Value::Object(map) if map.len() == 1 && map.contains_key("default") => {
            Need::Default(map.into_values().next().unwrap_or_default())
        }
        other => {
            let message = format!("the field `{name}` is {}", shown(&other));
            return Err(wrong(message).hint("write required, optional or {default: …}"));
        }
    };
    Ok(Field { name, need })
}
