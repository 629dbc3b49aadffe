//! The result of a search.

use serde::{Deserialize, Serialize};

use super::{SearchLimit, Tree};
use crate::{strategy::Spent, verdict::Judgment};

/// What a search found, and what it cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Searched {
    /// The chosen solution as a verdict, with the tokens and requests of policy and judge; it has no votes. Unreadable
    /// if no solution ended, or none of them has what the choice needs.
    pub judgment: Judgment,
    /// The steps that were written.
    pub tree: Tree,
    /// The solutions that are candidates for the answer, in the order in which they were first written.
    pub paths: Vec<FinishedPath>,
    /// The index of the chosen one.
    pub choice: Option<usize>,
    /// What the policy cost.
    pub policy: Spent,
    /// What the judge cost.
    pub judge: Spent,
    /// What the check cost, if it asks a model.
    pub check: Spent,
    /// The draws without a usable text.
    pub unusable: u32,
    /// The judgments without a value.
    pub unreadable: u32,
    /// The limit that kept the search from what its method asked for.
    pub limit: Option<SearchLimit>,
}

impl Searched {
    /// The chosen solution.
    pub fn chosen(&self) -> Option<&FinishedPath> {
        self.paths.get(self.choice?)
    }
}

/// A solution that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct FinishedPath {
    /// Its last node in the tree.
    pub node: usize,
    /// The solution.
    pub text: String,
    /// Its value, if the judge gave one that can be read.
    pub value: Option<f64>,
    /// Its final answer in canonical form, if it can be told.
    pub answer: Option<String>,
    /// How often it was drawn; the states of a chain that stayed count each time.
    pub times: u32,
    /// Whether its end matches the reference of the record; `None` without one, or if that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
}
