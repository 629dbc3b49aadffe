//! Builds a judge with one prompt and one model.

use std::{num::NonZeroUsize, sync::Arc};

use super::{
    Judge, Model,
    prompt_ref::load,
    settled::{
        check_calibration, check_probabilities, check_reads_criteria, fitted, reports,
        settled_aggregate, settled_close, settled_draws, settled_order, settled_stop,
    },
};
use crate::{
    aggregate::{Aggregate, Reduce},
    backend::{Backend, Referenced},
    completion::Price,
    error::{ErrorKind, Result},
    item::{CRITERIA, Criteria, Criterion, FieldMap, Item, Splitting},
    judging::{Member, Panel, REASKS, Spending, StopDraws},
    models::{DEFAULT_MODEL, ModelSpec, Models},
    prompt::{self, Order, ProgramContext, Prompt, Supplied},
    request::Sampling,
    scale::Scale,
    verdict::Calibration,
};

/// Builds a [`Judge`] with one prompt and one model; created by [`Judge::builder`].
///
/// | left out | is |
/// |---|---|
/// | model and backend | the shipped model `tiny`, which knows sums only; a warning is logged |
/// | prompt | the built-in one that fits model and [record](Self::record); `score` without a record |
/// | sampling, scale, draws, order, aggregation, pass rule | those of the prompt |
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let item = Item::new().question("Which is prime?").answers(["51", "53"]);
/// let judge = Judge::builder()
///     .backend(Script::always("53 is prime, 51 = 3 * 17.\nVerdict: [[B]]"))
///     .record(&item)
///     .build()
///     .await?;
/// assert_eq!(judge.prompt().name(), "pair");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct JudgeBuilder {
    model: Option<ModelSpec>,
    base_url: Option<String>,
    models: Option<Models>,
    backend: Option<Arc<dyn Backend>>,
    reference: Option<Reference>,
    prompt: Option<Named>,
    record: Option<Item>,
    sampling: Sampling,
    scale: Option<Scale>,
    draws: Option<u32>,
    order: Option<Order>,
    aggregate: Option<Aggregate>,
    stop_draws: Option<StopDraws>,
    usual_stop_draws: Option<StopDraws>,
    close: (Option<f64>, Option<f64>),
    usual_close: (Option<f64>, Option<f64>),
    usual_order: Option<Order>,
    usual_aggregate: Option<Aggregate>,
    per_call: Option<NonZeroUsize>,
    usual_per_call: Option<NonZeroUsize>,
    reduce: Option<Reduce>,
    split: Option<Splitting>,
    usual_steps: (Option<Splitting>, Option<Reduce>),
    pass: Option<String>,
    calibration: Option<Calibration>,
    secret: Option<String>,
    fields: FieldMap,
    criteria: Option<serde_json::Value>,
    price: Option<Price>,
    reasks: Option<u32>,
    clean_finish: Vec<String>,
}

/// The reference model: to be opened, or open.
#[derive(Debug)]
enum Reference {
    Spec(Box<ModelSpec>),
    Backend(Arc<dyn Backend>),
}

#[derive(Debug)]
enum Named {
    Name(String),
    Prompt(Arc<Prompt>),
}

impl JudgeBuilder {
    /// Sets the model, by name or as a [`ModelSpec`]: `tiny`, a GGUF file, `openai/…`, `replay:FILE`.
    pub fn model(mut self, model: impl Into<ModelSpec>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the address of the model's OpenAI-compatible API, up to and including `/v1`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Opens the model in this registry, so that several judges share one model. Without it each judge opens
    /// its own.
    pub fn models(mut self, models: &Models) -> Self {
        self.models = Some(models.clone());
        self
    }

    /// Sets the model as a [`Backend`]: one of this crate, one with layers around it, or your own.
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// Sets the reference model of log-ratios, by name or as a [`ModelSpec`]: the model that this one was trained from.
    /// Prompts for implicit rewards need it; see [`Referenced`].
    pub fn reference_model(mut self, model: impl Into<ModelSpec>) -> Self {
        self.reference = Some(Reference::Spec(Box::new(model.into())));
        self
    }

    /// The same as a [`Backend`].
    pub fn reference(mut self, backend: impl Backend + 'static) -> Self {
        self.reference = Some(Reference::Backend(Arc::new(backend)));
        self
    }

    /// Sets the prompt: a built-in name such as `score`, or the path of a prompt file.
    ///
    /// Without a prompt, the one that fits the model and the [record](Self::record) is chosen.
    pub fn prompt(mut self, name: impl Into<String>) -> Self {
        self.prompt = Some(Named::Name(name.into()));
        self
    }

    /// Sets the prompt itself, as returned by [`Prompt::parse`].
    pub fn with_prompt(mut self, prompt: impl Into<Arc<Prompt>>) -> Self {
        self.prompt = Some(Named::Prompt(prompt.into()));
        self
    }

    /// Sets an example of the records. If no prompt is named, the built-in one that fits the example is
    /// chosen, as the program `tribunal` does with the first record (see [`prompt_for`]).
    pub fn record(mut self, item: &Item) -> Self {
        self.record = Some(item.clone());
        self
    }

    /// Sets the sampling; it takes precedence over the prompt's own settings.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Replaces the scale of the prompt. It is printed into the prompt, and values outside it are unreadable.
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = Some(scale);
        self
    }

