//! Reading and writing files safely: texts up to a size limit, and the identity of a file under any name.
//!
//! Before a run, [`Plan`] checks everything that it will read and write. A run must never write to a file
//! that it reads, whatever name or link leads to it, and an output that cannot be written must be found
//! before anything is paid for.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::error::{Error, ErrorKind, Result};

/// The largest file that is read as a whole, in bytes (4 MiB): a prompt, a rubric, a configuration.
pub const LARGEST_TEXT: u64 = 4 << 20;

/// Reads a regular file of at most [`LARGEST_TEXT`] bytes as text, without its byte order mark.
///
/// A device or a pipe is not opened: it may never end.
///
/// # Errors
/// It is not a regular file, is too large, cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    regular(path)?.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_TEXT {
        let most = LARGEST_TEXT >> 20;
        return Err(io::Error::other(format!("it is larger than {most} MiB")));
    }
    let mut text = String::from_utf8(bytes).map_err(|cause| {
        let at = cause.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 at byte {at}"))
    })?;
    if text.starts_with('\u{FEFF}') {
        text.remove(0);
    }
    Ok(text)
}

/// Whether a text from elsewhere may be a part of a path: letters, digits, `-`, `_`, `.` and these `others`.
///
/// It does not begin with a point: `..` could leave the folder that the path belongs to.
#[cfg(any(feature = "hub", feature = "llama"))]
pub(crate) fn is_word(text: &str, others: &[char]) -> bool {
    let is_known =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || others.contains(&c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(is_known)
}

/// Opens a regular file, which has an end.
///
/// # Errors
/// It is a folder, a device or a pipe, or cannot be opened.
pub fn regular(path: &Path) -> io::Result<File> {
    // Checked before it is opened, because opening a pipe would wait for a writer.
    check_regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    check_regular(&file.metadata()?)?;
    Ok(file)
}

/// Rejects folders, devices and pipes.
///
/// # Errors
/// The file is one of these; the message names its kind.
fn check_regular(meta: &fs::Metadata) -> io::Result<()> {
    match (meta.is_dir(), meta.is_file()) {
        (true, _) => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        (_, false) => Err(io::Error::other("it is a device or a pipe, not a regular file")),
        _ => Ok(()),
    }
}

/// Which file a path leads to. Two paths with equal identities are one file; links are followed.
///
/// ```
/// use tribunal::files::Identity;
///
/// let one = Identity::of("results.jsonl".as_ref());
/// assert_eq!(one, Identity::of("./results.jsonl".as_ref()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The device and the inode of an existing file.
    Inode(u64, u64),
    /// The absolute path, if the system has no inodes or there is no file yet.
    Path(PathBuf),
}

impl Identity {
    /// The identity of the file at `path`, or of the file that writing to `path` would create.
    ///
    /// `None` for a folder, a device or a pipe.
    pub fn of(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(meta) => Self::of_meta(&meta, path),
            Err(_) => Some(Self::Path(place(path, 0)?)),
        }
    }

    /// The identity of a folder; `None` if there is no folder at `path`.
    pub fn of_folder(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
        Self::numbers(&meta).or_else(|| path.canonicalize().ok().map(Self::Path))
    }

    /// The identity of a regular file; `None` for anything else.
    fn of_meta(meta: &fs::Metadata, path: &Path) -> Option<Self> {
        if !meta.is_file() {
            return None;
        }
        Self::numbers(meta).or_else(|| path.canonicalize().ok().map(Self::Path))
    }

    /// The device and the inode of a file.
    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "other systems have no inodes")]
    fn numbers(meta: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self::Inode(meta.dev(), meta.ino()))
    }

    /// This system has no inodes.
    #[cfg(not(unix))]
    fn numbers(_: &fs::Metadata) -> Option<Self> {
        None
    }

    /// The file that standard input or output is redirected from or to; `None` if it is not a file.
    #[cfg(unix)]
    pub fn of_stream(stream: &impl std::os::fd::AsFd) -> Option<Self> {
        let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        let meta = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Self::numbers(&meta)
    }

    /// The file that a standard stream is redirected to, which is not known on this system.
    #[cfg(not(unix))]
    pub fn of_stream<T>(_: &T) -> Option<Self> {
        None
    }
}

/// Where writing to `path` would create a file: in the real folder, after following links without a
/// target.
fn place(path: &Path, links: usize) -> Option<PathBuf> {
    const MOST_LINKS: usize = 16;
    let folder = folder_of(path);
    match fs::read_link(path) {
        Ok(target) if links < MOST_LINKS => place(&folder.join(target), links + 1),
        Ok(_) => None,
        Err(_) => {
            let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
            Some(folder.join(path.file_name()?))
        }
    }
}

