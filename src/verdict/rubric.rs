//! A rubric: criteria with weights, each met, unmet or scored, and the score that they come to.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, Serializer};

use crate::scale::{Assessment, nearly_equal, whole, without_noise};

/// The verdict over the criteria of a rubric, in the order of the rubric.
///
/// ```
/// use tribunal::verdict::{Assessment, CriterionVerdict, Rubric};
///
/// // The published example of HealthBench: of 22 points, 7 + 10 - 6 are reached.
/// let verdict = |name: &str, weight, is_met| {
///     let assessment = if is_met { Assessment::Met } else { Assessment::Unmet };
///     CriterionVerdict { weight, ..CriterionVerdict::assessed(name, assessment) }
/// };
/// let rubric = Rubric::new(vec![
///     verdict("1", 7.0, true),
///     verdict("2", 5.0, false),
///     verdict("3", 10.0, true),
///     verdict("4", -6.0, true),
/// ]);
/// assert_eq!((rubric.score(), rubric.raw()), (Some(0.5), Some(0.5)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<CriterionVerdict>", into = "Vec<CriterionVerdict>")]
pub struct Rubric {
    criteria: Vec<CriterionVerdict>,
    /// The numbers of the criteria that were assessed.
    numbers: BTreeMap<String, f64>,
}

/// The verdict on one criterion of a rubric, with what it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CriterionVerdict {
    /// The name of the criterion, or its number in the rubric, from 1.
    pub name: String,
    /// Whether the criterion is met; `None` if it was scored on a scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Assessment>,
    /// The number on the prompt's scale; 1 for a criterion that is met, 0 for one that is not. `None` if it could
    /// not be assessed.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "some_whole")]
    pub value: Option<f64>,
    /// For criteria with a scale: 0 at its lowest end, 1 at its highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalized: Option<f64>,
    /// The weight in the score. A negative weight is a fault: the criterion lowers the score if it is met.
    #[serde(default = "one", serialize_with = "whole")]
    pub weight: f64,
    /// Whether the record does not pass unless this criterion is met.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The probability that the criterion is met, 0 to 1, where the model reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}

/// The weight of a criterion that names none.
fn one() -> f64 {
    1.0
}

/// Writes a number without `.0` if it is whole.
#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn some_whole<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => whole(number, serializer),
        None => serializer.serialize_none(),
    }
}

impl CriterionVerdict {
    /// A criterion with the weight 1 that was met, was not met, or could not be assessed.
    pub fn assessed(name: impl Into<String>, verdict: Assessment) -> Self {
        let value = verdict.value();
        Self { verdict: Some(verdict), value, normalized: None, ..Self::scored(name, 0.0, 0.0) }
    }

    /// A criterion with the weight 1 and a number on a scale; `normalized` is its place between the ends, 0 to 1.
    pub fn scored(name: impl Into<String>, value: f64, normalized: f64) -> Self {
        Self {
            name: name.into(),
            verdict: None,
            value: Some(value),
            normalized: Some(normalized),
            weight: 1.0,
            required: false,
            p: None,
        }
    }

    /// How far the criterion is met, 0 to 1; `None` if it could not be assessed.
    pub fn share(&self) -> Option<f64> {
        self.normalized.or(self.value)
    }

    /// Whether the criterion is met: in full, if it has a scale.
    pub fn is_met(&self) -> bool {
        match self.verdict {
            Some(verdict) => verdict == Assessment::Met,
            None => self.share().is_some_and(|share| nearly_equal(share, 1.0)),
        }
    }

    /// The verdict as a word, or as a number on the scale.
    pub fn shown(&self) -> String {
        match (self.verdict, self.value) {
            (Some(verdict), _) => verdict.name().to_owned(),
            (None, Some(value)) => value.to_string(),
            (None, None) => Assessment::CannotAssess.name().to_owned(),
        }
    }

    /// Whether two verdicts on one criterion are the same, however certain each is.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.verdict == other.verdict && self.value == other.value
    }

    /// Whether all numbers are finite.
    fn is_finite(&self) -> bool {
        let numbers = [self.value, self.normalized, Some(self.weight)];
        numbers.into_iter().flatten().all(f64::is_finite)
    }
}

impl Rubric {
    /// The verdict over these criteria, in the order of the rubric.
    pub fn new(criteria: Vec<CriterionVerdict>) -> Self {
        let number = |one: &CriterionVerdict| Some((one.name.clone(), one.value?));
        let numbers = criteria.iter().filter_map(number).collect();
        Self { criteria, numbers }
    }

    /// The verdict on each criterion, in the order of the rubric.
    pub fn criteria(&self) -> &[CriterionVerdict] {
        &self.criteria
    }

    /// The verdict on the criterion of this name.
    pub fn get(&self, name: &str) -> Option<&CriterionVerdict> {
        self.criteria.iter().find(|one| one.name == name)
    }

    /// The number of each criterion that was assessed, by its name: its place on the scale, or 1 for met and 0 for
    /// unmet.
    pub fn numbers(&self) -> &BTreeMap<String, f64> {
        &self.numbers
    }

    /// How many criteria have this verdict.
    pub fn count(&self, verdict: Assessment) -> usize {
        self.criteria.iter().filter(|one| one.verdict == Some(verdict)).count()
    }

