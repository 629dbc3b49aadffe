//! What is kept of one result line.

use std::collections::BTreeMap;

use crate::{
    item::{Item, text_of},
    line::ResultLine,
    models::families,
    report::{labels::GivenLabel, orders::Orders},
    verdict::{Judgment, Verdict, Vote, alike},
};

/// One record: its verdict, its label, and what biases are measured by.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    /// `None` if the answer is unreadable or the request failed.
    pub(super) verdict: Option<Verdict>,
    pub(super) failed: bool,
    pub(super) item: Item,
    /// One label, or one of each person who labelled.
    pub(super) labels: Vec<GivenLabel>,
    /// The score with its place on the scale, 0 to 1.
    pub(super) place: Option<(f64, f64)>,
    /// The name of the cluster, if records belong together.
    pub(super) cluster: Option<String>,
    /// The words of the judge, shortened.
    pub(super) critique: String,
    /// How sure the judge was.
    pub(super) certainty: Option<f64>,
    /// The labels that a verdict could have had.
    pub(super) names: Vec<String>,
    /// The characters of each answer.
    pub(super) lengths: Vec<usize>,
    /// Whether each answer is by a model of the judge's family; empty if that is not known of all.
    pub(super) is_own: Vec<bool>,
    pub(super) orders: Orders,
    /// Pairs of draws with the same verdict, and all pairs.
    pub(super) repeated: (usize, usize),
}

/// The most characters of a critique that are kept.
const CRITIQUE: usize = 300;

impl Row {
    /// The facts of a line about this item.
    pub(super) fn of(
        line: ResultLine,
        item: Item,
        labels: Vec<GivenLabel>,
        cluster: Option<String>,
    ) -> Self {
        let values = line.distribution.iter().flat_map(|shares| &shares.values);
        let names = values.map(|(name, _)| name.trim().to_owned()).collect();
        let (id, failed, model) = (line.id.clone(), line.error.is_some(), line.model.clone());
        let critique = line.critique.clone().unwrap_or_default();
        let written = line.verdict.to_verdict();
        let place = line.verdict.score.zip(line.normalized);
        // A line that was written by hand has a verdict, and nothing that a judgment needs.
        let judgment = Judgment::try_from(line).ok();
        let verdict = judgment.as_ref().and_then(|one| one.verdict.clone().ok()).or(written);
        let mut orders = Orders::default();
        judgment.iter().for_each(|judgment| orders.count(judgment));
        Self {
            id,
            verdict,
            failed,
            labels,
            place,
            cluster,
            critique: critique.chars().take(CRITIQUE).collect(),
            certainty: judgment.as_ref().and_then(Judgment::certainty),
            names,
            lengths: item.candidates().iter().map(|one| text_of(one).chars().count()).collect(),
            is_own: own_family(&model, &item),
            orders,
            repeated: repeated(judgment.as_ref().map_or(&[], |one| one.votes.as_slice())),
            item,
        }
    }
}

/// Whether each answer is by a model of the family of the judge.
fn own_family(judge: &str, item: &Item) -> Vec<bool> {
    let own = families(judge);
    let authors = item.authors();
    if own.is_empty() || authors.len() != item.candidates().len() {
        return Vec::new();
    }
    authors.iter().map(|author| families(author).iter().any(|one| own.contains(one))).collect()
}

/// How many pairs of draws of one member and one order have the same verdict, and how many pairs there are.
fn repeated(votes: &[Vote]) -> (usize, usize) {
    let mut draws: BTreeMap<(&str, &[usize]), Vec<&Verdict>> = BTreeMap::new();
    for vote in votes {
        if let Some(verdict) = vote.outcome.verdict() {
            draws.entry((&*vote.by, &vote.order)).or_default().push(verdict);
        }
    }
    let (mut same, mut all) = (0, 0);
    for verdicts in draws.values() {
        for (n, one) in verdicts.iter().enumerate() {
            same += verdicts[n + 1..].iter().filter(|other| alike(one, other)).count();
            all += verdicts.len() - n - 1;
        }
    }
    (same, all)
}
