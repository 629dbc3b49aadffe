//! Announcements such as `Rating: [[5]]`: found loosely, read strictly.
//!
//! A rule `Rating: [[*]]` has words before the `*` and closing text after it. In an answer this is found:
//!
//! ```text
//! announcement = words loose value ( closing text | end of line )
//! words        = the rule's words in any case; between words and around signs: loose
//! loose        = blanks and the emphasis of Markdown or LaTeX: * _ ` $
//! value        = up to the closing text, or to the end of its line; at most LONGEST bytes
//! ```
//!
//! `**` in a rule is emphasis: `**Result:** *` finds what `Result: *` finds, and is written as it stands where the
//! announcement is appended to a text. Only ASCII case is ignored in the closing text. If the closing text contains words (`Output (*) is better`),
//! it must follow on the same line, otherwise nothing was announced; if it consists of signs (`[[*]]`), a missing one
//! makes the announcement malformed. A value that is blank up to the end of its line may stand on the next line.
//!
//! Which of several announcements counts:
//!
//! 1. Where the prompt demands its mark and this announcement is without: the last one, and if it may be a
//!    quotation, the text is unreadable. No earlier one is revived.
//! 2. Otherwise the last one that is not quoted from a judged text. One that opens the last line of the answer is
//!    the judge's own.
//! 3. Where the first paragraph of the answer is an announcement and nothing else, and the one that counts by 2 is
//!    another verdict, the answer contradicts itself and is unreadable. With `unique`, any two different verdicts do.

use std::{
    cell::LazyCell,
    ops::{Range, RangeInclusive},
};

use regex::Regex;

use super::{
    found::{Demands, FoundValue, contradicted, unmarked},
    quoted::{QuotedValues, ReadValue},
    rule::value_place,
};
use crate::{
    error::{Error, ErrorKind, Result},
    text::{Folded, JudgedTexts, after_mark, closing_bracket, fold, fold_characters, squeezed},
    verdict::{Reason, Unreadable},
};

/// The announcement of a rule: the words before the value and those after it.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    /// The words before the value.
    before: LooseWords,
    /// The text after the value, in lower case; empty if the line ends it.
    after: String,
    /// The same as an expression that matches in any case.
    closes: Regex,
    /// Whether HTML tags of emphasis or layout are part of the rule, so that texts must keep theirs.
    keeps_html: bool,
}

/// One of the announcements in a text.
pub(super) struct Candidate {
    /// Its value, and the bytes of that in the text.
    pub(super) found: FoundValue,
    /// Whether it may be a quotation of a judged text.
    pub(super) is_quoted: bool,
    /// Whether it opens the last line of the text, and is therefore the judge's own.
    pub(super) opens: bool,
    /// Whether it stands on the last line, and not in a block quotation.
    pub(super) on_last_line: bool,
}

/// Words to be found whatever the case, the blanks and the emphasis.
#[derive(Clone, Debug)]
pub(super) struct LooseWords {
    /// Matches the words on one line.
    words: Regex,
    /// Matches them spread over several lines too: a judge that quotes them may put them on one.
    spread: Regex,
    /// Whether they begin with a letter or digit, and so must not begin inside of a longer word.
    opens_word: bool,
}

/// Emphasis and blanks that may stand between the words of an announcement and around its signs.
const LOOSE: &str = "[*_`$ \\t]*";

/// How many bytes after an announcement the end of its value is looked for. Values are short; with this bound every
/// announcement costs the same, and a text is read in linear time.
const LONGEST: usize = 512;

