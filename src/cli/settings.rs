//! Flags that describe a judge, and the effective settings: flags over variables over the file.
//!
//! The flags are those of the library's own types [`Settings`] and [`ModelSettings`], which also are the keys of
//! tribunal.toml: one definition gives the flag, the variable, the key, the schema and the help. So a new setting of the
//! library is a flag of every command at once.
//!
//! [`Sources`] records which arguments clap read from the environment, so that `tribunal config` can name the
//! variable, and `trust` can distinguish a flag from a variable of a found `.env`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, parser::ValueSource};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{note, trust};
use tribunal::{
    config::{
        Config, Effective, ModelSettings, Pair, Resolved, SettingOrigin, Settings, SettingsLayer,
    },
    environment::Environment,
    error::{Error, ErrorKind, Result, near},
    files::Plan,
    item::FieldMap,
    report::Labels,
};

/// Flags that describe a judge: its name in a file, its settings, or both.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Judge")]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    model: ModelSettings,
    /// Judge of this name in tribunal.toml; several are a jury.
    #[arg(long, value_name = "NAME", env = "TRIBUNAL_JUDGE", value_delimiter = ',')]
    judge: Vec<String>,
    /// Configuration file [default: tribunal.toml here or above].
    #[arg(short, long, value_name = "FILE", env = "TRIBUNAL_CONFIG")]
    config: Option<PathBuf>,
}

/// What only the command line itself tells about its arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// The variables that arguments came from, by the argument's name.
    variables: BTreeMap<String, String>,
    /// Every model that was named; the settings hold the first one.
    models: Vec<String>,
}

impl Sources {
    /// Looks up where each argument of a command came from.
    pub(super) fn of(command: &clap::Command, matches: &ArgMatches) -> Self {
        let variable = |arg: &clap::Arg| {
            let id = arg.get_id().as_str();
            let from = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
            let name = arg.get_env().filter(|_| from == Some(ValueSource::EnvVariable))?;
            Some((id.to_owned(), name.to_string_lossy().into_owned()))
        };
        let models = matches.try_get_many::<String>("model").ok().flatten();
        Self {
            variables: command.get_arguments().filter_map(variable).collect(),
            models: models.into_iter().flatten().cloned().collect(),
        }
    }

    /// Where the setting of this key came from: a variable, or else a flag.
    fn origin(&self, key: &str) -> SettingOrigin {
        // Each key of the table `sampling` is an argument of its own; any other table is one argument.
        let name = key.strip_prefix("sampling.").unwrap_or(key);
        let argument = name.split('.').next().unwrap_or(name);
        match self.variables.get(argument) {
            Some(variable) => SettingOrigin::Variable(variable.clone()),
            None => SettingOrigin::Flag(format!("--{}", argument.replace('_', "-"))),
        }
    }
}

impl Args {
    /// The effective settings of the judge.
    ///
    /// # Errors
    /// The file is wrong, there is no judge of that name, or a found file asks for what the user has not allowed.
    pub(super) fn resolve(&self, sources: &Sources) -> Result<Resolved> {
        let (config, effective) = self.effective(sources)?;
        trust::check(&config, &effective)?;
        effective.read(&Environment::process())
    }

