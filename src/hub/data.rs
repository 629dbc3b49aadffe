//! Which files of a repository hold the records that are wanted: a file, a split, a folder, or all that fit a pattern.
//!
//! Splits are files by convention: `data/test-00000-of-00002.parquet` and its other part are the split `data/test`,
//! and so are numbered files in a folder, as in `default/test/0000.parquet`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use super::name::{is_part, missing_part};
use crate::error::{Error, ErrorKind, Result};

/// Endings of files that hold records.
const ENDINGS: [&str; 9] =
    ["jsonl", "ndjson", "jsonlines", "json", "csv", "tsv", "tab", "parquet", "pq"];

/// Endings of files that a program packed.
const PACKED: [&str; 3] = ["gz", "zst", "zstd"];

/// Files that describe a data set, and hold none of its records.
const ABOUT: [&str; 5] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "croissant.json",
];

/// What a revision is called in which the Hub keeps every data set as Parquet.
pub(super) const CONVERTED: &str = "refs/convert/parquet";

/// How many names an error lists.
const MOST_LISTED: usize = 20;

/// The number of a part, of all parts, and a checksum, at the end of a name without its ending.
static PART: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"-(\d{4,5})-of-(\d{4,5})(?:-[0-9a-f]+)?$").ok());

/// The parts of a split by its name: its path without the numbers of parts.
type Splits<'f> = BTreeMap<String, Vec<&'f str>>;

/// The files among those of a repository that hold the wanted records, in the order of their parts.
///
/// # Errors
/// [`ErrorKind::Config`]: there is no such file, or several splits fit, or a part of a split is missing.
pub(super) fn chosen(repo: &str, files: &[String], wanted: Option<&str>) -> Result<Vec<String>> {
    let splits = splits(files);
    let fail = |what: String| {
        let names: Vec<_> =
            splits.keys().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
        let more = match splits.len().saturating_sub(MOST_LISTED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let error = Error::new(ErrorKind::Config, format!("`{repo}` has {what}"));
        if names.is_empty() {
            error.hint(format!("the Hub may hold it as Parquet: hf:{repo}@{CONVERTED}"))
        } else {
            let one = format!("name one after a colon: {}{more}", names.join(", "));
            error.hint(format!(
                "{one}; a pattern such as `'*'` or a folder such as `data/` reads several"
            ))
        }
    };
    if let Some(wanted) = wanted {
        let named = together(files, wanted);
        if !named.is_empty() {
            return Ok(named);
        }
    }
    let found: Vec<&String> = match wanted {
        Some(wanted) => fitting(&splits, wanted),
        None => splits.keys().collect(),
    };
    let name = match (found.as_slice(), wanted) {
        ([name], _) => *name,
        ([], Some(wanted)) => return Err(fail(format!("no data file `{wanted}`"))),
        ([], None) => {
            return Err(fail("no data file: JSONL, JSON, CSV, TSV or Parquet".to_owned()));
        }
        (several, Some(wanted)) => {
            return Err(fail(format!("{} data files that fit `{wanted}`", several.len())));
        }
        (several, None) => return Err(fail(format!("{} data files", several.len()))),
    };
    let parts = splits.get(name).map(Vec::as_slice).unwrap_or_default();
    // A part may be there twice, with different checksums.
    let counted: BTreeSet<_> = parts.iter().map(|part| numbers(part)).collect();
    match missing_part(&Vec::from_iter(counted), 0) {
        Some(part) => Err(fail(format!("no part {part} of `{name}`"))),
        None => Ok(parts.iter().map(|part| (*part).to_owned()).collect()),
    }
}

/// Refuses Parquet before it is downloaded, where this program cannot read it.
///
/// # Errors
/// [`ErrorKind::Config`]: one of the files is Parquet, and the program was built without.
pub(super) fn check_readable(repo: &str, files: &[String], reads_parquet: bool) -> Result<()> {
    let is_parquet = |file: &&String| {
        let end = file.rsplit_once('.').map(|(_, end)| end.to_lowercase());
        matches!(end.as_deref(), Some("parquet" | "pq"))
    };
    match files.iter().find(is_parquet).filter(|_| !reads_parquet) {
        None => Ok(()),
        Some(file) => {
            let message =
                format!("`{file}` of `{repo}` is Parquet, and this program was built without it");
            Err(Error::new(ErrorKind::Config, message)
                .hint("build it again: cargo build --release --features parquet")
                .hint("or save the records as JSONL with another program, and name that file"))
        }
    }
}

/// Whether a file holds records, and may be kept in the cache.
fn is_data(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    stem(file).is_some() && !ABOUT.contains(&name) && file.split('/').all(is_part)
}

/// The data files that a path, a folder or a pattern names together.
fn together(files: &[String], wanted: &str) -> Vec<String> {
    let folder = wanted.strip_suffix('/').map(|_| wanted);
    let pattern = glob::Pattern::new(wanted).ok().filter(|_| wanted.contains(['*', '?']));
    let is_wanted = |file: &str| {
        file == wanted
            || folder.is_some_and(|folder| file.starts_with(folder))
            || pattern.as_ref().is_some_and(|pattern| pattern.matches(file))
    };
    let mut found: Vec<String> =
        files.iter().filter(|file| is_data(file) && is_wanted(file)).cloned().collect();
    found.sort_unstable();
    found
}

/// The data files by split. A file without parts is a split of its own, under its whole name. Files that describe the
/// data set are left out, and so are paths that no cache may follow.
fn splits(files: &[String]) -> Splits<'_> {
    let mut splits = Splits::new();
    for file in files.iter().filter(|file| is_data(file)) {
        splits.entry(split_of(file)).or_default().push(file);
    }
    splits.values_mut().for_each(|parts| parts.sort_unstable());
    splits
}

