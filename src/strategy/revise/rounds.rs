//! The loop itself.

use std::{collections::HashMap, time::Instant};

use super::{
    Accept, Critique, Draft, Earlier, FinalCheck, FinalVerdict, Options, Outcome, Revision, Round,
    Spent,
    accept::{prefers, worth},
    critique::shown,
    drive::{check, within},
};
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    verdict::{Judgment, Verdict},
};

/// A loop on its way, for whoever writes the drafts: [`next`](Self::next) says what to write, and the
/// draft goes into the following call.
#[derive(Debug)]
pub struct Loop {
    judge: Judge,
    /// The record as the judge sees it.
    item: Item,
    /// The draft that the record brought.
    given: Option<String>,
    options: Options,
    started: Instant,
    rounds: Vec<Round>,
    /// The round whose draft is revised.
    current: usize,
    /// The round that is returned.
    best: usize,
    /// The rounds by the words of their drafts.
    seen: HashMap<String, u32>,
    /// The steps that stand before the draft that is wanted.
    kept: Option<String>,
    /// What was written and judged in a round that is not over.
    unfinished: Spent,
}

/// What a [`Loop`] wants next.
#[derive(Debug)]
pub enum Next {
    /// A draft.
    Write(Box<Critique>),
    /// Nothing: this is what it came to.
    Done(Box<Revision>),
}

impl Loop {
    /// A loop over the answer of `item`.
    ///
    /// # Errors
    /// Those of [`revise`].
    pub fn new(judge: &Judge, item: &Item, options: &Options) -> Result<Self> {
        check(judge, options)?;
        let item = judge.seen(item)?;
        if item.candidates().len() > 1 {
            return Err(Error::new(ErrorKind::Record, "the record holds several answers")
                .hint("a loop revises one: --map answer=FIELD names it"));
        }
        let steps = || Some(item.steps().join("\n"));
        let given = item.text("answer").or_else(steps).filter(|text| !text.trim().is_empty());
        Ok(Self {
            judge: judge.clone(),
            item,
            given,
            options: options.clone(),
            started: Instant::now(),
            rounds: Vec::new(),
            current: 0,
            best: 0,
            seen: HashMap::new(),
            kept: None,
            unfinished: Spent::default(),
        })
    }

    /// When the budget of time is spent.
    pub fn deadline(&self) -> Option<Instant> {
        self.options.budget.time.map(|time| self.started + time)
    }

    /// Takes the draft that was wanted, or why there is none, and says what is wanted next. Without a draft
    /// the loop begins, and one that has begun ends.
    pub async fn next(&mut self, draft: Option<Result<Draft>>) -> Next {
        let (outcome, error) = match within(self.deadline(), self.step(draft)).await {
            Some(Ok(Step::Write(critique))) => {
                self.kept.clone_from(&critique.kept);
                return Next::Write(critique);
            }
            Some(Ok(Step::Done(outcome))) => (outcome, None),
            Some(Err(error)) => (Outcome::Failed, Some(error)),
            None => (Outcome::Exhausted, None),
        };
        Next::Done(Box::new(self.done(outcome, error).await))
    }

    async fn step(&mut self, draft: Option<Result<Draft>>) -> Result<Step> {
        let draft = match (draft.transpose()?, &self.given) {
            (Some(draft), _) => draft,
            (None, _) if !self.rounds.is_empty() => return Ok(Step::Done(Outcome::Exhausted)),
            (None, Some(given)) => Draft::from(given.as_str()),
            (None, None) => return Ok(Step::Write(Box::new(Critique::first(self.item.clone())))),
        };
        let draft = match &self.kept {
            Some(kept) => Draft { text: joined(kept, &draft.text), ..draft },
            None => draft,
        };
        if let Some(outcome) = self.repeated(&draft) {
            return Ok(Step::Done(outcome));
        }
        self.judged(draft).await?;
        if self.rounds.iter().all(|round| round.worth.is_none()) {
            return Ok(Step::Done(Outcome::JudgeUnreadable));
        }
        if self.rounds[self.current].pass {
            return Ok(Step::Done(Outcome::Passed));
        }
        Ok(match self.ended() {
            Some(outcome) => Step::Done(outcome),
            None => Step::Write(Box::new(self.critique())),
        })
    }

