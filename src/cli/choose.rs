//! The prompt where none is named: the one that fits the model and the first record.
//!
//! A record with `steps` gets a prompt that finds the first wrong step, one with two answers a comparison, one with
//! `rubric` a rubric, and so on: the library decides, see `prompt::default_for`. The choice is printed, with the flag
//! that makes another one.

use std::sync::Arc;

use super::{input::Records, note};
use tribunal::{
    backend::Backend,
    config::Resolved,
    error::Result,
    item::{FieldMap, Item},
    judge,
    prompt::Prompt,
};

/// Number of records that may lack a mapped field before it counts as missing from all.
const LOOKED_AT: usize = 20;

/// The first record that can be read and has the mapped fields, or else the first that can be read; it stays among
/// the records.
pub(super) fn first_item(records: &mut Records, map: &FieldMap) -> Option<Item> {
    let mut seen = Vec::new();
    let mut first: Option<Item> = None;
    for record in records.by_ref() {
        let item = record.item.as_ref().ok().cloned();
        seen.push(record);
        let Some(item) = item else { continue };
        if map.apply(&item).is_ok() {
            first = Some(item);
            break;
        }
        first.get_or_insert(item);
        if seen.len() >= LOOKED_AT {
            break;
        }
    }
    let rest = std::mem::replace(records, Box::new(std::iter::empty()));
    *records = Box::new(seen.into_iter().chain(rest));
    first
}

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
