//! The layers around every model that the registry opens.

use std::sync::Arc;

use super::{AnswersFrom, Around, ModelSpec};
use crate::{
    backend::{Backend, BackendExt, Limit, Retry, TRY_TIMEOUT},
    completion::Price,
    error::Result,
};

/// Puts the layers around a model, outermost first: recorded ▸ running ▸ cached ▸ budgeted ▸ retried ▸ warmed ▸ limited ▸ priced.
///
/// Only what can fail in passing is tried again, and only what costs something is cached: a model in this
/// process is limited where that is set, and has no retries; rules and recordings have neither, nor a budget.
///
/// # Errors
/// The recording cannot be written.
pub(super) fn stacked(
    model: Arc<dyn Backend>,
    answers_from: AnswersFrom,
    spec: &ModelSpec,
    around: &Around,
) -> Result<Arc<dyn Backend>> {
    let model = match price(&*model, spec) {
        Some(price) => Arc::new(model.priced(price)),
        None => model,
    };
    let model = warmed(limited(model, answers_from, spec));
    let model: Arc<dyn Backend> = match answers_from {
        AnswersFrom::Server | AnswersFrom::Program => Arc::new(model.retried(retry(spec, around))),
        _ => model,
    };
    if answers_from == AnswersFrom::NoModel {
        return around.recorded(around.running(model), spec);
    }
    let model = match &around.budget {
        Some(budget) => Arc::new(model.budgeted(budget.clone())),
        None => model,
    };
    around.recorded(around.running(around.cached(model)), spec)
}

/// The price that is set, else the one that the backend knows: see [`Prices`](crate::backend::Prices).
fn price(model: &dyn Backend, spec: &ModelSpec) -> Option<Price> {
    spec.settings.price.or_else(|| model.price())
}

/// So many requests in flight as is set, else as a server or a program handles well; never more of them a minute than is set.
fn limited(
    model: Arc<dyn Backend>,
    answers_from: AnswersFrom,
    spec: &ModelSpec,
) -> Arc<dyn Backend> {
    let own = spec.settings.concurrency.map(usize::from);
    let is_limited = matches!(answers_from, AnswersFrom::Server | AnswersFrom::Program);
    let usual = is_limited.then(|| model.concurrency());
    let Some(in_flight) = own.or(usual) else { return model };
    let limit = Limit {
        adapts: answers_from == AnswersFrom::Server,
        requests_per_minute: spec.settings.rpm,
        tokens_per_minute: spec.settings.tpm,
        ..Limit::from(in_flight)
    };
    Arc::new(model.limited(limit))
}

/// One request ahead of those that begin like it, where that is cheaper.
#[cfg(feature = "openai")]
fn warmed(model: Arc<dyn Backend>) -> Arc<dyn Backend> {
    if model.discounts_prompts() { Arc::new(model.warmed()) } else { model }
}

#[cfg(not(feature = "openai"))]
fn warmed(model: Arc<dyn Backend>) -> Arc<dyn Backend> {
    model
}

/// The usual policy, which the stop of the run and its budget end.
fn retry(spec: &ModelSpec, around: &Around) -> Retry {
    let timeout = spec.settings.timeout.unwrap_or(TRY_TIMEOUT);
    let usual = Retry::timed(timeout).stopping(around.stopping.clone());
    Retry { budget: around.budget.clone(), ..usual }
}
