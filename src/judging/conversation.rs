//! One conversation of a vote. This is the only module that runs a prompt's program.
//!
//! A conversation is strictly sequential: one request waits for its answer before the next one is made.
//! Parallelism comes from several conversations and votes, which do not depend on each other.

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
    /// Index of the step, answer, criterion or passage that it is about; `None` if it is about the whole item.
    pub(super) element: Option<usize>,
    /// Index of the request that waits for its answer, from 0.
    pub(super) step: u32,
    /// The prompt as a state machine: from an answer to the next request.
    program: Program,
    /// The transcript, or the error that ended the conversation; `None` while it goes on.
    pub(super) ended: Option<Result<Transcript>>,
}

/// The inputs of a new conversation.
pub(super) struct NewConversation<'a> {
    pub(super) member: &'a Member,
    /// The item with its answers in the order in which they are shown.
    pub(super) shown: &'a Item,
    /// The capabilities of the model and the number of the draw and the retry, which decide the requests.
    pub(super) context: ProgramContext,
    /// The marker around judged texts, if the prompt uses one.
    pub(super) mark: Option<String>,
}

impl Conversation {
    /// Begins a conversation about one element, or about the whole item, and returns its first request.
    ///
    /// The request is `None` if the prompt has nothing to ask.
    ///
    /// # Errors
    /// The record lacks a field that the prompt requires.
    pub(super) fn begin(
        opening: &NewConversation<'_>,
        element: Option<usize>,
    ) -> Result<(Self, Option<Request>)> {
        let NewConversation { member, shown, context, ref mark } = *opening;
        let program = member.prompt.program(shown, element, context, mark.clone())?;
        let mut conversation = Self { element, step: 0, program, ended: None };
        let first = conversation.next(None)?;
        Ok((conversation, first))
    }

    /// Continues with the answer to the last request. Returns the next request, or `None` at the end.
    pub(super) fn go_on(&mut self, answer: Result<Completion>) -> Option<Request> {
        let answer = match answer {
            // The vote is valid without the probabilities of its values.
            Err(_) if self.program.is_optional() => Ok(None),
            Err(error) => {
                // A text that was cut off before is still an answer, though without a verdict.
                self.ended = Some(self.program.fall_back(&error).ok_or(error));
                return None;
            }
            Ok(answer) => Ok(Some(answer)),
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

    /// Passes an answer to the program; keeps the transcript if it was the last one.
    fn next(&mut self, answer: Option<Completion>) -> Result<Option<Request>> {
        match self.program.next(answer)? {
            ProgramStep::Ask(request) => Ok(Some(*request)),
            ProgramStep::Done(transcript) => {
                self.ended = Some(Ok(transcript));
                Ok(None)
            }
        }
    }

    /// Whether the vote is valid without the answer to the last request, which only asks for
    /// probabilities.
    pub(super) fn is_optional(&self) -> bool {
        self.program.is_optional()
    }

    /// Whether the same request may get another answer. It does not at temperature 0 in this process.
    pub(super) fn varies(&self) -> bool {
        self.program.varies()
    }
}
