//! Counting one record after another.

use super::Summary;
use crate::{
    completion::Finish,
    error::Error,
    item::Item,
    verdict::{Assessment, Judgment, Rubric, Steps, Verdict, Vote},
};

impl Summary {
    /// Counts one record. `name` is shown in messages about its label.
    ///
    /// `item` is `None` if the input could not be read as a record; then there is no label to compare
    /// with.
    pub fn count(&mut self, name: &str, item: Option<&Item>, outcome: Result<&Judgment, &Error>) {
        self.records += 1;
        if let Some(item) = item {
            self.agreement.count(name, item, outcome.ok());
            self.independence.count(item);
        }
        let judgment = match outcome {
            Ok(judgment) => judgment,
            Err(error) => {
                self.failed += 1;
                self.requests += u64::from(error.attempts());
                return;
            }
        };
        self.usage += judgment.usage;
        judgment.cost.into_iter().for_each(|cost| self.costs.add(cost));
        self.saved += judgment.saved;
        self.cached += u64::from(judgment.cached);
        self.requests += u64::from(judgment.attempts);
        self.count_finishes(judgment);
        if let Some(pass) = judgment.pass {
            *self.passed.get_or_insert(0) += usize::from(pass);
        }
        if let Some(planned) = judgment.planned_votes {
            self.votes.asked += judgment.votes.len();
            self.votes.planned += planned as usize;
        }
        if let (Some(stage), Ok(_)) = (&judgment.stage, &judgment.verdict) {
            *self.stages.entry(stage.judge.clone()).or_default() += 1;
        }
        // Also those that were asked for again with more tokens.
        let is_repeated = |vote: &&Vote| {
            vote.reask > 0 || vote.calls.iter().any(|call| call.max_tokens.is_some())
        };
        for vote in judgment.votes.iter().filter(is_repeated) {
            self.reasked.asked += 1;
            self.reasked.read += usize::from(vote.outcome.is_verdict());
        }
        self.orders.count(judgment);
        self.jury.iter_mut().for_each(|jury| jury.count(judgment));
        judgment.votes.iter().for_each(|vote| self.menus.count(vote, self.greedy));
        match &judgment.verdict {
            Ok(verdict) => self.count_verdict(verdict),
            Err(why) if why.is_abstention() => self.abstained += 1,
            Err(why) => *self.unreadable.entry(why.reason.name()).or_default() += 1,
        }
    }

    /// Marks the record that was counted last as kept from an earlier run.
    pub fn count_kept(&mut self, outcome: Result<&Judgment, &Error>) {
        self.kept += 1;
        match outcome {
            Ok(judgment) => self.kept_unreadable += usize::from(judgment.verdict.is_err()),
            Err(_) => self.kept_failed += 1,
        }
    }

    /// Counts a verdict by its kind. Scores and criteria go into histograms, other verdicts are counted
    /// by name.
    fn count_verdict(&mut self, verdict: &Verdict) {
        self.judged += 1;
        match verdict {
            Verdict::Score(score) => return self.scores.add(*score),
            Verdict::Label(_) => self.shares.labels += 1,
            Verdict::Steps(steps) => {
                self.shares.steps += 1;
                self.shares.without_error += usize::from(steps.first_error.is_none());
                steps.score.into_iter().for_each(|score| self.scores.add(score));
            }
            Verdict::Rubric(rubric) => return self.count_rubric(rubric),
            Verdict::Criteria(criteria) => {
                for (name, number) in criteria {
                    self.criteria.entry(name.clone()).or_default().add(*number);
                }
            }
            _ => (),
        }
        *self.verdicts.entry(heading(verdict)).or_default() += 1;
    }

    /// Counts the score of a rubric and the verdicts on its criteria. Criteria that are called by a number differ from
    /// record to record, so that only names have figures of their own.
    fn count_rubric(&mut self, rubric: &Rubric) {
        if let Some(score) = rubric.score() {
            self.scores.add(score);
        }
        for word in Assessment::ALL {
            *self.assessed.entry(word.name()).or_default() += rubric.count(word);
        }
        let is_number = |name: &str| name.chars().all(|c| c.is_ascii_digit() || c == '.');
        let named = rubric.numbers().iter().filter(|(name, _)| !is_number(name));
        for (name, number) in named {
            self.criteria.entry(name.clone()).or_default().add(*number);
        }
    }

    /// Counts finish reasons that are not known to mean a complete answer.
    fn count_finishes(&mut self, judgment: &Judgment) {
        for call in judgment.votes.iter().flat_map(|vote| &vote.calls) {
            if let Finish::Other(word) = &call.finish {
                *self.finishes.entry(word.clone()).or_default() += 1;
            }
        }
    }
}

/// The name under which a verdict is counted.
fn heading(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Label(label) => label.label.clone(),
        Verdict::Preference(side) => side.name().into(),
        // Their number has a histogram of its own.
        Verdict::Steps(steps) => Verdict::Steps(Steps { score: None, ..steps.clone() }).to_string(),
        Verdict::Score(_) | Verdict::Ranking(_) => verdict.to_string(),
        Verdict::Scores(_) | Verdict::Criteria(_) | Verdict::Rubric(_) | Verdict::Text(_) => {
            verdict.kind().name().into()
        }
    }
}
