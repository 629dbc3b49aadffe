//! The file: found upwards, read strictly, with the line of every key.

mod beside;
mod parse;
mod two_prompts;

pub use parse::schema;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    Effective, Resolved,
    jury::Juries,
    layers::{SettingOrigin, SettingsLayer},
    permission::Permission,
};
use crate::{
    Hint,
    environment::Environment,
    error::{Error, ErrorKind, Result, unknown},
};

/// The name under which the file is looked for.
const NAME: &str = "tribunal.toml";

/// A configuration file, or none.
///
/// ```
/// use tribunal::config::Config;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("tribunal.toml");
/// # std::fs::write(&file, "[judge.strict]\nprompt = 'score'\nmodel = 'tiny'\npass = 'score >= 7'").unwrap();
/// let config = Config::read(&file)?;
/// assert_eq!(config.judges(), ["strict"]);
/// let judge = config.judge(None)?; // the only one
/// assert_eq!((judge.name.as_deref(), judge.model_name()), (Some("strict"), "tiny"));
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where the file is; empty where there is none.
    path: PathBuf,
    /// The file's tables as they stand there.
    tables: Map<String, Value>,
    /// The line of every key, by its path.
    lines: BTreeMap<String, usize>,
    /// Whether it was found and not named, so that it may come from anybody.
    found: bool,
    /// Where files, addresses and variables are looked up that settings name.
    environment: Environment,
}

/// The keys of `[defaults]` that hold for any model, whatever it is asked.
const OF_ANY_MODEL: [&str; 7] =
    ["sampling", "reask", "prices", "map", "set", "allow_code", "python"];

