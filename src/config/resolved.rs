//! The settings of a judge with everything that they name read, and the judge made of them.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde_json::Value;

use super::{Effective, ModelSettings, Pair, Settings, effective::key_of, layers::SettingOrigin};
use crate::{
    Hint,
    backend::Prices,
    environment::Environment,
    error::{Error, ErrorKind, Result},
    item::{Criteria, Criterion, FieldMap, is_criterion},
    judge::{Judge, JudgeBuilder, PromptRef},
    prompt::{Order, Prompt, Supplied},
    request::Sampling,
    scale::Scale,
    verdict::{Calibration, CascadeThresholds},
};

/// The settings of a judge, all of them contents: texts and not the names of files that hold them.
///
/// It is made by [`Config::judge`](super::Config::judge) and [`Effective::read`]. Everything that
/// [`Effective`] documents about its settings holds here too.
///
/// ```
/// use tribunal::config::Config;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # std::fs::write(folder.path().join("style.md"), "Be kind.").unwrap();
/// # let file = folder.path().join("tribunal.toml");
/// # std::fs::write(&file, "[judge.kind]\nprompt = 'score'\ncriteria = '@style.md'").unwrap();
/// let judge = Config::read(&file)?.judge(Some("kind"))?;
/// assert_eq!(judge.settings.criteria, ["Be kind."]);
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resolved {
    effective: Effective,
    /// Of a jury, its members, and after them their replacements; empty for any other judge.
    pub members: Vec<Self>,
    /// The prompt that is named, if one is.
    prompt: Option<Arc<Prompt>>,
    /// The calibration that is named, if one is.
    calibration: Option<Calibration>,
    /// The thresholds of a cascade that are named, if they are.
    thresholds: Option<CascadeThresholds>,
    /// The files that were named, with the key of the setting.
    files: Vec<(String, String)>,
}

impl Deref for Resolved {
    type Target = Effective;

    fn deref(&self) -> &Effective {
        &self.effective
    }
}

impl DerefMut for Resolved {
    fn deref_mut(&mut self) -> &mut Effective {
        &mut self.effective
    }
}

impl Effective {
    /// The settings with the texts of all files that they name: nothing above looks anything up again.
    ///
    /// # Errors
    /// A file cannot be read, or may not be named in this environment.
    pub fn read(&self, environment: &Environment) -> Result<Resolved> {
        self.check(environment)?;
        Resolved::read(self, environment)
    }
}

impl Resolved {
    /// Reads what the settings name; the caller has checked that they may.
    pub(super) fn read(effective: &Effective, environment: &Environment) -> Result<Self> {
        let prompt = effective.settings.prompt.as_deref().map(PromptRef::named);
        let members = effective.members.iter().map(|member| Self::read(member, environment));
        Ok(Self {
            members: members.collect::<Result<_>>()?,
            prompt: prompt.map(|prompt| prompt.load(environment)).transpose()?,
            calibration: calibration(&effective.settings, environment)?,
            thresholds: thresholds(&effective.settings, environment)?,
            files: effective.files(),
            effective: Effective {
                settings: with_texts(&effective.settings, environment)?,
                model: priced(effective, environment)?,
                members: Vec::new(),
                ..effective.clone()
            },
        })
    }

    /// The settings of a judge as the manifest of a run keeps them, texts in place of files, with its prompt: what it
    /// sends can be made again, and nothing is opened. What decides about answers is left out.
    #[cfg(feature = "cli")]
    #[doc(hidden)]
    pub fn stored(settings: Settings, prompt: Arc<Prompt>) -> Self {
        let settings = Settings {
            prompt: None,
            calibration: None,
            thresholds: None,
            certainty: Vec::new(),
            pass: None,
            reask: None,
            prices: None,
            ..settings
        };
        let effective = Effective {
            name: None,
            settings,
            model: ModelSettings::default(),
            reference: Box::default(),
            members: Vec::new(),
            only: false,
            is_member: false,
            // Here it is not known which settings were made for all judges.
            origins: where_they_fit().collect(),
        };
        Self {
            effective,
            members: Vec::new(),
            prompt: Some(prompt),
            calibration: None,
            thresholds: None,
            files: Vec::new(),
        }
    }

    /// The prompt that the settings name; `None` where it is to be chosen by model and record.
    pub fn prompt(&self) -> Option<&Arc<Prompt>> {
        self.prompt.as_ref()
    }

