//! The shapes in which rubrics are published.
//!
//! ```text
//! criteria  = {name: requirement | criterion}            an object, in its order
//!           | [requirement | criterion]                  a list, as in HealthBench and AutoRubric
//!           | {"rubric": criteria} | {"criteria": …}     a file with one key, also `rubrics`
//!           | {"sections": [{"criteria": …}]}            sections (AutoRubric), one after another
//!           | node                                       a tree (PaperBench)
//! criterion = {requirement, name?, weight?, required?}
//! node      = {requirements, weight?, sub_tasks: [node]}
//! ```
//!
//! A requirement is also called `requirements`, `criterion`, `description` or `text`, a weight `points`, a name `title`.
//! The leaves of a tree are the criteria: the weight of a leaf is its share of its siblings' weights, times the share
//! of every node above it (Starace et al. 2025), so that the weights of a whole tree add up to 1.

use serde_json::{Map, Value};

use super::{criterion::Criterion, kind_of, text_of};
use crate::error::{Error, ErrorKind, Result};

/// The most criteria that are judged about one record.
const MOST: usize = 2_000;

/// The deepest nesting of a tree of criteria.
const DEEPEST: usize = 32;

/// Names of a requirement, in order of precedence.
const REQUIREMENT: [&str; 5] = ["requirement", "requirements", "criterion", "description", "text"];

/// Names of a weight.
const WEIGHT: [&str; 2] = ["weight", "points"];

/// Names of a criterion's own name.
const NAME: [&str; 2] = ["name", "title"];

/// The parts of a node of a tree.
pub(super) const PARTS: &str = "sub_tasks";

/// Keys that hold a whole rubric.
const WRAPPERS: [&str; 3] = ["rubric", "rubrics", "criteria"];

/// Whether a value is a rubric and not a plain text: a list of criteria with their keys, a tree, or sections.
pub(super) fn is_rubric(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|one| one.as_object().is_some_and(has_requirement)),
        Value::Object(map) => {
            has_list(map, PARTS)
                || has_list(map, "sections")
                || WRAPPERS.iter().any(|key| map.len() == 1 && map.get(*key).is_some_and(is_rubric))
        }
        _ => false,
    }
}

/// Whether a value is a node of a tree.
fn is_node(value: &Value) -> bool {
    value.as_object().is_some_and(|map| has_list(map, PARTS))
}

/// Whether a value is one criterion with its keys.
#[cfg(feature = "config")]
pub(crate) fn is_criterion(value: &Value) -> bool {
    value.as_object().is_some_and(has_requirement) && !is_node(value)
}

/// Whether an object has the keys of a criterion.
fn has_requirement(map: &Map<String, Value>) -> bool {
    REQUIREMENT.iter().any(|key| map.get(*key).is_some_and(Value::is_string))
}

/// Whether an object has a list under this key.
fn has_list(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key).is_some_and(Value::is_array)
}

/// The criteria that were read so far.
pub(super) struct Reading {
    kind: ErrorKind,
    /// The criteria, some of them without a name.
    pub(super) all: Vec<Criterion>,
    /// Whether one of them says what it counts.
    pub(super) are_weighted: bool,
}

