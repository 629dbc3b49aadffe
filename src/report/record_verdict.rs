//! The verdict of one record in one run, as two runs are compared by it.
//!
//! Lines may also be written by hand, such as people's verdicts, so that little is demanded of them.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::error::Category;

use super::histogram::figure;
use crate::{
    error::{Error, ErrorKind, Result, json_fault},
    line::{Lenient, ResultLine, TextLike, VerdictLine},
    metrics::NOISE,
    verdict::CriterionVerdict,
};

/// The verdict of one run on one record.
///
/// ```
/// use tribunal::report::{Comparison, RecordVerdict};
///
/// let read = |line: &str| RecordVerdict::read(line).unwrap();
/// let people = [read(r#"{"id": "a", "score": 8}"#), read(r#"{"id": "b", "score": 3}"#)];
/// let judge = [read(r#"{"id": "a", "score": 8}"#), read(r#"{"id": "b", "score": 5}"#)];
/// let comparison = Comparison::new(people, judge);
/// assert_eq!((comparison.joined(), comparison.flips().count()), (2, 1));
/// assert_eq!(comparison.agreement(), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RecordVerdict {
    /// The record's name.
    pub id: String,
    /// The verdict in words, as results show it; `None` if there is none.
    pub verdict: Option<String>,
    /// The verdict as a number; `None` for verdicts that are not numbers.
    pub number: Option<f64>,
    /// Whether the verdict passes; `None` without a pass rule.
    pub pass: Option<bool>,
    /// The verdict on each criterion of a rubric, by its name; empty for other verdicts.
    pub criteria: BTreeMap<String, String>,
}

/// The fields of a line that are compared. All others are ignored and may have any type.
#[derive(Deserialize)]
struct LineFields {
    id: Lenient<TextLike>,
    #[serde(default)]
    verdict: Lenient<TextLike>,
    #[serde(default)]
    score: Lenient<f64>,
    #[serde(default)]
    label: Lenient<TextLike>,
    #[serde(default)]
    first_error: Lenient<i64>,
    #[serde(default)]
    preference: Lenient<TextLike>,
    #[serde(default)]
    pass: Lenient<bool>,
    #[serde(default)]
    rubric: Lenient<Vec<CriterionVerdict>>,
    unreadable: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl RecordVerdict {
    /// Reads the verdict from a line of results.
    ///
    /// A line that was written by hand needs only an id and a value, such as `{"id": "q7", "score": 8}`.
    /// The value is the first of `verdict`, `score`, `label`, `first_error` and `preference`. A line with
    /// `unreadable` or `error` has no verdict.
    ///
    /// # Errors
    /// The line is not JSON, or has no id.
    pub fn read(line: &str) -> Result<Self> {
        let not_a_result = |why: &str| {
            Error::new(ErrorKind::Record, format!("the line is not a result: {why}"))
                .hint("name files that `tribunal judge -o` wrote as .jsonl")
        };
        let seen: LineFields =
            serde_json::from_str(line).map_err(|cause| match cause.classify() {
                Category::Data => not_a_result("it has no `id`"),
                _ => not_a_result(&json_fault(&cause)),
            })?;
        let id = seen.id.known().map(TextLike::text).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| not_a_result("it has no `id`"))?;
        let pass = seen.pass.known();
        if seen.unreadable.is_some() || seen.error.is_some() {
            return Ok(Self { id, verdict: None, number: None, pass, criteria: BTreeMap::new() });
        }
        let verdict = seen.verdict.known();
        let written = verdict.as_ref().and_then(TextLike::number);
        let number = seen.score.known().or(written);
        let word = verdict.filter(|word| matches!(word, TextLike::Text(_))).map(TextLike::text);
        let word = word.map(|words| bare(&words).to_owned());
        let first_error = |index: i64| match index {
            ..0 => "no error".into(),
            index => format!("first error at {index}"),
        };
        let verdict = word
            .or_else(|| number.map(figure))
            .or_else(|| seen.label.known().map(TextLike::text))
            .or_else(|| seen.first_error.known().map(first_error))
            .or_else(|| seen.preference.known().map(TextLike::text));
        let criteria = words(&seen.rubric.known().unwrap_or_default());
        Ok(Self { id, verdict, number, pass, criteria })
    }

