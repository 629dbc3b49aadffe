//! The last JSON object of a text, fenced or bare.

use std::{cell::LazyCell, fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{FoundValue, Kind, announced};
use crate::{
    text::{JudgedTexts, fold, squeezed},
    verdict::{Reason, Unreadable},
};

/// Of so many objects from the end it is asked whether they are quoted.
const ASKED: usize = 64;

/// An object and its place; where it is none, what is wrong with it.
type Object = (Result<Value, &'static str>, Range<usize>);

/// What stands at `pointer` in the last object that is the judge's own.
pub(super) fn find(
    pointer: &str,
    text: &str,
    judged: &JudgedTexts,
    demanded: bool,
    kind: Kind,
) -> Option<FoundValue> {
    let objects = objects(text);
    let quotations = LazyCell::new(|| Quotations::new(judged));
    let quoted = |(object, place): &Object| {
        let piece = &text[place.clone()];
        object.as_ref().is_ok_and(|object| quotations.hold(object)) || judged.contain(piece)
    };
    let is_last = |place: &Range<usize>| {
        text[place.end..].trim_matches(|c: char| c.is_whitespace() || c == '`').is_empty()
    };
    let mut last = objects.into_iter().rev().take(ASKED);
    let (object, place) = if demanded {
        let found = last.next()?;
        if quoted(&found) {
            return Some(FoundValue { value: Err(announced::unmarked()), place: found.1 });
        }
        found
    } else {
        last.find(|found| is_last(&found.1) || !quoted(found))?
    };
    let ambiguous = |why: String| Unreadable::new(Reason::Ambiguous, why);
    let value = object.map_err(|fault| ambiguous(format!("the last JSON object {fault}")));
    let value = value.and_then(|object| {
        let value = object.pointer(pointer);
        let missing = || ambiguous(format!("the JSON object has nothing at {pointer}"));
        let value = value.ok_or_else(missing)?;
        match misshapen(value, kind) {
            Some(fault) => Err(ambiguous(format!("at {pointer} of the JSON object is {fault}"))),
            None => Ok(written(value)),
        }
    });
    Some(FoundValue { value, place })
}

/// What is wrong with the shape of a value, for what is judged.
fn misshapen(value: &Value, kind: Kind) -> Option<&'static str> {
    match (kind, value) {
        (Kind::Criteria, Value::Object(_)) => None,
        (Kind::Criteria, Value::Array(_)) => {
            Some("a list, not an object of criteria and their scores")
        }
        (Kind::Criteria, _) => Some("one value, not an object of criteria and their scores"),
        (Kind::Scores | Kind::Ranking, Value::Object(_)) => Some("an object, not a list"),
        (Kind::Scores | Kind::Ranking, _) => None,
        (_, Value::Array(list)) if list.len() != 1 => Some("a list, not one value"),
        (_, Value::Object(_)) => Some("an object, not one value"),
        _ => None,
    }
}

/// The objects of judged texts, whatever their blanks and the order of their keys.
struct Quotations(Vec<Map<String, Value>>);

impl Quotations {
    fn new(judged: &JudgedTexts) -> Self {
        let mut all = Vec::new();
        for (object, _) in judged.forms().iter().flat_map(|form| objects(form)) {
            collect(canonical(&object.unwrap_or_default()), &mut all);
        }
        Self(all)
    }

    /// Whether one of them has all that this one has.
    fn hold(&self, object: &Value) -> bool {
        let Value::Object(own) = canonical(object) else { return false };
        let has_all = |other: &Map<String, Value>| {
            own.iter().all(|(key, value)| other.get(key).is_some_and(|found| found == value))
        };
        !own.is_empty() && self.0.iter().any(has_all)
    }
}

/// Every object in a value, itself included.
fn collect(value: Value, all: &mut Vec<Map<String, Value>>) {
    match value {
        Value::Object(map) => {
            map.values().for_each(|value| collect(value.clone(), all));
            all.push(map);
        }
        Value::Array(list) => list.into_iter().for_each(|value| collect(value, all)),
        _ => (),
    }
}

/// A value whose texts are ready to be compared.
fn canonical(value: &Value) -> Value {
    let text = |text: &str| squeezed(&fold(text).text);
    match value {
        Value::String(string) => text(string).into(),
        Value::Number(number) => number.as_f64().into(),
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (text(key), canonical(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Outermost objects and their places.
///
/// Linear: an attempt that fails without a key fails at once, and behind a brace and a quoted key nothing
/// is read a third time.
fn objects(text: &str) -> Vec<Object> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let rest = &text[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Strict>();
        match values.next() {
            Some(Ok(Strict(object))) => {
                from = at + values.byte_offset();
                found.push((Ok(object), at..from));
            }
            _ if opens_with_a_key(rest) => {
                // What stands inside a broken object is no object of its own.
                let (mended, length) = mended(rest);
                from = at + length;
                found.push((read(&mended), at..from));
            }
            _ => from = at + 1,
        }
    }
    found
}

fn read(text: &str) -> Result<Value, &'static str> {
    serde_json::from_str(text)
        .map(|Strict(object)| object)
        .map_err(|fault| if fault.is_data() { "names a key twice" } else { "is not valid JSON" })
}

/// The first object of a text, with what models add to JSON taken out, and its length: comments, line
/// breaks inside of strings, blanks and colons of other scripts.
fn mended(text: &str) -> (String, usize) {
    let mut mended = String::new();
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    let mut from = 0;
    while let Some(c) = text[from..].chars().next() {
        let rest = &text[from..];
        from += c.len_utf8();
        if in_string {
            match c {
                '\n' => mended.push_str("\\n"),
                '\t' => mended.push_str("\\t"),
                c if c.is_ascii_control() => mended.push_str(&format!("\\u{:04x}", c as u32)),
                c => mended.push(c),
            }
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        if let Some(length) = comment(rest) {
            from += length - c.len_utf8();
            mended.push(' ');
            continue;
        }
        match c {
            c if c.is_ascii() => mended.push(c),
            c => mended.push_str(&fold(c.encode_utf8(&mut [0; 4])).text),
        }
        match c {
            '"' => in_string = true,
            '{' => depth += 1,
            '}' if depth == 1 => return (mended, from),
            '}' => depth -= 1,
            _ => (),
        }
    }
    (mended, text.len())
}

/// The length of a comment at the beginning of a text.
fn comment(text: &str) -> Option<usize> {
    let line = || text.find('\n').unwrap_or(text.len());
    if text.starts_with('#') || text.starts_with("//") {
        return Some(line());
    }
    let block = text.strip_prefix("/*")?;
    Some(block.find("*/").map_or(text.len(), |at| at + 4))
}

/// Prose in braces is no JSON; a brace and a quoted key is meant to be.
fn opens_with_a_key(text: &str) -> bool {
    let Some(mut inner) = text.strip_prefix('{') else { return false };
    loop {
        inner = inner.trim_start_matches(is_blank);
        match comment(inner) {
            Some(length) => inner = &inner[length..],
            None => return inner.starts_with('"'),
        }
    }
}

/// Whether nothing is seen of a character.
fn is_blank(c: char) -> bool {
    let unseen = |c: char| fold(c.encode_utf8(&mut [0; 4])).text.trim().is_empty();
    c.is_whitespace() || (!c.is_ascii() && unseen(c))
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
