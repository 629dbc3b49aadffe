//! A line of any command that writes results.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{LabelLine, RankLine, RevisionLine, SearchLine, TreeLine};
use crate::{
    error::Result,
    line::{ResultLine, VerdictLine},
    verdict::{Reason, Unreadable, VerdictKind},
};

/// A line of `judge`, `revise`, `rank`, `search` or `label`, or a node of a search tree.
///
/// ```
/// use tribunal::records::AnyLine;
///
/// let line = AnyLine::read(r#"{"v": 1, "id": "q7", "kind": "score", "verdict": "8", "score": 8}"#)?;
/// assert_eq!(line.result().unwrap().verdict.score, Some(8.0));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyLine {
    /// A judged record.
    Judged(Box<ResultLine>),
    /// A revised record.
    Revised(Box<RevisionLine>),
    /// A record whose candidates were ranked.
    Ranked(Box<RankLine>),
    /// A record whose solution was searched for.
    Searched(Box<SearchLine>),
    /// A solution whose steps were labelled by completing it.
    Labelled(Box<LabelLine>),
    /// One node of the tree of a search.
    Node(Box<TreeLine>),
}

/// The keys that tell the lines apart. Their values do not matter.
#[derive(Deserialize)]
struct Keys {
    outcome: Option<IgnoredAny>,
    passed: Option<IgnoredAny>,
    candidates: Option<IgnoredAny>,
    rewards: Option<IgnoredAny>,
    method: Option<IgnoredAny>,
    paths: Option<IgnoredAny>,
    rollouts: Option<IgnoredAny>,
    node: Option<IgnoredAny>,
    step: Option<IgnoredAny>,
}

impl AnyLine {
    /// Reads a line of any command. Which one wrote it is told by its keys.
    ///
    /// # Errors
    /// The text is not a line that Tribunal writes. A line with none of the other commands' keys is read as one of
    /// `judge`, whose error it then has.
    pub fn read(line: &str) -> Result<Self> {
        let Ok(keys) = serde_json::from_str::<Keys>(line) else {
            return Ok(Self::Judged(Box::new(ResultLine::read(line)?)));
        };
        Ok(if keys.outcome.is_some() && keys.passed.is_some() {
            Self::Revised(Box::new(RevisionLine::read(line)?))
        } else if keys.candidates.is_some() && keys.rewards.is_some() {
            Self::Ranked(Box::new(RankLine::read(line)?))
        } else if keys.method.is_some() && keys.paths.is_some() {
            Self::Searched(Box::new(SearchLine::read(line)?))
        } else if keys.method.is_some() && keys.rollouts.is_some() {
            Self::Labelled(Box::new(LabelLine::read(line)?))
        } else if keys.node.is_some() && keys.step.is_some() {
            Self::Node(Box::new(tree(line)?))
        } else {
            Self::Judged(Box::new(ResultLine::read(line)?))
        })
    }

    /// The command that writes such lines.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Judged(_) => "judge",
            Self::Revised(_) => "revise",
            Self::Ranked(_) => "rank",
            Self::Searched(_) | Self::Node(_) => "search",
            Self::Labelled(_) => "label",
        }
    }

    /// The record of the line, if it holds it.
    pub fn item(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Judged(line) => line.item.as_ref(),
            Self::Revised(line) => line.item.as_ref(),
            Self::Ranked(line) => line.item.as_ref(),
            Self::Searched(line) => line.result.item.as_ref(),
            Self::Labelled(line) => line.result.item.as_ref(),
            Self::Node(_) => None,
        }
    }

    /// The key of the line; empty for a node of a tree.
    pub fn key(&self) -> &str {
        match self {
            Self::Judged(line) => &line.key,
            Self::Revised(line) => &line.key,
            Self::Ranked(line) => &line.key,
            Self::Searched(line) => &line.result.key,
            Self::Labelled(line) => &line.result.key,
            Self::Node(_) => "",
        }
    }

    /// The outcome of the record as the line of `judge` has it: the verdict on the returned draft of a revision, the
    /// order of ranked candidates, the chosen solution of a search, the labels of steps. `None` for a node of a tree.
    pub fn result(&self) -> Option<ResultLine> {
        Some(match self {
            Self::Judged(line) => (**line).clone(),
            Self::Searched(line) => {
                ResultLine { pass: line.result.pass.or(line.right), ..line.result.clone() }
            }
            Self::Labelled(line) => line.result.clone(),
            Self::Revised(line) => of_revision(line),
            Self::Ranked(line) => of_ranking(line),
            Self::Node(_) => return None,
        })
    }
}

/// A node of a tree.
fn tree(line: &str) -> Result<TreeLine> {
    let hint = "name a file that `tribunal search --tree` wrote as .jsonl";
    serde_json::from_str(line)
        .map_err(|cause| crate::line::unlike(line.as_bytes(), &cause, "a node of a tree", hint))
}

