//! Labels that are weighed after a prompt, in tokens.

use super::tree::Tree;
use crate::{completion::Distribution, request::Normalize};

/// Labels that may follow a prompt.
///
/// The last token of a prompt may be joined to the first one of a label (` A` is one token in many
/// vocabularies). The prompt therefore ends where the tokenizations with all labels still agree.
pub(super) struct Choice<T> {
    /// The labels, as the model would write them.
    pub(super) labels: Vec<String>,
    /// The tokens that all continuations share.
    pub(super) prompt: Vec<T>,
    /// The remaining tokens of each label; at least one.
    pub(super) endings: Vec<Vec<T>>,
    /// How the log-probabilities of the tokens of a label become one number.
    pub(super) normalize: Normalize,
}

impl<T: Copy + PartialEq> Choice<T> {
    /// Labels after a prompt with the end `tail`; `endings` are the tokens of that end joined with each
    /// label.
    pub(super) fn new(
        labels: Vec<String>,
        mut prompt: Vec<T>,
        tail: &[T],
        mut endings: Vec<Vec<T>>,
    ) -> Self {
        if endings.iter().any(Vec::is_empty) {
            // An empty label is weighed by the token before it.
            if let Some(last) = prompt.pop() {
                endings.iter_mut().for_each(|ending| ending.insert(0, last));
            }
        }
        // Tokens that all labels share belong to the labels and are weighed, so the prompt ends before them.
        let sure = |ending: &Vec<T>| shared(tail, ending).min(ending.len().saturating_sub(1));
        let sure = endings.iter().map(sure).min().unwrap_or(0);
        prompt.extend_from_slice(&tail[..sure]);
        endings.iter_mut().for_each(|ending| drop(ending.drain(..sure)));
        Self { labels, prompt, endings, normalize: Normalize::Sum }
    }

    /// The distribution over the labels, given their weighed tree.
    pub(super) fn distribution(&self, tree: &Tree<T>) -> Distribution {
        let shares = match self.normalize {
            Normalize::Sum => tree.probabilities(),
            Normalize::Mean => tree.shares_by_mean(),
        };
        Distribution::new(self.labels.iter().cloned().zip(shares).collect())
    }

    /// The number of tokens of the prompt with its longest label.
    #[cfg(feature = "llama")]
    pub(super) fn longest(&self) -> usize {
        self.prompt.len() + self.endings.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// The number of tokens that both lists begin with.
///
/// A plain loop: every waiting request is compared with every sequence, and without optimization a chain of iterators
/// took a seventh of the time of a run.
pub(super) fn shared<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let end = a.len().min(b.len());
    let mut same = 0;
    while same < end && a[same] == b[same] {
        same += 1;
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_begins_where_its_labels_do_and_leaves_each_a_token() {
        let choice = |tail: &[i32], endings: &[&[i32]]| {
            let labels = endings.iter().map(|ending| format!("{ending:?}")).collect();
            let endings = endings.iter().map(|ending| ending.to_vec()).collect();
            Choice::new(labels, vec![1, 2], tail, endings)
        };
        let plain = choice(&[3], &[&[3, 4, 7], &[3, 4, 6]]);
        assert_eq!(plain.prompt, [1, 2, 3], "what labels share is weighed");
        assert_eq!(plain.endings, [vec![4, 7], vec![4, 6]]);
        let joined = choice(&[3, 9], &[&[3, 4], &[3, 9, 6]]);
        assert_eq!(joined.prompt, [1, 2, 3], "a label took the last token into its own");
        assert_eq!(joined.endings, [vec![4], vec![9, 6]]);
        let empty = choice(&[], &[&[], &[5]]);
        assert_eq!(empty.prompt, [1]);
        assert_eq!(empty.endings, [vec![2], vec![2, 5]]);
    }
}
