//! The store of permissions: what each file that was found in a folder may do, as the user allowed it.
//!
//! It is one JSON file in the user's folder for configuration, a table from the path of a file to the sentences that
//! describe what it asked for. A sentence names the value, so that another value needs another permission:
//!
//! ```json
//! {"/home/me/work/tribunal.toml": ["[model.far] base_url sends requests, and the key in OPENAI_API_KEY, to https://…"]}
//! ```
//!
//! A new version is written to a temporary file and renamed, so that no other process reads half of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    path::{Path, PathBuf},
};

use tribunal::{
    config::Permission,
    error::{Error, ErrorKind, Result},
};

/// Variable that names the folder of the store.
pub(super) const FOLDER: &str = "TRIBUNAL_CONFIG_DIR";

/// Permissions by file.
#[derive(Default, serde::Deserialize, serde::Serialize)]
pub(super) struct Store(BTreeMap<String, BTreeSet<String>>);

impl Store {
    /// Reads the store; it is empty where no permission was ever granted.
    ///
    /// # Errors
    /// The store exists and cannot be read.
    pub(super) fn read() -> Result<Self> {
        let path = path()?;
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => return Err(cannot("read", &path).because(cause)),
        };
        serde_json::from_slice(&text).map_err(|_| {
            cannot("read", &path)
                .hint("its content is damaged: remove the file, and run `tribunal trust` again")
        })
    }

    /// Replaces the stored permissions by these.
    ///
    /// # Errors
    /// The folder cannot be made, or the file cannot be written.
    pub(super) fn write(&self) -> Result<()> {
        let path = path()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let written = fs::create_dir_all(folder).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.persist(&path).map_err(io::Error::from)
        });
        written.map(drop).map_err(|cause| cannot("write", &path).because(cause))
    }

    /// Allows a file what it asks for, in place of what it was allowed before.
    pub(super) fn grant(&mut self, file: &Path, asked: &[Permission]) {
        if !asked.is_empty() {
            self.0.insert(key(file), asked.iter().map(|one| one.what().to_owned()).collect());
        }
    }

    /// Withdraws the permissions of a file; whether it had any.
    pub(super) fn withdraw(&mut self, file: &Path) -> bool {
        self.0.remove(&key(file)).is_some()
    }

    /// Every file with its permissions, by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.0.iter()
    }
}

/// The permissions of a file. A store that cannot be read grants none.
pub(super) fn of(file: &Path) -> BTreeSet<String> {
    Store::read().ok().and_then(|mut store| store.0.remove(&key(file))).unwrap_or_default()
}

/// The key of a file in the store: its folder with links resolved, and its name.
fn key(file: &Path) -> String {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
    folder.join(file.file_name().unwrap_or_default()).display().to_string()
}

/// The path of the store, in `TRIBUNAL_CONFIG_DIR` or the system's folder for configuration.
fn path() -> Result<PathBuf> {
    let named = env::var_os(FOLDER).filter(|name| !name.is_empty()).map(PathBuf::from);
    let usual = || dirs::config_dir().map(|folder| folder.join("tribunal"));
    let folder = named.or_else(usual).ok_or_else(|| {
        Error::new(ErrorKind::Config, "this system has no folder for configuration")
            .hint(format!("name one with {FOLDER}"))
    })?;
    Ok(folder.join("trusted.json"))
}

/// The error for a store that cannot be read or written.
fn cannot(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} `{}`", path.display()))
}
