//! A prompt, a model and a way to read its answer.

mod builder;
mod digests;
mod finishes;
mod panel;

pub use {
    builder::{JudgeBuilder, load},
    panel::PanelBuilder,
};

pub use builder::is_file;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures_util::{Stream, StreamExt, future::join_all, stream::FuturesUnordered};

use self::{digests::Digests, finishes::Finishes};
use crate::{
    backend::Backend,
    completion::{Completion, Price},
    error::{Error, ErrorKind, Result},
    item::Item,
    judging::{AskId, Asking, Facts, Judging, Member, Panel},
    line::VoteLine,
    parse::Transcript,
    pass::Pass,
    prompt::{Order, Prompt},
    request::{Hasher, Request, Sampling},
    verdict::Judgment,
};

/// At most so many requests of one judgment wait for their answers at once.
const AT_ONCE: usize = 64;

/// Judges items.
///
/// A judge has one member, which is a prompt and a model, or several ([`Judge::panel`]), whose votes come to
/// one judgment. Cheap to clone, and at home in any tokio runtime.
///
/// # Cancellation
/// Dropping a judgment's future gives its requests up: a model in this process stops. Behind a
/// cache, an answer of a server that is on its way may still arrive and is
/// remembered, because it was paid for.
#[derive(Clone, Debug)]
pub struct Judge(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    /// The judge without its models.
    panel: Arc<Panel>,
    /// The model of each member, in the order of the panel.
    models: Vec<Model>,
    digests: Digests,
}

/// Who answers for a member.
#[derive(Clone, Debug)]
struct Model {
    backend: Arc<dyn Backend>,
    finishes: Arc<Finishes>,
}

impl Judge {
    /// A judge with nothing set: the shipped model, and a prompt that must be named.
    pub fn builder() -> JudgeBuilder {
        JudgeBuilder::default()
    }

    /// A judge whose members are these judges, by name: each votes with its own prompt, model, draws and
    /// orders (Verga et al. 2024, PoLL; Chan et al. 2024, ChatEval).
    pub fn panel<N: Into<Arc<str>>>(members: impl IntoIterator<Item = (N, Self)>) -> PanelBuilder {
        PanelBuilder::new(members.into_iter().map(|(name, judge)| (name.into(), judge)).collect())
    }

    fn new(panel: Panel, models: Vec<Model>, name: Option<String>) -> Self {
        let digests = Digests::new(&panel, &models, name);
        Self(Arc::new(Inner { panel: Arc::new(panel), models, digests }))
    }

    /// Judges one item.
    ///
    /// An answer that could not be had costs its vote and no other
    /// ([`Outcome::Failed`](crate::verdict::Outcome)).
    ///
    /// # Errors
    /// No vote has an answer: the record lacks a field, the model is unreachable or refuses. An account or a
    /// key that was refused ends the judgment whatever other votes say, as it would end all that follow. An
    /// answer that came but cannot be read is no error: it is [`Judgment::unreadable`].
    pub async fn judge(&self, item: &Item) -> Result<Judgment> {
        self.judge_from(item, 0).await
    }

    /// The same for an item that was asked so often already without a readable answer: no remembered
    /// answer to those is taken.
    ///
    /// # Errors
    /// Those of [`Judge::judge`].
    pub async fn judge_from(&self, item: &Item, reask: u32) -> Result<Judgment> {
        self.judge_seen(&self.seen(item)?, reask).await
    }

    /// The same for an item as the prompt sees it.
    pub(crate) async fn judge_seen(&self, item: &Item, reask: u32) -> Result<Judgment> {
        let started = Instant::now();
        let facts = self.facts().await;
        let judging = self.0.panel.begin(item, &facts, Asking::Again { reask })?;
        let mut judgment = self.drive(judging).await?;
        judgment.latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(judgment)
    }

    /// Begins to judge an item without asking anything: for those who answer in their own way, such as a
    /// file of answers. `facts` are those of [`Judge::facts`], or made up.
    ///
    /// # Errors
    /// Nothing can be asked about the item: the record lacks a field.
    pub fn judging(&self, item: &Item, facts: &Facts) -> Result<Judging> {
        self.0.panel.judging(item, facts)
    }

    /// What the models of this judge can do; a server may have to be asked once.
    pub async fn facts(&self) -> Facts {
        let capabilities = self.0.models.iter().map(|model| model.backend.capabilities());
        let known = self.0.panel.members().iter().zip(join_all(capabilities).await);
        Facts::each(known.map(|(member, capabilities)| (member.name.clone(), capabilities)))
    }

    /// Answers a judgment with the models of this judge, everything that may be asked at once.
    async fn drive(&self, mut judging: Judging) -> Result<Judgment> {
        let mut ready: VecDeque<(AskId, Request)> = judging.start().into();
        let mut flying = FuturesUnordered::new();
        while !judging.is_over() {
            while flying.len() < AT_ONCE
                && let Some((id, request)) = ready.pop_front()
            {
                flying.push(self.ask(id, request));
            }
            let Some((id, answer)) = flying.next().await else { break };
            // A conversation that was begun goes on before another one begins.
            let more = judging.answer(&id, answer);
            more.into_iter().rev().for_each(|ask| ready.push_front(ask));
        }
        judging.judgment()
    }

