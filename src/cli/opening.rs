//! From settings to a judge with its model, or to a jury with the models of all members.
//!
//! Both use the same `JudgeBuilder` as users of the library: the settings give the builder, this module adds the model
//! and the prompt. The prompt needs the model's name, for some prompts belong to certain models, and the
//! first record, for a prompt has to fit its fields.

use std::{collections::BTreeSet, slice, sync::Arc};

use tokio::sync::watch;

use super::{budget, choose, fields, note, sandbox};
use tribunal::{
    backend::{Backend, BudgetLimits, Script},
    config::Resolved,
    environment::Environment,
    error::Result,
    item::Item,
    judge::{self, Judge},
    line::{PromptLine, ResultLine},
    models::Models,
    prompt::Prompt,
    verdict::{Calibration, CascadeThresholds},
};

/// The flags of every command that asks models: what it may spend, and what it does with cached answers.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    budget: budget::Args,
    #[cfg(feature = "store")]
    #[command(flatten)]
    cache: super::cache::CacheArgs,
}

impl Args {
    /// The limits of the run.
    pub(super) fn limits(&self) -> BudgetLimits {
        self.budget.limits()
    }

    /// The registry of models that these flags make.
    pub(super) const fn setup(&self, quiet: bool, dry_run: bool) -> Setup<'_> {
        Setup { flags: self, quiet, dry_run }
    }
}

/// What every command that asks models makes its registry of models from.
pub(super) struct Setup<'a> {
    flags: &'a Args,
    /// Whether downloads are not shown.
    #[cfg_attr(not(feature = "hub"), expect(dead_code, reason = "only the Hub downloads"))]
    pub(super) quiet: bool,
    /// Whether nothing is sent; then there is no cache either.
    pub(super) dry_run: bool,
}

impl Setup<'_> {
    /// The registry that opens the models of a run. `stops` ends requests in flight, and code runs only if a judge
    /// allows it.
    ///
    /// # Errors
    /// The cache cannot be opened, or code is allowed and cannot be confined here.
    pub(super) async fn models(
        &self,
        judges: &[&Resolved],
        stops: watch::Receiver<bool>,
    ) -> Result<Models> {
        let flags = self.flags;
        let models = flags.budget.in_memory(&Models::new(Environment::process()));
        let models = models.budgeted(flags.budget.open()).offline(self.dry_run).stopping(stops);
        #[cfg(feature = "hub")]
        let models = models.downloading(super::downloads::shown(self.quiet));
        #[cfg(feature = "store")]
        let models = models.cached(if self.dry_run { None } else { flags.cache.open()? });
        sandbox::allowed(models, judges.iter().copied()).await
    }
}

/// The prompt of a benchmark, for judges that name none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// Its name.
    pub(super) prompt: &'static str,
    /// The flag that names another one.
    pub(super) flag: &'static str,
}

/// What all judges of a run share when they are opened.
#[derive(Clone)]
pub(super) struct Opening<'a> {
    /// The first record, by which a prompt is chosen where none is named.
    pub(super) first: Option<&'a Item>,
    /// Whether the choice of a prompt is not printed.
    pub(super) quiet: bool,
    /// Opens the models, each once.
    pub(super) models: Models,
    /// What the run may spend.
    pub(super) limits: BudgetLimits,
}

