//! Judges: a prompt, a model and a parser for its answer, or several of these as one panel.

mod builder;
mod cascade;
mod digests;
mod finishes;
mod missing;
mod panel;
mod prompt_ref;
mod settled;
mod shortened;

pub use {
    builder::{JudgeBuilder, prompt_for},
    cascade::CascadeBuilder,
    panel::PanelBuilder,
    prompt_ref::{PromptRef, load},
};

#[doc(hidden)]
pub use {missing::MissingAnswer, prompt_ref::is_file};

#[doc(inline)]
pub use crate::{aggregate::Aggregate, pass::Pass};

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures_util::{Stream, StreamExt, future::join_all, stream::FuturesUnordered};

use self::{digests::Digests, finishes::Finishes, shortened::Shortened};
use crate::{
    backend::{Backend, records_open},
    completion::{Completion, Price},
    error::{Error, ErrorKind, Result},
    item::Item,
    judging::{AskId, Asking, Facts, Judging, Member, Panel},
    line::VoteLine,
    parse::Transcript,
    pass::VerdictProfile,
    prompt::{Order, Prompt},
    request::{Hasher, Part, Request, Sampling},
    verdict::{Judgment, Vote},
};

/// The shortest prompt, in bytes, whose beginning servers keep: services begin at 1,024 tokens.
const SHORTEST_KEPT: usize = 4096;

/// The most requests of one judgment that are in flight at once.
const AT_ONCE: usize = 64;

/// Judges items.
///
/// A judge has one member, which is a prompt and a model, or several members ([`Judge::panel`]) whose votes
/// are combined. It is cheap to clone, and works in any tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let judge = Judge::builder()
///     .backend(Script::always("The sum is right.\nScore: 9"))
///     .prompt("score")
///     .pass("score >= 7")
///     .build()
///     .await?;
/// let judgment = judge.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert!(judgment.passed());
/// assert!(judgment.critique().starts_with("The sum is right."));
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
/// Dropping the future of a judgment cancels its requests, and a model in this process stops. With a cache,
/// an answer that a server is writing may still arrive and is stored, because it was paid for.
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

/// The model of a member, and what was reported about its answers and its requests.
#[derive(Clone, Debug)]
struct Model {
    backend: Arc<dyn Backend>,
    finishes: Arc<Finishes>,
    shortened: Arc<Shortened>,
}

/// One item of a stream, and its judgment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Judged {
    /// The position of the item in the stream, from 0.
    pub index: usize,
    /// The item.
    pub item: Item,
    /// The judgment, or why there is none.
    pub judgment: Result<Judgment>,
}

impl Judge {
    /// Starts building a judge.
    pub fn builder() -> JudgeBuilder {
        JudgeBuilder::default()
    }

    /// Starts building a judge that asks these judges one after another, each with its name, until one is sure enough
    /// (Jung et al. 2024, "Trust or Escalate").
    pub fn cascade<N: Into<Arc<str>>>(
        judges: impl IntoIterator<Item = (N, Self)>,
    ) -> CascadeBuilder {
        CascadeBuilder::new(judges.into_iter().map(|(name, judge)| (name.into(), judge)).collect())
    }

    /// Starts building a judge with these judges as its members, each with its name. Each votes with its own
    /// prompt, model, draws and orders (Verga et al. 2024, PoLL; Chan et al. 2024, ChatEval).
    pub fn panel<N: Into<Arc<str>>>(members: impl IntoIterator<Item = (N, Self)>) -> PanelBuilder {
        PanelBuilder::new(members.into_iter().map(|(name, judge)| (name.into(), judge)).collect())
    }

    fn new(panel: Panel, models: Vec<Model>, name: Option<String>) -> Self {
        let digests = Digests::new(&panel, &models, name);
        Self(Arc::new(Inner { panel: Arc::new(panel), models, digests }))
    }

