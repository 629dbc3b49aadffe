//! From the line that names a program to its file, and to its name in cache keys.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result},
};

/// Files up to this size count in the identity by their content, larger ones by their size and time of change.
const HASHED: u64 = 256 << 20;

/// The line with its files at their new places: `place` returns that of a word, or `None` where it stays. A program
/// without a slash is one of `PATH`, and stays.
pub(crate) fn with_files(line: &str, place: impl Fn(&Path) -> Option<PathBuf>) -> Option<String> {
    let words = shlex::split(line)?.into_iter().enumerate().map(|(n, word)| {
        let is_name = n == 0 && !word.contains(['/', '\\']);
        let moved = place(Path::new(&word)).filter(|_| !is_name);
        moved.map_or(word, |path| path.display().to_string())
    });
    let words: Vec<String> = words.collect();
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

/// The words of a line, as a shell splits it; nothing is expanded.
///
/// # Errors
/// It has no word, or a quotation mark is not closed.
pub(super) fn words(line: &str) -> Result<Vec<String>> {
    let malformed = |what: &str| {
        Error::new(ErrorKind::Config, format!("`command:{line}` {what}"))
            .hint("write the program and its arguments: command:./judge.py --strict 'two words'")
    };
    match shlex::split(line) {
        Some(words) if words.is_empty() => Err(malformed("names no program")),
        Some(words) => Ok(words),
        None => Err(malformed("has a quotation mark that is not closed")),
    }
}

/// The file of a program: a path as it stands, or a name in one of the folders of `PATH`.
///
/// # Errors
/// There is no such program.
pub(super) fn located(typed: &str, environment: &Environment) -> Result<PathBuf> {
    let folders = environment.variable("PATH").unwrap_or_default();
    let is_path = Path::new(typed).components().count() > 1;
    let places: Vec<PathBuf> = if is_path {
        vec![typed.into()]
    } else {
        let folders = env::split_paths(OsStr::new(&folders));
        // An empty entry would mean the working directory.
        folders.filter(|it| it.is_absolute()).map(|folder| folder.join(typed)).collect()
    };
    let ending = Some(env::consts::EXE_EXTENSION).filter(|ending| !ending.is_empty());
    let found = places.into_iter().find_map(|path| {
        let with_ending = ending.map(|ending| path.with_extension(ending));
        std::iter::once(path).chain(with_ending).find(|path| is_program(path))
    });
    let absolute = found.and_then(|path| std::path::absolute(path).ok());
    absolute.ok_or_else(|| {
        let error = Error::new(ErrorKind::Config, format!("there is no program `{typed}`"));
        if is_path && Path::new(typed).is_file() {
            return error
                .hint(format!("`{typed}` is a file that may not be run: chmod +x {typed}"));
        }
        if !is_path && is_program(Path::new(typed)) {
            return error.hint(format!("for the file in this folder write ./{typed}"));
        }
        error.hint("name a program of PATH, or the path of a file that can be run")
    })
}

/// Whether a file can be run.
fn is_program(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    found.is_file() && may_run
}

/// The name of a program in cache keys: its path, its arguments, and the contents of those of them that are files.
///
/// # Errors
/// A file cannot be read.
pub(super) fn identity(program: &Path, arguments: &[String]) -> Result<String> {
    let mut content = blake3::Hasher::new();
    let files = arguments.iter().map(Path::new).filter(|path| path.is_file());
    for path in std::iter::once(program).chain(files) {
        let cannot = |cause| {
            Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display())).because(cause)
        };
        let found = fs::metadata(path).map_err(cannot)?;
        content.update(&found.len().to_le_bytes());
        if found.len() <= HASHED {
            // A program that may be run and not read counts by its size and time.
            match fs::File::open(path) {
                Ok(file) => drop(content.update_reader(file).map_err(cannot)?),
                Err(_) => drop(content.update(&changed(&found))),
            }
        } else {
            content.update(&changed(&found));
        }
    }
    let (digest, arguments) = (content.finalize().to_hex(), serde_json::json!(arguments));
    Ok(format!("command|v1|{}|{arguments}|{}", program.display(), &digest[..16]))
}

/// The time when a file was changed, for keys; empty where the system has none.
fn changed(found: &fs::Metadata) -> Vec<u8> {
    let since = found.modified().ok().and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or_else(Vec::new, |since| since.as_nanos().to_le_bytes().to_vec())
}
