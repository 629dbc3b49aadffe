//! Models of random weights, and the same models evaluated in plain Rust: one sequence, in one piece, in 64 bits.

#![cfg(feature = "llama")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "small sizes"
)]

pub(crate) mod gguf;

use std::path::{Path, PathBuf};

use self::gguf::{Meta, Tensor};

const EMBEDDING: usize = 32;
const HEADS: usize = 4;
const SHARED: usize = 2;
const HEAD: usize = 8;
const WIDE: usize = 64;
const LAYERS: usize = 2;
const CONTEXT: u32 = 1024;
const EPSILON: f64 = 1e-5;
const BASE: f64 = 10_000.0;

/// A tokenizer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Vocabulary {
    /// Byte-level BPE, as of GPT-2.
    Bytes,
    /// SentencePiece with a space before every text, and tokens for bytes.
    SentencePiece,
}

/// A model of random weights with the architecture of Qwen3.
pub(crate) struct RandomModel {
    vocabulary: Vocabulary,
    size: usize,
    tensors: Vec<Tensor>,
    /// The names of the outputs of a reward head; `None` without a head.
    outputs: Option<Vec<String>>,
    folder: tempfile::TempDir,
}

/// A vector of 64-bit numbers.
type Vector = Vec<f64>;

impl RandomModel {
    /// A language model.
    pub(crate) fn new(vocabulary: Vocabulary, seed: u64) -> Self {
        Self::with_head(vocabulary, seed, None)
    }

    /// A model with a reward head of these outputs; of one output without a name if there are none.
    pub(crate) fn with_head(vocabulary: Vocabulary, seed: u64, outputs: Option<&[&str]>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = tokens(vocabulary).0.len();
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: &[usize], spread: f32, around: f32| {
            let count: usize = shape.iter().product();
            let value = |_| around + spread * (random.f32() * 2.0 - 1.0);
            let values = (0..count).map(value).collect();
            tensors.push(Tensor { name, shape: shape.to_vec(), values });
        };
        add("token_embd.weight".into(), &[EMBEDDING, size], 1.0, 0.0);
        add("output.weight".into(), &[EMBEDDING, size], 0.8, 0.0);
        add("output_norm.weight".into(), &[EMBEDDING], 0.2, 1.0);
        for layer in 0..LAYERS {
            let mut block = |name: &str, shape: &[usize], spread, around| {
                add(format!("blk.{layer}.{name}.weight"), shape, spread, around);
            };
            block("attn_norm", &[EMBEDDING], 0.2, 1.0);
            block("attn_q", &[EMBEDDING, HEADS * HEAD], 0.4, 0.0);
            block("attn_k", &[EMBEDDING, SHARED * HEAD], 0.4, 0.0);
            block("attn_v", &[EMBEDDING, SHARED * HEAD], 0.4, 0.0);
            block("attn_output", &[HEADS * HEAD, EMBEDDING], 0.4, 0.0);
            block("attn_q_norm", &[HEAD], 0.2, 1.0);
            block("attn_k_norm", &[HEAD], 0.2, 1.0);
            block("ffn_norm", &[EMBEDDING], 0.2, 1.0);
            block("ffn_gate", &[EMBEDDING, WIDE], 0.3, 0.0);
            block("ffn_up", &[EMBEDDING, WIDE], 0.3, 0.0);
            block("ffn_down", &[WIDE, EMBEDDING], 0.3, 0.0);
        }
        if let Some(outputs) = outputs {
            add("cls.output.weight".into(), &[EMBEDDING, outputs.len().max(1)], 0.2, 0.0);
        }
        let outputs = outputs.map(|all| all.iter().map(ToString::to_string).collect());
        let folder = tempfile::tempdir().unwrap();
        let model = Self { vocabulary, size, tensors, outputs, folder };
        gguf::write(&model.path(), &model.keys(), &model.tensors);
        model
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("random.gguf")
    }

