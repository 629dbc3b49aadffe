//! Takes turns: answers as many requests at once as pay, and evaluates what they share once.
//!
//! A turn is one of three things. A request is admitted to a free sequence, which begins as its prompt does. Or a
//! piece of one prompt is read, alone in its call: only one prompt is read at a time, so that the next one can begin
//! with it. Or all texts that are being written or weighed go on by one token, together in a call. Where it is quicker,
//! labels of one request are weighed as branches of its prompt instead, which borrow free sequences until that is done.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use llama_cpp_2::token::LlamaToken;
use tokio::sync::oneshot;

use super::{
    EngineFigures,
    branches::{Branches, Level},
    curve::Curve,
    evaluator::Evaluator,
    failed,
    head::Head,
    known::Known,
    memory::{Begun, Memory, Sharing},
    queue::Queue,
    step::{Seen, Step, Words, answer, usage},
    task::Task,
    turns::Turns,
    work::{Job, Work},
};
use crate::{backend::choice::shared, completion::Completion, error::Error, error::Result};

/// The engine of a model: its memory, and the requests that it answers.
pub(super) struct Scheduler<'m, E: Evaluator> {
    memory: Memory<E>,
    /// The reward head, if the model has one.
    head: Option<Head<'m>>,
    queue: Queue,
    words: Arc<dyn Words>,
    /// What calls of several sequences cost.
    curve: Curve,
    /// The requests that are being answered, by sequence.
    active: Vec<Option<Active>>,
    /// The sequences that wait for the continuation of their text.
    resting: Vec<Option<Rest>>,
    figures: Arc<Mutex<EngineFigures>>,
    known: Known,
    /// When it may compute, where several models share the machine.
    turns: Turns,
}

/// A request that is being answered.
struct Active {
    task: Task,
    phase: Phase,
    /// Whether its tokens are evaluated in calls of their own.
    alone: bool,
    started: Instant,
    /// The channel for the answer; closed when the caller stops waiting.
    reply: oneshot::Sender<Result<Completion>>,
}

/// What a request waits for.
#[derive(Debug)]
enum Phase {
    /// Its sequence is extended to these tokens, in pieces.
    Reads(Vec<LlamaToken>),
    /// These tokens are evaluated in one call, with the logits of those with these indexes.
    Weighs(Vec<LlamaToken>, Vec<usize>),
    /// One token is evaluated.
    Token(LlamaToken),
}

/// A sequence whose text may be continued.
struct Rest {
    until: Instant,
    /// The number of tokens before the text.
    prompt: usize,
}

/// How a request shares what others have read, if its tokens are evaluated in calls of their own or not.
fn sharing(alone: bool) -> Sharing {
    if alone { Sharing::Bitwise } else { Sharing::Exact }
}

/// Which logits of the last call belong to a request.
enum Rows {
    /// Those of this token.
    One(usize),
    /// Those of the tokens that it wanted.
    Wanted,
    /// Those that were kept at the end of its prompt.
    Kept(Arc<[f32]>),
}

impl<'m, E: Evaluator> Scheduler<'m, E> {
    /// An engine without requests.
    pub(super) fn new(
        memory: Memory<E>,
        queue: Queue,
        words: Arc<dyn Words>,
        curve: Curve,
        figures: Arc<Mutex<EngineFigures>>,
        turns: Turns,
    ) -> Self {
        let none = || (0..memory.sequences()).map(|_| None).collect();
        let (active, resting) = (none(), (0..memory.sequences()).map(|_| None).collect());
        let known = Known::default();
        let head = None;
        let scheduler =
            Self { memory, head, queue, words, curve, active, resting, figures, known, turns };
        scheduler.note(|figures| {
            figures.width = scheduler.active.len();
            figures.prompt_tokens_minimum = Some(0);
        });
        scheduler
    }

    /// The same engine with the reward head of its model.
    pub(super) fn with_head(self, head: Option<Head<'m>>) -> Self {
        Self { head, ..self }
    }

