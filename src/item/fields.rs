//! Fields under other names, values for every record, and paths into nested values.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{Item, kind_of};
use crate::{
    error::{Error, ErrorKind, Result, near},
    hint::Hint,
};

/// How prompts read the fields of records: under other names (setting `map`), and with the same value in every
/// record (setting `set`).
///
/// Later entries win over earlier ones with the same name, and filled-in values over names.
///
/// ```
/// use serde_json::json;
/// use tribunal::{Item, item::FieldMap};
///
/// let map: FieldMap = "answer=output.text".parse()?;
/// let record = Item::from(json!({"output": {"text": "4"}}));
/// assert_eq!(map.filling("rubric", "Be exact.").apply(&record)?.text("answer").as_deref(), Some("4"));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldMap {
    /// New name, and the record's field or path that it is read from.
    named: Vec<(String, String)>,
    /// Field name, and the value that every record has there.
    filled: Vec<(String, Value)>,
}

impl FieldMap {
    /// The same map in which `new` is read from the record's field `old`, or from the path `old`.
    #[must_use]
    pub fn naming(mut self, new: impl Into<String>, old: impl Into<String>) -> Self {
        self.named.push((new.into(), old.into()));
        self
    }

    /// The same map in which every record has `value` in the field `name`.
    #[must_use]
    pub fn filling(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.filled.push((name.into(), value.into()));
        self
    }

    /// Both maps together; entries of `other` win.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.named.extend(other.named);
        self.filled.extend(other.filled);
        self
    }

    /// The filled-in values of those of `names` that have one.
    pub(crate) fn filled_in<'n>(&self, names: impl Iterator<Item = &'n str>) -> Map<String, Value> {
        let value = |name: &str| self.filled.iter().rev().find(|(filled, _)| filled == name);
        names.filter_map(|name| value(name).cloned()).collect()
    }

    /// Whether the field `name` is filled in, so that every record has the same value there.
    pub(crate) fn fills(&self, name: &str) -> bool {
        self.filled.iter().any(|(filled, _)| filled == name)
    }

    /// The record's field or path that `name` is read from; `None` if it is not mapped.
    pub(crate) fn path_of(&self, name: &str) -> Option<&str> {
        self.named.iter().rev().find(|(new, _)| new == name).map(|(_, old)| old.as_str())
    }

    /// All names with the setting that they come from: `map` or `set`.
    #[cfg(feature = "cli")]
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = self.named.iter().map(|(new, _)| ("map", new.as_str()));
        named.chain(self.filled.iter().map(|(name, _)| ("set", name.as_str())))
    }

    /// The item as prompts read it. Applying a map twice changes nothing more.
    ///
    /// # Errors
    /// The record lacks a field that another name is read from ([`ErrorKind::Record`]).
    pub fn apply(&self, item: &Item) -> Result<Item> {
        let named =
            self.named.iter().try_fold(item.clone(), |item, (new, old)| item.mapped(new, old))?;
        let filled = self.filled.iter();
        Ok(filled.fold(named, |item, (name, value)| item.filled(name, value.clone())))
    }
}

impl FromStr for FieldMap {
    type Err = Error;

    /// Reads `new=old`; several pairs are separated by commas.
    ///
    /// # Errors
    /// A pair lacks its `=`, or one of its sides ([`ErrorKind::Config`]).
    fn from_str(text: &str) -> Result<Self> {
        text.split(',').try_fold(Self::default(), |map, pair| match pair.split_once('=') {
            Some((new, old)) if !new.trim().is_empty() && !old.trim().is_empty() => {
                Ok(map.naming(new.trim(), old.trim()))
            }
            _ => Err(Error::new(ErrorKind::Config, format!("`{pair}` does not map a field")).hint(
                Hint::from("write ")
                    .setting("map", "answer=my_column")
                    .text(", or ")
                    .setting("map", "answer=output.message.content"),
            )),
        })
    }
}

/// A nested value, and the path that led to it, for messages.
struct Located<'a> {
    value: &'a Value,
    path: String,
}

/// The value at a path: names of fields and 0-based indexes of lists, separated by dots. A field whose whole
/// name is the path wins. Negative indexes count from the end: `-1` is the last entry.
///
/// # Errors
/// A step of the path leads nowhere: the error names what is there instead.
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
    /// Goes one step further: to a field of an object, or an entry of a list.
    fn step(self, step: &str) -> Result<Self> {
        let value = match self.value {
            Value::Object(map) => map.get(step).ok_or_else(|| no_field(map, step, &self)),
            Value::Array(list) => entry(list, step).ok_or_else(|| {
                let entries = list.len();
                wrong(format!("`{self}` has {entries} entries, and `{step}` is not one of them"))
            }),
            other => Err(wrong(format!("`{self}` is {}, and has no fields", kind_of(other)))),
        };
        Ok(Located { value: value?, path: format!("{self}.{step}") })
    }
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// The entry of a list at an index, which may count from the end.
fn entry<'a>(list: &'a [Value], place: &str) -> Option<&'a Value> {
    match place.strip_prefix('-') {
        Some(from_end) => list.len().checked_sub(from_end.parse().ok()?).and_then(|n| list.get(n)),
        None => list.get(place.parse::<usize>().ok()?),
    }
}

/// The error of an object without this field: the near name, or all names that it has.
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
        let refused = |path: &str| at(&record, path).unwrap_err();
        assert!(refused("outptu.message").contains("did you mean `output`?"));
        assert!(refused("output.massage.content").starts_with("output has no field `massage`"));
        assert!(refused("output.message.content.x").contains("is a text, and has no fields"));
        assert!(refused("list.3").contains("has 1 entries, and `3` is not one of them"));
        assert!(refused("list.-2").contains("not one of them"));
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
