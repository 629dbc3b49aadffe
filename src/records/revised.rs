//! The line that a revised record becomes.

use serde_json::{Map, Value, json};

use super::line::{failed, number, unreadable, value, values};
use crate::{
    error::Error,
    item::Item,
    strategy::revise::{FinalVerdict, Revision, Round, Spent},
    verdict::{Unreadable, Verdict},
};

/// One line of revisions.
///
/// ```text
/// {"id": "q7", "index": 6, "outcome": "passed", "passed": true, "final": "…", "best_round": 2, "score_first": 3,
///  "score_best": 9, "final_check": {"by": …, "verdict": "9", "pass": true, "flipped": false, …},
///  "rounds": [{"round": 0, "draft": "…", "verdict": "3", "pass": false, "critique": "…", "accepted": true, …}], …}
/// ```
#[derive(Debug)]
pub struct RevisedLine<'a> {
    /// The name of the record.
    pub id: String,
    /// Counts all records of a run from 0.
    pub index: usize,
    /// The record; absent where the input held none.
    pub item: Option<&'a Item>,
    /// What came of it.
    pub outcome: Result<&'a Revision, &'a Error>,
    /// Whether all prices are known, so that what was spent is more than a part.
    pub priced: bool,
    /// Names the record and all that the loop depends on.
    pub key: String,
    /// Whether the record itself is repeated in the line.
    pub with_item: bool,
}

impl RevisedLine<'_> {
    /// The line as JSON, keys in their documented order.
    pub fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("id".into(), self.id.as_str().into());
        line.insert("index".into(), self.index.into());
        match self.outcome {
            Ok(revision) => self.revised(&mut line, revision),
            Err(error) => {
                line.insert("outcome".into(), "failed".into());
                line.insert("passed".into(), false.into());
                failed(&mut line, error);
            }
        }
        line.insert("key".into(), self.key.as_str().into());
        if let Some(item) = self.item.filter(|_| self.with_item) {
            line.insert("item".into(), item.record().clone().into());
        }
        line.into()
    }

    fn revised(&self, line: &mut Map<String, Value>, revision: &Revision) {
        let mut set = |key: &str, value: Value| drop(line.insert(key.into(), value));
        let worth =
            |round: Option<&Round>| round.and_then(|round| round.worth).map_or(Value::Null, number);
        set("outcome", revision.outcome.name().into());
        set("passed", revision.passed().into());
        set("final", revision.text().into());
        set("best_round", revision.best.into());
        set("score_first", worth(revision.rounds.first()));
        set("score_best", worth(revision.returned()));
        set("regressions", revision.regressions().into());
        let check = revision.final_verdict.as_ref();
        set("final_check", check.map_or(Value::Null, |check| self.checked(check)));
        set("rounds", revision.rounds.iter().map(|round| self.round(round)).collect());
        set("latency_ms", u64::try_from(revision.time.as_millis()).unwrap_or(u64::MAX).into());
        self.spent(line, &revision.spent);
        if let Some(error) = &revision.error {
            failed(line, error);
        }
    }

    fn round(&self, round: &Round) -> Value {
        let mut line = Map::new();
        line.insert("round".into(), round.round.into());
        line.insert("draft".into(), round.draft.as_str().into());
        if let Some(verdict) = &round.verdict {
            decided(&mut line, verdict);
        }
        line.insert("worth".into(), round.worth.map_or(Value::Null, number));
        line.insert("pass".into(), round.pass.into());
        line.insert("critique".into(), round.critique.as_str().into());
        line.insert("accepted".into(), round.accepted.into());
        if let Some(seen_in) = round.seen_in {
            line.insert("seen_in".into(), seen_in.into());
        }
        self.spent(&mut line, &round.spent);
        line.into()
    }

    fn checked(&self, check: &FinalVerdict) -> Value {
        let mut line = Map::new();
        line.insert("by".into(), check.by.as_str().into());
        decided(&mut line, &check.verdict);
        line.insert("pass".into(), check.pass.into());
        line.insert("flipped".into(), check.flipped.into());
        self.spent(&mut line, &check.spent);
        line.into()
    }

    fn spent(&self, line: &mut Map<String, Value>, spent: &Spent) {
        let Spent { calls, cached, requests, usage, saved, cost, .. } = spent;
        line.insert("calls".into(), (*calls).into());
        line.insert("cached".into(), (*cached).into());
        line.insert("requests".into(), (*requests).into());
        line.insert("usage".into(), value(usage));
        line.insert("saved".into(), value(saved));
        line.insert("cost".into(), if self.priced { json!(cost) } else { Value::Null });
    }
}

fn decided(line: &mut Map<String, Value>, verdict: &Result<Verdict, Unreadable>) {
    let mut set = |key: &str, value: Value| line.insert(key.into(), value);
    match verdict {
        Ok(verdict) => {
            set("kind", verdict.kind().into());
            set("verdict", verdict.to_string().into());
            values(verdict, &mut set);
        }
        Err(why) => drop(set("unreadable", unreadable(why))),
    }
}
