//! The loop and its rounds.

use std::{collections::HashMap, future::Future, mem, time::Instant as Deadline};

use tokio::time::Instant;

use super::{
    Accept, Critique, Draft, EarlierDraft, FinalCheck, FinalVerdict, ReviseOptions, Revision,
    RevisionOutcome, Round, Spent,
    accept::{prefers, worth},
    critique::shown,
    settled::settled,
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    judge::Judge,
    verdict::{Judgment, Verdict},
};

/// A loop whose drafts the caller writes. [`next`](Self::next) returns the critique to write from, and the
/// next call passes the draft. [`revise`](super::revise()) runs it with a closure.
#[derive(Debug)]
pub struct Loop {
    judge: Judge,
    /// The record as the judge sees it.
    item: Item,
    /// The draft that the record contained.
    given: Option<String>,
    options: ReviseOptions,
    stage: Stage,
    started: Instant,
    /// The cost of the first judgment; the final one is expected to cost as much.
    judging: Option<Spent>,
    rounds: Vec<Round>,
    /// The index of the round whose draft is revised.
    current: usize,
    /// The index of the round that is returned.
    best: usize,
    /// The number of the first round for each draft, by its words.
    seen: HashMap<String, u32>,
    /// The kept steps before the requested draft.
    kept: Option<String>,
    /// The unfinished round. It is kept however the loop ends, because it was paid for.
    pending: Option<Round>,
    /// The cost of texts that were not drafts.
    wasted: Spent,
}

/// The state of a loop.
#[derive(Debug)]
enum Stage {
    /// It has not been called yet.
    New,
    /// It requested a draft, or is judging one.
    Begun,
    /// It has ended.
    Done(Box<Revision>),
}

/// The result of one call of a [`Loop`].
#[derive(Debug)]
pub enum LoopStep {
    /// A draft is requested.
    Write(Box<Critique>),
    /// The loop has ended.
    Done(Box<Revision>),
}

impl Loop {
    /// A loop over the answer of `item`.
    ///
    /// # Errors
    /// Those of [`revise`](super::revise()).
    pub fn new(judge: &Judge, item: &Item, options: &ReviseOptions) -> Result<Self> {
        let options = settled(judge, options)?;
        let item = judge.seen(item)?;
        if item.candidates().len() > 1 {
            return Err(Error::new(ErrorKind::Record, "the record holds several answers").hint(
                Hint::from("a loop revises one answer; name its field: ")
                    .setting("map", "answer=FIELD"),
            ));
        }
        let steps = || Some(item.steps().join("\n"));
        let given = item.text("answer").or_else(steps).filter(|text| !text.trim().is_empty());
        Ok(Self {
            judge: judge.clone(),
            item,
            given,
            options,
            stage: Stage::New,
            started: Instant::now(),
            judging: None,
            rounds: Vec::new(),
            current: 0,
            best: 0,
            seen: HashMap::new(),
            kept: None,
            pending: None,
            wasted: Spent::default(),
        })
    }

    /// When the time limit is reached; `None` without one.
    pub fn deadline(&self) -> Option<Deadline> {
        self.ends().map(Instant::into_std)
    }

    fn ends(&self) -> Option<Instant> {
        self.options.limits.time.map(|time| self.started + time)
    }

    fn is_late(&self) -> bool {
        self.ends().is_some_and(|end| Instant::now() >= end)
    }

    /// Accepts the requested draft, or the error in its place, and returns the next step. A call without a
    /// draft begins a new loop, and ends one that has begun. A loop that has ended returns the same revision
    /// again.
    ///
    /// # Cancellation
    /// No call lasts longer than the time limit; a judgment that is pending then is cancelled. Dropping the
    /// future cancels it too: the draft is kept, and the loop ends at the next call without a draft.
    pub async fn next(&mut self, draft: Option<Result<Draft>>) -> LoopStep {
        let draft = match mem::replace(&mut self.stage, Stage::Begun) {
            Stage::New => self.first(draft),
            Stage::Begun => draft
                .transpose()
                .map(|draft| draft.ok_or(RoundEnd::Done(RevisionOutcome::Exhausted))),
            Stage::Done(revision) => {
                self.stage = Stage::Done(revision.clone());
                return LoopStep::Done(revision);
            }
        };
        let (outcome, error) = match within(self.deadline(), self.step(draft)).await {
            Some(Ok(RoundEnd::Write(critique))) => {
                self.kept.clone_from(&critique.kept);
                return LoopStep::Write(critique);
            }
            Some(Ok(RoundEnd::Done(outcome))) => (outcome, None),
            Some(Err(error)) => (RevisionOutcome::Failed, Some(error)),
            None => (RevisionOutcome::Exhausted, None),
        };
        self.end_round(false);
        let revision = Box::new(self.done(outcome, error).await);
        self.stage = Stage::Done(revision.clone());
        LoopStep::Done(revision)
    }

