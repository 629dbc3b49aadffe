//! Why an answer holds no verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an answer that came holds no verdict. It never becomes a number: summaries count it, and give the
/// bounds within which a mean would lie if all of these were the worst or the best.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unreadable {
    /// The class of the failure.
    pub reason: Reason,
    /// What was looked for, or what stood there instead.
    pub detail: String,
}

/// The classes of unreadable answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The verdict was never announced.
    Missing,
    /// The last announcement is malformed, or says two things.
    Ambiguous,
    /// A value that was never offered.
    OffScale,
    /// The answer was cut off before its verdict.
    Truncated,
    /// The model declined to judge, or a filter stopped it.
    Refused,
    /// There is no text.
    Empty,
    /// The probabilities do not bear the verdict out: the model was about to say something else than a label,
    /// or reported none where they decide.
    Unsure,
    /// Fewer members of a jury gave a verdict than its quorum asks for.
    Quorum,
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
        }
    }
}

impl Unreadable {
    /// Nothing could be read for this reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The same with one more thing to say.
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
