//! What is judged: a record, seen through the names that prompts use.
//!
//! Data sets name the same thing differently. A prompt asks for `question` and `answer`; [`Item`] finds them
//! under `problem` and `response`, splits an answer into steps, and reads `response_a` and `response_b` as a
//! list of answers. The record itself is never changed: mapped names, filled-in values and other orders of
//! answers are an overlay over it.
//!
//! | module | what it holds |
//! |---|---|
//! | `names` | tables of synonyms, and a guess at unknown names |
//! | `fields` | mapped and filled-in fields, paths into nested values |
//! | `values` | values: blank or filled, their type, their steps |
//! | `messages` | values and conversations as text |
//! | `splitting` | rules that cut a text into steps |
//! | `order` | compared answers in another order |
//! | `picked` | one answer alone, or a few of many |
//! | `criterion`, `rubric_shapes`, `criteria` | one criterion; rubrics in the shapes in which they are published; those of a record |
//! | `missing` | the error of a record that lacks a field |

mod criteria;
mod criterion;
mod fields;
mod messages;
mod missing;
mod names;
mod order;
mod picked;
mod rubric_shapes;
mod splitting;
mod values;

pub use fields::FieldMap;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use names::is_read_anyway;
#[cfg(feature = "config")]
#[cfg(feature = "config")]
pub(crate) use rubric_shapes::is_criterion;
pub use {criteria::Criteria, criterion::Criterion, splitting::Splitting};
pub(crate) use {
    messages::{Turn, holds_images, reads_as_text, turns},
    names::{FieldPurpose, is_answer, is_id, is_list, looks_like, names_answer, names_answers},
    values::{is_noncharacter, kind_of, text_length},
};
#[doc(hidden)]
pub use {
    messages::{text_of, transcript},
    names::{are_synonyms, is_known},
    values::{is_filled, split_steps},
};

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value};

use self::{
    names::{
        ANSWER, ANSWERS, AUTHORS, INSTRUCTION, OWN_IDS, PAIRS, SHARED_IDS, group_of, side_of,
        winners,
    },
    rubric_shapes::{PARTS, is_rubric},
    values::clean,
};
use crate::error::{Error, ErrorKind, Result};

/// The field that holds the criteria of a record.
pub(crate) const CRITERIA: &str = "criteria";

/// One record to be judged: named JSON values, each of which may be read under several names.
///
/// A prompt may ask for any name. The record's own field of that name wins; otherwise a synonym is read:
/// `question`, `problem` and `prompt` are synonyms. A blank field (null, an empty text or list) never wins over a
/// filled synonym.
///
/// Cloning is cheap: clones share the record.
///
/// ```
/// use tribunal::Item;
///
/// let item = Item::new().question("2 + 2?").answer("4");
/// assert_eq!(item.text("problem").as_deref(), Some("2 + 2?"));
/// assert_eq!(item.text("response").as_deref(), Some("4"));
/// ```
///
/// Any JSON object is an item, and so is any type that serialises to one ([`from_serialize`](Self::from_serialize)):
///
/// ```
/// use serde_json::json;
/// use tribunal::Item;
///
/// let item = Item::from(json!({"id": "q7", "chosen": "Paris", "rejected": "Lyon"}));
/// assert_eq!(item.id().as_deref(), Some("q7"));
/// assert_eq!(item.candidates(), ["Paris", "Lyon"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    record: Arc<Map<String, Value>>,
    /// Fields that are read in place of the record's own: mapped names, filled-in values, answers in another
    /// order.
    overlay: Map<String, Value>,
    /// How many noncharacters were removed; see [`Item::cleaned`].
    cleaned: usize,
}

