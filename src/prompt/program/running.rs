//! Code that the model wrote, run between two of its texts: `run(…)`, for judges that verify by code (Zhao et al. 2025,
//! GenPRM).
//!
//! A request holds all blocks of the conversation, and its answer is what the last one prints. So it is a function of the
//! request, as all answers are: it can be cached, recorded and read again. A block that was stopped, because it took too
//! long, left nothing that could be relied on; it is not run again.

use super::{PendingReply, Program, ReplyKind};
use crate::{
    completion::Finish,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    parse::{Chosen, Slot},
    prompt::state::AskedAt,
    request::{Ask, Chat, Message, Request},
};

impl Program {
    /// The request to run a block of code after those before it.
    ///
    /// # Errors
    /// No code may be run.
    pub(super) fn ask_run(&mut self, marked: &str, slot: Slot, code: String) -> Result<Request> {
        if !self.context.capabilities.run.is_yes() {
            return Err(self.runs_nothing(&slot));
        }
        // It may stand in a turn of any role.
        let turn = match self.chat() {
            Chat::Raw => 0,
            Chat::Model => self.messages(marked)?.len().saturating_sub(1),
        };
        self.state.places.push(AskedAt { turn, shown: marked.len() });
        // A text that was asked for again may hold other code.
        self.codes.retain(|(other, _)| *other != slot);
        let mut blocks = self.blocks();
        blocks.push(code.clone());
        self.codes.push((slot.clone(), code));
        self.asked = Some(PendingReply { slot, how: ReplyKind::Printed, may_be_cut: true });
        // It depends on nothing but the code: not on the conversation, nor on the draw.
        let nothing: Vec<Message> = Vec::new();
        Ok(Request::generate(nothing).ask(Ask::Run { blocks }))
    }

    /// The blocks that have run to their end, in order.
    fn blocks(&self) -> Vec<String> {
        let ended = |slot: &Slot| {
            let printed = self.state.results.iter().find(|reply| reply.slot == *slot);
            printed.is_some_and(|reply| {
                reply.chosen == Some(Chosen::Printed) && reply.completion.finish != Finish::Length
            })
        };
        let codes = self.codes.iter().filter(|(slot, _)| ended(slot));
        codes.map(|(_, code)| code.clone()).collect()
    }

    /// The error of a prompt that runs code, where that is not allowed.
    fn runs_nothing(&self, slot: &Slot) -> Error {
        let message = format!(
            "{}: run(\"{}\") runs code that the model wrote, which needs your permission",
            self.prompt.name(),
            slot.name
        );
        Error::new(ErrorKind::Unsupported, message).hint(
            Hint::from("allow it with ").setting("allow_code", "").text(": it runs in a sandbox"),
        )
    }
}