    async fn ask(&self, id: AskId, request: Request) -> (AskId, Result<Completion>) {
        let Some((member, model)) = self.seat(&id.member) else {
            let message = format!("no member is called `{}`", id.member);
            return (id, Err(Error::new(ErrorKind::Config, message)));
        };
        let answer = model.backend.complete(&request).await;
        if let Ok(completion) = &answer {
            model.finishes.note(completion, &member.clean_finish, model.backend.name());
        }
        (id, answer)
    }

    /// The member of this name, and its model.
    fn seat(&self, name: &str) -> Option<(&Arc<Member>, &Model)> {
        let mut seats = self.0.panel.members().iter().zip(&self.0.models);
        seats.find(|(member, _)| *member.name == *name)
    }

    /// Every request that judging the item takes if all goes well, over all members, draws and orders, with
    /// made-up answers where a later request holds an earlier answer.
    ///
    /// # Errors
    /// The record cannot be judged: it lacks a field.
    pub async fn rehearse(&self, item: &Item) -> Result<Vec<(AskId, Request)>> {
        let facts = self.facts().await;
        self.0.panel.rehearse(item, &facts)
    }

    /// Judges an item by texts that were written for it before; no model is asked.
    ///
    /// `mark` is the one that texts use whose votes hold none of their own; `None` takes the item's own.
    ///
    /// # Errors
    /// The texts are not those that this judge's prompts ask for, or every vote had failed.
    pub fn reread(&self, item: &Item, votes: &[VoteLine], mark: Option<&str>) -> Result<Judgment> {
        self.0.panel.reread(item, votes, mark)
    }

    /// Judges a stream of items, as many at once as the model takes well, and gives results as they
    /// come.
    pub fn judge_all<S>(&self, items: S) -> impl Stream<Item = (Item, Result<Judgment>)> + use<S>
    where
        S: Stream<Item = Item>,
    {
        let (judge, most) = (self.clone(), self.concurrency());
        let judged = move |item: Item| {
            let judge = judge.clone();
            async move {
                let judgment = judge.judge(&item).await;
                (item, judgment)
            }
        };
        items.map(judged).buffer_unordered(most)
    }

    /// The item as the prompt sees it: with its other names, and with what is filled in. Where members see
    /// records differently it stays as it is, and each looks for itself.
    ///
    /// # Errors
    /// The record lacks a field that another name was given to.
    pub fn seen(&self, item: &Item) -> Result<Item> {
        self.0.panel.seen(item)
    }

    /// The same judge with the samples that come after these: other questions to every cache, and
    /// other answers where the model is sampled.
    #[must_use]
    pub fn redrawn(&self, times: u32) -> Self {
        self.each_member(|member| member.redraw(times))
    }

    /// The same judge asked anew: another draw, at temperature 1 where it would only say the same again.
    #[must_use]
    pub fn fresh(&self) -> Self {
        self.each_member(|member| {
            member.redraw(1);
            if member.prompt.front().sampling.temperature.is_none_or(|own| own <= 0.0) {
                let over = Sampling { temperature: Some(1.0), ..Sampling::default() };
                Arc::make_mut(&mut member.prompt).set_sampling(&over);
            }
        })
    }

    fn each_member(&self, change: impl Fn(&mut Member)) -> Self {
        let mut panel = (*self.0.panel).clone();
        panel.members.iter_mut().for_each(|member| change(Arc::make_mut(member)));
        self.with(panel)
    }

    /// The same judge with another rule that sets `pass`.
    ///
    /// # Errors
    /// The rule asks for something that verdicts of this judge do not have.
    pub fn passing(&self, rule: &Pass) -> Result<Self> {
        let rule = rule.fitted(&self.prompt().verdict_profile(), ErrorKind::Config)?;
        Ok(self.with(Panel { pass: Some(rule), ..(*self.0.panel).clone() }))
    }

    fn with(&self, panel: Panel) -> Self {
        Self::new(panel, self.0.models.clone(), self.0.digests.given_name())
    }

    /// Reads a critique that somebody already has: no model is asked, and a pair is taken as shown.
    ///
    /// Nothing is known of what was judged: [`parse_for`](Self::parse_for) knows it. The rules are those of
    /// the first member.
    pub fn parse(&self, text: &str) -> Judgment {
        self.0.panel.read_text(text, Transcript::of_text("critique", text))
    }

    /// The same beside the record that the critique is about: what the record says is no verdict where
    /// the critique quotes it, the record's own marker counts, and a value must be one that the record
    /// can have.
    ///
    /// # Errors
    /// The record lacks a field that another name was given to.
    pub fn parse_for(&self, item: &Item, text: &str) -> Result<Judgment> {
        let panel = &self.0.panel;
        let member = panel.first();
        let item = panel.seen_by(member, &panel.seen(item)?)?;
        let data = member.prompt.judged(&item);
        // A marker of a record without anything to judge would be everyone's.
        let mark = member.mark(&item).filter(|_| !data.is_empty());
        let shape = member.prompt.shape(&item);
        let of_text = Transcript::of_text("critique", text);
        Ok(panel.read_text(text, Transcript { mark, data, shape, ..of_text }))
    }

