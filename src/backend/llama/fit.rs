//! What fits into memory: the key-value cache grows with every token of context and every sequence.

use llama_cpp_2::model::LlamaModel;

use super::KvType;

/// The longest context that is chosen by default, in tokens: memory grows with the length.
pub(super) const LARGEST_CONTEXT: u32 = 8_192;

/// The share of the available memory that sequences beyond the first may take by default.
const SHARE_OF_MEMORY: u64 = 8;

/// The most memory that sequences take by default, in bytes.
const MOST_MEMORY: u64 = 2 << 30;

/// The most sequences for which memory is looked for.
const MOST_SEQUENCES: u64 = 16;

/// The same on a GPU, where calls get slower with their width later.
const MOST_SEQUENCES_ON_GPU: u64 = 64;

/// The share of the free memory of GPUs that sequences may take by default.
const SHARE_OF_GPU: u64 = 2;

/// Contexts are not made shorter than this where memory is missing, in tokens.
pub(super) const SHORTEST: u32 = 2_048;

/// The most tokens in a call of llama.cpp.
pub(super) const LONGEST_CALL: u32 = 512;

/// Calls on a CPU are not made shorter than this, in tokens: the weights are read anew for every call.
const SHORTEST_CALL: u32 = 128;

/// Calls on a CPU are made shorter if their buffers would take more memory than this, in bytes, and more than one part
/// in [`SHARE_OF_WEIGHTS`] of the weights.
const BUFFERS: u64 = 32 << 20;

/// See [`BUFFERS`].
const SHARE_OF_WEIGHTS: u64 = 16;

/// The most tokens in a call on a CPU. llama.cpp reserves memory for every token of the longest call: for its logits,
/// one for each token of the vocabulary, and for its attention to all of the context in every head.
pub(super) fn longest_call(model: &LlamaModel, limit: u32) -> u32 {
    let vocabulary = u64::try_from(model.n_vocab()).unwrap_or(0);
    let heads = u64::from(model.n_head());
    call_within(vocabulary.max(heads * u64::from(limit)), model.size())
}

/// The most tokens in a call, for so many numbers of 4 bytes each for a token, and so many bytes of weights.
fn call_within(numbers: u64, weights: u64) -> u32 {
    let memory = BUFFERS.max(weights / SHARE_OF_WEIGHTS);
    let mut call = LONGEST_CALL;
    while call > SHORTEST_CALL && u64::from(call) * numbers * 4 > memory {
        call /= 2;
    }
    call
}

/// The memory of one token in the cache, in bytes: a key and a value in every layer.
///
/// It is computed from the header, so it is known without the weights.
pub(super) fn bytes_per_token(model: &LlamaModel, kv: KvType) -> u64 {
    let meta = |key: &str| model.meta_val_str(key).unwrap_or_default();
    let architecture = meta("general.architecture");
    let text = |key: &str| meta(&format!("{architecture}.{key}"));
    let number = |key: &str| text(key).parse::<u64>().ok();
    let layers = number("block_count").unwrap_or(1);
    let heads = number("attention.head_count").unwrap_or(1).max(1);
    let per_head = number("embedding_length").unwrap_or(0) / heads;
    let length = |key: &str| number(key).unwrap_or(per_head);
    let kv_heads = heads_of_all_layers(&text("attention.head_count_kv"), layers);
    let each =
        kv.bytes(length("attention.key_length")) + kv.bytes(length("attention.value_length"));
    kv_heads.unwrap_or(layers * heads) * each
}

/// The key-value heads of all layers together: the header has one number, or one for each layer.
fn heads_of_all_layers(text: &str, layers: u64) -> Option<u64> {
    match text.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => list.split(',').map(|heads| heads.trim().parse::<u64>().ok()).sum(),
        None => text.parse::<u64>().ok().map(|heads| heads * layers),
    }
}

/// The number of sequences of this length, in tokens, for which there is memory by default; at least 1. With layers on
/// GPUs, `gpu` is the memory that is free there.
pub(super) fn sequences(bytes_per_token: u64, limit: u32, gpu: Option<u64>) -> usize {
    let sequence = bytes_per_token.saturating_mul(u64::from(limit)).max(1);
    let on_cpu = || available_memory().map_or(MOST_MEMORY, |all| all / SHARE_OF_MEMORY);
    let (memory, most) = match gpu {
        Some(free) => (free / SHARE_OF_GPU, MOST_SEQUENCES_ON_GPU),
        None => (on_cpu().min(MOST_MEMORY), MOST_SEQUENCES),
    };
    usize::try_from((memory / sequence).clamp(1, most)).unwrap_or(1)
}

/// The available memory of this machine in bytes, if the system reports it.
pub(super) fn available_memory() -> Option<u64> {
    let report = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = report.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// What to try where there is no memory for so many sequences of this length: half of the sequences, then half of
/// the length. `None` if nothing smaller is useful.
pub(super) fn smaller((sequences, limit): (u32, u32)) -> Option<(u32, u32)> {
    if sequences > 1 {
        Some((sequences / 2, limit))
    } else if limit > SHORTEST {
        Some((1, (limit / 2).max(SHORTEST)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_given_up_before_length_and_length_ends_at_the_shortest() {
        let mut tried = vec![(6, 6_000)];
        while let Some(next) = smaller(tried[tried.len() - 1]) {
            tried.push(next);
        }
        assert_eq!(tried, [(6, 6_000), (3, 6_000), (1, 6_000), (1, 3_000), (1, 2_048)]);
        assert_eq!(smaller((1, 512)), None);
    }

    #[test]
    fn calls_are_shorter_where_their_buffers_would_be_large_beside_the_weights() {
        // Vocabularies of 16,032 and 49,152 tokens, and of 151,936 with small and large weights.
        assert_eq!(call_within(16_032, 32 << 20), 512);
        assert_eq!(call_within(49_152, 93 << 20), 128);
        assert_eq!(call_within(151_936, 400 << 20), 128);
        assert_eq!(call_within(151_936, 5 << 30), 512);
        // The attention to a context of 131,072 tokens in 32 heads.
        assert_eq!(call_within(131_072 * 32, 5 << 30), 128);
    }

    #[test]
    fn heads_may_differ_from_layer_to_layer() {
        assert_eq!(heads_of_all_layers("8", 4), Some(32));
        assert_eq!(heads_of_all_layers("[8, 0, 8, 4]", 4), Some(20));
        assert_eq!(heads_of_all_layers("", 4), None);
    }

    #[test]
    fn a_context_that_is_too_large_for_memory_leaves_one_sequence() {
        assert_eq!(sequences(1 << 20, u32::MAX, None), 1);
        assert_eq!(sequences(1, 1, None), 16);
    }

    #[test]
    fn sequences_on_a_gpu_take_half_of_what_is_free_there() {
        // 8,192 tokens of 128 KB each, as of a model with 8 billion weights.
        assert_eq!(sequences(128 << 10, 8192, Some(18 << 30)), 9);
        assert_eq!(sequences(128 << 10, 8192, Some(70 << 30)), 35);
        assert_eq!(sequences(23_040, 8192, Some(70 << 30)), 64);
        assert_eq!(sequences(128 << 10, 8192, Some(0)), 1);
    }
}
