//! Running a prompt: render up to the first missing reply, ask for it, render again.
//!
//! ```text
//!           ┌────────────────────────── next(reply) ──────────────────────────┐
//!           ▼                                                                 │
//! render the body ── a reply is missing ──▶ ProgramStep::Ask(request) ──▶ a backend
//!           │
//!           └─ all are there ──▶ score the values, or ask for the verdict alone ──▶ ProgramStep::Done(transcript)
//! ```
//!
//! The body is rendered anew for every reply, always with the same values, so that it is a function of the item and the
//! replies. What was sent must not change afterwards: the text may only grow. This is checked after every render.
//!
//! A program makes no request itself. An async judge, a dry run, a file of stored answers and a test all drive it in the
//! same way.

mod asking;
mod closing;
mod given;
mod lengthening;
mod rewarding;
mod running;
mod splitting;
mod turns;
mod weighing;

use std::{collections::BTreeMap, sync::Arc};

use minijinja::Value;

pub(super) use self::splitting::SplitText;
use self::{lengthening::Lengthening, turns::Turns};
use super::{
    Prompt,
    engine::LARGEST,
    printable::Trusted,
    rendering::{self, MissingReply, Probe, Rendering},
    state::ProgramState,
    taint,
};
use crate::{
    completion::Completion,
    error::Result,
    parse::{Chosen, ClosingLine, ItemShape, Reader, Reply, Slot, Transcript, opening_label},
    request::{Ability, Ask, Capabilities, Chat, Message, Origin, Request, Role, Sampling},
    text::visible,
};

/// A run of a prompt on one item, without I/O: it returns requests, and is given their answers.
///
/// [`next`](Self::next) returns the next request, whose answer goes into the following call:
///
/// ```
/// use tribunal::{
///     Completion, Item,
///     prompt::{self, ProgramContext, ProgramStep},
///     request::Capabilities,
/// };
///
/// let score = prompt::named("score")?.expect("it is built in");
/// let item = Item::new().question("2 + 2?").answer("4");
/// let mut program =
///     score.program(&item, None, ProgramContext::new(Capabilities::TEXT), score.mark(&item, None))?;
/// let ProgramStep::Ask(request) = program.next(None)? else { panic!("it asks for a critique") };
/// assert!(request.messages.iter().any(|message| message.text().contains("2 + 2?")));
/// let done = program.next(Some(Completion::text("Right.\nScore: 9")))?;
/// assert!(matches!(done, ProgramStep::Done(_)));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Debug)]
pub struct Program {
    prompt: Arc<Prompt>,
    /// The values of the prompt's fields.
    fields: BTreeMap<String, Value>,
    /// Whether it is about one element of an `each`.
    is_element: bool,
    /// What is known of the model and the vote.
    context: ProgramContext,
    /// The replies so far.
    state: ProgramState,
    /// What the last request asked for.
    asked: Option<PendingReply>,
    /// The marked text with which the last request was sent; at the end the whole text.
    sent: String,
    /// Whether the model would write the same again if it were asked again, since all its texts were greedy.
    repeats: bool,
    /// The limits of tokens, and the texts that are asked for again with higher ones.
    lengthening: Lengthening,
    /// The blocks of code that were run, with their slots.
    codes: Vec<(Slot, String)>,
    /// How far it has come.
    stage: ProgramStage,
    /// The text that is cut into steps first, by a request of its own.
    split: Option<SplitText>,
}

/// How far a program has come.
#[derive(Debug, Default)]
enum ProgramStage {
    /// The body is being rendered and asked for.
    #[default]
    Body,
    /// The values of the verdict are being scored after this announcement.
    Scoring { announcement: String, labels: Vec<String> },
    /// The verdict alone is being asked for, in this closing line.
    Forcing(ClosingLine),
    /// Nothing more is asked.
    Over,
}

/// What a program needs to know about the model, and about the vote that it is run for.
#[derive(Clone, Copy, Debug)]
pub struct ProgramContext {
    /// What the model can be asked.
    pub capabilities: Capabilities,
    /// The 0-based index of the draw: of independent samples of the same question.
    pub draw: u32,
    /// How often an unreadable answer was re-asked before.
    pub reask: u32,
    /// Whether the verdict alone may be asked for after a text without one: where the model would only write the same
    /// again, and can continue its own text.
    pub force: bool,
    /// Whether a text that its limit of tokens cut off, so that no verdict can be read, is asked for once more with
    /// twice the tokens.
    pub lengthen: bool,
}

impl ProgramContext {
    /// The first draw of a model with these capabilities.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, draw: 0, reask: 0, force: false, lengthen: false }
    }
}

/// What a program needs next.
#[derive(Debug)]
pub enum ProgramStep {
    /// The answer to this request, for the next call of [`Program::next`].
    Ask(Box<Request>),
    /// Nothing: this is the finished conversation.
    Done(Transcript),
}

