//! Announcements such as `Rating: [[5]]`: found loosely, read strictly.

use std::{collections::HashSet, ops::Range};

use regex::Regex;

use super::{Found, window};
use crate::{
    error::{Error, ErrorKind, Result},
    verdict::{Reason, Unreadable},
};

/// An announcement: the words before the value and those behind it.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    before: Regex,
    /// What closes the value; empty where the line does.
    after: String,
}

/// Emphasis and blanks that may stand anywhere around and between an announcement's words.
const LOOSE: &str = "[*_`~$ \\t]*";

/// A value is short: this far its end is looked for, in bytes.
const LONGEST: usize = 512;

/// Judged texts beyond this are not searched for quotations of announcements.
const DATA_WINDOW: usize = 64 << 10;

impl Announcement {
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        Ok(Self { before: loose(before)?, after: after.trim().to_lowercase() })
    }

    /// The last announcement that is the judge's own.
    pub(super) fn find(&self, text: &str, data: &[String]) -> Option<Found> {
        let quoted = self.quoted(data);
        let last_line = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let own = |place: &Range<usize>| {
            let (value_end, _) = self.end(text, place.end);
            let whole = normal(&text[place.start..value_end]);
            let opens_last_line =
                place.start >= last_line && bare_start(&text[last_line..place.start]);
            (!quoted.contains(&whole) || opens_last_line) && !in_block_quote(text, place.start)
        };
        let place = self.places(text).filter(own).last()?;
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

    /// Where announcements stand, their words without the value.
    fn places<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        // The group leaves out the character that only shows where a word begins.
        self.before.captures_iter(text).filter_map(|found| found.get(1)).map(|words| words.range())
    }

    /// Where the value that begins at `start` ends, and whether it is closed as it should be.
    fn end(&self, text: &str, start: usize) -> (usize, bool) {
        let rest = &text[start..];
        if self.after.is_empty() {
            return (start + line_end(rest), true);
        }
        let near = &rest[..floor(rest, LONGEST)];
        let end = match self.after.chars().next() {
            Some(close @ ('}' | ')')) => balanced(near, close),
            _ => near.to_ascii_lowercase().find(&self.after),
        };
        match end {
            Some(end) => (start + end, true),
            // A stop text may have eaten the closing tag, and then nothing follows.
            None if self.after.starts_with("</") && rest.len() == near.len() => (text.len(), true),
            None => (start + line_end(rest), false),
        }
    }

    /// The announcements that stand in the judged texts.
    fn quoted(&self, data: &[String]) -> HashSet<String> {
        let mut all = HashSet::new();
        for text in data {
            let text = &text[window(text, DATA_WINDOW)..];
            for place in self.places(text) {
                let (end, _) = self.end(text, place.end);
                all.insert(normal(&text[place.start..end]));
            }
        }
        all
    }
}

/// Words to be found whatever their case, blanks and emphasis; group 1 is the words themselves.
pub(super) fn loose(words: &str) -> Result<Regex> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let opens_word = words.first().is_some_and(|word| word.starts_with(char::is_alphanumeric));
    let mut pattern = String::from(if opens_word { "(?i)(?:^|[^\\pL\\pN])(" } else { "(?i)(" });
    for (n, word) in words.iter().enumerate() {
        if n > 0 {
            pattern.push_str("[*_`~$\\s]*");
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
    pattern.push(')');
    pattern.push_str(LOOSE);
    Regex::new(&pattern).map_err(|cause| {
        Error::new(ErrorKind::Prompt, format!("`{}` cannot be looked for", words.join(" ")))
            .because(cause)
    })
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
    let end = start + line_end(&text[start..]);
    let value = text[start..end]
        .trim_start_matches(|c: char| c.is_whitespace() || "*_`~:=-—])".contains(c));
    // A minus that touches its number is no dash.
    let minus = text[start..end - value.len()].ends_with('-')
        && value.starts_with(|c: char| c.is_ascii_digit());
    let value = if minus { format!("-{value}") } else { value.to_owned() };
    let labelled = value.split_once(':').filter(|(label, _)| {
        label.trim_matches(['*', '_', ' ']).chars().all(|c| c.is_alphabetic() || c == ' ')
    });
    let value = labelled.map_or(value.clone(), |(_, value)| value.to_owned());
    Some(Found { value: Ok(value), place: trimmed(text, start..end) })
}

/// The end of the line, or of the next one where this one is blank.
fn line_end(rest: &str) -> usize {
    let first = rest.find('\n').unwrap_or(rest.len());
    if !bare_start(&rest[..first]) {
        return first;
    }
    let skipped = rest.len()
        - rest.trim_start_matches(|c: char| c.is_whitespace() || "*_`".contains(c)).len();
    rest[skipped..].find('\n').map_or(rest.len(), |at| skipped + at)
}

/// Whether nothing but blanks, emphasis and headings stands there.
fn bare_start(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || "*_`~#$-".contains(c))
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
    let loose = |c: char| c.is_whitespace() || "*_`~$:".contains(c);
    let piece = &text[place.clone()];
    let start = place.start + piece.len() - piece.trim_start_matches(loose).len();
    let end = place.start + piece.trim_end_matches(loose).len();
    if start < end { start..end } else { place }
}

/// For comparing with judged texts: case, blanks and emphasis do not count.
fn normal(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !"*_`~$".contains(*c));
    kept.flat_map(char::to_lowercase).collect()
}
