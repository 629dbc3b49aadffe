//! The file: found upwards, read strictly, with the line of every key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Effective, ModelSettings, Resolved, Settings,
    check::Checker,
    jury::Juries,
    layers::{SettingOrigin, SettingsLayer},
    permission::Permission,
};
use crate::{
    Hint,
    environment::Environment,
    error::{Error, ErrorKind, Result, unknown},
    models,
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

/// The whole file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct File {
    /// Settings for all judges that do not set them.
    defaults: Defaults,
    /// Judges by name, for `--judge NAME`.
    judge: BTreeMap<String, Settings>,
    /// Models by name, for `--model NAME` and for `model` of judges.
    model: BTreeMap<String, ModelSettings>,
}

/// Settings for all judges, and the name of the judge that is used when none is named.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Defaults {
    /// The judge that is used when none is named.
    judge: Option<String>,
    #[expect(dead_code, reason = "it is read from the table; here types are checked")]
    #[serde(flatten)]
    settings: Settings,
}

/// The JSON schema of the file, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

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

    /// Reads the text of a file, in steps that each keep the line of what is wrong: the syntax, the schema, the
    /// juries, and whatever only the types know.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |cause: &toml::de::Error| malformed(path, text, cause);
        let (spanned, mut mistakes) = DeTable::parse_recoverable(text);
        mistakes.sort_by_key(|cause| cause.span().map_or(0, |span| span.start));
        if let Some(first) = mistakes.first() {
            return Err(wrong(first));
        }
        let mut lines = BTreeMap::new();
        note_lines(text, "", spanned.get_ref(), &mut lines);
        let tables: Map<String, Value> = toml::from_str(text).map_err(|cause| wrong(&cause))?;
        let config = Self { path: path.to_owned(), tables, lines, ..Self::default() };
        let (schema, file) = (schema(), path.display().to_string());
        Checker { schema: &schema, file: &file, lines: &config.lines }.check(&config.tables)?;
        Juries { tables: &config.tables, lines: &config.lines, file: &file }.check()?;
        // Whatever the schema does not cover is refused here, while its line is still known.
        toml::from_str::<File>(text).map_err(|cause| {
            let line = cause.span().map_or(1, |span| line_of(text, span.start));
            Error::new(ErrorKind::Config, format!("{file}:{line}: the key cannot have this value"))
        })?;
        Ok(config)
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
        let mut defaults = self.layer(&["defaults"]).unwrap_or_default();
        defaults.remove("judge");
        let members = own.as_ref().map(SettingsLayer::members).unwrap_or_default();
        if let (Some(own), false) = (&own, members.is_empty()) {
            // A rule for all judges is a rule of the members, and counts where they share it.
            defaults.remove("pass");
            let of_jury = [over.clone(), own.clone(), defaults].map(SettingsLayer::of_jury).into();
            let of_model = |_: Option<&str>| vec![model_over.clone().of_run()];
            let mut jury = Effective::new(chosen, of_jury, of_model)?;
            let member = |name: &String| {
                let over = over.clone().of_members();
                let member = self.layered(Some(name), over, model_over.clone())?;
                Ok(Effective { is_member: true, ..member })
            };
            jury.members = members.iter().map(member).collect::<Result<_>>()?;
            return Ok(jury);
        }
        let layers = [Some(over), own, Some(defaults)].into_iter().flatten();
        let mut effective = Effective::new(chosen, layers.collect(), |model| {
            [Some(model_over), model.and_then(|model| self.layer(&["model", model]))]
                .into_iter()
                .flatten()
                .collect()
        })?;
        effective.only = name.is_none() && only.is_some();
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
        Some(SettingsLayer::new(self.rebased(table.clone()), origin))
    }

    /// The table with its files beside the configuration file, wherever the program runs.
    fn rebased(&self, mut table: Map<String, Value>) -> Map<String, Value> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        if folder.as_os_str().is_empty() {
            return table;
        }
        let beside = |name: &str| folder.join(name).display().to_string();
        for key in ["prompt", "model", "name"] {
            if let Some(Value::String(name)) = table.get_mut(key) {
                if folder.join(&*name).is_file() {
                    *name = beside(name);
                } else if let Some(moved) = models::beside(name, folder) {
                    *name = moved;
                }
            }
        }
        // Of `lora` only the file has to be moved: a scale stands after it.
        for key in ["lora", "prices"] {
            if let Some(Value::String(name)) = table.get_mut(key) {
                *name = beside(name);
            }
        }
        for key in ["criteria", "criterion", "set"] {
            if let Some(value) = table.get_mut(key) {
                each_text(value, &mut |text| {
                    if let Some(name) = text.strip_prefix('@') {
                        *text = format!("@{}", beside(name));
                    }
                });
            }
        }
        table
    }
}