/// The slot that waits for the answer to the last request.
#[derive(Debug)]
struct PendingReply {
    /// The slot that the reply will fill.
    slot: Slot,
    /// How the answer becomes a reply.
    how: ReplyKind,
    /// Whether running into the limit of tokens is an expected end.
    may_be_cut: bool,
}

/// A body as far as it can be rendered.
struct Rendered {
    /// The marked text.
    marked: String,
    /// The reply that is missing for more, if one is.
    missing: Option<MissingReply>,
    /// The places where labels are weighed, in the order of the text.
    probes: Vec<Probe>,
}

/// How the answer to a request becomes a reply.
#[derive(Debug)]
enum ReplyKind {
    /// It is a text.
    Text,
    /// It is a label that the model picked.
    Label,
    /// It is what code printed.
    Printed,
    /// It is a label for each of these slots.
    Labels(Vec<Slot>),
    /// It is a text that begins with one of these labels, from a model that reports no probabilities.
    Opening(Vec<String>),
    /// It is the log-probabilities of a given text that was joined of several, with these ends in characters.
    Weighed(Vec<usize>),
    /// It is the log-probabilities of a text that is cut into steps.
    Split(SplitText),
}

/// How many alternatives of every token are asked for: as many as servers report.
const MOST_ALTERNATIVES: u8 = 20;

/// How often a program may ask, so that an endless loop ends.
const MOST_ASKS: usize = 1_000;

impl Program {
    /// A program over fields that are already bound.
    pub(super) fn new(
        prompt: Arc<Prompt>,
        fields: BTreeMap<String, Value>,
        is_element: bool,
        mut context: ProgramContext,
        mark: Option<String>,
        shape: ItemShape,
    ) -> Self {
        if !prompt.front.template.is_empty() {
            // What is known of the model is known of its template without these variables.
            context.capabilities.opens_thinking = Ability::Unknown;
        }
        Self {
            prompt,
            fields,
            is_element,
            context,
            state: ProgramState { mark, shape, ..ProgramState::default() },
            asked: None,
            sent: String::new(),
            repeats: true,
            lengthening: Lengthening::default(),
            codes: Vec::new(),
            stage: ProgramStage::Body,
            split: None,
        }
    }

