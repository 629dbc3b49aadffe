//! What commands choose where nobody says it: the prompt that fits the first record.

use std::sync::Arc;

use super::{input::Records, note};
use crate::{
    backend::Backend,
    config::Resolved,
    error::Result,
    item::Item,
    judge,
    prompt::{self, Prompt},
};

/// The first record that can be read, without using it up.
pub(super) fn first_item(records: &mut Records) -> Option<Item> {
    let mut seen = Vec::new();
    let mut first = None;
    for record in records.by_ref() {
        first = record.item.as_ref().ok().cloned();
        seen.push(record);
        if first.is_some() {
            break;
        }
    }
    let rest = std::mem::replace(records, Box::new(std::iter::empty()));
    *records = Box::new(seen.into_iter().chain(rest));
    first
}

/// The prompt that was named, or the one that fits model, wishes and first record.
pub(super) fn prompt(
    resolved: &Resolved,
    backend: &dyn Backend,
    first: Option<&Item>,
    quiet: bool,
) -> Result<Arc<Prompt>> {
    if let Some(name) = &resolved.settings.prompt {
        return judge::load(name);
    }
    let mut names = backend.aliases();
    names.push(backend.name().to_owned());
    let Some(item) = first else { return judge::load("score") };
    let seen = resolved.fields()?.apply(item).unwrap_or_else(|_| item.clone());
    let prompt = prompt::default_for(&names, &seen, resolved.wish())?;
    if !quiet {
        let summary = prompt.front().summary.as_deref().unwrap_or_default();
        note(&format!(
            "no prompt named: `{}` fits the records ({summary}); -p takes another",
            prompt.name()
        ));
    }
    Ok(prompt)
}
