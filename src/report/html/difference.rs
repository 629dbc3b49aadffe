//! What a draft changed of the one before it, word by word.

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

/// The longest pair of drafts that is compared word by word, in bytes: the time grows with their differences.
const COMPARED: usize = 60_000;

/// Runs of words: 0 for those that stayed, −1 for removed, 1 for added ones.
pub(super) fn difference(old: &str, new: &str) -> Value {
    if old == new {
        return json!([[0, new]]);
    }
    if old.len() + new.len() > COMPARED {
        return json!([[-1, old], [1, new]]);
    }
    let mut parts: Vec<Part> = Vec::new();
    for change in TextDiff::from_words(old, new).iter_all_changes() {
        let is_new = parts
            .last()
            .is_none_or(|last| (last.kept.is_empty()) != (change.tag() != ChangeTag::Equal));
        if is_new {
            parts.push(Part::default());
        }
        let Some(last) = parts.last_mut() else { continue };
        match change.tag() {
            ChangeTag::Equal => last.kept.push_str(change.value()),
            ChangeTag::Delete => last.removed.push_str(change.value()),
            ChangeTag::Insert => last.added.push_str(change.value()),
        }
    }
    let parts = joined(parts);
    let runs = parts.iter().flat_map(|part| {
        [(0, &part.kept), (-1, &part.removed), (1, &part.added)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
    });
    json!(runs.collect::<Vec<(i8, &String)>>())
}

/// A part of two texts: words that both have, or those that one has in place of the other's.
#[derive(Clone, Debug, Default, PartialEq)]
struct Part {
    kept: String,
    removed: String,
    added: String,
}

/// The parts with few kept words between changes made part of these: words that stay by chance would tear sentences
/// apart that were replaced.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    /// The most words between two changes that belong to both.
    const FEW: usize = 2;
    let mut all: Vec<Part> = Vec::new();
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.next() {
        let is_short = part.kept.split_whitespace().count() <= FEW && !part.kept.contains('\n');
        match all.last_mut() {
            Some(last) if last.kept.is_empty() && part.kept.is_empty() => {
                last.removed.push_str(&part.removed);
                last.added.push_str(&part.added);
            }
            Some(last) if last.kept.is_empty() && is_short && parts.peek().is_some() => {
                last.removed.push_str(&part.kept);
                last.added.push_str(&part.kept);
            }
            _ => all.push(part),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_was_replaced_is_not_torn_apart() {
        let old = "Wind pushes the water to the shore. They come twice a day.";
        let new = "The moon pulls the water with its gravity. They come twice a day.";
        assert_eq!(
            difference(old, new),
            json!([
                [-1, "Wind pushes the water to the shore."],
                [1, "The moon pulls the water with its gravity."],
                [0, " They come twice a day."]
            ])
        );
        // What many words separate stays apart.
        let changed = difference("One is a b c d e f two.", "Uno is a b c d e f due.");
        assert_eq!(changed[2], json!([0, " is a b c d e f "]), "{changed}");
    }

    #[test]
    fn changed_words_are_told_apart_and_long_texts_not_compared() {
        assert_eq!(
            difference("12 + 30 = 41", "12 + 30 = 42"),
            json!([[0, "12 + 30 = "], [-1, "41"], [1, "42"]])
        );
        let long = "word ".repeat(20_000);
        assert_eq!(difference(&long, "short")[1], json!([1, "short"]));
    }
}
