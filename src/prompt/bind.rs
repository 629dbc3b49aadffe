//! Binding: which values of an item the body of a prompt sees.
//!
//! A prompt declares fields, or names them in its body. [`Prompt::content`] gives their values: everything that a judge
//! is shown, and therefore what marks, keys and orders are derived from.

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroUsize};

use minijinja::{Value, value::Serde};

use super::{Each, Field, Need, Prompt, printable::Several, rendering};
use crate::{
    error::{Error, ErrorKind, Result},
    item::{self, CRITERIA, Criteria, Item, is_answer, names_answer, names_answers},
    parse::{ItemShape, Kind},
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
        let owned =
            |(name, value): (&str, Cow<serde_json::Value>)| (name.to_owned(), value.into_owned());
        self.shown(item).map(owned).collect()
    }

    /// The same values, borrowed where that is possible.
    pub(crate) fn shown<'i>(
        &'i self,
        item: &'i Item,
    ) -> impl Iterator<Item = (&'i str, Cow<'i, serde_json::Value>)> {
        self.fields
            .iter()
            .filter_map(|field| Some((field.name.as_str(), self.bound(item, &field.name)?)))
    }

    /// About how many bytes the prompt has for an item, known without rendering it.
    pub(crate) fn size(&self, item: &Item) -> usize {
        let shown: usize = self.shown(item).map(|(_, value)| item::text_length(&value)).sum();
        self.body.len() + shown
    }

    /// The shape of an item as this prompt shows it: how many steps and answers and which criteria a verdict may name.
    /// What the prompt does not show is not checked.
    pub fn shape(&self, item: &Item) -> ItemShape {
        let shows = |named: fn(&str) -> bool| self.fields.iter().any(|field| named(&field.name));
        let criteria = || {
            let criteria = self.criteria(item).unwrap_or_default();
            criteria.all.into_iter().map(|one| one.name).collect()
        };
        let is_named = || {
            matches!(
                self.criteria_of(item).as_deref(),
                Some(serde_json::Value::Object(_) | serde_json::Value::Array(_))
            )
        };
        let names_steps = [self.front.kind, self.front.verdict_kind()].contains(&Kind::Steps);
        let steps = if !names_steps {
            None
        } else if self.reads("steps") {
            Some(item.steps().len())
        } else if shows(names_answer) {
            // However the body cuts the answer, it has no more steps than lines.
            item.text("answer").map(|text| text.lines().count().max(item.steps().len()))
        } else {
            None
        };
        ItemShape {
            steps: steps.filter(|count| *count > 0),
            answers: (shows(names_answers) && item.has_answers()).then(|| item.answer_count()),
            criteria: match self.listed(item) {
                Some(count) => Some((1..=count).map(|n| n.to_string()).collect()),
                None => (self.reads(CRITERIA) && is_named()).then(criteria),
            },
        }
    }

    /// How many items the item's field lists that a rule names as its `items`: the entries of a list, or the steps of a
    /// text. `None` if there is no such rule or field.
    fn listed(&self, item: &Item) -> Option<usize> {
        let name = self.front.rules.iter().find_map(|rule| rule.items.as_deref())?;
        let value = item.field(name).filter(|value| self.reads(name) && item::is_filled(value))?;
        Some(match &*value {
            serde_json::Value::Array(list) => list.len(),
            other => item::split_steps(&item::text_of(other)).len(),
        })
    }

    /// The same for one conversation: with several criteria in each, only those that it is about.
    pub(super) fn shape_of(&self, item: &Item, element: Option<usize>) -> ItemShape {
        let shape = self.shape(item);
        let (Some(index), Some(per_call)) = (element, self.front.per_call) else { return shape };
        let group = |names: Vec<String>| {
            let from = index.saturating_mul(per_call.get());
            names.into_iter().skip(from).take(per_call.get()).collect()
        };
        ItemShape { criteria: shape.criteria.map(group), ..shape }
    }

    /// The item with its steps by the rule of this prompt (key `split_steps`).
    ///
    /// # Errors
    /// The rule is `given`, and the record holds no list of steps.
    pub(crate) fn split(&self, item: Item) -> Result<Item> {
        match self.front.split.filter(|_| self.reads("steps")) {
            Some(rule) => item.split_by(rule).map_err(|error| error.within(&self.name)),
            None => Ok(item),
        }
    }

    /// The item's own criteria; where it has none, those of the prompt.
    fn criteria_of<'i>(&'i self, item: &'i Item) -> Option<Cow<'i, serde_json::Value>> {
        let own = item.field(CRITERIA).filter(|value| item::is_filled(value));
        own.or_else(|| {
            let field = self.fields.iter().find(|field| field.name == CRITERIA)?;
            match &field.need {
                Need::Default(value) => Some(Cow::Borrowed(value)),
                Need::Required | Need::Optional => None,
            }
        })
    }

    /// The criteria by which an item is judged: its own; where it has none, those of the prompt.
    ///
    /// # Errors
    /// The criteria cannot be used ([`ErrorKind::Record`]): see [`Criteria::read`].
    pub fn criteria(&self, item: &Item) -> Result<Criteria> {
        match self.criteria_of(item) {
            Some(value) => Criteria::read(&value, ErrorKind::Record),
            None => Ok(Criteria::default()),
        }
    }

    /// Whether verdicts on criteria come to a score even without weights, because each is met or unmet.
    pub(crate) fn assesses(&self) -> bool {
        let scale = self.front.scale.as_ref();
        self.front.verdict_kind() == Kind::Criteria
            && scale.is_some_and(|scale| scale.assessments().is_some())
    }

    /// The texts of the declared fields, and every text nested in them: what a judge may quote.
    pub(crate) fn judged(&self, item: &Item) -> Vec<String> {
        let mut texts = Vec::new();
        for (_, value) in self.shown(item) {
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
            Some(Each::Contexts) => item.contexts().len(),
            Some(Each::Criteria) => {
                let count = self.criteria(item).map_or(0, |criteria| criteria.all.len());
                count.div_ceil(self.front.per_call.map_or(1, NonZeroUsize::get))
            }
        }
    }

    /// The value of a field as the body sees it; `None` if the item has none.
    pub(super) fn bound<'i>(
        &self,
        item: &'i Item,
        name: &str,
    ) -> Option<Cow<'i, serde_json::Value>> {
        if self.front.each == Some(Each::Contexts) && name == Each::Contexts.field() {
            let contexts = Some(item.contexts()).filter(|all| !all.is_empty());
            return contexts.map(|all| Cow::Owned(all.into()));
        }
        bound(item, name, self.front.each == Some(Each::Answers))
    }

    /// Binds the names of one element (`step`, `previous`, `answer`, `criterion`, `context`, `index`) beside the fields.
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
            Each::Criteria => self.add_criteria(fields, item, index),
            Each::Contexts => {
                let context = item.contexts().get(index).map(item::text_of);
                fields.insert("context".into(), context.unwrap_or_default().into());
            }
        }
        fields.insert("index".into(), index.into());
    }

    /// Binds the criterion of a conversation (`criterion`, `criterion_name`, `weight`, `required`); with several in
    /// each conversation, the list of them as `criteria`.
    fn add_criteria(&self, fields: &mut BTreeMap<String, Value>, item: &Item, index: usize) {
        let all = self.criteria(item).unwrap_or_default().all;
        if let Some(per_call) = self.front.per_call {
            let from = index.saturating_mul(per_call.get());
            let group = all.iter().skip(from).take(per_call.get());
            let group: Vec<serde_json::Value> = group.map(item::Criterion::to_json).collect();
            fields.insert(CRITERIA.into(), Value::from(Serde(group)));
            return;
        }
        let Some(one) = all.into_iter().nth(index) else { return };
        let weight = one.to_json().get("weight").cloned();
        fields.insert("weight".into(), Value::from(Serde(weight)));
        fields.insert("required".into(), one.required.into());
        fields.insert("criterion_name".into(), one.name.into());
        fields.insert("criterion".into(), one.requirement.into());
    }

    /// The fields that the prompt reads: those that it declares, or that its body names; with `each` also the field that
    /// holds the elements, so that keys and marks depend on it.
    ///
    /// # Errors
    /// A declared field has a name that the engine uses itself.
    pub(super) fn declared(&self) -> Result<Vec<Field>> {
        let mut fields = self.named_fields()?;
        if let Some(criteria) = &self.front.criteria {
            let need = Need::Default(criteria.clone());
            match fields.iter_mut().find(|field| field.name == CRITERIA) {
                Some(field) => field.need = need,
                None => fields.push(Field { name: CRITERIA.to_owned(), need }),
            }
        }
        let Some(each) = self.front.each else { return Ok(fields) };
        if let Some(one) = each.shadowed() {
            fields.retain(|field| field.name != one);
        }
        if !fields.iter().any(|field| field.name == each.field()) {
            fields.push(Field { name: each.field().to_owned(), need: Need::Required });
        }
        Ok(fields)
    }

    /// The declared fields, or those that the body names.
    fn named_fields(&self) -> Result<Vec<Field>> {
        const OF_CRITERION: [&str; 3] = ["criterion_name", "weight", "required"];
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
        let of_criterion =
            |name: &str| self.front.each == Some(Each::Criteria) && OF_CRITERION.contains(&name);
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let mut names: Vec<String> = self.variables.iter().cloned().collect();
        names.retain(|name| !OURS.contains(&name.as_str()) && !globals.contains(&name.as_str()));
        names.retain(|name| !of_criterion(name));
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
pub(super) fn bound<'i>(
    item: &'i Item,
    name: &str,
    alone: bool,
) -> Option<Cow<'i, serde_json::Value>> {
    let least = if alone { 1 } else { 2 };
    match name {
        "steps" => {
            let steps = Some(item.steps()).filter(|steps| !steps.is_empty());
            steps.map(|steps| Cow::Owned(steps.into()))
        }
        "answers" if item.answer_count() < least => None,
        "answers" => Some(Cow::Owned(item.candidates().into())),
        _ => item.field(name),
    }
}

/// A value as the template sees it. A list where one answer is expected becomes an object that refuses to be printed.
pub(super) fn value_of(item: &Item, name: &str, value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Array(all) if name == "answers" => {
            let sources = item.sources(name);
            let own = |n: usize| sources.get(n).filter(|_| sources.len() > 1).unwrap_or(&name);
            all.iter().enumerate().map(|(n, answer)| one_answer(own(n), answer)).collect()
        }
        serde_json::Value::Array(_) if is_answer(name) => {
            one_answer(item.sources(name).first().unwrap_or(&name), value)
        }
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
