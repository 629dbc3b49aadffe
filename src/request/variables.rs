//! The variables of chat templates that a request or the settings of a model may set.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};

/// Variables of a model's chat template, by name, such as `enable_thinking: false`.
pub type TemplateVariables = BTreeMap<String, serde_json::Value>;

/// The variables that are always given by the program: the turns, and the functions.
pub(crate) const GIVEN_VARIABLES: [&str; 7] = [
    "messages",
    "add_generation_prompt",
    "bos_token",
    "eos_token",
    "tools",
    "raise_exception",
    "strftime_now",
];

/// Refuses variables that are always given; the error has the kind `kind`.
///
/// # Errors
/// There is one.
pub(crate) fn check_variables(variables: &TemplateVariables, kind: ErrorKind) -> Result<()> {
    let Some(name) = GIVEN_VARIABLES.iter().find(|name| variables.contains_key(**name)) else {
        return Ok(());
    };
    let message = format!("the template variable `{name}` cannot be set: it is given");
    Err(Error::new(kind, message)
        .hint("set variables of the template's own, such as `enable_thinking`"))
}
