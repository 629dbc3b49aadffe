//! What a file asks for that only its user can allow.
//!
//! A file that was found in a folder, and not named by the user, may come from anyone. It may set how
//! answers are judged. Without the user's permission it may not send requests or a key to another place, send
//! another variable as the key, read a file outside of its folder, download a model, run a program, or let code of models
//! and answers run.

use std::path::{Component, Path, PathBuf};

use super::{Effective, SettingOrigin};
use crate::{
    error::{Error, ErrorKind},
    models::{self, presets},
};

/// Something that a file asks for and that needs the user's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Where it is asked for: a file and a line.
    place: String,
    /// What is asked for, with the table and the key.
    what: String,
}

impl Permission {
    /// What the place asks for: `what` reads on after its name.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    /// What is asked for, with the name of the setting and its value. Two permissions with equal texts
    /// are the same one, wherever in the file they are asked for.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The error of files that ask for something that has not been allowed.
    pub fn refused(permissions: &[Self]) -> Error {
        let asked: Vec<String> =
            permissions.iter().map(|one| format!("{}: {}", one.place, one.what)).collect();
        let message = format!(
            "a file that was found in the folder needs your permission, and nothing was sent: {}",
            asked.join("; ")
        );
        Error::new(ErrorKind::Config, message)
    }
}

impl Effective {
    /// What the settings ask for, out of a file, that only the user can allow: requests or a key for another
    /// place, another variable as the key, a file outside of the folder, a download, a program and the variables that it
    /// may see.
    pub fn permissions(&self) -> Vec<Permission> {
        let own = needed(self);
        own.into_iter().chain(self.members.iter().flat_map(Self::permissions)).collect()
    }
}

/// What those settings need permission for that came out of a file.
pub(super) fn needed(effective: &Effective) -> Vec<Permission> {
    let files = effective.own_files().into_iter().filter_map(|(key, path)| {
        let from = FileSetting::of(effective, &key)?;
        let path = outside(&path, from.folder)?;
        Some(from.asks(&format!("{key} reads `{}`, outside of the folder", path.display())))
    });
    let own = address(effective).into_iter().chain(key(effective)).chain(identity(effective));
    let fetched = programs(effective).into_iter().chain(downloads(effective));
    files.chain(own).chain(endpoints(effective)).chain(fetched).chain(code(effective)).collect()
}

/// A setting that came out of a file.
struct FileSetting<'r> {
    /// The folder of the file.
    folder: &'r Path,
    /// The file and the line.
    line: String,
    table: &'r str,
}

impl<'r> FileSetting<'r> {
    /// The file and table in which a key was set; `None` where it came from elsewhere.
    fn of(effective: &'r Effective, key: &str) -> Option<Self> {
        let SettingOrigin::File { path, line, table } = effective.origin(key) else { return None };
        let folder = path.parent().unwrap_or(Path::new(""));
        Some(Self { folder, line: format!("{}:{line}", path.display()), table })
    }

    /// A permission that is asked for there.
    fn asks(&self, what: &str) -> Permission {
        Permission::new(&self.line, format!("[{}] {what}", self.table))
    }
}

/// Requests and a key that go to an address which is neither the preset's nor this machine.
fn address(effective: &Effective) -> Option<Permission> {
    let from = FileSetting::of(effective, "model.base_url")?;
    let (name, url) = (effective.model_name(), effective.model.base_url.as_deref()?);
    if !models::is_remote(name, Some(url)) {
        return None;
    }
    let (place, key) = (presets::foreign_place(name, url)?, presets::key_variable(name));
    Some(from.asks(&format!("base_url sends requests, and the key in {key}, to {place}")))
}

/// Another variable than the preset's, whose value would be sent as the key.
fn key(effective: &Effective) -> Option<Permission> {
    let from = FileSetting::of(effective, "model.key_variable")?;
    let (name, url) = (effective.model_name(), effective.model.base_url.as_deref());
    let variable = effective.model.key_variable.as_deref()?;
    if !models::is_remote(name, url) || presets::key_variable(name) == variable {
        return None;
    }
    Some(from.asks(&format!("key_variable sends the value of {variable} as the key")))
}