/// Changes every text in a value.
fn each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|value| each_text(value, change)),
        Value::Object(map) => map.values_mut().for_each(|value| each_text(value, change)),
        _ => (),
    }
}

/// Notes the line of every key, by its path.
fn note_lines(text: &str, place: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if place.is_empty() { name.to_string() } else { format!("{place}.{name}") };
        lines.insert(path.clone(), line_of(text, Spanned::span(key).start));
        if let DeValue::Table(inner) = value.get_ref() {
            note_lines(text, &path, inner, lines);
        }
    }
}

/// What is wrong with the syntax of a file, in plain words.
fn malformed(path: &Path, text: &str, cause: &toml::de::Error) -> Error {
    let span = cause.span().unwrap_or_default();
    let said = cause.message();
    let twice = said.contains("duplicate key").then(|| text.get(span.clone())).flatten();
    let says = |words: &str| said.contains(words);
    let what = match twice.map(str::trim).filter(|name| !name.contains('\n')) {
        Some(name) => format!("`{name}` is set twice"),
        None if says("duplicate key") => "a key or a table is set twice".into(),
        None if says("must be quoted") => "a text must stand in quotes".into(),
        None if says("missing value") => "the key has no value".into(),
        None if says("missing comma") => "a comma is missing in a list".into(),
        None if says("unclosed") => "a list or a table in braces is not closed".into(),
        None if says("escape") => "a backslash must be written twice in double quotes".into(),
        None if says("string") || says("quote") => "a text is not closed by its quote".into(),
        None => "this is not valid TOML".into(),
    };
    let place = format!("{}:{}", path.display(), line_of(text, span.start));
    Error::new(ErrorKind::Config, what).within(place).hint(
        "write key = \"text\", key = 3 or key = [\"a\", \"b\"] below a table such as [judge.NAME]",
    )
}