/// What lines of every command hold beside their outcome, as a result line.
macro_rules! head {
    ($line:expr) => {
        ResultLine {
            v: $line.v,
            id: $line.id.clone(),
            index: $line.index,
            error: $line.error.clone(),
            usage: $line.spent.usage,
            cost: $line.spent.cost,
            latency_ms: $line.latency_ms,
            attempts: $line.spent.requests,
            key: $line.key.clone(),
            item: $line.item.clone(),
            stale: $line.stale,
            ..ResultLine::default()
        }
    };
}

/// The line with the outcome of its record: its error, or else why there is no verdict, or else the verdict. A record
/// with nothing of these lacks a verdict for the reason `lacking`.
fn decided(
    head: ResultLine,
    verdict: VerdictLine,
    unreadable: Option<Unreadable>,
    lacking: &str,
) -> ResultLine {
    if head.error.is_some() {
        return head;
    }
    let is_silent = !verdict.is_some() && unreadable.is_none();
    let unreadable =
        unreadable.or_else(|| is_silent.then(|| Unreadable::new(Reason::Missing, lacking)));
    ResultLine { verdict, unreadable, ..head }
}

/// A revision as a judgment of the draft that is returned.
fn of_revision(line: &RevisionLine) -> ResultLine {
    let rounds = line.rounds.as_deref().unwrap_or_default();
    let best = line.best_round.and_then(|at| rounds.get(at)).or(rounds.last());
    let head = ResultLine {
        pass: Some(line.passed),
        critique: best.map(|round| round.critique.clone()),
        ..head!(line)
    };
    let verdict = best.map(|round| round.verdict.clone()).unwrap_or_default();
    let unreadable = best.and_then(|round| round.unreadable.clone());
    decided(head, verdict, unreadable, "the returned draft has no verdict")
}

/// A ranking as a verdict of that kind; whether the chosen candidate is right is its pass.
fn of_ranking(line: &RankLine) -> ResultLine {
    let group =
        |group: &Vec<usize>| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" = ");
    let words: Vec<String> = line.ranking.iter().map(group).collect();
    let ranking = || VerdictLine {
        kind: Some(VerdictKind::Ranking),
        verdict: Some(words.join(" > ")),
        ranking: Some(line.ranking.clone()),
        ..VerdictLine::default()
    };
    let verdict = if words.is_empty() { VerdictLine::default() } else { ranking() };
    let chosen = line.chosen.and_then(|at| line.candidates.get(at));
    let head = ResultLine {
        pass: line.right,
        critique: chosen.and_then(|one| one.judgment.critique.clone()),
        model: line.model.clone(),
        prompt: line.prompt.clone(),
        ..head!(line)
    };
    decided(head, verdict, None, "no candidate has a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_known_by_its_keys() {
        let lines = [
            (r#"{"id": "a", "score": 4}"#, "judge"),
            (r#"{"id": "a", "outcome": "passed", "passed": true}"#, "revise"),
            (r#"{"id": "a", "candidates": [], "rewards": [], "ranking": [[1], [0, 2]]}"#, "rank"),
            (r#"{"id": "a", "text": "x", "method": "beam", "paths": []}"#, "search"),
            (r#"{"id": "a", "first_error": 1, "method": "every-step", "rollouts": []}"#, "label"),
        ];
        for (line, command) in lines {
            assert_eq!(
                AnyLine::read(line).map(|line| line.command()).ok(),
                Some(command),
                "{line}"
            );
        }
        let node = r#"{"id": "a", "node": 1, "parent": 0, "depth": 1, "step": "x", "value": null, "end": true,
            "chosen": true, "times": 1, "tokens": 3}"#;
        assert!(matches!(AnyLine::read(node), Ok(AnyLine::Node(_))));
        assert!(AnyLine::read("{}").is_err() && AnyLine::read("no JSON").is_err());
    }

    #[test]
    fn every_record_has_the_outcome_that_a_judgment_has() {
        let result = |line: &str| AnyLine::read(line).unwrap().result().unwrap();
        let ranked = result(
            r#"{"id": "a", "candidates": [], "rewards": [], "ranking": [[1], [0, 2]], "right": true}"#,
        );
        assert_eq!(
            (ranked.verdict.verdict.as_deref(), ranked.pass),
            (Some("1 > 0 = 2"), Some(true))
        );
        let revised = result(
            r#"{"id": "a", "outcome": "passed", "passed": true, "best_round": 1, "rounds": [
                {"round": 0, "draft": "x", "kind": "score", "verdict": "3", "score": 3},
                {"round": 1, "draft": "y", "kind": "score", "verdict": "8", "score": 8, "critique": "fine"}]}"#,
        );
        assert_eq!((revised.verdict.score, revised.critique.as_deref()), (Some(8.0), Some("fine")));
        let failed = result(
            r#"{"id": "a", "outcome": "failed", "passed": false, "error": {"message": "gone"}}"#,
        );
        assert!(failed.error.is_some() && failed.unreadable.is_none() && !failed.verdict.is_some());
        let empty = result(r#"{"id": "a", "candidates": [], "rewards": []}"#);
        assert!(empty.unreadable.is_some());
    }
}
