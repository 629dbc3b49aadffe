//! The verdict in a line: its kind, its words, and the field of that kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{number, partial::text_or_none};
use crate::verdict::{
    CriterionVerdict, Label, Preference, Rubric, StepLabel, Steps, Verdict, VerdictKind,
};

/// A verdict as lines hold it: `kind`, `verdict`, and the fields of that kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct VerdictLine {
    /// The kind of verdict; it decides which of the fields below are present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<VerdictKind>,
    /// The verdict in words, for people: `7`, `correct (p 0.98)`, `first error at 2`, `1 > 0 = 2`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text_or_none")]
    pub verdict: Option<String>,
    /// For scores: the number, on the prompt's scale. For rubrics: the score over all criteria, 0 to 1. For steps:
    /// the one number that `reduce` makes of them, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::optional")]
    pub score: Option<f64>,
    /// For rubrics: the score before it is limited to 0 to 1; negative where faults cost more than was reached.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::optional")]
    pub raw: Option<f64>,
    /// For labels: the label that was given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text_or_none")]
    pub label: Option<String>,
    /// For labels: the probability of the prompt's positive label, 0 to 1, where the model reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// For labels whose probability was calibrated: `p` as the model reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_raw: Option<f64>,
    /// For labels: the probability of the label that was given, 0 to 1, where the model reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// For steps: the 0-based index of the first wrong step, −1 if every step is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = -1)))]
    pub first_error: Option<i64>,
    /// For steps: the verdict on each step that was judged, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepLabel>>,
    /// For comparisons: which of the two answers is better, in the order of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<Preference>,
    /// For rankings: 0-based answers, best first; answers of one group are equally good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Vec<Vec<usize>>>,
    /// For scores of several answers: one number for each answer, in the order of the record.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::list")]
    pub scores: Option<Vec<f64>>,
    /// For criteria: one number for each criterion, by its name. A criterion that could not be assessed has none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::named")]
    pub criteria: Option<BTreeMap<String, f64>>,
    /// For rubrics: the verdict on each criterion, in the order of the rubric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rubric: Option<Vec<CriterionVerdict>>,
    /// For texts that are the result themselves: a critique, a solution, a revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl From<&Verdict> for VerdictLine {
    fn from(verdict: &Verdict) -> Self {
        let mut line = Self {
            kind: Some(verdict.kind()),
            verdict: Some(verdict.to_string()),
            ..Self::default()
        };
        match verdict.clone() {
            Verdict::Score(score) => line.score = Some(score),
            Verdict::Label(Label { label, p, p_raw, confidence, .. }) => {
                (line.label, line.p, line.p_raw, line.confidence) =
                    (Some(label), p, p_raw, confidence);
            }
            Verdict::Steps(Steps { first_error, steps, score }) => {
                line.score = score;
                let index = first_error.map(|index| i64::try_from(index).unwrap_or(i64::MAX));
                line.first_error = Some(index.unwrap_or(-1));
                line.steps = Some(steps).filter(|steps| !steps.is_empty());
            }
            Verdict::Preference(side) => line.preference = Some(side),
            Verdict::Ranking(groups) => line.ranking = Some(groups),
            Verdict::Scores(scores) => line.scores = Some(scores),
            Verdict::Criteria(criteria) => line.criteria = Some(criteria),
            Verdict::Rubric(rubric) => {
                (line.score, line.raw) = (rubric.score(), rubric.raw());
                line.criteria = Some(rubric.numbers().clone());
                line.rubric = Some(rubric.into());
            }
            Verdict::Text(text) => line.text = Some(text),
        }
        line
    }
}

impl VerdictLine {
    /// Whether there is a verdict.
    pub fn is_some(&self) -> bool {
        self.verdict.is_some() || self.kind().is_some()
    }

    /// The kind that the line names, or otherwise the kind of the field that is present.
    pub(super) fn kind(&self) -> Option<VerdictKind> {
        let there = [
            (VerdictKind::Criteria, self.rubric.is_some()),
            (VerdictKind::Steps, self.first_error.is_some()),
            (VerdictKind::Score, self.score.is_some()),
            (VerdictKind::Label, self.label.is_some()),
            (VerdictKind::Preference, self.preference.is_some()),
            (VerdictKind::Ranking, self.ranking.is_some()),
            (VerdictKind::Scores, self.scores.is_some()),
            (VerdictKind::Criteria, self.criteria.is_some()),
            (VerdictKind::Text, self.text.is_some()),
        ];
        let there = there.into_iter().find_map(|(kind, there)| there.then_some(kind));
        self.kind.or(there)
    }

    /// The verdict; `None` if the field of its kind is missing, or no field is present. Another
    /// field of the line holds the distribution over labels, so the label has none yet.
    pub fn to_verdict(&self) -> Option<Verdict> {
        Some(match self.kind()? {
            VerdictKind::Score => Verdict::Score(self.score?),
            VerdictKind::Label => {
                let Self { p, p_raw, confidence, .. } = *self;
                Verdict::Label(Label { p, p_raw, confidence, ..Label::new(self.label.clone()?) })
            }
            VerdictKind::Steps => Verdict::Steps(Steps {
                first_error: usize::try_from(self.first_error?).ok(),
                steps: self.steps.clone().unwrap_or_default(),
                score: self.score,
            }),
            VerdictKind::Preference => Verdict::Preference(self.preference?),
            VerdictKind::Ranking => Verdict::Ranking(self.ranking.clone()?),
            VerdictKind::Scores => Verdict::Scores(self.scores.clone()?),
            VerdictKind::Criteria => match &self.rubric {
                Some(criteria) => Verdict::Rubric(Rubric::new(criteria.clone())),
                None => Verdict::Criteria(self.criteria.clone()?),
            },
            VerdictKind::Text => Verdict::Text(self.text.clone().or_else(|| self.verdict.clone())?),
        })
    }
}
