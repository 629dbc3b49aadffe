//! Binding: which values of an item the body of a prompt sees.
//!
//! A prompt declares fields, or names them in its body. [`Prompt::content`] gives their values: everything that a judge
//! is shown, and therefore what marks, keys and orders are derived from.

use std::collections::BTreeMap;

use minijinja::{Value, value::Serde};

use super::{Each, Field, Need, Prompt, printable::Several, rendering};
use crate::{
    error::{Error, ErrorKind, Result},
    item::{self, Item, is_answer, names_answer, names_answers},
    parse::ItemShape,
};

impl Prompt {
    /// The values of the declared fields that the item has, in the order of the prompt. Marks, cache keys and line keys
    /// are derived from it.
    ///
    /// ```
    /// use tribunal::{Item, prompt};
    ///
    /// let score = prompt::named("score")?.expect("it is built in");
    /// let content = score.content(&Item::new().question("2 + 2?").answer("4").set("comment", "not read"));
    /// let names: Vec<&str> = content.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["question", "answer"]);
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    pub fn content(&self, item: &Item) -> Vec<(String, serde_json::Value)> {
        let value = |name: &str| self.bound(item, name).map(|value| (name.to_owned(), value));
        self.fields.iter().filter_map(|field| value(&field.name)).collect()
    }

    /// The shape of an item as this prompt shows it: how many steps and answers and which criteria a verdict may name.
    /// What the prompt does not show is not checked.
    pub fn shape(&self, item: &Item) -> ItemShape {
        let shows = |named: fn(&str) -> bool| self.fields.iter().any(|field| named(&field.name));
        let criteria = || item.criteria().into_iter().map(|(name, _)| name).collect();
        let is_named = matches!(
            item.field("criteria").as_deref(),
            Some(serde_json::Value::Object(_) | serde_json::Value::Array(_))
        );
        let steps = if self.reads("steps") {
            Some(item.steps().len())
        } else if shows(names_answer) {
            // However the body cuts the answer, it has no more steps than lines.
            item.text("answer").map(|text| text.lines().count().max(item.steps().len()))
        } else {
            None
        };
        ItemShape {
            steps: steps.filter(|count| *count > 0),
            answers: (shows(names_answers) && item.has_answers()).then(|| item.candidates().len()),
            criteria: (self.reads("criteria") && is_named).then(criteria),
        }
    }

    /// The texts of the declared fields, and every text nested in them: what a judge may quote.
    pub(crate) fn judged(&self, item: &Item) -> Vec<String> {
        let mut texts = Vec::new();
        for (_, value) in self.content(item) {
            texts.push(crate::item::text_of(&value));
            add_texts(&value, &mut texts);
        }
        texts.retain(|text| !text.trim().is_empty());
        texts
    }

    /// The number of conversations about an item: one for each element, or 1 without `each`.
    pub fn elements(&self, item: &Item) -> usize {
        match self.front.each {
            None => 1,
            Some(Each::Steps) => item.steps().len(),
            Some(Each::Answers) => item.candidates().len(),
            Some(Each::Criteria) => item.criteria().len(),
        }
    }

    /// The value of a field as the body sees it; `None` if the item has none.
    pub(super) fn bound(&self, item: &Item, name: &str) -> Option<serde_json::Value> {
        bound(item, name, self.front.each == Some(Each::Answers))
    }

    /// Binds the names of one element (`step`, `previous`, `answer`, `criterion`, `index`) beside the fields.
    pub(super) fn add_element(
        &self,
        fields: &mut BTreeMap<String, Value>,
        item: &Item,
        element: Option<usize>,
    ) {
        let (Some(each), Some(index)) = (self.front.each, element) else { return };
        match each {
            Each::Steps => {
                let steps = item.steps();
                let (before, from) = steps.split_at(index.min(steps.len()));
                fields.insert("previous".into(), before.join("\n").into());
                fields.insert("step".into(), from.first().cloned().unwrap_or_default().into());
            }
            Each::Answers => {
                let answer = item.candidates().get(index).map(|answer| match answer {
                    serde_json::Value::Array(_) => one_answer("answers", answer),
                    _ => item::text_of(answer).into(),
                });
                fields.insert("answer".into(), answer.unwrap_or_else(|| "".into()));
            }
            Each::Criteria => {
                let criterion = item.criteria().into_iter().nth(index).map(|(_, text)| text);
                fields.insert("criterion".into(), criterion.unwrap_or_default().into());
            }
        }
        fields.insert("index".into(), index.into());
    }

