//! Rewards at the ends of steps: `reward(…)` with the sign of a step, for process reward models with a head (Zhang et al.
//! 2025, Qwen2.5-Math-PRM).
//!
//! All places of one name are one request. The turn in which they stand is closed, because such models were trained on
//! finished conversations.

use super::{PendingReply, Program, ReplyKind, weighing::Open};
use crate::{
    error::{Error, ErrorKind, Result},
    parse::Slot,
    prompt::state::AskedAt,
    request::{Ask, Chat, Request, Sampling},
};

impl Program {
    /// The request for the rewards at these places, of which `last` is the last one.
    ///
    /// # Errors
    /// The model has no such head, or the places are not all in one turn.
    pub(super) fn ask_rewards(
        &mut self,
        marked: &str,
        before: Vec<Open>,
        last: Open,
    ) -> Result<Request> {
        if self.context.capabilities.reward_at.is_no() {
            return Err(self.without_step_rewards(&last.probe.slot));
        }
        let turn = last.turns.place();
        if before.iter().any(|open| open.turns.place() != turn) {
            let message = format!("reward(\"{}\") stands in several turns", last.probe.slot.name);
            return Err(self.prompt.error(message).hint("put all steps into one assistant turn"));
        }
        let places = before.iter().chain([&last]).map(|open| open.turns.length()).collect();
        marked[..last.end].clone_into(&mut self.sent);
        let at = AskedAt { turn, shown: last.end };
        let mut slots: Vec<Slot> = before.into_iter().map(|open| open.probe.slot).collect();
        slots.push(last.probe.slot.clone());
        self.state.places.extend(slots.iter().map(|_| at));
        let how = ReplyKind::Labels(slots);
        self.asked = Some(PendingReply { slot: last.probe.slot, how, may_be_cut: true });
        let mut turns = last.turns;
        turns.open &= self.chat() == Chat::Raw;
        Ok(self.request(turns, Ask::RewardAt { places }, Sampling::default(), None))
    }

    /// The error for a model without a head that can be read at every step.
    fn without_step_rewards(&self, slot: &Slot) -> Error {
        let message = format!(
            "{}: reward(\"{}\") needs a model with a reward head that is read at every step",
            self.prompt.name(),
            slot.name
        );
        Error::new(ErrorKind::Unsupported, message)
            .hint("serve the reward model with vLLM (`vllm serve MODEL --runner pooling`), and name it `vllm/MODEL`")
            .hint("or use a GGUF with a reward head of two outputs")
            .hint("or a prompt that asks for the probability of a sign, such as `math-shepherd`")
    }
}
