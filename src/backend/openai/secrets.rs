//! Keys and passwords that a server may repeat, and no output may contain.
//!
//! An error such as `Incorrect API key: sk-…` goes to logs, result lines and screens, and an answer goes to
//! caches and recordings. Everything that a server sends is filtered here first. Secrets are also found when
//! JSON escapes them once or several times, as in JSON inside a string.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// The replacement for a secret.
const HIDDEN: &str = "***";

/// The secrets of one server, which are replaced by `***` wherever they occur.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Collects the secrets. Texts of fewer than 8 bytes are placeholders such as `EMPTY`, and occur in
    /// ordinary text.
    pub(super) fn new(texts: impl IntoIterator<Item = SecretString>) -> Self {
        const SHORTEST: usize = 8;
        let length = |text: &SecretString| text.expose_secret().len();
        let mut texts: Vec<_> = texts.into_iter().filter(|text| length(text) >= SHORTEST).collect();
        // The longest come first, so that a secret that contains another one is replaced as a whole.
        texts.sort_by_key(|text| std::cmp::Reverse(length(text)));
        Self(texts)
    }

    /// The text with `***` in place of secrets, escaped as in JSON strings or not. A text with an escaped
    /// secret is returned unescaped.
    pub(super) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const DEPTH: usize = 3;
        let mut read = Cow::Borrowed(text);
        for _ in 0..=DEPTH {
            if let Some(redacted) = self.replaced(&read) {
                return redacted.into();
            }
            if !read.contains('\\') {
                break;
            }
            read = unescaped(&read).into();
        }
        text.into()
    }

    /// Redacts every string of a value and the names of its fields; applied to an answer before it is read.
    pub(super) fn redact_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.redact(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(fields) => {
                if fields.keys().any(|name| matches!(self.redact(name), Cow::Owned(_))) {
                    let old = std::mem::take(fields);
                    let renamed =
                        |(name, item): (String, Value)| (self.redact(&name).into_owned(), item);
                    fields.extend(old.into_iter().map(renamed));
                }
                fields.values_mut().for_each(|item| self.redact_json(item));
            }
            _ => (),
        }
    }

    /// The text with its secrets replaced; `None` if it contains none.
    fn replaced(&self, text: &str) -> Option<String> {
        let secrets = self.0.iter().map(SecretString::expose_secret);
        let is_there = secrets.clone().any(|secret| text.contains(secret));
        is_there.then(|| secrets.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN)))
    }
}

/// The text with the escapes of JSON strings decoded, as far as there are any: `\u0041` is `A`, and `\/` is
/// `/`. An invalid escape loses its backslash. The text never becomes longer.
fn unescaped(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        read.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let code = rest.strip_prefix(['u', 'U']).and_then(|rest| rest.get(..4));
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            read.push(c);
            rest = &rest[5..];
        } else {
            let c = rest.chars().next();
            read.extend(c);
            rest = &rest[c.map_or(0, char::len_utf8)..];
        }
    }
    read.push_str(rest);
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_back_is_hidden_and_a_placeholder_is_not() {
        let secrets = ["sk-canary", "EMPTY", "a/b\\c\"defg"].map(SecretString::from);
        let secrets = Secrets::new(secrets);
        for (text, shown) in [
            ("key sk-canary!", "key ***!"),
            ("EMPTY \\u0041", "EMPTY \\u0041"),
            (r"key \u0073k-c\u0061nary!", "key ***!"),
            (r"key sk\u002dcanary \/", "key *** /"),
            (r#"a\/b\\c\"defg"#, "***"),
            (r"twice \\u0073k-canary", "twice ***"),
        ] {
            assert_eq!(secrets.redact(text), shown);
        }
        let mut value = serde_json::json!({"sk-canary": [{"x": "\\u0073k-canary"}, 1]});
        secrets.redact_json(&mut value);
        assert_eq!(value, serde_json::json!({"***": [{"x": "***"}, 1]}));
    }

    proptest::proptest! {
        #[test]
        fn no_escape_is_too_strange(text in r"(\\u|\\|d|D8|3d|[0-9a-fA-Fé])*") {
            unescaped(&text);
        }
    }
}
