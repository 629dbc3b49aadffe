//! Converts the bytes of a body to text that a JSON reader accepts.
//!
//! Some servers send byte order marks, invalid UTF-8, escaped halves of surrogate pairs, or unrequested
//! compression. None of these loses an answer: what cannot be read becomes `U+FFFD`.

use std::{borrow::Cow, io::Read as _};

/// The bytes as text, without a byte order mark. Invalid UTF-8 and unpaired surrogate escapes become
/// `U+FFFD`.
///
/// It never fails, and the text is at most three times as long as the bytes.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    mended(text).into_owned()
}

/// Decompresses a body, whether or not compression was requested: gzip, zlib or zstd. `encoding` is the
/// header `Content-Encoding`; gzip is recognized without it.
///
/// At most `most` bytes and one more are decompressed, so a compression bomb uses little memory. Returns
/// `None` if the body is damaged, longer than `most`, or compressed in an unsupported way.
pub(super) fn decompress(body: Vec<u8>, encoding: &str, most: usize) -> Option<Vec<u8>> {
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

/// Replaces unpaired surrogate escapes (`\ud83d` without its other half), which JSON readers refuse.
fn mended(text: &str) -> Cow<'_, str> {
    if !text.contains(r"\ud") && !text.contains(r"\uD") {
        return text.into();
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, half) = match (half(rest), rest.get(6..).and_then(half)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(_), _) => (6, true),
            (None, _) => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        whole.push_str(if half { r"\ufffd" } else { &rest[..length] });
        rest = &rest[length..];
    }
    whole.push_str(rest);
    whole.into()
}

/// The UTF-16 surrogate that is escaped at the start of `text`; `None` if there is none.
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
            let read: String = serde_json::from_str(&to_text(bytes)).unwrap();
            assert_eq!(read, text);
        }
        to_text(br"\ud83d\");
    }

    #[test]
    fn a_packed_body_is_unpacked_up_to_a_limit() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[b' '; 9000]).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(decompress(packed.clone(), "gzip", 9000).unwrap().len(), 9000);
        assert_eq!(decompress(packed.clone(), "", 9000).unwrap().len(), 9000);
        assert_eq!(decompress(packed.clone(), "gzip", 8999), None);
        assert_eq!(decompress(packed[..20].to_vec(), "gzip", 9000), None);
        assert_eq!(decompress(b"plain".to_vec(), "gzip", 9000).unwrap(), b"plain");
        assert_eq!(decompress(b"x".to_vec(), "br", 9000), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, text in r"(\\u|\\|d|D8|3d|[0-9a-fA-Fé])*") {
            to_text(&bytes);
            to_text(text.as_bytes());
        }
    }
}
