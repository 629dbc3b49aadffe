//! `.env`: variables for this run, where the environment does not have them already.
//!
//! A file that was found in the working directory or above it may come from anybody. It may say how is
//! judged and bring keys. What would change where requests go is held back until the user allows it.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    dotenv::{Parsed, Variable, assignment, parse},
    note, secrets, trust,
};
use tribunal::{
    backend::{self, presets},
    config::{Permission, is_identity, outside},
    error::{Error, ErrorKind, Result},
};

/// Names another file; an empty value reads none.
pub(super) const VARIABLE: &str = "TRIBUNAL_ENV_FILE";

static LOADED: OnceLock<Loaded> = OnceLock::new();

/// What came of a file.
#[derive(Default)]
struct Loaded {
    path: PathBuf,
    /// Variables that are set now.
    taken: Vec<String>,
    /// Variables that need permission and are not set.
    held: Vec<Held>,
}

/// A variable that only the user can allow.
pub(super) struct Held {
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
                .hint(format!("an empty {VARIABLE}= reads no such file")));
        }
        Err(cause) => {
            note(&format!("warning: `{}` is ignored: {cause}", path.display()));
            return Ok(());
        }
    };
    let Parsed { variables, malformed } = parse(&text);
    warn(&path, &malformed);
    let allowed = if named { BTreeSet::new() } else { trust::allowed(&path) };
    let mut loaded = Loaded { path, ..Loaded::default() };
    let mut set = String::new();
    for Variable { line, name, value } in variables {
        if env::var_os(&name).is_some() || loaded.has(&name) {
            continue;
        }
        let asks = if named { Asks::Nothing } else { asks(&name, &value, &loaded.path, line) };
        match asks {
            Asks::Ignored => (),
            Asks::Permission(permission) if !allowed.contains(permission.what()) => {
                loaded.held.push(Held { name, permission });
            }
            Asks::Permission(_) | Asks::Nothing => {
                set.push_str(&assignment(&name, &value));
                loaded.taken.push(name);
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
    fn has(&self, name: &str) -> bool {
        self.taken.iter().any(|one| one == name) || self.held.iter().any(|one| one.name == name)
    }
}

/// The file that gave a variable; `None` if the environment did.
pub(super) fn origin_of(variable: &str) -> Option<&'static Path> {
    let loaded = LOADED.get()?;
    loaded.taken.iter().any(|name| name == variable).then_some(&*loaded.path)
}

/// The variables that wait for permission.
pub(super) fn held() -> &'static [Held] {
    LOADED.get().map_or(&[], |loaded| &loaded.held)
}

/// What a found file asks for that needs permission, allowed or not, and the file.
pub(super) fn permissions(folder: &Path) -> Option<(PathBuf, Vec<Permission>)> {
    let path = above(folder)?;
    let variables = parse(&tribunal::files::text(&path).ok()?).variables.into_iter();
    let permissions = variables.filter_map(|Variable { line, name, value }| {
        match asks(&name, &value, &path, line) {
            Asks::Permission(permission) => Some(permission),
            Asks::Nothing | Asks::Ignored => None,
        }
    });
    let permissions = permissions.collect();
    Some((path, permissions))
}

struct Found {
    path: PathBuf,
    /// Whether the user named it.
    named: bool,
}

fn file() -> Option<Found> {
    if let Some(named) = env::var_os(VARIABLE) {
        return (!named.is_empty()).then(|| Found { path: named.into(), named: true });
    }
    let path = above(&env::current_dir().ok()?)?;
    Some(Found { path, named: false })
}

fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Lines that are not read are named, and never shown: they may hold a key.
fn warn(path: &Path, malformed: &[usize]) {
    const MOST: usize = 5;
    for line in malformed.iter().take(MOST) {
        note(&format!(
            "warning: {}:{line} is ignored: it is not NAME=value; a value with blanks or quotes stands in quotes",
            path.display()
        ));
    }
    if let Some(more) = malformed.len().checked_sub(MOST).filter(|more| *more > 0) {
        note(&format!("warning: {more} more lines of {} are ignored", path.display()));
    }
}

/// What a variable of a found file asks for.
enum Asks {
    /// It says how is judged, or is a key.
    Nothing,
    Permission(Permission),
    /// It is not for this program.
    Ignored,
}

/// Variables that change how every request travels.
const NETWORK: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"];

/// Variables that no found file can set: they say what is trusted.
const OURS: [&str; 2] = [VARIABLE, trust::FOLDER];

fn asks(name: &str, value: &str, path: &Path, line: usize) -> Asks {
    let place = || format!("{}:{line}", path.display());
    let needs = |what: &str| Asks::Permission(Permission::new(place(), format!("{name} {what}")));
    let file = |file: &str| match outside(file, folder_of(path)) {
        Some(real) => needs(&format!("names `{}`, outside of the folder", real.display())),
        None => Asks::Nothing,
    };
    let at = || value.strip_prefix('@').map_or(Asks::Nothing, file);
    let foreign = |place: Option<String>| match place {
        Some(place) => needs(&format!("sends requests and their key to {place}")),
        None => Asks::Nothing,
    };
    let model = || backend::file_of(value, None).map_or(Asks::Nothing, file);
    match name {
        "TRIBUNAL_BASE_URL" => foreign(presets::foreign_place("", value)),
        "TRIBUNAL_KEY_VARIABLE" => needs(&format!("sends the value of {value} as the key")),
        "TRIBUNAL_PROMPT" if tribunal::judge::is_file(value) => file(value),
        "TRIBUNAL_CONFIG" => needs(&format!("names `{value}`, which can then ask for everything")),
        "TRIBUNAL_CACHE_DIR" => file(value),
        "TRIBUNAL_MODEL_ID" if is_identity(value) => {
            needs(&format!("keeps answers as those of the model `{value}`"))
        }
        "TRIBUNAL_MODEL" | "TRIBUNAL_POLICY" => model(),
        "TRIBUNAL_CRITERIA" => at(),
        name if OURS.contains(&name) => Asks::Ignored,
        name if NETWORK.contains(&&*name.to_ascii_lowercase()) => {
            needs(&format!("changes how all requests travel: {}", secrets::address(value)))
        }
        name if presets::address_variables().any(|it| it == name) => {
            foreign(presets::foreign_place_in(name, value))
        }
        name if is_ours(name) => Asks::Nothing,
        _ => Asks::Ignored,
    }
}

/// Settings of this program, keys, and who pays.
fn is_ours(name: &str) -> bool {
    const KEYS: [&str; 3] = ["_KEY", "_TOKEN", "_SECRET"];
    name.starts_with("TRIBUNAL_")
        || name == "NO_COLOR"
        || presets::key_variables().any(|it| it == name)
        || KEYS.iter().any(|ending| name.ends_with(ending))
}
