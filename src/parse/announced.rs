//! Announcements such as `Rating: [[5]]`: found loosely, read strictly.

use std::{
    collections::HashSet,
    ops::{Range, RangeInclusive},
};

use regex::Regex;

use super::{Found, WINDOW, window};
use crate::{
    error::{Error, ErrorKind, Result},
    verdict::{Reason, Unreadable},
};

/// An announcement: the words before the value and those behind it.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    before: Loose,
    /// What closes the value; empty where the line does.
    after: String,
}

/// Words to be found whatever their case, blanks and emphasis.
#[derive(Clone, Debug)]
pub(super) struct Loose {
    words: Regex,
    /// Whether they begin with a letter or digit, and so may not stand inside of a longer word.
    opens_word: bool,
}

/// Emphasis and blanks that may stand anywhere around and between an announcement's words.
const LOOSE: &str = "[*_`$ \\t]*";

/// A value is short: this far its end is looked for, in bytes. So every announcement costs the same,
/// and a text is read in linear time.
const LONGEST: usize = 512;

/// This much of a value tells a quotation from a verdict, in bytes.
const HEAD: usize = 32;

impl Announcement {
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        Ok(Self { before: Loose::new(before)?, after: after.trim().to_lowercase() })
    }

    /// The last announcement that is the judge's own.
    pub(super) fn find(&self, text: &str, data: &[String]) -> Option<Found> {
        let quoted = self.quoted(data);
        let opening = last_opening(text);
        let own = |place: &Range<usize>| {
            self.announces(text, place.end)
                && (opening.contains(&place.start) || !quoted.contains(&self.head(text, place.end)))
                && !in_block_quote(text, place.start)
        };
        let places: Vec<Range<usize>> = self.before.places(text).collect();
        let place = places.into_iter().rev().find(own)?;
        let (value_end, closed) = self.end(text, place.end);
        let value = text[place.end..value_end].to_owned();
        let value = if closed {
            Ok(value)
        } else {
            Err(Unreadable::new(
                Reason::Ambiguous,
                format!("the last announcement is not closed by `{}`", self.after),
            ))
        };
        Some(Found { value, place: trimmed(text, place.end..value_end) })
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
                end.filter(|&end| normal(&near[end..]).starts_with(&normal(&self.after)))
            }
            _ if !self.after.contains(char::is_alphabetic) => near.find(&self.after),
            _ => near.to_ascii_lowercase().find(&self.after),
        };
        // A stop text may have eaten the closing tag, and then nothing follows.
        let stopped = || self.after.starts_with("</") && !rest.trim().contains('\n');
        match end {
            Some(end) => (start + end, true),
            None if rest.len() == near.len() && stopped() => (text.len(), true),
            None => (start + line_end(near), false),
        }
    }

    /// What tells the value that begins at `start` from others: all of it, or its first word where only
    /// the line ends it.
    fn head(&self, text: &str, start: usize) -> String {
        let (end, _) = self.end(text, start);
        let value = text[start..end].trim_start_matches(|c: char| is_bare(c) && c != '-');
        let value = &value[..floor(value, HEAD)];
        if !self.after.is_empty() {
            return normal(value);
        }
        let goes_on = |at: usize| value[at..].starts_with(char::is_alphanumeric);
        let ends = |&(at, c): &(usize, char)| {
            at > 0 && !c.is_alphanumeric() && !(c == '.' && goes_on(at + 1))
        };
        let end = value.char_indices().find(ends).map_or(value.len(), |(at, _)| at);
        normal(&value[..end])
    }

    /// The heads of the values that the judged texts announce.
    fn quoted(&self, data: &[String]) -> HashSet<String> {
        let mut all = HashSet::new();
        for text in data {
            let text = &text[window(text, WINDOW)..];
            all.extend(self.before.places(text).map(|place| self.head(text, place.end)));
        }
        all
    }
}

impl Loose {
    pub(super) fn new(words: &str) -> Result<Self> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let opens_word = words.first().is_some_and(|word| word.starts_with(char::is_alphanumeric));
        let mut pattern = String::from("(?i)");
        for (n, word) in words.iter().enumerate() {
            if n > 0 {
                pattern.push_str("[*_`$\\s]*");
            }
            let mut last: Option<char> = None;
            for c in word.chars() {
                // Letters of one word stay together; around signs there may be emphasis.
                if last.is_some_and(|last| !(last.is_alphanumeric() && c.is_alphanumeric())) {
                    pattern.push_str(LOOSE);
                }
                pattern.push_str(&regex::escape(&c.to_string()));
                last = Some(c);
            }
        }
        pattern.push_str(LOOSE);
        let words = Regex::new(&pattern).map_err(|cause| {
            Error::new(ErrorKind::Prompt, format!("`{}` cannot be looked for", words.join(" ")))
                .because(cause)
        })?;
        Ok(Self { words, opens_word })
    }

    /// Where the words stand, with the emphasis and the blanks behind them.
    pub(super) fn places<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        let inside = |at: usize| text[..at].ends_with(char::is_alphanumeric);
        let places = self.words.find_iter(text).map(|found| found.range());
        places.filter(move |place| !self.opens_word || !inside(place.start))
    }
}

/// What stands behind the last occurrence of our marker, which nobody else can have written.
pub(super) fn marked(mark: &str, text: &str) -> Option<Found> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let whole = |at: &usize| {
        !is_word(text[..*at].chars().next_back())
            && !is_word(text[at + mark.len()..].chars().next())
    };
    let at =
        text.to_ascii_lowercase().match_indices(mark).map(|(at, _)| at).filter(whole).last()?;
    let start = at + mark.len();
    // The number may stand on the next line: `a3f9:` and below it `6`.
    let led =
        text[start..].find(|c: char| !"*_`:= \t".contains(c)).map_or(text.len(), |at| start + at);
    let end = led + line_end(&text[led..]);
    let mut value =
        text[start..end].trim_start_matches(|c: char| c.is_whitespace() || "*_`:=-—])".contains(c));
    if let Some((label, labelled)) = value.split_once(':') {
        let label = label.trim_matches(['*', '_', ' ']);
        if label.chars().all(|c| c.is_alphabetic() || c == ' ') {
            value = labelled;
        }
    }
    let mut from = end - value.len();
    // A minus that touches its number is no dash.
    if text[start..from].ends_with('-') && value.starts_with(|c: char| c.is_ascii_digit()) {
        from -= 1;
    }
    Some(Found { value: Ok(text[from..end].to_owned()), place: trimmed(text, from..end) })
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

fn in_block_quote(text: &str, at: usize) -> bool {
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

/// For comparing with judged texts: case, blanks and emphasis do not count.
fn normal(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !"*_`$".contains(*c));
    kept.flat_map(char::to_lowercase).collect()
}
