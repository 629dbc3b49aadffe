//! One member of a judge: a prompt, the requests that are made of it, and how the answers are read.

use std::sync::Arc;

use super::{Close, StopDraws, order::orders, rubric};
use crate::{
    aggregate::{Aggregate, Reduce, expected},
    completion::{Completion, Finish, Price},
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    parse::{Kind, Parser, ReadVerdict, Reader, Transcript},
    pass::Pass,
    prompt::{Each, Order, Prompt},
    request::Hasher,
    verdict::{Reason, Steps, Unreadable, Verdict},
};

/// How many times a request is repeated by default if its answer cannot be read.
pub(crate) const REASKS: u32 = 2;

/// What of its draws and orders a member may leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spending {
    /// When draws stop.
    pub(crate) stop: StopDraws,
    /// When the first order is close, under [`Order::BothIfClose`].
    pub(crate) close: Close,
}

/// One member of a judge: a prompt with its settings. The model that answers is not part of it.
///
/// A judge with one prompt and one model is a panel with one member.
///
/// ```
/// use tribunal::{judge, judging::Member, prompt::Order};
///
/// let member = Member::new("strict", judge::load("pair")?)?.drawing(3).ordering(Order::Both);
/// assert_eq!((member.name(), member.prompt().name()), ("strict", "pair"));
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) prompt: Arc<Prompt>,
    /// Reads the verdict of a whole vote.
    reader: Reader,
    /// Reads the verdict of one conversation if the prompt has one for each element.
    element_reader: Reader,
    /// The number of samples of every question, at least 1.
    pub(crate) draws: u32,
    /// Index of the first draw. Other indexes are other requests in every cache.
    pub(crate) first_draw: u32,
    /// The orders in which compared answers are shown.
    pub(crate) order: Order,
    /// How the draws are combined; `None` for the default of the kind of verdict.
    pub(crate) aggregate: Option<Aggregate>,
    /// The secret from which markers are derived, so that a judged text cannot contain them.
    pub(crate) secret: Option<String>,
    /// Which fields of a record the prompt sees under which names.
    pub(crate) fields: FieldMap,
    /// The price of the model's tokens, if it is known.
    pub(crate) price: Option<Price>,
    /// How many times a request is repeated if its answer cannot be read.
    pub(crate) reasks: u32,
    /// Which draws and orders may be left out.
    pub(crate) spending: Spending,
    /// Finish reasons that mean a complete answer, in addition to the known ones.
    pub(crate) clean_finish: Arc<[String]>,
}

impl Member {
    /// A member with the settings of its prompt. `name` identifies its votes.
    ///
    /// # Errors
    /// A rule of the prompt is invalid, for example a regular expression.
    pub fn new(name: impl Into<Arc<str>>, prompt: impl Into<Arc<Prompt>>) -> Result<Self> {
        let prompt = prompt.into();
        let (front, reading) = (prompt.front(), prompt.verdict_spec());
        let usual = if front.kind == Kind::Preference { Order::Both } else { Order::Given };
        Ok(Self {
            name: name.into(),
            reader: Reader::new(&reading)?,
            element_reader: Reader::new(&prompt.element_verdict_spec())?,
            draws: front.draws.max(1),
            first_draw: 0,
            order: front.order.unwrap_or(usual),
            aggregate: front.aggregate,
            prompt,
            secret: None,
            fields: FieldMap::default(),
            price: None,
            reasks: REASKS,
            spending: Spending::default(),
            clean_finish: Arc::default(),
        })
    }

    /// The same member with this many samples of every question, at least 1.
    #[must_use]
    pub fn drawing(self, draws: u32) -> Self {
        Self { draws: draws.max(1), ..self }
    }

