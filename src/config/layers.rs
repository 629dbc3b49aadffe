//! Settings on top of one another, each with its origin.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde_json::{Map, Value};

/// Where a setting was made.
///
/// ```
/// use tribunal::config::SettingOrigin;
///
/// let origin = SettingOrigin::File { path: "tribunal.toml".into(), line: 4, table: "judge.strict".into() };
/// assert_eq!(origin.to_string(), "tribunal.toml:4 [judge.strict]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingOrigin {
    /// A flag of the command line.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// A key of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key.
        line: usize,
        /// The table that holds it.
        table: String,
    },
    /// Not set: the prompt or the program decides.
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { path, line, table } => write!(f, "{}:{line} [{table}]", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Settings from one source, such as the flags of a command or a table of a file, with the origin of each.
///
/// ```
/// use serde_json::json;
/// use tribunal::config::{Config, SettingOrigin, SettingsLayer};
///
/// let table = json!({"prompt": "score", "draws": 3}).as_object().cloned().unwrap_or_default();
/// let flags = SettingsLayer::new(table, |key| SettingOrigin::Flag(format!("--{key}")));
/// let judge = Config::default().resolve(None, flags, SettingsLayer::default())?;
/// assert_eq!(judge.settings.draws, Some(3));
/// assert_eq!(judge.origin("draws").to_string(), "--draws");
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SettingsLayer {
    table: Map<String, Value>,
    /// The origin of every key; keys inside of tables are separated by a dot.
    origins: BTreeMap<String, SettingOrigin>,
}

/// Tables whose keys are set one by one.
const TABLES: [&str; 8] =
    ["sampling", "set", "map", "label_map", "criterion", "extra", "template", "weights"];

impl SettingsLayer {
    /// A table of settings; `origin` returns where a key was set; keys inside of tables are passed as `table.key`.
    pub fn new(table: Map<String, Value>, origin: impl Fn(&str) -> SettingOrigin) -> Self {
        let mut origins = BTreeMap::new();
        for (key, value) in &table {
            origins.insert(key.clone(), origin(key));
            let inner = value.as_object().filter(|_| TABLES.contains(&key.as_str()));
            for name in inner.into_iter().flat_map(Map::keys) {
                let path = format!("{key}.{name}");
                origins.insert(path.clone(), origin(&path));
            }
        }
        Self { table, origins }
    }

    /// The same layer with this value of a key.
    pub(super) fn with(mut self, key: &str, value: &str, origin: &SettingOrigin) -> Self {
        self.table.insert(key.to_owned(), value.into());
        self.origins.insert(key.to_owned(), origin.clone());
        self
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &str) {
        self.table.remove(key);
    }

    /// Where a key was set.
    pub(super) fn origin(&self, key: &str) -> SettingOrigin {
        self.origins.get(key).cloned().unwrap_or(SettingOrigin::Default)
    }

    /// The settings by key.
    pub(super) fn table(&self) -> &Map<String, Value> {
        &self.table
    }

    /// Only the keys that pass, with what is inside of them.
    pub(super) fn keeping(mut self, is_kept: impl Fn(&str) -> bool) -> Self {
        self.table.retain(|key, _| is_kept(key));
        self.origins.retain(|path, _| is_kept(path.split('.').next().unwrap_or(path)));
        self
    }
}

/// Merges layers: the first that has a key wins, in tables for each of their keys.
pub(super) fn merged(
    layers: Vec<SettingsLayer>,
) -> (Map<String, Value>, BTreeMap<String, SettingOrigin>) {
    let (mut table, mut origins) = (Map::new(), BTreeMap::new());
    for SettingsLayer { table: values, origins: places } in layers {
        for (key, value) in values {
            match (table.get_mut(&key), value) {
                (Some(Value::Object(over)), Value::Object(under))
                    if TABLES.contains(&key.as_str()) =>
                {
                    let missing = under.into_iter().filter(|(name, _)| !over.contains_key(name));
                    let missing: Vec<_> = missing.collect();
                    over.extend(missing);
                }
                (Some(_), _) => (),
                (None, value) => drop(table.insert(key, value)),
            }
        }
        for (key, origin) in places {
            origins.entry(key).or_insert(origin);
        }
    }
    (table, origins)
}
