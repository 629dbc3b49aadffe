//! The settings of a judge as they were written, before anything that they name is read.

use std::collections::BTreeMap;

use super::{
    ModelSettings, Pair, Settings,
    layers::{SettingOrigin, SettingsLayer, merged},
};
use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result},
    judge::{self, PromptRef},
    models::{self, ModelSpec},
};

/// The effective settings of a judge, and where each comes from.
///
/// They stand here as they were written: `@style.md` is the name of a file, and nothing has been opened. This
/// is what is shown to the user, and what permissions are asked for; [`read`](Self::read) makes contents of it.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The name of the judge, if it has one.
    pub name: Option<String>,
    /// What the judge is.
    pub settings: Settings,
    /// How its model is reached and loaded.
    pub model: ModelSettings,
    /// How its reference model is reached and loaded: its table of the file.
    pub reference: Box<ModelSettings>,
    /// Of a jury, the settings of each member, and after them those of its replacements; empty for any other judge.
    pub members: Vec<Self>,
    pub(super) only: bool,
    /// Whether it is a member of a jury, whose flags are meant for all members.
    pub(super) is_member: bool,
    pub(super) origins: BTreeMap<String, SettingOrigin>,
}

impl Effective {
    /// Merges layers, the first over the second and so on; `models` gives those of the model's table by its
    /// name.
    pub(super) fn new(
        name: Option<&str>,
        layers: Vec<SettingsLayer>,
        models: impl FnOnce(Option<&str>) -> Vec<SettingsLayer>,
    ) -> Result<Self> {
        let malformed =
            |cause| Error::new(ErrorKind::Config, "a setting is malformed").because(cause);
        let (table, mut origins) = merged(layers);
        let settings: Settings = serde_json::from_value(table.into()).map_err(malformed)?;
        let (table, of_model) = merged(models(settings.model.as_deref()));
        let model = serde_json::from_value(table.into()).map_err(malformed)?;
        origins.extend(of_model.into_iter().map(|(key, origin)| (format!("model.{key}"), origin)));
        let name = name.map(ToOwned::to_owned);
        Ok(Self {
            name,
            settings,
            model,
            reference: Box::default(),
            members: Vec::new(),
            only: false,
            is_member: false,
            origins,
        })
    }

    /// Sets how the reference model is reached and loaded.
    pub(super) fn set_reference(&mut self, own: SettingsLayer) -> Result<()> {
        let (table, _) = merged(vec![own]);
        self.reference = serde_json::from_value(table.into()).map_err(|cause| {
            Error::new(ErrorKind::Config, "a setting of the reference model is malformed")
                .because(cause)
        })?;
        Ok(())
    }

    /// Whether it is a jury or a cascade: what is asked is decided by its members.
    pub fn is_jury(&self) -> bool {
        !self.settings.members.is_empty() || !self.settings.cascade.is_empty()
    }

    /// Whether the judge was not named, and was chosen as the only one of its file.
    pub fn is_only_judge(&self) -> bool {
        self.only
    }

    /// Where a key was set; keys of the model begin with `model.`.
    pub fn origin(&self, key: &str) -> &SettingOrigin {
        self.origins.get(key).unwrap_or(&SettingOrigin::Default)
    }

    /// The model's own name.
    pub fn model_name(&self) -> &str {
        let named = self.model.name.as_deref().or(self.settings.model.as_deref());
        named.unwrap_or(models::DEFAULT_MODEL)
    }

    /// The model to open. Settings from the environment, and for members of a jury from flags, are left out where
    /// its scheme does not have them: they are meant for the models that do.
    pub fn model_spec(&self) -> ModelSpec {
        let spec = ModelSpec::new(self.model_name()).settings(self.model.clone());
        spec.keeping_known(|key| match self.origin(&format!("model.{key}")) {
            SettingOrigin::Variable(_) => true,
            SettingOrigin::Flag(_) => self.is_member,
            _ => false,
        })
    }

    /// The reference model to open; `None` if none is named.
    pub fn reference_spec(&self) -> Option<ModelSpec> {
        let named = self.settings.reference_model.as_deref()?;
        let name = self.reference.name.as_deref().unwrap_or(named);
        Some(ModelSpec::new(name).settings((*self.reference).clone()))
    }

    /// The settings of the model, and of its reference model.
    fn models(&self) -> [&ModelSettings; 2] {
        [&self.model, &self.reference]
    }

    /// Whether code of models and answers may run: of a jury, whether that of one member may.
    pub fn allows_code(&self) -> bool {
        self.settings.allow_code || self.members.iter().any(Self::allows_code)
    }

    /// Every file that the settings name, with the key of the setting; those of all members of a jury.
    pub fn files(&self) -> Vec<(String, String)> {
        let own = self.own_files().into_iter();
        own.chain(self.members.iter().flat_map(Self::files)).collect()
    }

