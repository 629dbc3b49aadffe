//! Probabilities of given texts: labels at one place or at many, and whole texts token by token.
//!
//! Nothing is sampled: each token of a text is looked up in the distribution that the model gives before it
//! (teacher forcing). Logarithms are natural, and probabilities are those at temperature 1.

use llama_cpp_2::token::LlamaToken;

use super::{
    sampler,
    step::{Seen, Step, answer, usage},
    tree::Tree,
    work::Choice,
};
use crate::completion::{Completion, Distribution};

/// The most rows of logits that are kept at once; each is as long as the vocabulary.
const ROWS: usize = 64;

/// Labels that are weighed at one place or at several, one place after another. The cache keeps the text between
/// them, so each place costs only the tokens since the previous one.
///
/// The probabilities are those of the model and do not add up to 1 over the labels: the rest is the probability
/// that the model would write something else.
pub(super) struct Scoring {
    choices: Vec<Choice>,
    /// Whether the request is about one place: its answer is then a label.
    is_one: bool,
    /// How many tokens of the first prompt were in the cache.
    pub(super) cached: usize,
    /// The labels of the place that is weighed now.
    tree: Option<Nodes>,
    /// The finished places.
    distributions: Vec<Distribution>,
}

/// The labels of one place as a tree, whose nodes are evaluated one after another.
struct Nodes {
    tree: Tree,
    /// The nodes that are left, the next one last.
    left: Vec<usize>,
    /// The node that the last call evaluated; at first the root.
    node: usize,
}

impl Nodes {
    fn new(choice: &Choice) -> Self {
        let tree = Tree::new(&choice.endings);
        let mut left = tree.inner();
        left.reverse();
        let node = left.pop().unwrap_or(0);
        Self { tree, left, node }
    }
}

impl Scoring {
    /// Labels at one place.
    pub(super) fn at_one_place(choice: Choice) -> Self {
        Self::new(vec![choice], true)
    }

    /// Labels at several places.
    pub(super) fn at_places(choices: Vec<Choice>) -> Self {
        Self::new(choices, false)
    }

    fn new(choices: Vec<Choice>, is_one: bool) -> Self {
        Self { choices, is_one, cached: 0, tree: None, distributions: Vec::new() }
    }

    /// The tokens before the first place.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        self.choices.first().map_or(&[], |choice| &choice.prompt)
    }

    /// Weighs the tokens after the last one, and goes on to the next node or place.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Step {
        let Self { choices, tree: place, distributions, .. } = self;
        let Some(choice) = choices.get(distributions.len()) else { return self.done() };
        // The root is the end of the prompt, which has just been read.
        let Nodes { tree, left, node } = place.get_or_insert_with(|| Nodes::new(choice));
        let (logits, total) = (seen.last(), sampler::normalizer(seen.last()));
        tree.weigh(*node, |token| sampler::logit(logits, token) - total);
        if let Some(next) = left.pop() {
            *node = next;
            let (token, depth) = tree.place(next);
            let keep = choice.prompt.len() + depth - 1;
            return Step::Evaluate { keep, tokens: vec![token], all: false };
        }
        let labels = choice.labels.iter().cloned().zip(tree.probabilities()).collect();
        distributions.push(Distribution::new(labels));
        *place = None;
        match choices.get(distributions.len()) {
            Some(next) => Step::Read(next.prompt.clone()),
            None => self.done(),
        }
    }

    /// The answer: the distribution and the likeliest label, or the distributions of all places.
    fn done(&mut self) -> Step {
        let read = self.choices.iter().map(|choice| choice.prompt.len()).max().unwrap_or(0);
        let usage = usage(read, self.cached, 0);
        let mut distributions = std::mem::take(&mut self.distributions);
        let one = if self.is_one { distributions.pop() } else { None };
        let Some(distribution) = one else {
            let completion = Completion { usage, distributions, ..answer(String::new()) };
            return Step::Done(Box::new(completion));
        };
        let labels = distribution.labels.iter().enumerate().rev();
        let best = labels.max_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let label = best.map(|(_, (label, _))| label.clone()).unwrap_or_default();
        let distribution = Some(distribution);
        Step::Done(Box::new(Completion { usage, distribution, ..answer(label) }))
    }
}

/// A text that is weighed token by token after a prompt. Implicit rewards are differences of sums of these
/// natural-log probabilities (Rafailov et al. 2024).
pub(super) struct Weighing {
    prompt: Vec<LlamaToken>,
    text: Vec<LlamaToken>,
    /// The text in characters.
    of: String,
    /// How many tokens of the prompt were in the cache.
    pub(super) cached: usize,
    /// The log-probabilities of the tokens so far.
    logprobs: Vec<f64>,
}

impl Weighing {
    /// A text to weigh after a prompt.
    pub(super) fn new(prompt: Vec<LlamaToken>, text: Vec<LlamaToken>, of: String) -> Self {
        Self { prompt, text, of, cached: 0, logprobs: Vec::new() }
    }

    /// The tokens before the text.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        &self.prompt
    }

    /// Weighs the tokens whose logits were returned, and asks for the next ones.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Step {
        let known = self.logprobs.len();
        // The first token follows the prompt; each later one follows a token of the last call.
        let rows = if known == 0 { 1 } else { ROWS };
        for (n, &token) in self.text[known..].iter().take(rows).enumerate() {
            self.logprobs.push(sampler::log_probability((seen.logits)(n), token));
        }
        let weighed = self.logprobs.len();
        if weighed < self.text.len() {
            let next = &self.text[weighed - 1..self.text.len() - 1];
            let tokens = next.iter().take(ROWS).copied().collect();
            return Step::Evaluate { keep: seen.held.len(), tokens, all: true };
        }
        let usage = usage(self.prompt.len() + self.text.len(), self.cached, 0);
        let token_ids = self.text.iter().map(|token| token.0).collect();
        let logprobs = std::mem::take(&mut self.logprobs);
        let text = std::mem::take(&mut self.of);
        Step::Done(Box::new(Completion { usage, token_ids, logprobs, ..answer(text) }))
    }
}