    /// Answers requests until the queue is closed and all are answered.
    pub(super) fn run(&mut self) {
        loop {
            let started = Instant::now();
            self.queue.drain();
            self.drop_cancelled();
            self.admit();
            let mut waited = Duration::ZERO;
            let mut has_worked = false;
            if self.active.iter().any(Option::is_some) {
                let asked = Instant::now();
                self.turns.take();
                waited = asked.elapsed();
                has_worked = self.step();
            }
            let busy = started.elapsed().saturating_sub(waited);
            self.note(|figures| figures.busy_seconds += busy.as_secs_f64());
            if has_worked {
                self.turns.pass();
                continue;
            }
            self.turns.leave();
            if !self.queue.is_empty() {
                // All that is free rests.
                let until = self.resting.iter().flatten().map(|rest| rest.until).min();
                self.queue.wait_until(until.unwrap_or_else(Instant::now));
            } else if !self.queue.wait() {
                return;
            }
        }
    }

    /// Frees the sequences of requests whose callers have stopped waiting.
    fn drop_cancelled(&mut self) {
        for active in &mut self.active {
            if active.as_ref().is_some_and(|active| active.reply.is_closed()) {
                *active = None;
            }
        }
    }

    /// Starts requests while there are free sequences, but not while a prompt is read.
    fn admit(&mut self) {
        while !self.active.iter().flatten().any(|active| matches!(active.phase, Phase::Reads(_))) {
            let best = self.queue.best(|prompt| self.memory.shared(prompt));
            let Some(n) = best else { return };
            let Some(sequence) = self.place(self.queue.prompt(n)) else { return };
            let job = self.queue.take(n);
            self.start(sequence, job);
        }
    }

    /// A free sequence for this prompt. One that rests is free for the continuation of its text only.
    fn place(&self, prompt: &[LlamaToken]) -> Option<usize> {
        self.memory.place(&self.free(prompt), prompt)
    }

    /// The free sequences for this prompt.
    fn free(&self, prompt: &[LlamaToken]) -> Vec<usize> {
        let now = Instant::now();
        let is_free = |n: &usize| {
            let held = self.memory.held(*n);
            let rests = self.resting[*n]
                .as_ref()
                .is_some_and(|rest| rest.until > now && shared(held, prompt) <= rest.prompt);
            self.active[*n].is_none() && !rests
        };
        (0..self.active.len()).filter(is_free).collect()
    }

    /// Starts a request in a free sequence.
    fn start(&mut self, sequence: usize, job: Job) {
        let Job { work, alone, reply, .. } = job;
        if let Work::Reward(tokens) = work {
            return self.reward(&tokens, reply);
        }
        self.count(work.prompts(), work.weighed());
        self.resting[sequence] = None;
        let mut task = match Task::new(work, &*self.words) {
            Ok(task) => task,
            // The caller may have stopped waiting, which is not an error.
            Err(error) => return drop(reply.send(Err(error))),
        };
        let prompt = task.prompt().to_vec();
        let Begun { kept, logits } = self.memory.begin(sequence, &prompt, sharing(alone));
        task.begin(kept);
        self.note(|figures| figures.prompt_tokens += prompt.len() as u64);
        let phase = Phase::Reads(prompt);
        self.active[sequence] = Some(Active { task, phase, alone, started: Instant::now(), reply });
        if let Some(logits) = logits {
            self.go_on(sequence, &Rows::Kept(logits));
        }
    }

    /// Answers a request for a reward at once: the head has a context of its own, and needs no sequence.
    fn reward(&mut self, tokens: &[LlamaToken], reply: oneshot::Sender<Result<Completion>>) {
        if reply.is_closed() {
            return;
        }
        self.turns.take();
        let started = Instant::now();
        let reward = match &mut self.head {
            Some(head) => head.reward(tokens),
            None => Err(failed("the model has no reward head")),
        };
        self.turns.pass();
        self.note_call(started, tokens.len());
        self.note(|figures| {
            figures.requests += 1;
            figures.prompt_tokens += tokens.len() as u64;
        });
        let completion = |reward: f64| {
            let usage = usage(tokens.len(), 0, 0);
            Completion { reward: Some(reward), usage, ..answer(format!("Reward: {reward}")) }
        };
        // The caller may have stopped waiting, which is not an error.
        drop(reply.send(reward.map(completion)));
    }

