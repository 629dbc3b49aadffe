//! Bytes from a server as text that a JSON reader takes.

use std::borrow::Cow;

use super::provider::Secret;

/// The text without a byte order mark, without the key that some servers repeat, and with every
/// character that is none replaced by `U+FFFD`.
pub(super) fn cleaned(bytes: &[u8], key: Option<&Secret>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    whole(&without(text, key)).into_owned()
}

/// Keys of fewer than 8 bytes are placeholders such as `EMPTY`, and occur in ordinary text.
fn without<'t>(text: &'t str, key: Option<&Secret>) -> Cow<'t, str> {
    const SHORTEST: usize = 8;
    match key.map(Secret::expose) {
        Some(key) if key.len() >= SHORTEST && text.contains(key) => text.replace(key, "***").into(),
        _ => text.into(),
    }
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
            let read: String = serde_json::from_str(&cleaned(bytes, None)).unwrap();
            assert_eq!(read, text);
        }
        cleaned(br"\ud83d\", None);
    }

    #[test]
    fn a_key_that_comes_back_is_hidden_and_a_placeholder_is_not() {
        let key = Secret::new("sk-canary");
        assert_eq!(cleaned(b"key sk-canary!", Some(&key)), "key ***!");
        assert_eq!(cleaned(b"EMPTY", Some(&Secret::new("EMPTY"))), "EMPTY");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, text in r"(\\u|\\|d|D8|3d|[0-9a-fA-Fé])*") {
            cleaned(&bytes, None);
            cleaned(text.as_bytes(), None);
        }
    }
}