    /// The same member, showing compared answers in these orders.
    #[must_use]
    pub fn ordering(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same member, whose draws stop by this rule.
    #[must_use]
    pub fn stopping(self, stop: StopDraws) -> Self {
        Self { spending: Spending { stop, ..self.spending }, ..self }
    }

    /// The same member, for which the first order of a comparison is close if the probability of the preferred answer
    /// is below `p`, or the scores differ by no more than `within`: see [`Order::BothIfClose`].
    #[must_use]
    pub fn close(self, p: f64, within: f64) -> Self {
        Self { spending: Spending { close: Close { below: p, within }, ..self.spending }, ..self }
    }

    /// Whether it may leave out draws or orders.
    pub(crate) fn is_adaptive(&self) -> bool {
        !self.spending.stop.is_never() && self.draws > 1 || self.asks_if_close()
    }

    /// Whether the second order is asked only if the first one is close.
    pub(super) fn asks_if_close(&self) -> bool {
        self.order == Order::BothIfClose && self.prompt.compares()
    }

    /// The same member, repeating a request up to this many times if its answer cannot be read.
    #[must_use]
    pub fn reasking(self, times: u32) -> Self {
        Self { reasks: times, ..self }
    }

    /// The same member under another name.
    pub(crate) fn named(self, name: Arc<str>) -> Self {
        Self { name, ..self }
    }

    /// The same member with markers that depend on a secret, so that they cannot be predicted.
    #[must_use]
    pub fn keeping(self, secret: Option<String>) -> Self {
        Self { secret, ..self }
    }

    /// Skips as many draws as `times` judgments use, so that the next judgment has new samples.
    pub(crate) fn redraw(&mut self, times: u32) {
        let next = self.first_draw.saturating_add(times.saturating_mul(self.draws));
        self.first_draw = next.min(u32::MAX - self.draws);
    }

    /// Has so many draws, from this one on.
    pub(crate) fn draw_from(&mut self, first: u32, draws: u32) {
        (self.first_draw, self.draws) = (first.min(u32::MAX - draws), draws);
    }

    /// The name that identifies its votes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its prompt.
    pub fn prompt(&self) -> &Arc<Prompt> {
        &self.prompt
    }

    /// A digest of everything that changes how its texts are read, except for the pass rule.
    pub(crate) fn reading(&self) -> String {
        self.reading_with(None).hex::<4>()
    }

    /// The same digest, including a pass rule.
    pub(crate) fn reading_with(&self, pass: Option<&Pass>) -> Hasher {
        let front = self.prompt.front();
        let mut hasher = Hasher::new("reading-v3");
        let pass = pass.map(ToString::to_string);
        hasher.json(&(
            &front.rules,
            self.aggregate,
            pass,
            &front.positive,
            front.mass,
            front.verdict_from,
        ));
        if let Some(reduce) = front.reduce {
            hasher.named("reduce", &reduce);
        }
        if let Some(value) = &front.value {
            hasher.named("value", value);
        }
        if !front.abstain.is_empty() {
            hasher.named("abstain", &front.abstain);
        }
        hasher
    }

    /// Which fields of a record the prompt sees under which names.
    pub(crate) fn fields(&self) -> &FieldMap {
        &self.fields
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The conversation that consists of this text alone, as the result that the rules read.
    pub(crate) fn transcript_of(&self, text: &str) -> Transcript {
        let named = self.reader.spec().rules.iter().find_map(|rule| rule.within.as_deref());
        Transcript::of_text(named.unwrap_or("critique"), text)
    }

    /// The reader of one conversation: about one element, or about the whole item.
    pub(super) fn reader_of(&self, element: Option<usize>) -> &Reader {
        if element.is_some() { &self.element_reader } else { &self.reader }
    }

    /// The marker of this member's prompt for an item; `None` if the prompt does not use one.
    pub(crate) fn mark(&self, item: &Item) -> Option<String> {
        self.prompt.mark(item, self.secret.as_deref())
    }

    /// Every draw in each of its orders, as (index of the draw, index of the order, positions of the
    /// answers).
    pub(super) fn questions(&self, item: &Item) -> Vec<(u32, u32, Vec<usize>)> {
        let draws = self.first_draw..self.first_draw + self.draws;
        let of_draw = |draw| {
            let orders = orders(self.order, &self.prompt, item, draw).into_iter();
            (0..).zip(orders).map(move |(place, order)| (draw, place, order))
        };
        draws.flat_map(of_draw).collect()
    }

    /// Checks that this member can judge a record, before any request is sent.
    ///
    /// # Errors
    /// A prompt that compares two answers has another number of them, or the criteria cannot be used.
    pub(super) fn check(&self, item: &Item, pass: Option<&Pass>) -> Result<()> {
        let prompt = &*self.prompt;
        let shape = prompt.shape(item);
        if prompt.front().verdict_kind() == Kind::Criteria {
            self.check_criteria(item, pass)?;
        }
        match (prompt.front().kind, shape.answers) {
            (Kind::Preference, Some(count)) if count != 2 => Err(Error::new(
                ErrorKind::Record,
                format!("the record has {count} answers, and this prompt compares two"),
            )
            .within(prompt.name())
            .hint("the prompt `rank` compares any number of answers")),
            _ => Ok(()),
        }
    }

    /// Checks that the criteria of a record can be used, and that the pass rule fits them.
    fn check_criteria(&self, item: &Item, pass: Option<&Pass>) -> Result<()> {
        let prompt = &*self.prompt;
        let criteria = prompt.criteria(item).map_err(|error| error.within(prompt.name()))?;
        let Some(pass) = pass.filter(|_| !criteria.all.is_empty()) else { return Ok(()) };
        if pass.needs_score() && !criteria.are_weighted && !prompt.assesses() {
            let message =
                format!("the pass rule `{pass}` needs a score, and no criterion has a weight");
            return Err(Error::new(ErrorKind::Record, message)
                .within(prompt.name())
                .hint("give the criteria a `weight`, or use a rule such as `all criteria >= 3`"));
        }
        let names: Vec<String> = criteria.all.into_iter().map(|one| one.name).collect();
        pass.check_criteria(&names, ErrorKind::Record)
    }

    /// The answer, marked as complete if its finish reason is one of
    /// [`clean_finish`](Self::clean_finish).
    pub(super) fn settled(&self, mut completion: Completion) -> Completion {
        if let Finish::Other(word) = &completion.finish
            && self.clean_finish.iter().any(|clean| clean.trim().eq_ignore_ascii_case(word))
        {
            completion.finish = Finish::Stop;
        }
        completion
    }

    /// The verdict of the conversations of one vote, about the answers in the order in which they were
    /// shown.
    pub(super) fn read(
        &self,
        conversations: &[(Option<usize>, Transcript)],
        shown: &Item,
    ) -> ReadVerdict {
        match (self.prompt.front().each, conversations) {
            (None, [(_, transcript)]) => {
                let read = self.weighed(self.reader.parse(transcript));
                let verdict = read.verdict.map(|verdict| self.with_weights(verdict, shown));
                ReadVerdict { verdict: verdict.map(|verdict| self.with_score(verdict)), ..read }
            }
            (each, conversations) => self.read_each(each, conversations, shown),
        }
    }

    /// A verdict on criteria with the weights that the item or the prompt gives them.
    pub(super) fn with_weights(&self, verdict: Verdict, item: &Item) -> Verdict {
        let criteria = || self.prompt.criteria(item).unwrap_or_default();
        match verdict {
            Verdict::Rubric(_) | Verdict::Criteria(_) => {
                rubric::weighed(verdict, &criteria(), self.prompt.front().scale.as_ref())
            }
            verdict => verdict,
        }
    }

    /// A verdict on steps with the one number that `reduce` makes of them.
    fn with_score(&self, verdict: Verdict) -> Verdict {
        match (verdict, self.prompt.front().reduce) {
            (Verdict::Steps(steps), Some(reduce)) => {
                Verdict::Steps(Steps { score: reduce.of_steps(&steps), ..steps })
            }
            (verdict, _) => verdict,
        }
    }

    /// One verdict from the conversations about all elements.
    fn read_each(
        &self,
        each: Option<Each>,
        conversations: &[(Option<usize>, Transcript)],
        item: &Item,
    ) -> ReadVerdict {
        let reader = &self.element_reader;
        let reads =
            conversations.iter().map(|(_, conversation)| self.weighed(reader.parse(conversation)));
        let reads: Vec<ReadVerdict> = reads.collect();
        let rule = reads.iter().find_map(|read| read.rule.clone());
        let verdicts = reads.into_iter().map(|read| read.verdict);
        let verdict = match (each, self.prompt.front().reduce) {
            (Some(each), Some(reduce)) if self.prompt.front().reduces_scores() => {
                reduced(reduce, each, verdicts)
            }
            (Some(Each::Steps), _) => {
                reader.steps(verdicts.enumerate()).map(|verdict| self.with_score(verdict))
            }
            (Some(Each::Criteria), _) => {
                let criteria = self.prompt.criteria(item).unwrap_or_default();
                let verdict = rubric::together(verdicts, &criteria);
                verdict.map(|verdict| self.with_weights(verdict, item))
            }
            _ => numbers(verdicts).map(Verdict::Scores),
        };
        ReadVerdict { rule, ..ReadVerdict::new(verdict) }
    }

    /// How many numbers are added up to one score: the draws under `sum`, 1 otherwise.
    pub(super) fn summed(&self) -> u32 {
        if self.aggregate == Some(Aggregate::Sum) { self.draws } else { 1 }
    }

    /// Whether the verdict is an expected value. Verdicts about steps use their probabilities in any
    /// case.
    pub(crate) fn weighs(&self) -> bool {
        let has_values = self.prompt.front().verdict_kind() != Kind::Steps;
        self.aggregate == Some(Aggregate::Expected) && has_values
    }

    /// The verdict with the expected value in place of the value that was read, if the rule is
    /// `expected`.
    ///
    /// It is unreadable if no probabilities were reported: the value that was read is a different
    /// quantity.
    fn weighed(&self, read: ReadVerdict) -> ReadVerdict {
        const WHY: &str =
            "`expected` needs probabilities, and none were reported: use another `aggregate`";
        if !self.weighs() {
            return read;
        }
        let unsure = || Err(Unreadable::new(Reason::Unsure, WHY));
        let verdict = match read.verdict {
            Ok(Verdict::Score(_)) => {
                let seen = read.distribution.as_ref();
                let mean = seen.and_then(|seen| expected(seen, |text| text.parse().ok()));
                mean.map_or_else(unsure, |mean| Ok(Verdict::Score(mean)))
            }
            Ok(Verdict::Label(label)) if label.confidence.is_none() => unsure(),
            verdict => verdict,
        };
        ReadVerdict { verdict, ..read }
    }
}

/// One score from those of all elements. An element without a score makes the verdict unreadable, and is named.
fn reduced(
    reduce: Reduce,
    each: Each,
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
) -> Result<Verdict, Unreadable> {
    let in_field =
        |why: Unreadable| Unreadable::new(why.reason, format!("{} {}", each.field(), why.detail));
    let none = || Unreadable::new(Reason::Empty, format!("there are no {}", each.field()));
    let scores = numbers(verdicts).map_err(in_field)?;
    reduce.of(&scores).map(Verdict::Score).ok_or_else(none)
}

/// One number for every element. An element without a number makes the whole verdict unreadable.
fn numbers(
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
) -> Result<Vec<f64>, Unreadable> {
    verdicts
        .enumerate()
        .map(|(index, verdict)| match verdict {
            Ok(Verdict::Score(score)) => Ok(score),
            Ok(other) => {
                Err(Unreadable::new(Reason::Ambiguous, format!("{index}: {other} is not a score")))
            }
            Err(why) => Err(Unreadable::new(why.reason, format!("{index}: {}", why.detail))),
        })
        .collect()
}