    /// The effective settings, to be shown and not used: nothing needs permission.
    ///
    /// # Errors
    /// The file is wrong, or there is no judge of that name.
    pub(super) fn effective(&self, sources: &Sources) -> Result<(Config, Effective)> {
        let config = self.config()?;
        let layer = |table| SettingsLayer::new(table, |key| sources.origin(key));
        let (flags, of_model) = (layer(table(&self.settings)), layer(table(&self.model)));
        let names: Vec<&str> = self.judge.iter().map(String::as_str).collect();
        let models: Vec<&str> = sources.models.iter().map(String::as_str).collect();
        let resolved = match (names.as_slice(), models.as_slice()) {
            ([_, _, ..], [_, _, ..]) => {
                let message = "several judges and several models cannot be combined";
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("name one judge, or write the model of each judge in the file"));
            }
            (_, [_, _, ..]) => {
                let (name, origin) = (names.first().copied(), sources.origin("model"));
                config.effective_on(name, &models, &origin, &flags, &of_model)?
            }
            _ => config.effective_of(&names, &sources.origin("judge"), flags, of_model)?,
        };
        std::iter::once(&resolved)
            .chain(&resolved.members)
            .try_for_each(|judge| check_name(&config, judge))?;
        if !resolved.is_jury()
            && resolved.settings.model.is_none()
            && resolved.model.base_url.is_some()
        {
            return Err(
                Error::new(ErrorKind::Config, "--base-url needs a model name").hint("add -m MODEL")
            );
        }
        Ok((config, resolved))
    }

    /// Prints which judge of the file is used, where none was named.
    pub(super) fn introduce(&self, resolved: &Resolved) -> Result<()> {
        if let (Some(name), true) = (&resolved.name, resolved.is_only_judge()) {
            note(&format!("no judge named: using `{name}`, the only one in tribunal.toml"));
        } else if resolved.name.is_none() {
            let config = self.config()?;
            if let (Some(path), [_, ..]) = (config.path(), config.judges().as_slice()) {
                let names = config.judges().join("`, `");
                let path = path.display();
                note(&format!("no judge of {path} is used: choose one with --judge (`{names}`)"));
            }
        }
        Ok(())
    }

    /// The judge of this name, as the file describes it.
    ///
    /// # Errors
    /// The file is wrong, there is no judge of that name, or it asks for what the user has not allowed.
    pub(super) fn judge(&self, name: &str) -> Result<Resolved> {
        let config = self.config()?;
        let effective = config.effective(Some(name), self.shared(), SettingsLayer::default())?;
        trust::check(&config, &effective)?;
        effective.read(&Environment::process())
    }

    /// The flags that hold for every judge and model of a command.
    fn shared(&self) -> SettingsLayer {
        let prices = self.settings.prices.clone();
        let shared = table(&Settings { prices, ..Settings::default() });
        SettingsLayer::new(shared, |key| SettingOrigin::Flag(format!("--{key}")))
    }

    /// The settings of another model than the judge's, by its name in the file or its own. Prompts, rules and scales of
    /// judges are not among them.
    ///
    /// # Errors
    /// The file is wrong, or it asks for what the user has not allowed.
    pub(super) fn model(&self, name: &str, base_url: Option<&str>) -> Result<Resolved> {
        let own = Settings {
            model: Some(name.to_owned()),
            prices: self.settings.prices.clone(),
            ..Settings::default()
        };
        let reached =
            ModelSettings { base_url: base_url.map(ToOwned::to_owned), ..ModelSettings::default() };
        let layer = |table| SettingsLayer::new(table, |key| SettingOrigin::Flag(key.to_owned()));
        let config = self.config()?;
        let effective = config.effective_model(layer(table(&own)), layer(table(&reached)))?;
        trust::check(&config, &effective)?;
        effective.read(&Environment::process())
    }

    /// The plan with all files that the judge reads: none of them may be written.
    pub(super) fn reading(&self, plan: Plan, resolved: &Resolved) -> Plan {
        let config = self.config().ok().and_then(|config| config.path().map(Path::to_owned));
        let plan =
            config.into_iter().fold(plan, |plan, path| plan.reads("the configuration", &path));
        resolved.files().iter().fold(plan, |plan, (key, path)| match key.split('.').next() {
            Some("criteria" | "criterion" | "set") => plan.reads("read by `@`", Path::new(path)),
            Some("calibration") => plan.reads("the calibration", Path::new(path)),
            Some("thresholds") => plan.reads("the thresholds", Path::new(path)),
            Some("prices") => plan.reads("the table of prices", Path::new(path)),
            _ => reading_named(plan, std::iter::once(path.as_str())),
        })
    }

    /// The configuration file that was named, or the nearest one.
    ///
    /// # Errors
    /// The file is wrong.
    pub(super) fn config(&self) -> Result<Config> {
        match &self.config {
            Some(path) => Config::read(path),
            None => Config::find(std::path::Path::new("")),
        }
    }
}

/// The plan with the prompts and models among these names that are files.
pub(super) fn reading_named<'n>(plan: Plan, names: impl Iterator<Item = &'n str>) -> Plan {
    let paths = names.map(|name| Path::new(name.strip_prefix("replay:").unwrap_or(name)));
    let files = paths.filter(|path| path.is_file());
    files.fold(plan, |plan, path| plan.reads("a prompt, a recording or a model", path))
}

/// Rejects a bare name that is nearly the name of a model in the file.
fn check_name(config: &Config, resolved: &Effective) -> Result<()> {
    let models = config.models();
    let Some(name) = resolved.settings.model.as_deref().filter(|name| !models.contains(name))
    else {
        return Ok(());
    };
    let is_bare = !name.contains(['/', ':', '.']) && name != tribunal::models::DEFAULT_MODEL;
    match near(name, models).filter(|_| is_bare && resolved.model.base_url.is_none()) {
        Some(near) => Err(Error::new(ErrorKind::Config, format!("unknown model `{name}`"))
            .hint(format!("did you mean `{near}`, a model in tribunal.toml?"))),
        None => Ok(()),
    }
}

/// The field of the records' own labels, and what their words mean.
pub(super) fn labels(resolved: &Resolved) -> Labels {
    let Settings { label, label_map, .. } = &resolved.settings;
    let meanings = label_map.iter().map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
    Labels::new(label.clone(), meanings)
}

/// The map with the field of the records' own labels.
pub(super) fn labelled(map: &FieldMap, resolved: &Resolved) -> FieldMap {
    match &resolved.settings.label {
        Some(field) => map.clone().naming("label", field),
        None => map.clone(),
    }
}

/// Settings as a table of the configuration file.
fn table(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(table)) => table,
        _ => Map::new(),
    }
}
