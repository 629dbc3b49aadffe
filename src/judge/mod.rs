//! A prompt, a model and a way to read its answer.

mod ballot;
mod builder;
mod finishes;
mod rehearsal;
mod stored;
mod talk;

pub use builder::{JudgeBuilder, load};

pub(crate) use builder::is_file;

use std::{sync::Arc, time::Instant};

use futures_util::{Stream, StreamExt, future::try_join_all};

use self::{
    ballot::{chosen, numbers, vote},
    finishes::Finishes,
    talk::{Ballot, Tally},
};
use crate::{
    aggregate::{self, Aggregate, Decision, Rules},
    backend::Backend,
    completion::Price,
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    parse::{Kind, Parser, Read, Reader, Transcript},
    pass::Pass,
    prompt::{Each, Order, Plan, Prompt},
    request::{Hasher, Logprobs, Sampling},
    verdict::{Judgment, Outcome, Reason, Unreadable, Verdict, Vote},
};

/// Judges items.
///
/// Cheap to clone, and at home in any tokio runtime.
///
/// # Cancellation
/// Dropping a judgment's future gives its requests up: a model in this process stops. Behind a
/// cache, an answer of a server that is on its way may still arrive and is
/// remembered, because it was paid for.
#[derive(Clone, Debug)]
pub struct Judge(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    prompt: Arc<Prompt>,
    backend: Arc<dyn Backend>,
    reader: Reader,
    /// Reads one conversation of an `each`.
    element_reader: Reader,
    draws: u32,
    /// The index of the first of them.
    first_draw: u32,
    order: Order,
    aggregate: Option<Aggregate>,
    pass: Option<Pass>,
    secret: Option<String>,
    fields: FieldMap,
    price: Option<Price>,
    /// How often an unreadable answer is asked again.
    reasks: u32,
    finishes: Arc<Finishes>,
    digests: Digests,
}

/// Names of what does not change while a judge lives.
#[derive(Clone, Debug, Default)]
struct Digests {
    prompt: String,
    reading: String,
    identity: String,
}

impl Judge {
    /// A judge with nothing set: the shipped model, and a prompt that must be named.
    pub fn builder() -> JudgeBuilder {
        JudgeBuilder::default()
    }

