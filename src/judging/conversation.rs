//! One conversation of a vote: the only place that drives a program.

use super::Member;
use crate::{
    completion::Completion,
    error::Result,
    item::Item,
    parse::Transcript,
    prompt::{Program, ProgramContext, ProgramStep},
    request::Request,
};

/// One conversation with one model.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The step, answer or criterion that it is about, where each has a conversation of its own.
    pub(super) element: Option<usize>,
    /// Place of the request that waits for its answer, from 0.
    pub(super) step: u32,
    program: Program,
    /// The transcript, once it is over.
    pub(super) ended: Option<Result<Transcript>>,
}

/// What a conversation needs to know to begin.
pub(super) struct Opening<'a> {
    pub(super) member: &'a Member,
    /// The item with its answers in the order in which they are shown.
    pub(super) shown: &'a Item,
    pub(super) plan: ProgramContext,
    pub(super) mark: Option<String>,
}

impl Conversation {
    /// A conversation about an element, or about the item as a whole, with its first request; `None` where there is
    /// nothing to ask.
    ///
    /// # Errors
    /// The record lacks what the prompt requires.
    pub(super) fn begin(
        opening: &Opening<'_>,
        element: Option<usize>,
    ) -> Result<(Self, Option<Request>)> {
        let Opening { member, shown, plan, ref mark } = *opening;
        let program = member.prompt.program(shown, element, plan, mark.clone())?;
        let mut conversation = Self { element, step: 0, program, ended: None };
        let first = conversation.next(None)?;
        Ok((conversation, first))
    }

    /// Goes on with the answer to the last request; returns the next one, or `None` at the end.
    pub(super) fn go_on(&mut self, answer: Result<Completion>) -> Option<Request> {
        let answer = match answer {
            // The vote stands without the probabilities of its values.
            Err(_) if self.program.is_optional() => Ok(None),
            answer => answer.map(Some),
        };
        match answer.and_then(|answer| self.next(answer)) {
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

    fn next(&mut self, answer: Option<Completion>) -> Result<Option<Request>> {
        match self.program.next(answer)? {
            ProgramStep::Ask(request) => Ok(Some(*request)),
            ProgramStep::Done(transcript) => {
                self.ended = Some(Ok(transcript));
                Ok(None)
            }
        }
    }

    /// Whether the vote can do without the answer to the last request: the probabilities of its values.
    pub(super) fn is_optional(&self) -> bool {
        self.program.is_optional()
    }

    /// Whether asking again may give another text: not at temperature 0 in this process.
    pub(super) fn varies(&self) -> bool {
        self.program.varies()
    }
}
