//! One step of a task: what the model returned, and what the task needs next.

use llama_cpp_2::token::LlamaToken;

use crate::{
    completion::{Completion, Usage},
    error::Result,
};

/// What a task needs next.
#[derive(Debug)]
pub(super) enum Step {
    /// Remove everything after the first `keep` tokens of its sequence, then evaluate these tokens in one call, with
    /// the logits of those that are `wanted`, by their index.
    Evaluate { keep: usize, tokens: Vec<LlamaToken>, wanted: Vec<usize> },
    /// Remove everything after the first `keep` tokens of its sequence, then add these tokens, in pieces, with the
    /// logits of the last one. One token is evaluated together with those of other requests.
    Add { keep: usize, tokens: Vec<LlamaToken> },
    /// Let its sequence hold exactly this prompt, with the logits of its last token.
    Read(Vec<LlamaToken>),
    /// Nothing: this is its answer.
    Done(Box<Completion>),
}

/// What the model returned for a task.
pub(super) struct Seen<'s> {
    /// The tokens of its sequence.
    pub(super) held: &'s [LlamaToken],
    /// The logits of the wanted tokens of the last call, by their index in it; of the last token for any index
    /// where nothing else was wanted.
    pub(super) logits: &'s dyn Fn(usize) -> &'s [f32],
    /// The most tokens in a sequence.
    pub(super) limit: usize,
    /// The most tokens in a call.
    pub(super) most: usize,
    /// The vocabulary.
    pub(super) words: &'s dyn Words,
}

impl<'s> Seen<'s> {
    /// The logits after the last token.
    pub(super) fn last(&self) -> &'s [f32] {
        (self.logits)(0)
    }
}

/// What may follow in a text that must fit a grammar.
///
/// It is the state of one text, and belongs to the engine thread.
pub(super) trait Grammar {
    /// Whether a token may follow.
    fn allows(&mut self, token: LlamaToken) -> bool;

    /// Sets the logits of tokens that may not follow to minus infinity. [`allows`](Self::allows) may still refuse one
    /// of the others.
    fn mask(&mut self, logits: &mut [f32]);

    /// Adds a token to the text.
    ///
    /// # Errors
    /// The token may not follow.
    fn accept(&mut self, token: LlamaToken) -> Result<()>;
}

/// What tasks need to know of a vocabulary.
pub(super) trait Words {
    /// The bytes of a token as readers see it.
    fn piece(&self, token: LlamaToken) -> Vec<u8>;

    /// Whether a token ends the turn.
    fn is_end(&self, token: LlamaToken) -> bool;

    /// The tokens that end a thinking block with this text.
    ///
    /// # Errors
    /// The tokenizer makes control tokens of plain text.
    fn end_of_thinking(&self, end: &str) -> Result<Vec<LlamaToken>>;

    /// The state of an empty text under the rules of a grammar.
    ///
    /// # Errors
    /// The rules cannot be read.
    fn grammar(&self, rules: &str) -> Result<Box<dyn Grammar>>;
}

/// The usage of a request: tokens of the prompt, those of them that were in the cache, and written tokens.
pub(super) fn usage(prompt: usize, cached: usize, written: usize) -> Usage {
    Usage { cached: Some(cached as u64), ..Usage::new(prompt as u64, written as u64) }
}

/// An answer of an engine in this process.
pub(super) fn answer(text: String) -> Completion {
    Completion { in_process: true, ..Completion::text(text) }
}
