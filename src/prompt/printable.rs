//! Values that templates print in a way of their own, and every value as text.

use std::{fmt, sync::Arc};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, ValueKind},
};

use crate::{
    error::{Error, ErrorKind},
    hint::Hint,
    item,
    request::Origin,
};

/// A value of the program that counts as the author's text: a scale or a mark.
#[derive(Debug)]
pub(super) struct Trusted {
    /// What is printed.
    pub(super) text: String,
    /// Attributes with their texts, such as `scale.min`.
    pub(super) parts: Vec<(&'static str, String)>,
}

impl Trusted {
    /// A trusted text without attributes.
    pub(super) fn value(text: impl Into<String>) -> Value {
        Value::from_object(Self { text: text.into(), parts: Vec::new() })
    }
}

impl Object for Trusted {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (_, text) = self.parts.iter().find(|(name, _)| key.as_str() == Some(name))?;
        Some(Self::value(text.clone()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text of the record with lines of the author in it (filter `transcript` with `max`).
#[derive(Debug)]
pub(super) struct MixedText {
    /// Each piece with the origin that it has.
    pub(super) parts: Vec<(Origin, String)>,
}

impl MixedText {
    /// A text of these pieces.
    pub(super) fn value(parts: Vec<(Origin, String)>) -> Value {
        Value::from_object(Self { parts })
    }
}

impl Object for MixedText {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// A text of the record between two fences that do not occur in it (filter `fenced`).
#[derive(Debug)]
pub(super) struct Fenced {
    /// The line before and after the text: three backticks or more.
    pub(super) fence: String,
    /// The pieces of the text, each with its origin: the record's, or lines of the author in it.
    pub(super) parts: Vec<(Origin, String)>,
}

impl Fenced {
    /// A value as text, with the shortest fence of three or more backticks that it does not contain.
    ///
    /// # Errors
    /// Several answers stand where one is expected.
    pub(super) fn value(value: &Value) -> Result<Value, minijinja::Error> {
        let text = text_of(value)?;
        let mut fence = "```".to_owned();
        while text.contains(&fence) {
            fence.push('`');
        }
        let parts = match value.downcast_object_ref::<MixedText>() {
            Some(mixed) => mixed.parts.clone(),
            None => vec![(Origin::Data, text)],
        };
        Ok(Value::from_object(Self { fence, parts }))
    }
}

impl Object for Fenced {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.parts.iter().map(|(_, text)| text.as_str()).collect();
        write!(f, "{0}\n{text}\n{0}", self.fence)
    }
}

/// A list where one answer is expected. Its entries can be used one by one; printing it as a whole is an error, because
/// a judge would see several answers as one.
#[derive(Debug)]
pub(super) struct Several {
    /// The record's field.
    field: String,
    /// The answers, or other values, of the list.
    entries: Vec<Value>,
}

impl Several {
    /// The list that this field of the record holds.
    pub(super) fn value(field: &str, entries: Vec<Value>) -> Value {
        Value::from_object(Self { field: field.to_owned(), entries })
    }

    /// The error of printing the list as one answer.
    fn refusal(&self) -> minijinja::Error {
        let Self { field, entries } = self;
        let message =
            format!("the record's `{field}` is a list of {}, not one answer", entries.len());
        let hint = match field.as_str() {
            "answers" => {
                Hint::from("each entry of `answers` is one answer: a text or a conversation")
            }
            _ => Hint::default()
                .setting("map", format!("{field}={field}.0"))
                .text(" judges its first entry, ")
                .setting("map", format!("answers={field}"))
                .text(" compares all; or write a record for each"),
        };
        let refused = Error::new(ErrorKind::Record, message.clone()).hint(hint);
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message).with_source(refused)
    }
}

impl Object for Several {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.entries.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.entries.len())
    }
}

/// A value as text: a text as it is, a conversation as a transcript, lists and objects as JSON, nothing for `none`.
///
/// # Errors
/// Several answers stand where one is expected.
pub(super) fn text_of(value: &Value) -> Result<String, minijinja::Error> {
    if let Some(several) = value.downcast_object_ref::<Several>() {
        return Err(several.refusal());
    }
    Ok(match value.kind() {
        ValueKind::None => String::new(),
        ValueKind::Map | ValueKind::Seq => {
            serde_json::to_value(value).map(|value| item::text_of(&value)).unwrap_or_default()
        }
        _ => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_in_its_data() {
        let value = Fenced::value(&"a ``` b ```` c".into()).unwrap();
        assert_eq!(value.to_string(), "`````\na ``` b ```` c\n`````");
    }
}