impl Reading {
    /// Nothing yet; errors will have the kind `kind`.
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self { kind, all: Vec::new(), are_weighted: false }
    }

    /// The error of criteria that cannot be used.
    fn wrong(&self, message: impl Into<String>) -> Error {
        Error::new(self.kind, message.into())
    }

    /// Adds a criterion.
    fn add(&mut self, criterion: Criterion) -> Result<()> {
        if self.all.len() == MOST {
            return Err(self
                .wrong(format!(
                    "there are more than {MOST} criteria, the most that are judged at once"
                ))
                .hint("judge the rubric in parts: one record for each"));
        }
        self.all.push(criterion);
        Ok(())
    }

    /// A whole rubric.
    pub(super) fn whole(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(self.too_deep());
        }
        match value {
            Value::Object(map) => self.object(map, depth),
            Value::Array(list) if !list.is_empty() && list.iter().all(is_node) => {
                self.are_weighted = true;
                self.parts(list, 1.0, &Path::default())
            }
            Value::Array(list) => list.iter().try_for_each(|one| self.entry(one, None)),
            Value::Null => Ok(()),
            // A single text, or a number: it is its own name.
            one => self.add(Criterion::new(text_of(one)).named(text_of(one))),
        }
    }

    /// A rubric that is an object: a tree, sections, a wrapper, a single criterion, or names with requirements.
    fn object(&mut self, map: &Map<String, Value>, depth: usize) -> Result<()> {
        if has_list(map, PARTS) {
            self.are_weighted = true;
            return self.node(map, 1.0, &Path::default());
        }
        if let Some(sections) = map.get("sections").and_then(Value::as_array) {
            let criteria = sections.iter().filter_map(|section| section.get("criteria"));
            return criteria.into_iter().try_for_each(|list| self.whole(list, depth + 1));
        }
        let wrapped = WRAPPERS.iter().find_map(|key| map.get(*key)).filter(|inner| {
            is_rubric(inner) || (map.len() == 1 && (inner.is_array() || inner.is_object()))
        });
        if let Some(inner) = wrapped {
            return self.whole(inner, depth + 1);
        }
        map.iter().try_for_each(|(name, value)| self.entry(value, Some(name)))
    }

    /// One entry of a list, or of an object under its name.
    fn entry(&mut self, value: &Value, name: Option<&str>) -> Result<()> {
        match value {
            Value::Object(map) if is_node(value) => {
                let n = self.all.len() + 1;
                let weight = self.weight(map, &n.to_string())?.unwrap_or(1.0);
                self.are_weighted = true;
                self.node(map, weight, &Path::of(n))
            }
            Value::Object(map) if name.is_none() || has_requirement(map) => {
                let criterion = self.criterion(map, name)?;
                self.add(criterion)
            }
            // A text in a list is its own name.
            _ => {
                let text = text_of(value);
                let name = name.unwrap_or(&text).to_owned();
                self.add(Criterion::new(text).named(name))
            }
        }
    }

    /// A criterion with its keys.
    fn criterion(&mut self, map: &Map<String, Value>, name: Option<&str>) -> Result<Criterion> {
        let own = NAME.iter().find_map(|key| map.get(*key)).map(text_of);
        let name = name.map(ToOwned::to_owned).or(own).unwrap_or_default();
        let place = if name.is_empty() { (self.all.len() + 1).to_string() } else { name.clone() };
        if map.contains_key("options") {
            return Err(self
                .wrong(format!(
                    "the criterion `{place}` has `options` of its own, which are not read"
                ))
                .hint("leave them out; `scale` in the prompt is the scale of all criteria"));
        }
        let requirement = REQUIREMENT.iter().find_map(|key| map.get(*key)?.as_str());
        let Some(requirement) = requirement.filter(|text| !text.trim().is_empty()) else {
            return Err(self.wrong(format!("the criterion `{place}` has no requirement")).hint(
                "write what it asks for as a text: {\"requirement\": \"…\", \"weight\": 2}",
            ));
        };
        let weight = self.weight(map, &place)?;
        let required = match map.get("required") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(required)) => Some(*required),
            Some(other) => {
                let message =
                    format!("`required` of the criterion `{place}` is {}", kind_of(other));
                return Err(self.wrong(message).hint("write true or false"));
            }
        };
        self.are_weighted |= weight.is_some() || required.is_some();
        Ok(Criterion {
            name,
            requirement: requirement.to_owned(),
            weight: weight.unwrap_or(1.0),
            required: required.unwrap_or(false),
        })
    }

    /// The weight of a criterion; `None` if it names none.
    fn weight(&self, map: &Map<String, Value>, place: &str) -> Result<Option<f64>> {
        let Some(value) = WEIGHT.iter().find_map(|key| map.get(*key)) else { return Ok(None) };
        if let Some(weight) = value.as_f64().filter(|weight| weight.is_finite()) {
            return Ok(Some(weight));
        }
        let shown = match value {
            Value::String(text) => format!("the text `{text}`"),
            other => kind_of(other).to_owned(),
        };
        Err(self
            .wrong(format!("the weight of the criterion `{place}` is {shown}"))
            .hint("a weight is a number such as 2 or -5; without one it is 1"))
    }

    /// Adds the leaves of a node of a tree, which counts `share` of the whole.
    fn node(&mut self, map: &Map<String, Value>, share: f64, path: &Path) -> Result<()> {
        if path.depth > DEEPEST {
            return Err(self.too_deep());
        }
        let parts = map.get(PARTS).and_then(Value::as_array).filter(|parts| !parts.is_empty());
        if let Some(parts) = parts {
            return self.parts(parts, share, path);
        }
        let criterion = self.criterion(map, None)?;
        let name = if criterion.name.is_empty() { path.name() } else { criterion.name };
        self.add(Criterion { name, weight: share, ..criterion })
    }

    /// Adds the leaves of the parts of a node, which together count `share` of the whole.
    fn parts(&mut self, parts: &[Value], share: f64, path: &Path) -> Result<()> {
        let weights: Vec<f64> = parts
            .iter()
            .enumerate()
            .map(|(n, part)| self.part_weight(part, &path.then(n + 1)))
            .collect::<Result<_>>()?;
        let total: f64 = weights.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            let message = format!("the parts of `{}` have no weight", path.name());
            return Err(self.wrong(message).hint("give one of them a weight above 0"));
        }
        let parts = parts.iter().filter_map(Value::as_object).zip(weights).enumerate();
        for (n, (part, weight)) in parts {
            self.node(part, share * weight / total, &path.then(n + 1))?;
        }
        Ok(())
    }

    /// The weight of a node among its siblings.
    fn part_weight(&self, part: &Value, path: &Path) -> Result<f64> {
        let place = path.name();
        let Some(map) = part.as_object() else {
            let message = format!("the part `{place}` of the rubric is {}", kind_of(part));
            return Err(self.wrong(message).hint("each part is an object with `requirements`"));
        };
        let weight = self.weight(map, &place)?.unwrap_or(1.0);
        if weight < 0.0 {
            return Err(self
                .wrong(format!("the part `{place}` of the rubric has the weight {weight}"))
                .hint("weights in a tree are shares, and not below 0; a list can hold faults"));
        }
        Ok(weight)
    }

    /// The error of a rubric that is nested too deeply.
    fn too_deep(&self) -> Error {
        self.wrong(format!("the criteria are nested more than {DEEPEST} deep"))
            .hint("write the leaves as a list, each with its weight")
    }
}

/// The place of a node in a tree, counted from 1 at each level: `2.1.3`.
#[derive(Clone, Default)]
struct Path {
    name: String,
    depth: usize,
}

impl Path {
    /// The place of an entry of a list.
    fn of(n: usize) -> Self {
        Self { name: n.to_string(), depth: 1 }
    }

    /// The place of a part of this node.
    fn then(&self, n: usize) -> Self {
        let name = if self.name.is_empty() { n.to_string() } else { format!("{}.{n}", self.name) };
        Self { name, depth: self.depth + 1 }
    }

    /// The place as a name; the root is called 1.
    fn name(&self) -> String {
        if self.name.is_empty() { "1".into() } else { self.name.clone() }
    }
}
