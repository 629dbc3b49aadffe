//! `tribunal trust`: permissions of files that were found and not named in the command.
//!
//! Permissions are stored per file, as the set of what it asked for at the time. Other edits of the file need no new
//! permission; another address, key variable or path does.
//!
//! The store is one JSON file in the user's folder for configuration, a table from the path of a file to the sentences
//! that describe what it asked for. A sentence names the value, so that another value is another sentence:
//!
//! ```json
//! {"/home/me/work/tribunal.toml": ["[model.far] base_url sends requests, and the key in OPENAI_API_KEY, to https://…"]}
//! ```
//!
//! It is written beside its place and moved there, so that no other process reads half of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{Exit, emit, env_file, note};
use tribunal::{
    config::{Config, Effective, Permission, SettingOrigin},
    error::{Error, ErrorKind, Result},
    models::{self, presets},
};

/// Variable that names the folder of the store of permissions.
pub(super) const FOLDER: &str = "TRIBUNAL_CONFIG_DIR";

/// Allow a folder's tribunal.toml and .env what they ask for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tribunal.toml or .env that was found, and not named with -c, may not change where requests and keys go: \
other addresses, key variables, proxies and files outside the folder need your permission.")]
pub(super) struct Args {
    /// Folder to trust [default: current folder].
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// List all permissions, of all folders.
    #[arg(long, conflicts_with = "remove")]
    list: bool,
    /// Withdraw the permissions of the folder's files.
    #[arg(long)]
    remove: bool,
}

/// Permissions by file.
type Store = BTreeMap<String, BTreeSet<String>>;

/// Runs `tribunal trust`: grants, withdraws or lists permissions.
///
/// # Errors
/// The store or a file of the folder cannot be read, or the store cannot be written.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let mut store = read()?;
    if args.list {
        return list(&store);
    }
    let files = asking(args.folder.as_deref().unwrap_or(Path::new("")))?;
    for (path, asked) in &files {
        let before = store.remove(&key(path));
        if args.remove {
            if before.is_some() {
                note(&format!("no longer trusted: {}", path.display()));
            }
            continue;
        }
        if !asked.is_empty() {
            store.insert(key(path), asked.iter().map(|one| one.what().to_owned()).collect());
        }
        for one in asked {
            note(&format!("trusted: {}: {}", path.display(), one.what()));
        }
    }
    if !args.remove && files.iter().all(|(_, asked)| asked.is_empty()) {
        note("nothing to trust: no file here asks for another address, key or file");
    }
    write(&store)?;
    Ok(Exit::Done)
}

/// Prints every file with what it may do.
fn list(store: &Store) -> Result<Exit> {
    let out = &mut io::stdout();
    if store.is_empty() {
        note("no file has permissions: `tribunal trust` grants them");
    }
    for (file, asked) in store {
        emit(out, file)?;
        asked.iter().try_for_each(|what| emit(out, &format!("  {what}")))?;
    }
    Ok(Exit::Done)
}

/// Allows what a file asks for that this program has just written.
pub(super) fn remember(file: &Path) -> Result<()> {
    let asked = Config::read(file)?.permissions()?;
    if asked.is_empty() {
        return Ok(());
    }
    let mut store = read()?;
    store.insert(key(file), asked.iter().map(|one| one.what().to_owned()).collect());
    write(&store)
}

/// The files that are found from a folder, and what each of them asks for.
fn asking(folder: &Path) -> Result<Vec<(PathBuf, Vec<Permission>)>> {
    let config = Config::find(folder)?;
    let mut files = Vec::new();
    if let Some(path) = config.path() {
        files.push((path.to_owned(), config.permissions()?));
    }
    let here =
        std::path::absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    files.extend(here.ok().and_then(|folder| env_file::permissions(&folder)));
    Ok(files)
}

/// The permissions of a file. A store that cannot be read grants none.
pub(super) fn allowed(file: &Path) -> BTreeSet<String> {
    read().ok().and_then(|mut store| store.remove(&key(file))).unwrap_or_default()
}

/// What settings ask for and the user has not allowed: by tribunal.toml, and by .env.
pub(super) fn missing(config: &Config, resolved: &Effective) -> [Vec<Permission>; 2] {
    let mut of_file = Vec::new();
    if let (Some(path), true) = (config.path(), config.is_found()) {
        let allowed = allowed(path);
        of_file = resolved.permissions();
        of_file.retain(|one| !allowed.contains(one.what()));
    }
    let is_named = config.path().is_some() && !config.is_found();
    let held = env_file::withheld().iter().filter(|one| matters(&one.name, resolved, is_named));
    [of_file, held.map(|held| held.permission.clone()).collect()]
}

