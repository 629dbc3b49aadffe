//! What is judged: a record seen through the names that prompts use.

mod fields;
mod messages;

pub use {fields::FieldMap, messages::transcript};

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value};

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

/// Names of one meaning; the first is the one that people meet.
const SAME: [&[&str]; 7] = [
    &["question", "problem", "prompt", "instruction", "input", "query"],
    ANSWER,
    &["reference", "reference_answer", "expected", "expected_output", "ground_truth", "target"],
    &["criteria", "criterion"],
    &["context", "contexts", "passage", "document", "source"],
    MESSAGES,
    ANSWERS,
];

/// Names of the answer.
const ANSWER: &[&str] =
    &["answer", "response", "output", "completion", "solution", "submission", "generation"];

/// Names of a list of answers.
const ANSWERS: &[&str] =
    &["answers", "responses", "outputs", "completions", "candidates", "options"];

/// Names of two answers side by side.
const PAIRS: [(&str, &str); 8] = [
    ("response_a", "response_b"),
    ("answer_a", "answer_b"),
    ("response_A", "response_B"),
    ("output_1", "output_2"),
    ("answer_1", "answer_2"),
    ("response_1", "response_2"),
    ("completion_a", "completion_b"),
    ("chosen", "rejected"),
];

/// The words that tell the two apart in the names of their companions, such as `model_a` and `model_b`.
const SIDES: [(&str, &str); 4] = [("a", "b"), ("A", "B"), ("1", "2"), ("chosen", "rejected")];

/// Names under which records hold a conversation.
const MESSAGES: &[&str] = &["messages", "conversation", "conversations", "trajectory"];

/// Lists that go with the answers, one entry each.
const COMPANIONS: [&str; 3] = ["models", "steps", "images"];

/// Names under which records carry a name that no other record has.
const OWN_IDS: [&str; 3] = ["id", "uid", "sample_id"];

/// Names of what several records may be about: they serve where a record has no name of its own.
const SHARED_IDS: [&str; 3] = ["pair_id", "question_id", "qid"];

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
        let value = fields::at_path(&self.record, old)?.clone();
        self.overlay.insert(new.to_owned(), value);
        Ok(self)
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
    pub fn field(&self, name: &str) -> Option<Cow<'_, Value>> {
        let own = self.own(name);
        let same =
            || SAME.iter().find(|names| names.contains(&name))?.iter().find_map(|n| self.own(n));
        if let Some(value) = own.or_else(same) {
            return Some(Cow::Borrowed(value));
        }
        if ANSWERS.contains(&name) {
            return Some(Cow::Owned(self.pair()?.to_vec().into()));
        }
        if name == "steps" {
            return Some(Cow::Owned(split_steps(&self.text("answer")?).into()));
        }
        let side = PAIRS
            .iter()
            .find_map(|(a, b)| if *a == name { Some(0) } else { (*b == name).then_some(1) })?;
        self.candidates().get(side).cloned().map(Cow::Owned)
    }

    /// The value of a field as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|value| text_of(&value))
    }

    /// The answers to be compared, one or more.
    pub fn candidates(&self) -> Vec<Value> {
        let listed = ANSWERS.iter().find_map(|name| self.own(name)?.as_array().cloned());
        listed
            .or_else(|| self.pair().map(|pair| pair.to_vec()))
            .or_else(|| self.field("answer").map(|answer| vec![answer.into_owned()]))
            .unwrap_or_default()
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
        let listed = |name: &&str| self.own(name).is_some_and(Value::is_array);
        ANSWERS.iter().any(|name| listed(&name)) || self.pair().is_some()
    }

    /// Whether the answers go by the names of a preference record, which always holds the better first.
    pub fn names_the_winner(&self) -> bool {
        self.own("chosen").is_some() && self.own("rejected").is_some()
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
            let other = partners(name).find(|partner| self.own(partner).is_some());
            if let (Some(other), Some(one)) = (other, self.own(name)) {
                let two = self.own(&other).cloned().unwrap_or_default();
                overlay.insert(other, one.clone());
                overlay.insert(name.clone(), two);
            }
        }
    }

    fn own(&self, name: &str) -> Option<&Value> {
        let value = self.overlay.get(name).or_else(|| self.record.get(name));
        value.filter(|value| !value.is_null())
    }

    fn pair(&self) -> Option<[Value; 2]> {
        PAIRS.iter().find_map(|(a, b)| Some([self.own(a)?.clone(), self.own(b)?.clone()]))
    }

    /// The error of a record without this field, naming what it has.
    pub(crate) fn lacks(&self, name: &str) -> Error {
        if self.record.contains_key(name) || self.overlay.contains_key(name) {
            let message =
                format!("the record's field `{name}` is empty, or not what is wanted there");
            return Error::new(ErrorKind::Record, message);
        }
        let names: Vec<&str> =
            self.record.keys().chain(self.overlay.keys()).map(String::as_str).collect();
        let error = Error::new(ErrorKind::Record, format!("the record has no field `{name}`"));
        match (crate::error::near(name, names.iter().copied()), names.is_empty()) {
            (_, true) => error.hint("the record is empty"),
            (Some(near), _) => error.hint(format!("use it by another name: --map {name}={near}")),
            (None, _) => error.hint(format!(
                "it has `{}`; --map {name}=FIELD names the one to use",
                names.join("`, `")
            )),
        }
    }
}

