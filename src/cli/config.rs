//! `tribunal config`
//!
//! One row per setting: its key as tribunal.toml writes it, its value, and the flag, variable or line of a file that it
//! comes from. Keys and other secrets are shown as `***`. Rows go to standard output; the file that was read, the judges
//! and models in it, and permissions that are missing go to standard error as comments.
//!
//! ```text
//! $ tribunal config --draws 3
//! draws = 3                                        # --draws
//! model = "tiny"                                   # default
//! ```

use std::io;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    Exit, emit, env_file, note,
    secrets::redacted,
    settings::{self, Sources},
    trust, width,
};
use tribunal::{
    config::{Effective, SettingOrigin},
    error::Result,
    report::escaped,
};

/// Show the effective settings and where each comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    judge: settings::Args,
}

/// Variables of keys and addresses; their values are never shown.
const VARIABLES: [&str; 12] = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENROUTER_API_KEY",
    "OLLAMA_HOST",
    "OLLAMA_API_KEY",
    "VLLM_BASE_URL",
    "VLLM_API_KEY",
    "LLAMACPP_BASE_URL",
    "LLAMA_API_KEY",
];

/// Runs `tribunal config`: nothing is opened and nothing needs permission.
///
/// # Errors
/// The configuration is wrong, or has no judge of that name.
pub(super) fn run(args: &Args, sources: &Sources) -> Result<Exit> {
    let mut out = io::stdout();
    let (config, resolved) = args.judge.effective(sources)?;
    match config.path() {
        Some(path) => note(&format!("# {}", path.display())),
        None => note("# no tribunal.toml here or above: `tribunal init` writes one"),
    }
    for (kind, names) in [("judges", config.judges()), ("models", config.models())] {
        if !names.is_empty() {
            note(&format!("# {kind}: {}", escaped(&names.join(", "))));
        }
    }
    for one in trust::missing(&config, &resolved).concat() {
        note(&format!("# needs your permission (`tribunal trust`): {}", one.what()));
    }
    let columns = width::of_stdout();
    rows(&resolved).iter().try_for_each(|row| emit(&mut out, &row.fitted(columns)))?;
    Ok(Exit::Done)
}

/// One effective setting.
struct Row {
    key: String,
    /// The value on one line, without secrets.
    value: String,
    /// The flag, variable, file and line that it comes from.
    origin: String,
}

impl Row {
    /// The setting and its origin on one line, or on two where the terminal is too narrow.
    fn fitted(&self, columns: Option<usize>) -> String {
        let setting = format!("{} = {}", self.key, self.value);
        let line = format!("{setting:<48} # {}", self.origin);
        if columns.is_none_or(|columns| line.width() <= columns) {
            return line;
        }
        width::fitted(&format!("{setting}\n    # {}", self.origin), columns)
    }
}

/// Every setting, then the defaults; of a jury also those of each member.
fn rows(resolved: &Effective) -> Vec<Row> {
    let mut rows = of_judge(resolved);
    let members = resolved.members.iter();
    for member in members.clone() {
        let name = member.name.as_deref().unwrap_or_default();
        let own = of_judge(member).into_iter();
        rows.extend(own.map(|row| Row { key: format!("{name}: {}", row.key), ..row }));
    }
    let given = |rows: &[Row], key: &str| rows.iter().any(|row| row.key == key);
    let judges = std::iter::once(resolved).chain(members);
    let named = judges.filter_map(|judge| judge.model.key_variable.as_deref());
    for variable in VARIABLES.into_iter().chain(named) {
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty())
            && !given(&rows, variable)
        {
            rows.push(Row {
                key: variable.into(),
                value: "***".into(),
                origin: source_of(variable),
            });
        }
    }
    rows
}

/// The settings of one judge and its model.
fn of_judge(resolved: &Effective) -> Vec<Row> {
    let mut rows = Vec::new();
    let settings = serde_json::to_value(&resolved.settings).unwrap_or_default();
    let model = serde_json::to_value(&resolved.model).unwrap_or_default();
    add(&mut rows, resolved, "", &settings);
    add(&mut rows, resolved, "model", &model);
    let defaults = [("model", "\"tiny\""), ("prompt", "by model and record")];
    for (key, value) in defaults.into_iter().filter(|_| !resolved.is_jury()) {
        if !rows.iter().any(|row| row.key == key) {
            let origin = SettingOrigin::Default.to_string();
            rows.push(Row { key: key.into(), value: value.into(), origin });
        }
    }
    rows
}

/// Adds a row for every key of a table, and for the keys of tables in it.
fn add(rows: &mut Vec<Row>, resolved: &Effective, place: &str, value: &Value) {
    let Value::Object(table) = value else { return };
    for (key, value) in table {
        let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        if value.is_object()
            && *resolved.origin(&format!("{path}.")) == SettingOrigin::Default
            && key != "price"
        {
            add(rows, resolved, &path, value);
            continue;
        }
        let origin = match resolved.origin(&path) {
            SettingOrigin::Variable(name) => source_of(name),
            origin => origin.to_string(),
        };
        rows.push(Row { value: shown(key, value), key: path, origin });
    }
}

/// The variable and where it is set: a file or the environment.
fn source_of(variable: &str) -> String {
    match env_file::origin_of(variable) {
        Some(path) => format!("{variable} in {}", path.display()),
        None => format!("{variable} in the environment"),
    }
}

/// The value on one line, with secrets hidden.
fn shown(key: &str, value: &Value) -> String {
    escaped(&redacted(key, value).to_string())
}
