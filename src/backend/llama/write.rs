//! Writes a text, token by token.
//!
//! A text ends at the model's end of turn, at a stop text, at the limit of tokens, at the end of the context, or when
//! it repeats itself and every draw makes the same choice ([`Finish::Loop`]). Such a text would never end, and its
//! verdict can be scored at that point.
//!
//! A grammar holds for the answer alone: thinking before it is free, and its tokens are no part of what the grammar
//! reads.

use llama_cpp_2::token::LlamaToken;

use super::{
    circle::Circle,
    sampler::{self, Picked},
    step::{Grammar, Seen, Step, Words, answer, usage},
    tokens::Decoder,
    work::Writing,
};
use crate::{
    completion::{Completion, Finish},
    error::{Error, ErrorKind, Result},
    text::{Stage, stage},
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
    /// How far the turn has come. It stays [`Stage::Answer`] once it is.
    stage: Stage,
    /// What the answer must fit.
    grammar: Option<Box<dyn Grammar>>,
    /// Detects repetition.
    circle: Circle,
}

impl Draft {
    /// An empty text.
    ///
    /// # Errors
    /// Its grammar cannot be read.
    pub(super) fn new(writing: Writing, words: &dyn Words) -> Result<Self> {
        let grammar = writing.grammar.as_deref().map(|rules| words.grammar(rules)).transpose()?;
        let counts = grammar.is_some() || writing.sampling.thinking_tokens.is_some();
        let stage = if counts { stage(&writing.turn) } else { Stage::Answer };
        Ok(Self {
            writing,
            cached: 0,
            tokens: Vec::new(),
            decoder: Decoder::default(),
            stage,
            grammar,
            circle: Circle::default(),
        })
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
    /// The end of a thinking block cannot be tokenized, or no token may follow.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Result<Step> {
        let budget = self.writing.sampling.thinking_tokens.map(|most| most as usize);
        if budget.is_some_and(|most| self.tokens.len() >= most)
            && let Some(step) = self.end_thinking(seen)?
        {
            return Ok(step);
        }
        if self.is_full(seen.held.len(), seen.limit) {
            return Ok(self.done(Finish::Length, 0));
        }
        let Picked { token, is_certain } = self.choose(seen)?;
        if seen.words.is_end(token) {
            if self.grammar.is_none() || !matches!(self.stage, Stage::Thinking(_)) {
                return Ok(self.done(Finish::Stop, 1));
            }
            // What the schema asks for is still to come.
            let ended = self.end_thinking(seen)?;
            return Ok(ended.unwrap_or_else(|| self.done(Finish::Length, 1)));
        }
        let before = self.decoder.text().len();
        self.add(token, seen.words)?;
        if self.decoder.cut_at(&self.writing.sampling.stop, before) {
            return Ok(self.done(Finish::Stop, 0));
        }
        if self.circle.closes(token, is_certain) {
            return Ok(self.done(Finish::Loop, 0));
        }
        if self.is_full(seen.held.len(), seen.limit) {
            return Ok(self.done(Finish::Length, 0));
        }
        Ok(Step::Add { keep: seen.held.len(), tokens: vec![token] })
    }
    /// Whether a limit is reached: of tokens, or of the context, which holds `held` tokens.
    fn is_full(&self, held: usize, limit: usize) -> bool {
        self.tokens.len() >= self.most() || held >= limit
    }

    /// The most tokens of the text.
    fn most(&self) -> usize {
        self.writing.sampling.max_tokens.map_or(usize::MAX, |most| most as usize)
    }

