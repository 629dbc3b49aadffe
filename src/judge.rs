//! A prompt, a model and a way to read its answer.

use std::{path::Path, sync::Arc, time::Instant};

use futures_util::{Stream, StreamExt, future::try_join_all};

use crate::{
    aggregate::{self, Aggregate, Pass},
    backend::{self, Backend},
    error::{Error, ErrorKind, Result},
    item::Item,
    parse::{Judges, Parser, Read, Reader, Reading, Transcript},
    prompt::{self, Each, Next, Order, Plan, Prompt},
    request::{Hasher, Sampling},
    verdict::{
        CORRECT, Call, Judgment, Label, StepLabel, Steps, Unreadable, Usage, Verdict, Vote, visible,
    },
};

/// Judges items.
///
/// Cheap to clone, and at home in any tokio runtime. Dropping a judgment's future gives its requests
/// up.
#[derive(Clone, Debug)]
pub struct Judge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    prompt: Arc<Prompt>,
    backend: Arc<dyn Backend>,
    reader: Reader,
    /// Reads one conversation of an `each`.
    element_reader: Reader,
    draws: u32,
    order: Order,
    aggregate: Option<Aggregate>,
    pass: Option<Pass>,
    secret: Option<String>,
}

/// Puts a [`Judge`] together.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct JudgeBuilder {
    model: Option<String>,
    backend: Option<Arc<dyn Backend>>,
    options: backend::Options,
    prompt: Option<Named>,
    sampling: Sampling,
    draws: Option<u32>,
    order: Option<Order>,
    aggregate: Option<Aggregate>,
    pass: Option<String>,
    secret: Option<String>,
}

#[derive(Debug)]
enum Named {
    Name(String),
    Prompt(Arc<Prompt>),
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
        let started = Instant::now();
        let Inner { prompt, secret, draws, .. } = &*self.0;
        let mark = prompt.mark(item, secret.as_deref());
        let ballots = (0..*draws)
            .flat_map(|draw| self.orders(item, draw).into_iter().map(move |order| (draw, order)));
        let votes = ballots.map(|(draw, order)| self.vote(item, draw, order, mark.clone()));
        let counted = try_join_all(votes).await?;
        let (votes, tallies): (Vec<Vote>, Vec<Tally>) = counted.into_iter().unzip();
        let (verdict, consistent) = self.decide(&votes);
        let mut judgment = self.judgment(verdict, votes, mark);
        judgment.consistent = consistent;
        judgment.latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        for tally in tallies {
            judgment.usage += tally.usage;
            judgment.attempts += tally.attempts;
        }
        Ok(judgment)
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

    /// Reads a critique that somebody already has: no model is asked, and a pair is taken as shown.
    pub fn parse(&self, text: &str) -> Judgment {
        let inner = &*self.0;
        let transcript = written(&inner.prompt, text);
        let read = inner.reader.parse(&transcript);
        let vote = vote(0, Vec::new(), vec![(None, transcript)], read);
        self.judgment(vote.verdict.clone(), vec![vote], None)
    }

    /// The prompt.
    pub fn prompt(&self) -> &Prompt {
        &self.0.prompt
    }

