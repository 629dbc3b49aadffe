//! Settings on top of one another, each with its origin.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde_json::{Map, Value};

use super::{
    ModelSettings, Pair, Settings,
    permission::{self, Permission},
};
use crate::{
    error::{Error, ErrorKind, Result},
    item::FieldMap,
    judge::{Judge, JudgeBuilder},
    models::{self, ModelSpec},
    prompt::Supplied,
    request::Sampling,
    scale::Scale,
};

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// On the command line.
    Flag(String),
    /// In a variable of the environment.
    Variable(String),
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key.
        line: usize,
        /// The table that holds it.
        table: String,
    },
    /// Nowhere: the prompt or the program decides.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { path, line, table } => write!(f, "{}:{line} [{table}]", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Settings of one origin, by key; keys inside of tables are separated by a dot.
#[derive(Clone, Debug, Default)]
pub struct Layer(Map<String, Value>, BTreeMap<String, Origin>);

/// Tables whose keys are set one by one.
const TABLES: [&str; 6] = ["sampling", "set", "map", "label_map", "criterion", "extra"];

impl Layer {
    /// A table and where each of its keys stands.
    pub fn new(table: Map<String, Value>, origin: impl Fn(&str) -> Origin) -> Self {
        let mut origins = BTreeMap::new();
        for (key, value) in &table {
            origins.insert(key.clone(), origin(key));
            let inner = value.as_object().filter(|_| TABLES.contains(&key.as_str()));
            for name in inner.into_iter().flat_map(Map::keys) {
                let path = format!("{key}.{name}");
                origins.insert(path.clone(), origin(&path));
            }
        }
        Self(table, origins)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    pub(super) fn table(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Only the keys that these are true of.
    pub(super) fn keeping(mut self, is_kept: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|key, _| is_kept(key));
        self.1.retain(|path, _| is_kept(path.split('.').next().unwrap_or(path)));
        self
    }
}

/// What holds, and where each part of it was said.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The name of the judge, if it has one.
    pub name: Option<String>,
    /// What the judge is.
    pub settings: Settings,
    /// How its model is reached.
    pub model: ModelSettings,
    /// Of a jury, what holds for each of its members; empty for any other judge.
    pub members: Vec<Self>,
    pub(super) only: bool,
    origins: BTreeMap<String, Origin>,
}

impl Resolved {
    /// Puts layers together, the first over the second and so on; `models` gives those of the model's
    /// table by its name.
    pub(super) fn new(
        name: Option<&str>,
        layers: Vec<Layer>,
        models: impl FnOnce(Option<&str>) -> Vec<Layer>,
    ) -> Result<Self> {
        let malformed =
            |cause| Error::new(ErrorKind::Config, "a setting is malformed").because(cause);
        let (table, mut origins) = merged(layers);
        let settings: Settings = serde_json::from_value(table.into()).map_err(malformed)?;
        let (table, of_model) = merged(models(settings.model.as_deref()));
        let model = serde_json::from_value(table.into()).map_err(malformed)?;
        origins.extend(of_model.into_iter().map(|(key, origin)| (format!("model.{key}"), origin)));
        let name = name.map(ToOwned::to_owned);
        Ok(Self { name, settings, model, members: Vec::new(), only: false, origins })
    }

    /// Whether nobody named the judge, and it was chosen as the only one of its file.
    pub fn is_only_judge(&self) -> bool {
        self.only
    }

    /// What the settings ask for, out of a file, that only the user can allow: requests or a key for
    /// another place, another variable as the key, a file outside of the folder.
    pub fn permissions(&self) -> Vec<Permission> {
        let own = permission::needed(self);
        own.into_iter().chain(self.members.iter().flat_map(Self::permissions)).collect()
    }

    /// Where a key was set; keys of the model begin with `model.`.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// The model's own name.
    pub fn model_name(&self) -> &str {
        let named = self.model.name.as_deref().or(self.settings.model.as_deref());
        named.unwrap_or(models::DEFAULT_MODEL)
    }

    /// The model to open. Settings from the environment that its scheme does not have are left out: they are
    /// meant for the models that have them.
    pub fn model_spec(&self) -> ModelSpec {
        let spec = ModelSpec::new(self.model_name()).settings(self.model.clone());
        spec.keeping_known(|key| {
            matches!(self.origin(&format!("model.{key}")), Origin::Variable(_))
        })
    }

    /// How prompts see the fields of records; of a jury, how that of its first member does.
    ///
    /// # Errors
    /// A file that fills a field cannot be read.
    pub fn fields(&self) -> Result<FieldMap> {
        if let Some(first) = self.members.first() {
            return first.fields();
        }
        let map = self
            .settings
            .map
            .iter()
            .fold(FieldMap::default(), |map, Pair(new, old)| map.naming(new, old));
        self.settings
            .set
            .iter()
            .try_fold(map, |map, Pair(name, text)| Ok(map.filling(name, text_or_file(text)?)))
    }

