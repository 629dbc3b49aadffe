//! Keys and passwords that no output may contain, although servers and programs may repeat them.
//!
//! An error such as `Incorrect API key: sk-…` goes to logs, result lines and screens, and an answer goes to
//! caches and recordings. Everything that a server or a program sends is filtered here first. Secrets are also found
//! when JSON or an address escapes them, once or several times, and within base64, as in the header of a password.
//! Errors are also searched for pieces, because servers show keys with some characters in the middle hidden.

use std::{borrow::Cow, collections::HashSet};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// The replacement for a secret.
const HIDDEN: &str = "***";

/// Secrets of fewer bytes are placeholders such as `EMPTY`, and occur in ordinary text.
const SHORTEST: usize = 8;

/// Secrets of fewer bytes are only found as a whole.
const SHORTEST_IN_PIECES: usize = 16;

/// The secrets of one server or program, which are replaced by `***` wherever they occur.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// The secrets, and what is left of them in base64. The longest come first, so that a secret that contains another
    /// one is replaced as a whole.
    forms: Vec<SecretString>,
}

impl Secrets {
    /// Collects the secrets. Texts of fewer than 8 bytes are ignored.
    pub(super) fn new(texts: impl IntoIterator<Item = SecretString>) -> Self {
        let length = |text: &SecretString| text.expose_secret().len();
        let is_long = |text: &SecretString| length(text) >= SHORTEST;
        let mut forms = Vec::new();
        for secret in texts.into_iter().filter(is_long) {
            forms.extend(encoded(secret.expose_secret()).into_iter().filter(is_long));
            forms.push(secret);
        }
        forms.sort_by_key(|text| std::cmp::Reverse(length(text)));
        Self { forms }
    }

    /// The text of an answer with `***` in place of secrets. A text with an escaped secret is returned unescaped.
    pub(super) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redacted(text, false)
    }

    /// The text of an error in the same way, also without pieces of secrets of 8 or more bytes.
    pub(super) fn redact_error<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redacted(text, true)
    }

    fn redacted<'t>(&self, text: &'t str, in_pieces: bool) -> Cow<'t, str> {
        const DEPTH: usize = 3;
        if text.len() < SHORTEST || self.forms.is_empty() {
            return text.into();
        }
        let (mut read, mut shown) = (Cow::Borrowed(text), None);
        for _ in 0..=DEPTH {
            if let Some(clean) = self.replaced(&read) {
                shown = Some(clean.clone());
                read = clean.into();
            }
            if let Some(clean) = in_pieces.then(|| self.without_pieces(&read)).flatten() {
                shown = Some(clean.clone());
                read = clean.into();
            }
            if !read.contains(['\\', '%']) {
                break;
            }
            read = unescaped(&read).into();
        }
        shown.map_or(text.into(), Cow::Owned)
    }

    /// Redacts every string of an answer and the names of its fields; applied before it is read.
    pub(super) fn redact_json(&self, value: &mut Value) {
        self.redact_value(value, false);
    }

    /// Redacts every string of an error in the same way, also in pieces.
    pub(super) fn redact_error_json(&self, value: &mut Value) {
        self.redact_value(value, true);
    }

    fn redact_value(&self, value: &mut Value, in_pieces: bool) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.redacted(text, in_pieces) {
                    *text = redacted;
                }
            }
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.redact_value(item, in_pieces));
            }
            Value::Object(fields) => {
                let is_secret =
                    |name: &String| matches!(self.redacted(name, in_pieces), Cow::Owned(_));
                if fields.keys().any(is_secret) {
                    let old = std::mem::take(fields);
                    let renamed = |(name, item): (String, Value)| {
                        (self.redacted(&name, in_pieces).into_owned(), item)
                    };
                    fields.extend(old.into_iter().map(renamed));
                }
                fields.values_mut().for_each(|item| self.redact_value(item, in_pieces));
            }
            _ => (),
        }
    }

    /// The text with its secrets replaced; `None` if it contains none.
    fn replaced(&self, text: &str) -> Option<String> {
        let forms = self.forms.iter().map(SecretString::expose_secret);
        let is_there = forms.clone().any(|secret| text.contains(secret));
        is_there.then(|| forms.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN)))
    }

    /// The text with pieces of secrets replaced; `None` if it contains none.
    fn without_pieces(&self, text: &str) -> Option<String> {
        let long = self.forms.iter().map(|secret| secret.expose_secret().as_bytes());
        let long = long.filter(|secret| secret.len() >= SHORTEST_IN_PIECES);
        let windows = long.flat_map(|secret| secret.windows(SHORTEST)).filter(|it| is_telling(it));
        let windows: HashSet<&[u8]> = windows.collect();
        let (mut shown, mut rest, mut end) = (String::new(), 0, 0);
        for (at, window) in text.as_bytes().windows(SHORTEST).enumerate() {
            if !windows.contains(window) {
                continue;
            }
            // Overlapping windows are one piece. A piece may begin or end within a character.
            if at >= end {
                let before = (rest..=at).rev().find(|at| text.is_char_boundary(*at));
                shown.push_str(&text[rest..before.unwrap_or(rest)]);
                shown.push_str(HIDDEN);
            }
            end = at + SHORTEST;
            rest = (end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        }
        (end > 0).then(|| shown + &text[rest..])
    }
}

