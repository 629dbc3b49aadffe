//! The prompt of a run where the user names none: it fits the model and the first record.
//!
//! A record with `steps` gets a prompt that finds the first wrong step, one with two answers a comparison, one with
//! `rubric` a rubric, and so on: the library decides, see `prompt::default_for`. The choice is printed, with the flag
//! that sets another prompt.

use std::sync::Arc;

use super::note;
use tribunal::{
    backend::Backend, config::Resolved, error::Result, item::Item, judge, prompt::Prompt,
};

/// The prompt that was named, or the one that fits the model, the criteria and the first record.
///
/// # Errors
/// The prompt cannot be read, or no built-in prompt fits the record.
pub(super) fn prompt(
    resolved: &Resolved,
    backend: &dyn Backend,
    first: Option<&Item>,
    quiet: bool,
) -> Result<Arc<Prompt>> {
    if let Some(prompt) = resolved.prompt() {
        return Ok(prompt.clone());
    }
    let map = resolved.fields();
    let seen = first.map(|item| map.apply(item)).transpose()?;
    let prompt = judge::prompt_for(backend, seen.as_ref(), resolved.supplied())?;
    if first.is_none() {
        return Ok(prompt);
    }
    if !quiet {
        let summary = prompt.front().summary.as_deref().unwrap_or_default();
        note(&format!(
            "no prompt named: using `{}`, which fits the first record ({summary}); -p names another",
            prompt.name()
        ));
    }
    Ok(prompt)
}

/// The names of a model that prompts are chosen by.
pub(super) fn names(backend: &dyn Backend) -> Vec<String> {
    let mut names = backend.aliases();
    names.push(backend.name().to_owned());
    names
}
