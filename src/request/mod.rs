//! What is asked of a backend, and the key under which its answer is cached.

mod message;
mod sampling;
mod capabilities;
mod key;
mod variables;

pub use {
    capabilities::{Ability, Capabilities, Logprobs},
    key::CacheKey,
    message::{Content, Message, Origin, Part, Role},
    sampling::Sampling,
    variables::TemplateVariables,
};

#[cfg(all(test, feature = "llama"))]
pub(crate) use variables::GIVEN_VARIABLES;
pub(crate) use {key::Hasher, variables::check_variables};

use serde::{Deserialize, Serialize};

#[cfg(any(feature = "command", feature = "llama", feature = "openai"))]
use crate::error::{Error, ErrorKind};

/// A conversation and the question about it: everything that changes the answer, and nothing else.
///
/// Timeouts, retries, parsers and thresholds are deliberately absent, so changing them never invalidates a
/// cached answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The turns so far.
    pub messages: Vec<Message>,
    /// Whether the last message is an assistant turn to be continued.
    pub open: bool,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// What the model is asked to do.
    pub ask: Ask,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The required format of the answer.
    pub constraint: Option<Constraint>,
    /// The index of a repeated sample; each index is a different question.
    pub draw: u32,
    /// How many times an unreadable answer was requested again.
    pub reask: u32,
    /// Variables of the model's chat template, such as `enable_thinking`. Those that are set for the model take
    /// precedence.
    #[serde(default, skip_serializing_if = "TemplateVariables::is_empty")]
    pub template: TemplateVariables,
    /// How many alternatives of every token to report with a text, if the server can. They do not change the
    /// text and are not part of the key, so a cached text may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<u8>,
    /// How the probabilities of labels of several tokens are compared by an [`Ask::Choose`].
    #[serde(default, skip_serializing_if = "Normalize::is_sum")]
    pub normalize: Normalize,
    /// Whether the answer must be the same for every request; `None` leaves it to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deterministic: Option<bool>,
}

/// How the log-probabilities of the tokens of a label become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Their sum: the label has the probability that the model writes it.
    #[default]
    Sum,
    /// Their mean, so that a label of many tokens is not unlikely for its length alone (Khalifa et al. 2025, ThinkPRM).
    /// The distribution then has the shares of exp(mean) among the labels, and nothing is missing from it.
    Mean,
}

impl Normalize {
    /// Whether it is the sum, the default.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_sum(&self) -> bool {
        *self == Self::Sum
    }
}

/// How messages are converted to the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// The model's own chat template.
    #[default]
    Model,
    /// Plain text without a template, for base models and judges that were trained on plain text.
    Raw,
}

/// What the model is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ask {
    /// Write a text until the turn ends.
    Generate {
        /// How many alternatives of every token to report, if the label is read from them.
        top_logprobs: Option<u8>,
    },
    /// Report which of these labels continues the text, with the probability of each.
    Choose {
        /// The continuations, exactly as the model would write them.
        labels: Vec<String>,
    },
    /// Report the probability of each label at each of these places of the conversation: process rewards.
    ChooseAt {
        /// The labels, exactly as the model would write them.
        labels: Vec<String>,
        /// Places in the last turn, in characters from its start, ascending.
        places: Vec<usize>,
        /// Where not all places are in the last turn: the 0-based turn of each, ascending. A turn that the conversation
        /// does not have yet is the next one, and the place in it is 0.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        turns: Vec<usize>,
    },
    /// Report the probability of a given text, token by token: implicit rewards.
    Logprobs {
        /// The text after the conversation.
        of: String,
        /// Whether the reference model is asked in place of the model; see
        /// [`Referenced`](crate::backend::Referenced).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reference: bool,
    },
    /// Report the output of a reward head for the conversation. The answer's text is `Reward: NUMBER`.
    Reward,
    /// Report the output of a reward head at each of these places of the last turn: rewards of steps. The answer has a
    /// distribution over [`CORRECT`](crate::verdict::CORRECT) and [`INCORRECT`](crate::verdict::INCORRECT) for each.
    RewardAt {
        /// Places in the last turn, in characters from its start, ascending. The token that ends at a place is the one
        /// whose output counts.
        places: Vec<usize>,
    },
    /// Run Python code, and report what the last of these blocks prints. All blocks before it run first, in one
    /// interpreter, so that the answer follows from the request alone. No model answers it: a sandbox does.
    Run {
        /// The blocks, in order.
        blocks: Vec<String>,
    },
    /// Report whether an answer matches a reference: checks without a model.
    Compare {
        /// The answer.
        answer: String,
        /// The reference to compare it with.
        reference: String,
    },
}

/// The required format of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// JSON that fits this JSON schema.
    Schema(serde_json::Value),
}

impl Ask {
    /// The word in requests, keys and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Generate { .. } => "generate",
            Self::Choose { .. } => "choose",
            Self::ChooseAt { .. } => "choose_at",
            Self::Logprobs { .. } => "logprobs",
            Self::Reward => "reward",
            Self::RewardAt { .. } => "reward_at",
            Self::Run { .. } => "run",
            Self::Compare { .. } => "compare",
        }
    }

    /// The error for a model that cannot be asked this.
    #[cfg(any(feature = "command", feature = "llama", feature = "openai"))]
    pub(crate) fn unsupported_by(&self, model: &str) -> Error {
        let name = self.name();
        let error =
            Error::new(ErrorKind::Unsupported, format!("`{model}` cannot be asked `{name}`"));
        match self {
            Self::Reward | Self::RewardAt { .. } => error.hint(
                "use a GGUF with a reward head, or serve the reward model with vLLM or SGLang, and name it `vllm/MODEL` or `sglang/MODEL`",
            ),
            Self::Run { .. } => error.hint("put a sandbox around the model, which answers requests to run code"),
            _ => error.hint("use a model that can, or a prompt that reads its verdict out of a text"),
        }
    }
}

impl Request {
    /// A request for a text that answers these turns.
    pub fn generate(messages: Vec<Message>) -> Self {
        Self {
            messages,
            open: false,
            chat: Chat::Model,
            ask: Ask::Generate { top_logprobs: None },
            sampling: Sampling::default(),
            constraint: None,
            draw: 0,
            reask: 0,
            template: TemplateVariables::new(),
            alternatives: None,
            normalize: Normalize::Sum,
            deterministic: None,
        }
    }

    /// The same request with this sampling.
    #[must_use]
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// The same conversation with a question of another kind.
    #[must_use]
    pub fn ask(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    /// The conversation up to a place in one of its turns, given in characters from the start of that turn.
    #[cfg(any(feature = "llama", feature = "openai"))]
    pub(crate) fn up_to(&self, turn: usize, place: usize) -> Self {
        let mut messages = self.messages[..turn.min(self.messages.len())].to_vec();
        let begun = self.messages.get(turn).filter(|_| place > 0);
        messages.extend(begun.map(|message| message.up_to(place)));
        Self { messages, open: begun.is_some(), ..self.clone() }
    }

    /// The same question as another sample.
    #[must_use]
    pub fn draw(self, draw: u32) -> Self {
        Self { draw, ..self }
    }
}