    /// Takes the answer to the last request, and returns the next request or the finished conversation.
    ///
    /// `reply` is `None` in the first call, and wherever the last request [is optional](Self::is_optional) and has no
    /// answer. After the body the values of the verdict are scored, or the verdict alone is asked for, where the model
    /// can do that.
    ///
    /// # Errors
    /// The body fails on this item ([`Prompt`](crate::ErrorKind::Prompt), [`Record`](crate::ErrorKind::Record)), or the
    /// model lacks a capability that the body needs ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub fn next(&mut self, answer: Option<Completion>) -> Result<ProgramStep> {
        if !matches!(self.stage, ProgramStage::Body) {
            let mut transcript = self.closed(answer);
            if self.lengthen(&mut transcript) {
                return self.run();
            }
            return Ok(ProgramStep::Done(transcript));
        }
        if let (Some(asked), Some(completion)) = (self.asked.take(), answer) {
            self.take(asked, completion);
        }
        self.run()
    }

    /// Renders the body with the replies so far, up to the next request or the end.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    fn run(&mut self) -> Result<ProgramStep> {
        if let Some(request) = self.ask_split() {
            return Ok(ProgramStep::Ask(Box::new(request)));
        }
        loop {
            if self.state.results.len() >= MOST_ASKS {
                return Err(self
                    .prompt
                    .error(format!("the prompt asks more than {MOST_ASKS} times")));
            }
            if let Some(marked) = self.ended_with_reply() {
                debug_assert!(self.render().is_ok_and(|rendered| rendered.marked == marked));
                self.sent = marked;
                return self.close();
            }
            let Rendered { marked, missing, probes } = self.render()?;
            if !marked.starts_with(&self.sent) {
                return Err(self
                    .prompt
                    .error("the text that was already sent changes after a reply".to_owned())
                    .hint("a prompt may only grow: write what depends on a result after it"));
            }
            if let Some(request) = self.weigh(&marked, probes)? {
                return Ok(ProgramStep::Ask(Box::new(request)));
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

    /// The whole text after the only reply of a prompt that ends with it: what another rendering would print.
    fn ended_with_reply(&self) -> Option<String> {
        let [reply] = self.state.results.as_slice() else { return None };
        if !self.prompt.ends_with_reply || reply.chosen.is_some() {
            return None;
        }
        let mut marked = String::with_capacity(self.sent.len() + reply.completion.text.len() + 8);
        marked.push_str(&self.sent);
        taint::write_marked(&mut marked, Origin::Model, &reply.completion.text).ok()?;
        (marked.len() < LARGEST).then_some(marked)
    }

    /// Whether asking again may give another text: it does unless a deterministic model wrote greedily.
    pub(crate) fn varies(&self) -> bool {
        !self.repeats || !self.context.capabilities.deterministic.is_yes()
    }

    /// What reads the verdict of this conversation.
    fn reader(&self) -> &Arc<Reader> {
        if self.is_element { &self.prompt.element_reader } else { &self.prompt.reader }
    }

    /// Every reply so far, in the order in which it was asked for.
    pub(super) fn results(&self) -> &[Reply] {
        &self.state.results
    }

    /// Stores the answer to the last request.
    fn take(&mut self, asked: PendingReply, completion: Completion) {
        let PendingReply { slot, how, may_be_cut } = asked;
        let (chosen, completion) = match how {
            ReplyKind::Labels(slots) => {
                self.state.results.extend(weighing::replies(slots, completion));
                return;
            }
            ReplyKind::Text => (None, completion),
            ReplyKind::Label => (Some(Chosen::Asked), completion),
            ReplyKind::Split(text) => (Some(Chosen::Asked), self.take_split(&text, completion)),
            ReplyKind::Weighed(ends) => (Some(Chosen::Asked), given::weighed(completion, &ends)),
            ReplyKind::Printed => (Some(Chosen::Printed), completion),
            ReplyKind::Opening(labels) => {
                let opened = opened(completion, &labels, &taint::data(&self.sent));
                (Some(Chosen::FromText(None)), opened)
            }
        };
        // Stored texts have it already.
        let max_tokens = self.lengthening.higher_limit(&slot).or(completion.max_tokens);
        let completion = Completion { max_tokens, ..completion };
        self.state.results.push(Reply { slot, chosen, may_be_cut, completion });
    }

    /// Renders the body.
    ///
    /// # Errors
    /// It fails on this item, or prints a reply twice or in a place where it cannot be found.
    fn render(&self) -> Result<Rendered> {
        let rendering =
            Arc::new(Rendering::new(self.state.clone(), self.sent.clone(), self.reader().clone()));
        let mut context = self.fields.clone();
        context.insert(rendering::NAME.into(), Value::from_dyn_object(rendering.clone()));
        if let Some(mark) = &self.state.mark {
            context.insert("mark".into(), Trusted::value(mark.clone()));
        }
        let (marked, failure) = self.prompt.render(context)?;
        let missing = match (rendering.missing(), failure) {
            (None, Some(cause)) => return Err(self.prompt.template_error(&cause)),
            (None, None) => {
                self.check_printed(&marked, &rendering)?;
                None
            }
            (missing, _) => missing,
        };
        Ok(Rendered { marked, missing, probes: rendering.probes() })
    }

    /// Checks that every reply that was printed stands exactly once in the final text, as the model's.
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
                    .hint("print each `gen` once; in a loop number them: gen(\"analysis\", at=loop.index0)"));
            };
            unprinted.swap_remove(at);
        }
        if taint::model_texts(marked).len() != rendering.all_printed().len() {
            return Err(self.prompt.error("a result is printed inside a set block, macro or filter".to_owned())
                .hint("print results in the body itself; `{% set v = gen(\"v\") %}` binds one without printing it"));
        }
        Ok(())
    }

    /// Whether the model's chat template applies.
    fn chat(&self) -> Chat {
        self.prompt.front.chat
    }

    /// A request with the settings of this prompt and vote.
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
            template: self.prompt.front.template.clone(),
            ..Request::generate(messages)
        }
    }

    /// The turns of a partly rendered text, ready to be continued at `slot`.
    ///
    /// # Errors
    /// The slot does not stand in an assistant turn, or text stands before the first role line.
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

    /// The turns of a marked text.
    fn messages(&self, marked: &str) -> Result<Vec<Message>> {
        let taint::RenderedTurns { messages, stray } =
            taint::conversation(marked, &self.prompt.front.roles);
        if !stray.trim().is_empty() {
            return Err(self
                .prompt
                .error(format!("`{}` stands before the first role line", stray.trim()))
                .hint("begin the body with a line `system:` or `user:`"));
        }
        Ok(messages)
    }
}

/// The last line of the author's text that shows the mark, up to and including it.
fn line_of(marked: &str, mark: &str) -> Option<String> {
    let authors = taint::spans(marked).into_iter().rev().filter(|s| s.origin == Origin::Prompt);
    let line = |span: taint::Span<'_>| {
        let end = span.text.rfind(mark)? + mark.len();
        Some(span.text[..end].lines().next_back()?.to_owned())
    };
    authors.into_iter().find_map(line)
}

/// A completion whose text is the label that it began with; empty if it began with none.
fn opened(mut completion: Completion, labels: &[String], data: &[String]) -> Completion {
    let visible = visible(&completion.text, data, None);
    completion.text = opening_label(visible, labels).cloned().unwrap_or_default();
    completion
}
