//! A prompt's run on a sample record: what it asks for, and what would go wrong before anything is paid
//! for.

use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, Serde},
};

use super::{Program, ProgramContext, ProgramStep, Prompt, bind::bound};
use crate::{
    completion::Completion,
    error::Result,
    item::Item,
    parse::{ItemShape, Slot},
    request::{self, Ability, Capabilities, Origin, Part, Request},
};

/// One `gen` or `choose` of a prompt, as a sample record shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutlineAsk {
    slot: Slot,
    chooses: bool,
    /// Which turn of the conversation it stands in.
    turn: usize,
    /// For a `choose`: its labels and the words before it.
    labels: Vec<String>,
    literal: String,
}

impl OutlineAsk {
    /// What a request asks for; its place is known when it is answered.
    fn of(request: &Request) -> Self {
        let labels = match &request.ask {
            request::Ask::Choose { labels } => labels.clone(),
            _ => Vec::new(),
        };
        Self {
            slot: Slot { name: String::new(), at: None },
            chooses: !labels.is_empty(),
            turn: request.messages.len() - usize::from(request.open),
            literal: literal(request),
            labels,
        }
    }

    /// A made-up answer.
    fn answer(&self, n: usize) -> String {
        self.labels.first().cloned().unwrap_or_else(|| format!("sample {n}"))
    }
}

impl Prompt {
    /// The words before the first `choose` of this name, and its labels, as a sample record shows them.
    pub fn choice(&self, name: &str) -> Option<(&str, &[String])> {
        let ask = self.outline.iter().find(|ask| ask.chooses && ask.slot.name == name)?;
        Some((&ask.literal, &ask.labels))
    }

    /// The same words with this mark in the place of the sample record's, or without one.
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

    /// Refuses a model that could not go through this prompt, by a run on a sample record.
    ///
    /// # Errors
    /// The model's API lacks something that the prompt needs: the error says what would do.
    pub fn check_fits(&self, context: ProgramContext) -> Result<()> {
        // Nothing is said of a verdict that made-up answers lack.
        let capabilities = Capabilities { score_verdict: Ability::No, ..context.capabilities };
        self.run_sample(ProgramContext { capabilities, force: false, ..context }).map(drop)
    }

    pub(super) fn chooses_after(&self, slot: &Slot) -> bool {
        let Some(at) =
            self.outline.iter().position(|ask| ask.slot.name == slot.name && !ask.chooses)
        else {
            return false;
        };
        let turn = self.outline[at].turn;
        self.outline[at + 1..].iter().any(|ask| ask.chooses && ask.turn == turn)
    }

    /// Whether the text at this spot is the last one that the body asks for, as far as a sample record shows.
    pub(super) fn writes_last(&self, slot: &Slot) -> bool {
        self.outline.iter().rfind(|ask| !ask.chooses).is_some_and(|ask| ask.slot.name == slot.name)
    }

    /// What the body asks for on a sample record.
    pub(super) fn sketch(&self) -> Result<Vec<OutlineAsk>> {
        let capabilities = Capabilities::ALL;
        self.run_sample(ProgramContext::new(capabilities))
    }

    /// The line of the body that shows the mark, up to and with it, as a sample record shows it.
    pub(super) fn sample_line(&self) -> Option<String> {
        let mut program = self.sample_program(ProgramContext::new(Capabilities::ALL));
        let mut answer = None;
        while let Ok(ProgramStep::Ask(request)) = program.next(answer.take()) {
            answer = Some(Completion::text(OutlineAsk::of(&request).answer(0)));
        }
        program.line_with_mark()
    }

    fn sample_program(&self, context: ProgramContext) -> Program {
        let mut fields: BTreeMap<String, Value> =
            self.fields.iter().map(|field| (field.name.clone(), sample(&field.name))).collect();
        self.add_element(&mut fields, &sample_item(), Some(1));
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

    /// Runs the body on a sample record and scripted answers, and refuses what would go wrong.
    fn run_sample(&self, context: ProgramContext) -> Result<Vec<OutlineAsk>> {
        let mut program = self.sample_program(context);
        let mut asks: Vec<OutlineAsk> = Vec::new();
        let mut answer = None;
        while let ProgramStep::Ask(request) = program.next(answer.take())? {
            if asks.is_empty() && self.marks() {
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

    /// A marker before the last field would end the prefix that records share.
    fn check_mark(&self, request: &Request) -> Result<()> {
        let parts: Vec<_> = request.messages.iter().flat_map(|message| &message.parts).collect();
        let marked = parts.iter().position(|part| part.as_text().contains(SAMPLE_MARK));
        let last_data = parts.iter().rposition(|part| part.origin == Origin::Data);
        match (marked, last_data) {
            (Some(marked), Some(last)) if marked < last => Err(self
                .error("`{{ mark }}` stands before the last field".to_owned())
                .hint("ask for the verdict line at the end: what records share must come first")),
            _ => Ok(()),
        }
    }
}

/// The text before a request's end that no result wrote.
fn literal(request: &Request) -> String {
    let Some(last) = request.messages.last().filter(|_| request.open) else { return String::new() };
    let result = last.parts.iter().rposition(|part| part.origin == Origin::Model);
    last.parts[result.map_or(0, |at| at + 1)..].iter().map(Part::as_text).collect()
}

/// A marker that no record can hold, being no hex.
pub(super) const SAMPLE_MARK: &str = "zq0mark0qz";

fn sample_item() -> Item {
    Item::new()
        .set("steps", vec!["sample step one".to_owned(), "sample step two".to_owned()])
        .answers(["sample one", "sample two"])
        .set("criteria", vec!["sample criterion".to_owned()])
}

/// A value that stands for any record's.
fn sample(name: &str) -> Value {
    match bound(&sample_item(), name, true) {
        Some(value) => Value::from(Serde(value)),
        None => Value::from_object(Sample),
    }
}

/// Answers to every attribute and index with itself.
#[derive(Debug)]
struct Sample;

impl Object for Sample {
    /// Printed as itself, not as the list or map that it also is.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Self))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(vec![Value::from("sample"), Value::from("sample")])
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sample")
    }
}
