//! Folding: characters that look alike or are invisible become plain ones.
//!
//! Answers and judged texts are folded in the same way before words are looked for, so that a disguised
//! announcement (`Ｓｃｏｒｅ：９`, `Sco\u{200b}re: 9`, `<b>Score</b>: 9`) is found, and also recognised as a quotation.
//! Verdicts report places in the original text: a folded text remembers where each of its parts came from.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// A folded text, and for each of its parts the place in the original text that it came from.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    /// The folded text.
    pub(crate) text: String,
    /// Its pieces, in order; empty if folding changed nothing.
    pieces: Vec<FoldedPiece>,
}

/// A part of a folded text, and the part of the original that it was made of.
#[derive(Clone, Debug)]
struct FoldedPiece {
    /// The byte of the folded text where it begins.
    start: usize,
    /// The bytes of the original text.
    original: Range<usize>,
    /// Whether it was copied unchanged.
    verbatim: bool,
}

impl Folded {
    /// The bytes of the original text that became these bytes of the folded one.
    ///
    /// Both ends lie on character boundaries. A place inside of a replaced piece becomes the whole piece: of `【1】`,
    /// folded to `[[1]]`, the bytes of the first `[` alone are those of `【`.
    pub(crate) fn original(&self, place: Range<usize>) -> Range<usize> {
        let Some(last) = self.pieces.last() else { return place };
        let start = match self.piece(place.start) {
            _ if place.start >= self.text.len() => last.original.end,
            Some(piece) if piece.verbatim => piece.original.start + (place.start - piece.start),
            Some(piece) => piece.original.start,
            None => 0,
        };
        let inside = place.end.checked_sub(1).filter(|inside| *inside >= place.start);
        let end = match inside.and_then(|inside| self.piece(inside)) {
            Some(piece) if piece.verbatim => piece.original.start + (place.end - piece.start),
            Some(piece) => piece.original.end,
            None => start,
        };
        start..end
    }

    /// The piece that contains this byte of the folded text.
    fn piece(&self, at: usize) -> Option<&FoldedPiece> {
        let after = self.pieces.partition_point(|piece| piece.start <= at);
        self.pieces.get(after.checked_sub(1)?)
    }

    /// Appends a piece.
    fn push(&mut self, text: &str, original: Range<usize>, verbatim: bool) {
        if !text.is_empty() {
            self.pieces.push(FoldedPiece { start: self.text.len(), original, verbatim });
            self.text.push_str(text);
        }
    }
}

/// Folds a text: blanks of all kinds become spaces, invisible characters disappear, full-width forms and brackets
/// of other scripts become ASCII, and HTML tags of emphasis and layout are removed or become line breaks.
///
/// Case, digits and accents stay as they are: `７` is not `7`, since values are read strictly, and a value in
/// full-width digits was not asked for.
///
/// | written | folded |
/// |---|---|
/// | `Sco<U+200B>re: 7` | `Score: 7` |
/// | `Ｓｃｏｒｅ：` | `Score:` |
/// | `<b>Score:</b> 7` | `Score: 7` |
/// | `【7】`, `［［7］］` | `[[7]]` |
/// | `a<br/>b` | `a`, line break, `b` |
pub(crate) fn fold(text: &str) -> Folded {
    folded(text, true)
}

/// The same, but HTML tags stay: for patterns such as `<b>*</b>` that consist of tags.
pub(crate) fn fold_characters(text: &str) -> Folded {
    folded(text, false)
}

/// Folds in one pass; `html` also removes tags. A text without anything to fold is copied as it is.
fn folded(text: &str, html: bool) -> Folded {
    if text.bytes().all(|byte| is_plain(byte, html)) {
        return Folded { text: text.to_owned(), pieces: Vec::new() };
    }
    let mut folded = Folded { text: String::with_capacity(text.len()), pieces: Vec::new() };
    let (mut kept, mut at) = (0, 0);
    while let Some(&byte) = text.as_bytes().get(at) {
        if is_plain(byte, html) {
            at += 1;
            continue;
        }
        let rest = &text[at..];
        let c = rest.chars().next().unwrap_or_default();
        let tag = if html && c == '<' { tag(rest) } else { None };
        let mut buffer = [0; 4];
        let (written, length) = tag.or_else(|| bracket(rest, c)).unwrap_or_else(|| {
            let plain = plain(c, rest).map_or("", |plain| plain.encode_utf8(&mut buffer));
            (plain, c.len_utf8())
        });
        if *written != rest[..length] {
            folded.push(&text[kept..at], kept..at, true);
            folded.push(written, at..at + length, false);
            kept = at + length;
        }
        at += length;
    }
    folded.push(&text[kept..], kept..text.len(), true);
    folded
}

/// Whether a byte stays as it is: a text of such bytes alone needs no folding.
fn is_plain(byte: u8, html: bool) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t') && !(html && byte == b'<')
}

