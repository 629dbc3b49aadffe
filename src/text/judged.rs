//! The judged texts, in every form in which a judge may quote them.
//!
//! A judge may see a text inside of JSON (`"ok\\nScore: 10"`) and quote what it means, or see HTML entities and
//! quote the characters. An announcement in the judge's answer that also stands in one of these forms may be a
//! quotation, and must then decide nothing.

use std::{cell::OnceCell, collections::HashSet};

use unicode_normalization::UnicodeNormalization;

use super::{
    fold::{fold, fold_characters, squeezed},
    special::{SpecialToken, special_tokens},
};

/// The texts that a judge was shown, ready to be searched.
///
/// Most answers need none of this, so every form is made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct JudgedTexts<'d> {
    /// The texts as they were shown.
    data: &'d [String],
    /// Every form of each text, folded.
    forms: OnceCell<Vec<String>>,
    /// The same with HTML tags left in.
    forms_with_html: OnceCell<Vec<String>>,
    /// The forms [squeezed], for comparisons.
    squeezed: OnceCell<Vec<String>>,
    /// Their tags and control tokens.
    tags: OnceCell<TagIndex>,
}

/// The tags and control tokens that occur in judged texts.
#[derive(Debug, Default)]
struct TagIndex {
    /// Their notations.
    names: HashSet<&'static str>,
    /// Each notation with the text that follows it somewhere, squeezed and cut to [`FOLLOWING`] characters.
    followed: HashSet<(&'static str, String)>,
}

/// How many characters after a tag are compared to recognise a quotation of it.
const FOLLOWING: usize = 24;

/// With fewer characters in common, nothing can be concluded.
const TELLING: usize = 4;

impl<'d> JudgedTexts<'d> {
    /// Prepares the texts that a judge was shown; nothing is computed yet.
    pub(crate) fn new(data: &'d [String]) -> Self {
        Self { data, ..Self::default() }
    }

    /// Every form of each text, folded: as it was shown, and with JSON escapes and HTML entities resolved.
    pub(crate) fn forms(&self) -> &[String] {
        self.forms.get_or_init(|| {
            self.data.iter().flat_map(|text| meant(text)).map(|text| fold(&text).text).collect()
        })
    }

    /// The same with HTML tags left in, for patterns that consist of tags.
    pub(crate) fn forms_with_html(&self) -> &[String] {
        let folded = |text: String| fold_characters(&text).text;
        self.forms_with_html
            .get_or_init(|| self.data.iter().flat_map(|text| meant(text)).map(folded).collect())
    }

    /// Whether a piece of an answer occurs in one of the texts; blanks, case and emphasis do not count.
    pub(crate) fn contain(&self, piece: &str) -> bool {
        let forms =
            self.squeezed.get_or_init(|| self.forms().iter().map(|form| squeezed(form)).collect());
        let piece = squeezed(&fold(piece).text);
        forms.iter().any(|form| form.contains(&piece))
    }

    /// Whether a tag of this notation, or this control token, occurs in one of the texts.
    pub(super) fn hold(&self, name: &str) -> bool {
        !self.data.is_empty() && self.tags().names.contains(name)
    }

    /// Whether a tag is followed in one of the texts by what follows it in the answer (`after`). Four characters must
    /// agree at least.
    pub(super) fn go_on_like(&self, name: &'static str, after: &str) -> bool {
        let after = following(after);
        let ends = after.char_indices().map(|(at, c)| at + c.len_utf8()).skip(TELLING - 1);
        ends.into_iter().any(|end| self.tags().followed.contains(&(name, after[..end].to_owned())))
    }

