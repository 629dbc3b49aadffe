//! What is judged: a record seen through the names that prompts use.

mod fields;
mod messages;
mod names;

pub use {fields::FieldMap, messages::transcript};
pub(crate) use {
    messages::{holds_images, reads_as_text},
    names::{FieldPurpose, is_answer, looks_like},
};

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value};

use self::names::{
    ANSWER, ANSWERS, COMPANIONS, INSTRUCTION, MESSAGES, OWN_IDS, PAIRS, SHARED_IDS, SYNONYMS,
    group_of, partners, side_of, winners,
};
use crate::error::{Error, ErrorKind, Result};

/// A record whose fields go by several names.
///
/// A prompt may ask for any name. The record's own field of that name wins; else a field of the same
/// meaning is taken, so that `question`, `problem` and `prompt` fit one another.
///
/// ```
/// use tribunal::Item;
///
/// let item = Item::new().question("2 + 2?").answer("4");
/// assert_eq!(item.text("problem").as_deref(), Some("2 + 2?"));
/// assert_eq!(item.text("response").as_deref(), Some("4"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    record: Arc<Map<String, Value>>,
    /// Fields that stand over those of the record: mapped names, answers in another order.
    overlay: Map<String, Value>,
    cleaned: usize,
}

/// Where the value of a prompt's field comes from, by the item's own names.
enum FieldSource<'n> {
    /// The field of this name.
    Own(&'n str),
    /// Two fields as one text: an instruction and its input.
    Joined(&'n str, &'n str),
    /// Two answers side by side.
    Pair(&'n str, &'n str),
    /// One entry of a list.
    Entry(&'n str, usize),
    /// The steps of an answer, which has these names.
    Split(Vec<&'n str>),
}

impl<'n> FieldSource<'n> {
    fn names(self) -> Vec<&'n str> {
        match self {
            Self::Own(name) | Self::Entry(name, _) => vec![name],
            Self::Joined(one, two) | Self::Pair(one, two) => vec![one, two],
            Self::Split(names) => names,
        }
    }
}

impl Item {
    /// An item without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// An item of anything that serialises to a JSON object.
    pub fn from_serialize(record: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(record) {
            Ok(Value::Object(record)) => Ok(Self::from(record)),
            Ok(other) => Err(Error::new(
                ErrorKind::Record,
                format!("a record is a JSON object, and this is {}", kind_of(&other)),
            )),
            Err(cause) => {
                Err(Error::new(ErrorKind::Record, "the record is no JSON").because(cause))
            }
        }
    }

    /// Sets a field.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut value = value.into();
        self.cleaned += clean(&mut value);
        Arc::make_mut(&mut self.record).insert(name.into(), value);
        self
    }

    /// Sets the name of the record, which [`id`](Self::id) gives back.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.set(OWN_IDS[0], id.into())
    }

    /// Sets the question.
    #[must_use]
    pub fn question(self, text: impl Into<String>) -> Self {
        self.set("question", text.into())
    }

    /// Sets the answer that is judged.
    #[must_use]
    pub fn answer(self, text: impl Into<String>) -> Self {
        self.set("answer", text.into())
    }

    /// Sets the answers that are compared.
    #[must_use]
    pub fn answers<T: Into<String>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        self.set("answers", texts.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// Sets the answer that is known to be right.
    #[must_use]
    pub fn reference(self, text: impl Into<String>) -> Self {
        self.set("reference", text.into())
    }

    /// Sets the rubric.
    #[must_use]
    pub fn rubric(self, text: impl Into<String>) -> Self {
        self.set("rubric", text.into())
    }

    /// Lets `new` name the record's field `old` (`--map new=old`); `old` may lead into what is nested:
    /// `output.message.content`, `choices.0.text`, `messages.-1.content`.
    ///
    /// # Errors
    /// The record has no such field: the error names those that it has, and the near one.
    pub fn mapped(mut self, new: &str, old: &str) -> Result<Self> {
        let value = fields::at_path(&self.record, old)
            .map_err(|error| error.within(format_args!("`{new}` is read from `{old}`")))?
            .clone();
        self.overlay.insert(new.to_owned(), value);
        Ok(self)
    }

    /// The value of the record's field of this name, or at this path into what is nested.
    ///
    /// # Errors
    /// The record has no such field: the error names those that it has, and the near one.
    #[cfg(feature = "cli")]
    pub fn at(&self, path: &str) -> Result<&Value> {
        fields::at_path(&self.record, path)
    }

    /// Lets every prompt see `value` as the field `name`, whatever the record holds there (`--set`).
    #[must_use]
    pub fn filled(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut value = value.into();
        self.cleaned += clean(&mut value);
        self.overlay.insert(name.to_owned(), value);
        self
    }

    /// The same item with another answer, under every name that it has for one; its steps are those of
    /// the new text.
    #[must_use]
    pub fn revised(&self, answer: &str) -> Self {
        let own = ANSWER.iter().filter(|name| **name == ANSWER[0] || self.own(name).is_some());
        let revised = own.fold(self.clone(), |item, name| item.filled(name, answer));
        revised.filled("steps", Value::Null)
    }

    /// The record's name, where it has one.
    pub fn id(&self) -> Option<String> {
        let shared = || SHARED_IDS.iter().find_map(|name| self.own(name)).map(text_of);
        self.own_id().or_else(shared)
    }

    /// The name that no other record of a run may have: `id`, `uid` or `sample_id`, but not that of a
    /// question, which several records may be about.
    pub fn own_id(&self) -> Option<String> {
        let ids = OWN_IDS.iter().filter_map(|name| self.own(name)).map(text_of);
        ids.into_iter().find(|id| !id.is_empty())
    }

    /// The record as it was read.
    pub fn record(&self) -> &Map<String, Value> {
        &self.record
    }

    /// How many Unicode noncharacters were taken out of the record's texts.
    ///
    /// They mark who wrote what inside a prompt, so no record may bring its own.
    pub fn cleaned(&self) -> usize {
        self.cleaned
    }

    /// The value that a prompt means by `name`.
    ///
    /// The record's own field of that name wins, unless it is blank and one of the same meaning is not.
    pub fn field(&self, name: &str) -> Option<Cow<'_, Value>> {
        Some(match self.source(name)? {
            FieldSource::Own(name) => Cow::Borrowed(self.own(name)?),
            FieldSource::Joined(one, two) => {
                let texts = [text_of(self.own(one)?), text_of(self.own(two)?)];
                Cow::Owned(texts.join("\n\n").into())
            }
            FieldSource::Pair(one, two) => {
                Cow::Owned(vec![self.own(one)?.clone(), self.own(two)?.clone()].into())
            }
            FieldSource::Entry(list, index) => Cow::Borrowed(self.own(list)?.get(index)?),
            FieldSource::Split(_) => Cow::Owned(split_steps(&self.text("answer")?).into()),
        })
    }

    /// The item's own names of what a prompt means by `name`.
    pub fn sources<'n>(&self, name: &'n str) -> Vec<&'n str> {
        self.source(name).map(FieldSource::names).unwrap_or_default()
    }

    fn source<'n>(&self, name: &'n str) -> Option<FieldSource<'n>> {
        let own = self.named(name);
        let pair = || self.pair().filter(|_| ANSWERS.contains(&name));
        match (own, pair()) {
            (Some(own), None) => return Some(self.with_input(name, own)),
            (Some(own), Some(_)) if self.own(own).is_some_and(is_filled) => {
                return Some(FieldSource::Own(own));
            }
            (_, Some((one, two))) => return Some(FieldSource::Pair(one, two)),
            (None, None) => (),
        }
        if name == "steps" {
            return Some(FieldSource::Split(self.sources("answer")));
        }
        let side = side_of(name)?;
        match (self.listed(), self.pair()) {
            (Some((list, entries)), _) => entries.get(side).map(|_| FieldSource::Entry(list, side)),
            (None, Some(pair)) => Some(FieldSource::Own(if side == 0 { pair.0 } else { pair.1 })),
            (None, None) => self.source("answer").filter(|_| side == 0),
        }
    }

    /// The own name of what is meant by `name`: that name, or one of the same meaning. What was mapped or
    /// filled in goes before other names of the record, and what is blank goes last.
    fn named<'n>(&self, name: &'n str) -> Option<&'n str> {
        let group = || group_of(name).iter().copied().filter(|other| *other != name);
        let laid_over = |name: &&str| self.overlay.get(*name).is_some_and(|value| !value.is_null());
        let filled = |name: &&str| self.own(name).is_some_and(is_filled);
        let there = |name: &&str| self.own(name).is_some();
        let exact = Some(name).filter(|name| laid_over(name) || filled(name));
        exact
            .or_else(|| group().find(laid_over))
            .or_else(|| group().find(filled))
            .or_else(|| Some(name).filter(there))
            .or_else(|| group().find(there))
    }

    /// An instruction is asked with its input, unless one of the two is meant by its own name.
    fn with_input<'n>(&self, name: &str, own: &'n str) -> FieldSource<'n> {
        let (instruction, input) = INSTRUCTION;
        let one_of_them = name == instruction || name == input;
        let joins = own == instruction && !one_of_them;
        match self.own(input).filter(|value| joins && value.is_string() && is_filled(value)) {
            Some(_) => FieldSource::Joined(own, input),
            None => FieldSource::Own(own),
        }
    }

    /// The value of a field as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|value| text_of(&value))
    }

    /// The answers to be compared, one or more.
    pub fn candidates(&self) -> Vec<Value> {
        let pair = || {
            let (one, two) = self.pair()?;
            Some(vec![self.own(one)?.clone(), self.own(two)?.clone()])
        };
        self.listed()
            .map(|(_, entries)| entries.clone())
            .or_else(pair)
            .or_else(|| self.field("answer").map(|answer| vec![answer.into_owned()]))
            .unwrap_or_default()
    }

    /// Whether one of the answers to be compared is blank.
    #[cfg(feature = "cli")]
    pub(crate) fn has_blank_answer(&self) -> bool {
        let blank = |name: &str| self.own(name).is_some_and(|answer| !is_filled(answer));
        match (self.listed(), self.pair()) {
            (Some((_, entries)), _) => entries.iter().any(|answer| !is_filled(answer)),
            (None, Some((one, two))) => blank(one) || blank(two),
            (None, None) => self.field("answer").is_some_and(|answer| !is_filled(&answer)),
        }
    }

    /// A list of answers, and its name.
    fn listed(&self) -> Option<(&'static str, &Vec<Value>)> {
        let list = |name: &&'static str| {
            self.own(name)?.as_array().filter(|list| !list.is_empty()).map(|list| (*name, list))
        };
        let laid_over = ANSWERS.iter().filter(|name| self.overlay.contains_key(**name));
        laid_over.chain(ANSWERS).find_map(list)
    }

    /// The steps of the answer: the field `steps`, else the answer's paragraphs, else its lines.
    pub fn steps(&self) -> Vec<String> {
        match self.field("steps").as_deref() {
            Some(Value::Array(steps)) => steps.iter().map(text_of).collect(),
            Some(other) => split_steps(&text_of(other)),
            None => Vec::new(),
        }
    }

    /// Named criteria: those of a mapping by name, those of a list by their texts.
    pub fn criteria(&self) -> Vec<(String, String)> {
        match self.field("criteria").as_deref() {
            Some(Value::Object(map)) => {
                map.iter().map(|(name, text)| (name.clone(), text_of(text))).collect()
            }
            Some(Value::Array(list)) => {
                list.iter().map(|text| (text_of(text), text_of(text))).collect()
            }
            Some(one) => vec![(text_of(one), text_of(one))],
            None => Vec::new(),
        }
    }

    /// Whether the record holds several answers side by side, or a list of them.
    pub(crate) fn has_answers(&self) -> bool {
        self.listed().is_some() || self.pair().is_some()
    }

    /// Whether the answers go by the names of a preference record, which always holds the better first.
    pub fn names_the_winner(&self) -> bool {
        winners().any(|(one, two)| self.own(one).is_some() && self.own(two).is_some())
    }

    /// The same item with its answers in another order, under every name, with their companions.
    ///
    /// `order[i]` is the place in the item of the answer that is shown as number `i`.
    #[must_use]
    pub fn permuted(&self, order: &[usize]) -> Self {
        let mut shown = self.clone();
        if order.iter().enumerate().all(|(i, &from)| i == from) {
            return shown;
        }
        for name in ANSWERS.iter().chain(&COMPANIONS) {
            let Some(Value::Array(list)) = self.own(name) else { continue };
            // The steps of one answer are a list too, but a list of texts.
            let of_all = *name != "steps" || list.iter().all(Value::is_array);
            if list.len() == order.len() && of_all {
                let moved: Vec<_> = order.iter().filter_map(|&i| list.get(i).cloned()).collect();
                shown.overlay.insert((*name).to_owned(), moved.into());
            }
        }
        if order == [1, 0] {
            self.swap_sides(&mut shown.overlay);
        }
        shown
    }

    fn swap_sides(&self, overlay: &mut Map<String, Value>) {
        for name in self.record.keys().chain(self.overlay.keys()) {
            let other = partners(name).into_iter().find(|other| self.own(other).is_some());
            if let (Some(other), Some(one)) = (other, self.own(name)) {
                let two = self.own(&other).cloned().unwrap_or_default();
                overlay.insert(other, one.clone());
                overlay.insert(name.clone(), two);
            }
        }
    }

    /// Whether there is a field of exactly this name, in the record or laid over it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.own(name).is_some()
    }

    fn own(&self, name: &str) -> Option<&Value> {
        let value = self.overlay.get(name).or_else(|| self.record.get(name));
        value.filter(|value| !value.is_null())
    }

    /// The names of two answers side by side.
    fn pair(&self) -> Option<(&'static str, &'static str)> {
        PAIRS.into_iter().find(|(one, two)| self.own(one).is_some() && self.own(two).is_some())
    }

    /// The error of a record without this field, naming what it has.
    pub(crate) fn lacks(&self, name: &str) -> Error {
        if self.record.contains_key(name) || self.overlay.contains_key(name) {
            let message =
                format!("the record's field `{name}` is empty, or not what is wanted there");
            return Error::new(ErrorKind::Record, message);
        }
        let error = Error::new(ErrorKind::Record, format!("the record has no field `{name}`"));
        match self.other_kind(name) {
            Some(hint) => error.hint(hint),
            None => error.hint(self.proposal(name)),
        }
    }

    /// What to do with a record that has one answer where several are compared, or the other way round.
    fn other_kind(&self, name: &str) -> Option<String> {
        let talks = self.field("messages").is_some();
        let (holds, prompt) = match (name, self.candidates().len()) {
            ("answer", 2) => ("two answers: -p pair compares them", "pair"),
            ("answer", 3..) => ("several answers: -p rank compares them", "rank"),
            ("answer" | "answers", 0) if talks => {
                ("a conversation: -p trajectory judges it", "trajectory")
            }
            ("answers" | "messages", 1) => ("one answer: -p score judges it", "score"),
            _ => return None,
        };
        Some(format!(
            "this record holds {holds}; without -p the first record chooses the prompt of all, so that records \
             for `{prompt}` need a file of their own"
        ))
    }

    /// What the record has, and how it may be mapped.
    fn proposal(&self, name: &str) -> String {
        const SHOWN: usize = 20;
        let names: Vec<&str> =
            self.record.keys().chain(self.overlay.keys()).map(String::as_str).collect();
        if names.is_empty() {
            return "the record is empty".into();
        }
        if let Some(near) = crate::error::near(name, names.iter().copied()) {
            return format!("use it by another name: {}", self.mapping(name, near));
        }
        let known = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join("`, `");
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match self.looking_like(looks_like(name)) {
            Some(found) => format!("it has `{known}`{more}; try {}", self.mapping(name, found)),
            None => format!("it has `{known}`{more}; --map {name}=FIELD names the one to use"),
        }
    }

    /// `--map answer=found`, and the question beside it where the record seems to have one.
    fn mapping(&self, name: &str, found: &str) -> String {
        let asks = name == "answer" && self.field("question").is_none();
        let question =
            self.looking_like(Some(FieldPurpose::Question)).filter(|other| asks && *other != found);
        let question = question.map(|other| format!(" --map question={other}"));
        format!("--map {name}={found}{}", question.unwrap_or_default())
    }

    /// The first filled field whose name seems to mean this.
    fn looking_like(&self, meaning: Option<FieldPurpose>) -> Option<&str> {
        let meaning = meaning?;
        let fits = |(name, value): &(&String, &Value)| {
            is_filled(value) && looks_like(name) == Some(meaning)
        };
        self.record.iter().find(fits).map(|(name, _)| name.as_str())
    }
}

