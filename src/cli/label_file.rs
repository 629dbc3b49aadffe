//! Records with labels, which are joined to results by their ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{console::FewErrors, note};
use tribunal::{
    error::{Error, ErrorKind, Result},
    item::Item,
    records::{self, ReadOptions, Source},
    report::escaped,
    units::counted,
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

/// The labelled records under the ids of results, where a table made numbers with decimals of them: `2.0` is `2` if each
/// is the only such number on its side, and neither is on both.
pub(super) fn joined<'i>(
    labelled: Vec<(String, Item)>,
    results: impl IntoIterator<Item = &'i str>,
) -> Vec<(String, Item)> {
    let results: BTreeSet<&str> = results.into_iter().collect();
    let own = labelled.iter().map(|(id, _)| id.as_str()).collect();
    let names = renamed(&own, &results);
    if let Some((own, result)) = names.first_key_value() {
        let (count, own, result) = (names.len(), escaped(own), escaped(result));
        let ids = counted(count, "id");
        note(&format!("joined {ids} of numbers that differ in `.0`: `{own}` as `{result}`"));
    }
    let name = |id: String| names.get(&id).cloned().unwrap_or(id);
    labelled.into_iter().map(|(id, item)| (name(id), item)).collect()
}

/// Ids of labels with the id of the result that they mean: both are the same whole number, such as `2.0` and `2`, and it is
/// the only id of that number on either side.
fn renamed(labelled: &BTreeSet<&str>, results: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let labels_of = by_number(labelled);
    let results_of = by_number(results);
    let pair = |(number, labels): (&&str, &Vec<&str>)| match (
        labels.as_slice(),
        results_of.get(number)?.as_slice(),
    ) {
        ([label], [result]) if label != result => Some(((*label).to_owned(), (*result).to_owned())),
        _ => None,
    };
    labels_of.iter().filter_map(pair).collect()
}

/// The ids that are whole numbers, by the number without its `.0`.
fn by_number<'i>(ids: &BTreeSet<&'i str>) -> BTreeMap<&'i str, Vec<&'i str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in ids {
        let (whole, rest) = id.split_once('.').unwrap_or((id, "0"));
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let are_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if are_digits(digits) && are_digits(rest) && rest.bytes().all(|byte| byte == b'0') {
            found.entry(whole).or_default().push(id);
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed_of(labels: &[&str], results: &[&str]) -> Vec<(String, String)> {
        renamed(&labels.iter().copied().collect(), &results.iter().copied().collect())
            .into_iter()
            .collect()
    }

    #[test]
    fn a_whole_number_with_decimals_is_the_number_without() {
        let pair = |one: &str, other: &str| vec![(one.to_owned(), other.to_owned())];
        assert_eq!(renamed_of(&["2.0"], &["1", "2"]), pair("2.0", "2"));
        assert_eq!(renamed_of(&["2"], &["2.00"]), pair("2", "2.00"));
        assert_eq!(renamed_of(&["-7.0"], &["-7"]), pair("-7.0", "-7"));
    }

    #[test]
    fn other_numbers_and_texts_are_other_ids() {
        for label in ["2.5", "2.", ".0", "2.0.0", "02.0", "v2.0", "2e0", "", "-.0", "2.0 "] {
            assert_eq!(renamed_of(&[label], &["2"]), [], "{label}");
        }
    }

    #[test]
    fn a_number_that_could_be_two_ids_is_neither() {
        assert_eq!(renamed_of(&["2.0"], &["2", "2.00"]), []);
        assert_eq!(renamed_of(&["2", "2.0"], &["2"]), []);
        assert_eq!(renamed_of(&["2"], &["2", "2.0"]), []);
    }
}
