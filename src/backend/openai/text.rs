//! Bytes from a server as text that a JSON reader accepts, without what must not be seen.

use std::{borrow::Cow, io::Read as _};

use serde_json::Value;

/// The text without a byte order mark, and with every character that is none replaced by `U+FFFD`.
pub(super) fn cleaned(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    whole(text).into_owned()
}

/// A body as it was before it was packed, whether that was asked for or not.
///
/// `None`: it is damaged, longer than `most`, or packed in a way that is not known.
pub(super) fn unpacked(body: Vec<u8>, encoding: &str, most: usize) -> Option<Vec<u8>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let limit = most as u64 + 1;
    let mut text = Vec::new();
    let read = match encoding.trim().to_lowercase().as_str() {
        _ if body.starts_with(&GZIP) => {
            flate2::read::MultiGzDecoder::new(&*body).take(limit).read_to_end(&mut text)
        }
        "deflate" => flate2::read::ZlibDecoder::new(&*body).take(limit).read_to_end(&mut text),
        "zstd" => {
            let packed = ruzstd::decoding::StreamingDecoder::new(&*body).ok()?;
            packed.take(limit).read_to_end(&mut text)
        }
        "br" | "compress" => return None,
        _ => return Some(body),
    };
    read.ok().filter(|length| *length <= most).map(|_| text)
}

/// Texts that a server may repeat and that nobody may see: keys, passwords.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Texts of fewer than 8 bytes are placeholders such as `EMPTY`, and occur in ordinary text.
    pub(super) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        const SHORTEST: usize = 8;
        let mut texts: Vec<_> = texts.into_iter().filter(|text| text.len() >= SHORTEST).collect();
        // A secret within another leaves nothing of it.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self(texts)
    }

    /// The text with `***` where a secret was, escaped or not.
    pub(super) fn without<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const DEPTH: usize = 3;
        let mut read = Cow::Borrowed(text);
        for _ in 0..=DEPTH {
            if let Some(hidden) = self.replaced(&read) {
                return hidden.into();
            }
            if !read.contains('\\') {
                break;
            }
            read = unescaped(&read).into();
        }
        text.into()
    }

    /// Hides secrets in every text of a value, and in the names of its fields.
    pub(super) fn hide(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.without(text) {
                    *text = hidden;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::Object(fields) => {
                if fields.keys().any(|name| matches!(self.without(name), Cow::Owned(_))) {
                    let old = std::mem::take(fields);
                    let named =
                        |(name, item): (String, Value)| (self.without(&name).into_owned(), item);
                    fields.extend(old.into_iter().map(named));
                }
                fields.values_mut().for_each(|item| self.hide(item));
            }
            _ => (),
        }
    }

    fn replaced(&self, text: &str) -> Option<String> {
        self.0.iter().any(|secret| text.contains(secret)).then(|| {
            self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
        })
    }
}

/// The text with the escapes of JSON strings read, as far as they are any.
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

/// Escaped halves of characters (`\ud83d` without its other half) are no JSON to most readers.
fn whole(text: &str) -> Cow<'_, str> {
    if !text.contains(r"\ud") && !text.contains(r"\uD") {
        return text.into();
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, half) = match (half(rest), rest.get(6..).and_then(half)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(_), _) => (6, true),
            (None, _) => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        mended.push_str(if half { r"\ufffd" } else { &rest[..length] });
        rest = &rest[length..];
    }
    mended.push_str(rest);
    mended.into()
}

/// The half of a character that is escaped at the start of `text`.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix(r"\u")?.get(..4)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_bytes_come_json_can_be_read() {
        for (bytes, text) in [
            (b"\xef\xbb\xbf\"a\"".as_slice(), "a"),
            (b"\"a\xffb\"", "a\u{fffd}b"),
            (br#""\ud83d\ude00""#, "\u{1F600}"),
            (br#""\ud83d!""#, "\u{fffd}!"),
            (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1F600}"),
            (br#""\\ud83d""#, r"\ud83d"),
            (br#""\\\ud83d\u00e4""#, "\\\u{fffd}\u{e4}"),
            ("\"\\ud83d\u{1F600}\"".as_bytes(), "\u{fffd}\u{1F600}"),
        ] {
            let read: String = serde_json::from_str(&cleaned(bytes)).unwrap();
            assert_eq!(read, text);
        }
        cleaned(br"\ud83d\");
    }

    #[test]
    fn a_key_that_comes_back_is_hidden_and_a_placeholder_is_not() {
        let secrets = Secrets::new(["sk-canary".into(), "EMPTY".into(), "a/b\\c\"defg".into()]);
        for (text, shown) in [
            ("key sk-canary!", "key ***!"),
            ("EMPTY \\u0041", "EMPTY \\u0041"),
            (r"key \u0073k-c\u0061nary!", "key ***!"),
            (r"key sk\u002dcanary \/", "key *** /"),
            (r#"a\/b\\c\"defg"#, "***"),
            (r"twice \\u0073k-canary", "twice ***"),
        ] {
            assert_eq!(secrets.without(text), shown);
        }
        let mut value = serde_json::json!({"sk-canary": [{"x": "\\u0073k-canary"}, 1]});
        secrets.hide(&mut value);
        assert_eq!(value, serde_json::json!({"***": [{"x": "***"}, 1]}));
    }

    #[test]
    fn a_packed_body_is_unpacked_up_to_a_limit() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[b' '; 9000]).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(unpacked(packed.clone(), "gzip", 9000).unwrap().len(), 9000);
        assert_eq!(unpacked(packed.clone(), "", 9000).unwrap().len(), 9000);
        assert_eq!(unpacked(packed.clone(), "gzip", 8999), None);
        assert_eq!(unpacked(packed[..20].to_vec(), "gzip", 9000), None);
        assert_eq!(unpacked(b"plain".to_vec(), "gzip", 9000).unwrap(), b"plain");
        assert_eq!(unpacked(b"x".to_vec(), "br", 9000), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, text in r"(\\u|\\|d|D8|3d|[0-9a-fA-Fé])*") {
            cleaned(&bytes);
            cleaned(text.as_bytes());
            unescaped(&text);
        }
    }
}
