//! Texts that are given, and weighed token by token: `logprobs(…)`, for implicit rewards.

use super::{PendingReply, Program, ReplyKind, turns::Turns};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    parse::Slot,
    prompt::rendering::WeighedText,
    request::{Ask, Chat, Request, Sampling},
};

impl Program {
    /// The request for the log-probabilities of a given text as the model's next words.
    ///
    /// # Errors
    /// The model reports none, or there is no reference model.
    pub(super) fn ask_logprobs(
        &mut self,
        turns: Turns,
        slot: Slot,
        given: WeighedText,
    ) -> Result<Request> {
        let WeighedText { text, ends, of_reference } = given;
        let capabilities = self.context.capabilities;
        if capabilities.text_logprobs.is_no() {
            let message = format!(
                "{}: logprobs(\"{}\") needs the probabilities of a given text, which this model does not report",
                self.prompt.name(),
                slot.name
            );
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint("use a model in this process (a GGUF file), or one behind vLLM or SGLang"));
        }
        if of_reference && !capabilities.reference.is_yes() {
            return Err(Error::no_reference().within(self.prompt.name()));
        }
        if turns.open && self.chat() == Chat::Model && !capabilities.prefill.is_yes() {
            return Err(self.cannot_continue(&slot));
        }
        self.asked = Some(PendingReply { slot, how: ReplyKind::Weighed(ends), may_be_cut: true });
        let ask = Ask::Logprobs { of: text, reference: of_reference };
        Ok(self.request(turns, ask, Sampling::default(), None))
    }
}

/// The answer about a given text with the sum of the log-probabilities over each of the texts that it was joined of, up
/// to these ends. Its text is the sum over all of them.
pub(super) fn weighed(completion: Completion, ends: &[usize]) -> Completion {
    let sums = if completion.sums.is_empty() { sums(&completion, ends) } else { completion.sums };
    let total: f64 = sums.iter().sum();
    Completion {
        text: format!("log p = {total:.4}"),
        sums,
        logprobs: Vec::new(),
        ends: Vec::new(),
        token_ids: Vec::new(),
        ..completion
    }
}

/// The sum of the log-probabilities over each text. A token counts for the text in which it begins: one that reaches over
/// the end of a text counts for that text, and what stands between two texts counts for the second one.
///
/// Empty if the model reported nothing, or nothing of the places of its tokens and there are several texts.
fn sums(completion: &Completion, ends: &[usize]) -> Vec<f64> {
    let Completion { logprobs, ends: tokens, .. } = completion;
    if let ([_], false) = (ends, logprobs.is_empty()) {
        return vec![logprobs.iter().sum()];
    }
    if logprobs.is_empty() || tokens.len() != logprobs.len() {
        return Vec::new();
    }
    let starts = [0].into_iter().chain(tokens.iter().copied());
    let mut sums = vec![0.0; ends.len()];
    for (start, logprob) in starts.zip(logprobs) {
        // The last text has all that is left.
        let text = ends.iter().position(|end| start < *end).unwrap_or(ends.len() - 1);
        sums[text] += logprob;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(logprobs: &[f64], ends: &[usize]) -> Completion {
        Completion { logprobs: logprobs.to_vec(), ends: ends.to_vec(), ..Completion::default() }
    }

    #[test]
    fn a_token_counts_for_the_text_in_which_it_begins() {
        // `ab`, two line breaks, `cd`: the second token reaches over the end of the first text.
        let seen = reported(&[-1.0, -2.0, -4.0, -8.0], &[1, 3, 4, 6]);
        assert_eq!(sums(&seen, &[2, 6]), [-3.0, -12.0]);
    }

    #[test]
    fn of_one_text_no_places_are_needed() {
        assert_eq!(sums(&reported(&[-1.0, -2.0], &[]), &[5]), [-3.0]);
        assert_eq!(sums(&reported(&[-1.0, -2.0], &[]), &[2, 5]), [] as [f64; 0]);
        assert_eq!(sums(&reported(&[], &[]), &[5]), [] as [f64; 0]);
    }

    #[test]
    fn a_token_inside_a_character_is_not_lost() {
        // The two tokens of one character end at the same place.
        let seen = reported(&[-1.0, -2.0, -4.0], &[0, 1, 3]);
        assert_eq!(sums(&seen, &[1, 3]), [-3.0, -4.0]);
    }
}