    /// The model.
    pub fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    /// The rule that sets `pass`, if there is one.
    pub fn pass(&self) -> Option<&Pass> {
        self.0.pass.as_ref()
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
    pub fn identity(&self) -> String {
        let Inner { prompt, backend, draws, order, .. } = &*self.0;
        format!("{}|{}|{draws}|{order:?}", backend.identity(), prompt.hash())
    }

    /// Names an item's line in results: equal content under an equal judge has an equal key.
    pub fn line_key(&self, item: &Item) -> String {
        let mut hasher = Hasher::new("tribunal-line-v1");
        hasher.part(item.id().unwrap_or_default().as_bytes());
        hasher.json(&self.0.prompt.content(item));
        hasher.part(self.identity().as_bytes());
        hasher.finish()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Fails before the first paid call where the model cannot do what the prompt needs.
    async fn check(self) -> Result<Self> {
        let plan = Plan { capabilities: self.0.backend.capabilities().await, draw: 0, reask: 0 };
        self.0.prompt.check_fits(plan)?;
        Ok(self)
    }

    async fn vote(
        &self,
        item: &Item,
        draw: u32,
        order: Vec<usize>,
        mark: Option<String>,
    ) -> Result<(Vote, Tally)> {
        let inner = &*self.0;
        let shown = item.permuted(&order);
        let plan = Plan { capabilities: inner.backend.capabilities().await, draw, reask: 0 };
        let talks = self.talks(&shown, plan, mark).await?;
        let mut tally = Tally::default();
        for outcome in talks.iter().flat_map(|(_, transcript)| &transcript.results) {
            tally.usage += outcome.completion.usage;
            tally.attempts += outcome.completion.attempts;
        }
        let read = match (inner.prompt.front().each, talks.as_slice()) {
            (None, [(_, transcript)]) => inner.reader.parse(transcript),
            (each, talks) => self.read_each(each, talks, &shown),
        };
        let mut vote = vote(draw, order, talks, read);
        vote.verdict = vote.verdict.map(|verdict| in_own_order(verdict, &vote.order));
        Ok((vote, tally))
    }

    /// The conversations of one vote: one, or one for every element of an `each`.
    async fn talks(
        &self,
        item: &Item,
        plan: Plan,
        mark: Option<String>,
    ) -> Result<Vec<(Option<usize>, Transcript)>> {
        let prompt = &self.0.prompt;
        let Some(each) = prompt.front().each else {
            return Ok(vec![(None, self.talk(item, None, plan, mark).await?)]);
        };
        let count = prompt.elements(item);
        if count == 0 {
            return Err(item.lacks(each.field()).within(prompt.name()));
        }
        let Some(until) = &prompt.front().until else {
            let talk = |n| self.talk(item, Some(n), plan, mark.clone());
            let talks = try_join_all((0..count).map(talk)).await?;
            return Ok(talks.into_iter().enumerate().map(|(n, talk)| (Some(n), talk)).collect());
        };
        let mut talks = Vec::new();
        for n in 0..count {
            let talk = self.talk(item, Some(n), plan, mark.clone()).await?;
            let read = self.0.element_reader.parse(&talk);
            talks.push((Some(n), talk));
            if matches!(&read.verdict, Ok(Verdict::Label(label)) if label.label == *until) {
                break;
            }
        }
        Ok(talks)
    }

    async fn talk(
        &self,
        item: &Item,
        element: Option<usize>,
        plan: Plan,
        mark: Option<String>,
    ) -> Result<Transcript> {
        let mut program = self.0.prompt.program(item, element, plan, mark)?;
        let mut answer = None;
        loop {
            match program.next(answer)? {
                Next::Ask(request) => answer = Some(self.0.backend.complete(&request).await?),
                Next::Done(transcript) => return Ok(transcript),
            }
        }
    }

    /// One verdict out of the conversations about all elements.
    fn read_each(
        &self,
        each: Option<Each>,
        talks: &[(Option<usize>, Transcript)],
        item: &Item,
    ) -> Read {
        let reads: Vec<Read> =
            talks.iter().map(|(_, talk)| self.0.element_reader.parse(talk)).collect();
        let rule = reads.iter().find_map(|read| read.rule.clone());
        let verdicts = reads.into_iter().map(|read| read.verdict);
        let verdict = match each {
            Some(Each::Steps) => steps(verdicts),
            Some(Each::Criteria) => {
                let names = prompt::criteria(item).into_iter().map(|(name, _)| name);
                numbers(verdicts).map(|all| Verdict::Criteria(names.zip(all).collect()))
            }
            _ => numbers(verdicts).map(Verdict::Scores),
        };
        Read { verdict, rule, span: None }
    }

    /// One verdict out of all votes: orders first, then draws.
    fn decide(&self, votes: &[Vote]) -> (Result<Verdict, Unreadable>, Option<bool>) {
        let how = self.0.aggregate;
        if self.0.order != Order::Both {
            let verdicts: Vec<_> = votes.iter().map(|vote| vote.verdict.clone()).collect();
            return (aggregate::draws(&verdicts, how), None);
        }
        let per_draw: Vec<_> = votes
            .chunks(2)
            .map(|orders| match orders {
                [given, swapped] => aggregate::both_orders(&given.verdict, &swapped.verdict),
                [one] => (one.verdict.clone(), None),
                _ => (
                    Err(Unreadable::new(crate::verdict::Reason::Missing, "nothing was asked")),
                    None,
                ),
            })
            .collect();
        let known = per_draw.iter().filter_map(|(_, consistent)| *consistent);
        let consistent = known.reduce(|a, b| a && b);
        let verdicts: Vec<_> = per_draw.into_iter().map(|(verdict, _)| verdict).collect();
        (aggregate::draws(&verdicts, how), consistent)
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
        Judgment {
            verdict,
            consistent: None,
            pass,
            normalized,
            votes,
            mark,
            usage: Usage::default(),
            attempts: 0,
            latency_ms: 0,
        }
    }

    /// The orders in which one draw shows the answers.
    fn orders(&self, item: &Item, draw: u32) -> Vec<Vec<usize>> {
        let count = item.candidates().len();
        let given: Vec<usize> = (0..count).collect();
        let compares = matches!(
            self.0.prompt.front().judges,
            Judges::Preference | Judges::Ranking | Judges::Scores
        );
        if !compares || count < 2 {
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

#[derive(Debug, Default)]
struct Tally {
    usage: Usage,
    attempts: u32,
}

impl JudgeBuilder {
    /// The model, by name: `tiny`, a GGUF file, `openai/…`, `replay:FILE`.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// The model, as a backend of your own.
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// How a model that goes by name is reached.
    pub fn options(mut self, options: backend::Options) -> Self {
        self.options = options;
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

    /// How many samples are taken of every question.
    pub fn draws(mut self, draws: u32) -> Self {
        self.draws = Some(draws);
        self
    }

    /// In which orders answers are shown.
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// How several draws become one verdict.
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    /// The rule that sets `pass`, such as `score >= 7`.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
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
        let mut draws = self.draws.unwrap_or(prompt.front().draws).max(1);
        let mut sampling = self.sampling;
        let temperature = sampling.temperature.or(prompt.front().sampling.temperature);
        match temperature {
            Some(temperature) if draws > 1 && temperature <= 0.0 => {
                tracing::warn!(
                    "{draws} draws at temperature 0 would be {draws} times the same text: asking once"
                );
                draws = 1;
            }
            None if draws > 1 => sampling.temperature = Some(1.0),
            _ => (),
        }
        if sampling != Sampling::default() {
            Arc::make_mut(&mut prompt).set_sampling(&sampling);
        }
        let pass = self.pass.map(|rule| rule.parse()).transpose()?.or(prompt.front().pass.clone());
        let backend = match self.backend {
            Some(backend) => backend,
            None => {
                backend::open(
                    self.model.as_deref().unwrap_or(backend::DEFAULT_MODEL),
                    &self.options,
                )
                .await?
            }
        };
        let compares = prompt.front().judges == Judges::Preference;
        let order = self.order.or(prompt.front().order).unwrap_or(if compares {
            Order::Both
        } else {
            Order::Given
        });
        let reading = prompt.reading();
        let inner = Inner {
            reader: Reader::new(&reading)?,
            element_reader: Reader::new(&of_element(reading, prompt.front().each))?,
            aggregate: self.aggregate.or(prompt.front().aggregate),
            prompt,
            backend,
            draws,
            order,
            pass,
            secret: self.secret,
        };
        Judge(Arc::new(inner)).check().await
    }
}

/// The built-in prompt of this name, or the prompt in this file.
///
/// # Errors
/// There is neither, or the file is wrong.
pub fn load(name: &str) -> Result<Arc<Prompt>> {
    let built_in = prompt::built_in()?;
    if let Some(prompt) = built_in.iter().find(|prompt| prompt.name() == name) {
        return Ok(prompt.clone());
    }
    let is_path = name.contains(['/', '\\', '.']) || Path::new(name).exists();
    if !is_path {
        let names: Vec<&str> = built_in.iter().map(|prompt| prompt.name()).collect();
        return Err(crate::error::unknown(ErrorKind::Config, "prompt", name, names)
            .hint("a prompt of your own is named by its file: -p my.jinja"));
    }
    let text = std::fs::read_to_string(name).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read the prompt `{name}`")).because(cause)
    })?;
    Prompt::parse(name, &text).map(Arc::new)
}

/// What is read of one conversation of an `each`.
fn of_element(reading: Reading, each: Option<Each>) -> Reading {
    let judges = match each {
        None => reading.judges,
        Some(Each::Steps) => Judges::Label,
        Some(Each::Answers | Each::Criteria) => Judges::Score,
    };
    Reading { judges, ..reading }
}

/// A transcript of one text: what a `choose` would have picked is read behind the words before it.
fn written(prompt: &Prompt, text: &str) -> Transcript {
    use crate::parse::{Chosen, Outcome, Place, Spot, label_after};
    let mut transcript = Transcript::of_text("critique", text);
    for rule in prompt.reading().rules {
        let Place::Choose(name) = rule.place else { continue };
        let Some((literal, labels)) = prompt.choice(&name) else { continue };
        let bare = literal.trim().is_empty();
        let (before, text) =
            if bare { (":", format!(":{}", visible(text))) } else { (literal, text.to_owned()) };
        let label = label_after(&text, before, labels).map(|(label, _)| label).unwrap_or_default();
        transcript.results.push(Outcome {
            spot: Spot { name, at: None },
            chosen: Some(Chosen::Read(None)),
            cut_ok: true,
            completion: crate::request::Completion::text(label),
        });
    }
    transcript
}

fn vote(draw: u32, order: Vec<usize>, talks: Vec<(Option<usize>, Transcript)>, read: Read) -> Vote {
    let last = match talks.as_slice() {
        [(None, transcript)] => transcript.last_turn,
        _ => 0,
    };
    let calls: Vec<Call> = talks
        .into_iter()
        .flat_map(|(element, transcript)| {
            transcript.results.into_iter().map(move |outcome| (element, outcome))
        })
        .map(|(element, outcome)| Call {
            name: outcome.spot.name,
            at: outcome.spot.at.or(element),
            chosen: outcome.chosen.is_some(),
            text: outcome.completion.text,
            thinking: outcome.completion.thinking,
            finish: outcome.completion.finish.name().into(),
            usage: outcome.completion.usage,
            distribution: outcome.completion.distribution,
        })
        .collect();
    let mut vote = Vote { draw, order, calls, verdict: read.verdict, rule: read.rule, span: None };
    vote.span = read.span.and_then(|span| in_critique(span, &vote, last));
    vote
}

/// A span of the last turn's text as a span of the critique, which may hold earlier turns too.
fn in_critique(
    (start, end): (usize, usize),
    vote: &Vote,
    last_turn: usize,
) -> Option<(usize, usize)> {
    let critique = vote.critique().chars().count();
    let before = vote.calls.get(..last_turn)?.iter().filter(|call| !call.chosen).count();
    let shift = if before == 0 {
        0
    } else {
        let last = Vote { calls: vote.calls.get(last_turn..)?.to_vec(), ..vote.clone() };
        critique.checked_sub(last.critique().chars().count())?
    };
    (end + shift <= critique).then_some((start + shift, end + shift))
}

/// A verdict about shown answers as one about the item's own order.
fn in_own_order(verdict: Verdict, order: &[usize]) -> Verdict {
    let own = |shown: usize| order.get(shown).copied().unwrap_or(shown);
    match verdict {
        Verdict::Preference(side) if order == [1, 0] => Verdict::Preference(side.swapped()),
        Verdict::Ranking(groups) => {
            let back = |group: Vec<usize>| {
                let mut group: Vec<usize> = group.into_iter().map(own).collect();
                group.sort_unstable();
                group
            };
            Verdict::Ranking(groups.into_iter().map(back).collect())
        }
        Verdict::Scores(shown) if shown.len() == order.len() => {
            let mut scores: Vec<(usize, f64)> =
                shown.into_iter().enumerate().map(|(n, s)| (own(n), s)).collect();
            scores.sort_by_key(|(place, _)| *place);
            Verdict::Scores(scores.into_iter().map(|(_, score)| score).collect())
        }
        other => other,
    }
}

/// Labels of steps, up to where the judge stopped; an unreadable step spoils what follows it.
fn steps(
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
) -> Result<Verdict, Unreadable> {
    let mut all = Steps::default();
    for (index, verdict) in verdicts.enumerate() {
        let label = match verdict {
            Ok(Verdict::Label(label)) => label,
            Ok(other) => Label { label: other.to_string(), p: None },
            // Whatever this step is, the first error is known.
            Err(_) if all.first_error.is_some() => continue,
            Err(why) => {
                return Err(Unreadable::new(why.reason, format!("step {index}: {}", why.detail)));
            }
        };
        let right = label.label == CORRECT;
        if !right && all.first_error.is_none() {
            all.first_error = Some(index);
        }
        let p = label.p.map(|p| if right { p } else { 1.0 - p });
        all.steps.push(StepLabel { index, label: label.label, p });
    }
    Ok(Verdict::Steps(all))
}

fn numbers(
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
) -> Result<Vec<f64>, Unreadable> {
    verdicts
        .enumerate()
        .map(|(index, verdict)| match verdict {
            Ok(Verdict::Score(score)) => Ok(score),
            Ok(other) => Err(Unreadable::new(
                crate::verdict::Reason::Ambiguous,
                format!("{index}: {other} is no score"),
            )),
            Err(why) => Err(Unreadable::new(why.reason, format!("{index}: {}", why.detail))),
        })
        .collect()
}
