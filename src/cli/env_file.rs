//! `.env`: variables for this run, where the environment does not set them already.
//!
//! A file that was found in the working directory or above it may come from anyone. It may set how to judge, and
//! keys. Variables that would change where requests go are withheld until the user allows them.
//!
//! What a variable may do decides how it is treated, see [`Effect`]:
//!
//! | variable | from a found `.env` |
//! |---|---|
//! | settings of judging, keys of known providers | set |
//! | addresses, key variables, proxies, paths outside the folder | set with permission (`tribunal trust`) |
//! | everything else | ignored |
//!
//! A file that `TRIBUNAL_ENV_FILE` names is the user's own word: everything in it is set.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    dotenv::{Parsed, Variable, assignment, parse},
    note, permissions, secrets,
};
use tribunal::{
    config::{ModelSettings, Permission, is_identity, outside},
    error::{Error, ErrorKind, Result},
    models::{self, presets},
    units::counted,
};

/// Variable that names another file; an empty value reads none.
pub(super) const VARIABLE: &str = "TRIBUNAL_ENV_FILE";

/// Set once, when the program starts.
static LOADED: OnceLock<Loaded> = OnceLock::new();

/// The file that was read, and what was done with its variables.
#[derive(Default)]
struct Loaded {
    path: PathBuf,
    /// Names of the variables that were set.
    names: Vec<String>,
    /// Variables that need permission, and were not set.
    withheld: Vec<Withheld>,
}

/// A variable that only the user can allow.
pub(super) struct Withheld {
    pub(super) name: String,
    pub(super) permission: Permission,
}

/// Sets the variables of `.env`, here or in the nearest folder above.
///
/// # Errors
/// The file that was named cannot be read.
pub(super) fn load() -> Result<()> {
    let Some(Found { path, named }) = file() else { return Ok(()) };
    let text = match tribunal::files::text(&path) {
        Ok(text) => text,
        Err(cause) if named => {
            return Err(Error::new(ErrorKind::Config, format!("cannot read `{}`", path.display()))
                .because(cause)
                .hint(format!("set {VARIABLE} to an empty value to read no such file")));
        }
        Err(cause) => {
            note(&format!("warning: `{}` is ignored: {cause}", path.display()));
            return Ok(());
        }
    };
    let Parsed { variables, malformed } = parse(&text);
    warn(&path, &malformed);
    let allowed = if named { BTreeSet::new() } else { permissions::of(&path) };
    let mut loaded = Loaded { path, ..Loaded::default() };
    let mut set = String::new();
    for Variable { line, name, value } in variables {
        if env::var_os(&name).is_some() || loaded.has(&name) {
            continue;
        }
        let effect =
            if named { Effect::Harmless } else { effect_of(&name, &value, &loaded.path, line) };
        match effect {
            Effect::Ignored => (),
            Effect::NeedsPermission(permission) if !allowed.contains(permission.what()) => {
                loaded.withheld.push(Withheld { name, permission });
            }
            Effect::NeedsPermission(_) | Effect::Harmless => {
                set.push_str(&assignment(&name, &value));
                loaded.names.push(name);
            }
        }
    }
    dotenvy::from_read(set.as_bytes()).map_err(|_| {
        Error::new(ErrorKind::Config, format!("cannot use `{}`", loaded.path.display()))
    })?;
    let _ = LOADED.set(loaded);
    Ok(())
}

impl Loaded {
    /// Whether an earlier line set or withheld this variable: the first one wins.
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|one| one == name) || self.withheld.iter().any(|one| one.name == name)
    }
}

/// The file that set a variable; `None` if the environment did.
pub(super) fn origin_of(variable: &str) -> Option<&'static Path> {
    let loaded = LOADED.get()?;
    loaded.names.iter().any(|name| name == variable).then_some(&*loaded.path)
}

/// The variables that need permission, and were not set.
pub(super) fn withheld() -> &'static [Withheld] {
    LOADED.get().map_or(&[], |loaded| &loaded.withheld)
}

/// The `.env` that is found from a folder, and everything in it that needs permission, allowed or not.
pub(super) fn permissions(folder: &Path) -> Option<(PathBuf, Vec<Permission>)> {
    let path = above(folder)?;
    let variables = parse(&tribunal::files::text(&path).ok()?).variables.into_iter();
    let permissions = variables.filter_map(|Variable { line, name, value }| {
        match effect_of(&name, &value, &path, line) {
            Effect::NeedsPermission(permission) => Some(permission),
            Effect::Harmless | Effect::Ignored => None,
        }
    });
    let permissions = permissions.collect();
    Some((path, permissions))
}

