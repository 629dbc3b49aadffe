//! The line of a record whose solution was searched for, and the lines of its tree.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use serde_json::Value;

use crate::{
    error::Result,
    line::{self, PromptLine, ResultLine, unlike},
    strategy::{
        Spent,
        search::{Choice, FinishedPath, Node, SearchLimit, SearchMethod, Searched, Searcher, Tree},
    },
};

/// One line of a search: a result line of the kind `text`, whose text is the chosen solution, and the other solutions.
///
/// ```text
/// {"v": 1, "id": "q7", "kind": "text", "verdict": "12 + 30 = 42\nAnswer: 42", "text": …, "model": …, "method": "beam",
///  "choice": "best", "value": 0.99, "answer": "42", "right": true, "judge": "tiny", "policy_cost": {"calls": 24, …},
///  "judge_cost": {…}, "nodes": 9, "paths": [{"node": 4, "text": …, "value": 0.99, "answer": "42", "times": 5, …}], …}
/// ```
///
/// Everything that reads result lines reads these too. `model` and `prompt` are those of the policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SearchLine {
    /// The chosen solution as a result line.
    #[serde(flatten)]
    pub result: ResultLine,
    /// The method, with its parameter.
    #[serde(default)]
    pub method: SearchMethod,
    /// How the answer was chosen among the solutions that ended.
    #[serde(default)]
    pub choice: Choice,
    /// The value of the chosen solution; null if it has none.
    #[serde(default)]
    pub value: Option<f64>,
    /// The final answer of the chosen solution in canonical form; null if it cannot be told.
    #[serde(default)]
    pub answer: Option<String>,
    /// Whether it matches the reference of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
    /// What scored the solutions.
    #[serde(default)]
    pub judge: String,
    /// The prompt of the judge.
    #[serde(default)]
    pub judge_prompt: PromptLine,
    /// What the policy cost.
    #[serde(default)]
    pub policy_cost: SearchCost,
    /// What the judge cost.
    #[serde(default)]
    pub judge_cost: SearchCost,
    /// The number of different steps that were written.
    #[serde(default)]
    pub nodes: usize,
    /// The draws of the policy without a usable text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unusable: u32,
    /// The judgments without a value.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable_values: u32,
    /// The limit that kept the search from what its method asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<SearchLimit>,
    /// The solutions that ended, in the order in which they were first written.
    #[serde(default)]
    pub paths: Vec<FinishedPath>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The calls and tokens of the policy or of the judge, those of cached answers included: what the search costs without a
/// cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct SearchCost {
    /// The number of answers.
    pub calls: u64,
    /// Tokens of the prompts.
    pub prompt: u64,
    /// Tokens that were written.
    pub completion: u64,
}

impl From<Spent> for SearchCost {
    fn from(spent: Spent) -> Self {
        Self {
            calls: spent.calls.into(),
            prompt: spent.usage.prompt + spent.saved.prompt,
            completion: spent.usage.completion + spent.saved.completion,
        }
    }
}

impl std::ops::AddAssign for SearchCost {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.prompt += other.prompt;
        self.completion += other.completion;
    }
}

impl SearchLine {
    /// The line of a record with this outcome and key.
    pub(crate) fn new(searcher: &Searcher, outcome: Result<&Searched, &crate::Error>) -> Self {
        let (policy, judge) = (searcher.policy(), searcher.judge());
        let result = ResultLine {
            model: policy.name().into(),
            prompt: PromptLine::new(policy.prompt().name(), policy.prompt_hash(), policy.reading()),
            critique: None,
            votes: None,
            ..ResultLine::of(outcome.map(|searched| &searched.judgment))
        };
        let options = searcher.options();
        let line = Self {
            result,
            method: options.method,
            choice: options.choice.unwrap_or_else(|| options.method.usual_choice()),
            judge: judge.name().into(),
            judge_prompt: PromptLine::new(
                judge.prompt().name(),
                judge.prompt_hash(),
                judge.reading(),
            ),
            ..Self::default()
        };
        let Ok(result) = outcome else { return line };
        let chosen = result.chosen();
        Self {
            value: chosen.and_then(|path| path.value),
            answer: chosen.and_then(|path| path.answer.clone()),
            right: chosen.and_then(|path| path.right),
            policy_cost: result.policy.into(),
            judge_cost: result.judge.into(),
            nodes: result.tree.len() - 1,
            unusable: result.unusable,
            unreadable_values: result.unreadable,
            limit: result.limit,
            paths: result.paths.clone(),
            ..line
        }
    }

    /// Reads a line. Fields of a newer version are ignored if the rest can be read.
    ///
    /// # Errors
    /// The text is not a line of a search. The error tells if the line is of a newer version.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self> {
        let line = line.as_ref();
        let hint = "name a file that `tribunal search -o` wrote as .jsonl";
        serde_json::from_slice(line)
            .map_err(|cause| unlike(line, &cause, "a line of a search", hint))
    }

    /// The JSON schema of lines that this version writes (draft 2020-12).
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        line::schema_of::<Self>()
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for SearchLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::written(self, f)
    }
}

/// One node of the tree of a record.
///
/// ```text
/// {"id": "q7", "node": 4, "parent": 2, "depth": 2, "step": "42 - 5 = 37", "value": 0.99, "end": false, "chosen": true,
///  "times": 3, "tokens": 71}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TreeLine {
    /// The id of the record.
    pub id: String,
    /// The number of the node in the tree of its record, from 1.
    pub node: usize,
    /// The node before it; 0 is the problem.
    pub parent: usize,
    /// The number of steps up to this one.
    pub depth: usize,
    /// The text of the step.
    pub step: String,
    /// The value of the solution up to here; null if the judge gave none that can be read, or was not asked.
    pub value: Option<f64>,
    /// Whether the solution ends here.
    pub end: bool,
    /// Whether the step is part of the chosen solution.
    pub chosen: bool,
    /// How often the step was drawn.
    pub times: u32,
    /// The tokens that the policy wrote for it.
    pub tokens: u64,
}

impl TreeLine {
    /// The lines of all steps of a tree.
    pub fn all(id: &str, searched: &Searched) -> Vec<Self> {
        let tree: &Tree = &searched.tree;
        let path = searched.chosen().map(|path| tree.path(path.node)).unwrap_or_default();
        let line = |(at, node): (usize, &Node)| Self {
            id: id.to_owned(),
            node: at,
            parent: node.parent.unwrap_or_default(),
            depth: node.depth,
            step: node.step.clone(),
            value: node.value,
            end: node.is_end,
            chosen: path.contains(&at),
            times: node.times,
            tokens: node.tokens,
        };
        tree.nodes().iter().enumerate().skip(1).map(line).collect()
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for TreeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::written(self, f)
    }
}