    /// The criteria on which two verdicts differ, each with both words, in the order of their names.
    pub fn changed<'v>(
        &'v self,
        other: &'v Self,
    ) -> impl Iterator<Item = (&'v str, &'v str, &'v str)> {
        let pair = |(name, own): (&'v String, &'v String)| {
            let theirs = other.criteria.get(name)?;
            (own != theirs).then_some((name.as_str(), own.as_str(), theirs.as_str()))
        };
        self.criteria.iter().filter_map(pair)
    }

    /// Whether both verdicts are equal: numbers up to rounding noise, everything else as text. Of rubrics also the
    /// verdict on each criterion.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        if self.changed(other).next().is_some() {
            return false;
        }
        match (self.number, other.number) {
            (Some(one), Some(two)) => (one - two).abs() < NOISE,
            _ => self.verdict == other.verdict,
        }
    }
}

/// The same facts from a line that is already parsed.
impl From<&ResultLine> for RecordVerdict {
    fn from(line: &ResultLine) -> Self {
        let VerdictLine { verdict, score, rubric, .. } = &line.verdict;
        let criteria = words(rubric.as_deref().unwrap_or_default());
        let verdict = verdict.as_deref().map(|words| bare(words).to_owned());
        Self { id: line.id.clone(), verdict, number: *score, pass: line.pass, criteria }
    }
}

/// A verdict in words without its probability, which differs from run to run: `correct` for `correct (p 0.98)`, and
/// `no error` for `no error (score 0.93)`.
pub(super) fn bare(words: &str) -> &str {
    let parts = words.strip_suffix(')').and_then(|words| words.rsplit_once(" ("));
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    match parts {
        Some((word, inside))
            if inside
                .strip_prefix("p ")
                .or(inside.strip_prefix("score "))
                .is_some_and(is_number) =>
        {
            word
        }
        _ => words,
    }
}

/// The verdict on each criterion of a rubric, by its name.
fn words(rubric: &[CriterionVerdict]) -> BTreeMap<String, String> {
    rubric.iter().map(|one| (one.name.clone(), one.shown())).collect()
}

/// The error where none of so many results has a verdict.
pub(super) fn without_verdicts(results: usize) -> Error {
    let message = match results {
        0 => "there are no results".to_owned(),
        1 => "the only result has no verdict".to_owned(),
        _ => format!("none of {results} results has a verdict"),
    };
    let error = Error::new(ErrorKind::Config, message);
    if results == 0 {
        return error.hint("name results of `tribunal judge`");
    }
    error.hint("a result says why in `unreadable` or `error`: judge these records again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_value_are_a_line_and_what_says_nothing_has_no_verdict() {
        let record = |line: &str| RecordVerdict::read(line).ok();
        let verdict = |line: &str| record(line).unwrap().verdict;
        for (line, right) in [
            (r#"{"id": 7, "score": 4}"#, Some("4")),
            (r#"{"id": "a", "verdict": 3.0000000000000004}"#, Some("3")),
            (r#"{"id": "a", "label": "kind"}"#, Some("kind")),
            (r#"{"id": "a", "verdict": "correct (p 0.98)", "label": "correct"}"#, Some("correct")),
            (r#"{"id": "a", "verdict": "no error (score 0.93)"}"#, Some("no error")),
            (r#"{"id": "a", "verdict": "kind (p. 3)"}"#, Some("kind (p. 3)")),
            (r#"{"id": "a", "first_error": -1}"#, Some("no error")),
            (r#"{"id": "a", "first_error": 2}"#, Some("first error at 2")),
            (r#"{"id": "a", "score": 4, "unreadable": {}}"#, None),
            (r#"{"id": "a", "error": {}}"#, None),
            (r#"{"id": "a", "score": null}"#, None),
        ] {
            assert_eq!(verdict(line).as_deref(), right, "{line}");
        }
        assert_eq!(record(r#"{"id": 7, "score": 4}"#).unwrap().id, "7");
        assert_eq!((record("{}"), record(r#"{"id": ""}"#), record("[1]")), (None, None, None));
    }
}
