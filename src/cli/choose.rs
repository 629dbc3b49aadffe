//! What commands choose where nobody says it: the prompt that fits the first record.

use std::sync::Arc;

use super::{input::Records, note};
use crate::{
    backend::Backend,
    config::Resolved,
    error::Result,
    item::{FieldMap, Item},
    judge,
    prompt::{self, Prompt},
};

/// How many records may lack a mapped field before it counts as missing from all.
const LOOKED_AT: usize = 20;

/// The first record that can be read and has the fields that are mapped, without using it up.
///
/// # Errors
/// None of the first records has a field that is mapped: the name is wrong.
pub(super) fn first_item(records: &mut Records, map: &FieldMap) -> Result<Option<Item>> {
    let mut seen = Vec::new();
    let mut lacks = None;
    let mut first = None;
    for record in records.by_ref() {
        match record.item.as_ref().map(|item| map.apply(item).map(|_| item.clone())) {
            Ok(Ok(item)) => first = Some(item),
            Ok(Err(error)) => drop(lacks.get_or_insert(error.within(&record.place))),
            Err(_) => (),
        }
        seen.push(record);
        if first.is_some() || (lacks.is_some() && seen.len() >= LOOKED_AT) {
            break;
        }
    }
    let rest = std::mem::replace(records, Box::new(std::iter::empty()));
    *records = Box::new(seen.into_iter().chain(rest));
    match (first, lacks) {
        (None, Some(error)) => Err(error),
        (first, _) => Ok(first),
    }
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
    let seen = resolved.fields()?.apply(item)?;
    let prompt = prompt::default_for(&names, &seen, resolved.wish())?;
    if !quiet {
        let summary = prompt.front().summary.as_deref().unwrap_or_default();
        note(&format!(
            "no prompt named: `{}` fits the records, by the first of them ({summary}); -p names another",
            prompt.name()
        ));
    }
    Ok(prompt)
}