    /// Judges one item.
    ///
    /// # Errors
    /// No answer could be had: the record lacks a field, the model is unreachable or refuses. An
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
        self.check_item(item)?;
        let Inner { prompt, secret, draws, first_draw, .. } = &*self.0;
        let mark = prompt.mark(item, secret.as_deref());
        let ballots = (*first_draw..first_draw + draws)
            .flat_map(|draw| self.orders(item, draw).into_iter().map(move |order| (draw, order)));
        let force = reask > 0 || self.0.reasks > 0;
        let ballots =
            ballots.map(|(draw, order)| Ballot { draw, order, reask, force, mark: mark.clone() });
        let votes = ballots.map(|ballot| self.settled(item, ballot));
        let counted = try_join_all(votes).await?;
        let mut judgment = self.summed(counted, mark);
        judgment.latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(judgment)
    }

    /// One judgment out of counted votes.
    fn summed(&self, counted: Vec<(Vote, Tally)>, mark: Option<String>) -> Judgment {
        let (votes, tallies): (Vec<Vote>, Vec<Tally>) = counted.into_iter().unzip();
        let Decision { verdict, consistent, distribution, expected_score, .. } =
            self.decide(&votes);
        let mut judgment = Judgment {
            consistent,
            distribution,
            expected_score,
            ..self.judgment(verdict, votes, mark)
        };
        for tally in tallies {
            judgment.usage += tally.usage;
            judgment.saved += tally.saved;
            judgment.cached.0 += tally.cached;
            judgment.cached.1 += tally.calls;
            judgment.attempts += tally.attempts;
        }
        judgment
    }

    /// Judges a stream of items, as many at once as the model takes well, and gives results as they
    /// come.
    pub fn judge_all<'j, S>(&'j self, items: S) -> impl Stream<Item = (Item, Result<Judgment>)> + 'j
    where
        S: Stream<Item = Item> + 'j,
    {
        let judge = move |item: Item| async move {
            let judgment = self.judge(&item).await;
            (item, judgment)
        };
        items.map(judge).buffer_unordered(self.concurrency())
    }

    /// The item as the prompt sees it: with its other names, and with what is filled in.
    ///
    /// # Errors
    /// The record lacks a field that another name was given to.
    pub fn seen(&self, item: &Item) -> Result<Item> {
        self.0.fields.apply(item)
    }

    /// The same judge with the samples that come after these: other questions to every cache, and
    /// other answers where the model is sampled.
    #[must_use]
    pub fn redrawn(&self, times: u32) -> Self {
        let mut inner = (*self.0).clone();
        let next = inner.first_draw.saturating_add(times.saturating_mul(inner.draws));
        inner.first_draw = next.min(u32::MAX - inner.draws);
        Self(Arc::new(inner))
    }

    /// The same judge asked anew: another draw, at temperature 1 where it would only say the same again.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let mut inner = (*self.redrawn(1).0).clone();
        if inner.prompt.front().sampling.temperature.is_none_or(|own| own <= 0.0) {
            let over = Sampling { temperature: Some(1.0), ..Sampling::default() };
            Arc::make_mut(&mut inner.prompt).set_sampling(&over);
        }
        Self(Arc::new(inner.named()))
    }

    /// The same judge with another rule that sets `pass`.
    ///
    /// # Errors
    /// The rule asks for something that verdicts of this judge do not have.
    pub fn passing(&self, rule: &Pass) -> Result<Self> {
        let rule = rule.fitted(&self.0.prompt.offer(), ErrorKind::Config)?;
        let inner = Inner { pass: Some(rule), ..(*self.0).clone() };
        Ok(Self(Arc::new(inner.named())))
    }

    /// Reads a critique that somebody already has: no model is asked, and a pair is taken as shown.
    ///
    /// Nothing is known of what was judged: [`parse_for`](Self::parse_for) knows it.
    pub fn parse(&self, text: &str) -> Judgment {
        self.read_text(text, Transcript::of_text("critique", text))
    }

    /// The same beside the record that the critique is about: what the record says is no verdict where
    /// the critique quotes it, the record's own marker counts, and a value must be one that the record
    /// can have.
    ///
    /// # Errors
    /// The record lacks a field that another name was given to.
    pub fn parse_for(&self, item: &Item, text: &str) -> Result<Judgment> {
        let Inner { prompt, secret, .. } = &*self.0;
        let item = self.seen(item)?;
        let data = prompt.judged(&item);
        // A marker of a record without anything to judge would be everyone's.
        let mark = prompt.mark(&item, secret.as_deref()).filter(|_| !data.is_empty());
        let menu = prompt.menu(&item);
        let of_text = Transcript::of_text("critique", text);
        Ok(self.read_text(text, Transcript { mark, data, menu, ..of_text }))
    }

    fn read_text(&self, text: &str, transcript: Transcript) -> Judgment {
        let inner = &*self.0;
        let mark = transcript.mark.clone();
        let transcript = chosen(&inner.prompt, text, transcript);
        let read = inner.reader.parse(&transcript);
        let vote = vote(0, Vec::new(), vec![(None, transcript)], read, &inner.reader);
        self.judgment(read_of(&vote), vec![vote], mark)
    }

    /// The prompt.
    pub fn prompt(&self) -> &Prompt {
        &self.0.prompt
    }

    /// The prompt as a file of its own: with the scale, criteria, sampling and rules of this judge.
    ///
    /// # Errors
    /// The front matter of the prompt cannot be rewritten.
    pub fn saved_prompt(&self) -> Result<String> {
        let Inner { prompt, draws, order, pass, fields, .. } = &*self.0;
        let mut set = serde_json::Map::new();
        if *draws != prompt.front().draws {
            set.insert("draws".into(), (*draws).into());
        }
        if prompt.front().order.is_some_and(|own| own != *order) {
            set.insert("order".into(), order.name().into());
        }
        let own = prompt.front().pass.as_ref().map(ToString::to_string);
        let pass = pass.as_ref().map(ToString::to_string);
        if let Some(pass) = pass.filter(|pass| own.as_ref() != Some(pass)) {
            set.insert("pass".into(), pass.into());
        }
        let names = prompt.fields().iter().map(|field| field.name.as_str());
        prompt.saved(&fields.filled_in(names), set)
    }

    /// The model.
    pub fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    /// How the prompt sees the fields of records.
    #[cfg(feature = "cli")]
    pub(crate) fn field_map(&self) -> &FieldMap {
        &self.0.fields
    }

    /// The rule that sets `pass`, if there is one.
    pub fn pass(&self) -> Option<&Pass> {
        self.0.pass.as_ref()
    }

    /// What tokens cost, where that was said.
    pub fn price(&self) -> Option<Price> {
        self.0.price
    }

    /// In which orders answers are shown.
    pub fn order(&self) -> Order {
        self.0.order
    }

    /// How many items are judged at once when nobody says otherwise.
    pub fn concurrency(&self) -> usize {
        self.0.backend.concurrency().max(1)
    }

    /// Names everything that changes what this judge asks, the model included.
    pub fn identity(&self) -> &str {
        &self.0.digests.identity
    }

    /// The prompt's [hash](Prompt::hash).
    pub fn prompt_hash(&self) -> &str {
        &self.0.digests.prompt
    }

    /// Names the rules by which texts become verdicts: what may change without asking anything again.
    pub fn reading(&self) -> &str {
        &self.0.digests.reading
    }

    /// Names an item's line in results: equal content under an equal judge has an equal key.
    pub fn line_key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-line-v2");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        hasher.json(&self.0.prompt.content(item));
        hasher.part(self.identity().as_bytes());
        hasher.hex::<16>()
    }

    /// Fails before the first paid call where the model cannot do what the prompt needs.
    async fn check(self) -> Result<Self> {
        let plan = Plan { capabilities: self.0.backend.capabilities().await, draw: 0, reask: 0 };
        self.0.prompt.check_fits(plan)?;
        let reason = if self.weighs() {
            "`expected` weighs by probabilities"
        } else if self.0.pass.as_ref().is_some_and(Pass::needs_probabilities) {
            "the pass rule looks at a probability"
        } else {
            return Ok(self);
        };
        if plan.capabilities.logprobs == Logprobs::None {
            let message = format!("{reason}, and `{}` reports none", self.0.backend.name());
            let error = Error::new(ErrorKind::Unsupported, message);
            return Err(error.hint("take another one, or a model that reports log-probabilities"));
        }
        Ok(self)
    }

    /// Refuses a record that this judge can only misjudge, before anything is asked.
    fn check_item(&self, item: &Item) -> Result<()> {
        let prompt = &*self.0.prompt;
        let menu = prompt.menu(item);
        if prompt.front().verdict_kind() == Kind::Criteria {
            self.check_criteria(&menu.criteria.unwrap_or_default())?;
        }
        match (prompt.front().kind, menu.answers) {
            (Kind::Preference, Some(count)) if count != 2 => Err(Error::new(
                ErrorKind::Record,
                format!("the record has {count} answers, and this prompt compares two"),
            )
            .within(prompt.name())
            .hint("the prompt `rank` compares any number of answers")),
            _ => Ok(()),
        }
    }

    /// Criteria go by their names: one each, and the rule's among them.
    fn check_criteria(&self, names: &[String]) -> Result<()> {
        let twice = names.iter().enumerate().find(|(n, name)| names[..*n].contains(name));
        if let Some((_, name)) = twice {
            let message = format!("the record names the criterion `{name}` twice");
            return Err(Error::new(ErrorKind::Record, message).within(self.0.prompt.name()));
        }
        match &self.0.pass {
            Some(pass) if !names.is_empty() => pass.check_criteria(names, ErrorKind::Record),
            _ => Ok(()),
        }
    }

    /// One verdict out of the conversations about all elements.
    fn read_each(
        &self,
        each: Option<Each>,
        talks: &[(Option<usize>, Transcript)],
        item: &Item,
    ) -> Read {
        let reader = &self.0.element_reader;
        let reads = talks.iter().map(|(_, talk)| self.weighed(reader, reader.parse(talk), talk));
        let reads: Vec<Read> = reads.collect();
        let rule = reads.iter().find_map(|read| read.rule.clone());
        let verdicts = reads.into_iter().map(|read| read.verdict);
        let verdict = match each {
            Some(Each::Steps) => reader.steps(verdicts.enumerate()),
            Some(Each::Criteria) => {
                let names = item.criteria().into_iter().map(|(name, _)| name);
                numbers(verdicts).map(|all| Verdict::Criteria(names.zip(all).collect()))
            }
            _ => numbers(verdicts).map(Verdict::Scores),
        };
        Read { verdict, rule, span: None }
    }

    /// Whether what was picked is weighed by its probability. Steps are judged by theirs in any case.
    fn weighs(&self) -> bool {
        let has_values = self.0.prompt.front().verdict_kind() != Kind::Steps;
        self.0.aggregate == Some(Aggregate::Expected) && has_values
    }

    /// What was read with the expected value in the place of the one that was picked, where that is wanted.
    /// Without probabilities it cannot be had, and what was picked is something else.
    fn weighed(&self, reader: &Reader, read: Read, transcript: &Transcript) -> Read {
        const WHY: &str = "`expected` weighs by probabilities, and none were reported: another `aggregate` takes what was picked";
        if !self.weighs() {
            return read;
        }
        let unsure = || Err(Unreadable::new(Reason::Unsure, WHY));
        let verdict = match read.verdict {
            Ok(Verdict::Score(_)) => {
                let mean = read.rule.as_deref().and_then(|rule| reader.expected(rule, transcript));
                mean.map_or_else(unsure, |mean| Ok(Verdict::Score(mean)))
            }
            Ok(Verdict::Label(label)) if label.confidence.is_none() => unsure(),
            verdict => verdict,
        };
        Read { verdict, ..read }
    }

    /// One verdict out of all votes.
    fn decide(&self, votes: &[Vote]) -> Decision {
        let reading = self.0.prompt.reading();
        let rules = Rules::new(self.0.aggregate);
        aggregate::decide(votes, &rules.menu(&reading.labels, reading.scale.as_ref()))
    }

    fn judgment(
        &self,
        verdict: Result<Verdict, Unreadable>,
        votes: Vec<Vote>,
        mark: Option<String>,
    ) -> Judgment {
        let scale = self.0.prompt.front().scale.as_ref();
        let normalized = match &verdict {
            Ok(Verdict::Score(score)) => scale.and_then(|scale| scale.normalized(*score)),
            _ => None,
        };
        let pass = self
            .0
            .pass
            .as_ref()
            .map(|rule| verdict.as_ref().is_ok_and(|verdict| rule.holds(verdict, normalized)));
        Judgment { pass, normalized, votes, mark, ..Judgment::new(verdict) }
    }

    /// The orders in which one draw shows the answers.
    fn orders(&self, item: &Item, draw: u32) -> Vec<Vec<usize>> {
        let count = item.candidates().len();
        let given: Vec<usize> = (0..count).collect();
        if !self.0.prompt.compares() || count < 2 {
            return vec![given];
        }
        let rotated = |by: usize| (0..count).map(|n| (n + by) % count).collect::<Vec<_>>();
        match self.0.order {
            Order::Given => vec![given],
            Order::Both => vec![given.clone(), given.into_iter().rev().collect()],
            Order::Rotate => (0..count).map(rotated).collect(),
            Order::Hash => vec![self.shuffled(item, 0, given)],
            Order::Shuffle => vec![self.shuffled(item, draw, given)],
        }
    }

    /// An order drawn from the item's content, the same on every machine.
    fn shuffled(&self, item: &Item, draw: u32, mut order: Vec<usize>) -> Vec<usize> {
        let content = self.0.prompt.content(item);
        for last in (1..order.len()).rev() {
            let mut hasher = Hasher::new("order-v1");
            hasher.json(&(&content, draw, last));
            let [a, b, c, d, ..] = hasher.finish();
            let chance = u32::from_le_bytes([a, b, c, d]) as usize;
            order.swap(last, chance % (last + 1));
        }
        order
    }
}

/// What a vote says where no vote can fail.
fn read_of(vote: &Vote) -> Result<Verdict, Unreadable> {
    match &vote.outcome {
        Outcome::Verdict(verdict) => Ok(verdict.clone()),
        Outcome::Unreadable(why) => Err(why.clone()),
        Outcome::Failed(error) => Err(Unreadable::new(Reason::Empty, error.to_string())),
    }
}

impl Inner {
    /// With the names of what it is made of.
    fn named(mut self) -> Self {
        let prompt = self.prompt.hash();
        let Self { backend, draws, order, .. } = &self;
        let identity = format!("judge-v2|{}|{prompt}|{draws}|{}", backend.identity(), order.name());
        let front = self.prompt.front();
        let pass = self.pass.as_ref().map(ToString::to_string);
        let mut hasher = Hasher::new("reading-v3");
        hasher.json(&(&front.rules, self.aggregate, pass, &front.positive, front.mass));
        let reading = hasher.hex::<4>();
        self.digests = Digests { prompt, reading, identity };
        self
    }
}
