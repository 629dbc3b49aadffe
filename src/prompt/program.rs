//! Running a prompt: render up to the first missing result, ask for it, render again.

mod closing;

use std::{collections::BTreeMap, sync::Arc};

use minijinja::Value;

use super::{
    Prompt,
    functions::{self, GenOptions, MissingReply, Rendering, TemplateCall},
    taint,
};
use crate::{
    completion::{Completion, Distribution},
    error::{Error, ErrorKind, Result},
    hint::Hint,
    parse::{
        Chosen, ClosingLine, ItemShape, Reader, Reply, Slot, Transcript, find_label, opening_label,
    },
    request::{Ask, Capabilities, Chat, Logprobs, Message, Origin, Part, Request, Role, Sampling},
    text::{JudgedTexts, TurnEnd, visible},
};

/// A prompt at work on one item: pure and owned, so that anything may drive it, from wherever.
///
/// [`next`](Self::next) says what to ask; the answer goes into the following call.
#[derive(Debug)]
pub struct Program {
    prompt: Arc<Prompt>,
    fields: BTreeMap<String, Value>,
    /// Whether it is about one element of an `each`.
    is_element: bool,
    context: ProgramContext,
    state: ProgramState,
    /// What the last call asked for.
    asked: Option<PendingReply>,
    /// The marked text with which the last request was sent, or the whole of it.
    sent: String,
    /// Whether the model would write the same again if it were asked again.
    repeats: bool,
    stage: ProgramStage,
}

/// How far a program is.
#[derive(Debug, Default)]
enum ProgramStage {
    /// The body is at work.
    #[default]
    Body,
    /// The values of the verdict are scored, after this announcement.
    Scoring { announcement: String, labels: Vec<String> },
    /// The verdict alone is asked for.
    Forcing(ClosingLine),
    /// Everything has been said.
    Over,
}

/// What a program needs to know of the model and of the vote that it is run for.
#[derive(Clone, Copy, Debug)]
pub struct ProgramContext {
    /// What the model can be asked.
    pub capabilities: Capabilities,
    /// Index of the repeated sample.
    pub draw: u32,
    /// How often an unreadable answer was asked again.
    pub reask: u32,
    /// Whether the verdict alone may be asked for, after a text that came to none: where the model would only
    /// say the same again, and can go on with what it said.
    pub force: bool,
}

impl ProgramContext {
    /// The first draw of a model that can be asked this.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, draw: 0, reask: 0, force: false }
    }
}

/// What a program wants next.
#[derive(Debug)]
pub enum ProgramStep {
    /// An answer to this request.
    Ask(Box<Request>),
    /// Nothing: everything has been said.
    Done(Transcript),
}

#[derive(Debug)]
struct PendingReply {
    slot: Slot,
    how: ReplyKind,
    may_be_cut: bool,
}

/// What the answer to a request is.
#[derive(Debug)]
enum ReplyKind {
    /// A text.
    Text,
    /// A label that the model picked.
    Label,
    /// A text that begins with one of these labels, where a model tells no probabilities.
    Opening(Vec<String>),
}

/// Alternatives of every token: as many as servers report.
const MOST_ALTERNATIVES: u8 = 20;

/// No honest prompt asks this often; a loop that never ends does.
const MOST_ASKS: usize = 1_000;

impl Program {
    /// A program over fields that are bound already; `mark` is the item's own marker.
    pub(super) fn new(
        prompt: Arc<Prompt>,
        fields: BTreeMap<String, Value>,
        is_element: bool,
        context: ProgramContext,
        mark: Option<String>,
        shape: ItemShape,
    ) -> Self {
        Self {
            prompt,
            fields,
            is_element,
            context,
            state: ProgramState { mark, shape, ..ProgramState::default() },
            asked: None,
            sent: String::new(),
            repeats: true,
            stage: ProgramStage::Body,
        }
    }

