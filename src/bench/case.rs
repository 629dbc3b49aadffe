//! A record of a benchmark as a case: what is judged, and what is known about it.

use std::{borrow::Cow, collections::BTreeMap};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::{Item, reads_as_text, text_of},
    verdict::Preference,
};

/// One record of a benchmark: what is judged, and what is known about it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Case {
    /// Its name, which result lines repeat.
    pub id: String,
    /// The part of the benchmark that it belongs to; empty if there is only one.
    pub subset: String,
    /// The question or problem.
    pub question: String,
    /// The answers that are compared or rated; empty where the steps of one solution are judged.
    pub answers: Vec<String>,
    /// The steps of the solution, where they are judged.
    pub steps: Vec<String>,
    /// The pairs of answers that the benchmark compares, by their 0-based places.
    pub pairs: Vec<(usize, usize)>,
    /// Whether answers can only be rated, each by itself: the benchmark has no comparison for this record.
    pub only_rated: bool,
    /// What is known to be right.
    pub gold: Gold,
    /// What else the figures need: lengths, models, numbers of the source.
    pub facts: BTreeMap<&'static str, Value>,
}

/// The 0-based index of the first wrong step; `None` if every step is right.
pub(super) type FirstError = Option<usize>;

/// What is known to be right about a case.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Gold {
    /// Nothing: the figure needs no label.
    #[default]
    Nothing,
    /// Which of two answers is better.
    Preference(Preference),
    /// Whether each answer is right.
    Right(Vec<bool>),
    /// A number for each answer, as its source gives it.
    Values(Vec<f64>),
    /// The 0-based index of the first wrong step; `None` if every step is right.
    FirstError(FirstError),
    /// Whether each step is right; `None` for a step that is neither.
    Steps(Vec<Option<bool>>),
}

impl Case {
    /// The case with this part of the benchmark.
    pub(super) fn within(self, subset: impl Into<String>) -> Self {
        Self { subset: subset.into(), ..self }
    }

    /// The case with this label.
    pub(super) fn known(self, gold: Gold) -> Self {
        Self { gold, ..self }
    }

    /// The case with these comparisons.
    pub(super) fn compared(self, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self { pairs: pairs.into_iter().collect(), ..self }
    }

    /// The case with one more fact.
    pub(super) fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name, value.into());
        self
    }

    /// A fact as a text; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.facts.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The better one of two answers, where it is known.
    pub(super) fn preference(&self) -> Option<Preference> {
        match self.gold {
            Gold::Preference(side) => Some(side),
            _ => None,
        }
    }

    /// The first wrong step, where it is known.
    pub(super) fn first_error(&self) -> Option<FirstError> {
        match &self.gold {
            Gold::FirstError(index) => Some(*index),
            _ => None,
        }
    }

    /// Whether one answer alone is first without a comparison, and its number is known.
    pub(super) fn is_settled(&self) -> bool {
        self.answers.len() == 1 && !self.only_rated && matches!(self.gold, Gold::Values(_))
    }

    /// The number of each answer; right ones have 1 and wrong ones 0.
    pub(super) fn values(&self) -> Vec<f64> {
        match &self.gold {
            Gold::Values(values) => values.clone(),
            Gold::Right(right) => right.iter().map(|right| f64::from(u8::from(*right))).collect(),
            _ => Vec::new(),
        }
    }
}

/// The fields of one record, with errors that say what is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'r> {
    item: &'r Item,
    /// The name of the record.
    id: &'r str,
}

impl<'r> Fields<'r> {
    /// The fields of this record, which is called `id`.
    pub(super) fn new(item: &'r Item, id: &'r str) -> Self {
        Self { item, id }
    }

    /// A field that may be missing or blank.
    pub(super) fn find(&self, name: &str) -> Option<Value> {
        self.item.field(name).filter(|value| crate::item::is_filled(value)).map(Cow::into_owned)
    }

