//! Announcements such as `Rating: [[5]]`: found loosely, read strictly.

use std::{
    cell::LazyCell,
    ops::{Range, RangeInclusive},
};

use regex::Regex;

use super::{
    FoundValue,
    quoted::{Quotations, Value},
};
use crate::{
    error::{Error, ErrorKind, Result},
    text::{Folded, JudgedTexts, fold, fold_characters, squeezed},
    verdict::{Reason, Unreadable},
};

/// An announcement: the words before the value and those behind it.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    before: LooseWords,
    /// What closes the value; empty where the line does.
    after: String,
    /// The same, to be found in any case.
    closes: Regex,
    /// Whether HTML tags of emphasis or layout are part of the words.
    keeps_html: bool,
}

/// Words to be found whatever their case, blanks and emphasis.
#[derive(Clone, Debug)]
pub(super) struct LooseWords {
    words: Regex,
    /// The same where the words may be spread over lines: a quotation may put them on one.
    spread: Regex,
    /// Whether they begin with a letter or digit, and so may not stand inside of a longer word.
    opens_word: bool,
}

/// Emphasis and blanks that may stand anywhere around and between an announcement's words.
const LOOSE: &str = "[*_`$ \\t]*";

/// A value is short: this far its end is looked for, in bytes. So every announcement costs the same,
/// and a text is read in linear time.
const LONGEST: usize = 512;

impl Announcement {
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let characters = fold_characters(pattern).text;
        let folded = fold(pattern).text;
        let keeps_html = characters != folded;
        let pattern = if keeps_html { characters } else { folded };
        let (before, after) = pattern.split_once('*').unwrap_or((&pattern, ""));
        let after = after.trim().to_lowercase();
        let closes = expression(&format!("(?i){}", regex::escape(&after)), &after)?;
        Ok(Self { before: LooseWords::new(before)?, after, closes, keeps_html })
    }

    /// The text in which this is looked for.
    pub(super) fn folded(&self, text: &str) -> Folded {
        if self.keeps_html { fold_characters(text) } else { fold(text) }
    }

    /// The last announcement that is the judge's own, in a folded text.
    ///
    /// Where the prompt demands its mark, and this is without, the last one decides or none: what stands
    /// in a judged text may be a quotation of it.
    pub(super) fn find(
        &self,
        text: &str,
        judged: &JudgedTexts,
        demanded: bool,
        read: Value,
    ) -> Option<FoundValue> {
        let mut places: Vec<Range<usize>> = self.before.places(text).collect();
        places.retain(|place| self.announces(text, place.end));
        let last = places.last()?;
        let quotations = LazyCell::new(|| self.quotations(judged, read));
        let is_quoted = |place: &Range<usize>| {
            quotations.hold(self.value(text, place.end), read) || in_block_quote(text, place.start)
        };
        if demanded {
            let quoted = is_quoted(last).then(|| Err(unmarked()));
            return Some(self.found(text, last, quoted));
        }
        let opening = last_opening(text);
        let own = |place: &&Range<usize>| {
            let opens = opening.contains(&place.start) && !in_block_quote(text, place.start);
            opens || !is_quoted(place)
        };
        let place = places.iter().rev().find(own)?;
        Some(self.found(text, place, None))
    }

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

    /// Whether the words behind the value are there, where there are any: `Output (a) is longer` is no
    /// announcement of `Output (*) is better`, while `[[A` is a malformed one of `[[*]]`.
    fn announces(&self, text: &str, start: usize) -> bool {
        !self.is_wordy() || self.end(text, start).1
    }

    fn is_wordy(&self) -> bool {
        !self.after.starts_with('<') && self.after.contains(char::is_alphanumeric)
    }

    /// Where the value that begins at `start` ends, and whether it is closed as it should be.
    fn end(&self, text: &str, start: usize) -> (usize, bool) {
        let rest = &text[start..];
        let mut near = &rest[..floor(rest, LONGEST)];
        if self.after.is_empty() {
            return (start + line_end(near), true);
        }
        if self.is_wordy() {
            // Words behind the value stand on its line.
            near = &near[..line_end(near)];
        }
        let end = match self.after.chars().next() {
            Some(close @ ('}' | ')')) => {
                let end = balanced(near, close);
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

    /// The value that begins at `start`.
    fn value<'t>(&self, text: &'t str, start: usize) -> &'t str {
        &text[start..self.end(text, start).0]
    }

    /// The values that the judged texts announce.
    fn quotations(&self, judged: &JudgedTexts, read: Value) -> Quotations {
        let forms = if self.keeps_html { judged.forms_with_html() } else { judged.forms() };
        let mut quotations = Quotations::default();
        for form in forms {
            for place in self.before.spread_places(form) {
                quotations.add(self.value(form, place.end), read);
            }
        }
        quotations
    }
}

