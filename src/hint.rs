//! Hints about what to do next, independent of the front end.

use std::{borrow::Cow, fmt};

/// What a reader may do about an [`Error`](crate::Error).
///
/// A hint is text that contains settings as data. The command line prints a setting as `--map answer=reply`,
/// and a configuration file as `map = …`; [`Display`](fmt::Display) prints a neutral form.
///
/// ```
/// use tribunal::Hint;
///
/// let hint = Hint::from("read it from another field with ").setting("map", "answer=reply");
/// assert_eq!(hint.to_string(), "read it from another field with `map` (`answer=reply`)");
/// let flags = hint.worded(|name, value| format!("--{name} {value}"));
/// assert_eq!(flags, "read it from another field with --map answer=reply");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint(Vec<HintPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum HintPart {
    Text(Cow<'static, str>),
    Setting { name: Cow<'static, str>, value: String },
}

impl Hint {
    /// Adds plain text.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(HintPart::Text(text.into()));
        self
    }

    /// Adds a setting by its name in the configuration, with an example of its value. With an empty value,
    /// only the name is shown.
    #[must_use]
    pub fn setting(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.0.push(HintPart::Setting { name: name.into(), value: value.into() });
        self
    }

    /// The hint as one text, with each setting formatted by `word(name, value)`.
    pub fn worded(&self, word: impl Fn(&str, &str) -> String) -> String {
        let worded = |piece: &HintPart| match piece {
            HintPart::Text(text) => text.to_string(),
            HintPart::Setting { name, value } => word(name, value),
        };
        self.0.iter().map(worded).collect()
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(|name, value| match value {
            "" => format!("`{name}`"),
            value => format!("`{name}` (`{value}`)"),
        }))
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}

impl From<&'static str> for Hint {
    fn from(text: &'static str) -> Self {
        Self::default().text(text)
    }
}
