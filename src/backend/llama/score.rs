//! Probabilities of given texts: labels at one place or at many, and whole texts token by token.
//!
//! Nothing is sampled: each token of a text is looked up in the distribution that the model gives before it
//! (teacher forcing). Logarithms are natural, and probabilities are those at temperature 1.

use llama_cpp_2::token::LlamaToken;

use super::{
    memory, sampler,
    step::{Seen, Step, Words, answer, usage},
    work::Choice,
};
use crate::{
    backend::tree::Tree,
    completion::{Completion, Distribution},
};

/// The most rows of logits that are kept at once; each is as long as the vocabulary.
const ROWS: usize = 64;

/// Labels that are weighed at one place of a text or at several.
///
/// The places of one text are weighed in one pass over it, and what depends on more than the first token of a label
/// afterwards, from the last place to the first, so that the cache always keeps what comes before.
///
/// The probabilities are those of the model and do not add up to 1 over the labels: the rest is the probability
/// that the model would write something else.
pub(super) struct Scoring {
    places: Vec<Place>,
    /// Whether the request is about one place: its answer is then a label.
    is_one: bool,
    /// How many tokens of the first prompt were in the cache.
    pub(super) cached: usize,
    pass: Option<Pass>,
    /// The places that are not finished, the next one last.
    left: Vec<usize>,
    /// What the last step evaluated.
    last: Last,
}

/// The labels of one place, as a tree whose nodes are evaluated one after another.
struct Place {
    choice: Choice,
    tree: Tree<LlamaToken>,
    /// The nodes that are left, the next one last; at first the root.
    left: Vec<usize>,
}

/// A pass over a text that contains all places.
struct Pass {
    /// The place with the longest prompt.
    longest: usize,
    /// How many tokens are read before the pass.
    start: usize,
}

/// What a step evaluated.
enum Last {
    /// The beginning of the pass.
    Start,
    /// A piece of the pass, from this token of the text.
    Piece(usize),
    /// A node of a place.
    Node(usize, usize),
    /// Branches of a place, which are weighed already.
    Branch(usize),
}

impl Place {
    fn new(choice: Choice) -> Self {
        let tree = Tree::new(&choice.endings);
        let mut left = tree.inner();
        left.reverse();
        Self { choice, tree, left }
    }

    /// Weighs a node, given the logits after it.
    fn weigh(&mut self, node: usize, logits: &[f32]) {
        self.left.retain(|left| *left != node);
        let total = sampler::normalizer(logits);
        self.tree.weigh(node, |token| sampler::logit(logits, token) - total);
    }

    fn distribution(&self) -> Distribution {
        self.choice.distribution(&self.tree)
    }
}

impl Pass {
    /// A pass over the longest prompt, if it begins with all others.
    fn over(places: &[Place]) -> Option<Self> {
        let length = |n: &usize| places[*n].choice.prompt.len();
        let longest = (0..places.len()).max_by_key(length).filter(|_| places.len() > 1)?;
        let text = &places[longest].choice.prompt;
        let is_nested = places.iter().all(|place| text.starts_with(&place.choice.prompt));
        let first = places.iter().map(|place| place.choice.prompt.len()).min()?;
        let start = memory::whole(first.saturating_sub(1));
        (is_nested && start > 0).then_some(Self { longest, start })
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
        let places: Vec<Place> = choices.into_iter().map(Place::new).collect();
        let pass = Pass::over(&places);
        let mut left: Vec<usize> = (0..places.len()).rev().collect();
        if pass.is_some() {
            left.sort_by_key(|&at| places[at].choice.prompt.len());
        }
        let last = if pass.is_some() { Last::Start } else { Last::Node(0, 0) };
        Self { places, is_one, cached: 0, pass, left, last }
    }