/// The path without the ending of its format; `None` for a file of another format.
fn stem(file: &str) -> Option<&str> {
    let is_packed = |(_, end): &(&str, &str)| PACKED.contains(&end.to_lowercase().as_str());
    let bare = file.rsplit_once('.').filter(is_packed).map_or(file, |(bare, _)| bare);
    let (stem, end) = bare.rsplit_once('.')?;
    ENDINGS.contains(&end.to_lowercase().as_str()).then_some(stem)
}

/// The split that a data file is a part of.
fn split_of(file: &str) -> String {
    let stem = stem(file).unwrap_or(file);
    if let Some(part) = PART.as_ref().and_then(|part| part.find(stem)) {
        return stem[..part.start()].to_owned();
    }
    match stem.rsplit_once('/') {
        Some((folder, name)) if name.bytes().all(|byte| byte.is_ascii_digit()) => folder.to_owned(),
        _ => file.to_owned(),
    }
}

/// The splits that a text names: by path, by path without an ending, or by the last part of either.
fn fitting<'s>(splits: &'s Splits<'_>, wanted: &str) -> Vec<&'s String> {
    let bare = |name: &'s str| stem(name).unwrap_or(name);
    let last = |name: &'s str| name.rsplit('/').next().unwrap_or(name);
    let by = |is: &dyn Fn(&'s str) -> bool| -> Vec<&'s String> {
        splits.keys().filter(|name| is(name)).collect()
    };
    [
        by(&|name| name == wanted || bare(name) == wanted),
        by(&|name| last(name) == wanted),
        by(&|name| last(bare(name)) == wanted),
    ]
    .into_iter()
    .find(|found| !found.is_empty())
    .unwrap_or_default()
}

/// The number of a part, counted from 0, and that of all parts, where a name ends with them.
fn numbers(file: &str) -> Option<(usize, usize)> {
    let found = PART.as_ref()?.captures(stem(file)?)?;
    Some((found[1].parse().ok()?, found[2].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str], wanted: Option<&str>) -> Result<Vec<String>> {
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        chosen("a/b", &files, wanted)
    }

    const FILES: [&str; 7] = [
        "README.md",
        "dataset_infos.json",
        "data/filtered-00001-of-00002-0a1b.parquet",
        "data/filtered-00000-of-00002-9f8e.parquet",
        "data/raw-00000-of-00001.parquet",
        "more/gsm8k.json",
        "more/math.json",
    ];

    #[test]
    fn the_only_split_needs_no_name() {
        assert_eq!(of(&["x.csv.gz", "card.json.txt"], None).unwrap(), ["x.csv.gz"]);
        assert_eq!(of(&FILES[..4], None).unwrap(), [FILES[3], FILES[2]]);
        let converted = ["default/test/0001.parquet", "default/test/0000.parquet"];
        assert_eq!(of(&converted, None).unwrap(), [converted[1], converted[0]]);
    }

    #[test]
    fn a_split_a_file_a_folder_or_a_pattern_can_be_named() {
        for (wanted, files) in [
            ("filtered", &[FILES[3], FILES[2]][..]),
            ("data/filtered", &[FILES[3], FILES[2]]),
            ("raw", &[FILES[4]]),
            ("data/filtered-00000-of-00002-9f8e.parquet", &[FILES[3]]),
            ("gsm8k", &[FILES[5]]),
            ("gsm8k.json", &[FILES[5]]),
            ("more/math.json", &[FILES[6]]),
            ("more/", &[FILES[5], FILES[6]]),
            ("more/*.json", &[FILES[5], FILES[6]]),
        ] {
            assert_eq!(of(&FILES, Some(wanted)).unwrap(), files, "{wanted}");
        }
    }

    #[test]
    fn parquet_is_refused_by_a_program_without_it() {
        let names =
            |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>();
        let mixed = names(&["a.jsonl", "data/test-00000-of-00001.PARQUET"]);
        assert!(check_readable("a/b", &mixed, true).is_ok());
        assert!(check_readable("a/b", &mixed[..1], false).is_ok());
        let error = check_readable("a/b", &mixed, false).unwrap_err();
        assert!(
            error.to_string().contains("`data/test-00000-of-00001.PARQUET` of `a/b` is Parquet")
        );
        assert!(error.hints()[0].to_string().contains("cargo build --release --features parquet"));
    }

    #[test]
    fn what_is_missing_or_unclear_is_said_with_what_there_is() {
        for (files, wanted, what, hint) in [
            (&FILES[..], None, "4 data files", "`data/filtered`, `data/raw`, `more/gsm8k.json`"),
            (&FILES, Some("test"), "no data file `test`", "`data/raw`"),
            (
                &["en/test.csv", "de/test.csv"],
                Some("test"),
                "2 data files that fit",
                "`de/test.csv`",
            ),
            (&FILES[2..3], None, "no part 0 of `data/filtered`", "`data/filtered`"),
            (&["load.py"], None, "no data file", "hf:a/b@refs/convert/parquet"),
            (&["../x.csv", "/etc/x.csv"], None, "no data file", "hf:a/b@"),
        ] {
            let error = of(files, wanted).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.hints()[0].to_string().contains(hint), "{}", error.hints()[0]);
        }
    }
}
