//! The models of a loop: those of its judge, opened with what all of them share, and the judges made of them.
//!
//! A jury has several models, a judge one. Everything here works on a list of [`Opened`] models, so that both are built
//! the same way: with a prompt that fits the first record, and with a pass rule, because a loop ends when it is met.

use std::sync::Arc;

use super::super::{budget, choose, note, settings};
use tribunal::{
    Hint,
    backend::{Backend, BudgetLimits},
    config::{Resolved, Settings},
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::{Aggregate, Judge},
    models::Models,
    parse::Kind,
    prompt::{self, Prompt},
    scale::Scale,
};

/// What all models of a loop are opened with.
pub(super) struct Context<'a> {
    /// The judge's settings, and the file that other judges and models are found in.
    pub(super) settings: &'a settings::Args,
    /// The first record, by which prompts are chosen.
    pub(super) first: Option<&'a Item>,
    /// Whether the choice of a prompt or a pass rule is not printed.
    pub(super) quiet: bool,
    /// Opens the models, each once.
    pub(super) models: Models,
    /// What the run may spend.
    pub(super) limits: BudgetLimits,
}

/// The settings of a judge, or of one member of a jury, with the model that was opened for them.
pub(super) struct Opened {
    pub(super) resolved: Resolved,
    pub(super) backend: Arc<dyn Backend>,
}

impl Context<'_> {
    /// Opens one model.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) async fn model(&self, resolved: &Resolved) -> Result<Arc<dyn Backend>> {
        let model = self.models.open(resolved.model_spec()).await?;
        budget::check_price(&self.limits, resolved, &*model)?;
        Ok(model)
    }

    /// Opens the model of a judge, or those of all members of a jury.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) async fn open(&self, resolved: &Resolved) -> Result<Vec<Opened>> {
        let mut opened = Vec::new();
        let single = std::iter::once(resolved).filter(|one| !one.is_jury());
        for one in single.chain(&resolved.members) {
            let backend = self.model(one).await?;
            opened.push(Opened { resolved: one.clone(), backend });
        }
        Ok(opened)
    }
}

/// A judge of its own prompt, on a model that is open already.
pub(super) async fn with_prompt(
    resolved: &Resolved,
    backend: &Arc<dyn Backend>,
    prompt: Arc<Prompt>,
) -> Result<Judge> {
    let builder = Judge::builder().backend(backend.clone()).with_prompt(prompt);
    let builder = match resolved.model.price {
        Some(price) => builder.price(price),
        None => builder,
    };
    builder.build().await
}

/// The record with a draft in it. The loop writes one where a record has none, and prompts are chosen by what the
/// judge will see.
fn drafted(item: &Item) -> Item {
    let judged = !item.candidates().is_empty() || !item.steps().is_empty();
    if judged || item.text("messages").is_some() {
        return item.clone();
    }
    item.clone().filled("answer", "a draft")
}

/// A judge that compares two answers, on the models of the loop's judge: for `--accept prefer`.
///
/// # Errors
/// No prompt compares two answers, or the judges cannot vote together.
pub(super) async fn comparison(jury: &Resolved, opened: &[Opened]) -> Result<Judge> {
    let pair = Item::new().question("").answers(["", ""]);
    let mut judges = Vec::new();
    for Opened { resolved, backend } in opened {
        let prompt =
            prompt::default_for(&choose::names(&**backend), &pair, prompt::Supplied::Nothing)?;
        let judge = with_prompt(resolved, backend, prompt).await?;
        judges.push((resolved.name.clone().unwrap_or_default(), judge));
    }
    if let [(_, only)] = judges.as_slice() {
        return Ok(only.clone());
    }
    let replacements = judges.split_off(jury.settings.members.len().min(judges.len()));
    Judge::panel(judges).replacements(replacements).build().await
}