    /// The loop's end, with a fresh judgment of what is returned.
    async fn done(&mut self, mut outcome: Outcome, mut error: Option<Error>) -> Revision {
        let mut spent = self.spent();
        let mut final_verdict = None;
        if !matches!(outcome, Outcome::Failed | Outcome::JudgeUnreadable) {
            match self.final_verdict().await {
                Ok(verdict) => final_verdict = verdict,
                Err(cause) => {
                    outcome = Outcome::Failed;
                    error = Some(cause.within("the final judgment"));
                }
            }
        }
        if let Some(verdict) = &final_verdict {
            spent += verdict.spent;
        }
        Revision {
            outcome,
            rounds: std::mem::take(&mut self.rounds),
            best: self.best,
            final_verdict,
            error,
            spent,
            time: self.started.elapsed(),
        }
    }

    async fn final_verdict(&self) -> Result<Option<FinalVerdict>> {
        let Some(returned) = self.rounds.get(self.best) else { return Ok(None) };
        let judge = match &self.options.final_check {
            FinalCheck::None => return Ok(None),
            FinalCheck::Fresh => &self.judge.fresh(),
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

    /// Why no further round is begun.
    fn ended(&self) -> Option<Outcome> {
        let Options { budget, patience, .. } = &self.options;
        let [.., before, last] = self.rounds.as_slice() else {
            return (budget.rounds == 0 || !self.affords()).then_some(Outcome::Exhausted);
        };
        if before.worth.is_none() && last.worth.is_none() {
            return Some(Outcome::JudgeUnreadable);
        }
        let idle = self.rounds.len() - 1 - self.best;
        if patience.is_some_and(|most| idle >= most as usize) {
            return Some(Outcome::Stalled);
        }
        (last.round >= budget.rounds || !self.affords()).then_some(Outcome::Exhausted)
    }

    /// The record with this draft; as it came, where the record brought it.
    fn with(&self, draft: &str) -> Item {
        match &self.given {
            Some(given) if given == draft => self.item.clone(),
            _ => self.item.revised(draft),
        }
    }

    /// Whether a round like the last one fits the budget, and the final check behind it.
    fn affords(&self) -> bool {
        let Some(last) = self.rounds.last() else { return true };
        let mut next = last.spent;
        if last.round == 0 {
            // The draft was given: writing the next one takes a call at least.
            next.calls += 1;
        }
        if !matches!(self.options.final_check, FinalCheck::None) {
            next.calls += self.rounds.first().map_or(0, |first| first.spent.calls);
        }
        self.options.budget.allows(&self.spent(), &next)
    }

    fn spent(&self) -> Spent {
        let mut spent: Spent = self.rounds.iter().map(|round| round.spent).sum();
        spent += self.unfinished;
        spent
    }

    /// What the policy is told.
    fn critique(&self) -> Critique {
        let current = &self.rounds[self.current];
        let others = self.rounds.iter().filter(|round| round.round != current.round);
        let earlier =
            others.rev().take(self.options.memory.saturating_sub(1)).map(|round| Earlier {
                draft: round.draft.clone(),
                critique: round.critique.clone(),
                verdict: said(round),
            });
        let mut earlier: Vec<Earlier> = earlier.collect();
        earlier.reverse();
        let verdict = current.verdict.as_ref().and_then(|verdict| verdict.as_ref().ok()).cloned();
        let item = self.with(&current.draft);
        let kept = match &verdict {
            Some(Verdict::Steps(steps)) if self.options.keep_steps => {
                steps.first_error.map(|first| kept(&item, &current.draft, first))
            }
            _ => None,
        };
        Critique {
            round: self.count(),
            item,
            draft: current.draft.clone(),
            text: current.critique.clone(),
            verdict,
            earlier,
            kept,
        }
    }

    /// Ends the loop where a draft is nothing new.
    fn repeated(&mut self, draft: &Draft) -> Option<Outcome> {
        let seen_in = *self.seen.get(&words(&draft.text))?;
        let last = self.rounds.last().map(|round| round.round);
        let current = self.rounds.get(self.current).map(|round| round.round);
        self.unfinished = draft.spent;
        self.unjudged(draft.text.clone(), Some(seen_in));
        // Nothing new of the draft it was shown, or of the one it wrote last, is no movement at all.
        let still = Some(seen_in) == current || Some(seen_in) == last;
        Some(if still { Outcome::Stalled } else { Outcome::Oscillating })
    }

    /// Keeps a draft that has no verdict.
    fn unjudged(&mut self, draft: String, seen_in: Option<u32>) {
        let spent = std::mem::take(&mut self.unfinished);
        self.push(Round {
            round: self.count(),
            draft,
            verdict: None,
            pass: false,
            worth: None,
            critique: String::new(),
            accepted: false,
            seen_in,
            spent,
        });
    }

    /// The number of the round that comes.
    fn count(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX)
    }

    /// Judges a draft, and takes it as the current one where the rule accepts it.
    async fn judged(&mut self, draft: Draft) -> Result<()> {
        let Draft { text, spent } = draft;
        self.unfinished = spent;
        let item = self.with(&text);
        let judge = self.judge.clone();
        let judgment = match judge.judge_seen(&item, 0).await {
            Ok(judgment) => judgment,
            // A draft whose judgment fails was paid for: it is kept.
            Err(error) => {
                self.unjudged(text, None);
                return Err(error);
            }
        };
        self.note(&judge, &judgment);
        let worth = worth(&judgment, &item);
        let pass = judgment.pass == Some(true);
        let accepted =
            self.rounds.is_empty() || (worth.is_some() && self.accepts(&text, worth, pass).await?);
        let round = self.count();
        let critique = match self.options.critic.clone() {
            Some(critic) if !pass => self.criticised(&critic, &item, round).await?,
            _ => shown(&judgment),
        };
        let spent = std::mem::take(&mut self.unfinished);
        self.seen.entry(words(&text)).or_insert(round);
        self.push(Round {
            round,
            draft: text,
            verdict: Some(judgment.verdict),
            pass,
            worth,
            critique,
            accepted,
            seen_in: None,
            spent,
        });
        Ok(())
    }

    /// Adds a round, and tells of it.
    fn push(&mut self, round: Round) {
        let place = self.rounds.len();
        if round.accepted {
            self.current = place;
            let best = self.rounds.get(self.best);
            // Of equals the first is kept, unless somebody compared them.
            let compared = matches!(self.options.accept, Accept::Preferred(_));
            let better = |best: &Round| {
                let (new, old) = ((round.pass, round.worth), (best.pass, best.worth));
                new > old || (compared && new == old)
            };
            if best.is_none_or(better) {
                self.best = place;
            }
        }
        self.options.on_round.tell(&round);
        self.rounds.push(round);
    }

    async fn accepts(&mut self, text: &str, worth: Option<f64>, pass: bool) -> Result<bool> {
        let current = &self.rounds[self.current];
        Ok(match self.options.accept.clone() {
            Accept::Always => true,
            Accept::Better { margin } => {
                pass || worth.zip(current.worth).is_some_and(|(new, old)| {
                    new > old + margin || (current.is_two_valued() && new >= old)
                })
            }
            Accept::Preferred(comparing) => {
                let both = [current.draft.clone(), text.to_owned()];
                let pair = self.item.clone().filled("answers", both.to_vec());
                let judgment = comparing.judge(&pair).await?;
                self.note(&comparing, &judgment);
                prefers(&judgment)
            }
        })
    }

    /// What the critic says of a draft.
    async fn criticised(&mut self, critic: &Judge, item: &Item, round: u32) -> Result<String> {
        let principles = &self.options.principles;
        let item = match principles.len() {
            0 => item.clone(),
            count => item.clone().filled("principle", principles[round as usize % count].as_str()),
        };
        let judgment = critic.judge(&item).await?;
        self.note(critic, &judgment);
        match &judgment.verdict {
            Ok(_) => Ok(shown(&judgment)),
            Err(why) => {
                Err(Error::new(ErrorKind::Model, format!("the critic said nothing: {why}"))
                    .within(critic.prompt().name()))
            }
        }
    }

    fn note(&mut self, judge: &Judge, judgment: &Judgment) {
        self.unfinished += Spent::of(judgment, judge.price());
    }
}

enum Step {
    Write(Box<Critique>),
    Done(Outcome),
}

/// Two drafts are the same if their words are.
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

/// The steps before the first error, as they stand in the draft.
fn kept(item: &Item, draft: &str, first_error: usize) -> String {
    let steps = item.steps();
    let between = if draft.contains("\n\n") { "\n\n" } else { "\n" };
    steps[..first_error.min(steps.len())].join(between)
}

/// What was written on, behind the steps that stay.
fn joined(kept: &str, written: &str) -> String {
    let written = written.trim();
    match (kept.is_empty(), kept.contains("\n\n")) {
        (true, _) => written.to_owned(),
        (false, true) => format!("{kept}\n\n{written}"),
        (false, false) => format!("{kept}\n{written}"),
    }
}