    /// Takes the answer to the last request, and says what is wanted next.
    ///
    /// After the body, the values of the verdict are scored, or the verdict alone is asked for, where the model
    /// can do that: the last requests. Where the last request [is optional](Self::is_optional), `None` goes on
    /// without its answer.
    ///
    /// # Errors
    /// The body fails on this item, or the model cannot be asked what the body wants.
    pub fn next(&mut self, answer: Option<Completion>) -> Result<ProgramStep> {
        if !matches!(self.stage, ProgramStage::Body) {
            return Ok(ProgramStep::Done(self.closed(answer)));
        }
        if let (Some(asked), Some(completion)) = (self.asked.take(), answer) {
            self.take(asked, completion);
        }
        loop {
            if self.state.results.len() >= MOST_ASKS {
                return Err(self
                    .prompt
                    .error(format!("the prompt asks more than {MOST_ASKS} times")));
            }
            let (marked, missing) = self.render()?;
            if !marked.starts_with(&self.sent) {
                return Err(self
                    .prompt
                    .error("the text that was already sent changes after an answer".to_owned())
                    .hint("a prompt may only grow: keep what depends on a result behind it"));
            }
            let Some(missing) = missing else {
                self.sent = marked;
                return self.close();
            };
            if let Some(request) = self.ask(&marked, missing)? {
                self.sent = marked;
                return Ok(ProgramStep::Ask(Box::new(request)));
            }
        }
    }

    /// Whether another text may come of asking again: in process nothing but the draw of tokens makes one.
    pub(crate) fn varies(&self) -> bool {
        !self.repeats || !self.context.capabilities.deterministic.is_yes()
    }

    /// How the answers of this conversation are read.
    fn reader(&self) -> &Reader {
        if self.is_element { &self.prompt.element_reader } else { &self.prompt.reader }
    }

    /// Every answer so far, in the order in which it was asked for.
    pub(super) fn results(&self) -> &[Reply] {
        &self.state.results
    }

    fn take(&mut self, asked: PendingReply, completion: Completion) {
        let PendingReply { slot, how, may_be_cut } = asked;
        let (chosen, completion) = match how {
            ReplyKind::Text => (None, completion),
            ReplyKind::Label => (Some(Chosen::Asked), completion),
            ReplyKind::Opening(labels) => {
                let opened = opened(completion, &labels, &taint::data(&self.sent));
                (Some(Chosen::FromText(None)), opened)
            }
        };
        self.state.results.push(Reply { slot, chosen, may_be_cut, completion });
    }

    /// The marked text so far and the result that is missing.
    fn render(&self) -> Result<(String, Option<MissingReply>)> {
        let rendering =
            Arc::new(Rendering::new(self.state.clone(), self.sent.clone(), self.reader().clone()));
        let mut context = self.fields.clone();
        context.insert(functions::NAME.into(), Value::from_dyn_object(rendering.clone()));
        if let Some(mark) = &self.state.mark {
            context.insert("mark".into(), taint::Trusted::value(mark.clone()));
        }
        let (marked, failure) = self.prompt.render(context)?;
        match (rendering.missing(), failure) {
            (Some(missing), _) => Ok((marked, Some(missing))),
            (None, Some(cause)) => Err(self.prompt.template_error(&cause)),
            (None, None) => {
                self.check_printed(&marked, &rendering)?;
                Ok((marked, None))
            }
        }
    }

    /// Every result that was printed stands once in the final text, as the model's.
    fn check_printed(&self, marked: &str, rendering: &Rendering) -> Result<()> {
        let used = rendering.used();
        let mut unprinted: Vec<&str> = (self.state.results.iter())
            .filter(|reply| used.contains(&reply.slot))
            .map(|reply| reply.completion.text.as_str())
            .collect();
        for text in rendering.all_printed() {
            let Some(at) =
                unprinted.iter().position(|one| taint::unmarked(one) == taint::unmarked(&text))
            else {
                return Err(self.prompt.error("a result is printed twice".to_owned())
                    .hint("print each `gen` once; in a loop give it its place: gen(\"analysis\", at=loop.index0)"));
            };
            unprinted.swap_remove(at);
        }
        if taint::model_texts(marked).len() != rendering.all_printed().len() {
            return Err(self.prompt.error("a result is printed inside a set block, macro or filter".to_owned())
                .hint("print results in the body itself; `{% set v = gen(\"v\") %}` binds one without printing it"));
        }
        Ok(())
    }

    /// The request for a missing result, or `None` where it could be read off what was already said.
    fn ask(&mut self, marked: &str, missing: MissingReply) -> Result<Option<Request>> {
        let MissingReply { slot, what } = missing;
        let turns = self.turns(marked, &slot)?;
        self.state.places.push(AskedAt { turn: turns.place(), shown: marked.len() });
        match what {
            TemplateCall::Gen(settings) => self.ask_text(marked, turns, slot, *settings).map(Some),
            TemplateCall::Choose { labels } => self.ask_label(turns, slot, labels),
            TemplateCall::Compare { answer, reference } => {
                self.ask_check(turns, slot, answer, reference).map(Some)
            }
        }
    }

