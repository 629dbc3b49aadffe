//! `.env`: variables for this run, where the environment does not have them already.

use std::{env, path::PathBuf, sync::OnceLock};

use crate::error::{Error, ErrorKind, Result};

/// Names another file; an empty value reads none.
const VARIABLE: &str = "TRIBUNAL_ENV_FILE";

static LOADED: OnceLock<(PathBuf, Vec<String>)> = OnceLock::new();

/// Takes the variables of `.env`, here or in the nearest folder above.
///
/// # Errors
/// The file cannot be read.
pub(super) fn load() -> Result<()> {
    let Some(path) = file() else { return Ok(()) };
    let wrong = |cause: dotenvy::Error| {
        Error::new(ErrorKind::Config, format!("cannot read `{}`", path.display()))
            .because(cause)
            .hint(format!("its lines are NAME=value; {VARIABLE}= reads no such file"))
    };
    let pairs: Vec<_> =
        dotenvy::from_path_iter(&path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    let names = pairs.into_iter().map(|(name, _)| name).filter(|name| env::var_os(name).is_none());
    let names = names.collect();
    dotenvy::from_path(&path).map_err(wrong)?;
    let _ = LOADED.set((path, names));
    Ok(())
}

/// The file that gave a variable; `None` if the environment did.
pub(super) fn origin_of(variable: &str) -> Option<&'static PathBuf> {
    let (path, names) = LOADED.get()?;
    names.iter().any(|name| name == variable).then_some(path)
}

fn file() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return (!named.is_empty()).then(|| named.into());
    }
    let folder = env::current_dir().ok()?;
    folder.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}
