//! The line of a solution whose steps were labelled by completing it, and training data made of such lines.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    item::Item,
    line::{self, PromptLine, ResultLine, unlike},
    strategy::label::{LabelMethod, Labeler, Labelled, Needed, Rollouts},
    verdict::{CORRECT, StepLabel},
};

/// One line of labels: a result line of the kind `steps`, and the completions that it is made of.
///
/// ```text
/// {"v": 1, "id": "q7", "kind": "steps", "verdict": "first error at 1", "first_error": 1,
///  "steps": [{"index": 0, "label": "correct", "value": 0.75}, {"index": 1, "label": "incorrect", "value": 0}],
///  "model": …, "method": "every-step", "check": "check:number", "needed": {"every_step": 8, "first_error": 4},
///  "rollouts": [{"steps": 1, "correct": 3, "incorrect": 1, "unreadable": 0}, …], …}
/// ```
///
/// Everything that reads result lines reads these too. `model` and `prompt` are those of the policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LabelLine {
    /// The labels as a result line.
    #[serde(flatten)]
    pub result: ResultLine,
    /// Which steps were to get a value.
    #[serde(default)]
    pub method: LabelMethod,
    /// What compared the ends of completions with the reference.
    #[serde(default)]
    pub check: String,
    /// The number of completions that each method needs for this solution.
    #[serde(default)]
    pub needed: Needed,
    /// What was completed, and how it ended.
    #[serde(default)]
    pub rollouts: Vec<Rollouts>,
}

impl LabelLine {
    /// The line of a record with this outcome and key.
    pub(crate) fn new(labeler: &Labeler, outcome: Result<&Labelled, &crate::Error>) -> Self {
        let policy = labeler.policy();
        let result = ResultLine {
            model: policy.name().into(),
            prompt: PromptLine::new(policy.prompt().name(), policy.prompt_hash(), policy.reading()),
            critique: None,
            votes: None,
            ..ResultLine::of(outcome.map(|labelled| &labelled.judgment))
        };
        let labelled = outcome.ok();
        Self {
            result,
            method: labeler.options().method,
            check: labeler.check().name().into(),
            needed: labelled.map(|labelled| labelled.needed).unwrap_or_default(),
            rollouts: labelled.map(|labelled| labelled.rollouts.clone()).unwrap_or_default(),
        }
    }

    /// Reads a line. Fields of a newer version are ignored if the rest can be read.
    ///
    /// # Errors
    /// The text is not a line of labels. The error tells if the line is of a newer version.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self> {
        let line = line.as_ref();
        let hint = "name a file that `tribunal label -o` wrote as .jsonl";
        serde_json::from_slice(line).map_err(|cause| unlike(line, &cause, "a line of labels", hint))
    }

    /// The JSON schema of lines that this version writes (draft 2020-12).
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        line::schema_of::<Self>()
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for LabelLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::written(self, f)
    }
}

/// A format of training data for process reward models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum TrainingFormat {
    /// Stepwise supervision of TRL's `PRMTrainer`: `prompt`, `completions`, `labels`.
    Trl,
    /// The shape of PRM800K (Lightman et al. 2023): `question`, and `label.steps` with a rating of 1 or −1 each.
    Prm800k,
}

impl TrainingFormat {
    /// The labelled steps of a solution of the item as one record of training data. It ends with the last step that has a label.
    ///
    /// `None` if a step before that has no label, so that the solution would have a gap, or if no step has one.
    ///
    /// ```
    /// use serde_json::json;
    /// use tribunal::{Item, records::TrainingFormat, verdict::StepLabel};
    ///
    /// let item = Item::new().question("2 + 3 + 1");
    /// let steps = ["2 + 3 = 5".to_owned(), "5 + 1 = 7".to_owned()];
    /// let labels = [StepLabel::new(0, "correct"), StepLabel::new(1, "incorrect")];
    /// let record = TrainingFormat::Trl.record(&item, &steps, &labels).expect("no gap");
    /// assert_eq!(record["labels"], json!([true, false]));
    /// assert_eq!(TrainingFormat::Trl.record(&item, &steps, &labels[1..]), None);
    /// ```
    pub fn record(self, item: &Item, steps: &[String], labels: &[StepLabel]) -> Option<Value> {
        let is_whole = labels.iter().enumerate().all(|(at, step)| step.index == at);
        if labels.is_empty() || !is_whole || labels.len() > steps.len() {
            return None;
        }
        let is_right = |step: &StepLabel| step.label == CORRECT;
        let steps = &steps[..labels.len()];
        let problem = item.text("question").unwrap_or_default();
        Some(match self {
            Self::Trl => json!({
                "prompt": problem,
                "completions": steps,
                "labels": labels.iter().map(is_right).collect::<Vec<_>>(),
            }),
            Self::Prm800k => {
                let step = |(text, step): (&String, &StepLabel)| {
                    let rating = if is_right(step) { 1 } else { -1 };
                    json!({
                        "completions": [{"text": text, "rating": rating, "flagged": null}],
                        "human_completion": null,
                        "chosen_completion": 0,
                    })
                };
                let steps: Vec<_> = steps.iter().zip(labels).map(step).collect();
                let is_wrong = !labels.iter().all(is_right);
                json!({
                    "question": {"problem": problem, "ground_truth_answer": item.text("reference")},
                    "label": {
                        "steps": steps,
                        "finish_reason": if is_wrong { "found_error" } else { "solution" },
                    },
                })
            }
        })
    }
}