/// The judge of a loop, or the jury. A loop needs a pass rule: the user's, the prompt's, or else a strict default by
/// the kind of verdict.
///
/// # Errors
/// Settings contradict each other, or the members of a jury have different pass rules and the jury has none.
pub(super) async fn judge_of(
    resolved: &mut Resolved,
    opened: &mut [Opened],
    context: &Context<'_>,
) -> Result<Judge> {
    let mut judges = Vec::new();
    for one in opened.iter_mut() {
        let own = &mut one.resolved.settings.pass;
        // Where the jury has a rule, those of its members decide nothing.
        *own = own.take().or_else(|| resolved.settings.pass.clone());
        judges.push(judge_with_rule(one, context).await?);
    }
    if resolved.is_jury() {
        resolved.members = opened.iter().map(|one| one.resolved.clone()).collect();
        let jury = resolved.together(judges).await?;
        return if jury.pass().is_some() { Ok(jury) } else { Err(without_rule(resolved)) };
    }
    if let Some(one) = opened.first() {
        resolved.settings.pass.clone_from(&one.resolved.settings.pass);
    }
    let none = || Error::new(ErrorKind::Config, "no judge is configured");
    judges.into_iter().next().ok_or_else(none)
}

/// The error for a jury without a pass rule of its own, whose members have different ones.
fn without_rule(resolved: &Resolved) -> Error {
    let name = resolved.name.as_deref().unwrap_or_default();
    let message = format!("the jury `{name}` has no pass rule, and those of its members differ");
    Error::new(ErrorKind::Config, message)
        .hint(Hint::from("set one for the jury: ").setting("pass", "'score >= 8'"))
}

/// One judge with a pass rule.
async fn judge_with_rule(one: &mut Opened, context: &Context<'_>) -> Result<Judge> {
    let Opened { resolved, backend } = one;
    let backend = &*backend;
    let first = context.first.map(drafted);
    let own = || {
        let free =
            resolved.settings.prompt.is_none() && resolved.supplied() == prompt::Supplied::Nothing;
        let names = free.then(|| choose::names(&**backend))?;
        let seen = resolved.fields().apply(first.as_ref()?).ok()?;
        prompt::own_for(&names, Kind::Steps, &seen)
    };
    let prompt = match own() {
        Some(prompt) => prompt,
        None => choose::prompt(resolved, &**backend, first.as_ref(), context.quiet)?,
    };
    if resolved.settings.pass.is_none() && prompt.front().pass.is_none() {
        resolved.settings.pass = default_rule(resolved, &prompt)?;
        if let (Some(rule), false) = (&resolved.settings.pass, context.quiet) {
            note(&format!("no pass rule set: using `{rule}`; --pass sets another"));
        }
    }
    let builder = resolved.with_reference(resolved.builder()?).models(&context.models);
    let mut builder = builder.backend(backend.clone()).with_prompt(prompt);
    if let Ok(secret) = std::env::var("TRIBUNAL_SECRET") {
        builder = builder.secret(secret);
    }
    builder.build().await
}

/// The pass rule where none is set: no wrong step, or four fifths of the scale.
fn default_rule(resolved: &Resolved, prompt: &Prompt) -> Result<Option<String>> {
    let front = prompt.front();
    Ok(match front.kind {
        Kind::Steps => Some("first_error = -1".into()),
        Kind::Score => {
            let scale = resolved.settings.scale.as_deref().map(str::parse::<Scale>).transpose()?;
            let ends = scale.as_ref().or(front.scale.as_ref()).and_then(Scale::ends);
            let Settings { draws, aggregate, .. } = &resolved.settings;
            let adds = aggregate.or(front.aggregate) == Some(Aggregate::Sum);
            let times = f64::from(if adds { draws.unwrap_or(front.draws) } else { 1 });
            ends.map(|(low, high)| {
                let threshold = (times * (low + 0.8 * (high - low))).ceil();
                format!("score >= {}", threshold.min(times * high))
            })
        }
        _ => None,
    })
}