impl From<Map<String, Value>> for Item {
    fn from(record: Map<String, Value>) -> Self {
        let mut record = Value::Object(record);
        let cleaned = clean(&mut record);
        let Value::Object(record) = record else { return Self::default() };
        Self { record: Arc::new(record), overlay: Map::new(), cleaned }
    }
}

/// An object is a record; any other value is taken as the answer.
impl From<Value> for Item {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(record) => Self::from(record),
            other => Self::new().set("answer", other),
        }
    }
}

/// Whether prompts know a field of this name, or of its meaning.
pub fn is_known(name: &str) -> bool {
    let companion = ["steps", "rubric", "label"];
    SYNONYMS.iter().any(|names| names.contains(&name))
        || PAIRS.iter().any(|(a, b)| *a == name || *b == name)
        || OWN_IDS.contains(&name)
        || companion.contains(&name)
}

/// Whether a field of this name holds a list, so that a table may hold it as JSON.
pub(crate) fn is_list(name: &str) -> bool {
    [ANSWERS, MESSAGES].iter().any(|names| names.contains(&name)) || COMPANIONS.contains(&name)
}

/// Whether a field of this name shows the answers, or one of several.
pub(crate) fn names_answers(name: &str) -> bool {
    ANSWERS.contains(&name) || side_of(name).is_some()
}

