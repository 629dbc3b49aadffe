//! A prompt's run on a sample record with made-up replies: what it asks for, and what would go wrong, before anything is
//! paid for.
//!
//! The sample record has a value for every field: two steps, two answers, one criterion, and for anything else a value
//! that answers every attribute and index with itself. A branch that the sample does not take is not seen.

use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, Serde},
};

use super::{Each, Program, ProgramContext, ProgramStep, Prompt, bind::bound};
use crate::{
    completion::Completion,
    error::Result,
    item::Item,
    parse::{ItemShape, Slot},
    request::{self, Ability, Capabilities, Origin, Part, Request},
};

/// One `gen` or `choose` of a body, as the run on the sample record shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutlineAsk {
    /// Its name, and its index in a loop.
    slot: Slot,
    /// Whether it is a `choose`.
    chooses: bool,
    /// Whether it is a `run`.
    runs: bool,
    /// The 0-based turn of the conversation in which it stands.
    turn: usize,
    /// The labels of a `choose`.
    labels: Vec<String>,
    /// The author's words before it in its turn.
    literal: String,
}

impl OutlineAsk {
    /// What a request asks for; its slot is known once it is answered.
    fn of(request: &Request) -> Self {
        let labels = match &request.ask {
            request::Ask::Choose { labels } => labels.clone(),
            _ => Vec::new(),
        };
        Self {
            slot: Slot { name: String::new(), at: None },
            chooses: !labels.is_empty() || matches!(request.ask, request::Ask::Logprobs { .. }),
            runs: matches!(request.ask, request::Ask::Run { .. }),
            turn: request.messages.len() - usize::from(request.open),
            literal: literal(request),
            labels,
        }
    }

    /// A made-up reply: the first label, or a text.
    fn answer(&self, n: usize) -> String {
        self.labels.first().cloned().unwrap_or_else(|| format!("sample {n}"))
    }
}

impl Prompt {
    /// The author's words before the first `choose` of this name, and its labels, as the sample record shows them.
    pub fn choice(&self, name: &str) -> Option<(&str, &[String])> {
        let ask = self.outline.iter().find(|ask| ask.chooses && ask.slot.name == name)?;
        Some((&ask.literal, &ask.labels))
    }

    /// The same for reading a critique that already exists, in whose text these words are looked for: with `mark` in
    /// the place of the sample record's mark; without one the words end before it.
    pub(crate) fn marked_choice(
        &self,
        name: &str,
        mark: Option<&str>,
    ) -> Option<(String, &[String])> {
        let (words, labels) = self.choice(name)?;
        let words = match mark {
            Some(mark) => words.replace(SAMPLE_MARK, mark),
            None if words.contains(SAMPLE_MARK) => {
                words.replace(SAMPLE_MARK, "").trim_end_matches([' ', ':']).to_owned()
            }
            None => words.to_owned(),
        };
        Some((words, labels))
    }

    /// Checks that a model can run this prompt, by a run on the sample record.
    ///
    /// # Errors
    /// The model lacks a capability that the prompt needs ([`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)):
    /// the hint names models that have it.
    pub fn check_fits(&self, context: ProgramContext) -> Result<()> {
        // Made-up replies hold no verdict, so none is scored.
        let capabilities = Capabilities { score_verdict: Ability::No, ..context.capabilities };
        self.run_sample(ProgramContext { capabilities, force: false, ..context }).map(drop)
    }

    /// Whether a `choose` follows this slot in the same turn: a model that cannot be asked to choose then writes on, and
    /// its label is read from the text.
    pub(super) fn chooses_after(&self, slot: &Slot) -> bool {
        let Some(at) =
            self.outline.iter().position(|ask| ask.slot.name == slot.name && !ask.chooses)
        else {
            return false;
        };
        let turn = self.outline[at].turn;
        self.outline[at + 1..].iter().any(|ask| ask.chooses && ask.turn == turn)
    }

    /// Whether this slot is the last text that the body asks for, as far as the sample record shows.
    pub(super) fn writes_last(&self, slot: &Slot) -> bool {
        self.outline
            .iter()
            .rfind(|ask| !ask.chooses && !ask.runs)
            .is_some_and(|ask| ask.slot.name == slot.name)
    }

    /// Whether the body asks a model for nothing, as far as the sample record shows: running code asks none.
    pub(super) fn asks_no_model(&self) -> bool {
        self.outline.iter().all(|ask| ask.runs)
    }

    /// Everything that the body asks for on the sample record.
    pub(super) fn sketch(&self) -> Result<Vec<OutlineAsk>> {
        let capabilities = Capabilities::ALL;
        self.run_sample(ProgramContext::new(capabilities))
    }