    /// The map of the probability of the positive label that the settings name.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The same settings with this calibration, or without one.
    #[must_use]
    pub fn calibrated(self, calibration: Option<Calibration>) -> Self {
        Self { calibration, ..self }
    }

    /// The thresholds of a cascade that the settings name.
    pub fn thresholds(&self) -> Option<&CascadeThresholds> {
        self.thresholds.as_ref()
    }

    /// The same settings with these thresholds, or without any.
    #[must_use]
    pub fn deciding(self, thresholds: Option<CascadeThresholds>) -> Self {
        Self { thresholds, ..self }
    }

    /// These settings with another prompt, of a jury in every member; without one, it is to be chosen. Settings about the
    /// verdicts of their own prompt (a calibration, a pass rule) are left out, and the others apply only where they fit.
    #[must_use]
    pub fn with_prompt(&self, prompt: Option<&Arc<Prompt>>) -> Self {
        let mut judge = self.clone().calibrated(None).deciding(None);
        judge.prompt = prompt.cloned();
        let settings = &mut judge.effective.settings;
        (settings.prompt, settings.calibration, settings.pass) = (None, None, None);
        judge.effective.origins.extend(where_they_fit());
        judge.members = self.members.iter().map(|member| member.with_prompt(prompt)).collect();
        judge
    }

    /// These settings with this order of answers where no prompt and no order is named; of a jury, in each such member. It
    /// applies only to prompts that compare answers.
    #[must_use]
    pub fn usually_ordered(mut self, order: Order) -> Self {
        if !self.is_jury() && self.prompt.is_none() && self.settings.order.is_none() {
            self.settings.order = Some(order);
            self.effective.origins.extend(where_they_fit().filter(|(key, _)| key == "order"));
        }
        let members = std::mem::take(&mut self.members).into_iter();
        self.members = members.map(|member| member.usually_ordered(order)).collect();
        self
    }

    /// Every file that the settings named before they were read, with the key of the setting; those of all
    /// members of a jury.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// These settings on the model of others; of a jury, those that are its own, for one judge.
    #[must_use]
    pub fn on_model_of(&self, other: &Self) -> Self {
        let mut judge = Self { members: Vec::new(), ..self.clone() };
        judge.settings.members.clear();
        judge.settings.replacements.clear();
        judge.settings.weights.clear();
        judge.settings.cascade.clear();
        judge.settings.certainty.clear();
        judge.settings.first_prompt = None;
        judge.settings.thresholds = None;
        judge.thresholds = None;
        judge.settings.model.clone_from(&other.settings.model);
        judge.model = other.model.clone();
        let of_model = |key: &str| key == "model" || key.starts_with("model.");
        judge.origins.retain(|key, _| !of_model(key));
        let others = other.origins.iter().filter(|(key, _)| of_model(key));
        judge.effective.origins.extend(others.map(|(key, origin)| (key.clone(), origin.clone())));
        judge.files.retain(|(key, _)| !of_model(key));
        let others = other.files.iter().filter(|(key, _)| of_model(key));
        judge.files.extend(others.cloned());
        judge
    }

    /// How prompts see the fields of records; of a jury, how that of its first member does.
    pub fn fields(&self) -> FieldMap {
        match self.members.first() {
            Some(first) => first.fields(),
            None => Self::fields_of(&self.settings),
        }
    }

    /// The fields that settings rename and fill in.
    #[doc(hidden)]
    pub fn fields_of(settings: &Settings) -> FieldMap {
        let Settings { map, set, .. } = settings;
        let named = |fields: FieldMap, Pair(new, old): &Pair| fields.naming(new, old);
        let filled = |fields: FieldMap, Pair(name, text): &Pair| fields.filling(name, text.clone());
        set.iter().fold(map.iter().fold(FieldMap::default(), named), filled)
    }