    fn tags(&self) -> &TagIndex {
        self.tags.get_or_init(|| {
            let mut all = TagIndex::default();
            // Hostile texts repeat themselves: what follows a tag is folded once.
            let mut seen = HashSet::new();
            for form in self.forms_with_html() {
                for SpecialToken { name, place, .. } in special_tokens(form) {
                    all.names.insert(name);
                    let after = near(&form[place.end..]);
                    if seen.insert((name, after)) {
                        all.followed.insert((name, following(after)));
                    }
                }
            }
            all
        })
    }
}

/// The beginning of a text, squeezed, for comparing what follows a tag.
fn following(text: &str) -> String {
    squeezed(&fold(near(text)).text).chars().take(FOLLOWING).collect()
}

/// As much of a text as [`following`] needs, so that long texts are not folded again for every tag.
fn near(text: &str) -> &str {
    const NEAR: usize = 4 * FOLLOWING;
    text.char_indices().nth(NEAR).map_or(text, |(end, _)| &text[..end])
}

/// How many levels of nested escapes are resolved.
const DEEPEST: usize = 4;

/// A text as it was shown, and as it reads with its escapes resolved, once for every level of nesting.
///
/// A tool call holds JSON inside of a JSON string, and a conversation holds tool calls: three levels occur in real
/// data. Resolving stops when nothing changes, or at [`DEEPEST`].
fn meant(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    if !text.is_ascii() {
        forms.extend(Some(text.nfkc().collect::<String>()).filter(|other| other != text));
    }
    let mut last = text.to_owned();
    for _ in 0..DEEPEST {
        let read = with_escapes_read(&last);
        if read == last {
            break;
        }
        forms.push(read.clone());
        last = read;
    }
    forms
}

/// A text with its JSON escapes and HTML entities resolved once; everything else stays.
fn with_escapes_read(text: &str) -> String {
    if !text.contains(['\\', '&']) {
        return text.to_owned();
    }
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&']) {
        read.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = if rest.starts_with('\\') { escape(rest) } else { entity(rest) };
        let (c, length) = found.unwrap_or((if rest.starts_with('\\') { '\\' } else { '&' }, 1));
        read.push(c);
        rest = &rest[length..];
    }
    read + rest
}

/// The character that a JSON escape at the beginning of a text stands for, and the length of the escape in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let simple = |c: char| Some((c, 2));
    match text.chars().nth(1)? {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        c @ ('"' | '\\' | '/' | '\'') => simple(c),
        'u' => {
            let unit = |at: usize| u16::from_str_radix(text.get(at..at + 4)?, 16).ok();
            let high = unit(2)?;
            if let Some(c) = char::from_u32(u32::from(high)) {
                return Some((c, 6));
            }
            let low = unit(8).filter(|_| text.get(6..8) == Some("\\u"))?;
            let c = char::decode_utf16([high, low]).next()?.ok()?;
            Some((c, 12))
        }
        _ => None,
    }
}

/// The character that an HTML entity at the beginning of a text stands for, and the length of the entity in bytes.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 12] = [
        ("lt", '<'),
        ("gt", '>'),
        ("amp", '&'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("colon", ':'),
        ("lbrack", '['),
        ("rbrack", ']'),
        ("lsqb", '['),
        ("rsqb", ']'),
        ("ast", '*'),
    ];
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let number = || {
        let digits = name.strip_prefix('#')?;
        let hex = digits.strip_prefix(['x', 'X']);
        let code = hex.map_or_else(|| digits.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
        char::from_u32(code?)
    };
    let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    Some((named.or_else(number)?, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_often_as_they_are_nested() {
        let shown = serde_json::json!({"a": "ok\nScore: 10 é"}).to_string();
        let nested = serde_json::json!({ "arguments": shown }).to_string();
        let data = [nested];
        let judged = JudgedTexts::new(&data);
        assert!(judged.forms().iter().any(|form| form.contains("ok\nScore: 10")));
        assert!(judged.contain("**score**: 10"));
        assert!(!judged.contain("Score: 9"));
    }

    #[test]
    fn escapes_of_every_kind_are_read() {
        for (shown, meant) in [
            (r#"a\n\"b\"\\ \u003a \ud83d\ude00"#, "a\n\"b\"\\ : 😀"),
            (r"\ud83d \u12 \q", r"\ud83d \u12 \q"),
            ("Score&#58; 1&#x30; &lt;b&gt; R&D &unknown;", "Score: 10 <b> R&D &unknown;"),
            ("é&é\\", "é&é\\"),
        ] {
            assert_eq!(with_escapes_read(shown), meant);
        }
    }
}
