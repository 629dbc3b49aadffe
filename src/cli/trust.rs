//! `tribunal trust`: permissions of files that were found and not named in the command.
//!
//! Permissions are stored per file, as the set of what it asked for at the time. Other edits of the file need no new
//! permission; another address, key variable or path does.
//!
//! `permissions` keeps them, and `env_file` knows what a `.env` asks for.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    Exit, emit, env_file, note,
    permissions::{self, Store},
};
use tribunal::{
    config::{Config, Effective, Permission, SettingOrigin},
    error::{Error, Result},
    models::{self, presets},
};

/// Grant the permissions that tribunal.toml or .env ask for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tribunal.toml or .env that was found, and not named with -c, may not change where requests and keys go: \
other addresses, key variables, proxies, programs and files outside the folder need your permission.")]
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

/// Runs `tribunal trust`: grants, withdraws or lists permissions.
///
/// # Errors
/// The store or a file of the folder cannot be read, or the store cannot be written.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let mut store = Store::read()?;
    if args.list {
        return list(&store);
    }
    let files = asking(args.folder.as_deref().unwrap_or(Path::new("")))?;
    for (path, asked) in &files {
        let was_trusted = store.withdraw(path);
        if args.remove {
            if was_trusted {
                note(&format!("no longer trusted: {}", path.display()));
            }
            continue;
        }
        store.grant(path, asked);
        for one in asked {
            note(&format!("trusted: {}: {}", path.display(), one.what()));
        }
    }
    if !args.remove && files.iter().all(|(_, asked)| asked.is_empty()) {
        note("nothing to trust: no file here asks for another address, key, program or file");
    }
    store.write()?;
    Ok(Exit::Done)
}

/// Prints every file with what it may do.
fn list(store: &Store) -> Result<Exit> {
    let out = &mut io::stdout();
    if store.files().next().is_none() {
        note("no file has permissions: `tribunal trust` grants them");
    }
    for (file, asked) in store.files() {
        emit(out, file)?;
        asked.iter().try_for_each(|what| emit(out, &format!("  {what}")))?;
    }
    Ok(Exit::Done)
}

/// Grants a file that this program has just written what it asks for.
///
/// # Errors
/// The file cannot be read, or the store cannot be read or written.
pub(super) fn remember(file: &Path) -> Result<()> {
    let asked = Config::read(file)?.permissions()?;
    if asked.is_empty() {
        return Ok(());
    }
    let mut store = Store::read()?;
    store.grant(file, &asked);
    store.write()
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

/// What settings ask for and the user has not allowed: by tribunal.toml, and by .env.
pub(super) fn missing(config: &Config, resolved: &Effective) -> [Vec<Permission>; 2] {
    let mut of_file = Vec::new();
    if let (Some(path), true) = (config.path(), config.is_found()) {
        let allowed = permissions::of(path);
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