    /// The weights of the criteria that are met, as a share of all positive weights. Criteria that could not be
    /// assessed are left out of both sums (HealthBench, Arora et al. 2025). Faults can lower it below 0.
    ///
    /// `None` if no criterion with a positive weight was assessed.
    pub fn raw(&self) -> Option<f64> {
        let assessed = || self.criteria.iter().filter_map(|one| Some((one.weight, one.share()?)));
        let possible: f64 = assessed().map(|(weight, _)| weight.max(0.0)).sum();
        let reached: f64 = assessed().map(|(weight, share)| weight * share).sum();
        (possible > 0.0).then(|| without_noise(reached / possible))
    }

    /// The same between 0 and 1: whatever faults cost, it is not below 0.
    pub fn score(&self) -> Option<f64> {
        self.raw().map(|raw| raw.clamp(0.0, 1.0))
    }

    /// The names of required criteria that are not met; those that could not be assessed are not met either.
    pub fn lacking(&self) -> Vec<&str> {
        let lacks = |one: &&CriterionVerdict| one.required && !one.is_met();
        self.criteria.iter().filter(lacks).map(|one| one.name.as_str()).collect()
    }

    /// Whether every required criterion is met; `None` if none is required.
    pub fn meets_required(&self) -> Option<bool> {
        let any = self.criteria.iter().any(|one| one.required);
        any.then(|| self.lacking().is_empty())
    }

    /// Whether two verdicts are the same, however certain each is.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let pairs = self.criteria.iter().zip(&other.criteria);
        self.criteria.len() == other.criteria.len()
            && pairs.into_iter().all(|(one, other)| one.is_like(other))
    }

    /// Whether all numbers are finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.criteria.iter().all(CriterionVerdict::is_finite)
    }
}

impl From<Vec<CriterionVerdict>> for Rubric {
    fn from(criteria: Vec<CriterionVerdict>) -> Self {
        Self::new(criteria)
    }
}

impl From<Rubric> for Vec<CriterionVerdict> {
    fn from(rubric: Rubric) -> Self {
        rubric.criteria
    }
}

/// For people: `0.62 (5 met, 3 unmet, 1 cannot assess)`; criteria with a scale are listed: `0.75 (tone 4, facts 4)`.
impl fmt::Display for Rubric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.score() {
            // Adding 0 turns −0 into 0.
            Some(score) => write!(f, "{}", (score * 1000.0).round() / 1000.0 + 0.0)?,
            None => f.write_str("no score")?,
        }
        let counts = Assessment::ALL.map(|word| (self.count(word), word.name()));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, word)| format!("{count} {word}"));
        let scored = self.criteria.iter().filter(|one| one.verdict.is_none());
        let scored = scored.map(|one| format!("{} {}", one.name, one.shown()));
        let parts: Vec<String> = counts.chain(scored).collect();
        write!(f, " ({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, verdict: Assessment, weight: f64) -> CriterionVerdict {
        CriterionVerdict { weight, ..CriterionVerdict::assessed(name, verdict) }
    }

    #[test]
    fn faults_lower_the_raw_value_below_zero_and_the_score_to_zero() {
        let rubric =
            Rubric::new(vec![one("a", Assessment::Unmet, 2.0), one("b", Assessment::Met, -3.0)]);
        assert_eq!((rubric.raw(), rubric.score()), (Some(-1.5), Some(0.0)));
        assert_eq!(rubric.to_string(), "0 (1 met, 1 unmet)");
    }

    #[test]
    fn an_abstention_is_left_out_of_both_sums_and_counted() {
        let rubric = Rubric::new(vec![
            one("a", Assessment::Met, 1.0),
            one("b", Assessment::CannotAssess, 9.0),
            one("c", Assessment::Unmet, 1.0),
        ]);
        assert_eq!(rubric.score(), Some(0.5));
        assert_eq!(rubric.count(Assessment::CannotAssess), 1);
        assert_eq!(rubric.to_string(), "0.5 (1 met, 1 unmet, 1 cannot assess)");
        let silent = Rubric::new(vec![one("a", Assessment::CannotAssess, 1.0)]);
        assert_eq!(
            (silent.score(), silent.to_string()),
            (None, "no score (1 cannot assess)".into())
        );
    }

    #[test]
    fn a_required_criterion_fails_the_record_unless_it_is_met() {
        let required = |verdict| CriterionVerdict { required: true, ..one("a", verdict, 1.0) };
        let met = |verdict| Rubric::new(vec![required(verdict)]).meets_required();
        assert_eq!(met(Assessment::Met), Some(true));
        assert_eq!(met(Assessment::Unmet), Some(false));
        assert_eq!(met(Assessment::CannotAssess), Some(false));
        assert_eq!(Rubric::new(vec![one("a", Assessment::Unmet, 1.0)]).meets_required(), None);
    }

    #[test]
    fn a_criterion_with_a_scale_counts_by_its_place_on_it() {
        let tone = CriterionVerdict { weight: 3.0, ..CriterionVerdict::scored("tone", 4.0, 0.75) };
        let facts = CriterionVerdict::scored("facts", 1.0, 0.0);
        let rubric = Rubric::new(vec![tone, facts]);
        assert_eq!(rubric.score(), Some(0.5625));
        assert_eq!(rubric.to_string(), "0.563 (tone 4, facts 1)");
        assert_eq!(rubric.numbers().get("tone"), Some(&4.0));
    }
}