    fn ask_text(
        &mut self,
        marked: &str,
        turns: Turns,
        slot: Slot,
        settings: GenOptions,
    ) -> Result<Request> {
        let capabilities = self.context.capabilities;
        if turns.open && self.chat() == Chat::Model && !capabilities.prefill.is_yes() {
            return Err(self.cannot_continue(&slot));
        }
        if settings.constraint.is_some() && capabilities.schema.is_no() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{}: gen(\"{}\") needs a JSON schema, which this model's API cannot hold to",
                    self.prompt.name(),
                    slot.name
                ),
            ));
        }
        let mut sampling = self.prompt.front.sampling.clone();
        sampling.max_tokens = settings.max_tokens.or(sampling.max_tokens);
        sampling.temperature = settings.temperature.or(sampling.temperature);
        sampling.top_p = settings.top_p.or(sampling.top_p);
        sampling.stop.extend(settings.stop);
        // In process nothing but the draw of tokens makes another text.
        let greedy = |t: f64| t <= 0.0;
        self.repeats &= sampling.temperature.map_or(capabilities.deterministic.is_yes(), greedy);
        let read = !capabilities.prefill.is_yes() && self.prompt.chooses_after(&slot);
        let mut top_logprobs = None;
        if read {
            sampling.stop.clear();
            top_logprobs = (capabilities.logprobs != Logprobs::None).then_some(MOST_ALTERNATIVES);
        }
        let beside = self.reports_at_value(&slot, marked).then(|| beside(&sampling));
        self.asked =
            Some(PendingReply { slot, how: ReplyKind::Text, may_be_cut: settings.may_be_cut });
        let mut request =
            self.request(turns, Ask::Generate { top_logprobs }, sampling, settings.constraint);
        request.alternatives = beside.filter(|_| top_logprobs.is_none());
        if !self.varies() || self.ending(marked).is_some() {
            request.reask = 0;
        }
        Ok(request)
    }

    fn ask_check(
        &mut self,
        turns: Turns,
        slot: Slot,
        answer: String,
        reference: String,
    ) -> Result<Request> {
        if !self.context.capabilities.compare.is_yes() {
            let message = format!(
                "{}: `{}` compares by rule, which no model does",
                self.prompt.name(),
                slot.name
            );
            return Err(Error::new(ErrorKind::Unsupported, message).hint(
                Hint::from("use a check as the model, such as ")
                    .setting("model", "check:number")
                    .text(", or a prompt that asks a model"),
            ));
        }
        self.asked = Some(PendingReply { slot, how: ReplyKind::Text, may_be_cut: true });
        let ask = Ask::Compare { answer, reference };
        Ok(self.request(turns, ask, Sampling::default(), None))
    }

    fn ask_label(
        &mut self,
        turns: Turns,
        slot: Slot,
        labels: Vec<String>,
    ) -> Result<Option<Request>> {
        let capabilities = self.context.capabilities;
        if turns.open && self.chat() == Chat::Model && !capabilities.prefill.is_yes() {
            let Some(literal) = turns.since_result() else {
                return Err(self.cannot_continue(&slot));
            };
            let data = turns.data();
            self.read_label(&literal, slot, &labels, &data);
            return Ok(None);
        }
        if capabilities.logprobs == Logprobs::None {
            // No limit of our own: a model that thinks first would spend it on that.
            let sampling = self.prompt.front.sampling.clone();
            self.asked =
                Some(PendingReply { slot, how: ReplyKind::Opening(labels), may_be_cut: false });
            return Ok(Some(self.request(
                turns,
                Ask::Generate { top_logprobs: None },
                sampling,
                None,
            )));
        }
        if capabilities.opens_thinking.is_yes() && !turns.open && self.chat() == Chat::Model {
            return Err(self.label_in_thought(&slot));
        }
        let opened = capabilities.opens_thinking.is_yes();
        let turns =
            if capabilities.score_verdict.is_yes() { turns.visible_part(opened) } else { turns };
        self.asked = Some(PendingReply { slot, how: ReplyKind::Label, may_be_cut: true });
        Ok(Some(self.request(turns, Ask::Choose { labels }, Sampling::default(), None)))
    }

    /// Reads a label after the words that announce it in the text before, and cuts that text there: it
    /// is then what it would have been where a choice can be asked for.
    fn read_label(&mut self, literal: &str, slot: Slot, labels: &[String], data: &[String]) {
        let mut completion = Completion::default();
        let mut distribution = None;
        let mark = self.state.mark.clone();
        let mark = mark.as_deref();
        if let Some(Reply { completion: before, .. }) = self.state.results.last_mut() {
            let end = if before.in_process { TurnEnd::Exact } else { TurnEnd::Token(mark) };
            let judged = JudgedTexts::new(data);
            let found = find_label(&before.text, literal, mark, labels, &judged, end);
            if let Some(found) = found {
                distribution = masses_at(before, found.place.start, labels);
                completion.text = found.label;
                before.text.truncate(found.start);
            }
            completion.finish = before.finish.clone();
        }
        if let Some(place) = self.state.places.last_mut() {
            place.shown = self.sent.len();
        }
        completion.distribution.clone_from(&distribution);
        let chosen = Some(Chosen::FromText(distribution));
        self.state.results.push(Reply { slot, chosen, may_be_cut: false, completion });
    }

    fn chat(&self) -> Chat {
        self.prompt.front.chat
    }

    fn label_in_thought(&self, slot: &Slot) -> Error {
        let message = format!(
            "{}: `{}` chooses before the model has thought, and this model's chat template makes it think first",
            self.prompt.name(),
            slot.name
        );
        Error::new(ErrorKind::Unsupported, message)
            .hint("let it write before it chooses, as the prompt `correct` does, or use a model that does not think")
    }

    fn cannot_continue(&self, slot: &Slot) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{}: `{}` continues an assistant turn, which this model's API cannot do",
                self.prompt.name(),
                slot.name
            ),
        )
        .hint("use a local GGUF, a llama.cpp or vLLM server, or a prompt whose answer stands alone in its turn")
    }

    fn request(
        &self,
        mut turns: Turns,
        ask: Ask,
        sampling: Sampling,
        constraint: Option<crate::request::Constraint>,
    ) -> Request {
        self.add_tokens(&mut turns);
        let Turns { messages, open } = turns;
        let ProgramContext { draw, reask, .. } = self.context;
        let chat = self.chat();
        Request {
            open,
            chat,
            ask,
            sampling,
            constraint,
            draw,
            reask,
            ..Request::generate(messages)
        }
    }

    /// The turns of a partial text, ready to be continued.
    fn turns(&self, marked: &str, slot: &Slot) -> Result<Turns> {
        if self.chat() == Chat::Raw {
            let whole = Message { role: Role::User, parts: taint::parts(marked) };
            return Ok(Turns { messages: vec![whole], open: true });
        }
        let mut messages = self.messages(marked)?;
        let count = messages.len();
        for (n, message) in messages.iter_mut().enumerate() {
            taint::trim(message, n + 1 == count);
        }
        match messages.last() {
            Some(last) if last.role != Role::Assistant => Err(self
                .prompt
                .error(format!("`{}` stands in a {} turn", slot.name, last.role.name()))
                .hint("begin a line `assistant:` before it")),
            Some(last) if last.parts.is_empty() => {
                messages.pop();
                Ok(Turns { messages, open: false })
            }
            _ => Ok(Turns { messages, open: true }),
        }
    }

    fn messages(&self, marked: &str) -> Result<Vec<Message>> {
        let taint::Conversation { messages, stray } = taint::conversation(marked);
        if !stray.trim().is_empty() {
            return Err(self
                .prompt
                .error(format!("`{}` stands before the first role line", stray.trim()))
                .hint("begin the body with a line `system:` or `user:`"));
        }
        Ok(messages)
    }
}

