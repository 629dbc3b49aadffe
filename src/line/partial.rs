//! Fields that may hold values of any type in lines of other programs.
//!
//! Results that are compared or resumed may have been written by hand or by another tool. A field of the wrong type is
//! then ignored, and does not make the whole line unreadable.

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Number;

/// A value of the expected type, or one of another type, which is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Lenient<T> {
    /// As expected.
    Known(T),
    /// Something else.
    Other(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl<T> Lenient<T> {
    /// The value, if it is as expected.
    pub(crate) fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

/// A text that some programs write as a number or a boolean, such as an identifier.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TextLike {
    /// A text.
    Text(String),
    /// A number, as it is written.
    Number(Number),
    /// True or false.
    Bool(bool),
}

impl TextLike {
    /// The number, if the value is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The value as text.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
        }
    }
}

/// Reads a text that may be written as a number or a boolean.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    TextLike::deserialize(deserializer).map(TextLike::text)
}

/// The same where the field may be missing.
pub(crate) fn text_or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<TextLike>::deserialize(deserializer)?.map(TextLike::text))
}
