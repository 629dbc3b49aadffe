//! Final answers of candidates: canonical forms, groups of equal answers, and votes over groups. No I/O.
//!
//! Candidates that end with the same answer vote for it, whatever their words (Wang et al. 2023, self-consistency). A
//! vote may count by the value that a judge gave the candidate (Li et al. 2023, weighted voting with a verifier;
//! "weighted best-of-N").

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The final answer of a text, in a form that is equal for equal answers; `None` if the text gives none, or several.
///
/// With the feature `checks` it is a mathematical value, or the letter of an option
/// (`backend::canonical_answer`). Without the feature it is what stands in the last `\boxed{…}`, after the last `####`,
/// or after the last "answer is" or "answer:"; otherwise a text of one line. These are compared as texts, in lower case.
///
/// ```
/// use tribunal::strategy::answers::canonical;
///
/// assert_eq!(canonical("So it is 7.\n#### 7"), canonical("The answer is 7."));
/// assert_eq!(canonical("  "), None);
/// ```
#[cfg(feature = "checks")]
pub fn canonical(text: &str) -> Option<String> {
    crate::backend::canonical_answer(text).filter(|form| !form.is_empty())
}

/// The final answer of a text, in a form that is equal for equal answers; `None` if the text gives none.
///
/// It is what stands in the last `\boxed{…}`, after the last `####`, or after the last "answer is" or "answer:";
/// otherwise a text of one line. These are compared as texts, in lower case. The feature `checks` compares them as
/// mathematics.
#[cfg(not(feature = "checks"))]
pub fn canonical(text: &str) -> Option<String> {
    announced(text)
}

/// The announced answer of a text as a plain text, or the text itself if it is one line.
#[cfg(any(test, not(feature = "checks")))]
fn announced(text: &str) -> Option<String> {
    let text = text.trim();
    // Upper and lower case have the same length in ASCII, so positions fit the text itself.
    let lower = text.to_ascii_lowercase();
    let after = |mark: &str| lower.rfind(mark).map(|at| at + mark.len());
    let boxed = after("\\boxed{").and_then(|at| {
        let end = crate::text::closing_bracket(&text[at..], '}')?;
        text.get(at..at + end)
    });
    let line = |at: usize| text[at..].trim_start().lines().next();
    let stated = ["####", "answer is", "answer:"].into_iter().filter_map(after).max();
    let found = boxed.or_else(|| stated.and_then(line));
    let found = found.or_else(|| Some(text).filter(|text| !text.contains('\n')))?;
    let plain = found.trim_matches(|c: char| c.is_whitespace() || ".:*$()".contains(c));
    Some(plain.to_lowercase()).filter(|plain| !plain.is_empty())
}

/// Candidates that end with the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AnswerGroup {
    /// The canonical form of the answer.
    pub answer: String,
    /// The 0-based indexes of the candidates, in their order.
    pub members: Vec<usize>,
}

/// Candidates grouped by their final answers, in the order in which the answers were first seen.
///
/// ```
/// use tribunal::strategy::answers::{AnswerGroups, Weighing};
///
/// let forms = [Some("12"), Some("7"), None, Some("7")].map(|form| form.map(str::to_owned));
/// let groups = AnswerGroups::of(forms);
/// assert_eq!(groups.majority().map(|group| group.answer.as_str()), Some("7"));
/// // The judge is sure of the first candidate alone: 0.9 against 0.2 + 0.3.
/// let values = [Some(0.9), Some(0.2), Some(0.5), Some(0.3)];
/// assert_eq!(groups.best(&values, Weighing::Sum).map(|group| group.answer.as_str()), Some("12"));
/// assert_eq!(groups.shares(), [1.0 / 3.0, 2.0 / 3.0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerGroups {
    groups: Vec<AnswerGroup>,
    without: Vec<usize>,
}

/// How the values of the candidates of a group become the weight of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weighing {
    /// Their sum: many candidates with fair values outweigh one with a good value.
    #[default]
    Sum,
    /// Their mean: the number of candidates does not count.
    Mean,
    /// The largest of them.
    Max,
}

impl Weighing {
    const ALL: [(&'static str, Self); 3] =
        [("sum", Self::Sum), ("mean", Self::Mean), ("max", Self::Max)];

    /// The weight of a group whose candidates have these values; `None` without any.
    #[expect(clippy::cast_precision_loss, reason = "no group has 2^52 candidates")]
    fn of(self, values: &[f64]) -> Option<f64> {
        let sum = || values.iter().sum::<f64>();
        match self {
            _ if values.is_empty() => None,
            Self::Sum => Some(sum()),
            Self::Mean => Some(sum() / values.len() as f64),
            Self::Max => values.iter().copied().reduce(f64::max),
        }
    }
}

/// The word in settings: `sum`, `mean` or `max`.
impl fmt::Display for Weighing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = Self::ALL[*self as usize];
        f.write_str(name)
    }
}

impl FromStr for Weighing {
    type Err = Error;

    /// # Errors
    /// The word is not `sum`, `mean` or `max`.
    fn from_str(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == word);
        let names = Self::ALL.map(|(name, _)| name);
        known
            .map(|(_, weighing)| weighing)
            .ok_or_else(|| crate::error::unknown(ErrorKind::Config, "weighing", word, names))
    }
}

impl AnswerGroups {
    /// Groups candidates by these canonical forms, one for each candidate. A candidate without a form is in no group
    /// and has no vote.
    pub fn of(forms: impl IntoIterator<Item = Option<String>>) -> Self {
        let mut all = Self::default();
        for (index, form) in forms.into_iter().enumerate() {
            let Some(answer) = form else {
                all.without.push(index);
                continue;
            };
            match all.groups.iter_mut().find(|group| group.answer == answer) {
                Some(group) => group.members.push(index),
                None => all.groups.push(AnswerGroup { answer, members: vec![index] }),
            }
        }
        all
    }