/// What came of the asking so far.
#[derive(Clone, Debug, Default)]
pub(super) struct ProgramState {
    pub(super) results: Vec<Reply>,
    /// Where each of them was asked for.
    places: Vec<AskedAt>,
    mark: Option<String>,
    shape: ItemShape,
}

/// Where a result was asked for.
#[derive(Clone, Copy, Debug)]
struct AskedAt {
    /// The turn of the conversation.
    turn: usize,
    /// How much of the marked text stood before it, in bytes.
    shown: usize,
}

impl ProgramState {
    /// The results that count, ready to be read; `marked` is the whole text so far.
    pub(super) fn transcript(&self, marked: &str, counts: impl Fn(&Reply) -> bool) -> Transcript {
        let both = self.results.iter().zip(&self.places);
        let (results, places): (Vec<Reply>, Vec<AskedAt>) =
            both.filter(|(reply, _)| counts(reply)).map(|(o, place)| (o.clone(), *place)).unzip();
        let last = places.last().map(|place| place.turn);
        Transcript {
            results,
            last_turn: places.iter().position(|place| Some(place.turn) == last).unwrap_or(0),
            mark: self.mark.clone(),
            data: taint::data(marked),
            shape: self.shape.clone(),
        }
    }

    /// The same while the body still runs: what the model saw before it wrote the last of these results.
    pub(super) fn so_far(&self, sent: &str, counts: impl Fn(&Reply) -> bool) -> Transcript {
        let both = self.results.iter().zip(&self.places);
        let last = both.into_iter().rfind(|(reply, _)| counts(reply));
        let shown = last.and_then(|(_, place)| sent.get(..place.shown)).unwrap_or_default();
        self.transcript(shown, counts)
    }
}