    /// Sets how many samples are drawn for every question (voting@k, self-consistency: Wang et al. 2022). Two
    /// or more are drawn at temperature 1, unless the [sampling](Self::sampling) sets another one.
    pub fn draws(mut self, draws: u32) -> Self {
        self.draws = Some(draws);
        self
    }

    /// Sets the orders in which compared answers are shown; an error if the prompt does not compare answers.
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Sets when draws stop before all of them are made; an error under [`Aggregate::Sum`].
    pub fn stop_draws(mut self, rule: StopDraws) -> Self {
        self.stop_draws = Some(rule);
        self
    }

    /// The same for judges of any kind: it is used where draws may stop, and ignored otherwise.
    #[doc(hidden)]
    pub fn usual_stop_draws(mut self, rule: Option<StopDraws>) -> Self {
        self.usual_stop_draws = rule;
        self
    }

    /// Sets the probability of the preferred answer below which [`Order::BothIfClose`] asks the second order; 0.9 by
    /// default.
    pub fn close_below(mut self, p: f64) -> Self {
        self.close.0 = Some(p);
        self
    }

    /// Sets the difference of the two best scores up to which [`Order::BothIfClose`] asks the second order; 1 by
    /// default.
    pub fn close_within(mut self, scores: f64) -> Self {
        self.close.1 = Some(scores);
        self
    }

    /// The same for judges of any kind: they are used where a second order may be left out, and ignored otherwise.
    #[doc(hidden)]
    pub fn usual_close(mut self, below: Option<f64>, within: Option<f64>) -> Self {
        self.usual_close = (below, within);
        self
    }

    /// Sets how several draws are combined into one verdict. An error if the verdicts have no probabilities for
    /// [`Aggregate::Expected`], or are no scores for [`Aggregate::Sum`].
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    /// Sets order and aggregation for judges of any kind: each is used if the prompt supports it, and ignored
    /// otherwise.
    #[doc(hidden)]
    pub fn usual(mut self, order: Option<Order>, aggregate: Option<Aggregate>) -> Self {
        (self.usual_order, self.usual_aggregate) = (order, aggregate);
        self
    }

    /// Sets how many criteria each request is about. An error if the prompt judges nothing by criteria, or shows one
    /// criterion in each conversation and the number is not 1.
    pub fn per_call(mut self, criteria: NonZeroUsize) -> Self {
        self.per_call = Some(criteria);
        self
    }

    /// The same for judges of any kind: it is used if the prompt groups criteria, and ignored otherwise.
    #[doc(hidden)]
    pub fn usual_per_call(mut self, criteria: Option<NonZeroUsize>) -> Self {
        self.usual_per_call = criteria;
        self
    }

    /// Sets how the steps of a solution, or the elements of an `each` prompt, become one number. An error if the prompt
    /// gives no probabilities or scores of elements.
    ///
    /// [`Judgment::score`](crate::Judgment::score) is that number, beside the verdicts on the steps.
    pub fn reduce(mut self, how: Reduce) -> Self {
        self.reduce = Some(how);
        self
    }

    /// Sets how the text of an answer is cut into steps; an error if the prompt reads none. A list of steps in a record
    /// stays as it is.
    pub fn split_steps(mut self, rule: Splitting) -> Self {
        self.split = Some(rule);
        self
    }

    /// The same two for judges of any kind: each is used if the prompt supports it, and ignored otherwise.
    #[doc(hidden)]
    pub fn usual_steps(mut self, split: Option<Splitting>, reduce: Option<Reduce>) -> Self {
        self.usual_steps = (split, reduce);
        self
    }