impl Announcement {
    /// Compiles a rule's pattern, in which one `*` is the place of the value.
    ///
    /// # Errors
    /// The words are too long for an expression ([`ErrorKind::Prompt`]).
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let characters = fold_characters(pattern).text;
        let folded = fold(pattern).text;
        let keeps_html = characters != folded;
        let pattern = if keeps_html { characters } else { folded };
        let (before, after) = value_place(&pattern).unwrap_or((&pattern, ""));
        // Emphasis may stand anywhere, and need not.
        let (before, after) = (before.replace('*', ""), after.replace('*', ""));
        let after = after.trim().to_lowercase();
        let closes = expression(&format!("(?i){}", regex::escape(&after)), &after)?;
        Ok(Self { before: LooseWords::new(&before)?, after, closes, keeps_html })
    }

    /// The form of a text in which this is looked for.
    pub(super) fn folded(&self, text: &str) -> Folded {
        if self.keeps_html { fold_characters(text) } else { fold(text) }
    }

    /// The value of the announcement that counts in a folded text; see the module for which one does.
    pub(super) fn find(
        &self,
        text: &str,
        judged: &JudgedTexts,
        demands: Demands,
        read: ReadValue,
    ) -> Option<FoundValue> {
        let mut places: Vec<Range<usize>> = self.before.places(text).collect();
        places.retain(|place| self.announces(text, place.end));
        let last = places.last()?;
        let quotations = LazyCell::new(|| self.quotations(judged, read));
        let is_quoted = |place: &Range<usize>| {
            quotations.hold(self.value(text, place.end), read) || in_block_quote(text, place.start)
        };
        if demands.mark {
            let quoted = is_quoted(last).then(|| Err(unmarked()));
            return Some(self.found(text, last, quoted));
        }
        let opening = last_opening(text);
        let own = |place: &&Range<usize>| {
            let opens = opening.contains(&place.start) && !in_block_quote(text, place.start);
            opens || !is_quoted(place)
        };
        let place = places.iter().rev().find(own)?;
        let verdict = |place: &Range<usize>| read(self.value(text, place.end));
        let rivals: Vec<&Range<usize>> = if demands.unique {
            places.iter().filter(own).collect()
        } else {
            places
                .first()
                .filter(|first| self.is_first_paragraph(text, first) && own(first))
                .into_iter()
                .collect()
        };
        let fault = contradicted(rivals.into_iter().filter_map(verdict).chain(verdict(place)));
        Some(self.found(text, place, fault.map(Err)))
    }

    /// Whether the first paragraph of a text is the announcement at this place of the words, and nothing else: reasons
    /// for a verdict follow after a blank line, a second thought on the next one.
    fn is_first_paragraph(&self, text: &str, place: &Range<usize>) -> bool {
        let (end, closed) = self.end(text, place.end);
        let rest = &text[end..];
        let rest = if closed { rest.get(self.after.len()..).unwrap_or_default() } else { rest };
        let mut lines = rest.lines();
        let ends =
            lines.next().is_none_or(|line| line.chars().all(|c| is_bare(c) || ".!".contains(c)));
        ends && text[..place.start].chars().all(is_bare)
            && lines.next().is_none_or(|line| line.trim().is_empty())
    }

    /// Every announcement in a text, in order.
    pub(super) fn candidates(
        &self,
        text: &str,
        judged: &JudgedTexts,
        read: ReadValue,
    ) -> Vec<Candidate> {
        let folded = self.folded(text);
        let text = folded.text.as_str();
        let quotations = LazyCell::new(|| self.quotations(judged, read));
        let opening = last_opening(text);
        let places = self.before.places(text).filter(|place| self.announces(text, place.end));
        let candidate = |place: Range<usize>| {
            let in_block = in_block_quote(text, place.start);
            let found = self.found(text, &place, None);
            Candidate {
                found: FoundValue { place: folded.original(found.place), ..found },
                is_quoted: in_block || quotations.hold(self.value(text, place.end), read),
                opens: opening.contains(&place.start) && !in_block,
                on_last_line: place.start >= *opening.start() && !in_block,
            }
        };
        places.map(candidate).collect()
    }

    /// The value at one place of the words; `fault` is why it must not count.
    fn found(
        &self,
        text: &str,
        place: &Range<usize>,
        fault: Option<Result<String, Unreadable>>,
    ) -> FoundValue {
        let (end, closed) = self.end(text, place.end);
        let value = if closed {
            Ok(text[place.end..end].to_owned())
        } else {
            Err(Unreadable::new(
                Reason::Ambiguous,
                format!("the last announcement is not closed by `{}`", self.after),
            ))
        };
        FoundValue { value: fault.unwrap_or(value), place: trimmed(text, place.end..end) }
    }

    /// Whether something is announced at all: where words must follow the value, they do. `Output (a) is longer` is
    /// not an announcement of `Output (*) is better`, while `[[A` is a malformed one of `[[*]]`.
    fn announces(&self, text: &str, start: usize) -> bool {
        !self.is_wordy() || self.end(text, start).1
    }

    /// Whether the text after the value contains words; a closing tag does not count.
    fn is_wordy(&self) -> bool {
        !self.after.starts_with('<') && self.after.contains(char::is_alphanumeric)
    }

    /// The byte where the value that begins at `start` ends, and whether the closing text follows.
    fn end(&self, text: &str, start: usize) -> (usize, bool) {
        let rest = &text[start..];
        let mut near = &rest[..floor(rest, LONGEST)];
        if self.after.is_empty() {
            return (start + line_end(near), true);
        }
        if self.is_wordy() {
            // Words after the value stand on its line.
            near = &near[..line_end(near)];
        }
        let end = match self.after.chars().next() {
            Some(close @ ('}' | ')')) => {
                let end = closing_bracket(near, close);
                end.filter(|&end| squeezed(&near[end..]).starts_with(&squeezed(&self.after)))
            }
            _ => self.closes.find(near).map(|found| found.start()),
        };
        // A stop text may have eaten the closing tag, and then nothing follows.
        let stopped = || self.after.starts_with("</") && !rest.trim().contains('\n');
        match end {
            Some(end) => (start + end, true),
            None if rest.len() == near.len() && stopped() => (text.len(), true),
            None => (start + line_end(near), false),
        }
    }

    /// The text of the value that begins at `start`.
    fn value<'t>(&self, text: &'t str, start: usize) -> &'t str {
        &text[start..self.end(text, start).0]
    }

    /// The values that the judged texts announce.
    fn quotations(&self, judged: &JudgedTexts, read: ReadValue) -> QuotedValues {
        let forms = if self.keeps_html { judged.forms_with_html() } else { judged.forms() };
        let mut quotations = QuotedValues::default();
        for form in forms {
            for place in self.before.spread_places(form) {
                quotations.add(self.value(form, place.end), read);
            }
        }
        quotations
    }
}