/// Stops before a request that the user has not allowed.
///
/// # Errors
/// A permission is missing: the error lists what was asked for, and how to allow it.
pub(super) fn check(config: &Config, resolved: &Effective) -> Result<()> {
    let [of_file, of_env] = missing(config, resolved);
    let named = config.path().filter(|_| !of_file.is_empty());
    let named = named.map(|path| format!("or name the file yourself: -c {}", path.display()));
    refuse(&of_file, &of_env, named)
}

/// Stops a `cache` command where `.env` names another cache folder.
///
/// # Errors
/// It does, and the user has not allowed it.
#[cfg(feature = "store")]
pub(super) fn check_store() -> Result<()> {
    let held = env_file::withheld().iter().filter(|one| one.name == "TRIBUNAL_CACHE_DIR");
    refuse(&[], &held.map(|held| held.permission.clone()).collect::<Vec<_>>(), None)
}

/// The error for missing permissions, with the ways to grant them.
///
/// # Errors
/// Always, unless nothing is missing.
fn refuse(of_file: &[Permission], of_env: &[Permission], named: Option<String>) -> Result<()> {
    let missing = [of_file, of_env].concat();
    if missing.is_empty() {
        return Ok(());
    }
    let by_variable =
        (!of_env.is_empty()).then(|| "or set the variable in your own environment".into());
    let error = Permission::refused(&missing)
        .hint("to allow this, run `tribunal trust` here; changed values will need it again");
    Err(named.into_iter().chain(by_variable).fold(error, Error::hint))
}

/// Whether a variable without permission would change anything for these settings.
fn matters(variable: &str, resolved: &Effective, is_named: bool) -> bool {
    if resolved.is_jury() {
        return resolved.members.iter().any(|member| matters(variable, member, is_named));
    }
    let (name, url) = (resolved.model_name(), resolved.model.base_url.as_deref());
    let is_remote = models::is_remote(name, url);
    let is_flag = |key| matches!(resolved.origin(key), SettingOrigin::Flag(_));
    match variable {
        "TRIBUNAL_BASE_URL" => is_remote && !is_flag("model.base_url"),
        "TRIBUNAL_KEY_VARIABLE" => is_remote && !is_flag("model.key_variable"),
        "TRIBUNAL_MODEL_ID" => is_remote && !is_flag("model.model_id"),
        "TRIBUNAL_PROMPT" => !is_flag("prompt"),
        "TRIBUNAL_MODEL" => !is_flag("model"),
        "TRIBUNAL_CRITERIA" => !is_flag("criteria"),
        "TRIBUNAL_CONFIG" => !is_named,
        _ if variable.starts_with("TRIBUNAL_") => true,
        _ if presets::address_variables().any(|it| it == variable) => {
            url.is_none() && presets::address_variables_of(name).contains(&variable)
        }
        _ => is_remote,
    }
}

/// The key of a file in the store: its folder with links resolved, and its name.
fn key(file: &Path) -> String {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
    folder.join(file.file_name().unwrap_or_default()).display().to_string()
}

/// The path of the store, in `TRIBUNAL_CONFIG_DIR` or the system's folder for configuration.
fn store_path() -> Result<PathBuf> {
    let named = env::var_os(FOLDER).filter(|name| !name.is_empty()).map(PathBuf::from);
    let usual = || dirs::config_dir().map(|folder| folder.join("tribunal"));
    let folder = named.or_else(usual).ok_or_else(|| {
        Error::new(ErrorKind::Config, "this system has no folder for configuration")
            .hint(format!("name one with {FOLDER}"))
    })?;
    Ok(folder.join("trusted.json"))
}

/// All permissions; none where the store does not exist yet.
fn read() -> Result<Store> {
    let path = store_path()?;
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Store::default()),
        Err(cause) => return Err(cannot("read", &path).because(cause)),
    };
    serde_json::from_slice(&text).map_err(|_| {
        cannot("read", &path)
            .hint("its content is damaged: remove the file, and run `tribunal trust` again")
    })
}

/// Replaces the store as a whole.
fn write(store: &Store) -> Result<()> {
    let path = store_path()?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let written = fs::create_dir_all(folder).and_then(|()| {
        // Beside its place and moved there: no other process reads half of it.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, store)?;
        file.persist(&path).map_err(io::Error::from)
    });
    written.map(drop).map_err(|cause| cannot("write", &path).because(cause))
}

/// The error for a store that cannot be read or written.
fn cannot(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} `{}`", path.display()))
}