impl Opening<'_> {
    /// The judge of these settings, or the jury with all of its members.
    ///
    /// # Errors
    /// A model cannot be opened, settings contradict each other, or members cannot vote together.
    pub(super) async fn judge(&self, resolved: &Resolved) -> Result<Judge> {
        let judge = self.unchecked(resolved).await?;
        let prompts: Vec<&Prompt> = judge.members().map(|(member, _)| &**member.prompt()).collect();
        let seen = self.first.and_then(|item| judge.seen(item).ok());
        fields::check_names(resolved, &prompts, seen.as_ref(), self.quiet)?;
        Ok(judge)
    }

    /// The same where a benchmark names the prompt: it is used if the settings name none, and the model has no prompt of
    /// its own. That holds for each member of a jury.
    ///
    /// # Errors
    /// Those of [`judge`](Self::judge).
    pub(super) async fn judge_by(&self, resolved: &Resolved, usual: Usual) -> Result<Judge> {
        let has_prompt = |one: &Resolved| one.prompt().is_some();
        let members =
            if resolved.is_jury() { &resolved.members[..] } else { slice::from_ref(resolved) };
        if members.iter().all(has_prompt) {
            return self.judge(resolved).await;
        }
        let mut judges = Vec::new();
        for member in members {
            let judge = if has_prompt(member) {
                self.one(member).await?
            } else {
                self.one_by(member, usual).await?
            };
            judges.push(judge);
        }
        let unnamed = judges.iter().zip(members).filter(|(_, member)| !has_prompt(member));
        let names: BTreeSet<&str> = unnamed.map(|(judge, _)| judge.prompt().name()).collect();
        for name in names.iter().filter(|_| !self.quiet) {
            note(&format!("no prompt named: using `{name}`; {} names another", usual.flag));
        }
        if resolved.is_jury() {
            return resolved.together(judges).await;
        }
        Ok(judges.swap_remove(0))
    }

    /// One judge that names no prompt, by that of its model or this one.
    async fn one_by(&self, resolved: &Resolved, usual: Usual) -> Result<Judge> {
        let backend = self.models.open(resolved.model_spec()).await?;
        budget::check_price(&self.limits, resolved, &*backend)?;
        let own = judge::prompt_for(&*backend, self.first, resolved.supplied());
        let own = own.ok().filter(|prompt| !prompt.front().models.is_empty());
        let prompt = own.map_or_else(|| judge::load(usual.prompt), Ok)?;
        self.with_prompt(resolved, backend, prompt).await
    }

    /// The judge or jury, before its fields are compared with the first record.
    async fn unchecked(&self, resolved: &Resolved) -> Result<Judge> {
        if !resolved.is_jury() {
            return self.one(resolved).await;
        }
        let mut members = Vec::new();
        for member in &resolved.members {
            members.push(self.one(member).await?);
        }
        resolved.together(members).await
    }

    /// One judge, or one member of a jury.
    async fn one(&self, resolved: &Resolved) -> Result<Judge> {
        let backend = self.models.open(resolved.model_spec()).await?;
        budget::check_price(&self.limits, resolved, &*backend)?;
        let prompt = choose::prompt(resolved, &*backend, self.first, self.quiet)?;
        self.with_prompt(resolved, backend, prompt).await
    }

    /// One judge with this model and this prompt.
    async fn with_prompt(
        &self,
        resolved: &Resolved,
        backend: Arc<dyn Backend>,
        prompt: Arc<Prompt>,
    ) -> Result<Judge> {
        let builder = resolved.with_reference(resolved.builder()?).models(&self.models);
        let mut builder = builder.backend(backend).with_prompt(prompt);
        if let Ok(secret) = std::env::var("TRIBUNAL_SECRET") {
            builder = builder.secret(secret);
        }
        builder.build().await
    }
}

/// The judge of these settings without its models, to read the texts of a result line again; where no prompt is
/// named, that of the line.
///
/// # Errors
/// A prompt is wrong, settings contradict each other, or members cannot vote together.
pub(super) async fn without_models(resolved: &Resolved, line: &ResultLine) -> Result<Judge> {
    // Nothing here has the name of the model: `reparse` compares it with each line.
    let calibration = resolved.calibration().map(Calibration::for_any_judge);
    let thresholds = resolved.thresholds().map(CascadeThresholds::for_any_judge);
    let resolved = &resolved.clone().calibrated(calibration).deciding(thresholds);
    if !resolved.is_jury() {
        return silent(resolved, Some(&line.prompt)).await;
    }
    let mut members = Vec::new();
    for member in &resolved.members {
        let of_line = line.members.iter().flatten();
        let known = of_line.into_iter().find(|known| Some(&known.name) == member.name.as_ref());
        members.push(silent(member, known.map(|known| &known.prompt)).await?);
    }
    resolved.together(members).await
}

/// The judge of these settings without a model, to read texts that another one wrote; where no prompt is named, that of
/// this name.
///
/// # Errors
/// The prompt is wrong, or settings contradict each other.
pub(super) async fn without_models_by(resolved: &Resolved, usual: &str) -> Result<Judge> {
    let builder = resolved.builder()?.backend(Script::always(""));
    match resolved.prompt() {
        Some(_) => builder,
        None => builder.with_prompt(judge::load(usual)?),
    }
    .build()
    .await
}

/// One judge without a model, by the prompt that a line names.
async fn silent(resolved: &Resolved, known: Option<&PromptLine>) -> Result<Judge> {
    let builder = resolved.builder()?.backend(Script::always(""));
    let known = known.map(|prompt| prompt.name.as_str()).filter(|name| !name.is_empty());
    match known.filter(|_| resolved.settings.prompt.is_none()) {
        Some(name) => builder.with_prompt(judge::load(name)?),
        None => builder,
    }
    .build()
    .await
}