/// Which of the item's own fields give the value of a prompt's field.
enum FieldSource<'n> {
    /// The field of this name.
    Own(&'n str),
    /// Two fields as one text with a blank line between them: an instruction and its input.
    Joined(&'n str, &'n str),
    /// Two fields as a list of two answers.
    Pair(&'n str, &'n str),
    /// One entry of a list of answers, by its 0-based index.
    Entry(&'n str, usize),
    /// The steps of the answer, which these fields give.
    Split(Vec<&'n str>),
}

impl<'n> FieldSource<'n> {
    /// The fields that are read.
    fn names(self) -> Vec<&'n str> {
        match self {
            Self::Own(name) | Self::Entry(name, _) => vec![name],
            Self::Joined(one, two) | Self::Pair(one, two) => vec![one, two],
            Self::Split(names) => names,
        }
    }
}

impl Item {
    /// The names of the models that wrote the answers, in the fields under which data sets hold them (`model`, `author`,
    /// `generator`, `model_a`, …). Whether they are names of models is not checked.
    #[doc(hidden)]
    pub fn authors(&self) -> Vec<&str> {
        let fields = AUTHORS.iter().filter_map(|name| self.record().get(*name));
        let texts = fields.flat_map(|value| match value {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        });
        texts.filter_map(Value::as_str).filter(|name| !name.trim().is_empty()).collect()
    }

    /// An item without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// An item of anything that serialises to a JSON object.
    ///
    /// # Errors
    /// The value serialises to something else than an object, or not at all
    /// ([`ErrorKind::Record`]).
    pub fn from_serialize(record: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(record) {
            Ok(Value::Object(record)) => Ok(Self::from(record)),
            Ok(other) => Err(Error::new(
                ErrorKind::Record,
                format!("a record is a JSON object, and this is {}", kind_of(&other)),
            )),
            Err(cause) => {
                Err(Error::new(ErrorKind::Record, "the record cannot be written as JSON")
                    .because(cause))
            }
        }
    }

    /// The same item with this value in the field `name`, in place of any that was there.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut value = value.into();
        self.cleaned += clean(&mut value);
        Arc::make_mut(&mut self.record).insert(name.into(), value);
        self
    }

    /// The same item with this identifier (field `id`), which [`id`](Self::id) returns and result lines repeat.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.set(OWN_IDS[0], id.into())
    }

    /// The same item with this question (field `question`).
    #[must_use]
    pub fn question(self, text: impl Into<String>) -> Self {
        self.set("question", text.into())
    }

    /// The same item with this answer to be judged (field `answer`).
    #[must_use]
    pub fn answer(self, text: impl Into<String>) -> Self {
        self.set("answer", text.into())
    }

    /// The same item with these answers to be compared (field `answers`), in the order of the record.
    #[must_use]
    pub fn answers<T: Into<String>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        self.set("answers", texts.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// The same item with an answer that is known to be right (field `reference`).
    #[must_use]
    pub fn reference(self, text: impl Into<String>) -> Self {
        self.set("reference", text.into())
    }

    /// The same item with a rubric: what a good answer must do (field `rubric`).
    #[must_use]
    pub fn rubric(self, text: impl Into<String>) -> Self {
        self.set("rubric", text.into())
    }

    /// The same item in which `new` is read from the record's field `old`.
    ///
    /// `old` may be a path into nested values, with the names and 0-based indexes separated by dots; negative
    /// indexes count from the end: `output.message.content`, `choices.0.text`, `messages.-1.content`.
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

    /// The value of the record's own field `path`, or at this path into nested values; synonyms do not count.
    ///
    /// # Errors
    /// The record has no such field: the error names those that it has, and the near one.
    #[cfg(feature = "cli")]
    pub fn at(&self, path: &str) -> Result<&Value> {
        fields::at_path(&self.record, path)
    }

    /// The same item with `value` in the field `name`, whatever the record holds there. The record itself
    /// stays as it is.
    #[must_use]
    pub fn filled(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut value = value.into();
        self.cleaned += clean(&mut value);
        self.overlay.insert(name.to_owned(), value);
        self
    }

    /// The same item with another answer, under every name under which the item has one. Its steps are those
    /// of the new text.
    #[must_use]
    pub fn revised(&self, answer: &str) -> Self {
        let own = ANSWER.iter().filter(|name| **name == ANSWER[0] || self.own(name).is_some());
        let revised = own.fold(self.clone(), |item, name| item.filled(name, answer));
        revised.filled("steps", Value::Null)
    }

    /// The record's identifier: its own, or one that several records may share, such as `question_id`.
    pub fn id(&self) -> Option<String> {
        let shared = || SHARED_IDS.iter().find_map(|name| self.own(name)).map(text_of);
        self.own_id().or_else(shared)
    }

    /// The identifier that no other record of a run may have: `id`, `uid` or `sample_id`. That of a question
    /// does not count, since several records may be about one question.
    pub fn own_id(&self) -> Option<String> {
        let ids = OWN_IDS.iter().filter_map(|name| self.own(name)).map(text_of);
        ids.into_iter().find(|id| !id.is_empty())
    }

    /// The fields of the record as it was read, without mapped and filled-in ones.
    pub fn record(&self) -> &Map<String, Value> {
        &self.record
    }

    /// How many Unicode noncharacters (U+FDD0 to U+FDEF) were removed from the record's texts.
    ///
    /// Inside a prompt they mark the origin of each piece of text, so a record must not contain any.
    pub fn cleaned(&self) -> usize {
        self.cleaned
    }

    /// The value that a prompt gets for the field `name`; `None` if the record holds nothing for it.
    ///
    /// The record's own field of that name wins, unless it is blank and a synonym is filled. `instruction` is
    /// joined with its `input`; `answers` may be two fields side by side; `steps` may be those of the answer.
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

    /// The item's own fields from which a prompt's field `name` is read, in order; empty if there is none.
    pub fn sources<'n>(&self, name: &'n str) -> Vec<&'n str> {
        self.source(name).map(FieldSource::names).unwrap_or_default()
    }

    /// How a prompt's field `name` is read from this item.
    fn source<'n>(&self, name: &'n str) -> Option<FieldSource<'n>> {
        let own = self.named(name);
        let pair = if ANSWERS.contains(&name) { self.pair() } else { None };
        match (own, pair) {
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
        if name == CRITERIA {
            return self.rubric_field().map(FieldSource::Own);
        }
        let side = side_of(name)?;
        match (self.listed(), self.pair()) {
            (Some((list, entries)), _) => entries.get(side).map(|_| FieldSource::Entry(list, side)),
            (None, Some(pair)) => Some(FieldSource::Own(if side == 0 { pair.0 } else { pair.1 })),
            (None, None) => self.source("answer").filter(|_| side == 0),
        }
    }

    /// The field that `name` refers to: the field of that name, or a synonym. Mapped and filled-in fields
    /// come before the record's, and blank fields last.
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

    /// An instruction is read together with its input (as in Alpaca, Taori et al. 2023), unless the prompt
    /// names one of the two itself.
    fn with_input<'n>(&self, name: &str, own: &'n str) -> FieldSource<'n> {
        let (instruction, input) = INSTRUCTION;
        let one_of_them = name == instruction || name == input;
        let joins = own == instruction && !one_of_them;
        match self.own(input).filter(|value| joins && value.is_string() && is_filled(value)) {
            Some(_) => FieldSource::Joined(own, input),
            None => FieldSource::Own(own),
        }
    }

    /// The value of a prompt's field as text; see [`text_of`].
    pub fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|value| text_of(&value))
    }

    /// The answers to be judged or compared, in the order of the record; empty if there is none.
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

    /// How many [candidates](Self::candidates) there are.
    pub(crate) fn answer_count(&self) -> usize {
        match (self.listed(), self.pair()) {
            (Some((_, entries)), _) => entries.len(),
            (None, Some(_)) => 2,
            (None, None) => usize::from(self.field("answer").is_some()),
        }
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

    /// The list of answers and the field that holds it.
    fn listed(&self) -> Option<(&'static str, &Vec<Value>)> {
        let list = |name: &&'static str| {
            self.own(name)?.as_array().filter(|list| !list.is_empty()).map(|list| (*name, list))
        };
        self.names_any(|name| ANSWERS.contains(&name))?;
        let laid_over = ANSWERS.iter().filter(|name| self.overlay.contains_key(**name));
        laid_over.chain(ANSWERS).find_map(list)
    }

    /// The steps of the answer: the entries of the field `steps`, or the answer's paragraphs, or its
    /// lines (see [`split_steps`]). Steps are counted from 0.
    pub fn steps(&self) -> Vec<String> {
        match self.field("steps").as_deref() {
            Some(Value::Array(steps)) => steps.iter().map(text_of).collect(),
            Some(other) => split_steps(&text_of(other)),
            None => Vec::new(),
        }
    }

    /// The retrieved passages, in the order of the record; a single text is one passage. Empty if there is none.
    pub fn contexts(&self) -> Vec<Value> {
        match self.field("contexts").as_deref() {
            Some(Value::Array(all)) => all.clone(),
            Some(one) if is_filled(one) => vec![one.clone()],
            _ => Vec::new(),
        }
    }

    /// The field that holds criteria under another name: a rubric that is a list or a tree, or the record itself if
    /// it is a tree.
    fn rubric_field(&self) -> Option<&'static str> {
        let rubric = ["rubric"].into_iter().find(|name| self.own(name).is_some_and(is_rubric));
        let is_tree = || self.own(PARTS).is_some_and(Value::is_array);
        rubric.or_else(|| is_tree().then_some(PARTS))
    }

    /// Whether the record holds criteria with weights or other keys of their own, as the published rubrics do.
    pub(crate) fn has_rubric(&self) -> bool {
        self.field(CRITERIA).is_some_and(|value| is_rubric(&value))
    }

    /// Whether the item holds a list of answers, or two fields with one answer each.
    pub(crate) fn has_answers(&self) -> bool {
        self.listed().is_some() || self.pair().is_some()
    }

    /// Whether the answers have the names of preference data (`chosen`, `rejected`), where the better one
    /// always comes first: their order would give the verdict away.
    pub fn names_the_winner(&self) -> bool {
        winners().any(|(one, two)| self.own(one).is_some() && self.own(two).is_some())
    }

    /// Whether the item has a field of exactly this name that is not null; synonyms do not count.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.own(name).is_some()
    }

    /// The value of the field of exactly this name, the overlay first; null counts as absent.
    fn own(&self, name: &str) -> Option<&Value> {
        let value = self.overlay.get(name).or_else(|| self.record.get(name));
        value.filter(|value| !value.is_null())
    }

    /// `Some` if any field has a name of this kind. The few names of a record are looked at faster than many names are
    /// looked up in it.
    fn names_any(&self, is_kind: impl Fn(&str) -> bool) -> Option<()> {
        let mut names = self.overlay.keys().chain(self.record.keys());
        names.any(|name| is_kind(name)).then_some(())
    }

    /// The two fields that hold one answer each, where the item has such a pair.
    fn pair(&self) -> Option<(&'static str, &'static str)> {
        self.names_any(|name| side_of(name).is_some())?;
        PAIRS.into_iter().find(|(one, two)| self.own(one).is_some() && self.own(two).is_some())
    }
}

/// The fields of a JSON object as a record, noncharacters removed.
impl From<Map<String, Value>> for Item {
    fn from(record: Map<String, Value>) -> Self {
        let mut record = Value::Object(record);
        let cleaned = clean(&mut record);
        let Value::Object(record) = record else { return Self::default() };
        Self { record: Arc::new(record), overlay: Map::new(), cleaned }
    }
}

/// An object becomes the record; any other value becomes the field `answer`.
impl From<Value> for Item {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(record) => Self::from(record),
            other => Self::new().set("answer", other),
        }
    }
}

#[cfg(test)]
mod tests;