/// Compiles an expression that was made of these words.
fn expression(pattern: &str, words: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|cause| {
        Error::new(ErrorKind::Prompt, format!("`{words}` cannot be searched for")).because(cause)
    })
}

impl LooseWords {
    /// Compiles words, which must be folded in the same way as the texts to be searched.
    ///
    /// # Errors
    /// They are too long for an expression.
    pub(super) fn new(words: &str) -> Result<Self> {
        const SPREAD: &str = "[*_`$\\s]*";
        let pattern = loose(words, LOOSE, SPREAD) + LOOSE;
        let spread = loose(words, SPREAD, SPREAD) + LOOSE;
        Ok(Self {
            words: expression(&pattern, words)?,
            spread: expression(&spread, words)?,
            opens_word: words.trim_start().starts_with(char::is_alphanumeric),
        })
    }

    /// Every occurrence of the words on one line, with the emphasis and the blanks after them.
    pub(super) fn places<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.found(&self.words, text)
    }

    /// Every occurrence of the words, also spread over several lines.
    pub(super) fn spread_places<'t>(
        &'t self,
        text: &'t str,
    ) -> impl Iterator<Item = Range<usize>> + 't {
        self.found(&self.spread, text)
    }

    /// The matches of an expression that do not begin inside of a longer word.
    fn found<'t>(
        &'t self,
        words: &'t Regex,
        text: &'t str,
    ) -> impl Iterator<Item = Range<usize>> + 't {
        let inside = |at: usize| text[..at].ends_with(joins_words);
        let places = words.find_iter(text).map(|found| found.range());
        places.filter(move |place| !self.opens_word || !inside(place.start))
    }
}