/// Whether a piece of a secret is not an ordinary word: it has a digit, or a capital letter within a word.
fn is_telling(piece: &[u8]) -> bool {
    piece.iter().any(u8::is_ascii_digit)
        || piece.windows(2).any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase())
}

/// What every text that contains the secret contains in base64, in both alphabets: one form for each of the three
/// places of its first byte within a group.
fn encoded(secret: &str) -> Vec<SecretString> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut forms = Vec::new();
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
        let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let bits: Vec<u8> = bits.skip((8 * before).div_ceil(6) * 6).collect();
        for others in [b"+/", b"-_"] {
            let letter = |six: &[u8]| {
                let number = six.iter().fold(0_usize, |number, bit| 2 * number + usize::from(*bit));
                char::from(
                    *LETTERS.get(number).unwrap_or_else(|| &others[usize::from(number == 63)]),
                )
            };
            let form: String = bits.chunks_exact(6).map(letter).collect();
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms.into_iter().map(SecretString::from).collect()
}

/// The text with the escapes of JSON strings and of addresses decoded, as far as there are any: `\u0041` and `%41` are
/// `A`, and `\/` is `/`. An invalid escape loses its backslash. The text never becomes longer.
fn unescaped(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '%']) {
        read.push_str(&rest[..at]);
        let is_percent = rest[at..].starts_with('%');
        rest = &rest[at + 1..];
        if is_percent {
            let code = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            // Only what stands for itself is a part of a secret.
            match code.filter(u8::is_ascii) {
                Some(code) => {
                    read.push(char::from(code));
                    rest = &rest[2..];
                }
                None => read.push('%'),
            }
            continue;
        }
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
        assert_eq!(secrets.redact("a%2fb%5Cc%22defg"), "***");
        assert_eq!(secrets.redact(r"sk-canary, sk\u002dcanary"), "***, ***");
        let mut value = serde_json::json!({"sk-canary": [{"x": "\\u0073k-canary"}, 1]});
        secrets.redact_json(&mut value);
        assert_eq!(value, serde_json::json!({"***": [{"x": "***"}, 1]}));
    }

    #[test]
    fn base64_with_a_secret_in_it_is_hidden_at_any_place() {
        let secrets = Secrets::new([SecretString::from("Aladdin:opensesame")]);
        // The example of RFC 7617, with other texts around it.
        for (text, shown) in [
            ("Basic QWxhZGRpbjpvcGVuc2VzYW1l", "Basic ***"),
            ("IEFsYWRkaW46b3BlbnNlc2FtZQ==", "IE***Q=="),
            ("eHhBbGFkZGluOm9wZW5zZXNhbWU", "eHh***U"),
        ] {
            assert_eq!(secrets.redact(text), shown);
        }
    }

    #[test]
    fn errors_show_no_piece_of_a_key_and_all_ordinary_words() {
        let key = SecretString::from("sk-no-key-required-7fA93kQz");
        let secrets = Secrets::new([key, SecretString::from("token-abc123")]);
        for (text, shown) in [
            ("a key is required: ed-7fA93*******", "a key is required: **********"),
            ("no-key-required-7fA9 é7fA93kQz", "no-key-re*** é***"),
            ("token-ab, not oken-abc123", "token-ab, not oken-abc123"),
            ("-7fA93kQz", "***"),
        ] {
            assert_eq!(secrets.redact_error(text), shown, "{text}");
            assert_eq!(secrets.redact(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_escape_is_too_strange(text in r"(\\u|\\|d|D8|3d|[0-9a-fA-Fé])*") {
            unescaped(&text);
        }
    }
}
