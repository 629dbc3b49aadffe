//! The line of results of a revised record.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    completion::UsageTotal,
    error::{Error, Result},
    item::Item,
    line::{self, ErrorLine, VerdictLine, unlike},
    strategy::revise::{FinalVerdict, Revision, RevisionOutcome, Round, Spent},
    verdict::{Unreadable, Verdict},
};

/// One line of revisions.
///
/// ```text
/// {"v": 1, "id": "q7", "index": 6, "outcome": "passed", "passed": true, "final": "…", "best_round": 2,
///  "score_first": 3, "score_best": 9, "final_check": {"by": …, "verdict": "9", "pass": true, "flipped": false, …},
///  "rounds": [{"round": 0, "draft": "…", "verdict": "3", "pass": false, "critique": "…", "accepted": true, …}], …}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RevisionLine {
    /// The version of the line; the oldest lines have none.
    #[serde(default = "current")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub v: u32,
    /// The record's id, or its place in the run if it has none; for input that is not a record, its place.
    #[serde(deserialize_with = "line::text")]
    pub id: String,
    /// The record's place in the input, from 0.
    #[serde(default)]
    pub index: usize,
    /// How the loop ended.
    pub outcome: RevisionOutcome,
    /// Whether the text that is returned passes, the final check included.
    #[serde(default)]
    pub passed: bool,
    /// The text that is returned: the best draft that was accepted.
    #[serde(default, rename = "final", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The round whose draft is returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_round: Option<usize>,
    /// The score of the first draft; null if it is not known.
    #[serde(default, serialize_with = "line::whole_or_none")]
    pub score_first: Option<f64>,
    /// The score of the text that is returned; null if it is not known.
    #[serde(default, serialize_with = "line::whole_or_none")]
    pub score_best: Option<f64>,
    /// The number of accepted drafts with a lower score than the draft before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regressions: Option<usize>,
    /// A fresh judgment of the text that is returned; null if there was none.
    #[serde(default)]
    pub final_check: Option<CheckLine>,
    /// Every draft, in the order in which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Vec<RoundLine>>,
    /// Milliseconds from the first request to the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// The tokens, requests and costs of the whole loop.
    #[serde(flatten)]
    pub spent: SpentLine,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// The key of the record and of everything that the loop depends on.
    #[serde(default)]
    pub key: String,
    /// The record itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Map<String, Value>>,
    /// Whether the line belongs to an earlier input or another loop, so that it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// One draft with its judgment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RoundLine {
    /// Its number; round 0 is the draft that the loop began with.
    pub round: u32,
    /// The draft.
    pub draft: String,
    /// The judge's decision; absent if an earlier round had the same draft, which is not judged again.
    #[serde(flatten)]
    pub verdict: VerdictLine,
    /// Why the judge's answer is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// The verdict as a number: a score, P(passes), or the share of steps before the first error.
    #[serde(default, serialize_with = "line::whole_or_none")]
    pub worth: Option<f64>,
    /// Whether the judge's pass rule holds.
    #[serde(default)]
    pub pass: bool,
    /// The critique that the policy saw: without verdict lines and marks.
    #[serde(default)]
    pub critique: String,
    /// Whether the draft replaced the one before.
    #[serde(default)]
    pub accepted: bool,
    /// The earlier round that had the same draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_in: Option<u32>,
    /// The tokens, requests and costs of writing and judging it.
    #[serde(flatten)]
    pub spent: SpentLine,
}

/// A fresh judgment of what a loop returned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CheckLine {
    /// The model that gave it.
    #[serde(default)]
    pub by: String,
    /// The decision.
    #[serde(flatten)]
    pub verdict: VerdictLine,
    /// Why the answer is unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// Whether the pass rule holds.
    #[serde(default)]
    pub pass: bool,
    /// Whether the loop's own judge decided otherwise.
    #[serde(default)]
    pub flipped: bool,
    /// Its tokens, requests and costs.
    #[serde(flatten)]
    pub spent: SpentLine,
}

/// Tokens, requests and costs of answers; only the cost (null) if the record failed before the first one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct SpentLine {
    /// Answers of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// The number of those from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<u32>,
    /// Requests that were sent, retries included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Tokens that were paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageTotal>,
    /// Tokens of cached answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<UsageTotal>,
    /// The cost; null if a price is not known.
    pub cost: Option<f64>,
}

impl SpentLine {
    /// The tokens, requests and costs; the cost only if all prices are known.
    pub(super) fn of(spent: &Spent, priced: bool) -> Self {
        Self {
            calls: Some(spent.calls),
            cached: Some(spent.cached),
            requests: Some(spent.requests),
            usage: Some(spent.usage),
            saved: Some(spent.saved),
            cost: Some(spent.cost).filter(|_| priced),
        }
    }
}

