//! The body of a prompt file: compiled within limits, and completed where it asks for nothing.

use std::sync::LazyLock;

use super::{Prompt, limits, taint};
use crate::{
    error::{Error, ErrorKind, Result},
    request::Role,
};

/// The name of the body in the template engine.
pub(super) const BODY: &str = "body";

impl Prompt {
    /// Compiles a body: refuses what prompts must not do, meters it, and collects the names that it uses.
    pub(super) fn set_body(&mut self, body: &str) -> Result<()> {
        static FORBIDDEN: LazyLock<regex::Regex> = LazyLock::new(|| {
            #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
            regex::Regex::new(r"\{%[-+]?\s*(autoescape|include|import|from|extends)\b").unwrap()
        });
        if let Some(found) = FORBIDDEN.captures(body).and_then(|found| found.get(1)) {
            let line = self.lines_before + body[..found.start()].matches('\n').count() + 1;
            return Err(Error::new(
                ErrorKind::Prompt,
                format!("{}:{line}: `{}` cannot be used in prompts", self.name, found.as_str()),
            )
            .hint("a prompt is one file, and nothing in it is escaped"));
        }
        body.clone_into(&mut self.body);
        self.metered = limits::metered(body).map_err(|exceeded| {
            let place = format!("{}:{}", self.name, exceeded.line + self.lines_before);
            Error::new(ErrorKind::Prompt, exceeded.message).within(place)
        })?;
        let added = self.environment.add_template_owned(BODY, self.metered.clone());
        added.map_err(|cause| self.template_error(&cause))?;
        let template = self.environment.get_template(BODY);
        let names = template.map(|template| template.undeclared_variables(false));
        self.variables = names.map_err(|cause| self.template_error(&cause))?.into_iter().collect();
        Ok(())
    }
}

/// A body that asks for nothing, with a `gen("critique")` in an assistant turn at its end.
pub(super) fn with_ending(body: &str, further: &[String]) -> String {
    let body = body.trim_end_matches(['\n', '\r']);
    let roles = taint::conversation(body, further);
    let has_roles = !roles.stray.is_empty()
        || roles.messages.len() > 1
        || body.trim_start().starts_with("user:");
    let opened = roles.messages.last().is_some_and(|m| m.role == Role::Assistant);
    match (opened, has_roles) {
        (true, _) => format!("{body}\n{{{{ gen(\"critique\") }}}}"),
        (false, true) => format!("{body}\nassistant:\n{{{{ gen(\"critique\") }}}}"),
        (false, false) => format!("user:\n{body}\nassistant:\n{{{{ gen(\"critique\") }}}}"),
    }
}
