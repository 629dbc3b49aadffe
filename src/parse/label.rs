//! The label after the words that announce it, for models that cannot be asked to choose.
//!
//! A prompt body such as `Is it correct (Yes/No)? {{ choose("verdict", [" Yes", " No"]) }}` is exact where the model
//! runs in this process. A chat API writes the whole turn instead; the label is then read from its text, after the
//! last occurrence of the author's words before the `choose`.

use std::ops::Range;

use super::{
    announced::{LooseWords, in_block_quote, last_opening},
    words::{Offer, offers_another},
};
use crate::text::{JudgedTexts, TurnEnd, after_mark, fold, visible_part};

/// A label that was found after the words that announce it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLabel {
    /// The label as it was offered.
    pub label: String,
    /// The byte of the text at which its announcement begins.
    pub start: usize,
    /// The bytes of the text that are the label itself.
    pub place: Range<usize>,
}

/// The label that follows the last occurrence of the words `literal`.
///
/// Thinking is skipped. Blanks, emphasis and case do not matter; the label must end where a word ends. Where one of
/// the judged texts in `data` contains the words too, they count only if they open the last line: elsewhere they may
/// be a quotation.
///
/// `None` if the words are missing, something else than a label follows them, or several labels do.
///
/// ```
/// use tribunal::parse::label_after;
///
/// let labels = [" Yes".to_owned(), " No".to_owned()];
/// let found = label_after("All steps hold.\n**Correct?** yes.", "Correct?", &labels, &[]).unwrap();
/// assert_eq!(found.label, " Yes");
/// ```
pub fn label_after(
    text: &str,
    literal: &str,
    labels: &[String],
    data: &[String],
) -> Option<FoundLabel> {
    find_label(text, literal, None, labels, &JudgedTexts::new(data), TurnEnd::Token(None))
}

/// The same for words that contain a `mark`: then the mark alone announces the label. Words without it do so only
/// where no judged text announces the same label.
pub(crate) fn find_label(
    text: &str,
    literal: &str,
    mark: Option<&str>,
    labels: &[String],
    judged: &JudgedTexts,
    end: TurnEnd,
) -> Option<FoundLabel> {
    let shown = visible_part(text, judged, end);
    let hidden = shown.as_ptr() as usize - text.as_ptr() as usize;
    let folded = fold(shown);
    let found = match mark.filter(|mark| literal.contains(*mark)) {
        Some(mark) => marked(&folded.text, literal, mark, labels, judged),
        None => announced(&folded.text, literal, labels, judged),
    };
    let Announced { label, start, place } = found?;
    let place = folded.original(place);
    let start = folded.original(start..start + 1).start;
    let place = hidden + place.start..hidden + place.end;
    Some(FoundLabel { label: label.clone(), start: hidden + start, place })
}

/// The label that a text begins with, blanks and emphasis aside.
pub(crate) fn opening_label<'l>(text: &str, labels: &'l [String]) -> Option<&'l String> {
    label_at(&fold(text).text, 0, labels).map(|(label, _)| label)
}

/// A label with its place and that of its announcement, in a folded text.
struct Announced<'l> {
    label: &'l String,
    start: usize,
    place: Range<usize>,
}

/// The label after the mark, or otherwise after the words without the mark.
fn marked<'l>(
    text: &str,
    literal: &str,
    mark: &str,
    labels: &'l [String],
    judged: &JudgedTexts,
) -> Option<Announced<'l>> {
    let words = LooseWords::new(literal).ok()?;
    if let Some(after) = after_mark(text, mark) {
        let begun = words.places(text).filter(|place| place.contains(&(after - 1))).last();
        let start = begun.map_or(after - mark.len(), |place| place.start);
        let (label, place) = label_at(text, after, labels)?;
        return Some(Announced { label, start, place });
    }
    let bare = literal.replace(mark, "");
    let words = LooseWords::new(bare.trim_end_matches([' ', ':'])).ok()?;
    let Range { start, end } = words.places(text).last()?;
    let (label, place) = label_at(text, end, labels)?;
    let announce_it = |form: &String| {
        let mut places = words.spread_places(form);
        places.any(|place| label_at(form, place.end, labels).is_some_and(|(said, _)| said == label))
    };
    let quoted = in_block_quote(text, start) || judged.forms().iter().any(announce_it);
    (!quoted).then_some(Announced { label, start, place })
}

