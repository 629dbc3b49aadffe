//! The last JSON object of a text, fenced or bare.
//!
//! Models write JSON with comments, line breaks inside of strings, full-width colons and prose around it. An object
//! that is not valid is mended where the mistake is one of these, and read again. An object that stays invalid is
//! still the last one: it makes the text unreadable, and no earlier object counts.

use std::{cell::LazyCell, fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    Kind,
    found::{FoundValue, unmarked},
};
use crate::{
    text::{JudgedTexts, fold, squeezed},
    verdict::{Reason, Unreadable},
};

/// How many objects, from the end of the text, are compared with those of judged texts.
const ASKED: usize = 64;

/// An object, or what is wrong with it; and its bytes in the text.
type FoundObject = (Result<Value, &'static str>, Range<usize>);

/// The value at a JSON pointer in the last object that is not quoted from a judged text.
///
/// With `demanded` (the prompt asked for its mark) the last object decides or none. `kind` is the kind of verdict:
/// it decides whether a list or an object may stand there. With `gives_way` nothing is found where the object has nothing
/// at the pointer, so that another pointer is tried.
pub(super) fn find(
    pointer: &str,
    text: &str,
    judged: &JudgedTexts,
    demanded: bool,
    kind: Kind,
    gives_way: bool,
) -> Option<FoundValue> {
    let objects = objects(text);
    let quotations = LazyCell::new(|| QuotedObjects::new(judged));
    let quoted = |(object, place): &FoundObject| {
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
            return Some(FoundValue { value: Err(unmarked()), place: found.1 });
        }
        found
    } else {
        last.find(|found| is_last(&found.1) || !quoted(found))?
    };
    if gives_way && object.as_ref().is_ok_and(|object| object.pointer(pointer).is_none()) {
        return None;
    }
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

/// What is wrong with the shape of a value for this kind of verdict; `None` if it fits.
fn misshapen(value: &Value, kind: Kind) -> Option<&'static str> {
    match (kind, value) {
        (Kind::Criteria, Value::Object(_)) => None,
        (Kind::Criteria, Value::Array(_)) => {
            Some("a list, not an object of criteria and their verdicts")
        }
        (Kind::Criteria, _) => Some("one value, not an object of criteria and their verdicts"),
        (Kind::Scores | Kind::Ranking, Value::Object(_)) => Some("an object, not a list"),
        (Kind::Scores | Kind::Ranking, _) => None,
        (_, Value::Array(list)) if list.len() != 1 => Some("a list, not one value"),
        (_, Value::Object(_)) => Some("an object, not one value"),
        _ => None,
    }
}

/// The objects of judged texts, in a form that ignores blanks, case and the order of keys.
struct QuotedObjects(Vec<Map<String, Value>>);

impl QuotedObjects {
    fn new(judged: &JudgedTexts) -> Self {
        let mut all = Vec::new();
        for (object, _) in judged.forms().iter().flat_map(|form| objects(form)) {
            collect(canonical(&object.unwrap_or_default()), &mut all);
        }
        Self(all)
    }

    /// Whether one of them has all keys and values of this one, so that this one may be a quotation of it.
    fn hold(&self, object: &Value) -> bool {
        let Value::Object(own) = canonical(object) else { return false };
        let has_all = |other: &Map<String, Value>| {
            own.iter().all(|(key, value)| other.get(key).is_some_and(|found| found == value))
        };
        !own.is_empty() && self.0.iter().any(has_all)
    }
}

/// Adds every object inside of a value to a list, the value included.
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

/// A value whose texts are folded and squeezed, ready to be compared.
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

/// The outermost objects of a text, in order.
///
/// This takes linear time: a brace without a quoted key after it is skipped at once, and after a brace with one
/// nothing is read more than twice.
fn objects(text: &str) -> Vec<FoundObject> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let rest = &text[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<UniqueKeys>();
        match values.next() {
            Some(Ok(UniqueKeys(object))) => {
                from = at + values.byte_offset();
                found.push((Ok(object), at..from));
            }
            _ if opens_with_a_key(rest) => {
                // An object inside a broken one does not count by itself.
                let (mended, length) = mended(rest);
                from = at + length;
                found.push((read(&mended), at..from));
            }
            _ => from = at + 1,
        }
    }
    found
}

/// An object from its text, or what is wrong with it.
fn read(text: &str) -> Result<Value, &'static str> {
    serde_json::from_str(text)
        .map(|UniqueKeys(object)| object)
        .map_err(|fault| if fault.is_data() { "names a key twice" } else { "is not valid JSON" })
}

/// The first object of a text without what models add to JSON, and its length in bytes: comments are removed, line
/// breaks inside of strings escaped, blanks and colons of other scripts folded.
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

/// The length in bytes of a comment at the beginning of a text: `# …`, `// …` or `/* … */`.
fn comment(text: &str) -> Option<usize> {
    let line = || text.find('\n').unwrap_or(text.len());
    if text.starts_with('#') || text.starts_with("//") {
        return Some(line());
    }
    let block = text.strip_prefix("/*")?;
    Some(block.find("*/").map_or(text.len(), |at| at + 4))
}

/// Whether a text begins with a brace and a quoted key, and is therefore meant to be JSON; prose in braces is not.
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

/// Whether a character is a blank or invisible.
fn is_blank(c: char) -> bool {
    let unseen = |c: char| fold(c.encode_utf8(&mut [0; 4])).text.trim().is_empty();
    c.is_whitespace() || (!c.is_ascii() && unseen(c))
}

/// A value as text, for the same reader as values outside of JSON: a string without quotes, a list with commas.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(written).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A JSON value none of whose objects repeats a key: in `{"score": 1, "score": 10}` neither number is the verdict.
struct UniqueKeys(Value);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeysVisitor).map(Self)
    }
}

/// Builds a value and refuses objects that repeat a key.
struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
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
        while let Some(UniqueKeys(value)) = list.next_element()? {
            all.push(value);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, UniqueKeys(value))) = entries.next_entry::<String, UniqueKeys>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is named twice"));
            }
        }
        Ok(map.into())
    }
}
