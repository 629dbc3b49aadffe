//! Rendering a body, and the errors of the template engine in plain words.

use std::collections::BTreeMap;

use minijinja::Value;

use super::{
    Prompt,
    body::BODY,
    engine::{self, LARGEST, PromptBuffer},
    limits,
};
use crate::error::{Error, ErrorKind, Result};

impl Prompt {
    /// Renders the body with these values: the marked text so far, and the error that stopped it. A missing reply stops
    /// it too.
    ///
    /// # Errors
    /// The text grows beyond the limit, or the body is not a template.
    pub(super) fn render(
        &self,
        context: BTreeMap<String, Value>,
    ) -> Result<(String, Option<minijinja::Error>)> {
        let body =
            self.environment.get_template(BODY).map_err(|cause| self.template_error(&cause))?;
        let mut page = PromptBuffer::default();
        let failure = body.render_captured_to(Value::from(context), &mut page).err();
        if page.bytes.len() >= LARGEST {
            return Err(self.error(format!("the prompt is larger than {} MiB", LARGEST >> 20)));
        }
        // A write that hit the limit may have cut a character; everything else is UTF-8.
        let text = String::from_utf8(page.bytes)
            .unwrap_or_else(|cut| String::from_utf8_lossy(cut.as_bytes()).into_owned());
        Ok((text, failure))
    }

    /// An error of this prompt, with its name.
    pub(super) fn error(&self, message: String) -> Error {
        Error::new(ErrorKind::Prompt, message).within(&self.name)
    }

    /// An error of the template engine in plain words: file, line, expression, and the names that could be meant.
    pub(super) fn template_error(&self, cause: &minijinja::Error) -> Error {
        let own =
            std::error::Error::source(cause).and_then(|source| source.downcast_ref::<Error>());
        if let Some(own) = own {
            return own.clone().within(&self.name);
        }
        let place = match cause.line() {
            Some(line) => format!("{}:{}", self.name, line + self.lines_before),
            None => self.name.clone(),
        };
        if let Some(unknown) = engine::unknown_name(cause) {
            return unknown.within(place);
        }
        let detail = cause.detail().map_or_else(|| cause.kind().to_string(), ToOwned::to_owned);
        let expression =
            cause.range().and_then(|range| self.metered.get(range)).map(limits::as_written);
        let expression = expression.as_deref().map(str::trim);
        let error = |message: String| Error::new(ErrorKind::Prompt, message).within(&place);
        match (cause.kind(), expression) {
            (minijinja::ErrorKind::OutOfFuel, _) => error("the template runs too long".into()),
            (minijinja::ErrorKind::UndefinedError, Some(name)) => {
                self.in_scope(name, error(format!("`{name}` has no value")))
            }
            (minijinja::ErrorKind::UndefinedError, None) => {
                self.in_scope("", error(format!("a name has no value: {detail}")))
            }
            (minijinja::ErrorKind::SyntaxError, _) | (_, None) => error(detail),
            (_, Some(call)) if detail == NOT_A_FUNCTION => engine::uncallable(call).within(&place),
            (_, Some(expression)) => error(format!("`{expression}`: {detail}")),
        }
    }

    /// Adds a hint to an error about an undefined name: the near field, or all fields.
    fn in_scope(&self, name: &str, error: Error) -> Error {
        let names = || self.fields.iter().map(|field| field.name.as_str());
        match crate::error::near(name, names()) {
            Some(near) if near != name => error.hint(format!("did you mean `{near}`?")),
            _ if self.fields.is_empty() => error,
            _ => error.hint(format!("fields in scope: {}", names().collect::<Vec<_>>().join(", "))),
        }
    }
}

/// The message of the template engine for a call of something that is not a function.
const NOT_A_FUNCTION: &str = "object is not callable";
