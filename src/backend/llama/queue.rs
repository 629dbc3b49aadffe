//! Waiting requests, and which of them is next.
//!
//! Reading a prompt takes most of the time of a judgment, and judgments share their beginnings: the same
//! instructions, the same record in another draw or order. So the request that shares most tokens with the cache is
//! taken first, and after a text was written the queue waits a moment for the request that goes on with it.

use std::{
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use llama_cpp_2::token::LlamaToken;

use super::work::{Job, shared};

/// Requests that wait for the engine.
///
/// It is used by the engine thread alone; callers reach it over a channel.
pub(super) struct Queue {
    /// The way from the callers.
    jobs: Receiver<Job>,
    /// In the order of their arrival.
    waiting: Vec<Waiting>,
    /// Texts written since a request came that goes on with one.
    unfollowed: u32,
}

/// A request that waits.
struct Waiting {
    /// The request.
    job: Job,
    /// How often a later one was taken first.
    passed: u32,
}

/// Nobody is passed over more often: prefixes are shared by neighbours, and a run of neighbours is short.
const MOST_PASSED: u32 = 32;

/// So many texts in a row that nobody went on with: nobody is waited for.
const PATIENCE: u32 = 8;

/// What is waited for the request that goes on with a text, at most: a share of the time that writing it
/// took, and no more than what reading a text and asking again takes.
const SHARE: u32 = 50;
/// The longest wait for the request that goes on with a text.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

impl Queue {
    /// A queue of the requests that come over this channel.
    pub(super) fn new(jobs: Receiver<Job>) -> Self {
        Self { jobs, waiting: Vec::new(), unfollowed: PATIENCE }
    }

    /// The request that shares the most tokens with what is `held`; `None` when no more can come.
    ///
    /// Requests that nobody waits for any more are dropped.
    pub(super) fn next(&mut self, held: &[LlamaToken]) -> Option<Job> {
        loop {
            self.drain();
            self.waiting.retain(|waiting| !waiting.job.reply.is_closed());
            if !self.waiting.is_empty() {
                break;
            }
            let job = self.jobs.recv().ok()?;
            self.push(job);
        }
        let of = |Waiting { job, passed }: &Waiting| (shared(held, job.work.prompt()), *passed);
        let all: Vec<(usize, u32)> = self.waiting.iter().map(of).collect();
        let next = first(&all);
        self.waiting[..next].iter_mut().for_each(|earlier| earlier.passed += 1);
        Some(self.waiting.remove(next).job)
    }

    /// After a text was written in so much time: where others wait, and texts are usually gone on with, waits
    /// a moment for the request that does so, for it shares more than any other ever will.
    pub(super) fn wrote(&mut self, prompt: usize, held: &[LlamaToken], took: Duration) {
        self.unfollowed = self.unfollowed.saturating_add(1);
        let until = Instant::now() + (took / SHARE).min(LONGEST_WAIT);
        self.drain();
        let goes_on = |Waiting { job, .. }: &Waiting| shared(held, job.work.prompt()) > prompt;
        while self.unfollowed <= PATIENCE && !self.waiting.is_empty() {
            if self.waiting.iter().any(goes_on) {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.jobs.recv_timeout(left) {
                Ok(job) => self.push(job),
                Err(_) => return,
            }
        }
    }

    /// Takes in what has come, without waiting.
    fn drain(&mut self) {
        while let Ok(job) = self.jobs.try_recv() {
            self.push(job);
        }
    }

    /// Adds a request at the end.
    fn push(&mut self, job: Job) {
        if job.goes_on {
            self.unfollowed = 0;
        }
        self.waiting.push(Waiting { job, passed: 0 });
    }
}

/// Decides which is next, so that prefixes are shared and none starves. Of those that wait, each with the tokens that it shares and how often it was passed over:
/// the first that was passed over too often, else the first of those that share most.
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
        backend::llama::work::{Work, Writing},
        completion::Completion,
        error::Result,
    };

    fn tokens(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().copied().map(LlamaToken).collect()
    }

    type Answer = oneshot::Receiver<Result<Completion>>;

    fn ask(jobs: &Sender<Job>, prompt: &[i32]) -> Answer {
        let (reply, answer) = oneshot::channel();
        let writing = Writing {
            prompt: tokens(prompt),
            sampling: crate::request::Sampling::default(),
            seed: [0; 32],
            turn: String::new(),
        };
        jobs.send(Job { work: Work::Write(writing), goes_on: false, reply }).unwrap();
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
            if queue.next(&tokens(&[1, 2, 3, 4])).unwrap().work.prompt()[0].0 == 7 {
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
        assert_eq!(queue.next(&tokens(&[1, 2, 3])).unwrap().work.prompt(), tokens(&[5]));
        drop((jobs, kept));
        assert!(queue.next(&[]).is_none());
    }
}