    /// Judges one item.
    ///
    /// A failed request affects its own vote only ([`Outcome::Failed`](crate::verdict::Outcome)).
    ///
    /// # Errors
    /// No vote has an answer: the record lacks a field, or the model is unreachable or refuses. A refused key
    /// or an empty account is an error even if other votes have answers, because every later judgment would
    /// meet it too. An unreadable answer is not an error: see [`Judgment::unreadable`].
    pub async fn judge(&self, item: &Item) -> Result<Judgment> {
        self.judge_from(item, 0).await
    }

    /// Judges an item whose first `reask` answers could not be read. It begins with the next repetition, so
    /// that no cache returns those answers again.
    ///
    /// # Errors
    /// Those of [`Judge::judge`].
    pub async fn judge_from(&self, item: &Item, reask: u32) -> Result<Judgment> {
        self.judge_seen(&self.seen(item)?, reask).await
    }

    /// Judges an item that [`seen`](Self::seen) returned.
    pub(crate) async fn judge_seen(&self, item: &Item, reask: u32) -> Result<Judgment> {
        let started = Instant::now();
        let facts = self.facts().await;
        let judging = self.0.panel.begin(item, &facts, Asking::Again { reask })?;
        let mut judgment = self.drive(judging).await?;
        judgment.latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(judgment)
    }

    /// Begins to judge an item without sending anything. The [`Judging`] provides the requests, and their
    /// answers may come from anywhere, such as a file. `facts` are those of [`Judge::facts`], or others.
    ///
    /// # Errors
    /// No request can be made for the item, because the record lacks a field.
    pub fn judging(&self, item: &Item, facts: &Facts) -> Result<Judging> {
        self.0.panel.judging(item, facts)
    }

    /// The capabilities of the models of this judge; a server may have to be asked once.
    pub async fn facts(&self) -> Facts {
        let capabilities = self.0.models.iter().map(|model| model.backend.capabilities());
        let known = self.0.panel.members().iter().zip(join_all(capabilities).await);
        Facts::each(known.map(|(member, capabilities)| (member.name.clone(), capabilities)))
    }