    fn keys(&self) -> Vec<(&'static str, Meta)> {
        let number = |number: usize| Meta::Number(number as u32);
        let text = |text: &str| Meta::Text(text.to_owned());
        let mut keys = vec![
            ("general.architecture", text("qwen3")),
            ("general.name", text("random")),
            ("qwen3.context_length", Meta::Number(CONTEXT)),
            ("qwen3.embedding_length", number(EMBEDDING)),
            ("qwen3.block_count", number(LAYERS)),
            ("qwen3.feed_forward_length", number(WIDE)),
            ("qwen3.attention.head_count", number(HEADS)),
            ("qwen3.attention.head_count_kv", number(SHARED)),
            ("qwen3.attention.key_length", number(HEAD)),
            ("qwen3.attention.value_length", number(HEAD)),
            ("qwen3.rope.dimension_count", number(HEAD)),
            ("qwen3.rope.freq_base", Meta::Real(BASE as f32)),
            ("qwen3.attention.layer_norm_rms_epsilon", Meta::Real(EPSILON as f32)),
        ];
        let (tokens, kinds) = tokens(self.vocabulary);
        keys.push(("tokenizer.ggml.token_type", Meta::Integers(kinds)));
        match self.vocabulary {
            Vocabulary::Bytes => keys.extend([
                ("tokenizer.ggml.model", text("gpt2")),
                ("tokenizer.ggml.pre", text("gpt-2")),
                ("tokenizer.ggml.merges", Meta::Texts(merges())),
                ("tokenizer.ggml.bos_token_id", number(tokens.len() - 3)),
                ("tokenizer.ggml.eos_token_id", number(tokens.len() - 1)),
                ("tokenizer.ggml.add_bos_token", Meta::Flag(false)),
                ("tokenizer.chat_template", text(CHAT_ML)),
            ]),
            Vocabulary::SentencePiece => {
                let score = |n: usize| -(n as f32);
                keys.extend([
                    ("tokenizer.ggml.model", text("llama")),
                    ("tokenizer.ggml.pre", text("default")),
                    ("tokenizer.ggml.scores", Meta::Reals((0..tokens.len()).map(score).collect())),
                    ("tokenizer.ggml.unknown_token_id", number(0)),
                    ("tokenizer.ggml.bos_token_id", number(1)),
                    ("tokenizer.ggml.eos_token_id", number(2)),
                    ("tokenizer.ggml.add_bos_token", Meta::Flag(true)),
                    ("tokenizer.ggml.add_space_prefix", Meta::Flag(true)),
                    ("tokenizer.chat_template", text(INST)),
                ]);
            }
        }
        keys.push(("tokenizer.ggml.tokens", Meta::Texts(tokens)));
        if let Some(outputs) = &self.outputs {
            keys.push(("qwen3.pooling_type", Meta::Number(4)));
            if !outputs.is_empty() {
                keys.push(("qwen3.classifier.output_labels", Meta::Texts(outputs.clone())));
            }
        }
        keys
    }

    fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("{name}"))
    }

    /// A matrix times a vector.
    fn times(&self, name: &str, vector: &[f64]) -> Vector {
        let rows = self.tensor(name).values.chunks(vector.len());
        let product = |row: &[f32]| row.iter().zip(vector).map(|(a, b)| f64::from(*a) * b).sum();
        rows.map(product).collect()
    }

    /// A vector divided by the root of its mean square, times the weights of a norm.
    fn norm(&self, name: &str, vector: &[f64]) -> Vector {
        let mean = vector.iter().map(|x| x * x).sum::<f64>() / vector.len() as f64;
        let scale = 1.0 / (mean + EPSILON).sqrt();
        let weights = &self.tensor(name).values;
        vector.iter().zip(weights).map(|(x, weight)| x * scale * f64::from(*weight)).collect()
    }

    /// The heads of a vector, normalized, and turned by their position.
    fn turned(&self, name: &str, vector: &[f64], position: usize) -> Vec<Vector> {
        let head = |head: &[f64]| {
            let normed = self.norm(name, head);
            let mut turned = normed.clone();
            for n in 0..HEAD / 2 {
                let angle = position as f64 * BASE.powf(-2.0 * n as f64 / HEAD as f64);
                let (a, b) = (normed[n], normed[n + HEAD / 2]);
                turned[n] = a * angle.cos() - b * angle.sin();
                turned[n + HEAD / 2] = a * angle.sin() + b * angle.cos();
            }
            turned
        };
        vector.chunks(HEAD).map(head).collect()
    }

    /// The last hidden state of each token of a sequence.
    fn hidden(&self, tokens: &[i32]) -> Vec<Vector> {
        let embedding = |token: &i32| -> Vector {
            let from = *token as usize * EMBEDDING;
            let row = &self.tensor("token_embd.weight").values[from..from + EMBEDDING];
            row.iter().map(|x| f64::from(*x)).collect()
        };
        let mut states: Vec<Vector> = tokens.iter().map(embedding).collect();
        for layer in 0..LAYERS {
            let name = |name: &str| format!("blk.{layer}.{name}.weight");
            let normed: Vec<Vector> =
                states.iter().map(|state| self.norm(&name("attn_norm"), state)).collect();
            let turned = |matrix: &str, norm: &str| -> Vec<Vec<Vector>> {
                let of = |(position, state): (usize, &Vector)| {
                    self.turned(&name(norm), &self.times(&name(matrix), state), position)
                };
                normed.iter().enumerate().map(of).collect()
            };
            let queries = turned("attn_q", "attn_q_norm");
            let keys = turned("attn_k", "attn_k_norm");
            let values: Vec<Vector> =
                normed.iter().map(|state| self.times(&name("attn_v"), state)).collect();
            for (position, state) in states.iter_mut().enumerate() {
                let mut attended = Vec::new();
                for (head, query) in queries[position].iter().enumerate() {
                    let shared = head * SHARED / HEADS;
                    attended.extend(attention(query, &keys[..=position], &values, shared));
                }
                let out = self.times(&name("attn_output"), &attended);
                state.iter_mut().zip(out).for_each(|(x, add)| *x += add);
                let normed = self.norm(&name("ffn_norm"), state);
                let gate = self.times(&name("ffn_gate"), &normed);
                let up = self.times(&name("ffn_up"), &normed);
                let silu = |x: f64| x / (1.0 + (-x).exp());
                let inner: Vector = gate.iter().zip(up).map(|(g, u)| silu(*g) * u).collect();
                let out = self.times(&name("ffn_down"), &inner);
                state.iter_mut().zip(out).for_each(|(x, add)| *x += add);
            }
        }
        states.iter().map(|state| self.norm("output_norm.weight", state)).collect()
    }

    /// The natural-log probability of each token of a sequence after those before it; the first one has none.
    pub(crate) fn logprobs(&self, tokens: &[i32]) -> Vec<f64> {
        let states = self.hidden(tokens);
        let logprob = |(state, next): (&Vector, &i32)| {
            let logits = self.times("output.weight", state);
            assert_eq!(logits.len(), self.size);
            log_softmax(&logits)[*next as usize]
        };
        states.iter().zip(&tokens[1..]).map(logprob).collect()
    }

    /// The outputs of the reward head after a sequence, as shares.
    pub(crate) fn outputs(&self, tokens: &[i32]) -> Vector {
        let states = self.hidden(tokens);
        let outputs = self.times("cls.output.weight", states.last().unwrap());
        log_softmax(&outputs).into_iter().map(f64::exp).collect()
    }
}