/// The file to read.
struct Found {
    path: PathBuf,
    /// Whether the user named it.
    named: bool,
}

/// The file that the variable names, or the nearest `.env`.
fn file() -> Option<Found> {
    if let Some(named) = env::var_os(VARIABLE) {
        return (!named.is_empty()).then(|| Found { path: named.into(), named: true });
    }
    let path = above(&env::current_dir().ok()?)?;
    Some(Found { path, named: false })
}

/// The nearest `.env` in a folder or above it.
fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}

/// The folder that paths in a file are relative to.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Warns of malformed lines by their numbers alone: they may hold a key.
fn warn(path: &Path, malformed: &[usize]) {
    const MOST: usize = 5;
    for line in malformed.iter().take(MOST) {
        note(&format!(
            "warning: {}:{line}: ignored, expected NAME=value (quote values with blanks or quotes)",
            path.display()
        ));
    }
    if let Some(more) = malformed.len().checked_sub(MOST).filter(|more| *more > 0) {
        note(&format!("warning: ignored {} of {}", counted(more, "more line"), path.display()));
    }
}

/// What a variable of a found file would do.
enum Effect {
    /// Set how to judge, or a key.
    Harmless,
    /// Change where requests go or which files are read.
    NeedsPermission(Permission),
    /// Nothing: it is not a variable of this program.
    Ignored,
}

/// Variables that change how every request travels.
const NETWORK: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"];

/// Variables that no found file can set: they decide what is trusted.
const OURS: [&str; 2] = [VARIABLE, permissions::FOLDER];

/// What a variable with this value would do, by its name: the table above.
fn effect_of(name: &str, value: &str, path: &Path, line: usize) -> Effect {
    let place = || format!("{}:{line}", path.display());
    let needs =
        |what: &str| Effect::NeedsPermission(Permission::new(place(), format!("{name} {what}")));
    let file = |file: &str| match outside(file, folder_of(path)) {
        Some(real) => needs(&format!("names `{}`, outside of the folder", real.display())),
        None => Effect::Harmless,
    };
    let at = || value.strip_prefix('@').map_or(Effect::Harmless, file);
    let foreign = |place: Option<String>| match place {
        Some(place) => needs(&format!("sends requests and their key to {place}")),
        None => Effect::Harmless,
    };
    let model = || match models::program_of(value) {
        Some(line) => needs(&format!("runs the program `{line}`")),
        None if models::download_of(value).is_some() => {
            needs(&format!("downloads the model `{value}`"))
        }
        None => models::file_of(value, None).map_or(Effect::Harmless, file),
    };
    let lora = || ModelSettings { lora: Some(value.to_owned()), ..ModelSettings::default() };
    match name {
        "TRIBUNAL_BASE_URL" => foreign(presets::foreign_place("", value)),
        "TRIBUNAL_KEY_VARIABLE" => needs(&format!("sends the value of {value} as the key")),
        "TRIBUNAL_PROMPT" if tribunal::judge::is_file(value) => file(value),
        "TRIBUNAL_CONFIG" => needs(&format!("names `{value}`, which can then ask for everything")),
        "TRIBUNAL_CACHE_DIR" | "TRIBUNAL_PRICES" => file(value),
        "TRIBUNAL_LORA" => lora().lora_file().map_or(Effect::Harmless, |(path, _)| file(path)),
        "TRIBUNAL_MODEL_ID" if is_identity(value) => {
            needs(&format!("stores answers under the name of the model `{value}`"))
        }
        "TRIBUNAL_MODEL" | "TRIBUNAL_POLICY" | "TRIBUNAL_REFERENCE_MODEL" => model(),
        "TRIBUNAL_CRITERIA" => at(),
        name if OURS.contains(&name) => Effect::Ignored,
        name if NETWORK.contains(&&*name.to_ascii_lowercase()) => {
            needs(&format!("changes how all requests travel: {}", secrets::address(value)))
        }
        name if presets::address_variables().any(|it| it == name) => {
            foreign(presets::foreign_place_in(name, value))
        }
        name if is_ours(name) => Effect::Harmless,
        _ => Effect::Ignored,
    }
}

/// Settings of this program, keys, and who pays.
fn is_ours(name: &str) -> bool {
    const KEYS: [&str; 3] = ["_KEY", "_TOKEN", "_SECRET"];
    name.starts_with("TRIBUNAL_")
        || ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"].contains(&name)
        || presets::key_variables().any(|it| it == name)
        || KEYS.iter().any(|ending| name.ends_with(ending))
}