    /// What the judge's prompt must do when none is named.
    pub fn supplied(&self) -> Supplied {
        match &self.settings {
            Settings { criterion, .. } if !criterion.is_empty() => match rubric(criterion) {
                Ok(Value::Object(_)) => Supplied::NamedCriteria,
                _ => Supplied::Rubric,
            },
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
                .hint("`build` opens its members, and `panel` accepts opened ones"));
        }
        self.check_no_cascade()?;
        let Settings { sampling, .. } = &self.settings;
        let sampling = Sampling {
            temperature: sampling.temperature,
            max_tokens: sampling.max_tokens,
            thinking_tokens: sampling.thinking_tokens,
            seed: sampling.seed,
            ..Sampling::default()
        };
        let builder = Judge::builder()
            .model(self.model_spec())
            .sampling(sampling)
            .fields(self.fields())
            .clean_finish(&self.model.clean_finish);
        let builder = apply(builder, self.prompt.clone(), JudgeBuilder::with_prompt);
        let builder = apply(builder, self.scale()?, JudgeBuilder::scale);
        let builder = apply(builder, self.settings.draws, JudgeBuilder::draws);
        let (order, usual_order) = self.own_or_usual("order", self.settings.order);
        let (aggregate, usual) = self.own_or_usual("aggregate", self.settings.aggregate);
        let (per_call, usual_per_call) = self.own_or_usual("per_call", self.settings.per_call);
        let builder = builder.usual(usual_order, usual).usual_per_call(usual_per_call);
        let builder = apply(builder, per_call, JudgeBuilder::per_call);
        let builder = apply(builder, order, JudgeBuilder::order);
        let (stop, usual_stop) = self.own_or_usual("stop_draws", self.settings.stop_draws);
        let builder = apply(builder, stop, JudgeBuilder::stop_draws).usual_stop_draws(usual_stop);
        let (below, usual_below) = self.own_or_usual("close_below", self.settings.close_below);
        let (within, usual_within) = self.own_or_usual("close_within", self.settings.close_within);
        let builder = builder.usual_close(usual_below, usual_within);
        let builder = apply(builder, below, JudgeBuilder::close_below);
        let builder = apply(builder, within, JudgeBuilder::close_within);
        let builder = apply(builder, aggregate, JudgeBuilder::aggregate);
        let (reduce, usual_reduce) = self.own_or_usual("reduce", self.settings.reduce);
        let (split, usual_split) = self.own_or_usual("split_steps", self.settings.split_steps);
        let builder = builder.usual_steps(usual_split, usual_reduce);
        let builder = apply(builder, reduce, JudgeBuilder::reduce);
        let builder = apply(builder, split, JudgeBuilder::split_steps);
        let builder = apply(builder, self.settings.pass.clone(), JudgeBuilder::pass);
        let builder = apply(builder, self.calibration.clone(), JudgeBuilder::calibration);
        let builder = apply(builder, self.settings.reask, JudgeBuilder::reasks);
        let builder = apply(builder, self.model.price, JudgeBuilder::price);
        self.with_criteria(builder)
    }

    /// Refuses settings of a cascade, which a single judge or a jury would ignore.
    pub(super) fn check_no_cascade(&self) -> Result<()> {
        let (fitted, _) = self.own_or_usual("thresholds", self.settings.thresholds.as_ref());
        let certainty = (!self.settings.certainty.is_empty()).then_some("certainty");
        match certainty.or(fitted.map(|_| "thresholds")) {
            Some(key) => Err(Error::new(ErrorKind::Config, format!("`{key}` is for a cascade"))
                .hint(
                    Hint::from("name one in the file, or ask two prompts with ")
                        .setting("first_prompt", "correct-direct"),
                )),
            None => Ok(()),
        }
    }

    /// A builder with the reference model that the settings name, if they name one.
    pub fn with_reference(&self, builder: JudgeBuilder) -> JudgeBuilder {
        apply(builder, self.reference_spec(), JudgeBuilder::reference_model)
    }

    /// A setting that was made for this judge, or one that was made for all judges: under `[defaults]` or in
    /// the environment.
    pub(super) fn own_or_usual<T>(&self, key: &str, value: Option<T>) -> (Option<T>, Option<T>) {
        let is_usual = match self.origin(key) {
            SettingOrigin::Variable(_) => true,
            SettingOrigin::File { table, .. } => table == "defaults",
            SettingOrigin::Flag(_) | SettingOrigin::Default => false,
        };
        if is_usual { (None, value) } else { (value, None) }
    }

    /// The builder with the criteria: together, or one by one.
    fn with_criteria(&self, builder: JudgeBuilder) -> Result<JudgeBuilder> {
        let Settings { criteria, criterion, .. } = &self.settings;
        if !criteria.is_empty() && !criterion.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "criteria are judged together or one by one, not both",
            )
            .hint(
                Hint::from("leave out `criteria`, or give each a name with ")
                    .setting("criterion", "tone=Be kind."),
            ));
        }
        if !criterion.is_empty() {
            return Ok(builder.criteria_of(rubric(criterion)?));
        }
        Ok(match criteria.as_slice() {
            [] => builder,
            [one] => builder.criteria(one),
            many => builder.criteria(
                many.iter().map(|text| format!("- {text}")).collect::<Vec<_>>().join("\n"),
            ),
        })
    }

    /// The scale in place of the prompt's own: numbers, or labels.
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