/// Whether a character before a word makes it a part of a longer one: a letter or digit of a script that sets words
/// apart by blanks, unlike Chinese and Japanese.
fn joins_words(c: char) -> bool {
    let is_east_asian =
        matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}');
    c.is_alphanumeric() && !is_east_asian
}

/// The expression for words: `around` is what may stand at signs, `between` what may stand between words.
fn loose(words: &str, around: &str, between: &str) -> String {
    let mut pattern = String::from("(?i)");
    for (n, word) in words.split_whitespace().enumerate() {
        if n > 0 {
            pattern.push_str(between);
        }
        let mut last: Option<char> = None;
        for c in word.chars() {
            // Letters of one word stay together; around signs there may be emphasis.
            if last.is_some_and(|last| !(last.is_alphanumeric() && c.is_alphanumeric())) {
                pattern.push_str(around);
            }
            pattern.push_str(&regex::escape(&c.to_string()));
            last = Some(c);
        }
    }
    pattern
}

/// The value after the last occurrence of the mark, which no judged text can contain.
///
/// ```text
/// marked = mark signs [ label ":" ] value end of line
/// signs  = blanks, emphasis, ":" "=" dashes and closing brackets
/// label  = words, such as `Score`
/// ```
pub(super) fn marked(mark: &str, text: &str) -> Option<FoundValue> {
    let start = after_mark(text, mark)?;
    // The value may stand on the next line: `a3f9:` and below it `6`.
    let led =
        text[start..].find(|c: char| !"*_`:= \t".contains(c)).map_or(text.len(), |at| start + at);
    let end = led + line_end(&text[led..]);
    let mut value =
        text[start..end].trim_start_matches(|c: char| c.is_whitespace() || "*_`:=-—])".contains(c));
    if let Some((label, find_label)) = value.split_once(':') {
        let label = label.trim_matches(['*', '_', ' ']);
        if label.chars().all(|c| c.is_alphabetic() || c == ' ') {
            value = find_label;
        }
    }
    let mut from = end - value.len();
    // A minus that touches its number is not a dash.
    if text[start..from].ends_with('-') && value.starts_with(|c: char| c.is_ascii_digit()) {
        from -= 1;
    }
    Some(FoundValue { value: Ok(text[from..end].to_owned()), place: trimmed(text, from..end) })
}

/// The end of a line, or of the next line with text where this one is blank.
fn line_end(rest: &str) -> usize {
    let first = rest.find('\n').unwrap_or(rest.len());
    if !rest[..first].chars().all(is_bare) {
        return first;
    }
    let skipped = rest.len()
        - rest.trim_start_matches(|c: char| c.is_whitespace() || "*_`".contains(c)).len();
    rest[skipped..].find('\n').map_or(rest.len(), |at| skipped + at)
}

/// The range of bytes at which words open the last line with text. An announcement that begins there is the judge's
/// own, whatever it quoted before.
pub(super) fn last_opening(text: &str) -> RangeInclusive<usize> {
    let line = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    line..=text.len() - text[line..].trim_start_matches(is_bare).len()
}

/// Whether a character is a blank, emphasis, or the sign of a heading or list.
fn is_bare(c: char) -> bool {
    c.is_whitespace() || "*_`#$-".contains(c)
}

/// Whether the line of a byte is a block quotation of Markdown (`> …`).
pub(super) fn in_block_quote(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
    text[line..].trim_start().starts_with('>')
}

/// The first `most` bytes of a text, ended at a character boundary.
fn floor(text: &str, most: usize) -> usize {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// A place without the blanks and emphasis at its ends.
fn trimmed(text: &str, place: Range<usize>) -> Range<usize> {
    let loose = |c: char| c.is_whitespace() || "*_`$:".contains(c);
    let piece = &text[place.clone()];
    let start = place.start + piece.len() - piece.trim_start_matches(loose).len();
    let end = place.start + piece.trim_end_matches(loose).len();
    if start < end { start..end } else { place }
}
