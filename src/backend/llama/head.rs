//! Reward heads: GGUF files whose model ends in a classifier (`pooling_type` 4, "rank").
//!
//! llama.cpp evaluates the head at the last token of a text, in a context of its own that returns no logits. Only
//! decoder architectures with classifier tensors have one: Qwen3, Qwen3-VL and Qwen3.5. For Qwen3 and Qwen3-VL it divides
//! the outputs by their sum (softmax), so that a head with a single output always gives 1 and carries no reward.

use llama_cpp_2::{
    context::{LlamaContext, params::LlamaPoolingType},
    llama_batch::LlamaBatch,
    model::LlamaModel,
    token::LlamaToken,
};

use super::{
    evaluator::{Shape, number},
    failed,
    header::Classifier,
    process::backend,
};
use crate::error::Result;

/// Architectures whose head llama.cpp evaluates, and whether it divides the outputs by their sum.
const HEADS: [(&str, bool); 3] = [("qwen3", true), ("qwen3vl", true), ("qwen35", false)];

/// Names of the output that means a good answer. Converters write those of the model; `LABEL_1` is the second of two
/// without names.
const POSITIVE: [&str; 8] =
    ["yes", "true", "correct", "good", "pass", "positive", "chosen", "label_1"];

/// How the outputs of a head become a reward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeadPlan {
    /// The names of the outputs; empty if there is one without a name.
    labels: Vec<String>,
    /// The output that means a good answer.
    positive: usize,
    /// Whether the outputs are divided by their sum already.
    is_softmaxed: bool,
}

impl HeadPlan {
    /// How the outputs of this classifier become a reward.
    ///
    /// # Errors
    /// They cannot; the text is the reason.
    pub(super) fn of(classifier: Option<&Classifier>) -> Result<Self, String> {
        let Some(Classifier { architecture, labels }) = classifier else {
            return Err("the file has no reward head: its `pooling_type` is not 4".into());
        };
        let known = HEADS.iter().find(|(name, _)| name == architecture);
        let Some((_, is_softmaxed)) = known.copied() else {
            return Err(format!(
                "llama.cpp evaluates no reward head of the architecture `{architecture}` here: only of qwen3, qwen3vl and qwen35"
            ));
        };
        if labels.len() < 2 {
            return if is_softmaxed {
                Err(format!(
                    "its head has one output, which llama.cpp divides by itself for `{architecture}`: the reward would always be 1"
                ))
            } else {
                Ok(Self { labels: labels.clone(), positive: 0, is_softmaxed })
            };
        }
        let is_positive = |label: &String| POSITIVE.contains(&label.to_lowercase().as_str());
        match labels.iter().position(is_positive) {
            Some(positive) => Ok(Self { labels: labels.clone(), positive, is_softmaxed }),
            None => Err(format!(
                "none of the outputs of its head ({}) is known to mean a good answer",
                labels.join(", ")
            )),
        }
    }

    /// Whether the head has one output.
    pub(super) fn has_one_output(&self) -> bool {
        self.labels.len() < 2
    }

    /// The reward: the only output, or the probability of the good one of several.
    ///
    /// # Errors
    /// There are other outputs than the file announces.
    fn reward(&self, outputs: &[f32]) -> Result<f64> {
        if outputs.len() != self.labels.len().max(1) {
            return Err(failed("the reward head returns another number of outputs than it has"));
        }
        let outputs: Vec<f64> = outputs.iter().map(|output| f64::from(*output)).collect();
        let own = outputs[self.positive];
        if outputs.len() == 1 || self.is_softmaxed {
            return Ok(own);
        }
        let most = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = outputs.iter().map(|output| (output - most).exp()).sum();
        Ok((own - most).exp() / total)
    }
}

/// The context of a reward head.
pub(super) struct Head<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    /// The most tokens in a call.
    most: usize,
    plan: HeadPlan,
}

impl<'m> Head<'m> {
    /// Creates the context.
    ///
    /// # Errors
    /// There is not enough memory.
    pub(super) fn new(model: &'m LlamaModel, shape: Shape, plan: HeadPlan) -> Result<Self> {
        let Shape { call, .. } = shape;
        let params = Shape { sequences: 1, ..shape }
            .params()
            .with_embeddings(true)
            .with_pooling_type(LlamaPoolingType::Rank);
        let context = model.new_context(backend()?, params).map_err(|cause| {
            failed("llama.cpp creates no context for the reward head").because(cause)
        })?;
        // llama.cpp may change it; exceeding the real number would abort the process.
        let most = context.n_batch().clamp(1, call) as usize;
        Ok(Self { context, batch: LlamaBatch::new(most, 1), most, plan })
    }

    /// The reward of a text: that after its last token. The caller has checked its length.
    ///
    /// # Errors
    /// llama.cpp failed.
    pub(super) fn reward(&mut self, tokens: &[LlamaToken]) -> Result<f64> {
        self.context.clear_kv_cache();
        for (n, piece) in tokens.chunks(self.most).enumerate() {
            self.batch.clear();
            for (position, token) in (n * self.most..).zip(piece) {
                // Every token is wanted: the head reads the last one of a call.
                self.batch
                    .add(*token, number(position), &[0], true)
                    .map_err(|cause| failed("a batch is too long").because(cause))?;
            }
            let done = self.context.decode(&mut self.batch);
            done.map_err(|cause| failed("llama.cpp failed to evaluate").because(cause))?;
        }
        let outputs = self.context.embeddings_seq_ith(0);
        let outputs =
            outputs.map_err(|cause| failed("the reward head returns nothing").because(cause))?;
        self.plan.reward(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(architecture: &str, labels: &[&str]) -> Result<HeadPlan, String> {
        let labels = labels.iter().map(ToString::to_string).collect();
        HeadPlan::of(Some(&Classifier { architecture: architecture.into(), labels }))
    }

    #[test]
    fn a_reward_is_the_probability_of_the_good_output() {
        let softmaxed = plan("qwen3", &["yes", "no"]).unwrap();
        assert!((softmaxed.reward(&[0.75, 0.25]).unwrap() - 0.75).abs() < 1e-6);
        let turned = plan("qwen3", &["No", "Yes"]).unwrap();
        assert!((turned.reward(&[0.75, 0.25]).unwrap() - 0.25).abs() < 1e-6);
        let raw = plan("qwen35", &["LABEL_0", "LABEL_1"]).unwrap();
        let expected = 1.0 / (1.0 + (-2.0_f64).exp());
        assert!((raw.reward(&[1.0, 3.0]).unwrap() - expected).abs() < 1e-6);
        assert!(raw.reward(&[1.0]).is_err());
    }

    #[test]
    fn a_single_output_is_a_reward_only_where_it_is_not_divided_by_itself() {
        assert!((plan("qwen35", &[]).unwrap().reward(&[-3.5]).unwrap() + 3.5).abs() < 1e-6);
        assert!(plan("qwen3", &[]).unwrap_err().contains("always be 1"));
    }

    #[test]
    fn what_cannot_be_a_reward_is_refused_with_the_reason() {
        assert!(HeadPlan::of(None).unwrap_err().contains("pooling_type"));
        assert!(plan("bert", &["yes", "no"]).unwrap_err().contains("`bert`"));
        assert!(plan("qwen3", &["a", "b"]).unwrap_err().contains("(a, b)"));
    }
}
