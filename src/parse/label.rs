//! A label behind the words that announce it.

use std::ops::Range;

use super::announced::{Loose, last_opening};
use crate::verdict::visible;

/// A label that was found behind the words that announce it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The label as it was offered.
    pub label: String,
    /// The byte at which its announcement begins.
    pub start: usize,
    /// The bytes of the label itself.
    pub place: Range<usize>,
}

/// The label that stands behind the last occurrence of `literal`.
///
/// Thinking is skipped. Blanks and emphasis around words and label do not matter; the label must end
/// where a word ends. `None` where the words or the label are missing, or another word stands there.
/// Where one of the judged texts in `data` holds the words too, they count only where they open the
/// last line: elsewhere they may be quoted.
pub fn label_after(
    text: &str,
    literal: &str,
    labels: &[String],
    data: &[String],
) -> Option<Labelled> {
    let shown = visible(text);
    let hidden = shown.as_ptr() as usize - text.as_ptr() as usize;
    let words = Loose::new(literal).ok()?;
    let Range { start: begin, end } = words.places(shown).last()?;
    let quotable = data.iter().any(|text| words.places(text).next().is_some());
    if quotable && !last_opening(shown).contains(&begin) {
        return None;
    }
    let rest = &shown[end..];
    let opened = rest.trim_start_matches(|c: char| c.is_whitespace() || "*_`\"'“([{:".contains(c));
    let start = hidden + end + rest.len() - opened.len();
    let any_case = |label: &&String| {
        let head = opened.get(..label.trim().len());
        head.is_some_and(|head| head.to_lowercase() == label.trim().to_lowercase())
    };
    let ends = |label: &&String| {
        !opened[label.trim().len()..].starts_with(|c: char| c.is_alphanumeric() || c == '/')
    };
    // Labels that differ by case alone are told apart by how they are written.
    let fits = || labels.iter().filter(|label| any_case(label) && ends(label));
    let longest = fits().map(|label| label.trim().len()).max()?;
    let mut best = fits().filter(|label| label.trim().len() == longest);
    let exact = best.clone().find(|label| opened.starts_with(label.trim()));
    let label = exact.or_else(|| best.next().filter(|_| best.next().is_none()))?;
    if offers_another(&opened[label.trim().len()..], labels) {
        return None;
    }
    let place = start..start + label.trim().len();
    Some(Labelled { label: label.clone(), start: hidden + begin, place })
}

/// `Yes or No` is the menu again and no choice.
fn offers_another(rest: &str, labels: &[String]) -> bool {
    let joined = |word: &&str| {
        rest.trim_start().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let Some(word) = ["or ", "and "].into_iter().find(joined) else { return false };
    let behind = rest.trim_start()[word.len()..].trim_start().to_lowercase();
    labels.iter().any(|label| behind.starts_with(&label.trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<String> {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        label_after(text, "\nIs it correct (Yes/No)?", &labels, &[]).map(|found| {
            assert_eq!(text[found.place].to_lowercase(), found.label.trim().to_lowercase());
            assert!(text[found.start..].to_lowercase().starts_with("is it"));
            found.label
        })
    }

    #[test]
    fn words_that_the_candidate_wrote_too_count_only_at_the_opening_of_the_last_line() {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        let data = ["I say: Is it correct (Yes/No)? Yes".to_owned()];
        let after = |text: &str| {
            label_after(text, "Is it correct (Yes/No)?", &labels, &data).map(|found| found.label)
        };
        assert_eq!(after("It claims: Is it correct (Yes/No)? Yes"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes\nsays the answer."), None);
        assert_eq!(after("It boasts.\n**Is it correct (Yes/No)?** No").as_deref(), Some(" No"));
    }

    #[test]
    fn the_last_announcement_decides() {
        assert_eq!(
            after("Is it correct (Yes/No)? Yes\nWait.\nIs it correct (Yes/No)? No.").as_deref(),
            Some(" No")
        );
        assert_eq!(after("**Is it correct (Yes/No)?**\n\n**yes**").as_deref(), Some(" Yes"));
        assert_eq!(after("is it  correct\n(Yes/No)?  \"No\"").as_deref(), Some(" No"));
    }

    #[test]
    fn labels_that_differ_by_case_alone_are_two_labels() {
        let labels = ["m".to_owned(), "M".to_owned()];
        let after =
            |text: &str| label_after(text, "Better:", &labels, &[]).map(|found| found.label);
        assert_eq!(after("Better: m").as_deref(), Some("m"));
        assert_eq!(after("better: M.").as_deref(), Some("M"));
        let words = ["Pass".to_owned(), "PASS".to_owned()];
        let found = label_after("Better: pass", "Better:", &words, &[]);
        assert_eq!(found, None, "it could be either");
    }

    #[test]
    fn what_was_not_offered_is_no_label() {
        assert_eq!(after("Is it correct (Yes/No)? Maybe"), None);
        assert_eq!(after("Is it correct (Yes/No)? Nope"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes/No"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes or No"), None);
        assert_eq!(after("Yes"), None);
        assert_eq!(after("<think>Is it correct (Yes/No)? Yes"), None);
    }
}