    /// The next token. If the one that is chosen may not follow, another one is chosen among those that may: the
    /// probabilities are the same as if only those had been there from the start.
    ///
    /// # Errors
    /// No token may follow.
    fn choose(&mut self, seen: &Seen<'_>) -> Result<Picked> {
        let pick = |writing: &Writing, logits: &[f32], seed: &[u8; 32], at: usize| {
            sampler::pick(logits, &writing.sampling, seen.held, seed, at)
        };
        let at = self.tokens.len();
        let first = pick(&self.writing, seen.last(), &self.writing.seed, at);
        if self.may_follow(first.token, seen.words) {
            return Ok(first);
        }
        let mut logits = seen.last().to_vec();
        if let (Stage::Blank | Stage::Answer, Some(grammar)) = (&self.stage, &mut self.grammar) {
            grammar.mask(&mut logits);
        }
        let mut tries = 0;
        while logits.iter().any(|logit| *logit > f32::NEG_INFINITY) {
            tries += 1;
            let chance = sampler::again(&self.writing.seed, tries);
            let picked = pick(&self.writing, &logits, &chance, at);
            if self.may_follow(picked.token, seen.words) {
                return Ok(picked);
            }
            let index = usize::try_from(picked.token.0).unwrap_or(usize::MAX);
            logits.get_mut(index).into_iter().for_each(|logit| *logit = f32::NEG_INFINITY);
        }
        let message = "this model has no token that fits the JSON schema at this place";
        Err(Error::new(ErrorKind::Unsupported, message)
            .hint("ask for a verdict line instead of JSON"))
    }

    /// Whether a token may follow: everything without a grammar. While the model thinks, that is every token that
    /// does not begin the answer in the middle of itself.
    fn may_follow(&mut self, token: LlamaToken, words: &dyn Words) -> bool {
        if self.grammar.is_none() {
            return true;
        }
        let is_end = words.is_end(token);
        match self.stage {
            Stage::Thinking(_) => is_end || self.after(token, words) != Stage::Answer,
            Stage::Header => !is_end && self.after(token, words) != Stage::Answer,
            Stage::Blank | Stage::Answer => {
                let opens = !is_end && self.opens(token, words);
                opens || self.grammar.as_mut().is_none_or(|grammar| grammar.allows(token))
            }
        }
    }

    /// Whether a token opens thinking before the answer, or a channel.
    fn opens(&self, token: LlamaToken, words: &dyn Words) -> bool {
        self.stage == Stage::Blank
            && matches!(self.after(token, words), Stage::Thinking(_) | Stage::Header)
    }

    /// How far the turn would be after a token.
    fn after(&self, token: LlamaToken, words: &dyn Words) -> Stage {
        /// Ends of a tag in any notation, and of a line.
        const ENDS: [u8; 3] = [b'>', b']', b'\n'];
        let piece = words.piece(token);
        let ends = || piece.iter().any(|byte| ENDS.contains(byte) || !byte.is_ascii());
        match &self.stage {
            Stage::Answer => Stage::Answer,
            Stage::Thinking(_) if !ends() => self.stage.clone(),
            _ => {
                let piece = String::from_utf8_lossy(&piece);
                stage(&format!("{}{}{piece}", self.writing.turn, self.decoder.text()))
            }
        }
    }

    /// Closes the thinking block that the turn is in with the model's own tokens (Muennighoff et al. 2025, s1: budget
    /// forcing). `None` if it is in none, or they do not fit.
    ///
    /// # Errors
    /// The end of the block cannot be tokenized.
    fn end_thinking(&mut self, seen: &Seen<'_>) -> Result<Option<Step>> {
        let Stage::Thinking(end) = &self.stage else { return Ok(None) };
        let tokens = seen.words.end_of_thinking(end)?;
        let room = (seen.limit - seen.held.len()).min(self.most() - self.tokens.len());
        if tokens.is_empty() || tokens.len() >= room {
            return Ok(None);
        }
        tokens.iter().for_each(|token| self.push(*token, seen.words));
        Ok(Some(Step::Add { keep: seen.held.len(), tokens }))
    }

    /// Adds a token that the model chose.
    ///
    /// # Errors
    /// The grammar refuses a token that it allowed.
    fn add(&mut self, token: LlamaToken, words: &dyn Words) -> Result<()> {
        let is_answer = matches!(self.stage, Stage::Blank | Stage::Answer);
        if self.grammar.is_some() && is_answer && !self.opens(token, words) {
            self.grammar.as_mut().map_or(Ok(()), |grammar| grammar.accept(token))?;
        }
        self.push(token, words);
        Ok(())
    }

    /// Adds a token, its bytes, and what it does to the turn.
    fn push(&mut self, token: LlamaToken, words: &dyn Words) {
        self.stage = self.after(token, words);
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
