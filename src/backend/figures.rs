//! What the engine of a model in this process has done, in numbers.

use std::time::Duration;

use serde::Serialize;

/// What the engine of a model has done since it was loaded.
///
/// `prompt_tokens_evaluated` close to `prompt_tokens_minimum` means that every beginning that prompts share was
/// evaluated once.
///
/// ```
/// use tribunal::backend::{Backend, Script};
///
/// assert!(Script::always("7").engine().is_none(), "only a model in this process has an engine");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EngineFigures {
    /// The number of answered requests.
    pub requests: u64,
    /// The tokens of all prompts.
    pub prompt_tokens: u64,
    /// Those of them that were evaluated; the others were in the cache.
    pub prompt_tokens_evaluated: u64,
    /// The fewest tokens that could have been evaluated: the tokens of the tree of all prompts, without those that the
    /// model wrote itself, and the tokens of labels and texts that were weighed after them. `None` if there were too
    /// many to count.
    pub prompt_tokens_minimum: Option<u64>,
    /// The tokens of all written texts.
    pub generated_tokens: u64,
    /// The calls of llama.cpp.
    pub decode_calls: u64,
    /// How many requests are answered at once.
    pub width: usize,
    /// The most tokens that were in the key-value cache at once.
    pub kv_cells_peak: usize,
    /// The memory of the key-value cache, in bytes.
    pub kv_bytes: u64,
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

    /// The tokens that went through the model: of prompts and of written texts.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens_evaluated + self.generated_tokens
    }

    /// The figures of a model that was loaded again, together with those of before: sums, and the larger peaks.
    #[cfg_attr(
        not(feature = "llama"),
        expect(dead_code, reason = "engines are part of the feature")
    )]
    pub(crate) fn and(self, later: &Self) -> Self {
        if self.decode_calls == 0 {
            return later.clone();
        }
        if later.decode_calls == 0 {
            return self;
        }
        let least = self.prompt_tokens_minimum.zip(later.prompt_tokens_minimum);
        Self {
            requests: self.requests + later.requests,
            prompt_tokens: self.prompt_tokens + later.prompt_tokens,
            prompt_tokens_evaluated: self.prompt_tokens_evaluated + later.prompt_tokens_evaluated,
            prompt_tokens_minimum: least.map(|(one, other)| one + other),
            generated_tokens: self.generated_tokens + later.generated_tokens,
            decode_calls: self.decode_calls + later.decode_calls,
            width: self.width.max(later.width),
            kv_cells_peak: self.kv_cells_peak.max(later.kv_cells_peak),
            kv_bytes: self.kv_bytes.max(later.kv_bytes),
            evaluating_seconds: self.evaluating_seconds + later.evaluating_seconds,
            busy_seconds: self.busy_seconds + later.busy_seconds,
        }
    }

    /// Adds the time of a call.
    #[cfg_attr(
        not(any(feature = "llama", test)),
        expect(dead_code, reason = "engines are part of the feature")
    )]
    pub(super) fn called(&mut self, took: Duration) {
        self.decode_calls += 1;
        self.evaluating_seconds += took.as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
