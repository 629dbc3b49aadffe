//! The fewest tokens that an engine had to evaluate.

use std::collections::BTreeSet;

use llama_cpp_2::token::LlamaToken;

use crate::backend::choice::shared;

/// The texts that a model has read or written, to count the fewest tokens that it had to evaluate.
#[derive(Debug, Default)]
pub(super) struct Known {
    texts: BTreeSet<Vec<LlamaToken>>,
    /// The tokens of these texts.
    size: usize,
}

/// More tokens than this are not remembered: 32 MB.
const MOST_KNOWN: usize = 8 << 20;

impl Known {
    /// Adds a text. Returns how many of its tokens begin no earlier text; `None` if there are too many texts.
    pub(super) fn add(&mut self, text: Vec<LlamaToken>) -> Option<u64> {
        if self.size + text.len() > MOST_KNOWN {
            self.texts.clear();
            self.size = usize::MAX - MOST_KNOWN;
            return None;
        }
        // The texts that share most with it are its neighbours in order.
        let before = self.texts.range::<Vec<LlamaToken>, _>(..=&text).next_back();
        let after = self.texts.range::<Vec<LlamaToken>, _>(&text..).next();
        let same = [before, after].into_iter().flatten().map(|other| shared(other, &text));
        let new = text.len() - same.max().unwrap_or(0);
        if new > 0 {
            self.size += text.len();
            self.texts.insert(text);
        }
        Some(new as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_tokens_are_those_of_the_tree_of_all_texts() {
        let mut known = Known::default();
        let mut add = |ids: &[i32]| known.add(ids.iter().copied().map(LlamaToken).collect());
        assert_eq!(add(&[1, 2, 3, 4]), Some(4));
        assert_eq!(add(&[1, 2, 5]), Some(1));
        assert_eq!(add(&[1, 2]), Some(0));
        assert_eq!(add(&[1, 2, 3, 4]), Some(0));
        assert_eq!(add(&[1, 2, 3, 9, 9]), Some(2));
        assert_eq!(add(&[0]), Some(1));
    }

    #[test]
    fn too_many_texts_are_unknown_for_good() {
        let mut known = Known { size: MOST_KNOWN - 1, ..Known::default() };
        assert_eq!(known.add(vec![LlamaToken(1)]), Some(1));
        assert_eq!(known.add(vec![LlamaToken(2)]), None);
        assert_eq!(known.add(vec![LlamaToken(1)]), None);
    }
}