/// The folder that contains a file; `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The files that a command reads and writes. No file may be both read and written, or written twice.
///
/// ```
/// use tribunal::files::Plan;
///
/// let plan = Plan::default().reads("an input", "a.jsonl".as_ref()).writes("-o", "./a.jsonl".as_ref());
/// assert!(plan.check().unwrap_err().to_string().contains("which is an input"));
/// ```
#[derive(Debug, Default)]
pub struct Plan {
    /// The files that are read.
    reads: Vec<PlannedFile>,
    /// The files that are written.
    writes: Vec<PlannedFile>,
}

/// One file of a plan.
#[derive(Debug)]
struct PlannedFile {
    /// The role of the file, or the option that names it.
    what: String,
    /// The name of the file in messages.
    name: String,
    /// Which file it is; `None` if it is not a regular file.
    identity: Option<Identity>,
    /// The path that must be writable; `None` if that is not checked.
    path: Option<PathBuf>,
}

impl PlannedFile {
    /// The file at a path.
    fn new(what: &str, path: &Path) -> Self {
        let identity = Identity::of(path);
        Self { what: what.into(), name: path.display().to_string(), identity, path: None }
    }

    /// A standard stream.
    fn stream(name: &str, what: &str, identity: Option<Identity>) -> Self {
        Self { what: what.into(), name: name.into(), identity, path: None }
    }
}

impl Plan {
    /// Adds a file that is read; `what` names its role, such as `an input`.
    #[must_use]
    pub fn reads(mut self, what: &str, path: &Path) -> Self {
        self.reads.push(PlannedFile::new(what, path));
        self
    }

    /// Adds a file that is written; `what` is the option that names it.
    #[must_use]
    pub fn writes(mut self, what: &str, path: &Path) -> Self {
        self.writes
            .push(PlannedFile { path: Some(path.to_owned()), ..PlannedFile::new(what, path) });
        self
    }

    /// Adds a file that is written next to one that an option names. Whether it is writable is not
    /// checked.
    #[must_use]
    pub fn writes_beside(mut self, what: &str, path: Option<&Path>) -> Self {
        self.writes.extend(path.map(|path| PlannedFile::new(what, path)));
        self
    }

    /// Adds standard input, which may be redirected from a file.
    #[must_use]
    pub fn reads_stdin(mut self) -> Self {
        let identity = Identity::of_stream(&io::stdin());
        self.reads.push(PlannedFile::stream("standard input", "an input", identity));
        self
    }

    /// Adds standard output, which may be redirected to a file.
    #[must_use]
    pub fn writes_stdout(mut self) -> Self {
        let identity = Identity::of_stream(&io::stdout());
        self.writes.push(PlannedFile::stream("standard output", "standard output", identity));
        self
    }

    /// Checks all files, before any of them is opened.
    ///
    /// # Errors
    /// A file would be both read and written, or written by two options, or cannot be written.
    pub fn check(&self) -> Result<()> {
        let same = |one: &PlannedFile, other: &PlannedFile| {
            one.identity.is_some() && one.identity == other.identity
        };
        for (n, write) in self.writes.iter().enumerate() {
            if let Some(read) = self.reads.iter().find(|read| same(read, write)) {
                return Err(over(write, read));
            }
            if let Some(other) = self.writes[..n].iter().find(|other| same(other, write)) {
                let PlannedFile { what, name, .. } = write;
                let message =
                    format!("{} and {what} would write to the same file, `{name}`", other.what);
                return Err(Error::new(ErrorKind::Config, message).hint("name a file for each"));
            }
        }
        self.writes.iter().filter_map(|write| write.path.as_deref()).try_for_each(check_writable)
    }
}

/// The error of writing to a file that is also read.
fn over(write: &PlannedFile, read: &PlannedFile) -> Error {
    let is_stream = write.name == write.what;
    let name = if is_stream { &read.name } else { &write.name };
    let message = format!("{} would write to `{name}`, which is {}", write.what, read.what);
    let error = Error::new(ErrorKind::Config, message).hint("name another file");
    if read.name == *name {
        return error;
    }
    error.hint(format!("`{name}` and `{}` are the same file", read.name))
}

