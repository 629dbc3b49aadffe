//! Whether the judge may take the place of a person: each person beside the judge, by the people who remain.

use std::collections::BTreeMap;

use super::group::{Case, Group};
use crate::{
    metrics::{AdvantageTest, Figure, benjamini_yekutieli, ratio, real},
    report::clusters::Clusters,
};

/// The share of false discoveries that is allowed.
const ALLOWED: f64 = 0.05;

/// The alternative annotator test of all people.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlternativeAnnotators {
    /// The handicap of people.
    pub epsilon: f64,
    /// Each person of each criterion.
    pub people: Vec<LeftOut>,
}

/// One person who is left out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The criterion; empty for other verdicts.
    pub criterion: String,
    /// The name of the person.
    pub person: String,
    /// The records that this person and another one labelled, and that have a verdict.
    pub records: usize,
    /// The test; `None` with fewer than 30 records.
    pub test: Option<AdvantageTest>,
    /// Its p-value, adjusted for all tests (Benjamini and Yekutieli 2001).
    pub adjusted: Option<f64>,
}

impl LeftOut {
    /// Whether the judge wins against this person.
    pub fn is_beaten(&self) -> bool {
        self.adjusted.is_some_and(|p| p <= ALLOWED)
    }
}

impl AlternativeAnnotators {
    /// The tests of all criteria; their p-values are adjusted together. `None` if no record has the labels of two people
    /// and a verdict.
    pub(super) fn of(groups: &[(&str, Group<'_>)], epsilon: f64) -> Option<Self> {
        let mut people: Vec<LeftOut> =
            groups.iter().flat_map(|(criterion, group)| tests(criterion, group, epsilon)).collect();
        let p_values: Vec<f64> =
            people.iter().filter_map(|one| Some(one.test.as_ref()?.p)).collect();
        let adjusted = benjamini_yekutieli(&p_values);
        let tested = people.iter_mut().filter(|one| one.test.is_some());
        tested.zip(adjusted).for_each(|(one, p)| one.adjusted = Some(p));
        (!people.is_empty()).then_some(Self { epsilon, people })
    }

    /// Against how many people the judge wins under one criterion, and how many were tested.
    pub(super) fn won(&self, criterion: &str) -> (usize, usize) {
        let tested =
            || self.people.iter().filter(|one| one.criterion == criterion && one.test.is_some());
        (tested().filter(|one| one.is_beaten()).count(), tested().count())
    }

    /// The share of people against whom the judge wins, of those who were tested.
    pub(super) fn winning_rate(&self, criterion: &str) -> Figure {
        let (won, count) = self.won(criterion);
        let value = (count > 0).then(|| ratio(won, count));
        Figure::new("winning_rate", "winning rate against people", value, None, count)
            .without_interval(COUNTED)
    }
}

/// Why the winning rate has no interval.
pub(super) const COUNTED: &str = "it counts the tests that the judge wins";

/// The test of each person of one criterion.
fn tests(criterion: &str, group: &Group<'_>, epsilon: f64) -> Vec<LeftOut> {
    let mut people: BTreeMap<&str, Vec<Case<'_>>> = BTreeMap::new();
    for case in group.cases(2) {
        people.entry(case.person).or_default().push(case);
    }
    let left_out = |(person, cases): (&str, Vec<Case<'_>>)| {
        let places: Vec<usize> = cases.iter().map(|case| case.place).collect();
        let clusters = group.clusters.only(&places);
        let nearness: Vec<(f64, f64)> = cases.iter().map(|case| (case.own, case.judge)).collect();
        let is_enough = cases.len() >= AdvantageTest::LEAST_RECORDS;
        let test = AdvantageTest::new(&nearness, clusters.numbers(), epsilon);
        LeftOut {
            criterion: criterion.to_owned(),
            person: person.to_owned(),
            records: cases.len(),
            test: test.filter(|_| is_enough),
            adjusted: None,
        }
    };
    people.into_iter().map(left_out).collect()
}

/// The average advantage probability: how often the judge is as near to the others as a person or nearer, as the mean
/// over people. People with fewer records than a test needs count only where nobody has as many.
pub(super) fn advantage(group: &Group<'_>) -> Option<Figure> {
    let mut cases = group.cases(2);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    cases.iter().for_each(|case| *counts.entry(case.person).or_default() += 1);
    if counts.values().any(|count| *count >= AdvantageTest::LEAST_RECORDS) {
        counts.retain(|_, count| *count >= AdvantageTest::LEAST_RECORDS);
    }
    cases.retain(|case| counts.contains_key(case.person));
    let people = real(counts.len());
    let all = real(cases.len());
    let weight = |case: &Case<'_>| all / people / real(counts[case.person]);
    let numbers: Vec<f64> =
        cases.iter().map(|case| if case.is_ahead() { weight(case) } else { 0.0 }).collect();
    let places: Vec<usize> = cases.iter().map(|case| case.place).collect();
    let clusters: Clusters = group.clusters.only(&places);
    let title = "judge as near as a person or nearer";
    (!cases.is_empty()).then(|| clusters.mean("judge_advantage", title, &numbers, (0.0, 1.0)))
}
