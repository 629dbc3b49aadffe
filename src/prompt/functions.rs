//! What `gen`, `choose`, `compare` and `read` do while a template renders.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{ArgType, Kwargs, Object, Rest},
};

use super::{program::ProgramState, taint};
use crate::{
    parse::{Parser, Reader, Slot},
    request::Constraint,
};

/// Where a template finds the run that it belongs to; no field may have this name.
pub(super) const NAME: &str = "__run";

/// One rendering: the results so far, and what the template turned out to want.
#[derive(Debug)]
pub(super) struct Rendering {
    state: ProgramState,
    /// The marked text that was sent last.
    sent: String,
    reader: Reader,
    notes: Mutex<RenderNotes>,
}

#[derive(Debug, Default)]
struct RenderNotes {
    missing: Option<MissingReply>,
    printed: Vec<String>,
    used: Vec<Slot>,
}

/// A `gen` or `choose` without a result.
#[derive(Clone, Debug)]
pub(super) struct MissingReply {
    pub(super) slot: Slot,
    pub(super) what: TemplateCall,
}

#[derive(Clone, Debug)]
pub(super) enum TemplateCall {
    Gen(Box<GenOptions>),
    Choose { labels: Vec<String> },
    Compare { answer: String, reference: String },
}

/// The settings of one `gen`.
#[derive(Clone, Debug, Default)]
pub(super) struct GenOptions {
    pub(super) stop: Vec<String>,
    pub(super) max_tokens: Option<u32>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) may_be_cut: bool,
    pub(super) constraint: Option<Constraint>,
}

impl Rendering {
    pub(super) fn new(state: ProgramState, sent: String, reader: Reader) -> Self {
        Self { state, sent, reader, notes: Mutex::default() }
    }

    pub(super) fn of(state: &State) -> Result<Arc<Self>, Error> {
        let lost = || {
            Error::new(ErrorKind::InvalidOperation, "gen, choose and read are not to be rebound")
        };
        state.lookup(NAME).and_then(|value| value.downcast_object::<Self>()).ok_or_else(lost)
    }

    /// Notes that a result went into the text.
    pub(super) fn printed(&self, text: &str) {
        self.notes().printed.push(text.to_owned());
    }

    /// What stopped the render, if it was a missing result.
    pub(super) fn missing(&self) -> Option<MissingReply> {
        self.notes().missing.take()
    }

    /// The texts that were printed as results, in order.
    pub(super) fn all_printed(&self) -> Vec<String> {
        self.notes().printed.clone()
    }

    /// Every `gen` and `choose` that found its result.
    pub(super) fn used(&self) -> Vec<Slot> {
        self.notes().used.clone()
    }

    /// The result at a place, or the render stops with the wish for it.
    fn result(&self, slot: Slot, what: TemplateCall) -> Result<Value, Error> {
        if let Some(reply) = self.state.results.iter().find(|reply| reply.slot == slot) {
            self.notes().used.push(slot);
            return Ok(Value::from_safe_string(reply.completion.text.clone()));
        }
        self.notes().missing = Some(MissingReply { slot, what });
        Err(Error::new(ErrorKind::InvalidOperation, "a result is still missing"))
    }

    fn notes(&self) -> MutexGuard<'_, RenderNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Rendering {}

/// `gen("name", at=…, stop=…, max_tokens=…, temperature=…, top_p=…, cut="ok", schema=…)`
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn generate(state: &State, name: &str, options: Kwargs) -> Result<Value, Error> {
    let stop: Option<Value> = options.get("stop")?;
    let max_tokens: Option<u32> = option(&options, "max_tokens", "a whole number")?;
    let cut: Option<String> = option(&options, "cut", "the text \"ok\"")?;
    let schema: Option<Value> = options.get("schema")?;
    let generate = GenOptions {
        stop: stop.as_ref().map(texts).transpose()?.unwrap_or_default(),
        max_tokens,
        temperature: option(&options, "temperature", "a number")?,
        top_p: option(&options, "top_p", "a number")?,
        may_be_cut: may_be_cut(cut.as_deref(), max_tokens)?,
        constraint: schema.map(schema_of).transpose()?,
    };
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    options.assert_all_used()?;
    Rendering::of(state)?.result(slot, TemplateCall::Gen(Box::new(generate)))
}

/// `choose("name", [" Yes", " No"], at=…)`
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn choose(
    state: &State,
    name: &str,
    labels: Value,
    options: Kwargs,
) -> Result<Value, Error> {
    let labels = texts(&labels)?;
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidOperation, message));
    if labels.len() < 2 {
        return wrong(format!("choose(\"{name}\") needs two labels or more"));
    }
    for (n, label) in labels.iter().enumerate() {
        let begins = |other: &String| other.trim().starts_with(label.trim());
        if label.trim().is_empty() || labels.iter().enumerate().any(|(m, l)| m != n && begins(l)) {
            return wrong(format!(
                "the label `{label}` of choose(\"{name}\") is empty or begins another label: they cannot be told apart"
            ));
        }
    }
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    options.assert_all_used()?;
    Rendering::of(state)?.result(slot, TemplateCall::Choose { labels })
}

/// `compare("name", answer, reference)`
pub(super) fn compare(
    state: &State,
    name: &str,
    answer: &Value,
    reference: &Value,
) -> Result<Value, Error> {
    let (answer, reference) = (taint::text_of(answer)?, taint::text_of(reference)?);
    let slot = Slot { name: name.to_owned(), at: None };
    Rendering::of(state)?.result(slot, TemplateCall::Compare { answer, reference })
}

/// `read()`: the verdict so far as text, or none.
pub(super) fn read(state: &State, _: Rest<Value>) -> Result<Value, Error> {
    let rendering = Rendering::of(state)?;
    let used = rendering.notes().used.clone();
    let transcript = rendering.state.so_far(&rendering.sent, |reply| used.contains(&reply.slot));
    let verdict = rendering.reader.parse(&transcript).verdict.ok();
    Ok(verdict.map_or_else(|| Value::from(()), |verdict| Value::from(verdict.to_string())))
}

/// An option of `gen`, or what it must be.
fn option<'a, T: ArgType<'a, Output = T>>(
    options: &'a Kwargs,
    name: &'a str,
    kind: &str,
) -> Result<T, Error> {
    options
        .get(name)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("`{name}` must be {kind}")))
}

/// One text or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    let text = |item: Value| item.as_str().map(ToOwned::to_owned);
    value.try_iter()?.map(text).collect::<Option<_>>().ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "stops and labels are texts or lists of texts")
    })
}

/// One-token labels and forced endings are expected to run into their limit.
fn may_be_cut(cut: Option<&str>, max_tokens: Option<u32>) -> Result<bool, Error> {
    const A_FEW: u32 = 8;
    match cut {
        None => Ok(max_tokens.is_some_and(|limit| limit <= A_FEW)),
        Some("ok") => Ok(true),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("`cut` is \"ok\" or absent, not \"{other}\""),
        )),
    }
}

fn schema_of(value: Value) -> Result<Constraint, Error> {
    let malformed =
        |cause| Error::new(ErrorKind::InvalidOperation, "the schema is no JSON").with_source(cause);
    Ok(Constraint::Schema(serde_json::to_value(value).map_err(malformed)?))
}
