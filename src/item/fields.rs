//! Fields by other names, and fields inside of fields.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{Item, kind_of};
use crate::error::{Error, ErrorKind, Result, near};

/// How prompts see the fields of records: other names (`--map new=old`), the same value in every record
/// (`--set name=value`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldMap {
    named: Vec<(String, String)>,
    filled: Vec<(String, Value)>,
}

impl FieldMap {
    /// The same with the record's field `old`, or what its path leads to, under the name `new`.
    #[must_use]
    pub fn naming(mut self, new: impl Into<String>, old: impl Into<String>) -> Self {
        self.named.push((new.into(), old.into()));
        self
    }

    /// The same with a value that every record has in the field `name`.
    #[must_use]
    pub fn filling(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.filled.push((name.into(), value.into()));
        self
    }

    /// Both, the other one last.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.named.extend(other.named);
        self.filled.extend(other.filled);
        self
    }

    /// What every record has in these fields.
    pub(crate) fn filled_in<'n>(&self, names: impl Iterator<Item = &'n str>) -> Map<String, Value> {
        let value = |name: &str| self.filled.iter().rev().find(|(filled, _)| filled == name);
        names.filter_map(|name| value(name).cloned()).collect()
    }

    /// Whether every record has the same value in the field `name`.
    pub(crate) fn fills(&self, name: &str) -> bool {
        self.filled.iter().any(|(filled, _)| filled == name)
    }

    /// The field, or the path, that `name` is read from.
    pub(crate) fn path_of(&self, name: &str) -> Option<&str> {
        self.named.iter().rev().find(|(new, _)| new == name).map(|(_, old)| old.as_str())
    }

    /// The names that are mapped (`map`) or set (`set`).
    #[cfg(feature = "cli")]
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = self.named.iter().map(|(new, _)| ("map", new.as_str()));
        named.chain(self.filled.iter().map(|(name, _)| ("set", name.as_str())))
    }

    /// The item as prompts see it; doing it twice changes nothing.
    ///
    /// # Errors
    /// The record lacks a field that another name was given to.
    pub fn apply(&self, item: &Item) -> Result<Item> {
        let named =
            self.named.iter().try_fold(item.clone(), |item, (new, old)| item.mapped(new, old))?;
        let filled = self.filled.iter();
        Ok(filled.fold(named, |item, (name, value)| item.filled(name, value.clone())))
    }
}

impl FromStr for FieldMap {
    type Err = Error;

    /// `new=old`, several separated by commas.
    fn from_str(text: &str) -> Result<Self> {
        text.split(',').try_fold(Self::default(), |map, pair| match pair.split_once('=') {
            Some((new, old)) if !new.trim().is_empty() && !old.trim().is_empty() => {
                Ok(map.naming(new.trim(), old.trim()))
            }
            _ => Err(Error::new(ErrorKind::Config, format!("`{pair}` does not map a field"))
                .hint("write --map answer=my_column, or --map answer=output.message.content")),
        })
    }
}

/// A value and the way to it, for messages.
struct Located<'a> {
    value: &'a Value,
    path: String,
}

/// The value at a path of names and places separated by dots; a field of exactly that name wins, and
/// places may count from the end: `-1` is the last.
pub(super) fn at_path<'a>(record: &'a Map<String, Value>, path: &str) -> Result<&'a Value> {
    if let Some(value) = record.get(path) {
        return Ok(value);
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = record.get(first).ok_or_else(|| no_field(record, first, "the record"))?;
    let start = Located { value, path: first.to_owned() };
    let steps = rest.split('.').filter(|step| !step.is_empty());
    steps.into_iter().try_fold(start, Located::step).map(|place| place.value)
}

impl Located<'_> {
    fn step(self, step: &str) -> Result<Self> {
        let value = match self.value {
            Value::Object(map) => map.get(step).ok_or_else(|| no_field(map, step, &self)),
            Value::Array(list) => entry(list, step).ok_or_else(|| {
                let entries = list.len();
                wrong(format!("`{self}` has {entries} entries, and `{step}` is none of them"))
            }),
            other => Err(wrong(format!("`{self}` is {}: nothing is inside of it", kind_of(other)))),
        };
        Ok(Located { value: value?, path: format!("{self}.{step}") })
    }
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

fn entry<'a>(list: &'a [Value], place: &str) -> Option<&'a Value> {
    match place.strip_prefix('-') {
        Some(from_end) => list.len().checked_sub(from_end.parse().ok()?).and_then(|n| list.get(n)),
        None => list.get(place.parse::<usize>().ok()?),
    }
}

fn no_field(map: &Map<String, Value>, name: &str, holder: impl fmt::Display) -> Error {
    let error = wrong(format!("{holder} has no field `{name}`"));
    let names: Vec<&str> = map.keys().map(String::as_str).collect();
    match near(name, names.iter().copied()) {
        _ if names.is_empty() => error.hint("it is empty"),
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("it has `{}`", names.join("`, `"))),
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Record, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(record: &Value, path: &str) -> Result<Value, String> {
        let found = at_path(record.as_object().unwrap(), path).cloned();
        found.map_err(|error| format!("{error} {:?}", error.hints()))
    }

    #[test]
    fn a_path_leads_into_objects_and_lists_and_a_whole_name_wins() {
        let record = json!({
            "output": {"message": {"content": "deep"}},
            "messages": [{"content": "first"}, {"content": "last"}],
            "a.b": "flat", "a": {"b": "nested"},
        });
        assert_eq!(at(&record, "output.message.content").unwrap(), "deep");
        assert_eq!(at(&record, "messages.0.content").unwrap(), "first");
        assert_eq!(at(&record, "messages.-1.content").unwrap(), "last");
        assert_eq!(at(&record, "a.b").unwrap(), "flat");
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_it_ends_and_what_is_there() {
        let record = json!({"output": {"message": {"content": "x"}}, "list": [1]});
        let told = |path: &str| at(&record, path).unwrap_err();
        assert!(told("outptu.message").contains("did you mean `output`?"));
        assert!(told("output.massage.content").starts_with("output has no field `massage`"));
        assert!(told("output.message.content.x").contains("is a text: nothing is inside of it"));
        assert!(told("list.3").contains("has 1 entries, and `3` is none of them"));
        assert!(told("list.-2").contains("none of them"));
    }

    #[test]
    fn a_map_names_and_fills_and_may_be_applied_again() {
        let map = "answer=mine".parse::<FieldMap>().unwrap().filling("rubric", "be kind");
        let item = Item::from(json!({"mine": "a", "rubric": "own"}));
        let seen = map.apply(&item).unwrap();
        assert_eq!(seen.text("response").unwrap(), "a");
        assert_eq!(seen.text("rubric").unwrap(), "be kind");
        assert_eq!(map.apply(&seen).unwrap(), seen);
        assert_eq!(seen.record(), item.record());
        assert!("answer".parse::<FieldMap>().is_err());
    }
}