    /// Counts the fewest tokens that these prompts need, and as many more that are weighed after them.
    fn count(&mut self, prompts: Vec<Vec<LlamaToken>>, weighed: usize) {
        let new: Option<u64> = prompts.into_iter().map(|prompt| self.known.add(prompt)).sum();
        self.note(|figures| {
            let sum = figures.prompt_tokens_minimum.zip(new);
            figures.prompt_tokens_minimum = sum.map(|(sum, new)| sum + new + weighed as u64);
        });
    }

    /// Evaluates what is needed next. Returns false if nothing is.
    fn step(&mut self) -> bool {
        let reads = |active: &Option<Active>| {
            active.as_ref().is_some_and(|active| !matches!(active.phase, Phase::Token(_)))
        };
        if let Some(sequence) = self.active.iter().position(reads) {
            self.read(sequence);
            return true;
        }
        let token = |(n, active): (usize, &Option<Active>)| match active {
            Some(Active { phase: Phase::Token(token), alone, .. }) => Some((n, *token, *alone)),
            _ => None,
        };
        let all: Vec<_> = self.active.iter().enumerate().filter_map(token).collect();
        let (alone, together): (Vec<_>, Vec<_>) = all.iter().partition(|(.., alone)| *alone);
        let pairs = |all: Vec<(usize, LlamaToken, bool)>| -> Vec<(usize, LlamaToken)> {
            all.into_iter().map(|(n, token, _)| (n, token)).collect()
        };
        for pair in pairs(alone) {
            self.round(&[pair], &[]);
        }
        let together = pairs(together);
        let others = together.len().saturating_sub(1);
        if together.iter().any(|(sequence, _)| self.branch(*sequence, others)) {
            return true;
        }
        self.rounds(together);
        !all.is_empty()
    }

    /// Extends sequences by a token each, in the calls that cost least.
    fn rounds(&mut self, mut group: Vec<(usize, LlamaToken)>) {
        if let Some(idle) = self.idle(&group) {
            return self.round(&group, &idle);
        }
        for width in self.curve.calls(group.len()) {
            let rest = group.split_off(width);
            self.round(&std::mem::replace(&mut group, rest), &[]);
        }
    }

    /// The free sequences that take part in a call for this group, so that it has the same sequences as the calls before
    /// and after it: the first one, two, four and so on, or all. `None` if calls need not be alike, or if that would
    /// take too long.
    fn idle(&self, group: &[(usize, LlamaToken)]) -> Option<Vec<usize>> {
        let (last, _) = group.last().filter(|_| self.memory.reuses_graphs())?;
        let size = (last + 1).next_power_of_two().min(self.active.len());
        let takes_part = |n: &usize| group.iter().any(|(sequence, _)| sequence == n);
        let idle: Vec<usize> = (0..size).filter(|n| !takes_part(n)).collect();
        let has_room = |n: &usize| {
            self.active[*n].is_none() && self.memory.held(*n).len() < self.memory.limit()
        };
        let is_possible = idle.iter().all(has_room) && self.curve.fills(group.len(), size);
        is_possible.then_some(idle)
    }

    /// Weighs labels of one request in branches of its prompt, if free sequences make that quicker than one token after
    /// another in calls that `others` share. Returns false if nothing was done.
    fn branch(&mut self, sequence: usize, others: usize) -> bool {
        let Some((branches, borrowed)) = self.branches(sequence, others) else { return false };
        let mut done = Ok(true);
        for level in &branches.levels {
            done = self.level(sequence, level);
            if !matches!(done, Ok(true)) {
                break;
            }
        }
        borrowed.into_iter().for_each(|sequence| self.memory.empty(sequence));
        match done {
            Ok(is_done) if is_done => self.go_on(sequence, &Rows::Wanted),
            Ok(_) => (),
            Err(error) => self.fail(sequence, error),
        }
        true
    }