    /// Runs a judgment with the models of this judge, with all its requests in parallel.
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
            // A conversation that has begun is continued before another one begins.
            let more = judging.answer(&id, answer);
            more.into_iter().rev().for_each(|ask| ready.push_front(ask));
        }
        let judgment = judging.judgment();
        if judgment.as_ref().is_err_and(Error::is_interrupted) {
            // Requests in flight are paid for, so they are completed and cached for the next run.
            while flying.next().await.is_some() {}
        }
        judgment
    }

    async fn ask(&self, id: AskId, request: Request) -> (AskId, Result<Completion>) {
        let Some((member, model)) = self.seat(&id.member) else {
            let message = format!("no member is called `{}`", id.member);
            return (id, Err(Error::new(ErrorKind::Config, message)));
        };
        model.shortened.note(&request, member.prompt.name());
        let answer = model.backend.complete(&request).await;
        if let Ok(completion) = &answer {
            model.finishes.note(completion, &member.clean_finish, model.backend.name());
        }
        (id, answer)
    }

    /// The member with this name, and its model.
    fn seat(&self, name: &str) -> Option<(&Arc<Member>, &Model)> {
        let mut seats = self.0.panel.members().iter().zip(&self.0.models);
        seats.find(|(member, _)| *member.name == *name)
    }

    /// All requests that judging the item needs if every answer is readable, over all members, draws and
    /// orders. If a later request contains an earlier answer, a placeholder is used. Nothing is sent.
    ///
    /// # Errors
    /// The record lacks a field.
    pub async fn rehearse(&self, item: &Item) -> Result<Vec<(AskId, Request)>> {
        let facts = self.facts().await;
        self.0.panel.rehearse(item, &facts)
    }

    /// The same for an item that [`seen`](Self::seen) returned.
    #[doc(hidden)]
    pub async fn rehearse_seen(&self, item: &Item) -> Result<Vec<(AskId, Request)>> {
        let facts = self.facts().await;
        self.0.panel.rehearse_seen(item, &facts)
    }

    /// Whether a request of [`rehearse`](Self::rehearse) is sent whatever the other answers are. It is not if its vote
    /// may be left out: a draw after others, a second order, a later judge of a cascade.
    pub fn is_certain(&self, id: &AskId) -> bool {
        self.0.panel.is_certain(id)
    }

    /// The text with which the first request about an item begins, to judge items with common beginnings one after
    /// another. It belongs to the first member whose model [keeps prompts](Backend::keeps_prompts); `None` if no
    /// model does, if the prompt is too short to be kept, or if no request can be made. `item` is one that
    /// [`seen`](Self::seen) returned.
    pub(crate) fn opening(&self, item: &Item) -> Option<String> {
        let mut seats = self.0.panel.members().iter().zip(&self.0.models);
        let (member, model) = seats.find(|(_, model)| model.backend.keeps_prompts())?;
        if !model.backend.is_in_process() && member.prompt.size(item) < SHORTEST_KEPT {
            return None;
        }
        let messages = self.0.panel.opening(member, item).ok()??.messages;
        let parts = messages.iter().flat_map(|message| &message.parts);
        Some(parts.map(Part::as_text).collect())
    }

    /// Judges an item again by the texts of an earlier judgment, without asking a model.
    ///
    /// `mark` is the mark for votes that contain none; `None` uses that of the item.
    ///
    /// # Errors
    /// The texts do not belong to this judge's prompts, or every vote had failed.
    #[doc(hidden)]
    pub fn reread(&self, item: &Item, votes: &[VoteLine], mark: Option<&str>) -> Result<Judgment> {
        self.0.panel.reread(item, votes, mark)
    }

    /// Judges a stream of items, several at once, and returns results as they arrive, each with the index of
    /// its item. Up to [`open_records`](Self::open_records) items are open at once;
    /// [`judge_all_at`](Self::judge_all_at) sets another number.
    ///
    /// The stream owns everything it needs: it can be stored, or run by a spawned task. For results in a file
    /// and for resume, see [`run::judge_to`](crate::run::judge_to).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> tribunal::Result<()> {
    /// use futures_util::{StreamExt, stream};
    /// use tribunal::{Item, Judge, backend::Script};
    ///
    /// let judge = Judge::builder().backend(Script::always("Score: 7")).prompt("score").build().await?;
    /// let items = ["Because.", "Why not?"].map(|answer| Item::new().question("Why?").answer(answer));
    /// let judged = judge.judge_all(stream::iter(items));
    /// let scores = tokio::spawn(judged.map(|one| (one.index, one.judgment)).collect::<Vec<_>>());
    /// for (index, judgment) in scores.await.map_err(tribunal::Error::other)? {
    ///     println!("{index}: {:?}", judgment?.score());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    /// Dropping the stream cancels the judgments in flight.
    pub fn judge_all<S>(&self, items: S) -> impl Stream<Item = Judged> + use<S>
    where
        S: Stream<Item = Item>,
    {
        self.judge_all_at(self.open_records(), items)
    }

    /// Judges a stream of items as [`judge_all`](Self::judge_all) does, up to `open` of them at once.
    pub fn judge_all_at<S>(&self, open: usize, items: S) -> impl Stream<Item = Judged> + use<S>
    where
        S: Stream<Item = Item>,
    {
        let judge = self.clone();
        let judged = move |(index, item): (usize, Item)| {
            let judge = judge.clone();
            async move {
                let judgment = judge.judge(&item).await;
                Judged { index, item, judgment }
            }
        };
        items.enumerate().map(judged).buffer_unordered(open.max(1))
    }

    /// How many items to keep open at once: two for each request that its models handle, so that no model
    /// waits for a slow record; at most 1,024. For models that answer one request at a time it is one item.
    pub fn open_records(&self) -> usize {
        records_open(self.concurrency())
    }

    /// The item as the prompt sees it, with fields renamed and filled in. If the members rename fields
    /// differently, it stays unchanged, and each member renames for itself.
    ///
    /// # Errors
    /// The record lacks a field that is to be renamed.
    #[doc(hidden)]
    pub fn seen(&self, item: &Item) -> Result<Item> {
        self.0.panel.seen(item)
    }

    /// The same judge with other samples. Draw numbers are shifted by `times` × [draws](JudgeBuilder::draws),
    /// so no cache returns the same answers, and a sampled model writes new ones.
    #[must_use]
    pub fn redrawn(&self, times: u32) -> Self {
        self.each_member(|member| member.redraw(times))
    }

    /// The same judge with one fresh draw, at temperature 1 if it would otherwise write the same text again.
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

    /// The same judge with so many draws, from this one on.
    pub(crate) fn drawing(&self, first: u32, draws: u32) -> Self {
        self.each_member(|member| member.draw_from(first, draws))
    }

    /// The same judge with one draw, which always writes the likeliest token.
    pub(crate) fn greedy(&self) -> Self {
        self.each_member(|member| {
            member.draw_from(0, 1);
            let over = Sampling { temperature: Some(0.0), ..Sampling::default() };
            Arc::make_mut(&mut member.prompt).set_sampling(&over);
        })
    }

    fn each_member(&self, change: impl Fn(&mut Member)) -> Self {
        let mut panel = (*self.0.panel).clone();
        panel.members.iter_mut().for_each(|member| change(Arc::make_mut(member)));
        self.with(panel)
    }

    /// The same judge with another pass rule.
    ///
    /// # Errors
    /// The rule needs a value that the verdicts of this judge do not have.
    pub fn passing(&self, rule: &Pass) -> Result<Self> {
        let rule = rule.fitted(&self.verdict_profile(), ErrorKind::Config)?;
        Ok(self.with(Panel { pass: Some(rule), ..(*self.0.panel).clone() }))
    }

    /// The judge without its models.
    #[cfg_attr(not(feature = "files"), expect(dead_code, reason = "summaries of runs use it"))]
    pub(crate) fn as_panel(&self) -> &Arc<Panel> {
        &self.0.panel
    }

    /// Whether these votes need a replacement that was not asked.
    #[cfg_attr(not(feature = "files"), expect(dead_code, reason = "runs over files use it"))]
    pub(crate) fn lacks_replacement(&self, votes: &[Vote]) -> bool {
        self.0.panel.lacks_replacement(votes)
    }

    /// What the verdicts will be like.
    pub(crate) fn verdict_profile(&self) -> VerdictProfile<'_> {
        self.0.panel.verdict_profile()
    }

    fn with(&self, panel: Panel) -> Self {
        Self::new(panel, self.0.models.clone(), self.0.digests.given_name())
    }

    /// Reads the verdict from a critique that was written elsewhere, without asking a model. Two compared
    /// answers count in the order in which they were shown. The rules are those of the first member.
    ///
    /// Quotations of the judged text cannot be recognized here, but [`parse_for`](Self::parse_for) does so.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> tribunal::Result<()> {
    /// use tribunal::{Judge, backend::Script};
    ///
    /// let judge = Judge::builder().backend(Script::always("")).prompt("score").build().await?;
    /// assert_eq!(judge.parse("Well done.\nScore: 8").score(), Some(8.0));
    /// assert!(judge.parse("Well done.").unreadable().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(&self, text: &str) -> Judgment {
        self.0.panel.read_text(text, self.0.panel.first().transcript_of(text), &Item::new())
    }

    /// Reads the verdict from a critique of this item. A verdict inside a quotation of the item does not
    /// count, while the item's own mark does. The value must be possible for the item: an existing step, or
    /// one of its answers.
    ///
    /// # Errors
    /// The record lacks a field that is to be renamed.
    pub fn parse_for(&self, item: &Item, text: &str) -> Result<Judgment> {
        let panel = &self.0.panel;
        let member = panel.first();
        let item = panel.seen_by(member, &panel.seen(item)?)?;
        let data = member.prompt.judged(&item);
        // All records without judged text would share one mark.
        let mark = member.mark(&item).filter(|_| !data.is_empty());
        let shape = member.prompt.shape(&item);
        let of_text = member.transcript_of(text);
        Ok(panel.read_text(text, Transcript { mark, data, shape, ..of_text }, &item))
    }

    /// The members and their models, in the order in which they were added; one for a judge that is not a
    /// panel.
    pub fn members(&self) -> impl Iterator<Item = (&Member, &dyn Backend)> {
        let models = self.0.models.iter().map(|model| &*model.backend);
        self.0.panel.members().iter().map(|member| &**member).zip(models)
    }

    /// The prompt; that of the first member if there are several, which have one kind and scale.
    pub fn prompt(&self) -> &Prompt {
        &self.0.panel.first().prompt
    }

    /// The prompt as the text of a file, including the scale, criteria, sampling and rules of this judge.
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

    /// The name of this judge in results: that of its model, or of the panel.
    pub fn name(&self) -> &str {
        self.0.digests.name().unwrap_or_else(|| self.backend().name())
    }

    /// The model; that of the first member if there are several.
    pub fn backend(&self) -> &dyn Backend {
        // A judge always has a member.
        &*self.0.models[0].backend
    }

    /// The model of the member to which a request belongs.
    pub fn backend_of(&self, id: &AskId) -> Option<&dyn Backend> {
        self.seat(&id.member).map(|(_, model)| &*model.backend)
    }

    /// How the prompt sees the fields of records; for the first member if there are several.
    #[cfg(feature = "cli")]
    pub fn field_map(&self) -> &crate::item::FieldMap {
        self.0.panel.first().fields()
    }

    /// Whether all members see records in the same way.
    pub(crate) fn maps_alike(&self) -> bool {
        self.0.panel.maps_alike()
    }

    /// The rule that decides whether a judgment passes, if there is one.
    pub fn pass(&self) -> Option<&Pass> {
        self.0.panel.pass.as_ref()
    }

    /// The price of tokens, if it is known and equal for all members.
    pub fn price(&self) -> Option<Price> {
        let mut prices = self.0.panel.members().iter().map(|member| member.price);
        let first = prices.next()??;
        prices.all(|price| price == Some(first)).then_some(first)
    }

    /// Whether the prices of all members are known.
    pub fn is_priced(&self) -> bool {
        self.0.panel.members().iter().all(|member| member.price.is_some())
    }

    /// The orders in which answers are shown; those of the first member if there are several.
    pub fn order(&self) -> Order {
        self.0.panel.first().order
    }

    /// How many concurrent requests the models of this judge handle well: the maximum over its models.
    pub fn concurrency(&self) -> usize {
        let most = self.0.models.iter().map(|model| model.backend.concurrency()).max();
        most.unwrap_or(1).max(1)
    }

    /// A hash of everything that changes what this judge asks, including the models. The order of the members
    /// does not matter.
    pub fn identity(&self) -> &str {
        &self.0.digests.identity
    }

    /// The [hash](Prompt::hash) of the prompt, or of the prompts of all members.
    pub fn prompt_hash(&self) -> &str {
        &self.0.digests.prompt
    }

    /// A hash of the rules by which texts become verdicts; these may change without new requests.
    pub fn reading(&self) -> &str {
        &self.0.digests.reading
    }

    /// Hashes the fields of an item that the prompts of all members show.
    pub(crate) fn hash_content(&self, item: &Item, hasher: &mut Hasher) {
        let panel = &self.0.panel;
        if let [member] = panel.members() {
            return hasher.json(&member.prompt.shown(item).collect::<Vec<_>>());
        }
        let of = |member: &Member| {
            let item = panel.seen_by(member, item).unwrap_or_else(|_| item.clone());
            member.prompt.content(&item)
        };
        let mut all: Vec<_> = panel.members().iter().map(|one| (one.name(), of(one))).collect();
        all.sort_by_key(|(name, _)| *name);
        hasher.json(&all);
    }

    /// The key of an item's line in results: equal content and an equal judge give an equal key.
    #[doc(hidden)]
    pub fn line_key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-line-v2");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        self.hash_content(item, &mut hasher);
        hasher.part(self.identity().as_bytes());
        hasher.hex::<16>()
    }
}