    /// The fields that the prompt reads: those that it declares, or that its body names; with `each` also the field that
    /// holds the elements, so that keys and marks depend on it.
    ///
    /// # Errors
    /// A declared field has a name that the engine uses itself.
    pub(super) fn declared(&self) -> Result<Vec<Field>> {
        let mut fields = self.named_fields()?;
        let Some(each) = self.front.each else { return Ok(fields) };
        if each == Each::Answers {
            // Here `answer` is the one that a conversation is about.
            fields.retain(|field| field.name != "answer");
        }
        if !fields.iter().any(|field| field.name == each.field()) {
            fields.push(Field { name: each.field().to_owned(), need: Need::Required });
        }
        Ok(fields)
    }

    /// The declared fields, or those that the body names.
    fn named_fields(&self) -> Result<Vec<Field>> {
        const OURS: [&str; 11] = [
            "gen",
            "choose",
            "probe",
            "read",
            "scale",
            "mark",
            "step",
            "index",
            "previous",
            "criterion",
            rendering::NAME,
        ];
        if let Some(fields) = &self.front.fields {
            let ours = |field: &&Field| OURS.contains(&field.name.as_str());
            if let Some(field) = fields.iter().find(ours) {
                return Err(Error::new(
                    ErrorKind::Prompt,
                    format!("a field cannot be called `{}`: the name is reserved", field.name),
                ));
            }
            return Ok(fields.clone());
        }
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let mut names: Vec<String> = self.variables.iter().cloned().collect();
        names.retain(|name| !OURS.contains(&name.as_str()) && !globals.contains(&name.as_str()));
        Ok(names.into_iter().map(|name| Field { name, need: Need::Required }).collect())
    }
}

/// Adds every text inside of a list or an object, but not the value itself.
fn add_texts(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(list) => list.iter().for_each(|one| add_nested(one, texts)),
        serde_json::Value::Object(map) => map.values().for_each(|one| add_nested(one, texts)),
        _ => (),
    }
}

/// Adds a value if it is a text, and every text inside of it.
fn add_nested(value: &serde_json::Value, texts: &mut Vec<String>) {
    texts.extend(value.as_str().map(ToOwned::to_owned));
    add_texts(value, texts);
}

/// The value of a field as bodies see it. With `alone` a list of answers may have a single one.
pub(super) fn bound(item: &Item, name: &str, alone: bool) -> Option<serde_json::Value> {
    let least = if alone { 1 } else { 2 };
    match name {
        "steps" => Some(item.steps()).filter(|steps| !steps.is_empty()).map(Into::into),
        "answers" => Some(item.candidates()).filter(|all| all.len() >= least).map(Into::into),
        _ => item.field(name).map(std::borrow::Cow::into_owned),
    }
}

/// A value as the template sees it. A list where one answer is expected becomes an object that refuses to be printed.
pub(super) fn value_of(item: &Item, name: &str, value: &serde_json::Value) -> Value {
    let sources = item.sources(name);
    match value {
        serde_json::Value::Array(all) if name == "answers" => {
            let own = |n: usize| sources.get(n).filter(|_| sources.len() > 1).unwrap_or(&name);
            all.iter().enumerate().map(|(n, answer)| one_answer(own(n), answer)).collect()
        }
        _ if is_answer(name) => one_answer(sources.first().unwrap_or(&name), value),
        _ => Value::from(Serde(value)),
    }
}

/// One answer as the template sees it; a list of several answers is refused when it is printed.
fn one_answer(field: &str, answer: &serde_json::Value) -> Value {
    match answer {
        serde_json::Value::Array(list) if !item::reads_as_text(answer) => {
            let entries = list.iter().map(|entry| Value::from(Serde(entry))).collect();
            Several::value(field, entries)
        }
        _ => Value::from(Serde(answer)),
    }
}