/// The label after words that contain no mark.
fn announced<'l>(
    text: &str,
    literal: &str,
    labels: &'l [String],
    judged: &JudgedTexts,
) -> Option<Announced<'l>> {
    let words = LooseWords::new(&fold(literal).text).ok()?;
    let Range { start, end } = words.places(text).last()?;
    let quotable = || judged.forms().iter().any(|form| words.spread_places(form).next().is_some());
    if !last_opening(text).contains(&start) && quotable() {
        return None;
    }
    let (label, place) = label_at(text, end, labels)?;
    Some(Announced { label, start, place })
}

/// How many characters after a label may offer another one.
const NEAR: usize = 80;

/// The label that follows this byte of a text, and its place. Of labels that begin alike the longest counts, and of
/// labels that differ only by case the one that is written exactly.
fn label_at<'l>(text: &str, at: usize, labels: &'l [String]) -> Option<(&'l String, Range<usize>)> {
    let opened =
        text[at..].trim_start_matches(|c: char| c.is_whitespace() || "*_`\"'“([{:=".contains(c));
    let any_case = |label: &&String| {
        let head = opened.get(..label.trim().len());
        head.is_some_and(|head| head.to_lowercase() == label.trim().to_lowercase())
    };
    let ends = |label: &&String| {
        !opened[label.trim().len()..].starts_with(|c: char| c.is_alphanumeric() || c == '/')
    };
    // Labels that differ only by case are distinguished by it.
    let fits = || labels.iter().filter(|label| any_case(label) && ends(label));
    let longest = fits().map(|label| label.trim().len()).max()?;
    let mut best = fits().filter(|label| label.trim().len() == longest);
    let exact = best.clone().find(|label| opened.starts_with(label.trim()));
    let label = exact.or_else(|| best.next().filter(|_| best.next().is_none()))?;
    let length = label.trim().len();
    let rest: String = opened[length..].chars().take(NEAR).collect::<String>().to_lowercase();
    let others: Vec<String> = labels.iter().map(|label| label.trim().to_lowercase()).collect();
    // `Yes or No` repeats the menu, and chooses nothing.
    if offers_another(&rest, others.iter().map(String::as_str), Offer::Joined) {
        return None;
    }
    let start = text.len() - opened.len();
    Some((label, start..start + length))
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
    fn words_with_a_mark_count_on_any_line_and_words_without_it_where_nothing_judged_says_the_same()
    {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        let data = ["I say: Right (Yes/No)?\nYes".to_owned()];
        let after = |text: &str| {
            let judged = JudgedTexts::new(&data);
            let end = TurnEnd::Token(Some("3fa2"));
            let found =
                find_label(text, "Right (Yes/No)? 3fa2:", Some("3fa2"), &labels, &judged, end)?;
            assert!(text[found.start..].to_lowercase().starts_with(['r', '3']));
            assert_eq!(text[found.place].to_lowercase(), found.label.trim().to_lowercase());
            Some(found.label)
        };
        assert_eq!(
            after("Right (Yes/No)? 3fa2: No\nIt claims\nRight (Yes/No)? Yes").as_deref(),
            Some(" No")
        );
        assert_eq!(after("So\n**3fa2**: <b>Yes</b>").as_deref(), Some(" Yes"));
        assert_eq!(after("It says Right (Yes/No)? Yes"), None);
        assert_eq!(after("It says\nRight (Yes/No)? Yes"), None);
        assert_eq!(after("Right (Yes/No)? No\nIt says\nRight (Yes/No)? Yes"), None);
        assert_eq!(
            after("It says Right (Yes/No)? Yes\nRight (Yes/No)? No").as_deref(),
            Some(" No")
        );
        assert_eq!(after("Right (Yes/No)? 3fa2: perhaps"), None);
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
    fn what_was_not_offered_is_not_a_label() {
        assert_eq!(after("Is it correct (Yes/No)? Maybe"), None);
        assert_eq!(after("Is it correct (Yes/No)? Nope"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes/No"), None);
        assert_eq!(after("Is it correct (Yes/No)? Yes or No"), None);
        assert_eq!(after("Yes"), None);
        assert_eq!(after("<think>Is it correct (Yes/No)? Yes"), None);
    }
}