    /// The branches in which labels of a request are weighed next, and the free sequences that they borrow; `None` if
    /// one token after another is as quick.
    fn branches(&self, sequence: usize, others: usize) -> Option<(Branches, Vec<usize>)> {
        let Some(Active { task: Task::Score(scoring), .. }) = &self.active[sequence] else {
            return None;
        };
        let mut paths = scoring.branches();
        if paths.len() < 2 {
            return None;
        }
        let mut borrowed = self.memory.spare(&self.free(&[]));
        borrowed.truncate(paths.len() - 1);
        paths.truncate(borrowed.len() + 1);
        let sequences = [&borrowed[..], &[sequence]].concat();
        let branches = Branches::new(&paths, &sequences);
        let saved = branches.saves(&self.curve, others, self.memory.bytes(sequence));
        (saved > 0.0).then_some((branches, borrowed))
    }

    /// Evaluates the nodes of one depth. Returns false if the caller of the request has stopped waiting.
    ///
    /// # Errors
    /// llama.cpp failed.
    fn level(&mut self, sequence: usize, level: &Level) -> Result<bool> {
        for (from, into) in &level.copies {
            if !self.memory.copy(*from, into) {
                return Err(failed("llama.cpp cannot copy a sequence"));
            }
        }
        let Some(Active { task: Task::Score(scoring), reply, .. }) = &mut self.active[sequence]
        else {
            return Ok(false);
        };
        if reply.is_closed() {
            return Ok(false);
        }
        let row = |&(sequence, node): &(usize, usize)| Some((sequence, scoring.token(node)?));
        let group: Vec<_> = level.rows.iter().filter_map(row).collect();
        let started = Instant::now();
        let rows = self.memory.round(&group, &[])?;
        for (row, (_, node)) in rows.into_iter().zip(&level.rows) {
            scoring.weigh(*node, self.memory.logits(row));
        }
        self.note_call(started, group.len());
        Ok(true)
    }

    /// Evaluates the next piece of a request that needs more than a token.
    fn read(&mut self, sequence: usize) {
        let Some(active) = &self.active[sequence] else { return };
        let (tokens, wanted, target) = match &active.phase {
            Phase::Reads(target) => {
                let chunk = self.memory.chunk(sequence, target);
                (chunk.to_vec(), vec![chunk.len() - 1], Some(target.len()))
            }
            Phase::Weighs(tokens, wanted) => (tokens.clone(), wanted.clone(), None),
            Phase::Token(token) => (vec![*token], vec![0], None),
        };
        let started = Instant::now();
        let done = self.memory.extend(sequence, &tokens, &wanted);
        self.note_call(started, tokens.len());
        if let Err(error) = done {
            return self.fail(sequence, error);
        }
        match target {
            // The prompt goes on in the next piece.
            Some(target) if self.memory.held(sequence).len() < target => (),
            Some(_) => {
                self.memory.note_end(sequence, tokens.len() - 1);
                self.go_on(sequence, &Rows::One(tokens.len() - 1));
            }
            None => self.go_on(sequence, &Rows::Wanted),
        }
    }

    /// Extends several sequences by a token each, in one call in which `idle` sequences take part without any effect.
    fn round(&mut self, group: &[(usize, LlamaToken)], idle: &[usize]) {
        let started = Instant::now();
        let done = self.memory.round(group, idle);
        let weighed = group.iter().filter(|(n, _)| {
            let task = self.active[*n].as_ref().map(|active| &active.task);
            !matches!(task, Some(Task::Write(_)))
        });
        self.note_call(started, weighed.count());
        for (n, (sequence, _)) in group.iter().enumerate() {
            let is_text =
                matches!(&self.active[*sequence], Some(Active { task: Task::Write(_), .. }));
            match &done {
                Ok(rows) => {
                    if is_text {
                        self.memory.note_recent(*sequence, rows[n]);
                    }
                    self.go_on(*sequence, &Rows::One(rows[n]));
                }
                Err(error) => self.fail(*sequence, error.clone()),
            }
        }
    }