    /// Whether the record has a field, which may be empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.item.field(name).is_some()
    }

    /// A field.
    ///
    /// # Errors
    /// The record does not have it, or it is null.
    pub(super) fn value(&self, name: &str) -> Result<Value> {
        let value = self.item.field(name).filter(|value| !value.is_null());
        value.map(Cow::into_owned).ok_or_else(|| {
            let error = Error::new(ErrorKind::Record, format!("the record has no field `{name}`"));
            error.hint(Hint::from("name yours: ").setting("map", format!("{name}=my_field")))
        })
    }

    /// A field as an object, or as the JSON of one: a table has no objects.
    ///
    /// # Errors
    /// The record does not have it, or it is a text in braces that is no JSON.
    pub(super) fn object(&self, name: &str) -> Result<Value> {
        match self.value(name)? {
            Value::String(text) if is_within(&text, ['{', '}']) => self.json(name, &text),
            other => Ok(other),
        }
    }

    /// The value of a text that is JSON.
    fn json<T: DeserializeOwned>(&self, name: &str, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|_| {
            let error = self.wrong(name, "a list or an object in a text that is no JSON");
            error.hint(r#"write it as JSON, such as ["a", "b"], or the records as JSONL"#)
        })
    }

    /// A field as a text.
    ///
    /// # Errors
    /// The record does not have it, or it is a list or an object that is no message.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        self.as_text(name, &self.value(name)?)
    }

    /// A value of a field as a text; a conversation becomes a text too.
    ///
    /// # Errors
    /// It is null, or a list or an object of other things.
    fn as_text(&self, name: &str, value: &Value) -> Result<String> {
        let what = match value {
            Value::Null => "null",
            Value::Array(_) if !reads_as_text(value) => "a list",
            Value::Object(_) if !reads_as_text(value) => "an object",
            _ => return Ok(text_of(value)),
        };
        Err(self.wrong(name, &format!("{what} where a text belongs")))
    }

    /// The text of an answer: a text, or the one inside of an object with the name of its model.
    ///
    /// # Errors
    /// The record does not have it, or it is no answer.
    pub(super) fn answer(&self, name: &str) -> Result<String> {
        self.as_answer(name, &self.value(name)?)
    }

    fn as_answer(&self, name: &str, value: &Value) -> Result<String> {
        let inner = ["answer", "content", "text"].iter().find_map(|name| value.get(name));
        self.as_text(name, inner.unwrap_or(value))
    }

    /// A field as a text; empty if it is missing.
    pub(super) fn text_or_empty(&self, name: &str) -> String {
        self.find(name).map(|value| text_of(&value)).unwrap_or_default()
    }

    /// A field as a list; one value is a list of one, and a text in brackets is the JSON of a list: a table has no lists.
    ///
    /// # Errors
    /// The record does not have it, or the text is no JSON.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Value>> {
        Ok(match self.value(name)? {
            Value::Array(list) => list,
            Value::String(text) if is_within(&text, ['[', ']']) => self.json(name, &text)?,
            one => vec![one],
        })
    }

    /// A field as a list of texts, at least one; of objects the text of the answer in them.
    ///
    /// # Errors
    /// The record does not have it, it is empty, or an entry is no answer.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let list = self.list(name)?;
        if list.is_empty() {
            return Err(self.wrong(name, "the list is empty"));
        }
        list.iter().map(|value| self.as_answer(name, value)).collect()
    }

    /// A field as a list of numbers of which each is one of `known`.
    ///
    /// # Errors
    /// The record does not have it, or an entry is another number or none.
    pub(super) fn labels(&self, name: &str, list: &[Value], known: &[f64]) -> Result<Vec<f64>> {
        let is_known = |number: &f64| known.iter().any(|one| (one - number).abs() < 1e-9);
        let label = |value: &Value| {
            let number = self.as_number(name, value)?;
            Some(number).filter(is_known).ok_or_else(|| {
                let all: Vec<String> = known.iter().map(ToString::to_string).collect();
                self.wrong(name, &format!("`{number}` is none of {}", all.join(", ")))
            })
        };
        list.iter().map(label).collect()
    }

    /// A field as a list of numbers; true is 1 and false is 0.
    ///
    /// # Errors
    /// The record does not have it, or an entry is not a number.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        self.list(name)?.iter().map(|value| self.as_number(name, value)).collect()
    }

    /// A field as a number.
    ///
    /// # Errors
    /// The record does not have it, or it is not a number.
    pub(super) fn number(&self, name: &str) -> Result<f64> {
        self.as_number(name, &self.value(name)?)
    }

    /// A value of a field as a number; true is 1 and false is 0.
    ///
    /// # Errors
    /// It is not a number.
    pub(super) fn as_number(&self, name: &str, value: &Value) -> Result<f64> {
        let number = match value {
            Value::Bool(is) => Some(f64::from(u8::from(*is))),
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.wrong(name, &format!("`{}` is not a number", text_of(value))))
    }

    /// The label of two answers: the words of `first`, `second` and `tie`, compared without case.
    ///
    /// # Errors
    /// The field is missing, or is none of these words.
    pub(super) fn side(
        &self,
        name: &str,
        first: &[&str],
        second: &[&str],
        tie: &[&str],
    ) -> Result<Preference> {
        let word = self.text(name)?;
        // Tables turn whole numbers into `1.0` where some rows have none.
        let plain = word.trim().strip_suffix(".0").unwrap_or(word.trim());
        let is_one = |words: &[&str]| words.iter().any(|one| one.eq_ignore_ascii_case(plain));
        match (is_one(first), is_one(second), is_one(tie)) {
            (true, ..) => Ok(Preference::First),
            (_, true, _) => Ok(Preference::Second),
            (.., true) => Ok(Preference::Tie),
            _ => {
                let known = [first, second, tie].concat().join("`, `");
                Err(self.wrong(name, &format!("`{word}` is none of `{known}`")))
            }
        }
    }

    /// An error about the value of a field.
    pub(super) fn wrong(&self, name: &str, why: &str) -> Error {
        Error::new(ErrorKind::Record, format!("the field `{name}` of `{}`: {why}", self.id))
    }

    /// A case with this question and these answers.
    pub(super) fn answers(&self, question: String, answers: Vec<String>) -> Case {
        Case { id: self.id.to_owned(), question, answers, ..Case::default() }
    }

    /// A case of two answers that are compared.
    pub(super) fn pair(&self, question: String, first: String, second: String) -> Case {
        self.answers(question, vec![first, second]).compared([(0, 1)])
    }

    /// A case of two answers by the names of the fields: question, both answers, and the label with its words for the
    /// first, the second and a tie.
    ///
    /// # Errors
    /// A field is missing, or the label is none of these words.
    pub(super) fn labelled_pair(
        &self,
        [question, first, second, label]: [&str; 4],
        [one, two, tie]: [&[&str]; 3],
    ) -> Result<Case> {
        let pair = self.pair(self.text(question)?, self.text(first)?, self.text(second)?);
        Ok(pair.known(Gold::Preference(self.side(label, one, two, tie)?)))
    }

    /// A case with this problem and the steps of a solution.
    pub(super) fn solution(&self, question: String, steps: Vec<String>) -> Case {
        Case { id: self.id.to_owned(), question, steps, ..Case::default() }
    }

    /// Whether the record has a name that no other one has.
    pub(super) fn has_own_id(&self) -> bool {
        self.item.own_id().is_some()
    }

    /// The name of the record.
    pub(super) fn id(&self) -> &'r str {
        self.id
    }
}

/// Whether a text stands in these brackets.
fn is_within(text: &str, [open, close]: [char; 2]) -> bool {
    text.trim().starts_with(open) && text.trim().ends_with(close)
}

/// The text of a message, or of an object with a text.
pub(super) fn message_text(value: &Value) -> String {
    let inner = ["answer", "content", "text"].iter().find_map(|name| value.get(name));
    text_of(inner.unwrap_or(value))
}