/// Why an announcement without the mark decides nothing.
pub(super) fn unmarked() -> Unreadable {
    Unreadable::new(
        Reason::Missing,
        "the last announcement lacks the mark and stands in the judged text: it may be a quotation",
    )
}

fn expression(pattern: &str, words: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|cause| {
        Error::new(ErrorKind::Prompt, format!("`{words}` cannot be looked for")).because(cause)
    })
}

impl LooseWords {
    /// The words are folded as texts are.
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

    /// Where the words stand, with the emphasis and the blanks behind them.
    pub(super) fn places<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.found(&self.words, text)
    }

    /// The same where the words may be spread over lines.
    pub(super) fn spread_places<'t>(
        &'t self,
        text: &'t str,
    ) -> impl Iterator<Item = Range<usize>> + 't {
        self.found(&self.spread, text)
    }

    fn found<'t>(
        &'t self,
        words: &'t Regex,
        text: &'t str,
    ) -> impl Iterator<Item = Range<usize>> + 't {
        let inside = |at: usize| text[..at].ends_with(char::is_alphanumeric);
        let places = words.find_iter(text).map(|found| found.range());
        places.filter(move |place| !self.opens_word || !inside(place.start))
    }
}

/// The pattern of words, with something loose `around` signs and something `between` words.
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

/// The bytes behind the last occurrence of a mark as a word of its own.
pub(super) fn after_mark(mark: &str, text: &str) -> Option<usize> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let whole = |at: &usize| {
        !is_word(text[..*at].chars().next_back())
            && !is_word(text[at + mark.len()..].chars().next())
    };
    let lower = text.to_ascii_lowercase();
    let at = lower.match_indices(mark).map(|(at, _)| at).filter(whole).last()?;
    Some(at + mark.len())
}

/// What stands behind the last occurrence of our marker, which nobody else can have written.
pub(super) fn marked(mark: &str, text: &str) -> Option<FoundValue> {
    let start = after_mark(mark, text)?;
    // The number may stand on the next line: `a3f9:` and below it `6`.
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
    // A minus that touches its number is no dash.
    if text[start..from].ends_with('-') && value.starts_with(|c: char| c.is_ascii_digit()) {
        from -= 1;
    }
    Some(FoundValue { value: Ok(text[from..end].to_owned()), place: trimmed(text, from..end) })
}

/// The end of the line, or of the next one where this one is blank.
fn line_end(rest: &str) -> usize {
    let first = rest.find('\n').unwrap_or(rest.len());
    if !rest[..first].chars().all(is_bare) {
        return first;
    }
    let skipped = rest.len()
        - rest.trim_start_matches(|c: char| c.is_whitespace() || "*_`".contains(c)).len();
    rest[skipped..].find('\n').map_or(rest.len(), |at| skipped + at)
}

/// Where words open the last line with text: a judge's own last word, whatever it quoted before.
pub(super) fn last_opening(text: &str) -> RangeInclusive<usize> {
    let line = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    line..=text.len() - text[line..].trim_start_matches(is_bare).len()
}

/// Blanks, emphasis and the signs of headings and lists.
fn is_bare(c: char) -> bool {
    c.is_whitespace() || "*_`#$-".contains(c)
}

pub(super) fn in_block_quote(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
    text[line..].trim_start().starts_with('>')
}

/// The byte at which an opened bracket closes.
fn balanced(text: &str, close: char) -> Option<usize> {
    let open = if close == '}' { '{' } else { '(' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

fn floor(text: &str, most: usize) -> usize {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// A place without the blanks and the emphasis at its ends.
fn trimmed(text: &str, place: Range<usize>) -> Range<usize> {
    let loose = |c: char| c.is_whitespace() || "*_`$:".contains(c);
    let piece = &text[place.clone()];
    let start = place.start + piece.len() - piece.trim_start_matches(loose).len();
    let end = place.start + piece.trim_end_matches(loose).len();
    if start < end { start..end } else { place }
}
