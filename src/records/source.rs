//! Files, folders and patterns by name, in an order that does not change.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::error::{Error, ErrorKind, Result};

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// A list of JSON objects, or objects one behind the other.
    Json,
    /// A table with a header, comma-separated unless its header says otherwise.
    Csv,
    /// A table with a header and tabs.
    Tsv,
    /// A table in columns.
    Parquet,
    /// The whole file is one record: its text is the answer, its path the id.
    Text,
}

impl Format {
    /// The format that a file's name says, `.gz` and `.zst` left out; [`Format::Text`] for any other.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name =
            [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("jsonl" | "ndjson" | "jsonlines") => Self::Jsonl,
            Some("json") => Self::Json,
            Some("csv") => Self::Csv,
            Some("tsv" | "tab") => Self::Tsv,
            Some("parquet" | "pq") => Self::Parquet,
            _ => Self::Text,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("<stdin>"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The sources behind names as people type them: `-` is standard input, a folder stands for the files
/// in it and below it, and `*`, `?`, `[…]` and `**` stand for what they match. Hidden files are left out
/// of folders; files come in the order of their paths, and names in the order in which they were typed.
///
/// # Errors
/// A name stands for no file. Nothing has been read then.
pub fn sources<S: AsRef<str>>(names: &[S]) -> Result<Vec<Source>> {
    let mut all = Vec::new();
    for name in names {
        match name.as_ref() {
            "-" if all.contains(&Source::Stdin) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "standard input can be read once: name - once",
                ));
            }
            "-" => all.push(Source::Stdin),
            name => all.extend(files(name)?.into_iter().map(Source::File)),
        }
    }
    Ok(all)
}

fn files(name: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(name);
    if path.is_dir() {
        return folder(path);
    }
    if path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    if name.contains(['*', '?', '[']) {
        return pattern(name);
    }
    let error = Error::new(ErrorKind::Config, format!("there is no file `{name}`"));
    Err(match near_file(path) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(
            "name a file, a folder, a pattern such as 'drafts/*.md', or - for standard input",
        ),
    })
}

fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let entries = WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name()));
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot read the folder `{}`", path.display()))
                .because(cause)
        })?;
        if entry.path().is_file() {
            found.push(entry.into_path());
        }
    }
    if found.is_empty() {
        let message = format!("the folder `{}` holds no files", path.display());
        return Err(Error::new(ErrorKind::Config, message)
            .hint("hidden files do not count; name them one by one"));
    }
    Ok(found)
}

fn pattern(name: &str) -> Result<Vec<PathBuf>> {
    let malformed = |cause| {
        Error::new(ErrorKind::Config, format!("the pattern `{name}` is malformed"))
            .because(cause)
            .hint("* and ? stand for any characters, [ab] for one of them, [[] for a bracket")
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let matches = glob::glob_with(name, options).map_err(malformed)?;
    // What may not be looked into holds nothing for us.
    let found: Vec<PathBuf> =
        matches.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Config, format!("no file matches `{name}`"))
            .hint("** matches folders of any depth, as in 'drafts/**/*.md'"));
    }
    Ok(found)
}

/// The file beside it whose name is alike.
fn near_file(path: &Path) -> Option<String> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    let typed = path.file_name()?.to_string_lossy();
    let near = crate::error::near(&typed, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_format_and_anything_else_is_text() {
        let of = |name: &str| Format::of(Path::new(name));
        assert_eq!(of("a/b.JSONL"), Format::Jsonl);
        assert_eq!(of("b.csv.gz"), Format::Csv);
        assert_eq!(of("b.json.zst"), Format::Json);
        assert_eq!(of("draft.md"), Format::Text);
        assert_eq!(of("csv"), Format::Text);
    }

    #[test]
    fn folders_and_patterns_are_files_in_the_order_of_their_paths() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.md", "a.md", "sub/c.md", ".hidden.md", ".git/x.md", "odd[1].md"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let root = folder.path().display().to_string();
        let names = |pattern: &str| -> Vec<String> {
            let found = sources(&[format!("{root}{pattern}")]).unwrap();
            found.iter().map(|source| source.to_string()[root.len() + 1..].to_owned()).collect()
        };
        assert_eq!(names(""), ["a.md", "b.md", "odd[1].md", "sub/c.md"]);
        assert_eq!(names("/*.md"), ["a.md", "b.md", "odd[1].md"]);
        assert_eq!(names("/**/c.md"), ["sub/c.md"]);
        assert_eq!(names("/odd[1].md"), ["odd[1].md"]);
    }

    #[test]
    fn a_name_without_a_file_is_an_error_with_the_near_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("answers.jsonl"), "").unwrap();
        std::fs::create_dir(path("empty")).unwrap();
        let refused = |name: &str| format!("{:?}", sources(&[path(name)]).unwrap_err());
        assert!(refused("answer.jsonl").contains("answers.jsonl`?"));
        assert!(refused("*.csv").contains("no file matches"));
        assert!(refused("empty").contains("holds no files"));
        assert!(sources(&["-", "-"]).is_err());
    }
}
