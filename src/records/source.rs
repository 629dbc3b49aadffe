//! Files, folders and patterns by name, in an order that is the same in every run.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::provenance::is_tribunal_output;
use crate::{
    error::{Error, ErrorKind, Result},
    files::Identity,
};

/// The place from which records are read.
///
/// It is displayed as `<stdin>` or as the path, as in errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// The file of this path; `-` is standard input.
    pub fn named(path: &Path) -> Self {
        match path.to_str() {
            Some("-") => Self::Stdin,
            _ => Self::File(path.to_owned()),
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

/// The files that names stand for, and those that were found and are not read.
#[derive(Debug, Default)]
pub struct Found {
    /// The sources to read, in order, each file once.
    pub sources: Vec<Source>,
    /// The files in a folder or pattern that are not read, each with the reason.
    pub skipped: Vec<(PathBuf, SkipReason)>,
}

/// The reason why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// Tribunal wrote it.
    Own,
    /// It is already read, under this or another name.
    Twice,
    /// It is a link to a file that does not exist.
    Broken,
    /// It is a link to a folder, inside of a folder that was named.
    LinkedFolder,
    /// The system does not permit reading it.
    Closed,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "written by Tribunal (a file that is named itself is read)",
            Self::Twice => "read already",
            Self::Broken => "a link to a file that is not there",
            Self::LinkedFolder => "a link to a folder (a folder that is named itself is read)",
            Self::Closed => "permission denied",
        })
    }
}

/// The sources that these names stand for, as people type them.
///
/// `-` is standard input, a folder stands for all files in it and below it, and `*`, `?`, `[…]` and `**`
/// match files even if no shell has expanded them. Hidden files in folders are skipped. Names keep the
/// order in which they were typed, the files of one name are sorted by path, and no file occurs twice.
///
/// ```
/// use tribunal::records::{Source, sources};
///
/// assert_eq!(sources(&["-"]).unwrap(), [Source::Stdin]);
/// assert!(sources(&["no such file"]).unwrap_err().to_string().contains("there is no file"));
/// ```
///
/// # Errors
/// A name stands for no file. In this case nothing is read.
pub fn sources<S: AsRef<str>>(names: &[S]) -> Result<Vec<Source>> {
    found(names, false).map(|found| found.sources)
}

/// Like [`sources`], but files in folders and patterns that Tribunal itself wrote are skipped.
///
/// # Errors
/// A name stands for no file, or only for files that Tribunal wrote.
pub fn find<S: AsRef<str>>(names: &[S]) -> Result<Found> {
    found(names, true)
}

/// The sources that these names stand for, each file once.
fn found<S: AsRef<str>>(names: &[S], skip_tribunal_output: bool) -> Result<Found> {
    let mut all = Found::default();
    let mut seen = HashSet::new();
    for name in names {
        match name.as_ref() {
            "-" if all.sources.contains(&Source::Stdin) => {
                return Err(config("standard input can be read once: name - once"));
            }
            "-" => all.sources.push(Source::Stdin),
            name => {
                let mut matched = Matched::of(name)?;
                if skip_tribunal_output {
                    matched.skip_tribunal_output(name)?;
                }
                matched.each_once(&mut seen);
                all.sources.extend(matched.files.into_iter().map(Source::File));
                all.skipped.extend(matched.skipped);
            }
        }
    }
    Ok(all)
}

/// The files that one name stands for.
#[derive(Default)]
struct Matched {
    /// The files to read.
    files: Vec<PathBuf>,
    skipped: Vec<(PathBuf, SkipReason)>,
    /// Whether the name is that of the file itself, and not of a folder or a pattern.
    is_named: bool,
}

impl Matched {
    /// The files that one name stands for.
    ///
    /// # Errors
    /// It stands for no file; the error tells why, and suggests a file with a similar name.
    fn of(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if path.is_dir() {
            return folder(path);
        }
        if path.exists() {
            return Ok(Self { files: vec![path.to_owned()], is_named: true, ..Self::default() });
        }
        if let Ok(target) = path.read_link() {
            let message =
                format!("`{name}` is a link to `{}`, which is not there", target.display());
            return Err(config(message).hint("repair the link, or name another file"));
        }
        if crate::files::is_address(name) {
            return Err(config(format!(
                "`{name}` is an address, and only files on this machine can be read"
            ))
            .hint("download it first, and name the file or pipe it in"));
        }
        if name.contains(['*', '?', '[']) {
            return pattern(name);
        }
        if let Err(cause) = path.metadata()
            && cause.kind() == std::io::ErrorKind::PermissionDenied
        {
            return Err(Error::new(ErrorKind::Io, format!("cannot read `{name}`")).because(cause));
        }
        let error = config(format!("there is no file `{name}`"));
        Err(match near_file(path) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(
                "name a file, a folder, a pattern such as 'drafts/*.md', or - for standard input",
            ),
        })
    }

    /// Adds a path in a folder or a pattern: a file is read, a broken link is skipped.
    fn meet(&mut self, path: PathBuf) {
        if path.is_file() {
            self.files.push(path);
        } else if path.is_symlink() && !path.exists() {
            self.skipped.push((path, SkipReason::Broken));
        }
    }

    /// Adds a folder that may not be read to the skipped files.
    fn closed(&mut self, error: &walkdir::Error) {
        let kind = error.io_error().map(std::io::Error::kind);
        if let (Some(path), Some(std::io::ErrorKind::PermissionDenied)) = (error.path(), kind) {
            self.skipped.push((path.to_owned(), SkipReason::Closed));
        }
    }

    /// Skips files that Tribunal wrote, unless the file itself was named.
    ///
    /// # Errors
    /// No other file is left.
    fn skip_tribunal_output(&mut self, name: &str) -> Result<()> {
        if self.is_named {
            return Ok(());
        }
        let (own, files) =
            std::mem::take(&mut self.files).into_iter().partition(|path| is_tribunal_output(path));
        let own: Vec<PathBuf> = own;
        self.files = files;
        if self.files.is_empty() && !own.is_empty() {
            return Err(config(format!("all files of `{name}` were written by Tribunal"))
                .hint("results are judged again when their file is named itself"));
        }
        self.skipped.extend(own.into_iter().map(|path| (path, SkipReason::Own)));
        Ok(())
    }

    /// Keeps each file once, under its shortest path and preferably not under a link.
    ///
    /// A link may lead back to a folder that contains it, so that one file has many paths.
    fn each_once(&mut self, seen: &mut HashSet<Identity>) {
        let mut shortest: HashMap<Identity, (bool, usize, usize)> = HashMap::new();
        for (n, path) in self.files.iter().enumerate() {
            let Some(identity) = Identity::of(path) else { continue };
            let length = (path.is_symlink(), path.components().count(), n);
            let known = shortest.entry(identity).or_insert(length);
            *known = length.min(*known);
        }
        for (n, path) in std::mem::take(&mut self.files).into_iter().enumerate() {
            let identity = Identity::of(&path);
            let is_shortest = identity
                .as_ref()
                .is_none_or(|one| shortest.get(one).is_none_or(|&(.., kept)| kept == n));
            if is_shortest && identity.is_none_or(|one| seen.insert(one)) {
                self.files.push(path);
            } else {
                self.skipped.push((path, SkipReason::Twice));
            }
        }
    }
}