/// The names that the same field of the second answer may have, for a field of the first: one of the words
/// between underscores is another, the last one first.
fn partners(name: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = name.split('_').collect();
    let other = |word: &str| SIDES.iter().find(|(a, _)| *a == word).map(|(_, b)| *b);
    (0..words.len()).rev().filter_map(move |at| {
        let mut words = words.clone();
        words[at] = other(words[at])?;
        Some(words.join("_"))
    })
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
pub(crate) fn is_known(name: &str) -> bool {
    let companion = ["steps", "rubric", "label"];
    SAME.iter().any(|names| names.contains(&name))
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
    ANSWERS.contains(&name) || PAIRS.iter().any(|(a, b)| *a == name || *b == name)
}

/// Whether a field of this name shows the one answer.
pub(crate) fn names_answer(name: &str) -> bool {
    ANSWER.contains(&name)
}

/// A text as it is, anything else as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
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
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_revised_item_has_the_new_answer_under_every_name() {
        let item = Item::from(json!({"response": "1\n2", "question": "Q", "steps": ["1", "2"]}));
        let revised = item.revised("3\n4\n5");
        assert_eq!(revised.text("response").unwrap(), "3\n4\n5");
        assert_eq!(revised.text("answer").unwrap(), "3\n4\n5");
        assert_eq!(revised.text("problem").unwrap(), "Q");
        assert_eq!(revised.steps(), ["3", "4", "5"]);
        assert_eq!(item.steps(), ["1", "2"]);
    }

    #[test]
    fn a_field_of_that_name_wins_over_its_aliases() {
        let item = Item::from(json!({"prompt": "P", "question": "Q", "completion": "C"}));
        assert_eq!(item.text("prompt").unwrap(), "P");
        assert_eq!(item.text("problem").unwrap(), "Q");
        assert_eq!(item.text("answer").unwrap(), "C");
        assert_eq!(item.field("reference"), None);
    }

    #[test]
    fn two_answers_are_a_list_and_a_list_is_two_answers() {
        let pair = Item::from(json!({"chosen": "good", "rejected": "bad"}));
        assert_eq!(*pair.field("answers").unwrap(), json!(["good", "bad"]));
        let list = Item::from(json!({"responses": ["one", "two"]}));
        assert_eq!(list.text("response_b").unwrap(), "two");
        assert_eq!(list.text("output_1").unwrap(), "one");
    }

    #[test]
    fn another_order_moves_every_alias_and_every_companion() {
        let item = Item::from(json!({
            "response_a": "A", "response_b": "B", "model_a": "x", "model_b": "y", "question": "Q",
        }));
        let swapped = item.permuted(&[1, 0]);
        assert_eq!(*swapped.field("answers").unwrap(), json!(["B", "A"]));
        assert_eq!(swapped.text("model_a").unwrap(), "y");
        assert_eq!(swapped.text("output_2").unwrap(), "A");
        assert_eq!(swapped.record(), item.record());

        let list = Item::from(
            json!({"answers": ["a", "b", "c"], "models": [1, 2, 3], "steps": ["s", "t", "u"]}),
        );
        let rotated = list.permuted(&[1, 2, 0]);
        assert_eq!(*rotated.field("answers").unwrap(), json!(["b", "c", "a"]));
        assert_eq!(*rotated.field("models").unwrap(), json!([2, 3, 1]));
        assert_eq!(*rotated.field("steps").unwrap(), json!(["s", "t", "u"]));
    }

    #[test]
    fn companions_are_told_apart_by_a_word_of_their_names() {
        let item = Item::from(json!({
            "response_a": "A", "response_b": "B", "model_answer_a": 1, "model_answer_b": 2,
            "model_a_id": 3, "model_b_id": 4, "score_chosen": 5, "score_rejected": 6,
            "a_note": "kept", "data_a": "alone",
        }));
        let swapped = item.permuted(&[1, 0]);
        let field = |name: &str| swapped.field(name).unwrap().into_owned();
        assert_eq!((field("model_answer_a"), field("model_answer_b")), (json!(2), json!(1)));
        assert_eq!((field("model_a_id"), field("model_b_id")), (json!(4), json!(3)));
        assert_eq!((field("score_chosen"), field("score_rejected")), (json!(6), json!(5)));
        assert_eq!((field("a_note"), field("data_a")), (json!("kept"), json!("alone")));
    }

    #[test]
    fn steps_are_paragraphs_or_else_lines() {
        assert_eq!(split_steps("a\nb\n\nc\n"), ["a\nb", "c"]);
        assert_eq!(split_steps("a\n b\n"), ["a", "b"]);
        assert!(split_steps("\n \n").is_empty());
        let item = Item::new().answer("1 + 1 = 2\nAnswer: 2");
        assert_eq!(item.steps(), ["1 + 1 = 2", "Answer: 2"]);
    }

    #[test]
    fn noncharacters_are_taken_out_and_counted() {
        let item = Item::new().answer("a\u{FDD0}b\u{FDD2}");
        assert_eq!(item.text("answer").unwrap(), "ab");
        assert_eq!(item.cleaned(), 2);
    }

    #[test]
    fn a_field_that_is_there_and_empty_is_not_called_missing() {
        let item = Item::from(json!({"question": "q", "steps": []}));
        assert!(item.lacks("steps").to_string().contains("is empty"));
        assert!(item.lacks("steps").hints().is_empty());
    }

    #[test]
    fn a_missing_field_names_the_near_one() {
        let error = Item::from(json!({"questoin": "Q"})).lacks("question");
        assert_eq!(error.hints(), ["use it by another name: --map question=questoin"]);
    }
}