    /// The draft that the loop begins with, or a request for one.
    fn first(&self, draft: Option<Result<Draft>>) -> Result<Result<Draft, RoundEnd>> {
        let given = || self.given.as_deref().map(Draft::from);
        Ok(match draft.transpose()?.or_else(given) {
            Some(draft) => Ok(draft),
            None if self.is_late() => Err(RoundEnd::Done(RevisionOutcome::Exhausted)),
            None => Err(RoundEnd::Write(Box::new(Critique::first(self.item.clone())))),
        })
    }

    async fn step(&mut self, draft: Result<Result<Draft, RoundEnd>>) -> Result<RoundEnd> {
        let draft = match draft? {
            Ok(draft) => draft,
            Err(step) => return Ok(step),
        };
        let draft = match &self.kept {
            Some(kept) => Draft { text: joined(kept, &draft.text), ..draft },
            None => draft,
        };
        if let Some(outcome) = self.repeated(&draft) {
            return Ok(RoundEnd::Done(outcome));
        }
        if self.is_late() {
            // The draft was paid for, so it is kept without a judgment.
            self.begin_round(draft);
            return Ok(RoundEnd::Done(RevisionOutcome::Exhausted));
        }
        self.judged(draft).await?;
        if self.rounds.iter().all(|round| round.worth.is_none()) {
            return Ok(RoundEnd::Done(RevisionOutcome::JudgeUnreadable));
        }
        if self.rounds[self.current].pass {
            return Ok(RoundEnd::Done(RevisionOutcome::Passed));
        }
        Ok(match self.ended() {
            Some(outcome) => RoundEnd::Done(outcome),
            None => RoundEnd::Write(Box::new(self.critique())),
        })
    }

    /// Ends the loop with a fresh judgment of the returned draft.
    async fn done(&mut self, mut outcome: RevisionOutcome, mut error: Option<Error>) -> Revision {
        let mut spent = self.spent();
        let mut final_verdict = None;
        if !matches!(outcome, RevisionOutcome::Failed | RevisionOutcome::JudgeUnreadable) {
            match self.checked().await {
                Some(Ok(verdict)) => final_verdict = verdict,
                Some(Err(cause)) => {
                    outcome = RevisionOutcome::Failed;
                    error = Some(cause.within("the final judgment"));
                }
                // A draft without its final check has not passed.
                None => outcome = RevisionOutcome::Exhausted,
            }
        }
        if let Some(verdict) = &final_verdict {
            spent += verdict.spent;
        }
        Revision {
            outcome,
            rounds: mem::take(&mut self.rounds),
            best: self.best,
            final_verdict,
            error,
            spent,
            time: self.started.elapsed(),
        }
    }

    /// The fresh judgment; `None` if the time limit is reached first.
    async fn checked(&self) -> Option<Result<Option<FinalVerdict>>> {
        if matches!(self.options.final_check, FinalCheck::None) {
            return Some(Ok(None));
        }
        if self.is_late() {
            return None;
        }
        within(self.deadline(), self.final_verdict()).await
    }

    async fn final_verdict(&self) -> Result<Option<FinalVerdict>> {
        let Some(returned) = self.rounds.get(self.best) else { return Ok(None) };
        let judge = match &self.options.final_check {
            FinalCheck::None => return Ok(None),
            FinalCheck::Fresh => &self.judge.fresh(),
            // The same request would be answered from the cache.
            FinalCheck::Judge(other) if other.identity() == self.judge.identity() => &other.fresh(),
            FinalCheck::Judge(other) => other,
        };
        let judgment = judge.judge_seen(&self.with(&returned.draft), 0).await?;
        let pass = judgment.passed();
        Ok(Some(FinalVerdict {
            by: judge.backend().name().to_owned(),
            spent: Spent::of(&judgment, judge.price()),
            verdict: judgment.verdict,
            pass,
            flipped: pass != returned.pass,
        }))
    }

