//! What an engine has done, in numbers.

use std::{collections::BTreeSet, time::Duration};

use llama_cpp_2::token::LlamaToken;

use super::work::shared;

/// What the engine of a model has done since it was loaded.
///
/// `prompt_tokens_evaluated` close to `prompt_tokens_minimum` means that every beginning that prompts share was
/// evaluated once.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct EngineFigures {
    /// The number of answered requests.
    pub requests: u64,
    /// The tokens of all prompts.
    pub prompt_tokens: u64,
    /// Those of them that were evaluated; the others were in the cache.
    pub prompt_tokens_evaluated: u64,
    /// The fewest tokens that could have been evaluated: the tokens of the tree of all prompts. `None` if there
    /// were too many to count.
    pub prompt_tokens_minimum: Option<u64>,
    /// The tokens of all written texts.
    pub generated_tokens: u64,
    /// The calls of llama.cpp.
    pub decode_calls: u64,
    /// How many requests are answered at once.
    pub width: usize,
    /// The most tokens that were in the key-value cache at once.
    pub kv_cells_peak: usize,
    /// The time in llama.cpp, in seconds.
    pub evaluating_seconds: f64,
    /// The time of the engine in all, without waiting for requests, in seconds.
    pub busy_seconds: f64,
}

impl EngineFigures {
    /// The share of its time that the engine spends outside of llama.cpp; 0 before the first request.
    pub fn overhead(&self) -> f64 {
        if self.busy_seconds > 0.0 {
            (1.0 - self.evaluating_seconds / self.busy_seconds).max(0.0)
        } else {
            0.0
        }
    }

    /// Adds the time of a call.
    pub(super) fn called(&mut self, took: Duration) {
        self.decode_calls += 1;
        self.evaluating_seconds += took.as_secs_f64();
    }
}

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

    #[test]
    fn overhead_is_the_time_outside_of_llama_cpp() {
        let mut figures = EngineFigures::default();
        assert!(figures.overhead().abs() < 1e-12);
        figures.called(Duration::from_millis(900));
        figures.busy_seconds = 1.0;
        assert!((figures.overhead() - 0.1).abs() < 1e-9);
        assert_eq!(figures.decode_calls, 1);
    }
}