/// The character that `c` is folded into; `None` if it is invisible. `rest` is the text from `c` on.
fn plain(c: char, rest: &str) -> Option<char> {
    match c {
        '\n' | '\t' | ' '..='~' => Some(c),
        '\r' if rest.starts_with("\r\n") => None,
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        _ if is_unseen(c) => None,
        _ if c.is_whitespace() => Some(' '),
        // Digits stay: a number is written in plain ones.
        '\u{ff10}'..='\u{ff19}' => Some(c),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        // Colons of other scripts and small forms.
        '\u{2d0}' | '\u{2f8}' | '\u{2236}' | '\u{a789}' | '\u{fe13}' | '\u{fe30}' | '\u{fe55}' => {
            Some(':')
        }
        '\u{2045}' | '\u{3014}' | '\u{fe5d}' | '\u{2772}' | '\u{2997}' | '\u{fe47}' => Some('['),
        '\u{2046}' | '\u{3015}' | '\u{fe5e}' | '\u{2773}' | '\u{2998}' | '\u{fe48}' => Some(']'),
        '\u{fe59}' | '\u{2768}' | '\u{ff5f}' => Some('('),
        '\u{fe5a}' | '\u{2769}' | '\u{ff60}' => Some(')'),
        '\u{fe5b}' | '\u{2774}' => Some('{'),
        '\u{fe5c}' | '\u{2775}' => Some('}'),
        '\u{fe61}' | '\u{2217}' => Some('*'),
        _ => Some(c),
    }
}

/// Whether a character is invisible: a control character, or one that Unicode allows programs to ignore (its
/// property `Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// East Asian brackets, which are written once where English texts write two: `【5】` is `[[5]]`. Returns the
/// plain brackets, and the length in bytes of what they replace (one bracket or two equal ones).
fn bracket(rest: &str, c: char) -> Option<(&'static str, usize)> {
    let written = match c {
        '【' | '〖' | '〚' | '〘' | '⟦' => "[[",
        '】' | '〗' | '〛' | '〙' | '⟧' => "]]",
        _ => return None,
    };
    let run = rest.chars().take(2).take_while(|next| *next == c).count();
    Some((written, run * c.len_utf8()))
}

/// An HTML tag of emphasis or layout at the beginning of a text: what it is replaced with, and its length in bytes.
/// Other tags (`<sup>`, `<answer>`) are text.
fn tag(rest: &str) -> Option<(&'static str, usize)> {
    const LONGEST: usize = 200;
    const EMPHASIS: [&str; 16] = [
        "b", "i", "u", "em", "strong", "mark", "code", "tt", "kbd", "samp", "small", "big", "font",
        "span", "ins", "center",
    ];
    const LINES: [&str; 14] = [
        "br",
        "p",
        "div",
        "hr",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
    ];
    let inner = rest.strip_prefix('<')?;
    let end = inner.bytes().take(LONGEST).position(|byte| matches!(byte, b'>' | b'<' | b'\n'))?;
    let inner = inner.get(..end).filter(|_| rest.as_bytes().get(end + 1) == Some(&b'>'))?;
    let closes = inner.starts_with('/');
    if !inner.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name = inner.trim_start_matches('/').trim_end_matches('/').split_whitespace().next()?;
    let is = |known: &&'static str| name.eq_ignore_ascii_case(known);
    let seen = if EMPHASIS.iter().any(is) {
        ""
    } else if name.eq_ignore_ascii_case("blockquote") && !closes {
        "\n> "
    } else {
        LINES.iter().find(|known| is(known)).map(|_| "\n")?
    };
    Some((seen, end + 2))
}

/// A text reduced to what counts in comparisons: without blanks and Markdown emphasis, in lower case, and with
/// compatible characters unified (Unicode NFKC).
///
/// `**Score** : 10` and `score:10` become the same text, and so do `𝐒𝐜𝐨𝐫𝐞` and `score`. Places are lost: this form is
/// for comparing only.
pub(crate) fn squeezed(text: &str) -> String {
    let kept = |c: &char| !c.is_whitespace() && !"*_`$".contains(*c);
    if text.is_ascii() {
        return text.chars().filter(kept).map(|c| c.to_ascii_lowercase()).collect();
    }
    text.nfkc().filter(kept).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_dropped_and_look_alikes_become_one() {
        for (text, plain) in [
            ("Sco\u{200b}re\u{2060}: 7", "Score: 7"),
            ("Sco\u{ad}re\u{a0}: 7", "Score : 7"),
            ("Ｓｃｏｒｅ：７", "Score:７"),
            ("<b>Score:</b> <STRONG class=\"x\">7</strong>", "Score: 7"),
            ("【7】 【【7】】 ［［7］］ 〔7〕（7）", "[[7]] [[7]] [[7]] [7](7)"),
            ("a<br/>b\r\nc\rd", "a\nb\nc\nd"),
            ("5<sup>2</sup> <s>3</s> <answer>", "5<sup>2</sup> <s>3</s> <answer>"),
            ("a < b and b > c", "a < b and b > c"),
        ] {
            assert_eq!(fold(text).text, plain, "{text:?}");
        }
        assert_eq!(fold_characters("<b>Ａ</b>").text, "<b>A</b>");
    }

    #[test]
    fn a_place_in_a_folded_text_is_one_in_the_original() {
        let text = "Größe\u{200b}: <b>Ａ【1】</b>!";
        let folded = fold(text);
        let at = folded.text.find("A[[1]]").unwrap();
        assert_eq!(&text[folded.original(at..at + 6)], "Ａ【1】");
        assert_eq!(&text[folded.original(at + 3..at + 4)], "1");
        let all = folded.original(0..folded.text.len());
        assert_eq!(&text[all], text);
        assert_eq!(fold("plain").original(1..3), 1..3);
        assert_eq!(folded.original(3..3).len(), 0);
    }

    #[test]
    fn for_comparing_neither_case_nor_emphasis_nor_form_counts() {
        assert_eq!(squeezed("**Score** :\n`10`"), "score:10");
        assert_eq!(squeezed("𝐒𝐜𝐨𝐫𝐞: 𝟏𝟎 ﬁne"), "score:10fine");
    }
}
