//! The whole line: the outcome of one record, the judge, and what the answers cost.

use std::fmt;

#[cfg(feature = "schema")]
use super::schema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{
    ErrorLine, Probabilities, VERSION, VerdictLine, VoteLine,
    json::{HINT, culprit, not_a_line, unlike, written},
    text,
};
use crate::{
    completion::UsageTotal,
    error::Result,
    verdict::{Stage, Unreadable},
};

/// One line of results. It holds exactly one of a verdict, `unreadable` and `error`.
///
/// ```text
/// {"v": 1, "id": "q7", "index": 6, "kind": "score", "verdict": "8", "score": 8, "normalized": 0.78, "pass": true,
///  "critique": "…", "rule": "mark", "span": [412, 413], "votes": […], "model": …, "prompt": …, …}
/// ```
///
/// Only `id` is required when a line is read, so that lines written by hand are accepted; unknown keys are ignored.
/// Keys are written in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::one_of_three))]
#[non_exhaustive]
pub struct ResultLine {
    /// The version of the line. Lines of programs before version 1 have none.
    #[serde(default = "current")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub v: u32,
    /// The record's own name, or its place in the run. For input that is not a record, its place in the input.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// The record's place in the input, from 0.
    #[serde(default)]
    pub index: usize,
    /// The decision over all votes.
    #[serde(flatten)]
    pub verdict: VerdictLine,
    /// Why the answer holds no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// The error, where the record has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// For scores: 0 at the lowest end of the scale, 1 at the highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalized: Option<f64>,
    /// For scores: the mean of the values of the scale, weighted by their probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_score: Option<f64>,
    /// The probabilities of the values that were offered, if the model reports them: the mean over all readable
    /// votes, or those of the vote that represents them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Probabilities>,
    /// The total probability of all values that were offered, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mass: Option<f64>,
    /// For comparisons in both orders: whether the orders agree; null where one of them could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub consistent: Option<Consistent>,
    /// Whether the verdict passes, if there is a pass rule. An unreadable answer never passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<bool>,
    /// What the judge wrote, without thinking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critique: Option<String>,
    /// The rule of the prompt by which the verdict was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The place of the verdict: its first character and the one after its last, in the last text of the vote that
    /// represents the judgment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(usize, usize)>,
    /// The mark before the verdict, which occurs in no judged text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Every vote: all members of the judge, samples and orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<Vec<VoteLine>>,
    /// The number of votes if none were left out, for a judge that may leave some out: draws that stop early, a second
    /// order only if the first is close, a cascade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_votes: Option<u32>,
    /// For cascades: the judge whose verdict this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The members of the judge, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberLine>>,
    /// The model.
    #[serde(default)]
    pub model: String,
    /// The prompt.
    #[serde(default)]
    pub prompt: PromptLine,
    /// Tokens of all calls, without those of cached answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageTotal>,
    /// The cost; null if prices or tokens are not known.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Milliseconds from the first request to the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Whether all answers came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<bool>,
    /// The number of requests that were sent, including retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The key of the record and of everything that the judge depends on. Equal records under equal judges have equal
    /// keys.
    #[serde(default)]
    pub key: String,
    /// The record itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Map<String, Value>>,
    /// Whether the line belongs to an earlier input or another judge, and no longer counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// The prompt of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PromptLine {
    /// The name of the prompt.
    pub name: String,
    /// The hash of everything that changes what is asked.
    pub hash: String,
    /// The hash of the rules that read verdicts out of texts. They can change without a new request.
    pub reading: String,
}

impl PromptLine {
    /// A prompt by its name, the hash of its content and that of its rules.
    pub fn new(
        name: impl Into<String>,
        hash: impl Into<String>,
        reading: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), hash: hash.into(), reading: reading.into() }
    }
}

/// One member of a judge that has several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct MemberLine {
    /// The name of the member, as in `by` of its votes.
    pub name: String,
    /// Its model.
    pub model: String,
    /// Its prompt.
    pub prompt: PromptLine,
}

impl MemberLine {
    /// A member by its name, model and prompt.
    pub fn new(name: impl Into<String>, model: impl Into<String>, prompt: PromptLine) -> Self {
        Self { name: name.into(), model: model.into(), prompt }
    }
}

/// Whether both orders of a comparison agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<bool>", into = "Option<bool>")]
#[non_exhaustive]
pub enum Consistent {
    /// Both orders gave the same verdict.
    Yes,
    /// The verdict changed with the order.
    No,
    /// One order could not be read.
    Unknown,
}

impl From<Option<bool>> for Consistent {
    fn from(agree: Option<bool>) -> Self {
        match agree {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }
}

impl From<Consistent> for Option<bool> {
    fn from(consistent: Consistent) -> Self {
        match consistent {
            Consistent::Yes => Some(true),
            Consistent::No => Some(false),
            Consistent::Unknown => None,
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Consistent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Consistent".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"enum": [true, false, null]})
    }
}

/// The version of lines without `v`.
fn current() -> u32 {
    VERSION
}

/// Reads a field in which null is a value and differs from a missing field: a comparison whose orders cannot be
/// compared differs from one that had a single order.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl ResultLine {
    /// Reads a line. Fields that a newer version added are ignored, as long as the rest can be read.
    ///
    /// # Errors
    /// The text is not a line of results, or does not hold exactly one of a verdict, `unreadable` and
    /// `error`. The error about a line of a newer version names that version.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self> {
        let line = line.as_ref();
        let mut read: Self = serde_json::from_slice(line).map_err(|cause| {
            let error = unlike(line, &cause, "a result", HINT);
            let named = |why: String| not_a_line(&format!("the line is not a result: {why}"));
            culprit::<Self>(line).map_or(error, named)
        })?;
        read.check()?;
        // Lines that were written by hand name no kind.
        read.verdict.kind = read.verdict.kind();
        Ok(read)
    }

    /// The same line as one that an earlier run paid for: it costs nothing now.
    pub(crate) fn paid_earlier(self) -> Self {
        let cost = self.cost.map(|_| 0.0);
        Self { usage: None, attempts: None, cost, cached: None, ..self }
    }

    /// Checks that the line holds exactly one of a verdict, `unreadable` and `error`.
    pub(super) fn check(&self) -> Result<()> {
        let all = [
            ("a verdict", self.verdict.is_some()),
            ("`unreadable`", self.unreadable.is_some()),
            ("`error`", self.error.is_some()),
        ];
        let held: Vec<&str> =
            all.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect();
        let message = match held.as_slice() {
            [_] => return Ok(()),
            [] => "the line is not a result: it holds no verdict, no `unreadable` and no `error`"
                .into(),
            held => format!("the line is not a result: it holds {} at once", held.join(" and ")),
        };
        Err(not_a_line(&message))
    }

    /// The JSON schema of lines that this version writes (draft 2020-12).
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        schema::of::<Self>()
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for ResultLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(self, f)
    }
}
