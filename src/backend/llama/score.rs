//! Probabilities of given texts: labels at one place or at many, and whole texts token by token.
//!
//! Nothing is sampled: each token of a text is looked up in the distribution that the model gives before it
//! (teacher forcing). Logarithms are natural, and probabilities are those at temperature 1.

use llama_cpp_2::token::LlamaToken;

use super::{
    engine::{Engine, Gone, answer, stop_if, usage},
    sampler,
    tree::Tree,
    work::Choice,
};
use crate::{
    completion::{Completion, Distribution},
    error::Result,
};

/// The most rows of logits that are kept at once; each is as long as the vocabulary.
const ROWS: usize = 64;

impl Engine<'_> {
    /// The probability of every label, by teacher forcing.
    ///
    /// # Errors
    /// llama.cpp fails, or the caller has stopped waiting.
    pub(super) fn choose(&mut self, choice: &Choice, gone: Gone<'_>) -> Result<Completion> {
        let (distribution, cached) = self.distribution(choice, gone)?;
        let labels = distribution.labels.iter().enumerate().rev();
        let best = labels.max_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let label = best.map(|(_, (label, _))| label.clone()).unwrap_or_default();
        let usage = usage(choice.prompt.len(), cached, 0);
        Ok(Completion { usage, distribution: Some(distribution), ..answer(label) })
    }

    /// The probabilities of labels at many places, one place after another. The cache keeps the text between
    /// them, so each place costs only the tokens since the previous one.
    pub(super) fn choose_at(&mut self, choices: &[Choice], gone: Gone<'_>) -> Result<Completion> {
        let mut distributions = Vec::with_capacity(choices.len());
        let mut first = None;
        for choice in choices {
            let (distribution, cached) = self.distribution(choice, gone)?;
            distributions.push(distribution);
            first.get_or_insert(cached);
        }
        let read = choices.iter().map(|choice| choice.prompt.len()).max().unwrap_or(0);
        let usage = usage(read, first.unwrap_or(0), 0);
        Ok(Completion { usage, distributions, ..answer(String::new()) })
    }

    /// The natural-log probabilities of the tokens of a text that follows a prompt. Implicit rewards are
    /// differences of sums of these (Rafailov et al. 2024).
    ///
    /// # Errors
    /// llama.cpp fails, or the caller has stopped waiting.
    pub(super) fn weigh(
        &mut self,
        prompt: &[LlamaToken],
        text: &[LlamaToken],
        of: &str,
        gone: Gone<'_>,
    ) -> Result<Completion> {
        let cached = self.advance(prompt, gone)?;
        let mut logprobs = Vec::with_capacity(text.len());
        if let Some(&first) = text.first() {
            logprobs.push(sampler::log_probability(self.logits(), first));
        }
        let followed = &text[..text.len().saturating_sub(1)];
        for (n, chunk) in followed.chunks(ROWS).enumerate() {
            stop_if(gone())?;
            self.decode_rows(chunk)?;
            let next = text[n * ROWS + 1..].iter().take(chunk.len());
            for (row, &token) in next.enumerate() {
                logprobs.push(sampler::log_probability(self.row(row), token));
            }
        }
        let usage = usage(prompt.len() + text.len(), cached, 0);
        let token_ids = text.iter().map(|token| token.0).collect();
        Ok(Completion { usage, token_ids, logprobs, ..answer(of.to_owned()) })
    }

    /// The distribution over the labels, and the number of prompt tokens that were in the cache.
    ///
    /// The probabilities are those of the model and do not add up to 1 over the labels: the rest is the
    /// probability that the model would write something else.
    fn distribution(&mut self, choice: &Choice, gone: Gone<'_>) -> Result<(Distribution, usize)> {
        let Choice { labels, prompt, endings } = choice;
        let cached = self.advance(prompt, gone)?;
        let mut tree = Tree::new(endings);
        let mut path = prompt.clone();
        for node in tree.inner() {
            let (token, depth) = tree.place(node);
            if depth > 0 {
                stop_if(gone())?;
                path.truncate(prompt.len() + depth - 1);
                self.go_back_to(&path, gone)?;
                self.decode(&[token])?;
                path.push(token);
            }
            let (logits, total) = (self.logits(), sampler::normalizer(self.logits()));
            tree.weigh(node, |token| sampler::logit(logits, token) - total);
        }
        self.cut(prompt.len());
        let labels = labels.iter().cloned().zip(tree.probabilities()).collect();
        Ok((Distribution::new(labels), cached))
    }

    /// Restores the cache to exactly these tokens, which begin with its current content.
    fn go_back_to(&mut self, path: &[LlamaToken], gone: Gone<'_>) -> Result<()> {
        if self.cut(path.len()) < path.len() {
            self.advance(path, gone)?;
        }
        Ok(())
    }
}
