//! Judgments as lines, and lines as judgments.

use serde::{Serialize, Serializer, ser::Error as _};

use super::{
    Consistent, Probabilities, ResultLine, VERSION, VerdictLine, VoteLine, json::not_a_line,
    vote::with_distribution,
};
use crate::{
    completion::Distribution,
    error::{Error, Result},
    verdict::{Judgment, Vote},
};

impl ResultLine {
    /// The line of one outcome, without the names of the record and of the judge: the caller sets these fields.
    pub fn of(outcome: Result<&Judgment, &Error>) -> Self {
        match outcome {
            Ok(judgment) => Self::judged(judgment),
            Err(error) => Self { v: VERSION, error: Some(error.into()), ..Self::default() },
        }
    }

    /// Copies tokens, cost, latency and attempts from the earlier line that was written when the answers arrived.
    /// Reading the answers again costs nothing.
    pub fn keep_usage_of(&mut self, earlier: &Self) {
        self.usage = earlier.usage;
        self.cost = earlier.cost;
        self.latency_ms = earlier.latency_ms;
        self.cached = earlier.cached;
        self.attempts = earlier.attempts;
    }

    fn judged(judgment: &Judgment) -> Self {
        let speaker = judgment.speaker();
        let menu = judgment.distribution.as_ref();
        let menu = menu.or_else(|| speaker.and_then(|vote| vote.distribution.as_ref()));
        let has_orders = judgment.consistent.is_some() || judgment.one_order_unreadable();
        Self {
            v: VERSION,
            verdict: judgment.verdict.as_ref().map(VerdictLine::from).unwrap_or_default(),
            unreadable: judgment.unreadable().cloned(),
            normalized: judgment.normalized,
            expected_score: judgment.expected_score,
            distribution: menu.map(Probabilities::from).or_else(|| speaker.and_then(last_choice)),
            mass: menu.map(Distribution::mass),
            consistent: has_orders.then(|| Consistent::from(judgment.consistent)),
            pass: judgment.pass,
            critique: Some(judgment.critique()),
            rule: speaker.and_then(|vote| vote.rule.clone()),
            span: speaker.and_then(|vote| vote.span),
            mark: judgment.mark.clone(),
            planned_votes: judgment.planned_votes,
            stage: judgment.stage.clone(),
            votes: Some(judgment.votes.iter().map(|vote| with_own_mark(vote, judgment)).collect()),
            usage: Some(judgment.usage),
            cost: judgment.cost,
            latency_ms: Some(judgment.latency_ms),
            cached: Some(judgment.calls > 0 && judgment.cached == judgment.calls),
            attempts: Some(judgment.attempts),
            ..Self::default()
        }
    }
}

/// The vote, with its mark if that differs from the mark of the line.
fn with_own_mark(vote: &Vote, judgment: &Judgment) -> VoteLine {
    let line = VoteLine::from(vote);
    VoteLine { mark: line.mark.filter(|mark| judgment.mark.as_ref() != Some(mark)), ..line }
}

/// The probabilities of the labels of a vote's last choice.
fn last_choice(vote: &Vote) -> Option<Probabilities> {
    vote.calls
        .iter()
        .rev()
        .find_map(|call| call.distribution.as_ref())
        .map(Probabilities::of_choice)
}

/// The judgment that a line was written for. A line with an `error` gives this error.
///
/// A line does not hold everything:
/// - of cached answers only whether all answers were ([`cached`](Judgment::cached),
///   [`saved`](Judgment::saved), [`saved_cost`](Judgment::saved_cost));
/// - of texts not which part of them counts ([`visible_range`](crate::verdict::Call::visible_range));
/// - where every vote saw the answers in their own order, not how many there are
///   ([`order`](crate::verdict::Vote::order));
/// - of labels no distribution of their own: theirs is that of the menu beside them, among its values;
/// - a value of the menu that is called `missing` has no probability in the line's own distribution.
///
/// # Errors
/// The line's own error; or the line does not hold exactly one of a verdict, `unreadable` and `error`, in the
/// line itself or in a vote; or its verdict is there in words only.
impl TryFrom<ResultLine> for Judgment {
    type Error = Error;

    fn try_from(line: ResultLine) -> Result<Self> {
        line.check()?;
        if let Some(error) = line.error {
            return Err(error.into());
        }
        let votes = line.votes.unwrap_or_default();
        let count = votes.iter().filter_map(|vote| vote.order.count()).max().unwrap_or_default();
        let vote = |vote: &VoteLine| {
            let vote = vote.to_vote(count)?;
            let mark = vote.mark.clone().or_else(|| line.mark.clone());
            Ok(Vote { mark, ..vote })
        };
        let votes = votes.iter().map(vote).collect::<Result<Vec<_>>>()?;
        // Else the line's distribution is that of one vote.
        let is_whole =
            votes.iter().all(|vote| !vote.outcome.is_verdict() || vote.distribution.is_some());
        let is_whole = is_whole && line.unreadable.is_none();
        let distribution = line.distribution.filter(|_| is_whole).map(Distribution::from);
        let verdict = match line.unreadable {
            Some(why) => Err(why),
            None => match line.verdict.to_verdict() {
                Some(verdict) => Ok(with_distribution(verdict, distribution.as_ref())),
                None => return Err(not_a_line("the line holds its verdict in words only")),
            },
        };
        let calls = votes.iter().map(|vote| vote.calls.len()).sum::<usize>();
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let cached = if line.cached == Some(true) { calls } else { 0 };
        Ok(Self {
            consistent: line.consistent.and_then(Into::into),
            pass: line.pass,
            normalized: line.normalized,
            distribution,
            expected_score: line.expected_score,
            votes,
            planned_votes: line.planned_votes,
            stage: line.stage,
            mark: line.mark,
            usage: line.usage.unwrap_or_default(),
            calls,
            cached,
            attempts: line.attempts.unwrap_or_default(),
            cost: line.cost,
            latency_ms: line.latency_ms.unwrap_or_default(),
            ..Self::new(verdict)
        })
    }
}

/// The keys of a [`ResultLine`] that a judgment fills, in their order.
impl Serialize for Judgment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const OF_THE_RECORD: [&str; 6] = ["v", "id", "index", "model", "prompt", "key"];
        let line = serde_json::to_value(ResultLine::judged(self)).map_err(S::Error::custom)?;
        let keys = line.as_object().into_iter().flatten();
        serializer.collect_map(keys.filter(|(key, _)| !OF_THE_RECORD.contains(&key.as_str())))
    }
}
