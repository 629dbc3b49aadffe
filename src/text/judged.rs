//! The judged texts in every form in which a judge may quote them.

use std::{cell::OnceCell, collections::HashSet};

use unicode_normalization::UnicodeNormalization;

use super::{
    fold::{fold, fold_characters, squeezed},
    special::{SpecialToken, special_tokens},
};

/// The texts that a judge was shown, folded, and with escapes read; made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct JudgedTexts<'d> {
    data: &'d [String],
    forms: OnceCell<Vec<String>>,
    forms_with_html: OnceCell<Vec<String>>,
    squeezed: OnceCell<Vec<String>>,
    tags: OnceCell<TagIndex>,
}

/// The tags and control tokens of judged texts, and what follows each of them.
#[derive(Debug, Default)]
struct TagIndex {
    names: HashSet<&'static str>,
    followed: HashSet<(&'static str, String)>,
}

/// So many characters after a tag tell a quotation of it from another one.
const FOLLOWING: usize = 24;

/// Fewer tell nothing.
const TELLING: usize = 4;

impl<'d> JudgedTexts<'d> {
    pub(crate) fn new(data: &'d [String]) -> Self {
        Self { data, ..Self::default() }
    }

    /// Every form, folded: as it was shown, and with JSON escapes and HTML entities read.
    pub(crate) fn forms(&self) -> &[String] {
        self.forms.get_or_init(|| {
            self.data.iter().flat_map(|text| meant(text)).map(|text| fold(&text).text).collect()
        })
    }

    /// The same with HTML tags left in, for patterns that are made of them.
    pub(crate) fn forms_with_html(&self) -> &[String] {
        let folded = |text: String| fold_characters(&text).text;
        self.forms_with_html
            .get_or_init(|| self.data.iter().flat_map(|text| meant(text)).map(folded).collect())
    }

    /// Whether a piece of an answer stands in one of the texts.
    pub(crate) fn contain(&self, piece: &str) -> bool {
        let forms =
            self.squeezed.get_or_init(|| self.forms().iter().map(|form| squeezed(form)).collect());
        let piece = squeezed(&fold(piece).text);
        forms.iter().any(|form| form.contains(&piece))
    }

    /// Whether one of the texts holds a tag of this notation, or this control token.
    pub(super) fn hold(&self, name: &str) -> bool {
        !self.data.is_empty() && self.tags().names.contains(name)
    }

    /// Whether what follows a tag in the answer follows it in one of the texts too.
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

fn following(text: &str) -> String {
    squeezed(&fold(near(text)).text).chars().take(FOLLOWING).collect()
}

/// As much of a text as may tell what follows a tag.
fn near(text: &str) -> &str {
    const NEAR: usize = 4 * FOLLOWING;
    text.char_indices().nth(NEAR).map_or(text, |(end, _)| &text[..end])
}

/// A text as it was shown and as it was meant: with escapes read, again and again where they are nested.
fn meant(text: &str) -> Vec<String> {
    const DEEPEST: usize = 4;
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

/// A text with its JSON escapes and HTML entities read once; what is none of these stays.
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

/// The character that a JSON escape at the beginning of a text means, and the length of the escape.
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

/// The character that an HTML entity at the beginning of a text means, and the length of the entity.
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
