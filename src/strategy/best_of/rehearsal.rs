//! What ranking a record will ask, without asking it.

use super::{
    Ranker,
    candidate::{self, Candidate},
    measuring::rehearsed,
    options::Method,
    truth,
};
use crate::{
    completion::UsageTotal, error::Result, item::Item, judge::Judge, judging::AskId,
    request::Request,
};

/// The requests that ranking a record needs if every answer can be read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Rehearsed {
    /// Those of the policy.
    pub policy: Vec<(AskId, Request)>,
    /// Those of the judge. Candidates that are not written yet, and the pairs of later rounds, are made up: the number
    /// of requests is exact, and their texts are not.
    pub judge: Vec<(AskId, Request)>,
    /// Those of a check that asks a model, about candidates that are compared with a reference.
    pub check: Vec<(AskId, Request)>,
    /// The number of candidates.
    pub candidates: usize,
}

/// Stands for a candidate that is not written yet.
const PLACEHOLDER: &str = "An answer that is not written yet.";

impl Ranker {
    /// The requests that [`rank`](Self::rank) will send about this item.
    ///
    /// # Errors
    /// The record lacks a field, or has no candidates.
    pub async fn rehearse(&self, item: &Item) -> Result<Rehearsed> {
        let item = &self.seen(item)?;
        let mut all = Rehearsed::default();
        let candidates = match &self.policy {
            Some(policy) => {
                all.policy = policy.rehearse(item).await?;
                let draws: u32 = policy.members().map(|(member, _)| member.draws).sum();
                let written = Some(UsageTotal::default());
                let text = Some(PLACEHOLDER.into());
                let one = Candidate { text, written, ..Candidate::default() };
                vec![one; usize::try_from(draws).unwrap_or(usize::MAX)]
            }
            None => candidate::given(item)?,
        };
        all.candidates = candidates.len();
        let shown = candidate::shown(item, &candidates);
        if let Some(check) = truth::asked(self.check.as_ref(), &shown, &candidates) {
            for (at, one) in candidates.iter().enumerate() {
                let text = one.text.as_deref().unwrap_or_default();
                all.check.extend(check.rehearse(&shown.alone(at).revised(text)).await?);
            }
        }
        if let Some(judge) = &self.judge {
            for one in self.to_judge(judge, &shown, candidates.len()) {
                all.judge.extend(judge.rehearse_seen(&one).await?);
            }
        }
        Ok(all)
    }

    /// The items that the judge will see.
    fn to_judge(&self, judge: &Judge, item: &Item, count: usize) -> Vec<Item> {
        match self.options.method(judge) {
            Method::Alone => (0..count).map(|at| item.alone(at)).collect(),
            Method::Together if count < 2 => Vec::new(),
            Method::Windows(window) => {
                let ranges = window.ranges(count).into_iter();
                ranges.map(|range| item.picked(&range.collect::<Vec<_>>())).collect()
            }
            Method::Together => vec![item.picked(&(0..count).collect::<Vec<_>>())],
            Method::Pairs => {
                let pairing = self.options.pairing.unwrap_or_default();
                let pairs = rehearsed(pairing, count, self.seed(item));
                pairs.into_iter().map(|pair| item.picked(&[pair.first, pair.second])).collect()
            }
        }
    }
}
