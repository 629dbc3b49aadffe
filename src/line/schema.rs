//! JSON schemas of lines, generated from the types that write them.
//!
//! The schema describes what is *written*: optional fields are left out rather than null, and exactly one of a verdict,
//! `unreadable` and `error` is there. Reading accepts more.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform, transform_subschemas},
};
use serde_json::{Value, json};

/// The schema (JSON Schema, draft 2020-12) of what this type writes.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings =
        settings.with_transform(OptionalNotNull).with_transform(RecursiveTransform(flow));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Removes null from the types of optional fields: they are left out, and never written as null.
#[derive(Clone, Debug)]
struct OptionalNotNull;

impl Transform for OptionalNotNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        let required = object.get("required").cloned().unwrap_or_default();
        let is_required =
            |name: &str| required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let properties = object.get_mut("properties").and_then(Value::as_object_mut);
        for (name, property) in properties.into_iter().flatten() {
            if !is_required(name) {
                without_null(property);
            }
        }
    }
}

/// Joins the lines of a description, whose line breaks are those of the source; blocks of code keep theirs.
fn flow(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description")
        && !text.contains("```")
    {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// Removes null from the types that a field may have.
fn without_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.retain(|kind| *kind != json!({"type": "null"}));
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            let only = only.as_object().cloned().unwrap_or_default();
            schema.extend(only.into_iter().filter(|(key, _)| key != "description"));
        }
    }
}

/// Requires exactly one of a verdict, `unreadable` and `error`.
pub(super) fn one_of_three(schema: &mut Schema) {
    schema.insert(
        "oneOf".into(),
        json!([
            {"required": ["kind", "verdict"]},
            {"required": ["unreadable"]},
            {"required": ["error"]},
        ]),
    );
}