/// An error in the name of an input.
fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Whether the name of a file begins with a dot.
fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.')
}

/// All files in a folder and below it, except for hidden ones. Links to folders are not followed.
///
/// # Errors
/// The folder cannot be read, or contains no files.
fn folder(path: &Path) -> Result<Matched> {
    let entries = WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    let mut found = Matched::default();
    for entry in entries {
        let entry = entry.map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot read the folder `{}`", path.display()))
                .because(cause)
        })?;
        if entry.path_is_symlink() && entry.path().is_dir() && entry.depth() > 0 {
            found.skipped.push((entry.into_path(), SkipReason::LinkedFolder));
        } else {
            found.meet(entry.into_path());
        }
    }
    if found.files.is_empty() {
        return Err(config(format!("the folder `{}` holds no files", path.display()))
            .hint("hidden files do not count; name them one by one"));
    }
    Ok(found)
}

/// The files that match a pattern.
///
/// # Errors
/// The pattern is malformed, or no file matches it.
fn pattern(name: &str) -> Result<Matched> {
    let malformed = |cause| {
        config(format!("the pattern `{name}` is malformed"))
            .because(cause)
            .hint("* and ? stand for any characters, [ab] for one of them, [[] for a bracket")
    };
    let mut found = Matched::default();
    if name.contains("**") {
        let wanted = glob::Pattern::new(name).map_err(malformed)?;
        below(name, &wanted, &mut found);
    } else {
        for path in glob::glob_with(name, OPTIONS).map_err(malformed)? {
            match path {
                Ok(path) => found.meet(path),
                Err(error) => found.skipped.push((error.path().to_owned(), SkipReason::Closed)),
            }
        }
    }
    if found.files.is_empty() {
        return Err(config(format!("no file matches `{name}`"))
            .hint("** matches folders of any depth, as in 'drafts/**/*.md'"));
    }
    Ok(found)
}

/// As in shells, a `*` does not match a slash, nor a dot at the beginning of a name.
const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Finds the files that match a pattern with `**`.
///
/// Links to folders are followed last, and only to folders that were not visited yet, so that a link to a
/// folder that contains it does not lead to an endless search.
fn below(name: &str, wanted: &glob::Pattern, found: &mut Matched) {
    let fixed = name.split('/').take_while(|part| !part.contains(['*', '?', '[']));
    let start: String = fixed.map(|part| format!("{part}/")).collect();
    let matched = |path: &Path| {
        let bare = if start.is_empty() { path.strip_prefix("./").unwrap_or(path) } else { path };
        wanted.matches_path_with(bare, OPTIONS).then(|| bare.to_owned())
    };
    let mut seen = HashSet::new();
    let mut roots = VecDeque::from([PathBuf::from(if start.is_empty() { "." } else { &start })]);
    while let Some(root) = roots.pop_front() {
        let mut is_new =
            |path: &Path| Identity::of_folder(path).is_some_and(|identity| seen.insert(identity));
        if !is_new(&root) {
            continue;
        }
        let is_wanted = |entry: &walkdir::DirEntry| {
            let shown = name.contains("/.") || !is_hidden(entry.file_name());
            let is_folder = entry.file_type().is_dir();
            entry.depth() == 0 || shown && (!is_folder || is_new(entry.path()))
        };
        for entry in WalkDir::new(&root).sort_by_file_name().into_iter().filter_entry(is_wanted) {
            match entry {
                Ok(entry)
                    if entry.depth() > 0 && entry.path_is_symlink() && entry.path().is_dir() =>
                {
                    roots.push_back(entry.into_path());
                }
                Ok(entry) => matched(entry.path()).into_iter().for_each(|path| found.meet(path)),
                Err(error) => found.closed(&error),
            }
        }
    }
    found.files.sort();
}

/// A file in the same folder with a similar name.
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