    /// Why no further round begins; `None` if one does.
    fn ended(&self) -> Option<RevisionOutcome> {
        let ReviseOptions { limits, patience, .. } = &self.options;
        let [.., before, last] = self.rounds.as_slice() else {
            return (limits.rounds == 0 || !self.affords()).then_some(RevisionOutcome::Exhausted);
        };
        if before.worth.is_none() && last.worth.is_none() {
            return Some(RevisionOutcome::JudgeUnreadable);
        }
        let idle = self.rounds.len() - 1 - self.best;
        if patience.is_some_and(|most| idle >= most as usize) {
            return Some(RevisionOutcome::Stalled);
        }
        (last.round >= limits.rounds || !self.affords()).then_some(RevisionOutcome::Exhausted)
    }

    /// The record with this draft; unchanged if the record contained the draft.
    fn with(&self, draft: &str) -> Item {
        match &self.given {
            Some(given) if given == draft => self.item.clone(),
            _ => self.item.revised(draft),
        }
    }

    /// Whether the limits allow another round like the last one, and the final check after it.
    fn affords(&self) -> bool {
        let Some(last) = self.rounds.last() else { return true };
        let mut next = last.spent;
        if last.round == 0 && self.given.is_some() {
            // Writing the next draft needs at least one call; its other costs are not known yet.
            next.calls += 1;
        }
        next += self.checking();
        self.options.limits.allows(&self.spent(), &next)
    }

    /// The expected cost of the final check: that of the first judgment, at the price of its own judge.
    fn checking(&self) -> Spent {
        let first = self.judging.unwrap_or_default();
        match &self.options.final_check {
            FinalCheck::None => Spent::default(),
            FinalCheck::Fresh => first,
            FinalCheck::Judge(other) => first.at(other.price()),
        }
    }

    fn spent(&self) -> Spent {
        let rounds = self.rounds.iter().chain(&self.pending).map(|round| round.spent);
        rounds.chain([self.wasted]).sum()
    }

    /// Adds the cost of a policy that wrote no draft.
    pub(super) fn waste(&mut self, spent: Spent) {
        self.wasted += spent;
    }

    /// The critique for the policy.
    fn critique(&self) -> Critique {
        let current = &self.rounds[self.current];
        let others = self.rounds.iter().filter(|round| round.round != current.round);
        let earlier =
            others.rev().take(self.options.memory.saturating_sub(1)).map(|round| EarlierDraft {
                draft: round.draft.clone(),
                critique: round.critique.clone(),
                verdict: said(round),
            });
        let mut earlier: Vec<EarlierDraft> = earlier.collect();
        earlier.reverse();
        let verdict = current.verdict.as_ref().and_then(|verdict| verdict.as_ref().ok()).cloned();
        let item = self.with(&current.draft);
        // A record with steps has no separate answer.
        let item = match item.text("answer") {
            Some(answer) if !answer.is_empty() => item,
            _ => item.filled("answer", current.draft.as_str()),
        };
        let kept = match &verdict {
            Some(Verdict::Steps(steps)) if self.options.keep_steps => {
                steps.first_error.map(|first| kept(&item, &current.draft, first))
            }
            _ => None,
        };
        Critique {
            round: u32::try_from(self.rounds.len()).unwrap_or(u32::MAX),
            item,
            draft: current.draft.clone(),
            text: current.critique.clone(),
            verdict,
            earlier,
            kept,
        }
    }

    /// Ends the loop if a draft is a repetition.
    fn repeated(&mut self, draft: &Draft) -> Option<RevisionOutcome> {
        let seen_in = *self.seen.get(&words(&draft.text))?;
        let last = self.rounds.last().map(|round| round.round);
        self.begin_round(draft.clone()).seen_in = Some(seen_in);
        self.end_round(false);
        // A repetition of the last draft means that nothing changes any more.
        Some(if Some(seen_in) == last {
            RevisionOutcome::Stalled
        } else {
            RevisionOutcome::Oscillating
        })
    }

    /// Begins a round with a draft that has not been judged.
    fn begin_round(&mut self, draft: Draft) -> &mut Round {
        let Draft { text, spent } = draft;
        self.pending.insert(Round {
            round: u32::try_from(self.rounds.len()).unwrap_or(u32::MAX),
            draft: text,
            verdict: None,
            pass: false,
            worth: None,
            critique: String::new(),
            accepted: false,
            seen_in: None,
            spent,
        })
    }

