//! What the engine needs of llama.cpp: sequences of tokens in a key-value cache, and calls that extend them.
//!
//! The engine works on the trait [`Evaluator`], so that its bookkeeping can be tested against a model of a few
//! lines.

use std::num::NonZeroU32;

use llama_cpp_2::{
    context::{
        LlamaContext,
        params::{KvCacheType, LlamaContextParams},
        session::{LlamaStateSeqFlags, SeqState},
    },
    llama_batch::LlamaBatch,
    model::{LlamaLoraAdapter, LlamaModel},
    token::LlamaToken,
};

use super::{FlashAttention, KvType, Lora, failed, process::backend};
use crate::error::{Error, ErrorKind, Result};

/// One token of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The token.
    pub(super) token: LlamaToken,
    /// Its position in its sequence, from 0.
    pub(super) position: usize,
    /// The number of its sequence, from 0.
    pub(super) sequence: usize,
    /// Whether the logits after it are needed.
    pub(super) wanted: bool,
}

/// On a CPU, the rest of a prompt that is cut at a multiple of this number has bitwise the same logits as in one piece:
/// the kernels of llama.cpp treat the last rows of a call in a different way. On a GPU the length of a call selects its
/// kernels, so that only whole calls are alike.
pub(super) const GRAIN: usize = 4;

/// A model with a key-value cache for a fixed number of sequences.
///
/// Positions of a sequence are evaluated in order, without gaps. In one call, the rows of a sequence stand
/// together, and the numbers of sequences ascend: llama.cpp would otherwise split the call.
pub(super) trait Evaluator {
    /// A copy of one sequence, outside of the cache.
    type Saved;

    /// How many sequences there are.
    fn sequences(&self) -> usize;

    /// The most tokens in a sequence.
    fn limit(&self) -> usize;

    /// The most tokens in a call.
    fn most(&self) -> usize;

    /// The number of tokens to a multiple of which a prompt may be cut without changing a bit of its logits: see
    /// [`GRAIN`].
    fn grain(&self) -> usize;

    /// Whether a call is quicker if it extends the same sequences as the one before: a GPU then repeats what it did.
    fn reuses_graphs(&self) -> bool;

    /// Evaluates these tokens.
    ///
    /// # Errors
    /// The call failed; the contents of the sequences concerned are unknown.
    fn evaluate(&mut self, rows: &[Row]) -> Result<()>;

    /// The logits after the n-th token of the last call, one for each token of the vocabulary. The token must
    /// have been `wanted`.
    fn logits(&self, n: usize) -> &[f32];

    /// Removes everything after the first `keep` tokens of a sequence. Returns whether the model can do this:
    /// a recurrent model can only be emptied.
    fn cut(&mut self, sequence: usize, keep: usize) -> bool;

    /// Empties a sequence.
    fn clear(&mut self, sequence: usize);

    /// Copies a sequence out of the cache; `None` if the model does not support it.
    fn save(&self, sequence: usize) -> Option<Self::Saved>;

    /// Copies a saved sequence into an empty one. Returns whether that succeeded.
    fn restore(&mut self, sequence: usize, saved: &Self::Saved) -> bool;

    /// Copies a sequence over another one. Returns whether that succeeded.
    fn copy(&mut self, from: usize, into: usize) -> bool;

    /// The size of a copy of a sequence, in bytes.
    fn bytes(&self, sequence: usize) -> usize;
}

/// The shape of a context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The most tokens in a sequence.
    pub(super) limit: u32,
    /// The number of sequences.
    pub(super) sequences: u32,
    /// The most tokens in a call, at least one for each sequence. Chunks of a prompt end at multiples of this number,
    /// so that a text is always evaluated in the same pieces.
    pub(super) call: u32,
    /// The number of threads.
    pub(super) threads: i32,
    /// The type of the numbers in the cache.
    pub(super) kv: KvType,
    /// Whether attention is computed in blocks; with `auto`, llama.cpp decides.
    pub(super) flash: FlashAttention,
    /// Whether layers are on a GPU.
    pub(super) is_on_gpu: bool,
}

impl Shape {
    /// What llama.cpp makes such a context of.
    pub(super) fn params(self) -> LlamaContextParams {
        let Self { limit, sequences, call, threads, kv, flash, is_on_gpu: _ } = self;
        LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(limit.saturating_mul(sequences)))
            .with_n_seq_max(sequences)
            .with_n_batch(call)
            .with_n_ubatch(call)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_flash_attention_policy(policy(flash))
            .with_type_k(cache_type(kv))
            .with_type_v(cache_type(kv))
            .with_no_perf(true)
    }
}

/// Whether attention is computed in blocks, for llama.cpp.
fn policy(flash: FlashAttention) -> i32 {
    match flash {
        FlashAttention::Auto => -1,
        FlashAttention::Off => 0,
        FlashAttention::On => 1,
    }
}

/// The type of the numbers in the cache, for llama.cpp.
fn cache_type(kv: KvType) -> KvCacheType {
    match kv {
        KvType::F32 => KvCacheType::F32,
        KvType::F16 => KvCacheType::F16,
        KvType::Bf16 => KvCacheType::BF16,
        KvType::Q8_0 => KvCacheType::Q8_0,
        KvType::Q5_1 => KvCacheType::Q5_1,
        KvType::Q5_0 => KvCacheType::Q5_0,
        KvType::Q4_1 => KvCacheType::Q4_1,
        KvType::Q4_0 => KvCacheType::Q4_0,
    }
}