    /// Groups texts by their [`canonical`] final answers.
    pub fn of_texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::of(texts.into_iter().map(|text| canonical(text.as_ref())))
    }

    /// The groups, in the order in which their answers were first seen.
    pub fn groups(&self) -> &[AnswerGroup] {
        &self.groups
    }

    /// The candidates without a canonical answer.
    pub fn without(&self) -> &[usize] {
        &self.without
    }

    /// The group of a candidate; `None` if its answer has no canonical form.
    pub fn group_of(&self, candidate: usize) -> Option<&AnswerGroup> {
        self.groups.iter().find(|group| group.members.contains(&candidate))
    }

    /// The group with the most candidates; of equally large ones the one that was seen first. `None` without groups.
    pub fn majority(&self) -> Option<&AnswerGroup> {
        first_best(self.groups.iter().map(|group| (group, Some(group.members.len()))))
    }

    /// The share of each group among the candidates that have an answer, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 candidates")]
    pub fn shares(&self) -> Vec<f64> {
        let all: usize = self.groups.iter().map(|group| group.members.len()).sum();
        self.groups.iter().map(|group| group.members.len() as f64 / all as f64).collect()
    }

    /// The weight of each group by the values of the candidates; `None` for a group of which no candidate has a value.
    /// An unknown value counts for nothing, and not as 0.
    pub fn weights(&self, values: &[Option<f64>], by: Weighing) -> Vec<Option<f64>> {
        let weight = |group: &AnswerGroup| {
            let known = group.members.iter().filter_map(|&member| *values.get(member)?);
            by.of(&known.collect::<Vec<_>>())
        };
        self.groups.iter().map(weight).collect()
    }

    /// The group with the largest [weight](Self::weights); of equal ones the one that was seen first. `None` if no
    /// candidate with an answer has a value.
    pub fn best(&self, values: &[Option<f64>], by: Weighing) -> Option<&AnswerGroup> {
        first_best(self.groups.iter().zip(self.weights(values, by)))
    }
}

/// The first of the items with the largest value; those without a value do not take part.
pub(crate) fn first_best<T, V: PartialOrd>(
    items: impl IntoIterator<Item = (T, Option<V>)>,
) -> Option<T> {
    let known = items.into_iter().filter_map(|(item, value)| Some((item, value?)));
    let best = known.reduce(|best, one| if one.1 > best.1 { one } else { best });
    best.map(|(item, _)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(forms: &[&str]) -> AnswerGroups {
        let form = |form: &&str| Some((*form).to_owned()).filter(|form| !form.is_empty());
        AnswerGroups::of(forms.iter().map(form))
    }

    fn answer(group: Option<&AnswerGroup>) -> Option<&str> {
        group.map(|group| group.answer.as_str())
    }

    #[test]
    fn the_majority_wins_and_a_tie_goes_to_the_answer_that_was_seen_first() {
        assert_eq!(answer(groups(&["a", "b", "b"]).majority()), Some("b"));
        assert_eq!(answer(groups(&["b", "a", "a", "b"]).majority()), Some("b"));
        assert_eq!(answer(groups(&["", ""]).majority()), None);
        assert_eq!(groups(&["a", "", "a"]).without(), [1]);
    }

    #[test]
    fn groups_are_weighed_by_the_values_that_are_known() {
        let groups = groups(&["a", "b", "a", "c"]);
        let values = [Some(0.5), Some(0.8), Some(0.5), None];
        let weights = |by| groups.weights(&values, by);
        assert_eq!(weights(Weighing::Sum), [Some(1.0), Some(0.8), None]);
        assert_eq!(weights(Weighing::Mean), [Some(0.5), Some(0.8), None]);
        assert_eq!(answer(groups.best(&values, Weighing::Sum)), Some("a"));
        assert_eq!(answer(groups.best(&values, Weighing::Max)), Some("b"));
        assert_eq!(answer(groups.best(&[None; 4], Weighing::Sum)), None);
        assert_eq!(groups.group_of(2).map(|group| group.members.as_slice()), Some(&[0, 2][..]));
    }

    #[test]
    fn announced_answers_are_compared_as_texts_without_the_feature_of_checks() {
        for (text, wanted) in [
            ("Long.\nThe answer is **Paris**.", Some("paris")),
            ("#### 12", Some("12")),
            ("It is \\boxed{x^{2}}, so the answer is clear.", Some("x^{2}")),
            ("(B)", Some("b")),
            ("One line.\nAnother line.", None),
            (" ", None),
        ] {
            assert_eq!(announced(text).as_deref(), wanted, "{text}");
        }
    }

    #[cfg(feature = "checks")]
    #[test]
    fn equal_values_are_one_answer_in_any_notation() {
        let texts = ["\\boxed{\\frac{1}{2}}", "The answer is 0.5.", "#### 2", "I do not know."];
        let groups = AnswerGroups::of_texts(texts);
        assert_eq!(groups.groups().len(), 2);
        assert_eq!(groups.majority().map(|group| group.members.clone()), Some(vec![0, 1]));
        assert_eq!(groups.without(), [3]);
    }

    #[test]
    fn a_weighing_is_written_as_it_is_read() {
        for word in ["sum", "mean", "max"] {
            assert_eq!(
                word.parse::<Weighing>().map(|by| by.to_string()).ok().as_deref(),
                Some(word)
            );
        }
        assert!("summ".parse::<Weighing>().is_err());
    }
}