/// The line of a place in the text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
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

    fn refusal(text: &str) -> String {
        format!("{:?}", config(text).unwrap_err())
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
    fn a_mistake_names_its_line_and_the_near_word() {
        assert!(
            refusal("[judge.x]\npromt = 'a'")
                .contains("tribunal.toml:2: unknown key `promt` in [judge.x]")
        );
        assert!(refusal("[judge.x]\npromt = 'a'").contains("did you mean `prompt`?"));
        assert!(refusal("[judge.x]\nsampling = {temprature = 0}").contains("`temperature`?"));
        assert!(refusal("[models.x]\nname = 'a'").contains("did you mean `model`?"));
        assert!(refusal("[model.x]\nprice = {promt = 1}").contains("`prompt`?"));
        assert!(refusal("\n[judge.x]\ndraws = 'three'").contains("tribunal.toml:3"));
        assert!(refusal("[judge.x\n").contains("tribunal.toml:1"));
        for (text, words) in [
            ("\n[judge.x]\ndraws = 'three'", "toml:3: `draws` must be a whole number"),
            ("[judge.x]\ndraws = -1", "toml:2: `draws` must be a whole number"),
            ("[judge.x]\ndraws = 1.5", "not a fraction"),
            ("[judge.x]\ndraws = 99999999999", "that is not too large"),
            (
                "[judge.x]\nfail_under = 90",
                "a share between 0 and 1, such as 0.9 or \"90%\", not 90",
            ),
            ("[judge.x]\nfail_under = '900%'", "must be a share"),
            ("[judge.x]\nmax_unreadable = 'some'", "must be a share"),
            ("[judge.x]\n\ncriteria = 3", "toml:3: `criteria` must be a text in quotes or a list"),
            ("[judge.x]\nlabels = ['a', 2]", "must be a text in quotes or a list of texts"),
            ("[judge.x]\naggregate = 'avg'", "must be one of `mean`, `median`"),
            ("[judge.x]\norder = 'bth'", "did you mean `both`?"),
            ("[judge.x]\nscale = [1, 5]", "must be a text in quotes, not a list"),
            ("[judge.x]\nscale = 1979-05-27", "not a date"),
            (
                "[judge.x]\nsampling = {temperature = 'hot'}",
                "`temperature` must be a number, not a text",
            ),
            ("[judge.x]\nsampling = {temperature = nan}", "not infinite"),
            ("[judge.x]\nsampling = 0", "toml:2: `sampling` must be a table, not a number"),
            ("judge = 'x'", "toml:1: `judge` must be a table, not a text"),
            ("[[judge.x]]\nprompt = 'a'", "must be a table, not a list"),
            ("[model.x]\nprice = {prompt = 1}", "[model.x.price] lacks `completion`"),
            ("[model.x]\nconcurrency = 0", "a whole number, 1 or more"),
            ("[model.x]\nkey_variable = 'sk-proj-abc'", "is not the name of a variable"),
            ("[model.x]\napi_key = 'sk-abc'", "stay out of this file"),
            ("[judge.x]\nprompt = 'a'\nprompt = 'b'", "toml:3: `prompt` is set twice"),
            ("[judge.x]\n[judge.x]\n", "is set twice"),
            ("[judge.x]\nprompt = 'a\n", "toml:2: a text is not closed by its quote"),
            ("[judge.x]\nprompt = \"a\nb\"", "toml:2: a text is not closed by its quote"),
            ("[judge.x]\nprompt = a", "toml:2: a text must stand in quotes"),
            ("[judge.x]\nprompt", "toml:2: this is not valid TOML"),
            ("[judge.x]\nlabels = ['a'", "is not closed"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(words), "{text}: {refusal}");
            for word in ["invalid type", "expected `", "serde", "sk-", "u32", "f64", "variant"] {
                assert!(!refusal.contains(word), "{text}: {refusal}");
            }
        }
        let missing = config(FILE).unwrap().judge(Some("stric"));
        assert!(format!("{:?}", missing.unwrap_err()).contains("did you mean `strict`?"));
    }

    #[test]
    fn keys_of_ones_own_are_free_where_names_are() {
        assert!(config("[judge.x]\nset = {rubric = 'r'}\nmap = {answer = 'a.b'}\ncriterion = {tone = 'kind'}").is_ok());
        let refusal = refusal("[judge.x]\nset = {rubric = 3}");
        assert!(refusal.contains("`rubric` must be a text in quotes, not a number"), "{refusal}");
    }

    #[test]
    fn files_stand_beside_the_file_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.jinja"), "x").unwrap();
        let text = "[defaults]\nprompt = 'mine.jinja'\ncriteria = '@style.md'\n";
        let config = Config::parse(&folder.path().join(NAME), text).unwrap();
        let none = SettingsLayer::default;
        let judge = config.effective(None, none(), none()).unwrap();
        let beside = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(judge.settings.prompt, Some(beside("mine.jinja")));
        assert_eq!(judge.settings.criteria, [format!("@{}", beside("style.md"))]);
    }

    #[test]
    fn the_schema_describes_every_key() {
        let schema = schema().to_string();
        for key in [
            "prompt",
            "criterion",
            "fail_under",
            "temperature",
            "key_variable",
            "price",
            "additionalProperties",
        ] {
            assert!(schema.contains(&format!("\"{key}\"")), "{key}");
        }
    }
}
