//! Whether a file holds what its schema allows, in plain words.
//!
//! The schema is the one that editors get ([`schema`](super::schema)), made of the types that read the file. serde
//! alone would report "invalid type: string, expected u32": here a wrong value is named with its line, what it must
//! be, what it is, and the nearest name where there are names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::settings::share;
use crate::{
    error::{Error, ErrorKind, near},
    metrics::Gate,
    units,
};

/// The most characters of a wrong entry that are shown.
const LONGEST: usize = 40;

/// Checks tables against a schema.
pub(super) struct Checker<'c> {
    pub(super) schema: &'c Value,
    /// The name of the file.
    pub(super) file: &'c str,
    /// The line of every key, by its path.
    pub(super) lines: &'c BTreeMap<String, usize>,
}

impl Checker<'_> {
    /// The first key that the schema does not have, or whose value it does not allow.
    ///
    /// # Errors
    /// There is one: the error names its line.
    pub(super) fn check(&self, table: &Map<String, Value>) -> Result<(), Error> {
        self.table(table, self.schema, "")
    }

    /// Checks every key of a table, and that none is missing that must be there.
    fn table(&self, table: &Map<String, Value>, node: &Value, place: &str) -> Result<(), Error> {
        let properties = node.get("properties").and_then(Value::as_object);
        let any = node.get("additionalProperties");
        let any = any.filter(|any| any.is_object() || **any == Value::Bool(true));
        for (key, value) in table {
            let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            let Some(inner) = properties.and_then(|known| known.get(key)).or(any) else {
                let known = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                return Err(self.unknown_key(key, &path, place, &known.collect::<Vec<_>>()));
            };
            self.value(key, value, self.resolved(inner), &path)?;
        }
        let required = node.get("required").and_then(Value::as_array).into_iter().flatten();
        match required.filter_map(Value::as_str).find(|key| !table.contains_key(*key)) {
            Some(key) => Err(self.wrong(place, format!("[{place}] lacks `{key}`"))),
            None => Ok(()),
        }
    }

    /// Checks one value, tables by their keys.
    fn value(&self, key: &str, value: &Value, node: &Value, path: &str) -> Result<(), Error> {
        if let (Value::Object(table), true) = (value, node.get("properties").is_some()) {
            return self.table(table, node, path);
        }
        if let (Value::Object(table), Some(true)) =
            (value, node.get("additionalProperties").map(Value::is_object))
        {
            return self.table(table, node, path);
        }
        if key == "key_variable" && !value.as_str().is_none_or(is_variable) {
            // It may be the key itself.
            let error = self.wrong(path, "`key_variable` is not the name of a variable");
            return Err(
                error.hint("set the key in your environment, and write the variable's name here")
            );
        }
        if self.allows(node, value) {
            return Ok(());
        }
        self.inside(key, value, node, path)?;
        Err(self.must_be(&format!("`{key}`"), value, node, path))
    }

    /// Checks the parts of a value that may be one or many: each entry of a list, and each key of a table.
    ///
    /// # Errors
    /// A part is wrong: the error names it, and its line.
    fn inside(&self, key: &str, value: &Value, node: &Value, path: &str) -> Result<(), Error> {
        let node = self.resolved(node);
        let forms = alternatives(node).map_or(std::slice::from_ref(node), Vec::as_slice);
        let mut forms = forms.iter().map(|form| self.resolved(form));
        match value {
            Value::Object(table) if !is_date(value) => {
                let is_table = |form: &&Value| {
                    form.get("properties").is_some()
                        || form.get("additionalProperties").is_some_and(Value::is_object)
                };
                forms.find(is_table).map_or(Ok(()), |form| self.table(table, form, path))
            }
            Value::Array(list) => {
                let Some(items) = forms.find_map(|form| form.get("items")) else { return Ok(()) };
                for (place, entry) in list.iter().enumerate() {
                    if self.allows(items, entry) {
                        continue;
                    }
                    let path = format!("{path}[{place}]");
                    self.inside(key, entry, items, &path)?;
                    let mut text = entry.to_string();
                    if text.chars().count() > LONGEST {
                        text = text.chars().take(LONGEST).chain(['…']).collect();
                    }
                    let subject = format!("entry {} of `{key}`, {text},", place + 1);
                    return Err(self.must_be(&subject, entry, items, &path));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The error of a value that the schema does not allow. `subject` names it.
    fn must_be(&self, subject: &str, value: &Value, node: &Value, path: &str) -> Error {
        let expected = self.expected(node);
        let but = match value {
            Value::Number(number) if expected.contains("share") => format!(", not {number}"),
            Value::Number(number) if number.is_u64() && expected.contains("number") => {
                String::new()
            }
            value if expected.contains(found(value)) => String::new(),
            value => format!(", not {}", found(value)),
        };
        let mut error = self.wrong(path, format!("{subject} must be {expected}{but}"));
        let names = self.names(node);
        let typed = value.as_str().unwrap_or_default();
        // A rule that is nearly right has advice of its own.
        if expected.contains("a rule")
            && let Err(rule) = typed.parse::<Gate>()
        {
            error = rule.hints().iter().cloned().fold(error, Error::hint);
        }
        match near(typed, names.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// Whether the schema allows a value, in any of its alternatives.
    fn allows(&self, node: &Value, value: &Value) -> bool {
        let node = self.resolved(node);
        if let Some(all) = alternatives(node) {
            return all.iter().any(|one| self.allows(one, value));
        }
        if let Some(only) = node.get("const") {
            return value == only;
        }
        if let Some(only) = node.get("enum").and_then(Value::as_array) {
            return only.contains(value);
        }
        let is_type = |name: &str| match (name, value) {
            ("string", Value::String(text)) => {
                is_share(node, text) && is_duration(node, text) && is_gate(node, text)
            }
            ("integer", Value::Number(number)) => fits(node, number),
            ("number", Value::Number(number)) => within(node, number.as_f64()),
            ("boolean", Value::Bool(_)) => true,
            ("object", Value::Object(_)) => !is_date(value),
            ("array", Value::Array(list)) => {
                node.get("items").is_none_or(|items| list.iter().all(|it| self.allows(items, it)))
            }
            _ => false,
        };
        match node.get("type") {
            Some(Value::String(name)) => is_type(name),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is_type),
            _ => true,
        }
    }

    /// What a value must be, in words.
    fn expected(&self, node: &Value) -> String {
        let node = self.resolved(node);
        let names = self.names(node);
        if !names.is_empty() {
            let one_of = if names.len() > 1 { "one of " } else { "" };
            return format!("{one_of}`{}`", names.join("`, `"));
        }
        if let Some(all) = alternatives(node) {
            if all.iter().any(|one| one.get("format").is_some_and(|format| format == "gate")) {
                return "a share between 0 and 1, such as 0.9 or \"90%\", or a rule, such as \"kappa>=0.6\""
                    .into();
            }
            let is_share = all.iter().any(|one| one.get("pattern").is_some());
            if is_share {
                return "a share between 0 and 1, such as 0.9 or \"90%\"".into();
            }
            let all = all.iter().filter(|one| one.get("type") != Some(&"null".into()));
            return all.map(|one| self.expected(one)).collect::<Vec<_>>().join(" or ");
        }
        let name = match node.get("type") {
            Some(Value::Array(names)) => names.iter().find_map(Value::as_str),
            Some(name) => name.as_str(),
            None => None,
        };
        let least = node.get("minimum").and_then(Value::as_u64).filter(|least| *least > 0);
        if node.get("format").is_some_and(|format| format == "duration") {
            return "a time such as \"90s\" or \"5m\"".into();
        }
        let most = node.get("maximum").and_then(Value::as_u64);
        if let (Some("integer"), Some(least), Some(most)) =
            (name, least, most.filter(|most| *most < 1_000))
        {
            return format!("a whole number from {least} to {most}");
        }
        match (name, least) {
            (Some("string"), _) => "a text in quotes".into(),
            (Some("integer"), Some(least)) => format!("a whole number, {least} or more"),
            (Some("integer"), None) => "a whole number that is not too large".into(),
            (Some("number"), _) => "a number".into(),
            (Some("boolean"), _) => "true or false".into(),
            (Some("array"), _) => match node.get("items") {
                Some(items) if items.get("$ref").is_some() => "a list of tables".into(),
                _ => "a list of texts in quotes".into(),
            },
            _ => "a table".into(),
        }
    }

    /// The names that a value is one of.
    fn names<'n>(&'n self, node: &'n Value) -> Vec<&'n str> {
        let node = self.resolved(node);
        let words = node.get("enum").and_then(Value::as_array).into_iter().flatten();
        let all = alternatives(node).into_iter().flatten();
        let all = all.filter_map(|one| one.get("const"));
        all.chain(words).filter_map(Value::as_str).collect()
    }

    /// The schema that a reference names, or the one alternative that is not null.
    fn resolved<'n>(&'n self, node: &'n Value) -> &'n Value {
        let all = node.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let mut all = all.filter(|one| one.get("type") != Some(&"null".into()));
        if let (Some(inner), None) = (all.next(), all.next())
            && inner.get("$ref").is_some()
        {
            return self.resolved(inner);
        }
        let path = node.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        match path.and_then(|path| self.schema.pointer(path)) {
            Some(found) => self.resolved(found),
            None => node,
        }
    }

    /// An error with the file and the line of a key.
    fn wrong(&self, path: &str, message: impl Into<String>) -> Error {
        let line = self.lines.get(path).copied().unwrap_or(1);
        Error::new(ErrorKind::Config, message).within(format!("{}:{line}", self.file))
    }

    /// The error of a key that the schema does not have: with the near one, or all that there are. A key that looks
    /// like a secret gets the advice to keep it out of the file.
    fn unknown_key(&self, key: &str, path: &str, place: &str, known: &[&str]) -> Error {
        const SECRETS: [&str; 4] = ["key", "token", "secret", "password"];
        let table = if place.is_empty() { String::new() } else { format!(" in [{place}]") };
        let error = self.wrong(path, format!("unknown key `{key}`{table}"));
        let name = key.to_lowercase();
        if known.contains(&"key_variable") && SECRETS.iter().any(|word| name.ends_with(word)) {
            return error.hint(
                "keys of APIs stay out of this file: set OPENAI_API_KEY, or name your own variable with `key_variable`",
            );
        }
        match near(key, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("there are `{}`", known.join("`, `"))),
        }
    }
}

/// The alternatives of a schema, if it has any.
fn alternatives(node: &Value) -> Option<&Vec<Value>> {
    node.get("anyOf").or(node.get("oneOf")).and_then(Value::as_array)
}

/// A text with a pattern is a share such as `90%`; every other text is free.
fn is_share(node: &Value, text: &str) -> bool {
    node.get("pattern").is_none() || (text.trim_end().ends_with('%') && share(text).is_ok())
}

/// A text of the format `gate` is a rule on figures; every other text is free.
fn is_gate(node: &Value, text: &str) -> bool {
    let is_one = node.get("format").is_some_and(|format| format == "gate");
    !is_one || text.parse::<Gate>().is_ok()
}

/// A text of the format `duration` is one; every other text is free.
fn is_duration(node: &Value, text: &str) -> bool {
    let is_one = node.get("format").is_some_and(|format| format == "duration");
    !is_one || units::duration(text).is_ok()
}

/// Whether a whole number fits the type and the bounds.
fn fits(node: &Value, number: &serde_json::Number) -> bool {
    let most = match node.get("format").and_then(Value::as_str) {
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        _ => u64::MAX,
    };
    number.as_u64().is_some_and(|whole| whole <= most) && within(node, number.as_f64())
}

/// Whether a number lies within the bounds.
fn within(node: &Value, number: Option<f64>) -> bool {
    let bound = |name: &str| node.get(name).and_then(Value::as_f64);
    number.is_some_and(|number| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
    })
}

/// Whether a table is the form in which the TOML reader hands on dates.
fn is_date(value: &Value) -> bool {
    let table = value.as_object();
    table.is_some_and(|table| table.keys().any(|key| key.starts_with("$__toml_private")))
}

/// Whether a text can be the name of a variable, and does not look like a key.
fn is_variable(name: &str) -> bool {
    const LONG: usize = 20;
    let has = |is: fn(char) -> bool| name.contains(is);
    let is_mixed = has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_digit());
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (!is_mixed || name.len() < LONG)
}

/// What a value is, in words.
fn found(value: &Value) -> &'static str {
    match value {
        // TOML has no null: this is infinite, or no number at all.
        Value::Null => "infinite",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(number) if number.as_i64().is_some_and(|it| it < 0) => "a negative number",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) if is_date(value) => "a date",
        Value::Object(_) => "a table",
    }
}
