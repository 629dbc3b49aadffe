//! Builds a judge with one prompt and one model.

use std::sync::Arc;

use super::{Judge, Model, prompt_ref::load};
use crate::{
    aggregate::Aggregate,
    backend::Backend,
    completion::Price,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::{CRITERIA, Criteria, Criterion, FieldMap, Item},
    judging::{Member, Panel, REASKS},
    models::{DEFAULT_MODEL, ModelSpec, Models},
    parse::{Kind, VerdictFrom},
    pass::{Pass, VerdictProfile},
    prompt::{self, FrontMatter, Order, ProgramContext, Prompt, Supplied},
    request::{Capabilities, Logprobs, Sampling},
    scale::Scale,
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
    prompt: Option<Named>,
    record: Option<Item>,
    sampling: Sampling,
    scale: Option<Scale>,
    draws: Option<u32>,
    order: Option<Order>,
    aggregate: Option<Aggregate>,
    usual_order: Option<Order>,
    usual_aggregate: Option<Aggregate>,
    pass: Option<String>,
    secret: Option<String>,
    fields: FieldMap,
    criteria: Option<serde_json::Value>,
    price: Option<Price>,
    reasks: Option<u32>,
    clean_finish: Vec<String>,
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

    /// Sets how several draws are combined into one verdict.
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

    /// Sets the rule that decides [`Judgment::pass`](crate::Judgment::pass), such as `score >= 7`,
    /// `label = correct` or `first_error = -1`; an error if the prompt's verdicts have no such value.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
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
        self.models.take().unwrap_or_default().open(spec).await
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
        let mut fields = std::mem::take(&mut self.fields);
        if let Some(criteria) = self.criteria.take() {
            check_reads_criteria(&prompt)?;
            if !criteria.is_string() {
                Criteria::read(&criteria, ErrorKind::Config)?;
            }
            fields = fields.filling(CRITERIA, criteria);
        }
        let pass = fitted(self.pass.as_deref(), &prompt, &fields)?;
        let backend = match opened {
            Some(backend) => backend,
            None => self.open().await?,
        };
        let order = settled_order(self.order, self.usual_order, &prompt)?;
        if self.aggregate == Some(Aggregate::Expected) {
            prompt.check_expected(ErrorKind::Config)?;
        }
        let usual = self.usual_aggregate;
        let usual = usual.filter(|how| *how != Aggregate::Expected || prompt.has_probabilities());
        let name = backend.name().to_owned();
        let mut member = Member::new(name, prompt)?;
        member.aggregate = self.aggregate.or(usual).or(member.aggregate);
        (member.draws, member.order, member.fields) = (draws, order, fields);
        (member.secret, member.price) = (self.secret, self.price.or(backend.price()));
        member.reasks = self.reasks.unwrap_or(REASKS);
        member.clean_finish = self.clean_finish.into();
        let model = Model { backend, finishes: Arc::default() };
        let judge = Judge::new(Panel { pass, ..Panel::single(member) }, vec![model], None);
        let plan = ProgramContext::new(judge.backend().capabilities().await);
        judge.prompt().check_fits(plan)?;
        check_probabilities(&judge).await?;
        Ok(judge)
    }
}

/// Checks, before the first paid request, that the model reports probabilities if they decide the verdict.
pub(super) async fn check_probabilities(judge: &Judge) -> Result<()> {
    let by_rule = judge.pass().is_some_and(Pass::needs_probabilities);
    for (member, backend) in judge.members() {
        let front = member.prompt().front();
        let reason = match (member.weighs(), front.verdict_from, by_rule) {
            (true, ..) => "`expected` needs probabilities",
            (_, VerdictFrom::Probabilities, _) => "`verdict_from: probabilities` needs them",
            (.., true) => "the pass rule needs a probability",
            _ => continue,
        };
        let Capabilities { logprobs, score_verdict, .. } = backend.capabilities().await;
        let reported = match logprobs {
            Logprobs::None => false,
            Logprobs::Top | Logprobs::Unknown => true,
            // The values of a verdict after a text must be scored at its place.
            Logprobs::Exact => front.picks(),
        };
        if !reported && !score_verdict.is_yes() {
            let message = format!("{reason}, and `{}` reports none", backend.name());
            let error = Error::new(ErrorKind::Unsupported, message);
            return Err(
                error.hint("use another setting, or a model that reports log-probabilities")
            );
        }
    }
    Ok(())
}