    /// Sets the rule that decides [`Judgment::pass`](crate::Judgment::pass), such as `score >= 7`,
    /// `label = correct` or `first_error = -1`; an error if the prompt's verdicts have no such value.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
        self
    }

    /// Sets the map of the probability `p` of the positive label, from a file that `tribunal calibrate` wrote or
    /// from [`Calibration::new`]. Pass rules such as `p >= 0.9` and the confidence use the mapped value, and
    /// [`Label::p_raw`](crate::verdict::Label) keeps the other one. An error if it was fitted for another model,
    /// prompt or label.
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = Some(calibration);
        self
    }

    /// Sets what a good answer is, in your own words; the prompt shows it as `criteria`.
    pub fn criteria(mut self, text: impl Into<String>) -> Self {
        self.criteria = Some(text.into().into());
        self
    }

    /// Sets named criteria, each judged separately, for prompts with verdicts of the kind `criteria`.
    pub fn named_criteria<N: Into<String>, T: Into<String>>(
        mut self,
        criteria: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let named = criteria.into_iter().map(|(name, text)| (name.into(), text.into().into()));
        self.criteria = Some(serde_json::Value::Object(named.collect()));
        self
    }

    /// Sets the criteria of a rubric, with weights, for prompts with verdicts of the kind `criteria`. Criteria without
    /// a name are called by their number, from 1.
    pub fn rubric(mut self, criteria: impl IntoIterator<Item = Criterion>) -> Self {
        self.criteria = Some(criteria.into_iter().map(|one| one.to_json()).collect());
        self
    }

    /// Sets criteria as they are written in JSON: texts by name, or a list.
    #[cfg(feature = "config")]
    pub(crate) fn criteria_of(mut self, criteria: serde_json::Value) -> Self {
        self.criteria = Some(criteria);
        self
    }

    /// Sets how prompts see the fields of records: under other names, and with values for all records.
    pub fn fields(mut self, fields: FieldMap) -> Self {
        self.fields = fields;
        self
    }

    /// Sets how many times an unreadable answer is requested again; 2 by default. Each time is a request with
    /// its own key.
    ///
    /// A model that would write the same text again (in process, at temperature 0) is instead asked once for
    /// the verdict alone, after its own text, if the prompt's rule has words that announce it.
    pub fn reasks(mut self, times: u32) -> Self {
        self.reasks = Some(times);
        self
    }

    /// Sets the price of a million tokens, in any currency; [`Judgment::cost`](crate::Judgment::cost) uses
    /// the same currency.
    pub fn price(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    /// Sets additional finish reasons of the server that are normal ends. An answer with an unknown finish
    /// reason counts as cut off.
    pub fn clean_finish<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.clean_finish = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a secret from which the marks of verdict lines are derived, so that judged text cannot contain a
    /// computed mark.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Opens the model, and checks that it supports what the prompt needs.
    ///
    /// # Errors
    /// The prompt is wrong, the model cannot be opened, or the two do not fit together. Nothing has been paid
    /// for yet.
    ///
    /// # Cancellation
    /// Dropping the future cancels the building; loading a model that has begun is completed.
    pub async fn build(mut self) -> Result<Judge> {
        // Reports a wrong name before a model is loaded.
        let named = match self.prompt.take() {
            Some(Named::Prompt(prompt)) => Some(prompt),
            Some(Named::Name(name)) => Some(load(&name)?),
            None => None,
        };
        let backend = self.backend.take();
        let (prompt, opened) = match (named, backend) {
            (Some(prompt), opened) => (prompt, opened),
            (None, opened) => {
                let backend = match opened {
                    Some(backend) => backend,
                    None => self.open().await?,
                };
                (self.fitting_prompt(&*backend)?, Some(backend))
            }
        };
        self.build_with(prompt, opened).await
    }

    /// The model with its reference model beside it, if there is one.
    async fn with_reference(&mut self, model: Arc<dyn Backend>) -> Result<Arc<dyn Backend>> {
        let reference = match self.reference.take() {
            None => return Ok(model),
            Some(Reference::Backend(reference)) => reference,
            Some(Reference::Spec(spec)) => self
                .models
                .get_or_insert_default()
                .open(*spec)
                .await
                .map_err(|error| error.within("the reference model"))?,
        };
        Ok(Arc::new(Referenced::new(model, reference)))
    }

    /// Opens the model by its name.
    async fn open(&mut self) -> Result<Arc<dyn Backend>> {
        let spec = self.model.take().unwrap_or_else(|| {
            tracing::warn!(
                "no model named: using `{DEFAULT_MODEL}`, which only judges sums; set another with `.model(…)`"
            );
            ModelSpec::default()
        });
        let spec = match self.base_url.take() {
            Some(url) => spec.base_url(url),
            None => spec,
        };
        self.models.get_or_insert_default().open(spec).await
    }

    /// The prompt for a judge without a named one.
    fn fitting_prompt(&self, backend: &dyn Backend) -> Result<Arc<Prompt>> {
        let record = self.record.as_ref().map(|item| self.fields.apply(item)).transpose()?;
        let supplied = match &self.criteria {
            Some(serde_json::Value::Array(_)) => Supplied::Rubric,
            Some(serde_json::Value::Object(_)) => Supplied::NamedCriteria,
            Some(_) => Supplied::Criteria,
            None => Supplied::Nothing,
        };
        let prompt = prompt_for(backend, record.as_ref(), supplied)?;
        tracing::info!("no prompt named: using `{}`", prompt.name());
        Ok(prompt)
    }

    async fn build_with(
        mut self,
        mut prompt: Arc<Prompt>,
        opened: Option<Arc<dyn Backend>>,
    ) -> Result<Judge> {
        let mut sampling = std::mem::take(&mut self.sampling);
        let draws = settled_draws(self.draws, prompt.front(), &mut sampling);
        if sampling != Sampling::default() {
            Arc::make_mut(&mut prompt).set_sampling(&sampling);
        }
        if let Some(scale) = self.scale.take() {
            Arc::make_mut(&mut prompt).set_scale(scale)?;
        }
        let grouped = self.usual_per_call.filter(|_| prompt.front().per_call.is_some());
        if let Some(criteria) = self.per_call.or(grouped) {
            Arc::make_mut(&mut prompt).set_per_call(criteria)?;
        }
        if let (Some(split), _) = self.usual_steps {
            let _ = Arc::make_mut(&mut prompt).set_split(split);
        }
        if let (_, Some(reduce)) = self.usual_steps {
            let _ = Arc::make_mut(&mut prompt).set_reduce(reduce);
        }
        if let Some(split) = self.split {
            Arc::make_mut(&mut prompt).set_split(split)?;
        }
        if let Some(reduce) = self.reduce {
            Arc::make_mut(&mut prompt).set_reduce(reduce)?;
        }
        let mut fields = std::mem::take(&mut self.fields);
        if let Some(criteria) = self.criteria.take() {
            check_reads_criteria(&prompt)?;
            if !criteria.is_string() {
                Criteria::read(&criteria, ErrorKind::Config)?;
            }
            fields = fields.filling(CRITERIA, criteria);
        }
        let rule = self.pass.take();
        let fit = |aggregate: Option<Aggregate>| {
            let summed = if aggregate == Some(Aggregate::Sum) { draws } else { 1 };
            fitted(rule.as_deref(), &prompt, &fields, summed)
        };
        let mut aggregate = settled_aggregate(self.aggregate, self.usual_aggregate, &prompt)?;
        let depends = self.aggregate.is_none()
            && aggregate == Some(Aggregate::Expected)
            && self.usual_aggregate == aggregate;
        if !depends {
            // A wrong rule is reported before a model is loaded.
            fit(aggregate)?;
        }
        let backend = match opened {
            Some(backend) => backend,
            None => self.open().await?,
        };
        let backend = self.with_reference(backend).await?;
        if depends && !reports(&prompt, &*backend).await {
            aggregate = prompt.front().aggregate;
        }
        let pass = fit(aggregate)?;
        let order = settled_order(self.order, self.usual_order, &prompt)?;
        let stop = settled_stop(self.stop_draws, self.usual_stop_draws, draws, aggregate)?;
        let close = settled_close(self.close, self.usual_close, order)?;
        let name = backend.name().to_owned();
        let mut member = Member::new(name, prompt)?;
        member.aggregate = aggregate;
        member.spending = Spending { stop, close };
        (member.draws, member.order, member.fields) = (draws, order, fields);
        (member.secret, member.price) = (self.secret, self.price.or(backend.price()));
        member.reasks = self.reasks.unwrap_or(REASKS);
        member.clean_finish = self.clean_finish.into();
        let model = Model { backend, finishes: Arc::default(), shortened: Arc::default() };
        let calibration = self.calibration.map(Arc::new);
        let panel = Panel { pass, calibration, ..Panel::single(member) };
        let judge = Judge::new(panel, vec![model], None);
        check_calibration(&judge)?;
        let plan = ProgramContext::new(judge.backend().capabilities().await);
        judge.prompt().check_fits(plan)?;
        check_probabilities(&judge).await?;
        Ok(judge)
    }
}

/// The built-in prompt for a model and an example of its records, if no prompt is named: one that was made
/// for the model if it fits the record, otherwise the generic one for the kind of record (two answers:
/// `pair`, steps: `first-error`, an answer: `score`, …). Without a record it is `score`. `supplied` are
/// settings that the prompt must support.
///
/// # Errors
/// The record contains no answer, or lacks what every prompt of the model requires.
pub fn prompt_for(
    backend: &dyn Backend,
    record: Option<&Item>,
    supplied: Supplied,
) -> Result<Arc<Prompt>> {
    let Some(item) = record else { return load("score") };
    let mut names = backend.aliases();
    names.push(backend.name().to_owned());
    prompt::default_for(&names, item, supplied)
}
