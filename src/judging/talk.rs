//! One conversation of a vote: the only place that drives a program.

use super::Member;
use crate::{
    completion::Completion,
    error::Result,
    item::Item,
    parse::{Parser, Transcript},
    prompt::{Next, Plan, Program},
    request::Request,
    verdict::{Reason, Unreadable},
};

/// One conversation with one model.
#[derive(Debug)]
pub(super) struct Talk {
    /// The step, answer or criterion that it is about, where each has one of its own.
    pub(super) element: Option<usize>,
    /// Place of the request that waits for its answer, from 0.
    pub(super) step: u32,
    program: Program,
    /// Whether the verdict alone may be asked for where the text came to none.
    force: bool,
    /// Whether that was asked for.
    forced: bool,
    /// What was said, once it is over.
    pub(super) ended: Option<Result<Transcript>>,
}

/// What a conversation needs to know to begin.
pub(super) struct Opening<'a> {
    pub(super) member: &'a Member,
    /// The item with its answers in the order in which they are shown.
    pub(super) shown: &'a Item,
    pub(super) plan: Plan,
    pub(super) mark: Option<String>,
    pub(super) force: bool,
}

impl Talk {
    /// A conversation about an element, or about the item as a whole, with its first request; none where it
    /// is over at once.
    ///
    /// # Errors
    /// The record lacks what the prompt requires.
    pub(super) fn begin(
        opening: &Opening<'_>,
        element: Option<usize>,
    ) -> Result<(Self, Option<Request>)> {
        let Opening { member, shown, plan, ref mark, force } = *opening;
        let program = member.prompt.program(shown, element, plan, mark.clone())?;
        let mut talk = Self { element, step: 0, program, force, forced: false, ended: None };
        let first = talk.next(None, member)?;
        Ok((talk, first))
    }

    /// Goes on with the answer to the last request; gives the next one, or ends.
    pub(super) fn go_on(&mut self, answer: Result<Completion>, member: &Member) -> Option<Request> {
        match answer.and_then(|answer| self.next(Some(answer), member)) {
            Ok(Some(request)) => {
                self.step += 1;
                Some(request)
            }
            Ok(None) => None,
            Err(error) => {
                self.ended = Some(Err(error));
                None
            }
        }
    }

    fn next(&mut self, answer: Option<Completion>, member: &Member) -> Result<Option<Request>> {
        let transcript = match (self.forced, answer) {
            (true, Some(ending)) => self.program.end(ending),
            (_, answer) => match self.program.next(answer)? {
                Next::Ask(request) => return Ok(Some(*request)),
                Next::Done(transcript) => transcript,
            },
        };
        if self.force && !self.forced && is_silent(member, self.element, &transcript) {
            self.forced = true;
            if let Some(request) = self.program.force()? {
                return Ok(Some(request));
            }
        }
        self.ended = Some(Ok(transcript));
        Ok(None)
    }

    /// Whether another text may come of asking again.
    pub(super) fn varies(&self) -> bool {
        self.program.varies()
    }
}

/// Whether a text came to no verdict, and the model did not decline to give one.
fn is_silent(member: &Member, element: Option<usize>, transcript: &Transcript) -> bool {
    let silent = |why: Unreadable| why.reason != Reason::Refused;
    member.reader_of(element).parse(transcript).verdict.is_err_and(silent)
}