/// How many draws to request. Draws that a caller requests without a temperature are drawn at temperature 1,
/// whatever the prompt sets. At temperature 0 all draws are the same text, so one is enough.
fn settled_draws(asked: Option<u32>, own: &FrontMatter, sampling: &mut Sampling) -> u32 {
    let draws = asked.unwrap_or(own.draws).max(1);
    let temperature = match asked {
        Some(_) => sampling.temperature,
        None => sampling.temperature.or(own.sampling.temperature),
    };
    match temperature {
        _ if draws == 1 => (),
        None => sampling.temperature = Some(1.0),
        Some(temperature) if temperature <= 0.0 => {
            tracing::warn!(
                "{draws} draws at temperature 0 would all give the same text: asking once"
            );
            return 1;
        }
        Some(_) => (),
    }
    draws
}

/// The requested orders, otherwise the usual ones, otherwise those of the prompt.
fn settled_order(asked: Option<Order>, usual: Option<Order>, prompt: &Prompt) -> Result<Order> {
    let front = prompt.front();
    if let (Some(order), false) = (asked, prompt.compares()) {
        let message = format!(
            "the order `{}` is for answers that are compared, and `{}` compares none",
            order.name(),
            prompt.name()
        );
        return Err(Error::new(ErrorKind::Config, message)
            .hint(Hint::from("leave out ").setting("order", "")));
    }
    let usual = usual.filter(|_| prompt.compares());
    let own = if front.kind == Kind::Preference { Order::Both } else { Order::Given };
    Ok(asked.or(usual).or(front.order).unwrap_or(own))
}

/// The given rule, otherwise that of the prompt, checked against the verdicts of the prompt.
pub(super) fn fitted(
    given: Option<&str>,
    prompt: &Prompt,
    fields: &FieldMap,
) -> Result<Option<Pass>> {
    let given = given.map(str::parse::<Pass>).transpose()?;
    let Some(rule) = given.as_ref().or(prompt.front().pass.as_ref()) else { return Ok(None) };
    let filled = Item::from(fields.filled_in([CRITERIA].into_iter()));
    let own = prompt.verdict_profile();
    let criteria = prompt.shape(&filled).criteria;
    let are_weighted = || prompt.criteria(&filled).is_ok_and(|criteria| criteria.are_weighted);
    let scored = own.scored.or_else(|| criteria.is_some().then(are_weighted));
    let verdict_profile = VerdictProfile { criteria, scored, ..own };
    let fitted = rule.fitted(&verdict_profile, ErrorKind::Config).map_err(|error| {
        if given.is_some() {
            return error;
        }
        let text = format!("it is the rule of `{}` itself; set another one: ", prompt.name());
        error.hint(Hint::from(text).setting("pass", "score >= 7"))
    });
    fitted.map(Some)
}

/// Refuses criteria that the prompt does not show, because they would be silently ignored.
fn check_reads_criteria(prompt: &Prompt) -> Result<()> {
    if prompt.reads(CRITERIA) {
        return Ok(());
    }
    let reads = |prompt: &&Arc<Prompt>| prompt.reads(CRITERIA);
    let names: Vec<&str> =
        prompt::built_in()?.iter().filter(reads).map(|prompt| prompt.name()).collect();
    let message = format!("the prompt `{}` reads no criteria", prompt.name());
    Err(Error::new(ErrorKind::Config, message).hint(
        Hint::from(format!("these do: {}; choose one with ", names.join(", ")))
            .setting("prompt", names.first().copied().unwrap_or_default()),
    ))
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