/// More servers and keys of the model.
fn endpoints(effective: &Effective) -> Vec<Permission> {
    let Some(from) = FileSetting::of(effective, "model.endpoints") else { return Vec::new() };
    let (name, own) = (effective.model_name(), presets::key_variable(effective.model_name()));
    let mut asked = Vec::new();
    for endpoint in &effective.model.endpoints {
        let address = endpoint.base_url.as_deref();
        if let Some(place) = address.and_then(|url| presets::foreign_place(name, url)) {
            asked.push(from.asks(&format!("endpoints sends requests, and a key, to {place}")));
        }
        if let Some(variable) = endpoint.key_variable.as_deref().filter(|name| *name != own) {
            asked.push(from.asks(&format!("endpoints sends the value of {variable} as the key")));
        }
    }
    asked
}

/// Programs that are run, and variables that are passed to them.
fn programs(effective: &Effective) -> Vec<Permission> {
    let runs = |(key, line): (&'static str, String)| {
        let from = FileSetting::of(effective, key)?;
        let key = key.strip_prefix("model.").unwrap_or(key);
        Some(from.asks(&format!("{key} runs the program `{line}`")))
    };
    let mut asked: Vec<_> = effective.programs().filter_map(runs).collect();
    let passed = FileSetting::of(effective, "model.pass_env");
    if let (Some(from), Some(line)) = (passed, models::program_of(effective.model_name())) {
        let names = effective.model.pass_env.join(", ");
        asked.push(from.asks(&format!("pass_env gives the values of {names} to `{line}`")));
    }
    asked
}

/// Code of models and answers that is run, and the interpreter for it.
fn code(effective: &Effective) -> Vec<Permission> {
    let settings = &effective.settings;
    let allowed = FileSetting::of(effective, "allow_code").filter(|_| settings.allow_code);
    let allowed = allowed.map(|from| {
        from.asks("allow_code runs code that models write and answers contain, in a sandbox")
    });
    let python = FileSetting::of(effective, "python").zip(settings.python.as_deref());
    let python = python.map(|(from, name)| from.asks(&format!("python runs the program `{name}`")));
    allowed.into_iter().chain(python).collect()
}

/// Models that are downloaded.
fn downloads(effective: &Effective) -> Vec<Permission> {
    let fetches = |(key, name): (&'static str, &str)| {
        let from = FileSetting::of(effective, key)?;
        let key = key.strip_prefix("model.").unwrap_or(key);
        Some(from.asks(&format!("{key} downloads the model `{name}`")))
    };
    effective.downloads().filter_map(fetches).collect()
}

/// Answers under the name of another model would be given to other folders as that model's.
fn identity(effective: &Effective) -> Option<Permission> {
    let from = FileSetting::of(effective, "model.model_id")?;
    let name = effective.model.model_id.as_deref().filter(|name| is_identity(name))?;
    Some(from.asks(&format!("model_id keeps answers as those of the model `{name}`")))
}

/// Whether a name in cache keys has the form of those that models have by themselves.
pub fn is_identity(name: &str) -> bool {
    name.contains('|')
}

/// The place that a path really leads to, links followed, if that is outside of a folder.
pub fn outside(path: &str, folder: &Path) -> Option<PathBuf> {
    let is_here = folder.as_os_str().is_empty();
    let folder = real(if is_here { Path::new(".") } else { folder });
    Some(real(Path::new(path))).filter(|path| !path.starts_with(folder))
}

/// The path without links; of what is not there, as far as it is there.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut real = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
        if let Ok(resolved) = real.canonicalize() {
            real = resolved;
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leaves_its_folder_by_name_by_dots_and_by_links() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("project");
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        std::fs::write(folder.join("mine"), "m").unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        for name in ["mine", "inner/../mine", "absent", "inner/absent/deep", "../project/mine"] {
            assert_eq!(outside(&path(name), &folder), None, "{name}");
        }
        for name in ["../secret", "inner/../../secret", "/etc/hostname", "../absent", "../project2"]
        {
            assert!(outside(&path(name), &folder).is_some(), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path().join("secret"), folder.join("link")).unwrap();
            std::os::unix::fs::symlink(root.path(), folder.join("out")).unwrap();
            let secret = root.path().canonicalize().unwrap().join("secret");
            assert_eq!(outside(&path("link"), &folder), Some(secret.clone()));
            assert_eq!(outside(&path("out/secret"), &folder), Some(secret));
            assert!(outside(&path("out/absent"), &folder).is_some());
        }
    }
}
