//! Judgments as lines, and lines as judgments.

use serde::{Serialize, Serializer, ser::Error as _};

use super::{
    Consistent, ResultLine, Shares, VERSION, VerdictLine, VoteLine, result::not_a_line,
    vote::with_distribution,
};
use crate::{
    completion::Distribution,
    error::{Error, Result},
    verdict::{Judgment, Verdict, Vote},
};

impl ResultLine {
    /// What came of a record, without its name, its judge and its price: these are fields to be set.
    pub fn of(outcome: Result<&Judgment, &Error>) -> Self {
        match outcome {
            Ok(judgment) => Self::judged(judgment),
            Err(error) => Self { v: VERSION, error: Some(error.into()), ..Self::default() },
        }
    }

    /// The same line with what the answers took as an earlier line says it, which was written when they came.
    pub(crate) fn took_as(&mut self, earlier: &Self) {
        self.usage = earlier.usage;
        self.cost = earlier.cost;
        self.latency_ms = earlier.latency_ms;
        self.cached = earlier.cached;
        self.attempts = earlier.attempts;
    }

    fn judged(judgment: &Judgment) -> Self {
        let speaker = judgment.speaker();
        let seen = speaker.and_then(|vote| vote.distribution.as_ref());
        let has_orders = judgment.consistent.is_some() || judgment.one_order_unreadable();
        let (remembered, calls) = judgment.cached;
        Self {
            v: VERSION,
            verdict: judgment.verdict.as_ref().map(VerdictLine::from).unwrap_or_default(),
            unreadable: judgment.unreadable().cloned(),
            normalized: judgment.normalized,
            expected_score: judgment.expected_score,
            distribution: distribution(judgment, speaker).map(Shares::from),
            mass: seen.map(Distribution::mass),
            consistent: has_orders.then(|| Consistent::from(judgment.consistent)),
            pass: judgment.pass,
            critique: Some(judgment.critique()),
            rule: speaker.and_then(|vote| vote.rule.clone()),
            span: speaker.and_then(|vote| vote.span),
            mark: judgment.mark.clone(),
            votes: Some(judgment.votes.iter().map(|vote| with_own_mark(vote, judgment)).collect()),
            usage: Some(judgment.usage),
            latency_ms: Some(judgment.latency_ms),
            cached: Some(calls > 0 && remembered == calls),
            attempts: Some(judgment.attempts),
            ..Self::default()
        }
    }
}

/// The vote, with its mark where it is another one than that of the line.
fn with_own_mark(vote: &Vote, judgment: &Judgment) -> VoteLine {
    let line = VoteLine::from(vote);
    VoteLine { mark: line.mark.filter(|mark| judgment.mark.as_ref() != Some(mark)), ..line }
}

/// The probabilities over which the verdict was averaged, else those that the speaking vote saw: of the menu
/// of verdicts, or of the labels of its last choice.
fn distribution<'j>(judgment: &'j Judgment, speaker: Option<&'j Vote>) -> Option<&'j Distribution> {
    let own = match &judgment.verdict {
        Ok(Verdict::Label(label)) => label.distribution.as_ref(),
        _ => None,
    };
    let last = |vote: &'j Vote| vote.calls.iter().rev().find_map(|call| call.distribution.as_ref());
    own.or_else(|| speaker.and_then(|vote| vote.distribution.as_ref().or_else(|| last(vote))))
}

/// The judgment that a line tells of. A line with an `error` gives this error.
///
/// A line does not hold everything: of remembered answers it says only whether all were
/// ([`cached`](Judgment::cached), [`saved`](Judgment::saved)), of texts not which part of them counts
/// ([`spoken`](crate::verdict::Call::spoken)), and the number of answers is lost where every vote saw them in
/// their own order.
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
        let shares = line.distribution.map(Distribution::from);
        let verdict = match line.unreadable {
            Some(why) => Err(why),
            None => match line.verdict.to_verdict() {
                Some(verdict) => Ok(with_distribution(verdict, shares.as_ref())),
                None => return Err(not_a_line("the line holds its verdict in words only")),
            },
        };
        let votes = line.votes.unwrap_or_default();
        let count = votes.iter().filter_map(|vote| vote.order.count()).max().unwrap_or_default();
        let vote = |vote: &VoteLine| {
            let vote = vote.to_vote(count)?;
            let mark = vote.mark.clone().or_else(|| line.mark.clone());
            Ok(Vote { mark, ..vote })
        };
        let votes = votes.iter().map(vote).collect::<Result<Vec<_>>>()?;
        let calls = votes.iter().map(|vote| vote.calls.len()).sum::<usize>();
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let remembered = if line.cached == Some(true) { calls } else { 0 };
        Ok(Self {
            consistent: line.consistent.and_then(Into::into),
            pass: line.pass,
            normalized: line.normalized,
            expected_score: line.expected_score,
            votes,
            mark: line.mark,
            usage: line.usage.unwrap_or_default(),
            cached: (remembered, calls),
            attempts: line.attempts.unwrap_or_default(),
            latency_ms: line.latency_ms.unwrap_or_default(),
            ..Self::new(verdict)
        })
    }
}

/// The keys of a [`ResultLine`] that a judgment fills, in their order.
impl Serialize for Judgment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const OF_THE_RECORD: [&str; 7] = ["v", "id", "index", "model", "prompt", "cost", "key"];
        let line = serde_json::to_value(ResultLine::judged(self)).map_err(S::Error::custom)?;
        let keys = line.as_object().into_iter().flatten();
        serializer.collect_map(keys.filter(|(key, _)| !OF_THE_RECORD.contains(&key.as_str())))
    }
}
