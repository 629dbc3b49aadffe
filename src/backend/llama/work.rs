//! Requests as tokens.
//!
//! A request is converted to tokens on the caller's thread, so the engine thread only evaluates. Errors of
//! templates and lengths never reach its queue.

use llama_cpp_2::token::LlamaToken;
use tokio::sync::oneshot;

use super::tree::Tree;
use crate::{completion::Completion, error::Result, request::Sampling};

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

/// Labels that may follow a prompt.
///
/// The last token of a prompt may be joined to the first one of a label (` A` is one token in many
/// vocabularies). The prompt therefore ends where the tokenizations with all labels still agree.
pub(super) struct Choice {
    /// The labels, as the model would write them.
    pub(super) labels: Vec<String>,
    /// The tokens that all continuations share.
    pub(super) prompt: Vec<LlamaToken>,
    /// The remaining tokens of each label; at least one.
    pub(super) endings: Vec<Vec<LlamaToken>>,
}

impl Work {
    /// The tokens before the answer.
    pub(super) fn prompt(&self) -> &[LlamaToken] {
        match self {
            Self::Write(Writing { prompt, .. }) | Self::Weigh { prompt, .. } => prompt,
            Self::Choose(choice) => &choice.prompt,
            Self::ChooseAt(choices) => choices.first().map_or(&[], |choice| &choice.prompt),
        }
    }

    /// The prompts that must be read.
    pub(super) fn prompts(&self) -> Vec<Vec<LlamaToken>> {
        match self {
            Self::ChooseAt(choices) => choices.iter().map(|choice| choice.prompt.clone()).collect(),
            Self::Write(_) | Self::Choose(_) | Self::Weigh { .. } => vec![self.prompt().to_vec()],
        }
    }

    /// How many tokens must be evaluated after the prompts because their own logits are needed: of labels and texts all
    /// but the last one.
    pub(super) fn weighed(&self) -> usize {
        let of_choice =
            |choice: &Choice| Tree::new(&choice.endings).inner().len().saturating_sub(1);
        match self {
            Self::Write(_) => 0,
            Self::Choose(choice) => of_choice(choice),
            Self::ChooseAt(choices) => choices.iter().map(of_choice).sum(),
            Self::Weigh { text, .. } => text.len().saturating_sub(1),
        }
    }

    /// The number of tokens in its longest text.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Write(Writing { prompt, .. }) => prompt.len(),
            Self::Choose(choice) => choice.longest(),
            Self::ChooseAt(choices) => choices.iter().map(Choice::longest).max().unwrap_or(0),
            Self::Weigh { prompt, text, .. } => prompt.len() + text.len(),
        }
    }
}

impl Choice {
    /// Labels after a prompt with the end `tail`; `endings` are the tokens of that end joined with each
    /// label.
    pub(super) fn new(
        labels: Vec<String>,
        mut prompt: Vec<LlamaToken>,
        tail: &[LlamaToken],
        mut endings: Vec<Vec<LlamaToken>>,
    ) -> Self {
        if endings.iter().any(Vec::is_empty) {
            // An empty label is weighed by the token before it.
            if let Some(last) = prompt.pop() {
                endings.iter_mut().for_each(|ending| ending.insert(0, last));
            }
        }
        // Tokens that all labels share belong to the labels and are weighed, so the prompt ends before them.
        let sure =
            |ending: &Vec<LlamaToken>| shared(tail, ending).min(ending.len().saturating_sub(1));
        let sure = endings.iter().map(sure).min().unwrap_or(0);
        prompt.extend_from_slice(&tail[..sure]);
        endings.iter_mut().for_each(|ending| drop(ending.drain(..sure)));
        Self { labels, prompt, endings }
    }

    /// The number of tokens of the prompt with its longest label.
    fn longest(&self) -> usize {
        self.prompt.len() + self.endings.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// The number of tokens that both lists begin with.
pub(super) fn shared(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().copied().map(LlamaToken).collect()
    }

    #[test]
    fn a_choice_begins_where_its_labels_do_and_leaves_each_a_token() {
        let choice = |tail: &[i32], endings: &[&[i32]]| {
            let labels = endings.iter().map(|ending| format!("{ending:?}")).collect();
            let endings = endings.iter().map(|ending| tokens(ending)).collect();
            Choice::new(labels, tokens(&[1, 2]), &tokens(tail), endings)
        };
        let plain = choice(&[3], &[&[3, 4, 7], &[3, 4, 6]]);
        assert_eq!(plain.prompt, tokens(&[1, 2, 3]), "what labels share is weighed");
        assert_eq!(plain.endings, [tokens(&[4, 7]), tokens(&[4, 6])]);
        let joined = choice(&[3, 9], &[&[3, 4], &[3, 9, 6]]);
        assert_eq!(joined.prompt, tokens(&[1, 2, 3]), "a label took the last token into its own");
        assert_eq!(joined.endings, [tokens(&[4]), tokens(&[9, 6])]);
        let empty = choice(&[], &[&[], &[5]]);
        assert_eq!(empty.prompt, tokens(&[1]));
        assert_eq!(empty.endings, [tokens(&[2]), tokens(&[2, 5])]);
    }
}
