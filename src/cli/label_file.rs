//! Records with labels, which are joined to results by their ids.

use std::{fs, path::Path};

use super::console::FewErrors;
use tribunal::{
    error::{Error, ErrorKind, Result},
    item::Item,
    records::{self, ReadOptions, Source},
};

/// The labelled records of a file by their ids, as result lines name them, and how many could not be read.
///
/// # Errors
/// No record can be read.
pub(super) fn read(source: Source) -> Result<(Vec<(String, Item)>, usize)> {
    let (mut labelled, mut first) = (Vec::new(), None);
    let mut errors = FewErrors::default();
    for record in records::read(vec![source], ReadOptions::default()) {
        match record.item {
            Ok(item) => {
                labelled.push((Item::id(&item).unwrap_or_else(|| record.index.to_string()), item));
            }
            Err(error) if labelled.is_empty() && first.is_none() => first = Some(error),
            Err(error) => errors.print(&error),
        }
    }
    match first {
        Some(error) if labelled.is_empty() => return Err(error),
        Some(error) => errors.print(&error),
        None => (),
    }
    Ok((labelled, errors.ended("records with labels")))
}

/// Checks that the labels are not the results themselves: the verdicts of a judge always agree with themselves.
///
/// # Errors
/// The file of labels is one of results.
pub(super) fn check_apart<'p>(
    labels: Option<&Path>,
    results: impl IntoIterator<Item = &'p Path>,
) -> Result<()> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let own = labels.and_then(real);
    if own.is_none() || !results.into_iter().any(|path| real(path) == own) {
        return Ok(());
    }
    let message = "--labels names the results: a judge always agrees with its own verdicts";
    Err(Error::new(ErrorKind::Config, message)
        .hint("labels in the records of results need no --labels: name their field with --label"))
}