/// A LoRA adapter that has been loaded for a model.
pub(super) struct Adapter {
    /// The adapter in llama.cpp.
    adapter: LlamaLoraAdapter,
    /// The factor of its changes.
    scale: f32,
}

impl Adapter {
    /// Reads the adapter from its file.
    ///
    /// # Errors
    /// llama.cpp cannot read the file, or its matrices do not fit those of the model.
    pub(super) fn load(model: &mut LlamaModel, lora: &Lora) -> Result<Self> {
        let adapter = model.lora_adapter_init(&lora.file).map_err(|cause| {
            let message = format!("llama.cpp cannot load the adapter `{}`", lora.file.display());
            Error::new(ErrorKind::Config, message)
                .because(cause)
                .hint("it must be a LoRA adapter of this very model, converted to GGUF")
        })?;
        Ok(Self { adapter, scale: lora.scale })
    }
}

/// A context of llama.cpp.
///
/// Every sequence has cells of its own ("streams"): on a CPU, sequences in one pool would slow each other
/// down.
pub(super) struct Context<'m> {
    inner: LlamaContext<'m>,
    /// The batch of the last call.
    batch: LlamaBatch<'static>,
    sequences: usize,
    limit: usize,
    most: usize,
    is_on_gpu: bool,
    /// Whether sequences were copied since the last call. llama.cpp copies them at the start of the next one, and until then
    /// their cells hold something else.
    has_copied: bool,
}

impl<'m> Context<'m> {
    /// Creates a context of this shape.
    ///
    /// # Errors
    /// There is not enough memory.
    pub(super) fn new(model: &'m LlamaModel, shape: Shape) -> Result<Self> {
        let Shape { sequences, call, is_on_gpu, .. } = shape;
        let context = model
            .new_context(backend()?, shape.params())
            .map_err(|cause| failed("llama.cpp creates no context").because(cause))?;
        // llama.cpp may change both numbers; exceeding the real ones would abort the process.
        let most = context.n_batch().clamp(1, call);
        let limit = context.n_ctx() / sequences.max(1);
        Ok(Self {
            inner: context,
            batch: LlamaBatch::new(most as usize, 1),
            sequences: sequences as usize,
            limit: limit as usize,
            most: most as usize,
            is_on_gpu,
            has_copied: false,
        })
    }

    /// Applies an adapter, which llama.cpp stores with its model.
    ///
    /// # Errors
    /// llama.cpp refuses it.
    pub(super) fn apply(&mut self, adapter: Adapter) -> Result<()> {
        let Adapter { mut adapter, scale } = adapter;
        let done = self.inner.lora_adapter_set(&mut adapter, scale);
        done.map_err(|cause| failed("llama.cpp refuses the LoRA adapter").because(cause))
    }
}

impl Evaluator for Context<'_> {
    type Saved = SeqState;

    fn sequences(&self) -> usize {
        self.sequences
    }

    fn limit(&self) -> usize {
        self.limit
    }

    fn most(&self) -> usize {
        self.most
    }

    fn grain(&self) -> usize {
        if self.is_on_gpu { self.most } else { GRAIN }
    }

    fn reuses_graphs(&self) -> bool {
        self.is_on_gpu
    }

    fn evaluate(&mut self, rows: &[Row]) -> Result<()> {
        self.batch.clear();
        for Row { token, position, sequence, wanted } in rows {
            self.batch
                .add(*token, number(*position), &[number(*sequence)], *wanted)
                .map_err(|cause| failed("a batch is too long").because(cause))?;
        }
        self.has_copied = false;
        let done = self.inner.decode(&mut self.batch);
        done.map_err(|cause| failed("llama.cpp failed to evaluate").because(cause))
    }

    fn logits(&self, n: usize) -> &[f32] {
        self.inner.get_logits_ith(number(n))
    }

    fn cut(&mut self, sequence: usize, keep: usize) -> bool {
        let from = u32::try_from(keep).unwrap_or(u32::MAX);
        self.inner.kv_cache_seq_rm(number(sequence), Some(from), None).is_ok()
    }

    fn clear(&mut self, sequence: usize) {
        // Removing a whole sequence never fails.
        let _ = self.inner.kv_cache_seq_rm(number(sequence), None, None);
    }

    fn save(&self, sequence: usize) -> Option<SeqState> {
        if self.has_copied {
            return None;
        }
        self.inner.state_seq_get(number(sequence), LlamaStateSeqFlags::empty()).ok()
    }

    fn restore(&mut self, sequence: usize, saved: &SeqState) -> bool {
        // A copy that waits could come over it.
        !self.has_copied && self.inner.state_seq_set(saved, number(sequence)).is_ok()
    }

    /// On a GPU, all cells are copied, there and at once. On a CPU that would take longer than to save and restore those
    /// which are used.
    fn copy(&mut self, from: usize, into: usize) -> bool {
        if self.is_on_gpu {
            self.has_copied = true;
            return self.inner.kv_cache_seq_cp(number(from), number(into), None, None).is_ok();
        }
        self.save(from).is_some_and(|saved| self.restore(into, &saved))
    }

    fn bytes(&self, sequence: usize) -> usize {
        self.inner.state_seq_get_size_ext(number(sequence), LlamaStateSeqFlags::empty())
    }
}

/// A number for llama.cpp.
pub(super) fn number(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