    /// The tokens before the first place, or before the pass.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        match &self.pass {
            Some(pass) => &self.places[pass.longest].choice.prompt[..pass.start],
            None => self.places.first().map_or(&[], |place| &place.choice.prompt),
        }
    }

    /// Weighs what the last step evaluated, and asks for the next piece, node or place.
    pub(super) fn next(&mut self, seen: &Seen<'_>) -> Step {
        match self.last {
            Last::Start | Last::Branch(_) => (),
            Last::Node(place, node) => {
                self.places.get_mut(place).into_iter().for_each(|at| at.weigh(node, seen.last()));
            }
            Last::Piece(first) => {
                let piece = first..seen.held.len();
                for place in &mut self.places {
                    let end = place.choice.prompt.len() - 1;
                    if piece.contains(&end) {
                        place.weigh(0, (seen.logits)(end - first));
                    }
                }
            }
        }
        if let Some(piece) = self.piece(seen) {
            return piece;
        }
        while let Some(&at) = self.left.last() {
            let place = &mut self.places[at];
            let Some(&node) = place.left.last() else {
                self.left.pop();
                continue;
            };
            self.last = Last::Node(at, node);
            let prompt = &place.choice.prompt;
            let (token, depth) = place.tree.place(node);
            if depth == 0 {
                return Step::Read(prompt.clone());
            }
            let keep = prompt.len() + depth - 1;
            return Step::Add { keep, tokens: token.into_iter().collect() };
        }
        self.done()
    }

    /// The branches that are left of a place whose first node after the prompt is evaluated next; none if something else
    /// is next.
    pub(super) fn branches(&self) -> Vec<Vec<usize>> {
        let Last::Node(at, node) = self.last else { return Vec::new() };
        let Place { tree, left, .. } = &self.places[at];
        if tree.place(node).1 != 1 {
            return Vec::new();
        }
        tree.branches().into_iter().filter(|path| left.contains(&path[0])).collect()
    }

    /// The token of a node of the place that is weighed now.
    pub(super) fn token(&self, node: usize) -> Option<LlamaToken> {
        let (Last::Node(at, _) | Last::Branch(at)) = self.last else { return None };
        self.places[at].tree.place(node).0
    }

    /// Weighs a node of the place that is weighed now, given the logits after it. Nodes before it must be weighed.
    pub(super) fn weigh(&mut self, node: usize, logits: &[f32]) {
        let (Last::Node(at, _) | Last::Branch(at)) = self.last else { return };
        self.places[at].weigh(node, logits);
        self.last = Last::Branch(at);
    }

    /// The next piece of the pass, up to the end of a call; `None` after the last one.
    fn piece(&mut self, seen: &Seen<'_>) -> Option<Step> {
        let text = &self.places[self.pass.as_ref()?.longest].choice.prompt;
        let first = seen.held.len();
        if first >= text.len() {
            self.pass = None;
            return None;
        }
        let end = text.len().min((first / seen.most + 1) * seen.most);
        let ends = self.places.iter().map(|place| place.choice.prompt.len() - 1);
        let ends = ends.filter(|at| (first..end).contains(at));
        let mut wanted: Vec<usize> = ends.map(|at| at - first).collect();
        wanted.sort_unstable();
        self.last = Last::Piece(first);
        Some(Step::Evaluate { keep: first, tokens: text[first..end].to_vec(), wanted })
    }

    /// The answer: the distribution and the likeliest label, or the distributions of all places.
    fn done(&self) -> Step {
        let read = self.places.iter().map(|place| place.choice.prompt.len()).max().unwrap_or(0);
        let usage = usage(read, self.cached, 0);
        let mut distributions: Vec<_> = self.places.iter().map(Place::distribution).collect();
        let one = if self.is_one { distributions.pop() } else { None };
        let Some(distribution) = one else {
            let completion = Completion { usage, distributions, ..answer(String::new()) };
            return Step::Done(Box::new(completion));
        };
        let label = distribution.likeliest().unwrap_or_default().to_owned();
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
            let tokens: Vec<_> = next.iter().take(ROWS).copied().collect();
            let wanted = (0..tokens.len()).collect();
            return Step::Evaluate { keep: seen.held.len(), tokens, wanted };
        }
        let usage = usage(self.prompt.len() + self.text.len(), self.cached, 0);
        let ends = self.ends(seen.words);
        let token_ids = self.text.iter().map(|token| token.0).collect();
        let logprobs = std::mem::take(&mut self.logprobs);
        let text = std::mem::take(&mut self.of);
        Step::Done(Box::new(Completion { usage, token_ids, logprobs, ends, ..answer(text) }))
    }

    /// For each token the number of characters of the text up to its end; empty if the tokens do not spell the text.
    ///
    /// They are counted from the end, because the first token may begin before the text. A token that ends inside a
    /// character counts only those before.
    fn ends(&self, words: &dyn Words) -> Vec<usize> {
        let pieces: Vec<Vec<u8>> = self.text.iter().map(|token| words.piece(*token)).collect();
        if !pieces.concat().ends_with(self.of.as_bytes()) {
            return Vec::new();
        }
        let mut end = self.of.len();
        let mut ends: Vec<usize> = Vec::with_capacity(pieces.len());
        for piece in pieces.iter().rev() {
            ends.push(end);
            end = end.saturating_sub(piece.len());
        }
        let characters =
            |end: usize| self.of.char_indices().filter(|(at, c)| at + c.len_utf8() <= end).count();
        ends.iter().rev().map(|end| characters(*end)).collect()
    }
}