/// Checks that a file can be written, without changing its content.
///
/// # Errors
/// The path is an address or a folder, its folder does not exist, or the system does not permit writing.
pub fn check_writable(path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let cannot =
        |why: String| Error::new(ErrorKind::Config, format!("cannot write `{name}`: {why}"));
    if name == "-" {
        let error = cannot("it is not the name of a file".into());
        return Err(error.hint("without the option, results go to standard output"));
    }
    if is_address(&name) {
        return Err(cannot(
            "it is an address, and only files on this machine can be written".into(),
        )
        .hint("write a file here, and copy it there"));
    }
    if path.is_dir() {
        return Err(cannot("it is a folder".into()).hint("name a file in it"));
    }
    let folder = folder_of(path);
    if let Err(cause) = fs::metadata(folder) {
        let error = match cause.kind() {
            io::ErrorKind::NotFound => cannot(format!("there is no folder `{}`", folder.display())),
            io::ErrorKind::NotADirectory => {
                cannot(format!("`{}` is not a folder", folder.display()))
            }
            _ => cannot(cause.to_string()),
        };
        return Err(error.hint("create the folder first, or name another one"));
    }
    if !folder.is_dir() {
        return Err(cannot(format!("`{}` is not a folder", folder.display())));
    }
    let probed = match fs::metadata(path) {
        Ok(meta) if meta.is_file() => fs::OpenOptions::new().append(true).open(path).map(drop),
        // Opening a device may have effects, so it is opened only for writing results.
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            tempfile::NamedTempFile::new_in(folder).map(drop)
        }
        Err(cause) => Err(cause),
    };
    probed.map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write `{name}`: {}", plain(&cause)))
    })
}

/// The system's message, without the name of the temporary file that only this check used.
fn plain(cause: &io::Error) -> String {
    match cause.raw_os_error() {
        Some(_) => cause.to_string(),
        None => io::Error::from(cause.kind()).to_string(),
    }
}

/// Whether a name is an address such as `s3://bucket/name`, and not a path.
pub fn is_address(name: &str) -> bool {
    name.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_up_to_a_size_and_never_from_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        fs::write(&path, "\u{FEFF}words").unwrap();
        assert_eq!(text(&path).unwrap(), "words");
        fs::write(&path, vec![b'x'; usize::try_from(LARGEST_TEXT).unwrap() + 1]).unwrap();
        assert!(text(&path).unwrap_err().to_string().contains("larger than 4 MiB"));
        fs::write(&path, b"caf\xE9").unwrap();
        assert!(text(&path).unwrap_err().to_string().contains("not UTF-8 at byte 3"));
        assert!(text(folder.path()).unwrap_err().to_string().contains("it is a folder"));
        if cfg!(unix) {
            let zero = text(Path::new("/dev/zero")).unwrap_err().to_string();
            assert!(zero.contains("not a regular file"), "{zero}");
        }
        assert_eq!(text(&folder.path().join("y")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn one_file_by_two_names_is_one_file_also_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        std::os::unix::fs::symlink("a", path("soft")).unwrap();
        std::os::unix::fs::symlink("new", path("dangling")).unwrap();
        std::os::unix::fs::symlink("round", path("round")).unwrap();
        let of = |name: &str| Identity::of(&path(name));
        assert!(of("a") == of("hard") && of("a") == of("soft") && of("a").is_some());
        assert!(of("new") == of("dangling") && of("new").is_some() && of("new") != of("other"));
        assert_eq!(Identity::of(&path("./new")), of("new"));
        assert!(of("round").is_none() && Identity::of(Path::new("/dev/null")).is_none());
    }

    #[test]
    fn a_file_that_is_read_or_written_already_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "").unwrap();
        let plan = || Plan::default().reads("an input", &path("a"));
        assert!(plan().writes("-o", &path("b")).writes("--summary", &path("c")).check().is_ok());
        let over = plan().writes("-o", &path("a")).check().unwrap_err().to_string();
        assert!(over.starts_with("-o would write to") && over.ends_with("which is an input"));
        let twice = plan().writes("-o", &path("b")).writes("--junit", &path("./b"));
        let twice = twice.check().unwrap_err().to_string();
        assert!(twice.starts_with("-o and --junit would write to the same file"), "{twice}");
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        let fault = |path: &Path| check_writable(path).unwrap_err().to_string();
        assert!(check_writable(&path("new")).is_ok() && check_writable(&path("file")).is_ok());
        assert!(fault(&path("absent/x")).contains("there is no folder"));
        assert!(fault(&path("file/x")).contains("is not a folder"));
        assert!(fault(folder.path()).ends_with("it is a folder"));
        assert!(fault(Path::new("s3://b/x")).contains("it is an address"));
        assert!(!is_address("c://x") && !is_address("notes: a // b"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
