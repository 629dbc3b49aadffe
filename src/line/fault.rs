//! The error of a record or vote without an answer, as a line holds it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Why a record or a vote has no answer: an [`Error`] as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ErrorLine {
    /// The class of the failure, such as `rate_limited` or `too_long`.
    #[serde(default)]
    pub kind: ErrorWord,
    /// What happened.
    #[serde(default)]
    pub message: String,
    /// What to do next.
    #[serde(default)]
    pub hints: Vec<String>,
}

/// The kind of an error in a line: one that this version knows, or the word of another version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ErrorWord {
    /// A kind that this version knows.
    Known(ErrorKind),
    /// The word of another version.
    Other(String),
}

impl ErrorWord {
    /// The word in the line.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(kind) => kind.name(),
            Self::Other(word) => word,
        }
    }
}

impl Default for ErrorWord {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl From<String> for ErrorWord {
    fn from(word: String) -> Self {
        ErrorKind::named(&word).map_or(Self::Other(word), Self::Known)
    }
}

impl From<ErrorWord> for String {
    fn from(word: ErrorWord) -> Self {
        match word {
            ErrorWord::Known(kind) => kind.name().to_owned(),
            ErrorWord::Other(word) => word,
        }
    }
}

impl From<&Error> for ErrorLine {
    fn from(error: &Error) -> Self {
        Self {
            kind: ErrorWord::Known(error.kind()),
            message: error.to_string(),
            hints: error.hints().iter().map(ToString::to_string).collect(),
        }
    }
}

/// The same error; a kind that this version does not know becomes [`ErrorKind::Record`].
impl From<ErrorLine> for Error {
    fn from(line: ErrorLine) -> Self {
        let kind = match line.kind {
            ErrorWord::Known(kind) => kind,
            ErrorWord::Other(_) => ErrorKind::Record,
        };
        let message = Some(line.message).filter(|message| !message.is_empty());
        let message = message.unwrap_or_else(|| "it failed in an earlier run".into());
        line.hints.into_iter().fold(Self::new(kind, message), Self::hint)
    }
}
