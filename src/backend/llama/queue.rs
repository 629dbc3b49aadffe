//! The waiting requests, and the choice of the next one.
//!
//! Reading a prompt takes most of the time of a judgment, and prompts share their beginnings: the same
//! instructions, or the same record in another draw or order. The next request is therefore the one that
//! shares most tokens with what the model has read. After a text has been written, its sequence waits briefly for
//! the request that continues it.

use std::{
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use llama_cpp_2::token::LlamaToken;

use super::work::Job;

/// The requests that wait for the engine.
///
/// Only the engine thread uses it; callers send requests over a channel.
pub(super) struct Queue {
    /// The channel from the callers.
    jobs: Receiver<Job>,
    /// The waiting requests, in order of arrival.
    waiting: Vec<Waiting>,
    /// How many texts have been written since the last request that continued one.
    unfollowed: u32,
}

/// A request that waits.
struct Waiting {
    /// The request.
    job: Job,
    /// How many times a later request was chosen first.
    passed: u32,
}

/// The most times that a request is passed over. Prefixes are shared by neighbouring records, and runs of
/// neighbours are short.
const MOST_PASSED: u32 = 32;

/// How many waiting requests are compared, the oldest first.
const COMPARED: usize = 64;

/// After this many texts in a row without a continuation, no sequence waits for one.
const PATIENCE: u32 = 8;

/// The longest wait for a continuation, as a fraction of the writing time: one part in this many. It costs no
/// more than reading the text again would.
const SHARE: u32 = 50;
/// The longest wait for a continuation, however long the writing took.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

impl Queue {
    /// A queue of the requests from this channel.
    pub(super) fn new(jobs: Receiver<Job>) -> Self {
        Self { jobs, waiting: Vec::new(), unfollowed: PATIENCE }
    }

    /// Moves all requests from the channel to the list, without waiting, and drops those whose callers have
    /// stopped waiting.
    pub(super) fn drain(&mut self) {
        while let Ok(job) = self.jobs.try_recv() {
            self.push(job);
        }
        self.waiting.retain(|waiting| !waiting.job.reply.is_closed());
    }

    /// Waits for a request. Returns false once the channel is closed.
    pub(super) fn wait(&mut self) -> bool {
        match self.jobs.recv() {
            Ok(job) => {
                self.push(job);
                true
            }
            Err(_) => false,
        }
    }

    /// Waits for a request until this time.
    pub(super) fn wait_until(&mut self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        match self.jobs.recv_timeout(left) {
            Ok(job) => self.push(job),
            // A closed channel returns at once, and the sequences still rest.
            Err(_) => std::thread::sleep(until.saturating_duration_since(Instant::now())),
        }
    }

    /// Whether no request waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The request to answer next, by its index; `shared` is how many tokens a prompt shares with what the model
    /// has read.
    pub(super) fn best(&self, shared: impl Fn(&[LlamaToken]) -> usize) -> Option<usize> {
        let of = |Waiting { job, passed }: &Waiting| (shared(job.work.prompt()), *passed);
        let all: Vec<(usize, u32)> = self.waiting.iter().take(COMPARED).map(of).collect();
        (!all.is_empty()).then(|| first(&all))
    }

    /// The prompt of the n-th request.
    pub(super) fn prompt(&self, n: usize) -> &[LlamaToken] {
        self.waiting[n].job.work.prompt()
    }

    /// Takes the n-th request out of the queue.
    pub(super) fn take(&mut self, n: usize) -> Job {
        self.waiting[..n].iter_mut().for_each(|earlier| earlier.passed += 1);
        self.waiting.remove(n).job
    }

    /// How long the sequence of a text that took this time should wait for its continuation; `None` if texts
    /// are usually not continued.
    pub(super) fn rest(&mut self, took: Duration) -> Option<Duration> {
        self.unfollowed = self.unfollowed.saturating_add(1);
        (self.unfollowed <= PATIENCE).then(|| (took / SHARE).min(LONGEST_WAIT))
    }

    /// Adds a request at the end of the list.
    fn push(&mut self, job: Job) {
        if job.goes_on {
            self.unfollowed = 0;
        }
        self.waiting.push(Waiting { job, passed: 0 });
    }
}

/// Chooses the next request, so that prefixes are shared and no request starves.
///
/// Each entry gives the number of shared tokens and how many times the request was passed over. The first
/// request that was passed over too often is chosen; otherwise the first one that shares most tokens.
fn first(waiting: &[(usize, u32)]) -> usize {
    let starved = waiting.iter().position(|(_, passed)| *passed >= MOST_PASSED);
    let most = || waiting.iter().enumerate().rev().max_by_key(|(_, (shared, _))| *shared);
    starved.or_else(|| most().map(|(at, _)| at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        backend::{
            choice::shared,
            llama::work::{Work, Writing},
        },
        completion::Completion,
        error::Result,
    };

    fn tokens(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().copied().map(LlamaToken).collect()
    }

    /// The next request if the model has read these tokens.
    fn next(queue: &mut Queue, held: &[i32]) -> Option<Job> {
        queue.drain();
        let held = tokens(held);
        let n = queue.best(|prompt| shared(&held, prompt))?;
        Some(queue.take(n))
    }

    type Answer = oneshot::Receiver<Result<Completion>>;

    fn ask(jobs: &Sender<Job>, prompt: &[i32]) -> Answer {
        let (reply, answer) = oneshot::channel();
        let writing = Writing {
            prompt: tokens(prompt),
            sampling: crate::request::Sampling::default(),
            seed: [0; 32],
            turn: String::new(),
            grammar: None,
        };
        jobs.send(Job { work: Work::Write(writing), goes_on: false, alone: false, reply }).unwrap();
        answer
    }

    #[test]
    fn what_shares_most_is_next_and_ties_go_by_arrival() {
        assert_eq!(first(&[(3, 0), (9, 0), (9, 0), (4, 0)]), 1);
        assert_eq!(first(&[(0, 0), (0, 0)]), 0);
    }

    #[test]
    fn nobody_is_passed_over_for_ever() {
        assert_eq!(first(&[(3, 31), (9, 0)]), 1);
        assert_eq!(first(&[(3, 32), (9, 0)]), 0);
        assert_eq!(first(&[(3, 0), (1, 40), (2, 33), (9, 0)]), 1);
        let (jobs, waiting) = channel();
        let mut queue = Queue::new(waiting);
        let mut answers = vec![ask(&jobs, &[7, 7])];
        let mut turns = 0;
        loop {
            answers.push(ask(&jobs, &[1, 2, 3]));
            turns += 1;
            if next(&mut queue, &[1, 2, 3, 4]).unwrap().work.prompt()[0].0 == 7 {
                break;
            }
        }
        assert_eq!(turns, 33);
    }

    #[test]
    fn requests_that_nobody_waits_for_are_dropped_and_the_end_is_seen() {
        let (jobs, waiting) = channel();
        let mut queue = Queue::new(waiting);
        drop(ask(&jobs, &[1, 2, 3]));
        let kept = ask(&jobs, &[5]);
        drop(ask(&jobs, &[1, 2]));
        assert_eq!(next(&mut queue, &[1, 2, 3]).unwrap().work.prompt(), tokens(&[5]));
        drop((jobs, kept));
        assert!(next(&mut queue, &[]).is_none());
        assert!(!queue.wait());
    }
}
