//! Putting a judge together.

use std::{path::Path, sync::Arc};

use super::{Judge, Model};
use crate::{
    aggregate::Aggregate,
    backend::Backend,
    completion::Price,
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    judging::{Member, Panel, REASKS},
    models::{ModelSpec, Models},
    parse::{Kind, VerdictFrom},
    pass::{Pass, VerdictProfile},
    prompt::{self, FrontMatter, Order, ProgramContext, Prompt},
    request::{Capabilities, Logprobs, Sampling},
    scale::Scale,
};

/// Puts a [`Judge`] together.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct JudgeBuilder {
    model: Option<ModelSpec>,
    base_url: Option<String>,
    models: Option<Models>,
    backend: Option<Arc<dyn Backend>>,
    prompt: Option<Named>,
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

    /// Opens the model in this registry, so that judges of one model share it. Without it each judge opens its
    /// own.
    pub fn models(mut self, models: &Models) -> Self {
        self.models = Some(models.clone());
        self
    }

    /// The model, as a backend of your own.
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// The prompt: a built-in name or a file.
    pub fn prompt(mut self, name: impl Into<String>) -> Self {
        self.prompt = Some(Named::Name(name.into()));
        self
    }

    /// The prompt itself.
    pub fn with_prompt(mut self, prompt: impl Into<Arc<Prompt>>) -> Self {
        self.prompt = Some(Named::Prompt(prompt.into()));
        self
    }

    /// Settings on top of the prompt's own.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Another scale than the prompt's own.
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = Some(scale);
        self
    }

    /// How many samples are taken of every question.
    pub fn draws(mut self, draws: u32) -> Self {
        self.draws = Some(draws);
        self
    }

    /// In which orders answers are shown; an error where the prompt compares none.
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// How several draws become one verdict.
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    /// Settings for judges of all kinds: each counts where it can, and is left out elsewhere.
    pub fn usual(mut self, order: Option<Order>, aggregate: Option<Aggregate>) -> Self {
        (self.usual_order, self.usual_aggregate) = (order, aggregate);
        self
    }

    /// The rule that sets `pass`, such as `score >= 7`; an error where the prompt's verdicts have no such value.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
        self
    }

    /// What a good answer is, in your own words.
    pub fn criteria(mut self, text: impl Into<String>) -> Self {
        self.criteria = Some(text.into().into());
        self
    }

    /// Criteria by name, each judged on its own: for prompts that give a verdict of kind `criteria`.
    pub fn named_criteria<N: Into<String>, T: Into<String>>(
        mut self,
        criteria: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let named = criteria.into_iter().map(|(name, text)| (name.into(), text.into().into()));
        self.criteria = Some(serde_json::Value::Object(named.collect()));
        self
    }

    /// How prompts see the fields of records: other names, and values for all of them.
    pub fn fields(mut self, fields: FieldMap) -> Self {
        self.fields = fields;
        self
    }

    /// How often an unreadable answer is asked again, twice if nothing is said; each time is a question
    /// of its own to every cache.
    ///
    /// A model that would say the same again (in process, at temperature 0) is asked once for the verdict
    /// alone, behind what it said, where the prompt's rule has words for that.
    pub fn reasks(mut self, times: u32) -> Self {
        self.reasks = Some(times);
        self
    }

    /// What tokens cost.
    pub fn price(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    /// Finish reasons of the server that are clean ends, beside those that are known: an answer with any
    /// other one counts as cut off.
    pub fn clean_finish<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.clean_finish = words.into_iter().map(Into::into).collect();
        self
    }

    /// A secret that the marker of a verdict line depends on, so that nobody can compute it.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Opens the model and checks that it can do what the prompt needs.
    ///
    /// # Errors
    /// The prompt is wrong, the model cannot be opened, or the two do not fit.
    pub async fn build(self) -> Result<Judge> {
        let mut prompt = match self.prompt {
            Some(Named::Prompt(prompt)) => prompt,
            Some(Named::Name(name)) => load(&name)?,
            None => return Err(Error::new(ErrorKind::Config, "no prompt is named").hint(
                "`tribunal prompts list` shows the built-in ones; `.prompt(\"score\")` takes one",
            )),
        };
        let mut sampling = self.sampling;
        let draws = settled_draws(self.draws, prompt.front(), &mut sampling);
        if sampling != Sampling::default() {
            Arc::make_mut(&mut prompt).set_sampling(&sampling);
        }
        if let Some(scale) = self.scale {
            Arc::make_mut(&mut prompt).set_scale(scale)?;
        }
        let fields = match self.criteria {
            Some(criteria) => {
                check_reads_criteria(&prompt)?;
                self.fields.filling(CRITERIA, criteria)
            }
            None => self.fields,
        };
        let pass = fitted(self.pass.as_deref(), &prompt, &fields)?;
        let backend = match self.backend {
            Some(backend) => backend,
            None => {
                let spec = self.model.unwrap_or_default();
                let spec = match self.base_url {
                    Some(url) => spec.base_url(url),
                    None => spec,
                };
                self.models.unwrap_or_default().open(spec).await?
            }
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
        (member.secret, member.price) = (self.secret, self.price);
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

/// Fails before the first paid call where probabilities decide and a model reports none.
pub(super) async fn check_probabilities(judge: &Judge) -> Result<()> {
    let by_rule = judge.pass().is_some_and(Pass::needs_probabilities);
    for (member, backend) in judge.members() {
        let front = member.prompt().front();
        let reason = match (member.weighs(), front.verdict_from, by_rule) {
            (true, ..) => "`expected` weighs by probabilities",
            (_, VerdictFrom::Probabilities, _) => "`verdict_from: probabilities` needs them",
            (.., true) => "the pass rule looks at a probability",
            _ => continue,
        };
        let Capabilities { logprobs, score_verdict, .. } = backend.capabilities().await;
        let reported = match logprobs {
            Logprobs::None => false,
            Logprobs::Top | Logprobs::Unknown => true,
            // Where a text announces its verdict, the values of that must be scored.
            Logprobs::Exact => front.picks(),
        };
        if !reported && !score_verdict.is_yes() {
            let message = format!("{reason}, and `{}` reports none", backend.name());
            let error = Error::new(ErrorKind::Unsupported, message);
            return Err(error.hint("take another one, or a model that reports log-probabilities"));
        }
    }
    Ok(())
}

/// How many draws are worth asking for. Those of a caller who says nothing of the temperature are taken at
/// 1, whatever the prompt says; at temperature 0 one is as good as many.
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
                "{draws} draws at temperature 0 would be {draws} times the same text: asking once"
            );
            return 1;
        }
        Some(_) => (),
    }
    draws
}

