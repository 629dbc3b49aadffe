//! Writes a text, token by token.
//!
//! A text ends at the model's end of turn, at a stop text, at the limit of tokens, at the end of the context,
//! or when a greedy text repeats itself ([`Finish::Loop`]). Such a text would never end, and its verdict can
//! be scored at that point.

use llama_cpp_2::token::LlamaToken;

use super::{
    circle::Circle,
    engine::{Engine, Gone, answer, stop_if, usage},
    sampler,
    tokens::Decoder,
    work::Writing,
};
use crate::{
    completion::{Completion, Finish},
    error::Result,
    text::{JudgedTexts, unfinished_thought},
};

/// The text that is being written.
#[derive(Default)]
struct Draft {
    /// The tokens so far, including those of a closed thinking block.
    tokens: Vec<LlamaToken>,
    /// The text of these tokens.
    decoder: Decoder,
    /// Detects repetition.
    circle: Circle,
}

impl Engine<'_> {
    /// Writes until the turn ends, a stop text occurs, or a limit is reached.
    ///
    /// # Errors
    /// llama.cpp fails, or the caller has stopped waiting.
    ///
    /// # Cancellation
    /// `gone` is asked before every token, so a cancelled request stops at the next one.
    pub(super) fn write(&mut self, writing: &Writing, gone: Gone<'_>) -> Result<Completion> {
        let Writing { prompt, sampling, seed, .. } = writing;
        let cached = self.advance(prompt, gone)?;
        let most = sampling.max_tokens.map_or(usize::MAX, |most| most as usize);
        let budget = sampling.thinking_tokens.map(|most| most as usize);
        let mut draft = Draft::default();
        let mut ended = 0;
        let finish = loop {
            if budget == Some(draft.tokens.len()) {
                self.end_thinking(writing, &mut draft)?;
            }
            if draft.tokens.len() >= most || self.held.len() >= self.limit {
                break Finish::Length;
            }
            let token =
                sampler::pick(self.logits(), sampling, &self.held, seed, draft.tokens.len());
            if self.model.vocab().is_eog(token) {
                ended = 1;
                break Finish::Stop;
            }
            let seen = draft.decoder.text().len();
            draft.push(token, &self.vocabulary.piece(token));
            if draft.decoder.cut_at(&sampling.stop, seen) {
                break Finish::Stop;
            }
            // A sampled text may still leave the loop.
            if sampler::is_greedy(sampling) && draft.circle.closes(token) {
                break Finish::Loop;
            }
            if draft.tokens.len() < most && self.held.len() < self.limit {
                stop_if(gone())?;
                self.decode(&[token])?;
            }
        };
        let usage = usage(prompt.len(), cached, draft.tokens.len() + ended);
        let token_ids = draft.tokens.iter().map(|token| token.0).collect();
        Ok(Completion { finish, usage, token_ids, ..answer(draft.decoder.finish()) })
    }

    /// Closes the thinking block that the text is in, if it is in one: with the model's own token, on a line
    /// of its own (Muennighoff et al. 2025, s1: budget forcing).
    fn end_thinking(&mut self, writing: &Writing, draft: &mut Draft) -> Result<()> {
        let text = format!("{}{}", writing.turn, draft.decoder.text());
        let Some(end) = unfinished_thought(&text, &JudgedTexts::default()) else { return Ok(()) };
        let tokens = self.vocabulary.end_of_thinking(&end)?;
        let most = writing.sampling.max_tokens.map_or(usize::MAX, |most| most as usize);
        let room = (self.limit - self.held.len()).min(most - draft.tokens.len());
        if tokens.len() >= room {
            return Ok(());
        }
        for &token in &tokens {
            draft.push(token, &self.vocabulary.piece(token));
        }
        self.decode(&tokens)
    }
}

impl Draft {
    /// Adds a token and its bytes.
    fn push(&mut self, token: LlamaToken, piece: &[u8]) {
        self.tokens.push(token);
        self.decoder.push(piece);
    }
}
