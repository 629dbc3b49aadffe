//! Writes a text, token by token.
//!
//! A text ends at the model's end of turn, at a stop text, at the limit of tokens, at the end of the context,
//! or when a greedy text repeats itself ([`Finish::Loop`]). Such a text would never end, and its verdict can
//! be scored at that point.

use llama_cpp_2::token::LlamaToken;

use super::{
    circle::Circle,
    sampler,
    step::{Seen, Step, Words, answer, usage},
    tokens::Decoder,
    work::Writing,
};
use crate::{
    completion::{Completion, Finish},
    error::Result,
    text::{JudgedTexts, unfinished_thought},
};

/// A text that is being written.
pub(super) struct Draft {
    writing: Writing,
    /// How many tokens of the prompt were in the cache.
    pub(super) cached: usize,
    /// The tokens so far, including those of a closed thinking block.
    tokens: Vec<LlamaToken>,
    /// The text of these tokens.
    decoder: Decoder,
    /// Detects repetition.
    circle: Circle,
}

impl Draft {
    /// An empty text.
    pub(super) fn new(writing: Writing) -> Self {
        Self {
            writing,
            cached: 0,
            tokens: Vec::new(),
            decoder: Decoder::default(),
            circle: Circle::default(),
        }
    }

    /// The tokens before the text.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        &self.writing.prompt
    }

    /// The number of tokens that have been written.
    pub(super) fn written(&self) -> usize {
        self.tokens.len()
    }

    /// Chooses the next token, or ends the text.
    ///
    /// # Errors
    /// The end of a thinking block cannot be tokenized.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Result<Step> {
        let sampling = &self.writing.sampling;
        let budget = sampling.thinking_tokens.map(|most| most as usize);
        if budget == Some(self.tokens.len()) {
            let end = self.end_of_thinking(seen)?;
            if !end.is_empty() {
                end.iter().for_each(|&token| self.push(token, seen.words));
                return Ok(Step::Evaluate { keep: seen.held.len(), tokens: end, all: false });
            }
        }
        if self.is_full(seen.held.len(), seen.limit) {
            return Ok(self.done(Finish::Length, 0));
        }
        let Writing { sampling, seed: chance, .. } = &self.writing;
        let token = sampler::pick(seen.last(), sampling, seen.held, chance, self.tokens.len());
        if seen.words.is_end(token) {
            return Ok(self.done(Finish::Stop, 1));
        }
        let before = self.decoder.text().len();
        self.push(token, seen.words);
        if self.decoder.cut_at(&self.writing.sampling.stop, before) {
            return Ok(self.done(Finish::Stop, 0));
        }
        // A sampled text may still leave the loop.
        if sampler::is_greedy(&self.writing.sampling) && self.circle.closes(token) {
            return Ok(self.done(Finish::Loop, 0));
        }
        if self.is_full(seen.held.len(), seen.limit) {
            return Ok(self.done(Finish::Length, 0));
        }
        Ok(Step::Evaluate { keep: seen.held.len(), tokens: vec![token], all: false })
    }

    /// Whether a limit is reached: of tokens, or of the context, which holds `held` tokens.
    fn is_full(&self, held: usize, limit: usize) -> bool {
        self.tokens.len() >= self.most() || held >= limit
    }

    /// The most tokens of the text.
    fn most(&self) -> usize {
        self.writing.sampling.max_tokens.map_or(usize::MAX, |most| most as usize)
    }

    /// The tokens that close the thinking block that the text is in: the model's own token, on a line of its own
    /// (Muennighoff et al. 2025, s1: budget forcing). Empty if it is in none, or they do not fit.
    fn end_of_thinking(&self, seen: &Seen<'_>) -> Result<Vec<LlamaToken>> {
        let text = format!("{}{}", self.writing.turn, self.decoder.text());
        let Some(end) = unfinished_thought(&text, &JudgedTexts::default()) else {
            return Ok(Vec::new());
        };
        let tokens = seen.words.end_of_thinking(&end)?;
        let room = (seen.limit - seen.held.len()).min(self.most() - self.tokens.len());
        Ok(if tokens.len() < room { tokens } else { Vec::new() })
    }

    /// Adds a token and its bytes.
    fn push(&mut self, token: LlamaToken, words: &dyn Words) {
        self.tokens.push(token);
        self.decoder.push(&words.piece(token));
    }

    /// The complete text; `ended` counts the token that ended the turn.
    fn done(&mut self, finish: Finish, ended: usize) -> Step {
        let usage = usage(self.writing.prompt.len(), self.cached, self.tokens.len() + ended);
        let token_ids = self.tokens.iter().map(|token| token.0).collect();
        let text = std::mem::take(&mut self.decoder).finish();
        Step::Done(Box::new(Completion { finish, usage, token_ids, ..answer(text) }))
    }
}