/// The values of all tokens so far, weighted by how well their keys fit a query.
fn attention(query: &[f64], keys: &[Vec<Vector>], values: &[Vector], shared: usize) -> Vector {
    let dot = |key: &Vec<Vector>| -> f64 {
        let product = query.iter().zip(&key[shared]).map(|(a, b)| a * b).sum::<f64>();
        product / (HEAD as f64).sqrt()
    };
    let scores: Vector = keys.iter().map(dot).collect();
    let mut attended = vec![0.0; HEAD];
    for (weight, value) in log_softmax(&scores).into_iter().map(f64::exp).zip(values) {
        let own = &value[shared * HEAD..(shared + 1) * HEAD];
        attended.iter_mut().zip(own).for_each(|(sum, x)| *sum += weight * x);
    }
    attended
}

fn log_softmax(logits: &[f64]) -> Vector {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total = logits.iter().map(|logit| (logit - most).exp()).sum::<f64>().ln() + most;
    logits.iter().map(|logit| logit - total).collect()
}

const CHAT_ML: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const INST: &str = "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

/// The pairs that are joined, the first ones first.
fn merges() -> Vec<String> {
    let pairs = [
        "Ġ a", "Ġ t", "Ġt h", "Ġth e", "Y e", "Ye s", "Ġ Yes", "N o", "Ġ No", "i s", "Ġ is", "Ġ =",
        "Ċ Ċ", "s t", "st e", "ste p", ". Ċ",
    ];
    pairs.map(ToOwned::to_owned).to_vec()
}

/// All tokens, and the kind of each: 1 text, 2 unknown, 3 control, 6 a byte.
fn tokens(vocabulary: Vocabulary) -> (Vec<String>, Vec<i32>) {
    let mut all: Vec<(String, i32)> = Vec::new();
    match vocabulary {
        Vocabulary::Bytes => {
            all.extend((0..=255).map(|byte| (symbol(byte).to_string(), 1)));
            all.extend(merges().into_iter().map(|pair| (pair.replace(' ', ""), 1)));
            let control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
            all.extend(control.map(|name| (name.to_owned(), 3)));
        }
        Vocabulary::SentencePiece => {
            all.extend([("<unk>", 2), ("<s>", 3), ("</s>", 3)].map(|(n, k)| (n.to_owned(), k)));
            all.extend((0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), 6)));
            // The first ones have the highest scores, and are joined first.
            let pieces = ["Ye", "Yes", "▁Yes", "No", "▁No", "▁a", "th", "▁th", "▁the", "is", "▁is"];
            all.extend(pieces.map(|piece| (piece.to_owned(), 1)));
            all.push(("▁".to_owned(), 1));
            all.extend((33..127_u8).map(|letter| (char::from(letter).to_string(), 1)));
        }
    }
    all.into_iter().unzip()
}

/// The character that stands for a byte in vocabularies of GPT-2: itself if it is visible, otherwise one from U+0100 on.
fn symbol(byte: u8) -> char {
    let is_visible = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    if is_visible(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|other| !is_visible(*other)).count() as u32;
    char::from_u32(0x100 + before).unwrap()
}

/// The model `tiny` with its matrices in Q5_0, in this folder.
#[cfg(feature = "tiny")]
pub(crate) fn tiny_in_q5(folder: &Path) -> PathBuf {
    let path = folder.join("tiny-q5_0.gguf");
    gguf::quantized(include_bytes!("../../../models/tiny.gguf"), &path);
    path
}
