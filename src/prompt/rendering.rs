//! One rendering of a body, as the functions of the template see it.
//!
//! A body is rendered anew for every reply. `gen("critique")` returns the reply to it if there is one; otherwise the
//! rendering notes what is missing and stops with an error. So a template that calls the model is still a pure function
//! of the item and the replies so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::{Error, ErrorKind, State, Value, value::Object};

use super::state::ProgramState;
use crate::{
    parse::{Parser, Reader, Slot},
    request::{Constraint, Normalize},
    verdict::Verdict,
};

/// The name under which a template finds its [`Rendering`]; no field may have it.
pub(super) const NAME: &str = "__run";

/// One rendering of a body: the replies so far, and what the body needed.
#[derive(Debug)]
pub(super) struct Rendering {
    /// The replies so far.
    state: ProgramState,
    /// The marked text that was sent last.
    sent: String,
    /// What reads the verdict for `read()`.
    reader: Arc<Reader>,
    /// What is noted while the template renders.
    notes: Mutex<RenderNotes>,
}

/// What is noted while a template renders.
#[derive(Debug, Default)]
struct RenderNotes {
    /// The reply that is missing.
    missing: Option<MissingReply>,
    /// The texts that were printed as replies, in order.
    printed: Vec<String>,
    /// The slots whose replies were used.
    used: Vec<Slot>,
    /// The places where the model is asked and the text goes on, in order.
    probes: Vec<Probe>,
}

/// A place where the model is asked while the text goes on as if nothing had been asked: `probe(…)`, or `reward(…)` with
/// the sign of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) slot: Slot,
    pub(super) what: Probed,
}

/// What a model is asked at a place where the text goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probed {
    /// The probabilities of these labels.
    Labels(Vec<String>),
    /// The output of its reward head.
    Reward,
}

/// A slot without a reply, and the call that needs it.
#[derive(Clone, Debug)]
pub(super) struct MissingReply {
    /// The slot, which no reply fills yet.
    pub(super) slot: Slot,
    /// What the model must do there.
    pub(super) what: TemplateCall,
}

/// A call in a template that the model must answer.
#[derive(Clone, Debug)]
pub(super) enum TemplateCall {
    /// `gen(…)`: write a text.
    Gen(Box<GenOptions>),
    /// `choose(…)`: pick one of these labels, of which none begins another.
    Choose { labels: Vec<String>, normalize: Normalize },
    /// `compare(…)`: compare an answer with a reference, by rule.
    Compare { answer: String, reference: String },
    /// `reward(…)`: the output of a reward head.
    Reward,
    /// `logprobs(…)`: the log-probability of a given text.
    Logprobs(WeighedText),
    /// `run(…)`: what this block of code prints, after those that ran before it.
    Run { code: String },
}

/// A text that is given and weighed, not written.
#[derive(Clone, Debug)]
pub(super) struct WeighedText {
    /// The text.
    pub(super) text: String,
    /// The ends of the texts that it was joined of, in characters.
    pub(super) ends: Vec<usize>,
    /// Whether the reference model is asked.
    pub(super) of_reference: bool,
}

/// The options of one `gen`; see the documentation of prompt files.
#[derive(Clone, Debug, Default)]
pub(super) struct GenOptions {
    /// Texts at which the model stops.
    pub(super) stop: Vec<String>,
    /// The limit of tokens.
    pub(super) max_tokens: Option<u32>,
    /// The temperature of sampling.
    pub(super) temperature: Option<f64>,
    /// The nucleus of sampling.
    pub(super) top_p: Option<f64>,
    /// Whether running into the limit of tokens is an expected end.
    pub(super) may_be_cut: bool,
    /// The JSON schema that the text must match.
    pub(super) constraint: Option<Constraint>,
}

impl Rendering {
    /// A rendering with the replies so far.
    pub(super) fn new(state: ProgramState, sent: String, reader: Arc<Reader>) -> Self {
        Self { state, sent, reader, notes: Mutex::default() }
    }

    /// The rendering that a template belongs to.
    ///
    /// # Errors
    /// The template has given its name to something else.
    pub(super) fn of(state: &State) -> Result<Arc<Self>, Error> {
        let lost = || {
            Error::new(
                ErrorKind::InvalidOperation,
                "the names of gen, choose and read must not be set",
            )
        };
        state.lookup(NAME).and_then(|value| value.downcast_object::<Self>()).ok_or_else(lost)
    }

    /// Notes that a reply was printed.
    pub(super) fn printed(&self, text: &str) {
        self.notes().printed.push(text.to_owned());
    }

    /// The missing reply that stopped the render, if one did.
    pub(super) fn missing(&self) -> Option<MissingReply> {
        self.notes().missing.take()
    }

    /// The texts that were printed as replies, in order.
    pub(super) fn all_printed(&self) -> Vec<String> {
        self.notes().printed.clone()
    }

    /// The slots whose replies were used.
    pub(super) fn used(&self) -> Vec<Slot> {
        self.notes().used.clone()
    }

    /// The reply for a slot.
    ///
    /// # Errors
    /// There is none yet: it is noted, and the error stops the render.
    pub(super) fn result(&self, slot: Slot, what: TemplateCall) -> Result<Value, Error> {
        if let Some(reply) = self.state.results.iter().find(|reply| reply.slot == slot) {
            self.notes().used.push(slot);
            return Ok(Value::from_safe_string(reply.completion.text.clone()));
        }
        self.notes().missing = Some(MissingReply { slot, what });
        Err(Error::new(ErrorKind::InvalidOperation, "a result is still missing"))
    }

    /// What code printed for a slot, as a text that nobody vouches for.
    ///
    /// # Errors
    /// It has not run yet: it is noted, and the error stops the render.
    pub(super) fn output(&self, slot: Slot, code: String) -> Result<Value, Error> {
        let printed = self.result(slot, TemplateCall::Run { code })?;
        Ok(Value::from(printed.as_str().unwrap_or_default().to_owned()))
    }

    /// Notes a place where labels are weighed. Its reply counts as used as soon as it is there.
    pub(super) fn probe(&self, probe: Probe) {
        let is_answered = self.state.results.iter().any(|reply| reply.slot == probe.slot);
        let mut notes = self.notes();
        if is_answered {
            notes.used.push(probe.slot.clone());
        }
        notes.probes.push(probe);
    }

    /// The places where labels are weighed, in order.
    pub(super) fn probes(&self) -> Vec<Probe> {
        std::mem::take(&mut self.notes().probes)
    }

    /// The verdict of the replies that the body has used so far, if it can be read.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let used = self.used();
        let transcript = self.state.so_far(&self.sent, |reply| used.contains(&reply.slot));
        self.reader.parse(&transcript).verdict.ok()
    }

    /// The notes. A panic while they were locked loses nothing: each is written at once.
    fn notes(&self) -> MutexGuard<'_, RenderNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Rendering {}