    /// The members and their models, in the order in which they were given; one for an ordinary judge.
    pub fn members(&self) -> impl Iterator<Item = (&Member, &dyn Backend)> {
        let models = self.0.models.iter().map(|model| &*model.backend);
        self.0.panel.members().iter().map(|member| &**member).zip(models)
    }

    /// The prompt; the first member's where there are several, which are of one kind and scale.
    pub fn prompt(&self) -> &Prompt {
        &self.0.panel.first().prompt
    }

    /// The prompt as a file of its own: with the scale, criteria, sampling and rules of this judge.
    ///
    /// # Errors
    /// The judge has several prompts, or the front matter of its prompt cannot be rewritten.
    pub fn saved_prompt(&self) -> Result<String> {
        let [member] = self.0.panel.members() else {
            return Err(Error::new(
                ErrorKind::Config,
                "a judge of several members has no one prompt",
            )
            .hint("save the prompt of each member"));
        };
        let prompt = &member.prompt;
        let mut set = serde_json::Map::new();
        if member.draws != prompt.front().draws {
            set.insert("draws".into(), member.draws.into());
        }
        if prompt.front().order.is_some_and(|own| own != member.order) {
            set.insert("order".into(), member.order.name().into());
        }
        let own = prompt.front().pass.as_ref().map(ToString::to_string);
        let pass = self.pass().map(ToString::to_string);
        if let Some(pass) = pass.filter(|pass| own.as_ref() != Some(pass)) {
            set.insert("pass".into(), pass.into());
        }
        let names = prompt.fields().iter().map(|field| field.name.as_str());
        prompt.saved(&member.fields.filled_in(names), set)
    }

    /// The name of this judge in results: that of its model, or that of the panel.
    pub fn name(&self) -> &str {
        self.0.digests.name().unwrap_or_else(|| self.backend().name())
    }

    /// The model; the first member's where there are several.
    pub fn backend(&self) -> &dyn Backend {
        // A judge is never without members.
        &*self.0.models[0].backend
    }

    /// The model of the member that a request is for.
    pub fn backend_of(&self, id: &AskId) -> Option<&dyn Backend> {
        self.seat(&id.member).map(|(_, model)| &*model.backend)
    }

    /// How the prompt sees the fields of records; the first member's where there are several.
    #[cfg(feature = "cli")]
    pub fn field_map(&self) -> &crate::item::FieldMap {
        self.0.panel.first().fields()
    }

    /// Whether all members see records alike.
    pub(crate) fn maps_alike(&self) -> bool {
        self.0.panel.maps_alike()
    }

    /// The rule that sets `pass`, if there is one.
    pub fn pass(&self) -> Option<&Pass> {
        self.0.panel.pass.as_ref()
    }

    /// What tokens cost, where that was said, and is the same for all members.
    pub fn price(&self) -> Option<Price> {
        let mut prices = self.0.panel.members().iter().map(|member| member.price);
        let first = prices.next()??;
        prices.all(|price| price == Some(first)).then_some(first)
    }

    /// Whether the price of every member's tokens is known.
    pub fn is_priced(&self) -> bool {
        self.0.panel.members().iter().all(|member| member.price.is_some())
    }

    /// In which orders answers are shown; the first member's where there are several.
    pub fn order(&self) -> Order {
        self.0.panel.first().order
    }

    /// How many items are judged at once when nobody says otherwise: what the busiest of its models takes.
    pub fn concurrency(&self) -> usize {
        let most = self.0.models.iter().map(|model| model.backend.concurrency()).max();
        most.unwrap_or(1).max(1)
    }

    /// Names everything that changes what this judge asks, the models included. The order of the members is
    /// not part of it.
    pub fn identity(&self) -> &str {
        &self.0.digests.identity
    }

    /// The prompt's [hash](Prompt::hash), or that of the prompts of all members.
    pub fn prompt_hash(&self) -> &str {
        &self.0.digests.prompt
    }

    /// Names the rules by which texts become verdicts: what may change without asking anything again.
    pub fn reading(&self) -> &str {
        &self.0.digests.reading
    }

    /// What the prompts of all members show of an item: what keys are made of.
    pub(crate) fn content(&self, item: &Item) -> serde_json::Value {
        let panel = &self.0.panel;
        let of = |member: &Member| {
            let item = panel.seen_by(member, item).unwrap_or_else(|_| item.clone());
            serde_json::to_value(member.prompt.content(&item)).unwrap_or_default()
        };
        if let [member] = panel.members() {
            return of(member);
        }
        let mut all: Vec<_> = panel.members().iter().map(|one| (one.name(), of(one))).collect();
        all.sort_by_key(|(name, _)| *name);
        serde_json::to_value(all).unwrap_or_default()
    }

    /// Names an item's line in results: equal content under an equal judge has an equal key.
    pub fn line_key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-line-v2");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        hasher.json(&self.content(item));
        hasher.part(self.identity().as_bytes());
        hasher.hex::<16>()
    }
}