impl Config {
    /// The file `tribunal.toml` in `folder`, or in the nearest folder above it; an empty one if there is
    /// none.
    ///
    /// A file that is found this way may come from anybody, such as the author of a repository. Until the
    /// caller calls [`trusted`](Self::trusted), its judges are refused if they send requests or a key to a
    /// place that is neither the preset's own nor this machine, send another variable as the key, or read
    /// files outside of the folder.
    ///
    /// # Errors
    /// The file is wrong: the error names the line.
    pub fn find(folder: &Path) -> Result<Self> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let depth = std::path::absolute(here).map_or(0, |path| path.ancestors().count());
        let above = |n: usize| folder.join("../".repeat(n)).join(NAME);
        let found = (0..depth).map(above).find(|path| path.is_file());
        found.map_or_else(|| Ok(Self::default()), |path| Self::read_found(&path))
    }

    /// Reads a file that the user has not named.
    pub(crate) fn read_found(path: &Path) -> Result<Self> {
        Ok(Self { found: true, ..Self::read(path)? })
    }

    /// The same file, allowed to ask for everything: for a caller who knows where it comes from, or who
    /// has looked at [`permissions`](Self::permissions).
    #[must_use]
    pub fn trusted(self) -> Self {
        Self { found: false, ..self }
    }

    /// Whether the file was found and has not been marked as trusted.
    pub fn is_found(&self) -> bool {
        self.found
    }

    /// What the judges and models of the file ask for that only the user can allow.
    ///
    /// # Errors
    /// A setting is malformed.
    pub fn permissions(&self) -> Result<Vec<Permission>> {
        let named = |model: &str| {
            let table = Map::from_iter([("model".to_owned(), model.into())]);
            SettingsLayer::new(table, |key| SettingOrigin::Flag(key.to_owned()))
        };
        let judges = self.judges().into_iter().map(|name| (Some(name), SettingsLayer::default()));
        let models = self.models().into_iter().map(|name| (None, named(name)));
        let mut all: Vec<Permission> = Vec::new();
        for (judge, over) in judges.chain([(None, SettingsLayer::default())]).chain(models) {
            let effective = self.layered(judge, over, SettingsLayer::default())?;
            let new = effective.permissions().into_iter();
            let new: Vec<_> =
                new.filter(|one| all.iter().all(|it| it.what() != one.what())).collect();
            all.extend(new);
        }
        Ok(all)
    }

    /// Reads a file that the user has named: it is trusted.
    ///
    /// # Errors
    /// It cannot be read, or is wrong: the error names the line and the near key.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::files::text(path).map_err(|cause| {
            Error::new(ErrorKind::Config, format!("cannot read `{}`", path.display()))
                .because(cause)
        })?;
        Self::parse(path, &text)
    }

    /// The file's place; `None` if there is no file.
    pub fn path(&self) -> Option<&Path> {
        (!self.path.as_os_str().is_empty()).then_some(&*self.path)
    }

    /// The names under `[judge]`.
    pub fn judges(&self) -> Vec<&str> {
        self.names("judge")
    }

    /// The names under `[model]`.
    pub fn models(&self) -> Vec<&str> {
        self.names("model")
    }

    /// The judge of this name, or the default one: that of `defaults.judge`, else the only one.
    ///
    /// # Errors
    /// There is no such judge: the error names the near one. Or the file was [found](Self::find) and asks
    /// for what only the user can allow.
    pub fn judge(&self, name: Option<&str>) -> Result<Resolved> {
        self.resolve(name, SettingsLayer::default(), SettingsLayer::default())
    }

    /// The same with `over` over the judge's settings and `model_over` over those of its model.
    ///
    /// # Errors
    /// As of [`judge`](Self::judge).
    pub fn resolve(
        &self,
        name: Option<&str>,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Resolved> {
        let effective = self.effective(name, over, model_over)?;
        let needed = if self.found { effective.permissions() } else { Vec::new() };
        if needed.is_empty() {
            return effective.read(&self.environment);
        }
        Err(Permission::refused(&needed).hint(
            "a program that knows the file allows it with `trusted()`, or reads it by its name",
        ))
    }

    /// The same where `over` and `model_over` came from elsewhere, such as over a network: they may name judges
    /// and models of this file, but no file, no address and no variable.
    ///
    /// ```
    /// use serde_json::json;
    /// use tribunal::config::{Config, SettingOrigin, SettingsLayer};
    ///
    /// let sent = |table: serde_json::Value| {
    ///     SettingsLayer::new(table.as_object().cloned().unwrap_or_default(), |_| SettingOrigin::Default)
    /// };
    /// let config = Config::default();
    /// let none = SettingsLayer::default;
    /// let judge = config.resolve_foreign(None, sent(json!({"prompt": "score", "draws": 3})), none())?;
    /// assert_eq!(judge.settings.draws, Some(3));
    /// assert!(config.resolve_foreign(None, sent(json!({"criteria": "@/etc/passwd"})), none()).is_err());
    /// # Ok::<(), tribunal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`judge`](Self::judge), or a setting names something that is not allowed here: the error names the setting.
    pub fn resolve_foreign(
        &self,
        name: Option<&str>,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Resolved> {
        let own = model_over.clone();
        Effective::new(None, vec![over.clone()], |_| vec![own])?.check(&Environment::closed())?;
        self.resolve(name, over, model_over)
    }

    /// The same file in this environment: with a closed one, its judges can name no file, address or variable.
    #[must_use]
    pub fn within(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// The settings of all layers as they were written, whatever they ask for: to be shown, or to ask for
    /// permission. Nothing that they name is read.
    ///
    /// # Errors
    /// There is no such judge, or a setting is malformed.
    pub fn effective(
        &self,
        name: Option<&str>,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Effective> {
        self.layered(name, over, model_over)
    }

    /// The same for several judges of this file: a jury of them, which is called `a+b` and has no table of its own.
    /// One judge is that judge, and none is the default one. `origin` is where the names come from.
    ///
    /// ```
    /// use tribunal::config::{Config, SettingOrigin, SettingsLayer};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("tribunal.toml");
    /// # std::fs::write(&file, "[judge.strict]\nprompt = 'score'\n[judge.kind]\nprompt = 'score'").unwrap();
    /// let config = Config::read(&file)?;
    /// let (none, flag) = (SettingsLayer::default, SettingOrigin::Flag("--judge".into()));
    /// let jury = config.effective_of(&["strict", "kind"], &flag, none(), none())?;
    /// assert!(jury.is_jury());
    /// assert_eq!(jury.name.as_deref(), Some("strict+kind"));
    /// # Ok::<(), tribunal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`effective`](Self::effective); or a judge is named twice, or is a jury or a cascade itself.
    pub fn effective_of(
        &self,
        names: &[&str],
        origin: &SettingOrigin,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Effective> {
        if let [] | [_] = names {
            return self.effective(names.first().copied(), over, model_over);
        }
        names.iter().try_for_each(|name| match self.table(&["judge", name]) {
            Some(_) => Ok(()),
            None => Err(self.no_judge(name)),
        })?;
        Juries { tables: &self.tables, lines: &self.lines, file: "" }.check_named(names)?;
        let members = Map::from_iter([("members".to_owned(), names.into())]);
        let own = SettingsLayer::new(members, |_| origin.clone());
        self.jury(&names.join("+"), &own, &over, &model_over)
    }

    /// The same for one judge on several models: a jury of them, which is called `a+b` and whose members have the settings
    /// of the judge in common. `origin` is where the models come from.
    ///
    /// ```
    /// use tribunal::config::{Config, SettingOrigin, SettingsLayer};
    ///
    /// let (none, flag) = (SettingsLayer::default, SettingOrigin::Flag("--model".into()));
    /// let models = ["openai/gpt-5-mini", "qwen.gguf"];
    /// let jury = Config::default().effective_on(None, &models, &flag, &none(), &none())?;
    /// assert!(jury.is_jury());
    /// assert_eq!(jury.name.as_deref(), Some("openai/gpt-5-mini+qwen.gguf"));
    /// # Ok::<(), tribunal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`effective`](Self::effective); or a model is named twice, or the judge is a jury or a cascade.
    pub fn effective_on(
        &self,
        name: Option<&str>,
        models: &[&str],
        origin: &SettingOrigin,
        over: &SettingsLayer,
        model_over: &SettingsLayer,
    ) -> Result<Effective> {
        if let Some(twice) = models.iter().enumerate().find(|(n, one)| models[..*n].contains(one)) {
            let message = format!("the model `{}` is named twice", twice.1);
            let hint = Hint::from("more samples of one model are ").setting("draws", "2");
            return Err(Error::new(ErrorKind::Config, message).hint(hint));
        }
        let member = |model: &&str| {
            let over = over.clone().of_members().with("model", model, origin);
            let member = self.layered(name, over, model_over.clone())?;
            if member.is_jury() {
                let several = member.name.unwrap_or_default();
                let message = format!("`{several}` has models of its own, and cannot have others");
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("name a single judge, or no judge, beside several models"));
            }
            Ok(Effective { name: Some((*model).to_owned()), is_member: true, ..member })
        };
        let members = models.iter().map(member).collect::<Result<_>>()?;
        let own = Map::from_iter([("members".to_owned(), models.into())]);
        let own = SettingsLayer::new(own, |_| origin.clone());
        self.jury_of(&models.join("+"), &own, over, model_over, members)
    }

    /// The settings of a model that stands beside the judge, such as a policy or a check. It is no judge of the file, so that
    /// it has no prompt, rule or scale of one; of `[defaults]` it has what holds for any model.
    ///
    /// # Errors
    /// A setting is malformed.
    pub fn effective_model(
        &self,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Effective> {
        let defaults = self.layer(&["defaults"]).unwrap_or_default();
        let defaults = defaults.keeping(|key| OF_ANY_MODEL.contains(&key));
        self.single(None, vec![over, defaults], model_over)
    }

    /// A jury with these settings of its own, and its members.
    fn jury(
        &self,
        name: &str,
        own: &SettingsLayer,
        over: &SettingsLayer,
        model_over: &SettingsLayer,
    ) -> Result<Effective> {
        let member = |name: &String| {
            let over = over.clone().of_members();
            let member = self.layered(Some(name), over, model_over.clone())?;
            Ok(Effective { is_member: true, ..member })
        };
        let members = own.members().iter().map(member).collect::<Result<_>>()?;
        self.jury_of(name, own, over, model_over, members)
    }

    /// A jury with these settings of its own, of these members.
    fn jury_of(
        &self,
        name: &str,
        own: &SettingsLayer,
        over: &SettingsLayer,
        model_over: &SettingsLayer,
        members: Vec<Effective>,
    ) -> Result<Effective> {
        if two_prompts::first(std::slice::from_ref(over)).is_some() {
            let message = format!("`{name}` has several judges, and no prompt to ask first");
            return Err(Error::new(ErrorKind::Config, message)
                .hint("name a single judge, or write a cascade of judges in the file"));
        }
        let mut defaults = self.layer(&["defaults"]).unwrap_or_default();
        defaults.remove("judge");
        // A rule for all judges is a rule of the members, and counts where they share it.
        defaults.remove("pass");
        let of_jury = [over.clone(), own.clone(), defaults].map(SettingsLayer::of_jury).into();
        let of_model = |_: Option<&str>| vec![model_over.clone().of_run()];
        Ok(Effective { members, ..Effective::new(Some(name), of_jury, of_model)? })
    }

    /// The settings of all layers, whatever they ask for.
    fn layered(
        &self,
        name: Option<&str>,
        over: SettingsLayer,
        model_over: SettingsLayer,
    ) -> Result<Effective> {
        let default = self.table(&["defaults"]).and_then(|table| table.get("judge")?.as_str());
        let only = match (default, self.judges().as_slice()) {
            (None, [only]) => Some(*only),
            _ => None,
        };
        let chosen = name.or(default).or(only);
        let own = match chosen {
            Some(name) => Some(self.layer(&["judge", name]).ok_or_else(|| self.no_judge(name))?),
            None => None,
        };
        if let (Some(name), Some(own)) = (chosen, &own)
            && !own.members().is_empty()
        {
            return self.jury(name, own, &over, &model_over);
        }
        let mut defaults = self.layer(&["defaults"]).unwrap_or_default();
        defaults.remove("judge");
        let layers: Vec<_> = [Some(over), own, Some(defaults)].into_iter().flatten().collect();
        let mut effective = match two_prompts::first(&layers) {
            Some(first) => self.two_prompts(chosen, &layers, &first, &model_over)?,
            None => self.single(chosen, layers, model_over)?,
        };
        effective.only = name.is_none() && only.is_some();
        Ok(effective)
    }

    /// The settings of one judge with one prompt.
    fn single(
        &self,
        name: Option<&str>,
        layers: Vec<SettingsLayer>,
        model_over: SettingsLayer,
    ) -> Result<Effective> {
        let mut effective = Effective::new(name, layers, |model| {
            [Some(model_over), model.and_then(|model| self.layer(&["model", model]))]
                .into_iter()
                .flatten()
                .collect()
        })?;
        let reference = effective.settings.reference_model.as_deref();
        if let Some(own) = reference.and_then(|name| self.layer(&["model", name])) {
            effective.set_reference(own)?;
        }
        Ok(effective)
    }

    /// The names of the tables of a kind.
    fn names(&self, kind: &str) -> Vec<&str> {
        self.table(&[kind]).into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    /// The error of a judge that is not there, with the near name.
    fn no_judge(&self, name: &str) -> Error {
        let Some(path) = self.path() else {
            return Error::new(
                ErrorKind::Config,
                format!("there is no judge `{name}`: no {NAME} was found"),
            )
            .hint(
                Hint::from("`tribunal init` writes one; a file elsewhere is named by ")
                    .setting("config", "FILE"),
            );
        };
        let names = self.judges();
        let error = unknown(ErrorKind::Config, "judge", name, names.iter().copied());
        error.within(path.display())
    }

    /// A table by its path.
    fn table(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        path.iter().try_fold(&self.tables, |table, name| table.get(*name)?.as_object())
    }

    /// A table with the place of each of its keys; files that it names stand beside this one.
    fn layer(&self, path: &[&str]) -> Option<SettingsLayer> {
        let table = self.table(path)?;
        let place = path.join(".");
        let origin = |key: &str| {
            let line = self.lines.get(&format!("{place}.{key}")).copied().unwrap_or(1);
            SettingOrigin::File { path: self.path.clone(), line, table: place.clone() }
        };
        Some(SettingsLayer::new(beside::beside(table.clone(), self.path.parent()), origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[defaults]
judge = "strict"
draws = 2
pass = "score >= 5"

[judge.strict]
model = "fast"
criteria = "Be kind."
sampling = { temperature = 0.5 }
pass = "score >= 7"

[judge.loose]
labels = ["good", "bad"]

[model.fast]
name = "openai/gpt-5-mini"
extra = { reasoning_effort = "low" }
price = { prompt = 0.25, completion = 2 }
"#;

    fn config(text: &str) -> Result<Config> {
        Config::parse(Path::new("tribunal.toml"), text)
    }

    fn flags(json: &Value) -> SettingsLayer {
        SettingsLayer::new(json.as_object().cloned().unwrap_or_default(), |key| {
            SettingOrigin::Flag(format!("--{key}"))
        })
    }

    #[test]
    fn flags_win_over_the_judge_and_the_judge_over_the_defaults() {
        let over = flags(&serde_json::json!({"draws": 3, "sampling": {"seed": 7}}));
        let judge = config(FILE).unwrap().resolve(None, over, SettingsLayer::default()).unwrap();
        assert_eq!(judge.settings.draws, Some(3));
        assert_eq!(judge.settings.pass.as_deref(), Some("score >= 7"));
        assert_eq!(judge.settings.criteria, ["Be kind."]);
        assert_eq!(
            (judge.settings.sampling.temperature, judge.settings.sampling.seed),
            (Some(0.5), Some(7))
        );
        assert_eq!(judge.model.name.as_deref(), Some("openai/gpt-5-mini"));
        assert_eq!(judge.model.price.unwrap().cached, None);
        assert_eq!(judge.model.extra_fields()["reasoning_effort"], "low");
        assert_eq!(judge.origin("draws").to_string(), "--draws");
        assert_eq!(judge.origin("pass").to_string(), "tribunal.toml:11 [judge.strict]");
        assert_eq!(
            judge.origin("sampling.temperature").to_string(),
            "tribunal.toml:10 [judge.strict]"
        );
        assert_eq!(judge.origin("model.price").to_string(), "tribunal.toml:19 [model.fast]");
    }

    #[test]
    fn a_named_judge_does_not_inherit_from_the_default_one() {
        let judge = config(FILE).unwrap().judge(Some("loose")).unwrap();
        assert_eq!((judge.settings.labels.len(), &judge.settings.model), (2, &None));
        assert_eq!(judge.settings.draws, Some(2));
    }

    #[test]
    fn a_judge_that_is_not_there_has_a_near_name() {
        let missing = config(FILE).unwrap().judge(Some("stric"));
        assert!(format!("{:?}", missing.unwrap_err()).contains("did you mean `strict`?"));
    }
}