/// The orders that were asked for, those of most judges, or the prompt's own.
fn settled_order(asked: Option<Order>, usual: Option<Order>, prompt: &Prompt) -> Result<Order> {
    let front = prompt.front();
    if let (Some(order), false) = (asked, prompt.compares()) {
        let message = format!(
            "the order `{}` is for answers that are compared, and `{}` compares none",
            order.name(),
            prompt.name()
        );
        return Err(Error::new(ErrorKind::Config, message).hint("leave `order` out"));
    }
    let usual = usual.filter(|_| prompt.compares());
    let own = if front.kind == Kind::Preference { Order::Both } else { Order::Given };
    Ok(asked.or(usual).or(front.order).unwrap_or(own))
}

/// The rule that was given, or the prompt's own, in the words of the prompt.
pub(super) fn fitted(
    given: Option<&str>,
    prompt: &Prompt,
    fields: &FieldMap,
) -> Result<Option<Pass>> {
    let given = given.map(str::parse::<Pass>).transpose()?;
    let Some(rule) = given.as_ref().or(prompt.front().pass.as_ref()) else { return Ok(None) };
    let filled = Item::from(fields.filled_in([CRITERIA].into_iter()));
    let verdict_profile =
        VerdictProfile { criteria: prompt.shape(&filled).criteria, ..prompt.verdict_profile() };
    let fitted = rule.fitted(&verdict_profile, ErrorKind::Config).map_err(|error| match given {
        Some(_) => error,
        None => {
            error.hint(format!("it is the rule of `{}` itself: give another one", prompt.name()))
        }
    });
    fitted.map(Some)
}

const CRITERIA: &str = "criteria";

/// Criteria that no prompt shows would be silently ignored.
fn check_reads_criteria(prompt: &Prompt) -> Result<()> {
    if prompt.reads(CRITERIA) {
        return Ok(());
    }
    let reads = |prompt: &&Arc<Prompt>| prompt.reads(CRITERIA);
    let names: Vec<&str> =
        prompt::built_in()?.iter().filter(reads).map(|prompt| prompt.name()).collect();
    let message = format!("the prompt `{}` reads no criteria", prompt.name());
    Err(Error::new(ErrorKind::Config, message)
        .hint(format!("these do: {}; name one with -p", names.join(", "))))
}

fn is_path(name: &str) -> bool {
    name.contains(['/', '\\', '.']) || Path::new(name).exists()
}

/// Whether a prompt of this name is read from a file.
pub fn is_file(name: &str) -> bool {
    !prompt::names().any(|known| known == name) && is_path(name)
}

/// The built-in prompt of this name, or the prompt in this file.
///
/// # Errors
/// There is neither, or the file is wrong.
pub fn load(name: &str) -> Result<Arc<Prompt>> {
    if let Some(prompt) = prompt::named(name)? {
        return Ok(prompt);
    }
    if !is_path(name) {
        let names: Vec<&str> = prompt::names().collect();
        return Err(crate::error::unknown(ErrorKind::Config, "prompt", name, names)
            .hint("a prompt of your own is named by its file: -p my.jinja"));
    }
    let text = crate::files::text(Path::new(name)).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read the prompt `{name}`")).because(cause)
    })?;
    Prompt::parse(name, &text).map(Arc::new)
}
