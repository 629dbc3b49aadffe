//! Front matter as keys and values, each with its line in the file.
//!
//! Errors name the file and the line, say in plain words what is wrong, and do not repeat the messages of the YAML
//! reader, which assume that the user knows YAML.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_saphyr::Error as Cause;

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    item::kind_of,
};

/// The keys of front matter that have not been read yet, with their values.
pub(super) struct Keys<'y> {
    /// The file, for messages.
    name: &'y str,
    /// Its text, in which lines of keys are looked up.
    yaml: &'y str,
    /// The keys that are left.
    map: Map<String, Value>,
}

impl<'y> Keys<'y> {
    /// Parses the YAML between the two lines `---`. An empty text has no keys.
    ///
    /// # Errors
    /// The text is not valid YAML, or not an object.
    pub(super) fn of(name: &'y str, yaml: &'y str) -> Result<Self> {
        let value: Value = if yaml.trim().is_empty() {
            Value::Object(Map::new())
        } else {
            serde_saphyr::from_str(yaml).map_err(|cause| refused(name, yaml, &cause))?
        };
        match value {
            Value::Object(map) => Ok(Self { name, yaml, map }),
            Value::Null => Ok(Self { name, yaml, map: Map::new() }),
            other => {
                let message =
                    format!("the front matter is {}, not keys with values", kind_of(&other));
                let error = wrong(message).within(name);
                Err(error.hint("write a line for each key, such as `kind: score`"))
            }
        }
    }

    /// Refuses a key that is not one of `known`.
    pub(super) fn check_names(&self, known: &[&'static str]) -> Result<()> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) if key == "judges" => {
                let error = wrong("the key `judges` is now called `kind`".into());
                self.at(key, Err(error.hint("write `kind:` in its place")))
            }
            Some(key) => {
                self.at(key, Err(unknown(ErrorKind::Prompt, "key", key, known.iter().copied())))
            }
            None => Ok(()),
        }
    }

    /// Removes a key and returns its value; null counts as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// The value of a key, converted by `read`; errors get the key's line.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Value) -> Result<T>,
    ) -> Result<Option<T>> {
        let result = self.take(key).map(read).transpose();
        self.at(key, result)
    }

    /// The value of a key as text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>> {
        self.read(key, |value| text(&format!("`{key}`"), value))
    }

    /// The value of a key as one of `words`.
    pub(super) fn word<T: DeserializeOwned>(
        &mut self,
        key: &str,
        words: &[&'static str],
    ) -> Result<Option<T>> {
        self.read(key, |value| word(&format!("`{key}`"), value, words))
    }

    /// The same result; an error names the file, and the line of the key.
    pub(super) fn at<T>(&self, key: &str, result: Result<T>) -> Result<T> {
        result.map_err(|error| match self.line(key) {
            Some(line) => error.within(format_args!("{}:{line}", self.name)),
            None => error.within(self.name),
        })
    }

    /// The line of the file, from 1, on which a key stands.
    fn line(&self, key: &str) -> Option<usize> {
        let is_key = |line: &str| {
            let name =
                line.split_once(':').map(|(name, _)| name.trim_end().trim_matches(['"', '\'']));
            name == Some(key)
        };
        self.yaml.lines().position(is_key).map(|line| line + FIRST_LINE)
    }
}

/// The line of a file on which front matter begins, after its `---`.
const FIRST_LINE: usize = 2;

/// An error of a prompt file.
pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Prompt, message)
}

/// A value that must be a text. For a number or a boolean the hint shows the quotation marks that are missing.
pub(super) fn text(what: &str, value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        other => {
            let error = wrong(format!("{what} must be a text, and is {}", kind_of(&other)));
            Err(match other {
                Value::Bool(_) | Value::Number(_) => {
                    error.hint(format!("put it between quotes: \"{other}\""))
                }
                _ => error,
            })
        }
    }
}

/// A value that must be a text or a list of texts.
pub(super) fn texts(what: &str, value: Value) -> Result<Vec<String>> {
    match value {
        Value::Array(list) => {
            let entry = format!("an entry of {what}");
            list.into_iter().map(|value| text(&entry, value)).collect()
        }
        one => text(what, one).map(|text| vec![text]),
    }
}

/// A value that must be one of a few words.
pub(super) fn word<T: DeserializeOwned>(
    what: &str,
    value: Value,
    words: &[&'static str],
) -> Result<T> {
    let word = text(what, value)?;
    serde_json::from_value(word.clone().into()).map_err(|_| {
        unknown(ErrorKind::Prompt, &format!("value of {what}:"), &word, words.iter().copied())
    })
}

/// A value that must be a whole number, 0 or above.
pub(super) fn whole(what: &str, value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| wrong(format!("{what} must be a whole number, and is {}", shown(value))))
}

/// A value that must be a number.
pub(super) fn number(what: &str, value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| wrong(format!("{what} must be a number, and is {}", shown(value))))
}

/// A value as messages name it: a short one itself, a list or an object by its type.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => kind_of(value).into(),
        short => {
            format!("`{}`", short.as_str().map_or_else(|| short.to_string(), ToOwned::to_owned))
        }
    }
}

/// The error of malformed YAML, in plain words, with the line of the file.
fn refused(name: &str, yaml: &str, cause: &Cause) -> Error {
    let cause = cause.without_snippet();
    let error = match cause {
        Cause::DuplicateMappingKey { key: Some(key), .. } => wrong(format!("the key `{key}` is repeated")),
        Cause::DuplicateMappingKey { key: None, .. } => wrong("a key is repeated".into()),
        Cause::Eof { .. } | Cause::ContainerEndMismatch { .. } => {
            wrong("a bracket or a quote is never closed".into())
        }
        Cause::UnknownAnchor { .. } => wrong("a value begins with `*`, which needs quotes".into())
            .hint("write a pattern between quotes: \"[[*]]\""),
        Cause::NonFiniteFloat { value, .. } => wrong(format!("`{value}` is not a usable number")),
        Cause::MultipleDocuments { .. } => wrong("the front matter contains a line that ends it early".into()),
        Cause::Budget { .. }
        | Cause::AliasReplayLimitExceeded { .. }
        | Cause::AliasExpansionLimitExceeded { .. }
        | Cause::AliasReplayStackDepthExceeded { .. }
        | Cause::AliasReplayCounterOverflow { .. } => {
            wrong("the front matter is nested too deeply, or grows too large".into())
        }
        _ => wrong("the front matter is not valid YAML".into()).hint(
            "put a text between quotes if it holds `: ` or ` #`, or begins with one of [ { * & ! | > % @ `; close \
             brackets and quotes, and indent with blanks",
        ),
    };
    let line = cause.location().and_then(|place| usize::try_from(place.line()).ok());
    // An error at the end of the text is one of the last line that is there.
    let last = yaml.trim_end().lines().count().max(1);
    match line.filter(|line| *line > 0) {
        Some(line) => error.within(format_args!("{name}:{}", line.min(last) + FIRST_LINE - 1)),
        None => error.within(name),
    }
}
