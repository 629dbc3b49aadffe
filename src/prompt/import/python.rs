//! Templates of Python's `str.format`.
//!
//! A template says what is sent, but not what the answer means: kind, scale and rule come from the options.

use serde_json::Value;

use super::{Import, ImportOptions, draft::Draft, template};
use crate::{
    error::{Error, ErrorKind, Result},
    prompt::front::KINDS,
};

/// The prompt file of a template.
///
/// # Errors
/// Its braces do not match, it has no field, or the options do not say how its verdict is read.
pub(super) fn import(name: &str, text: &str, options: &ImportOptions) -> Result<Import> {
    let wrong = |message: String| Error::new(ErrorKind::Prompt, message).within(name);
    let template = template::of_python(text).map_err(wrong)?;
    if template.fields.is_empty() && template.lost.is_empty() {
        let hint = if text.contains("{{") {
            "write fields with single braces, as `str.format` does; a file with `{{ … }}` may already be a Jinja body"
        } else {
            "write fields with single braces: {question}, {answer}"
        };
        return Err(wrong("the template has no fields".into()).hint(hint));
    }
    let asked = options.kind.as_deref().unwrap_or("score");
    let kind = KINDS.into_iter().find(|kind| *kind == asked);
    let kind =
        kind.ok_or_else(|| crate::error::unknown(ErrorKind::Config, "kind", asked, KINDS))?;
    let mut draft = Draft {
        name: name.to_owned(),
        summary: format!("Imported from the Python template {name}"),
        source: "a Python template".into(),
        kind,
        ..Draft::default()
    };
    draft.template = template;
    if let Some(scale) = &options.scale {
        draft.key("scale", of_yaml(scale));
    }
    match &options.verdict {
        Some(rule) => {
            draft.key("verdict", of_yaml(rule));
        }
        None if matches!(kind, "critique" | "revision") => (),
        None => {
            return Err(wrong("the template does not say how its verdict is read".into())
                .hint("name the line that it asks for, such as: --kind score --scale 1-5 --verdict 'Score: *'"));
        }
    }
    Ok(Import { prompts: vec![draft.finish()], left_out: Vec::new() })
}

/// A setting that may be a text or YAML.
fn of_yaml(text: &str) -> Value {
    let parsed: Option<Value> = serde_saphyr::from_str(text).ok();
    let list = parsed.filter(|value| value.is_array() || value.is_object());
    // `Score: *` is a text here, not an object.
    list.filter(|_| text.trim_start().starts_with(['{', '['])).unwrap_or_else(|| text.into())
}
