//! The reasons why no verdict could be read from an answer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why no verdict could be read from an answer.
///
/// An unreadable answer never becomes a number. Summaries count it, and report the bounds of the mean if every
/// unreadable answer had the worst or the best value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unreadable {
    /// The class of the failure.
    pub reason: Reason,
    /// What the rules looked for, or what they found instead; empty if a line does not say it.
    #[serde(default)]
    pub detail: String,
}

/// The classes of reasons why an answer is unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The verdict was never announced.
    Missing,
    /// The last announcement is malformed, or has two values.
    Ambiguous,
    /// A value that was never offered.
    OffScale,
    /// The answer was cut off before its verdict.
    Truncated,
    /// The model declined to judge, or a filter stopped it.
    Refused,
    /// There is no text.
    Empty,
    /// The probabilities do not support a verdict: the model would probably have written something that was not
    /// offered, or it reported no probabilities although they must decide.
    Unsure,
    /// Fewer members of a jury gave a verdict than its quorum requires.
    Quorum,
    /// The judge answered that it cannot judge, in words that the prompt offers for that (key `abstain`). It is an
    /// answer: it is not asked for again, and no other member replaces it.
    Abstained,
}

impl Reason {
    /// The word in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::OffScale => "off-scale",
            Self::Truncated => "truncated",
            Self::Refused => "refused",
            Self::Empty => "empty",
            Self::Unsure => "unsure",
            Self::Quorum => "quorum",
            Self::Abstained => "abstained",
        }
    }
}

impl Unreadable {
    /// An unreadable answer with this reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Whether the judge abstained: it answered, and there was nothing to read wrongly.
    pub fn is_abstention(&self) -> bool {
        self.reason == Reason::Abstained
    }

    /// The same with `more` added to the detail.
    pub(crate) fn and(self, more: &str) -> Self {
        let detail = if self.detail.is_empty() { more.into() } else { self.detail + "; " + more };
        Self { detail, ..self }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.detail)
    }
}
