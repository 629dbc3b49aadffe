//! A label behind the words that announce it.

use std::ops::Range;

use super::announced::Loose;
use crate::verdict::visible;

/// The label that stands behind the last occurrence of `literal`, and its bytes in `text`.
///
/// Thinking is skipped. Blanks and emphasis around words and label do not matter; the label must end
/// where a word ends. `None` where the words or the label are missing, or another word stands there.
pub fn label_after(text: &str, literal: &str, labels: &[String]) -> Option<(String, Range<usize>)> {
    let shown = visible(text);
    let hidden = shown.as_ptr() as usize - text.as_ptr() as usize;
    let words = Loose::new(literal).ok()?;
    let end = words.places(shown).last()?.end;
    let rest = &shown[end..];
    let opened = rest.trim_start_matches(|c: char| c.is_whitespace() || "*_`\"'“([{:".contains(c));
    let start = hidden + end + rest.len() - opened.len();
    let exact = |label: &&String| opened.starts_with(label.trim());
    let any_case = |label: &&String| {
        opened.get(..label.trim().len()).is_some_and(|head| head.eq_ignore_ascii_case(label.trim()))
    };
    let ends = |label: &&String| {
        !opened[label.trim().len()..].starts_with(|c: char| c.is_alphanumeric() || c == '/')
    };
    let longest = |fits: &dyn Fn(&&String) -> bool| {
        labels
            .iter()
            .filter(|label| fits(label) && ends(label))
            .max_by_key(|label| label.trim().len())
    };
    let label = longest(&exact).or_else(|| longest(&any_case))?;
    Some((label.clone(), start..start + label.trim().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<String> {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        label_after(text, "\nIs it correct (Yes/No)?", &labels).map(|(label, place)| {
            assert_eq!(text[place].to_lowercase(), label.trim().to_lowercase());
            label
        })
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
    fn what_was_not_offered_is_no_label() {
        assert_eq!(after("Is it correct (Yes/No)? Maybe"), None);
        assert_eq!(after("Is it correct (Yes/No)? Nope"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes/No"), None);
        assert_eq!(after("Yes"), None);
        assert_eq!(after("<think>Is it correct (Yes/No)? Yes"), None);
    }
}
