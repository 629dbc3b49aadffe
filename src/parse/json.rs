//! The last JSON object of a text, fenced or bare.

use std::{fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Found;
use crate::verdict::{Reason, Unreadable};

/// Of so many objects from the end it is asked whether they are quoted.
const ASKED: usize = 64;

/// What stands at `pointer` in the last object that is the judge's own.
pub(super) fn find(pointer: &str, text: &str, data: &[String]) -> Option<Found> {
    let own = |(_, place): &(Option<Value>, Range<usize>)| {
        let behind = text[place.end..].trim_matches(|c: char| c.is_whitespace() || c == '`');
        behind.is_empty() || !data.iter().any(|data| data.contains(&text[place.clone()]))
    };
    let (object, place) = objects(text).into_iter().rev().take(ASKED).find(own)?;
    let value = match object {
        Some(object) => object.pointer(pointer).map(written).ok_or_else(|| {
            Unreadable::new(Reason::Ambiguous, format!("the JSON object has nothing at {pointer}"))
        }),
        None => Err(Unreadable::new(
            Reason::Ambiguous,
            "the last JSON object is broken, or names a key twice",
        )),
    };
    Some(Found { value, place })
}

/// Outermost objects and their places; `None` for the object where one is broken.
///
/// Linear: an attempt that fails without a key fails at once, and behind a brace and a quoted key nothing
/// is read a second time.
fn objects(text: &str) -> Vec<(Option<Value>, Range<usize>)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let rest = &text[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Strict>();
        match values.next() {
            Some(Ok(Strict(object))) => {
                from = at + values.byte_offset();
                found.push((Some(object), at..from));
            }
            _ if opens_with_a_key(rest) => {
                // What stands inside a broken object is no object of its own.
                from = at + closing(rest);
                found.push((None, at..from));
            }
            _ => from = at + 1,
        }
    }
    found
}

/// The byte behind the brace that closes the first one, or the end of the text.
fn closing(text: &str) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' if !in_string => depth += 1,
            '}' if !in_string && depth == 1 => return at + 1,
            '}' if !in_string => depth -= 1,
            _ => (),
        }
    }
    text.len()
}

/// Prose in braces is no JSON; a brace and a quoted key is meant to be.
fn opens_with_a_key(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|inner| inner.trim_start().starts_with('"'))
}

/// A value as the text that it would be outside of JSON.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(written).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A JSON value whose objects name no key twice: of `{"score": 1, "score": 10}` neither is the verdict.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Careful).map(Self)
    }
}

struct Careful;

impl<'de> Visitor<'de> for Careful {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            all.push(value);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is named twice"));
            }
        }
        Ok(map.into())
    }
}
