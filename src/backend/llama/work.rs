//! Requests as tokens.
//!
//! A request is converted to tokens on the caller's thread, so the engine thread only evaluates. Errors of
//! templates and lengths never reach its queue.

use llama_cpp_2::token::LlamaToken;
use tokio::sync::oneshot;

use crate::{
    backend::{choice, tree::Tree},
    completion::Completion,
    error::Result,
    request::Sampling,
};

/// Labels that may follow a prompt.
pub(super) type Choice = choice::Choice<LlamaToken>;

/// One request on its way through the queue.
///
/// Dropping the receiver of `reply` cancels the request, whether it waits or is being evaluated.
pub(super) struct Job {
    /// What to evaluate.
    pub(super) work: Work,
    /// Whether it continues a text in the same tokens in which the model wrote it.
    pub(super) goes_on: bool,
    /// Whether its tokens are evaluated in calls of their own, so that no other request can change a bit of its
    /// answer.
    pub(super) alone: bool,
    /// The channel for the answer; closed when the caller stops waiting.
    pub(super) reply: oneshot::Sender<Result<Completion>>,
}

/// What to evaluate for a request.
pub(super) enum Work {
    /// Write a text after the prompt.
    Write(Writing),
    /// Weigh labels at one place.
    Choose(Choice),
    /// Weigh the same labels at each of these places.
    ChooseAt(Vec<Choice>),
    /// Ask the reward head about a text.
    Reward(Vec<LlamaToken>),
    /// Weigh the tokens of a text that follows the prompt.
    Weigh { prompt: Vec<LlamaToken>, text: Vec<LlamaToken>, of: String },
}

/// A text to write.
pub(super) struct Writing {
    /// The tokens before the text.
    pub(super) prompt: Vec<LlamaToken>,
    /// How tokens are chosen, and when the text ends.
    pub(super) sampling: Sampling,
    /// The random seed of this request.
    pub(super) seed: [u8; 32],
    /// The turn so far, as readers see it; it may contain the start of a thinking block.
    pub(super) turn: String,
    /// The grammar that the answer must fit, as GBNF.
    pub(super) grammar: Option<String>,
}

impl Work {
    /// The tokens before the answer.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        match self {
            Self::Write(Writing { prompt, .. })
            | Self::Weigh { prompt, .. }
            | Self::Reward(prompt) => prompt,
            Self::Choose(choice) => &choice.prompt,
            Self::ChooseAt(choices) => choices.first().map_or(&[], |choice| &choice.prompt),
        }
    }

    /// The prompts that must be read.
    pub(super) fn prompts(&self) -> Vec<Vec<LlamaToken>> {
        match self {
            Self::ChooseAt(choices) => choices.iter().map(|choice| choice.prompt.clone()).collect(),
            Self::Write(_) | Self::Choose(_) | Self::Weigh { .. } | Self::Reward(_) => {
                vec![self.prompt().to_vec()]
            }
        }
    }

    /// How many tokens must be evaluated after the prompts because their own logits are needed: of labels and texts all
    /// but the last one.
    pub(super) fn weighed(&self) -> usize {
        let of_choice =
            |choice: &Choice| Tree::new(&choice.endings).inner().len().saturating_sub(1);
        match self {
            Self::Write(_) | Self::Reward(_) => 0,
            Self::Choose(choice) => of_choice(choice),
            Self::ChooseAt(choices) => choices.iter().map(of_choice).sum(),
            Self::Weigh { text, .. } => text.len().saturating_sub(1),
        }
    }

    /// The number of tokens in its longest text.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Write(Writing { prompt, .. }) | Self::Reward(prompt) => prompt.len(),
            Self::Choose(choice) => choice.longest(),
            Self::ChooseAt(choices) => choices.iter().map(Choice::longest).max().unwrap_or(0),
            Self::Weigh { prompt, text, .. } => prompt.len() + text.len(),
        }
    }
}