    /// Judges a draft, and makes it the current one if the rule accepts it.
    async fn judged(&mut self, draft: Draft) -> Result<()> {
        let item = self.with(&draft.text);
        self.begin_round(draft);
        let judge = self.judge.clone();
        let judgment = judge.judge_seen(&item, 0).await?;
        self.note(&judge, &judgment);
        self.judging.get_or_insert_with(|| Spent::of(&judgment, judge.price()));
        let worth = worth(&judgment, &item);
        let critique = shown(&judgment);
        let pass = judgment.pass == Some(true);
        if let Some(round) = &mut self.pending {
            *round =
                Round { verdict: Some(judgment.verdict), pass, worth, critique, ..round.clone() };
        }
        let accepted = match self.rounds.get(self.current).cloned() {
            Some(current) => worth.is_some() && self.accepts(&current).await?,
            None => true,
        };
        if let Some(critic) = self.options.critic.clone().filter(|_| !pass) {
            let critique = self.criticised(&critic, &item).await?;
            if let Some(round) = &mut self.pending {
                round.critique = critique;
            }
        }
        self.end_round(accepted);
        Ok(())
    }

    /// Adds the finished round, and notifies the listener.
    fn end_round(&mut self, accepted: bool) {
        let Some(pending) = self.pending.take() else { return };
        let round = Round { accepted, ..pending };
        let place = self.rounds.len();
        self.seen.entry(words(&round.draft)).or_insert(round.round);
        if accepted {
            self.current = place;
            // Of equal drafts the first one is kept, unless a judge compared them.
            let compared = matches!(self.options.accept, Accept::Preferred(_));
            let better = |best: &Round| {
                let (new, old) = ((round.pass, round.worth), (best.pass, best.worth));
                new > old || (compared && new == old)
            };
            if self.rounds.get(self.best).is_none_or(better) {
                self.best = place;
            }
        }
        self.options.on_round.tell(&round);
        self.rounds.push(round);
    }

    /// Whether the pending draft replaces the current one.
    async fn accepts(&mut self, current: &Round) -> Result<bool> {
        let Some(new) = self.pending.clone() else { return Ok(false) };
        Ok(match self.options.accept.clone() {
            Accept::Always => true,
            Accept::Better { margin } => {
                new.pass
                    || new.worth.zip(current.worth).is_some_and(|(new, old)| {
                        new > old + margin || (current.is_two_valued() && new >= old)
                    })
            }
            Accept::Preferred(comparing) => {
                let pair =
                    self.item.clone().filled("answers", vec![current.draft.clone(), new.draft]);
                let judgment = comparing.judge(&pair).await?;
                self.note(&comparing, &judgment);
                prefers(&judgment)
            }
        })
    }

    /// The critic's critique of a draft.
    async fn criticised(&mut self, critic: &Judge, item: &Item) -> Result<String> {
        let principles = &self.options.principles;
        let item = match principles.len() {
            0 => item.clone(),
            count => {
                item.clone().filled("principle", principles[self.rounds.len() % count].as_str())
            }
        };
        let judgment = critic.judge(&item).await?;
        self.note(critic, &judgment);
        match &judgment.verdict {
            Ok(_) => Ok(shown(&judgment)),
            Err(why) => {
                Err(Error::new(ErrorKind::Model, format!("the critic wrote nothing: {why}"))
                    .within(critic.prompt().name()))
            }
        }
    }

    fn note(&mut self, judge: &Judge, judgment: &Judgment) {
        if let Some(round) = &mut self.pending {
            round.spent += Spent::of(judgment, judge.price());
        }
    }
}

#[derive(Debug)]
enum RoundEnd {
    Write(Box<Critique>),
    Done(RevisionOutcome),
}

/// The words of a text: two drafts are the same if their words are.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn said(round: &Round) -> String {
    match &round.verdict {
        Some(Ok(verdict)) => verdict.to_string(),
        Some(Err(why)) => format!("unreadable: {}", why.reason.name()),
        None => "there before".into(),
    }
}

/// The steps before the first error, in the exact text of the draft.
fn kept(item: &Item, draft: &str, first_error: usize) -> String {
    let steps = item.steps();
    let between = if draft.contains("\n\n") { "\n\n" } else { "\n" };
    steps[..first_error.min(steps.len())].join(between)
}

/// The kept steps, followed by the text that was written after them.
fn joined(kept: &str, written: &str) -> String {
    let written = written.trim();
    match (kept.is_empty(), kept.contains("\n\n")) {
        (true, _) => written.to_owned(),
        (false, true) => format!("{kept}\n\n{written}"),
        (false, false) => format!("{kept}\n{written}"),
    }
}

/// The result of `work`, or `None` if the deadline passes first.
pub(super) async fn within<T>(
    deadline: Option<Deadline>,
    work: impl Future<Output = T>,
) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.into(), work).await.ok(),
        None => Some(work.await),
    }
}