/// Origins by which settings that depend on the kind of the prompt apply only where they fit, as those for all judges do.
fn where_they_fit() -> impl Iterator<Item = (String, SettingOrigin)> {
    const KEYS: [&str; 6] =
        ["order", "aggregate", "per_call", "stop_draws", "reduce", "split_steps"];
    let table = || SettingOrigin::File {
        path: std::path::PathBuf::new(),
        line: 0,
        table: "defaults".into(),
    };
    KEYS.into_iter().map(move |key| (key.to_owned(), table()))
}

/// The criteria that settings name: texts by their names, or a list if one of them has more than a text.
///
/// # Errors
/// A file with a rubric is not YAML or JSON, or a criterion in it cannot be used.
fn rubric(criterion: &[Pair]) -> Result<Value> {
    let mut all: Vec<Criterion> = Vec::new();
    let mut are_texts = true;
    for Pair(name, text) in criterion {
        let keys = serde_json::from_str::<Value>(text).ok().filter(is_criterion);
        let value = match (keys, name.is_empty()) {
            (Some(value), _) => value,
            (None, true) => serde_saphyr::from_str(text).map_err(|_| not_a_rubric())?,
            (None, false) => {
                all.push(Criterion::new(text).named(name));
                continue;
            }
        };
        are_texts = false;
        let value = if is_criterion(&value) { vec![value].into() } else { value };
        let read = Criteria::part(&value, ErrorKind::Config)?.all.into_iter().zip(1..);
        all.extend(read.map(|(one, n)| match name.is_empty() {
            // A criterion without a name is called by its place among all of them.
            true if one.name == n.to_string() => one.named(""),
            true => one,
            false => one.named(name),
        }));
    }
    if are_texts {
        let pair = |one: Criterion| (one.name, one.requirement.into());
        return Ok(Value::Object(all.into_iter().map(pair).collect()));
    }
    Ok(all.iter().map(Criterion::to_json).collect())
}

/// The error of a file that holds no rubric.
fn not_a_rubric() -> Error {
    Error::new(ErrorKind::Config, "the file that `criterion` names is not valid YAML or JSON")
        .hint("write a list such as `- {requirement: \"Is kind.\", weight: 2}`")
}

/// The calibration in the file that the settings name.
///
/// # Errors
/// The file cannot be read, or holds no calibration.
fn calibration(settings: &Settings, environment: &Environment) -> Result<Option<Calibration>> {
    let read = |path: &String| {
        let read = Calibration::read(&environment.text("calibration", path)?);
        read.map_err(|error| error.within(path))
    };
    settings.calibration.as_ref().map(read).transpose()
}

/// The thresholds in the file that the settings name.
///
/// # Errors
/// The file cannot be read, or holds no thresholds.
fn thresholds(settings: &Settings, environment: &Environment) -> Result<Option<CascadeThresholds>> {
    let read = |path: &String| {
        let read = CascadeThresholds::read(&environment.text("thresholds", path)?);
        read.map_err(|error| error.within(path))
    };
    settings.thresholds.as_ref().map(read).transpose()
}

/// The texts in place of the files that are named by `@FILE`.
fn with_texts(settings: &Settings, environment: &Environment) -> Result<Settings> {
    let mut read = settings.clone();
    for text in &mut read.criteria {
        *text = environment.text_or_file("criteria", text)?;
    }
    for (table, pairs) in [("criterion", &mut read.criterion), ("set", &mut read.set)] {
        for Pair(name, text) in pairs {
            *text = environment.text_or_file(&key_of(table, name), text)?;
        }
    }
    Ok(read)
}

/// The settings of the model with its price: its own, else the one in the table that `prices` names.
///
/// # Errors
/// The table cannot be read, or a line of it is not a price.
fn priced(effective: &Effective, environment: &Environment) -> Result<ModelSettings> {
    let mut model = effective.model.clone();
    if let (Some(path), None) = (&effective.settings.prices, model.price) {
        let table = Prices::parse(&environment.text("prices", path)?);
        let table = table.map_err(|error| error.within(path))?;
        let spec = effective.model_spec();
        let with_scheme = || table.of(&format!("{}/{}", spec.scheme().ok()?.name, spec.name()));
        model.price = table.of(spec.name()).or_else(with_scheme);
    }
    Ok(model)
}

/// Sets something on a builder where there is a value for it.
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