    /// Gives a request the logits that it waited for, and notes what it needs next.
    fn go_on(&mut self, sequence: usize, rows_of_call: &Rows) {
        let mut kept: Option<Rows> = None;
        loop {
            let rows = kept.take();
            let rows = rows.as_ref().unwrap_or(rows_of_call);
            let Some(active) = &mut self.active[sequence] else { return };
            let memory = &self.memory;
            let logits = |n: usize| match rows {
                Rows::One(row) => memory.logits(*row),
                Rows::Wanted => memory.logits(n),
                Rows::Kept(logits) => logits,
            };
            let seen = Seen {
                held: memory.held(sequence),
                logits: &logits,
                limit: memory.limit(),
                most: memory.most(),
                words: &*self.words,
            };
            let phase = match active.task.next(&seen) {
                Ok(Step::Done(answer)) => return self.finish(sequence, *answer),
                Ok(Step::Read(target)) => {
                    let sharing = sharing(active.alone);
                    let begun = self.memory.begin(sequence, &target, sharing);
                    kept = begun.logits.map(Rows::Kept);
                    Phase::Reads(target)
                }
                Ok(Step::Evaluate { keep, tokens, wanted }) => {
                    self.after(sequence, keep, tokens, wanted)
                }
                Ok(Step::Add { keep, tokens }) => self.after(sequence, keep, tokens, Vec::new()),
                Err(error) => return self.fail(sequence, error),
            };
            if let Some(active) = &mut self.active[sequence] {
                active.phase = phase;
            }
            if kept.is_none() {
                return;
            }
        }
    }

    /// How tokens are evaluated after the first `keep` of a sequence.
    fn after(
        &mut self,
        sequence: usize,
        keep: usize,
        tokens: Vec<LlamaToken>,
        wanted: Vec<usize>,
    ) -> Phase {
        let held = self.memory.held(sequence);
        let whole = |held: &[LlamaToken]| [&held[..keep.min(held.len())], &tokens].concat();
        if keep < held.len() {
            let whole = whole(held);
            // A recurrent model cannot be rewound: it reads the beginning again.
            if self.memory.rewind(sequence, keep) < keep {
                return Phase::Reads(whole);
            }
        }
        match tokens.as_slice() {
            _ if !wanted.is_empty() => Phase::Weighs(tokens, wanted),
            [token] => Phase::Token(*token),
            _ => Phase::Reads(whole(self.memory.held(sequence))),
        }
    }

    /// Sends an answer, and lets the sequence rest if its text may be continued.
    fn finish(&mut self, sequence: usize, answer: Completion) {
        let Some(Active { task, started, reply, .. }) = self.active[sequence].take() else {
            return;
        };
        let mut written = 0;
        if let Task::Write(draft) = &task {
            written = draft.written() as u64;
            let rest = self.queue.rest(started.elapsed());
            let prompt = task.prompt().len();
            self.resting[sequence] = rest.map(|time| Rest { until: Instant::now() + time, prompt });
            // What was written need not be evaluated again.
            let _ = self.known.add(self.memory.held(sequence).to_vec());
        }
        let peak = self.memory.peak();
        self.note(|figures| {
            figures.requests += 1;
            figures.generated_tokens += written;
            figures.kv_cells_peak = peak;
        });
        // The caller may have stopped waiting, which is not an error.
        drop(reply.send(Ok(answer)));
    }

    /// Ends a request with an error.
    fn fail(&mut self, sequence: usize, error: Error) {
        if let Some(active) = self.active[sequence].take() {
            drop(active.reply.send(Err(error)));
        }
    }

    /// Notes a call of llama.cpp that evaluated so many tokens of prompts.
    fn note_call(&self, started: Instant, prompt_tokens: usize) {
        self.note(|figures| {
            figures.called(started.elapsed());
            figures.prompt_tokens_evaluated += prompt_tokens as u64;
        });
    }

    fn note(&self, change: impl FnOnce(&mut EngineFigures)) {
        let mut figures: MutexGuard<'_, EngineFigures> =
            self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut figures);
    }
}

#[cfg(test)]
mod tests;