    /// What the judge's prompt must do when none is named.
    pub fn supplied(&self) -> Supplied {
        match &self.settings {
            Settings { criterion, .. } if !criterion.is_empty() => Supplied::NamedCriteria,
            Settings { labels, .. } if !labels.is_empty() => Supplied::Labels,
            Settings { criteria, .. } if !criteria.is_empty() => Supplied::Criteria,
            _ => Supplied::Nothing,
        }
    }

    /// A judge of these settings; the prompt must be named here or given to the builder.
    ///
    /// # Errors
    /// Settings contradict each other, a file that they name cannot be read, or they are those of a jury,
    /// which [`build`](Self::build) puts together.
    pub fn builder(&self) -> Result<JudgeBuilder> {
        if self.is_jury() {
            let name = self.name.as_deref().unwrap_or_default();
            let message = format!("`{name}` is a jury, and has no prompt and no model of its own");
            return Err(Error::new(ErrorKind::Config, message)
                .hint("`build` opens its members, and `panel` takes them"));
        }
        let Settings { sampling, .. } = &self.settings;
        let sampling = Sampling {
            temperature: sampling.temperature,
            max_tokens: sampling.max_tokens,
            seed: sampling.seed,
            ..Sampling::default()
        };
        let builder = Judge::builder()
            .model(self.model_spec())
            .sampling(sampling)
            .fields(self.fields()?)
            .clean_finish(&self.model.clean_finish);
        let builder = apply(builder, self.settings.prompt.clone(), JudgeBuilder::prompt);
        let builder = apply(builder, self.scale()?, JudgeBuilder::scale);
        let builder = apply(builder, self.settings.draws, JudgeBuilder::draws);
        let (order, usual_order) = self.own_or_usual("order", self.settings.order);
        let (aggregate, usual) = self.own_or_usual("aggregate", self.settings.aggregate);
        let builder = builder.usual(usual_order, usual);
        let builder = apply(builder, order, JudgeBuilder::order);
        let builder = apply(builder, aggregate, JudgeBuilder::aggregate);
        let builder = apply(builder, self.settings.pass.clone(), JudgeBuilder::pass);
        let builder = apply(builder, self.settings.reask, JudgeBuilder::reasks);
        let builder = apply(builder, self.model.price, JudgeBuilder::price);
        self.with_criteria(builder)
    }

    /// A setting that was made for this judge, or one that was made for all judges: under `[defaults]` or in
    /// the environment.
    pub(super) fn own_or_usual<T>(&self, key: &str, value: Option<T>) -> (Option<T>, Option<T>) {
        let is_usual = match self.origin(key) {
            Origin::Variable(_) => true,
            Origin::File { table, .. } => table == "defaults",
            Origin::Flag(_) | Origin::Default => false,
        };
        if is_usual { (None, value) } else { (value, None) }
    }

    fn with_criteria(&self, builder: JudgeBuilder) -> Result<JudgeBuilder> {
        let Settings { criteria, criterion, .. } = &self.settings;
        if !criteria.is_empty() && !criterion.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "criteria are judged together or one by one, not both",
            )
            .hint("leave out `criteria`, or give it a name: --criterion NAME=TEXT"));
        }
        if !criterion.is_empty() {
            let named =
                criterion.iter().map(|Pair(name, text)| Ok((name.clone(), text_or_file(text)?)));
            return Ok(builder.named_criteria(named.collect::<Result<Vec<_>>>()?));
        }
        let texts: Vec<String> =
            criteria.iter().map(|text| text_or_file(text)).collect::<Result<_>>()?;
        Ok(match texts.as_slice() {
            [] => builder,
            [one] => builder.criteria(one),
            many => builder.criteria(
                many.iter().map(|text| format!("- {text}")).collect::<Vec<_>>().join("\n"),
            ),
        })
    }

    fn scale(&self) -> Result<Option<Scale>> {
        let Settings { scale, labels, .. } = &self.settings;
        match (scale, labels.as_slice()) {
            (Some(_), [_, ..]) => {
                Err(Error::new(ErrorKind::Config, "a verdict is a number or a label, not both")
                    .hint("leave out `scale` or `labels`"))
            }
            (Some(scale), []) => scale.parse().map(Some),
            (None, []) => Ok(None),
            (None, labels) => {
                let scale = Scale::labels(labels.iter().map(|label| label.trim()));
                scale.check().map(|()| Some(scale))
            }
        }
    }
}

fn apply<T>(
    builder: JudgeBuilder,
    value: Option<T>,
    set: impl FnOnce(JudgeBuilder, T) -> JudgeBuilder,
) -> JudgeBuilder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// The text itself, or what stands in the file behind an `@`.
pub fn text_or_file(value: &str) -> Result<String> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
    crate::files::text(path.as_ref()).map(|text| text.trim_end().to_owned()).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read `{path}`"))
            .because(cause)
            .hint("@ is followed by the name of a file; a text of your own begins without it")
    })
}

/// The first layer that has a key wins; in tables this holds for each of their keys.
fn merged(layers: Vec<Layer>) -> (Map<String, Value>, BTreeMap<String, Origin>) {
    let (mut table, mut origins) = (Map::new(), BTreeMap::new());
    for Layer(values, places) in layers {
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