/// How many alternatives of every token are reported beside a text: fewer where the text may be long, because
/// answers grow with them.
fn beside(sampling: &Sampling) -> u8 {
    const LEAST: u8 = 5;
    const TOKENS: u32 = 32_768;
    let most = sampling.max_tokens.map_or(0, |most| TOKENS / most.max(1));
    u8::try_from(most).unwrap_or(u8::MAX).clamp(LEAST, MOST_ALTERNATIVES)
}

/// The author's last line that shows the mark, up to and with it.
fn line_of(marked: &str, mark: &str) -> Option<String> {
    let authors = taint::spans(marked).into_iter().rev().filter(|s| s.origin == Origin::Prompt);
    let line = |span: taint::Span| {
        let end = span.text.rfind(mark)? + mark.len();
        Some(span.text[..end].lines().next_back()?.to_owned())
    };
    authors.into_iter().find_map(line)
}

struct Turns {
    messages: Vec<Message>,
    open: bool,
}

impl Turns {
    /// The judged texts that the model was shown.
    fn data(&self) -> Vec<String> {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let data = parts.filter(|part| part.origin == Origin::Data);
        data.map(|part| part.as_text().to_owned()).collect()
    }

    /// The same with a thinking block ended in which the model's last text stopped: a label is no thought.
    fn visible_part(mut self, opened: bool) -> Self {
        let data = self.data();
        let Some(turn) = self.messages.last_mut().filter(|_| self.open) else { return self };
        let Some(last) = turn.parts.iter().rposition(|part| part.origin == Origin::Model) else {
            return self;
        };
        let text: String = turn.parts[..=last].iter().map(Part::as_text).collect();
        if closing::stands_in_thought(&text, &data, opened) {
            let after = last + 1;
            turn.parts.splice(after..after, closing::end_of_thought());
        }
        self
    }

    /// The place of the turn that is written now.
    fn place(&self) -> usize {
        self.messages.len() - usize::from(self.open)
    }

    /// What the author wrote between the last result and the end of the open turn, if there is one.
    fn since_result(&self) -> Option<String> {
        let parts = &self.messages.last()?.parts;
        let result = parts.iter().rposition(|part| part.origin == Origin::Model)?;
        Some(parts.get(result + 1..)?.iter().map(Part::as_text).collect())
    }
}

/// The label that a text begins with, in its place.
fn opened(mut completion: Completion, labels: &[String], data: &[String]) -> Completion {
    let visible = visible(&completion.text, data, None);
    completion.text = opening_label(visible, labels).cloned().unwrap_or_default();
    completion
}

/// The probabilities of labels where the written text stands at byte `place`; `None` where the tokens reported
/// are not those of the text.
fn masses_at(completion: &Completion, place: usize, labels: &[String]) -> Option<Distribution> {
    let mut end = 0;
    let token = completion.tokens.iter().find(|token| {
        end += token.text.len();
        end > place
    })?;
    let is_label = Distribution::of_alternatives(&[(token.text.clone(), 0.0)], labels).mass() > 0.0;
    is_label.then(|| Distribution::of_alternatives(&token.top, labels))
}