    /// The line of the body that shows the mark, up to and including it, as the sample record shows it.
    pub(super) fn sample_line(&self) -> Option<String> {
        let mut program = self.sample_program(ProgramContext::new(Capabilities::ALL));
        let mut answer = None;
        while let Ok(ProgramStep::Ask(request)) = program.next(answer.take()) {
            answer = Some(Completion::text(OutlineAsk::of(&request).answer(0)));
        }
        program.line_with_mark()
    }

    /// A run of the body on the sample record.
    fn sample_program(&self, context: ProgramContext) -> Program {
        let mut fields: BTreeMap<String, Value> =
            self.fields.iter().map(|field| (field.name.clone(), sample(&field.name))).collect();
        // There is one criterion; a later step has others before it.
        let element = usize::from(self.front.each != Some(Each::Criteria));
        self.add_element(&mut fields, &sample_item(), Some(element));
        let mark = self.marks().then(|| SAMPLE_MARK.to_owned());
        let is_element = self.front.each.is_some();
        Program::new(
            Arc::new(self.clone()),
            fields,
            is_element,
            context,
            mark,
            ItemShape::default(),
        )
    }

    /// Runs the body on the sample record with made-up replies; an error of the body becomes one of the prompt.
    fn run_sample(&self, context: ProgramContext) -> Result<Vec<OutlineAsk>> {
        // One request for each place where labels are weighed, so that each is seen.
        let capabilities = Capabilities { choose_at: Ability::No, ..context.capabilities };
        let mut program = self.sample_program(ProgramContext { capabilities, ..context });
        program.check_split()?;
        let mut asks: Vec<OutlineAsk> = Vec::new();
        let mut answer = None;
        while let ProgramStep::Ask(request) = program.next(answer.take())? {
            if self.marks() && asks.iter().all(|ask| ask.runs) {
                self.check_mark(&request)?;
            }
            let ask = OutlineAsk::of(&request);
            answer = Some(Completion::text(ask.answer(asks.len())));
            asks.push(ask);
        }
        for (ask, reply) in asks.iter_mut().zip(program.results()) {
            ask.slot = reply.slot.clone();
        }
        Ok(asks)
    }

    /// Refuses a mark before the last field: it differs from record to record, and would end the prefix that they share
    /// (and that models cache).
    fn check_mark(&self, request: &Request) -> Result<()> {
        let parts: Vec<_> = request.messages.iter().flat_map(|message| &message.parts).collect();
        let marked = parts.iter().position(|part| part.as_text().contains(SAMPLE_MARK));
        let last_data = parts.iter().rposition(|part| part.origin == Origin::Data);
        match (marked, last_data) {
            (Some(marked), Some(last)) if marked < last => Err(self
                .error("`{{ mark }}` stands before the last field".to_owned())
                .hint("ask for the verdict line at the end: the text that all records share must come first")),
            _ => Ok(()),
        }
    }
}

/// The author's text at the end of a request, after the last reply in the open turn.
fn literal(request: &Request) -> String {
    let Some(last) = request.messages.last().filter(|_| request.open) else { return String::new() };
    let result = last.parts.iter().rposition(|part| part.origin == Origin::Model);
    last.parts[result.map_or(0, |at| at + 1)..].iter().map(Part::as_text).collect()
}

/// The mark of the sample record. It is not hexadecimal, so that no real mark is equal to it.
pub(super) const SAMPLE_MARK: &str = "zq0mark0qz";

/// The sample record.
fn sample_item() -> Item {
    Item::new()
        .set("steps", vec!["sample step one".to_owned(), "sample step two".to_owned()])
        .answers(["sample one", "sample two"])
        .set("criteria", vec!["sample criterion".to_owned()])
        .set("contexts", vec!["sample passage one".to_owned(), "sample passage two".to_owned()])
}

/// The sample record's value of a field.
fn sample(name: &str) -> Value {
    match bound(&sample_item(), name, true) {
        Some(value) => Value::from(Serde(value.into_owned())),
        None => Value::from_object(Sample { depth: 0 }),
    }
}

/// A value that returns itself for every attribute and index, and whose elements do the same.
#[derive(Debug)]
struct Sample {
    /// How many lists it is inside of; those of the second level hold texts, so that it can be written as JSON.
    depth: u8,
}

impl Object for Sample {
    /// Printed as itself, not as the list or map that it also is.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Self { depth: self.depth }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let depth = self.depth + 1;
        let element = || match depth {
            1 => Value::from_object(Self { depth }),
            _ => Value::from("sample"),
        };
        Enumerator::Values(vec![element(), element()])
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sample")
    }
}