/// The version of a line that does not have one.
fn current() -> u32 {
    line::VERSION
}

impl RevisionLine {
    /// Reads a line. Fields of a newer version are ignored if the rest can be read.
    ///
    /// # Errors
    /// The text is not a line of revisions. The error tells if the line is of a newer version.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self> {
        let line = line.as_ref();
        let hint = "name a file that `tribunal revise -o` wrote as .jsonl";
        serde_json::from_slice(line).map_err(|cause| unlike(line, &cause, "a revision", hint))
    }

    /// The JSON schema of lines that this version writes (draft 2020-12).
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        line::schema_of::<Self>()
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for RevisionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::written(self, f)
    }
}

/// A record with the outcome of its loop, from which a [`RevisionLine`] is made.
#[derive(Debug)]
pub struct RevisedRecord<'a> {
    /// The record's id, or its place in the input if it has none.
    pub id: String,
    /// The record's place in the run, counted from 0.
    pub index: usize,
    /// The record; `None` if the input could not be read as a record.
    pub item: Option<&'a Item>,
    /// The revision, or the error if the loop could not begin.
    pub outcome: Result<&'a Revision, &'a Error>,
    /// Whether all prices are known, so that the cost is complete.
    pub priced: bool,
    /// The key of the record and of everything that the loop depends on.
    pub key: String,
    /// Whether the line contains the record.
    pub with_item: bool,
}

impl RevisedRecord<'_> {
    /// The line of results for this record.
    pub fn typed(&self) -> RevisionLine {
        match self.outcome {
            Ok(revision) => self.revised(self.failed(), revision),
            Err(error) => RevisionLine { error: Some(error.into()), ..self.failed() },
        }
    }

    /// The line of a record whose loop could not begin.
    fn failed(&self) -> RevisionLine {
        let item = self.item.filter(|_| self.with_item);
        RevisionLine {
            v: line::VERSION,
            id: self.id.clone(),
            index: self.index,
            outcome: RevisionOutcome::Failed,
            passed: false,
            text: None,
            best_round: None,
            score_first: None,
            score_best: None,
            regressions: None,
            final_check: None,
            rounds: None,
            latency_ms: None,
            spent: SpentLine::default(),
            error: None,
            key: self.key.clone(),
            item: item.map(|item| item.record().clone()),
            stale: false,
        }
    }

    /// The line of a record whose loop ended, with or without success.
    fn revised(&self, line: RevisionLine, revision: &Revision) -> RevisionLine {
        let worth = |round: Option<&Round>| round.and_then(|round| round.worth);
        RevisionLine {
            outcome: revision.outcome,
            passed: revision.passed(),
            text: Some(revision.text().into()),
            best_round: Some(revision.best),
            score_first: worth(revision.rounds.first()),
            score_best: worth(revision.returned()),
            regressions: Some(revision.regressions()),
            final_check: revision.final_verdict.as_ref().map(|check| self.check(check)),
            rounds: Some(revision.rounds.iter().map(|round| self.round(round)).collect()),
            latency_ms: Some(u64::try_from(revision.time.as_millis()).unwrap_or(u64::MAX)),
            spent: SpentLine::of(&revision.spent, self.priced),
            error: revision.error.as_ref().map(ErrorLine::from),
            ..line
        }
    }

    /// One draft with its judgment.
    fn round(&self, round: &Round) -> RoundLine {
        let (verdict, unreadable) = round.verdict.as_ref().map(decided).unwrap_or_default();
        RoundLine {
            round: round.round,
            draft: round.draft.clone(),
            verdict,
            unreadable,
            worth: round.worth,
            pass: round.pass,
            critique: round.critique.clone(),
            accepted: round.accepted,
            seen_in: round.seen_in,
            spent: SpentLine::of(&round.spent, self.priced),
        }
    }

    /// The final judgment.
    fn check(&self, check: &FinalVerdict) -> CheckLine {
        let (verdict, unreadable) = decided(&check.verdict);
        CheckLine {
            by: check.by.clone(),
            verdict,
            unreadable,
            pass: check.pass,
            flipped: check.flipped,
            spent: SpentLine::of(&check.spent, self.priced),
        }
    }
}

/// A verdict, or the reason why it is unreadable, as two fields of a line.
fn decided(verdict: &Result<Verdict, Unreadable>) -> (VerdictLine, Option<Unreadable>) {
    match verdict {
        Ok(verdict) => (verdict.into(), None),
        Err(why) => (VerdictLine::default(), Some(why.clone())),
    }
}