/// Whether a field of this name shows the one answer.
pub(crate) fn names_answer(name: &str) -> bool {
    ANSWER.contains(&name)
}

/// Whether records are named by a field of this name.
pub(crate) fn is_id(name: &str) -> bool {
    OWN_IDS.contains(&name) || SHARED_IDS.contains(&name)
}

/// Whether a field of this name is read without a prompt: it names a record, is compared with the verdict,
/// or goes with the answers.
#[cfg(feature = "cli")]
pub fn is_read_anyway(name: &str) -> bool {
    is_id(name) || name == "label" || COMPANIONS.contains(&name)
}

/// Whether two names have one meaning, so that only one of them is read.
pub fn are_synonyms(one: &str, other: &str) -> bool {
    let answers = |name: &str| ANSWERS.contains(&name) || is_answer(name) || name == "steps";
    one == other || group_of(one).contains(&other) || (answers(one) && answers(other))
}

/// Whether there is something in a value: neither null, nor a blank text, nor an empty list or object.
pub fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A text as it is, a conversation as it is read, anything else as JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => messages::as_spoken_text(other).unwrap_or_else(|| other.to_string()),
    }
}

/// `a number`, `a list` …, for messages.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Paragraphs between blank lines; where there are none, lines.
pub fn split_steps(text: &str) -> Vec<String> {
    let filled = |steps: Vec<String>| -> Vec<String> {
        steps.into_iter().filter(|step| !step.is_empty()).collect()
    };
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if !line.trim().is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(line.trim_end());
            }
            _ => paragraphs.push(String::new()),
        }
    }
    let paragraphs = filled(paragraphs);
    if paragraphs.len() > 1 {
        return paragraphs;
    }
    filled(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// Whether this character marks who wrote a text inside a prompt.
pub(crate) fn is_noncharacter(c: char) -> bool {
    ('\u{FDD0}'..='\u{FDEF}').contains(&c)
}

/// Takes noncharacters out of every text of a value, and counts them.
fn clean(value: &mut Value) -> usize {
    match value {
        Value::String(text) => {
            let found = text.chars().filter(|&c| is_noncharacter(c)).count();
            if found > 0 {
                text.retain(|c| !is_noncharacter(c));
            }
            found
        }
        Value::Array(list) => list.iter_mut().map(clean).sum(),
        Value::Object(map) => map.values_mut().map(clean).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