    /// The same without those of members.
    pub(super) fn own_files(&self) -> Vec<(String, String)> {
        let settings = &self.settings;
        let named = |key: &str, path: &str| (key.to_owned(), path.to_owned());
        let prompt = settings.prompt.as_deref().filter(|name| judge::is_file(name));
        let mut files: Vec<_> = prompt.map(|path| named("prompt", path)).into_iter().collect();
        let base_url = self.model.base_url.as_deref();
        for (key, name, base_url) in [
            ("model", &settings.model, base_url),
            ("model.name", &self.model.name, base_url),
            ("policy", &settings.policy, None),
            ("reference_model", &settings.reference_model, self.reference.base_url.as_deref()),
            ("reference_model", &self.reference.name, self.reference.base_url.as_deref()),
        ] {
            let file = name.as_deref().and_then(|name| models::file_of(name, base_url));
            files.extend(file.map(|path| named(key, path)));
        }
        let lora = self.models().into_iter().filter_map(ModelSettings::lora_file);
        files.extend(lora.map(|(path, _)| named("model.lora", path)));
        files.extend(settings.prices.iter().map(|path| named("prices", path)));
        files.extend(settings.calibration.iter().map(|path| named("calibration", path)));
        files.extend(settings.thresholds.iter().map(|path| named("thresholds", path)));
        let at = |text: &str| text.strip_prefix('@').map(ToOwned::to_owned);
        files.extend(
            settings.criteria.iter().filter_map(|text| Some(("criteria".into(), at(text)?))),
        );
        for (table, pairs) in [("criterion", &settings.criterion), ("set", &settings.set)] {
            let of_pair = |Pair(name, text): &Pair| Some((key_of(table, name), at(text)?));
            files.extend(pairs.iter().filter_map(of_pair));
        }
        files
    }

    /// Every program that the settings name, with the key of the setting; without those of members.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.named().filter_map(|(key, name)| Some((key, models::program_of(name)?)))
    }

    /// Every model that the settings name and that may be downloaded, with the key of the setting; without those of
    /// members.
    pub(super) fn downloads(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.named().filter_map(|(key, name)| Some((key, models::download_of(name)?)))
    }

    /// The names of models, with the keys of their settings.
    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let settings = &self.settings;
        let named = [
            ("model", &settings.model),
            ("model.name", &self.model.name),
            ("policy", &settings.policy),
            ("reference_model", &settings.reference_model),
            ("reference_model", &self.reference.name),
        ];
        named.into_iter().filter_map(|(key, name)| Some((key, name.as_deref()?)))
    }

    /// Every address of the model, with the key of its setting.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.models().into_iter().flat_map(|model| {
            let own = model.base_url.iter().map(|url| ("base_url", url.as_str()));
            let more = model.endpoints.iter().filter_map(|one| one.base_url.as_deref());
            own.chain(more.map(|url| ("endpoints", url)))
        })
    }

    /// Every variable that holds a key of the model, with the key of its setting.
    pub(super) fn key_variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.models().into_iter().flat_map(|model| {
            let own = model.key_variable.iter().map(|name| ("key_variable", name.as_str()));
            let more = model.endpoints.iter().filter_map(|one| one.key_variable.as_deref());
            own.chain(more.map(|name| ("endpoints", name)))
        })
    }

    /// Refuses what may not be named in this environment: files, addresses and variables in a closed one.
    ///
    /// # Errors
    /// A setting names one: the error names the setting.
    pub fn check(&self, environment: &Environment) -> Result<()> {
        for (key, path) in self.own_files() {
            environment.check_file(&key, &path)?;
        }
        let Settings { prompt, first_prompt, .. } = &self.settings;
        for (key, name) in [("prompt", prompt), ("first_prompt", first_prompt)] {
            // What is not built in is a file, whether it is there or not.
            if let Some(name) = name
                && environment.is_closed()
                && !PromptRef::named(name).is_built_in()
            {
                environment.check_file(key, name)?;
            }
        }
        for (key, url) in self.addresses() {
            environment.check_address(key, url)?;
        }
        for (key, name) in self.key_variables() {
            environment.check_variable(key, name)?;
        }
        for (key, line) in self.programs() {
            environment.check_program(key, &line)?;
        }
        if let Some(name) = &self.settings.python {
            environment.check_program("python", name)?;
        }
        if self.settings.allow_code {
            environment.check_program("allow_code", "python3")?;
        }
        for (key, name) in self.downloads() {
            environment.check_address(key, name)?;
        }
        self.members.iter().try_for_each(|member| member.check(environment))
    }
}

/// The key of an entry of a table; of a criterion without a name, that of the table.
pub(super) fn key_of(table: &str, name: &str) -> String {
    if name.is_empty() { table.to_owned() } else { format!("{table}.{name}") }
}
