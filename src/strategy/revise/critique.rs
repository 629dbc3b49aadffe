//! What the policy sees of its draft.

use crate::{
    item::Item,
    verdict::{Judgment, Verdict},
};

/// The input of a policy: the record, its draft, and the judge's critique.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Critique {
    /// The number of the requested draft; 0 for the first one, which has no critique.
    pub round: u32,
    /// The record as the judge saw it, with the draft as its answer.
    pub item: Item,
    /// The draft to revise; empty if the first one is requested.
    pub draft: String,
    /// The critique, without the verdict line and without marks.
    pub text: String,
    /// The decision of the judge.
    pub verdict: Option<Verdict>,
    /// Earlier drafts and their critiques, the oldest first; empty if the memory of the loop is 1.
    pub earlier: Vec<EarlierDraft>,
    /// The steps that are kept; the new text is appended to them. `None` if a whole text is requested.
    pub kept: Option<String>,
}

/// An earlier draft and its critique.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierDraft {
    /// The draft.
    pub draft: String,
    /// Its critique.
    pub critique: String,
    /// The decision of the judge, in words.
    pub verdict: String,
}

impl Critique {
    /// The critique that requests a first draft.
    pub(super) fn first(item: Item) -> Self {
        Self {
            round: 0,
            item,
            draft: String::new(),
            text: String::new(),
            verdict: None,
            earlier: Vec::new(),
            kept: None,
        }
    }
}

/// A critique as a policy may see it. A policy that knew the verdict line, or the mark that makes it count,
/// would optimize for these instead of for the reader.
pub(super) fn shown(judgment: &Judgment) -> String {
    let critique = judgment.critique();
    let span = judgment.speaker().and_then(|vote| vote.span);
    let text = span.map_or_else(|| critique.clone(), |span| without(&critique, span));
    let text = match &judgment.mark {
        Some(mark) => unmarked(&text, mark),
        None => text,
    };
    let text = text.trim();
    match &judgment.verdict {
        Ok(verdict) if text.is_empty() => format!("The verdict is {verdict}."),
        _ => text.to_owned(),
    }
}

/// The text without the sentence that announces the span of these characters.
fn without(text: &str, (start, end): (usize, usize)) -> String {
    let at = |character: usize| {
        text.char_indices().nth(character).map_or(text.len(), |(place, _)| place)
    };
    let (start, end) = (at(start), at(end));
    let line = text[..start].rfind('\n').map_or(0, |n| n + 1);
    let sentence = [". ", "! ", "? "]
        .iter()
        .filter_map(|ends| text[line..start].rfind(ends).map(|n| line + n + ends.len()))
        .max();
    let rest = text[end..].find('\n').map_or(text.len(), |n| end + n);
    format!("{}{}", &text[..sentence.unwrap_or(line)], &text[rest..])
}

fn unmarked(text: &str, mark: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(&mark.to_ascii_lowercase()) {
        kept.push_str(text[from..at].trim_end_matches(' '));
        from = at + mark.len();
    }
    kept + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, value: &str) -> String {
        let at = text.rfind(value).unwrap();
        let start = text[..at].chars().count();
        without(text, (start, start + value.chars().count()))
    }

    #[test]
    fn the_line_that_decides_is_left_out() {
        assert_eq!(cut("Wróng at 3.\nScore a1b2: 7\nbye", "7"), "Wróng at 3.\n\nbye");
        assert_eq!(cut("It is fine. I give it [[8]] now.", "8"), "It is fine. ");
        assert_eq!(cut("Score: 2", "2"), "");
    }

    #[test]
    fn no_mark_is_left() {
        assert_eq!(unmarked("Score A1B2: 3, as a1b2 said", "a1b2"), "Score: 3, as said");
        assert_eq!(unmarked("nothing", "a1b2"), "nothing");
    }
}
